"""An organisation's life on the embedded cloud: taken on, suspended, exported, retired, deleted, certified."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from nexus_command import Nexus, Ran

OFFICER = ("--accepted-by", "officer@example.org")
READ = "SELECT COUNT(*) FROM HCS0003_DB.NEXUSCHAT.CONVERSATIONS"


@dataclass
class Life:
    nexus: Nexus
    export: Path
    runs: dict[str, Ran] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, *arguments: str, expect: int = 0) -> None:
        self.runs[name] = self.nexus.run(*arguments, expect=expect)
        self.text[name] = self.nexus.tenants_file.read_text(encoding="utf-8")

    @property
    def record(self) -> dict[str, Any]:
        path = self.nexus.directory / "retirements" / "HCS0003.json"
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known


@pytest.fixture(scope="module")
def life(nexus_up: Nexus, tmp_path_factory: pytest.TempPathFactory) -> Life:
    nexus = nexus_up
    life = Life(nexus, tmp_path_factory.mktemp("export") / "HCS0003")
    with nexus.serving():
        life.run("add", "tenants", "add", "--monthly-credits", "10", "--json")
        life.run("up with it", "up", "--yes", "--json")
        nexus.run(
            *("sql", "--role", "HCS0003_APP"),
            "USE WAREHOUSE HCS0003_WH; INSERT INTO HCS0003_DB.NEXUSCHAT.CONVERSATIONS (TENANT_ID, CONVERSATION_ID, "
            "USER_ID, TITLE, TAGS) SELECT 'HCS0003', 'c', 'u', 'Grüße 😀', PARSE_JSON('[1]')",
        )
        life.run("retire", "tenants", "remove", "HCS0003", *OFFICER, "--to", str(life.export), "--json")
        life.run("up suspended", "up", "--yes", "--json")
        life.run("read suspended", "sql", "--role", "HCS0003_APP", READ, expect=1)
        life.run("verify suspended", "verify", "--json")

        # Its days are over.
        known = yaml.safe_load(life.text["up suspended"])
        known["organizations"]["HCS0003"]["retired"] |= {"since": "2020-01-01", "delete_from": "2020-02-01"}
        nexus.tenants_file.write_text(yaml.safe_dump(known, sort_keys=False), encoding="utf-8")
        life.run("delete", "tenants", "remove", "HCS0003", *OFFICER, "--json")
        life.run("certify before up", "tenants", "remove", "HCS0003", expect=1)
        life.run("up without it", "up", "--yes", "--json")
        life.run("certify", "tenants", "remove", "HCS0003", "--json")
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
    assert life.runs["verify suspended"].answer["passed"] is True


def test_deleting_touches_that_organisation_alone(life: Life) -> None:
    answer = life.runs["delete"].answer
    assert {change["change"] for change in answer["plan"]} == {"deleted"}
    assert all("HCS0003" in change["name"] for change in answer["plan"])
    assert answer["changes_elsewhere"] == 0
    assert set(yaml.safe_load(life.text["delete"])["organizations"]) == {"HCS0001", "HCS0002"}
    assert changed(life.runs["up without it"]) == {"deleted": len(answer["plan"])}


def test_the_certificate_says_what_went_and_until_when_it_can_be_had_back(life: Life) -> None:
    assert "is still up in stack local" in life.runs["certify before up"].stderr
    certificate = life.runs["certify"].answer["certificate"]
    assert certificate == life.record["certificate"]
    assert (certificate["organization"], certificate["rows"]["CONVERSATIONS"]) == ("HCS0003", 1)
    assert certificate["deletion_accepted_by"] == "officer@example.org"
    assert certificate["deleted_at"][:10] < certificate["time_travel_until"] < certificate["fail_safe_until"]
    digests = {each["table"]: each["sha256"] for each in life.record["export"]["tables"]}
    assert certificate["sha256_of_export"] == digests
