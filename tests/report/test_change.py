"""A change checked over its base: whom it touches, what it would lose, and that the report is what the graph says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from changed_checkout import CREDENTIALS, Checkout, Report
from reach import reached, tables


def steps(checked: Report) -> dict[str, Any]:
    return {step["step"]: step for step in json.loads(checked.ran.stdout)["steps"]}


def test_every_step_is_told_with_its_time(checked: Report) -> None:
    told = steps(checked)
    assert list(told) == [
        *("settings", "style", "format", "preview", "up", "verify", "destroy"),
        *("change over the base", "cost", "report"),
    ]
    assert all(step["seconds"] >= 0 for step in told.values())
    assert told["verify"]["said"].endswith("checks passed")


def test_a_loss_that_nobody_accepted_fails_the_check_at_that_step_alone(checked: Report) -> None:
    assert checked.ran.returncode == 1, checked.ran
    # Whether the tree is formatted is for the linters themselves to say.
    told = {name: step for name, step in steps(checked).items() if name not in ("style", "format")}
    failed = {name: step["problems"] for name, step in told.items() if not step["passed"]}
    assert failed == {"change over the base": ["database HCS0001_DB: shorten retention from 30 to 10 days"]}


def test_only_the_tenants_that_it_touches_are_named(checked: Report) -> None:
    plan = checked.data["plan"]
    assert plan["touches"] == "touches HCS0001 and HCS0002 only"
    changes = {each["tenant"]: each["changes"] for each in plan["tenants"]}
    assert changes["HCS0001"] == {"updated": 1, "replaced": 1}
    assert changes["HCS0002"].keys() == {"created"}
    (database,) = (each for each in plan["tenants"][0]["resources"] if each["name"] == "HCS0001_DB")
    assert database["differences"] == ["dataRetentionTimeInDays: 30 → 10"]


def test_the_loss_says_what_is_lost_and_whether_it_can_be_had_back(checked: Report) -> None:
    (loss,) = checked.data["data_loss"]["blocked"]
    assert loss["tenant"] == "HCS0001"
    assert "can no longer be brought back" in loss["lost"]
    assert loss["recoverable"].startswith("no")


def test_the_cost_is_told_by_tenant(checked: Report) -> None:
    cost = checked.data["cost"]
    assert cost["against"]["tenants"] == {"HCS0002": {"floor": 0, "ceiling": 320}}
    assert cost["tenants"]["HCS0002"] == {"floor": 0, "ceiling": 320}


def test_every_policy_has_a_verdict_and_its_citation(checked: Report) -> None:
    from policies.catalogue import POLICIES

    found = checked.data["policies"]
    assert [each["policy"] for each in found["verdicts"]] == [policy.id for policy in POLICIES]
    assert found["totals"] == {"passed": len(POLICIES)}
    cited = {(each["safeguard"], policy) for each in found["safeguards"] for policy in each["policies"]}
    assert cited == {(paragraph, policy.id) for policy in POLICIES for paragraph in policy.safeguards}


def test_the_matrix_is_what_another_computation_of_the_graph_gives(checked: Report) -> None:
    """Cell by cell, both ways: nothing is missing in the report, and nothing is in it that is not so."""
    isolation = checked.data["isolation"]
    shown = {
        (cell["holder"], privilege, cell["object"].removeprefix("TABLE "))
        for cell in isolation["cells"]
        for reach in cell["reaches"]
        if reach["way"] == "direct"
        for privilege in reach["privileges"]
    }
    graph = checked.graph
    asked = {each["object"].removeprefix("TABLE ") for each in isolation["objects"]}
    computed = {found for found in reached(graph) if found[2] in asked}
    assert computed - shown == set()
    assert shown - computed == set()
    assert len(shown) > 100
    own = {table for table in tables(graph) if table.startswith("HCS")}
    assert own < asked
    # And what it is all for, in the words of the second computation.
    for holder, privilege, table in computed:
        tenant = re.match(r"(?:DATABASE )?ROLE (HCS\d{4})", holder)
        assert tenant is None or table.startswith(tenant[1]), (holder, privilege, table)


def test_every_path_leads_from_its_holder_to_its_object(checked: Report) -> None:
    from cli.report.isolation import steps_of

    isolation = checked.data["isolation"]
    for cell in isolation["cells"]:
        for reach in cell["reaches"]:
            path = steps_of(cell, reach, isolation["paths"])
            assert not [step for step in path if "{" in step]
            assert cell["holder"] in path[0]


def test_every_tagged_column_is_a_row_and_no_other_is(checked: Report) -> None:
    tagged: dict[str, set[str]] = {}
    for each in checked.graph:
        if each["kind"] == "TagAssociation":
            for name in each["inputs"]["objectIdentifiers"]:
                *_, table, column = re.findall(r'"([^"]+)"', name)
                tagged.setdefault(f"{table}.{column}", set()).add(each["inputs"]["tagValue"])
    shown = {f"{row['table']}.{row['column']}": set(row["classes"]) for row in checked.data["columns"] if row["tagged"]}
    assert shown == tagged
    assert {row["state"] for row in checked.data["columns"]} == {"protected", "none"}


def test_the_summary_fits_a_comment_and_says_what_stops_it(checked: Report) -> None:
    text = checked.text("summary.md")
    assert len(text) < 65_000
    assert "❌ prod: touches HCS0001 and HCS0002 only" in text
    assert "shorten retention from 30 to 10 days" in text
    assert json.loads(checked.ran.stdout)["summary"] == text


def test_nothing_secret_and_nothing_of_this_machine_is_in_it(checked: Report, checkout: Checkout) -> None:
    everything = checked.ran.stdout + "".join(
        checked.text(name) for name in ("report.html", "report.json", "graph.json", "summary.md")
    )
    for told in (*CREDENTIALS.values(), "PRIVATE KEY", "BEGIN", "4dabf18193072939515e22adb298388d", "ciphertext"):
        assert told not in everything
    report = "".join(checked.text(name) for name in ("report.html", "report.json", "graph.json", "summary.md"))
    assert str(checkout.directory.parent) not in report
    # Long random text would be a key, a hash or a token: digests of the inputs and commits are hexadecimal.
    random = {text for text in re.findall(r"[A-Za-z0-9+/_-]{40,}={0,2}", report) if re.search(r"\d", text)}
    random = {text for text in random if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text)}
    random = {text for text in random if not re.search(r"[a-z]{4,}[-_/]|[A-Z]{4,}[-_/]|sha256-", text)}
    assert random == set()


def test_it_leaves_nothing_else(checked: Report, checkout: Checkout) -> None:
    assert sorted(path.name for path in checked.directory.iterdir()) == [
        *("graph.json", "report.html", "report.json", "summary.md")
    ]
    left = list(checkout.home.rglob("*")) if checkout.home.exists() else []
    assert left == []


@pytest.fixture(scope="module")
def again(checkout: Checkout) -> Report:
    """The same inputs once more, by the other command and with other hashes of Python's."""
    out = checkout.directory.parent / "again"
    arguments = ("--stack", "prod", "--base", "HEAD", "--out", str(out))
    return Report(checkout.run("report", *arguments, hash_seed="4711"), out)


@pytest.mark.parametrize("name", ["report.json", "report.html", "graph.json", "summary.md"])
def test_the_same_inputs_give_the_same_bytes(checked: Report, again: Report, name: str) -> None:
    assert again.ran.returncode == 1, again.ran
    assert again.text(name) == checked.text(name)
