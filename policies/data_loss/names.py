"""Names in SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable


def sql(parts: Iterable[str]) -> str:
    """A Snowflake name as one writes it: quoted where it has to be."""
    return ".".join(
        part if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", part) else '"' + part.replace('"', '""') + '"' for part in parts
    )


def listed(words: Iterable[str], most: int = 8) -> str:
    """Words with commas between; after the first few, how many there are more."""
    every = list(words)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
