"""COLLECT_TENANT_DAYS: count what an organisation did on its latest days, for the monitoring views.

Numbers alone leave the organisation's database: how many, never who or what. A task runs it every night for each
organisation, so that no view has to reach into their databases. A day is counted anew each time, so that a night that
was missed is made up for.
"""

from __future__ import annotations

import datetime
from typing import Any

from components.snowflake.handlers.arguments import required_text, whole_number
from components.snowflake.handlers.session import MONITORING, Session, identifier, rows

DAY_COUNTS = {
    "ACTIVE_USERS": "SELECT COUNT(DISTINCT USER_ID) FROM {schema}.CHAT_MESSAGES WHERE {created} AND ROLE = 'user'",
    "ACTIVE_USERS_7_DAYS": "SELECT COUNT(DISTINCT USER_ID) FROM {schema}.CHAT_MESSAGES WHERE {week} AND ROLE = 'user'",
    "ACTIVE_USERS_30_DAYS": "SELECT COUNT(DISTINCT USER_ID) FROM {schema}.CHAT_MESSAGES "
    "WHERE {month} AND ROLE = 'user'",
    "CONVERSATIONS": "SELECT COUNT(*) FROM {schema}.CONVERSATIONS WHERE {created}",
    "MESSAGES": "SELECT COUNT(*) FROM {schema}.CHAT_MESSAGES WHERE {created}",
    "LOG_INS": "SELECT COUNT(*) FROM {schema}.USER_SESSIONS WHERE {created}",
    "FILES": "SELECT COUNT(*) FROM {schema}.FILE_UPLOADS WHERE {created}",
    "FILE_BYTES": "SELECT COALESCE(SUM(BYTES), 0) FROM {schema}.FILE_UPLOADS WHERE {created}",
}
MODEL_COUNTS = {
    "CALLS": "COUNT(*)",
    "CACHE_HITS": "COUNT_IF(CACHE_HIT)",
    "PROMPT_TOKENS": "SUM(PROMPT_TOKENS)",
    "COMPLETION_TOKENS": "SUM(COMPLETION_TOKENS)",
    "AVOIDED_PROMPT_TOKENS": "SUM(AVOIDED_PROMPT_TOKENS)",
    "AVOIDED_COMPLETION_TOKENS": "SUM(AVOIDED_COMPLETION_TOKENS)",
    "OFFERED_CHARACTERS": "SUM(OFFERED_CHARACTERS)",
    "SENT_CHARACTERS": "SUM(SENT_CHARACTERS)",
    "MEDIAN_MILLISECONDS": "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY ELAPSED_MILLISECONDS)",
    "PERCENTILE_95_MILLISECONDS": "PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY ELAPSED_MILLISECONDS)",
    "LONGEST_MILLISECONDS": "MAX(ELAPSED_MILLISECONDS)",
}


def main(session: Session, ORGANIZATION_ID: Any, DATABASE_NAME: Any, SCHEMA_NAME: Any, DAYS: Any) -> dict[str, Any]:
    """Count the last `DAYS` days (in UTC, today among them) of the organisation whose schema it is."""
    organization_id = required_text("ORGANIZATION_ID", ORGANIZATION_ID, 16)
    schema = identifier(
        required_text("DATABASE_NAME", DATABASE_NAME, 255), required_text("SCHEMA_NAME", SCHEMA_NAME, 255)
    )
    days = whole_number("DAYS", DAYS, 1, 400)
    today = datetime.datetime.now(datetime.timezone.utc).date()  # noqa: UP017 -- as older runtimes have it too
    for back in range(days):
        day = today - datetime.timedelta(days=back)
        _count_day(session, organization_id, schema, day)
        _count_models(session, organization_id, schema, day)
    return {"organization_id": organization_id, "days": days}


def _between(column: str, first: datetime.date, last: datetime.date) -> str:
    return f"{column} >= '{first}'::TIMESTAMP_NTZ AND {column} < '{last + datetime.timedelta(days=1)}'::TIMESTAMP_NTZ"


def _count_day(session: Session, organization_id: str, schema: str, day: datetime.date) -> None:
    times = {
        "created": _between("CREATED_AT", day, day),
        "week": _between("CREATED_AT", day - datetime.timedelta(days=6), day),
        "month": _between("CREATED_AT", day - datetime.timedelta(days=29), day),
    }
    counts = {name: query.format(schema=schema, **times) for name, query in DAY_COUNTS.items()}
    source = ", ".join(f"({query}) AS {name}" for name, query in counts.items())
    rows(
        session,
        f"MERGE INTO {MONITORING}.TENANT_DAYS AS KNOWN "
        f"USING (SELECT ? AS ORGANIZATION_ID, TO_DATE(?) AS USAGE_DATE, {source}) AS COUNTED "
        "ON KNOWN.ORGANIZATION_ID = COUNTED.ORGANIZATION_ID AND KNOWN.USAGE_DATE = COUNTED.USAGE_DATE "
        + _changes(("ORGANIZATION_ID", "USAGE_DATE"), tuple(counts)),
        organization_id,
        day.isoformat(),
    )


def _count_models(session: Session, organization_id: str, schema: str, day: datetime.date) -> None:
    source = ", ".join(f"{expression} AS {name}" for name, expression in MODEL_COUNTS.items())
    rows(
        session,
        f"MERGE INTO {MONITORING}.TENANT_MODEL_DAYS AS KNOWN "
        f"USING (SELECT ? AS ORGANIZATION_ID, TO_DATE(?) AS USAGE_DATE, MODEL, {source} "
        f"FROM {schema}.CORTEX_USAGE WHERE {_between('CALLED_AT', day, day)} GROUP BY MODEL) AS COUNTED "
        "ON KNOWN.ORGANIZATION_ID = COUNTED.ORGANIZATION_ID AND KNOWN.USAGE_DATE = COUNTED.USAGE_DATE "
        "AND KNOWN.MODEL = COUNTED.MODEL " + _changes(("ORGANIZATION_ID", "USAGE_DATE", "MODEL"), tuple(MODEL_COUNTS)),
        organization_id,
        day.isoformat(),
    )


def _changes(keys: tuple[str, ...], counts: tuple[str, ...]) -> str:
    columns = (*keys, *counts)
    return (
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{name} = COUNTED.{name}' for name in counts)}, "
        "COLLECTED_AT = SYSDATE() "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}, COLLECTED_AT) "
        f"VALUES ({', '.join(f'COUNTED.{name}' for name in columns)}, SYSDATE())"
    )
