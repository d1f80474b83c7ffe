"""What the rows of tables were: Time Travel's part in the data, in a schema of its own in each database's file.

Rows that are only added cost one line for each statement, which says how many: as they lie at the table's end, leaving
them off gives the table of before. What a statement changes or takes away is copied first, and what it changes into
afterwards. Tables are bags of rows, so what was there before is what is there now, with all that was taken away
since and without all that was added since.

- Before the first change of rows that were added, they are copied too: where they lie is no longer said by their number
  then. Each row is copied so once at most.
- A change of a table's columns closes its era: the rows are copied whole, and serve the time before in the table's
  place.
- All of it is written in the transaction of the change itself; the changes of an open transaction get their place in
  time when it ends.

Source of what is offered: Snowflake's documentation, "Understanding & using Time Travel".
"""

# ruff: noqa: S608  every name put into a statement is quoted first, every value is bound or a number of ours

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import duckdb

from emulator.snowflake.account.names import ObjectName, literal, quote

_log = logging.getLogger(__name__)

SCHEMA: Final = "_time_travel"
"""Where it lies in each database; never a Snowflake schema."""

HIDDEN: Final = "⟨dropped⟩"
"""How the data's names of dropped tables and schemas begin."""

_APPEND, _REWRITE, _GAP = "APPEND", "REWRITE", "GAP"
_WHOLE_DATABASE: Final = 0
_NEVER: Final = 2**63 - 1
_ROW: Final = "⟨row⟩"
# Types of which DuckDB moves the row that it changes.
_MOVING: Final = ("]", ")[]")
_MOVING_STARTS: Final = ("STRUCT(", "MAP(", "UNION(", "VARIANT")

_TABLES: Final = {
    "changes": "table_id BIGINT, change BIGINT, seq BIGINT, moment TIMESTAMP, query VARCHAR, kind VARCHAR, n BIGINT",
    "flushes": "table_id BIGINT, change BIGINT, flush BIGINT",
    "eras": "table_id BIGINT, era BIGINT, seq BIGINT, moment TIMESTAMP, query VARCHAR, base VARCHAR, shape VARCHAR",
    "logs": "table_id BIGINT, era BIGINT, name VARCHAR",
}


def hidden(identifier: int) -> str:
    """The name that the data has a dropped table or schema under."""
    return f"{HIDDEN}{identifier}"


def place(database: str, name: str) -> str:
    """A table of Time Travel's own, as SQL."""
    return f"{quote(database)}.{SCHEMA}.{quote(name)}"


def time_literal(moment: datetime) -> str:
    """A moment as DuckDB's TIMESTAMP in UTC."""
    return f"TIMESTAMP {literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"


class Ticks:
    """Numbers that only rise, for the order of changes, and times that never fall, for when they were.

    `clock` may be another one: what has Time Travel end is how far it is ahead of what was noted by it.
    """

    def __init__(self) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._last = 0
        self._latest = datetime.min.replace(tzinfo=UTC)

    def number(self) -> int:
        """A number above all that were given, also by processes before."""
        self._last = max(self._last + 1, time.time_ns())
        return self._last

    def follow(self, number: int) -> None:
        """Give no number again that a process with another clock gave."""
        self._last = max(self._last, number)

    def moment(self) -> datetime:
        """The present, never before a moment that was given."""
        self._latest = max(self._latest, self.clock())
        return self._latest


def creation_sql(database: str, moment: datetime) -> list[str]:
    """Time Travel's tables of a database, which knows nothing of what was before."""
    return [
        f"CREATE SCHEMA IF NOT EXISTS {quote(database)}.{SCHEMA}",
        *(f"CREATE TABLE IF NOT EXISTS {place(database, name)} ({columns})" for name, columns in _TABLES.items()),
        f"INSERT INTO {place(database, 'changes')} "
        f"VALUES ({_WHOLE_DATABASE}, 0, 0, {time_literal(moment)}, '', '{_GAP}', 0)",
    ]


def gap_sql(database: str, table: int, seq: int, moment: datetime) -> str:
    """Of what was before, nothing is known of this table."""
    values = f"{table}, {seq}, {seq}, {time_literal(moment)}, '', '{_GAP}', 0"
    return f"INSERT INTO {place(database, 'changes')} VALUES ({values})"


def settle_sql(database: str, seq: int, moment: datetime) -> str:
    """Give the changes of the transaction that now ends their place in time."""
    return f"UPDATE {place(database, 'changes')} SET seq = {seq}, moment = {time_literal(moment)} WHERE seq IS NULL"


@dataclass(frozen=True, slots=True)
class Bound:
    """A moment of a table's past: what it leaves out. `at` is the moment for whoever asks whether it is too long ago;
    `undone` says, as SQL over `seq` and `moment`, which changes came after it."""

    at: datetime
    undone: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A table's columns up to the change that ended an era, and what became of them in it.

    `columns` are their stored forms, `names` those in the data. `policies` and `tags` were on the columns that were
    dropped: (column, policy, arguments) and (column, tag, value) each.
    """

    names: tuple[str, ...]
    columns: tuple[dict[str, Any], ...]
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    policies: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    tags: tuple[tuple[str, int, str], ...] = ()

    def dump(self) -> str:
        """Its stored form."""
        return json.dumps({name: getattr(self, name) for name in Shape.__slots__}, ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> Shape:
        """From its stored form."""
        stored = json.loads(text)
        return cls(
            tuple(stored["names"]),
            tuple(stored["columns"]),
            dict(stored["renamed"]),
            tuple(stored["dropped"]),
            tuple((column, policy, tuple(arguments)) for column, policy, arguments in stored["policies"]),
            tuple((column, tag, value) for column, tag, value in stored["tags"]),
        )

    def after(self, column: str) -> str | None:
        """What a column is called after the era; None where it ended with it."""
        return None if column in self.dropped else self.renamed.get(column, column)

    def before(self, column: str) -> str | None:
        """What a column of after the era was called in it; None where it was not there."""
        for old, new in self.renamed.items():
            if new == column:
                return old
        return column if column in self.names and column not in self.renamed and column not in self.dropped else None


@dataclass(frozen=True, slots=True)
class Past:
    """A table as it was: a query with the columns `names`, and the shapes of the eras since, the oldest first (none
    where the columns are still the same)."""

    query: str
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]

    def now(self, column: str) -> str | None:
        """What a column of then is called now; None where it is there no longer."""
        found: str | None = column
        for shape in self.shapes:
            if found is None:
                return None
            found = shape.after(found)
        return found

    def then(self, column: str, since: int | None = None) -> str | None:
        """What a column of now (or of the era with the place `since`) was called then; None where it was not there."""
        found: str | None = column
        for shape in reversed(self.shapes[:since]):
            if found is None:
                return None
            found = shape.before(found)
        return found


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a table whose rows at the end are all copied: its columns (name and type) and its log."""

    columns: tuple[tuple[str, str], ...]
    log: str


class TableVersions:
    """The versions of one table, over one cursor. `open_` says that a transaction goes on after the statement, `known`
    keeps what need not be looked up again, which a transaction of several statements does not trust (`alone`)."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        ticks: Ticks,
        identifier: int,
        name: ObjectName,
        *,
        query: str = "",
        open_: bool = False,
        known: dict[int, Settled] | None = None,
        alone: bool = False,
    ) -> None:
        self._known = {} if known is None else known
        self._alone = alone
        self._cursor = cursor
        self._ticks = ticks
        self._identifier = identifier
        self._name = name
        self._query = query
        self._open = open_
        self._columns: tuple[tuple[str, str], ...] = ()
        self._affected: str | None = None
        self._log = ""
        self._taken = 0

    def _own(self, name: str) -> str:
        return place(self._name.database, name)

    def _number(self, sql: str, *parameters: object) -> int:
        # All of it is fetched: DuckDB's connection does nothing else before that.
        rows = self._cursor.execute(sql, list(parameters)).fetchall()
        return 0 if not rows or rows[0][0] is None else int(rows[0][0])

    def _note(self, kind: str, rows: int, change: int | None = None) -> None:
        number = self._ticks.number() if change is None else change
        self._cursor.execute(
            f"INSERT INTO {self._own('changes')} VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                self._identifier,
                number,
                None if self._open else self._ticks.number(),
                self._ticks.moment().astimezone(UTC).replace(tzinfo=None),
                self._query,
                kind,
                rows,
            ],
        ).fetchall()

    # --- changes of rows

    def appended(self, rows: int) -> None:
        """So many rows were added, and nothing else was done."""
        if rows:
            self._known.pop(self._identifier, None)
            self._note(_APPEND, rows)

    def rewriting(self, affected: str | None) -> int:
        """Rows will be changed or taken away: those whose `rowid` the query `affected` gives, or any. Returns what
        `rewritten` wants."""
        settled = self._known.pop(self._identifier, None) if self._alone else None
        if settled is None:
            found = self._cursor.execute(f"DESCRIBE {self._name.sql()}").fetchall()
            self._columns = tuple((row[0], row[1]) for row in found)
            self._log = self._open_log()
            self._flush()
        else:
            self._columns, self._log = settled.columns, settled.log
        if any(type_.endswith(_MOVING) or type_.startswith(_MOVING_STARTS) for _, type_ in self._columns):
            affected = None
        self._affected = affected
        change = self._ticks.number()
        where = "" if affected is None else f" WHERE rowid IN ({affected})"
        self._taken = self._number(
            f"INSERT INTO {self._log} SELECT {change}, -1, 0, rowid, {self._listed()} FROM {self._name.sql()}{where}"
        )
        return change

    def rewritten(self, change: int, *, inserted: int = 0, deleted: int = 0) -> None:
        """It is done: so many rows were added at the table's end, so many taken away, and any number changed."""
        if self._affected is None:
            added = self._number(
                f"INSERT INTO {self._log} SELECT {change}, 1, 0, NULL, {self._listed()} FROM {self._name.sql()}"
            )
            if self._taken or added:
                self._note(_REWRITE, 0, change)
            self._settled()
            return
        if self._taken > deleted:
            kept = self._number(
                f"INSERT INTO {self._log} SELECT {change}, 1, 0, NULL, {self._listed()} FROM {self._name.sql()} "
                f"WHERE rowid IN (SELECT rid FROM {self._log} WHERE change = {change} AND sign = -1)"
            )
            if kept != self._taken - deleted:
                self._lost(f"{kept} of {self._taken - deleted} changed rows are found again")
                return
        if self._taken:
            self._note(_REWRITE, 0, change)
        self._settled()
        self.appended(inserted)

    def _settled(self) -> None:
        if self._alone:
            self._known[self._identifier] = Settled(self._columns, self._log)

    def _listed(self) -> str:
        return ", ".join(quote(name) for name, _ in self._columns)

    def _open_log(self) -> str:
        """The table that takes the rows of this era. Transactions that know nothing of each other may each make one."""
        era = self._era()
        known = self._cursor.execute(
            f"SELECT min(name) FROM {self._own('logs')} WHERE table_id = ? AND era = ?", [self._identifier, era]
        ).fetchall()[0][0]
        if known is not None:
            return self._own(str(known))
        name = f"log_{self._identifier}_{self._ticks.number()}"
        columns = ", ".join(f"{quote(column)} AS c{index}" for index, (column, _) in enumerate(self._columns))
        self._cursor.execute(
            f"CREATE TABLE {self._own(name)} AS SELECT 0::BIGINT AS change, 0::TINYINT AS sign, 0::BIGINT AS flush, "
            f"0::BIGINT AS rid, {columns} FROM {self._name.sql()} LIMIT 0"
        ).fetchall()
        self._cursor.execute(
            f"INSERT INTO {self._own('logs')} VALUES (?, ?, ?)", [self._identifier, era, name]
        ).fetchall()
        return self._own(name)

    def _unflushed(self, condition: str) -> str:
        return (
            f"FROM {self._own('changes')} c WHERE c.table_id = {self._identifier} AND c.kind = '{_APPEND}' "
            f"AND {condition} AND NOT EXISTS (SELECT 1 FROM {self._own('flushes')} f "
            f"WHERE f.table_id = {self._identifier} AND f.change = c.change)"
        )

    def _flush(self) -> None:
        """Copy the rows at the end that were noted by their number alone."""
        since = self._number(
            f"SELECT max(seq) FROM (SELECT seq FROM {self._own('eras')} WHERE table_id = {self._identifier} UNION ALL "
            f"SELECT seq FROM {self._own('changes')} WHERE table_id = {self._identifier} AND kind = '{_GAP}')"
        )
        waiting = self._unflushed(f"(c.seq IS NULL OR c.seq > {since})")
        total = self._number(f"SELECT sum(c.n) {waiting}")
        if not total:
            return
        if total > (there := self._number(f"SELECT count(*) FROM {self._name.sql()}")):
            self._lost(f"{there} rows are there, of which {total} were added")
            return
        first = self._row_at(self._name.sql(), total)
        flush = self._ticks.number()
        listed = ", ".join(f"t.{quote(name)}" for name, _ in self._columns)
        self._cursor.execute(
            f"INSERT INTO {self._log} SELECT r.change, 1, {flush}, NULL, {listed} "
            f"FROM (SELECT row_number() OVER (ORDER BY rowid) AS {quote(_ROW)}, * FROM {self._name.sql()} "
            f"WHERE rowid >= {first}) t ASOF JOIN (SELECT c.change, "
            f"sum(c.n) OVER (ORDER BY coalesce(c.seq, {_NEVER}), c.change) - c.n AS before {waiting}) r "
            f"ON t.{quote(_ROW)} > r.before"
        ).fetchall()
        self._cursor.execute(
            f"INSERT INTO {self._own('flushes')} SELECT {self._identifier}, c.change, {flush} {waiting}"
        ).fetchall()

    def _lost(self, why: str) -> None:
        """What is noted does not agree with the rows, which should not be: nothing is known of what was before. The
        change itself goes on."""
        _log.error("Time Travel of %s begins anew: %s", self._name, why)
        self.forget(self._ticks.moment())

    def _row_at(self, base: str, from_end: int) -> int:
        """The `rowid` of the first of so many rows at a table's end."""
        if not from_end:
            return _NEVER
        there = self._number(f"SELECT count(*) FROM {base}")
        return self._number(f"SELECT rowid FROM {base} ORDER BY rowid LIMIT 1 OFFSET {there - from_end}")

    # --- the past

    def past(self, bound: Bound) -> Past | None:
        """The table as it was; None where that is not known."""
        known = f"{self._own('changes')} WHERE table_id IN ({_WHOLE_DATABASE}, {self._identifier}) AND kind = '{_GAP}'"
        if self._number(f"SELECT count(*) FROM {known} AND {bound.undone}"):
            return None
        eras = self._cursor.execute(
            f"SELECT era, seq, base, shape FROM {self._own('eras')} WHERE table_id = {self._identifier} "
            f"AND {bound.undone} ORDER BY era"
        ).fetchall()
        if eras:
            era, last, base, text = eras[0]
            base = base and self._own(base)
            condition = f"({bound.undone}) AND seq < {last}"
            names = Shape.load(text).names
        else:
            era = self._era()
            base, condition = self._name.sql(), bound.undone
            names = tuple(row[0] for row in self._cursor.execute(f"DESCRIBE {self._name.sql()}").fetchall())
        if not base:
            return None
        shapes = tuple(Shape.load(shape) for *_, shape in eras)
        added = self._number(f"SELECT sum(c.n) {self._unflushed(condition)}")
        query = f"SELECT {', '.join(quote(name) for name in names)} FROM {base}"
        if added:
            query += f" WHERE rowid < {self._row_at(base, added)}"
        logs = [
            str(row[0])
            for row in self._cursor.execute(
                f"SELECT name FROM {self._own('logs')} WHERE table_id = ? AND era = ?", [self._identifier, era]
            ).fetchall()
        ]
        undone = f"SELECT change FROM {self._own('changes')} WHERE table_id = {self._identifier} AND {condition}"
        flushes = f"FROM {self._own('flushes')} WHERE table_id = {self._identifier}"
        changed = f"({undone} AND (kind = '{_REWRITE}' OR change IN (SELECT change {flushes})))"
        if logs and self._number(f"SELECT count(*) FROM {changed}"):
            listed = ", ".join(f"c{index}" for index in range(len(names)))
            flushed = f"SELECT change, min(flush) {flushes} GROUP BY 1"
            here = [f"FROM {self._own(log)} WHERE change IN ({undone})" for log in logs]
            taken = " UNION ALL ".join(f"SELECT {listed} {log} AND sign = -1" for log in here)
            came = " UNION ALL ".join(
                f"SELECT {listed} {log} AND sign = 1 AND (flush = 0 OR (change, flush) IN ({flushed}))" for log in here
            )
            query = f"(({query}) UNION ALL ({taken})) EXCEPT ALL ({came})"
        return Past(query, names, shapes)

    # --- changes of columns

    def closing_sql(self, shape: Shape) -> list[str]:
        """The statements that end the era before the columns change."""
        number = self._ticks.number()
        base = f"era_{self._identifier}_{number}"
        return [
            f"CREATE TABLE {self._own(base)} AS SELECT * FROM {self._name.sql()}",
            f"INSERT INTO {self._own('eras')} VALUES ({self._identifier}, {self._era()}, {number}, "
            f"{time_literal(self._ticks.moment())}, {literal(self._query)}, {literal(base)}, {literal(shape.dump())})",
        ]

    def _era(self) -> int:
        return self._number(f"SELECT count(*) FROM {self._own('eras')} WHERE table_id = ?", self._identifier)

    # --- the end of what is kept

    def last_is_gap(self) -> bool:
        """Whether the newest that is noted is that nothing is known."""
        rows = self._cursor.execute(
            f"SELECT kind FROM {self._own('changes')} WHERE table_id = ? ORDER BY seq DESC NULLS FIRST LIMIT 1",
            [self._identifier],
        ).fetchall()
        return bool(rows) and rows[0][0] == _GAP

    def forget(self, moment: datetime) -> None:
        """Nothing is known of what was before."""
        self._cursor.execute(gap_sql(self._name.database, self._identifier, self._ticks.number(), moment)).fetchall()

    def discard(self, horizon: datetime) -> None:
        """Throw away what only serves a time before the horizon. Not in an open transaction."""
        old = f"table_id = {self._identifier} AND moment < {time_literal(horizon)}"
        changes = f"SELECT change FROM {self._own('changes')} WHERE {old}"
        eras = f"FROM {self._own('eras')} WHERE {old} AND base <> ''"
        if not self._number(f"SELECT (SELECT count(*) FROM ({changes})) + (SELECT count(*) {eras})"):
            return
        logs = f"FROM {self._own('logs')} WHERE table_id = {self._identifier}"
        ended = {int(row[0]) for row in self._cursor.execute(f"SELECT era {eras}").fetchall()}
        bases = self._cursor.execute(f"SELECT base {eras}").fetchall()
        for era, log in self._cursor.execute(f"SELECT era, name {logs}").fetchall():
            if era in ended:
                bases.append((log,))
            else:
                self._cursor.execute(f"DELETE FROM {self._own(log)} WHERE change IN ({changes})").fetchall()
        for (base,) in bases:
            self._cursor.execute(f"DROP TABLE {self._own(base)}").fetchall()
        if ended:
            listed = ", ".join(str(era) for era in ended)
            self._cursor.execute(f"DELETE {logs} AND era IN ({listed})").fetchall()
        self._cursor.execute(
            f"DELETE FROM {self._own('flushes')} WHERE table_id = {self._identifier} AND change IN ({changes})"
        ).fetchall()
        self._cursor.execute(f"DELETE FROM {self._own('changes')} WHERE {old}").fetchall()
        self._cursor.execute(f"UPDATE {self._own('eras')} SET base = '' WHERE {old}").fetchall()


def forget_all_sql(database: str, tables: Sequence[int]) -> list[str]:
    """The statements that throw the lines on tables away that are gone. Their copies of rows: `copies_of`."""
    listed = ", ".join(str(table) for table in tables)
    return [f"DELETE FROM {place(database, name)} WHERE table_id IN ({listed})" for name in _TABLES] if tables else []


def copies_of(cursor: duckdb.DuckDBPyConnection, database: str, tables: Sequence[int]) -> list[str]:
    """The tables with copies of rows of these tables, as SQL."""
    if not tables:
        return []
    listed = ", ".join(str(table) for table in tables)
    rows = cursor.execute(
        f"SELECT name FROM {place(database, 'logs')} WHERE table_id IN ({listed}) UNION ALL "
        f"SELECT base FROM {place(database, 'eras')} WHERE table_id IN ({listed}) AND base <> ''"
    ).fetchall()
    return [place(database, str(row[0])) for row in rows]
