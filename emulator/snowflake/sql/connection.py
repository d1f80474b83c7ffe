"""One connection: where every statement passes, one after the other, and what a session keeps between them."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa
from fakesnow.instance import FakeSnow
from sqlglot import exp

from emulator.snowflake.account import Account, Grantee, Moment, ObjectName, Session, SnowflakeError
from emulator.snowflake.account.history import moment
from emulator.snowflake.sql import bulk
from emulator.snowflake.sql.account_usage import usage_rows
from emulator.snowflake.sql.ai_stand_in import calls_of
from emulator.snowflake.sql.information_schema import information_schema
from emulator.snowflake.sql.parsing import parse, projection_names
from emulator.snowflake.sql.results import Result
from emulator.snowflake.sql.rows import Prepared, Surroundings, prepare, prepare_moment
from emulator.snowflake.sql.running import run_change, run_query, snowflake_errors
from emulator.snowflake.sql.syntax import Tokens, split, tokenize, unsupported
from emulator.snowflake.sql.translate import creation_sql

Parameters = Sequence[Any] | Mapping[str, Any] | None
Handler = Callable[["Connection", Tokens], Result]
BoundHandler = Callable[["Connection", Tokens, Mapping[str, Any]], Result]
QueryHandler = Callable[["Connection", exp.Expr, Mapping[str, Any]], Result | None]

_KEPT_RESULTS = 64
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "("})
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"})
# Statements of Snowflake's that nothing here handles: refused by name. Any other word begins none.
_NOT_BUILT = frozenset(
    {"CALL", "COPY", "EXECUTE", "EXPLAIN", "GET", "LIST", "LS", "PUT", "REMOVE", "RM", "UNDROP", "UNSET", "DECLARE"}
)
# Statements that end an open transaction, as all of Snowflake's definitions do.
_DEFINITIONS = frozenset({"CREATE", "ALTER", "DROP", "UNDROP", "COMMENT", "GRANT", "REVOKE"})
_prepared: WeakKeyDictionary[FakeSnow, bool] = WeakKeyDictionary()


@dataclass(slots=True)
class StatementUnderWay:
    """A statement that runs, inside another where a procedure runs it. `ran` says that a warehouse did the work."""

    id: str
    text: str
    outer: StatementUnderWay | None
    start: datetime = field(default_factory=moment)
    ran: bool = False
    rows: int = 0
    affected: int = 0

    @property
    def root(self) -> str:
        """The id of the outermost statement."""
        return self.id if self.outer is None else self.outer.root

    @property
    def shown(self) -> str:
        """Its text as far as it is kept, without passwords."""
        return _PASSWORD.sub(r"\1'********'", self.text[:_KEPT_TEXT])


_PASSWORD = re.compile(r"(\bPASSWORD\s*=\s*)'(?:[^']|'')*'", re.IGNORECASE)
_KEPT_TEXT = 100_000


class Connection:
    """What a client talks to. Not for two threads at once; each statement runs under the account's lock."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.account: Account = session.account
        self.variables: dict[str, Any] = {}
        self.results: OrderedDict[str, Result] = OrderedDict()
        # What the client set for itself at log-in that is no parameter of the session.
        self.client_settings: dict[str, Any] = {}
        # Who the client says that it is, and where it comes from.
        self.client = ""
        self.address: str | None = None
        self.in_transaction = False
        self._transaction: str | None = None
        # The databases in which the open transaction noted changes for Time Travel.
        self._noted: set[str] = set()
        # Inside a procedure that was called in an open transaction.
        self.enclosed = False
        self.statement: StatementUnderWay | None = None
        # The ids of the statements that were begun here, not those that they ran in turn.
        self.begun: deque[str] = deque(maxlen=_KEPT_RESULTS)
        self._duck: duckdb.DuckDBPyConnection | None = None
        self._zone = ""

    def close(self) -> None:
        """End it: an open transaction is undone."""
        with self.account.lock:
            if self._duck is not None:
                self.rollback()
                self._duck.close()
                self._duck = None
            self.results.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def duck(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB cursor of this connection. Its current catalogue is `memory`, where only our macros are."""
        if self._duck is None:
            instance = self.account.duck()
            if instance not in _prepared:
                instance.duck_conn.execute(creation_sql())
                _prepared[instance] = True
            self._duck = self.account.cursor()
            self._zone = ""
        return self._duck

    def time_zone(self) -> str:
        """The session's TIMEZONE, or else its user's or the account's."""
        return str(self.account.session_parameter(self.session, "TIMEZONE"))

    def _use_time_zone(self) -> None:
        zone = self.time_zone()
        if zone != self._zone:
            with snowflake_errors():
                self.duck.execute("SET TimeZone = ?", [zone])
            self._zone = zone

    # --- statements

    def execute(self, sql: str, parameters: Parameters = None, query_id: str = "") -> Result:
        """Run one statement, under an id of the client's where it has given one. More than one in the text is refused,
        as Snowflake does by default."""
        with self.account.lock:
            statements = split(sql)
            if len(statements) != 1:
                raise _wrong_count(len(statements), 1)
            with self._under_way(statements[0], query_id) as statement:
                return self._finish(self._one(statements[0], _bindings(parameters)), statement)

    def execute_script(self, sql: str, count: int = 0) -> list[Result]:
        """Run the statements of a text in order; with `count` above 0 there must be exactly so many."""
        statements = split(sql)
        if not statements or (count and len(statements) != count):
            raise _wrong_count(len(statements), count)
        return [self.execute(statement) for statement in statements]

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]], query_id: str = "") -> Result:
        """Run one statement for each row of bindings, all of them or none. Inserting many rows is one insertion."""
        with self.account.lock:
            statements = split(sql)
            if len(statements) != 1:
                raise _wrong_count(len(statements), 1)
            with self._under_way(statements[0], query_id) as statement:
                return self._finish(bulk.run(self, statements[0], rows), statement)

    def describe(self, sql: str, parameters: Parameters = None) -> Result:
        """The columns that a statement would answer with, without running it."""
        with self.account.lock:
            statements = split(sql)
            if len(statements) != 1:
                raise _wrong_count(len(statements), 1)
            if Tokens(statements[0]).word() not in _QUERIES:
                raise unsupported(f"describing {Tokens(statements[0]).word()} without running it")
            return self.query(statements[0], _bindings(parameters), describe=True)

    def _one(self, sql: str, bindings: Mapping[str, Any]) -> Result:
        tokens = Tokens(sql)
        word = tokens.word()
        if word in _QUERIES:
            result = self.query(sql, bindings)
        elif word in _CHANGES:
            result = self.change(sql, bindings)
        elif word in BOUND_HANDLERS:
            result = BOUND_HANDLERS[word](self, tokens, bindings)
        else:
            handler = HANDLERS.get(word)
            if handler is None:
                if word in _NOT_BUILT:
                    raise unsupported(word)
                raise SnowflakeError.compilation(
                    1003, "42000", f"syntax error line 1 at position 0 unexpected '{sql.split(None, 1)[0]}'."
                )
            if word in _DEFINITIONS and not tokens.at("ALTER", "SESSION"):
                self.commit()
            if bindings and any(token.text == "?" for token in tokenize(sql)):
                raise unsupported(f"bind variables in {word}")
            result = handler(self, tokens)
        return result

    @contextmanager
    def _under_way(self, text: str, query_id: str) -> Iterator[StatementUnderWay]:
        """Note what becomes of a statement."""
        outer = self.statement
        statement = self.statement = StatementUnderWay(query_id or str(uuid.uuid4()), text, outer)
        if outer is None:
            self.begun.append(statement.id)
        session = self.session
        session.query_id = statement.id
        place = session.database, session.schema, session.role
        error: SnowflakeError | None = None
        try:
            yield statement
        except SnowflakeError as refused:
            error = refused
            raise
        finally:
            self.statement = outer
            session.query_id = "" if outer is None else outer.id
            for call in calls_of(statement.id):
                self.account.history.note(
                    "MODEL_CALL",
                    query=statement.id,
                    at=call.at,
                    function=call.function,
                    model=call.model,
                    input=call.input,
                    output=call.output,
                    warehouse=session.warehouse,
                    role=place[2],
                    user=session.user,
                    tag=self.query_tag(),
                )
            self.account.history.note(
                "STATEMENT",
                id=statement.id,
                parent=None if outer is None else outer.id,
                root=None if outer is None else outer.root,
                text=statement.shown,
                database=place[0],
                schema=place[1],
                session=session.session_id,
                user=session.user,
                role=place[2],
                warehouse=session.warehouse,
                ran=statement.ran,
                tag=self.query_tag(),
                start=statement.start,
                end=moment(),
                rows=statement.rows,
                affected=statement.affected,
                error_code=None if error is None else f"{error.errno:06d}",
                error_message=None if error is None else error.message,
            )

    def query_tag(self) -> str:
        """The session's QUERY_TAG, or else its user's or the account's."""
        return str(self.account.session_parameter(self.session, "QUERY_TAG") or "")

    def _finish(self, result: Result, statement: StatementUnderWay) -> Result:
        # What a statement inside another answered stays findable under an id of its own.
        result.query_id = statement.id
        statement.rows, statement.affected = len(result.rows), result.affected or 0
        self.results[result.query_id] = result
        while len(self.results) > _KEPT_RESULTS:
            self.results.popitem(last=False)
        return result

    def query(self, sql: str, bindings: Mapping[str, Any], *, describe: bool = False) -> Result:
        """Run a query."""
        tree = parse(sql)
        _name_columns(tree, sql)
        if "SYSTEM$" in sql.upper() and not describe:
            for handler in SYSTEM_QUERY_HANDLERS:
                answer = handler(self, tree, bindings)
                if answer is not None:
                    return answer
        return self.query_tree(tree, bindings, describe=describe)

    def query_tree(self, tree: exp.Expr, bindings: Mapping[str, Any], *, describe: bool = False) -> Result:
        """Run a query that is parsed already."""
        prepared = prepare(self.session, tree, self.surroundings(bindings))
        if prepared.needs_warehouse and not describe:
            self.require_warehouse()
        self._use_time_zone()
        return run_query(self.duck, prepared, describe=describe)

    def change(self, sql: str, bindings: Mapping[str, Any]) -> Result:
        """Run a statement that changes rows."""
        rows = bulk.literal_rows(sql) if not bindings else None
        if rows is not None:
            return bulk.insert_rows(self, rows)
        return self.change_tree(parse(sql), bindings)

    def change_tree(self, tree: exp.Expr, bindings: Mapping[str, Any]) -> Result:
        """Run a row change that is parsed already."""
        prepared = prepare(self.session, tree, self.surroundings(bindings))
        self.require_warehouse()
        if isinstance(tree, exp.TruncateTable):
            self.commit()
        elif not self.in_transaction and self.session.parameters.get("AUTOCOMMIT") is False:
            self.begin()
        return self.run_change(prepared)

    def run_change(self, prepared: Prepared) -> Result:
        """Carry out a prepared row change."""
        self._use_time_zone()
        query = "" if self.statement is None else self.statement.id
        result = run_change(self.duck, self.account, prepared, query=query, open_=self.in_transaction)
        if self.in_transaction and prepared.target is not None:
            self._noted.add(prepared.target.database)
        return result

    def require_warehouse(self) -> None:
        """Refuse what needs a warehouse where the session has none that its role may use."""
        warehouse = self.session.warehouse
        if warehouse is not None:
            name = ObjectName((warehouse,))
            found = self.account.find("WAREHOUSE", name)
            usable = found is not None and self.account.holds(self.session, "USAGE", "WAREHOUSE", name)
            if usable and self.account.run_on(name):
                if self.statement is not None:
                    self.statement.ran = True
                return
        raise SnowflakeError(
            606,
            "57P03",
            "No active warehouse selected in the current session.  Select an active warehouse with the "
            "'use warehouse' command.\n",
        )

    def surroundings(self, bindings: Mapping[str, Any]) -> Surroundings:
        """What a statement of this connection may refer to."""
        return Surroundings(
            bindings,
            self.variables,
            information_schema,
            self._earlier,
            self._functions(),
            usage_rows,
            "" if self.statement is None else self.statement.id,
            self._evaluate,
            self.past,
        )

    def _evaluate(self, expression: exp.Expr) -> Any:
        """The value of an expression that is prepared and reads no tables."""
        self._use_time_zone()
        ((value,),) = run_query(self.duck, Prepared(exp.Select(expressions=[expression]))).rows
        return value

    def moment(self, kind: str, expression: str, *, before: bool) -> Moment:
        """The moment that the text of an expression means in AT or BEFORE."""
        word = "BEFORE" if before else "AT"
        when = exp.HistoricalData(this=word, kind=kind, expression=parse(f"SELECT {expression}").expressions[0])
        return prepare_moment(self.session, when, self.surroundings({}))

    def past(self, name: ObjectName, moment: Moment) -> str:
        """A table as it was, as DuckDB's query."""
        with snowflake_errors():
            return self.account.past_query(self.duck, name, moment)

    def _earlier(self, key: str | int) -> pa.Table:
        if isinstance(key, int):
            identifiers = list(self.results)
            position = key if key < 0 else key - 1
            key = identifiers[position] if -len(identifiers) <= position < len(identifiers) else ""
        result = self.results.get(key)
        if result is None:
            raise SnowflakeError(709, "02000", f"Statement {key} not found")
        return result.arrow()

    def _functions(self) -> dict[str, Callable[[], Any]]:
        session, account = self.session, self.account
        return {
            "CurrentRole": lambda: session.role,
            "CurrentRoleType": lambda: "ROLE",
            "CurrentUser": lambda: session.user,
            "CurrentWarehouse": lambda: session.warehouse,
            "CurrentDatabase": lambda: session.database,
            "CurrentSchema": lambda: session.schema,
            "CurrentSchemas": self._current_schemas,
            "CurrentAccount": lambda: account.locator,
            "CurrentAccountName": lambda: account.name,
            "CurrentOrganizationName": lambda: account.organization,
            "CurrentRegion": lambda: account.region,
            "CurrentAvailableRoles": self._available_roles,
            "CurrentSecondaryRoles": self._secondary_roles,
            "CurrentSession": lambda: str(session.session_id),
            "CurrentTransaction": lambda: self._transaction if self.in_transaction else None,
            "CurrentClient": lambda: self.client or None,
            "CurrentIpAddress": lambda: self.address,
            "CurrentStatement": lambda: None if self.statement is None else self.statement.shown,
            "LAST_QUERY_ID": lambda: next(reversed(self.results), None),
        }

    def _current_schemas(self) -> str:
        session = self.session
        if session.database is None or session.schema is None:
            return "[]"
        return json.dumps([f"{session.database}.{session.schema}"])

    def _available_roles(self) -> str:
        reached = self.account.role_paths(Grantee.user(self.session.user))
        names = {role.name.name for role in reached if role.kind == "ROLE"} | {"PUBLIC"}
        return json.dumps(sorted(names))

    def _secondary_roles(self) -> str:
        session = self.session
        if session.secondary_roles == "NONE":
            return json.dumps({"roles": "", "value": ""})
        return json.dumps({"roles": ",".join(self.account.secondary_roles(session)), "value": "ALL"})

    # --- transactions

    def require_own_transaction(self) -> None:
        """Refuse BEGIN, COMMIT and ROLLBACK where the transaction is not this procedure's own to end."""
        if self.enclosed:
            raise unsupported("transactions in a procedure that is called within a transaction")

    def begin(self) -> None:
        """Open a transaction; one that is open goes on, as Snowflake has it."""
        if not self.in_transaction:
            with snowflake_errors():
                self.duck.begin()
            self.in_transaction = True
            # As Snowflake's: the moment of its beginning, in nanoseconds.
            self._transaction = str(time.time_ns())

    def commit(self) -> None:
        """Keep what the open transaction did; without one nothing happens."""
        if self.in_transaction:
            self.in_transaction = False
            noted = sorted(self._noted)
            self._noted.clear()
            with snowflake_errors():
                try:
                    self.account.settle_versions(self.duck, noted)
                except duckdb.Error:
                    self.duck.rollback()
                    raise
                self.duck.commit()

    def rollback(self) -> None:
        """Undo what the open transaction did; without one nothing happens."""
        if self.in_transaction:
            self.in_transaction = False
            self._noted.clear()
            with snowflake_errors():
                self.duck.rollback()


HANDLERS: dict[str, Handler] = {}


def handles(*words: str) -> Callable[[Handler], Handler]:
    """Marks what handles the statements that begin with one of these words."""

    def register(handler: Handler) -> Handler:
        for word in words:
            HANDLERS[word] = handler
        return handler

    return register


BOUND_HANDLERS: dict[str, BoundHandler] = {}
# What may answer a query that names one of Snowflake's system functions, before it is prepared.
SYSTEM_QUERY_HANDLERS: list[QueryHandler] = []


def handles_bound(*words: str) -> Callable[[BoundHandler], BoundHandler]:
    """Marks what handles the statements that begin with one of these words and take bind variables."""

    def register(handler: BoundHandler) -> BoundHandler:
        for word in words:
            BOUND_HANDLERS[word] = handler
        return handler

    return register


def _wrong_count(actual: int, desired: int) -> SnowflakeError:
    if actual == 0:
        return SnowflakeError(900, "42000", "SQL compilation error:\nEmpty SQL statement.")
    return SnowflakeError(
        8, "0A000", f"Actual statement count {actual} did not match the desired statement count {desired}."
    )


def _bindings(parameters: Parameters) -> dict[str, Any]:
    if parameters is None:
        return {}
    if isinstance(parameters, Mapping):
        return {str(key): value for key, value in parameters.items()}
    return {str(index): value for index, value in enumerate(parameters, start=1)}


def _name_columns(tree: exp.Expr, sql: str) -> None:
    """Give the columns of the answer the names that Snowflake gives to expressions without an alias."""
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if not isinstance(select, exp.Select):
        return
    written = projection_names(sql)
    if len(written) != len(select.expressions):
        written = (None,) * len(select.expressions)
    for index, (node, name) in enumerate(zip(select.expressions, written, strict=True)):
        if isinstance(node, exp.Alias | exp.Column | exp.Star) or node.is_star:
            continue
        called = name or node.sql(dialect="snowflake").upper()
        select.set("expressions", exp.alias_(node, called, quoted=True), index=index)
