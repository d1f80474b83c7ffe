"""The whole program on a cloud that throttles, fails, loses answers and is slow: nothing is lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from nexus_command import Nexus, Ran

#: One after the other; each run gets further than the last, and none of them to its end.
TROUBLES = ("throttle-every:9:3,fail-every:30", "lose-every:25", "slow-every:10:7200")


@dataclass(frozen=True)
class Story:
    total: int
    disturbed: Mapping[str, Ran]
    finished: Ran
    again: Ran
    verified: Ran


@pytest.fixture(scope="module")
def story(nexus: Nexus) -> Story:
    nexus.tenants(HCS0001={})
    total = nexus.run("preview", "--json").answer["changes"]["created"]
    disturbed = {}
    for trouble in TROUBLES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEXUS_CHAOS", trouble)
            disturbed[trouble] = nexus.run("up", "--yes", "--json", expect=1)
    finished = nexus.run("up", "--yes", "--json", expect=None)
    again = nexus.run("up", "--yes", "--json", "--expect-no-changes", expect=None)
    verified = nexus.run("verify", "--json", expect=None)
    nexus.run("destroy", "--yes")
    return Story(total, disturbed, finished, again, verified)


@pytest.mark.parametrize(
    ("trouble", "said"),
    list(zip(TROUBLES, ("internal error", "the connection broke", "not finished after 3600 s"), strict=True)),
    ids=TROUBLES,
)
def test_a_disturbed_run_says_what_failed_and_why(story: Story, trouble: str, said: str) -> None:
    run = story.disturbed[trouble]
    errors = run.answer["errors"]
    blamed = [error for error in errors if "Made on purpose: NEXUS_CHAOS" in error["message"]]
    assert blamed, run
    assert all(error["urn"] for error in blamed)
    assert said in blamed[-1]["message"].replace("InternalServerError", "internal error")
    assert any("made trouble on purpose" in note for note in run.answer["notes"])
    assert "Traceback" not in run.stdout + run.stderr


def test_the_next_run_completes_what_is_left_and_makes_nothing_anew(story: Story) -> None:
    assert story.finished.code == 0, story.finished
    changes = story.finished.answer["changes"]
    assert changes["deleted"] == changes["replaced"] == 0
    assert 0 < changes["created"] < story.total


def test_what_it_completed_is_whole(story: Story) -> None:
    assert story.again.code == 0, story.again
    assert story.again.answer["changes"]["unchanged"] == story.total
    failed = {check["asked"]: check["findings"] for check in story.verified.answer["checks"] if not check["passed"]}
    assert failed == {}
    assert story.verified.code == 0
