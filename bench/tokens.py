"""What the prompt cache and the compression save on the synthetic corpus: measured, not claimed.

There is no tokenizer for Claude that runs without its service, so figures are in characters, and in
tokens by a named proxy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.corpus import Request
from components.snowflake.handlers.prompts import cache_key, compress

CHARACTERS_PER_TOKEN: Final = 4
"""The proxy "characters ÷ 4": a rule of thumb for English, not a tokenizer."""


@dataclass(frozen=True)
class CacheFigures:
    """One kind of key on the corpus. Shares are of the requests, or of the characters offered."""

    hit_rate: float
    characters_avoided: float
    false_hits: int


@dataclass(frozen=True)
class TokenFigures:
    """The whole measurement; `saving_by_rule` are shares of the characters offered."""

    requests: int
    repeat_rate: float
    exact: CacheFigures
    normalised: CacheFigures
    saving_by_rule: dict[str, float]
    characters_per_request: float
    avoided_by_both: float

    @property
    def calls_avoided(self) -> float:
        """Share of the calls that no model answers: the normalised cache's hits."""
        return self.normalised.hit_rate

    @property
    def compression(self) -> float:
        """What all rules together save, as a share of the characters offered, the cache left out."""
        return sum(self.saving_by_rule.values())

    def cost_per_thousand_calls(self, price_per_million_tokens: float) -> tuple[float, float]:
        """Cost of 1,000 calls' prompts without and with cache and compression, in the price's unit."""
        tokens = self.characters_per_request / CHARACTERS_PER_TOKEN * 1000
        offered = tokens / 1_000_000 * price_per_million_tokens
        return offered, offered * (1 - self.avoided_by_both)


def measure(requests: Sequence[Request]) -> TokenFigures:
    """Send the requests through an unbounded cache with each kind of key, then through compression.

    Raises ValueError without a request.
    """
    if not requests:
        raise ValueError("nothing to measure: the corpus has no request")
    offered = sum(_characters(request.messages) for request in requests)
    exact, _ = _through_cache(requests, offered, normalise=False)
    normalised, missed = _through_cache(requests, offered, normalise=True)
    by_rule: Counter[str] = Counter()
    for request in requests:
        by_rule.update(compress(request.messages)[1])
    sent = sum(_characters(compress(request.messages)[0]) for request in missed)
    meanings = {(request.meaning, request.system_prompt) for request in requests}
    return TokenFigures(
        requests=len(requests),
        repeat_rate=1 - len(meanings) / len(requests),
        exact=exact,
        normalised=normalised,
        saving_by_rule={rule: saved / offered for rule, saved in by_rule.items()},
        characters_per_request=offered / len(requests),
        avoided_by_both=1 - sent / offered,
    )


def _through_cache(requests: Sequence[Request], offered: int, *, normalise: bool) -> tuple[CacheFigures, list[Request]]:
    answered: dict[str, Request] = {}
    hits = avoided = false_hits = 0
    missed = []
    for request in requests:
        key = cache_key(request.tenant, request.model, {}, request.system_prompt, request.messages, normalise)
        if key in answered:
            hits += 1
            avoided += _characters(request.messages)
            false_hits += answered[key].meaning != request.meaning
        else:
            answered[key] = request
            missed.append(request)
    return CacheFigures(hits / len(requests), avoided / offered, false_hits), missed


def _characters(messages: Sequence[dict[str, str]]) -> int:
    return sum(len(message["content"]) for message in messages)
