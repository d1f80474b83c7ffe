"""Losses of data that somebody accepted, as the settings have them. What they pass is in policies/data_loss."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from infra.rules import EmailAddress, Rule, matches, refusal
from infra.section import Section

_FROM_THE_PREVIEW = "Copy it from what ./nexus preview prints with the loss."


def _day(value: Any) -> Any:
    """A day as YAML has it, or as its text; the engine hands an unquoted one over with a time of day."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(re.sub(r"T00:00:00Z?$", "", value))
        except ValueError:
            raise refusal(f"{value!r} is no day.", "For example 2026-12-31.") from None
    return value


def _said(value: str) -> bool:
    return bool(value.strip())


Said = Annotated[str, AfterValidator(Rule(_said, "must not be empty.", _FROM_THE_PREVIEW))]


class DataLossAllowanceSettings(Section):
    """One accepted loss: the exact object and change, why, by whom, and the last day on which it counts."""

    object: Said
    change: Said
    fingerprint: Annotated[
        str, AfterValidator(Rule(matches(r"f[0-9a-f]{15}"), "is no fingerprint of a loss.", _FROM_THE_PREVIEW))
    ]
    reason: Annotated[str, AfterValidator(Rule(_said, "must not be empty.", "Say why the data may go."))]
    acceptedBy: EmailAddress  # noqa: N815 - the file's own word
    expires: Annotated[date, BeforeValidator(_day)]


def _each_once(value: list[DataLossAllowanceSettings]) -> list[DataLossAllowanceSettings]:
    seen: set[tuple[str, str]] = set()
    for allowance in value:
        key = (allowance.object, allowance.change)
        if key in seen:
            raise refusal(f"{allowance.object}: {allowance.change} is allowed twice.", "Remove one of the two.")
        seen.add(key)
    return value


DataLossAllowances = Annotated[list[DataLossAllowanceSettings], AfterValidator(_each_once), Field(default_factory=list)]
