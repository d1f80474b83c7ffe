"""A synthetic corpus of clinical-style chat requests: made here, seeded, no person's data.

Each request carries the identity of what it means, so that a cache that answers one request with
another's answer is caught (a false hit). The shares below decide what any cache can save: they are stated
beside each figure.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from typing import Final

SHARES: Final = {
    "fresh": 0.55,
    "exact repeat": 0.15,
    "same meaning, spaced or encoded otherwise": 0.10,
    "near miss (a dose, a negation or a letter's case differs)": 0.10,
    "another tenant's identical text": 0.10,
}
"""How the corpus is made up, as shares of the requests."""

_COMPLAINTS = ("chest pain", "shortness of breath", "dizziness", "fièvre et toux", "lower back pain", "migraine")
_DRUGS = ("metoprolol", "lisinopril", "metformin", "apixaban", "sertraline", "Dévarol")
_TASKS = (
    "Summarise the visit for the referral letter.",
    "List what is missing for a complete medication history.",
    "Draft patient instructions in plain language.",
    "Which of the listed values are out of range?",
)
_SYSTEM = "You are a clinical documentation assistant. Answer from the given text alone and say what is missing."


@dataclass(frozen=True)
class Request:
    """One call: `meaning` is equal for two requests exactly when one answer serves both."""

    meaning: tuple[str, int]
    kind: str
    tenant: str
    model: str
    system_prompt: str
    messages: list[dict[str, str]]


def corpus(
    requests: int = 2000, tenants: int = 20, seed: int = 20261123, model: str = "claude-sonnet-4-5"
) -> list[Request]:
    """The corpus of that size, tenant count and seed: the same arguments give the same requests.

    Raises ValueError for fewer than one request or fewer than two tenants.
    """
    if requests < 1 or tenants < 2:
        raise ValueError("a corpus needs at least one request and two tenants")
    chance = random.Random(seed)  # noqa: S311 - reproducible test data, not cryptography
    names = [f"HCS{number:04d}" for number in range(1, tenants + 1)]
    made: list[Request] = []
    next_meaning = 0
    for _ in range(requests):
        kind = chance.choices(list(SHARES), weights=list(SHARES.values()))[0] if made else "fresh"
        if kind == "fresh":
            tenant = chance.choice(names)
            messages = _conversation(chance)
            meaning = (tenant, next_meaning)
            next_meaning += 1
        else:
            source = chance.choice(made)
            tenant, meaning = source.tenant, source.meaning
            messages = [dict(message) for message in source.messages]
            if kind.startswith("same meaning"):
                messages = [{**message, "content": _respelled(message["content"], chance)} for message in messages]
            elif kind.startswith("near miss"):
                messages[-1]["content"] = _altered(messages[-1]["content"], chance)
                meaning = (tenant, next_meaning)
                next_meaning += 1
            elif kind.startswith("another tenant"):
                tenant = chance.choice([name for name in names if name != source.tenant])
                meaning = (tenant, source.meaning[1])
        made.append(Request(meaning, kind, tenant, model, _SYSTEM, messages))
    return made


def _conversation(chance: random.Random) -> list[dict[str, str]]:
    note = _note(chance)
    messages = [{"role": "user", "content": f"{note}\n\n{chance.choice(_TASKS)} (case {chance.getrandbits(48):012x})"}]
    for _ in range(chance.randint(0, 4)):
        messages.append({"role": "assistant", "content": "From the note:  \n\n\n\n" + _note(chance).lower()})
        quoted = f"{note}\n\n" if chance.random() < 0.4 else ""
        messages.append({"role": "user", "content": f"{quoted}{chance.choice(_TASKS)} dose {chance.randint(5, 95)} mg"})
    if len(messages) > 2 and chance.random() < 0.25:
        # A client that sends its whole history again before the new question.
        messages = messages[:-1] + messages[:-1] + messages[-1:]
    return messages


def _note(chance: random.Random) -> str:
    number = chance.randint
    lines = [
        f"Visit {number(1, 28):02d}/{number(1, 12):02d}: {chance.choice(_COMPLAINTS)} for {number(1, 21)} days.",
        f"Medication: {chance.choice(_DRUGS)} {chance.choice((5, 10, 25, 50))} mg, {number(1, 3)} times daily.  ",
        f"Blood pressure {number(95, 180)}/{number(55, 110)}, pulse {number(50, 120)}, no fever.",
        f"Laboratory:   sodium {number(128, 148)}, potassium {number(30, 58) / 10}, creatinine {number(50, 180)}.",
    ]
    return "\n".join(lines)


def _respelled(text: str, chance: random.Random) -> str:
    if chance.random() < 0.5:
        text = unicodedata.normalize("NFD", text)
    return "  " + text.replace(" ", "  ", chance.randint(1, 4)).replace("\n", " \n") + "\n"


def _altered(text: str, chance: random.Random) -> str:
    """Another meaning in nearly the same letters."""
    change = chance.choice(("dose", "negation", "case"))
    if change == "dose":
        return text + f" Assume {chance.randint(100, 999)} mg instead."
    if change == "negation":
        return text + f" Do not use section {chance.getrandbits(32):08x}."
    return text.swapcase() + f" [{chance.getrandbits(32):08X}]"
