"""Organisations and their users, as the shared tables have them."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import LONGEST_IDENTIFIER, required_text
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Row, Session, rows

ACTIVE = "ACTIVE"
SUSPENDED = "SUSPENDED"
DEACTIVATED = "DEACTIVATED"
USER_ROLES = ("MEMBER", "ANALYST", "ADMINISTRATOR")
"""What a user may be in an organisation; the application gives each its meaning."""


def organization(session: Session, organization_id: Any) -> Row:
    """The organisation's row. One that is no longer declared, or that the caller may not see, is not there."""
    name = required_text("ORGANIZATION_ID", organization_id, 16)
    found = rows(
        session,
        "SELECT ORGANIZATION_ID, STATUS, DATABASE_NAME, SCHEMA_NAME, WAREHOUSE_NAME, APPLICATION_ROLE, ANALYST_ROLE, "
        "ADMINISTRATOR_ROLE, WAREHOUSE_SIZE, MONTHLY_CREDITS, RETENTION_DAYS, CREATED_AT "
        f"FROM {TENANT_MANAGEMENT}.ORGANIZATIONS WHERE ORGANIZATION_ID = ? AND REMOVED_AT IS NULL",
        name,
    )
    if not found:
        raise ValueError(f"ORGANIZATION_ID: there is no organisation {name!r} that this role may see")
    return found[0]


def active_organization(session: Session, organization_id: Any) -> Row:
    """The same, and refuse a suspended one."""
    found = organization(session, organization_id)
    if found["STATUS"] != ACTIVE:
        raise ValueError(f"organisation {found['ORGANIZATION_ID']} is {str(found['STATUS']).lower()}: resume it first")
    return found


def registered_user(session: Session, organization_id: str, user_id: Any) -> Row:
    """The user's row in that organisation."""
    name = required_text("USER_ID", user_id, LONGEST_IDENTIFIER)
    found = user(session, organization_id, name)
    if found is None:
        raise ValueError(f"USER_ID: {name!r} is no user of organisation {organization_id}")
    return found


def user(session: Session, organization_id: str, user_id: str) -> Row | None:
    found = rows(
        session,
        "SELECT USER_ID, EMAIL, DISPLAY_NAME, ROLE, STATUS, CREATED_AT, UPDATED_AT, DEACTIVATED_AT "
        f"FROM {TENANT_MANAGEMENT}.ORG_USERS WHERE ORGANIZATION_ID = ? AND USER_ID = ?",
        organization_id,
        user_id,
    )
    return found[0] if found else None


def user_answer(organization_id: str, row: Row) -> dict[str, Any]:
    """A user as the procedures answer with one; times are texts in UTC."""
    return {
        "organization_id": organization_id,
        "user_id": row["USER_ID"],
        "email": row["EMAIL"],
        "display_name": row["DISPLAY_NAME"],
        "role": row["ROLE"],
        "status": row["STATUS"],
        "created_at": time_text(row["CREATED_AT"]),
        "updated_at": time_text(row["UPDATED_AT"]),
        "deactivated_at": time_text(row["DEACTIVATED_AT"]),
    }


def time_text(value: Any) -> str | None:
    return None if value is None else str(value)
