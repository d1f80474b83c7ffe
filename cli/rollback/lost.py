"""What lies between two states, as the data-loss guard reads a plan: what going from one to the other loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.data_loss import Finding, Plan, Step, find_losses
from policies.graph.resources import SIGNATURE

State = Mapping[str, Any]


def losses(before: State, after: State) -> list[Finding]:
    """What is lost on the way from the one deployment to the other, and how it can be had back."""
    return find_losses(Plan(steps_between(before, after)))


def steps_between(before: State, after: State) -> Iterator[Step]:
    """Each resource of either deployment, and what became of it; by URN, so that a rename is seen as two."""
    old, new = _resources(before), _resources(after)
    for urn, resource in old.items():
        other = new.get(urn)
        if other is None:
            yield _step("delete", resource, {})
        elif resource.get("created") != other.get("created"):
            yield _step("replace", resource, other)
        else:
            changed = _closed(resource.get("inputs")) != _closed(other.get("inputs"))
            yield _step("update" if changed else "same", resource, other)
    for urn, resource in new.items():
        if urn not in old:
            yield _step("create", {**resource, "inputs": {}, "outputs": {}}, resource)


def _resources(state: State) -> dict[str, Mapping[str, Any]]:
    return {each["urn"]: _declared(each) for each in state.get("resources") or () if not each.get("delete")}


def _declared(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """A resource without what the stack leaves as it is found: a refresh writes that down too."""
    left = {path.split(".")[0].split("[")[0] for path in resource.get("ignoreChanges") or ()}
    if not left:
        return resource
    sides = {side: resource.get(side) or {} for side in ("inputs", "outputs")}
    kept = {side: {key: value for key, value in found.items() if key not in left} for side, found in sides.items()}
    return {**resource, **kept}


def _step(op: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> Step:
    return Step(
        op=op,
        urn=old["urn"],
        type=old["type"],
        id=old.get("id") or "",
        parent=old.get("parent") or "",
        old=old.get("inputs") or {},
        old_outputs=old.get("outputs") or {},
        new=new.get("inputs") or {},
        replace_keys=("what the state does not say",) if op == "replace" else (),
        retained=bool(old.get("retainOnDelete")),
    )


def _closed(value: Any) -> Any:
    """A value whose secrets are all alike: their encrypted form says nothing about what they are."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return SIGNATURE
        return {key: _closed(inner) for key, inner in value.items()}
    return [_closed(inner) for inner in value] if isinstance(value, list) else value
