"""Making, changing, renaming and dropping objects, and looking at them."""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.snowflake.account.catalogue import ACCOUNT, Change, Entry, dump, now
from emulator.snowflake.account.core import locked
from emulator.snowflake.account.data import check_database_name
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import (
    DATA_KINDS,
    KINDS,
    KindSpec,
    check_together,
    normalise_properties,
    spec_of,
)
from emulator.snowflake.account.model import (
    Column,
    ParameterValue,
    SnowflakeObject,
    TableChange,
)
from emulator.snowflake.account.names import ObjectName, base_type, check_identifier, quote
from emulator.snowflake.account.parameters import parameters_of
from emulator.snowflake.account.retention import RetentionOperations, is_transient
from emulator.snowflake.account.session import Session
from emulator.snowflake.account.task_graphs import TaskGraphOperations
from emulator.snowflake.account.types import check_change, normalise_type
from emulator.snowflake.account.versions import Shape, TableVersions, gap_sql, hidden

_VIEW_KINDS = frozenset({"VIEW", "DYNAMIC TABLE"})
_NOT_RENAMED = frozenset({"RESOURCE MONITOR", "ACCOUNT", "STREAM", "TASK", "ALERT", "FUNCTION", "PROCEDURE"})


class ObjectOperations(RetentionOperations, TaskGraphOperations):
    """Operations on objects."""

    # --- create

    @locked
    def create(
        self,
        session: Session,
        kind: str,
        name: ObjectName,
        properties: Mapping[str, Any] | None = None,
        *,
        or_replace: bool = False,
        if_not_exists: bool = False,
        copy_grants: bool = False,
        fill: Callable[[Change, int], Sequence[str]] | None = None,
    ) -> SnowflakeObject:
        """Make an object, owned by the session's role, with the future grants that apply to it. `fill` gives it more in
        the same change: it adds to the change, knows the identifier, and returns further statements for the data.

        `properties` are Snowflake's, in upper case; None means "not set". Names in them are `ObjectName`s or SQL
        text. Every kind takes COMMENT. Of note:

        - TABLE: COLUMNS (`Column`s) or QUERY (CREATE TABLE AS), TRANSIENT, CLUSTER_BY (expressions), CONSTRAINTS
          (a mapping each: TYPE, NAME, COLUMNS, …; kept, not enforced, as in Snowflake).
        - VIEW: STATEMENT (the query; unqualified names are of the view's own schema), COLUMNS (names, or mappings
          with NAME and COMMENT), SECURE. DYNAMIC TABLE: QUERY, TARGET_LAG, WAREHOUSE; computed when it is read.
        - FUNCTION, PROCEDURE: ARGUMENTS ((name, type) each), RETURNS, LANGUAGE (SQL, PYTHON), BODY, HANDLER,
          RUNTIME_VERSION, PACKAGES, …; the name's own signature may be left out.
        - MASKING and ROW ACCESS POLICY: ARGUMENTS ((name, type) each), BODY; masking: RETURNS.
        - DATABASE: TRANSIENT; WITHOUT_PUBLIC leaves the schema PUBLIC out. SCHEMA: TRANSIENT, MANAGED_ACCESS.
        - RESOURCE MONITOR: NOTIFY_TRIGGERS, SUSPEND_TRIGGER, SUSPEND_IMMEDIATE_TRIGGER in percent.
        """
        spec = spec_of(kind)
        given = normalise_properties(spec, properties or {})
        name = self._complete_name(spec, name, given)
        container = self._container(session, spec, name)
        existing = self._catalogue.lookup(
            container, spec.kind, name.name, name.arguments if spec.has_signature else None
        )
        if existing is not None and not or_replace:
            if if_not_exists and existing.kind == spec.kind:
                return self._shown(existing)
            raise SnowflakeError.already_exists(spec.kind, name)
        self._may_create(session, spec, container)
        if existing is not None:
            if existing.kind != spec.kind:
                raise SnowflakeError.already_exists(spec.kind, name)
            self._owned(session, existing)
            self._refuse_if_needed(existing)
        self._refuse_other_case(spec, container, name, existing)
        check_together(spec, given)
        self._check_references(session, spec, given)
        self._check_edition(given)
        if spec.kind == "TASK":
            self._check_new_task(existing, given)
        if spec.kind == "USER":
            self._prepare_user(name, given, existing)

        owner = self._primary_role(session)
        change = Change()
        database = None if container is None else container.container("DATABASE")
        statements = self._make_room(change, spec.kind, database, name, existing)
        kept = existing is not None and existing.kind == "DATABASE" and bool(self._retention_days(existing))
        if existing is not None:
            self._hand_over_all(session, change, existing)
            self._remove(change, existing)
        # `fill` gives the identifiers that follow this one.
        identifier = self._catalogue.next_identifier()
        if spec.kind in DATA_KINDS and spec.kind != "DATABASE":
            assert database is not None
            statements += self._create_statements(identifier, spec.kind, name, given, existing)
        if fill is not None:
            statements += fill(change, identifier)
        comment = given.pop("COMMENT", "")
        without_public = given.pop("WITHOUT_PUBLIC", False)
        owned_by = self._grants_from_the_future(change, identifier, spec.kind, container) or owner.identifier
        change.put("objects", self._row(identifier, spec.kind, container, name, owned_by, given, comment))
        change.operations += change.after
        if existing is not None and copy_grants:
            for (privilege, grantee), grant in self._catalogue.grants_on.get(existing.identifier, {}).items():
                change.put(
                    "grants",
                    _grant_row(identifier, privilege, grantee, grant.grant_option, grant.granted_by),
                )
        if spec.kind == "DATABASE ROLE":
            assert container is not None
            change.put("grants", _grant_row(container.identifier, "USAGE", identifier, False, None))
        if spec.kind == "DATABASE":
            self._create_database(
                change,
                identifier,
                name,
                owner.identifier,
                existing,
                public=not without_public,
                kept=kept,
                statements=statements,
            )
        else:
            try:
                self._carry_out(change, database, statements)
            except BaseException:
                if spec.kind == "FUNCTION":
                    self._data.unregister_python(identifier)
                raise
        entry = self._catalogue.entries[identifier]
        self._after_data_change(entry, existing)
        return self._shown(entry)

    def _complete_name(self, spec: KindSpec, name: ObjectName, given: Mapping[str, Any]) -> ObjectName:
        if len(name.parts) != spec.depth:
            raise SnowflakeError.syntax(f"the name of a {spec.kind.lower()} has {spec.depth} part(s): {name}")
        check_identifier(name.name, spec.kind)
        if not spec.has_signature:
            return name
        arguments = tuple(argument[1] for argument in given.get("ARGUMENTS", []))
        return ObjectName.of(*name.parts, arguments=arguments)

    def _container(self, session: Session, spec: KindSpec, name: ObjectName) -> Entry | None:
        if spec.depth == 1:
            return None
        kind = "DATABASE" if spec.depth == 2 else "SCHEMA"
        container = self._entry(kind, name.parent)
        if container is None or not self._rights.sees(session, container):
            raise self._missing(session, kind, name.parent)
        return container

    def _may_create(self, session: Session, spec: KindSpec, container: Entry | None) -> None:
        roles = self._rights.primary(session)
        target = self._account if container is None else container
        if spec.create is None:
            needed = self._rights.role(spec.only_role)
            if needed is not None and needed.identifier in roles:
                return
        elif self._rights.has(roles, spec.create, target):
            # The right to make is the primary role's; the way to where it is made, any role's of the session.
            if container is None or self._may_enter(session, container):
                return
            raise self._missing(session, container.kind, container.name, by_grants_alone=True)
        raise SnowflakeError.insufficient_privileges(
            target.kind, target.own_name, role=session.role, privilege=spec.create
        )

    def _may_enter(self, session: Session, container: Entry) -> bool:
        """Whether the session may use a database or schema, and the database that the schema lies in."""
        return self._rights.holds(self._rights.effective(session), "USAGE", container)

    def _refuse_other_case(
        self, spec: KindSpec, container: Entry | None, name: ObjectName, existing: Entry | None
    ) -> None:
        # DuckDB takes names that differ only in case for one.
        if spec.kind not in DATA_KINDS:
            return
        siblings = self._catalogue.by_kind["DATABASE"].values() if container is None else container.children.values()
        folded = name.name.lower()
        for other in siblings:
            if other.kind in DATA_KINDS and other is not existing and other.own_name.lower() == folded:
                if other.own_name == name.name:
                    continue
                raise SnowflakeError.unsupported(f"names that differ only in case: {other.own_name}, {name.name}")

    def _check_references(self, session: Session, spec: KindSpec, given: Mapping[str, Any]) -> None:
        for key, value in given.items():
            kind = spec.properties[key].refers_to
            if kind is None:
                continue
            for item in value if isinstance(value, list) else [value]:
                name = ObjectName.parse(item)
                if self._entry(kind, name) is None:
                    raise SnowflakeError.does_not_exist(kind, name)
        if spec.kind == "WAREHOUSE" and "RESOURCE_MONITOR" in given:
            self._require_account_administrator(session, "RESOURCE MONITOR", given["RESOURCE_MONITOR"])
        if spec.kind == "USER" and "NETWORK_POLICY" in given:
            policy = self._entry("NETWORK POLICY", ObjectName.parse(given["NETWORK_POLICY"]))
            roles = self._rights.effective(session)
            assert policy is not None
            if not self._rights.has(roles, "OWNERSHIP", policy) and not self._rights.on_account(roles, "ATTACH POLICY"):
                raise SnowflakeError.insufficient_privileges("NETWORK POLICY", policy.own_name)

    def _require_account_administrator(self, session: Session, kind: str, name: str) -> None:
        administrator = self._rights.role("ACCOUNTADMIN")
        if administrator is None or administrator.identifier not in self._rights.effective(session):
            raise SnowflakeError.insufficient_privileges(kind, name)

    def _check_edition(self, given: Mapping[str, Any]) -> None:
        if self.edition != "STANDARD":
            return
        days = given.get("DATA_RETENTION_TIME_IN_DAYS")
        if days is not None and days > 1:
            raise SnowflakeError.invalid_value(days, "DATA_RETENTION_TIME_IN_DAYS", "at most 1 in STANDARD edition")
        if given.get("MAX_CLUSTER_COUNT", 1) > 1:
            raise SnowflakeError.compilation(
                1423, "22023", "invalid property 'MAX_CLUSTER_COUNT'; feature 'Multi-cluster Warehouses' not enabled"
            )

    def _prepare_user(self, name: ObjectName, given: dict[str, Any], existing: Entry | None) -> None:
        """Hash a password, and refuse a log-in name that another user has."""
        if "PASSWORD" in given:
            salt = os.urandom(16)
            digest = hashlib.scrypt(given["PASSWORD"].encode(), salt=salt, n=16384, r=8, p=1)
            given["PASSWORD"] = f"scrypt:{salt.hex()}:{digest.hex()}"
        login = given.get("LOGIN_NAME", name.name.upper())
        for user in self._catalogue.by_kind["USER"].values():
            if user is not existing and user.properties.get("LOGIN_NAME", user.own_name.upper()) == login:
                raise SnowflakeError.already_exists("USER", login)

    def _row(
        self,
        identifier: int,
        kind: str,
        container: Entry | None,
        name: ObjectName,
        owner: int | None,
        properties: Mapping[str, Any],
        comment: str,
    ) -> dict[str, Any]:
        entry = Entry(identifier, kind, container, name.name, name.arguments, owner, {}, comment, now())
        return entry.row(properties=dump(properties))

    def _grants_from_the_future(
        self, change: Change, identifier: int, kind: str, container: Entry | None
    ) -> int | None:
        """Add the future grants that apply; return the role that a future grant of OWNERSHIP names."""
        if container is None:
            return None
        rows = [row for row in self._catalogue.future_in.get(container.identifier, {}).values() if row.kind == kind]
        if not rows and container.kind == "SCHEMA" and container.parent is not None:
            # Those of the schema shadow those of the database for the same kind, whoever the grantee is.
            above = self._catalogue.future_in.get(container.parent.identifier, {})
            rows = [row for row in above.values() if row.kind == kind]
        owner = None
        for row in rows:
            if row.privilege == "OWNERSHIP":
                owner = row.grantee
            else:
                change.put(
                    "grants", _grant_row(identifier, row.privilege, row.grantee, row.grant_option, row.granted_by)
                )
        return owner

    def _create_database(
        self,
        change: Change,
        identifier: int,
        name: ObjectName,
        owner: int | None,
        existing: Entry | None,
        *,
        public: bool,
        kept: bool,
        statements: Sequence[str],
    ) -> None:
        """The file first, then the catalogue: a file that no database has is deleted at the next start."""
        if existing is not None:
            # The old one must give its name free; from here to the commit a kill leaves its file, and it.
            self._data.detach(existing.own_name)
        try:
            self._data.create_database(identifier, name.name, ["PUBLIC"] if public else [])
            if statements:
                self._data.execute(name.name, "", statements)
            if public:
                schema = self._catalogue.next_identifier()
                created = now()
                change.put(
                    "objects",
                    {
                        "identifier": schema,
                        "kind": "SCHEMA",
                        "parent": identifier,
                        "name": "PUBLIC",
                        "arguments": None,
                        "owner": owner,
                        "properties": "{}",
                        "comment": "",
                        "created_on": created.isoformat(),
                    },
                )
            self._catalogue.commit(change)
        except BaseException:
            if existing is not None:
                self._data.detach(name.name)
                self._attach(existing)
            raise
        if existing is not None and not kept:
            self._data.delete_file(existing.identifier)

    # --- the data's statements

    def _make_room(
        self, change: Change, kind: str, database: Entry | None, name: ObjectName, existing: Entry | None
    ) -> builtins.list[str]:
        """What takes the object that is replaced out of the data, or what was dropped and still has the name there."""
        statements: list[str] = []
        if kind == "SCHEMA" and database is not None:
            statements += self._displace(change, database, name)
        if existing is None:
            return statements
        retired = self._retire(change, existing)
        if retired is None:
            return statements + (self._drop_statements(existing, replaced=True) if kind in DATA_KINDS else [])
        if existing.kind != "SCHEMA":
            return statements + retired
        away = ObjectName((name.database, hidden(existing.identifier)))
        table, action, row = change.operations[-1]
        change.operations[-1] = (table, action, {**row, "place": away.name})
        return statements + self._rename_statements(existing, existing.name, away)

    def _displace(self, change: Change, database: Entry, name: ObjectName) -> builtins.list[str]:
        """Move a dropped schema aside that the data still has under a name which another wants."""
        statements: list[str] = []
        for kept in self._of_parent(database.identifier, "SCHEMA"):
            if kept.place.lower() == name.name.lower():
                away = ObjectName((database.own_name, hidden(kept.identifier)))
                with self._catalogue.imagined([op for op in kept.operations if op[0] == "objects"]):
                    entry = self._catalogue.entries[kept.identifier]
                    statements += self._rename_statements(entry, ObjectName((database.own_name, kept.place)), away)
                change.put("dropped", kept.row(place=away.name))
        return statements

    def _functions_in(self, database: str, schema: str) -> frozenset[str]:
        entry = self._entry("SCHEMA", ObjectName((database, schema)))
        if entry is None:
            return frozenset()
        return frozenset(child.own_name for child in entry.children.values() if child.kind == "FUNCTION")

    def _create_statements(
        self,
        identifier: int,
        kind: str,
        name: ObjectName,
        given: dict[str, Any],
        existing: Entry | None,
        *,
        moved: bool = False,
    ) -> builtins.list[str]:
        data = self._data
        if kind == "SCHEMA":
            return [data.create_schema_sql(name)]
        if kind == "TABLE":
            query = given.pop("QUERY", None)
            if (query is None) == ("COLUMNS" not in given):
                raise SnowflakeError.missing_property("COLUMNS", "TABLE")
            if query is None:
                return data.create_table_sql(name, given["COLUMNS"])
            translated = data.query_sql(query, name.database, name.schema, self._functions_in(*name.parts[:2]))
            given["COLUMNS"] = data.describe_query(translated)
            return [data.create_table_as_sql(name, translated)]
        if kind in _VIEW_KINDS:
            query = given["QUERY" if kind == "DYNAMIC TABLE" else "STATEMENT"]
            translated = data.query_sql(query, name.database, name.schema, self._functions_in(*name.parts[:2]))
            columns = [column["NAME"] for column in given.get("COLUMNS", [])]
            if not moved:
                data.check_view_columns(query, translated, columns)
            return [data.create_view_sql(name, translated, columns)]
        if kind == "SEQUENCE":
            return [data.create_sequence_sql(name, given.get("START", 1), given.get("INCREMENT", 1))]
        if kind == "FUNCTION":
            return self._function_statements(name, {identifier: (name, given)}, without=existing)
        raise AssertionError(kind)

    def _function_statements(
        self,
        name: ObjectName,
        added: Mapping[int, tuple[ObjectName, Mapping[str, Any]]],
        without: Entry | None = None,
    ) -> builtins.list[str]:
        """The macro of all overloads of a function: those there are, with some added and one left out."""
        schema = self._entry("SCHEMA", name.parent)
        assert schema is not None
        overloads: dict[int, tuple[ObjectName, Mapping[str, Any]]] = {
            other.identifier: (other.name, other.properties)
            for other in self._catalogue.overloads(schema, "FUNCTION", name.name)
            if other is not without
        }
        overloads.update(added)
        if not overloads:
            return [f"DROP MACRO {ObjectName(name.parts).sql()}"]
        variants: dict[int, tuple[builtins.list[str], str]] = {}
        for identifier, (full_name, properties) in overloads.items():
            arguments = properties.get("ARGUMENTS", [])
            if len(arguments) in variants:
                raise SnowflakeError.unsupported(
                    f"overloads of {ObjectName(name.parts)} with as many arguments ({len(arguments)}) of other types"
                )
            variants[len(arguments)] = (
                [argument[0] for argument in arguments],
                self._function_expression(identifier, full_name, properties),
            )
        return [self._data.create_macro_sql(name, list(variants.values()))]

    def _function_expression(self, identifier: int, name: ObjectName, properties: Mapping[str, Any]) -> str:
        data = self._data
        returns = properties["RETURNS"]
        if re.match(r"TABLE\s*\(", returns, re.IGNORECASE):
            raise SnowflakeError.unsupported("table functions")
        arguments = properties.get("ARGUMENTS", [])
        if any(len(argument) > 2 and argument[2] is not None for argument in arguments):
            raise SnowflakeError.unsupported("default values of function arguments")
        language = properties.get("LANGUAGE", "SQL")
        returned = normalise_type(returns)
        if language == "SQL":
            body = data.expression_sql(
                properties["BODY"], name.database, name.schema, self._functions_in(*name.parts[:2])
            )
        elif language == "PYTHON":
            if properties.get("AGGREGATE"):
                raise SnowflakeError.unsupported("aggregate functions in Python")
            _check_packages(properties.get("PACKAGES", []))
            for key in ("IMPORTS", "EXTERNAL_ACCESS_INTEGRATIONS", "SECRETS"):
                if properties.get(key):
                    raise SnowflakeError.unsupported(f"{key} of a Python function")
            function = data.register_python(
                identifier,
                properties["BODY"],
                properties["HANDLER"],
                [(argument[0], argument[1]) for argument in arguments],
                returned,
                properties.get("NULL_INPUT_BEHAVIOR", "CALLED ON NULL INPUT") != "CALLED ON NULL INPUT",
                properties.get("PACKAGES") or (),
            )
            values = ", ".join(f"CAST({quote(a[0])} AS {data.type_sql(a[1])})" for a in arguments)
            body = f"{function}({values})"
        else:
            raise SnowflakeError.unsupported(f"functions in {language}")
        return f"CAST({body} AS {data.type_sql(returned)})"

    def _drop_statements(self, entry: Entry, *, replaced: bool = False) -> builtins.list[str]:
        name = entry.name
        if entry.kind == "SCHEMA":
            return [f"DROP SCHEMA {name.sql()} CASCADE"]
        if entry.kind == "TABLE":
            return self._data.drop_table_sql(name, entry.properties["COLUMNS"])
        if entry.kind in _VIEW_KINDS:
            return [f"DROP VIEW {name.sql()}"]
        if entry.kind == "SEQUENCE":
            return [f"DROP SEQUENCE {name.sql()}"]
        if entry.kind == "FUNCTION":
            return [] if replaced else self._function_statements(name, {}, without=entry)
        return []

    def _after_data_change(self, entry: Entry, replaced: Entry | None = None) -> None:
        if entry.kind == "TABLE":
            self._lengths_to_tell.add(entry.identifier)
        if replaced is not None and replaced.kind == "FUNCTION":
            self._data.unregister_python(replaced.identifier)

    # --- alter

    @locked
    def alter(
        self,
        session: Session,
        kind: str,
        name: ObjectName,
        *,
        set: Mapping[str, Any] | None = None,
        unset: Iterable[str] = (),
    ) -> SnowflakeObject:
        """Set and unset properties in place; None in `set` unsets. A column's or view's definition is not among
        them. The kind ACCOUNT takes account parameters (its name is ignored)."""
        spec = spec_of(kind)
        entry = self._seen(session, kind, name)
        wanted = set or {}
        removed = [*unset, *(key for key, value in wanted.items() if value is None)]
        given = normalise_properties(spec, wanted, altering=True)
        for key in removed:
            if key not in spec.properties or not spec.properties[key].changeable:
                raise SnowflakeError.invalid_property(key, spec.kind.replace(" ", "_"))
        for key in (*given, *removed):
            self._may_alter(session, spec, entry, key)
        merged = {key: value for key, value in entry.properties.items() if key not in removed}
        merged.update(given)
        comment = merged.pop("COMMENT", "" if "COMMENT" in removed else entry.comment)
        check_together(spec, merged)
        self._check_references(session, spec, given)
        self._check_edition(given)
        if spec.kind == "TASK":
            self._check_changed_task(entry, [*given, *removed], merged)
        if spec.kind == "SCHEMA" and given.get("MANAGED_ACCESS") and not entry.properties.get("MANAGED_ACCESS"):
            self._require_power_over_grants(session, entry, entry.descendants())
        if spec.kind == "ALERT" and given.get("STATE") == "STARTED":
            self.require_owner_may_run(entry.name, "ALERT")
        if spec.kind == "USER" and ("PASSWORD" in given or "LOGIN_NAME" in given):
            hashed = dict(given)
            self._prepare_user(entry.name, hashed, entry)
            merged.update({key: hashed[key] for key in given if key != "COMMENT"})
        if spec.kind == "WAREHOUSE" and "RESOURCE_MONITOR" in removed and "RESOURCE_MONITOR" in entry.properties:
            self._require_account_administrator(session, "RESOURCE MONITOR", entry.properties["RESOURCE_MONITOR"])
        change = Change()
        change.put("objects", entry.row(properties=merged, comment=comment))
        statements = []
        step = merged.get("INCREMENT", 1)
        if spec.kind == "SEQUENCE" and step != entry.properties.get("INCREMENT", 1):
            following = self._data.next_value(entry.name, step)
            statements = [
                f"DROP SEQUENCE {entry.name.sql()}",
                self._data.create_sequence_sql(entry.name, following, step),
            ]
        self._carry_out(change, entry.container("DATABASE"), statements)
        if spec.kind == "WAREHOUSE" and "STATE" in given:
            self._running_since.pop(entry.identifier, None)
            if given["STATE"] == "STARTED":
                self._running_since[entry.identifier] = now()
        return self._shown(entry)

    def _require_power_over_grants(self, session: Session, schema: Entry, inside: Iterable[Entry]) -> None:
        """Refuse managed access to whoever may not grant on all that lies in the schema: as its owner he would."""
        roles = self._rights.effective(session)
        if not self._rights.on_account(roles, "MANAGE GRANTS") and any(one.owner not in roles for one in inside):
            raise SnowflakeError.insufficient_privileges(schema.kind, schema.own_name)

    def _may_alter(self, session: Session, spec: KindSpec, entry: Entry, key: str) -> None:
        if spec.kind == "ACCOUNT":
            roles = self._rights.effective(session)
            security = self._rights.role("SECURITYADMIN")
            if key == "NETWORK_POLICY" and (
                (security is not None and security.identifier in roles)
                or self._rights.on_account(roles, "ATTACH POLICY")
            ):
                return
            self._require_account_administrator(session, "ACCOUNT", entry.own_name)
            return
        self._require(session, spec.alters.get(key, spec.alter), entry)

    @locked
    def alter_table(self, session: Session, name: ObjectName, changes: Sequence[TableChange]) -> SnowflakeObject:
        """Carry out all changes to a table's columns, or none of them."""
        entry = self._seen(session, "TABLE", name)
        self._owned(session, entry)
        columns = list(self._real_columns(entry))
        rows = None
        change = Change()
        statements: list[str] = []
        for wanted in changes:
            at = next((i for i, column in enumerate(columns) if column.name == wanted.column), None)
            if wanted.action == "ADD":
                if at is not None:
                    raise SnowflakeError.compilation(1430, "42601", f"column '{wanted.column}' already exists")
                assert wanted.definition is not None
                column = replace(wanted.definition, type=normalise_type(wanted.definition.type))
                if column.identity is not None:
                    raise SnowflakeError.unsupported("adding an identity column to a table")
                if not column.nullable and column.default is None:
                    rows = self._data.row_count(name) if rows is None else rows
                    if rows:
                        raise SnowflakeError.compilation(
                            2108,
                            "22000",
                            f"Non-nullable column '{column.name}' cannot be added to non-empty table "
                            f"'{name.name}' unless it has a non-null default value.",
                        )
                statements += self._data.add_column_sql(name, column)
                columns.append(column)
                continue
            if at is None:
                raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{wanted.column}'")
            columns, more = self._changed_columns(change, entry, columns, at, wanted)
            statements += more
        columns = [replace(column, position=position) for position, column in enumerate(columns, start=1)]
        change.put("objects", entry.row(properties={**entry.properties, "COLUMNS": columns}))
        if statements:
            statements = [*self._close_era(session, entry, changes), *statements]
        self._carry_out(change, entry.container("DATABASE"), statements)
        self._data.forget_lengths(name)
        self._after_data_change(entry)
        return self._shown(entry)

    def _close_era(self, session: Session, entry: Entry, changes: Sequence[TableChange]) -> builtins.list[str]:
        """The statements that keep a table as it is before its columns change."""
        if all(wanted.action in ("NULLABLE", "DEFAULT", "COMMENT") for wanted in changes):
            return []
        name, ticks = entry.name, self._data.ticks
        if not self._retention_days(entry):
            return [gap_sql(name.database, entry.identifier, ticks.number(), ticks.moment())]
        columns = self._real_columns(entry)
        gone = [wanted.column for wanted in changes if wanted.action == "DROP"]
        shape = Shape(
            tuple(column.name for column in columns),
            tuple(json.loads(dump({"C": column}))["C"] for column in columns),
            {wanted.column: wanted.value for wanted in changes if wanted.action == "RENAME"},
            tuple(gone),
            tuple(
                (use.column, use.policy, use.arguments)
                for use in self._catalogue.policies_on.get(entry.identifier, {}).values()
                if use.column in gone
            ),
            tuple(
                (tagged.column, tagged.tag, tagged.value)
                for tagged in self._catalogue.tags_on.get(entry.identifier, {}).values()
                if tagged.column in gone
            ),
        )
        with contextlib.closing(self._data.cursor()) as cursor:
            return TableVersions(cursor, ticks, entry.identifier, name, query=session.query_id).closing_sql(shape)

    def _changed_columns(
        self, change: Change, entry: Entry, columns: builtins.list[Column], at: int, wanted: TableChange
    ) -> tuple[builtins.list[Column], builtins.list[str]]:
        column = columns[at]
        table = f"ALTER TABLE {entry.name.sql()}"
        column_sql = f"{table} ALTER COLUMN {quote(column.name)}"
        changed = list(columns)
        if wanted.action == "DROP":
            if len(columns) == 1:
                raise SnowflakeError.compilation(2262, "22000", f"cannot drop the only column '{column.name}'")
            self._column_gone(change, entry, column.name)
            del changed[at]
            return changed, [f"{table} DROP COLUMN {quote(column.name)}"]
        if wanted.action == "RENAME":
            if any(other.name.lower() == wanted.value.lower() for other in columns if other is not column):
                raise SnowflakeError.compilation(1430, "42601", f"column '{wanted.value}' already exists")
            self._column_renamed(change, entry, column.name, wanted.value)
            changed[at] = replace(column, name=wanted.value)
            return changed, [f"{table} RENAME COLUMN {quote(column.name)} TO {quote(wanted.value)}"]
        if wanted.action == "TYPE":
            type_ = normalise_type(wanted.value)
            check_change(column.name, column.type, type_)
            changed[at] = replace(column, type=type_)
            before, after = self._data.type_sql(column.type), self._data.type_sql(type_)
            same = base_type(type_) in ("VARCHAR", "BINARY") or before == after
            return changed, [] if same else [f"{column_sql} SET DATA TYPE {after}"]
        if wanted.action == "NULLABLE":
            changed[at] = replace(column, nullable=bool(wanted.value))
            if wanted.value == column.nullable:
                return changed, []
            return changed, [f"{column_sql} {'DROP' if wanted.value else 'SET'} NOT NULL"]
        if wanted.action == "DEFAULT":
            changed[at] = replace(column, default=None, identity=None)
            return changed, [f"{column_sql} DROP DEFAULT"]
        changed[at] = replace(column, comment=str(wanted.value))
        return changed, []

    def _column_gone(self, change: Change, entry: Entry, column: str) -> None:
        for use in self._catalogue.policies_on.get(entry.identifier, {}).values():
            if column in use.arguments and use.column != column:
                raise SnowflakeError.policy_attached(self._catalogue.entries[use.policy].own_name)
            if use.column == column:
                change.delete("policy_references", target=use.target, column_name=use.column, policy=use.policy)
        for tagged in self._catalogue.tags_on.get(entry.identifier, {}).values():
            if tagged.column == column:
                change.delete("tag_references", target=tagged.target, column_name=column, tag=tagged.tag)

    def _column_renamed(self, change: Change, entry: Entry, column: str, to: str) -> None:
        for use in self._catalogue.policies_on.get(entry.identifier, {}).values():
            if use.column == column or column in use.arguments:
                change.delete("policy_references", target=use.target, column_name=use.column, policy=use.policy)
                arguments = [to if argument == column else argument for argument in use.arguments]
                change.put(
                    "policy_references",
                    _policy_row(use.target, to if use.column == column else use.column, use.policy, arguments),
                )
        for tagged in self._catalogue.tags_on.get(entry.identifier, {}).values():
            if tagged.column == column:
                change.delete("tag_references", target=tagged.target, column_name=column, tag=tagged.tag)
                change.put(
                    "tag_references",
                    {"target": tagged.target, "column_name": to, "tag": tagged.tag, "value": tagged.value},
                )

    # --- rename

    @locked
    def rename(self, session: Session, kind: str, name: ObjectName, new_name: ObjectName) -> SnowflakeObject:
        """Rename, or move to another schema of the same database, keeping grants, data, and what refers to it."""
        spec = spec_of(kind)
        if spec.kind in _NOT_RENAMED:
            raise SnowflakeError.unsupported(f"ALTER {spec.kind} RENAME")
        entry = self._seen(session, kind, name)
        self._owned(session, entry)
        if len(new_name.parts) != spec.depth:
            raise SnowflakeError.syntax(f"the name of a {spec.kind.lower()} has {spec.depth} part(s): {new_name}")
        check_identifier(new_name.name, spec.kind)
        if new_name == entry.name:
            return self._shown(entry)
        container = self._container(session, spec, new_name)
        if self._catalogue.lookup(container, spec.kind, new_name.name) is not None:
            raise SnowflakeError.already_exists(spec.kind, new_name)
        self._refuse_other_case(spec, container, new_name, entry)
        self._may_create(session, spec, container)
        if entry.owner is None:
            raise SnowflakeError.insufficient_privileges(spec.kind, entry.own_name)
        old_name, database = entry.name, entry.container("DATABASE")
        if container is not None and container.container("DATABASE") is not database:
            raise SnowflakeError.unsupported(f"moving a {spec.kind.lower()} to another database")
        change = Change()
        change.put(
            "objects",
            entry.row(name=new_name.name, parent=None if container is None else container.identifier),
        )
        self._follow(change, spec.kind, old_name, new_name, entry)
        if spec.kind == "DATABASE":
            check_database_name(new_name.name)
            self._catalogue.commit(change)
            self._data.detach(old_name.name)
            self._attach(entry)
        else:
            statements = [] if spec.kind != "SCHEMA" or database is None else self._displace(change, database, new_name)
            statements += self._rename_statements(entry, old_name, new_name)
            self._carry_out(change, database, statements)
        for moved in (entry, *entry.descendants()):
            self._after_data_change(moved)
        return self._shown(entry)

    def _rename_statements(self, entry: Entry, old: ObjectName, new: ObjectName) -> builtins.list[str]:
        if entry.kind == "SCHEMA":
            statements = [self._data.create_schema_sql(new)]
            inside = sorted(entry.children.values(), key=lambda child: child.kind in _VIEW_KINDS)
            macros: set[str] = set()
            for child in inside:
                target = ObjectName((*new.parts, child.own_name), child.arguments)
                if child.kind == "FUNCTION":
                    if child.own_name in macros:
                        continue
                    macros.add(child.own_name)
                statements += self._move_statements(child, target)
            for kept in self._of_parent(entry.identifier, "TABLE"):
                there, here = (place.child(kept.place).sql() for place in (new, old))
                statements.append(f"CREATE TABLE {there} AS SELECT * FROM {here}")  # noqa: S608 quoted
            return [*statements, f"DROP SCHEMA {old.sql()} CASCADE"]
        if entry.kind not in DATA_KINDS:
            return []
        if old.parts[:2] != new.parts[:2]:
            return [*self._move_statements(entry, new), *self._drop_statements(entry)]
        if entry.kind == "TABLE":
            if any(column.identity for column in entry.properties["COLUMNS"]):
                return [*self._move_statements(entry, new), *self._drop_statements(entry)]
            return [f"ALTER TABLE {old.sql()} RENAME TO {quote(new.name)}"]
        return [*self._move_statements(entry, new), *self._drop_statements(entry)]

    def _move_statements(self, entry: Entry, new: ObjectName) -> builtins.list[str]:
        """Make again under a new name what DuckDB cannot move, with its rows."""
        data, properties = self._data, entry.properties
        if entry.kind == "TABLE":
            columns = self._real_columns(entry)
            listed = ", ".join(quote(column.name) for column in columns)
            return [
                *data.create_table_sql(new, continued(columns, self._next_values(entry))),
                f"INSERT INTO {new.sql()} ({listed}) SELECT {listed} FROM {entry.name.sql()}",  # noqa: S608 quoted
            ]
        if entry.kind in _VIEW_KINDS:
            return self._create_statements(entry.identifier, entry.kind, new, dict(properties), None, moved=True)
        if entry.kind == "SEQUENCE":
            return [data.create_sequence_sql(new, data.next_value(entry.name), properties.get("INCREMENT", 1))]
        if entry.kind == "FUNCTION":
            schema = entry.parent
            assert schema is not None
            variants = [
                (
                    [argument[0] for argument in other.properties.get("ARGUMENTS", [])],
                    self._function_expression(other.identifier, new, other.properties),
                )
                for other in self._catalogue.overloads(schema, "FUNCTION", entry.own_name)
            ]
            return [data.create_macro_sql(new, variants)]
        return []

    def _next_values(self, table: Entry) -> dict[str, int]:
        """What the identity columns of a table give next."""
        return {
            column.name: self._data.next_value(self._data.identity_sequence(table.name, column.name))
            for column in table.properties["COLUMNS"]
            if column.identity is not None
        }

    def _attach(self, database: Entry) -> None:
        """Attach a database; under a new name, make anew what DuckDB keeps the old one in: the defaults of identity
        columns, functions, and views that call them."""
        if not self._data.attach(database.identifier, database.own_name):
            return
        statements: list[str] = []
        functions: set[ObjectName] = set()
        views: list[str] = []
        for entry in database.descendants():
            if entry.kind == "TABLE":
                statements += self._data.identity_defaults_sql(entry.name, entry.properties["COLUMNS"])
            elif entry.kind == "FUNCTION":
                functions.add(ObjectName(entry.name.parts))
            elif entry.kind in _VIEW_KINDS and self._functions_in(*entry.name.parts[:2]):
                views += self._view_again(entry)
        for name in sorted(functions):
            statements += self._function_statements(name, {})
        self._data.take_name(database.own_name, [*statements, *views])

    def _view_again(self, view: Entry) -> builtins.list[str]:
        """The statement that replaces a view by itself; none where its query no longer holds, which then shows when it
        is read, as in Snowflake."""
        name, properties = view.name, view.properties
        query = properties["QUERY" if view.kind == "DYNAMIC TABLE" else "STATEMENT"]
        try:
            translated = self._data.query_sql(
                query, name.database, name.schema, self._functions_in(name.database, name.schema)
            )
        except SnowflakeError:
            return []
        if f"{quote(name.database)}.{quote(name.schema)}" not in translated:
            return []
        columns = [column["NAME"] for column in properties.get("COLUMNS", [])]
        return [self._data.create_view_sql(name, translated, columns, replace=True)]

    def _follow(self, change: Change, kind: str, old: ObjectName, new: ObjectName, renamed: Entry) -> None:
        """Let every property that names the object, or what lies in it, name it anew."""
        for entry in self._catalogue.entries.values():
            if entry is renamed:
                continue
            updated = self._followed_properties(entry.kind, entry.properties, old, new, kind)
            if updated != entry.properties:
                change.put("objects", entry.row(properties=updated))

    @staticmethod
    def _followed_properties(
        kind: str, properties: Mapping[str, Any], old: ObjectName, new: ObjectName, renamed: str = "SCHEMA"
    ) -> dict[str, Any]:
        """An object's properties, those that name what was renamed, or what lies in it, naming it anew."""
        updated = dict(properties)
        for key, value in properties.items():
            known = KINDS[kind].properties.get(key)
            if known is None or known.refers_to is None:
                continue
            if known.refers_to != renamed and renamed not in ("DATABASE", "SCHEMA"):
                continue
            if renamed in ("DATABASE", "SCHEMA") and KINDS[known.refers_to].depth <= len(old.parts):
                continue
            items = value if isinstance(value, list) else [value]
            followed = [_followed(item, old, new) for item in items]
            if followed != items:
                updated[key] = followed if isinstance(value, list) else followed[0]
        return updated

    # --- drop

    @locked
    def drop(
        self, session: Session, kind: str, name: ObjectName, *, if_exists: bool = False, restrict: bool = False
    ) -> None:
        """Drop it and what lies in it, with all grants on it. What a dropped role owned goes to the session's role.

        Refused while a policy or network rule in it still protects something outside; with `restrict` also while a
        database or schema still has tables in it. A function's name needs its arguments where there are several.
        """
        spec = spec_of(kind)
        entry = self._entry(kind, name)
        if entry is None or not self._rights.sees(session, entry):
            if if_exists:
                return
            raise self._missing(session, kind, name)
        if spec.kind == "ACCOUNT" or entry.owner is None:
            raise SnowflakeError.insufficient_privileges(spec.kind, entry.own_name)
        self._owned(session, entry)
        self._refuse_if_needed(entry)
        if spec.kind == "TASK" and self._predecessors(entry.properties):
            self._require_suspended_roots([entry])
        if restrict and any(child.kind == "TABLE" for child in entry.descendants()):
            raise SnowflakeError.compilation(2200, "2BP01", f"{spec.kind.capitalize()} '{name}' is not empty.")
        change = Change()
        inside = list(entry.descendants())
        self._hand_over_all(session, change, entry)
        self._forget_references(change, entry)
        retired = self._retire(change, entry)
        statements = self._drop_statements(entry) if retired is None else retired
        database = entry.container("DATABASE")
        old_name = entry.name
        self._remove(change, entry)
        if spec.kind == "DATABASE":
            self._catalogue.commit(change)
            self._data.detach(entry.own_name)
            if retired is None:
                self._data.delete_file(entry.identifier)
        else:
            self._carry_out(change, database, statements)
        for gone in (*inside, entry):
            if gone.kind == "FUNCTION":
                self._data.unregister_python(gone.identifier)
            self._lengths_to_tell.discard(gone.identifier)
        if entry.kind == "TABLE":
            self._data.forget_lengths(old_name)

    def _refuse_if_needed(self, entry: Entry) -> None:
        """Refuse to drop what something outside still needs."""
        inside = {entry.identifier, *(child.identifier for child in entry.descendants())}
        for gone in (*entry.descendants(), entry):
            for use in self._catalogue.uses_of_policy.get(gone.identifier, {}).values():
                if use.target not in inside:
                    raise SnowflakeError.policy_attached(gone.own_name)
            if gone.kind == "TAG" and self._catalogue.policies_on.get(gone.identifier):
                policy = next(iter(self._catalogue.policies_on[gone.identifier].values()))
                raise SnowflakeError.policy_attached(self._catalogue.entries[policy.policy].own_name)
            if gone.kind == "NETWORK POLICY":
                self._refuse_attached_network_policy(gone)
            elif gone.kind == "NETWORK RULE":
                written = str(gone.name)
                for user in (
                    *self._catalogue.by_kind["NETWORK POLICY"].values(),
                    *self._catalogue.by_kind["INTEGRATION"].values(),
                ):
                    if any(isinstance(value, list) and written in value for value in user.properties.values()):
                        raise SnowflakeError(
                            99106,
                            "2BP01",
                            f"Cannot perform Drop operation on network rule {written}. It is associated with "
                            f"{user.kind.lower()} {user.own_name}. Take it off there and try again.",
                        )

    def _refuse_attached_network_policy(self, policy: Entry) -> None:
        for kind in ("ACCOUNT", "USER", "INTEGRATION"):
            for holder in self._catalogue.by_kind[kind].values():
                named = holder.properties.get("NETWORK_POLICY")
                if named and ObjectName.parse(named).name == policy.own_name:
                    raise SnowflakeError.compilation(
                        1492,
                        "42601",
                        f"Cannot perform Drop operation on network policy {policy.own_name}. The policy is attached to "
                        f"{kind} with name {holder.own_name}. Unset the network policy from {kind} and try the\n"
                        "Drop operation again.",
                    )

    def _hand_over_all(self, session: Session, change: Change, entry: Entry) -> None:
        """Find an heir for what the roles among the going objects own and what stays."""
        going = (*entry.descendants(), entry)
        for gone in going:
            if gone.kind in ("ROLE", "DATABASE ROLE"):
                self._hand_over(session, change, gone, {other.identifier for other in going})

    def _hand_over(self, session: Session, change: Change, role: Entry, gone: set[int]) -> None:
        """What a dropped role owns becomes the session's role's."""
        heir = self._primary_role(session)
        if heir.identifier == role.identifier:
            raise SnowflakeError.compilation(3053, "42601", "Cannot drop the current role.")
        for identifier in self._catalogue.owned.get(role.identifier, ()):
            if identifier not in gone:
                change.put("objects", self._catalogue.entries[identifier].row(owner=heir.identifier))
        self._bequeath_dropped(change, role.identifier, heir.identifier)

    def _forget_references(self, change: Change, entry: Entry) -> None:
        """Take a dropped monitor off its warehouses, a dropped task off its successors."""
        if entry.kind == "RESOURCE MONITOR":
            for kind in ("WAREHOUSE", "ACCOUNT"):
                for holder in self._catalogue.by_kind[kind].values():
                    if holder.properties.get("RESOURCE_MONITOR") == str(entry.name):
                        kept = {key: value for key, value in holder.properties.items() if key != "RESOURCE_MONITOR"}
                        change.put("objects", holder.row(properties=kept))
        if entry.kind == "USER":
            for monitor in self._catalogue.by_kind["RESOURCE MONITOR"].values():
                users = monitor.properties.get("NOTIFY_USERS", [])
                if str(entry.name) in users:
                    kept_users = [user for user in users if user != str(entry.name)]
                    change.put("objects", monitor.row(properties={**monitor.properties, "NOTIFY_USERS": kept_users}))
        if entry.kind == "TASK":
            for task in self._catalogue.by_kind["TASK"].values():
                before = task.properties.get("AFTER", [])
                if str(entry.name) in before:
                    after = [name for name in before if name != str(entry.name)]
                    change.put("objects", task.row(properties={**task.properties, "AFTER": after}))

    # --- looking

    @locked
    def find(self, kind: str, name: ObjectName) -> SnowflakeObject | None:
        """The object if it is there: the truth, whoever asks. A function may be named without its arguments where
        there is only one of the name."""
        entry = self._entry(kind, name)
        return None if entry is None else self._shown(entry)

    @locked
    def find_by_identifier(self, identifier: int) -> SnowflakeObject | None:
        """The object with this identifier, which no rename changes."""
        entry = self._catalogue.entries.get(identifier)
        return None if entry is None else self._shown(entry)

    @locked
    def visible(self, session: Session, kind: str, name: ObjectName) -> SnowflakeObject | None:
        """The object if it is there and the session may know of it: some privilege on it and the way through its
        database and schema, or MANAGE GRANTS."""
        entry = self._entry(kind, name)
        return None if entry is None or not self._rights.sees(session, entry) else self._shown(entry)

    @locked
    def list(
        self, session: Session | None, kind: str, *, within: ObjectName | None = None
    ) -> builtins.list[SnowflakeObject]:
        """All objects of a kind, sorted by name, in a database or schema where `within` says so; with a session
        only those that it may know of. A container that is not there has nothing in it."""
        spec = spec_of(kind)
        entries: Iterable[Entry] = self._catalogue.by_kind.get(spec.kind, {}).values()
        if within is not None:
            container = self._entry("DATABASE" if len(within.parts) == 1 else "SCHEMA", within)
            entries = [] if container is None else [e for e in container.descendants() if e.kind == spec.kind]
        if session is not None:
            roles = self._rights.effective(session)
            if not self._rights.on_account(roles, "MANAGE GRANTS"):
                entries = [
                    entry
                    for entry in entries
                    if self._rights.reaches(roles, entry) or (entry.kind == "USER" and entry.own_name == session.user)
                ]
        return sorted(
            (self._shown(entry) for entry in entries), key=lambda shown: (shown.name.parts, shown.name.arguments or ())
        )

    @locked
    def overloads(self, kind: str, name: ObjectName) -> builtins.list[SnowflakeObject]:
        """All functions or procedures of a name, whatever their arguments and whoever asks."""
        schema = self._entry("SCHEMA", name.parent)
        return [] if schema is None else [self._shown(e) for e in self._catalogue.overloads(schema, kind, name.name)]

    @locked
    def columns(self, name: ObjectName) -> builtins.list[Column]:
        """The columns of a table, view or dynamic table as they really are in the data, with the types, defaults
        and comments as declared where they still agree; empty if there is no such object."""
        entry = self._entry("TABLE", name) or self._entry("VIEW", name) or self._entry("DYNAMIC TABLE", name)
        return [] if entry is None else self._real_columns(entry)

    @locked
    def row_count(self, name: ObjectName) -> int:
        """How many rows a table has."""
        if self._entry("TABLE", name) is None:
            raise SnowflakeError.does_not_exist("TABLE", name)
        return self._data.row_count(name)

    @locked
    def table_bytes(self, name: ObjectName) -> int:
        """How many bytes a table's rows have, written as JSON text."""
        return self._data.row_bytes(name)

    @locked
    def database_bytes(self, name: ObjectName) -> int:
        """How many bytes a database's file has."""
        entry = self._entry("DATABASE", name)
        if entry is None:
            raise SnowflakeError.does_not_exist("DATABASE", name)
        return self._data.file_bytes(entry.identifier)

    @locked
    def parameters(self, kind: str, name: ObjectName | None = None) -> dict[str, ParameterValue]:
        """SHOW PARAMETERS IN an object (kind ACCOUNT: of the account), by key: what holds, and which kind of
        object sets it."""
        entry = self._entry(kind, name)
        if entry is None:
            raise SnowflakeError.does_not_exist(spec_of(kind).kind, name or "")
        found: dict[str, ParameterValue] = {}
        for key, parameter in parameters_of(entry.kind).items():
            value, level = parameter.default, ""
            above: Entry | None = entry
            while above is not None:
                if key in above.properties and above.kind in parameter.levels:
                    value, level = above.properties[key], above.kind
                    break
                above = above.parent or (self._account if above.identifier != ACCOUNT else None)
            if key == "DATA_RETENTION_TIME_IN_DAYS" and is_transient(entry):
                value = min(value, 1)
            found[key] = ParameterValue(key, value, parameter.default, level)
        return found

    @locked
    def effective(self, kind: str, name: ObjectName) -> dict[str, Any]:
        """An object's properties with Snowflake's defaults filled in, parameters inherited from its containers."""
        entry = self._entry(kind, name)
        if entry is None:
            raise SnowflakeError.does_not_exist(spec_of(kind).kind, name)
        spec = KINDS[entry.kind]
        inherited = self.parameters(kind, name)
        found = {
            key: inherited[key].value if key in inherited else known.default for key, known in spec.properties.items()
        }
        found.update(self._shown(entry).properties)
        found["COMMENT"] = entry.comment
        if "DATA_RETENTION_TIME_IN_DAYS" in inherited:
            found["DATA_RETENTION_TIME_IN_DAYS"] = inherited["DATA_RETENTION_TIME_IN_DAYS"].value
        return found


def continued(columns: Iterable[Column], following: Mapping[str, int]) -> builtins.list[Column]:
    """Columns of which those with an identity go on where they were."""
    return [
        replace(column, identity=(following[column.name], column.identity[1]))
        if column.identity is not None and column.name in following
        else column
        for column in columns
    ]


def _grant_row(target: int, privilege: str, grantee: int, grant_option: bool, granted_by: int | None) -> dict[str, Any]:
    return {
        "target": target,
        "privilege": privilege,
        "grantee": grantee,
        "grant_option": int(grant_option),
        "granted_by": granted_by,
        "created_on": now().isoformat(),
    }


def _policy_row(target: int, column: str, policy: int, arguments: Sequence[str]) -> dict[str, Any]:
    return {"target": target, "column_name": column, "policy": policy, "arguments": dump_list(arguments)}


def dump_list(values: Sequence[str]) -> str:
    """A list of names as the catalogue keeps it."""
    return json.dumps(list(values))


def _followed(text: str, old: ObjectName, new: ObjectName) -> str:
    name = ObjectName.parse(text)
    if not name.within(old):
        return text
    return str(ObjectName((*new.parts, *name.parts[len(old.parts) :]), name.arguments))


def _check_packages(packages: Sequence[str]) -> None:
    for package in packages:
        module = re.split(r"[=<>!~ ]", package, maxsplit=1)[0].lower().replace("-", "_")
        if importlib.util.find_spec(module) is None:
            raise SnowflakeError.compilation(
                100356,
                "P0000",
                f"Cannot create a Python function with the specified packages: '{package}' is not here.",
            )
