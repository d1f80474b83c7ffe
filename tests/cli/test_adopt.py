"""`nexus adopt` writes its settings whole or not at all, beside what is in the file, and says whom it cannot ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snowflake.connector.errors import DatabaseError

from cli import configuration, deployment
from cli.__main__ import main
from cli.adopt import command, write
from cli.adopt.find import Found
from cli.adopt.judge import Judged
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, Place
from cli.progress import Problem, Progress
from cli.settings_file import edited

IMPORTS: dict[str, Any] = {
    "snowflake Database HCS0001_DB": {"id": '"HCS0001_DB"'},
    "snowflake Table HCS0001-CONVERSATIONS": {
        "id": "HCS0001_DB|NEXUSCHAT|CONVERSATIONS",
        "columns": ["CONVERSATION_ID", {"name": "OLD_NOTE", "type": "VARCHAR(100)"}],
    },
}


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real stack's file, as the repository has it but for what must be filled in."""
    text = (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8")
    file = tmp_path / "Pulumi.tried.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(configuration, "stack_file", lambda _: file)
    return file


def test_a_stacks_file_gets_a_line_for_each_object_and_keeps_every_other(real: Path) -> None:
    before = real.read_text(encoding="utf-8")
    write.write("tried", IMPORTS, {("snowflake", "service_user", "adopt"): True})
    after = real.read_text(encoding="utf-8")
    lines = [line for line in after.splitlines() if line not in before.splitlines()]
    assert lines == [
        "  nexuschat:imports:",
        "    snowflake Database HCS0001_DB: {id: '\"HCS0001_DB\"'}",
        "    snowflake Table HCS0001-CONVERSATIONS: {id: HCS0001_DB|NEXUSCHAT|CONVERSATIONS, columns: [CONVERSATION_ID,"
        " {name: OLD_NOTE, type: VARCHAR(100)}]}",
    ]
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    checked = deployment.check_settings(configuration.load("tried"))
    assert checked.imports["snowflake Database HCS0001_DB"].id == '"HCS0001_DB"'


def test_what_comes_later_goes_beside_what_is_there(real: Path) -> None:
    first, second = ({name: entry} for name, entry in IMPORTS.items())
    write.write("tried", first, {})
    write.write("tried", second, {})
    config = yaml.safe_load(real.read_text(encoding="utf-8"))["config"]
    assert config["nexuschat:imports"] == IMPORTS


def test_an_organisation_that_goes_takes_its_lines_along_and_no_others(real: Path) -> None:
    before = real.read_text(encoding="utf-8")
    assert write.without_organization("tried", "HCS0001").before == before
    assert real.read_text(encoding="utf-8") == before
    anothers = {"snowflake Warehouse HCS00011_WH-warehouse": {"id": '"HCS00011_WH"'}}
    write.write("tried", {**IMPORTS, **anothers}, {})
    kept = write.without_organization("tried", "HCS0001")
    assert yaml.safe_load(real.read_text(encoding="utf-8"))["config"]["nexuschat:imports"] == anothers
    kept.restore()
    assert deployment.check_settings(configuration.load("tried")).imports.keys() == {*IMPORTS, *anothers}
    write.without_organization("tried", "HCS0001")
    # The last line takes the setting along, and nothing else.
    write.without_organization("tried", "HCS00011")
    assert real.read_text(encoding="utf-8") == before


def test_settings_that_would_not_be_valid_are_not_written(real: Path) -> None:
    before = real.read_bytes()
    with pytest.raises(BadInputError, match="is no resource as a plan names it"):
        write.write("tried", {"a typo": {"id": "x"}}, {})
    assert real.read_bytes() == before


def test_an_embedded_stacks_are_beside_its_state_and_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_DIRECTORY", str(tmp_path))
    place = Place.of("local")
    place.directory.mkdir()
    committed = configuration.load("local")
    write.write("local", IMPORTS, {("azure", "vault", "adopt"): True})
    loaded = configuration.load("local")
    assert loaded["config"]["nexuschat:imports"] == IMPORTS
    # Only what was written has changed, at any depth.
    assert loaded["config"]["nexuschat:azure"]["vault"]["adopt"] is True
    del loaded["config"]["nexuschat:imports"], loaded["config"]["nexuschat:azure"]["vault"]["adopt"]
    assert loaded == committed
    write.write("local", {"snowflake Schema S": {"id": "s"}}, {})
    assert configuration.load("local")["config"]["nexuschat:imports"].keys() == {*IMPORTS, "snowflake Schema S"}
    # The undo before `up`.
    place.adopted.unlink()
    assert configuration.load("local") == committed


def test_a_cloud_of_nobody_has_nothing_to_import() -> None:
    settings = {"config": {"nexuschat:imports": IMPORTS, "nexuschat:environment": "local"}, "encryptionsalt": "s"}
    assert configuration.without_imports(settings) == {
        "config": {
            "nexuschat:imports": {
                "snowflake Table HCS0001-CONVERSATIONS": {
                    "columns": IMPORTS["snowflake Table HCS0001-CONVERSATIONS"]["columns"]
                }
            },
            "nexuschat:environment": "local",
        },
        "encryptionsalt": "s",
    }
    assert settings["config"]["nexuschat:imports"] == IMPORTS


def test_a_new_mapping_in_lines_stands_where_it_is_wanted() -> None:
    text = "config:\n  a: 1  # one\n\n# Between.\nother: {}\n"
    assert edited(text, ("config", "b"), {"x": [1], "y": 2}, block=True) == (
        "config:\n  a: 1  # one\n  b:\n    x: [1]\n    y: 2\n\n# Between.\nother: {}\n"
    )


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def fake_access(problem: Exception | None = None) -> Any:
    @contextmanager
    def as_deploy_user(role: str, warehouse: str | None = None) -> Iterator[Any]:
        if problem is not None:
            raise problem
        yield SimpleNamespace()

    return SimpleNamespace(as_deploy_user=as_deploy_user, deploy_user="NEXUS_DEPLOY", endpoints=None)


def test_who_may_not_ask_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEXUS_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(command, "planned", lambda *_, **__: [])
    refusal = DatabaseError(msg="Role 'ACCOUNTADMIN' specified in the connect string is not granted.", errno=390189)
    with pytest.raises(FailureError) as failure:
        command._found("local", fake_access(refusal), configuration.load("local"), [], [], quiet=True)
    assert "NEXUS_DEPLOY cannot ask the account as ACCOUNTADMIN" in str(failure.value)
    assert "is not taken for absent" in str(failure.value)


def one_found() -> command.Adoption:
    found = Found(
        "snowflake Schema S", "snowflake:index/schema:Schema", "S", None, "SCHEMA", '"S"', "s", {}, "SYSADMIN"
    )
    return command.Adoption("local", judged=[Judged(found, [], {"id": "s"}, {})])


@pytest.mark.parametrize(("arguments", "written"), [([], False), (["--yes"], True)])
def test_nothing_is_written_unless_somebody_says_so(
    arguments: list[str],
    written: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEXUS_DIRECTORY", str(tmp_path))
    Place.of("local").directory.mkdir()

    @contextmanager
    def access(*_: Any) -> Iterator[Any]:
        yield fake_access(), {}

    monkeypatch.setattr(command, "_access", access)
    monkeypatch.setattr(command, "_found", lambda *_, **__: one_found())
    assert main(["adopt", "--json", *arguments]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["result"] == ("adopted" if written else "found")
    assert Place.of("local").adopted.exists() is written


def test_a_resource_that_was_not_found_cannot_be_kept() -> None:
    with pytest.raises(BadInputError, match="nothing that was found is called snowflake Schema T; found: snowflake S"):
        command._know(["snowflake Schema T"], one_found())
    command._know(["all", "snowflake Schema S"], one_found())


def test_a_stack_that_is_not_configured_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", "--stack", "nowhere"]) == 2
    assert "there is no stack 'nowhere'" in capsys.readouterr().err


def test_an_import_of_what_cannot_be_seen_is_explained(tmp_path: Path) -> None:
    urn = "urn:pulumi:local::nexuschat::snowflake:index/database:Database::D"
    progress = Progress("up", problems=[Problem(urn, "Preview failed: resource '\"D\"' does not exist")])
    (problem,) = deployment.explain(deployment.Outcome(progress, False), tmp_path / "run.log")
    assert "the role that declares it does not own it" in problem.message
    assert "./nexus adopt tells which" in problem.message
