"""Which columns can hold patients' data, of which class, and which cannot: one list, beside `tables`.

Every text, VARIANT and ARRAY column stands in exactly one of the two tables below; a test compares them with
`tables`, so a column that somebody adds is classified or fails it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: What names a person: a name, a mail address, a profile.
DIRECT_IDENTIFIER: Final = "DIRECT_IDENTIFIER"
#: What people wrote, what was answered, and whatever is made from it: titles, summaries, file names, annotations.
CONTENT: Final = "CONTENT"
#: What proves who somebody is, even as a hash.
CREDENTIAL: Final = "CREDENTIAL"

#: The values that the tag PHI allows, with what each class means.
PHI_CLASSES: Final[Mapping[str, str]] = {
    DIRECT_IDENTIFIER: "names a person: name, mail address, profile",
    CONTENT: "what people wrote, what was answered, and whatever is made from it",
    CREDENTIAL: "proves who somebody is, even as a hash",
}

#: Types of columns that can hold patients' data at all; times, numbers and truth values identify nobody here.
PHI_TYPES: Final = ("VARCHAR", "VARIANT", "ARRAY")

#: Table → column → class.
PHI_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "CONVERSATIONS": {
        "TITLE": CONTENT,
        "MODEL_PARAMETERS": CONTENT,
        "SYSTEM_PROMPT": CONTENT,
        "TAGS": CONTENT,
        "RAW": CONTENT,
    },
    "CHAT_MESSAGES": {
        "SENDER": DIRECT_IDENTIFIER,
        "TEXT": CONTENT,
        "CONTENT": CONTENT,
        "SUMMARY": CONTENT,
        "FEEDBACK": CONTENT,
        "FILES": CONTENT,
        "ATTACHMENTS": CONTENT,
        "METADATA": CONTENT,
        "RAW": CONTENT,
    },
    # A key is a digest of the prompt: short prompts could be guessed from it.
    "PROMPT_CACHE": {"CACHE_KEY": CONTENT, "RESPONSE": CONTENT},
    "USER_SESSIONS": {"REFRESH_TOKEN_HASH": CREDENTIAL, "RAW": CONTENT},
    "USER_PREFERENCES": {"TITLE": CONTENT, "VALUE": DIRECT_IDENTIFIER, "RAW": CONTENT},
    "FILE_UPLOADS": {
        "FILENAME": CONTENT,
        "STORAGE_PATH": CONTENT,
        "STORAGE_KEY": CONTENT,
        "EXTRACTED_TEXT": CONTENT,
        "METADATA": CONTENT,
        "RAW": CONTENT,
    },
    "ORG_USERS": {"EMAIL": DIRECT_IDENTIFIER, "DISPLAY_NAME": DIRECT_IDENTIFIER},
}

_GENERATED = "an identifier that software generated, and that means nothing outside its table"
_MODEL = "the name of a model or of its endpoint"
_TENANT = "the organisation, which is nobody's patient"
_CODE = "one of a few words that software sets"
_OBJECT = "the name of an object of this platform"

#: Column → why it holds none, in whichever table it stands. What is in `PHI_COLUMNS` for its table goes before.
NO_PHI: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "AGENT_ID",
            "ASSISTANT_ID",
            "CALL_ID",
            "CONVERSATION_ID",
            "FILE_ID",
            "FILE_IDS",
            "MESSAGE_ID",
            "PARENT_MESSAGE_ID",
            "PREF_ID",
            "SESSION_ID",
            "SOURCE_ID",
            "THREAD_ID",
            "USER_ID",
        ),
        _GENERATED,
    ),
    **dict.fromkeys(("ENDPOINT", "ENDPOINT_TYPE", "MODEL", "SPEC"), _MODEL),
    **dict.fromkeys(("TENANT_ID", "ORGANIZATION_ID"), _TENANT),
    **dict.fromkeys(
        (
            "ALERT",
            "ALERT",
            "AUTH_METHOD",
            "CONTEXT",
            "DETAIL",
            "FINISH_REASON",
            "ITEM",
            "MIME_TYPE",
            "PREF_KIND",
            "RESOURCE_KIND",
            "ROLE",
            "SOURCE",
            "SOURCE_SYSTEM",
            "STATUS",
            "UNIT",
            "WAREHOUSE_SIZE",
        ),
        _CODE,
    ),
    **dict.fromkeys(
        (
            "ADMINISTRATOR_ROLE",
            "ANALYST_ROLE",
            "APPLICATION_ROLE",
            "DATABASE_NAME",
            "DETAIL",
            "QUERY_TAG",
            "RESOURCE_MONITOR_NAME",
            "RESOURCE_NAME",
            "SCHEMA_NAME",
            "WAREHOUSE_NAME",
        ),
        _OBJECT,
    ),
}


def columns_by_class(tables: Mapping[str, object]) -> dict[str, list[tuple[str, str]]]:
    """For each class that occurs in `tables`, its columns as (table, column) in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table in tables:
        for column, phi_class in PHI_COLUMNS.get(table, {}).items():
            found.setdefault(phi_class, []).append((table, column))
    return found
