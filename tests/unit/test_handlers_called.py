"""The procedures through CALL, as the roles that the grants let call them, with the rights that they declare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.snowflake.account import Account, SnowflakeError
from tests.unit.handler_account import EmbeddedSession, call, declare_routines, made_account

MANAGEMENT = "TENANT_MANAGEMENT"
MESSAGES = "HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = made_account(tmp_path_factory.mktemp("called"))
    declare_routines(account)
    yield account
    account.close()


@pytest.fixture
def application(account: Account) -> EmbeddedSession:
    return EmbeddedSession(account, "VIDEXA_SHARED_APP")


def test_users_from_registration_to_deactivation(application: EmbeddedSession) -> None:
    registered = call(application, f"{MANAGEMENT}.REGISTER_USER", "HCS0001", "u1", "u1@example.org", None, "MEMBER")
    assert (registered["user_id"], registered["status"]) == ("u1", "ACTIVE")
    assert call(application, f"{MANAGEMENT}.SET_USER_ROLE", "HCS0001", "u1", "ANALYST")["role"] == "ANALYST"
    assert call(application, f"{MANAGEMENT}.DEACTIVATE_USER", "HCS0001", "u1")["status"] == "DEACTIVATED"
    assert [user["user_id"] for user in call(application, f"{MANAGEMENT}.LIST_USERS", "HCS0001", None)] == ["u1"]
    assert call(application, f"{MANAGEMENT}.LIST_USERS", "HCS0001", "ACTIVE") == []


def test_usage_and_summary(application: EmbeddedSession) -> None:
    call(
        application, f"{MANAGEMENT}.RECORD_USAGE", "HCS0002", None, "REQUESTS", None, None, 12.0, "requests", None, None
    )
    summary = call(application, f"{MANAGEMENT}.ORGANIZATION_SUMMARY", "HCS0002")
    assert summary["usage_this_month"] == [
        {"resource_kind": "REQUESTS", "unit": "requests", "quantity": 12, "credits": None}
    ]


def test_a_wrong_argument_is_told_in_one_sentence(application: EmbeddedSession) -> None:
    with pytest.raises(SnowflakeError, match="ROLE must be one of MEMBER, ANALYST, ADMINISTRATOR"):
        call(application, f"{MANAGEMENT}.REGISTER_USER", "HCS0001", "u9", None, None, "OWNER")
    users = call(application, f"{MANAGEMENT}.LIST_USERS", "HCS0001", None)
    assert "u9" not in [user["user_id"] for user in users]


def test_the_application_suspends_and_resumes_by_the_operators_rights(
    account: Account, application: EmbeddedSession
) -> None:
    chat = EmbeddedSession(account, "HCS0001_APP", "HCS0001_WH")
    assert chat.value(f"SELECT COUNT(*) FROM {MESSAGES}") == 0
    assert call(application, f"{MANAGEMENT}.SUSPEND_ORGANIZATION", "HCS0001")["status"] == "SUSPENDED"
    with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
        chat.value(f"SELECT COUNT(*) FROM {MESSAGES}")
    with pytest.raises(SnowflakeError, match="HCS0001 is suspended"):
        call(application, f"{MANAGEMENT}.REGISTER_USER", "HCS0001", "u2", None, None, "MEMBER")
    assert call(application, f"{MANAGEMENT}.RESUME_ORGANIZATION", "HCS0001")["status"] == "ACTIVE"
    assert chat.value(f"SELECT COUNT(*) FROM {MESSAGES}") == 0


@pytest.mark.parametrize("role", ["HCS0001_APP", "HCS0001_ANALYST", "HCS0001_ADMIN", "PUBLIC"])
def test_nobody_else_may_call(account: Account, role: str) -> None:
    with pytest.raises(SnowflakeError):
        call(EmbeddedSession(account, role, "HCS0001_WH"), f"{MANAGEMENT}.SUSPEND_ORGANIZATION", "HCS0001")
    status = "SELECT STATUS FROM VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS WHERE ORGANIZATION_ID = 'HCS0001'"
    assert EmbeddedSession(account, "ACCOUNTADMIN").value(status) == "ACTIVE"


def test_a_budget_is_the_callers_own(account: Account) -> None:
    chat = EmbeddedSession(account, "HCS0002_APP", "HCS0002_WH")
    answer = call(chat, "CORTEX_FUNCTIONS.CHECK_BUDGET", "HCS0002", 10)
    assert (answer["monthly_tokens"], answer["allowed"]) == (100000, True)
    with pytest.raises(SnowflakeError, match="not the application of an organisation 'HCS0001'"):
        call(chat, "CORTEX_FUNCTIONS.CHECK_BUDGET", "HCS0001", 10)


def test_a_completion_and_its_cache(account: Account) -> None:
    chat = EmbeddedSession(account, "HCS0002_APP", "HCS0002_WH")
    question = ("HCS0002", "claude-sonnet-4-5", "Be brief.", [{"role": "user", "content": "What is 5 mg?"}])
    first = call(chat, "CORTEX_FUNCTIONS.CACHED_COMPLETE", *question, {"temperature": 0, "max_tokens": 50})
    again = call(chat, "CORTEX_FUNCTIONS.CACHED_COMPLETE", *question, {"temperature": 0, "max_tokens": 50})
    other = call(chat, "CORTEX_FUNCTIONS.CACHED_COMPLETE", *question, {"temperature": 1})
    assert [one["cache_hit"] for one in (first, again, other)] == [False, True, False]
    assert again["answer"] == first["answer"]
    assert again["avoided"] == first["usage"]
    assert chat.model_calls == []
    used = first["usage"]["prompt_tokens"] + first["usage"]["completion_tokens"]
    used += other["usage"]["prompt_tokens"] + other["usage"]["completion_tokens"]
    assert call(chat, "CORTEX_FUNCTIONS.CHECK_BUDGET", "HCS0002", 0)["used_tokens"] == used
    with pytest.raises(SnowflakeError, match="'gpt-9' is not allowed"):
        call(chat, "CORTEX_FUNCTIONS.CACHED_COMPLETE", "HCS0002", "gpt-9", *question[2:], None)


def test_the_functions_in_a_query(account: Account) -> None:
    chat = EmbeddedSession(account, "HCS0001_APP", "HCS0001_WH")
    message = '[{"role": "user", "content": "a  b"}]'
    key = "SELECT VIDEXA_SHARED.CORTEX_FUNCTIONS.PROMPT_KEY(?, 'm', NULL, 's', PARSE_JSON(?))"
    keys = [
        chat.run(key, [tenant, text])[0][0]
        for tenant, text in (
            ("HCS0001", message),
            ("HCS0001", message.replace("  ", " ")),
            ("HCS0002", message),
        )
    ]
    assert keys[0] == keys[1] != keys[2]
    shorter = chat.run(
        "SELECT VIDEXA_SHARED.CORTEX_FUNCTIONS.COMPRESS_MESSAGES(PARSE_JSON(?)):saved_characters:white_space::NUMBER",
        [message],
    )
    assert shorter[0][0] == 1
