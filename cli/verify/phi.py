"""Patients' data as each role sees it: a row written to a tenant's table, read in clear, masked, or not at all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from cli.connector import NOT_AUTHORIZED, one_line, rows
from cli.verify.conversation import ConnectAs
from cli.verify.declared import DeclaredTenant
from cli.verify.isolation import WORKERS, Connect
from cli.verify.report import Finding, Report
from cli.verify.state import StackState
from policies.graph.resources import identifier

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection
    from snowflake.connector.cursor import SnowflakeCursor

TAG_ASSOCIATION: Final = "snowflake:index/tagAssociation:TagAssociation"
MASK: Final = "*****"
"""What a masked text shows; a masked VARIANT or ARRAY shows nothing."""

_VALUES: Final[Mapping[str, str]] = {
    "VARIANT": "PARSE_JSON({json})",
    "OBJECT": "PARSE_JSON({json})",
    "ARRAY": "PARSE_JSON({list})",
    "NUMBER": "7",
    "FLOAT": "7",
    "BOOLEAN": "TRUE",
    "TIMESTAMP_NTZ": "'2026-01-02 03:04:05'::TIMESTAMP_NTZ",
}


def tagged_columns(state: StackState) -> dict[str, dict[str, set[str]]]:
    """Database → table → its columns that a tag marks, as the stack declares them."""
    found: dict[str, dict[str, set[str]]] = {}
    for association in state.of_type(TAG_ASSOCIATION):
        for name in association.inputs.get("objectIdentifiers") or ():
            database, _, table, column = identifier(str(name))
            found.setdefault(database, {}).setdefault(table, set()).add(column)
    return found


def masks(
    report: Report,
    tenants: Sequence[DeclaredTenant],
    tagged: Mapping[str, Mapping[str, set[str]]],
    as_application: ConnectAs,
    as_deploy_user: Connect,
    administrators: Sequence[str],
) -> None:
    """Add to `report` what each role sees of a row with patients' data.

    Each tenant tries one table after another with the next tenants, so that all tables are tried; with few tenants each
    tries several. `administrators` are roles of the account that may read the table and must see masks, one with each
    tenant in turn.
    """
    tables = sorted({table for found in tagged.values() for table in found if table in tenants[0].content.tables})
    each = max(1, -(-len(tables) // len(tenants)))
    expected = "clear for the application, masked for analyst and administrators, nothing for the tenant's own"
    with report.check("patients' data", "a row in a tenant's table, read by each role", expected) as check:

        def work(mine: Sequence[tuple[int, DeclaredTenant]]) -> list[tuple[int, list[Finding]]]:
            with closing(as_deploy_user()) as other:
                return [
                    _tenant(
                        tenant,
                        [tables[(number * each + step) % len(tables)] for step in range(each)],
                        tagged,
                        as_application,
                        other,
                        [administrators[number % len(administrators)]],
                    )
                    for number, tenant in mine
                ]

        numbered = list(enumerate(tenants))
        if tables:
            with ThreadPoolExecutor(WORKERS, "masks") as executor:
                for answers in executor.map(work, (numbered[start::WORKERS] for start in range(WORKERS))):
                    for tried, findings in answers:
                        check.tried += tried
                        check.findings += findings
        check.found = f"{check.tried} columns of {len(tables)} tables as each role may see them"


def _tenant(
    tenant: DeclaredTenant,
    tables: Sequence[str],
    tagged: Mapping[str, Mapping[str, set[str]]],
    as_application: ConnectAs,
    other: SnowflakeConnection,
    administrators: Sequence[str],
) -> tuple[int, list[Finding]]:
    from snowflake.connector import Error

    tried, findings = 0, []
    try:
        with closing(as_application(tenant)) as connection:
            for table in tables:
                columns = tagged.get(tenant.content.database, {}).get(table, set())
                count, wrong = _table(tenant, table, columns, connection, other, administrators)
                tried += count
                findings += wrong
    except Error as error:
        findings.append(Finding(tenant.role_application, one_line(error)))
    return tried, findings


def _table(
    tenant: DeclaredTenant,
    table: str,
    tagged: set[str],
    application: SnowflakeConnection,
    other: SnowflakeConnection,
    administrators: Sequence[str],
) -> tuple[int, list[Finding]]:
    """Write one row, read it as each role, remove it. The number of columns that were compared, and what is wrong."""
    columns = tenant.content.tables[table]
    name = tenant.content.table(table)
    mark = f"phi{uuid.uuid4().hex[:9]}"
    key = next(
        (
            column
            for column, (kind, required) in columns.items()
            if required and kind.upper().startswith("VARCHAR") and column not in tagged | {"TENANT_ID"}
        ),
        None,
    )
    missing = tagged - columns.keys()
    if key is None or missing:
        why = f"has no required text column to find a row by, or not the columns {sorted(missing)}"
        return 1, [Finding(name, why)]
    written = {
        column: _value(kind, mark) for column, (kind, required) in columns.items() if required or column in tagged
    }
    written["TENANT_ID"] = f"'{tenant.organization}'"
    values = ", ".join(written[column] for column in sorted(written))
    found = f"{_listed(tagged)} FROM {name} WHERE {key} = %s"
    select = f"SELECT {found}"
    findings: list[Finding] = []
    tried = 0
    with application.cursor() as cursor, other.cursor() as reader:
        try:
            cursor.execute(f"INSERT INTO {name} ({_listed(written)}) SELECT {values}")
            seen = rows(cursor, select, (mark,))
            tried += len(tagged)
            findings += _clear(tenant.role_application, name, tagged, seen, mark)
            for role in (tenant.role_analyst, *administrators):
                # The connection has no secondary roles, and keeps its warehouse, which each of the roles may use.
                reader.execute(f'USE ROLE "{role}"')
                if role == tenant.role_analyst:
                    reader.execute(f'USE WAREHOUSE "{tenant.warehouse}"')
                tried += len(tagged)
                findings += _masked(role, name, tagged, rows(reader, select, (mark,)))
            tried += 1
            findings += _refused(reader, tenant, name, select, mark)
        finally:
            cursor.execute(f"DELETE FROM {name} WHERE {key} = %s", (mark,))  # noqa: S608
    return tried, findings


def _clear(role: str, table: str, tagged: set[str], seen: Sequence[Mapping[str, Any]], mark: str) -> Iterable[Finding]:
    if len(seen) != 1:
        return [Finding(f"{role} on {table}", f"sees {len(seen)} rows of the one that it wrote")]
    return [
        Finding(f"{role} on {table}.{column}", f"sees {seen[0][column.lower()]!r} instead of what it wrote")
        for column in sorted(tagged)
        # The mark is cut to a short column's length; the first three letters are in each of them.
        if mark[:3] not in str(seen[0][column.lower()])
    ]


def _masked(role: str, table: str, tagged: set[str], seen: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    if len(seen) != 1:
        return [Finding(f"{role} on {table}", f"sees {len(seen)} rows instead of one with masks")]
    # What is shown is not repeated here: it may be somebody's.
    return [
        Finding(f"{role} on {table}.{column}", "sees a value that is not masked")
        for column in sorted(tagged)
        if seen[0][column.lower()] not in (None, MASK)
    ]


def _refused(cursor: SnowflakeCursor, tenant: DeclaredTenant, table: str, select: str, mark: str) -> Iterable[Finding]:
    from snowflake.connector import Error

    role = tenant.role_administrator
    cursor.execute(f'USE ROLE "{role}"')
    try:
        cursor.execute(select, (mark,))
    except Error as error:
        if error.errno == NOT_AUTHORIZED:
            return []
        return [Finding(f"{role} on {table}", one_line(error))]
    return [Finding(f"{role} on {table}", "is answered, though it may see no content")]


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in sorted(columns))


def _value(type_: str, mark: str) -> str:
    """A value of a type, in SQL, that shows `mark` where the type can."""
    kind, _, length = type_.upper().partition("(")
    if kind in _VALUES:
        return _VALUES[kind].format(json=f"'{json.dumps({'v': mark})}'", list=f"'{json.dumps([mark])}'")
    if kind == "VARCHAR":
        return f"'{mark[: int(length.rstrip(')') or 16_777_216) if length else len(mark)]}'"
    raise ValueError(f"verify has no value for a required column of type {type_}")
