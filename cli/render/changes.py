"""The statements that a plan's steps come to, in the engine's order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cli.progress import name_of, type_of
from cli.render import words
from cli.render.script import known_inputs, problems_of
from cli.render.types import RENDERERS
from policies.graph.resources import Unknown, plain

_PROVIDER: Final = "pulumi:providers:snowflake"
_DONE: Final = {
    "create": "created",
    "create-replacement": "created again",
    "update": "changed",
    "delete": "deleted",
    "delete-replaced": "deleted, to be created again",
    "import": "taken over",
}


@dataclass(slots=True)
class Change:
    """One step on Snowflake: its statements, run as `role`, and what they do not tell."""

    urn: str
    change: str
    role: str
    warehouse: str = ""
    statements: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{type_of(self.urn).rpartition(':')[2]} {name_of(self.urn)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "urn": self.urn,
            "change": self.change,
            "role": self.role,
            "statements": self.statements,
            "said": self.said,
        }


@dataclass(slots=True)
class Changes:
    """A plan's steps on Snowflake, and how many there are elsewhere."""

    snowflake: list[Change] = field(default_factory=list)
    elsewhere: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"statements": [change.as_json() for change in self.snowflake], "elsewhere": self.elsewhere}

    def text(self) -> str:
        """As a script, in blocks of one role."""
        lines: list[str] = []
        role, ready = "", False
        any_warehouse = next((change.warehouse for change in self.snowflake if change.warehouse), "")
        for change in self.snowflake:
            if change.statements and change.role != role:
                role, ready = change.role, False
                lines += [f"USE ROLE {words.name(role)};" if role else "-- As a role that is not known yet:", ""]
            asks = any(statement.startswith("EXECUTE IMMEDIATE") for statement in change.statements)
            warehouse = change.warehouse or (any_warehouse if asks else "")
            if warehouse and not ready:
                lines += [f"USE WAREHOUSE {words.name(warehouse)};", ""]
                ready = True
            lines.append(f"-- {change.name}: {change.change}")
            lines += [f"-- {line}" for line in change.said]
            lines += [f"{statement};" for statement in change.statements]
            lines.append("")
        if not self.snowflake:
            lines += ["-- Nothing changes in Snowflake.", ""]
        if self.elsewhere:
            lines.append(f"-- {self.elsewhere} changes are not Snowflake's, and no SQL makes them.")
        return "\n".join(lines).rstrip() + "\n"


def changes_of(steps: Iterable[Any]) -> Changes:
    """Of the engine's descriptions of a plan's steps."""
    found = Changes()
    roles: dict[str, tuple[str, str]] = {}
    for step in steps:
        op = str(getattr(step.op, "value", step.op))
        state = step.new or step.old
        if step.type == _PROVIDER:
            settings = plain((state.inputs if state else None) or {})
            role, warehouse = settings.get("role") or "", settings.get("warehouse") or ""
            roles[step.urn] = ("" if isinstance(role, Unknown) else str(role), str(warehouse))
        if op not in _DONE:
            continue
        if not step.type.startswith("snowflake:"):
            found.elsewhere += not step.type.startswith("pulumi:") and _is_custom(state)
            continue
        change = Change(step.urn, _DONE[op], *roles.get(_provider(state), ("", "")))
        found.snowflake.append(change)
        _write(change, op, step)
    return found


def _is_custom(state: Any) -> bool:
    return bool(state is not None and state.custom)


def _provider(state: Any) -> str:
    return str((state.provider if state is not None else "") or "").rpartition("::")[0]


def _write(change: Change, op: str, step: Any) -> None:
    kind, name = change.name.split(" ", 1)
    old, left_before = known_inputs(_inputs(step.old))
    new, left = known_inputs(_inputs(step.new))
    if op == "import":
        change.said.append("It is there already: the stack takes it over, and nothing is run.")
        return
    gone = op.startswith("delete")
    if gone and step.old.retain_on_delete:
        change.said.append("It is kept: the stack forgets it, and nothing is run.")
        return
    problems = problems_of(kind, name, old if gone else new)
    renderer = RENDERERS.get(kind)
    if problems or renderer is None:
        change.said += [f"Not told: {problem}." for problem in problems]
        return
    try:
        if gone:
            change.statements = renderer.delete(old, change.role)
        elif op == "update":
            # What cannot be read on one side would look as if it came or went.
            hidden = {*left, *left_before}
            before, after = ({k: v for k, v in each.items() if k not in hidden} for each in (old, new))
            change.statements = renderer.change(before, after)
        else:
            change.statements = renderer.create(new)
    except (ValueError, KeyError) as error:
        change.said.append(f"Not told: {kind} {name}: no SQL is known for {error.args[0]}.")
    hidden_now = left_before if gone else left
    change.said += [f"Left out: {what} (a secret, or not known before the run)." for what in hidden_now]
    if not change.statements and not change.said:
        change.said.append("The provider runs nothing for this, or what it runs is not known here.")


def _inputs(state: Any) -> Mapping[str, Any]:
    return plain((state.inputs if state is not None else None) or {})  # type: ignore[no-any-return]
