"""Trouble on purpose, without an engine: what is asked for, what comes of it, what is wrong to ask."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.chaos import RETRIES, RETRY_AFTER, Chaos, UnfinishedError
from emulator.package import CloudError


class Cloud:
    """Counts what is really done."""

    def __init__(self, text: str) -> None:
        chaos = Chaos.of(text)
        assert chaos is not None
        self.chaos = chaos
        self.done: list[int] = []
        self._asked = 0

    def change(self, what: Any = "create", timeout: float = 0, package: str = "azure-native") -> str:
        """`done`, or the error's words."""
        self._asked += 1
        number = self._asked

        def do() -> tuple[str, dict[str, Any]]:
            self.done.append(number)
            return f"id{number}", {"number": number}

        try:
            self.chaos.carry_out(package, what, timeout, do)
        except CloudError as error:
            return str(error)
        return "done"


def test_nothing_asked_is_no_chaos() -> None:
    assert Chaos.of("") is None
    assert Chaos.of(" , ") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explode:3", "is none of fail-every, throttle-every, slow-every, lose-every"),
        ("fail-every", "must be fail-every:N"),
        ("fail-every:0", "whole numbers from 1"),
        ("fail-every:2:3", "must be fail-every:N,"),
        ("throttle-every:2:x", "throttle-every:N:TIMES"),
        ("slow-every:-1", "slow-every:N:SECONDS"),
        ("fail-every:2,fail-every:3", "repeats fail-every"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_form(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Chaos.of(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"'a' is none of.*; 'b:1' is none of"):
        Chaos.of("a,b:1")


def test_every_third_change_is_refused_and_not_done() -> None:
    cloud = Cloud("fail-every:3")
    answers = [cloud.change(what) for what in ("create", "update", "delete", "create", "create", "create")]
    assert [answer == "done" for answer in answers] == [True, True, False, True, True, False]
    assert cloud.done == [1, 2, 4, 5]
    assert "InternalServerError" in answers[2]
    assert "Made on purpose: NEXUS_CHAOS fail-every:3, change 3" in answers[2]
    assert cloud.chaos.status()["happened"] == {"fail-every": 2}


def test_each_cloud_fails_in_its_own_words() -> None:
    cloud = Cloud("fail-every:1")
    assert "000603 (XX000)" in cloud.change(package="snowflake")
    assert "Status=500" in cloud.change(package="azure-native")


def test_throttling_that_ends_in_time_is_waited_for_by_nobody() -> None:
    cloud = Cloud("throttle-every:2:2")
    assert [cloud.change() for _ in range(4)] == ["done"] * 4
    assert cloud.chaos.waited == 2 * 2 * RETRY_AFTER
    assert cloud.chaos.status()["happened"] == {"throttle-every": 2}


def test_throttling_beyond_the_clients_attempts_fails_and_nothing_is_done() -> None:
    cloud = Cloud(f"throttle-every:2:{RETRIES + 1}")
    first, second = cloud.change(), cloud.change()
    assert first == "done"
    assert "TooManyRequests" in second
    assert cloud.done == [1]


def test_a_lost_answer_was_carried_out() -> None:
    cloud = Cloud("lose-every:2")
    assert cloud.change() == "done"
    assert "connection broke" in cloud.change()
    assert cloud.done == [1, 2]


def test_a_slow_creation_within_its_time_only_takes_longer() -> None:
    cloud = Cloud("slow-every:2:600")
    # Updates take no time here, and do not count as creations.
    assert [cloud.change(what) for what in ("create", "update", "create", "create")] == ["done"] * 4
    assert cloud.chaos.waited == 600


def test_a_creation_slower_than_its_caller_waits_is_there_and_not_finished() -> None:
    chaos = Chaos.of("slow-every:1:600")
    assert chaos is not None
    with pytest.raises(UnfinishedError, match="not finished after 60 s") as unfinished:
        chaos.carry_out("azure-native", "create", 60, lambda: ("id", {"name": "x"}))
    assert (unfinished.value.id, unfinished.value.outputs) == ("id", {"name": "x"})
    assert chaos.waited == 60
