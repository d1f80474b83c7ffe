"""What was changed by hand is told: properties, what is gone, and grants that nobody declared."""

from __future__ import annotations

import io
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from cli.drift import Difference, of_step, show
from cli.drift_grants import GrantFound, undeclared
from cli.render.command import rendered
from emulator.snowflake.account import Account, SnowflakeError
from emulator.snowflake.sql import Connection
from tests.unit.recording import Graph
from tests.unit.rendered import Keys, copy_of, declared_of, new_account, of_organizations, run_script, with_keys


class Cursor:
    """A connector's cursor, as far as SHOW needs one, on an account in this process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.description: list[Any] = []
        self._rows: list[Any] = []

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        from snowflake.connector import ProgrammingError

        assert not parameters
        try:
            result = self._connection.execute(statement)
        except SnowflakeError as error:
            raise ProgrammingError(msg=error.message, errno=error.errno, sqlstate=error.sqlstate) from None
        self.description = [SimpleNamespace(name=column.name) for column in result.columns]
        self._rows = result.rows

    def fetchall(self) -> list[Any]:
        return self._rows


BY_HAND = {
    "GRANT ROLE SYSADMIN TO USER AGENTNEXUS_SVC": (
        None,
        'USER "AGENTNEXUS_SVC"',
        "it holds ROLE SYSADMIN, which nobody declared",
    ),
    "GRANT ROLE HCS0002_APP TO ROLE HCS0001_APP": (
        "HCS0001",
        'ROLE "HCS0001_APP"',
        "it holds ROLE HCS0002_APP, which nobody declared",
    ),
    "GRANT SELECT ON TABLE HCS0002_DB.NEXUSCHAT.CONVERSATIONS TO ROLE PUBLIC": (
        "HCS0002",
        'TABLE "HCS0002_DB"."NEXUSCHAT"."CONVERSATIONS"',
        "ROLE PUBLIC has SELECT on it, which nobody declared",
    ),
    "GRANT SELECT ON FUTURE VIEWS IN SCHEMA HCS0002_DB.NEXUSCHAT TO ROLE HCS0001_ANALYST": (
        "HCS0002",
        'SCHEMA "HCS0002_DB"."NEXUSCHAT"',
        "ROLE HCS0001_ANALYST will have SELECT on every future VIEW in it, which nobody declared",
    ),
    "GRANT USAGE ON WAREHOUSE COMPUTE_WH TO ROLE HCS0001_ANALYST": (
        "HCS0001",
        'ROLE "HCS0001_ANALYST"',
        "it has USAGE on WAREHOUSE COMPUTE_WH, which nobody declared",
    ),
    "GRANT MANAGE GRANTS ON ACCOUNT TO ROLE HCS0002_ADMIN": (
        "HCS0002",
        'ROLE "HCS0002_ADMIN"',
        "it has MANAGE GRANTS on ACCOUNT, which nobody declared",
    ),
    "GRANT DATABASE ROLE HCS0001_DB.NEXUSCHAT_WRITE TO ROLE STRANGER": (
        "HCS0001",
        'DATABASE ROLE "HCS0001_DB"."NEXUSCHAT_WRITE"',
        "ROLE STRANGER holds it, which nobody declared",
    ),
    "GRANT OWNERSHIP ON TABLE VIDEXA_SHARED.MONITORING.PRICES TO ROLE ACCOUNTADMIN COPY CURRENT GRANTS": (
        None,
        'TABLE "VIDEXA_SHARED"."MONITORING"."PRICES"',
        "ROLE ACCOUNTADMIN",
    ),
}
"""Statements that somebody ran by hand, and what is told of each."""


def test_grants_made_by_hand_are_found_and_taken_back(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> None:
    keys, directory = Keys(), tmp_path_factory.mktemp("drift")
    declared = declared_of(with_keys(of_organizations(graph, ("HCS0001", "HCS0002")), keys))
    with copy_of(new_account(directory / "new", keys), directory / "account") as account:
        run_script(account, rendered(declared, "local"))
        assert _undeclared(account, declared) == []
        run_script(account, "USE ROLE ACCOUNTADMIN; CREATE ROLE STRANGER;" + ";".join(BY_HAND))
        found = _undeclared(account, declared)
        told = [(each.tenant, each.what, each.found) for each in found]
        assert sorted(told, key=str) == sorted(BY_HAND.values(), key=str)
        run_script(account, "USE ROLE SECURITYADMIN;" + ";".join(each.undo for each in found))
        assert _undeclared(account, declared) == []
        # What is gone is not asked about: a refresh says that it is.
        run_script(
            account, "USE ROLE ACCOUNTADMIN; DROP TABLE HCS0002_DB.NEXUSCHAT.FILE_UPLOADS; DROP ROLE HCS0001_ADMIN"
        )
        assert _undeclared(account, declared) == []


def _undeclared(account: Account, declared: Any) -> list[GrantFound]:
    with Connection(account.session("NEXUS_DEPLOY", "SECURITYADMIN")) as connection:
        return list(undeclared(declared, Cursor(connection)))  # type: ignore[arg-type]


def step(kind: str, old: dict[str, Any], new: dict[str, Any] | None) -> SimpleNamespace:
    type_ = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return SimpleNamespace(
        urn=f"urn:pulumi:local::nexuschat::{type_}::it",
        old=SimpleNamespace(inputs=old),
        new=None if new is None else SimpleNamespace(inputs=new),
    )


def told(*arguments: Any) -> list[tuple[str, str, str, str]]:
    return [(each.property, each.declared, each.found, each.adopt) for each in of_step(*arguments)]


def test_what_differs_is_told_with_the_setting_that_would_adopt_it() -> None:
    changed = step("Warehouse", {"warehouseSize": "XSMALL", "name": "W"}, {"warehouseSize": "LARGE", "name": "W"})
    adopt = "./nexus tenants change HCS0001 --warehouse-size LARGE"
    assert told(changed, "HCS0001") == [("warehouseSize", "XSMALL", "LARGE", adopt)]
    assert told(changed, "HCS0001", "prod") == [("warehouseSize", "XSMALL", "LARGE", f"{adopt} --stack prod")]
    # What is shared has no organisation's setting.
    assert told(changed, None) == [("warehouseSize", "XSMALL", "LARGE", "")]
    monitor = step("ResourceMonitor", {"creditQuota": 50.0}, {"creditQuota": 500.0})
    assert told(monitor, "HCS0002") == [
        ("creditQuota", "50", "500", "./nexus tenants change HCS0002 --monthly-credits 500")
    ]


def test_of_lists_what_is_missing_and_what_is_beside_is_told() -> None:
    grant = step("GrantPrivilegesToAccountRole", {"privileges": ["USAGE", "MONITOR"]}, {"privileges": ["USAGE"]})
    assert told(grant, None) == [("privileges", '["USAGE", "MONITOR"]', 'without ["MONITOR"]', "")]


def test_what_is_gone_is_told_and_what_is_alike_is_not() -> None:
    table = {"name": "T", "comment": "c"}
    assert told(step("Table", table, None), "HCS0001") == [("", "is there", "is gone", "")]
    assert told(step("Table", table, dict(table)), "HCS0001") == []


def test_a_secret_is_not_told() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hidden"}
    (found,) = of_step(step("User", {"email": secret}, {}), None)
    assert "hidden" not in str(found)


def test_every_organisation_has_its_part() -> None:
    output = Console(file=io.StringIO(), width=100)
    show(
        [
            Difference(None, "", "USER U", "grants", "(nothing)", "it holds ROLE R", mend="./nexus sql 'REVOKE'"),
            Difference("HCS0001", "urn", "Warehouse W", "warehouseSize", "XSMALL", "LARGE", adopt="./nexus tenants"),
        ],
        "prod",
        output,
    )
    lines = output.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "shared",
        "  USER U: it holds ROLE R",
        "      mend   ./nexus sql 'REVOKE'",
        "HCS0001",
        "  Warehouse W: warehouseSize is LARGE, declared is XSMALL",
        "      adopt  ./nexus tenants",
        "2 differences. `./nexus refresh --stack prod` and then `./nexus up --stack prod` mend what no line above "
        "mends.",
    ]
