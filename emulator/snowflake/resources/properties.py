"""How an input of a resource becomes a property of a Snowflake object, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from emulator.introspection import type_spec
from emulator.package import CloudError
from emulator.snowflake.account import ObjectName
from emulator.snowflake.resources.identifiers import reference

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])")


def upper_snake(wire: str) -> str:
    """`dataRetentionTimeInDays` → `DATA_RETENTION_TIME_IN_DAYS`."""
    return _WORD.sub("_", wire).upper()


def _same(value: Any) -> Any:
    return value


def _canonical(value: Any) -> Any:
    """A form in which two ways to write the same value are equal."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Property:
    """One input: its name on the wire and in Snowflake, and how its values translate.

    `unset` are the wire's ways to say "leave it to Snowflake". `changeable` is false for what only counts
    at creation. `readable` is false for what Snowflake never tells (a password). `compare` gives the form in
    which a wanted and a found value (both Snowflake's) are compared, `found` the value of `from_sql` from what
    the catalogue keeps.
    """

    wire: str
    sql: str
    to_sql: Callable[[Any], Any] = _same
    from_sql: Callable[[Any], Any] = _same
    unset: tuple[Any, ...] = ("",)
    changeable: bool = True
    readable: bool = True
    compare: Callable[[Any], Any] = _canonical
    found: Callable[[Any], Any] = _same

    def wanted(self, inputs: Mapping[str, Any]) -> Any:
        """What Snowflake should have, None where it is left to Snowflake."""
        value = inputs.get(self.wire)
        # False == 0 and True == 1 in Python; neither stands for the other here.
        if value is None or any(type(value) is type(sentinel) and value == sentinel for sentinel in self.unset):
            return None
        return self.to_sql(value)


def plain(wire: str, sql: str = "", **how: Any) -> Property:
    """A value that is the same on both sides."""
    return Property(wire, sql or upper_snake(wire), **how)


def integer(wire: str, sql: str = "", unset: int | None = -1, **how: Any) -> Property:
    """A whole number; `unset` is the number that stands for "not given"."""
    return Property(wire, sql or upper_snake(wire), _integer, unset=("",) if unset is None else ("", unset), **how)


def _integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise CloudError(f"{value!r} is not a whole number") from None


def keyword(wire: str, sql: str = "", **how: Any) -> Property:
    """One of Snowflake's words, which may be written in any case (and a size with or without hyphens)."""
    return Property(wire, sql or upper_snake(wire), compare=_keyword, **how)


def _keyword(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"[-_ ]", "", value).upper()
    if isinstance(value, list | tuple):
        return sorted(_keyword(item) for item in value)
    return value


def boolean_text(wire: str, sql: str = "", **how: Any) -> Property:
    """A boolean that the wire carries as `"true"`, `"false"` or `"default"`."""
    return Property(
        wire, sql or upper_snake(wire), _from_text, lambda value: str(bool(value)).lower(), ("", "default"), **how
    )


def _from_text(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() == "true"


def boolean(wire: str, sql: str = "", **how: Any) -> Property:
    """A real boolean; false is what holds where nothing is said."""
    return Property(wire, sql or upper_snake(wire), _from_text, unset=("", False), **how)


def reference_to(wire: str, sql: str = "", parts: int = 1, **how: Any) -> Property:
    """The name of another object, quoted or not; `parts` says where it lives."""
    return Property(
        wire,
        sql or upper_snake(wire),
        lambda value: reference(value, parts, wire),
        lambda value: value.name if parts == 1 else value.sql(),
        compare=_name,
        found=_name,
        **how,
    )


def references_to(wire: str, sql: str = "", parts: int = 1, **how: Any) -> Property:
    """A list of names of other objects; their order does not count."""
    return Property(
        wire,
        sql or upper_snake(wire),
        lambda values: [reference(value, parts, wire) for value in as_list(values)],
        lambda values: [value.name if parts == 1 else value.sql() for value in values],
        unset=("", []),
        compare=lambda values: sorted(_name(value) for value in values),
        found=lambda values: [_name(value) for value in values],
        **how,
    )


def _name(value: Any) -> ObjectName:
    """A name as the account keeps it: text with quotes where they are needed."""
    return value if isinstance(value, ObjectName) else ObjectName.parse(str(value))


def texts(wire: str, sql: str = "", *, ordered: bool = False, **how: Any) -> Property:
    """A list of texts; unless `ordered`, their order does not count."""
    return Property(
        wire,
        sql or upper_snake(wire),
        as_list,
        list,
        unset=("", []),
        compare=list if ordered else lambda values: sorted(map(str, values)),
        **how,
    )


def numbers(wire: str, sql: str = "", **how: Any) -> Property:
    """A list of whole numbers; their order does not count."""
    return Property(
        wire,
        sql or upper_snake(wire),
        lambda values: [_integer(value) for value in as_list(values)],
        list,
        unset=("", []),
        compare=sorted,
        **how,
    )


def as_list(value: Any) -> list[Any]:
    """A single value where a list is meant is a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def only(value: Any) -> Any:
    """The one element of a block that a caller may send as a list of one."""
    if isinstance(value, list | tuple):
        return value[0] if value else None
    return value


@cache
def inputs_of(type_: str) -> frozenset[str]:
    """The names of all inputs of a resource type, by the installed SDK."""
    specification = type_spec("snowflake", type_)
    if specification is None:
        raise CloudError(f"{type_} is no resource type of pulumi_snowflake")
    return frozenset(specification.properties)
