"""What may be configured on Azure: network, vault, registry, archive, edge, alerts, budget, who deploys."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from infra.rules import (
    LOG_RETENTION_DAYS,
    REAL_ENVIRONMENTS,
    DirectoryId,
    Location,
    RegistryName,
    ResourceGroupName,
    Rule,
    SubscriptionId,
    VaultName,
    between,
    matches,
    one_of,
    refusal,
    suggest,
)
from infra.section import Section

#: What the platform makes for itself and an adopted vault may hold already. The Snowflake keys are not among them:
#: Snowflake must be told their public halves, so the pairs are made here.
TAKEN_OVER_SECRETS = (
    "nexuschat-api-key",
    "meilisearch-master-key",
    "nexuschat-creds-key",
    "nexuschat-creds-iv",
    "nexuschat-jwt-secret",
    "nexuschat-jwt-refresh-secret",
)
#: Bits of Container Apps' smallest subnet with workload profiles:
#: learn.microsoft.com/azure/container-apps/custom-virtual-networks
SMALLEST_APPLICATION_SUBNET = 27
#: Bits of the smallest subnet that Azure has: it keeps five addresses of each.
SMALLEST_SUBNET = 29
#: Minutes: learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
QUERY_WINDOWS = (15, 30, 45, 60, 120, 180, 240, 300, 360, 1440, 2880)
#: Days. 45 CFR 164.316(b)(2)(i): six years.
SIX_YEARS = 2192

StorageAccountName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[a-z0-9]{3,24}"),
            "is no name for a storage account: 3 to 24 lower-case letters and digits.",
            "For example stnexuschatprod; the name must be free in all of Azure.",
        )
    ),
]
HostName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"),
            "is no host name: lower-case labels with full stops between.",
            "For example chat.example.com, without https://.",
        )
    ),
]
SecretName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[0-9a-zA-Z-]{1,127}"),
            "is no name of a vault's secret: 1 to 127 letters, digits and hyphens.",
            "Give the secret's name, not its address and never its value.",
        )
    ),
]
EmailReceiver = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+"),
            "is no e-mail address.",
            "Name who is to be told, for example on-call@example.com.",
        )
    ),
]
FieldName = Annotated[
    str, AfterValidator(Rule(matches(r"[\w.-]{1,100}"), "is no field of a request.", "For example text."))
]
AddressRange = Annotated[
    str,
    AfterValidator(
        Rule(
            lambda value: _private_network(value) is not None,
            "is no private IPv4 range with its host bits zero.",
            "For example 10.40.0.0/20.",
        )
    ),
]


def _private_network(text: str) -> ipaddress.IPv4Network | None:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        return None
    return network if network.is_private and not network.is_loopback and "/" in text else None


def _within(value: str, info: ValidationInfo, smallest: int) -> None:
    """A subnet lies in the network's address space and is no smaller than `smallest`."""
    network, space = ipaddress.IPv4Network(value), info.data.get("address_space")
    if network.prefixlen > smallest:
        raise refusal(f"{value} is too small: a /{smallest} at least.", f"Give it a /{smallest} or a larger range.")
    if space is not None and not network.subnet_of(ipaddress.IPv4Network(space)):
        raise refusal(f"{value} is not within the address space {space}.", "Choose a part of it, or widen it.")


class NetworkSettings(Section):
    """The virtual network. Its ranges must not be those of networks that it will be joined to."""

    #: The whole network's range.
    address_space: AddressRange = "10.40.0.0/20"
    #: The container apps' own. It cannot change once the environment stands in it.
    applications: AddressRange = Field(default="10.40.0.0/23", validate_default=True)
    #: The private endpoints'.
    endpoints: AddressRange = Field(default="10.40.2.0/26", validate_default=True)
    #: Replicas spread over three zones. It can be chosen only when the environment is made.
    zone_redundant: bool = False

    @field_validator("applications")
    @classmethod
    def _large_enough(cls, value: str, info: ValidationInfo) -> str:
        _within(value, info, SMALLEST_APPLICATION_SUBNET)
        return value

    @field_validator("endpoints")
    @classmethod
    def _apart(cls, value: str, info: ValidationInfo) -> str:
        _within(value, info, SMALLEST_SUBNET)
        other = info.data.get("applications")
        if other is not None and ipaddress.IPv4Network(value).overlaps(ipaddress.IPv4Network(other)):
            raise refusal(f"{value} overlaps with applications, {other}.", "Give each subnet a range of its own.")
        return value


AdoptedSettings = Annotated[str, one_of("a choice for what is adopted", ("kept", "declared"))]


class VaultSettings(Section):
    """The key vault. With `adopt` it is one that exists: imported and protected, never made anew.

    `adopted_settings: kept` takes it over exactly as it is found, which is how to begin; with `declared` the next
    preview shows what the declaration would change in it, before anything is written.
    """

    #: The vault's name, free in all of Azure unless it is adopted.
    name: VaultName
    #: Whether the vault answers outside the private network.
    public_network_access: Annotated[str, one_of("a setting of the vault's network", ("enabled", "disabled"))] = (
        "disabled"
    )
    #: It exists already: take it over.
    adopt: bool = False
    #: How an adopted vault is taken over.
    adopted_settings: AdoptedSettings = "kept"
    #: Where an adopted vault lies, if not in the platform's own resource group.
    resource_group: ResourceGroupName | None = None
    #: Secrets that the adopted vault holds already: referred to as they are, never read, written or deleted here.
    existing_secrets: tuple[SecretName, ...] = ()

    @field_validator("resource_group")
    @classmethod
    def _only_for_an_adopted_vault(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("adopt") is False:
            raise refusal(
                "only an adopted vault may lie in a resource group of its own.",
                "Set adopt: true beside it, or leave it out.",
            )
        return value

    @field_validator("existing_secrets", mode="before")
    @classmethod
    def _as_a_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("existing_secrets")
    @classmethod
    def _known_secrets_of_an_adopted_vault(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("adopt") is False:
            raise refusal("only an adopted vault holds secrets already.", "Set adopt: true, or leave it out.")
        for name in value:
            if name not in TAKEN_OVER_SECRETS:
                raise refusal(f"{name!r} is no secret that can be taken over.", suggest(name, TAKEN_OVER_SECRETS))
        return value


class RegistrySettings(Section):
    """The company's container registry, which the apps pull from by identity. With `adopt` it exists already."""

    #: The registry's name.
    name: RegistryName
    #: It exists already: take it over.
    adopt: bool = True
    #: How an adopted registry is taken over: as it is found, or as it is declared.
    adopted_settings: AdoptedSettings = "kept"
    #: Where an adopted registry lies.
    resource_group: ResourceGroupName | None = Field(default=None, validate_default=True)
    #: Reached from within the network only. It takes the SKU Premium.
    private_endpoint: bool = True

    @field_validator("resource_group")
    @classmethod
    def _of_an_adopted_registry(cls, value: str | None, info: ValidationInfo) -> str | None:
        adopt = info.data.get("adopt")
        if adopt is True and value is None:
            raise refusal(
                "is required for a registry that exists.",
                '`az acr list --query "[].{name:name, resourceGroup:resourceGroup}" --output table` gives it.',
            )
        if adopt is False and value is not None:
            raise refusal(
                "only an adopted registry may lie in a resource group of its own.", "Set adopt: true, or leave it out."
            )
        return value


class ArchiveSettings(Section):
    """The storage account that keeps the audit trail when Log Analytics no longer does."""

    #: The account's name, free in all of Azure.
    name: StorageAccountName
    #: Where its copies lie: one zone, three, or another region too.
    replication: Annotated[str, one_of("a replication of Azure Storage", ("LRS", "ZRS", "GRS", "GZRS"))] = "ZRS"
    #: Days after which what it holds is deleted; six years by default.
    retention_days: Annotated[int, between(1, 3653, "days")] = SIX_YEARS


class DeployIdentitySettings(Section):
    """Who deploys from GitHub: an identity that GitHub's own tokens may act as, with no password stored."""

    #: The repository whose pipeline deploys.
    github_repository: Annotated[
        str,
        AfterValidator(
            Rule(
                matches(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}"),
                "is no GitHub repository.",
                "Write owner/name.",
            )
        ),
    ]
    #: The environment of the repository whose jobs may deploy; the stack's own name where it is left out.
    github_environment: Annotated[
        str | None, AfterValidator(Rule(lambda value: value != "", "is no GitHub environment.", "Name it."))
    ] = None


class CustomDomainsSettings(Section):
    """Host names of one's own. The stack tells which DNS records to make for them."""

    #: The site's.
    site: HostName | None = None
    #: The chat's.
    chat: HostName | None = Field(default=None, validate_default=True)

    @field_validator("chat")
    @classmethod
    def _two_hosts(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("site"):
            raise refusal(f"{value!r} is the site's host too.", "Give each a host name of its own.")
        return value


class EdgeSettings(Section):
    """Front Door: the only way in from the internet."""

    #: The Content-Security-Policy of every answer, in place of the apps' own; empty leaves those as they are. By
    #: default nobody may frame a page, move its base address or embed an object into it, which breaks no script.
    content_security_policy: Annotated[
        str,
        AfterValidator(
            Rule(
                matches(r"[ -~]{0,640}"),
                "is no value that Front Door takes for a header: 640 printable characters of ASCII at most.",
                "For example frame-ancestors 'none'.",
            )
        ),
    ] = "base-uri 'self'; frame-ancestors 'none'; object-src 'none'"
    #: Requests of one client address in a minute, above which it is refused for the rest of it.
    rate_limit_per_minute: Annotated[int, between(10, 100_000, "requests a minute")] = 600
    custom_domains: CustomDomainsSettings = Field(default_factory=CustomDomainsSettings)
    #: JSON fields of a request that hold prose. The firewall leaves them alone: it would block sentences that look
    #: like commands, and write them into its log.
    prose_fields: tuple[FieldName, ...] = ("text",)

    @field_validator("prose_fields", mode="before")
    @classmethod
    def _as_a_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class AlertSettings(Section):
    """Who is told, and above which marks."""

    #: Who is told.
    emails: tuple[EmailReceiver, ...]
    #: Share of answers that are 5xx, in per cent over a quarter of an hour.
    server_error_percent: Annotated[float, between(0.1, 100, "per cent")] = 5
    #: Milliseconds that the origin takes, on average over a quarter of an hour.
    latency_milliseconds: Annotated[int, between(100, 240_000, "milliseconds")] = 5000
    #: Restarts of one app in a quarter of an hour.
    restarts: Annotated[int, between(1, 1000, "restarts")] = 3
    #: Requests that the firewall blocks in a quarter of an hour.
    blocked_requests: Annotated[int, between(1, 1_000_000, "requests")] = 100
    #: Days before a certificate ends.
    certificate_days: Annotated[int, between(1, 90, "days")] = 14
    #: Minutes in which the index job must have finished once; Azure looks back over these and no others.
    index_minutes: Annotated[
        int,
        AfterValidator(
            Rule(
                lambda value: value in QUERY_WINDOWS,
                "is no span that Azure's alerts look back over.",
                f"One of {', '.join(map(str, QUERY_WINDOWS))}.",
            )
        ),
    ] = 60

    @field_validator("emails", mode="before")
    @classmethod
    def _as_a_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("emails")
    @classmethod
    def _somebody(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise refusal(
                "is empty: nobody would hear of anything.", "Name who is to, for example [on-call@example.com]."
            )
        return value


class BudgetSettings(Section):
    """What the resource group may cost; the addresses of the alerts are told at 50, 80 and 100 per cent."""

    #: In the subscription's currency.
    monthly_amount: Annotated[int, between(1, 10_000_000, "a month")]


class AzureSettings(Section):
    #: The subscription that everything lies in.
    subscription_id: SubscriptionId
    #: The Entra directory of the subscription.
    tenant_id: DirectoryId
    #: The region.
    location: Location = "centralus"
    #: The group of everything that the stack makes.
    resource_group: ResourceGroupName
    vault: VaultSettings
    registry: RegistrySettings | None = None
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    archive: ArchiveSettings
    deploy_identity: DeployIdentitySettings | None = None
    edge: EdgeSettings | None = None
    alerts: AlertSettings
    budget: BudgetSettings
    #: How long Log Analytics keeps logs; the archive keeps the audit trail longer.
    log_retention_days: Annotated[int, between(*LOG_RETENTION_DAYS, "days")] = 90

    @field_validator("subscription_id", "tenant_id")
    @classmethod
    def _no_placeholder(cls, value: str, info: ValidationInfo) -> str:
        if (info.context or {}).get("environment") in REAL_ENVIRONMENTS and value.startswith("00000000-0000-0000"):
            what = "tenantId" if info.field_name == "tenant_id" else "id"
            raise refusal(
                f"{value!r} is a placeholder of the embedded cloud.",
                f"`az account show --query {what} --output tsv` gives the real one.",
            )
        return value
