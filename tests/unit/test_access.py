"""Who may log in, and who may do what: users, keys, policies, adoption, the role model and the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.snowflake.governance import GovernanceArgs, masking_body, row_access_body
from components.snowflake.phi import NO_PHI, PHI_CLASSES, PHI_COLUMNS, PHI_TYPES
from components.snowflake.retention import call, expiring
from components.snowflake.role_model import ACCESS_ROLES, BUSINESS_ROLES, FUNCTIONAL_ROLES
from components.snowflake.service_user import KeyGenerations, slot
from components.snowflake.tables import NEXUSCHAT_TABLES, TENANT_MANAGEMENT_TABLES, TableDefinition
from infra import naming
from infra.program import program
from infra.settings import SettingsError, load_settings
from tests.unit.recording import Graph, Registration, declare, private_key
from tests.unit.stack_settings import ROOT, as_engine_sends, organisations_file, stack_config
from tests.unit.test_settings import filled_prod, put

SNOWFLAKE = "snowflake:index/"


def of(graph: Graph, name: str, parent: str | None = None) -> list[Registration]:
    """The resources of a Snowflake type by its class name."""
    return graph.of(f"{SNOWFLAKE}{name[0].lower()}{name[1:]}:{name}", parent)


def one(graph: Graph, class_name: str, name: str) -> Registration:
    (found,) = [resource for resource in of(graph, class_name) if resource.name == name]
    return found


# ── patients' data ───────────────────────────────────────────────────────────────────────────────────────────────────


ALL_TABLES = {**NEXUSCHAT_TABLES, **TENANT_MANAGEMENT_TABLES}


def unclassified(tables: dict[str, TableDefinition]) -> list[str]:
    """The columns that could hold patients' data by their type, and that nobody has looked at."""
    return [
        f"{table}.{column.name}"
        for table, definition in tables.items()
        for column in definition.columns
        if column.type.split("(")[0] in PHI_TYPES
        and column.name not in PHI_COLUMNS.get(table, {})
        and column.name not in NO_PHI
    ]


def test_every_column_that_could_hold_patients_data_is_classified() -> None:
    assert unclassified(ALL_TABLES) == []


def test_a_new_column_that_nobody_classified_is_found() -> None:
    definition = NEXUSCHAT_TABLES["CHAT_MESSAGES"]
    for kind in ("VARCHAR(16777216)", "VARIANT", "ARRAY"):
        column = type(definition.columns[0])("DIAGNOSIS", kind)
        changed = TableDefinition(definition.comment, [*definition.columns, column])
        assert unclassified({"CHAT_MESSAGES": changed}) == ["CHAT_MESSAGES.DIAGNOSIS"]


def test_the_list_names_only_columns_that_there_are() -> None:
    for table, columns in PHI_COLUMNS.items():
        if table in ALL_TABLES:
            assert set(columns) <= {column.name for column in ALL_TABLES[table].columns}, table
        assert set(columns.values()) <= set(PHI_CLASSES)


def test_every_listed_column_is_tagged_and_no_other(graph: Graph) -> None:
    for tenant in ("HCS0001", "HCS0020"):
        tagged = {
            (name, association.inputs["tagValue"])
            for association in of(graph, "TagAssociation", tenant)
            for name in association.inputs["objectIdentifiers"]
        }
        assert tagged == {
            (f'"{tenant}_DB"."NEXUSCHAT"."{table}"."{column}"', phi_class)
            for table in NEXUSCHAT_TABLES
            for column, phi_class in PHI_COLUMNS.get(table, {}).items()
        }
    shared = [name for found in of(graph, "TagAssociation", "governance") for name in found.inputs["objectIdentifiers"]]
    assert sorted(shared) == [
        '"VIDEXA_SHARED"."TENANT_MANAGEMENT"."ORG_USERS"."DISPLAY_NAME"',
        '"VIDEXA_SHARED"."TENANT_MANAGEMENT"."ORG_USERS"."EMAIL"',
    ]
    for found in of(graph, "TagAssociation"):
        assert found.inputs["objectType"] == "COLUMN"
        assert found.inputs["tagId"] == '"VIDEXA_SHARED"."GOVERNANCE"."PHI"'


def test_one_association_for_each_class_of_a_tenant(graph: Graph) -> None:
    classes = [found.inputs["tagValue"] for found in of(graph, "TagAssociation", "HCS0007")]
    assert sorted(classes) == sorted(PHI_CLASSES)


def test_each_type_that_can_hold_patients_data_has_a_mask(graph: Graph) -> None:
    masks = {found.inputs["name"]: found.inputs for found in of(graph, "MaskingPolicy")}
    assert sorted(mask["returnDataType"] for mask in masks.values()) == sorted(PHI_TYPES)
    for mask in masks.values():
        assert mask["arguments"] == [{"name": "VAL", "type": mask["returnDataType"]}]
    tag = one(graph, "Tag", "PHI").inputs
    assert sorted(tag["maskingPolicies"]) == sorted(f'"VIDEXA_SHARED"."GOVERNANCE"."{name}"' for name in masks)
    assert tag["orderedAllowedValues"] == list(PHI_CLASSES)


@pytest.mark.parametrize(
    ("role", "clear"),
    [
        ("HCS0001_APP", True),
        ("HCS0020_APP", True),
        ("VIDEXA_SHARED_APP", True),
        ("HCS0001_ANALYST", False),
        ("HCS0001_ADMIN", False),
        ("VIDEXA_MAINTENANCE", False),
        ("VIDEXA_MONITORING_READER", False),
        ("SYSADMIN", False),
        ("ACCOUNTADMIN", False),
        ("PUBLIC", False),
        ("MY_HCS0001_APP", False),
        ("HCS0001_APPRENTICE", False),
    ],
)
def test_who_sees_patients_data_in_clear(graph: Graph, role: str, clear: bool) -> None:
    """Snowflake's REGEXP_LIKE matches the whole value; the anchors hold it to that wherever else it runs."""
    bodies = {found.inputs["body"] for found in of(graph, "MaskingPolicy")}
    for body in bodies:
        match = re.fullmatch(r"CASE WHEN REGEXP_LIKE\(CURRENT_ROLE\(\), '(.*)'\) THEN VAL ELSE (.*) END", body)
        assert match is not None
        assert bool(re.search(match[1], role)) is clear
        assert match[2] in {"'*****'", "NULL"}


def test_a_pattern_of_roles_must_be_anchored() -> None:
    values: dict[str, Any] = dict.fromkeys(GovernanceArgs.__dataclass_fields__)
    with pytest.raises(ValueError, match="anchored"):
        GovernanceArgs(**values | {"clear_text_roles": "HCS[0-9]{4}_APP"})


def test_policies_are_one_line_of_sql_without_inherited_roles() -> None:
    for body in (masking_body("^A$", "NULL"), row_access_body("_APP", ["B", "A"])):
        assert "IS_ROLE_IN_SESSION" not in body
        assert "\n" not in body
    assert row_access_body("_APP", ["B", "A"]) == (
        "CURRENT_ROLE() = ORGANIZATION_ID || '_APP' OR CURRENT_ROLE() IN ('A', 'B')"
    )


def test_every_shared_table_with_a_tenants_key_is_guarded(graph: Graph) -> None:
    keyed = {
        name
        for name, definition in TENANT_MANAGEMENT_TABLES.items()
        if any(column.name == "ORGANIZATION_ID" for column in definition.columns)
    }
    policy = '"VIDEXA_SHARED"."GOVERNANCE"."TENANT_ROWS"'
    guards = {found.name: found for found in of(graph, "Execute", "governance")}
    assert set(guards) == {f"{name}-rows" for name in keyed}
    for name in keyed:
        table = f'"VIDEXA_SHARED"."TENANT_MANAGEMENT"."{name}"'
        assert guards[f"{name}-rows"].inputs == {
            "execute": f"ALTER TABLE {table} ADD ROW ACCESS POLICY {policy} ON (ORGANIZATION_ID)",
            "revert": f"ALTER TABLE {table} DROP ROW ACCESS POLICY {policy}",
        }
        assert guards[f"{name}-rows"].delete_before_replace
    rows = one(graph, "RowAccessPolicy", "TENANT_ROWS").inputs
    assert rows["arguments"] == [{"name": "ORGANIZATION_ID", "type": "VARCHAR"}]
    assert naming.SHARED_APPLICATION_ROLE in rows["body"]


# ── retention ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_task_deletes_what_expires_in_every_table_that_expires(graph: Graph) -> None:
    tables = expiring(NEXUSCHAT_TABLES)
    assert {"CONVERSATIONS", "CHAT_MESSAGES", "USER_SESSIONS", "FILE_UPLOADS"} <= set(tables)
    assert "USER_PREFERENCES" not in tables
    task = one(graph, "Task", "HCS0003-DELETE_EXPIRED").inputs
    assert task["sqlStatement"] == (
        f"""CALL "VIDEXA_SHARED"."GOVERNANCE"."DELETE_EXPIRED"('HCS0003_DB', 'NEXUSCHAT', '{",".join(tables)}')"""
    )
    assert task["started"] is True
    assert task["schedule"] == {"usingCron": "17 3 * * * UTC"}
    # Its own graph's root: nothing is suspended and resumed for another task's sake.
    assert not {"afters", "finalize"} & task.keys()


def test_what_deletes_runs_with_its_callers_rights(graph: Graph) -> None:
    procedure = one(graph, "ProcedurePython", "GOVERNANCE-DELETE_EXPIRED")
    assert procedure.inputs["executeAs"] == "CALLER"
    assert procedure.inputs["procedureDefinition"].startswith("# ")
    # A changed body drops the grants on it: the future one must be there before it is made again.
    future = one(graph, "GrantPrivilegesToDatabaseRole", "GOVERNANCE-read-procedures-future")
    assert future.urn in procedure.dependencies


def test_literals_of_the_call_are_escaped() -> None:
    assert call("P", "O'B", "S", ["A", "B"]) == "CALL P('O''B', 'S', 'A,B')"


# ── users and their keys ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("current", "first", "declared"), [(1, 1, (1,)), (2, 1, (1, 2)), (5, 1, (4, 5)), (2, 2, (2,)), (3, 2, (2, 3))]
)
def test_the_current_key_pair_and_the_one_before_it_are_declared(
    current: int, first: int, declared: tuple[int, ...]
) -> None:
    assert KeyGenerations(current, first).declared == declared
    assert len({slot(generation) for generation in declared}) == len(declared)


@pytest.mark.parametrize(("current", "first"), [(0, 0), (1, 2), (0, 1)])
def test_a_generation_before_the_first_is_refused(current: int, first: int) -> None:
    with pytest.raises(ValueError, match="comes before the first"):
        KeyGenerations(current, first)


def test_an_adopted_user_keeps_its_key_of_before(graph: Graph) -> None:
    user = one(graph, "ServiceUser", "AGENTNEXUS_SVC")
    assert user.import_id == "AGENTNEXUS_SVC"
    assert user.inputs == {"name": "AGENTNEXUS_SVC"}
    assert user.retain_on_delete
    assert {"rsaPublicKey", "rsaPublicKey2", "networkPolicy", "defaultRole", "comment"} <= user.ignore_changes
    keys = one(graph, "UserPublicKeys", "AGENTNEXUS_SVC-keys")
    # One line, with neither header nor footer, in the second slot: the first has the key of before.
    assert keys.inputs == {"name": "AGENTNEXUS_SVC", "rsaPublicKey2": "MIIBAGENTNEXUS_SVC-key-2"}
    assert keys.ignore_changes == {"rsaPublicKey"}
    settings = one(graph, "Execute", "AGENTNEXUS_SVC-settings").inputs["execute"]
    assert settings == (
        'ALTER USER "AGENTNEXUS_SVC" SET DEFAULT_ROLE = "VIDEXA_SHARED_APP" '
        'DEFAULT_WAREHOUSE = "VIDEXA_SHARED_WH" DEFAULT_SECONDARY_ROLES = ()'
    )


def test_a_user_that_is_made_here(graph: Graph) -> None:
    user = one(graph, "ServiceUser", "POWERBI_SVC")
    assert user.import_id == ""
    assert user.inputs == {
        "name": "POWERBI_SVC",
        "comment": "Power BI's log-in",
        "defaultRole": "VIDEXA_MONITORING_READER",
        "defaultWarehouse": "VIDEXA_SHARED_WH",
        "defaultSecondaryRolesOption": "NONE",
    }
    assert one(graph, "UserPublicKeys", "POWERBI_SVC-keys").inputs == {
        "name": "POWERBI_SVC",
        "rsaPublicKey": "MIIBPOWERBI_SVC-key-1",
    }


def test_each_user_has_its_network_and_each_service_its_key_pair_alone(graph: Graph) -> None:
    networks = {
        user: found.inputs["networkPolicyName"]
        for found in of(graph, "NetworkPolicyAttachment")
        for user in found.inputs.get("users", ["the account"])
    }
    assert networks == {
        "the account": "VIDEXA_ACCOUNT",
        "AGENTNEXUS_SVC": "VIDEXA_APPLICATIONS",
        "POWERBI_SVC": "VIDEXA_POWER_BI",
        "NEXUS_DEPLOY": "VIDEXA_DEPLOYMENT",
        "VIDEXA_BREAK_GLASS": "VIDEXA_PEOPLE",
    }
    held = {found.inputs["userName"]: found.inputs for found in of(graph, "UserAuthenticationPolicyAttachment")}
    assert set(held) == {"AGENTNEXUS_SVC", "POWERBI_SVC", "NEXUS_DEPLOY"}
    for found in held.values():
        assert found["authenticationPolicyName"].endswith('"AUTHENTICATION_SERVICES"')
    assert one(graph, "AuthenticationPolicy", "authentication-services").inputs["authenticationMethods"] == ["KEYPAIR"]


def rotated(tmp_path: Path, generation: int) -> Graph:
    keys = tmp_path / f"keys-{generation}.yaml"
    keys.write_text(f"AGENTNEXUS_SVC: {{generation: {generation}, rotating: true}}\n", encoding="utf-8")
    config = stack_config("local") | {
        "nexuschat:tenants_file": organisations_file(tmp_path, 1),
        "nexuschat:keys_file": str(keys),
    }
    return declare(program, as_engine_sends(config))


def test_a_rotation_takes_the_free_slot_and_the_vault_waits_for_the_user(tmp_path: Path) -> None:
    debug = pulumi.log.debug
    before, after = rotated(tmp_path, 3), rotated(tmp_path, 4)
    pulumi.log.debug = debug
    first, second = (one(graph, "UserPublicKeys", "AGENTNEXUS_SVC-keys") for graph in (before, after))
    assert first.inputs == {
        "name": "AGENTNEXUS_SVC",
        "rsaPublicKey": "MIIBAGENTNEXUS_SVC-key-3",
        "rsaPublicKey2": "MIIBAGENTNEXUS_SVC-key-2",
    }
    assert second.inputs == {**first.inputs, "rsaPublicKey2": "MIIBAGENTNEXUS_SVC-key-4"}
    assert first.ignore_changes == frozenset()
    for graph, generation, public in ((before, 3, first), (after, 4, second)):
        secret = graph.one("azure-native:keyvault:Secret", "snowflake-private-key")
        assert secret.inputs["properties"]["value"] == private_key(f"AGENTNEXUS_SVC-key-{generation}")
        assert public.urn in secret.dependencies


def test_no_key_is_protected_so_that_a_rotation_can_let_go_of_it(prod: Graph) -> None:
    assert [key.name for key in prod.of("tls:index/privateKey:PrivateKey") if key.protect] == []


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("AGENTNEXUS_SVC: {generation: 0}", "keys.yaml AGENTNEXUS_SVC.generation", "at least 1"),
        ("AGENTNEXUS_SVC: {}", "keys.yaml AGENTNEXUS_SVC.generation", "required"),
        ("AGENTNEXUS_SVC: {generation: 1, slot: 2}", "keys.yaml AGENTNEXUS_SVC.slot", "not a setting"),
        ("AGENTNEXUS_SCV: {generation: 1}", "keys.yaml AGENTNEXUS_SCV", "Did you mean AGENTNEXUS_SVC?"),
        ("AGENTNEXUS_SVC: [", "keys.yaml", "is not YAML"),
    ],
)
def test_a_wrong_file_of_keys_is_refused(tmp_path: Path, text: str, where: str, said: str) -> None:
    keys = tmp_path / "keys.yaml"
    keys.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(stack_config("local") | {"nexuschat:keys_file": str(keys)}, ROOT)
    (problem,) = caught.value.problems
    assert problem.where == where
    assert said in f"{problem.rule} {problem.mend}"


def test_a_file_of_keys_that_is_named_must_be_there() -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings(stack_config("local") | {"nexuschat:keys_file": "nowhere.yaml"}, ROOT)


# ── adoption, break-glass ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Graph]:
    debug = pulumi.log.debug
    organisations = organisations_file(tmp_path_factory.mktemp("prod"), 1)
    yield declare(program, as_engine_sends(filled_prod() | {"nexuschat:tenants_file": organisations}))
    pulumi.log.debug = debug


def test_prod_takes_over_what_exists_and_never_makes_or_removes_it(prod: Graph) -> None:
    adopted = {found.name: found for found in (*prod.under("existing"), *of(prod, "ServiceUser")) if found.import_id}
    assert {name: found.import_id for name, found in adopted.items()} == {
        "AGENTNEXUS_DB": "AGENTNEXUS_DB",
        "COMPUTE_WH": "COMPUTE_WH",
        "AGENTNEXUS_AUTH_WRITER": "AGENTNEXUS_AUTH_WRITER",
        "AGENTNEXUS_AUTH_WRITER-to-AGENTNEXUS_SVC": '"AGENTNEXUS_AUTH_WRITER"|USER|"AGENTNEXUS_SVC"',
        "AGENTNEXUS_SVC": "AGENTNEXUS_SVC",
    }
    for found in adopted.values():
        assert found.protect, found.name
        assert found.retain_on_delete, found.name
        # An import fails on an input that says something else than what is there.
        if not found.name.endswith("-to-AGENTNEXUS_SVC"):
            assert set(found.inputs) == {"name"}
            assert found.ignore_changes


def test_without_adoption_nothing_is_imported(tmp_path: Path) -> None:
    debug = pulumi.log.debug
    config = put(stack_config("local"), "snowflake.service_user.adopt", False)
    del config["nexuschat:snowflake"]["existing"]
    graph = declare(program, as_engine_sends(config | {"nexuschat:tenants_file": organisations_file(tmp_path, 1)}))
    pulumi.log.debug = debug
    assert [found.urn for found in graph.resources if found.import_id] == []
    assert one(graph, "ServiceUser", "AGENTNEXUS_SVC").inputs["defaultSecondaryRolesOption"] == "NONE"
    assert one(graph, "UserPublicKeys", "AGENTNEXUS_SVC-keys").inputs.keys() == {"name", "rsaPublicKey"}


def test_the_break_glass_user_is_a_person_disabled_and_known_no_password(graph: Graph) -> None:
    user = one(graph, "User", "VIDEXA_BREAK_GLASS")
    assert user.inputs["disabled"] == "true"
    assert user.inputs["email"] == "break-glass@videxa.example"
    assert user.inputs["defaultRole"] == "PUBLIC"
    assert user.inputs["defaultSecondaryRolesOption"] == "NONE"
    assert "password" not in user.inputs
    assert "password" in user.ignore_changes


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_account_parameters_are_stated(graph: Graph) -> None:
    found = {parameter.inputs["key"]: parameter.inputs["value"] for parameter in of(graph, "AccountParameter")}
    assert found == {
        "ALLOW_CLIENT_MFA_CACHING": "false",
        "ALLOW_ID_TOKEN": "false",
        "CLIENT_ENCRYPTION_KEY_SIZE": "256",
        "CORTEX_ENABLED_CROSS_REGION": "DISABLED",
        "CORTEX_MODELS_ALLOWLIST": "None",
        "EXTERNAL_OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST": "true",
        "MIN_DATA_RETENTION_TIME_IN_DAYS": "1",
        "OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST": "true",
        "PERIODIC_DATA_REKEYING": "true",
        "PREVENT_LOAD_FROM_INLINE_URL": "true",
        "PREVENT_UNLOAD_TO_INLINE_URL": "true",
        "PREVENT_UNLOAD_TO_INTERNAL_STAGES": "true",
        "REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_CREATION": "true",
        "REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_OPERATION": "true",
    }


def test_cortex_is_taken_from_public_and_given_to_applications(graph: Graph) -> None:
    assert one(graph, "Execute", "cortex-from-public").inputs == {
        "execute": "REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE PUBLIC",
        "revert": "GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE PUBLIC",
    }
    assert one(graph, "Execute", "ai-functions-from-public").inputs == {
        "execute": "REVOKE USE AI FUNCTIONS ON ACCOUNT FROM ROLE PUBLIC",
        "revert": "GRANT USE AI FUNCTIONS ON ACCOUNT TO ROLE PUBLIC",
    }
    assert one(graph, "GrantPrivilegesToAccountRole", "cortex-ai-functions").inputs == {
        "accountRoleName": "VIDEXA_CORTEX_USER",
        "privileges": ["USE AI FUNCTIONS"],
        "onAccount": True,
    }
    assert one(graph, "GrantDatabaseRole", "cortex-user").inputs == {
        "databaseRoleName": '"SNOWFLAKE"."CORTEX_USER"',
        "parentRoleName": "VIDEXA_CORTEX_USER",
    }
    holders = {
        found.inputs["parentRoleName"]
        for found in of(graph, "GrantAccountRole")
        if found.inputs["roleName"] == "VIDEXA_CORTEX_USER"
    }
    assert holders == {"SYSADMIN", "VIDEXA_SHARED_APP", *(f"HCS{number:04d}_APP" for number in range(1, 21))}


def test_models_are_taken_from_public_and_given_to_applications(graph: Graph) -> None:
    procedure = "SNOWFLAKE.LOCAL.{}_PUBLIC_APPLICATION_ROLE('APP_ROLE', 'CORTEX-MODEL-ROLE-ALL')"
    assert one(graph, "Execute", "models-from-public").inputs == {
        "execute": f"CALL {procedure.format('REVOKE_FROM')}",
        "revert": f"CALL {procedure.format('GRANT_TO')}",
    }
    granted = {
        (found.inputs["parentAccountRoleName"], found.inputs["applicationRoleName"])
        for found in of(graph, "GrantApplicationRole")
    }
    assert granted == {
        (f"HCS{number:04d}_APP", f'"SNOWFLAKE"."CORTEX-MODEL-ROLE-CLAUDE-SONNET-4-{version}"')
        for number in range(1, 21)
        for version in (5, 6)
    }


def test_a_session_ends_when_idle_and_acts_in_one_role(graph: Graph) -> None:
    (policy,) = of(graph, "SessionPolicy")
    assert policy.inputs["allowedSecondaryRoles"] == {"none": True}
    assert policy.inputs["sessionIdleTimeoutMins"] == policy.inputs["sessionUiIdleTimeoutMins"] == 15
    # It is everybody's: no user has another one.
    assert of(graph, "UserSessionPolicyAttachment") == []
    assert [one.inputs["sessionPolicyName"] for one in of(graph, "AccountSessionPolicyAttachment")] == [
        '"VIDEXA_SHARED"."GOVERNANCE"."SESSION"'
    ]


def test_policies_hold_for_the_account_after_the_deploy_principal_has_its_own(graph: Graph) -> None:
    own = {one(graph, "UserAuthenticationPolicyAttachment", "NEXUS_DEPLOY-authentication").urn}
    own.add(one(graph, "NetworkPolicyAttachment", "NEXUS_DEPLOY-network").urn)
    for class_name in (
        "AccountAuthenticationPolicyAttachment",
        "AccountSessionPolicyAttachment",
        "AccountPasswordPolicyAttachment",
    ):
        (attachment,) = of(graph, class_name)
        assert own <= attachment.explicit_dependencies
    assert own <= one(graph, "NetworkPolicyAttachment", "account-network").explicit_dependencies
    people = one(graph, "AuthenticationPolicy", "authentication-people").inputs
    assert people["mfaEnrollment"] == "REQUIRED"
    assert "KEYPAIR" not in people["authenticationMethods"]
    session = one(graph, "SessionPolicy", "session").inputs
    assert max(session["sessionIdleTimeoutMins"], session["sessionUiIdleTimeoutMins"]) <= 15
    assert one(graph, "PasswordPolicy", "password").inputs["minLength"] >= 14


def test_no_network_is_everybodys(graph: Graph, prod: Graph) -> None:
    for stack in (graph, prod):
        ranges = [address for rule in of(stack, "NetworkRule") for address in rule.inputs["valueLists"]]
        assert len(ranges) == 4
        assert all(int(address.split("/")[1]) >= 8 for address in ranges)
    assert "127.0.0.0/8" not in str([rule.inputs for rule in of(prod, "NetworkRule")])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("log_in.networks.people", ["0.0.0.0/0"], "never 0.0.0.0/0"),
        ("log_in.networks.people", ["10.0.0.1/8"], "no bit set behind its prefix"),
        ("log_in.networks.people", ["::1/128"], "IPv4"),
        ("log_in.networks.people", [], "must not be empty"),
        ("log_in.idle_minutes", 16, "5 to 15 minutes"),
        ("log_in.password.minimum_length", 13, "14 to 256 characters"),
        ("log_in.person_methods", ["KEYPAIR"], "is not a way in which a person may log in"),
        ("break_glass.email", "nobody", "is no mail address"),
        ("break_glass", {"name": "NEXUS_DEPLOY", "email": "a@b.example"}, "each has its own rights"),
        ("power_bi_user", {"name": "AGENTNEXUS_SVC"}, "each has its own rights"),
        ("retention_schedule", "every day", "is no schedule"),
        ("account_parameters.min_data_retention_time_in_days", 91, "0 to 90 days"),
        ("account_parameters.colour", True, "is not a setting"),
    ],
)
def test_refused_setting(config: dict[str, Any], path: str, value: Any, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(put(config, f"snowflake.{path}", value), ROOT)
    (problem,) = caught.value.problems
    assert problem.where.startswith(f"nexuschat:snowflake.{path}")
    assert said in f"{problem.rule} {problem.mend}"


def test_the_embedded_clouds_network_is_refused_elsewhere() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(put(filled_prod(), "snowflake.log_in.networks.people", ["127.0.0.0/8"]), ROOT)
    assert "loopback" in caught.value.problems[0].rule


# ── the role model ───────────────────────────────────────────────────────────────────────────────────────────────────


def held_by(graph: Graph, role: str) -> set[str]:
    """What an account role is granted itself, in the role model's words; the tenants' parts as those of one."""

    def said(text: str) -> str:
        return re.sub(r"^HCS\d{4}", "HCSnnnn", text.replace('"', ""))

    def every(text: str) -> str:
        return f"every {said(text)}" if said(text).startswith("HCSnnnn") and not role.startswith("HCS") else said(text)

    found = set()
    for grant in of(graph, "GrantDatabaseRole"):
        if grant.inputs.get("parentRoleName") == role:
            name = said(grant.inputs["databaseRoleName"])
            found.add(f"{name} of every tenant" if name.startswith("HCS") and not role.startswith("HCS") else name)
    for grant in of(graph, "GrantAccountRole"):
        if grant.inputs.get("parentRoleName") == role:
            found.add(said(grant.inputs["roleName"]))
    for grant in of(graph, "GrantPrivilegesToAccountRole"):
        if grant.inputs["accountRoleName"] == role:
            on = grant.inputs.get("onAccountObject") or grant.inputs.get("onSchemaObject") or {}
            schema = grant.inputs.get("onSchema", {}).get("schemaName")
            name = said(schema) if schema else every(on["objectName"]) if on else "the account"
            found |= {f"{privilege} on {name}" for privilege in grant.inputs["privileges"]}
    for grant in of(graph, "GrantOwnership"):
        if grant.inputs["accountRoleName"] == role:
            found.add(f"OWNERSHIP on {every(grant.inputs['on']['objectName'])}")
    return found


@pytest.mark.parametrize("role", BUSINESS_ROLES, ids=lambda role: role.name)
def test_a_business_role_holds_what_the_model_says(graph: Graph, role: Any) -> None:
    assert held_by(graph, role.name) == set(role.holds)


def test_a_tenants_roles_hold_what_the_model_says(graph: Graph) -> None:
    for role in FUNCTIONAL_ROLES:
        access = f"HCSnnnn_DB.{role.access.name('NEXUSCHAT') if role.access else 'DATABASE_USE'}"
        warehouse = {f"{privilege} on HCSnnnn_WH" for privilege in role.warehouse}
        inherited = {"VIDEXA_CORTEX_USER"} if role.suffix == "APP" else set()
        assert held_by(graph, f"HCS0005_{role.suffix}") == {access, *warehouse, *inherited}
    declared = {found.inputs["name"] for found in of(graph, "DatabaseRole", "HCS0005")}
    assert declared == {"DATABASE_USE", *(level.name("NEXUSCHAT") for level in ACCESS_ROLES)}


def test_every_account_role_is_in_the_model_and_under_sysadmin(graph: Graph) -> None:
    declared = {re.sub(r"HCS\d{4}", "HCSnnnn", found.inputs["name"]) for found in of(graph, "AccountRole")}
    assert declared == {
        *(f"HCSnnnn_{role.suffix}" for role in FUNCTIONAL_ROLES),
        *(role.name for role in BUSINESS_ROLES),
        "AGENTNEXUS_AUTH_WRITER",
    }
    under = {
        found.inputs["roleName"]
        for found in of(graph, "GrantAccountRole")
        if found.inputs.get("parentRoleName") == "SYSADMIN"
    }
    assert under == {found.inputs["name"] for found in of(graph, "AccountRole")}


def test_no_role_or_user_but_the_models_holds_a_business_role(graph: Graph) -> None:
    for role in BUSINESS_ROLES:
        users = {
            found.inputs["userName"]
            for found in of(graph, "GrantAccountRole")
            if found.inputs["roleName"] == role.name and found.inputs.get("userName")
        }
        assert users == {holder for holder in role.holders if holder.endswith("_SVC")}


def test_the_bootstrap_names_the_settings_users_and_roles() -> None:
    settings = load_settings(stack_config("prod") | filled_prod(), ROOT).snowflake
    text = (ROOT / "cli" / "deploy_principal.sql").read_text(encoding="utf-8")
    granted = set(re.findall(rf"GRANT ROLE (\w+) TO USER {settings.user};", text))
    assert granted == {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN"}
    assert settings.existing is not None
    handed_over = set(re.findall(r"GRANT OWNERSHIP ON \w+ (\w+) TO ROLE", text))
    assert handed_over == {
        settings.existing.database,
        settings.existing.warehouse,
        settings.existing.role,
        settings.service_user.name,
    }
    assert "<RSA_PUBLIC_KEY>" in text
