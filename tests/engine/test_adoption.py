"""What the old scripts made is taken over: found, handed over, imported, made as declared, and not one row is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from killed_run import kill_when
from nexus_command import ROOT, Nexus, Ran

from cli import configuration, deployment, engine, world
from cli.place import Place

OLD_SCRIPTS = Path(__file__).with_name("old_scripts.sql")
BLOCKED = "snowflake Schema HCS0003_DB-NEXUSCHAT"
ROWS = {
    "HCS0001": {
        "HCS0001_DB.NEXUSCHAT.CONVERSATIONS": (
            "CONVERSATION_ID, USER_ID, TITLE, OLD_NOTE, MESSAGE_COUNT, CREATED_AT, UPDATED_AT"
        ),
        "HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES": "MESSAGE_ID, CONVERSATION_ID, USER_ID, TEXT, CREATED_AT",
    },
    "HCS0002": {"HCS0002_DB.NEXUSCHAT.CONVERSATIONS": "USER_ID, CONVERSATION_ID, TITLE"},
}
"""By organisation, the tables with rows and the columns that they had."""


@dataclass
class Story:
    """Every run by its name, and what was seen between them."""

    runs: dict[str, Ran] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def found(self, run: str) -> dict[str, dict[str, Any]]:
        return {each["resource"]: each for each in self.runs[run].answer["found"]}


def rows(nexus: Nexus, tenants: list[str], warehouse: str, *as_whom: str) -> list[list[list[Any]]]:
    """The rows of each of the tenants' tables, as they were before."""
    tables = {table: columns for tenant in tenants for table, columns in ROWS[tenant].items()}
    asked = "; ".join(f"SELECT {columns} FROM {table} ORDER BY 1, 2" for table, columns in tables.items())
    answers = nexus.run("sql", *as_whom, "--json", f"USE WAREHOUSE {warehouse}; {asked}").answer
    return [answer["rows"] for answer in answers[1:]]


def taken_back(story: Story, nexus: Nexus, run: Callable[..., Ran]) -> None:
    """As docs/hands-and-code.md says: the state forgets an organisation, which is declared still, and has it again."""
    urns = {each["urn"] for each in nexus.resources()}
    urn = "urn:pulumi:local::nexuschat::videxa:snowflake:Organization::HCS0002"
    subprocess.run(
        [str(engine.acquire(print).path), "state", "delete", urn, "--target-dependents", "--yes", "--stack", "local"],
        cwd=ROOT,
        env=nexus.environment | nexus.run("env", "--json").answer,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    story.seen["forgotten"] = urns - {each["urn"] for each in nexus.resources()}
    adopted = nexus.stack / "adopted.yaml"
    config = yaml.safe_load(adopted.read_text(encoding="utf-8"))["config"]
    imports, exceptions = (config[f"nexuschat:{key}"] for key in ("imports", "policyExceptions"))
    config["nexuschat:imports"] = {name: entry for name, entry in imports.items() if "HCS0002" not in name}
    config["nexuschat:policyExceptions"] = [each for each in exceptions if "HCS0002" not in each["resource"]]
    adopted.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    own = ("HCS0002_WH", "--user", "AGENTNEXUS_SVC", "--role", "HCS0002_APP")
    story.seen["rows before it"] = rows(nexus, ["HCS0002"], *own)
    run("made anew", "up", "--yes", "--json", expect=1)
    run("not yet again", "adopt", "--yes", "--json", expect=1)
    # The way out that it tells.
    for each in story.runs["not yet again"].answer["blocked"]:
        _, table, constraint = each["resource"].split()[-1].split("-")
        nexus.sql(f'ALTER TABLE HCS0002_DB.NEXUSCHAT.{table} DROP CONSTRAINT "{table}_{constraint.upper()}"')
    run("adopt again", "adopt", "--yes", "--hand-over", "--accepted-by", "officer@example.org", "--json")
    run("up again", "up", "--yes", "--json")
    run("and no change", "up", "--yes", "--json", "--expect-no-changes")
    story.seen["rows after it"] = rows(nexus, ["HCS0002"], *own)


@pytest.fixture(scope="module")
def story(nexus: Nexus) -> Story:
    story = Story()

    def run(name: str, *arguments: str, expect: int | None = 0) -> Ran:
        story.runs[name] = nexus.run(*arguments, expect=expect)
        return story.runs[name]

    nexus.tenants(HCS0001={}, HCS0002={}, HCS0003={})
    # The vault is there, as somebody made it: open, and no setting says that it is taken over.
    place = Place("local", nexus.stack)
    place.prepare()
    world.prepare(place, deployment.check_settings(configuration.load("local", ["azure.vault.adopt=true"])))
    adopted = nexus.stack / "adopted.yaml"

    with nexus.serving():
        nexus.run("sql", "--role", "ACCOUNTADMIN", "--file", str(OLD_SCRIPTS))
        story.seen["rows before"] = rows(nexus, [*ROWS], "COMPUTE_WH", "--role", "ACCOUNTADMIN")
        # As if nobody had said that the applications' user and what it works with are there.
        unsaid = ("--set", "snowflake.service_user.adopt=false", "--set", "snowflake.existing=null")
        run("blocked", "adopt", "--yes", "--json", *unsaid, expect=1)
        story.seen["written though blocked"] = adopted.exists()
        # The way out that it tells.
        nexus.sql("ALTER SCHEMA HCS0003_DB.NEXUSCHAT RENAME TO HCS0003_DB.NEXUSCHAT_OLD", "ACCOUNTADMIN")
        run("adopt", "adopt", "--yes", "--hand-over", "--accepted-by", "officer@example.org", "--json")
        story.seen["settings"] = adopted.read_text(encoding="utf-8")

    story.seen["killed at"] = kill_when(nexus, 150, "up", "--yes")
    with nexus.serving():
        run("up", "up", "--yes", "--json")
        # As who may read what is masked for everybody else.
        story.seen["rows after"] = [
            table
            for tenant in ROWS
            for table in rows(nexus, [tenant], f"{tenant}_WH", "--user", "AGENTNEXUS_SVC", "--role", f"{tenant}_APP")
        ]
        nexus.sql(
            "USE WAREHOUSE VIDEXA_SHARED_WH; INSERT INTO HCS0003_DB.NEXUSCHAT.CONVERSATIONS "
            "(CONVERSATION_ID, USER_ID, TITLE, TENANT_ID) "
            "SELECT CONVERSATION_ID, USER_ID, TITLE, 'HCS0003' FROM HCS0003_DB.NEXUSCHAT_OLD.CONVERSATIONS; "
            "DROP SCHEMA HCS0003_DB.NEXUSCHAT_OLD",
            "ACCOUNTADMIN",
        )
        run("second up", "up", "--yes", "--json", "--expect-no-changes")
        run("verify", "verify", "--json", expect=None)
        run("drift", "drift", "--json", expect=1)
        story.seen["moved"] = nexus.run(
            *("sql", "--user", "AGENTNEXUS_SVC", "--role", "HCS0003_APP", "--json"),
            "USE WAREHOUSE HCS0003_WH; SELECT USER_ID, TITLE FROM HCS0003_DB.NEXUSCHAT.CONVERSATIONS",
        ).answer[-1]["rows"]
        taken_back(story, nexus, run)
    run("destroy", "destroy", "--yes", "--json")
    story.seen["left"] = nexus.stack.exists()
    return story


def test_what_would_be_replaced_blocks_and_nothing_is_written(story: Story) -> None:
    blocked = story.runs["blocked"].answer["blocked"]
    assert [each["resource"] for each in blocked] == [BLOCKED]
    assert "isTransient is true, declared is false" in blocked[0]["why"]
    assert f"--keep '{BLOCKED}'" in blocked[0]["way_out"]
    assert not story.seen["written though blocked"]


def test_what_has_a_setting_of_its_own_is_taken_over_by_it(story: Story) -> None:
    settings = story.runs["blocked"].answer["settings"]
    assert settings["snowflake.service_user.adopt"] is True
    assert settings["azure.vault.adopt"] is True
    vault = story.runs["adopt"].answer["by_setting"]["azure-native keyvault Vault vault"]
    told = {line["property"]: (line["found"], line["declared"]) for line in vault if line["becomes"] == "changed"}
    assert told["properties.publicNetworkAccess"] == ("enabled", "disabled")


def test_every_object_is_found_with_what_becomes_of_it(story: Story) -> None:
    found = story.found("adopt")
    assert {each["tenant"] for each in found.values()} == {None, "HCS0001", "HCS0002", "HCS0003"}
    lines = {line["property"]: line for line in found["snowflake Table HCS0001-CONVERSATIONS"]["differs"]}
    assert lines["TITLE"]["becomes"] == "changed"
    assert lines["OLD_NOTE"]["becomes"] == "kept"
    assert lines["RAW"]["becomes"] == "added"
    assert lines["TENANT_ID"]["becomes"] == "added"
    assert "cannot be NOT NULL" in lines["TENANT_ID"]["why"]
    (retention,) = (
        line
        for line in found["snowflake Database HCS0002_DB"]["differs"]
        if line["property"] == "dataRetentionTimeInDays"
    )
    assert (retention["found"], retention["declared"], retention["becomes"]) == ("60", "30", "kept")
    assert "tenants change HCS0002 --retention-days 60" in retention["why"]


def test_the_hand_over_is_told_with_its_undo(story: Story) -> None:
    told = {each["statement"]: each["undo"] for each in story.runs["adopt"].answer["hand_over"]}
    assert (
        told['GRANT OWNERSHIP ON DATABASE "HCS0001_DB" TO ROLE "SYSADMIN" COPY CURRENT GRANTS']
        == 'GRANT OWNERSHIP ON DATABASE "HCS0001_DB" TO ROLE "ACCOUNTADMIN" COPY CURRENT GRANTS'
    )
    assert 'GRANT OWNERSHIP ON ROLE "HCS0001_APP" TO ROLE "USERADMIN" COPY CURRENT GRANTS' in told
    # Monitors and warehouses are ACCOUNTADMIN's to declare.
    assert not any("WAREHOUSE" in statement or "MONITOR" in statement for statement in told)


def test_the_first_up_was_killed_in_the_middle(story: Story) -> None:
    assert story.seen["killed at"] >= 150
    assert "was killed" in story.runs["up"].stderr


def test_not_one_row_is_lost(story: Story) -> None:
    assert sum(map(len, story.seen["rows before"])) == 5
    assert story.seen["rows after"] == story.seen["rows before"]


def test_what_was_moved_by_hand_is_where_it_belongs(story: Story) -> None:
    assert story.seen["moved"] == [["dora", "Fifth"]]


def test_a_second_up_changes_nothing(story: Story) -> None:
    changes = story.runs["second up"].answer["changes"]
    assert {kind: count for kind, count in changes.items() if count and kind != "unchanged"} == {}


def test_verify_fails_only_where_something_stays_as_it_was_found(story: Story) -> None:
    failed = [check for check in story.runs["verify"].answer["checks"] if not check["passed"]]
    named = {finding["resource"] for check in failed for finding in check["findings"]}
    told = {each["resource"].rsplit(" ", 1)[-1] for each in story.runs["adopt"].answer["unlike"]}
    assert named == told
    assert {"HCS0002_DB", "HCS0001-CHAT_MESSAGES"} <= told


def test_drift_tells_the_grants_of_before_and_nothing_else(story: Story) -> None:
    drift = story.runs["drift"].answer["drift"]
    assert {(each["what"], each["property"]) for each in drift} == {
        ('ROLE "HCS0001_ADMIN"', "grants"),
        ('ROLE "HCS0001_ANALYST"', "grants"),
    }
    assert all(each["mend"].startswith("./nexus sql --role SECURITYADMIN 'REVOKE ") for each in drift)


def test_what_the_state_forgot_is_not_made_over_its_rows_and_is_taken_over_again(story: Story) -> None:
    assert story.seen["forgotten"]
    assert all("HCS0002" in urn for urn in story.seen["forgotten"])
    assert story.runs["made anew"].answer["changes"]["created"] == 0
    blocked = story.runs["not yet again"].answer["blocked"]
    assert blocked
    assert all("TableConstraint" in each["resource"] for each in blocked)
    assert story.seen["rows before it"] == story.seen["rows after it"] == [[["carl", "c9", "Ninth"]]]


def test_an_embedded_stack_with_a_protected_vault_can_be_thrown_away(story: Story) -> None:
    assert story.runs["destroy"].answer["result"] == "succeeded"
    assert not story.seen["left"]
