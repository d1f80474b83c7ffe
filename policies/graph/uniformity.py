"""Whether every tenant is declared like every other, but for what is meant to differ.

The template is what most tenants have, resource by resource and field by field, with the tenant's id taken out. A
suspended tenant lacks what lets its roles act.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.graph.resources import Resource, ResourceGraph

COMPONENT: Final = "videxa:snowflake:Organization"
TENANT: Final = "{tenant}"

#: In place of a field: that there is such a resource at all.
EXISTENCE: Final = ""

#: Setting → the fields that it decides, as the resource's kind and the input's name; after the kind there may be the
#: resource's name, where not all of that kind are meant. Each stands in the tenant's row too, as `… AS WAREHOUSE_SIZE`;
#: one without a field stands there alone.
SETTINGS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "warehouse_size": (("Warehouse", "warehouseSize"),),
    "auto_suspend_seconds": (("Warehouse", "autoSuspend"),),
    "monthly_credits": (("ResourceMonitor", "creditQuota"),),
    "retention_days": (("Database", "dataRetentionTimeInDays"),),
    "monthly_cortex_tokens": (),
    "models": (("GrantApplicationRole", EXISTENCE),),
    # What a suspended tenant's roles lack, and the row that says so.
    "suspended": tuple(
        (what, EXISTENCE)
        for what in (
            f"GrantDatabaseRole {TENANT}-write-in-application",
            f"GrantDatabaseRole {TENANT}-read-in-analyst",
            f"GrantDatabaseRole {TENANT}-use-in-administrator",
            f"GrantPrivilegesToAccountRole {TENANT}_WH-application",
            f"GrantPrivilegesToAccountRole {TENANT}_WH-analyst",
            f"GrantPrivilegesToAccountRole {TENANT}_WH-administrator",
            f"GrantAccountRole {TENANT}_APP-cortex",
            "GrantApplicationRole",
            f"Execute {TENANT}-suspended",
        )
    ),
}

_Key = tuple[str, str]
#: What every suspended tenant has and no other: its row's status.
_SUSPENDED: Final[tuple[str, str]] = ("Execute", f"{TENANT}-suspended")
_Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """That a tenant's resource is not the template's; `resource` is its logical name."""

    tenant: str
    resource: str
    found: str


def tenants(graph: ResourceGraph) -> dict[str, list[Resource]]:
    """Each tenant's resources, the tenant being the name of the component that they stand under."""
    parents = {resource.urn: resource for resource in graph.resources}
    found: dict[str, list[Resource]] = {resource.name: [] for resource in graph.resources if resource.type == COMPONENT}
    for resource in graph.resources:
        above = parents.get(resource.parent)
        while above is not None and above.type != COMPONENT:
            above = parents.get(above.parent)
        if above is not None:
            found[above.name].append(resource)
    return found


def differences(graph: ResourceGraph, exceptions: Mapping[str, Collection[str]] | None = None) -> list[Difference]:
    """Every difference between a tenant and the template, in order.

    `exceptions` names for a tenant the settings of `SETTINGS` that are its own. Raises ValueError for a setting that
    decides no field, since it would then excuse nothing.
    """
    excused = {tenant: set(settings) for tenant, settings in (exceptions or {}).items()}
    for tenant, settings in excused.items():
        for setting in sorted(settings - SETTINGS.keys()):
            raise ValueError(f"{tenant}: {setting!r} is no setting of a tenant; there are {', '.join(SETTINGS)}")
    known = {
        tenant: {_key(resource, tenant): _fields(graph, resource, tenant) for resource in resources}
        for tenant, resources in tenants(graph).items()
    }
    suspended = {tenant for tenant in known if _SUSPENDED in known[tenant]}
    for tenant in suspended:
        excused.setdefault(tenant, set()).add("suspended")
    # What a suspended one lacks, the others have: they are the template, as long as there are any.
    active = {tenant: own for tenant, own in known.items() if tenant not in suspended}
    template = _template(active or known, excused)
    return [difference for tenant in sorted(known) for difference in _compare(tenant, known[tenant], template, excused)]


def _template(
    known: Mapping[str, Mapping[_Key, _Fields]], excused: Mapping[str, set[str]]
) -> dict[_Key, dict[str, str | None]]:
    """What most tenants have; of two that are as frequent, the first tenant's. None stands for a field left out."""
    keys: Counter[_Key] = Counter(key for tenant in sorted(known) for key in known[tenant])
    template: dict[_Key, dict[str, str | None]] = {}
    for key, count in keys.items():
        if 2 * count < len(known):
            continue
        having = [tenant for tenant in sorted(known) if key in known[tenant]]
        fields = sorted({field for tenant in having for field in known[tenant][key]})
        template[key] = {}
        for field in fields:
            votes = Counter(
                known[tenant][key].get(field)
                for tenant in having
                if not _is_excused(key, field, excused.get(tenant, set()))
            )
            if votes:
                template[key][field] = votes.most_common(1)[0][0]
    return template


def _compare(
    tenant: str,
    own: Mapping[_Key, _Fields],
    template: Mapping[_Key, Mapping[str, str | None]],
    excused: Mapping[str, set[str]],
) -> Iterator[Difference]:
    settings = excused.get(tenant, set())
    for key in sorted(template.keys() - own.keys()):
        if _is_excused(key, EXISTENCE, settings):
            continue
        yield Difference(tenant, key[1].replace(TENANT, tenant), f"{key[0]} is missing: the other tenants have it")
    for key in sorted(own.keys() - template.keys()):
        if _is_excused(key, EXISTENCE, settings):
            continue
        yield Difference(tenant, key[1].replace(TENANT, tenant), f"{key[0]} is this tenant's alone")
    for key in sorted(own.keys() & template.keys()):
        for field, common in template[key].items():
            mine = own[key].get(field)
            # Nearly all are the same to the letter: what is excused is looked into for the rest alone.
            if mine == common or _is_excused(key, field, settings):
                continue
            if _without(mine, settings) == _without(common, settings):
                continue
            yield Difference(
                tenant,
                key[1].replace(TENANT, tenant),
                f"{key[0]}'s {field} is {_shown(mine)}, the other tenants' {_shown(common)}",
            )


def _is_excused(key: _Key, field: str, settings: set[str]) -> bool:
    kind, name = key
    return any((what, field) in SETTINGS[setting] for setting in settings for what in (kind, f"{kind} {name}"))


def _without(value: str | None, settings: set[str]) -> str | None:
    """A value without what a statement says of excused settings, such as `'LARGE' AS WAREHOUSE_SIZE`."""
    if value is None:
        return None
    for setting in settings:
        value = re.sub(rf"(?:'[^']*'|[^\s,']+) AS {setting.upper()}\b", f"AS {setting.upper()}", value)
    return value


def _key(resource: Resource, tenant: str) -> _Key:
    return resource.kind, resource.name.replace(tenant, TENANT)


def _fields(graph: ResourceGraph, resource: Resource, tenant: str) -> _Fields:
    """A resource's inputs as text, field by field, and the role that makes it."""
    fields: dict[str, Any] = {**resource.inputs, "provider's role": graph.provider_role(resource)}
    return {
        field: json.dumps(value, sort_keys=True, ensure_ascii=False).replace(tenant, TENANT)
        for field, value in fields.items()
    }


def _shown(value: str | None) -> str:
    if value is None:
        return "not set"
    return value if len(value) <= 160 else f"{value[:157]}…"
