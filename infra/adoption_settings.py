"""Objects that exist already and that the stack takes over, as the settings have them (`./nexus adopt` writes them)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.rules import Rule, matches, said
from infra.section import Section

_FROM_ADOPT = "Let ./nexus adopt write it."
ResourceName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"(snowflake|azure-native)( \S+){1,2} \S+"),
            "is no resource as a plan names it, such as 'snowflake Table HCS0001-CONVERSATIONS'.",
            _FROM_ADOPT,
        )
    ),
]


class FoundColumnSettings(Section):
    """A column that stays as it was found: one that is not declared, or another than is declared under its name."""

    #: Its name.
    name: Annotated[str, AfterValidator(said(_FROM_ADOPT))]
    #: Its type as Snowflake has it.
    type: Annotated[str, AfterValidator(said(_FROM_ADOPT))]
    #: Whether it may be without a value.
    nullable: bool = True
    #: The constant that it has where nothing is given.
    default: str | None = None
    #: What is said about it.
    comment: str | None = None


class ImportSettings(Section):
    """One object: the id by which its provider finds it, and what of it stays as it was found."""

    #: By which its provider imports it. Without, it is made: so it is where a stack is tried on an empty cloud.
    id: Annotated[str, AfterValidator(said(_FROM_ADOPT))] | None = None
    #: Properties, by their names on the wire, that the declaration leaves as they were found; `*` for all.
    keep: list[Annotated[str, AfterValidator(said(_FROM_ADOPT))]] = Field(default_factory=list)
    #: A table's columns in their order: a declared one by its name, one that stays as found by what it is. Declared
    #: ones that are not named come after them.
    columns: list[str | FoundColumnSettings] = Field(default_factory=list)


Imports = Annotated[dict[ResourceName, ImportSettings], Field(default_factory=dict)]
