"""Databases, schemas, roles, tags."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import (
    IN_SCHEMA,
    OBJECT_PARAMETERS,
    conflicting,
    exactly_one,
    parameter,
    requires,
)
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    CREATION_ONLY,
    IGNORING_CASE,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    SET,
    Rule,
    TypeRules,
    set_of_identifiers,
    words,
)
from emulator.snowflake.rules.vocabulary import TAG_PROPAGATION, TAGGED_OBJECTS


def _same_propagation(old: str, new: str) -> bool:
    # Left out is the same as NONE.
    return TAG_PROPAGATION.same(old or "NONE", new or "NONE")


def _tagged(value: object) -> str | None:
    if isinstance(value, str) and value.upper() in TAGGED_OBJECTS:
        return None
    return f"must be a kind of object that takes tags ({', '.join(TAGGED_OBJECTS)}), not {value!r}"


RULES = {
    "Database": TypeRules(
        {
            **OBJECT_PARAMETERS,
            "name": NAME,
            "isTransient": REPLACES,
            "dropPublicSchemaOnCreation": CREATION_ONLY,
            "replication.enableToAccounts": Rule(minimum_items=1),
            "comment": Rule(),
        }
    ),
    "Schema": TypeRules(
        {
            **OBJECT_PARAMETERS,
            "pipeExecutionPaused": parameter(),
            "name": NAME,
            "database": NAME.replacing(),
            "withManagedAccess": BOOLEAN_TEXT,
            "isTransient": BOOLEAN_TEXT.replacing(),
            "comment": Rule(),
        }
    ),
    "SecondaryDatabase": TypeRules(
        {
            **OBJECT_PARAMETERS,
            "name": NAME,
            "asReplicaOf": NAME.replacing(),
            "isTransient": REPLACES,
            "comment": Rule(),
        }
    ),
    "SharedDatabase": TypeRules(
        {
            **{name: rule.replacing() for name, rule in OBJECT_PARAMETERS.items()},
            "name": NAME,
            "fromShare": NAME.replacing(),
            "comment": Rule(),
        }
    ),
    "AccountRole": TypeRules({"name": NAME, "comment": Rule()}),
    "DatabaseRole": TypeRules({"name": NAME, "database": NAME.replacing(), "comment": Rule()}),
    "Tag": TypeRules(
        {
            **IN_SCHEMA,
            "comment": Rule(),
            "allowedValues": SET,
            "orderedAllowedValues": Rule(),
            "noAllowedValues": Rule(),
            "propagate": words(TAG_PROPAGATION).but(same=_same_propagation),
            "maskingPolicies": set_of_identifiers(SCHEMA_OBJECT),
        },
        (
            conflicting("allowedValues", "orderedAllowedValues", "noAllowedValues"),
            requires("onConflict", "propagate"),
            exactly_one("allowedValuesSequence", "customValue", within="onConflict"),
        ),
    ),
    "TagAssociation": TypeRules(
        {
            "objectIdentifiers": set_of_identifiers(Rule(), minimum_items=1),
            "objectType": Rule(valid=_tagged, same=IGNORING_CASE.same, replaces=True),
            "tagId": NAME.replacing(),
            "tagValue": Rule(),
            "skipValidation": Rule(default=True),
        }
    ),
}
