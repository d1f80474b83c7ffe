"""SNOWFLAKE as an application: its roles, and which of them let one use which Cortex model.

What is granted to the application role SNOWFLAKE.PUBLIC, which everybody holds through PUBLIC, only two procedures of
SNOWFLAKE.LOCAL take away and give back.

Source: Snowflake's documentation, "Model access control", "REVOKE_FROM_PUBLIC_APPLICATION_ROLE",
"GRANT_TO_PUBLIC_APPLICATION_ROLE"; models as "AI_COMPLETE (single string)" lists them.
"""

from __future__ import annotations

from typing import Final

APPLICATION: Final = "SNOWFLAKE"
PUBLIC: Final = "PUBLIC"
PUBLIC_GRANT_ADMINISTRATOR: Final = "SNOWFLAKE_PUBLIC_GRANT_ADMIN"

MODELS: Final = frozenset(
    {
        "claude-haiku-4-5",
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-sonnet-4-5",
        "claude-sonnet-4-6",
        "claude-4-opus",
        "claude-4-sonnet",
        "claude-3-7-sonnet",
        "claude-3-5-sonnet",
        "deepseek-r1",
        "llama3-8b",
        "llama3-70b",
        "llama3.1-8b",
        "llama3.1-70b",
        "llama3.1-405b",
        "llama3.3-70b",
        "llama4-maverick",
        "llama4-scout",
        "mistral-large",
        "mistral-large2",
        "mistral-7b",
        "mixtral-8x7b",
        "openai-gpt-4.1",
        "openai-gpt-5",
        "openai-gpt-5-mini",
        "openai-gpt-5-nano",
        "openai-o4-mini",
        "snowflake-arctic",
        "snowflake-llama-3.1-405b",
        "snowflake-llama-3.3-70b",
    }
)


def model_role(model: str) -> str:
    """The name of the application role that lets its holders use a model."""
    return f"CORTEX-MODEL-ROLE-{model.upper()}"


EVERY_MODEL: Final = model_role("ALL")
ROLES: Final = (PUBLIC, PUBLIC_GRANT_ADMINISTRATOR, EVERY_MODEL, *map(model_role, sorted(MODELS)))
"""The application's roles, by their names in SNOWFLAKE."""
