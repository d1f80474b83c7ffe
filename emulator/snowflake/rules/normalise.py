"""When two spellings mean the same to the provider: identifiers, statements, data types."""

from __future__ import annotations

import re
from functools import lru_cache

_IDENTIFIER_PART = re.compile(r'(?:"(?P<quoted>[^"\r\n]*)"|(?P<bare>[^".\r\n]*))(?P<end>\.|$)')
_SPACE = re.compile(r"[ \t\n\f\r]+")

DataType = tuple[object, ...]


@lru_cache(maxsize=8192)
def identifier_parts(text: str) -> tuple[str, ...] | None:
    """`DB.S."t"` → ("DB", "S", "t"); None where it is no identifier.

    The provider does not fold case: an unquoted part is taken as it stands. A double quote inside a part is not
    supported.
    """
    if not text:
        return ()
    parts: list[str] = []
    position = 0
    while True:
        match = _IDENTIFIER_PART.match(text, position)
        if match is None:
            return None
        quoted = match["quoted"]
        parts.append(match["bare"] if quoted is None else quoted)
        position = match.end()
        if match["end"] == "":
            return tuple(parts) if position == len(text) else None
        if position == len(text):
            parts.append("")
            return tuple(parts)


def same_identifier(old: str, new: str) -> bool:
    """Whether two identifiers differ in quoting alone."""
    if old == new:
        return True
    if not old or not new:
        return False
    parts = identifier_parts(old)
    return parts is not None and parts == identifier_parts(new)


def identifier_key(text: str) -> object:
    """Equal for identifiers that differ in quoting alone: to compare sets of them."""
    return identifier_parts(text) or text


@lru_cache(maxsize=2048)
def _normal_statement(text: str) -> str:
    return _SPACE.sub(" ", text).strip(" ").lower()


def same_statement(old: str, new: str) -> bool:
    """Whether two statements differ in letter case and white space alone, be it inside text or code."""
    return old == new or _normal_statement(old) == _normal_statement(new)


def same_ignoring_case(old: str, new: str) -> bool:
    return old.lower() == new.lower()


def same_ignoring_case_and_space(old: str, new: str) -> bool:
    return old.strip().lower() == new.strip().lower()


def same_ignoring_final_newline(old: str, new: str) -> bool:
    return old.removesuffix("\n") == new.removesuffix("\n")


# Data types: https://docs.snowflake.com/en/sql-reference/intro-summary-data-types. The session's TIMESTAMP alias
# and structured types are not among those that the provider reads.
_NUMBERS = ("NUMBER", "DECIMAL", "DEC", "NUMERIC")
_WHOLE_NUMBERS = ("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT")
_FLOATS = ("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL")
_TEXTS = ("VARCHAR", "STRING", "TEXT", "NVARCHAR", "NVARCHAR2", "CHAR VARYING", "NCHAR VARYING")
_CHARACTERS = ("CHAR", "CHARACTER", "NCHAR")
_LENGTH_OF_TEXT = 16_777_216
_LENGTH_OF_BINARY = 8_388_608
_PRECISION_OF_TIME = 9
_WITH_LENGTH: dict[str, tuple[str, int]] = {
    **dict.fromkeys(_TEXTS, ("TEXT", _LENGTH_OF_TEXT)),
    **dict.fromkeys(_CHARACTERS, ("TEXT", 1)),
    **dict.fromkeys(("BINARY", "VARBINARY"), ("BINARY", _LENGTH_OF_BINARY)),
    "TIME": ("TIME", _PRECISION_OF_TIME),
    **dict.fromkeys(
        ("TIMESTAMP_LTZ", "TIMESTAMPLTZ", "TIMESTAMP WITH LOCAL TIME ZONE"), ("TIMESTAMP_LTZ", _PRECISION_OF_TIME)
    ),
    **dict.fromkeys(
        ("TIMESTAMP_NTZ", "TIMESTAMPNTZ", "TIMESTAMP WITHOUT TIME ZONE", "DATETIME"),
        ("TIMESTAMP_NTZ", _PRECISION_OF_TIME),
    ),
    **dict.fromkeys(("TIMESTAMP_TZ", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), ("TIMESTAMP_TZ", _PRECISION_OF_TIME)),
}
_PLAIN: dict[str, str] = {
    **dict.fromkeys(_FLOATS, "FLOAT"),
    "BOOLEAN": "BOOLEAN",
    "BOOL": "BOOLEAN",
    **{name: name for name in ("DATE", "VARIANT", "OBJECT", "ARRAY", "GEOGRAPHY", "GEOMETRY", "DECFLOAT")},
}
_WITH_ARGUMENTS = re.compile(r"^([A-Z][A-Z0-9_ ]*?)\s*(?:\(\s*(.*?)\s*\))?$", re.DOTALL)


@lru_cache(maxsize=4096)
def data_type(text: str) -> DataType | None:
    """A data type in one form for all its synonyms, with its length or precision; None where it is none.

    `STRING(64)` and `varchar(64)` are one, `VARCHAR` is `VARCHAR(16777216)`, `INT` is `NUMBER(38, 0)`.
    """
    match = _WITH_ARGUMENTS.match(text.strip().upper())
    if match is None:
        return None
    name, arguments = match[1], match[2]
    if name in _PLAIN:
        return (_PLAIN[name],) if arguments is None else None
    if name in _WHOLE_NUMBERS:
        return ("NUMBER", 38, 0) if arguments is None else None
    if name in _NUMBERS:
        if arguments is None:
            return ("NUMBER", 38, 0)
        numbers = _whole_numbers(arguments)
        if numbers is None or len(numbers) > 2:
            return None
        return ("NUMBER", numbers[0], numbers[1] if len(numbers) == 2 else 0)
    if name in _WITH_LENGTH:
        canonical, length = _WITH_LENGTH[name]
        if arguments is None:
            return (canonical, length)
        numbers = _whole_numbers(arguments)
        return (canonical, numbers[0]) if numbers is not None and len(numbers) == 1 else None
    if arguments is None:
        return None
    if name == "VECTOR":
        element, _, size = arguments.partition(",")
        if element.strip() in ("INT", "FLOAT") and size.strip().isdigit():
            return ("VECTOR", element.strip(), int(size))
        return None
    if name == "TABLE":
        # The column names keep their case: read them from the text as it was given.
        original = text.strip()
        return _table(original[original.index("(") + 1 : original.rindex(")")])
    return None


def _whole_numbers(arguments: str) -> list[int] | None:
    parts = [part.strip() for part in arguments.split(",")]
    return [int(part) for part in parts] if all(part.isdigit() for part in parts) else None


def _table(columns: str) -> DataType | None:
    found: list[tuple[str, DataType]] = []
    depth, start, pieces = 0, 0, []
    for index, character in enumerate(columns):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == "," and depth == 0:
            pieces.append(columns[start:index])
            start = index + 1
    pieces.append(columns[start:])
    for piece in pieces:
        if not piece.strip() and len(pieces) == 1:
            break
        name, _, type_ = piece.strip().partition(" ")
        parsed = data_type(type_)
        if not name or parsed is None:
            return None
        found.append((name, parsed))
    return ("TABLE", tuple(found))


def same_data_type(old: str, new: str) -> bool:
    if old == new:
        return True
    parsed = data_type(old)
    return parsed is not None and parsed == data_type(new)
