"""COMPRESS_MESSAGES: the same conversation in fewer characters, and how many each rule saved."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.prompts import compress
from components.snowflake.handlers.session import parsed


def main(MESSAGES: Any) -> dict[str, Any]:
    """`messages` and `saved_characters` by rule. ValueError for a malformed message."""
    messages, saved = compress(parsed(MESSAGES))
    return {"messages": messages, "saved_characters": saved}
