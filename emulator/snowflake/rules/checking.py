"""Check: are these inputs that the provider takes, and in what form does it go on with them?"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from emulator.introspection import Kind
from emulator.package import CheckAnswer, CheckFailure
from emulator.snowflake.rules.model import Attribute, ResourceType, resource_type
from emulator.snowflake.rules.rule import Together
from emulator.values import UNKNOWN, contains_unknown

_LONGEST_NAME = 255
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False", ""})


def check(
    type_token: str,
    inputs: Mapping[str, Any],
    old_inputs: Mapping[str, Any] | None = None,
    name: str = "",
    random_seed: bytes = b"",
) -> CheckAnswer:
    """Validate a resource's inputs.

    The answer's inputs are typed (the text "60" for a number is 60, one value for a list is a list of one), and
    named where the resource has a `name` that was not given: the logical `name`, a hyphen and seven hexadecimal
    digits, kept from `old_inputs` if it was made up before. `random_seed` makes the digits repeatable.
    Raises `CloudError` for a type that does not exist.
    """
    type_ = resource_type(type_token)
    failures: list[CheckFailure] = []
    given = dict(inputs)
    if type_.named and given.get("name") is None:
        given["name"] = _automatic_name(name, old_inputs or {}, random_seed)
    typed = _fields(type_.attributes, type_.together, given, "", failures, given)
    for rule in type_.rules.checks:
        failures.extend(CheckFailure(path, f"{path}: {reason}") for path, reason in rule(typed))
    return CheckAnswer(typed if not failures else given, failures)


def is_automatic_name(logical_name: str, name: Any) -> bool:
    """Whether a physical name is one that `check` made up for this logical name."""
    return (
        isinstance(name, str)
        and name.startswith(logical_name + "-")
        and re.fullmatch(r"[0-9a-f]{7}", name[len(logical_name) + 1 :]) is not None
    )


def _automatic_name(logical_name: str, old_inputs: Mapping[str, Any], random_seed: bytes) -> str:
    old = old_inputs.get("name")
    if isinstance(old, str) and is_automatic_name(logical_name, old):
        return old
    digits = hashlib.sha256(random_seed).hexdigest()[:7] if random_seed else secrets.token_hex(4)[:7]
    return f"{logical_name[: _LONGEST_NAME - 8]}-{digits}"


def _fields(
    attributes: Mapping[str, Attribute],
    together: tuple[Together, ...],
    values: Mapping[str, Any],
    prefix: str,
    failures: list[CheckFailure],
    top: Mapping[str, Any],
) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    stopped = _check_together(together, values, prefix, failures, top) if together else ()
    for name, value in values.items():
        attribute = attributes.get(name)
        if attribute is None:
            if not name.startswith("__"):
                failures.append(CheckFailure(prefix + name, f"{prefix + name}: there is no such property"))
        elif value is None:
            continue
        elif value is UNKNOWN or name in stopped:
            typed[name] = value
        else:
            typed[name] = _value(attribute, value, prefix + name, failures, top)
    for name, attribute in attributes.items():
        if attribute.required and values.get(name) is None and name not in stopped:
            failures.append(CheckFailure(prefix + name, f"{prefix + name}: required, but not given"))
    return typed


def _value(attribute: Attribute, value: Any, path: str, failures: list[CheckFailure], top: Mapping[str, Any]) -> Any:
    if value is UNKNOWN:
        return value
    kind = attribute.kind
    if kind is Kind.OBJECT:
        if not isinstance(value, Mapping):
            return _refuse(kind, value, path, failures)
        return _fields(attribute.fields, attribute.together, value, path + ".", failures, top)
    if kind is Kind.LIST:
        element = attribute.element
        members = value if isinstance(value, list) else [value]
        if element is None:
            return members
        typed = [
            _value(element, member, f"{path}[{index}]" if isinstance(value, list) else path, failures, top)
            for index, member in enumerate(members)
            if member is not None
        ]
        if len(typed) < attribute.minimum_items:
            failures.append(CheckFailure(path, f"{path}: must have {attribute.minimum_items} or more members"))
        return typed
    if kind is Kind.MAP:
        if not isinstance(value, Mapping):
            return _refuse(kind, value, path, failures)
        element = attribute.element
        if element is None or element.kind is Kind.ANY:
            return dict(value)
        return {
            key: _value(element, inner, f'{path}["{key}"]', failures, top)
            for key, inner in value.items()
            if inner is not None
        }
    typed_value = _scalar(kind, value)
    if typed_value is None:
        return _refuse(kind, value, path, failures)
    if attribute.valid is not None:
        wrong = attribute.valid(typed_value)
        if wrong is not None:
            failures.append(CheckFailure(path, f"{path}: {wrong}"))
    return typed_value


def _scalar(kind: Kind, value: Any) -> Any:
    """A plain value as its type, or None where it cannot be read as one."""
    if kind is Kind.STRING:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return repr(int(value)) if value.is_integer() else repr(value)
        return None
    if kind is Kind.BOOLEAN:
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return True if value in _TRUE else False if value in _FALSE else None
        if isinstance(value, int | float):
            return value != 0
        return None
    if kind is Kind.INTEGER:
        if isinstance(value, bool):
            return None
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return int(value) if value.is_integer() else None
        if isinstance(value, str):
            return int(value) if _WHOLE_NUMBER.fullmatch(value) else None
        return None
    if kind is Kind.NUMBER:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return value
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                return None
        return None
    return value


def _refuse(kind: Kind, value: Any, path: str, failures: list[CheckFailure]) -> Any:
    if isinstance(value, Mapping):
        given = "an object"
    elif isinstance(value, list):
        given = "a list"
    else:
        given = "what was given"
    failures.append(CheckFailure(path, f"{path}: must be {kind.value}, which {given} is not"))
    return value


def _check_together(
    groups: tuple[Together, ...],
    values: Mapping[str, Any],
    prefix: str,
    failures: list[CheckFailure],
    top: Mapping[str, Any],
) -> set[str]:
    """Hold the groups against what is given; the answer names the properties not to look at any further."""
    stopped: set[str] = set()

    def refuse(name: str, reason: str) -> None:
        if name not in stopped:
            stopped.add(name)
            failures.append(CheckFailure(prefix + name, f"{prefix + name}: {reason}"))

    def given(name: str) -> bool:
        return values.get(name) is not None if not name.startswith("/") else top.get(name[1:]) is not None

    for group in groups:
        if group.kind in ("exactly one", "at least one"):
            known = [name for name in group.names if given(name) and not contains_unknown(values[name])]
            unknown = any(given(name) and name not in known for name in group.names)
            listed = ", ".join(group.names)
            if not known and not unknown:
                for name in group.names:
                    refuse(name, f"one of {listed} must be given")
            elif group.kind == "exactly one" and len(known) > 1:
                for name in group.names:
                    refuse(name, f"only one of {listed} may be given, not {' and '.join(known)}")
        elif group.kind == "requires":
            for name in group.names:
                missing = [other.removeprefix("/") for other in group.others if not given(other)]
                if given(name) and missing:
                    refuse(name, f"needs {' and '.join(missing)} beside it")
        else:
            for name in group.names:
                if not given(name) or contains_unknown(values[name]):
                    continue
                against = [
                    other.removeprefix("/")
                    for other in group.others
                    if other != name and given(other) and (other.startswith("/") or values[other] is not UNKNOWN)
                ]
                if against:
                    refuse(name, f"cannot be given together with {' and '.join(against)}")
    return stopped


__all__ = ["ResourceType", "check", "is_automatic_name"]
