"""`nexus bench --tokens`: figures for a person and for a program, at a stack's prices, as the page tells them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.tokens import CacheFigures, TokenFigures
from cli.bench import command, tokens
from cli.failure import BadInputError, FailureError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def measured() -> tuple[TokenFigures, Any]:
    return tokens.measure_corpus()


def test_the_figures_for_a_program(capsys: pytest.CaptureFixture[str], measured: tuple[TokenFigures, Any]) -> None:
    command._tokens("local", as_json_=True)
    told = json.loads(capsys.readouterr().out)
    figures = measured[0]
    assert told["corpus"]["repeat_rate"] == figures.repeat_rate
    assert told["exact"]["false_hits"] == told["normalised"]["false_hits"] == 0
    assert told["exact"]["hit_rate"] < told["normalised"]["hit_rate"] <= figures.repeat_rate
    assert told["compression"] == pytest.approx(sum(told["saving_by_rule"].values()))
    costs = told["prompt_credits_per_thousand_calls"]
    assert set(costs) == {"claude-sonnet-4-5", "claude-sonnet-4-6"}
    for cost in costs.values():
        assert cost["with"] == pytest.approx(cost["without"] * (1 - figures.avoided_by_both))


def test_the_figures_for_a_person(measured: tuple[TokenFigures, Any]) -> None:
    out = io.StringIO()
    tokens.show(*measured, {"one": 2.0}, Console(file=out, width=160))
    for words in ("exact text", "false hits", "repeated blocks", "cache and compression", "without", "characters ÷ 4"):
        assert words in out.getvalue()
    out = io.StringIO()
    tokens.show(*measured, {}, Console(file=out, width=160))
    assert "No prices" in out.getvalue()


def test_a_false_hit_fails(monkeypatch: pytest.MonkeyPatch, measured: tuple[TokenFigures, Any]) -> None:
    wrong = TokenFigures(10, 0.1, CacheFigures(0.1, 0.1, 0), CacheFigures(0.2, 0.2, 1), {}, 100.0, 0.2)
    monkeypatch.setattr(tokens, "measure_corpus", lambda: (wrong, measured[1]))
    with pytest.raises(FailureError, match="1 false hits"):
        command._tokens("local", as_json_=False)


def test_bad_settings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError, match="there is no stack 'nowhere'"):
        command._tokens("nowhere", as_json_=False)
    monkeypatch.setattr(command.configuration, "load", lambda stack: {"config": {"nexuschat:environment": "moon"}})
    with pytest.raises(BadInputError, match="nexuschat:environment"):
        command._tokens("local", as_json_=False)


def test_the_page_has_the_figures(measured: tuple[TokenFigures, Any]) -> None:
    page = " ".join((ROOT / "docs" / "caching.md").read_text(encoding="utf-8").split())
    figures = measured[0]
    without, with_both = figures.cost_per_thousand_calls(1.5)
    rules = ", ".join(
        f"{rule.replace('_', ' ')} {saving * 100:.1f} %" for rule, saving in figures.saving_by_rule.items()
    )
    for words in (
        f"{figures.normalised.characters_avoided * 100:.1f} % of the tokens offered, with "
        f"{figures.normalised.hit_rate * 100:.1f} % of the calls answered",
        f"{figures.exact.characters_avoided * 100:.1f} % by exact text alone",
        f"{figures.compression * 100:.1f} %: {rules}",
        f"| both together | \N{EN DASH} | {figures.avoided_by_both * 100:.1f} % |",
        "| answers given to another question | \N{EN DASH} | "
        f"{figures.exact.false_hits + figures.normalised.false_hits} |",
        f"{figures.repeat_rate * 100:.1f} % of its requests repeat an earlier one",
        f"cost {without:.3f} credits without, and {with_both:.3f} with",
    ):
        assert words in page, words
