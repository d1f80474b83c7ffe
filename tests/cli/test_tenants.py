"""What `nexus tenants` writes into the organisations' file and what it refuses; no engine is needed for either."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from cli.__main__ import main
from cli.failure import BadInputError, FailureError
from cli.tenants import remove as removal
from cli.tenants.export import checked

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
    record = file.parent / "retirements" / "HCS0003.json"
    record.parent.mkdir()
    record.write_text('{"organization": "HCS0003"}', encoding="utf-8")
    assert tenants(file, *arguments) == 2
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert file.read_text(encoding="utf-8") == TEXT
    assert list(record.parent.iterdir()) == [record]


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
