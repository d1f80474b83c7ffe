"""What the documents are made from: production's declaration as it stands after `up`, on a cloud that is thrown away.

Production's own settings, completed as `nexus rehearse` completes them, with two organisations that have nothing but
the defaults: a document does not change because an organisation comes or goes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from cli.cost.graph import tenant_of
from cli.documents.parts import DocumentError
from policies.graph.isolation import Reach
from policies.graph.resources import Resource, ResourceGraph

if TYPE_CHECKING:
    from infra.settings import Settings

STACK: Final = "prod"
ORGANIZATIONS: Final = ("HCS0001", "HCS0002")
ANY: Final = "HCSnnnn"
"""What an organisation's id is called where each of them is meant."""


@dataclass(frozen=True)
class Declared:
    """One deployment: its resources with what each was made after, its outputs, and the settings behind it."""

    graph: ResourceGraph
    dependencies: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, Any]
    settings: Settings

    @classmethod
    def of(cls, deployment: Mapping[str, Any], settings: Settings) -> Declared:
        resources = [each for each in deployment.get("resources") or () if not each.get("delete")]
        stack: Mapping[str, Any] = next((each for each in resources if each["type"] == "pulumi:pulumi:Stack"), {})
        return cls(
            graph=ResourceGraph.of_deployment(deployment),
            dependencies={each["urn"]: tuple(each.get("dependencies") or ()) for each in resources},
            outputs=stack.get("outputs") or {},
            settings=settings,
        )

    @cached_property
    def parents(self) -> dict[str, str]:
        return {each.urn: each.parent for each in self.graph.resources}

    def tenant(self, resource: Resource) -> str | None:
        """The organisation whose component a resource is under; None for what is shared."""
        return tenant_of(resource.urn, self.parents)

    @cached_property
    def reach(self) -> Reach:
        """Who reaches what, computed."""
        return Reach(self.graph)

    def one(self, short_type: str, what: str = "") -> Resource:
        """The only resource of a type. Raises `DocumentError` where there is none, or several."""
        found = list(self.graph.of_types(short_type))
        if len(found) != 1:
            raise DocumentError(f"{what or short_type}: one is drawn, and {len(found)} are declared")
        return found[0]


def declared() -> Declared:
    """Bring the declaration up and read it. Nothing real is reached, and no credential stays in this process."""
    from cli import configuration, deployment
    from cli.deployment import Request, embedded_state
    from cli.place import ROOT
    from cli.progress import Progress
    from cli.rehearse import embedded_only, filled, throw_away
    from cli.run import log_of

    file = yaml.safe_load((ROOT / "tenants.yaml").read_text(encoding="utf-8"))
    file["organizations"] = {name: {} for name in ORGANIZATIONS}
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        organizations = Path(folder) / "tenants.yaml"
        organizations.write_text(yaml.safe_dump(file), encoding="utf-8")
        settings, _ = filled(configuration.load(STACK, [f"tenants_file={json.dumps(str(organizations))}"]))
        checked = deployment.check_settings(settings)
        embedded_only()
        with throw_away(STACK, settings, checked, "docs") as run:
            outcome = deployment.run_embedded(Request("up", STACK), run, Progress("up"))
            if not outcome.succeeded:
                problems = deployment.explain(outcome, log_of(f"docs-{STACK}"))
                raise DocumentError("nothing can be drawn:\n" + "\n".join(f"  {problem}" for problem in problems))
            return Declared.of(embedded_state(run.place), checked)
