"""What is known of a batch: each document's fate, without its content. A SQLite file beside the report.

It holds ids, places and digests. Whether a row was written is not believed from here: Snowflake is asked. So a batch
that was killed at any moment is taken up from this file and from what the tables have.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from emulator.private_file import write_private

WRITE: Final = "write"
PRESENT: Final = "present"
"""A row that another batch has written already."""
SKIPPED: Final = "skipped"
QUARANTINED: Final = "quarantined"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS document (
    number INTEGER PRIMARY KEY, collection TEXT NOT NULL, place TEXT NOT NULL, source_id TEXT,
    user TEXT, said_tenant TEXT, tenant TEXT, target TEXT, key TEXT, conversation TEXT, parent TEXT, expires INTEGER,
    content BLOB, bytes INTEGER NOT NULL DEFAULT 0, fate TEXT, reason TEXT, detail TEXT,
    written INTEGER NOT NULL DEFAULT 0, digest BLOB, found BLOB
);
CREATE TABLE IF NOT EXISTS tokens (
    number INTEGER PRIMARY KEY, user TEXT, conversation TEXT, message TEXT, kind TEXT,
    amount INTEGER, written INTEGER, read INTEGER
);
CREATE TABLE IF NOT EXISTS organization (user TEXT PRIMARY KEY, tenant TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS present (
    tenant TEXT, target TEXT, user TEXT, key TEXT, origin TEXT, source_id TEXT, conversation TEXT
);
CREATE TABLE IF NOT EXISTS person (email TEXT, user TEXT);
CREATE TABLE IF NOT EXISTS message_cost (
    user TEXT, message TEXT, prompt INTEGER, completion INTEGER, written INTEGER, read INTEGER,
    PRIMARY KEY (user, message)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conversation_cost (
    user TEXT, conversation TEXT, tokens INTEGER, PRIMARY KEY (user, conversation)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conversation_size (
    user TEXT, conversation TEXT, messages INTEGER, PRIMARY KEY (user, conversation)
) WITHOUT ROWID;
"""
_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS by_key ON document (target, user, key);
CREATE INDEX IF NOT EXISTS by_conversation ON document (target, user, conversation, parent);
CREATE INDEX IF NOT EXISTS by_source ON document (tenant, target, source_id);
CREATE INDEX IF NOT EXISTS by_collection ON document (collection, source_id);
CREATE INDEX IF NOT EXISTS by_fate ON document (fate, tenant, target);
CREATE INDEX IF NOT EXISTS present_key ON present (tenant, target, user, key);
CREATE INDEX IF NOT EXISTS tokens_message ON tokens (user, message);
CREATE INDEX IF NOT EXISTS tokens_conversation ON tokens (user, conversation);
"""


class Entry(NamedTuple):
    """One document as the first reading found it."""

    number: int
    collection: str
    place: str
    source_id: str | None = None
    user: str | None = None
    said_tenant: str | None = None
    target: str | None = None
    key: str | None = None
    conversation: str | None = None
    parent: str | None = None
    expires: int | None = None
    content: bytes | None = None
    bytes: int = 0
    fate: str | None = None
    reason: str | None = None
    detail: str | None = None


_FIELDS: Final = Entry._fields


class Journal:
    """The file of one batch. Closed to other users."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            write_private(path, "")
        self.path = path
        self.database = sqlite3.connect(path, isolation_level=None)
        # One process writes; a kill loses no more than what was not committed, which is found out anew.
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.executescript(_SCHEMA)

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    # --- facts of the batch

    def fact(self, name: str) -> Any:
        row = self.database.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def note(self, **facts: Any) -> None:
        rows = [(name, json.dumps(value)) for name, value in facts.items()]
        self.database.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", rows)

    # --- documents

    def forget(self) -> None:
        """Begin the first reading anew."""
        with self.transaction():
            for table in ("document", "tokens", "organization", "present", "person"):
                self.database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours

    def add(self, entries: Iterable[Entry]) -> None:
        marks = ", ".join("?" * len(_FIELDS))
        self.database.executemany(
            f"INSERT INTO document ({', '.join(_FIELDS)}) VALUES ({marks})",  # noqa: S608
            entries,
        )

    def index(self) -> None:
        self.database.executescript(_INDEXES)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(statement, values).fetchall()

    def each(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows, without all of them in memory at once."""
        yield from self.database.cursor().execute(statement, values)

    def run(self, statement: str, *values: Any) -> int:
        """Change rows; how many."""
        return self.database.execute(statement, values).rowcount

    def value(self, statement: str, *values: Any) -> Any:
        row = self.database.execute(statement, values).fetchone()
        return None if row is None else row[0]


def open_kept(path: Path) -> Journal:
    """A journal that is there already."""
    if not path.is_file():
        raise FileNotFoundError(os.strerror(2))
    return Journal(path)
