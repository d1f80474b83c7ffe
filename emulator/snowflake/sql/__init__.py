"""The SQL front end of the embedded Snowflake: statements in, rows out, every right checked on the way.

`Connection` is one client's connection. `execute` runs a single statement in a session and forgets the rest.
"""

from __future__ import annotations

from emulator.snowflake.account import Session

# The modules that handle statements enter themselves in `connection.HANDLERS`.
from emulator.snowflake.sql import calls as calls
from emulator.snowflake.sql import definitions as definitions
from emulator.snowflake.sql import describe as describe
from emulator.snowflake.sql import grants as grants
from emulator.snowflake.sql import session_statements as session_statements
from emulator.snowflake.sql import show as show
from emulator.snowflake.sql import tags as tags
from emulator.snowflake.sql import tasks as tasks
from emulator.snowflake.sql.connection import Connection, Parameters
from emulator.snowflake.sql.results import Result, ResultColumn, StatementType

__all__ = [
    "Connection",
    "Parameters",
    "Result",
    "ResultColumn",
    "StatementType",
    "execute",
]


def execute(session: Session, sql: str, parameters: Parameters = None) -> Result:
    """Run one statement. What USE and ALTER SESSION change stays in the session; variables, results and an open
    transaction end with the statement (a `Connection` keeps them)."""
    with Connection(session) as connection:
        return connection.execute(sql, parameters)
