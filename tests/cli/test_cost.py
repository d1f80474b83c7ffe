"""A month's floor and ceiling, resource by resource, against figures worked out by hand."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.cost import prices as prices_file
from cli.cost.command import as_answer, difference
from cli.cost.estimate import Estimate, estimate, runs_a_day
from cli.cost.graph import Resource, of_state, resources
from cli.failure import FailureError

PRICES = prices_file.load()
SECONDS = 730 * 3600
MONITOR = "snowflake:index/resourceMonitor:ResourceMonitor"
WAREHOUSE = "snowflake:index/warehouse:Warehouse"
APP = "azure-native:app:ContainerApp"


def priced(*graph: tuple[str, dict[str, Any]], edition: str = "BUSINESS_CRITICAL") -> Estimate:
    return estimate(
        [Resource(f"urn:pulumi:s::p::{type_}::r{n}", type_, inputs, None) for n, (type_, inputs) in enumerate(graph)],
        PRICES,
        edition,
    )


def app(least: int, most: int, **configuration: Any) -> tuple[str, dict[str, Any]]:
    return APP, {
        "containerAppName": "app",
        "configuration": configuration,
        "template": {
            "containers": [{"resources": {"cpu": 0.5, "memory": "1Gi"}}],
            "scale": {"minReplicas": least, "maxReplicas": most},
        },
    }


def monitor(**inputs: Any) -> tuple[str, dict[str, Any]]:
    return MONITOR, {"name": "RM", "creditQuota": 50, "suspendTrigger": 95, "suspendImmediateTrigger": 100, **inputs}


@pytest.mark.parametrize(("edition", "dollars"), [("STANDARD", 100), ("ENTERPRISE", 150), ("BUSINESS_CRITICAL", 200)])
def test_a_monitor_is_the_ceiling_of_its_credits_at_the_editions_price(edition: str, dollars: float) -> None:
    warehouse = (WAREHOUSE, {"name": "WH", "warehouseSize": "XLARGE", "resourceMonitor": "RM"})
    assert priced(monitor(), warehouse, edition=edition).total() == (0, dollars)


def test_a_monitor_that_lets_go_on_longer_has_a_higher_ceiling() -> None:
    assert priced(monitor(suspendImmediateTrigger=110)).total() == (0, pytest.approx(220))


def test_a_monitor_that_only_warns_is_no_ceiling() -> None:
    found = priced((MONITOR, {"name": "RM", "creditQuota": 50, "notifyTriggers": [80]}))
    assert found.lines == []
    assert "the monitor stops nothing" in found.unbounded[0]


def test_a_warehouse_without_a_monitor_may_run_all_month() -> None:
    found = priced((WAREHOUSE, {"name": "WH", "warehouseSize": "SMALL", "maxClusterCount": 3}))
    assert found.total() == (0, 2 * 3 * 730 * 4.00)
    unknown = priced((WAREHOUSE, {"name": "COMPUTE_WH"}))
    assert unknown.lines == []
    assert "COMPUTE_WH" in unknown.unbounded[0]


def test_an_app_is_idle_at_its_least_and_busy_at_its_most() -> None:
    idle = SECONDS * (0.5 * 0.000003 + 0.000003)
    active = SECONDS * (0.5 * 0.000024 + 0.000003)
    assert priced(app(2, 10)).total() == (pytest.approx(2 * idle), pytest.approx(10 * active))
    assert active == pytest.approx(39.42)


def test_each_revision_that_is_kept_ready_costs_its_replicas() -> None:
    one = priced(app(1, 3)).total()
    two = priced(app(1, 3, activeRevisionsMode="Multiple", ingress={"traffic": [{"weight": 90}, {"weight": 10}]}))
    kept = priced(app(1, 3, activeRevisionsMode="Multiple", ingress={"traffic": [{"weight": 100}]}))
    assert two.total() == kept.total() == (pytest.approx(2 * one[0]), pytest.approx(2 * one[1]))


def test_a_page_that_is_tried_from_outside_costs_each_try() -> None:
    places = [{"location": "us-va-ash-azr"}, {"location": "us-tx-sn1-azr"}]
    test = ("azure-native:applicationinsights:WebTest", {"frequency": 300, "enabled": True, "locations": places})
    amount = pytest.approx(730 * 12 * 2 * 0.0006)
    assert priced(test).total() == (amount, amount)
    assert priced((test[0], {**test[1], "enabled": False})).lines == []


def test_an_address_costs_its_hours() -> None:
    amount = pytest.approx(730 * 0.005)
    assert priced(("azure-native:network:PublicIPAddress", {})).total() == (amount, amount)


def test_a_job_costs_its_runs() -> None:
    job = {
        "jobName": "job",
        "configuration": {"replicaTimeout": 840, "scheduleTriggerConfig": {"cronExpression": "*/15 * * * *"}},
        "template": {"containers": [{"resources": {"cpu": 0.5, "memory": "1Gi"}}]},
    }
    found = priced(("azure-native:app:Job", job))
    assert found.total() == (0, pytest.approx(96 * 730 / 24 * 840 * (0.5 * 0.000024 + 0.000003)))
    by_hand = priced(("azure-native:app:Job", {**job, "configuration": {"replicaTimeout": 840}}))
    assert by_hand.lines == []
    assert "started by hand" in by_hand.unbounded[0]


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [
        ("*/15 * * * *", 96),
        ("0 3 * * *", 1),
        ("0,30 8-17 * * 1-5", 20),
        ("5/20 */6 * * *", 12),
        ("", 0),
        ("0 3 * *", 0),
    ],
)
def test_a_schedules_runs_are_counted(schedule: str, runs: int) -> None:
    assert runs_a_day(schedule) == runs


def test_logs_cost_their_gigabytes_and_the_days_beyond_the_included() -> None:
    capped = {"workspaceName": "log", "workspaceCapping": {"dailyQuotaGb": 2}, "retentionInDays": 31}
    assert priced(("azure-native:operationalinsights:Workspace", capped)).total()[1] == pytest.approx(
        2 * 730 / 24 * 2.30
    )
    kept = priced(("azure-native:operationalinsights:Workspace", {**capped, "retentionInDays": 365}))
    months = (365 - 31) / (730 / 24)
    assert kept.total()[1] == pytest.approx(2 * 730 / 24 * (2.30 + months * 0.10))


@pytest.mark.parametrize(
    ("type_", "inputs", "floor"),
    [
        ("azure-native:cdn:Profile", {"sku": {"name": "Premium_AzureFrontDoor"}}, 330),
        ("azure-native:cdn:Profile", {"sku": {"name": "Standard_AzureFrontDoor"}}, 35),
        ("azure-native:network:PrivateEndpoint", {}, 7.30),
        ("azure-native:containerregistry:Registry", {"sku": {"name": "Premium"}}, 1.667 * 730 / 24),
        ("azure-native:monitor:ScheduledQueryRule", {"evaluationFrequency": "PT15M"}, 0.50),
        ("azure-native:monitor:MetricAlert", {"criteria": {"allOf": [{}, {}]}, "scopes": ["a"]}, 0.20),
    ],
)
def test_what_costs_by_the_hour_day_or_month(type_: str, inputs: dict[str, Any], floor: float) -> None:
    assert priced((type_, inputs)).total()[0] == pytest.approx(floor)


def test_what_nothing_is_known_of_is_named_and_not_taken_for_nothing() -> None:
    found = priced(
        ("azure-native:compute:VirtualMachine", {}), ("azure-native:cdn:Profile", {"sku": {"name": "Verizon"}})
    )
    assert found.lines == []
    assert found.not_priced == {"azure-native:compute:VirtualMachine": 1, "azure-native:cdn:Profile Verizon": 1}


def test_what_costs_by_use_is_told_apart_from_what_is_free() -> None:
    found = priced(
        ("azure-native:keyvault:Vault", {}),
        ("azure-native:resources:ResourceGroup", {}),
        ("snowflake:index/table:Table", {}),
        ("random:index/randomString:RandomString", {}),
    )
    assert list(found.by_use) == ["azure-native:keyvault:Vault"]
    assert not found.not_priced


def test_every_type_that_the_program_declares_is_known(tmp_path: Path) -> None:
    """Types by their names in the components: a new one must be priced, or said to cost nothing."""
    import re

    from cli.place import ROOT

    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "components" / "azure").glob("*.py"))
    imports = re.findall(r"from pulumi_azure_native import (.+)", code)
    modules = {name.strip().split(" as ")[-1] for line in imports for name in line.split(",")}
    declared = {
        f"azure-native:{module}:{name}"
        for module, name in re.findall(r"\b([a-z]+)\.([A-Z]\w+)\(", code)
        if module in modules and not name.endswith("Args")
    }
    assert len(declared) > 8
    found = priced(
        *(
            (type_, {"sku": {"name": "Premium_AzureFrontDoor"}})
            for type_ in sorted(declared)
            if type_ != "azure-native:containerregistry:Registry"
        )
    )
    assert sorted(found.not_priced) == []


def state() -> dict[str, Any]:
    def urn(type_: str, name: str) -> str:
        return f"urn:pulumi:s::p::{type_}::{name}"

    tenant = urn("videxa:snowflake:Organization", "HCS0001")
    inner = urn("videxa:snowflake:Organization$videxa:snowflake:Warehouse", "inner")
    quota = {"creditQuota": 10, "suspendTrigger": 100}
    return {
        "resources": [
            {"urn": tenant},
            {"urn": inner, "parent": tenant},
            {"urn": urn(f"x${MONITOR}", "own"), "parent": inner, "inputs": {"name": "A", **quota}},
            {"urn": urn(MONITOR, "shared"), "inputs": {"name": "B", **quota}},
            {"urn": urn(MONITOR, "going"), "inputs": {"name": "C", **quota}, "delete": True},
        ]
    }


def test_each_tenant_has_its_own_and_the_rest_is_shared() -> None:
    found = estimate(of_state(state()), PRICES, "BUSINESS_CRITICAL")
    assert found.by_tenant() == {"HCS0001": (0, 40), None: (0, 40)}
    told = as_answer("s", found, PRICES, "BUSINESS_CRITICAL")
    assert told["tenants"] == {"HCS0001": {"floor": 0, "ceiling": 40}}
    assert told["total"] == {"floor": 0, "ceiling": 80}


def test_a_change_tells_what_it_adds_and_what_it_takes_away() -> None:
    before = as_answer("s", estimate(of_state(state()), PRICES, "BUSINESS_CRITICAL"), PRICES, "BUSINESS_CRITICAL")
    graph = resources([("urn:pulumi:s::p::videxa:snowflake:Organization::HCS0002", "", {})])
    after = as_answer("s", estimate(graph, PRICES, "BUSINESS_CRITICAL"), PRICES, "BUSINESS_CRITICAL")
    assert difference(before, after) == {
        "total": {"floor": 0, "ceiling": -80},
        "areas": {"Snowflake credits": {"floor": 0, "ceiling": -80}},
        "tenants": {"HCS0001": {"floor": 0, "ceiling": -40}},
    }
    assert difference(before, before) == {"total": {"floor": 0, "ceiling": 0}, "areas": {}, "tenants": {}}


def test_every_price_says_where_it_is_from_and_of_when() -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    for name, price in PRICES.prices.items():
        assert price.published.startswith("https://"), name
        assert datetime.date(2026, 1, 1) <= price.date <= today, name
        assert price.unit, name
    assert PRICES.currency == "USD"
    # The list of what nobody could read anywhere is short, and the answer names it.
    assert PRICES.unread == ["container_cpu_idle", "public_ip_address", "web_test_execution"]


@pytest.mark.parametrize("text", ["", "prices: {}", "currency: [", "currency: USD\nprices: {a: {amount: -1}}"])
def test_a_prices_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FailureError, match=r"the prices cannot be read from prices\.yaml"):
        prices_file.load(file)


@pytest.mark.parametrize("text", [None, "[]", '{"total": 1}', "nonsense"])
def test_an_earlier_answer_that_is_none_is_bad_input(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "before.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert main(["cost", "--against", str(file)]) == 2
    assert "neither `state` nor a file" in capsys.readouterr().err


def test_a_stack_that_is_not_up_has_no_state_to_price(place: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--state"]) == 1
    assert "is not up" in capsys.readouterr().err


def test_an_answer_can_be_kept_as_json() -> None:
    told = as_answer("s", estimate(of_state(state()), PRICES, "STANDARD"), PRICES, "STANDARD")
    assert difference(json.loads(json.dumps(told)), told)["total"] == {"floor": 0, "ceiling": 0}
