"""RESUME_ORGANIZATION: a suspended organisation works again. With its owner's rights, as SUSPEND_ORGANIZATION."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.organizations import ACTIVE, organization
from components.snowflake.handlers.session import Session
from components.snowflake.handlers.suspension import give_access, set_status


def main(session: Session, ORGANIZATION_ID: Any) -> dict[str, Any]:
    """The organisation's status. It changes last: until everything is granted again the organisation is suspended.
    The warehouse resumes by itself at the first statement."""
    row = organization(session, ORGANIZATION_ID)
    give_access(session, row)
    return set_status(session, row["ORGANIZATION_ID"], ACTIVE)
