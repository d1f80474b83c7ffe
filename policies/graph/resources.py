"""A deployment's resources as plain data: what is declared, and what the providers answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "[secret]"  # noqa: S105 - stands for one
_PROVIDER: Final = "pulumi:providers:snowflake"
_PART: Final = re.compile(r'"((?:[^"]|"")*)"|([^".(]+)')


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: `inputs` and `outputs` by their names on the wire (camelCase).

    `provider` is the reference to the provider that makes it and `parent` its parent's URN; both may be empty, where a
    graph does not say.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""
    parent: str = ""

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.split("::", 3)[-1]

    @property
    def kind(self) -> str:
        """The type's last word, like `Table`."""
        return self.type.rpartition(":")[2]


class ResourceGraph:
    """All resources of one deployment, in their order."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(resources)
        self._provider_roles = {
            resource.urn: str(resource.inputs.get("role") or "")
            for resource in self.resources
            if resource.type == _PROVIDER
        }

    @classmethod
    def of_deployment(cls, deployment: Mapping[str, Any]) -> ResourceGraph:
        """Read `pulumi stack export`: the whole document, or what is under its `deployment`.

        Resources that wait for their deletion are left out, and secret values are never opened.
        """
        inner = deployment.get("deployment", deployment)
        return cls(
            Resource(
                urn=str(resource["urn"]),
                type=str(resource["type"]),
                inputs=_plain(resource.get("inputs") or {}),
                outputs=_plain(resource.get("outputs") or {}),
                provider=str(resource.get("provider") or ""),
                parent=str(resource.get("parent") or ""),
            )
            for resource in inner.get("resources") or ()
            if not resource.get("delete")
        )

    def snowflake(self, *kinds: str) -> Iterator[Resource]:
        """Resources of Snowflake's provider, of these kinds or of all."""
        return (
            resource
            for resource in self.resources
            if resource.type.startswith("snowflake:") and (not kinds or resource.kind in kinds)
        )

    def provider_role(self, resource: Resource) -> str:
        """The role as which a resource's provider acts; empty where the graph does not say."""
        return self._provider_roles.get(resource.provider.rpartition("::")[0], "")


def identifier(text: str) -> tuple[str, ...]:
    """The parts of a Snowflake name in stored case: `"A".b` gives A and B. A routine's argument types are left out."""
    parts: list[str] = []
    position = 0
    while match := _PART.match(text, position):
        quoted, bare = match.groups()
        parts.append(quoted.replace('""', '"') if quoted is not None else bare.strip().upper())
        position = match.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return tuple(parts)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _SECRET if _SIGNATURE in value else {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
