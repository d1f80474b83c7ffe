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
    "components/snowflake/handlers/compress_messages.py": (
        '"saved_characters": saved}',
        '"saved_characters": saved, "edited": True}',
    ),
    "components/snowflake/governance.py": (
        'TENANT_KEY = "ORGANIZATION_ID"',
        'TENANT_KEY = "ORGANIZATION_ID"\nARGUMENT = "KEY_OF_ROW"',
    ),
    "components/snowflake/access.py": (
        "                on_database=self._database.name,\n",
        "                on_database=self._database.name,\n                with_grant_option=True,\n",
    ),
    "components/snowflake/tables.py": ("            SPEC label\n", ""),
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
COMPRESS = (
    "USE WAREHOUSE HCS0001_WH; "
    'SELECT VIDEXA_SHARED.CORTEX_FUNCTIONS.COMPRESS_MESSAGES(PARSE_JSON(\'[{"role":"user","content":"a  b"}]\')) AS C'
)
#: What the owners of adopted objects do to them, and where it shows.
THEIRS = {
    "ALTER WAREHOUSE COMPUTE_WH SET WAREHOUSE_SIZE = 'MEDIUM' AUTO_SUSPEND = 120": "SHOW WAREHOUSES LIKE 'COMPUTE_WH'",
    "ALTER DATABASE AGENTNEXUS_DB SET COMMENT = 'theirs'": "SHOW DATABASES LIKE 'AGENTNEXUS_DB'",
    "ALTER ROLE AGENTNEXUS_AUTH_WRITER SET COMMENT = 'theirs'": "SHOW ROLES LIKE 'AGENTNEXUS_AUTH_WRITER'",
    "ALTER USER AGENTNEXUS_SVC SET COMMENT = 'theirs'": "SHOW USERS LIKE 'AGENTNEXUS_SVC'",
}
#: What of it tells that an object is the same one, with what its owner made of it.
SAME = ("name", "created_on", "comment", "size", "auto_suspend", "default_warehouse")
READERS = ("HCS0001_APP", "HCS0001_ANALYST")


@dataclass
class Release:
    """The runs before and after the edits, and what was seen after each.

    `refused` is the edits' first run: they lose data, and nobody has accepted that. `versions` tells since when the
    state has the table that loses a column as it is.
    """

    first: Ran
    refused: Ran
    second: Ran
    third: Ran
    versions: list[str]
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
        "compressed": json.loads(nexus.sql(COMPRESS, "HCS0001_APP")[0]["C"]),
        "adopted": [
            {key: value for key, value in zip(shown["columns"], row, strict=True) if key in SAME}
            for shown in nexus.run("sql", "--role", "ACCOUNTADMIN", "--json", "; ".join(THEIRS.values())).answer
            for row in shown["rows"]
        ],
    }


def version(nexus: Nexus) -> str:
    (table,) = (resource for resource in nexus.resources() if resource["urn"].endswith("::HCS0001-CONVERSATIONS"))
    return str(table["modified"])


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
            nexus.sql("; ".join(THEIRS), "ACCOUNTADMIN")
            before = seen(nexus)
            edit(copy)
            nexus.tenants(HCS0001={"warehouse_size": "LARGE"})
            refused = nexus.run("up", "--yes", "--json", expect=1)
            versions = [version(nexus)]
            allowing = nexus.allowing(refused)
            second = nexus.run("up", "--yes", "--json", *allowing)
            after = seen(nexus)
            third = nexus.run("up", "--yes", "--json", "--expect-no-changes", *allowing)
            versions.append(version(nexus))
        yield Release(first, refused, second, third, versions, before, after)
    shutil.rmtree(copy, ignore_errors=True)


SPEC = ("table HCS0001_DB.NEXUSCHAT.CONVERSATIONS", "drop column SPEC")


def losses(ran: Ran, what: str) -> set[tuple[str, str]]:
    return {(found["object"], found["change"]) for found in ran.answer["data_loss"][what]}


def test_what_the_edits_lose_is_refused_before_anything_is_written(release: Release) -> None:
    """A column, which to the engine is a mere update; and a policy that is off while it is exchanged."""
    refused = losses(release.refused, "blocked")
    assert SPEC in refused
    policy = "ROW ACCESS POLICY VIDEXA_SHARED.GOVERNANCE.TENANT_ROWS"
    assert ("table VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS", f"detach {policy} for a moment") in refused
    # The replaced procedure keeps its grants by a future grant, and the row's size of warehouse is no data.
    assert {place.split()[0] for place, _ in refused} == {"table", "row"}
    assert {kind for kind, count in release.refused.answer["changes"].items() if count} == set()


def test_an_allowance_passes_once(release: Release) -> None:
    assert losses(release.second, "allowed") == losses(release.refused, "blocked")
    assert losses(release.second, "blocked") == set()
    # Left in the settings, it matches nothing and is told.
    assert losses(release.third, "stale") == losses(release.refused, "blocked")
    # A fingerprint is made of this: with the column put back and dropped anew, it would be another one.
    assert release.versions[0] < release.versions[1]


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


def test_an_edited_function_is_in_force_and_still_granted(release: Release) -> None:
    assert release.before["compressed"]["messages"] == [{"role": "user", "content": "a b"}]
    assert release.after["compressed"] == {**release.before["compressed"], "edited": True}


def test_what_was_adopted_is_the_same_with_what_its_owner_made_of_it(release: Release) -> None:
    assert [row["name"] for row in release.before["adopted"]] == [
        "COMPUTE_WH",
        "AGENTNEXUS_DB",
        "AGENTNEXUS_AUTH_WRITER",
        "AGENTNEXUS_SVC",
    ]
    assert [row["comment"] for row in release.before["adopted"]][1:] == ["theirs"] * 3
    assert (release.before["adopted"][0]["size"], int(release.before["adopted"][0]["auto_suspend"])) == ("Medium", 120)
    assert release.after["adopted"] == release.before["adopted"]


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
