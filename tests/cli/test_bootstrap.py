"""The `nexus` file: it makes its environment once, and again after an interruption or a change of the pins."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

NEXUS = Path(__file__).resolve().parents[2] / "nexus"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with no pins and a command that tells what it was given: nothing has to be fetched."""
    shutil.copy(NEXUS, tmp_path / "nexus")
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").touch()
    (tmp_path / "cli" / "__main__.py").write_text("import sys\nprint(sys.argv[1:], sys.prefix)\nsys.exit(7)\n")
    return tmp_path


@pytest.fixture
def bootstrap(checkout: Path) -> Iterator[ModuleType]:
    loader = SourceFileLoader("nexus_of_a_test", str(checkout / "nexus"))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    yield module
    shutil.rmtree(checkout / "__pycache__", ignore_errors=True)


def made(bootstrap: ModuleType, wanted: str) -> None:
    """Stands in for a finished set-up."""
    Path(bootstrap.PYTHON).parent.mkdir(parents=True)
    Path(bootstrap.PYTHON).touch()
    Path(bootstrap.STAMP).write_text(wanted)


def test_it_parses_on_old_pythons_so_that_they_can_be_told() -> None:
    ast.parse(NEXUS.read_text(), feature_version=(3, 5))


def test_a_python_too_old_gets_one_line(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 1))
    assert bootstrap.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "needs Python 99.1 or newer" in said.err
    assert not (Path(bootstrap.ROOT) / ".venv").exists()


def test_the_first_start_makes_the_environment_and_the_second_does_not(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    # A folder that must not stand in for the checkout's own modules.
    (elsewhere / "cli").mkdir(parents=True)
    (elsewhere / "cli" / "__main__.py").write_text("raise SystemExit('the wrong cli')\n")
    command = [sys.executable, str(checkout / "nexus"), "up", "--json"]
    # What was compiled is kept all the same, or each command would compile everything anew.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    first = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert (checkout / "cli" / "__pycache__").exists()
    assert first.returncode == 7, first.stderr
    assert first.stdout.startswith("['up', '--json']")
    assert str(checkout / ".venv") in first.stdout
    assert "Set up in" in first.stderr
    second = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr) == (7, "")


def test_an_environment_is_ready_only_for_these_pins_and_once_it_is_finished(bootstrap: ModuleType) -> None:
    wanted = bootstrap.fingerprint()
    assert not bootstrap.is_ready(wanted)
    made(bootstrap, wanted)
    assert bootstrap.is_ready(wanted)
    Path(bootstrap.REQUIREMENTS).write_text("something==1\n")
    assert not bootstrap.is_ready(bootstrap.fingerprint())


def test_an_interrupted_set_up_is_done_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "step", lambda *_: made(bootstrap, "of an earlier one"))
    monkeypatch.setattr(bootstrap, "install", interrupt)
    assert bootstrap.main() == 130
    assert "the next start does it again" in capsys.readouterr().err
    assert not bootstrap.is_ready(bootstrap.fingerprint())


def test_a_failing_installation_says_why_in_pips_own_words(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "step", lambda *_: None)
    program = "print('Collecting a'); print('ERROR: no such package'); raise SystemExit(1)"
    really_install = bootstrap.install
    monkeypatch.setattr(bootstrap, "install", lambda _, count: really_install([sys.executable, "-c", program], count))
    assert bootstrap.main() == 1
    said = capsys.readouterr().err
    assert "ERROR: no such package" in said
    assert "Traceback" not in said


def test_a_python_without_ensurepip_is_told_what_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else real(name))
    assert bootstrap.main() == 1
    assert "apt install python3-venv" in capsys.readouterr().err


def test_two_set_ups_at_once_wait_for_each_other(bootstrap: ModuleType) -> None:
    with bootstrap.locked(bootstrap.LOCK):
        other = bootstrap.locked(bootstrap.LOCK)
        with open(bootstrap.LOCK, "a+") as other.file:
            assert not other._try()
    with bootstrap.locked(bootstrap.LOCK):
        pass
