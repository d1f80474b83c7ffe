"""Log Analytics workspaces, container registries, storage accounts."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.azure.errors import AzureError
from emulator.azure.identifiers import digest, key, new_guid
from emulator.azure.kinds import Name, Operation, ResourceKind
from emulator.azure.resource_types.foundation import RESOURCE_GROUP
from emulator.azure.rules import Inputs, allowed, at, between, distinct, items
from emulator.azure.store import StoredResource
from emulator.package import CheckFailure

REGISTRIES = "Microsoft.ContainerRegistry/registries"
STORAGE_ACCOUNTS = "Microsoft.Storage/storageAccounts"
BLOB_SERVICES = "Microsoft.Storage/storageAccounts/blobServices"


def _workspace_retention(inputs: Inputs) -> Iterator[CheckFailure]:
    days, sku = inputs.get("retentionInDays"), at(inputs, "sku.name")
    if not isinstance(days, int) or isinstance(days, bool) or days == -1:
        return
    if isinstance(sku, str) and sku.lower() == "free":
        if days != 7:
            yield CheckFailure("retentionInDays", "the Free tier keeps data for 7 days")
    elif not 30 <= days <= 730:
        yield CheckFailure("retentionInDays", f"{days} is out of range: it must be from 30 to 730 days")


def _complete_workspace(operation: Operation) -> None:
    body = operation.body
    operation.once("customerId", new_guid)
    operation.once("createdDate", lambda: operation.timestamp)
    body["modifiedDate"] = operation.timestamp
    body.setdefault("retentionInDays", 30)
    body["etag"] = f'"{new_guid()}"'
    body["features"] = {"legacy": 0, "searchVersion": 1, "enableLogAccessUsingOnlyResourcePermissions": True} | (
        body.get("features") or {}
    )
    body["provisioningState"] = "Succeeded"


def _workspace_soft_delete(_: StoredResource) -> int:
    return 14


def _registry_features(inputs: Inputs) -> Iterator[CheckFailure]:
    sku = at(inputs, "sku.name")
    if not isinstance(sku, str) or sku.lower() == "premium":
        return
    premium = (
        (inputs.get("publicNetworkAccess") == "Disabled", "publicNetworkAccess", "switching public access off"),
        (inputs.get("zoneRedundancy") == "Enabled", "zoneRedundancy", "zone redundancy"),
        (inputs.get("dataEndpointEnabled") is True, "dataEndpointEnabled", "a dedicated data endpoint"),
        (at(inputs, "networkRuleSet.defaultAction") == "Deny", "networkRuleSet", "a network rule set"),
        (at(inputs, "policies.retentionPolicy.status") == "enabled", "policies.retentionPolicy", "a retention policy"),
        (at(inputs, "encryption.status") == "enabled", "encryption", "a customer-managed key"),
    )
    for wanted, place, said in premium:
        if wanted:
            yield CheckFailure(place, f"{said} needs the SKU Premium, not {sku}")


def _complete_registry(operation: Operation) -> None:
    name = operation.name.lower()
    for other in operation.store.of_type(REGISTRIES):
        if other.name.lower() == name and other.key != key(operation.id):
            raise AzureError(
                409, "AlreadyInUse", f"The registry DNS name {name}.azurecr.io is already in use. Choose another name."
            )
    body = operation.body
    body["loginServer"] = f"{name}.azurecr.io"
    operation.once("creationDate", lambda: operation.timestamp)
    body["sku"]["tier"] = body["sku"]["name"]
    body["provisioningState"] = "Succeeded"


def _complete_storage(operation: Operation) -> None:
    name = operation.name
    for other in operation.store.of_type(STORAGE_ACCOUNTS):
        if other.name == name and other.key != key(operation.id):
            raise AzureError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    body = operation.body
    zone = int(digest(operation.id)[:2], 16) % 50
    services = ("blob", "file", "queue", "table", "dfs", "web")
    body["primaryEndpoints"] = {
        service: f"https://{name}.{f'z{zone}.web' if service == 'web' else service}.core.windows.net/"
        for service in services
    }
    body["primaryLocation"] = body["location"]
    body["statusOfPrimary"] = "available"
    operation.once("creationTime", lambda: operation.timestamp)
    operation.once("keyCreationTime", lambda: {"key1": operation.timestamp, "key2": operation.timestamp})
    body["sku"]["tier"] = body["sku"]["name"].split("_")[0]
    if body["kind"] in ("StorageV2", "BlobStorage"):
        body.setdefault("accessTier", "Hot")
    body["provisioningState"] = "Succeeded"


def _store_services(operation: Operation) -> None:
    """An account's blob service is a resource of its own, which nobody makes."""
    service = f"{operation.id}/blobServices/default"
    if operation.store.find(service) is None:
        operation.store.put(StoredResource(service, BLOB_SERVICES, {"name": "default"}))


def _policy_rules(inputs: Inputs) -> Iterator[CheckFailure]:
    rules = items(inputs, "policy.rules")
    if len(rules) > 100:
        yield CheckFailure("policy.rules", f"{len(rules)} rules are too many: a policy may have 100")
    for index, rule in enumerate(rules):
        place = f"policy.rules[{index}].definition"
        actions = at(rule, "definition.actions")
        if isinstance(actions, dict) and not any(actions.get(kind) for kind in ("baseBlob", "snapshot", "version")):
            yield CheckFailure(f"{place}.actions", "a rule needs an action on blobs, snapshots or versions")
        kinds = at(rule, "definition.filters.blobTypes")
        tiers = at(rule, "definition.actions.baseBlob")
        if isinstance(kinds, list) and "appendBlob" in kinds and isinstance(tiers, dict):
            for tier in ("tierToCool", "tierToCold", "tierToArchive", "tierToHot"):
                if tiers.get(tier) is not None:
                    yield CheckFailure(f"{place}.actions.baseBlob.{tier}", "append blobs change no tier: only delete")


def _complete_policy(operation: Operation) -> None:
    operation.body["lastModifiedTime"] = operation.timestamp


def _storage_combinations(inputs: Inputs) -> Iterator[CheckFailure]:
    kind, sku = inputs.get("kind"), at(inputs, "sku.name")
    if kind in ("FileStorage", "BlockBlobStorage") and isinstance(sku, str) and not sku.startswith("Premium"):
        yield CheckFailure("sku.name", f"an account of kind {kind} needs a Premium SKU, not {sku}")
    if kind in ("Storage", "BlobStorage") and isinstance(sku, str) and sku.startswith("Premium"):
        yield CheckFailure("sku.name", f"an account of kind {kind} cannot have the SKU {sku}")


KINDS = (
    ResourceKind(
        "operationalinsights:Workspace",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.OperationalInsights/workspaces/{{workspaceName}}",
        name=Name(
            "workspaceName",
            r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
            "4 to 63 letters, digits and hyphens, not starting or ending with a hyphen",
        ),
        rules=(
            _workspace_retention,
            allowed(
                "sku.name",
                (
                    "PerGB2018",
                    "CapacityReservation",
                    "LACluster",
                    "Free",
                    "Standalone",
                    "PerNode",
                    "Standard",
                    "Premium",
                ),
            ),
            between("workspaceCapping.dailyQuotaGb", -1, 1_000_000, " GB"),
        ),
        defaults={
            "sku": {"name": "PerGB2018"},
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "workspaceCapping": {"dailyQuotaGb": -1},
        },
        complete=_complete_workspace,
        # Azure keeps a deleted workspace for 14 days and recovers it, with its data, under the same name.
        retention_days=_workspace_soft_delete,
    ),
    ResourceKind(
        "containerregistry:Registry",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.ContainerRegistry/registries/{{registryName}}",
        name=Name("registryName", r"[a-zA-Z0-9]{5,50}", "5 to 50 letters and digits"),
        rules=(
            _registry_features,
            allowed("sku.name", ("Basic", "Standard", "Premium")),
            allowed("publicNetworkAccess", ("Enabled", "Disabled")),
            allowed("zoneRedundancy", ("Enabled", "Disabled")),
        ),
        replaces=frozenset({"zoneRedundancy"}),
        defaults={
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "dataEndpointEnabled": False,
            "publicNetworkAccess": "Enabled",
            "networkRuleBypassOptions": "AzureServices",
            "zoneRedundancy": "Disabled",
        },
        complete=_complete_registry,
    ),
    ResourceKind(
        "storage:StorageAccount",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}",
        name=Name("accountName", r"[a-z0-9]{3,24}", "3 to 24 lower case letters and digits"),
        rules=(
            _storage_combinations,
            allowed("kind", ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")),
            allowed(
                "sku.name",
                (
                    "Standard_LRS",
                    "Standard_GRS",
                    "Standard_RAGRS",
                    "Standard_ZRS",
                    "Standard_GZRS",
                    "Standard_RAGZRS",
                    "Premium_LRS",
                    "Premium_ZRS",
                    "PremiumV2_LRS",
                    "PremiumV2_ZRS",
                    "StandardV2_LRS",
                    "StandardV2_GRS",
                    "StandardV2_ZRS",
                    "StandardV2_GZRS",
                ),
            ),
            allowed("minimumTlsVersion", ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3")),
            allowed("accessTier", ("Hot", "Cool", "Cold", "Premium")),
            allowed("publicNetworkAccess", ("Enabled", "Disabled", "SecuredByPerimeter")),
            allowed("networkRuleSet.defaultAction", ("Allow", "Deny")),
        ),
        # forceNewMap of pulumi-azure-native.
        replaces=frozenset({"isHnsEnabled"}),
        immutable=("kind", "encryption.requireInfrastructureEncryption"),
        defaults={
            "allowBlobPublicAccess": False,
            "enableHttpsTrafficOnly": True,
            "minimumTlsVersion": "TLS1_2",
            "networkRuleSet": {
                "bypass": "AzureServices",
                "defaultAction": "Allow",
                "ipRules": [],
                "virtualNetworkRules": [],
            },
        },
        complete=_complete_storage,
        after=_store_services,
    ),
    ResourceKind(
        "storage:ManagementPolicy",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}"
        "/managementPolicies/{managementPolicyName}",
        name=Name("managementPolicyName", r"default", "an account has one policy, named default"),
        rules=(
            _policy_rules,
            distinct("policy.rules", "name"),
            allowed("policy.rules[].type", ("Lifecycle",)),
            allowed("policy.rules[].definition.filters.blobTypes[]", ("blockBlob", "appendBlob")),
            between("policy.rules[].definition.actions.baseBlob.delete.daysAfterModificationGreaterThan", 0, 99_999),
        ),
        complete=_complete_policy,
    ),
)
