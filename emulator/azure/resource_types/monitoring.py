"""Diagnostic settings, action groups, alerts, tests from outside, workbooks, budgets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from emulator.azure.errors import AzureError, resource_not_found
from emulator.azure.identifiers import key, new_guid, subscription_of
from emulator.azure.kinds import Autoname, Name, Operation, ResourceKind
from emulator.azure.resource_types.foundation import RESOURCE_GROUP
from emulator.azure.rules import (
    Inputs,
    allowed,
    at,
    between,
    distinct,
    exactly_one,
    items,
    known,
    matches,
)
from emulator.azure.store import StoredResource
from emulator.package import CheckFailure
from emulator.values import UNKNOWN

DIAGNOSTIC_SETTINGS = "Microsoft.Insights/diagnosticSettings"
WORKBOOKS = "Microsoft.Insights/workbooks"
_OPERATORS = ("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual", "GreaterOrLessThan")
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
    "microsoft.network/publicipaddresses": frozenset(
        {"DDoSProtectionNotifications", "DDoSMitigationFlowLogs", "DDoSMitigationReports"}
    ),
    "microsoft.cdn/profiles": frozenset(
        {"FrontDoorAccessLog", "FrontDoorHealthProbeLog", "FrontDoorWebApplicationFirewallLog", "AzureCdnAccessLog"}
    ),
    "microsoft.storage/storageaccounts/blobservices": frozenset({"StorageRead", "StorageWrite", "StorageDelete"}),
    "microsoft.insights/components": frozenset({"AppAvailabilityResults", "AppRequests", "AppTraces", "AppExceptions"}),
}
# Metrics by type (learn.microsoft.com/azure/azure-monitor/reference/metrics-index), those that alerts here ask for
# among them; a type not here offers none.
_METRICS: Mapping[str, frozenset[str]] = {
    "microsoft.cdn/profiles": frozenset(
        {
            "ByteHitRatio",
            "OriginHealthPercentage",
            "OriginLatency",
            "OriginRequestCount",
            "Percentage4XX",
            "Percentage5XX",
            "RequestCount",
            "RequestSize",
            "ResponseSize",
            "TotalLatency",
            "WebApplicationFirewallRequestCount",
        }
    ),
    "microsoft.app/containerapps": frozenset(
        {
            "CoresQuotaUsed",
            "CpuPercentage",
            "MemoryPercentage",
            "Replicas",
            "Requests",
            "ResponseTime",
            "RestartCount",
            "RxBytes",
            "TotalCoresQuotaUsed",
            "TxBytes",
            "UsageNanoCores",
            "WorkingSetBytes",
        }
    ),
    "microsoft.app/managedenvironments": frozenset({"EnvCoresQuotaLimit", "EnvCoresQuotaUtilization"}),
    "microsoft.keyvault/vaults": frozenset(
        {"Availability", "SaturationShoebox", "ServiceApiHit", "ServiceApiLatency", "ServiceApiResult"}
    ),
    "microsoft.containerregistry/registries": frozenset(
        {"StorageUsed", "SuccessfulPullCount", "SuccessfulPushCount", "TotalPullCount", "TotalPushCount"}
    ),
    "microsoft.storage/storageaccounts": frozenset(
        {"Availability", "Egress", "Ingress", "Transactions", "UsedCapacity"}
    ),
    "microsoft.storage/storageaccounts/blobservices": frozenset({"Availability", "BlobCapacity", "Transactions"}),
    "microsoft.network/virtualnetworks": frozenset({"PingMeshAverageRoundtripMs", "PingMeshProbesFailedPercent"}),
    "microsoft.network/privateendpoints": frozenset({"PEBytesIn", "PEBytesOut"}),
    "microsoft.operationalinsights/workspaces": frozenset({"Heartbeat", "Query Count"}),
    "microsoft.insights/components": frozenset({"availabilityResults/availabilityPercentage", "requests/failed"}),
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
    metrics = _METRICS.get(target.type.lower(), frozenset())
    for metric in items(operation.body, "metrics"):
        if metric.get("category") is not None and not metrics:
            raise AzureError(
                400, "BadRequest", f"Metric category '{metric['category']}' is not supported for {target.type}."
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


# Alerts

_SPANS = {"PT1M": 1, "PT5M": 5, "PT10M": 10, "PT15M": 15, "PT30M": 30, "PT45M": 45, "PT1H": 60, "PT2H": 120} | {
    "PT3H": 180,
    "PT4H": 240,
    "PT5H": 300,
    "PT6H": 360,
    "PT12H": 720,
    "P1D": 1440,
    "PT24H": 1440,
    "P2D": 2880,
}
_SPANS |= {f"PT{minutes}M": minutes for minutes in (60, 120, 180, 240, 300, 360, 1440, 2880)}
_SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
_MULTIPLE = "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria"
_WEB_TEST = "Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria"
_ALERT_NAME = Name(
    "ruleName",
    r"[^*<>%&:\\?+/#{}]{0,259}[^*<>%&:\\?+/#{}. ]",
    "1 to 260 characters, none of * < > % & : \\ ? + / # { }",
)


def _alert_spans(inputs: Inputs) -> Iterator[CheckFailure]:
    frequency, window = inputs.get("evaluationFrequency"), inputs.get("windowSize")
    for place, span in (("evaluationFrequency", frequency), ("windowSize", window)):
        if isinstance(span, str) and span not in _SPANS:
            yield CheckFailure(place, f"'{span}' is no span such as PT5M: {', '.join(sorted(_SPANS))}")
    if isinstance(frequency, str) and isinstance(window, str) and _SPANS.get(frequency, 0) > _SPANS.get(window, 9999):
        yield CheckFailure("windowSize", f"{window} is shorter than evaluationFrequency {frequency}")


def _metric_alert(inputs: Inputs) -> Iterator[CheckFailure]:
    location = inputs.get("location")
    if isinstance(location, str) and location.lower() != "global":
        yield CheckFailure("location", f"'{location}' is not possible: a metric alert exists in the location 'global'")
    kind, scopes = at(inputs, "criteria.odataType"), inputs.get("scopes")
    if isinstance(kind, str) and kind not in (_SINGLE, _MULTIPLE, _WEB_TEST):
        yield CheckFailure(
            "criteria.odataType", f"'{kind}' is no kind of criteria: {_SINGLE}, {_MULTIPLE}, {_WEB_TEST}"
        )
    if kind == _SINGLE and isinstance(scopes, list) and len(scopes) != 1:
        yield CheckFailure("scopes", f"{len(scopes)} scopes: criteria of a single resource have one")
    if kind == _WEB_TEST and isinstance(scopes, list) and len(scopes) != 2:
        yield CheckFailure("scopes", "the scopes of a test's alert are the test and its component")
    criteria = items(inputs, "criteria.allOf")
    if kind in (_SINGLE, _MULTIPLE) and not criteria and at(inputs, "criteria.allOf") is not UNKNOWN:
        yield CheckFailure("criteria.allOf", "Azure requires at least one criterion")


def _complete_metric_alert(operation: Operation) -> None:
    body, store = operation.body, operation.store
    targets: list[StoredResource] = []
    for scope in body["scopes"]:
        target = store.find(scope)
        if target is None:
            raise resource_not_found(scope)
        targets.append(target)
    for criterion in items(body, "criteria.allOf"):
        for target in targets:
            offered = _METRICS.get(target.type.lower(), frozenset())
            metric = criterion.get("metricName")
            if metric not in offered and not criterion.get("skipMetricValidation"):
                raise AzureError(
                    400,
                    "BadRequest",
                    f"Couldn't find a metric named {metric} for the resource {target.id}. "
                    f"Available: {', '.join(sorted(offered)) or 'none'}.",
                )
    if at(body, "criteria.webTestId") is not None:
        wanted = {key(body["criteria"]["webTestId"]), key(body["criteria"]["componentId"])}
        if wanted != {target.key for target in targets}:
            raise AzureError(400, "BadRequest", "The scopes must be the web test and the component of the criteria.")
        test = next(target for target in targets if target.key == key(body["criteria"]["webTestId"]))
        if body["criteria"]["failedLocationCount"] > len(test.body["locations"]):
            raise AzureError(400, "BadRequest", "failedLocationCount is more than the test has locations.")
    body["isMigrated"] = False


def _query_alert(inputs: Inputs) -> Iterator[CheckFailure]:
    scopes = inputs.get("scopes")
    if isinstance(scopes, list) and len(scopes) != 1:
        yield CheckFailure("scopes", f"{len(scopes)} scopes: a log alert has one")
    conditions = items(inputs, "criteria.allOf")
    if not conditions and at(inputs, "criteria.allOf") is not UNKNOWN:
        yield CheckFailure("criteria.allOf", "Azure requires a condition")
    if inputs.get("autoMitigate") is True and inputs.get("muteActionsDuration") is not None:
        yield CheckFailure("muteActionsDuration", "goes with autoMitigate false only")
    for index, condition in enumerate(conditions):
        place = f"criteria.allOf[{index}]"
        query = condition.get("query")
        if query is None or (isinstance(query, str) and not query.strip()):
            yield CheckFailure(f"{place}.query", "Azure requires the query of a log alert")
        for name in ("operator", "threshold", "timeAggregation"):
            if condition.get(name) is None:
                yield CheckFailure(f"{place}.{name}", f"Azure requires the {name} of a log alert")
        aggregation, column = condition.get("timeAggregation"), condition.get("metricMeasureColumn")
        if aggregation == "Count" and column is not None:
            yield CheckFailure(f"{place}.metricMeasureColumn", "Count counts rows: it takes no column")
        if aggregation in ("Average", "Maximum", "Minimum", "Total") and column is None:
            yield CheckFailure(f"{place}.metricMeasureColumn", f"{aggregation} needs the column that it is of")
        periods = at(condition, "failingPeriods.numberOfEvaluationPeriods")
        failing = at(condition, "failingPeriods.minFailingPeriodsToAlert")
        if isinstance(periods, int | float) and isinstance(failing, int | float) and failing > periods:
            yield CheckFailure(f"{place}.failingPeriods", f"{failing:g} failing of {periods:g} periods is not possible")


def _complete_query_alert(operation: Operation) -> None:
    scope = operation.store.find(operation.body["scopes"][0])
    if scope is None:
        raise resource_not_found(operation.body["scopes"][0])
    if scope.body.get("location") not in (None, operation.body["location"]):
        raise AzureError(
            400,
            "BadRequest",
            f"The alert's location must be its scope's, {scope.body['location']}, not {operation.body['location']}.",
        )
    operation.once("createdWithApiVersion", lambda: "2025-01-01-preview")
    operation.body |= {"isLegacyLogAnalyticsRule": False, "isWorkspaceAlertsStorageConfigured": False}
    operation.body["etag"] = f'"{new_guid()}"'


# Application Insights: tests from outside, workbooks

_TEST_LOCATIONS = frozenset(
    {
        "apac-hk-hkn-azr",
        "apac-jp-kaw-edge",
        "apac-sg-sin-azr",
        "emea-au-syd-edge",
        "emea-ch-zrh-edge",
        "emea-fr-pra-edge",
        "emea-gb-db3-azr",
        "emea-nl-ams-azr",
        "emea-ru-msa-edge",
        "emea-se-sto-edge",
        "latam-br-gru-edge",
        "us-ca-sjc-azr",
        "us-fl-mia-edge",
        "us-il-ch1-azr",
        "us-tx-sn1-azr",
        "us-va-ash-azr",
    }
)


def _complete_component(operation: Operation) -> None:
    if operation.body.get("workspaceResourceId") is None:
        raise operation.refuse(
            "BadRequest", "Classic Application Insights is retired: a component needs its workspaceResourceId."
        )
    instrumentation = operation.once("instrumentationKey", new_guid)
    application = operation.once("appId", new_guid)
    operation.once("creationDate", lambda: operation.timestamp)
    location = operation.body["location"]
    operation.body |= {
        "applicationId": operation.name,
        "tenantId": operation.configuration.subscription_id,
        "connectionString": f"InstrumentationKey={instrumentation};"
        f"IngestionEndpoint=https://{location}-0.in.applicationinsights.azure.com/;"
        f"LiveEndpoint=https://{location}.livediagnostics.monitor.azure.com/;ApplicationId={application}",
        "provisioningState": "Succeeded",
        "etag": f'"{new_guid()}"',
    }


def _web_test(inputs: Inputs) -> Iterator[CheckFailure]:
    for index, entry in enumerate(items(inputs, "locations")):
        place = entry.get("location")
        if isinstance(place, str) and place not in _TEST_LOCATIONS:
            yield CheckFailure(
                f"locations[{index}].location", f"'{place}' is no place of tests: {', '.join(sorted(_TEST_LOCATIONS))}"
            )
    if inputs.get("frequency") not in (None, UNKNOWN, 300, 600, 900):
        yield CheckFailure("frequency", f"{inputs.get('frequency')} is not possible: 300, 600 or 900 seconds")
    url = at(inputs, "request.requestUrl")
    if inputs.get("webTestKind") == "standard" and url is None:
        yield CheckFailure("request.requestUrl", "a standard test needs the address that it asks for")
    if isinstance(url, str) and not re.fullmatch(r"https?://[^\s]+", url):
        yield CheckFailure("request.requestUrl", f"'{url}' is no address")
    if isinstance(url, str) and at(inputs, "validationRules.sSLCheck") is True and not url.startswith("https://"):
        yield CheckFailure("validationRules.sSLCheck", "only an https address has a certificate")
    lifetime = at(inputs, "validationRules.sSLCertRemainingLifetimeCheck")
    if isinstance(lifetime, int) and not 1 <= lifetime <= 365:
        yield CheckFailure(
            "validationRules.sSLCertRemainingLifetimeCheck", f"{lifetime} is out of range: 1 to 365 days"
        )
    if known(lifetime) and at(inputs, "validationRules.sSLCheck") is not True:
        yield CheckFailure("validationRules.sSLCertRemainingLifetimeCheck", "goes with sSLCheck true only")
    tags = inputs.get("tags")
    links = [name for name in tags if name.startswith("hidden-link:")] if isinstance(tags, Mapping) else []
    if tags is not UNKNOWN and len(links) != 1:
        yield CheckFailure("tags", "a test needs one tag 'hidden-link:<component>' that says whose it is")


def _complete_web_test(operation: Operation) -> None:
    (link,) = (name for name in operation.body["tags"] if name.startswith("hidden-link:"))
    component = operation.store.find(link.removeprefix("hidden-link:"))
    if component is None or component.type != "Microsoft.Insights/components":
        raise resource_not_found(link.removeprefix("hidden-link:"))
    operation.body["provisioningState"] = "Succeeded"


def _workbook(inputs: Inputs) -> Iterator[CheckFailure]:
    text = inputs.get("serializedData")
    if isinstance(text, str):
        try:
            content = json.loads(text)
        except ValueError:
            yield CheckFailure("serializedData", "is not JSON")
            return
        if not isinstance(content, Mapping) or content.get("version") != "Notebook/1.0":
            yield CheckFailure("serializedData", 'is no workbook: its version is not "Notebook/1.0"')


def _complete_workbook(operation: Operation) -> None:
    title = operation.body["displayName"]
    group = key(operation.id).split("/providers/", 1)[0] + "/"
    for other in operation.store.of_type(WORKBOOKS):
        if other.key != key(operation.id) and other.key.startswith(group) and other.body.get("displayName") == title:
            raise AzureError(409, "Conflict", f"A workbook named '{title}' is in the resource group already.")
    operation.body["timeModified"] = operation.timestamp
    operation.body["revision"] = new_guid()
    operation.body["userId"] = operation.configuration.object_id
    operation.body["etag"] = f'"{new_guid()}"'


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
    if moments and isinstance(start, str) and moments[0] < datetime(2017, 6, 1):
        yield CheckFailure("timePeriod.startDate", f"'{start}' is before June 2017, when budgets began")
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
    _check_budget_start(operation)
    if operation.body.get("category") == "Cost":
        operation.body["currentSpend"] = {"amount": 0, "unit": "USD"}
    operation.body["eTag"] = f'"{new_guid()}"'
    operation.body["timePeriod"].setdefault("endDate", _ten_years_after(operation.body["timePeriod"]["startDate"]))


def _check_budget_start(operation: Operation) -> None:
    given = operation.body["timePeriod"]["startDate"]
    if operation.previous is not None:
        if given != operation.previous.body["timePeriod"]["startDate"]:
            raise AzureError(400, "BadRequest", "The start date of a budget cannot be changed once it is set.")
        return
    month = operation.now.strftime("%Y-%m")
    if operation.body.get("timeGrain") == "Monthly" and given[:7] < month:
        raise AzureError(
            400, "BadRequest", f"The start date '{given}' of a new monthly budget is before the current month, {month}."
        )


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
        "monitor:MetricAlert",
        aliases=("insights:MetricAlert",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Insights/metricAlerts/{{ruleName}}",
        name=_ALERT_NAME,
        rules=(
            _alert_spans,
            _metric_alert,
            between("severity", 0, 4),
            distinct("criteria.allOf", "name"),
            allowed("criteria.allOf[].timeAggregation", ("Average", "Count", "Maximum", "Minimum", "Total")),
            allowed("criteria.allOf[].operator", _OPERATORS),
            allowed("criteria.allOf[].dimensions[].operator", ("Include", "Exclude")),
        ),
        links={"actions[].actionGroupId": "Microsoft.Insights/actionGroups"},
        defaults={"autoMitigate": True},
        complete=_complete_metric_alert,
    ),
    ResourceKind(
        "monitor:ScheduledQueryRule",
        aliases=("insights:ScheduledQueryRule",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Insights/scheduledQueryRules/{{ruleName}}",
        name=_ALERT_NAME,
        rules=(
            _alert_spans,
            _query_alert,
            between("severity", 0, 4),
            allowed("kind", ("LogAlert", "SimpleLogAlert", "LogToMetric", "EventLogAlert")),
            allowed("criteria.allOf[].timeAggregation", ("Average", "Count", "Maximum", "Minimum", "Total")),
            allowed("criteria.allOf[].operator", _OPERATORS),
            allowed("criteria.allOf[].dimensions[].operator", ("Include", "Exclude")),
        ),
        links={"actions.actionGroups[]": "Microsoft.Insights/actionGroups"},
        complete=_complete_query_alert,
    ),
    ResourceKind(
        "applicationinsights:Component",
        aliases=("insights:Component",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Insights/components/{{resourceName}}",
        name=Name(
            "resourceName",
            r"[^*<>%&:\\?+/#]{1,254}[^*<>%&:\\?+/#. ]",
            "1 to 255 characters, none of * < > % & : \\ ? + / #, not ending with a period or space",
        ),
        rules=(
            allowed("applicationType", ("web", "other")),
            allowed("flowType", ("Bluefield",)),
            allowed(
                "ingestionMode", ("LogAnalytics", "ApplicationInsights", "ApplicationInsightsWithDiagnosticSettings")
            ),
        ),
        links={"workspaceResourceId": "Microsoft.OperationalInsights/workspaces"},
        defaults={"publicNetworkAccessForIngestion": "Enabled", "publicNetworkAccessForQuery": "Enabled"},
        complete=_complete_component,
    ),
    ResourceKind(
        "applicationinsights:WebTest",
        aliases=("insights:WebTest",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Insights/webtests/{{webTestName}}",
        name=Name("webTestName", r"[^*<>%&:\\?+/#]{1,260}", "1 to 260 characters, none of * < > % & : \\ ? + / #"),
        rules=(
            _web_test,
            allowed("webTestKind", ("ping", "multistep", "standard")),
            between("timeout", 1, 120, " seconds"),
            distinct("locations", "location"),
        ),
        complete=_complete_web_test,
    ),
    ResourceKind(
        "applicationinsights:Workbook",
        aliases=("insights:Workbook",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Insights/workbooks/{{resourceName}}",
        name=Name(
            "resourceName",
            r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
            "a workbook's name is a GUID; what people see is displayName",
            autoname=Autoname.GUID,
        ),
        rules=(_workbook, allowed("kind", ("shared", "user"))),
        complete=_complete_workbook,
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
