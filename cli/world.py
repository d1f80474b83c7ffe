"""What an embedded cloud is before the stack: the account that is configured, and what the configuration adopts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cli.cloud import FIRST_SQL
from cli.place import ROOT, Place
from emulator.world import World

if TYPE_CHECKING:
    from infra.settings import Settings

_DEPLOY_USER: Final = "NEXUS_DEPLOY"
_SERVICE_USER: Final = "AGENTNEXUS_SVC"
_DATABASE: Final = "AGENTNEXUS_DB"
_WAREHOUSE: Final = "COMPUTE_WH"
_ROLE: Final = "AGENTNEXUS_AUTH_WRITER"
"""The names in the committed SQL."""


def prepare(place: Place, settings: Settings) -> None:
    """Write down for a new embedded cloud what it is before the first run."""
    world_of(settings).write(place.world)
    place.first_sql.mkdir(exist_ok=True)
    for number, name in enumerate(FIRST_SQL):
        text = adapted((ROOT / "cli" / name).read_text(encoding="utf-8"), names_of(settings))
        (place.first_sql / f"{number}-{name}").write_text(text, encoding="utf-8")


def world_of(settings: Settings) -> World:
    snowflake = settings.snowflake
    return World(
        organization=snowflake.organization,
        account=snowflake.account,
        edition=snowflake.edition,
        deploy_user=snowflake.user,
        azure=tuple(existing_azure(settings)),
        # A rehearsal's clients cannot come from a real environment's networks.
        network_policies_enforced=settings.environment == "local",
    )


def existing_azure(settings: Settings) -> list[Mapping[str, Any]]:
    """The vault and the registry that are adopted, and the vault's secrets, as somebody made them by hand."""
    azure = settings.azure
    found: list[Mapping[str, Any]] = []
    groups: set[str] = set()

    def exists(type_: str, inputs: dict[str, Any]) -> None:
        found.append({"type": type_, "subscription": azure.subscription_id, "inputs": inputs})

    def in_group(name: str) -> str:
        if name.lower() not in groups:
            groups.add(name.lower())
            exists("azure-native:resources:ResourceGroup", {"resourceGroupName": name, "location": azure.location})
        return name

    if azure.vault.adopt:
        group = in_group(azure.vault.resource_group or azure.resource_group)
        exists(
            "azure-native:keyvault:Vault",
            {
                "resourceGroupName": group,
                "vaultName": azure.vault.name,
                "location": azure.location,
                "properties": {
                    "tenantId": azure.tenant_id,
                    "sku": {"family": "A", "name": "standard"},
                    "enableRbacAuthorization": True,
                    "enableSoftDelete": True,
                    "softDeleteRetentionInDays": 90,
                    "enablePurgeProtection": True,
                    # Open, as a vault is that nobody closed: taking it over closes it.
                    "publicNetworkAccess": "enabled",
                    "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow"},
                },
            },
        )
        openid = settings.apps.chat.openid
        for secret in (*azure.vault.existing_secrets, *((openid.client_secret,) if openid else ())):
            exists(
                "azure-native:keyvault:Secret",
                {
                    "resourceGroupName": group,
                    "vaultName": azure.vault.name,
                    "secretName": secret,
                    # Nobody's: it stands in for what a person put there.
                    "properties": {"value": secrets.token_urlsafe(32)},
                },
            )
    if azure.registry is not None and azure.registry.adopt:
        exists(
            "azure-native:containerregistry:Registry",
            {
                "resourceGroupName": in_group(azure.registry.resource_group or azure.resource_group),
                "registryName": azure.registry.name,
                "location": azure.location,
                "sku": {"name": "Premium"},
                "adminUserEnabled": False,
            },
        )
    return found


def names_of(settings: Settings) -> dict[str, str | None]:
    """What the objects of the committed SQL are called in this configuration; None for what does not exist in it."""
    existing, user = settings.snowflake.existing, settings.snowflake.service_user
    names: dict[str, str | None] = {_DEPLOY_USER: settings.snowflake.user}
    if existing is None and user.adopt:
        # Its user was made to work with them: they are there, and nothing is declared of them.
        return names | {_SERVICE_USER: user.name}
    return names | {
        _SERVICE_USER: user.name if user.adopt else None,
        _DATABASE: existing.database if existing else None,
        _WAREHOUSE: existing.warehouse if existing else None,
        _ROLE: existing.role if existing else None,
    }


def adapted(sql: str, names: Mapping[str, str | None]) -> str:
    """The committed statements with these names, without those about what does not exist."""
    kept: list[str] = []
    for statement in re.split(r"(?<=;)\n", sql):
        words = set(re.findall(r"[A-Z_][A-Z0-9_]*", re.sub(r"(?m)^--.*$", "", statement)))
        if any(names.get(word, word) is None for word in words):
            continue
        kept.append(re.sub(r"[A-Z_][A-Z0-9_]*", lambda match: names.get(match[0], match[0]) or match[0], statement))
    return "\n".join(kept)
