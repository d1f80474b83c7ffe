"""SNOWFLAKE.ACCOUNT_USAGE: what the account saw, under Snowflake's names, for whoever may read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import snowflake.connector

from components.snowflake.account_usage import ACCOUNT_USAGE as READ_BY_THE_MONITORING
from emulator.snowflake.account import Account, ObjectName, SnowflakeError
from emulator.snowflake.account.history import History
from emulator.snowflake.account.usage_views import VIEWS
from emulator.snowflake.sql.account_usage import query_type
from tests.emulator.account_roles import Roles, copied, set_up
from tests.emulator.account_sessions import refused
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import serving

SETTING = """
CREATE DATABASE d
CREATE SCHEMA d.s
CREATE WAREHOUSE w WAREHOUSE_SIZE = SMALL AUTO_SUSPEND = 60
CREATE ROLE reader
GRANT USAGE ON WAREHOUSE w TO ROLE reader
CREATE TABLE d.s.t (a INT, b VARCHAR)
INSERT INTO d.s.t VALUES (1, 'one'), (2, 'two')
"""
USAGE = "SNOWFLAKE.ACCOUNT_USAGE"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Path:
    return set_up(tmp_path_factory.mktemp("usage") / "account", key_pair, SETTING)


@pytest.fixture
def roles(template: Path, tmp_path: Path) -> Iterator[Roles]:
    with copied(template, tmp_path / "account") as roles:
        yield roles


def seen(roles: Roles, sql: str) -> list[tuple[Any, ...]]:
    return roles.admin.execute(sql).rows


class TestViews:
    def test_every_one_answers_with_its_columns(self, roles: Roles) -> None:
        for (schema, name), view in VIEWS.items():
            result = roles.admin.execute(f"SELECT * FROM SNOWFLAKE.{schema}.{name} LIMIT 1")
            assert [column.name for column in result.columns] == [column for column, _ in view.columns]

    @pytest.mark.parametrize("name", READ_BY_THE_MONITORING)
    def test_they_have_what_the_monitoring_reads(self, name: str) -> None:
        view = VIEWS["ACCOUNT_USAGE", name]
        assert tuple(column for column, _ in view.columns) == READ_BY_THE_MONITORING[name].columns
        assert view.role == READ_BY_THE_MONITORING[name].database_role

    def test_who_may_read_them(self, roles: Roles) -> None:
        with refused(2003):
            roles.rows("READER", f"SELECT * FROM {USAGE}.LOGIN_HISTORY")
        roles.run("GRANT DATABASE ROLE SNOWFLAKE.SECURITY_VIEWER TO ROLE reader")
        assert roles.rows("READER", f"SELECT * FROM {USAGE}.LOGIN_HISTORY") == []
        with refused(2003):
            roles.rows("READER", f"SELECT QUERY_TEXT FROM {USAGE}.QUERY_HISTORY")
        roles.run("GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE reader")
        assert roles.rows("READER", f"SELECT COUNT(*) > 5 FROM {USAGE}.QUERY_HISTORY") == [(True,)]

    def test_views_of_ones_own_are_made_of_them(self, roles: Roles) -> None:
        roles.run(f"""
            CREATE VIEW d.s.by_role AS SELECT h.ROLE_NAME, COUNT(*) AS n FROM {USAGE}.QUERY_HISTORY h GROUP BY ALL
            GRANT USAGE ON DATABASE d TO ROLE reader
            GRANT USAGE ON SCHEMA d.s TO ROLE reader
            GRANT SELECT ON VIEW d.s.by_role TO ROLE reader
        """)
        assert roles.rows("READER", "SELECT ROLE_NAME FROM d.s.by_role WHERE n > 5") == [("ACCOUNTADMIN",)]

    def test_nobody_changes_or_drops_them(self, roles: Roles) -> None:
        with pytest.raises(SnowflakeError):
            roles.admin.execute(f"DROP VIEW {USAGE}.LOGIN_HISTORY")
        with refused(2203):
            roles.admin.execute(f"DELETE FROM {USAGE}.LOGIN_HISTORY")
        with refused(2003):
            roles.admin.execute(f"SELECT * FROM {USAGE}.RESOURCE_MONITORS")

    def test_an_account_from_before_them_gets_them(self, roles: Roles, tmp_path: Path) -> None:
        users = ObjectName.parse(f"{USAGE}.USERS")
        roles.close()
        with sqlite3.connect(tmp_path / "account" / "catalogue.sqlite") as catalogue:
            catalogue.execute("DELETE FROM objects WHERE name = 'USERS'")
            catalogue.execute("DELETE FROM grants WHERE target NOT IN (SELECT identifier FROM objects)")
        catalogue.close()
        found = duckdb.connect(str(tmp_path / "account" / "data" / f"{_file_of(tmp_path)}.duckdb"))
        found.execute("DROP VIEW ACCOUNT_USAGE.USERS")
        found.close()
        again = Roles(Account(tmp_path / "account"))
        assert again.account.find("VIEW", users) is not None
        assert again.rows("ACCOUNTADMIN", f"SELECT NAME FROM {USAGE}.USERS") == [("NEXUS_DEPLOY",)]
        again.close()


def _file_of(directory: Path) -> int:
    """The identifier of the database SNOWFLAKE, by which its file is called."""
    with sqlite3.connect(directory / "account" / "catalogue.sqlite") as catalogue:
        ((identifier,),) = catalogue.execute(
            "SELECT identifier FROM objects WHERE kind = 'DATABASE' AND name = 'SNOWFLAKE'"
        )
    catalogue.close()
    return int(identifier)


class TestStatements:
    def test_what_became_of_them(self, roles: Roles) -> None:
        admin = roles.admin
        admin.execute("ALTER SESSION SET QUERY_TAG = 'HCS0001:chat'")
        admin.execute("UPDATE t SET b = 'x' WHERE a = 1")
        with refused(2003):
            admin.execute("SELECT * FROM none_such")
        rows = seen(
            roles,
            "SELECT QUERY_TYPE, EXECUTION_STATUS, ERROR_CODE, ROWS_UPDATED, WAREHOUSE_NAME, WAREHOUSE_SIZE, "
            f"DATABASE_NAME, SCHEMA_NAME, ROLE_NAME, USER_NAME FROM {USAGE}.QUERY_HISTORY "
            "WHERE QUERY_TAG = 'HCS0001:chat' AND QUERY_TYPE IN ('UPDATE', 'SELECT') ORDER BY START_TIME",
        )
        who = ("D", "S", "ACCOUNTADMIN", "NEXUS_DEPLOY")
        assert rows == [
            ("UPDATE", "SUCCESS", None, 1, "W", "SMALL", *who),
            ("SELECT", "FAIL", "002003", 0, "W", None, *who),
        ]

    def test_statements_of_procedures_name_the_call(self, roles: Roles) -> None:
        roles.run(
            "CREATE PROCEDURE p() RETURNS VARCHAR LANGUAGE SQL AS 'DELETE FROM t'",
        )
        call = roles.admin.execute("CALL p()").query_id
        rows = seen(
            roles,
            f"SELECT a.PARENT_QUERY_ID, h.QUERY_TEXT FROM {USAGE}.QUERY_ATTRIBUTION_HISTORY a "
            f"JOIN {USAGE}.QUERY_HISTORY h ON h.QUERY_ID = a.QUERY_ID WHERE '{call}' IN (a.QUERY_ID, a.ROOT_QUERY_ID) "
            "ORDER BY 2",
        )
        assert rows == [(None, "CALL p()"), (call, "DELETE FROM t")]

    def test_passwords_are_not_kept(self, roles: Roles) -> None:
        roles.run("CREATE USER u PASSWORD = 'Sehr''Geheim12345'")
        ((text,),) = seen(roles, f"SELECT QUERY_TEXT FROM {USAGE}.QUERY_HISTORY WHERE QUERY_TYPE = 'CREATE_USER'")
        assert text == "CREATE USER u PASSWORD = '********'"

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("select 1", "SELECT"),
            ("-- why\nWITH a AS (SELECT 1) SELECT * FROM a", "SELECT"),
            ("(SELECT 1)", "SELECT"),
            ("CREATE OR REPLACE TABLE t AS SELECT 1", "CREATE_TABLE_AS_SELECT"),
            ("CREATE ROW ACCESS POLICY p AS (a INT) RETURNS BOOLEAN -> TRUE", "CREATE_ROW_ACCESS_POLICY"),
            ("ALTER SESSION SET QUERY_TAG = 'x'", "ALTER_SESSION"),
            ("EXECUTE TASK t", "EXECUTE_TASK"),
            ("MERGE INTO t USING u ON TRUE WHEN MATCHED THEN DELETE", "MERGE"),
            ("BEGIN", "BEGIN_TRANSACTION"),
        ],
    )
    def test_their_types(self, text: str, kind: str) -> None:
        assert query_type(text) == kind

    def test_the_table_function_shows_ones_own(self, roles: Roles) -> None:
        roles.run("SELECT COUNT(*) FROM t")
        sql = "SELECT QUERY_TEXT FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY(RESULT_LIMIT => 1))"
        assert seen(roles, sql) == [("SELECT COUNT(*) FROM t",)]
        assert seen(roles, "SELECT QUERY_TEXT FROM TABLE(d.INFORMATION_SCHEMA.QUERY_HISTORY(NULL, NULL, 1)) x") == [
            (sql,)
        ]


class TestCredits:
    def test_a_warehouse_costs_what_it_ran(self, roles: Roles) -> None:
        history = roles.account.history
        start = datetime(2026, 11, 20, 9, 58, tzinfo=UTC)
        for after, lasts in ((0, 30), (60, 10), (600, 1)):
            begin = start + timedelta(seconds=after)
            history.note(
                "STATEMENT", id=str(after), parent=None, root=str(after), text="SELECT 1", database=None, schema=None,
                session=1, user="U", role="R", warehouse="W", ran=True, tag="", start=begin,
                end=begin + timedelta(seconds=lasts), rows=1, affected=0, error_code=None, error_message=None,
            )  # fmt: skip
        rows = seen(
            roles,
            "SELECT HOUR(CONVERT_TIMEZONE('UTC', START_TIME)), CREDITS_USED, "
            "CREDITS_ATTRIBUTED_COMPUTE_QUERIES, "
            f"CREDITS_USED_CLOUD_SERVICES FROM {USAGE}.WAREHOUSE_METERING_HISTORY "
            "WHERE START_TIME < '2026-11-21' ORDER BY START_TIME",
        )
        # SMALL: 2 credits an hour. From 9:58:00 to 10:00:10, not idle for its 60 seconds between, and from 10:08:00 to
        # 10:09:01.
        second = Decimal(2) / 3600
        assert [(hour, round(used, 6), round(own, 6), cloud) for hour, used, own, cloud in rows] == [
            (9, round(120 * second, 6), round(40 * second, 6), None),
            (10, round(71 * second, 6), round(1 * second, 6), None),
        ]
        metering = f"SELECT SERVICE_TYPE, NAME FROM {USAGE}.METERING_HISTORY WHERE START_TIME < '2026-11-21'"
        assert seen(roles, metering) == [("WAREHOUSE_METERING", "W")] * 2


class TestGrants:
    def test_given_and_taken_back(self, roles: Roles) -> None:
        roles.run("""
            GRANT SELECT ON TABLE t TO ROLE reader
            REVOKE SELECT ON TABLE t FROM ROLE reader
            GRANT ROLE reader TO USER nexus_deploy
            REVOKE ROLE reader FROM USER nexus_deploy
        """)
        rows = seen(
            roles,
            f"SELECT GRANTED_ON, NAME, TABLE_CATALOG, TABLE_SCHEMA, DELETED_ON IS NULL FROM {USAGE}.GRANTS_TO_ROLES "
            "WHERE GRANTEE_NAME = 'READER' AND PRIVILEGE IN ('USAGE', 'SELECT') ORDER BY NAME",
        )
        assert rows == [("TABLE", "T", "D", "S", False), ("WAREHOUSE", "W", None, None, True)]
        users = f"SELECT ROLE, DELETED_ON IS NULL FROM {USAGE}.GRANTS_TO_USERS ORDER BY 1"
        assert seen(roles, users)[-3:] == [("SECURITYADMIN", True), ("SYSADMIN", True), ("USERADMIN", True)]
        assert ("READER", False) in seen(roles, users)

    def test_what_goes_with_a_dropped_object_was_taken_back(self, roles: Roles) -> None:
        roles.run("DROP WAREHOUSE w")
        sql = f"SELECT DELETED_ON IS NULL FROM {USAGE}.GRANTS_TO_ROLES WHERE NAME = 'W' AND GRANTEE_NAME = 'READER'"
        roles.run("CREATE WAREHOUSE other")
        assert seen(roles, sql) == [(False,)]


class TestStorage:
    def test_bytes_of_tables_and_databases(self, roles: Roles) -> None:
        before = f"SELECT ACTIVE_BYTES, TIME_TRAVEL_BYTES, TABLE_CATALOG FROM {USAGE}.TABLE_STORAGE_METRICS"
        # {"A":1,"B":"one"} and {"A":2,"B":"two"}
        assert seen(roles, before) == [(34, None, "D")]
        sizes = f"SELECT DATABASE_NAME, AVERAGE_DATABASE_BYTES > 1000 FROM {USAGE}.DATABASE_STORAGE_USAGE_HISTORY"
        assert seen(roles, sizes) == [("D", True)]


class TestLogIns:
    def test_good_and_bad(self, roles: Roles, key_pair: KeyPair, other_key_pair: KeyPair) -> None:
        with serving(roles.account, key_pair) as endpoint:
            with endpoint.connect() as client:
                client.cursor().execute("SELECT 1")
            endpoint.keys = other_key_pair
            with pytest.raises(snowflake.connector.errors.DatabaseError):
                endpoint.connect()
        sql = (
            "SELECT USER_NAME, IS_SUCCESS, ERROR_CODE, REPORTED_CLIENT_TYPE, CLIENT_IP, FIRST_AUTHENTICATION_FACTOR "
            f"FROM {USAGE}.LOGIN_HISTORY ORDER BY EVENT_TIMESTAMP"
        )
        who = ("PythonConnector", "127.0.0.1", "RSA_KEYPAIR")
        rows = seen(roles, sql)
        assert rows[0] == ("NEXUS_DEPLOY", "YES", None, *who)
        assert set(rows[1:]) == {("NEXUS_DEPLOY", "NO", 390144, *who)}
        joined = (
            f"SELECT h.QUERY_TEXT FROM {USAGE}.SESSIONS s JOIN {USAGE}.QUERY_HISTORY h ON h.SESSION_ID = s.SESSION_ID "
            f"JOIN {USAGE}.LOGIN_HISTORY l ON l.EVENT_ID = s.LOGIN_EVENT_ID WHERE h.QUERY_TYPE = 'SELECT'"
        )
        assert seen(roles, joined) == [("SELECT 1",)]


class TestPoliciesAndTags:
    def test_where_they_are(self, roles: Roles) -> None:
        roles.run("""
            CREATE MASKING POLICY mask AS (v VARCHAR) RETURNS VARCHAR -> '*'
            CREATE TAG label
            ALTER TAG label SET MASKING POLICY mask
            ALTER TABLE t MODIFY COLUMN b SET TAG label = 'x'
            CREATE ROW ACCESS POLICY some AS (v INT) RETURNS BOOLEAN -> v > 1
            ALTER TABLE t ADD ROW ACCESS POLICY some ON (a)
        """)
        columns = "POLICY_NAME, REF_ENTITY_NAME, REF_ENTITY_DOMAIN, REF_ARG_COLUMN_NAMES, TAG_NAME"
        rows = [("MASK", "LABEL", "TAG", None, "LABEL"), ("SOME", "T", "TABLE", '[ "A" ]', None)]
        assert seen(roles, f"SELECT {columns} FROM {USAGE}.POLICY_REFERENCES ORDER BY 1") == rows
        of_table = (
            f"SELECT {columns} FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES("
            "REF_ENTITY_NAME => 'd.s.t', REF_ENTITY_DOMAIN => 'table'))"
        )
        # By the table the column's mask shows too, and by which tag it has it.
        assert set(seen(roles, of_table)) == {("MASK", "T", "TABLE", None, "LABEL"), rows[1]}
        named = "SELECT REF_ENTITY_NAME FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES(POLICY_NAME => 'd.s.mask'))"
        assert seen(roles, named) == [("LABEL",)]
        tags = (
            "SELECT TAG_NAME, TAG_VALUE, COLUMN_NAME "
            "FROM TABLE(INFORMATION_SCHEMA.TAG_REFERENCES_ALL_COLUMNS('d.s.t', 'table'))"
        )
        assert seen(roles, tags) == [("LABEL", "x", "B")]
        assert seen(roles, f"SELECT OBJECT_NAME, DOMAIN FROM {USAGE}.TAG_REFERENCES") == [("T", "COLUMN")]

    def test_tags_from_above(self, roles: Roles) -> None:
        roles.run("""
            CREATE TAG label
            ALTER SCHEMA d.s SET TAG label = 'schema'
            ALTER TABLE t MODIFY COLUMN b SET TAG label = 'column'
        """)
        columns = "TAG_VALUE, LEVEL, COLUMN_NAME, APPLY_METHOD"
        of_all = f"SELECT {columns} FROM TABLE(INFORMATION_SCHEMA.TAG_REFERENCES_ALL_COLUMNS('d.s.t', 'table'))"
        assert seen(roles, of_all) == [
            ("schema", "SCHEMA", "A", "INHERITED"),
            ("column", "COLUMN", "B", "MANUAL"),
        ]
        for name, domain, found in (
            ("d.s.t.b", "COLUMN", ("column", "COLUMN", "B", "MANUAL")),
            ("d.s.t", "TABLE", ("schema", "SCHEMA", None, "INHERITED")),
            ("d.s", "SCHEMA", ("schema", "SCHEMA", None, "MANUAL")),
        ):
            references = f"TABLE(INFORMATION_SCHEMA.TAG_REFERENCES('{name}', '{domain}'))"
            assert seen(roles, f"SELECT {columns} FROM {references}") == [found]
            assert seen(roles, f"SELECT SYSTEM$GET_TAG('d.s.label', '{name}', '{domain}')") == [(found[0],)]
        assert seen(roles, "SELECT SYSTEM$GET_TAG('label', 'd', 'database')") == [(None,)]
        with refused(2003, "NONE"):
            seen(roles, "SELECT SYSTEM$GET_TAG('label', 'd.s.none', 'table')")
        with refused(904, "NONE"):
            seen(roles, "SELECT SYSTEM$GET_TAG('label', 'd.s.t.none', 'column')")

    def test_policies_on_the_account_and_on_users(self, roles: Roles) -> None:
        roles.run("""
            CREATE SESSION POLICY idle SESSION_IDLE_TIMEOUT_MINS = 15
            CREATE PASSWORD POLICY long PASSWORD_MIN_LENGTH = 14
            ALTER ACCOUNT SET SESSION POLICY idle
            ALTER USER nexus_deploy SET PASSWORD POLICY long
        """)
        columns = "POLICY_DB, POLICY_SCHEMA, POLICY_NAME, POLICY_KIND, REF_ENTITY_NAME, REF_ENTITY_DOMAIN"
        for asked, found in (
            (
                "POLICY_NAME => 'd.s.idle'",
                ("D", "S", "IDLE", "SESSION_POLICY", roles.account.name, "ACCOUNT"),
            ),
            (
                "REF_ENTITY_NAME => 'nexus_deploy', REF_ENTITY_DOMAIN => 'user'",
                ("D", "S", "LONG", "PASSWORD_POLICY", "NEXUS_DEPLOY", "USER"),
            ),
        ):
            sql = f"SELECT {columns} FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES({asked}))"
            assert seen(roles, sql) == [found]
        with refused(2003, "NOBODY"):
            seen(
                roles,
                "SELECT 1 FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES("
                "REF_ENTITY_NAME => 'nobody', REF_ENTITY_DOMAIN => 'user'))",
            )

    def test_a_function_that_is_not_built(self, roles: Roles) -> None:
        with refused(2, "INFORMATION_SCHEMA.PIPE_USAGE_HISTORY"):
            seen(roles, "SELECT * FROM TABLE(INFORMATION_SCHEMA.PIPE_USAGE_HISTORY())")
        with refused(1044, "TASK"):
            seen(roles, "SELECT * FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK => 1))")


class TestHistory:
    def test_the_newest_are_kept(self, tmp_path: Path) -> None:
        history = History(tmp_path / "history.sqlite", kept=300)
        at = datetime(2026, 1, 2, tzinfo=UTC)
        for number in range(1_000):
            history.note("MAIL", number=number, at=at)
        assert [event["number"] for event in history.events("MAIL")] == list(range(700, 1_000))
        history.close()
        again = History(tmp_path / "history.sqlite", kept=10_000)
        assert len(again.events("MAIL")) == 300
        assert again.events("MAIL")[0] == {"number": 700, "at": at}
        again.close()

    def test_those_that_have_a_truth_value(self, tmp_path: Path) -> None:
        history = History(tmp_path / "history.sqlite", kept=4)
        at = datetime(2026, 1, 2, tzinfo=UTC)
        for number, ran in enumerate((True, False, True, False, True, None)):
            history.note("STATEMENT", number=number, ran=ran, at=at, text='"ran": true')
        # Of those that are kept: the first two no longer are.
        assert [event["number"] for event in history.events("STATEMENT", having="ran")] == [2, 4]
        assert history.events("STATEMENT", having="ran")[0]["at"] == at
        assert history.events("STATEMENT", lambda event: event["number"] > 2, having="ran")[0]["number"] == 4
        assert history.events("STATEMENT", having="nothing") == []
        history.close()

    def test_it_is_there_after_a_restart(self, roles: Roles, tmp_path: Path) -> None:
        roles.run("SELECT 'before' AS word")
        roles.close()
        again = Roles(Account(tmp_path / "account"))
        found = again.rows(
            "ACCOUNTADMIN", f"SELECT COUNT(*) FROM {USAGE}.QUERY_HISTORY WHERE QUERY_TEXT LIKE '%before%'"
        )
        again.close()
        assert found == [(1,)]
