"""ORGANIZATION_SUMMARY: an organisation's objects, limits, users and this month's usage, in one answer."""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.organizations import organization, time_text
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Session, rows


def main(session: Session, ORGANIZATION_ID: Any) -> dict[str, Any]:
    """Counts and names only: nobody's name and no content."""
    row = organization(session, ORGANIZATION_ID)
    organization_id = row["ORGANIZATION_ID"]
    users = rows(
        session,
        f"SELECT ROLE, STATUS, COUNT(*) AS USERS FROM {TENANT_MANAGEMENT}.ORG_USERS WHERE ORGANIZATION_ID = ? "
        "GROUP BY ROLE, STATUS ORDER BY ROLE, STATUS",
        organization_id,
    )
    usage = rows(
        session,
        "SELECT RESOURCE_KIND, UNIT, SUM(QUANTITY) AS QUANTITY, SUM(CREDITS) AS CREDITS "
        f"FROM {TENANT_MANAGEMENT}.ORG_RESOURCE_USAGE "
        "WHERE ORGANIZATION_ID = ? AND USAGE_DATE >= DATE_TRUNC('MONTH', TO_DATE(SYSDATE())) "
        "GROUP BY RESOURCE_KIND, UNIT ORDER BY RESOURCE_KIND, UNIT",
        organization_id,
    )
    return {
        "organization_id": organization_id,
        "status": row["STATUS"],
        "database": row["DATABASE_NAME"],
        "schema": row["SCHEMA_NAME"],
        "warehouse": row["WAREHOUSE_NAME"],
        "warehouse_size": row["WAREHOUSE_SIZE"],
        "monthly_credits": int(row["MONTHLY_CREDITS"]),
        "retention_days": int(row["RETENTION_DAYS"]),
        "created_at": time_text(row["CREATED_AT"]),
        "users": [{"role": one["ROLE"], "status": one["STATUS"], "users": int(one["USERS"])} for one in users],
        "usage_this_month": [
            {
                "resource_kind": one["RESOURCE_KIND"],
                "unit": one["UNIT"],
                "quantity": float(one["QUANTITY"]),
                "credits": None if one["CREDITS"] is None else float(one["CREDITS"]),
            }
            for one in usage
        ],
    }
