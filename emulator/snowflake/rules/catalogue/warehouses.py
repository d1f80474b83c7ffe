"""Warehouses and resource monitors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.snowflake.rules.catalogue.common import conflicting, parameter, requires
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    CREATION_ONLY,
    NAME,
    SET,
    Rule,
    TypeRules,
    at_least,
    between,
    emptied,
    words,
)
from emulator.snowflake.rules.vocabulary import (
    FREQUENCY,
    RESOURCE_CONSTRAINT,
    SCALING_POLICY,
    WAREHOUSE_GENERATION,
    WAREHOUSE_SIZE,
    WAREHOUSE_TYPE,
)

_TRIGGERS = ("notifyTriggers", "suspendTrigger", "suspendImmediateTrigger")


def _last_trigger_gone(_old: Mapping[str, Any], new: Mapping[str, Any], changed: set[str]) -> set[str]:
    """Snowflake cannot take the last trigger from a monitor: the monitor is made anew without any."""
    return changed.intersection(_TRIGGERS) if not any(new.get(trigger) for trigger in _TRIGGERS) else set()


RULES = {
    "Warehouse": TypeRules(
        {
            "name": NAME,
            "warehouseType": words(WAREHOUSE_TYPE),
            "warehouseSize": words(WAREHOUSE_SIZE, replaces_when=emptied),
            "maxClusterCount": at_least(1),
            "minClusterCount": at_least(1),
            # Upstream compares scaling policies as warehouse types: STANDARD is known in any case, ECONOMY is not.
            "scalingPolicy": Rule(valid=SCALING_POLICY.valid, same=WAREHOUSE_TYPE.same),
            "autoSuspend": at_least(0, default=-1),
            "autoResume": BOOLEAN_TEXT,
            "initiallySuspended": CREATION_ONLY,
            "resourceMonitor": NAME,
            "comment": Rule(),
            "enableQueryAcceleration": BOOLEAN_TEXT,
            "queryAccelerationMaxScaleFactor": between(0, 100, default=-1),
            "resourceConstraint": words(RESOURCE_CONSTRAINT),
            "generation": words(WAREHOUSE_GENERATION),
            "maxConcurrencyLevel": parameter(at_least(1)),
            "statementQueuedTimeoutInSeconds": parameter(at_least(0)),
            "statementTimeoutInSeconds": parameter(between(0, 604_800)),
        },
        (conflicting("resourceConstraint", "generation"),),
    ),
    "ResourceMonitor": TypeRules(
        {
            "name": NAME.replacing(),
            "notifyUsers": SET,
            "creditQuota": at_least(1),
            "frequency": words(FREQUENCY),
            "startTimestamp": Rule(),
            "endTimestamp": Rule(),
            "notifyTriggers": Rule(unordered=True, members=at_least(1)),
            "suspendTrigger": at_least(1),
            "suspendImmediateTrigger": at_least(1),
        },
        (requires("frequency", "startTimestamp"), requires("startTimestamp", "frequency")),
        on_diff=_last_trigger_gone,
    ),
}
