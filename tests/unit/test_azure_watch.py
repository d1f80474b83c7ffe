"""Watching and paying: every log has its way, every alert its reader, every budget its marks."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.recording import Graph
from tests.unit.test_azure import DIAGNOSTIC, WORKSPACE
from tests.unit.test_settings import problems, put

METRIC_ALERT = "azure-native:monitor:MetricAlert"
QUERY_ALERT = "azure-native:monitor:ScheduledQueryRule"
WEB_TEST = "azure-native:applicationinsights:WebTest"

#: Types that write neither logs nor figures, or whose are their parent's.
SILENT = {
    "azure-native:app:Job",  # its logs are the environment's
    "azure-native:applicationinsights:Component",  # it writes into the workspace as it is
    "azure-native:applicationinsights:WebTest",
    "azure-native:applicationinsights:Workbook",
    "azure-native:authorization:RoleAssignment",  # the subscription's activity log
    "azure-native:cdn:AFDEndpoint",
    "azure-native:cdn:AFDOrigin",
    "azure-native:cdn:AFDOriginGroup",
    "azure-native:cdn:Route",
    "azure-native:cdn:Rule",
    "azure-native:cdn:RuleSet",
    "azure-native:cdn:SecurityPolicy",
    "azure-native:consumption:Budget",
    "azure-native:frontdoor:Policy",  # its log is Front Door's
    "azure-native:keyvault:Secret",
    "azure-native:managedidentity:FederatedIdentityCredential",
    "azure-native:managedidentity:UserAssignedIdentity",
    "azure-native:monitor:ActionGroup",
    "azure-native:monitor:DiagnosticSetting",
    "azure-native:monitor:MetricAlert",
    "azure-native:monitor:ScheduledQueryRule",
    "azure-native:network:NatGateway",
    "azure-native:network:PrivateDnsZoneGroup",
    "azure-native:network:PrivateEndpoint",  # bytes in and out alone: nothing to look into
    "azure-native:privatedns:PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink",
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:ManagementPolicy",
}


def test_every_resource_that_offers_logs_has_a_setting(graph: Graph) -> None:
    heard = {one.inputs["resourceUri"].removesuffix("/blobServices/default") for one in graph.of(DIAGNOSTIC)}
    wanted = {
        f"{one.name}-id" for one in graph.resources if one.type.startswith("azure-native:") and one.type not in SILENT
    }
    assert heard == wanted
    for one in graph.of(DIAGNOSTIC):
        assert one.inputs["workspaceId"] == "logs-id"
        assert one.inputs.get("logs") == [{"categoryGroup": "allLogs", "enabled": True}] or one.inputs["metrics"] == [
            {"category": "AllMetrics", "enabled": True}
        ]


def test_the_trail_of_vault_and_registry_is_kept_longer(graph: Graph) -> None:
    archived = {one.name for one in graph.of(DIAGNOSTIC) if one.inputs.get("storageAccountId") == "archive-id"}
    assert archived == {"vault-logs", "registry-logs"}
    (rule,) = graph.one("azure-native:storage:ManagementPolicy", "archive-retention").inputs["policy"]["rules"]
    delete = rule["definition"]["actions"]["baseBlob"]["delete"]
    assert delete == {"daysAfterModificationGreaterThan": 2192}
    assert graph.one(WORKSPACE, "logs").inputs["retentionInDays"] == 90


def test_what_is_alerted_on(graph: Graph) -> None:
    names = {one.name.removeprefix("alert-") for one in (*graph.of(METRIC_ALERT), *graph.of(QUERY_ALERT))}
    assert names == {
        "server-errors",
        "latency",
        "firewall-blocks",
        "outside-site",
        "outside-chat",
        "restarts",
        "failed-probes",
        "replica-ceiling",
        "vault-denied",
        "index-backlog",
    }


def test_every_alert_reaches_the_receivers(graph: Graph) -> None:
    group = graph.one("azure-native:monitor:ActionGroup", "receivers").inputs
    assert [one["emailAddress"] for one in group["emailReceivers"]] == ["on-call@videxa.example"]
    assert len(group["groupShortName"]) <= 12
    for one in graph.of(METRIC_ALERT):
        assert one.inputs["actions"] == [{"actionGroupId": "receivers-id"}]
        assert (one.inputs["enabled"], one.inputs["location"]) == (True, "global")
    for one in graph.of(QUERY_ALERT):
        assert one.inputs["actions"] == {"actionGroups": ["receivers-id"]}
        assert one.inputs["scopes"] == ["logs-id"]
        assert one.inputs["enabled"] is True


def test_no_alert_asks_for_what_a_container_wrote(graph: Graph) -> None:
    """Console logs may hold anything; an alert's mail must not."""
    for one in graph.of(QUERY_ALERT):
        (condition,) = one.inputs["criteria"]["allOf"]
        assert "ContainerAppConsoleLogs" not in condition["query"]
        assert "| project" not in condition["query"]
        for dimension in condition.get("dimensions", []):
            assert re.search(rf"by [^|]*{dimension['name']}", condition["query"]), dimension
        assert condition["metricMeasureColumn"] == "Count"


def test_the_ceilings_are_the_settings(graph: Graph) -> None:
    (condition,) = graph.one(QUERY_ALERT, "alert-replica-ceiling").inputs["criteria"]["allOf"]
    for app in ("agentnexus-backend", "agentnexus-site", "nexuschat"):
        assert f"'{app}', 3" in condition["query"]


def test_certificates_and_pages_are_tried_from_outside(graph: Graph) -> None:
    tests = {one.name: one.inputs for one in graph.of(WEB_TEST)}
    assert {one["request"]["requestUrl"] for one in tests.values()} == {
        "https://site-nexuschat-local-abcdefgh.z01.azurefd.net/",
        "https://chat-nexuschat-local-abcdefgh.z01.azurefd.net/health",
    }
    for name, one in tests.items():
        assert one["validationRules"] == {
            "expectedHttpStatusCode": 200,
            "sSLCheck": True,
            "sSLCertRemainingLifetimeCheck": 14,
        }
        assert len(one["locations"]) == 5
        assert one["tags"]["hidden-link:outside-id"] == "Resource"
        alert = graph.one(METRIC_ALERT, f"alert-{name}").inputs
        assert alert["scopes"] == [f"{name}-id", "outside-id"]
        assert alert["severity"] == 0


def test_the_workbook_opens_on_the_apps(graph: Graph) -> None:
    workbook = graph.one("azure-native:applicationinsights:Workbook", "workbook").inputs
    content = json.loads(workbook["serializedData"])
    assert content["fallbackResourceIds"] == ["logs-id"]
    titles = [item["content"]["title"] for item in content["items"] if item["type"] == 3]
    assert titles[:3] == ["Requests by app", "Replicas by app", "Restarts by app"]
    assert len(set(titles)) == len(titles) == 8
    assert all("Console" not in json.dumps(item) for item in content["items"])


def test_the_budget_warns_at_its_marks_and_of_the_forecast(graph: Graph) -> None:
    budget = graph.one("azure-native:consumption:Budget", "budget")
    assert (budget.inputs["amount"], budget.inputs["scope"]) == (2000, "resource-group-id")
    marks = {(one["thresholdType"], one["threshold"]) for one in budget.inputs["notifications"].values()}
    assert marks == {("Actual", 50), ("Actual", 80), ("Actual", 100), ("Forecasted", 100)}
    assert budget.ignore_changes == {"timePeriod"}
    start = budget.inputs["timePeriod"]["startDate"]
    assert start == f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("azure.alerts.emails", ["nobody"], "no e-mail address"),
        ("azure.alerts.server_error_percent", 0.01, "out of bounds"),
        ("azure.alerts.index_minutes", 61, "no span"),
        ("azure.budget.monthly_amount", 0, "out of bounds"),
        ("azure.log_retention_days", 29, "out of bounds"),
        ("apps.index.schedule", "every hour", "no schedule"),
    ],
)
def test_refused(config: dict[str, Any], path: str, value: Any, said: str) -> None:
    found = problems(put(config, path, value))
    assert len(found) == 1
    assert said in next(iter(found.values()))
