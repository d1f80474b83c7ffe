"""Tables and schemas come back by Time Travel, on an embedded account: by their owner, of one organisation alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cli.access import StackAccess
from cli.connector import SnowflakeAddress, rows
from cli.failure import BadInputError, FailureError
from cli.rollback.time_travel import Moment, Restoration, Restorer, Tenant, dropped_databases, parsed, reaches
from emulator.snowflake.account import Account
from tests.emulator.account_roles import set_up
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import serving

SCHEMA = "HCS0001_DB.NEXUSCHAT"
TABLES = ("MESSAGES", "SESSIONS")
DROPPED = Moment()
SCRIPT = """
USE ROLE SYSADMIN
CREATE WAREHOUSE HCS0001_WH
CREATE DATABASE HCS0001_DB DATA_RETENTION_TIME_IN_DAYS = 30
CREATE SCHEMA HCS0001_DB.NEXUSCHAT WITH MANAGED ACCESS
CREATE TABLE HCS0001_DB.NEXUSCHAT.MESSAGES (ID NUMBER, TEXT VARCHAR)
CREATE TABLE HCS0001_DB.NEXUSCHAT.SESSIONS (ID NUMBER)
USE ROLE ACCOUNTADMIN
CREATE ROLE HCS0001_APP
GRANT ROLE HCS0001_APP TO ROLE SYSADMIN
GRANT USAGE ON WAREHOUSE HCS0001_WH TO ROLE HCS0001_APP
GRANT USAGE ON DATABASE HCS0001_DB TO ROLE HCS0001_APP
GRANT USAGE ON SCHEMA HCS0001_DB.NEXUSCHAT TO ROLE HCS0001_APP
GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA HCS0001_DB.NEXUSCHAT TO ROLE HCS0001_APP
"""


class World:
    """The served account: statements by role, and the restorer of a stack that declares its tables."""

    def __init__(self, port: int, keys: KeyPair) -> None:
        settings: Any = SimpleNamespace(snowflake=SimpleNamespace(user="NEXUS_DEPLOY"))
        address = SnowflakeAddress("VIDEXA", "EMBEDDED", "127.0.0.1", port)
        access = StackAccess("local", settings, address, None, lambda: keys.private, dict)
        tenants = {f"{name}_DB": Tenant(name, f"{name}_DB", "NEXUSCHAT", f"{name}_WH") for name in ("HCS0001",)}
        declared = frozenset(parsed(f"{SCHEMA}.{name}", 3) for name in TABLES) | {parsed(SCHEMA, 2)}
        self.access = access
        self.restorer = Restorer(access, tenants, declared, "VIDEXA_SHARED")

    def ask(self, *statements: str, role: str = "SYSADMIN") -> Any:
        """The first value of the last statement's answer."""
        with self.access.as_deploy_user(role, "HCS0001_WH") as cursor:
            for statement in statements:
                found = rows(cursor, statement)
        return next(iter(found[0].values())) if found else None

    def count(self, table: str = "MESSAGES") -> Any:
        """As the organisation's application sees it."""
        return self.ask(f"SELECT COUNT(*) FROM {SCHEMA}.{table}", role="HCS0001_APP")

    def emptied(self, table: str = "MESSAGES") -> str:
        """Delete all rows, and say by which statement."""
        return str(self.ask(f"DELETE FROM {SCHEMA}.{table}", "SELECT LAST_QUERY_ID()", role="HCS0001_APP"))

    def table(self, name: str, when: Moment) -> Restoration:
        return self.restorer.tables([parsed(f"{SCHEMA}.{name}", 3)], when)

    def names(self) -> list[str]:
        with self.access.as_deploy_user("SYSADMIN", None) as cursor:
            return sorted(row["name"] for row in rows(cursor, f"SHOW TABLES IN SCHEMA {SCHEMA}"))


@pytest.fixture(scope="module")
def keys() -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return KeyPair(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, keys: KeyPair) -> Path:
    return set_up(tmp_path_factory.mktemp("tables") / "account", keys, SCRIPT)


@pytest.fixture
def world(tmp_path: Path, template: Path, keys: KeyPair) -> Iterator[World]:
    """An account with two rows in a table."""
    shutil.copytree(template, tmp_path / "account")
    account = Account(tmp_path / "account")
    try:
        with serving(account, keys) as endpoint:
            world = World(endpoint.port, keys)
            world.ask(f"INSERT INTO {SCHEMA}.MESSAGES VALUES (1, 'a patient'), (2, 'b')", role="HCS0001_APP")
            yield world
    finally:
        account.close()


def test_it_is_rendered_first_and_nothing_is_done(world: World) -> None:
    query = world.emptied()
    found = world.table("MESSAGES", Moment(before=query))
    (restored,) = found.objects
    assert (restored.now, restored.then) == (0, 2)
    script = found.script()
    assert script[1:3] == ["USE ROLE SYSADMIN;", "USE WAREHOUSE HCS0001_WH;"]
    clone, counts, swap = (statement.sql for statement in restored.statements)
    assert f"CLONE {SCHEMA}.MESSAGES BEFORE (STATEMENT => '{query}') COPY GRANTS" in clone
    assert counts.startswith("SELECT (SELECT COUNT(*)")
    assert restored.undo == [swap]
    assert not any("a patient" in line for line in script)
    assert world.names() == ["MESSAGES", "SESSIONS"]
    assert world.count() == 0


def test_a_table_goes_back_to_a_moment_and_forward_again(world: World) -> None:
    moment = world.ask("SELECT CURRENT_TIMESTAMP()").astimezone(UTC)
    world.emptied()
    found = world.table("MESSAGES", Moment(at=moment))
    world.restorer.run(found)
    (restored,) = found.objects
    assert (restored.now, restored.then) == (2, 2)
    assert world.count() == 2, "the application's grants came along"
    (reach,) = reaches(world.restorer)
    assert len(reach.aside) == 1
    assert reach.dropped == []
    world.ask(*restored.undo)
    assert world.count() == 0
    world.ask(*restored.undo, *restored.finish)
    assert (world.count(), world.names()) == (2, ["MESSAGES", "SESSIONS"])


def test_a_second_run_goes_on_from_the_first(world: World) -> None:
    query = world.emptied()
    first = world.table("MESSAGES", Moment(before=query))
    world.restorer.run(first)
    # The table is the clone by now, which was not there yet when that statement ran.
    with pytest.raises(FailureError, match="Snowflake refuses NEXUS_DEPLOY as SYSADMIN"):
        world.table("MESSAGES", Moment(before=query))
    assert world.count() == 2


def test_a_schema_goes_back_table_by_table(world: World) -> None:
    world.ask(f"INSERT INTO {SCHEMA}.SESSIONS VALUES (1)", role="HCS0001_APP")
    query = world.emptied()
    world.emptied("SESSIONS")
    found = world.restorer.schema(parsed(SCHEMA, 2), Moment(before=query))
    assert [each.name[-1] for each in found.objects] == ["MESSAGES", "SESSIONS"]
    world.restorer.run(found)
    assert (world.count(), world.count("SESSIONS")) == (2, 1)


def test_a_table_whose_columns_were_others_says_so(world: World) -> None:
    query = world.ask(f"ALTER TABLE {SCHEMA}.MESSAGES DROP COLUMN TEXT", "SELECT LAST_QUERY_ID()")
    found = world.table("MESSAGES", Moment(before=query))
    world.restorer.run(found)
    (restored,) = found.objects
    assert world.ask(f"SELECT TEXT FROM {SCHEMA}.MESSAGES WHERE ID = 2") == "b"
    assert any("its columns were others then (TEXT)" in note for note in restored.notes)


def test_a_dropped_table_comes_back_with_its_rows(world: World) -> None:
    world.ask(f"DROP TABLE {SCHEMA}.MESSAGES")
    (reach,) = reaches(world.restorer)
    assert [told.split("  ")[0] for told in reach.dropped] == [f"--table {SCHEMA}.MESSAGES --dropped"]
    with pytest.raises(BadInputError, match=f"--table {SCHEMA}.MESSAGES --dropped` brings"):
        world.table("MESSAGES", Moment(at=datetime.now(UTC)))
    found = world.table("MESSAGES", DROPPED)
    world.restorer.run(found)
    assert world.count() == 2
    (undo,) = found.objects[0].undo
    world.ask(undo)
    assert world.names() == ["SESSIONS"]


def test_what_took_the_name_of_a_dropped_one_makes_way(world: World) -> None:
    world.ask(f"DROP TABLE {SCHEMA}.MESSAGES", f"CREATE TABLE {SCHEMA}.MESSAGES (ID NUMBER)")
    found = world.table("MESSAGES", DROPPED)
    assert [statement.sql.split()[0] for statement in found.objects[0].statements] == ["ALTER", "UNDROP"]
    world.restorer.run(found)
    assert world.count() == 2
    world.ask(*reversed(found.objects[0].undo))
    assert world.ask(f"SELECT COUNT(*) FROM {SCHEMA}.MESSAGES") == 0


def test_a_table_that_the_stack_does_not_declare_comes_back_and_is_told(world: World) -> None:
    world.ask(f"CREATE TABLE {SCHEMA}.EXTRA (ID NUMBER)", f"DROP TABLE {SCHEMA}.EXTRA")
    (restored,) = world.table("EXTRA", DROPPED).objects
    assert any("the stack does not declare it" in note for note in restored.notes)


def test_a_dropped_schema_comes_back_whole(world: World) -> None:
    world.ask(f"DROP SCHEMA {SCHEMA}")
    (reach,) = reaches(world.restorer)
    assert [told.split("  ")[0] for told in reach.dropped] == [f"--schema {SCHEMA} --dropped"]
    found = world.restorer.schema(parsed(SCHEMA, 2), DROPPED)
    assert [statement.sql for statement in found.objects[0].statements] == [f"UNDROP SCHEMA {SCHEMA}"]
    world.restorer.run(found)
    assert world.count() == 2


def test_an_organisations_dropped_database_is_told_with_what_brings_it_back(world: World) -> None:
    """As the engine deletes it: tables first, then the schema, then the database."""
    assert dropped_databases(world.restorer) == []
    other = "HCS0002_DB.NEXUSCHAT"
    world.ask(
        *("CREATE DATABASE SCRATCH", "DROP DATABASE SCRATCH", "CREATE DATABASE HCS0002_DB", f"CREATE SCHEMA {other}"),
        *(f"CREATE TABLE {other}.{name} AS SELECT 1 AS ID" for name in TABLES),
        *(f"DROP TABLE {other}.{name}" for name in TABLES),
        *(f"DROP SCHEMA {other}", "DROP DATABASE HCS0002_DB"),
    )
    ((name, statements, until),) = dropped_databases(world.restorer)
    assert (name, statements[:2]) == ("HCS0002_DB", ["UNDROP DATABASE HCS0002_DB", f"UNDROP SCHEMA {other}"])
    assert until > datetime.now(UTC)
    # Declared again, it is there and empty: that one makes way.
    world.ask("CREATE DATABASE HCS0002_DB")
    ((_, statements, _),) = dropped_databases(world.restorer)
    assert statements[0].startswith("ALTER DATABASE HCS0002_DB RENAME TO HCS0002_DB__UNTIL_")
    world.ask(*statements)
    assert world.ask(f"SELECT COUNT(*) FROM {other}.MESSAGES") == 1
    assert dropped_databases(world.restorer) == []


def test_what_cannot_come_back_says_why(world: World) -> None:
    now = datetime.now(UTC)
    for when in (now - timedelta(days=400), now + timedelta(days=1)):
        with pytest.raises(BadInputError, match="is not within its Time Travel, which goes from 20"):
            world.table("MESSAGES", Moment(at=when))
    with pytest.raises(BadInputError, match=rf"is not declared by this stack\. Did you mean {SCHEMA}\.MESSAGES\?"):
        world.table("MESSAGE", Moment(at=now))
    with pytest.raises(BadInputError, match=r"is not declared by this stack\. Did you mean HCS0001_DB\.NEXUSCHAT\?"):
        world.restorer.schema(("HCS0001_DB", "NEXUSCHATS"), Moment(at=now))
    with pytest.raises(BadInputError, match=r"nothing of this name was dropped within its Time Travel \(it is there\)"):
        world.table("MESSAGES", DROPPED)
    with pytest.raises(BadInputError, match=r"nothing of this name was dropped .* \(no such name\)"):
        world.restorer.schema(("HCS0001_DB", "GONE"), DROPPED)
    with pytest.raises(FailureError, match="Snowflake refuses NEXUS_DEPLOY as SYSADMIN"):
        world.table("MESSAGES", Moment(before="01b2c3d4-0000-1111-2222-333344445555"))
    assert world.names() == ["MESSAGES", "SESSIONS"]


def test_without_the_right_nothing_of_a_table_is_touched_and_what_was_done_is_told(world: World) -> None:
    query = world.emptied()
    found = world.restorer.tables([parsed(f"{SCHEMA}.{name}", 3) for name in TABLES], Moment(before=query))
    world.ask(
        f"GRANT OWNERSHIP ON TABLE {SCHEMA}.SESSIONS TO ROLE SECURITYADMIN COPY CURRENT GRANTS", role="SECURITYADMIN"
    )
    with pytest.raises(FailureError, match="Snowflake refuses NEXUS_DEPLOY as SYSADMIN") as refused:
        world.restorer.run(found)
    done, undone = (each.undo[0] for each in found.objects)
    assert done in str(refused.value)
    assert undone not in str(refused.value)
    assert world.count() == 2
