"""What runs at night on the deployed stack, run at once: what has expired goes, counts arrive, an alert is mailed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from nexus_command import Nexus
from snowflake.connector import ProgrammingError, SnowflakeConnection

from cli.connector import (
    INSUFFICIENT_PRIVILEGES,
    NOT_AUTHORIZED,
    SnowflakeAddress,
    connect,
    private_key,
    rows,
)

APPLICATION, MAINTENANCE = "HCS0001_APP", "VIDEXA_MAINTENANCE"
MONITORING = "VIDEXA_SHARED.MONITORING"
ROWS = """
USE SCHEMA HCS0001_DB.NEXUSCHAT;
INSERT INTO CONVERSATIONS (TENANT_ID, CONVERSATION_ID, USER_ID, CREATED_AT, EXPIRES_AT)
    SELECT 'HCS0001', 'old', 'u1', SYSDATE(), DATEADD('MINUTE', -1, SYSDATE());
INSERT INTO CONVERSATIONS (TENANT_ID, CONVERSATION_ID, USER_ID, CREATED_AT, EXPIRES_AT)
    SELECT 'HCS0001', 'later', 'u1', SYSDATE(), DATEADD('DAY', 1, SYSDATE());
INSERT INTO CONVERSATIONS (TENANT_ID, CONVERSATION_ID, USER_ID, CREATED_AT) SELECT 'HCS0001', 'kept', 'u2', SYSDATE();
INSERT INTO CHAT_MESSAGES (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID, ROLE, CREATED_AT, EXPIRES_AT)
    SELECT 'HCS0001', 'm1', 'old', 'u1', 'user', SYSDATE(), DATEADD('MINUTE', -1, SYSDATE());
INSERT INTO CHAT_MESSAGES (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID, ROLE, CREATED_AT)
    SELECT 'HCS0001', 'm2', 'kept', 'u2', 'user', SYSDATE();
INSERT INTO CHAT_MESSAGES (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID, ROLE, CREATED_AT)
    SELECT 'HCS0001', 'm3', 'kept', 'u2', 'assistant', SYSDATE();
INSERT INTO USER_SESSIONS (TENANT_ID, SESSION_ID, USER_ID, CREATED_AT, EXPIRES_AT)
    SELECT 'HCS0001', 's1', 'u1', SYSDATE(), DATEADD('MINUTE', -1, SYSDATE())
"""
OUTBOX = "SELECT * FROM SNOWFLAKE.EMBEDDED.EMAIL_OUTBOX"


@dataclass
class Stack:
    """A connection in each role that is asked for, over the wire."""

    address: SnowflakeAddress
    key: RSAPrivateKey
    open: dict[str, SnowflakeConnection] = field(default_factory=dict)

    def sql(self, statement: str, role: str) -> list[dict[str, Any]]:
        if role not in self.open:
            warehouse = "HCS0001_WH" if role == APPLICATION else "VIDEXA_SHARED_WH"
            self.open[role] = connect(self.address, "NEXUS_DEPLOY", self.key, role=role, warehouse=warehouse)
        with self.open[role].cursor() as cursor:
            return rows(cursor, statement)

    def run_task(self, name: str) -> dict[str, Any]:
        """Run a task of the tenant's now; its run as TASK_HISTORY has it."""
        self.sql(f"EXECUTE TASK HCS0001_DB.NEXUSCHAT.{name}", MAINTENANCE)
        [run] = self.sql(
            "SELECT STATE, ERROR_MESSAGE FROM TABLE(HCS0001_DB.INFORMATION_SCHEMA.TASK_HISTORY("
            f"TASK_NAME => '{name}', RESULT_LIMIT => 1))",
            MAINTENANCE,
        )
        return run


@pytest.fixture(scope="module")
def stack(nexus_up: Nexus) -> Iterator[Stack]:
    nexus = nexus_up
    with nexus.serving() as endpoints:
        key = private_key((nexus.stack / "deploy-key.pem").read_text(encoding="utf-8"))
        stack = Stack(SnowflakeAddress("VIDEXA", "EMBEDDED", endpoints["host"], endpoints["port"]), key)
        for statement in ROWS.split(";"):
            stack.sql(statement, APPLICATION)
        yield stack
        for connection in stack.open.values():
            connection.close()


DONE = {"state": "SUCCEEDED", "error_message": None}


def test_counts_arrive_and_what_has_expired_goes(stack: Stack) -> None:
    assert stack.run_task("COUNT_USAGE") == DONE
    counted = stack.sql(
        f"SELECT CONVERSATIONS, MESSAGES, ACTIVE_USERS, LOG_INS FROM {MONITORING}.TENANT_DAYS "
        "WHERE ORGANIZATION_ID = 'HCS0001' AND MESSAGES > 0",
        MAINTENANCE,
    )
    assert counted == [{"conversations": 3, "messages": 3, "active_users": 2, "log_ins": 1}]
    assert stack.run_task("DELETE_EXPIRED") == DONE
    left = {
        table: {row["id"] for row in stack.sql(f"SELECT {key} AS ID FROM HCS0001_DB.NEXUSCHAT.{table}", APPLICATION)}
        for table, key in (
            ("CONVERSATIONS", "CONVERSATION_ID"),
            ("CHAT_MESSAGES", "MESSAGE_ID"),
            ("USER_SESSIONS", "SESSION_ID"),
        )
    }
    assert left == {"CONVERSATIONS": {"kept", "later"}, "CHAT_MESSAGES": {"m2", "m3"}, "USER_SESSIONS": set()}
    # Counted again the day stays one row, and has what is left.
    assert stack.run_task("COUNT_USAGE") == DONE
    counted = stack.sql(f"SELECT CONVERSATIONS FROM {MONITORING}.TENANT_DAYS WHERE MESSAGES > 0", MAINTENANCE)
    assert counted == [{"conversations": 2}]


def test_a_task_is_its_owners_to_run(stack: Stack) -> None:
    with pytest.raises(ProgrammingError) as refused:
        stack.sql("EXECUTE TASK HCS0001_DB.NEXUSCHAT.DELETE_EXPIRED", APPLICATION)
    assert refused.value.errno in (NOT_AUTHORIZED, INSUFFICIENT_PRIVILEGES)


def test_an_alert_writes_a_mail_once_a_day(stack: Stack) -> None:
    stack.sql("GRANT ROLE SECURITYADMIN TO USER POWERBI_SVC", "ACCOUNTADMIN")
    stack.sql(f"EXECUTE ALERT {MONITORING}.ADMIN_GRANT", MAINTENANCE)
    [mail] = stack.sql(OUTBOX, "ACCOUNTADMIN")
    assert mail["recipients"] == "alerts@videxa.example"
    assert mail["integration_name"] == "VIDEXA_ALERTS"
    # The mail says where to look, and names nobody.
    assert f"rows in {MONITORING}.ADMIN_GRANTS" in mail["body"]
    assert "POWERBI_SVC" in str(stack.sql(f"SELECT * FROM {MONITORING}.ADMIN_GRANTS", MAINTENANCE))
    stack.sql(f"EXECUTE ALERT {MONITORING}.ADMIN_GRANT", MAINTENANCE)
    assert len(stack.sql(OUTBOX, "ACCOUNTADMIN")) == 1
    assert stack.sql(f"SELECT ALERT FROM {MONITORING}.ALERTS_RAISED", MAINTENANCE) == [{"alert": "ADMIN_GRANT"}]


def test_an_alert_with_nothing_to_say_is_silent(stack: Stack) -> None:
    before = len(stack.sql(OUTBOX, "ACCOUNTADMIN"))
    stack.sql(f"EXECUTE ALERT {MONITORING}.MONITOR_NEAR_QUOTA", MAINTENANCE)
    history = "ALERT_HISTORY(ALERT_NAME => 'MONITOR_NEAR_QUOTA', RESULT_LIMIT => 1)"
    [run] = stack.sql(f"SELECT STATE FROM TABLE(VIDEXA_SHARED.INFORMATION_SCHEMA.{history})", MAINTENANCE)
    assert run == {"state": "CONDITION_FALSE"}
    assert len(stack.sql(OUTBOX, "ACCOUNTADMIN")) == before
