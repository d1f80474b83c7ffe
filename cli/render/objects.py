"""Objects with properties: CREATE … IF NOT EXISTS, ALTER … SET, DROP … IF EXISTS, led by a table of each type's inputs.

Source: Snowflake's reference of each CREATE and ALTER statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli.render import words

Inputs = Mapping[str, Any]
_LEFT_TO_SNOWFLAKE: Final[tuple[Any, ...]] = (None, "", "default", [])


@dataclass(frozen=True, slots=True)
class Property:
    """One input as a property of the object; `fixed` ones count at creation alone."""

    wire: str
    sql: str
    write: Callable[[Any], str]
    fixed: bool = False

    def written(self, inputs: Inputs) -> str | None:
        value = inputs.get(self.wire)
        if any(type(value) is type(nothing) and value == nothing for nothing in _LEFT_TO_SNOWFLAKE):
            return None
        return f"{self.sql} = {self.write(value)}"


class Renderer:
    """The statements of one resource type. `known` are the inputs that it can tell; `kind` is Snowflake's word."""

    known: frozenset[str] = frozenset()

    def create(self, inputs: Inputs) -> list[str]:
        """What makes it, and leaves it so where it is there already."""
        raise NotImplementedError

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        """What turns the one into the other; what makes it again, unless the type knows better."""
        del old
        return self.create(new)

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        """What takes it back, done as `role`."""
        raise NotImplementedError


COMMENT: Final = Property("comment", "COMMENT", words.text)


@dataclass(frozen=True)
class ObjectRenderer(Renderer):
    """An object whose inputs are its properties."""

    kind: str
    identity: tuple[str, ...]
    properties: tuple[Property, ...] = (COMMENT,)
    silent: frozenset[str] = field(default_factory=frozenset)
    create_kind: str = ""

    @property
    def known(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({*self.identity, *(each.wire for each in self.properties)}) | self.silent

    def name(self, inputs: Inputs) -> str:
        return words.joined(*(inputs[part] for part in self.identity))

    def create(self, inputs: Inputs) -> list[str]:
        made = self.definition(inputs)
        return [made, *self.settled(inputs)]

    def definition(self, inputs: Inputs) -> str:
        kind = self.create_kind or self.kind
        lines = [f"CREATE {self.before_kind(inputs)}{kind} IF NOT EXISTS {self.name(inputs)}{self.after_name(inputs)}"]
        lines += [f"    {line}" for line in self.lines(inputs)]
        return "\n".join(lines) + self.body(inputs)

    def lines(self, inputs: Inputs) -> list[str]:
        return [written for each in self.properties if (written := each.written(inputs)) is not None]

    def settled(self, inputs: Inputs) -> list[str]:
        """For one that is there already: what may be changed is set."""
        wanted = [written for each in self.properties if not each.fixed and (written := each.written(inputs))]
        return [self.set(inputs, wanted)] if wanted else []

    def set(self, inputs: Inputs, wanted: Sequence[str]) -> str:
        return f"ALTER {self.kind} {self.name(inputs)} SET {' '.join(wanted)}"

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        found = []
        if self.name(old) != self.name(new):
            found.append(f"ALTER {self.kind} {self.name(old)} RENAME TO {self.name(new)}")
        changing = [each for each in self.properties if not each.fixed]
        wanted = [now for each in changing if (now := each.written(new)) is not None and now != each.written(old)]
        gone = [each.sql for each in changing if each.written(new) is None and each.written(old) is not None]
        if wanted:
            found.append(self.set(new, wanted))
        if gone:
            found.append(f"ALTER {self.kind} {self.name(new)} UNSET {', '.join(gone)}")
        return found

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"DROP {self.create_kind or self.kind} IF EXISTS {self.name(inputs)}"]

    # --- what types refine

    def before_kind(self, inputs: Inputs) -> str:
        """Words like TRANSIENT, with a space after them."""
        return "TRANSIENT " if str(inputs.get("isTransient")).lower() == "true" else ""

    def after_name(self, inputs: Inputs) -> str:  # noqa: ARG002
        return ""

    def body(self, inputs: Inputs) -> str:  # noqa: ARG002
        return ""


def once(condition: str, statement: str, *, look: str = "") -> str:
    """A statement that is run where a query finds nothing; `look` is a SHOW whose answer the query reads."""
    lines = ["BEGIN"]
    if look:
        lines.append(f"    {look};")
    lines += [f"    IF (NOT EXISTS ({condition})) THEN", _indented(f"{statement};", 8), "    END IF;", "END;"]
    body = "\n".join(lines)
    return f"EXECUTE IMMEDIATE {words.block(chr(10) + body + chr(10))}"


def _indented(statement: str, by: int) -> str:
    return "\n".join(" " * by + line for line in statement.splitlines())


SHOWN: Final = "SELECT 1 FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))"
"""A query that finds something where the SHOW before it did."""
