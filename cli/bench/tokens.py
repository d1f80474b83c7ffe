"""`nexus bench --tokens`: what the prompt cache and the compression save on the synthetic corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import corpus as corpora
from bench.tokens import CHARACTERS_PER_TOKEN, TokenFigures, measure

#: Model → credits for a million tokens of prompts.
Prices = Mapping[str, float]

PROXY = f"characters ÷ {CHARACTERS_PER_TOKEN}"


def measure_corpus() -> tuple[TokenFigures, list[corpora.Request]]:
    """The figures of the fixed corpus, and the corpus."""
    requests = corpora.corpus()
    return measure(requests), requests


def as_json(figures: TokenFigures, requests: Sequence[corpora.Request], prices: Prices) -> dict[str, Any]:
    """All figures, for a program to read. Shares are between 0 and 1; costs are in credits."""
    return {
        "corpus": {
            "requests": figures.requests,
            "organisations": len({request.tenant for request in requests}),
            "shares": corpora.SHARES,
            "repeat_rate": figures.repeat_rate,
            "characters_per_request": figures.characters_per_request,
        },
        "token_proxy": PROXY,
        "exact": asdict(figures.exact),
        "normalised": asdict(figures.normalised),
        "saving_by_rule": figures.saving_by_rule,
        "compression": figures.compression,
        "avoided_by_both": figures.avoided_by_both,
        "calls_avoided": figures.calls_avoided,
        "prompt_credits_per_thousand_calls": {
            model: dict(zip(("without", "with"), figures.cost_per_thousand_calls(price), strict=True))
            for model, price in sorted(prices.items())
        },
    }


def show(figures: TokenFigures, requests: Sequence[corpora.Request], prices: Prices, console: Console) -> None:
    """All figures, for a person to read."""
    organisations = len({request.tenant for request in requests})
    console.print(
        f"{figures.requests} synthetic requests of {organisations} organisations (seeded, no person's data); "
        f"{figures.repeat_rate:.1%} of them repeat an earlier one of the same organisation: no cache can answer more. "
        f"Tokens by the proxy {PROXY}, since no tokenizer of these models runs offline.",
        highlight=False,
    )
    caches = _table("Prompt cache, without a limit of time or size")
    for heading in ("key", "calls answered", "tokens avoided ÷ offered", "false hits"):
        caches.add_column(heading, justify="left" if heading == "key" else "right")
    for name, cache in (("exact text", figures.exact), ("normalised text", figures.normalised)):
        caches.add_row(name, f"{cache.hit_rate:.1%}", f"{cache.characters_avoided:.1%}", str(cache.false_hits))
    console.print(caches)
    rules = _table("Compression, of every request")
    rules.add_column("rule")
    rules.add_column("tokens saved ÷ offered", justify="right")
    for rule, saving in figures.saving_by_rule.items():
        rules.add_row(rule.replace("_", " "), f"{saving:.1%}")
    rules.add_row("all rules", f"{figures.compression:.1%}")
    rules.add_row("cache and compression", f"{figures.avoided_by_both:.1%}")
    console.print(rules)
    if not prices:
        console.print("No prices: nexuschat:model.prices is empty, so costs are not told.", highlight=False)
        return
    costs = _table("Credits for the prompts of 1,000 calls, at the prices of nexuschat:model.prices")
    for heading in ("model", "a million tokens", "without", "with both"):
        costs.add_column(heading, justify="left" if heading == "model" else "right")
    for model, price in sorted(prices.items()):
        without, with_both = figures.cost_per_thousand_calls(price)
        costs.add_row(model, f"{price:g}", f"{without:.3f}", f"{with_both:.3f}")
    console.print(costs)


def _table(title: str) -> Table:
    return Table(
        title=f"\n{title}", title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0)
    )
