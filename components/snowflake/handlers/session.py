"""The part of Snowpark's session that the handlers use, and where they find the platform's schemas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

#: Where the shared tables, views and procedures are. `handler_source` writes a deployment's own names here.
TENANT_MANAGEMENT = "VIDEXA_SHARED.TENANT_MANAGEMENT"
CORTEX_FUNCTIONS = "VIDEXA_SHARED.CORTEX_FUNCTIONS"
MONITORING = "VIDEXA_SHARED.MONITORING"


class Row(Protocol):
    """A row of a result: by a column's name or its position."""

    def __getitem__(self, key: Any) -> Any: ...

    def as_dict(self) -> dict[str, Any]: ...


class Statement(Protocol):
    """A statement that has not run yet."""

    def collect(self) -> Sequence[Row]: ...


class Session(Protocol):
    """What a procedure's handler gets as its first argument."""

    def sql(self, query: str, params: Sequence[Any] | None = None) -> Statement: ...


def rows(session: Session, query: str, *values: Any) -> Sequence[Row]:
    """Run a statement with `values` for its question marks; its rows."""
    return session.sql(query, params=list(values)).collect()


def identifier(*parts: str) -> str:
    """A qualified name with each part quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def parsed(value: Any) -> Any:
    """A VARIANT as Python has it: some clients get it as JSON text."""
    return json.loads(value) if isinstance(value, str) else value
