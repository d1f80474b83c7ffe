"""Who hears of what: alerts, tests from outside, a workbook, a budget."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi_azure_native import applicationinsights, consumption, monitor

from components.base import Component

CRITICAL, ERROR, WARNING = 0, 1, 2
#: Azure Monitor looks every five minutes at the last fifteen.
FREQUENCY, WINDOW = "PT5M", "PT15M"
#: Places that the tests from outside come from; Azure advises five or more.
TEST_LOCATIONS = ("us-va-ash-azr", "us-il-ch1-azr", "us-tx-sn1-azr", "us-ca-sjc-azr", "us-fl-mia-edge")
#: Of the five places, how many must fail before it counts.
FAILED_LOCATIONS = 3
#: Per cent of the month's amount, spent or forecast, at which the receivers are told.
BUDGET_MARKS = (50, 80, 100)


@dataclass(frozen=True)
class Marks:
    """Above which each alert is raised; `index_minutes` is the longest that the index job may finish nothing."""

    server_error_percent: float
    latency_milliseconds: int
    restarts: int
    blocked_requests: int
    certificate_days: int
    index_minutes: int


@dataclass(frozen=True)
class WatchArgs:
    """`ceilings` are the most replicas of each app by name. `pages` are public addresses by label.

    `edge_id` is Front Door's profile, if there is one. `index_job` is the job's name, `workbook_key` any text that
    tells this workbook from every other.
    """

    environment: str
    resource_group_name: pulumi.Input[str]
    resource_group_id: pulumi.Input[str]
    location: str
    workspace_id: pulumi.Input[str]
    emails: tuple[str, ...]
    marks: Marks
    ceilings: Mapping[str, int]
    index_job: str
    pages: Mapping[str, pulumi.Input[str]]
    edge_id: pulumi.Input[str] | None
    monthly_amount: int
    workbook_key: str
    tags: Mapping[str, str]


class Watch(Component):
    """One action group; alerts on what users would notice first; a workbook that opens on the apps; a budget."""

    def __init__(self, name: str, args: WatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Watch", name, opts)
        self._args = args
        self.group = self.child(
            monitor.ActionGroup(
                "receivers",
                action_group_name=f"ag-nexuschat-{args.environment}",
                group_short_name="nexuschat",
                resource_group_name=args.resource_group_name,
                location="Global",
                enabled=True,
                email_receivers=[
                    monitor.MicrosoftCommonEmailReceiverArgs(
                        name=email.replace("@", " at "), email_address=email, use_common_alert_schema=True
                    )
                    for email in args.emails
                ],
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        for alert in log_alerts(args):
            self._log_alert(alert)
        if args.edge_id is not None:
            self._edge_alerts(args.edge_id)
            self._outside_tests()
        self._workbook()
        self._budget()
        self.action_group: pulumi.Output[str] = self.group.name
        self.register_outputs({"action_group": self.action_group})

    def _log_alert(self, alert: LogAlert) -> None:
        args = self._args
        self.child(
            monitor.ScheduledQueryRule(
                f"alert-{alert.label}",
                rule_name=f"nexuschat-{args.environment}-{alert.label}",
                resource_group_name=args.resource_group_name,
                location=args.location,
                kind="LogAlert",
                display_name=alert.title,
                description=alert.description,
                severity=alert.severity,
                enabled=True,
                scopes=[args.workspace_id],
                evaluation_frequency=alert.frequency,
                window_size=alert.window,
                auto_mitigate=True,
                # The tables come with the first record that is written into them.
                skip_query_validation=True,
                criteria=monitor.ScheduledQueryRuleCriteriaArgs(
                    all_of=[
                        monitor.ConditionArgs(
                            query=alert.query,
                            time_aggregation="Total",
                            metric_measure_column="Count",
                            operator=alert.operator,
                            threshold=alert.threshold,
                            dimensions=[
                                monitor.DimensionArgs(name=dimension, operator="Include", values=["*"])
                                for dimension in alert.dimensions
                            ],
                            failing_periods=monitor.ConditionFailingPeriodsArgs(
                                number_of_evaluation_periods=1, min_failing_periods_to_alert=1
                            ),
                        )
                    ]
                ),
                actions=monitor.ActionsArgs(action_groups=[self.group.id]),
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )

    def _metric_alert(
        self, label: str, description: str, severity: int, scopes: list[pulumi.Input[str]], criteria: Any
    ) -> None:
        args = self._args
        self.child(
            monitor.MetricAlert(
                f"alert-{label}",
                rule_name=f"nexuschat-{args.environment}-{label}",
                resource_group_name=args.resource_group_name,
                location="global",
                description=description,
                severity=severity,
                enabled=True,
                scopes=scopes,
                evaluation_frequency=FREQUENCY,
                window_size=WINDOW,
                auto_mitigate=True,
                criteria=criteria,
                actions=[monitor.MetricAlertActionArgs(action_group_id=self.group.id)],
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )

    def _edge_alerts(self, edge_id: pulumi.Input[str]) -> None:
        marks = self._args.marks
        for label, said, metric, aggregation, threshold, severity, dimensions in (
            ("server-errors", "Per cent of 5xx", "Percentage5XX", "Average", marks.server_error_percent, ERROR, {}),
            (
                "latency",
                "Milliseconds of apps",
                "OriginLatency",
                "Average",
                marks.latency_milliseconds,
                WARNING,
                {},
            ),
            (
                "firewall-blocks",
                "Requests that the firewall blocks",
                "WebApplicationFirewallRequestCount",
                "Total",
                marks.blocked_requests,
                WARNING,
                {"Action": ["Block"]},
            ),
        ):
            self._metric_alert(
                label,
                f"{said}: more than {threshold:g} in a quarter of an hour.",
                severity,
                [edge_id],
                monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
                    odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                    all_of=[
                        monitor.MetricCriteriaArgs(
                            criterion_type="StaticThresholdCriterion",
                            name=label,
                            metric_namespace="Microsoft.Cdn/profiles",
                            metric_name=metric,
                            time_aggregation=aggregation,
                            operator="GreaterThan",
                            threshold=threshold,
                            dimensions=[
                                monitor.MetricDimensionArgs(name=dimension, operator="Include", values=values)
                                for dimension, values in dimensions.items()
                            ]
                            or None,
                        )
                    ],
                ),
            )

    def _outside_tests(self) -> None:
        """Each public page is asked for from five places: it answers, and its certificate lasts."""
        args = self._args
        insights = self.child(
            applicationinsights.Component(
                "outside",
                resource_name_=f"appi-nexuschat-{args.environment}",
                resource_group_name=args.resource_group_name,
                location=args.location,
                kind="web",
                application_type="web",
                flow_type="Bluefield",
                ingestion_mode="LogAnalytics",
                workspace_resource_id=args.workspace_id,
                disable_local_auth=True,
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        for label, url in args.pages.items():
            test = self.child(
                applicationinsights.WebTest(
                    f"outside-{label}",
                    web_test_name=f"nexuschat-{args.environment}-{label}",
                    synthetic_monitor_id=f"nexuschat-{args.environment}-{label}",
                    resource_group_name=args.resource_group_name,
                    location=args.location,
                    web_test_kind="standard",
                    kind="standard",
                    enabled=True,
                    frequency=300,
                    timeout=30,
                    retry_enabled=True,
                    locations=[applicationinsights.WebTestGeolocationArgs(location=one) for one in TEST_LOCATIONS],
                    request=applicationinsights.WebTestPropertiesRequestArgs(
                        request_url=url, http_verb="GET", parse_dependent_requests=False, follow_redirects=True
                    ),
                    validation_rules=applicationinsights.WebTestPropertiesValidationRulesArgs(
                        expected_http_status_code=200,
                        s_sl_check=True,
                        s_sl_cert_remaining_lifetime_check=args.marks.certificate_days,
                    ),
                    # Azure finds a test's component by this tag.
                    tags=insights.id.apply(lambda id_: {**args.tags, f"hidden-link:{id_}": "Resource"}),
                    opts=self.child_options(),
                )
            )
            self._metric_alert(
                f"outside-{label}",
                f"The {label} does not answer, or its certificate ends within {args.marks.certificate_days} days.",
                CRITICAL,
                [test.id, insights.id],
                monitor.WebtestLocationAvailabilityCriteriaArgs(
                    odata_type="Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria",
                    web_test_id=test.id,
                    component_id=insights.id,
                    failed_location_count=FAILED_LOCATIONS,
                ),
            )

    def _workbook(self) -> None:
        args = self._args
        self.child(
            applicationinsights.Workbook(
                "workbook",
                resource_name_=str(uuid.uuid5(uuid.NAMESPACE_URL, args.workbook_key)),
                resource_group_name=args.resource_group_name,
                location=args.location,
                kind="shared",
                category="workbook",
                display_name=f"NexusChat, {args.environment}",
                source_id=args.workspace_id,
                version="1.0",
                serialized_data=pulumi.Output.from_input(args.workspace_id).apply(workbook_text),
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )

    def _budget(self) -> None:
        args = self._args
        options = self.child_options()
        # Azure takes the month in which the budget is made, and lets nobody change it.
        options.ignore_changes = ["timePeriod"]
        notifications = {
            f"{kind.lower()}-{mark}": consumption.NotificationArgs(
                enabled=True,
                operator="GreaterThanOrEqualTo",
                threshold=mark,
                threshold_type=kind,
                contact_emails=list(args.emails),
                contact_groups=[self.group.id],
            )
            for kind, marks in (("Actual", BUDGET_MARKS), ("Forecasted", BUDGET_MARKS[-1:]))
            for mark in marks
        }
        self.child(
            consumption.Budget(
                "budget",
                budget_name=f"nexuschat-{args.environment}",
                scope=args.resource_group_id,
                category="Cost",
                time_grain="Monthly",
                amount=args.monthly_amount,
                time_period=consumption.BudgetTimePeriodArgs(
                    start_date=datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")
                ),
                notifications=notifications,
                opts=options,
            )
        )


@dataclass(frozen=True)
class LogAlert:
    """A question to the logs: it is raised where `Count` of the answer is on the wrong side of the threshold."""

    label: str
    title: str
    description: str
    severity: int
    query: str
    threshold: float
    operator: str = "GreaterThan"
    dimensions: tuple[str, ...] = ()
    frequency: str = FREQUENCY
    window: str = WINDOW


def log_alerts(args: WatchArgs) -> list[LogAlert]:
    """The alerts that ask the workspace."""
    ceilings = ", ".join(f"'{app}', {most}" for app, most in sorted(args.ceilings.items()))
    return [
        LogAlert(
            "restarts",
            "A container restarts again and again",
            f"One app restarted more than {args.marks.restarts} times in a quarter of an hour.",
            ERROR,
            "ContainerAppSystemLogs\n"
            "| where Reason in ('ContainerCrashing', 'ContainerBackOff', 'ContainerTerminated', 'Error')\n"
            f"| where JobName != '{args.index_job}'\n"
            "| summarize Count = count() by ContainerAppName",
            args.marks.restarts,
            dimensions=("ContainerAppName",),
        ),
        LogAlert(
            "failed-probes",
            "A container's probes fail",
            "More than ten probes of one app failed in a quarter of an hour.",
            ERROR,
            "ContainerAppSystemLogs\n| where Reason == 'ProbeFailed'\n| summarize Count = count() by ContainerAppName",
            10,
            dimensions=("ContainerAppName",),
        ),
        LogAlert(
            "replica-ceiling",
            "An app has all the replicas that it may have",
            "One app ran at its ceiling for a quarter of an hour: raise max_replicas, or find out why.",
            WARNING,
            f"let ceilings = datatable(App: string, Most: long) [{ceilings}];\n"
            "AzureMetrics\n"
            "| where ResourceProvider =~ 'MICROSOFT.APP' and MetricName == 'Replicas'\n"
            "| extend App = tolower(Resource)\n"
            "| summarize Least = min(Maximum) by App\n"
            "| join kind=inner ceilings on App\n"
            "| where Least >= Most\n"
            "| summarize Count = count() by App",
            0,
            dimensions=("App",),
        ),
        LogAlert(
            "vault-denied",
            "The vault refused somebody",
            "Somebody without the right asked the key vault: 45 CFR 164.308(a)(1)(ii)(D) has it looked into.",
            ERROR,
            "AZKVAuditLogs\n"
            "| where HttpStatusCode == 403\n"
            "| summarize Count = count() by CallerIpAddress, OperationName",
            0,
            dimensions=("OperationName",),
        ),
        LogAlert(
            "index-backlog",
            "The search's index is not rebuilt",
            f"The index job finished nothing in {args.marks.index_minutes} minutes: work piles up, and new messages "
            "are not found.",
            ERROR,
            "ContainerAppSystemLogs\n"
            f"| where JobName == '{args.index_job}' and Reason == 'Completed'\n"
            "| summarize Count = count()",
            1,
            operator="LessThan",
            window=f"PT{args.marks.index_minutes}M",
            frequency="PT15M",
        ),
    ]


def _figures(metric: str, figure: str) -> str:
    return (
        f"AzureMetrics\n| where ResourceProvider =~ 'MICROSOFT.APP' and MetricName == '{metric}'\n"
        f"| summarize {figure} by Resource, bin(TimeGenerated, 5m)"
    )


def _events(table: str, condition: str, by: str) -> str:
    return f"{table}\n| where {condition}\n| summarize count() by {by}, bin(TimeGenerated, 15m)"


def workbook_text(workspace_id: str) -> str:
    """The workbook: requests, errors, replicas and restarts of the apps, refusals of vault and firewall."""
    charts = (
        ("Requests by app", _figures("Requests", "sum(Total)")),
        ("Replicas by app", _figures("Replicas", "max(Maximum)")),
        ("Restarts by app", _figures("RestartCount", "max(Maximum)")),
        ("Events by app", _events("ContainerAppSystemLogs", "isempty(JobName)", "ContainerAppName, Reason")),
        ("Index job", _events("ContainerAppSystemLogs", "isnotempty(JobName)", "Reason")),
        ("Vault: refusals", _events("AZKVAuditLogs", "HttpStatusCode == 403", "OperationName")),
        ("Edge: answers", _events("AzureDiagnostics", "Category == 'FrontDoorAccessLog'", "httpStatusCode_s")),
        (
            "Edge: the firewall",
            _events("AzureDiagnostics", "Category == 'FrontDoorWebApplicationFirewallLog'", "action_s, ruleName_s"),
        ),
    )
    items: list[dict[str, Any]] = [
        {"type": 1, "name": "title", "content": {"json": "## NexusChat\nThe four apps, the vault and the edge."}},
        {
            "type": 9,
            "name": "parameters",
            "content": {
                "version": "KqlParameterItem/1.0",
                "parameters": [
                    {
                        "version": "KqlParameterItem/1.0",
                        "name": "time",
                        "label": "Time",
                        "type": 4,
                        "value": {"durationMs": 14_400_000},
                        "typeSettings": {
                            "selectableValues": [
                                {"durationMs": milliseconds}
                                for milliseconds in (3_600_000, 14_400_000, 86_400_000, 604_800_000)
                            ]
                        },
                    }
                ],
            },
        },
        *(
            {
                "type": 3,
                "name": title,
                "customWidth": "50",
                "content": {
                    "version": "KqlItem/1.0",
                    "title": title,
                    "query": query,
                    "size": 0,
                    "timeContextFromParameter": "time",
                    "queryType": 0,
                    "resourceType": "microsoft.operationalinsights/workspaces",
                    "visualization": "timechart",
                },
            }
            for title, query in charts
        ),
    ]
    return json.dumps(
        {
            "version": "Notebook/1.0",
            "items": items,
            "fallbackResourceIds": [workspace_id],
            "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
        }
    )
