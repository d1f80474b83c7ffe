"""The data: DuckDB through fakesnow, one file for each Snowflake database.

Statements are written in Snowflake's SQL, turned into DuckDB's by fakesnow's own transforms, and run in
one DuckDB transaction together with a mark that says which change of the catalogue they belong to.
Nothing is forced to the disk's platter: safe against a killed process, not against a power cut.
"""

# ruff: noqa: S608  every name put into a statement is quoted first

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import duckdb
import sqlglot
from duckdb.func import FunctionNullHandling
from fakesnow import info_schema, macros
from fakesnow.instance import FakeSnow
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from emulator.package import CloudError
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.model import Column
from emulator.snowflake.account.names import ObjectName, base_type, check_identifier, literal, quote
from emulator.snowflake.account.python_modules import handler_builtins
from emulator.snowflake.account.types import from_duckdb, text_length
from emulator.snowflake.account.versions import SCHEMA as VERSIONS_SCHEMA
from emulator.snowflake.account.versions import Settled, Ticks, creation_sql, place

_log = logging.getLogger(__name__)
_Operation = TypeVar("_Operation", bound=Callable[..., Any])

HIDDEN_SCHEMA: Final = "_fs_information_schema"
"""Where fakesnow and the mark live in each database; never a Snowflake schema."""

_RESERVED_DATABASES: Final = frozenset(
    {"MEMORY", "SYSTEM", "TEMP", "_FS_GLOBAL", "MAIN", "INFORMATION_SCHEMA", "PG_CATALOG", HIDDEN_SCHEMA.upper()}
)
"""DuckDB's own, and names that it could not tell from its schemas."""
_RESERVED_SCHEMAS: Final = frozenset(
    {"MAIN", "PG_CATALOG", "INFORMATION_SCHEMA", HIDDEN_SCHEMA.upper(), VERSIONS_SCHEMA.upper()}
)
_PLACE: Final = ObjectName(("⟨database⟩", "⟨schema⟩", "⟨object⟩"))
_MARK: Final = "_catalogue_mark"
# DuckDB's BLOB has no length at all.
_UNSET_LENGTHS: Final = re.compile(r"\((16777216|9)\)$|(?<=^BINARY)\(\d+\)$")


def check_database_name(name: str) -> None:
    """Refuse by name what no database can be called here."""
    if name.upper() in _RESERVED_DATABASES:
        raise SnowflakeError.unsupported(f"a database named {name}")


def _changes_structure(operation: _Operation) -> _Operation:
    """Forget what is known of tables' columns, when an operation begins and again when it has ended."""

    @wraps(operation)
    def wrapper(self: Data, *args: Any, **kwargs: Any) -> Any:
        self._descriptions.clear()
        self.settled.clear()
        try:
            return operation(self, *args, **kwargs)
        finally:
            self._descriptions.clear()
            self.settled.clear()

    return cast(_Operation, wrapper)


class Data:
    """The databases of one account, in files under `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.fakesnow = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False, db_path=directory)
        self._root: duckdb.DuckDBPyConnection = self.fakesnow.duck_conn
        # A VARIANT may have 16 MB, and reading its text takes eight times that in one piece: hence the memory.
        for setting in (
            "SET GLOBAL fsync_mode = 'NONE'",
            "SET GLOBAL memory_limit = '384MiB'",
            "SET GLOBAL threads = 2",
            "SET GLOBAL checkpoint_on_detach = 'DISABLED'",
            "PRAGMA disable_checkpoint_on_shutdown",
            f"SET GLOBAL temp_directory = {literal(str(directory / 'spill'))}",
        ):
            self._root.execute(setting)
        self._work = self._root.cursor()
        # DuckDB registers functions only through a connection with no result outstanding.
        self._registry = self._root.cursor()
        self._translation = self.fakesnow.connect()
        self._tables: dict[str, tuple[str, list[tuple[str, int]]]] = {}
        self._python: set[str] = set()
        self.ticks = Ticks()
        self.settled: dict[int, Settled] = {}
        # What DESCRIBE said, until anything is made, changed or dropped in any database.
        self._descriptions: dict[ObjectName, list[Column]] = {}

    def close(self) -> None:
        self._registry.close()
        self._work.close()
        self._translation.close()
        self._root.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return self._root.cursor()

    # --- databases

    def file(self, identifier: int) -> Path:
        """The file of the database with this identifier in the catalogue."""
        return self._directory / f"{identifier}.duckdb"

    def remove_strays(self, identifiers: Iterable[int]) -> None:
        """Delete every file that belongs to no database: a creation or a drop that a kill interrupted."""
        kept = {self.file(identifier).name for identifier in identifiers}
        for path in self._directory.glob("*.duckdb*"):
            if path.name.removesuffix(".wal") not in kept:
                path.unlink(missing_ok=True)

    def mark_of(self, identifier: int) -> str | None:
        """The mark that a database's file carries, None where there is no such file."""
        path = self.file(identifier)
        if not path.exists():
            return None
        self._root.execute(f"ATTACH {literal(str(path))} AS _recovery")
        try:
            row = self._root.execute(f"SELECT change FROM _recovery.{HIDDEN_SCHEMA}.{_MARK}").fetchone()
        finally:
            self._root.execute("DETACH _recovery")
        return None if row is None else str(row[0])

    @_changes_structure
    def create_database(self, identifier: int, name: str, schemas: Sequence[str]) -> None:
        """Make and attach the file of a database, with what fakesnow needs in it, and its first schemas."""
        check_database_name(name)
        for path in (self.file(identifier), self.file(identifier).with_suffix(".duckdb.wal")):
            path.unlink(missing_ok=True)
        self._root.execute(f"ATTACH {literal(str(self.file(identifier)))} AS {quote(name)}")
        work = self._work
        work.begin()
        try:
            work.execute(_per_database(name))
            work.execute(f"CREATE TABLE {quote(name)}.{HIDDEN_SCHEMA}.{_MARK} (change VARCHAR, database VARCHAR)")
            work.execute(f"INSERT INTO {quote(name)}.{HIDDEN_SCHEMA}.{_MARK} VALUES ('', ?)", [name])
            for schema in schemas:
                work.execute(f"CREATE SCHEMA {quote(name)}.{quote(schema)}")
            for statement in creation_sql(name, self.ticks.moment()):
                work.execute(statement)
            work.commit()
        except BaseException:
            work.rollback()
            self.remove_database(identifier, name)
            raise

    def remove_database(self, identifier: int, name: str) -> None:
        """Detach a database and delete its file."""
        self.detach(name)
        self.delete_file(identifier)

    @_changes_structure
    def detach(self, name: str) -> None:
        """Let go of a database's file."""
        self._root.execute(f"DETACH DATABASE IF EXISTS {quote(name)}")
        self._root.execute(
            "DELETE FROM _fs_global._fs_information_schema._fs_columns_ext WHERE ext_table_catalog = ?", [name]
        )

    def delete_file(self, identifier: int) -> None:
        """Delete the file of a database that is let go. What cannot be deleted now is at the next start."""
        for path in (self.file(identifier), self.file(identifier).with_suffix(".duckdb.wal")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    @_changes_structure
    def attach(self, identifier: int, name: str) -> bool:
        """Attach a database's file under its name; True where it had another before, so that `take_name` is due."""
        path = self.file(identifier)
        if not path.exists():
            raise CloudError(
                f"the data of database {name} is missing ({path.name} in the account's data folder): "
                "put it back, or destroy the embedded cloud and make it anew"
            )
        self._root.execute(f"ATTACH {literal(str(path))} AS {quote(name)}")
        try:
            [(last,)] = self._root.execute(f"SELECT max(seq) FROM {place(name, 'changes')}").fetchall()
            self.ticks.follow(last or 0)
        except duckdb.CatalogException:
            # A file of before Time Travel.
            for statement in creation_sql(name, self.ticks.moment()):
                self._root.execute(statement)
        [(known,)] = self._root.execute(f"SELECT database FROM {quote(name)}.{HIDDEN_SCHEMA}.{_MARK}").fetchall()
        return bool(known != name)

    @_changes_structure
    def take_name(self, name: str, statements: Iterable[str]) -> None:
        """Make anew what holds the database's name, and last the note of that name: a kill before it has all of it
        done again. A statement that no longer holds (a view on a table of another name) is left as it was."""
        work = self._work
        work.execute(_per_database(name, replace=True)).fetchall()
        for statement in statements:
            try:
                work.execute(statement).fetchall()
            except duckdb.Error as error:
                _log.warning("not made anew in %s: %s", name, error)
        work.execute(f"UPDATE {quote(name)}.{HIDDEN_SCHEMA}.{_MARK} SET database = ?", [name]).fetchall()

    # --- statements

    @_changes_structure
    def execute(self, database: str, change: str, statements: Iterable[str]) -> None:
        """Run DuckDB statements on one database and mark it with the change they belong to: all or nothing."""
        work = self._work
        work.begin()
        try:
            for statement in statements:
                work.execute(statement)
            work.execute(f"UPDATE {quote(database)}.{HIDDEN_SCHEMA}.{_MARK} SET change = ?", [change])
            work.commit()
        except duckdb.Error as error:
            with contextlib.suppress(duckdb.Error):
                work.rollback()
            raise translate_error(error) from error

    def create_schema_sql(self, name: ObjectName) -> str:
        if name.name.upper() in _RESERVED_SCHEMAS:
            raise SnowflakeError.unsupported(f"a schema named {name.name}")
        return f"CREATE SCHEMA {name.sql()}"

    def create_table_sql(self, name: ObjectName, columns: Sequence[Column]) -> list[str]:
        """The DuckDB statements that make a table. Keys are not among them: Snowflake does not enforce them."""
        definitions = ", ".join(_definition(column) for column in columns if column.identity is None)
        before: list[str] = []
        identities = [column for column in columns if column.identity is not None]
        if identities:
            parts = []
            for column in columns:
                if column.identity is None:
                    parts.append(_definition(column))
                    continue
                sequence = _identity_sequence(name, column.name)
                start, increment = column.identity
                before.append(self.create_sequence_sql(sequence, start, increment))
                parts.append(
                    f"{quote(column.name)} {_written_type(column.type)} DEFAULT NEXTVAL({literal(sequence.sql())})"
                )
            definitions = ", ".join(parts)
        template, _ = self._table_template(definitions)
        return [*before, _placed(template, name)]

    def create_sequence_sql(self, name: ObjectName, start: int, increment: int) -> str:
        """A sequence, with Snowflake's bounds rather than DuckDB's narrower ones."""
        return (
            f"CREATE SEQUENCE {name.sql()} MINVALUE {-(2**63)} MAXVALUE {2**63 - 1} START {start} INCREMENT {increment}"
        )

    def create_table_as_sql(self, name: ObjectName, query: str) -> str:
        return f"CREATE TABLE {name.sql()} AS {query}"

    def drop_table_sql(self, name: ObjectName, columns: Sequence[Column]) -> list[str]:
        return [
            f"DROP TABLE {name.sql()}",
            *(
                f"DROP SEQUENCE IF EXISTS {_identity_sequence(name, column.name).sql()}"
                for column in columns
                if column.identity is not None
            ),
        ]

    def add_column_sql(self, name: ObjectName, column: Column) -> list[str]:
        """The DuckDB statements that add a column; DuckDB takes NOT NULL only afterwards."""
        free = Column(column.name, column.type, True, column.default)
        added = self._transform(f"ALTER TABLE {_PLACE.sql()} ADD COLUMN {_definition(free)}").sql(dialect="duckdb")
        statements = [_placed(added, name)]
        if not column.nullable:
            statements.append(f"ALTER TABLE {name.sql()} ALTER COLUMN {quote(column.name)} SET NOT NULL")
        return statements

    def identity_defaults_sql(self, name: ObjectName, columns: Sequence[Column]) -> list[str]:
        """The statements that bind the identity columns of a table to their sequences again."""
        return [
            f"ALTER TABLE {name.sql()} ALTER COLUMN {quote(column.name)} "
            f"SET DEFAULT NEXTVAL({literal(_identity_sequence(name, column.name).sql())})"
            for column in columns
            if column.identity is not None
        ]

    def next_value(self, sequence: ObjectName, increment: int | None = None) -> int:
        """The value that a sequence gives next, with its own step or another."""
        step = "increment_by" if increment is None else str(increment)
        row = self._work.execute(
            f"SELECT coalesce(last_value + {step}, start_value) FROM duckdb_sequences() "
            "WHERE database_name = ? AND schema_name = ? AND sequence_name = ?",
            list(sequence.parts),
        ).fetchone()
        return 1 if row is None else int(row[0])

    def _table_template(self, definitions: str) -> tuple[str, list[tuple[str, int]]]:
        # Tenants are alike: the same columns again and again, translated once.
        known = self._tables.get(definitions)
        if known is None:
            expression = self._transform(f"CREATE TABLE {_PLACE.sql()} ({definitions})")
            known = expression.sql(dialect="duckdb"), list(expression.args.get("text_lengths") or [])
            self._tables[definitions] = known
        return known

    def query_sql(self, query: str, database: str, schema: str, functions: frozenset[str] = frozenset()) -> str:
        """A Snowflake query as DuckDB's, every unqualified table and own function taken from the given schema."""
        try:
            expression = sqlglot.parse_one(query, read="snowflake")
        except SqlglotError as error:
            raise SnowflakeError.syntax(re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()[0]) from error
        if not isinstance(expression, exp.Query):
            raise SnowflakeError.syntax(f"a query is needed, not {expression.key.upper()}")
        _qualify(expression, database, schema, functions)
        connection = self._translation
        connection.database, connection._schema = database, schema
        connection.database_set = connection.schema_set = True
        cursor = connection.cursor()
        try:
            return str(cursor._transform(expression, None).sql(dialect="duckdb"))
        except (SqlglotError, NotImplementedError) as error:
            raise SnowflakeError.unsupported(str(error)) from error

    def check_view_columns(self, query: str, translated: str, columns: Sequence[str]) -> None:
        """Refuse a view whose columns Snowflake could not tell apart, or not name."""
        names = [column.name for column in self.describe_query(translated)]
        if columns and len(columns) != len(names):
            raise SnowflakeError.compilation(2026, "42601", "Invalid column definition list")
        first = sqlglot.parse_one(query, read="snowflake")
        while isinstance(first, exp.SetOperation | exp.Subquery):
            first = first.this
        if not columns and isinstance(first, exp.Select):
            for item in first.expressions:
                if not isinstance(item, exp.Alias | exp.Column | exp.JSONExtract) and not item.is_star:
                    raise SnowflakeError.compilation(2022, "42601", "Missing column specification")
        known: set[str] = set()
        for name in columns or names:
            check_identifier(name, "column")
            if name in known:
                raise SnowflakeError.compilation(2025, "42S21", f"duplicate column name '{name}'")
            known.add(name)

    def create_view_sql(self, name: ObjectName, query: str, columns: Sequence[str], *, replace: bool = False) -> str:
        listed = f" ({', '.join(quote(column) for column in columns)})" if columns else ""
        return f"CREATE {'OR REPLACE ' if replace else ''}VIEW {name.sql()}{listed} AS {query}"

    def create_empty_view_sql(self, name: ObjectName, columns: Iterable[tuple[str, str]]) -> str:
        """A view that only has columns, (name, DuckDB's type) each."""
        listed = ", ".join(f"CAST(NULL AS {type_}) AS {quote(column)}" for column, type_ in columns)
        return f"CREATE VIEW {name.sql()} AS SELECT {listed} WHERE false"

    def create_macro_sql(self, name: ObjectName, variants: Sequence[tuple[Sequence[str], str]]) -> str:
        """All overloads of one function as one DuckDB macro: (argument names, DuckDB expression) each."""
        bodies = ", ".join(
            f"({', '.join(quote(argument) for argument in names)}) AS {body}" for names, body in variants
        )
        return f"CREATE OR REPLACE MACRO {ObjectName(name.parts).sql()} {bodies}"

    def expression_sql(self, body: str, database: str, schema: str, functions: frozenset[str] = frozenset()) -> str:
        """The body of an SQL function (an expression or a query of one value) as a DuckDB expression."""
        text = body.strip().rstrip(";").strip()
        if re.match(r"(SELECT|WITH)\b", text, re.IGNORECASE):
            return f"({self.query_sql(text, database, schema, functions)})"
        translated = self.query_sql(f"SELECT ({text}\n)", database, schema, functions)
        return translated.removeprefix("SELECT ")

    def type_sql(self, type_: str) -> str:
        """A Snowflake type as DuckDB's."""
        return _duckdb_type(self, type_)

    def describe_query(self, query: str) -> list[Column]:
        """The columns of a DuckDB query."""
        try:
            return _described(self._work.execute(f"DESCRIBE {query}").fetchall())
        except duckdb.Error as error:
            raise translate_error(error) from error

    def describe(self, name: ObjectName) -> list[Column]:
        """The columns of a table or view as DuckDB has them, their types mapped back; empty if it is not there."""
        known = self._descriptions.get(name)
        if known is None:
            try:
                known = _described(self._work.execute(f"DESCRIBE {name.sql()}").fetchall())
            except duckdb.Error:
                return []
            self._descriptions[name] = known
        return list(known)

    def identity_sequence(self, table: ObjectName, column: str) -> ObjectName:
        """The sequence of an identity column."""
        return _identity_sequence(table, column)

    def statement_changes(
        self, cursor: duckdb.DuckDBPyConnection, database: str, query: str
    ) -> tuple[int, int, datetime] | None:
        """The first and last number of what a statement changed in a database, and when; None where it did nothing."""
        (found,) = cursor.execute(
            "SELECT min(seq), max(seq), max(moment) FROM "
            f"(SELECT seq, moment, query FROM {place(database, 'changes')} UNION ALL "
            f"SELECT seq, moment, query FROM {place(database, 'eras')}) WHERE query = ? AND seq IS NOT NULL",
            [query],
        ).fetchall()
        return None if found[0] is None else (found[0], found[1], found[2].replace(tzinfo=UTC))

    def row_count(self, name: ObjectName) -> int:
        row = self._work.execute(f"SELECT count(*) FROM {name.sql()}").fetchone()
        return 0 if row is None else int(row[0])

    def row_bytes(self, name: ObjectName) -> int:
        """The length of a table's rows as JSON text."""
        row = self._work.execute(f"SELECT coalesce(sum(strlen(CAST(to_json(t) AS VARCHAR))), 0) FROM {name.sql()} t")
        found = row.fetchone()
        return 0 if found is None else int(found[0])

    def file_bytes(self, identifier: int) -> int:
        """The size of a database's file and of what is still to be merged into it."""
        files = (self.file(identifier), self.file(identifier).with_suffix(".duckdb.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def contents(self) -> dict[str, set[tuple[str, ...]]]:
        """All schemas, tables and views that are there, as name parts by kind."""
        skipped = "database_name NOT IN ('system', 'temp', 'memory', '_fs_global') AND NOT internal"
        found: dict[str, set[tuple[str, ...]]] = {}
        for kind, source, columns in (
            ("SCHEMA", "duckdb_schemas()", "database_name, schema_name"),
            ("TABLE", "duckdb_tables()", "database_name, schema_name, table_name"),
            ("VIEW", "duckdb_views()", "database_name, schema_name, view_name"),
        ):
            rows = self._root.execute(
                f"SELECT {columns} FROM {source} WHERE {skipped} "
                f"AND schema_name NOT IN ('main', '{HIDDEN_SCHEMA}', '{VERSIONS_SCHEMA}')"
            ).fetchall()
            found[kind] = set(rows)
        return found

    @_changes_structure
    def remove_stray(self, kind: str, name: ObjectName) -> None:
        """Drop from the data what no catalogue has."""
        cascade = " CASCADE" if kind == "SCHEMA" else ""
        self._work.execute(f"DROP {kind} IF EXISTS {name.sql()}{cascade}")

    # --- what fakesnow keeps beside the data, in memory only

    def remember_lengths(self, tables: Iterable[tuple[ObjectName, Sequence[Column]]]) -> None:
        """Tell fakesnow's information schema the declared lengths of text columns."""
        rows = [
            (*name.parts, column.name, length, min(length * 4, 16_777_216))
            for name, columns in tables
            for column in columns
            if (length := text_length(column.type)) is not None
        ]
        if rows:
            self._root.execute(
                "INSERT OR REPLACE INTO _fs_global._fs_information_schema._fs_columns_ext "
                "SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)",
                [list(values) for values in zip(*rows, strict=True)],
            )

    def forget_lengths(self, name: ObjectName) -> None:
        """Take a dropped table out of fakesnow's information schema."""
        self._root.execute(
            "DELETE FROM _fs_global._fs_information_schema._fs_columns_ext "
            "WHERE ext_table_catalog = ? AND ext_table_schema = ? AND ext_table_name = ?",
            list(name.parts),
        )

    # --- Python functions

    @_changes_structure
    def register_python(
        self,
        identifier: int,
        body: str,
        handler: str,
        arguments: Sequence[tuple[str, str]],
        returns: str,
        strict: bool,
        packages: Sequence[str] = (),
    ) -> str:
        """Make a Python handler callable and return the DuckDB name to call it by. Not kept: again at each start."""
        name = f"_python_{identifier}"
        function = _load_handler(body, handler, packages)
        convert = [_to_python(type_) for _, type_ in arguments]
        give = _from_python(returns)

        def call(*values: Any) -> Any:
            if strict and any(value is None for value in values):
                return None
            result = function(*(change(value) for change, value in zip(convert, values, strict=True)))
            return None if result is None else give(result)

        # DuckDB counts the parameters by the signature.
        parameters = [
            inspect.Parameter(f"argument_{position}", inspect.Parameter.POSITIONAL_ONLY)
            for position in range(len(arguments))
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        self.register_function(name, call, [self.type_sql(type_) for _, type_ in arguments], self.type_sql(returns))
        return name

    @_changes_structure
    def register_function(
        self, name: str, function: Callable[..., Any], parameters: Sequence[str], returns: str
    ) -> None:
        """Make a Python function callable, its types DuckDB's."""
        if name in self._python:
            self._registry.remove_function(name)
        self._registry.create_function(
            name,
            function,
            list(parameters),
            returns,
            null_handling=FunctionNullHandling.SPECIAL,
            side_effects=True,
        )
        self._python.add(name)

    @_changes_structure
    def unregister_python(self, identifier: int) -> None:
        name = f"_python_{identifier}"
        if name in self._python:
            self._registry.remove_function(name)
            self._python.discard(name)

    def _transform(self, statement: str) -> Any:
        try:
            expression = sqlglot.parse_one(statement, read="snowflake")
            return self._translation.cursor()._transform(expression, None)
        except SqlglotError as error:
            raise SnowflakeError.syntax(re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()[0]) from error


def _per_database(name: str, *, replace: bool = False) -> str:
    """What fakesnow needs in a database, for any name (its own templates take plain ones only)."""
    marker = "FS__CATALOG"
    sql: str = info_schema.per_db_creation_sql(marker) + macros.creation_sql(marker)
    if replace:
        sql = sql.replace("create view if not exists", "create or replace view")
    return sql.replace(f"'{marker}'", literal(name)).replace(marker, quote(name))


def _placed(template: str, name: ObjectName) -> str:
    return template.replace(_PLACE.sql(), name.sql(), 1)


def _identity_sequence(table: ObjectName, column: str) -> ObjectName:
    return table.renamed(f"_identity_{table.name}_{column}")


def _written_type(type_: str) -> str:
    """The type for fakesnow: lengths that only say the default would change DuckDB's type."""
    return _UNSET_LENGTHS.sub("", type_)


def _definition(column: Column) -> str:
    default = "" if column.default is None else f" DEFAULT {column.default}"
    return f"{quote(column.name)} {_written_type(column.type)}{default}{'' if column.nullable else ' NOT NULL'}"


@lru_cache(maxsize=1024)
def _duckdb_type(data: Data, type_: str) -> str:
    expression = data._transform(f'CREATE TABLE {_PLACE.sql()} ("C" {_written_type(type_)})')
    definition = expression.find(exp.ColumnDef)
    assert definition is not None
    return str(definition.args["kind"].sql(dialect="duckdb"))


def _described(rows: Iterable[tuple[Any, ...]]) -> list[Column]:
    return [
        Column(name, from_duckdb(type_), nullable != "NO", default, "", position)
        for position, (name, type_, nullable, _, default, *_) in enumerate(rows, start=1)
    ]


def _qualify(expression: Any, database: str, schema: str, functions: frozenset[str]) -> None:
    for scope in traverse_scope(expression):
        for source in scope.sources.values():
            if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
                continue
            if not source.db:
                source.set("db", exp.to_identifier(schema, quoted=True))
            if not source.catalog:
                source.set("catalog", exp.to_identifier(database, quoted=True))
    for call in list(expression.find_all(exp.Anonymous)):
        name = str(call.this).upper()
        if name in functions and not isinstance(call.parent, exp.Dot):
            call.set("this", name)
            call.replace(
                exp.Dot.build(
                    [exp.to_identifier(database, quoted=True), exp.to_identifier(schema, quoted=True), call.copy()]
                )
            )


def _load_handler(body: str, handler: str, packages: Sequence[str]) -> Callable[..., Any]:
    namespace: dict[str, Any] = {"__name__": "_snowflake_udf", "__builtins__": handler_builtins(packages)}
    try:
        exec(compile(body, "<function>", "exec"), namespace)  # noqa: S102 running it is the function's purpose
    except SyntaxError as error:
        raise SnowflakeError(
            100357, "P0000", f"Python Interpreter Error:\n{error.msg} (line {error.lineno} of the function's body)"
        ) from error
    except Exception as error:
        raise SnowflakeError(100357, "P0000", f"Python Interpreter Error:\n{type(error).__name__}: {error}") from error
    function = namespace.get(handler)
    if not callable(function):
        raise SnowflakeError(100357, "P0000", f"Python Interpreter Error:\nthe body defines no handler '{handler}'")
    found: Callable[..., Any] = function
    return found


def _same(value: Any) -> Any:
    return value


def _to_python(type_: str) -> Callable[[Any], Any]:
    base = base_type(type_)
    if base in ("VARIANT", "OBJECT", "ARRAY"):
        return lambda value: json.loads(value) if isinstance(value, str) else value
    if base == "NUMBER" and type_.endswith(",0)"):
        return lambda value: None if value is None else int(value)
    return _same


def _from_python(type_: str) -> Callable[[Any], Any]:
    base = base_type(type_)
    if base in ("VARIANT", "OBJECT", "ARRAY"):
        return lambda value: json.dumps(value, default=str)
    if base == "NUMBER":
        return lambda value: Decimal(str(value)) if not type_.endswith(",0)") else int(value)
    if base == "VARCHAR":
        return str
    return _same


_MISSING: Final = re.compile(
    r"(Table|View|Schema|Macro Function|Scalar Function|Catalog) with name \"?(.+?)\"? does not exist"
)


# DuckDB's words for a name that leads nowhere, and Snowflake's.
_BINDING: Final = (
    (
        r'Referenced (?:column|table) "(.*?)" (?:was )?not found|does not have a column named "(.*?)"',
        "invalid identifier '{0}'",
    ),
    (r'Ambiguous reference to column name "(.*?)"', "ambiguous column name '{0}'"),
)


def translate_error(error: duckdb.Error) -> SnowflakeError:
    """DuckDB's refusal in Snowflake's number and, where there are any, words."""
    first = str(error).splitlines()[0]
    text = first.split(": ", 1)[-1]
    if isinstance(error, duckdb.CatalogException):
        if match := _MISSING.search(first):
            if "Function" in match[1]:
                return SnowflakeError.compilation(2140, "42601", f"Unknown function {match[2].upper()}.")
            return SnowflakeError.does_not_exist("TABLE", match[2])
        if "already exists" in first:
            return SnowflakeError.compilation(2002, "42710", text)
        return SnowflakeError.compilation(2003, "42S02", text)
    if isinstance(error, duckdb.BinderException):
        for pattern, words in _BINDING:
            if match := re.search(pattern, first):
                return SnowflakeError.compilation(
                    904, "42000", words.format(*(group for group in match.groups() if group))
                )
        return SnowflakeError.compilation(904, "42000", text)
    if isinstance(error, duckdb.ParserException):
        return SnowflakeError.compilation(1003, "42000", text)
    if isinstance(error, duckdb.ConstraintException):
        return SnowflakeError(100072, "22000", f"NULL result in a non-nullable column: {text}")
    if isinstance(error, duckdb.ConversionException):
        return SnowflakeError(100038, "22018", text)
    if isinstance(error, duckdb.TransactionException):
        return SnowflakeError(625, "57014", f"Statement was aborted: {text}")
    return SnowflakeError(2, "0A000", f"Unsupported feature '{text}'.")


def declared(found: Sequence[Column], declared_columns: Mapping[str, Column]) -> list[Column]:
    """The columns as found, with the declared type, default, comment and identity where they are the same column."""
    merged: list[Column] = []
    for column in found:
        known = declared_columns.get(column.name)
        if known is None or from_duckdb_family(known.type) != from_duckdb_family(column.type):
            merged.append(column)
            continue
        merged.append(
            Column(
                column.name,
                known.type,
                column.nullable,
                None if column.default is None and known.identity is None else known.default,
                known.comment,
                column.position,
                known.identity,
                known.collation,
            )
        )
    return merged


def from_duckdb_family(type_: str) -> str:
    """What a declared type can still be told apart as in the data."""
    base = base_type(type_)
    if base in ("ARRAY", "OBJECT", "VARIANT"):
        return "JSON"
    if base in ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"):
        return "TIMESTAMP WITH TIME ZONE"
    return base
