"""Private ways to vault and registry, jobs, revisions that run, federated credentials, what leaves by one address."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from tests.emulator.azure_provider import ACR_PULL, Azure, Made

GROUP = {"resourceGroupName": "rg-test"}
CLOSED = {"publicNetworkAccess": "disabled", "networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.group()
    return azure


def network(azure: Azure, **applications: Any) -> Made:
    return azure.make("network:VirtualNetwork", "vnet", network_inputs(**applications))


def network_inputs(**applications: Any) -> dict[str, Any]:
    return GROUP | {
        "virtualNetworkName": "vnet",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [
            {
                "name": "apps",
                "addressPrefix": "10.0.0.0/23",
                "delegations": [{"name": "d", "serviceName": "Microsoft.App/environments"}],
            }
            | applications,
            {"name": "endpoints", "addressPrefix": "10.0.2.0/26"},
        ],
    }


def environment(azure: Azure, vnet: Made) -> Made:
    return azure.environment(
        vnetConfiguration={"internal": True, "infrastructureSubnetId": f"{vnet.id}/subnets/apps"},
        publicNetworkAccess="Disabled",
    )


def zone(azure: Azure, name: str, vnet: Made | None = None) -> Made:
    made = azure.make("privatedns:PrivateZone", name, GROUP | {"privateZoneName": name, "location": "global"})
    if vnet is not None:
        azure.make(
            "privatedns:VirtualNetworkLink",
            f"{name}-link",
            GROUP
            | {
                "privateZoneName": name,
                "virtualNetworkLinkName": "network",
                "location": "global",
                "virtualNetwork": {"id": vnet.id},
            },
        )
    return made


def endpoint(azure: Azure, vnet: Made, target: Made, group: str, subnet: str = "endpoints") -> Made:
    return azure.make(
        "network:PrivateEndpoint",
        f"pe-{group}",
        GROUP
        | {
            "privateEndpointName": f"pe-{group}",
            "subnet": {"id": f"{vnet.id}/subnets/{subnet}"},
            "privateLinkServiceConnections": [{"name": group, "privateLinkServiceId": target.id, "groupIds": [group]}],
        },
    )


def names(azure: Azure, endpoint_made: Made, zone_made: Made) -> Made:
    return azure.make(
        "network:PrivateDnsZoneGroup",
        f"{endpoint_made.name}-names",
        GROUP
        | {
            "privateEndpointName": endpoint_made.name,
            "privateDnsZoneGroupName": "default",
            "privateDnsZoneConfigs": [{"name": "z", "privateDnsZoneId": zone_made.id}],
        },
    )


def app_inputs(environment_made: Made, identity: Made, **configuration: Any) -> dict[str, Any]:
    return GROUP | {
        "containerAppName": "backend",
        "environmentId": environment_made.id,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
        "configuration": {"ingress": {"external": True, "targetPort": 8000}, **configuration},
        "template": {
            "containers": [
                {
                    "name": "backend",
                    "image": "testregistry.azurecr.io/backend:1.0.0",
                    "resources": {"cpu": 0.5, "memory": "1Gi"},
                }
            ]
        },
    }


def test_a_closed_vault_is_read_over_a_private_endpoint_and_its_names(azure: Azure) -> None:
    vnet = network(azure)
    vault, secret, identity = azure.vault(**CLOSED), azure.secret(), azure.identity()
    azure.assign(identity.outputs["principalId"], secret.id)
    reference = {
        "name": "api-key",
        "keyVaultUrl": "https://kv-test.vault.azure.net/secrets/api-key",
        "identity": identity.id,
    }
    inputs = app_inputs(environment(azure, vnet), identity, secrets=[reference])
    refusal = "not from a trusted service nor via an approved private link"
    with pytest.raises(AzureError, match=refusal):
        azure.make("app:ContainerApp", "a", inputs)
    way = endpoint(azure, vnet, vault, "vault")
    # The address is there, and nothing leads the vault's name to it.
    with pytest.raises(AzureError, match=refusal):
        azure.make("app:ContainerApp", "a", inputs)
    made = names(azure, way, zone(azure, "privatelink.vaultcore.azure.net", vnet))
    (record,) = made.outputs["privateDnsZoneConfigs"][0]["recordSets"]
    assert (record["recordSetName"], record["ipAddresses"]) == ("kv-test", ["10.0.2.4"])
    azure.make("app:ContainerApp", "a", inputs)


def test_a_zone_that_is_not_linked_leads_nowhere(azure: Azure) -> None:
    vnet = network(azure)
    vault, secret, identity = azure.vault(**CLOSED), azure.secret(), azure.identity()
    azure.assign(identity.outputs["principalId"], secret.id)
    way = endpoint(azure, vnet, vault, "vault")
    names(azure, way, zone(azure, "privatelink.vaultcore.azure.net"))
    reference = {
        "name": "api-key",
        "keyVaultUrl": "https://kv-test.vault.azure.net/secrets/api-key",
        "identity": identity.id,
    }
    with pytest.raises(AzureError, match="approved private link"):
        azure.make("app:ContainerApp", "a", app_inputs(environment(azure, vnet), identity, secrets=[reference]))


def registry(azure: Azure, **more: Any) -> Made:
    return azure.make(
        "containerregistry:Registry",
        "r",
        GROUP | {"registryName": "testregistry", "sku": {"name": "Premium"}, "publicNetworkAccess": "Disabled"} | more,
    )


def test_a_closed_registry_is_pulled_from_over_a_private_endpoint(azure: Azure) -> None:
    vnet, identity, images = network(azure), azure.identity(), registry(azure)
    azure.assign(identity.outputs["principalId"], images.id, ACR_PULL)
    inputs = app_inputs(
        environment(azure, vnet),
        identity,
        registries=[{"server": "testregistry.azurecr.io", "identity": identity.id}],
    )
    with pytest.raises(AzureError, match=r"testregistry\.azurecr\.io refuses public access"):
        azure.make("app:ContainerApp", "a", inputs)
    way = endpoint(azure, vnet, images, "registry")
    made = names(azure, way, zone(azure, "privatelink.azurecr.io", vnet))
    records = {one["recordSetName"] for one in made.outputs["privateDnsZoneConfigs"][0]["recordSets"]}
    assert records == {"testregistry", "testregistry.centralus.data"}
    azure.make("app:ContainerApp", "a", inputs)


def test_no_private_endpoint_in_a_subnet_that_is_delegated(azure: Azure) -> None:
    vnet = network(azure)
    with pytest.raises(AzureError, match="PrivateEndpointCreationNotAllowedAsSubnetIsDelegated"):
        endpoint(azure, vnet, azure.vault(), "vault", "apps")


def test_a_subnet_in_use_keeps_its_range(azure: Azure) -> None:
    vnet = network(azure)
    environment(azure, vnet)
    with pytest.raises(AzureError, match="InUsePrefixCannotBeDeleted"):
        azure.update(vnet, network_inputs(addressPrefix="10.0.4.0/23"))
    azure.update(vnet, network_inputs() | {"tags": {"a": "b"}})


def test_an_internal_environment_has_no_public_side(azure: Azure) -> None:
    vnet = network(azure)
    inputs = {
        **GROUP,
        "environmentName": "cae-test",
        "vnetConfiguration": {"internal": True, "infrastructureSubnetId": f"{vnet.id}/subnets/apps"},
        "publicNetworkAccess": "Enabled",
    }
    assert "publicNetworkAccess" in azure.refusals("app:ManagedEnvironment", inputs)


def address(azure: Azure, name: str = "pip", **more: Any) -> Made:
    inputs = {"publicIpAddressName": name, "sku": {"name": "Standard"}, "publicIPAllocationMethod": "Static"}
    return azure.make("network:PublicIPAddress", name, GROUP | inputs | more)


def gateway(azure: Azure, pip: Made, name: str = "ng") -> Made:
    inputs = {"natGatewayName": name, "sku": {"name": "Standard"}, "publicIpAddresses": [{"id": pip.id}]}
    return azure.make("network:NatGateway", name, GROUP | inputs)


def test_what_leaves_a_network_leaves_by_its_gateways_address(azure: Azure) -> None:
    pip = address(azure)
    nat = gateway(azure, pip)
    vnet = network(azure, natGateway={"id": nat.id})
    made = azure.make("app:ContainerApp", "a", app_inputs(environment(azure, vnet), azure.identity()))
    assert made.outputs["outboundIpAddresses"] == [pip.outputs["ipAddress"]]
    for used in (pip, nat):
        with pytest.raises(AzureError, match="ResourceInUse"):
            azure.delete(used)


def test_an_address_is_standard_static_and_of_one_gateway(azure: Azure) -> None:
    refused = azure.refusals(
        "network:PublicIPAddress",
        GROUP | {"publicIpAddressName": "p", "sku": {"name": "Standard"}, "publicIPAllocationMethod": "Dynamic"},
    )
    assert set(refused) == {"publicIPAllocationMethod"}
    assert "sku.name" in azure.refusals(
        "network:PublicIPAddress", GROUP | {"publicIpAddressName": "p", "sku": {"name": "Basic"}}
    )
    pip = address(azure)
    gateway(azure, pip)
    with pytest.raises(AzureError, match="is in use by 'ng' already"):
        gateway(azure, pip, "second")


# Jobs


def job_inputs(environment_made: Made, **configuration: Any) -> dict[str, Any]:
    return GROUP | {
        "jobName": "index",
        "environmentId": environment_made.id,
        "configuration": {
            "triggerType": "Schedule",
            "replicaTimeout": 600,
            "scheduleTriggerConfig": {"cronExpression": "*/15 * * * *", "parallelism": 1, "replicaCompletionCount": 1},
        }
        | configuration,
        "template": {"containers": [{"name": "index", "image": "example.azurecr.io/index:1.0.0"}]},
    }


def test_a_job_runs_by_its_schedule(azure: Azure) -> None:
    made = azure.make("app:Job", "j", job_inputs(azure.environment()))
    assert made.outputs["provisioningState"] == "Succeeded"
    assert made.outputs["template"]["containers"][0]["resources"]["cpu"] == 0.5
    with pytest.raises(AzureError, match="ResourceInUse"):
        azure.delete(Made("app:ManagedEnvironment", "e", made.outputs["environmentId"], {}, {}))


def test_a_trigger_goes_with_its_configuration(azure: Azure) -> None:
    environment_made = azure.environment()
    place = "configuration.scheduleTriggerConfig"
    manual = job_inputs(environment_made, triggerType="Manual")
    assert set(azure.refusals("app:Job", manual)) == {place}
    event = job_inputs(environment_made, triggerType="Event", scheduleTriggerConfig=None)
    assert set(azure.refusals("app:Job", event)) == {"configuration.eventTriggerConfig"}
    for expression in ("every hour", "* * * *", "*/15 * * * * *"):
        wrong = job_inputs(environment_made, scheduleTriggerConfig={"cronExpression": expression})
        assert set(azure.refusals("app:Job", wrong)) == {f"{place}.cronExpression"}
    many = {"cronExpression": "0 * * * *", "parallelism": 1, "replicaCompletionCount": 2}
    assert set(azure.refusals("app:Job", job_inputs(environment_made, scheduleTriggerConfig=many))) == {
        f"{place}.replicaCompletionCount"
    }


def test_a_job_has_no_probes_and_reads_only_what_it_has(azure: Azure) -> None:
    inputs = job_inputs(azure.environment())
    container = inputs["template"]["containers"][0]
    container["probes"] = [{"type": "Liveness", "httpGet": {"path": "/", "port": 80}}]
    container["env"] = [{"name": "KEY", "secretRef": "missing"}]
    assert set(azure.refusals("app:Job", inputs)) == {
        "template.containers[0].probes",
        "template.containers[0].env[0].secretRef",
    }


# Revisions


def test_in_single_mode_only_the_newest_revision_runs(azure: Azure) -> None:
    inputs = app_inputs(azure.environment(), azure.identity(), activeRevisionsMode="Single")
    inputs["template"]["revisionSuffix"] = "one"
    made = azure.make("app:ContainerApp", "a", inputs)
    newer = copy.deepcopy(inputs)
    newer["template"] |= {"revisionSuffix": "two", "terminationGracePeriodSeconds": 60}
    made = azure.update(made, newer)
    pinned = copy.deepcopy(newer)
    pinned["configuration"] |= {"activeRevisionsMode": "Multiple"}
    pinned["configuration"]["ingress"]["traffic"] = [{"revisionName": "backend--one", "weight": 100}]
    with pytest.raises(AzureError, match="'backend--one', which is not active"):
        azure.update(made, pinned)


def test_in_multiple_mode_the_earlier_revision_takes_requests_again(azure: Azure) -> None:
    inputs = app_inputs(azure.environment(), azure.identity(), activeRevisionsMode="Multiple")
    inputs["template"]["revisionSuffix"] = "one"
    made = azure.make("app:ContainerApp", "a", inputs)
    newer = copy.deepcopy(inputs)
    newer["template"] |= {"revisionSuffix": "two", "terminationGracePeriodSeconds": 60}
    newer["configuration"]["ingress"]["traffic"] = [
        {"revisionName": "backend--one", "weight": 90},
        {"latestRevision": True, "weight": 10},
    ]
    made = azure.update(made, newer)
    assert made.outputs["latestRevisionName"] == "backend--two"
    back = copy.deepcopy(newer)
    back["configuration"]["ingress"]["traffic"] = [
        {"revisionName": "backend--one", "weight": 100},
        {"latestRevision": True, "weight": 0},
    ]
    assert azure.update(made, back).outputs["latestRevisionName"] == "backend--two"


def test_a_suffix_is_never_used_again(azure: Azure) -> None:
    inputs = app_inputs(azure.environment(), azure.identity())
    inputs["template"]["revisionSuffix"] = "one"
    made = azure.make("app:ContainerApp", "a", inputs)
    newer = copy.deepcopy(inputs)
    newer["template"] |= {"revisionSuffix": "two", "terminationGracePeriodSeconds": 60}
    made = azure.update(made, newer)
    with pytest.raises(AzureError, match="revision with suffix one already exists"):
        azure.update(made, inputs)


# Who deploys


def credential_inputs(**more: Any) -> dict[str, Any]:
    return (
        GROUP
        | {
            "resourceName": "id-backend",
            "federatedIdentityCredentialResourceName": "github",
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:videxa/platform:environment:prod",
            "audiences": ["api://AzureADTokenExchange"],
        }
        | more
    )


def test_a_federated_credential_says_whose_tokens_are_taken_once(azure: Azure) -> None:
    azure.identity()
    token = "managedidentity:FederatedIdentityCredential"
    azure.make(token, "c", credential_inputs())
    with pytest.raises(AzureError, match="already exists for this Managed Identity, in 'github'"):
        azure.make(token, "d", credential_inputs(federatedIdentityCredentialResourceName="again"))
    refused = azure.refusals(token, credential_inputs(issuer="http://example.com", audiences=["a", "b"]))
    assert set(refused) == {"issuer", "audiences"}
    with pytest.raises(AzureError, match="ParentResourceNotFound"):
        azure.make(token, "e", credential_inputs(resourceName="nobody"))


def test_a_condition_goes_with_its_version(azure: Azure) -> None:
    identity = azure.identity()
    inputs = {
        "principalId": identity.outputs["principalId"],
        "scope": azure.group_id(),
        "roleDefinitionId": azure.role(ACR_PULL),
    }
    token = "authorization:RoleAssignment"
    assert set(azure.refusals(token, inputs | {"condition": "(true)"})) == {"conditionVersion"}
    assert set(azure.refusals(token, inputs | {"condition": "x", "conditionVersion": "1.0"})) == {"conditionVersion"}
    made = azure.make(token, "a", inputs | {"condition": "(true)", "conditionVersion": "2.0"})
    assert made.outputs["condition"] == "(true)"


# The archive


def test_lifecycle_of_an_archive(azure: Azure) -> None:
    account = azure.make(
        "storage:StorageAccount",
        "s",
        GROUP | {"accountName": "starchive", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
    )
    assert azure.package.store.find(f"{account.id}/blobServices/default") is not None

    def policy(actions: dict[str, Any], name: str = "default") -> dict[str, Any]:
        definition = {"filters": {"blobTypes": ["appendBlob"]}, "actions": {"baseBlob": actions}}
        rule = {"name": "old", "type": "Lifecycle", "definition": definition}
        return GROUP | {"accountName": "starchive", "managementPolicyName": name, "policy": {"rules": [rule]}}

    days = {"daysAfterModificationGreaterThan": 90}
    azure.make("storage:ManagementPolicy", "p", policy({"delete": days}))
    assert any(
        "append blobs change no tier" in said
        for said in azure.refusals("storage:ManagementPolicy", policy({"tierToCool": days})).values()
    )
    assert "managementPolicyName" in azure.refusals("storage:ManagementPolicy", policy({"delete": days}, "mine"))
    azure.delete(account)
    assert azure.package.store.within(account.id) == []
