"""A plan's steps as plain data, and what several functions ask of the whole plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from policies.graph.resources import SIGNATURE, UNKNOWN_VALUES, identifier

Op = Literal["create", "update", "replace", "delete", "same"]

ORGANIZATION: Final = ":Organization"
"""How the type of the component ends that holds all of one organisation."""

_SECRET: Final = "[secret]"  # noqa: S105 - what the engine writes instead of one


def unknown(value: Any) -> bool:
    """Whether a value, or anything in it, is not known in the plan, or hidden in it for being secret."""
    if isinstance(value, str):
        return value in UNKNOWN_VALUES or value == _SECRET
    if isinstance(value, Mapping):
        return SIGNATURE in value or any(map(unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(unknown, value))
    return False


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one resource.

    `old` are its inputs and `old_outputs` its outputs before, `new` its inputs after; properties are by their names on
    the wire. `replace_keys` are the properties for which it is replaced. `retained` is one that leaves the stack and
    stays in its cloud.
    """

    op: Op
    urn: str
    type: str
    id: str = ""
    parent: str = ""
    old: Mapping[str, Any] = field(default_factory=dict)
    old_outputs: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    replace_keys: Sequence[str] = ()
    retained: bool = False

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def kind(self) -> str:
        """The type's last word, like `Table`."""
        return self.type.rpartition(":")[2]

    @property
    def gone(self) -> bool:
        """Whether what it stood for is deleted, be it to be made anew."""
        return self.op in ("delete", "replace") and not self.retained

    def before(self, key: str) -> Any:
        """A property as the cloud last had it, which is what a provider compares with; else as it was declared."""
        found = self.old_outputs.get(key)
        return self.old.get(key) if found is None else found


class Plan:
    """All steps of one plan, those that change nothing too."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = tuple(steps)
        self._by_urn = {step.urn: step for step in self.steps}

    def of(self, *kinds: str, package: str = "snowflake") -> Iterator[Step]:
        return (step for step in self.steps if step.kind in kinds and step.type.startswith(f"{package}:"))

    def step(self, urn: str) -> Step | None:
        return self._by_urn.get(urn)

    def organization(self, step: Step) -> Step | None:
        """The component of the organisation that a step's resource belongs to."""
        seen: Step | None = step
        while seen is not None:
            if seen.type.endswith(ORGANIZATION):
                return seen
            seen = self._by_urn.get(seen.parent)
        return None

    def tenant(self, step: Step, database: str = "") -> str:
        """The organisation a step's resource belongs to, or whose database this is; empty for what all share."""
        found = self.organization(step)
        return found.name if found is not None else self._tenants.get(database, "")

    @cached_property
    def _tenants(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for step in self.of("Database"):
            organization = self.organization(step)
            if organization is not None:
                for known in (step.before("name"), step.new.get("name")):
                    if isinstance(known, str):
                        found[identifier(known)[0]] = organization.name
        return found

    @cached_property
    def _retentions(self) -> Mapping[tuple[str, ...], int]:
        """Days of Time Travel by object, the fewer of before and after."""
        found: dict[tuple[str, ...], int] = {}
        for step in self.of("Database", "Schema", "Table"):
            name = object_name(step)
            days = [
                value
                for value in map(days_of, (step.before(RETENTION), step.new.get(RETENTION)))
                if value is not None and value >= 0
            ]
            if name and days:
                found[name] = min(days)
        return found

    def retention(self, name: tuple[str, ...]) -> int | None:
        """Days for which Snowflake keeps what an object lost: its own, its schema's, else its database's; or None."""
        for length in range(len(name), 0, -1):
            if name[:length] in self._retentions:
                return self._retentions[name[:length]]
        return None


RETENTION: Final = "dataRetentionTimeInDays"


def days_of(value: Any) -> int | None:
    """A number of days; None where there is none, or it is not known. Snowflake's provider has -1 for inherited."""
    if unknown(value) or isinstance(value, bool):
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def object_name(step: Step) -> tuple[str, ...]:
    """A Snowflake object's name before the step, in parts; empty where the plan does not say."""
    parts = []
    for key in ("database", "schema", "name"):
        value = step.before(key) if step.op != "create" else step.new.get(key)
        if value is None:
            continue
        if not isinstance(value, str) or unknown(value):
            return ()
        # The provider quotes names: as they stand, but for those that are quoted already.
        parts.append(identifier(value)[0] if value.startswith('"') else value)
    return tuple(parts)
