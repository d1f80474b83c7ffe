"""Storage accounts, registries, networks: closed to the public, and without passwords."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.policy import Parameters, Policy, Properties, Severity, each

_STORAGE: Final = "azure-native:storage:StorageAccount"
_REGISTRY: Final = "azure-native:containerregistry:Registry"
_LEARN: Final = "https://learn.microsoft.com/azure/"


@each(_STORAGE)
def _private(account: Properties, _: Parameters) -> Iterator[str]:
    if (account.text("publicNetworkAccess") or "").lower() != "disabled":
        yield "publicNetworkAccess is not Disabled"
    if (account.text("networkRuleSet.defaultAction") or "").lower() != "deny":
        yield "networkRuleSet.defaultAction is not Deny"
    if account.flag("allowBlobPublicAccess") is not False:
        yield "allowBlobPublicAccess is not false"


@each(_STORAGE)
def _tls(account: Properties, _: Parameters) -> Iterator[str]:
    if account.flag("enableHttpsTrafficOnly") is not True:
        yield "enableHttpsTrafficOnly is not true"
    if account.text("minimumTlsVersion") not in ("TLS1_2", "TLS1_3"):
        yield "minimumTlsVersion is not TLS1_2 at least"


@each(_STORAGE)
def _no_keys(account: Properties, _: Parameters) -> Iterator[str]:
    if account.flag("allowSharedKeyAccess") is not False:
        yield "allowSharedKeyAccess is not false"


@each(_STORAGE)
def _encrypted(account: Properties, _: Parameters) -> Iterator[str]:
    if account.flag("encryption.requireInfrastructureEncryption") is not True:
        yield "encryption.requireInfrastructureEncryption is not true"


@each(_REGISTRY)
def _registry(registry: Properties, _: Parameters) -> Iterator[str]:
    ignored = registry.resource.ignored
    if "adminUserEnabled" not in ignored and registry.flag("adminUserEnabled") is not False:
        yield "adminUserEnabled is not false"
    if "anonymousPullEnabled" not in ignored and registry.flag("anonymousPullEnabled"):
        yield "anonymousPullEnabled is true"


@each("azure-native:network:NetworkSecurityGroup")
def _inbound(group: Properties, _: Parameters) -> Iterator[str]:
    for rule in group.parts("securityRules"):
        if (rule.text("direction") or "").lower() != "inbound" or (rule.text("access") or "").lower() != "allow":
            continue
        sources = [rule.text("sourceAddressPrefix") or "", *rule.texts("sourceAddressPrefixes")]
        if any(source in ("*", "0.0.0.0/0", "::/0", "Internet", "Any") for source in sources):
            yield f"{rule.path} lets anybody in"


POLICIES: Final = (
    Policy(
        id="storage-private",
        title="Storage answers no public network, and nobody without a name",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "45 CFR 164.312(a)(1)", "Azure benchmark NS-2"),
        remediation="publicNetworkAccess: Disabled, networkRuleSet.defaultAction: Deny, allowBlobPublicAccess: false.",
        link=_LEARN + "storage/common/storage-network-security",
        check=_private,
    ),
    Policy(
        id="storage-minimum-tls",
        title="Storage answers by HTTPS with TLS 1.2 at least",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(2)(ii)", "Azure benchmark DP-3"),
        remediation="Set enableHttpsTrafficOnly to true and minimumTlsVersion to TLS1_2.",
        link=_LEARN + "storage/common/transport-layer-security-configure-minimum-version",
        check=_tls,
    ),
    Policy(
        id="storage-no-shared-keys",
        title="Storage takes no shared key",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(d)", "Azure benchmark IM-1"),
        remediation="Set allowSharedKeyAccess to false; identities ask RBAC.",
        link=_LEARN + "storage/common/shared-key-authorization-prevent",
        check=_no_keys,
    ),
    Policy(
        id="storage-infrastructure-encryption",
        title="What storage holds is encrypted twice",
        severity=Severity.LOW,
        safeguards=("45 CFR 164.312(a)(2)(iv)", "Azure benchmark DP-4"),
        remediation="Set encryption.requireInfrastructureEncryption to true when the account is made.",
        link=_LEARN + "storage/common/infrastructure-encryption-enable",
        check=_encrypted,
    ),
    Policy(
        id="registry-no-passwords",
        title="A container registry has no administrative password and serves nobody without a name",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(d)", "45 CFR 164.312(a)(2)(i)", "Azure benchmark IM-1"),
        remediation="Set adminUserEnabled and anonymousPullEnabled to false.",
        link=_LEARN + "container-registry/container-registry-authentication",
        check=_registry,
    ),
    Policy(
        id="network-nobody-from-outside",
        title="No network rule lets anybody in",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-1"),
        remediation="Name the source: an address range, VirtualNetwork, AzureFrontDoor.Backend.",
        link=_LEARN + "virtual-network/network-security-groups-overview",
        check=_inbound,
    ),
)
