"""Exceptions from policies in the settings: each that is wrong is named, all at once, with everything else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from infra.settings import SettingsError, load_settings
from tests.unit.stack_settings import ROOT, stack_config

GOOD = {
    "resource": "COMPUTE_WH",
    "policy": "warehouse-auto-suspend",
    "reason": "the nightly load",
    "acceptedBy": "security@videxa.example",
    "expires": "2027-01-31",
}


def problems(*exceptions: Any, **other: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(stack_config("local") | {"nexuschat:policyExceptions": list(exceptions)} | other, ROOT)
    return {problem.where.removeprefix("nexuschat:policyExceptions"): problem.rule for problem in caught.value.problems}


@pytest.mark.parametrize(
    "day", ["2027-01-31", date(2027, 1, 31), "2027-01-31T00:00:00Z", "2027-01-31 00:00:00 +0000 UTC"]
)
def test_a_day_is_read_as_the_file_and_the_engine_have_it(day: Any) -> None:
    settings = load_settings(stack_config("local") | {"nexuschat:policyExceptions": [GOOD | {"expires": day}]}, ROOT)
    (exception,) = settings.policy_exceptions
    assert exception.expires == date(2027, 1, 31)


def test_without_exceptions_there_are_none() -> None:
    assert load_settings(stack_config("local"), ROOT).policy_exceptions == ()


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems(
        {"resource": " ", "policy": "No Policy", "reason": "", "acceptedBy": "somebody", "expires": "soon", "more": 1},
        {},
        **{"nexuschat:environment": "nowhere"},
    )
    assert {".0.resource", ".0.policy", ".0.reason", ".0.acceptedBy", ".0.expires", ".0.more"} <= found.keys()
    assert {f".1.{field}" for field in GOOD} <= found.keys()
    assert "nexuschat:environment" in found


def test_the_same_exception_twice_is_a_mistake() -> None:
    (rule,) = problems(GOOD, GOOD | {"reason": "once more"}).values()
    assert "twice" in rule
