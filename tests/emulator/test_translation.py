"""What is left out for speed changes nothing: transformations that find nothing to do, strings, known columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.snowflake.account import Account, ObjectName
from emulator.snowflake.sql import translate
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.translate import tables_of, to_duckdb
from tests.emulator.sql_server import connection, run

# One that each of fakesnow's transformations changes, and some that several do.
STATEMENTS = """
SELECT CURRENT_VERSION()
SELECT CAST(a AS VARIANT), CAST(b AS ARRAY), c::OBJECT FROM t
SELECT TRY_PARSE_JSON(a) FROM t
SELECT SPLIT(a, ',')[0]::VARCHAR FROM t
SELECT a[0], a['k'], a['k.l']::VARCHAR FROM t
SELECT a:b.c::VARCHAR, UPPER(a:b), a:b = 1 FROM t
SELECT REGEXP_REPLACE(a, 'x\\\\d'), REGEXP_SUBSTR(a, 'x\\\\d', 1, 2) FROM t
SELECT COLUMN1 FROM (SELECT * FROM VALUES (1), (2))
SELECT TO_DATE(a), '2026-01-01 10:00:00 +09:00'::TIMESTAMP_TZ FROM t
SELECT TO_DECIMAL(a, 10, 2), TRY_TO_NUMBER(b) FROM t
SELECT TO_TIMESTAMP(a), TO_TIMESTAMP_NTZ(b), TO_TIMESTAMP(0), c::TIMESTAMP_NTZ FROM t
SELECT TO_VARIANT(a), CAST(b AS FLOAT), CAST(c AS NUMBER(38, 0)), CAST(d AS INT) FROM t
SELECT * FROM t SAMPLE (10)
SELECT ARRAY_SIZE(a), RANDOM(7), ARRAY_AGG(b) WITHIN GROUP (ORDER BY c), OBJECT_AGG(d, e) FROM t
SELECT ARRAY_AGG(a) OVER (PARTITION BY b) FROM t
SELECT DATEADD(DAY, 1, '2026-01-01'::DATE), DATEADD(HOUR, 1, '2026-01-01'), DATEDIFF(DAY, '2026-01-01', a) FROM t
SELECT X'00FF', SHA2(a), SHA2_HEX(a, 256), SHA2_BINARY(a) FROM t
SELECT a AS b FROM t JOIN u ON b = u.c
SELECT OBJECT_CONSTRUCT('a', 1) AS o FROM t WHERE o IS NOT NULL
WITH c AS (SELECT a::VARCHAR AS a FROM t) SELECT IFF(a = 'x', 1, 2) FROM c
"""


@pytest.mark.parametrize("statement", STATEMENTS.strip().splitlines())
def test_a_transformation_is_left_out_only_where_it_does_nothing(
    statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = to_duckdb(parse(statement))
    always = frozenset(translate._general(type(parse(statement))))
    monkeypatch.setattr(translate, "_FAKESNOW", tuple((change, always) for change, _ in translate._FAKESNOW))
    assert to_duckdb(parse(statement)) == found


def test_every_transformation_is_called_for_by_one_of_the_statements() -> None:
    called: set[int] = set()
    for statement in STATEMENTS.strip().splitlines():
        for number, (change, _) in enumerate(translate._FAKESNOW):
            if translate._everywhere(parse(statement), change, set()) != parse(statement):
                called.add(number)
    # Those whose work the parser does already, and one that waits for what we put in place of a function.
    names = {change.__name__ for number, (change, _) in enumerate(translate._FAKESNOW) if number not in called}
    assert names <= {"sample", "try_parse_json", "to_date", "alias_in_where"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('SELECT \'a\' FROM "D"."S"."T"', {("D", "S", "T")}),
        ("SELECT 'it''s', \"o'clock\" FROM \"T\" WHERE x = 'ü'", {("T",)}),
        ("SELECT 'a' FROM 'file.csv'", {("file.csv",)}),
        ("SELECT 'a' FROM 'other.csv' AS x", {("other.csv",)}),
        ("SELECT E'a\\'b' FROM \"T\"", {("T",)}),
        ('SELECT 1 FROM "T" /* \' */ JOIN "U" ON TRUE', {("T",), ("U",)}),
        ('SELECT $$a\'b$$ FROM "T"', {("T",)}),
        ('SELECT 1 FROM "⟨string⟩"', {("⟨string⟩",)}),
    ],
)
def test_tables_are_found_whatever_strings_hold(text: str, names: set[tuple[str, ...]]) -> None:
    for _ in range(2):
        assert tables_of(text) == names


def test_columns_are_those_of_now(tmp_path: Path) -> None:
    """What is known of columns is forgotten with every change of what there is."""
    account = Account(tmp_path)

    def types(name: str) -> list[tuple[str, str]]:
        return [(column.name, column.type) for column in account.columns(ObjectName(("D", "S", name)))]

    with connection(account, "ACCOUNTADMIN") as admin:
        run(admin, "CREATE WAREHOUSE w\nUSE WAREHOUSE w\nCREATE DATABASE d\nCREATE SCHEMA d.s\nUSE SCHEMA d.s")
        run(admin, "CREATE TABLE t (a VARCHAR(10))\nCREATE VIEW v AS SELECT * FROM t")
        assert types("T") == [("A", "VARCHAR(10)")]
        assert [name for name, _ in types("V")] == ["A"]
        run(admin, "ALTER TABLE t ADD COLUMN b INT\nALTER TABLE t RENAME COLUMN a TO c")
        assert types("T") == [("C", "VARCHAR(10)"), ("B", "NUMBER(38,0)")]
        run(admin, "CREATE OR REPLACE VIEW v AS SELECT b FROM t")
        assert [name for name, _ in types("V")] == ["B"]
        run(admin, "ALTER SCHEMA d.s RENAME TO d.r\nCREATE SCHEMA d.s\nCREATE TABLE d.s.t (x INT)")
        assert types("T") == [("X", "NUMBER(38,0)")]
        run(admin, "ALTER DATABASE d RENAME TO e\nCREATE DATABASE d")
        assert types("T") == []
        run(admin, "CREATE SCHEMA d.s\nCREATE TABLE d.s.t AS SELECT 'x' AS y")
        assert [name for name, _ in types("T")] == ["Y"]
        run(admin, "DROP DATABASE d")
        assert types("T") == []
    account.close()
