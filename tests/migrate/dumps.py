"""Dumps of LibreChat's shape, from a seed: what `mongodump` would have written of each schema that LibreChat had.

`SCHEMAS` are, in order, with what LibreChat's own schemas kept in them:

- `first` (early 2023): messages without a user and without times; Bing's signatures; `jailbreak`;
- `users` (2023): a user and times on everything, token counts, plugins, `sessions` and `transactions`;
- `content` (2024): content parts, files, assistants' threads, tags, archived chats, two factors;
- `packages` (early 2025, `@librechat/data-schemas`): `expiredAt` of temporary chats, attachments, feedback;
- `tenants` (from 0.0.51 of it on): `tenantId`, `isTemporary`, `messageId` in transactions, quotes, transcripts.

Before the first of them messages had an `id` and no parent; LibreChat gave them both at its next start.

Source: the history of `api/models/schema` and `packages/data-schemas/src/schema` of danny-avila/LibreChat.
"""

from __future__ import annotations

import gzip
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
from bson import Int64, ObjectId

from cli.migrate.mapping import NO_PARENT

SCHEMAS = ("first", "users", "content", "packages", "tenants")
DATABASE = "LibreChat"
START = datetime(2023, 3, 1, 8, tzinfo=UTC)
_WORDS = "Wie hoch ist die Dosis für Ibuprofen bei 70 kg 👩‍⚕️ 体温 38,5 °C naïve façade “quoted” \\ %s {x} 🩺 résumé"
WORDS = _WORDS.split(" ")

Document = dict[str, Any]
Collections = dict[str, list[Document]]


@dataclass
class Chat:
    """A generated database: its collections, and which users it has."""

    collections: Collections = field(default_factory=dict)
    users: list[ObjectId] = field(default_factory=list)

    def add(self, collection: str, document: Document) -> Document:
        self.collections.setdefault(collection, []).append(document)
        return document

    def map(self, organizations: Sequence[str] = ("HCS0001", "HCS0002")) -> dict[str, str]:
        """Each user's organisation, in turn."""
        return {str(user): organizations[index % len(organizations)] for index, user in enumerate(self.users)}


class Generator:
    """Makes the same documents from the same seed."""

    def __init__(self, seed: int = 1, schema: str = "tenants") -> None:
        self.random = random.Random(f"{seed}{schema}")
        self.schema = schema
        self.age = SCHEMAS.index(schema)
        self.clock = START + timedelta(days=300 * self.age)

    def identifier(self) -> ObjectId:
        return ObjectId(self.random.randbytes(12))

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.random.randbytes(16), version=4))

    def moment(self) -> datetime:
        self.clock += timedelta(milliseconds=self.random.randint(1, 90_000))
        return self.clock

    def text(self, words: int = 12) -> str:
        return " ".join(self.random.choices(WORDS, k=words))

    def database(self, users: int = 3, conversations: int = 4, messages: int = 6) -> Chat:
        """So many users, conversations of each, and messages of each conversation."""
        chat = Chat()
        for index in range(users):
            user = self.user(chat, index)
            for _ in range(conversations):
                self.conversation(chat, user, messages)
        return chat

    def user(self, chat: Chat, index: int) -> ObjectId:
        user = self.identifier()
        chat.users.append(user)
        at = self.moment()
        document: Document = {
            "_id": user,
            "name": f"Dr {self.text(2)}",
            "username": f"user{index}",
            "email": f"user{index}@clinic.example",
            "emailVerified": True,
            "password": "$2a$10$" + "".join(self.random.choices("abcdefghijklmnopqrstuvwxyzABCDEF0123456789./", k=53)),
            "avatar": None,
            "provider": "local",
            "role": "USER",
            "plugins": [],
            "refreshToken": [{"refreshToken": f"REFRESH-{self.uuid()}"}],
            "createdAt": at,
            "updatedAt": at,
            "__v": 0,
        }
        if self.age >= 2:
            document |= {"termsAccepted": True, "totpSecret": f"TOTP-{self.uuid()}"}
            document["backupCodes"] = [{"codeHash": f"CODE-{self.uuid()}", "used": False, "usedAt": None}]
        if self.age >= 3:
            document |= {"personalization": {"memories": True}, "termsAcceptedAt": at, "pendingTotpSecret": None}
        if self.age >= 4:
            document |= {"tenantId": "clinic", "favorites": [], "skillStates": {"x": True}, "openidIssuer": None}
        chat.add("users", document)
        chat.add(
            "presets",
            {
                "_id": self.identifier(),
                "presetId": self.uuid(),
                "user": str(user),
                "title": "Kurz",
                "defaultPreset": True,
                "order": 0,
                "endpoint": "custom",
                "model": "claude-sonnet-4-5",
                "temperature": 0.1 + 0.2,
                "top_p": 1.0,
                "createdAt": at,
                "updatedAt": at,
            },
        )
        if self.age >= 1:
            chat.add(
                "sessions",
                {
                    "_id": self.identifier(),
                    "refreshTokenHash": f"HASH-{self.uuid()}",
                    "expiration": datetime(2099, 1, 1, tzinfo=UTC),
                    "user": user,
                },
            )
        chat.add("keys", {"_id": self.identifier(), "userId": user, "name": "openAI", "value": f"KEY-{self.uuid()}"})
        chat.add("tokens", {"_id": self.identifier(), "userId": user, "token": f"TOKEN-{self.uuid()}"})
        return user

    def conversation(self, chat: Chat, user: ObjectId, messages: int) -> Document:
        identifier, at = self.uuid(), self.moment()
        conversation: Document = {
            "_id": self.identifier(),
            "conversationId": identifier,
            "user": str(user),
            "title": self.text(4),
            "endpoint": "custom",
            "model": "claude-sonnet-4-5",
            "messages": [],
            "temperature": 0.7,
            "promptPrefix": "Du bist ein Arzt." if self.random.random() < 0.5 else None,
            "createdAt": at,
            "updatedAt": at,
            "__v": 0,
        }
        if self.age == 0:
            conversation |= {"conversationSignature": None, "invocationId": 1.0, "jailbreak": False, "suggestions": []}
        elif self.age == 1:
            conversation |= {"agentOptions": None, "examples": [], "top_p": 1, "modelLabel": None}
        if self.age >= 2:
            conversation |= {"tags": ["wichtig"], "files": [self.uuid()], "isArchived": False, "resendFiles": True}
        if self.age >= 3:
            conversation |= {"agent_id": f"agent_{self.uuid()}", "spec": "clinic", "promptCache": True}
        if self.age == 3:
            conversation["expiredAt"] = datetime(2099, 1, 1, tzinfo=UTC)
        if self.age >= 4:
            conversation |= {"tenantId": "clinic", "isTemporary": False, "chatProjectId": None, "pinned": True}
        chat.add("conversations", conversation)
        parent = NO_PARENT
        for index in range(messages):
            message = self.message(chat, user, identifier, parent, by_user=index % 2 == 0)
            conversation["messages"].append(message["_id"])
            # Now and then an answer is asked for again: two children of one parent.
            if self.random.random() < 0.9:
                parent = message["messageId"]
        if self.age >= 2:
            self.file(chat, user, identifier)
        return conversation

    def message(self, chat: Chat, user: ObjectId, conversation: str, parent: str, *, by_user: bool) -> Document:
        at = self.moment()
        text = self.text(self.random.randint(3, 60))
        message: Document = {
            "_id": self.identifier(),
            "messageId": self.uuid(),
            "conversationId": conversation,
            "parentMessageId": parent,
            "sender": "User" if by_user else "Claude",
            "text": text,
            "isCreatedByUser": by_user,
            "unfinished": False,
            "error": False,
        }
        if self.age == 0:
            message |= {"cancelled": False, "clientId": self.uuid(), "conversationSignature": None, "invocationId": 1.0}
        else:
            message |= {"user": str(user), "model": None if by_user else "claude-sonnet-4-5", "tokenCount": len(text)}
            message |= {"createdAt": at, "updatedAt": at, "__v": 0, "_meiliIndex": True}
        if self.age == 1:
            message |= {"plugin": {"latest": None, "inputs": [], "outputs": None}, "plugins": [], "isEdited": False}
        if self.age >= 2 and by_user:
            message["files"] = [{"file_id": self.uuid(), "filepath": "/images/x.png", "height": 10.0, "width": 20}]
        if self.age >= 2 and not by_user:
            message |= {
                "thread_id": f"thread_{self.uuid()}",
                "iconURL": None,
                "text": "",
                "content": [
                    {"type": "text", "text": text},
                    {"type": "tool_call", "tool_call": {"id": self.uuid(), "args": '{"q":1}', "progress": 1.0}},
                ],
                "endpoint": "custom",
                "finish_reason": "stop",
            }
        if self.age >= 3:
            message["metadata"] = {"cost": 1e-07, "n": Int64(2**53 + 1)}
            if not by_user:
                message["feedback"] = {"rating": "thumbsUp", "tag": {"key": "accurate"}, "text": "gut"}
                message["attachments"] = [{"type": "web_search", "expiresAt": at, "messageId": message["messageId"]}]
        if self.age == 3:
            message["expiredAt"] = datetime(2099, 1, 1, tzinfo=UTC)
        if self.age >= 4:
            message |= {"tenantId": "clinic", "isTemporary": False, "contextMeta": {"calibrationRatio": 1.25}}
            message |= {"quotes": [text[:20]], "subagentTranscript": {"taskId": self.uuid(), "messagesJson": "[]"}}
        chat.add("messages", message)
        if not by_user and self.age >= 1:
            for kind, amount in (("prompt", -120.0), ("completion", -45)):
                chat.add(
                    "transactions",
                    {
                        "_id": self.identifier(),
                        "user": user,
                        "conversationId": conversation,
                        "tokenType": kind,
                        "model": "claude-sonnet-4-5",
                        "rawAmount": amount,
                        "createdAt": at,
                        "updatedAt": at,
                    }
                    | ({"messageId": message["messageId"], "writeTokens": -7} if self.age >= 4 else {}),
                )
        return message

    def file(self, chat: Chat, user: ObjectId, conversation: str) -> Document:
        at = self.moment()
        return chat.add(
            "files",
            {
                "_id": self.identifier(),
                "file_id": self.uuid(),
                "user": user,
                "conversationId": conversation,
                "filename": "Befund Müller.pdf",
                "filepath": "/uploads/befund.pdf",
                "object": "file",
                "type": "application/pdf",
                "bytes": 12345,
                "usage": 1,
                "source": "local",
                "context": "message_attachment",
                "embedded": False,
                "createdAt": at,
                "updatedAt": at,
            },
        )


# --- as mongodump writes it


def write_folder(folder: Path, collections: Mapping[str, Sequence[Document | bytes]], *, packed: bool = False) -> Path:
    """A folder as `mongodump --out` makes it, with `--gzip` where `packed`."""
    place = folder / DATABASE
    place.mkdir(parents=True)
    for name, documents in collections.items():
        content = b"".join(map(encoded, documents))
        (place / f"{name}.bson{'.gz' if packed else ''}").write_bytes(gzip.compress(content) if packed else content)
        metadata = b'{"indexes":[],"uuid":"0","collectionName":"%s","type":"collection"}' % name.encode()
        (place / f"{name}.metadata.json{'.gz' if packed else ''}").write_bytes(
            gzip.compress(metadata) if packed else metadata
        )
    return folder


def encoded(document: Document | bytes) -> bytes:
    """A document's BSON; bytes are taken as they are, however broken."""
    return document if isinstance(document, bytes) else bson.encode(document)


def archive(collections: Mapping[str, Sequence[Document | bytes]], *, at_once: int = 3) -> bytes:
    """An archive as `mongodump --archive` makes it: the collections by turns, a few documents of each in a block.

    A collection of another database is named with it: `shop/orders`.
    """
    return b"".join(_archive(collections, at_once))


def _archive(collections: Mapping[str, Sequence[Document | bytes]], at_once: int) -> Iterator[bytes]:
    terminator = b"\xff\xff\xff\xff"
    yield 0x8199E26D.to_bytes(4, "little")
    yield bson.encode(
        {"concurrent_collections": 4, "version": "0.1", "server_version": "7.0.12", "tool_version": "100.9.5"}
    )
    for name in collections:
        yield bson.encode({**_space(name), "metadata": "{}", "size": 0, "type": "collection"})
    yield terminator
    left = {name: list(documents) for name, documents in collections.items()}
    while left:
        for name in list(left):
            block, left[name] = left[name][:at_once], left[name][at_once:]
            if block:
                yield _namespace(name, ended=False)
                yield b"".join(map(encoded, block))
                yield terminator
            if not left[name]:
                del left[name]
                yield _namespace(name, ended=True)
                yield terminator


def _namespace(name: str, *, ended: bool) -> bytes:
    return bson.encode({**_space(name), "EOF": ended, "CRC": Int64(0)})


def _space(name: str) -> Document:
    database, _, collection = name.rpartition("/")
    return {"db": database or DATABASE, "collection": collection}


def write_map(path: Path, users: Mapping[str, str]) -> Path:
    """The map as CSV."""
    path.write_text(
        "user,organization\n" + "".join(f"{user},{tenant}\n" for user, tenant in users.items()), encoding="utf-8"
    )
    return path
