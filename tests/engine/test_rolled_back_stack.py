"""A stack goes back: tables by Time Travel, an update by its settings; and what would lose data is not undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from nexus_command import ROOT, Nexus

from cli.connector import SnowflakeAddress, connect, private_key, rows

TABLE = "HCS0001_DB.NEXUSCHAT.USER_SESSIONS"
SESSIONS = ", ".join(f"('s{number}', 'patient@example.org', 'HCS0001')" for number in range(3))


@dataclass
class Served:
    """A stack whose cloud is kept up, and its account as who deploys asks it."""

    nexus: Nexus
    port: int

    def ask(self, *statements: str, role: str = "HCS0001_APP") -> Any:
        """The first value that the last statement answers."""
        key = private_key((self.nexus.stack / "deploy-key.pem").read_text(encoding="utf-8"))
        address = SnowflakeAddress("VIDEXA", "EMBEDDED", "127.0.0.1", self.port)
        with (
            closing(connect(address, "NEXUS_DEPLOY", key, role=role, warehouse="HCS0001_WH")) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                found = rows(cursor, statement)
        return next(iter(found[0].values()))

    def count(self) -> Any:
        return self.ask(f"SELECT COUNT(*) FROM {TABLE}")

    def rollback(self, *arguments: str) -> Any:
        return self.nexus.run("rollback", *arguments, "--json").answer

    @property
    def organizations(self) -> Any:
        return yaml.safe_load(self.nexus.tenants_file.read_text(encoding="utf-8"))["organizations"]


@pytest.fixture(scope="module")
def up(nexus_up: Nexus) -> Iterator[Served]:
    """A stack with two organisations, a third by its second update, and three rows in a table."""
    with nexus_up.serving() as endpoints:
        nexus_up.tenants(HCS0001={}, HCS0002={"monthly_credits": 80}, HCS0003={})
        nexus_up.run("up", "--yes")
        served = Served(nexus_up, endpoints["port"])
        served.ask(f"INSERT INTO {TABLE} (SESSION_ID, USER_ID, TENANT_ID) VALUES {SESSIONS}")
        yield served


def test_a_table_goes_back_and_forward_again_and_pulumi_sees_no_change(up: Served) -> None:
    query = up.ask(f"DELETE FROM {TABLE} WHERE SESSION_ID <> 's0'", "SELECT LAST_QUERY_ID()")
    restored = up.rollback("--table", TABLE, "--before", query, "--run")
    (object_,) = restored["objects"]
    assert (object_["rows_now"], object_["rows_then"]) == (3, 3)
    assert restored["drift"] == [], "`up` would change nothing"
    assert "patient" not in json.dumps(restored)
    assert up.count() == 3, "its application reads it as before"
    (undo,), (finish,) = object_["undo"], object_["finish"]
    up.ask(undo, role="SYSADMIN")
    assert up.count() == 1
    up.ask(undo, finish, role="SYSADMIN")
    assert up.count() == 3


def test_a_batch_that_nobody_knows_is_refused_by_the_migration_itself(up: Served) -> None:
    refused = up.nexus.run("rollback", "--migration", "20260101T000000Z-abcdef", expect=1)
    assert "no organisation has rows of batch" in refused.stderr


def test_an_update_is_undone_once_its_losses_are_accepted(up: Served) -> None:
    committed = (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8")
    declared = up.organizations
    told = up.rollback()["updates"]
    assert told["command"] == "./nexus rollback --update last"
    (loss,) = told["undoing_would_lose"]
    assert (loss["tenant"], loss["change"]) == ("HCS0003", "remove")
    assert "UNDROP DATABASE HCS0003_DB" in loss["recoverable"]

    blocked = up.nexus.run("rollback", "--update", "last", "--json", expect=1)
    assert blocked.answer["undone"]
    assert [each["object"] for each in blocked.answer["data_loss"]["blocked"]] == [loss["object"]]
    assert up.organizations == declared

    undone = up.rollback("--update", "last", *up.nexus.allowing(blocked))
    assert [step["step"] for step in undone["steps"]] == ["verify before", "plan", "up", "verify after"]
    assert (undone["result"], undone["files"], undone["wrong_before"]) == ("succeeded", ["organizations"], [])
    assert up.organizations == {"HCS0001": {}, "HCS0002": {}}
    assert not [each for each in up.nexus.resources() if "HCS0003" in each["urn"]]
    up.nexus.run("up", "--expect-no-changes")

    # What that deleted would not come back by declaring it again: it is told with its UNDROP.
    told = up.rollback()["updates"]
    assert [each["object"] for each in told["does_not_come_back"]] == [loss["object"]]
    assert (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8") == committed
