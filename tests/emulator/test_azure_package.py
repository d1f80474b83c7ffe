"""The embedded azure-native package: identities, parents, references, names, outputs, previews, reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from emulator.azure.identifiers import is_guid
from emulator.azure.resource_types import KINDS
from emulator.azure.shapes import api_version, type_shapes
from emulator.azure.store import Principal
from emulator.introspection import type_spec
from emulator.package import CloudError
from emulator.values import UNKNOWN
from tests.emulator.azure_provider import SECRETS_USER, Azure


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(AzurePackage(AzureStore(tmp_path)))


def test_a_resource_group_has_an_arm_id_and_azure_s_outputs(azure: Azure) -> None:
    made = azure.group()
    assert made.id == f"/subscriptions/{azure.configuration.subscription_id}/resourceGroups/rg-test"
    assert made.outputs == {
        "id": made.id,
        "name": "rg-test",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "centralus",
        "properties": {"provisioningState": "Succeeded"},
        "azureApiVersion": "2024-03-01",
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.token)
def test_every_built_type_is_one_of_the_installed_sdk(kind: Any) -> None:
    spec = type_spec("azure-native", f"azure-native:{kind.token}")
    shapes = type_shapes(f"azure-native:{kind.token}")
    assert spec is not None
    assert shapes is not None
    # The path's parameters, the replacing and the ruled properties are inputs by these very names.
    assert set(kind.parameters) <= set(spec.properties)
    assert kind.name.property in spec.properties
    tops = {path.replace("[]", "").split(".")[0] for path in (*kind.links, *kind.identifiers, *kind.immutable)}
    assert tops | set(kind.replaces) <= set(spec.properties)
    assert set(kind.defaults) <= set(shapes.outputs)
    assert api_version(f"azure-native:{kind.token}")


def test_a_name_that_is_not_given_is_made_of_the_logical_one_and_eight_hexadecimal_digits(azure: Azure) -> None:
    first = azure.checked("resources:ResourceGroup", "rg", {})
    assert first["resourceGroupName"].startswith("rg")
    assert len(first["resourceGroupName"]) == len("rg") + 8
    assert first["__createBeforeDelete"] is True
    assert azure.checked("resources:ResourceGroup", "rg", {}) == first, "the same seed gives the same name"
    assert azure.checked("resources:ResourceGroup", "rg", {}, first) == first, "what has a name keeps it"


def test_a_nested_resource_is_named_as_in_the_program_and_a_role_assignment_by_a_guid(azure: Azure) -> None:
    secret = {"resourceGroupName": "rg-test", "vaultName": "kv-test", "properties": {"value": "x"}}
    assert azure.checked("keyvault:Secret", "api-key", secret)["secretName"] == "api-key"
    assignment = {
        "principalId": azure.configuration.object_id,
        "scope": f"/subscriptions/{azure.configuration.subscription_id}",
        "roleDefinitionId": azure.role(SECRETS_USER),
    }
    assert is_guid(azure.checked("authorization:RoleAssignment", "a", assignment)["roleAssignmentName"])


def test_a_missing_parent_is_refused_as_azure_does(azure: Azure) -> None:
    with pytest.raises(AzureError, match="Resource group 'rg-test' could not be found") as missing:
        azure.vault()
    assert missing.value.code == "ResourceGroupNotFound"
    azure.group()
    with pytest.raises(AzureError, match="ParentResourceNotFound"):
        azure.secret()


def test_a_reference_to_what_does_not_exist_is_refused(azure: Azure) -> None:
    group = azure.group()
    missing = f"{group.id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nobody"
    with pytest.raises(AzureError, match="userAssignedIdentities/nobody' under resource group 'rg-test' was not found"):
        azure.environment(identity={"type": "UserAssigned", "userAssignedIdentities": [missing]})
    assert azure.package.store.within(group.id) == [], "a refused resource leaves nothing behind"


def test_an_id_of_another_kind_or_no_id_is_refused_by_check(azure: Azure) -> None:
    group = azure.group()
    app = {
        "resourceGroupName": "rg-test",
        "template": {"containers": [{"name": "a", "image": "a:1"}]},
        "environmentId": group.id,
    }
    assert "Microsoft.App/managedEnvironments is expected" in azure.refusals("app:ContainerApp", app)["environmentId"]
    app["environmentId"] = "cae-test"
    assert "Expect fully qualified resource Id" in azure.refusals("app:ContainerApp", app)["environmentId"]


def test_what_exists_is_not_created_again(azure: Azure) -> None:
    azure.group()
    with pytest.raises(CloudError, match=r"cannot create already existing resource '/subscriptions/.*/rg-test'"):
        azure.group()


def test_unknown_missing_and_ill_typed_inputs_are_refused_with_their_wire_path(azure: Azure) -> None:
    refused = azure.refusals(
        "keyvault:Vault",
        {"resourceGroupName": 5, "propertys": {}, "properties": {"tenantId": "x", "sku": {"family": "A"}}},
    )
    assert set(refused) == {"resourceGroupName", "propertys", "properties.sku.name"}


@pytest.mark.parametrize(
    ("token", "inputs", "property_"),
    [
        ("keyvault:Vault", {"vaultName": "9-starts-with-a-digit"}, "vaultName"),
        ("keyvault:Vault", {"vaultName": "twenty-five-characters-xx"}, "vaultName"),
        ("keyvault:Vault", {"vaultName": "two--hyphens"}, "vaultName"),
        ("resources:ResourceGroup", {"resourceGroupName": "ends."}, "resourceGroupName"),
        ("managedidentity:UserAssignedIdentity", {"resourceName": "ab"}, "resourceName"),
        ("operationalinsights:Workspace", {"workspaceName": "-log"}, "workspaceName"),
        ("app:ContainerApp", {"containerAppName": "Upper"}, "containerAppName"),
        ("app:ContainerApp", {"containerAppName": "thirty-three-characters-is-too-lon"}, "containerAppName"),
        ("storage:StorageAccount", {"accountName": "Capital"}, "accountName"),
        ("containerregistry:Registry", {"registryName": "has-hyphen"}, "registryName"),
    ],
)
def test_names_obey_azure_s_rules(azure: Azure, token: str, inputs: dict[str, Any], property_: str) -> None:
    full: dict[str, dict[str, Any]] = {
        "keyvault:Vault": azure.vault_inputs(),
        "app:ContainerApp": {
            "environmentId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e",
            "template": {"containers": [{"name": "a", "image": "a:1"}]},
        },
        "storage:StorageAccount": {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        "containerregistry:Registry": {"sku": {"name": "Premium"}},
    }
    base = {"resourceGroupName": "rg-test", **full.get(token, {})}
    assert list(azure.refusals(token, base | inputs)) == [property_]


def test_a_location_is_compared_and_returned_as_azure_does(azure: Azure) -> None:
    made = azure.make("resources:ResourceGroup", "rg", {"resourceGroupName": "rg-test", "location": "Central US"})
    assert made.outputs["location"] == "centralus"
    assert azure.diff(made, {"resourceGroupName": "rg-test", "location": "CentralUS"}).changes == {}
    assert "location" in azure.refusals("resources:ResourceGroup", {"location": "Atlantis"})


def test_the_location_comes_from_the_provider_else_from_the_group(tmp_path: Path) -> None:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.configuration = azure.package.configure({"subscriptionId": azure.configuration.subscription_id})
    assert set(azure.refusals("resources:ResourceGroup", {})) == {"location"}, "nobody says where"
    azure.make("resources:ResourceGroup", "rg", {"resourceGroupName": "rg-test", "location": "westus2"})
    assert azure.vault().outputs["location"] == "westus2"


def test_an_api_version_in_the_type_is_the_same_type(azure: Azure) -> None:
    azure.group()
    made = azure.make("keyvault/v20230701:Vault", "v", azure.vault_inputs())
    assert made.outputs["azureApiVersion"] == "2023-07-01"
    assert made.outputs["type"] == "Microsoft.KeyVault/vaults"
    assert azure.package.store.find(made.id) is not None


def test_a_type_of_the_sdk_that_is_not_built_is_checked_but_not_created(azure: Azure) -> None:
    inputs = {"resourceGroupName": "rg-test", "profileName": "cdn", "originName": "o", "endpointName": "e"}
    assert set(azure.refusals("cdn:Origin", inputs)) == {"hostName"}
    checked = azure.checked("cdn:Origin", "o", inputs | {"hostName": "origin.example.com"})
    with pytest.raises(CloudError, match="the embedded Azure does not build azure-native:cdn:Origin"):
        azure.package.create(azure.question("cdn:Origin", "o", inputs=checked))


def test_a_type_that_the_sdk_does_not_have_is_refused_by_name(azure: Azure) -> None:
    with pytest.raises(CloudError, match="has no resource type azure-native:app:Nothing"):
        azure.failures("app:Nothing", {})


def test_a_preview_knows_the_inputs_and_the_name_and_nothing_else(azure: Azure) -> None:
    outputs = azure.preview("keyvault:Vault", "v", azure.vault_inputs())
    assert outputs["name"] == "kv-test"
    assert outputs["location"] == "centralus"
    assert outputs["properties"]["enableRbacAuthorization"] is True
    assert outputs["properties"]["vaultUri"] is UNKNOWN
    identity = azure.preview("managedidentity:UserAssignedIdentity", "i", {"resourceGroupName": UNKNOWN})
    assert identity["principalId"] is UNKNOWN
    assert azure.package.store.of_type("Microsoft.KeyVault/vaults") == []


def test_inputs_that_are_still_unknown_are_refused_on_creation(azure: Azure) -> None:
    with pytest.raises(CloudError, match=r"the input 'tags' of Microsoft.Resources/resourceGroups is not known"):
        azure.make("resources:ResourceGroup", "rg", {"resourceGroupName": "rg-test", "tags": {"a": UNKNOWN}})


def test_a_refresh_right_after_creation_changes_nothing(azure: Azure) -> None:
    azure.group()
    for made in (azure.identity(), azure.vault(), azure.secret(), azure.environment()):
        answer = azure.read(made)
        assert (answer.id, answer.inputs, answer.outputs) == (made.id, made.inputs, made.outputs)


def test_a_refresh_shows_what_changed_behind_the_stack_s_back(azure: Azure) -> None:
    azure.group()
    made = azure.vault()
    inputs = azure.vault_inputs(publicNetworkAccess="disabled") | {"tags": {"by": "hand"}}
    azure.update(made, inputs)
    answer = azure.read(made)
    assert answer.inputs["tags"] == {"by": "hand"}
    assert answer.inputs["properties"]["publicNetworkAccess"] == "disabled"
    assert "vaultUri" not in answer.inputs["properties"], "computed properties are no inputs"
    azure.delete(made)
    assert azure.read(made).id == ""


def test_an_import_by_id_returns_the_full_inputs(azure: Azure) -> None:
    azure.group()
    identity = azure.identity()
    azure.environment(identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]})
    made = azure.vault(enablePurgeProtection=True)
    answer = azure.adopt("keyvault:Vault", made.id.replace("resourceGroups", "resourcegroups"))
    assert answer.id == made.id
    assert answer.inputs["vaultName"] == "kv-test"
    assert answer.inputs["resourceGroupName"] == "rg-test"
    assert answer.inputs["properties"]["enablePurgeProtection"] is True
    again = azure.checked("keyvault:Vault", "v", answer.inputs | {"azureApiVersion": None})
    assert again["properties"] == answer.inputs["properties"], "what was imported can be declared"
    environment = azure.adopt(
        "app:ManagedEnvironment", f"{azure.group_id()}/providers/Microsoft.App/managedEnvironments/cae-test"
    )
    assert environment.inputs["identity"]["userAssignedIdentities"] == [identity.id], "a map comes in again as a list"
    assert azure.adopt("keyvault:Vault", f"{made.id}-nobody").id == ""


def test_an_import_as_another_type_is_refused(azure: Azure) -> None:
    made = azure.group()
    with pytest.raises(
        CloudError, match=r"is of type Microsoft.Resources/resourceGroups, not Microsoft.KeyVault/vaults"
    ):
        azure.adopt("keyvault:Vault", made.id)


def test_a_group_goes_with_all_that_is_in_it(azure: Azure) -> None:
    group = azure.group()
    identity, vault = azure.identity(), azure.vault()
    azure.assign(identity.outputs["principalId"], vault.id)
    azure.delete(group)
    assert azure.package.store.find(vault.id) is None
    assert azure.package.store.of_type("Microsoft.Authorization/roleAssignments") == []
    azure.delete(vault)  # gone already: no error
    assert azure.package.store.soft_deleted(vault.id) is not None


def test_an_identity_keeps_its_guids_over_updates_and_gets_new_ones_when_made_again(azure: Azure) -> None:
    azure.group()
    made = azure.identity()
    assert is_guid(made.outputs["principalId"])
    assert is_guid(made.outputs["clientId"])
    assert made.outputs["tenantId"] == azure.configuration.tenant_id
    assert "resourceGroupName" not in made.outputs
    changed = azure.update(made, {"resourceGroupName": "rg-test", "resourceName": "id-backend", "tags": {"a": "b"}})
    assert changed.outputs["principalId"] == made.outputs["principalId"]
    azure.delete(made)
    assert azure.identity().outputs["principalId"] != made.outputs["principalId"]


def test_role_assignments_need_a_known_role_a_principal_and_an_existing_scope(azure: Azure) -> None:
    group, vault, identity = azure.group(), None, None
    identity, vault = azure.identity(), azure.vault()
    principal = identity.outputs["principalId"]
    made = azure.assign(principal, vault.id, principalType="ServicePrincipal")
    assert made.outputs["scope"] == vault.id
    assert made.id.startswith(f"{vault.id}/providers/Microsoft.Authorization/roleAssignments/")
    with pytest.raises(AzureError, match="RoleAssignmentExists"):
        azure.assign(principal, vault.id, roleAssignmentName="00000000-0000-0000-0000-000000000001")
    with pytest.raises(AzureError, match="PrincipalNotFound"):
        azure.assign("00000000-0000-0000-0000-00000000abcd", group.id)
    with pytest.raises(AzureError, match="RoleDefinitionDoesNotExist"):
        azure.assign(principal, group.id, role="00000000-0000-0000-0000-00000000abcd")
    with pytest.raises(AzureError, match="ResourceNotFound"):
        azure.assign(principal, f"{vault.id}/secrets/nothing")
    with pytest.raises(AzureError, match="SubscriptionNotFound"):
        azure.assign(principal, "/subscriptions/00000000-0000-0000-0000-00000000abcd")
    with pytest.raises(AzureError, match="UnmatchedPrincipalType"):
        azure.assign(principal, group.id, principalType="User")


def test_a_known_person_can_be_assigned_a_role(azure: Azure) -> None:
    group = azure.group()
    person = Principal("11111111-2222-3333-4444-555555555555", "User", "On call")
    azure.package.store.add_principal(person)
    assert azure.assign(person.object_id, group.id).outputs["principalType"] == "User"


def test_a_changed_role_is_an_update_that_azure_refuses(azure: Azure) -> None:
    group, identity = azure.group(), azure.identity()
    made = azure.assign(identity.outputs["principalId"], group.id)
    inputs = made.inputs | {
        "roleDefinitionId": azure.role("acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        "azureApiVersion": None,
    }
    assert azure.diff(made, inputs).replaces == []
    with pytest.raises(AzureError, match="Changing property 'roleDefinitionId'"):
        azure.update(made, inputs)


def test_functions_answer_who_deploys_and_what_exists_and_never_a_secret(azure: Azure) -> None:
    azure.group()
    azure.vault()
    azure.secret(value="not-to-be-seen")
    answer = azure.package.invoke("azure-native:authorization:getClientConfig", {}, azure.configuration)
    assert answer["subscriptionId"] == azure.configuration.subscription_id
    vault = azure.package.invoke(
        "azure-native:keyvault:getVault", {"resourceGroupName": "rg-test", "vaultName": "kv-test"}, azure.configuration
    )
    assert vault["properties"]["vaultUri"] == "https://kv-test.vault.azure.net/"
    secret = azure.package.invoke(
        "azure-native:keyvault:getSecret",
        {"resourceGroupName": "rg-test", "vaultName": "kv-test", "secretName": "api-key"},
        azure.configuration,
    )
    assert "not-to-be-seen" not in repr(secret)
    for refused in ("authorization:getClientToken", "storage:listStorageAccountKeys", "app:listContainerAppSecrets"):
        with pytest.raises(CloudError, match=refused.split(":")[1]):
            azure.package.invoke(f"azure-native:{refused}", {}, azure.configuration)


def test_the_provider_s_settings_are_checked_and_fall_back_to_the_environment(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [f.property for f in azure.package.check_configuration({"subscriptionId": "sub-nex-prd"}).failures] == [
        "subscriptionId"
    ]
    assert [f.property for f in azure.package.check_configuration({"subscripton": "x"}).failures] == ["subscripton"]
    monkeypatch.setenv("ARM_SUBSCRIPTION_ID", "99999999-2222-3333-4444-555555555555")
    assert azure.package.configure({}).subscription_id == "99999999-2222-3333-4444-555555555555"
    monkeypatch.setenv("ARM_SUBSCRIPTION_ID", "nonsense")
    with pytest.raises(AzureError, match="InvalidSubscriptionId"):
        azure.package.configure({})


def test_too_many_tags_are_refused(azure: Azure) -> None:
    tags = {f"tag{number}": "x" for number in range(51)}
    assert "50" in azure.refusals("resources:ResourceGroup", {"resourceGroupName": "rg", "tags": tags})["tags"]
