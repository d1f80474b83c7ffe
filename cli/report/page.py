"""The report as one page: no script, style, font or picture from anywhere else, and none of the network's at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from cli.report.isolation import LEVELS, highest

_HERE: Final = Path(__file__).parent
_PARTS: Final = (
    ("summary", "Summary"),
    ("plan", "Plan by tenant"),
    ("policies", "Policies"),
    ("isolation", "Who reaches patients' data"),
    ("columns", "Columns"),
    ("cost", "Cost"),
    ("data-loss", "Data loss"),
    ("exceptions", "Exceptions"),
    ("versions", "Versions and inputs"),
)


def page(found: Mapping[str, Any]) -> str:
    """The page of what `evidence` found."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style, script = (_HERE / "page.css").read_text(encoding="utf-8"), (_HERE / "page.js").read_text(encoding="utf-8")
    sensitive = [row for row in found["columns"] if row["state"] != "none"]
    isolation = found["isolation"]
    return environment.get_template("page.html.j2").render(
        found,
        parts=_PARTS,
        style=Markup(style),  # noqa: S704 - our own files, as they are committed
        style_hash=_hash(style),
        script=Markup(script),  # noqa: S704
        script_hash=_hash(script),
        figures=figures(found),
        levels=LEVELS,
        overview=_overview(isolation),
        maps=_maps(isolation),
        sensitive=len(sensitive),
        protected=sum(row["state"] == "protected" for row in sensitive),
        bars=_bars(found["cost"]),
    )


def _hash(text: str) -> str:
    """By which the page's own policy lets this and nothing else in."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def figures(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The summary's figures, each with its name."""
    totals, isolation, cost = found["policies"]["totals"], found["isolation"], found["cost"]
    sensitive = [row for row in found["columns"] if row["state"] != "none"]
    protected = sum(row["state"] == "protected" for row in sensitive)
    losses = found["data_loss"]
    changes = ", ".join(f"{count} {word}" for word, count in found["plan"]["totals"].items()) or "none"
    ceiling = f"{cost['total']['ceiling']:,.0f} {cost['currency']} a month"
    if "against" in cost:
        ceiling += f" ({cost['against']['total']['ceiling']:+,.0f})"
    told = [
        ("Blast radius", found["plan"]["touches"]),
        ("Changes", changes),
        ("Policies", ", ".join(f"{count} {status}" for status, count in totals.items())),
        ("Ways that must not be", f"{len(isolation['findings'])} of {isolation['tried']:,}"),
        ("Columns with patients' data", f"{protected} of {len(sensitive)} tagged and masked"),
        ("Cost ceiling", ceiling),
        (
            "Data loss",
            f"{len(losses['blocked'])} blocked, {len(losses['allowed'])} accepted"
            if losses["judged"]
            else "not judged: no base",
        ),
        ("Exceptions", str(len(found["exceptions"]) or "none")),
    ]
    if found["mutations"]:
        told.append(("Mutations caught", "{caught} of {tried}".format(**found["mutations"])))
    return told


def _overview(isolation: Mapping[str, Any]) -> dict[str, Any]:
    """The furthest that each holder gets at any object of an organisation; None is what all share."""
    tenants = list(dict.fromkeys(each["tenant"] for each in isolation["objects"]))
    best: dict[tuple[str, str | None], Mapping[str, Any]] = {}
    for cell in isolation["cells"]:
        key = (cell["holder"], cell["tenant"])
        if key not in best or highest([best[key]["level"], cell["level"]]) != best[key]["level"]:
            best[key] = cell
    rows = _rows(
        [each["holder"] for each in isolation["holders"]],
        tenants,
        {key: _shown(cell) for key, cell in best.items()},
    )
    return {"tenants": tenants, "rows": rows}


def _maps(isolation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each organisation who reaches which of its objects."""
    by_tenant: dict[str | None, dict[tuple[str, str | None], Mapping[str, Any]]] = {}
    for cell in isolation["cells"]:
        by_tenant.setdefault(cell["tenant"], {})[cell["holder"], cell["object"]] = _shown(cell)
    objects: dict[str | None, list[str]] = {}
    for each in isolation["objects"]:
        objects.setdefault(each["tenant"], []).append(each["object"])
    return [
        {
            "tenant": tenant,
            "objects": names,
            "rows": _rows(
                list(dict.fromkeys(holder for holder, _ in by_tenant.get(tenant, {}))), names, by_tenant.get(tenant, {})
            ),
        }
        for tenant, names in objects.items()
    ]


def _rows(
    holders: Iterable[str],
    columns: Sequence[str | None],
    cells: Mapping[tuple[str, str | None], Mapping[str, Any]],
) -> list[dict[str, Any]]:
    return [{"holder": holder, "cells": [cells.get((holder, column)) for column in columns]} for holder in holders]


def _shown(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell with its paths as the page's script reads them, the one of its level first; paths count from one."""
    own = sorted(cell["reaches"], key=lambda reached: reached["path"] != cell["reaches"][0]["path"])
    parts = [f"{reached['path'] + 1}:{', '.join(reached['privileges'])}" for reached in own]
    return {
        "level": cell["level"],
        "object": cell["object"],
        "tenant": cell["tenant"],
        "path": ";".join(parts),
        "first": own[0]["path"] + 1,
    }


def _bars(cost: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [("shared by all", cost["shared"]), *cost["tenants"].items()]
    most = max((amounts["ceiling"] for _, amounts in rows), default=0) or 1
    return [
        {
            "name": name,
            **amounts,
            "floor_share": round(100 * amounts["floor"] / most, 2),
            "ceiling_share": round(100 * amounts["ceiling"] / most, 2),
        }
        for name, amounts in rows
    ]
