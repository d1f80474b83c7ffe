"""What exists in the embedded Azure, on disk: one SQLite file, each change one transaction.

A process killed at any moment leaves the last finished change. Everything is held in memory as well, so reads cost
nothing; only one process may have the directory open (the embedded cloud locks it).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.azure.identifiers import key, references

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, private TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS soft_deleted (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, private TEXT NOT NULL,
    scheduled_purge TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS principal (
    object_id TEXT PRIMARY KEY, type TEXT NOT NULL, display_name TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(slots=True)
class StoredResource:
    """One resource: `body` is what the SDK's outputs are made of, `private` what no answer ever shows."""

    id: str
    type: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def key(self) -> str:
        return key(self.id)


@dataclass(slots=True)
class SoftDeleted:
    """A deleted resource whose name stays reserved, and which can be recovered, until `scheduled_purge`."""

    resource: StoredResource
    scheduled_purge: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """A security principal of the directory that is not a managed identity (a person, a group, an application)."""

    object_id: str
    type: str
    display_name: str


class AzureStore:
    """All subscriptions of the embedded Azure, in `directory` (made if missing, readable to its owner only).

    `lock` guards every access: requests to the data plane come on other threads than changes.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / "azure.sqlite3"
        path.touch(mode=0o600, exist_ok=True)
        self.lock = threading.RLock()
        self.clock = clock
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        self._changed = False
        self._load()

    def close(self) -> None:
        with self.lock:
            self._database.close()

    def _load(self) -> None:
        self._resources: dict[str, StoredResource] = {}
        self._by_type: dict[str, dict[str, StoredResource]] = defaultdict(dict)
        self._referrers: dict[str, set[str]] = defaultdict(set)
        self._soft_deleted: dict[str, SoftDeleted] = {}
        for identity, kind, body, private in self._database.execute("SELECT id, type, body, private FROM resource"):
            self._index(StoredResource(identity, kind, json.loads(body), json.loads(private)))
        for identity, kind, body, private, purge in self._database.execute(
            "SELECT id, type, body, private, scheduled_purge FROM soft_deleted"
        ):
            resource = StoredResource(identity, kind, json.loads(body), json.loads(private))
            self._soft_deleted[resource.key] = SoftDeleted(resource, datetime.fromisoformat(purge))
        self._principals = {
            row[0].lower(): Principal(*row)
            for row in self._database.execute("SELECT object_id, type, display_name FROM principal")
        }

    def _index(self, resource: StoredResource) -> None:
        self._resources[resource.key] = resource
        self._by_type[resource.type][resource.key] = resource
        for reference in references(resource.body):
            self._referrers[key(reference)].add(resource.key)

    def _unindex(self, resource: StoredResource) -> None:
        del self._resources[resource.key]
        del self._by_type[resource.type][resource.key]
        for reference in references(resource.body):
            self._referrers[key(reference)].discard(resource.key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside take place, or none."""
        with self.lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._changed = False
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                if self._changed:
                    self._load()
                raise

    # Reading

    def find(self, identity: str) -> StoredResource | None:
        with self.lock:
            return self._resources.get(key(identity))

    def of_type(self, kind: str) -> list[StoredResource]:
        with self.lock:
            return list(self._by_type[kind].values()) if kind in self._by_type else []

    def within(self, identity: str) -> list[StoredResource]:
        """Everything beneath an ARM id, not the resource itself."""
        prefix = key(identity) + "/"
        with self.lock:
            return [resource for stored, resource in self._resources.items() if stored.startswith(prefix)]

    def referrers(self, identity: str) -> list[StoredResource]:
        """The resources whose bodies mention an ARM id."""
        with self.lock:
            return [self._resources[referrer] for referrer in self._referrers.get(key(identity), ())]

    def soft_deleted(self, identity: str) -> SoftDeleted | None:
        with self.lock:
            entry = self._soft_deleted.get(key(identity))
            return entry if entry is not None and entry.scheduled_purge > self.clock() else None

    def soft_deleted_of_type(self, kind: str) -> list[SoftDeleted]:
        now = self.clock()
        with self.lock:
            return [
                entry
                for entry in self._soft_deleted.values()
                if entry.resource.type == kind and entry.scheduled_purge > now
            ]

    def principal(self, object_id: str) -> Principal | None:
        with self.lock:
            return self._principals.get(object_id.lower())

    # Changing: inside a transaction only

    def put(self, resource: StoredResource) -> None:
        self._changed = True
        previous = self._resources.get(resource.key)
        self._database.execute(
            "INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?, ?)",
            (resource.key, resource.id, resource.type, json.dumps(resource.body), json.dumps(resource.private)),
        )
        if previous is not None:
            self._unindex(previous)
        self._index(resource)

    def remove(self, identity: str) -> None:
        self._changed = True
        resource = self._resources.get(key(identity))
        if resource is not None:
            self._database.execute("DELETE FROM resource WHERE key = ?", (resource.key,))
            self._unindex(resource)

    def soft_delete(self, resource: StoredResource, scheduled_purge: datetime) -> None:
        """Remove a resource and keep it recoverable."""
        self.remove(resource.id)
        self._soft_deleted[resource.key] = SoftDeleted(resource, scheduled_purge)
        self._database.execute(
            "INSERT OR REPLACE INTO soft_deleted VALUES (?, ?, ?, ?, ?, ?)",
            (
                resource.key,
                resource.id,
                resource.type,
                json.dumps(resource.body),
                json.dumps(resource.private),
                scheduled_purge.isoformat(),
            ),
        )

    def forget_soft_deleted(self, identity: str) -> None:
        """The name is free again: the deleted resource was recovered or purged."""
        self._changed = True
        self._soft_deleted.pop(key(identity), None)
        self._database.execute("DELETE FROM soft_deleted WHERE key = ?", (key(identity),))

    def add_principal(self, principal: Principal) -> None:
        """Make a person, group or application known to the directory, so that roles can be assigned to it."""
        with self.transaction():
            self._changed = True
            self._database.execute(
                "INSERT OR REPLACE INTO principal VALUES (?, ?, ?)",
                (principal.object_id, principal.type, principal.display_name),
            )
            self._principals[principal.object_id.lower()] = principal
