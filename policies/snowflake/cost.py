"""Warehouses and monitors: what may be spent before somebody stops it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.graph.resources import ResourceGraph
from policies.policy import Parameter, Parameters, Policy, Properties, Severity, each, each_in_graph, whole_number

_DOCS: Final = "https://docs.snowflake.com/en/"


@each("snowflake:Warehouse")
def _auto_suspend(warehouse: Properties, parameters: Parameters) -> Iterator[str]:
    seconds = warehouse.number("autoSuspend")
    most = parameters["maximum_seconds"]
    # 0 means never.
    if seconds is None or not 0 < seconds <= most:
        yield f"autoSuspend is not between 1 and {most} seconds"


@each_in_graph("snowflake:Warehouse")
def _monitor(warehouse: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    if "resourceMonitor" in warehouse.resource.ignored:
        return  # left as it was found: not this stack's to decide
    name = warehouse.text("resourceMonitor")
    if not name:
        yield "resourceMonitor is not set"
    elif not any(
        name.strip('"') == monitor.inputs.get("name") for monitor in graph.of_types("snowflake:ResourceMonitor")
    ):
        yield "resourceMonitor names none that is declared"


@each("snowflake:ResourceMonitor")
def _suspends(monitor: Properties, _: Parameters) -> Iterator[str]:
    if not monitor.number("creditQuota"):
        yield "creditQuota is not set"
    triggers = [monitor.number("suspendTrigger"), monitor.number("suspendImmediateTrigger")]
    if not any(trigger is not None and trigger <= 100 for trigger in triggers):
        yield "neither suspendTrigger nor suspendImmediateTrigger is 100 at most"


POLICIES: Final = (
    Policy(
        id="warehouse-auto-suspend",
        title="Every warehouse suspends itself soon",
        severity=Severity.LOW,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)",),
        remediation="Set autoSuspend to the maximum or less; 0 and nothing mean never.",
        link=_DOCS + "user-guide/warehouses-overview#auto-suspension-and-auto-resumption",
        check=_auto_suspend,
        parameters={"maximum_seconds": Parameter(600, "Seconds of idling, at most.", whole_number(30, 3600))},
    ),
    Policy(
        id="warehouse-monitored",
        title="Every warehouse has a resource monitor",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)",),
        remediation="Set resourceMonitor to a declared monitor's name.",
        link=_DOCS + "user-guide/resource-monitors",
        check=_monitor,
    ),
    Policy(
        id="resource-monitor-suspends",
        title="A resource monitor suspends at its quota",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)",),
        remediation="Set creditQuota, and suspendTrigger or suspendImmediateTrigger to 100 or less.",
        link=_DOCS + "user-guide/resource-monitors",
        check=_suspends,
    ),
)
