"""A deployment's resources as plain data: what is declared, and what the providers answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeVar

Made = TypeVar("Made")

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's mark of one
#: How the engine writes what a preview cannot know yet: for a boolean, a number, a string, a list, an asset, an
#: archive, an object (pulumi_policy.proxy).
UNKNOWN_VALUES: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_PROVIDER: Final = "pulumi:providers:snowflake"
_PART: Final = re.compile(r'"((?:[^"]|"")*)"|([^".(]+)')


class Unknown(str):
    """Stands for a value that is not known before the run; there is one, UNKNOWN."""

    __slots__ = ()


class Secret(str):
    """Stands for a secret; `opened` is its value where the graph holds it, None where it does not.

    As text it is always `[secret]`: the value never gets into a message by mistake.
    """

    opened: Any

    def __new__(cls, opened: Any = None) -> Secret:
        found = super().__new__(cls, "[secret]")
        found.opened = opened
        return found


UNKNOWN: Final = Unknown("[unknown]")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: `inputs` and `outputs` by their names on the wire (camelCase).

    `provider` is the reference to the provider that makes it and `parent` its parent's URN; both may be empty, where a
    graph does not say. `sources` are, by input, the URNs of the resources whose outputs it was made from.
    `delete_before_replace` is None where the graph does not tell (a state does not), and `ignored` are the inputs that
    the stack leaves as they are found.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""
    parent: str = ""
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignored: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.split("::", 3)[-1]

    @property
    def kind(self) -> str:
        """The type's last word, like `Table`."""
        return self.type.rpartition(":")[2]

    @property
    def short_type(self) -> str:
        """The type without what differs between versions of a package: `snowflake:Table`, `azure-native:app:Job`."""
        return _short(self.type)


@cache
def _short(type_: str) -> str:
    package, _, rest = type_.partition(":")
    module, _, kind = rest.rpartition(":")
    module = module.partition("/")[0]
    return f"{package}:{kind}" if module in ("", "index") else f"{package}:{module}:{kind}"


class ResourceGraph:
    """All resources of one deployment, in their order."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(resources)
        self._made: dict[Any, Any] = {}
        self.by_urn = {resource.urn: resource for resource in self.resources}
        self._by_type: dict[str, list[Resource]] = {}
        for resource in self.resources:
            self._by_type.setdefault(resource.short_type, []).append(resource)
        self._provider_roles = {
            resource.urn: str(resource.inputs.get("role") or "")
            for resource in self.resources
            if resource.type == _PROVIDER and isinstance(resource.inputs, Mapping)
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
                inputs=plain(resource.get("inputs") or {}),
                outputs=plain(resource.get("outputs") or {}),
                provider=str(resource.get("provider") or ""),
                parent=str(resource.get("parent") or ""),
                sources={
                    name: tuple(urns or ()) for name, urns in (resource.get("propertyDependencies") or {}).items()
                },
                ignored=tuple(resource.get("ignoreChanges") or ()),
            )
            for resource in inner.get("resources") or ()
            if not resource.get("delete")
        )

    def once(self, make: Callable[[ResourceGraph], Made]) -> Made:
        """What a function makes of the graph, made once however many ask for it."""
        if make not in self._made:
            self._made[make] = make(self)
        found: Made = self._made[make]
        return found

    def of_types(self, *types: str) -> Iterator[Resource]:
        """Resources of these short types."""
        return (resource for type_ in types for resource in self._by_type.get(type_, ()))

    def source(self, resource: Resource, name: str, *types: str) -> Resource | None:
        """The one resource of these short types that an input is made from; None where there is none or several."""
        found = [
            self.by_urn[urn]
            for urn in dict.fromkeys(resource.sources.get(name, ()))
            if urn in self.by_urn and self.by_urn[urn].short_type in types
        ]
        return found[0] if len(found) == 1 else None

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


@cache
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


def plain(value: Any) -> Any:
    """A value of the wire or of a state: secrets closed, what is not known yet as UNKNOWN."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_VALUES else value
    if isinstance(value, Mapping):
        if SIGNATURE not in value:
            return {key: plain(inner) for key, inner in value.items()}
        if value[SIGNATURE] != _SECRET_SIGNATURE:
            return Secret()  # an asset or an archive: nothing that a policy reads
        inner = plain(value.get("value"))
        return UNKNOWN if isinstance(inner, Unknown) else Secret(inner)
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value
