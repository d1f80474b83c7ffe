"""Tables, constraints, views, dynamic tables, sequences."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import FIXED_AS_SPELLED, IN_SCHEMA, conflicting, requires
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    CREATION_ONLY,
    DATA_TYPE,
    IGNORING_CASE,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    SET,
    STATEMENT,
    Rule,
    TypeRules,
    between,
    exactly,
    one_of_numbers,
    words,
)
from emulator.snowflake.rules.vocabulary import SCHEDULE_STATUS

_FOREIGN_KEY_ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
_FOREIGN_KEY_ACTION = exactly(*_FOREIGN_KEY_ACTIONS, default="NO ACTION", same=IGNORING_CASE.same, replaces=True)

RULES = {
    "Table": TypeRules(
        {
            "name": NAME,
            "database": REPLACES,
            "schema": REPLACES,
            "clusterBies": Rule(),
            "comment": Rule(),
            "changeTracking": Rule(default=False),
            "dataRetentionTimeInDays": between(-1, 90, default=-1),
            "primaryKey": Rule(),
            "primaryKey.name": Rule(),
            "primaryKey.keys": Rule(),
            "tags": Rule(),
            "columns": Rule(minimum_items=1),
            "columns.name": Rule(),
            "columns.type": DATA_TYPE,
            "columns.nullable": Rule(default=True),
            "columns.comment": Rule(default=""),
            "columns.maskingPolicy": Rule(default=""),
            "columns.collate": Rule(default=""),
            "columns.schemaEvolutionRecord": Rule(computed=True),
            "columns.default.sequence": NAME,
            "columns.identity.startNum": Rule(default=1),
            "columns.identity.stepNum": Rule(default=1),
        }
    ),
    "TableConstraint": TypeRules(
        {
            "name": Rule(),
            "type": exactly(
                "UNIQUE", "PRIMARY KEY", "FOREIGN KEY", ignore_case=False, same=IGNORING_CASE.same, replaces=True
            ),
            "tableId": Rule(valid=SCHEMA_OBJECT.valid, replaces=True),
            "columns": Rule(replaces=True, minimum_items=1),
            "enforced": Rule(replaces=True, default=False),
            "deferrable": Rule(replaces=True, default=True),
            "initially": exactly("DEFERRED", "IMMEDIATE", replaces=True, default="DEFERRED"),
            "enable": Rule(replaces=True, default=True),
            "validate": Rule(replaces=True, default=False),
            "rely": Rule(replaces=True, default=True),
            "comment": Rule(),
            "foreignKeyProperties": REPLACES,
            "foreignKeyProperties.references": REPLACES,
            "foreignKeyProperties.references.tableId": Rule(),
            "foreignKeyProperties.references.columns": Rule(minimum_items=1),
            "foreignKeyProperties.match": exactly("FULL", "SIMPLE", "PARTIAL", default="FULL", replaces=True),
            "foreignKeyProperties.onUpdate": _FOREIGN_KEY_ACTION,
            "foreignKeyProperties.onDelete": _FOREIGN_KEY_ACTION,
        }
    ),
    "View": TypeRules(
        {
            **IN_SCHEMA,
            "copyGrants": CREATION_ONLY,
            "isSecure": BOOLEAN_TEXT,
            "isTemporary": BOOLEAN_TEXT,
            "isRecursive": BOOLEAN_TEXT,
            "changeTracking": BOOLEAN_TEXT,
            "statement": STATEMENT,
            "comment": Rule(),
            # Columns that are left out are those that Snowflake infers from the statement.
            "columns": Rule(computed=True),
            "columns.columnName": Rule(),
            "columns.comment": Rule(),
            "columns.maskingPolicy.policyName": SCHEMA_OBJECT,
            "columns.maskingPolicy.usings": Rule(),
            "columns.projectionPolicy.policyName": SCHEMA_OBJECT,
            "dataMetricFunctions": SET,
            "dataMetricFunctions.functionName": SCHEMA_OBJECT,
            "dataMetricFunctions.ons": SET,
            "dataMetricFunctions.scheduleStatus": words(SCHEDULE_STATUS),
            "dataMetricSchedule.minutes": one_of_numbers(5, 15, 30, 60, 720, 1440),
            "rowAccessPolicy.policyName": SCHEMA_OBJECT,
            "rowAccessPolicy.ons": SET,
            "aggregationPolicy.policyName": SCHEMA_OBJECT,
            "aggregationPolicy.entityKeys": SET,
        },
        (
            requires("dataMetricFunctions", "dataMetricSchedule"),
            requires("dataMetricSchedule", "dataMetricFunctions"),
            conflicting("minutes", "usingCron", within="dataMetricSchedule"),
        ),
    ),
    "Sequence": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "comment": Rule(default=""),
            "increment": Rule(default=1),
            "ordering": exactly("ORDER", "NOORDER", ignore_case=False, default="ORDER"),
        }
    ),
    "DynamicTable": TypeRules(
        {
            "name": REPLACES,
            # Upstream has no replacement and no move either: a change of place is an update that does nothing.
            "database": Rule(),
            "schema": Rule(),
            "targetLag": Rule(),
            "warehouse": NAME,
            "query": STATEMENT.replacing(),
            "comment": Rule(),
            "orReplace": Rule(default=False),
            "refreshMode": exactly("AUTO", "INCREMENTAL", "FULL", default="AUTO", replaces=True),
            "initialize": exactly("ON_CREATE", "ON_SCHEDULE", default="ON_CREATE", replaces=True),
        }
    ),
}
