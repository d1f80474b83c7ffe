"""CALL: procedures in Python, and in SQL of plain statements one after the other.

Each statement that a procedure runs stands for itself, as in Snowflake: what ran before an error stays, unless the
procedure began a transaction, which is undone with it.

Source: Snowflake's documentation, "CALL", "Understanding caller's rights and owner's rights stored procedures",
"Transactions" (scoped transactions), "Data type conversion" (what is coerced).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from emulator.snowflake.account import ObjectName, SnowflakeError, SnowflakeObject
from emulator.snowflake.account.names import base_type
from emulator.snowflake.account.types import normalise_type
from emulator.snowflake.sql.connection import SYSTEM_QUERY_HANDLERS, Connection, handles_bound
from emulator.snowflake.sql.handlers import Statement, run_handler
from emulator.snowflake.sql.naming import in_full
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.results import MAXIMUM_TEXT, ColumnType, Result, ResultColumn, variant_text
from emulator.snowflake.sql.scopes import owner_session
from emulator.snowflake.sql.syntax import Tokens, tokenize, unsupported
from emulator.snowflake.sql.system_functions import call_system_function, is_system_function

_OF_RESULTS: dict[str, str] = {"TEXT": "VARCHAR", "FIXED": "NUMBER", "REAL": "FLOAT"}
_TO_RESULTS: dict[str, ColumnType] = {"VARCHAR": "TEXT", "NUMBER": "FIXED", "FLOAT": "REAL"}
_SEMI_STRUCTURED = frozenset({"VARIANT", "OBJECT", "ARRAY"})
_TIMESTAMPS = ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
# What becomes what by itself; each type becomes itself.
_COERCED: dict[str, frozenset[str]] = {
    "VARCHAR": frozenset({"BOOLEAN", "DATE", "FLOAT", "NUMBER", "TIME", *_TIMESTAMPS}),
    "NUMBER": frozenset({"BOOLEAN", "FLOAT", "VARCHAR", "VARIANT"}),
    "FLOAT": frozenset({"BOOLEAN", "NUMBER", "VARCHAR", "VARIANT"}),
    "BOOLEAN": frozenset({"VARCHAR", "VARIANT"}),
    "DATE": frozenset({"VARCHAR", *_TIMESTAMPS}),
    "TIME": frozenset({"VARCHAR"}),
    **{kind: frozenset({"DATE", "TIME", "VARCHAR", *_TIMESTAMPS}) for kind in _TIMESTAMPS},
    "VARIANT": frozenset(
        {"ARRAY", "BOOLEAN", "DATE", "FLOAT", "NUMBER", "OBJECT", "TIME", "VARCHAR", "BINARY", *_TIMESTAMPS}
    ),
    "OBJECT": frozenset({"VARIANT"}),
    "ARRAY": frozenset({"VARIANT"}),
    "BINARY": frozenset(),
}
# What changes the session, which is not the owner's to change.
_OF_THE_CALLER = {"USE": "USE", "SET": "SET", "UNSET": "UNSET"}
_OF_THE_APPLICATION = frozenset({("GRANT_TO_PUBLIC_APPLICATION_ROLE",), ("REVOKE_FROM_PUBLIC_APPLICATION_ROLE",)})
SCRIPTING = frozenset(
    {"DECLARE", "LET", "IF", "FOR", "WHILE", "REPEAT", "LOOP", "CASE", "EXCEPTION", "BEGIN", "BREAK", "CONTINUE"}
    | {"RAISE", "OPEN", "FETCH", "CLOSE", "NULL", "AWAIT", "ASYNC"}
)
"""The words that begin a step of Snowflake Scripting that is no statement by itself."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: its value, its type, and its name where it has one."""

    value: Any
    type: str
    name: str = ""


@handles_bound("CALL")
def call(connection: Connection, tokens: Tokens, bindings: Mapping[str, Any]) -> Result:
    """CALL name(argument, …), the arguments by position or by name (`name => value`)."""
    tokens.expect("CALL")
    parts = tokens.dotted()
    text = tokens.balanced()
    if tokens.accept("INTO"):
        raise unsupported("CALL … INTO (Snowflake Scripting)")
    tokens.end()
    if len(parts) == 1 and is_system_function(parts[0]):
        arguments = _arguments(connection, text, bindings)
        answer, returns = call_system_function(connection, parts[0], [argument.value for argument in arguments])
        return _single(parts[0], returns, answer)
    if parts[:2] == ("SNOWFLAKE", "LOCAL") and parts[2:] in _OF_THE_APPLICATION:
        arguments = _arguments(connection, text, bindings)
        return _change_public(connection, parts[2], [argument.value for argument in arguments])
    name = in_full(connection.session, "PROCEDURE", parts)
    usable = [
        procedure
        for procedure in connection.account.overloads("PROCEDURE", name)
        if connection.account.holds(connection.session, "USAGE", "PROCEDURE", procedure.name)
    ]
    if not usable:
        raise SnowflakeError.compilation(2141, "42601", f"Unknown user-defined function {ObjectName(name.parts)}")
    arguments = _arguments(connection, text, bindings)
    procedure, given = _chosen(name, usable, arguments)
    values = [_value(connection, argument, wanted) for argument, wanted in given]
    return run_procedure(connection, procedure, values)


def _change_public(connection: Connection, name: str, values: Sequence[Any]) -> Result:
    """SNOWFLAKE.LOCAL's two procedures: what everybody has through the application role SNOWFLAKE.PUBLIC."""
    if len(values) != 2:
        raise SnowflakeError.syntax(f"{name} takes the kind of a capability and its name")
    kind, capability = map(str, values)
    if kind != "APP_ROLE":
        raise unsupported(f"{name} of a {kind}")
    granted = name.startswith("GRANT")
    connection.account.change_public_application_role(connection.session, capability, granted=granted)
    return _single(name, "VARCHAR", f"{'Granted' if granted else 'Revoked'} {capability}")


def select_system_function(connection: Connection, tree: exp.Expr, bindings: Mapping[str, Any]) -> Result | None:
    """The answer of SELECT SYSTEM$…(…) and nothing else; None for any other query."""
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        return None
    call_, others = tree.expressions[0].unalias(), [key for key, value in tree.args.items() if value]
    if others != ["expressions"] or not isinstance(call_, exp.Anonymous) or not is_system_function(call_.name):
        return None
    values = [
        connection.query_tree(exp.Select(expressions=[exp.alias_(one, "v", quoted=True)]), bindings).rows[0][0]
        for one in call_.expressions
    ]
    answer, returns = call_system_function(connection, call_.name, values)
    return _single(tree.expressions[0].alias_or_name, returns, answer)


SYSTEM_QUERY_HANDLERS.append(select_system_function)


# --- arguments


def _arguments(connection: Connection, text: str, bindings: Mapping[str, Any]) -> list[Argument]:
    """The arguments as the caller has them: expressions without tables of their own are worked out together."""
    if not text:
        return []
    (function,) = parse(f"SELECT _CALLED({text}\n)").expressions
    names: list[str] = []
    values: list[exp.Expr] = []
    for index, node in enumerate(function.expressions):
        named = isinstance(node, exp.Kwarg)
        if names and names[-1] and not named:
            raise SnowflakeError.syntax("an argument by position after one by name")
        names.append(node.name.upper() if named else "")
        values.append(exp.alias_(node.expression if named else node, f"a{index}", quoted=True))
    result = connection.query_tree(exp.Select(expressions=values), bindings)
    return [
        Argument(value, "" if value is None else _OF_RESULTS.get(column.type, column.type), name)
        for name, column, value in zip(names, result.columns, result.rows[0], strict=True)
    ]


def _chosen(
    name: ObjectName, procedures: Sequence[SnowflakeObject], arguments: Sequence[Argument]
) -> tuple[SnowflakeObject, list[tuple[Argument | str, str]]]:
    """The procedure that takes these arguments, with each parameter's argument (or default) and type."""
    best: tuple[int, SnowflakeObject, list[tuple[Argument | str, str]]] | None = None
    for procedure in procedures:
        given = _fitted(procedure, arguments)
        if given is None:
            continue
        exact = sum(isinstance(one, Argument) and one.type == base_type(wanted) for one, wanted in given)
        if best is None or exact > best[0]:
            best = exact, procedure, given
    if best is not None:
        return best[1], best[2]
    types = ", ".join(f"{a.name} => {a.type or 'NULL'}" if a.name else a.type or "NULL" for a in arguments)
    raise SnowflakeError.compilation(
        1044, "42P13", f"error line 1 at position 5\nInvalid argument types for function '{name.name}': ({types})"
    )


def _fitted(procedure: SnowflakeObject, arguments: Sequence[Argument]) -> list[tuple[Argument | str, str]] | None:
    declared = procedure.properties.get("ARGUMENTS") or []
    by_position = [argument for argument in arguments if not argument.name]
    by_name = {argument.name: argument for argument in arguments if argument.name}
    if len(by_position) > len(declared) or len(by_position) + len(by_name) != len(arguments):
        return None
    found: list[tuple[Argument | str, str]] = []
    for index, (parameter, type_, *default) in enumerate(declared):
        argument = by_position[index] if index < len(by_position) else by_name.pop(parameter, None)
        if argument is None:
            if not default or default[0] is None:
                return None
            found.append((str(default[0]), type_))
            continue
        wanted = base_type(type_)
        if argument.value is not None and argument.type != wanted and wanted not in _COERCED[argument.type]:
            return None
        found.append((argument, type_))
    return None if by_name else found


def _value(connection: Connection, argument: Argument | str, type_: str) -> Any:
    """An argument's value as the procedure gets it."""
    if isinstance(argument, str):
        row = connection.query(f"SELECT CAST({argument} AS {type_}) AS V", {})
        argument = Argument(row.rows[0][0], base_type(type_))
    wanted = base_type(type_)
    value = argument.value
    if value is None:
        return None
    if wanted in _SEMI_STRUCTURED:
        return json.loads(value) if argument.type in _SEMI_STRUCTURED else value
    if argument.type != wanted:
        source = "PARSE_JSON(?)" if argument.type in _SEMI_STRUCTURED else "?"
        value = connection.query(f"SELECT CAST({source} AS {type_}) AS V", {"1": value}).rows[0][0]
    if wanted == "NUMBER" and isinstance(value, Decimal) and normalise_type(type_).endswith(",0)"):
        return int(value.to_integral_value())
    return value


# --- running


@contextmanager
def _acting_as(connection: Connection, procedure: SnowflakeObject) -> Iterator[Connection]:
    """The connection that a procedure's statements run on: the caller's, or one with its owner's rights."""
    if procedure.properties.get("EXECUTE_AS", "OWNER") == "RESTRICTED CALLER":
        raise unsupported("procedures that EXECUTE AS RESTRICTED CALLER")
    was_open = connection.in_transaction
    inner = connection
    if procedure.properties.get("EXECUTE_AS", "OWNER") == "OWNER":
        inner = OwnerConnection(connection, procedure)
    enclosed, inner.enclosed = inner.enclosed, was_open
    try:
        yield inner
    except BaseException:
        if not was_open:
            inner.rollback()
        raise
    finally:
        inner.enclosed = enclosed
        connection.in_transaction = inner.in_transaction
    if connection.in_transaction and not was_open:
        connection.rollback()
        raise SnowflakeError(
            90232,
            "XX000",
            "Stored procedure execution error: Scoped transaction started in stored procedure is incomplete and it was "
            "rolled back.",
        )


class OwnerConnection(Connection):
    """A connection inside another, with the rights of a procedure's owner. It shares the other's transaction and its
    warehouse, and nothing that the caller set."""

    def __init__(self, outer: Connection, procedure: SnowflakeObject) -> None:
        super().__init__(owner_session(outer.session, procedure))
        self._outer = outer
        self._duck = outer.duck
        self.in_transaction, self._transaction = outer.in_transaction, outer._transaction
        self._noted = outer._noted
        self.client, self.address = outer.client, outer.address
        self.statement = outer.statement

    def require_warehouse(self) -> None:
        """The caller's warehouse does the work."""
        self._outer.require_warehouse()
        if self.statement is not None:
            self.statement.ran = True

    def _one(self, sql: str, bindings: Mapping[str, Any]) -> Result:
        tokens = Tokens(sql)
        kind = "ALTER_SESSION" if tokens.at("ALTER", "SESSION") else _OF_THE_CALLER.get(tokens.word())
        if kind is not None:
            raise SnowflakeError(
                90236, "42601", f"Stored procedure execution error: Unsupported statement type '{kind}'."
            )
        return super()._one(sql, bindings)


def run_procedure(connection: Connection, procedure: SnowflakeObject, values: Sequence[Any]) -> Result:
    """Run a procedure that the session may call; the values have its parameters' types."""
    properties = procedure.properties
    language = properties.get("LANGUAGE", "SQL")
    strict = properties.get("NULL_INPUT_BEHAVIOR", "CALLED ON NULL INPUT") != "CALLED ON NULL INPUT"
    returns = str(properties["RETURNS"])
    if language not in ("PYTHON", "SQL"):
        raise unsupported(f"procedures in {language}")
    if strict and any(value is None for value in values):
        return _single(procedure.name.name, returns, None)
    with _acting_as(connection, procedure) as inner:
        if language == "PYTHON":
            for key in ("IMPORTS", "EXTERNAL_ACCESS_INTEGRATIONS", "SECRETS"):
                if properties.get(key):
                    raise unsupported(f"{key} of a procedure")
            found: Result = run_handler(
                procedure, inner, values, lambda value: _answer(procedure.name.name, returns, value)
            )
            return found
        return _run_statements(inner, procedure, values)


def _answer(name: str, returns: str, value: Any) -> Result:
    if not re.match(r"TABLE\s*\(", returns, re.IGNORECASE):
        return _single(name, returns, value)
    if not isinstance(value, Statement):
        raise TypeError(f"a handler that returns a table returns session.sql(…), not {type(value).__name__}")
    result = value.result()
    declared = _table_columns(returns)
    if declared and len(declared) != len(result.columns):
        raise ValueError(f"the table has {len(result.columns)} columns, {len(declared)} are declared")
    columns = [
        ResultColumn(new, old.type, old.nullable, old.length, old.precision, old.scale)
        for new, old in zip(declared or [column.name for column in result.columns], result.columns, strict=True)
    ]
    return Result(columns, result.rows)


def _table_columns(returns: str) -> list[str]:
    tokens = Tokens(returns)
    tokens.expect("TABLE")
    inner = Tokens(tokens.balanced())
    found: list[str] = []
    while not inner.done:
        found.append(inner.identifier())
        inner.until(",")
        inner.accept(",")
    return found


def _single(name: str, returns: str, value: Any) -> Result:
    """The answer of one value: its column has the procedure's name."""
    type_ = normalise_type(returns)
    kind = base_type(type_)
    column = ResultColumn(name, _TO_RESULTS.get(kind, kind))  # type: ignore[arg-type]
    if kind == "NUMBER":
        precision, scale = (int(part) for part in type_[7:-1].split(","))
        column = ResultColumn(name, "FIXED", precision=precision, scale=scale)
    elif kind == "VARCHAR":
        column = ResultColumn(name, "TEXT", length=MAXIMUM_TEXT)
    elif kind.startswith("TIME"):
        column = ResultColumn(name, column.type, precision=0, scale=9)
    return Result([column], [(None if value is None else _returned(value, kind, column.scale or 0),)])


def _returned(value: Any, kind: str, scale: int) -> Any:
    """What a procedure returned as its declared type; ValueError or TypeError where it is none."""
    if kind in _SEMI_STRUCTURED:
        expected = {"OBJECT": dict, "ARRAY": list}.get(kind, object)
        if not isinstance(value, expected):
            raise TypeError(f"{type(value).__name__} is no {kind}")
        return variant_text(json.dumps(value, default=_as_json, ensure_ascii=False))
    if kind == "VARCHAR":
        if isinstance(value, dict | list | tuple | bytes):
            raise TypeError(f"{type(value).__name__} is no VARCHAR")
        return str(value)
    if kind == "NUMBER":
        try:
            number = Decimal(str(value)).quantize(Decimal(1).scaleb(-scale))
        except InvalidOperation:
            raise ValueError(f"{value!r} is no NUMBER") from None
        return number if scale else int(number)
    wanted = {
        "FLOAT": (float, int),
        "BOOLEAN": (bool,),
        "DATE": (date,),
        "TIME": (time,),
        "BINARY": (bytes, bytearray),
    }.get(kind, (datetime,))
    if not isinstance(value, wanted):
        raise TypeError(f"{type(value).__name__} is no {kind}")
    return float(value) if kind == "FLOAT" else value  # type: ignore[arg-type]


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


# --- SQL


def _run_statements(connection: Connection, procedure: SnowflakeObject, values: Sequence[Any]) -> Result:
    parameters = [argument[0] for argument in procedure.properties.get("ARGUMENTS") or []]
    returned = run_script(connection, str(procedure.properties["BODY"]), dict(zip(parameters, values, strict=True)))
    returns = str(procedure.properties["RETURNS"])
    if returned is not None and base_type(returns) in _SEMI_STRUCTURED:
        returned = json.loads(returned)
    return _single(procedure.name.name, returns, returned)


def run_script(connection: Connection, text: str, variables: Mapping[str, Any] | None = None) -> Any:
    """Run one statement, or BEGIN … END around plain statements of which the last may be RETURN, and return its value.

    The rest of Snowflake Scripting (variables, conditions, loops, handlers of exceptions) is refused by its words, all
    of it before the first statement runs. Parameters are named with a colon.
    """
    bindings = {name.upper(): value for name, value in (variables or {}).items()}
    statements = _statements(text)
    for index, statement in enumerate(statements):
        tokens = Tokens(statement)
        word = tokens.word()
        if word in SCRIPTING and not _begins_transaction(tokens):
            raise unsupported(f"{word} (Snowflake Scripting)")
        if word == "RETURN" and index < len(statements) - 1:
            raise unsupported("RETURN before the last statement (Snowflake Scripting)")
    for statement in statements:
        tokens = Tokens(statement)
        if not tokens.accept("RETURN"):
            connection.execute(statement, bindings)
        elif not tokens.done:
            tree = parse(f"SELECT {tokens.rest()}")
            for column in list(tree.find_all(exp.Column)):
                if not column.table and column.name.upper() in bindings:
                    column.replace(exp.Placeholder(this=column.name.upper()))
            return connection.query_tree(tree, bindings).rows[0][0]
    return None


def _begins_transaction(tokens: Tokens) -> bool:
    return tokens.at("BEGIN") and (tokens.peek(1) is None or tokens.word(1) in {"TRANSACTION", "WORK"})


def _statements(text: str) -> list[str]:
    """The statements of a body, those inside BEGIN … END where it is such a block."""
    body = text.strip()
    tokens = list(tokenize(body))
    words = [token.text.upper() for token in tokens]
    if words and words[-1] == ";":
        tokens, words = tokens[:-1], words[:-1]
    block = len(words) > 2 and words[0] == "BEGIN" and words[-1] == "END"
    if block:
        tokens = tokens[1:-1]
    found: list[str] = []
    start: int | None = None
    end = 0
    for token in tokens:
        if token.text == ";" and token.end == token.start:
            if start is not None:
                found.append(body[start:end])
            start = None
            continue
        start = token.start if start is None else start
        end = token.end + 1
    if start is not None:
        found.append(body[start:end])
    if not found:
        raise SnowflakeError(900, "42000", "SQL compilation error:\nEmpty SQL statement.")
    if len(found) > 1 and not block:
        raise SnowflakeError(
            8, "0A000", f"Actual statement count {len(found)} did not match the desired statement count 1."
        )
    return found
