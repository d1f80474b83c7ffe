"""What `nexus tenants` writes into the organisations' file and what it refuses; no engine is needed for either."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import yaml

from cli.__main__ import main
from cli.failure import BadInputError, FailureError
from cli.guard import KEY
from cli.tenants import editing, record
from cli.tenants import export as export_module
from cli.tenants import remove as removal
from cli.tenants.export import checked
from cli.tenants.file import OrganizationsFile

TEXT = """\
# The organisations of this test.
defaults:  # for all
  warehouse_size: XSMALL
  monthly_credits: 50
  retention_days: 30
  auto_suspend_seconds: 60

organizations:
  HCS0001: {}
  # The one that grew:
  HCS0002: {warehouse_size: SMALL, monthly_credits: 80}  # since last year
  HCS0005:
"""
SAID: dict[str, Any] = {
    "retired": {"since": "2026-01-01", "delete_from": "2026-02-01", "accepted_by": "a@example.org"},
    "export": {
        "schema": "HCS0001_DB.NEXUSCHAT",
        "began_at": "2026-01-01T00:00:00+00:00",
        "tables": [{"table": "T", "rows": 3, "sha256": "ab"}],
    },
}
"""What a record says beside whose it is."""
RETIRED = "{suspended: true, retired: {since: 2026-01-01, delete_from: 2026-02-01, accepted_by: a@example.org}}"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_DIRECTORY", str(tmp_path / "nexus"))
    monkeypatch.setattr(removal, "today", lambda: date(2026, 3, 1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def tenants(file: Path, *arguments: str) -> int:
    return main(["tenants", *arguments, "--set", f"tenants_file={file}"])


@pytest.mark.parametrize(
    ("arguments", "line", "new"),
    [
        (["add"], "  HCS0005:\n", "  HCS0005:\n  HCS0006: {}\n"),
        (
            ["add", "HCS0042", "--warehouse-size", "small", "--model", "claude-sonnet-4-5"],
            "  HCS0005:\n",
            "  HCS0005:\n  HCS0042: {warehouse_size: SMALL, models: [claude-sonnet-4-5]}\n",
        ),
        (["change", "HCS0001", "--monthly-credits", "9"], "HCS0001: {}", "HCS0001: {monthly_credits: 9}"),
        (["change", "HCS0002", "--default", "warehouse-size"], "{warehouse_size: SMALL, m", "{m"),
        (["change", "HCS0002", "--monthly-credits", "9"], "monthly_credits: 80}", "monthly_credits: 9}"),
        (["suspend", "HCS0001"], "HCS0001: {}", "HCS0001: {suspended: true}"),
        (["suspend", "HCS0002"], "80}", "80, suspended: true}"),
    ],
)
def test_one_line_changes(file: Path, arguments: list[str], line: str, new: str) -> None:
    assert TEXT.count(line) == 1
    assert tenants(file, *arguments, "--no-plan") == 0
    assert file.read_text(encoding="utf-8") == TEXT.replace(line, new)


HEAD = "defaults: {warehouse_size: XSMALL, monthly_credits: 50, retention_days: 30, auto_suspend_seconds: 60}\n"
AS_WRITTEN = {
    "Windows": (HEAD + "organizations:\n  HCS0001: {}  # one\n  HCS0002:\n    warehouse_size: SMALL\n").replace(
        "\n", "\r\n"
    ),
    "lines": HEAD
    + "organizations:\n  HCS0001:\n    monthly_credits: 7  # x\n    # y\n  # z\n"
    + "  HCS0002:\n    warehouse_size: SMALL\n# end\n",
    "braces": HEAD + "organizations: {HCS0001: {}, HCS0002: {warehouse_size: SMALL}}\n",
    "braces on lines": HEAD
    + "organizations: {\n  HCS0001: {},  # one\n  'HCS0002': {warehouse_size: SMALL},  # two\n}\n",
    "quoted, no last end": HEAD + '\'organizations\':\n    "HCS0001": {}\n    "HCS0002": {warehouse_size: SMALL}',
    "a mark before": "\ufeff" + HEAD + "organizations:\n  HCS0001: {}\n  HCS0002: {warehouse_size: SMALL}\n",
    "a document's marks": f"---\n{HEAD}organizations:\n  HCS0001: ~\n  HCS0002: {{warehouse_size: SMALL}}\n...\n",
    "defaults last": f"organizations:\n  HCS0002: {{warehouse_size: SMALL}}\n  HCS0001: {{}}\n{HEAD}",
}


@pytest.mark.parametrize("text", AS_WRITTEN.values(), ids=AS_WRITTEN)
def test_however_it_is_written_the_rest_stays(file: Path, text: str) -> None:
    """What is meant changes, no other line does, and what undoes it gives the very same bytes."""
    before = text.encode()
    file.write_bytes(before)
    assert tenants(file, "suspend", "HCS0002", "--no-plan") == 0
    suspended = read(file)
    assert suspended["HCS0002"] == {"warehouse_size": "SMALL", "suspended": True}
    assert changed_lines(before, file.read_bytes()) <= 1
    assert tenants(file, "resume", "HCS0002", "--no-plan") == 0
    assert file.read_bytes() == before
    assert tenants(file, "add", "--no-plan") == 0
    assert read(file) == {**read_text(text), "HCS0003": {}}
    assert changed_lines(before, file.read_bytes()) <= 1
    file.write_bytes(before)
    assert tenants(file, "change", "HCS0002", "--default", "warehouse_size", "--no-plan") == 0
    assert not read(file)["HCS0002"]
    assert b"\r" in file.read_bytes() or b"\r" not in before


def read(file: Path) -> dict[str, Any]:
    return read_text(file.read_bytes().decode())


def read_text(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["organizations"]
    return found


def changed_lines(before: bytes, after: bytes) -> int:
    """How many lines of before are not there any more, but for an end that the last one got."""
    left = after.splitlines(keepends=True)
    return sum(
        line not in left and line.rstrip() not in [each.rstrip() for each in left]
        for line in before.splitlines(keepends=True)
    )


@pytest.mark.parametrize(
    "organizations",
    [
        "  HCS0001: &a {warehouse_size: SMALL}\n  HCS0002: *a\n",
        "  HCS0001: &a {warehouse_size: SMALL}\n  HCS0002:\n    <<: *a\n",
    ],
)
def test_what_two_share_is_not_changed_for_one(
    file: Path, organizations: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{HEAD}organizations:\n{organizations}"
    file.write_text(text, encoding="utf-8")
    assert tenants(file, "change", "HCS0002", "--default", "warehouse_size", "--no-plan") == 2
    assert "cannot be changed alone as it is written" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text


def test_a_line_without_settings_takes_some(file: Path) -> None:
    assert tenants(file, "suspend", "HCS0005", "--no-plan") == 0
    assert file.read_text(encoding="utf-8") == TEXT.replace("HCS0005:", "HCS0005: {suspended: true}")


def test_resuming_undoes_suspending(file: Path) -> None:
    assert tenants(file, "suspend", "HCS0002", "--no-plan") == 0
    assert tenants(file, "resume", "HCS0002", "--no-plan") == 0
    assert file.read_text(encoding="utf-8") == TEXT


def test_one_that_was_leaving_stays_when_it_resumes(file: Path) -> None:
    file.write_text(TEXT.replace("HCS0001: {}", f"HCS0001: {RETIRED}"), encoding="utf-8")
    assert tenants(file, "resume", "HCS0001", "--no-plan") == 0
    assert file.read_text(encoding="utf-8") == TEXT


def test_the_answer_for_a_program(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tenants(file, "add", "--monthly-credits", "7", "--no-plan", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["organization"], answer["lines"]) == ("HCS0006", ["+  HCS0006: {monthly_credits: 7}"])
    assert answer["next"] == f"./nexus up --set tenants_file={file}"


def test_the_list(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(TEXT.replace("HCS0001: {}", f"HCS0001: {RETIRED}"), encoding="utf-8")
    assert tenants(file, "list", "--json") == 0
    known = {row["organization"]: row for row in json.loads(capsys.readouterr().out)["organizations"]}
    assert {name: (row["state"], row["warehouse_size"], row["up"]) for name, row in known.items()} == {
        "HCS0001": ("leaving, kept until 2026-02-01", "XSMALL", False),
        "HCS0002": ("active", "SMALL", False),
        "HCS0005": ("active", "XSMALL", False),
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "HCS0002"], "is there already: `./nexus tenants change HCS0002`"),
        (["add", "hcs7"], "organizations.hcs7: 'hcs7' is no organisation's id: HCS and four digits"),
        (["add", "HCS0003"], "HCS0003 was removed, and an id is given once: the next free one is HCS0006"),
        (["add", "--warehouse-size", "HUGE", "--monthly-credits", "0"], "Known: XSMALL"),
        (["add", "--model", "gpt-9"], "'gpt-9' is not on the list of allowed models"),
        (["change", "HCS0002"], "nothing to change was given"),
        (["change", "HCS0002", "--monthly-credits", "80"], "HCS0002 has monthly_credits 80 already"),
        (["change", "HCS0002", "--default", "models"], "HCS0002 has no models of its own"),
        (
            ["change", "HCS0002", "--default", "monthly_credits", "--monthly-credits", "3"],
            "monthly_credits: it is given a value too",
        ),
        (["change", "HCS0020", "--monthly-credits", "3"], "Did you mean HCS0005?"),
        (["suspend", "HCS0009"], "HCS0009 is not among the 3 organisations of tenants.yaml"),
        (["resume", "HCS0001"], "HCS0001 is not suspended"),
        (["remove", "HCS0009"], "HCS0009 is not among the 3 organisations"),
        (
            ["remove", "HCS0001", "--accepted-by", "a@example.org", "--to", "/nowhere/x", "--keep-days", "3000000"],
            "Invalid value for '--keep-days'",
        ),
        (["remove", "HCS0001"], "--accepted-by: name who accepts this step, by mail address"),
        (["remove", "HCS0001", "--accepted-by", "somebody"], "--accepted-by: name who accepts"),
        (
            ["remove", "HCS0001", "--accepted-by", "a@example.org"],
            "--to: name an empty folder outside of the repository",
        ),
        (["remove", "HCS0003"], "HCS0003 is neither declared nor was its deletion asked for"),
        (["export", "HCS0001", "--to", "tests"], "patients' data does not belong into the repository"),
    ],
)
def test_what_is_refused_changes_nothing(
    file: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = file.parent / "retirements" / "HCS0003.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps({"organization": "HCS0003", **SAID}), encoding="utf-8")
    assert tenants(file, *arguments) == 2
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert file.read_text(encoding="utf-8") == TEXT
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (RETIRED.replace("2026-02-01", "2026-03-02"), "is kept until 2026-03-02, as a@example.org accepted"),
        (RETIRED, "HCS0001 is retired and its record is missing"),
    ],
)
def test_a_retired_one_is_kept(file: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.replace("HCS0001: {}", f"HCS0001: {line}")
    file.write_text(text, encoding="utf-8")
    assert tenants(file, "remove", "HCS0001", "--accepted-by", "a@example.org") == 2
    assert said in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("arguments", "line", "said"),
    [
        (["suspend", "HCS0001"], "{suspended: true}", "HCS0001 is suspended already"),
        (
            ["remove", "HCS0001", "--accepted-by", "a@example.org", "--to", "/nowhere/HCS0001"],
            "{suspended: true}",
            "HCS0001 is suspended, and its own role could read nothing for the export",
        ),
        (["change", "HCS0001", "--default", "suspended"], "{suspended: true}", "HCS0001 has no suspended of its own"),
        (["resume", "HCS0001"], "{suspended: false}", "HCS0001 is not suspended"),
    ],
)
def test_a_step_in_the_wrong_state(
    file: Path, arguments: list[str], line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXT.replace("HCS0001: {}", f"HCS0001: {line}")
    file.write_text(text, encoding="utf-8")
    assert tenants(file, *arguments) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert file.read_text(encoding="utf-8") == text


def test_a_record_is_one_stacks(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stacks that share the file share the line: what one removed is not certified for another."""
    kept = file.parent / "retirements" / "HCS0007.json"
    kept.parent.mkdir()
    record = {"organization": "HCS0007", "stack": "prod", **SAID, "certificate": {}}
    kept.write_text(json.dumps(record), encoding="utf-8")
    assert tenants(file, "remove", "HCS0007") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "HCS0007 left stack prod, whose record this is: in stack local, which shares tenants.yaml" in said


@pytest.mark.parametrize(
    "record",
    [
        [],
        {"organization": "HCS0002", **SAID},
        {"organization": "HCS0001"},
        {"organization": "HCS0001", **SAID, "retired": {"since": "2026-01-01"}},
        {"organization": "HCS0001", **SAID, "retired": {**SAID["retired"], "delete_from": "soon"}},
        {"organization": "HCS0001", **SAID, "export": {**SAID["export"], "began_at": "yesterday"}},
        {"organization": "HCS0001", **SAID, "export": {**SAID["export"], "tables": [{"table": "T"}]}},
        {"organization": "HCS0001", **SAID, "export": {**SAID["export"], "tables": None}},
        {"organization": "HCS0001", **SAID, "deletion": None},
    ],
)
def test_a_broken_record_is_told(file: Path, record: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.replace("HCS0001: {}", f"HCS0001: {RETIRED}")
    file.write_text(text, encoding="utf-8")
    kept = file.parent / "retirements" / "HCS0001.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps(record), encoding="utf-8")
    assert tenants(file, "remove", "HCS0001", "--accepted-by", "a@example.org") == 2
    assert "HCS0001.json is not the record of HCS0001" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text


def test_the_day_that_was_accepted_counts(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes an earlier day into the line brings nothing forward."""
    text = TEXT.replace("HCS0001: {}", f"HCS0001: {RETIRED}")
    file.write_text(text, encoding="utf-8")
    kept = file.parent / "retirements" / "HCS0001.json"
    kept.parent.mkdir()
    later = {**SAID["retired"], "delete_from": "2026-02-02"}
    kept.write_text(json.dumps({"organization": "HCS0001", **SAID, "retired": later}), encoding="utf-8")
    assert tenants(file, "remove", "HCS0001", "--accepted-by", "a@example.org") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "lets HCS0001 be deleted from 2026-02-01 on, its record keeps it until 2026-02-02" in said
    assert file.read_text(encoding="utf-8") == text


# ── no rights ────────────────────────────────────────────────────────────────────────────────────────────────────────


class NoRights:
    """A stack whose deploy user may not act in the role that it is asked for."""

    address = SimpleNamespace(organization="O", account="A")

    @contextmanager
    def __call__(self, _stack: str) -> Iterator[NoRights]:
        yield self

    @staticmethod
    def state() -> tuple[None, dict[str, Any]]:
        names = {"database": "D", "schema": "S", "warehouse": "W"}
        return None, {"shared": names, "tenants": {"HCS0001": {**names, "role_application": "HCS0001_APP"}}}

    @contextmanager
    def as_deploy_user(self, role: str, _warehouse: str) -> Iterator[None]:
        from snowflake.connector import DatabaseError

        raise DatabaseError(msg=f"Role '{role}' does not exist or not authorized.", errno=390189, sqlstate="08001")
        yield


def test_without_rights_snowflakes_words_are_told_and_nothing_is_written(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (export_module, removal, record):
        monkeypatch.setattr(module, "stack_access", NoRights())
    monkeypatch.setattr(record, "embedded_state", lambda _: {"resources": [1]})
    said = "390189 (08001): Role '{}' does not exist or not authorized."
    to = tmp_path / "out"
    for arguments in (["export"], ["remove", "--accepted-by", "a@example.org"]):
        assert tenants(file, arguments[0], "HCS0001", "--to", str(to), *arguments[1:]) == 1
        assert said.format("HCS0001_APP") in " ".join(capsys.readouterr().err.split())
        assert not (to / "manifest.json").exists()
    assert tenants(file, "add") == 1
    assert said.format("ACCOUNTADMIN") in " ".join(capsys.readouterr().err.split())
    assert file.read_text(encoding="utf-8") == TEXT
    assert not (file.parent / "retirements").exists()
    file.write_text(TEXT.replace("HCS0001: {}", f"HCS0001: {RETIRED}"), encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    kept = {"organization": "HCS0001", **SAID}
    (file.parent / "retirements").mkdir()
    (file.parent / "retirements" / "HCS0001.json").write_text(json.dumps(kept), encoding="utf-8")
    assert tenants(file, "remove", "HCS0001", "--accepted-by", "a@example.org") == 1
    assert said.format("ACCOUNTADMIN") in " ".join(capsys.readouterr().err.split())
    assert file.read_text(encoding="utf-8") == before


# ── killed, or broken off ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = {"organization": "HCS0001", "tables": [{"table": "T", "rows": 3}], "exported_at": "2026-02-01T00:00:00"}
    monkeypatch.setattr(removal, "exported", lambda *_: manifest)
    monkeypatch.setattr(removal, "_nothing_left_out", lambda *_: None)


@pytest.mark.parametrize("where", ["plan", "change"])
@pytest.mark.usefixtures("exported")
def test_retiring_that_breaks_off_leaves_all_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise FailureError("broken off")

    monkeypatch.setattr(*((editing, "plan") if where == "plan" else (OrganizationsFile, "change")), broken)
    arguments = ["remove", "HCS0001", "--accepted-by", "a@example.org", "--to", "/nowhere/HCS0001"]
    assert tenants(file, *arguments) == 1
    assert file.read_text(encoding="utf-8") == TEXT
    assert list((file.parent / "retirements").glob("*")) == []


@pytest.mark.parametrize("what", ["tenants.yaml", "retirements"])
@pytest.mark.usefixtures("exported")
def test_what_cannot_be_written_is_told_and_nothing_is_half_done(
    file: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Both stand in the way of whoever may write anywhere, too.
    if what == "retirements":
        (file.parent / what).write_text("no folder", encoding="utf-8")
    else:
        (file.parent / f"{what}.new").mkdir()
        assert tenants(file, "suspend", "HCS0001", "--no-plan") == 2
    assert tenants(file, "remove", "HCS0001", "--accepted-by", "a@example.org", "--to", "/nowhere/HCS0001") == 2
    *_, said = capsys.readouterr().err.splitlines()
    assert said.startswith("nexus: ")
    assert what in said
    assert "cannot be written" in said
    assert file.read_text(encoding="utf-8") == TEXT
    assert list(file.parent.glob("retirements/*")) == []


@pytest.mark.usefixtures("exported")
def test_a_line_that_says_retired_has_its_record(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the run, the record is there before the line is, and is put right by the next run."""

    def killed(*_: Any, **__: Any) -> None:
        seen.append(json.loads((file.parent / "retirements" / "HCS0001.json").read_text(encoding="utf-8")))
        raise FailureError("as far as this")

    seen: list[Any] = []
    monkeypatch.setattr(OrganizationsFile, "change", killed)
    arguments = ["remove", "HCS0001", "--accepted-by", "a@example.org", "--to", "/nowhere/HCS0001"]
    assert tenants(file, *arguments) == 1
    assert seen[0]["retired"] == {"since": "2026-03-01", "delete_from": "2026-05-30", "accepted_by": "a@example.org"}


def test_allowances_of_others_stay(file: Path, tmp_path: Path) -> None:
    judged = [
        SimpleNamespace(finding=SimpleNamespace(object="organisation HCS0001", change="remove"), fingerprint=each)
        for each in ("aa", "bb")
    ]
    others = {"object": "organisation HCS0002", "change": "remove", "fingerprint": "cc"}
    for embedded, text in ((True, yaml.safe_dump([others])), (False, yaml.safe_dump({"config": {KEY: [others]}}))):
        path = tmp_path / f"{embedded}.yaml"
        path.write_text(text, encoding="utf-8")

        def known(path: Path = path, embedded: bool = embedded) -> removal.Allowances:
            return removal.Allowances(path, path.read_text(encoding="utf-8"), embedded)

        known().add(judged, "it left", "a@example.org")  # type: ignore[arg-type]
        # Given again it is renewed, and there once.
        known().add(judged[:1], "it left", "b@example.org")  # type: ignore[arg-type]
        assert [each["fingerprint"] for each in known()._known()] == ["cc", "bb", "aa"]
        known().without(["aa", "bb"])
        assert known()._known() == [others]
    assert file.read_text(encoding="utf-8") == TEXT


def test_the_last_one_is_not_removed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(TEXT.split("  # The one")[0], encoding="utf-8")
    assert tenants(file, "remove", "HCS0001", "--accepted-by", "a@example.org") == 2
    assert "is the last organisation" in capsys.readouterr().err


# ── an export, read again ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    path = folder / "CONVERSATIONS.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"CONVERSATION_ID": ["a", "b"]}), path)
    manifest = {
        "organization": "HCS0001",
        "tables": [
            {
                "table": "CONVERSATIONS",
                "file": path.name,
                "rows": 2,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_a_whole_export(export: Path) -> None:
    assert checked(export, "HCS0001")["tables"][0]["rows"] == 2


def test_an_export_of_another_organisation(export: Path) -> None:
    with pytest.raises(BadInputError, match="is the export of HCS0001, not of HCS0002"):
        checked(export, "HCS0002")


@pytest.mark.parametrize("damage", ["one byte", "no file", "no manifest"])
def test_a_damaged_export(export: Path, damage: str) -> None:
    path = export / "CONVERSATIONS.parquet"
    match damage:
        case "one byte":
            path.write_bytes(path.read_bytes()[:-1] + b"X")
        case "no file":
            path.unlink()
        case "no manifest":
            (export / "manifest.json").unlink()
    with pytest.raises((FailureError, BadInputError), match=r"CONVERSATIONS\.parquet|holds no whole export"):
        checked(export, "HCS0001")
