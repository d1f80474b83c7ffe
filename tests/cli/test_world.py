"""What an embedded cloud is before the stack: from the configuration, kept with the cloud, never somebody else's."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import configuration
from cli.place import ROOT
from cli.world import adapted, existing_azure, names_of, world_of
from emulator.azure.package import AzurePackage
from emulator.azure.store import AzureStore
from emulator.package import CloudError
from emulator.world import World, make_existing, settle
from infra.settings import Settings, load_settings

SQL = "CREATE DATABASE AGENTNEXUS_DB;\n-- COMPUTE_WH is no word of this one\nGRANT ROLE X TO USER AGENTNEXUS_SVC;\n"


def settings(*overrides: str) -> Settings:
    return load_settings(configuration.load("local", overrides)["config"], ROOT)


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[AzurePackage]:
    store = AzureStore(tmp_path / "azure")
    yield AzurePackage(store)
    store.close()


def given(directory: Path, **values: Any) -> Path:
    file = directory / "given.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    return file


def test_the_account_is_the_configured_one() -> None:
    world = world_of(settings("snowflake.organization=OTHER", "snowflake.account=ACCT", "snowflake.edition=ENTERPRISE"))
    assert (world.organization, world.account, world.edition) == ("OTHER", "ACCT", "ENTERPRISE")
    assert world.deploy_user == "NEXUS_DEPLOY"


def test_network_policies_count_where_clients_can_come_from_their_networks() -> None:
    local = settings()
    assert world_of(local).network_policies_enforced
    assert not world_of(dataclasses.replace(local, environment="prod")).network_policies_enforced


def test_an_adopted_vault_and_a_registry_exist_before_the_stack(azure: AzurePackage, tmp_path: Path) -> None:
    configured = settings(
        "azure.vault.adopt=true",
        "azure.vault.resource_group=rg-vault",
        "azure.registry={name: videxa, resource_group: rg-vault}",
    )
    resources = existing_azure(configured)
    assert [resource["type"].rsplit(":", 1)[1] for resource in resources] == ["ResourceGroup", "Vault", "Registry"]
    make_existing(azure, tuple(resources), tmp_path / "done")
    vault = azure.store.of_type("Microsoft.KeyVault/vaults")
    assert [stored.name for stored in vault] == ["kv-agentnexus-lcl-cus"]
    # Once is enough, also after a kill before the end was written down.
    make_existing(azure, tuple(resources), tmp_path / "done")
    (tmp_path / "done").unlink()
    make_existing(azure, tuple(resources), tmp_path / "done")
    assert len(azure.store.of_type("Microsoft.KeyVault/vaults")) == 1


def test_nothing_exists_that_is_not_adopted() -> None:
    assert existing_azure(settings("azure.vault.adopt=false")) == []


def test_what_cannot_exist_is_refused(azure: AzurePackage, tmp_path: Path) -> None:
    wrong = {
        "type": "azure-native:resources:ResourceGroup",
        "subscription": "00000000-0000-0000-0000-00000000a2e0",
        "inputs": {"resourceGroupName": "rg", "location": "atlantis"},
    }
    with pytest.raises(CloudError, match="the existing azure-native:resources:ResourceGroup cannot be: location"):
        make_existing(azure, (wrong,), tmp_path / "done")
    assert not (tmp_path / "done").exists()


def test_the_names_of_what_exists_are_the_configured_ones() -> None:
    names = names_of(settings("snowflake.service_user.name=SVC", "snowflake.existing.database=OLD_DB"))
    assert adapted(SQL, names).splitlines() == [
        "CREATE DATABASE OLD_DB;",
        "-- COMPUTE_WH is no word of this one",
        "GRANT ROLE X TO USER SVC;",
    ]


def test_statements_about_what_does_not_exist_are_left_out() -> None:
    nothing = names_of(settings("snowflake.service_user.adopt=false", "snowflake.existing=null"))
    assert "AGENTNEXUS" not in adapted(SQL, nothing)
    committed = (ROOT / "cli" / "deploy_principal.sql").read_text(encoding="utf-8")
    left = adapted(committed, nothing)
    assert "CREATE USER IF NOT EXISTS NEXUS_DEPLOY" in left
    assert "OWNERSHIP" not in left


def test_an_adopted_user_keeps_what_it_worked_with() -> None:
    names = names_of(settings("snowflake.existing=null"))
    assert adapted(SQL, names).splitlines()[0] == "CREATE DATABASE AGENTNEXUS_DB;"


def test_a_cloud_stays_what_it_was(tmp_path: Path) -> None:
    first = settle(tmp_path, given(tmp_path, organization="A", account="B"))
    assert settle(tmp_path, None) == first == World("A", "B")


def test_an_edition_may_change_and_an_account_may_not(tmp_path: Path) -> None:
    settle(tmp_path, given(tmp_path, organization="A", account="B"))
    changed = settle(tmp_path, given(tmp_path, organization="A", account="B", edition="STANDARD"))
    assert changed == dataclasses.replace(World("A", "B"), edition="STANDARD")
    with pytest.raises(CloudError, match=r"it holds the account A-B, and A-C is asked for: `\./nexus destroy`"):
        settle(tmp_path, given(tmp_path, organization="A", account="C"))


@pytest.mark.parametrize(
    ("values", "said"),
    [({"colour": "blue"}, "colour"), ({"edition": "GOLD"}, "the edition is one of STANDARD")],
)
def test_what_describes_no_cloud_is_refused(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(CloudError, match=said):
        settle(tmp_path, given(tmp_path, **values))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text("[", encoding="utf-8")
    with pytest.raises(CloudError, match=r"given\.json does not describe an embedded cloud"):
        settle(tmp_path, file)
