"""The facts of each resource type, taken from terraform-provider-snowflake.

A type named here has its rules in full; for a property that its rules leave out, and for a type that is not
named, the SDK's own descriptions are read (see `emulator.snowflake.rules.described`). The types of `families` are
known by their family alone.
"""

from __future__ import annotations

from emulator.snowflake.rules.catalogue import (
    accounts,
    applications,
    code,
    databases,
    external,
    families,
    grants,
    integrations,
    policies,
    security,
    stages,
    streams,
    tables,
    tasks,
    users,
    warehouses,
)
from emulator.snowflake.rules.rule import TypeRules

_THOROUGH: dict[str, TypeRules] = {
    class_name: rules
    for module in (
        accounts,
        applications,
        code,
        databases,
        external,
        grants,
        integrations,
        policies,
        security,
        stages,
        streams,
        tables,
        tasks,
        users,
        warehouses,
    )
    for class_name, rules in module.RULES.items()
}
_RULES: dict[str, TypeRules] = {**families.RULES, **_THOROUGH}


def rules_of(token: str) -> TypeRules | None:
    """The rules of a type token (`snowflake:index/warehouse:Warehouse`), or None where only descriptions speak."""
    return _RULES.get(token.rsplit(":", 1)[-1])


def thorough_types() -> frozenset[str]:
    """The class names of the types with rules of their own."""
    return frozenset(_THOROUGH)
