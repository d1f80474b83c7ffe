"""What a run did to the cloud, and how a killed one is taken back, without an engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.journal import Journal, RunOpenError
from emulator.package import CloudError, Question
from tests.cli.toy import TYPE, ToyPackage, things

NOBODY: set[tuple[str, str]] = set()


class Cloud:
    """The toy package and its journal on one directory; `die` is what a kill leaves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.open()

    def open(self) -> None:
        self.package = ToyPackage(self.directory)
        self.journal = Journal(self.directory / "journal.sqlite3")

    def close(self) -> None:
        self.package.close()
        self.journal.close()

    def die(self) -> None:
        self.close()
        self.open()

    @property
    def things(self) -> dict[str, int]:
        return things(self.directory)

    def create(self, name: str, size: int = 1, do: Callable[[Question], Any] | None = None) -> None:
        question = Question(urn=f"urn:{name}", type=TYPE, name=name, inputs={"name": name, "size": size})
        work = do or self.package.create
        self.journal.record("toy", "create", question, {}, lambda: work(question), lambda answer: answer)

    def update(self, name: str, old: int, new: int) -> None:
        question = Question(
            urn=f"urn:{name}",
            type=TYPE,
            name=name,
            id=name,
            inputs={"name": name, "size": new},
            old_inputs={"name": name, "size": old},
            old_outputs={"name": name, "size": old},
        )
        self.journal.record(
            "toy", "update", question, {}, lambda: self.package.update(question), lambda answer: (name, answer)
        )

    def delete(self, name: str) -> None:
        question = Question(urn=f"urn:{name}", type=TYPE, name=name, id=name, old_inputs={"name": name, "size": 1})
        self.journal.record("toy", "delete", question, {}, lambda: self.package.delete(question), lambda _: (name, {}))

    def recover(self, known: set[tuple[str, str]]) -> tuple[list[str], list[str]]:
        run = self.journal.open_run()
        assert run is not None
        return self.journal.recover(run.id, known, {"toy": self.package})


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights than these")
def test_the_journal_is_its_owner_s_alone(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.sqlite3").close()
    assert (tmp_path / "journal.sqlite3").stat().st_mode & 0o777 == 0o600


def test_what_the_state_does_not_know_is_deleted_newest_first(cloud: Cloud) -> None:
    cloud.journal.begin("nexus up", 1)
    for name in ("a", "b", "c"):
        cloud.create(name)
    cloud.die()
    assert cloud.recover({("urn:b", "b")}) == (["deleted urn:c", "deleted urn:a"], [])
    assert cloud.things == {"b": 1}
    assert cloud.journal.open_run() is None


def test_a_recovered_run_has_the_next_one_read_back_until_that_ends(cloud: Cloud) -> None:
    cloud.journal.begin("nexus up", 1)
    cloud.die()
    assert not cloud.journal.refresh_due()
    cloud.recover(NOBODY)
    assert cloud.journal.refresh_due()
    failed = cloud.journal.begin("nexus up", 2)
    cloud.journal.end(failed.id, refreshed=False)
    assert cloud.journal.refresh_due()
    good = cloud.journal.begin("nexus up", 3)
    cloud.journal.end(good.id, refreshed=True)
    assert not cloud.journal.refresh_due()


def test_a_creation_killed_after_it_was_done_but_before_it_was_written_down(cloud: Cloud) -> None:
    def create_and_die(question: Question) -> None:
        cloud.package.create(question)
        raise SystemExit

    cloud.journal.begin("nexus up", 1)
    with pytest.raises(SystemExit):
        cloud.create("a", do=create_and_die)
    cloud.die()
    assert cloud.things == {"a": 1}
    assert cloud.recover(NOBODY) == (["deleted urn:a"], [])
    assert cloud.things == {}


def test_a_creation_killed_before_it_was_done_leaves_nothing_to_take_back(cloud: Cloud) -> None:
    def die(_: Question) -> None:
        raise SystemExit

    cloud.journal.begin("nexus up", 1)
    with pytest.raises(SystemExit):
        cloud.create("a", do=die)
    cloud.die()
    assert cloud.recover(NOBODY) == ([], [])


def test_a_killed_creation_never_takes_what_another_resource_of_the_state_has(cloud: Cloud) -> None:
    def die(_: Question) -> None:
        raise SystemExit

    cloud.create("a")
    cloud.journal.begin("nexus up", 1)
    with pytest.raises(SystemExit):
        cloud.create("a", do=die)
    cloud.die()
    assert cloud.recover({("urn:other", "a")}) == ([], [])
    assert cloud.things == {"a": 1}


def test_a_refused_creation_is_nothing_to_take_back(cloud: Cloud) -> None:
    cloud.create("a")
    cloud.journal.begin("nexus up", 1)
    with pytest.raises(CloudError, match="already exists"):
        cloud.create("a")
    cloud.die()
    assert cloud.recover(NOBODY) == ([], [])
    assert cloud.things == {"a": 1}


def test_an_update_stays_for_the_next_run_to_read_back(cloud: Cloud) -> None:
    cloud.create("a", 1)
    cloud.journal.begin("nexus up", 1)
    cloud.update("a", 1, 5)
    cloud.die()
    assert cloud.recover({("urn:a", "a")}) == ([], [])
    assert cloud.things == {"a": 5}
    assert cloud.journal.refresh_due()


def test_an_update_that_left_nothing_under_the_states_id_is_turned_back(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a rename does. The toy cannot rename, so its reading is made blind."""
    from emulator.package import ReadAnswer

    cloud.create("a", 1)
    cloud.journal.begin("nexus up", 1)
    cloud.update("a", 1, 5)
    cloud.die()
    monkeypatch.setattr(cloud.package, "read", lambda _: ReadAnswer())
    assert cloud.recover({("urn:a", "a")}) == (["turned back urn:a"], [])
    assert cloud.things == {"a": 1}


def test_what_a_killed_run_deleted_is_gone_until_it_is_made_again_or_read_back(cloud: Cloud) -> None:
    first = cloud.journal.begin("nexus up", 1)
    for name in ("a", "b", "c"):
        cloud.create(name)
    cloud.journal.end(first.id, refreshed=False)
    cloud.journal.begin("nexus destroy", 2)
    for name in ("c", "b"):
        cloud.delete(name)
    cloud.die()
    assert not cloud.journal.is_gone("urn:b", "b")
    # The state was not written: it has all but c, which another run took out of it.
    cloud.recover({("urn:a", "a"), ("urn:b", "b")})
    cloud.die()
    assert [name for name in "abc" if cloud.journal.is_gone(f"urn:{name}", name)] == ["b"]
    again = cloud.journal.begin("nexus up", 3)
    cloud.create("b")
    assert not cloud.journal.is_gone("urn:b", "b")
    cloud.journal.end(again.id, refreshed=True)


def test_a_run_that_read_the_cloud_back_knows_itself_what_is_gone(cloud: Cloud) -> None:
    cloud.journal.begin("nexus up", 1)
    cloud.create("a")
    cloud.delete("a")
    cloud.recover({("urn:a", "a")})
    assert cloud.journal.is_gone("urn:a", "a")
    good = cloud.journal.begin("nexus refresh", 2)
    cloud.journal.end(good.id, refreshed=True)
    assert not cloud.journal.is_gone("urn:a", "a")


def test_what_cannot_be_taken_back_is_named_and_keeps_the_run_open(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Question) -> None:
        raise CloudError("still in use")

    cloud.journal.begin("nexus up", 1)
    cloud.create("a")
    cloud.create("b")
    monkeypatch.setattr(cloud.package, "delete", refuse)
    assert cloud.recover({("urn:a", "a")}) == ([], ["urn:b: still in use"])
    with pytest.raises(RunOpenError, match=r"'nexus up' of process 1 has not ended"):
        cloud.journal.begin("nexus up", 2)


def test_without_a_run_nothing_is_written_down(cloud: Cloud) -> None:
    cloud.create("a")
    run = cloud.journal.begin("nexus up", 1)
    assert cloud.journal.operations(run.id) == []


def test_an_ended_run_leaves_no_value_behind(cloud: Cloud) -> None:
    run = cloud.journal.begin("nexus up", 1)
    cloud.create("top-secret-value")
    cloud.journal.end(run.id, refreshed=False)
    cloud.journal.close()
    left = b"".join(file.read_bytes() for file in cloud.directory.glob("journal.sqlite3*"))
    cloud.open()
    assert b"top-secret-value" not in left
    assert things(cloud.directory) == {"top-secret-value": 1}
