"""Steps of made-up plans, as short as a test can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies.data_loss import Finding, Op, Plan, Step, find_losses

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STACK = "urn:pulumi:test::nexuschat::"
TENANT = f"{STACK}videxa:snowflake:Organization::HCS0001"


def snowflake(kind: str) -> str:
    return f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"


def step(
    op: Op,
    type_: str,
    name: str = "it",
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    *,
    outputs: Mapping[str, Any] | None = None,
    keys: Sequence[str] = (),
    parent: str = "",
    id_: str = "id",
    retained: bool = False,
) -> Step:
    if ":" not in type_:
        type_ = snowflake(type_)
    old = old or {}
    new = old if op == "same" else new or {}
    return Step(op, f"{STACK}{type_}::{name}", type_, id_, parent, old, outputs or {}, new, keys, retained)


def organization(op: Op = "same", name: str = "HCS0001") -> Step:
    return step(op, "videxa:snowflake:Organization", name)


TABLE = {"database": "HCS0001_DB", "schema": "NEXUSCHAT", "name": "CONVERSATIONS"}
DATABASE = {"name": "HCS0001_DB", "dataRetentionTimeInDays": 30}
SCHEMA = {"database": "HCS0001_DB", "name": "NEXUSCHAT"}


def column(name: str, type_: str = "VARCHAR(256)", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "nullable": True, **more}


def table(old: Sequence[Mapping[str, Any]] | str, new: Sequence[Mapping[str, Any]] | str) -> Step:
    return step(
        "update", "Table", "HCS0001-CONVERSATIONS", {**TABLE, "columns": old}, {**TABLE, "columns": new}, parent=TENANT
    )


def found(*steps: Step) -> list[Finding]:
    return find_losses(Plan(steps))


def changes(*steps: Step) -> list[tuple[str, str]]:
    """Object and change of every finding."""
    return [(finding.object, finding.change) for finding in found(*steps)]
