"""A live database is read through PyMongo as a dump is, and nothing but reading is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId

from cli.migrate.live import LiveDatabase
from cli.migrate.source import SourceError
from tests.migrate.chat_account import Chat
from tests.migrate.dumps import Generator
from tests.migrate.migrations import Migration, total
from tests.migrate.mongo_server import HELLO, MongoServer, mongo_server


def test_every_document_comes_once_and_nothing_is_written() -> None:
    database = Generator(5).database(users=2, conversations=3, messages=130)
    with mongo_server(database.collections) as (server, uri):
        source = LiveDatabase(uri, None)
        found: dict[str, set[bytes]] = {}
        for item in source.items():
            found.setdefault(item.collection, set()).add(item.data)
        source.close()
    assert found == {
        name: {bson.encode(document) for document in documents} for name, documents in database.collections.items()
    }
    assert "getMore" in server.commands
    assert {name.lower() for name in server.commands} <= {
        "hello",
        "ismaster",
        "listcollections",
        "find",
        "getmore",
        "endsessions",
        "killcursors",
    }


def test_what_changes_between_two_readings_is_set_aside(tmp_path: Path, chat: Chat) -> None:
    database = Generator(6).database(users=1, conversations=2, messages=3)
    migration = Migration.of(tmp_path, chat, {"users": []}, database.map())
    with mongo_server(database.collections) as (server, uri):
        migration.source = LiveDatabase(uri, None)
        readings = 0
        original = migration.source.items

        def items() -> Any:
            nonlocal readings
            readings += 1
            if readings == 2:
                _go_on_writing(server)
            return original()

        migration.source.items = items  # type: ignore[method-assign]
        report = migration.run()
        migration.source.close()
    changed, gone = server.collections["messages"][0]["_id"], server.gone  # type: ignore[attr-defined]
    (line,) = migration.quarantine(report["batch"])
    assert (line["source_id"], line["reason"]) == (str(changed), "changed-while-read")
    # What was there at the first reading and not at the second is named; what came is for another run.
    assert any(f"1 rows not in the table: {gone}" in problem for problem in report["mismatches"])
    assert "password" not in report["source"]["name"]
    assert total(report, "read") == sum(map(len, database.collections.values()))


def _go_on_writing(server: MongoServer) -> None:
    messages = server.collections["messages"]
    messages[0] = dict(messages[0]) | {"text": "changed"}
    server.gone = server.collections["files"].pop()["_id"]  # type: ignore[attr-defined]
    messages.insert(1, dict(messages[1]) | {"_id": ObjectId(), "messageId": "new"})


@pytest.mark.parametrize(
    ("uri", "database", "words"),
    [
        ("mongodb://user:hunter2@127.0.0.1:1/?bad=%", None, "is not valid|names no database"),
        ("mongodb://user:hunter2@127.0.0.1:1/", None, "names no database"),
        ("mongodb://user:hunter2@/x", None, "is not valid"),
    ],
)
def test_what_is_no_database_is_refused_without_its_password(uri: str, database: str | None, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        LiveDatabase(uri, database)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.migrate.live._SECONDS", 50)
    with pytest.raises(SourceError, match=r"^mongodb://127\.0\.0\.1:1/chat cannot be read") as caught:
        LiveDatabase("mongodb://user:hunter2@127.0.0.1:1/chat", None)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_pymongo_does_not_know_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HELLO, "maxWireVersion", 8)
    with mongo_server({"users": []}) as (_, uri), pytest.raises(SourceError, match=r"older than MongoDB 4\.4.*a dump"):
        LiveDatabase(uri, None)
