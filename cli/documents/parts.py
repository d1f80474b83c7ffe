"""The places that generated parts have in documents, and how they get there.

A place is two lines of a Markdown file, `<!-- NAME: made by ./nexus docs -->` and `<!-- end of NAME -->`. What stands
between them is the part called NAME, and nothing that a person wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.failure import FailureError

_BEGIN: Final = re.compile(r"^<!-- ([a-z-]+): made by \./nexus docs -->$", re.MULTILINE)
PAGES: Final = ("README.md", "policies/README.md", "docs/**/*.md")
"""Where a document with a place may lie."""


class DocumentError(FailureError):
    """A document, or what a part of it is made from, is not as it must be (exit code 1)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part is: the file, by its path in the checkout, and the part's name."""

    file: str
    part: str


def pages(root: Path) -> Iterator[Path]:
    """The documents, in order."""
    for pattern in PAGES:
        yield from sorted(root.glob(pattern))


def places(root: Path) -> list[Place]:
    """Every place there is."""
    return [
        Place(page.relative_to(root).as_posix(), found[1])
        for page in pages(root)
        for found in _BEGIN.finditer(page.read_text(encoding="utf-8"))
    ]


def split(text: str, file: str) -> Iterator[tuple[str, str]]:
    """A document as (part, its text) in order, with the name empty for what people wrote. Marks are people's.

    Raises `DocumentError` where a place has no end.
    """
    position = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < position:
            raise DocumentError(f"{file}: the place of {begin[1]} begins inside another")
        end = text.find(f"\n{_end(begin[1])}\n", begin.end() - 1)
        if end < 0:
            raise DocumentError(
                f"{file}: the place of {begin[1]} has no end: write {_end(begin[1])} on a line below it"
            )
        yield "", text[position : begin.end()]
        yield begin[1], text[begin.end() : end + 1]
        position = end + 1
    yield "", text[position:]


def _end(part: str) -> str:
    return f"<!-- end of {part} -->"


def filled(text: str, file: str, make: Callable[[str], str | None]) -> tuple[str, list[str]]:
    """A document with its parts as they are made, and the names of those that changed.

    `make` answers None for a part that is to stay as it is.
    """
    result, changed = [], []
    for part, found in split(text, file):
        made = make(part) if part else None
        new = found if made is None else f"\n\n{made.strip()}\n\n"
        if new != found:
            changed.append(part)
        result.append(new)
    return "".join(result), changed


def cell(text: str) -> str:
    """Text as a table's cell takes it: on one line, its bars told from the table's, no tag outside of code."""
    said = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if code % 2 else part.replace("<", "&lt;") for code, part in enumerate(said))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles)]
    lines += [f"| {' | '.join(cell(each) for each in row)} |".replace("  ", " ") for row in rows]
    return "\n".join(lines)


def known_parts(known: Collection[str], root: Path) -> list[Place]:
    """Every place. Raises `DocumentError` where one is of no known part, or a part has none."""
    found = places(root)
    wrong = [f"{place.file}: nothing is called {place.part}" for place in found if place.part not in known]
    wrong += [f"{name} has no place in any document" for name in known if name not in {place.part for place in found}]
    if wrong:
        raise DocumentError("\n".join(wrong))
    return found
