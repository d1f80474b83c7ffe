"""Where a name stands in a statement: in whose name it is looked up, and what is in sight there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from emulator.snowflake.account import Moment, ObjectName, Session, SnowflakeObject
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.syntax import unsupported


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a name stands: which CTEs are in sight, in whose name and from which schema it is looked up, and as of when
    tables are read."""

    ctes: Mapping[str, str]
    authority: Session
    depth: int = 0
    past: Moment | None = None


def owner_session(session: Session, owned: SnowflakeObject) -> Session:
    """A session with the rights of an object's owner, names being looked up from where the object lies."""
    if owned.owner is None or owned.owner.kind != "ROLE":
        raise unsupported(f"{owned.name}: an object that runs with the rights of a database role")
    return Session(
        account=session.account,
        user=session.user,
        role=owned.owner.name.name,
        secondary_roles="NONE",
        warehouse=session.warehouse,
        database=owned.name.database,
        schema=owned.name.schema,
        parameters=session.parameters,
        session_id=session.session_id,
    )


def table_node(name: ObjectName) -> exp.Table:
    """A table named in full."""
    database, schema, table = name.parts
    return exp.Table(
        this=exp.to_identifier(table, quoted=True),
        db=exp.to_identifier(schema, quoted=True),
        catalog=exp.to_identifier(database, quoted=True),
    )


def subquery(query: exp.Expr, alias: exp.TableAlias | None, called: str) -> exp.Subquery:
    return exp.Subquery(this=query, alias=alias or exp.TableAlias(this=exp.to_identifier(called, quoted=True)))


def function_body(body: str) -> exp.Query:
    """The body of an SQL function, an expression or a query of one value, as a query."""
    text = body.strip().rstrip(";").strip()
    if not re.match(r"(SELECT|WITH)\b", text, re.IGNORECASE):
        text = f"SELECT ({text}\n)"
    query = parse(text)
    if not isinstance(query, exp.Query):
        raise unsupported("a function whose body is no query and no expression")
    return query
