"""Runs prepared queries and row changes in DuckDB, with the checks of values that only Snowflake makes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
from sqlglot import exp

from emulator.snowflake.account import Account, Column, SnowflakeError
from emulator.snowflake.account.names import base_type, quote
from emulator.snowflake.account.types import binary_length, text_length
from emulator.snowflake.account.versions import TableVersions
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.policies import BARRIER
from emulator.snowflake.sql.results import MAXIMUM_TEXT, Result, ResultColumn, StatementType, variant_text
from emulator.snowflake.sql.rows import Prepared
from emulator.snowflake.sql.syntax import unsupported
from emulator.snowflake.sql.translate import TABLE_FUNCTIONS, from_duckdb, tables_of, to_duckdb

_SEMI_STRUCTURED = frozenset({"VARIANT", "OBJECT", "ARRAY"})
_MERGED = (
    ("INSERT", "number of rows inserted"),
    ("UPDATE", "number of rows updated"),
    ("DELETE", "number of rows deleted"),
)
BINDINGS = "_bindings"


@contextmanager
def snowflake_errors() -> Iterator[None]:
    """DuckDB's errors as Snowflake's."""
    try:
        yield
    except duckdb.Error as error:
        raise from_duckdb(error) from error


def _checked(prepared: Prepared, text: str) -> str:
    """The translated text, if it names nothing but what was authorised."""
    own = (*prepared.names, *prepared.relations, *prepared.past)
    allowed = {table.parts for table in prepared.tables} | {(name,) for name in own}
    if prepared.target is not None:
        allowed.add(prepared.target.parts)
    for named in tables_of(text):
        if named not in allowed and named not in TABLE_FUNCTIONS:
            raise unsupported(f"a value that reads as the name {'.'.join(named)}")
    return text


@contextmanager
def relations(duck: duckdb.DuckDBPyConnection, prepared: Prepared) -> Iterator[None]:
    """Let what a statement reads besides tables have its names."""
    for name, rows in prepared.relations.items():
        duck.register(name, rows)
    try:
        for name, query in prepared.past.items():
            duck.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {query}")
        yield
    finally:
        for name in prepared.relations:
            duck.unregister(name)
        for name in prepared.past:
            with suppress(duckdb.Error):
                duck.execute(f"DROP VIEW IF EXISTS temp.main.{quote(name)}")


def run_query(duck: duckdb.DuckDBPyConnection, prepared: Prepared, *, describe: bool = False) -> Result:
    """The rows of a query, or with `describe` only its columns."""
    text = _checked(prepared, to_duckdb(prepared.tree))
    with snowflake_errors(), relations(duck, prepared):
        relation = duck.sql(text)
        types = [str(type_) for type_ in relation.types]
        names = list(relation.columns)
        for name, type_ in zip(names, types, strict=True):
            if type_.startswith("STRUCT("):
                # DuckDB takes a table's name for its whole row, which Snowflake does not.
                raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{name}'")
        columns = [ResultColumn.from_duckdb(name, type_) for name, type_ in zip(names, types, strict=True)]
        rows = [] if describe else relation.fetchall()
    return Result(columns, _as_snowflake(rows, types))


def _as_snowflake(rows: list[tuple[Any, ...]], types: Sequence[str]) -> list[tuple[Any, ...]]:
    converted = [
        index
        for index, type_ in enumerate(types)
        if type_ in ("JSON", "UUID", "INTERVAL") or type_.endswith("]") or type_.startswith("MAP(")
    ]
    if not converted:
        return rows
    found: list[tuple[Any, ...]] = []
    for row in rows:
        values = list(row)
        for index in converted:
            values[index] = _converted(values[index], types[index])
        found.append(tuple(values))
    return found


def _converted(value: Any, type_: str) -> Any:
    if value is None:
        return None
    if type_ == "JSON":
        return variant_text(value)
    if isinstance(value, list | dict):
        return json.dumps(value, indent=2, sort_keys=True, default=str, ensure_ascii=False)
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def run_change(
    duck: duckdb.DuckDBPyConnection, account: Account, prepared: Prepared, *, query: str = "", open_: bool = False
) -> Result:
    """Carry out a row change and count the rows. `open_` says that a transaction goes on after it, which notes the time
    of its changes when it ends."""
    target = prepared.target
    assert target is not None
    alone = not open_ and id(duck) not in _begun
    try:
        with snowflake_errors(), relations(duck, prepared), atomic(duck, open_=open_):
            versions = account.table_versions(duck, target, query=query, open_=open_, alone=alone)
            return _change(duck, account, prepared, versions)
    except BaseException:
        account.doubt_versions()
        raise


def _change(
    duck: duckdb.DuckDBPyConnection, account: Account, prepared: Prepared, versions: TableVersions | None
) -> Result:
    tree, target = prepared.tree, prepared.target
    assert target is not None
    match tree:
        case exp.Insert():
            return _insert(duck, account, prepared, versions)
        case exp.Update():
            _guard_assignments(tree.expressions, account.columns(target))
            with _rewriting(versions, prepared):
                count = _count(duck, _checked(prepared, to_duckdb(tree)))
            return Result.counts(
                StatementType.UPDATE,
                [("number of rows updated", count), ("number of multi-joined rows updated", 0)],
            )
        case exp.Delete():
            with _rewriting(versions, prepared) as done:
                count = done.deleted = _count(duck, _checked(prepared, to_duckdb(tree)))
            return Result.counts(StatementType.DELETE, [("number of rows deleted", count)])
        case exp.Merge():
            return _merge(duck, account, prepared, versions)
        case exp.TruncateTable():
            with _rewriting(versions, None):
                duck.execute(f"TRUNCATE {target.sql()}")
            return Result.message("Statement executed successfully.")
    raise AssertionError(f"{tree.key} changes no rows")


def _count(duck: duckdb.DuckDBPyConnection, text: str) -> int:
    row = duck.execute(text).fetchone()
    return int(row[0]) if row else 0


@dataclass(slots=True)
class _Done:
    """What a change did besides changing rows where they lie."""

    inserted: int = 0
    deleted: int = 0


@contextmanager
def _rewriting(versions: TableVersions | None, prepared: Prepared | None) -> Iterator[_Done]:
    """Keep what a change takes away, and what it changes into: of the rows that it is about, or without it of all."""
    done = _Done()
    if versions is None:
        yield done
        return
    change = versions.rewriting(None if prepared is None else _affected(prepared))
    yield done
    versions.rewritten(change, inserted=done.inserted, deleted=done.deleted)


# Functions of the translation that give the same for the same.
_STEADY = frozenset({"json_extract", "json_extract_string", "to_json", "_text", "_fits", "_fits_bytes", "_with_zone"})


def _affected(prepared: Prepared) -> str | None:
    """A query for the identity of the rows that a change is about; None where only the change itself can tell."""
    tree = prepared.tree
    row = exp.column("rowid", tree.this.alias or tree.this.name, quoted=True)
    found = exp.Select(expressions=[row], from_=exp.From(this=tree.this.copy()))
    match tree:
        case exp.Update():
            others, where = [tree.args["from_"].this] if tree.args.get("from_") else [], tree.args.get("where")
            found.set("joins", [exp.Join(this=other.copy()) for other in others])
        case exp.Delete():
            others, where = tree.args.get("using") or [], tree.args.get("where")
            found.set("joins", [exp.Join(this=other.copy()) for other in others])
        case _:
            where = None
            found.set("joins", [exp.Join(this=tree.args["using"].copy(), on=tree.args["on"].copy())])
    if where is None and not found.args["joins"]:
        return None
    found.set("where", None if where is None else where.copy())
    for node in found.find_all(exp.Anonymous, exp.Rand, exp.Randn, exp.Randstr, exp.Uuid, exp.Limit, exp.TableSample):
        steady = isinstance(node, exp.Anonymous) and node.name in _STEADY and not isinstance(node.parent, exp.Dot)
        if not steady and not (isinstance(node, exp.Limit) and node.expression.name == str(BARRIER)):
            return None
    return _checked(prepared, to_duckdb(found))


def _insert(
    duck: duckdb.DuckDBPyConnection, account: Account, prepared: Prepared, versions: TableVersions | None
) -> Result:
    tree, target = prepared.tree, prepared.target
    assert isinstance(tree, exp.Insert)
    assert target is not None
    overwrite = bool(tree.args.get("overwrite"))
    tree.set("overwrite", None)
    _guard_source(duck, prepared, tree, account.columns(target))
    text = _checked(prepared, to_duckdb(tree))
    if not overwrite:
        count = _count(duck, text)
        if versions is not None:
            versions.appended(count)
        return Result.counts(StatementType.INSERT, [("number of rows inserted", count)])
    with _rewriting(versions, None):
        duck.execute(f"DELETE FROM {target.sql()}")  # noqa: S608
        return Result.counts(StatementType.INSERT, [("number of rows inserted", _count(duck, text))])


# Whose transaction `atomic` has begun.
_begun: set[int] = set()


@contextmanager
def atomic(duck: duckdb.DuckDBPyConnection, *, open_: bool) -> Iterator[None]:
    """All or nothing: a transaction of its own where none is open, be it the session's or one of this."""
    if open_ or id(duck) in _begun:
        yield
        return
    duck.begin()
    _begun.add(id(duck))
    try:
        yield
    except BaseException:
        duck.rollback()
        raise
    else:
        duck.commit()
    finally:
        _begun.discard(id(duck))


def _merge(
    duck: duckdb.DuckDBPyConnection, account: Account, prepared: Prepared, versions: TableVersions | None
) -> Result:
    tree, target = prepared.tree, prepared.target
    assert target is not None
    columns = account.columns(target)
    performed: set[str] = set()
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Update):
            performed.add("UPDATE")
            _guard_assignments(then.expressions, columns)
        elif isinstance(then, exp.Insert):
            performed.add("INSERT")
            _guard_merged(then, columns)
        else:
            performed.add("DELETE")
    text = _checked(prepared, to_duckdb(tree))
    with _rewriting(versions, prepared) as done:
        rows = duck.execute(f"{text} RETURNING merge_action").fetchall()
        counts = Counter(row[0] for row in rows)
        done.inserted, done.deleted = counts["INSERT"], counts["DELETE"]
    return Result.counts(
        StatementType.MERGE, [(called, counts[action]) for action, called in _MERGED if action in performed]
    )


# --- what Snowflake checks about values


def _guard_source(duck: duckdb.DuckDBPyConnection, prepared: Prepared, tree: exp.Insert, columns: list[Column]) -> None:
    targets = _target_columns(tree, columns)
    source = tree.expression
    if isinstance(source, exp.Values):
        _fill_defaults(source, targets)
    described = duck.sql(_checked(prepared, to_duckdb(source.copy())))
    types = [str(type_) for type_ in described.types]
    if len(types) != len(targets):
        raise SnowflakeError.compilation(
            2020,
            "21S01",
            f"Insert value list does not match column list expecting {len(targets)} but got {len(types)}",
        )
    names = [f"c{index}" for index in range(len(types))]
    guarded = [
        _guarded(exp.column(exp.to_identifier(name, quoted=True)), column, type_)
        for name, column, type_ in zip(names, targets, types, strict=True)
    ]
    if all(isinstance(node, exp.Column) for node in guarded):
        return
    alias = exp.TableAlias(
        this=exp.to_identifier("_source", quoted=True),
        columns=[exp.to_identifier(name, quoted=True) for name in names],
    )
    if isinstance(source, exp.Values):
        source.set("alias", alias)
        relation: exp.Expr = source
    else:
        relation = exp.Subquery(this=source, alias=alias)
    tree.set("expression", exp.Select(expressions=guarded, from_=exp.From(this=relation)))


def _target_columns(tree: exp.Insert, columns: list[Column]) -> list[Column]:
    if not isinstance(tree.this, exp.Schema):
        return columns
    return [_column(columns, identifier.name) for identifier in tree.this.expressions]


def _column(columns: list[Column], name: str) -> Column:
    for column in columns:
        if column.name == name:
            return column
    raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{name}'")


def _fill_defaults(source: exp.Values, targets: list[Column]) -> None:
    for row in source.expressions:
        for index, cell in enumerate(row.expressions):
            if isinstance(cell, exp.Var) and cell.name.upper() == "DEFAULT":
                default = targets[index].default if index < len(targets) else None
                row.set("expressions", parse(f"SELECT {default or 'NULL'}").expressions[0], index=index)


def _guarded(value: exp.Expr, column: Column, source_type: str) -> exp.Expr:
    """The value as this column takes it, or the error that Snowflake has for it."""
    kind = base_type(column.type)
    if kind in _SEMI_STRUCTURED:
        if source_type == "VARCHAR":
            raise SnowflakeError.compilation(
                2023,
                "22000",
                f"Expression type does not match column data type, expecting {kind} but got VARCHAR({MAXIMUM_TEXT}) "
                f"for column {column.name}",
            )
        if source_type in ("JSON", '"NULL"'):
            return value
        return exp.Anonymous(this="to_json", expressions=[value])
    if kind == "VARCHAR":
        if source_type == "JSON":
            value = exp.Anonymous(this="_text", expressions=[value])
        length = text_length(column.type)
        if length is not None and length < MAXIMUM_TEXT and source_type != '"NULL"':
            return exp.Anonymous(this="_fits", expressions=[value, exp.Literal.number(length)])
    if kind in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ") and source_type == "VARCHAR":
        return exp.Anonymous(this="_with_zone", expressions=[value])
    length = binary_length(column.type)
    if length is not None and source_type == "BLOB":
        return exp.Anonymous(this="_fits_bytes", expressions=[value, exp.Literal.number(length)])
    return value


def _guard_assignments(assignments: Sequence[exp.Expr], columns: list[Column]) -> None:
    for assignment in assignments:
        column = _column(columns, assignment.this.name)
        assignment.set("expression", _guarded_unknown(assignment.expression, column))


def _guard_merged(then: exp.Insert, columns: list[Column]) -> None:
    targets = [_column(columns, item.name) for item in then.this.expressions] if then.this else columns
    values = then.expression.expressions
    if len(values) != len(targets):
        raise SnowflakeError.compilation(
            2020,
            "21S01",
            f"Insert value list does not match column list expecting {len(targets)} but got {len(values)}",
        )
    then.expression.set(
        "expressions", [_guarded_unknown(value, column) for value, column in zip(values, targets, strict=True)]
    )


def _guarded_unknown(value: exp.Expr, column: Column) -> exp.Expr:
    """The same for a value whose type only DuckDB will know; text for a VARIANT is seen where it is written."""
    if isinstance(value, exp.Literal) and value.is_string:
        return _guarded(value, column, "VARCHAR")
    kind = base_type(column.type)
    length = text_length(column.type)
    if kind == "VARCHAR" and length is not None and length < MAXIMUM_TEXT and not isinstance(value, exp.Null):
        return exp.Anonymous(this="_fits", expressions=[value, exp.Literal.number(length)])
    return value
