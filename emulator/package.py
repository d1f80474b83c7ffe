"""What an embedded provider answers, in plain Python, whatever carries the questions.

`emulator.server` serves a package over the provider protocol; a test may call it directly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar


class CloudError(Exception):
    """The embedded cloud refuses: the message is what the real one's error would say."""


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One refused input: `property` is its path in the wire's names (camelCase), empty where none is to blame."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """The inputs to go on with (normalised, defaults filled), or the failures that stop them."""

    inputs: dict[str, Any]
    failures: list[CheckFailure] = field(default_factory=list)


class Change(Enum):
    """What becomes of one changed property (or property path)."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"
    ADD_REPLACE = "add-replace"
    DELETE_REPLACE = "delete-replace"
    UPDATE_REPLACE = "update-replace"

    @property
    def replaces(self) -> bool:
        return self.value.endswith("-replace")


@dataclass(frozen=True, slots=True)
class DiffAnswer:
    """The difference between old state and new inputs: `changes` by top-level property or path."""

    changes: dict[str, Change] = field(default_factory=dict)
    delete_before_replace: bool = False

    @property
    def replaces(self) -> list[str]:
        return [path for path, change in self.changes.items() if change.replaces]


@dataclass(frozen=True, slots=True)
class Question:
    """One call on one resource.

    `configuration` is what `configure` made of the provider resource that the call came through, or
    None where it never was configured: check and diff must answer all the same.
    `old_inputs`/`old_outputs` are the state's, `inputs` the checked new ones.
    """

    urn: str
    type: str
    name: str
    configuration: Any = None
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    old_inputs: dict[str, Any] = field(default_factory=dict)
    old_outputs: dict[str, Any] = field(default_factory=dict)
    ignore_changes: list[str] = field(default_factory=list)
    preview: bool = False
    random_seed: bytes = b""


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What is really there: an empty `id` says that nothing is."""

    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


class EmbeddedPackage(ABC):
    """One provider package of the embedded cloud.

    `check`, `check_configuration`, `diff`, and `create`/`update` in preview must not touch the cloud's
    state: they run beside each other. The rest runs one at a time. Every refusal is a `CloudError`.
    """

    name: str
    version: str
    needs_cloud: ClassVar[bool] = True
    """Whether its resources lie in a cloud, which may throttle or fail, or are just computed."""

    @abstractmethod
    def check_configuration(self, inputs: dict[str, Any]) -> CheckAnswer:
        """Validate the provider resource's own inputs."""

    @abstractmethod
    def configure(self, inputs: dict[str, Any]) -> Any:
        """Log in: what it returns is handed to each later question as `configuration`."""

    @abstractmethod
    def check(self, question: Question) -> CheckAnswer:
        """Validate `question.inputs`; `old_inputs` is empty on a first create."""

    @abstractmethod
    def diff(self, question: Question) -> DiffAnswer:
        """Compare `old_inputs` and `old_outputs` with `inputs`."""

    @abstractmethod
    def create(self, question: Question) -> tuple[str, dict[str, Any]]:
        """Create it and return (id, outputs); in preview return an empty id and what is known."""

    def identify(self, question: Question) -> str:  # noqa: ARG002
        """The id that `create` gives for `question.inputs`, where inputs alone decide it; else empty.

        Recovery asks it about a creation that a killed process had begun. A package whose creations leave
        nothing behind, or whose ids are drawn at random, keeps the empty answer.
        """
        return ""

    @abstractmethod
    def read(self, question: Question) -> ReadAnswer:
        """Report what is there under `question.id`; on an import `inputs` and outputs are empty."""

    @abstractmethod
    def update(self, question: Question) -> dict[str, Any]:
        """Bring it from the old state to `inputs` in place and return the new outputs."""

    @abstractmethod
    def delete(self, question: Question) -> None:
        """Delete it; what is gone already is no error."""

    @abstractmethod
    def invoke(self, token: str, arguments: dict[str, Any], configuration: Any) -> dict[str, Any]:
        """Answer a data source (a function of the package)."""

    def by_hand(self, action: str, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """What a person does in the cloud beside the engine, such as to approve what another asked for."""
        raise CloudError(f"{self.name} has nothing that is done by hand under the name {action!r}")
