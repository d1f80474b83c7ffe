"""What the procedures ask of their arguments. Each check answers the value, or raises ValueError with one sentence."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from typing import Any

LONGEST_IDENTIFIER = 128
LONGEST_LABEL = 256


def required_text(name: str, value: Any, longest: int) -> str:
    """Text that is neither missing nor blank nor longer than its column."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is missing")
    if len(value) > longest:
        raise ValueError(f"{name} has {len(value)} characters; at most {longest} are allowed")
    if value != value.strip() or not value.isprintable():
        raise ValueError(f"{name} must neither begin nor end with a blank, and must hold printable characters alone")
    return value


def optional_text(name: str, value: Any, longest: int) -> str | None:
    """The same, or nothing."""
    return None if value is None else required_text(name, value, longest)


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    """One of a few words, in capitals."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}")
    return str(value)


def email_address(name: str, value: Any) -> str | None:
    """A mail address, or nothing. It is not repeated in the error: it names a person."""
    text = optional_text(name, value, LONGEST_LABEL)
    if text is not None and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is None:
        raise ValueError(f"{name} is no mail address")
    return text


def amount(name: str, value: Any) -> float:
    """A finite number that is not negative."""
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and not hasattr(value, "as_integer_ratio")):
        raise ValueError(f"{name} must be a number")
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{name} must be a finite number and not negative")
    return number


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """A whole number between two others."""
    number = amount(name, value)
    if number != int(number) or not least <= number <= most:
        raise ValueError(f"{name} must be a whole number between {least} and {most}")
    return int(number)


def calendar_date(name: str, value: Any, latest: datetime.date) -> str:
    """A date as YYYY-MM-DD that is not later than `latest`."""
    try:
        date = value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name} must be a date, written YYYY-MM-DD") from None
    if date > latest:
        raise ValueError(f"{name} lies in the future")
    return date.isoformat()
