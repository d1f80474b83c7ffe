"""SYSTEM$ functions that do something: called by CALL or by a SELECT of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emulator.snowflake.sql.connection import Connection
from emulator.snowflake.sql.syntax import unsupported

SystemFunction = Callable[[Connection, Sequence[Any]], Any]
_FUNCTIONS: dict[str, SystemFunction] = {}


def system_function(name: str) -> Callable[[SystemFunction], SystemFunction]:
    """Marks what carries out the function of this name."""

    def register(function: SystemFunction) -> SystemFunction:
        _FUNCTIONS[name] = function
        return function

    return register


def is_system_function(name: str) -> bool:
    """Whether the name is one of Snowflake's own system functions."""
    return name.upper().startswith("SYSTEM$")


def call_system_function(connection: Connection, name: str, values: Sequence[Any]) -> Any:
    """Carry it out; one that is not built is refused by name."""
    function = _FUNCTIONS.get(name.upper())
    if function is None:
        raise unsupported(f"the function {name.upper()}")
    return function(connection, values)
