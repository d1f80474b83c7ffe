"""Snowflake's data types: what a changed one does to the values that are there."""

from __future__ import annotations

import re
from typing import Final, Literal

_SYNONYMS: Final = {
    **dict.fromkeys(
        ("VARCHAR", "STRING", "TEXT", "NVARCHAR", "NVARCHAR2", "CHAR VARYING", "NCHAR VARYING", "CHAR", "CHARACTER",
         "NCHAR"),
        "VARCHAR",
    ),
    **dict.fromkeys(("NUMBER", "DECIMAL", "DEC", "NUMERIC"), "NUMBER"),
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "INT"),
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL"), "FLOAT"),
    **dict.fromkeys(("BINARY", "VARBINARY"), "BINARY"),
    **dict.fromkeys(("TIMESTAMP_NTZ", "TIMESTAMPNTZ", "DATETIME", "TIMESTAMP WITHOUT TIME ZONE"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMP_LTZ", "TIMESTAMPLTZ"), "TIMESTAMP_LTZ"),
    **dict.fromkeys(("TIMESTAMP_TZ", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), "TIMESTAMP_TZ"),
}  # fmt: skip
_SINGLE: Final = frozenset({"CHAR", "CHARACTER", "NCHAR"})
_DEFAULTS: Final = {
    "VARCHAR": (16_777_216,),
    "BINARY": (8_388_608,),
    "NUMBER": (38, 0),
    "TIME": (9,),
    "TIMESTAMP_NTZ": (9,),
    "TIMESTAMP_LTZ": (9,),
    "TIMESTAMP_TZ": (9,),
}
Change = Literal["same", "wider", "narrower", "other"]


def parse(text: str) -> tuple[str, tuple[int, ...]]:
    """A type's own name and its numbers, with Snowflake's defaults: `string` is VARCHAR and 16777216."""
    match = re.fullmatch(r"\s*([A-Za-z_0-9 ]+?)\s*(?:\(([^()]*)\))?\s*", text)
    if match is None:
        return " ".join(text.upper().split()), ()
    word = " ".join(match[1].upper().split())
    name = _SYNONYMS.get(word, word)
    if name == "INT":
        return "NUMBER", (38, 0)
    try:
        numbers = tuple(int(part) for part in match[2].split(",")) if match[2] else ()
    except ValueError:
        return " ".join(text.upper().split()), ()
    if not numbers and word in _SINGLE:
        numbers = (1,)
    default = _DEFAULTS.get(name, ())
    return name, numbers + default[len(numbers) :]


def compare(old: str, new: str) -> Change:
    """What becomes of a column's values when its type changes."""
    (was, before), (becomes, after) = parse(old), parse(new)
    if (was, before) == (becomes, after):
        return "same"
    if was != becomes or len(before) != len(after) or not before:
        return "other"
    if was == "NUMBER" and before[1:] != after[1:]:
        return "other"
    return "wider" if after[0] > before[0] else "narrower"
