"""Names that a preview does not know yet, found by where they come from.

In a new stack a grant names a role by an output that stands only after the role does. The engine tells of which
resources an input is made: where exactly one of the kind that belongs there is among them, its declared name is meant.
Where there is none, or several, the name stays unknown, and what needs it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from policies.graph.resources import UNKNOWN, Resource, ResourceGraph, Unknown

_ACCOUNT_ROLE: Final = ("snowflake:AccountRole",)
_DATABASE_ROLE: Final = ("snowflake:DatabaseRole",)
_USER: Final = ("snowflake:User", "snowflake:ServiceUser", "snowflake:LegacyServiceUser")
_PROVIDER: Final = "pulumi:providers:snowflake"

#: Kind → input → short types of the resource that it names.
_NAMES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "GrantAccountRole": {"roleName": _ACCOUNT_ROLE, "parentRoleName": _ACCOUNT_ROLE, "userName": _USER},
    "GrantDatabaseRole": {
        "databaseRoleName": _DATABASE_ROLE,
        "parentDatabaseRoleName": _DATABASE_ROLE,
        "parentRoleName": _ACCOUNT_ROLE,
    },
    "GrantOwnership": {"accountRoleName": _ACCOUNT_ROLE, "databaseRoleName": _DATABASE_ROLE},
    "GrantPrivilegesToAccountRole": {"accountRoleName": _ACCOUNT_ROLE},
    "GrantPrivilegesToDatabaseRole": {"databaseRoleName": _DATABASE_ROLE},
}


def resolved(graph: ResourceGraph) -> ResourceGraph:
    """The graph with every name filled in that can be told by where it comes from."""
    return ResourceGraph(_resolved(graph, resource) for resource in graph.resources)


def _resolved(graph: ResourceGraph, resource: Resource) -> Resource:
    if resource.type == _PROVIDER:
        names: Mapping[str, tuple[str, ...]] = {"role": _ACCOUNT_ROLE}
    elif resource.type.startswith("snowflake:"):
        names = _NAMES.get(resource.kind, {})
    else:
        return resource
    found = {
        field: _named(graph, resource, field, types)
        for field, types in names.items()
        if isinstance(resource.inputs.get(field), Unknown)
    }
    return replace(resource, inputs={**resource.inputs, **found}) if found else resource


def _named(graph: ResourceGraph, resource: Resource, field: str, types: tuple[str, ...]) -> Any:
    source = graph.source(resource, field, *types)
    if source is None:
        return UNKNOWN
    parts = [source.inputs.get("name")]
    if types == _DATABASE_ROLE:
        parts.insert(0, source.inputs.get("database"))
    if any(not isinstance(part, str) or isinstance(part, Unknown) for part in parts):
        return UNKNOWN
    return ".".join(f'"{part}"' for part in parts) if len(parts) > 1 else parts[0]


def role_of_provider(graph: ResourceGraph, resource: Resource) -> str:
    """The role as which a resource is made; UNKNOWN where that cannot be told, empty where nothing says it."""
    provider = graph.by_urn.get(resource.provider.rpartition("::")[0])
    role = provider.inputs.get("role") if provider is not None else None
    if provider is not None and isinstance(role, Unknown):
        role = _named(graph, provider, "role", _ACCOUNT_ROLE)
    return role if isinstance(role, str) else ""
