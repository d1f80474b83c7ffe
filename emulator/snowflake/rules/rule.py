"""The words in which the rules of a resource type are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.snowflake.rules import normalise

Validator = Callable[[Any], str | None]
"""Given a known value of the property's type: what it must be, or None where it is that."""

Same = Callable[[Any, Any], bool]
"""Given the old and the new value: whether the provider takes them for one."""

MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Rule:
    """What is so of one property (or of a nested one, by its path)."""

    replaces: bool = False
    """A change is a replacement. Of a list of objects and of a nested object: its coming, going and length alone;
    what is inside has rules of its own."""

    valid: Validator | None = None
    same: Same | None = None

    default: Any = MISSING
    """What the provider puts where nothing is given."""

    computed: bool = False
    """Left out, it keeps what is there."""

    parameter: bool = False
    """A Snowflake parameter: left out again, it is unset on the object."""

    unordered: bool = False
    """A set: order and repetition do not count."""

    key: Callable[[Any], object] | None = None
    """Of a set: members with equal keys are one."""

    members: Rule | None = None
    """Of a list of plain values: what is so of each."""

    minimum_items: int = 0

    creation_only: bool = False
    """Counts when the object is made, and never again."""

    replaces_when: Callable[[Any, Any], bool] | None = None
    """Given a changed property's old and new value (None where not given): whether it must be replaced."""

    def replacing(self) -> Rule:
        return dataclasses.replace(self, replaces=True)

    def but(self, **changes: Any) -> Rule:
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Together:
    """Properties that depend on each other's presence. `within` is the path of the object that holds them."""

    kind: str
    """exactly one · at least one · conflicts (each named in `names` with any in `others`) · requires (ditto)."""
    names: tuple[str, ...]
    others: tuple[str, ...] = ()
    within: str = ""


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The rules of one resource type. `properties` goes from path (`columns.type`) to rule."""

    properties: Mapping[str, Rule] = field(default_factory=dict)
    together: tuple[Together, ...] = ()
    replaces_on_any_change: bool = False
    """There is no update: every change is a replacement."""
    checks: tuple[Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]], ...] = ()
    """Given all inputs: (path, what is wrong) for what no single property shows."""
    on_diff: Callable[[Mapping[str, Any], Mapping[str, Any], set[str]], set[str]] | None = None
    """Given old and new inputs and the names of what changed: those of them that replace."""
    fixed: tuple[str, ...] = ()
    """Properties whose change is a replacement, whatever else `properties` or their descriptions say of them."""
    customary: bool = False
    """What is left out follows the custom of most types (see `model`) as well as the descriptions."""


# --- what a property may be ------------------------------------------------------------------------------


class Words:
    """An enumeration as the provider reads it: in any letter case, with synonyms."""

    __slots__ = ("_canonical", "names")

    def __init__(self, *names: str, **synonyms: str) -> None:
        self.names = names
        self._canonical = {name.upper(): name.upper() for name in names}
        self._canonical.update({synonym.upper(): name.upper() for synonym, name in synonyms.items()})

    def also(self, synonyms: Mapping[str, str]) -> Words:
        extended = Words(*self.names)
        extended._canonical = {**self._canonical, **{a.upper(): b.upper() for a, b in synonyms.items()}}
        return extended

    def read(self, text: str) -> str | None:
        return self._canonical.get(text.upper())

    def valid(self, value: Any) -> str | None:
        if isinstance(value, str) and value.upper() in self._canonical:
            return None
        return f"must be one of {', '.join(self.names)} (in any letter case), not {value!r}"

    def same(self, old: Any, new: Any) -> bool:
        if not isinstance(old, str) or not isinstance(new, str):
            return False
        read = self._canonical.get(old.upper())
        return read is not None and read == self._canonical.get(new.upper())

    def key(self, value: Any) -> object:
        return self._canonical.get(value.upper(), value) if isinstance(value, str) else value


def words(vocabulary: Words, **more: Any) -> Rule:
    """One of an enumeration, spelled in any way."""
    return Rule(valid=vocabulary.valid, same=vocabulary.same, **more)


def exactly(*names: str, ignore_case: bool = True, **more: Any) -> Rule:
    """One of these; a change of its letter case is still a change."""
    accepted = frozenset(name.upper() if ignore_case else name for name in names)

    def valid(value: Any) -> str | None:
        if isinstance(value, str) and (value.upper() if ignore_case else value) in accepted:
            return None
        return f"must be one of {', '.join(names)}, not {value!r}"

    return Rule(valid=valid, **more)


def between(lowest: int, highest: int, **more: Any) -> Rule:
    def valid(value: Any) -> str | None:
        return None if lowest <= value <= highest else f"must be between {lowest} and {highest}, not {value}"

    return Rule(valid=valid, **more)


def at_least(lowest: int, **more: Any) -> Rule:
    def valid(value: Any) -> str | None:
        return None if value >= lowest else f"must be at least {lowest}, not {value}"

    return Rule(valid=valid, **more)


def one_of_numbers(*numbers: int, **more: Any) -> Rule:
    def valid(value: Any) -> str | None:
        return None if value in numbers else f"must be one of {', '.join(map(str, numbers))}, not {value}"

    return Rule(valid=valid, **more)


def _boolean_text(value: Any) -> str | None:
    return None if value in ("true", "false") else f'must be the text "true" or "false", not {value!r}'


BOOLEAN_TEXT = Rule(valid=_boolean_text, default="default")
"""A switch in text with three states; the third, Snowflake's own default, is by not giving it."""

SNOWFLAKE_NUMBER = Rule(default=-1)
"""A number whose absence the provider writes as -1."""

_FORMS = {
    2: "<database_name>.<name>",
    3: "<database_name>.<schema_name>.<name>",
    4: "<database_name>.<schema_name>.<table_name>.<name>",
}


def _identifier_of(count: int) -> Validator:
    form = _FORMS[count]

    def valid(value: Any) -> str | None:
        parts = normalise.identifier_parts(value)
        if parts is not None and len(parts) == count:
            return None
        return f"must be a full identifier of the form {form}"

    return valid


_DATABASE_OBJECT, _SCHEMA_OBJECT, _COLUMN = _identifier_of(2), _identifier_of(3), _identifier_of(4)

NAME = Rule(same=normalise.same_identifier)
"""An identifier, in quotes or not. One of the account's objects may hold any character, so nothing is checked."""
ACCOUNT_OBJECT = NAME
DATABASE_OBJECT = Rule(valid=_DATABASE_OBJECT, same=normalise.same_identifier)
SCHEMA_OBJECT = Rule(valid=_SCHEMA_OBJECT, same=normalise.same_identifier)
COLUMN_OBJECT = Rule(valid=_COLUMN, same=normalise.same_identifier)
STATEMENT = Rule(same=normalise.same_statement)
IGNORING_CASE = Rule(same=normalise.same_ignoring_case)
CREATION_ONLY = Rule(creation_only=True)
SET = Rule(unordered=True)
REPLACES = Rule(replaces=True)


def _data_type(value: Any) -> str | None:
    return None if normalise.data_type(value) is not None else f"must be a data type of Snowflake, not {value!r}"


DATA_TYPE = Rule(valid=_data_type, same=normalise.same_data_type)


def set_of_identifiers(member: Rule = NAME, **more: Any) -> Rule:
    """A set of identifiers: their quoting does not count."""
    return Rule(unordered=True, key=normalise.identifier_key, members=member, **more)


def set_of_words(vocabulary: Words, **more: Any) -> Rule:
    """A set out of an enumeration: their letter case does not count."""
    return Rule(unordered=True, key=vocabulary.key, members=words(vocabulary), **more)


def emptied(old: Any, new: Any) -> bool:
    """It was given and is not given any more, or is empty now."""
    return bool(old) and not new
