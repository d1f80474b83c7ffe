"""The report as Markdown that fits one comment of a pull request."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final

from cli.report.page import figures

LONGEST: Final = 65_000
"""Characters: GitHub takes 65,536 in a comment."""
_LINES: Final = 60
"""Lines of one list; the others are counted."""


def summary(found: Mapping[str, Any]) -> str:
    """What a reviewer reads first; never longer than `LONGEST`."""
    mark = "✅" if found["result"] == "passed" else "❌"
    lines = [f"## {mark} {found['stack']}: {_text(found['plan']['touches'])}", ""]
    against = found["plan"]["against"]
    if against:
        lines += [f"Compared with `{against['commit'][:12]}`.", ""]
    lines += ["| | |", "| --- | --- |", *(f"| {name} | {_text(figure)} |" for name, figure in figures(found)), ""]
    if found["failures"]:
        lines += ["### What stops it", "", *_list([_text(failure) for failure in found["failures"]]), ""]
    lines += _losses(found["data_loss"])
    lines += _plan(found["plan"])
    lines += _cost(found["cost"])
    if found["exceptions"]:
        lines += ["### Exceptions", ""]
        lines += _list(
            [
                f"{_code(one['resource'])} from {_code(one['policy'])} until {one['expires']}, {one['state']} "
                f"({_text(one['accepted_by'])}: {_text(one['reason'])})"
                for one in found["exceptions"]
            ]
        )
        lines.append("")
    lines.append(f"Inputs: `{found['digest']['all']}`. The whole report is an artifact of this run.")
    text = "\n".join(lines) + "\n"
    if len(text) <= LONGEST:
        return text
    cut = "\n\n… and more: the whole of it is in the report.\n"
    return text[: LONGEST - len(cut)].rpartition("\n")[0] + cut


def _losses(losses: Mapping[str, Any]) -> list[str]:
    found = [*losses["blocked"], *losses["allowed"]]
    if not found:
        return []
    told = []
    for loss in found:
        verdict = f"accepted by {_text(loss['accepted_by'])}" if loss.get("reason") else "**blocked**"
        told.append(
            f"{_text(loss['object'])}: {_text(loss['change'])} ({verdict}). Lost: {_text(loss['lost'])}. "
            f"Recoverable: {_text(loss['recoverable'])}"
        )
    return ["### Data loss", "", *_list(told), ""]


def _plan(plan: Mapping[str, Any]) -> list[str]:
    rows = []
    for each in plan["tenants"]:
        counts = ", ".join(f"{count} {word}" for word, count in each["changes"].items())
        rows.append(f"| {_text(each['tenant'] or 'shared by all')} | {counts} |")
    if not rows:
        return []
    lines = ["### Plan by tenant", "", "| tenant | changes |", "| --- | --- |", *_cut(rows, "| … | {} more |"), ""]
    changes = [
        f"{one['change']} {_text(one['kind'])} {_code(one['name'])}"
        for each in plan["tenants"]
        for one in each["resources"]
    ]
    if changes:
        lines += ["<details><summary>Changes</summary>", "", *_list(changes), "", "</details>", ""]
    return lines


def _cost(cost: Mapping[str, Any]) -> list[str]:
    if "against" not in cost:
        return []
    rows = [
        f"| {_text(name)} | {added['floor']:+,.2f} | {added['ceiling']:+,.2f} |"
        for part in ("areas", "tenants")
        for name, added in cost["against"][part].items()
    ]
    if not rows:
        return ["Cost: as before.", ""]
    heading = [f"### Cost, {cost['currency']} a month", "", "| added | floor | ceiling |", "| --- | --: | --: |"]
    return [*heading, *_cut(rows, "| {} more | | |"), ""]


def _list(lines: list[str]) -> list[str]:
    return _cut([f"- {line}" for line in lines], "- … and {} more")


def _cut(lines: list[str], rest: str) -> list[str]:
    return lines if len(lines) <= _LINES else [*lines[:_LINES], rest.format(len(lines) - _LINES)]


def _text(text: str) -> str:
    """Plain words: nothing in a name is Markdown, a mention, a link or a break."""
    one_line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", one_line).replace("@", "@\u200b")


def _code(text: str) -> str:
    return f"`{' '.join(str(text).split()).replace('`', '')}`".replace("|", "\\|")
