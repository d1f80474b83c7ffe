"""Key vaults: who reads secrets, and that none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.graph.resources import ResourceGraph
from policies.policy import (
    TEXTS,
    Parameter,
    Parameters,
    Policy,
    Properties,
    Severity,
    each,
    each_in_graph,
    whole_number,
)

VAULT: Final = "azure-native:keyvault:Vault"
_LEARN: Final = "https://learn.microsoft.com/azure/key-vault/general/"


@each(VAULT)
def _rbac(vault: Properties, _: Parameters) -> Iterator[str]:
    if vault.flag("properties.enableRbacAuthorization") is not True:
        yield "properties.enableRbacAuthorization is not true"


@each(VAULT)
def _purge_protection(vault: Properties, _: Parameters) -> Iterator[str]:
    if vault.flag("properties.enablePurgeProtection") is not True:
        yield "properties.enablePurgeProtection is not true"


@each(VAULT)
def _soft_delete(vault: Properties, parameters: Parameters) -> Iterator[str]:
    # Azure's own defaults are on, and 90 days; said outright here, so that a default that changes changes nothing.
    if vault.flag("properties.enableSoftDelete") is not True:
        yield "properties.enableSoftDelete is not true"
    days, least = vault.number("properties.softDeleteRetentionInDays"), parameters["minimum_days"]
    if days is None or days < least:
        yield f"properties.softDeleteRetentionInDays is not {least} at least"


@each(VAULT)
def _private(vault: Properties, _: Parameters) -> Iterator[str]:
    if (vault.text("properties.publicNetworkAccess") or "").lower() != "disabled":
        yield "properties.publicNetworkAccess is not disabled"
    if (vault.text("properties.networkAcls.defaultAction") or "").lower() != "deny":
        yield "properties.networkAcls.defaultAction is not Deny"
    if vault.filled("properties.networkAcls.ipRules"):
        yield "properties.networkAcls.ipRules lets addresses in"


@each_in_graph(VAULT)
def _private_endpoint(vault: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    endpoints = graph.of_types("azure-native:network:PrivateEndpoint")
    if not any(vault.urn in each.sources.get("privateLinkServiceConnections", ()) for each in endpoints):
        yield "no private endpoint leads to it"


@each(VAULT, "azure-native:keyvault:AccessPolicy")
def _no_access_policies(inputs: Properties, _: Parameters) -> Iterator[str]:
    if inputs.resource.short_type != VAULT:
        yield "an access policy grants beside RBAC"
    elif inputs.get("properties.accessPolicies"):
        yield "properties.accessPolicies grants beside RBAC"


#: Owner, Contributor, User Access Administrator, Key Vault Administrator (Azure's own ids). Not Key Vault Contributor,
#: which whoever deploys needs, and which reads none of the contents of a vault that asks RBAC.
_ADMINISTRATIVE: Final = (
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483",
)


@each_in_graph("azure-native:authorization:RoleAssignment")
def _no_administrator(assignment: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    sources = [graph.by_urn[urn] for urn in assignment.resource.sources.get("scope", ()) if urn in graph.by_urn]
    if sources:
        at_vault = any(source.short_type in (VAULT, "azure-native:keyvault:Secret") for source in sources)
    else:
        at_vault = "/providers/microsoft.keyvault/" in (assignment.text("scope") or "").lower()
    role = (assignment.text("roleDefinitionId") or "").rpartition("/")[2].lower()
    if at_vault and role in {str(denied).lower() for denied in parameters["denied_roles"]}:
        yield "an administrative role is assigned at the scope of a vault"


POLICIES: Final = (
    Policy(
        id="key-vault-rbac",
        title="A key vault asks RBAC who may read it",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "Azure benchmark PA-7"),
        remediation="Set properties.enableRbacAuthorization to true and assign roles instead of access policies.",
        link=_LEARN + "rbac-guide",
        check=_rbac,
    ),
    Policy(
        id="key-vault-purge-protection",
        title="A deleted key vault or secret cannot be purged",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(c)(1)", "45 CFR 164.312(a)(2)(ii)", "Azure benchmark DP-8"),
        remediation="Set properties.enablePurgeProtection to true. It cannot be undone.",
        link=_LEARN + "soft-delete-overview",
        check=_purge_protection,
    ),
    Policy(
        id="key-vault-soft-delete",
        title="What is deleted from a key vault can be had back long enough",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(c)(1)", "45 CFR 164.308(a)(7)(ii)(A)", "Azure benchmark DP-8"),
        remediation="Set properties.enableSoftDelete to true and softDeleteRetentionInDays to 90.",
        link=_LEARN + "soft-delete-overview",
        check=_soft_delete,
        parameters={
            "minimum_days": Parameter(90, "Days for which what is deleted is kept, at least.", whole_number(7, 90))
        },
    ),
    Policy(
        id="key-vault-private",
        title="A key vault answers no public network",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-2"),
        remediation="Set properties.publicNetworkAccess to disabled and networkAcls.defaultAction to Deny, no ipRules.",
        link=_LEARN + "network-security",
        check=_private,
    ),
    Policy(
        id="key-vault-private-endpoint",
        title="A key vault is reached by a private endpoint",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-2"),
        remediation="Declare a PrivateEndpoint whose connection names the vault (groupIds: [vault]).",
        link=_LEARN + "private-link-service",
        check=_private_endpoint,
    ),
    Policy(
        id="key-vault-no-access-policies",
        title="No access policy grants beside RBAC",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "Azure benchmark PA-7"),
        remediation="Remove accessPolicies and AccessPolicy resources; assign roles on single secrets.",
        link=_LEARN + "rbac-access-policy",
        check=_no_access_policies,
    ),
    Policy(
        id="key-vault-no-administrator",
        title="Nobody holds an administrative role at a vault",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)", "Azure benchmark PA-1"),
        remediation="Assign Key Vault Secrets User on the single secret that is needed.",
        link=_LEARN + "rbac-guide",
        check=_no_administrator,
        parameters={
            "denied_roles": Parameter(
                list(_ADMINISTRATIVE),
                "Ids of role definitions that are denied at a vault's or a secret's scope.",
                TEXTS,
            )
        },
    ),
)
