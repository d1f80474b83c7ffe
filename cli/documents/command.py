"""`nexus docs`: the parts of the documentation that are made from what is declared, written or checked."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from cli import options
from cli.console import answer, console, errors
from cli.documents import inventory, outputs, rights, traffic, verbs
from cli.documents import settings as settings_tables
from cli.documents.declared import Declared, declared
from cli.documents.parts import filled, known_parts
from cli.failure import BadInputError
from cli.place import ROOT


def _roles() -> str:
    from components.snowflake.role_model import document

    return document()


def _policies() -> str:
    from policies.readme import listed

    return listed()


FROM_CODE: Final[Mapping[str, Callable[[], str]]] = {
    "commands": verbs.commands,
    "organisation-settings": settings_tables.organisation_settings,
    "policies": _policies,
    "role-model": _roles,
    "settings": settings_tables.stack_settings,
}
"""Parts that the code alone tells."""
FROM_GRAPH: Final[Mapping[str, Callable[[Declared], str]]] = {
    "azure-order": inventory.azure_order,
    "columns": inventory.columns,
    "deploy-principal": rights.providers,
    "identities": rights.identities,
    "kept": inventory.kept,
    "message": traffic.message,
    "network": traffic.network,
    "network-rules": traffic.network_rules,
    "outputs": outputs.outputs,
    "overview": traffic.overview,
    "reached": rights.reached,
    "resources": inventory.resources,
    "roles": rights.roles,
    "secrets": rights.secrets,
    "snowflake-order": inventory.snowflake_order,
}
"""Parts that the declared graph tells: production's, brought up on an embedded cloud."""


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
    makers: dict[str, Callable[[], str]] = dict(FROM_CODE)
    graph: list[Declared] = []

    def of_graph(make: Callable[[Declared], str]) -> str:
        if not graph:
            graph.append(declared())
        return make(graph[0])

    for name, make in FROM_GRAPH.items():
        makers[name] = lambda make=make: of_graph(make)  # type: ignore[misc]
    chosen = _chosen(parts, makers)
    changed: list[dict[str, str]] = []
    for file in dict.fromkeys(place.file for place in known_parts(makers, ROOT) if place.part in chosen):
        page = ROOT / file
        before = page.read_text(encoding="utf-8")
        after, stale = filled(before, file, lambda part: makers[part]() if part in chosen else None)
        changed += [{"document": file, "part": part} for part in stale]
        if stale and not check:
            page.write_text(after, encoding="utf-8")
    _tell(changed, len(chosen), check=check, as_json=as_json)
    if changed and check:
        raise typer.Exit(1)


def _chosen(parts: list[str] | None, makers: Mapping[str, object]) -> list[str]:
    unknown = [part for part in parts or () if part not in makers]
    if unknown:
        near = [match for part in unknown for match in difflib.get_close_matches(part, makers, n=1)]
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        raise BadInputError(f"no part is called {', '.join(unknown)}. {hint}Known: {', '.join(sorted(makers))}.")
    return list(dict.fromkeys(parts)) if parts else list(makers)


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
