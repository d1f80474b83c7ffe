"""Many rows at once: array bindings, and insertions that write out more rows than a parser likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.results import Result, StatementType
from emulator.snowflake.sql.rows import BoundColumn, prepare, refuse_in_values
from emulator.snowflake.sql.running import BINDINGS, atomic
from emulator.snowflake.sql.syntax import Tokens, tokenize

if TYPE_CHECKING:
    from emulator.snowflake.sql.connection import Connection

# Below this many tokens the ordinary way is quick enough.
_MANY_TOKENS = 1_500


@dataclass(frozen=True, slots=True)
class LiteralRows:
    """An insertion of constants: the same statement with bind variables, and the rows."""

    sql: str
    rows: list[tuple[Any, ...]]


def literal_rows(sql: str) -> LiteralRows | None:
    """What a long `INSERT INTO … VALUES (…), (…)` of nothing but constants inserts; None for anything else."""
    if len(tokenize(sql)) < _MANY_TOKENS:
        return None
    tokens = Tokens(sql)
    if not tokens.accept("INSERT", "INTO"):
        return None
    tokens.dotted()
    if tokens.at("("):
        tokens.balanced()
    head = tokens.text_since(0)
    if not tokens.accept("VALUES"):
        return None
    rows: list[tuple[Any, ...]] = []
    while tokens.accept("("):
        row: list[Any] = []
        while True:
            if not _at_constant(tokens):
                return None
            row.append(tokens.value())
            if not tokens.accept(","):
                break
        if not tokens.accept(")"):
            return None
        rows.append(tuple(row))
        if not tokens.accept(","):
            break
    if not tokens.done or not rows or any(len(row) != len(rows[0]) for row in rows):
        return None
    return LiteralRows(f"{head} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _at_constant(tokens: Tokens) -> bool:
    if not tokens.is_string() and tokens.word() not in {"NULL", "TRUE", "FALSE", "-"}:
        token = tokens.peek()
        if token is None or not token.text[0].isdigit():
            return False
    ahead = 2 if tokens.word() == "-" else 1
    return tokens.word(ahead) in {",", ")"}


def insert_rows(connection: Connection, rows: LiteralRows) -> Result:
    """Insert them."""
    return run(connection, rows.sql, rows.rows)


def run(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> Result:
    """Run a statement for each row of bindings: all or nothing."""
    if not rows:
        raise SnowflakeError.compilation(2049, "42601", "Bind variable :1 not set.")
    tree = parse(sql)
    if not isinstance(tree, exp.Insert) or tree.args.get("overwrite") or not _bindable(tree):
        return _one_by_one(connection, tree, rows)
    width = len(rows[0])
    values = tree.expression
    if isinstance(values, exp.Values):
        refuse_in_values(values)
        tree.set("expression", exp.Select(expressions=list(values.expressions[0].expressions)))
    bindings = {str(index): BoundColumn(BINDINGS, f"p{index}") for index in range(1, width + 1)}
    prepared = prepare(connection.session, tree, connection.surroundings(bindings))
    connection.require_warehouse()
    if not connection.in_transaction and connection.session.parameters.get("AUTOCOMMIT") is False:
        connection.begin()
    _read_from_bindings(tree.expression)
    prepared.relations[BINDINGS] = _table(rows, width)
    return connection.run_change(prepared)


def _bindable(tree: exp.Insert) -> bool:
    source = tree.expression
    if isinstance(source, exp.Values):
        return len(source.expressions) == 1
    if not isinstance(source, exp.Select) or source.args.get("with_") or source.args.get("joins"):
        return False
    from_ = source.args.get("from_")
    if from_ is None:
        return True
    values = from_.this
    return isinstance(values, exp.Values) and len(values.expressions) == 1


def _read_from_bindings(select: exp.Select) -> None:
    relation = exp.From(this=exp.Table(this=exp.to_identifier(BINDINGS, quoted=True)))
    from_ = select.args.get("from_")
    if from_ is None:
        select.set("from_", relation)
        return
    values = from_.this
    cells = values.expressions[0].expressions
    alias = values.args.get("alias") or exp.TableAlias(
        this=exp.to_identifier("_", quoted=True),
        columns=[exp.to_identifier(f"COLUMN{index}", quoted=True) for index in range(1, len(cells) + 1)],
    )
    from_.set("this", exp.Subquery(this=exp.Select(expressions=list(cells), from_=relation), alias=alias))


def _one_by_one(connection: Connection, tree: exp.Expr, rows: Sequence[Sequence[Any]]) -> Result:
    total = 0
    if not connection.in_transaction and connection.session.parameters.get("AUTOCOMMIT") is False:
        connection.begin()
    with atomic(connection.duck, open_=connection.in_transaction):
        for row in rows:
            bindings = {str(index): value for index, value in enumerate(row, start=1)}
            result = connection.change_tree(tree.copy(), bindings)
            total += result.affected or 0
    kind = StatementType.INSERT if isinstance(tree, exp.Insert) else result.type
    return Result.counts(kind, [(result.columns[0].name, total)])


def _table(rows: Sequence[Sequence[Any]], width: int) -> pa.Table:
    columns = []
    for index in range(width):
        values = [row[index] for row in rows]
        try:
            columns.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            # Values of several types, which the column they go to will read from text.
            columns.append(pa.array([None if value is None else str(value) for value in values], type=pa.string()))
    return pa.Table.from_arrays(columns, names=[f"p{index}" for index in range(1, width + 1)])
