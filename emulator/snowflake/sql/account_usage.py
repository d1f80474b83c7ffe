"""The rows of SNOWFLAKE.ACCOUNT_USAGE: what the account itself saw, and what it holds now.

Nothing here is made up. What this account cannot measure is NULL, and what it computes follows these rules:

- **Warehouse credits.** A warehouse runs from a statement's start until AUTO_SUSPEND seconds after its end (the next
  statement, if it comes sooner, keeps it running), and for at least 60 seconds each time that it is started. Each
  second costs 1/3600 of the credits that its size costs an hour (X-Small 1, doubling with each size). The size and
  AUTO_SUSPEND are those of now. What a warehouse that never suspends costs is counted until its last statement's end.
- **Credits of a statement** are those of its own seconds. Cloud services and models have no credits here: NULL.
- **Bytes.** A table's are its rows written as JSON text; a database's are its file's.

Source of columns and meanings: Snowflake's documentation, "Account Usage"; "Understanding compute cost".
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from emulator.snowflake.account import Account, Grant, Grantee, ObjectName, PolicyReference, RoleGrant, SnowflakeObject
from emulator.snowflake.account.history import Event, moment
from emulator.snowflake.account.usage_views import ACCOUNT_USAGE, EMBEDDED, OWN_SCHEMA, SCHEMA, VIEWS

Row = dict[str, Any]

_ARROW: Final = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DECIMAL(38,9)": pa.decimal128(38, 9),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
    "JSON": pa.string(),
    "DATE": pa.date32(),
}
_CREDITS_AN_HOUR: Final = {
    size: 2**index
    for index, size in enumerate(
        ("XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE", "XXXLARGE", "X4LARGE", "X5LARGE", "X6LARGE")
    )
}
_SHORTEST_RUN: Final = timedelta(seconds=60)
_HOUR: Final = timedelta(hours=1)


def is_usage_view(name: ObjectName) -> bool:
    """Whether it is one of the views that come with the account."""
    return name.database == "SNOWFLAKE" and name.parts[1:] in VIEWS


def usage_rows(account: Account, name: ObjectName, *, empty: bool = False) -> tuple[pa.Table, list[str]]:
    """A view's rows, and those of its columns that hold JSON as text."""
    columns = VIEWS[name.schema, name.name].columns
    schema = pa.schema([pa.field(column, _ARROW[type_]) for column, type_ in columns])
    rows = [] if empty else [_fitted(row, schema) for row in _ROWS[name.schema, name.name](account)]
    return pa.Table.from_pylist(rows, schema=schema), [column for column, type_ in columns if type_ == "JSON"]


def _fitted(row: Row, schema: pa.Schema) -> Row:
    for name, value in row.items():
        if value is not None and schema.field(name).type == pa.decimal128(38, 9):
            row[name] = Decimal(value).quantize(Decimal("1e-9"))
    return row


# --- statements

_KINDS = re.compile(
    r"(?:OR\s+REPLACE\s+)?(?:SECURE\s+|TRANSIENT\s+)*"
    r"(ROW ACCESS POLICY|MASKING POLICY|NETWORK POLICY|NETWORK RULE|DATABASE ROLE|RESOURCE MONITOR|[A-Z]+)",
    re.IGNORECASE,
)
_OTHER_TYPES: Final = {
    "BEGIN": "BEGIN_TRANSACTION",
    "START": "BEGIN_TRANSACTION",
    "DESC": "DESCRIBE",
    "WITH": "SELECT",
    "VALUES": "SELECT",
    "(": "SELECT",
    "TRUNCATE": "TRUNCATE_TABLE",
}


def query_type(text: str) -> str:
    """Snowflake's QUERY_TYPE of a statement: SELECT, CREATE_TABLE, ALTER_SESSION, …"""
    words = re.sub(r"^(\s|--[^\n]*\n|/\*.*?\*/)+", "", text, flags=re.DOTALL)
    word = (words.split(None, 1) or [""])[0].upper() if not words.startswith("(") else "("
    if word in ("CREATE", "ALTER", "DROP", "EXECUTE"):
        kind = _KINDS.match(words[len(word) :].strip())
        if kind is not None:
            found = "_".join(kind[1].upper().split())
            whole = (
                re.search(r"\bAS\s+SELECT\b", words, re.IGNORECASE) if (word, found) == ("CREATE", "TABLE") else None
            )
            return f"{word}_{found}{'_AS_SELECT' if whole else ''}"
    return _OTHER_TYPES.get(word, word or "UNKNOWN")


def _milliseconds(event: Event) -> int:
    passed: timedelta = event["end"] - event["start"]
    return round(passed.total_seconds() * 1000)


def statement_row(account: Account, event: Event) -> Row:
    """One statement as QUERY_HISTORY has it."""
    database, schema = event["database"], event["schema"]
    warehouse = _warehouse(account, event["warehouse"])
    kind = query_type(event["text"])
    changed = event["affected"]
    failed = event["error_code"] is not None
    return {
        "QUERY_ID": event["id"],
        "QUERY_TEXT": event["text"],
        "DATABASE_ID": _identifier(account, "DATABASE", database),
        "DATABASE_NAME": database,
        "SCHEMA_ID": _identifier(account, "SCHEMA", database, schema),
        "SCHEMA_NAME": schema,
        "QUERY_TYPE": kind,
        "SESSION_ID": event["session"],
        "USER_NAME": event["user"],
        "ROLE_NAME": event["role"],
        "ROLE_TYPE": "ROLE",
        "WAREHOUSE_ID": None if warehouse is None else warehouse.identifier,
        "WAREHOUSE_NAME": event["warehouse"],
        "WAREHOUSE_SIZE": _size(account, event["warehouse"]) if event["ran"] else None,
        "QUERY_TAG": event["tag"] or "",
        "EXECUTION_STATUS": "FAIL" if failed else "SUCCESS",
        "ERROR_CODE": event["error_code"],
        "ERROR_MESSAGE": event["error_message"],
        "START_TIME": event["start"],
        "END_TIME": event["end"],
        "TOTAL_ELAPSED_TIME": _milliseconds(event),
        "EXECUTION_TIME": _milliseconds(event),
        "ROWS_PRODUCED": event["rows"],
        "ROWS_INSERTED": changed if kind == "INSERT" else 0,
        "ROWS_UPDATED": changed if kind == "UPDATE" else 0,
        "ROWS_DELETED": changed if kind == "DELETE" else 0,
        "IS_CLIENT_GENERATED_STATEMENT": False,
    }


def _query_history(account: Account) -> Iterator[Row]:
    for event in account.history.events("STATEMENT"):
        yield statement_row(account, event)


def _query_attribution(account: Account) -> Iterator[Row]:
    for event in account.history.events("STATEMENT", having="ran"):
        warehouse = _warehouse(account, event["warehouse"])
        yield {
            "QUERY_ID": event["id"],
            "PARENT_QUERY_ID": event["parent"],
            "ROOT_QUERY_ID": event["root"],
            "WAREHOUSE_ID": None if warehouse is None else warehouse.identifier,
            "WAREHOUSE_NAME": event["warehouse"],
            "QUERY_TAG": event["tag"] or "",
            "USER_NAME": event["user"],
            "START_TIME": event["start"],
            "END_TIME": event["end"],
            "CREDITS_ATTRIBUTED_COMPUTE": _own_credits(account, event),
        }


# --- warehouses


def _warehouse(account: Account, name: str | None) -> SnowflakeObject | None:
    return None if name is None else account.find("WAREHOUSE", ObjectName((name,)))


def _size(account: Account, name: str | None) -> str:
    found = _warehouse(account, name)
    return "XSMALL" if found is None else str(found.properties.get("WAREHOUSE_SIZE", "XSMALL"))


def _rate(account: Account, name: str) -> Decimal:
    """Credits a second."""
    return Decimal(_CREDITS_AN_HOUR[_size(account, name)]) / 3600


def _own_credits(account: Account, event: Event) -> Decimal:
    return Decimal(_milliseconds(event)) / 1000 * _rate(account, event["warehouse"])


def _runs(statements: Iterable[Event], idle: timedelta | None) -> list[tuple[datetime, datetime]]:
    """When a warehouse ran: from its first statement until it was idle for as long as it waits."""
    found: list[tuple[datetime, datetime]] = []
    for event in sorted(statements, key=lambda event: event["start"]):
        end = event["end"] + (idle or timedelta())
        if found and (idle is None or event["start"] <= found[-1][1]):
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((event["start"], end))
    present = moment()
    return [(start, min(max(end, start + _SHORTEST_RUN), max(present, start + _SHORTEST_RUN))) for start, end in found]


def metered_hours(account: Account) -> list[Row]:
    """Credits of each warehouse in each hour that it ran."""
    by_warehouse: dict[str, list[Event]] = defaultdict(list)
    for event in account.history.events("STATEMENT", having="ran"):
        by_warehouse[event["warehouse"]].append(event)
    rows: list[Row] = []
    for name, statements in sorted(by_warehouse.items()):
        warehouse = _warehouse(account, name)
        waits = 600 if warehouse is None else warehouse.properties.get("AUTO_SUSPEND", 600)
        seconds: dict[datetime, Decimal] = defaultdict(Decimal)
        attributed: dict[datetime, Decimal] = defaultdict(Decimal)
        for start, end in _runs(statements, timedelta(seconds=waits) if waits else None):
            while start < end:
                hour = start.replace(minute=0, second=0, microsecond=0)
                until = min(end, hour + _HOUR)
                seconds[hour] += Decimal(str((until - start).total_seconds()))
                start = until
        for event in statements:
            hour = event["start"].replace(minute=0, second=0, microsecond=0)
            attributed[hour] += _own_credits(account, event)
        for hour, ran in sorted(seconds.items()):
            used = ran * _rate(account, name)
            rows.append(
                {
                    "START_TIME": hour,
                    "END_TIME": hour + _HOUR,
                    "WAREHOUSE_ID": None if warehouse is None else warehouse.identifier,
                    "WAREHOUSE_NAME": name,
                    "CREDITS_USED": used,
                    "CREDITS_USED_COMPUTE": used,
                    "CREDITS_USED_CLOUD_SERVICES": None,
                    "CREDITS_ATTRIBUTED_COMPUTE_QUERIES": attributed.get(hour, Decimal()),
                }
            )
    return rows


def _metering(account: Account) -> Iterator[Row]:
    for row in metered_hours(account):
        yield {
            "SERVICE_TYPE": "WAREHOUSE_METERING",
            "START_TIME": row["START_TIME"],
            "END_TIME": row["END_TIME"],
            "ENTITY_ID": row["WAREHOUSE_ID"],
            "NAME": row["WAREHOUSE_NAME"],
            "CREDITS_USED_COMPUTE": row["CREDITS_USED_COMPUTE"],
            "CREDITS_USED": row["CREDITS_USED"],
        }


# --- models


def _model_calls(account: Account) -> Iterator[Row]:
    """A row for each statement, function and model in each hour, as Snowflake gathers them."""
    gathered: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in account.history.events("MODEL_CALL"):
        hour = event["at"].replace(minute=0, second=0, microsecond=0)
        gathered[event["query"], event["function"], event["model"], hour].append(event)
    for (query, function, model, hour), events in gathered.items():
        first = events[0]
        metrics = [
            {"key": {"metric": key, "unit": "tokens"}, "value": sum(event[key] for event in events)}
            for key in ("input", "output")
        ]
        warehouse = _warehouse(account, first["warehouse"])
        yield {
            "START_TIME": hour,
            "END_TIME": hour + _HOUR,
            "FUNCTION_NAME": function,
            "MODEL_NAME": model,
            "QUERY_ID": query,
            "WAREHOUSE_ID": None if warehouse is None else warehouse.identifier,
            "ROLE_NAMES": json.dumps([first["role"]]),
            "QUERY_TAG": first["tag"] or "",
            "USER_ID": _identifier(account, "USER", first["user"]),
            "METRICS": json.dumps(metrics),
            "IS_COMPLETED": True,
        }


# --- who came


def _log_ins(account: Account) -> Iterator[Row]:
    for event in account.history.events("LOG_IN"):
        yield {
            "EVENT_ID": event["id"],
            "EVENT_TIMESTAMP": event["at"],
            "EVENT_TYPE": "LOGIN",
            "USER_NAME": event["user"],
            "CLIENT_IP": event["address"],
            "REPORTED_CLIENT_TYPE": event["client"],
            "REPORTED_CLIENT_VERSION": event["version"],
            "FIRST_AUTHENTICATION_FACTOR": event["factor"],
            "IS_SUCCESS": "NO" if event["error_code"] else "YES",
            "ERROR_CODE": event["error_code"],
            "ERROR_MESSAGE": event["error_message"],
            "RELATED_EVENT_ID": 0,
        }


def _sessions(account: Account) -> Iterator[Row]:
    for event in account.history.events("SESSION"):
        yield {
            "SESSION_ID": event["id"],
            "CREATED_ON": event["at"],
            "USER_NAME": event["user"],
            "AUTHENTICATION_METHOD": event["factor"],
            "LOGIN_EVENT_ID": event["log_in"],
            "CLIENT_APPLICATION_ID": f"{event['client']} {event['version']}".strip(),
            "CLIENT_APPLICATION_VERSION": event["version"],
        }


# --- roles, users and grants


def _all_roles(account: Account) -> list[Grantee]:
    return [
        *(Grantee("ROLE", role.name) for role in account.list(None, "ROLE")),
        *(Grantee("DATABASE_ROLE", role.name) for role in account.list(None, "DATABASE ROLE")),
        *(Grantee("APPLICATION_ROLE", role.name) for role in account.list(None, "APPLICATION ROLE")),
    ]


def _place(kind: str, name: ObjectName) -> Row:
    inside = kind != "DATABASE" and len(name.parts) > 1
    return {
        "GRANTED_ON": kind.replace(" ", "_"),
        "NAME": name.name,
        "TABLE_CATALOG": name.database if inside else None,
        "TABLE_SCHEMA": name.schema if len(name.parts) > 2 else None,
    }


def _grant(grant: Grant | RoleGrant) -> Row:
    role = isinstance(grant, RoleGrant)
    kind, name = (grant.role.object_kind, grant.role.name) if isinstance(grant, RoleGrant) else (grant.kind, grant.name)
    return {
        "CREATED_ON": grant.created_on,
        "MODIFIED_ON": grant.created_on,
        "PRIVILEGE": "USAGE" if role else grant.privilege,  # type: ignore[union-attr]
        **_place(kind, name),
        "GRANTED_TO": grant.grantee.kind,
        "GRANTEE_NAME": grant.grantee.name.name,
        "GRANT_OPTION": False if role else grant.grant_option,  # type: ignore[union-attr]
        "GRANTED_BY": grant.granted_by or None,
        "GRANTED_BY_ROLE_TYPE": "ROLE" if grant.granted_by else None,
    }


def _grants_to_roles(account: Account) -> Iterator[Row]:
    for role in _all_roles(account):
        for grant in account.grants_to(role):
            yield _grant(grant)
        for granted in account.roles_granted_to(role):
            yield _grant(granted)
    for event in account.history.events("REVOKED", lambda event: event["grantee_kind"] != "USER"):
        yield {
            "CREATED_ON": event["created_on"],
            "MODIFIED_ON": event["deleted_on"],
            "PRIVILEGE": event["privilege"],
            **_place(event["granted_on"], ObjectName(tuple(event["name"]))),
            "GRANTED_TO": event["grantee_kind"].replace(" ", "_"),
            "GRANTEE_NAME": event["grantee"][-1],
            "GRANT_OPTION": event["grant_option"],
            "GRANTED_BY": event["granted_by"] or None,
            "DELETED_ON": event["deleted_on"],
            "GRANTED_BY_ROLE_TYPE": "ROLE" if event["granted_by"] else None,
        }


def _grants_to_users(account: Account) -> Iterator[Row]:
    for user in account.list(None, "USER"):
        for grant in account.roles_granted_to(Grantee("USER", user.name)):
            yield {
                "CREATED_ON": grant.created_on,
                "ROLE": grant.role.name.name,
                "GRANTED_TO": "USER",
                "GRANTEE_NAME": user.name.name,
                "GRANTED_BY": grant.granted_by or None,
            }
    for event in account.history.events("REVOKED", lambda event: event["grantee_kind"] == "USER"):
        yield {
            "CREATED_ON": event["created_on"],
            "DELETED_ON": event["deleted_on"],
            "ROLE": event["name"][-1],
            "GRANTED_TO": "USER",
            "GRANTEE_NAME": event["grantee"][-1],
            "GRANTED_BY": event["granted_by"] or None,
        }


def _owner(item: SnowflakeObject) -> Row:
    owner = item.owner
    return {
        "OWNER": None if owner is None else owner.name.name,
        "OWNER_ROLE_TYPE": None if owner is None else owner.kind,
    }


def _roles(account: Account) -> Iterator[Row]:
    for role in _all_roles(account):
        item = account.find(role.object_kind, role.name)
        assert item is not None
        yield {
            "CREATED_ON": item.created_on,
            "NAME": item.name.name,
            "COMMENT": item.comment or None,
            **_owner(item),
            "ROLE_TYPE": role.kind,
            "ROLE_DATABASE_NAME": item.name.database if role.kind == "DATABASE_ROLE" else None,
        }


def _users(account: Account) -> Iterator[Row]:
    last: dict[str, datetime] = {}
    for event in account.history.events("LOG_IN", lambda event: not event["error_code"]):
        last[event["user"]] = event["at"]
    for item in account.list(None, "USER"):
        known = item.properties
        yield {
            "USER_ID": item.identifier,
            "NAME": item.name.name,
            "CREATED_ON": item.created_on,
            "LOGIN_NAME": known.get("LOGIN_NAME", item.name.name),
            "DISPLAY_NAME": known.get("DISPLAY_NAME", item.name.name),
            **{key: known.get(key) for key in ("FIRST_NAME", "LAST_NAME", "EMAIL")},
            "MUST_CHANGE_PASSWORD": bool(known.get("MUST_CHANGE_PASSWORD")),
            "HAS_PASSWORD": "PASSWORD" in known,
            "COMMENT": item.comment or None,
            "DISABLED": json.dumps(bool(known.get("DISABLED"))),
            "SNOWFLAKE_LOCK": "false",
            **{key: known.get(key) for key in ("DEFAULT_WAREHOUSE", "DEFAULT_NAMESPACE", "DEFAULT_ROLE", "TYPE")},
            "LAST_SUCCESS_LOGIN": last.get(item.name.name),
            "HAS_RSA_PUBLIC_KEY": "RSA_PUBLIC_KEY" in known or "RSA_PUBLIC_KEY_2" in known,
            "OWNER": _owner(item)["OWNER"],
            "DEFAULT_SECONDARY_ROLE": json.dumps(known.get("DEFAULT_SECONDARY_ROLES", ["ALL"])),
        }


# --- policies and tags


def policy_reference_rows(account: Account) -> Iterator[Row]:
    """Where each policy is attached, a row for each place."""
    for use in account.policy_references():
        yield _policy_reference(account, use, use.name if use.kind == "TAG" else None)


def _policy_reference(account: Account, use: PolicyReference, tag: ObjectName | None = None) -> Row:
    policy = account.find(use.policy_kind, use.policy)
    assert policy is not None
    inside = len(use.name.parts) == 3 and use.kind != "TAG"
    in_schema = len(use.policy.parts) == 3
    return {
        "POLICY_DB": use.policy.database if in_schema else None,
        "POLICY_SCHEMA": use.policy.schema if in_schema else None,
        "POLICY_ID": policy.identifier,
        "POLICY_NAME": use.policy.name,
        "POLICY_KIND": use.policy_kind.replace(" ", "_"),
        "REF_DATABASE_NAME": use.name.database if inside else None,
        "REF_SCHEMA_NAME": use.name.schema if inside else None,
        "REF_ENTITY_NAME": use.name.name,
        "REF_ENTITY_DOMAIN": use.kind,
        "REF_COLUMN_NAME": use.column,
        "REF_ARG_COLUMN_NAMES": _argument_names(use.arguments, use.column),
        "TAG_DATABASE": None if tag is None else tag.database,
        "TAG_SCHEMA": None if tag is None else tag.schema,
        "TAG_NAME": None if tag is None else tag.name,
        "POLICY_STATUS": "ACTIVE",
    }


def policies_on(account: Account, kind: str, name: ObjectName) -> Iterator[Row]:
    """What an object is under: policies on it, on its columns, and on its columns by a tag."""
    direct = account.policy_references(target=(kind, name))
    for use in direct:
        yield _policy_reference(account, use)
    if kind not in ("TABLE", "VIEW"):
        return
    protection = account.protection(kind, name)
    columns = {use.column for use in direct}
    for column, mask in () if protection is None else protection.masks.items():
        if column in columns:
            continue
        for tag in mask.tags:
            for use in account.policy_references(target=("TAG", tag)):
                if use.policy == mask.policy.name:
                    yield _policy_reference(account, replace(use, kind=kind, name=name, column=column), tag)


def _argument_names(arguments: tuple[str, ...], column: str | None) -> str | None:
    names = [name for name in arguments if name != column]
    return f"[ {', '.join(json.dumps(name) for name in names)} ]" if names else None


def tag_reference_rows(account: Account) -> Iterator[Row]:
    """Where each tag is set, a row for each place."""
    for use in account.tag_references():
        tag, item = account.find("TAG", use.tag), account.find(use.kind, use.name)
        assert tag is not None
        parts = use.name.parts
        yield {
            "TAG_DATABASE": use.tag.database,
            "TAG_SCHEMA": use.tag.schema,
            "TAG_ID": tag.identifier,
            "TAG_NAME": use.tag.name,
            "TAG_VALUE": use.value,
            "OBJECT_DATABASE": parts[0] if len(parts) > 1 else None,
            "OBJECT_SCHEMA": parts[1] if len(parts) > 2 else None,
            "OBJECT_ID": None if item is None else item.identifier,
            "OBJECT_NAME": use.name.name,
            "DOMAIN": "COLUMN" if use.column else use.kind,
            "COLUMN_NAME": use.column,
            "APPLY_METHOD": "MANUAL",
        }


# --- storage


def _tables(account: Account) -> Iterator[Row]:
    databases = {item.name.name: item for item in account.list(None, "DATABASE")}
    schemas = {item.name: item for item in account.list(None, "SCHEMA")}
    for item in account.list(None, "TABLE"):
        database, schema = databases[item.name.database], schemas[ObjectName(item.name.parts[:2])]
        yield {
            "ID": item.identifier,
            "TABLE_NAME": item.name.name,
            "TABLE_SCHEMA_ID": schema.identifier,
            "TABLE_SCHEMA": schema.name.name,
            "TABLE_CATALOG_ID": database.identifier,
            "TABLE_CATALOG": database.name.name,
            "CLONE_GROUP_ID": item.identifier,
            "IS_TRANSIENT": "YES" if item.properties.get("TRANSIENT") else "NO",
            "ACTIVE_BYTES": account.table_bytes(item.name),
            "DELETED": False,
            "TABLE_CREATED": item.created_on,
            "SCHEMA_CREATED": schema.created_on,
            "CATALOG_CREATED": database.created_on,
            "COMMENT": item.comment or None,
        }


def _database_storage(account: Account) -> Iterator[Row]:
    for item in account.list(None, "DATABASE"):
        if item.owner is not None:
            yield {
                "USAGE_DATE": moment().date(),
                "DATABASE_ID": item.identifier,
                "DATABASE_NAME": item.name.name,
                "AVERAGE_DATABASE_BYTES": float(account.database_bytes(item.name)),
            }


def _storage(account: Account) -> Iterator[Row]:
    databases = [item for item in account.list(None, "DATABASE") if item.owner is not None]
    yield {
        "USAGE_DATE": moment().date(),
        "STORAGE_BYTES": sum(account.database_bytes(item.name) for item in databases),
    }


# --- tasks, alerts and mails


def task_row(account: Account, event: Event) -> Row:
    """One run of a task as TASK_HISTORY has it."""
    database, schema, name = event["task"]
    return {
        "NAME": name,
        "QUERY_TEXT": event["text"],
        "CONDITION_TEXT": event["condition"],
        "SCHEMA_NAME": schema,
        "TASK_SCHEMA_ID": _identifier(account, "SCHEMA", database, schema),
        "DATABASE_NAME": database,
        "TASK_DATABASE_ID": _identifier(account, "DATABASE", database),
        "SCHEDULED_TIME": event["scheduled"],
        "COMPLETED_TIME": event["completed"],
        "STATE": event["state"],
        "RETURN_VALUE": event["returned"],
        "QUERY_ID": event["query"],
        "QUERY_START_TIME": event["started"],
        "ERROR_CODE": event["error_code"],
        "ERROR_MESSAGE": event["error_message"],
        "GRAPH_VERSION": 1,
        "RUN_ID": event["run"],
        "ROOT_TASK_ID": event["root"],
        "SCHEDULED_FROM": "EXECUTE TASK",
        "ATTEMPT_NUMBER": 1,
        "CONFIG": event["config"],
    }


def _task_history(account: Account) -> Iterator[Row]:
    for event in account.history.events("TASK_RUN"):
        yield task_row(account, event)


def alert_row(account: Account, event: Event) -> Row:
    """One run of an alert as ALERT_HISTORY has it."""
    database, schema, name = event["alert"]
    return {
        "NAME": name,
        "DATABASE_ID": _identifier(account, "DATABASE", database),
        "DATABASE_NAME": database,
        "SCHEMA_ID": _identifier(account, "SCHEMA", database, schema),
        "SCHEMA_NAME": schema,
        "ACTION": event["action"],
        "ACTION_QUERY_ID": event["action_query"],
        "CONDITION": event["condition"],
        "CONDITION_QUERY_ID": event["condition_query"],
        "STATE": event["state"],
        "SCHEDULED_TIME": event["scheduled"],
        "COMPLETED_TIME": event["completed"],
        "SQL_ERROR_CODE": event["error_code"],
        "SQL_ERROR_MESSAGE": event["error_message"],
    }


def _alert_history(account: Account) -> Iterator[Row]:
    for event in account.history.events("ALERT_RUN"):
        yield alert_row(account, event)


def _outbox(account: Account) -> Iterator[Row]:
    for event in account.history.events("MAIL"):
        yield {
            "RECORDED_ON": event["at"],
            "INTEGRATION_NAME": event["integration"],
            "RECIPIENTS": event["recipients"],
            "SUBJECT": event["subject"],
            "BODY": event["body"],
            "MIME_TYPE": event["mime_type"],
            "QUERY_ID": event["query"],
        }


def _identifier(account: Account, kind: str, *parts: str | None) -> int | None:
    found = account.find(kind, ObjectName(tuple(part or "" for part in parts))) if all(parts) else None
    return None if found is None else found.identifier


_ROWS: Final[Mapping[tuple[str, str], Callable[[Account], Iterable[Row]]]] = {
    **{
        (SCHEMA, name): rows
        for name, rows in {
            "ALERT_HISTORY": _alert_history,
            "CORTEX_AI_FUNCTIONS_USAGE_HISTORY": _model_calls,
            "DATABASE_STORAGE_USAGE_HISTORY": _database_storage,
            "GRANTS_TO_ROLES": _grants_to_roles,
            "GRANTS_TO_USERS": _grants_to_users,
            "LOGIN_HISTORY": _log_ins,
            "METERING_HISTORY": _metering,
            "POLICY_REFERENCES": policy_reference_rows,
            "QUERY_ATTRIBUTION_HISTORY": _query_attribution,
            "QUERY_HISTORY": _query_history,
            "ROLES": _roles,
            "SESSIONS": _sessions,
            "STORAGE_USAGE": _storage,
            "TABLE_STORAGE_METRICS": _tables,
            "TAG_REFERENCES": tag_reference_rows,
            "TASK_HISTORY": _task_history,
            "USERS": _users,
            "WAREHOUSE_METERING_HISTORY": metered_hours,
        }.items()
    },
    (OWN_SCHEMA, "EMAIL_OUTBOX"): _outbox,
}
assert _ROWS.keys() == {*((SCHEMA, name) for name in ACCOUNT_USAGE), *((OWN_SCHEMA, name) for name in EMBEDDED)}
