"""Losses that were accepted: each allowance passes one exact change of one exact object, once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from policies.data_loss.finding import Finding


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody accepted: a finding's `object` and `change` to the letter, and the fingerprint of the object then.

    It counts up to and including the day `expires`.
    """

    object: str
    change: str
    fingerprint: str
    reason: str
    accepted_by: str
    expires: date

    def __str__(self) -> str:
        return f"{self.object}: {self.change}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding with its fingerprint in this state, and the allowance that passes it, if one does.

    `refused` says why one that names it does not.
    """

    finding: Finding
    fingerprint: str
    allowance: Allowance | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a plan would lose, and which allowances match none of it."""

    judged: Sequence[Judged] = ()
    stale: Sequence[Allowance] = ()

    @property
    def blocked(self) -> list[Judged]:
        return [judged for judged in self.judged if judged.allowance is None]

    @property
    def allowed(self) -> list[Judged]:
        return [judged for judged in self.judged if judged.allowance is not None]


def fingerprint(finding: Finding, version: str) -> str:
    """What ties an allowance to the object as it now is.

    `version` is the resource's own in the stack's state (when it was made and last changed). Carrying out the change
    gives another, so that no allowance passes twice, whoever deploys and wherever the state lies.
    """
    text = "\n".join((finding.urn, version, finding.object, finding.change))
    # The letter first: YAML takes digits alone, or digits around an e, for a number.
    return "f" + hashlib.sha256(text.encode()).hexdigest()[:15]


def settle(
    findings: Iterable[Finding], allowances: Sequence[Allowance], today: date, version_of: Callable[[str], str]
) -> Verdict:
    """Match findings and allowances. `version_of` gives a resource's version in the state by its URN; empty if none."""
    judged: list[Judged] = []
    used: set[int] = set()
    for finding in findings:
        version = version_of(finding.urn)
        own = fingerprint(finding, version)
        accepted: Allowance | None = None
        refused = ""
        for index, allowance in enumerate(allowances):
            if (allowance.object, allowance.change) != (finding.object, finding.change):
                continue
            used.add(index)
            if finding.unknown:
                refused = "what the plan does not know cannot be allowed: bring up first what it depends on"
            elif not version:
                refused = (
                    "the state does not say since when the object is as it is, so nothing ties the allowance to it"
                )
            elif allowance.fingerprint != own:
                refused = f"its allowance is for another state of the object (fingerprint {allowance.fingerprint})"
            elif today > allowance.expires:
                refused = f"its allowance expired on {allowance.expires.isoformat()}"
            else:
                accepted = allowance
                break
        judged.append(Judged(finding, own, accepted, "" if accepted else refused))
    stale = [allowance for index, allowance in enumerate(allowances) if index not in used]
    return Verdict(judged, stale)
