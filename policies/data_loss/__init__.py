"""What a plan would lose: pure functions over its steps.

`find_losses(plan)` names every loss; `settle(losses, allowances, today, ...)` says which of them were accepted.
"""

from policies.data_loss.allowances import Allowance, Judged, Verdict, fingerprint, settle
from policies.data_loss.find import find_losses
from policies.data_loss.finding import Finding
from policies.data_loss.plan import Op, Plan, Step

__all__ = [
    "Allowance",
    "Finding",
    "Judged",
    "Op",
    "Plan",
    "Step",
    "Verdict",
    "find_losses",
    "fingerprint",
    "settle",
]
