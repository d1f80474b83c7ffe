"""Queries and row changes, made fit to run: every name resolved, every right checked, every part known.

What comes out names each table in full, each CTE by a name of our own, and holds nothing that is not in
`vocabulary`. So DuckDB never has to look a name up, and no name can be taken for something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from emulator.snowflake.account import Account, Moment, ObjectName, Session, SnowflakeError, SnowflakeObject
from emulator.snowflake.account.names import quote
from emulator.snowflake.sql import vocabulary
from emulator.snowflake.sql.account_usage import is_usage_view, usage_rows
from emulator.snowflake.sql.ai_stand_in import CONSTANT_OBJECTS, ai_function, is_ai_function
from emulator.snowflake.sql.naming import in_full
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.policies import TARGET, Policies, typed, wanted_columns
from emulator.snowflake.sql.scopes import Scope, function_body, owner_session, subquery, table_node
from emulator.snowflake.sql.syntax import unsupported
from emulator.snowflake.sql.table_functions import table_function
from emulator.snowflake.sql.translate import patch
from emulator.snowflake.sql.variants import ColumnKinds

_MAXIMUM_VIEW_DEPTH = 32


@dataclass(slots=True)
class Prepared:
    """A statement that may run. `relations` are what it reads besides tables, by the names that it uses; `past` is what
    tables were, as DuckDB's queries; `names` are those of its CTEs."""

    tree: exp.Expr
    relations: dict[str, pa.Table] = field(default_factory=dict)
    target: ObjectName | None = None
    needs_warehouse: bool = False
    tables: list[ObjectName] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    past: dict[str, str] = field(default_factory=dict)


# Rows for a name outside the tables: INFORMATION_SCHEMA views and earlier results.
RelationSource = Callable[[Session, str, str], pa.Table]
ResultSource = Callable[[str | int], pa.Table]
# Rows of SNOWFLAKE's own views, and the names of their columns that hold JSON as text.
UsageSource = Callable[[Account, ObjectName], tuple[pa.Table, list[str]]]
# Time Travel: the value of an expression without tables, and a table as it was as DuckDB's query.
Evaluation = Callable[[exp.Expr], Any]
PastSource = Callable[[ObjectName, Moment], str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a statement may refer to besides the account: its bindings, and the session's variables and results."""

    bindings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    information_schema: RelationSource | None = None
    results: ResultSource | None = None
    functions: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    usage_rows: UsageSource | None = None
    query_id: str = ""
    evaluate: Evaluation | None = None
    past: PastSource | None = None


def denied(name: ObjectName) -> SnowflakeError:
    """The one answer to whoever asks for rows that they may not have, or that are not there."""
    return SnowflakeError.compilation(2003, "42S02", f"Object '{name}' does not exist or not authorized.")


def prepare(session: Session, tree: exp.Expr, surroundings: Surroundings) -> Prepared:
    """Resolve and authorise one query or row change; whatever is wrong is refused before anything runs."""
    try:
        return _Preparation(session, surroundings).statement(tree)
    except RecursionError:
        raise SnowflakeError.syntax("the statement is nested too deeply") from None


def prepare_moment(session: Session, when: exp.HistoricalData, surroundings: Surroundings) -> Moment:
    """What an AT or BEFORE outside a query means."""
    return _Preparation(session, surroundings)._moment(when, Scope({}, session))


class _Preparation(Policies):
    def __init__(self, session: Session, surroundings: Surroundings) -> None:
        self._session = session
        self._account: Account = session.account
        self._surroundings = surroundings
        self._relations: dict[str, pa.Table] = {}
        self._tables: list[ObjectName] = []
        self._needs_warehouse = False
        self._names = 0
        self._ctes: set[str] = set()
        self._kinds = ColumnKinds()
        self._columns: list[exp.Column] = []
        self._past: dict[str, str] = {}
        self._protections = {}

    # --- statements

    def statement(self, tree: exp.Expr) -> Prepared:
        scope = Scope({}, self._session)
        target: ObjectName | None = None
        match tree:
            case exp.Insert():
                target = self._insert(tree, scope)
            case exp.Update():
                target = self._update(tree, scope)
            case exp.Delete():
                target = self._delete(tree, scope)
            case exp.Merge():
                target = self._merge(tree, scope)
            case exp.TruncateTable():
                target = self._truncate(tree)
            case exp.Query() | exp.Values():
                tree = self._visit(tree, scope)
            case _:
                raise unsupported(tree.key.upper())
        self._check_columns(tree)
        return Prepared(
            tree,
            self._relations,
            target,
            self._needs_warehouse or target is not None,
            self._tables,
            self._ctes,
            self._past,
        )

    def _check_columns(self, tree: exp.Expr) -> None:
        """Names are told apart by case, which DuckDB does not do; nor has Snowflake a column ROWID."""
        sources: set[str] = set()
        named: set[str] = set()
        waiting: list[Any] = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, list):
                waiting.extend(node)
            elif isinstance(node, exp.Expr):
                waiting.extend(node.args.values())
                if isinstance(node, exp.Table | exp.TableAlias):
                    sources.add(node.name)
                elif isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column):
                    named.add(node.name)
        folded = {source.upper() for source in sources}
        for column in self._columns:
            name = column.name
            if column.table and column.table not in sources and column.table.upper() in folded:
                written = f"{_as_written(column.table)}.{_as_written(name)}"
                raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{written}'")
            if name in named or not isinstance(column.this, exp.Identifier):
                continue
            if self._kinds.other_case(name) or (name.upper() == "ROWID" and not self._kinds.knows(name)):
                raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{_as_written(name)}'")

    def _insert(self, tree: exp.Insert, scope: Scope) -> ObjectName:
        self._known(tree)
        overwrite = bool(tree.args.get("overwrite"))
        scope = self._with(tree, scope)
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        target = self._target(table, scope, ["INSERT", *(["DELETE"] if overwrite else [])])
        if isinstance(tree.this, exp.Schema):
            for identifier in tree.this.expressions:
                self._identifier(identifier)
        source = tree.args.get("expression")
        if source is None:
            raise unsupported("INSERT without VALUES or a query")
        if isinstance(source, exp.Values):
            refuse_in_values(source)
        tree.set("expression", self._visit(source, scope))
        return target

    def _update(self, tree: exp.Update, scope: Scope) -> ObjectName:
        self._known(tree)
        reads = [tree.args.get("where"), *(assignment.expression for assignment in tree.expressions)]
        target = self._target(tree.this, scope, ["UPDATE", *_if_reading(reads)])
        for assignment in tree.expressions:
            if not isinstance(assignment, exp.EQ) or not isinstance(assignment.this, exp.Column):
                raise unsupported(f"SET {assignment.this.sql(dialect='snowflake')}")
            # The column that is set takes no table's name in DuckDB.
            column = assignment.this.this.copy()
            self._identifier(column)
            assignment.set("this", exp.Column(this=column))
        if self._protection("TABLE", target) is not None:
            self._update_seen(tree, scope, target)
            return target
        for assignment in tree.expressions:
            assignment.set("expression", self._visit(assignment.expression, scope))
        self._clauses(tree, scope, ("from_", "where"))
        return target

    def _delete(self, tree: exp.Delete, scope: Scope) -> ObjectName:
        self._known(tree)
        target = self._target(tree.this, scope, ["DELETE", *_if_reading([tree.args.get("where")])])
        if self._protection("TABLE", target) is not None:
            self._delete_seen(tree, scope, target)
            return target
        self._clauses(tree, scope, ("using", "where"))
        return target

    def _merge(self, tree: exp.Merge, scope: Scope) -> ObjectName:
        self._known(tree)
        privileges = ["SELECT"]
        for when in tree.args["whens"].expressions:
            then = when.args["then"]
            if when.args.get("source"):
                raise unsupported("WHEN NOT MATCHED BY SOURCE")
            privileges.append(
                "INSERT" if isinstance(then, exp.Insert) else "UPDATE" if isinstance(then, exp.Update) else "DELETE"
            )
        target = self._target(tree.this, scope, privileges)
        seen = self._protection("TABLE", target) is not None
        if not seen:
            self._clauses(tree, scope, ("using", "on"))
        for when in tree.args["whens"].expressions:
            then = when.args["then"]
            self._known(when)
            self._known(then)
            if not seen:
                self._clauses(when, scope, ("condition",))
            match then:
                case exp.Insert():
                    for column in then.this.expressions if then.this else ():
                        self._identifier(column.this if isinstance(column, exp.Column) else column)
                        if isinstance(column, exp.Column):
                            column.set("table", None)
                    if not seen:
                        then.set("expression", self._visit(then.expression, scope))
                case exp.Update() if not then.args.get("where"):
                    for assignment in then.expressions:
                        if not isinstance(assignment, exp.EQ) or not isinstance(assignment.this, exp.Column):
                            raise unsupported(f"SET {assignment.sql(dialect='snowflake')}")
                        identifier = assignment.this.this
                        self._identifier(identifier)
                        assignment.set("this", exp.Column(this=identifier))
                        if not seen:
                            assignment.set("expression", self._visit(assignment.expression, scope))
                case exp.Var() if then.name.upper() == "DELETE":
                    pass
                case _:
                    raise unsupported(f"MERGE … THEN {then.sql(dialect='snowflake')}")
        if seen:
            self._merge_seen(tree, scope, target)
        return target

    def _truncate(self, tree: exp.TruncateTable) -> ObjectName:
        self._known(tree)
        if len(tree.expressions) != 1 or tree.args.get("is_database"):
            raise unsupported("TRUNCATE of anything but one table")
        return self._target(tree.expressions[0], Scope({}, self._session), ["TRUNCATE"])

    def _clauses(self, tree: exp.Expr, scope: Scope, keys: Iterable[str]) -> None:
        for key in keys:
            value = tree.args.get(key)
            if isinstance(value, exp.Expr):
                tree.set(key, self._visit(value, scope))
            elif isinstance(value, list):
                tree.set(key, [self._visit(item, scope) for item in value])

    # --- the walk

    def _visit(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        self._known(node)
        if node.args.get("with_"):
            scope = self._with(node, scope)
        match node:
            case exp.Table():
                return self._table(node, scope)
            case exp.TableFromRows() | exp.Lateral() if not isinstance(node.this, exp.Subquery):
                return self._table_function(node, scope)
            case exp.Identifier():
                self._identifier(node)
                return node
            case exp.DataType():
                plain = all(
                    isinstance(part, exp.DataTypeParam) and isinstance(part.this, exp.Literal)
                    for part in node.expressions
                )
                if node.this not in vocabulary.TYPES or not plain:
                    raise unsupported(f"the type {node.sql(dialect='snowflake')}")
                return node
            case exp.Var():
                _require_word(node)
                return node
            case exp.Column() if isinstance(node.this, exp.Parameter):
                raise unsupported(f"{node.sql(dialect='snowflake')}: a column by its position in a named table")
            case exp.Column() if node.table and node.name.upper() in {"NEXTVAL", "CURRVAL"}:
                raise unsupported(f"{node.sql(dialect='snowflake')}: sequences")
            case exp.Anonymous() if (
                isinstance(node.this, exp.Identifier) or node.name.upper() not in vocabulary.NAMED_FUNCTIONS
            ):
                if is_ai_function(_called(node)):
                    return self._ai_function(node, scope)
                return self._user_function((_called(node),), node, scope)
            case exp.PropertyEQ():
                # The key of `{'a': 1}` is text, though it is kept like a name.
                node.set("expression", self._visit(node.expression, scope))
                if not isinstance(node.this, exp.Identifier):
                    node.set("this", self._visit(node.this, scope))
                return node
            case exp.Dot():
                return self._qualified_function(node, scope)
        for key, value in _sources_first(node):
            if key == "with_":
                continue
            if isinstance(value, exp.Expr):
                visited = self._visit(value, scope)
                if visited is not value:
                    node.set(key, visited)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, exp.Expr):
                        visited = self._visit(item, scope)
                        if visited is not item:
                            node.set(key, visited, index=index)
        return self._leave(node)

    def _known(self, node: exp.Expr) -> None:
        """Refuse a node that is not in the vocabulary, or has a clause that is not."""
        kind = type(node)
        if kind not in vocabulary.NODES and kind not in vocabulary.FUNCTIONS and kind is not exp.Anonymous:
            raise unsupported(_described(node))
        unit = node.args.get("unit")
        if isinstance(unit, exp.Expr):
            _require_word(unit)
        clauses = vocabulary.CLAUSES.get(kind)
        if clauses is not None:
            for key, value in node.args.items():
                if value and key not in clauses:
                    if kind is exp.Select and key == "hint":
                        node.set("hint", None)
                        continue
                    raise unsupported(_CLAUSE_NAMES.get(key) or f"{key.strip('_').upper()} in {kind.__name__.upper()}")

    @staticmethod
    def _identifier(node: exp.Expr) -> None:
        """Give an identifier its stored case; nothing else may stand where one is expected."""
        if not isinstance(node, exp.Identifier) or not isinstance(node.this, str):
            raise SnowflakeError.syntax(f"unexpected '{node.sql(dialect='snowflake')}', a name is expected")
        if not node.quoted:
            node.set("this", node.this.upper())
            node.set("quoted", True)

    def _with(self, node: exp.Expr, scope: Scope) -> Scope:
        with_ = node.args["with_"] if node.args.get("with_") else None
        if with_ is None:
            return scope
        self._known(with_)
        for cte in with_.expressions:
            self._known(cte)
            alias: exp.TableAlias = cte.args["alias"]
            self._identifier(alias.this)
            name = alias.this.name
            for column in alias.args.get("columns") or ():
                self._identifier(column)
            own = self._new_name("cte")
            self._ctes.add(own)
            inner = scope
            if with_.args.get("recursive") or _refers_to_itself(cte.this, name):
                # Snowflake does not ask for the word RECURSIVE.
                inner = replace(scope, ctes={**scope.ctes, name: own})
                with_.set("recursive", True)
            cte.set("this", self._visit(cte.this, inner))
            alias.set("this", exp.to_identifier(own, quoted=True))
            scope = replace(scope, ctes={**scope.ctes, name: own})
        return scope

    def _new_name(self, kind: str) -> str:
        self._names += 1
        return f"_{kind}_{self._names}"

    def _leave(self, node: exp.Expr) -> exp.Expr:
        """What stands for a node once its parts are done."""
        match node:
            case exp.Placeholder():
                return self._binding(node)
            case exp.Parameter():
                return self._variable(node)
            case exp.RawString():
                return exp.Literal.string(node.this)
            case exp.DynamicIdentifier():
                parts = ObjectName.parse(self._identifier_text(node)).parts
                identifiers = [exp.to_identifier(part, quoted=True) for part in parts]
                return exp.column(identifiers[-1], *reversed(identifiers[:-1]))
            case exp.Column():
                # Tables may stand under a subquery by now, which has no schema.
                node.set("db", None)
                node.set("catalog", None)
                self._columns.append(node)
                return node
            case exp.Join() if isinstance(node.this, exp.Table) and node.this.meta.get("outer"):
                node.set("side", "LEFT")
                node.set("kind", None)
                node.set("on", exp.true())
                return node
            case _:
                return self._session_function(node)

    def _binding(self, node: exp.Placeholder) -> exp.Expr:
        name = str(node.this or "")
        if name not in self._surroundings.bindings and name.upper() in self._surroundings.bindings:
            name = name.upper()
        if name not in self._surroundings.bindings:
            raise SnowflakeError.compilation(2049, "42601", f"Bind variable :{name} not set.")
        return value_node(self._surroundings.bindings[name])

    def _variable(self, node: exp.Parameter) -> exp.Expr:
        name = node.this.name.upper()
        if isinstance(node.this, exp.Literal):
            select = node.find_ancestor(exp.Select)
            source = select.args["from_"].this if select is not None and select.args.get("from_") else None
            if isinstance(source, exp.Values) and not select.args.get("joins"):  # type: ignore[union-attr]
                return exp.column(exp.to_identifier(f"COLUMN{name}", quoted=True))
            raise unsupported(f"${name}: a column by its position")
        if name not in self._surroundings.variables:
            raise SnowflakeError.compilation(211, "02000", f"Session variable '${name}' does not exist")
        return value_node(self._surroundings.variables[name])

    def _identifier_text(self, node: exp.DynamicIdentifier) -> str:
        argument = node.this
        if isinstance(argument, exp.Placeholder | exp.Parameter):
            argument = self._leave(argument)
        if not isinstance(argument, exp.Literal) or not argument.is_string:
            raise SnowflakeError.syntax("IDENTIFIER takes a string, a bind variable or a session variable")
        return argument.name

    # --- tables

    def _table(self, node: exp.Table, scope: Scope) -> exp.Expr:
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias):
            self._visit_alias(alias)
        joins = [self._visit(join, scope) for join in node.args.get("joins") or ()]
        if isinstance(node.this, exp.Identifier) and not node.args.get("db"):
            self._identifier(node.this)
            own = scope.ctes.get(node.this.name)
            if own is not None:
                if node.args.get("when"):
                    raise unsupported("AT and BEFORE on a common table expression")
                if alias is None:
                    node.set("alias", exp.TableAlias(this=exp.to_identifier(node.this.name, quoted=True)))
                node.set("this", exp.to_identifier(own, quoted=True))
                self._extras(node, joins, scope)
                return node
        name = self._resolve(node, scope)
        row_name = node.meta.get(TARGET)
        read = self._read(name, scope, alias, node) if row_name is None else self._changing(name, scope, node, row_name)
        self._move_extras(node, read, joins, scope)
        return read

    def _visit_alias(self, alias: exp.TableAlias) -> None:
        if alias.this is not None:
            self._identifier(alias.this)
        for column in alias.args.get("columns") or ():
            self._identifier(column)

    def _extras(self, node: exp.Expr, joins: list[exp.Expr], scope: Scope) -> None:
        if joins:
            node.set("joins", joins)
        for key in ("sample", "pivots"):
            value = node.args.get(key)
            if isinstance(value, exp.Expr):
                node.set(key, self._visit(value, scope))
            elif isinstance(value, list):
                node.set(key, [self._visit(item, scope) for item in value])

    def _move_extras(self, node: exp.Table, read: exp.Expr, joins: list[exp.Expr], scope: Scope) -> None:
        for key in ("sample", "pivots"):
            value = node.args.get(key)
            if value:
                read.set(key, value)
        self._extras(read, joins, scope)

    def _resolve(self, node: exp.Table, scope: Scope) -> ObjectName:
        authority = scope.authority
        if isinstance(node.this, exp.DynamicIdentifier):
            return in_full(authority, "TABLE", ObjectName.parse(self._identifier_text(node.this)).parts)
        if not isinstance(node.this, exp.Identifier):
            raise unsupported(f"{node.sql(dialect='snowflake')} as a table")
        parts: list[str] = []
        for key in ("catalog", "db", "this"):
            part = node.args.get(key)
            if isinstance(part, exp.Identifier):
                self._identifier(part)
                parts.append(part.name)
            elif key == "db" and node.args.get("catalog"):
                # `database..table` means its schema PUBLIC.
                parts.append("")
            elif part:
                raise SnowflakeError.syntax(f"unexpected '{part}'")
        return in_full(authority, "TABLE", tuple(parts))

    def _read(self, name: ObjectName, scope: Scope, alias: exp.TableAlias | None, named: exp.Table) -> exp.Expr:
        when = named.args.get("when")
        moment = scope.past if when is None else self._moment(when, scope)
        if name.schema == "INFORMATION_SCHEMA":
            if moment is not None:
                raise unsupported("AT and BEFORE on INFORMATION_SCHEMA")
            return self._information_schema(name, scope, alias)
        authority = scope.authority
        account = self._account
        table = account.find("TABLE", name)
        if table is not None:
            if not account.holds(authority, "SELECT", "TABLE", name):
                raise denied(name)
            self._needs_warehouse = True
            self._tables.append(name)
            self._know_columns(name)
            node = table_node(name) if moment is None else self._as_it_was(name, moment)
            protection = self._protection("TABLE", name)
            if protection is not None:
                shown = self._protected(protection, node, name, scope, wanted=wanted_columns(named))
                return subquery(shown, alias, name.name)
            if alias is not None:
                node.set("alias", alias)
            elif moment is not None:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(name.name, quoted=True)))
            return node
        view = account.find("VIEW", name)
        if view is None or not account.holds(authority, "SELECT", "VIEW", name):
            raise denied(name)
        if is_usage_view(name):
            if moment is not None:
                raise unsupported(f"AT and BEFORE on {name}")
            return self._usage_view(name, alias)
        return self._view(view, replace(scope, past=moment), alias, named)

    def _moment(self, when: exp.Expr, scope: Scope) -> Moment:
        """What AT or BEFORE says, its expression worked out."""
        if not isinstance(when, exp.HistoricalData) or self._surroundings.evaluate is None:
            raise unsupported("AT and BEFORE (Time Travel) in the body of a view or function")
        return moment_of(
            str(when.args["kind"]).upper(),
            self._surroundings.evaluate(self._visit(when.expression, replace(scope, past=None))),
            self._account.present(),
            before=str(when.this).upper() == "BEFORE",
        )

    def _as_it_was(self, name: ObjectName, moment: Moment) -> exp.Table:
        if self._surroundings.past is None:
            raise unsupported("AT and BEFORE (Time Travel) in the body of a view or function")
        own = self._new_name("past")
        self._past[own] = self._surroundings.past(name, moment)
        return exp.Table(this=exp.to_identifier(own, quoted=True))

    def _changing(self, name: ObjectName, scope: Scope, named: exp.Table, row_name: str) -> exp.Expr:
        """The rows of a table whose change is authorised already, with their identity."""
        protection = self._protection("TABLE", name)
        assert protection is not None
        wanted = wanted_columns(named)
        read = self._protected(protection, table_node(name), name, scope, wanted=wanted, row_name=row_name)
        return subquery(read, named.args.get("alias"), name.name)

    def _view(self, view: SnowflakeObject, scope: Scope, alias: exp.TableAlias | None, named: exp.Table) -> exp.Expr:
        if scope.depth >= _MAXIMUM_VIEW_DEPTH:
            raise SnowflakeError.compilation(2057, "42601", f"View '{view.name}' is nested too deeply")
        query = parse(str(view.properties["STATEMENT"]))
        if not isinstance(query, exp.Query):
            raise unsupported(f"the view {view.name}: its statement is no query")
        inner = Scope({}, owner_session(self._session, view), scope.depth + 1, scope.past)
        body = self._visit(query, inner)
        names = self._know_columns(view.name)
        protection = self._protection("VIEW", view.name)
        if protection is not None:
            shown = self._protected(protection, body, view.name, scope, wanted=wanted_columns(named))
            return subquery(shown, alias, view.name.name)
        found = subquery(body, alias, view.name.name)
        own = found.args["alias"]
        if names and not own.args.get("columns"):
            own.set("columns", [exp.to_identifier(column, quoted=True) for column in names])
        return found

    def _know_columns(self, name: ObjectName) -> list[str]:
        columns = self._account.columns(name)
        for column in columns:
            self._kinds.add(column.name, column.type)
        return [column.name for column in columns]

    def _information_schema(self, name: ObjectName, scope: Scope, alias: exp.TableAlias | None) -> exp.Expr:
        if self._surroundings.information_schema is None:
            raise denied(name)
        rows = self._surroundings.information_schema(scope.authority, name.database, name.name)
        return self._relation(rows, alias, name.name)

    def _usage_view(self, name: ObjectName, alias: exp.TableAlias | None) -> exp.Expr:
        source = self._surroundings.usage_rows
        rows, as_text = usage_rows(self._account, name, empty=True) if source is None else source(self._account, name)
        self._needs_warehouse = True
        self._know_columns(name)
        relation = self._relation(rows, None, name.name)
        selected: list[exp.Expr] = []
        for column in rows.column_names:
            value: exp.Expr = exp.column(exp.to_identifier(column, quoted=True))
            if column in as_text:
                value = exp.cast(value, "JSON", dialect="duckdb")
            selected.append(exp.alias_(value, column, quoted=True, copy=False))
        return subquery(exp.Select(expressions=selected, from_=exp.From(this=relation)), alias, name.name)

    def _relation(self, rows: pa.Table, alias: exp.TableAlias | None, called: str) -> exp.Table:
        own = self._new_name("relation")
        self._relations[own] = rows
        return exp.Table(
            this=exp.to_identifier(own, quoted=True),
            alias=alias or exp.TableAlias(this=exp.to_identifier(called, quoted=True)),
        )

    def _target(self, node: exp.Expr, scope: Scope, privileges: Sequence[str]) -> ObjectName:
        """The table that a statement changes, named in full, if each privilege is held."""
        if not isinstance(node, exp.Table):
            raise unsupported(f"{node.sql(dialect='snowflake')} as a target")
        self._known(node)
        for key in ("joins", "pivots", "sample", "when"):
            if node.args.get(key):
                word = "AT and BEFORE" if key == "when" else key.removesuffix("s").upper()
                raise unsupported(f"{word} on the table that is changed")
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias):
            self._visit_alias(alias)
        name = self._resolve(node, scope)
        if self._account.find("TABLE", name) is None:
            if self._account.visible(scope.authority, "VIEW", name) is not None:
                raise SnowflakeError.compilation(
                    2203, "02000", f"Object found is of type 'VIEW' not specified type 'TABLE': {name}"
                )
            raise denied(name)
        for privilege in privileges:
            if not self._account.holds(scope.authority, privilege, "TABLE", name):
                raise denied(name)
        full = table_node(name)
        for key in ("this", "db", "catalog"):
            node.set(key, full.args[key])
        self._know_columns(name)
        self._tables.append(name)
        return name

    def _table_function(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias):
            self._visit_alias(alias)
        function = node.this
        match function:
            case exp.Explode():
                self._known(function)
                return self._flatten(node, function, alias, scope)
            case exp.Generator():
                self._known(function)
                node.set("this", self._visit(function, scope))
                return node
            case exp.Anonymous() if function.name.upper() == "RESULT_SCAN":
                return self._result_scan(function, alias, scope)
            case exp.Dot() if _of_information_schema(function):
                return self._information(function, alias, scope)
        raise unsupported(f"the table function {function.sql(dialect='snowflake')}")

    def _information(self, function: exp.Dot, alias: exp.TableAlias | None, scope: Scope) -> exp.Table:
        """A table function of INFORMATION_SCHEMA, of the database that is named or else the current one."""
        call = function.expression
        if isinstance(function.this, exp.Dot):
            place = function.this.this
            self._identifier(place)
            database = place.name
        else:
            database = in_full(scope.authority, "TABLE", ("INFORMATION_SCHEMA", "")).database
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for argument in call.expressions:
            value = argument.expression if isinstance(argument, exp.Kwarg) else argument
            found = constant(self._visit(value, scope))
            if isinstance(argument, exp.Kwarg):
                named[argument.name.upper()] = found
            else:
                positional.append(found)
        name = _called(call)
        return self._relation(table_function(scope.authority, database, name, positional, named), alias, name)

    def _flatten(self, node: exp.Expr, function: exp.Explode, alias: exp.TableAlias | None, scope: Scope) -> exp.Table:
        arguments: dict[str, exp.Expr] = {}
        for position, argument in enumerate([function.this, *function.expressions]):
            if isinstance(argument, exp.Kwarg):
                arguments[argument.name.upper()] = self._visit(argument.expression, scope)
            else:
                arguments[("INPUT", "PATH", "OUTER", "RECURSIVE", "MODE")[position]] = self._visit(argument, scope)
        source = arguments.pop("INPUT", None)
        if source is None:
            raise SnowflakeError.syntax("FLATTEN needs INPUT")
        path = arguments.pop("PATH", None)
        if path is not None:
            if not isinstance(path, exp.Literal):
                raise unsupported("FLATTEN with a PATH that is no string")
            source = exp.Anonymous(this="json_extract", expressions=[source, exp.Literal.string(f"$.{path.name}")])
        outer = arguments.pop("OUTER", None)
        for key, value in arguments.items():
            default = exp.Boolean(this=False) if key == "RECURSIVE" else exp.Literal.string("BOTH")
            if value != default:
                raise unsupported(f"FLATTEN with {key} => {value.sql(dialect='snowflake')}")
        for name, type_ in _FLATTENED.items():
            self._kinds.add(name, type_)
        prefix = exp.Literal.string(path.name if path is not None else "")
        found = exp.Table(
            this=exp.Anonymous(this="_flatten", expressions=[source, prefix]),
            alias=alias or exp.TableAlias(this=exp.to_identifier(self._new_name("flatten"), quoted=True)),
        )
        if outer == exp.Boolean(this=True):
            if not isinstance(node.parent, exp.Join):
                raise unsupported("FLATTEN with OUTER => TRUE as the only table")
            found.meta["outer"] = True
        return found

    def _result_scan(self, function: exp.Anonymous, alias: exp.TableAlias | None, scope: Scope) -> exp.Table:
        if self._surroundings.results is None or len(function.expressions) != 1:
            raise unsupported(function.sql(dialect="snowflake"))
        argument = self._visit(function.expressions[0], scope)
        if not isinstance(argument, exp.Literal):
            raise unsupported("RESULT_SCAN of anything but a query id")
        key: str | int = argument.name if argument.is_string else int(argument.name)
        return self._relation(self._surroundings.results(key), alias, "RESULT_SCAN")

    # --- functions that were declared

    def _qualified_function(self, node: exp.Dot, scope: Scope) -> exp.Expr:
        call = node.expression
        qualifiers: list[exp.Expr] = []
        place = node.this
        while isinstance(place, exp.Dot):
            qualifiers.insert(0, place.expression)
            place = place.this
        qualifiers.insert(0, place)
        if not isinstance(call, exp.Anonymous) or len(qualifiers) > 2:
            raise unsupported(node.sql(dialect="snowflake"))
        for part in qualifiers:
            self._identifier(part)
        if [part.name for part in qualifiers] == ["SNOWFLAKE", "CORTEX"]:
            raise unsupported(f"the function SNOWFLAKE.CORTEX.{_called(call)}: of the AI functions AI_COMPLETE is")
        return self._user_function((*(part.name for part in qualifiers), _called(call)), call, scope)

    def _ai_function(self, call: exp.Anonymous, scope: Scope) -> exp.Expr:
        arguments: list[tuple[str, exp.Expr]] = []
        for argument in call.expressions:
            named = isinstance(argument, exp.Kwarg)
            value = argument.expression if named else argument
            # Objects must be constant: they are read as they are written, and never run.
            if not isinstance(value, CONSTANT_OBJECTS):
                value = self._visit(value, scope)
            arguments.append((argument.name if named else "", value))
        self._needs_warehouse = True
        return ai_function(self._account, scope.authority, _called(call), arguments, self._surroundings.query_id)

    def _user_function(self, parts: tuple[str, ...], call: exp.Anonymous, scope: Scope) -> exp.Expr:
        """A call of a declared function: found by name and number of arguments, if its USAGE is held.

        What an SQL function reads, it reads with its owner's rights, which are looked at anew at each call.
        """
        if parts[-1].startswith("SYSTEM$"):
            raise unsupported(f"the function {parts[-1]} within a query")
        unknown = SnowflakeError.compilation(2140, "42601", f"Unknown function {'.'.join(parts)}")
        if len(parts) == 1 and (scope.authority.database is None or scope.authority.schema is None):
            raise unknown
        name = in_full(scope.authority, "TABLE", parts)
        found = [
            function
            for function in self._account.list(None, "FUNCTION", within=ObjectName(name.parts[:2]))
            if function.name.name == name.name
            and len(function.name.arguments or ()) == len(call.expressions)
            and self._account.holds(scope.authority, "USAGE", "FUNCTION", function.name)
        ]
        if not found:
            raise unknown
        (function,) = found
        if str(function.properties.get("RETURNS", "")).upper().startswith("TABLE"):
            raise unsupported(f"the table function {function.name}")
        if function.properties.get("LANGUAGE", "SQL") == "SQL" and self._reads_tables(function, scope):
            return self._inlined(function, call, scope)
        arguments = [self._visit(argument, scope) for argument in call.expressions]
        qualified = [exp.to_identifier(part, quoted=True) for part in name.parts[:2]]
        # The name is quoted, so that it is the declared function's and none of DuckDB's own.
        called = exp.Anonymous(this=quote(name.name), expressions=arguments)
        return exp.Dot.build([*qualified, called])

    def _reads_tables(self, function: SnowflakeObject, scope: Scope) -> bool:
        """Whether an SQL function reads tables; what its owner may not read is refused."""
        if scope.depth >= _MAXIMUM_VIEW_DEPTH:
            raise unsupported(f"{function.name}: a function that is nested too deeply")
        query = function_body(str(function.properties["BODY"]))
        owner = owner_session(self._session, function)
        inner = _Preparation(owner, Surroundings(functions=self._surroundings.functions))
        inner._visit(query, Scope({}, owner, scope.depth + 1))
        self._needs_warehouse = self._needs_warehouse or inner._needs_warehouse
        return bool(inner._tables)

    def _inlined(self, function: SnowflakeObject, call: exp.Anonymous, scope: Scope) -> exp.Expr:
        """A function's body in place of its call: so that policies stand before the tables that it reads."""
        query = function_body(str(function.properties["BODY"]))
        inner = Scope({}, owner_session(self._session, function), scope.depth + 1)
        given = self._new_name("arguments")
        arguments = function.properties.get("ARGUMENTS") or []
        names = {argument[0]: argument[0] for argument in arguments}
        self._give_arguments(query, names, given, inner, str(function.name))
        selected: list[exp.Expr] = []
        for argument, value in zip(arguments, call.expressions, strict=True):
            self._kinds.add(argument[0], argument[1])
            selected.append(exp.alias_(typed(self._visit(value, scope), argument[1]), argument[0], quoted=True))
        body: exp.Expr = exp.Subquery(this=self._visit(query, inner))
        select = exp.Select(expressions=[typed(body, str(function.properties["RETURNS"]))])
        if selected:
            alias = exp.TableAlias(this=exp.to_identifier(given, quoted=True))
            select.set("from_", exp.From(this=exp.Subquery(this=exp.Select(expressions=selected), alias=alias)))
        return exp.Subquery(this=select)

    # --- functions of the session

    def _session_function(self, node: exp.Expr) -> exp.Expr:
        function = self._surroundings.functions.get(
            node.name.upper() if isinstance(node, exp.Anonymous) else type(node).__name__
        )
        if function is not None:
            return value_node(function())
        if isinstance(node, exp.Anonymous) and node.name.upper() in {
            "IS_ROLE_IN_SESSION",
            "IS_DATABASE_ROLE_IN_SESSION",
        }:
            return self._role_in_session(node)
        self._kinds.settle(node)
        return patch(node)

    def _role_in_session(self, node: exp.Anonymous) -> exp.Expr:
        if len(node.expressions) != 1:
            raise SnowflakeError.syntax(f"{node.name.upper()} takes one argument")
        kind = "ROLE" if node.name.upper() == "IS_ROLE_IN_SESSION" else "DATABASE_ROLE"
        held = sorted(
            str(role.name) if role.kind == "DATABASE_ROLE" else role.name.name
            for role in self._account.effective_roles(self._session)
            if role.kind == kind
        )
        argument = node.expressions[0]
        if not held:
            return exp.false()
        return exp.Paren(this=exp.In(this=argument, expressions=[exp.Literal.string(role) for role in held]))


# --- helpers

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLAUSE_NAMES = {
    "locks": "FOR UPDATE",
    "connect": "CONNECT BY",
    "match": "MATCH_RECOGNIZE",
}


def _require_word(node: exp.Expr) -> None:
    """Units and the like are written into the translated text as they are: only a plain word may be one."""
    if not isinstance(node, exp.Var | exp.Literal | exp.Identifier | exp.Column) or not _WORD.fullmatch(node.name):
        raise SnowflakeError.syntax(f"unexpected '{node.sql(dialect='snowflake')}', a word is expected")


_FLATTENED = {
    "SEQ": "NUMBER",
    "KEY": "VARCHAR",
    "PATH": "VARCHAR",
    "INDEX": "NUMBER",
    "VALUE": "VARIANT",
    "THIS": "VARIANT",
}
_SOURCES = ("with_", "from_", "joins", "laterals", "using")


def _sources_first(node: exp.Expr) -> list[tuple[str, Any]]:
    """A node's parts, those first that say which columns the others can name."""
    return sorted(node.args.items(), key=lambda item: item[0] not in _SOURCES)


def _of_information_schema(function: exp.Dot) -> bool:
    schema = function.this.expression if isinstance(function.this, exp.Dot) else function.this
    return isinstance(function.expression, exp.Anonymous) and schema.name.upper() == "INFORMATION_SCHEMA"


def constant(node: exp.Expr) -> Any:
    """The value of a constant: of what nothing else may stand for."""
    match node:
        case exp.Literal():
            if node.is_string:
                return node.name
            return int(node.name) if node.name.isdigit() else Decimal(node.name)
        case exp.Boolean():
            return bool(node.this)
        case exp.Null():
            return None
        case exp.Neg():
            return -constant(node.this)
        case exp.Paren() | exp.Cast():
            return constant(node.this)
    raise unsupported(f"{node.sql(dialect='snowflake')} where a constant is needed")


def moment_of(kind: str, value: Any, present: datetime, *, before: bool) -> Moment:
    """The moment that TIMESTAMP, OFFSET or STATEMENT and its value mean. Times without a zone are UTC."""
    if kind == "STATEMENT" and isinstance(value, str):
        return Moment(statement=value, before=before)
    if kind == "OFFSET" and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if value > 0:
            raise SnowflakeError.compilation(
                1008, "22023", f"invalid value [{value}] for parameter 'OFFSET' (seconds back, as in -60)"
            )
        return Moment(present + timedelta(seconds=float(value)), before=before)
    if kind == "TIMESTAMP":
        found = _time_from(value)
        if found is not None:
            return Moment(found if found.tzinfo else found.replace(tzinfo=UTC), before=before)
    if kind not in ("TIMESTAMP", "OFFSET", "STATEMENT"):
        raise unsupported(f"AT and BEFORE with {kind}")
    raise SnowflakeError.compilation(1008, "22023", f"invalid value [{value}] for parameter '{kind}'")


def _time_from(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _as_written(name: str) -> str:
    return str(ObjectName((name,)))


def _called(call: exp.Anonymous) -> str:
    return call.name if isinstance(call.this, exp.Identifier) and call.this.quoted else call.name.upper()


def check_query(session: Session, query: exp.Expr, database: str, schema: str) -> None:
    """Refuse what a view or SQL function may not be made of: anything that its maker may not read, names being looked
    up from the schema it is to lie in, and anything that is no part of Snowflake's queries."""
    inside = Session(
        account=session.account,
        user=session.user,
        role=session.role,
        secondary_roles=session.secondary_roles,
        database=database,
        schema=schema,
    )
    prepare(inside, query, Surroundings(information_schema=lambda *_: pa.table({})))


def _refers_to_itself(query: exp.Expr, name: str) -> bool:
    if not isinstance(query, exp.SetOperation):
        return False
    return any(
        not table.db
        and isinstance(table.this, exp.Identifier)
        and (table.name if table.this.quoted else table.name.upper()) == name
        for table in query.find_all(exp.Table)
    )


def _if_reading(parts: Iterable[exp.Expr | None]) -> list[str]:
    """Whoever looks at columns to change rows needs SELECT as well."""
    return ["SELECT"] if any(part is not None and part.find(exp.Column) is not None for part in parts) else []


def _described(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name()}"
    text = node.sql(dialect="snowflake", comments=False)
    return text if len(text) <= 80 else f"{type(node).__name__} ({text[:77]}…)"


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A binding that has a value for each row of a relation."""

    relation: str
    name: str


def refuse_in_values(values: exp.Values) -> None:
    """VALUES takes constants and simple expressions, not those that make semi-structured data."""
    for value in values.find_all(exp.ParseJSON, exp.Array, exp.Struct, exp.Subquery):
        raise SnowflakeError.compilation(
            2014, "22000", f"Invalid expression [{value.sql(dialect='snowflake')}] in VALUES clause"
        )


def value_node(value: Any) -> exp.Expr:
    """A value as a constant of a query."""
    match value:
        case BoundColumn():
            return exp.column(
                exp.to_identifier(value.name, quoted=True), exp.to_identifier(value.relation, quoted=True)
            )
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case int() | Decimal():
            number = exp.Literal.number(f"{abs(value):f}" if isinstance(value, Decimal) else str(abs(value)))
            return exp.Neg(this=number) if value < 0 else number
        case float():
            return exp.cast(exp.Literal.string(repr(value)), exp.DataType.Type.DOUBLE)
        case bytes() | bytearray():
            return exp.HexString(this=bytes(value).hex())
        case datetime():
            kind = exp.DataType.Type.TIMESTAMPTZ if value.tzinfo else exp.DataType.Type.TIMESTAMPNTZ
            return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), kind)
        case date():
            return exp.cast(exp.Literal.string(value.isoformat()), exp.DataType.Type.DATE)
        case time():
            return exp.cast(exp.Literal.string(value.isoformat()), exp.DataType.Type.TIME)
        case str():
            return exp.Literal.string(value)
        case _:
            raise SnowflakeError.compilation(
                2049, "42601", f"Binding data of type {type(value).__name__} is not supported."
            )
