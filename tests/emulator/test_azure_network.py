"""Networks, private endpoints and DNS, registries, storage, diagnostics, alerts' receivers, budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from tests.emulator.azure_provider import Azure, Made

GROUP = {"resourceGroupName": "rg-test"}


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.group()
    return azure


def network(azure: Azure, **more: Any) -> Made:
    return azure.make(
        "network:VirtualNetwork",
        "vnet",
        GROUP | {"virtualNetworkName": "vnet", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}} | more,
    )


def subnet(azure: Azure, name: str, prefix: str, **more: Any) -> Made:
    return azure.make(
        "network:Subnet",
        name,
        GROUP | {"virtualNetworkName": "vnet", "subnetName": name, "addressPrefix": prefix} | more,
    )


def endpoint_inputs(subnet_id: str, target: str, group: str) -> dict[str, Any]:
    return GROUP | {
        "privateEndpointName": "pe",
        "subnet": {"id": subnet_id},
        "privateLinkServiceConnections": [{"name": "c", "privateLinkServiceId": target, "groupIds": [group]}],
    }


def test_a_subnet_lies_in_its_network_and_over_no_other(azure: Azure) -> None:
    network(azure)
    subnet(azure, "one", "10.0.0.0/24")
    with pytest.raises(AzureError, match="NetcfgInvalidSubnet"):
        subnet(azure, "outside", "10.1.0.0/24")
    with pytest.raises(AzureError, match="NetcfgSubnetRangesOverlap"):
        subnet(azure, "over", "10.0.0.128/25")
    assert (
        "host bits"
        in azure.refusals("network:Subnet", GROUP | {"virtualNetworkName": "vnet", "addressPrefix": "10.0.0.1/24"})[
            "addressPrefix"
        ]
    )


def test_subnets_declared_within_their_network_exist_too(azure: Azure) -> None:
    made = network(azure, subnets=[{"name": "inner", "addressPrefix": "10.0.9.0/24"}])
    inner = made.outputs["subnets"][0]["id"]
    assert inner == f"{made.id}/subnets/inner"
    vault = azure.vault()
    endpoint = azure.make("network:PrivateEndpoint", "pe", endpoint_inputs(inner, vault.id, "vault"))
    with pytest.raises(AzureError, match="InUseSubnetCannotBeDeleted"):
        azure.delete(made)
    azure.delete(endpoint)
    azure.delete(made)
    assert azure.package.store.find(inner) is None


def test_subnets_declared_apart_survive_an_update_of_their_network(azure: Azure) -> None:
    made = network(azure)
    apart = subnet(azure, "apart", "10.0.1.0/24")
    azure.update(made, made.inputs | {"tags": {"a": "b"}, "azureApiVersion": None})
    assert azure.read(apart).id == apart.id


def test_a_security_group_in_use_is_not_deleted(azure: Azure) -> None:
    network(azure)
    rule = {
        "name": "https",
        "priority": 100,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
    }
    inputs = GROUP | {"networkSecurityGroupName": "nsg", "securityRules": [rule]}
    made = azure.make("network:NetworkSecurityGroup", "nsg", inputs)
    assert len(made.outputs["defaultSecurityRules"]) == 6
    subnet(azure, "guarded", "10.0.0.0/24", networkSecurityGroup={"id": made.id})
    with pytest.raises(AzureError, match=r"in use by .*/subnets/guarded"):
        azure.delete(made)
    twice = inputs | {"securityRules": [rule, rule | {"name": "other"}]}
    assert "occurs twice" in azure.refusals("network:NetworkSecurityGroup", twice)["securityRules[1]"]
    low = inputs | {"securityRules": [rule | {"priority": 99}]}
    assert "100 to 4096" in azure.refusals("network:NetworkSecurityGroup", low)["securityRules[0].priority"]


def test_a_private_endpoint_has_an_address_and_a_name_in_private_dns(azure: Azure) -> None:
    net = network(azure)
    sub, vault = subnet(azure, "endpoints", "10.0.0.0/28"), azure.vault()
    made = azure.make("network:PrivateEndpoint", "pe", endpoint_inputs(sub.id, vault.id, "vault"))
    assert made.outputs["customDnsConfigs"] == [{"fqdn": "kv-test.vault.azure.net", "ipAddresses": ["10.0.0.4"]}]
    connection = made.outputs["privateLinkServiceConnections"][0]
    assert connection["privateLinkServiceConnectionState"]["status"] == "Approved"
    zone_inputs = GROUP | {"privateZoneName": "privatelink.vaultcore.azure.net", "location": "Global"}
    zone = azure.make("privatedns:PrivateZone", "zone", zone_inputs)
    link = azure.make(
        "privatedns:VirtualNetworkLink",
        "link",
        GROUP
        | {
            "privateZoneName": "privatelink.vaultcore.azure.net",
            "virtualNetworkLinkName": "link",
            "location": "global",
            "virtualNetwork": {"id": net.id},
        },
    )
    group = azure.make(
        "network:PrivateDnsZoneGroup",
        "zones",
        GROUP
        | {
            "privateEndpointName": "pe",
            "privateDnsZoneGroupName": "default",
            "privateDnsZoneConfigs": [{"name": "vault", "privateDnsZoneId": zone.id}],
        },
    )
    assert group.outputs["provisioningState"] == "Succeeded"
    with pytest.raises(AzureError, match="before nested resources are deleted"):
        azure.delete(zone)
    azure.delete(link)
    azure.delete(zone)
    refused = azure.refusals("privatedns:PrivateZone", zone_inputs | {"location": "centralus"})
    assert "'global' only" in refused["location"]


def test_a_moved_private_endpoint_is_replaced(azure: Azure) -> None:
    network(azure)
    one, two, vault = subnet(azure, "one", "10.0.0.0/28"), subnet(azure, "two", "10.0.1.0/28"), azure.vault()
    made = azure.make("network:PrivateEndpoint", "pe", endpoint_inputs(one.id, vault.id, "vault"))
    assert azure.diff(made, endpoint_inputs(two.id, vault.id, "vault")).replaces == ["subnet.id"]


def test_a_private_endpoint_needs_a_group_of_its_target_and_premium_for_a_registry(azure: Azure) -> None:
    network(azure)
    sub, vault = subnet(azure, "endpoints", "10.0.0.0/28"), azure.vault()
    refused = azure.refusals("network:PrivateEndpoint", endpoint_inputs(sub.id, vault.id, "registry"))
    assert "no group of Microsoft.KeyVault/vaults" in refused["privateLinkServiceConnections[0].groupIds"]
    registry = azure.make(
        "containerregistry:Registry", "acr", GROUP | {"registryName": "example", "sku": {"name": "Standard"}}
    )
    with pytest.raises(AzureError, match="needs Premium"):
        azure.make("network:PrivateEndpoint", "pe", endpoint_inputs(sub.id, registry.id, "registry"))


def test_features_of_a_registry_need_their_sku(azure: Azure) -> None:
    inputs = GROUP | {
        "registryName": "example",
        "sku": {"name": "Basic"},
        "publicNetworkAccess": "Disabled",
        "zoneRedundancy": "Enabled",
    }
    assert set(azure.refusals("containerregistry:Registry", inputs)) == {"publicNetworkAccess", "zoneRedundancy"}
    made = azure.make("containerregistry:Registry", "acr", inputs | {"sku": {"name": "Premium"}})
    assert made.outputs["loginServer"] == "example.azurecr.io"
    azure.group("rg-other")
    other = inputs | {"resourceGroupName": "rg-other", "sku": {"name": "Premium"}}
    with pytest.raises(AzureError, match="AlreadyInUse"):
        azure.make("containerregistry:Registry", "acr2", other)


def test_a_storage_account_has_endpoints_and_a_name_of_its_own(azure: Azure) -> None:
    inputs = GROUP | {"accountName": "examplestate", "kind": "StorageV2", "sku": {"name": "Standard_ZRS"}}
    made = azure.make("storage:StorageAccount", "st", inputs)
    assert made.outputs["primaryEndpoints"]["blob"] == "https://examplestate.blob.core.windows.net/"
    azure.group("rg-other")
    with pytest.raises(AzureError, match="StorageAccountAlreadyTaken"):
        azure.make("storage:StorageAccount", "st2", inputs | {"resourceGroupName": "rg-other"})
    assert "Premium" in azure.refusals("storage:StorageAccount", inputs | {"kind": "FileStorage"})["sku.name"]


def test_a_deleted_workspace_comes_back_as_the_same(azure: Azure) -> None:
    inputs = GROUP | {"workspaceName": "log-test", "retentionInDays": 90}
    made = azure.make("operationalinsights:Workspace", "log", inputs)
    azure.delete(made)
    again = azure.make("operationalinsights:Workspace", "log", inputs)
    assert again.outputs["customerId"] == made.outputs["customerId"]
    assert (
        "30 to 730"
        in azure.refusals("operationalinsights:Workspace", inputs | {"retentionInDays": 7})["retentionInDays"]
    )


def test_diagnostics_go_from_an_existing_resource_s_categories_to_an_existing_workspace(azure: Azure) -> None:
    vault = azure.vault()
    workspace = azure.make("operationalinsights:Workspace", "log", GROUP | {"workspaceName": "log-test"})
    inputs = {
        "resourceUri": vault.id,
        "name": "audit",
        "workspaceId": workspace.id,
        "logs": [{"categoryGroup": "allLogs", "enabled": True}],
    }
    made = azure.make("monitor:DiagnosticSetting", "audit", inputs)
    assert made.id == f"{vault.id}/providers/Microsoft.Insights/diagnosticSettings/audit"
    unknown = inputs | {"name": "other", "logs": [{"category": "Nothing", "enabled": True}]}
    with pytest.raises(AzureError, match=r"Category 'Nothing' is not supported.*AuditEvent"):
        azure.make("monitor:DiagnosticSetting", "other", unknown)
    with pytest.raises(AzureError, match="already used in diagnostic setting 'audit'"):
        azure.make("monitor:DiagnosticSetting", "other", inputs | {"name": "other"})
    nowhere = {name: value for name, value in inputs.items() if name != "workspaceId"}
    assert "requires a destination" in azure.refusals("monitor:DiagnosticSetting", nowhere)["workspaceId"]
    both = inputs | {"logs": [{"category": "AuditEvent", "categoryGroup": "allLogs", "enabled": True}]}
    assert "exactly one" in azure.refusals("monitor:DiagnosticSetting", both)["logs[0]"]


def test_an_action_group_s_short_name_is_short(azure: Azure) -> None:
    inputs = GROUP | {"actionGroupName": "on-call", "groupShortName": "oncall", "location": "Global"}
    receivers = [{"name": "a", "emailAddress": "someone@example.org"}]
    made = azure.make("monitor:ActionGroup", "ag", inputs | {"emailReceivers": receivers})
    assert made.outputs["emailReceivers"][0]["status"] == "Enabled"
    assert "12" in azure.refusals("monitor:ActionGroup", inputs | {"groupShortName": "much-too-long"})["groupShortName"]
    twice = inputs | {"emailReceivers": receivers * 2}
    assert "occurs twice" in azure.refusals("monitor:ActionGroup", twice)["emailReceivers[1]"]


def test_a_budget_begins_with_a_month_and_tells_somebody(azure: Azure) -> None:
    inputs = {
        "scope": azure.group_id(),
        "budgetName": "monthly",
        "amount": 500,
        "category": "Cost",
        "timeGrain": "Monthly",
        "timePeriod": {"startDate": "2026-12-01T00:00:00Z"},
        "notifications": {
            "half": {
                "enabled": True,
                "operator": "GreaterThan",
                "threshold": 50,
                "contactEmails": ["someone@example.org"],
            }
        },
    }
    made = azure.make("consumption:Budget", "budget", inputs)
    assert made.outputs["currentSpend"]["amount"] == 0
    refused = azure.refusals(
        "consumption:Budget",
        inputs
        | {
            "timePeriod": {"startDate": "2026-12-02T00:00:00Z"},
            "notifications": {"n": inputs["notifications"]["half"] | {"contactEmails": [], "threshold": 1001}},
        },
    )
    assert set(refused) == {
        "timePeriod.startDate",
        'notifications["n"].contactEmails',
        "notifications.n.threshold",
    }
    with pytest.raises(AzureError, match="ResourceGroupNotFound"):
        azure.make("consumption:Budget", "b", inputs | {"scope": azure.group_id() + "-nobody", "budgetName": "b"})
