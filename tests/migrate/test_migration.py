"""A batch on an embedded account, by the organisations' own roles: what arrives, what is set aside, what is undone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import ProgrammingError
from snowflake.connector.cursor import SnowflakeCursor

from cli.failure import BadInputError, FailureError
from cli.migrate import run
from cli.migrate.mapping import NO_PARENT
from cli.migrate.report import fingerprint, signer
from cli.migrate.target import Target
from tests.emulator.snowflake_provider import KeyPair
from tests.migrate.chat_account import TENANTS, Chat, served
from tests.migrate.dumps import SCHEMAS, Generator, archive
from tests.migrate.dumps import Chat as Database
from tests.migrate.migrations import EVERYBODY, Migration, nothing, total

TABLES = ("CONVERSATIONS", "CHAT_MESSAGES", "USER_SESSIONS", "USER_PREFERENCES", "FILE_UPLOADS")
WHOLE = 9_400_000


@pytest.fixture
def own_chat(tmp_path: Path, chat_template: Path, chat_keys: KeyPair) -> Iterator[Chat]:
    """An account of a test's own."""
    shutil.copytree(chat_template, tmp_path / "account")
    with served(tmp_path / "account", chat_keys) as found:
        yield found


def message(user: str, conversation: str, identifier: str, parent: str = NO_PARENT, **more: Any) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "messageId": identifier,
        "conversationId": conversation,
        "parentMessageId": parent,
        "user": user,
        "isCreatedByUser": True,
        "text": "SECRET-CONTENT",
    } | more


def conversation(user: str, identifier: str, **more: Any) -> dict[str, Any]:
    return {"_id": ObjectId(), "conversationId": identifier, "user": user, "title": "SECRET-CONTENT"} | more


def counts(chat: Chat, tenant: str) -> dict[str, int]:
    return {table: chat.rows(tenant, f"SELECT COUNT(*) FROM {table}")[0][0] for table in TABLES}


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory, chat: Chat) -> tuple[Migration, dict[str, Any], Database]:
    """One dump with users of all five schemas, carried once."""
    database = Database()
    for schema in SCHEMAS:
        part = Generator(11, schema).database(users=2, conversations=1, messages=5)
        database.users += part.users
        for name, documents in part.collections.items():
            database.collections.setdefault(name, []).extend(documents)
    migration = Migration.of(tmp_path_factory.mktemp("carried"), chat, database.collections, database.map())
    return migration, migration.run(), database


def test_every_document_is_accounted_for(carried: tuple[Migration, dict[str, Any], Database]) -> None:
    migration, report, database = carried
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    assert total(report, "read") == sum(map(len, database.collections.values()))
    assert total(report, "quarantined") == 0
    for tenant in TENANTS:
        found = {name: entry["written"] for name, entry in report["organizations"][tenant].items()}
        rows = counts(migration.chat, tenant)
        assert rows["CHAT_MESSAGES"] == found["messages"] == 25
        assert rows["USER_PREFERENCES"] == found["users"] + found["presets"] == 10
        assert (rows["CONVERSATIONS"], rows["USER_SESSIONS"], rows["FILE_UPLOADS"]) == (5, 4, 3)
        for entry in report["organizations"][tenant].values():
            assert entry["sha256_source"] == entry["sha256_snowflake"]
    assert report["organizations"]["unmapped"]["keys"]["skipped"] == {"credentials": 10}


def test_rows_say_what_the_documents_said(carried: tuple[Migration, dict[str, Any], Database]) -> None:
    migration, report, database = carried
    newest = database.collections["messages"][-1]
    tenant = TENANTS[(len(database.users) - 1) % 2]
    for written in database.collections["messages"][-5:]:
        ((text, role, parent, raw, origin, prompt, completion, cached),) = migration.chat.rows(
            tenant,
            "SELECT TEXT, ROLE, PARENT_MESSAGE_ID, RAW, SOURCE_SYSTEM, PROMPT_TOKENS, COMPLETION_TOKENS, "
            f"CACHE_WRITE_TOKENS FROM CHAT_MESSAGES WHERE MESSAGE_ID = '{written['messageId']}'",
        )
        assert (text, parent, origin) == (written["text"], written["parentMessageId"], f"mongodb:{report['batch']}")
        if role == "assistant":
            assert (prompt, completion, cached) == (120, 45, 14)
            assert json.loads(raw)["content"][0]["text"] == written["content"][0]["text"]
        else:
            assert (prompt, completion) == (None, None)
    ((messages, tokens, zone),) = migration.chat.rows(
        tenant,
        "SELECT MESSAGE_COUNT, TOTAL_TOKENS, CREATED_AT FROM CONVERSATIONS "
        f"WHERE CONVERSATION_ID = '{newest['conversationId']}'",
    )
    assert (messages, tokens) == (5, 330)
    assert zone == database.collections["conversations"][-1]["createdAt"].replace(tzinfo=None)


def test_nothing_secret_arrives_or_is_kept(carried: tuple[Migration, dict[str, Any], Database]) -> None:
    migration, report, _ = carried
    rows = [
        str(row)
        for tenant in TENANTS
        for table in TABLES
        for row in migration.chat.rows(tenant, f"SELECT * FROM {table}")
    ]
    kept = [file.read_bytes() for file in (migration.folder / "migrations").rglob("*") if file.is_file()]
    for secret in ("REFRESH-", "TOTP-", "CODE-", "HASH-", "KEY-", "TOKEN-", "$2a$"):
        assert not any(secret in row for row in rows), secret
        assert not any(secret.encode() in content for content in kept), secret
    # The journal and the reports hold ids and digests, and nothing that anybody wrote.
    assert not any(b"Ibuprofen" in content or b"@clinic" in content for content in kept)
    assert any("Ibuprofen" in row for row in rows)
    assert report["left_out"]["password"] == 10
    for file in (migration.folder / "migrations" / report["batch"]).iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or file.suffix in {".sqlite-wal", ".sqlite-shm"}


def test_a_second_run_adds_nothing(carried: tuple[Migration, dict[str, Any], Database]) -> None:
    migration, first, _ = carried
    before = {tenant: counts(migration.chat, tenant) for tenant in TENANTS}
    second = migration.run()
    assert second["verdict"] == "PASS"
    assert second["batch"] != first["batch"]
    assert total(second, "written") == 0
    assert total(second, "skipped") == total(second, "read")
    assert {tenant: counts(migration.chat, tenant) for tenant in TENANTS} == before


def test_a_report_that_was_touched_is_found(carried: tuple[Migration, dict[str, Any], Database]) -> None:
    migration, report, _ = carried
    assert signer(report) == report["signature"]["key"] == fingerprint(migration.world.key().public_key())
    # Who signed can be asked of the account itself.
    with migration.chat.endpoint.connect(role="ACCOUNTADMIN") as admin:
        described = {row[0]: row[1] for row in admin.cursor().execute("DESC USER NEXUS_DEPLOY").fetchall()}
    assert described["RSA_PUBLIC_KEY_FP"] == report["signature"]["key"]
    assert described["RSA_PUBLIC_KEY_2_FP"] is None
    folder = migration.folder / "migrations" / report["batch"]
    content, text = (folder / "report.json").read_text("utf-8"), (folder / "report.txt").read_text("utf-8")
    assert json.loads(content) == report
    assert signer(report | {"verdict": "PASS, really"}) is None
    assert signer(report | {"signature": report["signature"] | {"key": "SHA256:another"}}) is None
    try:
        (folder / "report.json").write_text(content.replace('"read": 25', '"read": 26'), encoding="utf-8")
        (folder / "report.txt").write_text(text.replace("PASS", "PASSED"), encoding="utf-8")
        mismatches = migration.verify(batch=report["batch"])["mismatches"]
        assert mismatches == ["the report is not as it was signed", "report.txt is not the text that was signed"]
    finally:
        (folder / "report.json").write_text(content, encoding="utf-8")
        (folder / "report.txt").write_text(text, encoding="utf-8")


def test_a_report_outlives_the_key_that_signed_it(carried: tuple[Migration, dict[str, Any], Database]) -> None:
    migration, report, _ = carried
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    told = run.verify(replace(migration.world, key=lambda: key), report["batch"], None, None, nothing)
    assert (told["verdict"], told["mismatches"]) == ("PASS", [])
    assert told["notes"] == [
        f"the report was signed with another key than today's: hold {report['signature']['key']} against your records"
    ]
    assert signer(told) == fingerprint(key.public_key())


def test_later_changes_are_found_and_named(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    documents = [message(user, "later", f"later-{number}") for number in range(3)]
    collections = {"conversations": [conversation(user, "later")], "messages": documents}
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001"})
    migration.run()
    assert migration.verify()["verdict"] == "PASS"
    assert migration.verify(anew=True)["mismatches"] == []
    chat.rows("HCS0001", "UPDATE CHAT_MESSAGES SET TEXT = 'another' WHERE MESSAGE_ID = 'later-0'")
    chat.rows("HCS0001", "DELETE FROM CHAT_MESSAGES WHERE MESSAGE_ID = 'later-1'")
    for told in (migration.verify(), migration.verify(anew=True)):
        assert told["verdict"] == "FAIL"
        changed, gone = documents[0]["_id"], documents[1]["_id"]
        assert f"HCS0001 CHAT_MESSAGES: 1 rows differ: {changed}" in told["mismatches"]
        assert f"HCS0001 CHAT_MESSAGES: 1 rows not in the table: {gone}" in told["mismatches"]
        assert "HCS0001 messages: the digest of the Snowflake side is not the report's" in told["mismatches"]
        assert signer(told) == fingerprint(migration.world.key().public_key())


def test_what_cannot_be_carried_is_set_aside_with_its_reason(tmp_path: Path, chat: Chat) -> None:
    user, stranger, elsewhere = (str(ObjectId()) for _ in range(3))
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    twin = message(user, "a", "twin")
    collections: dict[str, list[Any]] = {
        "conversations": [
            conversation(user, "a"),
            conversation(user, "a-copy", tenantId="HCS0002"),
            conversation(user, "gone", expiredAt=past),
            conversation(user, "soon", expiredAt=future),
            conversation(stranger, "strange"),
            conversation(elsewhere, "elsewhere"),
        ],
        "messages": [
            message(user, "a", "root"),
            message(user, "a", "child", "root", text="👩‍⚕️\u2028\x00 end"),
            twin,
            twin,
            twin | {"_id": ObjectId(), "text": "other"},
            message(user, "a", "lost", "nobody"),
            message(user, "a", "child-of-lost", "lost"),
            message(user, "a", "turning", "turned"),
            message(user, "a", "turned", "turning"),
            message(user, "gone", "of-gone"),
            message(user, "nowhere", "of-nowhere"),
            message(user, "a", "old", expiredAt=past),
            message(user, "a", "wrong", text=5),
            {"_id": ObjectId(), "id": "early", "conversationId": "a", "sender": "User", "text": "SECRET-CONTENT"},
            bson.encode(message(user, "a", "broken")).replace(b"SECRET", b"SECR\xff\xff"),
            message(user, "soon", "large", text="x" * WHOLE),
            message(user, "soon", "too-large", "large", text="\x01" * 4_000_000),
            message(user, "soon", "after-large", "too-large"),
            message(stranger, "strange", "strange"),
        ],
        "transactions": [
            {"_id": ObjectId(), "user": ObjectId(user), "tokenType": "credits", "rawAmount": 0.5},
            {"_id": ObjectId(), "user": ObjectId(user), "tokenType": "prompt", "conversationId": "nowhere"},
        ],
        "agents": [{"_id": ObjectId(), "instructions": "SECRET-CONTENT"}],
        # Of no known type: credentials are never decoded.
        "pluginauths": [bson.encode({"a": 1}).replace(b"\x10a", b"\x99a")],
    }
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001", elsewhere: "HCS0002"})
    report = migration.run(frozenset({"HCS0001"}))
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    reasons = Counter((line["collection"], line["reason"]) for line in migration.quarantine(report["batch"]))
    assert reasons == {
        ("agents", "no-table"): 1,
        ("conversations", "no-organisation"): 1,
        ("conversations", "organisation-contradicted"): 1,
        ("messages", "duplicate-key"): 1,
        ("messages", "missing-field"): 1,
        ("messages", "no-organisation"): 1,
        # Without a parent, below one without, a circle of two, two without a conversation, one below what is too large.
        ("messages", "orphaned"): 7,
        ("messages", "too-large"): 1,
        ("messages", "unreadable"): 1,
        ("messages", "wrong-type"): 1,
        ("transactions", "orphaned"): 1,
    }
    skipped: Counter[str] = Counter()
    for entries in report["organizations"].values():
        for entry in entries.values():
            skipped.update(entry["skipped"])
    assert skipped == {"balance": 1, "credentials": 1, "duplicate": 1, "expired": 2, "other-organisation": 1}
    found = chat.rows("HCS0001", f"SELECT MESSAGE_ID, LENGTH(TEXT) FROM CHAT_MESSAGES WHERE USER_ID = '{user}'")
    assert dict(found) == {"root": 14, "child": 10, "twin": 14, "large": WHOLE}
    lines = (tmp_path / "migrations" / report["batch"] / run.QUARANTINE).read_text(encoding="utf-8")
    assert "SECRET" not in lines
    (broken,) = [line for line in migration.quarantine(report["batch"]) if line["reason"] == "unreadable"]
    assert broken["place"].startswith("messages.bson@")
    offset = int(broken["place"].split("@")[1])
    content = (tmp_path / "dump" / "LibreChat" / "messages.bson").read_bytes()
    assert content[offset : offset + broken["bytes"]].endswith(b"\x00")
    assert b"broken" in content[offset : offset + broken["bytes"]]


def test_an_id_that_stands_twice_counts_once(tmp_path: Path, chat: Chat) -> None:
    user, cost = str(ObjectId()), {"_id": ObjectId(), "tokenType": "prompt", "rawAmount": -7}
    first = message(user, "ids", "ids-1")
    cost |= {"user": ObjectId(user), "conversationId": "ids"}
    collections = {
        "conversations": [conversation(user, "ids")],
        "messages": [first, first | {"messageId": "ids-2"}],
        "transactions": [cost, cost, cost | {"rawAmount": -8}],
    }
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001"})
    report = migration.run()
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    assert [line["reason"] for line in migration.quarantine(report["batch"])] == ["duplicate-id", "duplicate-id"]
    assert report["organizations"]["HCS0001"]["transactions"]["skipped"] == {"duplicate": 1}
    found = chat.rows("HCS0001", f"SELECT MESSAGE_COUNT, TOTAL_TOKENS FROM CONVERSATIONS WHERE USER_ID = '{user}'")
    assert found == [(1, 7)]


def test_an_account_that_takes_no_arrays_in_a_query_gets_the_rows_singly(
    tmp_path: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(self: SnowflakeCursor, *_: Any) -> None:
        raise ProgrammingError(msg="Bind variable ? not set.", errno=2049)

    database = Generator(13).database(users=1, conversations=1, messages=3)
    migration = Migration.of(tmp_path, chat, database.collections, database.map())
    monkeypatch.setattr(SnowflakeCursor, "executemany", refusing)
    report = migration.run()
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    assert report["organizations"]["HCS0001"]["messages"]["written"] == 3


def test_messages_of_the_first_releases_belong_to_their_conversations_user(tmp_path: Path, chat: Chat) -> None:
    one, two = str(ObjectId()), str(ObjectId())
    orphan = {key: value for key, value in message(one, "old", "old-1").items() if key != "user"}
    unclear = {key: value for key, value in message(one, "both", "old-2").items() if key != "user"}
    collections = {
        "conversations": [conversation(one, "old"), conversation(one, "both"), conversation(two, "both")],
        "messages": [orphan, unclear],
    }
    migration = Migration.of(tmp_path, chat, collections, {one: "HCS0001", two: "HCS0001"})
    report = migration.run()
    assert chat.rows("HCS0001", "SELECT USER_ID FROM CHAT_MESSAGES WHERE MESSAGE_ID IN ('old-1', 'old-2')") == [(one,)]
    assert [line["reason"] for line in migration.quarantine(report["batch"])] == ["no-organisation"]


def test_a_mail_address_finds_its_account_or_is_refused(tmp_path: Path, chat: Chat) -> None:
    first = {"_id": ObjectId(), "email": "Anna@clinic.example"}
    migration = Migration.of(
        tmp_path / "one", chat, {"users": [first]}, {"anna@clinic.example": "HCS0002", "gone@clinic.example": "HCS0001"}
    )
    report = migration.run()
    assert report["organizations"]["HCS0002"]["users"]["written"] == 1
    assert "1 mail addresses of the map belong to nobody in the source" in report["notes"]
    second = {"_id": ObjectId(), "email": "anna@clinic.example"}
    twice = Migration.of(tmp_path / "two", chat, {"users": [first, second]}, {"anna@clinic.example": "HCS0002"})
    with pytest.raises(BadInputError, match="belong to several accounts"):
        twice.run()


def test_a_damaged_dump_is_carried_as_far_as_it_goes_and_fails(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    content = archive({"conversations": [conversation(user, "cut")], "messages": [message(user, "cut", "cut-1")]})
    migration = Migration.of(tmp_path, chat, {"users": []}, {user: "HCS0001"})
    path = tmp_path / "cut.archive"
    path.write_bytes(content[:-70])
    migration.source = run_open(path)
    report = migration.run()
    assert report["verdict"] == "FAIL"
    assert any("damaged in" in problem for problem in report["mismatches"])
    assert chat.rows("HCS0001", "SELECT COUNT(*) FROM CONVERSATIONS WHERE CONVERSATION_ID = 'cut'") == [(1,)]
    # The same command takes up the same batch, and adds nothing to what is there.
    assert migration.run()["batch"] == report["batch"]
    assert chat.rows("HCS0001", "SELECT COUNT(*) FROM CONVERSATIONS WHERE CONVERSATION_ID = 'cut'") == [(1,)]


def test_a_length_that_takes_in_the_next_document_is_damage(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    first, second = (bson.encode(conversation(user, name)) for name in ("takes", "taken"))
    both = (len(first) + len(second)).to_bytes(4, "little") + first[4:] + second
    report = Migration.of(tmp_path, chat, {"conversations": [both]}, {user: "HCS0001"}).run()
    assert report["verdict"] == "FAIL"
    assert any("damaged in 1 place:" in problem for problem in report["mismatches"])


def run_open(path: Path) -> Any:
    from cli.migrate.dump import open_dump

    return open_dump(path, None)


def test_a_batch_that_was_killed_at_any_moment_is_taken_up(tmp_path: Path, own_chat: Chat) -> None:
    database = Generator(12).database(users=1, conversations=4, messages=5)
    migration = Migration.of(tmp_path, own_chat, database.collections, database.map())
    (tmp_path / "key.pem").write_text(own_chat.keys.private, encoding="utf-8")
    points = ["reading #3", "before a statement #3", "after a statement", "comparing #4", "quarantine", "report"]
    given = {"port": own_chat.endpoint.port, "key": tmp_path / "key.pem", "folder": tmp_path / "migrations"}
    given |= {"dump": tmp_path / "dump", "map": tmp_path / "map.csv", "points": points}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.migrate.killing", json.dumps(given, default=str)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(ran.stdout)
    # Each of them really was killed, and all of them worked at one batch.
    assert told["signals"] == [signal.SIGKILL] * len(points)
    report = told["report"]
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    assert migration.world.batches() == [report["batch"]]
    assert total(report, "read") == sum(map(len, database.collections.values()))
    assert total(report, "quarantined") == 0
    assert report["organizations"]["HCS0001"]["messages"]["written"] == 20
    found = own_chat.rows("HCS0001", "SELECT COUNT(*), COUNT(DISTINCT MESSAGE_ID) FROM CHAT_MESSAGES")
    assert found == [(20, 20)]
    assert migration.verify(anew=True)["mismatches"] == []


def test_a_statement_sent_twice_adds_nothing(tmp_path: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    user = str(ObjectId())
    migration = Migration.of(tmp_path, chat, {"conversations": [conversation(user, "twice")]}, {user: "HCS0001"})
    original = Target.insert

    def twice(self: Target, *arguments: Any) -> int:
        return original(self, *arguments) + original(self, *arguments)

    monkeypatch.setattr(Target, "insert", twice)
    assert migration.run()["verdict"] == "PASS"
    assert chat.rows("HCS0001", "SELECT COUNT(*) FROM CONVERSATIONS WHERE CONVERSATION_ID = 'twice'") == [(1,)]


def test_a_row_that_is_lost_or_changed_on_the_way_is_named(
    tmp_path: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = str(ObjectId())
    documents = [conversation(user, f"way-{number}") for number in range(3)]
    migration = Migration.of(tmp_path, chat, {"conversations": documents}, {user: "HCS0001"})
    original = Target.insert

    def careless(self: Target, table: Any, rows: Any, *rest: Any) -> int:
        title = list(table.columns).index("TITLE")
        rows[1][title] = "spoiled"
        return original(self, table, rows[:2], *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Target, "insert", careless)
        report = migration.run()
    assert report["verdict"] == "FAIL"
    assert report["mismatches"] == [
        f"HCS0001 CONVERSATIONS: 1 rows not in the table: {documents[2]['_id']}",
        f"HCS0001 CONVERSATIONS: 1 rows differ: {documents[1]['_id']}",
        "HCS0001 CONVERSATIONS: 3 documents written, 2 rows there",
    ]
    # The same command brings what is missing; what is spoiled stays named.
    assert migration.run()["mismatches"] == [f"HCS0001 CONVERSATIONS: 1 rows differ: {documents[1]['_id']}"]


def test_a_batch_is_taken_back_and_nothing_else(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    before = {tenant: counts(chat, tenant) for tenant in TENANTS}
    collections = {
        "conversations": [conversation(user, "back")],
        "messages": [message(user, "back", "back-1"), message(user, "back", "back-2", "back-1")],
    }
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0002"})
    batch = migration.run()["batch"]
    assert counts(chat, "HCS0002")["CHAT_MESSAGES"] == before["HCS0002"]["CHAT_MESSAGES"] + 2
    chat.rows(
        "HCS0002",
        "INSERT INTO CHAT_MESSAGES (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID) "
        f"VALUES ('HCS0002', 'new', 'back', '{user}')",
    )
    with pytest.raises(FailureError, match=r"HCS0002: 1 messages.*Nothing was changed"):
        run.rollback(migration.world, batch, EVERYBODY, even_if_used=False)
    assert counts(chat, "HCS0002")["CHAT_MESSAGES"] == before["HCS0002"]["CHAT_MESSAGES"] + 3
    told = run.rollback(migration.world, batch, EVERYBODY, even_if_used=True)
    assert (told["verdict"], told["left"]) == ("PASS", 0)
    assert told["removed"] == {"HCS0001": {}, "HCS0002": {"CONVERSATIONS": 1, "CHAT_MESSAGES": 2}}
    chat.rows("HCS0002", "DELETE FROM CHAT_MESSAGES WHERE MESSAGE_ID = 'new'")
    assert {tenant: counts(chat, tenant) for tenant in TENANTS} == before
    assert "the batch was rolled back" in migration.verify()["mismatches"]
    # After it, the same dump is a new batch.
    assert migration.run()["batch"] != batch
    for wrong in ("nonsense", "../../etc"):
        with pytest.raises(BadInputError, match="is no batch"):
            run.rollback(migration.world, wrong, EVERYBODY, even_if_used=False)
    (migration.folder / "elsewhere").mkdir()
    other = run.World("X", migration.folder / "elsewhere", migration.world.addresses, chat.connect, migration.world.key)
    with pytest.raises(FailureError, match="no organisation has rows"):
        run.rollback(other, "20200101T000000Z-abcdef", EVERYBODY, even_if_used=False)


def test_a_role_without_its_rights_writes_nothing(tmp_path: Path, own_chat: Chat) -> None:
    user, other = str(ObjectId()), str(ObjectId())
    collections = {"conversations": [conversation(user, "r"), conversation(other, "s")]}
    migration = Migration.of(tmp_path / "m", own_chat, collections, {user: "HCS0001", other: "HCS0002"})
    with own_chat.endpoint.connect(role="ACCOUNTADMIN") as admin:
        admin.cursor().execute("REVOKE USAGE ON SCHEMA HCS0002_DB.NEXUSCHAT FROM ROLE HCS0002_APP")
    with pytest.raises(FailureError, match=r"(?s)nothing was written.*HCS0002 as HCS0002_APP"):
        migration.run()
    assert own_chat.rows("HCS0001", "SELECT COUNT(*) FROM CONVERSATIONS") == [(0,)]
    with own_chat.endpoint.connect(role="ACCOUNTADMIN") as admin:
        admin.cursor().execute("GRANT USAGE ON SCHEMA HCS0002_DB.NEXUSCHAT TO ROLE HCS0002_APP")
        admin.cursor().execute("REVOKE INSERT ON TABLE HCS0002_DB.NEXUSCHAT.CONVERSATIONS FROM ROLE HCS0002_APP")
    with pytest.raises(FailureError, match=r"(?s)not authorized.*is not finished: the same command"):
        migration.run()
    with own_chat.endpoint.connect(role="ACCOUNTADMIN") as admin:
        admin.cursor().execute("GRANT INSERT ON TABLE HCS0002_DB.NEXUSCHAT.CONVERSATIONS TO ROLE HCS0002_APP")
    assert migration.run()["verdict"] == "PASS"


def test_a_dry_run_writes_nothing_and_asks_nobody(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    collections = {"conversations": [conversation(user, "dry")], "messages": [message(user, "dry", "x", "nobody")]}
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001"})

    def nobody(_: Any) -> Any:
        raise AssertionError("a dry run logs in")

    world = run.World("local", tmp_path / "migrations", migration.world.addresses, nobody, nobody)  # type: ignore[arg-type]
    told = run.dry_run(world, migration.source, migration.users, EVERYBODY, nothing)
    assert (told["verdict"], told["mismatches"]) == ("DRY RUN", [])
    assert told["organizations"]["HCS0001"]["conversations"]["written"] == 1
    assert told["organizations"]["HCS0001"]["messages"]["quarantined"] == {"orphaned": 1}
    assert len(migration.quarantine(run.DRY_RUN)) == 1
    assert world.batches() == []


def test_a_user_of_another_organisation_than_before_is_refused_while_that_one_has_rows(
    tmp_path: Path, chat: Chat
) -> None:
    user, other = str(ObjectId()), str(ObjectId())
    collections = {
        "conversations": [conversation(user, "moved"), conversation(other, "stays")],
        "messages": [message(user, "moved", "moved-1")],
    }
    first = Migration.of(tmp_path / "first", chat, collections, {user: "HCS0001", other: "HCS0001"})
    batch = first.run()["batch"]
    second = Migration.of(tmp_path / "second", chat, collections, {user: "HCS0002", other: "HCS0001"})
    second.folder = first.folder
    with pytest.raises(BadInputError) as caught:
        second.run()
    assert "1 of its users have rows in HCS0001" in str(caught.value)
    assert f"--rollback {batch} --tenant HCS0001" in str(caught.value)
    assert chat.rows("HCS0002", "SELECT COUNT(*) FROM CONVERSATIONS WHERE CONVERSATION_ID = 'moved'") == [(0,)]
    told = run.dry_run(second.world, second.source, second.users, EVERYBODY, nothing)
    assert any("1 users of the map were another organisation's" in note for note in told["notes"])
    # Not asked for, not refused.
    assert total(second.run(frozenset({"HCS0001"})), "written") == 0
    run.rollback(second.world, batch, frozenset({"HCS0001"}), even_if_used=False)
    assert second.run()["verdict"] == "PASS"
    moved = "SELECT COUNT(*) FROM CHAT_MESSAGES WHERE CONVERSATION_ID = 'moved'"
    assert (chat.rows("HCS0001", moved), chat.rows("HCS0002", moved)) == ([(0,)], [(1,)])


def test_a_batch_reads_back_its_own_rows_and_not_those_of_every_batch_before(
    tmp_path: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    found = Target.found

    def counted(self: Target, *arguments: Any) -> Iterator[Any]:
        for row in found(self, *arguments):
            read.append(row.source_id)
            yield row

    monkeypatch.setattr(Target, "found", counted)
    documents = [conversation(str(ObjectId()), f"own-{number}") for number in range(3)]
    for number, document in enumerate(documents):
        read.clear()
        migration = Migration.of(
            tmp_path / str(number), chat, {"conversations": [document]}, {document["user"]: "HCS0002"}
        )
        assert migration.run()["verdict"] == "PASS"
        assert read == [str(document["_id"])]


def test_a_suspended_organisation_is_said_before_anything_is_tried(tmp_path: Path, chat: Chat) -> None:
    user, other = str(ObjectId()), str(ObjectId())
    collections = {"conversations": [conversation(user, "active"), conversation(other, "suspended")]}
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001", other: "HCS0002"})
    world = replace(migration.world, suspended=frozenset({"HCS0002"}))

    def carry(tenants: frozenset[str]) -> dict[str, Any]:
        return run.migrate(world, migration.source, migration.users, tenants, nothing, nothing)

    with pytest.raises(BadInputError, match=r"HCS0002\. Resume first .* name the others with --tenant"):
        carry(EVERYBODY)
    told = run.dry_run(world, migration.source, migration.users, EVERYBODY, nothing)
    assert any("suspended" in note for note in told["notes"])
    told = run.dry_run(world, migration.source, migration.users, frozenset({"HCS0001"}), nothing)
    assert told["notes"] == []
    report = carry(frozenset({"HCS0001"}))
    assert total(report, "written") == 1
    # Nor is a batch of both taken back, or verified, by halves.
    both = migration.run()["batch"]
    with pytest.raises(FailureError, match=r"HCS0002\. Resume first"):
        run.verify(world, both, None, None, nothing)
    with pytest.raises(BadInputError, match=r"HCS0002\. Resume first"):
        run.rollback(world, both, EVERYBODY, even_if_used=False)
    assert run.verify(world, report["batch"], None, None, nothing)["verdict"] == "PASS"
    assert run.rollback(migration.world, both, EVERYBODY, even_if_used=False)["removed"]["HCS0002"]


def test_a_batch_of_others_is_taken_back_while_one_is_suspended(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    other = str(ObjectId())
    collections = {"conversations": [conversation(user, "else"), conversation(other, "left")]}
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001", other: "HCS0002"})
    batch = migration.run(frozenset({"HCS0001"}))["batch"]
    world = replace(migration.world, suspended=frozenset({"HCS0002"}))
    told = run.rollback(world, batch, EVERYBODY, even_if_used=False)
    assert (told["verdict"], told["removed"]) == ("PASS", {"HCS0001": {"CONVERSATIONS": 1}})


def test_a_later_dump_adds_what_is_new_and_names_what_has_changed(tmp_path: Path, chat: Chat) -> None:
    user = ObjectId()
    spent = {"user": user, "conversationId": "grows", "tokenType": "prompt", "rawAmount": -5}
    collections = {
        "conversations": [conversation(str(user), "grows"), conversation(str(user), "rests")],
        "messages": [message(str(user), "grows", "grows-1")],
        "transactions": [{"_id": ObjectId(), **spent}, {"_id": ObjectId(), **spent, "conversationId": "rests"}],
    }
    first = Migration.of(tmp_path / "first", chat, collections, {str(user): "HCS0001"})
    assert first.run()["verdict"] == "PASS"
    collections["messages"].append(message(str(user), "grows", "grows-2", "grows-1"))
    collections["transactions"].append({"_id": ObjectId(), **spent})
    second = Migration.of(tmp_path / "second", chat, collections, {str(user): "HCS0001"})
    second.folder = first.folder
    report = second.run()
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    entries = report["organizations"]["HCS0001"]
    assert entries["messages"]["written"] == 1
    assert entries["conversations"]["quarantined"] == {"already-there-differs": 1}
    # The conversation's count of tokens is the first dump's: nobody may read that the third one is in it.
    assert entries["transactions"]["quarantined"] == {"already-there-differs": 2}
    assert entries["transactions"]["skipped"] == {"already-there": 1}
    # Named: two batches of one second have no order.
    for anew in (False, True):
        assert second.verify(batch=report["batch"], anew=anew)["mismatches"] == []


def test_a_journal_that_knows_less_than_the_report_is_found(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    collections = {"conversations": [conversation(user, "less")], "messages": [message(user, "less", "less-1")]}
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001"})
    batch = migration.run()["batch"]
    path = tmp_path / "migrations" / batch / "journal.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM document")
        database.commit()
    mismatches = migration.verify()["mismatches"]
    assert "HCS0001 messages: the digest of the Snowflake side is not the report's" in mismatches
    assert "HCS0001 CHAT_MESSAGES: 1 rows belong to no document" in mismatches
    path.write_bytes(b"no journal any more")
    with pytest.raises(FailureError, match=r"the journal of batch .* Give --from and --map"):
        migration.verify()
    assert migration.verify(anew=True)["verdict"] == "PASS"
    # A batch after it does without: the tables say what is there.
    assert total(migration.run(), "written") == 0
    assert run.rollback(migration.world, batch, EVERYBODY, even_if_used=False)["left"] == 0


@pytest.mark.parametrize("content", ["[]", "null", "{}", "{", '{"begun": "2026-11-23", "tenants": 5}'])
def test_a_report_that_is_none_any_more_is_refused(tmp_path: Path, chat: Chat, content: str) -> None:
    user = str(ObjectId())
    migration = Migration.of(tmp_path, chat, {"conversations": [conversation(user, "none")]}, {user: "HCS0002"})
    batch = migration.run()["batch"]
    (tmp_path / "migrations" / batch / "report.json").write_text(content, encoding="utf-8")
    with pytest.raises(FailureError, match="is no report any more") as caught:
        migration.verify()
    assert caught.value.exit_code == 1


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    migration = Migration.of(tmp_path, chat, {"conversations": [conversation(user, "full")]}, {user: "HCS0002"})
    (tmp_path / "migrations").write_text("a file where the folder should be")
    with pytest.raises(FailureError, match=r"^migrations: File exists\. Mend that"):
        migration.run()
    (tmp_path / "migrations").unlink()
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A disk that is full: the journal cannot grow.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(FailureError, match=r"^the batch's journal: .* Mend that"):
            migration.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert migration.run()["verdict"] == "PASS"


def test_nothing_but_ids_stands_where_an_id_should(tmp_path: Path, chat: Chat) -> None:
    user = str(ObjectId())
    collections = {
        "conversations": [conversation(user, "ids") | {"user": {"_id": user, "note": "SECRET-CONTENT"}}],
        "messages": [message(user, "ids", "ids-1", _id={"note": "SECRET-CONTENT"})],
        "banners": [{"_id": {"note": "SECRET-CONTENT"}, "user": ["SECRET-CONTENT"]}],
    }
    migration = Migration.of(tmp_path, chat, collections, {user: "HCS0001"})
    report = migration.run()
    assert total(report, "quarantined") == 3
    for file in (tmp_path / "migrations").rglob("*"):
        assert not file.is_file() or b"SECRET" not in file.read_bytes(), file.name


def test_two_migrations_do_not_run_at_once(tmp_path: Path, chat: Chat) -> None:
    from filelock import FileLock

    user = str(ObjectId())
    migration = Migration.of(tmp_path, chat, {"conversations": [conversation(user, "both")]}, {user: "HCS0001"})
    (tmp_path / "migrations").mkdir()
    with (
        FileLock(tmp_path / "migrations" / "lock"),
        pytest.raises(FailureError, match="another migration is under way"),
    ):
        migration.run()


def test_an_empty_dump_is_no_trouble(tmp_path: Path, chat: Chat) -> None:
    migration = Migration.of(tmp_path, chat, {"users": [], "messages": []}, {str(ObjectId()): "HCS0001"})
    report = migration.run()
    assert (report["verdict"], total(report, "read"), os.listdir(tmp_path / "dump")) == ("PASS", 0, ["LibreChat"])
