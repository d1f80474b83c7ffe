"""A stack's life, told once: the runs are made in one fixture, each test looks at one of them."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import azure_by_hand
import pytest
from nexus_command import Nexus, Ran

CHANGES = ("created", "updated", "replaced", "deleted")
TWO: dict[str, dict[str, Any]] = {"HCS0001": {}, "HCS0002": {}}
CHANGED: dict[str, dict[str, Any]] = {"HCS0001": {}, "HCS0002": {"warehouse_size": "SMALL"}}


@dataclass
class Life:
    """Every run by its name, and what was seen between them."""

    runs: dict[str, Ran] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def changes(self, run: str) -> dict[str, int]:
        counted = self.runs[run].answer["changes"]
        return {kind: counted[kind] for kind in CHANGES if counted[kind]}

    def gone(self, run: str) -> dict[str, int]:
        """The changes that undo what a run created."""
        return {"deleted": self.changes(run)["created"]}


@pytest.fixture(scope="module")
def life(nexus: Nexus) -> Life:
    life = Life()

    def run(name: str, *arguments: str, expect: int | None = 0) -> None:
        life.runs[name] = nexus.run(*arguments, expect=expect)

    nexus.tenants(**TWO)
    run("first preview", "preview", "--json")
    run("first up", "up", "--yes", "--json")
    run("second up", "up", "--yes", "--json", "--expect-no-changes")
    run("outputs", "outputs", "--json")

    # With the cloud kept up, each run saves starting one.
    with nexus.serving() as endpoints:
        nexus.sql("DROP TABLE HCS0002_DB.NEXUSCHAT.FILE_UPLOADS")
        nexus.sql(
            "GRANT ROLE SYSADMIN TO USER AGENTNEXUS_SVC; GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE PUBLIC; "
            "GRANT OWNERSHIP ON ROLE HCS0001_ANALYST TO ROLE ACCOUNTADMIN COPY CURRENT GRANTS; "
            "ALTER USER VIDEXA_BREAK_GLASS SET EMAIL = 'hers@example.org' LOGIN_NAME = 'HERS_NOW'; "
            "ALTER USER AGENTNEXUS_SVC SET NETWORK_POLICY = VIDEXA_PEOPLE; "
            "ALTER TABLE HCS0001_DB.NEXUSCHAT.CONVERSATIONS SET DATA_RETENTION_TIME_IN_DAYS = 0",
            "ACCOUNTADMIN",
        )
        azure_by_hand.change(nexus, endpoints, "Vault", properties={"publicNetworkAccess": "enabled"})
        state = nexus.stack / "state" / ".pulumi" / "stacks" / "nexuschat" / "local.json"
        before = state.read_bytes()
        run("drift", "drift", "--json", expect=1)
        life.seen["state kept"] = state.read_bytes() == before
        for each in life.runs["drift"].answer["drift"]:
            if each["property"] in ("grants", "owner"):
                nexus.run(*shlex.split(each["mend"])[1:])
        settings = (nexus.stack / "Pulumi.local.yaml").read_text(encoding="utf-8")
        run("refresh", "refresh", "--json")
        run("drift after it", "drift", "--json", expect=1)
        life.seen["settings kept"] = (nexus.stack / "Pulumi.local.yaml").read_text(encoding="utf-8") == settings
        run("plan to mend", "preview")
        run("mend", "up", "--yes", "--json")
        run("no drift", "drift", "--json")
        run("verify the mended", "verify", "--json", expect=None)
        run("verify Snowflake", "verify", "--snowflake-only", "--json")

        nexus.tenants(**CHANGED)
        run("plan to change", "preview", "--sql")
        run("change", "up", "--yes", "--json")
        life.seen["size"] = nexus.sql("SHOW WAREHOUSES LIKE 'HCS%'", "ACCOUNTADMIN")

        nexus.tenants(**CHANGED, HCS0003={})
        run("plan to add", "preview")
        run("add", "up", "--yes", "--json")
        run("verify the added", "verify", "--json", expect=None)
        nexus.tenants(**CHANGED)
        run("plan to remove", "preview", expect=1)
        run("refused", "up", "--yes", "--json", expect=1)
        life.seen["databases"] = nexus.sql("SHOW DATABASES LIKE 'HCS0003_DB'", "ACCOUNTADMIN")
        run("remove", "up", "--yes", "--json", *nexus.allowing(life.runs["refused"]))
        life.seen["organizations"] = nexus.sql(
            "USE WAREHOUSE VIDEXA_SHARED_WH; "
            "SELECT ORGANIZATION_ID, REMOVED_AT FROM VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS ORDER BY 1"
        )
        run("verify the rest", "verify", "--json", expect=None)

    run("destroy", "destroy", "--yes", "--json")
    life.seen["left"] = [str(path.relative_to(nexus.home)) for path in nexus.home.rglob("*")]
    run("up again", "up", "--yes", "--json")
    return life


def planned(run: Ran) -> list[str]:
    """The lines of a plan: what changes, without the table under it."""
    return re.findall(r"^ +[+~±-] (.+)$", run.stdout, re.MULTILINE)


def test_first_up_does_what_the_preview_planned(life: Life) -> None:
    assert life.changes("first preview").keys() == {"created"}
    assert life.runs["first up"].answer["resources"] == life.runs["first preview"].answer["resources"]


def test_second_up_changes_nothing(life: Life) -> None:
    first = life.runs["first up"].answer["changes"]["created"]
    assert life.changes("second up") == {}
    assert life.runs["second up"].answer["changes"]["unchanged"] == first > 100


@pytest.mark.parametrize("name", ["verify the mended", "verify the added", "verify the rest"])
def test_verify_passes(life: Life, name: str) -> None:
    run = life.runs[name]
    failed = {check["asked"]: check["findings"] for check in run.answer["checks"] if not check["passed"]}
    assert failed == {}
    assert run.code == 0


def test_verify_may_leave_azure_out_and_says_so(life: Life) -> None:
    answer, whole = life.runs["verify Snowflake"].answer, life.runs["verify the mended"].answer
    assert (answer["left_out"], whole["left_out"]) == (["vault", "apps"], [])
    areas, all_ = ({check["area"] for check in each["checks"]} for each in (answer, whole))
    assert all_ - areas >= {"secrets", "apps", "wiring", "conversation"}
    assert areas >= {"isolation, computed", "isolation", "databases", "grants", "guards"}


def test_verify_counts_every_pair_of_tenants(life: Life) -> None:
    for name, tenants in (("verify the mended", 2), ("verify the added", 3)):
        tries = {
            check["asked"]: check["found"]
            for check in life.runs[name].answer["checks"]
            if "every other tenant" in check["asked"]
        }
        assert len(tries) == 3
        assert all(found.startswith(f"{tenants * (tenants - 1)} pairs") for found in tries.values()), tries


def test_drift_tells_what_was_done_by_hand_and_writes_nothing(life: Life) -> None:
    drift = life.runs["drift"].answer["drift"]
    told = {each["what"]: each for each in drift}
    gone = told["snowflake Table HCS0002-FILE_UPLOADS"]
    assert (gone["tenant"], gone["found"], gone["better"]) == ("HCS0002", "is gone", "declared")
    assert gone["mend"].endswith("""'UNDROP TABLE "HCS0002_DB"."NEXUSCHAT"."FILE_UPLOADS"'""")
    user = told['USER "AGENTNEXUS_SVC"']
    assert user["found"] == "it holds ROLE SYSADMIN, which nobody declared"
    assert user["mend"].endswith('\'REVOKE ROLE "SYSADMIN" FROM USER "AGENTNEXUS_SVC"\'')
    assert told["ROLE PUBLIC"]["why"] == "everybody may do all that CORTEX_USER may"
    vault = told["azure-native keyvault Vault vault"]
    assert (vault["property"], vault["declared"], vault["found"]) == (
        "properties.publicNetworkAccess",
        "disabled",
        "enabled",
    )
    assert (vault["better"], vault["mend"]) == ("declared", "./nexus refresh && ./nexus up")
    assert "azure.vault.public_network_access=enabled" in vault["adopt"]
    # The engine reads it as gone: its own role does not see it any more.
    role = told['ROLE "HCS0001_ANALYST"']
    assert (role["found"], role["declared"]) == ("ROLE ACCOUNTADMIN", "ROLE USERADMIN")
    # That a secret differs, and nothing of it.
    break_glass = "snowflake User VIDEXA_BREAK_GLASS"
    assert {each["property"]: (each["declared"], each["found"]) for each in drift if each["what"] == break_glass} == {
        "email": ("[secret]", "another [secret]"),
        "loginName": ("(nothing)", "[secret]"),
    }
    assert not re.search("hers@|HERS_NOW", life.runs["drift"].stdout)
    network = told["snowflake NetworkPolicyAttachment AGENTNEXUS_SVC-network"]
    assert network["why"] == "neither can be told: AGENTNEXUS_SVC is held to VIDEXA_PEOPLE; read both policies"
    days = told["snowflake Table HCS0001-CONVERSATIONS"]
    # The account's minimum holds, whatever the table has.
    assert days["why"] == "what is deleted can be had back for 1 days, declared 30"
    # The table's tags have gone with it.
    assert set(told) - {each["what"] for each in (gone, user, role, told["ROLE PUBLIC"], vault, network, days)} <= {
        "snowflake TagAssociation HCS0002-PHI-CONTENT",
        break_glass,
    }
    assert life.runs["drift"].answer["not_compared"] == []
    assert life.seen["state kept"]
    # What a refresh wrote into the state is not what is declared.
    read_back = life.runs["drift after it"].answer
    assert (read_back["drift"], read_back["refreshed_since_up"]) == ([], True)
    mended = life.runs["no drift"].answer
    assert (mended["drift"], mended["refreshed_since_up"]) == ([], False)


def test_a_plan_tells_its_statements(life: Life) -> None:
    said = life.runs["plan to change"].stdout
    assert 'ALTER WAREHOUSE "HCS0002_WH" SET WAREHOUSE_SIZE = SMALL;' in said
    assert 'USE ROLE "ACCOUNTADMIN";' in said
    assert "HCS0001_WH" not in said


def test_refresh_sees_a_table_dropped_behind_its_back(life: Life) -> None:
    assert life.changes("refresh")["deleted"] == 1
    # Of two organisations, by the last run's own settings, and not of twenty.
    assert life.seen["settings kept"]
    assert any("FILE_UPLOADS" in line for line in planned(life.runs["plan to mend"]))


def test_up_mends_a_dropped_table(life: Life) -> None:
    assert life.changes("mend")["created"] >= 1


def test_a_changed_tenant_touches_only_its_own_resources(life: Life) -> None:
    lines = planned(life.runs["plan to change"])
    assert lines
    assert [line for line in lines if "HCS0002" not in line and "stack" not in line] == []
    assert Counter(life.changes("change")).total() == len(lines)
    sizes = {row["name"]: row["size"] for row in life.seen["size"]}
    assert sizes == {"HCS0001_WH": "X-Small", "HCS0002_WH": "Small"}


def test_an_added_tenant_touches_no_other(life: Life) -> None:
    lines = planned(life.runs["plan to add"])
    assert [line for line in lines if "HCS0003" not in line and "stack" not in line] == []
    assert life.changes("add").keys() == {"created"}


def test_a_tenant_is_not_removed_before_somebody_accepted_it(life: Life) -> None:
    """The plan names the tenant and what goes with it, and `up` writes nothing."""
    assert "✗ organisation HCS0003: remove" in life.runs["plan to remove"].stdout
    refused = life.runs["refused"].answer
    (found,) = refused["data_loss"]["blocked"]
    assert (found["tenant"], found["object"], found["change"]) == ("HCS0003", "organisation HCS0003", "remove")
    assert "HCS0003_DB" in found["lost"]
    assert found["check_first"].startswith("SELECT TABLE_SCHEMA, TABLE_NAME, ROW_COUNT FROM HCS0003_DB")
    assert "UNDROP DATABASE HCS0003_DB" in found["recoverable"]
    assert refused["result"] == "failed"
    assert life.changes("refused") == {}
    assert len(life.seen["databases"]) == 1


def test_what_loses_nothing_needs_no_allowance(life: Life) -> None:
    """None of these runs was given one, and their answers name no loss."""
    for name in ("first preview", "first up", "second up", "mend", "change", "add", "up again"):
        assert life.runs[name].answer["data_loss"] == {"blocked": [], "allowed": [], "stale": []}, name


def test_a_removed_tenant_touches_no_other(life: Life) -> None:
    lines = planned(life.runs["plan to remove"])
    assert [line for line in lines if "HCS0003" not in line and "stack" not in line] == []
    assert life.changes("remove") == life.gone("add")


def test_a_removed_tenant_is_remembered_once_and_no_row_is_there_twice(life: Life) -> None:
    rows = life.seen["organizations"]
    assert [row["ORGANIZATION_ID"] for row in rows] == ["HCS0001", "HCS0002", "HCS0003"]
    assert [row["REMOVED_AT"] is None for row in rows] == [True, True, False]


def test_destroy_leaves_nothing(life: Life) -> None:
    assert life.changes("destroy") == life.gone("first up")
    assert life.seen["left"] == []


def test_up_after_destroy_makes_everything_again(life: Life) -> None:
    assert life.changes("up again") == life.changes("first up")


def test_outputs_tell_every_tenant(life: Life) -> None:
    outputs = life.runs["outputs"].answer
    assert sorted(outputs["tenants"]) == ["HCS0001", "HCS0002"]
    assert outputs["tenants"]["HCS0002"]["database"] == "HCS0002_DB"
