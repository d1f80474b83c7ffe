"""The table functions of INFORMATION_SCHEMA: runs of tasks and alerts, statements, log-ins, policies and tags.

Each answers only about what the session may know of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from emulator.snowflake.account import ObjectName, Session, SnowflakeError
from emulator.snowflake.sql import account_usage
from emulator.snowflake.sql.account_usage import Row
from emulator.snowflake.sql.syntax import Tokens, unsupported

Values = Mapping[str, Any]

_TEXT, _NUMBER, _TIME = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")


def table_function(
    session: Session, database: str, name: str, positional: Sequence[Any], named: Mapping[str, Any]
) -> pa.Table:
    """The rows of one function; one that is not built is refused by name."""
    if session.account.visible(session, "DATABASE", ObjectName((database,))) is None:
        raise SnowflakeError.compilation(2003, "02000", f"Database '{database}' does not exist or not authorized.")
    known = _FUNCTIONS.get(name)
    if known is None:
        raise unsupported(f"the table function INFORMATION_SCHEMA.{name}")
    arguments, columns, rows = known
    if len(positional) > len(arguments):
        raise SnowflakeError.syntax(f"{name} takes at most {len(arguments)} arguments")
    values = dict(zip(arguments, positional, strict=False))
    for key, value in named.items():
        if key not in arguments or key in values:
            raise SnowflakeError.compilation(1044, "42P13", f"Invalid argument {key} for table function {name}")
        values[key] = value
    schema = pa.schema([pa.field(column, type_) for column, type_ in columns.items()])
    found = [{column: row.get(column) for column in columns} for row in rows(session, values)]
    return pa.Table.from_pylist(found, schema=schema)


def _columns(texts: str, numbers: str = "", times: str = "", order: str = "") -> dict[str, pa.DataType]:
    types = {
        **dict.fromkeys(texts.split(), _TEXT),
        **dict.fromkeys(numbers.split(), _NUMBER),
        **dict.fromkeys(times.split(), _TIME),
    }
    return {name: types[name] for name in order.split()} if order else types


def _moment(value: Any, key: str) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise SnowflakeError(100035, "22007", f"Timestamp '{value}' is not recognized ({key})") from None


def _between(rows: Iterable[Row], values: Values, column: str, first: str, last: str) -> list[Row]:
    """The newest first, between two times, as many as RESULT_LIMIT says (100)."""
    start, end = _moment(values.get(first), first), _moment(values.get(last), last)

    def inside(moment: datetime) -> bool:
        low = start is None or moment >= (start if start.tzinfo else start.replace(tzinfo=moment.tzinfo))
        return low and (end is None or moment <= (end if end.tzinfo else end.replace(tzinfo=moment.tzinfo)))

    found = [row for row in rows if inside(row[column])]
    found.sort(key=lambda row: row[column], reverse=True)
    limit = int(values.get("RESULT_LIMIT") or 100)
    if not 1 <= limit <= 10_000:
        raise SnowflakeError.invalid_value(limit, "RESULT_LIMIT", "between 1 and 10000")
    return found[:limit]


def _may_watch(session: Session, kind: str, name: ObjectName) -> bool:
    account = session.account
    if account.holds(session, "MONITOR EXECUTION", "ACCOUNT"):
        return True
    return any(account.holds(session, privilege, kind, name) for privilege in ("MONITOR", "OPERATE", "OWNERSHIP"))


def _task_history(session: Session, values: Values) -> Iterable[Row]:
    account = session.account
    wanted = values.get("TASK_NAME")
    failed = values.get("ERROR_ONLY")
    rows = [
        account_usage.task_row(account, event)
        for event in account.history.events("TASK_RUN")
        if (wanted is None or event["task"][-1] == ObjectName.parse(str(wanted)).name)
        and (not failed or event["state"] == "FAILED")
        and _may_watch(session, "TASK", ObjectName(tuple(event["task"])))
    ]
    return _between(rows, values, "SCHEDULED_TIME", "SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END")


def _alert_history(session: Session, values: Values) -> Iterable[Row]:
    account = session.account
    wanted = values.get("ALERT_NAME")
    rows = [
        account_usage.alert_row(account, event)
        for event in account.history.events("ALERT_RUN")
        if (wanted is None or event["alert"][-1] == ObjectName.parse(str(wanted)).name)
        and _may_watch(session, "ALERT", ObjectName(tuple(event["alert"])))
    ]
    return _between(rows, values, "SCHEDULED_TIME", "SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END")


def _query_history(session: Session, values: Values) -> Iterable[Row]:
    """One's own statements, and with MONITOR on their warehouse those of others."""
    account = session.account
    rows = [
        account_usage.statement_row(account, event)
        for event in account.history.events("STATEMENT")
        if event["user"] == session.user
        or (
            event["warehouse"] is not None
            and account.holds(session, "MONITOR", "WAREHOUSE", ObjectName((event["warehouse"],)))
        )
    ]
    return _between(rows, values, "END_TIME", "END_TIME_RANGE_START", "END_TIME_RANGE_END")


def _policy_references(session: Session, values: Values) -> Iterable[Row]:
    """Where a policy is attached, or which ones an object is under: on it, on its columns, and by its columns' tags."""
    account = session.account
    policy, entity, domain = values.get("POLICY_NAME"), values.get("REF_ENTITY_NAME"), values.get("REF_ENTITY_DOMAIN")
    if (policy is None) == (entity is None) or (entity is None) != (domain is None):
        raise SnowflakeError.syntax("POLICY_REFERENCES takes POLICY_NAME, or REF_ENTITY_NAME and REF_ENTITY_DOMAIN")
    if policy is None:
        kind, name = _object(session, str(domain), str(entity))
        rows = account_usage.policies_on(account, kind, name)
    else:
        wanted = ObjectName.parse(str(policy)).parts
        rows = (
            row
            for row in account_usage.policy_reference_rows(account)
            if (row["POLICY_DB"], row["POLICY_SCHEMA"], row["POLICY_NAME"])[-len(wanted) :] == wanted
        )
    for row in rows:
        known = [row[key] for key in ("POLICY_DB", "POLICY_SCHEMA", "POLICY_NAME") if row[key] is not None]
        if account.visible(session, str(row["POLICY_KIND"]).replace("_", " "), ObjectName(tuple(known))) is not None:
            yield row


def _object(session: Session, domain: str, name: str) -> tuple[str, ObjectName]:
    """The object that a function asks about; one that the session may not know of is refused."""
    kind = domain.upper().replace("_", " ")
    account = session.account
    found = ObjectName.parse(name)
    if kind == "ACCOUNT":
        if found.parts != (account.name,):
            raise SnowflakeError.does_not_exist(kind, found)
        return kind, found
    for known in ("TABLE", "VIEW") if kind in ("TABLE", "VIEW") else (kind,):
        if account.visible(session, known, found) is not None:
            return known, found
    raise SnowflakeError.does_not_exist(kind, found)


def _tags_of_all_columns(session: Session, values: Values) -> Iterable[Row]:
    """Every tag of every column of a table, its own and those that it has from above."""
    kind, name = _object(session, str(values.get("OBJECT_DOMAIN") or "TABLE"), str(values.get("OBJECT_NAME") or ""))
    if kind not in ("TABLE", "VIEW"):
        raise SnowflakeError.invalid_value(kind, "OBJECT_DOMAIN", "TABLE")
    for column in session.account.columns(name):
        yield from _tags(session, kind, name, column.name)


def tags_of(session: Session, values: Values) -> Iterable[Row]:
    """Every tag of an object or a column, its own and those that it has from above."""
    domain, name = str(values.get("OBJECT_DOMAIN") or ""), str(values.get("OBJECT_NAME") or "")
    column = None
    if domain.upper() == "COLUMN":
        *parts, column = Tokens(name).dotted(4)
        domain, name = "TABLE", str(ObjectName(tuple(parts)))
    kind, found = _object(session, domain, name)
    if column is not None and all(known.name != column for known in session.account.columns(found)):
        raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{column}'")
    return _tags(session, kind, found, column)


def _tags(session: Session, kind: str, name: ObjectName, column: str | None) -> Iterable[Row]:
    account = session.account
    for use in account.effective_tags(kind, name, column):
        if account.visible(session, "TAG", use.tag) is None:
            continue
        yield {
            "TAG_DATABASE": use.tag.database,
            "TAG_SCHEMA": use.tag.schema,
            "TAG_NAME": use.tag.name,
            "TAG_VALUE": use.value,
            "LEVEL": "COLUMN" if use.column else use.kind,
            "OBJECT_DATABASE": name.database if len(name.parts) > 1 else None,
            "OBJECT_SCHEMA": name.parts[1] if len(name.parts) > 2 else None,
            "OBJECT_NAME": name.name,
            "DOMAIN": "COLUMN" if column else kind,
            "COLUMN_NAME": column,
            "APPLY_METHOD": "MANUAL" if (use.kind, use.name, use.column) == (kind, name, column) else "INHERITED",
        }


_Function = tuple[tuple[str, ...], dict[str, pa.DataType], Callable[[Session, Values], Iterable[Row]]]
_SCHEDULED = ("SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END", "RESULT_LIMIT")
_FUNCTIONS: dict[str, _Function] = {
    "TASK_HISTORY": (
        (*_SCHEDULED, "TASK_NAME", "ERROR_ONLY"),
        _columns(
            "QUERY_ID NAME DATABASE_NAME SCHEMA_NAME QUERY_TEXT CONDITION_TEXT STATE ERROR_CODE ERROR_MESSAGE "
            "RETURN_VALUE ROOT_TASK_ID SCHEDULED_FROM CONFIG",
            "RUN_ID GRAPH_VERSION ATTEMPT_NUMBER",
            "SCHEDULED_TIME QUERY_START_TIME COMPLETED_TIME",
            "QUERY_ID NAME DATABASE_NAME SCHEMA_NAME QUERY_TEXT CONDITION_TEXT STATE ERROR_CODE ERROR_MESSAGE "
            "SCHEDULED_TIME QUERY_START_TIME COMPLETED_TIME ROOT_TASK_ID GRAPH_VERSION RUN_ID RETURN_VALUE "
            "SCHEDULED_FROM ATTEMPT_NUMBER CONFIG",
        ),
        _task_history,
    ),
    "ALERT_HISTORY": (
        (*_SCHEDULED, "ALERT_NAME"),
        _columns(
            "NAME DATABASE_NAME SCHEMA_NAME CONDITION CONDITION_QUERY_ID ACTION ACTION_QUERY_ID STATE SQL_ERROR_CODE "
            "SQL_ERROR_MESSAGE",
            "",
            "SCHEDULED_TIME COMPLETED_TIME",
        ),
        _alert_history,
    ),
    "QUERY_HISTORY": (
        ("END_TIME_RANGE_START", "END_TIME_RANGE_END", "RESULT_LIMIT"),
        _columns(
            "QUERY_ID QUERY_TEXT DATABASE_NAME SCHEMA_NAME QUERY_TYPE USER_NAME ROLE_NAME WAREHOUSE_NAME "
            "WAREHOUSE_SIZE QUERY_TAG EXECUTION_STATUS ERROR_CODE ERROR_MESSAGE",
            "SESSION_ID TOTAL_ELAPSED_TIME EXECUTION_TIME ROWS_PRODUCED",
            "START_TIME END_TIME",
        ),
        _query_history,
    ),
    "POLICY_REFERENCES": (
        ("POLICY_NAME", "REF_ENTITY_NAME", "REF_ENTITY_DOMAIN"),
        _columns(
            "POLICY_DB POLICY_SCHEMA POLICY_NAME POLICY_KIND REF_DATABASE_NAME REF_SCHEMA_NAME REF_ENTITY_NAME "
            "REF_ENTITY_DOMAIN REF_COLUMN_NAME REF_ARG_COLUMN_NAMES TAG_DATABASE TAG_SCHEMA TAG_NAME POLICY_STATUS"
        ),
        _policy_references,
    ),
    **{
        name: (
            ("OBJECT_NAME", "OBJECT_DOMAIN"),
            _columns(
                "TAG_DATABASE TAG_SCHEMA TAG_NAME TAG_VALUE LEVEL OBJECT_DATABASE OBJECT_SCHEMA OBJECT_NAME DOMAIN "
                "COLUMN_NAME APPLY_METHOD"
            ),
            rows,
        )
        for name, rows in (("TAG_REFERENCES", tags_of), ("TAG_REFERENCES_ALL_COLUMNS", _tags_of_all_columns))
    },
}
