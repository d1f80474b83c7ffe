"""One batch from its beginning to its verdict: read, decide, write, read back, compare.

What the tables have is asked of Snowflake at the beginning and at the end, so that a batch may be killed at any moment
and taken up again: the second run finds what is there and goes on with the rest.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cli.migrate.journal import PRESENT, QUARANTINED, WRITE, Journal
from cli.migrate.mapping import SOURCE_SYSTEM, TABLES, RefusedError, Table, map_document
from cli.migrate.source import Item, Source
from cli.migrate.survey import assign, decide, survey
from cli.migrate.target import Target
from cli.migrate.users import UserMap
from cli.migrate.values import UnreadableError, decode, row_digest

ROWS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 4_000_000
_BYTES_HELD: Final = 32_000_000
_READ_BACK: Final = 8_000_000
_NAMED: Final = 20

Tick = Callable[[str, int, int], None]
"""Hears how far a step is: its name, what is done, and what there is to do (0 where nobody knows)."""


@dataclass
class Batch:
    """What a run needs. `tenants` are those to carry, `known` all that are declared."""

    identifier: str
    journal: Journal
    source: Source
    users: UserMap
    known: frozenset[str]
    tenants: frozenset[str]
    now: datetime
    tick: Tick = lambda _step, _done, _all: None
    _buffers: dict[tuple[str, str], _Buffer] = field(default_factory=dict)

    # --- the steps

    def read(self) -> None:
        """The first reading, unless it was done before a kill; and each document's organisation."""
        if not self.journal.fact("surveyed"):
            meter = self.source.meter

            def ticked(_count: int) -> None:
                self.tick("reading", meter.done, meter.total)

            survey(self.source, self.journal, self.users, ticked)
        assign(self.journal, self.users, self.known)

    def needed(self) -> list[str]:
        """The chosen organisations that have documents to carry."""
        found = self.journal.rows("SELECT DISTINCT tenant FROM document WHERE fate IS NULL")
        return sorted({tenant for (tenant,) in found} & self.tenants)

    def look(self, targets: Mapping[str, Target]) -> None:
        """Note which keys the tables have."""
        journal = self.journal
        with journal.transaction():
            journal.run("DELETE FROM present")
            for tenant, target in targets.items():
                for table in TABLES.values():
                    journal.database.executemany(
                        "INSERT INTO present VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (
                            (tenant, table.name, user, key, origin, source, conversation)
                            for user, key, origin, source, conversation in target.keys(table)
                        ),
                    )

    def decide(self) -> None:
        """Settle what becomes of each document."""
        decide(self.journal, self.identifier, self.now, self.tenants)

    def carry(self, targets: Mapping[str, Target], *, write: bool = True) -> None:
        """The second reading: make the rows, write those that are not there, and keep each one's digest."""
        todo = self.journal.value(
            "SELECT COUNT(*) FROM document WHERE fate IN ('write', 'present') AND collection <> 'transactions'"
        )
        self._buffers.clear()
        held = done = 0
        for number, tenant, table, row, send in self._mapped():
            buffer = self._buffers.setdefault((tenant, table.name), _Buffer())
            digest = row_digest(row, table.columns)
            if send and write:
                cells = [row[column] for column in table.columns]
                size = sum(len(cell) for cell in cells if cell is not None)
                if buffer.rows and (buffer.size + size > BYTES_AT_ONCE or len(buffer.rows) >= ROWS_AT_ONCE):
                    held -= buffer.size
                    self._flush(tenant, table, buffer, targets)
                buffer.rows.append(cells)
                buffer.size += size
                held += size
            buffer.digests.append((digest, number))
            if held > _BYTES_HELD:
                held -= self._flush_largest(targets)
            if len(buffer.digests) >= 2 * ROWS_AT_ONCE:
                held -= buffer.size
                self._flush(tenant, table, buffer, targets)
            done += 1
            if done % ROWS_AT_ONCE == 0:
                self.tick("writing" if write else "computing", done, todo)
        for (tenant, name), buffer in self._buffers.items():
            self._flush(tenant, TABLES[name], buffer, targets)
        self.tick("writing" if write else "computing", done, todo)

    def _flush_largest(self, targets: Mapping[str, Target]) -> int:
        (tenant, name), buffer = max(self._buffers.items(), key=lambda item: item[1].size)
        size = buffer.size
        self._flush(tenant, TABLES[name], buffer, targets)
        return size

    def _flush(self, tenant: str, table: Table, buffer: _Buffer, targets: Mapping[str, Target]) -> None:
        if buffer.rows:
            targets[tenant].insert(table, buffer.rows, self.identifier, self.now)
        if buffer.digests:
            with self.journal.transaction():
                self.journal.database.executemany("UPDATE document SET digest = ? WHERE number = ?", buffer.digests)
        buffer.rows.clear()
        buffer.digests.clear()
        buffer.size = 0

    def _mapped(self) -> Iterator[tuple[int, str, Table, dict[str, str | None], bool]]:
        """Each document that is carried: its number, organisation, table, row, and whether it is to be sent."""
        journal, changed = self.journal, []
        # Counted at the first reading already.
        left_out: Counter[str] = Counter()
        for item, known in self._paired():
            if known is None:
                continue
            number, fate, user, tenant, written, content, source_bytes = known
            if fate not in (WRITE, PRESENT) or item.collection == "transactions":
                continue
            try:
                if len(item.data) != source_bytes:
                    raise RefusedError("changed", "")
                document = decode(item.data)
                if not _same(item.data, content):
                    raise RefusedError("changed", "")
                mapped = map_document(item.collection, document, left_out)
                row = self._completed(mapped.row, mapped.table, user, mapped.key, tenant)
            except (RefusedError, UnreadableError):
                changed.append(number)
                continue
            yield number, tenant, TABLES[mapped.table], row, fate == WRITE and not written
        for number in changed:
            journal.run(
                "UPDATE document SET fate = ?, reason = 'changed-while-read', detail = ? WHERE number = ?",
                QUARANTINED,
                "it was another document at the second reading",
                number,
            )

    def _paired(self) -> Iterator[tuple[Item, tuple[Any, ...] | None]]:
        """The second reading's documents with what the first one found."""
        columns = "number, fate, user, tenant, written, content, bytes"
        live = not self.source.meter.total
        entries = self.journal.each(f"SELECT {columns}, collection FROM document ORDER BY number")  # noqa: S608
        for item in self.source.items():
            if live:
                # What came or went in between has moved everything after it.
                source = _source_id(item)
                rows = self.journal.rows(
                    f"SELECT {columns} FROM document WHERE collection = ? AND source_id = ? ORDER BY number LIMIT 1",  # noqa: S608
                    item.collection,
                    source,
                )
                yield item, rows[0] if rows else None
                continue
            entry = next(entries, None)
            if entry is None or entry[-1] != item.collection:
                raise RuntimeError("the dump is not what it was at the first reading: begin again with a still one")
            yield item, entry[:-1]

    def _completed(
        self, row: dict[str, str | None], table: str, user: str, key: str, tenant: str
    ) -> dict[str, str | None]:
        """A row with what it says about other documents."""
        row |= {"TENANT_ID": tenant, "USER_ID": user}
        journal = self.journal
        if table == "CONVERSATIONS":
            size = journal.value(
                "SELECT messages FROM conversation_size WHERE user = ? AND conversation = ?", user, key
            )
            tokens = journal.value(
                "SELECT tokens FROM conversation_cost WHERE user = ? AND conversation = ?", user, key
            )
            row |= {"MESSAGE_COUNT": str(size or 0), "TOTAL_TOKENS": None if tokens is None else str(tokens)}
        elif table == "CHAT_MESSAGES":
            costs = journal.rows(
                "SELECT prompt, completion, written, read FROM message_cost WHERE user = ? AND message = ?", user, key
            )
            if costs:
                names = ("PROMPT_TOKENS", "COMPLETION_TOKENS", "CACHE_WRITE_TOKENS", "CACHE_READ_TOKENS")
                row |= {
                    name: None if value is None else str(value) for name, value in zip(names, costs[0], strict=True)
                }
        return row

    def compare(self, targets: Mapping[str, Target]) -> list[str]:
        """Read back every migrated row and hold it against its document. What does not fit, each named."""
        journal, problems = self.journal, []
        journal.run("UPDATE document SET found = NULL WHERE found IS NOT NULL")
        mine = SOURCE_SYSTEM + self.identifier
        total = journal.value("SELECT COUNT(*) FROM document WHERE digest IS NOT NULL")
        done = 0
        for tenant, target in targets.items():
            counted = target.counts(self.identifier)
            carried = {
                name
                for (name,) in journal.rows(
                    "SELECT DISTINCT target FROM document WHERE tenant = ? AND digest IS NOT NULL", tenant
                )
            }
            for table in TABLES.values():
                if table.name not in carried:
                    if counted[table.name]:
                        problems.append(f"{tenant} {table.name}: {counted[table.name]} rows belong to no document")
                    continue
                strangers = rows_of_batch = 0
                for above, up_to in self._ranges(tenant, table):
                    with journal.transaction():
                        for found in target.found(table, above, up_to):
                            rows_of_batch += found.origin == mine
                            matched = journal.run(
                                "UPDATE document SET found = ? WHERE tenant = ? AND target = ? AND source_id = ? "
                                "AND digest IS NOT NULL AND found IS NULL AND (? = '' OR ? = "
                                "CASE collection WHEN 'users' THEN 'profile' ELSE 'preset' END)",
                                found.digest,
                                tenant,
                                table.name,
                                found.source_id,
                                found.kind,
                                found.kind,
                            )
                            strangers += found.origin == mine and matched != 1
                            done += matched
                    self.tick("comparing", done, total)
                problems += self._differences(tenant, table, strangers)
                if counted[table.name] != rows_of_batch:
                    problems.append(
                        f"{tenant} {table.name}: {counted[table.name]} rows counted, {rows_of_batch} rows read back"
                    )
                if repeated := target.repeated(table):
                    problems.append(f"{tenant} {table.name}: {repeated} keys stand in more than one row")
            if "CHAT_MESSAGES" not in carried:
                continue
            if broken := target.broken_chains():
                problems.append(f"{tenant} CHAT_MESSAGES: {broken} migrated messages have lost their parent")
            if lonely := target.without_conversation():
                problems.append(f"{tenant} CHAT_MESSAGES: {lonely} migrated messages have no conversation")
        return problems

    def _ranges(self, tenant: str, table: Table) -> list[tuple[str | None, str | None]]:
        """Ranges of SOURCE_ID with so many rows, or so many bytes, as are read at once."""
        bounds: list[str] = []
        count = size = 0
        for source, bytes_ in self.journal.each(
            "SELECT source_id, bytes FROM document WHERE tenant = ? AND target = ? AND digest IS NOT NULL "
            "ORDER BY source_id",
            tenant,
            table.name,
        ):
            count, size = count + 1, size + bytes_
            if count >= 2 * ROWS_AT_ONCE or size > _READ_BACK:
                if not bounds or bounds[-1] != source:
                    bounds.append(source)
                count = size = 0
        edges: list[str | None] = [None, *bounds, None]
        return list(itertools.pairwise(edges))

    def _differences(self, tenant: str, table: Table, strangers: int) -> list[str]:
        journal = self.journal
        where = "tenant = ? AND target = ? AND collection <> 'transactions' AND fate = ?"
        here = tenant, table.name
        # What an earlier batch wrote and the source has otherwise now is nobody's error: it is set aside.
        differs = "fate = 'quarantined', reason = 'already-there-differs', detail = 'written otherwise before'"
        condition = "(found IS NULL OR found <> digest)"
        journal.run(f"UPDATE document SET {differs} WHERE {where} AND {condition}", *here, PRESENT)  # noqa: S608
        problems = []
        for what, condition in (("not in the table", "found IS NULL"), ("differ", "found <> digest")):
            select = f"FROM document WHERE {where} AND {condition}"
            count = journal.value(f"SELECT COUNT(*) {select}", *here, WRITE)
            if count:
                names = journal.rows(f"SELECT source_id {select} ORDER BY number LIMIT {_NAMED}", *here, WRITE)
                listed = ", ".join(str(name) for (name,) in names) + (" …" if count > len(names) else "")
                problems.append(f"{tenant} {table.name}: {count} rows {what}: {listed}")
        if strangers:
            problems.append(f"{tenant} {table.name}: {strangers} rows of the batch belong to no document")
        return problems

    def write_quarantine(self, path: Path) -> int:
        """Write what was set aside, a line of JSON each, with its reason and without its content. How many."""
        new = path.with_name(path.name + ".new")
        count = 0
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            for row in self.journal.each(
                "SELECT tenant, collection, target, source_id, place, bytes, reason, detail FROM document "
                "WHERE fate = ? ORDER BY number",
                QUARANTINED,
            ):
                names = ("organization", "collection", "table", "source_id", "place", "bytes", "reason", "detail")
                file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
                count += 1
        new.replace(path)
        return count


@dataclass(slots=True)
class _Buffer:
    rows: list[Sequence[str | None]] = field(default_factory=list)
    digests: list[tuple[bytes, int]] = field(default_factory=list)
    size: int = 0


def _same(data: bytes, content: bytes | None) -> bool:
    return content is not None and hashlib.sha256(data).digest() == content


def _source_id(item: Item) -> str | None:
    try:
        return str(decode(item.data).get("_id"))[:24]
    except UnreadableError:
        return None
