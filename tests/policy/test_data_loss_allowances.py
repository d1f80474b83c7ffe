"""An allowance passes exactly what it names, in the state it was given for, until its day; and then never again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from data_loss_steps import column, found, table

from policies.data_loss import Allowance, Finding, Verdict, fingerprint, settle

TODAY = date(2026, 11, 23)
VERSION = "HCS0001_DB|NEXUSCHAT|CONVERSATIONS 2026-11-01T10:00:00Z 2026-11-02T10:00:00Z"
LATER = VERSION.replace("11-02", "11-23")


@pytest.fixture
def finding() -> Finding:
    (only,) = found(table([column("A"), column("TITLE")], [column("A")]))
    return only


@pytest.fixture
def allowance(finding: Finding) -> Allowance:
    return Allowance(
        finding.object, finding.change, fingerprint(finding, VERSION), "moved", "officer@example.org", TODAY
    )


def settled(finding: Finding, *allowances: Allowance, version: str = VERSION, today: date = TODAY) -> Verdict:
    return settle([finding], allowances, today, lambda urn: version if urn == finding.urn else "")


def test_it_passes_on_its_last_day(finding: Finding, allowance: Allowance) -> None:
    verdict = settled(finding, allowance)
    assert (verdict.blocked, verdict.stale) == ([], [])
    assert [judged.allowance for judged in verdict.allowed] == [allowance]


def test_it_does_not_pass_a_day_later(finding: Finding, allowance: Allowance) -> None:
    (judged,) = settled(finding, allowance, today=TODAY + timedelta(days=1)).blocked
    assert judged.refused == "its allowance expired on 2026-11-23"


def test_it_is_spent_by_the_change(finding: Finding, allowance: Allowance) -> None:
    """The table that was changed since, were it with the same column again, is another one."""
    (judged,) = settled(finding, allowance, version=LATER).blocked
    assert judged.refused.startswith("its allowance is for another state of the object")
    assert judged.fingerprint != allowance.fingerprint


def test_without_a_version_in_the_state_nothing_passes(finding: Finding, allowance: Allowance) -> None:
    (judged,) = settled(finding, replace(allowance, fingerprint=fingerprint(finding, "")), version="").blocked
    assert judged.refused.startswith("the state does not say since when")


@pytest.mark.parametrize("key", ["object", "change"])
def test_another_object_or_change_is_not_passed_and_the_allowance_is_stale(
    finding: Finding, allowance: Allowance, key: str
) -> None:
    other = replace(allowance, **{key: "something else"})
    verdict = settled(finding, other)
    assert [judged.finding for judged in verdict.blocked] == [finding]
    assert verdict.stale == [other]


def test_one_allowance_passes_one_finding(finding: Finding, allowance: Allowance) -> None:
    second = replace(finding, change="drop column OTHER", urn=finding.urn)
    verdict = settle([finding, second], [allowance], TODAY, lambda _: VERSION)
    assert [judged.finding for judged in verdict.allowed] == [finding]
    assert [judged.finding for judged in verdict.blocked] == [second]


def test_what_is_unknown_is_never_passed(finding: Finding) -> None:
    unknown = replace(finding, change="unknown columns", unknown=True)
    accepted = Allowance(unknown.object, unknown.change, fingerprint(unknown, VERSION), "r", "a@b.org", TODAY)
    (judged,) = settled(unknown, accepted).blocked
    assert judged.refused.startswith("what the plan does not know cannot be allowed")


def test_an_allowance_without_findings_is_stale(allowance: Allowance) -> None:
    assert settle([], [allowance], TODAY, lambda _: "").stale == [allowance]


def test_a_finding_tells_whose_what_and_how_much(finding: Finding) -> None:
    told = str(replace(finding, tenant="HCS0007"))
    assert told.splitlines()[0] == "HCS0007: table HCS0001_DB.NEXUSCHAT.CONVERSATIONS: drop column TITLE"
    assert "check first: SELECT COUNT(TITLE) FROM HCS0001_DB.NEXUSCHAT.CONVERSATIONS;" in told
    assert "recoverable: " in told
