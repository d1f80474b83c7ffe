"""What an organisation may still spend on models this month, counted in tokens that were really used.

Everything is read as the caller: the view OWN_ORGANIZATION shows a role its own organisation, and the usage lies in
that organisation's database, which no other organisation's role can reach.
"""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import required_text
from components.snowflake.handlers.session import CORTEX_FUNCTIONS, Row, Session, identifier, rows


def own_organization(session: Session, organization_id: Any) -> Row:
    """The caller's organisation: its status, schema and limit."""
    name = required_text("ORGANIZATION_ID", organization_id, 16)
    found = rows(
        session,
        "SELECT ORGANIZATION_ID, STATUS, DATABASE_NAME, SCHEMA_NAME, MONTHLY_CORTEX_TOKENS "
        f"FROM {CORTEX_FUNCTIONS}.OWN_ORGANIZATION WHERE ORGANIZATION_ID = ?",
        name,
    )
    if not found:
        raise ValueError(f"ORGANIZATION_ID: this role is not the application of an organisation {name!r}")
    return found[0]


def table(row: Row, name: str) -> str:
    """A table of the organisation's own schema."""
    return identifier(row["DATABASE_NAME"], row["SCHEMA_NAME"], name)


def budget(session: Session, row: Row, expected_tokens: int) -> dict[str, Any]:
    """Whether a call of about `expected_tokens` may go. Without a limit every one may; at none, none."""
    used = int(
        rows(
            session,
            "SELECT COALESCE(SUM(PROMPT_TOKENS + COMPLETION_TOKENS), 0) AS USED "
            f"FROM {table(row, 'CORTEX_USAGE')} "
            "WHERE TENANT_ID = ? AND CALLED_AT >= DATE_TRUNC('MONTH', SYSDATE())",
            row["ORGANIZATION_ID"],
        )[0]["USED"]
    )
    limit = None if row["MONTHLY_CORTEX_TOKENS"] is None else int(row["MONTHLY_CORTEX_TOKENS"])
    return {
        "organization_id": row["ORGANIZATION_ID"],
        "status": row["STATUS"],
        "used_tokens": used,
        "monthly_tokens": limit,
        "allowed": row["STATUS"] == "ACTIVE" and (limit is None or used + max(expected_tokens, 1) <= limit),
    }


def refusal(answer: dict[str, Any]) -> str:
    """Why a call may not go."""
    name = answer["organization_id"]
    if answer["status"] != "ACTIVE":
        return f"organisation {name} is {str(answer['status']).lower()}"
    return (
        f"organisation {name} has used {answer['used_tokens']} of its {answer['monthly_tokens']} tokens of this month: "
        "this call would exceed them"
    )
