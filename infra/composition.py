"""Which components this deployment is made of, and which output goes into which input."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_snowflake as snowflake

from components.snowflake import (
    AccountSettings,
    AccountSettingsArgs,
    AdministrativeProviders,
    AlertRules,
    BreakGlass,
    BreakGlassArgs,
    CortexFunctions,
    CortexFunctionsArgs,
    Counting,
    ExistingObjects,
    ExistingObjectsArgs,
    Governance,
    GovernanceArgs,
    KeyGenerations,
    LogInPolicies,
    LogInPoliciesArgs,
    Maintenance,
    ModelPrice,
    Monitoring,
    MonitoringArgs,
    Operator,
    Organization,
    OrganizationArgs,
    OrganizationRegistry,
    PasswordRules,
    PlatformRoles,
    PlatformRolesArgs,
    Price,
    Retention,
    RetentionArgs,
    ServiceUser,
    ServiceUserArgs,
    SharedDatabase,
    SharedDatabaseArgs,
    SnowflakeAccountArgs,
    TenantOperator,
    TenantProcedures,
    TenantProceduresArgs,
    WarehouseLimits,
    administrative_providers,
    snowflake_provider,
)
from components.snowflake.log_in_policies import APPLICATIONS, DEPLOYMENT, PEOPLE, POWER_BI
from components.snowflake.sql import quoted
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
    governance: Governance
    roles: PlatformRoles
    maintenance: Maintenance
    operator: Operator
    counting: Counting
    user: ServiceUser
    power_bi_user: ServiceUser
    vault: KeyVault
    apps: Mapping[str, ContainerApplication]
    #: What Azure's side adds to the stack's outputs.
    azure_outputs: Mapping[str, pulumi.Input[Any]]
    #: The rest of the components, which nothing is taken from.
    others: Sequence[Component]

    async def registered(self) -> None:
        components: list[Component] = [
            self.shared,
            self.governance,
            self.roles,
            self.user,
            self.power_bi_user,
            self.vault,
            *self.apps.values(),
            *self.others,
        ]
        await asyncio.gather(*(component.registered() for component in components))


async def compose_platform(settings: Settings) -> Platform:
    """Declare what organisations share, on both clouds."""
    account = SnowflakeAccountArgs(settings.snowflake.organization, settings.snowflake.account, settings.snowflake.user)
    providers = administrative_providers(account)
    account_settings = AccountSettings("account", AccountSettingsArgs(_account_parameters(settings), providers))
    shared = _shared_database(settings, providers)
    await _under_way()
    governance = Governance(
        "governance",
        GovernanceArgs(
            database=shared.database,
            database_name=naming.SHARED_DATABASE,
            schema_name=naming.GOVERNANCE_SCHEMA,
            clear_text_roles=naming.CLEAR_TEXT_ROLES,
            application_role_suffix=naming.APPLICATION_SUFFIX,
            all_rows_roles=naming.ALL_ROWS_ROLES,
            shared_schema=shared.schema,
            shared_tables=shared.tables,
            providers=providers,
            deletion_protection=settings.deletion_protection,
        ),
    )
    await _under_way()
    policies = _log_in_policies(settings, shared, governance, providers)
    await _under_way()
    roles = PlatformRoles(
        "roles",
        PlatformRolesArgs(
            cortex_role_name=naming.CORTEX_ROLE,
            maintenance_role_name=naming.MAINTENANCE_ROLE,
            monitoring_role_name=naming.MONITORING_ROLE,
            application_role=shared.application_role,
            database_use=shared.database_use,
            warehouse=shared.warehouse,
            warehouse_ownership=shared.warehouse_ownership,
            providers=providers,
        ),
    )
    await _under_way()
    retention = Retention(
        "retention",
        RetentionArgs(
            database=shared.database,
            schema=governance.schema,
            schema_name=naming.GOVERNANCE_SCHEMA,
            database_use=shared.database_use,
            role=roles.maintenance,
            providers=providers,
        ),
    )
    await _under_way()
    operator, tenant_operator, procedures = _tenant_management(account, shared, providers)
    await _under_way()
    user = ServiceUser(
        "application-user",
        ServiceUserArgs(
            name=settings.snowflake.service_user.name,
            comment="The applications' log-in",
            keys=_keys(settings, settings.snowflake.service_user.name),
            default_role=shared.application_role,
            default_warehouse=shared.warehouse,
            network=APPLICATIONS,
            policies=policies,
            providers=providers,
            deletion_protection=settings.deletion_protection,
            adopt=settings.snowflake.service_user.adopt,
        ),
    )
    power_bi_user = ServiceUser(
        "power-bi-user",
        ServiceUserArgs(
            name=settings.snowflake.power_bi_user.name,
            comment="Power BI's log-in",
            keys=_keys(settings, settings.snowflake.power_bi_user.name),
            default_role=roles.monitoring,
            default_warehouse=shared.warehouse,
            network=POWER_BI,
            policies=policies,
            providers=providers,
            deletion_protection=settings.deletion_protection,
        ),
    )
    await _under_way()
    writer = snowflake_provider(
        "snowflake-rows",
        account,
        "SYSADMIN",
        warehouse=shared.warehouse,
        # Not only until the warehouse stands: until it is SYSADMIN's.
        opts=pulumi.ResourceOptions(depends_on=[shared]),
    )
    await _under_way()
    cortex = _cortex_functions(settings, shared, roles, writer, providers)
    # The role is unknown until it stands and may act: then alone can the provider log in as it.
    maintenance = Maintenance(
        provider=snowflake_provider("snowflake-maintenance", account, roles.maintenance),
        security_administrator=providers.security_administrator,
        role=roles.maintenance,
        warehouse=shared.warehouse,
        procedure=retention.procedure,
        schedule=settings.snowflake.retention_schedule,
    )
    await _under_way()
    monitoring = _monitoring(settings, shared, cortex, roles, maintenance, writer, providers)
    await _under_way()
    for name in ("TENANT_DAYS", "TENANT_MODEL_DAYS"):
        table = quoted(shared.database, monitoring.schema, monitoring.tables[name].name)
        governance.guard_rows(monitoring, name, table)
    others: list[Component] = [
        cortex,
        monitoring,
        account_settings,
        policies,
        retention,
        tenant_operator,
        procedures,
        _break_glass(settings, policies, providers),
    ]
    if settings.snowflake.existing is not None:
        others.append(
            ExistingObjects(
                "existing",
                ExistingObjectsArgs(
                    database=settings.snowflake.existing.database,
                    warehouse=settings.snowflake.existing.warehouse,
                    role=settings.snowflake.existing.role,
                    user=user.user,
                    user_name=settings.snowflake.service_user.name,
                    providers=providers,
                    deletion_protection=settings.deletion_protection,
                ),
            )
        )
    await _under_way()
    azure = compose_azure(
        settings,
        compose_secrets(settings),
        SnowflakeConnection(
            private_keys={
                naming.SNOWFLAKE_PRIVATE_KEY: user.private_key,
                naming.POWER_BI_PRIVATE_KEY: power_bi_user.private_key,
            },
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
            writer=writer,
            suspend=procedures.procedures["SUSPEND_ORGANIZATION"],
        ),
        shared=shared,
        governance=governance,
        roles=roles,
        maintenance=maintenance,
        operator=operator,
        counting=Counting(monitoring.collect, settings.snowflake.monitoring.counting_schedule),
        user=user,
        power_bi_user=power_bi_user,
        vault=azure.vault,
        apps=azure.apps,
        azure_outputs=azure.outputs,
        others=[*others, *azure.others],
    )


async def _under_way() -> None:
    """Let the engine begin with what is declared so far: without, it waits until everything shared is."""
    for _ in range(5):
        await asyncio.sleep(0)


def _tenant_management(
    account: SnowflakeAccountArgs, shared: SharedDatabase, providers: AdministrativeProviders
) -> tuple[Operator, TenantOperator, TenantProcedures]:
    args = TenantProceduresArgs(
        database=shared.database,
        database_name=naming.SHARED_DATABASE,
        schema=shared.schema,
        schema_name=naming.TENANT_MANAGEMENT_SCHEMA,
        read_role=shared.read_role,
        write_role=shared.write_role,
        organizations_table=quoted(shared.database, shared.schema, shared.organizations_table),
        operator_role_name=naming.OPERATOR_ROLE,
        warehouse=shared.warehouse,
        warehouse_ownership=shared.warehouse_ownership,
        providers=providers,
    )
    role = TenantOperator("tenant-operator", args)
    # The role is unknown until it stands and may act: then alone can the provider log in as it.
    operator = Operator(snowflake_provider("snowflake-operator", account, role.role), role.role)
    return operator, role, TenantProcedures("tenant-procedures", args, operator)


def _cortex_functions(
    settings: Settings,
    shared: SharedDatabase,
    roles: PlatformRoles,
    writer: snowflake.Provider,
    providers: AdministrativeProviders,
) -> CortexFunctions:
    model = settings.model
    return CortexFunctions(
        "cortex-functions",
        CortexFunctionsArgs(
            database=shared.database,
            database_name=naming.SHARED_DATABASE,
            schema_name=naming.CORTEX_FUNCTIONS_SCHEMA,
            tenant_management_name=naming.TENANT_MANAGEMENT_SCHEMA,
            organizations=shared.tables["ORGANIZATIONS"],
            database_use=shared.database_use,
            caller_role=roles.cortex,
            allowed_models=tuple(model.allowed),
            prices={name: ModelPrice(price.prompt, price.completion) for name, price in model.prices.items()},
            cache_lifetime_seconds=model.cache.lifetime_seconds,
            cache_characters=model.cache.characters,
            writer=writer,
            providers=providers,
            deletion_protection=settings.deletion_protection,
        ),
    )


def _monitoring(
    settings: Settings,
    shared: SharedDatabase,
    cortex: CortexFunctions,
    roles: PlatformRoles,
    maintenance: Maintenance,
    writer: snowflake.Provider,
    providers: AdministrativeProviders,
) -> Monitoring:
    rules = settings.snowflake.monitoring
    prices = {
        "CREDIT": rules.credit_price,
        "STORAGE_TERABYTE_MONTH": rules.storage_price,
    }
    return Monitoring(
        "monitoring",
        MonitoringArgs(
            database=shared.database,
            database_name=naming.SHARED_DATABASE,
            schema_name=naming.MONITORING_SCHEMA,
            tenant_management_name=naming.TENANT_MANAGEMENT_SCHEMA,
            cortex_functions_name=naming.CORTEX_FUNCTIONS_SCHEMA,
            read_tables=[shared.tables["ORGANIZATIONS"], cortex.prices],
            database_use=shared.database_use,
            reader_role=roles.monitoring,
            maintenance_role=maintenance.role,
            maintenance=maintenance.provider,
            warehouse=shared.warehouse,
            prices={
                **{item: Price(amount, rules.currency) for item, amount in prices.items() if amount is not None},
                "CREDITS_A_DAY_ATTENTION": Price(rules.credits_a_day_attention, "credits"),
                "MONITOR_ATTENTION": Price(rules.monitor_attention, "of the quota"),
            },
            alerts=AlertRules(rules.alert_schedule, naming.ALERT_INTEGRATION, tuple(rules.alert_recipients)),
            writer=writer,
            providers=providers,
            deletion_protection=settings.deletion_protection,
        ),
    )


def _account_parameters(settings: Settings) -> dict[str, str]:
    snowflake = settings.snowflake
    return {
        **snowflake.account_parameters.values,
        "CORTEX_ENABLED_CROSS_REGION": snowflake.cortex_cross_region,
        # Models are granted by role; what the account allows, it allows everybody.
        "CORTEX_MODELS_ALLOWLIST": "None",
    }


def _keys(settings: Settings, user: str) -> KeyGenerations:
    return KeyGenerations(current=settings.key_generation(user), first=settings.first_generation(user))


def _log_in_policies(
    settings: Settings, shared: SharedDatabase, governance: Governance, providers: AdministrativeProviders
) -> LogInPolicies:
    log_in = settings.snowflake.log_in
    return LogInPolicies(
        "log-in",
        LogInPoliciesArgs(
            database=shared.database,
            schema=governance.schema,
            prefix=naming.ACCOUNT_PREFIX,
            networks={
                APPLICATIONS: log_in.networks.applications,
                PEOPLE: log_in.networks.people,
                DEPLOYMENT: log_in.networks.deployment,
                POWER_BI: log_in.networks.power_bi,
            },
            idle_minutes=log_in.idle_minutes,
            person_methods=log_in.person_methods,
            password=PasswordRules(
                minimum_length=log_in.password.minimum_length,
                maximum_age=log_in.password.maximum_age_days,
                maximum_retries=log_in.password.maximum_retries,
                lockout=log_in.password.lockout_minutes,
                history=log_in.password.history,
            ),
            deploy_user=settings.snowflake.user,
            providers=providers,
        ),
    )


def _break_glass(settings: Settings, policies: LogInPolicies, providers: AdministrativeProviders) -> BreakGlass:
    user = settings.snowflake.break_glass
    return BreakGlass(
        "break-glass",
        BreakGlassArgs(
            name=user.name,
            email=user.email,
            enabled=user.enabled,
            network=PEOPLE,
            policies=policies,
            providers=providers,
            deletion_protection=settings.deletion_protection,
        ),
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
                cortex_role=platform.roles.cortex,
                models=organization.models,
                phi_tag=platform.governance.phi_tag,
                maintenance=platform.maintenance,
                operator=platform.operator,
                counting=platform.counting,
                monthly_cortex_tokens=organization.monthly_cortex_tokens,
                registry=platform.registry,
                providers=platform.providers,
                deletion_protection=settings.deletion_protection
                and not (organization.retired and organization.retired.deletion_accepted_by),
                suspended=organization.suspended,
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
