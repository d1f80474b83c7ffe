"""Which components this deployment is made of, and which output goes into which input."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.snowflake import (
    AccountSettings,
    AccountSettingsArgs,
    AdministrativeProviders,
    ApplicationUser,
    ApplicationUserArgs,
    Organization,
    OrganizationArgs,
    OrganizationRegistry,
    SharedDatabase,
    SharedDatabaseArgs,
    SnowflakeAccountArgs,
    WarehouseLimits,
    administrative_providers,
    snowflake_provider,
)
from infra import naming
from infra.azure_composition import SnowflakeConnection, compose_azure, compose_secrets
from infra.settings import Settings

if TYPE_CHECKING:
    from components.azure import ContainerApplication, KeyVault
    from components.base import Component

#: Organisations whose resources are on their way at once. The SDK waits for everything outstanding over and over, at a
#: cost that grows with its square, so there is a bound; a few are let through so that a real cloud's delays overlap.
ORGANIZATIONS_AT_ONCE = 3


@dataclass(frozen=True)
class Platform:
    """Everything that organisations share."""

    providers: AdministrativeProviders
    registry: OrganizationRegistry
    shared: SharedDatabase
    user: ApplicationUser
    vault: KeyVault
    apps: Mapping[str, ContainerApplication]

    async def registered(self) -> None:
        components: list[Component] = [self.shared, self.user, self.vault, *self.apps.values()]
        await asyncio.gather(*(component.registered() for component in components))


def compose_platform(settings: Settings) -> Platform:
    """Declare what organisations share, on both clouds."""
    account = SnowflakeAccountArgs(settings.snowflake.organization, settings.snowflake.account, settings.snowflake.user)
    providers = administrative_providers(account)
    AccountSettings(
        "account",
        AccountSettingsArgs(cortex_cross_region=settings.snowflake.cortex_cross_region, providers=providers),
    )
    shared = _shared_database(settings, providers)
    secrets = compose_secrets(settings)
    user = ApplicationUser(
        "application-user",
        ApplicationUserArgs(
            name=settings.snowflake.service_user.name,
            rsa_public_key=secrets.snowflake_public_key,
            default_role=shared.application_role,
            default_warehouse=shared.warehouse,
            providers=providers,
        ),
    )
    azure = compose_azure(
        settings,
        secrets,
        SnowflakeConnection(
            user=user.user,
            role=shared.application_role,
            warehouse=shared.warehouse,
            database=shared.database,
            schema=shared.schema,
        ),
    )
    return Platform(
        providers=providers,
        registry=OrganizationRegistry(
            database=shared.database,
            schema=shared.schema,
            table=shared.organizations_table,
            writer=snowflake_provider(
                "snowflake-rows",
                account,
                "SYSADMIN",
                warehouse=shared.warehouse,
                # Not only until the warehouse stands: until it is SYSADMIN's.
                opts=pulumi.ResourceOptions(depends_on=[shared]),
            ),
        ),
        shared=shared,
        user=user,
        vault=azure.vault,
        apps=azure.apps,
    )


async def compose_organizations(settings: Settings, platform: Platform) -> dict[str, Organization]:
    """Declare every organisation, a bounded number of them at once."""
    organizations: dict[str, Organization] = {}
    outstanding = deque([asyncio.ensure_future(platform.registered())])
    for organization in settings.organizations:
        name = organization.organization_id
        organizations[name] = Organization(
            name,
            OrganizationArgs(
                organization_id=name,
                names=naming.organization_names(name),
                warehouse=WarehouseLimits(
                    size=organization.warehouse_size,
                    auto_suspend_seconds=organization.auto_suspend_seconds,
                    monthly_credits=organization.monthly_credits,
                ),
                retention_days=organization.retention_days,
                service_user=platform.user.user,
                registry=platform.registry,
                providers=platform.providers,
                deletion_protection=settings.deletion_protection,
            ),
        )
        outstanding.append(asyncio.ensure_future(organizations[name].registered()))
        while len(outstanding) >= ORGANIZATIONS_AT_ONCE:
            await outstanding.popleft()
    while outstanding:
        await outstanding.popleft()
    return organizations


def _shared_database(settings: Settings, providers: AdministrativeProviders) -> SharedDatabase:
    warehouse = settings.snowflake.shared_warehouse
    return SharedDatabase(
        "shared",
        SharedDatabaseArgs(
            database_name=naming.SHARED_DATABASE,
            schema_name=naming.TENANT_MANAGEMENT_SCHEMA,
            warehouse_name=naming.SHARED_WAREHOUSE,
            resource_monitor_name=naming.SHARED_RESOURCE_MONITOR,
            application_role_name=naming.SHARED_APPLICATION_ROLE,
            retention_days=settings.snowflake.shared_retention_days,
            warehouse=WarehouseLimits(
                size=warehouse.size,
                auto_suspend_seconds=warehouse.auto_suspend_seconds,
                monthly_credits=warehouse.monthly_credits,
            ),
            providers=providers,
            deletion_protection=settings.deletion_protection,
        ),
    )
