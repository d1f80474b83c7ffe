"""The guard against data loss at its seams: from events to steps, from a state to versions, and in the verbs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml

from cli import clock, configuration, deployment, guard, run
from cli.deployment import Outcome, Request, check_settings
from cli.progress import Problem, Progress
from infra.settings import Settings
from policies.data_loss import Finding, Judged, Verdict

TABLE = "snowflake:index/table:Table"
URN = f"urn:pulumi:local::nexuschat::{TABLE}::HCS0001-CONVERSATIONS"
DATABASE = "urn:pulumi:local::nexuschat::snowflake:index/database:Database::HCS0001_DB"
NAME = {"database": "HCS0001_DB", "schema": "NEXUSCHAT", "name": "CONVERSATIONS"}
FINDING = Finding(URN, "HCS0001", "table T", "drop column A", "every value of A", "for 30 days", "SELECT 1;")


def side(**inputs: Any) -> SimpleNamespace:
    return SimpleNamespace(
        urn=URN, id="id", parent="", inputs=inputs, outputs=inputs, retain_on_delete=None, delete=None
    )


def event(op: str, old: Any = None, new: Any = None, *, urn: str = URN, keys: Any = None, diffs: Any = None) -> Any:
    return SimpleNamespace(op=op, urn=urn, type=TABLE, old=old, new=new, keys=keys, diffs=diffs)


REPLACE = event("replace", side(), side())


def columns(*names: str) -> dict[str, Any]:
    return {**NAME, "columns": [{"name": name, "type": "VARCHAR(10)"} for name in names]}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return check_settings(configuration.load("local"))


def allowing(settings: Settings, **allowance: Any) -> Settings:
    text = yaml.safe_dump(
        [{"reason": "moved", "acceptedBy": "officer@example.org", "expires": "2026-12-31", **allowance}]
    )
    return check_settings(configuration.load("local", [f"dataLossAllowances={text}"]))


def progress_of(*events: Any) -> Progress:
    progress = Progress("preview")
    progress.steps = list(events)
    return progress


STATE = {
    "resources": [
        {"urn": URN, "type": TABLE, "id": "id", "created": "2026-11-01", "modified": "2026-11-02", "inputs": NAME},
        {
            "urn": DATABASE,
            "type": "snowflake:index/database:Database",
            "id": "HCS0001_DB",
            "created": "2026-11-01",
            "inputs": {"name": "HCS0001_DB"},
        },
    ]
}


@pytest.mark.parametrize(
    ("events", "ops"),
    [
        ([event("same", side(), side())], ["same"]),
        ([event("update", side(), side())], ["update"]),
        # A replacement is three events in either order, and one step.
        ([event("delete-replaced", side()), REPLACE, event("create-replacement", None, side())], ["replace"]),
        ([event("create-replacement", None, side()), REPLACE, event("delete-replaced", side())], ["replace"]),
        # What a run that failed left to be deleted is deleted now.
        ([event("same", side(), side()), event("delete-replaced", side())], ["same", "delete"]),
        ([event("delete", side())], ["delete"]),
        ([event("import", side(), side(), diffs=["columns"])], ["update"]),
        ([event("import", None, side())], ["create"]),
        ([event("refresh", side(), side()), event("remove-pending-replace", side())], []),
    ],
)  # fmt: skip
def test_events_become_steps(events: list[Any], ops: list[str]) -> None:
    assert [step.op for step in guard.steps_of(events)] == ops


def test_a_verdict_from_events_and_state(settings: Settings) -> None:
    plan = progress_of(event("update", side(**columns("A", "B")), side(**columns("A"))))
    (judged,) = guard.judge(plan, settings, lambda: STATE).blocked
    assert (judged.finding.object, judged.finding.change) == (
        "table HCS0001_DB.NEXUSCHAT.CONVERSATIONS",
        "drop column B",
    )
    accepted = allowing(
        settings, object=judged.finding.object, change=judged.finding.change, fingerprint=judged.fingerprint
    )
    verdict = guard.judge(plan, accepted, lambda: STATE, today=date(2026, 12, 31))
    assert verdict.blocked == []
    assert [found.finding for found in verdict.allowed] == [judged.finding]
    changed = {"resources": [{**STATE["resources"][0], "modified": "2026-11-03"}]}
    assert len(guard.judge(plan, accepted, lambda: changed, today=date(2026, 12, 31)).blocked) == 1
    assert len(guard.judge(plan, accepted, lambda: STATE, today=date(2027, 1, 1)).blocked) == 1


def test_an_allowance_ends_with_the_day_of_universal_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = progress_of(event("update", side(**columns("A", "B")), side(**columns("A"))))
    (judged,) = guard.judge(plan, settings, lambda: STATE).blocked
    found = judged.finding
    accepted = allowing(settings, object=found.object, change=found.change, fingerprint=judged.fingerprint)
    # Half past twelve at night in Kiritimati is the day before in UTC.
    kiritimati = timezone(timedelta(hours=14))
    for night, blocked in (
        (datetime(2027, 1, 1, 0, 30, tzinfo=kiritimati), 0),
        (datetime(2027, 1, 2, 15, 0, tzinfo=kiritimati), 1),
    ):
        clock_ = SimpleNamespace(now=night.astimezone)
        monkeypatch.setattr(clock, "datetime", clock_)
        assert len(guard.judge(plan, accepted, lambda: STATE).blocked) == blocked
    proposed = yaml.safe_load(guard.proposal([judged]))
    assert proposed[guard.KEY][0]["expires"] == "2027-01-09"


def test_without_findings_the_state_is_not_read(settings: Settings) -> None:
    def never() -> dict[str, Any]:
        raise AssertionError("read")

    plan = progress_of(event("same", side(**columns("A")), side(**columns("A"))))
    assert guard.judge(plan, settings, never) == Verdict([], [])


def test_what_protection_keeps_from_the_plan_is_told_all_the_same(settings: Settings) -> None:
    """The engine names what it may not delete and then plans no deletion at all."""
    plan = progress_of()
    plan.problems.append(Problem(URN, f'Preview failed: resource "{URN}" cannot be deleted\nbecause it is protected.'))
    found = guard.judge(plan, settings, lambda: STATE).blocked
    assert [judged.finding.object for judged in found] == ["database HCS0001_DB"]
    assert "(1 of this stack: NEXUSCHAT.CONVERSATIONS)" in found[0].finding.lost
    # Of those that it names, it has told the step all the same.
    plan.steps = [event("delete", side(**NAME))]
    assert guard.judge(plan, settings, lambda: STATE).blocked[0].finding == found[0].finding
    plan = progress_of(event("same", side(name="HCS0001_DB"), side(name="HCS0001_DB"), urn=DATABASE))
    plan.problems.append(
        Problem("", f'unable to replace resource "{URN}"\nas it is currently marked for protection. To unprotect…')
    )
    (judged,) = guard.judge(plan, settings, lambda: STATE).blocked
    assert judged.finding.object == "table HCS0001_DB.NEXUSCHAT.CONVERSATIONS"
    assert judged.finding.change.startswith("drop and create again")


def test_the_proposal_is_what_the_settings_take(settings: Settings) -> None:
    judged = Judged(FINDING, "f0123456789abcde")
    (entry,) = yaml.safe_load(guard.proposal([judged]))[guard.KEY]
    accepted = allowing(settings, **{key: entry[key] for key in ("object", "change", "fingerprint", "expires")})
    (allowance,) = accepted.data_loss_allowances
    assert (allowance.object, allowance.change, allowance.fingerprint) == (
        "table T",
        "drop column A",
        "f0123456789abcde",
    )


def test_an_allowance_with_everything_wrong_says_all_at_once(settings: Settings) -> None:
    with pytest.raises(Exception, match="4 problems") as refused:
        allowing(settings, object="t", change="c", fingerprint="x", reason=" ", acceptedBy="bob", expires="soon")
    for key in ("fingerprint", "reason", "acceptedBy", "expires"):
        assert f"nexuschat:dataLossAllowances.0.{key}" in str(refused.value)


def test_the_same_program_and_settings_have_one_digest(settings: Settings) -> None:
    accepted = allowing(settings, object="t", change="c", fingerprint="f0123456789abcde")
    assert guard.inputs_digest(settings) == guard.inputs_digest(accepted)
    other = check_settings(configuration.load("local", ["snowflake.shared_retention_days=7"]))
    assert guard.inputs_digest(settings) != guard.inputs_digest(other)


# ── a real stack ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> list[str]:
    """Runs of the engine on a real stack, by verb; its plan loses a column."""
    monkeypatch.setenv("NEXUS_DIRECTORY", str(tmp_path))
    ran: list[str] = []

    @contextmanager
    def stack(*_: Any) -> Iterator[Any]:
        yield SimpleNamespace(), None, SimpleNamespace(asked=0)

    def plan(request: Request, stack: Any, progress: Progress, *_: Any, **__: Any) -> Outcome:
        ran.append("plan")
        outcome = Outcome(progress, True, verdict=Verdict([Judged(FINDING, "f0123456789abcde")]))
        outcome.succeeded = not outcome.blocked
        return outcome

    def engine(request: Request, stack: Any, progress: Progress, *_: Any, **__: Any) -> Outcome:
        ran.append(request.verb)
        return Outcome(progress, True)

    def exported(_: str) -> str:
        ran.append("export")
        return '{"version": 3, "deployment": {}}'

    monkeypatch.setattr("cli.access.exported", exported)
    monkeypatch.setattr(deployment, "real_stack", stack)
    monkeypatch.setattr(deployment, "plan", plan)
    monkeypatch.setattr(deployment, "run_engine", engine)
    monkeypatch.setattr(deployment, "checked_settings", lambda _: {})
    monkeypatch.setattr(deployment, "check_settings", lambda _: settings)
    return ran


@pytest.mark.parametrize("verb", ["preview", "up"])
def test_a_real_stack_is_blocked_with_yes_too(real: list[str], verb: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        run.execute(Request(verb, "prod"), yes=True, as_json=True)
    assert ended.value.exit_code == 1
    assert real == ["plan"]
    assert '"change": "drop column A"' in capsys.readouterr().out


def test_destroy_of_a_real_stack_says_what_goes(real: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run.execute(Request("destroy", "prod"), yes=True, as_json=False)
    assert real == ["plan", "export", "destroy"]
    assert "HCS0001: table T: drop column A" in capsys.readouterr().out
