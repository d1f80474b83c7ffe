"""LibreChat's documents as rows of the five tables. Pure: a document goes in, a row or the reason against it comes out.

Every schema that LibreChat had since its messages got users is covered by what is optional here: no `tenantId`, text
without `content`, conversations that list their messages, users' ids as text or as ObjectId.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from bson.datetime_ms import DatetimeMS

from cli.migrate.values import canonical_json, count_left_out, plain

SOURCE_SYSTEM: Final = "mongodb:"
"""What SOURCE_SYSTEM begins with in a migrated row; the batch follows."""
NO_PARENT: Final = "00000000-0000-0000-0000-000000000000"
"""The parent that LibreChat gives to the first message of a conversation."""
LARGEST_CELL: Final = 16_777_216
"""Bytes of one VARCHAR or VARIANT of Snowflake."""
_LARGEST_NUMBER: Final = 10**19
"""More than any whole number of BSON; a double beyond it counts nothing, and may not fit a NUMBER(38, 0)."""
_MOST_TOKENS: Final = 10**12
"""More than one call of a model can cost; the journal adds millions of them up in 64 bits."""
_IDENTIFIER: Final = 128
_LABEL: Final = 256
_TO_MILLISECONDS: Final = len("2026-11-23 10:00:00.000")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that rows go to: its columns with the kind of each, in the order of the statements."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]


def _table(name: str, key: str, text: str) -> Table:
    kinds = {"t": "text", "n": "number", "b": "boolean", "d": "time", "j": "json", "a": "array"}
    columns = {"TENANT_ID": "text", "SOURCE_ID": "text", "RAW": "json"}
    for word in text.split():
        column, _, kind = word.partition(":")
        columns[column] = kinds[kind or "t"]
    return Table(name, columns, tuple(key.split()))


TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        _table(
            "CONVERSATIONS",
            "USER_ID CONVERSATION_ID",
            "CONVERSATION_ID USER_ID TITLE ENDPOINT ENDPOINT_TYPE MODEL SPEC AGENT_ID ASSISTANT_ID MODEL_PARAMETERS:j "
            "SYSTEM_PROMPT TAGS:a FILE_IDS:a MESSAGE_COUNT:n TOTAL_TOKENS:n IS_ARCHIVED:b IS_TEMPORARY:b EXPIRES_AT:d "
            "CREATED_AT:d UPDATED_AT:d",
        ),
        _table(
            "CHAT_MESSAGES",
            "USER_ID MESSAGE_ID",
            "MESSAGE_ID CONVERSATION_ID PARENT_MESSAGE_ID USER_ID ROLE SENDER MODEL ENDPOINT TEXT CONTENT:j SUMMARY "
            "TOKEN_COUNT:n SUMMARY_TOKEN_COUNT:n PROMPT_TOKENS:n COMPLETION_TOKENS:n CACHE_WRITE_TOKENS:n "
            "CACHE_READ_TOKENS:n FINISH_REASON UNFINISHED:b ERROR:b FEEDBACK:j FILES:a ATTACHMENTS:a THREAD_ID "
            "METADATA:j EXPIRES_AT:d CREATED_AT:d UPDATED_AT:d",
        ),
        _table(
            "USER_SESSIONS",
            "USER_ID SESSION_ID",
            "SESSION_ID USER_ID REFRESH_TOKEN_HASH EXPIRES_AT:d CREATED_AT:d LAST_SEEN_AT:d REVOKED_AT:d AUTH_METHOD",
        ),
        _table(
            "USER_PREFERENCES",
            "USER_ID PREF_KIND PREF_ID",
            "USER_ID PREF_KIND PREF_ID TITLE IS_DEFAULT:b SORT_ORDER:n VALUE:j TERMS_ACCEPTED:b CREATED_AT:d "
            "UPDATED_AT:d",
        ),
        _table(
            "FILE_UPLOADS",
            "USER_ID FILE_ID",
            "FILE_ID USER_ID CONVERSATION_ID MESSAGE_ID FILENAME STORAGE_PATH STORAGE_KEY SOURCE MIME_TYPE BYTES:n "
            "CONTEXT EXTRACTED_TEXT EMBEDDED:b WIDTH:n HEIGHT:n USAGE_COUNT:n METADATA:j EXPIRES_AT:d CREATED_AT:d "
            "UPDATED_AT:d",
        ),
    )
}

_PARAMETERS: Final = """
    additional_instructions agentOptions artifacts chatGptLabel clientOptions context disableStreaming effort
    examples fileTokenLimit frequency_penalty imageDetail instructions jailbreak max_tokens maxContextTokens
    maxOutputTokens maxTokens modelLabel presence_penalty promptCache promptCacheTtl reasoning_effort
    reasoning_summary region resendFiles resendImages stop stream temperature thinking thinkingBudget thinkingLevel
    toneStyle tools top_p topK topP useResponsesApi verbosity web_search
"""
_MODEL_PARAMETERS: Final = frozenset(_PARAMETERS.split())


class RefusedError(Exception):
    """A document that does not become a row: the reason's name, and what is wrong, without content."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


@dataclass(slots=True)
class Mapped:
    """A row, with what decides whether and how it is written.

    `user` is None where the document names none. `key` is the row's within its user. `expires` is the moment at which
    MongoDB would delete the document.
    """

    table: str
    user: str | None
    key: str
    row: dict[str, str | None]
    conversation: str | None = None
    parent: str | None = None
    expires: datetime | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """A transaction: what a model's call cost. `message` is None where the document names none."""

    user: str
    conversation: str | None
    message: str | None
    kind: str
    amount: int
    written: int
    read: int
    tenant: str | None


def _type(value: Any) -> str:
    return {"Int64": "int", "float": "double", "str": "string", "dict": "object", "list": "array"}.get(
        type(value).__name__, type(value).__name__
    )


class _Fields:
    """A document's fields, each as the type that a column takes."""

    def __init__(self, document: Mapping[str, Any], *, cells: bool = True) -> None:
        self.document = document
        self._cells = cells

    def _wrong(self, name: str, wanted: str) -> RefusedError:
        return RefusedError("wrong-type", f"{name} is {_type(self.document[name])}, not {wanted}")

    def text(self, name: str, longest: int = LARGEST_CELL) -> str | None:
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, ObjectId):
            return str(value)
        # Code is a kind of str to Python, and none to a column.
        if type(value) is not str:
            raise self._wrong(name, "a string")
        if longest == LARGEST_CELL:
            if len(value) > longest // 4 and len(value.encode()) > longest:
                raise RefusedError("too-large", f"{name} is longer than {longest} bytes")
        elif len(value) > longest:
            raise RefusedError("too-long", f"{name} is longer than {longest} characters")
        return value

    def identifier(self, name: str) -> str | None:
        return self.text(name, _IDENTIFIER)

    def label(self, name: str) -> str | None:
        return self.text(name, _LABEL)

    def required(self, name: str) -> str:
        value = self.identifier(name)
        if not value:
            raise RefusedError("missing-field", f"{name} is not there")
        return value

    def whole(self, name: str, below: int = _LARGEST_NUMBER) -> int | None:
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number")
        if isinstance(value, float) and not value.is_integer():
            raise RefusedError("wrong-type", f"{name} is not a whole number")
        if abs(value) >= below:
            raise RefusedError("wrong-type", f"{name} is a number of more than {len(str(below)) - 1} digits")
        return int(value)

    def number(self, name: str) -> str | None:
        value = self.whole(name)
        return None if value is None else str(value)

    def truth(self, name: str) -> str | None:
        value = self.document.get(name)
        if value is None:
            return None
        if not isinstance(value, bool):
            raise self._wrong(name, "a boolean")
        return "true" if value else "false"

    def moment(self, name: str) -> datetime | None:
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, DatetimeMS):
            raise RefusedError("bad-time", f"{name} is not between the years 1 and 9999")
        if type(value) is str:
            # Early imports kept ISO 8601 text. Without a zone it says no moment, and none is guessed.
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise RefusedError("bad-time", f"{name} is text that is no time of ISO 8601") from None
            if value.tzinfo is None:
                raise RefusedError("bad-time", f"{name} is text without a time zone")
        if not isinstance(value, datetime):
            raise self._wrong(name, "a date")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise RefusedError("bad-time", f"{name} is not between the years 1 and 9999") from None

    def time(self, name: str) -> str | None:
        return time_text(self.moment(name))

    def json(self, name: str, *, array: bool = False) -> str | None:
        value = self.document.get(name)
        if value is None:
            return None
        if array and not isinstance(value, list):
            raise self._wrong(name, "an array")
        return self.cell(name, value)

    def cell(self, name: str, value: Any) -> str:
        """A value as JSON that fits a VARIANT."""
        return cell(name, plain(value, Counter())) if self._cells else ""

    def source_id(self) -> str:
        value = self.document.get("_id")
        if isinstance(value, ObjectId):
            return str(value)
        if type(value) is str and 0 < len(value) <= 24:
            return value
        raise RefusedError("wrong-type", "_id is neither an ObjectId nor a string of at most 24 characters")


def time_text(moment: datetime | None) -> str | None:
    """A time as a column takes it: in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")[:_TO_MILLISECONDS]


def cell(name: str, value: Any) -> str:
    """JSON that fits a VARIANT."""
    text = canonical_json(value)
    if len(text) > LARGEST_CELL // 4 and len(text.encode()) > LARGEST_CELL:
        raise RefusedError("too-large", f"{name} is longer than {LARGEST_CELL} bytes as JSON")
    return text


def _conversation(fields: _Fields) -> Mapped:
    identifier = fields.required("conversationId")
    document, expires = fields.document, fields.moment("expiredAt")
    parameters = {name: value for name, value in document.items() if name in _MODEL_PARAMETERS and value is not None}
    temporary = fields.truth("isTemporary")
    row = {
        "CONVERSATION_ID": identifier,
        "TITLE": fields.text("title"),
        "ENDPOINT": fields.label("endpoint"),
        "ENDPOINT_TYPE": fields.label("endpointType"),
        "MODEL": fields.label("model"),
        "SPEC": fields.label("spec"),
        "AGENT_ID": fields.identifier("agent_id"),
        "ASSISTANT_ID": fields.identifier("assistant_id"),
        "MODEL_PARAMETERS": fields.cell("model parameters", parameters) if parameters else None,
        "SYSTEM_PROMPT": fields.text("promptPrefix") or fields.text("system"),
        "TAGS": fields.json("tags", array=True),
        "FILE_IDS": fields.json("files", array=True),
        # Counted when all is known.
        "MESSAGE_COUNT": None,
        "TOTAL_TOKENS": None,
        "IS_ARCHIVED": fields.truth("isArchived"),
        # Before there was a field for it, a temporary conversation was one that expires.
        "IS_TEMPORARY": temporary or ("true" if expires else "false"),
        "EXPIRES_AT": time_text(expires),
        "CREATED_AT": fields.time("createdAt"),
        "UPDATED_AT": fields.time("updatedAt"),
    }
    return Mapped("CONVERSATIONS", fields.identifier("user"), identifier, row, conversation=identifier, expires=expires)


def _message(fields: _Fields) -> Mapped:
    if "messageId" not in fields.document and "id" in fields.document:
        # LibreChat itself gave these a messageId and a parent at its next start: whose they are is not for us to guess.
        raise RefusedError("missing-field", "messageId is not there, but id is: start LibreChat once and dump again")
    identifier, conversation = fields.required("messageId"), fields.required("conversationId")
    by_user = fields.truth("isCreatedByUser")
    if by_user is None:
        raise RefusedError("missing-field", "isCreatedByUser is not there, so nobody knows whose message it is")
    parent, expires = fields.identifier("parentMessageId"), fields.moment("expiredAt")
    row = {
        "MESSAGE_ID": identifier,
        "CONVERSATION_ID": conversation,
        "PARENT_MESSAGE_ID": parent,
        "ROLE": "user" if by_user == "true" else "assistant",
        "SENDER": fields.label("sender"),
        "MODEL": fields.label("model"),
        "ENDPOINT": fields.label("endpoint"),
        "TEXT": fields.text("text"),
        "CONTENT": fields.json("content"),
        "SUMMARY": fields.text("summary"),
        "TOKEN_COUNT": fields.number("tokenCount"),
        "SUMMARY_TOKEN_COUNT": fields.number("summaryTokenCount"),
        "PROMPT_TOKENS": None,
        "COMPLETION_TOKENS": None,
        "CACHE_WRITE_TOKENS": None,
        "CACHE_READ_TOKENS": None,
        "FINISH_REASON": fields.label("finish_reason"),
        "UNFINISHED": fields.truth("unfinished"),
        "ERROR": fields.truth("error"),
        "FEEDBACK": fields.json("feedback"),
        "FILES": fields.json("files", array=True),
        "ATTACHMENTS": fields.json("attachments", array=True),
        "THREAD_ID": fields.identifier("thread_id"),
        "METADATA": fields.json("metadata"),
        "EXPIRES_AT": time_text(expires),
        "CREATED_AT": fields.time("createdAt"),
        "UPDATED_AT": fields.time("updatedAt"),
    }
    parent = None if parent in (None, "", NO_PARENT) else parent
    return Mapped("CHAT_MESSAGES", fields.identifier("user"), identifier, row, conversation, parent, expires)


def _session(fields: _Fields) -> Mapped:
    identifier, expires = fields.source_id(), fields.moment("expiration")
    created = fields.document["_id"]
    row = {
        "SESSION_ID": identifier,
        # Never carried: everybody logs in anew.
        "REFRESH_TOKEN_HASH": None,
        "EXPIRES_AT": time_text(expires),
        # An ObjectId holds the second in which it was made; a session keeps no other time.
        "CREATED_AT": time_text(created.generation_time) if isinstance(created, ObjectId) else None,
        "LAST_SEEN_AT": None,
        "REVOKED_AT": None,
        "AUTH_METHOD": None,
    }
    return Mapped("USER_SESSIONS", fields.identifier("user"), identifier, row, expires=expires)


def _without(fields: _Fields, *names: str) -> str:
    rest = {name: value for name, value in fields.document.items() if name not in names}
    return fields.cell("the document", rest)


def _profile(fields: _Fields) -> Mapped:
    row = {
        "PREF_KIND": "profile",
        "PREF_ID": None,
        "TITLE": None,
        "IS_DEFAULT": None,
        "SORT_ORDER": None,
        "VALUE": _without(fields, "_id", "__v", "createdAt", "updatedAt", "termsAccepted"),
        "TERMS_ACCEPTED": fields.truth("termsAccepted"),
        "CREATED_AT": fields.time("createdAt"),
        "UPDATED_AT": fields.time("updatedAt"),
    }
    # MongoDB deletes an account that nobody confirmed a week after its time.
    expires = _after(fields.moment("expiresAt"), timedelta(days=7))
    return Mapped("USER_PREFERENCES", fields.source_id(), "profile", row, expires=expires)


def _preset(fields: _Fields) -> Mapped:
    identifier = fields.required("presetId")
    row = {
        "PREF_KIND": "preset",
        "PREF_ID": identifier,
        "TITLE": fields.text("title"),
        "IS_DEFAULT": fields.truth("defaultPreset"),
        "SORT_ORDER": fields.number("order"),
        "VALUE": _without(fields, "_id", "__v", "user", "presetId", "createdAt", "updatedAt", "defaultPreset", "order"),
        "TERMS_ACCEPTED": None,
        "CREATED_AT": fields.time("createdAt"),
        "UPDATED_AT": fields.time("updatedAt"),
    }
    return Mapped("USER_PREFERENCES", fields.identifier("user"), f"preset {identifier}", row)


def _file(fields: _Fields) -> Mapped:
    identifier, expires = fields.required("file_id"), fields.moment("expiresAt")
    row = {
        "FILE_ID": identifier,
        "CONVERSATION_ID": fields.identifier("conversationId"),
        "MESSAGE_ID": fields.identifier("messageId"),
        "FILENAME": fields.text("filename"),
        "STORAGE_PATH": fields.text("filepath"),
        "STORAGE_KEY": fields.text("storageKey"),
        "SOURCE": fields.label("source"),
        "MIME_TYPE": fields.label("type"),
        "BYTES": fields.number("bytes"),
        "CONTEXT": fields.label("context"),
        "EXTRACTED_TEXT": fields.text("text"),
        "EMBEDDED": fields.truth("embedded"),
        "WIDTH": fields.number("width"),
        "HEIGHT": fields.number("height"),
        "USAGE_COUNT": fields.number("usage"),
        "METADATA": fields.json("metadata"),
        "EXPIRES_AT": time_text(expires),
        "CREATED_AT": fields.time("createdAt"),
        "UPDATED_AT": fields.time("updatedAt"),
    }
    # MongoDB deletes an hour after the time that the document says.
    return Mapped(
        "FILE_UPLOADS", fields.identifier("user"), identifier, row, expires=_after(expires, timedelta(hours=1))
    )


def _after(moment: datetime | None, span: timedelta) -> datetime | None:
    try:
        return None if moment is None else moment + span
    except OverflowError:
        return None


_MAPPINGS: Final[Mapping[str, Callable[[_Fields], Mapped]]] = {
    "conversations": _conversation,
    "messages": _message,
    "sessions": _session,
    "users": _profile,
    "presets": _preset,
    "files": _file,
}
COLLECTIONS: Final[Mapping[str, str]] = {
    "conversations": "CONVERSATIONS",
    "messages": "CHAT_MESSAGES",
    "transactions": "CHAT_MESSAGES",
    "sessions": "USER_SESSIONS",
    "users": "USER_PREFERENCES",
    "presets": "USER_PREFERENCES",
    "files": "FILE_UPLOADS",
}
"""Each collection that is carried, and the table that it goes to."""


def is_surely_small(size: int) -> bool:
    """Whether a document of so many bytes of BSON fits a cell whatever is in it: no byte becomes 16 bytes of JSON."""
    return size < LARGEST_CELL // 16


def map_document(collection: str, document: Mapping[str, Any], left_out: Counter[str], *, cells: bool = True) -> Mapped:
    """A document's row. Raises `RefusedError`. `left_out` counts secrets by the name of their field.

    Without `cells` the JSON in the row is not made, which is only for a document that is surely small enough.
    """
    fields = _Fields(document, cells=cells)
    source = fields.source_id()
    try:
        mapped = _MAPPINGS[collection](fields)
        if cells:
            mapped.row |= {"SOURCE_ID": source, "RAW": cell("the document", plain(document, left_out))}
        else:
            count_left_out(document, left_out)
    except RecursionError:
        raise RefusedError("unreadable", "it is nested deeper than MongoDB allows") from None
    mapped.tenant = fields.label("tenantId")
    return mapped


def map_tokens(document: Mapping[str, Any]) -> Tokens:
    """What a transaction says. Raises `RefusedError`. Amounts are kept as debits, below nought: their size counts."""
    fields = _Fields(document)
    fields.source_id()

    def amount(name: str) -> int:
        return 0 if kind == "credits" else abs(fields.whole(name, _MOST_TOKENS) or 0)

    kind = fields.required("tokenType")
    if kind not in {"prompt", "completion", "credits"}:
        raise RefusedError("wrong-type", "tokenType is neither prompt, nor completion, nor credits")
    return Tokens(
        fields.required("user"),
        fields.identifier("conversationId"),
        fields.identifier("messageId"),
        kind,
        # What a customer was credited with may be a fraction; it is no count of tokens, and is not carried.
        amount("rawAmount"),
        amount("writeTokens"),
        amount("readTokens"),
        fields.label("tenantId"),
    )
