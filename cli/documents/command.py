"""`nexus docs`: the parts of the documentation that are made from what is declared, written or checked."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import options
from cli.console import answer, console, errors
from cli.documents.parts import filled, known_parts
from cli.failure import BadInputError
from cli.place import ROOT

if TYPE_CHECKING:
    from cli.documents.declared import Declared

FROM_CODE: Final[Mapping[str, str]] = {
    "commands": "cli.documents.verbs:commands",
    "organisation-settings": "cli.documents.settings:organisation_settings",
    "policies": "policies.readme:listed",
    "role-model": "components.snowflake.role_model:document",
    "settings": "cli.documents.settings:stack_settings",
}
"""Parts that the code alone tells, each with the function that makes it, imported when it is made."""
FROM_GRAPH: Final[Mapping[str, str]] = {
    "azure-order": "cli.documents.inventory:azure_order",
    "columns": "cli.documents.inventory:columns",
    "components": "cli.documents.inventory:components",
    "deploy-principal": "cli.documents.rights:providers",
    "identities": "cli.documents.rights:identities",
    "kept": "cli.documents.inventory:kept",
    "message": "cli.documents.traffic:message",
    "network": "cli.documents.traffic:network",
    "network-rules": "cli.documents.traffic:network_rules",
    "outputs": "cli.documents.outputs:outputs",
    "overview": "cli.documents.traffic:overview",
    "reached": "cli.documents.rights:reached",
    "resources": "cli.documents.inventory:resources",
    "roles": "cli.documents.rights:roles",
    "secrets": "cli.documents.rights:secrets",
    "snowflake-order": "cli.documents.inventory:snowflake_order",
}
"""Parts that the declared graph tells: production's, brought up on an embedded cloud."""


class Makers:
    """Makes the parts; the graph is brought up for the first that needs it."""

    def __init__(self) -> None:
        self._graph: Declared | None = None

    def make(self, part: str) -> str:
        if part in FROM_CODE:
            return str(_function(FROM_CODE[part])())
        if self._graph is None:
            from cli.documents.declared import declared

            self._graph = declared()
        return str(_function(FROM_GRAPH[part])(self._graph))


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def command(
    parts: Annotated[list[str] | None, typer.Argument(metavar="[PART]…", help="These parts alone.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a document is stale.")] = False,
    as_json: options.Json = False,
) -> None:
    """Write the drawings and tables of the documentation from what is declared, or check that they are so.

    Each stands between two marks in a page, with its name. Nothing real is reached. Ends with 1 where a page is stale
    (with --check), or where something has no description.

    Example: ./nexus docs --check
    """
    makers, known = Makers(), [*FROM_CODE, *FROM_GRAPH]
    chosen = _chosen(parts, known)
    changed: list[dict[str, str]] = []
    for file in dict.fromkeys(place.file for place in known_parts(known, ROOT) if place.part in chosen):
        page = ROOT / file
        before = page.read_text(encoding="utf-8")
        after, stale = filled(before, file, lambda part: makers.make(part) if part in chosen else None)
        changed += [{"document": file, "part": part} for part in stale]
        if stale and not check:
            page.write_text(after, encoding="utf-8")
    _tell(changed, len(chosen), check=check, as_json=as_json)
    if changed and check:
        raise typer.Exit(1)


def _chosen(parts: list[str] | None, known: list[str]) -> list[str]:
    unknown = [part for part in parts or () if part not in known]
    if unknown:
        near = [match for part in unknown for match in difflib.get_close_matches(part, known, n=1)]
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        raise BadInputError(f"no part is called {', '.join(unknown)}. {hint}Known: {', '.join(sorted(known))}.")
    return list(dict.fromkeys(parts)) if parts else known


def _tell(changed: list[dict[str, str]], count: int, *, check: bool, as_json: bool) -> None:
    if as_json:
        answer({"parts": count, "stale" if check else "written": changed})
        return
    for each in changed:
        where = f"{each['document']}: {each['part']}"
        if check:
            errors().print(f"{where} is not what is declared: run ./nexus docs", markup=False)
        else:
            console().print(f"{where} is written anew", markup=False)
    if not changed:
        console().print(f"{count} parts, each as it is declared", markup=False)
