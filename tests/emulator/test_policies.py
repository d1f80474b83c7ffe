"""Masking and row access policies: whoever reads or changes rows does it through what the policies show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.snowflake.account import SnowflakeError
from tests.emulator.account_roles import Roles, copied, set_up
from tests.emulator.account_sessions import refused
from tests.emulator.snowflake_provider import KeyPair

SETTING = """
CREATE DATABASE d
CREATE SCHEMA d.s
CREATE SCHEMA d.g
CREATE WAREHOUSE w
CREATE ROLE app
CREATE ROLE analyst
CREATE ROLE boss
GRANT ROLE app TO ROLE boss
CREATE TABLE d.s.notes (id INT, tenant VARCHAR(8), title VARCHAR(40), body VARIANT, tags ARRAY, seen TIMESTAMP_NTZ)
CREATE TABLE d.s.plain (id INT, title VARCHAR(40))
CREATE TABLE d.g.readers (reader VARCHAR, of_tenant VARCHAR)
CREATE MASKING POLICY d.g.text AS (val VARCHAR) RETURNS VARCHAR -> IFF(CURRENT_ROLE() = 'APP', val, '*')
CREATE MASKING POLICY d.g.variant AS (val VARIANT) RETURNS VARIANT -> CASE WHEN CURRENT_ROLE() = 'APP' THEN val END
CREATE MASKING POLICY d.g.array AS (val ARRAY) RETURNS ARRAY -> IFF(CURRENT_ROLE() = 'APP', val, ARRAY_CONSTRUCT('*'))
CREATE TAG d.g.phi ALLOWED_VALUES 'NAME', 'CONTENT'
ALTER TAG d.g.phi SET MASKING POLICY d.g.text, MASKING POLICY d.g.variant, MASKING POLICY d.g.array
INSERT INTO d.s.notes SELECT 1, 'a', 'Ada', PARSE_JSON('{"who": "Ada"}'), ARRAY_CONSTRUCT('x'), '2026-01-01'
INSERT INTO d.s.notes SELECT 2, 'a', 'Ann', PARSE_JSON('{"who": "Ann"}'), ARRAY_CONSTRUCT('y'), '2026-01-02'
INSERT INTO d.s.notes SELECT 3, 'b', 'Bob', PARSE_JSON('{"who": "Bob"}'), ARRAY_CONSTRUCT('z'), '2026-01-03'
INSERT INTO d.g.readers VALUES ('APP', 'a'), ('ANALYST', 'a'), ('ANALYST', 'b')
GRANT USAGE ON DATABASE d TO ROLE app
GRANT USAGE ON SCHEMA d.s TO ROLE app
GRANT USAGE ON WAREHOUSE w TO ROLE app
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA d.s TO ROLE app
GRANT CREATE TABLE, CREATE VIEW ON SCHEMA d.s TO ROLE app
GRANT USAGE ON DATABASE d TO ROLE analyst
GRANT USAGE ON SCHEMA d.s TO ROLE analyst
GRANT USAGE ON WAREHOUSE w TO ROLE analyst
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA d.s TO ROLE analyst
GRANT CREATE TABLE, CREATE VIEW ON SCHEMA d.s TO ROLE analyst
"""
TAGGED = "ALTER TABLE d.s.notes MODIFY COLUMN {} SET TAG d.g.phi = 'CONTENT'"
BY_TENANT = """
CREATE ROW ACCESS POLICY d.g.rows AS (whose VARCHAR) RETURNS BOOLEAN -> EXISTS (SELECT 1 FROM readers WHERE reader = CURRENT_ROLE() AND of_tenant = whose)
ALTER TABLE d.s.notes ADD ROW ACCESS POLICY d.g.rows ON (tenant)
"""  # noqa: E501


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Path:
    return set_up(tmp_path_factory.mktemp("policies") / "account", key_pair, SETTING)


@pytest.fixture
def roles(template: Path, tmp_path: Path) -> Iterator[Roles]:
    with copied(template, tmp_path / "account") as roles:
        yield roles


@pytest.fixture
def tagged(roles: Roles) -> Roles:
    for column in ("title", "body", "tags", "tenant"):
        roles.run(TAGGED.format(column))
    roles.run("ALTER TABLE d.s.notes MODIFY COLUMN tenant UNSET TAG d.g.phi")
    return roles


@pytest.fixture
def by_tenant(roles: Roles) -> Roles:
    roles.run(BY_TENANT)
    return roles


class TestMaskingByTag:
    def test_each_type_has_its_own_mask(self, tagged: Roles) -> None:
        sql = "SELECT id, title, body:who::VARCHAR, tags[0]::VARCHAR FROM notes WHERE id = 1"
        assert tagged.rows("APP", sql) == [(1, "Ada", "Ada", "x")]
        assert tagged.rows("ANALYST", sql) == [(1, "*", None, "*")]
        # The owner of everything sees no more, and neither does a role that inherits the one that may.
        tagged.run("GRANT ROLE boss TO ROLE sysadmin")
        assert tagged.rows("ACCOUNTADMIN", sql) == [(1, "*", None, "*")]

    def test_a_masked_value_keeps_its_type(self, tagged: Roles) -> None:
        types = [column.type for column in tagged.as_role("ANALYST").execute("SELECT * FROM notes").columns]
        assert types == ["FIXED", "TEXT", "TEXT", "VARIANT", "VARIANT", "TIMESTAMP_NTZ"]

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT * FROM notes",
            "SELECT title AS t FROM notes n",
            "SELECT n.title FROM d.s.notes AS n JOIN plain p ON p.id <> n.id",
            "SELECT (SELECT MAX(title) FROM notes)",
            "WITH c AS (SELECT * FROM notes) SELECT c.title, UPPER(c.title) FROM c",
            "SELECT title, COUNT(*) FROM notes GROUP BY title",
            "SELECT LISTAGG(title, ',') FROM notes",
            "SELECT title FROM notes QUALIFY ROW_NUMBER() OVER (PARTITION BY title ORDER BY id) = 1",
            "SELECT f.value FROM notes, LATERAL FLATTEN(INPUT => body) f",
            "SELECT f.value::VARCHAR FROM notes, LATERAL FLATTEN(INPUT => tags) f",
            "SELECT body:who::VARCHAR FROM notes",
            "SELECT OBJECT_CONSTRUCT('t', title)::VARCHAR FROM notes",
            "SELECT title FROM notes UNION SELECT 'other'",
            "SELECT id FROM notes WHERE title LIKE 'A%'",
            "SELECT id FROM notes ORDER BY title LIMIT 0",
            "SELECT p.id FROM plain p WHERE p.title IN (SELECT title FROM notes)",
        ],
    )
    def test_no_way_of_reading_goes_round_it(self, tagged: Roles, sql: str) -> None:
        tagged.run("INSERT INTO plain VALUES (9, 'Ada')")
        shown = str(tagged.rows("ANALYST", sql))
        assert not [secret for secret in ("Ada", "Ann", "Bob") if secret in shown]
        assert "WHERE title LIKE" not in sql or tagged.rows("ANALYST", sql) == []
        assert "p.title IN" not in sql or tagged.rows("ANALYST", sql) == []

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELECT COUNT(*) FROM notes", [(3,)]),
            ("SELECT x.c FROM notes AS x(a, b, c, d, e, f) WHERE x.a = 1", [("*",)]),
            ("SELECT notes.title FROM notes JOIN notes n USING (id) WHERE id = 1", [("*",)]),
            ("SELECT title FROM notes NATURAL JOIN (SELECT 1 AS id) one", [("*",)]),
            ("SELECT IDENTIFIER('title') FROM notes WHERE id = 1", [("*",)]),
            ('SELECT "TITLE" FROM notes n WHERE n.id = 1', [("*",)]),
            ("SELECT OBJECT_CONSTRUCT(*):TITLE::VARCHAR FROM notes WHERE id = 1", [("*",)]),
            ("SELECT MAX(t) FROM (SELECT n.title || '!' AS t FROM notes n)", [("*!",)]),
        ],
    )
    def test_however_a_column_is_named(self, tagged: Roles, sql: str, expected: list[tuple[Any, ...]]) -> None:
        assert tagged.rows("ANALYST", sql) == expected

    def test_what_is_copied_is_what_is_seen(self, tagged: Roles) -> None:
        analyst = tagged.as_role("ANALYST")
        analyst.execute("INSERT INTO plain SELECT id, title FROM notes")
        analyst.execute("CREATE TABLE copy AS SELECT title, body FROM notes")
        assert analyst.execute("SELECT DISTINCT title FROM plain").rows == [("*",)]
        assert analyst.execute("SELECT DISTINCT title, body FROM copy").rows == [("*", None)]

    def test_views_and_functions_run_as_their_owner_but_show_what_the_reader_may_see(self, tagged: Roles) -> None:
        tagged.run("""
            CREATE VIEW v AS SELECT id, title, CURRENT_ROLE() AS reader FROM notes
            CREATE VIEW vv AS SELECT * FROM v
            CREATE FUNCTION longest() RETURNS VARCHAR AS 'SELECT MAX(title) FROM d.s.notes'
            GRANT SELECT ON VIEW vv TO ROLE app
            GRANT SELECT ON VIEW vv TO ROLE analyst
            GRANT USAGE ON FUNCTION longest() TO ROLE app
            GRANT USAGE ON FUNCTION longest() TO ROLE analyst
            REVOKE SELECT ON TABLE notes FROM ROLE app
            REVOKE SELECT ON TABLE notes FROM ROLE analyst
        """)
        assert tagged.rows("APP", "SELECT * FROM vv WHERE id = 1") == [(1, "Ada", "APP")]
        assert tagged.rows("ANALYST", "SELECT * FROM vv WHERE id = 1") == [(1, "*", "ANALYST")]
        assert tagged.rows("APP", "SELECT longest()") == [("Bob",)]
        assert tagged.rows("ANALYST", "SELECT d.s.longest()") == [("*",)]

    def test_tags_come_down_from_the_table_and_the_schema(self, roles: Roles) -> None:
        roles.run("ALTER SCHEMA d.s SET TAG d.g.phi = 'CONTENT'")
        assert roles.rows("ANALYST", "SELECT title, tenant, id FROM notes WHERE id = 1") == [("*", "*", 1)]
        roles.run("ALTER SCHEMA d.s UNSET TAG d.g.phi")
        roles.run("ALTER TABLE notes SET TAG d.g.phi = 'NAME'")
        assert roles.rows("ANALYST", "SELECT title FROM notes WHERE id = 1") == [("*",)]

    def test_a_body_can_ask_for_the_tag(self, roles: Roles) -> None:
        roles.run("""
            CREATE MASKING POLICY d.g.classed AS (val VARCHAR) RETURNS VARCHAR -> SYSTEM$GET_TAG_ON_CURRENT_COLUMN('d.g.kind')
            CREATE TAG d.g.kind
            ALTER TAG d.g.kind SET MASKING POLICY d.g.classed
            ALTER TABLE notes MODIFY COLUMN title SET TAG d.g.kind = 'a name'
        """)  # noqa: E501
        assert roles.rows("APP", "SELECT title FROM notes WHERE id = 1") == [("a name",)]

    def test_two_tags_that_each_mask_show_nothing(self, tagged: Roles) -> None:
        tagged.run("""
            CREATE MASKING POLICY d.g.other AS (val VARCHAR) RETURNS VARCHAR -> val
            CREATE TAG d.g.second
            ALTER TAG d.g.second SET MASKING POLICY d.g.other
            ALTER TABLE notes MODIFY COLUMN title SET TAG d.g.second = 'x'
        """)
        with refused(3529, "masked by several tags"):
            tagged.rows("APP", "SELECT id FROM notes")


class TestMaskingOfColumns:
    def test_it_goes_before_the_tags(self, tagged: Roles) -> None:
        tagged.run("""
            CREATE MASKING POLICY d.g.direct AS (val VARCHAR) RETURNS VARCHAR -> 'direct'
            ALTER TABLE notes MODIFY COLUMN title SET MASKING POLICY d.g.direct
        """)
        assert tagged.rows("APP", "SELECT DISTINCT title FROM notes") == [("direct",)]

    def test_other_columns_decide_unmasked(self, roles: Roles) -> None:
        roles.run("""
            CREATE MASKING POLICY d.g.own AS (val VARCHAR, whose VARCHAR) RETURNS VARCHAR -> IFF(whose = 'a', val, '-')
            ALTER TABLE notes MODIFY COLUMN title SET MASKING POLICY d.g.own USING (title, tenant)
            ALTER TABLE notes MODIFY COLUMN tenant SET MASKING POLICY d.g.text
        """)
        expected = [("Ada", "*"), ("Ann", "*"), ("-", "*")]
        assert roles.rows("ANALYST", "SELECT title, tenant FROM notes ORDER BY id") == expected

    def test_a_view_has_masks_of_its_own(self, roles: Roles) -> None:
        roles.run("""
            CREATE VIEW v (number, heading) AS SELECT id, title FROM notes
            ALTER VIEW v MODIFY COLUMN heading SET MASKING POLICY d.g.text
            GRANT SELECT ON VIEW v TO ROLE analyst
            GRANT SELECT ON VIEW v TO ROLE app
        """)
        assert roles.rows("ANALYST", "SELECT x.heading FROM v x WHERE number = 1") == [("*",)]
        assert roles.rows("APP", "SELECT heading FROM v WHERE number = 1") == [("Ada",)]
        assert roles.rows("ANALYST", "SELECT title FROM notes WHERE id = 1") == [("Ada",)]

    def test_a_view_shows_who_reads_through_it(self, roles: Roles) -> None:
        roles.run("""
            CREATE MASKING POLICY d.g.invoker AS (val VARCHAR) RETURNS VARCHAR -> INVOKER_ROLE() || '/' || CURRENT_ROLE()
            ALTER TABLE notes MODIFY COLUMN title SET MASKING POLICY d.g.invoker
            CREATE VIEW v AS SELECT title FROM notes
            GRANT SELECT ON VIEW v TO ROLE app
        """)  # noqa: E501
        assert roles.rows("APP", "SELECT DISTINCT title FROM v") == [("ACCOUNTADMIN/APP",)]
        assert roles.rows("APP", "SELECT DISTINCT title FROM notes") == [("APP/APP",)]

    def test_roles_in_the_session(self, roles: Roles) -> None:
        roles.run("""
            CREATE MASKING POLICY d.g.inherited AS (val VARCHAR) RETURNS VARCHAR -> IFF(IS_ROLE_IN_SESSION('APP'), val, '*')
            ALTER TABLE notes MODIFY COLUMN title SET MASKING POLICY d.g.inherited
            GRANT ROLE boss TO USER nexus_deploy
        """)  # noqa: E501
        sql = "SELECT title FROM notes WHERE id = 1"
        assert [roles.rows(role, sql) for role in ("APP", "BOSS", "ANALYST")] == [[("Ada",)], [("Ada",)], [("*",)]]
        connection = roles.as_role("ANALYST")
        connection.execute("USE SECONDARY ROLES ALL")
        assert connection.execute(sql).rows == [("Ada",)]

    def test_a_broken_body_shows_nothing(self, roles: Roles) -> None:
        roles.run("""
            CREATE MASKING POLICY d.g.broken AS (val VARCHAR) RETURNS VARCHAR -> (SELECT MAX(secret) FROM d.g.gone)
            ALTER TABLE notes MODIFY COLUMN title SET MASKING POLICY d.g.broken
        """)
        with refused(2003):
            roles.rows("APP", "SELECT * FROM notes")


class TestRowAccess:
    def test_each_role_has_its_rows_and_the_owner_none(self, by_tenant: Roles) -> None:
        sql = "SELECT id FROM notes ORDER BY id"
        assert by_tenant.rows("APP", sql) == [(1,), (2,)]
        assert by_tenant.rows("ANALYST", sql) == [(1,), (2,), (3,)]
        assert by_tenant.rows("ACCOUNTADMIN", sql) == []
        # Nobody but the policy's owner needs to read the table that it looks in.
        with refused(2003):
            by_tenant.rows("APP", "SELECT * FROM d.g.readers")

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELECT COUNT(*) FROM notes", [(2,)]),
            ("SELECT MAX(id) FROM (SELECT * FROM notes) x", [(2,)]),
            ("WITH c AS (SELECT id FROM notes) SELECT COUNT(*) FROM c a JOIN c b ON a.id = b.id", [(2,)]),
            ("SELECT EXISTS (SELECT 1 FROM notes WHERE title = 'Bob')", [(False,)]),
            ("SELECT COUNT(*) FROM plain p LEFT JOIN notes n ON n.id = p.id WHERE n.id IS NOT NULL", [(0,)]),
        ],
    )
    def test_everywhere_in_a_statement(self, by_tenant: Roles, sql: str, expected: list[tuple[Any, ...]]) -> None:
        by_tenant.run("INSERT INTO plain VALUES (3, 'Bob')")
        assert by_tenant.rows("APP", sql) == expected

    def test_a_condition_that_fails_on_hidden_rows_never_meets_them(self, by_tenant: Roles) -> None:
        assert by_tenant.rows("APP", "SELECT COUNT(*) FROM notes WHERE 1 / (id - 3) < 0") == [(2,)]

    def test_rows_that_are_not_seen_are_not_changed(self, by_tenant: Roles) -> None:
        app = by_tenant.as_role("APP")
        assert app.execute("UPDATE notes SET title = 'new'").affected == 2
        assert (
            app.execute("UPDATE notes n SET title = n.title || p.t FROM (SELECT '!' AS t) p WHERE n.id >= 2").affected
            == 1
        )
        assert app.execute("DELETE FROM notes WHERE id IN (1, 3)").affected == 1
        assert app.execute("DELETE FROM notes USING plain p WHERE notes.id = p.id").affected == 0
        seen = by_tenant.rows("ANALYST", "SELECT id, title FROM notes ORDER BY id")
        assert seen == [(2, "new!"), (3, "Bob")]

    def test_merging_meets_only_what_is_seen(self, by_tenant: Roles) -> None:
        merged = by_tenant.as_role("APP").execute(
            "MERGE INTO notes n USING"
            " (SELECT column1 AS id, column2 AS word FROM VALUES (1, 'one'), (2, ''), (3, 'new')) s"
            " ON n.id = s.id WHEN MATCHED AND s.word = '' THEN DELETE"
            " WHEN MATCHED THEN UPDATE SET title = s.word || n.id "
            "WHEN NOT MATCHED THEN INSERT (id, tenant, title) VALUES (s.id, 'a', s.word)"
        )  # fmt: skip
        assert merged.rows == [(1, 1, 1)]
        seen = by_tenant.rows("ANALYST", "SELECT id, tenant, title FROM notes ORDER BY id, tenant")
        assert seen == [(1, "a", "one1"), (3, "a", "new"), (3, "b", "Bob")]

    def test_a_view_can_have_one(self, by_tenant: Roles) -> None:
        by_tenant.run("""
            CREATE TABLE other (tenant VARCHAR)
            INSERT INTO other VALUES ('a'), ('b')
            CREATE VIEW v AS SELECT tenant FROM other
            ALTER VIEW v ADD ROW ACCESS POLICY d.g.rows ON (tenant)
            GRANT SELECT ON VIEW v TO ROLE app
        """)
        assert by_tenant.rows("APP", "SELECT * FROM v") == [("a",)]

    def test_it_is_gone_when_it_is_taken_off(self, by_tenant: Roles) -> None:
        by_tenant.run("ALTER TABLE notes DROP ROW ACCESS POLICY d.g.rows")
        assert by_tenant.rows("APP", "SELECT COUNT(*) FROM notes") == [(3,)]

    def test_an_argument_that_means_a_column_too_is_refused(self, roles: Roles) -> None:
        roles.run("""
            CREATE ROW ACCESS POLICY d.g.open AS (of_tenant VARCHAR) RETURNS BOOLEAN -> EXISTS (SELECT 1 FROM readers r WHERE r.of_tenant = of_tenant)
            ALTER TABLE notes ADD ROW ACCESS POLICY d.g.open ON (tenant)
        """)  # noqa: E501
        with refused(904, "ambiguous column name 'OF_TENANT'"):
            roles.rows("APP", "SELECT * FROM notes")

    def test_a_policy_that_reads_what_it_protects_ends(self, roles: Roles) -> None:
        roles.run("""
            CREATE ROW ACCESS POLICY d.g.round AS (whose VARCHAR) RETURNS BOOLEAN -> whose IN (SELECT n.title FROM d.s.notes n)
            ALTER TABLE notes ADD ROW ACCESS POLICY d.g.round ON (tenant)
        """)  # noqa: E501
        with pytest.raises(SnowflakeError, match="nested too deeply"):
            roles.rows("APP", "SELECT * FROM notes")


class TestBoth:
    def test_changes_see_masked_values_too(self, tagged: Roles) -> None:
        tagged.run(BY_TENANT)
        analyst = tagged.as_role("ANALYST")
        assert analyst.execute("UPDATE notes SET id = 0 WHERE title = 'Ada'").affected == 0
        assert analyst.execute("DELETE FROM notes WHERE body:who = 'Ada'").affected == 0
        assert analyst.execute("UPDATE notes SET tenant = title WHERE id = 1").affected == 1
        assert (
            analyst.execute("UPDATE notes SET body = PARSE_JSON('{\"a\": 1}'), tags = tags WHERE id = 2").affected == 1
        )
        assert tagged.rows("APP", "SELECT id, body:a::INT, tags[0]::VARCHAR FROM notes") == [(2, 1, "*")]
        tagged.run("ALTER TABLE notes DROP ROW ACCESS POLICY d.g.rows")
        assert tagged.rows("APP", "SELECT tenant, title FROM notes WHERE id = 1") == [("*", "Ada")]

    def test_new_rows_may_be_hidden_from_whoever_writes_them(self, by_tenant: Roles) -> None:
        app = by_tenant.as_role("APP")
        app.execute("INSERT INTO notes (id, tenant) VALUES (4, 'b')")
        assert app.execute("SELECT COUNT(*) FROM notes WHERE id = 4").rows == [(0,)]
        assert by_tenant.rows("ANALYST", "SELECT COUNT(*) FROM notes WHERE id = 4") == [(1,)]
