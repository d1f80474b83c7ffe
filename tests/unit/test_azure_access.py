"""Network and identity: what is closed to the world, which ways are private, who deploys, what is taken over."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from components.azure.deploy_identity import HANDED_ON
from components.azure.roles import CONTRIBUTOR, KEY_VAULT_CONTRIBUTOR, ROLE_ADMINISTRATOR
from infra.azure_composition import SECRET_BYTES
from infra.azure_settings import TAKEN_OVER_SECRETS
from infra.program import program
from infra.settings import load_settings
from tests.unit.recording import Graph, declare
from tests.unit.stack_settings import ROOT, as_engine_sends, organisations_file, stack_config
from tests.unit.test_azure import APP, ASSIGNMENT, ENVIRONMENT, IDENTITY, REGISTRY, SECRET, VAULT, references
from tests.unit.test_settings import filled_prod, problems, put

NETWORK = "azure-native:network:VirtualNetwork"
SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"
ENDPOINT = "azure-native:network:PrivateEndpoint"
ZONE = "azure-native:privatedns:PrivateZone"
STORAGE = "azure-native:storage:StorageAccount"


def subnets(graph: Graph) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in graph.one(NETWORK, "network").inputs["subnets"]}


def test_subnets_are_large_enough_apart_and_guarded(graph: Graph) -> None:
    network, found = graph.one(NETWORK, "network"), subnets(graph)
    (space,) = network.inputs["addressSpace"]["addressPrefixes"]
    ranges = {name: ipaddress.IPv4Network(one["addressPrefix"]) for name, one in found.items()}
    assert ranges["applications"].prefixlen <= 27
    assert not ranges["applications"].overlaps(ranges["endpoints"])
    assert all(one.subnet_of(ipaddress.IPv4Network(space)) for one in ranges.values())
    assert [one["serviceName"] for one in found["applications"]["delegations"]] == ["Microsoft.App/environments"]
    assert "delegations" not in found["endpoints"]
    assert found["endpoints"]["privateEndpointNetworkPolicies"] == "Enabled"
    for name, subnet in found.items():
        assert subnet["networkSecurityGroup"] == {"id": f"{name}-rules-id"}


def test_whatever_no_rule_allows_is_denied(graph: Graph) -> None:
    for group, directions in (("applications", {"Inbound", "Outbound"}), ("endpoints", {"Inbound"})):
        rules = graph.one(SECURITY_GROUP, f"{group}-rules").inputs["securityRules"]
        last = [one for one in rules if one["access"] == "Deny"]
        assert {one["direction"] for one in last} == directions
        assert {one["priority"] for one in last} == {4096}
        assert len({(one["direction"], one["priority"]) for one in rules}) == len(rules)
        for one in rules:
            if one["access"] == "Allow" and one["direction"] == "Inbound":
                assert one["sourceAddressPrefix"] not in ("*", "Internet", "0.0.0.0/0"), one["name"]


def test_the_environment_stands_in_the_network_and_has_no_public_side(graph: Graph) -> None:
    environment = graph.one(ENVIRONMENT, "environment")
    assert environment.inputs["vnetConfiguration"] == {
        "internal": True,
        "infrastructureSubnetId": "network-id/subnets/applications",
    }
    assert environment.inputs["publicNetworkAccess"] == "Disabled"
    assert environment.inputs["zoneRedundant"] is False
    assert environment.replace_on_changes == {
        "vnetConfiguration.infrastructureSubnetId",
        "vnetConfiguration.internal",
    }


def test_what_the_apps_call_sees_one_address(graph: Graph) -> None:
    assert subnets(graph)["applications"]["natGateway"] == {"id": "egress-id"}
    gateway = graph.one("azure-native:network:NatGateway", "egress")
    assert gateway.inputs["publicIpAddresses"] == [{"id": "egress-address-id"}]
    address = graph.one("azure-native:network:PublicIPAddress", "egress-address")
    assert (address.inputs["sku"]["name"], address.inputs["publicIPAllocationMethod"]) == ("Standard", "Static")
    assert graph.result["network"] == {"egress_address": "20.0.0.1"}


@pytest.mark.parametrize(
    ("label", "target", "group", "zone"),
    [
        ("vault", "vault-id", "vault", "privatelink.vaultcore.azure.net"),
        ("registry", "registry-id", "registry", "privatelink.azurecr.io"),
        ("archive", "archive-id", "blob", "privatelink.blob.core.windows.net"),
    ],
)
def test_each_service_is_reached_from_within(graph: Graph, label: str, target: str, group: str, zone: str) -> None:
    endpoint = graph.one(ENDPOINT, f"{label}-way-endpoint")
    assert endpoint.inputs["subnet"]["id"] == "network-id/subnets/endpoints"
    (connection,) = endpoint.inputs["privateLinkServiceConnections"]
    assert (connection["privateLinkServiceId"], connection["groupIds"]) == (target, [group])
    assert graph.one(ZONE, f"{label}-way-zone").inputs["privateZoneName"] == zone
    link = graph.one("azure-native:privatedns:VirtualNetworkLink", f"{label}-way-zone-link")
    assert link.inputs["virtualNetwork"] == {"id": "network-id"}
    names = graph.one("azure-native:network:PrivateDnsZoneGroup", f"{label}-way-names")
    assert names.inputs["privateDnsZoneConfigs"] == [{"name": group, "privateDnsZoneId": f"{label}-way-zone-id"}]


def test_nothing_that_holds_data_has_a_public_side(graph: Graph) -> None:
    assert graph.one(VAULT, "vault").inputs["properties"]["publicNetworkAccess"] == "disabled"
    registry = graph.one(REGISTRY, "registry").inputs
    assert (registry["publicNetworkAccess"], registry["adminUserEnabled"]) == ("Disabled", False)
    archive = graph.one(STORAGE, "archive").inputs
    assert archive["publicNetworkAccess"] == "Disabled"
    assert archive["networkRuleSet"] == {"bypass": "AzureServices", "defaultAction": "Deny"}
    assert archive["allowSharedKeyAccess"] is False
    assert archive["allowBlobPublicAccess"] is False
    assert archive["minimumTlsVersion"] == "TLS1_2"


def test_apps_start_after_the_private_ways_stand(graph: Graph) -> None:
    ways = {one.urn for one in graph.of(ENDPOINT)} | {
        one.urn for one in graph.of("azure-native:network:PrivateDnsZoneGroup")
    }
    for one in (*graph.of(APP), *graph.of("azure-native:app:Job")):
        assert ways <= one.dependencies, one.name


def test_the_pipeline_deploys_without_a_password(graph: Graph) -> None:
    credential = graph.one("azure-native:managedidentity:FederatedIdentityCredential", "deploy-github")
    assert credential.inputs["issuer"] == "https://token.actions.githubusercontent.com"
    assert credential.inputs["subject"] == "repo:videxa/nexuschat-platform:environment:local"
    assert credential.inputs["audiences"] == ["api://AzureADTokenExchange"]
    rights = {one.inputs["roleDefinitionId"].rsplit("/", 1)[-1]: one for one in graph.of(ASSIGNMENT, "deploy")}
    assert set(rights) == {CONTRIBUTOR, ROLE_ADMINISTRATOR}
    assert {one.inputs["scope"] for one in rights.values()} == {"resource-group-id"}
    assert "condition" not in rights[CONTRIBUTOR].inputs
    condition = rights[ROLE_ADMINISTRATOR].inputs["condition"]
    assert rights[ROLE_ADMINISTRATOR].inputs["conditionVersion"] == "2.0"
    assert all(condition.count(role) == 2 for role in HANDED_ON)
    assert condition.count("ForAnyOfAnyValues:GuidEquals") == 2
    assert graph.result["deploy_identity"]["client_id"] == "client-of-deploy-identity"
    assert graph.result["deploy_identity"]["principal_id"] == "principal-of-deploy-identity"


def test_no_identity_owns_anything_and_none_is_shared(graph: Graph) -> None:
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    assert not [one for one in graph.of(ASSIGNMENT) if one.inputs["roleDefinitionId"].endswith(owner)]
    used = [
        one.inputs["identity"]["userAssignedIdentities"] for one in (*graph.of(APP), *graph.of("azure-native:app:Job"))
    ]
    assert sorted(identity for (identity,) in used) == sorted(
        f"{one.name}-id" for one in graph.of(IDENTITY) if one.name != "deploy-identity"
    )


# What exists already


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Production, whose vault holds some of the secrets already."""
    config = filled_prod()
    put(config, "azure.vault.existing_secrets", ["nexuschat-creds-key", "nexuschat-creds-iv"])
    put(config, "azure.vault.adopted_settings", "kept")
    put(config, "tenants_file", organisations_file(tmp_path_factory.mktemp("adopted"), 1))
    return declare(program, as_engine_sends(config))


def test_secrets_that_exist_are_referred_to_and_nothing_else(adopted: Graph) -> None:
    taken = {"nexuschat-creds-key", "nexuschat-creds-iv"}
    assert taken.isdisjoint(one.inputs["secretName"] for one in adopted.of(SECRET))
    assert taken.isdisjoint(one.name for one in adopted.of("random:index/randomBytes:RandomBytes"))
    chat = adopted.one(APP, "chat-app")
    assert references(chat)["CREDS_KEY"] == "nexuschat-creds-key"
    configured = {one["name"]: one for one in chat.inputs["configuration"]["secrets"]}
    assert configured["nexuschat-creds-key"]["keyVaultUrl"] == (
        "https://kv-agentnexus-prd-cus.vault.azure.net/secrets/nexuschat-creds-key"
    )
    right = adopted.one(ASSIGNMENT, "chat-reads-nexuschat-creds-key")
    assert right.inputs["scope"] == "vault-id/secrets/nexuschat-creds-key"


def test_a_vault_kept_as_found_is_changed_in_nothing(adopted: Graph) -> None:
    vault = adopted.one(VAULT, "vault")
    assert vault.ignore_changes == {"*"}
    assert vault.protect
    assert vault.retain_on_delete


def test_the_deploy_identity_changes_an_adopted_vault_and_reads_nothing_in_it(adopted: Graph) -> None:
    (right,) = [one for one in adopted.of(ASSIGNMENT, "deploy") if one.name.startswith("deploy-changes-kv-")]
    assert right.inputs["roleDefinitionId"].endswith(KEY_VAULT_CONTRIBUTOR)
    assert right.inputs["scope"] == "vault-id"


def test_every_generated_secret_can_be_taken_over_and_no_other() -> None:
    assert set(TAKEN_OVER_SECRETS) == set(SECRET_BYTES)


# Refusals


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("azure.network.applications", "10.40.0.0/28", "too small: a /27"),
        ("azure.network.applications", "10.99.0.0/24", "not within the address space"),
        ("azure.network.endpoints", "10.40.1.0/26", "overlaps with applications"),
        ("azure.network.address_space", "10.40.0.1/20", "host bits"),
        ("azure.network.address_space", "8.8.0.0/16", "no private IPv4 range"),
        ("azure.archive.name", "st-nexuschat", "no name for a storage account"),
        ("azure.archive.replication", "XRS", "is not a replication"),
        ("azure.deploy_identity.github_repository", "https://github.com/a/b", "no GitHub repository"),
        ("azure.vault.existing_secrets", ["nexuschat-creds-key"], "only an adopted vault"),
        ("azure.registry.adopt", True, "required for a registry that exists"),
        ("azure.alerts.emails", [], "nobody would hear"),
        ("azure.edge.rate_limit_per_minute", 1, "out of bounds"),
        ("azure.edge.custom_domains", {"site": "https://www.example.com"}, "no host name"),
        ("azure.edge.custom_domains", {"site": "a.example.com", "chat": "a.example.com"}, "the site's host too"),
        ("azure.network.zone_redundant", True, "needs 3 replicas"),
    ],
)
def test_refused(config: dict[str, Any], path: str, value: Any, said: str) -> None:
    found = problems(put(config, path, value))
    assert len(found) == 1
    assert said in next(iter(found.values()))


def test_a_snowflake_key_is_never_taken_over() -> None:
    config = put(filled_prod(), "azure.vault.existing_secrets", ["snowflake-private-key"])
    assert "no secret that can be taken over" in problems(config)["nexuschat:azure.vault.existing_secrets"]


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_zones_where_the_setting_asks(stack: str) -> None:
    settings = load_settings(stack_config(stack) if stack == "local" else filled_prod(), ROOT)
    assert settings.azure.network.zone_redundant is (stack == "prod")
    if stack == "prod":
        assert settings.apps.too_few_for_zones() == []
