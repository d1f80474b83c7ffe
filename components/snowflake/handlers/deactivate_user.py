"""DEACTIVATE_USER: a user of an organisation may no longer do anything there; the row stays."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.organizations import (
    ACTIVE,
    DEACTIVATED,
    organization,
    registered_user,
    user_answer,
)
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Session, rows


def main(session: Session, ORGANIZATION_ID: Any, USER_ID: Any) -> dict[str, Any]:
    """The user as it is now. A suspended organisation's users may be deactivated too; one twice is a ValueError."""
    organization_id = organization(session, ORGANIZATION_ID)["ORGANIZATION_ID"]
    user_id = registered_user(session, organization_id, USER_ID)["USER_ID"]
    changed = rows(
        session,
        f"UPDATE {TENANT_MANAGEMENT}.ORG_USERS SET STATUS = '{DEACTIVATED}', UPDATED_AT = SYSDATE(), "
        f"DEACTIVATED_AT = SYSDATE() WHERE ORGANIZATION_ID = ? AND USER_ID = ? AND STATUS = '{ACTIVE}'",
        organization_id,
        user_id,
    )
    if not int(changed[0][0]):
        raise ValueError(f"USER_ID: {user_id!r} of organisation {organization_id} is deactivated already")
    return user_answer(organization_id, registered_user(session, organization_id, user_id))
