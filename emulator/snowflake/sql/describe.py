"""DESCRIBE: one object's parts or properties, in Snowflake's own columns."""

from __future__ import annotations

from typing import Any

from emulator.snowflake.account import Column, ObjectName, Session, SnowflakeError, SnowflakeObject
from emulator.snowflake.account.keys import fingerprint
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.sql.connection import Connection, handles
from emulator.snowflake.sql.naming import in_full, kind_of, named
from emulator.snowflake.sql.results import Result, StatementType
from emulator.snowflake.sql.show import one_shown
from emulator.snowflake.sql.syntax import Tokens, unsupported

_COLUMN = (
    "name",
    "type",
    "kind",
    "null?",
    "default",
    "primary key",
    "unique key",
    "check",
    "expression",
    "comment",
    "policy name",
    "privacy domain",
)
# What a description never tells, however it is asked.
_SECRET = frozenset({"PASSWORD"})


@handles("DESCRIBE", "DESC")
def describe(connection: Connection, tokens: Tokens) -> Result:
    """DESCRIBE of tables and views by column, of databases and schemas by content, of the rest by property."""
    session = connection.session
    tokens.position += 1
    if tokens.at("RESULT"):
        raise unsupported("DESCRIBE RESULT")
    if tokens.word() in {"SELECT", "WITH", "("}:
        found = connection.query(tokens.rest(), {}, describe=True)
        rows = [(column.name, column.type, "COLUMN", "Y" if column.nullable else "N") for column in found.columns]
        return Result.listing(_COLUMN[:4], rows, StatementType.DESCRIBE)
    if _names_a_table(tokens):
        return _columns(session, in_full(session, "TABLE", tokens.dotted()))
    kind = kind_of(tokens)
    name = named(session, kind, tokens)
    tokens.end()
    if kind in ("TABLE", "VIEW"):
        return _columns(session, name)
    found_object = session.account.visible(session, kind, name)
    if found_object is None:
        raise SnowflakeError.does_not_exist(kind, name)
    if kind == "DATABASE":
        return _content(session, name, ("SCHEMA",))
    if kind == "SCHEMA":
        return _content(session, name, ("TABLE", "VIEW"))
    if kind == "WAREHOUSE":
        return _listed([found_object])
    if kind in ("MASKING POLICY", "ROW ACCESS POLICY"):
        return _policy(found_object)
    if kind in ("TASK", "ALERT"):
        return one_shown(session, f"{kind}S", found_object)
    if kind in ("FUNCTION", "PROCEDURE"):
        return _routine(found_object)
    return _properties(session, found_object)


def _names_a_table(tokens: Tokens) -> bool:
    following = tokens.peek(1)
    return following is None or following.text == "."


def _columns(session: Session, name: ObjectName) -> Result:
    account = session.account
    found = account.visible(session, "TABLE", name) or account.visible(session, "VIEW", name)
    if found is None:
        raise SnowflakeError.does_not_exist("TABLE", name)
    keys: dict[str, set[str]] = {"PRIMARY KEY": set(), "UNIQUE": set()}
    for constraint in found.properties.get("CONSTRAINTS") or ():
        keys.setdefault(str(constraint["TYPE"]), set()).update(constraint.get("COLUMNS") or ())
    policies = {
        reference.column: str(reference.policy)
        for reference in account.policy_references(target=(found.kind, name))
        if reference.policy_kind == "MASKING POLICY"
    }
    rows = [
        (
            column.name,
            column.type,
            "COLUMN",
            "Y" if column.nullable else "N",
            column.default
            if column.identity is None
            else f"IDENTITY START {column.identity[0]} INCREMENT {column.identity[1]}",
            "Y" if column.name in keys["PRIMARY KEY"] else "N",
            "Y" if column.name in keys["UNIQUE"] else "N",
            None,
            None,
            column.comment or None,
            policies.get(column.name),
            None,
        )
        for column in account.columns(name)
    ]
    return Result.listing(_COLUMN, rows, StatementType.DESCRIBE)


def _default(column: Column) -> str | None:
    if column.identity is None:
        return column.default
    return f"IDENTITY START {column.identity[0]} INCREMENT {column.identity[1]}"


def _content(session: Session, name: ObjectName, kinds: tuple[str, ...]) -> Result:
    found = [item for kind in kinds for item in session.account.list(session, kind, within=name)]
    return _listed(found)


def _listed(found: list[SnowflakeObject]) -> Result:
    rows = [(item.created_on, item.name.name, item.kind) for item in found]
    return Result.listing(
        ("created_on", "name", "kind"), rows, StatementType.DESCRIBE, types={"created_on": "TIMESTAMP_LTZ"}
    )


def _policy(item: SnowflakeObject) -> Result:
    arguments = item.properties.get("ARGUMENTS") or ()
    signature = "(" + ", ".join(f"{argument[0]} {argument[1]}" for argument in arguments) + ")"
    row = (item.name.name, signature, item.properties.get("RETURNS", "BOOLEAN"), item.properties.get("BODY"))
    return Result.listing(("name", "signature", "return_type", "body"), [row], StatementType.DESCRIBE)


def _routine(item: SnowflakeObject) -> Result:
    """A function's or procedure's parts, as Snowflake lists them for its language."""
    properties = item.properties
    signature = ", ".join(" ".join(argument[:2]) for argument in properties.get("ARGUMENTS") or ())
    rows = [
        ("signature", f"({signature})"),
        ("returns", str(properties["RETURNS"])),
        ("language", str(properties.get("LANGUAGE", "SQL"))),
    ]
    if properties.get("LANGUAGE", "SQL") != "SQL" or item.kind == "PROCEDURE":
        rows.append(("null handling", str(properties.get("NULL_INPUT_BEHAVIOR", "CALLED ON NULL INPUT"))))
        rows.append(("volatility", str(properties.get("RETURN_RESULTS_BEHAVIOR", "VOLATILE"))))
    if item.kind == "PROCEDURE":
        rows.append(("execute as", str(properties.get("EXECUTE_AS", "OWNER"))))
    rows.append(("body", str(properties["BODY"])))
    for key in ("IMPORTS", "HANDLER", "RUNTIME_VERSION", "PACKAGES"):
        if key in properties:
            value = properties[key]
            listed = f"[{','.join(repr(one) for one in value)}]" if isinstance(value, list) else str(value)
            rows.append((key.lower(), listed))
    return Result.listing(("property", "value"), rows, StatementType.DESCRIBE)


_PUBLIC_KEYS = frozenset({"RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"})


def _properties(session: Session, item: SnowflakeObject) -> Result:
    spec = spec_of(item.kind)
    effective = session.account.effective(item.kind, item.name)
    rows: list[tuple[str, str | None, str | None, str]] = [("NAME", item.name.name, None, "Name")]
    for key in sorted(spec.properties):
        if key in _SECRET:
            value: str | None = "********" if item.properties.get(key) else None
        elif key == "COMMENT":
            value = item.comment or None
        else:
            value = _text(effective.get(key))
        rows.append((key, value, _text(spec.properties[key].default), ""))
        if key in _PUBLIC_KEYS:
            # Snowflake shows each key's fingerprint as well, by which a key is told at a glance.
            rows.append((f"{key}_FP", fingerprint(value) if value else None, None, ""))
    return Result.listing(("property", "value", "default", "description"), rows, StatementType.DESCRIBE)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return str(value)
