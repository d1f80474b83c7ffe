"""Time Travel: tables as they were, what was dropped brought back, clones, and two tables that change names.

Source: Snowflake's documentation, "Understanding & using Time Travel", "UNDROP", "CREATE <object> … CLONE", "Cloning
considerations".
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
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
from emulator.snowflake.account.objects import ObjectOperations, continued
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

    def _past(
        self, cursor: duckdb.DuckDBPyConnection, entry: Entry, moment: Moment, there: ObjectName | None = None
    ) -> Past:
        """A table as it was; `there` is the name that the data has it under, where that is another."""
        bound = self._bound(cursor, entry, moment)
        days, present = self._retention_days(entry), self._data.ticks.moment()
        if bound.at > present:
            raise SnowflakeError(707, "02000", f"Future data is not available for table {entry.own_name}.")
        versions = TableVersions(cursor, self._data.ticks, entry.identifier, there or entry.name)
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

    @locked
    def use_clock(self, clock: Callable[[], datetime]) -> None:
        """Let another clock say what is past, and for how long. Its time never falls: the past stays where it is."""
        self._data.ticks.clock = clock

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
            *self._data.create_table_sql(name, continued(columns, following)),
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
        self._refuse_unmasked(entry, name)
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

    def _refuse_unmasked(self, source: Entry, name: ObjectName) -> None:
        """Refuse a clone that would lie outside a database or schema by whose tags columns are masked."""
        above = source.parent
        while above is not None:
            if not name.within(above.name):
                for tagged in self._catalogue.tags_on.get(above.identifier, {}).values():
                    if self._catalogue.policies_on.get(tagged.tag):
                        tag = self._catalogue.entries[tagged.tag].name
                        raise SnowflakeError.unsupported(
                            f"a clone of {source.name} outside {above.name}, whose tag {tag} masks columns"
                        )
            above = above.parent

    @locked
    def clone_container(
        self,
        session: Session,
        kind: str,
        name: ObjectName,
        source: ObjectName,
        properties: Mapping[str, Any] | None = None,
        *,
        moment: Moment | None = None,
        or_replace: bool = False,
    ) -> SnowflakeObject:
        """A schema or database with all that another has in it, as it is or was. Needs USAGE on the other.

        What lies in it keeps its owner and its grants, and is under the clones of the policies and tags that lie in it
        too; the clone itself has no grants, nor managed access unless asked for. Of a time in the past tables have the
        rows of then, and those are there that were dropped since; all else is as it is now, if it was there then.
        Tasks and alerts do not run; internal stages stay behind.
        """
        spec = spec_of(kind)
        entry = self._entry(spec.kind, source)
        if entry is None or not self._rights.holds(self._rights.effective(session), "USAGE", entry):
            raise self._missing(session, spec.kind, source, by_grants_alone=True)
        if entry.owner is None:
            raise SnowflakeError.insufficient_privileges(spec.kind, entry.own_name)
        if or_replace and name.within(source):
            raise SnowflakeError.unsupported(f"replacing {source} by a clone of itself")
        if entry.properties.get("TRANSIENT") and not (properties or {}).get("TRANSIENT"):
            raise SnowflakeError.compilation(2119, "0A000", "Transient object cannot be cloned to a permanent object.")
        given = {**_inherited(entry), **(properties or {})}
        self._refuse_unmasked(entry, name)
        # The owner of a schema with managed access grants on all in it, and the clone's owner is another.
        given["MANAGED_ACCESS"] = (properties or {}).get("MANAGED_ACCESS")
        if given["MANAGED_ACCESS"]:
            self._require_power_over_grants(session, entry, entry.descendants())
        if spec.kind == "DATABASE":
            given["WITHOUT_PUBLIC"] = True
        with contextlib.ExitStack() as stack:
            cursor = stack.enter_context(contextlib.closing(self._data.cursor()))
            gone = self._imagine_dropped(stack, cursor, entry, moment)
            inside = self._content(cursor, entry, moment)
            fill = _Copy(self, cursor, entry, name, inside, gone, moment)
            # What is imagined must be gone before anything is written: the statements are worked out here.
            fill.prepare(self._catalogue.following)
        made = self.create(
            session,
            spec.kind,
            name,
            {key: value for key, value in given.items() if value is not None},
            or_replace=or_replace,
            fill=fill,
        )
        for copied in self._catalogue.entries[made.identifier].descendants():
            self._after_data_change(copied)
        return made

    def _imagine_dropped(
        self, stack: contextlib.ExitStack, cursor: duckdb.DuckDBPyConnection, source: Entry, moment: Moment | None
    ) -> dict[int, ObjectName]:
        """Let the tables be there that were dropped after a moment; returns where the data has them."""
        places: dict[int, ObjectName] = {}
        if moment is None:
            return places
        at = self._bound(cursor, source, moment).at
        schemas = (
            [source] if source.kind == "SCHEMA" else [one for one in source.children.values() if one.kind == "SCHEMA"]
        )
        for schema in schemas:
            for kept in self._of_parent(schema.identifier, "TABLE"):
                if kept.dropped_on > at or (moment.before and kept.dropped_on == at):
                    stack.enter_context(self._catalogue.imagined(self._still_valid(kept)))
                    places[kept.identifier] = schema.name.child(kept.place)
        return places

    def _content(self, cursor: duckdb.DuckDBPyConnection, source: Entry, moment: Moment | None) -> list[Entry]:
        """What a clone gets, containers before what lies in them."""
        at = None if moment is None else self._bound(cursor, source, moment).at
        inside = [
            entry
            for entry in reversed(list(source.descendants()))
            if (at is None or entry.created_on <= at)
            and not (entry.kind == "STAGE" and not entry.properties.get("URL"))
        ]
        there = {source.identifier, *(entry.identifier for entry in inside)}
        inside = [entry for entry in inside if entry.parent is not None and entry.parent.identifier in there]
        return sorted(inside, key=lambda entry: (len(entry.name.parts), _CLONING.get(entry.kind, 0), entry.identifier))

    def _cloned_columns(self, entry: Entry, past: Past | None, gone: ObjectName | None = None) -> list[Column]:
        """The columns of a clone; `gone` is where the data has a table that was dropped."""
        if past is not None and past.shapes:
            columns = [column_from(column) for column in past.shapes[0].columns]
            return [replace(column, identity=None) for column in columns]
        if gone is not None:
            return [replace(column, identity=None) for column in entry.properties["COLUMNS"]]
        return continued(self._real_columns(entry), self._next_values(entry))

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


_CLONING = {"TABLE": 1, "SEQUENCE": 1, "FUNCTION": 2, "VIEW": 3, "DYNAMIC TABLE": 3}
"""What is made after what it may need."""


class _Copy:
    """All that lies in a schema or database, for its clone: the catalogue's rows, and the statements for the data."""

    def __init__(
        self,
        account: TimeTravelOperations,
        cursor: duckdb.DuckDBPyConnection,
        source: Entry,
        name: ObjectName,
        inside: list[Entry],
        places: Mapping[int, ObjectName],
        moment: Moment | None,
    ) -> None:
        self._account = account
        self._cursor = cursor
        self._source = source
        self._name = name
        self._inside = inside
        self._places = places
        self._moment = moment
        self._identifiers: dict[int, int] = {}
        self._change = Change()
        self._statements: list[str] = []
        self._first = 0

    def prepare(self, identifier: int) -> None:
        """Work all of it out, for a clone with this identifier."""
        self._first = identifier
        catalogue = self._account._catalogue
        self._identifiers[self._source.identifier] = identifier
        for number, entry in enumerate(self._inside, start=identifier + 1):
            self._identifiers[entry.identifier] = number
        macros: dict[ObjectName, list[Entry]] = {}
        pasts: dict[int, Past | None] = {}
        for entry in self._inside:
            new = self._renamed(entry)
            if entry.kind == "TABLE":
                pasts[entry.identifier] = self._table(entry, new)
            elif entry.kind == "FUNCTION":
                macros.setdefault(ObjectName(new.parts), []).append(entry)
            elif entry.kind not in ("VIEW", "DYNAMIC TABLE"):
                self._other(entry, new)
        for name, overloads in macros.items():
            self._function(name, overloads)
        for entry in self._inside:
            if entry.kind in ("VIEW", "DYNAMIC TABLE"):
                self._view(entry, self._renamed(entry))
        for entry in self._inside:
            number = self._identifiers[entry.identifier]
            for grant in catalogue.grants_on.get(entry.identifier, {}).values():
                grantee = self._identifiers.get(grant.grantee, grant.grantee)
                self._change.put_grant(replace(grant, target=number, grantee=grantee, created_on=now()))
            if entry.kind == "TABLE":
                self._account._copy_protection(self._change, entry, number, pasts[entry.identifier])
            else:
                self._account._copy_protection(self._change, entry, number, None)
            if entry.kind == "DATABASE ROLE":
                for role in catalogue.roles_of.get(entry.identifier, {}):
                    if role in self._identifiers:
                        row = {"role": self._identifiers[role], "grantee": number, "granted_by": None}
                        self._change.put("role_grants", {**row, "created_on": now().isoformat()})
        for grant in catalogue.grants_on.get(self._source.identifier, {}).values():
            if grant.grantee in self._identifiers:
                grantee = self._identifiers[grant.grantee]
                self._change.put_grant(replace(grant, target=identifier, grantee=grantee, created_on=now()))
        for holder in (self._source, *self._inside):
            for grant in catalogue.future_in.get(holder.identifier, {}).values():
                self._change.put_grant(
                    replace(
                        grant,
                        target=self._identifiers[holder.identifier],
                        grantee=self._identifiers.get(grant.grantee, grant.grantee),
                        created_on=now(),
                    )
                )
        self._account._copy_protection(self._change, self._source, identifier, None)
        self._point_inside()

    def __call__(self, change: Change, identifier: int) -> list[str]:
        """Add it to the change that makes the clone."""
        if identifier != self._first:
            raise RuntimeError("another object was made meanwhile")
        # The clone itself must be in the catalogue before what lies in it.
        change.after += self._change.operations
        return self._statements

    def _point_inside(self) -> None:
        """Let policies and tags that lie in the clone stand for those of the source."""
        operations = self._change.operations
        for index, (table, action, row) in enumerate(operations):
            for key in ("policy", "tag"):
                if table in ("policy_references", "tag_references") and row.get(key) in self._identifiers:
                    operations[index] = (table, action, {**row, key: self._identifiers[row[key]]})

    def _renamed(self, entry: Entry) -> ObjectName:
        depth = len(self._source.name.parts)
        return ObjectName((*self._name.parts, *entry.name.parts[depth:]), entry.name.arguments)

    def _row(self, entry: Entry, properties: Mapping[str, Any]) -> None:
        assert entry.parent is not None
        owner = entry.owner
        self._change.put(
            "objects",
            entry.row(
                identifier=self._identifiers[entry.identifier],
                parent=self._identifiers[entry.parent.identifier],
                owner=None if owner is None else self._identifiers.get(owner, owner),
                properties=dict(properties),
                created_on=now().isoformat(),
            ),
        )

    def _table(self, entry: Entry, new: ObjectName) -> Past | None:
        account = self._account
        there = self._places.get(entry.identifier, entry.name)
        past = None if self._moment is None else account._past(self._cursor, entry, self._moment, there)
        columns = account._cloned_columns(entry, past, self._places.get(entry.identifier))
        listed = ", ".join(quote(column.name) for column in columns)
        query = f"SELECT {listed} FROM {there.sql()}" if past is None else past.query  # noqa: S608 quoted
        self._statements += account._data.create_table_sql(new, columns)
        self._statements.append(f"INSERT INTO {new.sql()} ({listed}) SELECT {listed} FROM ({query})")  # noqa: S608
        self._row(entry, {**entry.properties, "COLUMNS": columns})
        return past

    def _function(self, name: ObjectName, overloads: list[Entry]) -> None:
        account = self._account
        variants = []
        for entry in overloads:
            new = self._renamed(entry)
            number = self._identifiers[entry.identifier]
            arguments = [argument[0] for argument in entry.properties.get("ARGUMENTS", [])]
            variants.append((arguments, account._function_expression(number, new, entry.properties)))
            self._row(entry, entry.properties)
        self._statements.append(account._data.create_macro_sql(name, variants))

    def _view(self, entry: Entry, new: ObjectName) -> None:
        account = self._account
        query = entry.properties["QUERY" if entry.kind == "DYNAMIC TABLE" else "STATEMENT"]
        functions = account._functions_in(*entry.name.parts[:2])
        translated = account._data.query_sql(query, new.database, new.schema, functions)
        columns = [column["NAME"] for column in entry.properties.get("COLUMNS", [])]
        self._statements.append(account._data.create_view_sql(new, translated, columns))
        self._row(entry, entry.properties)

    def _other(self, entry: Entry, new: ObjectName) -> None:
        data, properties = self._account._data, dict(entry.properties)
        if entry.kind == "SCHEMA":
            self._statements.append(data.create_schema_sql(new))
        elif entry.kind == "SEQUENCE":
            following = data.next_value(entry.name)
            self._statements.append(data.create_sequence_sql(new, following, properties.get("INCREMENT", 1)))
        elif entry.kind in ("TASK", "ALERT"):
            properties["STATE"] = "SUSPENDED"
        self._row(entry, self._account._followed_properties(entry.kind, properties, self._source.name, self._name))


def _inherited(entry: Entry) -> dict[str, Any]:
    """The properties that a clone has from its source."""
    known = KINDS[entry.kind].properties
    found = {key: value for key, value in entry.properties.items() if key in known and key not in ("COLUMNS", "QUERY")}
    return {**found, "COMMENT": entry.comment or None}
