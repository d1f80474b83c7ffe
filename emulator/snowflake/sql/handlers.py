"""Python handlers of procedures: their modules, the session that they get, and their errors.

A handler runs in this process, with the standard library and what its procedure's PACKAGES names. Of Snowpark it is
offered `session.sql(text, params=[…]).collect()` and the rows that this gives, and nothing else.
"""

from __future__ import annotations

import itertools
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from emulator.snowflake.account import SnowflakeError, SnowflakeObject
from emulator.snowflake.account.python_modules import handler_builtins

if TYPE_CHECKING:
    from emulator.snowflake.sql.connection import Connection
    from emulator.snowflake.sql.results import Result

_FILE = "_udf_code.py"
_numbers = itertools.count(1)


class SnowparkSQLException(Exception):  # noqa: N818 - Snowpark's own name
    """What a statement of a handler that Snowflake refuses raises there."""

    def __init__(self, error: SnowflakeError) -> None:
        super().__init__(f"(1304): {error}")
        self.message = str(error)
        self.raw_message = error.message
        self.sql_error_code = error.errno
        self.sqlstate = error.sqlstate


class Row(tuple[Any, ...]):
    """A row: by position, by a column's name, as attributes or as a dict."""

    _names: tuple[str, ...]

    def __new__(cls, values: Iterable[Any], names: Sequence[str]) -> Row:
        row = super().__new__(cls, values)
        row._names = tuple(names)
        return row

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self._names:
                raise KeyError(key)
            return super().__getitem__(self._names.index(key))
        return super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._names:
            raise AttributeError(f"Row object has no attribute {name}")
        return self[name]

    def as_dict(self) -> dict[str, Any]:
        """The values by their columns' names."""
        return dict(zip(self._names, self, strict=True))

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in zip(self._names, self, strict=True))})"


class Statement:
    """A statement of a handler, which runs when it is collected."""

    def __init__(self, connection: Connection, text: str, parameters: Sequence[Any]) -> None:
        self._connection = connection
        self._text = text
        self._parameters = parameters

    def result(self) -> Result:
        """Its answer; refusals raise `SnowparkSQLException`."""
        try:
            return self._connection.execute(self._text, self._parameters)
        except SnowflakeError as error:
            raise SnowparkSQLException(error) from error

    def collect(self) -> list[Row]:
        """Run it and return its rows."""
        found = self.result()
        names = [column.name for column in found.columns]
        return [Row(row, names) for row in found.rows]

    def __getattr__(self, name: str) -> Any:
        raise _not_offered(f"DataFrame.{name}")


class HandlerSession:
    """What a handler gets as its first argument."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sql(self, query: str, params: Sequence[Any] | None = None) -> Statement:
        """A statement with values for its question marks."""
        if not isinstance(query, str):
            raise TypeError(f"query must be a string, not {type(query).__name__}")
        return Statement(self._connection, query, list(params or ()))

    def __getattr__(self, name: str) -> Any:
        raise _not_offered(f"Session.{name}")


def _not_offered(what: str) -> AttributeError:
    return AttributeError(f"{what} is not built in the embedded Snowflake: session.sql(…).collect() is")


@lru_cache(maxsize=256)
def _compiled(body: str) -> CodeType:
    return compile(body, _FILE, "exec", dont_inherit=True)


def run_handler(
    procedure: SnowflakeObject, connection: Connection, values: Sequence[Any], finish: Callable[[Any], Any]
) -> Any:
    """Call a procedure's handler and hand what it returns to `finish`. Whatever it raises is Snowflake's 100357, with
    the traceback of its own code and nothing of ours."""
    properties = procedure.properties
    handler = str(properties["HANDLER"])
    # Classes and annotations are looked up through the table of modules.
    module = ModuleType(f"_udf_code_{next(_numbers)}")
    module.__dict__["__builtins__"] = handler_builtins(properties.get("PACKAGES") or ())
    sys.modules[module.__name__] = module
    try:
        exec(_compiled(str(properties["BODY"])), module.__dict__)  # noqa: S102 running it is the procedure's purpose
        function = module.__dict__.get(handler)
        if not callable(function):
            raise AttributeError(f"module '_udf_code' has no attribute '{handler}'")
        return finish(function(HandlerSession(connection), *values))
    except (Exception, SystemExit) as error:
        raise _interpreter_error(procedure.name.name, handler, error) from error
    finally:
        sys.modules.pop(module.__name__, None)


def _interpreter_error(name: str, handler: str, error: BaseException) -> SnowflakeError:
    if isinstance(error, SyntaxError):
        lines = [f'  File "{_FILE}", line {error.lineno}', f"{type(error).__name__}: {error.msg}"]
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _FILE]
        lines = [f'  File "{_FILE}", line {frame.lineno}, in {frame.name}' for frame in frames]
        called = f"snowflake.snowpark.exceptions.{type(error).__name__}"
        lines.append(f"{called if isinstance(error, SnowparkSQLException) else type(error).__name__}: {error}")
    text = "\n".join(["Python Interpreter Error:", "Traceback (most recent call last):", *lines])
    return SnowflakeError(100357, "P0000", f"{text}\n in function {name} with handler {handler}")
