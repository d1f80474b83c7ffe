"""`nexus outputs`: what a stack tells of itself."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli import access, deployment, options
from cli.console import answer, console
from cli.failure import BadInputError, FailureError
from cli.place import Place


def read(stack: str) -> dict[str, Any]:
    """A stack's outputs; secret ones are masked. Raises `FailureError` where there is no such stack yet."""
    environment = None
    if deployment.is_embedded(stack):
        place = Place.of(stack)
        if not deployment.state_file(place).exists():
            raise FailureError(f"stack {stack!r} is not up: `./nexus up` brings it up.")
        environment = deployment.embedded_environment(place, None)
    values: dict[str, Any] = json.loads(
        access.asked(stack, "output", "--json", what="the outputs", environment=environment)
    )
    return values


def command(
    name: Annotated[str | None, typer.Argument(help="One output, such as tenants; dots go into it.")] = None,
    stack: options.Stack = "local",
    as_json: options.Json = False,
) -> None:
    """Print what a stack tells of itself: addresses, vault, account, tenants. Nothing secret.

    Example: ./nexus outputs tenants.HCS0001.database
    """
    values: Any = read(stack)
    if not values:
        raise FailureError(f"stack {stack!r} has no outputs: `./nexus up` has not finished on it.")
    for part in name.split(".") if name else []:
        if not isinstance(values, dict) or part not in values:
            known = ", ".join(sorted(values)) if isinstance(values, dict) else "nothing"
            raise BadInputError(f"there is no output {name!r}: at {part!r} there is {known}.")
        values = values[part]
    if as_json:
        answer(values)
    elif isinstance(values, dict):
        rows = _flat(values)
        if not console().is_terminal:
            # Whole, however long: somebody may cut a value out.
            width = max(len(key) for key, _ in rows)
            sys.stdout.writelines(f"{key:{width}}  {value}\n" for key, value in rows)
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        for key, value in rows:
            table.add_row(f"[bold]{escape(key)}[/]", escape(value))
        console().print(table)
    else:
        console().print(_text(values), markup=False)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str) and "\n" in value:
            rows.append((prefix + key, f"({len(value.splitlines())} lines: ./nexus outputs {prefix}{key})"))
        else:
            rows.append((prefix + key, _text(value)))
    return rows


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
