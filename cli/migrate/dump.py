"""Reads what `mongodump` writes: folders of BSON files and archives, compressed or not, one document at a time.

Sources: the MongoDB Database Tools' description of their archive format (mongo-tools, common/archive) for the
archive's magic number, prelude, namespace headers and terminators; bsonspec.org for the framing of a document.

Nothing here holds more than one document and one buffer. Where the bytes are damaged, the reader looks for the next
place where a document can begin, says what it left behind and goes on.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Protocol

import bson
from bson.errors import BSONError

from cli.migrate.source import LARGEST_DOCUMENT, Item, Meter, SourceError

ARCHIVE_MAGIC: Final = 0x8199E26D.to_bytes(4, "little")
_TERMINATOR: Final = b"\xff\xff\xff\xff"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_SMALLEST_DOCUMENT: Final = 5
_CHUNK: Final = 1 << 20
# Documents of LibreChat begin with an ObjectId; a block of an archive with the name of its database.
_NEXT_DOCUMENT: Final = re.compile(rb"....(?:\x07|\x02)_id\x00", re.DOTALL)
_NEXT_IN_ARCHIVE: Final = re.compile(rb"....(?:\x07|\x02)_id\x00|\xff\xff\xff\xff(?=....\x02db\x00)", re.DOTALL)
_LONGEST_START: Final = 16
_LIBRECHAT: Final = frozenset({"users", "conversations", "messages"})
_SERVERS_OWN: Final = frozenset({"admin", "config", "local"})
# A view has no documents of its own; those of a time series come under the name of its buckets.
_WITHOUT_DATA: Final = frozenset({"view", "timeseries"})
_BUCKETS: Final = "system.buckets."


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Stream:
    """A file, or what it unpacks to, read ahead in pieces. `fault` says why it ended too early."""

    def __init__(self, file: _Readable, name: str) -> None:
        self._file = file
        self._buffer = b""
        self._at = 0
        self.name = name
        self.offset = 0
        self.fault = ""

    def _fill(self, count: int) -> None:
        pieces, held = [self._buffer[self._at :]], len(self._buffer) - self._at
        while held < count and not self.fault:
            try:
                piece = self._file.read(max(_CHUNK, count - held))
            except (EOFError, zlib.error) as error:
                self.fault = f"the compressed data cannot be read on ({type(error).__name__})"
                break
            if not piece:
                break
            pieces.append(piece)
            held += len(piece)
        self._buffer, self._at = b"".join(pieces), 0

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        if len(self._buffer) - self._at < count:
            self._fill(count)
        return self._buffer[self._at : self._at + count]

    def skip(self, count: int) -> None:
        """Go on by bytes that were peeked at."""
        self._at += count
        self.offset += count

    def document(self) -> bytes | None:
        """The next document's bytes; None where none can begin here or it ends too early."""
        head = self.peek(4)
        length = int.from_bytes(head, "little", signed=True)
        if len(head) < 4 or not _SMALLEST_DOCUMENT <= length <= LARGEST_DOCUMENT:
            return None
        data = self.peek(length)
        if len(data) < length or data[-1]:
            return None
        self.skip(length)
        return data

    def recover(self, pattern: re.Pattern[bytes]) -> int:
        """Go on to the next place where a document (or a block) can begin, or to the end. The bytes left behind."""
        start = self.offset
        self.skip(min(1, len(self.peek(1))))
        while True:
            window = self.peek(_CHUNK)
            for found in pattern.finditer(window):
                if found.group().startswith(_TERMINATOR) or self._plausible(found.start()):
                    self.skip(found.start())
                    return self.offset - start
            if len(window) < _CHUNK:
                self.skip(len(window))
                return self.offset - start
            self.skip(len(window) - _LONGEST_START)

    def _plausible(self, at: int) -> bool:
        head = self.peek(at + 4)[at:]
        length = int.from_bytes(head, "little", signed=True)
        if not _SMALLEST_DOCUMENT <= length <= LARGEST_DOCUMENT:
            return False
        data = self.peek(at + length)
        return len(data) == at + length and not data[-1]


def swallows(data: bytes) -> bool:
    """Whether another document ends where these bytes end: a length that is damaged has taken it in."""
    return any(
        int.from_bytes(data[found.start() : found.start() + 4], "little") == len(data) - found.start()
        for found in _NEXT_DOCUMENT.finditer(data, _SMALLEST_DOCUMENT)
    )


def _lost(stream: Stream, collection: str, start: int, lost: int) -> Item:
    ended = not stream.peek(1)
    fault = stream.fault or ("cut off" if ended else "no document can begin here")
    return Item(collection, f"{stream.name}@{start}", fault=fault, lost=lost)


def _documents(stream: Stream, collection: str) -> Iterator[Item]:
    while stream.peek(1):
        start = stream.offset
        data = stream.document()
        if data is not None:
            yield Item(collection, f"{stream.name}@{start}", data)
        else:
            yield _lost(stream, collection, start, stream.recover(_NEXT_DOCUMENT))
    if stream.fault:
        yield Item(collection, f"{stream.name}@{stream.offset}", fault=stream.fault)


class _Unpacked:
    """What a gzip file holds, up to the very byte where it is cut off: Python's own reader drops what came last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._engine = zlib.decompressobj(_GZIP)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end. Raises EOFError where it is cut off, zlib.error where damaged."""
        while piece := self._rest or self._file.read(_CHUNK):
            if self._engine.eof:
                # Another member follows.
                self._engine = zlib.decompressobj(_GZIP)
            data = self._engine.decompress(piece, size)
            self._rest = self._engine.unconsumed_tail or self._engine.unused_data
            if data:
                return data
        if not self._engine.eof:
            raise EOFError
        return b""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], _Readable]]:
    """The file, and what it unpacks to."""
    with path.open("rb") as file:
        start = file.read(2)
        # What is named so is packed, or it is damaged: also a file of no bytes, which is no packed empty collection.
        packed = start == _GZIP_MAGIC or (path.suffix == ".gz" and not start)
        file.seek(0)
        yield file, _Unpacked(file) if packed else file


class FolderDump:
    """A folder that `mongodump --out` made, one database of it, or one BSON file."""

    def __init__(self, files: list[Path], name: str) -> None:
        self._files = files
        self.name = name
        self.meter = Meter(total=sum(file.stat().st_size for file in files))

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
            _digest_into(digest, file)
        return digest.hexdigest()

    def items(self) -> Iterator[Item]:
        before = 0
        for path in self._files:
            with _opened(path) as (file, unpacked):
                stream = Stream(unpacked, path.name)
                for item in _documents(stream, collection_of(path)):
                    self.meter.done = before + file.tell()
                    yield item
            before += path.stat().st_size
        self.meter.done = before

    def close(self) -> None:
        """Nothing is open between two readings."""


class ArchiveDump:
    """What `mongodump --archive` made: the collections' blocks in the order in which they were dumped."""

    def __init__(self, path: Path, database: str, name: str, *, others: Iterable[str] = ()) -> None:
        self._path = path
        self._database = database
        self.name = name
        # The oplog stands beside the databases, in none of them.
        self.meter = Meter(total=path.stat().st_size, notes=_notes(others, oplog="" in others))

    def fingerprint(self) -> str:
        digest = hashlib.sha256(self._database.encode() + b"\0")
        _digest_into(digest, self._path)
        return digest.hexdigest()

    def items(self) -> Iterator[Item]:
        with _opened(self._path) as (file, unpacked):
            stream = Stream(unpacked, self._path.name)
            announced = prelude(stream)
            expected = {space for space, kind in announced if space[0] == self._database and kind not in _WITHOUT_DATA}
            for item in self._blocks(stream, expected, {space for space, _ in announced}):
                self.meter.done = file.tell()
                yield item
            if stream.fault:
                yield Item("", f"{stream.name}@{stream.offset}", fault=stream.fault)
            for _, collection in sorted(expected):
                yield Item(collection, f"{stream.name}@{stream.offset}", fault="cut off")

    def _blocks(
        self, stream: Stream, expected: set[tuple[str, str]], announced: set[tuple[str, str]]
    ) -> Iterator[Item]:
        while stream.peek(1):
            start = stream.offset
            header = _decoded(stream.document())
            if not isinstance(header.get("collection"), str) or not isinstance(header.get("db"), str):
                lost = stream.recover(_NEXT_IN_ARCHIVE)
                if stream.peek(4) == _TERMINATOR:
                    stream.skip(4)
                yield _lost(stream, "", start, lost)
                continue
            space = header["db"], header["collection"]
            wanted = space[0] == self._database
            if space not in announced and not space[1].startswith(_BUCKETS):
                # Whose documents follow nobody knows: passed over in silence they would be lost.
                yield Item("", f"{stream.name}@{start}", fault="a block of a collection that the archive does not list")
                wanted = True
                space = "", ""
            if header.get("EOF") is True:
                expected.discard(space)
            while stream.peek(1) and stream.peek(4) != _TERMINATOR:
                start = stream.offset
                data = stream.document()
                if data is not None:
                    if wanted:
                        yield Item(space[1], f"{stream.name}@{start}", data)
                    continue
                lost = stream.recover(_NEXT_IN_ARCHIVE)
                if wanted:
                    yield _lost(stream, space[1], start, lost)
            if stream.peek(4) == _TERMINATOR:
                stream.skip(4)

    def close(self) -> None:
        """Nothing is open between two readings."""


def prelude(stream: Stream) -> list[tuple[tuple[str, str], str]]:
    """The namespaces that an archive announces: database and collection, and the kind. Raises `SourceError`."""
    if stream.peek(4) != ARCHIVE_MAGIC:
        raise SourceError(f"{stream.name} is no archive of mongodump")
    stream.skip(4)
    if "version" not in _decoded(stream.document()):
        raise SourceError(f"{stream.name}: the archive's header cannot be read")
    spaces: list[tuple[tuple[str, str], str]] = []
    while stream.peek(4) != _TERMINATOR:
        entry = _decoded(stream.document())
        if not isinstance(entry.get("collection"), str):
            raise SourceError(f"{stream.name}: the archive's list of collections cannot be read")
        spaces.append(((str(entry.get("db")), entry["collection"]), str(entry.get("type"))))
    stream.skip(4)
    return spaces


def _decoded(data: bytes | None) -> dict[str, Any]:
    try:
        return bson.decode(data) if data is not None else {}
    except (BSONError, ValueError):
        return {}


def _digest_into(digest: Any, path: Path) -> None:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)


def collection_of(path: Path) -> str:
    """The collection that a file of a dump is named after; mongodump escapes what a file name may not hold."""
    from urllib.parse import unquote

    return unquote(path.name.removesuffix(".gz").removesuffix(".bson"))


def open_dump(path: Path, database: str | None) -> FolderDump | ArchiveDump:
    """The dump at a path. Raises `SourceError` where it is none, or holds several databases and none was named."""
    try:
        if path.is_dir():
            return _folder(path, database)
        with _opened(path) as (_, unpacked):
            stream = Stream(unpacked, path.name)
            if stream.peek(4) == ARCHIVE_MAGIC:
                spaces = [space for space, _ in prelude(stream)]
                found = {name: {c for d, c in spaces if d == name} for name in {d for d, _ in spaces}}
                chosen = _database(found, database, path.name)
                return ArchiveDump(path, chosen, path.name, others=set(found) - {chosen})
            if stream.fault:
                raise SourceError(f"{path.name}: {stream.fault}")
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror or error}") from None
    if path.name.endswith((".bson", ".bson.gz")):
        return FolderDump([path], path.name)
    raise SourceError(f"{path.name} is neither a folder, nor an archive, nor a .bson file of mongodump")


def _folder(path: Path, database: str | None) -> FolderDump:
    found = {folder.name: {collection_of(file) for file in _bson_files(folder)} for folder in _folders(path)}
    found = {name: collections for name, collections in found.items() if collections}
    folder = path if _bson_files(path) and not found else path / _database(found, database, path.name)
    dump = FolderDump(_bson_files(folder), f"{path.name}/{folder.name}" if folder != path else path.name)
    oplog = any((path / name).exists() for name in ("oplog.bson", "oplog.bson.gz"))
    dump.meter.notes += _notes(set(found) - {folder.name} if folder != path else (), oplog=oplog)
    return dump


def _notes(others: Iterable[str], *, oplog: bool) -> list[str]:
    """What a reader of the report must know of a dump beside the one database of it that is read."""
    notes = []
    if oplog:
        notes.append("the dump has an oplog, which is not replayed: what was written while it was taken may be missing")
    if left_alone := sorted(set(others) - _SERVERS_OWN - {""}):
        notes.append(f"databases left alone: {', '.join(left_alone)}")
    return notes


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir())


def _bson_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.name.endswith((".bson", ".bson.gz"))
        and not file.is_dir()
        and not collection_of(file).startswith(("oplog", "system."))
    )


def _database(found: dict[str, set[str]], database: str | None, name: str) -> str:
    if database is not None:
        if database not in found:
            known = ", ".join(sorted(found)) or "none"
            raise SourceError(f"{name} has no database {database!r}; its databases: {known}")
        return database
    chats = sorted(each for each, collections in found.items() if collections & _LIBRECHAT)
    if len(chats) == 1:
        return chats[0]
    if not chats:
        raise SourceError(f"{name} has no database with LibreChat's users, conversations or messages")
    raise SourceError(f"{name} has several databases of LibreChat ({', '.join(chats)}): name one with --database")
