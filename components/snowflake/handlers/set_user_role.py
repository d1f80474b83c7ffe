"""SET_USER_ROLE: what a user may be in an organisation."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import one_of
from components.snowflake.handlers.organizations import (
    ACTIVE,
    USER_ROLES,
    active_organization,
    registered_user,
    user_answer,
)
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Session, rows


def main(session: Session, ORGANIZATION_ID: Any, USER_ID: Any, ROLE: Any) -> dict[str, Any]:
    """The user with the new role. ValueError for a deactivated user and in a suspended organisation."""
    role = one_of("ROLE", ROLE, USER_ROLES)
    organization_id = active_organization(session, ORGANIZATION_ID)["ORGANIZATION_ID"]
    user_id = registered_user(session, organization_id, USER_ID)["USER_ID"]
    changed = rows(
        session,
        f"UPDATE {TENANT_MANAGEMENT}.ORG_USERS SET ROLE = ?, UPDATED_AT = SYSDATE() "
        f"WHERE ORGANIZATION_ID = ? AND USER_ID = ? AND STATUS = '{ACTIVE}'",
        role,
        organization_id,
        user_id,
    )
    if not int(changed[0][0]):
        raise ValueError(f"USER_ID: {user_id!r} of organisation {organization_id} is deactivated")
    return user_answer(organization_id, registered_user(session, organization_id, user_id))
