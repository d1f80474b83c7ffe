"""How long what was is kept: the days of Time Travel of each object, the versions of its rows, and what was dropped.

Source: Snowflake's documentation, "Understanding & using Time Travel", "Parameters".
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from emulator.snowflake.account.catalogue import Change, Dropped, Entry, Operation
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.account.model import Column, SnowflakeObject
from emulator.snowflake.account.names import ObjectName, quote
from emulator.snowflake.account.session import Session
from emulator.snowflake.account.versions import (
    Bound,
    TableVersions,
    copies_of,
    forget_all_sql,
    hidden,
    settle_sql,
    time_literal,
)

RETENTION: Final = "DATA_RETENTION_TIME_IN_DAYS"
_MINIMUM: Final = "MIN_DATA_RETENTION_TIME_IN_DAYS"
KEPT_KINDS: Final = ("TABLE", "SCHEMA", "DATABASE")
"""What Time Travel brings back when it was dropped."""
_BETWEEN_DISCARDS: Final = timedelta(hours=1)


def is_transient(entry: Entry) -> bool:
    """Whether the object, or what it lies in, is transient."""
    above: Entry | None = entry
    while above is not None:
        if above.properties.get("TRANSIENT"):
            return True
        above = above.parent
    return False


class RetentionOperations(AccountCore):
    """What other operations ask of Time Travel."""

    _opened: datetime
    _untracked: dict[int, datetime]
    _resumed: set[int]
    _discarded: dict[int, datetime]

    def _begin_retention(self) -> None:
        # When a table was last changed without a note of it, as far as this process knows.
        self._untracked = {}
        self._resumed = set()
        self._discarded = {}
        self._opened = self._data.ticks.moment()

    # --- days

    def _retention_days(self, entry: Entry) -> int:
        """The days of Time Travel that hold for an object."""
        days: Any = None
        above: Entry | None = entry
        while above is not None and days is None:
            days = above.properties.get(RETENTION)
            above = above.parent
        if days is None:
            days = self._account.properties.get(RETENTION, 1)
        if is_transient(entry):
            return min(int(days), 1)
        return max(int(days), int(self._account.properties.get(_MINIMUM, 0)))

    # --- versions of rows

    @locked
    def table_versions(
        self,
        cursor: duckdb.DuckDBPyConnection,
        name: ObjectName,
        *,
        query: str = "",
        open_: bool = False,
        alone: bool = False,
    ) -> TableVersions | None:
        """Who notes the change of a table's rows that comes now; None where nothing is kept. `open_`:
        the transaction goes on after the statement; `alone`: it has no other than this."""
        entry = self._entry("TABLE", name)
        if entry is None:
            return None
        identifier = entry.identifier
        versions = TableVersions(
            cursor,
            self._data.ticks,
            identifier,
            name,
            query=query,
            open_=open_,
            known=self._data.settled,
            alone=alone,
        )
        days = self._retention_days(entry)
        present = self._data.ticks.moment()
        if not days:
            if identifier not in self._untracked:
                versions.forget(present)
                self._resumed.discard(identifier)
            self._untracked[identifier] = present
            return None
        if identifier not in self._resumed:
            self._resumed.add(identifier)
            last = self._untracked.pop(identifier, None)
            if last is not None:
                versions.forget(last)
            elif versions.last_is_gap():
                versions.forget(self._opened)
        if not open_ and present - self._discarded.get(identifier, _LONG_AGO) > _BETWEEN_DISCARDS:
            self._discarded[identifier] = present
            versions.discard(present - timedelta(days=days))
        return versions

    @locked
    def doubt_versions(self) -> None:
        """Look up again what is known of tables' versions: a change was undone."""
        self._data.settled.clear()

    @locked
    def settle_versions(self, cursor: duckdb.DuckDBPyConnection, databases: Sequence[str]) -> None:
        """Give what an open transaction noted in these databases its place in time. Last of all, before it ends."""
        self._data.settled.clear()
        for database in databases:
            sql = settle_sql(database, self._data.ticks.number(), self._data.ticks.moment())
            cursor.execute(sql).fetchall()

    @locked
    def moment_bound(self, at: datetime, *, before: bool) -> Bound:
        """AT or BEFORE a time."""
        sign = ">=" if before else ">"
        return Bound(at, f"(seq IS NULL OR moment {sign} {time_literal(at)})")

    @locked
    def statement_bound(self, cursor: duckdb.DuckDBPyConnection, database: str, query: str, *, before: bool) -> Bound:
        """AT or BEFORE a statement of the account: by what it changed in this database, else by when it ran."""
        found = self._data.statement_changes(cursor, database, query)
        if found is not None:
            first, last, moment = found
            return Bound(moment, f"(seq IS NULL OR seq {f'>= {first}' if before else f'> {last}'})")
        known = self.history.events("STATEMENT", lambda event: event["id"] == query)
        if not known:
            raise SnowflakeError(709, "02000", f"Statement {query} not found")
        return self.moment_bound(known[-1]["start" if before else "end"], before=before)

    # --- what is dropped

    def _restoration(self, entry: Entry) -> builtins.list[Operation]:
        """What puts an object, and all in it, back as it is."""
        change = Change()
        catalogue = self._catalogue
        inside = [entry, *reversed(list(entry.descendants()))]
        for gone in sorted(inside, key=lambda item: len(item.name.parts)):
            change.put("objects", gone.row())
        for gone in inside:
            identifier = gone.identifier
            for grants in (
                catalogue.grants_on.get(identifier, {}),
                catalogue.grants_to.get(identifier, {}),
                catalogue.future_in.get(identifier, {}),
                catalogue.future_to.get(identifier, {}),
            ):
                for grant in grants.values():
                    change.put_grant(grant)
            for held in (
                *catalogue.roles_of.get(identifier, {}).values(),
                *catalogue.holders_of.get(identifier, {}).values(),
            ):
                change.put(
                    "role_grants",
                    {
                        "role": held.role,
                        "grantee": held.grantee,
                        "granted_by": held.granted_by,
                        "created_on": held.created_on.isoformat(),
                    },
                )
            for use in (
                *catalogue.policies_on.get(identifier, {}).values(),
                *catalogue.uses_of_policy.get(identifier, {}).values(),
            ):
                change.put(
                    "policy_references",
                    {
                        "target": use.target,
                        "column_name": use.column,
                        "policy": use.policy,
                        "arguments": json.dumps(list(use.arguments)),
                    },
                )
            for tagged in (
                *catalogue.tags_on.get(identifier, {}).values(),
                *catalogue.uses_of_tag.get(identifier, {}).values(),
            ):
                change.put(
                    "tag_references",
                    {
                        "target": tagged.target,
                        "column_name": tagged.column,
                        "tag": tagged.tag,
                        "value": tagged.value,
                    },
                )
        return change.operations

    def _retire(self, change: Change, entry: Entry) -> builtins.list[str] | None:
        """Keep an object that is about to be dropped or replaced: adds to the change, and returns the statements for
        the data; None where nothing is to be kept. Before `_remove`.

        A table gives its name free in the data. A schema keeps it until another wants it (`_displace`), and a database
        keeps its file.
        """
        days = self._retention_days(entry) if entry.kind in KEPT_KINDS else 0
        if not days or entry.owner is None:
            return None
        statements: list[str] = []
        next_values: dict[str, int] = {}
        physical = entry.own_name
        if entry.kind == "TABLE":
            physical = hidden(entry.identifier)
            columns: list[Column] = entry.properties["COLUMNS"]
            for column in columns:
                if column.identity is not None:
                    sequence = self._data.identity_sequence(entry.name, column.name)
                    next_values[column.name] = self._data.next_value(sequence)
            if next_values:
                kept = entry.name.renamed(physical).sql()
                statements = [
                    f"CREATE TABLE {kept} AS SELECT * FROM {entry.name.sql()}",  # noqa: S608 quoted
                    *self._data.drop_table_sql(entry.name, columns),
                ]
            else:
                statements = [f"ALTER TABLE {entry.name.sql()} RENAME TO {quote(physical)}"]
        present = self._data.ticks.moment()
        kept_row = Dropped(
            entry.identifier,
            entry.kind,
            None if entry.parent is None else entry.parent.identifier,
            entry.own_name,
            entry.owner,
            present,
            present + timedelta(days=days),
            self._catalogue.following,
            physical,
            json.dumps(next_values),
            json.dumps(self._restoration(entry), ensure_ascii=False),
        )
        change.put("dropped", kept_row.row())
        return statements

    def _of_parent(self, parent: int | None, kind: str) -> builtins.list[Dropped]:
        return [kept for kept in self._catalogue.dropped.values() if kept.parent == parent and kept.kind == kind]

    def _bequeath_dropped(self, change: Change, role: int, heir: int) -> None:
        """What a dropped role owned of what is dropped becomes its heir's."""
        for kept in self._catalogue.dropped.values():
            if kept.owner == role:
                change.put("dropped", kept.row(owner=heir))

    @locked
    def discard_expired(self) -> None:
        """Throw away for good what was dropped longer ago than it is kept."""
        present = self._data.ticks.moment()
        for kept in sorted(self._catalogue.dropped.values(), key=lambda one: one.kind):
            if kept.expires_on <= present and kept.identifier in self._catalogue.dropped:
                self._discard(kept)

    def _discard(self, kept: Dropped) -> None:
        change = Change()
        rows = [row for table, _, row in kept.operations if table == "objects"]
        gone = {row["identifier"] for row in rows}
        tables = [row["identifier"] for row in rows if row["kind"] == "TABLE"]
        waiting = [kept]
        while waiting:
            item = waiting.pop()
            change.delete("dropped", identifier=item.identifier)
            inside = {row["identifier"] for table, _, row in item.operations if table == "objects"}
            gone |= inside
            for other in self._catalogue.dropped.values():
                if other.parent in inside and other not in waiting:
                    waiting.append(other)
                    if other.kind == "TABLE":
                        tables.append(other.identifier)
        if kept.kind == "DATABASE":
            self._catalogue.commit(change)
            self._data.delete_file(kept.identifier)
            return
        parent = None if kept.parent is None else self._catalogue.entries.get(kept.parent)
        database = None if parent is None else parent.container("DATABASE")
        statements: list[str] = []
        if parent is not None and database is not None:
            name = parent.name.child(kept.place)
            with suppress(duckdb.Error):
                statements += [
                    f"DROP TABLE {copy}" for copy in copies_of(self._data.cursor(), database.own_name, tables)
                ]
            statements += forget_all_sql(database.own_name, tables)
            cascade = " CASCADE" if kept.kind == "SCHEMA" else ""
            statements.append(f"DROP {kept.kind} IF EXISTS {name.sql()}{cascade}")
        self._carry_out(change, database, statements)

    def _is_kept(self, kind: str, parts: tuple[str, ...]) -> bool:
        """Whether something of the data belongs to what is dropped and kept."""
        database = self._catalogue.lookup(None, "DATABASE", parts[0])
        if database is None:
            return False
        if any(kept.place == parts[1] for kept in self._of_parent(database.identifier, "SCHEMA")):
            return True
        return kind == "TABLE" and any(hidden(kept) == parts[2] for kept in self._catalogue.dropped)

    # --- looking at what is dropped

    @locked
    def dropped(
        self, session: Session, kind: str, *, within: ObjectName | None = None
    ) -> builtins.list[tuple[SnowflakeObject, datetime, int]]:
        """What was dropped of a kind and is still kept, as far as the session may know of it: the object as it was,
        when it was dropped, and for how many days it is kept."""
        self.discard_expired()
        roles = self._rights.effective(session)
        found: list[tuple[SnowflakeObject, datetime, int]] = []
        for kept in self._catalogue.dropped.values():
            if kept.kind != spec_of(kind).kind:
                continue
            if kept.parent is not None and kept.parent not in self._catalogue.entries:
                continue
            if not self._sees_dropped(roles, kept):
                continue
            table, action, row = kept.operations[0]
            with self._catalogue.imagined([(table, action, {**row, "owner": kept.owner})]):
                shown = self._shown(self._catalogue.entries[kept.identifier])
            if within is None or shown.name.within(within):
                found.append((shown, kept.dropped_on, (kept.expires_on - kept.dropped_on).days))
        return sorted(found, key=lambda item: (item[0].name.parts, item[1]))

    def _sees_dropped(self, roles: frozenset[int], kept: Dropped) -> bool:
        parent = None if kept.parent is None else self._catalogue.entries[kept.parent]
        if self._rights.on_account(roles, "MANAGE GRANTS"):
            return True
        if parent is not None and not (
            self._rights.has(roles, "USAGE", parent) and self._rights.has_way(roles, parent)
        ):
            return False
        if kept.owner in roles:
            return True
        return any(
            row["target"] == kept.identifier and row["grantee"] in roles
            for table, _, row in kept.operations
            if table == "grants"
        )

    def _still_valid(self, kept: Dropped) -> builtins.list[Operation]:
        """What puts an object back, but for what has gone for good since: roles, tags. Without its policies it does not
        come back at all: it would come back without their protection."""
        operations = kept.operations
        there = set(self._catalogue.entries) | {row["identifier"] for table, _, row in operations if table == "objects"}
        valid: list[Operation] = []
        for table, action, row in operations:
            if table == "objects":
                own = row["identifier"] == kept.identifier
                owner = kept.owner if own or row["owner"] not in there else row["owner"]
                valid.append((table, action, {**row, "owner": owner if row["owner"] is not None else None}))
                continue
            if table == "policy_references" and not {row["target"], row["policy"]} <= there:
                raise SnowflakeError.compilation(
                    3531, "23001", f"'{kept.name}' cannot be restored: a policy that protected it was dropped since."
                )
            named = ("target", "container", "grantee", "role", "policy", "tag")
            if all(row[key] in there for key in named if key in row):
                if row.get("granted_by") is not None and row["granted_by"] not in there:
                    row = {**row, "granted_by": None}
                valid.append((table, action, row))
        return valid


_LONG_AGO: Final = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
