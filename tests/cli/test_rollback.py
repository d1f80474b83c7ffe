"""What is kept of updates, what undoing one goes back to, and what `rollback` refuses."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import configuration, deployment
from cli.__main__ import main
from cli.deployment import Outcome, Request
from cli.failure import BadInputError, FailureError
from cli.place import Place
from cli.progress import Progress
from cli.rollback import updates
from cli.rollback.lost import losses
from cli.rollback.time_travel import Moment, Restorer, Tenant, moment, oldest_of, parsed
from cli.rollback.update import changed_files, notes_on, nothing_to_put_back, together
from cli.rollback.updates import Update, kept, noted, undoing
from policies.graph.resources import SIGNATURE

SECRET = "1b47061264138c4ac30d75fd1eb44270"
URN = "urn:pulumi:local::nexuschat::"


@pytest.fixture
def organizations(tmp_path: Path) -> Path:
    return tmp_path / "tenants.yaml"


Ran = Callable[..., Update]


@pytest.fixture
def ran(place: Place, organizations: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Note one run of the local stack: with these organisations, from this state, to this end."""
    monkeypatch.setattr(updates, "_commit", lambda: "c0ffee")
    # The project's own files are left alone.
    monkeypatch.setattr(configuration, "stack_file", lambda stack: organizations.parent / f"Pulumi.{stack}.yaml")
    stack_file = organizations.parent / "Pulumi.local.yaml"
    stack_file.write_text("config:\n  nexuschat:environment: local\n", encoding="utf-8")
    settings = {"config": {"nexuschat:environment": "local", "nexuschat:tenants_file": str(organizations)}}

    def run(
        text: str,
        *,
        verb: Any = "up",
        resources: list[Any] | None = None,
        overrides: tuple[str, ...] = (),
        changed: str = "updated",
        result: bool | None = True,
    ) -> Update:
        organizations.write_text(text, encoding="utf-8")
        progress = Progress(verb)
        progress.outcomes = {f"{URN}a::b": changed}
        export = json.dumps({"version": 3, "deployment": {"resources": resources or []}})
        try:
            with noted(Request(verb, "local", overrides=overrides), settings, export) as update:
                if result is None:
                    raise KeyboardInterrupt
                update.end(Outcome(progress, result))
        except KeyboardInterrupt:
            pass
        return update

    return run


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_state_and_the_settings_are_kept_closed_to_others(ran: Ran, place: Place, organizations: Path) -> None:
    update = ran("organizations: {HCS0001: {}}\n", resources=[{"urn": f"{URN}a::b", "type": "a"}])
    (found,) = kept("local")
    assert found.values == update.values
    assert found.state() == {"resources": [{"urn": f"{URN}a::b", "type": "a"}]}
    by_name = {each.what: each for each in found.settings}
    assert by_name["organizations"].text == "organizations: {HCS0001: {}}\n"
    assert by_name["organizations"].path == organizations
    assert by_name["releases"].text is None
    assert (found.succeeded, found.changes(), found.values["commit"]) == (True, "1 updated", "c0ffee")
    if os.name != "nt":
        assert [each.stat().st_mode & 0o777 for each in sorted(place.updates.iterdir())] == [0o600, 0o600]
        assert place.updates.stat().st_mode & 0o777 == 0o700


def test_thirty_are_kept_and_the_oldest_goes(ran: Ran, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert updates.KEPT == 30
    monkeypatch.setattr(updates, "KEPT", 3)
    for number in range(5):
        ran(f"# {number}\n")
    assert [each.number for each in kept("local")] == [3, 4, 5]
    assert len(list(place.updates.iterdir())) == 6


def test_an_update_that_changed_nothing_pushes_none_out(ran: Ran) -> None:
    ran("# first\n")
    ran("# first, in other words\n", changed="unchanged", overrides=("a=1",))
    (only,) = kept("local")
    assert (only.number, only.changes()) == (1, "1 updated")
    assert {each.what: each.text for each in only.settings}["organizations"] == "# first, in other words\n"
    assert only.overrides == ["a=1"]


def test_a_failed_plan_leaves_nothing_and_a_failed_run_does(ran: Ran) -> None:
    ran("# plan\n", changed="unchanged", result=False)
    assert kept("local") == []
    ran("# run\n", result=False)
    assert [each.values["result"] for each in kept("local")] == ["failed"]


def test_a_killed_run_is_known_without_an_end(ran: Ran, place: Place) -> None:
    ran("# good\n")
    ran("# killed\n", result=None)
    # A run that was killed between its two files.
    (place.updates / "000009.state.json.gz").write_bytes(b"")
    *_, killed = kept("local")
    assert (killed.number, killed.ended, killed.succeeded) == (2, None, False)
    assert undoing("local", "last").update.number == 2
    assert undoing("local", "last").target.number == 1
    ran("# after\n")
    assert sorted(file.name[:6] for file in place.updates.iterdir()) == ["000001"] * 2 + ["000002"] * 2 + ["000003"] * 2


def test_a_secret_in_the_open_stops_the_run_before_it_begins(place: Place) -> None:
    def export(**value: str) -> str:
        return json.dumps({"deployment": {"resources": [{"inputs": {"key": {SIGNATURE: SECRET, **value}}}]}})

    # A property that is called so is no secret.
    harmless = json.dumps({"deployment": {"resources": [{"inputs": {"plaintext": "no"}}]}})
    assert not updates._in_the_open(export(ciphertext="v1:abc"))
    assert not updates._in_the_open(harmless)
    with (
        pytest.raises(FailureError, match="holds secrets in the open") as refused,
        noted(Request("up", "local"), {}, export(plaintext='"hunter2"')),
    ):
        pytest.fail("it went on")
    assert "hunter2" not in str(refused.value)
    assert not place.updates.exists()


def test_a_run_that_was_not_begun_is_forgotten(ran: Ran, organizations: Path) -> None:
    settings = {"config": {"nexuschat:tenants_file": str(organizations)}}
    with pytest.raises(BadInputError, match="not so"), noted(Request("up", "local"), settings, "{}"):
        raise BadInputError("not so")
    assert kept("local") == []


def test_a_damaged_entry_is_named(ran: Ran, place: Place) -> None:
    update = ran("# one\n")
    update.export.write_bytes(gzip.compress(b"{")[:-4])
    with pytest.raises(FailureError, match="export of the state before update 1 is damaged"):
        update.state()
    update.file.write_text("[]", encoding="utf-8")
    with pytest.raises(FailureError, match=r"000001\.json in .* is not what was written there"):
        kept("local")


def test_what_is_kept_of_a_real_stack_is_not_mixed_with_its_trial(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    deploy("prod")
    updates.require_own("prod")
    monkeypatch.setattr(deployment, "EMBEDDED_STACKS", frozenset({"local", "prod"}))
    assert main(["destroy", "--stack", "prod"]) == 2
    assert "holds what is kept of the real stack 'prod', and this is an embedded one" in capsys.readouterr().err
    assert len(kept("prod")) == 1


# ── what undoing goes back to ────────────────────────────────────────────────────────────────────────────────────────


def test_undoing_goes_back_to_the_last_that_succeeded_before(ran: Ran) -> None:
    ran("# 1\n")
    ran("# 2\n", result=False)
    ran("# 3\n")
    ran("# 4\n")
    last = undoing("local", "last")
    assert (last.update.number, last.target.number, list(last.others)) == (4, 3, [])
    older = undoing("local", "3")
    assert (older.update.number, older.target.number, [each.number for each in older.others]) == (3, 1, [4])
    assert any("undone with it: 4" in note for note in notes_on(older))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("9", "--update 9: there is no such update here. Known: 1, 2"),
        ("newest", "--update newest: a number, or last"),
        ("-1", "--update -1: a number, or last"),
        ("1", "update 1 cannot be undone: nothing was there before it"),
    ],
)
def test_what_cannot_be_undone_says_why(ran: Ran, wanted: str, said: str) -> None:
    ran("# 1\n", resources=[{"urn": f"{URN}pulumi:pulumi:Stack::s", "type": "pulumi:pulumi:Stack"}])
    ran("# 2\n")
    with pytest.raises(BadInputError, match=said):
        undoing("local", wanted)


def test_the_oldest_that_is_kept_has_nothing_to_go_back_to(ran: Ran) -> None:
    ran("# 1\n", resources=[{"urn": f"{URN}a::b", "type": "a"}])
    with pytest.raises(BadInputError, match="with which settings the stack was up before it is not known here"):
        undoing("local", "last")


def test_a_destroyed_stack_has_no_update_to_undo(ran: Ran) -> None:
    ran("# 1\n")
    ran("# 2\n")
    ran("# 2\n", verb="destroy")
    with pytest.raises(BadInputError, match="the stack was destroyed since"):
        undoing("local", "last")


def test_no_update_is_known_where_none_ran(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback", "--update", "last"]) == 2
    assert "no update of stack 'local' is known on this machine" in capsys.readouterr().err
    assert not place.directory.exists()


def test_the_settings_are_put_back_and_what_is_accepted_today_stays(ran: Ran, organizations: Path) -> None:
    stack_file = organizations.parent / "Pulumi.local.yaml"
    ran("# then\n")
    accepted = [{"object": "table T", "change": "drop", "fingerprint": "f0123456789abcde"}]
    now = {"config": {"nexuschat:environment": "local", "nexuschat:more": 1, "nexuschat:dataLossAllowances": accepted}}
    stack_file.write_text(yaml.safe_dump(now), encoding="utf-8")
    ran("# now\n")
    changes = {change.what: change.text for change in changed_files(undoing("local", "last"))}
    assert changes.keys() == {"stack", "organizations"}
    assert changes["organizations"] == "# then\n"
    back = yaml.safe_load(str(changes["stack"]))["config"]
    assert back == {"nexuschat:environment": "local", "nexuschat:dataLossAllowances": accepted}


def test_another_key_of_the_state_is_not_put_back(ran: Ran, organizations: Path) -> None:
    ran("# 1\n")
    (organizations.parent / "Pulumi.local.yaml").write_text("secretsprovider: azurekeyvault://new\n", encoding="utf-8")
    ran("# 2\n")
    with pytest.raises(BadInputError, match="names another key for the state's secrets since"):
        changed_files(undoing("local", "last"))


def test_an_update_of_the_program_alone_is_not_undone_by_settings(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    ran("# same\n")
    monkeypatch.setattr(updates, "_commit", lambda: "badcafe")
    ran("# same\n")
    found = undoing("local", "last")
    assert changed_files(found) == []
    assert "it came of the program, badcafe after c0ffee" in nothing_to_put_back(found)
    monkeypatch.setattr(updates, "_commit", lambda: "badcafe")
    ran("# same\n")
    assert "are those of before update 3 already" in nothing_to_put_back(undoing("local", "last"))


def test_a_rotated_key_stays_rotated(ran: Ran, place: Place) -> None:
    ran("# 1\n")
    place.keys.write_text("AGENTNEXUS_SVC: {generation: 2}\n", encoding="utf-8")
    ran("# 2\n")
    found = undoing("local", "last")
    assert [change.what for change in changed_files(found)] == ["organizations"]
    assert any("a key pair was rotated: it stays so" in note for note in notes_on(found))


# ── what was lost ────────────────────────────────────────────────────────────────────────────────────────────────────


def database(created: str = "2026-01-01", **more: Any) -> dict[str, Any]:
    type_ = "snowflake:index/database:Database"
    inputs = {"name": "A_DB", "dataRetentionTimeInDays": 30, **more}
    return {"urn": f"{URN}{type_}::A_DB", "type": type_, "id": "A_DB", "created": created, "inputs": inputs}


def test_what_an_update_dropped_is_told_with_the_undrop() -> None:
    (lost,) = losses({"resources": [database()]}, {"resources": []})
    assert lost.object == "database A_DB"
    assert "UNDROP DATABASE A_DB" in lost.recoverable


def test_what_was_made_anew_is_lost_too() -> None:
    (lost,) = losses({"resources": [database()]}, {"resources": [database("2026-02-02")]})
    assert lost.object == "database A_DB"


def test_what_stays_or_comes_is_no_loss() -> None:
    secret = {SIGNATURE: SECRET, "ciphertext": "one"}
    other = {SIGNATURE: SECRET, "ciphertext": "two"}
    assert losses({"resources": [database(comment=secret)]}, {"resources": [database(comment=other)]}) == []
    assert losses({"resources": []}, {"resources": [database()]}) == []


def test_what_the_stack_leaves_as_it_is_found_is_no_change() -> None:
    """A refresh writes it down among the inputs; nothing declares it."""
    declared = {**database(), "ignoreChanges": ["dataRetentionTimeInDays"]}
    refreshed = {**database(dataRetentionTimeInDays=90), "ignoreChanges": ["dataRetentionTimeInDays"]}
    assert losses({"resources": [refreshed]}, {"resources": [declared]}) == []
    # Where it is declared, fewer days are a loss.
    (lost,) = losses({"resources": [database(dataRetentionTimeInDays=90)]}, {"resources": [database()]})
    assert "90" in lost.change


# ── tables and schemas ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_moment_is_one_of_three() -> None:
    assert moment("2026-11-23T10:00:00+02:00", None, False).at == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert moment("2026-11-23T10:00", None, False).at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    query = "01B2C3D4-0000-1111-2222-333344445555"
    assert moment(None, query, False) == Moment(before=query.lower())
    assert moment(None, None, True) == Moment()
    with pytest.raises(BadInputError, match="no ISO time"):
        moment("yesterday", None, False)
    with pytest.raises(BadInputError, match="no query id"):
        moment(None, "'); DROP TABLE T; --", False)
    for given in ((None, None, False), ("2026-11-23", None, True)):
        with pytest.raises(BadInputError, match="exactly one of --at TIME, --before QUERY and --dropped"):
            moment(*given)


def test_a_name_is_read_as_snowflake_reads_it() -> None:
    assert parsed('hcs0001_db."NEXUSCHAT".conversations', 3) == ("HCS0001_DB", "NEXUSCHAT", "CONVERSATIONS")
    for wrong in ("A.B", "A.B.C.D", 'A.B."C', "A..C", ""):
        with pytest.raises(BadInputError, match=r"not a name of the form DATABASE\.SCHEMA\.TABLE"):
            parsed(wrong, 3)


@pytest.fixture
def restorer() -> Restorer:
    tenants = {f"{name}_DB": Tenant(name, f"{name}_DB", "NEXUSCHAT", f"{name}_WH") for name in ("HCS0001", "HCS0002")}
    declared = frozenset({("HCS0001_DB", "NEXUSCHAT"), ("HCS0001_DB", "NEXUSCHAT", "CONVERSATIONS")})
    return Restorer(None, tenants, declared, "VIDEXA_SHARED")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["HCS0003_DB.NEXUSCHAT.CONVERSATIONS"], r"no organisation of this stack has a database HCS0003_DB\. Did you"),
        (["VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS"], "holds rows of every organisation"),
        (
            ["HCS0001_DB.NEXUSCHAT.CONVERSATIONS", "HCS0002_DB.NEXUSCHAT.CONVERSATIONS"],
            r"of several organisations \(HCS0001, HCS0002\)",
        ),
    ],
)
def test_only_one_organisations_own_tables_come_back(restorer: Restorer, names: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        restorer.tenant([parsed(name, 3) for name in names])


def test_how_far_back_a_table_can_be_had() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
    assert oldest_of({"retention_time": "30", "created_on": old}, now) == datetime(2026, 10, 24, tzinfo=UTC)
    assert oldest_of({"retention_time": "30", "created_on": new}, now) == new


# ── the options ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--app", "backend", "--update", "last"], "--app and --update exclude each other"),
        (["--table", "A.B.C", "--schema", "A.B", "--dropped"], "--table and --schema exclude each other"),
        (["--run"], "--run goes with --table or --schema"),
        (["--update", "last", "--at", "2026-11-23"], "--at goes with --table or --schema"),
        (["--even-if-used"], "--even-if-used goes with --migration"),
        (["--table", "A.B.C"], "exactly one of --at TIME, --before QUERY and --dropped"),
        (["--table", "A.B", "--dropped"], "A.B: not a name of the form DATABASE.SCHEMA.TABLE"),
        (["--table", "A.B.C", "--dropped", "--run", "--stack", "prod"], "nobody can be asked here: give --yes"),
        (["--stack", "nowhere"], "there is no stack 'nowhere'"),
        (["--migration", "x"], "stack 'local' is not up"),
        (["--table", "A.B.C", "--dropped"], "stack 'local' is not up"),
    ],
)
def test_what_does_not_go_together_changes_nothing(
    place: Place, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["rollback", *arguments]) == (1 if "not up" in said else 2)
    assert said in capsys.readouterr().err
    assert not place.directory.exists()


def test_it_explains_a_stack_that_was_never_up(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "no update is known on this machine" in told["updates"]["why_not"]
    assert "is not up" in told["time_travel"]["why_not"]
    assert Counter("why_not" in each for each in told["apps"]) == {True: 3}
    assert told["migrations"] == []
    assert any("rotated" in each["what"] for each in told["never"])
    assert main(["rollback"]) == 0
    assert "What cannot be undone" in capsys.readouterr().out
    assert not place.directory.exists()


# ── beside the state ─────────────────────────────────────────────────────────────────────────────────────────────────

#: Keeps blobs as az does; `refuse` makes it fail.
AZ = """#!{python}
import json, pathlib, sys

blobs = pathlib.Path(__file__).parent / "blobs"
blobs.mkdir(exist_ok=True)
arguments = sys.argv[1:]

def option(name):
    return arguments[arguments.index(name) + 1]

assert (option("--account-name"), option("--container-name"), option("--auth-mode")) == ("stnexus", "state", "login")
if (blobs.parent / "refuse").exists():
    sys.exit("ERROR: (AuthorizationPermissionMismatch)")
if arguments[2] == "upload":
    (blobs / option("--name").replace("/", "|")).write_bytes(pathlib.Path(option("--file")).read_bytes())
elif arguments[2] == "delete":
    (blobs / option("--name").replace("/", "|")).unlink()
else:
    names = [file.name.replace("|", "/") for file in blobs.iterdir()]
    print(json.dumps([name for name in names if name.startswith(option("--prefix"))]))
"""


@pytest.fixture
def azure(tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of blobs: az is a stand-in on PATH, and the backend one of Azure's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "az").write_text(AZ.format(python=sys.executable), encoding="utf-8")
    (folder / "az").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://state?storage_account=stnexus")
    monkeypatch.delenv("CI", raising=False)
    return folder


def deploy(stack: str = "prod") -> Update:
    with noted(Request("up", stack), {}, '{"version": 3, "deployment": {}}') as update:
        update.end(Outcome(Progress("up", outcomes={URN: "created"}), True))
    return update


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for az is a script with a shebang")
def test_a_real_stacks_exports_lie_beside_its_state(azure: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "KEPT", 2)
    for _ in range(3):
        update = deploy()
    names = sorted(file.name for file in (azure / "blobs").iterdir())
    assert [name.partition(".")[2] for name in names] == ["json", "state.json.gz"] * 2
    assert all(name.startswith("exports|prod|20") for name in names)
    assert (azure / "blobs" / names[-1]).read_bytes() == update.export.read_bytes()
    deploy("local")
    assert len(list((azure / "blobs").iterdir())) == 4, "an embedded stack's state is its own folder"


@pytest.mark.skipif(os.name == "nt", reason="as above")
def test_a_machine_that_is_thrown_away_does_not_begin_without_them(
    azure: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (azure / "refuse").touch()
    deploy()
    assert "It lies on this machine alone" in capsys.readouterr().err
    assert len(kept("prod")) == 1
    monkeypatch.setenv("CI", "true")
    with pytest.raises(FailureError, match="AuthorizationPermissionMismatch"):
        deploy()
    assert len(kept("prod")) == 1


def test_what_is_given_again_does_not_add_up() -> None:
    assert together(["a=1", "b=2"], ["a=1"]) == ["b=2", "a=1"]
    # The last one counts, as it did.
    assert together(["a=1", "a=2"], ["a=1"]) == ["a=2", "a=1"]
    assert together(["a=1", "a=2"], []) == ["a=1", "a=2"]
