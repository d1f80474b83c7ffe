"""All losses of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from policies.data_loss.azure import azure_losses
from policies.data_loss.finding import Finding
from policies.data_loss.keys import generated, keys_without_slot
from policies.data_loss.objects import dropped, organizations, removed, renamed, shortened
from policies.data_loss.plan import Plan
from policies.data_loss.protections import detached
from policies.data_loss.rights import lost_grants
from policies.data_loss.statements import statement_losses
from policies.data_loss.tables import column_losses

_FINDERS: Final[Sequence[Callable[[Plan], Iterable[Finding]]]] = (
    organizations,
    dropped,
    renamed,
    column_losses,
    shortened,
    detached,
    statement_losses,
    lost_grants,
    keys_without_slot,
    generated,
    azure_losses,
)


def find_losses(plan: Plan) -> list[Finding]:
    """Everything that the plan would lose: the organisations that go first, then in the order of kinds.

    What goes with an organisation that is removed is told with it, not by itself.
    """
    found: dict[tuple[str, str], Finding] = {}
    told = {finding.urn for finding in organizations(plan)}
    for finder in _FINDERS:
        for finding in finder(plan):
            step = plan.step(finding.urn)
            if step is not None and finding.urn not in told and removed(plan, step):
                organization = plan.organization(step)
                if organization is not None and organization.urn in told:
                    continue
            found.setdefault((finding.object, finding.change), finding)
    return list(found.values())
