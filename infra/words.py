"""What a resource is called where a person reads it: in plans, and as a key of the settings."""

from __future__ import annotations


def kind_of(type_: str) -> str:
    """A resource type as a person says it: `snowflake:index/table:Table` is `snowflake Table`."""
    package, _, rest = type_.partition(":")
    name = type_.rsplit(":", 1)[-1]
    if package == "pulumi":
        return {"pulumi:pulumi:Stack": "stack"}.get(type_, f"provider {rest.removeprefix('providers:')}")
    module = rest.split(":")[0].split("/")[0]
    return f"{package} {name}" if module in {"index", ""} else f"{package} {module} {name}"


def called(type_: str, name: str) -> str:
    """A resource by its kind and logical name, as a plan tells it: `snowflake Table HCS0001-CONVERSATIONS`."""
    return f"{kind_of(type_)} {name}"
