"""The job that fills the search's index from Snowflake."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import app

from components.azure.container_environment import CONSUMPTION
from components.azure.workload import Workload, WorkloadArgs


@dataclass(frozen=True, kw_only=True)
class IndexJobArgs(WorkloadArgs):
    """`schedule` is cron's five fields in UTC; an execution is ended after `timeout` seconds."""

    command: tuple[str, ...]
    schedule: str
    timeout: int


class IndexJob(Workload):
    """A Container Apps job: one execution at a time does the work, and one that fails is tried once more."""

    def __init__(self, name: str, args: IndexJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:IndexJob", name, args, opts)
        job = self.child(
            app.Job(
                f"{name}-job",
                job_name=args.app_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                environment_id=args.environment_id,
                workload_profile_name=CONSUMPTION,
                identity=self._assigned,
                configuration=app.JobConfigurationArgs(
                    trigger_type="Schedule",
                    replica_timeout=args.timeout,
                    replica_retry_limit=1,
                    schedule_trigger_config=app.JobConfigurationScheduleTriggerConfigArgs(
                        cron_expression=args.schedule, parallelism=1, replica_completion_count=1
                    ),
                    secrets=self._secrets,
                    registries=self._registries,
                ),
                template=app.JobTemplateArgs(
                    containers=[
                        app.ContainerArgs(
                            name=args.app_name,
                            image=args.image,
                            command=list(args.command),
                            env=self._variables(args),
                            resources=app.ContainerResourcesArgs(cpu=args.cpu, memory=args.memory),
                        )
                    ]
                ),
                tags=dict(args.tags),
                opts=self._after_rights(args),
            )
        )
        self.job_name: pulumi.Output[str] = job.name
        self.id: pulumi.Output[str] = job.id
        self.register_outputs({"job_name": self.job_name})
