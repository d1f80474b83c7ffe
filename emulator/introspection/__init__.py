"""What the installed SDK packages say of each resource type: its inputs, their types, its outputs.

The published Python SDKs (`pulumi_snowflake`, `pulumi_azure_native`, `pulumi_random`, `pulumi_tls`) carry
the types of every resource in their classes. `type_spec` reads them, one type at a time, so that the
embedded clouds refuse what the real providers refuse without a list of their own.
"""

from emulator.introspection.kept import keep_in
from emulator.introspection.specification import (
    Kind,
    ObjectType,
    PropertySpec,
    TypeSpec,
    ValueType,
    provider_spec,
    resource_types,
    type_spec,
)
from emulator.introspection.validation import decode_provider_inputs, validate

__all__ = [
    "Kind",
    "ObjectType",
    "PropertySpec",
    "TypeSpec",
    "ValueType",
    "decode_provider_inputs",
    "keep_in",
    "provider_spec",
    "resource_types",
    "type_spec",
    "validate",
]
