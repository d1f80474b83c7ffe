"""`nexus doctor`: what is wrong is found, and each with its mend."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from cli import doctor
from cli.__main__ import main
from cli.place import Place
from emulator.journal import Journal


def finding(subject: str) -> doctor.Finding:
    (found,) = [one for one in doctor.examine("local") if one.subject == subject]
    return found


@pytest.fixture
def nobody() -> int:
    """The id of a process that there is not."""
    return next(pid for pid in range(4_000_000, 1, -1) if not psutil.pid_exists(pid))


def test_nothing_is_left_behind_by_nothing(place: Place) -> None:
    for subject in ("embedded cloud", "engine locks", "unfinished run", "orphan processes", "loopback ports"):
        assert finding(subject).good, finding(subject)
    assert not place.directory.exists()


def test_a_package_of_another_version_than_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "pins", lambda: {**dict.fromkeys(doctor._PACKAGES, "0.0.1"), "no-such-package": "1"})
    assert finding("pulumi").found.endswith("pinned 0.0.1")
    assert not finding("pulumi").good
    assert finding("other packages").found == "no-such-package is missing, pinned 1"
    assert "remove .venv" in finding("other packages").mend


def test_the_pins_are_read_whole() -> None:
    pins = doctor.pins()
    assert pins["pulumi"] == "3.259.0"
    assert set(doctor._PACKAGES) <= pins.keys()


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NEXUS_CACHE", str(tmp_path / "cache"))
    found = finding("engine")
    assert not found.good
    assert "there is none" in found.found


def test_too_little_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_WANTED", 1 << 62)
    assert not finding("disk for stacks").good
    assert "NEXUS_DIRECTORY" in finding("disk for stacks").mend


def test_the_lock_of_a_killed_engine(place: Place, nobody: int) -> None:
    lock = place.state / ".pulumi" / "locks" / "organization" / "nexuschat" / "local" / "1.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": nobody}))
    assert finding("engine locks").found == "1 of a process that is gone"


def test_an_unfinished_run(place: Place) -> None:
    place.cloud.mkdir(parents=True)
    journal = Journal(place.cloud / "journal.sqlite3")
    journal.begin("nexus up", 42)
    journal.close()
    found = finding("unfinished run")
    assert found.found == "'nexus up' (process 42) was killed"
    assert "./nexus up" in found.mend


def test_endpoints_of_a_cloud_that_was_killed(place: Place) -> None:
    place.directory.mkdir(parents=True)
    place.endpoints.write_text("{}")
    assert "it was killed" in finding("embedded cloud").found


def test_the_exit_code_and_the_answer_say_whether_something_is_wrong(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = doctor.Finding("a", True, "fine"), doctor.Finding("b", False, "broken", "mend it")
    monkeypatch.setattr(doctor, "examine", lambda _: [good])
    assert main(["doctor"]) == 0
    monkeypatch.setattr(doctor, "examine", lambda _: [good, bad])
    assert main(["doctor"]) == 1
    assert "→ mend it" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["good"], [one["subject"] for one in answer["findings"]]) == (False, ["a", "b"])
