"""One change of two organisations, checked in a copy of this checkout, and a browser to read its report in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, browser, require
from changed_checkout import AFTER, BEFORE, ROOT, Checkout, Report, git, organizations
from filelock import FileLock

from tests.project_files import project_files


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def checkout(shared: Path) -> Checkout:
    directory = shared / "change" / "checkout"
    with FileLock(shared / "checkout.lock"):
        if not directory.exists():
            _make(directory)
    return Checkout(directory)


def _make(directory: Path) -> None:
    from cli import engine

    engine.acquire(print)
    new = directory.with_name("checkout.new")
    for name in project_files():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, new / name)
    organizations(new, BEFORE)
    git(new, "init", "--quiet")
    git(new, "add", "--all", "--force")
    git(new, "commit", "--quiet", "--message", "base")
    organizations(new, AFTER)
    new.rename(directory)


@pytest.fixture(scope="session")
def checked(checkout: Checkout, shared: Path) -> Report:
    """What `nexus check` says of the change, and writes: once for all workers."""
    out, told = checkout.directory.parent / "checked", shared / "checked.json"
    arguments = ("check", "--stack", "prod", "--base", "HEAD", "--report", str(out), "--json")
    with FileLock(shared / "checked.lock"):
        if not told.exists():
            ran = checkout.run(*arguments)
            told.write_text(json.dumps([ran.returncode, ran.stdout, ran.stderr]), encoding="utf-8")
    code, stdout, stderr = json.loads(told.read_text(encoding="utf-8"))
    return Report(subprocess.CompletedProcess(arguments, code, stdout, stderr), out)


@pytest.fixture(scope="session")
def chromium(shared: Path) -> str:
    try:
        # One worker installs it where it is missing, the others wait.
        return require(shared / "chromium.lock")
    except RuntimeError as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="module")
def driven(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(chromium, tmp_path_factory.mktemp("profile")) as found:
        yield found
