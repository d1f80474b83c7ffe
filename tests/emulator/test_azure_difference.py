"""What changes and what a change does, as azure-native's diff.go tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.difference import carry_over, difference
from emulator.azure.resource_types import KINDS, kind_of_token
from emulator.package import Change
from emulator.values import UNKNOWN
from tests.emulator.azure_provider import Azure

APP = kind_of_token("azure-native:app:ContainerApp")
VAULT = kind_of_token("azure-native:keyvault:Vault")


def changes(
    kind: Any, old: dict[str, Any], new: dict[str, Any], outputs: dict[str, Any] | None = None
) -> dict[str, str]:
    answer = difference(kind, old, new, outputs or {})
    return {path: change.value for path, change in answer.changes.items()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.token)
def test_what_makes_up_the_id_and_the_location_replace(kind: Any) -> None:
    for name in (*kind.parameters, "location"):
        assert changes(kind, {name: "old"}, {name: "new"}) == {name: "update-replace"}


def test_a_property_of_the_body_is_updated_at_its_own_path() -> None:
    old = {"properties": {"tenantId": "a", "sku": {"name": "standard"}, "gone": 1}}
    new = {"properties": {"tenantId": "b", "sku": {"name": "premium"}, "come": 1}}
    assert changes(VAULT, old, new) == {
        "properties.tenantId": "update",
        "properties.sku.name": "update",
        "properties.gone": "delete",
        "properties.come": "add",
    }


def test_the_environment_of_an_app_replaces_it() -> None:
    for name in ("environmentId", "managedEnvironmentId"):
        assert changes(APP, {name: "/a"}, {name: "/b"}) == {name: "update-replace"}
        assert changes(APP, {}, {name: "/b"}) == {name: "add-replace"}
        assert changes(APP, {name: "/a"}, {}) == {name: "delete-replace"}


def test_saying_outright_what_was_so_anyway_replaces_nothing() -> None:
    assert changes(APP, {}, {"managedEnvironmentId": "/e"}, {"managedEnvironmentId": "/e"}) == {
        "managedEnvironmentId": "add"
    }


def test_case_and_spaces_count_nowhere_but_in_location_and_group() -> None:
    assert changes(VAULT, {"location": "Central US"}, {"location": "centralus"}) == {}
    assert changes(VAULT, {"resourceGroupName": "RG"}, {"resourceGroupName": "rg"}) == {}
    assert changes(APP, {"environmentId": "/A"}, {"environmentId": "/a"}) == {"environmentId": "update-replace"}
    assert changes(VAULT, {"properties": {"sku": {"name": "Standard"}}}, {"properties": {"sku": {"name": "standard"}}})


def test_lists_known_by_a_property_are_compared_without_their_order() -> None:
    first, second = {"name": "a", "value": "1"}, {"name": "b", "value": "2"}
    old = {"configuration": {"secrets": [first, second]}}
    assert changes(APP, old, {"configuration": {"secrets": [second, first]}}) == {}
    changed = {"configuration": {"secrets": [second, {"name": "a", "value": "3"}, {"name": "c", "value": "4"}]}}
    assert changes(APP, old, changed) == {
        "configuration.secrets[1].value": "update",
        "configuration.secrets[2]": "add",
    }
    assert changes(APP, old, {"configuration": {"secrets": [second]}}) == {"configuration.secrets[0]": "delete"}


def test_other_lists_are_compared_place_by_place() -> None:
    old = {"template": {"containers": [{"name": "a", "args": ["x", "y"]}]}}
    new = {"template": {"containers": [{"name": "a", "args": ["y"]}]}}
    assert changes(APP, old, new) == {
        "template.containers[0].args[0]": "update",
        "template.containers[0].args[1]": "delete",
    }


def test_an_unknown_value_is_a_change() -> None:
    assert changes(VAULT, {"tags": {"a": "b"}}, {"tags": {"a": UNKNOWN}}) == {"tags.a": "update"}
    assert changes(VAULT, {"resourceGroupName": "rg"}, {"resourceGroupName": UNKNOWN}) == {
        "resourceGroupName": "update-replace"
    }


def test_true_is_not_one() -> None:
    assert changes(VAULT, {"properties": {"a": True}}, {"properties": {"a": 1}}) == {"properties.a": "update"}


def test_a_named_resource_is_deleted_before_it_is_replaced_and_an_autonamed_one_after() -> None:
    old, new = {"vaultName": "a", "location": "eastus"}, {"vaultName": "a", "location": "westus"}
    assert difference(VAULT, old, new, {}).delete_before_replace is True
    assert difference(VAULT, old | {"__createBeforeDelete": True}, new, {}).delete_before_replace is False
    assert difference(VAULT, old, old, {}).delete_before_replace is False


def test_a_change_that_replaces_nothing_deletes_nothing(tmp_path: Path) -> None:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.group()
    made = azure.vault()
    answer = azure.diff(made, azure.vault_inputs() | {"tags": {"a": "b"}})
    assert answer.changes == {"tags": Change.ADD}
    assert answer.replaces == []
    assert answer.delete_before_replace is False
    assert azure.diff(made, azure.vault_inputs()).changes == {}, "a second run finds nothing to do"


def test_only_what_changed_in_the_cloud_becomes_an_input() -> None:
    inputs = {"a": 1, "list": [{"x": 1}]}
    before = {"a": 1, "default": True, "list": [{"x": 1, "y": 0}]}
    assert carry_over(inputs, before, before) == inputs
    assert carry_over(inputs, before, {"a": 2, "default": True, "list": [{"x": 1, "y": 5}], "new": 3}) == {
        "a": 2,
        "list": [{"x": 1, "y": 5}],
        "new": 3,
    }
    assert carry_over(inputs, before, {"default": True, "list": [{"x": 1, "y": 0}]}) == {"list": [{"x": 1}]}
