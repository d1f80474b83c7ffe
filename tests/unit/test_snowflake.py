"""What is declared on Snowflake: exact inputs, exact grants, who does what, and what must not be there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from components.snowflake.organization import declare_row
from components.snowflake.providers import PREVIEW_FEATURES
from components.snowflake.sql import literal
from components.snowflake.tables import NEXUSCHAT_TABLES
from tests.unit.recording import Graph, Registration

DATABASE = "snowflake:index/database:Database"
SCHEMA = "snowflake:index/schema:Schema"
TABLE = "snowflake:index/table:Table"
CONSTRAINT = "snowflake:index/tableConstraint:TableConstraint"
WAREHOUSE = "snowflake:index/warehouse:Warehouse"
MONITOR = "snowflake:index/resourceMonitor:ResourceMonitor"
ACCOUNT_ROLE = "snowflake:index/accountRole:AccountRole"
DATABASE_ROLE = "snowflake:index/databaseRole:DatabaseRole"
GRANT_ROLE = "snowflake:index/grantAccountRole:GrantAccountRole"
GRANT_MODEL = "snowflake:index/grantApplicationRole:GrantApplicationRole"
GRANT_DATABASE_ROLE = "snowflake:index/grantDatabaseRole:GrantDatabaseRole"
GRANT_TO_ROLE = "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole"
GRANT_TO_DATABASE_ROLE = "snowflake:index/grantPrivilegesToDatabaseRole:GrantPrivilegesToDatabaseRole"
OWNERSHIP = "snowflake:index/grantOwnership:GrantOwnership"
EXECUTE = "snowflake:index/execute:Execute"
USER = "snowflake:index/serviceUser:ServiceUser"
PERSON = "snowflake:index/user:User"
KEYS = "snowflake:index/userPublicKeys:UserPublicKeys"
MASKING = "snowflake:index/maskingPolicy:MaskingPolicy"
ROW_ACCESS = "snowflake:index/rowAccessPolicy:RowAccessPolicy"
TAG = "snowflake:index/tag:Tag"
TAG_ASSOCIATION = "snowflake:index/tagAssociation:TagAssociation"
NETWORK_RULE = "snowflake:index/networkRule:NetworkRule"
NETWORK_POLICY = "snowflake:index/networkPolicy:NetworkPolicy"
NETWORK_ATTACHMENT = "snowflake:index/networkPolicyAttachment:NetworkPolicyAttachment"
AUTHENTICATION = "snowflake:index/authenticationPolicy:AuthenticationPolicy"
SESSION = "snowflake:index/sessionPolicy:SessionPolicy"
PASSWORD = "snowflake:index/passwordPolicy:PasswordPolicy"
USER_AUTHENTICATION = "snowflake:index/userAuthenticationPolicyAttachment:UserAuthenticationPolicyAttachment"
ACCOUNT_AUTHENTICATION = "snowflake:index/accountAuthenticationPolicyAttachment:AccountAuthenticationPolicyAttachment"
ACCOUNT_SESSION = "snowflake:index/accountSessionPolicyAttachment:AccountSessionPolicyAttachment"
ACCOUNT_PASSWORD = "snowflake:index/accountPasswordPolicyAttachment:AccountPasswordPolicyAttachment"
ALERT = "snowflake:index/alert:Alert"
INTEGRATION = "snowflake:index/emailNotificationIntegration:EmailNotificationIntegration"
FUNCTION = "snowflake:index/functionPython:FunctionPython"
VIEW = "snowflake:index/view:View"
PROCEDURE = "snowflake:index/procedurePython:ProcedurePython"
TASK = "snowflake:index/task:Task"
PARAMETER = "snowflake:index/accountParameter:AccountParameter"
PROVIDER = "pulumi:providers:snowflake"

#: Every resource type that pulumi-snowflake offers in preview only, with the flag that it needs.
ALL_PREVIEW = {
    "table:Table": "table",
    "tableConstraint:TableConstraint": "table_constraint",
    "tableColumnMaskingPolicyApplication:TableColumnMaskingPolicyApplication": (
        "table_column_masking_policy_application"
    ),
    "functionPython:FunctionPython": "function_python",
    "functionSql:FunctionSql": "function_sql",
    "procedurePython:ProcedurePython": "procedure_python",
    "procedureSql:ProcedureSql": "procedure_sql",
    "alert:Alert": "alert",
    "dynamicTable:DynamicTable": "dynamic_table",
    "cortexSearchService:CortexSearchService": "cortex_search_service",
    "emailNotificationIntegration:EmailNotificationIntegration": "email_notification_integration",
    "notificationIntegration:NotificationIntegration": "notification_integration",
    "objectParameter:ObjectParameter": "object_parameter",
    "networkPolicyAttachment:NetworkPolicyAttachment": "network_policy_attachment",
    "accountPasswordPolicyAttachment:AccountPasswordPolicyAttachment": "account_password_policy_attachment",
    "userPublicKeys:UserPublicKeys": "user_public_keys",
    "externalAccessIntegration:ExternalAccessIntegration": "external_access_integration",
    "share:Share": "share",
    "sequence:Sequence": "sequence",
    "fileFormat:FileFormat": "file_format",
    "pipe:Pipe": "pipe",
}

COMMON = ["TENANT_ID VARCHAR(16) NOT NULL", "SOURCE_ID VARCHAR(24)", "SOURCE_SYSTEM", "INGESTED_AT TIME", "RAW VARIANT"]
#: The columns that LibreChat's collections become, with those types that are settled.
COLUMNS = {
    "CONVERSATIONS": (
        "CONVERSATION_ID, USER_ID, TITLE, ENDPOINT, ENDPOINT_TYPE, MODEL, SPEC, AGENT_ID, ASSISTANT_ID, "
        "MODEL_PARAMETERS VARIANT, SYSTEM_PROMPT, TAGS ARRAY, FILE_IDS ARRAY, MESSAGE_COUNT NUMBER, "
        "TOTAL_TOKENS NUMBER, IS_ARCHIVED BOOLEAN, IS_TEMPORARY BOOLEAN, EXPIRES_AT TIME, CREATED_AT "
        "TIME, UPDATED_AT TIME"
    ),
    "CHAT_MESSAGES": (
        "MESSAGE_ID, CONVERSATION_ID, PARENT_MESSAGE_ID, USER_ID, ROLE, SENDER, MODEL, ENDPOINT, TEXT, "
        "CONTENT VARIANT, SUMMARY, TOKEN_COUNT NUMBER, SUMMARY_TOKEN_COUNT NUMBER, PROMPT_TOKENS NUMBER, "
        "COMPLETION_TOKENS NUMBER, CACHE_WRITE_TOKENS NUMBER, CACHE_READ_TOKENS NUMBER, FINISH_REASON, "
        "UNFINISHED BOOLEAN, ERROR BOOLEAN, FEEDBACK VARIANT, FILES ARRAY, ATTACHMENTS ARRAY, THREAD_ID, "
        "METADATA VARIANT, EXPIRES_AT TIME, CREATED_AT TIME, UPDATED_AT TIME"
    ),
    "USER_SESSIONS": (
        "SESSION_ID, USER_ID, REFRESH_TOKEN_HASH, EXPIRES_AT TIME, CREATED_AT TIME, LAST_SEEN_AT TIME, "
        "REVOKED_AT TIME, AUTH_METHOD"
    ),
    "USER_PREFERENCES": (
        "USER_ID, PREF_KIND, PREF_ID, TITLE, IS_DEFAULT BOOLEAN, SORT_ORDER NUMBER, VALUE VARIANT, "
        "TERMS_ACCEPTED BOOLEAN, CREATED_AT TIME, UPDATED_AT TIME"
    ),
    "FILE_UPLOADS": (
        "FILE_ID, USER_ID, CONVERSATION_ID, MESSAGE_ID, FILENAME, STORAGE_PATH, STORAGE_KEY, SOURCE, "
        "MIME_TYPE, BYTES NUMBER, CONTEXT, EXTRACTED_TEXT, EMBEDDED BOOLEAN, WIDTH NUMBER, HEIGHT NUMBER, "
        "USAGE_COUNT NUMBER, METADATA VARIANT, EXPIRES_AT TIME, CREATED_AT TIME, UPDATED_AT TIME"
    ),
}
TYPES = {"TIME": "TIMESTAMP_NTZ(9)", "NUMBER": "NUMBER(38,0)"}


def role_of(graph: Graph, one: Registration) -> str:
    """The role of the provider through which a resource goes."""
    name = one.provider.rsplit("::", 2)[-2]
    return str(graph.one(PROVIDER, name).inputs["role"])


def in_order(inputs: dict[str, Any]) -> str:
    """A key by which grants sort."""
    return json.dumps(inputs, sort_keys=True)


def test_what_an_organisation_is_made_of(graph: Graph) -> None:
    assert dict(graph.kinds(graph.under("HCS0007"))) == {
        DATABASE: 1,
        SCHEMA: 1,
        TABLE: len(NEXUSCHAT_TABLES),
        CONSTRAINT: 2,
        WAREHOUSE: 1,
        MONITOR: 1,
        OWNERSHIP: 1,
        ACCOUNT_ROLE: 3,
        DATABASE_ROLE: 4,
        GRANT_ROLE: 5,
        GRANT_MODEL: 2,
        GRANT_DATABASE_ROLE: 7,
        GRANT_TO_DATABASE_ROLE: 7,
        GRANT_TO_ROLE: 4,
        TAG_ASSOCIATION: 3,
        TASK: 2,
        EXECUTE: 1,
    }
    assert len(graph.of("videxa:snowflake:Organization")) == 20


def test_every_organisation_is_like_the_first(graph: Graph) -> None:
    def told(organization: str) -> list[tuple[str, str, Any]]:
        return sorted(
            (one.type, one.name.replace(organization, "X"), str(one.inputs).replace(organization, "X"))
            for one in graph.under(organization)
        )

    assert len({str(told(f"HCS{number:04d}")) for number in range(1, 21)}) == 1


def test_database_and_schema(graph: Graph) -> None:
    assert graph.one(DATABASE, "HCS0001_DB").inputs == {
        "name": "HCS0001_DB",
        "isTransient": False,
        "dataRetentionTimeInDays": 30,
        "dropPublicSchemaOnCreation": True,
        "comment": "Organisation HCS0001",
    }
    assert graph.one(SCHEMA, "HCS0001_DB-NEXUSCHAT").inputs == {
        "database": "HCS0001_DB",
        "name": "NEXUSCHAT",
        "isTransient": "false",
        "withManagedAccess": "true",
    }
    assert graph.one(DATABASE, "VIDEXA_SHARED").inputs["name"] == "VIDEXA_SHARED"
    assert graph.one(SCHEMA, "VIDEXA_SHARED-TENANT_MANAGEMENT").inputs["withManagedAccess"] == "true"


@pytest.mark.parametrize("table", sorted(COLUMNS))
def test_columns_are_those_of_the_collections(graph: Graph, table: str) -> None:
    declared = graph.one(TABLE, f"HCS0012-{table}").inputs
    assert (declared["database"], declared["schema"], declared["name"]) == ("HCS0012_DB", "NEXUSCHAT", table)
    columns = {column["name"]: column for column in declared["columns"]}
    expected = [*re.split(r",\s*", COLUMNS[table]), *COMMON]
    assert list(columns) == [text.split()[0] for text in expected]
    for text in expected:
        name, *words = text.split()
        kind = columns[name]["type"]
        if words:
            assert kind == TYPES.get(words[0], words[0]), name
        else:
            assert kind.startswith("VARCHAR("), name
        if words[1:] == ["NOT", "NULL"]:
            assert columns[name]["nullable"] is False


def test_token_counts_may_be_absent(graph: Graph) -> None:
    columns = graph.one(TABLE, "HCS0001-CHAT_MESSAGES").inputs["columns"]
    counts = [column for column in columns if column["name"].endswith(("TOKENS", "TOKEN_COUNT"))]
    assert len(counts) == 6
    assert all(column["nullable"] is True for column in counts)


def test_unique_constraints(graph: Graph) -> None:
    found = {
        one.inputs["tableId"]: (one.inputs["type"], one.inputs["columns"]) for one in graph.of(CONSTRAINT, "HCS0003")
    }
    assert found == {
        '"HCS0003_DB"."NEXUSCHAT"."CONVERSATIONS"': ("UNIQUE", ["TENANT_ID", "USER_ID", "CONVERSATION_ID"]),
        '"HCS0003_DB"."NEXUSCHAT"."CHAT_MESSAGES"': ("UNIQUE", ["TENANT_ID", "USER_ID", "MESSAGE_ID"]),
    }


def test_shared_tables_have_the_tenants_key(graph: Graph) -> None:
    tables = {one.inputs["name"]: one for one in graph.of(TABLE, "shared")}
    assert set(tables) == {"ORGANIZATIONS", "ORG_USERS", "ORG_RESOURCE_USAGE"}
    for table in tables.values():
        key = table.inputs["columns"][0]
        assert key == {"name": "ORGANIZATION_ID", "type": "VARCHAR(16)", "nullable": False}


def test_warehouse_and_monitor(graph: Graph) -> None:
    assert graph.one(WAREHOUSE, "HCS0001_WH-warehouse").inputs == {
        "name": "HCS0001_WH",
        "warehouseSize": "XSMALL",
        "autoSuspend": 60,
        "autoResume": "true",
        "initiallySuspended": True,
        "resourceMonitor": "HCS0001_RM",
        "comment": "Organisation HCS0001",
    }
    # No start: Snowflake refuses one that has passed, and resets at the beginning of each month without any.
    assert graph.one(MONITOR, "HCS0001_WH-monitor").inputs == {
        "name": "HCS0001_RM",
        "creditQuota": 50,
        "notifyTriggers": [50, 80],
        "suspendTrigger": 95,
        "suspendImmediateTrigger": 100,
    }
    owner = graph.one(OWNERSHIP, "HCS0001_WH-owner")
    assert owner.inputs == {
        "accountRoleName": "VIDEXA_TENANT_OPERATOR",
        "outboundPrivileges": "COPY",
        "on": {"objectType": "WAREHOUSE", "objectName": "HCS0001_WH"},
    }


def test_privileges_of_the_access_roles(graph: Graph) -> None:
    schema = '"HCS0001_DB"."NEXUSCHAT"'
    tables = {"objectTypePlural": "TABLES", "inSchema": schema}
    write = ["INSERT", "UPDATE", "DELETE"]
    expected: list[dict[str, Any]] = [
        {"databaseRoleName": "DATABASE_USE", "privileges": ["USAGE"], "onDatabase": "HCS0001_DB"},
        {"databaseRoleName": "NEXUSCHAT_READ", "privileges": ["USAGE"], "onSchema": {"schemaName": schema}},
        {"databaseRoleName": "NEXUSCHAT_READ", "privileges": ["SELECT"], "onSchemaObject": {"all": tables}},
        {"databaseRoleName": "NEXUSCHAT_READ", "privileges": ["SELECT"], "onSchemaObject": {"future": tables}},
        {"databaseRoleName": "NEXUSCHAT_WRITE", "privileges": write, "onSchemaObject": {"all": tables}},
        {"databaseRoleName": "NEXUSCHAT_WRITE", "privileges": write, "onSchemaObject": {"future": tables}},
        {"databaseRoleName": "NEXUSCHAT_OWN", "privileges": ["CREATE TASK"], "onSchema": {"schemaName": schema}},
    ]
    for grant in expected:
        grant["databaseRoleName"] = f'"HCS0001_DB"."{grant["databaseRoleName"]}"'
    found = [one.inputs for one in graph.of(GRANT_TO_DATABASE_ROLE, "HCS0001")]
    assert sorted(found, key=in_order) == sorted(expected, key=in_order)


def test_privileges_on_the_warehouse(graph: Graph) -> None:
    found = {
        one.inputs["accountRoleName"]: (one.inputs["privileges"], one.inputs["onAccountObject"])
        for one in graph.of(GRANT_TO_ROLE, "HCS0002")
        if one.inputs["onAccountObject"]["objectType"] == "WAREHOUSE"
    }
    warehouse = {"objectType": "WAREHOUSE", "objectName": "HCS0002_WH"}
    assert found == {
        "HCS0002_APP": (["USAGE"], warehouse),
        "HCS0002_ANALYST": (["USAGE"], warehouse),
        "HCS0002_ADMIN": (["USAGE", "MONITOR", "OPERATE"], warehouse),
    }


def test_the_role_tree(graph: Graph) -> None:
    database_roles = {
        (one.inputs["databaseRoleName"], one.inputs.get("parentDatabaseRoleName"), one.inputs.get("parentRoleName"))
        for one in graph.of(GRANT_DATABASE_ROLE, "HCS0001")
    }
    names = ("DATABASE_USE", "NEXUSCHAT_READ", "NEXUSCHAT_WRITE", "NEXUSCHAT_OWN")
    use, read, write, own = (f'"HCS0001_DB"."{name}"' for name in names)
    assert database_roles == {
        (use, read, None),
        (read, write, None),
        (write, own, None),
        (own, None, "VIDEXA_MAINTENANCE"),
        (write, None, "HCS0001_APP"),
        (read, None, "HCS0001_ANALYST"),
        (use, None, "HCS0001_ADMIN"),
    }
    account_roles = {
        (one.inputs["roleName"], one.inputs.get("parentRoleName"), one.inputs.get("userName"))
        for one in graph.of(GRANT_ROLE, "HCS0001")
    }
    assert account_roles == {
        ("HCS0001_APP", "SYSADMIN", None),
        ("HCS0001_ANALYST", "SYSADMIN", None),
        ("HCS0001_ADMIN", "SYSADMIN", None),
        ("HCS0001_APP", None, "AGENTNEXUS_SVC"),
        ("VIDEXA_CORTEX_USER", "HCS0001_APP", None),
    }


def test_nothing_of_one_organisation_names_another(graph: Graph) -> None:
    for number in range(1, 21):
        own = f"HCS{number:04d}"
        children = graph.under(own)
        assert len(children) == 45 + len(NEXUSCHAT_TABLES)
        for one in children:
            named = set(re.findall(r"HCS\d{4}", f"{one.name} {one.inputs}"))
            assert named <= {own}, one.urn
            # Roles, tables and warehouses that it waits for are its own, or the platform's.
            assert not [urn for urn in one.dependencies if re.search(r"::(?!" + own + r")HCS\d{4}", urn)], one.urn


def test_nothing_is_granted_to_public_or_to_an_administrator(graph: Graph) -> None:
    grants = [one for one in graph.resources if "/grant" in one.type]
    assert len(grants) > 300
    given_away = set()
    for one in grants:
        assert "PUBLIC" not in str(one.inputs), one.urn
        for key in ("parentRoleName", "accountRoleName"):
            assert one.inputs.get(key) not in {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "ORGADMIN"}, one.urn
        assert "withGrantOption" not in one.inputs
        if not one.inputs.get("roleName", "HCS").startswith(("HCS", "VIDEXA_", "AGENTNEXUS_")):
            given_away.add((one.inputs["roleName"], one.inputs.get("parentRoleName"), one.inputs.get("userName")))
    # Of Snowflake's own roles the break-glass user's alone is given, and to nobody that works day by day.
    assert given_away == {("ACCOUNTADMIN", None, "VIDEXA_BREAK_GLASS")}


def test_the_shared_application_writes_no_organisations(graph: Graph) -> None:
    written = sorted(
        (one.inputs["privileges"], one.inputs["onSchemaObject"].get("objectName"))
        for one in graph.of(GRANT_TO_DATABASE_ROLE, "shared")
        if "TENANT_MANAGEMENT_WRITE" in one.inputs["databaseRoleName"]
    )
    prefix = '"VIDEXA_SHARED"."TENANT_MANAGEMENT".'
    assert written == [
        (["INSERT", "UPDATE", "DELETE"], f'{prefix}"ORG_RESOURCE_USAGE"'),
        (["INSERT", "UPDATE", "DELETE"], f'{prefix}"ORG_USERS"'),
    ]


#: The role that declares each type; where there are two, the second is for those named in `BY_ANOTHER`.
ROLES = {
    DATABASE: "SYSADMIN",
    SCHEMA: "SYSADMIN",
    TABLE: "SYSADMIN",
    CONSTRAINT: "SYSADMIN",
    DATABASE_ROLE: "SYSADMIN",
    EXECUTE: "SYSADMIN",
    FUNCTION: "SYSADMIN",
    ALERT: "VIDEXA_MAINTENANCE",
    INTEGRATION: "ACCOUNTADMIN",
    VIEW: "SYSADMIN",
    MASKING: "SYSADMIN",
    ROW_ACCESS: "SYSADMIN",
    TAG: "SYSADMIN",
    TAG_ASSOCIATION: "SYSADMIN",
    NETWORK_RULE: "SYSADMIN",
    AUTHENTICATION: "SYSADMIN",
    SESSION: "SYSADMIN",
    PASSWORD: "SYSADMIN",
    PROCEDURE: "SYSADMIN",
    WAREHOUSE: "ACCOUNTADMIN",
    MONITOR: "ACCOUNTADMIN",
    OWNERSHIP: "ACCOUNTADMIN",
    PARAMETER: "ACCOUNTADMIN",
    NETWORK_POLICY: "ACCOUNTADMIN",
    NETWORK_ATTACHMENT: "ACCOUNTADMIN",
    USER_AUTHENTICATION: "ACCOUNTADMIN",
    ACCOUNT_AUTHENTICATION: "ACCOUNTADMIN",
    ACCOUNT_SESSION: "ACCOUNTADMIN",
    ACCOUNT_PASSWORD: "ACCOUNTADMIN",
    ACCOUNT_ROLE: "USERADMIN",
    USER: "USERADMIN",
    PERSON: "USERADMIN",
    KEYS: "USERADMIN",
    GRANT_ROLE: "SECURITYADMIN",
    GRANT_DATABASE_ROLE: "SECURITYADMIN",
    # Snowflake's own application belongs to ACCOUNTADMIN, as its database and the account do.
    GRANT_MODEL: "ACCOUNTADMIN",
    GRANT_TO_ROLE: "SECURITYADMIN",
    GRANT_TO_DATABASE_ROLE: "SECURITYADMIN",
    TASK: "VIDEXA_MAINTENANCE",
}
BY_ANOTHER = {
    # What exists is SYSADMIN's: nothing of it is changed, least of all its monitor.
    (WAREHOUSE, "COMPUTE_WH"): "SYSADMIN",
    # Snowflake's own database and the account belong to ACCOUNTADMIN.
    (EXECUTE, "cortex-from-public"): "ACCOUNTADMIN",
    (EXECUTE, "ai-functions-from-public"): "ACCOUNTADMIN",
    (EXECUTE, "models-from-public"): "ACCOUNTADMIN",
    (GRANT_DATABASE_ROLE, "cortex-user"): "ACCOUNTADMIN",
    (GRANT_TO_ROLE, "cortex-ai-functions"): "ACCOUNTADMIN",
    (GRANT_TO_ROLE, "maintenance-tasks"): "ACCOUNTADMIN",
    (GRANT_TO_ROLE, "maintenance-alerts"): "ACCOUNTADMIN",
    (GRANT_DATABASE_ROLE, "SNOWFLAKE-SECURITY_VIEWER"): "ACCOUNTADMIN",
    (GRANT_DATABASE_ROLE, "SNOWFLAKE-USAGE_VIEWER"): "ACCOUNTADMIN",
    (GRANT_ROLE, "VIDEXA_BREAK_GLASS-ACCOUNTADMIN"): "ACCOUNTADMIN",
    # The owner of a user alters it.
    (EXECUTE, "AGENTNEXUS_SVC-settings"): "USERADMIN",
    # Who owns a tenant's access roles and the procedures that take them away.
    **{
        (DATABASE_ROLE, f"HCS{number:04d}-{role}"): "VIDEXA_TENANT_OPERATOR"
        for number in range(1, 21)
        for role in ("DATABASE_USE", "NEXUSCHAT_READ", "NEXUSCHAT_WRITE", "NEXUSCHAT_OWN")
    },
    (PROCEDURE, "TENANT_MANAGEMENT-SUSPEND_ORGANIZATION"): "VIDEXA_TENANT_OPERATOR",
    (PROCEDURE, "TENANT_MANAGEMENT-RESUME_ORGANIZATION"): "VIDEXA_TENANT_OPERATOR",
}


def test_every_resource_goes_through_the_provider_of_its_role(graph: Graph) -> None:
    resources = [one for one in graph.resources if one.type.startswith("snowflake:")]
    assert {one.type for one in resources} == set(ROLES)
    found = {(one.type, one.name): role_of(graph, one) for one in resources}
    assert {key: role for key, role in found.items() if role != ROLES[key[0]]} == BY_ANOTHER


def test_providers_hold_no_key_and_log_in_by_one(graph: Graph) -> None:
    providers = graph.of(PROVIDER)
    assert len(providers) == 7
    for one in providers:
        assert set(one.inputs) - {"warehouse", "version"} == {
            "organizationName",
            "accountName",
            "user",
            "authenticator",
            "role",
            "previewFeaturesEnabled",
            "experimentalFeaturesEnableds",
        }
        assert one.inputs["authenticator"] == "SNOWFLAKE_JWT"
        assert one.inputs["user"] == "NEXUS_DEPLOY"
    with_warehouse = [one for one in providers if "warehouse" in one.inputs]
    assert [(one.name, one.inputs["warehouse"]) for one in with_warehouse] == [("snowflake-rows", "VIDEXA_SHARED_WH")]
    # A provider cannot log in as a role that is not there yet: it waits for the role and for what the role needs.
    maintenance = graph.one(PROVIDER, "snowflake-maintenance")
    assert maintenance.inputs["role"] == "VIDEXA_MAINTENANCE"
    for type_, name in (
        (ACCOUNT_ROLE, "VIDEXA_MAINTENANCE"),
        (GRANT_ROLE, "VIDEXA_MAINTENANCE-to-SYSADMIN"),
        (GRANT_TO_ROLE, "maintenance-tasks"),
        (GRANT_TO_ROLE, "warehouse-maintenance"),
    ):
        assert graph.one(type_, name).urn in maintenance.dependencies
    operator = graph.one(PROVIDER, "snowflake-operator")
    assert operator.inputs["role"] == "VIDEXA_TENANT_OPERATOR"
    assert graph.one(GRANT_TO_ROLE, "operator-makes-procedures").urn in operator.dependencies
    # The session takes its warehouse at log-in: by then it must be SYSADMIN's.
    for type_, name in ((WAREHOUSE, "VIDEXA_SHARED_WH-warehouse"), (OWNERSHIP, "VIDEXA_SHARED_WH-owner")):
        assert graph.one(type_, name).urn in with_warehouse[0].dependencies


def test_every_preview_resource_has_its_flag(graph: Graph) -> None:
    needed = {
        one.type: f"snowflake_{ALL_PREVIEW[short]}_resource"
        for one in graph.resources
        if (short := one.type.removeprefix("snowflake:index/")) in ALL_PREVIEW
    }
    assert needed == PREVIEW_FEATURES
    for one in graph.resources:
        if one.type in needed:
            provider = graph.one(PROVIDER, one.provider.rsplit("::", 2)[-2])
            enabled = provider.inputs["previewFeaturesEnabled"]
            assert needed[one.type] in (enabled if isinstance(enabled, list) else str(enabled))


def test_what_has_no_name_is_deleted_before_it_is_replaced(graph: Graph) -> None:
    nameless = [one for one in graph.resources if one.type.startswith("snowflake:") and "name" not in one.inputs]
    assert {one.type for one in nameless} == {
        GRANT_ROLE,
        GRANT_MODEL,
        GRANT_DATABASE_ROLE,
        GRANT_TO_ROLE,
        GRANT_TO_DATABASE_ROLE,
        OWNERSHIP,
        EXECUTE,
        PARAMETER,
        NETWORK_ATTACHMENT,
        USER_AUTHENTICATION,
        ACCOUNT_AUTHENTICATION,
        ACCOUNT_SESSION,
        ACCOUNT_PASSWORD,
        TAG_ASSOCIATION,
    }
    assert [one.urn for one in nameless if not one.delete_before_replace] == []


def test_every_name_is_explicit_and_upper_case(graph: Graph) -> None:
    named = [one for one in graph.resources if one.type.startswith("snowflake:") and "name" in one.inputs]
    assert len(named) > 300
    for one in named:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", one.inputs["name"]), one.urn
    for table in graph.of(TABLE):
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", column["name"]) for column in table.inputs["columns"])


def test_what_hangs_on_an_object_depends_on_it_by_a_property(graph: Graph) -> None:
    """Only then does the engine make it again when the object is replaced."""
    database = graph.one(DATABASE, "HCS0001_DB").urn
    for one in graph.under("HCS0001"):
        if one.type in {SCHEMA, TABLE, CONSTRAINT, DATABASE_ROLE, GRANT_DATABASE_ROLE, GRANT_TO_DATABASE_ROLE}:
            assert database in one.dependencies - one.explicit_dependencies, one.urn


def test_explicit_dependencies_are_few(graph: Graph) -> None:
    explicit = {one.name: one.explicit_dependencies for one in graph.under("HCS0001") if one.explicit_dependencies}
    tables = {one.urn for one in graph.of(TABLE, "HCS0001")}
    owner = {graph.one(OWNERSHIP, "HCS0001_WH-owner").urn}
    operator = {graph.one(GRANT_TO_ROLE, "HCS0001-operator").urn}
    assert explicit == {
        "HCS0001-read-tables-all": tables,
        "HCS0001-write-tables-all": tables,
        "HCS0001-DATABASE_USE": operator,
        **{f"HCS0001-NEXUSCHAT_{level}": operator for level in ("READ", "WRITE", "OWN")},
        "HCS0001_WH-application": owner,
        "HCS0001_WH-analyst": owner,
        "HCS0001_WH-administrator": owner,
        # Whoever makes the task must have the schema's OWN by then.
        "HCS0001-COUNT_USAGE": {graph.one(TASK, "HCS0001-DELETE_EXPIRED").urn},
        # And OWN must reach the schema: to hold it before that is to hold nothing.
        "HCS0001-DELETE_EXPIRED": {
            *(
                graph.one(GRANT_DATABASE_ROLE, f"HCS0001-{name}").urn
                for name in ("own-in-maintenance", "use-in-read", "read-in-write", "write-in-own")
            ),
            *(
                graph.one(GRANT_TO_DATABASE_ROLE, f"HCS0001-{name}").urn
                for name in ("use", "read-schema", "own-schema")
            ),
        },
    }


def test_cross_region_inference_is_stated(graph: Graph) -> None:
    assert graph.one(PARAMETER, "CORTEX_ENABLED_CROSS_REGION").inputs == {
        "key": "CORTEX_ENABLED_CROSS_REGION",
        "value": "DISABLED",
    }


def test_rows_are_merged_and_their_withdrawal_keeps_them(graph: Graph) -> None:
    row = graph.one(EXECUTE, "HCS0001-row").inputs
    assert set(row) == {"execute", "revert"}
    table = '"VIDEXA_SHARED"."TENANT_MANAGEMENT"."ORGANIZATIONS"'
    assert row["execute"].startswith(f"MERGE INTO {table} AS KNOWN USING (SELECT 'HCS0001' AS ORGANIZATION_ID, ")
    for value in ("'HCS0001_DB' AS DATABASE_NAME", "'HCS0001_APP' AS APPLICATION_ROLE", "50 AS MONTHLY_CREDITS"):
        assert value in row["execute"]
    assert row["revert"] == f"UPDATE {table} SET REMOVED_AT = SYSDATE() WHERE ORGANIZATION_ID = 'HCS0001'"
    for text in row.values():
        assert not re.search(r"\bUSE\b|\bDELETE\b|\bDROP\b|\bTRUNCATE\b|;", text)


def test_a_rows_columns_are_the_tables(graph: Graph) -> None:
    columns = {column["name"]: column for column in graph.one(TABLE, "VIDEXA_SHARED-ORGANIZATIONS").inputs["columns"]}
    sql = graph.one(EXECUTE, "HCS0001-row").inputs["execute"]
    inserted = re.search(r"INSERT \(([^)]*)\)", sql)
    assert inserted is not None
    names = inserted[1].split(", ")
    assert set(names) <= set(columns)
    # What the row leaves out may be null.
    assert {name for name, column in columns.items() if not column["nullable"]} <= set(names)


def test_a_running_status_is_never_overwritten() -> None:
    matched = declare_row("T", "HCS0001", {"DATABASE_NAME": "D"}).split("WHEN NOT MATCHED")[0]
    assert "STATUS" not in matched
    assert "REMOVED_AT = NULL" in matched


@pytest.mark.parametrize(("value", "text"), [("plain", "'plain'"), ("o'b", "'o''b'"), ("a\\b", "'a\\\\b'"), (5, "5")])
def test_literals_are_escaped(value: str | int, text: str) -> None:
    assert literal(value) == text
