"""Judge a graph of resources by every policy: pure functions, no engine, no clock, nothing written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from policies.catalogue import EXCEPTIONS_POLICY, POLICIES
from policies.graph.resources import Resource, ResourceGraph
from policies.policy import Policy, Violation, guarded


class Status(StrEnum):
    """What became of a policy."""

    PASSED = "passed"
    VIOLATED = "violated"
    #: Violated, and each violation is accepted by an exception that is in date.
    EXCEPTED = "excepted"
    #: Violated, and an exception for it has run out.
    EXPIRED_EXCEPTION = "expired exception"
    #: Not judged, since the graph is a state, which does not hold what the policy needs.
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class PolicyException:
    """That somebody accepts a violation, until a day. `resource` is its logical name, `type::name` or its URN."""

    resource: str
    policy: str
    reason: str
    accepted_by: str
    expires: date

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> PolicyException:
        """Read one as it stands in the settings. Raises ValueError naming what is missing or wrong."""
        texts = {}
        for key in ("resource", "policy", "reason", "acceptedBy", "expires"):
            value = values.get(key)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"an exception needs {key}, as text that is not empty")
            texts[key] = value.strip()
        try:
            # The engine hands a day that is not quoted in the settings over with a time of day.
            expires = date.fromisoformat(re.sub(r"[T ]00:00:00.*$", "", texts["expires"]))
        except ValueError:
            raise ValueError("an exception's expires is a day, such as 2027-01-31") from None
        return cls(texts["resource"], texts["policy"], texts["reason"], texts["acceptedBy"], expires)

    def covers(self, violation: Violation) -> bool:
        """Whether it is about this violation, be it in date or not. What was not judged can be accepted too."""
        return self.policy == violation.policy and self.names(violation.urn)

    def names(self, urn: str) -> bool:
        if self.resource == urn:
            return True
        parts = urn.split("::", 3)
        if len(parts) < 4:
            return False
        type_, name = parts[2].rpartition("$")[2], parts[3]
        return self.resource in (name, f"{type_}::{name}")

    def in_date(self, today: date) -> bool:
        """It holds on its last day too."""
        return today <= self.expires

    def __str__(self) -> str:
        return f"accepted by {self.accepted_by} until {self.expires}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one policy: the violations that count, and those that an exception accepts."""

    policy: Policy
    status: Status
    violations: tuple[Violation, ...] = ()
    excepted: tuple[tuple[Violation, PolicyException], ...] = ()
    #: Of the violations that count, those whose exception has run out.
    expired: tuple[tuple[Violation, PolicyException], ...] = ()
    #: Why it was not judged at all; empty otherwise.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every policy's verdict, in the catalogue's order."""

    verdicts: tuple[Verdict, ...]

    @property
    def violations(self) -> list[Violation]:
        return [violation for verdict in self.verdicts for violation in verdict.violations]

    @property
    def excepted(self) -> list[tuple[Violation, PolicyException]]:
        return [accepted for verdict in self.verdicts for accepted in verdict.excepted]

    def of(self, policy: str) -> Verdict:
        """One policy's verdict. Raises KeyError for a policy that was not judged."""
        for verdict in self.verdicts:
            if verdict.policy.id == policy:
                return verdict
        raise KeyError(policy)


NOT_IN_A_STATE: Final = "a state does not hold the options that this policy judges: preview and up judge it"


def judge(
    resources: Iterable[Resource] | ResourceGraph,
    parameters: Mapping[str, Mapping[str, Any]],
    exceptions: Sequence[PolicyException],
    today: date,
    *,
    policies: Sequence[Policy] = POLICIES,
    of_state: bool = False,
) -> Judgement:
    """Judge resources by `policies`.

    `parameters` are by policy and name, where they differ from the defaults. `of_state` says that the resources were
    read from a state and not from a run of the program.
    """
    graph = resources if isinstance(resources, ResourceGraph) else ResourceGraph(resources)
    verdicts: list[Verdict] = []
    used: set[PolicyException] = set()
    for policy in policies:
        if policy.id == EXCEPTIONS_POLICY:
            continue
        if policy.of_runs_alone and of_state:
            verdicts.append(Verdict(policy, Status.NOT_APPLICABLE, reason=NOT_IN_A_STATE))
            continue
        verdict = _verdict(policy, _violations(policy, graph, parameters.get(policy.id) or {}), exceptions, today)
        used.update(exception for _, exception in (*verdict.excepted, *verdict.expired))
        verdicts.append(verdict)
    for policy in policies:
        if policy.id == EXCEPTIONS_POLICY:
            judged = [verdict.policy.id for verdict in verdicts if verdict.status is not Status.NOT_APPLICABLE]
            violations = _of_exceptions(policy, exceptions, used, judged, {each.id for each in POLICIES}, today)
            verdicts.append(Verdict(policy, Status.VIOLATED if violations else Status.PASSED, tuple(violations)))
    return Judgement(tuple(verdicts))


def resolved(policy: Policy, given: Mapping[str, Any]) -> dict[str, Any]:
    """A policy's parameters: what is given, the defaults for the rest."""
    return {
        name: given[name] if given.get(name) is not None else parameter.default
        for name, parameter in policy.parameters.items()
    }


def _violations(policy: Policy, graph: ResourceGraph, given: Mapping[str, Any]) -> list[Violation]:
    breaches = guarded("", lambda: policy.check(graph, resolved(policy, given)))
    found = {Violation(policy.id, breach.urn, breach.message, breach.unknown) for breach in breaches}
    return sorted(found, key=lambda violation: (violation.urn, violation.message))


def _verdict(policy: Policy, found: Iterable[Violation], exceptions: Sequence[PolicyException], today: date) -> Verdict:
    counting: list[Violation] = []
    excepted: list[tuple[Violation, PolicyException]] = []
    expired: list[tuple[Violation, PolicyException]] = []
    for violation in found:
        about = [exception for exception in exceptions if exception.covers(violation)]
        holding = next((exception for exception in about if exception.in_date(today)), None)
        if holding is not None:
            excepted.append((violation, holding))
            continue
        counting.append(violation)
        expired += [(violation, exception) for exception in about]
    status = Status.PASSED
    if counting:
        status = Status.EXPIRED_EXCEPTION if expired else Status.VIOLATED
    elif excepted:
        status = Status.EXCEPTED
    return Verdict(policy, status, tuple(counting), tuple(excepted), tuple(expired))


def _of_exceptions(
    policy: Policy,
    exceptions: Iterable[PolicyException],
    used: set[PolicyException],
    judged: Sequence[str],
    known: set[str],
    today: date,
) -> list[Violation]:
    """What is wrong with the exceptions themselves; one for a policy that was not judged now is left alone."""
    found = []
    for exception in exceptions:
        about = f"the exception of {exception.resource} from {exception.policy}"
        if exception.policy not in known:
            found.append(f"{about}: there is no such policy")
        elif exception.policy not in judged:
            continue
        elif not exception.in_date(today):
            found.append(f"{about} ran out on {exception.expires}")
        elif exception not in used:
            found.append(f"{about} excepts nothing: the resource does not violate it")
    return [Violation(policy.id, "", message, unknown=False) for message in found]
