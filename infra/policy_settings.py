"""Exceptions from policies that somebody accepted, as the settings have them. What they except is in policies/."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.rules import Day, EmailAddress, Rule, each_once, matches, said
from infra.section import Section


class PolicyExceptionSettings(Section):
    """One accepted violation: of which resource, from which policy, why, by whom, and the last day that it holds."""

    #: Its logical name, `type::name` where several have it, or its URN.
    resource: Annotated[str, AfterValidator(said("Copy the name from what ./nexus preview prints."))]
    #: The policy's id.
    policy: Annotated[
        str,
        AfterValidator(
            Rule(matches(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"), "is no policy's id.", "policies/README.md lists them.")
        ),
    ]
    #: What makes the violation acceptable.
    reason: Annotated[str, AfterValidator(said("Say what makes it acceptable."))]
    #: Who accepted it.
    acceptedBy: EmailAddress  # noqa: N815 - the file's own word
    #: The last day on which it counts.
    expires: Day


PolicyExceptions = Annotated[
    list[PolicyExceptionSettings],
    each_once(
        lambda exception: (exception.resource, exception.policy),
        lambda exception: f"{exception.resource} is excepted from {exception.policy} twice.",
    ),
    Field(default_factory=list),
]
