"""One mutation of the program for every policy: what breaks just its rule, and which policy has to catch it.

A mutation changes one input of one of the program's own resources, as the engine gets it, or declares a resource more.
All of them run at once, in one preview: each catch is told apart by its policy and its resource, so that the whole of
what the pack says must be the whole of what the table expects, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Mutation:
    """`resource` is the logical name, `set` maps paths of inputs (null: taken away) to values, `append` lists to more.

    `caught_at` names the resource of the violation where that is another one ("" for the stack), and `also` what else
    cannot but catch it, as (policy, resource). Without `set` and `append` the resource is one of `declare_more`.
    """

    policy: str
    resource: str
    set: Mapping[str, Any] | None = None
    append: Mapping[str, Any] | None = None
    caught_at: str | None = None
    also: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    """The resource's type's last word, where several have its name."""

    @property
    def catches(self) -> set[tuple[str, str]]:
        at = self.resource if self.caught_at is None else self.caught_at
        return {(self.policy, at), *self.also}


def _variable(name: str, value: str) -> dict[str, Any]:
    return {"template.containers.0.env": {"name": name, "value": value}}


OWNER: Final = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#: LibreChat's published CREDS_IV, in two halves, so that no scanner takes it for a secret.
SAMPLE: Final = "e2341419ec3dd3d1" + "9b13a1a87fafcbfb"
PUBLIC_KEY: Final = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
"""Only the beginning of one: a preview asks nobody whether it is whole."""
EXCEPTION: Final = {
    "resource": "COMPUTE_WH",
    "policy": "warehouse-auto-suspend",
    "reason": "nothing that it needs",
    "acceptedBy": "security@videxa.example",
    "expires": "2999-12-31",
}

MUTATIONS: Final[tuple[Mutation, ...]] = (
    Mutation("key-vault-rbac", "vault", {"properties.enableRbacAuthorization": False}),
    Mutation("key-vault-purge-protection", "vault", {"properties.enablePurgeProtection": None}),
    Mutation("key-vault-soft-delete", "vault", {"properties.softDeleteRetentionInDays": 30}),
    Mutation("key-vault-private", "vault", {"properties.publicNetworkAccess": "enabled"}),
    # What is there, and what leads to it, is known by what a resource is made from: here one more is made alone.
    Mutation("key-vault-private-endpoint", "mutant-vault", also=(("diagnostic-settings-present", "mutant-vault"),)),
    Mutation(
        "key-vault-no-access-policies",
        "vault",
        {
            "properties.accessPolicies": [
                {
                    "objectId": "00000000-0000-0000-0000-000000000001",
                    "tenantId": "00000000-0000-0000-0000-0000000d14ec",
                    "permissions": {"secrets": ["get"]},
                }
            ]
        },
    ),
    Mutation("key-vault-no-administrator", "backend-reads-nexuschat-api-key", {"roleDefinitionId": OWNER}),
    Mutation(
        "container-secrets-by-reference",
        "search-app",
        {
            "configuration.secrets.0.keyVaultUrl": None,
            "configuration.secrets.0.identity": None,
            "configuration.secrets.0.value": "hunter2",
        },
    ),
    Mutation("container-no-secret-in-environment", "site-app", append=_variable("SOME_PASSWORD", "hunter2")),
    Mutation("container-public-ingress", "backend-app", {"configuration.ingress.external": True}),
    Mutation("container-https-only", "site-app", {"configuration.ingress.allowInsecure": True}),
    Mutation("container-probes", "site-app", {"template.containers.0.probes": []}),
    Mutation("container-limits", "chat-app", {"template.scale.maxReplicas": None}),
    Mutation(
        "container-image-pinned", "site-app", {"template.containers.0.image": "videxa.azurecr.io/agentnexus-site"}
    ),
    Mutation(
        "container-allowed-registries",
        "index-job",
        {"template.containers.0.image": "registry.example.com/backend:1.0.0"},
    ),
    Mutation("container-no-foreign-services", "backend-app", append=_variable("MONGO_URI", "mongodb://database")),
    Mutation("container-no-sample-secrets", "site-app", append=_variable("GREETING", SAMPLE)),
    Mutation("container-own-identity", "site-app", {"identity.type": "SystemAssigned,UserAssigned"}),
    Mutation(
        "container-registry-by-identity",
        "backend-app",
        {
            "configuration.registries.0.identity": None,
            "configuration.registries.0.username": "somebody",
            "configuration.registries.0.passwordSecretRef": "nexuschat-api-key",
        },
    ),
    Mutation("chat-automatic-log-off", "chat-app", {"template.containers.0.env.SESSION_EXPIRY": "9000000"}),
    Mutation("chat-registration-closed", "chat-app", {"template.containers.0.env.ALLOW_REGISTRATION": "true"}),
    Mutation("container-no-debug-logs", "chat-app", {"template.containers.0.env.DEBUG_LOGGING": "true"}),
    Mutation(
        "chat-allowed-models", "backend-app", {"template.containers.0.env.SNOWFLAKE_CORTEX_MODEL": "another-model"}
    ),
    Mutation("search-index-rebuildable", "search-app", {"template.scale.maxReplicas": 2}),
    Mutation("container-environment-internal", "environment", {"publicNetworkAccess": None}, kind="ManagedEnvironment"),
    Mutation(
        "container-environment-peer-encryption",
        "environment",
        {"peerTrafficConfiguration.encryption.enabled": False},
        kind="ManagedEnvironment",
    ),
    Mutation("web-firewall-prevention", "edge-firewall-rules", {"policySettings.mode": "Detection"}),
    Mutation(
        "web-firewall-managed-rules",
        "edge-firewall-rules",
        {"managedRules.managedRuleSets": [{"ruleSetType": "Microsoft_BotManagerRuleSet", "ruleSetVersion": "1.1"}]},
    ),
    Mutation("web-firewall-before-every-endpoint", "mutant-endpoint"),
    Mutation("edge-https-only", "edge-to-chat-route", {"forwardingProtocol": "MatchRequest"}),
    Mutation("edge-minimum-tls", "edge-site-domain", {"tlsSettings.minimumTlsVersion": None}),
    Mutation("edge-private-origin", "edge-to-site-origin", {"sharedPrivateLinkResource": None}),
    Mutation("edge-logs-scrubbed", "edge", {"logScrubbing.state": "Disabled"}, kind="Profile"),
    Mutation("storage-private", "archive", {"publicNetworkAccess": "Enabled"}, kind="StorageAccount"),
    Mutation("storage-minimum-tls", "archive", {"minimumTlsVersion": "TLS1_0"}, kind="StorageAccount"),
    Mutation("storage-no-shared-keys", "archive", {"allowSharedKeyAccess": True}, kind="StorageAccount"),
    Mutation(
        "storage-infrastructure-encryption",
        "archive",
        {"encryption.requireInfrastructureEncryption": False},
        kind="StorageAccount",
    ),
    Mutation("registry-no-passwords", "registry", {"adminUserEnabled": True}, kind="Registry"),
    Mutation("network-nobody-from-outside", "applications-rules", {"securityRules.0.sourceAddressPrefix": "*"}),
    Mutation("diagnostic-settings-present", "vault-logs", {"logs.0.enabled": False}, caught_at="vault"),
    Mutation("log-retention", "logs", {"retentionInDays": None}),
    Mutation("budget-present", "budget", {"notifications": {}}),
    Mutation("alert-rules-present", "alert-latency", {"enabled": False}),
    Mutation("alert-receivers", "receivers", {"enabled": False}),
    Mutation("no-grant-to-public", "mutant-public", also=(("tenant-isolation", ""),)),
    Mutation("no-administrator-by-default", "POWERBI_SVC", {"defaultRole": "SYSADMIN"}, kind="ServiceUser"),
    Mutation("no-administrator-owns-code", "mutant-task"),
    Mutation("no-administrator-granted", "mutant-administrator"),
    Mutation("service-user-key-pair", "POWERBI_SVC-keys", {"name": "SOMEBODY"}, caught_at="POWERBI_SVC"),
    Mutation("network-policy-closed", "network-PEOPLE", {"valueLists": ["0.0.0.0/0"]}),
    Mutation(
        "network-policy-attached",
        "account-network",
        {"setForAccount": None, "users": ["SOMEBODY"]},
        caught_at="mutant-user",
    ),
    Mutation("cortex-cross-region-off", "CORTEX_ENABLED_CROSS_REGION", {"value": "ANY_REGION"}),
    Mutation("cortex-not-public", "cortex-from-public", {"execute": "SELECT 1"}, caught_at=""),
    Mutation("cortex-allowed-models", "CORTEX_MODELS_ALLOWLIST", {"value": "All"}),
    Mutation("account-parameters-safe", "PERIODIC_DATA_REKEYING", {"value": "false"}),
    Mutation("session-idle-timeout", "session", {"sessionIdleTimeoutMins": 60}),
    Mutation("password-length", "password", {"minLength": 8}),
    Mutation("second-factor", "authentication-people", {"mfaEnrollment": "OPTIONAL"}),
    Mutation("log-in-policies-in-force", "mutant-session"),
    Mutation("time-travel", "VIDEXA_SHARED", {"dataRetentionTimeInDays": 0}, kind="Database"),
    Mutation("no-transient-data", "VIDEXA_SHARED-MONITORING", {"isTransient": "true"}),
    Mutation("managed-access", "VIDEXA_SHARED-CORTEX_FUNCTIONS", {"withManagedAccess": "false"}),
    Mutation(
        "row-access-on-shared-tables", "ORG_USERS-rows", {"execute": "SELECT 1"}, caught_at="VIDEXA_SHARED-ORG_USERS"
    ),
    Mutation(
        "phi-columns-tagged",
        "VIDEXA_SHARED-PHI-DIRECT_IDENTIFIER",
        {"objectIdentifiers": ['"VIDEXA_SHARED"."TENANT_MANAGEMENT"."ORG_USERS"."EMAIL"']},
        caught_at="VIDEXA_SHARED-ORG_USERS",
    ),
    Mutation("phi-tag-masks", "PHI", {"maskingPolicies": ['"VIDEXA_SHARED"."GOVERNANCE"."PHI_TEXT"']}),
    Mutation("warehouse-auto-suspend", "VIDEXA_SHARED_WH-warehouse", {"autoSuspend": 0}),
    Mutation("warehouse-monitored", "VIDEXA_SHARED_WH-warehouse", {"resourceMonitor": None}),
    Mutation(
        "resource-monitor-suspends",
        "VIDEXA_SHARED_WH-monitor",
        {"suspendTrigger": None, "suspendImmediateTrigger": None},
    ),
    Mutation("preview-features-enabled", "mutant-without-flag"),
    Mutation("delete-before-replace", "mutant-statement"),
    Mutation("upper-case-names", "mutant-lower-case"),
    Mutation("no-plain-secrets", "VIDEXA_BREAK_GLASS", {"password": "hunter2"}, kind="User"),
    Mutation("tenant-isolation", "mutant-reads-another-tenant", caught_at=""),
    Mutation("tenants-uniform", "HCS0002_DB", {"comment": "Mine alone"}, kind="Database"),
    Mutation("exceptions-current", "", caught_at=""),
)


def declare_more() -> None:
    """The resources of the mutations that change none of the program's."""
    import pulumi
    import pulumi_azure_native as azure
    import pulumi_snowflake as snowflake

    def provider(role: str, *features: str) -> snowflake.Provider:
        return snowflake.Provider(
            f"mutant-{role}",
            organization_name="VIDEXA",
            account_name="EMBEDDED",
            user="NEXUS_DEPLOY",
            authenticator="SNOWFLAKE_JWT",
            role=role,
            preview_features_enabled=list(features),
        )

    def options(of: snowflake.Provider, *, first: bool | None = True) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(provider=of, delete_before_replace=first)

    administrator = provider("ACCOUNTADMIN")
    worker = provider("SYSADMIN", "snowflake_file_format_resource")
    place = {"database": "VIDEXA_SHARED", "schema": "GOVERNANCE"}
    snowflake.GrantPrivilegesToAccountRole(
        "mutant-public",
        account_role_name="PUBLIC",
        privileges=["USAGE"],
        on_account_object=snowflake.GrantPrivilegesToAccountRoleOnAccountObjectArgs(
            object_type="WAREHOUSE", object_name="VIDEXA_SHARED_WH"
        ),
        opts=options(administrator),
    )
    snowflake.Task(
        "mutant-task", **place, name="MUTANT", sql_statement="SELECT 1", started=False, opts=options(administrator)
    )
    snowflake.GrantAccountRole(
        "mutant-administrator",
        role_name="USERADMIN",
        parent_role_name="VIDEXA_TENANT_OPERATOR",
        opts=options(administrator),
    )
    snowflake.FileFormat("mutant-without-flag", **place, name="MUTANT", format_type="CSV", opts=options(administrator))
    snowflake.FileFormat("mutant-lower-case", **place, name="mutant", format_type="CSV", opts=options(worker))
    snowflake.Execute("mutant-statement", execute="SELECT 1", revert="SELECT 1", opts=options(worker, first=None))
    snowflake.GrantDatabaseRole(
        "mutant-reads-another-tenant",
        database_role_name='"HCS0001_DB"."NEXUSCHAT_READ"',
        parent_role_name="HCS0002_ANALYST",
        opts=options(administrator),
    )
    snowflake.SessionPolicy(
        "mutant-session",
        **place,
        name="MUTANT",
        session_idle_timeout_mins=15,
        session_ui_idle_timeout_mins=15,
        opts=options(worker, first=None),
    )
    snowflake.ServiceUser("mutant-user", name="MUTANT", rsa_public_key=PUBLIC_KEY, opts=options(administrator))
    cloud = pulumi.ResourceOptions(
        provider=azure.Provider(
            "mutant-azure", subscription_id="00000000-0000-0000-0000-00000000a2e0", location="centralus"
        )
    )
    azure.keyvault.Vault(
        "mutant-vault",
        vault_name="kv-mutant",
        resource_group_name="rg-nexuschat-local",
        location="centralus",
        properties=azure.keyvault.VaultPropertiesArgs(
            tenant_id="00000000-0000-0000-0000-0000000d14ec",
            sku=azure.keyvault.SkuArgs(family="A", name="standard"),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            soft_delete_retention_in_days=90,
            enable_purge_protection=True,
            public_network_access="disabled",
            network_acls=azure.keyvault.NetworkRuleSetArgs(bypass="AzureServices", default_action="Deny"),
        ),
        opts=cloud,
    )
    azure.cdn.AFDEndpoint(
        "mutant-endpoint",
        endpoint_name="mutant",
        profile_name="afd-nexuschat-local",
        resource_group_name="rg-nexuschat-local",
        location="Global",
        enabled_state="Enabled",
        opts=cloud,
    )
