"""Policies, tags, users, functions, tasks and their like on the embedded Snowflake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.package import CloudError
from emulator.snowflake.account import Account, Grantee, GrantTarget, ObjectName, SnowflakeError
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.resources import BUILT_TYPES, handler_for
from emulator.snowflake.resources.objects import ObjectHandler
from emulator.snowflake.resources.schema_objects import FileFormatHandler
from tests.emulator.snowflake_provider import Provider, Resource

IN_SCHEMA = {"database": "DB", "schema": "S"}
POLICY: dict[str, Any] = {
    **IN_SCHEMA,
    "name": "MASK",
    "arguments": [{"name": "VAL", "type": "VARCHAR"}],
    "returnDataType": "VARCHAR",
    "body": "CASE WHEN CURRENT_ROLE() = 'APP' THEN VAL ELSE '***' END",
}
ROWS: dict[str, Any] = {
    **IN_SCHEMA,
    "name": "ROWS",
    "arguments": [{"name": "ORG", "type": "VARCHAR"}],
    "body": "ORG = 'HCS0001'",
}


@pytest.fixture(autouse=True)
def ground(admin: Provider) -> None:
    admin.create("Database", name="DB")
    admin.create("Schema", **{"database": "DB", "name": "S"})
    admin.create(
        "Table",
        **IN_SCHEMA,
        name="T",
        columns=[{"name": "ORG", "type": "VARCHAR"}, {"name": "BODY", "type": "VARCHAR"}],
    )
    admin.create("Warehouse", name="WH")


def unchanged(provider: Provider, resource: Resource) -> None:
    there = provider.read(resource)
    assert (there.id, there.inputs, there.outputs) == (resource.id, resource.inputs, resource.outputs)


# Class, inputs, changed inputs, id.
LIVES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("MaskingPolicy", POLICY, {**POLICY, "body": "'***'"}, '"DB"."S"."MASK"'),
    ("RowAccessPolicy", ROWS, {**ROWS, "body": "TRUE", "comment": "all"}, '"DB"."S"."ROWS"'),
    (
        "PasswordPolicy",
        {**IN_SCHEMA, "name": "PW", "minLength": 14, "maxAgeDays": 60},
        {**IN_SCHEMA, "name": "PW", "minLength": 16},
        '"DB"."S"."PW"',
    ),
    (
        "SessionPolicy",
        {**IN_SCHEMA, "name": "SP", "sessionIdleTimeoutMins": 15},
        {**IN_SCHEMA, "name": "SP", "sessionIdleTimeoutMins": 30, "sessionUiIdleTimeoutMins": 15},
        '"DB"."S"."SP"',
    ),
    (
        "AuthenticationPolicy",
        {**IN_SCHEMA, "name": "AP", "authenticationMethods": ["KEYPAIR"], "clientTypes": ["DRIVERS"]},
        {**IN_SCHEMA, "name": "AP", "authenticationMethods": ["KEYPAIR", "SAML"]},
        '"DB"."S"."AP"',
    ),
    (
        "Tag",
        {**IN_SCHEMA, "name": "PHI", "orderedAllowedValues": ["DIRECT", "CLINICAL"]},
        {**IN_SCHEMA, "name": "PHI", "orderedAllowedValues": ["CLINICAL", "DIRECT", "FREE_TEXT"], "comment": "classes"},
        '"DB"."S"."PHI"',
    ),
    (
        "View",
        {**IN_SCHEMA, "name": "V", "statement": 'SELECT "ORG" FROM "DB"."S"."T"'},
        {**IN_SCHEMA, "name": "V", "statement": 'SELECT "BODY" FROM "DB"."S"."T"', "comment": "it's one"},
        '"DB"."S"."V"',
    ),
    (
        "Task",
        {
            **IN_SCHEMA,
            "name": "TASK",
            "sqlStatement": "SELECT 1",
            "started": True,
            "schedule": {"minutes": 60},
            "warehouse": "WH",
        },
        {
            **IN_SCHEMA,
            "name": "TASK",
            "sqlStatement": "SELECT 2",
            "started": False,
            "schedule": {"usingCron": "0 3 * * * UTC"},
        },
        '"DB"."S"."TASK"',
    ),
    (
        "Alert",
        {
            **IN_SCHEMA,
            "name": "AL",
            "warehouse": "WH",
            "condition": "SELECT 1",
            "action": "SELECT 2",
            "alertSchedule": {"interval": 10},
        },
        {
            **IN_SCHEMA,
            "name": "AL",
            "warehouse": "WH",
            "condition": "SELECT 3",
            "action": "SELECT 2",
            "enabled": True,
            "alertSchedule": {"cron": {"expression": "0 3 * * *", "timeZone": "UTC"}},
        },
        "DB|S|AL",
    ),
    (
        "StreamOnTable",
        {**IN_SCHEMA, "name": "ST", "table": '"DB"."S"."T"', "appendOnly": "true"},
        {**IN_SCHEMA, "name": "ST", "table": '"DB"."S"."T"', "appendOnly": "true", "comment": "changes"},
        '"DB"."S"."ST"',
    ),
    (
        "StageInternal",
        {**IN_SCHEMA, "name": "SG", "encryption": {"snowflakeSse": {}}},
        {**IN_SCHEMA, "name": "SG", "encryption": {"snowflakeSse": {}}, "comment": "files"},
        '"DB"."S"."SG"',
    ),
    (
        "Sequence",
        {**IN_SCHEMA, "name": "SEQ", "increment": 2, "ordering": "ORDER"},
        {**IN_SCHEMA, "name": "SEQ", "increment": 5, "ordering": "ORDER", "comment": "numbers"},
        "DB|S|SEQ",
    ),
    (
        "FileFormat",
        {**IN_SCHEMA, "name": "FF", "formatType": "CSV", "skipHeader": 1, "nullIfs": ["", "NULL"]},
        {**IN_SCHEMA, "name": "FF", "formatType": "CSV", "skipHeader": 2, "comment": "with a header"},
        "DB|S|FF",
    ),
    (
        "EmailNotificationIntegration",
        {"name": "MAIL", "enabled": True, "allowedRecipients": ["ops@videxa.example"]},
        {"name": "MAIL", "enabled": False, "comment": "off"},
        "MAIL",
    ),
    (
        "User",
        {"name": "ANNA", "loginName": "anna@videxa.example", "email": "anna@videxa.example", "disabled": "false"},
        {"name": "ANNA", "email": "anna@videxa.example", "disabled": "true", "queryTag": "break-glass"},
        "ANNA",
    ),
    ("LegacyServiceUser", {"name": "OLD"}, {"name": "OLD", "comment": "goes"}, "OLD"),
    (
        "FunctionSql",
        {
            **IN_SCHEMA,
            "name": "TWICE",
            "arguments": [{"argName": "X", "argDataType": "NUMBER"}],
            "returnType": "NUMBER",
            "functionDefinition": "X * 2",
        },
        {
            **IN_SCHEMA,
            "name": "TWICE",
            "arguments": [{"argName": "X", "argDataType": "NUMBER"}],
            "returnType": "NUMBER",
            "functionDefinition": "X * 2",
            "comment": "twice",
        },
        '"DB"."S"."TWICE"(NUMBER)',
    ),
    (
        "ProcedureSql",
        {
            **IN_SCHEMA,
            "name": "P",
            "returnType": "VARCHAR",
            "procedureDefinition": "BEGIN RETURN 'done'; END",
            "executeAs": "OWNER",
        },
        {
            **IN_SCHEMA,
            "name": "P",
            "returnType": "VARCHAR",
            "procedureDefinition": "BEGIN RETURN 'done'; END",
            "executeAs": "CALLER",
        },
        '"DB"."S"."P"()',
    ),
]
LIFE = pytest.mark.parametrize(("class_name", "inputs", "changed", "identity"), LIVES, ids=[life[0] for life in LIVES])


@LIFE
def test_life(admin: Provider, class_name: str, inputs: dict[str, Any], changed: dict[str, Any], identity: str) -> None:
    resource = admin.create(class_name, **inputs)
    assert resource.id == identity
    unchanged(admin, resource)
    with pytest.raises(SnowflakeError, match="already exists"):
        admin.create(class_name, **inputs)
    assert not admin.diff(resource, **changed).replaces
    admin.update(resource, **changed)
    unchanged(admin, resource)
    admin.update(resource, **inputs)
    unchanged(admin, resource)
    admin.delete(resource)
    assert admin.read(resource).id == ""
    admin.delete(resource)
    admin.create(class_name, **inputs)


@LIFE
def test_import(
    admin: Provider, class_name: str, inputs: dict[str, Any], changed: dict[str, Any], identity: str
) -> None:
    admin.create(class_name, **inputs)
    there = admin.import_(class_name, identity)
    imported = Resource(class_name, there.id, there.inputs, there.outputs)
    # Its directory and encryption are nothing that Snowflake shows.
    assert admin.diff(imported, **inputs).changes.keys() <= {"encryption"}


def test_every_input_is_a_property_or_refused_by_name() -> None:
    for type_ in BUILT_TYPES:
        handler = handler_for(type_)
        if isinstance(handler, ObjectHandler) and not isinstance(handler, FileFormatHandler):
            known = spec_of(handler.type.kind).properties
            assert [p.wire for p in handler.type.all_properties if p.sql not in known] == [], type_


class TestPoliciesInUse:
    @pytest.fixture
    def mask(self, admin: Provider) -> Resource:
        return admin.create("MaskingPolicy", **POLICY)

    def test_a_policy_in_use_cannot_be_dropped(self, admin: Provider, mask: Resource) -> None:
        tag = admin.create("Tag", **IN_SCHEMA, name="PHI", maskingPolicies=['"DB"."S"."MASK"'])
        unchanged(admin, tag)
        with pytest.raises(SnowflakeError):
            admin.delete(mask)
        admin.delete(tag)
        admin.delete(mask)

    def test_a_mask_comes_to_a_tag_and_goes(self, admin: Provider, account: Account, mask: Resource) -> None:
        tag = admin.create("Tag", **IN_SCHEMA, name="PHI")
        admin.update(tag, **IN_SCHEMA, name="PHI", maskingPolicies=['"DB"."S"."MASK"'])
        on_tag = ("TAG", ObjectName.of("DB", "S", "PHI"))
        assert [found.policy.name for found in account.policy_references(target=on_tag)] == ["MASK"]
        account.detach_policy(
            admin.configuration.session, "MASKING POLICY", *on_tag, policy=ObjectName.of("DB", "S", "MASK")
        )
        assert admin.refresh(tag).inputs["maskingPolicies"] == []
        admin.update(tag, **IN_SCHEMA, name="PHI", maskingPolicies=['"DB"."S"."MASK"'])
        admin.update(tag, **IN_SCHEMA, name="PHI")
        assert account.policy_references(target=on_tag) == []

    def test_a_mask_on_a_column(self, admin: Provider, account: Account, mask: Resource) -> None:
        masked = {"name": "BODY", "type": "VARCHAR", "maskingPolicy": '"DB"."S"."MASK"'}
        columns = [{"name": "ORG", "type": "VARCHAR"}, masked]
        table = admin.create("Table", **IN_SCHEMA, name="MASKED", columns=columns)
        unchanged(admin, table)
        bare = [columns[0], {"name": "BODY", "type": "VARCHAR"}]
        admin.update(table, **IN_SCHEMA, name="MASKED", columns=bare)
        assert account.policy_references(target=("TABLE", ObjectName.of("DB", "S", "MASKED"))) == []
        unchanged(admin, table)

    def test_a_table_whose_mask_is_refused_is_not_left_behind(self, admin: Provider, account: Account) -> None:
        columns = [{"name": "BODY", "type": "VARCHAR", "maskingPolicy": '"DB"."S"."NONE"'}]
        with pytest.raises(SnowflakeError, match="NONE"):
            admin.create("Table", **IN_SCHEMA, name="MASKED", columns=columns)
        assert account.find("TABLE", ObjectName.of("DB", "S", "MASKED")) is None

    def test_row_access_on_a_view(self, admin: Provider, account: Account) -> None:
        admin.create("RowAccessPolicy", **ROWS)
        inputs = {**IN_SCHEMA, "name": "V", "statement": 'SELECT "ORG" FROM "DB"."S"."T"'}
        policy = {"rowAccessPolicy": {"policyName": '"DB"."S"."ROWS"', "ons": ["ORG"]}}
        view = admin.create("View", **inputs, **policy)
        unchanged(admin, view)
        admin.update(view, **{**inputs, "statement": 'SELECT "ORG", "BODY" FROM "DB"."S"."T"'}, **policy)
        unchanged(admin, view)
        admin.update(view, **inputs)
        assert account.policy_references(target=("VIEW", ObjectName.of("DB", "S", "V"))) == []

    ATTACHMENTS = [  # noqa: RUF012
        ("UserPasswordPolicyAttachment", {"passwordPolicyName": '"DB"."S"."P"', "userName": "SVC"}, "DB|S|P|SVC"),
        ("AccountPasswordPolicyAttachment", {"passwordPolicy": '"DB"."S"."P"'}, "DB|S|P"),
    ]

    @pytest.mark.parametrize(("class_name", "inputs", "identity"), ATTACHMENTS, ids=[a[0] for a in ATTACHMENTS])
    def test_a_password_policy_attached(
        self, admin: Provider, class_name: str, inputs: dict[str, Any], identity: str
    ) -> None:
        policy = admin.create("PasswordPolicy", **IN_SCHEMA, name="P", minLength=14)
        admin.create("LegacyServiceUser", name="SVC")
        attached = admin.create(class_name, **inputs)
        assert attached.id == identity
        unchanged(admin, attached)
        assert (
            admin.diff(Resource(class_name, identity, admin.import_(class_name, identity).inputs), **inputs).changes
            == {}
        )
        with pytest.raises(SnowflakeError):
            admin.delete(policy)
        admin.delete(attached)
        assert admin.read(attached).id == ""
        admin.delete(policy)

    @pytest.mark.parametrize("kind", ["Authentication", "Session"])
    def test_other_policies_attached_to_a_user(self, admin: Provider, kind: str) -> None:
        admin.create(f"{kind}Policy", **IN_SCHEMA, name="P")
        admin.create("ServiceUser", name="SVC")
        wire = f"{kind.lower()}PolicyName"
        attached = admin.create(f"User{kind}PolicyAttachment", **{wire: '"DB"."S"."P"', "userName": "SVC"})
        assert attached.id == '"SVC"|"DB"."S"."P"'
        unchanged(admin, attached)
        admin.delete(attached)
        assert admin.read(attached).id == ""

    def test_authentication_policy_on_the_account(self, admin: Provider) -> None:
        admin.create("AuthenticationPolicy", **IN_SCHEMA, name="P")
        attached = admin.create("AccountAuthenticationPolicyAttachment", authenticationPolicy='"DB"."S"."P"')
        assert attached.id == '"DB"."S"."P"|ACCOUNT'
        unchanged(admin, attached)
        admin.delete(attached)
        with pytest.raises(CloudError, match="`forAllServiceUsers`"):
            admin.create(
                "AccountAuthenticationPolicyAttachment", authenticationPolicy='"DB"."S"."P"', forAllServiceUsers=True
            )


class TestTagAssociation:
    COLUMN = '"DB"."S"."T"."BODY"'

    @pytest.fixture(autouse=True)
    def tag(self, admin: Provider) -> None:
        admin.create("Tag", **IN_SCHEMA, name="PHI", orderedAllowedValues=["DIRECT", "CLINICAL"])

    def inputs(self, *columns: str, value: str = "DIRECT") -> dict[str, Any]:
        return {
            "objectIdentifiers": list(columns),
            "objectType": "COLUMN",
            "tagId": '"DB"."S"."PHI"',
            "tagValue": value,
        }

    def test_life(self, admin: Provider, account: Account) -> None:
        association = admin.create("TagAssociation", **self.inputs(self.COLUMN))
        assert association.id == '"DB"."S"."PHI"|DIRECT|COLUMN'
        unchanged(admin, association)
        admin.update(association, **self.inputs('"DB"."S"."T"."ORG"', value="CLINICAL"))
        on_table = account.tag_references(target=("TABLE", ObjectName.of("DB", "S", "T")))
        assert [(found.column, found.value) for found in on_table] == [("ORG", "CLINICAL")]
        admin.delete(association)
        assert admin.read(association).inputs["objectIdentifiers"] == []
        admin.delete(association)

    def test_a_tag_taken_off_shows(self, admin: Provider, account: Account) -> None:
        association = admin.create("TagAssociation", **self.inputs(self.COLUMN))
        account.unset_tag(
            admin.configuration.session,
            ObjectName.of("DB", "S", "PHI"),
            "TABLE",
            ObjectName.of("DB", "S", "T"),
            column="BODY",
        )
        assert admin.refresh(association).inputs["objectIdentifiers"] == []
        assert admin.diff(association, **self.inputs(self.COLUMN)).changes.keys() == {"objectIdentifiers"}

    def test_a_value_that_is_not_allowed(self, admin: Provider) -> None:
        with pytest.raises(SnowflakeError):
            admin.create("TagAssociation", **self.inputs(self.COLUMN, value="OTHER"))

    def test_on_a_table(self, admin: Provider) -> None:
        association = admin.create(
            "TagAssociation",
            objectIdentifiers=['"DB"."S"."T"'],
            objectType="TABLE",
            tagId='"DB"."S"."PHI"',
            tagValue="DIRECT",
        )
        unchanged(admin, association)


class TestParametersAndKeys:
    def test_an_account_parameter(self, admin: Provider, account: Account) -> None:
        parameter = admin.create("AccountParameter", key="CORTEX_ENABLED_CROSS_REGION", value="AZURE_US")
        assert parameter.id == "CORTEX_ENABLED_CROSS_REGION"
        unchanged(admin, parameter)
        admin.update(parameter, key="CORTEX_ENABLED_CROSS_REGION", value="DISABLED")
        unchanged(admin, parameter)
        admin.delete(parameter)
        assert account.parameters("ACCOUNT")["CORTEX_ENABLED_CROSS_REGION"].level == ""

    def test_a_parameter_with_a_wrong_value(self, admin: Provider) -> None:
        with pytest.raises(SnowflakeError):
            admin.create("AccountParameter", key="STATEMENT_TIMEOUT_IN_SECONDS", value="for ever")

    def test_only_an_administrator_sets_them(self, provider: Callable[..., Provider]) -> None:
        with pytest.raises(SnowflakeError):
            provider("SYSADMIN").create("AccountParameter", key="CORTEX_ENABLED_CROSS_REGION", value="AZURE_US")

    def test_a_network_policy_for_the_account_and_a_user(self, admin: Provider, account: Account) -> None:
        policy = admin.create("NetworkPolicy", name="NP", allowedIpLists=["0.0.0.0/0"])
        admin.create("ServiceUser", name="SVC")
        attached = admin.create("NetworkPolicyAttachment", networkPolicyName="NP", setForAccount=True, users=["SVC"])
        assert attached.id == "NP_attachment"
        unchanged(admin, attached)
        with pytest.raises(SnowflakeError):
            admin.delete(policy)
        admin.update(attached, networkPolicyName="NP", setForAccount=False, users=["SVC"])
        assert account.parameters("ACCOUNT")["NETWORK_POLICY"].level == ""
        unchanged(admin, attached)
        admin.delete(attached)
        admin.delete(policy)

    def test_keys_of_a_user_made_elsewhere(self, admin: Provider, account: Account, other_key_pair: Any) -> None:
        admin.create("ServiceUser", name="SVC")
        bare = "".join(line for line in other_key_pair.public.splitlines() if not line.startswith("-"))
        keys = admin.create("UserPublicKeys", name="SVC", rsaPublicKey=bare)
        unchanged(admin, keys)
        admin.update(keys, name="SVC", rsaPublicKey2=bare)
        there = account.find("USER", ObjectName.of("SVC"))
        assert there is not None
        assert (there.properties.get("RSA_PUBLIC_KEY"), there.properties["RSA_PUBLIC_KEY_2"]) == (None, bare)
        admin.delete(keys)
        there = account.find("USER", ObjectName.of("SVC"))
        assert there is not None
        assert "RSA_PUBLIC_KEY_2" not in there.properties


class TestReplacement:
    def test_a_function_made_anew_has_lost_its_grants(self, admin: Provider, account: Account) -> None:
        inputs = dict(LIVES[[life[0] for life in LIVES].index("FunctionSql")][1])
        admin.create("AccountRole", name="APP")
        function = admin.create("FunctionSql", **inputs)
        name = ObjectName.parse(function.outputs["fullyQualifiedName"], unquoted="exact")
        account.grant_privileges(
            admin.configuration.session, ["USAGE"], GrantTarget.on("FUNCTION", name), Grantee.role("APP")
        )
        diff = admin.diff(function, **{**inputs, "functionDefinition": "X * 3"})
        assert diff.replaces == ["functionDefinition"]
        assert diff.delete_before_replace
        admin.delete(function)
        admin.create("FunctionSql", **{**inputs, "functionDefinition": "X * 3"})
        assert [g for g in account.grants_on("FUNCTION", name) if g.grantee == Grantee.role("APP")] == []

    def test_a_python_function_runs(self, admin: Provider, account: Account) -> None:
        function = admin.create(
            "FunctionPython",
            **IN_SCHEMA,
            name="UP",
            arguments=[{"argName": "X", "argDataType": "VARCHAR"}],
            returnType="VARCHAR",
            runtimeVersion="3.11",
            handler="up",
            functionDefinition="def up(x):\n    return x.upper()\n",
        )
        unchanged(admin, function)
        assert account.cursor().execute('SELECT "DB"."S"."UP"(\'abc\')').fetchall() == [("ABC",)]

    def test_a_redefined_view_keeps_its_grants_only_with_copy_grants(self, admin: Provider, account: Account) -> None:
        admin.create("AccountRole", name="APP")
        name = ObjectName.of("DB", "S", "V")
        inputs = {**IN_SCHEMA, "name": "V", "statement": 'SELECT "ORG" FROM "DB"."S"."T"', "copyGrants": True}
        view = admin.create("View", **inputs)

        def granted() -> list[str]:
            return [g.privilege for g in account.grants_on("VIEW", name) if g.grantee == Grantee.role("APP")]

        account.grant_privileges(
            admin.configuration.session, ["SELECT"], GrantTarget.on("VIEW", name), Grantee.role("APP")
        )
        admin.update(view, **{**inputs, "statement": 'SELECT "BODY" FROM "DB"."S"."T"'})
        assert granted() == ["SELECT"]
        bare = {key: value for key, value in inputs.items() if key != "copyGrants"}
        admin.update(view, **bare)
        assert granted() == []


class TestTaskGraph:
    def test_the_root_runs_again_after_a_change_below_it(self, admin: Provider, account: Account) -> None:
        root = {**IN_SCHEMA, "name": "ROOT", "sqlStatement": "SELECT 1", "schedule": {"minutes": 60}, "warehouse": "WH"}
        admin.create("Task", **root, started=True)
        child = {
            **IN_SCHEMA,
            "name": "CHILD",
            "sqlStatement": "SELECT 2",
            "afters": ['"DB"."S"."ROOT"'],
            "warehouse": "WH",
        }
        below = admin.create("Task", **child, started=True)
        unchanged(admin, below)

        def states() -> list[Any]:
            found = [account.find("TASK", ObjectName.of("DB", "S", name)) for name in ("ROOT", "CHILD")]
            return [there.properties["STATE"] for there in found if there is not None]

        assert states() == ["STARTED", "STARTED"]
        admin.update(below, **{**child, "sqlStatement": "SELECT 3"}, started=True)
        assert states() == ["STARTED", "STARTED"]
        admin.delete(below)
        assert states() == ["STARTED"]

    def test_a_suspended_task_shows(self, admin: Provider, account: Account) -> None:
        inputs = {
            **IN_SCHEMA,
            "name": "ROOT",
            "sqlStatement": "SELECT 1",
            "schedule": {"minutes": 60},
            "warehouse": "WH",
        }
        task = admin.create("Task", **inputs, started=True)
        account.alter(admin.configuration.session, "TASK", ObjectName.of("DB", "S", "ROOT"), set={"STATE": "SUSPENDED"})
        assert admin.refresh(task).inputs["started"] is False
        assert admin.diff(task, **inputs, started=True).changes.keys() == {"started"}
