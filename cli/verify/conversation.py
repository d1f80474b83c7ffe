"""A conversation written and read back, as the application would: its user, its key, its role."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from cli.connector import one_line, rows
from cli.verify.declared import DeclaredTenant
from cli.verify.isolation import WORKERS
from cli.verify.report import Finding, Report

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

ConnectAs = Callable[[DeclaredTenant], "SnowflakeConnection"]
"""Logs in as the service user, with a tenant's application role, warehouse, database and schema."""

# Quotes, a line break and letters beyond ASCII: what a patient's message holds and a driver can spoil.
_TEXT = "How's the patient's “dosage”?\nGrüße, 医生 \\ 50 %"


def conversations(report: Report, tenants: Sequence[DeclaredTenant], user: str, connect: ConnectAs) -> None:
    """Add to `report`: each tenant's application role keeps a conversation and gets it back unchanged."""
    with report.check(
        "conversation",
        f"{user} logs in with the key from the vault, writes a conversation and its message, reads them, removes them",
        f"{len(tenants)} tenants, nothing left behind",
    ) as check:
        with ThreadPoolExecutor(WORKERS, "conversation") as executor:
            for found in executor.map(lambda tenant: _one(tenant, user, connect), tenants):
                check.findings += found
                check.tried += 1
        check.found = f"{check.tried} conversations, equal, removed"


def _one(tenant: DeclaredTenant, user: str, connect: ConnectAs) -> list[Finding]:
    from snowflake.connector import Error

    try:
        with closing(connect(tenant)) as connection:
            return _write_and_read(connection, tenant, user)
    except Error as error:
        return [Finding(tenant.role_application, one_line(error))]


def _write_and_read(connection: SnowflakeConnection, tenant: DeclaredTenant, user: str) -> list[Finding]:
    findings: list[Finding] = []
    conversation, message, person = (f"verify-{uuid.uuid4()}" for _ in range(3))
    with connection.cursor() as cursor:
        session = rows(cursor, "SELECT CURRENT_USER() AS U, CURRENT_ROLE() AS R, CURRENT_WAREHOUSE() AS W")[0]
        expected = {"u": user, "r": tenant.role_application, "w": tenant.warehouse}
        if session != expected:
            findings.append(Finding(tenant.role_application, f"the session says {session}, not {expected}"))
        try:
            cursor.execute(
                "INSERT INTO CONVERSATIONS "
                "(TENANT_ID, CONVERSATION_ID, USER_ID, TITLE, MODEL_PARAMETERS, TAGS, CREATED_AT) "
                "SELECT %s, %s, %s, %s, PARSE_JSON(%s), PARSE_JSON(%s), '2026-01-02 03:04:05'::TIMESTAMP_NTZ",
                (
                    tenant.organization,
                    conversation,
                    person,
                    "A check",
                    json.dumps({"temperature": 0.5}),
                    json.dumps(["check"]),
                ),
            )
            cursor.execute(
                "INSERT INTO CHAT_MESSAGES (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID, ROLE, TEXT, TOKEN_COUNT) "
                "SELECT %s, %s, %s, %s, %s, %s, %s",
                (tenant.organization, message, conversation, person, "user", _TEXT, 7),
            )
            read = rows(
                cursor,
                "SELECT C.TITLE AS TITLE, C.MODEL_PARAMETERS:temperature::FLOAT AS TEMPERATURE, "
                "C.TAGS[0]::VARCHAR AS TAG, M.TEXT AS TEXT, M.TOKEN_COUNT AS TOKENS "
                "FROM CONVERSATIONS C JOIN CHAT_MESSAGES M "
                "ON M.CONVERSATION_ID = C.CONVERSATION_ID AND M.TENANT_ID = C.TENANT_ID "
                "WHERE C.TENANT_ID = %s AND C.CONVERSATION_ID = %s",
                (tenant.organization, conversation),
            )
            wanted = [{"title": "A check", "temperature": 0.5, "tag": "check", "text": _TEXT, "tokens": 7}]
            if read != wanted:
                findings.append(Finding(tenant.content.table("CHAT_MESSAGES"), f"read back {read}, written {wanted}"))
        finally:
            left = 0
            # Names of ours, not anybody's input.
            for table in ("CHAT_MESSAGES", "CONVERSATIONS"):
                cursor.execute(f"DELETE FROM {table} WHERE CONVERSATION_ID = %s", (conversation,))  # noqa: S608
                count = f"SELECT COUNT(*) AS N FROM {table} WHERE CONVERSATION_ID = %s"  # noqa: S608
                left += int(rows(cursor, count, (conversation,))[0]["n"])
            if left:
                findings.append(
                    Finding(tenant.content.table("CHAT_MESSAGES"), f"{left} rows of the check are left behind")
                )
    return findings
