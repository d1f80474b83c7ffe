"""Options that several verbs share, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack: its settings are in Pulumi.<stack>.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for a program.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a real stack is changed.")]
ExpectNoChanges = Annotated[
    bool,
    typer.Option(
        "--expect-no-changes", help="Fail if anything changes; as with Pulumi, `up` and `refresh` look afterwards."
    ),
]
PolicyPacks = Annotated[
    list[Path] | None,
    typer.Option("--policy-pack", metavar="PATH", help="Judge the run by the policy pack in this folder; repeatable."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting for this run alone, such as snowflake.edition=ENTERPRISE; the value is YAML; repeatable.",
    ),
]
