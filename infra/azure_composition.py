"""The Azure side: which components it is made of, and which output goes into which input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_azure_native as azure_native

from components.azure import (
    AdoptedScope,
    Adoption,
    Archive,
    ArchiveArgs,
    ConfigurationFile,
    ContainerApplication,
    ContainerApplicationArgs,
    ContainerEnvironment,
    ContainerEnvironmentArgs,
    ContainerRegistry,
    DeployIdentity,
    DeployIdentityArgs,
    Diagnostics,
    DiagnosticsArgs,
    Edge,
    EdgeArgs,
    EdgeRoute,
    EdgeRouteArgs,
    Foundation,
    FoundationArgs,
    IndexJob,
    IndexJobArgs,
    KeyVault,
    KeyVaultArgs,
    Marks,
    Network,
    NetworkArgs,
    PlatformSecrets,
    PlatformSecretsArgs,
    PrivateService,
    PrivateServiceArgs,
    Registry,
    RegistryArgs,
    Release,
    Scale,
    SecretContent,
    Source,
    Watch,
    WatchArgs,
)
from components.azure.roles import CONTRIBUTOR, KEY_VAULT_CONTRIBUTOR
from infra import applications, naming
from infra.application_settings import ContainerSettings, ScaledContainerSettings
from infra.settings import Settings

if TYPE_CHECKING:
    from components.azure import SecretReference
    from components.base import Component

#: Bytes of each generated secret. LibreChat prescribes the lengths of its key and initialisation vector.
SECRET_BYTES = {
    naming.SHARED_API_KEY: 32,
    naming.SEARCH_MASTER_KEY: 32,
    naming.CREDENTIALS_KEY: 32,
    naming.CREDENTIALS_IV: 16,
    naming.JWT_SECRET: 32,
    naming.JWT_REFRESH_SECRET: 32,
}
#: Made only where people sign in by OpenID.
OPENID_SECRET_BYTES = {naming.OPENID_SESSION_SECRET: 32}
#: What is published outside the environment, and by the edge to the world.
PUBLIC = ("site", "chat")


@dataclass(frozen=True)
class SnowflakeConnection:
    """What the applications are told of Snowflake: where they start, and as whom.

    `private_keys` are the service users' current private keys, by the names that the vault gives them.
    """

    private_keys: Mapping[str, pulumi.Input[str]]
    user: pulumi.Input[str]
    role: pulumi.Input[str]
    warehouse: pulumi.Input[str]
    database: pulumi.Input[str]
    schema: pulumi.Input[str]


@dataclass(frozen=True)
class AzurePlatform:
    """What stands on Azure: all of it is shared by the organisations. `outputs` is what it adds to the stack's."""

    vault: KeyVault
    apps: Mapping[str, ContainerApplication]
    others: Sequence[Component]
    outputs: Mapping[str, pulumi.Input[Any]]


def compose_secrets(settings: Settings) -> PlatformSecrets:
    """Declare the secrets that the platform makes for itself; those that an adopted vault holds are not made."""
    wanted = SECRET_BYTES | (OPENID_SECRET_BYTES if settings.apps.chat.openid is not None else {})
    made = {name: length for name, length in wanted.items() if name not in settings.azure.vault.existing_secrets}
    return PlatformSecrets(
        "secrets", PlatformSecretsArgs(random_bytes=made, deletion_protection=settings.deletion_protection)
    )


def compose_azure(settings: Settings, secrets: PlatformSecrets, snowflake: SnowflakeConnection) -> AzurePlatform:
    """Declare everything on Azure."""
    return _Azure(settings, secrets, snowflake).declare()


class _Azure:
    """Everything on Azure, each part made when the first other one asks for it."""

    def __init__(self, settings: Settings, secrets: PlatformSecrets, snowflake: SnowflakeConnection) -> None:
        self.settings, self.azure = settings, settings.azure
        self.secrets, self.snowflake = secrets, snowflake
        self.environment_name = settings.environment
        self.protect = settings.deletion_protection
        self.tags = {"environment": settings.environment, "platform": naming.PLATFORM}
        self.options = pulumi.ResourceOptions(
            providers=[
                azure_native.Provider(
                    "azure",
                    subscription_id=self.azure.subscription_id,
                    tenant_id=self.azure.tenant_id,
                    location=self.azure.location,
                )
            ]
        )

    def declare(self) -> AzurePlatform:
        apps = self._apps()
        job = self._index_job(apps["search"])
        others: list[Component] = [
            self.foundation,
            self.network,
            self.archive,
            self.environment,
            job,
            *self.ways,
            *self._routes(apps),
            self._diagnostics(apps),
            self._watch(apps),
        ]
        others += [one for one in (self.registry, self.edge) if one is not None]
        outputs: dict[str, pulumi.Input[Any]] = {
            "index_job": {"name": job.job_name},
            "network": {"egress_address": self.network.egress_address},
        }
        if self.edge is not None:
            outputs["edge"] = self._edge_output(self.edge)
        if self.azure.deploy_identity is not None:
            identity = self._deploy_identity(
                self.azure.deploy_identity.github_repository,
                self.azure.deploy_identity.github_environment or self.environment_name,
            )
            others.append(identity)
            outputs["deploy_identity"] = {
                "client_id": identity.client_id,
                # Who it is to rights that are given by hand: those on the state's own place.
                "principal_id": identity.principal_id,
                "tenant_id": self.azure.tenant_id,
                "subscription_id": self.azure.subscription_id,
            }
        return AzurePlatform(vault=self.vault, apps=apps, others=others, outputs=outputs)

    # What everything stands on

    @cached_property
    def foundation(self) -> Foundation:
        return Foundation(
            "foundation",
            FoundationArgs(
                resource_group_name=self.azure.resource_group,
                workspace_name=naming.workspace_name(self.environment_name),
                location=self.azure.location,
                log_retention_days=self.azure.log_retention_days,
                tags=self.tags,
                deletion_protection=self.protect,
            ),
            self.options,
        )

    @property
    def group(self) -> pulumi.Output[str]:
        return self.foundation.resource_group

    @cached_property
    def network(self) -> Network:
        settings = self.azure.network
        return Network(
            "network",
            NetworkArgs(
                network_name=naming.network_name(self.environment_name),
                resource_group_name=self.group,
                location=self.azure.location,
                address_space=settings.address_space,
                applications=settings.applications,
                endpoints=settings.endpoints,
                zone_redundant=settings.zone_redundant,
                tags=self.tags,
                deletion_protection=self.protect,
            ),
            self.options,
        )

    @cached_property
    def archive(self) -> Archive:
        settings = self.azure.archive
        return Archive(
            "archive",
            ArchiveArgs(
                account_name=settings.name,
                resource_group_name=self.group,
                location=self.azure.location,
                replication=settings.replication,
                retention_days=settings.retention_days,
                tags=self.tags,
                deletion_protection=self.protect,
            ),
            self.options,
        )

    @cached_property
    def vault_group(self) -> pulumi.Input[str]:
        return self.azure.vault.resource_group or self.group

    @cached_property
    def vault(self) -> KeyVault:
        settings = self.azure.vault
        existing = list(settings.existing_secrets)
        if self.settings.apps.chat.openid is not None:
            # The identity provider gives it out; who has it puts it into the vault.
            existing.append(self.settings.apps.chat.openid.client_secret)
        return KeyVault(
            "vault",
            KeyVaultArgs(
                vault_name=settings.name,
                resource_group_name=self.vault_group,
                location=self.azure.location,
                directory_id=self.azure.tenant_id,
                public_access=settings.public_network_access == "enabled",
                secrets={
                    **{name: SecretContent(value) for name, value in self.secrets.values.items()},
                    **{
                        name: SecretContent(key, "application/x-pem-file")
                        for name, key in self.snowflake.private_keys.items()
                    },
                },
                existing_secrets=tuple(existing),
                deletion_protection=self.protect,
                adoption=Adoption(
                    naming.vault_id(
                        self.azure.subscription_id, settings.resource_group or self.azure.resource_group, settings.name
                    ),
                    keep=settings.adopted_settings == "kept",
                )
                if settings.adopt
                else None,
                tags=self.tags,
            ),
            self.options,
        )

    @cached_property
    def registry(self) -> Registry | None:
        settings = self.azure.registry
        if settings is None:
            return None
        return Registry(
            "registry",
            RegistryArgs(
                registry_name=settings.name,
                resource_group_name=settings.resource_group or self.group,
                location=self.azure.location,
                private=settings.private_endpoint,
                zone_redundant=self.azure.network.zone_redundant,
                deletion_protection=self.protect,
                adoption=Adoption(
                    naming.registry_id(
                        self.azure.subscription_id,
                        settings.resource_group or self.azure.resource_group,
                        settings.name,
                    ),
                    keep=settings.adopted_settings == "kept",
                )
                if settings.adopt
                else None,
                tags=self.tags,
            ),
            self.options,
        )

    @cached_property
    def ways(self) -> tuple[PrivateService, ...]:
        """The private ways from the network to vault, registry and archive."""
        services: list[tuple[str, pulumi.Input[str], str, str]] = [
            ("vault", self.vault.id, "vault", "privatelink.vaultcore.azure.net"),
            ("archive", self.archive.id, "blob", "privatelink.blob.core.windows.net"),
        ]
        if self.registry is not None and self.azure.registry is not None and self.azure.registry.private_endpoint:
            services.append(("registry", self.registry.id, "registry", "privatelink.azurecr.io"))
        return tuple(
            PrivateService(
                f"{label}-way",
                PrivateServiceArgs(
                    endpoint_name=naming.endpoint_name(label, self.environment_name),
                    service_id=service,
                    group=group,
                    zone=zone,
                    network_id=self.network.id,
                    subnet_id=self.network.endpoints_id,
                    resource_group_name=self.group,
                    location=self.azure.location,
                    tags=self.tags,
                ),
                self.options,
            )
            for label, service, group, zone in services
        )

    @cached_property
    def environment(self) -> ContainerEnvironment:
        return ContainerEnvironment(
            "environment",
            ContainerEnvironmentArgs(
                environment_name=naming.container_environment_name(self.environment_name),
                resource_group_name=self.group,
                location=self.azure.location,
                subnet_id=self.network.applications_id,
                zone_redundant=self.azure.network.zone_redundant,
                tags=self.tags,
                deletion_protection=self.protect,
            ),
            self.options,
        )

    # The edge

    @cached_property
    def edge(self) -> Edge | None:
        settings = self.azure.edge
        if settings is None:
            return None
        return Edge(
            "edge",
            EdgeArgs(
                profile_name=naming.edge_name(self.environment_name),
                firewall_name=naming.firewall_name(self.environment_name),
                resource_group_name=self.group,
                sites={"site": settings.custom_domains.site, "chat": settings.custom_domains.chat},
                content_security_policy=settings.content_security_policy or None,
                rate_limit=settings.rate_limit_per_minute,
                prose_fields=settings.prose_fields,
                tags=self.tags,
            ),
            self.options,
        )

    def _url(self, label: str, app_name: str) -> pulumi.Output[str]:
        """Where people find an app. An app cannot be told its own output: the environment knows its name before."""
        if self.edge is not None:
            return self.edge.entrances[label].url
        return pulumi.Output.concat("https://", self.environment.external_host(app_name))

    def _routes(self, apps: Mapping[str, ContainerApplication]) -> list[EdgeRoute]:
        if self.edge is None:
            return []
        return [
            EdgeRoute(
                f"edge-to-{label}",
                self.edge,
                label,
                EdgeRouteArgs(
                    entrance=self.edge.entrances[label],
                    app_host=apps[label].host,
                    health_path=apps[label].health_path,
                    environment_id=self.environment.id,
                    environment_location=self.azure.location,
                    resource_group_name=self.group,
                ),
                self.options,
            )
            for label in PUBLIC
        ]

    def _edge_output(self, edge: Edge) -> dict[str, pulumi.Input[Any]]:
        return {
            "hosts": {label: entrance.endpoint.host_name for label, entrance in edge.entrances.items()},
            "dns_records": edge.dns_records(),
            # Front Door's link into the environment waits until the environment's owner approves it, once: nothing is
            # reachable before. Azure approves none by itself, and makes up the link's name.
            "private_link": {
                "list": pulumi.Output.concat(
                    "az network private-endpoint-connection list --id ",
                    self.environment.id,
                    " --query \"[?properties.privateLinkServiceConnectionState.status=='Pending'].id\" --output tsv",
                ),
                "approve": "az network private-endpoint-connection approve --description NexusChat --id <id>",
            },
        }

    # The applications

    def _apps(self) -> dict[str, ContainerApplication]:
        apps, model, secret = self.settings.apps, self.settings.model.name, self.vault.secrets
        search = self._application(
            "search",
            apps.search,
            port=applications.SEARCH_PORT,
            health_path="/health",
            environment=applications.search_environment(),
            secrets={"MEILI_MASTER_KEY": secret[naming.SEARCH_MASTER_KEY]},
            ephemeral_directory=applications.SEARCH_DIRECTORY,
        )
        backend = self._application(
            "backend",
            apps.backend,
            port=applications.BACKEND_PORT,
            health_path="/health",
            environment={
                **self._snowflake_environment("chat"),
                **applications.backend_logs(),
                "AZURE_KEY_VAULT_URL": self.vault.uri,
            },
            secrets={
                "NEXUSCHAT_API_KEY": secret[naming.SHARED_API_KEY],
                "SNOWFLAKE_PRIVATE_KEY": secret[naming.SNOWFLAKE_PRIVATE_KEY],
            },
            identity_variable="AZURE_CLIENT_ID",
        )
        chat_url = self._url("chat", apps.chat.name)
        openid = apps.chat.openid
        chat = self._application(
            "chat",
            apps.chat,
            port=applications.CHAT_PORT,
            health_path="/health",
            environment={
                **applications.chat_environment(
                    own_url=chat_url, backend_url=backend.url, search_url=search.url, model=model
                ),
                **(applications.openid_environment(openid) if openid is not None else {}),
            },
            secrets={
                "AGENTNEXUS_API_KEY": secret[naming.SHARED_API_KEY],
                "MEILI_MASTER_KEY": secret[naming.SEARCH_MASTER_KEY],
                "CREDS_KEY": secret[naming.CREDENTIALS_KEY],
                "CREDS_IV": secret[naming.CREDENTIALS_IV],
                "JWT_SECRET": secret[naming.JWT_SECRET],
                "JWT_REFRESH_SECRET": secret[naming.JWT_REFRESH_SECRET],
                **(
                    {
                        "OPENID_CLIENT_SECRET": secret[openid.client_secret],
                        "OPENID_SESSION_SECRET": secret[naming.OPENID_SESSION_SECRET],
                    }
                    if openid is not None
                    else {}
                ),
            },
            files=(applications.chat_configuration(backend.url, model, openid=openid is not None),),
            url=chat_url,
            after=(backend, search),
        )
        site = self._application(
            "site",
            apps.site,
            port=apps.site.port,
            health_path=apps.site.health_path,
            environment=applications.site_environment(backend_url=backend.url, chat_url=chat.url),
            url=self._url("site", apps.site.name),
            after=(backend, chat),
        )
        return {"backend": backend, "site": site, "chat": chat, "search": search}

    def _snowflake_environment(self, workload: str) -> dict[str, pulumi.Input[str]]:
        snowflake, settings = self.snowflake, self.settings
        return applications.snowflake_environment(
            account=naming.snowflake_account(settings.snowflake.organization, settings.snowflake.account),
            user=snowflake.user,
            role=snowflake.role,
            warehouse=snowflake.warehouse,
            database=snowflake.database,
            schema=snowflake.schema,
            model=settings.model.name,
            workload=workload,
        )

    def _application(
        self,
        name: str,
        container: ContainerSettings,
        *,
        port: int,
        health_path: str,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, SecretReference] | None = None,
        files: tuple[ConfigurationFile, ...] = (),
        ephemeral_directory: str | None = None,
        identity_variable: str | None = None,
        url: pulumi.Input[str] | None = None,
        after: Sequence[ContainerApplication] = (),
    ) -> ContainerApplication:
        scaled = container if isinstance(container, ScaledContainerSettings) else None
        release = scaled.release if scaled is not None else None
        return ContainerApplication(
            name,
            ContainerApplicationArgs(
                **self._workload(container.name, container.image, container.cpu, container.memory, after),
                environment_domain=self.environment.default_domain,
                port=port,
                external=name in PUBLIC,
                health_path=health_path,
                scale=Scale(scaled.min_replicas, scaled.max_replicas, scaled.concurrent_requests)
                if scaled is not None
                else Scale(1, 1),
                termination_grace=container.termination_grace_seconds,
                release=Release(release.image, release.weight) if release is not None else None,
                previous=scaled.previous if scaled is not None else None,
                environment=environment,
                secrets=secrets or {},
                files=files,
                ephemeral_directory=ephemeral_directory,
                identity_variable=identity_variable,
                url=url,
            ),
            self.options,
        )

    def _index_job(self, search: ContainerApplication) -> IndexJob:
        settings, secret = self.settings.apps.index, self.vault.secrets
        return IndexJob(
            "index",
            IndexJobArgs(
                **self._workload(
                    settings.name,
                    settings.image or self.settings.apps.backend.image,
                    settings.cpu,
                    settings.memory,
                    (search,),
                ),
                command=settings.command,
                schedule=settings.schedule,
                timeout=settings.timeout_seconds,
                environment={**self._snowflake_environment("index"), "MEILI_HOST": search.url},
                secrets={
                    "MEILI_MASTER_KEY": secret[naming.SEARCH_MASTER_KEY],
                    "SNOWFLAKE_PRIVATE_KEY": secret[naming.SNOWFLAKE_PRIVATE_KEY],
                },
                identity_variable="AZURE_CLIENT_ID",
            ),
            self.options,
        )

    def _workload(
        self, name: str, image: str, cpu: float, memory: str, after: Sequence[ContainerApplication]
    ) -> dict[str, Any]:
        """What every app and job is told alike."""
        return {
            "app_name": name,
            "identity_name": naming.identity_name(name, self.environment_name),
            "subscription_id": self.azure.subscription_id,
            "resource_group_name": self.group,
            "resource_group_label": self.azure.resource_group,
            "location": self.azure.location,
            "environment_id": self.environment.id,
            "vault_name": self.vault.vault,
            "vault_resource_group_name": self.vault_group,
            "image": image,
            "cpu": cpu,
            "memory": memory,
            "registry": self._registry_of(image),
            "after": (*self.ways, *after),
            "tags": self.tags,
        }

    def _registry_of(self, image: str) -> ContainerRegistry | None:
        """The company's registry, for an image that comes from it; a public image needs no right to be pulled."""
        if self.registry is None or not image.startswith(f"{self.registry.server}/"):
            return None
        return ContainerRegistry(server=self.registry.server, id=self.registry.id)

    # Watching, paying, deploying

    def _diagnostics(self, apps: Mapping[str, ContainerApplication]) -> Diagnostics:
        sources = {
            "vault": Source(self.vault.id, archived=True, own_tables=True),
            "environment": Source(self.environment.id),
            "archive": Source(self.archive.blob_service_id),
            "workspace": Source(self.foundation.workspace_id),
            **{label: Source(id_) for label, id_ in self.network.logging.items()},
            **{label: Source(app.id, logs=False, metrics=True) for label, app in apps.items()},
        }
        if self.registry is not None:
            sources["registry"] = Source(self.registry.id, archived=True)
        if self.edge is not None:
            sources["edge"] = Source(self.edge.id)
        return Diagnostics(
            "diagnostics",
            DiagnosticsArgs(sources=sources, workspace_id=self.foundation.workspace_id, archive_id=self.archive.id),
            self.options,
        )

    def _watch(self, apps: Mapping[str, ContainerApplication]) -> Watch:
        alerts, scaled = self.azure.alerts, self.settings.apps
        return Watch(
            "watch",
            WatchArgs(
                environment=self.environment_name,
                resource_group_name=self.group,
                resource_group_id=self.foundation.resource_group_id,
                location=self.azure.location,
                workspace_id=self.foundation.workspace_id,
                emails=alerts.emails,
                marks=Marks(
                    server_error_percent=alerts.server_error_percent,
                    latency_milliseconds=alerts.latency_milliseconds,
                    restarts=alerts.restarts,
                    blocked_requests=alerts.blocked_requests,
                    certificate_days=alerts.certificate_days,
                    index_minutes=alerts.index_minutes,
                ),
                ceilings={app.name: app.max_replicas for app in (scaled.backend, scaled.site, scaled.chat)},
                index_job=scaled.index.name,
                pages={label: pulumi.Output.concat(apps[label].url, apps[label].health_path) for label in PUBLIC},
                edge_id=self.edge.id if self.edge is not None else None,
                monthly_amount=self.azure.budget.monthly_amount,
                workbook_key=f"{self.azure.subscription_id}/{self.azure.resource_group}/workbook",
                tags=self.tags,
            ),
            self.options,
        )

    def _deploy_identity(self, repository: str, github_environment: str) -> DeployIdentity:
        adopted = []
        if self.azure.vault.resource_group is not None:
            adopted.append(AdoptedScope(self.azure.vault.name, self.vault.id, KEY_VAULT_CONTRIBUTOR))
        if self.registry is not None and self.azure.registry is not None and self.azure.registry.adopt:
            adopted.append(AdoptedScope(self.azure.registry.name, self.registry.id, CONTRIBUTOR))
        return DeployIdentity(
            "deploy",
            DeployIdentityArgs(
                identity_name=naming.identity_name("deploy", self.environment_name),
                subscription_id=self.azure.subscription_id,
                resource_group_name=self.group,
                resource_group_id=self.foundation.resource_group_id,
                resource_group_label=self.azure.resource_group,
                location=self.azure.location,
                repository=repository,
                github_environment=github_environment,
                adopted=tuple(adopted),
                tags=self.tags,
            ),
            self.options,
        )
