"""How fast a migration is: documents a second of each step, beside plain reading of the same dump.

The dump is synthetic and seeded: conversations of twenty messages as LibreChat's newest schema keeps them, no person's
data. Nothing here knows of an account: `cli.bench.migration` brings one.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import bson
from bson import ObjectId

MESSAGES_OF_A_CONVERSATION: Final = 20
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_NO_PARENT: Final = "00000000-0000-0000-0000-000000000000"
_TEXT: Final = "the patient takes this dose twice daily after meals until the fever is gone, half of it für 日本 🩺"
_WORDS: Final = tuple(_TEXT.split())


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how many documents in how many seconds."""

    name: str
    documents: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.documents / self.seconds


def documents(messages: int, users: list[ObjectId]) -> Iterator[tuple[str, dict[str, Any]]]:
    """So many messages and their conversations, each with its collection; the same ones every time."""
    chance = random.Random(20261123)  # noqa: S311 - repeatable on purpose

    def identifier() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    conversation, parent, user, moment = "", _NO_PARENT, users[0], _START
    for number in range(messages):
        moment += timedelta(seconds=chance.randint(1, 90))
        times = {"createdAt": moment, "updatedAt": moment}
        if number % MESSAGES_OF_A_CONVERSATION == 0:
            conversation, parent, user = identifier(), _NO_PARENT, chance.choice(users)
            yield (
                "conversations",
                {"_id": ObjectId(chance.randbytes(12)), "conversationId": conversation, "user": str(user)}
                | {"title": " ".join(chance.choices(_WORDS, k=5)), "endpoint": "custom", "model": "claude-sonnet-4-5"}
                | {"temperature": 0.7, "tags": ["ward"], "isTemporary": False, "__v": 0}
                | times,
            )
        by_user = number % 2 == 0
        text = " ".join(chance.choices(_WORDS, k=chance.randint(20, 120)))
        message = {
            "_id": ObjectId(chance.randbytes(12)),
            "messageId": identifier(),
            "conversationId": conversation,
            "parentMessageId": parent,
            "user": str(user),
            "sender": "User" if by_user else "Claude",
            "text": text if by_user else "",
            "isCreatedByUser": by_user,
            "tokenCount": len(text) // 4,
            "unfinished": False,
            "error": False,
            "__v": 0,
        }
        if not by_user:
            message |= {"content": [{"type": "text", "text": text}], "model": "claude-sonnet-4-5"}
        parent = str(message["messageId"])
        yield "messages", message | times


def write_dump(folder: Path, messages: int, users: list[ObjectId]) -> tuple[Path, int]:
    """A dump of so many messages. Its folder, and how many documents it has."""
    place = folder / "LibreChat"
    place.mkdir(parents=True)
    count = 0
    with (place / "conversations.bson").open("wb") as some, (place / "messages.bson").open("wb") as most:
        for collection, document in documents(messages, users):
            (some if collection == "conversations" else most).write(bson.encode(document))
            count += 1
    return folder, count


def plain_reading(folder: Path) -> Step:
    """Decode every document and do nothing with it: what no migration can be faster than."""
    started, count = time.perf_counter(), 0
    for file in sorted((folder / "LibreChat").glob("*.bson")):
        with file.open("rb") as stream:
            for _ in bson.decode_file_iter(stream):
                count += 1
    return Step("plain reading", count, time.perf_counter() - started)


def timed(name: str, count: int, work: Callable[[], Any]) -> Step:
    """How long a step took."""
    started = time.perf_counter()
    work()
    return Step(name, count, time.perf_counter() - started)
