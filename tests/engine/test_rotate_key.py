"""A rotation on the real engine: the vault's key always works, the one before it too, the one before that no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from nexus_command import Nexus
from test_killed import kill_when

USER = "AGENTNEXUS_SVC"


@dataclass
class Rotations:
    """What was seen at each step: the vault's key, the slots, the file, and which of the earlier keys still worked."""

    keys: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, tuple[str, str]] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    working: dict[str, set[str]] = field(default_factory=dict)
    second_up: dict[str, int] = field(default_factory=dict)
    verified: int = 0


@pytest.fixture(scope="module")
def rotations(nexus_up: Nexus) -> Iterator[Rotations]:
    nexus = nexus_up
    seen = Rotations()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXUS_DIRECTORY", str(nexus.home))
        _look(nexus, seen, "first")
        nexus.run("rotate-key", "--json")
        _look(nexus, seen, "second")
        # The new key pair stands, and perhaps the user has it; the vault may not be there yet.
        kill_when(nexus, 1, "rotate-key", "--user", USER)
        _look(nexus, seen, "interrupted")
        nexus.run("rotate-key", "--json")
        _look(nexus, seen, "third")
        seen.second_up = nexus.run("up", "--yes", "--json", "--expect-no-changes").answer["changes"]
        seen.verified = nexus.run("verify", "--json", expect=None).code
        yield seen


def _look(nexus: Nexus, seen: Rotations, step: str) -> None:
    from snowflake.connector import Error

    from cli.access import stack_access
    from cli.connector import connect, rows
    from cli.service_keys import service_key

    file = nexus.stack / "keys.yaml"
    seen.files[step] = yaml.safe_load(file.read_text(encoding="utf-8"))[USER] if file.exists() else None
    with stack_access("local") as access:
        seen.keys[step] = service_key(access)
        working = set()
        for name, key in seen.keys.items():
            try:
                connect(access.address, USER, key).close()
            except Error:
                continue
            working.add(name)
        seen.working[step] = working
        with (
            closing(connect(access.address, access.deploy_user, access.deploy_key(), role="ACCOUNTADMIN")) as owner,
            owner.cursor() as cursor,
        ):
            properties = {row["property"]: row["value"] for row in rows(cursor, f"DESCRIBE USER {USER}")}
    seen.slots[step] = (properties["RSA_PUBLIC_KEY"], properties["RSA_PUBLIC_KEY_2"])


def test_the_vaults_key_works_at_every_step(rotations: Rotations) -> None:
    assert {step: step in working for step, working in rotations.working.items()} == {
        "first": True,
        "second": True,
        "interrupted": True,
        "third": True,
    }


def test_the_key_before_works_until_the_next_rotation(rotations: Rotations) -> None:
    assert rotations.working["second"] == {"first", "second"}
    # An interrupted rotation may have taken the first key's slot, never the current one's.
    assert {"second", "interrupted"} <= rotations.working["interrupted"]
    assert "second" in rotations.working["third"]
    assert "first" not in rotations.working["third"]


def test_a_rotation_fills_the_other_slot_and_leaves_the_current_one(rotations: Rotations) -> None:
    first, second, third = (rotations.slots[step] for step in ("first", "second", "third"))
    # The key of before was in the first slot, so that the first one made here went into the second.
    assert second[1] == first[1]
    assert second[0] != first[0]
    assert third[0] == second[0]
    assert third[1] != second[1]


def test_an_interrupted_rotation_is_finished_not_begun_anew(rotations: Rotations) -> None:
    assert rotations.files["first"] is None
    assert rotations.files["second"].keys() == {"generation", "since"}
    assert rotations.files["second"]["generation"] == 3
    assert rotations.files["interrupted"]["generation"] == 4
    assert rotations.files["interrupted"]["rotating"] is True
    assert rotations.files["third"]["generation"] == 4
    assert "rotating" not in rotations.files["third"]


def test_afterwards_nothing_is_left_to_change(rotations: Rotations) -> None:
    assert {kind: count for kind, count in rotations.second_up.items() if count and kind != "unchanged"} == {}
    assert rotations.verified == 0


def test_an_unknown_user_is_refused(nexus: Nexus) -> None:
    refused = nexus.run("rotate-key", "--user", "NOBODY", expect=2)
    assert "AGENTNEXUS_SVC, POWERBI_SVC" in refused.stderr
