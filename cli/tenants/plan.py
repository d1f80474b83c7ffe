"""What the engine would do for one organisation, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import deployment
from cli.access import declared_state
from cli.console import console
from cli.cost import prices
from cli.cost.estimate import estimate
from cli.cost.graph import PlannedGraph, of_state
from cli.deployment import Outcome, Request
from cli.failure import FailureError
from cli.progress import Display, kind_of, name_of, type_of
from cli.run import log_of

if TYPE_CHECKING:
    from infra.settings import Settings


@dataclass
class OrganizationsPlan(PlannedGraph):
    """Listens to a preview and knows which organisation each resource is of, those included that would go."""

    def changes_of(self, organization: str) -> tuple[list[tuple[str, str]], int]:
        """Its own changes (outcome and URN), and how many there are beside them."""
        own = [(outcome, urn) for outcome, urn in self.changes if self.tenant(urn) == organization]
        stack = sum(type_of(urn) == "pulumi:pulumi:Stack" for _, urn in self.changes)
        return own, len(self.changes) - len(own) - stack


@dataclass
class PlanOfOne:
    """One organisation's plan, its month before and after (floor and ceiling; None where it is not there), and what
    else would change."""

    organization: str
    plan: OrganizationsPlan
    changes: list[tuple[str, str]]
    elsewhere: int
    before: tuple[float, float] | None
    after: tuple[float, float] | None
    currency: str

    def as_json(self) -> dict[str, Any]:
        def month(amounts: tuple[float, float] | None) -> dict[str, float] | None:
            return None if amounts is None else {"floor": round(amounts[0], 2), "ceiling": round(amounts[1], 2)}

        return {
            "plan": [
                {"change": outcome, "kind": kind_of(type_of(urn)), "name": name_of(urn)}
                for outcome, urn in self.changes
            ],
            "changes_elsewhere": self.elsewhere,
            "cost": {"currency": self.currency, "before": month(self.before), "after": month(self.after)},
        }


def plan(request: Request, settings: dict[str, Any], *, quiet: bool) -> OrganizationsPlan:
    """Preview the stack as it is configured now. Raises `FailureError` with what is wrong."""
    found, outcome = preview(request, settings, quiet=quiet)
    if not outcome.succeeded:
        problems = deployment.explain(outcome, log_of(request.stack)) or outcome.progress.violations
        raise FailureError("the plan failed:\n" + "\n".join(f"  {problem}" for problem in problems))
    return found


def preview(request: Request, settings: dict[str, Any], *, quiet: bool) -> tuple[OrganizationsPlan, Outcome]:
    """Preview the stack as it is configured now, whatever comes of it."""
    found = OrganizationsPlan("preview")
    if deployment.is_embedded(request.stack):
        with deployment.embedded_run(request) as run, Display(found, console(), quiet=quiet):
            outcome = deployment.run_embedded(request, run, found)
    else:
        with (
            deployment.real_stack(request, settings) as (stack, config_file, _),
            Display(found, console(), quiet=quiet),
        ):
            checked = deployment.check_settings(settings)
            state = lambda: declared_state(request.stack)  # noqa: E731
            outcome = deployment.plan(request, stack, found, config_file, checked, state)
    return found, outcome


def of_one(organization: str, found: OrganizationsPlan, stack: str, checked: Settings) -> PlanOfOne:
    """What a plan means for one organisation; nothing of it is compared with a stack that was never up."""
    known = prices.load()
    edition = checked.snowflake.edition
    state: Mapping[str, Any] = {}
    with suppress(FailureError):
        state = declared_state(stack)
    before = estimate(of_state(state), known, edition).by_tenant().get(organization)
    after = estimate(found.resources(), known, edition).by_tenant().get(organization)
    changes, elsewhere = found.changes_of(organization)
    return PlanOfOne(organization, found, changes, elsewhere, before, after, known.currency)
