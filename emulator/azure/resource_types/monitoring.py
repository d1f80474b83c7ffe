"""Diagnostic settings, action groups, budgets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from emulator.azure.errors import AzureError, resource_not_found
from emulator.azure.identifiers import key, new_guid, subscription_of
from emulator.azure.kinds import Name, Operation, ResourceKind
from emulator.azure.resource_types.foundation import RESOURCE_GROUP
from emulator.azure.rules import (
    Inputs,
    allowed,
    at,
    between,
    distinct,
    exactly_one,
    items,
    matches,
)
from emulator.package import CheckFailure
from emulator.values import UNKNOWN

DIAGNOSTIC_SETTINGS = "Microsoft.Insights/diagnosticSettings"
_DESTINATIONS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")

# Log categories by type (learn.microsoft.com/azure/azure-monitor/reference/logs-index); a type not here has none.
_LOG_CATEGORIES: Mapping[str, frozenset[str]] = {
    "microsoft.keyvault/vaults": frozenset({"AuditEvent", "AzurePolicyEvaluationDetails"}),
    "microsoft.app/managedenvironments": frozenset(
        {
            "ContainerAppConsoleLogs",
            "ContainerAppSystemLogs",
            "AppEnvSpringAppConsoleLogs",
            "AppEnvSessionConsoleLogs",
            "AppEnvSessionPoolEventLogs",
            "AppEnvSessionLifeCycleLogs",
        }
    ),
    "microsoft.containerregistry/registries": frozenset(
        {"ContainerRegistryRepositoryEvents", "ContainerRegistryLoginEvents"}
    ),
    "microsoft.operationalinsights/workspaces": frozenset({"Audit", "SummaryLogs", "Jobs"}),
    "microsoft.network/networksecuritygroups": frozenset(
        {"NetworkSecurityGroupEvent", "NetworkSecurityGroupRuleCounter"}
    ),
    "microsoft.network/virtualnetworks": frozenset({"VMProtectionAlerts"}),
}


def _diagnostic_destinations(inputs: Inputs) -> Iterator[CheckFailure]:
    if all(inputs.get(name) is None for name in _DESTINATIONS):
        yield CheckFailure("workspaceId", f"Azure requires a destination: one of {', '.join(_DESTINATIONS)}")
    if not inputs.get("logs") and not inputs.get("metrics"):
        yield CheckFailure("logs", "Azure requires at least one log or metric category")
    for index, log in enumerate(items(inputs, "logs")):
        days = at(log, "retentionPolicy.days")
        if isinstance(days, int) and days > 0 and at(log, "retentionPolicy.enabled") is True:
            yield CheckFailure(
                f"logs[{index}].retentionPolicy",
                "Azure has retired retention here: set it on the workspace or the storage",
            )


def _complete_diagnostics(operation: Operation) -> None:
    store = operation.store
    target = store.find(str(operation.inputs["resourceUri"]))
    if target is None:
        raise resource_not_found(str(operation.inputs["resourceUri"]))
    categories = _LOG_CATEGORIES.get(target.type.lower(), frozenset())
    for log in items(operation.body, "logs"):
        category, group = log.get("category"), log.get("categoryGroup")
        if (category is not None and category not in categories) or (group is not None and not categories):
            raise AzureError(
                400,
                "BadRequest",
                f"Category '{category or group}' is not supported for a resource of type {target.type}; "
                f"supported: {', '.join(sorted(categories)) or 'none'}.",
            )
    destination = operation.body.get("workspaceId")
    for other in store.within(f"{target.id}/providers/{DIAGNOSTIC_SETTINGS}"):
        same = other.body.get("workspaceId")
        if (
            other.key != key(operation.id)
            and destination is not None
            and same is not None
            and key(same) == key(destination)
        ):
            raise AzureError(
                409,
                "Conflict",
                f"Data sink '{destination}' is already used in diagnostic setting '{other.name}' for the resource "
                f"'{target.id}': a category may go to a sink once.",
            )
    operation.body.setdefault("logs", [])
    operation.body.setdefault("metrics", [])


def _complete_group(operation: Operation) -> None:
    for receiver in items(operation.body, "emailReceivers"):
        receiver["status"] = "Enabled"
    operation.body.setdefault("enabled", True)


def _budget_period(inputs: Inputs) -> Iterator[CheckFailure]:
    start, end = at(inputs, "timePeriod.startDate"), at(inputs, "timePeriod.endDate")
    moments = []
    for place, text in (("timePeriod.startDate", start), ("timePeriod.endDate", end)):
        if isinstance(text, str):
            try:
                moments.append(datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None))
            except ValueError:
                yield CheckFailure(place, f"'{text}' is not a date such as 2026-01-01T00:00:00Z")
    if isinstance(start, str) and moments and moments[0].day != 1:
        yield CheckFailure("timePeriod.startDate", f"'{start}' is not the first day of a month")
    if len(moments) == 2 and moments[1] <= moments[0]:
        yield CheckFailure("timePeriod.endDate", "the end is not after the start")


def _budget_notifications(inputs: Inputs) -> Iterator[CheckFailure]:
    notifications = inputs.get("notifications")
    if not isinstance(notifications, Mapping):
        return
    if len(notifications) > 5:
        yield CheckFailure("notifications", f"{len(notifications)} notifications are too many: a budget may have 5")
    for name, notification in notifications.items():
        if notification is UNKNOWN or not isinstance(notification, Mapping):
            continue
        receivers = [notification.get(kind) for kind in ("contactEmails", "contactRoles", "contactGroups")]
        if not any(receiver is UNKNOWN or receiver for receiver in receivers):
            yield CheckFailure(
                f'notifications["{name}"].contactEmails', "a notification needs an e-mail address, role or group"
            )


def _complete_budget(operation: Operation) -> None:
    scope = "/" + str(operation.inputs["scope"]).strip("/")
    if subscription_of(scope).lower() != operation.configuration.subscription_id.lower():
        raise AzureError(
            404, "SubscriptionNotFound", f"The subscription '{subscription_of(scope)}' could not be found."
        )
    if scope.count("/") > 2 and operation.store.find(scope) is None:
        raise resource_not_found(scope)
    if operation.body.get("category") == "Cost":
        operation.body["currentSpend"] = {"amount": 0, "unit": "USD"}
    operation.body["eTag"] = f'"{new_guid()}"'
    operation.body["timePeriod"].setdefault("endDate", _ten_years_after(operation.body["timePeriod"]["startDate"]))


def _ten_years_after(start: str) -> str:
    return re.sub(r"^\d{4}", lambda year: str(int(year[0]) + 10), start)


KINDS = (
    ResourceKind(
        "monitor:DiagnosticSetting",
        aliases=("insights:DiagnosticSetting",),
        path="/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
        name=Name("name", r"[^*<>%&:\\?+/]{1,260}", "1 to 260 characters, none of * < > % & : \\ ? + /"),
        rules=(
            _diagnostic_destinations,
            exactly_one("logs[]", "category", "categoryGroup"),
            allowed("logs[].categoryGroup", ("allLogs", "audit")),
            allowed("logAnalyticsDestinationType", ("Dedicated", "AzureDiagnostics")),
        ),
        links={
            "workspaceId": "Microsoft.OperationalInsights/workspaces",
            "storageAccountId": "Microsoft.Storage/storageAccounts",
        },
        complete=_complete_diagnostics,
    ),
    ResourceKind(
        "monitor:ActionGroup",
        aliases=("insights:ActionGroup",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Insights/actionGroups/{{actionGroupName}}",
        name=Name(
            "actionGroupName",
            r"[^*<>%&:\\?+/]{1,259}[^*<>%&:\\?+/. ]|[^*<>%&:\\?+/. ]",
            "1 to 260 characters, none of * < > % & : \\ ? + /, not ending with a period or space",
        ),
        rules=(
            matches("groupShortName", r".{1,12}", "1 to 12 characters"),
            *(
                distinct(f"{receivers}Receivers", "name")
                for receivers in (
                    "email",
                    "sms",
                    "webhook",
                    "voice",
                    "logicApp",
                    "azureFunction",
                    "armRole",
                    "eventHub",
                )
            ),
            matches("emailReceivers[].emailAddress", r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address is expected"),
            matches("webhookReceivers[].serviceUri", r"https?://.+", "a URL is expected"),
        ),
        complete=_complete_group,
    ),
    ResourceKind(
        "consumption:Budget",
        path="/{scope}/providers/Microsoft.Consumption/budgets/{budgetName}",
        name=Name("budgetName", r"[a-zA-Z0-9_-]{1,63}", "1 to 63 letters, digits, underscores and hyphens"),
        rules=(
            _budget_period,
            _budget_notifications,
            between("amount", 0.01, 1e12),
            allowed("category", ("Cost", "ReservationUtilization")),
            allowed(
                "timeGrain",
                (
                    "Monthly",
                    "Quarterly",
                    "Annually",
                    "BillingMonth",
                    "BillingQuarter",
                    "BillingAnnual",
                    "Last7Days",
                    "Last30Days",
                ),
            ),
            between("notifications.*.threshold", 0, 1000, " per cent"),
            allowed("notifications.*.operator", ("EqualTo", "GreaterThan", "GreaterThanOrEqualTo", "LessThan")),
            allowed("notifications.*.thresholdType", ("Actual", "Forecasted")),
            matches("notifications.*.contactEmails[]", r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address is expected"),
        ),
        complete=_complete_budget,
    ),
)
