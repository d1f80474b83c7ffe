"""What a resource replaced in the wrong order would undo: the program is edited, run again, and the end state is right.

A copy of the program is edited, so that what runs is the program itself with one line changed; all edits go through one
second run, as they would in a release.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nexus_command
import pytest
from nexus_command import Nexus, Ran

COPIED = ("cli", "infra", "components", "emulator", "policies", "tools", "__main__.py", "Pulumi.README.md")
#: File → what stands there, and what a release makes of it.
EDITS = {
    "components/snowflake/handlers/list_users.py": ("ORDER BY USER_ID", "ORDER BY USER_ID DESC"),
    "components/snowflake/governance.py": (
        'TENANT_KEY = "ORGANIZATION_ID"',
        'TENANT_KEY = "ORGANIZATION_ID"\nARGUMENT = "KEY_OF_ROW"',
    ),
    "components/snowflake/access.py": (
        "                on_database=self._database.name,\n",
        "                on_database=self._database.name,\n                with_grant_option=True,\n",
    ),
}
#: More edits of the policy: its one argument has another name, and so has its body.
ARGUMENT = {
    "RowAccessPolicyArgumentArgs(name=TENANT_KEY": "RowAccessPolicyArgumentArgs(name=ARGUMENT",
    'f"CURRENT_ROLE() = {TENANT_KEY} ||': 'f"CURRENT_ROLE() = {ARGUMENT} ||',
    # Attached, it cannot be dropped, so that its next version has a name of its own.
    'ROW_ACCESS_POLICY = "TENANT_ROWS"': 'ROW_ACCESS_POLICY = "TENANT_ROWS_2"',
    '"ALTER TABLE ", table, " ADD ROW ACCESS POLICY "': '"ALTER  TABLE ", table, " ADD ROW ACCESS POLICY "',
}
CALL_LIST = "USE WAREHOUSE VIDEXA_SHARED_WH; CALL VIDEXA_SHARED.TENANT_MANAGEMENT.LIST_USERS('HCS0001', NULL)"
COUNT = "USE WAREHOUSE HCS0001_WH; SELECT COUNT(*) AS N FROM VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS"
ROW = "USE WAREHOUSE VIDEXA_SHARED_WH; SELECT * FROM VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS"
READERS = ("HCS0001_APP", "HCS0001_ANALYST")


@dataclass
class Release:
    """The runs before and after the edits, and what was seen after each."""

    first: Ran
    second: Ran
    third: Ran
    before: dict[str, Any]
    after: dict[str, Any]


def edit(root: Path) -> None:
    for file, (old, new) in EDITS.items():
        path = root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} no longer has {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    path = root / "components/snowflake/governance.py"
    text = path.read_text(encoding="utf-8")
    for old, new in ARGUMENT.items():
        assert text.count(old) == 1, f"{path.name} no longer has {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def seen(nexus: Nexus) -> dict[str, Any]:
    """What the roles see of all that was edited."""
    return {
        "users": next(iter(nexus.sql(CALL_LIST, "VIDEXA_SHARED_APP")[0].values())),
        "counts": {role: nexus.sql(COUNT, role)[0]["N"] for role in READERS},
        "use": nexus.sql("SHOW GRANTS TO DATABASE ROLE HCS0001_DB.DATABASE_USE", "ACCOUNTADMIN"),
        "row": nexus.sql(ROW)[0],
    }


@pytest.fixture(scope="module")
def release(nexus: Nexus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    copy = tmp_path_factory.mktemp("program")
    root = nexus_command.ROOT
    for name in (*COPIED, *(path.name for path in root.glob("Pulumi*.yaml")), "tenants.yaml"):
        source = root / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nexus_command, "ROOT", copy)
        nexus.tenants(HCS0001={})
        first = nexus.run("up", "--yes", "--json")
        with nexus.serving():
            for user in ("anna", "bert"):
                nexus.sql(
                    "USE WAREHOUSE VIDEXA_SHARED_WH; CALL VIDEXA_SHARED.TENANT_MANAGEMENT.REGISTER_USER("
                    f"'HCS0001', '{user}', '{user}@example.org', '{user}', 'MEMBER')",
                    "VIDEXA_SHARED_APP",
                )
            # By hand: both may read the shared tables, so that the policy alone decides which rows.
            for role in READERS:
                nexus.sql(f"GRANT DATABASE ROLE VIDEXA_SHARED.TENANT_MANAGEMENT_READ TO ROLE {role}", "SECURITYADMIN")
            before = seen(nexus)
            edit(copy)
            nexus.tenants(HCS0001={"warehouse_size": "LARGE"})
            second = nexus.run("up", "--yes", "--json")
            after = seen(nexus)
            third = nexus.run("up", "--yes", "--json", "--expect-no-changes")
        yield Release(first, second, third, before, after)
    shutil.rmtree(copy, ignore_errors=True)


def test_the_edits_replace(release: Release) -> None:
    assert release.second.answer["changes"]["replaced"] >= 3
    assert release.second.answer["errors"] == []


def test_an_edited_body_is_in_force_and_still_granted(release: Release) -> None:
    """A replaced procedure has lost its grants: the future grant alone brings them back."""

    def users(state: dict[str, Any]) -> list[str]:
        answer = state["users"]
        return [user["user_id"] for user in (json.loads(answer) if isinstance(answer, str) else answer)]

    assert users(release.before) == ["anna", "bert"]
    assert users(release.after) == ["bert", "anna"]


def test_a_policy_with_another_argument_still_guards(release: Release) -> None:
    """The old one is taken off each table and the new one put on, in this order: a table has one at most."""
    expected = {"HCS0001_APP": 1, "HCS0001_ANALYST": 0}
    assert {role: int(count) for role, count in release.before["counts"].items()} == expected
    assert {role: int(count) for role, count in release.after["counts"].items()} == expected


def test_a_privilege_granted_otherwise_is_still_granted(release: Release) -> None:
    """Made first, its REVOKE would come last and leave the role without it."""

    def options(state: dict[str, Any]) -> set[str]:
        return {
            str(row["grant_option"]).lower()
            for row in state["use"]
            if row["privilege"] == "USAGE" and row["granted_on"] == "DATABASE"
        }

    assert options(release.before) == {"false"}
    assert options(release.after) == {"true"}


def test_an_executed_statement_is_not_undone_by_the_one_before(release: Release) -> None:
    assert (release.before["row"]["WAREHOUSE_SIZE"], release.before["row"]["REMOVED_AT"]) == ("XSMALL", None)
    assert (release.after["row"]["WAREHOUSE_SIZE"], release.after["row"]["REMOVED_AT"]) == ("LARGE", None)


def test_the_next_run_changes_nothing(release: Release) -> None:
    changes = release.third.answer["changes"]
    assert {kind for kind in ("created", "updated", "replaced", "deleted") if changes[kind]} == set()
