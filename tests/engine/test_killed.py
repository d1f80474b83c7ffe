"""A run killed in the middle, with its engine and its cloud: the next one finishes it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from killed_run import kill_when
from nexus_command import Nexus, Ran


@dataclass(frozen=True)
class Story:
    """What became of an `up` that was killed twice, and of a `destroy` that was killed once."""

    total: int
    killed_at: list[int]
    finished: Ran
    again: Ran
    verified: Ran
    destroyed: Ran
    left: bool


@pytest.fixture(scope="module")
def story(nexus: Nexus) -> Story:
    nexus.tenants(HCS0001={}, HCS0002={})
    total = nexus.run("preview", "--json").answer["changes"]["created"]
    killed_at = [kill_when(nexus, int(total * share), "up", "--yes") for share in (0.2, 0.8)]
    finished = nexus.run("up", "--yes", "--json", expect=None)
    again = nexus.run("up", "--yes", "--json", "--expect-no-changes", expect=None)
    verified = nexus.run("verify", "--json", expect=None)
    # Late enough that statements were taken back and the tables they were about are gone.
    kill_when(nexus, int(total * 0.6), "destroy", "--yes")
    destroyed = nexus.run("destroy", "--yes", expect=None)
    return Story(total, killed_at, finished, again, verified, destroyed, nexus.stack.exists())


def test_the_runs_were_killed_in_the_middle(story: Story) -> None:
    first, second = story.killed_at
    assert int(story.total * 0.2) <= first < story.total
    assert int(story.total * 0.8) <= second


def test_the_next_up_finishes_a_killed_one(story: Story) -> None:
    assert story.finished.code == 0, story.finished
    assert "was killed" in story.finished.stderr


def test_what_it_finished_is_whole(story: Story) -> None:
    assert story.again.code == 0, story.again
    assert story.again.answer["changes"]["unchanged"] == story.total
    assert story.verified.code == 0, story.verified


def test_the_next_destroy_finishes_a_killed_one(story: Story) -> None:
    assert story.destroyed.code == 0, story.destroyed
    assert not story.left
