"""What each resource type of the package knows how to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import Account, Session


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured provider resource: who it speaks as, and what it has opted into.

    `warehouse` is the one asked for, which may come to be only later. `preview_features` and
    `experimental_features` are the provider's inputs of these names.
    """

    session: Session
    warehouse: str | None = None
    preview_features: frozenset[str] = frozenset()
    experimental_features: frozenset[str] = frozenset()

    @property
    def account(self) -> Account:
        return self.session.account


class Handler(ABC):
    """Makes, reads, changes and deletes resources of one type.

    It is called with the account's lock held, after check, on the worker thread; only `outputs_in_preview`
    runs beside the others and touches nothing.
    """

    def outputs_in_preview(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs as far as the inputs tell them before anything is made."""
        return inputs

    def identify(self, inputs: dict[str, Any]) -> str:  # noqa: ARG002 - for subclasses
        """The id that a creation from these inputs gives, empty where it is drawn at random."""
        return ""

    @abstractmethod
    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        """Make it; return its id and outputs."""

    @abstractmethod
    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        """What is there. Without inputs it is an import: everything is worked out from the id."""

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Change it in place; return the new outputs."""
        raise CloudError(f"{question.type.rsplit(':', 1)[-1]} cannot be changed in place: it is replaced")

    @abstractmethod
    def delete(self, connection: Connection, question: Question) -> None:
        """Remove it. What is gone already is no error."""
