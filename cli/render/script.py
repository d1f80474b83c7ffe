"""What is declared as one script: statements in an order in which each finds what it needs, in blocks of one role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli.failure import FailureError
from cli.render import words
from cli.render.types import RENDERERS
from policies.graph.resources import Secret, Unknown

_HEAD: Final = """\
-- {title}
--
-- Run it from the first line to the last, in a worksheet or with SnowSQL or the Snowflake CLI, as a user who holds the
-- roles that it uses. It can be run again: what is there already is left, and set to what is declared. It drops nothing
-- but a new database's empty schema PUBLIC. A table that is there keeps the columns that it has, and a constraint or a
-- row access policy is added where it is missing.
-- It holds no secret: passwords and private keys are set by hand.
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource with what its statements need: whose role, which warehouse, and what has to be there before."""

    urn: str
    kind: str
    name: str
    inputs: Mapping[str, Any]
    role: str
    warehouse: str = ""
    tenant: str | None = None
    adopted: bool = False
    after: frozenset[str] = frozenset()


@dataclass(slots=True)
class Written:
    """A resource's statements, and what they leave out."""

    of: Declared
    statements: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Whether a query is among them, which needs a warehouse."""
        return bool(self.of.warehouse) or any(each.startswith("EXECUTE IMMEDIATE") for each in self.statements)


def known_inputs(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The inputs that can be told, and the names of those that cannot: secrets, and what is not known before a run."""
    told = _own(inputs)
    left = [key for key, value in told.items() if not _tellable(value)]
    return {key: value for key, value in told.items() if key not in left}, sorted(left)


def _own(value: Any) -> Any:
    """Without what the engine's bridge notes for itself."""
    if isinstance(value, Mapping):
        return {key: _own(inner) for key, inner in value.items() if not str(key).startswith("__")}
    return [_own(inner) for inner in value] if isinstance(value, list) else value


def _tellable(value: Any) -> bool:
    if isinstance(value, Unknown | Secret) or value == "[secret]":
        return False
    if isinstance(value, Mapping):
        return all(_tellable(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(_tellable(inner) for inner in value)
    return True


def refused(kind: str, name: str, why: str) -> str:
    return f"{kind} {name}: {why}"


def problems_of(kind: str, name: str, inputs: Mapping[str, Any]) -> list[str]:
    """Why a resource's statements cannot be told; empty where they can."""
    renderer = RENDERERS.get(kind)
    if renderer is None:
        return [refused(kind, name, "no SQL is known for this type of resource")]
    foreign = sorted(set(inputs) - renderer.known)
    return [refused(kind, name, f"no SQL is known for its {', '.join(foreign)}")] if foreign else []


def written(declared: Iterable[Declared]) -> list[Written]:
    """Each with its statements. Raises `FailureError` naming everything that has none."""
    found: list[Written] = []
    problems: list[str] = []
    for each in declared:
        one = Written(each)
        found.append(one)
        if each.adopted:
            continue
        inputs, one.left_out = known_inputs(each.inputs)
        wrong = problems_of(each.kind, each.name, inputs)
        if not wrong:
            try:
                one.statements = RENDERERS[each.kind].create(inputs)
            except (ValueError, KeyError) as error:
                missing = error.args[0] if isinstance(error, ValueError) else f"its {error.args[0]}, which is not known"
                wrong = [refused(each.kind, each.name, f"no SQL is known for {missing}")]
        problems += wrong
    if problems:
        raise FailureError("not all of it can be rendered:\n" + "\n".join(f"  {problem}" for problem in problems))
    return found


def ordered(found: Sequence[Written], warehouse: str) -> list[Written]:
    """So that each comes after what it needs, with as few changes of role as that allows.

    What asks something needs the warehouse, and that its role may use it.
    """
    there = {one.of.urn for one in found}
    ready_warehouse = {one.of.urn for one in found if _makes_usable(one.of, warehouse)}
    needs = {one.of.urn: set(one.of.after & there) for one in found}
    for one in found:
        if one.asks and one.of.urn not in ready_warehouse:
            needs[one.of.urn] |= ready_warehouse
    # The engine tells of them in whatever order they came; two scripts of one declaration are the same.
    waiting = sorted(found, key=lambda one: (one.of.tenant or "", one.of.kind, one.of.name, one.of.urn))
    done: set[str] = set()
    order: list[Written] = []
    role = ""
    while waiting:
        ready = [one for one in waiting if needs[one.of.urn] <= done]
        if not ready:
            names = ", ".join(f"{one.of.kind} {one.of.name}" for one in waiting)
            raise FailureError(f"no order can be found in which these are made: {names}")
        mine = [one for one in ready if one.of.role == role]
        if not mine:
            role = Counter(one.of.role for one in ready).most_common(1)[0][0]
            mine = [one for one in ready if one.of.role == role]
        order += mine
        done |= {one.of.urn for one in mine}
        waiting = [one for one in waiting if one.of.urn not in done]
    return order


def _makes_usable(declared: Declared, warehouse: str) -> bool:
    if not warehouse:
        return False
    if declared.kind == "Warehouse":
        return bool(declared.inputs.get("name") == warehouse)
    if declared.kind == "GrantOwnership":
        return bool(words.only(declared.inputs.get("on")).get("objectName") == warehouse)
    return False


def warehouse_of(declared: Iterable[Declared]) -> str:
    """The warehouse in which what asks something is run: the one that the program uses for its own statements."""
    return next((each.warehouse for each in declared if each.warehouse), "")


def text(found: Sequence[Written], title: str, warehouse: str) -> str:
    """The script."""
    lines = [_HEAD.format(title=title), "USE SECONDARY ROLES NONE;"]
    role, ready = "", False
    for one in found:
        of = one.of
        if one.statements and of.role != role:
            role, ready = of.role, False
            lines += ["", "", f"-- {'─' * 8} as {role} {'─' * 8}", "", f"USE ROLE {words.name(role)};"]
        if one.asks and not ready:
            if not warehouse:
                raise FailureError(f"{of.kind} {of.name} asks something first, and no warehouse is declared for that.")
            lines.append(f"USE WAREHOUSE {words.name(warehouse)};")
            ready = True
        lines += ["", f"-- {of.kind} {of.name}" + (f" (organisation {of.tenant})" if of.tenant else "")]
        if of.adopted:
            lines.append("-- It was there before the stack, which takes it over as it is: nothing is done here.")
        lines += [f"-- Left out: {what} (a secret, or not known before `./nexus up` has run)." for what in one.left_out]
        lines += [f"{statement};" for statement in one.statements]
    return "\n".join(lines) + "\n"
