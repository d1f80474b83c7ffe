"""Grants that go with a routine or view that is dropped and made again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from policies.data_loss.finding import Finding
from policies.data_loss.names import listed, sql
from policies.data_loss.plan import Plan, Step, object_name, unknown
from policies.graph.resources import identifier

_ROUTINE: Final = re.compile(r"(Function|Procedure)(Python|Sql|Java|Javascript|Scala)?")
_GRANTS: Final = ("GrantPrivilegesToAccountRole", "GrantPrivilegesToDatabaseRole", "GrantPrivilegesToShare")


def lost_grants(plan: Plan) -> Iterator[Finding]:
    """Grants that the plan leaves as they are, on what it drops and makes again: the new one has none of them."""
    for step in plan.steps:
        word = _made_anew(step)
        if word is None:
            continue
        name = object_name(step)
        grants = [grant for grant in plan.of(*_GRANTS) if grant.op in ("same", "update") and _on(grant, word, name)]
        lost = [grant for grant in grants if not _granted_again(plan, grant, word, name)]
        if lost:
            written = sql(name) if name else step.name
            yield Finding(
                step.urn,
                plan.tenant(step, name[0] if name else ""),
                f"{word.lower()} {written}",
                "drop and create again without its grants",
                "the grants of " + listed(sorted(_grantee(grant) for grant in lost)) + ": the state still has them, so "
                "no later run brings them back",
                "by granting again; future grants on the schema, or replacing the grants with it, do so by themselves",
                f"SHOW GRANTS ON {word} {written}"
                + (";" if word == "VIEW" else " (with the types of its arguments in brackets);"),
            )


def _made_anew(step: Step) -> str | None:
    if not step.type.startswith("snowflake:") or step.retained:
        return None
    routine = _ROUTINE.fullmatch(step.kind)
    if routine is not None and step.op == "replace":
        return routine[1].upper()
    if step.kind == "View":
        statement = step.op == "update" and step.before("statement") != step.new.get("statement")
        if step.op == "replace" or (statement and step.new.get("copyGrants") is not True):
            return "VIEW"
    return None


def _target(grant: Step) -> dict[str, Any]:
    found = grant.old.get("onSchemaObject") or grant.new.get("onSchemaObject") or {}
    return dict(found) if isinstance(found, dict) else {}


def _on(grant: Step, word: str, name: tuple[str, ...]) -> bool:
    target = _target(grant)
    named = target.get("objectName")
    if str(target.get("objectType") or "").upper() != word or not isinstance(named, str):
        return False
    # Where a name is not known, the grant could be on it.
    return unknown(named) or not name or identifier(named) == name


def _granted_again(plan: Plan, grant: Step, word: str, name: tuple[str, ...]) -> bool:
    wanted = {str(privilege).upper() for privilege in grant.old.get("privileges") or ()}
    for other in plan.of(grant.kind):
        future = _target(other).get("future")
        if not isinstance(future, dict) or other.gone or _grantee(other) != _grantee(grant):
            continue
        where = identifier(str(future.get("inSchema") or future.get("inDatabase") or ""))
        if str(future.get("objectTypePlural") or "").upper() != f"{word}S" or where != name[: len(where)] or not where:
            continue
        given = {
            str(privilege).upper() for privilege in other.new.get("privileges") or other.old.get("privileges") or ()
        }
        if other.old.get("allPrivileges") is True or (wanted and wanted <= given):
            return True
    return False


def _grantee(grant: Step) -> str:
    for key in ("accountRoleName", "databaseRoleName", "toShare"):
        value = grant.before(key)
        if isinstance(value, str):
            return sql(identifier(value))
    return grant.name
