"""A stack with a backend of its own, as a real one has: exported before every run, undone, and its state put back."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.place import ROOT
from tests.cli.toy_real import SECRET

STEPS: Mapping[str, list[Any]] = {
    "first": ["declare", {"a": 1}],
    "first up": ["up"],
    "second": ["declare", {"a": 2, "b": 1}],
    "second up": ["up"],
    "again": ["up"],
    "refresh": ["refresh"],
    "nobody to ask": ["undo", "last"],
    "undo": ["undo", "last", "--yes"],
    "undo the undoing": ["undo", "last", "--yes"],
    "third": ["declare", {"a": 2}],
    "third up": ["up"],
    # What the settings of before make is there by then: the engine cannot make it.
    "by hand": ["by hand", "b"],
    "undo that fails": ["undo", "last", "--yes"],
    "import": ["import", 2],
    "mended": ["refresh"],
    "destroy": ["destroy"],
    "undo what is destroyed": ["undo", "last", "--yes"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def told(folder: Path, real_engine: Any) -> dict[str, dict[str, Any]]:
    """What came of each step, by its name."""
    del real_engine
    (folder / "project").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.toy_real", str(folder / "project"), json.dumps(list(STEPS.values()))],
        cwd=ROOT,
        env=os.environ | {"NEXUS_DIRECTORY": str(folder / "nexus")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return dict(zip(STEPS, map(json.loads, done.stdout.splitlines()), strict=True))


def test_whatever_writes_the_state_is_exported_first(told: dict[str, dict[str, Any]]) -> None:
    assert told["first up"]["kept"] == [[1, "up", "succeeded"]]
    assert told["second up"]["kept"][1:] == [[2, "up", "succeeded"]]
    # Neither changed anything: they push nothing out.
    assert told["refresh"]["kept"] == told["again"]["kept"] == told["second up"]["kept"]
    assert told["destroy"]["kept"][-1][1:] == ["destroy", "succeeded"]


def test_an_export_is_the_state_before_and_closes_its_secrets(told: dict[str, dict[str, Any]], folder: Path) -> None:
    assert told["destroy"]["failure"] == ""
    exports = sorted((folder / "nexus" / "prod" / "updates").glob("*.state.json.gz"))
    texts = [gzip.decompress(file.read_bytes()).decode() for file in exports]
    second = json.loads(texts[1])["deployment"]["resources"]
    assert [each["id"] for each in second if each["type"] == "toy:index:Thing"] == ["a"]
    assert '"ciphertext"' in texts[1]
    assert not any(SECRET in text for text in texts)
    if os.name != "nt":
        assert {file.stat().st_mode & 0o777 for file in exports} == {0o600}


def test_an_update_is_undone_and_the_undoing_too(told: dict[str, dict[str, Any]]) -> None:
    assert "nobody can be asked here: give --yes" in told["nobody to ask"]["failure"]
    assert told["nobody to ask"]["things"] == {"a": 2, "b": 1}
    undone = told["undo"]
    assert undone["failure"] == "", undone
    assert (undone["answer"]["update"], undone["answer"]["settings_of"]) == (2, 1)
    assert undone["answer"]["files"] == ["organizations"]
    assert undone["things"] == undone["declared"] == {"a": 1}
    again = told["undo the undoing"]
    assert again["things"] == again["declared"] == {"a": 2, "b": 1}


def test_an_undoing_that_fails_leaves_everything_as_it_was(told: dict[str, dict[str, Any]]) -> None:
    failed = told["undo that fails"]
    assert failed["failure"] == "exit 1"
    assert any("thing 'b' already exists" in error for error in failed["answer"]["errors"]), failed
    assert failed["answer"]["undone"]
    assert failed["declared"] == {"a": 2}
    assert failed["things"] == told["by hand"]["things"] == {"a": 2, "b": 1}


def test_a_state_is_put_back_by_plain_pulumi_and_read_anew(told: dict[str, dict[str, Any]]) -> None:
    assert told["import"]["answer"] == SECRET
    # The export knew a of size 1; the cloud has 2, which a refresh reads back.
    assert told["mended"]["answer"]["changes"]["updated"] >= 1
    assert told["destroy"]["things"] == {"b": 1}, "what was made by hand is nobody's"
    assert "the stack was destroyed since" in told["undo what is destroyed"]["failure"]
