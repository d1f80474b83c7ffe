"""Azure resources that hold data, a name or a key: deleted, replaced, or kept for fewer days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.data_loss.finding import Finding
from policies.data_loss.plan import Plan, Step, days_of, unknown

_PACKAGE: Final = "azure-native"


@dataclass(frozen=True, slots=True)
class Held:
    """What one type of resource holds. `check` is a command, `{}` standing for the name."""

    word: str
    name: str
    lost: str
    back: str
    check: str = ""


_NO: Final = "no: Azure keeps nothing of it"
HELD: Final[Mapping[str, Held]] = {
    "resources:ResourceGroup": Held(
        "resource group",
        "resourceGroupName",
        "everything in it, also what this stack does not know of",
        "only what can be brought back by itself (vaults, workspaces)",
        "az resource list --resource-group {} --output table",
    ),
    "keyvault:Vault": Held(
        "key vault", "vaultName", "every secret, key and certificate in it, and all of their versions", "",
        "az keyvault secret list --vault-name {} --query 'length(@)'",
    ),
    "keyvault:Secret": Held(
        "secret", "secretName", "its value and every earlier version",
        "for as many days as the vault soft-deletes: az keyvault secret recover --name {}",
    ),
    "keyvault:Key": Held(
        "key", "keyName", "the key: whatever it encrypted can no longer be read",
        "for as many days as the vault soft-deletes: az keyvault key recover --name {}",
    ),
    "storage:StorageAccount": Held(
        "storage account", "accountName", "every blob, file, queue and table in it, the audit trail among them",
        "within 14 days and at best, by Azure's support or the portal; never once the name is taken anew",
        "az storage container list --account-name {} --auth-mode login --query 'length(@)'",
    ),
    "storage:BlobContainer": Held(
        "blob container", "containerName", "every blob in it", "for the account's days of container soft delete"
    ),
    "storage:FileShare": Held(
        "file share", "shareName", "every file in it", "for the account's days of share soft delete"
    ),
    "storage:Table": Held("storage table", "tableName", "every row of it", _NO),
    "storage:Queue": Held("storage queue", "queueName", "every message in it", _NO),
    "operationalinsights:Workspace": Held(
        "log workspace", "workspaceName", "every log in it: HIPAA asks for six years of the audit trail",
        "for 14 days, by creating it again under the same name in the same group",
        "az monitor log-analytics query --workspace ID --analytics-query 'Usage | summarize sum(Quantity)'",
    ),
    "operationalinsights:Table": Held("log table", "tableName", "every row of it", "for 14 days, by its name"),
    "containerregistry:Registry": Held(
        "container registry", "registryName", "every image in it, those that run now and those to roll back to",
        "no: images have to be built and pushed again", "az acr repository list --name {}",
    ),
    "app:ManagedEnvironment": Held(
        "container environment", "environmentName",
        "its default domain, so each app's host name, and every volume and running app in it", _NO,
    ),
    "network:VirtualNetwork": Held(
        "virtual network", "virtualNetworkName",
        "its address space and what is attached to it: peerings and links that others made", _NO,
    ),
    "network:PublicIPAddress": Held(
        "public IP address", "publicIpAddressName",
        "the address: whoever lets it through (Snowflake's network rules, partners) lets nobody through any more", _NO,
    ),
    "network:PrivateEndpoint": Held(
        "private endpoint", "privateEndpointName", "its address and its approval at the other end", _NO
    ),
    "privatedns:PrivateZone": Held(
        "private DNS zone", "privateZoneName", "every record in it, also those that this stack does not know of", _NO,
        "az network private-dns record-set list --zone-name {} --resource-group GROUP",
    ),
    "cdn:Profile": Held(
        "Front Door profile", "profileName", "its endpoints' host names, its custom domains and their certificates", _NO
    ),
    "cdn:AFDEndpoint": Held(
        "Front Door endpoint", "endpointName",
        "its host name on azurefd.net: DNS records of others that point at it point nowhere",
        "the same name comes back only with the same scope of its label, and if nobody took it",
    ),
    "cdn:AFDCustomDomain": Held(
        "Front Door domain", "customDomainName", "its certificate and validation: no TLS until both are back", _NO
    ),
    "managedidentity:UserAssignedIdentity": Held(
        "managed identity", "resourceName", "its principal: role assignments that others gave it are dead", _NO
    ),
}  # fmt: skip
"""By module and class."""

_CONTAINERS: Final[Mapping[str, str]] = {
    "resourceGroupName": "resources:ResourceGroup",
    "vaultName": "keyvault:Vault",
    "accountName": "storage:StorageAccount",
    "workspaceName": "operationalinsights:Workspace",
    "profileName": "cdn:Profile",
}
"""By the property that names it, what a resource goes with."""

_RETENTION: Final[Mapping[str, Sequence[str]]] = {
    "operationalinsights:Workspace": ("retentionInDays",),
    "operationalinsights:Table": ("retentionInDays", "totalRetentionInDays"),
    "applicationinsights:Component": ("retentionInDays",),
    "keyvault:Vault": ("properties.softDeleteRetentionInDays",),
    "storage:BlobServiceProperties": ("deleteRetentionPolicy.days", "containerDeleteRetentionPolicy.days"),
    "storage:FileServiceProperties": ("shareDeleteRetentionPolicy.days",),
    "containerregistry:Registry": (
        "policies.retentionPolicy.days",
        "policies.softDeletePolicy.retentionDays",
    ),
}
_SWITCHES: Final[Mapping[str, Sequence[str]]] = {
    "keyvault:Vault": ("properties.enablePurgeProtection", "properties.enableSoftDelete"),
    "storage:BlobServiceProperties": (
        "deleteRetentionPolicy.enabled",
        "containerDeleteRetentionPolicy.enabled",
        "isVersioningEnabled",
    ),
}
"""What makes a deletion recoverable, by the property that turns it on."""


def _token(step: Step) -> str:
    return step.type.partition(":")[2]


def _name(step: Step, held: Held) -> str:
    value = step.before(held.name)
    # Outputs call it `name`; the ARM id ends with it.
    return value if isinstance(value, str) and not unknown(value) else step.id.rpartition("/")[2] or step.name


def _at(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _was(step: Step, path: str) -> Any:
    found = _at(step.old_outputs, path)
    return _at(step.old, path) if found is None else found


def azure_losses(plan: Plan) -> Iterator[Finding]:
    """What goes with Azure's resources."""
    steps = [step for step in plan.steps if step.type.startswith(f"{_PACKAGE}:")]
    gone = {(_token(step), _name(step, HELD[_token(step)])) for step in steps if step.gone and _token(step) in HELD}
    for step in steps:
        if step.retained:
            continue
        held = HELD.get(_token(step))
        if held is not None and step.gone and not _with_container(step, gone):
            yield _gone(plan, step, held)
        elif step.op == "update":
            yield from _shortened(plan, step)
            yield from _lifecycle(plan, step)


def _with_container(step: Step, gone: set[tuple[str, str]]) -> bool:
    return any(token != _token(step) and (token, str(step.old.get(key))) in gone for key, token in _CONTAINERS.items())


def _gone(plan: Plan, step: Step, held: Held) -> Finding:
    name = _name(step, held)
    back = held.back.replace("{}", name)
    if _token(step) == "keyvault:Vault":
        days = days_of(_was(step, "properties.softDeleteRetentionInDays")) or 90
        purge = _was(step, "properties.enablePurgeProtection") is True
        back = f"for {days} days of soft delete: az keyvault recover --name {name}; " + (
            "purge protection keeps anyone from shortening that, and keeps the name taken"
            if purge
            else "without purge protection, whoever may purge can end that at once"
        )
    why = ", ".join(sorted(step.replace_keys)) or "a reason the plan does not give"
    return Finding(
        step.urn,
        plan.tenant(step),
        f"{held.word} {name}",
        "delete" if step.op == "delete" else f"delete and create again (for {why})",
        held.lost,
        back,
        held.check.replace("{}", name),
    )


def _place(step: Step) -> str:
    held = HELD.get(_token(step))
    return f"{held.word} {_name(step, held)}" if held else f"{_token(step)} {step.id.rpartition('/')[2] or step.name}"


def _shortened(plan: Plan, step: Step) -> Iterator[Finding]:
    for path in _RETENTION.get(_token(step), ()):
        was, becomes = _was(step, path), _at(step.new, path)
        before, after = days_of(was), days_of(becomes)
        if unknown(becomes):
            yield _unknown(plan, step, path)
        elif before is not None and before > 0 and (after is None or after < before):
            to = "what Azure has as its default" if after is None else f"{after} days"
            yield Finding(
                step.urn,
                plan.tenant(step),
                _place(step),
                f"shorten {path} from {before} to {to}",
                "what is older goes, or what was deleted longer ago can no longer be brought back",
                "no: a longer retention does not bring back what a shorter one let go",
            )
    for path in _SWITCHES.get(_token(step), ()):
        was, becomes = _was(step, path), _at(step.new, path)
        if unknown(becomes):
            yield _unknown(plan, step, path)
        elif was is True and becomes is not True:
            yield Finding(
                step.urn,
                plan.tenant(step),
                _place(step),
                f"turn off {path}",
                "from then on, what is deleted cannot be brought back",
                "by turning it on again, for what is deleted after that",
            )


def _lifecycle(plan: Plan, step: Step) -> Iterator[Finding]:
    """Rules by which a storage account deletes by itself."""
    if _token(step) != "storage:ManagementPolicy":
        return
    if unknown(step.new.get("policy")):
        yield _unknown(plan, step, "policy")
        return
    before, after = _rules(step.old), _rules(step.new)
    for name, days in after.items():
        if name not in before or days < before[name]:
            was = f"{before[name]} days" if name in before else "never"
            yield Finding(
                step.urn,
                plan.tenant(step),
                f"storage account {step.old.get('accountName', step.name)}",
                f"delete by rule {name} after {days} days instead of {was}",
                f"every blob that is older than {days} days, within a day",
                "for the account's days of blob soft delete, if it has any",
            )


def _rules(inputs: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule in _at(inputs, "policy.rules") or ():
        if not isinstance(rule, Mapping) or rule.get("enabled") is False:
            continue
        for kind in ("baseBlob", "snapshot", "version"):
            delete = _at(rule, f"definition.actions.{kind}.delete")
            days = [value for value in map(days_of, (delete or {}).values()) if value is not None]
            if days:
                found[f"{rule.get('name')} ({kind})"] = min(days)
    return found


def _unknown(plan: Plan, step: Step, path: str) -> Finding:
    return Finding(
        step.urn,
        plan.tenant(step),
        _place(step),
        f"unknown {path}",
        "the plan does not know it: less could be kept than before",
        "unknown",
        unknown=True,
    )
