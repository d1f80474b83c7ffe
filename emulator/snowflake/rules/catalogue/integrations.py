"""Integrations and shares."""

from __future__ import annotations

from typing import Any

from emulator.snowflake.rules.normalise import identifier_parts
from emulator.snowflake.rules.rule import NAME, REPLACES, SET, Rule, TypeRules


def _account(value: Any) -> str | None:
    parts = identifier_parts(value)
    if parts is not None and len(parts) == 2 and all(parts):
        return None
    return "must be an account of the form <organization_name>.<account_name>"


RULES = {
    "EmailNotificationIntegration": TypeRules(
        {"name": REPLACES, "enabled": Rule(), "allowedRecipients": SET, "comment": Rule()}
    ),
    "Share": TypeRules(
        {
            "name": NAME.replacing(),
            "comment": Rule(),
            "accounts": Rule(members=Rule(valid=_account, same=lambda old, new: old.lower() == new.lower())),
        }
    ),
}
