"""Every policy proved on the real engine: the program, mutated against each rule, is caught by just that policy.

And the other way round: the program as it is shipped, in each of its environments, violates none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from mutations import MUTATIONS

from policies.catalogue import POLICIES

ROOT = Path(__file__).resolve().parents[2]


def judged_run(directory: Path, stack: str, tenants: int, *more: str) -> Any:
    committed = yaml.safe_load((ROOT / "tenants.yaml").read_text(encoding="utf-8"))
    organizations = {f"HCS{number:04}": None for number in range(1, tenants + 1)}
    file = directory / "tenants.yaml"
    file.write_text(yaml.safe_dump({**committed, "organizations": organizations}), encoding="utf-8")
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "SNOWFLAKE_", "ARM_"))}
    script = Path(__file__).parent / "judged_run.py"
    done = subprocess.run(
        [sys.executable, str(script), stack, str(file), *more],
        cwd=ROOT,
        env=own | {"NEXUS_DIRECTORY": str(directory / "nexus")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def mutated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the policies said of the program with all mutations, in one preview of two tenants."""
    return judged_run(tmp_path_factory.mktemp("mutated"), "local", 2, "mutated")


def test_there_is_a_mutation_for_every_policy() -> None:
    assert {mutation.policy for mutation in MUTATIONS} == {policy.id for policy in POLICIES}
    # Told apart by policy and resource: no two may be caught by the same.
    assert len({(one.policy, one.resource) for one in MUTATIONS}) == len(MUTATIONS)


def test_every_mutation_is_caught_by_just_its_policy(mutated: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutated["problems"] == []
    assert not mutated["succeeded"], "a preview with mandatory violations has not failed"
    assert set(mutated["applied"]) == {one.policy for one in MUTATIONS if one.set is not None or one.append is not None}
    found = {(policy, name) for policy, name in mutated["judged"]}
    caught = [one for one in MUTATIONS if one.catches <= found]
    with capsys.disabled():
        print(f"\npolicies proved on the engine: {len(caught)} caught of {len(MUTATIONS)} tried")
    assert [one.policy for one in MUTATIONS if one not in caught] == []
    # What `nexus report` tells of the pack.
    recorded = json.loads((ROOT / "policies" / "proved.json").read_text(encoding="utf-8"))
    assert recorded == {"caught": len(caught), "tried": len(MUTATIONS)}
    assert found - set().union(*(one.catches for one in MUTATIONS)) == set()
    assert set(mutated["violated"]) == {policy.id for policy in POLICIES}


def test_no_mutated_value_is_told(mutated: Any) -> None:
    for told in ("hunter2", "9b13a1a87fafcbfb", "mongodb://", "another-model", "Mine alone"):
        assert told not in str(mutated["messages"])


@pytest.mark.parametrize("stack", ["local", "staging", "prod"])
def test_the_shipped_program_passes_with_no_exception(stack: str, tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    assert "nexuschat:policyExceptions" not in settings
    assert not (ROOT / f"policies.{stack}.json").exists()
    run = judged_run(tmp_path, stack, 1)
    assert (run["messages"], run["problems"], run["succeeded"]) == ([], [], True)
