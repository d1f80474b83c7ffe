"""Users of each kind, their keys and tokens."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import at_least_zero, exactly_one, parameter
from emulator.snowflake.rules.normalise import same_ignoring_case, same_ignoring_final_newline
from emulator.snowflake.rules.rule import BOOLEAN_TEXT, NAME, REPLACES, Rule, TypeRules, at_least, words
from emulator.snowflake.rules.vocabulary import (
    BINARY_INPUT_FORMAT,
    BINARY_OUTPUT_FORMAT,
    CLIENT_TIMESTAMP_TYPE,
    GEOSPATIAL_FORMAT,
    ISOLATION_LEVEL,
    LOG_LEVEL,
    SECONDARY_ROLES,
    TIMESTAMP_TYPE,
    TRACE_LEVEL,
    UNSUPPORTED_DDL_ACTION,
)

_PLAIN_PARAMETERS = (
    "abortDetachedQuery", "autocommit", "clientMemoryLimit", "clientMetadataRequestUseConnectionCtx",
    "clientPrefetchThreads", "clientResultChunkSize", "clientResultColumnCaseInsensitive", "clientSessionKeepAlive",
    "clientSessionKeepAliveHeartbeatFrequency", "dateInputFormat", "dateOutputFormat",
    "enableUnloadPhysicalTypeOptimization", "enableUnredactedQuerySyntaxError", "errorOnNondeterministicMerge",
    "errorOnNondeterministicUpdate", "jdbcTreatDecimalAsInt", "jdbcTreatTimestampNtzAsUtc", "jdbcUseSessionTimezone",
    "jsonIndent", "lockTimeout", "multiStatementCount", "noorderSequenceAsDefault", "odbcTreatDecimalAsInt",
    "preventUnloadToInternalStages", "queryTag", "quotedIdentifiersIgnoreCase", "rowsPerResultset",
    "s3StageVpceDnsName", "searchPath", "simulatedDataSharingConsumer", "statementQueuedTimeoutInSeconds",
    "statementTimeoutInSeconds", "strictJsonOutput", "timeInputFormat", "timeOutputFormat", "timestampDayIsAlways24h",
    "timestampInputFormat", "timestampLtzOutputFormat", "timestampNtzOutputFormat", "timestampOutputFormat",
    "timestampTzOutputFormat", "timezone", "transactionAbortOnError", "twoDigitCenturyStart", "useCachedResult",
    "weekOfYearPolicy", "weekStart",
)  # fmt: skip

SESSION_PARAMETERS: dict[str, Rule] = {
    **{name: parameter() for name in _PLAIN_PARAMETERS},
    "binaryInputFormat": parameter(words(BINARY_INPUT_FORMAT)),
    "binaryOutputFormat": parameter(words(BINARY_OUTPUT_FORMAT)),
    "clientTimestampTypeMapping": parameter(words(CLIENT_TIMESTAMP_TYPE)),
    "geographyOutputFormat": parameter(words(GEOSPATIAL_FORMAT)),
    "geometryOutputFormat": parameter(words(GEOSPATIAL_FORMAT)),
    "logLevel": parameter(words(LOG_LEVEL)),
    "logEventLevel": parameter(words(LOG_LEVEL)),
    "networkPolicy": parameter(NAME),
    "timestampTypeMapping": parameter(words(TIMESTAMP_TYPE)),
    "traceLevel": parameter(words(TRACE_LEVEL)),
    "transactionDefaultIsolationLevel": parameter(words(ISOLATION_LEVEL)),
    "unsupportedDdlAction": parameter(words(UNSUPPORTED_DDL_ACTION)),
}
"""Parameters of a session that a user carries. The provider bounds none of the numbers."""

_SERVICE_USER: dict[str, Rule] = {
    **SESSION_PARAMETERS,
    "name": NAME,
    "loginName": Rule(same=same_ignoring_case),
    "displayName": Rule(),
    "email": Rule(),
    "disabled": BOOLEAN_TEXT,
    "daysToExpiry": Rule(),
    "minsToUnlock": at_least_zero().but(default=-1),
    "defaultWarehouse": NAME,
    "defaultNamespace": NAME,
    "defaultRole": NAME,
    "defaultSecondaryRolesOption": words(SECONDARY_ROLES, default="DEFAULT"),
    "rsaPublicKey": Rule(),
    "rsaPublicKey2": Rule(),
    "comment": Rule(),
}
_WORKLOAD_IDENTITY = (exactly_one("aws", "azure", "gcp", "oidc", within="defaultWorkloadIdentity"),)
_PASSWORD: dict[str, Rule] = {"password": Rule(), "mustChangePassword": BOOLEAN_TEXT}

RULES = {
    "ServiceUser": TypeRules(_SERVICE_USER, _WORKLOAD_IDENTITY),
    "LegacyServiceUser": TypeRules({**_SERVICE_USER, **_PASSWORD}, _WORKLOAD_IDENTITY),
    "User": TypeRules(
        {
            **_SERVICE_USER,
            **_PASSWORD,
            "firstName": Rule(),
            "middleName": Rule(),
            "lastName": Rule(),
            "minsToBypassMfa": at_least_zero().but(default=-1),
            "disableMfa": BOOLEAN_TEXT,
        }
    ),
    "UserPublicKeys": TypeRules(
        {
            "name": REPLACES,
            "rsaPublicKey": Rule(same=same_ignoring_final_newline),
            "rsaPublicKey2": Rule(same=same_ignoring_final_newline),
        }
    ),
    "UserProgrammaticAccessToken": TypeRules(
        {
            "user": NAME.replacing(),
            "roleRestriction": NAME.replacing(),
            "daysToExpiry": at_least(1, replaces=True),
            "minsToBypassNetworkPolicyRequirement": at_least(1),
        },
        customary=True,
    ),
}
