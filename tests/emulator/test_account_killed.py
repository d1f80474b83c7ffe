"""A process killed at any moment leaves an account that is whole: each change is there entirely or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from emulator.snowflake.account import Account, Column, ObjectName, TableChange
from tests.emulator.account_sessions import COLUMNS, Administrators, name
from tests.emulator.snowflake_provider import KeyPair

KINDS = ("DATABASE", "SCHEMA", "TABLE", "VIEW", "FUNCTION", "DATABASE ROLE")

Change = Callable[[Administrators], Any]


def prepare(admins: Administrators) -> None:
    """What the changes below start from."""
    admins.make_table()
    account = admins.account
    account.create(admins.sysadmin, "DATABASE ROLE", name("DB.READ"))
    function = {"RETURNS": "NUMBER", "BODY": "SELECT COUNT(*) FROM T"}
    account.create(admins.sysadmin, "FUNCTION", name("DB.S.HOW_MANY"), function)
    account.create(admins.sysadmin, "VIEW", name("DB.S.V"), {"STATEMENT": "SELECT TITLE, HOW_MANY() AS N FROM T"})
    with account.cursor() as cursor:
        cursor.execute("INSERT INTO DB.S.T (TENANT_ID, TITLE) VALUES ('HCS0001', 'kept')")
    # What Time Travel brings back; another schema has the name of the dropped one meanwhile.
    account.create(admins.sysadmin, "TABLE", name("DB.S.GONE"), {"COLUMNS": COLUMNS})
    account.drop(admins.sysadmin, "TABLE", name("DB.S.GONE"))
    account.create(admins.sysadmin, "SCHEMA", name("DB.LOST"))
    account.create(admins.sysadmin, "TABLE", name("DB.LOST.T"), {"COLUMNS": COLUMNS})
    account.drop(admins.sysadmin, "SCHEMA", name("DB.LOST"))
    account.create(admins.sysadmin, "SCHEMA", name("DB.LOST"))
    account.rename(admins.sysadmin, "SCHEMA", name("DB.LOST"), name("DB.FOUND"))
    account.create(admins.sysadmin, "DATABASE", name("LOST"))
    account.drop(admins.sysadmin, "DATABASE", name("LOST"))


def create(kind: str, text: str, **properties: Any) -> Change:
    def change(admins: Administrators) -> None:
        replace = properties.pop("or_replace", False)
        admins.account.create(admins.sysadmin, kind, name(text), properties, or_replace=replace)

    return change


def drop(kind: str, text: str) -> Change:
    return lambda admins: admins.account.drop(admins.sysadmin, kind, name(text))


def rename(kind: str, old: str, new: str) -> Change:
    return lambda admins: admins.account.rename(admins.sysadmin, kind, name(old), name(new))


def undrop(kind: str, text: str) -> Change:
    return lambda admins: admins.account.undrop(admins.sysadmin, kind, name(text))


def clone(kind: str, text: str, source: str) -> Change:
    return lambda admins: admins.account.clone_container(admins.sysadmin, kind, name(text), name(source))


def alter_columns(admins: Administrators) -> None:
    changes = [TableChange.drop("RAW"), TableChange.add(Column("STATE", "VARCHAR(8)", False, "'new'"))]
    admins.account.alter_table(admins.sysadmin, name("DB.S.T"), changes)


CHANGES: dict[str, Change] = {
    "create database": create("DATABASE", "OTHER"),
    "create schema": create("SCHEMA", "DB.OTHER"),
    "create table": create("TABLE", "DB.S.OTHER", COLUMNS=COLUMNS),
    "create view": create("VIEW", "DB.S.OTHER", STATEMENT="SELECT TENANT_ID FROM T"),
    "create function": create("FUNCTION", "DB.S.F", RETURNS="NUMBER", BODY="1"),
    "replace database": create("DATABASE", "DB", or_replace=True),
    "replace table": create("TABLE", "DB.S.T", COLUMNS=COLUMNS[:1], or_replace=True),
    "alter table": alter_columns,
    "rename database": rename("DATABASE", "DB", "DB2"),
    "rename schema": rename("SCHEMA", "DB.S", "DB.S2"),
    "rename table": rename("TABLE", "DB.S.T", "DB.S.T2"),
    "drop table": drop("TABLE", "DB.S.T"),
    "drop schema": drop("SCHEMA", "DB.S"),
    "drop database": drop("DATABASE", "DB"),
    "undrop table": undrop("TABLE", "DB.S.GONE"),
    "undrop schema": undrop("SCHEMA", "DB.LOST"),
    "undrop database": undrop("DATABASE", "LOST"),
    "clone table": lambda admins: admins.account.clone_table(admins.sysadmin, name("DB.S.T2"), name("DB.S.T")),
    "clone schema": clone("SCHEMA", "DB.S2", "DB.S"),
    "clone database": clone("DATABASE", "DB2", "DB"),
}


def state(account: Account) -> dict[str, Any]:
    """All that tells two accounts apart: the catalogue, and what a query of the data gives."""
    tables: dict[ObjectName, Any] = {}
    for shown in account.list(None, "TABLE"):
        with account.cursor() as cursor:
            tables[shown.name] = (
                account.columns(shown.name),
                cursor.execute(f"SELECT TENANT_ID FROM {shown.name.sql()}").fetchall(),
            )
    views: dict[ObjectName, Any] = {}
    for shown in account.list(None, "VIEW"):
        with account.cursor() as cursor:
            try:
                views[shown.name] = cursor.execute(f"SELECT * FROM {shown.name.sql()}").fetchall()
            except duckdb.Error:
                views[shown.name] = "what it reads is gone"
    with account.cursor() as cursor:
        functions = cursor.execute(
            "SELECT DISTINCT database_name, schema_name, function_name FROM duckdb_functions() "
            "WHERE function_type = 'macro' AND NOT internal AND function_name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY ALL"
        ).fetchall()
    # Identifiers and times differ from one account to the next.
    listed = {
        kind: [(shown.name, shown.owner, shown.properties) for shown in account.list(None, kind)] for kind in KINDS
    }
    return {"catalogue": listed, "tables": tables, "views": views, "functions": functions}


class Photographer:
    """Copies the account's folder before and after every step that a store takes: just what a kill would leave."""

    def __init__(self, account: Account, directory: Path, album: Path) -> None:
        self.directory, self.album = directory, album
        self.pictures: list[Path] = []
        catalogue, data = account._catalogue, account._data
        for owner, method in (
            (catalogue, "intend"),
            (catalogue, "commit"),
            (data, "create_database"),
            (data, "attach"),
            (data, "detach"),
            (data, "delete_file"),
            (data, "take_name"),
        ):
            self.watch(owner, method)
        data._work = self.WatchedCursor(self, data._work)

    class WatchedCursor:
        """A DuckDB cursor, photographed before and after a commit (where the statements are run but not yet kept)."""

        def __init__(self, photographer: Photographer, cursor: Any) -> None:
            self.photographer, self.cursor = photographer, cursor

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self.cursor, attribute)

        def commit(self) -> None:
            self.photographer.photograph()
            self.cursor.commit()
            self.photographer.photograph()

    def watch(self, owner: Any, method: str) -> None:
        original = getattr(owner, method)

        def watched(*arguments: Any, **named: Any) -> Any:
            self.photograph()
            result = original(*arguments, **named)
            self.photograph()
            return result

        setattr(owner, method, watched)

    def photograph(self) -> None:
        picture = self.album / str(len(self.pictures))
        shutil.copytree(self.directory, picture)
        self.pictures.append(picture)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Path:
    directory = tmp_path_factory.mktemp("prepared") / "snowflake"
    account = Account(directory)
    account.initialise(deploy_public_key=key_pair.public)
    prepare(Administrators(account))
    account.close()
    return directory


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_kill_between_any_two_steps_leaves_all_or_nothing(change: Change, prepared: Path, tmp_path: Path) -> None:
    directory = tmp_path / "snowflake"
    shutil.copytree(prepared, directory)
    account = Account(directory)
    before = state(account)
    photographer = Photographer(account, directory, tmp_path / "album")
    change(Administrators(account))
    after = state(account)
    account.close()
    assert after != before

    outcomes = []
    for picture in photographer.pictures:
        killed = Account(picture)
        found = state(killed)
        kept = killed.dropped(Administrators(killed).sysadmin, "DATABASE")
        killed.close()
        assert found in (before, after), picture.name
        outcomes.append(found == after)
        files = {path.name for path in (picture / "data").glob("*.duckdb")}
        databases = len(found["catalogue"]["DATABASE"])
        assert len(files) == databases + len(kept), "a file belongs to no database"
    # Once done it stays done; and both ends were seen.
    assert outcomes == sorted(outcomes)
    assert outcomes[0] is False
    assert outcomes[-1] is True


def test_what_a_kill_left_is_settled_once(prepared: Path, tmp_path: Path) -> None:
    """A second start finds nothing to do, and the change can be made again."""
    directory = tmp_path / "snowflake"
    shutil.copytree(prepared, directory)
    account = Account(directory)
    photographer = Photographer(account, directory, tmp_path / "album")
    CHANGES["create table"](Administrators(account))
    account.close()
    for picture in photographer.pictures:
        first = Account(picture)
        left = state(first)
        first.close()
        second = Account(picture)
        assert state(second) == left
        admins = Administrators(second)
        admins.account.create(admins.sysadmin, "TABLE", name("DB.S.OTHER"), {"COLUMNS": COLUMNS}, if_not_exists=True)
        assert second.row_count(name("DB.S.OTHER")) == 0
        second.close()


def test_a_process_that_dies_in_the_middle(prepared: Path, tmp_path: Path) -> None:
    """The same with a real process, which ends between the data's commit and the catalogue's."""
    directory = tmp_path / "snowflake"
    shutil.copytree(prepared, directory)
    script = """
import os, sys
from pathlib import Path
from emulator.snowflake.account import Account
from tests.emulator.account_sessions import Administrators, COLUMNS, name
account = Account(Path(sys.argv[1]))
admins = Administrators(account)
account._catalogue.commit = lambda *arguments: os._exit(9)
account.create(admins.sysadmin, "TABLE", name("DB.S.OTHER"), {"COLUMNS": COLUMNS})
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, str(directory)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        check=False,
        capture_output=True,
    )
    assert ended.returncode == 9, ended.stderr.decode()
    account = Account(directory)
    assert account.row_count(name("DB.S.OTHER")) == 0
    assert account.row_count(name("DB.S.T")) == 1
    account.close()
