"""What the declared stack costs, from its plan: no stack is up, and none is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_command import Nexus, Ran


@pytest.fixture(scope="module")
def one(nexus: Nexus) -> Ran:
    nexus.tenants(HCS0001={})
    return nexus.run("cost", "--json", "--set", f"tenants_file={nexus.tenants_file}")


def test_what_is_declared_is_priced_without_a_stack(nexus: Nexus, one: Ran) -> None:
    told = one.answer
    assert set(told["tenants"]) == {"HCS0001"}
    # 50 credits by its monitor, at Business Critical's price.
    assert told["tenants"]["HCS0001"] == {"floor": 0, "ceiling": 200}
    assert 0 < told["total"]["floor"] < told["total"]["ceiling"]
    assert {"Snowflake credits", "containers", "logs and alerts"} <= set(told["areas"])
    assert told["not_priced"] == {}
    assert list(nexus.home.rglob("*")) == []


def test_a_tenant_more_adds_its_own_and_nothing_else(nexus: Nexus, one: Ran, tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    before.write_text(one.stdout, encoding="utf-8")
    nexus.tenants(HCS0001={}, HCS0002={"monthly_credits": 80})
    run = nexus.run("cost", "--json", "--set", f"tenants_file={nexus.tenants_file}", "--against", str(before))
    added = run.answer["against"]
    assert added["tenants"] == {"HCS0002": {"floor": 0, "ceiling": 320}}
    assert added["total"] == {"floor": 0, "ceiling": 320}
    assert set(added["areas"]) == {"Snowflake credits"}
