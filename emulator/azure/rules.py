"""Azure's rules about inputs, as data: what can be judged from a resource's own inputs.

A path is in wire names, `[]` for every element of a list and `*` for every value of a map:
`template.containers[].image`. What is unknown in a preview is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from emulator.package import CheckFailure
from emulator.values import UNKNOWN

Inputs = Mapping[str, Any]
Rule = Callable[[Inputs], Iterator[CheckFailure]]


def split_path(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("[]", ".[]").split(".") if part)


def walk(value: Any, parts: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Every known value at a path, with the concrete path that it was found at."""
    found = [("", value)]
    for part in parts:
        deeper: list[tuple[str, Any]] = []
        for place, holder in found:
            if part == "[]":
                if type(holder) is list:
                    deeper += [(f"{place}[{index}]", inner) for index, inner in enumerate(holder)]
            elif type(holder) is dict:
                if part == "*":
                    deeper += [(f"{place}.{name}" if place else name, inner) for name, inner in holder.items()]
                else:
                    inner = holder.get(part)
                    if inner is not None:
                        deeper.append((f"{place}.{part}" if place else part, inner))
        if not deeper:
            return deeper
        found = deeper
    return [(place, inner) for place, inner in found if inner is not None and inner is not UNKNOWN]


def at(inputs: Any, path: str) -> Any:
    """The value at a plain path: None where there is none, UNKNOWN where it is not known."""
    for part in path.split("."):
        if inputs is UNKNOWN:
            return UNKNOWN
        if type(inputs) is not dict:
            return None
        inputs = inputs.get(part)
    return inputs


def known(value: Any) -> bool:
    return value is not None and value is not UNKNOWN


def items(inputs: Any, path: str) -> list[Any]:
    """The known elements of the list at a plain path."""
    value = at(inputs, path)
    return [item for item in value if item is not UNKNOWN] if isinstance(value, list) else []


def allowed(path: str, values: Collection[str], because: str = "") -> Rule:
    """A text must be one of these; its case does not count, as in Azure."""
    parts, choices = split_path(path), {value.lower() for value in values}
    listing = ", ".join(sorted(values))

    def rule(inputs: Inputs) -> Iterator[CheckFailure]:
        for place, value in walk(inputs, parts):
            if isinstance(value, str) and value.lower() not in choices:
                yield CheckFailure(place, f"'{value}' is not possible here{because}: it must be one of {listing}")

    return rule


def between(path: str, low: float, high: float, unit: str = "") -> Rule:
    parts = split_path(path)

    def rule(inputs: Inputs) -> Iterator[CheckFailure]:
        for place, value in walk(inputs, parts):
            if isinstance(value, int | float) and not low <= value <= high:
                yield CheckFailure(place, f"{value} is out of range: it must be from {low} to {high}{unit}")

    return rule


def matches(path: str, pattern: str, said: str) -> Rule:
    parts, expression = split_path(path), re.compile(pattern)

    def rule(inputs: Inputs) -> Iterator[CheckFailure]:
        for place, value in walk(inputs, parts):
            if isinstance(value, str) and not expression.fullmatch(value):
                yield CheckFailure(place, f"'{value}' is not valid: {said}")

    return rule


def needed(path: str, because: str = "") -> Rule:
    """Where the containing object is given, this property must be too."""
    parts = split_path(path)
    holder, last = parts[:-1], parts[-1]

    def rule(inputs: Inputs) -> Iterator[CheckFailure]:
        for place, value in walk(inputs, holder):
            if isinstance(value, Mapping) and value.get(last) is None:
                yield CheckFailure(f"{place}.{last}" if place else last, f"Azure requires this property{because}")

    return rule


def distinct(path: str, *names: str) -> Rule:
    """No two elements of a list may have the same value (of these properties together, where named)."""
    parts = split_path(path)

    def rule(inputs: Inputs) -> Iterator[CheckFailure]:
        for place, value in walk(inputs, parts):
            seen: set[tuple[Any, ...]] = set()
            for index, item in enumerate(value if isinstance(value, list) else ()):
                identity = tuple(at(item, name) for name in names) if names else (item,)
                if any(part is None or part is UNKNOWN for part in identity):
                    continue
                identity = tuple(part.lower() if isinstance(part, str) else part for part in identity)
                if identity in seen:
                    label = ", ".join(
                        f"{name} '{part}'" for name, part in zip(names or ("value",), identity, strict=True)
                    )
                    yield CheckFailure(f"{place}[{index}]", f"{label} occurs twice: it may occur once")
                seen.add(identity)

    return rule


def exactly_one(path: str, *names: str) -> Rule:
    """Each object at the path must have one of these properties, and only one."""
    parts = split_path(path)

    def rule(inputs: Inputs) -> Iterator[CheckFailure]:
        for place, value in walk(inputs, parts):
            given = [name for name in names if isinstance(value, Mapping) and value.get(name) is not None]
            if len(given) != 1:
                said = " and ".join(given) or "none"
                yield CheckFailure(place, f"exactly one of {', '.join(names)} must be given, not {said}")

    return rule


def tags_rule(inputs: Inputs) -> Iterator[CheckFailure]:
    """Azure's limits on tags: 50 of them, 512 characters a name, 256 a value."""
    tags = inputs.get("tags")
    if not isinstance(tags, Mapping):
        return
    if len(tags) > 50:
        yield CheckFailure("tags", f"{len(tags)} tags are too many: a resource may have 50")
    for name, value in tags.items():
        # By these tags Azure's own resources find each other: their names are ARM ids.
        linking = name.startswith("hidden-link:")
        if len(name) > 512 or (not linking and re.search(r"[<>%&\\?/]", name)):
            yield CheckFailure(f"tags.{name}", "a tag's name has at most 512 characters and none of < > % & \\ ? /")
        if isinstance(value, str) and len(value) > 256:
            yield CheckFailure(f"tags.{name}", f"{len(value)} characters are too many: a tag's value may have 256")
