"""The views of SNOWFLAKE.ACCOUNT_USAGE that the monitoring reads, with their columns: what our views are held against.

Of each view the columns are those that Snowflake documents, in upper case; the types are left out, since only names are
resolved. No view that holds the text of statements is here: QUERY_HISTORY and ACCESS_HISTORY can hold patients' data,
and nobody is granted the database role (GOVERNANCE_VIEWER) that would let them be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA = "SNOWFLAKE.ACCOUNT_USAGE"
_DOCUMENTATION = "https://docs.snowflake.com/en/sql-reference/account-usage/"


@dataclass(frozen=True, slots=True)
class AccountUsageView:
    """Its columns, and the database role of SNOWFLAKE that may read it."""

    columns: tuple[str, ...]
    database_role: str


def documentation(view: str) -> str:
    """Where Snowflake documents the view's columns."""
    return _DOCUMENTATION + view.lower()


ACCOUNT_USAGE: Mapping[str, AccountUsageView] = {
    "CORTEX_AI_FUNCTIONS_USAGE_HISTORY": AccountUsageView(
        (
            "START_TIME",
            "END_TIME",
            "FUNCTION_NAME",
            "MODEL_NAME",
            "QUERY_ID",
            "WAREHOUSE_ID",
            "ROLE_NAMES",
            "QUERY_TAG",
            "USER_ID",
            "METRICS",
            "CREDITS",
            "IS_COMPLETED",
        ),
        "USAGE_VIEWER",
    ),
    "GRANTS_TO_ROLES": AccountUsageView(
        (
            "CREATED_ON",
            "MODIFIED_ON",
            "PRIVILEGE",
            "GRANTED_ON",
            "NAME",
            "TABLE_CATALOG",
            "TABLE_SCHEMA",
            "GRANTED_TO",
            "GRANTEE_NAME",
            "GRANT_OPTION",
            "GRANTED_BY",
            "DELETED_ON",
            "GRANTED_BY_ROLE_TYPE",
            "OBJECT_INSTANCE",
        ),
        "SECURITY_VIEWER",
    ),
    "GRANTS_TO_USERS": AccountUsageView(
        ("CREATED_ON", "DELETED_ON", "ROLE", "GRANTED_TO", "GRANTEE_NAME", "GRANTED_BY"), "SECURITY_VIEWER"
    ),
    "LOGIN_HISTORY": AccountUsageView(
        (
            "EVENT_ID",
            "EVENT_TIMESTAMP",
            "EVENT_TYPE",
            "USER_NAME",
            "CLIENT_IP",
            "REPORTED_CLIENT_TYPE",
            "REPORTED_CLIENT_VERSION",
            "FIRST_AUTHENTICATION_FACTOR",
            "SECOND_AUTHENTICATION_FACTOR",
            "IS_SUCCESS",
            "ERROR_CODE",
            "ERROR_MESSAGE",
            "RELATED_EVENT_ID",
            "CONNECTION",
        ),
        "SECURITY_VIEWER",
    ),
    "QUERY_ATTRIBUTION_HISTORY": AccountUsageView(
        (
            "QUERY_ID",
            "PARENT_QUERY_ID",
            "ROOT_QUERY_ID",
            "WAREHOUSE_ID",
            "WAREHOUSE_NAME",
            "QUERY_HASH",
            "QUERY_PARAMETERIZED_HASH",
            "QUERY_TAG",
            "USER_NAME",
            "START_TIME",
            "END_TIME",
            "CREDITS_ATTRIBUTED_COMPUTE",
            "CREDITS_USED_QUERY_ACCELERATION",
        ),
        "USAGE_VIEWER",
    ),
    "TABLE_STORAGE_METRICS": AccountUsageView(
        (
            "ID",
            "TABLE_NAME",
            "TABLE_SCHEMA_ID",
            "TABLE_SCHEMA",
            "TABLE_CATALOG_ID",
            "TABLE_CATALOG",
            "CLONE_GROUP_ID",
            "IS_TRANSIENT",
            "ACTIVE_BYTES",
            "TIME_TRAVEL_BYTES",
            "FAILSAFE_BYTES",
            "RETAINED_FOR_CLONE_BYTES",
            "DELETED",
            "TABLE_CREATED",
            "TABLE_DROPPED",
            "TABLE_ENTERED_FAILSAFE",
            "SCHEMA_CREATED",
            "SCHEMA_DROPPED",
            "CATALOG_CREATED",
            "CATALOG_DROPPED",
            "COMMENT",
        ),
        "USAGE_VIEWER",
    ),
    "WAREHOUSE_METERING_HISTORY": AccountUsageView(
        (
            "START_TIME",
            "END_TIME",
            "WAREHOUSE_ID",
            "WAREHOUSE_NAME",
            "CREDITS_USED",
            "CREDITS_USED_COMPUTE",
            "CREDITS_USED_CLOUD_SERVICES",
            "CREDITS_ATTRIBUTED_COMPUTE_QUERIES",
        ),
        "USAGE_VIEWER",
    ),
}

#: The database roles of SNOWFLAKE that read all of them.
DATABASE_ROLES = tuple(sorted({view.database_role for view in ACCOUNT_USAGE.values()}))
