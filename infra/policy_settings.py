"""Exceptions from policies that somebody accepted, as the settings have them. What they except is in policies/."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.rules import Day, EmailAddress, Rule, matches, refusal, said
from infra.section import Section


class PolicyExceptionSettings(Section):
    """One accepted violation: of which resource, from which policy, why, by whom, and the last day that it holds."""

    #: Its logical name, `type::name` where several have it, or its URN.
    resource: Annotated[str, AfterValidator(said("Copy the name from what ./nexus preview prints."))]
    policy: Annotated[
        str,
        AfterValidator(
            Rule(matches(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"), "is no policy's id.", "policies/README.md lists them.")
        ),
    ]
    reason: Annotated[str, AfterValidator(said("Say what makes it acceptable."))]
    acceptedBy: EmailAddress  # noqa: N815 - the file's own word
    expires: Day


def _each_once(value: list[PolicyExceptionSettings]) -> list[PolicyExceptionSettings]:
    seen: set[tuple[str, str]] = set()
    for exception in value:
        key = (exception.resource, exception.policy)
        if key in seen:
            raise refusal(f"{exception.resource} is excepted from {exception.policy} twice.", "Remove one of the two.")
        seen.add(key)
    return value


PolicyExceptions = Annotated[list[PolicyExceptionSettings], AfterValidator(_each_once), Field(default_factory=list)]
