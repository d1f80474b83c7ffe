"""What protects columns, rows and log-ins, read back from the account: tags, masks, row access and log-in policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from snowflake.connector.cursor import SnowflakeCursor

from cli.verify.account import ask
from cli.verify.phi import TAG_ASSOCIATION
from cli.verify.report import Check, Report
from cli.verify.state import StackState
from policies.graph.resources import identifier

TENANT_KEYS: Final = frozenset({"TENANT_ID", "ORGANIZATION_ID"})
"""The columns that say whose a row is."""

_ATTACHMENTS: Final[Mapping[str, str]] = {
    "accountAuthenticationPolicyAttachment:AccountAuthenticationPolicyAttachment": "authenticationPolicy",
    "accountPasswordPolicyAttachment:AccountPasswordPolicyAttachment": "passwordPolicy",
    "accountSessionPolicyAttachment:AccountSessionPolicyAttachment": "sessionPolicyName",
    "userAuthenticationPolicyAttachment:UserAuthenticationPolicyAttachment": "authenticationPolicyName",
    "userPasswordPolicyAttachment:UserPasswordPolicyAttachment": "passwordPolicyName",
    "userSessionPolicyAttachment:UserSessionPolicyAttachment": "sessionPolicyName",
}
"""Attachment → the input that names its policy."""

Name = tuple[str, ...]
Row = dict[str, Any]


def protections(
    report: Report, state: StackState, shared: str, tenants: Iterable[str], cursor: SnowflakeCursor
) -> None:
    """Add to `report`: each declared tag is on its column and masks it, each shared table with a tenant's key has its
    row access policy, each log-in policy is where it was attached.

    `shared` is the shared database, `tenants` are the databases of the tenants; `cursor` may see everything.
    """
    tagged = _tagged(state)
    guarded = _guarded(state, frozenset(tenants))
    with report.check("patients' data", "the tags of each column, table by table", "those declared") as check:
        for database, tables in _by_database(tagged):
            found = {
                _shown(
                    (database, row["object_schema"], row["object_name"]),
                    row["column_name"],
                    row["tag_name"],
                    row["tag_value"],
                )
                for row in _of_tables(check, cursor, database, tables, "TAG_REFERENCES_ALL_COLUMNS('{}', 'TABLE')")
                if row["level"] == "COLUMN"
            }
            expected = {
                _shown(table, column, tag[-1], value)
                for table in tables
                for column, (tag, value) in tagged[table].items()
            }
            check.compare_sets("tag", expected, found)
    masked = rows = 0
    with report.check("patients' data", "the policies on each table", "a mask for each tagged column") as check:
        references: dict[Name, list[Row]] = {}
        for database, tables in _by_database(tagged.keys() | guarded.keys()):
            function = "POLICY_REFERENCES(REF_ENTITY_NAME => '{}', REF_ENTITY_DOMAIN => 'TABLE')"
            for row in _of_tables(check, cursor, database, tables, function):
                name = (database, row["ref_schema_name"], row["ref_entity_name"])
                references.setdefault(name, []).append(row)
        for table, columns in sorted(tagged.items()):
            masks = {row["ref_column_name"] for row in _active(references, table, "MASKING_POLICY")}
            for column in sorted(columns):
                check.compare(".".join((*table, column)), "masked", True, column in masks)
                masked += column in masks
        check.found = f"{masked} columns masked"
    with report.check(
        "rows", "the policies on each shared table with a tenant's key", "its row access policy"
    ) as check:
        for table, key in sorted(guarded.items()):
            kept = [row["ref_arg_column_names"] for row in _active(references, table, "ROW_ACCESS_POLICY")]
            check.compare(
                ".".join(table), "has a row access policy on its key", True, any(key in str(on) for on in kept)
            )
            rows += bool(kept)
        check.found = f"{rows} tables guarded"
    _log_ins(report, state, shared, cursor)


def _tagged(state: StackState) -> dict[Name, dict[str, tuple[Name, str]]]:
    """Table → column → its declared tag and value."""
    found: dict[Name, dict[str, tuple[Name, str]]] = {}
    for association in state.of_type(TAG_ASSOCIATION):
        tag, value = identifier(str(association.inputs["tagId"])), str(association.inputs["tagValue"])
        for name in association.inputs.get("objectIdentifiers") or ():
            *table, column = identifier(str(name))
            found.setdefault(tuple(table), {})[column] = tag, value
    return found


def _guarded(state: StackState, tenants: frozenset[str]) -> dict[Name, str]:
    """Declared tables outside the tenants' databases that say in a column whose a row is, and that column."""
    found: dict[Name, str] = {}
    for table in state.of_type("snowflake:index/table:Table"):
        inputs = table.inputs
        keys = sorted(TENANT_KEYS & {str(column["name"]) for column in inputs["columns"]})
        if keys and inputs["database"] not in tenants:
            found[str(inputs["database"]), str(inputs["schema"]), str(inputs["name"])] = keys[0]
    return found


def _by_database(tables: Iterable[Name]) -> list[tuple[str, list[Name]]]:
    found: dict[str, list[Name]] = {}
    for table in sorted(tables):
        found.setdefault(table[0], []).append(table)
    return list(found.items())


def _of_tables(
    check: Check, cursor: SnowflakeCursor, database: str, tables: Iterable[Name], function: str
) -> list[Row]:
    """The rows of a table function for several tables of a database, asked for in one statement."""
    quoted = ('"' + '"."'.join(table) + '"' for table in tables)
    each = (f'SELECT * FROM TABLE("{database}".INFORMATION_SCHEMA.{function.format(name)})' for name in quoted)  # noqa: S608
    return ask(check, database, cursor, " UNION ALL ".join(each))


def _active(references: Mapping[Name, list[Row]], table: Name, kind: str) -> list[Row]:
    found = references.get(table, ())
    return [row for row in found if row["policy_kind"] == kind and row["policy_status"] == "ACTIVE"]


def _shown(table: Name, column: str, tag: str, value: str) -> str:
    return f"{'.'.join(table)}.{column}: {tag} = {value}"


def _log_ins(report: Report, state: StackState, shared: str, cursor: SnowflakeCursor) -> None:
    """Each log-in policy is attached to what it was declared for and to nothing else."""
    expected: dict[str, set[str]] = {}
    for type_, key in _ATTACHMENTS.items():
        for attachment in state.of_type(f"snowflake:index/{type_}"):
            user = attachment.inputs.get("userName")
            policy = ".".join(f'"{part}"' for part in identifier(str(attachment.inputs[key])))
            holder = f"user {identifier(str(user))[-1]}" if user else "the account"
            expected.setdefault(policy, set()).add(holder)
    with report.check("guards", "what each log-in policy is attached to", "as declared") as check:
        for policy, holders in sorted(expected.items()):
            statement = (
                f"SELECT * FROM TABLE(\"{shared}\".INFORMATION_SCHEMA.POLICY_REFERENCES(POLICY_NAME => '{policy}'))"  # noqa: S608
            )
            found = {
                "the account" if row["ref_entity_domain"] == "ACCOUNT" else f"user {row['ref_entity_name']}"
                for row in ask(check, policy, cursor, statement)
            }
            words = policy.replace('"', "")
            check.compare_sets(
                "attachment", {f"{words} to {on}" for on in holders}, {f"{words} to {on}" for on in found}
            )
