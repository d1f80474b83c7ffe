from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from infra.program import program
from tests.unit.recording import Graph, declare
from tests.unit.stack_settings import as_engine_sends, stack_config


@pytest.fixture(scope="session")
def graph() -> Iterator[Graph]:
    """The local stack, declared once: every test of what it declares reads this record."""
    debug = pulumi.log.debug
    yield declare(program, as_engine_sends(stack_config("local")))
    pulumi.log.debug = debug


@pytest.fixture
def config() -> dict[str, Any]:
    """The local stack's configuration, to be spoilt."""
    return stack_config("local")
