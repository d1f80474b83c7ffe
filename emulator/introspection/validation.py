"""Inputs held against a type: unknown, missing and ill-typed properties, each with its path."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.introspection.specification import Kind, PropertySpec, TypeSpec, ValueType
from emulator.package import CheckFailure
from emulator.values import UNKNOWN


def validate(spec: TypeSpec, inputs: Mapping[str, Any]) -> list[CheckFailure]:
    """Every way in which `inputs` do not fit the type; none where they do.

    An unknown value (of a preview) fits everywhere, null counts as not given. Property paths are in the
    wire's names: `properties.accessPolicies[0].tenantId`. No value is quoted: it may be a secret.
    """
    return list(_object(spec.properties, inputs, ""))


def decode_provider_inputs(spec: TypeSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A provider resource's inputs as values.

    The SDKs send all of a provider's own inputs that are not text (numbers, switches, lists, objects) as JSON
    in text. What is no JSON stays as it is, for `validate` to refuse.
    """
    decoded: dict[str, Any] = {}
    for name, value in inputs.items():
        known = spec.properties.get(name)
        if known is not None and isinstance(value, str) and known.type.kind is not Kind.STRING:
            with contextlib.suppress(ValueError):
                value = json.loads(value)
        decoded[name] = value
    return decoded


def _object(properties: Mapping[str, PropertySpec], values: Mapping[str, Any], prefix: str) -> Iterator[CheckFailure]:
    for name, value in values.items():
        known = properties.get(name)
        if known is not None:
            if value is not None and value is not UNKNOWN:
                yield from _value(known.type, value, prefix + name)
        elif not name.startswith("__"):
            yield CheckFailure(prefix + name, f"{prefix + name}: there is no such property{_near(name, properties)}")
    for name, known in properties.items():
        if known.required and values.get(name) is None:
            yield CheckFailure(prefix + name, f"{prefix + name}: required, but not given")


def _near(name: str, properties: Mapping[str, PropertySpec]) -> str:
    lowered = name.replace("_", "").lower()
    for candidate in properties:
        if candidate.lower() == lowered:
            return f"; {candidate} is meant?"
    return ""


def _value(expected: ValueType, value: Any, path: str) -> Iterator[CheckFailure]:
    if value is UNKNOWN or value is None:
        return
    match expected.kind:
        case Kind.STRING:
            if not isinstance(value, str):
                yield _ill_typed(expected, value, path)
            elif expected.choices and value not in expected.choices:
                yield CheckFailure(path, f"{path}: must be one of {', '.join(expected.choices)}")
        case Kind.BOOLEAN:
            if not isinstance(value, bool):
                yield _ill_typed(expected, value, path)
        case Kind.INTEGER:
            if isinstance(value, bool) or not (
                isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            ):
                yield _ill_typed(expected, value, path)
        case Kind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int | float):
                yield _ill_typed(expected, value, path)
        case Kind.LIST:
            if not isinstance(value, list | tuple):
                yield _ill_typed(expected, value, path)
            elif expected.element is not None:
                for index, inner in enumerate(value):
                    yield from _value(expected.element, inner, f"{path}[{index}]")
        case Kind.MAP:
            if not isinstance(value, Mapping):
                yield _ill_typed(expected, value, path)
            elif expected.element is not None and expected.element.kind is not Kind.ANY:
                for key, inner in value.items():
                    yield from _value(expected.element, inner, f'{path}["{key}"]')
        case Kind.OBJECT:
            if not isinstance(value, Mapping):
                yield _ill_typed(expected, value, path)
            elif expected.fields is not None:
                yield from _object(expected.fields.properties, value, path + ".")
        case Kind.UNION:
            best: list[CheckFailure] | None = None
            for member in expected.members:
                failures = list(_value(member, value, path))
                if not failures:
                    return
                if best is None or len(failures) < len(best):
                    best = failures
            yield from best or []
        case Kind.ANY:
            return


_NAMES: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "text"}


def _ill_typed(expected: ValueType, value: Any, path: str) -> CheckFailure:
    given = _NAMES.get(type(value)) or ("an object" if isinstance(value, Mapping) else "a list")
    return CheckFailure(path, f"{path}: must be {expected.kind.value}, not {given}")
