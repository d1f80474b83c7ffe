"""Every input that is refused: by its key, with the rule and the mend, all at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, SettingsError, load_settings
from tests.unit.stack_settings import ROOT, as_engine_sends, stack_config

TENANTS = """\
defaults:
  warehouse_size: XSMALL
  monthly_credits: 50
  retention_days: 30
  auto_suspend_seconds: 60
organizations:
  HCS0001: {}
  HCS0002: {monthly_credits: 200, warehouse_size: MEDIUM}
"""


def problems(config: dict[str, Any], directory: Path = ROOT) -> dict[str, str]:
    """What is said about each place; fails where nothing is wrong."""
    with pytest.raises(SettingsError) as caught:
        load_settings(config, directory)
    found = {problem.where: f"{problem.rule} {problem.mend}" for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "two problems at one place"
    return found


def put(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set what lies at `azure.vault.name`, making what is on the way."""
    first, *rest = path.split(".")
    key = f"nexuschat:{first}"
    if not rest:
        config[key] = value
        return config
    current = config.setdefault(key, {})
    for part in rest[:-1]:
        current = current.setdefault(part, {})
    current[rest[-1]] = value
    return config


def with_tenants(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "tenants.yaml").write_text(text, encoding="utf-8")
    return problems(stack_config("local"), tmp_path)


def load_tenants(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "tenants.yaml").write_text(text, encoding="utf-8")
    return load_settings(stack_config("local"), tmp_path)


def test_local_stack_is_right_and_has_the_twenty_organisations() -> None:
    settings = load_settings(stack_config("local"), ROOT)
    assert [one.organization_id for one in settings.organizations] == [f"HCS{n:04d}" for n in range(1, 21)]
    assert settings.deletion_protection is False
    assert settings.apps.search.image == "getmeili/meilisearch:v1.12.3"


def test_text_from_the_engine_and_values_from_the_file_give_the_same_settings() -> None:
    config = stack_config("local") | {"nexuschat:deletion_protection": True}
    sent = as_engine_sends(config)
    assert all(isinstance(value, str) for value in sent.values())
    bare = {key.removeprefix("nexuschat:"): value for key, value in config.items()}
    assert load_settings(sent, ROOT) == load_settings(config, ROOT) == load_settings(bare, ROOT)
    assert load_settings(sent, ROOT).deletion_protection is True


def test_prod_says_everything_that_is_still_to_be_filled() -> None:
    found = problems(stack_config("prod"))
    assert set(found) == {
        "nexuschat:azure.subscription_id",
        "nexuschat:azure.tenant_id",
        "nexuschat:azure.vault.resource_group",
        "nexuschat:azure.alerts.emails",
        "nexuschat:azure.deploy_identity.github_repository",
        "nexuschat:azure.registry.name",
        "nexuschat:azure.registry.resource_group",
        "nexuschat:snowflake.organization",
        "nexuschat:snowflake.account",
        "nexuschat:snowflake.break_glass.email",
        "nexuschat:snowflake.log_in.networks.applications",
        "nexuschat:snowflake.log_in.networks.people",
        "nexuschat:snowflake.log_in.networks.deployment",
        "nexuschat:snowflake.log_in.networks.power_bi",
        "nexuschat:apps.backend.image",
        "nexuschat:apps.site.image",
        "nexuschat:apps.chat.image",
    }
    assert "CURRENT_ORGANIZATION_NAME()" in found["nexuschat:snowflake.organization"]
    assert "CURRENT_ACCOUNT_NAME()" in found["nexuschat:snowflake.account"]
    assert "sub-nex-prd" in found["nexuschat:azure.subscription_id"]


def filled_prod() -> dict[str, Any]:
    config = stack_config("prod")
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    for path, value in {
        "azure.subscription_id": guid,
        "azure.tenant_id": guid,
        "azure.vault.resource_group": "rg-shared",
        "azure.registry.name": "videxa",
        "azure.registry.resource_group": "rg-shared",
        "azure.alerts.emails": ["on-call@videxa.example"],
        "azure.deploy_identity.github_repository": "videxa/nexuschat-platform",
        "snowflake.organization": "VIDEXA",
        "snowflake.account": "CLINICAL_PRD",
        "snowflake.break_glass.email": "security@videxa.example",
        "snowflake.log_in.networks.applications": ["203.0.113.7/32"],
        "snowflake.log_in.networks.people": ["198.51.100.0/24"],
        "snowflake.log_in.networks.deployment": ["203.0.113.8/32"],
        "snowflake.log_in.networks.power_bi": ["192.0.2.0/24"],
        "apps.backend.image": "videxa.azurecr.io/agentnexus-backend:1.4.0",
        "apps.site.image": "videxa.azurecr.io/agentnexus-site:1.4.0",
        "apps.chat.image": "videxa.azurecr.io/nexuschat:videxa-snowflake-only",
    }.items():
        put(config, path, value)
    return config


def test_prod_is_right_once_filled_and_protects_what_holds_data() -> None:
    settings = load_settings(filled_prod(), ROOT)
    assert settings.deletion_protection is True
    assert settings.azure.vault.adopt is True
    del (config := filled_prod())["nexuschat:deletion_protection"]
    assert load_settings(config, ROOT).deletion_protection is True


def test_what_exists_goes_with_the_user_who_holds_it(config: dict[str, Any]) -> None:
    found = problems(put(config, "snowflake.service_user.adopt", False))
    assert found.keys() == {"nexuschat:snowflake.existing"}
    assert "Set service_user.adopt to true" in found["nexuschat:snowflake.existing"]
    del config["nexuschat:snowflake"]["existing"]
    load_settings(config, ROOT)


def test_everything_wrong_is_reported_at_once(config: dict[str, Any], tmp_path: Path) -> None:
    put(config, "azure.vault.name", "kv-agentnexus-production-central-us")
    put(config, "apps.backend.image", "videxa.azurecr.io/agentnexus-backend:latest")
    put(config, "model.name", "claude-sonnet-4")
    put(config, "snowflake.edition", "PREMIUM")
    put(config, "snowflak", {})
    put(config, "azure.vault.nam", "x")
    (tmp_path / "tenants.yaml").write_text(
        TENANTS + "  HCS0002: {}\n  HCS3: {}\n  HCS0004: {monthly_credits: 0, warehouse_size: HUGE}\n",
        encoding="utf-8",
    )
    found = problems(config, tmp_path)
    assert set(found) == {
        "nexuschat:azure.vault.name",
        "nexuschat:azure.vault.nam",
        "nexuschat:apps.backend.image",
        "nexuschat:model.name",
        "nexuschat:snowflake.edition",
        "nexuschat:snowflak",
        "tenants.yaml:9 organizations.HCS0002",
        "tenants.yaml:10 organizations.HCS3",
        "tenants.yaml:11 organizations.HCS0004.monthly_credits",
        "tenants.yaml:11 organizations.HCS0004.warehouse_size",
    }


REFUSED: list[tuple[str, Any, str]] = [
    ("environment", "production", "Did you mean prod?"),
    ("colour", "blue", "not a setting"),
    ("snowflak", {}, "Did you mean snowflake?"),
    ("azure.vault.nam", "kv-x", "Did you mean name?"),
    ("apps.backend.replicas", 3, "not a setting"),
    ("azure.subscription_id", "sub-nex-prd", "not a GUID"),
    ("azure.tenant_id", "", "az account show"),
    ("azure.location", "westeurope", "United States"),
    ("azure.location", "Central US", "Did you mean centralus?"),
    ("azure.resource_group", "rg nexuschat", "1 to 90"),
    ("azure.resource_group", "r" * 91, "1 to 90"),
    ("azure.vault.name", "kv-agentnexus-prd-cus-0001", "It has 26 characters"),
    ("azure.vault.name", "kv", "3 to 24"),
    ("azure.vault.name", "1kv-agentnexus", "a letter first"),
    ("azure.vault.name", "kv--agentnexus", "single hyphens"),
    ("azure.vault.name", "kv_agentnexus", "hyphens"),
    ("azure.vault.name", "kv-agentnexus-", "no hyphen last"),
    ("azure.vault.public_network_access", "open", "Known: enabled, disabled"),
    ("azure.vault.adopt", "yes", "true or false"),
    ("azure.vault.resource_group", "rg-other", "adopt: true"),
    ("azure.registry", {"name": "videxa.azurecr.io", "resource_group": "rg"}, "without .azurecr.io"),
    ("azure.log_retention_days", 7, "30 to 730"),
    ("snowflake.organization", "", "CURRENT_ORGANIZATION_NAME()"),
    ("snowflake.account", "vga30685.east-us-2.azure", "CURRENT_ACCOUNT_NAME()"),
    ("snowflake.account", "embedded", "upper-case"),
    ("snowflake.edition", "BUSINESS-CRITICAL", "Did you mean BUSINESS_CRITICAL?"),
    ("snowflake.user", "nexus_deploy", "Write NEXUS_DEPLOY."),
    ("snowflake.service_user", {"name": "NEXUS_DEPLOY"}, "two different users"),
    ("snowflake.shared_warehouse.size", "X-SMALL", "Did you mean XSMALL?"),
    ("snowflake.shared_warehouse.monthly_credits", 0, "at least 1"),
    ("snowflake.shared_warehouse.auto_suspend_seconds", 0, "60 to 3600"),
    ("snowflake.shared_retention_days", 91, "0 to 90"),
    ("snowflake.cortex_cross_region", "ANY_REGION", "Known: DISABLED, AZURE_US, AWS_US"),
    ("model.name", "claude-sonnet-4", "claude-4-sonnet"),
    ("model.name", "gpt-4o", "Allowed: claude-sonnet-4-5, claude-sonnet-4-6"),
    ("model.name", "claude-sonnet-45", "Did you mean claude-sonnet-4-5?"),
    ("model.allowed", [], "must not be empty. Name at least one."),
    ("model.allowed", ["claude-sonnet-4"], "does not exist"),
    ("apps.backend.image", "agentnexus-backend", "a tag other than latest"),
    ("apps.backend.image", "videxa.azurecr.io/agentnexus-backend:latest", "a tag other than latest"),
    ("apps.backend.image", "videxa.azurecr.io/agentnexus-backend:Latest", "a tag other than latest"),
    ("apps.backend.image", "videxa.azurecr.io:5000/agentnexus-backend", "a tag other than latest"),
    ("apps.backend.image", "not an image:1", "not a pinned image"),
    ("apps.backend.name", "AgentNexus-Backend", "lower-case"),
    ("apps.backend.name", "agentnexus-backend-of-the-platform", "It has 34 characters"),
    ("apps.chat.cpu", 0.3, "steps of 0.25"),
    ("apps.chat.cpu", 8, "0.25 to 4"),
    ("apps.chat.memory", "4Gi", "Set memory to 1Gi"),
    ("apps.chat.memory", "1GB", "gibibytes"),
    ("apps.chat.min_replicas", 0, "cannot start from none"),
    ("apps.chat.min_replicas", 5, "below min_replicas"),
    ("apps.chat.concurrent_requests", 0, "1 to 1000"),
    ("apps.search.min_replicas", 2, "not a setting"),
    ("apps.site.port", 70000, "1 to 65535"),
    ("apps.site.health_path", "health", "Begin it with /"),
    ("tenants_file", "nowhere.yaml", "cannot be read"),
]


@pytest.mark.parametrize(("path", "value", "said"), REFUSED, ids=[f"{path}={str(v)[:30]}" for path, v, _ in REFUSED])
def test_refused_setting(config: dict[str, Any], path: str, value: Any, said: str) -> None:
    found = problems(put(config, path, value))
    where, text = next(iter(found.items()))
    assert len(found) == 1, found
    assert said in text
    mended_elsewhere = {
        "snowflake.service_user": "nexuschat:snowflake.service_user",
        "apps.chat.min_replicas": "nexuschat:apps.chat.m",
        "tenants_file": "nowhere.yaml",
    }
    assert where.startswith(mended_elsewhere.get(path, f"nexuschat:{path}"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("environment", "local, staging, prod"),
        ("azure", "pulumi config set"),
        ("azure.subscription_id", "az account list"),
        ("azure.vault.name", "kv-nexuschat-prod"),
        ("snowflake.organization", "CURRENT_ORGANIZATION_NAME()"),
        ("snowflake.account", "CURRENT_ACCOUNT_NAME()"),
        ("snowflake.edition", "BUSINESS_CRITICAL"),
        ("model.name", "pulumi config set"),
        ("apps.chat.image", "repository:tag"),
    ],
)
def test_missing_setting(config: dict[str, Any], path: str, said: str) -> None:
    first, *rest = path.split(".")
    holder: dict[str, Any] = config
    key = f"nexuschat:{first}"
    for part in rest:
        holder, key = holder[key], part
    del holder[key]
    found = problems(config)
    assert set(found) == {f"nexuschat:{path}"}
    assert "required" in found[f"nexuschat:{path}"]
    assert said in found[f"nexuschat:{path}"]


@pytest.mark.parametrize("path", ["snowflake.shared_retention_days", "apps.backend.min_replicas"])
@pytest.mark.parametrize("value", ["2", 2.5, None, True])
def test_a_wrong_type_is_refused_and_its_value_not_shown(config: dict[str, Any], path: str, value: Any) -> None:
    text = problems(put(config, path, value))[f"nexuschat:{path}"]
    assert "must be a whole number" in text


def test_an_unknown_keys_value_is_not_shown(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(put(config, "snowflake.password", "hunter2-very-secret"), ROOT)
    assert "nexuschat:snowflake.password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_two_apps_may_not_share_a_name(config: dict[str, Any]) -> None:
    put(config, "apps.site.name", "nexuschat")
    assert "both named 'nexuschat'" in problems(config)["nexuschat:apps.search"]


@pytest.mark.parametrize(
    ("environment", "edition", "refused"),
    [
        ("prod", "ENTERPRISE", True),
        ("staging", "STANDARD", True),
        ("prod", "VIRTUAL_PRIVATE_SNOWFLAKE", False),
        ("local", "ENTERPRISE", False),
    ],
)
def test_patients_data_needs_an_edition_with_an_agreement(environment: str, edition: str, refused: bool) -> None:
    config = filled_prod() if environment != "local" else stack_config("local")
    put(config, "environment", environment)
    put(config, "snowflake.edition", edition)
    if not refused:
        assert load_settings(config, ROOT).snowflake.edition == edition
        return
    found = problems(config)
    assert "business associate agreement" in found["nexuschat:snowflake.edition"]


def test_placeholders_of_the_embedded_cloud_are_refused_elsewhere() -> None:
    config = filled_prod()
    local = stack_config("local")["nexuschat:azure"]
    put(config, "azure.subscription_id", local["subscription_id"])
    put(config, "azure.tenant_id", local["tenant_id"])
    found = problems(config)
    assert "--query id" in found["nexuschat:azure.subscription_id"]
    assert "--query tenantId" in found["nexuschat:azure.tenant_id"]


def test_cross_region_needs_a_named_exception(config: dict[str, Any]) -> None:
    key = "nexuschat:snowflake.cortex_cross_region_exception"
    put(config, "snowflake.cortex_cross_region", "AZURE_US")
    assert "named exception" in problems(config)[key]
    put(config, "snowflake.cortex_cross_region_exception", "  ")
    assert "named exception" in problems(config)[key]
    put(config, "snowflake.cortex_cross_region_exception", "Security officer, 2026-11-02: no model in the region")
    assert load_settings(config, ROOT).snowflake.cortex_cross_region == "AZURE_US"
    put(config, "snowflake.cortex_cross_region", "DISABLED")
    assert "nothing to except" in problems(config)[key]


@pytest.mark.parametrize(
    "image",
    [
        "nexuschat:videxa-snowflake-only",
        "getmeili/meilisearch:v1.12.3",
        "localhost:5000/a/b/c:1",
        "videxa.azurecr.io/site@sha256:" + "a" * 64,
        "videxa.azurecr.io/site:1.2@sha256:" + "0" * 64,
    ],
)
def test_a_pinned_image_is_taken(config: dict[str, Any], image: str) -> None:
    assert load_settings(put(config, "apps.chat.image", image), ROOT).apps.chat.image == image


def test_the_longest_names_that_azure_takes(config: dict[str, Any]) -> None:
    put(config, "azure.vault.name", "k" * 24)
    put(config, "apps.chat.name", "c" * 32)
    settings = load_settings(config, ROOT)
    assert (len(settings.azure.vault.name), len(settings.apps.chat.name)) == (24, 32)


# The organisations' file.


def test_overrides_and_defaults(tmp_path: Path) -> None:
    first, second = load_tenants(tmp_path, TENANTS).organizations
    assert (first.warehouse_size, first.monthly_credits, first.retention_days) == ("XSMALL", 50, 30)
    assert (second.warehouse_size, second.monthly_credits, second.auto_suspend_seconds) == ("MEDIUM", 200, 60)


def test_models_of_an_organisation(tmp_path: Path) -> None:
    text = TENANTS + "  HCS0003: {models: [claude-sonnet-4-5]}\n"
    first, _, third = load_tenants(tmp_path, text).organizations
    assert (first.models, third.models) == (("claude-sonnet-4-5", "claude-sonnet-4-6"), ("claude-sonnet-4-5",))


def test_comments_and_an_empty_line_of_settings(tmp_path: Path) -> None:
    settings = load_tenants(tmp_path, "# all of them\n" + TENANTS + "  HCS0003:  # nothing of its own\n")
    assert settings.organizations[2].organization_id == "HCS0003"
    assert settings.organizations[2].monthly_credits == 50


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ("  HCS0002: {}", "tenants.yaml:9 organizations.HCS0002", "first on line 8"),
        ("  hcs0003: {}", "tenants.yaml:9 organizations.hcs0003", "HCS and four digits"),
        ("  HCS00003: {}", "tenants.yaml:9 organizations.HCS00003", "HCS and four digits"),
        ("  3: {}", "tenants.yaml:9 organizations.3", "must be text"),
        ("  HCS0003: {size: BIG}", "tenants.yaml:9 organizations.HCS0003.size", "not a setting"),
        (
            "  HCS0003: {montly_credits: 5}",
            "tenants.yaml:9 organizations.HCS0003.montly_credits",
            "Did you mean monthly_credits?",
        ),
        ("  HCS0003: {warehouse_size: BIG}", "tenants.yaml:9 organizations.HCS0003.warehouse_size", "Known: XSMALL"),
        ("  HCS0003: {monthly_credits: 0}", "tenants.yaml:9 organizations.HCS0003.monthly_credits", "at least 1"),
        ("  HCS0003: {monthly_credits: -5}", "tenants.yaml:9 organizations.HCS0003.monthly_credits", "at least 1"),
        ("  HCS0003: {monthly_credits: many}", "tenants.yaml:9 organizations.HCS0003.monthly_credits", "whole number"),
        ("  HCS0003: {retention_days: 91}", "tenants.yaml:9 organizations.HCS0003.retention_days", "0 to 90"),
        ("  HCS0003: {retention_days: -1}", "tenants.yaml:9 organizations.HCS0003.retention_days", "0 to 90"),
        ("  HCS0003: {auto_suspend_seconds: 5}", "tenants.yaml:9 organizations.HCS0003.auto_suspend_seconds", "60 to"),
        (
            "  HCS0003: {auto_suspend_seconds: 7200}",
            "tenants.yaml:9 organizations.HCS0003.auto_suspend_seconds",
            "60 to 3600",
        ),
        (
            "  HCS0003:\n    monthly_credits: 1\n    monthly_credits: 2",
            "tenants.yaml:11 organizations.HCS0003.monthly_credits",
            "first on line 10",
        ),
        ("  HCS0003: {models: []}", "tenants.yaml:9 organizations.HCS0003.models", "must not be empty"),
        (
            "  HCS0003: {models: [claude-sonnet-4-5, gpt-9]}",
            "tenants.yaml:9 organizations.HCS0003.models",
            "'gpt-9' is not on the list of allowed models",
        ),
        (
            "  HCS0003: {models: [claude-sonnet-4-6]}",
            "tenants.yaml:9 organizations.HCS0003.models",
            "lacks claude-sonnet-4-5, the chat's model",
        ),
        (
            "  HCS0003: {retired: {since: 2026-01-01, delete_from: 2026-02-01, accepted_by: a@b.org}}",
            "tenants.yaml:9 organizations.HCS0003.retired",
            "for a suspended organisation only",
        ),
        (
            "  HCS0003: {suspended: true, retired: {since: 2026-01-01, delete_from: 2026-01-01, accepted_by: a@b.org}}",
            "tenants.yaml:9 organizations.HCS0003.retired.delete_from",
            "must be later than 2026-01-01",
        ),
        (
            "  HCS0003: {suspended: true, retired: {since: soon, delete_from: 2026-01-01, accepted_by: a@b.org}}",
            "tenants.yaml:9 organizations.HCS0003.retired.since",
            "'soon' is no day",
        ),
        (
            "  HCS0003: {suspended: true, retired: {since: 2026-01-01, delete_from: 2026-02-01, accepted_by: ''}}",
            "tenants.yaml:9 organizations.HCS0003.retired.accepted_by",
            "is no mail address",
        ),
        ("  HCS0003: []", "tenants.yaml:9 organizations.HCS0003", "mapping"),
        ("extra: 1", "tenants.yaml:9 extra", "not a setting"),
    ],
)
def test_refused_organisation(tmp_path: Path, line: str, where: str, said: str) -> None:
    found = with_tenants(tmp_path, TENANTS + line + "\n")
    assert set(found) == {where}
    assert said in found[where]


def test_retention_beyond_the_edition(tmp_path: Path) -> None:
    (tmp_path / "tenants.yaml").write_text(TENANTS, encoding="utf-8")
    config = put(stack_config("local"), "snowflake.edition", "STANDARD")
    found = problems(config, tmp_path)
    assert set(found) == {"tenants.yaml:4 defaults.retention_days"}
    assert "edition STANDARD keeps 0 to 1 days" in found["tenants.yaml:4 defaults.retention_days"]
    (tmp_path / "tenants.yaml").write_text(TENANTS.replace("30", "1"), encoding="utf-8")
    assert load_settings(config, tmp_path).organizations[0].retention_days == 1


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("", "tenants.yaml", "mapping"),
        ("- HCS0001\n", "tenants.yaml", "mapping"),
        ("defaults: {\n", "tenants.yaml:2", "is not YAML"),
        ("a: !!python/object:os.system {}\n", "tenants.yaml:1", "is not YAML"),
        (TENANTS.split("organizations")[0], "tenants.yaml organizations", "required"),
        (TENANTS.split("  HCS")[0].rstrip() + " {}\n", "tenants.yaml:6 organizations", "must not be empty"),
        (TENANTS.replace("  retention_days: 30\n", ""), "tenants.yaml:1 defaults.retention_days", "required"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, where: str, said: str) -> None:
    found = with_tenants(tmp_path, text)
    assert where in found, found
    assert said in found[where]


def test_the_message_lists_each_problem_on_a_line_of_its_own(config: dict[str, Any]) -> None:
    put(config, "azure.vault.name", "x")
    put(config, "model.name", "y")
    with pytest.raises(SettingsError) as caught:
        load_settings(config, ROOT)
    first, *lines = str(caught.value).splitlines()
    assert first == "The configuration has 2 problems; nothing was changed."
    assert [re.match(r"  - (\S+):", line).group(1) for line in lines] == [  # type: ignore[union-attr]
        "nexuschat:azure.vault.name",
        "nexuschat:model.name",
    ]
