"""CACHED_COMPLETE: an answer from the organisation's own cache, or else from the model, and what it really used.

Everything is done as the caller, an organisation's application: the cache and the usage lie in that organisation's
database, the key holds its id, and another organisation's role reaches neither.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from components.snowflake.handlers.arguments import LONGEST_LABEL, required_text
from components.snowflake.handlers.budgets import budget, own_organization, refusal, table
from components.snowflake.handlers.prompts import cache_key, compress
from components.snowflake.handlers.session import Row, Session, parsed, rows

#: `handler_source` writes a deployment's own settings over these three.
ALLOWED_MODELS = ("claude-sonnet-4-5",)
CACHE_LIFETIME_SECONDS = 86_400
CACHE_CHARACTERS = 20_000_000
"""The most that one organisation's cached answers may hold; above it those that expire first go."""

#: Characters a token, to estimate a call before it is made. A rule of thumb: what is recorded is what was used.
CHARACTERS_PER_TOKEN = 4
LIMITS = {"temperature": (0, 1), "top_p": (0, 1), "max_tokens": (1, 8192)}
SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


def main(
    session: Session, ORGANIZATION_ID: Any, MODEL: Any, SYSTEM_PROMPT: Any, MESSAGES: Any, PARAMETERS: Any
) -> dict[str, Any]:
    """`answer`, `cache_hit` and `usage`. ValueError for a wrong argument, a suspension or a spent budget."""
    started = time.monotonic()
    model = required_text("MODEL", MODEL, LONGEST_LABEL)
    if model not in ALLOWED_MODELS:
        raise ValueError(f"MODEL: {model!r} is not allowed; allowed: {', '.join(ALLOWED_MODELS)}")
    parameters = checked_parameters(parsed(PARAMETERS))
    messages = parsed(MESSAGES)
    if SYSTEM_PROMPT is not None and not isinstance(SYSTEM_PROMPT, str):
        raise ValueError("SYSTEM_PROMPT must be text or NULL")
    row = own_organization(session, ORGANIZATION_ID)
    if row["STATUS"] != "ACTIVE":
        raise ValueError(refusal({"organization_id": row["ORGANIZATION_ID"], "status": row["STATUS"]}))
    key = cache_key(row["ORGANIZATION_ID"], model, parameters, SYSTEM_PROMPT, messages)
    offered = len(as_prompt(SYSTEM_PROMPT, messages))

    found = cached(session, row, key)
    if found is not None:
        avoided = {"prompt_tokens": int(found["PROMPT_TOKENS"]), "completion_tokens": int(found["COMPLETION_TOKENS"])}
        record(session, row, model, started, offered, sent=0, used=None, avoided=avoided)
        return {"answer": found["RESPONSE"], "cache_hit": True, "cache_key": key, "usage": None, "avoided": avoided}

    shorter, saved = compress(messages)
    prompt = as_prompt(SYSTEM_PROMPT, shorter)
    answer = budget(session, row, len(prompt) // CHARACTERS_PER_TOKEN)
    if not answer["allowed"]:
        raise ValueError(refusal(answer))
    text, used = complete(session, model, prompt, parameters)
    record(session, row, model, started, offered, sent=len(prompt), used=used, avoided=None)
    remember(session, row, key, model, text, used)
    return {"answer": text, "cache_hit": False, "cache_key": key, "usage": used, "saved_characters": saved}


def checked_parameters(parameters: Any) -> dict[str, Any]:
    """The model's parameters, each of a known name and within its limits."""
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise ValueError("PARAMETERS must be an object or NULL")
    for name, value in parameters.items():
        if name not in LIMITS:
            raise ValueError(f"PARAMETERS: {name!r} is not known; known: {', '.join(LIMITS)}")
        least, most = LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"PARAMETERS: {name} must be a number between {least} and {most}")
        if name == "max_tokens" and value != int(value):
            raise ValueError("PARAMETERS: max_tokens must be a whole number")
    return parameters


def as_prompt(system_prompt: str | None, messages: list[dict[str, Any]]) -> str:
    """The conversation as one text, since AI_COMPLETE takes one."""
    parts = [f"{SPEAKERS['system']}: {system_prompt}"] if system_prompt else []
    parts += [f"{SPEAKERS[message['role']]}: {message['content']}" for message in messages]
    return "\n\n".join(parts)


def complete(session: Session, model: str, prompt: str, parameters: dict[str, Any]) -> tuple[str, dict[str, int]]:
    """The model's answer and the tokens that it says it used."""
    # Names and numbers alone, all checked: written into the text, since the function wants them constant.
    literal = ", ".join(f"'{name}': {value}" for name, value in sorted(parameters.items()))
    row = rows(
        session,
        f"SELECT AI_COMPLETE(model => ?, prompt => ?, model_parameters => {{{literal}}}, "
        "show_details => TRUE) AS DETAILS",
        model,
        prompt,
    )[0]
    details = parsed(row["DETAILS"])
    if not isinstance(details, dict) or not details.get("choices") or "usage" not in details:
        raise ValueError(f"AI_COMPLETE of {model} gave no answer with details")
    used = {name: int(details["usage"][name]) for name in ("prompt_tokens", "completion_tokens")}
    return str(details["choices"][0]["messages"]), used


def cached(session: Session, row: Row, key: str) -> Row | None:
    """The answer under the key that has not expired, counted as used once more."""
    found = rows(
        session,
        f"SELECT RESPONSE, PROMPT_TOKENS, COMPLETION_TOKENS FROM {table(row, 'PROMPT_CACHE')} "
        "WHERE TENANT_ID = ? AND CACHE_KEY = ? AND EXPIRES_AT > SYSDATE()",
        row["ORGANIZATION_ID"],
        key,
    )
    if not found:
        return None
    rows(
        session,
        f"UPDATE {table(row, 'PROMPT_CACHE')} SET HIT_COUNT = HIT_COUNT + 1, LAST_HIT_AT = SYSDATE() "
        "WHERE TENANT_ID = ? AND CACHE_KEY = ?",
        row["ORGANIZATION_ID"],
        key,
    )
    return found[0]


def remember(session: Session, row: Row, key: str, model: str, text: str, used: dict[str, int]) -> None:
    """Keep the answer, and let go what has expired or no longer fits."""
    if len(text) > CACHE_CHARACTERS:
        return
    cache, tenant = table(row, "PROMPT_CACHE"), row["ORGANIZATION_ID"]
    rows(
        session,
        f"MERGE INTO {cache} AS KNOWN USING (SELECT ? AS TENANT_ID, ? AS CACHE_KEY, ? AS MODEL, ? AS RESPONSE, "
        "? AS PROMPT_TOKENS, ? AS COMPLETION_TOKENS, ? AS CHARACTERS) AS GIVEN "
        "ON KNOWN.TENANT_ID = GIVEN.TENANT_ID AND KNOWN.CACHE_KEY = GIVEN.CACHE_KEY "
        "WHEN MATCHED THEN UPDATE SET RESPONSE = GIVEN.RESPONSE, PROMPT_TOKENS = GIVEN.PROMPT_TOKENS, "
        "COMPLETION_TOKENS = GIVEN.COMPLETION_TOKENS, CHARACTERS = GIVEN.CHARACTERS, CREATED_AT = SYSDATE(), "
        f"EXPIRES_AT = DATEADD(SECOND, {CACHE_LIFETIME_SECONDS}, SYSDATE()) "
        "WHEN NOT MATCHED THEN INSERT (TENANT_ID, CACHE_KEY, MODEL, RESPONSE, PROMPT_TOKENS, COMPLETION_TOKENS, "
        "CHARACTERS, HIT_COUNT, CREATED_AT, EXPIRES_AT) VALUES (GIVEN.TENANT_ID, GIVEN.CACHE_KEY, GIVEN.MODEL, "
        "GIVEN.RESPONSE, GIVEN.PROMPT_TOKENS, GIVEN.COMPLETION_TOKENS, GIVEN.CHARACTERS, 0, SYSDATE(), "
        f"DATEADD(SECOND, {CACHE_LIFETIME_SECONDS}, SYSDATE()))",
        tenant,
        key,
        model,
        text,
        used["prompt_tokens"],
        used["completion_tokens"],
        len(text),
    )
    held = rows(session, f"SELECT COALESCE(SUM(CHARACTERS), 0) AS HELD FROM {cache} WHERE TENANT_ID = ?", tenant)
    if int(held[0]["HELD"]) <= CACHE_CHARACTERS:
        return
    rows(session, f"DELETE FROM {cache} WHERE TENANT_ID = ? AND EXPIRES_AT <= SYSDATE()", tenant)
    # This answer stays, whatever goes: it was just paid for.
    kept = len(text)
    last_first = rows(
        session,
        f"SELECT CACHE_KEY, CHARACTERS FROM {cache} WHERE TENANT_ID = ? AND CACHE_KEY <> ? "
        "ORDER BY EXPIRES_AT DESC, CACHE_KEY",
        tenant,
        key,
    )
    for entry in last_first:
        kept += int(entry["CHARACTERS"])
        if kept > CACHE_CHARACTERS:
            rows(session, f"DELETE FROM {cache} WHERE TENANT_ID = ? AND CACHE_KEY = ?", tenant, entry["CACHE_KEY"])


def record(
    session: Session,
    row: Row,
    model: str,
    started: float,
    offered: int,
    *,
    sent: int,
    used: dict[str, int] | None,
    avoided: dict[str, int] | None,
) -> None:
    """Write down one call: what the model says it used, or what the cache's answer had cost when it was made."""
    spent, saved = used or {}, avoided or {}
    rows(
        session,
        f"INSERT INTO {table(row, 'CORTEX_USAGE')} (TENANT_ID, CALL_ID, CALLED_AT, MODEL, CACHE_HIT, PROMPT_TOKENS, "
        "COMPLETION_TOKENS, AVOIDED_PROMPT_TOKENS, AVOIDED_COMPLETION_TOKENS, OFFERED_CHARACTERS, SENT_CHARACTERS, "
        "ELAPSED_MILLISECONDS) SELECT ?, ?, SYSDATE(), ?, ?, ?, ?, ?, ?, ?, ?, ?",
        row["ORGANIZATION_ID"],
        str(uuid.uuid4()),
        model,
        used is None,
        spent.get("prompt_tokens", 0),
        spent.get("completion_tokens", 0),
        saved.get("prompt_tokens", 0),
        saved.get("completion_tokens", 0),
        offered,
        sent,
        round((time.monotonic() - started) * 1000),
    )
