"""What each kind of object is: where it lives, what it takes, and which privileges there are on it.

Source: Snowflake's documentation, "SQL command reference" and "Access control privileges".
"""

from __future__ import annotations

import ipaddress
import json
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import sqlglot
from sqlglot.errors import SqlglotError

from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.keys import public_key_body
from emulator.snowflake.account.model import Column
from emulator.snowflake.account.names import ObjectName, base_type, check_identifier
from emulator.snowflake.account.parameters import boolean as parameter_boolean
from emulator.snowflake.account.parameters import choice, integer, parameters_of, span
from emulator.snowflake.account.types import normalise_type

Normalise = Callable[[Any, str], Any]
"""(value, property) → the value as it is kept; a wrong one is refused."""


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """One property. `refers_to` is the kind that its value (a name, or a list of names) must exist as."""

    normalise: Normalise
    default: Any = None
    refers_to: str | None = None
    changeable: bool = True


@dataclass(frozen=True, slots=True)
class KindSpec:
    """One kind of object.

    `create` is the privilege on the container that making one needs; None where a role is needed instead
    (`only_role`). `alter` is the privilege that changing a property needs (beside OWNERSHIP), `alters` the
    exceptions by property. `privileges` can be granted on it. `rules` look at the properties together.
    """

    kind: str
    scope: Literal["ACCOUNT", "DATABASE", "SCHEMA"]
    privileges: tuple[str, ...] = ()
    properties: Mapping[str, PropertySpec] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    create: str | None = None
    only_role: str | None = None
    alter: str = "OWNERSHIP"
    alters: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Callable[[Mapping[str, Any]], None], ...] = ()
    is_policy: bool = False
    has_signature: bool = False

    @property
    def depth(self) -> int:
        """How many parts its names have."""
        return {"ACCOUNT": 1, "DATABASE": 2, "SCHEMA": 3}[self.scope]


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise SnowflakeError.invalid_property_value(value, key, "a string")
    return value


def _filled(value: Any, key: str) -> str:
    text = _text(value, key)
    if not text.strip():
        raise SnowflakeError.invalid_property_value(value, key, "it is empty")
    return text


def _json(value: Any, key: str) -> str:
    text = _text(value, key)
    try:
        json.loads(text)
    except ValueError:
        raise SnowflakeError.invalid_property_value(value, key, "a document in JSON") from None
    return text


_READ_WHOLE: Final = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "("})
_STATEMENTS: Final = _READ_WHOLE | {
    *("ALTER", "BEGIN", "CALL", "COMMENT", "COMMIT", "COPY", "CREATE", "DECLARE", "DESC", "DESCRIBE", "DROP"),
    *("EXECUTE", "EXPLAIN", "GRANT", "LIST", "LS", "PUT", "REMOVE", "REVOKE", "RM", "ROLLBACK", "SET", "SHOW"),
    *("TRUNCATE", "UNDROP", "UNSET", "USE"),
}


def _statement(value: Any, key: str) -> str:
    """One statement that can be read. Whether what it names exists shows when it runs."""
    text = _filled(value, key)
    try:
        tokens = sqlglot.tokenize(text, read="snowflake")
    except SqlglotError as error:
        raise _unreadable(error) from None
    if not tokens:
        raise SnowflakeError.compilation(900, "42000", "Empty SQL statement.")
    word = tokens[0].text.upper()
    if word not in _STATEMENTS:
        raise SnowflakeError.compilation(
            1003, "42000", f"syntax error line 1 at position 0 unexpected '{tokens[0].text}'."
        )
    if word in _READ_WHOLE:
        try:
            found = [tree for tree in sqlglot.parse(text, read="snowflake") if tree is not None]
        except SqlglotError as error:
            raise _unreadable(error) from None
        if len(found) != 1:
            raise SnowflakeError(
                8, "0A000", f"Actual statement count {len(found)} did not match the desired statement count 1."
            )
    return text


def _condition(value: Any, key: str) -> str:
    """An expression that can be read."""
    text = _filled(value, key)
    try:
        sqlglot.parse_one(f"SELECT ({text}\n)", read="snowflake")
    except SqlglotError as error:
        raise _unreadable(error) from None
    return text


def _unreadable(error: SqlglotError) -> SnowflakeError:
    return SnowflakeError.syntax(re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()[0])


def _boolean(value: Any, key: str) -> bool:
    try:
        return parameter_boolean(value, key)
    except SnowflakeError:
        raise SnowflakeError.invalid_property_value(value, key, "TRUE or FALSE") from None


def _whole(minimum: int | None = None, maximum: int | None = None) -> Callable[[Any, str], int]:
    def normalise(value: Any, key: str) -> int:
        try:
            number = integer(value, key)
        except SnowflakeError:
            raise SnowflakeError.invalid_property_value(value, key, "a whole number") from None
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise SnowflakeError.invalid_property_value(value, key, span(minimum, maximum))
        return number

    return normalise


def _one_of(*choices: str) -> Callable[[Any, str], str]:
    def normalise(value: Any, key: str) -> str:
        try:
            return choice(value, key, choices)
        except SnowflakeError:
            raise SnowflakeError.invalid_property_value(value, key, "one of " + ", ".join(choices)) from None

    return normalise


def _strings(*choices: str) -> Callable[[Any, str], list[str]]:
    def normalise(value: Any, key: str) -> list[str]:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            value = [value]
        one = _one_of(*choices) if choices else _text
        return [one(item, key) for item in value]

    return normalise


def _name(depth: int) -> Callable[[Any, str], str]:
    def normalise(value: Any, key: str) -> str:
        name = value if isinstance(value, ObjectName) else ObjectName.parse(_filled(value, key))
        if len(name.parts) != depth:
            raise SnowflakeError.invalid_property_value(value, key, f"a name of {depth} part(s)")
        return str(name)

    return normalise


def _names(depth: int) -> Normalise:
    one = _name(depth)

    def normalise(value: Any, key: str) -> list[str]:
        if isinstance(value, str | ObjectName):
            value = [value]
        found: list[str] = []
        for item in value:
            name = one(item, key)
            if name not in found:
                found.append(name)
        return found

    return normalise


def _record(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SnowflakeError.invalid_property_value(value, key, "a set of options")
    return {str(name).upper(): setting for name, setting in value.items() if setting is not None}


def _records(value: Any, key: str) -> list[dict[str, Any]]:
    if isinstance(value, Mapping | str):
        value = [value]
    return [_record(item, key) for item in value]


def _type(value: Any, key: str) -> str:
    return normalise_type(_filled(value, key))


# --- rules of single properties

_SIZES: Final = {
    **dict.fromkeys(("XSMALL", "X-SMALL"), "XSMALL"),
    "SMALL": "SMALL",
    "MEDIUM": "MEDIUM",
    "LARGE": "LARGE",
    **dict.fromkeys(("XLARGE", "X-LARGE"), "XLARGE"),
    **dict.fromkeys(("XXLARGE", "X2LARGE", "2XLARGE", "2X-LARGE", "XX-LARGE"), "XXLARGE"),
    **dict.fromkeys(("XXXLARGE", "X3LARGE", "3XLARGE", "3X-LARGE", "XXX-LARGE"), "XXXLARGE"),
    **dict.fromkeys(("X4LARGE", "4XLARGE", "4X-LARGE"), "X4LARGE"),
    **dict.fromkeys(("X5LARGE", "5XLARGE", "5X-LARGE"), "X5LARGE"),
    **dict.fromkeys(("X6LARGE", "6XLARGE", "6X-LARGE"), "X6LARGE"),
}


def _warehouse_size(value: Any, key: str) -> str:
    size = _SIZES.get(value.upper()) if isinstance(value, str) else None
    if size is None:
        raise SnowflakeError.invalid_property_value(value, key, "one of " + ", ".join(dict.fromkeys(_SIZES.values())))
    return size


def _credits(value: Any, key: str) -> int:
    return _whole(1)(value, key)


def _percentages(value: Any, key: str) -> list[int]:
    if isinstance(value, str | int):
        value = [value]
    found = sorted({_whole(1)(item, key) for item in value})
    if len(found) > 5:
        raise SnowflakeError.invalid_property_value(found, key, "at most 5 NOTIFY triggers")
    return found


_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?([+-]\d{2}:?\d{2}|Z))?")


def _moment(value: Any, key: str) -> str:
    text = _filled(value, key)
    if text.upper() == "IMMEDIATELY":
        return "IMMEDIATELY"
    if _MOMENT.fullmatch(text):
        try:
            datetime.fromisoformat(text[:10])
        except ValueError:
            pass
        else:
            return text
    raise SnowflakeError.invalid_property_value(value, key, "a timestamp, 'YYYY-MM-DD HH:MI', or IMMEDIATELY")


def _addresses(value: Any, key: str, version: int = 4) -> list[str]:
    found = _strings()(value, key)
    for address in found:
        try:
            network = ipaddress.ip_network(address, strict=False)
        except ValueError:
            network = None
        if network is None or network.version != version:
            raise SnowflakeError.invalid_property_value(address, key, f"an IPv{version} address or a CIDR block")
    return found


_HIGHEST_PORT: Final = 65_535

_SECOND: Final = re.compile(r"(\d+)\s+(SECONDS?|S)", re.IGNORECASE)
_MINUTE: Final = re.compile(r"(\d+)\s+(MINUTES?|M)", re.IGNORECASE)
_HOUR: Final = re.compile(r"(\d+)\s+(HOURS?|H)", re.IGNORECASE)
_CRON: Final = re.compile(r"USING\s+CRON\s+((?:\S+\s+){5})(\S+)", re.IGNORECASE)
_CRON_FIELDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_CRON_ITEM: Final = re.compile(
    r"(\*|[A-Z]{3}|\d+L?|L)(-([A-Z]{3}|\d+))?(/\d+)?|[A-Z]{3}L|\d+#\d|[A-Z]{3}#\d", re.IGNORECASE
)
_LONGEST_MINUTES: Final = 11_520


def _schedule(value: Any, key: str) -> str:
    text = " ".join(_filled(value, key).split())
    seconds = 0
    for pattern, factor in ((_SECOND, 1), (_MINUTE, 60), (_HOUR, 3600)):
        if match := pattern.fullmatch(text):
            seconds = int(match[1]) * factor
            if not 10 <= seconds <= _LONGEST_MINUTES * 60:
                raise SnowflakeError.invalid_property_value(
                    value, key, f"between 10 seconds and {_LONGEST_MINUTES} minutes"
                )
            return text.upper()
    if (match := _CRON.fullmatch(text)) and _is_cron(match[1].split()) and _is_zone(match[2]):
        return "USING CRON " + " ".join(match[1].split()) + " " + match[2]
    raise SnowflakeError.invalid_property_value(
        value, key, "'<number> MINUTE|HOUR|SECOND' or 'USING CRON <five fields> <time zone>'"
    )


def _is_cron(fields: list[str]) -> bool:
    for text, (low, high) in zip(fields, _CRON_FIELDS, strict=True):
        for item in text.split(","):
            if not _CRON_ITEM.fullmatch(item):
                return False
            if any(not low <= int(number) <= high for number in re.findall(r"(?<![/#\d])\d+", item)):
                return False
    return True


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


_NEXT_VALUE: Final = re.compile(r"\.\s*NEXTVAL\s*$", re.IGNORECASE)
_BINARY_COLLATIONS: Final = frozenset({"", "utf8", "bin"})
"""Those that compare as text without a collation does."""


def _columns(value: Any, key: str) -> list[Column]:
    found: list[Column] = []
    for position, item in enumerate(value, start=1):
        if not isinstance(item, Column):
            raise SnowflakeError.invalid_property_value(item, key, "a column definition")
        check_identifier(item.name, "column")
        if any(other.name == item.name for other in found):
            raise SnowflakeError.compilation(2025, "42S21", f"duplicate column name '{item.name}'")
        if any(other.name.lower() == item.name.lower() for other in found):
            raise SnowflakeError.unsupported(f"columns whose names differ only in case: {item.name}")
        if item.default is not None and _NEXT_VALUE.search(item.default):
            raise SnowflakeError.unsupported(f"a sequence as the default of a column: {item.default}")
        if (item.collation or "").lower() not in _BINARY_COLLATIONS:
            raise SnowflakeError.unsupported(f"the collation '{item.collation}' (of column {item.name})")
        found.append(
            Column(
                item.name,
                normalise_type(item.type),
                item.nullable,
                item.default,
                item.comment,
                position,
                item.identity,
                item.collation,
            )
        )
    if not found:
        raise SnowflakeError.compilation(1003, "42000", "syntax error: a table needs a column")
    return found


def _view_columns(value: Any, key: str) -> list[dict[str, Any]]:
    return [_record(item if isinstance(item, Mapping) else {"NAME": item}, key) for item in value]


def _arguments(value: Any, key: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    for item in value:
        name, type_, *rest = item
        found.append([_filled(name, key), _type(type_, key), *rest])
    names = [argument[0] for argument in found]
    if len(set(names)) != len(names):
        raise SnowflakeError.invalid_property_value(names, key, "argument names must differ")
    return found


def _secondary_roles(value: Any, key: str) -> list[str]:
    found = [role.upper() for role in _strings()(value, key) if role]
    if found not in ([], ["ALL"]):
        raise SnowflakeError.invalid_property_value(value, key, "('ALL') or ()")
    return found


def _runtime(value: Any, key: str) -> str:
    return _one_of("3.9", "3.10", "3.11")(str(value), key)


# --- rules of properties together


def _refuse(value: object, property_: str, rule: str) -> SnowflakeError:
    return SnowflakeError.invalid_property_value(value, property_, rule)


def _transient_retention(properties: Mapping[str, Any]) -> None:
    days = properties.get("DATA_RETENTION_TIME_IN_DAYS")
    if properties.get("TRANSIENT") and days is not None and days > 1:
        raise SnowflakeError.invalid_value(days, "DATA_RETENTION_TIME_IN_DAYS", "at most 1 where it is transient")


def _clusters(properties: Mapping[str, Any]) -> None:
    least, most = properties.get("MIN_CLUSTER_COUNT", 1), properties.get("MAX_CLUSTER_COUNT", 1)
    if least > most:
        raise _refuse(least, "MIN_CLUSTER_COUNT", f"at most MAX_CLUSTER_COUNT, which is {most}")


def _monitor_schedule(properties: Mapping[str, Any]) -> None:
    frequency, start = properties.get("FREQUENCY"), properties.get("START_TIMESTAMP")
    if (frequency is None) != (start is None):
        raise _refuse(
            frequency or start,
            "FREQUENCY" if frequency else "START_TIMESTAMP",
            "FREQUENCY and START_TIMESTAMP are set together",
        )
    end = properties.get("END_TIMESTAMP")
    if start is not None and end is not None and start != "IMMEDIATELY" and end <= start:
        raise _refuse(end, "END_TIMESTAMP", f"later than START_TIMESTAMP, which is {start}")


def _user_type(properties: Mapping[str, Any]) -> None:
    type_ = properties.get("TYPE", "PERSON")
    refused: tuple[str, ...] = ()
    if type_ in ("SERVICE", "LEGACY_SERVICE"):
        refused = ("FIRST_NAME", "MIDDLE_NAME", "LAST_NAME", "MINS_TO_BYPASS_MFA", "DISABLE_MFA")
    if type_ == "SERVICE":
        refused += ("PASSWORD", "MUST_CHANGE_PASSWORD")
    for key in refused:
        if key in properties:
            raise SnowflakeError.compilation(1423, "22023", f"invalid property '{key}' for a user of TYPE = {type_}")


def _lengths(properties: Mapping[str, Any]) -> None:
    least, most = properties.get("PASSWORD_MIN_LENGTH", 14), properties.get("PASSWORD_MAX_LENGTH", 256)
    if least > most:
        raise _refuse(least, "PASSWORD_MIN_LENGTH", f"at most PASSWORD_MAX_LENGTH, which is {most}")
    parts = ("UPPER_CASE_CHARS", "LOWER_CASE_CHARS", "NUMERIC_CHARS", "SPECIAL_CHARS")
    defaults = {"SPECIAL_CHARS": 0}
    needed = sum(properties.get(f"PASSWORD_MIN_{part}", defaults.get(part, 1)) for part in parts)
    if needed > most:
        raise _refuse(needed, "PASSWORD_MAX_LENGTH", "at least the sum of the minimum counts of characters")
    if properties.get("PASSWORD_MIN_AGE_DAYS", 0) > properties.get("PASSWORD_MAX_AGE_DAYS", 90):
        raise _refuse(properties["PASSWORD_MIN_AGE_DAYS"], "PASSWORD_MIN_AGE_DAYS", "at most PASSWORD_MAX_AGE_DAYS")


def _task_start(properties: Mapping[str, Any]) -> None:
    given = [key for key in ("SCHEDULE", "AFTER", "FINALIZE") if properties.get(key)]
    if len(given) > 1 and given != ["SCHEDULE"]:
        raise SnowflakeError.compilation(
            91083, "22023", f"a task takes one of SCHEDULE, AFTER and FINALIZE, not {' and '.join(given)}"
        )
    if properties.get("STATE") == "STARTED" and not given and not properties.get("WHEN"):
        raise SnowflakeError(
            91088,
            "23001",
            "SQL execution error: Cannot resume a task that nothing starts: a root task needs a SCHEDULE, or a WHEN "
            "that looks at a stream.",
        )


def _masking_types(properties: Mapping[str, Any]) -> None:
    arguments, returns = properties.get("ARGUMENTS"), properties.get("RETURNS")
    if not arguments:
        raise SnowflakeError.missing_property("ARGUMENTS", "MASKING POLICY")
    if returns is not None and base_type(arguments[0][1]) != base_type(returns):
        raise SnowflakeError.compilation(
            3551,
            "42601",
            f"Masking policy function argument and return type mismatch: {arguments[0][1]} and {returns}",
        )


def _row_access_signature(properties: Mapping[str, Any]) -> None:
    if not properties.get("ARGUMENTS"):
        raise SnowflakeError.missing_property("ARGUMENTS", "ROW ACCESS POLICY")


def _network_rule_values(properties: Mapping[str, Any]) -> None:
    type_, values = properties.get("TYPE"), properties.get("VALUE_LIST", [])
    mode = properties.get("MODE", "INGRESS")
    allowed = {
        "INGRESS": ("IPV4", "IPV6", "AWSVPCEID", "AZURELINKID", "GCPPSCID"),
        "INTERNAL_STAGE": ("AWSVPCEID",),
        "EGRESS": ("HOST_PORT", "PRIVATE_HOST_PORT"),
        "POSTGRES_INGRESS": ("IPV4",),
        "POSTGRES_EGRESS": ("IPV4",),
    }[mode]
    if type_ not in allowed:
        raise _refuse(type_, "TYPE", f"with MODE = {mode} one of {', '.join(allowed)}")
    if type_ == "IPV4":
        _addresses(values, "VALUE_LIST")
    elif type_ == "IPV6":
        _addresses(values, "VALUE_LIST", 6)
    elif type_ in ("HOST_PORT", "PRIVATE_HOST_PORT"):
        for value in values:
            match = re.fullmatch(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::(\d{1,5}))?", value)
            if match is None or int(match[1] or 0) > _HIGHEST_PORT:
                raise _refuse(value, "VALUE_LIST", f"a host name, alone or with a port from 0 (all) to {_HIGHEST_PORT}")
    elif type_ == "AWSVPCEID":
        for value in values:
            if not re.fullmatch(r"vpce-[0-9a-f]+", value):
                raise _refuse(value, "VALUE_LIST", "the id of a VPC endpoint, vpce-…")


def _function_body(properties: Mapping[str, Any]) -> None:
    if properties.get("LANGUAGE", "SQL") == "PYTHON":
        for key in ("HANDLER", "RUNTIME_VERSION"):
            if not properties.get(key):
                raise SnowflakeError.missing_property(key, "PYTHON function")


# --- the kinds


def _comment() -> dict[str, PropertySpec]:
    return {"COMMENT": PropertySpec(_text, "")}


def _with_parameters(kind: str, properties: Mapping[str, PropertySpec]) -> dict[str, PropertySpec]:
    found = {
        key: PropertySpec(lambda value, _, parameter=parameter: parameter.normalise(value))  # type: ignore[misc]
        for key, parameter in parameters_of(kind).items()
    }
    found.update(properties)
    found.update(_comment())
    return found


_SCHEMA_KINDS: Final = (
    "TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "DYNAMIC TABLE",
    "EXTERNAL TABLE",
    "EVENT TABLE",
    "ICEBERG TABLE",
    "HYBRID TABLE",
    "TEMPORARY TABLE",
    "STAGE",
    "FILE FORMAT",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "PIPE",
    "STREAM",
    "TASK",
    "ALERT",
    "TAG",
    "SECRET",
    "MASKING POLICY",
    "ROW ACCESS POLICY",
    "AGGREGATION POLICY",
    "PROJECTION POLICY",
    "JOIN POLICY",
    "PRIVACY POLICY",
    "PACKAGES POLICY",
    "PASSWORD POLICY",
    "SESSION POLICY",
    "AUTHENTICATION POLICY",
    "STORAGE LIFECYCLE POLICY",
    "NETWORK RULE",
    "STREAMLIT",
    "NOTEBOOK",
    "CORTEX SEARCH SERVICE",
    "SEMANTIC VIEW",
    "AGENT",
    "MODEL",
    "DATASET",
    "SERVICE",
    "IMAGE REPOSITORY",
    "SNAPSHOT",
    "GIT REPOSITORY",
    "DATA METRIC FUNCTION",
    "SNOWFLAKE.ML.FORECAST",
    "SNOWFLAKE.CORE.BUDGET",
)

ACCOUNT_PRIVILEGES: Final = (
    "APPLY AGGREGATION POLICY",
    "APPLY AUTHENTICATION POLICY",
    "APPLY JOIN POLICY",
    "APPLY MASKING POLICY",
    "APPLY PACKAGES POLICY",
    "APPLY PASSWORD POLICY",
    "APPLY PROJECTION POLICY",
    "APPLY ROW ACCESS POLICY",
    "APPLY SESSION POLICY",
    "APPLY TAG",
    "ATTACH POLICY",
    "AUDIT",
    "BIND SERVICE ENDPOINT",
    "CANCEL QUERY",
    "CREATE API INTEGRATION",
    "CREATE APPLICATION",
    "CREATE APPLICATION PACKAGE",
    "CREATE COMPUTE POOL",
    "CREATE DATABASE",
    "CREATE EXTERNAL VOLUME",
    "CREATE FAILOVER GROUP",
    "CREATE INTEGRATION",
    "CREATE NETWORK POLICY",
    "CREATE REPLICATION GROUP",
    "CREATE ROLE",
    "CREATE SHARE",
    "CREATE USER",
    "CREATE WAREHOUSE",
    "EXECUTE ALERT",
    "EXECUTE AUTO CLASSIFICATION",
    "EXECUTE DATA METRIC FUNCTION",
    "EXECUTE MANAGED ALERT",
    "EXECUTE MANAGED TASK",
    "EXECUTE TASK",
    "IMPORT SHARE",
    "MANAGE ACCOUNT SUPPORT CASES",
    "MANAGE EVENT SHARING",
    "MANAGE GRANTS",
    "MANAGE LISTING AUTO FULFILLMENT",
    "MANAGE ORGANIZATION SUPPORT CASES",
    "MANAGE USER SUPPORT CASES",
    "MANAGE WAREHOUSES",
    "MODIFY LOG LEVEL",
    "MODIFY METRIC LEVEL",
    "MODIFY SESSION LOG LEVEL",
    "MODIFY SESSION METRIC LEVEL",
    "MODIFY SESSION TRACE LEVEL",
    "MODIFY TRACE LEVEL",
    "MONITOR",
    "MONITOR EXECUTION",
    "MONITOR SECURITY",
    "MONITOR USAGE",
    "OVERRIDE SHARE RESTRICTIONS",
    "PURCHASE DATA EXCHANGE LISTING",
    "READ SESSION",
    "READ UNREDACTED AI OBSERVABILITY EVENTS TABLE",
    "RESOLVE ALL",
    "USE AI FUNCTIONS",
)

_RETENTION: Final = (_transient_retention,)
_POLICY: Final = {"BODY": PropertySpec(_filled)}


def _kinds() -> dict[str, KindSpec]:
    found: dict[str, KindSpec] = {}

    def add(
        kind: str,
        scope: Literal["ACCOUNT", "DATABASE", "SCHEMA"],
        privileges: tuple[str, ...],
        properties: Mapping[str, PropertySpec],
        **more: Any,
    ) -> None:
        if "create" not in more and "only_role" not in more:
            more["create"] = f"CREATE {kind}"
        found[kind] = KindSpec(kind, scope, privileges, _with_parameters(kind, properties), **more)

    fixed_flag = PropertySpec(_boolean, False, changeable=False)
    flag = PropertySpec(_boolean, False)
    text = PropertySpec(_text)
    texts = PropertySpec(_strings())

    add(
        "ACCOUNT",
        "ACCOUNT",
        ACCOUNT_PRIVILEGES,
        {
            "RESOURCE_MONITOR": PropertySpec(_name(1), refers_to="RESOURCE MONITOR"),
            "NETWORK_POLICY": PropertySpec(_name(1), refers_to="NETWORK POLICY"),
        },
        create=None,
        only_role="ORGADMIN",
    )
    add(
        "DATABASE",
        "ACCOUNT",
        (
            "APPLYBUDGET",
            "CREATE DATABASE ROLE",
            "CREATE SCHEMA",
            "IMPORTED PRIVILEGES",
            "MODIFY",
            "MONITOR",
            "REFERENCE_USAGE",
            "USAGE",
        ),
        {"TRANSIENT": fixed_flag, "WITHOUT_PUBLIC": fixed_flag},
        alter="MODIFY",
        rules=_RETENTION,
    )
    add(
        "SCHEMA",
        "DATABASE",
        (
            "ADD SEARCH OPTIMIZATION",
            "APPLYBUDGET",
            "MODIFY",
            "MONITOR",
            "USAGE",
            *(f"CREATE {kind}" for kind in _SCHEMA_KINDS),
        ),
        {"TRANSIENT": fixed_flag, "MANAGED_ACCESS": flag},
        alter="MODIFY",
        alters={"MANAGED_ACCESS": "OWNERSHIP"},
        rules=_RETENTION,
    )
    add(
        "TABLE",
        "SCHEMA",
        (
            "APPLYBUDGET",
            "DELETE",
            "EVOLVE SCHEMA",
            "INSERT",
            "REBUILD",
            "REFERENCES",
            "SELECT",
            "TRUNCATE",
            "UPDATE",
        ),
        {
            "COLUMNS": PropertySpec(_columns, changeable=False),
            "QUERY": PropertySpec(_filled, changeable=False),
            "TRANSIENT": fixed_flag,
            "CLUSTER_BY": texts,
            "CHANGE_TRACKING": flag,
            "ENABLE_SCHEMA_EVOLUTION": flag,
            "CONSTRAINTS": PropertySpec(_records),
        },
        rules=_RETENTION,
    )
    view = {
        "STATEMENT": PropertySpec(_filled, changeable=False),
        "COLUMNS": PropertySpec(_view_columns, changeable=False),
        "SECURE": flag,
        "CHANGE_TRACKING": flag,
        "RECURSIVE": fixed_flag,
    }
    add("VIEW", "SCHEMA", ("REFERENCES", "SELECT"), view, required=("STATEMENT",))
    add(
        "DYNAMIC TABLE",
        "SCHEMA",
        ("MONITOR", "OPERATE", "SELECT"),
        {
            "QUERY": PropertySpec(_filled, changeable=False),
            "TARGET_LAG": PropertySpec(_filled),
            "WAREHOUSE": PropertySpec(_name(1), refers_to="WAREHOUSE"),
            "REFRESH_MODE": PropertySpec(_one_of("AUTO", "FULL", "INCREMENTAL"), "AUTO", changeable=False),
            "INITIALIZE": PropertySpec(_one_of("ON_CREATE", "ON_SCHEDULE"), "ON_CREATE", changeable=False),
            "STATE": PropertySpec(_one_of("STARTED", "SUSPENDED"), "STARTED"),
        },
        required=("QUERY", "TARGET_LAG", "WAREHOUSE"),
        alter="OPERATE",
    )
    routine = {
        "ARGUMENTS": PropertySpec(_arguments, changeable=False),
        "RETURNS": PropertySpec(_filled, changeable=False),
        "LANGUAGE": PropertySpec(_one_of("SQL", "PYTHON", "JAVASCRIPT", "JAVA", "SCALA"), "SQL", changeable=False),
        "BODY": PropertySpec(_filled, changeable=False),
        "HANDLER": PropertySpec(_filled, changeable=False),
        "RUNTIME_VERSION": PropertySpec(_runtime, changeable=False),
        "PACKAGES": PropertySpec(_strings(), changeable=False),
        "IMPORTS": PropertySpec(_strings(), changeable=False),
        "NULL_INPUT_BEHAVIOR": PropertySpec(
            _one_of("CALLED ON NULL INPUT", "RETURNS NULL ON NULL INPUT", "STRICT"),
            "CALLED ON NULL INPUT",
            changeable=False,
        ),
        "RETURN_RESULTS_BEHAVIOR": PropertySpec(_one_of("VOLATILE", "IMMUTABLE"), "VOLATILE", changeable=False),
        "SECURE": flag,
        "EXTERNAL_ACCESS_INTEGRATIONS": texts,
        "SECRETS": PropertySpec(_record),
    }
    add(
        "FUNCTION",
        "SCHEMA",
        ("USAGE",),
        {**routine, "AGGREGATE": fixed_flag, "MEMOIZABLE": fixed_flag},
        required=("RETURNS", "BODY"),
        rules=(_function_body,),
        has_signature=True,
    )
    add(
        "PROCEDURE",
        "SCHEMA",
        ("USAGE",),
        {**routine, "EXECUTE_AS": PropertySpec(_one_of("OWNER", "CALLER", "RESTRICTED CALLER"), "OWNER")},
        required=("RETURNS", "BODY"),
        rules=(_function_body,),
        has_signature=True,
    )
    add(
        "SEQUENCE",
        "SCHEMA",
        ("USAGE",),
        {
            "START": PropertySpec(_whole(), 1, changeable=False),
            "INCREMENT": PropertySpec(_whole(), 1),
            "ORDER": PropertySpec(_boolean, False),
        },
    )
    add(
        "STAGE",
        "SCHEMA",
        ("READ", "USAGE", "WRITE"),
        {
            "URL": text,
            "STORAGE_INTEGRATION": PropertySpec(_name(1), refers_to="INTEGRATION"),
            "ENCRYPTION": PropertySpec(_record),
            "DIRECTORY": PropertySpec(_record),
            "FILE_FORMAT": PropertySpec(_record),
        },
    )
    add(
        "FILE FORMAT",
        "SCHEMA",
        ("USAGE",),
        {
            "TYPE": PropertySpec(_one_of("CSV", "JSON", "AVRO", "ORC", "PARQUET", "XML"), "CSV", changeable=False),
            "OPTIONS": PropertySpec(_record),
        },
    )
    add(
        "STREAM",
        "SCHEMA",
        ("SELECT",),
        {
            "ON_TABLE": PropertySpec(_name(3), refers_to="TABLE", changeable=False),
            "APPEND_ONLY": fixed_flag,
            "SHOW_INITIAL_ROWS": fixed_flag,
        },
        required=("ON_TABLE",),
    )
    state = PropertySpec(_one_of("STARTED", "SUSPENDED"), "SUSPENDED")
    add(
        "TASK",
        "SCHEMA",
        ("APPLYBUDGET", "MONITOR", "OPERATE"),
        {
            "SQL_STATEMENT": PropertySpec(_statement),
            "WAREHOUSE": PropertySpec(_name(1), refers_to="WAREHOUSE"),
            "SCHEDULE": PropertySpec(_schedule),
            "CONFIG": PropertySpec(_json),
            "ALLOW_OVERLAPPING_EXECUTION": flag,
            "ERROR_INTEGRATION": PropertySpec(_name(1), refers_to="INTEGRATION"),
            "AFTER": PropertySpec(_names(3), refers_to="TASK"),
            "FINALIZE": PropertySpec(_name(3), refers_to="TASK"),
            "WHEN": PropertySpec(_condition),
            "TARGET_COMPLETION_INTERVAL": PropertySpec(_filled),
            "EXECUTE_AS_USER": PropertySpec(_name(1), refers_to="USER"),
            "STATE": state,
        },
        required=("SQL_STATEMENT",),
        alters={"STATE": "OPERATE"},
        rules=(_task_start,),
    )
    add(
        "ALERT",
        "SCHEMA",
        ("MONITOR", "OPERATE"),
        {
            "WAREHOUSE": PropertySpec(_name(1), refers_to="WAREHOUSE"),
            "SCHEDULE": PropertySpec(_schedule),
            "CONDITION": PropertySpec(_filled),
            "ACTION": PropertySpec(_statement),
            "STATE": state,
        },
        required=("CONDITION", "ACTION"),
        alters={"STATE": "OPERATE"},
    )
    add(
        "WAREHOUSE",
        "ACCOUNT",
        ("APPLYBUDGET", "MODIFY", "MONITOR", "OPERATE", "USAGE"),
        {
            "WAREHOUSE_TYPE": PropertySpec(_one_of("STANDARD", "SNOWPARK-OPTIMIZED", "ADAPTIVE"), "STANDARD"),
            "WAREHOUSE_SIZE": PropertySpec(_warehouse_size, "XSMALL"),
            "MIN_CLUSTER_COUNT": PropertySpec(_whole(1, 10), 1),
            "MAX_CLUSTER_COUNT": PropertySpec(_whole(1, 10), 1),
            "SCALING_POLICY": PropertySpec(_one_of("STANDARD", "ECONOMY"), "STANDARD"),
            "AUTO_SUSPEND": PropertySpec(_whole(0), 600),
            "AUTO_RESUME": PropertySpec(_boolean, True),
            "INITIALLY_SUSPENDED": fixed_flag,
            "RESOURCE_MONITOR": PropertySpec(_name(1), refers_to="RESOURCE MONITOR"),
            "ENABLE_QUERY_ACCELERATION": flag,
            "QUERY_ACCELERATION_MAX_SCALE_FACTOR": PropertySpec(_whole(0, 100), 8),
            "RESOURCE_CONSTRAINT": PropertySpec(
                _one_of(
                    "STANDARD_GEN_1",
                    "STANDARD_GEN_2",
                    "MEMORY_1X",
                    "MEMORY_1X_X86",
                    "MEMORY_16X",
                    "MEMORY_16X_X86",
                    "MEMORY_64X",
                    "MEMORY_64X_X86",
                )
            ),
            "GENERATION": PropertySpec(lambda value, key: _one_of("1", "2")(str(value), key)),
            "STATE": PropertySpec(_one_of("STARTED", "SUSPENDED"), "STARTED"),
        },
        alter="MODIFY",
        alters={"STATE": "OPERATE"},
        rules=(_clusters,),
    )
    trigger = PropertySpec(_whole(1))
    add(
        "RESOURCE MONITOR",
        "ACCOUNT",
        ("MODIFY", "MONITOR"),
        {
            "CREDIT_QUOTA": PropertySpec(_credits),
            "FREQUENCY": PropertySpec(_one_of("MONTHLY", "DAILY", "WEEKLY", "YEARLY", "NEVER"), "MONTHLY"),
            "START_TIMESTAMP": PropertySpec(_moment),
            "END_TIMESTAMP": PropertySpec(_moment),
            "NOTIFY_USERS": PropertySpec(_names(1), refers_to="USER"),
            "NOTIFY_TRIGGERS": PropertySpec(_percentages),
            "SUSPEND_TRIGGER": trigger,
            "SUSPEND_IMMEDIATE_TRIGGER": trigger,
        },
        create=None,
        only_role="ACCOUNTADMIN",
        alter="MODIFY",
        rules=(_monitor_schedule,),
    )
    add("ROLE", "ACCOUNT", (), {})
    add("DATABASE ROLE", "DATABASE", (), {})
    # An application's, which alone makes them; here there is one application, the database SNOWFLAKE.
    add("APPLICATION ROLE", "DATABASE", (), {}, create=None)
    key = PropertySpec(public_key_body)
    add(
        "USER",
        "ACCOUNT",
        ("MONITOR",),
        {
            "TYPE": PropertySpec(_one_of("PERSON", "SERVICE", "LEGACY_SERVICE", "NULL")),
            "LOGIN_NAME": PropertySpec(lambda value, name: _filled(value, name).upper()),
            **dict.fromkeys(("DISPLAY_NAME", "FIRST_NAME", "MIDDLE_NAME", "LAST_NAME", "EMAIL", "PASSWORD"), text),
            "MUST_CHANGE_PASSWORD": flag,
            "DISABLED": flag,
            "DAYS_TO_EXPIRY": PropertySpec(_whole()),
            "MINS_TO_UNLOCK": PropertySpec(_whole(0)),
            "MINS_TO_BYPASS_MFA": PropertySpec(_whole(0)),
            "DISABLE_MFA": flag,
            "DEFAULT_WAREHOUSE": PropertySpec(_name(1)),
            "DEFAULT_NAMESPACE": PropertySpec(
                lambda value, name: str(
                    value if isinstance(value, ObjectName) else ObjectName.parse(_filled(value, name))
                )
            ),
            "DEFAULT_ROLE": PropertySpec(_name(1)),
            "DEFAULT_SECONDARY_ROLES": PropertySpec(_secondary_roles, ["ALL"]),
            "RSA_PUBLIC_KEY": key,
            "RSA_PUBLIC_KEY_2": key,
            "NETWORK_POLICY": PropertySpec(_name(1), refers_to="NETWORK POLICY"),
            "WORKLOAD_IDENTITY": PropertySpec(_record),
        },
        rules=(_user_type,),
    )
    rules_list = PropertySpec(_names(3), refers_to="NETWORK RULE")
    addresses = PropertySpec(_addresses)
    add(
        "NETWORK POLICY",
        "ACCOUNT",
        ("USAGE",),
        {
            "ALLOWED_NETWORK_RULE_LIST": rules_list,
            "BLOCKED_NETWORK_RULE_LIST": rules_list,
            "ALLOWED_IP_LIST": addresses,
            "BLOCKED_IP_LIST": addresses,
        },
        is_policy=True,
    )
    add(
        "NETWORK RULE",
        "SCHEMA",
        ("USAGE",),
        {
            "TYPE": PropertySpec(
                _one_of("IPV4", "IPV6", "AWSVPCEID", "AZURELINKID", "GCPPSCID", "HOST_PORT", "PRIVATE_HOST_PORT"),
                changeable=False,
            ),
            "MODE": PropertySpec(
                _one_of("INGRESS", "INTERNAL_STAGE", "EGRESS", "POSTGRES_INGRESS", "POSTGRES_EGRESS"),
                "INGRESS",
                changeable=False,
            ),
            "VALUE_LIST": texts,
        },
        required=("TYPE", "VALUE_LIST"),
        rules=(_network_rule_values,),
    )
    add(
        "AUTHENTICATION POLICY",
        "SCHEMA",
        ("APPLY",),
        {
            "AUTHENTICATION_METHODS": PropertySpec(
                _strings(
                    "ALL", "SAML", "PASSWORD", "OAUTH", "KEYPAIR", "PROGRAMMATIC_ACCESS_TOKEN", "WORKLOAD_IDENTITY"
                ),
                ["ALL"],
            ),
            "CLIENT_TYPES": PropertySpec(
                _strings("ALL", "SNOWFLAKE_UI", "DRIVERS", "SNOWSQL", "SNOWFLAKE_CLI"), ["ALL"]
            ),
            "SECURITY_INTEGRATIONS": PropertySpec(_strings(), ["ALL"]),
            "MFA_ENROLLMENT": PropertySpec(
                _one_of("REQUIRED", "REQUIRED_PASSWORD_ONLY", "REQUIRED_SNOWFLAKE_UI_PASSWORD_ONLY", "OPTIONAL"),
                "REQUIRED_PASSWORD_ONLY",
            ),
            "MFA_POLICY": PropertySpec(_record),
            "PAT_POLICY": PropertySpec(_record),
            "CLIENT_POLICY": PropertySpec(_record),
            "WORKLOAD_IDENTITY_POLICY": PropertySpec(_record),
        },
        is_policy=True,
    )
    add(
        "PASSWORD POLICY",
        "SCHEMA",
        ("APPLY",),
        {
            "PASSWORD_MIN_LENGTH": PropertySpec(_whole(8, 256), 14),
            "PASSWORD_MAX_LENGTH": PropertySpec(_whole(8, 256), 256),
            "PASSWORD_MIN_UPPER_CASE_CHARS": PropertySpec(_whole(0, 256), 1),
            "PASSWORD_MIN_LOWER_CASE_CHARS": PropertySpec(_whole(0, 256), 1),
            "PASSWORD_MIN_NUMERIC_CHARS": PropertySpec(_whole(0, 256), 1),
            "PASSWORD_MIN_SPECIAL_CHARS": PropertySpec(_whole(0, 256), 0),
            "PASSWORD_MIN_AGE_DAYS": PropertySpec(_whole(0, 999), 0),
            "PASSWORD_MAX_AGE_DAYS": PropertySpec(_whole(0, 999), 90),
            "PASSWORD_MAX_RETRIES": PropertySpec(_whole(1, 10), 5),
            "PASSWORD_LOCKOUT_TIME_MINS": PropertySpec(_whole(1, 999), 15),
            "PASSWORD_HISTORY": PropertySpec(_whole(0, 24), 5),
        },
        rules=(_lengths,),
        is_policy=True,
    )
    add(
        "SESSION POLICY",
        "SCHEMA",
        ("APPLY",),
        {
            "SESSION_IDLE_TIMEOUT_MINS": PropertySpec(_whole(5, 240), 240),
            "SESSION_UI_IDLE_TIMEOUT_MINS": PropertySpec(_whole(5, 1080), 1080),
            "ALLOWED_SECONDARY_ROLES": PropertySpec(_strings(), ["ALL"]),
            "BLOCKED_SECONDARY_ROLES": texts,
        },
        is_policy=True,
    )
    signature = PropertySpec(_arguments, changeable=False)
    add(
        "ROW ACCESS POLICY",
        "SCHEMA",
        ("APPLY",),
        {"ARGUMENTS": signature, **_POLICY},
        required=("ARGUMENTS", "BODY"),
        rules=(_row_access_signature,),
        is_policy=True,
    )
    add(
        "MASKING POLICY",
        "SCHEMA",
        ("APPLY",),
        {
            "ARGUMENTS": signature,
            "RETURNS": PropertySpec(_type, changeable=False),
            "EXEMPT_OTHER_POLICIES": fixed_flag,
            **_POLICY,
        },
        required=("ARGUMENTS", "RETURNS", "BODY"),
        rules=(_masking_types,),
        is_policy=True,
    )
    add(
        "TAG",
        "SCHEMA",
        ("APPLY", "READ"),
        {
            "ALLOWED_VALUES": texts,
            "PROPAGATE": PropertySpec(
                _one_of("ON_DEPENDENCY_AND_DATA_MOVEMENT", "ON_DEPENDENCY", "ON_DATA_MOVEMENT", "NONE")
            ),
            "ON_CONFLICT": text,
        },
    )
    add(
        "INTEGRATION",
        "ACCOUNT",
        ("USAGE", "USE_ANY_ROLE"),
        {
            "TYPE": PropertySpec(_filled, changeable=False),
            "ENABLED": PropertySpec(_boolean),
            "ALLOWED_RECIPIENTS": texts,
            "DEFAULT_RECIPIENTS": texts,
            "DEFAULT_SUBJECT": text,
            "ALLOWED_NETWORK_RULES": rules_list,
            "OPTIONS": PropertySpec(_record),
        },
        required=("TYPE", "ENABLED"),
    )
    return found


KINDS: Final = _kinds()

_ALIASES: Final = {
    "ACCOUNT ROLE": "ROLE",
    "SERVICE USER": "USER",
    "NOTIFICATION INTEGRATION": "INTEGRATION",
    "SECURITY INTEGRATION": "INTEGRATION",
    "STORAGE INTEGRATION": "INTEGRATION",
    "API INTEGRATION": "INTEGRATION",
    "EXTERNAL ACCESS INTEGRATION": "INTEGRATION",
    "DATABASE_ROLE": "DATABASE ROLE",
    "APPLICATION_ROLE": "APPLICATION ROLE",
}

DATA_KINDS: Final = frozenset({"DATABASE", "SCHEMA", "TABLE", "VIEW", "DYNAMIC TABLE", "FUNCTION", "SEQUENCE"})
"""The kinds that also exist in DuckDB."""

POLICY_KINDS: Final = frozenset(kind for kind, spec in KINDS.items() if spec.is_policy)


def spec_of(kind: str) -> KindSpec:
    """The spec of a kind; a kind that this account does not have is refused by name."""
    word = " ".join(kind.upper().replace("_", " ").split())
    spec = KINDS.get(_ALIASES.get(word, word))
    if spec is None:
        raise SnowflakeError.unsupported(word)
    return spec


def normalise_properties(spec: KindSpec, properties: Mapping[str, Any], *, altering: bool = False) -> dict[str, Any]:
    """The properties as they are kept, each checked by itself. None means not set and is left out."""
    found: dict[str, Any] = {}
    for key, value in properties.items():
        known = spec.properties.get(key)
        if known is None or (altering and not known.changeable):
            raise SnowflakeError.invalid_property(key, spec.kind.replace(" ", "_"))
        if value is not None:
            found[key] = known.normalise(value, key)
    return found


def check_together(spec: KindSpec, properties: Mapping[str, Any]) -> None:
    """The rules that look at several properties, and the required ones."""
    for key in spec.required:
        if key not in properties:
            raise SnowflakeError.missing_property(key, spec.kind)
    for rule in spec.rules:
        rule(properties)
