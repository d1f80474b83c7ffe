"""Log-in, and what a session starts with and may change to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.snowflake.account import Account, Grantee, GrantTarget
from emulator.snowflake.account.keys import fingerprint, public_key_body
from tests.emulator.account_sessions import Administrators, name, refused
from tests.emulator.snowflake_provider import KeyPair


@pytest.fixture
def admins(account: Account) -> Iterator[Administrators]:
    return Administrators(account)


def fingerprint_of(key: KeyPair) -> str:
    return fingerprint(public_key_body(key.public))


class TestKeys:
    def test_either_key_of_a_user_opens(
        self, admins: Administrators, key_pair: KeyPair, other_key_pair: KeyPair
    ) -> None:
        account = admins.account
        account.create(admins.useradmin, "USER", name("SVC"), {"TYPE": "SERVICE", "RSA_PUBLIC_KEY": key_pair.public})
        assert account.authenticate("SVC", fingerprint_of(key_pair)).name == name("SVC")
        assert account.authenticate("svc", fingerprint_of(key_pair)).name == name("SVC")
        with refused(390144, "JWT token is invalid"):
            account.authenticate("SVC", fingerprint_of(other_key_pair))
        account.alter(admins.useradmin, "USER", name("SVC"), set={"RSA_PUBLIC_KEY_2": other_key_pair.public})
        assert account.authenticate("SVC", fingerprint_of(other_key_pair)).name == name("SVC")
        account.alter(admins.useradmin, "USER", name("SVC"), unset=["RSA_PUBLIC_KEY"])
        with refused(390144):
            account.authenticate("SVC", fingerprint_of(key_pair))

    def test_another_user_s_key_does_not_open(self, account: Account, other_key_pair: KeyPair) -> None:
        for user in ("NEXUS_DEPLOY", "NOBODY"):
            with refused(390144):
                account.authenticate(user, fingerprint_of(other_key_pair))

    def test_a_disabled_user_is_shut_out(self, admins: Administrators, key_pair: KeyPair) -> None:
        account = admins.account
        account.create(admins.useradmin, "USER", name("SVC"), {"TYPE": "SERVICE", "RSA_PUBLIC_KEY": key_pair.public})
        account.alter(admins.useradmin, "USER", name("SVC"), set={"DISABLED": True})
        with refused(390101, "User access disabled"):
            account.authenticate("SVC", fingerprint_of(key_pair))
        with refused(390101):
            account.session("SVC")

    def test_two_users_do_not_share_a_log_in_name(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.useradmin, "USER", name("ADA"), {"LOGIN_NAME": "shared"})
        with refused(2002, "SHARED"):
            account.create(admins.useradmin, "USER", name("BEA"), {"LOGIN_NAME": "Shared"})


class TestDefaults:
    def test_a_user_s_defaults_are_taken_where_the_role_may_use_them(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_table()
        account.create(admins.sysadmin, "WAREHOUSE", name("WH"))
        admins.make_role("READER")
        account.alter(
            admins.useradmin,
            "USER",
            name("READER_USER"),
            set={"DEFAULT_WAREHOUSE": "WH", "DEFAULT_NAMESPACE": "DB.S"},
        )
        session = account.session("READER_USER")
        assert (session.role, session.secondary_roles) == ("READER", "NONE")
        assert (session.warehouse, session.database, session.schema) == (None, None, None)
        for kind, what in (("WAREHOUSE", "WH"), ("DATABASE", "DB"), ("SCHEMA", "DB.S")):
            account.grant_privileges(
                admins.sysadmin, ["USAGE"], GrantTarget.on(kind, name(what)), Grantee.role("READER")
            )
        session = account.session("READER_USER")
        assert (session.warehouse, session.database, session.schema) == ("WH", "DB", "S")

    def test_a_user_with_nothing_set_is_public_with_all_its_roles(self, admins: Administrators) -> None:
        admins.account.create(admins.useradmin, "USER", name("ADA"))
        session = admins.account.session("ADA")
        assert (session.role, session.secondary_roles) == ("PUBLIC", "ALL")

    def test_a_role_must_be_granted(self, admins: Administrators) -> None:
        account = admins.account
        admins.make_role("READER")
        with refused(390186, "Role 'SYSADMIN' specified in the connect string is not granted to this user."):
            account.session("READER_USER", "SYSADMIN")
        with refused(390189, "Role 'NONE_SUCH'"):
            account.session("READER_USER", "NONE_SUCH")
        account.revoke_role(admins.securityadmin, Grantee.role("READER"), Grantee.user("READER_USER"))
        with refused(390190, "configured default role 'READER'"):
            account.session("READER_USER")

    def test_an_inherited_role_will_do(self, account: Account) -> None:
        admin = account.session("NEXUS_DEPLOY", "ACCOUNTADMIN")
        account.use_role(admin, "USERADMIN")
        assert admin.role == "USERADMIN"


class TestUse:
    def test_a_role_that_is_not_granted_is_refused(self, admins: Administrators) -> None:
        reader = admins.make_role("READER")
        with refused(3013, "Requested role 'SYSADMIN' is not assigned to the executing user.", "42501"):
            admins.account.use_role(reader, "SYSADMIN")
        with refused(2003, "Role 'NONE_SUCH'"):
            admins.account.use_role(reader, "NONE_SUCH")
        assert reader.role == "READER"
        admins.account.use_role(reader, "PUBLIC")

    def test_a_database_brings_its_public_schema(self, admins: Administrators) -> None:
        account = admins.account
        account.create(admins.sysadmin, "DATABASE", name("WITH_IT"))
        account.create(admins.sysadmin, "DATABASE", name("WITHOUT"), {"WITHOUT_PUBLIC": True})
        account.use_database(admins.sysadmin, "WITH_IT")
        assert (admins.sysadmin.database, admins.sysadmin.schema) == ("WITH_IT", "PUBLIC")
        account.use_database(admins.sysadmin, "WITHOUT")
        assert (admins.sysadmin.database, admins.sysadmin.schema) == ("WITHOUT", None)
        account.use_schema(admins.sysadmin, name("WITH_IT.PUBLIC"))
        assert (admins.sysadmin.database, admins.sysadmin.schema) == ("WITH_IT", "PUBLIC")
        with refused(2003, "Schema 'WITHOUT.PUBLIC' does not exist"):
            account.use_schema(admins.sysadmin, name("WITHOUT.PUBLIC"))
