"""What a rehearsal makes up, what it leaves as it is, and what it keeps out."""

from __future__ import annotations

from typing import Any

import pytest

from cli import configuration, rehearse
from cli.failure import BadInputError
from cli.place import ROOT
from infra.settings import load_settings


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            key: leaf
            for name, inner in value.items()
            for key, leaf in leaves(inner, f"{path}.{name}" if path else name).items()
        }
    return {path: value}


@pytest.mark.parametrize("stack", sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml")))
def test_every_committed_configuration_can_be_rehearsed_and_is_changed_only_where_it_is_empty(stack: str) -> None:
    committed = configuration.load(stack)
    settings, made_up = rehearse.filled(committed)
    load_settings(settings["config"], ROOT)
    before, after = leaves(committed["config"]), leaves(settings["config"])
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed == {f"nexuschat:{key}" for key in made_up}
    assert all(before[key] in ("", [], None) for key in changed)


def test_production_lacks_what_nobody_may_guess() -> None:
    _, made_up = rehearse.filled(configuration.load("prod"))
    assert {
        "azure.subscription_id",
        "azure.tenant_id",
        "snowflake.organization",
        "apps.backend.image",
    } <= made_up.keys()


def test_made_up_addresses_and_networks_are_nobodys() -> None:
    _, made_up = rehearse.filled(configuration.load("prod"))
    assert made_up["snowflake.log_in.networks.people"] == ["203.0.113.0/24"]
    assert made_up["snowflake.break_glass.email"].endswith(".example")


def test_what_is_wrong_rather_than_empty_is_told() -> None:
    with pytest.raises(BadInputError, match=r"nexuschat:snowflake\.edition: 'GOLD'"):
        rehearse.filled(configuration.load("prod", ["snowflake.edition=GOLD"]))


def test_an_empty_value_that_nothing_stands_in_for_is_named() -> None:
    with pytest.raises(BadInputError, match=r"nexuschat:model\.allowed is empty, and no rehearsal can make it up"):
        rehearse.filled(configuration.load("prod", ["model.allowed=[]"]))


def test_what_is_missing_altogether_is_told_and_not_made_up() -> None:
    settings = configuration.load("prod")
    del settings["config"]["nexuschat:azure"]["location"]
    del settings["config"]["nexuschat:azure"]["subscription_id"]
    with pytest.raises(BadInputError, match=r"nexuschat:azure\.subscription_id: is required"):
        rehearse.filled(settings)


def test_credentials_are_taken_from_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in ("ARM_CLIENT_SECRET", "SNOWFLAKE_PRIVATE_KEY", "PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("NEXUS_UNTOUCHED", "stays")
    kept_out = rehearse.embedded_only()
    assert {"ARM_CLIENT_SECRET", "SNOWFLAKE_PRIVATE_KEY", "PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL"} <= set(kept_out)
    assert "secret" not in " ".join(kept_out)
    assert not {name for name in os.environ if name.startswith(("ARM_", "SNOWFLAKE_", "PULUMI_", "AZURE_"))}
    assert os.environ["NEXUS_UNTOUCHED"] == "stays"
