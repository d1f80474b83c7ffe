"""A connector's cursor on an account in this process."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.sql import Connection


class Cursor:
    """What SHOW needs of a cursor."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.description: list[Any] = []
        self._rows: list[Any] = []

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        from snowflake.connector import ProgrammingError

        assert not parameters
        try:
            result = self._connection.execute(statement)
        except SnowflakeError as error:
            raise ProgrammingError(msg=error.message, errno=error.errno, sqlstate=error.sqlstate) from None
        self.description = [SimpleNamespace(name=column.name) for column in result.columns]
        self._rows = result.rows

    def fetchall(self) -> list[Any]:
        return self._rows
