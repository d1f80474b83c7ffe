"""RECORD_USAGE: what an organisation used on a day, as the application measured it."""

from __future__ import annotations

import datetime
from typing import Any

from components.snowflake.handlers.arguments import (
    LONGEST_LABEL,
    amount,
    calendar_date,
    one_of,
    optional_text,
    required_text,
)
from components.snowflake.handlers.organizations import organization
from components.snowflake.handlers.session import TENANT_MANAGEMENT, Session, rows

RESOURCE_KINDS = ("CORTEX", "WAREHOUSE", "STORAGE", "REQUESTS")


def main(
    session: Session,
    ORGANIZATION_ID: Any,
    USAGE_DATE: Any,
    RESOURCE_KIND: Any,
    RESOURCE_NAME: Any,
    MODEL: Any,
    QUANTITY: Any,
    UNIT: Any,
    CREDITS: Any,
    QUERY_TAG: Any,
) -> dict[str, Any]:
    """What was recorded. `USAGE_DATE` is YYYY-MM-DD in UTC, NULL for today; a suspended organisation's usage counts."""
    today = datetime.datetime.now(datetime.timezone.utc).date()  # noqa: UP017 -- as older runtimes have it too
    date = today.isoformat() if USAGE_DATE is None else calendar_date("USAGE_DATE", USAGE_DATE, today)
    kind = one_of("RESOURCE_KIND", RESOURCE_KIND, RESOURCE_KINDS)
    resource = optional_text("RESOURCE_NAME", RESOURCE_NAME, LONGEST_LABEL)
    model = optional_text("MODEL", MODEL, LONGEST_LABEL)
    quantity = amount("QUANTITY", QUANTITY)
    unit = required_text("UNIT", UNIT, LONGEST_LABEL)
    credit_amount = None if CREDITS is None else amount("CREDITS", CREDITS)
    tag = optional_text("QUERY_TAG", QUERY_TAG, LONGEST_LABEL)
    organization_id = organization(session, ORGANIZATION_ID)["ORGANIZATION_ID"]
    rows(
        session,
        f"INSERT INTO {TENANT_MANAGEMENT}.ORG_RESOURCE_USAGE (ORGANIZATION_ID, USAGE_DATE, RESOURCE_KIND, "
        "RESOURCE_NAME, MODEL, QUANTITY, UNIT, CREDITS, QUERY_TAG, RECORDED_AT) "
        "SELECT ?, TO_DATE(?), ?, ?, ?, ?, ?, ?, ?, SYSDATE()",
        organization_id,
        date,
        kind,
        resource,
        model,
        quantity,
        unit,
        credit_amount,
        tag,
    )
    return {"organization_id": organization_id, "usage_date": date, "resource_kind": kind, "quantity": quantity}
