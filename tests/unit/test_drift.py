"""What was changed by hand is told: properties, what is gone, and grants that nobody declared."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from cli.drift import Difference, Drift, _explained, _with_containers, of_step, refreshed_since_up, show
from cli.drift_adoption import SETTINGS, adoption, parameters
from cli.drift_gone import renamed
from cli.drift_grants import GrantFound, undeclared
from cli.drift_meaning import DECLARED, FOUND, Meaning, of_gone, of_property
from cli.drift_retention import Retention
from cli.drift_statements import EffectLost, held_to, lost
from cli.render.command import rendered
from cli.render.graph import Record
from cli.render.script import Declared
from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection
from tests.unit.account_cursor import Cursor
from tests.unit.recording import Graph
from tests.unit.rendered import Keys, copy_of, declared_of, new_account, of_organizations, run_script, with_keys

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
    "GRANT OWNERSHIP ON ROLE HCS0001_ANALYST TO ROLE STRANGER COPY CURRENT GRANTS": (
        "HCS0001",
        'ROLE "HCS0001_ANALYST"',
        "ROLE STRANGER",
    ),
    "ALTER USER VIDEXA_BREAK_GLASS SET DAYS_TO_EXPIRY = 5": (None, 'USER "VIDEXA_BREAK_GLASS"', "5"),
    "GRANT OWNERSHIP ON DATABASE ROLE HCS0002_DB.NEXUSCHAT_READ TO ROLE STRANGER COPY CURRENT GRANTS": (
        "HCS0002",
        'DATABASE ROLE "HCS0002_DB"."NEXUSCHAT_READ"',
        "ROLE STRANGER",
    ),
    "GRANT OWNERSHIP ON USER POWERBI_SVC TO ROLE STRANGER COPY CURRENT GRANTS": (
        None,
        'USER "POWERBI_SVC"',
        "ROLE STRANGER",
    ),
    "GRANT OWNERSHIP ON NETWORK POLICY VIDEXA_POWER_BI TO ROLE STRANGER COPY CURRENT GRANTS": (
        None,
        'NETWORK POLICY "VIDEXA_POWER_BI"',
        "ROLE STRANGER",
    ),
    # Snowflake lets ACCOUNTADMIN alone give and take its own role.
    "GRANT ROLE ACCOUNTADMIN TO USER POWERBI_SVC": (
        None,
        'USER "POWERBI_SVC"',
        "it holds ROLE ACCOUNTADMIN, which nobody declared",
    ),
    "GRANT USAGE ON WAREHOUSE HCS0002_WH TO ROLE HCS0002_APP WITH GRANT OPTION": (
        "HCS0002",
        'WAREHOUSE "HCS0002_WH"',
        "ROLE HCS0002_APP may grant USAGE on it to others, which nobody declared",
    ),
    "REVOKE SELECT ON TABLE HCS0001_DB.NEXUSCHAT.PROMPT_CACHE FROM DATABASE ROLE HCS0001_DB.NEXUSCHAT_READ": (
        "HCS0001",
        'TABLE "HCS0001_DB"."NEXUSCHAT"."PROMPT_CACHE"',
        "DATABASE ROLE NEXUSCHAT_READ has no SELECT on it any more, which is declared for every TABLE there",
    ),
}
"""Statements that somebody ran by hand, and what is told of each."""
MEANS = {
    "AGENTNEXUS_SVC administers the account as SYSADMIN",
    "HCS0001_APP, of another organisation, may do all that HCS0002_APP may",
    "everybody reads HCS0002's CONVERSATIONS",
    "HCS0001_ANALYST, of another organisation, reads HCS0002's future VIEWS",
    "HCS0001_ANALYST spends COMPUTE_WH's credits",
    "HCS0002_ADMIN may grant anything to anybody",
    "STRANGER may do all that NEXUSCHAT_WRITE may",
    "ACCOUNTADMIN may read, change, drop and grant it",
    "STRANGER may read, change, drop and grant it",
    "POWERBI_SVC administers the account as ACCOUNTADMIN",
    "HCS0002_APP decides who else has it",
    "less is granted; what needs it fails",
    "after these days nobody logs in as it; what needs it fails",
}
"""What each of them means."""
USERS = "VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS"
ROWS = "VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS"
EFFECTS = {
    "CALL SNOWFLAKE.LOCAL.GRANT_TO_PUBLIC_APPLICATION_ROLE('APP_ROLE', 'CORTEX-MODEL-ROLE-ALL')": (
        "APPLICATION ROLE SNOWFLAKE.PUBLIC",
        "grants",
        "it holds CORTEX-MODEL-ROLE-ALL, which was taken from it",
        DECLARED,
    ),
    "GRANT USE AI FUNCTIONS ON ACCOUNT TO ROLE PUBLIC": (
        "ROLE PUBLIC",
        "grants",
        "it has USE AI FUNCTIONS on the account, which was taken from it",
        DECLARED,
    ),
    "GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE PUBLIC": (
        "ROLE PUBLIC",
        "grants",
        "it holds SNOWFLAKE.CORTEX_USER, which was taken from it",
        DECLARED,
    ),
    f"ALTER TABLE {USERS} DROP ROW ACCESS POLICY VIDEXA_SHARED.GOVERNANCE.TENANT_ROWS": (
        'TABLE "VIDEXA_SHARED"."TENANT_MANAGEMENT"."ORG_USERS"',
        "row access policy",
        "(nothing)",
        DECLARED,
    ),
    f"UPDATE {ROWS} SET MONTHLY_CREDITS = 7 WHERE ORGANIZATION_ID = 'HCS0002'": (
        f"row HCS0002 of {ROWS}",
        "MONTHLY_CREDITS",
        "7",
        "",
    ),
    f"DELETE FROM {ROWS} WHERE ORGANIZATION_ID = 'HCS0001'": (f"row HCS0001 of {ROWS}", "", "is gone", ""),
    "ALTER USER AGENTNEXUS_SVC SET DEFAULT_WAREHOUSE = COMPUTE_WH": (
        'USER "AGENTNEXUS_SVC"',
        "DEFAULT_WAREHOUSE",
        "COMPUTE_WH",
        "",
    ),
}
"""Statements that undo what the program's own statements did: what, property, found, which side is better off."""


@pytest.fixture(scope="module")
def scripted(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Declared]]:
    """An account's directory that has what two organisations declare, and that."""
    keys, directory = Keys(), tmp_path_factory.mktemp("drift")
    declared = declared_of(with_keys(of_organizations(graph, ("HCS0001", "HCS0002")), keys))
    with copy_of(new_account(directory / "new", keys), directory / "account") as account:
        run_script(account, rendered(declared, "local"))
    return directory / "account", declared


def test_grants_made_by_hand_are_found_and_taken_back(scripted: tuple[Path, list[Declared]], tmp_path: Path) -> None:
    template, declared = scripted
    with copy_of(template, tmp_path / "account") as account:
        assert _undeclared(account, declared) == []
        run_script(account, "USE ROLE ACCOUNTADMIN; CREATE ROLE STRANGER;" + ";".join(BY_HAND))
        found = _undeclared(account, declared)
        told = [(each.tenant, each.what, each.found) for each in found]
        assert sorted(told, key=str) == sorted(BY_HAND.values(), key=str)
        assert {each.found for each in found if each.meaning.better != DECLARED} == {
            "DATABASE ROLE NEXUSCHAT_READ has no SELECT on it any more, which is declared for every TABLE there"
        }
        assert {each.meaning.why for each in found} == MEANS
        run_script(account, ";".join(f"USE ROLE {each.role}; {each.undo}" for each in found))
        assert _undeclared(account, declared) == []
        # What is gone is not asked about: a refresh says that it is.
        run_script(
            account, "USE ROLE ACCOUNTADMIN; DROP TABLE HCS0002_DB.NEXUSCHAT.FILE_UPLOADS; DROP ROLE HCS0001_ADMIN"
        )
        assert _undeclared(account, declared) == []


def test_what_the_programs_statements_did_and_somebody_undid(
    scripted: tuple[Path, list[Declared]], tmp_path: Path
) -> None:
    template, declared = scripted
    with copy_of(template, tmp_path / "account") as account:
        assert _lost(account, declared) == ([], [])
        # It is said of which statements nothing tells the effect.
        odd = Declared("urn", "Execute", "odd", {"execute": "CALL TIDY('all')"}, "SYSADMIN")
        assert _lost(account, [odd]) == ([], ["odd"])
        run_script(account, "USE ROLE ACCOUNTADMIN; USE WAREHOUSE VIDEXA_SHARED_WH;" + ";".join(EFFECTS))
        found, _ = _lost(account, declared)
        told = [(each.what, each.property_, each.found, each.meaning.better) for each in found]
        assert sorted(told) == sorted(EFFECTS.values())
        for each in found:
            ready = f"USE WAREHOUSE {each.of.warehouse};" if each.of.warehouse else ""
            run_script(account, f"USE ROLE {each.of.role}; {ready} {each.again}")
        assert _lost(account, declared)[0] == []


def test_a_renamed_table_is_not_said_to_be_dropped(scripted: tuple[Path, list[Declared]], tmp_path: Path) -> None:
    template, declared = scripted
    schema = "HCS0002_DB.NEXUSCHAT"
    tables = {each.name: each.urn for each in declared if each.kind == "Table" and each.tenant == "HCS0002"}
    gone = [tables["HCS0002-PROMPT_CACHE"], tables["HCS0002-USER_SESSIONS"], tables["HCS0002-FILE_UPLOADS"]]
    with copy_of(template, tmp_path / "account") as account:
        run_script(
            account,
            f"USE ROLE SYSADMIN; ALTER TABLE {schema}.PROMPT_CACHE RENAME TO {schema}.OLD; "
            f"CREATE TABLE {schema}.SCRATCH (A NUMBER); DROP TABLE {schema}.USER_SESSIONS; "
            "CREATE SCHEMA HCS0002_DB.ELSEWHERE; "
            f"ALTER TABLE {schema}.FILE_UPLOADS RENAME TO HCS0002_DB.ELSEWHERE.FILES",
        )
        with Connection(account.session("NEXUS_DEPLOY", "ACCOUNTADMIN")) as connection:
            found = renamed(declared, gone, Cursor(connection))  # type: ignore[arg-type]
        # What was dropped is brought back by UNDROP.
        assert found.keys() == {gone[0], gone[2]}
        assert found[gone[0]].found == "is not there, and was not dropped: OLD has its columns"
        assert found[gone[2]].statement == 'SHOW TABLES IN SCHEMA "HCS0002_DB"."NEXUSCHAT"'
        run_script(account, f"USE ROLE {found[gone[0]].role}; {found[gone[0]].statement}")
        run_script(account, f"USE ROLE SYSADMIN; DESCRIBE TABLE {schema}.PROMPT_CACHE")


def test_what_another_owns_is_not_gone() -> None:
    """The engine reads as the role that declares, which sees nothing of it any more."""
    user = step("ServiceUser", {"name": "U"}, None)
    keys = step("UserPublicKeys", {"name": "U"}, None)
    grant = step("GrantPrivilegesToAccountRole", {"privileges": ["USAGE", "MONITOR"]}, {"privileges": ["MONITOR"]})
    less = step("GrantPrivilegesToAccountRole", {"privileges": ["USAGE", "MONITOR"]}, {"privileges": []})
    less.urn += "-less"
    known = {each.urn: Record(each.urn, "", each.old.inputs) for each in (user, grant, less)}
    known[keys.urn] = Record(keys.urn, "", {}, dependencies=frozenset([user.urn]))
    grants = [
        GrantFound(None, 'USER "U"', "ROLE EVIL", "GRANT OWNERSHIP", Meaning(), property="owner", urn=user.urn),
        GrantFound(None, 'WAREHOUSE "W"', "may grant", "REVOKE", Meaning(), urn=grant.urn, grantable="USAGE"),
        GrantFound(None, 'WAREHOUSE "V"', "may grant", "REVOKE", Meaning(), urn=less.urn, grantable="USAGE"),
    ]
    found = [one for each in (user, keys, grant, less) for one in of_step(each, None)]
    told = list(_explained(found, grants, known, "local"))
    # Of the last, one privilege is missing beside.
    assert [(each.urn, each.within) for each in told] == [(keys.urn, 'USER "U"'), (less.urn, "")]
    assert told[0].mend == "./nexus sql --role SECURITYADMIN 'GRANT OWNERSHIP'"


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ([("update", "succeeded", {"create": 3})], False),
        ([("refresh", "succeeded", {"same": 3}), ("update", "succeeded", {})], False),
        ([("refresh", "succeeded", {"same": 3, "update": 1}), ("update", "succeeded", {})], True),
        ([("update", "failed", {}), ("refresh", "succeeded", {"delete": 1}), ("update", "succeeded", {})], True),
        ([("update", "succeeded", {}), ("refresh", "succeeded", {"delete": 1})], False),
        ([], False),
    ],
)
def test_after_a_refresh_nothing_is_said_to_be_as_declared(
    done: list[tuple[str, str, dict[str, int]]], told: bool
) -> None:
    history = [{"kind": kind, "result": result, "resourceChanges": changes} for kind, result, changes in done]
    assert refreshed_since_up(history) is told
    output = Console(file=io.StringIO(), width=100)
    show(Drift([], [], told), "local", output)
    assert ("everything is as it is declared" in output.file.getvalue()) is not told  # type: ignore[attr-defined]


def test_one_that_works_though_it_is_suspended(scripted: tuple[Path, list[Declared]], tmp_path: Path) -> None:
    template, _ = scripted
    procedure = '"VIDEXA_SHARED"."TENANT_MANAGEMENT"."SUSPEND_ORGANIZATION"'
    suspended = Declared("urn", "Execute", "HCS0002-suspended", {"execute": f"CALL {procedure}('HCS0002')"}, "SYSADMIN")
    with copy_of(template, tmp_path / "account") as account:
        ((found,), untold) = _lost(account, [suspended])
        assert (found.property_, found.declared, found.found, untold) == ("STATUS", "SUSPENDED", "ACTIVE", [])
        run_script(account, f"USE ROLE SYSADMIN; USE WAREHOUSE VIDEXA_SHARED_WH; {found.again}")
        assert _lost(account, [suspended]) == ([], [])


def _lost(account: Account, declared: Any) -> tuple[list[EffectLost], list[str]]:
    with Connection(account.session("NEXUS_DEPLOY", "ACCOUNTADMIN", warehouse="VIDEXA_SHARED_WH")) as connection:
        return lost(declared, Cursor(connection))  # type: ignore[arg-type]


def _undeclared(account: Account, declared: Any) -> list[GrantFound]:
    with Connection(account.session("NEXUS_DEPLOY", "SECURITYADMIN")) as connection:
        return list(undeclared(declared, Cursor(connection)))  # type: ignore[arg-type]


def step(kind: str, old: dict[str, Any], new: dict[str, Any] | None) -> SimpleNamespace:
    type_ = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return SimpleNamespace(
        urn=f"urn:pulumi:local::nexuschat::{type_}::it",
        old=SimpleNamespace(inputs=old, outputs=old),
        new=None if new is None else SimpleNamespace(inputs=new, outputs=new),
        detailed_diff=None,
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
    # Read anew, it is marked in the outputs alone.
    anew = step("User", {}, {"loginName": "hidden"})
    anew.new.outputs = {"loginName": secret}
    (found,) = of_step(anew, None)
    assert (found.property, found.declared, found.found) == ("loginName", "(nothing)", "[secret]")
    assert "hidden" not in str(found)


def test_that_a_secret_differs_is_told_though_the_engine_shows_neither_side() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
    sides = {"email": secret, "comment": "c", "list": [secret, secret]}
    assert told(step("User", sides, dict(sides)), None) == []
    changed = step("User", sides, dict(sides))
    changed.detailed_diff = {"email": "an update", "list[1]": "an update"}
    changed.urn = changed.urn.replace("::it", "::VIDEXA_BREAK_GLASS")
    assert told(changed, None, "prod") == [
        ("email", "[secret]", "another [secret]", "into Pulumi.prod.yaml, as snowflake.break_glass.email"),
        ("list[1]", "[secret]", "another [secret]", ""),
    ]


def test_a_table_that_is_gone_is_brought_back_before_up_makes_an_empty_one() -> None:
    (found,) = of_step(step("Table", {"database": "D", "schema": "S", "name": "T"}, None), "HCS0001", "prod")
    assert found.mend == """./nexus sql --stack prod --role SYSADMIN 'UNDROP TABLE "D"."S"."T"'"""
    works = step("GrantDatabaseRole", {"databaseRoleName": "D.W", "parentRoleName": "R"}, None)
    works.urn = works.urn.replace("::it", "::HCS0001-write-in-application")
    assert next(of_step(works, "HCS0001", "prod")).adopt == "./nexus tenants suspend HCS0001 --stack prod"
    (role,) = of_step(step("AccountRole", {"name": "R"}, None), None)
    assert role.adopt == ""
    assert role.mend == "./nexus refresh && ./nexus up"


def test_what_went_with_a_database_is_counted() -> None:
    lost = step("Database", {"name": "HCS0001_DB"}, None)
    lost.urn += "-database"
    others = [
        step("Table", {"database": "HCS0001_DB", "schema": "S", "name": "T"}, None),
        step("GrantDatabaseRole", {"databaseRoleName": '"HCS0001_DB"."READ"', "parentRoleName": "R"}, None),
        step("Warehouse", {"name": "HCS0001_DB_WH", "warehouseSize": "SMALL"}, {"warehouseSize": "LARGE"}),
    ]
    for number, each in enumerate(others):
        each.urn += str(number)
    known = {each.urn: Record(each.urn, "", each.old.inputs) for each in (lost, *others)}
    found = [one for each in (lost, *others) for one in of_step(each, "HCS0001")]
    told = list(_with_containers(found, known))
    assert told[0].mend.endswith("'UNDROP DATABASE \"HCS0001_DB\"'")
    assert [each.within for each in told] == ["", "HCS0001_DB", "HCS0001_DB", "", ""]
    assert {each.mend for each in told[1:3]} == {told[0].mend}
    output = Console(file=io.StringIO(), width=100)
    show(Drift(told, []), "local", output)
    shown = output.file.getvalue()  # type: ignore[attr-defined]
    assert "  2 more went with HCS0001_DB" in shown
    assert "Table" not in shown


def test_what_went_with_a_schema_comes_back_with_it() -> None:
    lost = step("Schema", {"database": "HCS0001_DB", "name": "S"}, None)
    others = [
        step("Table", {"database": "HCS0001_DB", "schema": "S", "name": "T"}, None),
        step("GrantPrivilegesToDatabaseRole", {"onSchema": {"schemaName": '"HCS0001_DB"."S"'}}, None),
        step("TableConstraint", {"tableId": '"HCS0001_DB"."S"."T"'}, None),
        step("Table", {"database": "HCS0001_DB", "schema": "S2", "name": "T"}, None),
    ]
    for number, each in enumerate(others):
        each.urn += str(number)
    known = {each.urn: Record(each.urn, "", each.old.inputs) for each in (lost, *others)}
    told = list(_with_containers([one for each in (lost, *others) for one in of_step(each, "HCS0001")], known))
    assert [each.within for each in told] == ["", *["HCS0001_DB.S"] * 3, ""]
    assert {each.mend for each in told[:4]} == {"""./nexus sql --role SYSADMIN 'UNDROP SCHEMA "HCS0001_DB"."S"'"""}


def test_days_of_time_travel_are_weighed_with_what_is_inherited_and_with_the_accounts_minimum() -> None:
    def known(kind: str, **inputs: Any) -> Record:
        return Record(kind, f"snowflake:index/{kind}:{kind}", inputs)

    retention = Retention.of(
        [
            known("Database", name="D", dataRetentionTimeInDays=30.0),
            known("Schema", database="D", name="OWN", dataRetentionTimeInDays=7.0),
            known("Schema", database="D", name="S"),
            known("Database", name="THEIRS"),
        ]
    )

    def means(retention: Retention, declared: float | None, found: float | None, **name: str) -> Meaning:
        sides = ({**name, "dataRetentionTimeInDays": days} for days in (declared, found))
        (one,) = of_step(
            step("Table", *({k: v for k, v in side.items() if v is not None} for side in sides)),
            None,
            "local",
            retention,
        )
        return one.meaning

    had_back = "what is deleted can be had back for {} days, declared {}".format
    table = {"database": "D", "schema": "S", "name": "T"}
    assert means(retention, None, 0.0, **table) == Meaning(DECLARED, had_back(0, 30))
    assert means(retention, -1.0, 0.0, **table) == Meaning(DECLARED, had_back(0, 30))
    assert means(retention, 60.0, None, **table) == Meaning(DECLARED, had_back(30, 60))
    assert means(retention, None, 60.0, **table).better == FOUND
    assert means(retention, None, 1.0, **table | {"schema": "OWN"}) == Meaning(DECLARED, had_back(1, 7))
    # What it inherits there the program does not say.
    assert means(retention, None, 5.0, **table | {"database": "THEIRS"}) == Meaning()
    minimum = known("AccountParameter", key="MIN_DATA_RETENTION_TIME_IN_DAYS", value="14")
    at_least = Retention.of([known("Database", name="D", dataRetentionTimeInDays=30.0), minimum])
    assert means(at_least, None, 0.0, **table) == Meaning(DECLARED, had_back(14, 30))


def test_who_is_no_longer_held_to_a_network_is_told_with_what_holds_now(
    scripted: tuple[Path, list[Declared]], tmp_path: Path
) -> None:
    template, declared = scripted
    attached = [each for each in declared if each.kind == "NetworkPolicyAttachment" and each.inputs.get("users")]
    assert len(attached) > 2

    def told(account: Account) -> dict[str, Meaning]:
        with Connection(account.session("NEXUS_DEPLOY", "ACCOUNTADMIN")) as connection:
            means = held_to(attached, Cursor(connection))  # type: ignore[arg-type]
        return {each.name: means[each.urn] for each in attached if each.urn in means}

    with copy_of(template, tmp_path / "account") as account:
        assert told(account) == {}
        run_script(
            account,
            "USE ROLE ACCOUNTADMIN; ALTER USER AGENTNEXUS_SVC SET NETWORK_POLICY = VIDEXA_PEOPLE; "
            "ALTER USER VIDEXA_BREAK_GLASS UNSET NETWORK_POLICY",
        )
        assert told(account) == {
            "AGENTNEXUS_SVC-network": Meaning(
                why="neither can be told: AGENTNEXUS_SVC is held to VIDEXA_PEOPLE; read both policies"
            ),
            "VIDEXA_BREAK_GLASS-network": Meaning(
                DECLARED, "VIDEXA_BREAK_GLASS may log in from wherever the account lets anybody"
            ),
        }


def test_what_lies_deeper_is_told_by_its_path() -> None:
    before = {
        "properties": {"enablePurgeProtection": True, "networkAcls": {"defaultAction": "Deny", "bypass": "None"}},
        "securityRules": [{"name": "web", "access": "Allow", "priority": 100.0}],
    }
    after = {
        "properties": {"enablePurgeProtection": True, "networkAcls": {"defaultAction": "Allow", "bypass": "None"}},
        "securityRules": [
            {"name": "all", "access": "Allow", "priority": 90.0},
            {"name": "web", "access": "Allow", "priority": 200.0},
        ],
    }
    assert [(each.property, each.meaning.why) for each in of_step(step("Vault", before, after), None)] == [
        ("properties.networkAcls.defaultAction", "it is reached from outside of the private network"),
        ("securityRules[web].priority", "neither can be told"),
        ("securityRules[all]", "more traffic passes"),
    ]


RANGES = ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("kind", "path", "declared", "found", "better"),
    [
        ("Warehouse", "warehouseSize", "XSMALL", "LARGE", DECLARED),
        ("Warehouse", "warehouseSize", "LARGE", "SMALL", FOUND),
        ("Warehouse", "warehouseSize", "LARGE", "HUGE", ""),
        ("Warehouse", "autoSuspend", 60.0, 0.0, DECLARED),  # never
        ("Warehouse", "autoSuspend", 60.0, 30.0, FOUND),
        ("Warehouse", "resourceMonitor", "M", None, DECLARED),
        ("Warehouse", "resourceMonitor", "M", "N", ""),
        ("ResourceMonitor", "creditQuota", 50.0, None, DECLARED),
        ("ResourceMonitor", "creditQuota", 50.0, 10.0, FOUND),
        ("ResourceMonitor", "suspendTrigger", 100.0, None, DECLARED),
        ("ResourceMonitor", "notifyTriggers", [70.0, 90.0], [90.0], DECLARED),
        ("Database", "dataRetentionTimeInDays", 30.0, 1.0, DECLARED),
        ("Database", "dataRetentionTimeInDays", 30.0, 90.0, FOUND),
        ("Schema", "withManagedAccess", "true", "false", DECLARED),
        ("NetworkRule", "valueLists", RANGES, [*RANGES, "0.0.0.0/0"], DECLARED),
        ("NetworkRule", "valueLists", RANGES, ["10.1.0.0/16"], FOUND),
        ("NetworkRule", "valueLists", RANGES, ["10.0.0.0/9", "10.128.0.0/9"], FOUND),
        ("NetworkRule", "valueLists", RANGES, ["example.org"], ""),
        ("NetworkPolicy", "blockedNetworkRuleLists", ["A"], [], DECLARED),
        ("PasswordPolicy", "minLength", 14.0, 8.0, DECLARED),
        ("PasswordPolicy", "maxAgeDays", 90.0, 0.0, DECLARED),
        ("PasswordPolicy", "maxRetries", 5.0, 3.0, FOUND),
        ("SessionPolicy", "sessionIdleTimeoutMins", 15.0, 240.0, DECLARED),
        ("AuthenticationPolicy", "authenticationMethods", ["SAML"], ["SAML", "PASSWORD"], DECLARED),
        ("AuthenticationPolicy", "authenticationMethods", ["SAML"], ["PASSWORD"], ""),
        ("AuthenticationPolicy", "mfaEnrollment", "REQUIRED", "OPTIONAL", DECLARED),
        ("User", "disabled", "true", "false", DECLARED),
        ("User", "rsaPublicKey", "A", "B", DECLARED),
        ("User", "rsaPublicKey", "A", None, FOUND),
        ("Task", "started", True, False, DECLARED),
        ("Tag", "maskingPolicies", ["P"], [], DECLARED),
        ("MaskingPolicy", "body", "a", "b", ""),
        ("GrantPrivilegesToAccountRole", "privileges", ["USAGE"], ["USAGE", "OPERATE"], DECLARED),
        ("GrantPrivilegesToAccountRole", "privileges", ["USAGE", "OPERATE"], ["USAGE"], FOUND),
        ("Table", "comment", "a", "b", ""),
        ("Table", "columns[TITLE]", {"name": "TITLE"}, None, DECLARED),
        ("Vault", "properties.publicNetworkAccess", "disabled", "Enabled", DECLARED),
        ("Vault", "properties.enablePurgeProtection", True, None, DECLARED),
        ("Vault", "properties.softDeleteRetentionInDays", 90.0, 7.0, DECLARED),
        ("Vault", "properties.networkAcls.ipRules", [], [{"value": "1.2.3.4"}], DECLARED),
        ("StorageAccount", "minimumTlsVersion", "TLS1_2", "TLS1_0", DECLARED),
        ("StorageAccount", "minimumTlsVersion", "TLS1_2", "TLS1_3", FOUND),
        ("StorageAccount", "allowSharedKeyAccess", False, True, DECLARED),
        ("ContainerApp", "configuration.ingress.external", False, True, DECLARED),
        ("ContainerApp", "configuration.ingress.allowInsecure", False, True, DECLARED),
        ("ContainerApp", "template.scale.maxReplicas", 5.0, 50.0, DECLARED),
        ("Registry", "adminUserEnabled", False, True, DECLARED),
        ("Policy", "policySettings.mode", "Prevention", "Detection", DECLARED),
        ("NetworkSecurityGroup", "securityRules[x]", {"access": "Deny"}, None, DECLARED),
        ("NetworkSecurityGroup", "securityRules[x]", {"access": "Allow"}, None, FOUND),
        ("RoleAssignment", "condition", "only tagged", None, DECLARED),
        ("Workspace", "retentionInDays", 365.0, 30.0, DECLARED),
        ("Registry", "sku.name", "Premium", "Basic", ""),
    ],
)
def test_who_is_better_off(kind: str, path: str, declared: Any, found: Any, better: str) -> None:
    told = of_property(kind, path, declared, found)
    assert told.better == better
    assert bool(better) != told.why.startswith("neither can be told")


@pytest.mark.parametrize(
    ("key", "declared", "found", "better"),
    [
        ("PREVENT_UNLOAD_TO_INLINE_URL", "true", "false", DECLARED),
        ("ALLOW_ID_TOKEN", "false", "true", DECLARED),
        ("CORTEX_ENABLED_CROSS_REGION", "DISABLED", "ANY_REGION", DECLARED),
        ("MIN_DATA_RETENTION_TIME_IN_DAYS", "1", "7", FOUND),
        ("TIMEZONE", "UTC", "Europe/Paris", ""),
    ],
)
def test_who_is_better_off_by_an_account_parameter(key: str, declared: str, found: str, better: str) -> None:
    assert of_property("AccountParameter", "value", declared, found, {"key": key}).better == better


@pytest.mark.parametrize(
    ("kind", "better"),
    [("GrantDatabaseRole", FOUND), ("RoleAssignment", FOUND), ("Table", DECLARED), ("RowAccessPolicy", DECLARED)],
)
def test_who_is_better_off_without_it(kind: str, better: str) -> None:
    assert of_gone(kind).better == better


def test_every_protective_parameter_is_known(graph: Graph) -> None:
    """Another value of any declared account parameter but the list of models is weighed, or said to be a setting."""
    declared = {
        one.inputs["key"]: one.inputs["value"] for one in graph.resources if one.type.endswith(":AccountParameter")
    }
    assert len(declared) > 10
    other = {"true": "false", "false": "true", "None": "All", "DISABLED": "ANY_REGION", "1": "0", "256": "128"}
    for key, value in declared.items():
        assert of_property("AccountParameter", "value", value, other[value], {"key": key}).better == DECLARED, key
        assert key == "CORTEX_MODELS_ALLOWLIST" or adoption("prod", None, "AccountParameter", key, "value", "x"), key


def test_what_would_be_adopted_is_a_setting_of_something_declared(graph: Graph) -> None:
    from pydantic import BaseModel

    from infra.settings import StackSettings

    known = {(one.type.rpartition(":")[2], one.name) for one in graph.resources}
    kinds = {kind for kind, _ in known}
    for (kind, name, _), setting in SETTINGS.items():
        assert (kind, name) in known if name else kind in kinds, (kind, name)
        section: type[BaseModel] = StackSettings
        *path, last = setting.split(".")
        for part in path:
            field = section.model_fields[part].annotation
            inner = [field, *getattr(field, "__args__", ())]
            section = next(each for each in inner if isinstance(each, type) and issubclass(each, BaseModel))
        assert last in section.model_fields, setting
    assert "prevent_load_from_inline_url" in parameters()


def test_a_shared_setting_is_proposed_for_the_stacks_own_file() -> None:
    found = step("NetworkRule", {"valueLists": RANGES}, {"valueLists": [*RANGES, "1.2.3.0/24"]})
    found.urn = found.urn.replace("::it", "::network-PEOPLE")
    ((_, _, _, adopt),) = told(found, None, "prod")
    setting = "'snowflake.log_in.networks.people=[10.0.0.0/8, 1.2.3.0/24]'"
    assert adopt == f"into Pulumi.prod.yaml, once `./nexus preview --stack prod --set {setting}` shows what you want"
    assert adoption("local", None, "User", "VIDEXA_BREAK_GLASS", "disabled", "false").count("enabled=true`") == 1


def test_every_organisation_has_its_part() -> None:
    output = Console(file=io.StringIO(), width=100)
    wider, mended = Meaning(DECLARED, "more is granted"), "./nexus refresh --stack prod && ./nexus up --stack prod"
    found = [
        Difference(None, "", "USER U", "grants", "(nothing)", "it holds ROLE R", wider, mend="./nexus sql 'REVOKE'"),
        Difference("HCS0001", "urn", "Warehouse W", "size", "XSMALL", "LARGE", Meaning(), "./nexus tenants", mended),
    ]
    show(Drift(found, ["odd"]), "prod", output)
    lines = output.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "shared",
        "  USER U: it holds ROLE R",
        "      better declared: more is granted",
        "      mend   ./nexus sql 'REVOKE'",
        "HCS0001",
        "  Warehouse W: size is LARGE, declared is XSMALL",
        "      better neither can be told",
        "      adopt  ./nexus tenants",
        f"2 differences. Run the lines `mend` first: then `{mended}` mends what has none. What has no line `adopt` is "
        "declared by the program, and by no setting.",
        "Not compared, since nothing tells what they did: odd",
    ]
    assert found[0].as_json() | {"better": "declared", "why": "more is granted"} == found[0].as_json()
    assert found[1].as_json()["better"] is None
