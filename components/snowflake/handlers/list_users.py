"""LIST_USERS: an organisation's users."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import one_of
from components.snowflake.handlers.organizations import ACTIVE, DEACTIVATED, organization, user_answer
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Session, rows


def main(session: Session, ORGANIZATION_ID: Any, STATUS: Any) -> list[dict[str, Any]]:
    """The users by their ids; `STATUS` is ACTIVE or DEACTIVATED, or NULL for all."""
    status = None if STATUS is None else one_of("STATUS", STATUS, (ACTIVE, DEACTIVATED))
    organization_id = organization(session, ORGANIZATION_ID)["ORGANIZATION_ID"]
    found = rows(
        session,
        "SELECT USER_ID, EMAIL, DISPLAY_NAME, ROLE, STATUS, CREATED_AT, UPDATED_AT, DEACTIVATED_AT "
        f"FROM {TENANT_MANAGEMENT}.ORG_USERS WHERE ORGANIZATION_ID = ? ORDER BY USER_ID",
        organization_id,
    )
    return [user_answer(organization_id, row) for row in found if status in (None, row["STATUS"])]
