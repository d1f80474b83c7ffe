"""Policies of each kind and where they are attached."""

from __future__ import annotations

from typing import Any

from emulator.snowflake.rules.catalogue.common import (
    FIXED_AS_SPELLED,
    IN_SCHEMA,
    at_least_one,
    conflicting,
    exactly_one,
)
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    CREATION_ONLY,
    DATA_TYPE,
    NAME,
    REPLACES,
    SCHEMA_OBJECT,
    SET,
    STATEMENT,
    Rule,
    TypeRules,
    at_least,
    set_of_identifiers,
    set_of_words,
    words,
)
from emulator.snowflake.rules.vocabulary import (
    AUTHENTICATION_METHOD,
    CLIENT_TYPE,
    ENFORCE_MFA,
    MFA_AUTHENTICATION_METHOD,
    MFA_ENROLLMENT,
    MFA_POLICY_METHOD,
    NETWORK_POLICY_EVALUATION,
    NETWORK_RULE_MODE,
    NETWORK_RULE_TYPE,
    WORKLOAD_IDENTITY_PROVIDER,
)


def _not_every_address(value: Any) -> str | None:
    if value == "0.0.0.0/0":
        return "0.0.0.0/0 is not to be blocked: what is not in allowedIpLists is blocked anyway"
    return None


_ATTACHED = Rule(valid=SCHEMA_OBJECT.valid)
_SIGNATURE: dict[str, Rule] = {
    "arguments": Rule(replaces=True, minimum_items=1),
    "arguments.name": REPLACES,
    "arguments.type": DATA_TYPE.replacing(),
}

RULES = {
    "NetworkPolicy": TypeRules(
        {
            "name": NAME,
            "allowedNetworkRuleLists": set_of_identifiers(SCHEMA_OBJECT),
            "blockedNetworkRuleLists": set_of_identifiers(SCHEMA_OBJECT),
            "allowedIpLists": SET,
            "blockedIpLists": Rule(unordered=True, members=Rule(valid=_not_every_address)),
            "comment": Rule(),
        }
    ),
    "NetworkRule": TypeRules(
        {
            **FIXED_AS_SPELLED,
            "type": words(NETWORK_RULE_TYPE, replaces=True),
            "mode": words(NETWORK_RULE_MODE, replaces=True),
            "valueLists": SET,
            "comment": Rule(),
        }
    ),
    "NetworkPolicyAttachment": TypeRules(
        {"networkPolicyName": REPLACES, "setForAccount": Rule(default=False), "users": SET}
    ),
    "AuthenticationPolicy": TypeRules(
        {
            **IN_SCHEMA,
            "authenticationMethods": set_of_words(AUTHENTICATION_METHOD),
            "mfaAuthenticationMethods": set_of_words(MFA_AUTHENTICATION_METHOD),
            "mfaEnrollment": words(MFA_ENROLLMENT),
            "clientTypes": set_of_words(CLIENT_TYPE),
            "clientPolicies": SET,
            "securityIntegrations": set_of_identifiers(),
            "comment": Rule(),
            "mfaPolicy.enforceMfaOnExternalAuthentication": words(ENFORCE_MFA),
            "mfaPolicy.allowedMethods": Rule(unordered=True, members=Rule(valid=MFA_POLICY_METHOD.valid)),
            "patPolicy.defaultExpiryInDays": at_least(1),
            "patPolicy.maxExpiryInDays": at_least(1),
            "patPolicy.networkPolicyEvaluation": words(NETWORK_POLICY_EVALUATION),
            "patPolicy.requireRoleRestrictionForServiceUsers": BOOLEAN_TEXT,
            "workloadIdentityPolicy.allowedProviders": Rule(
                unordered=True, members=Rule(valid=WORKLOAD_IDENTITY_PROVIDER.valid)
            ),
            "workloadIdentityPolicy.allowedAwsAccounts": SET,
            "workloadIdentityPolicy.allowedAzureIssuers": SET,
            "workloadIdentityPolicy.allowedOidcIssuers": SET,
        },
        (
            at_least_one("enforceMfaOnExternalAuthentication", "allowedMethods", within="mfaPolicy"),
            at_least_one(
                "defaultExpiryInDays",
                "maxExpiryInDays",
                "networkPolicyEvaluation",
                "requireRoleRestrictionForServiceUsers",
                within="patPolicy",
            ),
        ),
    ),
    "PasswordPolicy": TypeRules(
        {
            # A move is a rename here. Snowflake itself holds the numbers against its ranges.
            "database": NAME,
            "schema": NAME,
            "name": NAME,
            "orReplace": CREATION_ONLY,
            "ifNotExists": CREATION_ONLY,
            "comment": Rule(),
            **dict.fromkeys(("minLength", "maxLength", "maxRetries", "lockoutTimeMins"), at_least(1)),
            **dict.fromkeys(
                (
                    "minUpperCaseChars",
                    "minLowerCaseChars",
                    "minNumericChars",
                    "minSpecialChars",
                    "minAgeDays",
                    "maxAgeDays",
                    "history",
                ),
                at_least(0, default=-1),
            ),
        }
    ),
    "SessionPolicy": TypeRules(
        {
            # A move is a rename here.
            "database": NAME,
            "schema": NAME,
            "name": NAME,
            "sessionIdleTimeoutMins": at_least(1),
            "sessionUiIdleTimeoutMins": at_least(1),
            "allowedSecondaryRoles.roles": set_of_identifiers(),
            "blockedSecondaryRoles.roles": set_of_identifiers(),
            "comment": Rule(),
        },
        (
            exactly_one("all", "none", "roles", within="allowedSecondaryRoles"),
            exactly_one("all", "none", "roles", within="blockedSecondaryRoles"),
        ),
    ),
    "RowAccessPolicy": TypeRules({**IN_SCHEMA, **_SIGNATURE, "body": STATEMENT, "comment": Rule()}),
    "MaskingPolicy": TypeRules(
        {
            **IN_SCHEMA,
            **_SIGNATURE,
            "body": STATEMENT,
            "returnDataType": DATA_TYPE.replacing(),
            "exemptOtherPolicies": BOOLEAN_TEXT.replacing(),
            "comment": Rule(),
        }
    ),
    "TableColumnMaskingPolicyApplication": TypeRules(
        {"table": NAME, "column": Rule(), "maskingPolicy": NAME}, replaces_on_any_change=True
    ),
    "AccountAuthenticationPolicyAttachment": TypeRules(
        {"authenticationPolicy": _ATTACHED},
        (conflicting("forAllPersonUsers", "forAllServiceUsers"),),
        replaces_on_any_change=True,
    ),
    # These look at the spelling of their identifiers.
    "UserAuthenticationPolicyAttachment": TypeRules(
        {"userName": Rule(), "authenticationPolicyName": _ATTACHED}, replaces_on_any_change=True
    ),
    "AccountPasswordPolicyAttachment": TypeRules({"passwordPolicy": _ATTACHED}, replaces_on_any_change=True),
    "UserPasswordPolicyAttachment": TypeRules(
        {"userName": Rule(), "passwordPolicyName": _ATTACHED}, replaces_on_any_change=True
    ),
    # A session policy is exchanged for another in place.
    "AccountSessionPolicyAttachment": TypeRules(
        {"sessionPolicyName": _ATTACHED},
        (conflicting("forAllPersonUsers", "forAllServiceUsers"),),
        fixed=("forAllPersonUsers", "forAllServiceUsers"),
    ),
    "UserSessionPolicyAttachment": TypeRules({"userName": REPLACES, "sessionPolicyName": _ATTACHED}),
}
