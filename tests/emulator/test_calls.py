"""Procedures: called with the right arguments, with the right rights, and undone where they began a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from emulator.snowflake.sql import Connection
from tests.emulator.account_roles import Roles, copied, set_up
from tests.emulator.account_sessions import refused
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import serving

SETTING = """
CREATE DATABASE d
CREATE SCHEMA d.s
CREATE WAREHOUSE w
CREATE ROLE keeper
CREATE ROLE app
CREATE TABLE d.s.notes (id INT, who VARCHAR, seen_as VARCHAR)
GRANT USAGE ON DATABASE d TO ROLE app
GRANT USAGE ON SCHEMA d.s TO ROLE app
GRANT USAGE ON WAREHOUSE w TO ROLE app
GRANT CREATE PROCEDURE ON SCHEMA d.s TO ROLE app
GRANT USAGE ON FUTURE PROCEDURES IN SCHEMA d.s TO ROLE app
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Path:
    return set_up(tmp_path_factory.mktemp("calls") / "account", key_pair, SETTING)


@pytest.fixture
def roles(template: Path, tmp_path: Path) -> Iterator[Roles]:
    with copied(template, tmp_path / "account") as roles:
        yield roles


def procedure(
    connection: Connection, arguments: str, body: str, *, returns: str = "VARIANT", name: str = "p", more: str = ""
) -> None:
    """Make a Python procedure whose handler is `main`."""
    connection.execute(
        f"CREATE OR REPLACE PROCEDURE {name}({arguments}) RETURNS {returns} LANGUAGE PYTHON RUNTIME_VERSION = '3.11' "
        f"PACKAGES = ('snowflake-snowpark-python') HANDLER = 'main' {more} AS $$\n{body}\n$$"
    )


def answer(connection: Connection, sql: str, parameters: Any = None) -> Any:
    ((found,),) = connection.execute(sql, parameters).rows
    return found


ECHO = "def main(session, *given):\n    return [[type(one).__name__, str(one)] for one in given]"


class TestArguments:
    def test_they_come_as_pythons_types(self, roles: Roles) -> None:
        procedure(
            roles.admin,
            "a VARCHAR, b INT, c NUMBER(9,2), d FLOAT, e BOOLEAN, f VARIANT, g ARRAY, h DATE, i BINARY",
            ECHO,
        )
        found = json.loads(
            answer(roles.admin, "CALL p('x', 1, 2.5, 0.5, TRUE, {'k': [1]}, [1, 'b'], '2026-01-02', X'FF')")
        )
        assert [type_ for type_, _ in found] == [
            "str", "int", "Decimal", "float", "bool", "dict", "list", "date", "bytes",
        ]  # fmt: skip
        assert found[5][1] == "{'k': [1]}"
        assert json.loads(answer(roles.admin, "CALL p(" + ", ".join(["NULL"] * 9) + ")")) == [["NoneType", "None"]] * 9

    @pytest.mark.parametrize(
        ("call", "expected"),
        [
            ("CALL p('x', 2)", "x2!"),
            ("CALL p(b => 3, a => 'y')", "y3!"),
            ("CALL p('x', b => 3)", "x3!"),
            ("CALL p(7, '8', '?')", "78?"),
            ("CALL p(UPPER('x'), 1 + 1, c => CURRENT_ROLE())", "X2ACCOUNTADMIN"),
            ("CALL D.S.P($who, 1)", "me1!"),
        ],
    )
    def test_by_position_by_name_and_by_default(self, roles: Roles, call: str, expected: str) -> None:
        body = "def main(session, a, b, c):\n    return a + str(b) + c"
        procedure(roles.admin, "a VARCHAR, b INT, c VARCHAR DEFAULT '!'", body, returns="VARCHAR")
        roles.admin.execute("SET who = 'me'")
        assert answer(roles.admin, call) == expected

    def test_bind_variables(self, roles: Roles) -> None:
        procedure(roles.admin, "a VARCHAR, b INT", ECHO)
        assert json.loads(answer(roles.admin, "CALL p(?, ? + 1)", ["it's", 4])) == [["str", "it's"], ["int", "5"]]

    @pytest.mark.parametrize(
        ("call", "types"),
        [
            ("CALL p()", "()"),
            ("CALL p('x')", "(VARCHAR)"),
            ("CALL p('x', 1, 2)", "(VARCHAR, NUMBER, NUMBER)"),
            ("CALL p('x', TRUE)", "(VARCHAR, BOOLEAN)"),
            ("CALL p('x', c => 1)", "(VARCHAR, C => NUMBER)"),
            ("CALL p('x', a => 1)", "(VARCHAR, A => NUMBER)"),
        ],
    )
    def test_wrong_ones_are_refused_before_anything_runs(self, roles: Roles, call: str, types: str) -> None:
        body = "def main(session, a, b):\n    session.sql('INSERT INTO notes (id) VALUES (1)').collect()"
        procedure(roles.admin, "a VARCHAR, b DATE", body)
        with refused(1044, f"Invalid argument types for function 'P': {types}", "42P13"):
            roles.admin.execute(call)
        with refused(100040):
            roles.admin.execute("CALL p('x', 'no date')")
        assert answer(roles.admin, "SELECT COUNT(*) FROM notes") == 0

    def test_the_overload_that_fits_best(self, roles: Roles) -> None:
        for type_ in ("VARCHAR", "INT"):
            procedure(roles.admin, f"a {type_}", f"def main(session, a):\n    return '{type_}'", returns="VARCHAR")
        assert answer(roles.admin, "CALL p('1')") == "VARCHAR"
        assert answer(roles.admin, "CALL p(1)") == "INT"

    def test_strict_procedures_are_not_run_for_nothing(self, roles: Roles) -> None:
        procedure(roles.admin, "a INT", ECHO, more="STRICT")
        assert answer(roles.admin, "CALL p(NULL)") is None


class TestResults:
    @pytest.mark.parametrize(
        ("returns", "value", "type_", "expected"),
        [
            ("VARCHAR", "'a'", "TEXT", "a"),
            ("NUMBER(9,1)", "2.25", "FIXED", "2.2"),
            ("INT", "7", "FIXED", "7"),
            ("FLOAT", "1", "REAL", "1.0"),
            ("BOOLEAN", "True", "BOOLEAN", "True"),
            ("DATE", "datetime.date(2026, 1, 2)", "DATE", "2026-01-02"),
            ("VARIANT", "{'b': 1, 'a': [None]}", "VARIANT", '{\n  "a": [\n    null\n  ],\n  "b": 1\n}'),
            ("ARRAY", "[1]", "ARRAY", "[\n  1\n]"),
        ],
    )
    def test_they_have_the_declared_type(
        self, roles: Roles, returns: str, value: str, type_: str, expected: str
    ) -> None:
        procedure(roles.admin, "", f"import datetime\ndef main(session):\n    return {value}", returns=returns)
        result = roles.admin.execute("CALL p()")
        assert [(column.name, column.type) for column in result.columns] == [("P", type_)]
        assert str(result.rows[0][0]) == expected

    @pytest.mark.parametrize(
        ("returns", "value"), [("VARCHAR", "{}"), ("INT", "'x'"), ("OBJECT", "[]"), ("VARIANT", "object()")]
    )
    def test_what_is_not_of_the_type_is_an_error(self, roles: Roles, returns: str, value: str) -> None:
        procedure(roles.admin, "", f"def main(session):\n    return {value}", returns=returns)
        with refused(100357):
            roles.admin.execute("CALL p()")

    def test_a_table(self, roles: Roles) -> None:
        body = "def main(session, n):\n    return session.sql('SELECT ? AS x, ? AS y', params=[n, 'a'])"
        procedure(roles.admin, "n INT", body, returns="TABLE (number INT, letter VARCHAR)")
        result = roles.admin.execute("CALL p(3)")
        assert [column.name for column in result.columns] == ["NUMBER", "LETTER"]
        assert result.rows == [(3, "a")]


class TestRows:
    def test_by_name_by_position_and_as_a_dict(self, roles: Roles) -> None:
        body = """
def main(session):
    row = session.sql("SELECT ? AS ONE, ? AS TWO", params=[1, "b"]).collect()[0]
    try:
        row["three"]
    except KeyError as error:
        missing = str(error)
    return [row["ONE"], row[1], row.TWO, row.as_dict(), len(row), missing]
"""
        procedure(roles.admin, "", body)
        expected = [1, "b", "b", {"ONE": 1, "TWO": "b"}, 2, "'three'"]
        assert json.loads(answer(roles.admin, "CALL p()")) == expected

    def test_changes_answer_with_their_counts(self, roles: Roles) -> None:
        body = """
def main(session):
    made = session.sql("INSERT INTO notes (id) SELECT ? UNION ALL SELECT 2", params=[1]).collect()
    gone = session.sql("DELETE FROM notes WHERE id = 2").collect()
    return [made[0][0], made[0].as_dict(), gone[0][0]]
"""
        procedure(roles.admin, "", body)
        assert json.loads(answer(roles.admin, "CALL p()")) == [2, {"number of rows inserted": 2}, 1]


WHO = """
def main(session):
    session.sql("INSERT INTO notes SELECT 1, CURRENT_USER(), CURRENT_ROLE()").collect()
    return session.sql("SELECT seen_as FROM d.s.notes").collect()[0][0]
"""


class TestRights:
    def test_the_owners_by_default(self, roles: Roles) -> None:
        procedure(roles.admin, "", WHO, returns="VARCHAR")
        app = roles.as_role("APP")
        assert answer(app, "CALL p()") == "ACCOUNTADMIN"
        with refused(2003):
            app.execute("SELECT * FROM notes")
        assert app.session.role == "APP"

    def test_the_callers_where_it_says_so(self, roles: Roles) -> None:
        procedure(roles.admin, "", WHO, returns="VARCHAR", more="EXECUTE AS CALLER")
        with refused(100357, "SnowparkSQLException: (1304): 002003 (42S02)"):
            roles.as_role("APP").execute("CALL p()")
        roles.run("GRANT SELECT, INSERT ON TABLE notes TO ROLE app")
        assert answer(roles.as_role("APP"), "CALL p()") == "APP"

    def test_usage_is_needed(self, roles: Roles) -> None:
        procedure(roles.admin, "", ECHO, name="mine")
        roles.run("REVOKE USAGE ON PROCEDURE mine() FROM ROLE app")
        with refused(2141, "Unknown user-defined function D.S.MINE", "42601"):
            roles.as_role("APP").execute("CALL mine()")
        with refused(2141):
            roles.admin.execute("CALL none_such()")

    @pytest.mark.parametrize("statement", ["USE ROLE app", "SET x = 1", "ALTER SESSION SET QUERY_TAG = 'x'"])
    def test_an_owners_procedure_leaves_the_session_alone(self, roles: Roles, statement: str) -> None:
        procedure(roles.admin, "", f'def main(session):\n    session.sql("{statement}").collect()')
        with refused(100357, "Unsupported statement type"):
            roles.admin.execute("CALL p()")

    def test_only_a_callers_procedure_sees_the_callers_variables(self, roles: Roles) -> None:
        body = "def main(session):\n    return session.sql('SELECT $own').collect()[0][0]"
        roles.admin.execute("SET own = 'mine'")
        procedure(roles.admin, "", body, more="EXECUTE AS CALLER")
        assert answer(roles.admin, "CALL p()") == '"mine"'
        procedure(roles.admin, "", body)
        with refused(100357, "Session variable '$OWN' does not exist"):
            roles.admin.execute("CALL p()")

    def test_names_are_looked_up_from_the_procedure(self, roles: Roles) -> None:
        procedure(roles.admin, "", WHO, returns="VARCHAR")
        roles.run("CREATE SCHEMA d.elsewhere")
        assert answer(roles.admin, "CALL d.s.p()") == "ACCOUNTADMIN"

    def test_procedures_call_procedures(self, roles: Roles) -> None:
        procedure(roles.admin, "n INT", "def main(session, n):\n    return n * 2", name="twice", returns="INT")
        body = "def main(session):\n    return session.sql('CALL twice(?)', params=[21]).collect()[0]['TWICE']"
        procedure(roles.admin, "", body, returns="INT")
        assert answer(roles.as_role("APP"), "CALL p()") == 42


class TestErrors:
    def test_what_the_handler_raises(self, roles: Roles) -> None:
        procedure(roles.admin, "a INT", "def main(session, a):\n    raise ValueError(f'no {a}')")
        with refused(100357, sqlstate="P0000") as caught:
            roles.admin.execute("CALL p(1)")
        assert caught.value.message == (
            "Python Interpreter Error:\nTraceback (most recent call last):\n"
            '  File "_udf_code.py", line 3, in main\nValueError: no 1\n in function P with handler main'
        )

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("def main(session:", "SyntaxError"),
            ("def other(session): pass", "has no attribute 'main'"),
            ("import duckdb\ndef main(session): pass", "ModuleNotFoundError: No module named 'duckdb'"),
            ("def main(session):\n    import emulator.cloud", "No module named 'emulator'"),
            ("def main(session):\n    session.table('NOTES')", "Session.table is not built in the embedded Snowflake"),
            ("def main(session):\n    raise SystemExit(3)", "SystemExit: 3"),
            ("def main(session, a): pass", "TypeError"),
        ],
    )
    def test_what_is_wrong_with_it(self, roles: Roles, body: str, words: str) -> None:
        procedure(roles.admin, "", body)
        with refused(100357, words):
            roles.admin.execute("CALL p()")

    def test_declared_packages_and_the_standard_library(self, roles: Roles) -> None:
        body = """
from __future__ import annotations
import dataclasses, json, pyarrow
@dataclasses.dataclass
class Point:
    x: int
def main(session: Session) -> str:
    return json.dumps(dataclasses.asdict(Point(1))) + pyarrow.__name__
"""
        procedure(roles.admin, "", body, returns="VARCHAR")
        with refused(100357, "No module named 'pyarrow'"):
            roles.admin.execute("CALL p()")
        roles.admin.execute(
            "CREATE OR REPLACE PROCEDURE p() RETURNS VARCHAR LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'main' "
            f"PACKAGES = ('snowflake-snowpark-python', 'pyarrow==*') AS $${body}$$"
        )
        assert answer(roles.admin, "CALL p()") == '{"x": 1}pyarrow'

    def test_a_handler_may_catch_what_snowflake_refuses(self, roles: Roles) -> None:
        body = """
def main(session):
    try:
        session.sql("SELECT * FROM none_such").collect()
    except Exception as error:
        return [type(error).__name__, error.sql_error_code]
"""
        procedure(roles.admin, "", body)
        assert json.loads(answer(roles.admin, "CALL p()")) == ["SnowparkSQLException", 2003]


WRITE_AND_FAIL = """
def main(session, begin, end):
    if begin:
        session.sql("BEGIN TRANSACTION").collect()
    session.sql("INSERT INTO notes (id) VALUES (1)").collect()
    if end == "fail":
        raise ValueError("late")
    if end:
        session.sql(end).collect()
    return session.sql("SELECT COUNT(*) FROM notes").collect()[0][0]
"""


class TestFunctions:
    def test_what_a_functions_handler_raises_and_may_import(self, roles: Roles) -> None:
        head = "CREATE FUNCTION f(a INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'main'"
        with refused(100357, "No module named 'duckdb'"):
            roles.admin.execute(f"{head} AS 'import duckdb\ndef main(a): return a'")
        roles.admin.execute(f"{head} AS 'import math\ndef main(a): return math.isqrt(a)'")
        assert answer(roles.admin, "SELECT f(9)") == 3
        with refused(100357, "ValueError: isqrt() argument must be nonnegative", "P0000"):
            roles.admin.execute("SELECT d.s.f(-1)")


class TestTransactions:
    @pytest.fixture
    def writer(self, roles: Roles) -> Connection:
        procedure(roles.admin, "begin_ BOOLEAN, end_ VARCHAR", WRITE_AND_FAIL)
        return roles.admin

    def test_each_statement_stands_for_itself(self, writer: Connection) -> None:
        with refused(100357, "late"):
            writer.execute("CALL p(FALSE, 'fail')")
        assert answer(writer, "SELECT COUNT(*) FROM notes") == 1

    def test_a_transaction_of_its_own_is_undone_by_an_error(self, writer: Connection) -> None:
        with refused(100357, "late"):
            writer.execute("CALL p(TRUE, 'fail')")
        assert answer(writer, "SELECT COUNT(*) FROM notes") == 0
        assert answer(writer, "CALL p(TRUE, 'COMMIT')") == "1"
        assert answer(writer, "CALL p(TRUE, 'ROLLBACK')") == "1"

    def test_one_that_is_left_open_is_undone_and_told(self, writer: Connection) -> None:
        with refused(90232, "is incomplete and it was rolled back"):
            writer.execute("CALL p(TRUE, NULL)")
        assert answer(writer, "SELECT COUNT(*) FROM notes") == 0

    def test_the_callers_transaction_holds_what_it_did(self, writer: Connection) -> None:
        writer.execute("BEGIN")
        assert answer(writer, "CALL p(FALSE, NULL)") == "1"
        with refused(100357, "within a transaction"):
            writer.execute("CALL p(FALSE, 'COMMIT')")
        writer.execute("ROLLBACK")
        assert answer(writer, "SELECT COUNT(*) FROM notes") == 0


class TestSql:
    def test_statements_and_a_value(self, roles: Roles) -> None:
        roles.admin.execute("""
            CREATE PROCEDURE add_note(id INT, who VARCHAR) RETURNS VARCHAR LANGUAGE SQL AS $$
            BEGIN
                INSERT INTO notes (id, who) VALUES (:id, :who);
                UPDATE notes SET seen_as = 'x' WHERE id = :id;
                RETURN who || '!';
            END;
            $$""")
        assert answer(roles.as_role("APP"), "CALL add_note(1, 'a')") == "a!"
        assert roles.admin.execute("SELECT * FROM notes").rows == [(1, "a", "x")]

    def test_one_statement(self, roles: Roles) -> None:
        roles.admin.execute("CREATE PROCEDURE wipe() RETURNS VARCHAR LANGUAGE SQL AS 'DELETE FROM notes'")
        roles.run("INSERT INTO notes (id) VALUES (1)")
        assert answer(roles.admin, "CALL wipe()") is None
        assert answer(roles.admin, "SELECT COUNT(*) FROM notes") == 0

    @pytest.mark.parametrize(
        "block", ["LET x := 1", "IF (TRUE) THEN RETURN 1; END IF", "FOR i IN 1 TO 2 DO NULL; END FOR"]
    )
    def test_scripting_is_refused_by_its_words_before_anything_runs(self, roles: Roles, block: str) -> None:
        roles.admin.execute(
            f"CREATE PROCEDURE s() RETURNS INT LANGUAGE SQL AS $$ BEGIN DELETE FROM notes; {block}; RETURN 1; END $$"
        )
        roles.run("INSERT INTO notes (id) VALUES (1)")
        with refused(2, f"{block.split()[0]} (Snowflake Scripting)"):
            roles.admin.execute("CALL s()")
        assert answer(roles.admin, "SELECT COUNT(*) FROM notes") == 1

    def test_other_languages(self, roles: Roles) -> None:
        roles.admin.execute("CREATE PROCEDURE j() RETURNS INT LANGUAGE JAVASCRIPT AS 'return 1'")
        with refused(2, "procedures in JAVASCRIPT"):
            roles.admin.execute("CALL j()")


def test_the_official_connector_calls(roles: Roles, key_pair: KeyPair) -> None:
    procedure(roles.admin, "a VARCHAR, b INT", "def main(session, a, b):\n    return {'got': a * b}", returns="VARIANT")
    with (
        serving(roles.account, key_pair) as endpoint,
        endpoint.connect(role="ACCOUNTADMIN", warehouse="W", database="D", schema="S") as client,
    ):
        cursor = client.cursor()
        assert json.loads(cursor.execute("CALL p('x', %s)", (2,)).fetchone()[0]) == {"got": "xx"}  # type: ignore[union-attr,index]
        assert cursor.callproc("p", ("y", 3)) == ("y", 3)
        assert json.loads(cursor.fetchone()[0]) == {"got": "yyy"}  # type: ignore[index]
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
            cursor.execute("CALL p('x', TRUE)")
        assert caught.value.errno == 1044
