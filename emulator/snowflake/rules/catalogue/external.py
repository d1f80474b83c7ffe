"""What reaches outside the account: other accounts, stages and tables over storage, remote functions."""

from __future__ import annotations

import re
from typing import Any

from emulator.snowflake.rules.catalogue.common import (
    FIXED_AS_SPELLED,
    at_least_one,
    conflicting,
    conflicts,
    exactly_one,
)
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    CREATION_ONLY,
    DATA_TYPE,
    IGNORING_CASE,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    STATEMENT,
    Rule,
    TypeRules,
    Words,
    at_least,
    exactly,
)
from emulator.snowflake.rules.vocabulary import ACCOUNT_OBJECTS, SCHEMA_OBJECTS, plurals

_REPLICATED = Words(
    "ACCOUNT PARAMETERS", "NETWORK POLICIES", "ROLES", "SHARES", *plurals(ACCOUNT_OBJECTS), *plurals(SCHEMA_OBJECTS)
)
_OF_THE_PRIMARY = (
    "objectTypes",
    "allowedAccounts",
    "allowedDatabases",
    "allowedShares",
    "allowedIntegrationTypes",
    "ignoreEditionCheck",
    "replicationSchedule",
)
_LISTING_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def _listing_name(value: Any) -> str | None:
    if isinstance(value, str) and _LISTING_NAME.fullmatch(value):
        return None
    return f"must start with a letter and hold only letters, digits and underscores, not {value!r}"


def _same_but_for_quotes(old: str, new: str) -> bool:
    return old.replace('"', "") == new.replace('"', "")


RULES = {
    "FailoverGroup": TypeRules(
        {
            "name": IGNORING_CASE.replacing(),
            "objectTypes": Rule(unordered=True, members=Rule(valid=_REPLICATED.valid)),
            "ignoreEditionCheck": Rule(default=False),
            "fromReplica": REPLACES,
        },
        (
            conflicts("fromReplica", *_OF_THE_PRIMARY),
            *(conflicts(name, "fromReplica") for name in _OF_THE_PRIMARY),
            conflicting("cron", "interval", within="replicationSchedule"),
        ),
        customary=True,
    ),
    "PrimaryConnection": TypeRules({"enableFailoverToAccounts": Rule(members=NAME)}, fixed=("name",), customary=True),
    "ManagedAccount": TypeRules({"type": exactly("READER", default="READER")}, replaces_on_any_change=True),
    "Account": TypeRules(
        {
            "name": Rule(),
            **dict.fromkeys(
                ("adminName", "adminPassword", "adminRsaPublicKey", "firstName", "lastName", "email"), CREATION_ONLY
            ),
            "mustChangePassword": BOOLEAN_TEXT.but(creation_only=True),
            "isOrgAdmin": BOOLEAN_TEXT,
            "gracePeriodInDays": at_least(3),
        },
        (at_least_one("adminPassword", "adminRsaPublicKey"),),
        fixed=("edition", "regionGroup", "region", "comment"),
        customary=True,
    ),
    "Listing": TypeRules(
        {
            "name": Rule(valid=_listing_name, same=NAME.same),
            "manifest.fromStage.stage": SCHEMA_OBJECT,
            "share": NAME.replacing(),
            "applicationPackage": NAME.replacing(),
            "publish": Rule(default="default"),
        },
        (conflicting("share", "applicationPackage"), exactly_one("fromString", "fromStage", within="manifest")),
        customary=True,
    ),
    "ExternalVolume": TypeRules(
        {
            "storageLocations": Rule(minimum_items=1),
            "storageLocations.storageLocationName": NAME,
            "allowWrites": Rule(default="default"),
        },
        fixed=("name",),
        customary=True,
    ),
    "Stage": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "fileFormat": Rule(same=_same_but_for_quotes),
            "copyOptions": Rule(same=_same_but_for_quotes),
            "directory": REPLACES,
            "awsExternalId": Rule(computed=True),
            "snowflakeIamUser": Rule(computed=True),
        }
    ),
    "ExternalTable": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "tableFormat": exactly("delta", replaces=True),
            "columns": Rule(replaces=True, minimum_items=1),
            "columns.name": REPLACES,
            "columns.type": Rule(valid=DATA_TYPE.valid, replaces=True),
            "columns.as": REPLACES,
            "location": REPLACES,
            "fileFormat": REPLACES,
            "pattern": REPLACES,
            "awsSnsTopic": REPLACES,
            "partitionBies": REPLACES,
            "refreshOnCreate": Rule(default=True, replaces=True),
            "autoRefresh": Rule(default=True, replaces=True),
            "copyGrants": Rule(default=False, replaces=True),
            "comment": REPLACES,
        }
    ),
    "ExternalFunction": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "args": REPLACES,
            "args.name": IGNORING_CASE,
            "args.type": IGNORING_CASE,
            "nullInputBehavior": exactly(
                "CALLED ON NULL INPUT",
                "RETURNS NULL ON NULL INPUT",
                "STRICT",
                ignore_case=False,
                default="CALLED ON NULL INPUT",
                replaces=True,
            ),
            "returnType": IGNORING_CASE.replacing(),
            "returnNullAllowed": Rule(default=True, replaces=True),
            "returnBehavior": exactly("VOLATILE", "IMMUTABLE", ignore_case=False, replaces=True),
            "apiIntegration": REPLACES,
            "headers": Rule(unordered=True, replaces=True),
            "headers.name": REPLACES,
            "headers.value": REPLACES,
            "contextHeaders": Rule(replaces=True, members=IGNORING_CASE),
            "maxBatchRows": REPLACES,
            "compression": exactly("NONE", "AUTO", "GZIP", "DEFLATE", ignore_case=False, default="AUTO", replaces=True),
            "requestTranslator": REPLACES,
            "responseTranslator": REPLACES,
            "urlOfProxyAndResource": REPLACES,
            "comment": Rule(default="user-defined function"),
        }
    ),
    "MaterializedView": TypeRules(
        {
            "name": Rule(),
            "database": REPLACES,
            "schema": REPLACES,
            "warehouse": REPLACES,
            "orReplace": Rule(default=False),
            "isSecure": Rule(default=False),
            "statement": STATEMENT.replacing(),
        }
    ),
}
