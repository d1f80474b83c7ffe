"""The floor: a stock program of COUNT account roles on the no-op provider.

    python bench/floor_program.py VERB COUNT DIRECTORY

VERB is preview, up or destroy. A plain loop on the Automation API, the file backend with its
checkpoints under DIRECTORY, nothing tuned: what any Pulumi Python program of that many resources costs
at least when its cloud answers at once. `pulumi` is the one on PATH; the provider is attached through
PULUMI_DEBUG_PROVIDERS.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pulumi.automation as auto
import pulumi_snowflake as snowflake


def main(verb: str, count: int, directory: Path) -> None:
    def program() -> None:
        for number in range(count):
            snowflake.AccountRole(f"role-{number}", name=f"ROLE_{number}", comment="one of many")

    state = directory / "state"
    state.mkdir(parents=True, exist_ok=True)
    stack = auto.create_or_select_stack(
        "floor",
        project_name="floor",
        program=program,
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(directory),
            pulumi_home=str(directory / "home"),
            project_settings=auto.ProjectSettings(
                name="floor", runtime="python", backend=auto.ProjectBackend(url=state.as_uri())
            ),
            # The floor's state holds nothing: this only lets the engine make its encryption key.
            env_vars={"PULUMI_CONFIG_PASSPHRASE": "floor", "PULUMI_SKIP_UPDATE_CHECK": "true"},
        ),
    )
    if verb == "preview":
        print(stack.preview().change_summary)
    elif verb == "up":
        print(stack.up().summary.resource_changes)
    elif verb == "destroy":
        print(stack.destroy().summary.resource_changes)
    else:
        raise SystemExit(f"unknown verb {verb!r}: preview, up or destroy")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).resolve())
