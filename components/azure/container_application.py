"""One application: an identity of its own, rights on just its own secrets, and the container app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_azure_native import app, authorization, keyvault, managedidentity

from components.azure.container_environment import CONSUMPTION
from components.azure.key_vault import SecretReference, secret_reference
from components.azure.roles import ACR_PULL, KEY_VAULT_SECRETS_USER, role_assignment_name, role_definition_id
from components.base import Component

#: Seconds between two probes of each kind, and how many failures in a row count.
STARTUP_PERIOD, STARTUP_FAILURES = 5, 48
LIVENESS_PERIOD, LIVENESS_FAILURES = 20, 3
READINESS_PERIOD, READINESS_FAILURES = 10, 3
#: Average use of a replica's CPU, in per cent, above which another is started.
CPU_UTILISATION = 70


@dataclass(frozen=True)
class Scale:
    """How many replicas: at least `minimum`, at most `maximum`.

    More are started above `concurrent_requests` each or above the CPU's mark. Without `concurrent_requests`
    the number is fixed: then minimum and maximum are the same.
    """

    minimum: int
    maximum: int
    concurrent_requests: int | None = None


@dataclass(frozen=True)
class ContainerRegistry:
    """A registry that is there already: its host name and its resource id."""

    server: str
    id: str


@dataclass(frozen=True)
class ConfigurationFile:
    """A file that the container finds at `directory`/`name`; `secret_name` is what the vault calls it.

    Container Apps mount files from secrets, or from a storage account by its key. The vault is the one without a key.
    """

    directory: str
    name: str
    secret_name: str
    content: pulumi.Input[str]
    content_type: str


@dataclass(frozen=True)
class ContainerApplicationArgs:
    """What one application is.

    `environment` maps plain variables to values, `secrets` maps variables to where their value lies in the vault.
    `health_path` answers all three probes on `port`. `cpu` in cores, `memory` as `0.5Gi`. `ephemeral_directory` is a
    disk that lives as long as the replica. `identity_variable` tells the container its identity's client id.
    """

    app_name: str
    identity_name: str
    subscription_id: str
    resource_group_name: pulumi.Input[str]
    resource_group_label: str
    location: str
    environment_id: pulumi.Input[str]
    vault_name: pulumi.Input[str]
    vault_resource_group_name: pulumi.Input[str]
    image: str
    port: int
    external: bool
    health_path: str
    cpu: float
    memory: str
    scale: Scale
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    files: tuple[ConfigurationFile, ...] = ()
    registry: ContainerRegistry | None = None
    ephemeral_directory: str | None = None
    identity_variable: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class ContainerApplication(Component):
    """A container app that takes its secrets from the vault by its own identity.

    The app is made after its rights: it reads its secrets when its first replica starts.
    """

    def __init__(self, name: str, args: ContainerApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:ContainerApplication", name, opts)
        identity = self.child(
            managedidentity.UserAssignedIdentity(
                f"{name}-identity",
                resource_name_=args.identity_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        files = [(file, self._file(file, args)) for file in args.files]
        used = {reference.name: reference for reference in args.secrets.values()}
        used |= {reference.name: reference for _, reference in files}
        rights = [
            self._right(f"{name}-reads-{secret}", reference.id, secret, KEY_VAULT_SECRETS_USER, identity, args)
            for secret, reference in used.items()
        ]
        if args.registry is not None:
            rights.append(
                self._right(f"{name}-pulls", args.registry.id, args.registry.server, ACR_PULL, identity, args)
            )

        variables: list[app.EnvironmentVarArgs] = [
            app.EnvironmentVarArgs(name=variable, value=value) for variable, value in args.environment.items()
        ]
        if args.identity_variable is not None:
            variables.append(app.EnvironmentVarArgs(name=args.identity_variable, value=identity.client_id))
        variables += [
            app.EnvironmentVarArgs(name=variable, secret_ref=reference.name)
            for variable, reference in args.secrets.items()
        ]
        volumes, mounts = self._volumes(args)
        container = self.child(
            app.ContainerApp(
                f"{name}-app",
                container_app_name=args.app_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                environment_id=args.environment_id,
                workload_profile_name=CONSUMPTION,
                identity=app.ManagedServiceIdentityArgs(type="UserAssigned", user_assigned_identities=[identity.id]),
                configuration=app.ConfigurationArgs(
                    active_revisions_mode="Single",
                    ingress=app.IngressArgs(
                        external=args.external,
                        target_port=args.port,
                        transport="auto",
                        allow_insecure=False,
                        traffic=[app.TrafficWeightArgs(latest_revision=True, weight=100)],
                    ),
                    secrets=[
                        app.SecretArgs(name=reference.name, key_vault_url=reference.uri, identity=identity.id)
                        for reference in used.values()
                    ],
                    registries=[app.RegistryCredentialsArgs(server=args.registry.server, identity=identity.id)]
                    if args.registry is not None
                    else None,
                ),
                template=app.TemplateArgs(
                    containers=[
                        app.ContainerArgs(
                            name=args.app_name,
                            image=args.image,
                            env=variables,
                            resources=app.ContainerResourcesArgs(cpu=args.cpu, memory=args.memory),
                            probes=_probes(args.port, args.health_path),
                            volume_mounts=mounts or None,
                        )
                    ],
                    scale=_scale(args.scale),
                    volumes=volumes or None,
                ),
                tags=dict(args.tags),
                opts=self.child_options(depends_on=rights),
            )
        )
        self.app_name: pulumi.Output[str] = container.name
        self.fqdn: pulumi.Output[str] = container.configuration.ingress.fqdn
        self.principal_id: pulumi.Output[str] = identity.principal_id
        self.internal = not args.external
        self.url: pulumi.Output[str] = pulumi.Output.concat("https://", self.fqdn)
        self.register_outputs({"app_name": self.app_name, "fqdn": self.fqdn, "internal": self.internal})

    def _file(self, file: ConfigurationFile, args: ContainerApplicationArgs) -> SecretReference:
        secret = self.child(
            keyvault.Secret(
                file.secret_name,
                secret_name=file.secret_name,
                vault_name=args.vault_name,
                resource_group_name=args.vault_resource_group_name,
                properties=keyvault.SecretPropertiesArgs(
                    value=file.content,
                    content_type=file.content_type,
                    attributes=keyvault.SecretAttributesArgs(enabled=True),
                ),
                opts=self.child_options(),
            )
        )
        return secret_reference(file.secret_name, secret)

    def _right(
        self,
        name: str,
        scope: pulumi.Input[str],
        label: str,
        role: str,
        identity: managedidentity.UserAssignedIdentity,
        args: ContainerApplicationArgs,
    ) -> pulumi.Resource:
        assignment: pulumi.Resource = self.child(
            authorization.RoleAssignment(
                name,
                role_assignment_name=role_assignment_name(
                    f"{args.subscription_id}/{args.resource_group_label}/{label}", args.identity_name, role
                ),
                scope=scope,
                role_definition_id=role_definition_id(args.subscription_id, role),
                principal_id=identity.principal_id,
                # Said outright, the assignment does not wait for the directory to know the new identity.
                principal_type="ServicePrincipal",
                opts=self.child_options(),
            )
        )
        return assignment

    def _volumes(self, args: ContainerApplicationArgs) -> tuple[list[Any], list[Any]]:
        volumes: list[Any] = []
        mounts: list[Any] = []
        for index, file in enumerate(args.files):
            volume = f"configuration-{index}"
            volumes.append(
                app.VolumeArgs(
                    name=volume,
                    storage_type="Secret",
                    secrets=[app.SecretVolumeItemArgs(secret_ref=file.secret_name, path=file.name)],
                )
            )
            mounts.append(app.VolumeMountArgs(volume_name=volume, mount_path=file.directory))
        if args.ephemeral_directory is not None:
            volumes.append(app.VolumeArgs(name="ephemeral", storage_type="EmptyDir"))
            mounts.append(app.VolumeMountArgs(volume_name="ephemeral", mount_path=args.ephemeral_directory))
        return volumes, mounts


def _probes(port: int, path: str) -> list[Any]:
    def probe(kind: str, period: int, failures: int) -> Any:
        return app.ContainerAppProbeArgs(
            type=kind,
            http_get=app.ContainerAppProbeHttpGetArgs(port=port, path=path, scheme="HTTP"),
            period_seconds=period,
            failure_threshold=failures,
            timeout_seconds=4,
        )

    return [
        probe("Startup", STARTUP_PERIOD, STARTUP_FAILURES),
        probe("Liveness", LIVENESS_PERIOD, LIVENESS_FAILURES),
        probe("Readiness", READINESS_PERIOD, READINESS_FAILURES),
    ]


def _scale(scale: Scale) -> Any:
    rules = None
    if scale.concurrent_requests is not None:
        rules = [
            app.ScaleRuleArgs(
                name="requests",
                http=app.HttpScaleRuleArgs(metadata={"concurrentRequests": str(scale.concurrent_requests)}),
            ),
            app.ScaleRuleArgs(
                name="cpu",
                custom=app.CustomScaleRuleArgs(
                    type="cpu", metadata={"type": "Utilization", "value": str(CPU_UTILISATION)}
                ),
            ),
        ]
    return app.ScaleArgs(min_replicas=scale.minimum, max_replicas=scale.maximum, rules=rules)
