"""Queries give what Snowflake gives: functions, semi-structured data, times, and the names of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection
from tests.emulator.sql_server import connection, refusal, run, value


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    account = Account(tmp_path_factory.mktemp("account"))
    admin = connection(account, "ACCOUNTADMIN")
    run(
        admin,
        """
        ALTER SESSION SET TIMEZONE = 'UTC'
        CREATE WAREHOUSE w
        CREATE DATABASE d
        CREATE SCHEMA d.s
        CREATE TABLE t (a INT, b VARCHAR, v VARIANT, ts TIMESTAMP_NTZ)
        INSERT INTO t SELECT 1, 'x', PARSE_JSON('{"a":{"b":[1,2]},"s":"txt","n":null}'), '2020-01-02 03:04:05'
        INSERT INTO t SELECT 2, 'y', PARSE_JSON('{"a":{"b":[]},"s":"q"}'), '2021-01-02 03:04:05'
        """,
    )
    yield admin
    admin.close()
    account.close()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IFF(1 = 1, 'x', 'y')", "x"),
        ("NVL(NULL, 2)", 2),
        ("NVL2(NULL, 1, 2)", 2),
        ("ZEROIFNULL(NULL)", 0),
        ("DECODE(1, 1, 'one', 'other')", "one"),
        ("EQUAL_NULL(NULL, NULL)", True),
        ("GREATEST(1, 3, 2)", 3),
        ("LTRIM('  a ')", "a "),
        ("RTRIM(' a  ')", " a"),
        ("LTRIM('xxa', 'x')", "a"),
        ("INITCAP('ab c')", "Ab C"),
        ("SUBSTR('abc', 2, 1)", "b"),
        ("CHARINDEX('b', 'abc')", 2),
        ("SPLIT_PART('a,b', ',', 2)", "b"),
        ("CONCAT_WS(',', 'a', 'b')", "a,b"),
        ("REGEXP_REPLACE('abcb', 'b', 'x')", "axcx"),
        ("REGEXP_LIKE('abc', 'a.*')", True),
        ("'abc' ILIKE 'A%'", True),
        ("'abc' LIKE ANY ('z', 'a%')", True),
        ("SHA2('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("SHA2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("BASE64_DECODE_STRING(BASE64_ENCODE('é'))", "é"),
        ("HEX_DECODE_STRING(HEX_ENCODE('a'))", "a"),
        ("LENGTH(UUID_STRING())", 36),
        ("7 / 2", 3.5),
        ("MOD(5, 3)", 2),
        ("ROUND(1.25, 1)", Decimal("1.3")),
        ("TO_NUMBER('12.5', 10, 2)", Decimal("12.50")),
        ("TRY_TO_NUMBER('a')", None),
        ("TRY_CAST('x' AS INT)", None),
        ("'abcdef'::VARCHAR(3)", "abc"),
        ("TO_BOOLEAN('true')", True),
        ("X'00ff'", b"\x00\xff"),
        ("DATEADD(day, 1, '2020-01-31'::DATE)", date(2020, 2, 1)),
        ("DATEDIFF('hour', '2020-01-01'::TIMESTAMP, '2020-01-02'::TIMESTAMP)", 24),
        ("DATE_TRUNC('month', '2020-05-17 01:02:03'::TIMESTAMP)", datetime(2020, 5, 1)),
        ("TO_TIMESTAMP_NTZ('2020-01-01 10:00:00.25')", datetime(2020, 1, 1, 10, 0, 0, 250_000)),
        ("TO_TIMESTAMP(1600000000)", datetime(2020, 9, 13, 12, 26, 40)),
        ("TO_DATE('03/02/2020', 'DD/MM/YYYY')", date(2020, 2, 3)),
        ("TO_CHAR('2020-01-02 03:04:05'::TIMESTAMP, 'YYYY-MM-DD HH24:MI:SS')", "2020-01-02 03:04:05"),
        ("'2020-01-02 03:04:05'::TIMESTAMP_NTZ::VARCHAR", "2020-01-02 03:04:05.000"),
        ("TRY_TO_TIMESTAMP('x')", None),
        ("CONVERT_TIMEZONE('UTC', 'Europe/Berlin', '2020-01-01 00:00:00'::TIMESTAMP_NTZ)", datetime(2020, 1, 1, 1)),
        ("'2020-01-01'::DATE + INTERVAL '1 day'", datetime(2020, 1, 2)),
        ("'it''s ' || 'a\\nb' || $$'q'$$", "it's a\nb'q'"),
        ("ARRAY_TO_STRING(ARRAY_CONSTRUCT('a', 'b'), '-')", "a-b"),
        ("ARRAY_SIZE(PARSE_JSON('[1,2]'))", 2),
        ("ARRAY_CONTAINS('x'::VARIANT, ARRAY_CONSTRUCT('x'))", True),
        ("ARRAY_POSITION(2::VARIANT, ARRAY_CONSTRUCT(1, 2))", 1),
        ("PARSE_JSON('\"x\"')::VARCHAR", "x"),
        ("PARSE_JSON('{\"a\":1}'):a + 1", 2.0),
        ("PARSE_JSON(NULL)", None),
        ("TRY_PARSE_JSON('{bad')", None),
        ("TYPEOF(PARSE_JSON('1'))", "INTEGER"),
        ("AS_INTEGER(PARSE_JSON('\"x\"'))", None),
        ("COALESCE(PARSE_JSON('{}'):x, 'none')::VARCHAR", "none"),
    ],
)
def test_function(data: Connection, expression: str, expected: Any) -> None:
    assert value(data, expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ARRAY_CONSTRUCT(1, 'a', NULL)", [1, "a", None]),
        ("OBJECT_CONSTRUCT('a', 1, 'b', NULL)", {"a": 1}),
        ("OBJECT_CONSTRUCT_KEEP_NULL('a', NULL)", {"a": None}),
        ("OBJECT_CONSTRUCT('a', OBJECT_CONSTRUCT('b', ARRAY_CONSTRUCT(1, 'x')))", {"a": {"b": [1, "x"]}}),
        ("{'a': 1, 'b c': [2]}", {"a": 1, "b c": [2]}),
        ("ARRAY_APPEND(ARRAY_CONSTRUCT(1), 2)", [1, 2]),
        ("ARRAY_CAT(ARRAY_CONSTRUCT(1), ARRAY_CONSTRUCT('b'))", [1, "b"]),
        ("ARRAY_COMPACT(ARRAY_CONSTRUCT(1, NULL))", [1]),
        ("ARRAY_SLICE(ARRAY_CONSTRUCT(1, 2, 3), 0, 2)", [1, 2]),
        ("ARRAY_DISTINCT(ARRAY_CONSTRUCT(1, 1))", [1]),
        ("OBJECT_INSERT(OBJECT_CONSTRUCT('a', 1), 'b', 2)", {"a": 1, "b": 2}),
        ("OBJECT_DELETE(OBJECT_CONSTRUCT('a', 1, 'b', 2), 'a')", {"b": 2}),
        ("OBJECT_KEYS(PARSE_JSON('{\"k\":1}'))", ["k"]),
        ("SPLIT('a,b', ',')", ["a", "b"]),
        ("TO_ARRAY(1)", [1]),
    ],
)
def test_semi_structured_function(data: Connection, expression: str, expected: Any) -> None:
    assert json.loads(value(data, expression)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT v:a.b[0]::INT, v:s::VARCHAR, v['s']::VARCHAR FROM t WHERE a = 1", [(1, "txt", "txt")]),
        ("SELECT a FROM t WHERE v:s = 'txt'", [(1,)]),
        ("SELECT a FROM t WHERE v:s IN ('q', 'z')", [(2,)]),
        ("SELECT a FROM t WHERE v:a.b[0] = 1", [(1,)]),
        ("SELECT v:s || 'z', UPPER(v:s), LEN(v:s) FROM t WHERE a = 1", [("txtz", "TXT", 3)]),
        (
            "SELECT IS_NULL_VALUE(v:n), v:missing IS NULL, STRIP_NULL_VALUE(v:n) FROM t WHERE a = 1",
            [(True, True, None)],
        ),
        (
            "SELECT t.a, f.value::INT, f.index, f.path FROM t, LATERAL FLATTEN(input => t.v:a.b) f ORDER BY 3",
            [(1, 1, 0, "[0]"), (1, 2, 1, "[1]")],
        ),
        (
            "SELECT t.a, f.value::INT FROM t, LATERAL FLATTEN(input => t.v:a.b, outer => TRUE) f ORDER BY 1, 2",
            [(1, 1), (1, 2), (2, None)],
        ),
        ("SELECT f.key FROM t, TABLE(FLATTEN(t.v, path => 'a')) f WHERE t.a = 1", [("b",)]),
        ("SELECT value::VARCHAR FROM TABLE(FLATTEN(input => PARSE_JSON('[1,\"a\"]')))", [("1",), ("a",)]),
        (
            "SELECT COUNT(*), SUM(a), MAX_BY(b, a), LISTAGG(b, ',') WITHIN GROUP (ORDER BY a) FROM t",
            [(2, 3, "y", "x,y")],
        ),
        ("SELECT b FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a DESC) = 1", [("y",)]),
        ("SELECT $1, $2 FROM VALUES (1, 'a')", [(1, "a")]),
        ("SELECT x FROM (VALUES (1), (2)) AS v (x) ORDER BY x DESC", [(2,), (1,)]),
        ("WITH t AS (SELECT 9 AS a) SELECT a FROM t", [(9,)]),
        ("WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT MAX(i) FROM n", [(3,)]),
        ("SELECT a FROM t UNION SELECT 5 MINUS SELECT 1 ORDER BY 1", [(2,), (5,)]),
        ("SELECT * EXCLUDE (v, ts) FROM t ORDER BY a", [(1, "x"), (2, "y")]),
        ("SELECT d.s.t.a, s.t.b, t.a FROM d.s.t WHERE a = 1", [(1, "x", 1)]),
        ("SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 3))", [(3,)]),
        ("SELECT COUNT_IF(a > 1), COUNT_IF(v:s = 'q'), COUNT_IF(NULL) FROM t", [(1, 1, 0)]),
        ("SELECT COUNT_IF(a > 1), SUM(a) FROM t WHERE FALSE", [(0, None)]),
        ("SELECT a, COUNT_IF(b = 'y') OVER (ORDER BY a) FROM t ORDER BY a", [(1, 0), (2, 1)]),
        (
            "SELECT (SELECT MAX(a) FROM t), EXISTS (SELECT 1 FROM t u WHERE u.a = t.a + 1) FROM t WHERE a = 1",
            [(2, True)],
        ),
    ],
)
def test_query(data: Connection, query: str, expected: list[tuple[Any, ...]]) -> None:
    assert data.execute(query).rows == expected


def test_a_variant_shows_indented_with_its_keys_in_order(data: Connection) -> None:
    assert value(data, 'PARSE_JSON(\'{"b":[],"a":{"c":1}}\')') == '{\n  "a": {\n    "c": 1\n  },\n  "b": []\n}'


def test_columns_without_an_alias_are_called_as_they_were_written(data: Connection) -> None:
    result = data.execute("SELECT count(*), a+1, 'x y', v:a.b, iff(a = 1, 'q', b) AS z, t.b FROM t GROUP BY ALL")
    assert [column.name for column in result.columns] == ["COUNT(*)", "A+1", "'x y'", "V:A.B", "Z", "B"]


@pytest.mark.parametrize(
    ("query", "errno"),
    [
        ("SELECT 1 / 0", 100051),
        ("SELECT 'abc'::INT", 100038),
        ("SELECT 'x'::BOOLEAN", 100037),
        ("SELECT 'x'::DATE", 100040),
        ("SELECT 'x'::TIMESTAMP_NTZ", 100035),
        ("SELECT PARSE_JSON('{bad')", 100069),
        ("SELECT nosuch FROM t", 904),
        ("SELECT x.a FROM t", 904),
        ('SELECT "a" FROM t', 904),
        ("SELECT rowid FROM t", 904),
        ("SELECT t FROM t", 904),
        ("SELECT a FROM t GROUP BY b", 979),
        ("SELECT a b c FROM t", 1003),
        ("SELECT a", 904),
        ('SELECT "t".a FROM t', 904),
        ('SELECT x.a FROM t AS "x"', 904),
        ("SELEC 1", 1003),
        ("PRAGMA database_list", 1003),
        ("EXPLAIN SELECT 1", 2),
        ("", 900),
        ("SELECT TO_CHAR(1.5, '999.99')", 2),
        ("SELECT INTERVAL '1 day, 2 hours'", 2),
        ("SELECT nosuch(1)", 2140),
        ("SELECT $nosuch", 211),
    ],
)
def test_wrong_query_is_refused_with_snowflakes_number(data: Connection, query: str, errno: int) -> None:
    assert refusal(data, query).errno == errno


def test_the_sessions_time_zone_counts(data: Connection) -> None:
    with connection(data.account, "ACCOUNTADMIN") as other:
        other.execute("ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'")
        tokyo = value(other, "'2020-01-01 00:00:00'::TIMESTAMP_NTZ::TIMESTAMP_LTZ")
        other.execute("ALTER SESSION SET TIMEZONE = 'UTC'")
        assert value(other, "'2019-12-31 15:00:00'::TIMESTAMP_NTZ::TIMESTAMP_LTZ") == tokyo


def test_variables(data: Connection) -> None:
    with connection(data.account, "ACCOUNTADMIN", warehouse="W", schema="D.S") as other:
        other.execute("SET (n, tab) = (1 + 1, 'd.s.t')")
        assert other.execute("SELECT b FROM IDENTIFIER($tab) WHERE a = $n").rows == [("y",)]
        other.execute("UNSET n")
        assert refusal(other, "SELECT $n").errno == 211
