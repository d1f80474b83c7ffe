"""BSON values as JSON and as text, in one canonical form: the same bytes for the same content on both sides."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import bson
from bson import Decimal128, Int64, ObjectId
from bson.binary import Binary, UuidRepresentation
from bson.code import Code
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.errors import BSONError
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.regex import Regex
from bson.timestamp import Timestamp

_OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(
    tz_aware=True,
    tzinfo=UTC,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
)

_SECRETS: Final = """
    authorization backupcodes codehash cookie cookies credentials jwt passwd passphrase pendingbackupcodes secret token
    twofactoracknowledgementnoncehash twofactorfinalizationnoncehash
"""
SECRET_FIELDS: Final = frozenset(_SECRETS.split())
"""Fields that are never carried, at any depth of any document: lower case, without `_` and `-`."""
SECRET_ENDINGS: Final = (
    *("password", "passwordhash", "secret", "secrethash", "tokenhash", "apikey", "apikeyhash", "privatekey"),
    *("secretkey", "accesskey", "accesstoken", "authtoken", "bearertoken", "csrftoken", "idtoken", "refreshtoken"),
    "sessiontoken",
)
"""What the name of such a field may also end with."""

# A password's hash (bcrypt, Argon2, scrypt, PBKDF2) or a signed token, under whatever name it stands.
_SECRET_VALUE: Final = re.compile(
    r"(?:\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$.{20,}|\$(?:scrypt|pbkdf2)[^$]*\$.{20,}"
    r"|(?:Bearer )?eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,})\Z"
)
_LONGEST_SECRET: Final = 65_536
_SAFE_INTEGER: Final = 1 << 53
_TO_MILLISECONDS: Final = len("2026-11-23T10:00:00.000")


class UnreadableError(Exception):
    """The bytes are no document. The message names the fault, and nothing of the content."""


def decode(data: bytes) -> dict[str, Any]:
    """A document of BSON. Raises `UnreadableError`."""
    try:
        found: dict[str, Any] = bson.decode(data, _OPTIONS)
    except (BSONError, ValueError, OverflowError, RecursionError, TypeError, IndexError, KeyError) as error:
        raise UnreadableError(type(error).__name__) from None
    return found


class _Once(dict[str, Any]):
    """A document that takes each field once."""

    def __setitem__(self, field: str, value: Any) -> None:
        if field in self:
            raise ValueError(field)
        super().__setitem__(field, value)


_CAREFUL: Final = _OPTIONS.with_options(document_class=_Once)


def judge_fields(data: bytes, document: dict[str, Any]) -> None:
    """Raises `UnreadableError` where a field stands twice: Python keeps the last one, and nobody would see it.

    Looked for one by one only where the document as it was read is not as long as its bytes.
    """
    try:
        if len(bson.encode(document, codec_options=_OPTIONS)) == len(data):
            return
    except (BSONError, ValueError, OverflowError, RecursionError, TypeError):
        pass
    try:
        bson.decode(data, _CAREFUL)
    except (BSONError, ValueError, RecursionError):
        # It was read before: nothing else can be wrong with it.
        raise UnreadableError("a field stands twice in it") from None


def number(value: float) -> float | int | str:
    """A double as JSON has it: whole ones without a point, and what JSON cannot say as a word."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    return int(value) if value.is_integer() and abs(value) < _SAFE_INTEGER else value


def iso(value: datetime) -> str:
    """A time in UTC as ISO 8601 has it, to the millisecond, which is what BSON keeps."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds")[:_TO_MILLISECONDS] + "Z"


def _same(value: Any) -> Any:
    return value


_PLAIN: Final[dict[type, Callable[[Any], Any]]] = {
    str: _same,
    bool: _same,
    int: _same,
    type(None): _same,
    Int64: int,
    float: number,
    datetime: iso,
    ObjectId: str,
    Decimal128: str,
    DatetimeMS: lambda value: {"$date": {"$numberLong": str(int(value))}},
    bytes: lambda value: {"$binary": {"base64": b64encode(value).decode(), "subType": "00"}},
    Binary: lambda value: {"$binary": {"base64": b64encode(value).decode(), "subType": f"{value.subtype:02x}"}},
    Regex: lambda value: {"$regularExpression": {"pattern": str(value.pattern), "options": str(int(value.flags))}},
    Timestamp: lambda value: {"$timestamp": {"t": value.time, "i": value.inc}},
    MinKey: lambda _: {"$minKey": 1},
    MaxKey: lambda _: {"$maxKey": 1},
}
"""What a value of BSON is in JSON: plain where JSON has the like, MongoDB's Extended JSON elsewhere."""

_WITH_DOCUMENT: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    DBRef: lambda value: dict(value.as_doc()),
    Code: lambda value: {"$code": str(value)} | ({"$scope": dict(value.scope)} if value.scope else {}),
}
"""What holds a document of its own, as one: a secret could stand in it."""
_HOLDING: Final = frozenset({str, bytes, Binary, list, dict})


@lru_cache(maxsize=4096)
def _is_secret(field: str) -> bool:
    name = "".join(letter for letter in field.lower() if letter.isalnum())
    return name in SECRET_FIELDS or name.endswith(SECRET_ENDINGS)


@lru_cache(maxsize=4096)
def _is_several(field: str) -> bool:
    """Whether a field is named after several secrets. `tokens` alone is how many a model's call took."""
    return field.endswith(("s", "S")) and field.lower() != "tokens" and _is_secret(field[:-1])


def _left_out(field: str, value: Any, kind: type) -> bool:
    """Whether a field must not be carried: by its name, or by what it has the shape of."""
    if _is_secret(field) and value not in (None, "", []):
        return True
    if _is_several(field) and kind in _HOLDING and value:
        return True
    return kind is str and _has_shape(field, value)


def _has_shape(field: str, value: str) -> bool:
    """Whether a string is a hash or a signed token. `text` is what somebody typed: content, whatever it looks like."""
    return (
        value[:1] in "$eB"
        and len(value) < _LONGEST_SECRET
        and field != "text"
        and _SECRET_VALUE.match(value) is not None
    )


def plain(value: Any, left_out: Counter[str], field: str = "") -> Any:
    """The value of a field as JSON, without what must not be carried; `left_out` counts that by the field's name."""
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            kind = type(inner)
            if _left_out(key, inner, kind):
                left_out[key] += 1
            elif kind is str:
                found[key] = inner
            elif kind is dict or kind is list:
                found[key] = plain(inner, left_out, key)
            elif kind in _WITH_DOCUMENT:
                found[key] = plain(_WITH_DOCUMENT[kind](inner), left_out, key)
            else:
                found[key] = _PLAIN.get(kind, str)(inner)
        return found
    if isinstance(value, list):
        elements = []
        for inner in value:
            if type(inner) is str and _has_shape(field, inner):
                left_out[field] += 1
            else:
                elements.append(plain(inner, left_out, field))
        return elements
    if type(value) in _WITH_DOCUMENT:
        return plain(_WITH_DOCUMENT[type(value)](value), left_out, field)
    return _PLAIN.get(type(value), str)(value)


def count_left_out(value: Any, left_out: Counter[str], field: str = "") -> None:
    """Count what `plain` would leave out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            kind = type(inner)
            if _left_out(key, inner, kind):
                left_out[key] += 1
            elif kind is dict or kind is list:
                count_left_out(inner, left_out, key)
            elif kind in _WITH_DOCUMENT:
                count_left_out(_WITH_DOCUMENT[kind](inner), left_out, key)
    else:
        for inner in value:
            kind = type(inner)
            if kind is str:
                if _has_shape(field, inner):
                    left_out[field] += 1
            elif kind is dict or kind is list:
                count_left_out(inner, left_out, field)
            elif kind in _WITH_DOCUMENT:
                count_left_out(_WITH_DOCUMENT[kind](inner), left_out, field)


def _parsed_number(text: str) -> Any:
    return number(float(text))


# Made once: each document needs several.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_DECODER: Final = json.JSONDecoder(parse_float=_parsed_number)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no blanks; letters as they are."""
    return _ENCODER.encode(value)


def _json_text(value: Any) -> str:
    return canonical_json(_DECODER.decode(value) if isinstance(value, str) else value)


def _boolean_text(value: Any) -> str:
    return "true" if value else "false"


def _number_text(value: Any) -> str:
    return str(int(value) if isinstance(value, Decimal | float) else value)


def _time_text(value: datetime) -> str:
    return value.isoformat(sep=" ", timespec="milliseconds")


CANONICAL: Final[Mapping[str, Callable[[Any], str]]] = {
    "text": str,
    "number": _number_text,
    "boolean": _boolean_text,
    "time": _time_text,
    "json": _json_text,
    "array": _json_text,
}
"""What Snowflake answered for a column of a kind, as text; never asked of NULL."""


@lru_cache
def _head(column: str) -> tuple[bytes, bytes]:
    """What stands before a column's length, and what stands for one that is NULL."""
    return f"{column}\0".encode(), f"{column}\0-\0".encode()


def row_digest(texts: Iterable[str | None], columns: Iterable[str]) -> bytes:
    """SHA-256 of a row's texts: each column's name, length and text, so that no two rows look alike."""
    pieces: list[bytes] = []
    for column, text in zip(columns, texts, strict=True):
        name, null = _head(column)
        if text is None:
            pieces.append(null)
        else:
            content = text.encode()
            pieces += (name, b"%d\0" % len(content), content)
    return hashlib.sha256(b"".join(pieces)).digest()
