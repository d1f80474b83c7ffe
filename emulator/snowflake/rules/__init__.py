"""The rules of the Snowflake provider: what `check` refuses and what becomes of a change.

They follow terraform-provider-snowflake (2.17 as recorded in `tests/conformance`, with the properties that the
installed SDK adds) and the Terraform bridge: `rule` holds the words, `catalogue` the facts by resource type,
`described` what the SDK's descriptions say of all others, `model` joins them with the introspected types.
Nothing here touches the account.
"""

from emulator.snowflake.rules.checking import check, is_automatic_name
from emulator.snowflake.rules.diffing import diff

__all__ = ["check", "diff", "is_automatic_name"]
