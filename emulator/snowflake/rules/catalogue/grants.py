"""Grants of roles, privileges and ownership: each a resource without a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.snowflake.rules.catalogue.common import conflicts, exactly_one, requires
from emulator.snowflake.rules.rule import (
    DATABASE_OBJECT,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    Rule,
    Together,
    TypeRules,
    exactly,
)
from emulator.snowflake.rules.vocabulary import ACCOUNT_OBJECTS, OWNED_OBJECTS, SCHEMA_OBJECTS, plurals


def _not_ownership(value: Any) -> str | None:
    if isinstance(value, str) and value.upper() == "OWNERSHIP":
        return "OWNERSHIP is no privilege to grant: use GrantOwnership"
    return None


def _imported_privileges_alone(inputs: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    privileges = inputs.get("privileges")
    if isinstance(privileges, list) and len(privileges) > 1 and "IMPORTED PRIVILEGES" in privileges:
        yield "privileges", "IMPORTED PRIVILEGES cannot be granted together with others"


def _bulk(path: str, kinds: tuple[str, ...]) -> dict[str, Rule]:
    return {
        path: REPLACES,
        f"{path}.objectTypePlural": exactly(*plurals(kinds), replaces=True),
        f"{path}.inDatabase": NAME.replacing(),
        f"{path}.inSchema": DATABASE_OBJECT.replacing(),
    }


_PRIVILEGES: dict[str, Rule] = {
    "privileges": Rule(unordered=True, minimum_items=1, members=Rule(valid=_not_ownership)),
    "allPrivileges": Rule(default=False),
    "withGrantOption": Rule(default=False, replaces=True),
    "alwaysApply": Rule(default=False),
    "alwaysApplyTrigger": Rule(default=""),
    "strictPrivilegeManagement": Rule(default=False),
}
_ON_SCHEMA: dict[str, Rule] = {
    "onSchema": REPLACES,
    "onSchema.schemaName": DATABASE_OBJECT.replacing(),
    "onSchema.allSchemasInDatabase": NAME.replacing(),
    "onSchema.futureSchemasInDatabase": NAME.replacing(),
}
_ON_SCHEMA_OBJECT: dict[str, Rule] = {
    "onSchemaObject": REPLACES,
    "onSchemaObject.objectType": exactly(*SCHEMA_OBJECTS, replaces=True),
    "onSchemaObject.objectName": NAME.replacing(),
    **_bulk("onSchemaObject.all", SCHEMA_OBJECTS),
    **_bulk("onSchemaObject.future", SCHEMA_OBJECTS),
    **_bulk("onSchemaObject.inherited", SCHEMA_OBJECTS),
    "onSchemaObject.inherited.inAccount": REPLACES,
}
_ONE_SCHEMA = exactly_one(
    "schemaName", "allSchemasInDatabase", "futureSchemasInDatabase", "inherited", within="onSchema"
)


def _one_object(path: str, *bulk: str) -> tuple[Together, ...]:
    return (
        exactly_one("objectName", *bulk, within=path),
        requires("objectType", "objectName", within=path),
        requires("objectName", "objectType", within=path),
        conflicts("objectType", *bulk, within=path),
        *(conflicts(name, "objectType", within=path) for name in bulk),
    )


RULES = {
    "GrantAccountRole": TypeRules(
        {"roleName": NAME, "parentRoleName": NAME, "userName": NAME},
        (exactly_one("userName", "parentRoleName"),),
        replaces_on_any_change=True,
    ),
    "GrantDatabaseRole": TypeRules(
        {
            "databaseRoleName": DATABASE_OBJECT,
            "parentRoleName": NAME,
            "parentDatabaseRoleName": DATABASE_OBJECT,
            "shareName": NAME,
        },
        (exactly_one("parentRoleName", "parentDatabaseRoleName", "shareName"),),
        replaces_on_any_change=True,
    ),
    "GrantApplicationRole": TypeRules(
        {"applicationRoleName": DATABASE_OBJECT, "parentAccountRoleName": NAME, "applicationName": NAME},
        (exactly_one("parentAccountRoleName", "applicationName"),),
        replaces_on_any_change=True,
    ),
    "GrantPrivilegesToAccountRole": TypeRules(
        {
            **_PRIVILEGES,
            "accountRoleName": NAME.replacing(),
            "onAccount": Rule(default=False, replaces=True),
            "onAccountObject": REPLACES,
            "onAccountObject.objectType": exactly(*ACCOUNT_OBJECTS, replaces=True),
            "onAccountObject.objectName": NAME.replacing(),
            "onAccountObject.inherited": REPLACES,
            "onAccountObject.inherited.objectTypePlural": exactly(*plurals(ACCOUNT_OBJECTS), replaces=True),
            **_ON_SCHEMA,
            "onSchema.inherited": REPLACES,
            "onSchema.inherited.inAccount": REPLACES,
            "onSchema.inherited.inDatabase": NAME.replacing(),
            **_ON_SCHEMA_OBJECT,
        },
        (
            exactly_one("privileges", "allPrivileges"),
            exactly_one("onAccount", "onAccountObject", "onSchema", "onSchemaObject"),
            conflicts("strictPrivilegeManagement", "allPrivileges"),
            exactly_one("objectName", "inherited", within="onAccountObject"),
            requires("objectType", "objectName", within="onAccountObject"),
            requires("objectName", "objectType", within="onAccountObject"),
            _ONE_SCHEMA,
            *_one_object("onSchemaObject", "all", "future", "inherited"),
        ),
        checks=(_imported_privileges_alone,),
    ),
    "GrantPrivilegesToDatabaseRole": TypeRules(
        {
            **_PRIVILEGES,
            "databaseRoleName": DATABASE_OBJECT.replacing(),
            "onDatabase": NAME.replacing(),
            **_ON_SCHEMA,
            "onSchema.inherited": NAME.replacing(),
            **_ON_SCHEMA_OBJECT,
        },
        (
            exactly_one("privileges", "allPrivileges"),
            exactly_one("onDatabase", "onSchema", "onSchemaObject"),
            _ONE_SCHEMA,
            *_one_object("onSchemaObject", "all", "future", "inherited"),
            *(
                exactly_one("inDatabase", "inSchema", within=f"onSchemaObject.{bulk}")
                for bulk in ("all", "future", "inherited")
            ),
        ),
    ),
    "GrantPrivilegesToShare": TypeRules(
        {
            "toShare": NAME.replacing(),
            "privileges": Rule(unordered=True, minimum_items=1),
            "onDatabase": NAME.replacing(),
            "onSchema": DATABASE_OBJECT.replacing(),
            "onTable": SCHEMA_OBJECT.replacing(),
            "onAllTablesInSchema": DATABASE_OBJECT.replacing(),
            "onTag": SCHEMA_OBJECT.replacing(),
            "onView": SCHEMA_OBJECT.replacing(),
            "onFunction": NAME.replacing(),
        },
        (exactly_one("onDatabase", "onSchema", "onTable", "onAllTablesInSchema", "onTag", "onView", "onFunction"),),
    ),
    "GrantOwnership": TypeRules(
        {
            "accountRoleName": NAME,
            "databaseRoleName": DATABASE_OBJECT,
            "outboundPrivileges": exactly("COPY", "REVOKE"),
            "on.objectType": exactly(*OWNED_OBJECTS),
            "on.objectName": NAME,
            **_bulk("on.all", OWNED_OBJECTS),
            **_bulk("on.future", OWNED_OBJECTS),
        },
        (
            exactly_one("accountRoleName", "databaseRoleName"),
            exactly_one("objectName", "all", "future", within="on"),
            requires("objectType", "objectName", within="on"),
            requires("objectName", "objectType", within="on"),
            exactly_one("inDatabase", "inSchema", within="on.all"),
            exactly_one("inDatabase", "inSchema", within="on.future"),
        ),
        replaces_on_any_change=True,
    ),
}
