"""Privileges: what gives them, what takes them, and what each role may then do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.snowflake.account import Account, Grantee, GrantTarget, ObjectName, Session
from tests.emulator.account_sessions import COLUMNS, Administrators, name, refused


@pytest.fixture
def admins(account: Account) -> Iterator[Administrators]:
    return Administrators(account)


def give(admins: Administrators, privileges: list[str], kind: str, what: str, role: str) -> None:
    admins.account.grant_privileges(admins.sysadmin, privileges, GrantTarget.on(kind, name(what)), Grantee.role(role))


def open_way(admins: Administrators, role: str, database: str = "DB", schema: str = "DB.S") -> None:
    give(admins, ["USAGE"], "DATABASE", database, role)
    give(admins, ["USAGE"], "SCHEMA", schema, role)


class TestReach:
    def test_every_part_of_the_way_is_needed(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        with refused(2003, "Database 'DB' does not exist or not authorized.", "02000"):
            account.require(reader, "SELECT", "TABLE", table)
        give(admins, ["USAGE"], "DATABASE", "DB", "READER")
        with refused(2003, "Schema 'DB.S' does not exist or not authorized."):
            account.require(reader, "SELECT", "TABLE", table)
        assert account.visible(reader, "TABLE", table) is None
        give(admins, ["USAGE"], "SCHEMA", "DB.S", "READER")
        account.require(reader, "SELECT", "TABLE", table)
        assert account.visible(reader, "TABLE", table) is not None

    def test_a_table_without_any_privilege_is_not_there(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        open_way(admins, "READER")
        with refused(2003, "Object 'DB.S.T' does not exist or not authorized.", "42S02"):
            account.require(reader, "SELECT", "TABLE", table)
        give(admins, ["INSERT"], "TABLE", "DB.S.T", "READER")
        with refused(3001, "Insufficient privileges to operate on table 'T'", "42501"):
            account.require(reader, "SELECT", "TABLE", table)

    @pytest.mark.parametrize("privilege", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"])
    def test_each_privilege_gives_itself_alone(self, admins: Administrators, privilege: str) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        open_way(admins, "READER")
        give(admins, [privilege], "TABLE", "DB.S.T", "READER")
        held = {
            other
            for other in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "OWNERSHIP")
            if account.holds(reader, other, "TABLE", table)
        }
        assert held == {privilege}

    def test_a_role_inherits_and_its_parent_is_not_inherited(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        low, high = admins.make_role("LOW"), admins.make_role("HIGH")
        account.grant_role(admins.securityadmin, Grantee.role("LOW"), Grantee.role("HIGH"))
        open_way(admins, "LOW")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "LOW")
        give(admins, ["INSERT"], "TABLE", "DB.S.T", "HIGH")
        assert account.holds(high, "SELECT", "TABLE", table)
        assert account.holds(high, "INSERT", "TABLE", table)
        assert not account.holds(low, "INSERT", "TABLE", table)

    def test_a_database_role_carries_its_privileges(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        account.create(admins.sysadmin, "DATABASE ROLE", name("DB.READ"))
        role = Grantee.database_role("DB", "READ")
        account.grant_privileges(admins.sysadmin, ["USAGE"], GrantTarget.on("SCHEMA", name("DB.S")), role)
        account.grant_privileges(admins.sysadmin, ["SELECT"], GrantTarget.all("TABLES", name("DB.S")), role)
        assert not account.holds(reader, "SELECT", "TABLE", table)
        account.grant_role(admins.sysadmin, role, Grantee.role("READER"))
        assert account.holds(reader, "SELECT", "TABLE", table)
        assert account.role_paths(Grantee.user("READER_USER"))[role] == (
            Grantee.user("READER_USER"),
            Grantee.role("READER"),
            role,
        )
        account.revoke_role(admins.sysadmin, role, Grantee.role("READER"))
        assert not account.holds(reader, "SELECT", "TABLE", table)

    def test_public_reaches_everybody(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        open_way(admins, "PUBLIC")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "PUBLIC")
        assert account.holds(reader, "SELECT", "TABLE", table)

    def test_secondary_roles_count_only_when_they_are_on(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        admins.make_role("READER")
        other = admins.make_role("OTHER")
        account.grant_role(admins.securityadmin, Grantee.role("READER"), Grantee.user("OTHER_USER"))
        open_way(admins, "READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        assert not account.holds(other, "SELECT", "TABLE", table)
        account.use_secondary_roles(other, "ALL")
        assert account.holds(other, "SELECT", "TABLE", table)
        assert Grantee.role("READER") in account.effective_roles(other)
        account.use_secondary_roles(other, "NONE")
        assert Grantee.role("READER") not in account.effective_roles(other)

    @pytest.mark.parametrize(
        ("policy", "roles"),
        [
            ({"ALLOWED_SECONDARY_ROLES": []}, []),
            ({"ALLOWED_SECONDARY_ROLES": ["ALL"]}, ["OTHER", "READER"]),
            ({"ALLOWED_SECONDARY_ROLES": ["OTHER"]}, ["OTHER"]),
            ({"BLOCKED_SECONDARY_ROLES": ["READER"]}, ["OTHER"]),
            ({"BLOCKED_SECONDARY_ROLES": ["ALL"]}, []),
        ],
    )
    @pytest.mark.parametrize("target", ["ACCOUNT", "USER"])
    def test_a_session_policy_says_which_roles_may_be_secondary(
        self, admins: Administrators, policy: dict[str, list[str]], roles: list[str], target: str
    ) -> None:
        account, table = admins.account, admins.make_table()
        for role in ("READER", "OTHER"):
            admins.make_role(role)
            account.grant_role(admins.securityadmin, Grantee.role(role), Grantee.user("NEXUS_DEPLOY"))
        open_way(admins, "READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        account.create(admins.sysadmin, "SESSION POLICY", name("DB.S.P"), policy)
        session = account.session("NEXUS_DEPLOY", "PUBLIC", secondary_roles="ALL")
        before = set(account.secondary_roles(session))
        assert before >= {"OTHER", "READER"}
        what = name("EMBEDDED" if target == "ACCOUNT" else "NEXUS_DEPLOY")
        account.attach_policy(admins.accountadmin, "SESSION POLICY", name("DB.S.P"), target, what)
        assert [role for role in account.secondary_roles(session) if role in ("OTHER", "READER")] == roles
        reads = account.holds(session, "SELECT", "TABLE", table)
        # The deploy principal's other roles reach the table as well, where all of them count.
        assert reads is (bool({"READER", "ACCOUNTADMIN", "SYSADMIN"} & set(account.secondary_roles(session))))
        account.detach_policy(admins.accountadmin, "SESSION POLICY", target, what)
        assert set(account.secondary_roles(session)) == before
        account.use_secondary_roles(session, "NONE")
        assert account.secondary_roles(session) == []

    def test_ownership_gives_everything_but_what_lies_in_it(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        owner = admins.make_role("OWNER")
        for kind, what in (("SCHEMA", "DB.S"), ("DATABASE", "DB")):
            account.grant_ownership(admins.sysadmin, GrantTarget.on(kind, name(what)), Grantee.role("OWNER"))
        assert account.holds(owner, "CREATE TABLE", "SCHEMA", name("DB.S"))
        assert not account.holds(owner, "SELECT", "TABLE", table)
        # And SYSADMIN, who made the table, has lost the way to it.
        assert not account.holds(admins.sysadmin, "SELECT", "TABLE", table)

    def test_manage_grants_sees_and_grants_but_reads_nothing(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        admins.make_role("READER")
        assert account.visible(admins.securityadmin, "TABLE", table) is not None
        assert not account.holds(admins.securityadmin, "SELECT", "TABLE", table)
        with refused(2003, "Database 'DB' does not exist or not authorized."):
            account.require(admins.securityadmin, "SELECT", "TABLE", table)
        target = GrantTarget.on("TABLE", table)
        account.grant_privileges(admins.securityadmin, ["SELECT"], target, Grantee.role("READER"))
        with refused(3001):
            account.drop(admins.securityadmin, "TABLE", table)

    def test_one_tenant_sees_nothing_of_another(self, admins: Administrators) -> None:
        account = admins.account
        sessions: dict[str, Session] = {}
        for tenant in ("HCS0001", "HCS0002"):
            admins.make_table(f"{tenant}_DB.NEXUSCHAT.CONVERSATIONS", managed=True)
            sessions[tenant] = admins.make_role(f"{tenant}_APP")
            account.create(admins.sysadmin, "WAREHOUSE", name(f"{tenant}_WH"))
            open_way(admins, f"{tenant}_APP", f"{tenant}_DB", f"{tenant}_DB.NEXUSCHAT")
            give(admins, ["SELECT"], "TABLE", f"{tenant}_DB.NEXUSCHAT.CONVERSATIONS", f"{tenant}_APP")
            give(admins, ["USAGE"], "WAREHOUSE", f"{tenant}_WH", f"{tenant}_APP")
        seen = {
            kind: [shown.name.parts for shown in account.list(sessions["HCS0001"], kind)]
            for kind in ("DATABASE", "SCHEMA", "TABLE", "WAREHOUSE", "ROLE", "USER")
        }
        assert seen == {
            "DATABASE": [("HCS0001_DB",), ("SNOWFLAKE",)],
            "SCHEMA": [("HCS0001_DB", "NEXUSCHAT"), ("SNOWFLAKE", "CORTEX")],
            "TABLE": [("HCS0001_DB", "NEXUSCHAT", "CONVERSATIONS")],
            "WAREHOUSE": [("HCS0001_WH",)],
            "ROLE": [("HCS0001_APP",), ("PUBLIC",)],
            "USER": [("HCS0001_APP_USER",)],
        }
        with refused(2003, "Database 'HCS0002_DB' does not exist or not authorized."):
            account.use_database(sessions["HCS0001"], "HCS0002_DB")
        with refused(2003, "Warehouse 'HCS0002_WH' does not exist or not authorized."):
            account.use_warehouse(sessions["HCS0001"], "HCS0002_WH")
        with refused(2003, "Database 'HCS0002_DB'"):
            account.drop(sessions["HCS0001"], "TABLE", name("HCS0002_DB.NEXUSCHAT.CONVERSATIONS"))

    def test_a_list_stays_within_what_was_asked(self, admins: Administrators) -> None:
        admins.make_table("DB.S.T")
        admins.make_table("DB.S2.T2")
        listed = [shown.name.name for shown in admins.account.list(None, "TABLE", within=name("DB.S2"))]
        assert listed == ["T2"]
        assert admins.account.list(None, "TABLE", within=name("NONE_SUCH")) == []


class TestGranting:
    def test_a_missing_object_or_role_is_refused(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_role("READER")
        with refused(2003, "Database 'NONE_SUCH' does not exist or not authorized."):
            target = GrantTarget.on("TABLE", name("NONE_SUCH.S.T"))
            account.grant_privileges(admins.sysadmin, ["SELECT"], target, Grantee.role("READER"))
        table = admins.make_table()
        with refused(2003, "Role 'NONE_SUCH' does not exist or not authorized.", "02000"):
            give(admins, ["SELECT"], "TABLE", str(table), "NONE_SUCH")

    def test_a_privilege_that_the_kind_has_not_is_refused(self, admins: Administrators) -> None:
        admins.make_table()
        admins.make_role("READER")
        with refused(1003, "unexpected 'SELECT'"):
            give(admins, ["SELECT"], "DATABASE", "DB", "READER")

    def test_only_owner_grant_option_and_manage_grants_may(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        holder = admins.make_role("HOLDER")
        admins.make_role("OTHER")
        open_way(admins, "HOLDER")
        target, other = GrantTarget.on("TABLE", table), Grantee.role("OTHER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "HOLDER")
        with refused(3102, "Grant not executed: Insufficient privileges.", "42501"):
            account.grant_privileges(holder, ["SELECT"], target, other)
        account.grant_privileges(admins.sysadmin, ["SELECT"], target, Grantee.role("HOLDER"), with_grant_option=True)
        account.grant_privileges(holder, ["SELECT"], target, other)
        with refused(3102):
            account.grant_privileges(holder, ["INSERT"], target, other)
        [grant] = account.grants_to(other)
        assert (grant.privilege, grant.grant_option, grant.granted_by) == ("SELECT", False, "HOLDER")

    def test_a_dependent_grant_stands_in_the_way_of_revoking(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        holder = admins.make_role("HOLDER")
        admins.make_role("OTHER")
        open_way(admins, "HOLDER")
        target = GrantTarget.on("TABLE", table)
        account.grant_privileges(admins.sysadmin, ["SELECT"], target, Grantee.role("HOLDER"), with_grant_option=True)
        account.grant_privileges(holder, ["SELECT"], target, Grantee.role("OTHER"))
        with refused(3036, "Dependent grant of privilege 'SELECT'"):
            account.revoke_privileges(admins.sysadmin, ["SELECT"], target, Grantee.role("HOLDER"))
        account.revoke_privileges(admins.sysadmin, ["SELECT"], target, Grantee.role("HOLDER"), cascade=True)
        assert [grant for grant in account.grants_on("TABLE", table) if grant.privilege == "SELECT"] == []

    def test_granting_and_revoking_twice_changes_nothing(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        admins.make_role("READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        before = account.grants_on("TABLE", table)
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        assert account.grants_on("TABLE", table) == before
        for _ in range(2):
            account.revoke_privileges(
                admins.sysadmin, ["SELECT"], GrantTarget.on("TABLE", table), Grantee.role("READER")
            )
        assert [grant.privilege for grant in account.grants_on("TABLE", table)] == ["OWNERSHIP"]

    def test_all_grants_everything_but_ownership(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        admins.make_role("READER")
        account.grant_privileges(admins.sysadmin, "ALL", GrantTarget.on("TABLE", table), Grantee.role("READER"))
        held = {grant.privilege for grant in account.grants_to(Grantee.role("READER"))}
        assert {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"} <= held
        assert "OWNERSHIP" not in held

    def test_all_objects_of_a_kind_are_those_there_now(self, admins: Administrators) -> None:
        account, first = admins.account, admins.make_table()
        admins.make_role("READER")
        account.create(admins.sysadmin, "VIEW", name("DB.S.V"), {"STATEMENT": "SELECT TITLE FROM T"})
        account.grant_privileges(
            admins.sysadmin, ["SELECT"], GrantTarget.all("TABLES", name("DB")), Grantee.role("READER")
        )
        admins.make_table("DB.S.LATER")
        assert [grant.name for grant in account.grants_to(Grantee.role("READER"))] == [first]

    def test_account_privileges_are_granted_by_those_who_hold_them(self, admins: Administrators) -> None:
        account = admins.account
        maker = admins.make_role("MAKER")
        target, role = GrantTarget.account(), Grantee.role("MAKER")
        with refused(3102):
            account.grant_privileges(admins.securityadmin, ["CREATE INTEGRATION"], target, role)
        account.grant_privileges(admins.accountadmin, ["CREATE INTEGRATION"], target, role)
        assert account.holds(maker, "CREATE INTEGRATION", "ACCOUNT")
        assert not account.holds(maker, "CREATE DATABASE", "ACCOUNT")

    def test_privileges_are_not_granted_to_users(self, admins: Administrators) -> None:
        table = admins.make_table()
        with refused(2, "users"):
            admins.account.grant_privileges(
                admins.sysadmin, ["SELECT"], GrantTarget.on("TABLE", table), Grantee.user("NEXUS_DEPLOY")
            )

    def test_a_database_role_takes_nothing_of_another_database(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table("A.S.T")
        admins.make_table("B.S.T")
        account.create(admins.sysadmin, "DATABASE ROLE", name("A.READ"))
        with refused(3083, "not in the database of database role 'A.READ'"):
            account.grant_privileges(
                admins.sysadmin,
                ["SELECT"],
                GrantTarget.on("TABLE", name("B.S.T")),
                Grantee.database_role("A", "READ"),
            )

    def test_dropping_takes_the_grants_along_and_replacing_loses_them(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        admins.make_role("READER")
        reader = Grantee.role("READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": COLUMNS}, or_replace=True, copy_grants=True)
        assert [grant.privilege for grant in account.grants_to(reader)] == ["SELECT"]
        account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": COLUMNS}, or_replace=True)
        assert account.grants_to(reader) == []
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        account.drop(admins.sysadmin, "DATABASE", name("DB"))
        assert account.grants_to(reader) == []
        admins.make_table()
        assert account.grants_to(reader) == []

    def test_a_rename_keeps_the_grants(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        open_way(admins, "READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        account.rename(admins.sysadmin, "TABLE", table, name("DB.S.NEW"))
        assert account.holds(reader, "SELECT", "TABLE", name("DB.S.NEW"))
        account.rename(admins.sysadmin, "DATABASE", name("DB"), name("DB2"))
        assert account.holds(reader, "SELECT", "TABLE", name("DB2.S.NEW"))


class TestRoleGrants:
    def test_a_cycle_is_refused(self, admins: Administrators) -> None:
        account = admins.account
        for role in ("A", "B", "C"):
            account.create(admins.useradmin, "ROLE", name(role))
        account.grant_role(admins.useradmin, Grantee.role("A"), Grantee.role("B"))
        account.grant_role(admins.useradmin, Grantee.role("B"), Grantee.role("C"))
        for role, to in (("C", "A"), ("B", "A"), ("A", "A")):
            with refused(3035, "cycle"):
                account.grant_role(admins.useradmin, Grantee.role(role), Grantee.role(to))
        assert set(account.role_paths(Grantee.role("C"))) == {Grantee.role("A"), Grantee.role("B")}

    def test_granting_a_role_needs_its_ownership_or_manage_grants(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.useradmin, "ROLE", name("A"))
        with refused(2003, "Role 'A' does not exist or not authorized."):
            account.grant_role(admins.sysadmin, Grantee.role("A"), Grantee.role("SYSADMIN"))
        account.grant_role(admins.useradmin, Grantee.role("A"), Grantee.role("SYSADMIN"))
        with refused(3102):
            account.grant_role(admins.sysadmin, Grantee.role("A"), Grantee.role("PUBLIC"))
        account.grant_role(admins.securityadmin, Grantee.role("A"), Grantee.role("PUBLIC"))
        assert [grant.grantee.name.name for grant in account.grants_of(Grantee.role("A"))] == ["PUBLIC", "SYSADMIN"]

    def test_accountadmin_is_granted_by_itself_alone(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.useradmin, "USER", name("ADA"))
        with refused(3102):
            account.grant_role(admins.securityadmin, Grantee.role("ACCOUNTADMIN"), Grantee.user("ADA"))
        account.grant_role(admins.accountadmin, Grantee.role("ACCOUNTADMIN"), Grantee.user("ADA"))

    def test_database_roles_stay_in_their_database_and_off_users(self, admins: Administrators) -> None:
        account = admins.account
        for database in ("A", "B"):
            account.create(admins.sysadmin, "DATABASE", name(database))
            account.create(admins.sysadmin, "DATABASE ROLE", name(f"{database}.R"))
        role = Grantee.database_role("A", "R")
        with refused(3083):
            account.grant_role(admins.sysadmin, role, Grantee.database_role("B", "R"))
        with refused(1003):
            account.grant_role(admins.sysadmin, role, Grantee.user("NEXUS_DEPLOY"))
        with refused(1003):
            account.grant_role(admins.accountadmin, Grantee.role("SYSADMIN"), role)


class TestManagedAccess:
    def test_the_owner_of_an_object_does_not_grant_on_it(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table(managed=True)
        maker = admins.make_role("MAKER")
        admins.make_role("READER")
        open_way(admins, "MAKER")
        give(admins, ["CREATE TABLE"], "SCHEMA", "DB.S", "MAKER")
        mine = name("DB.S.MINE")
        account.create(maker, "TABLE", mine, {"COLUMNS": COLUMNS})
        target, reader = GrantTarget.on("TABLE", mine), Grantee.role("READER")
        with refused(3102):
            account.grant_privileges(maker, ["SELECT"], target, reader)
        account.grant_privileges(admins.sysadmin, ["SELECT"], target, reader)
        account.grant_privileges(admins.securityadmin, ["INSERT"], target, reader)
        account.alter(admins.sysadmin, "SCHEMA", name("DB.S"), set={"MANAGED_ACCESS": False})
        account.grant_privileges(maker, ["UPDATE"], target, reader)
        with refused(3102):
            account.grant_privileges(admins.sysadmin, ["DELETE"], target, reader)

    def test_the_owner_of_a_managed_schema_grants_on_the_future(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table("DB.S.T", managed=True)
        admins.make_table("DB.PLAIN.T")
        admins.make_role("READER")
        reader = Grantee.role("READER")
        account.grant_privileges(admins.sysadmin, ["SELECT"], GrantTarget.future("TABLES", name("DB.S")), reader)
        for container in ("DB.PLAIN", "DB"):
            target = GrantTarget.future("TABLES", name(container))
            with refused(3102):
                account.grant_privileges(admins.sysadmin, ["SELECT"], target, reader)
            account.grant_privileges(admins.securityadmin, ["SELECT"], target, reader)


class TestFutureGrants:
    def grant(self, admins: Administrators, container: str, privilege: str, role: str) -> None:
        admins.account.grant_privileges(
            admins.securityadmin,
            [privilege],
            GrantTarget.future("TABLES", name(container)),
            Grantee.role(role),
        )

    def held(self, account: Account, table: ObjectName) -> set[tuple[str, str]]:
        return {
            (grant.privilege, grant.grantee.name.name)
            for grant in account.grants_on("TABLE", table)
            if grant.privilege != "OWNERSHIP"
        }

    def test_they_apply_to_what_is_made_later(self, admins: Administrators) -> None:
        account, early = admins.account, admins.make_table("DB.S.EARLY")
        admins.make_role("READER")
        self.grant(admins, "DB", "SELECT", "READER")
        late = admins.make_table("DB.S.LATE")
        assert self.held(account, early) == set()
        assert self.held(account, late) == {("SELECT", "READER")}
        [future] = account.future_grants(name("DB"))
        assert (future.privilege, future.kind, future.name, future.future) == ("SELECT", "TABLE", name("DB"), True)
        assert account.future_grants_to(Grantee.role("READER")) == [future]

    def test_those_of_the_schema_shadow_those_of_the_database(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table("DB.S.EARLY")
        for role in ("READER", "WRITER"):
            admins.make_role(role)
        self.grant(admins, "DB", "SELECT", "READER")
        self.grant(admins, "DB.S", "INSERT", "WRITER")
        assert self.held(account, admins.make_table("DB.S.LATE")) == {("INSERT", "WRITER")}
        assert self.held(account, admins.make_table("DB.OTHER.LATE")) == {("SELECT", "READER")}
        # Another kind in the schema is not shadowed: there is nothing for it on either level.
        account.create(admins.sysadmin, "VIEW", name("DB.S.V"), {"STATEMENT": "SELECT TITLE FROM LATE"})
        assert [grant.privilege for grant in account.grants_on("VIEW", name("DB.S.V"))] == ["OWNERSHIP"]

    def test_revoked_they_no_longer_apply(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table("DB.S.EARLY")
        admins.make_role("READER")
        self.grant(admins, "DB.S", "SELECT", "READER")
        account.revoke_privileges(
            admins.securityadmin, ["SELECT"], GrantTarget.future("TABLE", name("DB.S")), Grantee.role("READER")
        )
        assert account.future_grants(name("DB.S")) == []
        assert self.held(account, admins.make_table("DB.S.LATE")) == set()

    def test_future_ownership_takes_the_object_from_its_maker(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table("DB.S.EARLY")
        admins.make_role("KEEPER")
        account.grant_ownership(
            admins.securityadmin, GrantTarget.future("TABLES", name("DB.S")), Grantee.role("KEEPER")
        )
        made = account.create(admins.sysadmin, "TABLE", name("DB.S.LATE"), {"COLUMNS": COLUMNS})
        assert made.owner == Grantee.role("KEEPER")


class TestOwnership:
    def test_other_grants_must_be_copied_or_revoked(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        for role in ("READER", "KEEPER"):
            admins.make_role(role)
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        target, keeper = GrantTarget.on("TABLE", table), Grantee.role("KEEPER")
        with refused(3036, "Dependent grant of privilege 'SELECT' on securable 'DB.S.T' to role 'READER'", "23001"):
            account.grant_ownership(admins.sysadmin, target, keeper)
        account.grant_ownership(admins.sysadmin, target, keeper, current_grants="COPY")
        owner, select = account.grants_on("TABLE", table)
        assert (owner.grantee, select.grantee, select.granted_by) == (keeper, Grantee.role("READER"), "KEEPER")
        account.grant_ownership(admins.securityadmin, target, Grantee.role("SYSADMIN"), current_grants="REVOKE")
        assert [grant.privilege for grant in account.grants_on("TABLE", table)] == ["OWNERSHIP"]

    def test_who_does_not_own_does_not_give_away(self, admins: Administrators) -> None:
        account, table = admins.account, admins.make_table()
        reader = admins.make_role("READER")
        open_way(admins, "READER")
        give(admins, ["SELECT"], "TABLE", "DB.S.T", "READER")
        with refused(3102):
            account.grant_ownership(
                reader, GrantTarget.on("TABLE", table), Grantee.role("READER"), current_grants="COPY"
            )

    def test_a_started_task_is_suspended_by_it(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        task = name("DB.S.NIGHTLY")
        account.create(admins.sysadmin, "TASK", task, {"SQL_STATEMENT": "SELECT 1", "SCHEDULE": "60 MINUTES"})
        account.grant_privileges(admins.accountadmin, ["EXECUTE TASK"], GrantTarget.account(), Grantee.role("SYSADMIN"))
        account.alter(admins.sysadmin, "TASK", task, set={"STATE": "STARTED"})
        admins.make_role("KEEPER")
        account.grant_ownership(admins.sysadmin, GrantTarget.on("TASK", task), Grantee.role("KEEPER"))
        found = account.find("TASK", task)
        assert found is not None
        assert (found.owner, found.properties["STATE"]) == (Grantee.role("KEEPER"), "SUSPENDED")
