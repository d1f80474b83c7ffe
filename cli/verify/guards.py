"""What guards the account: log-in policies, tags and policies that exist, guarded rows, procedures, adopted objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from snowflake.connector.cursor import SnowflakeCursor

from cli.verify.account import ask
from cli.verify.report import Check, Report
from cli.verify.state import DeclaredResource, StackState
from policies.graph.resources import identifier

#: Resource → the word of its SHOW statement, for what lies in a schema.
_IN_SCHEMAS: Final[Mapping[str, str]] = {
    "tag:Tag": "TAGS",
    "maskingPolicy:MaskingPolicy": "MASKING POLICIES",
    "rowAccessPolicy:RowAccessPolicy": "ROW ACCESS POLICIES",
    "authenticationPolicy:AuthenticationPolicy": "AUTHENTICATION POLICIES",
    "passwordPolicy:PasswordPolicy": "PASSWORD POLICIES",
    "sessionPolicy:SessionPolicy": "SESSION POLICIES",
    "networkRule:NetworkRule": "NETWORK RULES",
    "procedurePython:ProcedurePython": "PROCEDURES",
}
_ADOPTED: Final[Mapping[str, str]] = {
    "database:Database": "DATABASES",
    "warehouse:Warehouse": "WAREHOUSES",
    "accountRole:AccountRole": "ROLES",
}
_EXISTING: Final = "videxa:snowflake:ExistingObjects"


def guards(report: Report, state: StackState, cursor: SnowflakeCursor) -> None:
    """Add to `report` what stands of all that guards the account. `cursor` may see everything."""
    for type_, words in _IN_SCHEMAS.items():
        _declared(report, state, cursor, type_, words)
    _network_policies(report, state, cursor)
    _account_parameters(report, state, cursor)
    _adopted(report, state, cursor)


def _of(state: StackState, type_: str) -> list[DeclaredResource]:
    return list(state.of_type(f"snowflake:index/{type_}"))


def _declared(report: Report, state: StackState, cursor: SnowflakeCursor, type_: str, words: str) -> None:
    declared = _of(state, type_)
    if not declared:
        return
    names: dict[str, set[str]] = {}
    for resource in declared:
        inputs = resource.inputs
        names.setdefault(f'"{inputs["database"]}"."{inputs["schema"]}"', set()).add(str(inputs["name"]))
    with report.check("guards", f"SHOW {words}, each schema that has any", f"the {len(declared)} declared") as check:
        for schema, expected in sorted(names.items()):
            found = {str(row["name"]) for row in ask(check, schema, cursor, f"SHOW {words} IN SCHEMA {schema}")}
            one = words.lower().removesuffix("ies") + "y" if words.endswith("IES") else words.lower().removesuffix("s")
            check.compare_sets(one, {f"{schema}.{name}" for name in expected}, {f"{schema}.{name}" for name in found})


def _network_policies(report: Report, state: StackState, cursor: SnowflakeCursor) -> None:
    with report.check(
        "guards", "the network policy of the account and of each user that has one of its own", "as attached"
    ) as check:
        for attachment in _of(state, "networkPolicyAttachment:NetworkPolicyAttachment"):
            policy = ".".join(identifier(str(attachment.inputs["networkPolicyName"])))
            if attachment.inputs.get("setForAccount"):
                _parameter(check, cursor, "NETWORK_POLICY", "IN ACCOUNT", "the account", policy)
            for user in attachment.inputs.get("users") or ():
                _parameter(check, cursor, "NETWORK_POLICY", f'FOR USER "{user}"', f"user {user}", policy)


def _account_parameters(report: Report, state: StackState, cursor: SnowflakeCursor) -> None:
    with report.check("guards", "SHOW PARAMETERS IN ACCOUNT, each that is declared", "as declared") as check:
        for parameter in _of(state, "accountParameter:AccountParameter"):
            key, value = str(parameter.inputs["key"]).upper(), str(parameter.inputs["value"])
            _parameter(check, cursor, key, "IN ACCOUNT", "the account", value)


def _parameter(check: Check, cursor: SnowflakeCursor, key: str, where: str, resource: str, value: str) -> None:
    found: list[dict[str, Any]] = ask(check, resource, cursor, f"SHOW PARAMETERS LIKE '{key}' {where}")
    shown = [str(row["value"]) for row in found if row["key"] == key]
    check.compare(f"{key} of {resource}", "value", value.lower(), shown[0].lower() if shown else None)


def _adopted(report: Report, state: StackState, cursor: SnowflakeCursor) -> None:
    components = {resource.urn for resource in state.of_type(_EXISTING)}
    if not components:
        return
    with report.check("guards", "what existed before the stack and was adopted", "still there") as check:
        for type_, words in _ADOPTED.items():
            for resource in _of(state, type_):
                if resource.parent in components:
                    name = str(resource.inputs["name"])
                    found = {str(row["name"]) for row in ask(check, name, cursor, f"SHOW {words} LIKE '{name}'")}
                    check.compare(name, "found", True, name in found)
