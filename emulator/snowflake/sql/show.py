"""SHOW: what there is, as far as the session's roles may know of it, in Snowflake's own columns.

Source of the columns: Snowflake's documentation, "SHOW …". Columns that only Snowflake's own machinery could
fill (loads, clusters, costs) are there and empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from emulator.snowflake.account import (
    Account,
    Column,
    Grant,
    Grantee,
    ObjectName,
    ParameterValue,
    RoleGrant,
    Session,
    SnowflakeError,
    SnowflakeObject,
)
from emulator.snowflake.account.names import base_type
from emulator.snowflake.account.parameters import parameters_of
from emulator.snowflake.account.retention import KEPT_KINDS
from emulator.snowflake.sql.connection import Connection, handles
from emulator.snowflake.sql.naming import grantee, in_full, kind_of, named
from emulator.snowflake.sql.results import ColumnType, Result, StatementType
from emulator.snowflake.sql.show_keys import unique_keys
from emulator.snowflake.sql.syntax import Tokens, unsupported

Row = Sequence[Any]
Item = TypeVar("Item")


@handles("SHOW")
def show(connection: Connection, tokens: Tokens) -> Result:
    """SHOW of objects, grants, parameters and columns."""
    tokens.expect("SHOW")
    if tokens.accept("FUTURE", "GRANTS"):
        return _future_grants(connection, tokens)
    if tokens.accept("GRANTS"):
        return _grants(connection, tokens)
    if tokens.accept("PARAMETERS"):
        return _parameters(connection, tokens)
    if tokens.accept("VARIABLES"):
        return _variables(connection, tokens)
    if tokens.accept("UNIQUE", "KEYS"):
        return unique_keys(connection, tokens)
    terse = tokens.accept("TERSE")
    if tokens.accept("COLUMNS"):
        return _columns(connection, tokens)
    if tokens.accept("OBJECTS"):
        return _objects(connection, tokens)
    plural = tokens.accept_any(_PLURALS)
    if not plural:
        raise unsupported(f"SHOW {tokens.word()} {tokens.word(1)}".strip())
    listing = _LISTINGS[plural]
    history = listing.kinds[0] in KEPT_KINDS and tokens.accept("HISTORY")
    filters = _filters(connection.session, tokens, listing)
    context = _Context(connection.session)
    items = list(_items(connection.session, listing, filters))
    if history:
        gone = connection.account.dropped(connection.session, listing.kinds[0], within=filters.within)
        context.dropped = {item.identifier: (dropped_on, days) for item, dropped_on, days in gone}
        items += [item for item, *_ in gone]
    found = [item for item in items if filters.keeps(item.name.name)]
    found.sort(key=lambda item: (item.name, item.created_on))
    rows = [listing.row(context, item) for item in filters.cut(found, lambda item: item.name.name)]
    names: Sequence[str] = listing.columns
    if history:
        after = names.index("retention_time") + 1
        names = [*names[:after], "dropped_on", *names[after:]]
        shown = filters.cut(found, lambda item: item.name.name)
        rows = [
            (*row[:after], context.dropped.get(item.identifier, (None, 0))[0], *row[after:])
            for item, row in zip(shown, rows, strict=True)
        ]
    if terse and (listing.depth or plural == "DATABASES"):
        positions = [index for index, name in enumerate(names) if name in _TERSE]
        names = [names[index] for index in positions]
        rows = [[row[index] for index in positions] for row in rows]
    types = {name: kind for name, kind in _TYPES.items() if name in names}
    return Result.listing(names, rows, types=types)


_TERSE = frozenset({"created_on", "dropped_on", "name", "kind", "database_name", "schema_name"})
_TYPES: dict[str, ColumnType] = {
    "created_on": "TIMESTAMP_LTZ",
    "dropped_on": "TIMESTAMP_LTZ",
    "resumed_on": "TIMESTAMP_LTZ",
    "updated_on": "TIMESTAMP_LTZ",
    "entries_in_valuelist": "FIXED",
    "entries_in_allowed_ip_list": "FIXED",
    "entries_in_blocked_ip_list": "FIXED",
    "entries_in_allowed_network_rules": "FIXED",
    "entries_in_blocked_network_rules": "FIXED",
    "rows": "FIXED",
    "bytes": "FIXED",
    "min_cluster_count": "FIXED",
    "max_cluster_count": "FIXED",
    "started_clusters": "FIXED",
    "running": "FIXED",
    "queued": "FIXED",
    "auto_suspend": "FIXED",
    "query_acceleration_max_scale_factor": "FIXED",
    "assigned_to_users": "FIXED",
    "granted_to_roles": "FIXED",
    "granted_roles": "FIXED",
    "granted_to_database_roles": "FIXED",
    "granted_database_roles": "FIXED",
}


# --- which objects


@dataclass(frozen=True, slots=True)
class _Filters:
    like: re.Pattern[str] | None = None
    starts_with: str = ""
    limit: int | None = None
    after: str = ""
    within: ObjectName | None = None

    def keeps(self, name: str) -> bool:
        return (self.like is None or self.like.fullmatch(name) is not None) and name.startswith(self.starts_with)

    def cut(self, items: Sequence[Item], name: Callable[[Item], str]) -> Sequence[Item]:
        if self.after:
            items = [item for item in items if name(item) > self.after]
        return items if self.limit is None else items[: self.limit]


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\\.|%|_)", text)
    regex = "".join(
        ".*" if part == "%" else "." if part == "_" else re.escape(part[1:]) if part[:1] == "\\" else re.escape(part)
        for part in parts
    )
    return re.compile(regex, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Listing:
    """How one kind is shown. `depth` is how many parts its names have before their own."""

    kinds: tuple[str, ...]
    depth: int
    columns: tuple[str, ...]
    row: Callable[[_Context, SnowflakeObject], Row]


def _filters(session: Session, tokens: Tokens, listing: _Listing) -> _Filters:
    if tokens.at("HISTORY"):
        raise unsupported("SHOW … HISTORY")
    like: re.Pattern[str] | None = None
    if tokens.accept("LIKE"):
        like = _pattern(tokens.string())
    within = _default_container(session, listing.depth)
    if tokens.accept("IN"):
        within = _container(session, tokens, listing.depth)
    starts_with = tokens.string() if tokens.accept("STARTS", "WITH") else ""
    limit: int | None = None
    after = ""
    if tokens.accept("LIMIT"):
        limit = tokens.integer()
        if tokens.accept("FROM"):
            after = tokens.string()
    tokens.end()
    return _Filters(like, starts_with, limit, after, within)


def _default_container(session: Session, depth: int) -> ObjectName | None:
    if depth == 0 or session.database is None:
        return None
    if depth == 1 or session.schema is None:
        return ObjectName((session.database,))
    return ObjectName((session.database, session.schema))


def _container(session: Session, tokens: Tokens, depth: int) -> ObjectName | None:
    if tokens.accept("ACCOUNT"):
        return None
    if tokens.accept("APPLICATION"):
        return _seen(session, "DATABASE", ObjectName(tokens.dotted(1)))
    if tokens.accept("DATABASE"):
        if tokens.done or tokens.word() in {"STARTS", "LIMIT"}:
            return in_full(session, "SCHEMA", ("_",)).parent
        return _seen(session, "DATABASE", ObjectName(tokens.dotted(1)))
    if tokens.accept("SCHEMA"):
        if tokens.done or tokens.word() in {"STARTS", "LIMIT"}:
            return in_full(session, "TABLE", ("_",)).parent
        return _seen(session, "SCHEMA", in_full(session, "SCHEMA", tokens.dotted(2)))
    parts = tokens.dotted(2)
    if len(parts) == 2:
        return _seen(session, "SCHEMA", in_full(session, "SCHEMA", parts))
    if depth == 1:
        return _seen(session, "DATABASE", ObjectName(parts))
    return _seen(session, "SCHEMA", in_full(session, "SCHEMA", parts))


def _seen(session: Session, kind: str, name: ObjectName) -> ObjectName:
    if session.account.visible(session, kind, name) is None:
        raise SnowflakeError.does_not_exist(kind, name)
    return name


def _items(session: Session, listing: _Listing, filters: _Filters) -> Iterable[SnowflakeObject]:
    for kind in listing.kinds:
        yield from session.account.list(session, kind, within=filters.within)


# --- rows


class _Context:
    """What rows are made from, looked up once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.account: Account = session.account
        self._effective_roles: set[Grantee] | None = None
        # What is dropped, by identifier: when, and for how many days it is kept.
        self.dropped: dict[int, tuple[datetime, int]] = {}

    @property
    def effective_roles(self) -> set[Grantee]:
        if self._effective_roles is None:
            self._effective_roles = self.account.effective_roles(self.session)
        return self._effective_roles

    def rows(self, item: SnowflakeObject) -> int | None:
        return None if item.identifier in self.dropped else self.account.row_count(item.name)

    def retention(self, item: SnowflakeObject) -> str:
        if item.identifier in self.dropped:
            return str(self.dropped[item.identifier][1])
        value = self.account.effective(item.kind, item.name).get("DATA_RETENTION_TIME_IN_DAYS")
        return "" if value is None else str(value)

    def owned(self, item: SnowflakeObject) -> bool:
        return self.account.holds(self.session, "OWNERSHIP", item.kind, item.name)


def _yes(value: object) -> str:
    return "Y" if value else "N"


def _owner(item: SnowflakeObject) -> str:
    return item.owner.name.name if item.owner is not None else ""


def _owner_type(item: SnowflakeObject) -> str:
    return item.owner.kind if item.owner is not None else ""


def _options(item: SnowflakeObject) -> str:
    words = []
    if item.properties.get("TRANSIENT"):
        words.append("TRANSIENT")
    if item.properties.get("MANAGED_ACCESS"):
        words.append("MANAGED ACCESS")
    return ", ".join(words)


def _database(context: _Context, item: SnowflakeObject) -> Row:
    return (
        item.created_on,
        item.name.name,
        "N",
        _yes(context.session.database == item.name.name),
        "",
        _owner(item),
        item.comment,
        _options(item),
        context.retention(item),
        "STANDARD",
        None,
        _owner_type(item),
    )


def _schema(context: _Context, item: SnowflakeObject) -> Row:
    current = (context.session.database, context.session.schema) == item.name.parts
    return (
        item.created_on,
        item.name.name,
        "N",
        _yes(current),
        item.name.database,
        _owner(item),
        item.comment,
        _options(item),
        context.retention(item),
        _owner_type(item),
        None,
    )


def _table(context: _Context, item: SnowflakeObject) -> Row:
    keys = item.properties.get("CLUSTER_BY")
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        item.name.schema,
        "TRANSIENT" if item.properties.get("TRANSIENT") else "TABLE",
        item.comment,
        f"LINEAR({', '.join(keys)})" if keys else "",
        context.rows(item),
        0,
        _owner(item),
        context.retention(item),
        "ON" if keys else "OFF",
        "ON" if item.properties.get("CHANGE_TRACKING") else "OFF",
        "N",
        _yes(item.properties.get("ENABLE_SCHEMA_EVOLUTION")),
        _owner_type(item),
        "N",
        None,
        "N",
        "N",
        "N",
    )


def _view(context: _Context, item: SnowflakeObject) -> Row:
    secure = bool(item.properties.get("SECURE"))
    text = item.properties.get("STATEMENT", "") if context.owned(item) or not secure else ""
    return (
        item.created_on,
        item.name.name,
        "",
        item.name.database,
        item.name.schema,
        _owner(item),
        item.comment,
        text,
        "true" if secure else "false",
        "false",
        _owner_type(item),
        "ON" if item.properties.get("CHANGE_TRACKING") else "OFF",
    )


def _role(context: _Context, item: SnowflakeObject) -> Row:
    role = Grantee("ROLE", item.name)
    granted = context.account.grants_of(role)
    user = context.account.find("USER", ObjectName((context.session.user,)))
    default = user.properties.get("DEFAULT_ROLE") if user is not None else None
    current = context.session.role == item.name.name
    return (
        item.created_on,
        item.name.name,
        _yes(default == str(item.name)),
        _yes(current),
        _yes(not current and role in context.effective_roles),
        sum(grant.grantee.kind == "USER" for grant in granted),
        sum(grant.grantee.kind == "ROLE" for grant in granted),
        len(context.account.roles_granted_to(role)),
        _owner(item),
        item.comment,
    )


def _database_role(context: _Context, item: SnowflakeObject) -> Row:
    role = Grantee("DATABASE_ROLE", item.name)
    granted = context.account.grants_of(role)
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        "N",
        "N",
        _yes(role in context.effective_roles),
        sum(grant.grantee.kind == "ROLE" for grant in granted),
        sum(grant.grantee.kind == "DATABASE_ROLE" for grant in granted),
        len(context.account.roles_granted_to(role)),
        _owner(item),
        item.comment,
        _owner_type(item),
    )


def _application_role(context: _Context, item: SnowflakeObject) -> Row:
    del context
    return (item.created_on, item.name.name, item.name.database, item.comment, "APPLICATION")


_SIZES = {
    "XSMALL": "X-Small",
    "SMALL": "Small",
    "MEDIUM": "Medium",
    "LARGE": "Large",
    "XLARGE": "X-Large",
    "XXLARGE": "2X-Large",
    "XXXLARGE": "3X-Large",
    "X4LARGE": "4X-Large",
    "X5LARGE": "5X-Large",
    "X6LARGE": "6X-Large",
}


def _warehouse(context: _Context, item: SnowflakeObject) -> Row:
    properties = context.account.effective("WAREHOUSE", item.name)
    size = str(properties.get("WAREHOUSE_SIZE", "XSMALL"))
    suspend = properties.get("AUTO_SUSPEND")
    state = context.account.warehouse_state(item.name)
    return (
        item.name.name,
        state,
        properties.get("WAREHOUSE_TYPE", "STANDARD"),
        _SIZES.get(size, size),
        properties.get("MIN_CLUSTER_COUNT", 1),
        properties.get("MAX_CLUSTER_COUNT", 1),
        0 if state == "SUSPENDED" else 1,
        0,
        0,
        "N",
        _yes(context.session.warehouse == item.name.name),
        None if suspend in (None, 0) else suspend,
        str(bool(properties.get("AUTO_RESUME", True))).lower(),
        "",
        "",
        "",
        "",
        item.created_on,
        item.created_on,
        item.created_on,
        _owner(item),
        item.comment,
        str(bool(properties.get("ENABLE_QUERY_ACCELERATION"))).lower(),
        properties.get("QUERY_ACCELERATION_MAX_SCALE_FACTOR", 8),
        str(properties.get("RESOURCE_MONITOR") or "null"),
        properties.get("SCALING_POLICY", "STANDARD"),
        None,
        _owner_type(item),
        properties.get("RESOURCE_CONSTRAINT"),
    )


def _percent(value: Any) -> str | None:
    if value is None or value == []:
        return None
    values = value if isinstance(value, list) else [value]
    return ",".join(f"{number}%" for number in values)


def _monitor(context: _Context, item: SnowflakeObject) -> Row:
    properties = context.account.effective("RESOURCE MONITOR", item.name)
    quota = properties.get("CREDIT_QUOTA")
    assigned = any(
        warehouse.properties.get("RESOURCE_MONITOR") == str(item.name)
        for warehouse in context.account.list(None, "WAREHOUSE")
    )
    return (
        item.name.name,
        None if quota is None else f"{float(quota):.2f}",
        "0.00",
        None if quota is None else f"{float(quota):.2f}",
        "WAREHOUSE" if assigned else None,
        properties.get("FREQUENCY", "MONTHLY"),
        properties.get("START_TIMESTAMP") or item.created_on.isoformat(sep=" "),
        properties.get("END_TIMESTAMP"),
        _percent(properties.get("NOTIFY_TRIGGERS")),
        _percent(properties.get("SUSPEND_TRIGGER")),
        _percent(properties.get("SUSPEND_IMMEDIATE_TRIGGER")),
        item.created_on,
        _owner(item),
        item.comment,
        ", ".join(str(user) for user in properties.get("NOTIFY_USERS") or []),
    )


def _user(context: _Context, item: SnowflakeObject) -> Row:
    properties = item.properties
    full = context.owned(item) or context.account.holds(context.session, "MANAGE GRANTS", "ACCOUNT")
    first = (item.name.name, item.created_on)
    if not full:
        return (*first, *[None] * 14, _owner(item), *[None] * 3)
    return (
        *first,
        properties.get("LOGIN_NAME", item.name.name),
        properties.get("DISPLAY_NAME", item.name.name),
        properties.get("FIRST_NAME", ""),
        properties.get("LAST_NAME", ""),
        properties.get("EMAIL", ""),
        item.comment,
        str(bool(properties.get("DISABLED"))).lower(),
        str(bool(properties.get("MUST_CHANGE_PASSWORD"))).lower(),
        properties.get("DEFAULT_WAREHOUSE", ""),
        properties.get("DEFAULT_NAMESPACE", ""),
        properties.get("DEFAULT_ROLE", ""),
        json.dumps(properties.get("DEFAULT_SECONDARY_ROLES", ["ALL"])),
        properties.get("NETWORK_POLICY"),
        properties.get("DAYS_TO_EXPIRY"),
        _owner(item),
        "true" if properties.get("PASSWORD") else "false",
        "true" if properties.get("RSA_PUBLIC_KEY") or properties.get("RSA_PUBLIC_KEY_2") else "false",
        properties.get("TYPE") or "",
    )


def _in_schema(context: _Context, item: SnowflakeObject) -> Row:
    del context
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        item.name.schema,
        item.kind.replace(" ", "_"),
        _owner(item),
        item.comment,
        _owner_type(item),
    )


def _tag(context: _Context, item: SnowflakeObject) -> Row:
    del context
    values = item.properties.get("ALLOWED_VALUES")
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        item.name.schema,
        _owner(item),
        item.comment,
        json.dumps(values) if values else None,
        _owner_type(item),
    )


def _task(context: _Context, item: SnowflakeObject) -> Row:
    properties = context.account.effective("TASK", item.name)
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        item.name.schema,
        _owner(item),
        item.comment,
        str(properties.get("WAREHOUSE") or ""),
        properties.get("SCHEDULE"),
        json.dumps([str(task) for task in properties.get("AFTER") or []]),
        str(properties.get("STATE", "SUSPENDED")).lower(),
        properties.get("SQL_STATEMENT"),
        properties.get("WHEN"),
        str(bool(properties.get("ALLOW_OVERLAPPING_EXECUTION"))).lower(),
        _owner_type(item),
    )


def _alert(context: _Context, item: SnowflakeObject) -> Row:
    properties = context.account.effective("ALERT", item.name)
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        item.name.schema,
        _owner(item),
        item.comment,
        str(properties.get("WAREHOUSE") or ""),
        properties.get("SCHEDULE"),
        str(properties.get("STATE", "SUSPENDED")).lower(),
        properties.get("CONDITION"),
        properties.get("ACTION"),
        _owner_type(item),
    )


def _policy(context: _Context, item: SnowflakeObject) -> Row:
    exempt = item.properties.get("EXEMPT_OTHER_POLICIES")
    options = json.dumps({"EXEMPT_OTHER_POLICIES": "TRUE"}) if exempt else ""
    return (*_in_schema(context, item), options)


def _routine(context: _Context, item: SnowflakeObject) -> Row:
    del context
    arguments = item.name.arguments or ()
    returns = item.properties.get("RETURNS", "")
    return (
        item.created_on,
        item.name.name,
        item.name.schema,
        "N",
        "N",
        "N",
        sum(len(argument) < 3 for argument in item.properties.get("ARGUMENTS") or ()),
        len(arguments),
        f"{item.name.name}({', '.join(arguments)}) RETURN {returns}",
        item.comment,
        item.name.database,
        "Y" if str(returns).startswith("TABLE") else "N",
        "N",
        _yes(item.properties.get("SECURE")),
        item.properties.get("LANGUAGE", "SQL"),
    )


def _network_policy(context: _Context, item: SnowflakeObject) -> Row:
    del context
    lists = ("ALLOWED_IP_LIST", "BLOCKED_IP_LIST", "ALLOWED_NETWORK_RULE_LIST", "BLOCKED_NETWORK_RULE_LIST")
    return (item.created_on, item.name.name, item.comment, *(len(item.properties.get(key) or []) for key in lists))


def _network_rule(context: _Context, item: SnowflakeObject) -> Row:
    del context
    return (
        item.created_on,
        item.name.name,
        item.name.database,
        item.name.schema,
        _owner(item),
        item.comment,
        item.properties.get("TYPE"),
        item.properties.get("MODE", "INGRESS"),
        len(item.properties.get("VALUE_LIST") or []),
        _owner_type(item),
    )


def _integration(context: _Context, item: SnowflakeObject) -> Row:
    del context
    return (
        item.name.name,
        item.properties.get("TYPE"),
        item.properties.get("TYPE"),
        str(bool(item.properties.get("ENABLED"))).lower(),
        item.comment,
        item.created_on,
    )


def _columns_of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_IN_SCHEMA = _columns_of("created_on name database_name schema_name kind owner comment owner_role_type")
_ROUTINE = _columns_of(
    "created_on name schema_name is_builtin is_aggregate is_ansi min_num_arguments max_num_arguments arguments "
    "description catalog_name is_table_function valid_for_clustering is_secure language"
)
_LISTINGS: dict[str, _Listing] = {
    "DATABASES": _Listing(
        ("DATABASE",),
        0,
        _columns_of(
            "created_on name is_default is_current origin owner comment options retention_time kind budget "
            "owner_role_type"
        ),
        _database,
    ),
    "SCHEMAS": _Listing(
        ("SCHEMA",),
        1,
        _columns_of(
            "created_on name is_default is_current database_name owner comment options retention_time "
            "owner_role_type budget"
        ),
        _schema,
    ),
    "TABLES": _Listing(
        ("TABLE",),
        2,
        _columns_of(
            "created_on name database_name schema_name kind comment cluster_by rows bytes owner retention_time "
            "automatic_clustering change_tracking is_external enable_schema_evolution owner_role_type is_event "
            "budget is_hybrid is_iceberg is_dynamic"
        ),
        _table,
    ),
    "VIEWS": _Listing(
        ("VIEW",),
        2,
        _columns_of(
            "created_on name reserved database_name schema_name owner comment text is_secure is_materialized "
            "owner_role_type change_tracking"
        ),
        _view,
    ),
    "DATABASE ROLES": _Listing(
        ("DATABASE ROLE",),
        1,
        _columns_of(
            "created_on name database_name is_default is_current is_inherited granted_to_roles "
            "granted_to_database_roles granted_database_roles owner comment owner_role_type"
        ),
        _database_role,
    ),
    "APPLICATION ROLES": _Listing(
        ("APPLICATION ROLE",), 1, _columns_of("created_on name owner comment owner_role_type"), _application_role
    ),
    "ROLES": _Listing(
        ("ROLE",),
        0,
        _columns_of(
            "created_on name is_default is_current is_inherited assigned_to_users granted_to_roles granted_roles "
            "owner comment"
        ),
        _role,
    ),
    "WAREHOUSES": _Listing(
        ("WAREHOUSE",),
        0,
        _columns_of(
            "name state type size min_cluster_count max_cluster_count started_clusters running queued is_default "
            "is_current auto_suspend auto_resume available provisioning quiescing other created_on resumed_on "
            "updated_on owner comment enable_query_acceleration query_acceleration_max_scale_factor "
            "resource_monitor scaling_policy budget owner_role_type resource_constraint"
        ),
        _warehouse,
    ),
    "RESOURCE MONITORS": _Listing(
        ("RESOURCE MONITOR",),
        0,
        _columns_of(
            "name credit_quota used_credits remaining_credits level frequency start_time end_time notify_at "
            "suspend_at suspend_immediately_at created_on owner comment notify_users"
        ),
        _monitor,
    ),
    "USERS": _Listing(
        ("USER",),
        0,
        _columns_of(
            "name created_on login_name display_name first_name last_name email comment disabled "
            "must_change_password default_warehouse default_namespace default_role default_secondary_roles "
            "network_policy days_to_expiry owner has_password has_rsa_public_key type"
        ),
        _user,
    ),
    "TAGS": _Listing(
        ("TAG",),
        2,
        _columns_of("created_on name database_name schema_name owner comment allowed_values owner_role_type"),
        _tag,
    ),
    "TASKS": _Listing(
        ("TASK",),
        2,
        _columns_of(
            "created_on name database_name schema_name owner comment warehouse schedule predecessors state "
            "definition condition allow_overlapping_execution owner_role_type"
        ),
        _task,
    ),
    "ALERTS": _Listing(
        ("ALERT",),
        2,
        _columns_of(
            "created_on name database_name schema_name owner comment warehouse schedule state condition action "
            "owner_role_type"
        ),
        _alert,
    ),
    **{
        f"{kind[:-1]}IES": _Listing((kind,), 2, (*_IN_SCHEMA, "options"), _policy)
        for kind in ("MASKING POLICY", "ROW ACCESS POLICY")
    },
    "USER FUNCTIONS": _Listing(("FUNCTION",), 2, _ROUTINE, _routine),
    "FUNCTIONS": _Listing(("FUNCTION",), 2, _ROUTINE, _routine),
    "USER PROCEDURES": _Listing(("PROCEDURE",), 2, _ROUTINE, _routine),
    "PROCEDURES": _Listing(("PROCEDURE",), 2, _ROUTINE, _routine),
    "NETWORK POLICIES": _Listing(
        ("NETWORK POLICY",),
        0,
        _columns_of(
            "created_on name comment entries_in_allowed_ip_list entries_in_blocked_ip_list "
            "entries_in_allowed_network_rules entries_in_blocked_network_rules"
        ),
        _network_policy,
    ),
    "NETWORK RULES": _Listing(
        ("NETWORK RULE",),
        2,
        _columns_of(
            "created_on name database_name schema_name owner comment type mode entries_in_valuelist owner_role_type"
        ),
        _network_rule,
    ),
    "INTEGRATIONS": _Listing(
        ("INTEGRATION",), 0, _columns_of("name type category enabled comment created_on"), _integration
    ),
    **{
        f"{kind[:-1]}IES" if kind.endswith("Y") else f"{kind}S": _Listing((kind,), 2, _IN_SCHEMA, _in_schema)
        for kind in (
            "PASSWORD POLICY",
            "SESSION POLICY",
            "AUTHENTICATION POLICY",
            "STREAM",
            "STAGE",
            "SEQUENCE",
            "FILE FORMAT",
            "DYNAMIC TABLE",
        )
    },
}
_PLURALS = tuple(sorted(_LISTINGS, key=lambda plural: (-len(plural.split()), plural)))


def _objects(connection: Connection, tokens: Tokens) -> Result:
    session = connection.session
    listing = _LISTINGS["TABLES"]
    filters = _filters(session, tokens, listing)
    rows = [
        (
            item.created_on,
            item.name.name,
            item.name.database,
            item.name.schema,
            kind,
            item.comment,
            "",
            session.account.row_count(item.name) if kind == "TABLE" else None,
            None,
            _owner(item),
            "",
            _owner_type(item),
        )
        for kind in ("TABLE", "VIEW")
        for item in session.account.list(session, kind, within=filters.within)
        if filters.keeps(item.name.name)
    ]
    rows.sort(key=lambda row: (row[2], row[3], row[1]))
    names = _columns_of(
        "created_on name database_name schema_name kind comment cluster_by rows bytes owner retention_time "
        "owner_role_type"
    )
    types = {name: kind for name, kind in _TYPES.items() if name in names}
    return Result.listing(names, filters.cut(rows, lambda row: row[1]), types=types)


def one_shown(session: Session, plural: str, item: SnowflakeObject) -> Result:
    """The row of one object, as its SHOW has it."""
    listing = _LISTINGS[plural]
    types = {name: kind for name, kind in _TYPES.items() if name in listing.columns}
    return Result.listing(listing.columns, [listing.row(_Context(session), item)], StatementType.DESCRIBE, types=types)


# --- columns, parameters, variables


def data_type(column: Column) -> str:
    """A column's type as SHOW COLUMNS describes it, in JSON."""
    kind = base_type(column.type)
    numbers = [int(part) for part in column.type.split("(", 1)[1].rstrip(")").split(",")] if "(" in column.type else []
    found: dict[str, Any] = {"nullable": column.nullable}
    if kind == "VARCHAR":
        length = numbers[0] if numbers else 16_777_216
        found = {"type": "TEXT", "length": length, "byteLength": min(length * 4, 16_777_216), **found, "fixed": False}
    elif kind == "NUMBER":
        found = {
            "type": "FIXED",
            "precision": numbers[0] if numbers else 38,
            "scale": numbers[1] if len(numbers) > 1 else 0,
            **found,
        }
    elif kind == "FLOAT":
        found = {"type": "REAL", **found}
    elif kind.startswith("TIME"):
        found = {"type": kind, "precision": 0, "scale": numbers[0] if numbers else 9, **found}
    else:
        found = {"type": kind, **found}
    return json.dumps(found, separators=(",", ":"))


def _columns(connection: Connection, tokens: Tokens) -> Result:
    session, account = connection.session, connection.account
    like = _pattern(tokens.string()) if tokens.accept("LIKE") else None
    within = _default_container(session, 2)
    tables: list[SnowflakeObject] = []
    if tokens.accept("IN"):
        kind = tokens.accept_any(("TABLE", "VIEW"))
        if not kind and tokens.word() in {"ACCOUNT", "DATABASE", "SCHEMA"}:
            within = _container(session, tokens, 2)
        else:
            name = in_full(session, "TABLE", tokens.dotted())
            found = account.visible(session, "TABLE", name) or account.visible(session, "VIEW", name)
            if found is None:
                raise SnowflakeError.does_not_exist("TABLE", name)
            tables = [found]
    tokens.end()
    if not tables:
        tables = [*account.list(session, "TABLE", within=within), *account.list(session, "VIEW", within=within)]
    rows = [
        (
            table.name.name,
            table.name.schema,
            column.name,
            data_type(column),
            "true" if column.nullable else "NOT_NULL",
            column.default or "",
            "COLUMN",
            "",
            column.comment,
            table.name.database,
            f"IDENTITY START {column.identity[0]} INCREMENT {column.identity[1]}" if column.identity else "",
        )
        for table in tables
        for column in account.columns(table.name)
        if like is None or like.fullmatch(column.name)
    ]
    names = (
        "table_name",
        "schema_name",
        "column_name",
        "data_type",
        "null?",
        "default",
        "kind",
        "expression",
        "comment",
        "database_name",
        "autoincrement",
    )
    return Result.listing(names, rows)


def _parameters(connection: Connection, tokens: Tokens) -> Result:
    session, account = connection.session, connection.account
    like = _pattern(tokens.string()) if tokens.accept("LIKE") else None
    found: dict[str, ParameterValue]
    if tokens.accept_any(("IN", "FOR")) and not tokens.accept("SESSION"):
        if tokens.accept("ACCOUNT"):
            found = account.parameters("ACCOUNT")
        else:
            kind = kind_of(tokens)
            if tokens.done or tokens.at("LIKE"):
                name = {"USER": ObjectName((session.user,))}.get(kind) or in_full(session, kind, ("_",)).parent
                assert name is not None
            else:
                name = named(session, kind, tokens)
            if account.visible(session, kind, name) is None and (kind, name.name) != ("USER", session.user):
                raise SnowflakeError.does_not_exist(kind, name)
            found = account.parameters(kind, name)
    else:
        known = parameters_of("SESSION")
        found = {
            key: value for key, value in account.parameters("USER", ObjectName((session.user,))).items() if key in known
        }
        for key, value in session.parameters.items():
            if key in known:
                found[key] = ParameterValue(key, value, known[key].default, "SESSION")
    if tokens.accept("LIKE"):
        like = _pattern(tokens.string())
    tokens.end()
    rows = [
        (key, _plain(item.value), _plain(item.default), item.level, item.description, _parameter_type(item.default))
        for key, item in sorted(found.items())
        if like is None or like.fullmatch(key)
    ]
    return Result.listing(("key", "value", "default", "level", "description", "type"), rows)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _parameter_type(default: Any) -> str:
    return "BOOLEAN" if isinstance(default, bool) else "NUMBER" if isinstance(default, int) else "STRING"


def _variables(connection: Connection, tokens: Tokens) -> Result:
    tokens.end()
    rows = [
        (str(connection.session.session_id), name, str(value), "fixed" if isinstance(value, int) else "text")
        for name, value in sorted(connection.variables.items())
    ]
    return Result.listing(("session_id", "name", "value", "type"), rows)


# --- grants

_GRANT = (
    "created_on",
    "privilege",
    "granted_on",
    "name",
    "granted_to",
    "grantee_name",
    "grant_option",
    "granted_by",
)
_ROLE_GRANT = ("created_on", "role", "granted_to", "grantee_name", "granted_by")


def _grants(connection: Connection, tokens: Tokens) -> Result:
    session, account = connection.session, connection.account
    if tokens.accept("ON"):
        if tokens.accept("ACCOUNT"):
            tokens.end()
            return _grant_rows(account.grants_on("ACCOUNT"))
        kind = kind_of(tokens)
        name = named(session, kind, tokens)
        tokens.end()
        if account.visible(session, kind, name) is None:
            raise SnowflakeError.does_not_exist(kind, name)
        return _grant_rows(account.grants_on(kind, name))
    if tokens.accept("OF"):
        role = grantee(session, tokens)
        tokens.end()
        _require_role(session, role)
        return _role_grant_rows(account.grants_of(role))
    if tokens.done:
        return _role_grant_rows(account.roles_granted_to(Grantee.user(session.user)))
    tokens.expect("TO")
    to = grantee(session, tokens, users=True)
    tokens.end()
    _require_role(session, to)
    if to.kind == "USER":
        return _role_grant_rows(account.roles_granted_to(to))
    roles = [
        Grant(
            granted.created_on,
            "USAGE",
            granted.role.object_kind,
            granted.role.name,
            granted.grantee,
            grant_option=False,
            granted_by=granted.granted_by,
        )
        for granted in account.roles_granted_to(to)
    ]
    return _grant_rows([*account.grants_to(to), *roles])


def _require_role(session: Session, role: Grantee) -> None:
    known = session.account.visible(session, role.object_kind, role.name) is not None
    own = role.kind == "USER" and role.name.name == session.user
    if not known and not own and role not in session.account.effective_roles(session):
        raise SnowflakeError.does_not_exist(role.object_kind, role.name)


def _grant_rows(grants: Iterable[Grant]) -> Result:
    rows = [
        (
            grant.created_on,
            grant.privilege,
            grant.kind.replace(" ", "_"),
            str(grant.name),
            grant.grantee.kind,
            grant.grantee.name.name,
            str(grant.grant_option).lower(),
            grant.granted_by,
        )
        for grant in grants
    ]
    return Result.listing(_GRANT, rows, types={"created_on": "TIMESTAMP_LTZ"})


def _role_grant_rows(grants: Iterable[RoleGrant]) -> Result:
    rows = [
        (
            grant.created_on,
            str(grant.role.name),
            grant.grantee.kind,
            str(grant.grantee.name),
            grant.granted_by,
        )
        for grant in grants
    ]
    return Result.listing(_ROLE_GRANT, rows, types={"created_on": "TIMESTAMP_LTZ"})


def _future_grants(connection: Connection, tokens: Tokens) -> Result:
    session, account = connection.session, connection.account
    if tokens.accept("IN"):
        if tokens.accept("DATABASE"):
            container = _seen(session, "DATABASE", ObjectName(tokens.dotted(1)))
        else:
            tokens.expect("SCHEMA")
            container = _seen(session, "SCHEMA", in_full(session, "SCHEMA", tokens.dotted(2)))
        grants = account.future_grants(container)
    else:
        tokens.expect("TO")
        to = grantee(session, tokens)
        _require_role(session, to)
        grants = account.future_grants_to(to)
    tokens.end()
    rows = [
        (
            grant.created_on,
            grant.privilege,
            grant.kind.replace(" ", "_"),
            f"{grant.name}.<{grant.kind.replace(' ', '_')}>",
            grant.grantee.kind,
            grant.grantee.name.name,
            str(grant.grant_option).lower(),
        )
        for grant in grants
    ]
    names = ("created_on", "privilege", "grant_on", "name", "grant_to", "grantee_name", "grant_option")
    return Result.listing(names, rows, types={"created_on": "TIMESTAMP_LTZ"})
