"""The first reading: what every document is, and what becomes of it. Nothing is written to Snowflake here.

All decisions are taken on ids in the journal, so that a dump larger than memory is no matter, and each rule is one
statement over all documents at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from bson import Int64, ObjectId

from cli.migrate.dump import swallows
from cli.migrate.journal import PRESENT, QUARANTINED, SKIPPED, WRITE, Entry, Journal
from cli.migrate.mapping import (
    COLLECTIONS,
    SOURCE_SYSTEM,
    Mapped,
    RefusedError,
    Tokens,
    is_surely_small,
    map_document,
    map_tokens,
)
from cli.migrate.source import CREDENTIALS, Item, Source
from cli.migrate.users import UserMap
from cli.migrate.values import UnreadableError, decode, judge_fields

_AT_ONCE: Final = 2_000
_UNREADABLE: Final = "unreadable"
_DAMAGED: Final = "damaged"
_IDS: Final = (ObjectId, str, int, Int64)


def survey(source: Source, journal: Journal, users: UserMap, tick: Callable[[int], None]) -> None:
    """Read everything once and note what it is; `tick` hears how many documents were read."""
    journal.forget()
    emails = users.emails
    entries: list[Entry] = []
    tokens: list[tuple[Any, ...]] = []
    people: list[tuple[str, str]] = []
    left_out: Counter[str] = Counter()
    read: Counter[str] = Counter()
    unread = 0

    def flush() -> None:
        with journal.transaction():
            journal.add(entries)
            journal.database.executemany("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tokens)
            journal.database.executemany("INSERT INTO person VALUES (?, ?)", people)
        entries.clear()
        tokens.clear()
        people.clear()

    for number, item in enumerate(source.items(), 1):
        read[item.collection] += 1
        entry = _entry(number, item, left_out, tokens, people, emails)
        unread += entry.reason == _DAMAGED
        entries.append(entry)
        if len(entries) >= _AT_ONCE:
            flush()
            tick(number)
    flush()
    tick(sum(read.values()))
    journal.note(read=dict(read), unread=unread, left_out=dict(left_out), surveyed=True, notes=source.meter.notes)
    journal.index()


def _entry(
    number: int,
    item: Item,
    left_out: Counter[str],
    tokens: list[tuple[Any, ...]],
    people: list[tuple[str, str]],
    emails: frozenset[str],
) -> Entry:
    def entry(**values: Any) -> Entry:
        return Entry(number, item.collection, item.where, bytes=len(item.data) or item.lost, **values)

    target = COLLECTIONS.get(item.collection)
    if item.fault:
        detail = f"{item.fault}; {item.lost} bytes" if item.lost else item.fault
        return entry(target=target, fate=QUARANTINED, reason=_DAMAGED, detail=detail)
    if item.collection in CREDENTIALS:
        return entry(fate=SKIPPED, reason="credentials")
    source_id = None
    try:
        document = decode(item.data)
        source_id = name_of(document.get("_id"))
        judge_fields(item.data, document)
        if target is None:
            return entry(
                source_id=source_id, user=_user(document), fate=QUARANTINED, reason="no-table", detail="not one of ours"
            )
        if item.collection == "transactions":
            found = map_tokens(document)
            tokens.append(_token_row(number, found))
            return entry(
                source_id=source_id,
                user=found.user,
                said_tenant=found.tenant,
                target=target,
                conversation=found.conversation,
                content=hashlib.sha256(item.data).digest(),
            )
        mapped = map_document(item.collection, document, left_out, cells=not is_surely_small(len(item.data)))
    except UnreadableError as error:
        if swallows(item.data):
            detail = "its length is wrong: other documents stand in it"
            return entry(target=target, fate=QUARANTINED, reason=_DAMAGED, detail=detail)
        return entry(source_id=source_id, target=target, fate=QUARANTINED, reason=_UNREADABLE, detail=f"BSON: {error}")
    except RefusedError as error:
        return entry(
            source_id=source_id,
            user=_user(document) if item.collection != "users" else source_id,
            target=target,
            fate=QUARANTINED,
            reason=error.reason,
            detail=error.detail,
        )
    email = document.get("email") if item.collection == "users" else None
    if isinstance(email, str) and email.lower() in emails and mapped.user:
        people.append((address_digest(email), mapped.user))
    return entry(
        source_id=source_id,
        user=mapped.user or None,
        said_tenant=mapped.tenant,
        target=target,
        key=mapped.key,
        conversation=mapped.conversation,
        parent=mapped.parent,
        expires=_milliseconds(mapped),
        content=hashlib.sha256(item.data).digest(),
    )


def address_digest(address: str) -> str:
    """A mail address as the journal knows it: it holds ids and digests, and nobody's address."""
    return hashlib.sha256(address.lower().encode()).hexdigest()


def _user(document: dict[str, Any]) -> str | None:
    return name_of(document.get("user"), 128)


def name_of(value: Any, longest: int = 24) -> str | None:
    """What names a document or a user, as text; nothing else is written down, since it could hold content."""
    return str(value)[:longest] if type(value) in _IDS and value != "" else None


def _milliseconds(mapped: Mapped) -> int | None:
    return None if mapped.expires is None else int(mapped.expires.timestamp() * 1000)


def _token_row(number: int, found: Tokens) -> tuple[Any, ...]:
    return (
        number,
        found.user,
        found.conversation,
        found.message,
        found.kind,
        found.amount,
        found.written,
        found.read,
    )


# --- what becomes of them


def assign(journal: Journal, users: UserMap, known: frozenset[str]) -> None:
    """Give every document its organisation: from the map, and from nothing else.

    Raises `ValueError` where two accounts have a mapped mail address, since nobody can say which one is meant.
    """
    twice = journal.value("SELECT COUNT(*) FROM (SELECT 1 FROM person GROUP BY email HAVING COUNT(DISTINCT user) > 1)")
    if twice:
        raise ValueError(f"{twice} mail addresses of the map belong to several accounts: map their ids instead")
    by_email = dict(journal.rows("SELECT email, user FROM person"))
    organizations: dict[str, str] = {}
    clashes = 0
    for user, tenant in users.organizations.items():
        identifier = by_email.get(address_digest(user)) if "@" in user else user
        if identifier is not None:
            clashes += organizations.setdefault(identifier, tenant) != tenant
    if clashes:
        raise ValueError(f"{clashes} accounts are mapped to one organisation by id and to another by mail address")
    with journal.transaction():
        journal.run("DELETE FROM organization")
        journal.database.executemany("INSERT INTO organization VALUES (?, ?)", list(organizations.items()))
        # Messages of the first releases name no user: theirs is their conversation's, if that is one alone.
        journal.run(
            "UPDATE document SET user = (SELECT MIN(c.user) FROM document c WHERE c.target = 'CONVERSATIONS' "
            "AND c.conversation = document.conversation HAVING COUNT(DISTINCT c.user) = 1) "
            "WHERE target = 'CHAT_MESSAGES' AND user IS NULL AND conversation IS NOT NULL"
        )
        journal.run(
            "UPDATE document SET tenant = (SELECT tenant FROM organization o WHERE o.user = document.user), "
            "written = 0, digest = NULL, found = NULL"
        )
        # What the later rules decided before a kill is decided anew.
        journal.run("UPDATE document SET fate = NULL, reason = NULL, detail = NULL WHERE content IS NOT NULL")
        _decide(journal, QUARANTINED, "no-organisation", "the map has no organisation for the user", "tenant IS NULL")
        names = ", ".join(f"'{name}'" for name in sorted(known))
        _decide(
            journal,
            QUARANTINED,
            "organisation-contradicted",
            "tenantId names another organisation than the map",
            f"said_tenant IN ({names}) AND said_tenant <> tenant",
        )
    journal.note(mapped_users=len(organizations), users_not_found=len(users.organizations) - len(organizations))


def _decide(journal: Journal, fate: str, reason: str, detail: str | None, where: str) -> int:
    return journal.run(
        f"UPDATE document SET fate = ?, reason = ?, detail = ? WHERE fate IS NULL AND ({where})",  # noqa: S608
        fate,
        reason,
        detail,
    )


def decide(journal: Journal, batch: str, now: datetime, tenants: frozenset[str]) -> None:
    """Settle each document's fate, in the order of the rules; `present` holds the keys that the tables have."""
    moment = int(now.timestamp() * 1000)
    chosen = ", ".join(f"'{name}'" for name in sorted(tenants))
    with journal.transaction():
        _decide(journal, SKIPPED, "other-organisation", None, f"tenant NOT IN ({chosen})")
        _decide(journal, SKIPPED, "expired", None, f"expires <= {moment}")
        _duplicates(journal)
        _already_there(journal, batch)
        _orphans(journal)
        _transactions(journal)
        _decide(journal, WRITE, "", None, "TRUE")
        journal.run("UPDATE document SET reason = NULL WHERE fate = ?", WRITE)
        _add_up(journal)


def _duplicates(journal: Journal) -> None:
    """Of documents that have one key, or one `_id`, the first counts."""
    for columns, reason, detail in (
        ("target, user, key", "duplicate-key", "another document has the same key and other content"),
        ("collection, source_id", "duplicate-id", "another document has the same _id and other content"),
    ):
        names = columns.split(", ")
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        same = " AND ".join(f"d.{name} = g.{name}" for name in names)
        journal.run("CREATE TEMP TABLE IF NOT EXISTS later (number INTEGER PRIMARY KEY, same INTEGER)")
        journal.run("DELETE FROM later")
        # Found first and decided then: the rule must not see its own decisions.
        journal.run(
            f"INSERT INTO later SELECT d.number, d.content = f.content FROM (SELECT {columns}, MIN(number) AS first "  # noqa: S608
            f"FROM document WHERE fate IS NULL AND {there} GROUP BY {columns} HAVING COUNT(*) > 1) g "
            f"JOIN document d ON {same} AND d.number > g.first AND d.fate IS NULL JOIN document f ON f.number = g.first"
        )
        _decide(journal, SKIPPED, "duplicate", None, "number IN (SELECT number FROM later WHERE same)")
        _decide(journal, QUARANTINED, reason, detail, "number IN (SELECT number FROM later)")


def _already_there(journal: Journal, batch: str) -> None:
    here = (
        "EXISTS (SELECT 1 FROM present p WHERE p.tenant = document.tenant AND p.target = document.target "
        "AND p.user = document.user AND p.key = document.key AND {})"
    )
    mine = f"p.origin = '{SOURCE_SYSTEM}{batch}'"
    migrated = f"p.origin LIKE '{SOURCE_SYSTEM}%'"
    journal.run(f"UPDATE document SET written = 1 WHERE fate IS NULL AND {here.format(mine)}")  # noqa: S608
    _decide(journal, PRESENT, "already-there", None, f"written = 0 AND {here.format(migrated)}")
    _decide(
        journal,
        QUARANTINED,
        "key-taken",
        "the table has a row of this key that no migration wrote",
        f"written = 0 AND {here.format('TRUE')}",
    )


def _orphans(journal: Journal) -> None:
    conversation = (
        "EXISTS (SELECT 1 FROM document c WHERE c.target = 'CONVERSATIONS' AND c.user = document.user "
        "AND c.conversation = document.conversation AND (c.fate IS NULL OR c.fate = 'present')) "
        "OR EXISTS (SELECT 1 FROM present p WHERE p.tenant = document.tenant AND p.target = 'CONVERSATIONS' "
        "AND p.user = document.user AND p.key = document.conversation)"
    )
    _decide(
        journal,
        QUARANTINED,
        "orphaned",
        "its conversation is not there, or is not carried",
        f"collection = 'messages' AND NOT ({conversation})",
    )
    journal.run("CREATE TEMP TABLE IF NOT EXISTS whole (number INTEGER PRIMARY KEY)")
    journal.run("DELETE FROM whole")
    # A message counts when the way to its conversation's beginning is whole: from parent to child, roots first.
    journal.run(
        "INSERT INTO whole WITH RECURSIVE reached (number, user, conversation, key) AS ("
        "SELECT number, user, conversation, key FROM document m WHERE m.target = 'CHAT_MESSAGES' AND m.key IS NOT NULL "
        "AND (m.fate IS NULL OR m.fate = 'present') AND (m.parent IS NULL OR EXISTS (SELECT 1 FROM present p "
        "WHERE p.tenant = m.tenant AND p.target = 'CHAT_MESSAGES' AND p.user = m.user AND p.key = m.parent "
        "AND p.conversation = m.conversation)) "
        "UNION SELECT c.number, c.user, c.conversation, c.key FROM reached r JOIN document c "
        "ON c.target = 'CHAT_MESSAGES' AND c.user = r.user AND c.conversation = r.conversation AND c.parent = r.key "
        "WHERE c.key IS NOT NULL AND (c.fate IS NULL OR c.fate = 'present')) SELECT number FROM reached"
    )
    _decide(
        journal,
        QUARANTINED,
        "orphaned",
        "the chain of its parents is not whole: one is not there, or is not carried",
        "collection = 'messages' AND number NOT IN (SELECT number FROM whole)",
    )


def _transactions(journal: Journal) -> None:
    mine = "collection = 'transactions' AND "
    kind = "(SELECT t.kind FROM tokens t WHERE t.number = document.number)"
    _decide(journal, SKIPPED, "balance", None, f"{mine}{kind} = 'credits'")
    carried = (
        "EXISTS (SELECT 1 FROM document c WHERE c.target = 'CONVERSATIONS' AND c.user = document.user "
        "AND c.key = document.conversation AND (c.fate IS NULL OR c.fate = 'present'))"
    )
    _decide(
        journal,
        QUARANTINED,
        "orphaned",
        "its conversation is not there, or is not carried",
        f"{mine}NOT ({carried})",
    )
    there = carried.replace("(c.fate IS NULL OR c.fate = 'present')", "c.fate = 'present'")
    _decide(journal, PRESENT, "already-there", None, f"{mine}{there}")


def _add_up(journal: Journal) -> None:
    """What rows say about several documents: tokens of a message and of a conversation, messages of a conversation."""
    for table in ("message_cost", "conversation_cost", "conversation_size"):
        journal.run(f"DELETE FROM {table}")  # noqa: S608 - names of ours
    carried = "FROM tokens t JOIN document d USING (number) WHERE d.fate IN ('write', 'present') AND"
    journal.run(
        "INSERT INTO message_cost SELECT t.user, t.message, "
        "SUM(CASE t.kind WHEN 'prompt' THEN t.amount END), SUM(CASE t.kind WHEN 'completion' THEN t.amount END), "
        f"SUM(t.written), SUM(t.read) {carried} t.message IS NOT NULL GROUP BY t.user, t.message"
    )
    journal.run(
        "INSERT INTO conversation_cost SELECT t.user, t.conversation, SUM(t.amount) "
        f"{carried} TRUE GROUP BY t.user, t.conversation"
    )
    journal.run(
        "INSERT INTO conversation_size SELECT user, conversation, COUNT(*) FROM document "
        "WHERE collection = 'messages' AND fate IN ('write', 'present') GROUP BY user, conversation"
    )
