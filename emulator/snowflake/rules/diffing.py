"""Diff: what becomes of a resource whose inputs change?"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.introspection import Kind
from emulator.package import Change, DiffAnswer
from emulator.snowflake.rules.checking import _scalar, is_automatic_name
from emulator.snowflake.rules.model import Attribute, resource_type
from emulator.values import UNKNOWN, contains_unknown

_SAME, _UPDATED, _REPLACED = 0, 1, 2
_PATH = re.compile(r'\.?([^.\[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]')


def diff(
    type_token: str,
    old_inputs: Mapping[str, Any],
    new_inputs: Mapping[str, Any],
    *,
    name: str = "",
    ignore_changes: Iterable[str] = (),
    old_outputs: Mapping[str, Any] | None = None,
) -> DiffAnswer:
    """Compare a resource's old inputs with its checked new ones.

    `name` is the logical name: it tells a made-up physical name from a given one. A caller that has only a
    state to send gives it as `old_inputs`: what is no input there is passed over, and a property that the
    provider computes is not taken for one that was removed. `ignore_changes` are property paths
    (`columns[0].type`, `columns[*].comment`, `*`). Changes are by top-level property.
    A replacement deletes first where the resource has a name that was given, and creates first where not.
    """
    type_ = resource_type(type_token)
    attributes = type_.attributes
    state_only = any(key not in attributes and not key.startswith("__") for key in old_inputs)
    if ignore_changes:
        new_inputs = _ignoring(old_inputs, new_inputs, ignore_changes)
    changes: dict[str, int] = {}
    for key, attribute in attributes.items():
        old, new = old_inputs.get(key), new_inputs.get(key)
        if old is None and new is None:
            continue
        if state_only and new is None and (attribute.computed or attribute.parameter):
            continue
        outcome = _compare(attribute, old, new)
        if outcome != _SAME:
            changes[key] = outcome
    if (
        "alwaysApplyTrigger" in attributes
        and (old_outputs or {}).get("alwaysApplyTrigger")
        and old_inputs.get("alwaysApply") is True
        and new_inputs.get("alwaysApply") is True
    ):
        # The provider wrote a new value there on reading, so that the grant is made again each time.
        changes["alwaysApplyTrigger"] = _UPDATED
    if changes and type_.rules.on_diff is not None:
        for key in type_.rules.on_diff(old_inputs, new_inputs, set(changes)):
            changes[key] = _REPLACED
    if not changes:
        return DiffAnswer()
    answer = {
        key: _change(old_inputs.get(key), new_inputs.get(key), changes[key] == _REPLACED) for key in sorted(changes)
    }
    replaced = any(outcome == _REPLACED for outcome in changes.values())
    given = new_inputs.get("name") is not None and not is_automatic_name(name, new_inputs.get("name"))
    return DiffAnswer(answer, delete_before_replace=replaced and type_.named and given)


def _change(old: Any, new: Any, replaced: bool) -> Change:
    if old is None:
        return Change.ADD_REPLACE if replaced else Change.ADD
    if new is None:
        return Change.DELETE_REPLACE if replaced else Change.DELETE
    return Change.UPDATE_REPLACE if replaced else Change.UPDATE


def _compare(attribute: Attribute, old: Any, new: Any) -> int:
    """Whether old and new are the same, differ, or differ so that the resource is replaced."""
    if old is new or attribute.creation_only:
        return _SAME
    if new is UNKNOWN or old is UNKNOWN:
        return _REPLACED if attribute.replaces_within else _UPDATED
    if attribute.kind is Kind.OBJECT:
        outcome = _compare_objects(attribute, old, new)
    elif attribute.kind is Kind.LIST:
        outcome = _compare_lists(attribute, old, new)
    elif attribute.kind is Kind.MAP:
        outcome = _outcome(attribute) if (old or {}) != (new or {}) else _SAME
    else:
        outcome = _compare_scalars(attribute, old, new)
    if outcome == _UPDATED and attribute.replaces_when is not None and attribute.replaces_when(old, new):
        return _REPLACED
    return outcome


def _outcome(attribute: Attribute) -> int:
    return _REPLACED if attribute.replaces else _UPDATED


def _compare_scalars(attribute: Attribute, old: Any, new: Any) -> int:
    if new is None and attribute.computed:
        return _outcome(attribute) if attribute.parameter else _SAME
    old, new = _plain(attribute, old), _plain(attribute, new)
    if old == new:
        return _SAME
    if not attribute.computed and not old and not new and not _is_number(old) and not _is_number(new):
        # Empty text and false are what an absent property reads as.
        return _SAME
    texts = isinstance(old, str | None) and isinstance(new, str | None)
    if texts and attribute.same is not None and attribute.same(old or "", new or ""):
        return _SAME
    return _outcome(attribute)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(attribute: Attribute, value: Any) -> Any:
    if value is None:
        return attribute.default
    typed = _scalar(attribute.kind, value)
    return value if typed is None else typed


def _compare_objects(attribute: Attribute, old: Any, new: Any) -> int:
    if new is None and attribute.computed:
        return _UPDATED if attribute.parameter else _SAME
    outcome = _SAME
    if (old is None) != (new is None):
        outcome = _outcome(attribute)
    return max(outcome, _compare_fields(attribute, _mapping(old), _mapping(new)))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _compare_fields(attribute: Attribute, old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    outcome = _SAME
    for key, inner in attribute.fields.items():
        before, after = old.get(key), new.get(key)
        if before is None and after is None:
            continue
        outcome = max(outcome, _compare(inner, before, after))
        if outcome == _REPLACED:
            break
    return outcome


def _compare_lists(attribute: Attribute, old: Any, new: Any) -> int:
    if new is None and attribute.computed:
        return _UPDATED if attribute.parameter else _SAME
    before, after = _members(old), _members(new)
    element = attribute.element
    if attribute.unordered or element is None:
        return _compare_sets(attribute, before, after)
    outcome = _SAME if len(before) == len(after) else _outcome(attribute)
    for index in range(max(len(before), len(after))):
        outcome = max(
            outcome,
            _compare(
                element,
                before[index] if index < len(before) else None,
                after[index] if index < len(after) else None,
            ),
        )
        if outcome == _REPLACED:
            break
    return outcome


def _members(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _compare_sets(attribute: Attribute, before: list[Any], after: list[Any]) -> int:
    if any(contains_unknown(member) for member in (*before, *after)):
        return _SAME if before == after and not contains_unknown(before) else _changed_set(attribute, before, after)
    old, new = {_key(attribute, member) for member in before}, {_key(attribute, member) for member in after}
    return _SAME if old == new else _changed_set(attribute, before, after)


def _changed_set(attribute: Attribute, before: list[Any], after: list[Any]) -> int:
    element = attribute.element
    if attribute.replaces and (len(before) != len(after) or element is None or element.kind is not Kind.OBJECT):
        return _REPLACED
    return _REPLACED if element is not None and element.replaces_within else _UPDATED


def _key(attribute: Attribute, member: Any) -> object:
    element = attribute.element
    if element is not None and element.kind is Kind.OBJECT and isinstance(member, Mapping):
        return tuple(
            (name, _hashable(inner, value))
            for name, inner in element.fields.items()
            if (value := _defaulted(inner, member.get(name))) is not None
        )
    plain = _plain(element, member) if element is not None else member
    return attribute.key(plain) if attribute.key is not None else _frozen(plain)


def _defaulted(attribute: Attribute, value: Any) -> Any:
    if value is None:
        return attribute.default
    return value if value not in ("", False) else attribute.default


def _hashable(attribute: Attribute, value: Any) -> object:
    if attribute.kind is Kind.LIST:
        keys = [_key(attribute, member) for member in _members(value)]
        return frozenset(keys) if attribute.unordered else tuple(keys)
    return _frozen(value)


def _frozen(value: Any) -> object:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return tuple(_frozen(inner) for inner in value)
    return value


# --- ignored changes ---------------------------------------------------------------------------------------


def _ignoring(old: Mapping[str, Any], new: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The new inputs with the old ones' values at the ignored paths."""
    kept: dict[str, Any] = copy.deepcopy(dict(new))
    for path in paths:
        if path == "*":
            return dict(old)
        steps = [match[1] or match[2] or match[3] for match in _PATH.finditer(path)]
        if steps:
            _keep(dict(old), kept, steps)
    return kept


def _keep(old: Any, new: Any, steps: list[str]) -> None:
    step, rest = steps[0], steps[1:]
    if isinstance(new, dict) and isinstance(old, Mapping):
        keys = list({*old, *new}) if step == "*" else [step]
        for key in keys:
            if rest:
                if key in old and key in new:
                    _keep(old[key], new[key], rest)
            elif key in old:
                new[key] = old[key]
            else:
                new.pop(key, None)
    elif isinstance(new, list) and isinstance(old, list):
        shared = range(min(len(old), len(new)))
        indices = shared if step == "*" else [int(step)] if step.isdigit() and int(step) in shared else []
        for index in indices:
            if rest:
                _keep(old[index], new[index], rest)
            else:
                new[index] = old[index]
