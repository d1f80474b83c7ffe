"""Rules read from the SDK's own descriptions.

The provider's authors write the facts of a property in fixed phrases (its default, its valid values, that it
is a parameter, what it conflicts with), and the SDK carries them for every property. Where a type's rules here
say nothing of a property, these do.
"""

from __future__ import annotations

import re

from emulator.introspection import Kind, PropertySpec
from emulator.snowflake.rules import normalise
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    NAME,
    STATEMENT,
    Rule,
    Together,
    Words,
    at_least,
    emptied,
    one_of_numbers,
    words,
)
from emulator.snowflake.rules.vocabulary import WAREHOUSE_SIZE

_VALID = re.compile(
    r"(?:[Vv]alid (?:values|options)|[Aa]llowed values)(?: are)?\s*(?:\(case-insensitive\))?:?\s*"
    r"((?:`[^`]+`)(?:\s*(?:\||,|and|or)\s*`[^`]+`)*)"
)
_QUOTED = re.compile(r"`([^`]+)`")
_DEFAULT = re.compile(r"\(Default: `([^`]*)`\)")
_SNOWFLAKE_DEFAULT = re.compile(r"\(Default: fallback to Snowflake default[^`]*`(default|-1)`\)")
_BOOLEAN_TEXT = re.compile(r'Available options are: "true" or "false"')
_IDENTIFIER = re.compile(r"avoid using (?:the )?following characters")
_PARAMETER = re.compile(r"docs\.snowflake\.com/en/sql-reference/parameters")
_STATEMENT = re.compile(r"change in case or run of whitespace")
_REPLACES = re.compile(
    r"[Ff]orces recreation|[Cc]hanging this (?:value|field)[^.]*recreat|so changing it recreates"
    r"|when value is changed, the resource is recreated|trigger a drop and recreate"
)
_REPLACES_WHEN_REMOVED = re.compile(
    r"(?:[Ii]f removed from the config|changes value from non-empty to empty|removing the size from config)[^.]*recreat"
)
_CREATION_ONLY = re.compile(r"won't have any effect|Modifying the parameter after .* is already created")
_CONFLICTS = re.compile(r"[Cc]onflicts with ((?:`[^`]+`)(?:(?:, | and |, and )`[^`]+`)*)")
_ORDERED = re.compile(r"[Oo]rdered list|order (?:determines|matters|of the list is important)")


def is_ordered(spec: PropertySpec) -> bool:
    """Whether a list says that its order counts: most lists of plain values are sets."""
    return _ORDERED.search(spec.description) is not None


def rule_of(spec: PropertySpec, *, nested: bool) -> Rule:
    """What the description of one property says."""
    text = " ".join(spec.description.split())
    if not text:
        return Rule()
    kind = spec.type.kind
    if kind is Kind.STRING and _BOOLEAN_TEXT.search(text):
        return BOOLEAN_TEXT.but(replaces=_REPLACES.search(text) is not None)
    rule = Rule()
    vocabulary = _vocabulary(text)
    plain_list = kind is Kind.LIST and spec.type.element is not None and spec.type.element.kind is Kind.STRING
    if kind is Kind.STRING:
        if vocabulary is not None:
            rule = words(vocabulary)
        elif _STATEMENT.search(text):
            rule = STATEMENT
        elif _IDENTIFIER.search(text):
            rule = NAME
    elif kind is Kind.INTEGER and vocabulary is not None and all(name.isdigit() for name in vocabulary.names):
        rule = one_of_numbers(*map(int, vocabulary.names))
    elif plain_list and vocabulary is not None:
        rule = Rule(unordered=not is_ordered(spec), key=vocabulary.key, members=words(vocabulary))
    elif plain_list and _IDENTIFIER.search(text):
        rule = Rule(unordered=True, key=normalise.identifier_key, members=NAME)
    default = _SNOWFLAKE_DEFAULT.search(text)
    if default is not None:
        if kind is Kind.INTEGER:
            rule = at_least(0, default=-1)
        elif kind is Kind.STRING:
            rule = BOOLEAN_TEXT if default[1] == "default" and vocabulary is None else rule.but(default=default[1])
    elif (given := _DEFAULT.search(text)) is not None:
        rule = rule.but(default=_typed(given[1], kind))
    if not nested and not spec.required and _PARAMETER.search(text):
        rule = rule.but(computed=True, parameter=True)
    if _REPLACES_WHEN_REMOVED.search(text):
        rule = rule.but(replaces_when=emptied)
    elif _REPLACES.search(text):
        rule = rule.but(replaces=True)
    if _CREATION_ONLY.search(text):
        rule = rule.but(creation_only=True)
    return rule


def conflicts_of(spec: PropertySpec, wire_names: dict[str, str]) -> Together | None:
    """What a property says that it conflicts with. `wire_names` goes from upstream's names to the wire's."""
    match = _CONFLICTS.search(" ".join(spec.description.split()))
    if match is None:
        return None
    others = tuple(wire_names[name] for name in _QUOTED.findall(match[1]) if name in wire_names)
    return Together("conflicts", (spec.name,), others) if others else None


def _vocabulary(text: str) -> Words | None:
    match = _VALID.search(text)
    if match is None:
        return None
    names = _QUOTED.findall(match[1])
    if "XSMALL" in names:
        return WAREHOUSE_SIZE
    return Words(*names)


def _typed(text: str, kind: Kind) -> object:
    if kind is Kind.BOOLEAN:
        return text == "true"
    if kind is Kind.INTEGER:
        return int(text)
    return text
