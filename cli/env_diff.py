"""`nexus env-diff`: what differs between two stacks' configurations, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli import configuration, deployment, options
from cli.console import answer, console
from cli.rehearse import filled

EMPTY: Final = "(to be filled)"
"""What stands for a value that nobody may guess and nobody has filled yet."""
SECRET: Final = "[secret]"  # noqa: S105 - what is shown instead of one
ABSENT: Final = "—"


def command(
    first: Annotated[str, typer.Argument(help="A stack, such as staging.")],
    second: Annotated[str, typer.Argument(help="The stack to compare it with, such as prod.")],
    everything: Annotated[bool, typer.Option("--all", help="Also what is the same in both.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show side by side what differs between two stacks' settings, with the defaults that count where one says nothing.

    Example: ./nexus env-diff staging prod
    """
    left, right = effective(first), effective(second)
    rows = {key: (left.get(key), right.get(key)) for key in dict.fromkeys([*left, *right])}
    different = {key: values for key, values in rows.items() if values[0] != values[1]}
    if as_json:
        shown = rows if everything else different
        answer(
            {
                "stacks": [first, second],
                "same": len(rows) - len(different),
                "different": len(different),
                "settings": {key: {first: values[0], second: values[1]} for key, values in shown.items()},
            }
        )
        return
    show((first, second), rows if everything else different, different, console())
    console().print(f"{len(different)} of {len(rows)} settings differ", markup=False)


def effective(stack: str) -> dict[str, Any]:
    """All settings of a stack by key, defaults included; each organisation's too.

    Raises `BadInputError` where the configuration is wrong beyond values that are still empty.
    """
    raw = configuration.load(stack)
    completed, made_up = filled(raw)
    settings = deployment.check_settings(completed)
    values: dict[str, Any] = {
        "environment": settings.environment,
        "deletion_protection": settings.deletion_protection,
        **{
            name: section.model_dump(mode="json")
            for name in ("azure", "snowflake", "model", "apps")
            for section in [getattr(settings, name)]
        },
        "organizations": {
            organization.organization_id: {
                key: value for key, value in asdict(organization).items() if key != "organization_id"
            }
            for organization in settings.organizations
        },
        "keys": {user: keys.model_dump(mode="json", exclude_defaults=True) for user, keys in settings.keys.items()},
    }
    namespace = f"{configuration.project()}:"
    others = {key: value for key, value in (raw.get("config") or {}).items() if not key.startswith(namespace)}
    flat = _leaves({**values, **others})
    return {key: EMPTY if key in made_up else value for key, value in flat.items()}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Plain values by their keys, with dots; a list is one value."""
    if isinstance(value, Mapping) and set(value) == {"secure"}:
        return {path: SECRET}
    if isinstance(value, Mapping) and value:
        return {
            key: leaf
            for name, inner in value.items()
            for key, leaf in _leaves(inner, f"{path}.{name}" if path else str(name)).items()
        }
    # Nothing said, or nothing in it: the other stack's values of it stand alone.
    return {} if value is None or isinstance(value, Mapping) else {path: value}


def show(
    stacks: tuple[str, str], rows: Mapping[str, tuple[Any, Any]], different: Mapping[str, Any], output: Console
) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    table.add_column("setting", overflow="fold")
    for stack in stacks:
        table.add_column(stack, overflow="fold")
    for key, values in rows.items():
        style = None if key in different else "dim"
        table.add_row(escape(key), *(escape(_text(value)) for value in values), style=style)
    output.print(table)


def _text(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) or "(none)"
    return str(value)
