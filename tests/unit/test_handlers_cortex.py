"""The cached completion, budgets and keys, run as organisations' applications in an embedded account.

Calls of a model are answered by the session (`handler_account`) and counted, so that what a cache hides shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components.snowflake.handlers import cached_complete, check_budget, compress_messages, prompt_key
from components.snowflake.handlers.cached_complete import CACHE_LIFETIME_SECONDS
from emulator.snowflake.account import Account, SnowflakeError
from tests.unit.handler_account import TENANTS, EmbeddedSession, made_account

MODEL = "claude-sonnet-4-5"
QUESTION = [{"role": "user", "content": "Café dose: 5 mg?"}]
CACHE = "HCS0001_DB.NEXUSCHAT.PROMPT_CACHE"
USED = "HCS0001_DB.NEXUSCHAT.CORTEX_USAGE"
ORGANIZATIONS = "VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = made_account(tmp_path_factory.mktemp("cortex"))
    yield account
    account.close()


@pytest.fixture
def administrator(account: Account) -> Iterator[EmbeddedSession]:
    """What a test wrote or changed is as before after it."""
    session = EmbeddedSession(account, "ACCOUNTADMIN")
    yield session
    for tenant in TENANTS:
        for table in ("PROMPT_CACHE", "CORTEX_USAGE"):
            session.run(f"DELETE FROM {tenant}_DB.NEXUSCHAT.{table}", [])
    session.run(f"UPDATE {ORGANIZATIONS} SET STATUS = 'ACTIVE', MONTHLY_CORTEX_TOKENS = 100000", [])


@pytest.fixture
def application(account: Account, administrator: EmbeddedSession) -> EmbeddedSession:
    return EmbeddedSession(account, "HCS0001_APP", "HCS0001_WH")


def ask(
    session: EmbeddedSession, messages: Any = QUESTION, tenant: str = "HCS0001", model: str = MODEL, **parameters: Any
) -> dict[str, Any]:
    return cached_complete.main(session, tenant, model, "Be brief.", messages, parameters or None)


def test_the_second_time_the_cache_answers(application: EmbeddedSession) -> None:
    first = ask(application)
    assert (first["cache_hit"], first["answer"]) == (False, "answer 1")
    assert first["usage"] == {
        "prompt_tokens": len("System: Be brief.\n\nUser: Café dose: 5 mg?") // 4,
        "completion_tokens": 20,
    }
    again = ask(application, [{"role": "user", "content": "  Café dose:  5 mg?\n"}])
    assert (again["cache_hit"], again["answer"], again["usage"]) == (True, "answer 1", None)
    assert again["avoided"] == first["usage"]
    assert len(application.model_calls) == 1
    assert application.value(f"SELECT HIT_COUNT FROM {CACHE}") == 1


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": "Café dose: 50 mg?"}]},
        {"messages": [{"role": "user", "content": "Café dose: 5 Mg?"}]},
        {"temperature": 0.5},
    ],
    ids=["dose", "case", "temperature"],
)
def test_another_question_asks_the_model(application: EmbeddedSession, other: dict[str, Any]) -> None:
    ask(application)
    assert not ask(application, **other)["cache_hit"]
    assert len(application.model_calls) == 2


def test_an_organisation_never_gets_anothers_answer(account: Account, application: EmbeddedSession) -> None:
    ask(application)
    other = EmbeddedSession(account, "HCS0002_APP", "HCS0002_WH")
    answer = ask(other, tenant="HCS0002")
    assert not answer["cache_hit"]
    assert len(other.model_calls) == 1
    assert other.value("SELECT COUNT(*) FROM HCS0002_DB.NEXUSCHAT.PROMPT_CACHE") == 1
    with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
        other.value(f"SELECT COUNT(*) FROM {CACHE}")
    with pytest.raises(ValueError, match="not the application of an organisation 'HCS0001'"):
        ask(other, tenant="HCS0001")


def test_what_was_used_is_written_down_without_any_text(application: EmbeddedSession) -> None:
    ask(application)
    ask(application)
    rows = [row.as_dict() for row in application.run(f"SELECT * FROM {USED} ORDER BY CACHE_HIT", [])]
    asked, hit = rows
    assert (asked["CACHE_HIT"], asked["PROMPT_TOKENS"], asked["COMPLETION_TOKENS"]) == (False, 10, 20)
    assert (hit["CACHE_HIT"], hit["PROMPT_TOKENS"], hit["COMPLETION_TOKENS"]) == (True, 0, 0)
    assert (hit["AVOIDED_PROMPT_TOKENS"], hit["AVOIDED_COMPLETION_TOKENS"]) == (10, 20)
    assert (asked["AVOIDED_PROMPT_TOKENS"], hit["SENT_CHARACTERS"]) == (0, 0)
    prompt = "System: Be brief.\n\nUser: Café dose: 5 mg?"
    assert asked["OFFERED_CHARACTERS"] == asked["SENT_CHARACTERS"] == hit["OFFERED_CHARACTERS"] == len(prompt)
    assert not any("dose" in str(value) or "answer" in str(value) for row in rows for value in row.values())


def test_an_expired_answer_is_asked_anew_and_replaced(
    application: EmbeddedSession, administrator: EmbeddedSession
) -> None:
    ask(application)
    assert (
        application.value(f"SELECT DATEDIFF('SECOND', CREATED_AT, EXPIRES_AT) FROM {CACHE}") == CACHE_LIFETIME_SECONDS
    )
    administrator.run(f"UPDATE {CACHE} SET EXPIRES_AT = DATEADD('SECOND', -1, SYSDATE())", [])
    assert ask(application)["answer"] == "answer 2"
    assert application.value(f"SELECT COUNT(*) FROM {CACHE}") == 1
    assert ask(application)["cache_hit"]


def test_a_full_cache_lets_go_what_expires_first(
    application: EmbeddedSession, administrator: EmbeddedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_complete, "CACHE_CHARACTERS", 2 * len("answer 1"))
    for number in range(3):
        ask(application, [{"role": "user", "content": f"Question {number}"}])
        administrator.run(f"UPDATE {CACHE} SET EXPIRES_AT = DATEADD('SECOND', 1, EXPIRES_AT)", [])
    kept = [row[0] for row in application.run(f"SELECT RESPONSE FROM {CACHE} ORDER BY RESPONSE", [])]
    assert len(kept) == 2
    assert "answer 3" in kept
    monkeypatch.setattr(cached_complete, "CACHE_CHARACTERS", 3)
    assert not ask(application, [{"role": "user", "content": "Too long an answer"}])["cache_hit"]
    assert application.value(f"SELECT COUNT(*) FROM {CACHE}") == 2


def test_a_spent_budget_stops_calls_but_not_the_cache(
    application: EmbeddedSession, administrator: EmbeddedSession
) -> None:
    ask(application)
    administrator.run(f"UPDATE {ORGANIZATIONS} SET MONTHLY_CORTEX_TOKENS = 31", [])
    assert check_budget.main(application, "HCS0001", 1) == {
        "organization_id": "HCS0001",
        "status": "ACTIVE",
        "used_tokens": 30,
        "monthly_tokens": 31,
        "allowed": True,
    }
    assert not check_budget.main(application, "HCS0001", 2)["allowed"]
    with pytest.raises(ValueError, match="HCS0001 has used 30 of its 31 tokens of this month"):
        ask(application, [{"role": "user", "content": "Another question"}])
    assert ask(application)["cache_hit"]
    assert len(application.model_calls) == 1
    administrator.run(f"UPDATE {USED} SET CALLED_AT = DATEADD('MONTH', -1, CALLED_AT)", [])
    assert check_budget.main(application, "HCS0001", 2)["used_tokens"] == 0


def test_no_limit_is_no_limit(application: EmbeddedSession, administrator: EmbeddedSession) -> None:
    administrator.run(f"UPDATE {ORGANIZATIONS} SET MONTHLY_CORTEX_TOKENS = NULL", [])
    assert check_budget.main(application, "HCS0001", 10_000_000)["allowed"]
    administrator.run(f"UPDATE {ORGANIZATIONS} SET MONTHLY_CORTEX_TOKENS = 0", [])
    assert not check_budget.main(application, "HCS0001", 0)["allowed"]


def test_a_suspended_organisation_gets_no_answer_not_even_a_cached_one(
    application: EmbeddedSession, administrator: EmbeddedSession
) -> None:
    ask(application)
    administrator.run(f"UPDATE {ORGANIZATIONS} SET STATUS = 'SUSPENDED'", [])
    with pytest.raises(ValueError, match="organisation HCS0001 is suspended"):
        ask(application)
    assert not check_budget.main(application, "HCS0001", 1)["allowed"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("HCS0001", "gpt-9", None, QUESTION, None), "'gpt-9' is not allowed; allowed: claude-sonnet-4-5"),
        (("HCS0001", None, None, QUESTION, None), "MODEL is missing"),
        (("HCS0001", MODEL, 7, QUESTION, None), "SYSTEM_PROMPT must be text"),
        (("HCS0001", MODEL, None, [], None), "at least one message"),
        (("HCS0001", MODEL, None, [{"role": "user"}], None), "content of number 1 must be text"),
        (("HCS0001", MODEL, None, QUESTION, {"temperature": 2}), "temperature must be a number between 0 and 1"),
        (("HCS0001", MODEL, None, QUESTION, {"max_tokens": 1.5}), "max_tokens must be a whole number"),
        (("HCS0001", MODEL, None, QUESTION, {"x': 1} --": 1}), "is not known; known: temperature"),
        (("HCS0001", MODEL, None, QUESTION, ["temperature"]), "PARAMETERS must be an object"),
        ((None, MODEL, None, QUESTION, None), "ORGANIZATION_ID is missing"),
    ],
)
def test_a_wrong_argument_asks_no_model(application: EmbeddedSession, arguments: tuple[Any, ...], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        cached_complete.main(application, *arguments)
    assert application.model_calls == []
    assert application.value(f"SELECT COUNT(*) FROM {USED}") == 0


@pytest.mark.parametrize("expected", [-1, 1.5, None, "many", 10**9])
def test_a_wrong_estimate_is_refused(application: EmbeddedSession, expected: Any) -> None:
    with pytest.raises(ValueError, match="EXPECTED_TOKENS must be"):
        check_budget.main(application, "HCS0001", expected)


def test_a_resent_history_is_sent_once(application: EmbeddedSession) -> None:
    turn = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    answer = ask(application, [*turn, *turn, {"role": "user", "content": "new"}])
    assert answer["saved_characters"]["resent_history"] == 2
    assert application.model_calls == [(MODEL, "System: Be brief.\n\nUser: q\n\nAssistant: a\n\nUser: new")]


def test_parameters_reach_the_model_as_constants(application: EmbeddedSession) -> None:
    ask(application, temperature=0.5, max_tokens=100)
    assert any("model_parameters => {'max_tokens': 100, 'temperature': 0.5}" in one for one in application.statements)


def test_the_functions_take_json_as_text_too() -> None:
    assert prompt_key.main("HCS0001", MODEL, "{}", None, '[{"role":"user","content":"a"}]') == prompt_key.main(
        "HCS0001", MODEL, None, None, [{"role": "user", "content": "a"}]
    )
    assert compress_messages.main('[{"role":"user","content":"a  b"}]') == {
        "messages": [{"role": "user", "content": "a b"}],
        "saved_characters": {"white_space": 1, "resent_history": 0, "repeated_blocks": 0},
    }
