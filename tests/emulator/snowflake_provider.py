"""A small stand-in for the engine: it asks one configured provider resource and keeps the state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.package import DiffAnswer, Question, ReadAnswer

if TYPE_CHECKING:
    from emulator.snowflake.package import SnowflakePackage


@dataclass(frozen=True)
class KeyPair:
    private: str
    public: str


@dataclass
class Resource:
    """One resource as the engine's state has it."""

    class_name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)


class Provider:
    """Asks one configured provider resource what the engine would, and keeps the state as the engine does."""

    def __init__(self, package: SnowflakePackage, configuration: Any) -> None:
        self.package = package
        self.configuration = configuration

    def question(self, class_name: str, **values: Any) -> Question:
        type_ = f"snowflake:index/{class_name[0].lower()}{class_name[1:]}:{class_name}"
        return Question(
            urn=f"urn:pulumi:local::test::{type_}::it",
            type=type_,
            name="it",
            configuration=self.configuration,
            **values,
        )

    def checked(self, class_name: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.package.check(self.question(class_name, inputs=inputs, old_inputs=old or {}))
        assert answer.failures == []
        return answer.inputs

    def preview(self, class_name: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
        return self.package.create(self.question(class_name, inputs=self.checked(class_name, inputs), preview=True))

    def create(self, class_name: str, **inputs: Any) -> Resource:
        checked = self.checked(class_name, inputs)
        identity, outputs = self.package.create(self.question(class_name, inputs=checked))
        assert identity
        return Resource(class_name, identity, checked, outputs)

    def read(self, resource: Resource) -> ReadAnswer:
        return self.package.read(
            self.question(
                resource.class_name,
                id=resource.id,
                inputs=resource.inputs,
                old_inputs=resource.inputs,
                old_outputs=resource.outputs,
            )
        )

    def import_(self, class_name: str, identity: str) -> ReadAnswer:
        return self.package.read(self.question(class_name, id=identity))

    def diff(self, resource: Resource, **inputs: Any) -> DiffAnswer:
        return self.package.diff(
            self.question(
                resource.class_name,
                id=resource.id,
                inputs=self.checked(resource.class_name, inputs, resource.inputs),
                old_inputs=resource.inputs,
                old_outputs=resource.outputs,
            )
        )

    def refresh(self, resource: Resource) -> ReadAnswer:
        """Read it and take what is there over into the state."""
        answer = self.read(resource)
        if answer.id:
            resource.inputs, resource.outputs = answer.inputs, answer.outputs
        return answer

    def update(self, resource: Resource, **inputs: Any) -> None:
        """Change it in place to exactly these inputs."""
        checked = self.checked(resource.class_name, inputs, resource.inputs)
        outputs = self.package.update(
            self.question(
                resource.class_name,
                id=resource.id,
                inputs=checked,
                old_inputs=resource.inputs,
                old_outputs=resource.outputs,
            )
        )
        resource.inputs, resource.outputs = checked, outputs

    def delete(self, resource: Resource) -> None:
        self.package.delete(
            self.question(resource.class_name, id=resource.id, old_inputs=resource.inputs, old_outputs=resource.outputs)
        )
