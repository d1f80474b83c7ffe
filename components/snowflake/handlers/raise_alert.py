"""RAISE_ALERT: write an alert down, and mail it where there is somebody to mail it to.

The text says which view to look at and how many rows it has: no name, and nothing of what anybody wrote.
"""

from __future__ import annotations

from typing import Any

from components.snowflake.handlers.arguments import one_of
from components.snowflake.handlers.session import MONITORING, Session, rows

#: Alert → the view whose rows are the reason.
ALERTS = {
    "COST_THRESHOLD": "COST_THRESHOLDS_CROSSED",
    "ADMIN_GRANT": "ADMIN_GRANTS",
    "MONITOR_NEAR_QUOTA": "MONITORS_NEAR_QUOTA",
}
#: `handler_source` writes a deployment's own settings over these two. No integration: nothing is mailed.
EMAIL_INTEGRATION = ""
EMAIL_RECIPIENTS = ""


def main(session: Session, ALERT: Any) -> dict[str, Any]:
    """What was raised, and whether it was mailed."""
    alert = one_of("ALERT", ALERT, tuple(ALERTS))
    view = f"{MONITORING}.{ALERTS[alert]}"
    count = int(rows(session, f"SELECT COUNT(*) AS REASONS FROM {view}")[0]["REASONS"])
    text = f"{alert}: {count} row{'' if count == 1 else 's'} in {view}"
    mailed = bool(EMAIL_INTEGRATION and EMAIL_RECIPIENTS)
    if mailed:
        # Before it is written down: what could not be mailed is raised again at the next look.
        rows(session, "CALL SYSTEM$SEND_EMAIL(?, ?, ?, ?)", EMAIL_INTEGRATION, EMAIL_RECIPIENTS, alert, text)
    rows(
        session,
        f"INSERT INTO {MONITORING}.ALERTS_RAISED (ALERT, RAISED_AT, REASONS, DETAIL, MAILED) "
        "SELECT ?, SYSDATE(), ?, ?, ?",
        alert,
        count,
        text,
        mailed,
    )
    return {"alert": alert, "reasons": count, "mailed": mailed}
