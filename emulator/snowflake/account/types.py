"""Snowflake's column types: their canonical form, and which may become which.

Source: Snowflake's documentation, "Summary of data types" and "ALTER TABLE … ALTER COLUMN".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.names import base_type

_TYPE: Final = re.compile(r"\s*([A-Z_][A-Z0-9_ ]*?)\s*(?:\(\s*(.*?)\s*\))?\s*", re.IGNORECASE)
_PLAIN: Final = frozenset({"BOOLEAN", "DATE", "VARIANT", "OBJECT", "ARRAY", "FLOAT", "GEOGRAPHY", "GEOMETRY"})
_LONGEST_TEXT: Final = 134_217_728
_DEFAULT_TEXT: Final = 16_777_216
_LONGEST_BINARY: Final = 67_108_864
_DEFAULT_BINARY: Final = 8_388_608


@lru_cache(maxsize=4096)
def normalise_type(text: str) -> str:
    """`varchar` → `VARCHAR(16777216)`, `int` → `NUMBER(38,0)`, `timestamp` → `TIMESTAMP_NTZ(9)`.

    A type that is none is refused (002040); one that the embedded data cannot hold by name.
    """
    match = _TYPE.fullmatch(text)
    if match is None:
        raise _unknown(text)
    written = " ".join(match[1].upper().split())
    base = base_type(written)
    numbers = _numbers(match[2], text)
    if base == "NUMBER":
        precision, scale = (*numbers, *(38, 0)[len(numbers) :]) if len(numbers) < 3 else (0, 0)
        if not 1 <= precision <= 38 or not 0 <= scale <= min(37, precision):
            raise SnowflakeError.compilation(2041, "42601", f"Invalid precision or scale in type '{text}'")
        return f"NUMBER({precision},{scale})"
    if base == "VARCHAR":
        default = 1 if written in ("CHAR", "CHARACTER", "NCHAR") else _DEFAULT_TEXT
        return f"VARCHAR({_length(numbers, default, _LONGEST_TEXT, text)})"
    if base == "BINARY":
        return f"BINARY({_length(numbers, _DEFAULT_BINARY, _LONGEST_BINARY, text)})"
    if base in ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIME"):
        digits = numbers[0] if numbers else 9
        if len(numbers) > 1 or not 0 <= digits <= 9:
            raise SnowflakeError.compilation(2041, "42601", f"Invalid precision in type '{text}'")
        return f"{base}({digits})"
    if base in ("GEOGRAPHY", "GEOMETRY"):
        raise SnowflakeError.unsupported(base)
    if base in ("VECTOR", "MAP") or (base in ("OBJECT", "ARRAY") and match[2]):
        raise SnowflakeError.unsupported(text.strip())
    if base in _PLAIN and not match[2]:
        return base
    raise _unknown(text)


def _unknown(text: str) -> SnowflakeError:
    return SnowflakeError.compilation(2040, "42601", f"Unsupported data type '{text.strip()}'.")


def _numbers(text: str | None, whole: str) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        if base_type(whole) in ("VECTOR", "MAP", "OBJECT", "ARRAY"):
            return ()
        raise _unknown(whole) from None


def _length(numbers: tuple[int, ...], default: int, longest: int, text: str) -> int:
    length = numbers[0] if numbers else default
    if len(numbers) > 1 or not 1 <= length <= longest:
        raise SnowflakeError.compilation(2041, "42601", f"Invalid length in type '{text}': between 1 and {longest}")
    return length


def check_change(column: str, old: str, new: str) -> None:
    """Refuse a change of type that Snowflake refuses: only a longer text or binary, or a number with more digits and
    the same scale."""
    if old == new:
        return
    if base_type(old) == base_type(new):
        before, after = _parameters(old), _parameters(new)
        if base_type(old) in ("VARCHAR", "BINARY"):
            if after[0] > before[0]:
                return
            raise SnowflakeError.compilation(
                2108,
                "22000",
                f"cannot change column {column} from type {old} to {new} because reducing the byte-length of a "
                f"{base_type(old).lower()} is not supported.",
            )
        if base_type(old) == "NUMBER" and before[1] == after[1]:
            return
    raise SnowflakeError.compilation(2108, "22000", f"cannot change column {column} from type {old} to {new}")


def _parameters(type_: str) -> tuple[int, ...]:
    return _numbers(type_.split("(", 1)[1].rstrip(")") if "(" in type_ else None, type_)


def text_length(type_: str) -> int | None:
    """How many characters a text type holds, None for another type."""
    return _parameters(type_)[0] if base_type(type_) == "VARCHAR" else None


def binary_length(type_: str) -> int | None:
    """How many bytes a binary type holds, None for another type."""
    return _parameters(type_)[0] if base_type(type_) == "BINARY" else None


def from_duckdb(type_: str) -> str:
    """The Snowflake type of a DuckDB column that no declaration describes."""
    upper = type_.upper()
    if upper.startswith("DECIMAL"):
        return normalise_type("NUMBER" + upper.removeprefix("DECIMAL"))
    known = {
        "VARCHAR": "VARCHAR",
        "BIGINT": "NUMBER",
        "INTEGER": "NUMBER",
        "SMALLINT": "NUMBER",
        "TINYINT": "NUMBER",
        "UBIGINT": "NUMBER",
        "HUGEINT": "NUMBER",
        "DOUBLE": "FLOAT",
        "FLOAT": "FLOAT",
        "BOOLEAN": "BOOLEAN",
        "DATE": "DATE",
        "TIME": "TIME",
        "TIMESTAMP": "TIMESTAMP_NTZ",
        "TIMESTAMP_NS": "TIMESTAMP_NTZ",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
        "BLOB": "BINARY",
        "JSON": "VARIANT",
    }.get(upper)
    if known is not None:
        return normalise_type(known)
    return "ARRAY" if upper.endswith("[]") else "VARIANT"
