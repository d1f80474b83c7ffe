"""What is declared on Azure: the vault, the identities and their rights, the four apps, and what must not be there."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from components.azure.roles import ACR_PULL, KEY_VAULT_SECRETS_USER, role_assignment_name
from components.snowflake.service_user import public_key_line
from infra.program import program
from tests.unit.recording import Graph, Registration, declare, private_key
from tests.unit.stack_settings import as_engine_sends, organisations_file
from tests.unit.test_settings import filled_prod

VAULT = "azure-native:keyvault:Vault"
SECRET = "azure-native:keyvault:Secret"
APP = "azure-native:app:ContainerApp"
ENVIRONMENT = "azure-native:app:ManagedEnvironment"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
DIAGNOSTIC = "azure-native:monitor:DiagnosticSetting"
REGISTRY = "azure-native:containerregistry:Registry"
WORKSPACE = "azure-native:operationalinsights:Workspace"
GROUP = "azure-native:resources:ResourceGroup"

VAULT_SECRETS = {
    "nexuschat-api-key",
    "meilisearch-master-key",
    "nexuschat-creds-key",
    "nexuschat-creds-iv",
    "nexuschat-jwt-secret",
    "nexuschat-jwt-refresh-secret",
    "snowflake-private-key",
    "power-bi-private-key",
}
DOMAIN = "example.centralus.azurecontainerapps.io"


def container(app: Registration) -> dict[str, Any]:
    (only,) = app.inputs["template"]["containers"]
    return dict(only)


def variables(app: Registration) -> dict[str, str]:
    """Plain variables."""
    return {one["name"]: one["value"] for one in container(app).get("env", []) if "value" in one}


def references(app: Registration) -> dict[str, str]:
    """Variables that come from the vault, with the secret's name."""
    return {one["name"]: one["secretRef"] for one in container(app).get("env", []) if "secretRef" in one}


def app(graph: Graph, label: str) -> Registration:
    return graph.one(APP, f"{label}-app")


def test_everything_stands_once(graph: Graph) -> None:
    kinds = graph.kinds()
    assert {kind: kinds[kind] for kind in sorted(kinds) if kind.startswith("azure-native:")} == {
        APP: 4,
        "azure-native:app:Job": 1,
        ENVIRONMENT: 1,
        "azure-native:applicationinsights:Component": 1,
        "azure-native:applicationinsights:WebTest": 2,
        "azure-native:applicationinsights:Workbook": 1,
        ASSIGNMENT: 18,
        "azure-native:cdn:AFDEndpoint": 2,
        "azure-native:cdn:AFDOrigin": 2,
        "azure-native:cdn:AFDOriginGroup": 2,
        "azure-native:cdn:Profile": 1,
        "azure-native:cdn:Route": 2,
        "azure-native:cdn:Rule": 2,
        "azure-native:cdn:RuleSet": 1,
        "azure-native:cdn:SecurityPolicy": 1,
        "azure-native:consumption:Budget": 1,
        REGISTRY: 1,
        "azure-native:frontdoor:Policy": 1,
        SECRET: 9,
        VAULT: 1,
        "azure-native:managedidentity:FederatedIdentityCredential": 1,
        IDENTITY: 6,
        "azure-native:monitor:ActionGroup": 1,
        DIAGNOSTIC: 14,
        "azure-native:monitor:MetricAlert": 5,
        "azure-native:monitor:ScheduledQueryRule": 5,
        "azure-native:network:NatGateway": 1,
        "azure-native:network:NetworkSecurityGroup": 2,
        "azure-native:network:PrivateDnsZoneGroup": 3,
        "azure-native:network:PrivateEndpoint": 3,
        "azure-native:network:PublicIPAddress": 1,
        "azure-native:network:VirtualNetwork": 1,
        WORKSPACE: 1,
        "azure-native:privatedns:PrivateZone": 3,
        "azure-native:privatedns:VirtualNetworkLink": 3,
        GROUP: 1,
        "azure-native:storage:ManagementPolicy": 1,
        "azure-native:storage:StorageAccount": 1,
    }


def test_the_vault(graph: Graph) -> None:
    vault = graph.one(VAULT, "vault")
    properties = vault.inputs["properties"]
    assert vault.inputs["vaultName"] == "kv-agentnexus-lcl-cus"
    assert properties["enableRbacAuthorization"] is True
    assert properties["enablePurgeProtection"] is True
    assert properties["softDeleteRetentionInDays"] == 90
    assert properties["publicNetworkAccess"] == "disabled"
    assert properties["networkAcls"] == {"bypass": "AzureServices", "defaultAction": "Deny"}
    assert "accessPolicies" not in properties
    assert vault.import_id == ""


def test_the_vaults_secrets_are_secret_and_each_its_own(graph: Graph) -> None:
    secrets = graph.of(SECRET, "vault")
    assert {one.inputs["secretName"] for one in secrets} == VAULT_SECRETS
    values = [one.inputs["properties"]["value"] for one in secrets]
    assert len(set(values)) == len(values)
    assert {one.secret for one in secrets} == {frozenset({"properties"})}
    key = graph.one(SECRET, "snowflake-private-key")
    assert key.inputs["properties"]["value"] == private_key("AGENTNEXUS_SVC-key-2")
    key = graph.one(SECRET, "power-bi-private-key")
    assert key.inputs["properties"]["value"] == private_key("POWERBI_SVC-key-1")


def test_lengths_of_the_generated_secrets(graph: Graph) -> None:
    generated = {one.name: one.inputs["length"] for one in graph.of("random:index/randomBytes:RandomBytes")}
    assert generated == {
        "nexuschat-api-key": 32,
        "meilisearch-master-key": 32,
        "nexuschat-creds-key": 32,
        "nexuschat-creds-iv": 16,
        "nexuschat-jwt-secret": 32,
        "nexuschat-jwt-refresh-secret": 32,
    }
    for key in graph.of("tls:index/privateKey:PrivateKey"):
        assert key.inputs == {"algorithm": "RSA", "rsaBits": 2048}


def test_no_secrets_value_is_anywhere_but_in_the_vault(graph: Graph) -> None:
    values = {one.inputs["properties"]["value"] for one in graph.of(SECRET, "vault")}
    assert len(values) == len(VAULT_SECRETS)
    for one in graph.resources:
        if one.type != SECRET:
            for value in values:
                assert value not in json.dumps(one.inputs), one.urn
    for outputs in (*graph.outputs.values(), graph.result):
        for value in values:
            assert value not in json.dumps(outputs, default=str)


@pytest.mark.parametrize(
    ("label", "secrets"),
    [
        ("backend", {"nexuschat-api-key", "snowflake-private-key"}),
        ("site", set()),
        (
            "chat",
            {
                "nexuschat-api-key",
                "meilisearch-master-key",
                "nexuschat-creds-key",
                "nexuschat-creds-iv",
                "nexuschat-jwt-secret",
                "nexuschat-jwt-refresh-secret",
                "nexuschat-librechat-yaml",
            },
        ),
        ("search", {"meilisearch-master-key"}),
    ],
)
def test_each_identity_reads_just_its_own_secrets(graph: Graph, label: str, secrets: set[str]) -> None:
    rights = [one for one in graph.of(ASSIGNMENT, label) if "-reads-" in one.name]
    assert {one.inputs["scope"].rsplit("/", 1)[-1] for one in rights} == secrets
    for one in rights:
        assert "/secrets/" in one.inputs["scope"]
        assert one.inputs["principalId"] == f"principal-of-{label}-identity"
        assert one.inputs["principalType"] == "ServicePrincipal"
        assert one.inputs["roleDefinitionId"].endswith(f"/roleDefinitions/{KEY_VAULT_SECRETS_USER}")
    declared = app(graph, label)
    configured = declared.inputs["configuration"].get("secrets", [])
    assert {one["name"] for one in configured} == secrets
    for one in configured:
        assert set(one) == {"name", "keyVaultUrl", "identity"}
        assert one["keyVaultUrl"] == f"https://kv-agentnexus-lcl-cus.vault.azure.net/secrets/{one['name']}"
        assert one["identity"] == f"{label}-identity-id"
    assert set(references(declared).values()) <= secrets
    # The app is made after its rights.
    assert {one.urn for one in rights} <= declared.explicit_dependencies


def test_names_of_assignments_are_stable_guids(graph: Graph) -> None:
    names = [one.inputs["roleAssignmentName"] for one in graph.of(ASSIGNMENT)]
    assert len(set(names)) == len(names) == 18
    assert all(str(uuid.UUID(name)) == name for name in names)
    again = role_assignment_name("S/g/secret", "id-app", KEY_VAULT_SECRETS_USER)
    assert again == role_assignment_name("s/G/secret", "ID-app", KEY_VAULT_SECRETS_USER)
    assert uuid.UUID(again).version == 5
    assert again != role_assignment_name("s/g/other", "id-app", KEY_VAULT_SECRETS_USER)


@pytest.mark.parametrize(
    ("label", "name", "external", "port", "path"),
    [
        ("backend", "agentnexus-backend", False, 8000, "/health"),
        ("site", "agentnexus-site", True, 80, "/"),
        ("chat", "nexuschat", True, 3080, "/health"),
        ("search", "nexuschat-meilisearch", False, 7700, "/health"),
    ],
)
def test_ingress_and_probes(graph: Graph, label: str, name: str, external: bool, port: int, path: str) -> None:
    declared = app(graph, label)
    assert declared.inputs["containerAppName"] == name
    ingress = declared.inputs["configuration"]["ingress"]
    assert (ingress["external"], ingress["targetPort"], ingress["allowInsecure"]) == (external, port, False)
    assert sum(one["weight"] for one in ingress["traffic"]) == 100
    probes = container(declared)["probes"]
    assert [one["type"] for one in probes] == ["Startup", "Liveness", "Readiness"]
    for probe in probes:
        assert (probe["httpGet"]["port"], probe["httpGet"]["path"]) == (port, path)
        assert 1 <= probe["failureThreshold"] <= 48
    assert set(container(declared)["resources"]) == {"cpu", "memory"}
    assert ":" in container(declared)["image"]


def test_scale(graph: Graph) -> None:
    for label in ("backend", "site", "chat"):
        scale = app(graph, label).inputs["template"]["scale"]
        assert (scale["minReplicas"], scale["maxReplicas"]) == (1, 3)
        assert scale["rules"] == [
            {"name": "requests", "http": {"metadata": {"concurrentRequests": "50"}}},
            {"name": "cpu", "custom": {"type": "cpu", "metadata": {"type": "Utilization", "value": "70"}}},
        ]
    assert app(graph, "search").inputs["template"]["scale"] == {"minReplicas": 1, "maxReplicas": 1}


def test_the_searchs_index_lies_on_its_own_disk(graph: Graph) -> None:
    search = app(graph, "search")
    assert search.inputs["template"]["volumes"] == [{"name": "ephemeral", "storageType": "EmptyDir"}]
    assert container(search)["volumeMounts"] == [{"volumeName": "ephemeral", "mountPath": "/meili_data"}]
    assert variables(search) == {
        "MEILI_ENV": "production",
        "MEILI_NO_ANALYTICS": "true",
        "MEILI_LOG_LEVEL": "WARN",
        "MEILI_HTTP_ADDR": "0.0.0.0:7700",
        "MEILI_DB_PATH": "/meili_data/data.ms",
    }
    assert references(search) == {"MEILI_MASTER_KEY": "meilisearch-master-key"}
    for one in graph.of(APP):
        assert "AzureFile" not in str(one.inputs)


def test_the_backends_variables(graph: Graph) -> None:
    backend = app(graph, "backend")
    assert variables(backend) == {
        "AZURE_KEY_VAULT_URL": "https://kv-agentnexus-lcl-cus.vault.azure.net/",
        "SNOWFLAKE_ACCOUNT": "VIDEXA-EMBEDDED",
        "SNOWFLAKE_USER": "AGENTNEXUS_SVC",
        "SNOWFLAKE_AUTHENTICATOR": "SNOWFLAKE_JWT",
        "SNOWFLAKE_ROLE": "VIDEXA_SHARED_APP",
        "SNOWFLAKE_WAREHOUSE": "VIDEXA_SHARED_WH",
        "SNOWFLAKE_DATABASE": "VIDEXA_SHARED",
        "SNOWFLAKE_SCHEMA": "TENANT_MANAGEMENT",
        "SNOWFLAKE_CORTEX_MODEL": "claude-sonnet-4-5",
        "SNOWFLAKE_QUERY_TAG": "{organization_id}:chat",
        # Its log of requests would name conversations.
        "UVICORN_ACCESS_LOG": "false",
        "UVICORN_LOG_LEVEL": "warning",
        "AZURE_CLIENT_ID": "client-of-backend-identity",
    }
    assert references(backend) == {
        "NEXUSCHAT_API_KEY": "nexuschat-api-key",
        "SNOWFLAKE_PRIVATE_KEY": "snowflake-private-key",
    }


def test_the_backends_values_come_from_outputs(graph: Graph) -> None:
    backend = app(graph, "backend")
    for type_, name in [
        (VAULT, "vault"),
        ("snowflake:index/serviceUser:ServiceUser", "AGENTNEXUS_SVC"),
        ("snowflake:index/accountRole:AccountRole", "VIDEXA_SHARED_APP"),
        ("snowflake:index/warehouse:Warehouse", "VIDEXA_SHARED_WH-warehouse"),
        ("snowflake:index/database:Database", "VIDEXA_SHARED"),
        ("snowflake:index/schema:Schema", "VIDEXA_SHARED-TENANT_MANAGEMENT"),
        (SECRET, "snowflake-private-key"),
    ]:
        assert graph.one(type_, name).urn in backend.dependencies, name


def test_the_chats_variables(graph: Graph) -> None:
    chat = app(graph, "chat")
    found = variables(chat)
    assert found == {
        "HOST": "0.0.0.0",
        "PORT": "3080",
        "DOMAIN_CLIENT": "https://chat-nexuschat-local-abcdefgh.z01.azurefd.net",
        "DOMAIN_SERVER": "https://chat-nexuschat-local-abcdefgh.z01.azurefd.net",
        "TRUST_PROXY": "1",
        "NO_INDEX": "true",
        "CONSOLE_JSON": "true",
        "DEBUG_LOGGING": "false",
        "DEBUG_CONSOLE": "false",
        "USE_SNOWFLAKE_STORAGE": "true",
        "AGENTNEXUS_API_URL": f"https://agentnexus-backend.internal.{DOMAIN}",
        "SNOWFLAKE_CORTEX_MODEL": "claude-sonnet-4-5",
        "CONFIG_PATH": "/app/configuration/librechat.yaml",
        "ENDPOINTS": "custom",
        "SEARCH": "true",
        "MEILI_HOST": f"https://nexuschat-meilisearch.internal.{DOMAIN}",
        "MEILI_NO_ANALYTICS": "true",
        "ALLOW_REGISTRATION": "false",
        "ALLOW_SOCIAL_LOGIN": "false",
        "ALLOW_SOCIAL_REGISTRATION": "false",
        "ALLOW_PASSWORD_RESET": "false",
        "ALLOW_UNVERIFIED_EMAIL_LOGIN": "false",
        "ALLOW_ACCOUNT_DELETION": "false",
        "ALLOW_SHARED_LINKS": "false",
        "ALLOW_SHARED_LINKS_PUBLIC": "false",
        "SESSION_EXPIRY": "900000",
        "REFRESH_TOKEN_EXPIRY": "28800000",
        "TENANT_ISOLATION_STRICT": "true",
    }
    assert references(chat) == {
        "AGENTNEXUS_API_KEY": "nexuschat-api-key",
        "MEILI_MASTER_KEY": "meilisearch-master-key",
        "CREDS_KEY": "nexuschat-creds-key",
        "CREDS_IV": "nexuschat-creds-iv",
        "JWT_SECRET": "nexuschat-jwt-secret",
        "JWT_REFRESH_SECRET": "nexuschat-jwt-refresh-secret",
    }
    for label in ("backend", "search"):
        assert app(graph, label).urn in chat.dependencies


def test_both_sides_have_the_same_api_key(graph: Graph) -> None:
    assert (
        references(app(graph, "chat"))["AGENTNEXUS_API_KEY"] == references(app(graph, "backend"))["NEXUSCHAT_API_KEY"]
    )


def test_librechat_has_one_endpoint_and_no_key_of_its_own(graph: Graph) -> None:
    chat = app(graph, "chat")
    assert chat.inputs["template"]["volumes"] == [
        {
            "name": "configuration-0",
            "storageType": "Secret",
            "secrets": [{"secretRef": "nexuschat-librechat-yaml", "path": "librechat.yaml"}],
        }
    ]
    assert container(chat)["volumeMounts"] == [{"volumeName": "configuration-0", "mountPath": "/app/configuration"}]
    file = graph.one(SECRET, "nexuschat-librechat-yaml").inputs["properties"]["value"]
    endpoints = json.loads(file)["endpoints"]
    assert list(endpoints) == ["custom"]
    (endpoint,) = endpoints["custom"]
    assert endpoint["apiKey"] == "${AGENTNEXUS_API_KEY}"
    assert endpoint["baseURL"] == f"https://agentnexus-backend.internal.{DOMAIN}/api"
    assert endpoint["models"] == {"default": ["claude-sonnet-4-5"], "fetch": False}


def test_what_was_removed_stays_removed(graph: Graph) -> None:
    for one in graph.of(APP):
        names = set(variables(one)) | set(references(one))
        assert names or one.name == "site-app"
        for name in names:
            assert not name.startswith(("RAG_", "EMBEDDINGS_", "OPENAI_", "MONGO", "POSTGRES", "DB_")), name
        assert "user_provided" not in variables(one).values()
        assert not any(word in container(one)["image"] for word in ("mongo", "pgvector", "postgres", "rag-api"))


def test_logs_need_no_shared_key_and_apps_talk_encrypted(graph: Graph) -> None:
    environment = graph.one(ENVIRONMENT, "environment")
    assert environment.inputs["appLogsConfiguration"] == {"destination": "azure-monitor"}
    assert environment.inputs["peerTrafficConfiguration"] == {"encryption": {"enabled": True}}


def test_everything_on_azure_goes_through_the_explicit_provider(graph: Graph) -> None:
    (provider,) = graph.of("pulumi:providers:azure-native")
    assert provider.inputs["subscriptionId"] == "00000000-0000-0000-0000-00000000a2e0"
    resources = [one for one in graph.resources if one.type.startswith("azure-native:")]
    assert len(resources) == 107
    assert [one.urn for one in resources if not one.provider.startswith(provider.urn)] == []


def test_nothing_is_protected_where_deletion_protection_is_off(graph: Graph) -> None:
    assert [one.urn for one in graph.resources if one.protect] == []


# The production stack, filled.


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    organisations = organisations_file(tmp_path_factory.mktemp("prod"), 1)
    return declare(program, as_engine_sends(filled_prod() | {"nexuschat:tenants_file": organisations}))


def test_prod_protects_what_holds_data_and_nothing_else(prod: Graph) -> None:
    stateful = {
        "snowflake:index/database:Database",
        "snowflake:index/schema:Schema",
        "snowflake:index/table:Table",
        "snowflake:index/serviceUser:ServiceUser",
        "snowflake:index/user:User",
        "random:index/randomBytes:RandomBytes",
        VAULT,
        SECRET,
        GROUP,
        WORKSPACE,
        ENVIRONMENT,
        REGISTRY,
        "azure-native:network:PublicIPAddress",
        "azure-native:network:VirtualNetwork",
        "azure-native:storage:StorageAccount",
    }
    # Taken over with what is in it: see test_access.
    adopted = {one.urn for one in prod.under("existing")}
    assert {one.type for one in prod.resources if one.protect and one.urn not in adopted} == stateful
    unprotected = [one.name for one in prod.resources if one.type in stateful and not one.protect]
    # It is written anew from the settings at any time.
    assert unprotected == ["nexuschat-librechat-yaml"]


def test_prod_adopts_its_vault(prod: Graph) -> None:
    vault = prod.one(VAULT, "vault")
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert vault.import_id == (
        f"/subscriptions/{guid}/resourceGroups/rg-shared/providers/Microsoft.KeyVault/vaults/kv-agentnexus-prd-cus"
    )
    assert vault.protect
    assert vault.retain_on_delete
    # Its tags are others' too.
    assert vault.ignore_changes == {"tags"}
    assert vault.inputs["resourceGroupName"] == "rg-shared"
    assert {one.inputs["resourceGroupName"] for one in prod.of(SECRET)} == {"rg-shared"}


def test_prod_pulls_the_companys_images_by_identity(prod: Graph) -> None:
    pulls = [one for one in prod.of(ASSIGNMENT) if one.inputs["roleDefinitionId"].endswith(ACR_PULL)]
    assert {one.name for one in pulls} == {"backend-pulls", "chat-pulls", "site-pulls", "index-pulls"}
    assert {one.inputs["scope"] for one in pulls} == {"registry-id"}
    registry = prod.one(REGISTRY, "registry")
    assert registry.import_id.endswith(
        "/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/videxa"
    )
    assert registry.protect
    assert registry.retain_on_delete
    # As it is found: the declaration is not held against it.
    assert registry.ignore_changes == {"*"}
    for label in ("backend", "chat", "site"):
        registries = app(prod, label).inputs["configuration"]["registries"]
        assert registries == [{"server": "videxa.azurecr.io", "identity": f"{label}-identity-id"}]
    assert "registries" not in app(prod, "search").inputs["configuration"]


def test_prod_says_where_its_account_answers(prod: Graph) -> None:
    assert prod.result["account"] == {
        "organization": "VIDEXA",
        "name": "CLINICAL_PRD",
        "host": "videxa-clinical-prd.snowflakecomputing.com",
    }


def test_public_key_in_one_line() -> None:
    assert public_key_line("-----BEGIN PUBLIC KEY-----\nAB\nCD==\n-----END PUBLIC KEY-----\n") == "ABCD=="
