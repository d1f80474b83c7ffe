"""One change of two organisations, checked in a copy of this checkout, and a browser to read its report in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from browser import Browser, browser, require
from changed_checkout import AFTER, BEFORE, ROOT, Checkout, Report, git, organizations


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    from cli import engine

    engine.acquire(print)
    directory = tmp_path_factory.mktemp("change") / "checkout"
    directory.mkdir()
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0"):
        if name and (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name)
    organizations(directory, BEFORE)
    git(directory, "init", "--quiet")
    git(directory, "add", "--all", "--force")
    git(directory, "commit", "--quiet", "--message", "base")
    organizations(directory, AFTER)
    yield Checkout(directory)
    shutil.rmtree(directory.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def checked(checkout: Checkout) -> Report:
    """What `nexus check` says of the change, and writes."""
    out = checkout.directory.parent / "checked"
    arguments = ("--stack", "prod", "--base", "HEAD", "--report", str(out), "--json")
    return Report(checkout.run("check", *arguments), out)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> str:
    try:
        # All workers' temporary folders are in one: one of them installs, the others wait for it.
        return require(tmp_path_factory.getbasetemp().parent / "chromium.lock")
    except RuntimeError as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="module")
def driven(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(chromium, tmp_path_factory.mktemp("profile")) as found:
        yield found
