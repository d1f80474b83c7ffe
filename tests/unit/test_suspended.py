"""A suspended organisation lacks what lets its roles act; it differs in nothing else, and its data stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.verify.computed import own_settings
from infra.program import program
from infra.settings import load_settings
from policies.graph.resources import Resource, ResourceGraph
from policies.graph.uniformity import differences
from tests.unit.recording import Graph, declare
from tests.unit.stack_settings import as_engine_sends, organisations_file, stack_config

RETIRED = "suspended: true, retired: {since: 2026-01-01, delete_from: 2026-02-01, accepted_by: a@example.org"


def declared(tmp_path: Path, second: str) -> tuple[Graph, dict[str, dict[str, object]]]:
    """Three organisations, the second of which is as given; and what each one's settings say of being suspended."""
    file = Path(organisations_file(tmp_path, 3))
    file.write_text(file.read_text(encoding="utf-8").replace("HCS0002: {}", f"HCS0002: {{{second}}}"), encoding="utf-8")
    config = stack_config("local") | {"nexuschat:tenants_file": str(file), "nexuschat:deletion_protection": True}
    found = load_settings(config, tmp_path).organizations
    settings = {each.organization_id: {"suspended": each.suspended, "models": each.models} for each in found}
    return declare(program, as_engine_sends(config)), settings


@pytest.fixture(scope="module")
def suspended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, dict[str, dict[str, object]]]:
    return declared(tmp_path_factory.mktemp("suspended"), "suspended: true")


def test_its_roles_hold_nothing(suspended: tuple[Graph, dict[str, dict[str, object]]]) -> None:
    graph, _ = suspended
    roles = {f"HCS0002_{role}" for role in ("APP", "ANALYST", "ADMIN")}
    held = [
        one.name
        for one in graph.resources
        if one.inputs.get("accountRoleName") in roles
        or one.inputs.get("parentRoleName") in roles
        or one.inputs.get("parentAccountRoleName") in roles
    ]
    assert held == []
    others = [one for one in graph.resources if one.inputs.get("parentRoleName") == "HCS0003_APP"]
    assert {one.name for one in others} == {"HCS0003-write-in-application", "HCS0003_APP-cortex"}


def test_its_row_says_so_and_says_otherwise_again(suspended: tuple[Graph, dict[str, dict[str, object]]]) -> None:
    graph, _ = suspended
    row = graph.one("snowflake:index/execute:Execute", "HCS0002-suspended")
    # The procedure takes all from the roles, stops the warehouse and sets the status: see test_handlers_called.py.
    assert row.inputs["execute"] == """CALL "VIDEXA_SHARED"."TENANT_MANAGEMENT"."SUSPEND_ORGANIZATION"('HCS0002')"""
    assert "SET STATUS = 'ACTIVE'" in row.inputs["revert"]
    assert "WHERE ORGANIZATION_ID = 'HCS0002'" in row.inputs["revert"]
    needed = {
        graph.one("snowflake:index/execute:Execute", "HCS0002-row").urn,
        graph.one("snowflake:index/grantOwnership:GrantOwnership", "HCS0002_WH-owner").urn,
        graph.one("snowflake:index/procedurePython:ProcedurePython", "TENANT_MANAGEMENT-SUSPEND_ORGANIZATION").urn,
    }
    assert needed <= row.dependencies


def test_its_data_stays(suspended: tuple[Graph, dict[str, dict[str, object]]]) -> None:
    graph, _ = suspended
    of = {
        tenant: {one.name.replace(tenant, "") for one in graph.under(tenant) if one.protect}
        for tenant in ("HCS0002", "HCS0003")
    }
    assert of["HCS0002"] == of["HCS0003"] != set()


def test_it_differs_as_declared(suspended: tuple[Graph, dict[str, dict[str, object]]]) -> None:
    graph, settings = suspended
    known = ResourceGraph(
        Resource(one.urn, one.type, one.inputs, {}, one.provider, one.parent) for one in graph.resources
    )
    assert differences(known) == differences(known, own_settings(settings)) == []

    def without(name: str) -> set[str]:
        return {
            difference.resource
            for difference in differences(ResourceGraph(each for each in known.resources if each.name != name))
        }

    # Without the row it is not suspended; otherwise nothing else of it is excused, and nothing of another.
    assert without("HCS0002-suspended") > {"HCS0002-write-in-application", "HCS0002_APP-cortex"}
    assert without("HCS0002-write-in-own") == {"HCS0002-write-in-own"}
    assert without("HCS0003-write-in-application") == {"HCS0003-write-in-application"}


def test_most_may_be_suspended(tmp_path: Path) -> None:
    graph, _ = declared(tmp_path, "suspended: true")
    known = [Resource(one.urn, one.type, one.inputs, {}, one.provider, one.parent) for one in graph.resources]
    assert differences(ResourceGraph(each for each in known if not each.name.startswith("HCS0001"))) == []


def test_a_retired_one_is_protected_until_its_deletion_is_accepted(tmp_path: Path) -> None:
    kept, _ = declared(tmp_path, RETIRED + "}")
    assert any(one.protect for one in kept.under("HCS0002"))
    given_up, _ = declared(tmp_path, RETIRED + ", deletion_accepted_by: b@example.org}")
    assert not any(one.protect for one in given_up.under("HCS0002"))
    assert any(one.protect for one in given_up.under("HCS0003"))
