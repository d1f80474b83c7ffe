"""What the report makes of graphs that are not as they should be, of losses and allowances, and of hostile names."""

from __future__ import annotations

import copy
import json
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.cost.graph import KeptPlan
from cli.report.coverage import coverage
from cli.report.evidence import _losses, touches
from cli.report.gather import Base
from cli.report.isolation import highest, level_of, matrix, steps_of
from cli.report.page import page
from cli.report.summary import LONGEST, summary
from policies.data_loss import Finding, Judged, Verdict
from policies.graph.isolation import Reach, Way
from policies.graph.resources import Resource, ResourceGraph

TODAY = date(2026, 11, 23)
MAKER = "urn:pulumi:prod::nexuschat::pulumi:providers:snowflake::snowflake-sysadmin"


def resource(kind: str, logical: str, **inputs: Any) -> Resource:
    type_ = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return Resource(f"urn:pulumi:prod::nexuschat::{type_}::{logical}", type_, inputs, {}, f"{MAKER}::id")


def table(database: str, *columns: tuple[str, str], name: str = "CONVERSATIONS") -> Resource:
    listed = [{"name": column, "type": type_} for column, type_ in columns]
    return resource("Table", f"{database}-{name}", database=database, schema="NEXUSCHAT", name=name, columns=listed)


def tagged(database: str, column: str) -> Resource:
    names = [f'"{database}"."NEXUSCHAT"."CONVERSATIONS"."{column}"']
    return resource("TagAssociation", f"{database}-{column}", objectIdentifiers=names, tagValue="CONTENT")


PLACE = {"database": "VIDEXA_SHARED", "schema": "GOVERNANCE"}
MASK = resource("MaskingPolicy", "PHI_TEXT", **PLACE, name="PHI_TEXT", returnDataType="VARCHAR")
TAG = resource("Tag", "PHI", **PLACE, name="PHI", maskingPolicies=['"VIDEXA_SHARED"."GOVERNANCE"."PHI_TEXT"'])


def states(*resources: Resource) -> dict[str, str]:
    return {row["column"]: row["state"] for row in coverage(ResourceGraph(resources))}


def test_a_column_is_protected_where_it_is_tagged_everywhere_and_the_tag_masks_its_type() -> None:
    both = [table(database, ("TITLE", "VARCHAR(10)")) for database in ("HCS0001_DB", "HCS0002_DB")]
    first, second = tagged("HCS0001_DB", "TITLE"), tagged("HCS0002_DB", "TITLE")
    assert states(*both, first, second, TAG, MASK) == {"TITLE": "protected"}
    assert states(*both, first, TAG, MASK) == {"TITLE": "gap"}
    assert states(*both, first, second, TAG) == {"TITLE": "gap"}
    assert states(*both, TAG, MASK) == {"TITLE": "gap"}


def test_a_column_that_nobody_has_classified_is_said_so() -> None:
    assert states(
        table("HCS0001_DB", ("LANGUAGE", "VARCHAR(256)"), ("MODEL", "VARCHAR(256)"), ("COUNT", "NUMBER"))
    ) == {
        "LANGUAGE": "unclassified",
        "MODEL": "none",
    }


def test_a_way_to_another_tenant_is_a_breach_in_its_cell() -> None:
    grant = resource(
        "GrantPrivilegesToAccountRole",
        "a-mistake",
        accountRoleName='"HCS0002_APP"',
        privileges=["SELECT"],
        onSchemaObject={"objectType": "TABLE", "objectName": '"HCS0001_DB"."NEXUSCHAT"."CONVERSATIONS"'},
    )
    roles = [resource("AccountRole", name, name=name) for name in ("HCS0001_APP", "HCS0002_APP")]
    found = matrix(Reach(ResourceGraph([*roles, table("HCS0001_DB"), grant])), [])
    (cell,) = (cell for cell in found["cells"] if cell["holder"] == "ROLE HCS0002_APP")
    assert cell["level"] == "breach"
    assert steps_of(cell, cell["reaches"][0], found["paths"]) == [
        "SELECT on TABLE HCS0001_DB.NEXUSCHAT.CONVERSATIONS is granted to ROLE HCS0002_APP (a-mistake)"
    ]
    assert [each["rule"] for each in found["findings"]] == ["no role of a tenant reaches another tenant"]


def test_a_cell_shows_the_furthest_that_is_reached() -> None:
    assert level_of("SELECT", Way.DIRECT) == "reads"
    assert level_of("DELETE", Way.DIRECT) == "writes"
    assert level_of("OWNERSHIP", Way.DIRECT) == "owns"
    assert level_of("OWNERSHIP", Way.ADMINISTRATIVE) == "grants-itself"
    assert level_of("SELECT", Way.PROCEDURE) == "by-procedure"
    assert highest(["by-procedure", "reads", "grants-itself"]) == "reads"


@pytest.mark.parametrize(
    ("touched", "words"),
    [
        ([], "touches nothing"),
        ([None], "touches only what all share"),
        (["HCS0007"], "touches HCS0007 only"),
        ([None, "HCS0007"], "touches what all share and HCS0007"),
        (["HCS0001", "HCS0002", "HCS0003"], "touches HCS0001, HCS0002 and HCS0003 only"),
        (["A", "B", "C", "D"], "touches 4 of 20 organisations"),
        ([None, *map(str, range(20))], "touches what all share and all 20 organisations"),
    ],
)
def test_whom_a_change_touches(touched: list[str | None], words: str) -> None:
    assert touches(touched, 20) == words


LOSS = Finding("urn:a::b::c::d", "HCS0001", "table A.B.C", "drop column TITLE", "its values", "for 30 days")


def losses(finding: Finding, *allowances: dict[str, Any]) -> dict[str, Any]:
    known = [
        SimpleNamespace(**{"reason": "moved", "acceptedBy": "a@example.org", "fingerprint": "f1", **each})
        for each in allowances
    ]
    base = Base("main", "c" * 40, KeptPlan("preview"), {}, Verdict([Judged(finding, "f0")]))
    settings: Any = SimpleNamespace(data_loss_allowances=known)
    return _losses(base, settings, TODAY)


def test_a_loss_is_blocked_until_somebody_accepted_exactly_that() -> None:
    exact = {"object": "table A.B.C", "change": "drop column TITLE", "expires": TODAY}
    assert [each["change"] for each in losses(LOSS)["blocked"]] == ["drop column TITLE"]
    accepted = losses(LOSS, exact)
    assert (accepted["blocked"], accepted["stale"]) == ([], [])
    assert accepted["allowed"][0]["accepted_by"] == "a@example.org"
    assert accepted["allowed"][0]["fingerprint"] == "f1"
    other = losses(LOSS, {**exact, "change": "drop column RAW"})
    assert len(other["blocked"]) == 1
    assert other["stale"] == [{"object": "table A.B.C", "change": "drop column RAW"}]
    assert len(losses(LOSS, {**exact, "expires": date(2026, 11, 22)})["blocked"]) == 1


def test_what_the_plan_does_not_know_cannot_be_accepted() -> None:
    unknown = Finding(**{name: getattr(LOSS, name) for name in LOSS.__slots__} | {"unknown": True})
    exact = {"object": "table A.B.C", "change": "drop column TITLE", "expires": TODAY}
    assert len(losses(unknown, exact)["blocked"]) == 1


@pytest.fixture
def told(checked: Any) -> Any:
    return copy.deepcopy(checked.data)


HOSTILE = "</script><img src=x onerror=alert(1)> @everyone [a](http://b) | `x`"


def test_a_name_is_never_markup(told: Any) -> None:
    told["failures"] = [HOSTILE]
    told["plan"]["tenants"][0]["resources"][0]["name"] = HOSTILE
    told["data_loss"]["blocked"][0]["lost"] = HOSTILE
    html = page(told)
    assert "<img" not in html
    assert "&lt;img src=x" in html
    # A name in a code span is shown as it is; nothing in it can end the span.
    text = re.sub(r"`[^`\n]*`", "", summary(told).replace("\\`", ""))
    assert "<img" not in text
    assert "@everyone" not in text
    assert "[a](http" not in text


def test_the_longest_summary_still_fits(told: Any) -> None:
    told["failures"] = [f"policy {number} " + "x" * 2_000 for number in range(100)]
    text = summary(told)
    assert 60_000 < len(text) <= LONGEST
    assert text.endswith("… and more: the whole of it is in the report.\n")


def test_the_page_is_made_of_the_data_alone(told: Any, checked: Any, tmp_path: Path) -> None:
    again = json.loads(json.dumps(told))
    assert page(again) == checked.text("report.html")
    assert summary(again) == checked.text("summary.md")
