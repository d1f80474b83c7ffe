"""What one resource type of the embedded Azure is, as data, with hooks for what data cannot say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from emulator.azure.errors import AzureError
from emulator.azure.identifiers import derived_guid
from emulator.azure.rules import Inputs, Rule
from emulator.azure.store import AzureStore, StoredResource
from emulator.package import CheckFailure

_PARAMETER = re.compile(r"\{(\w+)\}")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Autoname(Enum):
    """How azure-native names what the program does not (pulumi-azure-native, provider.go, `getDefaultName`)."""

    RANDOM = "the logical name and eight random hexadecimal digits"
    COPY = "the logical name"
    GUID = "a random GUID"


@dataclass(frozen=True)
class Name:
    """The input that names the resource, and Azure's rule for names of the type."""

    property: str
    pattern: str
    said: str
    autoname: Autoname = Autoname.RANDOM

    @cached_property
    def expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def failures(self, inputs: Inputs) -> Iterator[CheckFailure]:
        value = inputs.get(self.property)
        if isinstance(value, str) and not self.expression.fullmatch(value):
            yield CheckFailure(self.property, f"'{value}' is not a valid name: {self.said}")


@dataclass(frozen=True, slots=True)
class AzureConfiguration:
    """Who deploys, and where: the provider resource's settings.

    The embedded Azure asks for no credential. `object_id` is the deploying principal's in the directory.
    """

    subscription_id: str = derived_guid("subscription")
    tenant_id: str = derived_guid("tenant")
    client_id: str = derived_guid("deploy client")
    object_id: str = derived_guid("deploy principal")
    location: str | None = None


@dataclass(slots=True)
class Operation:
    """A PUT on one resource: hooks read `inputs` and complete `body` and `private`."""

    store: AzureStore
    configuration: AzureConfiguration
    kind: ResourceKind
    id: str
    inputs: dict[str, Any]
    body: dict[str, Any]
    private: dict[str, Any]
    previous: StoredResource | None
    now: datetime
    # The resource was soft-deleted under this id and comes back: `previous` is what it was.
    recovered: bool = False

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def timestamp(self) -> str:
        return self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Set a top-level output that Azure gives at creation and keeps ever after."""
        before = self.previous.body.get(name) if self.previous is not None else None
        self.body[name] = make() if before is None else before
        return self.body[name]

    def refuse(self, code: str, message: str, status: int = 400) -> AzureError:
        return AzureError(status, code, message)


Hook = Callable[[Operation], None]


@dataclass(frozen=True)
class ResourceKind:
    """One resource type.

    `path` is azure-native's: its parameters are inputs, and a change of any of them replaces the resource.
    """

    token: str
    path: str
    name: Name
    # Older spellings of the token without the API version.
    aliases: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    # Top-level properties whose change replaces, beside the path's parameters.
    replaces: frozenset[str] = frozenset()
    # Lists whose elements are known by these properties, not by place (x-ms-identifiers in the API's specification).
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)
    # Paths that must hold the ARM id of an existing resource of a type ("" for any).
    links: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    # What Azure fills in where the request says nothing; appears in outputs, never in inputs.
    defaults: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    # Lists of sub-resources that may also be resources of their own: kept in an update that does not mention them.
    maintained: tuple[str, ...] = ()
    # Paths that cannot change in place though azure-native would try: Azure refuses.
    immutable: tuple[str, ...] = ()
    complete: Hook | None = None
    after: Hook | None = None
    # Azure's types whose mention of this resource keeps it from being deleted.
    in_use_by: tuple[str, ...] = ()
    # Nested types that must be deleted first.
    refuses_nested: tuple[str, ...] = ()
    before_delete: Callable[[AzureStore, StoredResource], None] | None = None
    # For how long a deleted one can be recovered.
    retention_days: Callable[[StoredResource], int] | None = None

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The inputs that make up the ARM id, without the subscription."""
        return tuple(name for name in _PARAMETER.findall(self.path) if name != "subscriptionId")

    @cached_property
    def type(self) -> str:
        """Azure's name of the type: `Microsoft.App/containerApps`."""
        parts = self.path.strip("/").split("/")
        if "providers" not in parts:
            return "Microsoft.Resources/resourceGroups"
        at = len(parts) - 1 - parts[::-1].index("providers")
        return "/".join([parts[at + 1], *parts[at + 2 :: 2]])

    @cached_property
    def is_extension(self) -> bool:
        """Whether it lives on any other resource (`{scope}`, `{resourceUri}`)."""
        return not self.path.startswith("/subscriptions/")

    @cached_property
    def replacing(self) -> frozenset[str]:
        """The paths whose change replaces.

        Source: pulumi-azure-native, diff.go (`calculateDetailedDiff`): every path parameter, and every body property
        that the API's specification marks create-only at the top level (x-ms-mutability; `location` is of every
        tracked resource) or that the provider's own `forceNewMap` names (gen/replacement.go). Create-only properties
        further down do not replace: azure-native sends them, and Azure refuses (`immutable`).
        """
        return self.replaces | frozenset(self.parameters) | {"location"}

    def identity(self, configuration: AzureConfiguration, inputs: Inputs) -> str:
        """The ARM id; a scope is put in without its outer slashes, as azure-native does."""

        def value(match: re.Match[str]) -> str:
            if match[1] == "subscriptionId":
                return configuration.subscription_id
            return str(inputs[match[1]]).strip("/")

        return _PARAMETER.sub(value, self.path)

    @cached_property
    def _id_expression(self) -> re.Pattern[str]:
        pattern = _PARAMETER.sub(
            lambda match: f"(?P<{match[1]}>{'.+' if match[1] in ('scope', 'resourceUri') else '[^/]+'})", self.path
        )
        return re.compile(pattern, re.IGNORECASE)

    def path_inputs(self, identity: str) -> dict[str, str] | None:
        """The inputs in an ARM id, or None where the id is not of this type."""
        match = self._id_expression.fullmatch(identity)
        if match is None:
            return None
        return {
            name: f"/{value}" if name in ("scope", "resourceUri") else value
            for name, value in match.groupdict().items()
            if name != "subscriptionId"
        }
