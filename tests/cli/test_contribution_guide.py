"""The contribution guide, the hooks and the owners' example: every path, command and hook in them works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.__main__ import app
from tests.project_files import project_files

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("CONTRIBUTING.md", "docs/pull-requests.md")
TRACKED = project_files()
HOOKS: list[Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]


def commands(guide: str) -> list[str]:
    text = (ROOT / guide).read_text(encoding="utf-8")
    return sorted({found.strip() for found in re.findall(r"\./nexus( [^`\n)|]*)", text)})


@pytest.mark.parametrize(
    ("guide", "command"), [(guide, command) for guide in GUIDES for command in commands(guide)], ids=str
)
def test_every_command_is_one_that_there_is(guide: str, command: str) -> None:
    group: Any = typer.main.get_command(app)
    verb, *rest = shlex.split(command)
    found = group.get_command(group.make_context("nexus", [verb], resilient_parsing=True), verb)
    assert found is not None
    if rest and hasattr(found, "commands"):
        assert rest[0] in found.commands
    elif rest:
        # Without any, the verb itself is meant.
        found.make_context(verb, rest)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_is_named_is_there(guide: str) -> None:
    text = (ROOT / guide).read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([\w./-]+\.(?:py|yaml|md)|[\w-]+/[\w/.-]*/?)`", text) if "/" in name}
    named |= {str((Path(guide).parent / link).as_posix()) for link in re.findall(r"\]\(([\w./-]+\.md)\)", text)}
    named -= {"agentnexus/"}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", ["too_few_for_zones", "_apps", "self._application", "PUBLIC", "PHI_COLUMNS", "NO_PHI"])
def test_every_name_of_the_program_is_there(name: str) -> None:
    assert name in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert any(
        re.search(rf"(?:def |self\.)?{re.escape(name)}\b", (ROOT / file).read_text(encoding="utf-8"))
        for file in TRACKED
        if file.startswith(("infra/", "components/")) and file.endswith(".py")
    )


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_runs(hook: Any) -> None:
    assert hook["language"] == "system"
    mine = hook.get("files", r"\.py$")
    about = [file for file in TRACKED if re.search(mine, file)]
    assert about, "it would never run"
    first, *rest = shlex.split(hook["entry"])
    launch = {
        "./nexus": [sys.executable, "-m", "cli"],
        ".venv/bin/python": [sys.executable],
        ".venv/bin/zizmor": [str(Path(sys.executable).with_name("zizmor"))],
    }[first]
    files = about[:3] if hook.get("pass_filenames", True) else []
    if "ruff" in rest:
        files = ["tests/cli/test_contribution_guide.py"]
        # The hook mends; here it only looks.
        rest += ["--check"] if "format" in rest else []
    done = subprocess.run([*launch, *rest, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    if hook["id"].startswith("settings"):
        assert "values made up" in done.stdout, done.stderr
    else:
        assert done.returncode == 0, done.stdout + done.stderr


def test_everything_owned_is_there() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS.example").read_text(encoding="utf-8").splitlines()
    owned = [line.split() for line in lines if line and not line.startswith("#")]
    assert owned[0][0] == "*"
    for path, *owners in owned:
        assert owners
        assert all(re.fullmatch(r"@[\w-]+/[\w-]+", owner) for owner in owners)
        assert path == "*" or (ROOT / path.strip("/")).exists(), path
