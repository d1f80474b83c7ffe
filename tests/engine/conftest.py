"""An engine for all tests, and a command of its own for each module, with a stack that is up where it wants one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from filelock import FileLock
from nexus_command import Nexus


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """The engine, before anything is timed or killed: built once for all checkouts if it is not there."""
    from cli import engine

    engine.acquire(print)


@pytest.fixture(scope="module")
def nexus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nexus]:
    """A command of its own for a module's tests; nothing is brought up yet."""
    directory = tmp_path_factory.mktemp("nexus")
    yield Nexus(directory)
    # It holds databases: no need to keep them until pytest tidies up.
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def first_up(tmp_path_factory: pytest.TempPathFactory) -> Nexus:
    """Two organisations that were just brought up: once for all workers, to be copied and never run again."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    made, done = Nexus(shared / "first-up"), shared / "first-up.done"
    with FileLock(shared / "first-up.lock"):
        if not done.exists():
            shutil.rmtree(made.directory, ignore_errors=True)
            made.directory.mkdir()
            made.tenants(HCS0001={}, HCS0002={})
            made.run("up", "--yes")
            done.touch()
    return made


@pytest.fixture(scope="module")
def nexus_up(nexus: Nexus, first_up: Nexus) -> Nexus:
    """A command of a module's own whose local stack is up: HCS0001 and HCS0002, nothing else was done yet."""
    shutil.copytree(first_up.directory, nexus.directory, symlinks=True, dirs_exist_ok=True)
    # The last run's settings, and what is kept of them, name the file of the organisations.
    for file in (nexus.stack / "Pulumi.local.yaml", *(nexus.stack / "updates").glob("*.json")):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(str(first_up.directory), str(nexus.directory)), encoding="utf-8")
    return nexus
