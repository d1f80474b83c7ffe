"""Time Travel: tables as they were, what was dropped brought back, clones, and two tables that change names.

Source: Snowflake's documentation, "Understanding & using Time Travel", "UNDROP", "CREATE <object> … CLONE", "Cloning
considerations".
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from emulator.package import CloudError
from emulator.snowflake.account.catalogue import Change, Dropped, Entry, GrantRow, column_from, now
from emulator.snowflake.account.core import locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import KINDS, spec_of
from emulator.snowflake.account.model import Column, SnowflakeObject
from emulator.snowflake.account.names import ObjectName, quote
from emulator.snowflake.account.objects import ObjectOperations
from emulator.snowflake.account.retention import KEPT_KINDS
from emulator.snowflake.account.session import Session
from emulator.snowflake.account.types import normalise_type
from emulator.snowflake.account.versions import Bound, Past, TableVersions, hidden

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the past: a time, or a statement of the account by its query id. `before` leaves out what happened
    at that very time, or through that statement."""

    at: datetime | None = None
    statement: str = ""
    before: bool = False


class TimeTravelOperations(ObjectOperations):
    """Operations on what was."""

    # --- tables as they were

    @locked
    def past_query(self, cursor: duckdb.DuckDBPyConnection, name: ObjectName, moment: Moment) -> str:
        """A table as it was, with the columns that it has now (NULL where a column was not there yet), as DuckDB's
        query for this cursor. What is too long ago, or was never kept, is refused (000707)."""
        entry = self._entry("TABLE", name)
        if entry is None:
            raise SnowflakeError.does_not_exist("TABLE", name)
        past = self._past(cursor, entry, moment)
        if not past.shapes:
            return past.query
        selected = []
        for column, type_, *_ in cursor.execute(f"DESCRIBE {name.sql()}").fetchall():
            then = past.then(column)
            value = "NULL" if then is None else quote(then)
            selected.append(f"CAST({value} AS {type_}) AS {quote(column)}")
        return f"SELECT {', '.join(selected)} FROM ({past.query})"  # noqa: S608 quoted

    def _past(self, cursor: duckdb.DuckDBPyConnection, entry: Entry, moment: Moment) -> Past:
        bound = self._bound(cursor, entry, moment)
        days, present = self._retention_days(entry), self._data.ticks.moment()
        if bound.at > present:
            raise SnowflakeError(707, "02000", f"Future data is not available for table {entry.own_name}.")
        versions = TableVersions(cursor, self._data.ticks, entry.identifier, entry.name)
        past = None
        if days and bound.at >= entry.created_on and (present - bound.at).total_seconds() <= days * 86_400:
            known = self._untracked.get(entry.identifier)
            if known is None and entry.identifier not in self._resumed and versions.last_is_gap():
                known = self._opened
            if known is None or bound.at >= known:
                past = versions.past(bound)
        if past is None:
            raise SnowflakeError(
                707,
                "02000",
                f"Time travel data is not available for table {entry.own_name}. The requested time is either beyond "
                "the allowed time travel period or before the object creation time.",
            )
        return past

    def _bound(self, cursor: duckdb.DuckDBPyConnection, entry: Entry, moment: Moment) -> Bound:
        if moment.at is not None:
            return self.moment_bound(moment.at, before=moment.before)
        return self.statement_bound(cursor, entry.name.database, moment.statement, before=moment.before)

    @locked
    def present(self) -> datetime:
        """The time by the account's own clock."""
        return self._data.ticks.moment()

    # --- what was dropped

    @locked
    def undrop(self, session: Session, kind: str, name: ObjectName) -> SnowflakeObject:
        """Bring back the table, schema or database of this name that was dropped last, with its rows, grants, policies
        and tags, and all that lies in it.

        Refused where the name is taken (002002), where nothing of the name is kept any longer (002003), without its
        ownership or the right to make such an object (003001), and where a policy that protected it has gone since.
        """
        spec = spec_of(kind)
        if spec.kind not in KEPT_KINDS:
            raise SnowflakeError.unsupported(f"UNDROP {spec.kind}")
        self.discard_expired()
        container = self._container(session, spec, name)
        if self._catalogue.lookup(container, spec.kind, name.name) is not None:
            raise SnowflakeError.already_exists(spec.kind, name)
        kept = self._kept_under(session, spec.kind, container, name)
        self._may_create(session, spec, container)
        self._refuse_other_case(spec, container, name, None)
        change = Change()
        change.operations += self._still_valid(kept)
        change.delete("dropped", identifier=kept.identifier)
        database = None if container is None else container.container("DATABASE")
        self._carry_out(change, database, self._undrop_statements(kept, database, name))
        entry = self._catalogue.entries[kept.identifier]
        if spec.kind == "DATABASE":
            self._attach(entry)
        for restored in (entry, *entry.descendants()):
            if restored.kind == "FUNCTION":
                self._register_again(restored)
            self._after_data_change(restored)
        return self._shown(entry)

    def _kept_under(self, session: Session, kind: str, container: Entry | None, name: ObjectName) -> Dropped:
        roles = self._rights.effective(session)
        parent = None if container is None else container.identifier
        found = [kept for kept in self._of_parent(parent, kind) if kept.name == name.name]
        kept = max(found, key=lambda one: (one.dropped_on, one.identifier), default=None)
        if kept is None or not self._sees_dropped(roles, kept):
            state = "42S02" if kind == "TABLE" else "02000"
            raise SnowflakeError.compilation(2003, state, f"{kind.capitalize()} '{name}' did not exist or was purged.")
        if kept.owner not in roles:
            raise SnowflakeError.insufficient_privileges(kind, kept.name)
        return kept

    def _undrop_statements(self, kept: Dropped, database: Entry | None, name: ObjectName) -> list[str]:
        if kept.kind == "DATABASE" or kept.place == kept.name:
            return []
        assert database is not None
        there = name.renamed(kept.place)
        if kept.kind == "SCHEMA":
            rows = [(table, action, row) for table, action, row in kept.operations if table == "objects"]
            table, action, row = rows[0]
            rows[0] = (table, action, {**row, "name": kept.place})
            with self._catalogue.imagined(rows):
                return self._rename_statements(self._catalogue.entries[kept.identifier], there, name)
        following = kept.next_values
        if not following:
            return [f"ALTER TABLE {there.sql()} RENAME TO {quote(name.name)}"]
        columns = [column_from(column) for column in json.loads(kept.operations[0][2]["properties"])["COLUMNS"]]
        listed = ", ".join(quote(column.name) for column in columns)
        return [
            *self._data.create_table_sql(name, [_continued(column, following) for column in columns]),
            f"INSERT INTO {name.sql()} ({listed}) SELECT {listed} FROM {there.sql()}",  # noqa: S608 quoted
            f"DROP TABLE {there.sql()}",
        ]

    def _register_again(self, function: Entry) -> None:
        """Make a Python function callable in this process."""
        properties = function.properties
        if properties.get("LANGUAGE") != "PYTHON":
            return
        try:
            self._data.register_python(
                function.identifier,
                properties["BODY"],
                properties["HANDLER"],
                [(argument[0], argument[1]) for argument in properties.get("ARGUMENTS", [])],
                normalise_type(properties["RETURNS"]),
                properties.get("NULL_INPUT_BEHAVIOR", "CALLED ON NULL INPUT") != "CALLED ON NULL INPUT",
                properties.get("PACKAGES") or (),
            )
        except CloudError as error:
            _log.warning("function %s cannot be called: %s", function.name, error)

    # --- clones

    @locked
    def clone_table(
        self,
        session: Session,
        name: ObjectName,
        source: ObjectName,
        properties: Mapping[str, Any] | None = None,
        *,
        moment: Moment | None = None,
        or_replace: bool = False,
        if_not_exists: bool = False,
        copy_grants: bool = False,
    ) -> SnowflakeObject:
        """A table with the columns, rows, properties, policies and tags of another, as it is or was. Needs SELECT on
        the other. `properties` replace the other's; grants come along with `copy_grants` only."""
        entry = self._entry("TABLE", source)
        if entry is None or not self._rights.holds(self._rights.effective(session), "SELECT", entry):
            raise self._missing(session, "TABLE", source, by_grants_alone=True)
        given = {**_inherited(entry), **(properties or {})}
        if entry.properties.get("TRANSIENT") and not (properties or {}).get("TRANSIENT"):
            raise SnowflakeError.compilation(2119, "0A000", "Transient object cannot be cloned to a permanent object.")
        with contextlib.closing(self._data.cursor()) as cursor:
            past = None if moment is None else self._past(cursor, entry, moment)
        columns = self._cloned_columns(entry, past)
        given["COLUMNS"] = columns
        there = {column.name for column in columns}
        if past is not None and past.shapes:
            given.pop("CLUSTER_BY", None)
            kept = [one for one in given.get("CONSTRAINTS", []) if set(one["COLUMNS"]) <= there]
            given["CONSTRAINTS"] = kept or None
        listed = ", ".join(quote(column.name) for column in columns)
        query = f"SELECT {listed} FROM {source.sql()}" if past is None else past.query  # noqa: S608 quoted
        if or_replace and name == source:
            if not self._retention_days(entry):
                raise SnowflakeError.unsupported(f"replacing {source}, of which nothing is kept, by a clone of itself")
            query = query.replace(source.sql(), source.renamed(hidden(entry.identifier)).sql())
        replaced = or_replace and self._entry("TABLE", name) is not None

        def fill(change: Change, identifier: int) -> list[str]:
            self._copy_protection(change, entry, identifier, past)
            if copy_grants and not replaced:
                self._copy_grants(change, entry, identifier)
            return [f"INSERT INTO {name.sql()} ({listed}) SELECT {listed} FROM ({query})"]  # noqa: S608 quoted

        return self.create(
            session,
            "TABLE",
            name,
            {key: value for key, value in given.items() if value is not None},
            or_replace=or_replace,
            if_not_exists=if_not_exists,
            copy_grants=copy_grants,
            fill=fill,
        )

    def _cloned_columns(self, entry: Entry, past: Past | None) -> list[Column]:
        if past is not None and past.shapes:
            columns = [column_from(column) for column in past.shapes[0].columns]
            return [replace(column, identity=None) for column in columns]
        following = {
            column.name: self._data.next_value(self._data.identity_sequence(entry.name, column.name))
            for column in entry.properties["COLUMNS"]
            if column.identity is not None
        }
        return [_continued(column, following) for column in self._real_columns(entry)]

    def _copy_grants(self, change: Change, source: Entry, identifier: int) -> None:
        for grant in self._catalogue.grants_on.get(source.identifier, {}).values():
            change.put_grant(
                GrantRow(identifier, grant.privilege, grant.grantee, grant.grant_option, grant.granted_by, now())
            )

    def _copy_protection(self, change: Change, source: Entry, identifier: int, past: Past | None) -> None:
        """Give a clone the policies and tags of its source, on the columns as they were called then; those too that
        were on columns which have been dropped since."""
        catalogue = self._catalogue
        uses: list[tuple[int | None, str, int, tuple[str, ...]]] = [
            (None, use.column, use.policy, use.arguments)
            for use in catalogue.policies_on.get(source.identifier, {}).values()
        ]
        tags: list[tuple[int | None, str, int, str]] = [
            (None, tagged.column, tagged.tag, tagged.value)
            for tagged in catalogue.tags_on.get(source.identifier, {}).values()
        ]
        for number, shape in enumerate(() if past is None else past.shapes):
            uses += [(number, *use) for use in shape.policies]
            tags += [(number, *tagged) for tagged in shape.tags]

        def then(column: str, place: int | None) -> str | None:
            return column if past is None or not column else past.then(column, place)

        for place, column, policy, arguments in uses:
            called = then(column, place)
            if called is None:
                continue
            named = [then(argument, place) for argument in arguments]
            if policy not in catalogue.entries or any(argument is None for argument in named):
                raise SnowflakeError.compilation(
                    3531,
                    "23001",
                    f"'{source.own_name}' cannot be cloned as it was then: a policy of it would not hold.",
                )
            change.put(
                "policy_references",
                {"target": identifier, "column_name": called, "policy": policy, "arguments": json.dumps(named)},
            )
        for place, column, tag, value in tags:
            called = then(column, place)
            if called is not None and tag in catalogue.entries:
                change.put("tag_references", {"target": identifier, "column_name": called, "tag": tag, "value": value})

    # --- swapping

    @locked
    def swap_tables(self, session: Session, name: ObjectName, other: ObjectName) -> None:
        """Let two tables change names, with all that hangs on each. Needs the ownership of both."""
        first, second = self._seen(session, "TABLE", name), self._seen(session, "TABLE", other)
        for entry in (first, second):
            self._owned(session, entry)
            if any(column.identity for column in entry.properties["COLUMNS"]):
                raise SnowflakeError.unsupported("ALTER TABLE … SWAP WITH of tables with identity columns")
        if first is second:
            return
        if name.parts[:2] != other.parts[:2]:
            raise SnowflakeError.unsupported("ALTER TABLE … SWAP WITH a table of another schema")
        change = Change()
        change.put("objects", first.row(name=other.name))
        change.put("objects", second.row(name=name.name))
        between = name.renamed(hidden(0))
        statements = [
            f"ALTER TABLE {name.sql()} RENAME TO {quote(between.name)}",
            f"ALTER TABLE {other.sql()} RENAME TO {quote(name.name)}",
            f"ALTER TABLE {between.sql()} RENAME TO {quote(other.name)}",
        ]
        self._carry_out(change, first.container("DATABASE"), statements)
        for entry in (first, second):
            self._data.forget_lengths(entry.name)
            self._after_data_change(entry)


def _continued(column: Column, following: Mapping[str, int]) -> Column:
    """An identity column that goes on where it was."""
    if column.identity is None or column.name not in following:
        return column
    return replace(column, identity=(following[column.name], column.identity[1]))


def _inherited(entry: Entry) -> dict[str, Any]:
    """The properties that a clone has from its source."""
    known = KINDS[entry.kind].properties
    found = {key: value for key, value in entry.properties.items() if key in known and key not in ("COLUMNS", "QUERY")}
    return {**found, "COMMENT": entry.comment or None}
