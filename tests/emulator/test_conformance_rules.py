"""The rules beyond the recorded answers: other values, other properties, other types, and previews."""

from __future__ import annotations

import time
from typing import Any

import pytest

from emulator.introspection import ValueType, resource_types, type_spec
from emulator.package import Change, CheckAnswer, CloudError, DiffAnswer
from emulator.snowflake.rules import catalogue, check, diff, is_automatic_name
from emulator.snowflake.rules.model import resource_type
from emulator.snowflake.rules.normalise import data_type, identifier_parts, same_data_type, same_identifier
from emulator.values import UNKNOWN

TOKENS = {token.rsplit(":", 1)[-1]: token for token in resource_types("snowflake")}
COLUMNS = [{"name": "ID", "type": "VARCHAR(64)"}, {"name": "AT", "type": "TIMESTAMP_NTZ(9)"}]
BASES: dict[str, dict[str, Any]] = {
    "Account": {
        "name": "A", "adminName": "ADMIN", "adminPassword": "p", "edition": "STANDARD", "email": "a@b.c",
        "gracePeriodInDays": 3,
    },
    "Alert": {"name": "A", "database": "D", "schema": "S", "warehouse": "W", "condition": "c", "action": "a"},
    "AuthenticationPolicy": {"name": "P", "database": "D", "schema": "S", "authenticationMethods": ["KEYPAIR"]},
    "ComputePool": {"name": "P", "instanceFamily": "CPU_X64_XS", "minNodes": 1, "maxNodes": 1},
    "Database": {"name": "D"},
    "DynamicTable": {
        "name": "T", "database": "D", "schema": "S", "warehouse": "W", "query": "select 1",
        "targetLag": {"maximumDuration": "1 hour"},
    },
    "Execute": {"execute": "CREATE X", "revert": "DROP X"},
    "ExternalFunction": {
        "name": "F", "database": "D", "schema": "S", "apiIntegration": "I", "returnBehavior": "VOLATILE",
        "returnType": "VARIANT", "urlOfProxyAndResource": "https://x.y/z",
    },
    "ExternalOauthIntegration": {
        "name": "I", "enabled": True, "externalOauthIssuer": "https://x.y", "externalOauthType": "CUSTOM",
        "externalOauthSnowflakeUserMappingAttribute": "LOGIN_NAME", "externalOauthTokenUserMappingClaims": ["sub"],
    },
    "FailoverGroup": {"name": "G", "objectTypes": ["DATABASES"], "allowedAccounts": ["O.A"]},
    "FunctionPython": {
        "name": "F", "database": "D", "schema": "S", "handler": "f", "returnType": "VARCHAR", "runtimeVersion": "3.11",
        "arguments": [{"argName": "X", "argDataType": "VARCHAR"}], "functionDefinition": "def f(x): return x",
    },
    "GitRepository": {
        "name": "G", "database": "D", "schema": "S", "origin": "https://x.y/z.git", "apiIntegration": "I",
    },
    "GrantOwnership": {"accountRoleName": "R", "on": {"objectType": "DATABASE", "objectName": "D"}},
    "GrantPrivilegesToAccountRole": {
        "accountRoleName": "R", "privileges": ["SELECT"],
        "onSchemaObject": {"objectType": "TABLE", "objectName": "D.S.T"},
    },
    "GrantPrivilegesToDatabaseRole": {
        "databaseRoleName": "D.R", "privileges": ["SELECT"],
        "onSchemaObject": {"future": {"objectTypePlural": "TABLES", "inSchema": "D.S"}},
    },
    "Listing": {"name": "L", "manifest": {"fromString": "title: x"}},
    "MaskingPolicy": {
        "name": "P", "database": "D", "schema": "S", "body": "x", "returnDataType": "VARCHAR",
        "arguments": [{"name": "X", "type": "VARCHAR"}],
    },
    "NetworkPolicy": {"name": "P", "allowedIpLists": ["10.0.0.0/8"]},
    "NetworkRule": {
        "name": "R", "database": "D", "schema": "S", "type": "IPV4", "mode": "INGRESS", "valueLists": ["10.0.0.1"],
    },
    "Notebook": {"name": "N", "database": "D", "schema": "S"},
    "ObjectParameter": {"key": "JSON_INDENT", "value": "2", "onAccount": True},
    "PasswordPolicy": {"name": "P", "database": "D", "schema": "S"},
    "ResourceMonitor": {"name": "M", "creditQuota": 5, "suspendTrigger": 90, "notifyTriggers": [50]},
    "Schema": {"name": "S", "database": "D"},
    "ScimIntegration": {"name": "I", "enabled": True, "runAsRole": "AAD_PROVISIONER", "scimClient": "AZURE"},
    "Service": {
        "name": "S", "database": "D", "schema": "S", "computePool": "P", "fromSpecification": {"text": "spec: x"},
    },
    "ServiceUser": {"name": "U"},
    "StageInternal": {"name": "S", "database": "D", "schema": "S", "directory": {"enable": True}},
    "StreamOnTable": {"name": "S", "database": "D", "schema": "S", "table": "D.S.T"},
    "StorageIntegrationAws": {
        "name": "I", "enabled": True, "storageAllowedLocations": ["s3://b/"], "storageAwsRoleArn": "arn:x",
        "storageProvider": "S3",
    },
    "Streamlit": {"name": "S", "database": "D", "schema": "S", "mainFile": "a.py", "stage": "D.S.T"},
    "Table": {"name": "T", "database": "D", "schema": "S", "columns": COLUMNS},
    "TableConstraint": {"name": "K", "tableId": "D.S.T", "type": "UNIQUE", "columns": ["ID"]},
    "Tag": {"name": "T", "database": "D", "schema": "S"},
    "TagAssociation": {"objectIdentifiers": ["D"], "objectType": "DATABASE", "tagId": "D.S.T", "tagValue": "v"},
    "Task": {"name": "T", "database": "D", "schema": "S", "sqlStatement": "select 1", "started": True},
    "UserProgrammaticAccessToken": {"name": "T", "user": "U"},
    "UserSessionPolicyAttachment": {"userName": "U", "sessionPolicyName": "D.S.P"},
    "View": {"name": "V", "database": "D", "schema": "S", "statement": "select 1"},
    "Warehouse": {"name": "W", "warehouseSize": "XSMALL"},
}  # fmt: skip


def checked(class_name: str, **given: Any) -> CheckAnswer:
    return check(TOKENS[class_name], {**BASES.get(class_name, {}), **given}, {}, "example", b"seed")


def refused(class_name: str, **given: Any) -> set[str]:
    return {failure.property for failure in checked(class_name, **given).failures}


def changed(class_name: str, old: dict[str, Any], new: dict[str, Any], **more: Any) -> DiffAnswer:
    """The diff from the base with `old` to the base with `new`; None takes a property away."""
    before = checked(class_name, **old)
    after = checked(class_name, **new)
    assert before.failures == []
    assert after.failures == []
    return diff(TOKENS[class_name], before.inputs, after.inputs, name="example", **more)


def verdict(answer: DiffAnswer) -> str:
    return "none" if not answer.changes else "replace" if answer.replaces else "update"


def test_the_bases_pass() -> None:
    for class_name in BASES:
        assert refused(class_name) == set(), class_name


# --- check ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_name", "given", "about"),
    [
        ("Database", {"traceLevel": "SOMETIMES"}, "traceLevel"),
        ("Database", {"dataRetentionTimeInDays": 91}, "dataRetentionTimeInDays"),
        ("Database", {"userTaskTimeoutMs": 86_400_001}, "userTaskTimeoutMs"),
        ("Database", {"userTaskManagedInitialWarehouseSize": "HUGE"}, "userTaskManagedInitialWarehouseSize"),
        ("Database", {"replication": {"enableToAccounts": []}}, "replication.enableToAccounts"),
        ("Schema", {"isTransient": "default"}, "isTransient"),
        ("Schema", {"withManagedAccess": ""}, "withManagedAccess"),
        ("Schema", {"storageSerializationPolicy": "SMALLEST"}, "storageSerializationPolicy"),
        ("Warehouse", {"warehouseSize": "7X-LARGE"}, "warehouseSize"),
        ("Warehouse", {"maxClusterCount": 0}, "maxClusterCount"),
        ("Warehouse", {"queryAccelerationMaxScaleFactor": 101}, "queryAccelerationMaxScaleFactor"),
        ("Warehouse", {"statementTimeoutInSeconds": 604_801}, "statementTimeoutInSeconds"),
        ("Warehouse", {"autoSuspend": "soon"}, "autoSuspend"),
        ("Warehouse", {"autoSuspend": 1.5}, "autoSuspend"),
        ("ResourceMonitor", {"frequency": "HOURLY", "startTimestamp": "x"}, "frequency"),
        ("ResourceMonitor", {"startTimestamp": "2027-01-01 00:00"}, "startTimestamp"),
        ("ResourceMonitor", {"notifyTriggers": [50, 0]}, "notifyTriggers[1]"),
        ("Table", {"columns": []}, "columns"),
        ("Table", {"columns": [{"name": "A", "type": "TEXTUAL"}]}, "columns[0].type"),
        ("Table", {"columns": [{"name": "A", "type": "INT", "width": 3}]}, "columns[0].width"),
        ("Table", {"dataRetentionTimeInDays": -2}, "dataRetentionTimeInDays"),
        ("TableConstraint", {"type": "unique"}, "type"),
        ("TableConstraint", {"tableId": "T"}, "tableId"),
        ("TableConstraint", {"initially": "LATER"}, "initially"),
        ("View", {"dataMetricSchedule": {"minutes": 5}}, "dataMetricSchedule"),
        ("View", {"rowAccessPolicy": {"policyName": "P", "ons": ["A"]}}, "rowAccessPolicy.policyName"),
        ("NetworkRule", {"type": "IPV7"}, "type"),
        ("NetworkPolicy", {"blockedIpLists": ["10.0.0.1", "0.0.0.0/0"]}, "blockedIpLists[1]"),
        ("AuthenticationPolicy", {"authenticationMethods": ["KEYPAIR", "SMILE"]}, "authenticationMethods[1]"),
        ("AuthenticationPolicy", {"patPolicy": {"maxExpiryInDays": 0}}, "patPolicy.maxExpiryInDays"),
        ("PasswordPolicy", {"maxRetries": 0}, "maxRetries"),
        ("PasswordPolicy", {"history": -1}, "history"),
        ("ServiceUser", {"logLevel": "LOUD"}, "logLevel"),
        ("ServiceUser", {"defaultSecondaryRolesOption": "SOME"}, "defaultSecondaryRolesOption"),
        ("ServiceUser", {"minsToUnlock": -5}, "minsToUnlock"),
        ("ServiceUser", {"password": "x"}, "password"),
        ("Task", {"schedule": {"minutes": 1, "usingCron": "* * * * * UTC"}}, "schedule.minutes"),
        ("Task", {"schedule": {}}, "schedule.minutes"),
        ("Task", {"warehouse": "W", "userTaskManagedInitialWarehouseSize": "SMALL"}, "warehouse"),
        ("Task", {"finalize": "D.S.ROOT", "afters": ["D.S.OTHER"]}, "finalize"),
        ("StreamOnTable", {"table": "T"}, "table"),
        ("StreamOnTable", {"at": {"offset": "1"}, "before": {"offset": "1"}}, "at"),
        ("TagAssociation", {"objectIdentifiers": []}, "objectIdentifiers"),
        ("Tag", {"allowedValues": ["a"], "noAllowedValues": True}, "allowedValues"),
        ("Tag", {"onConflict": {"customValue": "x"}}, "onConflict"),
        ("MaskingPolicy", {"arguments": [{"name": "X", "type": "ROUND"}]}, "arguments[0].type"),
        ("GrantOwnership", {"databaseRoleName": "D.R"}, "accountRoleName"),
        ("GrantOwnership", {"on": {"objectType": "PLANET", "objectName": "X"}}, "on.objectType"),
        ("GrantOwnership", {"on": {"all": {"objectTypePlural": "TABLES"}}}, "on.all.inDatabase"),
        ("GrantPrivilegesToAccountRole", {"privileges": []}, "privileges"),
        ("GrantPrivilegesToAccountRole", {"privileges": ["SELECT", "ownership"]}, "privileges[1]"),
        ("GrantPrivilegesToAccountRole", {"privileges": ["USAGE", "IMPORTED PRIVILEGES"]}, "privileges"),
        ("GrantPrivilegesToAccountRole", {"allPrivileges": True}, "allPrivileges"),
        (
            "GrantPrivilegesToAccountRole",
            {"onSchemaObject": None, "onSchema": {"schemaName": "S"}},
            "onSchema.schemaName",
        ),
        (
            "GrantPrivilegesToAccountRole",
            {"onSchemaObject": {"objectType": "PLANET", "objectName": "D.S.T"}},
            "onSchemaObject.objectType",
        ),
        ("GrantPrivilegesToDatabaseRole", {"databaseRoleName": "R"}, "databaseRoleName"),
        ("FunctionPython", {"nullInputBehavior": "SHRUG"}, "nullInputBehavior"),
        ("DynamicTable", {"refreshMode": "SELDOM"}, "refreshMode"),
        # Types whose rules the SDK's descriptions give.
        ("ComputePool", {"instanceFamily": "ABACUS", "maxNodes": 1, "minNodes": 1}, "instanceFamily"),
        ("ImageRepository", {"database": "D", "schema": "S", "encryption": "ROT13"}, "encryption"),
        ("Saml2Integration", {"saml2Provider": "CARDS"}, "saml2Provider"),
        ("WarehouseAdaptive", {"maxQueryPerformanceLevel": "X9LARGE"}, "maxQueryPerformanceLevel"),
    ],
)  # fmt: skip
def test_what_is_refused(class_name: str, given: dict[str, Any], about: str) -> None:
    assert about in refused(class_name, **given)


@pytest.mark.parametrize(
    ("class_name", "given", "about"),
    [
        ("Account", {"gracePeriodInDays": 2}, "gracePeriodInDays"),
        ("Account", {"adminPassword": None}, "adminPassword"),
        ("Account", {"edition": "PREMIUM"}, "edition"),
        ("ComputePool", {"minNodes": 0}, "minNodes"),
        ("ComputePool", {"instanceFamily": "HUGE"}, "instanceFamily"),
        ("ExternalFunction", {"returnBehavior": "volatile"}, "returnBehavior"),
        ("ExternalOauthIntegration", {"externalOauthJwsKeysUrls": ["a", "b", "c", "d"]}, "externalOauthJwsKeysUrls"),
        (
            "ExternalOauthIntegration",
            {"externalOauthJwsKeysUrls": ["a"], "externalOauthRsaPublicKey": "k"},
            "externalOauthRsaPublicKey",
        ),
        ("FailoverGroup", {"objectTypes": ["CASTLES"]}, "objectTypes[0]"),
        (
            "FailoverGroup",
            {"fromReplica": {"name": "G", "organizationName": "O", "sourceAccountName": "A"}},
            "fromReplica",
        ),
        ("GitRepository", {"gitCredentials": "SECRET"}, "gitCredentials"),
        ("Listing", {"name": "1ST"}, "name"),
        ("Listing", {"manifest": {"fromString": "x", "fromStage": {"stage": "D.S.T"}}}, "manifest.fromStage"),
        ("Listing", {"share": "S", "applicationPackage": "P"}, "share"),
        ("Notebook", {"froms": [{"stage": "D.S.T"}]}, "froms"),
        ("ScimIntegration", {"scimClient": "OTHER"}, "scimClient"),
        ("ScimIntegration", {"syncPassword": "yes"}, "syncPassword"),
        ("Service", {"fromSpecification": {"text": "x", "file": "f"}}, "fromSpecification.text"),
        ("Service", {"maxInstances": 0}, "maxInstances"),
        ("StorageIntegrationAws", {"storageProvider": "GCS"}, "storageProvider"),
        ("StorageIntegrationAws", {"storageAwsRoleArn": ""}, "storageAwsRoleArn"),
        ("StorageIntegrationAws", {"storageAllowedLocations": []}, "storageAllowedLocations"),
        ("Streamlit", {"stage": "T"}, "stage"),
        ("UserSessionPolicyAttachment", {"sessionPolicyName": "P"}, "sessionPolicyName"),
    ],
)
def test_what_is_refused_of_the_rarer_types(class_name: str, given: dict[str, Any], about: str) -> None:
    assert about in refused(class_name, **given)


@pytest.mark.parametrize(
    ("class_name", "old", "new", "expected"),
    [
        ("Account", {}, {"email": "other@b.c"}, "none"),
        ("Account", {}, {"edition": "standard"}, "none"),
        ("Account", {}, {"region": "AZURE_WESTEUROPE"}, "replace region"),
        ("Account", {}, {"name": "B"}, "update"),
        ("ComputePool", {}, {"name": "Q"}, "replace name"),
        ("ComputePool", {}, {"instanceFamily": "cpu_x64_xs"}, "none"),
        ("ComputePool", {}, {"instanceFamily": "CPU_X64_S"}, "replace instanceFamily"),
        ("ComputePool", {}, {"maxNodes": 2}, "update"),
        ("ComputePool", {}, {"initiallySuspended": "true"}, "none"),
        ("ExternalFunction", {}, {"returnType": "variant"}, "none"),
        ("ExternalFunction", {}, {"compression": "AUTO"}, "none"),
        ("ExternalFunction", {}, {"maxBatchRows": 5}, "replace maxBatchRows"),
        ("ExternalFunction", {}, {"comment": "c"}, "update"),
        (
            "ExternalOauthIntegration",
            {"externalOauthRsaPublicKey": "k"},
            {"externalOauthRsaPublicKey": " k\n"},
            "none",
        ),
        ("ExternalOauthIntegration", {"externalOauthRsaPublicKey": "k"}, {}, "replace externalOauthRsaPublicKey"),
        ("ExternalOauthIntegration", {}, {"externalOauthRsaPublicKey": "k"}, "update"),
        ("FailoverGroup", {}, {"name": "g"}, "none"),
        ("FailoverGroup", {}, {"allowedAccounts": ["O.A", "O.B"]}, "update"),
        ("GitRepository", {}, {"apiIntegration": '"I"'}, "none"),
        ("GitRepository", {}, {"origin": "https://x.y/other.git"}, "replace origin"),
        ("Listing", {}, {"share": "S"}, "replace share"),
        ("Notebook", {}, {"name": "M"}, "update"),
        ("Notebook", {}, {"mainFile": "a.ipynb"}, "replace mainFile"),
        ("ScimIntegration", {}, {"runAsRole": "aad_provisioner"}, "none"),
        ("ScimIntegration", {}, {"runAsRole": "OTHER"}, "replace runAsRole"),
        ("ScimIntegration", {}, {"enabled": False}, "update"),
        ("Service", {}, {"computePool": "Q"}, "replace computePool"),
        ("Service", {}, {"fromSpecification": {"text": "spec: y"}}, "update"),
        ("StorageIntegrationAws", {}, {"storageProvider": "s3"}, "none"),
        ("StorageIntegrationAws", {}, {"storageProvider": "S3GOV"}, "replace storageProvider"),
        ("StorageIntegrationAws", {}, {"storageAllowedLocations": ["s3://c/"]}, "update"),
        ("Streamlit", {}, {"stage": '"D"."S"."T"'}, "none"),
        ("Streamlit", {}, {"database": "E"}, "replace database"),
        ("Streamlit", {}, {"title": "t"}, "update"),
        ("UserSessionPolicyAttachment", {}, {"sessionPolicyName": "D.S.Q"}, "update"),
        ("UserProgrammaticAccessToken", {}, {"name": "U"}, "update"),
        ("UserProgrammaticAccessToken", {}, {"daysToExpiry": 5}, "replace daysToExpiry"),
        ("ObjectParameter", {}, {"value": "5"}, "update"),
        ("ObjectParameter", {}, {"key": "LOCK_TIMEOUT"}, "replace key"),
        ("UserSessionPolicyAttachment", {}, {"userName": "V"}, "replace userName"),
    ],
)
def test_what_becomes_of_a_change_of_the_rarer_types(
    class_name: str, old: dict[str, Any], new: dict[str, Any], expected: str
) -> None:
    answer = changed(class_name, old, new)
    assert " ".join([verdict(answer), *sorted(answer.replaces)]) == expected


@pytest.mark.parametrize(
    ("class_name", "given"),
    [
        ("Database", {"traceLevel": "on_event", "logLevel": "Warn", "dataRetentionTimeInDays": "90"}),
        ("Schema", {"withManagedAccess": True, "dataRetentionTimeInDays": 0}),
        ("Warehouse", {"warehouseSize": "x4large", "autoResume": False, "autoSuspend": "60"}),
        ("Table", {"columns": [{"name": "A", "type": "double precision"}, {"name": "B", "type": "vector(float, 3)"}]}),
        ("Table", {"columns": [{"name": "A", "type": "INT", "nullable": "false"}]}),
        ("TagAssociation", {"objectType": "database role", "tagId": "x"}),
        ("Alert", {"alertSchedule": {"interval": 0}}),
        ("ServiceUser", {"statementTimeoutInSeconds": -7, "daysToExpiry": 1.0}),
        ("NetworkRule", {"valueLists": "10.0.0.0/8", "mode": "egress"}),
        ("GrantOwnership", {"on": {"future": {"objectTypePlural": "masking policies", "inSchema": "D.S"}}}),
        ("FunctionPython", {"traceLevel": "whatever", "returnType": "TABLE (a VARCHAR(3), b NUMBER(10, 2))"}),
        ("Task", {"schedule": {"usingCron": "0 9 * * * UTC"}}),
        ("PasswordPolicy", {"minLength": 7, "maxLength": 9999}),
    ],
)
def test_what_passes(class_name: str, given: dict[str, Any]) -> None:
    assert refused(class_name, **given) == set()


def test_what_passes_goes_on_typed() -> None:
    inputs = checked(
        "Warehouse", autoSuspend="60", autoResume=True, initiallySuspended="true", maxClusterCount=2.0
    ).inputs
    assert (inputs["autoSuspend"], inputs["autoResume"], inputs["initiallySuspended"]) == (60, "true", True)
    assert inputs["maxClusterCount"] == 2
    assert checked("NetworkPolicy", allowedIpLists="10.0.0.0/8").inputs["allowedIpLists"] == ["10.0.0.0/8"]
    assert "comment" not in checked("Warehouse", comment=None).inputs


def test_a_type_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(CloudError, match="submarine:Submarine"):
        check("snowflake:index/submarine:Submarine", {})
    with pytest.raises(CloudError, match="submarine:Submarine"):
        diff("snowflake:index/submarine:Submarine", {}, {})


def test_names_are_made_up_kept_and_repeatable() -> None:
    token = TOKENS["Database"]
    first = check(token, {}, {}, "Store", b"a").inputs["name"]
    assert is_automatic_name("Store", first)
    assert check(token, {}, {}, "Store", b"a").inputs["name"] == first
    assert check(token, {}, {}, "Store", b"b").inputs["name"] != first
    assert check(token, {}, {"name": first}, "Store", b"b").inputs["name"] == first
    assert is_automatic_name("Store", check(token, {}, {"name": "GIVEN"}, "Store").inputs["name"])
    assert check(token, {"name": UNKNOWN}, {}, "Store").inputs["name"] is UNKNOWN
    assert len(check(token, {}, {}, "x" * 300, b"a").inputs["name"]) == 255
    assert "name" not in check(TOKENS["Execute"], BASES["Execute"], {}, "example").inputs


@pytest.mark.parametrize("class_name", sorted(BASES))
def test_unknown_values_pass(class_name: str) -> None:
    spec = type_spec("snowflake", TOKENS[class_name])
    assert spec is not None
    everything = check(TOKENS[class_name], dict.fromkeys(BASES[class_name], UNKNOWN), {}, "example")
    assert everything.failures == []
    for name in BASES[class_name]:
        assert checked(class_name, **{name: UNKNOWN}).failures == [], name


def test_unknown_values_deep_inside_pass() -> None:
    assert refused("Table", columns=[{"name": UNKNOWN, "type": UNKNOWN}, UNKNOWN]) == set()
    assert refused("GrantPrivilegesToAccountRole", privileges=["SELECT", UNKNOWN]) == set()
    on = {"objectType": "TABLE", "objectName": UNKNOWN}
    assert refused("GrantPrivilegesToAccountRole", onSchemaObject=on) == set()
    assert refused("GrantOwnership", accountRoleName=UNKNOWN) == set()
    assert refused("Task", schedule=UNKNOWN) == set()


def test_refusals_do_not_tell_what_may_be_secret() -> None:
    for failure in checked("SecretWithBasicAuthentication", password={"plain": "hunter2"}, database="D").failures:
        assert "hunter2" not in failure.reason


# --- diff ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_name", "old", "new", "expected"),
    [
        # Spellings of one thing.
        ("Warehouse", {"name": "W"}, {"name": '"W"'}, "none"),
        ("Warehouse", {"name": "W"}, {"name": "w"}, "update"),
        ("Warehouse", {"warehouseSize": "2X-LARGE"}, {"warehouseSize": "xxlarge"}, "none"),
        ("Warehouse", {"scalingPolicy": "standard"}, {"scalingPolicy": "STANDARD"}, "none"),
        ("Warehouse", {"autoSuspend": 60}, {"autoSuspend": "60"}, "none"),
        ("Warehouse", {"autoResume": True}, {"autoResume": "true"}, "none"),
        ("Database", {"logLevel": "INFO"}, {"logLevel": "info"}, "none"),
        ("Database", {"isTransient": False}, {}, "none"),
        ("Database", {"comment": ""}, {}, "none"),
        ("Database", {"name": "D"}, {"name": "E"}, "update"),
        ("View", {"schema": "S"}, {"schema": '"S"'}, "none"),
        ("View", {"statement": "select 1"}, {"statement": "\n SELECT\t1 "}, "none"),
        ("Table", {"schema": "S"}, {"schema": '"S"'}, "replace"),
        (
            "Table",
            {"columns": [{"name": "A", "type": "INT"}]},
            {"columns": [{"name": "A", "type": "NUMBER(38,0)"}]},
            "none",
        ),
        (
            "Table",
            {"columns": [{"name": "A", "type": "TEXT"}]},
            {"columns": [{"name": "A", "type": "VARCHAR(7)"}]},
            "update",
        ),
        (
            "Table",
            {"columns": [{"name": "A", "type": "INT"}]},
            {"columns": [{"name": "A", "type": "INT", "nullable": True, "comment": ""}]},
            "none",
        ),
        ("MaskingPolicy", {"returnDataType": "STRING"}, {"returnDataType": "VARCHAR(16777216)"}, "none"),
        ("MaskingPolicy", {"returnDataType": "VARCHAR"}, {"returnDataType": "NUMBER"}, "replace"),
        ("NetworkRule", {"valueLists": ["1", "2"]}, {"valueLists": ["2", "1"]}, "none"),
        ("NetworkRule", {"type": "IPV4"}, {"type": "ipv4"}, "none"),
        ("NetworkPolicy", {"allowedNetworkRuleLists": ["D.S.R"]}, {"allowedNetworkRuleLists": ['"D"."S"."R"']}, "none"),
        ("AuthenticationPolicy", {"clientTypes": ["DRIVERS"]}, {"clientTypes": ["drivers"]}, "none"),
        ("TagAssociation", {"objectType": "DATABASE"}, {"objectType": "database"}, "none"),
        ("Tag", {"propagate": "NONE"}, {}, "none"),
        ("Tag", {"orderedAllowedValues": ["a", "b"]}, {"orderedAllowedValues": ["b", "a"]}, "update"),
        ("Task", {"afters": ["D.S.A", "D.S.B"]}, {"afters": ['"D"."S"."B"', "D.S.A"]}, "none"),
        ("ServiceUser", {"loginName": "Anna"}, {"loginName": "ANNA"}, "none"),
        ("ServiceUser", {"defaultSecondaryRolesOption": "DEFAULT"}, {}, "none"),
        ("StreamOnTable", {"table": "D.S.T"}, {"table": '"D"."S"."T"'}, "none"),
        ("GrantOwnership", {"accountRoleName": "R"}, {"accountRoleName": '"R"'}, "none"),
        (
            "FunctionPython",
            {"nullInputBehavior": "STRICT"},
            {"nullInputBehavior": "returns null on null input"},
            "none",
        ),
        # What is left out, what comes back to a default, what counts at creation alone.
        ("Warehouse", {"autoSuspend": 60}, {"autoSuspend": None}, "update"),
        ("Warehouse", {"initiallySuspended": True}, {"initiallySuspended": False}, "none"),
        ("Warehouse", {"statementTimeoutInSeconds": 600}, {}, "update"),
        ("Warehouse", {"warehouseSize": "SMALL"}, {"warehouseSize": None}, "replace"),
        ("View", {"copyGrants": True}, {"copyGrants": False}, "none"),
        ("View", {"columns": [{"columnName": "A"}]}, {}, "none"),
        ("Schema", {"withManagedAccess": "true"}, {}, "update"),
        ("Table", {"dataRetentionTimeInDays": -1}, {}, "none"),
        ("FunctionPython", {"comment": "user-defined function"}, {}, "none"),
        ("FunctionPython", {"logLevel": "INFO"}, {}, "update"),
        ("PasswordPolicy", {"schema": "S"}, {"schema": "S2"}, "update"),
        ("PasswordPolicy", {"orReplace": True}, {}, "none"),
        # What replaces and what does not.
        ("Schema", {"isTransient": "false"}, {"isTransient": "true"}, "replace"),
        ("ResourceMonitor", {}, {"suspendTrigger": None}, "update"),
        ("ResourceMonitor", {}, {"suspendTrigger": None, "notifyTriggers": []}, "replace"),
        ("ResourceMonitor", {"name": "M"}, {"name": "N"}, "replace"),
        ("TableConstraint", {"columns": ["ID"]}, {"columns": ["AT"]}, "replace"),
        ("TableConstraint", {"rely": True}, {}, "none"),
        ("TableConstraint", {"rely": True}, {"rely": False}, "replace"),
        ("FunctionPython", {}, {"arguments": [{"argName": "X", "argDataType": "INT"}]}, "update"),
        ("FunctionPython", {}, {"arguments": []}, "replace"),
        ("FunctionPython", {"name": "F"}, {"name": "G"}, "update"),
        ("Alert", {"warehouse": "W"}, {"warehouse": "X"}, "replace"),
        ("DynamicTable", {"query": "select 1"}, {"query": "select 2"}, "replace"),
        ("DynamicTable", {"targetLag": {"maximumDuration": "1 hour"}}, {"targetLag": {"downstream": True}}, "update"),
        ("StageInternal", {}, {"directory": None}, "replace"),
        ("StageInternal", {}, {"directory": {"enable": False}}, "update"),
        ("StageInternal", {}, {"directory": {"enable": True, "autoRefresh": "true"}}, "replace"),
        ("StageInternal", {}, {"encryption": {"snowflakeSse": {}}}, "replace"),
        ("Task", {"comment": "a"}, {"comment": "b"}, "update"),
        ("Execute", {"query": "SELECT 1"}, {"query": "SELECT 2"}, "update"),
        (
            "GrantPrivilegesToAccountRole",
            {"privileges": ["SELECT", "INSERT"]},
            {"privileges": ["INSERT", "SELECT"]},
            "none",
        ),
        (
            "GrantPrivilegesToDatabaseRole",
            {},
            {"onSchemaObject": {"future": {"objectTypePlural": "VIEWS", "inSchema": "D.S"}}},
            "replace",
        ),
        # Types whose rules the SDK's descriptions give.
        (
            "ImageRepository",
            {"name": "R", "database": "D", "schema": "S"},
            {"name": "R", "database": "D", "schema": "S2"},
            "replace",
        ),
        (
            "ComputePool",
            {"name": "P", "instanceFamily": "CPU_X64_XS", "minNodes": 1, "maxNodes": 1},
            {"name": '"P"', "instanceFamily": "cpu_x64_xs", "minNodes": 1, "maxNodes": 1},
            "none",
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_a_change(class_name: str, old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
    assert verdict(changed(class_name, old, new)) == expected


def test_the_order_of_a_replacement() -> None:
    assert changed("Schema", {}, {"database": "D2"}).delete_before_replace
    assert not changed("Schema", {"name": None}, {"name": None, "database": "D2"}).delete_before_replace
    assert changed("Schema", {}, {"name": UNKNOWN, "database": "D2"}).delete_before_replace
    assert not changed("Execute", {}, {"execute": "CREATE Y"}).delete_before_replace
    assert not changed("Schema", {}, {"comment": "x"}).delete_before_replace


def test_how_properties_change() -> None:
    answer = changed(
        "Database",
        {"comment": "a", "catalog": "C"},
        {"comment": "b", "catalog": None, "logLevel": "INFO", "isTransient": True},
    )
    assert answer.changes == {
        "comment": Change.UPDATE,
        "catalog": Change.DELETE,
        "logLevel": Change.ADD,
        "isTransient": Change.ADD_REPLACE,
    }
    assert answer.replaces == ["isTransient"]


@pytest.mark.parametrize(
    ("class_name", "new", "expected"),
    [
        ("Warehouse", {"comment": UNKNOWN}, "update"),
        ("Warehouse", {"initiallySuspended": UNKNOWN}, "none"),
        ("Schema", {"database": UNKNOWN}, "replace"),
        ("Table", {"columns": UNKNOWN}, "update"),
        ("Table", {"columns": [{"name": "ID", "type": UNKNOWN}, COLUMNS[1]]}, "update"),
        ("MaskingPolicy", {"arguments": UNKNOWN}, "replace"),
        ("GrantPrivilegesToAccountRole", {"privileges": ["SELECT", UNKNOWN]}, "update"),
        ("GrantPrivilegesToAccountRole", {"onSchemaObject": {"objectType": "TABLE", "objectName": UNKNOWN}}, "replace"),
    ],
)
def test_unknown_new_values_differ(class_name: str, new: dict[str, Any], expected: str) -> None:
    assert verdict(changed(class_name, {}, new)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("columns", "none"),
        ("columns[1].maskingPolicy", "none"),
        ("columns[*].maskingPolicy", "none"),
        ("*", "none"),
        ("columns[0].maskingPolicy", "update"),
        ("comment", "update"),
    ],
)
def test_ignored_changes(path: str, expected: str) -> None:
    masked = [COLUMNS[0], {**COLUMNS[1], "maskingPolicy": "D.S.P"}]
    assert verdict(changed("Table", {}, {"columns": masked}, ignore_changes=[path])) == expected


def test_an_ignored_property_that_came_or_went() -> None:
    assert verdict(changed("Database", {}, {"comment": "x"}, ignore_changes=["comment"])) == "none"
    assert verdict(changed("Database", {"comment": "x"}, {}, ignore_changes=["comment"])) == "none"
    both = {"comment": "x", "isTransient": True}
    assert changed("Database", {}, both, ignore_changes=["isTransient"]).replaces == []


def test_a_state_alone_shows_no_change_where_there_is_none() -> None:
    state = {
        **BASES["Warehouse"],
        "id": '"W"',
        "fullyQualifiedName": '"W"',
        "statementTimeoutInSeconds": 172_800,
        "comment": "",
        "showOutputs": [{"name": "W"}],
    }
    new = checked("Warehouse").inputs
    assert verdict(diff(TOKENS["Warehouse"], state, new, name="example", old_outputs=state)) == "none"


def test_a_grant_that_always_applies_never_rests() -> None:
    always = {"alwaysApply": True}
    assert verdict(changed("GrantPrivilegesToAccountRole", always, always)) == "none"
    outputs = {"alwaysApplyTrigger": "8c3f"}
    answer = changed("GrantPrivilegesToAccountRole", always, always, old_outputs=outputs)
    assert list(answer.changes) == ["alwaysApplyTrigger"]
    assert answer.replaces == []


# --- all types -----------------------------------------------------------------------------------------


def paths(value: ValueType) -> set[str]:
    while value.element is not None:
        value = value.element
    if value.fields is None:
        return set()
    return {
        path
        for name, spec in value.fields.properties.items()
        for path in (name, *(f"{name}.{inner}" for inner in paths(spec.type)))
    }


def all_paths(class_name: str) -> set[str]:
    spec = type_spec("snowflake", TOKENS[class_name])
    assert spec is not None
    return {
        path
        for name, known in spec.properties.items()
        for path in (name, *(f"{name}.{inner}" for inner in paths(known.type)))
    }


def test_rules_speak_of_properties_that_exist() -> None:
    """Types share tables of rules, so a path may be missing from one of them, but not from all."""
    ruled = [class_name for class_name, token in TOKENS.items() if catalogue.rules_of(token) is not None]
    existing = {class_name: all_paths(class_name) for class_name in ruled}
    assert catalogue.thorough_types() <= set(existing)
    anywhere = set().union(*existing.values())
    for class_name, known in existing.items():
        rules = catalogue.rules_of(TOKENS[class_name])
        assert rules is not None
        assert set(rules.properties) <= anywhere, (class_name, set(rules.properties) - anywhere)
        assert (set(rules.properties) | set(rules.fixed)) & known or rules.together, class_name
        assert set(rules.fixed) <= known, class_name
        for group in rules.together:
            prefix = f"{group.within}." if group.within else ""
            assert {prefix + name for name in (*group.names, *group.others)} <= known, (class_name, group)


@pytest.mark.parametrize("class_name", sorted(TOKENS))
def test_every_type_checks_and_compares(class_name: str) -> None:
    token = TOKENS[class_name]
    type_ = resource_type(token)
    spec = type_spec("snowflake", token)
    assert spec is not None
    unknown = dict.fromkeys(type_.attributes, UNKNOWN)
    answer = check(token, unknown, {}, "example")
    # All at once is more than some types take; no property is refused for its own value.
    assert all("cannot be given together" in f.reason or "only one of" in f.reason for f in answer.failures)
    assert "bogusProperty" in {f.property for f in check(token, {"bogusProperty": 1}).failures}
    missing = {f.property for f in check(token, {}, {}, "example").failures}
    assert set(spec.required) - {"name"} <= missing
    assert diff(token, unknown, unknown) == DiffAnswer()
    assert diff(token, {}, {}) == DiffAnswer()


def test_check_and_diff_are_fast() -> None:
    """Thousands of resources are checked in one preview: well under the 0.3 ms that one may take."""
    token, inputs = TOKENS["Table"], {**BASES["Table"], "columns": COLUMNS * 10}
    check(token, inputs)
    started = time.perf_counter()
    for _ in range(200):
        new = check(token, inputs, {}, "example", b"x").inputs
        diff(token, new, new, name="example")
        diff(token, inputs, new, name="example")
    assert (time.perf_counter() - started) / 600 < 0.003


# --- spellings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VARCHAR(64)", "string( 64 )"),
        ("VARCHAR", "TEXT"),
        ("CHAR", "VARCHAR(1)"),
        ("NUMBER", "DECIMAL(38, 0)"),
        ("NUMERIC(10,2)", "dec(10, 2)"),
        ("BIGINT", "NUMBER(38,0)"),
        ("FLOAT8", "double precision"),
        ("BOOL", "BOOLEAN"),
        ("DATETIME", "TIMESTAMP_NTZ(9)"),
        ("TIMESTAMPTZ(3)", "timestamp with time zone(3)"),
        ("VARBINARY", "BINARY(8388608)"),
        ("TIME", "TIME(9)"),
        ("TABLE (a VARCHAR)", "TABLE(a STRING)"),
    ],
)
def test_data_types_that_are_the_same(one: str, other: str) -> None:
    assert same_data_type(one, other)
    assert same_data_type(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VARCHAR(64)", "VARCHAR(65)"),
        ("NUMBER(10,2)", "NUMBER(10)"),
        ("TIMESTAMP_NTZ", "TIMESTAMP_TZ"),
        ("FLOAT", "NUMBER"),
        ("TABLE (a VARCHAR)", "TABLE (A VARCHAR)"),
        ("NOTATYPE", "NOTATYPE2"),
    ],
)
def test_data_types_that_are_not(one: str, other: str) -> None:
    assert not same_data_type(one, other)


@pytest.mark.parametrize("text", ["", "NOTATYPE", "VARCHAR(x)", "INT(3)", "TIMESTAMP", "NUMBER(1,2,3)", "VARIANT(3)"])
def test_what_is_no_data_type(text: str) -> None:
    assert data_type(text) is None


def test_identifiers() -> None:
    assert identifier_parts('DB."my schema".T') == ("DB", "my schema", "T")
    assert identifier_parts('"a.b".c') == ("a.b", "c")
    assert identifier_parts('a"b') is None
    assert identifier_parts('"a"b') is None
    assert identifier_parts("") == ()
    assert same_identifier("DB.S", '"DB"."S"')
    assert not same_identifier("db", "DB")
    assert not same_identifier("", "DB")
