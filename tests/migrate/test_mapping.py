"""Documents as rows: each column from its field, times in UTC, wrong types refused by name, no secret ever."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from cli.migrate.mapping import LARGEST_CELL, NO_PARENT, TABLES, RefusedError, is_surely_small, map_document, map_tokens
from cli.migrate.values import CANONICAL, UnreadableError, decode, judge_fields, row_digest
from components.snowflake.tables import NEXUSCHAT_TABLES
from tests.migrate.dumps import SCHEMAS, Generator

MESSAGE: dict[str, Any] = {
    "_id": ObjectId("64b0f0a1c2d3e4f5a6b7c8d9"),
    "messageId": "m",
    "conversationId": "c",
    "user": "u",
    "isCreatedByUser": True,
    "parentMessageId": NO_PARENT,
}


def row_of(collection: str, document: dict[str, Any]) -> dict[str, str | None]:
    return map_document(collection, decode(bson.encode(document)), Counter()).row


def test_every_column_of_the_tables_is_filled_or_known_to_be_empty() -> None:
    for name, table in TABLES.items():
        declared = {column.name: column.type.split("(")[0] for column in NEXUSCHAT_TABLES[name].columns}
        kinds = {"text": "VARCHAR", "number": "NUMBER", "boolean": "BOOLEAN", "time": "TIMESTAMP_NTZ"}
        kinds |= {"json": "VARIANT", "array": "ARRAY"}
        ours = {column: kinds[kind] for column, kind in table.columns.items()}
        assert ours | {"SOURCE_SYSTEM": "VARCHAR", "INGESTED_AT": "TIMESTAMP_NTZ"} == declared


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_schema_maps_whole(schema: str) -> None:
    database = Generator(3, schema).database(users=1, conversations=1, messages=4)
    for collection, documents in database.collections.items():
        if collection in {"keys", "tokens", "transactions"}:
            continue
        for document in documents:
            left_out: Counter[str] = Counter()
            mapped = map_document(collection, decode(bson.encode(document)), left_out)
            later = {"TENANT_ID", "USER_ID"}
            assert set(mapped.row) | later == set(TABLES[mapped.table].columns)
            # The first reading makes no JSON of what is small, and finds the same.
            counted: Counter[str] = Counter()
            looked = map_document(collection, decode(bson.encode(document)), counted, cells=False)
            assert replace(looked, row=mapped.row) == mapped
            assert counted == left_out


def test_a_message() -> None:
    document = MESSAGE | {
        "sender": "Claude",
        "text": "",
        "isCreatedByUser": False,
        "content": [{"type": "text", "text": "Grüße 👩‍⚕️"}],
        "tokenCount": 12.0,
        "finish_reason": "stop",
        "thread_id": "t",
        "createdAt": datetime(2025, 3, 30, 1, 30, 0, 123000, tzinfo=UTC),
        "feedback": {"rating": "thumbsUp"},
    }
    row = row_of("messages", document)
    assert row["ROLE"] == "assistant"
    assert row["CONTENT"] == '[{"text":"Grüße 👩‍⚕️","type":"text"}]'
    assert row["TOKEN_COUNT"] == "12"
    assert row["CREATED_AT"] == "2025-03-30 01:30:00.123"
    assert json.loads(row["RAW"] or "")["createdAt"] == "2025-03-30T01:30:00.123Z"
    assert row["FEEDBACK"] == '{"rating":"thumbsUp"}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Either side of the hour that Berlin has twice, the last moment of a year, and leap day.
        (datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=2))), "2024-10-27 00:30:00.000"),
        (datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=1))), "2024-10-27 01:30:00.000"),
        (datetime(2023, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), "2023-12-31 23:59:59.999"),
        (datetime(1969, 12, 31, 23, 59, 59, 1000, tzinfo=UTC), "1969-12-31 23:59:59.001"),
        ("2024-02-29T23:30:00.5-01:00", "2024-03-01 00:30:00.500"),
        ("2024-02-29T23:30:00Z", "2024-02-29 23:30:00.000"),
        (None, None),
    ],
)
def test_times_are_utc(value: Any, expected: str | None) -> None:
    assert row_of("messages", MESSAGE | {"createdAt": value})["CREATED_AT"] == expected


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"messageId": 7}, "wrong-type", "messageId is int, not a string"),
        ({"messageId": ""}, "missing-field", "messageId is not there"),
        ({"messageId": "x" * 129}, "too-long", "messageId is longer than 128"),
        ({"isCreatedByUser": None}, "missing-field", "isCreatedByUser"),
        ({"isCreatedByUser": "yes"}, "wrong-type", "isCreatedByUser is string, not a boolean"),
        ({"text": {"a": 1}}, "wrong-type", "text is object, not a string"),
        ({"tokenCount": "12"}, "wrong-type", "tokenCount is string, not a number"),
        ({"tokenCount": True}, "wrong-type", "tokenCount is bool, not a number"),
        ({"tokenCount": 1.5}, "wrong-type", "tokenCount is not a whole number"),
        ({"tokenCount": 1e19}, "wrong-type", "tokenCount is a number of more than 19 digits"),
        ({"text": Code("f()")}, "wrong-type", "text is Code, not a string"),
        ({"createdAt": Code("f()")}, "wrong-type", "createdAt is Code, not a date"),
        ({"_id": Code("f()")}, "wrong-type", "_id is neither"),
        ({"files": "f"}, "wrong-type", "files is string, not an array"),
        ({"createdAt": "2024-02-29T23:30:00"}, "bad-time", "without a time zone"),
        ({"createdAt": "yesterday"}, "bad-time", "no time of ISO 8601"),
        ({"createdAt": 5}, "wrong-type", "createdAt is int, not a date"),
        ({"createdAt": DatetimeMS(2**60)}, "bad-time", "between the years 1 and 9999"),
        ({"_id": "x" * 25}, "wrong-type", "_id is neither"),
        ({"text": "ü" * (LARGEST_CELL // 2 + 1)}, "too-large", "text is longer than 16777216 bytes"),
        ({"content": ["x" * LARGEST_CELL]}, "too-large", "content is longer"),
    ],
)
def test_what_is_refused(change: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        map_document("messages", decode(bson.encode(MESSAGE | change)), Counter())
    assert caught.value.reason == reason


def test_what_is_surely_small_is_small() -> None:
    # What grows most: a pattern of nothing, a time out of range, a control character.
    document = MESSAGE | {"metadata": [Regex(""), DatetimeMS(-(2**60)), "\x01" * 9, Binary(b"", 0)] * 9_000}
    data = bson.encode(document)
    assert is_surely_small(len(data))
    row = map_document("messages", decode(data), Counter()).row
    assert len(data) * 2 < len((row["RAW"] or "").encode()) < len(data) * 16


@pytest.mark.parametrize(
    "data",
    [
        bson.encode({"a": "text"}).replace(b"text", b"te\xfft"),
        bson.encode({"a": 1}).replace(b"\x10a", b"\x99a"),
        b"\x05\x00\x00\x00\x01",
        bson.encode({"a": "text"})[:-3] + b"xx\x00",
    ],
    ids=["no UTF-8", "unknown type", "no end", "string without end"],
)
def test_broken_bson_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        decode(data)


def test_secrets_are_left_out_at_any_depth_and_counted() -> None:
    bcrypt = "$2b$10$" + "a" * 53
    document = {
        "_id": ObjectId(),
        "email": "anna@clinic.example",
        "password": bcrypt,
        "refreshToken": [{"refreshToken": "R-1"}],
        "totpSecret": "T-1",
        "backupCodes": [{"codeHash": "C-1", "used": False}],
        "pendingTotpSecret": "P-1",
        "twoFactorFinalizationNonceHash": "N-1",
        "plugins": [{"name": "x", "auth": {"api_key": "K-1", "Client-Secret": "S-1", "kept": "yes"}}],
        "note": bcrypt,
        "tokenCount": 5,
    }
    left_out: Counter[str] = Counter()
    row = map_document("users", document, left_out).row
    text = json.dumps(row)
    for secret in ("$2b$", "R-1", "T-1", "C-1", "P-1", "N-1", "K-1", "S-1"):
        assert secret not in text
    assert "yes" in text
    assert "anna@clinic.example" in text
    assert json.loads(row["RAW"] or "")["tokenCount"] == 5
    assert set(left_out) == {
        "password",
        "refreshToken",
        "totpSecret",
        "backupCodes",
        "pendingTotpSecret",
        "twoFactorFinalizationNonceHash",
        "api_key",
        "Client-Secret",
        "note",
    }
    session = {"_id": ObjectId(), "refreshTokenHash": "H-1", "user": ObjectId(), "expiration": datetime.now(UTC)}
    row = map_document("sessions", session, left_out).row
    assert row["REFRESH_TOKEN_HASH"] is None
    assert "H-1" not in json.dumps(row)


def test_secrets_are_left_out_in_lists_under_plural_names_and_in_what_holds_a_document() -> None:
    bcrypt = "$2b$10$" + "b" * 53
    signed = f"eyJ{'h' * 30}.eyJ{'p' * 5_000}.{'s' * 40}"
    document = MESSAGE | {
        "text": bcrypt,
        "tokens": ["tokens of a prompt"],
        "metadata": {
            "history": [bcrypt, "kept", [signed]],
            "apiKeys": ["S-1"],
            "refresh tokens": {"a": "S-2"},
            "openai.apiKey": "S-3",
            "Api Key": "S-4",
            "header": f"Bearer {signed}",
            "invalid_tokens": 7,
            "reference": DBRef("users", 1, None, password="S-5", kept="too"),
            "code": Code("f()", {"secret": "S-6"}),
        },
    }
    left_out, counted = Counter[str](), Counter[str]()
    row = map_document("messages", decode(bson.encode(document)), left_out).row
    map_document("messages", decode(bson.encode(document)), counted, cells=False)
    assert (
        left_out
        == counted
        == {
            "history": 2,
            "apiKeys": 1,
            "refresh tokens": 1,
            "openai.apiKey": 1,
            "Api Key": 1,
            "header": 1,
            "password": 1,
            "secret": 1,
        }
    )
    for cell in (row["METADATA"], row["RAW"]):
        assert "S-" not in (cell or "")
        assert signed not in (cell or "")
    assert json.loads(row["METADATA"] or "") == {
        "history": ["kept", []],
        "invalid_tokens": 7,
        "reference": {"$ref": "users", "$id": 1, "kept": "too"},
        "code": {"$code": "f()", "$scope": {}},
    }
    # What somebody typed is content, whatever it looks like.
    assert row["TEXT"] == json.loads(row["RAW"] or "")["text"] == bcrypt
    assert json.loads(row["RAW"] or "")["tokens"] == ["tokens of a prompt"]


@pytest.mark.parametrize("inner", [False, True])
def test_a_field_that_stands_twice_is_no_silent_choice(inner: bool) -> None:
    twice = b"".join(bson.encode({"user": user})[4:-1] for user in ("one", "another"))
    data = (len(twice) + 5).to_bytes(4, "little") + twice + b"\x00"
    if inner:
        data = bson.encode({"a": [RawBSONDocument(data)]})
    assert "another" in str(decode(data))
    with pytest.raises(UnreadableError, match="a field stands twice"):
        judge_fields(data, decode(data))
    # Kinds that nobody writes any more are read as others, and are no repetition.
    rest = b"\x06u\x00\x0es\x00\x02\x00\x00\x00a\x00\x0cp\x00\x02\x00\x00\x00c\x00" + b"\x01" * 12
    old = (len(rest) + 5).to_bytes(4, "little") + rest + b"\x00"
    judge_fields(old, decode(old))


def test_every_type_of_bson_has_one_form_in_json() -> None:
    metadata = {
        "long": Int64(2**63 - 1),
        "whole": 3.0,
        "part": 0.1 + 0.2,
        "tiny": 1e-07,
        "huge": 1e300,
        "nan": float("nan"),
        "minus": float("-inf"),
        "decimal": Decimal128("1.10"),
        "binary": Binary(b"\x00\xff", 4 + 124),
        "pattern": Regex("a.b", "i"),
        "stamp": Timestamp(5, 6),
        "id": ObjectId("64b0f0a1c2d3e4f5a6b7c8d9"),
        "far": DatetimeMS(2**60),
        "nothing": None,
        "nul": "a\x00b",
    }
    text = row_of("messages", MESSAGE | {"metadata": metadata})["METADATA"]
    assert text is not None
    found = json.loads(text)
    assert found["long"] == 2**63 - 1
    assert text.endswith('"whole":3}')
    assert (found["part"], found["tiny"], found["huge"]) == (0.1 + 0.2, 1e-07, 1e300)
    assert (found["nan"], found["minus"], found["decimal"]) == ("NaN", "-Infinity", "1.10")
    assert found["far"] == {"$date": {"$numberLong": str(2**60)}}
    assert found["nul"] == "a\x00b"
    # Whatever spelling of it Snowflake answers with, the canonical form is the same.
    assert CANONICAL["json"](json.dumps(found, indent=2, ensure_ascii=True)) == text
    assert CANONICAL["json"]('{"b":1.00,"a":1.0e-07}') == '{"a":1e-07,"b":1}'


def test_rows_of_different_content_have_different_digests() -> None:
    columns = ("A", "B")
    rows = [("x", "y"), ("xy", ""), ("x", None), ("x", ""), (None, "x")]
    assert len({row_digest(row, columns) for row in rows}) == len(rows)


def test_transactions() -> None:
    base = {"_id": ObjectId(), "user": ObjectId("64b0f0a1c2d3e4f5a6b7c8d9"), "conversationId": "c"}
    found = map_tokens(base | {"tokenType": "prompt", "rawAmount": -120.0, "writeTokens": -3, "messageId": "m"})
    assert (found.user, found.amount, found.written, found.read) == ("64b0f0a1c2d3e4f5a6b7c8d9", 120, 3, 0)
    assert map_tokens(base | {"tokenType": "credits", "rawAmount": 0.5}).amount == 0
    with pytest.raises(RefusedError, match="neither prompt"):
        map_tokens(base | {"tokenType": "other"})


def test_a_transaction_of_more_tokens_than_there_are_is_refused() -> None:
    spent = {"_id": ObjectId(), "user": ObjectId(), "tokenType": "prompt", "rawAmount": -1e300}
    with pytest.raises(RefusedError, match="rawAmount is a number of more than 12 digits"):
        map_tokens(spent)
    assert map_tokens(spent | {"tokenType": "credits"}).amount == 0


def test_what_expires_says_when_mongodb_would_delete_it() -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    file = {"_id": ObjectId(), "file_id": "f", "user": "u", "expiresAt": at}
    assert map_document("files", file, Counter()).expires == at + timedelta(hours=1)
    user = {"_id": ObjectId(), "expiresAt": at}
    assert map_document("users", user, Counter()).expires == at + timedelta(days=7)
    conversation = {"_id": ObjectId(), "conversationId": "c", "user": "u", "expiredAt": at}
    mapped = map_document("conversations", conversation, Counter())
    assert mapped.expires == at
    assert mapped.row["IS_TEMPORARY"] == "true"
