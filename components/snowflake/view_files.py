"""The queries of views, each in a file of its own under `views/`, with `$NAME` for a schema."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from components.snowflake import account_usage

DIRECTORY = Path(__file__).parent / "views"


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """A view's name, its query, and the comment that stands above the query in its file."""

    name: str
    query: str
    comment: str

    @property
    def statement(self) -> str:
        """The query with its own digest behind its first word.

        The provider compares queries without case and white space: an edit of a literal's case would never arrive.
        """
        first, rest = self.query.split(maxsplit=1)
        return f"{first} /* content: {hashlib.sha256(self.query.encode()).hexdigest()[:16]} */\n{rest}"


def view_queries(directory: str, schemas: Mapping[str, str]) -> dict[str, ViewQuery]:
    """The views of one directory by name, `$NAME` replaced by `schemas` and by Snowflake's own schema.

    Raises KeyError for a `$NAME` that is neither, ValueError for a file without a comment above its query.
    """
    known = {"ACCOUNT_USAGE": account_usage.SCHEMA, **schemas}
    found = {}
    for path in sorted((DIRECTORY / directory).glob("*.sql")):
        comment, query = _parts(path)
        name = path.stem.upper()
        found[name] = ViewQuery(name, Template(query).substitute(known), comment)
    return found


@cache
def _parts(path: Path) -> tuple[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = []
    while lines and lines[0].startswith("--"):
        comment.append(lines.pop(0).removeprefix("--").strip())
    if not comment:
        raise ValueError(f"{path.name} says nowhere what it shows: begin it with a comment")
    return " ".join(comment), "\n".join(lines).strip()
