"""What every test's process has: a calmer garbage collector, and the long tests first."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.collection import collection_deferred

#: Where files bring whole stacks up, a minute or more each, those of the most runs first: whoever is through with them
#: fills the rest of the time with the short ones.
LONG = ("engine/test_runbooks.py", "engine/test_life.py", "engine", "report", "cli", "policy")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """The modules of all tests are imported while they are collected, and stay: as in the processes of a run."""
    with collection_deferred():
        return (yield)


def pytest_unconfigure() -> None:
    # What is still there at the end is let go of in the usual way: DuckDB's binding tells of what is not.
    gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent)
    names = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
    return min((place for place, long in enumerate(LONG) if long in names), default=len(LONG))
