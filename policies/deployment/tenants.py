"""Tenants: none reaches another's data, and all are alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.graph.isolation import Reach, Rules
from policies.graph.resolved import resolved
from policies.graph.resources import Resource, ResourceGraph, Unknown
from policies.graph.uniformity import SETTINGS, differences, tenants
from policies.policy import TEXTS, Breach, Parameter, Parameters, Policy, Severity

#: Inputs that the isolation of tenants is computed from, by kind; what else is unknown does not matter to it.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "AccountRole": ("name",),
    "Database": ("name",),
    "DatabaseRole": ("database", "name"),
    "Execute": ("execute",),
    "FunctionPython": ("database", "schema", "name"),
    "GrantAccountRole": ("roleName", "parentRoleName", "userName"),
    "GrantDatabaseRole": ("databaseRoleName", "parentDatabaseRoleName", "parentRoleName", "shareName"),
    "GrantOwnership": ("accountRoleName", "databaseRoleName", "on"),
    "GrantPrivilegesToAccountRole": (
        *("accountRoleName", "privileges", "allPrivileges"),
        *("onAccount", "onAccountObject", "onSchema", "onSchemaObject"),
    ),
    "GrantPrivilegesToDatabaseRole": (
        *("databaseRoleName", "privileges", "allPrivileges"),
        *("onDatabase", "onSchema", "onSchemaObject"),
    ),
    "ProcedurePython": ("database", "schema", "name", "executeAs"),
    "ProcedureSql": ("database", "schema", "name", "executeAs"),
    "Schema": ("database", "name"),
    "ServiceUser": ("name",),
    "Table": ("database", "schema", "name"),
    "Task": ("database", "schema", "name"),
    "User": ("name",),
    "View": ("database", "schema", "name", "statement"),
    "Warehouse": ("name",),
}


def _isolated(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    known = graph.once(resolved)
    for resource in known.snowflake():
        for field in _NEEDED.get(resource.kind, ()):
            if _is_unknown(resource.inputs.get(field)):
                yield Breach(resource.urn, f"not judged: {field} is not known before the run", unknown=True)
    for resource in known.of_types("pulumi:providers:Snowflake", "pulumi:providers:snowflake"):
        if _is_unknown(resource.inputs.get("role")):
            yield Breach(resource.urn, "not judged: role is not known before the run", unknown=True)
    rules = Rules(
        tenant=re.compile(parameters["tenant"]),
        no_content=re.compile(parameters["no_content"]),
        platform_roles={role: frozenset(privileges) for role, privileges in parameters["platform_roles"].items()},
        administrators=tuple(parameters["administrators"]),
        platform_users=tuple(parameters["platform_users"]),
    )
    for finding in Reach(known, rules).findings():
        yield Breach("", f"{finding.rule}: {finding.found}")


def _is_unknown(value: Any) -> bool:
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Mapping):
        return any(_is_unknown(inner) for inner in value.values())
    return isinstance(value, list) and any(_is_unknown(inner) for inner in value)


def _uniform(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    known = graph.once(resolved)
    own = tenants(known)
    urns = {(tenant, resource.name): resource.urn for tenant, found in own.items() for resource in found}
    for tenant, found in own.items():
        for resource in found:
            for field, value in resource.inputs.items():
                if len(own) > 1 and _is_unknown(value):
                    yield Breach(
                        resource.urn, f"not judged: {field} of {tenant} is not known before the run", unknown=True
                    )
    exceptions = {
        tenant: sorted(settings | set(parameters["own_settings"].get(tenant, ())) & SETTINGS.keys())
        for tenant, settings in _declared(own).items()
    }
    for difference in differences(known, exceptions):
        # What it is there and here stays out: the field is told by its name alone.
        found_here = re.sub(r" is .*", " is not the other tenants'", difference.found, flags=re.DOTALL)
        if difference.found.endswith(("it", "alone")):
            found_here = difference.found
        yield Breach(urns.get((difference.tenant, difference.resource), ""), f"{difference.tenant}: {found_here}")


_DECLARED: Final = re.compile(r"(?:'([^']*)'|([^\s,'(]+)) AS ([A-Z_]+)")


def _declared(own: Mapping[str, list[Resource]]) -> dict[str, set[str]]:
    """For each tenant the settings that its own row declares to be others than most tenants' rows do.

    The row is where the application looks a tenant up. It excuses a resource only where it says the same.
    """
    rows: dict[str, dict[str, str]] = {}
    # In order, as the template is found: of two values that are as frequent, the first tenant's is the common one.
    for tenant, found in sorted(own.items()):
        rows[tenant] = {}
        for resource in found:
            text = resource.inputs.get("execute")
            if resource.kind == "Execute" and isinstance(text, str):
                for quoted, bare, name in _DECLARED.findall(text):
                    if name.lower() in SETTINGS:
                        rows[tenant][name.lower()] = quoted or bare
    declared: dict[str, set[str]] = {}
    for setting, fields in SETTINGS.items():
        values = Counter(row[setting] for row in rows.values() if setting in row)
        common = values.most_common(1)[0][0] if values else None
        for tenant, row in rows.items():
            if setting in row and row[setting] != common and _agrees(own[tenant], fields, row[setting]):
                declared.setdefault(tenant, set()).add(setting)
    for tenant, found in own.items():
        # A suspended tenant's row is a statement of its own; which models a tenant's roles may ask is its own anyway,
        # and cortex-allowed-models judges each of them.
        if any(resource.name == f"{tenant}-suspended" for resource in found):
            declared.setdefault(tenant, set()).add("suspended")
        declared.setdefault(tenant, set()).add("models")
    return {tenant: declared[tenant] & SETTINGS.keys() for tenant in own}


def _agrees(resources: list[Resource], fields: tuple[tuple[str, str], ...], value: str) -> bool:
    """Whether the resources have what the row declares."""
    for kind, field in fields:
        for resource in resources:
            if resource.kind == kind and field in resource.inputs and not _same(resource.inputs[field], value):
                return False
    return True


def _same(have: Any, declared: str) -> bool:
    try:
        return float(have) == float(declared)
    except (TypeError, ValueError):
        return str(have) == declared


POLICIES: Final = (
    Policy(
        id="tenant-isolation",
        title="No role of a tenant reaches another tenant, and nobody reaches content who is not named for it",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)", "45 CFR 164.308(a)(3)"),
        remediation="Take away the grant, or the owner, that the path names.",
        link="https://docs.snowflake.com/en/user-guide/security-access-control-overview",
        check=_isolated,
        parameters={
            "tenant": Parameter(
                "^(HCS[0-9]{4})(?=_)",
                "A regular expression that finds in a name whose an object or a role is, as its group 1.",
                {"type": "string"},
            ),
            "no_content": Parameter(
                "^HCS[0-9]{4}_ADMIN$", "Roles that see no content, not even their tenant's.", {"type": "string"}
            ),
            "platform_roles": Parameter(
                {role: sorted(privileges) for role, privileges in Rules().platform_roles.items()},
                "Roles that reach content of every tenant, with the privileges that each may use on it.",
                {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            ),
            "administrators": Parameter(list(Rules().administrators), "Roles that can grant themselves more.", TEXTS),
            "platform_users": Parameter(
                list(Rules().platform_users), "Users that may hold roles of several tenants.", TEXTS
            ),
        },
    ),
    Policy(
        id="tenants-uniform",
        title="All tenants are alike, but for the settings that their rows declare",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(4)", "45 CFR 164.312(a)(1)"),
        remediation="Make it in the template for all, or as a setting of the tenant.",
        link="https://www.pulumi.com/docs/iac/concepts/components/",
        check=_uniform,
        parameters={
            "own_settings": Parameter(
                {},
                f"By tenant, settings of its own beside those that its row declares: {', '.join(SETTINGS)}.",
                {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            )
        },
    ),
)
