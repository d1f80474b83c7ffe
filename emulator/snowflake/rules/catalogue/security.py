"""Security and API integrations: how users, applications and functions are let in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.snowflake.rules.catalogue.common import conflicting, conflicts
from emulator.snowflake.rules.normalise import same_identifier, same_ignoring_case
from emulator.snowflake.rules.rule import NAME, REPLACES, SET, Rule, TypeRules, emptied, exactly

_PROVISIONERS = ("OKTA_PROVISIONER", "AAD_PROVISIONER", "GENERIC_SCIM_PROVISIONER")


def _same_role(old: str, new: str) -> bool:
    """The provisioners' own roles in any letter case."""
    return same_identifier(old, new) or (old.upper() in _PROVISIONERS and same_ignoring_case(old, new))


def _same_but_for_outer_space(old: str, new: str) -> bool:
    return old.strip() == new.strip()


def _at_most_three_addresses(inputs: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    addresses = inputs.get("externalOauthJwsKeysUrls")
    if isinstance(addresses, list) and len(addresses) > 3:
        yield "externalOauthJwsKeysUrls", f"has {len(addresses)} members: at most 3"


_KEY = Rule(same=_same_but_for_outer_space)
_GOES_WITH_ITS_INTEGRATION = Rule(replaces_when=emptied)

RULES = {
    "ScimIntegration": TypeRules(
        {"runAsRole": Rule(same=_same_role), "networkPolicy": NAME},
        fixed=("name", "scimClient", "runAsRole"),
        customary=True,
    ),
    "Saml2Integration": TypeRules(
        {
            "saml2SnowflakeIssuerUrl": _GOES_WITH_ITS_INTEGRATION,
            "saml2SnowflakeAcsUrl": _GOES_WITH_ITS_INTEGRATION,
        },
        fixed=("name",),
        customary=True,
    ),
    "ExternalOauthIntegration": TypeRules(
        {
            "externalOauthRsaPublicKey": _KEY.but(replaces_when=emptied),
            "externalOauthRsaPublicKey2": _KEY.but(replaces_when=emptied),
        },
        (
            conflicts("externalOauthJwsKeysUrls", "externalOauthRsaPublicKey", "externalOauthRsaPublicKey2"),
            conflicts("externalOauthRsaPublicKey", "externalOauthJwsKeysUrls"),
            conflicts("externalOauthRsaPublicKey2", "externalOauthJwsKeysUrls"),
            conflicting("externalOauthBlockedRolesLists", "externalOauthAllowedRolesLists"),
        ),
        checks=(_at_most_three_addresses,),
        fixed=("name",),
        customary=True,
    ),
    "OauthIntegrationForCustomClients": TypeRules(
        {
            "networkPolicy": NAME,
            "oauthClientRsaPublicKey": _KEY,
            "oauthClientRsaPublicKey2": _KEY,
            # Roles are held against each other as they are spelled.
            **dict.fromkeys(("allowedRolesLists", "blockedRolesLists", "preAuthorizedRolesLists"), SET),
        },
        fixed=("name", "oauthClientType"),
        customary=True,
    ),
    "ApiIntegration": TypeRules(
        {
            "name": REPLACES,
            "apiProvider": exactly(
                "aws_api_gateway",
                "aws_private_api_gateway",
                "aws_gov_api_gateway",
                "aws_gov_private_api_gateway",
                "azure_api_management",
                "google_api_gateway",
                ignore_case=False,
                replaces=True,
            ),
            "apiAllowedPrefixes": Rule(minimum_items=1),
            "apiBlockedPrefixes": Rule(),
            "apiGcpServiceAccount": Rule(computed=True),
            "enabled": Rule(default=True),
        }
    ),
    "ExternalAccessIntegration": TypeRules(
        {"name": REPLACES, "allowedNetworkRules": Rule(unordered=True, minimum_items=1)}, customary=True
    ),
    "StorageIntegrationAws": TypeRules(
        {
            "name": REPLACES,
            "storageProvider": exactly("S3", "S3GOV", "S3CHINA").but(same=same_ignoring_case, replaces=True),
            "storageAllowedLocations": Rule(unordered=True, minimum_items=1),
            "storageAwsRoleArn": Rule(valid=lambda arn: None if arn else "must not be empty"),
            "storageAwsObjectAcl": exactly("bucket-owner-full-control", ignore_case=False),
        },
        customary=True,
    ),
}
