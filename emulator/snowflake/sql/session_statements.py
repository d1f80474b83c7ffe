"""USE, SET, ALTER SESSION and transactions."""

from __future__ import annotations

from typing import Any

from emulator.snowflake.account import ObjectName, SnowflakeError
from emulator.snowflake.sql.connection import Connection, handles
from emulator.snowflake.sql.results import Result, StatementType
from emulator.snowflake.sql.syntax import Tokens, is_block, tokenize, unsupported

_DONE = "Statement executed successfully."


@handles("USE")
def use(connection: Connection, tokens: Tokens) -> Result:
    """USE ROLE, SECONDARY ROLES, WAREHOUSE, DATABASE, SCHEMA; USE alone names a database or schema."""
    session, account = connection.session, connection.account
    tokens.expect("USE")
    if tokens.accept("ROLE"):
        (role,) = tokens.dotted(1)
        tokens.end()
        account.use_role(session, role)
    elif tokens.accept("SECONDARY", "ROLES"):
        choice = tokens.word()
        if choice not in {"ALL", "NONE"}:
            raise unsupported(f"USE SECONDARY ROLES {choice}")
        tokens.position += 1
        tokens.end()
        account.use_secondary_roles(session, "ALL" if choice == "ALL" else "NONE")
    elif tokens.accept("WAREHOUSE"):
        (warehouse,) = tokens.dotted(1)
        tokens.end()
        account.use_warehouse(session, warehouse)
    elif tokens.accept("DATABASE"):
        (database,) = tokens.dotted(1)
        tokens.end()
        account.use_database(session, database)
    else:
        schema_word = tokens.accept("SCHEMA")
        parts = tokens.dotted(2)
        tokens.end()
        if len(parts) == 1 and not schema_word:
            account.use_database(session, parts[0])
        else:
            if len(parts) == 1:
                if session.database is None:
                    raise SnowflakeError(
                        90105,
                        "22000",
                        "Cannot perform USE SCHEMA. This session does not have a current database. Call "
                        "'USE DATABASE', or use a qualified name.",
                    )
                parts = (session.database, *parts)
            account.use_schema(session, ObjectName(parts))
    return Result.message(_DONE, StatementType.USE)


@handles("BEGIN", "START")
def begin(connection: Connection, tokens: Tokens) -> Result:
    """BEGIN [WORK | TRANSACTION], START TRANSACTION."""
    if is_block(tokenize(tokens.sql)):
        raise unsupported("BEGIN … END (Snowflake Scripting)")
    if tokens.accept("START"):
        tokens.expect("TRANSACTION")
    else:
        tokens.expect("BEGIN")
        tokens.accept_any(("WORK", "TRANSACTION"))
    if tokens.accept("NAME"):
        tokens.identifier()
    tokens.end()
    connection.require_own_transaction()
    connection.begin()
    return Result.message(_DONE, StatementType.TRANSACTION)


@handles("DECLARE")
def declare(connection: Connection, tokens: Tokens) -> Result:
    """Snowflake Scripting is not built."""
    del connection, tokens
    raise unsupported("DECLARE … BEGIN … END (Snowflake Scripting)")


@handles("COMMIT")
def commit(connection: Connection, tokens: Tokens) -> Result:
    """COMMIT [WORK]."""
    tokens.expect("COMMIT")
    tokens.accept("WORK")
    tokens.end()
    connection.require_own_transaction()
    connection.commit()
    return Result.message(_DONE, StatementType.TRANSACTION)


@handles("ROLLBACK")
def rollback(connection: Connection, tokens: Tokens) -> Result:
    """ROLLBACK [WORK]."""
    tokens.expect("ROLLBACK")
    tokens.accept("WORK")
    tokens.end()
    connection.require_own_transaction()
    connection.rollback()
    return Result.message(_DONE, StatementType.TRANSACTION)


@handles("SET")
def set_variables(connection: Connection, tokens: Tokens) -> Result:
    """SET name = expression, or SET (a, b) = (x, y)."""
    tokens.expect("SET")
    if tokens.accept("("):
        names = tokens.list_of(tokens.identifier)
        tokens.expect(")")
        tokens.expect("=")
        text = tokens.balanced()
        tokens.end()
    else:
        names = [tokens.identifier()]
        tokens.expect("=")
        text = tokens.rest()
    if not text:
        tokens.fail()
    row = connection.query(f"SELECT {text}", {}).rows[0]
    if len(row) != len(names):
        raise SnowflakeError.syntax(f"{len(names)} variables but {len(row)} values")
    connection.variables.update(zip(names, row, strict=True))
    return Result.message(_DONE, StatementType.ALTER_SESSION)


@handles("UNSET")
def unset_variables(connection: Connection, tokens: Tokens) -> Result:
    """UNSET name, or UNSET (a, b)."""
    tokens.expect("UNSET")
    bracket = tokens.accept("(")
    names = tokens.list_of(tokens.identifier)
    if bracket:
        tokens.expect(")")
    tokens.end()
    for name in names:
        connection.variables.pop(name, None)
    return Result.message(_DONE, StatementType.ALTER_SESSION)


def alter_session(connection: Connection, tokens: Tokens) -> Result:
    """ALTER SESSION SET and UNSET, of the parameters that a session has."""
    session, account = connection.session, connection.account
    tokens.expect("ALTER", "SESSION")
    settings: dict[str, Any] = {}
    if tokens.accept("UNSET"):
        settings = dict.fromkeys(tokens.list_of(tokens.identifier))
    else:
        tokens.expect("SET")
        while not tokens.done:
            key = tokens.identifier()
            tokens.expect("=")
            settings[key] = tokens.value()
            tokens.accept(",")
    if not settings:
        tokens.fail()
    tokens.end()
    before = dict(session.parameters)
    try:
        for key, value in settings.items():
            account.set_session_parameter(session, key, value)
    except SnowflakeError:
        session.parameters.clear()
        session.parameters.update(before)
        raise
    if "AUTOCOMMIT" in settings:
        connection.commit()
    return Result.message(_DONE, StatementType.ALTER_SESSION)
