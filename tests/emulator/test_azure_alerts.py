"""Alerts, tests from outside, workbooks, budgets, and which logs and figures a resource has."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from tests.emulator.azure_provider import Azure, Made

GROUP = {"resourceGroupName": "rg-test"}
SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
WEB_TEST = "Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria"


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    clock = datetime(2026, 11, 23, tzinfo=UTC)
    azure = Azure(AzurePackage(AzureStore(tmp_path, clock=lambda: clock)))
    azure.group()
    return azure


def workspace(azure: Azure) -> Made:
    return azure.make("operationalinsights:Workspace", "logs", GROUP | {"workspaceName": "logs-test"})


def receivers(azure: Azure) -> Made:
    return azure.make("monitor:ActionGroup", "ag", GROUP | {"actionGroupName": "ag", "groupShortName": "ag"})


def edge(azure: Azure) -> Made:
    inputs = {"profileName": "afd", "location": "Global", "sku": {"name": "Premium_AzureFrontDoor"}}
    return azure.make("cdn:Profile", "afd", GROUP | inputs)


def metric_inputs(scope: Made, metric: str = "Percentage5XX", **more: Any) -> dict[str, Any]:
    criterion = {
        "criterionType": "StaticThresholdCriterion",
        "name": "one",
        "metricName": metric,
        "operator": "GreaterThan",
        "threshold": 5,
        "timeAggregation": "Average",
    }
    return (
        GROUP
        | {
            "ruleName": "errors",
            "location": "global",
            "severity": 1,
            "enabled": True,
            "scopes": [scope.id],
            "evaluationFrequency": "PT5M",
            "windowSize": "PT15M",
            "criteria": {"odataType": SINGLE, "allOf": [criterion]},
        }
        | more
    )


def test_a_metric_alert_asks_for_a_metric_that_there_is(azure: Azure) -> None:
    scope = edge(azure)
    azure.make("monitor:MetricAlert", "m", metric_inputs(scope, actions=[{"actionGroupId": receivers(azure).id}]))
    with pytest.raises(AzureError, match="Couldn't find a metric named Errors"):
        azure.make("monitor:MetricAlert", "m2", metric_inputs(scope, "Errors", ruleName="second"))


def test_a_metric_alert_is_global_and_looks_back_far_enough(azure: Azure) -> None:
    scope = edge(azure)
    refused = azure.refusals(
        "monitor:MetricAlert",
        metric_inputs(
            scope, location="centralus", severity=5, windowSize="PT1M", scopes=[scope.id, scope.id], enabled=True
        ),
    )
    assert set(refused) == {"location", "severity", "windowSize", "scopes"}
    assert "evaluationFrequency" in azure.refusals(
        "monitor:MetricAlert", metric_inputs(scope, evaluationFrequency="5m")
    )


def test_an_alert_without_its_receivers_is_refused(azure: Azure) -> None:
    nobody = f"{azure.group_id()}/providers/Microsoft.Insights/actionGroups/nobody"
    with pytest.raises(AzureError, match="nobody"):
        azure.make("monitor:MetricAlert", "m", metric_inputs(edge(azure), actions=[{"actionGroupId": nobody}]))


def query_inputs(scope: Made, **condition: Any) -> dict[str, Any]:
    return GROUP | {
        "ruleName": "restarts",
        "location": "centralus",
        "kind": "LogAlert",
        "severity": 2,
        "enabled": True,
        "scopes": [scope.id],
        "evaluationFrequency": "PT5M",
        "windowSize": "PT15M",
        "criteria": {
            "allOf": [
                {
                    "query": "ContainerAppSystemLogs | summarize Count = count()",
                    "timeAggregation": "Total",
                    "metricMeasureColumn": "Count",
                    "operator": "GreaterThan",
                    "threshold": 0,
                    "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
                }
                | condition
            ]
        },
    }


def test_a_log_alert_lies_beside_its_workspace(azure: Azure) -> None:
    scope = workspace(azure)
    azure.make("monitor:ScheduledQueryRule", "q", query_inputs(scope))
    with pytest.raises(AzureError, match="must be its scope's, centralus, not eastus"):
        azure.make("monitor:ScheduledQueryRule", "q2", query_inputs(scope) | {"ruleName": "b", "location": "eastus"})


def test_a_log_alerts_condition_is_whole(azure: Azure) -> None:
    scope = workspace(azure)
    place = "criteria.allOf[0]"
    for condition, where in (
        ({"query": "  "}, "query"),
        ({"timeAggregation": "Count"}, "metricMeasureColumn"),
        ({"metricMeasureColumn": None}, "metricMeasureColumn"),
        ({"threshold": None}, "threshold"),
        ({"operator": "Above"}, "operator"),
        ({"failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 2}}, "failingPeriods"),
    ):
        assert set(azure.refusals("monitor:ScheduledQueryRule", query_inputs(scope, **condition))) == {
            f"{place}.{where}"
        }


def insights(azure: Azure) -> Made:
    return azure.make(
        "applicationinsights:Component",
        "i",
        GROUP
        | {
            "resourceName": "appi",
            "kind": "web",
            "applicationType": "web",
            "workspaceResourceId": workspace(azure).id,
        },
    )


def web_test_inputs(component: Made, **more: Any) -> dict[str, Any]:
    return (
        GROUP
        | {
            "webTestName": "site",
            "syntheticMonitorId": "site",
            "webTestKind": "standard",
            "kind": "standard",
            "frequency": 300,
            "timeout": 30,
            "locations": [{"location": "us-va-ash-azr"}, {"location": "us-il-ch1-azr"}],
            "request": {"requestUrl": "https://www.example.com/"},
            "validationRules": {"expectedHttpStatusCode": 200, "sSLCheck": True, "sSLCertRemainingLifetimeCheck": 14},
            "tags": {f"hidden-link:{component.id}": "Resource"},
        }
        | more
    )


def test_a_test_from_outside_belongs_to_a_component(azure: Azure) -> None:
    component = insights(azure)
    test = azure.make("applicationinsights:WebTest", "w", web_test_inputs(component))
    assert set(azure.refusals("applicationinsights:WebTest", web_test_inputs(component, tags={"a": "b"}))) == {"tags"}
    criteria = {
        "odataType": WEB_TEST,
        "webTestId": test.id,
        "componentId": component.id,
        "failedLocationCount": 2,
    }
    alert = metric_inputs(test, criteria=criteria, scopes=[test.id, component.id])
    azure.make("monitor:MetricAlert", "m", alert)
    with pytest.raises(AzureError, match="more than the test has locations"):
        azure.make(
            "monitor:MetricAlert", "m2", alert | {"ruleName": "b", "criteria": criteria | {"failedLocationCount": 3}}
        )


def test_a_certificate_is_looked_at_on_https_only(azure: Azure) -> None:
    component = insights(azure)
    token = "applicationinsights:WebTest"
    plain = web_test_inputs(component, request={"requestUrl": "http://www.example.com/"})
    assert set(azure.refusals(token, plain)) == {"validationRules.sSLCheck"}
    unchecked = web_test_inputs(component, validationRules={"sSLCertRemainingLifetimeCheck": 400})
    assert set(azure.refusals(token, unchecked)) == {"validationRules.sSLCertRemainingLifetimeCheck"}
    assert {"locations[0].location", "frequency"} <= set(
        azure.refusals(token, web_test_inputs(component, locations=[{"location": "moon"}], frequency=60))
    )


def test_a_component_needs_a_workspace(azure: Azure) -> None:
    with pytest.raises(AzureError, match="needs its workspaceResourceId"):
        azure.make(
            "applicationinsights:Component",
            "i",
            GROUP | {"resourceName": "appi", "kind": "web", "applicationType": "web"},
        )


def test_a_workbook_is_one(azure: Azure) -> None:
    inputs = GROUP | {
        "resourceName": "2f9a1b0e-6f6a-5c3e-9d7a-000000000001",
        "kind": "shared",
        "category": "workbook",
        "displayName": "Platform",
        "serializedData": json.dumps({"version": "Notebook/1.0", "items": []}),
    }
    token = "applicationinsights:Workbook"
    azure.make(token, "w", inputs)
    with pytest.raises(AzureError, match="named 'Platform' is in the resource group already"):
        azure.make(token, "w2", inputs | {"resourceName": "2f9a1b0e-6f6a-5c3e-9d7a-000000000002"})
    assert "serializedData" in azure.refusals(token, inputs | {"serializedData": "{"})
    assert "serializedData" in azure.refusals(token, inputs | {"serializedData": '{"version": "1"}'})
    assert "resourceName" in azure.refusals(token, inputs | {"resourceName": "platform"})


def diagnostic_inputs(target: str, scope: Made, **more: Any) -> dict[str, Any]:
    return {"name": "d", "resourceUri": target, "workspaceId": scope.id} | more


def test_a_resource_sends_what_it_has(azure: Azure) -> None:
    scope, profile = workspace(azure), edge(azure)
    token = "monitor:DiagnosticSetting"
    logs, metrics = [{"categoryGroup": "allLogs", "enabled": True}], [{"category": "AllMetrics", "enabled": True}]
    azure.make(token, "d", diagnostic_inputs(profile.id, scope, logs=logs, metrics=metrics))
    identity = azure.identity()
    with pytest.raises(AzureError, match="is not supported for a resource of type"):
        azure.make(token, "e", diagnostic_inputs(identity.id, scope, logs=logs))
    with pytest.raises(AzureError, match="Metric category 'AllMetrics' is not supported"):
        azure.make(token, "f", diagnostic_inputs(identity.id, scope, metrics=metrics))


def budget_inputs(azure: Azure, start: str, **more: Any) -> dict[str, Any]:
    return {
        "scope": azure.group_id(),
        "budgetName": "month",
        "amount": 100,
        "category": "Cost",
        "timeGrain": "Monthly",
        "timePeriod": {"startDate": start},
    } | more


def test_a_budget_begins_this_month_or_later_and_keeps_its_beginning(azure: Azure) -> None:
    token = "consumption:Budget"
    with pytest.raises(AzureError, match="before the current month, 2026-11"):
        azure.make(token, "b", budget_inputs(azure, "2026-10-01T00:00:00Z"))
    made = azure.make(token, "b", budget_inputs(azure, "2026-11-01T00:00:00Z"))
    with pytest.raises(AzureError, match="cannot be changed once it is set"):
        azure.update(made, budget_inputs(azure, "2026-12-01T00:00:00Z"))
    assert azure.update(made, budget_inputs(azure, "2026-11-01T00:00:00Z", amount=200)).outputs["amount"] == 200
    assert "timePeriod.startDate" in azure.refusals(token, budget_inputs(azure, "2016-01-01T00:00:00Z"))
