"""The declared resources as a graph, from a stack's state or from a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli.progress import Progress, name_of, type_of

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

_TENANT: Final = "videxa:snowflake:Organization"
_NOT_THERE: Final = {"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"}


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared resource; `tenant` is the organisation whose component it is under, None for what is shared."""

    urn: str
    type: str
    inputs: Mapping[str, Any]
    tenant: str | None

    @property
    def name(self) -> str:
        return name_of(self.urn)


def resources(found: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[Resource]:
    """Of (URN, parent's URN, inputs): each with the organisation that it belongs to."""
    known = list(found)
    parents = {urn: parent for urn, parent, _ in known}
    return [Resource(urn, type_of(urn), inputs, tenant_of(urn, parents)) for urn, _, inputs in known]


def tenant_of(urn: str, parents: Mapping[str, str]) -> str | None:
    """The organisation whose component a resource is under; `parents` are URNs by URN."""
    while urn:
        if type_of(urn) == _TENANT:
            return name_of(urn)
        urn = parents.get(urn, "")
    return None


def of_state(deployment: Mapping[str, Any]) -> list[Resource]:
    """The resources of an exported deployment."""
    return resources(
        (resource["urn"], resource.get("parent", ""), resource.get("inputs") or {})
        for resource in deployment.get("resources") or ()
        if not resource.get("delete")
    )


@dataclass
class KeptPlan(Progress):
    """Listens to a plan, and keeps the resource that each step is about."""

    parents: dict[str, str] = field(default_factory=dict)
    """URN to its parent's, of those too that would go; empty for none."""

    def on_event(self, event: EngineEvent) -> None:
        super().on_event(event)
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            state = step.new or step.old
            self.parents[step.urn] = (state.parent if state else "") or ""

    def tenant(self, urn: str) -> str | None:
        """The organisation whose component a resource is under; None for what is shared."""
        return tenant_of(urn, self.parents)


@dataclass
class PlannedGraph(KeptPlan):
    """Listens to a preview and keeps what would be there after it."""

    planned: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)

    def on_event(self, event: EngineEvent) -> None:
        super().on_event(event)
        if event.resource_pre_event is None:
            return
        step = event.resource_pre_event.metadata
        if step.new is not None and step.op not in _NOT_THERE:
            self.planned[step.urn] = (step.new.parent or "", step.new.inputs or {})

    def resources(self) -> list[Resource]:
        return resources((urn, parent, inputs) for urn, (parent, inputs) in self.planned.items())
