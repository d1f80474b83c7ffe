"""SHOW UNIQUE KEYS of one table: a row for each column of each constraint, as Snowflake's reference has them."""

from __future__ import annotations

from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.sql.connection import Connection
from emulator.snowflake.sql.naming import in_full
from emulator.snowflake.sql.results import Result
from emulator.snowflake.sql.syntax import Tokens, unsupported

_COLUMNS = (
    "created_on",
    "database_name",
    "schema_name",
    "table_name",
    "column_name",
    "key_sequence",
    "constraint_name",
    "rely",
    "comment",
)


def unique_keys(connection: Connection, tokens: Tokens) -> Result:
    """SHOW UNIQUE KEYS IN TABLE; another scope is refused by name."""
    session = connection.session
    if not tokens.accept("IN", "TABLE"):
        raise unsupported("SHOW UNIQUE KEYS without IN TABLE")
    name = in_full(session, "TABLE", tokens.dotted())
    tokens.end()
    table = session.account.visible(session, "TABLE", name)
    if table is None:
        raise SnowflakeError.does_not_exist("TABLE", name)
    rows = [
        (
            table.created_on,
            *table.name.parts,
            column,
            sequence,
            constraint["NAME"],
            "true" if constraint.get("RELY") else "false",
            constraint.get("COMMENT") or "",
        )
        for constraint in table.properties.get("CONSTRAINTS") or ()
        if constraint["TYPE"] == "UNIQUE"
        for sequence, column in enumerate(constraint["COLUMNS"], 1)
    ]
    return Result.listing(_COLUMNS, rows, types={"created_on": "TIMESTAMP_LTZ", "key_sequence": "FIXED"})
