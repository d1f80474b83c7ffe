"""What the command makes of what the pack says: verdicts, exceptions, and what was judged before."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import judgement
from cli.place import Place
from cli.progress import Progress
from policies import pack
from policies.catalogue import POLICIES
from policies.judge import Status

WAREHOUSE = "urn:pulumi:local::nexuschat::snowflake:index/warehouse:Warehouse::COMPUTE_WH"
DAY = date(2026, 11, 23)


def settings(*exceptions: Any) -> Any:
    return SimpleNamespace(policy_exceptions=exceptions)


def accepted(expires: date) -> Any:
    return SimpleNamespace(
        resource="COMPUTE_WH", policy="warehouse-auto-suspend", reason="load", acceptedBy="a@b.example", expires=expires
    )


def told(*judged: tuple[str, str, str]) -> Progress:
    progress = Progress("preview")
    progress.judged += judged
    return progress


def test_the_words_are_the_packs() -> None:
    assert f"{pack.EXCEPTED}: " == judgement.EXCEPTED


def test_every_policy_gets_its_verdict() -> None:
    found = judgement.judgement_of(
        told(
            ("warehouse-auto-suspend", WAREHOUSE, "Excepted: autoSuspend is … (accepted by …)"),
            ("warehouse-monitored", WAREHOUSE, "not judged: resourceMonitor is not known before the run. …"),
        ),
        settings(accepted(date(2026, 12, 1))),
        today=DAY,
    )
    assert [verdict.policy for verdict in found.verdicts] == list(POLICIES)
    assert found.of("warehouse-auto-suspend").status is Status.EXCEPTED
    ((_, exception),) = found.of("warehouse-auto-suspend").excepted
    assert exception.accepted_by == "a@b.example"
    assert found.of("warehouse-monitored").status is Status.VIOLATED
    assert found.of("warehouse-monitored").violations[0].unknown
    assert found.of("key-vault-rbac").status is Status.PASSED


def test_an_exception_that_ran_out_is_told_with_its_violation() -> None:
    late = settings(accepted(date(2026, 11, 22)))
    found = judgement.judgement_of(told(("warehouse-auto-suspend", WAREHOUSE, "autoSuspend is …")), late, today=DAY)
    assert found.of("warehouse-auto-suspend").status is Status.EXPIRED_EXCEPTION


def test_only_the_very_same_is_not_judged_again(tmp_path: Path) -> None:
    place, packs = Place("local", tmp_path), [tmp_path / "pack"]
    packs[0].mkdir()
    (packs[0] / "policy.py").write_text("RULE = 1\n", encoding="utf-8")
    assert judgement.is_judged(place, "program", [])
    assert not judgement.is_judged(place, "program", packs)
    judgement.note_passed(place, "program", packs)
    assert judgement.is_judged(place, "program", packs)
    assert not judgement.is_judged(place, "another program", packs)
    assert not judgement.is_judged(place, "program", [*packs, tmp_path])
    (packs[0] / "policy.py").write_text("RULE = 2\n", encoding="utf-8")
    assert not judgement.is_judged(place, "program", packs)


def test_the_packs_own_configuration_is_given_to_it_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packs = judgement.with_own([tmp_path, judgement.PACK])
    assert packs == [judgement.PACK, tmp_path]
    assert judgement.configurations("local", packs) is None
    file = tmp_path / "policies.local.json"
    monkeypatch.setattr(judgement, "configuration_of", lambda stack: file)
    own, others = judgement.configurations("local", packs) or []
    assert own == str(file)
    assert Path(others).read_text(encoding="utf-8").strip() == "{}"
