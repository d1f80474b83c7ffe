"""What an organisation's three roles hold, and so what its suspension takes from them.

Access hangs on six grants: of the database's access roles to the functional roles, and of the warehouse to the same.
Without the first a role reaches nothing in the database, whoever holds it; without the second it runs no statement.
Users and programs keep their functional roles, which then hold nothing, and no row is touched.

Both tables below say what the program declares; a test holds them against it.
"""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.session import TENANT_MANAGEMENT, Row, Session, identifier, rows

DATABASE_ROLES = {
    "APPLICATION_ROLE": "NEXUSCHAT_WRITE",
    "ANALYST_ROLE": "NEXUSCHAT_READ",
    "ADMINISTRATOR_ROLE": "DATABASE_USE",
}
"""Column with the functional role → its access role in the organisation's database."""
WAREHOUSE_PRIVILEGES = {
    "APPLICATION_ROLE": "USAGE",
    "ANALYST_ROLE": "USAGE",
    "ADMINISTRATOR_ROLE": "USAGE, MONITOR, OPERATE",
}


def take_access(session: Session, row: Row) -> None:
    """Take all six grants back; one that is gone already does no harm."""
    for column, privileges in WAREHOUSE_PRIVILEGES.items():
        warehouse, role = identifier(row["WAREHOUSE_NAME"]), identifier(row[column])
        rows(session, f"REVOKE {privileges} ON WAREHOUSE {warehouse} FROM ROLE {role}")
    for column, access in DATABASE_ROLES.items():
        access_role, role = identifier(row["DATABASE_NAME"], access), identifier(row[column])
        rows(session, f"REVOKE DATABASE ROLE {access_role} FROM ROLE {role}")


def give_access(session: Session, row: Row) -> None:
    """Grant all six; one that is there already does no harm."""
    for column, access in DATABASE_ROLES.items():
        access_role, role = identifier(row["DATABASE_NAME"], access), identifier(row[column])
        rows(session, f"GRANT DATABASE ROLE {access_role} TO ROLE {role}")
    for column, privileges in WAREHOUSE_PRIVILEGES.items():
        warehouse, role = identifier(row["WAREHOUSE_NAME"]), identifier(row[column])
        rows(session, f"GRANT {privileges} ON WAREHOUSE {warehouse} TO ROLE {role}")


def stop_warehouse(session: Session, row: Row) -> None:
    """Suspend the warehouse if it runs: Snowflake refuses to suspend one that does not."""
    name = str(row["WAREHOUSE_NAME"])
    # The underscore in a name is a wildcard here: others may be found too.
    for warehouse in rows(session, f"SHOW WAREHOUSES LIKE '{name}'"):
        if warehouse["name"] == name and warehouse["state"] in ("STARTED", "RESUMING"):
            rows(session, f"ALTER WAREHOUSE {identifier(name)} SUSPEND")


def set_status(session: Session, organization_id: str, status: str) -> dict[str, Any]:
    rows(
        session,
        f"UPDATE {TENANT_MANAGEMENT}.ORGANIZATIONS SET STATUS = ?, UPDATED_AT = SYSDATE() WHERE ORGANIZATION_ID = ?",
        status,
        organization_id,
    )
    return {"organization_id": organization_id, "status": status}
