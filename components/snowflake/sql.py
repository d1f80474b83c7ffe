"""Names and literals inside SQL text."""

from __future__ import annotations

import pulumi


def quoted(*parts: pulumi.Input[str]) -> pulumi.Output[str]:
    """A qualified identifier, each part quoted: `"DB"."SCHEMA"`. Known in a preview where its parts are."""
    # Not Output.concat, which makes outputs of the quotation marks too.
    return pulumi.Output.all(*parts).apply(lambda known: '"' + '"."'.join(known) + '"')


def literal(value: str | int) -> str:
    """`value` as a SQL literal."""
    return str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
