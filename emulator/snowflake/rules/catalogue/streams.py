"""Streams."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import FIXED_IN_SCHEMA, conflicting, exactly_one
from emulator.snowflake.rules.rule import BOOLEAN_TEXT, CREATION_ONLY, SCHEMA_OBJECT, Rule, Together, TypeRules

_COMMON: dict[str, Rule] = {
    **FIXED_IN_SCHEMA,
    "copyGrants": CREATION_ONLY,
    "comment": Rule(),
    "appendOnly": BOOLEAN_TEXT,
    "insertOnly": BOOLEAN_TEXT,
    "showInitialRows": BOOLEAN_TEXT,
    "at.stream": SCHEMA_OBJECT,
    "before.stream": SCHEMA_OBJECT,
}
_MOMENT = ("timestamp", "offset", "statement", "stream")
_TIME_TRAVEL: tuple[Together, ...] = (
    conflicting("at", "before"),
    exactly_one(*_MOMENT, within="at"),
    exactly_one(*_MOMENT, within="before"),
)

RULES = {
    "StreamOnTable": TypeRules({**_COMMON, "table": SCHEMA_OBJECT}, _TIME_TRAVEL),
    "StreamOnView": TypeRules({**_COMMON, "view": SCHEMA_OBJECT}, _TIME_TRAVEL),
    "StreamOnExternalTable": TypeRules({**_COMMON, "externalTable": SCHEMA_OBJECT}, _TIME_TRAVEL),
    "StreamOnDirectoryTable": TypeRules({**_COMMON, "stage": SCHEMA_OBJECT}),
}
