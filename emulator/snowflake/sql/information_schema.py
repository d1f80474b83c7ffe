"""INFORMATION_SCHEMA: what exists in one database, as far as the session's roles may know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from emulator.snowflake.account import Column, Grant, Grantee, ObjectName, Session, SnowflakeError, SnowflakeObject
from emulator.snowflake.account.names import base_type

Row = dict[str, Any]

_TEXT, _NUMBER, _TIME = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
MAXIMUM_BYTES = 16_777_216


def information_schema(session: Session, database: str, view: str) -> pa.Table:
    """The rows of one view; one that is not there or not built is refused."""
    account = session.account
    name = ObjectName((database, "INFORMATION_SCHEMA", view))
    if account.visible(session, "DATABASE", ObjectName((database,))) is None:
        raise SnowflakeError.compilation(2003, "02000", f"Database '{database}' does not exist or not authorized.")
    known = _VIEWS.get(view)
    if known is None:
        raise SnowflakeError.compilation(2003, "42S02", f"Object '{name}' does not exist or not authorized.")
    schema, rows = known
    found = list(rows(session, database))
    return pa.Table.from_pylist(found, schema=schema)


def _schema(**fields: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, type_) for name, type_ in fields.items()])


def _texts(*names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, _TEXT)


def _owner(item: SnowflakeObject) -> str | None:
    return item.owner.name.name if item.owner is not None else None


def _yes(value: object) -> str:
    return "YES" if value else "NO"


def _retention(session: Session, item: SnowflakeObject) -> int | None:
    value = session.account.effective(item.kind, item.name).get("DATA_RETENTION_TIME_IN_DAYS")
    return int(value) if value is not None else None


def _databases(session: Session, _: str) -> Iterable[Row]:
    for item in session.account.list(session, "DATABASE"):
        yield {
            "DATABASE_NAME": item.name.name,
            "DATABASE_OWNER": _owner(item),
            "IS_TRANSIENT": _yes(item.properties.get("TRANSIENT")),
            "COMMENT": item.comment or None,
            "CREATED": item.created_on,
            "LAST_ALTERED": item.created_on,
            "RETENTION_TIME": _retention(session, item),
            "TYPE": "STANDARD",
        }


def _schemata(session: Session, database: str) -> Iterable[Row]:
    for item in session.account.list(session, "SCHEMA", within=ObjectName((database,))):
        yield {
            "CATALOG_NAME": database,
            "SCHEMA_NAME": item.name.name,
            "SCHEMA_OWNER": _owner(item),
            "IS_TRANSIENT": _yes(item.properties.get("TRANSIENT")),
            "IS_MANAGED_ACCESS": _yes(item.properties.get("MANAGED_ACCESS")),
            "RETENTION_TIME": _retention(session, item),
            "CREATED": item.created_on,
            "LAST_ALTERED": item.created_on,
            "COMMENT": item.comment or None,
        }
    yield {
        "CATALOG_NAME": database,
        "SCHEMA_NAME": "INFORMATION_SCHEMA",
        "IS_TRANSIENT": "NO",
        "IS_MANAGED_ACCESS": "NO",
    }


def _tables(session: Session, database: str) -> Iterable[Row]:
    account = session.account
    for kind, called in (("TABLE", "BASE TABLE"), ("VIEW", "VIEW")):
        for item in account.list(session, kind, within=ObjectName((database,))):
            yield {
                "TABLE_CATALOG": database,
                "TABLE_SCHEMA": item.name.schema,
                "TABLE_NAME": item.name.name,
                "TABLE_OWNER": _owner(item),
                "TABLE_TYPE": called,
                "IS_TRANSIENT": _yes(item.properties.get("TRANSIENT")) if kind == "TABLE" else None,
                "CLUSTERING_KEY": _clustering(item),
                "ROW_COUNT": account.row_count(item.name) if kind == "TABLE" else None,
                "RETENTION_TIME": _retention(session, item) if kind == "TABLE" else None,
                "CREATED": item.created_on,
                "LAST_ALTERED": item.created_on,
                "COMMENT": item.comment or None,
            }


def _clustering(item: SnowflakeObject) -> str | None:
    keys = item.properties.get("CLUSTER_BY")
    return f"LINEAR({', '.join(keys)})" if keys else None


def _columns(session: Session, database: str) -> Iterable[Row]:
    account = session.account
    for kind in ("TABLE", "VIEW"):
        for item in account.list(session, kind, within=ObjectName((database,))):
            for column in account.columns(item.name):
                yield {
                    "TABLE_CATALOG": database,
                    "TABLE_SCHEMA": item.name.schema,
                    "TABLE_NAME": item.name.name,
                    "COLUMN_NAME": column.name,
                    "ORDINAL_POSITION": column.position,
                    "COLUMN_DEFAULT": column.default,
                    "IS_NULLABLE": _yes(column.nullable),
                    **_type(column),
                    "IS_IDENTITY": _yes(column.identity),
                    "COMMENT": column.comment or None,
                }


def _type(column: Column) -> Row:
    kind = base_type(column.type)
    numbers = [int(part) for part in column.type.split("(", 1)[1].rstrip(")").split(",")] if "(" in column.type else []
    row: Row = {"DATA_TYPE": "TEXT" if kind == "VARCHAR" else kind}
    match kind:
        case "VARCHAR":
            length = numbers[0] if numbers else MAXIMUM_BYTES
            row |= {"CHARACTER_MAXIMUM_LENGTH": length, "CHARACTER_OCTET_LENGTH": min(length * 4, MAXIMUM_BYTES)}
        case "NUMBER":
            row |= {
                "NUMERIC_PRECISION": numbers[0] if numbers else 38,
                "NUMERIC_PRECISION_RADIX": 10,
                "NUMERIC_SCALE": numbers[1] if len(numbers) > 1 else 0,
            }
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" | "TIME":
            row |= {"DATETIME_PRECISION": numbers[0] if numbers else 9}
    return row


def _views(session: Session, database: str) -> Iterable[Row]:
    account = session.account
    for item in account.list(session, "VIEW", within=ObjectName((database,))):
        # Only its owner sees what a view is made of.
        owned = account.holds(session, "OWNERSHIP", "VIEW", item.name)
        secure = bool(item.properties.get("SECURE"))
        yield {
            "TABLE_CATALOG": database,
            "TABLE_SCHEMA": item.name.schema,
            "TABLE_NAME": item.name.name,
            "TABLE_OWNER": _owner(item),
            "VIEW_DEFINITION": item.properties.get("STATEMENT") if owned or not secure else None,
            "CHECK_OPTION": "NONE",
            "IS_UPDATABLE": "NO",
            "INSERTABLE_INTO": "NO",
            "IS_SECURE": _yes(secure),
            "CREATED": item.created_on,
            "LAST_ALTERED": item.created_on,
            "COMMENT": item.comment or None,
        }


def _table_constraints(session: Session, database: str) -> Iterable[Row]:
    for item in session.account.list(session, "TABLE", within=ObjectName((database,))):
        for constraint in item.properties.get("CONSTRAINTS") or ():
            # One that nobody named has a name of Snowflake's own making, which nothing can rely on.
            place = {"TABLE_CATALOG": database, "TABLE_SCHEMA": item.name.schema}
            yield {
                "CONSTRAINT_CATALOG": database,
                "CONSTRAINT_SCHEMA": item.name.schema,
                "CONSTRAINT_NAME": constraint.get("NAME"),
                **place,
                "TABLE_NAME": item.name.name,
                "CONSTRAINT_TYPE": constraint["TYPE"],
                "IS_DEFERRABLE": _yes(constraint.get("DEFERRABLE", True)),
                "INITIALLY_DEFERRED": _yes(constraint.get("INITIALLY", "DEFERRED") == "DEFERRED"),
                "ENFORCED": _yes(constraint.get("ENFORCED")),
                "COMMENT": None,
                "CREATED": item.created_on,
                "LAST_ALTERED": item.created_on,
                "RELY": _yes(constraint.get("RELY")),
            }


def _table_privileges(session: Session, database: str) -> Iterable[Row]:
    for kind in ("TABLE", "VIEW"):
        for item in session.account.list(session, kind, within=ObjectName((database,))):
            for grant in session.account.grants_on(kind, item.name):
                yield {
                    **_privilege(grant),
                    "TABLE_CATALOG": database,
                    "TABLE_SCHEMA": item.name.schema,
                    "TABLE_NAME": item.name.name,
                    "WITH_HIERARCHY": None,
                }


def _object_privileges(session: Session, database: str) -> Iterable[Row]:
    account = session.account
    found: list[SnowflakeObject] = []
    for kind in ("DATABASE", "SCHEMA", "TABLE", "VIEW", "FUNCTION", "PROCEDURE"):
        found += account.list(session, kind, within=ObjectName((database,)) if kind != "DATABASE" else None)
    for item in found:
        if item.name.database != database:
            continue
        for grant in account.grants_on(item.kind, item.name):
            yield {
                **_privilege(grant),
                "OBJECT_CATALOG": database,
                "OBJECT_SCHEMA": item.name.parts[1] if len(item.name.parts) > 1 else None,
                "OBJECT_NAME": item.name.name,
                "OBJECT_TYPE": item.kind,
            }


def _privilege(grant: Grant) -> Row:
    return {
        "GRANTOR": grant.granted_by or None,
        "GRANTEE": str(grant.grantee.name),
        "GRANTED_TO": grant.grantee.kind,
        "PRIVILEGE_TYPE": grant.privilege,
        "IS_GRANTABLE": _yes(grant.grant_option),
        "CREATED": grant.created_on,
    }


def _enabled_roles(session: Session, _: str) -> Iterable[Row]:
    for role in sorted(session.account.effective_roles(session)):
        if role.kind == "ROLE":
            owner = session.account.find("ROLE", role.name)
            yield {"ROLE_NAME": role.name.name, "ROLE_OWNER": _owner(owner) if owner is not None else None}


def _applicable_roles(session: Session, _: str) -> Iterable[Row]:
    account = session.account
    reached: Sequence[Grantee] = sorted(account.role_paths(Grantee.user(session.user)))
    for role in reached:
        if role.kind != "ROLE":
            continue
        for grant in account.grants_of(role):
            yield {
                "GRANTEE": grant.grantee.name.name,
                "ROLE_NAME": role.name.name,
                "ROLE_OWNER": grant.granted_by or None,
                "IS_GRANTABLE": "NO",
            }


_View = tuple[pa.Schema, Callable[[Session, str], Iterable[Row]]]

_VIEWS: dict[str, _View] = {
    "DATABASES": (
        _schema(
            **_texts("DATABASE_NAME", "DATABASE_OWNER", "IS_TRANSIENT", "COMMENT"),
            CREATED=_TIME,
            LAST_ALTERED=_TIME,
            RETENTION_TIME=_NUMBER,
            TYPE=_TEXT,
        ),
        _databases,
    ),
    "SCHEMATA": (
        _schema(
            **_texts("CATALOG_NAME", "SCHEMA_NAME", "SCHEMA_OWNER", "IS_TRANSIENT", "IS_MANAGED_ACCESS"),
            RETENTION_TIME=_NUMBER,
            CREATED=_TIME,
            LAST_ALTERED=_TIME,
            COMMENT=_TEXT,
        ),
        _schemata,
    ),
    "TABLES": (
        _schema(
            **_texts(
                "TABLE_CATALOG",
                "TABLE_SCHEMA",
                "TABLE_NAME",
                "TABLE_OWNER",
                "TABLE_TYPE",
                "IS_TRANSIENT",
                "CLUSTERING_KEY",
            ),
            ROW_COUNT=_NUMBER,
            RETENTION_TIME=_NUMBER,
            CREATED=_TIME,
            LAST_ALTERED=_TIME,
            COMMENT=_TEXT,
        ),
        _tables,
    ),
    "COLUMNS": (
        _schema(
            **_texts("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME"),
            ORDINAL_POSITION=_NUMBER,
            **_texts("COLUMN_DEFAULT", "IS_NULLABLE", "DATA_TYPE"),
            CHARACTER_MAXIMUM_LENGTH=_NUMBER,
            CHARACTER_OCTET_LENGTH=_NUMBER,
            NUMERIC_PRECISION=_NUMBER,
            NUMERIC_PRECISION_RADIX=_NUMBER,
            NUMERIC_SCALE=_NUMBER,
            DATETIME_PRECISION=_NUMBER,
            **_texts("IS_IDENTITY", "COMMENT"),
        ),
        _columns,
    ),
    "VIEWS": (
        _schema(
            **_texts(
                "TABLE_CATALOG",
                "TABLE_SCHEMA",
                "TABLE_NAME",
                "TABLE_OWNER",
                "VIEW_DEFINITION",
                "CHECK_OPTION",
                "IS_UPDATABLE",
                "INSERTABLE_INTO",
                "IS_SECURE",
            ),
            CREATED=_TIME,
            LAST_ALTERED=_TIME,
            COMMENT=_TEXT,
        ),
        _views,
    ),
    "TABLE_CONSTRAINTS": (
        _schema(
            **_texts(
                "CONSTRAINT_CATALOG",
                "CONSTRAINT_SCHEMA",
                "CONSTRAINT_NAME",
                "TABLE_CATALOG",
                "TABLE_SCHEMA",
                "TABLE_NAME",
                "CONSTRAINT_TYPE",
                "IS_DEFERRABLE",
                "INITIALLY_DEFERRED",
                "ENFORCED",
                "COMMENT",
            ),
            CREATED=_TIME,
            LAST_ALTERED=_TIME,
            RELY=_TEXT,
        ),
        _table_constraints,
    ),
    "TABLE_PRIVILEGES": (
        _schema(
            **_texts(
                "GRANTOR",
                "GRANTEE",
                "GRANTED_TO",
                "TABLE_CATALOG",
                "TABLE_SCHEMA",
                "TABLE_NAME",
                "PRIVILEGE_TYPE",
                "IS_GRANTABLE",
                "WITH_HIERARCHY",
            ),
            CREATED=_TIME,
        ),
        _table_privileges,
    ),
    "OBJECT_PRIVILEGES": (
        _schema(
            **_texts(
                "GRANTOR",
                "GRANTEE",
                "GRANTED_TO",
                "OBJECT_CATALOG",
                "OBJECT_SCHEMA",
                "OBJECT_NAME",
                "OBJECT_TYPE",
                "PRIVILEGE_TYPE",
                "IS_GRANTABLE",
            ),
            CREATED=_TIME,
        ),
        _object_privileges,
    ),
    "ENABLED_ROLES": (_schema(**_texts("ROLE_NAME", "ROLE_OWNER")), _enabled_roles),
    "APPLICABLE_ROLES": (_schema(**_texts("GRANTEE", "ROLE_NAME", "ROLE_OWNER", "IS_GRANTABLE")), _applicable_roles),
}
