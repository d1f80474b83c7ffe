"""Snowflake's side: organisations, what they share, and who may reach what."""

from components.snowflake.account_settings import AccountSettings, AccountSettingsArgs
from components.snowflake.application_user import ApplicationUser, ApplicationUserArgs
from components.snowflake.organization import Organization, OrganizationArgs, OrganizationNames, OrganizationRegistry
from components.snowflake.providers import (
    AdministrativeProviders,
    SnowflakeAccountArgs,
    administrative_providers,
    snowflake_provider,
)
from components.snowflake.shared_database import SharedDatabase, SharedDatabaseArgs
from components.snowflake.warehouse import WarehouseLimits

__all__ = [
    "AccountSettings",
    "AccountSettingsArgs",
    "AdministrativeProviders",
    "ApplicationUser",
    "ApplicationUserArgs",
    "Organization",
    "OrganizationArgs",
    "OrganizationNames",
    "OrganizationRegistry",
    "SharedDatabase",
    "SharedDatabaseArgs",
    "SnowflakeAccountArgs",
    "WarehouseLimits",
    "administrative_providers",
    "snowflake_provider",
]
