"""Deletes what has expired from a schema's tables. Mongo did it by TTL indexes; Snowflake has none."""

from __future__ import annotations

import re
from typing import Any

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")


def main(session: Any, DATABASE_NAME: str, SCHEMA_NAME: str, TABLE_NAMES: str) -> str:
    """Delete the rows whose EXPIRES_AT has passed, and say how many went from each table.

    `TABLE_NAMES` are separated by commas. Raises ValueError for what is no plain name, before anything is deleted.
    """
    tables = [name.strip() for name in (TABLE_NAMES or "").split(",") if name.strip()]
    if not tables:
        raise ValueError("TABLE_NAMES is empty: name at least one table.")
    for name in (DATABASE_NAME, SCHEMA_NAME, *tables):
        if _NAME.fullmatch(name or "") is None:
            raise ValueError(f"{name!r} is no plain name: upper-case letters, digits and _, a letter first.")
    counts = []
    for name in tables:
        table = f'"{DATABASE_NAME}"."{SCHEMA_NAME}"."{name}"'
        rows = session.sql(f"DELETE FROM {table} WHERE EXPIRES_AT < SYSDATE()").collect()
        counts.append(f"{name}: {rows[0][0]}")
    return ", ".join(counts)
