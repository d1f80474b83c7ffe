"""What a plan would lose in Azure."""

from __future__ import annotations

from typing import Any

import pytest
from data_loss_steps import UNKNOWN, changes, found, step

from policies.data_loss.azure import HELD

VAULT = {
    "resourceGroupName": "rg",
    "vaultName": "kv",
    "properties": {"softDeleteRetentionInDays": 30, "enablePurgeProtection": True, "enableSoftDelete": True},
}
SECRET = {"resourceGroupName": "rg", "vaultName": "kv", "secretName": "creds"}


def azure(token: str) -> str:
    return f"azure-native:{token}"


@pytest.mark.parametrize("token", HELD)
def test_what_holds_something_is_deleted_or_replaced(token: str) -> None:
    held = HELD[token]
    inputs = {"resourceGroupName": "rg", held.name: "it"}
    place = f"{held.word} {'rg' if held.name == 'resourceGroupName' else 'it'}"
    inputs["resourceGroupName"] = "rg"
    assert changes(step("delete", azure(token), old=inputs)) == [(place, "delete")]
    replaced = step("replace", azure(token), old=inputs, new=inputs, keys=["location"])
    assert changes(replaced) == [(place, "delete and create again (for location)")]
    assert changes(step("delete", azure(token), old=inputs, retained=True)) == []


def test_a_name_that_is_not_declared_is_read_from_the_id() -> None:
    (finding,) = found(step("delete", azure("containerregistry:Registry"), id_="/subscriptions/0/registries/videxa"))
    assert finding.object == "container registry videxa"


def test_what_is_recoverable_is_the_vaults_own_answer() -> None:
    (finding,) = found(step("delete", azure("keyvault:Vault"), old=VAULT))
    assert finding.recoverable.startswith("for 30 days of soft delete: az keyvault recover --name kv; purge protection")
    (finding,) = found(step("delete", azure("keyvault:Vault"), old={**VAULT, "properties": {}}))
    assert finding.recoverable.startswith("for 90 days of soft delete")
    assert "without purge protection" in finding.recoverable


def test_what_lies_in_a_container_goes_with_it() -> None:
    secret = step("delete", azure("keyvault:Secret"), "s", SECRET)
    assert changes(step("delete", azure("keyvault:Vault"), "v", VAULT), secret) == [("key vault kv", "delete")]
    group = step("delete", azure("resources:ResourceGroup"), "g", {"resourceGroupName": "rg"})
    assert changes(group, step("delete", azure("keyvault:Vault"), "v", VAULT), secret) == [
        ("resource group rg", "delete")
    ]
    other = step("delete", azure("keyvault:Vault"), "v", {**VAULT, "vaultName": "kv2"})
    assert changes(other, secret) == [("key vault kv2", "delete"), ("secret creds", "delete")]


def test_a_secrets_new_value_loses_none() -> None:
    new = {**SECRET, "properties": {"value": UNKNOWN}}
    assert changes(step("update", azure("keyvault:Secret"), old=SECRET, new=new)) == []


@pytest.mark.parametrize(
    ("token", "old", "new", "change"),
    [
        ("operationalinsights:Workspace", {"retentionInDays": 90}, {"retentionInDays": 30},
         "shorten retentionInDays from 90 to 30 days"),
        ("operationalinsights:Workspace", {"retentionInDays": 90}, {},
         "shorten retentionInDays from 90 to what Azure has as its default"),
        ("operationalinsights:Workspace", {"retentionInDays": 90}, {"retentionInDays": UNKNOWN},
         "unknown retentionInDays"),
        ("operationalinsights:Workspace", {"retentionInDays": 30}, {"retentionInDays": 90}, None),
        ("keyvault:Vault", VAULT, {**VAULT, "properties": {**VAULT["properties"], "enablePurgeProtection": False}},  # type: ignore[dict-item]
         "turn off properties.enablePurgeProtection"),
        ("storage:BlobServiceProperties", {"deleteRetentionPolicy": {"enabled": True, "days": 14}},
         {"deleteRetentionPolicy": {"enabled": True, "days": 7}},
         "shorten deleteRetentionPolicy.days from 14 to 7 days"),
        ("storage:BlobServiceProperties", {"isVersioningEnabled": True}, {"isVersioningEnabled": False},
         "turn off isVersioningEnabled"),
        ("storage:BlobServiceProperties", {}, {"isVersioningEnabled": True}, None),
    ],
)  # fmt: skip
def test_kept_for_fewer_days(token: str, old: dict[str, Any], new: dict[str, Any], change: str | None) -> None:
    assert [seen for _, seen in changes(step("update", azure(token), old=old, new=new))] == ([change] if change else [])


def lifecycle(days: Any, name: str = "old", **more: Any) -> dict[str, Any]:
    delete = {"daysAfterModificationGreaterThan": days}
    rule = {"name": name, "definition": {"actions": {"baseBlob": {"delete": delete}}}, **more}
    return {"accountName": "archive", "policy": {"rules": [rule]}}


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (lifecycle(2192), lifecycle(365), "delete by rule old (baseBlob) after 365 days instead of 2192 days"),
        (lifecycle(2192, enabled=False), lifecycle(2192),
         "delete by rule old (baseBlob) after 2192 days instead of never"),
        (lifecycle(2192), lifecycle(UNKNOWN), "unknown policy"),
        (lifecycle(2192), lifecycle(3000), None),
        (lifecycle(2192), lifecycle(1, enabled=False), None),
    ],
)  # fmt: skip
def test_blobs_deleted_sooner(old: dict[str, Any], new: dict[str, Any], change: str | None) -> None:
    seen = changes(step("update", azure("storage:ManagementPolicy"), old=old, new=new))
    assert [found for _, found in seen] == ([change] if change else [])


def test_other_resources_hold_nothing() -> None:
    assert changes(step("delete", azure("monitor:MetricAlert")), step("replace", azure("app:ContainerApp"))) == []
