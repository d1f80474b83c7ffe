"""By which setting what was found would be declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from cli.render import words
from policies.graph.resources import Secret

_TENANTS: Final = {
    ("Warehouse", "warehouseSize"): "warehouse-size",
    ("Warehouse", "autoSuspend"): "auto-suspend-seconds",
    ("ResourceMonitor", "creditQuota"): "monthly-credits",
    ("Database", "dataRetentionTimeInDays"): "retention-days",
}
"""By kind and input of an organisation's resource: the option of `nexus tenants change` that declares it."""

_BREAK_GLASS: Final = "snowflake.break_glass.enabled"
SETTINGS: Final[Mapping[tuple[str, str, str], str]] = {
    ("Warehouse", "VIDEXA_SHARED_WH-warehouse", "warehouseSize"): "snowflake.shared_warehouse.size",
    ("Warehouse", "VIDEXA_SHARED_WH-warehouse", "autoSuspend"): "snowflake.shared_warehouse.auto_suspend_seconds",
    ("ResourceMonitor", "VIDEXA_SHARED_WH-monitor", "creditQuota"): "snowflake.shared_warehouse.monthly_credits",
    ("Database", "VIDEXA_SHARED", "dataRetentionTimeInDays"): "snowflake.shared_retention_days",
    ("SessionPolicy", "", "sessionIdleTimeoutMins"): "snowflake.log_in.idle_minutes",
    ("SessionPolicy", "", "sessionUiIdleTimeoutMins"): "snowflake.log_in.idle_minutes",
    ("PasswordPolicy", "", "minLength"): "snowflake.log_in.password.minimum_length",
    ("PasswordPolicy", "", "maxAgeDays"): "snowflake.log_in.password.maximum_age_days",
    ("PasswordPolicy", "", "maxRetries"): "snowflake.log_in.password.maximum_retries",
    ("PasswordPolicy", "", "lockoutTimeMins"): "snowflake.log_in.password.lockout_minutes",
    ("PasswordPolicy", "", "history"): "snowflake.log_in.password.history",
    ("NetworkRule", "network-APPLICATIONS", "valueLists"): "snowflake.log_in.networks.applications",
    ("NetworkRule", "network-PEOPLE", "valueLists"): "snowflake.log_in.networks.people",
    ("NetworkRule", "network-DEPLOYMENT", "valueLists"): "snowflake.log_in.networks.deployment",
    ("NetworkRule", "network-POWER_BI", "valueLists"): "snowflake.log_in.networks.power_bi",
    ("EmailNotificationIntegration", "", "allowedRecipients"): "snowflake.monitoring.alert_recipients",
    ("AccountParameter", "CORTEX_ENABLED_CROSS_REGION", "value"): "snowflake.cortex_cross_region",
    ("User", "VIDEXA_BREAK_GLASS", "disabled"): _BREAK_GLASS,
    ("User", "VIDEXA_BREAK_GLASS", "email"): "snowflake.break_glass.email",
    ("Vault", "", "properties.publicNetworkAccess"): "azure.vault.public_network_access",
    ("Workspace", "", "retentionInDays"): "azure.log_retention_days",
    ("Budget", "", "amount"): "azure.budget.monthly_amount",
    **{
        ("ContainerApp", f"{app}-app", f"template.scale.{key}"): f"apps.{app}.{setting}"
        for app in ("backend", "site", "chat")
        for key, setting in (("minReplicas", "min_replicas"), ("maxReplicas", "max_replicas"))
    },
}
"""By kind, logical name (empty for any) and path: the stack's setting."""
_PARAMETER: Final = "snowflake.account_parameters"


def adoption(stack: str, tenant: str | None, kind: str, name: str, path: str, value: Any) -> str:
    """What to do so that `value` is what is declared; empty where no setting declares it."""
    if value is None:
        return ""
    more = "" if stack == "local" else f" --stack {stack}"
    if tenant is not None:
        option = _TENANTS.get((kind, path))
        return f"./nexus tenants change {tenant} --{option} {_written(value)}{more}" if option else ""
    setting = SETTINGS.get((kind, name, path)) or SETTINGS.get((kind, "", path))
    if setting is None and (kind, path) == ("AccountParameter", "value") and name.lower() in parameters():
        setting = f"{_PARAMETER}.{name.lower()}"
    if setting is None:
        return ""
    if isinstance(value, Secret):
        return f"into Pulumi.{stack}.yaml, as {setting}"
    text = _written(value)
    if setting == "azure.vault.public_network_access":
        text = text.lower()
    elif setting == _BREAK_GLASS:
        text = str(text.lower() != "true").lower()
    given = f"{setting}={text}"
    quoted = given if re.fullmatch(r"[\w.=/-]+", given) else f"'{given}'"
    return f"into Pulumi.{stack}.yaml, once `./nexus preview{more} --set {quoted}` shows what you want"


def parameters() -> frozenset[str]:
    """The account parameters that are settings."""
    from infra.settings import AccountParametersSettings

    return frozenset(AccountParametersSettings.model_fields)


def _written(value: Any) -> str:
    """As YAML on one line has it."""
    if isinstance(value, list):
        return "[" + ", ".join(_written(item) for item in value) + "]"
    if isinstance(value, float):
        return words.number(value)
    return str(value)
