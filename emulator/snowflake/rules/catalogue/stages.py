"""Stages, file formats, pipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.snowflake.rules.catalogue.common import FIXED_AS_SPELLED, IN_SCHEMA, exactly_one
from emulator.snowflake.rules.rule import BOOLEAN_TEXT, REPLACES, SCHEMA_OBJECT, Rule, TypeRules, exactly


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


def _same_copy_statement(old: str, new: str) -> bool:
    return _bare(old) == _bare(new)


def _bare(statement: str) -> str:
    return statement.replace("\r\n", "\n").rstrip(";\r\n").strip()


_READ_BACK = Rule(computed=True)

RULES = {
    "Pipe": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "comment": Rule(),
            "copyStatement": Rule(same=_same_copy_statement, replaces=True),
            "autoIngest": Rule(default=False, replaces=True),
            "awsSnsTopicArn": REPLACES,
            "integration": Rule(),
            "errorIntegration": Rule(),
        }
    ),
    "FileFormat": TypeRules(
        {
            "name": Rule(),
            "database": REPLACES,
            "schema": REPLACES,
            "formatType": exactly("CSV", "JSON", "AVRO", "ORC", "PARQUET", "XML", replaces=True),
            **dict.fromkeys(
                (
                    "compression",
                    "recordDelimiter",
                    "fieldDelimiter",
                    "dateFormat",
                    "timeFormat",
                    "timestampFormat",
                    "binaryFormat",
                    "escape",
                    "escapeUnenclosedField",
                    "fieldOptionallyEnclosedBy",
                    "nullIfs",
                    "encoding",
                ),
                _READ_BACK,
            ),
        }
    ),
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
            "fileFormat.formatName": SCHEMA_OBJECT,
        },
        (
            exactly_one("snowflakeFull", "snowflakeSse", within="encryption"),
            exactly_one("formatName", "csv", "json", "avro", "orc", "parquet", "xml", within="fileFormat"),
        ),
        on_diff=_directory_replaces,
    ),
}
