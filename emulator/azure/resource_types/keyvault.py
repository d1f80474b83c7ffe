"""Key vaults and their secrets.

Soft delete, as Azure and azure-native have it together. A deleted vault's name stays reserved for its retention. A
vault declared again under the same ARM id is recovered, with its secrets and without its role assignments (Azure
recovers where `createMode` is not given; pulumi-azure-native issue 4282); `createMode: default` is refused with
ConflictError, and so is the name anywhere else. A deleted secret declared again is recovered first and then gets its
new version (azure-native's own doing: pull request 4759, custom_keyvault.go). So `destroy` and `up` work one after
the other, purge protection or not.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from emulator.azure.errors import AzureError
from emulator.azure.kinds import Autoname, Name, Operation, ResourceKind
from emulator.azure.resource_types.foundation import RESOURCE_GROUP
from emulator.azure.rules import Inputs, allowed, at, between, matches
from emulator.azure.store import AzureStore, StoredResource
from emulator.package import CheckFailure

VAULTS = "Microsoft.KeyVault/vaults"
SECRETS = "Microsoft.KeyVault/vaults/secrets"
_MAXIMUM_SECRET_BYTES = 25 * 1024
_IRREVERSIBLE = "cannot be set to false: enabling it for a vault is an irreversible action"


def _vault_switches(inputs: Inputs) -> Iterator[CheckFailure]:
    if at(inputs, "properties.enablePurgeProtection") is False:
        yield CheckFailure("properties.enablePurgeProtection", f'"enablePurgeProtection" {_IRREVERSIBLE}; leave it out')
    if at(inputs, "properties.enableSoftDelete") is False:
        yield CheckFailure("properties.enableSoftDelete", f'"enableSoftDelete" {_IRREVERSIBLE}; every vault has it')
    if at(inputs, "properties.enablePurgeProtection") is True and at(inputs, "properties.enableSoftDelete") is False:
        yield CheckFailure("properties.enablePurgeProtection", "purge protection needs soft delete")


def _complete_vault(operation: Operation) -> None:
    store, name, previous = operation.store, operation.name, operation.previous
    properties = operation.body["properties"]
    mode = properties.pop("createMode", None)
    if previous is None:
        for vault in store.of_type(VAULTS):
            if vault.name.lower() == name.lower():
                raise AzureError(
                    409,
                    "VaultAlreadyExists",
                    f"The vault name '{name}' is already in use. Vault names are globally unique so it is "
                    "possible that "
                    "the name is already taken. If you are sure that the vault name was not taken then it is possible "
                    "that a vault with the same name was recently deleted but not purged after being placed in a "
                    "recoverable state.",
                )
        if any(entry.resource.name.lower() == name.lower() for entry in store.soft_deleted_of_type(VAULTS)):
            raise _vault_in_deleted_state()
        if mode == "recover":
            raise AzureError(
                404,
                "SoftDeletedVaultDoesNotExist",
                "A soft deleted vault with the given name does not exist. Ensure that the name for the vault that is "
                "being attempted to recover is in a recoverable state.",
            )
    else:
        if operation.recovered and mode == "default":
            raise _vault_in_deleted_state()
        before = previous.body["properties"]
        if before.get("enablePurgeProtection"):
            # Left out of an update, it stays: it can be switched on only.
            properties["enablePurgeProtection"] = True
        retention = before.get("softDeleteRetentionInDays", 90)
        if properties.get("softDeleteRetentionInDays") is None:
            properties["softDeleteRetentionInDays"] = retention
        elif properties["softDeleteRetentionInDays"] != retention:
            raise AzureError(
                400,
                "BadRequest",
                'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.',
            )
    properties.setdefault("softDeleteRetentionInDays", 90)
    properties["vaultUri"] = f"https://{name.lower()}.vault.azure.net/"
    properties["provisioningState"] = "Succeeded"


def _vault_in_deleted_state() -> AzureError:
    return AzureError(
        409,
        "ConflictError",
        "A vault with the same name already exists in deleted state. You need to either recover or purge existing key "
        "vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
    )


def _vault_retention(vault: StoredResource) -> int:
    return int(vault.body["properties"].get("softDeleteRetentionInDays", 90))


def _secret_size(inputs: Inputs) -> Iterator[CheckFailure]:
    value = at(inputs, "properties.value")
    if isinstance(value, str) and len(value.encode()) > _MAXIMUM_SECRET_BYTES:
        yield CheckFailure("properties.value", f"a secret's value has at most {_MAXIMUM_SECRET_BYTES} bytes")
    tags = inputs.get("tags")
    if isinstance(tags, dict) and len(tags) > 15:
        yield CheckFailure("tags", f"{len(tags)} tags are too many: a secret may have 15")


def _complete_secret(operation: Operation) -> None:
    vault = operation.store.find(operation.id.rsplit("/secrets/", 1)[0])
    assert vault is not None
    properties = operation.body["properties"]
    value = properties.pop("value", None)
    versions: list[dict[str, object]] = list(operation.private.get("versions", ()))
    if value is None and not versions:
        raise AzureError(400, "BadRequest", "The property 'value' of a new secret is required.")
    now = int(operation.now.timestamp())
    given = properties.get("attributes") or {}
    attributes = {name: given[name] for name in ("expires", "notBefore") if given.get(name) is not None}
    attributes["enabled"] = given.get("enabled", True)
    if value is not None:
        # Every PUT with a value makes a version, whether the value is new or not.
        versions.append({"version": secrets.token_hex(16), "value": value, "created": now, "updated": now})
    newest = versions[-1]
    newest |= {"updated": now, "attributes": attributes, "contentType": properties.get("contentType")}
    newest["tags"] = operation.body.get("tags")
    operation.private["versions"] = versions
    uri = f"{vault.body['properties']['vaultUri']}secrets/{operation.name}"
    properties["attributes"] = {**attributes, "created": newest["created"], "updated": now}
    properties["secretUri"] = uri
    properties["secretUriWithVersion"] = f"{uri}/{newest['version']}"
    operation.body["location"] = vault.body["location"]
    operation.private["retentionDays"] = _vault_retention(vault)


def _secret_retention(secret: StoredResource) -> int:
    return int(secret.private["retentionDays"])


def is_enabled(version: dict[str, object]) -> bool:
    """Whether a version's value may be read: its dates are for its users' information, `enabled` is not."""
    attributes = version.get("attributes")
    return not isinstance(attributes, dict) or bool(attributes.get("enabled", True))


def current_value(store: AzureStore, vault_name: str, name: str) -> str:
    """A secret's current value. Raises as Azure does where there is no such vault or secret, or it is disabled."""
    vault = next((vault for vault in store.of_type(VAULTS) if vault.name.lower() == vault_name.lower()), None)
    secret = None if vault is None else store.find(f"{vault.id}/secrets/{name}")
    if secret is None:
        raise AzureError(404, "SecretNotFound", f"There is no secret {name} in a key vault {vault_name}.")
    version = secret.private["versions"][-1]
    if not is_enabled(version):
        raise AzureError(403, "Forbidden", "Operation get is not allowed on a disabled secret.")
    return str(version["value"])


KINDS = (
    ResourceKind(
        "keyvault:Vault",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.KeyVault/vaults/{{vaultName}}",
        name=Name(
            "vaultName",
            r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
            "A vault's name must be between 3-24 alphanumeric characters. The name must begin with a letter, end "
            "with a letter or digit, and not contain consecutive hyphens",
        ),
        rules=(
            _vault_switches,
            allowed("properties.sku.family", ("A",)),
            allowed("properties.sku.name", ("standard", "premium")),
            between("properties.softDeleteRetentionInDays", 7, 90, " days"),
            matches(
                "properties.tenantId",
                r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
                "a tenant's id is a GUID",
            ),
            allowed("properties.publicNetworkAccess", ("enabled", "disabled")),
            allowed("properties.networkAcls.defaultAction", ("Allow", "Deny")),
            allowed("properties.networkAcls.bypass", ("AzureServices", "None")),
            allowed("properties.createMode", ("default", "recover")),
        ),
        defaults={
            "properties": {
                "accessPolicies": [],
                "enabledForDeployment": False,
                "enableSoftDelete": True,
                "publicNetworkAccess": "Enabled",
            }
        },
        maintained=("properties.accessPolicies",),
        complete=_complete_vault,
        retention_days=_vault_retention,
    ),
    ResourceKind(
        "keyvault:Secret",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.KeyVault/vaults/{{vaultName}}/secrets/{{secretName}}",
        name=Name(
            "secretName",
            r"[0-9a-zA-Z-]{1,127}",
            "1 to 127 letters, digits and hyphens",
            autoname=Autoname.COPY,
        ),
        rules=(_secret_size, matches("properties.contentType", r".{0,255}", "at most 255 characters")),
        complete=_complete_secret,
        retention_days=_secret_retention,
    ),
)
