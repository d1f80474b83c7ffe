"""What is written down, what is told to whom, and what may be spent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.graph.resources import ResourceGraph
from policies.policy import (
    TEXTS,
    Breach,
    Parameter,
    Parameters,
    Policy,
    Properties,
    Severity,
    each,
    each_in_graph,
    properties,
    whole_number,
)

_SETTING: Final = "azure-native:monitor:DiagnosticSetting"
_ALERTS: Final = ("azure-native:monitor:MetricAlert", "azure-native:monitor:ScheduledQueryRule")
_BUDGET: Final = "azure-native:consumption:Budget"
_WATCHED: Final = (
    "azure-native:keyvault:Vault",
    "azure-native:app:ManagedEnvironment",
    "azure-native:storage:StorageAccount",
    "azure-native:containerregistry:Registry",
    "azure-native:cdn:Profile",
)
_MONITOR: Final = "https://learn.microsoft.com/azure/azure-monitor/"


def _diagnostics(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    settings: dict[str, list[str]] = {}
    for setting in graph.of_types(_SETTING):
        for urn in setting.sources.get("resourceUri", ()):
            settings.setdefault(urn, []).append(setting.urn)
    for resource in graph.of_types(*parameters["watched"]):
        if not any(_keeps_logs(graph, urn) for urn in settings.get(resource.urn, ())):
            yield Breach(resource.urn, "no diagnostic setting sends its logs to a workspace or an archive")


def _keeps_logs(graph: ResourceGraph, urn: str) -> bool:
    inputs = properties(graph.by_urn[urn])
    if not (inputs.has("workspaceId") or inputs.has("storageAccountId")):
        return False
    return any(log.flag("enabled") for log in inputs.parts("logs"))


@each("azure-native:operationalinsights:Workspace")
def _retention(workspace: Properties, parameters: Parameters) -> Iterator[str]:
    days = workspace.number("retentionInDays")
    if days is None or days < parameters["minimum_days"]:
        yield f"retentionInDays is not {parameters['minimum_days']} at least"


@each_in_graph(_BUDGET, "azure-native:resources:ResourceGroup")
def _budgets(inputs: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    if inputs.resource.short_type != _BUDGET:
        scopes = [budget.sources.get("scope", ()) for budget in graph.of_types(_BUDGET)]
        if not any(inputs.urn in scope for scope in scopes):
            yield "no budget is over it"
        return
    if not inputs.number("amount"):
        yield "amount is not set"
    notifications = inputs.part("notifications")
    told = [notifications.part(name) for name, _ in notifications.items()]
    if not any(
        each.flag("enabled") and any(each.filled(key) for key in ("contactEmails", "contactGroups", "contactRoles"))
        for each in told
    ):
        yield "notifications tell nobody"


@each(*_ALERTS)
def _alerts_told(alert: Properties, _: Parameters) -> Iterator[str]:
    if alert.flag("enabled") is False:
        yield "enabled is false"
    actions = "actions" if alert.resource.short_type == _ALERTS[0] else "actions.actionGroups"
    if not alert.filled(actions):
        yield f"{actions} is empty: it tells nobody"


def _alerts_present(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    served = list(graph.of_types(*parameters["watched"]))
    if served and not any(True for _ in graph.of_types(*_ALERTS)):
        yield Breach(served[0].urn, "no alert rule is declared at all")
    yield from _alerts_told(graph, parameters)


@each("azure-native:monitor:ActionGroup")
def _receivers(group: Properties, _: Parameters) -> Iterator[str]:
    if group.flag("enabled") is False:
        yield "enabled is false"
    if not any(group.filled(name) for name, _ in group.items() if name.endswith("Receivers")):
        yield "it has no receivers"


POLICIES: Final = (
    Policy(
        id="diagnostic-settings-present",
        title="Who did what is written down",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(b)", "45 CFR 164.308(a)(1)(ii)(D)", "Azure benchmark LT-3"),
        remediation="Declare a DiagnosticSetting with enabled logs, to a workspace or a storage account.",
        link=_MONITOR + "essentials/diagnostic-settings",
        check=_diagnostics,
        parameters={
            "watched": Parameter(
                list(_WATCHED), "Types of resources whose logs are to be kept, without versions.", TEXTS
            )
        },
    ),
    Policy(
        id="log-retention",
        title="Logs are kept long enough",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(b)", "45 CFR 164.316(b)(2)(i)", "Azure benchmark LT-6"),
        remediation="Set the workspace's retentionInDays; what must last six years goes to an archive too.",
        link=_MONITOR + "logs/data-retention-configure",
        check=_retention,
        parameters={"minimum_days": Parameter(30, "Days of logs in a workspace, at least.", whole_number(30, 730))},
    ),
    Policy(
        id="budget-present",
        title="Every resource group has a budget that tells somebody",
        severity=Severity.LOW,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)",),
        remediation="Declare a consumption Budget over the group, with an amount and notifications.",
        link="https://learn.microsoft.com/azure/cost-management-billing/costs/tutorial-acm-create-budgets",
        check=_budgets,
    ),
    Policy(
        id="alert-rules-present",
        title="Alert rules are there, switched on, and tell somebody",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(1)(ii)(D)", "45 CFR 164.308(a)(6)(ii)", "Azure benchmark LT-1"),
        remediation="Declare MetricAlerts or ScheduledQueryRules, enabled, with action groups.",
        link=_MONITOR + "alerts/alerts-overview",
        check=_alerts_present,
        parameters={
            "watched": Parameter(
                ["azure-native:app:ManagedEnvironment"],
                "Types of resources, without versions, whose presence asks for alert rules.",
                TEXTS,
            )
        },
    ),
    Policy(
        id="alert-receivers",
        title="An alert reaches somebody",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(6)(ii)", "Azure benchmark IR-2"),
        remediation="Give the ActionGroup a receiver, and enable it.",
        link=_MONITOR + "alerts/action-groups",
        check=_receivers,
    ),
)
