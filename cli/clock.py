"""The day, by one clock everywhere: UTC's, whatever the machine's is."""

from __future__ import annotations

from datetime import UTC, date, datetime


def today() -> date:
    """The day that allowances, exceptions and retirements run by."""
    return datetime.now(UTC).date()
