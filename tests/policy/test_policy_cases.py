"""Every policy on its own cases: what passes, what violates it, and what cannot be judged, which is no pass."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from policy_cases import CASES, Cases, cases_of, graph

from policies.catalogue import EXCEPTIONS_POLICY, POLICIES
from policies.graph.resources import UNKNOWN, Resource, ResourceGraph, Secret
from policies.judge import Status, Verdict, judge
from policies.policy import ID, Severity

TODAY = date(2026, 11, 23)
WITH_CASES = [policy for policy in POLICIES if policy.id != EXCEPTIONS_POLICY]


def verdict(cases: Cases, found: ResourceGraph) -> Verdict:
    (policy,) = (policy for policy in POLICIES if policy.id == cases.policy)
    return judge(found, {cases.policy: cases.parameters}, [], TODAY, policies=[policy]).verdicts[0]


def test_every_policy_has_its_cases_and_no_other_has() -> None:
    assert {file.stem for file in CASES.glob("*.yaml")} == {policy.id for policy in WITH_CASES}


@pytest.mark.parametrize("policy", WITH_CASES, ids=lambda policy: policy.id)
def test_policy(policy: Any) -> None:
    cases = cases_of(policy.id)
    for changes in cases.passing:
        assert verdict(cases, graph(cases.resources, changes)).status is Status.PASSED, changes
    assert cases.violating
    for changes in cases.violating:
        found = verdict(cases, graph(cases.resources, changes))
        assert any(not violation.unknown for violation in found.violations), (changes, found.violations)
    assert bool(cases.unknown) != bool(cases.never_unknown)
    for changes in cases.unknown:
        found = verdict(cases, graph(cases.resources, changes))
        told = [violation.message for violation in found.violations if violation.unknown]
        assert told, (changes, found.violations)
        assert all(message.startswith("not judged: ") for message in told)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
def test_policy_says_what_it_is(policy: Any) -> None:
    assert ID.fullmatch(policy.id)
    assert isinstance(policy.severity, Severity)
    assert any(cited.startswith("45 CFR 164.") for cited in policy.safeguards)
    assert policy.title
    assert not policy.title.endswith(".")
    assert policy.remediation.endswith(".")
    assert policy.link.startswith("https://")
    for parameter in policy.parameters.values():
        assert parameter.description.endswith(".")
        assert {int: "integer", str: "string", list: "array", dict: "object"}[type(parameter.default)] == (
            parameter.schema["type"]
        )


def test_there_are_enough_and_each_id_is_one() -> None:
    assert len({policy.id for policy in POLICIES}) == len(POLICIES) >= 45


#: Whatever may stand where a check expects something else.
ODD = (
    None,
    "",
    "x",
    "true",
    0,
    -1,
    1.5,
    True,
    [],
    [None],
    [1, "a"],
    [{}],
    {},
    {"a": None},
    UNKNOWN,
    [UNKNOWN],
    Secret(),
)


def odd(value: Any, random_: random.Random) -> Any:
    """A value with odd ones in some of its places."""
    if random_.random() < 0.2:
        return random_.choice(ODD)
    if isinstance(value, dict):
        return {key: odd(inner, random_) for key, inner in value.items() if random_.random() > 0.1}
    if isinstance(value, list):
        return [odd(inner, random_) for inner in value]
    return value


@pytest.mark.parametrize("seed", range(15))
def test_no_policy_raises_and_none_tells_a_value(seed: int) -> None:
    """Every policy's resources at once, with odd values in places; `judge` itself must not need its outer guard."""
    random_ = random.Random(seed)
    resources: list[Resource] = []
    for policy in WITH_CASES:
        cases = cases_of(policy.id)
        for one in graph(cases.resources, {}).resources:
            inputs = odd({**one.inputs, "odd": "hunter2"}, random_)
            resources.append(
                replace(
                    one,
                    urn=f"{one.urn}-{policy.id}",
                    inputs=inputs if isinstance(inputs, dict) or random_.random() < 0.5 else {},
                    sources={} if random_.random() < 0.3 else one.sources,
                    provider="" if random_.random() < 0.3 else one.provider,
                )
            )
    found = judge(resources, {}, [], TODAY)
    assert len(found.verdicts) == len(POLICIES)
    for violation in found.violations:
        assert "hunter2" not in violation.message
        assert "[secret]" not in violation.message


def test_an_unknown_anywhere_never_makes_a_violation_pass() -> None:
    """What violates a policy still does, or is not judged, whatever single input becomes unknown."""
    passed = []
    for policy in WITH_CASES:
        cases = cases_of(policy.id)
        if cases.never_unknown:
            continue
        for changes in cases.violating:
            found = graph(cases.resources, changes)
            for index, one in enumerate(found.resources):
                for field in one.inputs:
                    others = list(found.resources)
                    others[index] = replace(one, inputs={**one.inputs, field: UNKNOWN})
                    if verdict(cases, ResourceGraph(others)).status is not Status.VIOLATED:
                        passed.append((policy.id, changes, one.name, field))
    # Any text may turn out to be a key: what is no secret by its name is looked at once it is known.
    assert [one for one in passed if one[0] != "no-plain-secrets" or one[3] != "comment"] == []
