"""GRANT and REVOKE."""

from __future__ import annotations

from typing import Literal

from emulator.snowflake.account import Grantee, GrantTarget, ObjectName, Session
from emulator.snowflake.sql.connection import Connection, handles
from emulator.snowflake.sql.naming import grantee, in_full, kind_of, named, plural_kind_of
from emulator.snowflake.sql.results import Result
from emulator.snowflake.sql.syntax import Tokens, unsupported

_DONE = "Statement executed successfully."


@handles("GRANT")
def grant(connection: Connection, tokens: Tokens) -> Result:
    """GRANT ROLE, GRANT DATABASE ROLE, GRANT APPLICATION ROLE, GRANT OWNERSHIP, GRANT privileges."""
    session, account = connection.session, connection.account
    tokens.expect("GRANT")
    role = _role(session, tokens)
    if role is not None:
        tokens.expect("TO")
        to = grantee(session, tokens, users=True)
        tokens.end()
        account.grant_role(session, role, to)
        return Result.message(_DONE)
    if tokens.accept("OWNERSHIP"):
        tokens.expect("ON")
        target = _target(session, tokens)
        tokens.expect("TO")
        to = grantee(session, tokens)
        current = _current_grants(tokens)
        tokens.end()
        account.grant_ownership(session, target, to, current_grants=current)
        return Result.message(_DONE)
    privileges = _privileges(tokens)
    tokens.expect("ON")
    target = _target(session, tokens)
    tokens.expect("TO")
    to = grantee(session, tokens)
    with_grant_option = tokens.accept("WITH", "GRANT", "OPTION")
    tokens.end()
    account.grant_privileges(session, privileges, target, to, with_grant_option=with_grant_option)
    return Result.message(_DONE)


@handles("REVOKE")
def revoke(connection: Connection, tokens: Tokens) -> Result:
    """REVOKE ROLE, REVOKE DATABASE ROLE, REVOKE APPLICATION ROLE, REVOKE privileges."""
    session, account = connection.session, connection.account
    tokens.expect("REVOKE")
    role = _role(session, tokens)
    if role is not None:
        tokens.expect("FROM")
        from_ = grantee(session, tokens, users=True)
        tokens.end()
        account.revoke_role(session, role, from_)
        return Result.message(_DONE)
    grant_option_only = tokens.accept("GRANT", "OPTION", "FOR")
    if tokens.at("OWNERSHIP"):
        # Ownership passes on; it is not revoked but for what is yet to come.
        tokens.expect("OWNERSHIP")
        tokens.expect("ON")
        if not tokens.at("FUTURE"):
            raise unsupported("REVOKE OWNERSHIP: grant it to another role instead")
        privileges: list[str] | Literal["ALL"] = ["OWNERSHIP"]
    else:
        privileges = _privileges(tokens)
        tokens.expect("ON")
    target = _target(session, tokens)
    tokens.expect("FROM")
    from_ = grantee(session, tokens)
    cascade = tokens.accept("CASCADE")
    if not cascade:
        tokens.accept("RESTRICT")
    tokens.end()
    account.revoke_privileges(session, privileges, target, from_, grant_option_only=grant_option_only, cascade=cascade)
    return Result.message(_DONE)


def _role(session: Session, tokens: Tokens) -> Grantee | None:
    """The role that is granted, where the statement grants one."""
    if tokens.at("ROLE") and not tokens.at("ROLE", ","):
        return grantee(session, tokens)
    if tokens.at("DATABASE", "ROLE") or tokens.at("APPLICATION", "ROLE"):
        return grantee(session, tokens)
    return None


def _privileges(tokens: Tokens) -> list[str] | Literal["ALL"]:
    if tokens.accept("ALL"):
        tokens.accept("PRIVILEGES")
        return "ALL"
    found: list[str] = []
    while True:
        words: list[str] = []
        while tokens.word() not in {",", "ON", ""} or tokens.at("ON", "ON"):
            words.append(tokens.word())
            tokens.position += 1
        if not words:
            tokens.fail()
        if "(" in words:
            raise unsupported("privileges on single columns")
        found.append(" ".join(words).replace(" . ", "."))
        if not tokens.accept(","):
            return found


def _target(session: Session, tokens: Tokens) -> GrantTarget:
    if tokens.accept("ACCOUNT"):
        return GrantTarget.account()
    for scope in ("ALL", "FUTURE"):
        if tokens.accept(scope):
            kind = plural_kind_of(tokens)
            container = _container(session, tokens)
            return GrantTarget.all(kind, container) if scope == "ALL" else GrantTarget.future(kind, container)
    kind = kind_of(tokens)
    return GrantTarget.on(kind, named(session, kind, tokens))


def _container(session: Session, tokens: Tokens) -> ObjectName:
    tokens.expect("IN")
    if tokens.accept("DATABASE"):
        return in_full(session, "DATABASE", tokens.dotted(1))
    tokens.expect("SCHEMA")
    return in_full(session, "SCHEMA", tokens.dotted(2))


def _current_grants(tokens: Tokens) -> Literal["COPY", "REVOKE"] | None:
    for word in ("COPY", "REVOKE"):
        if tokens.accept(word, "CURRENT", "GRANTS"):
            return "COPY" if word == "COPY" else "REVOKE"
    return None
