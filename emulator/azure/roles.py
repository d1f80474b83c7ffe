"""Azure's role-based access: the built-in roles, and who may read a secret.

The GUIDs are Azure's own (learn.microsoft.com/azure/role-based-access-control/built-in-roles).
"""

from __future__ import annotations

from emulator.azure.identifiers import key, last_segment
from emulator.azure.store import AzureStore, StoredResource

BUILT_IN_ROLES = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "21090545-7ca7-4776-b22c-e363652d74d2": "Key Vault Reader",
    "f25e0fa2-a7c8-4377-a976-54943a77a395": "Key Vault Contributor",
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": "Key Vault Crypto Officer",
    "12338af0-0e69-4776-bea7-57ae8d297424": "Key Vault Crypto User",
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": "Key Vault Crypto Service Encryption User",
    "a4417e6f-fecd-4de8-b567-7b0420556985": "Key Vault Certificates Officer",
    "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": "Key Vault Certificate User",
    "8b54135c-b56d-4d72-a534-26097cfdc8d8": "Key Vault Data Access Administrator",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "8311e382-0749-4cb8-b61a-304f252e45ec": "AcrPush",
    "c2f4ef07-c644-48eb-af81-4b1b4947fb11": "AcrDelete",
    "92aaf0da-9dab-42b6-94a3-d43ce8d16293": "Log Analytics Contributor",
    "73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
    "749f88d5-cbae-40b8-bcfc-e573ddc772fa": "Monitoring Contributor",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": "Storage Account Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb": "Storage File Data SMB Share Contributor",
    "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59": "Managed Identity Contributor",
    "f1a07417-d97a-45cb-824c-7a7467783830": "Managed Identity Operator",
    "4d97b98b-1d4f-4787-a291-c67834d212e7": "Network Contributor",
    "b12aa53e-6015-4669-85d0-8515ebb3ae7f": "Private DNS Zone Contributor",
    "358470bc-b998-42bd-ab17-a7e34c199c0f": "Container Apps Contributor",
    "434105ed-43f6-45c7-a02f-909b2ba83430": "Cost Management Contributor",
    "72fafb9e-0641-4937-9268-a91bfd8191a3": "Cost Management Reader",
    "39bc4728-0917-49c7-9d2c-d95423bc2eb4": "Security Reader",
}

# Roles with the data action Microsoft.KeyVault/vaults/secrets/getSecret/action.
SECRET_READERS = frozenset(
    {
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "4633458b-17de-408a-b874-0445c86b69e6",
    }
)
# Roles with the action Microsoft.ContainerRegistry/registries/pull/read.
IMAGE_PULLERS = frozenset(
    {
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    }
)

ROLE_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


def holds_role(store: AzureStore, principal_id: str, roles: frozenset[str], identity: str) -> bool:
    """Whether a principal was assigned one of the roles on a resource or on anything above it."""
    target, principal = key(identity), principal_id.lower()
    for assignment in store.of_type(ROLE_ASSIGNMENTS):
        if str(assignment.body["principalId"]).lower() != principal:
            continue
        scope = key(assignment.body["scope"])
        if (target == scope or target.startswith(scope + "/")) and last_segment(
            assignment.body["roleDefinitionId"]
        ).lower() in roles:
            return True
    return False


def may_read_secret(store: AzureStore, principal_id: str, vault: StoredResource, secret: str) -> bool:
    """Whether a principal may read a secret's value, by the vault's way of granting access.

    A vault with `enableRbacAuthorization` asks role assignments only, any other its access policies only. `secret` is
    the secret's name, which need not exist.
    """
    properties = vault.body["properties"]
    if properties.get("enableRbacAuthorization"):
        return holds_role(store, principal_id, SECRET_READERS, f"{vault.id}/secrets/{secret}")
    return any(
        str(policy.get("objectId", "")).lower() == principal_id.lower()
        and any(
            str(permission).lower() in ("get", "all")
            for permission in (policy.get("permissions") or {}).get("secrets") or ()
        )
        for policy in properties.get("accessPolicies") or ()
    )


def principal_type(store: AzureStore, object_id: str) -> str | None:
    """What kind of principal an object id is in the directory, or None where nothing has it."""
    wanted = object_id.lower()
    for identity in store.of_type(IDENTITIES):
        if identity.body["principalId"].lower() == wanted:
            return "ServicePrincipal"
    for kind in ("Microsoft.App/containerApps", "Microsoft.App/managedEnvironments"):
        for resource in store.of_type(kind):
            if str((resource.body.get("identity") or {}).get("principalId", "")).lower() == wanted:
                return "ServicePrincipal"
    known = store.principal(object_id)
    return known.type if known is not None else None
