"""Resources of the embedded Snowflake: made, read, changed, changed behind their backs, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.package import CloudError
from emulator.snowflake.account import Account, Column, Grantee, GrantTarget, ObjectName, SnowflakeError, TableChange
from emulator.snowflake.account.session import Session
from emulator.values import UNKNOWN
from tests.emulator.snowflake_provider import Provider, Resource

Behind = Callable[[Account, Session], None]


@dataclass(frozen=True)
class Story:
    """The life of one resource. `behind` changes it by SQL, as it were, after which reading shows `seen`."""

    class_name: str
    identity: str
    inputs: dict[str, Any]
    changed: dict[str, Any]
    behind: Behind
    seen: dict[str, Any]
    needs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __str__(self) -> str:
        return self.class_name


def _alter(kind: str, *name: str, **properties: Any) -> Behind:
    return lambda account, session: account.alter(session, kind, ObjectName.of(*name), set=properties) and None


DATABASE = ("Database", {"name": "DB"})
SCHEMA = ("Schema", {"database": "DB", "name": "S"})
TABLE_INPUTS: dict[str, Any] = {
    "database": "DB",
    "schema": "S",
    "name": "T",
    "columns": [
        {"name": "ID", "type": "NUMBER(38,0)", "nullable": False},
        {"name": "BODY", "type": "VARIANT"},
        {"name": "STATE", "type": "VARCHAR(16)", "default": {"constant": "it's new"}},
    ],
}
TABLE = ("Table", TABLE_INPUTS)
KEY_TABLE = ("Table", {**TABLE_INPUTS, "name": "OTHER"})

STORIES = [
    Story(
        "Database",
        "DB",
        {"name": "DB", "comment": "tenants", "dataRetentionTimeInDays": 7},
        {"name": "DB", "comment": "all tenants"},
        _alter("DATABASE", "DB", DATA_RETENTION_TIME_IN_DAYS=1),
        {"dataRetentionTimeInDays": 1},
    ),
    Story(
        "Schema",
        '"DB"."S"',
        {"database": "DB", "name": "S", "withManagedAccess": "true"},
        {"database": "DB", "name": "S", "withManagedAccess": "true", "comment": "chat"},
        _alter("SCHEMA", "DB", "S", MANAGED_ACCESS=False),
        {"withManagedAccess": "false"},
        [DATABASE],
    ),
    Story(
        "Table",
        "DB|S|T",
        TABLE_INPUTS,
        {**TABLE_INPUTS, "comment": "rows", "columns": [*TABLE_INPUTS["columns"], {"name": "MORE", "type": "DATE"}]},
        lambda account, session: (
            account.alter_table(session, ObjectName.of("DB", "S", "T"), [TableChange.drop("STATE")]) and None
        ),
        {"columns": TABLE_INPUTS["columns"][:2]},
        [DATABASE, SCHEMA],
    ),
    Story(
        "Warehouse",
        "WH",
        {"name": "WH", "warehouseSize": "x-small", "autoSuspend": 60, "autoResume": "true", "initiallySuspended": True},
        {"name": "WH", "warehouseSize": "SMALL", "autoResume": "true", "initiallySuspended": True},
        _alter("WAREHOUSE", "WH", WAREHOUSE_SIZE="LARGE"),
        {"warehouseSize": "LARGE"},
    ),
    Story(
        "ResourceMonitor",
        "RM",
        {
            "name": "RM",
            "creditQuota": 10,
            "frequency": "MONTHLY",
            "startTimestamp": "2027-01-01 00:00",
            "notifyTriggers": [75, 90],
            "suspendTrigger": 100,
            "suspendImmediateTrigger": 110,
        },
        {
            "name": "RM",
            "creditQuota": 20,
            "frequency": "MONTHLY",
            "startTimestamp": "2027-01-01 00:00",
            "notifyTriggers": [90],
            "suspendTrigger": 100,
        },
        _alter("RESOURCE MONITOR", "RM", CREDIT_QUOTA=99),
        {"creditQuota": 99},
    ),
    Story(
        "AccountRole",
        "HCS0001_APP",
        {"name": "HCS0001_APP"},
        {"name": "HCS0001_APP", "comment": "the application"},
        _alter("ROLE", "HCS0001_APP", COMMENT="someone's"),
        {"comment": "someone's"},
    ),
    Story(
        "DatabaseRole",
        '"DB"."NEXUSCHAT_READ"',
        {"database": "DB", "name": "NEXUSCHAT_READ", "comment": "reads"},
        {"database": "DB", "name": "NEXUSCHAT_READ"},
        _alter("DATABASE ROLE", "DB", "NEXUSCHAT_READ", COMMENT="other"),
        {"comment": "other"},
        [DATABASE],
    ),
    Story(
        "NetworkRule",
        '"DB"."S"."RULE"',
        {
            "database": "DB",
            "schema": "S",
            "name": "RULE",
            "type": "IPV4",
            "mode": "INGRESS",
            "valueLists": ["10.0.0.0/8"],
        },
        {
            "database": "DB",
            "schema": "S",
            "name": "RULE",
            "type": "IPV4",
            "mode": "INGRESS",
            "valueLists": ["10.1.0.0/16"],
        },
        _alter("NETWORK RULE", "DB", "S", "RULE", VALUE_LIST=["192.0.2.1"]),
        {"valueLists": ["192.0.2.1"]},
        [DATABASE, SCHEMA],
    ),
    Story(
        "NetworkPolicy",
        "NP",
        {"name": "NP", "allowedNetworkRuleLists": ['"DB"."S"."RULE"']},
        {"name": "NP", "allowedNetworkRuleLists": ['"DB"."S"."RULE"'], "blockedIpLists": ["192.0.2.0/24"]},
        _alter("NETWORK POLICY", "NP", ALLOWED_IP_LIST=["198.51.100.7"]),
        {"allowedIpLists": ["198.51.100.7"]},
        [
            DATABASE,
            SCHEMA,
            (
                "NetworkRule",
                {
                    "database": "DB",
                    "schema": "S",
                    "name": "RULE",
                    "type": "IPV4",
                    "mode": "INGRESS",
                    "valueLists": ["10.0.0.0/8"],
                },
            ),
        ],
    ),
    Story(
        "ServiceUser",
        "AGENTNEXUS_SVC",
        {
            "name": "AGENTNEXUS_SVC",
            "defaultRole": "HCS0001_APP",
            "defaultSecondaryRolesOption": "NONE",
            "disabled": "false",
            "comment": "runtime",
        },
        {"name": "AGENTNEXUS_SVC", "defaultRole": "PUBLIC", "disabled": "true"},
        _alter("USER", "AGENTNEXUS_SVC", DISABLED=True),
        {"disabled": "true"},
    ),
]
NAMED = pytest.mark.parametrize("story", STORIES, ids=str)


def _lay_ground(admin: Provider, story: Story) -> None:
    for class_name, inputs in story.needs:
        admin.create(class_name, **inputs)


def _assert_unchanged(provider: Provider, resource: Resource) -> None:
    there = provider.read(resource)
    assert (there.id, there.inputs, there.outputs) == (resource.id, resource.inputs, resource.outputs)


@NAMED
def test_life(admin: Provider, account: Account, story: Story) -> None:
    _lay_ground(admin, story)
    resource = admin.create(story.class_name, **story.inputs)
    assert resource.id == story.identity
    assert resource.inputs.items() <= resource.outputs.items()
    _assert_unchanged(admin, resource)

    admin.update(resource, **story.changed)
    _assert_unchanged(admin, resource)
    assert admin.diff(resource, **story.changed).changes == {}

    admin.update(resource, **story.inputs)
    _assert_unchanged(admin, resource)

    story.behind(account, admin.configuration.session)
    there = admin.refresh(resource)
    assert {key: there.inputs[key] for key in story.seen} == story.seen
    assert {key: value for key, value in there.inputs.items() if key not in story.seen} == {
        key: value for key, value in admin.checked(story.class_name, story.inputs).items() if key not in story.seen
    }
    assert admin.diff(resource, **story.inputs).changes.keys() == story.seen.keys()
    admin.update(resource, **story.inputs)
    _assert_unchanged(admin, resource)

    admin.delete(resource)
    assert admin.read(resource).id == ""
    admin.delete(resource)
    assert admin.create(story.class_name, **story.inputs).id == story.identity


@NAMED
def test_what_exists_is_never_adopted(admin: Provider, story: Story) -> None:
    _lay_ground(admin, story)
    admin.create(story.class_name, **story.inputs)
    with pytest.raises(SnowflakeError, match="already exists") as refusal:
        admin.create(story.class_name, **story.inputs)
    assert refusal.value.errno == 2002


@NAMED
def test_a_role_without_privileges_may_not(admin: Provider, provider: Callable[..., Provider], story: Story) -> None:
    _lay_ground(admin, story)
    with pytest.raises(SnowflakeError) as refusal:
        provider("PUBLIC").create(story.class_name, **story.inputs)
    # What it may not see is not there for it; what it sees it may not use.
    assert refusal.value.errno in {2003, 2043, 3001}


@pytest.mark.parametrize("story", [story for story in STORIES if story.needs], ids=str)
def test_a_missing_parent_is_named(admin: Provider, story: Story) -> None:
    with pytest.raises(SnowflakeError, match="does not exist or not authorized") as refusal:
        admin.create(story.class_name, **story.inputs)
    assert refusal.value.errno == 2003


@NAMED
def test_import_gives_the_inputs_that_make_it(admin: Provider, story: Story) -> None:
    _lay_ground(admin, story)
    made = admin.create(story.class_name, **story.inputs)
    there = admin.import_(story.class_name, made.id)
    assert there.id == made.id
    imported = Resource(story.class_name, there.id, there.inputs, there.outputs)
    # What counts at creation alone can be read from nothing.
    # An import writes down that a schema is not transient, so a program has to say so too.
    assert admin.diff(imported, **story.inputs).changes.keys() <= {"initiallySuspended", "isTransient"}


@NAMED
def test_preview_touches_nothing(admin: Provider, account: Account, story: Story) -> None:
    identity, outputs = admin.preview(story.class_name, **story.inputs)
    assert identity == ""
    assert outputs["fullyQualifiedName"].endswith('"')
    _, later = admin.preview(story.class_name, **{**story.inputs, "name": UNKNOWN})
    assert later["fullyQualifiedName"] is UNKNOWN
    assert admin.import_(story.class_name, story.identity).id == ""


@NAMED
def test_the_id_is_known_before_it_is_made(admin: Provider, story: Story) -> None:
    question = admin.question(story.class_name, inputs=admin.checked(story.class_name, story.inputs))
    assert admin.package.identify(question) == story.identity


def test_a_new_object_belongs_to_the_role_of_its_provider(provider: Callable[..., Provider], account: Account) -> None:
    provider("SYSADMIN").create("Database", name="DB")
    there = account.find("DATABASE", ObjectName.of("DB"))
    assert there is not None
    assert there.owner == Grantee.role("SYSADMIN")


def test_a_role_that_cannot_see_it_does_not_delete_it(
    admin: Provider, provider: Callable[..., Provider], account: Account
) -> None:
    database = admin.create("Database", name="DB")
    with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
        provider("PUBLIC").delete(database)
    assert account.find("DATABASE", ObjectName.of("DB")) is not None


def test_names_keep_their_case(admin: Provider, account: Account) -> None:
    admin.create("Database", name="mixedCase")
    assert account.find("DATABASE", ObjectName.of("mixedCase")) is not None
    assert account.find("DATABASE", ObjectName.of("MIXEDCASE")) is None


def test_a_rename_keeps_the_object(admin: Provider, account: Account) -> None:
    database = admin.create("Database", name="DB")
    admin.create("Schema", database="DB", name="S")
    admin.update(database, name="DB2")
    assert database.outputs["fullyQualifiedName"] == '"DB2"'
    assert account.find("SCHEMA", ObjectName.of("DB2", "S")) is not None
    _assert_unchanged(admin, database)


def test_a_database_without_its_public_schema(admin: Provider, account: Account) -> None:
    admin.create("Database", name="DB", dropPublicSchemaOnCreation=True)
    assert account.find("SCHEMA", ObjectName.of("DB", "PUBLIC")) is None
    admin.create("Schema", database="DB", name="PUBLIC", comment="made anew")


def test_the_public_schema_is_taken_over(admin: Provider, account: Account) -> None:
    admin.create("Database", name="DB")
    resource = admin.create("Schema", database="DB", name="PUBLIC", withManagedAccess="true")
    there = account.find("SCHEMA", ObjectName.of("DB", "PUBLIC"))
    assert there is not None
    assert there.properties["MANAGED_ACCESS"] is True
    _assert_unchanged(admin, resource)


def test_an_unbuilt_input_is_refused_by_name(admin: Provider) -> None:
    with pytest.raises(CloudError, match="does not build `replication`"):
        admin.create(
            "Database", name="DB", replication={"enableToAccounts": [{"accountIdentifier": '"VIDEXA"."OTHER"'}]}
        )


def test_an_unbuilt_type_is_refused_by_name(admin: Provider) -> None:
    question = admin.question("Streamlit", inputs={})
    with pytest.raises(CloudError, match="does not build Streamlit yet"):
        admin.package.create(question)


def test_a_monitor_that_is_missing_cannot_be_assigned(admin: Provider) -> None:
    with pytest.raises(SnowflakeError, match="RM"):
        admin.create("Warehouse", name="WH", resourceMonitor="RM")
    admin.create("ResourceMonitor", name="RM", creditQuota=5, suspendTrigger=100)
    warehouse = admin.create("Warehouse", name="WH", resourceMonitor="RM")
    _assert_unchanged(admin, warehouse)


def test_only_an_account_administrator_makes_monitors(provider: Callable[..., Provider]) -> None:
    with pytest.raises(SnowflakeError) as refusal:
        provider("SYSADMIN").create("ResourceMonitor", name="RM", creditQuota=5, suspendTrigger=100)
    assert refusal.value.errno == 3001


class TestTable:
    NAME = ObjectName.of("DB", "S", "T")

    @pytest.fixture
    def table(self, admin: Provider) -> Resource:
        admin.create("Database", name="DB")
        admin.create("Schema", database="DB", name="S")
        return admin.create("Table", **TABLE_INPUTS)

    def rows(self, account: Account, query: str) -> list[tuple[Any, ...]]:
        return account.cursor().execute(query).fetchall()

    def with_columns(self, *columns: dict[str, Any]) -> dict[str, Any]:
        return {**TABLE_INPUTS, "columns": list(columns)}

    def test_columns_are_really_there(self, account: Account, table: Resource) -> None:
        found = account.columns(self.NAME)
        assert [(column.name, column.nullable) for column in found] == [("ID", False), ("BODY", True), ("STATE", True)]
        self.rows(account, 'INSERT INTO "DB"."S"."T" (ID) VALUES (1)')
        assert self.rows(account, 'SELECT "STATE" FROM "DB"."S"."T"') == [("it's new",)]

    def test_a_renamed_column_loses_its_data(self, admin: Provider, account: Account, table: Resource) -> None:
        self.rows(account, 'INSERT INTO "DB"."S"."T" (ID, "STATE") VALUES (1, \'kept?\')')
        first, second, third = TABLE_INPUTS["columns"]
        admin.update(table, **self.with_columns(first, second, {"name": "STATUS", "type": "VARCHAR(16)"}))
        assert self.rows(account, 'SELECT "ID", "STATUS" FROM "DB"."S"."T"') == [(1, None)]
        assert third["name"] not in [column.name for column in account.columns(self.NAME)]

    def test_a_type_grows_in_place(self, admin: Provider, account: Account, table: Resource) -> None:
        self.rows(account, 'INSERT INTO "DB"."S"."T" (ID, "STATE") VALUES (1, \'kept\')')
        first, second, third = TABLE_INPUTS["columns"]
        admin.update(table, **self.with_columns(first, second, {**third, "type": "VARCHAR(64)"}))
        assert self.rows(account, 'SELECT "STATE" FROM "DB"."S"."T"') == [("kept",)]
        assert account.columns(self.NAME)[2].type == "VARCHAR(64)"
        _assert_unchanged(admin, table)

    def test_a_type_of_another_family_is_refused(self, admin: Provider, table: Resource) -> None:
        first, second, third = TABLE_INPUTS["columns"]
        with pytest.raises(SnowflakeError):
            admin.update(table, **self.with_columns(first, second, {**third, "type": "DATE"}))

    def test_nullability_default_and_comment_change(self, admin: Provider, account: Account, table: Resource) -> None:
        first, second, third = TABLE_INPUTS["columns"]
        bare = {"name": third["name"], "type": third["type"], "comment": "where it is"}
        admin.update(table, **self.with_columns({**first, "nullable": True}, second, bare))
        found = {column.name: column for column in account.columns(self.NAME)}
        assert found["ID"].nullable
        assert found["STATE"].default is None
        assert found["STATE"].comment == "where it is"
        _assert_unchanged(admin, table)

    def test_only_a_constant_default_comes_with_a_new_column(self, admin: Provider, table: Resource) -> None:
        late = {"name": "MADE", "type": "TIMESTAMP_NTZ(9)", "default": {"expression": "CURRENT_TIMESTAMP()"}}
        with pytest.raises(CloudError, match="Only adding a column as a constant"):
            admin.update(table, **self.with_columns(*TABLE_INPUTS["columns"], late))

    def test_a_column_that_somebody_adds_shows(self, admin: Provider, account: Account, table: Resource) -> None:
        account.alter_table(
            admin.configuration.session, self.NAME, [TableChange.add(Column("EXTRA", "VARCHAR(8)", comment="mine"))]
        )
        columns = admin.read(table).inputs["columns"]
        assert columns[:3] == table.inputs["columns"]
        assert columns[3]["name"] == "EXTRA"
        assert columns[3]["comment"] == "mine"

    def test_a_table_dropped_by_hand_shows(self, admin: Provider, account: Account, table: Resource) -> None:
        account.drop(admin.configuration.session, "TABLE", self.NAME)
        assert admin.read(table).id == ""

    def test_deprecated_inputs_are_refused(self, admin: Provider, table: Resource) -> None:
        with pytest.raises(CloudError, match="`primaryKey`"):
            admin.create("Table", **{**TABLE_INPUTS, "name": "T2", "primaryKey": {"keys": ["ID"]}})


class TestTableConstraint:
    @pytest.fixture(autouse=True)
    def tables(self, admin: Provider) -> None:
        for class_name, inputs in (DATABASE, SCHEMA, TABLE, KEY_TABLE):
            admin.create(class_name, **inputs)

    KEY: dict[str, Any] = {  # noqa: RUF012
        "name": "PK",
        "type": "PRIMARY KEY",
        "tableId": '"DB"."S"."T"',
        "columns": ["ID"],
    }

    def test_life(self, admin: Provider, account: Account) -> None:
        key = admin.create("TableConstraint", **self.KEY)
        assert key.id == 'PK❄️PRIMARY KEY❄️"DB"."S"."T"'
        _assert_unchanged(admin, key)
        foreign = admin.create(
            "TableConstraint",
            name="FK",
            type="FOREIGN KEY",
            tableId='"DB"."S"."OTHER"',
            columns=["ID"],
            foreignKeyProperties={"references": {"tableId": '"DB"."S"."T"', "columns": ["ID"]}},
        )
        _assert_unchanged(admin, foreign)
        admin.delete(key)
        assert admin.read(key).id == ""
        _assert_unchanged(admin, foreign)
        admin.delete(key)
        admin.create("TableConstraint", **self.KEY)

    def test_the_same_name_twice(self, admin: Provider) -> None:
        admin.create("TableConstraint", **self.KEY)
        with pytest.raises(SnowflakeError, match="already exists"):
            admin.create("TableConstraint", **{**self.KEY, "type": "UNIQUE"})
        with pytest.raises(SnowflakeError, match="primary key already exists"):
            admin.create("TableConstraint", **{**self.KEY, "name": "PK2"})

    def test_columns_and_tables_must_be_there(self, admin: Provider) -> None:
        with pytest.raises(SnowflakeError, match="invalid identifier 'NONE'"):
            admin.create("TableConstraint", **{**self.KEY, "columns": ["NONE"]})
        with pytest.raises(SnowflakeError, match="does not exist"):
            admin.create("TableConstraint", **{**self.KEY, "tableId": '"DB"."S"."NONE"'})

    def test_it_goes_with_its_table(self, admin: Provider, account: Account) -> None:
        key = admin.create("TableConstraint", **self.KEY)
        account.drop(admin.configuration.session, "TABLE", ObjectName.of("DB", "S", "T"))
        assert admin.read(key).id == ""
        admin.delete(key)


class TestServiceUser:
    def test_its_key_logs_it_in(self, admin: Provider, provider: Callable[..., Provider], other_key_pair: Any) -> None:
        bare = "".join(line for line in other_key_pair.public.splitlines() if not line.startswith("-"))
        user = admin.create("ServiceUser", name="SVC", rsaPublicKey=bare)
        assert user.outputs["userType"] == "SERVICE"
        _assert_unchanged(admin, user)
        there = provider("PUBLIC", user="SVC", privateKey=other_key_pair.private)
        assert there.configuration.session.user == "SVC"

    def test_a_person_of_that_name_is_another_thing(self, admin: Provider, account: Account) -> None:
        account.create(admin.configuration.session, "USER", ObjectName.of("ANNA"), {"TYPE": "PERSON"})
        assert admin.import_("ServiceUser", "ANNA").id == ""
        assert admin.import_("User", "ANNA").id == "ANNA"


class TestGrants:
    READ = '"DB"."READ"'

    @pytest.fixture(autouse=True)
    def ground(self, admin: Provider) -> None:
        for class_name, inputs in (DATABASE, SCHEMA, TABLE):
            admin.create(class_name, **inputs)
        admin.create("AccountRole", name="APP")
        admin.create("AccountRole", name="PARENT")
        admin.create("DatabaseRole", database="DB", name="READ")
        admin.create("DatabaseRole", database="DB", name="WRITE")
        admin.create("Warehouse", name="WH")
        admin.create("ServiceUser", name="SVC")

    PRIVILEGES = [  # noqa: RUF012
        (
            "GrantPrivilegesToAccountRole",
            {"accountRoleName": "APP", "privileges": ["CREATE DATABASE"], "onAccount": True},
            '"APP"|false|false|CREATE DATABASE|OnAccount',
        ),
        (
            "GrantPrivilegesToAccountRole",
            {
                "accountRoleName": "APP",
                "privileges": ["USAGE", "OPERATE"],
                "onAccountObject": {"objectType": "WAREHOUSE", "objectName": "WH"},
            },
            '"APP"|false|false|USAGE,OPERATE|OnAccountObject|WAREHOUSE|"WH"',
        ),
        (
            "GrantPrivilegesToAccountRole",
            {
                "accountRoleName": "APP",
                "privileges": ["USAGE"],
                "withGrantOption": True,
                "onSchema": {"schemaName": '"DB"."S"'},
            },
            '"APP"|true|false|USAGE|OnSchema|OnSchema|"DB"."S"',
        ),
        (
            "GrantPrivilegesToAccountRole",
            {
                "accountRoleName": "APP",
                "privileges": ["SELECT"],
                "onSchemaObject": {"objectType": "TABLE", "objectName": '"DB"."S"."T"'},
            },
            '"APP"|false|false|SELECT|OnSchemaObject|OnObject|TABLE|"DB"."S"."T"',
        ),
        (
            "GrantPrivilegesToAccountRole",
            {
                "accountRoleName": "APP",
                "privileges": ["SELECT", "INSERT"],
                "onSchemaObject": {"future": {"objectTypePlural": "TABLES", "inDatabase": "DB"}},
            },
            '"APP"|false|false|SELECT,INSERT|OnSchemaObject|OnFuture|TABLES|InDatabase|"DB"',
        ),
        (
            "GrantPrivilegesToDatabaseRole",
            {"databaseRoleName": '"DB"."READ"', "privileges": ["USAGE"], "onDatabase": "DB"},
            '"DB"."READ"|false|false|USAGE|OnDatabase|"DB"',
        ),
        (
            "GrantPrivilegesToDatabaseRole",
            {
                "databaseRoleName": '"DB"."READ"',
                "privileges": ["USAGE"],
                "onSchema": {"futureSchemasInDatabase": "DB"},
            },
            '"DB"."READ"|false|false|USAGE|OnSchema|OnFutureSchemasInDatabase|"DB"',
        ),
        (
            "GrantPrivilegesToDatabaseRole",
            {
                "databaseRoleName": '"DB"."READ"',
                "privileges": ["SELECT"],
                "onSchemaObject": {"future": {"objectTypePlural": "TABLES", "inSchema": '"DB"."S"'}},
            },
            '"DB"."READ"|false|false|SELECT|OnSchemaObject|OnFuture|TABLES|InSchema|"DB"."S"',
        ),
    ]

    @pytest.mark.parametrize(("class_name", "inputs", "identity"), PRIVILEGES, ids=[entry[2] for entry in PRIVILEGES])
    def test_life_of_privileges(self, admin: Provider, class_name: str, inputs: dict[str, Any], identity: str) -> None:
        grant = admin.create(class_name, **inputs)
        assert grant.id == identity
        _assert_unchanged(admin, grant)
        imported = admin.import_(class_name, identity)
        assert admin.diff(Resource(class_name, identity, imported.inputs, imported.outputs), **inputs).changes == {}
        # Granting what is granted changes nothing, as in Snowflake.
        admin.create(class_name, **inputs)
        admin.delete(grant)
        assert admin.read(grant).inputs["privileges"] == []
        admin.delete(grant)
        _assert_unchanged(admin, admin.create(class_name, **inputs))

    def test_privileges_change_in_place(self, admin: Provider, account: Account) -> None:
        on = {"onSchemaObject": {"objectType": "TABLE", "objectName": '"DB"."S"."T"'}}
        grant = admin.create("GrantPrivilegesToAccountRole", accountRoleName="APP", privileges=["SELECT"], **on)
        admin.update(grant, accountRoleName="APP", privileges=["INSERT", "UPDATE"], **on)
        held = {
            held.privilege
            for held in account.grants_on("TABLE", ObjectName.of("DB", "S", "T"))
            if held.grantee == Grantee.role("APP")
        }
        assert held == {"INSERT", "UPDATE"}
        _assert_unchanged(admin, grant)

    def test_a_revoked_privilege_shows(self, admin: Provider, account: Account) -> None:
        on = {"onSchemaObject": {"objectType": "TABLE", "objectName": '"DB"."S"."T"'}}
        inputs = {"accountRoleName": "APP", "privileges": ["SELECT", "INSERT"], **on}
        grant = admin.create("GrantPrivilegesToAccountRole", **inputs)
        account.revoke_privileges(
            admin.configuration.session,
            ["INSERT"],
            GrantTarget.on("TABLE", ObjectName.of("DB", "S", "T")),
            Grantee.role("APP"),
        )
        assert admin.refresh(grant).inputs["privileges"] == ["SELECT"]
        assert admin.diff(grant, **inputs).changes.keys() == {"privileges"}
        admin.update(grant, **inputs)
        _assert_unchanged(admin, grant)

    def test_all_privileges_on_all_tables(self, admin: Provider, account: Account) -> None:
        grant = admin.create(
            "GrantPrivilegesToAccountRole",
            accountRoleName="APP",
            allPrivileges=True,
            onSchemaObject={"all": {"objectTypePlural": "TABLES", "inSchema": '"DB"."S"'}},
        )
        assert grant.id == '"APP"|false|false|ALL|OnSchemaObject|OnAll|TABLES|InSchema|"DB"."S"'
        held = {g.privilege for g in account.grants_to(Grantee.role("APP"))}
        assert {"SELECT", "INSERT", "UPDATE", "DELETE"} <= held
        _assert_unchanged(admin, grant)
        admin.delete(grant)
        assert account.grants_to(Grantee.role("APP")) == []

    def test_always_apply_differs_every_time(self, admin: Provider) -> None:
        inputs: dict[str, Any] = {
            "accountRoleName": "APP",
            "privileges": ["SELECT"],
            "alwaysApply": True,
            "onSchemaObject": {"all": {"objectTypePlural": "TABLES", "inSchema": '"DB"."S"'}},
        }
        grant = admin.create("GrantPrivilegesToAccountRole", **inputs)
        assert admin.diff(grant, **inputs).changes
        admin.create("Table", **{**TABLE_INPUTS, "name": "LATE"})
        admin.update(grant, **inputs)
        assert admin.diff(grant, **inputs).changes

    def test_what_the_grant_needs_must_be_there(self, admin: Provider) -> None:
        with pytest.raises(SnowflakeError, match="NOBODY"):
            admin.create(
                "GrantPrivilegesToAccountRole",
                accountRoleName="NOBODY",
                privileges=["USAGE"],
                onAccountObject={"objectType": "DATABASE", "objectName": "DB"},
            )
        with pytest.raises(SnowflakeError, match="NOWHERE"):
            admin.create(
                "GrantPrivilegesToAccountRole",
                accountRoleName="APP",
                privileges=["USAGE"],
                onAccountObject={"objectType": "DATABASE", "objectName": "NOWHERE"},
            )

    def test_a_role_that_may_not_grant(self, provider: Callable[..., Provider]) -> None:
        with pytest.raises(SnowflakeError) as refusal:
            provider("PUBLIC").create(
                "GrantPrivilegesToAccountRole",
                accountRoleName="APP",
                privileges=["USAGE"],
                onAccountObject={"objectType": "DATABASE", "objectName": "DB"},
            )
        assert refusal.value.errno in {2003, 3001, 3011}

    def test_a_grant_goes_with_its_object(self, admin: Provider, account: Account) -> None:
        grant = admin.create(
            "GrantPrivilegesToAccountRole",
            accountRoleName="APP",
            privileges=["SELECT"],
            onSchemaObject={"objectType": "TABLE", "objectName": '"DB"."S"."T"'},
        )
        account.drop(admin.configuration.session, "TABLE", ObjectName.of("DB", "S", "T"))
        assert admin.read(grant).id == ""
        admin.delete(grant)

    ROLES = [  # noqa: RUF012
        ("GrantAccountRole", {"roleName": "APP", "parentRoleName": "PARENT"}, '"APP"|ROLE|"PARENT"'),
        ("GrantAccountRole", {"roleName": "APP", "userName": "SVC"}, '"APP"|USER|"SVC"'),
        (
            "GrantDatabaseRole",
            {"databaseRoleName": '"DB"."READ"', "parentRoleName": "APP"},
            '"DB"."READ"|ROLE|"APP"',
        ),
        (
            "GrantDatabaseRole",
            {"databaseRoleName": '"DB"."READ"', "parentDatabaseRoleName": '"DB"."WRITE"'},
            '"DB"."READ"|DATABASE ROLE|"DB"."WRITE"',
        ),
        (
            "GrantApplicationRole",
            {"applicationRoleName": '"SNOWFLAKE"."CORTEX-MODEL-ROLE-LLAMA3.1-8B"', "parentAccountRoleName": "APP"},
            '"SNOWFLAKE"."CORTEX-MODEL-ROLE-LLAMA3.1-8B"|ACCOUNT_ROLE|"APP"',
        ),
    ]

    @pytest.mark.parametrize(("class_name", "inputs", "identity"), ROLES, ids=[entry[2] for entry in ROLES])
    def test_life_of_a_granted_role(
        self, admin: Provider, class_name: str, inputs: dict[str, Any], identity: str
    ) -> None:
        grant = admin.create(class_name, **inputs)
        assert grant.id == identity
        _assert_unchanged(admin, grant)
        imported = admin.import_(class_name, identity)
        assert admin.diff(Resource(class_name, identity, imported.inputs), **inputs).changes == {}
        admin.delete(grant)
        assert admin.read(grant).id == ""
        admin.delete(grant)
        admin.create(class_name, **inputs)

    def test_roles_in_a_circle_are_refused(self, admin: Provider) -> None:
        admin.create("GrantAccountRole", roleName="APP", parentRoleName="PARENT")
        with pytest.raises(SnowflakeError):
            admin.create("GrantAccountRole", roleName="PARENT", parentRoleName="APP")

    def test_ownership_goes_over_and_comes_back(self, admin: Provider, account: Account) -> None:
        table = ObjectName.of("DB", "S", "T")
        grant = admin.create(
            "GrantOwnership",
            accountRoleName="APP",
            outboundPrivileges="COPY",
            on={"objectType": "TABLE", "objectName": '"DB"."S"."T"'},
        )
        assert grant.id == 'ToAccountRole|"APP"|COPY|OnObject|TABLE|"DB"."S"."T"'
        there = account.find("TABLE", table)
        assert there is not None
        assert there.owner == Grantee.role("APP")
        _assert_unchanged(admin, grant)
        admin.delete(grant)
        there = account.find("TABLE", table)
        assert there is not None
        assert there.owner == Grantee.role("ACCOUNTADMIN")
        assert admin.read(grant).id == ""

    def test_future_ownership_is_revoked(self, admin: Provider, account: Account) -> None:
        grant = admin.create(
            "GrantOwnership",
            databaseRoleName='"DB"."WRITE"',
            on={"future": {"objectTypePlural": "TABLES", "inSchema": '"DB"."S"'}},
        )
        assert grant.id == 'ToDatabaseRole|"DB"."WRITE"||OnFuture|TABLES|InSchema|"DB"."S"'
        admin.create("Table", **{**TABLE_INPUTS, "name": "LATE"})
        there = account.find("TABLE", ObjectName.of("DB", "S", "LATE"))
        assert there is not None
        assert there.owner == Grantee.database_role("DB", "WRITE")
        _assert_unchanged(admin, grant)
        admin.delete(grant)
        assert admin.read(grant).id == ""


class TestExecute:
    @pytest.fixture(autouse=True)
    def ground(self, admin: Provider) -> None:
        for class_name, inputs in (DATABASE, SCHEMA, TABLE, ("Warehouse", {"name": "WH"})):
            admin.create(class_name, **inputs)

    @pytest.fixture
    def writer(self, provider: Callable[..., Provider]) -> Provider:
        return provider("ACCOUNTADMIN", warehouse="WH")

    INSERT = 'INSERT INTO "DB"."S"."T" (ID) VALUES (1)'
    DELETE = 'DELETE FROM "DB"."S"."T" WHERE ID = 1'
    SELECT = 'SELECT COUNT(*) AS ROWS_THERE FROM "DB"."S"."T"'

    def test_life(self, writer: Provider, account: Account) -> None:
        done = writer.create("Execute", execute=self.INSERT, revert=self.DELETE, query=self.SELECT)
        assert account.row_count(ObjectName.of("DB", "S", "T")) == 1
        assert done.outputs["queryResults"] == [{"ROWS_THERE": "1"}]
        _assert_unchanged(writer, done)
        writer.update(done, execute=self.INSERT, revert="SELECT 1", query=self.SELECT)
        assert account.row_count(ObjectName.of("DB", "S", "T")) == 1
        writer.update(done, execute=self.INSERT, revert=self.DELETE, query=self.SELECT)
        writer.delete(done)
        assert account.row_count(ObjectName.of("DB", "S", "T")) == 0

    def test_the_warehouse_may_come_after_the_provider(self, provider: Callable[..., Provider]) -> None:
        later = provider("ACCOUNTADMIN", warehouse="LATER")
        with pytest.raises(SnowflakeError, match="No active warehouse"):
            later.create("Execute", execute=self.INSERT, revert=self.DELETE)
        later.create("Warehouse", name="LATER")
        later.create("Execute", execute=self.INSERT, revert=self.DELETE)

    def test_a_failing_statement_is_refused_and_a_failing_query_is_not(self, admin: Provider) -> None:
        with pytest.raises(SnowflakeError, match="NONE"):
            admin.create("Execute", execute='DELETE FROM "DB"."S"."NONE"', revert="SELECT 1")
        done = admin.create("Execute", execute="SELECT 1", revert="SELECT 1", query='SELECT * FROM "DB"."S"."NONE"')
        assert "queryResults" not in done.outputs

    def test_it_runs_as_the_provider_role_only(self, provider: Callable[..., Provider]) -> None:
        with pytest.raises(SnowflakeError, match="does not exist or not authorized"):
            provider("PUBLIC").create("Execute", execute=self.INSERT, revert=self.DELETE)

    def test_use_role_is_refused(self, admin: Provider) -> None:
        with pytest.raises(CloudError, match="refuses USE ROLE"):
            admin.create("Execute", execute="-- first\nuse  role SYSADMIN", revert="SELECT 1")
        assert admin.configuration.session.role == "ACCOUNTADMIN"
