"""Masking and row access policies, put before every table and view that is read.

What is read under a policy becomes a query of its own: each column named, the masked ones as their policy gives
them, the rows that the row access policy keeps. Whatever a statement then does with it (aliases, joins, groups, paths
into a VARIANT, insertions into another table) it does to what the policies show.

Changes of rows under a policy first find their rows, and whatever they write, in such a query, so that conditions and
values see no more than a SELECT would.

Source: Snowflake's documentation, "Understanding column-level security", "Understanding row access policies",
"Tag-based masking policies".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from emulator.snowflake.account import (
    Account,
    Column,
    ObjectName,
    Protection,
    Session,
    SnowflakeError,
    SnowflakeObject,
)
from emulator.snowflake.account.names import base_type
from emulator.snowflake.sql.naming import in_full
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.scopes import Scope, owner_session
from emulator.snowflake.sql.syntax import unsupported

_MAXIMUM_DEPTH = 32
_SEMI_STRUCTURED = frozenset({"VARIANT", "OBJECT", "ARRAY"})
_TAG_FUNCTIONS = frozenset({"SYSTEM$GET_TAG_ON_CURRENT_COLUMN", "SYSTEM$GET_TAG_ON_CURRENT_TABLE"})
# No limit on anything, but one that conditions from outside are not moved past: a condition that fails on a
# hidden row would tell of it.
BARRIER = 2**63 - 1
TARGET = "row_name"
"""In a table node's `meta`: read it as the target of a change, its rows' identity under this name."""


class Policies(ABC):
    """The part of a statement's preparation that puts policies before what it reads."""

    _session: Session
    _account: Account
    _protections: dict[tuple[str, ObjectName], Protection | None]

    @abstractmethod
    def _visit(self, node: exp.Expr, scope: Scope) -> exp.Expr: ...

    @abstractmethod
    def _new_name(self, kind: str) -> str: ...

    @abstractmethod
    def _resolve(self, node: exp.Table, scope: Scope) -> ObjectName: ...

    # --- reading

    def _protection(self, kind: str, name: ObjectName) -> Protection | None:
        """What stands before a table or view, looked up once for a statement."""
        key = kind, name
        if key not in self._protections:
            self._protections[key] = self._account.protection(kind, name)
        return self._protections[key]

    def _protected(
        self,
        protection: Protection,
        source: exp.Expr,
        name: ObjectName,
        scope: Scope,
        *,
        wanted: frozenset[str] | None = None,
        row_name: str = "",
    ) -> exp.Select:
        """A query of what the policies show of a table or of a view's body: of all columns, or of those `wanted`.
        `row_name` adds the rows' identity."""
        if scope.depth >= _MAXIMUM_DEPTH:
            raise unsupported(f"{name}: policies that are nested too deeply")
        row = self._new_name("row")
        alias = exp.TableAlias(this=exp.to_identifier(row, quoted=True))
        if isinstance(source, exp.Table):
            source.set("alias", alias)
        else:
            alias.set("columns", [exp.to_identifier(column.name, quoted=True) for column in protection.columns])
            source = exp.Subquery(this=source, alias=alias)
        selected: list[exp.Expr] = []
        for column in _some(protection, wanted):
            value: exp.Expr = _column(column.name, row)
            mask = protection.masks.get(column.name)
            if mask is not None:
                value = self._body(mask.policy, mask.arguments, row, scope, mask.tags)
                value = typed(value, str(mask.policy.properties["RETURNS"]))
            selected.append(exp.alias_(value, column.name, quoted=True, copy=False))
        if row_name:
            selected.append(exp.alias_(exp.column("rowid", row, quoted=True), row_name, quoted=True))
        query = exp.Select(expressions=selected, from_=exp.From(this=source))
        if protection.rows is not None:
            policy, arguments = protection.rows
            query.set("where", exp.Where(this=self._body(policy, arguments, row, scope, {})))
            query.set("limit", exp.Limit(expression=exp.Literal.number(BARRIER)))
        return query

    def _body(
        self,
        policy: SnowflakeObject,
        columns: Sequence[str],
        row: str,
        scope: Scope,
        tags: Mapping[ObjectName, str],
    ) -> exp.Expr:
        """A policy's body over the columns of one row. What it reads, it reads with its owner's rights; the role that
        it asks for is the session's."""
        select = parse(f"SELECT ({policy.properties['BODY']}\n)")
        assert isinstance(select, exp.Select)
        if len(select.expressions) != 1 or select.args.get("from_") is not None:
            raise SnowflakeError.syntax(f"the body of policy {policy.name} is no expression")
        owner = owner_session(self._session, policy)
        names = [argument[0] for argument in policy.properties["ARGUMENTS"]]
        inner = replace(scope, ctes={}, authority=owner, depth=scope.depth + 1, past=None)
        self._give_arguments(select, dict(zip(names, columns, strict=True)), row, inner, str(policy.name))
        for call in list(select.find_all(exp.Anonymous)):
            function = call.name.upper()
            if function == "INVOKER_ROLE":
                call.replace(exp.Literal.string(scope.authority.role or ""))
            elif function in _TAG_FUNCTIONS:
                call.replace(_tag_value(call, tags))
        return self._visit(select.expressions[0], inner)

    def _give_arguments(self, body: exp.Expr, columns: Mapping[str, str], row: str, scope: Scope, called: str) -> None:
        """Let each argument's name in a body stand for a column of a relation.

        An argument that a table of a subquery has as a column too would silently mean that column: it is refused.
        """
        for node in list(body.find_all(exp.Column)):
            if node.table or not isinstance(node.this, exp.Identifier):
                continue
            name = node.name if node.this.quoted else node.name.upper()
            if name not in columns:
                continue
            self._refuse_shadowed(node, name, body, scope, called)
            node.replace(_column(columns[name], row))

    def _refuse_shadowed(self, node: exp.Column, name: str, body: exp.Expr, scope: Scope, called: str) -> None:
        select = node.find_ancestor(exp.Select)
        while select is not None and select is not body:
            for table in select.find_all(exp.Table):
                if table.find_ancestor(exp.Select) is not select or not isinstance(table.this, exp.Identifier):
                    continue
                full = self._resolve(table.copy(), scope) if table.db else None
                if full is None and scope.authority.schema is not None:
                    full = in_full(scope.authority, "TABLE", (table.name if table.this.quoted else table.name.upper(),))
                if full is not None and any(column.name == name for column in self._account.columns(full)):
                    raise SnowflakeError.compilation(
                        904,
                        "42000",
                        f"ambiguous column name '{name}': in {called} it is an argument and a column of {full}; "
                        "give the argument another name",
                    )
            select = select.find_ancestor(exp.Select)

    # --- changing

    def _update_seen(self, tree: exp.Update, scope: Scope, target: ObjectName) -> None:
        """UPDATE of what the policies show, by what they show."""
        row_name, changes = self._new_name("row"), self._new_name("changes")
        found = _find(tree.this, row_name)
        for index, assignment in enumerate(tree.expressions):
            if _constant(assignment.expression):
                continue
            name = f"v{index}"
            found.append("expressions", exp.alias_(assignment.expression, name, quoted=True))
            assignment.set("expression", _column(name, changes))
        from_ = tree.args.get("from_")
        if from_ is not None:
            found.append("joins", exp.Join(this=from_.this))
        found.set("where", tree.args.get("where"))
        query = self._visit(found, scope)
        alias = exp.TableAlias(this=exp.to_identifier(changes, quoted=True))
        tree.set("from_", exp.From(this=exp.Subquery(this=query, alias=alias)))
        tree.set("where", exp.Where(this=_same_row(tree.this, target, _column(row_name, changes))))

    def _delete_seen(self, tree: exp.Delete, scope: Scope, target: ObjectName) -> None:
        """DELETE of what the policies show."""
        row_name = self._new_name("row")
        found = _find(tree.this, row_name)
        for source in tree.args.get("using") or ():
            found.append("joins", exp.Join(this=source))
        found.set("where", tree.args.get("where"))
        query = self._visit(found, scope)
        tree.set("using", None)
        row = exp.column("rowid", _called(tree.this, target), quoted=True)
        tree.set("where", exp.Where(this=exp.In(this=row, query=exp.Subquery(this=query))))

    def _merge_seen(self, tree: exp.Merge, scope: Scope, target: ObjectName) -> None:
        """MERGE into what the policies show: a row that they hide matches nothing."""
        row_name, changes = self._new_name("row"), self._new_name("changes")
        there = _column(row_name, _called(tree.this, target))
        found = exp.Select(
            expressions=[there.copy()],
            from_=exp.From(this=tree.args["using"]),
            joins=[exp.Join(this=_target_node(tree.this, row_name), side="LEFT", on=tree.args["on"])],
        )

        def given(value: exp.Expr, *, matched: bool) -> exp.Expr:
            """A value of the change, worked out where the rows are found; constants stay where they are."""
            if _constant(value):
                return value
            name = f"v{len(found.expressions)}"
            is_there: exp.Expr = exp.Is(this=there.copy(), expression=exp.Null())
            is_there = exp.Not(this=is_there) if matched else is_there
            case = exp.Case(ifs=[exp.If(this=is_there, true=value)])
            found.append("expressions", exp.alias_(case, name, quoted=True))
            return _column(name, changes)

        for when in tree.args["whens"].expressions:
            then, matched = when.args["then"], bool(when.args.get("matched"))
            if when.args.get("condition") is not None:
                when.set("condition", given(when.args["condition"], matched=matched))
            if isinstance(then, exp.Insert):
                values = then.expression
                values.set("expressions", [given(value, matched=False) for value in values.expressions])
            elif isinstance(then, exp.Update):
                for assignment in then.expressions:
                    assignment.set("expression", given(assignment.expression, matched=True))
        query = self._visit(found, scope)
        alias = exp.TableAlias(this=exp.to_identifier(changes, quoted=True))
        tree.set("using", exp.Subquery(this=query, alias=alias))
        tree.set("on", _same_row(tree.this, target, _column(row_name, changes)))


def _find(target: exp.Expr, row_name: str) -> exp.Select:
    """The start of a query for the rows that a change is about."""
    return exp.Select(
        expressions=[_column(row_name, target.alias_or_name)],
        from_=exp.From(this=_target_node(target, row_name)),
    )


def _target_node(node: exp.Expr, row_name: str) -> exp.Table:
    copy = node.copy()
    assert isinstance(copy, exp.Table)
    copy.meta[TARGET] = row_name
    return copy


def wanted_columns(node: exp.Table) -> frozenset[str] | None:
    """The names that columns of a table may be called by where it stands; None where it may be any column.

    All that names a column of the table stands in the same statement, view or body as the table itself.
    """
    alias = node.args.get("alias")
    if node.args.get("pivots") or (isinstance(alias, exp.TableAlias) and alias.args.get("columns")):
        return None
    found: set[str] = set()
    for part in node.root().walk():
        if isinstance(part, exp.Identifier):
            found.update((part.name, part.name.upper()))
        elif isinstance(part, exp.Star):
            if not isinstance(part.parent, exp.Count):
                return None
        elif isinstance(part, exp.DynamicIdentifier) or _is_natural(part):
            return None
    return frozenset(found)


def _is_natural(part: exp.Expr) -> bool:
    return isinstance(part, exp.Join) and str(part.args.get("method") or "").upper() == "NATURAL"


def _some(protection: Protection, wanted: frozenset[str] | None) -> Sequence[Column]:
    """The columns that are wanted, at least one: rows are counted by it."""
    if wanted is None:
        return protection.columns
    return [column for column in protection.columns if column.name in wanted] or protection.columns[:1]


def _called(node: exp.Expr, target: ObjectName) -> str:
    return node.alias or target.name


def _same_row(node: exp.Expr, target: ObjectName, row: exp.Expr) -> exp.EQ:
    return exp.EQ(this=exp.column("rowid", _called(node, target), quoted=True), expression=row)


def _column(name: str, table: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), exp.to_identifier(table, quoted=True))


def _constant(value: exp.Expr) -> bool:
    return isinstance(value, exp.Literal | exp.Null | exp.Boolean | exp.Var)


def typed(value: exp.Expr, type_: str) -> exp.Expr:
    """A value in the type that it is declared to have."""
    kind = base_type(type_)
    if kind in _SEMI_STRUCTURED:
        return exp.Anonymous(this="to_json", expressions=[value])
    to = exp.DataType.build("TEXT" if kind == "VARCHAR" else type_, dialect="snowflake")
    return exp.Cast(this=value, to=to)


def _tag_value(call: exp.Anonymous, tags: Mapping[ObjectName, str]) -> exp.Expr:
    if len(call.expressions) != 1 or not isinstance(call.expressions[0], exp.Literal):
        raise SnowflakeError.syntax(f"{call.name.upper()} takes the full name of a tag as a string")
    value = tags.get(ObjectName.parse(call.expressions[0].name))
    return exp.Null() if value is None else exp.Literal.string(value)
