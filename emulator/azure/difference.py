"""How azure-native tells what changes, and what a change does.

Source: pulumi-azure-native, provider/pkg/provider/diff.go and provider.go (`Diff`), v3. It compares old inputs with new
inputs; outputs count in one place only (a create-only property that is now said and was so anyway does not replace).
Differences that do not count: the case of `resourceGroupName`, case and spaces of `location`, and the order of lists
whose elements the API knows by a property. The case of ARM ids and of enumerations does count, as there. A replacement
deletes first, unless the physical name was made up, since then the old and the new one can exist side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.azure.identifiers import location_name
from emulator.azure.kinds import ResourceKind
from emulator.package import Change, DiffAnswer
from emulator.values import UNKNOWN

# azure-native's own mark in the inputs of a resource whose name it made up.
CREATE_BEFORE_DELETE = "__createBeforeDelete"


def without_nulls(value: Any) -> Any:
    """A value without what is not there: the provider never sees nulls."""
    if type(value) is dict:
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    if type(value) is list:
        return [without_nulls(inner) for inner in value]
    return value


def difference(
    kind: ResourceKind | None,
    old_inputs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    old_outputs: Mapping[str, Any],
) -> DiffAnswer:
    replacing = kind.replacing if kind is not None else frozenset({"resourceGroupName", "location"})
    identifiers: Mapping[str, tuple[str, ...]] = kind.identifiers if kind is not None else {}
    changes: dict[str, Change] = {}
    _objects(old_inputs, inputs, "", "", replacing, identifiers, changes, top=True)
    for path, change in list(changes.items()):
        if change is Change.ADD_REPLACE and path not in old_inputs and inputs[path] == old_outputs.get(path):
            changes[path] = Change.ADD
    create_first = old_inputs.get(CREATE_BEFORE_DELETE)
    replaces = any(change.replaces for change in changes.values())
    return DiffAnswer(
        changes,
        delete_before_replace=not create_first if isinstance(create_first, bool) else replaces,
    )


def _objects(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    path: str,
    rule: str,
    replacing: frozenset[str],
    identifiers: Mapping[str, tuple[str, ...]],
    changes: dict[str, Change],
    *,
    top: bool = False,
) -> None:
    for name in {**old, **new}:
        if name.startswith("__"):
            continue
        here, key = f"{path}{name}", f"{rule}{name}"
        if name not in new:
            changes[here] = Change.DELETE_REPLACE if key in replacing else Change.DELETE
        elif name not in old:
            changes[here] = Change.ADD_REPLACE if key in replacing else Change.ADD
        elif not (top and _same_spelling(name, old[name], new[name])):
            found: dict[str, Change] = {}
            _values(old[name], new[name], here, key, replacing, identifiers, found)
            if key in replacing:
                found = {
                    place: Change.UPDATE_REPLACE if change is Change.UPDATE else change
                    for place, change in found.items()
                }
            changes |= found


def _same_spelling(name: str, old: Any, new: Any) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    if name == "location":
        return location_name(old) == location_name(new)
    return name == "resourceGroupName" and old.lower() == new.lower()


def _values(
    old: Any,
    new: Any,
    path: str,
    rule: str,
    replacing: frozenset[str],
    identifiers: Mapping[str, tuple[str, ...]],
    changes: dict[str, Change],
) -> None:
    if type(old) is dict and type(new) is dict:
        _objects(old, new, f"{path}.", f"{rule}.", replacing, identifiers, changes)
    elif isinstance(old, list) and isinstance(new, list):
        _lists(old, new, path, rule, replacing, identifiers, changes)
    elif new is UNKNOWN or type(old) is bool or type(new) is bool:
        if old is not new:
            changes[path] = Change.UPDATE_REPLACE if rule in replacing else Change.UPDATE
    elif old != new:
        changes[path] = Change.UPDATE_REPLACE if rule in replacing else Change.UPDATE


def _lists(
    old: list[Any],
    new: list[Any],
    path: str,
    rule: str,
    replacing: frozenset[str],
    identifiers: Mapping[str, tuple[str, ...]],
    changes: dict[str, Change],
) -> None:
    names = identifiers.get(rule.replace("[]", ""))
    if names is None:
        for index in range(max(len(old), len(new))):
            here = f"{path}[{index}]"
            if index >= len(old):
                changes[here] = Change.ADD
            elif index >= len(new):
                changes[here] = Change.DELETE
            else:
                _values(old[index], new[index], here, f"{rule}[]", replacing, identifiers, changes)
        return
    before = {_identity(item, names): (index, item) for index, item in enumerate(old)}
    seen = set()
    for index, item in enumerate(new):
        identity = _identity(item, names)
        seen.add(identity)
        here = f"{path}[{index}]"
        if identity not in before:
            changes[here] = Change.ADD
        else:
            _values(before[identity][1], item, here, f"{rule}[]", replacing, identifiers, changes)
    for identity, (index, _) in before.items():
        if identity not in seen:
            changes[f"{path}[{index}]"] = Change.DELETE


def _identity(item: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(repr(item.get(name)) if isinstance(item, Mapping) else repr(item) for name in names)


def carry_over(inputs: Any, before: Any, after: Any) -> Any:
    """Inputs brought up to date with what changed in the cloud: `before` and `after` are projections of outputs.

    Only what differs between the two is taken over, so that values which Azure fills in by itself do not become inputs
    (`applyDiff` in azure-native's diff.go).
    """
    if isinstance(inputs, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping):
        result = {name: value for name, value in inputs.items() if name in after or name not in before}
        for name, value in after.items():
            if name not in before:
                result[name] = value
            elif before[name] != value:
                result[name] = carry_over(inputs[name], before[name], value) if name in inputs else value
        return result
    if isinstance(inputs, list) and isinstance(before, list) and isinstance(after, list):
        return [
            carry_over(inputs[index], before[index], value) if index < len(inputs) and index < len(before) else value
            for index, value in enumerate(after)
        ]
    return after if before != after else inputs
