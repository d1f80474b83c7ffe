"""Where a resource's logs and figures go: one diagnostic setting for each resource that offers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import monitor

from components.base import Component


@dataclass(frozen=True)
class Source:
    """A resource to hear of. `logs` and `metrics` say which of the two it offers.

    `archived` keeps its logs longer. `own_tables` asks for tables of the kind of resource, where Azure has the choice.
    """

    id: pulumi.Input[str]
    logs: bool = True
    metrics: bool = False
    archived: bool = False
    own_tables: bool = False


@dataclass(frozen=True)
class DiagnosticsArgs:
    """`sources` by a name of their own. What is `archived` goes to the storage account `archive_id` too."""

    sources: Mapping[str, Source]
    workspace_id: pulumi.Input[str]
    archive_id: pulumi.Input[str]


class Diagnostics(Component):
    """Logs of everything that happens, sent to one workspace, some to the archive too (45 CFR 164.312(b))."""

    def __init__(self, name: str, args: DiagnosticsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Diagnostics", name, opts)
        for label, source in args.sources.items():
            self.child(
                monitor.DiagnosticSetting(
                    f"{label}-logs",
                    name="to-log-analytics",
                    resource_uri=source.id,
                    workspace_id=args.workspace_id,
                    storage_account_id=args.archive_id if source.archived else None,
                    log_analytics_destination_type="Dedicated" if source.own_tables else None,
                    logs=[monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=True)]
                    if source.logs
                    else None,
                    metrics=[monitor.DiagnosticsMetricSettingsArgs(category="AllMetrics", enabled=True)]
                    if source.metrics
                    else None,
                    opts=self.child_options(),
                )
            )
        self.register_outputs({"sources": sorted(args.sources)})
