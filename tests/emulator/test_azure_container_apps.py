"""Container Apps: environments, apps, revisions, and what Azure refuses of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from emulator.values import UNKNOWN
from tests.emulator.azure_provider import ACR_PULL, Azure, Made


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.group()
    return azure


def app_inputs(environment: Made | str, **configuration: Any) -> dict[str, Any]:
    return {
        "resourceGroupName": "rg-test",
        "containerAppName": "backend",
        "environmentId": environment if isinstance(environment, str) else environment.id,
        "configuration": {"ingress": {"external": True, "targetPort": 8000}, **configuration},
        "template": {
            "containers": [
                {
                    "name": "backend",
                    "image": "example.azurecr.io/backend:1.0.0",
                    "resources": {"cpu": 0.5, "memory": "1Gi"},
                    "probes": [{"type": "Liveness", "httpGet": {"path": "/health", "port": 8000}}],
                }
            ],
            "scale": {"minReplicas": 1, "maxReplicas": 3},
        },
    }


ENVIRONMENT_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-test"
    "/providers/Microsoft.App/managedEnvironments/cae-test"
)


def refused(azure: Azure, path: str, value: Any) -> dict[str, str]:
    """What check says of an app with one value put in at a path."""
    inputs = app_inputs(ENVIRONMENT_ID)
    *holders, last = path.split(".")
    target: Any = inputs
    for holder in holders:
        target = target[int(holder)] if holder.isdigit() else target.setdefault(holder, {})
    if last.isdigit():
        target[int(last)] = value
    else:
        target[last] = value
    return azure.refusals("app:ContainerApp", inputs)


def test_an_environment_has_a_domain_and_an_address_for_good(azure: Azure) -> None:
    made = azure.environment()
    assert made.outputs["defaultDomain"].endswith(".centralus.azurecontainerapps.io")
    assert made.outputs["staticIp"].count(".") == 3
    changed = azure.update(made, made.inputs | {"tags": {"a": "b"}, "azureApiVersion": None})
    for name in ("defaultDomain", "staticIp"):
        assert changed.outputs[name] == made.outputs[name]


def test_an_app_has_its_names_in_the_environment_s_domain(azure: Azure) -> None:
    environment = azure.environment()
    domain = environment.outputs["defaultDomain"]
    made = azure.make("app:ContainerApp", "a", app_inputs(environment))
    assert made.outputs["configuration"]["ingress"]["fqdn"] == f"backend.{domain}"
    revision = made.outputs["latestRevisionName"]
    assert revision.startswith("backend--")
    assert made.outputs["latestReadyRevisionName"] == revision
    assert made.outputs["latestRevisionFqdn"] == f"{revision}.{domain}"
    assert made.outputs["managedEnvironmentId"] == environment.id
    assert made.outputs["configuration"]["ingress"]["traffic"] == [{"latestRevision": True, "weight": 100}]
    internal = app_inputs(environment, ingress={"external": False, "targetPort": 7700})
    search = azure.make("app:ContainerApp", "s", internal | {"containerAppName": "search"})
    assert search.outputs["configuration"]["ingress"]["fqdn"] == f"search.internal.{domain}"


def test_an_identity_goes_in_as_a_list_and_comes_out_as_a_map(azure: Azure) -> None:
    environment, identity = azure.environment(), azure.identity()
    inputs = app_inputs(environment) | {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [identity.id.lower()]}
    }
    made = azure.make("app:ContainerApp", "a", inputs)
    assert made.outputs["identity"]["userAssignedIdentities"] == {
        identity.id: {"principalId": identity.outputs["principalId"], "clientId": identity.outputs["clientId"]}
    }
    assert azure.read(made).inputs["identity"] == inputs["identity"]


def test_only_a_changed_template_makes_a_revision(azure: Azure) -> None:
    environment = azure.environment()
    inputs = app_inputs(environment)
    first = azure.make("app:ContainerApp", "a", inputs)
    with_secret = copy.deepcopy(inputs)
    with_secret["configuration"]["secrets"] = [{"name": "plain", "value": "x"}]
    second = azure.update(first, with_secret)
    assert second.outputs["latestRevisionName"] == first.outputs["latestRevisionName"]
    assert "value" not in second.outputs["configuration"]["secrets"][0]
    changed = copy.deepcopy(with_secret)
    changed["template"]["containers"][0]["image"] = "example.azurecr.io/backend:1.0.1"
    third = azure.update(second, changed)
    assert third.outputs["latestRevisionName"] != first.outputs["latestRevisionName"]


def test_traffic_may_be_pinned_to_an_earlier_revision_and_to_no_other_name(azure: Azure) -> None:
    environment = azure.environment()
    inputs = app_inputs(environment, activeRevisionsMode="Multiple")
    inputs["template"]["revisionSuffix"] = "v1"
    first = azure.make("app:ContainerApp", "a", inputs)
    assert first.outputs["latestRevisionName"] == "backend--v1"
    canary = copy.deepcopy(inputs)
    canary["template"]["containers"][0]["image"] = "example.azurecr.io/backend:2.0.0"
    with pytest.raises(AzureError, match="revision with suffix v1 already exists"):
        azure.update(first, canary)
    canary["template"]["revisionSuffix"] = "v2"
    canary["configuration"]["ingress"]["traffic"] = [
        {"revisionName": "backend--v1", "weight": 90},
        {"latestRevision": True, "weight": 10},
    ]
    second = azure.update(first, canary)
    assert second.outputs["latestRevisionName"] == "backend--v2"
    back = copy.deepcopy(canary)
    back["configuration"]["ingress"]["traffic"] = [{"revisionName": "backend--v1", "weight": 100}]
    rolled_back = azure.update(second, back)
    assert rolled_back.outputs["latestRevisionName"] == "backend--v2", "a rollback makes no revision"
    back["configuration"]["ingress"]["traffic"] = [{"revisionName": "backend--v9", "weight": 100}]
    with pytest.raises(AzureError, match="names the revision 'backend--v9', which does not exist"):
        azure.update(rolled_back, back)


def test_a_key_vault_reference_needs_the_secret_the_identity_and_its_right(azure: Azure) -> None:
    environment, identity, vault = azure.environment(), azure.identity(), azure.vault()
    url = "https://kv-test.vault.azure.net/secrets/api-key"
    inputs = app_inputs(environment, secrets=[{"name": "api-key", "keyVaultUrl": url, "identity": identity.id}])
    inputs["template"]["containers"][0]["env"] = [{"name": "API_KEY", "secretRef": "api-key"}]
    assert "not assigned to the app" in azure.refusals("app:ContainerApp", inputs)["configuration.secrets[0].identity"]
    inputs["identity"] = {"type": "UserAssigned", "userAssignedIdentities": [identity.id]}
    with pytest.raises(AzureError, match=r"unable to fetch secret 'api-key' using Managed identity.*no role") as denied:
        azure.make("app:ContainerApp", "a", inputs)
    assert denied.value.code == "InvalidParameterValueInContainerTemplate"
    azure.assign(identity.outputs["principalId"], vault.id)
    with pytest.raises(AzureError, match="the vault has no secret 'api-key'"):
        azure.make("app:ContainerApp", "a", inputs)
    azure.secret()
    made = azure.make("app:ContainerApp", "a", inputs)
    assert made.outputs["configuration"]["secrets"] == [
        {"name": "api-key", "keyVaultUrl": url, "identity": identity.id}
    ]


def test_a_right_on_one_secret_opens_that_one_only(azure: Azure) -> None:
    environment, identity = azure.environment(), azure.identity()
    azure.vault()
    mine = azure.secret("mine")
    azure.secret("theirs")
    azure.assign(identity.outputs["principalId"], mine.id)
    inputs = app_inputs(
        environment,
        secrets=[
            {"name": name, "keyVaultUrl": f"https://kv-test.vault.azure.net/secrets/{name}", "identity": identity.id}
            for name in ("mine", "theirs")
        ],
    )
    inputs["identity"] = {"type": "UserAssigned", "userAssignedIdentities": [identity.id]}
    with pytest.raises(AzureError, match="unable to fetch secret 'theirs'"):
        azure.make("app:ContainerApp", "a", inputs)
    del inputs["configuration"]["secrets"][1]
    assert azure.make("app:ContainerApp", "a", inputs).outputs["provisioningState"] == "Succeeded"


def test_a_disabled_secret_cannot_be_referred_to(azure: Azure) -> None:
    environment, identity, vault = azure.environment(), azure.identity(), azure.vault()
    azure.assign(identity.outputs["principalId"], vault.id)
    azure.make(
        "keyvault:Secret",
        "off",
        {
            "resourceGroupName": "rg-test",
            "vaultName": "kv-test",
            "secretName": "off",
            "properties": {"value": "x", "attributes": {"enabled": False}},
        },
    )
    inputs = app_inputs(
        environment,
        secrets=[
            {"name": "off", "keyVaultUrl": "https://kv-test.vault.azure.net/secrets/off", "identity": identity.id}
        ],
    )
    inputs["identity"] = {"type": "UserAssigned", "userAssignedIdentities": [identity.id]}
    with pytest.raises(AzureError, match="'off' is disabled"):
        azure.make("app:ContainerApp", "a", inputs)


def test_a_registry_of_this_cloud_must_let_the_identity_pull(azure: Azure) -> None:
    environment, identity = azure.environment(), azure.identity()
    registry = azure.make(
        "containerregistry:Registry",
        "acr",
        {"resourceGroupName": "rg-test", "registryName": "example", "sku": {"name": "Premium"}},
    )
    inputs = app_inputs(environment, registries=[{"server": "example.azurecr.io", "identity": identity.id}])
    inputs["identity"] = {"type": "UserAssigned", "userAssignedIdentities": [identity.id]}
    with pytest.raises(AzureError, match=r"unable to pull image using Managed identity.*AcrPull"):
        azure.make("app:ContainerApp", "a", inputs)
    azure.assign(identity.outputs["principalId"], registry.id, role=ACR_PULL)
    assert azure.make("app:ContainerApp", "a", inputs).id


@pytest.mark.parametrize(
    ("path", "value", "property_", "said"),
    [
        ("environmentId", None, "environmentId", "requires the environment"),
        ("template.containers", [], "template.containers", "at least one container"),
        ("template.containers.0.image", None, "template.containers[0].image", "requires every container's image"),
        (
            "template.containers.0.env",
            [{"name": "K", "secretRef": "nothing"}],
            "template.containers[0].env[0].secretRef",
            "SecretRef 'nothing' defined for container 'backend' not found",
        ),
        (
            "template.containers.0.env",
            [{"name": "K", "value": "1"}, {"name": "K", "value": "2"}],
            "template.containers[0].env[1]",
            "occurs twice",
        ),
        (
            "template.containers.0.resources",
            {"cpu": 0.5, "memory": "2Gi"},
            "template.containers",
            "must add up to one of the following CPU - Memory combinations",
        ),
        ("template.containers.0.resources", {"cpu": 5, "memory": "10Gi"}, "template.containers", "CPU - Memory"),
        (
            "template.containers.0.probes",
            [{"type": "Liveness", "tcpSocket": {"port": 1}}, {"type": "Liveness", "tcpSocket": {"port": 2}}],
            "template.containers[0].probes[1]",
            "occurs twice",
        ),
        (
            "template.containers.0.probes",
            [{"type": "Liveness", "httpGet": {"path": "/", "port": 0}}],
            "template.containers[0].probes[0].httpGet.port",
            "from 1 to 65535",
        ),
        (
            "template.containers.0.probes",
            [{"type": "Liveness"}],
            "template.containers[0].probes[0]",
            "exactly one of httpGet, tcpSocket",
        ),
        (
            "template.containers.0.probes",
            [{"type": "Readiness", "tcpSocket": {"port": 1}, "failureThreshold": 49}],
            "template.containers[0].probes[0].failureThreshold",
            "['1', '48']",
        ),
        ("configuration.ingress.targetPort", 70000, "configuration.ingress.targetPort", "65535"),
        (
            "configuration.ingress.traffic",
            [{"latestRevision": True, "weight": 60}, {"revisionName": "backend--a", "weight": 30}],
            "configuration.ingress.traffic",
            "add up to 90",
        ),
        (
            "template.scale",
            {"minReplicas": 4, "maxReplicas": 3},
            "template.scale.minReplicas",
            "more than maxReplicas 3",
        ),
        ("template.scale", {"minReplicas": 11}, "template.scale.minReplicas", "more than maxReplicas 10"),
        (
            "template.scale.rules",
            [{"name": "http", "http": {"metadata": {"concurrentRequests": "many"}}}],
            "template.scale.rules[0].http.metadata.concurrentRequests",
            "not a positive number",
        ),
        ("configuration.activeRevisionsMode", "Double", "configuration.activeRevisionsMode", "Multiple"),
        (
            "configuration.secrets",
            [{"name": "UPPER", "value": "x"}],
            "configuration.secrets[0].name",
            "lower case alphanumeric",
        ),
        (
            "configuration.secrets",
            [{"name": "both"}],
            "configuration.secrets[0]",
            "value or keyVaultUrl and identity should be provided",
        ),
        (
            "identity",
            {"type": "UserAssigned", "userAssignedIdentities": []},
            "identity.userAssignedIdentities",
            "needs user-assigned identities",
        ),
    ],
)
def test_azure_s_rules_on_apps(azure: Azure, path: str, value: Any, property_: str, said: str) -> None:
    found = refused(azure, path, value)
    assert property_ in found, found
    assert said in found[property_]


def test_the_example_of_the_rules_is_itself_accepted_and_unknowns_are_passed_over(azure: Azure) -> None:
    assert azure.refusals("app:ContainerApp", app_inputs(ENVIRONMENT_ID)) == {}
    for path in ("environmentId", "configuration.secrets", "template.scale.minReplicas", "template.containers.0.env"):
        assert refused(azure, path, UNKNOWN) == {}, path


def test_a_workload_profile_must_be_one_of_the_environment_s(azure: Azure) -> None:
    environment = azure.environment()
    with pytest.raises(AzureError, match="has no workload profile 'D4'; it has: Consumption"):
        azure.make("app:ContainerApp", "a", app_inputs(environment) | {"workloadProfileName": "D4"})


def test_an_environment_with_apps_is_not_deleted(azure: Azure) -> None:
    environment = azure.environment()
    app = azure.make("app:ContainerApp", "a", app_inputs(environment))
    with pytest.raises(AzureError, match=r"is in use by .*/containerApps/backend"):
        azure.delete(environment)
    azure.delete(app)
    azure.delete(environment)
    assert azure.read(environment).id == ""


def test_zone_redundancy_and_an_internal_environment_need_a_network(azure: Azure) -> None:
    base = {"resourceGroupName": "rg-test", "environmentName": "cae"}
    assert set(azure.refusals("app:ManagedEnvironment", base | {"zoneRedundant": True})) == {"zoneRedundant"}
    internal = base | {"vnetConfiguration": {"internal": True}}
    assert set(azure.refusals("app:ManagedEnvironment", internal)) == {"vnetConfiguration.internal"}


def subnet(azure: Azure, prefix: str, delegated: bool = True, name: str = "apps") -> Made:
    return azure.make(
        "network:Subnet",
        name,
        {
            "resourceGroupName": "rg-test",
            "virtualNetworkName": "vnet",
            "subnetName": name,
            "addressPrefix": prefix,
            "delegations": [{"name": "aca", "serviceName": "Microsoft.App/environments"}] if delegated else [],
        },
    )


def test_an_environment_s_subnet_must_be_large_enough_delegated_and_its_own(azure: Azure) -> None:
    azure.make(
        "network:VirtualNetwork",
        "vnet",
        {
            "resourceGroupName": "rg-test",
            "virtualNetworkName": "vnet",
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        },
    )

    def at(made: Made, **more: Any) -> dict[str, Any]:
        return {"vnetConfiguration": {"infrastructureSubnetId": made.id, "internal": True}, **more}

    with pytest.raises(AzureError, match=r"is a /28.*needs a /27"):
        azure.environment(**at(subnet(azure, "10.0.1.0/28", name="small")))
    with pytest.raises(AzureError, match="must be delegated"):
        azure.environment(**at(subnet(azure, "10.0.2.0/27", delegated=False, name="bare")))
    good = subnet(azure, "10.0.3.0/27")
    environment = azure.environment(**at(good), zoneRedundant=True)
    assert environment.outputs["staticIp"].startswith("10.0.3.")
    assert environment.outputs["publicNetworkAccess"] == "Disabled"
    with pytest.raises(AzureError, match="in use by the environment 'cae-test'"):
        azure.environment(**at(good), environmentName="cae-two")
    with pytest.raises(AzureError, match="InUseSubnetCannotBeDeleted"):
        azure.delete(good)

    other = subnet(azure, "10.0.4.0/27", name="other")
    moved = {**environment.inputs, **at(other), "azureApiVersion": None}
    assert azure.diff(environment, moved).replaces == [], "azure-native would send it"
    with pytest.raises(AzureError, match=r"'vnetConfiguration.infrastructureSubnetId'.*not allowed"):
        azure.update(environment, moved)
    assert azure.diff(environment, environment.inputs | {"zoneRedundant": False, "azureApiVersion": None}).replaces == [
        "zoneRedundant"
    ]
