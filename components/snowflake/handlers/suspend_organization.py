"""SUSPEND_ORGANIZATION: an organisation's warehouse, roles and users stop working; its data stays.

Runs with the rights of its owner, who owns the organisations' warehouses and access roles: the caller holds neither.
"""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.organizations import SUSPENDED, organization
from components.snowflake.handlers.session import Session
from components.snowflake.handlers.suspension import set_status, stop_warehouse, take_access


def main(session: Session, ORGANIZATION_ID: Any) -> dict[str, Any]:
    """The organisation's status. The status changes first, so that the application stops at once; each step may be
    done twice, so that a call that was cut off, or a suspension that an update undid, is completed by another call."""
    row = organization(session, ORGANIZATION_ID)
    answer = set_status(session, row["ORGANIZATION_ID"], SUSPENDED)
    take_access(session, row)
    stop_warehouse(session, row)
    return answer
