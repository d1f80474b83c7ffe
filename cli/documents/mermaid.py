"""Flowcharts in Mermaid, as GitHub draws them: every edge is between nodes that were declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cli.documents.parts import DocumentError

_SHAPES: Final = {
    "box": ('["', '"]'),
    "round": ('(["', '"])'),
    "person": ('(("', '"))'),
    "store": ('[("', '")]'),
    "role": ('{{"', '"}}'),
}

_WIDE: Final = '%%{init: {"flowchart": {"wrappingWidth": 420}}}%%'
"""Labels are on the lines that they are given, not on more."""


class Flowchart:
    """A drawing from left to right (`LR`), top to bottom (`TB`) or the other way round."""

    def __init__(self, direction: str = "LR") -> None:
        self._lines = [_WIDE, f"flowchart {direction}"]
        self._edges: list[str] = []
        self._nodes: dict[str, str] = {}
        self._depth = 1

    def node(self, name: str, label: str = "", shape: str = "box") -> None:
        """A node; `name` tells it from others, and is its label where it has none."""
        if name in self._nodes:
            raise DocumentError(f"{name} is drawn twice")
        self._nodes[name] = f"n{len(self._nodes)}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"
        begin, end = _SHAPES[shape]
        self._line(f"{self._nodes[name]}{begin}{_text(label or name)}{end}")

    @contextmanager
    def group(self, name: str, label: str = "", direction: str = "") -> Iterator[None]:
        """A frame around the nodes that are made within it; an edge may lead to it."""
        if name in self._nodes:
            raise DocumentError(f"{name} is drawn twice")
        self._nodes[name] = f"g{len(self._nodes)}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"
        self._line(f'subgraph {self._nodes[name]}["{_text(label or name)}"]')
        self._depth += 1
        if direction:
            self._line(f"direction {direction}")
        yield
        self._depth -= 1
        self._line("end")

    def edge(self, first: str, second: str, label: str = "", *, dotted: bool = False, length: int = 1) -> None:
        """An arrow, over as many ranks as it is long. Raises `DocumentError` where an end of it is not drawn."""
        for name in (first, second):
            if name not in self._nodes:
                raise DocumentError(f"an arrow from {first} to {second}: {name} is not drawn")
        arrow = f"-{'.' * length}->" if dotted else f"-{'-' * length}>"
        told = f'|"{_text(label)}"|' if label else ""
        line = f"{self._nodes[first]} {arrow}{told} {self._nodes[second]}"
        if line not in self._edges:
            self._edges.append(line)

    def _line(self, text: str) -> None:
        self._lines.append("  " * self._depth + text)

    def __str__(self) -> str:
        return "\n".join(["```mermaid", *self._lines, *(f"  {edge}" for edge in self._edges), "```"])


def _text(label: str) -> str:
    """A label as Mermaid takes it between quotes."""
    escaped = label.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return escaped.replace("\n", "<br/>")


class Sequence:
    """A drawing of who asks whom, in order."""

    def __init__(self) -> None:
        self._participants: dict[str, str] = {}
        self._steps: list[str] = []

    def participant(self, name: str, label: str = "") -> None:
        if name in self._participants:
            raise DocumentError(f"{name} takes part twice")
        self._participants[name] = f"p{len(self._participants)}"
        self._steps.append(f"participant {self._participants[name]} as {_said(label or name)}")

    def step(self, first: str, second: str, label: str, *, answer: bool = False) -> None:
        arrow = "-->>" if answer else "->>"
        self._steps.append(f"{self._participants[first]}{arrow}{self._participants[second]}: {_said(label)}")

    def __str__(self) -> str:
        return "\n".join(
            ["```mermaid", "sequenceDiagram", "  autonumber", *(f"  {each}" for each in self._steps), "```"]
        )


def _said(label: str) -> str:
    """A label as a sequence takes it: a semicolon would end the line."""
    if ";" in label or "#" in label:
        raise DocumentError(f"{label!r} cannot be a label: it has a semicolon or a hash")
    return label.replace("\n", "<br/>")
