"""What the declared grants give is reached, and nothing else, whatever the statement looks like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection
from tests.emulator.sql_server import connection, refusal, run, value

SECRET = "P-H-I"
TENANTS = ("MINE", "THEIRS")


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Two databases that are alike, each with a role that reads and writes its own only."""
    account = Account(tmp_path_factory.mktemp("account"))
    with connection(account, "ACCOUNTADMIN") as admin:
        run(admin, "CREATE WAREHOUSE w")
        for tenant in TENANTS:
            run(
                admin,
                f"""
                CREATE DATABASE {tenant}
                CREATE SCHEMA {tenant}.s WITH MANAGED ACCESS
                CREATE TABLE {tenant}.s.notes (id INT, phi VARCHAR, v VARIANT)
                INSERT INTO {tenant}.s.notes (id, phi) VALUES (1, '{SECRET}')
                CREATE VIEW {tenant}.s.ids AS SELECT id FROM notes
                CREATE ROLE {tenant}_role
                GRANT USAGE ON WAREHOUSE w TO ROLE {tenant}_role
                GRANT USAGE ON DATABASE {tenant} TO ROLE {tenant}_role
                GRANT USAGE ON SCHEMA {tenant}.s TO ROLE {tenant}_role
                GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA {tenant}.s TO ROLE {tenant}_role
                GRANT SELECT ON VIEW {tenant}.s.ids TO ROLE {tenant}_role
                """,
            )
        run(admin, "CREATE FUNCTION theirs.s.f() RETURNS INT AS '1'")
    yield account
    account.close()


@pytest.fixture
def mine(tenants: Account) -> Iterator[Connection]:
    with connection(tenants, "MINE_ROLE", warehouse="W", schema="MINE.S") as own:
        own.execute("SET tab = 'theirs.s.notes'")
        yield own


def test_ones_own_is_reached(mine: Connection) -> None:
    assert mine.execute("SELECT phi FROM notes WHERE id = 1").rows == [(SECRET,)]
    assert mine.execute("SELECT id FROM ids WHERE id = 1").rows == [(1,)]


# Every way to name another tenant's table that a query has, and then some.
READINGS = """
SELECT * FROM theirs.s.notes
SELECT * FROM "THEIRS"."S"."NOTES"
SELECT * FROM theirs.s.ids
SELECT * FROM IDENTIFIER('theirs.s.notes')
SELECT * FROM IDENTIFIER($tab)
SELECT /* notes */ * FROM theirs.s.notes -- notes
WITH notes AS (SELECT 1 AS phi) SELECT * FROM theirs.s.notes
WITH x AS (SELECT * FROM theirs.s.notes) SELECT * FROM x
SELECT (SELECT MAX(phi) FROM theirs.s.notes)
SELECT 1 WHERE EXISTS (SELECT 1 FROM theirs.s.notes)
SELECT * FROM notes WHERE id IN (SELECT id FROM theirs.s.notes)
SELECT * FROM notes WHERE id = ANY (SELECT id FROM theirs.s.notes)
SELECT * FROM notes, LATERAL (SELECT * FROM theirs.s.notes) x
SELECT * FROM notes, LATERAL FLATTEN(input => (SELECT ARRAY_AGG(phi) FROM theirs.s.notes)) f
SELECT * FROM notes JOIN theirs.s.notes t USING (id)
SELECT * FROM notes NATURAL JOIN theirs.s.notes
SELECT * FROM (theirs.s.notes)
SELECT * FROM (notes JOIN theirs.s.notes t ON TRUE)
SELECT id FROM notes UNION ALL SELECT id FROM theirs.s.notes
SELECT id FROM notes ORDER BY (SELECT phi FROM theirs.s.notes)
SELECT id FROM notes LIMIT (SELECT MAX(id) FROM theirs.s.notes)
SELECT id FROM notes GROUP BY (SELECT phi FROM theirs.s.notes)
SELECT id FROM notes QUALIFY ROW_NUMBER() OVER (ORDER BY (SELECT MAX(phi) FROM theirs.s.notes)) = 1
SELECT COUNT(*) OVER (PARTITION BY (SELECT phi FROM theirs.s.notes)) FROM notes
SELECT LISTAGG('a', (SELECT MAX(phi) FROM theirs.s.notes))
SELECT [1, (SELECT phi FROM theirs.s.notes)]
SELECT CASE WHEN (SELECT COUNT(*) FROM theirs.s.notes) > 0 THEN 1 END
SELECT * FROM notes PIVOT (MAX(id) FOR phi IN (SELECT phi FROM theirs.s.notes))
VALUES ((SELECT phi FROM theirs.s.notes))
INSERT INTO notes (id) SELECT id FROM theirs.s.notes
UPDATE notes SET phi = (SELECT MAX(phi) FROM theirs.s.notes)
UPDATE notes SET phi = t.phi FROM theirs.s.notes t
DELETE FROM notes USING theirs.s.notes t WHERE notes.id = t.id
MERGE INTO notes USING theirs.s.notes t ON notes.id = t.id WHEN MATCHED THEN UPDATE SET phi = t.phi
INSERT INTO theirs.s.notes VALUES (2, 'x', NULL)
UPDATE theirs.s.notes SET phi = 'x'
DELETE FROM theirs.s.notes
MERGE INTO theirs.s.notes t USING notes ON notes.id = t.id WHEN MATCHED THEN DELETE
TRUNCATE TABLE theirs.s.notes
CREATE VIEW mine.s.leak AS SELECT * FROM theirs.s.notes
CREATE TABLE mine.s.leak AS SELECT * FROM theirs.s.notes
CREATE DYNAMIC TABLE mine.s.leak TARGET_LAG = '1 minute' WAREHOUSE = w AS SELECT * FROM theirs.s.notes
DESCRIBE TABLE theirs.s.notes
DESC SELECT * FROM theirs.s.notes
SHOW COLUMNS IN TABLE theirs.s.notes
SHOW GRANTS ON TABLE theirs.s.notes
"""


@pytest.mark.parametrize("sql", READINGS.strip().splitlines())
def test_anothers_table_does_not_exist(mine: Connection, sql: str) -> None:
    error = refusal(mine, sql)
    assert (error.errno, error.sqlstate) == (2003, "42S02")
    assert "does not exist or not authorized" in error.message
    assert SECRET not in error.message


@pytest.mark.parametrize(
    "sql",
    """
SELECT * FROM theirs.information_schema.tables
USE DATABASE theirs
USE SCHEMA theirs.s
SHOW TABLES IN SCHEMA theirs.s
SHOW PARAMETERS IN DATABASE theirs
DROP TABLE theirs.s.notes
DROP DATABASE theirs
ALTER TABLE theirs.s.notes ADD COLUMN z INT
ALTER TABLE theirs.s.notes RENAME TO mine.s.taken
CREATE OR REPLACE TABLE theirs.s.notes (id INT)
COMMENT ON TABLE theirs.s.notes IS 'x'
GRANT SELECT ON TABLE theirs.s.notes TO ROLE mine_role
GRANT ROLE accountadmin TO ROLE mine_role
""".strip().splitlines(),
)
def test_anothers_objects_do_not_exist(mine: Connection, sql: str) -> None:
    error = refusal(mine, sql)
    assert error.errno == 2003
    assert "does not exist or not authorized" in error.message


def test_use_role_of_a_role_that_the_user_does_not_hold(mine: Connection) -> None:
    assert refusal(mine, "USE ROLE accountadmin").errno in (3013, 2003)


# What DuckDB and fakesnow would do, if it got there.
BEHIND = """
SELECT * FROM mine._fs_information_schema._fs_tables
SELECT * FROM "_fs_global"."_fs_information_schema"."_fs_columns"
SELECT * FROM system.information_schema.tables
SELECT * FROM memory.main.x
SELECT * FROM duckdb_tables
SELECT * FROM duckdb_tables()
SELECT * FROM TABLE(duckdb_tables())
SELECT * FROM pg_catalog.pg_class
SELECT * FROM sqlite_master
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM TABLE(read_csv('/etc/passwd'))
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM '/etc/passwd'
SELECT * FROM "/etc/passwd"
SELECT * FROM query('SELECT * FROM theirs.s.notes')
SELECT * FROM query_table('theirs.s.notes')
SELECT * FROM TABLE('theirs.s.notes')
SELECT * FROM @~/x
SELECT read_text('/etc/passwd')
SELECT getenv('HOME')
SELECT current_setting('temp_directory')
SELECT error('x')
SELECT _text(1)
SELECT COLUMNS(*) FROM notes
SELECT UNNEST([1])
SELECT theirs.s.f()
SELECT theirs.s.q.nextval
SELECT CAST(1 AS VARCHAR((SELECT MAX(id) FROM theirs.s.notes)))
SELECT DATEADD('DAY , (SELECT MAX("PHI") FROM "THEIRS"."S"."NOTES") AS z --', 1, '2020-01-01'::TIMESTAMP)
SELECT TIME_SLICE('2020-01-01'::TIMESTAMP, 15, 'MINUTE, (SELECT 1)')
SELECT 'a' COLLATE 'x"), (SELECT 1) --'
SELECT * FROM VALUES (1) AS x (a int)
INSERT INTO notes (id, (SELECT 1)) VALUES (1, 2)
INSERT INTO notes SELECT * FROM notes RETURNING *
DELETE FROM notes JOIN theirs.s.notes t USING (id)
SELECT * FROM TABLE(GENERATOR(ROWCOUNT => 2)) PIVOT (MAX(a) FOR v IN (SELECT phi FROM theirs.s.notes))
SELECT * FROM notes FOR UPDATE
SELECT * INTO x FROM notes
SELECT * FROM notes AT (OFFSET => -60)
FROM theirs.s.notes
TABLE theirs.s.notes
SUMMARIZE theirs.s.notes
PIVOT theirs.s.notes ON phi
ATTACH '/tmp/x.db' AS y
DETACH theirs
COPY theirs.s.notes TO '/tmp/x.csv'
COPY INTO notes FROM '/etc/passwd'
EXPORT DATABASE '/tmp/x'
PRAGMA database_list
INSTALL httpfs
LOAD httpfs
CHECKPOINT
PREPARE x AS SELECT 1
CREATE MACRO f(x) AS x
CALL pragma_version()
EXPLAIN SELECT * FROM theirs.s.notes
EXECUTE IMMEDIATE 'SELECT * FROM theirs.s.notes'
BEGIN SELECT * FROM theirs.s.notes; END
DECLARE x INT; BEGIN RETURN 1; END
INSERT ALL INTO notes INTO theirs.s.notes SELECT 1, NULL, NULL
CREATE TABLE mine.s.n CLONE theirs.s.notes
PUT file:///etc/passwd @~
LIST @~
UNDROP TABLE theirs.s.notes
"""


@pytest.mark.parametrize("sql", BEHIND.strip().splitlines())
def test_what_is_behind_is_out_of_reach(mine: Connection, sql: str) -> None:
    error = refusal(mine, sql)
    # Refused by name, as unknown, as a name that is not there, or as no SQL at all: before it could run.
    assert error.errno in (2, 707, 1003, 2003, 2140, 2141)
    assert SECRET not in error.message


def test_a_shadowed_name_is_the_ctes_own(mine: Connection) -> None:
    assert mine.execute("WITH duckdb_tables AS (SELECT 7 AS a) SELECT a FROM duckdb_tables").rows == [(7,)]
    assert mine.execute("WITH t AS (SELECT 1 AS a) SELECT a FROM (WITH t AS (SELECT 2 AS a) SELECT a FROM t)").rows == [
        (2,)
    ]
    # Out of its query a CTE's name is a table's again.
    assert refusal(mine, "SELECT * FROM (WITH x AS (SELECT 1 AS a) SELECT a FROM x) q, x").errno == 2003


def test_values_stay_values(mine: Connection) -> None:
    text = """'); DROP TABLE x; -- " \\ $$ ?"""
    assert mine.execute("SELECT ?, :2", [text, text]).rows == [(text, text)]
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    assert value(mine, f"PARSE_JSON('{{\"k\":1}}'):\"a'b\" IS NULL AND '{quoted}' = '{quoted}'") is True
    result = mine.execute('SELECT 1 AS "x"", (SELECT 1) --"')
    assert [column.name for column in result.columns] == ['x", (SELECT 1) --']


def test_information_schema_shows_only_what_the_role_may_know_of(mine: Connection) -> None:
    assert mine.execute("SELECT table_name FROM mine.information_schema.tables ORDER BY 1").rows == [
        ("IDS",),
        ("NOTES",),
    ]
    databases = {row[0] for row in mine.execute("SELECT database_name FROM information_schema.databases").rows}
    assert "MINE" in databases
    assert "THEIRS" not in databases


def test_rows_need_a_warehouse_that_the_role_may_use(tenants: Account) -> None:
    with connection(tenants, "MINE_ROLE", schema="MINE.S") as without:
        assert refusal(without, "SELECT * FROM notes").errno == 606
        assert value(without, "CURRENT_ROLE()") == "MINE_ROLE"
        # Whether it is there is not told first.
        assert refusal(without, "SELECT * FROM theirs.s.notes").errno == 2003


def test_verbs_are_told_apart(tenants: Account) -> None:
    with connection(tenants, "ACCOUNTADMIN") as admin:
        run(
            admin,
            """
            CREATE ROLE writer
            GRANT USAGE ON WAREHOUSE w TO ROLE writer
            GRANT USAGE ON DATABASE mine TO ROLE writer
            GRANT USAGE ON SCHEMA mine.s TO ROLE writer
            GRANT INSERT, UPDATE, DELETE ON TABLE mine.s.notes TO ROLE writer
            """,
        )
        with connection(tenants, "WRITER", warehouse="W", schema="MINE.S") as writer:
            assert writer.execute("INSERT INTO notes (id) VALUES (90)").affected == 1
            for reading in (
                "SELECT id FROM notes",
                "UPDATE notes SET phi = 'x' WHERE id = 90",
                "UPDATE notes SET id = id + 1",
                "DELETE FROM notes WHERE id = 90",
                "MERGE INTO notes USING (SELECT 1 AS i) s ON id = s.i WHEN MATCHED THEN DELETE",
                "TRUNCATE TABLE notes",
            ):
                assert refusal(writer, reading).errno == 2003
            admin.execute("GRANT SELECT ON TABLE mine.s.notes TO ROLE writer")
            assert writer.execute("DELETE FROM notes WHERE id = 90").affected == 1


def test_a_revoked_grant_counts_at_once(tenants: Account) -> None:
    with connection(tenants, "ACCOUNTADMIN") as admin:
        run(
            admin,
            """
            CREATE ROLE visitor
            GRANT USAGE ON WAREHOUSE w TO ROLE visitor
            GRANT USAGE ON DATABASE mine TO ROLE visitor
            GRANT USAGE ON SCHEMA mine.s TO ROLE visitor
            GRANT SELECT ON FUTURE TABLES IN SCHEMA mine.s TO ROLE visitor
            CREATE TABLE mine.s.later (a INT)
            """,
        )
        with connection(tenants, "VISITOR", warehouse="W", schema="MINE.S") as visitor:
            assert visitor.execute("SELECT COUNT(*) FROM later").rows == [(0,)]
            assert refusal(visitor, "SELECT * FROM notes").errno == 2003
            admin.execute("REVOKE USAGE ON SCHEMA mine.s FROM ROLE visitor")
            assert refusal(visitor, "SELECT COUNT(*) FROM later").errno == 2003
            admin.execute("GRANT USAGE ON SCHEMA mine.s TO ROLE visitor")
            assert visitor.execute("SELECT COUNT(*) FROM later").rows == [(0,)]
            admin.execute("REVOKE SELECT ON TABLE mine.s.later FROM ROLE visitor")
            assert refusal(visitor, "SELECT COUNT(*) FROM later").errno == 2003


def test_a_view_reads_with_its_owners_rights(tenants: Account) -> None:
    with connection(tenants, "ACCOUNTADMIN") as admin:
        run(
            admin,
            """
            CREATE ROLE keeper
            CREATE ROLE looker
            GRANT USAGE ON WAREHOUSE w TO ROLE keeper
            GRANT USAGE ON WAREHOUSE w TO ROLE looker
            GRANT USAGE ON DATABASE mine TO ROLE keeper
            GRANT USAGE ON DATABASE mine TO ROLE looker
            GRANT USAGE, CREATE VIEW, CREATE FUNCTION ON SCHEMA mine.s TO ROLE keeper
            GRANT USAGE ON SCHEMA mine.s TO ROLE looker
            GRANT SELECT ON TABLE mine.s.notes TO ROLE keeper
            """,
        )
        with (
            connection(tenants, "KEEPER", warehouse="W", schema="MINE.S") as keeper,
            connection(tenants, "LOOKER", warehouse="W", schema="MINE.S") as looker,
        ):
            keeper.execute("CREATE VIEW kept (one, who) AS SELECT MIN(id), CURRENT_ROLE() FROM notes")
            keeper.execute("CREATE FUNCTION smallest() RETURNS INT AS 'SELECT MIN(id) FROM notes'")
            run(
                admin,
                """
                GRANT SELECT ON VIEW mine.s.kept TO ROLE looker
                GRANT USAGE ON FUNCTION mine.s.smallest() TO ROLE looker
                """,
            )
            assert looker.execute("SELECT one, who FROM kept").rows == [(1, "LOOKER")]
            assert value(looker, "smallest()") == 1
            assert refusal(looker, "SELECT * FROM notes").errno == 2003
            # What the owner loses, the view loses.
            admin.execute("REVOKE SELECT ON TABLE mine.s.notes FROM ROLE keeper")
            assert refusal(looker, "SELECT one FROM kept").errno == 2003
            assert refusal(looker, "SELECT smallest()").errno == 2003


def test_a_function_is_made_only_of_what_its_maker_may_read(tenants: Account) -> None:
    with connection(tenants, "ACCOUNTADMIN") as admin:
        run(admin, "CREATE ROLE maker\nGRANT USAGE ON DATABASE mine TO ROLE maker")
        run(admin, "GRANT USAGE, CREATE FUNCTION, CREATE VIEW ON SCHEMA mine.s TO ROLE maker")
    with connection(tenants, "MAKER", schema="MINE.S") as maker:
        assert (
            refusal(maker, "CREATE FUNCTION leak() RETURNS INT AS 'SELECT MAX(id) FROM theirs.s.notes'").errno == 2003
        )
        assert refusal(maker, "CREATE FUNCTION leak() RETURNS INT AS $$ (SELECT 1 FROM read_text('/x')) $$").errno == 2
        assert refusal(maker, "CREATE VIEW leak AS SELECT * FROM notes").errno == 2003


def test_names_are_told_apart_by_case(tenants: Account) -> None:
    with connection(tenants, "MINE_ROLE", warehouse="W", schema="MINE.S") as own:
        assert refusal(own, 'SELECT * FROM "notes"').errno == 2003
        assert refusal(own, 'SELECT * FROM mine."s".notes').errno == 2003
        assert own.execute('SELECT COUNT(*) FROM Mine.S."NOTES"').rows[0][0] >= 1
        assert refusal(own, 'SELECT "phi" FROM notes').errno == 904


MADE_IN_SCHEMAS = """
CREATE TASK mine.s.t1 WAREHOUSE = w SCHEDULE = '60 MINUTE' AS SELECT 1
CREATE ALERT mine.s.a1 WAREHOUSE = w SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT 1)) THEN SELECT 1
CREATE TABLE mine.s.t2 (a INT)
CREATE SEQUENCE mine.s.s1
CREATE MASKING POLICY mine.s.m1 AS (v VARCHAR) RETURNS VARCHAR -> v
CREATE TAG mine.s.tag1
"""


def test_what_lies_in_a_schema_is_made_by_whoever_may_use_the_schema_and_its_database(tenants: Account) -> None:
    kinds = "CREATE TASK, CREATE ALERT, CREATE TABLE, CREATE SEQUENCE, CREATE MASKING POLICY, CREATE TAG"
    with connection(tenants, "ACCOUNTADMIN") as admin, connection(tenants, "BUILDER", warehouse="W") as builder:
        run(admin, "CREATE ROLE builder\nGRANT USAGE ON WAREHOUSE w TO ROLE builder")
        run(admin, f"GRANT {kinds} ON SCHEMA mine.s TO ROLE builder")
        statements = MADE_IN_SCHEMAS.strip().splitlines()
        for granted, missing in ((None, "Database 'MINE'"), ("DATABASE mine", "Schema 'MINE.S'")):
            if granted:
                run(admin, f"GRANT USAGE ON {granted} TO ROLE builder")
            for statement in statements:
                refused = refusal(builder, statement)
                assert refused.errno == 2003
                assert f"{missing} does not exist or not authorized" in refused.message, statement
        run(admin, "GRANT USAGE ON SCHEMA mine.s TO ROLE builder")
        for statement in statements:
            builder.execute(statement)


def test_a_schema_is_made_by_whoever_may_use_the_database(tenants: Account) -> None:
    with connection(tenants, "ACCOUNTADMIN") as admin, connection(tenants, "FOUNDER") as founder:
        run(admin, "CREATE ROLE founder\nGRANT CREATE SCHEMA ON DATABASE mine TO ROLE founder")
        assert refusal(founder, "CREATE SCHEMA mine.own").errno == 2003
        run(admin, "GRANT USAGE ON DATABASE mine TO ROLE founder")
        founder.execute("CREATE SCHEMA mine.own")
