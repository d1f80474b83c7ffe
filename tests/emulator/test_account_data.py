"""Databases, schemas, tables, views and functions are really in the data, and stay with the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from emulator.package import CloudError
from emulator.snowflake.account import Account, Column, Grantee, GrantTarget, TableChange
from tests.emulator.account_sessions import COLUMNS, Administrators, name, refused, rows


@pytest.fixture
def admins(account: Account) -> Iterator[Administrators]:
    return Administrators(account)


def reopened(account: Account, tmp_path: Path) -> Administrators:
    account.close()
    return Administrators(Account(tmp_path / "snowflake"))


class TestTables:
    def test_columns_are_as_declared(self, admins: Administrators) -> None:
        table = admins.make_table()
        assert admins.account.columns(table) == [
            Column("TENANT_ID", "VARCHAR(16)", False, position=1),
            Column("TITLE", "VARCHAR(16777216)", position=2),
            Column("RAW", "VARIANT", position=3),
            Column("CREATED_AT", "TIMESTAMP_NTZ(9)", True, "CURRENT_TIMESTAMP()", position=4),
        ]

    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("int", "NUMBER(38,0)"),
            ("number(10,2)", "NUMBER(10,2)"),
            ("string", "VARCHAR(16777216)"),
            ("char", "VARCHAR(1)"),
            ("double", "FLOAT"),
            ("boolean", "BOOLEAN"),
            ("date", "DATE"),
            ("timestamp", "TIMESTAMP_NTZ(9)"),
            ("timestamp_tz", "TIMESTAMP_TZ(9)"),
            ("timestamp_ltz(3)", "TIMESTAMP_LTZ(3)"),
            ("time", "TIME(9)"),
            ("binary", "BINARY(8388608)"),
            ("variant", "VARIANT"),
            ("array", "ARRAY"),
            ("object", "OBJECT"),
        ],
    )
    def test_types_come_back_in_snowflake_s_form(self, admins: Administrators, written: str, kept: str) -> None:
        admins.make_table()
        table = name("DB.S.TYPED")
        admins.account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": [Column("C", written)]})
        [column] = admins.account.columns(table)
        assert column.type == kept

    def test_a_default_fills_and_not_null_is_kept(self, admins: Administrators) -> None:
        admins.make_table()
        rows(admins.account, "INSERT INTO DB.S.T (TENANT_ID, RAW) VALUES ('HCS0001', '{\"a\": 1}')")
        assert rows(admins.account, "SELECT RAW->>'a', CREATED_AT IS NOT NULL FROM DB.S.T") == [("1", True)]
        with pytest.raises(duckdb.ConstraintException):
            rows(admins.account, "INSERT INTO DB.S.T (TITLE) VALUES ('no tenant')")

    def test_keys_are_kept_but_not_enforced(self, admins: Administrators) -> None:
        admins.make_table()
        key = {"TYPE": "PRIMARY KEY", "NAME": "PK", "COLUMNS": ["TENANT_ID"]}
        table = name("DB.S.KEYED")
        made = admins.account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": COLUMNS, "CONSTRAINTS": [key]})
        rows(admins.account, "INSERT INTO DB.S.KEYED (TENANT_ID) VALUES ('A'), ('A')")
        assert admins.account.row_count(table) == 2
        assert made.properties["CONSTRAINTS"] == [key]

    def test_an_identity_column_counts(self, admins: Administrators) -> None:
        admins.make_table()
        columns = [Column("N", "NUMBER", identity=(10, 5)), Column("V", "VARCHAR")]
        admins.account.create(admins.sysadmin, "TABLE", name("DB.S.COUNTED"), {"COLUMNS": columns})
        rows(admins.account, "INSERT INTO DB.S.COUNTED (V) VALUES ('a'), ('b')")
        admins.account.rename(admins.sysadmin, "DATABASE", name("DB"), name("DB2"))
        rows(admins.account, "INSERT INTO DB2.S.COUNTED (V) VALUES ('c')")
        assert rows(admins.account, "SELECT N, V FROM DB2.S.COUNTED ORDER BY N") == [(10, "a"), (15, "b"), (20, "c")]
        assert [column.identity for column in admins.account.columns(name("DB2.S.COUNTED"))] == [(10, 5), None]
        admins.account.drop(admins.sysadmin, "TABLE", name("DB2.S.COUNTED"))

    def test_create_table_as(self, admins: Administrators) -> None:
        admins.make_table()
        rows(admins.account, "INSERT INTO DB.S.T (TENANT_ID, TITLE) VALUES ('HCS0001', 'a')")
        table = name("DB.S.COPY")
        query = "SELECT tenant_id, title, 1 AS n FROM t"
        admins.account.create(admins.sysadmin, "TABLE", table, {"QUERY": query})
        assert [column.name for column in admins.account.columns(table)] == ["TENANT_ID", "TITLE", "N"]
        assert rows(admins.account, "SELECT * FROM DB.S.COPY") == [("HCS0001", "a", 1)]

    def test_replacing_starts_empty(self, admins: Administrators) -> None:
        table = admins.make_table()
        rows(admins.account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('A')")
        admins.account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": COLUMNS[:1]}, or_replace=True)
        assert admins.account.row_count(table) == 0
        assert len(admins.account.columns(table)) == 1


class TestColumnChanges:
    def test_each_change(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        rows(account, "INSERT INTO DB.S.T (TENANT_ID, TITLE) VALUES ('HCS0001', 'kept')")
        account.alter_table(
            admins.sysadmin,
            table,
            [
                TableChange.add(Column("STATE", "VARCHAR(8)", False, "'new'", "where it is")),
                TableChange.rename("TITLE", "HEADING"),
                TableChange.set_type("TENANT_ID", "VARCHAR(32)"),
                TableChange.set_nullable("TENANT_ID", True),
                TableChange.drop_default("CREATED_AT"),
                TableChange.set_comment("HEADING", "what it is about"),
                TableChange.drop("RAW"),
            ],
        )
        assert account.columns(table) == [
            Column("TENANT_ID", "VARCHAR(32)", True, position=1),
            Column("HEADING", "VARCHAR(16777216)", comment="what it is about", position=2),
            Column("CREATED_AT", "TIMESTAMP_NTZ(9)", position=3),
            Column("STATE", "VARCHAR(8)", False, "'new'", "where it is", 4),
        ]
        assert rows(account, "SELECT TENANT_ID, HEADING, STATE FROM DB.S.T") == [("HCS0001", "kept", "new")]

    def test_one_refused_change_stops_all(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        before = account.columns(table)
        with refused(904, "invalid identifier 'NONE_SUCH'"):
            account.alter_table(
                admins.sysadmin,
                table,
                [TableChange.add(Column("MORE", "INT")), TableChange.drop("NONE_SUCH")],
            )
        assert account.columns(table) == before

    @pytest.mark.parametrize(
        ("change", "errno"),
        [
            (TableChange.add(Column("TITLE", "INT")), 1430),
            (TableChange.rename("TITLE", "RAW"), 1430),
            (TableChange.set_type("TENANT_ID", "VARCHAR(8)"), 2108),
            (TableChange.set_type("TENANT_ID", "NUMBER"), 2108),
            (TableChange.add(Column("MUST", "INT", nullable=False)), 2108),
            (TableChange.set_nullable("TITLE", False), 100072),
        ],
    )
    def test_what_snowflake_refuses(self, admins: Administrators, change: TableChange, errno: int) -> None:
        account, table = admins.account, admins.make_table()
        rows(account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('HCS0001')")
        before = account.columns(table)
        with refused(errno):
            account.alter_table(admins.sysadmin, table, [change])
        assert account.columns(table) == before

    def test_the_last_column_stays(self, admins: Administrators) -> None:
        admins.make_table()
        table = name("DB.S.ONE")
        admins.account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": COLUMNS[:1]})
        with refused(2262):
            admins.account.alter_table(admins.sysadmin, table, [TableChange.drop("TENANT_ID")])

    def test_a_change_made_straight_in_the_data_shows(self, admins: Administrators) -> None:
        table = admins.make_table()
        rows(admins.account, "ALTER TABLE DB.S.T DROP COLUMN TITLE")
        rows(admins.account, "ALTER TABLE DB.S.T ADD COLUMN EXTRA DOUBLE")
        shown = [(column.name, column.type) for column in admins.account.columns(table)]
        assert shown[1:] == [("RAW", "VARIANT"), ("CREATED_AT", "TIMESTAMP_NTZ(9)"), ("EXTRA", "FLOAT")]


class TestViewsAndFunctions:
    def test_a_view_takes_unqualified_names_from_its_own_schema(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        rows(account, "INSERT INTO DB.S.T (TENANT_ID, TITLE) VALUES ('HCS0001', 'a')")
        view = name("DB.S.V")
        statement = "WITH t2 AS (SELECT * FROM t) SELECT tenant_id, raw:a::varchar AS a FROM t2"
        account.create(admins.sysadmin, "VIEW", view, {"STATEMENT": statement, "COLUMNS": ["WHO", "A"]})
        assert rows(account, "SELECT * FROM DB.S.V") == [("HCS0001", None)]
        assert [(column.name, column.type) for column in account.columns(view)] == [
            ("WHO", "VARCHAR(16777216)"),
            ("A", "VARCHAR(16777216)"),
        ]
        with refused(2003, "does not exist"):
            account.create(admins.sysadmin, "VIEW", name("DB.S.BAD"), {"STATEMENT": "SELECT * FROM none_such"})
        assert account.find("VIEW", name("DB.S.BAD")) is None
        account.drop(admins.sysadmin, "TABLE", table)
        assert account.columns(view) == []

    def test_sql_functions_and_overloads(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        one = {"ARGUMENTS": [("x", "NUMBER")], "RETURNS": "NUMBER", "BODY": "x + 1"}
        two = {"ARGUMENTS": [("x", "NUMBER"), ("y", "NUMBER")], "RETURNS": "NUMBER", "BODY": "x * y"}
        for properties in (one, two):
            account.create(admins.sysadmin, "FUNCTION", name("DB.S.F"), properties)
        assert rows(account, "SELECT DB.S.F(2), DB.S.F(3, 4)") == [(3, 12)]
        assert [str(shown.name) for shown in account.list(None, "FUNCTION")] == [
            "DB.S.F(NUMBER)",
            "DB.S.F(NUMBER, NUMBER)",
        ]
        account.drop(admins.sysadmin, "FUNCTION", name("DB.S.F(NUMBER)"))
        assert rows(account, "SELECT DB.S.F(3, 4)") == [(12,)]
        with pytest.raises(duckdb.Error):
            rows(account, "SELECT DB.S.F(2)")

    def test_a_python_function_is_callable_again_after_a_restart(self, admins: Administrators, tmp_path: Path) -> None:
        admins.make_table()
        admins.account.create(
            admins.sysadmin,
            "FUNCTION",
            name("DB.S.SHOUT"),
            {
                "ARGUMENTS": [("what", "VARCHAR"), ("times", "NUMBER")],
                "RETURNS": "VARIANT",
                "LANGUAGE": "PYTHON",
                "RUNTIME_VERSION": "3.11",
                "HANDLER": "shout",
                "BODY": "def shout(what, times):\n    return {'said': what.upper() * times}\n",
            },
        )
        assert rows(admins.account, "SELECT DB.S.SHOUT('a', 3)->>'said'") == [("AAA",)]
        again = reopened(admins.account, tmp_path)
        assert rows(again.account, "SELECT DB.S.SHOUT('b', 2)->>'said'") == [("BB",)]
        again.account.close()

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"HANDLER": "other"}, "defines no handler 'other'"),
            ({"BODY": "def f(:\n"}, "line 1"),
            ({"PACKAGES": ["none-such-package==1.0"]}, "none-such-package"),
        ],
    )
    def test_a_python_function_that_cannot_run_is_not_made(
        self, admins: Administrators, more: dict[str, object], words: str
    ) -> None:
        admins.make_table()
        properties = {
            "RETURNS": "NUMBER",
            "LANGUAGE": "PYTHON",
            "RUNTIME_VERSION": "3.11",
            "HANDLER": "f",
            "BODY": "def f():\n    return 1\n",
            **more,
        }
        with pytest.raises(CloudError, match="Python") as caught:
            admins.account.create(admins.sysadmin, "FUNCTION", name("DB.S.F"), properties)
        assert words in str(caught.value)
        assert admins.account.list(None, "FUNCTION") == []

    def test_a_sequence_steps_on_after_its_step_changes(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        sequence = name("DB.S.Q")
        account.create(admins.sysadmin, "SEQUENCE", sequence, {"START": 0, "INCREMENT": 2})
        assert rows(account, "SELECT nextval('DB.S.Q'), nextval('DB.S.Q')") == [(0, 2)]
        account.alter(admins.sysadmin, "SEQUENCE", sequence, set={"INCREMENT": 10})
        assert rows(account, "SELECT nextval('DB.S.Q')") == [(12,)]

    def test_a_dynamic_table_is_computed_when_it_is_read(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        account.create(admins.sysadmin, "WAREHOUSE", name("WH"))
        properties = {"QUERY": "SELECT COUNT(*) AS N FROM T", "TARGET_LAG": "1 hour", "WAREHOUSE": "WH"}
        account.create(admins.sysadmin, "DYNAMIC TABLE", name("DB.S.D"), properties)
        rows(account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('A')")
        assert rows(account, "SELECT N FROM DB.S.D") == [(1,)]


class TestWholeLife:
    def test_everything_is_there_after_a_restart(self, admins: Administrators, tmp_path: Path) -> None:
        account, table = admins.account, admins.make_table(managed=True)
        account.create(admins.sysadmin, "VIEW", name("DB.S.V"), {"STATEMENT": "SELECT TITLE FROM T"})
        reader = admins.make_role("READER")
        role = Grantee.role("READER")
        target = GrantTarget.future("VIEWS", name("DB.S"))
        account.grant_privileges(admins.sysadmin, ["SELECT"], target, role)
        account.grant_privileges(admins.sysadmin, ["SELECT"], GrantTarget.on("TABLE", table), role)
        rows(account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('HCS0001')")
        kinds = ("DATABASE", "SCHEMA", "TABLE", "VIEW", "ROLE", "USER")
        before = (
            {kind: account.list(None, kind) for kind in kinds},
            account.grants_to(role),
            account.future_grants(name("DB.S")),
            account.columns(table),
            account.effective_roles(reader),
        )
        again = reopened(account, tmp_path).account
        after = (
            {kind: again.list(None, kind) for kind in kinds},
            again.grants_to(role),
            again.future_grants(name("DB.S")),
            again.columns(table),
            again.effective_roles(again.session("READER_USER")),
        )
        assert after == before
        assert rows(again, "SELECT TENANT_ID FROM DB.S.T") == [("HCS0001",)]
        again.close()

    def test_a_renamed_database_keeps_its_rows_and_views(self, admins: Administrators, tmp_path: Path) -> None:
        account = admins.account
        admins.make_table()
        function = {"RETURNS": "NUMBER", "BODY": "SELECT COUNT(*) FROM T"}
        account.create(admins.sysadmin, "FUNCTION", name("DB.S.HOW_MANY"), function)
        account.create(
            admins.sysadmin, "VIEW", name("DB.S.V"), {"STATEMENT": "SELECT TENANT_ID, HOW_MANY() AS N FROM T"}
        )
        account.create(admins.sysadmin, "VIEW", name("DB.S.OLD"), {"STATEMENT": "SELECT HOW_MANY() AS N FROM DB.S.T"})
        rows(account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('HCS0001')")
        account.rename(admins.sysadmin, "DATABASE", name("DB"), name('"new-name"'))
        assert rows(account, 'SELECT * FROM "new-name".S.V') == [("HCS0001", 1)]
        again = reopened(account, tmp_path).account
        assert rows(again, 'SELECT * FROM "new-name".S.V') == [("HCS0001", 1)]
        assert again.find("VIEW", name('"new-name".S.OLD')) is not None
        again.close()

    def test_a_renamed_schema_keeps_all_that_lies_in_it(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        account.create(admins.sysadmin, "VIEW", name("DB.S.V"), {"STATEMENT": "SELECT TENANT_ID FROM T"})
        function = {"ARGUMENTS": [("x", "NUMBER")], "RETURNS": "NUMBER", "BODY": "x + 1"}
        account.create(admins.sysadmin, "FUNCTION", name("DB.S.F"), function)
        account.create(admins.sysadmin, "SEQUENCE", name("DB.S.Q"))
        rows(account, "SELECT nextval('DB.S.Q')")
        rows(account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('HCS0001')")
        account.rename(admins.sysadmin, "SCHEMA", name("DB.S"), name("DB.S2"))
        assert rows(account, "SELECT *, DB.S2.F(1), nextval('DB.S2.Q') FROM DB.S2.V") == [("HCS0001", 2, 2)]
        assert account.columns(name("DB.S2.T"))[0] == Column("TENANT_ID", "VARCHAR(16)", False, position=1)
        assert account.list(None, "TABLE", within=name("DB")) == account.list(None, "TABLE", within=name("DB.S2"))

    def test_a_table_moves_to_another_schema(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        account.create(admins.sysadmin, "SCHEMA", name("DB.S2"))
        rows(account, "INSERT INTO DB.S.T (TENANT_ID) VALUES ('HCS0001')")
        account.rename(admins.sysadmin, "TABLE", table, name("DB.S2.MOVED"))
        assert rows(account, "SELECT TENANT_ID FROM DB.S2.MOVED") == [("HCS0001",)]
        with pytest.raises(duckdb.CatalogException):
            rows(account, "SELECT * FROM DB.S.T")
        with refused(2, "another database"):
            account.create(admins.sysadmin, "DATABASE", name("OTHER"))
            account.rename(admins.sysadmin, "TABLE", name("DB.S2.MOVED"), name("OTHER.PUBLIC.T"))

    def test_dropping_a_database_drops_all_of_it(self, admins: Administrators, tmp_path: Path) -> None:
        account = admins.account
        files = {path.name for path in (tmp_path / "snowflake" / "data").iterdir()}
        admins.make_table()
        account.alter(admins.sysadmin, "DATABASE", name("DB"), set={"DATA_RETENTION_TIME_IN_DAYS": 0})
        account.create(admins.sysadmin, "DATABASE ROLE", name("DB.READ"))
        account.drop(admins.sysadmin, "DATABASE", name("DB"))
        for kind in ("SCHEMA", "TABLE", "DATABASE ROLE"):
            assert account.list(None, kind, within=name("DB")) == []
        assert {path.name for path in (tmp_path / "snowflake" / "data").iterdir()} == files
        with pytest.raises(duckdb.Error):
            rows(account, "SELECT * FROM DB.S.T")
        admins.make_table()
        assert account.row_count(name("DB.S.T")) == 0

    def test_dropping_a_schema_can_be_restricted_to_an_empty_one(self, admins: Administrators) -> None:
        admins.make_table()
        with refused(2200, "not empty"):
            admins.account.drop(admins.sysadmin, "SCHEMA", name("DB.S"), restrict=True)
        admins.account.drop(admins.sysadmin, "SCHEMA", name("DB.S"))
        assert admins.account.list(None, "TABLE") == []

    def test_a_replaced_database_is_a_new_one(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        account.create(admins.sysadmin, "DATABASE", name("DB"), or_replace=True)
        assert [shown.name.parts for shown in account.list(None, "SCHEMA", within=name("DB"))] == [("DB", "PUBLIC")]
        with pytest.raises(duckdb.Error):
            rows(account, "SELECT * FROM DB.S.T")

    def test_a_missing_data_file_is_said_by_name(self, admins: Administrators, tmp_path: Path) -> None:
        made = admins.account.create(admins.sysadmin, "DATABASE", name("DB"))
        admins.account.close()
        for path in (tmp_path / "snowflake" / "data").glob(f"{made.identifier}.*"):
            path.unlink()
        with pytest.raises(CloudError, match="data of database DB is missing"):
            Account(tmp_path / "snowflake")

    def test_what_went_missing_from_the_data_is_not_said_to_be_there(
        self, admins: Administrators, tmp_path: Path
    ) -> None:
        table = admins.make_table()
        rows(admins.account, "DROP TABLE DB.S.T")
        rows(admins.account, "CREATE TABLE DB.S.STRAY (A INTEGER)")
        again = reopened(admins.account, tmp_path).account
        assert again.find("TABLE", table) is None
        with pytest.raises(duckdb.CatalogException):
            rows(again, "SELECT * FROM DB.S.STRAY")
        again.close()

    def test_text_lengths_reach_the_information_schema(self, admins: Administrators, tmp_path: Path) -> None:
        admins.make_table()
        lengths = (
            "SELECT CHARACTER_MAXIMUM_LENGTH FROM DB._fs_information_schema._fs_columns "
            "WHERE TABLE_NAME = 'T' AND COLUMN_NAME = 'TENANT_ID'"
        )
        admins.account.refresh_information_schema()
        assert rows(admins.account, lengths) == [(16,)]
        again = reopened(admins.account, tmp_path).account
        again.refresh_information_schema()
        assert rows(again, lengths) == [(16,)]
        again.close()
