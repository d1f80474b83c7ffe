"""Objects: who may make them, what they take, what they refer to, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.snowflake.account import Account, Column, Grantee, GrantTarget, ObjectName, warehouses
from emulator.snowflake.account.catalogue import now
from tests.emulator.account_sessions import COLUMNS, Administrators, name, refused
from tests.emulator.snowflake_provider import KeyPair


@pytest.fixture
def admins(account: Account) -> Administrators:
    return Administrators(account)


class TestNewAccount:
    def test_system_roles_inherit_as_snowflake_s(self, account: Account) -> None:
        reached = {
            role: {grantee.name.name for grantee in account.role_paths(Grantee.role(role)) if grantee.kind == "ROLE"}
            for role in ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "PUBLIC")
        }
        assert reached == {
            "ACCOUNTADMIN": {"SECURITYADMIN", "SYSADMIN", "USERADMIN"},
            "SECURITYADMIN": {"USERADMIN"},
            "USERADMIN": set(),
            "SYSADMIN": set(),
            "PUBLIC": set(),
        }

    def test_everyone_holds_cortex_user(self, account: Account) -> None:
        held = account.roles_granted_to(Grantee.role("PUBLIC"))
        assert [grant.role for grant in held] == [
            Grantee.application_role("SNOWFLAKE", "PUBLIC"),
            Grantee.database_role("SNOWFLAKE", "CORTEX_USER"),
        ]

    def test_the_deploy_user_is_a_service_with_the_administrative_roles(self, account: Account) -> None:
        user = account.find("USER", name("NEXUS_DEPLOY"))
        assert user is not None
        assert user.properties["TYPE"] == "SERVICE"
        roles = {grant.role.name.name for grant in account.roles_granted_to(Grantee.user("NEXUS_DEPLOY"))}
        assert roles == {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN"}

    def test_initialising_again_only_moves_the_key(
        self, account: Account, key_pair: KeyPair, other_key_pair: KeyPair
    ) -> None:
        before = account.find("USER", name("NEXUS_DEPLOY"))
        account.initialise(deploy_public_key=key_pair.public)
        assert account.find("USER", name("NEXUS_DEPLOY")) == before
        account.initialise(deploy_public_key=other_key_pair.public)
        after = account.find("USER", name("NEXUS_DEPLOY"))
        assert before is not None
        assert after is not None
        assert after.properties["RSA_PUBLIC_KEY"] != before.properties["RSA_PUBLIC_KEY"]

    @pytest.mark.parametrize(("kind", "what"), [("DATABASE", "SNOWFLAKE"), ("ROLE", "PUBLIC"), ("ROLE", "SYSADMIN")])
    def test_nobody_drops_what_the_system_made(self, admins: Administrators, kind: str, what: str) -> None:
        with refused(3001):
            admins.account.drop(admins.accountadmin, kind, name(what))


@pytest.mark.parametrize(
    ("kind", "properties", "allowed"),
    [
        ("DATABASE", {}, {"SYSADMIN", "ACCOUNTADMIN"}),
        ("WAREHOUSE", {}, {"SYSADMIN", "ACCOUNTADMIN"}),
        ("ROLE", {}, {"USERADMIN", "SECURITYADMIN", "ACCOUNTADMIN"}),
        ("USER", {}, {"USERADMIN", "SECURITYADMIN", "ACCOUNTADMIN"}),
        ("NETWORK POLICY", {"ALLOWED_IP_LIST": ["10.0.0.0/8"]}, {"SECURITYADMIN", "ACCOUNTADMIN"}),
        ("RESOURCE MONITOR", {"CREDIT_QUOTA": 10}, {"ACCOUNTADMIN"}),
        ("INTEGRATION", {"TYPE": "EMAIL", "ENABLED": True}, {"ACCOUNTADMIN"}),
    ],
)
def test_who_may_make_what_in_the_account(
    admins: Administrators, kind: str, properties: dict[str, Any], allowed: set[str]
) -> None:
    for role in ("SYSADMIN", "USERADMIN", "SECURITYADMIN", "ACCOUNTADMIN"):
        session = getattr(admins, role.lower())
        if role in allowed:
            made = admins.account.create(session, kind, name(f"BY_{role}"), properties)
            assert made.owner == Grantee.role(role)
        else:
            with refused(3001, "Insufficient privileges to operate on account 'EMBEDDED'", "42501"):
                admins.account.create(session, kind, name(f"BY_{role}"), properties)
            assert admins.account.find(kind, name(f"BY_{role}")) is None


def test_making_in_a_schema_needs_the_privilege_there(admins: Administrators) -> None:
    account, table = admins.account, admins.make_table()
    maker = admins.make_role("MAKER")
    with refused(2003, "Database 'DB' does not exist or not authorized"):
        account.create(maker, "TABLE", name("DB.S.MINE"), {"COLUMNS": COLUMNS})
    for kind, target in (("DATABASE", "DB"), ("SCHEMA", "DB.S")):
        account.grant_privileges(admins.sysadmin, ["USAGE"], GrantTarget.on(kind, name(target)), Grantee.role("MAKER"))
    with refused(3001, "schema 'S'. Your primary role MAKER must have CREATE TABLE granted"):
        account.create(maker, "TABLE", name("DB.S.MINE"), {"COLUMNS": COLUMNS})
    schema = GrantTarget.on("SCHEMA", name("DB.S"))
    account.grant_privileges(admins.sysadmin, ["CREATE TABLE"], schema, Grantee.role("MAKER"))
    assert account.create(maker, "TABLE", name("DB.S.MINE"), {"COLUMNS": COLUMNS}).owner == Grantee.role("MAKER")
    with refused(3001):
        account.create(maker, "VIEW", name("DB.S.V"), {"STATEMENT": f"SELECT * FROM {table}"})


def test_secondary_roles_do_not_create(admins: Administrators) -> None:
    account = admins.account
    session = account.session("NEXUS_DEPLOY", "PUBLIC", secondary_roles="ALL")
    with refused(3001):
        account.create(session, "DATABASE", name("DB"))


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("WAREHOUSE", {"WAREHOUSE_SIZE": "HUGE"}, "WAREHOUSE_SIZE"),
        ("WAREHOUSE", {"AUTO_SUSPEND": -1}, "AUTO_SUSPEND"),
        ("WAREHOUSE", {"MIN_CLUSTER_COUNT": 3, "MAX_CLUSTER_COUNT": 2}, "MIN_CLUSTER_COUNT"),
        ("WAREHOUSE", {"BOGUS": 1}, "invalid property 'BOGUS' for 'WAREHOUSE'"),
        ("WAREHOUSE", {"STATEMENT_TIMEOUT_IN_SECONDS": 604801}, "STATEMENT_TIMEOUT_IN_SECONDS"),
        ("DATABASE", {"DATA_RETENTION_TIME_IN_DAYS": 91}, "invalid value [91]"),
        ("DATABASE", {"DATA_RETENTION_TIME_IN_DAYS": 2, "TRANSIENT": True}, "at most 1"),
        ("DATABASE", {"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ("RESOURCE MONITOR", {"CREDIT_QUOTA": 0}, "CREDIT_QUOTA"),
        ("RESOURCE MONITOR", {"NOTIFY_TRIGGERS": [0]}, "NOTIFY_TRIGGERS"),
        ("RESOURCE MONITOR", {"NOTIFY_TRIGGERS": [1, 2, 3, 4, 5, 6]}, "at most 5"),
        ("RESOURCE MONITOR", {"FREQUENCY": "MONTHLY"}, "START_TIMESTAMP are set together"),
        (
            "RESOURCE MONITOR",
            {"FREQUENCY": "DAILY", "START_TIMESTAMP": "2027-01-02", "END_TIMESTAMP": "2027-01-01"},
            "later than START_TIMESTAMP",
        ),
        ("RESOURCE MONITOR", {"FREQUENCY": "HOURLY", "START_TIMESTAMP": "IMMEDIATELY"}, "FREQUENCY"),
        ("RESOURCE MONITOR", {"FREQUENCY": "DAILY", "START_TIMESTAMP": "tomorrow"}, "START_TIMESTAMP"),
        ("NETWORK POLICY", {"ALLOWED_IP_LIST": ["10.0.0.300"]}, "10.0.0.300"),
        ("NETWORK POLICY", {"ALLOWED_IP_LIST": ["10.0.0.0/33"]}, "10.0.0.0/33"),
        ("USER", {"RSA_PUBLIC_KEY": "not a key"}, "Invalid public key"),
        ("USER", {"TYPE": "SERVICE", "PASSWORD": "correct horse"}, "'PASSWORD' for a user of TYPE = SERVICE"),
        ("USER", {"TYPE": "SERVICE", "FIRST_NAME": "Ada"}, "FIRST_NAME"),
        ("USER", {"TYPE": "ROBOT"}, "TYPE"),
        ("USER", {"DEFAULT_SECONDARY_ROLES": ["SYSADMIN"]}, "DEFAULT_SECONDARY_ROLES"),
    ],
)
def test_what_snowflake_refuses_is_refused(
    admins: Administrators, kind: str, properties: dict[str, Any], words: str
) -> None:
    with pytest.raises(Exception, match=r"^\d{6} \(\w{5}\): ") as caught:
        admins.account.create(admins.accountadmin, kind, name("X"), properties)
    assert words in str(caught.value)
    assert "correct horse" not in str(caught.value)
    assert admins.account.find(kind, name("X")) is None


@pytest.mark.parametrize("kind", ["DATABASE", "WAREHOUSE", "ROLE", "USER", "NETWORK POLICY", "RESOURCE MONITOR"])
@pytest.mark.parametrize("own", ["", "X" * 256])
def test_no_object_has_an_empty_or_a_boundless_name(admins: Administrators, kind: str, own: str) -> None:
    with refused(904 if own else 1003, "longer than 255" if own else "cannot be empty"):
        admins.account.create(admins.accountadmin, kind, ObjectName.of(own))


@pytest.mark.parametrize("reserved", ["INFORMATION_SCHEMA", "main", "PG_CATALOG", "system"])
def test_a_name_that_no_database_can_have_here_is_refused_by_name(admins: Administrators, reserved: str) -> None:
    with refused(2, f"a database named {reserved}"):
        admins.account.create(admins.sysadmin, "DATABASE", ObjectName.of(reserved))


def test_a_warehouse_runs_from_its_first_use_until_it_is_idle(
    admins: Administrators, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, wh = admins.account, name("WH")
    account.create(admins.sysadmin, "WAREHOUSE", wh, {"INITIALLY_SUSPENDED": True, "AUTO_SUSPEND": 60})
    account.create(admins.sysadmin, "WAREHOUSE", name("RUNNING"), {"AUTO_SUSPEND": 0})
    assert account.warehouse_state(wh) == "SUSPENDED"
    assert account.run_on(wh)
    assert account.warehouse_state(wh) == "STARTED"
    account.alter(admins.sysadmin, "WAREHOUSE", wh, set={"STATE": "SUSPENDED", "AUTO_RESUME": False})
    assert not account.run_on(wh)
    account.alter(admins.sysadmin, "WAREHOUSE", wh, set={"STATE": "STARTED"})
    assert account.warehouse_state(wh) == "STARTED"
    later = now() + timedelta(seconds=61)
    monkeypatch.setattr(warehouses, "now", lambda: later)
    assert account.warehouse_state(wh) == "SUSPENDED"
    assert account.warehouse_state(name("RUNNING")) == "STARTED"


def test_a_binary_column_has_its_length(admins: Administrators) -> None:
    admins.account.create(admins.sysadmin, "DATABASE", name("DB"))
    admins.account.create(admins.sysadmin, "TABLE", name("DB.PUBLIC.B"), {"COLUMNS": [Column("A", "BINARY(4)")]})
    assert [column.type for column in admins.account.columns(name("DB.PUBLIC.B"))] == ["BINARY(4)"]


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("PASSWORD POLICY", {"PASSWORD_MIN_LENGTH": 7}, "between 8 and 256"),
        ("PASSWORD POLICY", {"PASSWORD_MIN_LENGTH": 20, "PASSWORD_MAX_LENGTH": 10}, "PASSWORD_MAX_LENGTH"),
        ("SESSION POLICY", {"SESSION_IDLE_TIMEOUT_MINS": 4}, "SESSION_IDLE_TIMEOUT_MINS"),
        ("AUTHENTICATION POLICY", {"AUTHENTICATION_METHODS": ["CARRIER_PIGEON"]}, "CARRIER_PIGEON"),
        ("NETWORK RULE", {"TYPE": "IPV4", "VALUE_LIST": ["example.org"]}, "example.org"),
        ("NETWORK RULE", {"TYPE": "IPV6", "VALUE_LIST": ["10.0.0.1"]}, "an IPv6 address"),
        ("NETWORK RULE", {"TYPE": "HOST_PORT", "MODE": "EGRESS", "VALUE_LIST": ["a.example:65536"]}, "65535"),
        ("NETWORK RULE", {"TYPE": "AWSVPCEID", "VALUE_LIST": ["endpoint"]}, "vpce-"),
        ("NETWORK RULE", {"TYPE": "IPV4", "MODE": "EGRESS", "VALUE_LIST": ["10.0.0.1"]}, "with MODE = EGRESS"),
        ("TASK", {"SQL_STATEMENT": " "}, "empty"),
        ("TASK", {"SQL_STATEMENT": "SELEC 1"}, "unexpected 'SELEC'"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1 FROM"}, "syntax error"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1; SELECT 2"}, "Actual statement count 2"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1", "STATE": "STARTED"}, "a root task needs a SCHEDULE"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1", "WHEN": "odd("}, "syntax error"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1", "CONFIG": "{"}, "a document in JSON"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1", "SCHEDULE": "12000 MINUTES"}, "11520 minutes"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1", "SCHEDULE": "USING CRON 0 25 * * * UTC"}, "SCHEDULE"),
        ("TASK", {"SQL_STATEMENT": "SELECT 1", "WAREHOUSE": "NONE_SUCH"}, "Warehouse 'NONE_SUCH' does not exist"),
        ("MASKING POLICY", {"ARGUMENTS": [("V", "VARCHAR")], "RETURNS": "NUMBER", "BODY": "V"}, "mismatch"),
        ("ROW ACCESS POLICY", {"ARGUMENTS": [], "BODY": "TRUE"}, "ARGUMENTS"),
        ("TABLE", {"COLUMNS": [Column("A", "VARCHAR(0)")]}, "VARCHAR(0)"),
        ("TABLE", {"COLUMNS": [Column("A", "UNHEARD_OF")]}, "Unsupported data type 'UNHEARD_OF'"),
        ("TABLE", {"COLUMNS": [Column("A", "INT"), Column("A", "INT")]}, "duplicate column name 'A'"),
        ("TABLE", {"COLUMNS": [Column("A", "INT"), Column("a", "INT")]}, "differ only in case"),
        ("TABLE", {"COLUMNS": [Column("", "INT")]}, "the name of a column cannot be empty"),
        ("TABLE", {"COLUMNS": [Column("A", "VARCHAR", collation="en-ci")]}, "collation 'en-ci'"),
        ("TABLE", {"COLUMNS": [Column("A", "INT", default="DB.S.NUMBERS.NEXTVAL")]}, "DB.S.NUMBERS.NEXTVAL"),
        ("VIEW", {"STATEMENT": "SELECT 1"}, "Missing column specification"),
        ("VIEW", {"STATEMENT": "SELECT 1 AS A, 2 AS A"}, "duplicate column name 'A'"),
        ("VIEW", {"STATEMENT": "SELECT 1 AS A", "COLUMNS": ["X", "Y"]}, "Invalid column definition list"),
        ("VIEW", {"STATEMENT": "SELECT NONE_SUCH FROM T"}, "invalid identifier 'NONE_SUCH'"),
        ("STREAM", {"ON_TABLE": "DB.S.NONE_SUCH"}, "Object 'DB.S.NONE_SUCH' does not exist"),
        ("FUNCTION", {"RETURNS": "NUMBER", "BODY": "function() {}", "LANGUAGE": "JAVASCRIPT"}, "JAVASCRIPT"),
    ],
)
def test_what_snowflake_refuses_in_a_schema_is_refused(
    admins: Administrators, kind: str, properties: dict[str, Any], words: str
) -> None:
    admins.make_table()
    with pytest.raises(Exception, match=r"^\d{6} \(\w{5}\): ") as caught:
        admins.account.create(admins.sysadmin, kind, name("DB.S.X"), properties)
    assert words in str(caught.value)
    assert [found.name.name for found in admins.account.list(None, kind, within=name("DB.S"))] == (
        ["T"] if kind == "TABLE" else []
    )


@pytest.mark.parametrize("kind", ["PIPE", "STREAMLIT", "HYBRID TABLE", "SHARE"])
def test_a_kind_that_is_not_built_is_refused_by_name(admins: Administrators, kind: str) -> None:
    with refused(2, kind):
        admins.account.create(admins.accountadmin, kind, name("X"))


def test_values_are_kept_in_snowflake_s_form(admins: Administrators) -> None:
    made = admins.account.create(
        admins.sysadmin, "WAREHOUSE", name("WH"), {"WAREHOUSE_SIZE": "x-small", "AUTO_SUSPEND": "60", "COMMENT": "c"}
    )
    assert made.properties == {"WAREHOUSE_SIZE": "XSMALL", "AUTO_SUSPEND": 60}
    assert made.comment == "c"
    effective = admins.account.effective("WAREHOUSE", name("WH"))
    assert (effective["AUTO_RESUME"], effective["STATEMENT_TIMEOUT_IN_SECONDS"]) == (True, 172_800)


def test_a_password_is_not_shown(admins: Administrators) -> None:
    made = admins.account.create(admins.useradmin, "USER", name("ADA"), {"PASSWORD": "correct horse battery"})
    assert made.properties["PASSWORD"] == "********"


def test_the_standard_edition_keeps_one_day(tmp_path: Any, key_pair: KeyPair) -> None:
    account = Account(tmp_path / "standard", edition="STANDARD")
    account.initialise(deploy_public_key=key_pair.public)
    session = account.session("NEXUS_DEPLOY", "SYSADMIN")
    with refused(1008, "invalid value [2] for parameter 'DATA_RETENTION_TIME_IN_DAYS'"):
        account.create(session, "DATABASE", name("DB"), {"DATA_RETENTION_TIME_IN_DAYS": 2})
    account.create(session, "DATABASE", name("DB"), {"DATA_RETENTION_TIME_IN_DAYS": 1})
    account.close()


class TestReferences:
    def test_a_warehouse_s_monitor_must_exist(self, admins: Administrators) -> None:
        account = admins.account
        with refused(2003, "Resource monitor 'RM' does not exist or not authorized.", "02000"):
            account.create(admins.accountadmin, "WAREHOUSE", name("WH"), {"RESOURCE_MONITOR": "RM"})

    def test_only_accountadmin_puts_a_monitor_on_a_warehouse(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.accountadmin, "RESOURCE MONITOR", name("RM"), {"CREDIT_QUOTA": 5})
        account.create(admins.sysadmin, "WAREHOUSE", name("WH"))
        with refused(3001, "resource monitor 'RM'"):
            account.alter(admins.sysadmin, "WAREHOUSE", name("WH"), set={"RESOURCE_MONITOR": "RM"})
        changed = account.alter(admins.accountadmin, "WAREHOUSE", name("WH"), set={"RESOURCE_MONITOR": "RM"})
        assert changed.properties["RESOURCE_MONITOR"] == "RM"
        with refused(3001):
            account.alter(admins.sysadmin, "WAREHOUSE", name("WH"), unset=["RESOURCE_MONITOR"])

    def test_a_dropped_monitor_leaves_its_warehouses(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.accountadmin, "RESOURCE MONITOR", name("RM"), {"CREDIT_QUOTA": 5})
        account.create(admins.accountadmin, "WAREHOUSE", name("WH"), {"RESOURCE_MONITOR": "RM"})
        account.drop(admins.accountadmin, "RESOURCE MONITOR", name("RM"))
        warehouse = account.find("WAREHOUSE", name("WH"))
        assert warehouse is not None
        assert "RESOURCE_MONITOR" not in warehouse.properties

    def test_a_network_rule_in_use_is_not_dropped_nor_its_database(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        rule = name("DB.S.OFFICE")
        account.create(admins.sysadmin, "NETWORK RULE", rule, {"TYPE": "IPV4", "VALUE_LIST": ["10.0.0.0/8"]})
        policy = {"ALLOWED_NETWORK_RULE_LIST": [rule]}
        account.create(admins.accountadmin, "NETWORK POLICY", name("NP"), policy)
        for kind, what in (("NETWORK RULE", rule), ("SCHEMA", name("DB.S")), ("DATABASE", name("DB"))):
            with refused(99106, "network rule DB.S.OFFICE"):
                account.drop(admins.sysadmin, kind, what)
        account.drop(admins.accountadmin, "NETWORK POLICY", name("NP"))
        account.drop(admins.sysadmin, "DATABASE", name("DB"))

    def test_a_network_policy_in_use_is_not_dropped(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.securityadmin, "NETWORK POLICY", name("NP"), {"ALLOWED_IP_LIST": ["10.0.0.0/8"]})
        account.create(admins.securityadmin, "USER", name("ADA"), {"NETWORK_POLICY": "NP"})
        with refused(1492, "attached to USER with name ADA"):
            account.drop(admins.securityadmin, "NETWORK POLICY", name("NP"))
        account.alter(admins.securityadmin, "USER", name("ADA"), unset=["NETWORK_POLICY"])
        account.alter(admins.securityadmin, "ACCOUNT", name("X"), set={"NETWORK_POLICY": "NP"})
        with refused(1492, "attached to ACCOUNT"):
            account.drop(admins.securityadmin, "NETWORK POLICY", name("NP"))

    def test_a_renamed_database_is_followed(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        rule = name("DB.S.OFFICE")
        account.create(admins.sysadmin, "NETWORK RULE", rule, {"TYPE": "IPV4", "VALUE_LIST": ["10.0.0.0/8"]})
        account.create(
            admins.accountadmin, "NETWORK POLICY", name("NP"), {"ALLOWED_NETWORK_RULE_LIST": ["DB.S.OFFICE"]}
        )
        account.rename(admins.sysadmin, "DATABASE", name("DB"), name("DB2"))
        policy = account.find("NETWORK POLICY", name("NP"))
        assert policy is not None
        assert policy.properties["ALLOWED_NETWORK_RULE_LIST"] == ["DB2.S.OFFICE"]


class TestExisting:
    def test_a_taken_name_is_refused(self, admins: Administrators) -> None:
        admins.make_table()
        for kind, what in (("DATABASE", "DB"), ("SCHEMA", "DB.S"), ("TABLE", "DB.S.T")):
            properties = {"COLUMNS": COLUMNS} if kind == "TABLE" else {}
            with refused(2002, "already exists", "42710"):
                admins.account.create(admins.sysadmin, kind, name(what), properties)

    def test_a_view_and_a_table_share_their_names(self, admins: Administrators) -> None:
        admins.make_table()
        with refused(2002):
            admins.account.create(admins.sysadmin, "VIEW", name("DB.S.T"), {"STATEMENT": "SELECT 1 AS A"})

    def test_if_not_exists_changes_nothing(self, admins: Administrators) -> None:
        account = admins.account
        first = account.create(admins.sysadmin, "WAREHOUSE", name("WH"), {"AUTO_SUSPEND": 60})
        again = account.create(admins.sysadmin, "WAREHOUSE", name("WH"), {"AUTO_SUSPEND": 99}, if_not_exists=True)
        assert again == first

    def test_names_that_differ_only_in_case_are_refused_by_name(self, admins: Administrators) -> None:
        admins.make_table()
        with refused(2, "differ only in case"):
            admins.account.create(admins.sysadmin, "TABLE", name('DB.S."t"'), {"COLUMNS": COLUMNS})

    def test_a_parent_must_exist(self, admins: Administrators) -> None:
        with refused(2003, "Database 'NONE_SUCH' does not exist"):
            admins.account.create(admins.sysadmin, "SCHEMA", name("NONE_SUCH.S"))
        admins.make_table()
        with refused(2003, "Schema 'DB.NONE_SUCH' does not exist"):
            admins.account.create(admins.sysadmin, "TABLE", name("DB.NONE_SUCH.T"), {"COLUMNS": COLUMNS})

    def test_dropping_what_is_not_there(self, admins: Administrators) -> None:
        with refused(2003, "Role 'NONE_SUCH' does not exist or not authorized.", "02000"):
            admins.account.drop(admins.useradmin, "ROLE", name("NONE_SUCH"))
        admins.account.drop(admins.useradmin, "ROLE", name("NONE_SUCH"), if_exists=True)

    def test_unsetting_brings_the_default_back(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.sysadmin, "WAREHOUSE", name("WH"), {"AUTO_SUSPEND": 60, "COMMENT": "c"})
        changed = account.alter(admins.sysadmin, "WAREHOUSE", name("WH"), unset=["AUTO_SUSPEND", "COMMENT"])
        assert (changed.properties, changed.comment) == ({}, "")
        assert account.effective("WAREHOUSE", name("WH"))["AUTO_SUSPEND"] == 600
        with refused(1420):
            account.alter(admins.sysadmin, "WAREHOUSE", name("WH"), unset=["BOGUS"])

    def test_altering_needs_modify(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.sysadmin, "WAREHOUSE", name("WH"))
        worker = admins.make_role("WORKER")
        warehouse = GrantTarget.on("WAREHOUSE", name("WH"))
        account.grant_privileges(admins.sysadmin, ["USAGE"], warehouse, Grantee.role("WORKER"))
        with refused(3001, "warehouse 'WH'"):
            account.alter(worker, "WAREHOUSE", name("WH"), set={"AUTO_SUSPEND": 60})
        account.grant_privileges(admins.sysadmin, ["MODIFY"], warehouse, Grantee.role("WORKER"))
        account.alter(worker, "WAREHOUSE", name("WH"), set={"AUTO_SUSPEND": 60})
        with refused(3001):
            account.drop(worker, "WAREHOUSE", name("WH"))


class TestRoles:
    @pytest.mark.parametrize("replaced", [False, True])
    def test_a_dropped_role_s_objects_go_to_the_role_that_dropped_it(
        self, admins: Administrators, replaced: bool
    ) -> None:
        account = admins.account
        maker = admins.make_role("MAKER")
        account.grant_privileges(admins.accountadmin, ["CREATE DATABASE"], GrantTarget.account(), Grantee.role("MAKER"))
        account.create(maker, "DATABASE", name("DB"))
        if replaced:
            account.create(admins.useradmin, "ROLE", name("MAKER"), {}, or_replace=True)
        else:
            account.drop(admins.useradmin, "ROLE", name("MAKER"))
        database = account.find("DATABASE", name("DB"))
        assert database is not None
        assert database.owner == Grantee.role("USERADMIN")
        assert "MAKER" not in {grant.grantee.name.name for grant in account.grants_on("ACCOUNT")}

    def test_a_database_role_reaches_its_database_from_the_start(self, admins: Administrators) -> None:
        admins.make_table()
        admins.account.create(admins.sysadmin, "DATABASE ROLE", name("DB.READER"))
        [usage] = admins.account.grants_to(Grantee.database_role("DB", "READER"))
        assert (usage.privilege, usage.kind, usage.name) == ("USAGE", "DATABASE", name("DB"))


class TestParameters:
    def test_they_are_inherited_and_say_where_from(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        key = "DATA_RETENTION_TIME_IN_DAYS"
        assert account.parameters("TABLE", table)[key].level == ""
        account.alter(admins.accountadmin, "ACCOUNT", name("X"), set={key: 3})
        account.alter(admins.sysadmin, "DATABASE", name("DB"), set={key: 30})
        found = account.parameters("TABLE", table)[key]
        assert (found.value, found.default, found.level) == (30, 1, "DATABASE")
        account.alter(admins.sysadmin, "DATABASE", name("DB"), unset=[key])
        found = account.parameters("TABLE", table)[key]
        assert (found.value, found.level) == (3, "ACCOUNT")

    def test_account_parameters_are_accountadmin_s(self, admins: Administrators) -> None:
        account = admins.account
        wanted = {"CORTEX_ENABLED_CROSS_REGION": "DISABLED"}
        for session in (admins.sysadmin, admins.securityadmin):
            with refused(3001):
                account.alter(session, "ACCOUNT", name("X"), set=wanted)
        assert account.alter(admins.accountadmin, "ACCOUNT", name("X"), set=wanted).properties == wanted
        with refused(1008):
            account.alter(admins.accountadmin, "ACCOUNT", name("X"), set={"CORTEX_ENABLED_CROSS_REGION": "moon"})

    def test_session_parameters_come_from_the_nearest(self, admins: Administrators) -> None:
        account = admins.account
        session = account.session("NEXUS_DEPLOY", "SYSADMIN", parameters={"QUERY_TAG": "t"})
        assert account.session_parameter(session, "query_tag") == "t"
        assert account.session_parameter(session, "TIMEZONE") == "America/Los_Angeles"
        account.alter(admins.accountadmin, "ACCOUNT", name("X"), set={"TIMEZONE": "UTC"})
        assert account.session_parameter(session, "TIMEZONE") == "UTC"
        account.alter(admins.accountadmin, "USER", name("NEXUS_DEPLOY"), set={"TIMEZONE": "Europe/London"})
        assert account.session_parameter(session, "TIMEZONE") == "Europe/London"
        with refused(1008, "TIMEZONE"):
            account.set_session_parameter(session, "TIMEZONE", "Nowhere/Here")
        with refused(1420):
            account.set_session_parameter(session, "PERIODIC_DATA_REKEYING", True)


def test_identifiers_outlive_a_rename(admins: Administrators) -> None:
    account = admins.account
    made = account.create(admins.useradmin, "ROLE", name("OLD"))
    account.rename(admins.useradmin, "ROLE", name("OLD"), name("NEW"))
    found = account.find_by_identifier(made.identifier)
    assert found is not None
    assert found.name == ObjectName(("NEW",))
    assert account.find("ROLE", name("OLD")) is None
