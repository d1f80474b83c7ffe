"""Snowflake's side: organisations, what they share, and who may reach what."""

from components.snowflake.account_settings import AccountSettings, AccountSettingsArgs
from components.snowflake.cortex_functions import CortexFunctions, CortexFunctionsArgs, ModelPrice
from components.snowflake.existing_objects import ExistingObjects, ExistingObjectsArgs
from components.snowflake.governance import Governance, GovernanceArgs
from components.snowflake.log_in_policies import LogInPolicies, LogInPoliciesArgs, PasswordRules
from components.snowflake.monitoring import AlertRules, Counting, Monitoring, MonitoringArgs, Price
from components.snowflake.organization import Organization, OrganizationArgs, OrganizationNames, OrganizationRegistry
from components.snowflake.platform_roles import BreakGlass, BreakGlassArgs, PlatformRoles, PlatformRolesArgs
from components.snowflake.providers import (
    AdministrativeProviders,
    SnowflakeAccountArgs,
    administrative_providers,
    snowflake_provider,
)
from components.snowflake.retention import Maintenance, Retention, RetentionArgs
from components.snowflake.service_user import KeyGenerations, ServiceUser, ServiceUserArgs
from components.snowflake.shared_database import SharedDatabase, SharedDatabaseArgs
from components.snowflake.tenant_procedures import (
    Operator,
    TenantOperator,
    TenantProcedures,
    TenantProceduresArgs,
)
from components.snowflake.warehouse import WarehouseLimits

__all__ = [
    "AccountSettings",
    "AccountSettingsArgs",
    "AdministrativeProviders",
    "AlertRules",
    "BreakGlass",
    "BreakGlassArgs",
    "CortexFunctions",
    "CortexFunctionsArgs",
    "Counting",
    "ExistingObjects",
    "ExistingObjectsArgs",
    "Governance",
    "GovernanceArgs",
    "KeyGenerations",
    "LogInPolicies",
    "LogInPoliciesArgs",
    "Maintenance",
    "ModelPrice",
    "Monitoring",
    "MonitoringArgs",
    "Operator",
    "Organization",
    "OrganizationArgs",
    "OrganizationNames",
    "OrganizationRegistry",
    "PasswordRules",
    "PlatformRoles",
    "PlatformRolesArgs",
    "Price",
    "Retention",
    "RetentionArgs",
    "ServiceUser",
    "ServiceUserArgs",
    "SharedDatabase",
    "SharedDatabaseArgs",
    "SnowflakeAccountArgs",
    "TenantOperator",
    "TenantProcedures",
    "TenantProceduresArgs",
    "WarehouseLimits",
    "administrative_providers",
    "snowflake_provider",
]
