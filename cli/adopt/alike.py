"""Organisations are alike: whose objects stay other than the template has them, somebody has to accept for a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from cli.adopt.judge import Judged
from cli.progress import name_of, type_of
from cli.render.graph import Record
from infra.words import called
from policies.catalogue import POLICIES
from policies.graph.resources import Resource, ResourceGraph, plain

POLICY: Final = "tenants-uniform"
DAYS: Final = 90
"""For how long an exception holds where nobody says."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """A resource that is not its template's, with what is taken over as it is to be."""

    resource: str
    type: str
    name: str
    why: str

    def exception(self, accepted_by: str, until: date) -> dict[str, Any]:
        """The setting that accepts it."""
        return {
            "resource": f"{self.type}::{self.name}",
            "policy": POLICY,
            "reason": "taken over as it was found by nexus adopt",
            "acceptedBy": accepted_by,
            "expires": until.isoformat(),
        }


def unlike(records: Iterable[Record], judged: Iterable[Judged]) -> list[Unlike]:
    """What the policy would say of the graph with the objects as they are taken over."""
    inputs: Mapping[str, Mapping[str, Any]] = {each.of.resource: each.inputs for each in judged if each.inputs}
    graph = ResourceGraph(
        Resource(
            urn=record.urn,
            type=record.type,
            inputs=plain(inputs.get(called(record.type, name_of(record.urn)), record.inputs)),
            provider=record.provider,
            parent=record.parent,
        )
        for record in records
    )
    policy = next(policy for policy in POLICIES if policy.id == POLICY)
    parameters = {name: parameter.default for name, parameter in policy.parameters.items()}
    return [
        Unlike(
            called(type_of(breach.urn), name_of(breach.urn)), type_of(breach.urn), name_of(breach.urn), breach.message
        )
        for breach in policy.check(graph, parameters)
        if breach.urn and not breach.unknown
    ]
