"""The pack by itself on a project that is not ours: in a preview, configured, and on the exported state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What is wrong with the other project, and nothing else of it is.
WRONG = [
    ["budget-present", "data"],
    ["diagnostic-settings-present", "keys"],
    ["key-vault-private", "keys"],
    ["key-vault-private-endpoint", "keys"],
    ["key-vault-purge-protection", "keys"],
    ["warehouse-auto-suspend", "load"],
    ["warehouse-monitored", "load"],
]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Any:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "SNOWFLAKE_", "ARM_"))}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "other_run.py")],
        cwd=ROOT,
        env=own | {"NEXUS_DIRECTORY": str(tmp_path_factory.mktemp("other"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_finds_what_is_wrong_and_fails_the_preview(other: Any) -> None:
    found = other["defaults"]
    assert (found["mandatory"], found["advisory"], found["succeeded"]) == (WRONG, [], False)
    assert found["problems"] == []


def test_it_is_configured_by_pulumis_own_configuration(other: Any) -> None:
    found = other["configured"]
    changed = ("warehouse-auto-suspend", "key-vault-private-endpoint")
    assert found["mandatory"] == [one for one in WRONG if one[0] not in changed]
    assert found["advisory"] == [["warehouse-auto-suspend", "load"]]


def test_the_exported_state_is_judged_alike(other: Any) -> None:
    found = other["state"]
    assert found["mandatory"] == WRONG
    assert found["code"] != 0
    assert "mandatory policy violations were found" in found["said"]
