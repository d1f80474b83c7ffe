"""An organisation's life on the embedded cloud: taken on, suspended, exported, retired, deleted, certified."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from nexus_command import ROOT, Nexus, Ran

OFFICER = ("--accepted-by", "officer@example.org")
ANOTHERS = {
    "object": "organisation HCS0002",
    "change": "remove",
    "fingerprint": "fedcba9876543210",
    "reason": "tried in a test",
    "acceptedBy": "officer@example.org",
    "expires": "2999-12-31",
}
READ = "SELECT COUNT(*) FROM HCS0003_DB.NEXUSCHAT.CONVERSATIONS"


@dataclass
class Life:
    nexus: Nexus
    export: Path
    runs: dict[str, Ran] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def run(self, name: str, *arguments: str, expect: int = 0) -> None:
        self.runs[name] = self.nexus.run(*arguments, expect=expect)
        self.text[name] = self.nexus.tenants_file.read_text(encoding="utf-8")

    def others(self) -> dict[str, tuple[str, str]]:
        """When each resource of the other organisations was made and last changed, by the engine's own word."""
        return {
            each["urn"]: (each["created"], each["modified"])
            for each in self.nexus.resources()
            if each.get("custom") and any(name in each["urn"] for name in ("HCS0001", "HCS0002"))
        }

    def kill_when_the_line_is_gone(self, *arguments: str) -> None:
        """kill -9 between the line's going and the allowance."""
        with subprocess.Popen(
            self.nexus.command(*arguments),
            cwd=ROOT,
            env=self.nexus.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            until = time.monotonic() + 60
            while "HCS0003" in self.nexus.tenants_file.read_text(encoding="utf-8"):
                assert process.poll() is None, "it ended with the line in"
                assert time.monotonic() < until, "it did not end"
            process.kill()

    @property
    def record(self) -> dict[str, Any]:
        path = self.nexus.directory / "retirements" / "HCS0003.json"
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known


@pytest.fixture(scope="module")
def life(nexus_up: Nexus, tmp_path_factory: pytest.TempPathFactory) -> Life:
    nexus = nexus_up
    life = Life(nexus, tmp_path_factory.mktemp("export") / "HCS0003")
    allowances = nexus.stack / "allowances.yaml"
    with nexus.serving():
        life.run("add", "tenants", "add", "--monthly-credits", "10", "--json")
        life.run("up with it", "up", "--yes", "--json")
        nexus.run(
            *("sql", "--role", "HCS0003_APP"),
            "USE WAREHOUSE HCS0003_WH; INSERT INTO HCS0003_DB.NEXUSCHAT.CONVERSATIONS (TENANT_ID, CONVERSATION_ID, "
            "USER_ID, TITLE, TAGS) SELECT 'HCS0003', 'c', 'u', 'Grüße 😀', PARSE_JSON('[1]')",
        )
        life.seen["others"] = life.others()
        beside = life.export.with_name("beside")
        nexus.sql(
            "USE WAREHOUSE VIDEXA_SHARED_WH; CREATE SCHEMA HCS0003_DB.OWN; "
            "CREATE TABLE HCS0003_DB.OWN.T AS SELECT 1 AS A"
        )
        life.run("retire too much", "tenants", "remove", "HCS0003", *OFFICER, "--to", str(beside), expect=1)
        nexus.sql("DROP SCHEMA HCS0003_DB.OWN")
        life.run("retire", "tenants", "remove", "HCS0003", *OFFICER, "--to", str(life.export), "--json")
        life.run("up suspended", "up", "--yes", "--json")
        life.run("read suspended", "sql", "--role", "HCS0003_APP", READ, expect=1)
        (warehouse,) = nexus.sql("SHOW WAREHOUSES LIKE 'HCS0003_WH'", "ACCOUNTADMIN")
        life.seen["warehouse"] = warehouse["state"]
        life.run(
            *("register suspended", "sql", "--role", "VIDEXA_SHARED_APP"),
            "USE WAREHOUSE VIDEXA_SHARED_WH; "
            "CALL VIDEXA_SHARED.TENANT_MANAGEMENT.REGISTER_USER('HCS0003', 'u', NULL, NULL, 'MEMBER')",
            expect=1,
        )
        life.run("verify suspended", "verify", "--json")

        # Its days are over.
        known = yaml.safe_load(life.text["up suspended"])
        over = {"since": "2020-01-01", "delete_from": "2020-02-01"}
        known["organizations"]["HCS0003"]["retired"] |= over
        record = life.record
        record["retired"] |= over
        (nexus.directory / "retirements" / "HCS0003.json").write_text(json.dumps(record), encoding="utf-8")
        due = yaml.safe_dump(known, sort_keys=False)
        nexus.tenants_file.write_text(due, encoding="utf-8")
        # A row that is as many, and not the same any more.
        change = "USE WAREHOUSE VIDEXA_SHARED_WH; UPDATE HCS0003_DB.NEXUSCHAT.CONVERSATIONS SET UPDATED_AT = "
        nexus.sql(f"{change} SYSDATE()")
        life.run("changed since", "tenants", "remove", "HCS0003", *OFFICER, expect=1)
        nexus.sql(f"{change} NULL")
        # The whole database goes: what somebody keeps beside the schema would go with it.
        nexus.sql(
            "CREATE SCHEMA HCS0003_DB.BESIDE; CREATE TABLE HCS0003_DB.BESIDE.NOTES (A NUMBER); "
            "USE WAREHOUSE VIDEXA_SHARED_WH; INSERT INTO HCS0003_DB.BESIDE.NOTES VALUES (1)"
        )
        life.run("more in the database", "tenants", "remove", "HCS0003", *OFFICER, expect=1)
        nexus.sql("DROP SCHEMA HCS0003_DB.BESIDE")
        # Somebody has changed another's line in the same file.
        known["organizations"]["HCS0002"] = {"warehouse_size": "SMALL"}
        life.seen["poisoned"] = yaml.safe_dump(known, sort_keys=False)
        nexus.tenants_file.write_text(life.seen["poisoned"], encoding="utf-8")
        life.run("poisoned", "tenants", "remove", "HCS0003", *OFFICER, expect=1)
        life.seen["poisoned record"] = life.record
        life.seen["poisoned allowances"] = allowances.exists()
        nexus.tenants_file.write_text(due, encoding="utf-8")

        # Of it and of another, something was taken over: a line that nothing declares would end every run.
        adopted = {f"snowflake Table {name}-CONVERSATIONS": {"keep": ["comment"]} for name in ("HCS0001", "HCS0003")}
        (nexus.stack / "adopted.yaml").write_text(yaml.safe_dump({"config": {"nexuschat:imports": adopted}}), "utf-8")
        life.kill_when_the_line_is_gone("tenants", "remove", "HCS0003", *OFFICER)
        life.run("delete", "tenants", "remove", "HCS0003", *OFFICER, "--json")
        # What another organisation's removal was allowed meanwhile.
        allowed = yaml.safe_load(allowances.read_text(encoding="utf-8"))
        allowances.write_text(yaml.safe_dump([*allowed, ANOTHERS]), encoding="utf-8")
        life.run("certify before up", "tenants", "remove", "HCS0003", expect=1)
        life.seen["adopted"] = yaml.safe_load((nexus.stack / "adopted.yaml").read_text(encoding="utf-8"))
        life.run("up without it", "up", "--yes", "--json")
        (nexus.stack / "adopted.yaml").unlink()
        life.run("certify", "tenants", "remove", "HCS0003", "--json")
        life.run("certify again", "tenants", "remove", "HCS0003", "--json")
        life.seen["allowances"] = yaml.safe_load(allowances.read_text(encoding="utf-8"))
        life.run("add again", "tenants", "add", "HCS0003", expect=2)
        # Whoever loses the record finds the account's own register.
        (nexus.directory / "retirements" / "HCS0003.json").rename(nexus.directory / "kept.json")
        life.run("add without record", "tenants", "add", "HCS0003", expect=2)
        (nexus.directory / "kept.json").rename(nexus.directory / "retirements" / "HCS0003.json")
    return life


def changed(ran: Ran) -> dict[str, int]:
    return {kind: count for kind, count in ran.answer["changes"].items() if count and kind != "unchanged"}


def test_adding_shows_the_plan_of_that_organisation_alone(life: Life) -> None:
    answer = life.runs["add"].answer
    assert (answer["organization"], answer["lines"]) == ("HCS0003", ["+  HCS0003: {monthly_credits: 10}"])
    assert {change["change"] for change in answer["plan"]} == {"created"}
    assert all("HCS0003" in change["name"] for change in answer["plan"])
    assert answer["changes_elsewhere"] == 0
    assert answer["cost"]["before"] is None
    assert answer["cost"]["after"]["ceiling"] > 0
    assert changed(life.runs["up with it"]) == {"created": len(answer["plan"])}


def test_retiring_exports_suspends_and_sets_a_day(life: Life) -> None:
    kept = yaml.safe_load(life.text["retire"])["organizations"]["HCS0003"]
    assert (kept["suspended"], kept["retired"]["accepted_by"]) == (True, "officer@example.org")
    assert (kept["retired"]["delete_from"] - kept["retired"]["since"]).days == 90
    (row,) = pyarrow.parquet.read_table(life.export / "CONVERSATIONS.parquet").to_pylist()
    assert (row["CONVERSATION_ID"], row["TITLE"], json.loads(row["TAGS"])) == ("c", "Grüße 😀", [1])
    counts = {each["table"]: each["rows"] for each in life.record["export"]["tables"]}
    assert (counts["CONVERSATIONS"], sum(counts.values())) == (1, 1)
    assert "Grüße" not in json.dumps(life.record, ensure_ascii=False)
    assert oct((life.export / "CONVERSATIONS.parquet").stat().st_mode & 0o777) == "0o600"


def test_a_suspended_one_reaches_nothing_and_the_others_work(life: Life) -> None:
    assert "002003" in life.runs["read suspended"].stderr
    assert life.seen["warehouse"] == "SUSPENDED"
    assert "HCS0003 is suspended" in life.runs["register suspended"].stderr
    assert life.runs["verify suspended"].answer["passed"] is True


def test_what_the_export_lacks_is_not_deleted(life: Life) -> None:
    assert "CONVERSATIONS has 1 rows of after the export" in life.runs["changed since"].stderr


def test_what_lies_beside_its_schema_is_not_lost_with_it(life: Life) -> None:
    assert "the export lacks what HCS0003_APP does not see of HCS0003_DB" in life.runs["retire too much"].stderr
    assert "OWN.T: 1 rows" in life.runs["retire too much"].stderr
    assert life.text["retire too much"] == life.text["up with it"]
    assert "BESIDE.NOTES has 1 rows, the export 0" in life.runs["more in the database"].stderr


def test_no_step_touches_another_organisation(life: Life) -> None:
    """With another's change in the same file nothing is removed, allowed or written down."""
    assert "changes beside this organisation's are due" in life.runs["poisoned"].stderr
    assert life.text["poisoned"] == life.seen["poisoned"]
    assert "deletion" not in life.seen["poisoned record"]
    assert not life.seen["poisoned allowances"]
    # By the engine's own word nothing of the others was as much as written since, and their allowances stay.
    assert len(life.seen["others"]) > 100
    assert life.others() == life.seen["others"]
    assert life.seen["allowances"] == [ANOTHERS]


def test_a_killed_removal_goes_on_and_its_id_is_never_given_again(life: Life) -> None:
    assert life.record["deletion"]["asked_by"] == "officer@example.org"
    assert life.runs["certify again"].answer == life.runs["certify"].answer
    assert "HCS0003 was removed, and an id is given once: the next free one is HCS0004" in life.runs["add again"].stderr
    assert "the next free one is HCS0004" in life.runs["add without record"].stderr


def test_deleting_touches_that_organisation_alone(life: Life) -> None:
    answer = life.runs["delete"].answer
    assert {change["change"] for change in answer["plan"]} == {"deleted"}
    assert all("HCS0003" in change["name"] for change in answer["plan"])
    assert answer["changes_elsewhere"] == 0
    assert set(yaml.safe_load(life.text["delete"])["organizations"]) == {"HCS0001", "HCS0002"}
    assert changed(life.runs["up without it"]) == {"deleted": len(answer["plan"])}
    assert list(life.seen["adopted"]["config"]["nexuschat:imports"]) == ["snowflake Table HCS0001-CONVERSATIONS"]


def test_the_certificate_says_what_went_and_until_when_it_can_be_had_back(life: Life) -> None:
    assert "is still up in stack local" in life.runs["certify before up"].stderr
    certificate = life.runs["certify"].answer["certificate"]
    assert certificate == life.record["certificate"]
    assert (certificate["organization"], certificate["rows"]["CONVERSATIONS"]) == ("HCS0003", 1)
    assert certificate["deletion_accepted_by"] == "officer@example.org"
    assert certificate["deleted_at"][:10] < certificate["time_travel_until"] < certificate["fail_safe_until"]
    digests = {each["table"]: each["sha256"] for each in life.record["export"]["tables"]}
    assert certificate["sha256_of_export"] == digests
