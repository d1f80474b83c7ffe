"""EXECUTE IMMEDIATE, and what a script asks before it changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.snowflake.account import SnowflakeError
from tests.emulator.account_roles import Roles, copied, set_up
from tests.emulator.snowflake_provider import KeyPair

_SCRIPT = """
CREATE WAREHOUSE W
CREATE DATABASE D
CREATE SCHEMA D.S
CREATE TABLE D.S.T (A NUMBER, B VARCHAR)
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Path:
    return set_up(tmp_path_factory.mktemp("scripting") / "account", key_pair, _SCRIPT)


@pytest.fixture
def roles(template: Path, tmp_path: Path) -> Iterator[Roles]:
    with copied(template, tmp_path / "account") as roles:
        yield roles


def test_a_text_is_run_as_the_statement_that_it_is(roles: Roles) -> None:
    assert roles.rows("ACCOUNTADMIN", "EXECUTE IMMEDIATE 'SELECT 1 + 1'") == [(2,)]
    roles.admin.execute("EXECUTE IMMEDIATE $$ INSERT INTO T VALUES (1, 'one') $$")
    assert roles.rows("ACCOUNTADMIN", "SELECT * FROM T") == [(1, "one")]


def test_a_block_takes_the_first_branch_that_is_true(roles: Roles) -> None:
    block = """
        EXECUTE IMMEDIATE $$
        BEGIN
            INSERT INTO T VALUES (0, 'always');
            IF (EXISTS (SELECT 1 FROM T WHERE A > 9)) THEN
                INSERT INTO T VALUES (1, 'if');
            ELSEIF ((SELECT COUNT(*) FROM T) = 1) THEN
                INSERT INTO T VALUES (2, CASE WHEN 1 = 1 THEN 'elseif; here' END);
                IF (NULL) THEN INSERT INTO T VALUES (9, 'never'); END IF;
            ELSE
                INSERT INTO T VALUES (3, 'else');
            END IF;
        END;
        $$
    """
    answer = roles.admin.execute(block)
    assert (answer.columns[0].name, answer.rows) == ("anonymous block", [(None,)])
    assert roles.rows("ACCOUNTADMIN", "SELECT B FROM T ORDER BY A") == [("always",), ("elseif; here",)]
    roles.admin.execute(block)
    assert roles.rows("ACCOUNTADMIN", "SELECT B FROM T WHERE A = 3") == [("else",)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("'BEGIN INSERT INTO T VALUES (1, NULL); LET X := 1; END'", "LET"),
        ("'BEGIN INSERT INTO T VALUES (1, NULL); RETURN 1; END'", "RETURN"),
        ("'BEGIN INSERT INTO T VALUES (1, NULL); EXCEPTION WHEN OTHER THEN SELECT 1; END'", "EXCEPTION"),
        ("'DECLARE X INT; BEGIN SELECT 1; END'", "DECLARE"),
        ("$STATEMENT", "only a text is run"),
        ("'SELECT ?' USING (X)", "USING"),
        ("'BEGIN IF EXISTS (SELECT 1) THEN SELECT 1; END IF; END'", "a condition stands in brackets"),
        ("'BEGIN INSERT INTO T VALUES (1, NULL); IF (TRUE) THEN SELECT 1; END'", "IF is expected"),
        ("'BEGIN IF (1 + 1) THEN SELECT 1; END IF; END'", "BOOLEAN is expected"),
    ],
)
def test_what_is_not_built_or_wrong_is_refused_before_anything_runs(roles: Roles, text: str, why: str) -> None:
    with pytest.raises(SnowflakeError) as refused:
        roles.admin.execute(f"EXECUTE IMMEDIATE {text}")
    assert why in str(refused.value)
    assert roles.rows("ACCOUNTADMIN", "SELECT COUNT(*) FROM T") == [(0,)]


def test_a_block_acts_with_the_rights_of_who_runs_it(roles: Roles) -> None:
    roles.run("GRANT USAGE ON DATABASE D TO ROLE PUBLIC\nGRANT USAGE ON SCHEMA D.S TO ROLE PUBLIC")
    with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
        roles.as_role("PUBLIC").execute("EXECUTE IMMEDIATE 'BEGIN DROP TABLE D.S.T; END'")


def test_a_constraint_is_found_and_not_added_twice(roles: Roles) -> None:
    add = "ALTER TABLE T ADD CONSTRAINT ONE UNIQUE (A) NOT ENFORCED ENABLE NOVALIDATE RELY"
    roles.admin.execute(add)
    rows = roles.rows(
        "ACCOUNTADMIN",
        "SELECT CONSTRAINT_NAME, TABLE_NAME, CONSTRAINT_TYPE, ENFORCED, RELY"
        " FROM D.INFORMATION_SCHEMA.TABLE_CONSTRAINTS",
    )
    assert rows == [("ONE", "T", "UNIQUE", "NO", "YES")]
    with pytest.raises(SnowflakeError, match="Constraint 'ONE' already exists"):
        roles.admin.execute(add)
    roles.admin.execute("ALTER TABLE T ADD PRIMARY KEY (B)")
    with pytest.raises(SnowflakeError, match="primary key already exists for table 'T'"):
        roles.admin.execute("ALTER TABLE T ADD CONSTRAINT OTHER PRIMARY KEY (A)")
    for drop in ("CONSTRAINT ONE", "PRIMARY KEY"):
        roles.admin.execute(f"ALTER TABLE T DROP {drop}")
        with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
            roles.admin.execute(f"ALTER TABLE T DROP {drop}")
    assert roles.rows("ACCOUNTADMIN", "SELECT * FROM D.INFORMATION_SCHEMA.TABLE_CONSTRAINTS") == []


def test_what_show_answers_can_be_asked(roles: Roles) -> None:
    roles.run(
        "CREATE NETWORK RULE D.S.R TYPE = IPV4 VALUE_LIST = ('10.0.0.0/8') MODE = INGRESS\nSHOW NETWORK RULES LIKE 'R'"
    )
    answer = roles.admin.execute('SELECT "name", "entries_in_valuelist" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))')
    assert answer.rows == [("R", 1)]


def test_the_condition_of_an_alert_changes(roles: Roles) -> None:
    roles.run(
        "CREATE ALERT A WAREHOUSE = W SCHEDULE = '5 MINUTE' IF (EXISTS (SELECT 1 FROM T)) THEN SELECT 1\n"
        "ALTER ALERT A MODIFY CONDITION EXISTS (SELECT A FROM T WHERE A > 1)"
    )
    (row,) = roles.rows("ACCOUNTADMIN", "DESCRIBE ALERT A")
    assert "SELECT A FROM T WHERE A > 1" in row
