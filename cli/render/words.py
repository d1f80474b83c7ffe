"""Names and values as Snowflake's SQL writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_PLAIN_CONSTANT: Final = re.compile(r"(?i)true|false|-?\d+(\.\d+)?")


def quoted(part: str) -> str:
    """One part of a name, in exactly this case."""
    return '"' + part.replace('"', '""') + '"'


def name(text: Any) -> str:
    """A name as an input has it: parts that are quoted already, or bare ones that are meant as they stand."""
    written = str(text)
    if written.startswith('"'):
        return written
    return ".".join(quoted(part) for part in written.split("."))


def joined(*parts: Any) -> str:
    """A full name of single parts."""
    return ".".join(name(part) if str(part).startswith('"') else quoted(str(part)) for part in parts)


def text(value: Any) -> str:
    """A string literal."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def block(value: str) -> str:
    """A long text: between dollar signs, where it has none that would end it."""
    return text(value) if "$$" in value else f"$${value}$$"


def number(value: Any) -> str:
    """A number; the wire knows floats alone."""
    found = float(value)
    return str(int(found)) if found == int(found) else repr(found)


def boolean(value: Any) -> str:
    return "TRUE" if str(value).lower() == "true" else "FALSE"


def word(value: Any) -> str:
    """One of Snowflake's own words. Raises `ValueError` for what is none."""
    found = str(value).upper()
    if not re.fullmatch(r"[A-Z0-9_-]+", found):
        raise ValueError(f"{value!r} is no word of Snowflake's")
    return found if re.fullmatch(r"[A-Z_]+", found) else text(found)


def texts(values: Any) -> str:
    return "(" + ", ".join(text(value) for value in listed(values)) + ")"


def names_as_texts(values: Any) -> str:
    """A list of names where Snowflake wants them as strings."""
    return "(" + ", ".join(text(name(value)) for value in listed(values)) + ")"


def constant(value: Any) -> str:
    """A parameter's value: bare where it is a number or a truth value."""
    found = str(value)
    return found.upper() if _PLAIN_CONSTANT.fullmatch(found) else text(found)


def listed(value: Any) -> list[Any]:
    """A single value where a list is meant is a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def only(value: Any) -> Mapping[str, Any]:
    """The one element of a block that may come as a list of one."""
    found = value[0] if isinstance(value, Sequence) and not isinstance(value, str) and value else value
    return found if isinstance(found, Mapping) else {}
