"""The token measurement, held against a corpus small enough to count by hand."""

from __future__ import annotations

import pytest

from bench.corpus import Request, corpus
from bench.tokens import measure


def request(meaning: int, content: str, tenant: str = "HCS0001") -> Request:
    return Request((tenant, meaning), "fresh", tenant, "m", "s", [{"role": "user", "content": content}])


def test_hits_and_savings_by_hand() -> None:
    figures = measure([request(1, "abcd"), request(1, "abcd"), request(1, "ab cd"[:2] + "cd"), request(2, "ab cd")])
    assert figures.exact.hit_rate == 0.5
    assert figures.normalised.hit_rate == 0.5
    assert figures.exact.characters_avoided == pytest.approx(8 / 17)
    assert figures.repeat_rate == 0.5


def test_only_the_normalised_key_sees_through_spacing() -> None:
    figures = measure([request(1, "ab cd"), request(1, "ab  cd\n")])
    assert (figures.exact.hit_rate, figures.normalised.hit_rate) == (0.0, 0.5)
    assert figures.saving_by_rule["white_space"] > 0


def test_a_false_hit_is_counted() -> None:
    figures = measure([request(1, "same"), request(2, "same")])
    assert figures.exact.false_hits == figures.normalised.false_hits == 1


def test_a_tenant_never_gets_another_tenants_answer() -> None:
    figures = measure([request(1, "same"), request(1, "same", tenant="HCS0002")])
    assert figures.normalised.hit_rate == 0


def test_cost_follows_what_is_avoided() -> None:
    figures = measure(corpus(300))
    offered, sent = figures.cost_per_thousand_calls(price_per_million_tokens=3.0)
    assert sent == pytest.approx(offered * (1 - figures.avoided_by_both))
    assert 0 < sent < offered


def test_nothing_to_measure_is_said() -> None:
    with pytest.raises(ValueError, match="no request"):
        measure([])
