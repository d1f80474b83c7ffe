"""Rows are written as Snowflake writes them, and refused where it refuses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection, StatementType
from tests.emulator.sql_server import connection, refusal, run


@pytest.fixture
def table(account: Account) -> Iterator[Connection]:
    """A table T in D.S, and its owner's connection."""
    with connection(account, "ACCOUNTADMIN") as admin:
        run(
            admin,
            """
            CREATE WAREHOUSE w
            CREATE DATABASE d
            CREATE SCHEMA d.s
            CREATE TABLE t (id INT NOT NULL, name VARCHAR(5) DEFAULT 'none', v VARIANT, tags ARRAY, at TIMESTAMP_NTZ)
            """,
        )
        yield admin


def test_counts_of_changed_rows(table: Connection) -> None:
    inserted = table.execute("INSERT INTO t (id, name) VALUES (1, 'a'), (2, DEFAULT)")
    assert inserted.type is StatementType.INSERT
    assert [column.name for column in inserted.columns] == ["number of rows inserted"]
    assert inserted.affected == 2
    assert table.execute("SELECT name FROM t ORDER BY id").rows == [("a",), ("none",)]
    updated = table.execute("UPDATE t SET name = 'b' WHERE id = 1")
    assert updated.rows == [(1, 0)]
    deleted = table.execute("DELETE FROM t WHERE id > 1")
    assert deleted.rows == [(1,)]
    table.execute("TRUNCATE TABLE t")
    assert table.execute("SELECT COUNT(*) FROM t").rows == [(0,)]


def test_semi_structured_values_go_in_by_a_query(table: Connection) -> None:
    table.execute(
        "INSERT INTO t SELECT 1, 'a', PARSE_JSON(?), ARRAY_CONSTRUCT(1, 'x', NULL), '2020-01-02 03:04:05.678'",
        ['{"k":[1,{"q":null}]}'],
    )
    ((v, tags, at),) = table.execute("SELECT v, tags, at FROM t").rows
    assert json.loads(v) == {"k": [1, {"q": None}]}
    assert json.loads(tags) == [1, "x", None]
    assert at == datetime(2020, 1, 2, 3, 4, 5, 678_000)
    table.execute("UPDATE t SET v = OBJECT_CONSTRUCT('n', id), tags = ARRAY_APPEND(tags, 2)")
    ((v, tags),) = table.execute("SELECT v, tags FROM t").rows
    assert json.loads(v) == {"n": 1}
    assert json.loads(tags) == [1, "x", None, 2]


@pytest.mark.parametrize(
    ("sql", "errno"),
    [
        ("INSERT INTO t (id, name) VALUES (1, 'toolong')", 100078),
        ("INSERT INTO t (id, name) SELECT 1, 'toolong'", 100078),
        ("UPDATE t SET name = 'toolong'", 100078),
        ("INSERT INTO t (name) VALUES ('a')", 100072),
        ("UPDATE t SET id = NULL", 100072),
        ("INSERT INTO t (id, v) VALUES (1, '{}')", 2023),
        ("INSERT INTO t (id, tags) SELECT 1, '[]'", 2023),
        ("UPDATE t SET v = '{}'", 2023),
        ("INSERT INTO t (id, v) VALUES (1, PARSE_JSON('{}'))", 2014),
        ("INSERT INTO t (id, name) VALUES (1)", 2020),
        ("INSERT INTO t (id) SELECT 1, 2", 2020),
        ("INSERT INTO t (nosuch) VALUES (1)", 904),
        ("INSERT INTO t (id) VALUES ('x')", 100038),
        ("INSERT INTO t (id, at) VALUES (1, 'x')", 100035),
        ("UPDATE t SET nosuch = 1", 904),
        ("INSERT INTO t (id) VALUES (?)", 2049),
    ],
)
def test_wrong_values_change_nothing(table: Connection, sql: str, errno: int) -> None:
    table.execute("INSERT INTO t (id, name) VALUES (7, 'q')")
    assert refusal(table, sql).errno == errno
    assert table.execute("SELECT id, name FROM t").rows == [(7, "q")]


@pytest.mark.parametrize("zone", ["+02:00", " +02:00", " +0200"])
def test_text_with_a_zone_becomes_that_moment(table: Connection, zone: str) -> None:
    table.execute("CREATE TABLE moments (l TIMESTAMP_LTZ, z TIMESTAMP_TZ)")
    table.execute(f"INSERT INTO moments VALUES ('2024-02-29 12:34:56.5{zone}', '2024-02-29 12:34:56.5{zone}')")
    table.execute(f"UPDATE moments SET l = '2024-02-29 12:34:56.5{zone}'")
    (row,) = table.execute("SELECT l, z FROM moments").rows
    assert [moment.astimezone(UTC) for moment in row] == [datetime(2024, 2, 29, 10, 34, 56, 500_000, tzinfo=UTC)] * 2


def test_binary_that_is_too_long_is_refused(table: Connection) -> None:
    table.execute("CREATE TABLE b (x BINARY(2))")
    assert table.execute("INSERT INTO b SELECT TO_BINARY('4142', 'HEX')").affected == 1
    assert refusal(table, "INSERT INTO b SELECT TO_BINARY('414243', 'HEX')").errno == 100078


def test_a_view_takes_no_rows(table: Connection) -> None:
    table.execute("CREATE VIEW vw AS SELECT id FROM t")
    assert refusal(table, "INSERT INTO vw VALUES (1)").errno == 2203


def test_merge(table: Connection) -> None:
    table.execute("INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b')")
    merged = table.execute(
        """
        MERGE INTO t USING (SELECT * FROM VALUES (1, 'x'), (2, 'gone'), (3, 'new')) AS s (i, n) ON t.id = s.i
        WHEN MATCHED AND s.n = 'gone' THEN DELETE
        WHEN MATCHED THEN UPDATE SET t.name = s.n
        WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.i, s.n)
        """
    )
    assert [column.name for column in merged.columns] == [
        "number of rows inserted",
        "number of rows updated",
        "number of rows deleted",
    ]
    assert merged.rows == [(1, 1, 1)]
    assert table.execute("SELECT id, name FROM t ORDER BY id").rows == [(1, "x"), (3, "new")]


def test_overwrite_and_create_as(table: Connection) -> None:
    table.execute("INSERT INTO t (id, v) SELECT 1, PARSE_JSON('{\"a\":1}')")
    table.execute("CREATE TABLE copied AS SELECT id, v, 'x' AS name FROM t")
    assert table.execute("SELECT id, v:a::INT, name FROM copied").rows == [(1, 1, "x")]
    assert table.execute("INSERT OVERWRITE INTO copied (id) SELECT 5").affected == 1
    assert table.execute("SELECT id FROM copied").rows == [(5,)]
    table.execute("CREATE OR REPLACE TABLE copied (a VARCHAR, b NUMBER(3,1)) AS SELECT id, 2 FROM copied")
    assert table.execute("SELECT a, b FROM copied").rows == [("5", Decimal("2.0"))]


def test_transactions(table: Connection) -> None:
    with connection(table.account, "ACCOUNTADMIN", warehouse="W", schema="D.S") as other:
        table.execute("BEGIN")
        table.execute("INSERT INTO t (id) VALUES (1)")
        assert other.execute("SELECT COUNT(*) FROM t").rows == [(0,)]
        table.execute("ROLLBACK")
        table.execute("START TRANSACTION")
        table.execute("INSERT INTO t (id) VALUES (2)")
        table.execute("COMMIT")
        assert other.execute("SELECT id FROM t").rows == [(2,)]
        # A definition keeps what was done before it.
        table.execute("BEGIN TRANSACTION")
        table.execute("INSERT INTO t (id) VALUES (3)")
        table.execute("CREATE TABLE another (a INT)")
        table.execute("ROLLBACK")
        assert other.execute("SELECT COUNT(*) FROM t").rows == [(2,)]


def test_autocommit_off(table: Connection) -> None:
    table.execute("ALTER SESSION SET AUTOCOMMIT = FALSE")
    table.execute("INSERT INTO t (id) VALUES (1)")
    table.execute("ROLLBACK")
    assert table.execute("SELECT COUNT(*) FROM t").rows == [(0,)]


def test_a_closed_connection_undoes_its_open_transaction(table: Connection) -> None:
    with connection(table.account, "ACCOUNTADMIN", warehouse="W", schema="D.S") as other:
        other.execute("BEGIN")
        other.execute("INSERT INTO t (id) VALUES (1)")
    assert table.execute("SELECT COUNT(*) FROM t").rows == [(0,)]


def test_many_rows_of_bindings(table: Connection) -> None:
    rows = [(number, f"n{number % 10}", json.dumps({"n": number})) for number in range(1_000)]
    assert table.execute_many("INSERT INTO t (id, name, v) SELECT ?, ?, PARSE_JSON(?)", rows).affected == 1_000
    assert table.execute("SELECT COUNT(*), SUM(v:n::INT) FROM t").rows == [(1_000, 499_500)]
    pairs = [(number, None) for number in range(10)]
    assert table.execute_many("INSERT INTO t (id, name) VALUES (?, ?)", pairs).affected == 10
    values = "INSERT INTO t (id, v) SELECT column1, PARSE_JSON(column2) FROM VALUES (?, ?)"
    assert table.execute_many(values, [(1, "{}"), (2, "[]")]).affected == 2
    assert table.execute_many("DELETE FROM t WHERE id = ? AND name IS NULL", pairs).affected == 10


def test_many_rows_are_all_or_none(table: Connection) -> None:
    rows = [(1, "ok"), (2, "toolong")]
    for sql in ("INSERT INTO t (id, name) VALUES (?, ?)", "INSERT INTO t (id, name) SELECT ?, ? FROM VALUES (1), (2)"):
        with pytest.raises(Exception, match="too long"):
            table.execute_many(sql, rows)
    assert table.execute("SELECT COUNT(*) FROM t").rows == [(0,)]


def test_a_long_list_of_constants(table: Connection) -> None:
    cells = ", ".join(f"({number}, 'a''{number % 9}', NULL)" for number in range(500))
    assert table.execute(f"INSERT INTO t (id, name, at) VALUES {cells}").affected == 500
    assert table.execute("SELECT COUNT(*), MIN(name), MAX(id) FROM t").rows == [(500, "a'0", 499)]
    with connection(table.account, "PUBLIC", warehouse="W", schema="D.S") as nobody:
        assert refusal(nobody, f"INSERT INTO t (id, name, at) VALUES {cells}").errno == 2003


def test_bindings_keep_their_type(table: Connection) -> None:
    given = [
        1,
        1.5,
        Decimal("1.25"),
        "é'\\",
        True,
        None,
        date(2020, 1, 2),
        datetime(2020, 1, 2, 3),
        time(4, 5),
        b"\x01",
    ]
    marks = ", ".join("?" * len(given))
    assert table.execute(f"SELECT {marks}", given).rows == [tuple(given)]
    assert table.execute("SELECT :b, :a", {"a": 1, "b": 2}).rows == [(2, 1)]
