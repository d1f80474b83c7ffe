"""A resource type compiled: its properties by introspection, joined with its rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from emulator.introspection import Kind, PropertySpec, ValueType, type_spec
from emulator.package import CloudError
from emulator.snowflake.rules import catalogue, described
from emulator.snowflake.rules.rule import MISSING, Rule, Together, TypeRules

PACKAGE = "snowflake"


class Attribute:
    """One property, nested property or list member with everything that is so of it."""

    __slots__ = (
        "computed",
        "creation_only",
        "default",
        "element",
        "fields",
        "key",
        "kind",
        "minimum_items",
        "name",
        "parameter",
        "replaces",
        "replaces_when",
        "replaces_within",
        "required",
        "same",
        "together",
        "unordered",
        "valid",
    )

    def __init__(self, name: str, type_: ValueType, required: bool, rule: Rule) -> None:
        self.name = name
        self.kind = type_.kind
        self.required = required
        self.replaces = rule.replaces
        self.valid = rule.valid
        self.same = rule.same
        self.default = None if rule.default is MISSING else rule.default
        self.computed = rule.computed
        self.parameter = rule.parameter
        self.unordered = rule.unordered
        self.key = rule.key
        self.minimum_items = rule.minimum_items
        self.creation_only = rule.creation_only
        self.replaces_when = rule.replaces_when
        self.element: Attribute | None = None
        self.fields: dict[str, Attribute] = {}
        self.together: tuple[Together, ...] = ()
        self.replaces_within = rule.replaces


class ResourceType:
    """What `check` and `diff` work on."""

    __slots__ = ("attributes", "named", "rules", "thorough", "together", "token")

    def __init__(self, token: str, specification: Mapping[str, PropertySpec], rules: TypeRules | None) -> None:
        self.token = token
        self.thorough = token.rsplit(":", 1)[-1] in catalogue.thorough_types()
        self.rules = rules if rules is not None else TypeRules(customary=True)
        self.named = "name" in specification
        compiler = _Compiler(self.rules, generic=self.rules.customary)
        self.attributes = compiler.fields(specification, "")
        self.together = compiler.together("", specification)


@cache
def resource_type(token: str) -> ResourceType:
    """The compiled type; `CloudError` by name where Snowflake's package has none such."""
    specification = type_spec(PACKAGE, token)
    if specification is None:
        raise CloudError(f"the snowflake package has no resource type {token!r}")
    return ResourceType(token, specification.properties, catalogue.rules_of(token))


class _Compiler:
    def __init__(self, rules: TypeRules, *, generic: bool) -> None:
        self._rules = rules
        self._generic = generic

    def fields(self, specification: Mapping[str, PropertySpec], prefix: str) -> dict[str, Attribute]:
        return {name: self._property(spec, prefix + name, nested=bool(prefix)) for name, spec in specification.items()}

    def together(self, within: str, specification: Mapping[str, PropertySpec]) -> tuple[Together, ...]:
        declared = tuple(group for group in self._rules.together if group.within == within)
        if not self._generic or within:
            return declared
        wire_names = {spec.python_name: name for name, spec in specification.items()}
        return declared + tuple(
            group for spec in specification.values() if (group := described.conflicts_of(spec, wire_names)) is not None
        )

    def _rule(self, spec: PropertySpec, path: str, *, nested: bool) -> Rule:
        rule = self._rules.properties.get(path)
        if rule is None:
            rule = described.rule_of(spec, nested=nested)
            if self._generic:
                rule = _customary(spec, path, rule)
        if self._rules.replaces_on_any_change or path in self._rules.fixed:
            rule = rule.replacing()
        return rule

    def _property(self, spec: PropertySpec, path: str, *, nested: bool) -> Attribute:
        rule = self._rule(spec, path, nested=nested)
        return self._attribute(spec.name, spec.type, spec.required and path != "name", rule, path)

    def _attribute(self, name: str, type_: ValueType, required: bool, rule: Rule, path: str) -> Attribute:
        attribute = Attribute(name, type_, required, rule)
        if type_.kind is Kind.OBJECT and type_.fields is not None:
            attribute.fields = self.fields(type_.fields.properties, path + ".")
            attribute.together = self.together(path, type_.fields.properties)
        elif type_.element is not None:
            member = rule.members or Rule()
            if type_.element.kind is not Kind.OBJECT:
                # Members that are plain values are replaced as their list is; objects have rules of their own.
                member = member.but(replaces=rule.replaces)
            attribute.element = self._attribute(name, type_.element, False, member, path)
        attribute.replaces_within = rule.replaces or any(inner.replaces_within for inner in _inside(attribute))
        return attribute


def _inside(attribute: Attribute) -> Iterator[Attribute]:
    yield from attribute.fields.values()
    if attribute.element is not None:
        yield attribute.element


def _customary(spec: PropertySpec, path: str, rule: Rule) -> Rule:
    """What holds of nearly every type: an object does not move, and lists of plain values are sets."""
    if path in ("database", "schema"):
        return rule.but(replaces=True)
    if spec.type.kind is Kind.LIST and spec.type.element is not None and spec.type.element.kind is Kind.STRING:
        return rule.but(unordered=not described.is_ordered(spec))
    return rule


def value_of(attribute: Attribute, value: Any) -> Any:
    """A value, or the default where none is given."""
    return attribute.default if value is None else value
