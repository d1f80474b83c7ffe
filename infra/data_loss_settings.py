"""Losses of data that somebody accepted, as the settings have them. What they pass is in policies/data_loss."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.rules import Day, EmailAddress, Rule, each_once, matches, said
from infra.section import Section

_FROM_THE_PREVIEW = "Copy it from what ./nexus preview prints with the loss."


Said = Annotated[str, AfterValidator(said(_FROM_THE_PREVIEW))]


class DataLossAllowanceSettings(Section):
    """One accepted loss: the exact object and change, why, by whom, and the last day on which it counts."""

    #: The object that would lose data.
    object: Said
    #: What would be done to it.
    change: Said
    #: What `preview` printed with the loss: the allowance passes that change and no other.
    fingerprint: Annotated[
        str, AfterValidator(Rule(matches(r"f[0-9a-f]{15}"), "is no fingerprint of a loss.", _FROM_THE_PREVIEW))
    ]
    #: Why the data may go.
    reason: Annotated[str, AfterValidator(said("Say why the data may go."))]
    #: Who accepted it.
    acceptedBy: EmailAddress  # noqa: N815 - the file's own word
    #: The last day on which it counts.
    expires: Day


DataLossAllowances = Annotated[
    list[DataLossAllowanceSettings],
    each_once(
        lambda allowance: (allowance.object, allowance.change),
        lambda allowance: f"{allowance.object}: {allowance.change} is allowed twice.",
    ),
    Field(default_factory=list),
]
