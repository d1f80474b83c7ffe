"""What a bench makes of its measurements, and a measurement itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli.bench.command import _sizes
from cli.bench.figures import STEPS, SizeFigures, as_json, growths, verdicts
from cli.bench.measure import CommandFailedError, Measurement, measure
from cli.failure import BadInputError

MIB = 1024**2


def figures(tenants: int, ours: float, floor: float | None = 10.0, memory: int = 100 * MIB) -> SizeFigures:
    size = SizeFigures(tenants, resources=tenants * 40)
    for step in STEPS:
        size.ours[step] = Measurement(ours, memory, 2 * memory)
        if floor is not None:
            size.floor[step] = Measurement(floor, MIB, MIB)
    return size


def met(*sizes: SizeFigures) -> dict[str, bool | None]:
    return {verdict.aim: verdict.met for verdict in verdicts(sizes)}


def test_each_ratio_has_its_own_aim() -> None:
    found = met(figures(5, ours=9.0))
    assert found["preview at 5 tenants"] is False
    assert found["first up at 5 tenants"] is True
    assert found["second up at 5 tenants"] is True


def test_what_policies_and_guard_add_to_a_preview_has_its_aim() -> None:
    size = figures(5, ours=5.0)
    assert size.judging is None
    assert [aim for aim in met(size) if "policies" in aim] == []
    size.unjudged = Measurement(4.1, MIB, MIB)
    assert met(size)["preview with policies and guard at 5 tenants"] is True
    size.unjudged = Measurement(3.9, MIB, MIB)
    assert met(size)["preview with policies and guard at 5 tenants"] is False
    assert as_json([size])["sizes"][0]["judging"] == pytest.approx(5.0 / 3.9)


def test_memory_is_the_highest_of_all_steps_and_each_page_counts_once() -> None:
    size = figures(1, ours=1.0)
    size.ours["destroy"] = Measurement(1.0, 1025 * MIB, 1025 * MIB)
    assert size.peak_bytes == 1025 * MIB
    assert met(size)["memory at 1 tenants"] is False


def test_growth_is_what_one_tenant_more_costs() -> None:
    sizes = [figures(1, 2.0), figures(5, 4.0), figures(20, 11.5)]
    assert [growth.ours for growth in growths(sizes) if growth.step == "preview"] == [0.5, 0.5]
    assert met(*sizes)["growth of preview, 5→20 against 1→5"] is True
    steeper = [figures(1, 2.0), figures(5, 4.0), figures(20, 14.0)]
    assert met(*steeper)["growth of preview, 5→20 against 1→5"] is False


def test_growth_that_the_runs_cannot_tell_is_neither_met_nor_missed() -> None:
    sizes = [figures(1, 6.0), figures(5, 6.4), figures(20, 9.0), figures(60, 15.0)]
    for step in STEPS:
        sizes[0].runs[step] = [5.8, 6.0, 6.3]
    found = met(*sizes)
    # From 1 to 5 tenants a tenant cost 0.1 s, give or take 0.125: nothing can be held against that.
    assert found["growth of preview, 5→20 against 1→5"] is None
    assert found["growth of preview, 20→60 against 5→20"] is True
    assert met(*sizes[:3], figures(60, 24.0))["growth of preview, 20→60 against 5→20"] is False


def test_a_size_that_seems_to_cost_nothing_more_is_no_division() -> None:
    noisy, even = ([figures(1, 6.0), figures(5, 6.0), figures(20, 9.0)] for _ in range(2))
    noisy[0].runs["preview"] = [5.0, 6.0, 6.5]
    assert met(*noisy)["growth of preview, 5→20 against 1→5"] is None
    assert met(*even)["growth of preview, 5→20 against 1→5"] is False
    assert json.dumps(as_json(even), allow_nan=False)


def test_without_a_floor_nothing_is_said_of_ratios() -> None:
    found = as_json([figures(1, 2.0, floor=None)])
    assert found["sizes"][0]["steps"]["preview"]["ratio"] is None
    assert [aim["aim"] for aim in found["aims"]] == ["memory at 1 tenants"]


@pytest.mark.parametrize("text", ["", "0", "5,1", "1,1", "a", "1.5"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        _sizes(text)


def test_a_measurement_adds_up_the_whole_tree(tmp_path: Path) -> None:
    # Long enough at work to be looked at, holding something that both of them hold for themselves.
    held = "import hashlib, subprocess, sys; held = bytearray(64 * 1024 * 1024)"
    child = f"{held}; hashlib.pbkdf2_hmac('sha256', b'', b'', 1_500_000)"
    parent = f"{held}; subprocess.run([sys.executable, '-c', {child!r}])"
    found = measure([sys.executable, "-c", parent], directory=tmp_path, environment={}, log=tmp_path / "log")
    assert found.resident_bytes > 128 * MIB
    assert found.seconds > 0
    assert found.processor_seconds > 0.1


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no engine')"]
    with pytest.raises(CommandFailedError, match="no engine"):
        measure(command, directory=tmp_path, environment={}, log=tmp_path / "log")
