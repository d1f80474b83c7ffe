"""PROMPT_KEY: the key under which an answer to a prompt is cached; equal keys mean that one answer serves both."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.prompts import cache_key
from components.snowflake.handlers.session import parsed


def main(TENANT_ID: Any, MODEL: Any, PARAMETERS: Any, SYSTEM_PROMPT: Any, MESSAGES: Any) -> str:
    """SHA-256 in hexadecimal, over all five. ValueError where there is no tenant, no model or a malformed message."""
    return cache_key(TENANT_ID, MODEL, parsed(PARAMETERS), SYSTEM_PROMPT, parsed(MESSAGES))
