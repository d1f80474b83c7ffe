"""Tasks and alerts."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import (
    FIXED_AS_SPELLED,
    FIXED_IN_SCHEMA,
    at_least_zero,
    conflicting,
    exactly_one,
    parameter,
)
from emulator.snowflake.rules.catalogue.users import SESSION_PARAMETERS
from emulator.snowflake.rules.normalise import same_ignoring_case
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    STATEMENT,
    Rule,
    TypeRules,
    at_least,
    set_of_identifiers,
    words,
)
from emulator.snowflake.rules.vocabulary import WAREHOUSE_SIZE

_EVERY = at_least(1)

RULES = {
    "Task": TypeRules(
        {
            **SESSION_PARAMETERS,
            **FIXED_IN_SCHEMA,
            "started": Rule(),
            "warehouse": NAME,
            "schedule.seconds": _EVERY,
            "schedule.minutes": _EVERY,
            "schedule.hours": _EVERY,
            "schedule.usingCron": Rule(same=same_ignoring_case),
            "targetCompletionInterval.hours": _EVERY,
            "targetCompletionInterval.minutes": _EVERY,
            "targetCompletionInterval.seconds": _EVERY,
            "config": Rule(),
            "allowOverlappingExecution": BOOLEAN_TEXT,
            "errorIntegration": NAME,
            "comment": Rule(),
            "finalize": SCHEMA_OBJECT,
            "afters": set_of_identifiers(SCHEMA_OBJECT),
            "when": STATEMENT,
            "sqlStatement": STATEMENT,
            "suspendTaskAfterNumFailures": parameter(at_least_zero()),
            "taskAutoRetryAttempts": parameter(at_least_zero()),
            "userTaskManagedInitialWarehouseSize": parameter(words(WAREHOUSE_SIZE)),
            "userTaskMinimumTriggerIntervalInSeconds": parameter(at_least_zero()),
            "userTaskTimeoutMs": parameter(at_least_zero()),
            "serverlessTaskMinStatementSize": parameter(words(WAREHOUSE_SIZE)),
            "serverlessTaskMaxStatementSize": parameter(words(WAREHOUSE_SIZE)),
        },
        (
            conflicting("warehouse", "userTaskManagedInitialWarehouseSize"),
            conflicting("schedule", "finalize", "afters"),
            exactly_one("seconds", "minutes", "hours", "usingCron", within="schedule"),
            exactly_one("hours", "minutes", "seconds", within="targetCompletionInterval"),
        ),
    ),
    "Alert": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "warehouse": REPLACES,
            "comment": Rule(),
            "condition": STATEMENT,
            "action": STATEMENT,
            "enabled": Rule(default=False),
            # Upstream means cron and interval to exclude each other but names them wrongly: both may be given.
            "alertSchedule": Rule(),
            "alertSchedule.interval": Rule(),
        }
    ),
}
