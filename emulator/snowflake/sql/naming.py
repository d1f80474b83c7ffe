"""From the words of a statement to the full name of an object, as the session's surroundings complete it."""

from __future__ import annotations

from emulator.snowflake.account import Grantee, ObjectName, Session, SnowflakeError
from emulator.snowflake.account.kinds import KINDS, spec_of
from emulator.snowflake.sql.syntax import Tokens, unsupported

# Longest first, so that ROW ACCESS POLICY is not read as ROW.
_INTEGRATIONS = ("NOTIFICATION", "SECURITY", "STORAGE", "API", "CATALOG", "EXTERNAL ACCESS")
_WORDS: dict[str, str] = {
    **{kind: kind for kind in KINDS},
    **{f"{kind} INTEGRATION": f"{kind} INTEGRATION" for kind in _INTEGRATIONS},
    "ACCOUNT ROLE": "ROLE",
}
_KINDS = tuple(sorted(_WORDS, key=lambda kind: (-len(kind.split()), kind)))
_PLURALS = {f"{kind[:-1]}IES" if kind.endswith("Y") else f"{kind}S": kind for kind in _KINDS if kind != "ACCOUNT"}
_PLURAL_WORDS = tuple(sorted(_PLURALS, key=lambda kind: (-len(kind.split()), kind)))


def kind_of(tokens: Tokens) -> str:
    """The kind of object that is named next; one that the account does not have is refused by name."""
    found = tokens.accept_any(_KINDS)
    if not found:
        raise unsupported(" ".join([tokens.sql[: tokens.sql.find(" ")].upper(), tokens.word()]).strip())
    return _WORDS[found]


def plural_kind_of(tokens: Tokens) -> str:
    """The kind of object whose plural is next."""
    found = tokens.accept_any(_PLURAL_WORDS)
    if not found:
        raise unsupported(f"ALL or FUTURE {tokens.word()}")
    return _PLURALS[found]


def depth_of(kind: str) -> int:
    """How many parts a name of this kind has."""
    return spec_of(kind).depth


def in_full(session: Session, kind: str, parts: tuple[str, ...]) -> ObjectName:
    """The name with the session's database and schema filled in where they were left out."""
    depth = depth_of(kind)
    if len(parts) > depth:
        raise SnowflakeError.syntax(f"unexpected '{'.'.join(parts)}': a {kind.lower()} has {depth} part(s) in its name")
    if len(parts) == depth:
        if "" in parts:
            parts = tuple(part or "PUBLIC" for part in parts)
        return ObjectName(parts)
    if session.database is None:
        raise SnowflakeError(
            90105,
            "22000",
            "Cannot perform operation. This session does not have a current database. Call 'USE DATABASE', or use a "
            "qualified name.",
        )
    if depth - len(parts) == 1 and depth == 2:
        return ObjectName((session.database, *parts))
    if len(parts) == 2:
        return ObjectName((session.database, *parts))
    if session.schema is None:
        raise SnowflakeError(
            90106,
            "22000",
            "Cannot perform operation. This session does not have a current schema. Call 'USE SCHEMA', or use a "
            "qualified name.",
        )
    return ObjectName((session.database, session.schema, *parts))


def named(session: Session, kind: str, tokens: Tokens) -> ObjectName:
    """The object of this kind that is named next. A function's argument types are part of its name."""
    name = in_full(session, kind, tokens.dotted())
    if spec_of(kind).has_signature and tokens.at("("):
        text = tokens.balanced()
        return ObjectName.of(*name.parts, arguments=_types(text))
    return name


def _types(text: str) -> tuple[str, ...]:
    found: list[str] = []
    depth = 0
    current = ""
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            found.append(current.strip())
            current = ""
        else:
            current += character
    if current.strip():
        found.append(current.strip())
    return tuple(found)


def grantee(session: Session, tokens: Tokens, *, users: bool = False) -> Grantee:
    """The role, database role, application role or (where `users`) user that is named next."""
    if tokens.accept("DATABASE", "ROLE"):
        return Grantee("DATABASE_ROLE", in_full(session, "DATABASE ROLE", tokens.dotted()))
    if tokens.accept("APPLICATION", "ROLE"):
        return Grantee("APPLICATION_ROLE", in_full(session, "APPLICATION ROLE", tokens.dotted()))
    if users and tokens.accept("USER"):
        return Grantee("USER", ObjectName(tokens.dotted(1)))
    if tokens.at("SHARE") or tokens.at("APPLICATION"):
        raise unsupported(f"{tokens.word()} as a grantee")
    if tokens.at("USER"):
        raise unsupported("privileges granted to a user")
    tokens.accept_any(("ROLE", "ACCOUNT ROLE"))
    return Grantee("ROLE", ObjectName(tokens.dotted(1)))
