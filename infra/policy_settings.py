"""Exceptions from policies that somebody accepted, as the settings have them. What they except is in policies/."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from infra.rules import EmailAddress, Rule, matches, refusal
from infra.section import Section


def _day(value: Any) -> Any:
    """A day as YAML has it, or as its text; the engine hands an unquoted one over with a time of day."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(re.sub(r"[T ]00:00:00.*$", "", value))
        except ValueError:
            raise refusal(f"{value!r} is no day.", "For example 2027-01-31.") from None
    return value


def _said(value: str) -> bool:
    return bool(value.strip())


class PolicyExceptionSettings(Section):
    """One accepted violation: of which resource, from which policy, why, by whom, and the last day that it holds."""

    #: Its logical name, `type::name` where several have it, or its URN.
    resource: Annotated[
        str, AfterValidator(Rule(_said, "must not be empty.", "Copy the name from what ./nexus preview prints."))
    ]
    policy: Annotated[
        str,
        AfterValidator(
            Rule(matches(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"), "is no policy's id.", "policies/README.md lists them.")
        ),
    ]
    reason: Annotated[str, AfterValidator(Rule(_said, "must not be empty.", "Say what makes it acceptable."))]
    acceptedBy: EmailAddress  # noqa: N815 - the file's own word
    expires: Annotated[date, BeforeValidator(_day)]


def _each_once(value: list[PolicyExceptionSettings]) -> list[PolicyExceptionSettings]:
    seen: set[tuple[str, str]] = set()
    for exception in value:
        key = (exception.resource, exception.policy)
        if key in seen:
            raise refusal(f"{exception.resource} is excepted from {exception.policy} twice.", "Remove one of the two.")
        seen.add(key)
    return value


PolicyExceptions = Annotated[list[PolicyExceptionSettings], AfterValidator(_each_once), Field(default_factory=list)]
