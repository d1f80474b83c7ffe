"""Stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.snowflake.rules.catalogue.common import IN_SCHEMA, exactly_one
from emulator.snowflake.rules.rule import BOOLEAN_TEXT, NAME, REPLACES, Rule, TypeRules


def _directory_replaces(old: Mapping[str, Any], new: Mapping[str, Any], changed: set[str]) -> set[str]:
    """A directory table does not go again, and its refreshing is not switched, without making the stage anew."""
    if "directory" not in changed:
        return set()
    before, after = old.get("directory") or {}, new.get("directory") or {}
    if before and not after:
        return {"directory"}
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return set()
    refresh = after.get("autoRefresh") or "default"
    return {"directory"} if refresh != "default" and refresh != (before.get("autoRefresh") or "default") else set()


RULES = {
    "StageInternal": TypeRules(
        {
            **IN_SCHEMA,
            "comment": Rule(),
            "encryption": REPLACES,
            "encryption.snowflakeFull": REPLACES,
            "encryption.snowflakeSse": REPLACES,
            "directory": Rule(),
            "directory.enable": Rule(),
            "directory.autoRefresh": BOOLEAN_TEXT,
            "fileFormat.formatName": NAME,
        },
        (
            exactly_one("snowflakeFull", "snowflakeSse", within="encryption"),
            exactly_one("formatName", "csv", "json", "avro", "orc", "parquet", "xml", within="fileFormat"),
        ),
        on_diff=_directory_replaces,
    ),
}
