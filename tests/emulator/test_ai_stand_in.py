"""AI_COMPLETE's stand-in: it says what it is, answers alike, counts by its rule, and is for those who may."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection, execute
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


@pytest.mark.parametrize("call", [f"AI_COMPLETE('{MODEL}', 'x')", f"AI_COUNT_TOKENS('ai_complete', '{MODEL}', 'x')"])
def test_only_whoever_may_use_ai_functions_in_the_account(roles: Roles, call: str) -> None:
    app = roles.as_role("APP")
    held = [row[1:] for row in roles.admin.execute("SHOW GRANTS TO ROLE PUBLIC").rows if row[1] == "USE AI FUNCTIONS"]
    assert len(held) == 1
    roles.run("REVOKE USE AI FUNCTIONS ON ACCOUNT FROM ROLE PUBLIC")
    with refused(3001, "the privilege USE AI FUNCTIONS on the account", "42501"):
        app.execute(f"SELECT {call}")
    roles.run("GRANT USE AI FUNCTIONS ON ACCOUNT TO ROLE app")
    assert app.execute(f"SELECT {call}").rows
    roles.run("REVOKE USE AI FUNCTIONS ON ACCOUNT FROM ROLE app")
    roles.run("GRANT USE AI FUNCTIONS ON ACCOUNT TO ROLE PUBLIC")


def test_an_account_of_before_has_the_privilege_from_its_next_start_on(tmp_path: Path, key_pair: KeyPair) -> None:
    def held() -> set[tuple[str, bool]]:
        grants = account.grants_on("ACCOUNT")
        return {(each.grantee.name.sql(), each.grant_option) for each in grants if each.privilege == "USE AI FUNCTIONS"}

    with closing(Account(tmp_path)) as account:
        account.initialise(deploy_public_key=key_pair.public)
        before = held()
    with sqlite3.connect(next(tmp_path.glob("*.sqlite*"))) as catalogue:
        assert catalogue.execute("DELETE FROM grants WHERE privilege = 'USE AI FUNCTIONS'").rowcount == 2
    with closing(Account(tmp_path)) as account:
        assert held() == before == {('"ACCOUNTADMIN"', True), ('"PUBLIC"', False)}
        # What was taken from PUBLIC stays so.
        session = account.session("NEXUS_DEPLOY", "ACCOUNTADMIN")
        execute(session, "REVOKE USE AI FUNCTIONS ON ACCOUNT FROM ROLE PUBLIC")
    with closing(Account(tmp_path)) as account:
        assert held() == {('"ACCOUNTADMIN"', True)}


OTHER = "claude-4-opus"
REVOKE = "CALL SNOWFLAKE.LOCAL.REVOKE_FROM_PUBLIC_APPLICATION_ROLE('APP_ROLE', 'CORTEX-MODEL-ROLE-ALL')"
GRANT = "CALL SNOWFLAKE.LOCAL.GRANT_TO_PUBLIC_APPLICATION_ROLE('APP_ROLE', 'CORTEX-MODEL-ROLE-ALL')"


@pytest.fixture
def app(roles: Roles) -> Iterator[Connection]:
    """A role that may call models, on an account that lets nobody use one but who is granted it."""
    roles.run(f"ALTER ACCOUNT SET CORTEX_MODELS_ALLOWLIST = 'None'\n{REVOKE}")
    yield roles.as_role("APP")
    roles.run(f"ALTER ACCOUNT UNSET CORTEX_MODELS_ALLOWLIST\n{GRANT}")


def asks(model: str) -> str:
    return f"SELECT AI_COMPLETE('{model}', 'x'), AI_COUNT_TOKENS('ai_complete', '{model}', 'x')"


def test_models_by_role(roles: Roles, app: Connection) -> None:
    with refused(100351, "CORTEX-MODEL-ROLE-CLAUDE-SONNET-4-5"):
        app.execute(asks(MODEL))
    assert roles.admin.execute(asks(MODEL)).rows  # ACCOUNTADMIN may use them all
    roles.run('GRANT APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-CLAUDE-SONNET-4-5" TO ROLE app')
    assert app.execute(asks(MODEL)).rows
    with refused(100351, OTHER):
        app.execute(asks(OTHER))
    assert [tuple(row[:4]) for row in granted(roles, "SHOW GRANTS TO ROLE app", "APPLICATION_ROLE")] == [
        ("USAGE", "APPLICATION_ROLE", 'SNOWFLAKE."CORTEX-MODEL-ROLE-CLAUDE-SONNET-4-5"', "ROLE")
    ]
    roles.run('REVOKE APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-CLAUDE-SONNET-4-5" FROM ROLE app')
    with refused(100351, MODEL):
        app.execute(asks(MODEL))


def granted(roles: Roles, show: str, kind: str) -> list[tuple[Any, ...]]:
    return [row[1:] for row in roles.admin.execute(show).rows if row[2] == kind]


def test_models_by_the_accounts_list(roles: Roles, app: Connection) -> None:
    roles.run(f"ALTER ACCOUNT SET CORTEX_MODELS_ALLOWLIST = '{MODEL}'")
    assert app.execute(asks(MODEL)).rows
    with refused(100351, "CORTEX_MODELS_ALLOWLIST"):
        app.execute(asks(OTHER))


def test_a_new_account_lets_everybody_use_every_model(roles: Roles, app: Connection) -> None:
    """By a grant that no REVOKE takes away."""
    public = "SHOW GRANTS TO APPLICATION ROLE SNOWFLAKE.PUBLIC"
    assert granted(roles, public, "APPLICATION_ROLE") == []
    with refused(3102):
        app.execute(GRANT)
    roles.run(GRANT)
    assert granted(roles, public, "APPLICATION_ROLE")[0][2] == 'SNOWFLAKE."CORTEX-MODEL-ROLE-ALL"'
    assert app.execute(asks(OTHER)).rows
    with refused(3102):
        roles.run('REVOKE APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-ALL" FROM APPLICATION ROLE SNOWFLAKE.PUBLIC')
    assert app.execute(asks(OTHER)).rows


@pytest.mark.parametrize(
    ("statement", "errno", "words"),
    [
        ('GRANT APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-GPT-9" TO ROLE app', 2003, "CORTEX-MODEL-ROLE-GPT-9"),
        ('GRANT APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-ALL" TO DATABASE ROLE d.x', 2003, "X"),
        ("GRANT USAGE ON DATABASE d TO APPLICATION ROLE SNOWFLAKE.PUBLIC", 3102, "the application itself"),
        ("CREATE APPLICATION ROLE d.mine", 3001, ""),
        ("DROP APPLICATION ROLE SNOWFLAKE.PUBLIC", 3001, ""),
        ("CALL SNOWFLAKE.LOCAL.REVOKE_FROM_PUBLIC_APPLICATION_ROLE('PRIVILEGE', 'USE_AI_FUNCTIONS')", 2, "PRIVILEGE"),
    ],
)
def test_what_application_roles_refuse(roles: Roles, statement: str, errno: int, words: str) -> None:
    with refused(errno, words):
        roles.run(statement)


def test_only_administrators_grant_application_roles(roles: Roles, app: Connection) -> None:
    with refused(2003):
        app.execute('GRANT APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-CLAUDE-4-OPUS" TO ROLE app')
    shown = roles.admin.execute("SHOW APPLICATION ROLES LIKE '%CLAUDE-4%' IN APPLICATION SNOWFLAKE").rows
    assert [row[1] for row in shown] == ["CORTEX-MODEL-ROLE-CLAUDE-4-OPUS", "CORTEX-MODEL-ROLE-CLAUDE-4-SONNET"]


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
