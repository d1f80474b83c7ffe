"""The stack's own state: what was declared, resource by resource, at the last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""Marks a wrapped value in a deployment (`sig_key` of Pulumi's own format)."""


class Secret:
    """Stands for a value that the state holds encrypted: nothing here ever opens it."""

    def __repr__(self) -> str:
        return "[secret]"


SECRET: Final = Secret()


@dataclass(frozen=True, slots=True)
class DeclaredResource:
    """One resource of the state; `inputs` are as checked, names as on the wire (camelCase)."""

    urn: str
    type: str
    name: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    provider: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class StackState:
    """All resources of a deployment."""

    resources: tuple[DeclaredResource, ...]

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> StackState:
        """Read the deployment that `pulumi stack export` prints."""
        return cls(
            tuple(
                DeclaredResource(
                    urn=resource["urn"],
                    type=resource["type"],
                    name=resource["urn"].split("::", 3)[3],
                    id=resource.get("id", ""),
                    inputs=_plain(resource.get("inputs", {})),
                    outputs=_plain(resource.get("outputs", {})),
                    provider=resource.get("provider", ""),
                    parent=resource.get("parent", ""),
                )
                for resource in deployment.get("resources") or ()
                if not resource.get("delete")
            )
        )

    def of_type(self, type_: str) -> Iterator[DeclaredResource]:
        return (resource for resource in self.resources if resource.type == type_)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return SECRET
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
