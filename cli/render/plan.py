"""The declared graph, from the engine's own plan on an embedded cloud that is thrown away."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli import configuration, deployment
from cli.access import declared_state
from cli.console import console
from cli.cost.graph import PlannedGraph
from cli.deployment import Request
from cli.failure import FailureError
from cli.progress import Display, type_of
from cli.rehearse import embedded_only, filled, throw_away
from cli.render.graph import Record
from cli.run import log_of
from policies.graph.resolved import resolved
from policies.graph.resources import Resource, ResourceGraph, Unknown, plain


def planned(stack: str, overrides: list[str], *, quiet: bool) -> list[Record]:
    """What the configuration declares; nothing real is reached. Raises `FailureError` with what is wrong in it.

    What only a run can know (a key's public half) is taken from an embedded stack that is up.
    """
    settings, _ = filled(configuration.load(stack, overrides))
    checked = deployment.check_settings(settings)
    known = _known(stack)
    embedded_only()
    graph = PlannedGraph("preview")
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        file = Path(folder) / "plan.json"
        with throw_away(stack, settings, checked, "sql render") as run, Display(graph, console(), quiet=quiet):
            outcome = deployment.run_embedded(Request("preview", stack, plan_file=file), run, graph)
        if not outcome.succeeded:
            problems = deployment.explain(outcome, log_of(f"sql-{stack}"))
            raise FailureError("the plan failed:\n" + "\n".join(f"  {problem}" for problem in problems))
        plans = json.loads(file.read_text(encoding="utf-8"))["resourcePlans"]
    return records(graph.planned, plans, known)


def records(
    found: Mapping[str, tuple[str, Mapping[str, Any]]],
    plans: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, Mapping[str, Any]],
) -> list[Record]:
    """Of a preview's resources (URN to parent's URN and inputs) and its plan file, with the names filled in that the
    preview did not know; `known` are inputs by URN that stand in for what is still unknown then."""
    goals = {urn: (plans.get(urn) or {}).get("goal") or {} for urn in found}
    graph = resolved(
        ResourceGraph(
            Resource(
                urn=urn,
                type=type_of(urn),
                inputs=plain(inputs),
                provider=str(goals[urn].get("provider") or ""),
                parent=parent,
                sources={name: tuple(of or ()) for name, of in (goals[urn].get("propertyDependencies") or {}).items()},
            )
            for urn, (parent, inputs) in found.items()
        )
    )
    return [
        Record(
            urn=each.urn,
            type=each.type,
            inputs={
                key: known.get(each.urn, {}).get(key, value) if isinstance(value, Unknown) else value
                for key, value in each.inputs.items()
            },
            parent=each.parent,
            provider=each.provider,
            dependencies=frozenset(goals[each.urn].get("dependencies") or ()),
            # The id of what is imported.
            adopted=bool(goals[each.urn].get("id")),
        )
        for each in graph.resources
    ]


def _known(stack: str) -> dict[str, dict[str, Any]]:
    """The inputs of an embedded stack's resources as they are now; empty where it is not up."""
    if not deployment.is_embedded(stack):
        return {}
    with suppress(FailureError):
        return {
            resource["urn"]: plain(resource.get("inputs") or {})
            for resource in declared_state(stack).get("resources") or ()
        }
    return {}
