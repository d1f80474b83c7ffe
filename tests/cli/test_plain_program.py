"""`__main__.py`, which plain `pulumi` runs, declares what the command's own program declares."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.deployment import Outcome, Request, Verb, embedded_run, run_embedded
from cli.place import ROOT, Place
from cli.progress import Progress


def main_program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def run(verb: Verb, tenants: Path, program: Any = None, **options: bool) -> Outcome:
    request = Request(verb, "local", overrides=[f"tenants_file={tenants}"], **options)
    with embedded_run(request) as ready:
        return run_embedded(request, ready, Progress(verb), program=program)


@pytest.mark.usefixtures("real_engine")
def test_main_gives_the_same_urns_and_state(place: Place, tmp_path: Path) -> None:
    committed = (ROOT / "Pulumi.local.yaml").read_bytes()
    tenants = tmp_path / "tenants.yaml"
    declared = yaml.safe_load((ROOT / "tenants.yaml").read_text())
    tenants.write_text(yaml.safe_dump({**declared, "organizations": {"HCS0001": None}}))
    up = run("up", tenants)
    assert up.succeeded, up.progress.problems
    assert up.progress.outputs["tenants"]["HCS0001"]["database"] == "HCS0001_DB"
    by_main = run("up", tenants, main_program, expect_no_changes=True)
    assert by_main.succeeded, by_main.progress.problems
    assert set(by_main.progress.outcomes.values()) == {"unchanged"}
    assert by_main.progress.outcomes.keys() == up.progress.outcomes.keys()
    assert by_main.progress.outputs == up.progress.outputs
    assert (ROOT / "Pulumi.local.yaml").read_bytes() == committed
