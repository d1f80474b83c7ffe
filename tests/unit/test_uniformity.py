"""Every tenant equals the template, but for what is declared to differ; each difference is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from isolation_graph import deployment

from policies.deployment.tenants import POLICIES
from policies.graph.resources import Resource, ResourceGraph
from policies.graph.uniformity import Difference, differences, tenants

THREE = ("HCS0001", "HCS0002", "HCS0003")


def changed(name: str, **inputs: Any) -> ResourceGraph:
    """Three tenants, with other inputs of one resource."""
    graph = deployment(tenants=THREE)
    assert any(resource.name == name for resource in graph.resources)
    return ResourceGraph(
        replace(resource, inputs={**resource.inputs, **inputs}) if resource.name == name else resource
        for resource in graph.resources
    )


def without(name: str) -> ResourceGraph:
    return ResourceGraph(resource for resource in deployment(tenants=THREE).resources if resource.name != name)


def test_tenants_from_one_template_do_not_differ() -> None:
    graph = deployment(tenants=THREE)
    assert differences(graph) == []
    counts = {name: len(resources) for name, resources in tenants(graph).items()}
    assert counts.keys() == set(THREE)
    assert len(set(counts.values())) == 1
    assert counts["HCS0001"] > 20


def test_a_setting_of_its_own_is_named() -> None:
    (difference,) = differences(changed("HCS0002-warehouse", warehouseSize="LARGE"))
    assert difference == Difference(
        "HCS0002", "HCS0002-warehouse", 'Warehouse\'s warehouseSize is "LARGE", the other tenants\' "XSMALL"'
    )


def test_a_declared_exception_is_none() -> None:
    graph = changed("HCS0002-warehouse", warehouseSize="LARGE")
    assert differences(graph, {"HCS0002": ["warehouse_size"]}) == []
    # It excuses this setting of this tenant alone.
    assert len(differences(graph, {"HCS0002": ["monthly_credits"]})) == 1
    assert len(differences(graph, {"HCS0003": ["warehouse_size"]})) == 1


def test_an_exception_in_a_statement_is_excused_with_it() -> None:
    def row(tenant: str, size: str) -> Resource:
        urn = f"urn:pulumi:local::nexuschat::snowflake:index/execute:Execute::{tenant}-row"
        component = f"urn:pulumi:local::nexuschat::videxa:snowflake:Organization::{tenant}"
        statement = f"SELECT '{size}' AS WAREHOUSE_SIZE, 50 AS MONTHLY_CREDITS"
        return Resource(urn, "snowflake:index/execute:Execute", {"execute": statement}, parent=component)

    graph = deployment(row("HCS0001", "XSMALL"), row("HCS0002", "LARGE"), row("HCS0003", "XSMALL"), tenants=THREE)
    assert [difference.resource for difference in differences(graph)] == ["HCS0002-row"]
    assert differences(graph, {"HCS0002": ["warehouse_size"]}) == []


@pytest.mark.parametrize(
    ("graph", "tenant", "resource", "found"),
    [
        (without("HCS0003-READ-future"), "HCS0003", "HCS0003-READ-future", "is missing"),
        (changed("HCS0001-schema", withManagedAccess="false"), "HCS0001", "HCS0001-schema", "withManagedAccess"),
        (changed("HCS0003-WRITE-all", withGrantOption=True), "HCS0003", "HCS0003-WRITE-all", "not set"),
        (
            changed("HCS0002-read-in-analyst", parentRoleName="HCS0001_ANALYST"),
            "HCS0002",
            "HCS0002-read-in-analyst",
            "HCS0001_ANALYST",
        ),
    ],
)
def test_every_kind_of_difference_is_named(graph: ResourceGraph, tenant: str, resource: str, found: str) -> None:
    (difference,) = differences(graph)
    assert (difference.tenant, difference.resource) == (tenant, resource)
    assert found in difference.found


def test_a_resource_of_one_tenant_alone_is_named() -> None:
    component = "urn:pulumi:local::nexuschat::videxa:snowflake:Organization::HCS0002"
    urn = "urn:pulumi:local::nexuschat::snowflake:index/view:View::HCS0002-own"
    view = Resource(urn, "snowflake:index/view:View", {"name": "OWN"}, parent=component)
    (difference,) = differences(deployment(view, tenants=THREE))
    assert difference == Difference("HCS0002", "HCS0002-own", "View is this tenant's alone")


def test_models_of_its_own_are_an_exception() -> None:
    component = "urn:pulumi:local::nexuschat::videxa:snowflake:Organization::HCS0002"
    urn = "urn:pulumi:local::nexuschat::snowflake:index/grantApplicationRole:GrantApplicationRole::HCS0002_APP-model-m"
    model = Resource(urn, "snowflake:index/grantApplicationRole:GrantApplicationRole", parent=component)
    graph = deployment(model, tenants=THREE)
    assert [difference.resource for difference in differences(graph)] == ["HCS0002_APP-model-m"]
    assert differences(graph, {"HCS0002": ["models"]}) == []


def test_another_maker_is_a_difference() -> None:
    graph = deployment(tenants=THREE)
    (users,) = (each.urn for each in graph.resources if each.name == "snowflake-useradmin")
    (difference,) = differences(
        ResourceGraph(
            replace(each, provider=f"{users}::id") if each.name == "HCS0002-CHAT_MESSAGES" else each
            for each in graph.resources
        )
    )
    assert difference.found == 'Table\'s provider\'s role is "USERADMIN", the other tenants\' "SYSADMIN"'


def test_an_exception_that_excuses_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="HCS0001: 'colour' is no setting of a tenant"):
        differences(deployment(), {"HCS0001": ["colour"]})


@pytest.mark.parametrize("order", [("HCS0001", "HCS0002"), ("HCS0002", "HCS0001")])
def test_a_policy_takes_what_rows_declare_in_whatever_order_they_come(order: tuple[str, str]) -> None:
    sizes = {"HCS0001": "XSMALL", "HCS0002": "SMALL"}

    def of(tenant: str) -> list[Resource]:
        own = deployment(tenants=[tenant]).resources
        component = next(each.urn for each in own if each.type == "videxa:snowflake:Organization")
        urn = f"{component.rpartition('::')[0]}$snowflake:index/execute:Execute::{tenant}-row"
        statement = f"MERGE INTO T USING (SELECT '{sizes[tenant]}' AS WAREHOUSE_SIZE, 50 AS MONTHLY_CREDITS)"
        row = Resource(urn, "snowflake:index/execute:Execute", {"execute": statement}, parent=component)
        return [
            replace(each, inputs={**each.inputs, "warehouseSize": sizes[tenant]}) if each.kind == "Warehouse" else each
            for each in own
            if tenant in each.name
        ] + [row]

    (policy,) = (each for each in POLICIES if each.id == "tenants-uniform")
    defaults = {name: parameter.default for name, parameter in policy.parameters.items()}
    graph = ResourceGraph(resource for tenant in order for resource in of(tenant))
    assert list(policy.check(graph, defaults)) == []
