"""What a planned step would change in a resource: one line a property, its value now and the one that is declared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

SHOWN: Final = 8
"""Lines of one resource; the others are counted."""
_LONGEST: Final = 60
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's mark for what nobody knows yet."""
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The engine's mark in the map that stands for a secret."""
_ABSENT: Final = object()


def differences(step: Any) -> list[str]:
    """Of the engine's description of one step, secrets masked; empty where it does not say what differs."""
    detailed = step.detailed_diff or {}
    paths = list(detailed) or list(step.diffs or ())
    now, then = _inputs(step.old), _inputs(step.new)
    return [_line(path, now, then, detailed.get(path)) for path in sorted(paths)]


def _inputs(state: Any) -> Mapping[str, Any]:
    return (state.inputs or {}) if state is not None else {}


def _line(path: str, now: Mapping[str, Any], then: Mapping[str, Any], diff: Any) -> str:
    replaces = diff is not None and str(diff.diff_kind.value).endswith("-replace")
    return f"{path}: {_text(_at(now, path))} → {_text(_at(then, path))}{', which replaces it' if replaces else ''}"


def _steps(path: str) -> Iterator[str | int]:
    for name, index, quoted in re.findall(r"([^.\[\]]+)|\[(\d+)\]|\[\"((?:[^\"\\]|\\.)*)\"\]", path):
        yield int(index) if index else name or quoted


def _at(value: Any, path: str) -> Any:
    for step in _steps(path):
        if not isinstance(value, list | Mapping):
            return _ABSENT
        try:
            value = value[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return value


def _text(value: Any) -> str:
    if value is _ABSENT or value is None:
        return "(nothing)"
    if value == _UNKNOWN:
        return "(known once it is made)"
    if isinstance(value, str):
        first, *more = value.splitlines() or [""]
        return f"{first[:_LONGEST]}…" if more or len(first) > _LONGEST else first or '""'
    text = json.dumps(_masked(value), ensure_ascii=False)
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        if _SIGNATURE in value:
            return "[secret]"
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return "(known once it is made)" if value == _UNKNOWN else value
