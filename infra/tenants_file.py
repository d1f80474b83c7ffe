"""Reads the organisations' file, keeping the line of every key and refusing a key written twice.

PyYAML by itself takes the last of two equal keys without a word: an organisation's settings would be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Place:
    """A line in a file; without a line, the file."""

    file: str
    line: int | None = None

    @property
    def where(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class TenantsFile:
    """What the file says.

    `places` has the place of each key by its path of keys; the empty path is the whole file. `repeated` are
    keys written twice, each with its place and the line of the first.
    """

    content: Any
    places: dict[tuple[str, ...], Place]
    repeated: list[tuple[Place, str, int]]


class TenantsFileError(Exception):
    """The file cannot be read: its place, the rule and the mend."""

    def __init__(self, place: Place, rule: str, mend: str) -> None:
        self.place, self.rule, self.mend = place, rule, mend
        super().__init__(f"{place.where}: {rule} {mend}")


def read_tenants_file(path: Path) -> TenantsFile:
    """Read the file. Raises TenantsFileError where there is none, or it is no YAML."""
    name = path.name
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        mend = "Name an existing file in nexuschat:tenants_file, relative to Pulumi.yaml."
        raise TenantsFileError(Place(name), f"cannot be read: {error.strerror}.", mend) from None
    except UnicodeDecodeError:
        raise TenantsFileError(Place(name), "is not UTF-8 text.", "Save it as UTF-8.") from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        content = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1 if mark else None)
        raise TenantsFileError(place, f"is not YAML: {error.problem}.", "Mend the line.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise TenantsFileError(Place(name), f"is not YAML: {error}.", "Mend it.") from None
    finally:
        loader.dispose()
    return TenantsFile(content, {(): Place(name)} | dict(_places(node, name, ())), list(_repeated(node, name, ())))


def _places(node: yaml.Node | None, file: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Place]]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        inner = (*path, str(key.value))
        yield inner, Place(file, key.start_mark.line + 1)
        yield from _places(value, file, inner)


def _repeated(node: yaml.Node | None, file: str, path: tuple[str, ...]) -> Iterator[tuple[Place, str, int]]:
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        word, line = str(key.value), key.start_mark.line + 1
        if word in first:
            yield Place(file, line), ".".join((*path, word)), first[word]
        else:
            first[word] = line
        yield from _repeated(value, file, (*path, word))
