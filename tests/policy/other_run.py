"""Brings another project up on an embedded cloud of its own, with plain Pulumi and the policy pack, and says what came.

python tests/policy/other_run.py
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pulumi.automation import LocalWorkspaceOptions, create_or_select_stack  # noqa: E402
from pulumi.automation.errors import CommandError  # noqa: E402

from cli import configuration, deployment, engine, world  # noqa: E402
from cli.cloud import starting  # noqa: E402
from cli.place import Place  # noqa: E402
from cli.progress import Progress, name_of  # noqa: E402

PROJECT = Path(__file__).parent / "other_project"
PACK = ROOT / "policies"
#: The pack's configuration of this project: it has no containers, and its warehouse is advised alone.
CONFIGURATION = {
    "warehouse-auto-suspend": {"enforcementLevel": "advisory", "maximum_seconds": 120},
    "key-vault-private-endpoint": "disabled",
}


def main() -> dict[str, Any]:
    place = Place.of("local")
    place.prepare()
    world.prepare(place, deployment.check_settings(configuration.load("local")))
    found: dict[str, Any] = {}
    with starting(place) as starting_cloud, tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "project"
        shutil.copytree(PROJECT, work)
        variables = deployment.embedded_environment(place, starting_cloud.wait().endpoints.debug_providers)
        del variables["PULUMI_OPTION_CONFIG_FILE"]
        shim = deployment.policy_shim(place.directory)
        executable = engine.acquire(print).path
        variables["PATH"] = os.pathsep.join([str(shim), str(executable.parent), variables["PATH"]])
        os.environ.update(variables)
        stack = create_or_select_stack(
            "other",
            project_name="warehouse-of-others",
            program=lambda: runpy.run_path(str(work / "__main__.py")),
            opts=LocalWorkspaceOptions(work_dir=str(work)),
        )
        configured = Path(folder) / "configuration.json"
        configured.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
        for name, configs in (("defaults", None), ("configured", [str(configured)])):
            progress = Progress("preview")
            try:
                stack.preview(
                    on_event=progress.on_event, policy_packs=[str(PACK)], policy_pack_configs=configs, color="never"
                )
                succeeded = True
            except CommandError:
                succeeded = False
            found[name] = {
                "succeeded": succeeded,
                "problems": [str(problem) for problem in progress.problems],
                "mandatory": _told(progress.violations),
                "advisory": _told(progress.warnings),
            }
        stack.up(color="never", suppress_outputs=True)
        state = Path(folder) / "state.json"
        state.write_text(json.dumps({"version": 3, "deployment": stack.export_stack().deployment}), encoding="utf-8")
        done = subprocess.run(
            [str(executable), "policy", "analyze", "--file", str(state), "--policy-pack", str(PACK), "--json"],
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        found["state"] = {
            "code": done.returncode,
            "said": done.stderr,
            "mandatory": sorted(
                {
                    (event["policyEvent"]["policyName"], name_of(event["policyEvent"].get("resourceUrn", "")))
                    for event in events
                    if "policyEvent" in event
                }
            ),
        }
        stack.destroy(color="never", suppress_outputs=True)
    return found


def _told(problems: Any) -> list[tuple[str, str]]:
    return sorted({(one.message[1:].partition("]")[0], name_of(one.urn)) for one in problems})


if __name__ == "__main__":
    print(json.dumps(main()))
