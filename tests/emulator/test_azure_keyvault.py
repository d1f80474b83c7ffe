"""Vaults and secrets: soft delete, recovery, purge protection, values that never come out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from emulator.package import CloudError
from tests.emulator.azure_provider import Azure, Made


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def azure(tmp_path: Path, clock: Clock) -> Azure:
    azure = Azure(AzurePackage(AzureStore(tmp_path, clock=clock)))
    azure.group()
    return azure


def values(azure: Azure, made: Made) -> list[Any]:
    stored = azure.package.store.find(made.id)
    assert stored is not None
    return [version["value"] for version in stored.private["versions"]]


def test_a_vault_has_its_uri_and_azure_s_defaults(azure: Azure) -> None:
    made = azure.vault()
    assert (
        made.outputs["properties"] | {"vaultUri": "https://kv-test.vault.azure.net/", "enableSoftDelete": True}
        == (made.outputs["properties"])
    )
    assert made.outputs["properties"]["softDeleteRetentionInDays"] == 90
    assert made.outputs["properties"]["provisioningState"] == "Succeeded"


def test_a_secret_s_value_is_in_no_output(azure: Azure) -> None:
    azure.vault()
    made = azure.secret(value="not-to-be-seen")
    assert "not-to-be-seen" not in repr(made.outputs)
    assert made.outputs["properties"]["secretUri"] == "https://kv-test.vault.azure.net/secrets/api-key"
    assert made.outputs["properties"]["secretUriWithVersion"].startswith(made.outputs["properties"]["secretUri"] + "/")
    answer = azure.adopt("keyvault:Secret", made.id)
    assert answer.inputs["secretName"] == "api-key"
    assert "value" not in answer.inputs["properties"]
    assert azure.read(made).inputs["properties"]["value"] == "not-to-be-seen", "the stack's own input stays"


def test_a_changed_value_is_a_new_version_of_the_same_secret(azure: Azure) -> None:
    azure.vault()
    first = azure.secret(value="one")
    inputs = {"resourceGroupName": "rg-test", "vaultName": "kv-test", "secretName": "api-key"}
    assert azure.diff(first, inputs | {"properties": {"value": "two"}}).replaces == []
    second = azure.update(first, inputs | {"properties": {"value": "two"}})
    assert values(azure, second) == ["one", "two"]
    before, after = first.outputs["properties"], second.outputs["properties"]
    assert before["secretUri"] == after["secretUri"]
    assert before["secretUriWithVersion"] != after["secretUriWithVersion"]
    renamed = azure.diff(first, inputs | {"secretName": "other", "properties": {"value": "one"}})
    assert renamed.replaces == ["secretName"]


def test_a_new_secret_needs_a_value(azure: Azure) -> None:
    azure.vault()
    inputs = {"resourceGroupName": "rg-test", "vaultName": "kv-test", "secretName": "empty", "properties": {}}
    with pytest.raises(AzureError, match="'value' of a new secret is required"):
        azure.make("keyvault:Secret", "empty", inputs)
    inputs["properties"] = {"value": "x" * 25_601}
    assert "25600 bytes" in azure.refusals("keyvault:Secret", inputs)["properties.value"]


def test_vault_names_are_unique_in_all_of_azure(azure: Azure) -> None:
    azure.group("rg-other")
    azure.vault()
    with pytest.raises(AzureError, match="VaultAlreadyExists"):
        azure.vault("KV-Test", group="rg-other")


def test_a_deleted_vault_declared_again_comes_back_with_its_secrets(azure: Azure) -> None:
    identity, vault = azure.identity(), azure.vault(enablePurgeProtection=True)
    kept = azure.secret("kept", "kept-value")
    deleted = azure.secret("deleted", "old-value")
    azure.assign(identity.outputs["principalId"], vault.id)
    azure.delete(deleted)
    azure.delete(vault)
    assert azure.read(vault).id == ""
    assert azure.read(kept).id == ""

    again = azure.vault(enablePurgeProtection=True)
    assert again.id == vault.id
    assert azure.read(kept).id == kept.id
    assert azure.read(deleted).id == "", "what was deleted before stays deleted, and recoverable"
    assert azure.package.store.of_type("Microsoft.Authorization/roleAssignments") == []
    with pytest.raises(CloudError, match="already existing"):
        azure.secret("kept", "kept-value")
    assert values(azure, azure.secret("deleted", "new-value")) == ["old-value", "new-value"]


def test_a_whole_stack_can_be_destroyed_and_brought_up_again(azure: Azure) -> None:
    def up() -> list[Made]:
        vault = azure.vault(enablePurgeProtection=True)
        return [vault, azure.secret("a", "1"), azure.secret("b", "2")]

    for _ in range(3):
        for made in reversed(up()):
            azure.delete(made)
    assert [azure.read(made).id != "" for made in up()] == [True, True, True]


def test_a_deleted_vault_s_name_stays_reserved_elsewhere(azure: Azure, clock: Clock) -> None:
    azure.group("rg-other")
    azure.delete(azure.vault(softDeleteRetentionInDays=7))
    with pytest.raises(AzureError, match="already exists in deleted state") as conflict:
        azure.vault(group="rg-other")
    assert (conflict.value.code, conflict.value.status) == ("ConflictError", 409)
    clock.now += timedelta(days=8)
    assert azure.vault(group="rg-other").outputs["name"] == "kv-test", "purged after its retention"


def test_an_explicit_create_mode_is_obeyed(azure: Azure) -> None:
    with pytest.raises(AzureError, match="SoftDeletedVaultDoesNotExist"):
        azure.vault(createMode="recover")
    azure.delete(azure.vault())
    with pytest.raises(AzureError, match="ConflictError"):
        azure.vault(createMode="default")
    assert "createMode" not in azure.vault(createMode="recover").outputs["properties"]


def test_purge_protection_cannot_be_taken_back(azure: Azure) -> None:
    made = azure.vault(enablePurgeProtection=True)
    refused = azure.refusals("keyvault:Vault", azure.vault_inputs(enablePurgeProtection=False))
    assert "irreversible" in refused["properties.enablePurgeProtection"]
    assert azure.update(made, azure.vault_inputs()).outputs["properties"]["enablePurgeProtection"] is True


def test_the_retention_cannot_be_changed(azure: Azure) -> None:
    made = azure.vault(softDeleteRetentionInDays=90)
    with pytest.raises(AzureError, match="has been set already and it can't be modified"):
        azure.update(made, azure.vault_inputs(softDeleteRetentionInDays=30))
    assert "7 to 90" in azure.refusals("keyvault:Vault", azure.vault_inputs(softDeleteRetentionInDays=91)).popitem()[1]


def test_access_policies_declared_apart_survive_an_update_without_them(azure: Azure) -> None:
    policy = {
        "tenantId": azure.configuration.tenant_id,
        "objectId": azure.configuration.object_id,
        "permissions": {"secrets": ["get"]},
    }
    made = azure.vault(enableRbacAuthorization=False, accessPolicies=[policy])
    changed = azure.update(made, azure.vault_inputs(enableRbacAuthorization=False))
    assert changed.outputs["properties"]["accessPolicies"] == [policy]


def test_deleting_a_group_keeps_its_vaults_recoverable(azure: Azure) -> None:
    vault, secret = azure.vault(), azure.secret()
    stored = azure.package.store.find(azure.group_id())
    assert stored is not None
    group = Made("resources:ResourceGroup", "rg-test", stored.id, {}, {})
    azure.delete(group)
    azure.group()
    assert azure.vault().id == vault.id
    assert azure.read(secret).id == secret.id
