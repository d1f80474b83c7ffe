"""Runs of the real engine on an embedded cloud that holds the toy package."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli import deployment
from cli.cloud import attached, starting
from cli.place import ROOT, Place
from emulator.lock import hold
from tests.cli.toy import CONTENTS, things

pytestmark = pytest.mark.usefixtures("real_engine")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cli.toy_run", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def nexus(*arguments: str) -> dict[str, Any]:
    """One run to its end; what it printed for a person is under `said`."""
    process = start(*arguments)
    out, said = process.communicate(timeout=120)
    assert out, said
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return {**answer, "said": said, "code": process.returncode}


def until(met: Callable[[], object]) -> None:
    """Wait for what another process is about to do."""
    limit = time.monotonic() + 60
    while not met():
        assert time.monotonic() < limit, "it did not happen within a minute"
        time.sleep(0.02)


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a run, its engine and its cloud, at once: none of them sees another one end, or begins one more."""
    root = psutil.Process(process.pid)
    family: list[psutil.Process] = []
    while beginning := [each for each in (root, *root.children(recursive=True)) if each not in family]:
        for member in beginning:
            member.suspend()
        family += beginning
    for member in family:
        member.kill()
    psutil.wait_procs(family)
    process.communicate()


def kill_at_slow(place: Place, *arguments: str) -> None:
    """Kill a run while the cloud is busy with the thing called `slow`, which comes last: the others are made."""
    process = start(*arguments)
    until(lambda: started_slow(place))
    kill_all(process)


def started_slow(place: Place) -> bool:
    """Whether the journal says that the thing `slow` is being made."""
    try:
        with closing(sqlite3.connect(place.cloud / "journal.sqlite3")) as database:
            return bool(database.execute("SELECT 1 FROM operation WHERE name = 'slow'").fetchall())
    except sqlite3.Error:  # It is not there yet.
        return False


def test_up_again_and_changed_then_destroy_leaves_nothing(place: Place) -> None:
    up = nexus("up", "a", "b=2")
    assert up["changes"] == {"created": 4}
    assert up["outputs"] == {"things": ["a", "b"]}
    assert things(place.cloud) == {"a": 1, "b": 2}
    assert nexus("up", "a", "b=2")["changes"] == {"unchanged": 4}
    assert nexus("preview", "a", "b=3", "c")["changes"] == {"created": 1, "updated": 1, "unchanged": 3}
    assert things(place.cloud) == {"a": 1, "b": 2}
    assert nexus("up", "b=3", "c")["changes"] == {"created": 1, "updated": 1, "deleted": 1, "unchanged": 2}
    assert things(place.cloud) == {"b": 3, "c": 1}
    assert nexus("destroy")["succeeded"]
    assert not place.directory.exists()
    assert list(place.directory.parent.iterdir()) == []


def test_refresh_sees_what_was_changed_behind_its_back(place: Place) -> None:
    nexus("up", "a", "b")
    with closing(sqlite3.connect(place.cloud / "things.sqlite3", isolation_level=None)) as database:
        database.execute("DELETE FROM thing WHERE name = 'a'")
    refreshed = nexus("refresh")
    assert refreshed["changes"] == {"deleted": 1, "unchanged": 3}
    assert nexus("up", "a", "b")["changes"] == {"created": 1, "unchanged": 3}


def test_a_killed_first_run_is_finished_by_the_next(place: Place) -> None:
    kill_at_slow(place, "up", "a", "b", "slow")
    assert things(place.cloud) == {"a": 1, "b": 1}
    after = nexus("up", "a", "b")
    assert after["succeeded"], after
    assert "was killed: taking back what the state does not know" in after["said"]
    assert things(place.cloud) == {"a": 1, "b": 1}
    assert nexus("up", "a", "b")["changes"] == {"unchanged": 4}


def test_a_killed_later_run_is_finished_by_the_next(place: Place) -> None:
    nexus("up", "kept", "gone", "grown=1")
    kill_at_slow(place, "up", "kept", "new", "grown=9", "slow")
    after = nexus("up", "kept", "new", "grown=9")
    assert after["succeeded"], after
    assert things(place.cloud) == {"kept": 1, "new": 1, "grown": 9}
    assert nexus("up", "kept", "new", "grown=9")["changes"] == {"unchanged": 5}


def test_preview_after_a_kill_changes_nothing_and_says_so(place: Place) -> None:
    kill_at_slow(place, "up", "a", "slow")
    preview = nexus("preview", "a")
    assert preview["succeeded"], preview["errors"]
    assert preview["changes"] == {"created": 3}
    assert any("the last run was killed" in note for note in preview["notes"])
    assert things(place.cloud) == {"a": 1}


def test_a_failing_resource_is_told_once_and_the_rest_is_kept(place: Place) -> None:
    failed = nexus("up", "a", "refused")
    assert not failed["succeeded"]
    assert failed["errors"] == ["toy Thing refused: 003001 (42501): the toy refuses this thing"]
    assert things(place.cloud) == {"a": 1}
    assert failed["notes"] == []
    again = nexus("up", "a", "b")
    assert "was killed" not in again["said"]
    assert again["changes"]["created"] == 1


def test_a_refused_input_changes_nothing(place: Place) -> None:
    refused = nexus("up", "ill-formed")
    (error,) = refused["errors"]
    assert "property name value {ill-formed} has a problem: a thing cannot be called ill-formed" in error
    assert things(place.cloud) == {}


def test_a_crash_of_the_cloud_is_told_with_its_log(place: Place) -> None:
    process = start("up", "a", "slow")
    until(lambda: started_slow(place))
    psutil.Process(json.loads(place.endpoints.read_text())["pid"]).kill()
    out, _ = process.communicate(timeout=120)
    answer = json.loads(out.splitlines()[-1])
    assert not answer["succeeded"]
    assert f"the embedded cloud ended unexpectedly (exit code -9); its log: {place.cloud_log}" in answer["errors"]
    assert nexus("up", "a")["succeeded"]
    assert things(place.cloud) == {"a": 1}


@pytest.mark.skipif(os.name == "nt", reason="signals to one process")
def test_an_asked_stop_ends_well(place: Place) -> None:
    process = start("up", "a", "slow", "b")
    until(lambda: started_slow(place))
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert "Stopping after the steps that are under way" in process.stderr.readline()
    (place.cloud / "release").touch()
    out, _ = process.communicate(timeout=120)
    assert not json.loads(out.splitlines()[-1])["succeeded"]
    assert things(place.cloud) == {"a": 1, "slow": 1}
    again = nexus("up", "a", "slow", "b")
    assert again["changes"] == {"created": 1, "unchanged": 4}
    assert "was killed" not in again["said"]


def test_a_second_run_is_told_who_has_the_stack(place: Place) -> None:
    with hold(place.lock, "nexus up --stack local"):
        second = nexus("up", "a")
    assert second["code"] == 1
    assert second["failure"] == (
        f"stack 'local' is in use by nexus up --stack local (process {os.getpid()}): wait for it to end."
    )
    assert not place.cloud.exists()


def test_runs_attach_to_a_cloud_that_is_kept_up_and_destroy_empties_it(place: Place) -> None:
    place.prepare()
    with starting(place, CONTENTS) as serving:
        pid = serving.wait().endpoints.pid
        assert nexus("up", "a")["changes"] == {"created": 3}
        cloud = attached(place)
        assert cloud is not None
        assert cloud.endpoints.pid == pid
        assert nexus("destroy")["succeeded"]
        assert things(place.cloud) == {}
        assert not place.state.exists()
        assert nexus("up", "b")["changes"] == {"created": 3}
        assert things(place.cloud) == {"b": 1}


def test_plain_pulumi_does_the_same_with_the_variables_of_env(place: Place, real_engine: Any) -> None:
    committed = (ROOT / "Pulumi.local.yaml").read_bytes()
    nexus("up", "a", "b")
    with starting(place, CONTENTS) as serving:
        variables = deployment.embedded_variables(place, serving.wait().endpoints.debug_providers)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}

        def pulumi(*arguments: str) -> str:
            return subprocess.run(
                [real_engine.path, *arguments, "--non-interactive"],
                cwd=ROOT,
                env={**kept, **variables},
                capture_output=True,
                text=True,
                check=True,
            ).stdout

        assert [stack["name"] for stack in json.loads(pulumi("stack", "ls", "--json"))] == ["local"]
        state = json.loads(pulumi("stack", "export", "--stack", "local"))
        made = [resource for resource in state["deployment"]["resources"] if resource["type"] == "toy:index:Thing"]
        assert [resource["id"] for resource in made] == ["a", "b"]
        refresh = ("refresh", "--stack", "local", "--yes", "--skip-preview", "--run-program=false")
        assert "3 unchanged" in pulumi(*refresh, "--expect-no-changes")
        pulumi("destroy", "--stack", "local", "--yes", "--skip-preview", "--run-program=false")
    assert things(place.cloud) == {}
    assert (ROOT / "Pulumi.local.yaml").read_bytes() == committed


def test_nothing_is_readable_to_others(place: Place) -> None:
    if os.name == "nt":
        pytest.skip("POSIX permissions")
    nexus("up", "a")
    assert place.directory.stat().st_mode & 0o077 == 0
    for file in (place.passphrase, place.deploy_key):
        assert file.stat().st_mode & 0o077 == 0


def test_a_policy_pack_judges_without_a_language_host(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (tmp_path / "__main__.py").write_text(
        "from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy\n"
        "def small(args, report):\n"
        "    if args.resource_type == 'toy:index:Thing' and args.props['size'] > 2:\n"
        "        report('a thing is at most 2')\n"
        "PolicyPack('toys', enforcement_level=EnforcementLevel.MANDATORY,\n"
        "    policies=[ResourceValidationPolicy('small-things', 'Things are small.', small)])\n"
    )
    monkeypatch.setenv("NEXUS_TEST_POLICY_PACK", str(tmp_path))
    good = nexus("preview", "a=2")
    assert (good["succeeded"], good["violations"]) == (True, []), good
    bad = nexus("up", "a=2", "b=3")
    assert not bad["succeeded"]
    assert bad["violations"] == ["toy Thing b: [small-things] Things are small.\na thing is at most 2"]
    assert "b" not in things(place.cloud)


def test_a_defect_of_the_program_is_told_once_without_its_trace(place: Place) -> None:
    failed = nexus("up", "a", "b=defect")
    log = place.directory / "run.log"
    assert failed["errors"] == [f"the program failed: a thing's size is a number (its trace: {log})"]
    assert "Traceback" in log.read_text()
    assert "Traceback" not in failed["said"]


def test_log_folder_is_made_for_a_failure_without_events(tmp_path: Path) -> None:
    from cli.progress import Progress

    outcome = deployment.Outcome(Progress("up"), False, detail="code: 255\n stderr: error: no such thing\n")
    (problem,) = deployment.explain(outcome, tmp_path / "new" / "run.log")
    assert str(problem) == "no such thing"
    assert "no such thing" in (tmp_path / "new" / "run.log").read_text()


def test_a_real_stack_without_a_place_for_its_state_says_how_to_name_one(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "outputs", "--stack", "staging"],
        cwd=ROOT,
        env=environment | {"PULUMI_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "set PULUMI_BACKEND_URL (./nexus bootstrap" in done.stderr
    assert "Traceback" not in done.stderr
