"""An organisation's tables back to an earlier moment, or what was dropped back again, by Snowflake's Time Travel.

Statements are rendered first, and run where that is asked for: as SYSADMIN, who owns the tables (docs/roles.md). What
is there now is never overwritten: it goes on under a name of its own, and takes its place again by one statement. Rows
are counted and nothing of them is read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cli.access import StackAccess
from cli.connector import one_line, rows, rows_if_there
from cli.failure import BadInputError, FailureError
from policies.data_loss.names import sql
from policies.graph.resources import identifier

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

OWNER: Final = "SYSADMIN"
"""Owns databases, schemas and tables (docs/roles.md): no other role is needed to restore them, and none has less."""
_KEPT: Final = "__UNTIL_"
_KEPT_NAME: Final = re.compile(rf"{_KEPT}\d{{8}}T\d{{6}}Z\Z")
_ORGANIZATION: Final = re.compile(r"HCS\d{4}_DB")
"""An organisation's database (infra/naming.py)."""
_QUERY: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TABLE: Final = "snowflake:index/table:Table"
_SCHEMA: Final = "snowflake:index/schema:Schema"

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is restored: the content `at` a time, `before` a statement ran, or what was dropped (neither)."""

    at: datetime | None = None
    before: str | None = None

    @property
    def clause(self) -> str:
        if self.at is not None:
            return f"AT (TIMESTAMP => '{self.at.isoformat(timespec='microseconds')}'::TIMESTAMP_TZ)"
        return f"BEFORE (STATEMENT => '{self.before}')"

    def told(self) -> str:
        if self.at is not None:
            return f"at {self.at.isoformat(timespec='seconds')}"
        return f"before statement {self.before}" if self.before else "dropped"


def moment(at: str | None, before: str | None, dropped: bool) -> Moment:
    """Raises `BadInputError` unless exactly one is given, as it is to be written."""
    if sum((at is not None, before is not None, dropped)) != 1:
        raise BadInputError("--table and --schema go with exactly one of --at TIME, --before QUERY and --dropped")
    if before is not None and not _QUERY.fullmatch(before):
        raise BadInputError(f"--before {before}: no query id (such as 01b2c3d4-0000-1111-2222-333344445555)")
    if at is None:
        return Moment(before=before.lower() if before else None)
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        raise BadInputError(f"--at {at}: no ISO time (such as 2026-11-23T09:30:00Z)") from None
    return Moment(when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and what it is for."""

    why: str
    sql: str


@dataclass(slots=True)
class Restored:
    """One object that comes back: its statements in order, how to undo them, and what was counted."""

    name: Name
    statements: list[Statement]
    undo: list[str]
    finish: list[str]
    """What ends it, once nobody wants the way back any more."""
    now: int | None = None
    then: int | None = None
    aside: Name | None = None
    """What keeps the content of before, where there is some."""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "object": sql(self.name),
            "rows_now": self.now,
            "rows_then": self.then,
            "statements": [each.sql for each in self.statements],
            "undo": self.undo,
            "finish": self.finish,
            "notes": self.notes,
        }


@dataclass(slots=True)
class Restoration:
    """What a person or `--run` is to run, of one organisation."""

    tenant: str
    warehouse: str
    moment: Moment
    objects: list[Restored]

    def script(self) -> list[str]:
        """All of it as lines for a worksheet."""
        lines = [
            f"-- {self.tenant}: {self.moment.told()}. Nothing is overwritten: what is there now gets a name of its own",
            f"USE ROLE {OWNER};",
            f"USE WAREHOUSE {sql((self.warehouse,))};",
        ]
        for each in self.objects:
            lines += ["", f"-- {sql(each.name)}{_counted(each)}"]
            lines += [f"-- note: {note}" for note in each.notes]
            for statement in each.statements:
                lines += [f"-- {statement.why}", f"{statement.sql};"]
        lines += ["", "-- To undo it:", *(f"--   {line};" for each in self.objects for line in reversed(each.undo))]
        finish = [f"--   {line};" for each in self.objects for line in each.finish]
        if finish:
            lines += ["-- Once it is not wanted back (what is kept is not reached by the daily retention):", *finish]
        return lines


def _counted(each: Restored) -> str:
    if each.then is None:
        return ""
    return f": {each.then:,} rows then" + ("" if each.now is None else f", {each.now:,} now")


# ── what is meant ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organisation's place in the account."""

    name: str
    database: str
    schema: str
    warehouse: str


@dataclass(slots=True)
class Restorer:
    """Finds out what can be restored in a stack's account, and does it.

    Raises `BadInputError` for what cannot be restored and why, `FailureError` in Snowflake's words where it refuses.
    """

    access: StackAccess
    tenants: Mapping[str, Tenant]
    declared: frozenset[Name]
    """The tables and schemas that the stack declares."""
    shared: str

    @classmethod
    def of(cls, access: StackAccess) -> Restorer:
        state, outputs = access.state()
        tenants = {
            each["database"]: Tenant(name, each["database"], each["schema"], each["warehouse"])
            for name, each in outputs["tenants"].items()
        }
        declared = frozenset(
            tuple(str(each.inputs[key]).strip('"') for key in ("database", "schema", "name") if key in each.inputs)
            for type_ in (_TABLE, _SCHEMA)
            for each in state.of_type(type_)
        )
        return cls(access, tenants, declared, outputs["shared"]["database"])

    def tenant(self, names: Sequence[Name]) -> Tenant:
        """Whose these are."""
        for name in names:
            if name[0] == self.shared:
                raise BadInputError(
                    f"{sql(name)} holds rows of every organisation: to take one back would take all of them back. "
                    f"CREATE TABLE … CLONE {sql(name)} AT (…) makes a copy from which rows can be taken by hand."
                )
            if name[0] not in self.tenants:
                near = difflib.get_close_matches(name[0], self.tenants, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise BadInputError(f"{sql(name)}: no organisation of this stack has a database {name[0]}.{hint}")
        whose = {self.tenants[name[0]] for name in names}
        if len(whose) > 1:
            listed = ", ".join(sorted(each.name for each in whose))
            raise BadInputError(f"these are of several organisations ({listed}): one at a time.")
        return whose.pop()

    # ── rendering ────────────────────────────────────────────────────────────────────────────────────────────────────

    def tables(self, names: Sequence[Name], when: Moment) -> Restoration:
        tenant = self.tenant(names)
        with _asking(self.access, tenant.warehouse) as account:
            if when.at is None and when.before is None:
                found = [account.dropped_table(name, name in self.declared) for name in names]
            else:
                for name in names:
                    self._require_declared(name)
                found = [account.earlier(name, when) for name in names]
        return Restoration(tenant.name, tenant.warehouse, when, found)

    def schema(self, name: Name, when: Moment) -> Restoration:
        tenant = self.tenant([name])
        with _asking(self.access, tenant.warehouse) as account:
            if when.at is None and when.before is None:
                return Restoration(tenant.name, tenant.warehouse, when, [account.dropped_schema(name)])
            self._require_declared(name)
            known = [each for each in sorted(self.declared) if each[:-1] == name]
            return Restoration(tenant.name, tenant.warehouse, when, [account.earlier(each, when) for each in known])

    def _require_declared(self, name: Name) -> None:
        if name in self.declared:
            return
        alike = [sql(each) for each in self.declared if len(each) == len(name) and each[0] == name[0]]
        near = difflib.get_close_matches(sql(name), alike, n=1)
        hint = f" Did you mean {near[0]}?" if near else f" Declared: {', '.join(sorted(alike))}."
        raise BadInputError(f"{sql(name)} is not declared by this stack.{hint}")

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, restoration: Restoration) -> None:
        """Run its statements, and count. Raises `FailureError` with what was done by then, and how that is undone."""
        done: list[str] = []
        from snowflake.connector import Error

        try:
            with self.access.as_deploy_user(OWNER, restoration.warehouse) as cursor:
                for each in restoration.objects:
                    for statement in each.statements:
                        cursor.execute(statement.sql)
                    done[:0] = reversed(each.undo)
                    if each.then is not None and each.aside is not None:
                        each.now = _count(cursor, each.name)
                        each.notes += _of_columns(_columns(cursor, each.name), _columns(cursor, each.aside))
        except Error as error:
            told = "".join(f"\n  {line};" for line in done) or " nothing of it"
            raise FailureError(
                f"Snowflake refuses {self.access.deploy_user} as {OWNER}: {one_line(error)}\n"
                f"What was done is undone by:{told}"
            ) from None
        wrong = [
            f"{sql(each.name)} has {each.now:,} rows, and had {each.then:,}"
            for each in restoration.objects
            if each.then != each.now and each.then is not None
        ]
        if wrong:
            raise FailureError("it was run; somebody wrote meanwhile, or it is not as it was:\n" + "\n".join(wrong))


# ── what the account knows ───────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _asking(access: StackAccess, warehouse: str | None) -> Iterator[Account]:
    """Ask the account as the tables' owner. Raises `FailureError` with its refusal in one line."""
    from snowflake.connector import Error

    try:
        with access.as_deploy_user(OWNER, warehouse) as cursor:
            (told,) = rows(cursor, "SELECT CURRENT_TIMESTAMP() AS NOW")
            yield Account(cursor, told["now"].astimezone(UTC))
    except Error as error:
        raise FailureError(f"Snowflake refuses {access.deploy_user} as {OWNER}: {one_line(error)}") from None


@dataclass(slots=True)
class Account:
    """What Snowflake says of its objects and their Time Travel; `now` is its own time."""

    cursor: SnowflakeCursor
    now: datetime

    def shown(self, kind: str, parent: Name, *, dropped: bool) -> Sequence[Mapping[str, Any]]:
        """The objects of a kind in its parent, and every dropped one too if asked; none where the parent is not."""
        container = {"TABLES": "SCHEMA", "SCHEMAS": "DATABASE"}[kind]
        return rows_if_there(self.cursor, f"SHOW {kind}{' HISTORY' if dropped else ''} IN {container} {sql(parent)}")

    def versions(self, kind: str, name: Name) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
        """What bears a name now (None: nothing), and what bore it and was dropped, the latest first."""
        found = [row for row in self.shown(kind, name[:-1], dropped=True) if row["name"] == name[-1]]
        there = next((row for row in found if row["dropped_on"] is None), None)
        gone = sorted((row for row in found if row["dropped_on"] is not None), key=lambda row: row["dropped_on"])
        return there, gone[::-1]

    def aside(self, name: Name) -> Name:
        """The name under which what is there now is kept."""
        return (*name[:-1], f"{name[-1]}{_KEPT}{self.now:%Y%m%dT%H%M%SZ}")

    def earlier(self, name: Name, when: Moment) -> Restored:
        there = next((row for row in self.shown("TABLES", name[:-1], dropped=False) if row["name"] == name[-1]), None)
        if there is None:
            raise BadInputError(
                f"{sql(name)} is not in the account: `./nexus rollback --table {sql(name)} --dropped` brings a dropped "
                "one back."
            )
        oldest = oldest_of(there, self.now)
        if when.at is not None and not oldest <= when.at <= self.now:
            raise BadInputError(
                f"{sql(name)}: {when.told()} is not within its Time Travel, which goes from "
                f"{oldest.isoformat(timespec='seconds')} to {self.now.isoformat(timespec='seconds')} "
                f"({there['retention_time']} days; before it was created there is nothing)."
            )
        aside = self.aside(name)
        statements = [
            Statement("as it was, under another name, with the grants that it has now", self._clone(name, aside, when)),
            Statement(
                "how many rows there are, now and then",
                f"SELECT (SELECT COUNT(*) FROM {sql(name)}) AS ROWS_NOW, "  # noqa: S608 - names of the account
                f"(SELECT COUNT(*) FROM {sql(aside)}) AS ROWS_THEN",
            ),
            Statement("the two change places at once", f"ALTER TABLE {sql(name)} SWAP WITH {sql(aside)}"),
        ]
        restored = Restored(
            name,
            statements,
            undo=[f"ALTER TABLE {sql(name)} SWAP WITH {sql(aside)}"],
            finish=[f"DROP TABLE {sql(aside)}"],
            now=_count(self.cursor, name),
            then=_count(self.cursor, name, when.clause),
            aside=aside,
        )
        restored.notes.append("its own Time Travel begins anew: what lies further back goes with what is kept aside")
        return restored

    @staticmethod
    def _clone(name: Name, aside: Name, when: Moment) -> str:
        return f"CREATE TABLE {sql(aside)} CLONE {sql(name)} {when.clause} COPY GRANTS"

    def dropped_table(self, name: Name, declared: bool) -> Restored:
        there, gone = self.versions("TABLES", name)
        restored = self._undropped("TABLE", name, there, gone)
        if not declared:
            restored.notes.append("the stack does not declare it: `up` leaves it alone, until a declaration adopts it")
        return restored

    def dropped_schema(self, name: Name) -> Restored:
        return self._undropped("SCHEMA", name, *self.versions("SCHEMAS", name))

    def _undropped(
        self, kind: str, name: Name, there: Mapping[str, Any] | None, gone: Sequence[Mapping[str, Any]]
    ) -> Restored:
        if not gone:
            there_is = "it is there" if there is not None else "no such name"
            raise BadInputError(f"{sql(name)}: nothing of this name was dropped within its Time Travel ({there_is}).")
        aside = self.aside(name)
        statements, undo, finish = [], [], []
        if there is not None:
            statements.append(
                Statement("what bears the name now makes way", f"ALTER {kind} {sql(name)} RENAME TO {sql(aside)}")
            )
            undo.append(f"ALTER {kind} {sql(aside)} RENAME TO {sql(name)}")
            finish.append(f"DROP {kind} {sql(aside)}")
        statements.append(Statement("the last one that was dropped comes back", f"UNDROP {kind} {sql(name)}"))
        undo.append(f"DROP {kind} {sql(name)}")
        return Restored(name, statements, undo, finish, aside=aside if there is not None else None)


def _columns(cursor: SnowflakeCursor, name: Name) -> list[str]:
    cursor.execute(f"SELECT * FROM {sql(name)} LIMIT 0")  # noqa: S608 - names of the account
    return [column.name for column in cursor.description or ()]


def _of_columns(then: Sequence[str], now: Sequence[str]) -> list[str]:
    """What a table whose columns were others needs: only the copy shows them, a query of the past has those of now."""
    if list(then) == list(now):
        return []
    told = ", ".join(sorted(set(then) ^ set(now))) or "their order"
    return [f"its columns were others then ({told}): `./nexus refresh` and `./nexus up` mend it"]


def _count(cursor: SnowflakeCursor, name: Name, clause: str = "") -> int:
    (found,) = rows(cursor, f"SELECT COUNT(*) AS N FROM {sql(name)} {clause}".rstrip())  # noqa: S608 - as above
    return int(found["n"])


def oldest_of(row: Mapping[str, Any], now: datetime) -> datetime:
    """How far back a table, or what is in a schema, can be had: its days of Time Travel, and not before it was made."""
    days = timedelta(days=int(row["retention_time"]))
    created: datetime = row["created_on"].astimezone(UTC)
    return max(created, now - days)


def parsed(text: str, parts: int) -> Name:
    """A name of so many parts, as Snowflake reads it. Raises `BadInputError`."""
    found = identifier(text)
    if len(found) != parts or not all(found) or text.count('"') % 2:
        wanted = "DATABASE.SCHEMA.TABLE" if parts == 3 else "DATABASE.SCHEMA"
        raise BadInputError(f"{text}: not a name of the form {wanted}")
    return found


# ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back one organisation's tables can be had, and what was dropped and can come back."""

    tenant: str
    schema: str
    oldest: datetime
    days: int
    dropped: Sequence[str]
    """Options of `rollback` that bring something dropped back, each with until when."""
    aside: Sequence[str]
    """Names under which earlier restorations keep what was there before."""


def reaches(restorer: Restorer) -> Iterator[Reach]:
    """What Time Travel holds of each organisation."""
    with _asking(restorer.access, None) as account:
        for tenant in restorer.tenants.values():
            yield _reach(account, tenant)


def dropped_databases(restorer: Restorer) -> list[tuple[str, list[str], datetime]]:
    """Organisations' databases that were dropped and can come back: name, the statements, until when."""
    with _asking(restorer.access, None) as account:
        shown = rows(account.cursor, "SHOW DATABASES HISTORY")
        there = {row["name"] for row in shown if row["dropped_on"] is None}
        found: list[tuple[str, list[str], datetime]] = []
        for row in _gone(shown, account.now):
            name = (str(row["name"]),)
            if _ORGANIZATION.fullmatch(name[0]):
                # One that was declared again meanwhile makes way first.
                statements = [f"ALTER DATABASE {sql(name)} RENAME TO {sql(account.aside(name))}"]
                statements = statements if name[0] in there else []
                statements.append(f"UNDROP DATABASE {sql(name)}")
                # The engine drops tables first, then schemas: each comes back by itself.
                inside = {each[1:] for each in restorer.declared}
                for parts in sorted(inside, key=lambda each: (len(each), each)):
                    kind = "SCHEMA" if len(parts) == 1 else "TABLE"
                    statements.append(f"UNDROP {kind} {sql((*name, *parts))}")
                found.append((name[0], statements, _until(row)))
        return found


def _reach(account: Account, tenant: Tenant) -> Reach:
    schema = (tenant.database, tenant.schema)
    schemas = account.shown("SCHEMAS", schema[:1], dropped=True)
    there = [row for row in schemas if row["dropped_on"] is None]
    dropped = [_back("schema", (*schema[:1], str(row["name"])), row) for row in _gone(schemas, account.now)]
    tables: Sequence[Mapping[str, Any]] = []
    if any(row["name"] == tenant.schema for row in there):
        tables = account.shown("TABLES", schema, dropped=True)
        dropped += [
            _back("table", (*schema, str(row["name"])), row)
            for row in _gone(tables, account.now)
            if not _KEPT_NAME.search(str(row["name"]))
        ]
    live = [row for row in tables if row["dropped_on"] is None]
    aside = [sql((*schema, str(row["name"]))) for row in live if _KEPT_NAME.search(str(row["name"]))]
    own = [row for row in live if not _KEPT_NAME.search(str(row["name"]))]
    oldest = max((oldest_of(row, account.now) for row in own), default=account.now)
    days = min((int(row["retention_time"]) for row in own), default=0)
    return Reach(tenant.name, sql(schema), oldest, days, dropped, aside)


def _gone(found: Sequence[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """The last of each name that was dropped and is kept yet."""
    latest = {
        row["name"]: row
        for row in sorted((row for row in found if row["dropped_on"] is not None), key=lambda row: row["dropped_on"])
    }
    return [row for row in latest.values() if _until(row) > now]


def _until(row: Mapping[str, Any]) -> datetime:
    dropped: datetime = row["dropped_on"].astimezone(UTC)
    return dropped + timedelta(days=int(row["retention_time"]))


def _back(kind: str, name: Name, row: Mapping[str, Any]) -> str:
    return f"--{kind} {sql(name)} --dropped  (until {_until(row):%Y-%m-%d %H:%M} UTC)"
