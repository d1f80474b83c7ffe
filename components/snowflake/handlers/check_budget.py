"""CHECK_BUDGET: whether an organisation may make a call of so many tokens."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import whole_number
from components.snowflake.handlers.budgets import budget, own_organization
from components.snowflake.handlers.session import Session


def main(session: Session, ORGANIZATION_ID: Any, EXPECTED_TOKENS: Any) -> dict[str, Any]:
    """`allowed`, with this month's used tokens and the limit; `EXPECTED_TOKENS` is the caller's estimate."""
    expected = whole_number("EXPECTED_TOKENS", EXPECTED_TOKENS, 0, 10_000_000)
    return budget(session, own_organization(session, ORGANIZATION_ID), expected)
