"""A month's floor and ceiling of each declared resource.

The floor is a month in which nobody does anything: replicas at their least and idle, warehouses suspended. The ceiling
is a month in which everything runs as much as the declaration lets it: replicas at their most and busy, every monitor's
credits used up. What is charged by use that nothing declares (stored data, requests, logs) is assumed where
prices.yaml says how much, and otherwise told and not added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cli.cost.graph import Resource
from cli.cost.prices import Prices

SNOWFLAKE, CONTAINERS, EDGE, LOGS, NETWORK, REGISTRY = (
    "Snowflake credits",
    "containers",
    "Front Door",
    "logs and alerts",
    "network",
    "registry",
)
CREDITS_AN_HOUR: Final = {
    "XSMALL": 1,
    "SMALL": 2,
    "MEDIUM": 4,
    "LARGE": 8,
    "XLARGE": 16,
    "XXLARGE": 32,
    "XXXLARGE": 64,
    "X4LARGE": 128,
    "X5LARGE": 256,
    "X6LARGE": 512,
}
"""docs.snowflake.com, "Overview of warehouses": each size doubles the one before."""
_INCLUDED_LOG_DAYS: Final = 31
_NO_OWN_COST: Final = ("videxa:", "pulumi:", "random:", "tls:")


@dataclass(frozen=True, slots=True)
class Line:
    """One resource's month, in the prices' currency."""

    area: str
    what: str
    floor: float
    ceiling: float
    tenant: str | None
    why: str


@dataclass
class Estimate:
    """All lines; `not_priced` counts types that nothing is known of, `by_use` what is charged by use alone."""

    lines: list[Line] = field(default_factory=list)
    not_priced: Counter[str] = field(default_factory=Counter)
    by_use: dict[str, tuple[int, str]] = field(default_factory=dict)
    unbounded: list[str] = field(default_factory=list)
    """What nothing declared stops, a line each."""

    def total(self, lines: Iterable[Line] | None = None) -> tuple[float, float]:
        chosen = self.lines if lines is None else list(lines)
        return sum(line.floor for line in chosen), sum(line.ceiling for line in chosen)

    def by_area(self) -> dict[str, tuple[float, float]]:
        areas = dict.fromkeys(line.area for line in self.lines)
        return {area: self.total(line for line in self.lines if line.area == area) for area in areas}

    def by_tenant(self) -> dict[str | None, tuple[float, float]]:
        """Each organisation's own, by name; what they share is under None."""
        tenants = sorted({line.tenant for line in self.lines if line.tenant is not None})
        shared = [None] if any(line.tenant is None for line in self.lines) else []
        return {
            tenant: self.total(line for line in self.lines if line.tenant == tenant) for tenant in [*tenants, *shared]
        }


Rule = Callable[[Resource], Iterable[Line]]


def estimate(graph: Iterable[Resource], prices: Prices, edition: str) -> Estimate:
    """The month of all resources in `graph`; `edition` is the Snowflake account's."""
    return _Estimator(list(graph), prices, edition).run()


class _Estimator:
    def __init__(self, graph: list[Resource], prices: Prices, edition: str) -> None:
        self.graph, self.prices = graph, prices
        self.credit = prices.of(f"snowflake_credit_{edition.lower()}")
        self.result = Estimate()
        self.monitors = {str(found.inputs.get("name")) for found in graph if found.type.endswith(":ResourceMonitor")}
        self.rules: dict[str, Rule] = {
            "snowflake:index/resourceMonitor:ResourceMonitor": self._monitor,
            "snowflake:index/warehouse:Warehouse": self._warehouse,
            "azure-native:app:ContainerApp": self._container_app,
            "azure-native:app:Job": self._job,
            "azure-native:cdn:Profile": self._front_door,
            "azure-native:operationalinsights:Workspace": self._workspace,
            "azure-native:monitor:ScheduledQueryRule": self._log_alert,
            "azure-native:monitor:MetricAlert": self._metric_alert,
            "azure-native:network:PrivateEndpoint": self._private_endpoint,
            "azure-native:network:NatGateway": self._nat_gateway,
            "azure-native:network:PublicIPAddress": self._public_address,
            "azure-native:applicationinsights:WebTest": self._web_test,
            "azure-native:privatedns:PrivateZone": self._dns_zone,
            "azure-native:containerregistry:Registry": self._registry,
        }

    def run(self) -> Estimate:
        by_use: Counter[str] = Counter()
        for resource in self.graph:
            rule = self.rules.get(resource.type)
            if rule is not None:
                self.result.lines += rule(resource)
            elif resource.type in self.prices.by_use:
                by_use[resource.type] += 1
            elif not self._costs_nothing(resource.type):
                self.result.not_priced[resource.type] += 1
        self.result.by_use = {type_: (count, self.prices.by_use[type_]) for type_, count in by_use.items()}
        return self.result

    def _costs_nothing(self, type_: str) -> bool:
        # Of Snowflake's objects only warehouses compute, and only databases hold data.
        return type_.startswith((*_NO_OWN_COST, "snowflake:")) or type_ in self.prices.free

    # Snowflake

    def _monitor(self, resource: Resource) -> Iterable[Line]:
        quota = float(resource.inputs.get("creditQuota") or 0)
        stops = [
            float(resource.inputs[key])
            for key in ("suspendTrigger", "suspendImmediateTrigger")
            if resource.inputs.get(key)
        ]
        if not stops or not quota:
            self.result.unbounded.append(f"{resource.name}: the monitor stops nothing, so there is no ceiling")
            return []
        credits_ = quota * max(stops) / 100
        name = str(resource.inputs.get("name") or resource.name)
        return [
            Line(
                SNOWFLAKE, name, 0, credits_ * self.credit, resource.tenant, f"0 to {credits_:g} credits by its monitor"
            )
        ]

    def _warehouse(self, resource: Resource) -> Iterable[Line]:
        if resource.inputs.get("resourceMonitor") in self.monitors:
            return []
        # Taken over, or without a monitor: nothing here stops it but its own size.
        size = str(resource.inputs.get("warehouseSize") or "").upper().replace("-", "")
        name = str(resource.inputs.get("name") or resource.name)
        if size not in CREDITS_AN_HOUR:
            self.result.unbounded.append(
                f"warehouse {name}: no monitor and no size is declared, so there is no ceiling"
            )
            return []
        clusters = int(resource.inputs.get("maxClusterCount") or 1)
        credits_ = CREDITS_AN_HOUR[size] * clusters * self.prices.hours_a_month
        return [
            Line(SNOWFLAKE, name, 0, credits_ * self.credit, resource.tenant, "no monitor: the whole month at its size")
        ]

    # Containers

    def _second(self, inputs: Mapping[str, Any], *, idle: bool) -> tuple[float, str]:
        """The price of a replica's second, and its size in words."""
        containers = (inputs.get("template") or {}).get("containers") or []
        cores = sum(float((container.get("resources") or {}).get("cpu") or 0) for container in containers)
        memory = sum(_gibibytes((container.get("resources") or {}).get("memory")) for container in containers)
        cpu = self.prices.of("container_cpu_idle" if idle else "container_cpu_active")
        return cores * cpu + memory * self.prices.of("container_memory"), f"{cores:g} cores, {memory:g} GiB"

    def _container_app(self, resource: Resource) -> Iterable[Line]:
        inputs = resource.inputs
        scale = (inputs.get("template") or {}).get("scale") or {}
        # Azure's own defaults: from none to ten replicas.
        least, most = int(scale.get("minReplicas") or 0), int(scale.get("maxReplicas") or 10)
        configuration = inputs.get("configuration") or {}
        shares = (configuration.get("ingress") or {}).get("traffic") or []
        revisions = max(len(shares), 2) if configuration.get("activeRevisionsMode") == "Multiple" else 1
        idle, size = self._second(inputs, idle=True)
        active, _ = self._second(inputs, idle=False)
        seconds = self.prices.seconds_a_month
        why = f"{least} to {most} replicas of {size}" + (f", {revisions} revisions" if revisions > 1 else "")
        floor = least * revisions * idle * seconds
        return [
            Line(
                CONTAINERS,
                str(inputs.get("containerAppName") or resource.name),
                floor,
                most * revisions * active * seconds,
                resource.tenant,
                why,
            )
        ]

    def _job(self, resource: Resource) -> Iterable[Line]:
        inputs = resource.inputs
        configuration = inputs.get("configuration") or {}
        timeout = float(configuration.get("replicaTimeout") or 0)
        schedule = configuration.get("scheduleTriggerConfig") or {}
        active, size = self._second(inputs, idle=False)
        runs = runs_a_day(str(schedule.get("cronExpression") or "")) * self.prices.days_a_month
        replicas = int(schedule.get("parallelism") or 1)
        name = str(inputs.get("jobName") or resource.name)
        if not runs:
            self.result.unbounded.append(f"job {name}: it is started by hand or by events, as often as anyone does")
            return []
        return [
            Line(
                CONTAINERS,
                name,
                0,
                runs * timeout * replicas * active,
                resource.tenant,
                f"{runs:.0f} runs of up to {timeout:g} s, {size}",
            )
        ]

    # The edge

    def _front_door(self, resource: Resource) -> Iterable[Line]:
        sku = str((resource.inputs.get("sku") or {}).get("name") or "")
        if "AzureFrontDoor" not in sku:
            self.result.not_priced[f"{resource.type} {sku}"] += 1
            return []
        base = self.prices.of("front_door_premium" if sku.startswith("Premium") else "front_door_standard")
        assumed = self.prices.assumptions

        def use(end: int) -> float:
            # Each request reaches a container too.
            requests = self.prices.of("front_door_requests") + self.prices.of("container_requests")
            transfer = self.prices.of("front_door_transfer")
            return assumed.requests_in_millions[end] * requests + assumed.transfer_gigabytes[end] * transfer

        why = (
            f"{sku}; assumed {assumed.requests_in_millions[0]:g} to {assumed.requests_in_millions[1]:g} million "
            f"requests, {assumed.transfer_gigabytes[0]:g} to {assumed.transfer_gigabytes[1]:g} GB out"
        )
        name = str(resource.inputs.get("profileName") or resource.name)
        return [Line(EDGE, name, base + use(0), base + use(1), resource.tenant, why)]

    # Logs and alerts

    def _workspace(self, resource: Resource) -> Iterable[Line]:
        least, most = self.prices.assumptions.log_gigabytes
        cap = float((resource.inputs.get("workspaceCapping") or {}).get("dailyQuotaGb") or -1)
        why = f"assumed {least:g} to {most:g} GB"
        if cap > 0:
            most = cap * self.prices.days_a_month
            least = min(least, most)
            why = f"up to {cap:g} GB a day by its cap"
        days = float(resource.inputs.get("retentionInDays") or _INCLUDED_LOG_DAYS)
        kept = max(0.0, days - _INCLUDED_LOG_DAYS) / self.prices.days_a_month
        # A month's logs, kept on for so many months, once the days are full.
        gigabyte = self.prices.of("log_ingestion") + kept * self.prices.of("log_retention")
        name = str(resource.inputs.get("workspaceName") or resource.name)
        return [Line(LOGS, name, least * gigabyte, most * gigabyte, resource.tenant, f"{why}, kept {days:g} days")]

    def _log_alert(self, resource: Resource) -> Iterable[Line]:
        frequency = str(resource.inputs.get("evaluationFrequency") or "PT5M")
        name = "log_alert_15_minutes" if frequency not in ("PT1M", "PT5M", "PT10M") else "log_alert_5_minutes"
        price = self.prices.of(name)
        return [Line(LOGS, resource.name, price, price, resource.tenant, f"looked at every {frequency[2:].lower()}")]

    def _metric_alert(self, resource: Resource) -> Iterable[Line]:
        series = self.prices.of("metric_alert_series")
        criteria = (resource.inputs.get("criteria") or {}).get("allOf") or [None]
        count = len(criteria) * max(1, len(resource.inputs.get("scopes") or ()))
        return [Line(LOGS, resource.name, count * series, count * series, resource.tenant, f"{count} time series")]

    def _web_test(self, resource: Resource) -> Iterable[Line]:
        every, places = float(resource.inputs.get("frequency") or 300), len(resource.inputs.get("locations") or ())
        if not resource.inputs.get("enabled", True):
            return []
        amount = self.prices.seconds_a_month / every * places * self.prices.of("web_test_execution")
        return self._fixed(LOGS, resource, amount, f"every {every:g} s from {places} places")

    # The rest, by the hour, day or month

    def _fixed(self, area: str, resource: Resource, amount: float, why: str) -> Iterable[Line]:
        return [Line(area, resource.name, amount, amount, resource.tenant, why)]

    def _private_endpoint(self, resource: Resource) -> Iterable[Line]:
        amount = self.prices.of("private_endpoint") * self.prices.hours_a_month
        return self._fixed(NETWORK, resource, amount, "by the hour, without what passes it")

    def _nat_gateway(self, resource: Resource) -> Iterable[Line]:
        amount = self.prices.of("nat_gateway") * self.prices.hours_a_month
        return self._fixed(NETWORK, resource, amount, "by the hour, without what passes it")

    def _public_address(self, resource: Resource) -> Iterable[Line]:
        amount = self.prices.of("public_ip_address") * self.prices.hours_a_month
        return self._fixed(NETWORK, resource, amount, "by the hour")

    def _dns_zone(self, resource: Resource) -> Iterable[Line]:
        return self._fixed(NETWORK, resource, self.prices.of("private_dns_zone"), "by the month, without its queries")

    def _registry(self, resource: Resource) -> Iterable[Line]:
        sku = str((resource.inputs.get("sku") or {}).get("name") or "Basic")
        amount = self.prices.of(f"registry_{sku.lower()}") * self.prices.days_a_month
        return self._fixed(REGISTRY, resource, amount, f"{sku}, by the day")


def _gibibytes(text: Any) -> float:
    return float(str(text).removesuffix("Gi")) if text else 0.0


def runs_a_day(schedule: str) -> float:
    """How often a schedule in cron's five fields starts something on a day that its day fields allow; 0 without one."""
    fields = schedule.split()
    if len(fields) != 5:
        return 0
    return len(_times(fields[0], 60)) * len(_times(fields[1], 24))


def _times(field_: str, size: int) -> set[int]:
    """The values that a field of cron stands for: `*`, `*/15`, `1,5`, `8-17/2`."""
    found: set[int] = set()
    for part in field_.split(","):
        bounds, _, step = part.partition("/")
        low, _, high = bounds.partition("-")
        if bounds == "*":
            first, last = 0, size - 1
        else:
            first = int(low)
            last = int(high) if high else (size - 1 if step else first)
        found.update(range(first, last + 1, int(step or 1)))
    return found
