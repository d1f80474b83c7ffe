"""What is read from a dump, whole or damaged: every document once, and every damage with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import bson
import pytest

from cli.migrate.dump import open_dump
from cli.migrate.source import Item, SourceError
from tests.migrate.dumps import DATABASE, Chat, Generator, archive, write_folder


@pytest.fixture(scope="module")
def database() -> Chat:
    return Generator(7).database(users=2, conversations=2, messages=4)


def read(path: Path) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in open_dump(path, None).items():
        found.setdefault(item.collection, []).append(item)
    return found


def contents(items: dict[str, list[Item]]) -> dict[str, list[bytes]]:
    return {name: [item.data for item in found] for name, found in items.items()}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["folder", "archive", "one database"])
def test_every_form_gives_every_document_once(tmp_path: Path, database: Chat, form: str, packed: bool) -> None:
    expected = {name: [bson.encode(each) for each in documents] for name, documents in database.collections.items()}
    path = tmp_path / "dump"
    if form == "archive":
        content = archive(database.collections)
        path.write_bytes(gzip.compress(content) if packed else content)
    else:
        write_folder(path, database.collections, packed=packed)
        if form == "one database":
            path = path / DATABASE
    dump = open_dump(path, None)
    assert contents(read(path)) == expected
    assert dump.fingerprint() == open_dump(path, None).fingerprint()
    list(dump.items())
    assert dump.meter.done == dump.meter.total > 0


def test_another_databases_blocks_in_between_are_left_alone(tmp_path: Path, database: Chat) -> None:
    others = {"shop/orders": [{"_id": 1}, {"_id": 2}], "shop/customers": [{"_id": 3}, {"_id": 4}]}
    path = tmp_path / "dump"
    path.write_bytes(archive({**others, **database.collections}, at_once=1))
    expected = {name: [bson.encode(each) for each in documents] for name, documents in database.collections.items()}
    assert contents(read(path)) == expected
    assert len(list(open_dump(path, "shop").items())) == 4


def test_one_file_is_a_collection(tmp_path: Path, database: Chat) -> None:
    write_folder(tmp_path / "dump", database.collections, packed=True)
    found = read(tmp_path / "dump" / DATABASE / "messages.bson.gz")
    assert {name: len(items) for name, items in found.items()} == {"messages": 16}


def test_an_empty_collection_has_no_documents(tmp_path: Path) -> None:
    write_folder(tmp_path / "dump", {"messages": [], "users": []})
    assert read(tmp_path / "dump") == {}
    (tmp_path / "a").write_bytes(archive({"messages": [], "users": []}))
    assert read(tmp_path / "a") == {}


@pytest.mark.parametrize("form", ["folder", "archive"])
@pytest.mark.parametrize("damage", [b"\xff\xff\xff\x7fgarbage", b"\x00" * 40, b"\x07_id\x00" * 9], ids=repr)
def test_damage_costs_no_other_document(tmp_path: Path, database: Chat, form: str, damage: bytes) -> None:
    messages = list(database.collections["messages"])
    collections = {**database.collections, "messages": [*messages[:5], damage, *messages[5:]]}
    path = tmp_path / "dump"
    if form == "archive":
        path.write_bytes(archive(collections, at_once=100))
    else:
        write_folder(path, collections)
    items = read(path)["messages"]
    assert [item.data for item in items if not item.fault] == [bson.encode(each) for each in messages]
    (broken,) = [item for item in items if item.fault]
    assert broken.lost == len(damage)
    assert f"@{broken.where.rsplit('@', 1)[1]}" in broken.where


@pytest.mark.parametrize("form", ["folder", "archive", "packed archive", "packed folder"])
def test_a_dump_that_is_cut_off_says_so(tmp_path: Path, database: Chat, form: str) -> None:
    path = tmp_path / "dump"
    if "archive" in form:
        content = archive(database.collections)
        content = gzip.compress(content) if "packed" in form else content
        path.write_bytes(content[: len(content) * 2 // 3])
    else:
        write_folder(path, database.collections, packed="packed" in form)
        file = next((path / DATABASE).glob("messages.bson*"))
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    items = [item for found in read(path).values() for item in found]
    assert any("cut off" in item.fault or "cannot be read on" in item.fault for item in items)
    whole = {bson.encode(each) for documents in database.collections.values() for each in documents}
    assert {item.data for item in items if not item.fault} < whole


def test_damage_across_an_archives_blocks_ends_at_the_next_block(tmp_path: Path, database: Chat) -> None:
    content = bytearray(archive(database.collections, at_once=4))
    needle = bson.encode(database.collections["messages"][3])
    at = content.index(needle)
    # The document's length and the rest of its block are gone.
    content[at : at + 4] = b"\xfe\xff\xff\xff"
    path = tmp_path / "dump"
    path.write_bytes(content)
    found = read(path)
    whole = [item for item in found["messages"] if not item.fault]
    assert len(whole) == len(database.collections["messages"]) - 1
    assert {name: len(items) for name, items in found.items() if name != "messages"} == {
        name: len(documents) for name, documents in database.collections.items() if name != "messages"
    }


@pytest.mark.parametrize(("name", "changed"), [(b"LibreChat", b"LibreChaT"), (b"messages", b"messageS")])
def test_a_block_of_what_the_archive_does_not_list_is_damage(
    tmp_path: Path, database: Chat, name: bytes, changed: bytes
) -> None:
    content = archive(database.collections, at_once=4)
    path = tmp_path / "dump"
    # In the header of the first block of messages.
    block = content.rindex(name, 0, content.index(bson.encode(database.collections["messages"][0])))
    path.write_bytes(content[:block] + changed + content[block + len(name) :])
    found = read(path)
    assert len([item for item in found[""] if item.fault]) == 1
    assert len(found["messages"]) + len([item for item in found[""] if not item.fault]) == 16


def test_views_and_time_series_have_no_block_of_their_name(tmp_path: Path, database: Chat) -> None:
    content = archive(database.collections)
    views = b"".join(
        bson.encode({"db": DATABASE, "collection": name, "metadata": "{}", "size": 0, "type": kind})
        for name, kind in (("recent", "view"), ("readings", "timeseries"))
    )
    start = content.index(b"\xff\xff\xff\xff")
    buckets = archive({"system.buckets.readings": [{"_id": 1}]})
    path = tmp_path / "dump"
    path.write_bytes(content[:start] + views + content[start:] + buckets[buckets.index(b"\xff\xff\xff\xff") + 4 :])
    items = [item for found in read(path).values() for item in found]
    assert [item.fault for item in items if item.fault] == []
    assert len(items) == 1 + sum(map(len, database.collections.values()))


def test_an_archive_tells_what_of_it_is_not_read(tmp_path: Path, database: Chat) -> None:
    content = archive({**database.collections, "shop/orders": [{"_id": 1}], "admin/system.version": []})
    start = content.index(b"\xff\xff\xff\xff")
    oplog = bson.encode({"db": "", "collection": "oplog", "metadata": "", "size": 0, "type": "collection"})
    (tmp_path / "dump").write_bytes(content[:start] + oplog + content[start:])
    notes = open_dump(tmp_path / "dump", None).meter.notes
    assert "oplog" in notes[0]
    assert notes[1:] == ["databases left alone: shop"]


def test_a_packed_file_of_no_bytes_is_no_empty_collection(tmp_path: Path, database: Chat) -> None:
    write_folder(tmp_path / "dump", database.collections, packed=True)
    (tmp_path / "dump" / DATABASE / "messages.bson.gz").write_bytes(b"")
    (tmp_path / "dump" / DATABASE / "folder.bson").mkdir()
    found = read(tmp_path / "dump")
    assert "cannot be read on" in found["messages"][0].fault
    assert {name: len(items) for name, items in found.items()} == {
        name: len(documents) if name != "messages" else 1 for name, documents in database.collections.items()
    }


@pytest.mark.parametrize(
    ("make", "database", "words"),
    [
        (lambda path: None, None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), None, "no database with LibreChat's"),
        (lambda path: path.write_text("hello"), None, "neither a folder, nor an archive"),
        (lambda path: path.write_bytes(gzip.compress(b"hello")[:12]), None, "compressed data cannot be read"),
        (lambda path: path.write_bytes(archive({})[:5]), None, "header cannot be read"),
        (
            lambda path: write_folder(path, {"users": [{"_id": 1}]}),
            "other",
            "no database 'other'",
        ),
    ],
)
def test_what_is_no_dump_is_refused(tmp_path: Path, make: object, database: str | None, words: str) -> None:
    path = tmp_path / "dump"
    make(path)  # type: ignore[operator]
    with pytest.raises(SourceError, match=words) as caught:
        open_dump(path, database)
    assert str(tmp_path) not in str(caught.value)


def test_several_databases_of_librechat_need_a_name(tmp_path: Path) -> None:
    write_folder(tmp_path / "dump", {"users": [{"_id": 1}]})
    (tmp_path / "dump" / DATABASE).rename(tmp_path / "dump" / "Old")
    (tmp_path / "dump" / "oplog.bson").write_bytes(b"")
    write_folder(tmp_path / "dump", {"users": [{"_id": 1}, {"_id": 2}]})
    with pytest.raises(SourceError, match=r"LibreChat, Old.*--database"):
        open_dump(tmp_path / "dump", None)
    dump = open_dump(tmp_path / "dump", "Old")
    assert len(list(dump.items())) == 1
    assert "oplog" in dump.meter.notes[0]
    assert "databases left alone: LibreChat" in dump.meter.notes
