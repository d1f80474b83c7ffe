"""Snowflake's parameters: type, default, range, and the kinds of object that may set them.

Source: Snowflake's documentation, "Parameters".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal
from zoneinfo import available_timezones

from emulator.snowflake.account.errors import SnowflakeError

ParameterType = Literal["BOOLEAN", "NUMBER", "STRING"]

_SESSION: Final = frozenset({"ACCOUNT", "USER", "SESSION", "TASK"})
_DATA: Final = frozenset({"ACCOUNT", "DATABASE", "SCHEMA"})
_ONLY_ACCOUNT: Final = frozenset({"ACCOUNT"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `minimum` and `maximum` are inclusive; `choices` are in upper case."""

    key: str
    type: ParameterType
    default: Any
    levels: frozenset[str]
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""

    def normalise(self, value: Any) -> Any:
        """The value as Snowflake keeps it; a wrong one is refused (001008)."""
        if self.type == "BOOLEAN":
            return boolean(value, self.key)
        if self.type == "NUMBER":
            number = integer(value, self.key)
            if (self.minimum is not None and number < self.minimum) or (
                self.maximum is not None and number > self.maximum
            ):
                raise SnowflakeError.invalid_value(value, self.key, span(self.minimum, self.maximum))
            return number
        if not isinstance(value, str):
            raise SnowflakeError.invalid_value(value, self.key, "a string")
        if self.choices:
            return choice(value, self.key, self.choices)
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise SnowflakeError.invalid_value(value, self.key)
        if self.key == "TIMEZONE" and (zones := _time_zones()) and value not in zones:
            raise SnowflakeError.invalid_value(value, self.key, "the name of a time zone, such as Europe/London")
        return value


@cache
def _time_zones() -> frozenset[str]:
    """The names of IANA's time zones; none where the system brings no list (Windows without tzdata)."""
    return frozenset(available_timezones())


def boolean(value: Any, key: str) -> bool:
    """True or False, also from their words."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.upper() in ("TRUE", "FALSE"):
        return value.upper() == "TRUE"
    raise SnowflakeError.invalid_value(value, key, "TRUE or FALSE")


def integer(value: Any, key: str) -> int:
    """A whole number, also from its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise SnowflakeError.invalid_value(value, key, "a whole number")


def choice(value: Any, key: str, choices: Sequence[str]) -> str:
    """One of the choices, in any case."""
    if isinstance(value, str) and value.upper() in choices:
        return value.upper()
    raise SnowflakeError.invalid_value(value, key, "one of " + ", ".join(choices))


def span(minimum: float | None, maximum: float | None) -> str:
    """The range in words."""
    if minimum is not None and maximum is not None:
        return f"between {minimum} and {maximum}"
    return f"at least {minimum}" if minimum is not None else f"at most {maximum}"


_LOG_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")
_WAREHOUSE_SIZES: Final = (
    "XSMALL",
    "SMALL",
    "MEDIUM",
    "LARGE",
    "XLARGE",
    "XXLARGE",
    "XXXLARGE",
    "X4LARGE",
    "X5LARGE",
    "X6LARGE",
)
_WEEK: Final = 604_800
_NO_LIMIT: Final = 2_147_483_647
_FUNCTIONS: Final = frozenset({"FUNCTION", "PROCEDURE"})


def _parameters() -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}

    def add(
        key: str,
        type_: ParameterType,
        default: Any,
        levels: frozenset[str] = _SESSION,
        minimum: int | None = None,
        maximum: int | None = None,
        choices: tuple[str, ...] = (),
        pattern: str = "",
    ) -> None:
        found[key] = Parameter(key, type_, default, levels, minimum, maximum, choices, pattern)

    # Of the data.
    table = _DATA | {"TABLE"}
    add("DATA_RETENTION_TIME_IN_DAYS", "NUMBER", 1, table, 0, 90)
    add("MAX_DATA_EXTENSION_TIME_IN_DAYS", "NUMBER", 14, table, 0, 90)
    add("DEFAULT_DDL_COLLATION", "STRING", "", table)
    add("CATALOG", "STRING", "", _DATA)
    add("EXTERNAL_VOLUME", "STRING", "", _DATA)
    add("REPLACE_INVALID_CHARACTERS", "BOOLEAN", False, _DATA)
    add("STORAGE_SERIALIZATION_POLICY", "STRING", "OPTIMIZED", _DATA, choices=("COMPATIBLE", "OPTIMIZED"))
    add("SUSPEND_TASK_AFTER_NUM_FAILURES", "NUMBER", 10, _DATA | {"TASK"}, 0)
    add("TASK_AUTO_RETRY_ATTEMPTS", "NUMBER", 0, _DATA | {"TASK"}, 0, 30)
    add(
        "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE",
        "STRING",
        "MEDIUM",
        _DATA | {"TASK"},
        choices=(*_WAREHOUSE_SIZES, "X-SMALL", "X-LARGE", "2X-LARGE", "XX-LARGE", "3X-LARGE", "XXX-LARGE"),
    )
    add("USER_TASK_TIMEOUT_MS", "NUMBER", 3_600_000, _DATA | {"TASK"}, 0, _WEEK * 1000)
    add("USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS", "NUMBER", 30, _DATA | {"TASK"}, 10, _WEEK)
    add("SERVERLESS_TASK_MIN_STATEMENT_SIZE", "STRING", "XSMALL", _DATA | {"TASK"}, choices=_WAREHOUSE_SIZES)
    add("SERVERLESS_TASK_MAX_STATEMENT_SIZE", "STRING", "X2LARGE", _DATA | {"TASK"})
    add("PIPE_EXECUTION_PAUSED", "BOOLEAN", False, frozenset({"ACCOUNT", "SCHEMA", "PIPE"}))
    add("DEFAULT_STREAMLIT_NOTEBOOK_WAREHOUSE", "STRING", "", _DATA)
    add("BASE_LOCATION_PREFIX", "STRING", "", _DATA)
    add("CATALOG_SYNC", "STRING", "", _DATA)
    logged = _DATA | _SESSION | _FUNCTIONS
    add("LOG_LEVEL", "STRING", "OFF", logged, choices=_LOG_LEVELS)
    add("TRACE_LEVEL", "STRING", "OFF", logged, choices=("ALWAYS", "ON_EVENT", "PROPAGATE", "OFF"))
    add("METRIC_LEVEL", "STRING", "NONE", logged, choices=("ALL", "NONE"))
    add("ENABLE_CONSOLE_OUTPUT", "BOOLEAN", False, _DATA | _SESSION | _FUNCTIONS)
    add("QUOTED_IDENTIFIERS_IGNORE_CASE", "BOOLEAN", False, _SESSION | _DATA)
    add("LOG_EVENT_LEVEL", "STRING", "ERROR", _DATA | {"TASK"}, choices=_LOG_LEVELS)

    # Of sessions.
    add("ABORT_DETACHED_QUERY", "BOOLEAN", False)
    add("AUTOCOMMIT", "BOOLEAN", True)
    add("BINARY_INPUT_FORMAT", "STRING", "HEX", choices=("HEX", "BASE64", "UTF8", "UTF-8"))
    add("BINARY_OUTPUT_FORMAT", "STRING", "HEX", choices=("HEX", "BASE64"))
    add("CLIENT_MEMORY_LIMIT", "NUMBER", 1536, minimum=0)
    add("CLIENT_METADATA_REQUEST_USE_CONNECTION_CTX", "BOOLEAN", False)
    add("CLIENT_METADATA_USE_SESSION_DATABASE", "BOOLEAN", False)
    add("CLIENT_PREFETCH_THREADS", "NUMBER", 4, minimum=1, maximum=10)
    add("CLIENT_RESULT_CHUNK_SIZE", "NUMBER", 160, minimum=48, maximum=160)
    add("CLIENT_RESULT_COLUMN_CASE_INSENSITIVE", "BOOLEAN", False)
    add("CLIENT_SESSION_KEEP_ALIVE", "BOOLEAN", False)
    add("CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "NUMBER", 3600, minimum=900, maximum=3600)
    add(
        "CLIENT_TIMESTAMP_TYPE_MAPPING",
        "STRING",
        "TIMESTAMP_LTZ",
        choices=("TIMESTAMP_LTZ", "TIMESTAMP_NTZ"),
    )
    for kind in ("DATE", "TIME", "TIMESTAMP"):
        add(f"{kind}_INPUT_FORMAT", "STRING", "AUTO")
    add("DATE_OUTPUT_FORMAT", "STRING", "YYYY-MM-DD")
    add("TIME_OUTPUT_FORMAT", "STRING", "HH24:MI:SS")
    add("TIMESTAMP_OUTPUT_FORMAT", "STRING", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM")
    add("TIMESTAMP_LTZ_OUTPUT_FORMAT", "STRING", "")
    add("TIMESTAMP_NTZ_OUTPUT_FORMAT", "STRING", "YYYY-MM-DD HH24:MI:SS.FF3")
    add("TIMESTAMP_TZ_OUTPUT_FORMAT", "STRING", "")
    add(
        "TIMESTAMP_TYPE_MAPPING",
        "STRING",
        "TIMESTAMP_NTZ",
        choices=("TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "TIMESTAMP_TZ"),
    )
    add("TIMESTAMP_DAY_IS_ALWAYS_24H", "BOOLEAN", False)
    add("ENABLE_UNLOAD_PHYSICAL_TYPE_OPTIMIZATION", "BOOLEAN", True)
    add("ENABLE_UNREDACTED_QUERY_SYNTAX_ERROR", "BOOLEAN", False, frozenset({"ACCOUNT", "USER"}))
    add("ENABLE_UNREDACTED_SECURE_OBJECT_ERROR", "BOOLEAN", False, frozenset({"ACCOUNT", "USER"}))
    add("ERROR_ON_NONDETERMINISTIC_MERGE", "BOOLEAN", True)
    add("ERROR_ON_NONDETERMINISTIC_UPDATE", "BOOLEAN", False)
    add("GEOGRAPHY_OUTPUT_FORMAT", "STRING", "GEOJSON", choices=("GEOJSON", "WKT", "WKB", "EWKT", "EWKB"))
    add("GEOMETRY_OUTPUT_FORMAT", "STRING", "GEOJSON", choices=("GEOJSON", "WKT", "WKB", "EWKT", "EWKB"))
    add("HYBRID_TABLE_LOCK_TIMEOUT", "NUMBER", 3600, minimum=0)
    add("JDBC_TREAT_DECIMAL_AS_INT", "BOOLEAN", True)
    add("JDBC_TREAT_TIMESTAMP_NTZ_AS_UTC", "BOOLEAN", False)
    add("JDBC_USE_SESSION_TIMEZONE", "BOOLEAN", True)
    add("JSON_INDENT", "NUMBER", 2, minimum=0, maximum=16)
    add("JS_TREAT_INTEGER_AS_BIGINT", "BOOLEAN", False)
    add("LOCK_TIMEOUT", "NUMBER", 43_200, minimum=0)
    add("MULTI_STATEMENT_COUNT", "NUMBER", 1, minimum=0)
    add("NOORDER_SEQUENCE_AS_DEFAULT", "BOOLEAN", True)
    add("ODBC_TREAT_DECIMAL_AS_INT", "BOOLEAN", False)
    add("PYTHON_PROFILER_MODULES", "STRING", "", frozenset({"SESSION"}))
    add("QUERY_TAG", "STRING", "")
    add("ROWS_PER_RESULTSET", "NUMBER", 0, minimum=0)
    add("S3_STAGE_VPCE_DNS_NAME", "STRING", "")
    add("SEARCH_PATH", "STRING", "$current, $public")
    add("SIMULATED_DATA_SHARING_CONSUMER", "STRING", "")
    warehouse = _SESSION | {"WAREHOUSE"}
    add("STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", "NUMBER", 0, warehouse, 0, _NO_LIMIT)
    add("STATEMENT_TIMEOUT_IN_SECONDS", "NUMBER", 172_800, warehouse, 0, _WEEK)
    add("MAX_CONCURRENCY_LEVEL", "NUMBER", 8, frozenset({"ACCOUNT", "WAREHOUSE"}), 1)
    add("STRICT_JSON_OUTPUT", "BOOLEAN", False)
    add("TIMEZONE", "STRING", "America/Los_Angeles")
    add("TRANSACTION_ABORT_ON_ERROR", "BOOLEAN", False)
    add("TRANSACTION_DEFAULT_ISOLATION_LEVEL", "STRING", "READ COMMITTED", choices=("READ COMMITTED",))
    add("TWO_DIGIT_CENTURY_START", "NUMBER", 1970, minimum=1900, maximum=2100)
    add("UNSUPPORTED_DDL_ACTION", "STRING", "ignore", choices=("IGNORE", "FAIL"))
    add("USE_CACHED_RESULT", "BOOLEAN", True)
    add("WEEK_OF_YEAR_POLICY", "NUMBER", 0, minimum=0, maximum=1)
    add("WEEK_START", "NUMBER", 0, minimum=0, maximum=7)

    # Of the account and its users.
    user = frozenset({"ACCOUNT", "USER"})
    add("NETWORK_POLICY", "STRING", "", user)
    add("PREVENT_UNLOAD_TO_INTERNAL_STAGES", "BOOLEAN", False, user)
    add("ALLOW_CLIENT_MFA_CACHING", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("ALLOW_ID_TOKEN", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("CLIENT_ENCRYPTION_KEY_SIZE", "NUMBER", 128, _ONLY_ACCOUNT, 128, 256)
    add(
        "CORTEX_ENABLED_CROSS_REGION",
        "STRING",
        "DISABLED",
        _ONLY_ACCOUNT,
        pattern=r"DISABLED|ANY_REGION|[A-Z]+_[A-Z]+(, ?[A-Z]+_[A-Z]+)*",
    )
    add("CORTEX_MODELS_ALLOWLIST", "STRING", "ALL", _ONLY_ACCOUNT)
    add("DEFAULT_NULL_ORDERING", "STRING", "LAST", _SESSION, choices=("FIRST", "LAST"))
    add("ENABLE_IDENTIFIER_FIRST_LOGIN", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("ENABLE_INTERNAL_STAGES_PRIVATELINK", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("ENABLE_TRI_SECRET_AND_REKEY_OPT_OUT_FOR_IMAGE_REPOSITORY", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("ENFORCE_NETWORK_RULES_FOR_INTERNAL_STAGES", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("EVENT_TABLE", "STRING", "", frozenset({"ACCOUNT", "DATABASE"}))
    add("EXTERNAL_OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST", "BOOLEAN", True, _ONLY_ACCOUNT)
    add("INITIAL_REPLICATION_SIZE_LIMIT_IN_TB", "STRING", "10.0", _ONLY_ACCOUNT)
    add("MIN_DATA_RETENTION_TIME_IN_DAYS", "NUMBER", 0, _ONLY_ACCOUNT, 0, 90)
    add("OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST", "BOOLEAN", True, _ONLY_ACCOUNT)
    add("PERIODIC_DATA_REKEYING", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("PREVENT_LOAD_FROM_INLINE_URL", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("PREVENT_UNLOAD_TO_INLINE_URL", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_CREATION", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_OPERATION", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("SSO_LOGIN_PAGE", "BOOLEAN", False, _ONLY_ACCOUNT)
    add("SAML_IDENTITY_PROVIDER", "STRING", "", _ONLY_ACCOUNT)
    return found


PARAMETERS: Final = _parameters()


def parameters_of(kind: str) -> dict[str, Parameter]:
    """The parameters that a kind of object may set."""
    return {key: parameter for key, parameter in PARAMETERS.items() if kind in parameter.levels}
