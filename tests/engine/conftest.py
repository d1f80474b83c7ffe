"""An engine for all tests, and a command of its own for each module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
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
