"""AI_COMPLETE's stand-in: it says what it is, answers alike, counts by its rule, and is for those who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.snowflake.sql.ai_stand_in import tokens
from tests.emulator.account_roles import Roles, copied, set_up
from tests.emulator.account_sessions import refused
from tests.emulator.snowflake_provider import KeyPair

SETTING = """
CREATE DATABASE d
CREATE SCHEMA d.s
CREATE WAREHOUSE w
CREATE ROLE app
CREATE TABLE d.s.prompts (id INT, prompt VARCHAR)
INSERT INTO d.s.prompts VALUES (1, 'one'), (2, 'twenty'), (3, NULL)
GRANT USAGE ON WAREHOUSE w TO ROLE app
"""
MODEL = "claude-sonnet-4-5"


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Iterator[Roles]:
    directory = tmp_path_factory.mktemp("ai")
    with copied(set_up(directory / "template", key_pair, SETTING), directory / "account") as roles:
        yield roles


def value(roles: Roles, expression: str, parameters: Any = None) -> Any:
    ((found,),) = roles.admin.execute(f"SELECT {expression}", parameters).rows
    return found


def test_it_says_what_it_is_and_answers_alike(roles: Roles) -> None:
    answer = value(roles, f"AI_COMPLETE('{MODEL}', 'How are you, Ada?')")
    assert answer.startswith(f"[Stand-in of the embedded Snowflake for {MODEL}: no model has run.]")
    assert "Ada" not in answer
    assert value(roles, "AI_COMPLETE(model => ?, prompt => ?)", [MODEL, "How are you, Ada?"]) == answer
    assert value(roles, f"AI_COMPLETE('{MODEL}', 'How are you, Eve?')") != answer
    assert value(roles, "AI_COMPLETE('claude-sonnet-4-6', 'How are you, Ada?')") != answer


def test_details_and_parameters(roles: Roles) -> None:
    details = json.loads(
        value(
            roles,
            "AI_COMPLETE(model => ?, prompt => ?, model_parameters => {'temperature': 0, 'max_tokens': 5}, "
            "show_details => TRUE)",
            [MODEL, "x" * 17],
        )
    )
    ((choice),) = details["choices"]
    assert len(choice["messages"]) == 20
    assert details["usage"] == {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
    assert details["model"] == MODEL


def test_a_format_is_kept(roles: Roles) -> None:
    form = (
        "{'type': 'json', 'schema': {'type': 'object', 'properties': {'n': {'type': 'integer'}, 's': {'enum': ['a']}}}}"
    )
    assert json.loads(value(roles, f"AI_COMPLETE('{MODEL}', 'x', NULL, {form})")) == {"n": 0, "s": "a"}
    details = json.loads(value(roles, f"AI_COMPLETE('{MODEL}', 'x', response_format => {form}, show_details => TRUE)"))
    assert details["structured_output"] == [{"raw_message": {"n": 0, "s": "a"}, "type": "json"}]


def test_over_a_table(roles: Roles) -> None:
    answered = f"AI_COMPLETE('{MODEL}', prompt), AI_COUNT_TOKENS('ai_complete', '{MODEL}', prompt)"
    rows = roles.admin.execute(f"SELECT {answered} FROM d.s.prompts ORDER BY id").rows
    assert [count for _, count in rows] == [1, 2, None]
    assert "3 characters" in rows[0][0]
    assert rows[2][0] is None


@pytest.mark.parametrize(
    ("call", "errno", "words"),
    [
        ("AI_COMPLETE('gpt-9', 'x')", 100351, 'unknown model \\"gpt-9\\"'),
        ("AI_COMPLETE(d.prompt, 'x')", 2, "no string constant"),
        ("AI_COMPLETE('claude-4-opus')", 1003, "PROMPT is missing"),
        ("AI_COMPLETE('claude-4-opus', 'x', {'temperature': 2})", 1008, "between 0 and 1"),
        ("AI_COMPLETE('claude-4-opus', 'x', {'colour': 2})", 1008, "known: temperature"),
        ("AI_COMPLETE('claude-4-opus', 'x', {'temperature': id})", 2, "no constant"),
        ("AI_COMPLETE('claude-4-opus', {'p': prompt})", 2, "PROMPT of an AI function that is no text"),
        ("AI_COMPLETE('claude-4-opus', 'x', prompt => 'y')", 1044, "Invalid argument"),
        ("AI_COMPLETE('claude-4-opus', 'x', NULL, {'type': 'xml'})", 1008, "RESPONSE_FORMAT"),
        ("AI_COUNT_TOKENS('ai_embed', 'claude-4-opus', 'x')", 2, "ai_complete"),
        ("AI_SENTIMENT('x')", 2, "the function AI_SENTIMENT"),
        ("AI_CLASSIFY('x', ['a'])", 2, "AI_CLASSIFY"),
        ("SNOWFLAKE.CORTEX.COMPLETE('claude-4-opus', 'x')", 2, "SNOWFLAKE.CORTEX.COMPLETE"),
    ],
)
def test_what_it_refuses(roles: Roles, call: str, errno: int, words: str) -> None:
    with refused(errno, words):
        roles.admin.execute(f"SELECT {call} FROM d.s.prompts AS d")


def test_only_whoever_holds_the_database_role(roles: Roles) -> None:
    app = roles.as_role("APP")
    sql = f"SELECT AI_COMPLETE('{MODEL}', 'x')"
    assert app.execute(sql).rows
    roles.run("REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE PUBLIC")
    with refused(3001, "SNOWFLAKE.CORTEX_USER", "42501"):
        app.execute(sql)
    roles.run("GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE app")
    assert app.execute(sql).rows
    roles.run("GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE PUBLIC")


def test_only_models_on_the_accounts_list(roles: Roles) -> None:
    roles.run(f"ALTER ACCOUNT SET CORTEX_MODELS_ALLOWLIST = '{MODEL}'")
    assert value(roles, f"AI_COMPLETE('{MODEL}', 'x')")
    with refused(100351, "CORTEX_MODELS_ALLOWLIST"):
        roles.admin.execute("SELECT AI_COMPLETE('claude-4-opus', 'x')")
    roles.run("ALTER ACCOUNT UNSET CORTEX_MODELS_ALLOWLIST")


def test_its_usage_is_told(roles: Roles) -> None:
    admin = roles.admin
    admin.execute("ALTER SESSION SET QUERY_TAG = 'HCS0001:chat'")
    query = admin.execute(f"SELECT AI_COMPLETE('{MODEL}', prompt) AS a FROM d.s.prompts WHERE prompt IS NOT NULL")
    answered = sum(tokens(answer) for (answer,) in query.rows)
    admin.execute("ALTER SESSION UNSET QUERY_TAG")
    rows = admin.execute(
        "SELECT FUNCTION_NAME, MODEL_NAME, QUERY_TAG, METRICS, CREDITS, ROLE_NAMES[0]::VARCHAR "
        f"FROM SNOWFLAKE.ACCOUNT_USAGE.CORTEX_AI_FUNCTIONS_USAGE_HISTORY WHERE QUERY_ID = '{query.query_id}'"
    ).rows
    [(function, model, tag, metrics, credit, role)] = rows
    assert (function, model, tag, credit, role) == ("AI_COMPLETE", MODEL, "HCS0001:chat", None, "ACCOUNTADMIN")
    assert [metric["value"] for metric in json.loads(metrics)] == [3, answered]


def test_a_procedure_may_ask(roles: Roles) -> None:
    body = f"def main(session):\n    return session.sql(\"SELECT AI_COMPLETE('{MODEL}', 'x')\").collect()[0][0]"
    roles.admin.execute(
        "CREATE OR REPLACE PROCEDURE ask() RETURNS VARCHAR LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'main' "
        f"PACKAGES = ('snowflake-snowpark-python') AS $$\n{body}\n$$"
    )
    assert roles.rows("ACCOUNTADMIN", "CALL ask()")[0][0].startswith("[Stand-in")
