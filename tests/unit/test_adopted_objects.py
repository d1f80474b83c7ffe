"""What exists under the declared names: found, judged, handed over, and imported by the program."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pytest

from cli.adopt.alike import unlike
from cli.adopt.compare import Compared
from cli.adopt.find import Account as Asked
from cli.adopt.find import Found, find
from cli.adopt.judge import ALL, Judged, judge
from cli.adopt.kinds import KINDS, NO_OBJECT
from cli.adopt.ownership import carry_out, hand_overs
from cli.failure import FailureError
from cli.render.command import rendered
from cli.render.graph import Record
from cli.render.script import Declared
from emulator.package import Question
from emulator.snowflake.account import Account
from emulator.snowflake.package import SnowflakePackage
from emulator.snowflake.sql import Connection
from infra.adoption import arranged
from infra.adoption_settings import FoundColumnSettings
from infra.program import program
from infra.settings import SettingsError, load_settings
from infra.words import called
from tests.unit.account_cursor import Cursor
from tests.unit.recording import Graph, declare
from tests.unit.rendered import Keys, copy_of, declared_of, new_account, of_organizations, run_script, with_keys
from tests.unit.stack_settings import ROOT, as_engine_sends, organisations_file, stack_config

TABLE = "snowflake:index/table:Table"
DATABASE = "snowflake:index/database:Database"


class Made:
    """An account that has everything that one organisation's stack declares."""

    def __init__(self, graph: Graph, directory: Path) -> None:
        self.keys = Keys()
        self.empty = new_account(directory / "empty", self.keys)
        self.declared = declared_of(with_keys(of_organizations(graph, ("HCS0001",)), self.keys))
        self.registrations = {one.urn: one for one in of_organizations(graph, ("HCS0001",))}
        self.full = directory / "full"
        with copy_of(self.empty, self.full) as account:
            run_script(account, rendered(self.declared, "local"))


@pytest.fixture(scope="module")
def made(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(graph, tmp_path_factory.mktemp("adoption"))


@contextmanager
def asked(account: Account, role: str = "ACCOUNTADMIN") -> Iterator[Asked]:
    with Connection(account.session("NEXUS_DEPLOY", role)) as connection:
        yield Asked(Cursor(connection))  # type: ignore[arg-type]


def of_kind(made: Made, kind: str, name: str) -> Declared:
    (found,) = (each for each in made.declared if each.kind == kind and each.name == name)
    return found


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_declared_type_is_known(made: Made) -> None:
    kinds = {each.kind for each in made.declared}
    assert kinds <= KINDS.keys() | NO_OBJECT | {"TableConstraint"}
    assert not KINDS.keys() & NO_OBJECT


def test_every_object_is_found_and_its_provider_imports_it_by_the_id(made: Made, tmp_path: Path) -> None:
    with copy_of(made.full, tmp_path / "account") as account:
        with asked(account) as shown:
            found, refused = find(made.declared, shown, ())
        routines = {each.kind for each in made.declared if KINDS.get(each.kind) and KINDS[each.kind].identity is None}
        objects = [each for each in made.declared if each.kind in KINDS and not each.adopted]
        assert len(found) == len([each for each in objects if each.kind not in routines]) > 80
        without = [each for each in made.declared if each.kind in {*routines, "TableConstraint"}]
        assert sorted(each.resource for each in refused) == sorted(
            called(made.registrations[each.urn].type, each.name) for each in without
        )
        assert {each.kind for each in without} == {"FunctionPython", "ProcedurePython", "TableConstraint"}
        _drop_all(account, [each.way_out for each in refused])
        with asked(account) as shown:
            assert find(made.declared, shown, ())[1] == []
        for each in found:
            imported = _read(made, account, each)
            assert imported, each.resource


def _drop_all(account: Account, ways_out: list[str]) -> None:
    """As each way out says: its statement, on a line of its own."""
    statements = [line for each in ways_out for line in each.splitlines() if line.endswith(";")]
    assert len(statements) == len(ways_out)
    run_script(account, "USE ROLE ACCOUNTADMIN; " + " ".join(statements))


def _read(made: Made, account: Account, found: Found) -> str:
    package = SnowflakePackage(account)
    (urn,) = (each.urn for each in made.declared if called(found.type, each.name) == found.resource)
    provider = made.registrations[made.registrations[urn].provider.rpartition("::")[0]]
    os.environ["SNOWFLAKE_PRIVATE_KEY"] = made.keys.private
    try:
        configuration = package.configure({**provider.inputs, "role": "ACCOUNTADMIN"})
    finally:
        del os.environ["SNOWFLAKE_PRIVATE_KEY"]
    # As an import asks: no inputs, the id alone.
    question = Question(urn=urn, type=found.type, name=found.name, configuration=configuration, id=found.id)
    return package.read(question).id


def test_a_second_run_finds_nothing(made: Made, tmp_path: Path) -> None:
    with copy_of(made.full, tmp_path / "account") as account, asked(account) as shown:
        assert find(made.declared, shown, {each.urn for each in made.declared}) == ([], [])


def test_nothing_is_found_where_nothing_is(made: Made, tmp_path: Path) -> None:
    with copy_of(made.empty, tmp_path / "account") as account, asked(account) as shown:
        assert find(made.declared, shown, ()) == ([], [])


def test_a_function_with_other_arguments_is_another_one(made: Made, tmp_path: Path) -> None:
    (function, *_) = (each for each in made.declared if each.kind == "ProcedurePython" and each.inputs.get("arguments"))
    name = f"{function.inputs['database']}.{function.inputs['schema']}.{function.inputs['name']}"
    with copy_of(made.empty, tmp_path / "account") as account:
        database, schema = name.split(".")[:2]
        run_script(
            account,
            f"USE ROLE SYSADMIN; CREATE DATABASE {database}; CREATE SCHEMA {database}.{schema}; "
            f"CREATE PROCEDURE {name}() RETURNS VARCHAR LANGUAGE SQL AS 'BEGIN RETURN 1; END'",
        )
        with asked(account) as shown:
            assert find([function], shown, ()) == ([], [])


class HalfBlind(Cursor):
    """One to whom the account does not tell what is in a database."""

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        if statement.startswith("SHOW SCHEMAS"):
            statement = 'SHOW SCHEMAS IN DATABASE "NOT_FOR_YOU"'
        super().execute(statement, parameters)


def test_what_may_not_be_seen_is_not_taken_for_absent(made: Made, tmp_path: Path) -> None:
    with copy_of(made.empty, tmp_path / "account") as account:
        run_script(account, "USE ROLE ACCOUNTADMIN; CREATE DATABASE HCS0001_DB")
        with Connection(account.session("NEXUS_DEPLOY", "ACCOUNTADMIN")) as connection:
            shown = Asked(HalfBlind(connection))  # type: ignore[arg-type]
            with pytest.raises(FailureError) as refused:
                find([of_kind(made, "Schema", "HCS0001_DB-NEXUSCHAT")], shown, ())
    assert "002003" in str(refused.value)
    assert "is not taken for absent" in str(refused.value)


# ── owners ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_owners_are_handed_over_and_keep_their_grants(made: Made, tmp_path: Path) -> None:
    with copy_of(made.empty, tmp_path / "account") as account:
        run_script(
            account,
            "USE ROLE ACCOUNTADMIN; CREATE DATABASE HCS0001_DB; CREATE ROLE HCS0001_APP; "
            "CREATE WAREHOUSE HCS0001_WH; GRANT USAGE ON DATABASE HCS0001_DB TO ROLE HCS0001_APP",
        )
        with asked(account) as shown:
            found, _ = find(made.declared, shown, ())
            needed, refused = hand_overs(found, shown, made.declared)
            assert refused == []
            assert [each.statement for each in needed] == [
                'GRANT OWNERSHIP ON DATABASE "HCS0001_DB" TO ROLE "SYSADMIN" COPY CURRENT GRANTS',
                'GRANT OWNERSHIP ON ROLE "HCS0001_APP" TO ROLE "USERADMIN" COPY CURRENT GRANTS',
            ]
            carry_out(needed[:1], shown.cursor)
        # Killed between two: what is done is not needed any more.
        with asked(account) as shown:
            again, _ = hand_overs(find(made.declared, shown, ())[0], shown, made.declared)
            assert again == needed[1:]
            carry_out(again, shown.cursor)
            shown.cursor.execute('SHOW GRANTS ON DATABASE "HCS0001_DB"')
            assert {(row[1], row[5]) for row in shown.cursor.fetchall()} == {
                ("OWNERSHIP", "SYSADMIN"),
                ("USAGE", "HCS0001_APP"),
            }
        with asked(account) as shown:
            assert hand_overs(find(made.declared, shown, ())[0], shown, made.declared) == ([], [])


def test_a_refused_hand_over_names_its_statement(made: Made, tmp_path: Path) -> None:
    with copy_of(made.empty, tmp_path / "account") as account:
        run_script(account, "USE ROLE ACCOUNTADMIN; CREATE DATABASE HCS0001_DB")
        with asked(account) as shown:
            needed, _ = hand_overs(find(made.declared, shown, ())[0], shown, made.declared)
        with asked(account, "USERADMIN") as weak, pytest.raises(FailureError, match="GRANT OWNERSHIP ON DATABASE"):
            carry_out(needed, weak.cursor)


def test_what_belongs_to_a_role_that_is_made_later_is_refused(made: Made, tmp_path: Path) -> None:
    with copy_of(made.empty, tmp_path / "account") as account:
        run_script(
            account,
            "USE ROLE ACCOUNTADMIN; CREATE DATABASE HCS0001_DB; CREATE DATABASE ROLE HCS0001_DB.NEXUSCHAT_READ",
        )
        with asked(account) as shown:
            found, _ = find([of_kind(made, "DatabaseRole", "HCS0001-NEXUSCHAT_READ")], shown, ())
            needed, (refused,) = hand_overs(found, shown, made.declared)
    assert needed == []
    assert "VIDEXA_TENANT_OPERATOR" in refused.why
    assert 'DROP DATABASE ROLE "HCS0001_DB"."NEXUSCHAT_READ";' in refused.way_out


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def found_(type_: str = DATABASE, *, rows: int = 0) -> Found:
    word, written = ("TABLE", '"D"."S"."T"') if type_ == TABLE else ("DATABASE", '"D"')
    name = "HCS0001-T" if type_ == TABLE else "D"
    return Found(called(type_, name), type_, name, "HCS0001", word, written, "id", {}, "SYSADMIN", "X", rows, True)


def of_table(found: list[dict[str, Any]], declared: list[dict[str, Any]], *, rows: int = 0) -> Judged:
    named = {"database": "D", "schema": "S", "name": "T"}
    compared = Compared({**named, "columns": found}, {**named, "columns": declared}, {}, ["columns"])
    return judge(found_(TABLE, rows=rows), compared, ())


def column(name: str, type_: str = "VARCHAR(10)", *, nullable: bool = True, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "nullable": nullable, **more}


def test_a_replacement_blocks() -> None:
    compared = Compared({"isTransient": True}, {"isTransient": False}, {}, ["isTransient"], ["isTransient"])
    judged = judge(found_(), compared, ())
    assert judged.blocked is not None
    assert "would have to be dropped and made anew: isTransient is true, declared is false" in judged.blocked.why
    assert "--keep 'snowflake Database D'" in judged.blocked.way_out
    assert judged.entry == {}


@pytest.mark.parametrize("keep", ["snowflake Database D", ALL])
def test_what_is_kept_is_taken_over_with_all_that_differs(keep: str) -> None:
    compared = Compared({"isTransient": True}, {"isTransient": False, "comment": "c"}, {}, ["isTransient", "comment"])
    judged = judge(found_(), compared, [keep])
    assert judged.entry == {"id": "id", "keep": ["isTransient", "comment"]}
    assert {line.becomes for line in judged.lines} == {"kept"}
    assert judged.blocked is None


def test_days_of_time_travel_are_never_cut() -> None:
    key = "dataRetentionTimeInDays"
    judged = judge(found_(), Compared({"name": "D", key: 90}, {"name": "D", key: 30}, {}, [key]), ())
    assert judged.entry == {"id": "id", "keep": [key]}
    more = judge(found_(), Compared({"name": "D", key: 7}, {"name": "D", key: 30}, {}, [key]), ())
    assert more.entry == {"id": "id"}
    # As the account has it, which the database's own inputs do not say.
    inherited = judge(found_(), Compared({"name": "D"}, {"name": "D", key: 30}, {"name": "D", key: 60}, [key]), ())
    assert inherited.entry["keep"] == [key]


def test_a_loss_that_no_setting_keeps_blocks() -> None:
    """What is not known here as kept, the data-loss guard still sees."""
    mask = {"name": "D", "maskingPolicies": ['"D"."S"."M"']}
    tag = Found("snowflake Tag T", "snowflake:index/tag:Tag", "T", None, "TAG", '"D"."S"."T"', "id", {}, "SYSADMIN")
    judged = judge(tag, Compared(mask, {"name": "D", "maskingPolicies": []}, {}, ["maskingPolicies"]), ())
    assert judged.blocked is not None
    assert "would lose data" in judged.blocked.why
    assert "DROP TAG" in judged.blocked.way_out


def test_as_declared_needs_only_its_id() -> None:
    columns = [column("A"), column("B")]
    assert of_table(columns, columns).entry == {"id": "id"}
    # Columns that come at the end, as Snowflake adds them, need no word either.
    assert of_table(columns[:1], columns).entry == {"id": "id"}


@pytest.mark.parametrize(
    ("found", "declared", "said"),
    [
        # One that nobody declares stays.
        (
            [column("A"), column("OLD", nullable=False, comment="c")],
            [column("A")],
            ["A", {"name": "OLD", "type": "VARCHAR(10)", "nullable": False, "comment": "c"}],
        ),
        # Another order.
        ([column("B"), column("A")], [column("A"), column("B")], ["B", "A"]),
        # A type that is too long, or another.
        ([column("A", "VARCHAR(99)")], [column("A")], [{"name": "A", "type": "VARCHAR(99)"}]),
        ([column("A", "NUMBER(38,0)")], [column("A")], [{"name": "A", "type": "NUMBER(38,0)"}]),
        # Rows may lack it: it gets the longer type, and stays nullable.
        ([column("A", "VARCHAR(5)")], [column("A", nullable=False)], [{"name": "A", "type": "VARCHAR(10)"}]),
        # A default that is dropped with an undeclared column's own.
        (
            [column("A"), column("OLD", default={"constant": "x"})],
            [column("A")],
            ["A", {"name": "OLD", "type": "VARCHAR(10)", "default": "x"}],
        ),
    ],
)
def test_columns_that_stay(found: list[Any], declared: list[Any], said: list[Any]) -> None:
    judged = of_table(found, declared)
    assert judged.entry["columns"] == said
    assert judged.blocked is None


def test_a_column_that_cannot_be_without_a_value_comes_as_nullable_where_there_are_rows() -> None:
    declared = [column("A"), column("B", nullable=False)]
    assert of_table([column("A")], declared, rows=3).entry["columns"] == ["A", {"name": "B", "type": "VARCHAR(10)"}]
    assert of_table([column("A")], declared).entry == {"id": "id"}
    (line,) = of_table([column("A")], [column("A"), column("TENANT_ID", nullable=False)], rows=3).lines
    assert line.why.endswith("""UPDATE "D"."S"."T" SET TENANT_ID = 'HCS0001' WHERE TENANT_ID IS NULL""")


def test_what_is_left_unlike_the_other_organisations_is_named() -> None:
    component = "videxa:snowflake:Organization"

    def records(tenant: str) -> Iterator[Record]:
        parent = f"urn:pulumi:s::p::{component}::{tenant}"
        yield Record(parent, component, {})
        inputs = {"database": f"{tenant}_DB", "schema": "S", "name": "T", "columns": [column("A")]}
        yield Record(f"urn:pulumi:s::p::{component}${TABLE}::{tenant}-T", TABLE, inputs, parent)

    three = [record for tenant in ("HCS0001", "HCS0002", "HCS0003") for record in records(tenant)]
    assert unlike(three, []) == []
    named = {"database": "HCS0001_DB", "schema": "S", "name": "T"}
    before, after = [column("A"), column("OLD")], [column("A")]
    compared = Compared({**named, "columns": before}, {**named, "columns": after}, {}, ["columns"])
    (found,) = unlike(three, [judge(found_(TABLE), compared, ())])
    assert found.resource == "snowflake Table HCS0001-T"


# ── the program ──────────────────────────────────────────────────────────────────────────────────────────────────────


def config_with(directory: Path, imports: dict[str, Any]) -> dict[str, str]:
    config = {**stack_config("local"), "nexuschat:tenants_file": organisations_file(directory, 1)}
    return as_engine_sends({**config, "nexuschat:imports": imports})


def test_the_program_imports_what_the_settings_name(tmp_path: Path) -> None:
    imports = {
        "snowflake Database HCS0001_DB": {"id": '"HCS0001_DB"', "keep": ["comment"]},
        "snowflake Table HCS0001-USER_SESSIONS": {
            "id": "HCS0001_DB|NEXUSCHAT|USER_SESSIONS",
            "columns": ["USER_ID", {"name": "SESSION_ID", "type": "NUMBER(38,0)"}, {"name": "OLD", "type": "DATE"}],
        },
        "azure-native resources ResourceGroup resource-group": {"id": "/subscriptions/s/g", "keep": ["*"]},
        # Tried on an empty cloud: made, with these columns.
        "snowflake Table HCS0001-FILE_UPLOADS": {"columns": ["USER_ID"]},
    }
    found = declare(program, config_with(tmp_path, imports))
    database = found.one(DATABASE, "HCS0001_DB")
    assert (database.import_id, database.ignore_changes) == ('"HCS0001_DB"', frozenset({"comment"}))
    # It is the stack's own from then on.
    assert not database.retain_on_delete
    sessions = found.one(TABLE, "HCS0001-USER_SESSIONS")
    names = [block["name"] for block in sessions.inputs["columns"]]
    assert names[:4] == ["USER_ID", "SESSION_ID", "OLD", "REFRESH_TOKEN_HASH"]
    assert sessions.inputs["columns"][1] == {"name": "SESSION_ID", "type": "NUMBER(38,0)", "nullable": True}
    group = found.one("azure-native:resources:ResourceGroup", "resource-group")
    assert (group.import_id, group.retain_on_delete) == ("/subscriptions/s/g", True)
    uploads = found.one(TABLE, "HCS0001-FILE_UPLOADS")
    assert (uploads.import_id, uploads.inputs["columns"][0]["name"]) == ("", "USER_ID")
    assert [one.name for one in found.resources if one.import_id and one.type == TABLE] == ["HCS0001-USER_SESSIONS"]


def test_a_name_that_nothing_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match="nexuschat:imports: snowflake Table HCS0001-TYPO"):
        declare(program, config_with(tmp_path, {"snowflake Table HCS0001-TYPO": {"id": "x"}}))


def test_a_column_that_is_not_declared_needs_what_it_is() -> None:
    with pytest.raises(pulumi.RunError, match="no column OLD is declared"):
        arranged([], ["OLD"])
    (found,) = arranged([], [FoundColumnSettings(name="OLD", type="DATE", default="2020-01-01", comment="c")])
    assert (found.name, found.type, found.comment) == ("OLD", "DATE", "c")


@pytest.mark.parametrize(
    ("imports", "where", "rule"),
    [
        ({"HCS0001_DB": {"id": "x"}}, "imports.HCS0001_DB", "no resource as a plan names it"),
        ({"snowflake Table T": {"id": ""}}, "imports.snowflake Table T.id", "must not be empty"),
        ({"snowflake Table T": {"ID": "x"}}, "imports.snowflake Table T.ID", "is not a setting"),
        ({"snowflake Table T": {"id": "x", "keep": [""]}}, "imports.snowflake Table T.keep.0", "must not be empty"),
    ],
)
def test_wrong_settings_are_refused_by_their_place(imports: dict[str, Any], where: str, rule: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({**stack_config("local"), "nexuschat:imports": imports}, ROOT)
    (problem,) = refused.value.problems
    assert problem.where == f"nexuschat:{where}"
    assert rule in problem.rule
