"""What the installed SDKs say of resource types, and inputs held against it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from emulator.introspection import (
    Kind,
    ObjectType,
    ValueType,
    decode_provider_inputs,
    provider_spec,
    resource_types,
    type_spec,
    validate,
)
from emulator.values import UNKNOWN

WAREHOUSE = "snowflake:index/warehouse:Warehouse"
TABLE = "snowflake:index/table:Table"
VAULT = "azure-native:keyvault:Vault"
CONTAINER_APP = "azure-native:app:ContainerApp"


def failed(package: str, token: str, inputs: dict[str, object]) -> list[str]:
    spec = type_spec(package, token)
    assert spec is not None
    return sorted(failure.property for failure in validate(spec, inputs))


def nested(value: ValueType) -> list[ObjectType]:
    found = [value.fields] if value.fields is not None else []
    for inner in (value.element, *value.members):
        if inner is not None:
            found += nested(inner)
    return found


@pytest.mark.parametrize("package", ["snowflake", "random", "tls"])
def test_every_type_of_the_small_packages_introspects_to_the_last_nested_object(package: str) -> None:
    tokens = resource_types(package)
    assert len(tokens) >= {"snowflake": 148, "random": 8, "tls": 4}[package]
    for token in tokens:
        spec = type_spec(package, token)
        assert spec is not None
        assert spec.outputs, token
        seen: set[str] = set()
        open_types = [object_type for known in spec.properties.values() for object_type in nested(known.type)]
        while open_types:
            object_type = open_types.pop()
            if object_type.name not in seen:
                seen.add(object_type.name)
                open_types += [inner for known in object_type.properties.values() for inner in nested(known.type)]


AZURE_MODULES = (
    "app", "authorization", "cdn", "consumption", "containerregistry", "frontdoor", "keyvault", "managedidentity",
    "monitor", "operationalinsights", "privatedns", "resources", "storage",
)  # fmt: skip


@pytest.mark.parametrize("module", AZURE_MODULES)
def test_every_type_of_the_azure_modules_in_use_introspects(module: str) -> None:
    tokens = [token for token in resource_types("azure-native") if token.split(":")[1] == module]
    assert tokens
    for token in tokens:
        spec = type_spec("azure-native", token)
        assert spec is not None
        assert spec.properties, token


def test_a_type_that_does_not_exist() -> None:
    assert type_spec("snowflake", "snowflake:index/submarine:Submarine") is None
    assert type_spec("azure-native", "azure-native:app:Submarine") is None


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(ModuleNotFoundError, match="pulumi_atlantis"):
        resource_types("atlantis")


def test_what_a_type_tells() -> None:
    spec = type_spec("snowflake", TABLE)
    assert spec is not None
    assert set(spec.required) == {"columns", "database", "schema"}
    columns = spec.properties["columns"]
    assert columns.type.kind is Kind.LIST
    assert columns.type.element is not None
    assert columns.type.element.fields is not None
    assert columns.type.element.fields.properties["nullable"].type.kind is Kind.BOOLEAN
    assert columns.type.element.fields.properties["name"].required
    assert spec.properties["dataRetentionTimeInDays"].python_name == "data_retention_time_in_days"
    assert {"fullyQualifiedName", "owner"} <= spec.outputs
    assert "owner" not in spec.properties


def test_inputs_that_fit() -> None:
    columns = [{"name": "ID", "type": "VARCHAR", "nullable": False}]
    assert failed("snowflake", TABLE, {"database": "D", "schema": "S", "columns": columns}) == []
    vault = {
        "resourceGroupName": "rg",
        "properties": {"tenantId": "t", "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True},
    }
    assert failed("azure-native", VAULT, vault) == []


def test_unknown_missing_and_ill_typed_inputs_each_with_their_path() -> None:
    inputs = {
        "resourceGroupName": "rg",
        "properties": {
            "sku": {"family": "A", "name": "standard", "colour": "blue"},
            "enableRbacAuthorization": "yes",
            "accessPolicies": [{"tenantId": "t", "objectId": "o", "permissions": {"secrets": "get"}}],
        },
        "shape": "round",
    }
    assert failed("azure-native", VAULT, inputs) == [
        "properties.accessPolicies[0].permissions.secrets",
        "properties.enableRbacAuthorization",
        "properties.sku.colour",
        "properties.tenantId",
        "shape",
    ]


@pytest.mark.parametrize("wrong", ["60", True, 1.5, ["x"], {"a": 1}])
def test_a_number_that_is_none(wrong: object) -> None:
    assert failed("snowflake", WAREHOUSE, {"autoSuspend": wrong}) == ["autoSuspend"]


def test_null_is_not_given() -> None:
    assert failed("snowflake", WAREHOUSE, {"autoSuspend": None}) == []
    assert failed("snowflake", TABLE, {"database": None, "schema": "S", "columns": []}) == ["database"]


def test_unknown_values_fit_everywhere() -> None:
    columns = [{"name": UNKNOWN, "type": UNKNOWN}, UNKNOWN]
    assert failed("snowflake", TABLE, {"database": UNKNOWN, "schema": "S", "columns": columns}) == []
    app = {"resourceGroupName": UNKNOWN, "template": {"containers": UNKNOWN, "scale": {"minReplicas": UNKNOWN}}}
    assert failed("azure-native", CONTAINER_APP, app) == []


def test_an_open_enumeration_takes_any_text_and_a_closed_one_does_not() -> None:
    ingress = {"configuration": {"ingress": {"transport": "carrier-pigeon"}}, "resourceGroupName": "rg"}
    assert failed("azure-native", CONTAINER_APP, ingress) == []
    closed = {"resourceGroupName": "rg", "properties": {"tenantId": "t", "sku": {"family": "A", "name": "golden"}}}
    assert failed("azure-native", VAULT, closed) == ["properties.sku.name"]


def test_no_value_is_told_since_it_may_be_a_secret() -> None:
    spec = type_spec("azure-native", "azure-native:keyvault:Secret")
    assert spec is not None
    failures = validate(spec, {"resourceGroupName": "rg", "vaultName": "v", "properties": {"value": ["hunter2"]}})
    assert [failure.property for failure in failures] == ["properties.value"]
    assert "hunter2" not in failures[0].reason


def test_a_near_miss_is_told() -> None:
    spec = type_spec("snowflake", WAREHOUSE)
    assert spec is not None
    (failure,) = validate(spec, {"auto_suspend": 60})
    assert "autoSuspend is meant?" in failure.reason


def test_the_provider_resource() -> None:
    spec = provider_spec("snowflake")
    inputs = decode_provider_inputs(
        spec, {"accountName": "A", "previewFeaturesEnabled": '["snowflake_table_resource"]', "port": "443"}
    )
    assert inputs == {"accountName": "A", "previewFeaturesEnabled": ["snowflake_table_resource"], "port": 443}
    assert validate(spec, inputs) == []
    broken = decode_provider_inputs(spec, {"port": "harbour", "nonsense": "x"})
    assert sorted(failure.property for failure in validate(spec, broken)) == ["nonsense", "port"]


def test_reading_types_leaves_the_sdk_itself_unloaded() -> None:
    program = (
        "import sys\n"
        "from emulator.introspection import type_spec\n"
        f"assert type_spec('snowflake', {WAREHOUSE!r}).properties\n"
        f"assert type_spec('azure-native', {VAULT!r}).properties\n"
        "assert 'pulumi_snowflake' not in sys.modules\n"
        "assert 'pulumi_azure_native' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ".", "PATH": ""})
