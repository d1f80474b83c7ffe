"""Production's configuration on an embedded cloud of its own: nothing real is reached, and nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nexus_command import Nexus, Ran

#: Each would lead a run that used it somewhere else, or nowhere.
CREDENTIALS = {
    "ARM_CLIENT_SECRET": "leaked-secret",
    "ARM_SUBSCRIPTION_ID": "99999999-9999-4999-8999-999999999999",
    "SNOWFLAKE_USER": "SOMEBODY",
    "SNOWFLAKE_PRIVATE_KEY": "leaked-secret",
    "PULUMI_ACCESS_TOKEN": "leaked-secret",
    "PULUMI_BACKEND_URL": "https://pulumi.invalid",
    "AZURE_CLIENT_SECRET": "leaked-secret",
}
PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

PolicyPack("pack", policies=[ResourceValidationPolicy(
    name="no-vault", description="No vault at all.", enforcement_level=EnforcementLevel.MANDATORY,
    validate=lambda args, report: report("a vault") if args.resource_type == "azure-native:keyvault:Vault" else None,
)])
"""


@dataclass(frozen=True)
class Rehearsed:
    run: Ran
    left: list[str]

    @property
    def steps(self) -> dict[str, Any]:
        return {step["step"]: step for step in self.run.answer["steps"]}


def rehearse(nexus: Nexus, *arguments: str, expect: int | None) -> Rehearsed:
    nexus.tenants(HCS0001={})
    environment = {**nexus.environment, **CREDENTIALS}
    more = ("--json", "--set", f"tenants_file={nexus.tenants_file}", *arguments)
    run = nexus.run("rehearse", "prod", *more, expect=expect, environment=environment)
    return Rehearsed(run, [str(path) for path in nexus.home.rglob("*")])


@pytest.fixture(scope="module")
def rehearsed(nexus: Nexus) -> Rehearsed:
    return rehearse(nexus, expect=None)


def test_every_step_of_it_passes(rehearsed: Rehearsed) -> None:
    assert rehearsed.run.code == 0, rehearsed.run
    assert list(rehearsed.steps) == ["preview", "up", "verify", "second preview", "destroy"]
    assert [step for step in rehearsed.steps.values() if not step["passed"]] == []


def test_it_makes_verifies_and_removes_the_whole_stack(rehearsed: Rehearsed) -> None:
    made = rehearsed.steps["up"]["changes"]
    assert made["created"] > 100
    assert made == rehearsed.steps["preview"]["changes"]
    assert len(rehearsed.steps["verify"]["checks"]) > 30
    assert rehearsed.steps["destroy"]["changes"]["deleted"] == made["created"] + made["updated"]


def test_the_plan_says_what_it_changes_in_what_is_adopted_before_anything_is_written(rehearsed: Rehearsed) -> None:
    (found,) = rehearsed.steps["preview"]["differences"].items()
    assert found[0].endswith("azure-native:keyvault:Vault::vault")
    assert "properties.publicNetworkAccess: enabled → disabled" in found[1]
    assert not [line for line in found[1] if line.startswith("tags")]
    assert rehearsed.steps["second preview"]["differences"] == {}


def test_it_leaves_nothing(rehearsed: Rehearsed) -> None:
    assert rehearsed.left == []


def test_credentials_are_named_and_kept_out(rehearsed: Rehearsed) -> None:
    assert set(CREDENTIALS) <= set(rehearsed.run.answer["kept_out"])
    assert "leaked-secret" not in rehearsed.run.stdout + rehearsed.run.stderr


def test_the_committed_configuration_is_as_it_was(rehearsed: Rehearsed) -> None:
    assert "azure.subscription_id" in rehearsed.run.answer["made_up"]
    committed = (Path(__file__).resolve().parents[2] / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    assert rehearsed.run.answer["made_up"]["azure.subscription_id"] not in committed
    assert "encryptionsalt" not in committed


def test_a_policy_that_forbids_it_fails_it_before_anything_is_made(nexus: Nexus, tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PACK, encoding="utf-8")
    refused = rehearse(nexus, "--policy-pack", str(tmp_path), expect=1)
    assert list(refused.steps) == ["preview"]
    assert any("a vault" in violation["message"] for violation in refused.steps["preview"]["violations"])
