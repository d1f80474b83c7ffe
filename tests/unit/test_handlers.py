"""The organisations' procedures, run as the roles that call them: what they do, refuse, and leave alone."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from types import ModuleType

import pytest

from components.snowflake.handlers import (
    deactivate_user,
    list_users,
    organization_summary,
    record_usage,
    register_user,
    resume_organization,
    set_user_role,
    suspend_organization,
)
from emulator.snowflake.account import Account, SnowflakeError
from tests.unit.handler_account import EmbeddedSession, made_account

USERS = "VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS"
USAGE = "VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_RESOURCE_USAGE"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = made_account(tmp_path_factory.mktemp("handlers"))
    yield account
    account.close()


@pytest.fixture
def application(account: Account) -> Iterator[EmbeddedSession]:
    """The platform's application. What a test wrote is gone after it."""
    yield EmbeddedSession(account, "VIDEXA_SHARED_APP")
    administrator = EmbeddedSession(account, "ACCOUNTADMIN")
    administrator.run(f"DELETE FROM {USERS}", [])
    administrator.run(f"DELETE FROM {USAGE}", [])


@pytest.fixture
def operator(account: Account) -> Iterator[EmbeddedSession]:
    """Who owns the suspension's procedures. Every organisation works again after a test."""
    session = EmbeddedSession(account, "VIDEXA_TENANT_OPERATOR")
    yield session
    resume_organization.main(session, "HCS0001")


def register(session: EmbeddedSession, user: str = "u1", organization: str = "HCS0001", role: str = "MEMBER") -> None:
    register_user.main(session, organization, user, f"{user}@example.org", "A Name", role)


def users(session: EmbeddedSession) -> int:
    return int(session.value(f"SELECT COUNT(*) FROM {USERS}"))


def test_a_user_is_registered_listed_and_promoted(application: EmbeddedSession) -> None:
    answer = register_user.main(application, "HCS0001", "u1", "u1@example.org", "A Name", "MEMBER")
    assert answer["status"] == "ACTIVE"
    assert answer["organization_id"] == "HCS0001"
    assert answer["created_at"]
    register(application, "u2")
    register(application, "u1", "HCS0002")
    assert [user["user_id"] for user in list_users.main(application, "HCS0001", None)] == ["u1", "u2"]
    assert set_user_role.main(application, "HCS0001", "u1", "ADMINISTRATOR")["role"] == "ADMINISTRATOR"
    assert list_users.main(application, "HCS0002", None)[0]["role"] == "MEMBER"


def test_a_deactivated_user_stays_written_and_can_come_back(application: EmbeddedSession) -> None:
    register(application)
    gone = deactivate_user.main(application, "HCS0001", "u1")
    assert gone["status"] == "DEACTIVATED"
    assert gone["deactivated_at"]
    assert list_users.main(application, "HCS0001", "ACTIVE") == []
    assert len(list_users.main(application, "HCS0001", "DEACTIVATED")) == 1
    with pytest.raises(ValueError, match="is deactivated"):
        set_user_role.main(application, "HCS0001", "u1", "ANALYST")
    with pytest.raises(ValueError, match="deactivated already"):
        deactivate_user.main(application, "HCS0001", "u1")
    back = register_user.main(application, "HCS0001", "u1", "new@example.org", None, "ANALYST")
    assert (back["status"], back["email"], back["display_name"]) == ("ACTIVE", "new@example.org", None)
    assert back["deactivated_at"] is None
    assert users(application) == 1


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((None, "u", None, None, "MEMBER"), "ORGANIZATION_ID is missing"),
        (("HCS9999", "u", None, None, "MEMBER"), "there is no organisation 'HCS9999'"),
        (("hcs0001", "u", None, None, "MEMBER"), "there is no organisation 'hcs0001'"),
        (("HCS0001' OR 1=1--", "u", None, None, "MEMBER"), "at most 16"),
        (("HCS0001", " ", None, None, "MEMBER"), "USER_ID is missing"),
        (("HCS0001", 7, None, None, "MEMBER"), "USER_ID is missing"),
        (("HCS0001", "u" * 129, None, None, "MEMBER"), "USER_ID has 129 characters"),
        (("HCS0001", "u\n", None, None, "MEMBER"), "neither begin nor end with a blank"),
        (("HCS0001", "u", "nobody", None, "MEMBER"), "EMAIL is no mail address"),
        (("HCS0001", "u", None, "x" * 257, "MEMBER"), "DISPLAY_NAME has 257"),
        (("HCS0001", "u", None, None, "OWNER"), "ROLE must be one of MEMBER, ANALYST, ADMINISTRATOR"),
        (("HCS0001", "u", None, None, None), "ROLE must be one of"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_changes(
    application: EmbeddedSession, arguments: tuple[object, ...], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        register_user.main(application, *arguments)
    assert users(application) == 0
    assert not any(statement.startswith(("MERGE", "INSERT", "UPDATE")) for statement in application.statements)


def test_an_address_is_not_repeated_in_an_error(application: EmbeddedSession) -> None:
    with pytest.raises(ValueError, match="EMAIL") as refused:
        register_user.main(application, "HCS0001", "u", "jane.doe", None, "MEMBER")
    assert "jane" not in str(refused.value)


def test_registering_twice_is_told(application: EmbeddedSession) -> None:
    register(application)
    with pytest.raises(ValueError, match="'u1' is an active user of organisation HCS0001 already"):
        register_user.main(application, "HCS0001", "u1", "other@example.org", None, "ADMINISTRATOR")
    assert list_users.main(application, "HCS0001", None)[0]["email"] == "u1@example.org"


def test_a_name_is_a_value_and_never_sql(application: EmbeddedSession) -> None:
    name = "'); DELETE FROM x; --"
    register_user.main(application, "HCS0001", name, None, name, "MEMBER")
    assert list_users.main(application, "HCS0001", None)[0]["display_name"] == name


@pytest.mark.parametrize("handler", [deactivate_user, set_user_role])
def test_a_user_of_another_organisation_is_none_here(application: EmbeddedSession, handler: ModuleType) -> None:
    register(application, "u1", "HCS0002")
    more = ("ANALYST",) if handler is set_user_role else ()
    with pytest.raises(ValueError, match="'u1' is no user of organisation HCS0001"):
        handler.main(application, "HCS0001", "u1", *more)
    assert list_users.main(application, "HCS0002", "ACTIVE")[0]["role"] == "MEMBER"


def test_usage_is_recorded_and_summed(application: EmbeddedSession) -> None:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for quantity in (100, 50.5):
        record_usage.main(
            application, "HCS0001", None, "CORTEX", None, "claude-sonnet-4-5", quantity, "tokens", 0.25, "HCS0001:chat"
        )
    record_usage.main(application, "HCS0002", today, "STORAGE", "HCS0002_DB", None, 1, "bytes", None, None)
    register(application)
    register(application, "u2", role="ADMINISTRATOR")
    summary = organization_summary.main(application, "HCS0001")
    assert summary["usage_this_month"] == [
        {"resource_kind": "CORTEX", "unit": "tokens", "quantity": 150.5, "credits": 0.5}
    ]
    assert summary["users"] == [
        {"role": "ADMINISTRATOR", "status": "ACTIVE", "users": 1},
        {"role": "MEMBER", "status": "ACTIVE", "users": 1},
    ]
    assert (summary["database"], summary["warehouse"], summary["status"]) == ("HCS0001_DB", "HCS0001_WH", "ACTIVE")
    assert organization_summary.main(application, "HCS0002")["usage_this_month"][0]["credits"] is None


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"date": "2999-01-01"}, "lies in the future"),
        ({"date": "yesterday"}, "must be a date"),
        ({"kind": "MAGIC"}, "RESOURCE_KIND must be one of CORTEX"),
        ({"quantity": -1}, "QUANTITY must be a finite number and not negative"),
        ({"quantity": float("nan")}, "QUANTITY must be a finite number"),
        ({"quantity": "12"}, "QUANTITY must be a number"),
        ({"quantity": True}, "QUANTITY must be a number"),
        ({"credits": float("inf")}, "CREDITS must be a finite number"),
        ({"unit": None}, "UNIT is missing"),
    ],
)
def test_wrong_usage_is_not_recorded(application: EmbeddedSession, change: dict[str, object], rule: str) -> None:
    given = {"date": None, "kind": "CORTEX", "quantity": 1, "unit": "tokens", "credits": None, **change}
    with pytest.raises(ValueError, match=rule):
        record_usage.main(
            application,
            "HCS0001",
            given["date"],
            given["kind"],
            None,
            None,
            given["quantity"],
            given["unit"],
            given["credits"],
            None,
        )
    assert application.value(f"SELECT COUNT(*) FROM {USAGE}") == 0


def test_a_suspended_organisation_reaches_nothing_and_keeps_its_data(
    account: Account, application: EmbeddedSession, operator: EmbeddedSession
) -> None:
    chat = EmbeddedSession(account, "HCS0001_APP", "HCS0001_WH")
    analyst = EmbeddedSession(account, "HCS0001_ANALYST", "HCS0001_WH")
    messages = "HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES"
    chat.run(
        f"INSERT INTO {messages} (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID) SELECT 'HCS0001', 'm', 'c', 'u'", []
    )
    register(application)
    assert suspend_organization.main(operator, "HCS0001") == {"organization_id": "HCS0001", "status": "SUSPENDED"}
    for session in (chat, analyst):
        with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
            session.value(f"SELECT COUNT(*) FROM {messages}")
    warehouse = EmbeddedSession(account, "SYSADMIN").run("SHOW WAREHOUSES LIKE 'HCS0001_WH'", [])[0]
    assert warehouse["state"] == "SUSPENDED"
    with pytest.raises(SnowflakeError, match="HCS0001_WH"):
        EmbeddedSession(account, "HCS0001_ADMIN").run("ALTER WAREHOUSE HCS0001_WH RESUME", [])
    for call in (
        lambda: register(application, "u2"),
        lambda: set_user_role.main(application, "HCS0001", "u1", "ANALYST"),
    ):
        with pytest.raises(ValueError, match="HCS0001 is suspended: resume it first"):
            call()
    # The other organisation goes on.
    other = EmbeddedSession(account, "HCS0002_APP", "HCS0002_WH")
    assert other.value("SELECT COUNT(*) FROM HCS0002_DB.NEXUSCHAT.CHAT_MESSAGES") == 0
    # Once more does no harm.
    suspend_organization.main(operator, "HCS0001")
    assert resume_organization.main(operator, "HCS0001")["status"] == "ACTIVE"
    assert chat.value(f"SELECT COUNT(*) FROM {messages}") == 1
    assert analyst.value(f"SELECT COUNT(*) FROM {messages}") == 1
    register(application, "u2")
    resume_organization.main(operator, "HCS0001")


def test_what_suspends_reads_no_content(operator: EmbeddedSession) -> None:
    with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
        operator.value("SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES")


@pytest.mark.parametrize("handler", [suspend_organization, resume_organization])
def test_an_unknown_organisation_is_neither_suspended_nor_resumed(
    operator: EmbeddedSession, handler: ModuleType
) -> None:
    with pytest.raises(ValueError, match="there is no organisation 'HCS0042'"):
        handler.main(operator, "HCS0042")
    assert not any(statement.startswith(("REVOKE", "GRANT", "UPDATE")) for statement in operator.statements)


def test_the_application_itself_may_not_suspend(account: Account, application: EmbeddedSession) -> None:
    with pytest.raises(SnowflakeError):
        suspend_organization.main(application, "HCS0001")
    chat = EmbeddedSession(account, "HCS0001_APP", "HCS0001_WH")
    assert chat.value("SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.CONVERSATIONS") == 0
