"""Runs of the real engine while the cloud makes trouble: each ends in a state that the next one completes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.place import ROOT, Place
from tests.cli.toy import things

pytestmark = pytest.mark.usefixtures("real_engine")

THINGS = ("a", "b", "c", "d", "e")


@pytest.fixture
def up(place: Place, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(chaos: str = "", verb: str = "up") -> dict[str, Any]:
        monkeypatch.setenv("NEXUS_CHAOS", chaos)
        done = subprocess.run(
            [sys.executable, "-m", "tests.cli.toy_run", verb, *THINGS],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {**answer, "said": done.stderr}

    return run


def there(place: Place) -> list[str]:
    return sorted(things(place.cloud))


def test_a_refused_change_is_named_and_the_next_run_makes_the_rest(place: Place, up: Any) -> None:
    failed = up("fail-every:3")
    assert not failed["succeeded"]
    (error,) = failed["errors"]
    assert "toy Thing c: 500: internal error (Made on purpose: NEXUS_CHAOS fail-every:3, change 3.)" in error
    assert there(place) == ["a", "b"]
    assert any("of 3 changes: fail 1" in note for note in failed["notes"])
    finished = up()
    assert finished["succeeded"]
    assert finished["changes"]["created"] == 3
    assert finished["changes"].keys() == {"created", "unchanged"}
    assert there(place) == list(THINGS)


def test_runs_that_keep_failing_get_further_each_time(place: Place, up: Any) -> None:
    reached = []
    for _ in range(3):
        up("fail-every:3")
        reached.append(len(there(place)))
    assert reached == [2, 4, 5]


def test_throttling_that_ends_in_time_shows_in_no_result(place: Place, up: Any) -> None:
    throttled = up("throttle-every:2:3")
    assert throttled["succeeded"], throttled
    assert there(place) == list(THINGS)
    assert any("throttle 2; 60 s of waiting" in note for note in throttled["notes"])


def test_throttling_without_end_stops_the_run(place: Place, up: Any) -> None:
    failed = up("throttle-every:4:9")
    assert not failed["succeeded"]
    assert "too many requests" in failed["errors"][0]
    assert up()["changes"]["created"] == 2
    assert there(place) == list(THINGS)


def test_what_was_made_without_an_answer_is_taken_back_and_made_again(place: Place, up: Any) -> None:
    failed = up("lose-every:3")
    assert not failed["succeeded"]
    assert "the connection broke before the answer came" in failed["errors"][0]
    assert there(place) == ["a", "b", "c"]
    assert any("taken back" in note or "takes them back" in note for note in failed["notes"])
    finished = up()
    assert finished["succeeded"], finished
    assert "deleted urn:" in finished["said"]
    assert there(place) == list(THINGS)


def test_a_creation_that_outlasts_its_caller_is_kept_and_finished(place: Place, up: Any) -> None:
    failed = up("slow-every:3:7200")
    assert not failed["succeeded"]
    assert any("toy Thing c: " in error and "not finished after 3600 s" in error for error in failed["errors"])
    assert there(place) == ["a", "b", "c"]
    finished = up()
    assert finished["succeeded"], finished
    # The state knows the third: it is finished, not made again.
    assert finished["changes"]["created"] == 2
    assert finished["changes"]["updated"] == 1
    assert there(place) == list(THINGS)


def test_destroy_that_fails_half_way_is_finished_by_the_next(place: Place, up: Any) -> None:
    assert up()["succeeded"]
    failed = up("fail-every:3", "destroy")
    assert not failed["succeeded"]
    assert there(place) == ["a", "b", "c"]
    finished = up("", "destroy")
    assert finished["succeeded"], finished
    assert not Path(place.directory).exists()


def test_chaos_that_nobody_understands_is_bad_input(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEXUS_CHAOS", "explode:3")
    assert main(["up"]) == 2
    said = capsys.readouterr().err
    assert "NEXUS_CHAOS: 'explode:3' is none of fail-every" in said
    assert "Traceback" not in said
