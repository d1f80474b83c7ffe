"""The exceptions themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.graph.resources import ResourceGraph
from policies.policy import Breach, Parameter, Parameters, Policy, Severity

EXCEPTIONS_POLICY: Final = "exceptions-current"


def _judged_by_the_judge(_: ResourceGraph, __: Parameters) -> Iterator[Breach]:
    """Exceptions are no resources: policies/judge.py judges them once it knows what each was used for."""
    return iter(())


POLICIES: Final = (
    Policy(
        id=EXCEPTIONS_POLICY,
        title="Exceptions are of a known policy, in date, and needed",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.316(b)(2)(i)", "45 CFR 164.308(a)(8)"),
        remediation="Mend what was excepted and remove the exception, or have it accepted anew with a later day.",
        link="https://www.ecfr.gov/current/title-45/subtitle-A/subchapter-C/part-164/subpart-C/section-164.316",
        check=_judged_by_the_judge,
        parameters={
            "exceptions": Parameter(
                [],
                "Exceptions beside those of the stack's settings: resource, policy, reason, acceptedBy, expires each.",
                {"type": "array", "items": {"type": "object"}},
            )
        },
    ),
)
