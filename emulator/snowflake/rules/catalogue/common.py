"""What many types share."""

from __future__ import annotations

from emulator.snowflake.rules.rule import (
    NAME,
    REPLACES,
    Rule,
    Together,
    between,
    words,
)
from emulator.snowflake.rules.vocabulary import (
    LOG_LEVEL,
    STORAGE_SERIALIZATION_POLICY,
    TRACE_LEVEL,
    WAREHOUSE_SIZE,
)

IN_SCHEMA: dict[str, Rule] = {"database": NAME.replacing(), "schema": NAME.replacing(), "name": NAME}
"""An object that can be renamed but not moved."""

FIXED_IN_SCHEMA: dict[str, Rule] = {**IN_SCHEMA, "name": NAME.replacing()}
"""An object that can be neither."""

FIXED_AS_SPELLED: dict[str, Rule] = {"database": REPLACES, "schema": REPLACES, "name": REPLACES}
"""The same of the older resources, which look at the spelling."""

PLAIN = Rule()


def parameter(rule: Rule = PLAIN) -> Rule:
    """A Snowflake parameter of the object."""
    return rule.but(computed=True, parameter=True)


def at_least_zero() -> Rule:
    return between(0, 2**63)


OBJECT_PARAMETERS: dict[str, Rule] = {
    # 90 days is the highest of all editions; standard edition and transient databases have 1.
    "dataRetentionTimeInDays": parameter(between(0, 90)),
    "maxDataExtensionTimeInDays": parameter(between(0, 90)),
    "defaultDdlCollation": parameter(),
    "defaultNotebookComputePoolCpu": parameter(),
    "defaultNotebookComputePoolGpu": parameter(),
    "catalog": parameter(NAME),
    "externalVolume": parameter(NAME),
    "logLevel": parameter(words(LOG_LEVEL)),
    "logEventLevel": parameter(words(LOG_LEVEL)),
    "traceLevel": parameter(words(TRACE_LEVEL)),
    "replaceInvalidCharacters": parameter(),
    "storageSerializationPolicy": parameter(words(STORAGE_SERIALIZATION_POLICY)),
    "suspendTaskAfterNumFailures": parameter(at_least_zero()),
    "taskAutoRetryAttempts": parameter(at_least_zero()),
    "userTaskManagedInitialWarehouseSize": parameter(words(WAREHOUSE_SIZE)),
    "userTaskTimeoutMs": parameter(between(0, 86_400_000)),
    "userTaskMinimumTriggerIntervalInSeconds": parameter(),
    "quotedIdentifiersIgnoreCase": parameter(),
    "enableConsoleOutput": parameter(),
}
"""Parameters that a database sets for what is in it, and a schema for what is in it."""


def exactly_one(*names: str, within: str = "") -> Together:
    return Together("exactly one", names, within=within)


def at_least_one(*names: str, within: str = "") -> Together:
    return Together("at least one", names, within=within)


def conflicting(*names: str, within: str = "") -> Together:
    """No two of these."""
    return Together("conflicts", names, names, within=within)


def conflicts(name: str, *others: str, within: str = "") -> Together:
    """`name` with none of the others; said of `name` alone."""
    return Together("conflicts", (name,), others, within=within)


def requires(name: str, *others: str, within: str = "") -> Together:
    return Together("requires", (name,), others, within=within)
