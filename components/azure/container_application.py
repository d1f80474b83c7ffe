"""One application: a container app with an ingress, probes, a scale and revisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import app

from components.azure.container_environment import CONSUMPTION
from components.azure.revisions import Release, Revisions
from components.azure.workload import Workload, WorkloadArgs

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


@dataclass(frozen=True, kw_only=True)
class ContainerApplicationArgs(WorkloadArgs):
    """What one application is.

    `environment_domain` is the environment's own. `health_path` answers all three probes on `port`. `external`
    publishes the app outside the environment: to its network and the edge. `ephemeral_directory` is a disk that lives
    as long as the replica. `release` is a newer image beside `image`, `previous` an older one whose revision is kept
    ready. `url` is where the world finds the app, if that is not its own address. `termination_grace` is in seconds.
    """

    environment_domain: pulumi.Input[str]
    port: int
    external: bool
    health_path: str
    scale: Scale
    termination_grace: int
    release: Release | None = None
    previous: str | None = None
    ephemeral_directory: str | None = None
    url: pulumi.Input[str] | None = None


class ContainerApplication(Workload):
    """A container app that takes its secrets from the vault by its own identity."""

    def __init__(self, name: str, args: ContainerApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:ContainerApplication", name, args, opts)
        # A fixed scale means that two replicas would spoil each other's data: then a revision only ever replaces one.
        revisions = self._revisions(name, args) if args.scale.concurrent_requests is not None else None
        traffic = revisions.traffic if revisions is not None else [(None, 100)]
        volumes, mounts = _volumes(args)
        container = self.child(
            app.ContainerApp(
                f"{name}-app",
                container_app_name=args.app_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                environment_id=args.environment_id,
                workload_profile_name=CONSUMPTION,
                identity=self._assigned,
                configuration=app.ConfigurationArgs(
                    active_revisions_mode=revisions.mode if revisions is not None else "Single",
                    ingress=app.IngressArgs(
                        external=args.external,
                        target_port=args.port,
                        transport="auto",
                        allow_insecure=False,
                        traffic=[
                            app.TrafficWeightArgs(latest_revision=True, weight=weight)
                            if revision is None
                            else app.TrafficWeightArgs(revision_name=revision, weight=weight)
                            for revision, weight in traffic
                        ],
                    ),
                    secrets=self._secrets,
                    registries=self._registries,
                ),
                template=app.TemplateArgs(
                    revision_suffix=revisions.suffix if revisions is not None else None,
                    containers=[
                        app.ContainerArgs(
                            name=args.app_name,
                            image=revisions.newest if revisions is not None else args.image,
                            env=self._variables(args),
                            resources=app.ContainerResourcesArgs(cpu=args.cpu, memory=args.memory),
                            probes=_probes(args.port, args.health_path),
                            volume_mounts=mounts or None,
                        )
                    ],
                    scale=_scale(args.scale),
                    termination_grace_period_seconds=args.termination_grace,
                    volumes=volumes or None,
                ),
                tags=dict(args.tags),
                opts=self._after_rights(args),
            )
        )
        self.app_name: pulumi.Output[str] = container.name
        self.id: pulumi.Output[str] = container.id
        self.fqdn: pulumi.Output[str] = container.configuration.ingress.fqdn
        self.principal_id: pulumi.Output[str] = self.identity.principal_id
        self.internal = not args.external
        #: The name that the environment keeps for the app. Who is told this one is not touched by an update of the app,
        #: which would leave its own `fqdn` open in every plan.
        self.host: pulumi.Output[str] = pulumi.Output.concat(
            args.app_name, "." if args.external else ".internal.", args.environment_domain
        )
        self.health_path = args.health_path
        self.url: pulumi.Output[str] = (
            pulumi.Output.concat("https://", self.host) if args.url is None else pulumi.Output.from_input(args.url)
        )
        #: The revision that runs the stable image.
        self.serving_revision: pulumi.Output[str] = (
            revisions.serving if revisions is not None else container.latest_revision_name
        )
        self.register_outputs({"app_name": self.app_name, "fqdn": self.fqdn, "internal": self.internal})

    def _revisions(self, name: str, args: ContainerApplicationArgs) -> Revisions:
        revisions = Revisions(
            args.app_name,
            args.image,
            args.release,
            args.previous,
            {
                "variables": {**args.environment, **{name: one.name for name, one in args.secrets.items()}},
                "files": [[file.directory, file.name, file.content] for file in args.files],
                "identity": args.identity_variable,
                "size": [args.cpu, args.memory],
                "port": [args.port, args.health_path],
                "scale": [args.scale.minimum, args.scale.maximum, args.scale.concurrent_requests],
                "disk": args.ephemeral_directory,
                "grace": args.termination_grace,
                "probes": [
                    [STARTUP_PERIOD, STARTUP_FAILURES],
                    [LIVENESS_PERIOD, LIVENESS_FAILURES],
                    [READINESS_PERIOD, READINESS_FAILURES],
                ],
            },
        )
        revisions.declare(self, name)
        return revisions


def _volumes(args: ContainerApplicationArgs) -> tuple[list[Any], list[Any]]:
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
