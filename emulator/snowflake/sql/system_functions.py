"""SYSTEM$ functions that do something: called by CALL or by a SELECT of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emulator.snowflake.sql.connection import Connection
from emulator.snowflake.sql.syntax import unsupported

SystemFunction = Callable[[Connection, Sequence[Any]], Any]
_FUNCTIONS: dict[str, tuple[SystemFunction, str]] = {}


def system_function(name: str, returns: str) -> Callable[[SystemFunction], SystemFunction]:
    """Marks what carries out the function of this name; `returns` is the type of its answer."""

    def register(function: SystemFunction) -> SystemFunction:
        _FUNCTIONS[name] = function, returns
        return function

    return register


def is_system_function(name: str) -> bool:
    """Whether the name is one of Snowflake's own system functions."""
    return name.upper().startswith("SYSTEM$")


def call_system_function(connection: Connection, name: str, values: Sequence[Any]) -> tuple[Any, str]:
    """Carry it out: its answer and the answer's type. One that is not built is refused by name."""
    known = _FUNCTIONS.get(name.upper())
    if known is None:
        raise unsupported(f"the function {name.upper()}")
    function, returns = known
    return function(connection, values), returns
