"""One batch from its beginning to its verdict: read, decide, write, read back, compare.

What the tables have is asked of Snowflake at the beginning and at the end, so that a batch may be killed at any moment
and taken up again: the second run finds what is there and goes on with the rest.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cli.migrate.journal import PRESENT, QUARANTINED, WRITE, Journal
from cli.migrate.mapping import SOURCE_SYSTEM, TABLES, RefusedError, Table, map_document
from cli.migrate.source import Item, Source
from cli.migrate.survey import assign, decide, name_of, survey
from cli.migrate.target import Found, Target
from cli.migrate.users import UserMap
from cli.migrate.values import UnreadableError, decode, row_digest

ROWS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 4_000_000
_BYTES_HELD: Final = 32_000_000
_READ_BACK: Final = 8_000_000
_NAMED: Final = 20
_AT_ONCE: Final = 2
_TOKENS: Final = ("PROMPT_TOKENS", "COMPLETION_TOKENS", "CACHE_WRITE_TOKENS", "CACHE_READ_TOKENS")

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
        """The second reading: make the rows, write those that are not there, and keep each one's digest.

        Rows are made while those before them are on their way.
        """
        todo = self.journal.value(
            "SELECT COUNT(*) FROM document WHERE fate IN ('write', 'present') AND collection <> 'transactions'"
        )
        step = "writing" if write else "computing"
        buffers: dict[tuple[str, str], _Buffer] = {}
        held = done = 0
        with ThreadPoolExecutor(_AT_ONCE) as worker:
            sending = _Sending(worker, targets, self.journal, self.identifier, self.now)
            for number, tenant, table, row, send in self._mapped():
                buffer = buffers.get((tenant, table.name))
                if buffer is None:
                    buffer = buffers[tenant, table.name] = _Buffer(tenant, table)
                cells = [row[column] for column in table.columns]
                digest = row_digest(cells, table.columns)
                if send and write:
                    size = sum(len(cell) for cell in cells if cell is not None)
                    if buffer.rows and (buffer.size + size > BYTES_AT_ONCE or len(buffer.rows) >= ROWS_AT_ONCE):
                        held -= buffer.size
                        sending.flush(buffer)
                    buffer.rows.append(cells)
                    buffer.size += size
                    held += size
                buffer.digests.append((digest, number))
                if held > _BYTES_HELD:
                    largest = max(buffers.values(), key=lambda each: each.size)
                    held -= largest.size
                    sending.flush(largest)
                if len(buffer.digests) >= 2 * ROWS_AT_ONCE:
                    held -= buffer.size
                    sending.flush(buffer)
                done += 1
                if done % ROWS_AT_ONCE == 0:
                    self.tick(step, done, todo)
            for buffer in buffers.values():
                sending.flush(buffer)
            sending.settle()
        self.tick(step, done, todo)

    def _mapped(self) -> Iterator[tuple[int, str, Table, dict[str, str | None], bool]]:
        """Each document that is carried: its number, organisation, table, row, and whether it is to be sent."""
        journal, changed = self.journal, []
        # Counted at the first reading already.
        left_out: Counter[str] = Counter()
        for item, known in self._paired():
            if known is None:
                continue
            number, fate, user, tenant, written, content, source_bytes, *tokens = known
            if fate not in (WRITE, PRESENT) or item.collection == "transactions":
                continue
            try:
                if len(item.data) != source_bytes:
                    raise RefusedError("changed", "")
                document = decode(item.data)
                if not _same(item.data, content):
                    raise RefusedError("changed", "")
                mapped = map_document(item.collection, document, left_out)
                row = self._completed(mapped.row, mapped.table, user, mapped.key, tenant, tokens)
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
        columns = (
            "d.number, d.fate, d.user, d.tenant, d.written, d.content, d.bytes, "
            "m.prompt, m.completion, m.written, m.read"
        )
        # What a message cost is said by other documents, and was added up before.
        documents = (
            "document d LEFT JOIN message_cost m ON d.collection = 'messages' AND m.user = d.user AND m.message = d.key"
        )
        live = not self.source.meter.total
        entries = self.journal.each(f"SELECT {columns}, d.collection FROM {documents} ORDER BY d.number")  # noqa: S608
        for item in self.source.items():
            if live:
                # What came or went in between has moved everything after it.
                source = _source_id(item)
                rows = self.journal.rows(
                    f"SELECT {columns} FROM {documents} "  # noqa: S608
                    "WHERE d.collection = ? AND d.source_id = ? ORDER BY d.number LIMIT 1",
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
        self, row: dict[str, str | None], table: str, user: str, key: str, tenant: str, tokens: Sequence[int | None]
    ) -> dict[str, str | None]:
        """A row with what other documents say about it."""
        row["TENANT_ID"], row["USER_ID"] = tenant, user
        journal = self.journal
        if table == "CONVERSATIONS":
            size = journal.value(
                "SELECT messages FROM conversation_size WHERE user = ? AND conversation = ?", user, key
            )
            cost = journal.value("SELECT tokens FROM conversation_cost WHERE user = ? AND conversation = ?", user, key)
            row |= {"MESSAGE_COUNT": str(size or 0), "TOTAL_TOKENS": None if cost is None else str(cost)}
        elif table == "CHAT_MESSAGES":
            for name, value in zip(_TOKENS, tokens, strict=True):
                row[name] = None if value is None else str(value)
        return row

    def compare(self, targets: Mapping[str, Target]) -> list[str]:
        """Read back every migrated row and hold it against its document. What does not fit, each named."""
        journal, problems = self.journal, []
        journal.run("UPDATE document SET found = NULL WHERE found IS NOT NULL")
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
                for matched, of_batch, unknown in self._matched(target, tenant, table):
                    done, rows_of_batch, strangers = done + matched, rows_of_batch + of_batch, strangers + unknown
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

    def _matched(self, target: Target, tenant: str, table: Table) -> Iterator[tuple[int, int, int]]:
        """Note each row's digest at its document, a range at a time.

        Of each range: how many rows have a document, how many are of this batch, and how many of these have none.
        """
        journal, mine = self.journal, SOURCE_SYSTEM + self.identifier
        ranges = self._ranges(tenant, table)
        # Rows of other batches count only where they are this one's documents too: there may be many more of them.
        shared = journal.value(
            "SELECT COUNT(*) FROM document WHERE tenant = ? AND target = ? AND fate = ?", tenant, table.name, PRESENT
        )
        origin = SOURCE_SYSTEM + "%" if shared else mine

        def read(bounds: tuple[str | None, str | None]) -> list[Found]:
            return list(target.found(table, origin, *bounds))

        with ThreadPoolExecutor(1) as worker:
            # The next range is on its way while this one is compared.
            coming = worker.submit(read, ranges[0])
            for index, bounds in enumerate(ranges):
                rows = coming.result()
                if index + 1 < len(ranges):
                    coming = worker.submit(read, ranges[index + 1])
                documents = self._documents(tenant, table, *bounds)
                found: list[tuple[bytes, int]] = []
                of_batch = unknown = 0
                for row in rows:
                    is_mine = row.origin == mine
                    of_batch += is_mine
                    number = _taken(documents.get((row.source_id, row.kind)), row.digest)
                    if number is not None:
                        found.append((row.digest, number))
                    else:
                        unknown += is_mine
                with journal.transaction():
                    journal.database.executemany("UPDATE document SET found = ? WHERE number = ?", found)
                yield len(found), of_batch, unknown

    def _documents(
        self, tenant: str, table: Table, above: str | None, up_to: str | None
    ) -> dict[tuple[str, str], list[tuple[int, bytes]]]:
        """The documents of a range by SOURCE_ID and PREF_KIND: the number and the digest of each."""
        where, values = ["tenant = ?", "target = ?", "digest IS NOT NULL"], [tenant, table.name]
        for text, bound in (("source_id > ?", above), ("source_id <= ?", up_to)):
            if bound is not None:
                where.append(text)
                values.append(bound)
        documents: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        for number, source, collection, digest in self.journal.each(
            f"SELECT number, source_id, collection, digest FROM document WHERE {' AND '.join(where)}",  # noqa: S608
            *values,
        ):
            kind = "" if "PREF_KIND" not in table.columns else "profile" if collection == "users" else "preset"
            documents.setdefault((source, kind), []).append((number, digest))
        return documents

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
        if table.name == "CONVERSATIONS":
            # Its count of tokens is that of then: whether a transaction is in it, nobody can say.
            journal.run(
                f"UPDATE document SET {differs} WHERE tenant = ? AND collection = 'transactions' AND fate = ? "  # noqa: S608
                "AND EXISTS (SELECT 1 FROM document c WHERE c.target = 'CONVERSATIONS' AND c.user = document.user "
                "AND c.key = document.conversation AND c.reason = 'already-there-differs')",
                tenant,
                PRESENT,
            )
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
    """Rows of one table that were made and not sent yet."""

    tenant: str
    table: Table
    rows: list[Sequence[str | None]] = field(default_factory=list)
    digests: list[tuple[bytes, int]] = field(default_factory=list)
    size: int = 0


class _Sending:
    """Sends buffers, two at once, and notes each one's digests when Snowflake has said that it has the rows.

    Most of the time of a statement is spent on compressing it and on waiting, which two can do beside each other.
    """

    def __init__(
        self, worker: ThreadPoolExecutor, targets: Mapping[str, Target], journal: Journal, batch: str, now: datetime
    ) -> None:
        self._worker, self._targets, self._journal = worker, targets, journal
        self._batch, self._now = batch, now
        self._under_way: deque[tuple[Future[int] | None, list[tuple[bytes, int]]]] = deque()

    def flush(self, buffer: _Buffer) -> None:
        """Send what a buffer has, and empty it."""
        while len(self._under_way) >= _AT_ONCE:
            self._settle_first()
        sent = None
        if buffer.rows:
            target = self._targets[buffer.tenant]
            sent = self._worker.submit(target.insert, buffer.table, buffer.rows, self._batch, self._now)
        self._under_way.append((sent, buffer.digests))
        buffer.rows, buffer.digests, buffer.size = [], [], 0

    def settle(self) -> None:
        """Wait until nothing is under way. Raises what a statement raised."""
        while self._under_way:
            self._settle_first()

    def _settle_first(self) -> None:
        sent, digests = self._under_way.popleft()
        if sent is not None:
            sent.result()
        with self._journal.transaction():
            self._journal.database.executemany("UPDATE document SET digest = ? WHERE number = ?", digests)


def _taken(documents: list[tuple[int, bytes]] | None, digest: bytes) -> int | None:
    """The document that a row is of, taken out of those that it can be of: its like, or else the first."""
    if not documents:
        return None
    for index, (_, known) in enumerate(documents):
        if known == digest:
            return documents.pop(index)[0]
    return documents.pop(0)[0]


def _same(data: bytes, content: bytes | None) -> bool:
    return content is not None and hashlib.sha256(data).digest() == content


def _source_id(item: Item) -> str | None:
    try:
        found = decode(item.data).get("_id")
    except UnreadableError:
        return None
    return name_of(found)
