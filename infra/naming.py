"""Physical names, made in one place."""

from __future__ import annotations

from components.snowflake.organization import OrganizationNames

PLATFORM = "nexuschat"

#: Snowflake's shared side.
SHARED_DATABASE = "VIDEXA_SHARED"
TENANT_MANAGEMENT_SCHEMA = "TENANT_MANAGEMENT"
GOVERNANCE_SCHEMA = "GOVERNANCE"
CORTEX_FUNCTIONS_SCHEMA = "CORTEX_FUNCTIONS"
MONITORING_SCHEMA = "MONITORING"
SHARED_WAREHOUSE = "VIDEXA_SHARED_WH"
SHARED_RESOURCE_MONITOR = "VIDEXA_SHARED_RM"
SHARED_APPLICATION_ROLE = "VIDEXA_SHARED_APP"
#: Business roles: each is one task on the platform as a whole.
CORTEX_ROLE = "VIDEXA_CORTEX_USER"
MAINTENANCE_ROLE = "VIDEXA_MAINTENANCE"
OPERATOR_ROLE = "VIDEXA_TENANT_OPERATOR"
MONITORING_ROLE = "VIDEXA_MONITORING_READER"
#: The integration by which alerts are mailed.
ALERT_INTEGRATION = "VIDEXA_ALERTS"
#: What stands in the account outside any database, and is of the platform as a whole, begins with it.
ACCOUNT_PREFIX = "VIDEXA"

#: Each organisation's schema, and how the names of its application's roles end.
NEXUSCHAT_SCHEMA = "NEXUSCHAT"
APPLICATION_SUFFIX = "_APP"
#: The roles that see patients' data in clear, as an anchored regular expression: applications, and they alone.
CLEAR_TEXT_ROLES = f"^(HCS[0-9]{{4}}{APPLICATION_SUFFIX}|{SHARED_APPLICATION_ROLE})$"

#: What the vault calls each secret.
SNOWFLAKE_PRIVATE_KEY = "snowflake-private-key"
POWER_BI_PRIVATE_KEY = "power-bi-private-key"
SHARED_API_KEY = "nexuschat-api-key"
SEARCH_MASTER_KEY = "meilisearch-master-key"
CREDENTIALS_KEY = "nexuschat-creds-key"
CREDENTIALS_IV = "nexuschat-creds-iv"
JWT_SECRET = "nexuschat-jwt-secret"  # noqa: S105 -- the secret's name
JWT_REFRESH_SECRET = "nexuschat-jwt-refresh-secret"  # noqa: S105 -- the secret's name
OPENID_SESSION_SECRET = "nexuschat-openid-session-secret"  # noqa: S105 -- the secret's name
CHAT_CONFIGURATION = "nexuschat-librechat-yaml"

#: The roles that see the rows of every organisation in the shared tables: the owner, who writes the declared rows, who
#: audits, and the business roles that work across organisations. A tenant's application sees its own alone.
ALL_ROWS_ROLES = ("ACCOUNTADMIN", "SYSADMIN", SHARED_APPLICATION_ROLE, MAINTENANCE_ROLE, OPERATOR_ROLE, MONITORING_ROLE)


def organization_names(organization_id: str) -> OrganizationNames:
    """What an organisation's objects are called: HCS0001 has HCS0001_DB, HCS0001_WH, HCS0001_APP and so on."""
    return OrganizationNames(
        database=f"{organization_id}_DB",
        schema=NEXUSCHAT_SCHEMA,
        warehouse=f"{organization_id}_WH",
        resource_monitor=f"{organization_id}_RM",
        application_role=f"{organization_id}{APPLICATION_SUFFIX}",
        analyst_role=f"{organization_id}_ANALYST",
        administrator_role=f"{organization_id}_ADMIN",
    )


def container_environment_name(environment: str) -> str:
    return f"cae-nexuschat-{environment}"


def workspace_name(environment: str) -> str:
    return f"log-nexuschat-{environment}"


def identity_name(app_name: str, environment: str) -> str:
    return f"id-{app_name}-{environment}"


def network_name(environment: str) -> str:
    return f"vnet-nexuschat-{environment}"


def endpoint_name(service: str, environment: str) -> str:
    """A private endpoint's name."""
    return f"pe-nexuschat-{service}-{environment}"


def edge_name(environment: str) -> str:
    """Front Door's profile."""
    return f"afd-nexuschat-{environment}"


def firewall_name(environment: str) -> str:
    """The web application firewall's policy: Azure takes letters and digits only."""
    return f"wafnexuschat{environment}"


def vault_id(subscription_id: str, resource_group: str, vault: str) -> str:
    """A vault's resource id."""
    return (
        f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/Microsoft.KeyVault/vaults/{vault}"
    )


def registry_id(subscription_id: str, resource_group: str, registry: str) -> str:
    """A container registry's resource id."""
    return (
        f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
        f"/providers/Microsoft.ContainerRegistry/registries/{registry}"
    )


def snowflake_account(organization: str, account: str) -> str:
    """The account identifier that connectors take."""
    return f"{organization}-{account}"


def snowflake_host(organization: str, account: str) -> str:
    """The account's host; a host name has hyphens where the account's name has underscores."""
    return f"{organization}-{account}.snowflakecomputing.com".lower().replace("_", "-")
