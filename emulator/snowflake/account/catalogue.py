"""What exists and who may do what: in memory for speed, in SQLite for good.

Every change is a list of row operations. They go to SQLite in one transaction and only then to memory,
so that a refusal or a kill leaves both as they were. A change that also touches the data first leaves
its operations behind as an intent (`intend`), and is finished or forgotten after a kill
(`pending`, `settle`), according to whether the data carries the intent's mark.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from emulator.snowflake.account.model import Column
from emulator.snowflake.account.names import ObjectName

ACCOUNT: Final = 1
"""The identifier of the account itself, which is an object like any other."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    identifier INTEGER PRIMARY KEY, kind TEXT NOT NULL, parent INTEGER, name TEXT NOT NULL, arguments TEXT,
    owner INTEGER, properties TEXT NOT NULL, comment TEXT NOT NULL, created_on TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS grants (
    target INTEGER NOT NULL, privilege TEXT NOT NULL, grantee INTEGER NOT NULL, grant_option INTEGER NOT NULL,
    granted_by INTEGER, created_on TEXT NOT NULL, PRIMARY KEY (target, privilege, grantee)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS future_grants (
    container INTEGER NOT NULL, kind TEXT NOT NULL, privilege TEXT NOT NULL, grantee INTEGER NOT NULL,
    grant_option INTEGER NOT NULL, granted_by INTEGER, created_on TEXT NOT NULL,
    PRIMARY KEY (container, kind, privilege, grantee)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS role_grants (
    role INTEGER NOT NULL, grantee INTEGER NOT NULL, granted_by INTEGER, created_on TEXT NOT NULL,
    PRIMARY KEY (role, grantee)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy_references (
    target INTEGER NOT NULL, column_name TEXT NOT NULL, policy INTEGER NOT NULL, arguments TEXT NOT NULL,
    PRIMARY KEY (target, column_name, policy)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag_references (
    target INTEGER NOT NULL, column_name TEXT NOT NULL, tag INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (target, column_name, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped (
    identifier INTEGER PRIMARY KEY, kind TEXT NOT NULL, parent INTEGER, name TEXT NOT NULL, owner INTEGER,
    dropped_on TEXT NOT NULL, expires_on TEXT NOT NULL, following INTEGER NOT NULL, place TEXT NOT NULL,
    identities TEXT NOT NULL, restoration TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intents (
    identifier TEXT PRIMARY KEY, database INTEGER NOT NULL, operations TEXT NOT NULL) WITHOUT ROWID;
"""

_KEYS: Final = {
    "objects": ("identifier",),
    "grants": ("target", "privilege", "grantee"),
    "future_grants": ("container", "kind", "privilege", "grantee"),
    "role_grants": ("role", "grantee"),
    "policy_references": ("target", "column_name", "policy"),
    "tag_references": ("target", "column_name", "tag"),
    "dropped": ("identifier",),
}

# Names that may not be shared by different kinds within one schema.
_NAMESPACES: Final = {"VIEW": "TABLE", "MATERIALIZED VIEW": "TABLE", "DYNAMIC TABLE": "TABLE", "SEQUENCE": "SEQUENCE"}


def now() -> datetime:
    """The present time, to the millisecond, as Snowflake's created_on has it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(slots=True, eq=False)
class Entry:
    """One object in memory. Only `Catalogue.commit` changes it."""

    identifier: int
    kind: str
    parent: Entry | None
    own_name: str
    arguments: tuple[str, ...] | None
    owner: int | None
    properties: dict[str, Any]
    comment: str
    created_on: datetime
    children: dict[int, Entry] = field(default_factory=dict)

    @property
    def name(self) -> ObjectName:
        parts = [self.own_name]
        above = self.parent
        while above is not None:
            parts.append(above.own_name)
            above = above.parent
        return ObjectName(tuple(reversed(parts)), self.arguments)

    def container(self, kind: str) -> Entry | None:
        """Itself or the database or schema it lies in."""
        entry: Entry | None = self
        while entry is not None and entry.kind != kind:
            entry = entry.parent
        return entry

    def descendants(self) -> Iterator[Entry]:
        """All that lies in it, deepest first."""
        for child in list(self.children.values()):
            yield from child.descendants()
            yield child

    def row(self, **changed: Any) -> dict[str, Any]:
        """Its row, with some fields changed."""
        row: dict[str, Any] = {
            "identifier": self.identifier,
            "kind": self.kind,
            "parent": None if self.parent is None else self.parent.identifier,
            "name": self.own_name,
            "arguments": None if self.arguments is None else json.dumps(self.arguments),
            "owner": self.owner,
            "properties": self.properties,
            "comment": self.comment,
            "created_on": self.created_on.isoformat(),
        }
        row.update(changed)
        if not isinstance(row["properties"], str):
            row["properties"] = dump(row["properties"])
        return row


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A privilege on an object, or a future grant in a container (then `kind` says on what)."""

    target: int
    privilege: str
    grantee: int
    grant_option: bool
    granted_by: int | None
    created_on: datetime
    kind: str = ""


@dataclass(frozen=True, slots=True)
class RoleGrantRow:
    """A role granted to a role or user."""

    role: int
    grantee: int
    granted_by: int | None
    created_on: datetime


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy attached to an object or to one column of it (`column` is empty for the whole)."""

    target: int
    column: str
    policy: int
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag's value on an object or on one column of it."""

    target: int
    column: str
    tag: int
    value: str


def dump(properties: Mapping[str, Any]) -> str:
    """Properties as the JSON that the catalogue keeps."""
    return json.dumps(properties, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Column):
        return {name: getattr(value, name) for name in Column.__slots__}
    raise TypeError(f"no stored form for a {type(value).__name__}")


def column_from(stored: Mapping[str, Any]) -> Column:
    """A column from its stored form."""
    identity = stored.get("identity")
    return Column(**{**stored, "identity": None if identity is None else tuple(identity)})


def load(text: str) -> dict[str, Any]:
    """Properties from the JSON that the catalogue keeps."""
    properties: dict[str, Any] = json.loads(text)
    # A view's columns are mappings with a NAME, a table's are `Column`s.
    if "COLUMNS" in properties:
        properties["COLUMNS"] = [
            column_from(column) if "name" in column else column for column in properties["COLUMNS"]
        ]
    return properties


Operation = tuple[str, str, dict[str, Any]]
"""(table, "put" or "delete", the row or its key)."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A table, schema or database that was dropped and that UNDROP brings back until `expires_on`.

    `following` is the identifier that came next when it was dropped: none of before may be given again, for the roles
    and policies that the restoration names by it. `place` is the name that the data has it under, `identities` what the
    sequences of identity columns give next, by column. `restoration` puts its rows, and those of all in it, back.
    """

    identifier: int
    kind: str
    parent: int | None
    name: str
    owner: int | None
    dropped_on: datetime
    expires_on: datetime
    following: int
    place: str
    identities: str
    restoration: str

    @property
    def operations(self) -> list[Operation]:
        """What puts it back."""
        return [(table, action, row) for table, action, row in json.loads(self.restoration)]

    @property
    def next_values(self) -> dict[str, int]:
        """What identity columns give next."""
        found: dict[str, int] = json.loads(self.identities)
        return found

    def row(self, **changed: Any) -> dict[str, Any]:
        """Its row, with some fields changed."""
        row = {name: getattr(self, name) for name in Dropped.__slots__}
        row["dropped_on"], row["expires_on"] = self.dropped_on.isoformat(), self.expires_on.isoformat()
        return {**row, **changed}


class Change:
    """The row operations of one change, gathered while it is checked; `Catalogue.commit` carries them out."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        # What follows once the object that the change makes is among them.
        self.after: list[Operation] = []

    def put(self, table: str, row: dict[str, Any]) -> None:
        self.operations.append((table, "put", row))

    def delete(self, table: str, **key: Any) -> None:
        self.operations.append((table, "delete", key))

    def put_grant(self, grant: GrantRow) -> None:
        row = {
            "privilege": grant.privilege,
            "grantee": grant.grantee,
            "grant_option": int(grant.grant_option),
            "granted_by": grant.granted_by,
            "created_on": grant.created_on.isoformat(),
        }
        if grant.kind:
            self.put("future_grants", {"container": grant.target, "kind": grant.kind, **row})
        else:
            self.put("grants", {"target": grant.target, **row})

    def delete_grant(self, grant: GrantRow) -> None:
        if grant.kind:
            self.delete(
                "future_grants",
                container=grant.target,
                kind=grant.kind,
                privilege=grant.privilege,
                grantee=grant.grantee,
            )
        else:
            self.delete("grants", target=grant.target, privilege=grant.privilege, grantee=grant.grantee)


class Catalogue:
    """The catalogue of one account, on the SQLite file at `path`."""

    def __init__(self, path: Path) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._sqlite.execute("PRAGMA journal_mode = WAL")
        self._sqlite.execute("PRAGMA synchronous = NORMAL")
        self._sqlite.execute("PRAGMA wal_autocheckpoint = 2000")
        self._sqlite.executescript(_SCHEMA)
        self._statements: dict[tuple[str, str], str] = {}
        for table, key in _KEYS.items():
            columns = [row[1] for row in self._sqlite.execute(f"PRAGMA table_info({table})")]
            self._statements[table, "put"] = (
                f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) "  # noqa: S608 our own column names
                f"VALUES ({', '.join(':' + column for column in columns)})"
            )
            self._statements[table, "delete"] = (
                f"DELETE FROM {table} WHERE {' AND '.join(f'{column} = :{column}' for column in key)}"  # noqa: S608
            )
        self.entries: dict[int, Entry] = {}
        self.by_kind: defaultdict[str, dict[int, Entry]] = defaultdict(dict)
        self._by_name: dict[tuple[int | None, str, str, tuple[str, ...] | None], Entry] = {}
        self.owned: defaultdict[int, set[int]] = defaultdict(set)
        self.grants_on: defaultdict[int, dict[tuple[str, int], GrantRow]] = defaultdict(dict)
        self.grants_to: defaultdict[int, dict[tuple[int, str], GrantRow]] = defaultdict(dict)
        self.future_in: defaultdict[int, dict[tuple[str, str, int], GrantRow]] = defaultdict(dict)
        self.future_to: defaultdict[int, dict[tuple[int, str, str], GrantRow]] = defaultdict(dict)
        self.roles_of: defaultdict[int, dict[int, RoleGrantRow]] = defaultdict(dict)
        self.holders_of: defaultdict[int, dict[int, RoleGrantRow]] = defaultdict(dict)
        self.policies_on: defaultdict[int, dict[tuple[str, int], PolicyRow]] = defaultdict(dict)
        self.uses_of_policy: defaultdict[int, dict[tuple[int, str], PolicyRow]] = defaultdict(dict)
        self.tags_on: defaultdict[int, dict[tuple[str, int], TagRow]] = defaultdict(dict)
        self.uses_of_tag: defaultdict[int, dict[tuple[int, str], TagRow]] = defaultdict(dict)
        self.dropped: dict[int, Dropped] = {}
        self._closures: dict[int, frozenset[int]] = {}
        # Who is told of each grant that goes, while all that it names is still there.
        self.taken_back: Callable[[GrantRow | RoleGrantRow], None] | None = None
        self._next = 1

    # --- the stores

    def pending(self) -> list[tuple[str, int, list[Operation]]]:
        """The intents that a kill left: (identifier, database, operations). To be settled before `read`."""
        rows = self._sqlite.execute("SELECT identifier, database, operations FROM intents").fetchall()
        return [(identifier, database, json.loads(operations)) for identifier, database, operations in rows]

    def settle(self, intent: str, operations: Iterable[Operation]) -> None:
        """Carry out what an intent still asks for (nothing, if the data never changed) and forget it."""
        with self._transaction():
            self._write(operations)
            self._sqlite.execute("DELETE FROM intents WHERE identifier = ?", (intent,))

    def read(self) -> None:
        """Read everything into memory."""
        rows = self._sqlite.execute("SELECT * FROM objects ORDER BY identifier")
        names = [description[0] for description in rows.description]
        waiting = [dict(zip(names, row, strict=True)) for row in rows]
        while waiting:
            # A container may have a higher identifier than what was moved into it.
            later = [row for row in waiting if row["parent"] is not None and row["parent"] not in self.entries]
            for row in waiting:
                if row["parent"] is None or row["parent"] in self.entries:
                    self._apply("objects", "put", row)
            if len(later) == len(waiting):
                raise RuntimeError("the catalogue has objects whose container is missing")
            waiting = [row for row in later if row["identifier"] not in self.entries]
        for table in list(_KEYS)[1:]:
            rows = self._sqlite.execute(f"SELECT * FROM {table}")  # noqa: S608 our own table names
            names = [description[0] for description in rows.description]
            for values in rows:
                self._apply(table, "put", dict(zip(names, values, strict=True)))

    def close(self) -> None:
        self._sqlite.close()

    def next_identifier(self) -> int:
        """An identifier that no object has."""
        self._next += 1
        return self._next - 1

    @property
    def following(self) -> int:
        """The identifier that the next object gets."""
        return self._next

    @contextmanager
    def imagined(self, operations: Sequence[Operation]) -> Iterator[None]:
        """Let objects that are gone be there in memory, for what has to be worked out of them."""
        told, self.taken_back = self.taken_back, None
        names = dict(self._by_name)
        for table, action, row in operations:
            self._apply(table, action, row)
        try:
            yield
        finally:
            for table, _, row in reversed(operations):
                self._apply(table, "delete", row)
            self._by_name = names
            self.taken_back = told

    def intend(self, database: int, change: Change) -> str:
        """Leave the change behind as an intent on a database's data, and return the intent's identifier."""
        intent = uuid.uuid4().hex
        self._sqlite.execute(
            "INSERT INTO intents VALUES (?, ?, ?)", (intent, database, json.dumps(change.operations, default=_plain))
        )
        return intent

    def forget(self, intent: str) -> None:
        """Withdraw an intent: the data did not change."""
        self._sqlite.execute("DELETE FROM intents WHERE identifier = ?", (intent,))

    def commit(self, change: Change, intent: str | None = None) -> None:
        """Carry out a change for good, together with the end of its intent."""
        if not change.operations and intent is None:
            return
        with self._transaction():
            self._write(change.operations)
            if intent is not None:
                self._sqlite.execute("DELETE FROM intents WHERE identifier = ?", (intent,))
        for table, action, row in change.operations:
            self._apply(table, action, row)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._sqlite)

    def _write(self, operations: Iterable[Operation]) -> None:
        for table, action, row in operations:
            self._sqlite.execute(self._statements[table, action], row)

    # --- memory

    def lookup(
        self, parent: Entry | None, kind: str, name: str, arguments: tuple[str, ...] | None = None
    ) -> Entry | None:
        """The object of this kind (or of one that shares its namespace) with this name in a container."""
        key = (None if parent is None else parent.identifier, _NAMESPACES.get(kind, kind), name, arguments)
        return self._by_name.get(key)

    def overloads(self, schema: Entry, kind: str, name: str) -> list[Entry]:
        """The functions or procedures of one name, whatever their arguments."""
        return [e for e in schema.children.values() if e.kind == kind and e.own_name == name]

    def closure(self, role: int) -> frozenset[int]:
        """A role (or user) and all roles that it inherits."""
        known = self._closures.get(role)
        if known is None:
            found = {role}
            stack = [role]
            while stack:
                for inherited in self.roles_of.get(stack.pop(), ()):
                    if inherited not in found:
                        found.add(inherited)
                        stack.append(inherited)
            known = self._closures[role] = frozenset(found)
        return known

    def _apply(self, table: str, action: str, row: Mapping[str, Any]) -> None:
        getattr(self, f"_{action}_{table}")(row)

    def _put_objects(self, row: Mapping[str, Any]) -> None:
        identifier = row["identifier"]
        self._next = max(self._next, identifier + 1)
        entry = self.entries.get(identifier)
        parent = None if row["parent"] is None else self.entries[row["parent"]]
        arguments = None if row["arguments"] is None else tuple(json.loads(row["arguments"]))
        if entry is None:
            entry = Entry(
                identifier,
                row["kind"],
                parent,
                row["name"],
                arguments,
                row["owner"],
                load(row["properties"]),
                row["comment"],
                datetime.fromisoformat(row["created_on"]),
            )
            self.entries[identifier] = entry
            self.by_kind[entry.kind][identifier] = entry
        else:
            self._forget_name(entry)
            entry.kind, entry.parent, entry.own_name, entry.arguments = row["kind"], parent, row["name"], arguments
            entry.properties = load(row["properties"])
            entry.comment = row["comment"]
            if entry.owner is not None:
                self.owned[entry.owner].discard(identifier)
            entry.owner = row["owner"]
        if entry.owner is not None:
            self.owned[entry.owner].add(identifier)
        if parent is not None:
            parent.children[identifier] = entry
        self._by_name[self._key(entry)] = entry

    def _delete_objects(self, row: Mapping[str, Any]) -> None:
        entry = self.entries.pop(row["identifier"])
        del self.by_kind[entry.kind][entry.identifier]
        self._forget_name(entry)
        if entry.owner is not None:
            self.owned[entry.owner].discard(entry.identifier)

    def _forget_name(self, entry: Entry) -> None:
        key = self._key(entry)
        if self._by_name.get(key) is entry:
            del self._by_name[key]
        if entry.parent is not None:
            entry.parent.children.pop(entry.identifier, None)

    @staticmethod
    def _key(entry: Entry) -> tuple[int | None, str, str, tuple[str, ...] | None]:
        parent = None if entry.parent is None else entry.parent.identifier
        return parent, _NAMESPACES.get(entry.kind, entry.kind), entry.own_name, entry.arguments

    def _put_grants(self, row: Mapping[str, Any]) -> None:
        grant = GrantRow(
            row["target"],
            row["privilege"],
            row["grantee"],
            bool(row["grant_option"]),
            row["granted_by"],
            datetime.fromisoformat(row["created_on"]),
        )
        self.grants_on[grant.target][grant.privilege, grant.grantee] = grant
        self.grants_to[grant.grantee][grant.target, grant.privilege] = grant

    def _delete_grants(self, row: Mapping[str, Any]) -> None:
        grant = self.grants_on[row["target"]].pop((row["privilege"], row["grantee"]), None)
        if grant is not None and self.taken_back is not None:
            self.taken_back(grant)
        self.grants_to[row["grantee"]].pop((row["target"], row["privilege"]), None)

    def _put_future_grants(self, row: Mapping[str, Any]) -> None:
        grant = GrantRow(
            row["container"],
            row["privilege"],
            row["grantee"],
            bool(row["grant_option"]),
            row["granted_by"],
            datetime.fromisoformat(row["created_on"]),
            row["kind"],
        )
        self.future_in[grant.target][grant.kind, grant.privilege, grant.grantee] = grant
        self.future_to[grant.grantee][grant.target, grant.kind, grant.privilege] = grant

    def _delete_future_grants(self, row: Mapping[str, Any]) -> None:
        self.future_in[row["container"]].pop((row["kind"], row["privilege"], row["grantee"]), None)
        self.future_to[row["grantee"]].pop((row["container"], row["kind"], row["privilege"]), None)

    def _put_role_grants(self, row: Mapping[str, Any]) -> None:
        grant = RoleGrantRow(row["role"], row["grantee"], row["granted_by"], datetime.fromisoformat(row["created_on"]))
        self.roles_of[grant.grantee][grant.role] = grant
        self.holders_of[grant.role][grant.grantee] = grant
        self._closures.clear()

    def _delete_role_grants(self, row: Mapping[str, Any]) -> None:
        grant = self.roles_of[row["grantee"]].pop(row["role"], None)
        if grant is not None and self.taken_back is not None:
            self.taken_back(grant)
        self.holders_of[row["role"]].pop(row["grantee"], None)
        self._closures.clear()

    def _put_policy_references(self, row: Mapping[str, Any]) -> None:
        use = PolicyRow(row["target"], row["column_name"], row["policy"], tuple(json.loads(row["arguments"])))
        self.policies_on[use.target][use.column, use.policy] = use
        self.uses_of_policy[use.policy][use.target, use.column] = use

    def _delete_policy_references(self, row: Mapping[str, Any]) -> None:
        self.policies_on[row["target"]].pop((row["column_name"], row["policy"]), None)
        self.uses_of_policy[row["policy"]].pop((row["target"], row["column_name"]), None)

    def _put_tag_references(self, row: Mapping[str, Any]) -> None:
        use = TagRow(row["target"], row["column_name"], row["tag"], row["value"])
        self.tags_on[use.target][use.column, use.tag] = use
        self.uses_of_tag[use.tag][use.target, use.column] = use

    def _delete_tag_references(self, row: Mapping[str, Any]) -> None:
        self.tags_on[row["target"]].pop((row["column_name"], row["tag"]), None)
        self.uses_of_tag[row["tag"]].pop((row["target"], row["column_name"]), None)

    def _put_dropped(self, row: Mapping[str, Any]) -> None:
        times = {key: datetime.fromisoformat(row[key]) for key in ("dropped_on", "expires_on")}
        self.dropped[row["identifier"]] = Dropped(**{**row, **times})
        self._next = max(self._next, row["following"])

    def _delete_dropped(self, row: Mapping[str, Any]) -> None:
        del self.dropped[row["identifier"]]


class _Transaction:
    """One SQLite transaction as a context."""

    def __init__(self, sqlite: sqlite3.Connection) -> None:
        self._sqlite = sqlite

    def __enter__(self) -> None:
        self._sqlite.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._sqlite.execute("ROLLBACK" if kind else "COMMIT")
