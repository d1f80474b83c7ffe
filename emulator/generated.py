"""Packages whose resources exist in the state alone: generated once at creation, never looked up again."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from emulator.introspection import provider_spec, resource_types, type_spec, validate
from emulator.package import (
    Change,
    CheckAnswer,
    CheckFailure,
    CloudError,
    DiffAnswer,
    EmbeddedPackage,
    Question,
    ReadAnswer,
)
from emulator.values import UNKNOWN

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class GeneratedType:
    """One type: `generate` makes (id, computed outputs) of the inputs with their defaults.

    Any change of an input replaces, as in the real providers. `defaults` appear among the outputs, and saying one
    outright is no change. `restore` makes (inputs, outputs) of an imported id.
    """

    generate: Callable[[Inputs], tuple[str, dict[str, Any]]]
    check: Callable[[Inputs], list[CheckFailure]] = lambda _: []
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # Inputs that are another name of one: the older spelling to the newer.
    renamed: Mapping[str, str] = field(default_factory=dict)
    restore: Callable[[str], tuple[str, dict[str, Any], dict[str, Any]]] | None = None

    def effective(self, inputs: Inputs) -> dict[str, Any]:
        values = dict(self.defaults)
        for name, value in inputs.items():
            if value is not None and not name.startswith("__"):
                values[self.renamed.get(name, name)] = value
        return values


class GeneratedPackage(EmbeddedPackage):
    """A package of such types; `types` are those built, by token, all others are refused by name."""

    needs_cloud = False
    types: ClassVar[Mapping[str, GeneratedType]]

    def __init__(self) -> None:
        self.version = importlib.metadata.version(f"pulumi-{self.name}")

    def check_configuration(self, inputs: dict[str, Any]) -> CheckAnswer:
        return CheckAnswer(inputs, validate(provider_spec(self.name), inputs))

    def configure(self, inputs: dict[str, Any]) -> Any:
        return dict(inputs)

    def check(self, question: Question) -> CheckAnswer:
        spec = type_spec(self.name, question.type)
        if spec is None:
            raise CloudError(f"{self.name} {self.version} has no resource type {question.type}")
        inputs = {name: value for name, value in question.inputs.items() if value is not None}
        failures = validate(spec, inputs)
        kind = self.types.get(question.type)
        if kind is not None and not failures:
            failures.extend(kind.check(kind.effective(inputs)))
        return CheckAnswer(inputs, failures)

    def diff(self, question: Question) -> DiffAnswer:
        kind = self._kind(question.type)
        old, new = kind.effective(question.old_inputs), kind.effective(question.inputs)
        changes: dict[str, Change] = {}
        for name in {**old, **new}:
            if name not in old:
                changes[name] = Change.ADD_REPLACE
            elif name not in new:
                changes[name] = Change.DELETE_REPLACE
            elif new[name] is UNKNOWN or old[name] != new[name]:
                changes[name] = Change.UPDATE_REPLACE
        return DiffAnswer(changes)

    def create(self, question: Question) -> tuple[str, dict[str, Any]]:
        kind = self._kind(question.type)
        inputs = kind.effective(question.inputs)
        known = dict(inputs) | {old: inputs[new] for old, new in kind.renamed.items() if new in inputs}
        if question.preview:
            spec = type_spec(self.name, question.type)
            assert spec is not None
            settable = spec.properties
            computed = {name: UNKNOWN for name in spec.outputs if name not in settable}
            return "", known | computed
        unknown = [name for name, value in inputs.items() if value is UNKNOWN]
        if unknown:
            raise CloudError(f"the inputs {', '.join(unknown)} of {question.type} are not known")
        failures = kind.check(inputs)
        if failures:
            raise CloudError("; ".join(f"{failure.property}: {failure.reason}" for failure in failures))
        identity, outputs = kind.generate(inputs)
        return identity, known | outputs

    def read(self, question: Question) -> ReadAnswer:
        kind = self._kind(question.type)
        if question.old_outputs:
            return ReadAnswer(question.id, question.inputs, question.old_outputs)
        if kind.restore is None:
            raise CloudError(f"a {question.type} cannot be imported: what was generated is nowhere but in a state")
        identity, inputs, outputs = kind.restore(question.id)
        return ReadAnswer(identity, inputs, kind.effective(inputs) | outputs)

    def update(self, question: Question) -> dict[str, Any]:
        """Only what says the same differently gets here: every real change replaces."""
        kind = self._kind(question.type)
        inputs = kind.effective(question.inputs)
        return {**question.old_outputs, **inputs}

    def delete(self, question: Question) -> None:
        self._kind(question.type)

    def _kind(self, token: str) -> GeneratedType:
        kind = self.types.get(token)
        if kind is None:
            if token not in resource_types(self.name):
                raise CloudError(f"{self.name} {self.version} has no resource type {token}")
            raise CloudError(f"the embedded {self.name} does not build {token}")
        return kind
