"""The dated and sourced prices, and what a month's use is assumed to be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.failure import FailureError

FILE: Final = Path(__file__).with_name("prices.yaml")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Section):
    """`amount` in the file's currency for one `unit`. `published` is the page of record; `read` is where the figure was
    read, None where no page with it could be opened; `date` is when."""

    amount: Annotated[float, Field(ge=0)]
    unit: str
    published: str
    read: str | None
    date: date


class Assumptions(_Section):
    """Use in a month: the floor's and the ceiling's."""

    log_gigabytes: tuple[float, float]
    requests_in_millions: tuple[float, float]
    transfer_gigabytes: tuple[float, float]


class Prices(_Section):
    """Everything of the file. `free` are resource types that cost nothing, `by_use` what others are charged for."""

    currency: str
    region: str
    hours_a_month: float
    prices: Mapping[str, Price]
    assumptions: Assumptions
    free: frozenset[str]
    by_use: Mapping[str, str]

    def of(self, name: str) -> float:
        return self.prices[name].amount

    @property
    def seconds_a_month(self) -> float:
        return self.hours_a_month * 3600

    @property
    def days_a_month(self) -> float:
        return self.hours_a_month / 24

    @property
    def oldest(self) -> date:
        return min(price.date for price in self.prices.values())

    @property
    def unread(self) -> list[str]:
        """Prices that no opened page repeated."""
        return sorted(name for name, price in self.prices.items() if price.read is None)


def load(file: Path = FILE) -> Prices:
    """Raises `FailureError` where the file is not as it has to be."""
    try:
        return Prices.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise FailureError(f"the prices cannot be read from {file.name}: {error}") from None
