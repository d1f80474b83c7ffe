"""What `nexus verify` tries is not always fine: a grant, a mask and a policy changed by hand are found by name."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_command import Nexus

#: What is done by hand, as which role, how it is undone, and words that the findings must have.
BY_HAND: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "another tenant's access role, and one for Power BI": (
        "GRANT DATABASE ROLE HCS0002_DB.NEXUSCHAT_READ TO ROLE HCS0001_ANALYST; "
        "GRANT DATABASE ROLE HCS0001_DB.NEXUSCHAT_READ TO ROLE VIDEXA_MONITORING_READER",
        "SECURITYADMIN",
        "REVOKE DATABASE ROLE HCS0002_DB.NEXUSCHAT_READ FROM ROLE HCS0001_ANALYST; "
        "REVOKE DATABASE ROLE HCS0001_DB.NEXUSCHAT_READ FROM ROLE VIDEXA_MONITORING_READER",
        (
            *('HCS0001_ANALYST on "HCS0002_DB"."NEXUSCHAT"', "HCS0001_ANALYST: USE DATABASE", "was answered"),
            '"HCS0001_DB"."NEXUSCHAT"."CONVERSATIONS": POWERBI_SVC can read it',
        ),
    ),
    "another tenant's warehouse, and Power BI's user": (
        "GRANT USAGE ON WAREHOUSE HCS0001_WH TO ROLE HCS0002_ADMIN; ALTER USER POWERBI_SVC SET DISABLED = TRUE",
        "SECURITYADMIN",
        "REVOKE USAGE ON WAREHOUSE HCS0001_WH FROM ROLE HCS0002_ADMIN; ALTER USER POWERBI_SVC SET DISABLED = FALSE",
        ('HCS0002_ADMIN: USE WAREHOUSE "HCS0001_WH"', "was answered", "POWERBI_SVC: 390101"),
    ),
    "secondary roles": (
        "ALTER SESSION POLICY VIDEXA_SHARED.GOVERNANCE.SESSION SET ALLOWED_SECONDARY_ROLES = ('ALL')",
        "SYSADMIN",
        "ALTER SESSION POLICY VIDEXA_SHARED.GOVERNANCE.SESSION SET ALLOWED_SECONDARY_ROLES = ()",
        ('HCS0001_APP on "HCS0002_DB"."NEXUSCHAT"', 'HCS0002_APP on "HCS0001_DB"."NEXUSCHAT"', "was answered"),
    ),
    "the account's network policy": (
        "ALTER ACCOUNT SET NETWORK_POLICY = 'VIDEXA_DEPLOYMENT'",
        "ACCOUNTADMIN",
        "ALTER ACCOUNT SET NETWORK_POLICY = 'VIDEXA_ACCOUNT'",
        ("NETWORK_POLICY of the account", "videxa_deployment"),
    ),
    "a mask taken off its tag": (
        "ALTER TAG VIDEXA_SHARED.GOVERNANCE.PHI UNSET MASKING POLICY VIDEXA_SHARED.GOVERNANCE.PHI_TEXT",
        "SYSADMIN",
        "ALTER TAG VIDEXA_SHARED.GOVERNANCE.PHI SET MASKING POLICY VIDEXA_SHARED.GOVERNANCE.PHI_TEXT",
        ('HCS0001_ANALYST on "HCS0001_DB"."NEXUSCHAT"."CHAT_MESSAGES".TEXT', "not masked"),
    ),
}


@pytest.fixture(scope="module")
def found(nexus_up: Nexus) -> dict[str, dict[str, Any]]:
    nexus = nexus_up
    answers: dict[str, dict[str, Any]] = {}
    with nexus.serving():
        for what, (statement, role, undo, _) in BY_HAND.items():
            nexus.sql(statement, role)
            answers[what] = nexus.run("verify", "--json", expect=1).answer
            nexus.sql(undo, role)
        answers["nothing"] = nexus.run("verify", "--json", expect=None).answer
    return answers


def failed(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {
        check["asked"]: [f"{finding['resource']}: {finding['found']}" for finding in check["findings"]]
        for check in answer["checks"]
        if not check["passed"]
    }


@pytest.mark.parametrize("what", BY_HAND)
def test_what_was_changed_by_hand_is_found_by_name(found: dict[str, dict[str, Any]], what: str) -> None:
    text = "\n".join(line for lines in failed(found[what]).values() for line in lines)
    for words in BY_HAND[what][3]:
        assert words in text


def test_nothing_is_found_once_it_is_undone(found: dict[str, dict[str, Any]]) -> None:
    assert failed(found["nothing"]) == {}
