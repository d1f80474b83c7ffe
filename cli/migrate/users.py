"""The map from users to organisations: a CSV or YAML file, judged as a whole before anything is read or written."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

_USER_ID: Final = re.compile(r"[0-9a-f]{24}\Z")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_HEADER: Final = ("user", "organization")
_SHOWN: Final = 50


class MapError(Exception):
    """The map cannot be used: every fault of it, each with its line."""


@dataclass(frozen=True, slots=True)
class UserMap:
    """Each user, by the id (24 hexadecimal digits) or the mail address that MongoDB has, and the organisation."""

    organizations: Mapping[str, str]
    digest: str

    @property
    def emails(self) -> frozenset[str]:
        return frozenset(user for user in self.organizations if "@" in user)


def read_map(path: Path, known: frozenset[str]) -> UserMap:
    """Read and judge a map; `known` are the declared organisations. Raises `MapError` with all that is wrong.

    CSV has the header `user,organization`; YAML is a mapping from user to organisation. A mail address is written
    nowhere in an error: its line is.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise MapError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise MapError(f"{path.name} is not UTF-8 text") from None
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".yaml", ".yml"}:
        raise MapError(f"{path.name}: a map is a .csv or a .yaml file")
    problems: list[str] = []
    organizations: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, user_text, organization in (_csv if suffix == ".csv" else _yaml)(text, path.name, problems):
        user = user_text.strip().lower()
        where = f"{path.name}:{line}"
        if not _USER_ID.match(user) and not _EMAIL.match(user):
            problems.append(f"{where}: the user is neither an id of 24 hexadecimal digits nor a mail address")
        elif user in lines:
            problems.append(f"{where}: the user of line {lines[user]} again: one line a user")
        else:
            lines[user], organizations[user] = line, organization.strip()
        if organization.strip() not in known:
            mend = "mend it, or add it to the tenants' file, and `./nexus up`"
            problems.append(f"{where}: {organization.strip()!r} is no declared organisation: {mend}")
    if not organizations and not problems:
        problems.append(f"{path.name} maps nobody")
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise MapError("\n".join([*problems[:_SHOWN], *more]))
    return UserMap(organizations, hashlib.sha256(content).hexdigest())


def _csv(text: str, name: str, problems: list[str]) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if tuple(cell.strip().lower() for cell in header) != _HEADER:
            problems.append(f"{name}:1: the header is not {','.join(_HEADER)}")
            return
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(_HEADER):
                problems.append(f"{name}:{reader.line_num}: {len(row)} cells, not two")
                continue
            yield reader.line_num, row[0], row[1]
    except csv.Error as error:
        problems.append(f"{name}:{reader.line_num}: is not CSV: {error}")


def _yaml(text: str, name: str, problems: list[str]) -> Iterator[tuple[int, str, str]]:
    # Nodes, not values: a value has no line, a repeated key would be gone, and an id of digits would be a number.
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(f"{name}:{mark.line + 1 if mark else 1}: is not YAML: {error.problem}")
        return
    except (yaml.YAMLError, RecursionError):
        problems.append(f"{name}: is not YAML")
        return
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        problems.append(f"{name}:1: is not a mapping from user to organisation")
        return
    for key, value in node.value:
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode):
            yield line, str(key.value), str(value.value)
        else:
            problems.append(f"{name}:{line}: is not `user: organisation`")
