"""Time Travel: tables as they were, what was dropped brought back, clones, and the end of what is kept."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import connection, refusal, run, serving

_schemas = itertools.count(1)
TOO_LONG_AGO = "Time travel data is not available for table T."


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Iterator[Account]:
    """One account for all tests that leave its clock alone."""
    account = Account(tmp_path_factory.mktemp("time_travel") / "snowflake")
    account.initialise(deploy_public_key=key_pair.public)
    with connection(account, "ACCOUNTADMIN") as admin:
        run(
            admin,
            "CREATE WAREHOUSE w\nCREATE DATABASE d\nCREATE ROLE reader\nGRANT USAGE ON WAREHOUSE w TO ROLE reader",
        )
    yield account
    account.close()


@pytest.fixture
def admin(shared: Account) -> Iterator[Connection]:
    """A connection in a schema of its own."""
    schema = f"S{next(_schemas)}"
    with connection(shared, "ACCOUNTADMIN", warehouse="W") as made:
        run(made, f"USE DATABASE d\nCREATE SCHEMA {schema}")
        yield made


@pytest.fixture
def alone(account: Account) -> Iterator[Connection]:
    """A connection to an account of its own, whose clock may be moved."""
    with connection(account, "ACCOUNTADMIN") as made:
        run(made, "CREATE WAREHOUSE w\nCREATE DATABASE d\nCREATE SCHEMA d.s")
        yield made


def later(account: Account, **how_much: float) -> None:
    """Move the account's clock on."""
    account.use_clock(lambda: datetime.now(UTC) + timedelta(**how_much))


def rows(made: Connection, sql: str) -> list[tuple[Any, ...]]:
    return sorted(made.execute(sql).rows, key=repr)


def run_one(made: Connection, sql: str) -> str:
    """Run a statement and return its query id."""
    return made.execute(sql).query_id


def as_role(account: Account, role: str, like: Connection) -> Connection:
    session = like.session
    return connection(account, role, warehouse="W", schema=f"{session.database}.{session.schema}")


# --- tables as they were


CHANGES = (
    """
INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', NULL)
INSERT INTO t SELECT id + 10, name, OBJECT_CONSTRUCT('n', id) FROM t
UPDATE t SET name = 'changed' WHERE id = 1
INSERT INTO t (id) VALUES (3), (3)
DELETE FROM t WHERE id = 2
UPDATE t SET name = s.n FROM (SELECT 3 AS i, 'joined' AS n) s WHERE t.id = s.i
MERGE INTO t USING (SELECT * FROM VALUES (1, 'm'), (77, 'n') AS v(i, n)) s ON t.id = s.i WHEN MATCHED THEN DELETE \
WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.i, s.n)
MERGE INTO t USING (SELECT * FROM VALUES (77, 'x'), (11, NULL) AS v(i, n)) s ON t.id = s.i \
WHEN MATCHED AND s.n IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.n
UPDATE t SET name = name || '!' WHERE id IN (SELECT MAX(id) FROM t)
UPDATE t SET name = 'lucky' WHERE UNIFORM(0, 1, RANDOM()) = 1
INSERT OVERWRITE INTO t SELECT id, name, doc FROM t WHERE id > 3
DELETE FROM t
INSERT INTO t (id, name) VALUES (5, 'again')
TRUNCATE TABLE t
""".replace("\\\n", "")
    .strip()
    .splitlines()
)


def test_a_table_can_be_read_before_and_after_each_statement(admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT, name VARCHAR, doc VARIANT)")
    states, statements = [[]], []
    for change in CHANGES:
        statements.append(run_one(admin, change))
        states.append(rows(admin, "SELECT * FROM t"))
    assert states[1] != states[2] != states[3]
    for number, statement in enumerate(statements):
        assert rows(admin, f"SELECT * FROM t BEFORE (STATEMENT => '{statement}')") == states[number], CHANGES[number]
        assert rows(admin, f"SELECT * FROM t AT (STATEMENT => '{statement}')") == states[number + 1], CHANGES[number]


@pytest.mark.parametrize("seed", [1, 2])
def test_any_run_of_changes_and_transactions(admin: Connection, seed: int) -> None:
    chance = random.Random(seed)
    run(admin, "CREATE TABLE t (id INT, v VARCHAR)")
    known: list[tuple[str, list[tuple[Any, ...]]]] = []
    for step in range(30):
        number = chance.randrange(12)
        choices = [
            f"INSERT INTO t SELECT SEQ4(), 'i{step}' FROM TABLE(GENERATOR(ROWCOUNT => {number + 1}))",
            f"INSERT INTO t VALUES ({number}, 'one')",
            f"UPDATE t SET v = 'u{step}' WHERE id = {number}",
            f"DELETE FROM t WHERE id = {number} AND v <> 'u3'",
            f"MERGE INTO t USING (SELECT {number} AS id) s ON t.id = s.id AND t.v = 'one' WHEN MATCHED THEN UPDATE "
            "SET v = 'm' WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'new')",
        ]
        if chance.random() < 0.2:
            run(admin, "BEGIN")
            for _ in range(chance.randrange(1, 4)):
                admin.execute(chance.choice(choices))
            admin.execute(chance.choice(["COMMIT", "ROLLBACK"]))
            statement = run_one(admin, "SELECT 1")
        else:
            statement = run_one(admin, chance.choice(choices))
        known.append((statement, rows(admin, "SELECT * FROM t")))
    assert len({repr(state) for _, state in known}) > 10
    for statement, state in known:
        assert rows(admin, f"SELECT * FROM t AT (STATEMENT => '{statement}')") == state


def test_times_offsets_and_expressions_say_when(admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT)\nINSERT INTO t VALUES (1)")
    ((moment,),) = admin.execute("SELECT CURRENT_TIMESTAMP()").rows
    run(admin, "INSERT INTO t VALUES (2)\nSET moment = 'unused'")
    zoned, utc = moment.isoformat(), moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    run(admin, f"ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'\nSET moment = '{utc}'")
    for when in (
        f"TIMESTAMP => '{zoned}'::TIMESTAMP_TZ",
        f"TIMESTAMP => '{zoned}'::TIMESTAMP_LTZ",
        # Without a zone it is UTC, whatever the session's is.
        f"TIMESTAMP => '{utc}'::TIMESTAMP",
        f"TIMESTAMP => '{utc}'",
        "TIMESTAMP => $moment",
        f"TIMESTAMP => DATEADD(hour, -1, '{utc}'::TIMESTAMP_NTZ + INTERVAL '1 hour')",
    ):
        assert rows(admin, f"SELECT id FROM t AT ({when}) AS x WHERE x.id > 0") == [(1,)], when
    assert rows(admin, "SELECT id FROM t AT (OFFSET => -0.5 * 0)") == [(1,), (2,)]
    joined = f"SELECT n.id FROM t n LEFT JOIN t AT (TIMESTAMP => '{zoned}'::TIMESTAMP_TZ) o ON n.id = o.id"
    assert rows(admin, f"{joined} WHERE o.id IS NULL") == [(2,)]
    run(admin, f"INSERT INTO t SELECT id + 10 FROM t AT (TIMESTAMP => '{zoned}'::TIMESTAMP_TZ)")
    assert rows(admin, "SELECT id FROM t") == [(1,), (11,), (2,)]
    run(admin, f"CREATE TABLE o AS SELECT * FROM t AT (TIMESTAMP => '{zoned}'::TIMESTAMP_TZ)")
    run(admin, "CREATE VIEW v AS SELECT id FROM t")
    for past in ("o", f"v AT (TIMESTAMP => '{zoned}'::TIMESTAMP_TZ)"):
        assert rows(admin, f"SELECT * FROM {past}") == [(1,)]


def test_changes_of_a_transaction_happen_when_it_ends(shared: Account, admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT, v VARCHAR)\nINSERT INTO t VALUES (1, 'a'), (2, 'b')")
    with as_role(shared, "ACCOUNTADMIN", admin) as other:
        run(other, "BEGIN\nINSERT INTO t VALUES (3, 'open')")
        run(admin, "INSERT INTO t VALUES (4, 'meanwhile')")
        run(other, "UPDATE t SET v = 'seen' WHERE id IN (1, 3)")
        # Another's statement, and one of its own that it has not kept yet.
        during = run_one(admin, "INSERT INTO t VALUES (5, 'meanwhile')")
        assert rows(other, "SELECT id FROM t AT (OFFSET => 0)") == [(1,), (2,)]
        run(other, "COMMIT")
    after = run_one(admin, "DELETE FROM t WHERE id = 2")
    assert rows(admin, f"SELECT * FROM t AT (STATEMENT => '{during}')") == [
        (1, "a"),
        (2, "b"),
        (4, "meanwhile"),
        (5, "meanwhile"),
    ]
    assert rows(admin, f"SELECT * FROM t BEFORE (STATEMENT => '{after}')") == [
        (1, "seen"),
        (2, "b"),
        (3, "seen"),
        (4, "meanwhile"),
        (5, "meanwhile"),
    ]
    with as_role(shared, "ACCOUNTADMIN", admin) as one, as_role(shared, "ACCOUNTADMIN", admin) as two:
        run(admin, "CREATE TABLE u (id INT)\nINSERT INTO u VALUES (1), (2)")
        # Both are the first to change something, and know nothing of each other.
        run(one, "BEGIN\nUPDATE u SET id = 11 WHERE id = 1")
        run(two, "BEGIN\nUPDATE u SET id = 12 WHERE id = 2\nCOMMIT")
        between = run_one(admin, "SELECT 1")
        run(one, "COMMIT")
    assert rows(admin, f"SELECT * FROM u AT (STATEMENT => '{between}')") == [(1,), (12,)]
    assert rows(admin, f"SELECT * FROM u BEFORE (STATEMENT => '{between}')") == [(1,), (12,)]
    assert rows(admin, "SELECT * FROM u") == [(11,), (12,)]
    run(admin, "BEGIN\nUPDATE t SET v = 'lost'\nROLLBACK")
    assert rows(admin, "SELECT DISTINCT v FROM t AT (OFFSET => 0)") == [("meanwhile",), ("seen",)]


def test_rows_bound_in_bulk_are_copied_once_and_only_when_something_changes(shared: Account, admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT, v VARCHAR)")

    def copies() -> int:
        with shared.cursor() as cursor:
            logs = cursor.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'D' AND schema_name = '_time_travel' "
                "AND starts_with(table_name, 'log_') AND list_contains(?, split_part(table_name, '_', 2)::BIGINT)",
                [
                    [
                        table.identifier
                        for table in shared.list(None, "TABLE")
                        if table.name.schema == admin.session.schema
                    ]
                ],
            ).fetchall()
            return sum(
                row[0]
                for (log,) in logs
                for row in cursor.execute(f'SELECT count(*) FROM "D"._time_travel."{log}"').fetchall()
            )

    for batch in range(20):
        admin.execute_many("INSERT INTO t VALUES (?, ?)", [(batch * 100 + row, "v") for row in range(100)])
    assert copies() == 0
    for row in range(10):
        run(admin, f"UPDATE t SET v = 'w' WHERE id = {row}")
    assert copies() == 2000 + 10 * 2
    admin.execute_many("INSERT INTO t VALUES (?, ?)", [(row, "v") for row in range(100)])
    before = run_one(admin, "DELETE FROM t WHERE id < 5")
    assert copies() == 2020 + 100 + 10
    assert rows(admin, f"SELECT COUNT(*), COUNT_IF(v = 'w') FROM t BEFORE (STATEMENT => '{before}')") == [(2100, 10)]


def test_columns_are_those_of_now_but_a_clone_has_those_of_then(admin: Connection) -> None:
    run(
        admin,
        "CREATE TABLE t (id INT NOT NULL, gone VARCHAR(20), old VARCHAR)\nINSERT INTO t VALUES (1, 'kept', 'o')",
    )
    first = run_one(admin, "ALTER TABLE t DROP COLUMN gone")
    run(admin, "ALTER TABLE t RENAME COLUMN old TO new\nALTER TABLE t ADD COLUMN added INT")
    run(admin, "UPDATE t SET added = 7, new = 'p'\nINSERT INTO t VALUES (2, 'q', 8)")
    assert rows(admin, f"SELECT * FROM t BEFORE (STATEMENT => '{first}')") == [(1, "o", None)]
    run(admin, f"CREATE TABLE c CLONE t BEFORE (STATEMENT => '{first}')")
    assert rows(admin, "SELECT id, gone, old FROM c") == [(1, "kept", "o")]
    described = {row[0]: (row[1], row[3]) for row in admin.execute("DESCRIBE TABLE c").rows}
    assert described == {"ID": ("NUMBER(38,0)", "N"), "GONE": ("VARCHAR(20)", "Y"), "OLD": ("VARCHAR(16777216)", "Y")}


def test_what_was_is_there_after_a_restart_and_a_rename(tmp_path: Path, key_pair: KeyPair) -> None:
    account = Account(tmp_path / "snowflake")
    account.initialise(deploy_public_key=key_pair.public)
    with connection(account, "ACCOUNTADMIN") as made:
        run(made, "CREATE WAREHOUSE w\nCREATE DATABASE d\nCREATE SCHEMA s\nCREATE TABLE t (id INT)")
        run(made, "INSERT INTO t VALUES (1)\nINSERT INTO t VALUES (2)")
        changed = run_one(made, "UPDATE t SET id = id + 10 WHERE id = 2")
        run(made, "CREATE TABLE lost (id INT)\nINSERT INTO lost VALUES (3)\nDROP TABLE lost")
        run(made, "ALTER TABLE t RENAME TO u\nALTER SCHEMA s RENAME TO r\nALTER DATABASE d RENAME TO e")
    account.close()
    account = Account(tmp_path / "snowflake")
    try:
        with connection(account, "ACCOUNTADMIN", warehouse="W") as made:
            run(made, "INSERT INTO e.r.u VALUES (4)\nDELETE FROM e.r.u WHERE id = 1\nUNDROP TABLE e.r.lost")
            assert rows(made, f"SELECT * FROM e.r.u BEFORE (STATEMENT => '{changed}')") == [(1,), (2,)]
            assert rows(made, "SELECT * FROM e.r.lost") == [(3,)]
    finally:
        account.close()


@pytest.mark.parametrize(
    ("when", "errno", "words"),
    [
        ("AT (OFFSET => -3600)", 707, TOO_LONG_AGO),
        ("AT (OFFSET => -90000)", 707, TOO_LONG_AGO),
        ("BEFORE (TIMESTAMP => '2020-01-01'::TIMESTAMP_NTZ)", 707, TOO_LONG_AGO),
        ("AT (TIMESTAMP => '2999-01-01'::TIMESTAMP_NTZ)", 707, "Future data is not available"),
        ("AT (OFFSET => 60)", 1008, "'OFFSET'"),
        ("AT (OFFSET => 'x')", 1008, "'OFFSET'"),
        ("AT (TIMESTAMP => 'yesterday')", 1008, "'TIMESTAMP'"),
        ("AT (TIMESTAMP => NULL)", 1008, "'TIMESTAMP'"),
        ("AT (STATEMENT => 'no-such-id')", 709, "Statement no-such-id not found"),
        ("AT (STREAM => 'x')", 2, "AT and BEFORE with STREAM"),
    ],
)
def test_a_moment_that_is_not_there(admin: Connection, when: str, errno: int, words: str) -> None:
    run(admin, "CREATE TABLE t (id INT)\nINSERT INTO t VALUES (1)")
    for sql in (f"SELECT * FROM t {when}", f"CREATE TABLE c CLONE t {when}"):
        error = refusal(admin, sql)
        assert (error.errno, words in error.message) == (errno, True), error
    assert refusal(admin, "SELECT * FROM c").errno == 2003


@pytest.mark.parametrize(
    "sql",
    [
        "WITH c AS (SELECT 1 AS a) SELECT * FROM c AT (OFFSET => 0)",
        "UPDATE t AT (OFFSET => 0) SET id = 1",
        "SELECT * FROM information_schema.tables AT (OFFSET => 0)",
        "CREATE VIEW v AS SELECT * FROM t AT (OFFSET => -1)",
        "CREATE SCHEMA c CLONE public IGNORE TABLES WITH INSUFFICIENT DATA RETENTION",
        "UNDROP VIEW v",
        "UNDROP TABLE IDENTIFIER(12)",
        "ALTER TABLE t SWAP WITH d.public.u",
    ],
)
def test_what_is_not_built_is_refused_by_name(admin: Connection, sql: str) -> None:
    run(admin, "CREATE TABLE t (id INT)\nCREATE TABLE IF NOT EXISTS d.public.u (id INT)")
    error = refusal(admin, sql)
    assert error.errno in (2, 1003), error


# --- how long it is kept


def test_the_past_ends_with_the_retention(account: Account, alone: Connection) -> None:
    run(alone, "CREATE TABLE t (id INT)\nINSERT INTO t VALUES (1)\nINSERT INTO t VALUES (2)")
    statement = run_one(alone, "DELETE FROM t WHERE id = 1")
    run(alone, "CREATE TABLE lost (id INT)\nDROP TABLE lost\nDROP TABLE IF EXISTS nothing")
    before = f"SELECT * FROM t BEFORE (STATEMENT => '{statement}')"
    later(account, hours=23)
    assert rows(alone, before) == [(1,), (2,)]
    later(account, hours=25)
    assert refusal(alone, before).errno == 707
    error = refusal(alone, "UNDROP TABLE lost")
    assert (error.errno, error.sqlstate) == (2003, "42S02")
    assert "did not exist or was purged" in error.message
    # With the next change what no time can be read by any longer is thrown away.
    run(alone, "INSERT INTO t VALUES (3)")
    with account.cursor() as cursor:
        ((log,),) = cursor.execute("SELECT name FROM d._time_travel.logs").fetchall()
        assert cursor.execute(f'SELECT * FROM d._time_travel."{log}"').fetchall() == []
    assert rows(alone, "SELECT * FROM t AT (OFFSET => -3600)") == [(2,)]
    assert rows(alone, "SELECT * FROM t") == [(2,), (3,)]


def test_days_are_inherited_and_nothing_is_kept_for_none(account: Account, alone: Connection) -> None:
    run(alone, "ALTER DATABASE d SET DATA_RETENTION_TIME_IN_DAYS = 0\nCREATE TABLE t (id INT)\nCREATE TABLE x (id INT)")
    run(alone, "INSERT INTO t VALUES (1)\nUPDATE t SET id = 2\nDROP TABLE x")
    assert refusal(alone, "SELECT * FROM t AT (OFFSET => 0)").errno == 707
    assert refusal(alone, "UNDROP TABLE x").errno == 2003
    with account.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM d._time_travel.logs").fetchall() == [(0,)]
    # From now on it is kept: not what was before.
    unknown = run_one(alone, "SELECT 1")
    run(alone, "ALTER SCHEMA s SET DATA_RETENTION_TIME_IN_DAYS = 5")
    statement = run_one(alone, "INSERT INTO t VALUES (3)")
    run(alone, "DELETE FROM t WHERE id = 2")
    assert rows(alone, f"SELECT * FROM t BEFORE (STATEMENT => '{statement}')") == [(2,)]
    assert rows(alone, f"SELECT * FROM t AT (STATEMENT => '{unknown}')") == [(2,)]
    later(account, days=4)
    assert rows(alone, f"SELECT * FROM t AT (STATEMENT => '{statement}')") == [(2,), (3,)]
    run(alone, "ALTER TABLE t SET DATA_RETENTION_TIME_IN_DAYS = 2")
    assert refusal(alone, f"SELECT * FROM t AT (STATEMENT => '{statement}')").errno == 707
    run(alone, "ALTER ACCOUNT SET MIN_DATA_RETENTION_TIME_IN_DAYS = 10")
    assert rows(alone, f"SELECT * FROM t AT (STATEMENT => '{statement}')") == [(2,), (3,)]


def test_a_transient_table_is_kept_for_a_day(account: Account, alone: Connection) -> None:
    run(alone, "ALTER DATABASE d SET DATA_RETENTION_TIME_IN_DAYS = 30\nCREATE TRANSIENT TABLE t (id INT)\nDROP TABLE t")
    run(alone, "CREATE TABLE p (id INT)\nDROP TABLE p")
    later(account, days=2)
    assert refusal(alone, "UNDROP TABLE t").errno == 2003
    run(alone, "UNDROP TABLE p")


def test_a_dropped_database_goes_for_good_at_the_end(account: Account, alone: Connection, tmp_path: Path) -> None:
    files = {path.name for path in (tmp_path / "snowflake" / "data").iterdir()}
    run(alone, "CREATE DATABASE x\nCREATE TABLE x.public.t (id INT)\nDROP TABLE x.public.t\nDROP DATABASE x")
    run(alone, "CREATE SCHEMA d.x\nCREATE TABLE d.x.t (id INT)\nINSERT INTO d.x.t VALUES (1)\nDROP SCHEMA d.x")
    assert {path.name for path in (tmp_path / "snowflake" / "data").iterdir()} > files
    later(account, days=2)
    assert alone.execute("SHOW DATABASES HISTORY LIKE 'X'").rows == []
    assert {path.name for path in (tmp_path / "snowflake" / "data").iterdir()} == files
    with account.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'X'").fetchall() == [(0,)]
    assert refusal(alone, "UNDROP DATABASE x").errno == 2003
    assert refusal(alone, "UNDROP SCHEMA d.x").errno == 2003


# --- UNDROP


def test_a_table_comes_back_with_all_that_was_its(shared: Account, admin: Connection) -> None:
    run(
        admin,
        """CREATE TABLE t (id INT AUTOINCREMENT, name VARCHAR NOT NULL) COMMENT = 'c'
INSERT INTO t (name) VALUES ('a'), ('b')
GRANT USAGE ON DATABASE d TO ROLE reader
GRANT SELECT ON TABLE t TO ROLE reader
CREATE MASKING POLICY m AS (v VARCHAR) RETURNS VARCHAR -> '***'
CREATE ROW ACCESS POLICY r AS (v INT) RETURNS BOOLEAN -> v > 1
ALTER TABLE t MODIFY COLUMN name SET MASKING POLICY m
ALTER TABLE t ADD ROW ACCESS POLICY r ON (id)
CREATE TAG g
ALTER TABLE t SET TAG g = 'v'""",
    )
    admin.execute(f"GRANT USAGE ON SCHEMA {admin.session.schema} TO ROLE reader")
    names = ("SHOW GRANTS ON TABLE t", "DESCRIBE TABLE t")
    before = [admin.execute(sql).rows for sql in names]
    run(admin, "DROP TABLE t\nUNDROP TABLE t")
    assert [admin.execute(sql).rows for sql in names] == before
    assert rows(admin, "SELECT * FROM t") == [(2, "***")]
    full = f"d.{admin.session.schema}"
    assert rows(admin, f"SELECT SYSTEM$GET_TAG('{full}.g', '{full}.t', 'table')") == [("v",)]
    run(admin, "INSERT INTO t (name) VALUES ('c')")
    assert rows(admin, "SELECT id FROM t") == [(2,), (3,)]
    with as_role(shared, "READER", admin) as reader:
        assert rows(reader, "SELECT name FROM t") == [("***",), ("***",)]


def test_the_last_that_was_dropped_comes_back_first(admin: Connection) -> None:
    for number in (1, 2):
        run(admin, f"CREATE OR REPLACE TABLE t (v{number} INT)\nINSERT INTO t VALUES ({number})")
    error = refusal(admin, "UNDROP TABLE t")
    assert (error.errno, error.sqlstate) == (2002, "42710")
    run(admin, "DROP TABLE t\nUNDROP TABLE t\nALTER TABLE t RENAME TO second\nUNDROP TABLE t")
    assert rows(admin, "SELECT v2 FROM second") == [(2,)]
    assert rows(admin, "SELECT v1 FROM t") == [(1,)]
    error = refusal(admin, "UNDROP TABLE third")
    assert "did not exist or was purged" in error.message
    run(admin, "DROP TABLE t\nCREATE VIEW t AS SELECT 1 AS a")
    assert refusal(admin, "UNDROP TABLE t").errno == 2002


def test_only_who_owned_it_and_may_make_it_brings_it_back(shared: Account, admin: Connection) -> None:
    schema = admin.session.schema
    run(
        admin,
        f"""CREATE ROLE IF NOT EXISTS maker
GRANT USAGE ON WAREHOUSE w TO ROLE maker
GRANT USAGE ON DATABASE d TO ROLE maker
GRANT USAGE, CREATE TABLE ON SCHEMA {schema} TO ROLE maker
GRANT USAGE ON DATABASE d TO ROLE reader
GRANT USAGE, CREATE TABLE ON SCHEMA {schema} TO ROLE reader""",
    )
    with as_role(shared, "MAKER", admin) as maker, as_role(shared, "READER", admin) as reader:
        run(maker, "CREATE TABLE t (id INT)\nDROP TABLE t")
        assert "did not exist or was purged" in refusal(reader, "UNDROP TABLE t").message
        assert reader.execute("SHOW TABLES HISTORY").rows == []
        run(maker, "UNDROP TABLE t\nGRANT SELECT ON TABLE t TO ROLE reader\nDROP TABLE t")
        assert refusal(reader, "UNDROP TABLE t").errno == 3001
        run(admin, f"REVOKE CREATE TABLE ON SCHEMA {schema} FROM ROLE maker")
        assert refusal(maker, "UNDROP TABLE t").errno == 3001
    # What a role owned that is gone by then is its heir's.
    run(admin, "DROP ROLE maker\nUNDROP TABLE t")
    ((owner,),) = {(row[5],) for row in admin.execute("SHOW GRANTS ON TABLE t").rows if row[1] == "OWNERSHIP"}
    assert owner == "ACCOUNTADMIN"


def test_no_table_comes_back_without_its_protection(admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id VARCHAR)\nCREATE MASKING POLICY m AS (v VARCHAR) RETURNS VARCHAR -> '***'")
    run(admin, "ALTER TABLE t MODIFY COLUMN id SET MASKING POLICY m\nDROP TABLE t\nDROP MASKING POLICY m")
    error = refusal(admin, "UNDROP TABLE t")
    assert (error.errno, "a policy that protected it was dropped since" in error.message) == (3531, True)


def test_schemas_and_databases_come_back_with_all_in_them(admin: Connection) -> None:
    run(
        admin,
        """CREATE DATABASE x
CREATE SCHEMA x.s
CREATE DATABASE ROLE x.r
CREATE TABLE x.s.t (id INT AUTOINCREMENT, v VARCHAR)
INSERT INTO x.s.t (v) VALUES ('a')
CREATE FUNCTION x.s.f(a INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'f' AS 'f = lambda a: a + 1'
CREATE VIEW x.s.v AS SELECT f(id) AS n FROM x.s.t
CREATE SEQUENCE x.s.q
GRANT USAGE ON SCHEMA x.s TO DATABASE ROLE x.r
GRANT SELECT ON FUTURE TABLES IN SCHEMA x.s TO DATABASE ROLE x.r
CREATE TABLE x.s.gone (id INT)
INSERT INTO x.s.gone VALUES (9)
DROP TABLE x.s.gone""",
    )
    statement = run_one(admin, "DELETE FROM x.s.t")
    run(admin, "DROP SCHEMA x.s\nUNDROP SCHEMA x.s\nDROP SCHEMA x.s")
    # Another takes the name meanwhile, and gives it free again.
    run(admin, "CREATE SCHEMA x.s\nCREATE TABLE x.s.t (other INT)")
    assert refusal(admin, "UNDROP SCHEMA x.s").errno == 2002
    run(admin, "ALTER SCHEMA x.s RENAME TO x.other\nUNDROP SCHEMA x.s\nDROP DATABASE x\nUNDROP DATABASE x")
    run(admin, "UNDROP TABLE x.s.gone")
    assert rows(admin, "SELECT * FROM x.s.gone") == [(9,)]
    assert rows(admin, f"SELECT * FROM x.s.t BEFORE (STATEMENT => '{statement}')") == [(1, "a")]
    run(admin, "INSERT INTO x.s.t (v) VALUES ('b')\nCREATE TABLE x.s.made (id INT)")
    assert rows(admin, "SELECT n FROM x.s.v") == [(3,)]
    granted = {row[3] for row in admin.execute("SHOW GRANTS TO DATABASE ROLE x.r").rows}
    assert granted >= {"X.S", "X.S.MADE"}
    assert admin.execute("SELECT other FROM x.other.t").rows == []
    run(admin, "CREATE OR REPLACE DATABASE x\nALTER DATABASE x RENAME TO y\nUNDROP DATABASE x\nDROP DATABASE y")
    assert rows(admin, "SELECT * FROM x.s.gone") == [(9,)]
    run(admin, "CREATE OR REPLACE SCHEMA x.s\nDROP SCHEMA x.s\nUNDROP SCHEMA x.s\nALTER SCHEMA x.s RENAME TO x.new")
    run(admin, "UNDROP SCHEMA x.s\nDROP DATABASE x")


def test_history_shows_what_was_dropped(admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT)\nDROP TABLE t\nCREATE TABLE t (id INT)\nCREATE TABLE other (id INT)")
    shown = admin.execute("SHOW TABLES HISTORY LIKE 't'")
    names = [column.name for column in shown.columns]
    assert names[names.index("retention_time") + 1] == "dropped_on"
    found = [(row[names.index("name")], row[names.index("dropped_on")] is not None) for row in shown.rows]
    assert found == [("T", True), ("T", False)]
    assert "dropped_on" not in [column.name for column in admin.execute("SHOW TABLES").columns]
    run(admin, "CREATE SCHEMA d.gone\nDROP SCHEMA d.gone")
    assert len(admin.execute("SHOW SCHEMAS HISTORY LIKE 'GONE' IN DATABASE d").rows) == 1
    assert refusal(admin, "SHOW VIEWS HISTORY").errno == 2


# --- what a reader may see


def test_the_past_shows_no_more_than_the_present(shared: Account, admin: Connection) -> None:
    schema = admin.session.schema
    run(
        admin,
        f"""CREATE TABLE t (id INT, secret VARCHAR, gone VARCHAR)
INSERT INTO t VALUES (1, 'phi', 'phi'), (2, 'phi', 'phi')
GRANT USAGE ON DATABASE d TO ROLE reader
GRANT USAGE, CREATE TABLE ON SCHEMA {schema} TO ROLE reader""",
    )
    past = run_one(admin, "SELECT 1")
    run(
        admin,
        """UPDATE t SET secret = 'phi2'
CREATE MASKING POLICY m AS (v VARCHAR) RETURNS VARCHAR -> CASE WHEN CURRENT_ROLE() = 'READER' THEN '***' ELSE v END
CREATE ROW ACCESS POLICY r AS (v INT) RETURNS BOOLEAN -> v = 1 OR CURRENT_ROLE() <> 'READER'
ALTER TABLE t MODIFY COLUMN secret SET MASKING POLICY m
ALTER TABLE t MODIFY COLUMN gone SET MASKING POLICY m
ALTER TABLE t ADD ROW ACCESS POLICY r ON (id)
ALTER TABLE t DROP COLUMN gone
ALTER TABLE t RENAME COLUMN secret TO renamed""",
    )
    at = f"AT (STATEMENT => '{past}')"
    with as_role(shared, "READER", admin) as reader:
        for sql in (f"SELECT * FROM t {at}", f"CREATE TABLE c CLONE t {at}", "CREATE TABLE c CLONE t"):
            assert refusal(reader, sql).errno == 2003
        run(admin, "GRANT SELECT ON TABLE t TO ROLE reader")
        assert rows(reader, f"SELECT * FROM t {at}") == [(1, "***")]
        assert rows(reader, f"SELECT id FROM t {at} WHERE renamed LIKE 'phi%'") == []
        # The clone is the reader's own, and still behind the policies, on the columns as they were called.
        run(reader, f"CREATE TABLE c CLONE t {at}")
        assert rows(reader, "SELECT id, secret, gone FROM c") == [(1, "***", "***")]
        run(reader, "GRANT SELECT ON TABLE c TO ROLE accountadmin")
        assert rows(admin, "SELECT id, secret, gone FROM c") == [(1, "phi", "phi"), (2, "phi", "phi")]
        run(admin, "REVOKE SELECT ON TABLE t FROM ROLE reader")
        assert refusal(reader, f"SELECT * FROM t {at}").errno == 2003


def test_a_policy_on_a_column_of_now_stands_before_no_time_without_it(admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT)\nINSERT INTO t VALUES (1)")
    statement = run_one(admin, "ALTER TABLE t ADD COLUMN tenant INT")
    run(
        admin,
        """CREATE ROW ACCESS POLICY r AS (v INT) RETURNS BOOLEAN -> v = 1
ALTER TABLE t ADD ROW ACCESS POLICY r ON (tenant)""",
    )
    # The column was not there: its value is not known, and the policy shows nothing; a clone could not have it.
    assert rows(admin, f"SELECT * FROM t BEFORE (STATEMENT => '{statement}')") == []
    error = refusal(admin, f"CREATE TABLE c CLONE t BEFORE (STATEMENT => '{statement}')")
    assert (error.errno, "a policy of it would not hold" in error.message) == (3531, True)


def test_a_clone_does_not_leave_the_tags_that_mask_it(admin: Connection) -> None:
    schema = admin.session.schema
    run(
        admin,
        f"""CREATE TABLE t (id VARCHAR)
CREATE MASKING POLICY m AS (v VARCHAR) RETURNS VARCHAR -> '***'
CREATE TAG phi
ALTER TAG phi SET MASKING POLICY m
ALTER SCHEMA {schema} SET TAG phi = 'yes'
CREATE TABLE inside CLONE t""",
    )
    assert "masks columns" in refusal(admin, "CREATE TABLE d.public.c CLONE t").message


# --- clones and swapping


def test_a_table_is_put_back_by_a_clone_of_itself(admin: Connection) -> None:
    run(admin, "CREATE TABLE t (id INT AUTOINCREMENT, v VARCHAR) COMMENT = 'kept' DATA_RETENTION_TIME_IN_DAYS = 7")
    run(admin, "INSERT INTO t (v) VALUES ('a'), ('b')\nGRANT SELECT ON TABLE t TO ROLE reader")
    lost = run_one(admin, "DELETE FROM t WHERE v = 'a'")
    run(admin, f"CREATE OR REPLACE TABLE t CLONE t BEFORE (STATEMENT => '{lost}') COPY GRANTS")
    assert rows(admin, "SELECT * FROM t") == [(1, "a"), (2, "b")]
    (shown,) = admin.execute("SHOW TABLES LIKE 't'").rows
    assert (shown[5], shown[10]) == ("kept", "7")
    assert {row[1] for row in admin.execute("SHOW GRANTS ON TABLE t").rows} == {"OWNERSHIP", "SELECT"}
    run(admin, "INSERT INTO t (v) VALUES ('c')\nALTER TABLE t RENAME TO mended\nUNDROP TABLE t")
    assert rows(admin, "SELECT * FROM mended") == [(1, "a"), (2, "b"), (3, "c")]
    assert rows(admin, "SELECT * FROM t") == [(2, "b")]
    run(admin, "CREATE TABLE without CLONE mended\nCREATE TABLE with CLONE mended COPY GRANTS")
    for table, granted in (("without", {"OWNERSHIP"}), ("with", {"OWNERSHIP", "SELECT"})):
        assert {row[1] for row in admin.execute(f"SHOW GRANTS ON TABLE {table}").rows} == granted
    run(admin, "DELETE FROM without")
    assert len(rows(admin, "SELECT * FROM mended")) == 3
    assert "already exists" in admin.execute("CREATE TABLE IF NOT EXISTS with CLONE mended").rows[0][0]
    assert refusal(admin, "CREATE TABLE with CLONE mended").errno == 2002


def test_a_schema_and_a_database_are_cloned_as_they_were(shared: Account, admin: Connection) -> None:
    run(
        admin,
        """CREATE DATABASE o
CREATE SCHEMA o.s
CREATE DATABASE ROLE o.r
CREATE TABLE o.s.t (id INT, v VARCHAR)
CREATE TABLE o.s.dropped (id INT)
INSERT INTO o.s.t VALUES (1, 'phi')
INSERT INTO o.s.dropped VALUES (4)
GRANT SELECT ON TABLE o.s.t TO DATABASE ROLE o.r
GRANT USAGE ON SCHEMA o.s TO DATABASE ROLE o.r
GRANT USAGE ON SCHEMA o.s TO ROLE reader
CREATE MASKING POLICY o.s.m AS (x VARCHAR) RETURNS VARCHAR -> '***'
ALTER TABLE o.s.t MODIFY COLUMN v SET MASKING POLICY o.s.m
CREATE FUNCTION o.s.f(a INT) RETURNS INT AS 'a + 1'
CREATE VIEW o.s.v AS SELECT f(id) AS n FROM t""",
    )
    statement = run_one(admin, "UPDATE o.s.t SET id = 2")
    run(admin, "DROP TABLE o.s.dropped\nCREATE TABLE o.s.later (id INT)\nCREATE SCHEMA o.new CLONE o.s")
    assert rows(admin, "SELECT * FROM o.new.t") == [(2, "***")]
    assert refusal(admin, "SELECT * FROM o.new.dropped").errno == 2003
    assert {row[5] for row in admin.execute("SHOW GRANTS ON SCHEMA o.new").rows} == {"ACCOUNTADMIN"}
    run(admin, f"CREATE DATABASE c CLONE o BEFORE (STATEMENT => '{statement}')\nDROP DATABASE o")
    assert rows(admin, "SELECT * FROM c.s.t") == [(1, "***")]
    assert rows(admin, "SELECT * FROM c.s.dropped") == [(4,)]
    assert rows(admin, "SELECT n FROM c.s.v") == [(2,)]
    for gone in ("c.s.later", "c.new.t"):
        assert refusal(admin, f"SELECT * FROM {gone}").errno == 2003
    assert {row[3] for row in admin.execute("SHOW GRANTS TO DATABASE ROLE c.r").rows} >= {"C.S", "C.S.T"}
    with as_role(shared, "READER", admin) as reader:
        assert refusal(reader, "CREATE DATABASE mine CLONE c").errno == 2003
    run(admin, "DROP DATABASE c")


def test_who_may_use_a_schema_gets_no_power_over_it_by_a_clone(shared: Account, admin: Connection) -> None:
    schema = admin.session.schema
    run(
        admin,
        f"""ALTER SCHEMA {schema} ENABLE MANAGED ACCESS
CREATE TABLE t (id INT)
CREATE TABLE dropped (id INT)
DROP TABLE dropped
CREATE ROLE IF NOT EXISTS guest
GRANT USAGE ON WAREHOUSE w TO ROLE guest
GRANT USAGE, CREATE SCHEMA ON DATABASE d TO ROLE guest
GRANT USAGE ON SCHEMA {schema} TO ROLE guest""",
    )
    with as_role(shared, "GUEST", admin) as guest:
        assert refusal(guest, f"CREATE SCHEMA {schema}_c CLONE {schema} WITH MANAGED ACCESS").errno == 3001
        run(guest, f"CREATE SCHEMA {schema}_c CLONE {schema}")
        for sql in (
            "SELECT * FROM t",
            "CREATE TABLE mine CLONE t",
            "GRANT SELECT ON TABLE t TO ROLE guest",
            "GRANT OWNERSHIP ON TABLE t TO ROLE guest",
            f"ALTER SCHEMA {schema}_c ENABLE MANAGED ACCESS",
            "DROP TABLE t",
            f"UNDROP TABLE {schema}.dropped",
        ):
            assert refusal(guest, sql).errno in (2003, 3001, 3102), sql


def test_two_tables_change_names(shared: Account, admin: Connection) -> None:
    run(admin, "CREATE TABLE t (a INT)\nCREATE TABLE u (b INT)\nINSERT INTO t VALUES (1)\nINSERT INTO u VALUES (2)")
    run(admin, "GRANT SELECT ON TABLE t TO ROLE reader")
    statement = run_one(admin, "DELETE FROM t")
    run(admin, "ALTER TABLE t SWAP WITH u")
    assert rows(admin, "SELECT b FROM t") == [(2,)]
    assert rows(admin, f"SELECT a FROM u BEFORE (STATEMENT => '{statement}')") == [(1,)]
    assert "READER" in {row[5] for row in admin.execute("SHOW GRANTS ON TABLE u").rows}
    with as_role(shared, "READER", admin) as reader:
        assert refusal(reader, "ALTER TABLE t SWAP WITH u").errno in (2003, 3001)


def test_the_official_connector_names_the_statement(shared: Account, admin: Connection, key_pair: KeyPair) -> None:
    schema = admin.session.schema
    with serving(shared, key_pair) as endpoint, endpoint.connect(database="D", schema=schema, warehouse="W") as client:
        cursor = client.cursor()
        cursor.execute("CREATE TABLE t (id INT)")
        cursor.executemany("INSERT INTO t VALUES (%s)", [(1,), (2,)])
        cursor.execute("DELETE FROM t WHERE id = 1")
        deleted = cursor.sfqid
        found = cursor.execute("SELECT id FROM t BEFORE (STATEMENT => %s) ORDER BY id", (deleted,)).fetchall()
        assert found == [(1,), (2,)]
        cursor.execute("DROP TABLE t")
        assert cursor.execute("UNDROP TABLE t").fetchone() == ("Table T successfully restored.",)
