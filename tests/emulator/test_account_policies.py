"""Policies and tags on tables, columns, users and the account."""

from __future__ import annotations

import pytest

from emulator.snowflake.account import Account, Column, Grantee, GrantTarget, PolicyReference, TableChange, TagReference
from tests.emulator.account_sessions import COLUMNS, Administrators, name, refused

MASK, ROWS, TAG = "DB.S.MASK", "DB.S.ROWS", "DB.S.PHI"


@pytest.fixture
def admins(account: Account) -> Administrators:
    admins = Administrators(account)
    admins.make_table()
    mask = {"ARGUMENTS": [("VAL", "VARCHAR")], "RETURNS": "VARCHAR", "BODY": "'***'"}
    for policy in (MASK, "DB.S.MASK_2"):
        account.create(admins.sysadmin, "MASKING POLICY", name(policy), mask)
    account.create(
        admins.sysadmin,
        "ROW ACCESS POLICY",
        name(ROWS),
        {"ARGUMENTS": [("WHO", "VARCHAR")], "BODY": "WHO = CURRENT_ROLE()"},
    )
    account.create(admins.sysadmin, "TAG", name(TAG), {"ALLOWED_VALUES": ["direct", "indirect"]})
    return admins


def mask(admins: Administrators, column: str = "TITLE", policy: str = MASK, *, force: bool = False) -> None:
    admins.account.attach_policy(
        admins.sysadmin, "MASKING POLICY", name(policy), "TABLE", name("DB.S.T"), column=column, force=force
    )


def filter_rows(admins: Administrators, columns: list[str]) -> None:
    admins.account.attach_policy(
        admins.sysadmin, "ROW ACCESS POLICY", name(ROWS), "TABLE", name("DB.S.T"), arguments=columns
    )


class TestMasking:
    def test_it_shows_from_both_ends(self, admins: Administrators) -> None:
        mask(admins)
        reference = PolicyReference("MASKING POLICY", name(MASK), "TABLE", name("DB.S.T"), "TITLE", ("TITLE",))
        assert admins.account.policy_references(policy=("MASKING POLICY", name(MASK))) == [reference]
        assert admins.account.policy_references(target=("TABLE", name("DB.S.T"))) == [reference]

    def test_a_second_mask_needs_force(self, admins: Administrators) -> None:
        mask(admins)
        mask(admins)
        with refused(3529, "already attached to another masking policy", "42601"):
            mask(admins, policy="DB.S.MASK_2")
        mask(admins, policy="DB.S.MASK_2", force=True)
        [reference] = admins.account.policy_references(target=("TABLE", name("DB.S.T")))
        assert reference.policy == name("DB.S.MASK_2")

    @pytest.mark.parametrize(("column", "errno"), [("NONE_SUCH", 904), ("CREATED_AT", 3535)])
    def test_the_column_must_fit(self, admins: Administrators, column: str, errno: int) -> None:
        with refused(errno, column):
            mask(admins, column)

    @pytest.mark.parametrize(
        ("kind", "what"),
        [("MASKING POLICY", MASK), ("TABLE", None), ("SCHEMA", None)],
        ids=["policy", "table", "schema"],
    )
    def test_a_policy_in_use_is_not_dropped_nor_replaced(
        self, admins: Administrators, kind: str, what: str | None
    ) -> None:
        account = admins.account
        mask(admins)
        if what is not None:
            with refused(3531, "Policy MASK cannot be dropped/replaced as it is associated", "23001"):
                account.drop(admins.sysadmin, kind, name(what))
            with refused(3531):
                account.create(
                    admins.sysadmin,
                    kind,
                    name(what),
                    {"ARGUMENTS": [("VAL", "VARCHAR")], "RETURNS": "VARCHAR", "BODY": "VAL"},
                    or_replace=True,
                )
            account.alter(admins.sysadmin, kind, name(what), set={"BODY": "VAL"})
            account.detach_policy(admins.sysadmin, kind, "TABLE", name("DB.S.T"), column="TITLE")
            account.drop(admins.sysadmin, kind, name(what))
        else:
            # What it protects goes, and with it the attachment; inside one schema nothing stands in the way.
            account.drop(admins.sysadmin, kind, name("DB.S.T" if kind == "TABLE" else "DB.S"))
            assert account.policy_references() == []

    def test_a_policy_that_protects_another_database_keeps_its_own(self, admins: Administrators) -> None:
        account = admins.account
        other = admins.make_table("OTHER.S.T")
        account.attach_policy(admins.sysadmin, "MASKING POLICY", name(MASK), "TABLE", other, column="TITLE")
        for kind, what in (("DATABASE", "DB"), ("SCHEMA", "DB.S")):
            with refused(3531):
                account.drop(admins.sysadmin, kind, name(what))
        account.drop(admins.sysadmin, "DATABASE", name("OTHER"))
        account.drop(admins.sysadmin, "DATABASE", name("DB"))

    def test_it_follows_a_renamed_column_and_goes_with_a_dropped_one(self, admins: Administrators) -> None:
        account, table = admins.account, name("DB.S.T")
        mask(admins)
        account.alter_table(admins.sysadmin, table, [TableChange.rename("TITLE", "HEADING")])
        [reference] = account.policy_references(target=("TABLE", table))
        assert (reference.column, reference.arguments) == ("HEADING", ("HEADING",))
        account.alter_table(admins.sysadmin, table, [TableChange.drop("HEADING")])
        assert account.policy_references(target=("TABLE", table)) == []

    def test_who_may_attach(self, admins: Administrators) -> None:
        account = admins.account
        guard = admins.make_role("GUARD")
        for kind, what in (("DATABASE", "DB"), ("SCHEMA", "DB.S"), ("TABLE", "DB.S.T"), ("MASKING POLICY", MASK)):
            privilege = {"TABLE": "SELECT", "MASKING POLICY": "APPLY"}.get(kind, "USAGE")
            account.grant_privileges(
                admins.sysadmin, [privilege], GrantTarget.on(kind, name(what)), Grantee.role("GUARD")
            )
        arguments = ("MASKING POLICY", name(MASK), "TABLE", name("DB.S.T"))
        with refused(3001, "table 'T'"):
            account.attach_policy(guard, *arguments, column="TITLE")
        account.grant_privileges(
            admins.accountadmin, ["APPLY MASKING POLICY"], GrantTarget.account(), Grantee.role("GUARD")
        )
        account.attach_policy(guard, *arguments, column="TITLE")

    def test_a_tag_carries_one_mask_for_each_type(self, admins: Administrators) -> None:
        account = admins.account
        number = {"ARGUMENTS": [("VAL", "NUMBER")], "RETURNS": "NUMBER", "BODY": "0"}
        account.create(admins.sysadmin, "MASKING POLICY", name("DB.S.ZERO"), number)
        for policy in (MASK, "DB.S.ZERO"):
            account.attach_policy(admins.sysadmin, "MASKING POLICY", name(policy), "TAG", name(TAG))
        with refused(3529):
            account.attach_policy(admins.sysadmin, "MASKING POLICY", name("DB.S.MASK_2"), "TAG", name(TAG))
        with refused(3531):
            account.drop(admins.sysadmin, "TAG", name(TAG))
        account.detach_policy(admins.sysadmin, "MASKING POLICY", "TAG", name(TAG), policy=name(MASK))
        [left] = account.policy_references(target=("TAG", name(TAG)))
        assert left.policy == name("DB.S.ZERO")


class TestRowAccess:
    def test_one_for_each_table_with_its_own_columns(self, admins: Administrators) -> None:
        account = admins.account
        with refused(3535, "takes 1 column(s), not 2"):
            filter_rows(admins, ["TENANT_ID", "TITLE"])
        with refused(1003, "ON columns"):
            filter_rows(admins, [])
        filter_rows(admins, ["TENANT_ID"])
        with refused(3529, "already has a row access policy"):
            filter_rows(admins, ["TITLE"])
        with refused(3531):
            account.alter_table(admins.sysadmin, name("DB.S.T"), [TableChange.drop("TENANT_ID")])
        with refused(3531):
            account.drop(admins.sysadmin, "ROW ACCESS POLICY", name(ROWS))
        account.detach_policy(admins.sysadmin, "ROW ACCESS POLICY", "TABLE", name("DB.S.T"), policy=name(ROWS))
        account.drop(admins.sysadmin, "ROW ACCESS POLICY", name(ROWS))

    def test_taking_off_what_is_not_on(self, admins: Administrators) -> None:
        with refused(3542, "is not attached"):
            admins.account.detach_policy(
                admins.sysadmin, "ROW ACCESS POLICY", "TABLE", name("DB.S.T"), policy=name(ROWS)
            )


class TestUsersAndAccount:
    @pytest.mark.parametrize("kind", ["PASSWORD POLICY", "SESSION POLICY", "AUTHENTICATION POLICY"])
    def test_they_take_one_policy_of_each_kind(self, admins: Administrators, kind: str) -> None:
        account = admins.account
        for policy in ("DB.S.P1", "DB.S.P2"):
            account.create(admins.sysadmin, kind, name(policy))
        for target, what in (("ACCOUNT", name("EMBEDDED")), ("USER", name("NEXUS_DEPLOY"))):
            with refused(3001):
                account.attach_policy(admins.sysadmin, kind, name("DB.S.P1"), target, what)
            account.attach_policy(admins.accountadmin, kind, name("DB.S.P1"), target, what)
            with refused(3529):
                account.attach_policy(admins.accountadmin, kind, name("DB.S.P2"), target, what)
        with refused(3531):
            account.drop(admins.sysadmin, kind, name("DB.S.P1"))
        for target, what in (("ACCOUNT", name("EMBEDDED")), ("USER", name("NEXUS_DEPLOY"))):
            account.detach_policy(admins.accountadmin, kind, target, what)
        account.drop(admins.sysadmin, kind, name("DB.S.P1"))

    def test_a_policy_does_not_go_where_it_does_not_belong(self, admins: Administrators) -> None:
        with refused(2, "MASKING POLICY on a USER"):
            admins.account.attach_policy(
                admins.accountadmin, "MASKING POLICY", name(MASK), "USER", name("NEXUS_DEPLOY")
            )


class TestTags:
    def test_values_are_those_allowed(self, admins: Administrators) -> None:
        account, table = admins.account, name("DB.S.T")
        with refused(391801, "is not allowed for tag 'DB.S.PHI'. Allowed: direct, indirect."):
            account.set_tag(admins.sysadmin, name(TAG), "none", "TABLE", table, column="TITLE")
        with refused(904):
            account.set_tag(admins.sysadmin, name(TAG), "direct", "TABLE", table, column="NONE_SUCH")
        account.set_tag(admins.sysadmin, name(TAG), "direct", "TABLE", table, column="TITLE")
        account.set_tag(admins.sysadmin, name(TAG), "indirect", "TABLE", table, column="TITLE")
        account.set_tag(admins.sysadmin, name(TAG), "indirect", "SCHEMA", name("DB.S"))
        assert account.tag_references(tag=name(TAG)) == [
            TagReference(name(TAG), "indirect", "SCHEMA", name("DB.S")),
            TagReference(name(TAG), "indirect", "TABLE", table, "TITLE"),
        ]
        account.unset_tag(admins.sysadmin, name(TAG), "TABLE", table, column="TITLE")
        assert account.tag_references(target=("TABLE", table)) == []

    def test_a_dropped_tag_leaves_everything(self, admins: Administrators) -> None:
        account, table = admins.account, name("DB.S.T")
        account.set_tag(admins.sysadmin, name(TAG), "direct", "TABLE", table)
        account.drop(admins.sysadmin, "TAG", name(TAG))
        assert account.tag_references() == []

    def test_replacing_a_table_takes_its_tags_and_policies(self, admins: Administrators) -> None:
        account, table = admins.account, name("DB.S.T")
        account.set_tag(admins.sysadmin, name(TAG), "direct", "TABLE", table, column="TITLE")
        mask(admins)
        columns = [*COLUMNS, Column("MORE", "INT")]
        account.create(admins.sysadmin, "TABLE", table, {"COLUMNS": columns}, or_replace=True)
        assert account.tag_references() == []
        assert account.policy_references() == []
