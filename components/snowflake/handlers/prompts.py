"""Prompts: their canonical form, their cache key, and compression that keeps their meaning.

A message is a mapping with `role` ('system', 'user', 'assistant', 'tool') and `content` (text). Text
between code fences is never touched: white space carries meaning there.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable
from typing import Any

FENCE = "```"
SHORTEST_REPEATED_BLOCK = 120
"""Characters: a block much shorter costs about as much as the reference that would stand for it."""


def normalise_text(text: str) -> str:
    """Text in NFC, with runs of white space outside code fences collapsed and the ends trimmed.

    Letters keep their case and digits their form: "5 mg" and "5 Mg", "no fever" and "No fever." stay apart.
    """
    return _outside_fences(unicodedata.normalize("NFC", text), lambda prose: " ".join(prose.split())).strip()


def tidy_white_space(text: str) -> str:
    """Text without trailing blanks, with runs of blanks made one and blank lines no more than one in a row.

    Line breaks and the indentation of a line stay: lists, tables and notes read as before.
    """
    return _outside_fences(text, _tidy_prose)


def _tidy_prose(prose: str) -> str:
    lines: list[str] = []
    for line in prose.replace("\r\n", "\n").split("\n"):
        body = line.strip()
        indentation = line[: len(line) - len(line.lstrip())] if body else ""
        tidied = indentation + " ".join(body.split())
        if tidied or not lines or lines[-1]:
            lines.append(tidied)
    return "\n".join(lines)


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to what stands outside code fences; an unclosed fence protects the rest of the text."""
    pieces = text.split(FENCE)
    return FENCE.join(piece if index % 2 else change(piece) for index, piece in enumerate(pieces))


def canonical_request(
    tenant_id: Any, model: Any, parameters: Any, system_prompt: Any, messages: Any, normalise: bool = True
) -> str:
    """The request as one JSON text: equal texts mean that one answer serves both.

    Raises ValueError where the tenant or the model is missing or a message has no role or no text.
    """
    if not tenant_id or not str(tenant_id).strip():
        raise ValueError("TENANT_ID must name the organisation: a key without it would share answers between tenants")
    if not model:
        raise ValueError("MODEL must name a model")
    form: Callable[[str], str] = normalise_text if normalise else str
    return json.dumps(
        {
            "tenant": tenant_id,
            "model": model,
            "parameters": parameters or {},
            "system": form(system_prompt or ""),
            "messages": [[message["role"], form(message["content"])] for message in checked_messages(messages)],
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def cache_key(
    tenant_id: Any, model: Any, parameters: Any, system_prompt: Any, messages: Any, normalise: bool = True
) -> str:
    """SHA-256, in hexadecimal, of the canonical request; the tenant is a part of it."""
    request = canonical_request(tenant_id, model, parameters, system_prompt, messages, normalise)
    return hashlib.sha256(request.encode("utf-8")).hexdigest()


def checked_messages(messages: Any) -> list[dict[str, Any]]:
    """The messages as a list, or a ValueError that says which one is malformed and how."""
    if not isinstance(messages, list) or not messages:
        raise ValueError("MESSAGES must be a list of at least one message")
    for position, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            raise ValueError(f"MESSAGES: number {position} must be an object with role and content")
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise ValueError(f"MESSAGES: the role of number {position} must be system, user, assistant or tool")
        if not isinstance(message.get("content"), str):
            raise ValueError(f"MESSAGES: the content of number {position} must be text")
    return messages


def compress(messages: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Shorter messages of the same meaning, and the characters that each rule saved.

    Rules, in this order: `white_space` (see `tidy_white_space`); `resent_history` (a client that resends
    the whole conversation inside the list: the earlier copy goes); `repeated_blocks` (a paragraph that an
    earlier message holds word for word becomes a reference to that message). The last message is what is
    asked: of it only white space is tidied.
    """
    saved = {"white_space": 0, "resent_history": 0, "repeated_blocks": 0}
    tidied = []
    for message in checked_messages(messages):
        content = tidy_white_space(message["content"])
        saved["white_space"] += len(message["content"]) - len(content)
        tidied.append({**message, "content": content})
    kept = _without_resent_history(tidied)
    saved["resent_history"] = _characters(tidied) - _characters(kept)
    shortened = _without_repeated_blocks(kept)
    saved["repeated_blocks"] = _characters(kept) - _characters(shortened)
    return shortened, saved


def _characters(messages: list[dict[str, Any]]) -> int:
    return sum(len(message["content"]) for message in messages)


def _without_resent_history(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop a leading run of messages that stands again, whole and in order, directly behind itself.

    Only a run of two or more that begins a turn (its first message is the user's, its last is not) is a
    resent history. The same question put twice in a row is a person repeating it, and stays.
    """
    kept = list(messages)
    changed = True
    while changed:
        changed = False
        for length in range(len(kept) // 2, 1, -1):
            run = kept[:length]
            if run == kept[length : 2 * length] and run[0]["role"] == "user" and run[-1]["role"] != "user":
                kept = kept[length:]
                changed = True
                break
    return kept


def _without_repeated_blocks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: dict[str, int] = {}
    shortened = []
    for position, message in enumerate(messages, start=1):
        content = message["content"]
        blocks = content.split("\n\n")
        if position < len(messages) and FENCE not in content:
            for index, block in enumerate(blocks):
                first = seen.get(block)
                if first is not None and len(block) >= SHORTEST_REPEATED_BLOCK:
                    opening = " ".join(block.split())[:40]
                    blocks[index] = f"[as in message {first}: “{opening}…”]"
        for block in content.split("\n\n"):
            seen.setdefault(block, position)
        shortened.append({**message, "content": "\n\n".join(blocks)})
    return shortened
