"""Names of Snowflake objects, resolved as Snowflake resolves them.

Source: Snowflake's documentation, "Identifier requirements" and "Object name resolution".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from emulator.snowflake.account.errors import SnowflakeError

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_STORED_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*")
_MAXIMUM_LENGTH = 255

# Snowflake keeps the canonical type in a function's signature, whatever synonym declared it.
_TYPE_SYNONYMS = {
    **dict.fromkeys(("STRING", "TEXT", "CHAR", "CHARACTER", "NCHAR", "NVARCHAR", "VARCHAR"), "VARCHAR"),
    **dict.fromkeys(
        ("NUMBER", "DECIMAL", "NUMERIC", "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "NUMBER"
    ),
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL"), "FLOAT"),
    **dict.fromkeys(("TIMESTAMP_NTZ", "TIMESTAMPNTZ", "TIMESTAMP", "DATETIME"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMP_TZ", "TIMESTAMPTZ"), "TIMESTAMP_TZ"),
    **dict.fromkeys(("TIMESTAMP_LTZ", "TIMESTAMPLTZ"), "TIMESTAMP_LTZ"),
    **dict.fromkeys(("BINARY", "VARBINARY"), "BINARY"),
}


def quote(identifier: str) -> str:
    """The identifier in double quotes, for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL string literal of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def base_type(type_: str) -> str:
    """The canonical type without its length or precision: `varchar(16)` → `VARCHAR`, `int` → `NUMBER`."""
    name = " ".join(type_.split("(", 1)[0].upper().split())
    return _TYPE_SYNONYMS.get(name, name)


def check_identifier(identifier: str, of: str) -> None:
    """Refuse a name that Snowflake gives to nothing: the empty one, and one longer than 255 characters."""
    if not identifier:
        raise SnowflakeError.syntax(f"unexpected '\"\"': the name of a {of.lower()} cannot be empty")
    if len(identifier) > _MAXIMUM_LENGTH:
        raise SnowflakeError.identifier_too_long(identifier, _MAXIMUM_LENGTH)


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """A resolved name: each part in its stored case.

    One part names an object of the account, two a schema, a database role (or another object of a
    database), three an object of a schema. A function or procedure also has the types of its
    `arguments`, which are part of its identity; everything else has None there.
    """

    parts: tuple[str, ...]
    arguments: tuple[str, ...] | None = None

    @classmethod
    def of(cls, *parts: str, arguments: tuple[str, ...] | None = None) -> ObjectName:
        """A name from parts that are in their stored case already."""
        return cls(parts, None if arguments is None else tuple(base_type(argument) for argument in arguments))

    @classmethod
    def parse(cls, text: str, *, unquoted: Literal["upper", "exact"] = "upper") -> ObjectName:
        """Read `db.schema."Tab"` (→ `DB`, `SCHEMA`, `Tab`), with a signature in brackets where there is one.

        `unquoted="exact"` keeps the case of unquoted parts and takes any character but a dot or quote
        in them: the provider hands its names over so. A malformed name raises `SnowflakeError` 001003.
        """
        return _parse(text, unquoted)

    @property
    def name(self) -> str:
        """The last part: the object's own name."""
        return self.parts[-1]

    @property
    def database(self) -> str:
        """The first part, which is the database of whatever lies in one."""
        return self.parts[0]

    @property
    def schema(self) -> str:
        """The second part of a schema's or schema object's name."""
        return self.parts[1]

    @property
    def parent(self) -> ObjectName | None:
        """The schema or database that it lies in, None for an object of the account."""
        return ObjectName(self.parts[:-1]) if len(self.parts) > 1 else None

    def child(self, name: str, arguments: tuple[str, ...] | None = None) -> ObjectName:
        """The name of something inside this database or schema."""
        return ObjectName.of(*self.parts, name, arguments=arguments)

    def renamed(self, name: str) -> ObjectName:
        """The same place, another last part."""
        return ObjectName((*self.parts[:-1], name), self.arguments)

    def within(self, container: ObjectName) -> bool:
        """Whether it is `container` itself or lies in it at any depth."""
        return self.parts[: len(container.parts)] == container.parts

    def sql(self) -> str:
        """Every part quoted, joined by dots, the signature in brackets: safe to put into SQL."""
        return ".".join(quote(part) for part in self.parts) + self._signature()

    def __str__(self) -> str:
        """As Snowflake prints it: quotes only where they are needed."""
        return ".".join(p if _STORED_PLAIN.fullmatch(p) else quote(p) for p in self.parts) + self._signature()

    def _signature(self) -> str:
        return "" if self.arguments is None else f"({', '.join(self.arguments)})"


@lru_cache(maxsize=16384)
def _parse(text: str, unquoted: str) -> ObjectName:
    body, arguments = text.strip(), None
    parts: list[str] = []
    position = 0
    while True:
        if body[position : position + 1] == '"':
            part, position = _quoted_part(body, position)
        else:
            part, position = _unquoted_part(body, position, unquoted)
        if len(part) > _MAXIMUM_LENGTH:
            raise SnowflakeError.identifier_too_long(part, _MAXIMUM_LENGTH)
        parts.append(part)
        if position == len(body):
            break
        if body[position] == "(":
            arguments = _signature(body[position:], text)
            break
        if body[position] != "." or len(parts) == 3:
            raise SnowflakeError.syntax(f"unexpected '{body[position:]}' in the name {text!r}")
        position += 1
    return ObjectName.of(*parts, arguments=arguments)


def _quoted_part(text: str, start: int) -> tuple[str, int]:
    position = start + 1
    found: list[str] = []
    while position < len(text):
        if text[position] == '"':
            if text[position + 1 : position + 2] != '"':
                if not found:
                    raise SnowflakeError.syntax(f"empty identifier in the name {text!r}")
                return "".join(found), position + 1
            position += 1
        found.append(text[position])
        position += 1
    raise SnowflakeError.syntax(f"the quote in the name {text!r} is never closed")


def _unquoted_part(text: str, start: int, unquoted: str) -> tuple[str, int]:
    if unquoted == "exact":
        end = start
        while end < len(text) and text[end] not in '."(':
            end += 1
        if end == start:
            raise SnowflakeError.syntax(f"empty identifier in the name {text!r}")
        return text[start:end], end
    match = _PLAIN.match(text, start)
    if match is None:
        raise SnowflakeError.syntax(f"unexpected '{text[start:]}' in the name {text!r}; quote it if it is meant so")
    return match.group().upper(), match.end()


def _signature(text: str, whole: str) -> tuple[str, ...]:
    if not text.endswith(")"):
        raise SnowflakeError.syntax(f"the bracket in the name {whole!r} is never closed")
    arguments: list[str] = []
    depth = 0
    current = ""
    for character in text[1:-1]:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            arguments.append(current)
            current = ""
        else:
            current += character
    if current.strip() or arguments:
        arguments.append(current)
    return tuple(argument.strip() for argument in arguments)
