"""The columns of every table, as data.

The NEXUSCHAT tables follow LibreChat's collections, which they replace. Every name is upper case, since
the provider quotes column names. Times are TIMESTAMP_NTZ in UTC; token counts may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pulumi_snowflake as snowflake

IDENTIFIER = "VARCHAR(128)"
LABEL = "VARCHAR(256)"
TEXT = "VARCHAR(16777216)"
TIME = "TIMESTAMP_NTZ(9)"
WHOLE_NUMBER = "NUMBER(38,0)"
#: An organisation's id (HCS0001) with room to spare.
TENANT = "VARCHAR(16)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `required` makes it NOT NULL."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table's columns in order, its purpose, and the columns that are unique together."""

    comment: str
    columns: Sequence[Column]
    unique: Sequence[str] = ()


def _columns(text: str) -> list[Column]:
    """Columns from lines of `NAME kind`, a `!` after the kind for NOT NULL."""
    kinds = {
        "identifier": IDENTIFIER,
        "label": LABEL,
        "text": TEXT,
        "time": TIME,
        "number": WHOLE_NUMBER,
        "boolean": "BOOLEAN",
        "variant": "VARIANT",
        "array": "ARRAY",
        "date": "DATE",
        "decimal": "NUMBER(38,9)",
        "tenant": TENANT,
    }
    columns = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, kind = line.split()
        columns.append(Column(name, kinds[kind.rstrip("!")], required=kind.endswith("!")))
    return columns


#: What every NEXUSCHAT table has besides its own columns: whose row it is and where it came from.
COMMON_COLUMNS = [
    Column("TENANT_ID", TENANT, required=True),
    Column("SOURCE_ID", "VARCHAR(24)"),
    Column("SOURCE_SYSTEM", LABEL),
    Column("INGESTED_AT", TIME),
    Column("RAW", "VARIANT"),
]

NEXUSCHAT_TABLES: Mapping[str, TableDefinition] = {
    "CONVERSATIONS": TableDefinition(
        "One row a conversation",
        _columns(
            """
            CONVERSATION_ID identifier!
            USER_ID identifier!
            TITLE text
            ENDPOINT label
            ENDPOINT_TYPE label
            MODEL label
            SPEC label
            AGENT_ID identifier
            ASSISTANT_ID identifier
            MODEL_PARAMETERS variant
            SYSTEM_PROMPT text
            TAGS array
            FILE_IDS array
            MESSAGE_COUNT number
            TOTAL_TOKENS number
            IS_ARCHIVED boolean
            IS_TEMPORARY boolean
            EXPIRES_AT time
            CREATED_AT time
            UPDATED_AT time
            """
        )
        + COMMON_COLUMNS,
        unique=("TENANT_ID", "USER_ID", "CONVERSATION_ID"),
    ),
    "CHAT_MESSAGES": TableDefinition(
        "One row a message, with the tokens it cost",
        _columns(
            """
            MESSAGE_ID identifier!
            CONVERSATION_ID identifier!
            PARENT_MESSAGE_ID identifier
            USER_ID identifier!
            ROLE label
            SENDER label
            MODEL label
            ENDPOINT label
            TEXT text
            CONTENT variant
            SUMMARY text
            TOKEN_COUNT number
            SUMMARY_TOKEN_COUNT number
            PROMPT_TOKENS number
            COMPLETION_TOKENS number
            CACHE_WRITE_TOKENS number
            CACHE_READ_TOKENS number
            FINISH_REASON label
            UNFINISHED boolean
            ERROR boolean
            FEEDBACK variant
            FILES array
            ATTACHMENTS array
            THREAD_ID identifier
            METADATA variant
            EXPIRES_AT time
            CREATED_AT time
            UPDATED_AT time
            """
        )
        + COMMON_COLUMNS,
        unique=("TENANT_ID", "USER_ID", "MESSAGE_ID"),
    ),
    "USER_SESSIONS": TableDefinition(
        "One row a log-in; the refresh token only as a hash",
        _columns(
            """
            SESSION_ID identifier!
            USER_ID identifier!
            REFRESH_TOKEN_HASH label
            EXPIRES_AT time
            CREATED_AT time
            LAST_SEEN_AT time
            REVOKED_AT time
            AUTH_METHOD label
            """
        )
        + COMMON_COLUMNS,
    ),
    "USER_PREFERENCES": TableDefinition(
        "A user's profile settings and presets",
        _columns(
            """
            USER_ID identifier!
            PREF_KIND label!
            PREF_ID identifier
            TITLE text
            IS_DEFAULT boolean
            SORT_ORDER number
            VALUE variant
            TERMS_ACCEPTED boolean
            CREATED_AT time
            UPDATED_AT time
            """
        )
        + COMMON_COLUMNS,
    ),
    "PROMPT_CACHE": TableDefinition(
        "Answers of models, each under the key of its prompt, until it expires",
        _columns(
            """
            TENANT_ID tenant!
            CACHE_KEY identifier!
            MODEL label!
            RESPONSE text!
            PROMPT_TOKENS number!
            COMPLETION_TOKENS number!
            CHARACTERS number!
            HIT_COUNT number!
            CREATED_AT time!
            LAST_HIT_AT time
            EXPIRES_AT time!
            """
        ),
    ),
    "CORTEX_USAGE": TableDefinition(
        "One row a call of a model or of its cache: tokens, characters and time, no text",
        _columns(
            """
            TENANT_ID tenant!
            CALL_ID identifier!
            CALLED_AT time!
            MODEL label!
            CACHE_HIT boolean!
            PROMPT_TOKENS number!
            COMPLETION_TOKENS number!
            AVOIDED_PROMPT_TOKENS number!
            AVOIDED_COMPLETION_TOKENS number!
            OFFERED_CHARACTERS number!
            SENT_CHARACTERS number!
            ELAPSED_MILLISECONDS number!
            """
        ),
    ),
    "FILE_UPLOADS": TableDefinition(
        "One row an uploaded file: where it lies and what was read from it",
        _columns(
            """
            FILE_ID identifier!
            USER_ID identifier!
            CONVERSATION_ID identifier
            MESSAGE_ID identifier
            FILENAME text
            STORAGE_PATH text
            STORAGE_KEY text
            SOURCE label
            MIME_TYPE label
            BYTES number
            CONTEXT label
            EXTRACTED_TEXT text
            EMBEDDED boolean
            WIDTH number
            HEIGHT number
            USAGE_COUNT number
            METADATA variant
            EXPIRES_AT time
            CREATED_AT time
            UPDATED_AT time
            """
        )
        + COMMON_COLUMNS,
    ),
}

TENANT_MANAGEMENT_TABLES: Mapping[str, TableDefinition] = {
    "ORGANIZATIONS": TableDefinition(
        "The declared organisations and what belongs to each: the application looks its way up here",
        _columns(
            """
            ORGANIZATION_ID tenant!
            DATABASE_NAME label!
            SCHEMA_NAME label!
            WAREHOUSE_NAME label!
            RESOURCE_MONITOR_NAME label!
            APPLICATION_ROLE label!
            ANALYST_ROLE label!
            ADMINISTRATOR_ROLE label!
            WAREHOUSE_SIZE label!
            MONTHLY_CREDITS number!
            RETENTION_DAYS number!
            AUTO_SUSPEND_SECONDS number!
            STATUS label!
            CREATED_AT time!
            UPDATED_AT time!
            REMOVED_AT time
            MONTHLY_CORTEX_TOKENS number
            """
        ),
    ),
    "ORG_USERS": TableDefinition(
        "Who belongs to which organisation, in which role",
        _columns(
            """
            ORGANIZATION_ID tenant!
            USER_ID identifier!
            EMAIL label
            DISPLAY_NAME label
            ROLE label!
            STATUS label!
            CREATED_AT time!
            UPDATED_AT time
            DEACTIVATED_AT time
            """
        ),
    ),
    "ORG_RESOURCE_USAGE": TableDefinition(
        "What an organisation used, by day and kind of resource",
        _columns(
            """
            ORGANIZATION_ID tenant!
            USAGE_DATE date!
            RESOURCE_KIND label!
            RESOURCE_NAME label
            MODEL label
            QUANTITY decimal!
            UNIT label!
            CREDITS decimal
            QUERY_TAG label
            RECORDED_AT time!
            """
        ),
    ),
}

CORTEX_FUNCTIONS_TABLES: Mapping[str, TableDefinition] = {
    "MODEL_PRICES": TableDefinition(
        "What a model's tokens cost, as the settings have it",
        _columns(
            """
            MODEL label!
            CREDITS_PER_MILLION_PROMPT_TOKENS decimal!
            CREDITS_PER_MILLION_COMPLETION_TOKENS decimal!
            """
        ),
    ),
}

MONITORING_TABLES: Mapping[str, TableDefinition] = {
    "TENANT_DAYS": TableDefinition(
        "What each organisation did on each day, in numbers alone: its own task counts it",
        _columns(
            """
            ORGANIZATION_ID tenant!
            USAGE_DATE date!
            ACTIVE_USERS number!
            ACTIVE_USERS_7_DAYS number!
            ACTIVE_USERS_30_DAYS number!
            CONVERSATIONS number!
            MESSAGES number!
            LOG_INS number!
            FILES number!
            FILE_BYTES number!
            COLLECTED_AT time!
            """
        ),
    ),
    "TENANT_MODEL_DAYS": TableDefinition(
        "What each organisation asked each model on each day, in numbers alone: its own task counts it",
        _columns(
            """
            ORGANIZATION_ID tenant!
            USAGE_DATE date!
            MODEL label!
            CALLS number!
            CACHE_HITS number!
            PROMPT_TOKENS number!
            COMPLETION_TOKENS number!
            AVOIDED_PROMPT_TOKENS number!
            AVOIDED_COMPLETION_TOKENS number!
            OFFERED_CHARACTERS number!
            SENT_CHARACTERS number!
            MEDIAN_MILLISECONDS decimal!
            PERCENTILE_95_MILLISECONDS decimal!
            LONGEST_MILLISECONDS number!
            COLLECTED_AT time!
            """
        ),
    ),
    "PRICES": TableDefinition(
        "What a unit costs and where a cost draws attention, as the settings have it",
        _columns(
            """
            ITEM label!
            AMOUNT decimal!
            UNIT label!
            """
        ),
    ),
    "ALERTS_RAISED": TableDefinition(
        "Which alert was raised when",
        _columns(
            """
            ALERT label!
            RAISED_AT time!
            REASONS number!
            DETAIL label!
            MAILED boolean!
            """
        ),
    ),
}


@cache
def _column_args(column: Column) -> snowflake.TableColumnArgs:
    return snowflake.TableColumnArgs(name=column.name, type=column.type, nullable=not column.required)


def column_args(definition: TableDefinition) -> list[snowflake.TableColumnArgs]:
    """The definition's columns as the SDK wants them: made once, shared by every tenant."""
    return [_column_args(column) for column in definition.columns]
