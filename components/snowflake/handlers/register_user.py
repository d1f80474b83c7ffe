"""REGISTER_USER: make somebody a user of an organisation, or take a deactivated one in again."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import (
    LONGEST_IDENTIFIER,
    LONGEST_LABEL,
    email_address,
    one_of,
    optional_text,
    required_text,
)
from components.snowflake.handlers.organizations import (
    ACTIVE,
    DEACTIVATED,
    USER_ROLES,
    active_organization,
    registered_user,
    user_answer,
)
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Session, rows


def main(
    session: Session, ORGANIZATION_ID: Any, USER_ID: Any, EMAIL: Any, DISPLAY_NAME: Any, ROLE: Any
) -> dict[str, Any]:
    """The user as registered. ValueError where the organisation is suspended or the user is active already."""
    user_id = required_text("USER_ID", USER_ID, LONGEST_IDENTIFIER)
    email = email_address("EMAIL", EMAIL)
    display_name = optional_text("DISPLAY_NAME", DISPLAY_NAME, LONGEST_LABEL)
    role = one_of("ROLE", ROLE, USER_ROLES)
    organization_id = active_organization(session, ORGANIZATION_ID)["ORGANIZATION_ID"]
    # One statement: two callers at once make one user, and the later one is told so.
    changed = rows(
        session,
        f"MERGE INTO {TENANT_MANAGEMENT}.ORG_USERS AS KNOWN "
        "USING (SELECT ? AS ORGANIZATION_ID, ? AS USER_ID, ? AS EMAIL, ? AS DISPLAY_NAME, ? AS ROLE) AS GIVEN "
        "ON KNOWN.ORGANIZATION_ID = GIVEN.ORGANIZATION_ID AND KNOWN.USER_ID = GIVEN.USER_ID "
        f"WHEN MATCHED AND KNOWN.STATUS = '{DEACTIVATED}' THEN UPDATE SET EMAIL = GIVEN.EMAIL, "
        f"DISPLAY_NAME = GIVEN.DISPLAY_NAME, ROLE = GIVEN.ROLE, STATUS = '{ACTIVE}', UPDATED_AT = SYSDATE(), "
        "DEACTIVATED_AT = NULL "
        "WHEN NOT MATCHED THEN INSERT (ORGANIZATION_ID, USER_ID, EMAIL, DISPLAY_NAME, ROLE, STATUS, CREATED_AT) "
        "VALUES (GIVEN.ORGANIZATION_ID, GIVEN.USER_ID, GIVEN.EMAIL, GIVEN.DISPLAY_NAME, GIVEN.ROLE, "
        f"'{ACTIVE}', SYSDATE())",
        organization_id,
        user_id,
        email,
        display_name,
        role,
    )[0]
    if not int(changed[0]) + int(changed[1]):
        raise ValueError(f"USER_ID: {user_id!r} is an active user of organisation {organization_id} already")
    return user_answer(organization_id, registered_user(session, organization_id, user_id))
