"""What runs next to the data: compute pools, services, notebooks, Streamlit, search, repositories."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import FIXED_AS_SPELLED, exactly_one, requires
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    STATEMENT,
    Rule,
    Together,
    TypeRules,
    at_least,
    set_of_identifiers,
)

_SERVICE: dict[str, Rule] = {
    "computePool": NAME,
    "queryWarehouse": NAME,
    "externalAccessIntegrations": set_of_identifiers(),
    "fromSpecification.stage": SCHEMA_OBJECT,
    "fromSpecificationTemplate.stage": SCHEMA_OBJECT,
}
_SPECIFICATION: tuple[Together, ...] = (
    exactly_one("fromSpecification", "fromSpecificationTemplate"),
    *(
        group
        for within in ("fromSpecification", "fromSpecificationTemplate")
        for group in (exactly_one("file", "text", within=within), requires("stage", "file", within=within))
    ),
)

RULES = {
    "ComputePool": TypeRules(
        {
            "forApplication": NAME,
            "minNodes": at_least(1),
            "maxNodes": at_least(1),
            "initiallySuspended": BOOLEAN_TEXT.but(creation_only=True),
        },
        fixed=("name", "forApplication", "instanceFamily"),
        customary=True,
    ),
    "Service": TypeRules(
        {**_SERVICE, **dict.fromkeys(("minInstances", "minReadyInstances", "maxInstances"), at_least(1))},
        _SPECIFICATION,
        fixed=("name", "computePool"),
        customary=True,
    ),
    "JobService": TypeRules(_SERVICE, _SPECIFICATION, replaces_on_any_change=True, customary=True),
    "ImageRepository": TypeRules(fixed=("name", "encryption"), customary=True),
    "GitRepository": TypeRules(
        {"origin": REPLACES, "apiIntegration": NAME, "gitCredentials": SCHEMA_OBJECT}, fixed=("name",), customary=True
    ),
    "Streamlit": TypeRules(
        {"stage": SCHEMA_OBJECT, "queryWarehouse": NAME, "externalAccessIntegrations": set_of_identifiers()},
        customary=True,
    ),
    "Notebook": TypeRules(
        {
            "froms": REPLACES,
            "froms.stage": SCHEMA_OBJECT.replacing(),
            "froms.path": REPLACES,
            "mainFile": REPLACES,
            "queryWarehouse": NAME,
            "warehouse": NAME,
            "idleAutoShutdownTimeSeconds": at_least(1),
        },
        (requires("froms", "mainFile"),),
        customary=True,
    ),
    "CortexSearchService": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "on": REPLACES,
            "attributes": Rule(unordered=True, replaces=True),
            "embeddingModel": REPLACES,
            "query": STATEMENT.replacing(),
            "warehouse": NAME,
        },
        customary=True,
    ),
}
