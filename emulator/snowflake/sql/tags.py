"""SYSTEM$GET_TAG: the value of a tag on an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.snowflake.account import ObjectName, SnowflakeError
from emulator.snowflake.sql.connection import Connection
from emulator.snowflake.sql.system_functions import system_function
from emulator.snowflake.sql.table_functions import tags_of


@system_function("SYSTEM$GET_TAG", "VARCHAR")
def get_tag(connection: Connection, values: Sequence[Any]) -> str | None:
    """A tag's value on an object or column, from above where it has none of its own; NULL where it has none."""
    if len(values) != 3:
        raise SnowflakeError.syntax("SYSTEM$GET_TAG takes a tag, an object and the object's domain")
    tag, name, domain = map(str, values)
    parts = ObjectName.parse(tag).parts
    rows = tags_of(connection.session, {"OBJECT_NAME": name, "OBJECT_DOMAIN": domain})
    found = [
        row["TAG_VALUE"]
        for row in rows
        if (row["TAG_DATABASE"], row["TAG_SCHEMA"], row["TAG_NAME"])[-len(parts) :] == parts
    ]
    return found[0] if found else None
