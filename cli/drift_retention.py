"""For how many days what is deleted can be had back: an object's own days or its container's, never below the least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cli.render.graph import Record

DAYS: Final = "dataRetentionTimeInDays"
KINDS: Final = {"Database": "DATABASE", "Schema": "SCHEMA", "Table": "TABLE"}
"""What Time Travel brings back, by its resource type: Snowflake's word for each."""
_LEAST: Final = "MIN_DATA_RETENTION_TIME_IN_DAYS"
_NOT_ITS_OWN: Final = (None, -1)
"""A table or schema with these has its container's days."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Declared days by the database's name, or the database's and the schema's; `least` is the account's minimum."""

    declared: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    least: float = 0

    @classmethod
    def of(cls, known: Iterable[Record]) -> Retention:
        declared: dict[tuple[str, ...], float] = {}
        least = 0.0
        for each in known:
            kind, inputs = each.type.rpartition(":")[2], each.inputs
            if kind in KINDS and inputs.get(DAYS) not in _NOT_ITS_OWN:
                declared[(*_containers(inputs), str(inputs["name"]))] = float(inputs[DAYS])
            elif kind == "AccountParameter" and inputs.get("key") == _LEAST:
                least = float(inputs["value"])
        return cls(declared, least)

    def in_effect(self, inputs: Mapping[str, Any], days: Any) -> float | None:
        """The days that hold where an object has `days`; None where the program does not say what it inherits."""
        if days in _NOT_ITS_OWN:
            above = _containers(inputs)
            found = (self.declared.get(above[:length]) for length in range(len(above), 0, -1))
            days = next((each for each in found if each is not None), None)
        return None if days is None else max(float(days), self.least)


def _containers(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(inputs[part]) for part in ("database", "schema") if inputs.get(part))
