"""Integrations and shares."""

from __future__ import annotations

from typing import Any

from emulator.snowflake.rules.catalogue.common import FIXED_IN_SCHEMA, conflicting
from emulator.snowflake.rules.normalise import identifier_parts
from emulator.snowflake.rules.rule import NAME, REPLACES, SET, Rule, TypeRules, exactly


def _account(value: Any) -> str | None:
    parts = identifier_parts(value)
    if parts is not None and len(parts) == 2 and all(parts):
        return None
    return "must be an account of the form <organization_name>.<account_name>"


_SECRET: dict[str, Rule] = {**FIXED_IN_SCHEMA, "comment": Rule()}

RULES = {
    "NotificationIntegration": TypeRules(
        {
            "name": REPLACES,
            "enabled": Rule(default=True),
            "type": exactly("QUEUE", default="QUEUE"),
            # Upstream checks the direction and then takes no notice of it.
            "direction": exactly("INBOUND", "OUTBOUND", creation_only=True),
            "notificationProvider": exactly("AZURE_STORAGE_QUEUE", "AWS_SQS", "AWS_SNS", "GCP_PUBSUB", replaces=True),
            "azureStorageQueuePrimaryUri": REPLACES,
            "azureTenantId": REPLACES,
            "awsSnsTopicArn": Rule(),
            "awsSnsRoleArn": Rule(),
            "awsSqsArn": Rule(),
            "awsSqsRoleArn": Rule(),
            "gcpPubsubSubscriptionName": REPLACES,
            "gcpPubsubTopicName": REPLACES,
            "comment": Rule(),
        },
        (conflicting("gcpPubsubSubscriptionName", "gcpPubsubTopicName"),),
    ),
    "StorageIntegration": TypeRules(
        {
            "name": REPLACES,
            "comment": Rule(default=""),
            "type": exactly("EXTERNAL_STAGE", default="EXTERNAL_STAGE", replaces=True),
            "enabled": Rule(default=True),
            "storageAllowedLocations": Rule(minimum_items=1),
            "storageBlockedLocations": Rule(),
            "storageProvider": exactly("S3", "S3GOV", "S3CHINA", "GCS", "AZURE", replaces=True),
            "storageAwsExternalId": Rule(),
            "storageAwsObjectAcl": exactly("bucket-owner-full-control", ignore_case=False),
            "storageAwsRoleArn": Rule(default=""),
            "azureTenantId": Rule(default=""),
        }
    ),
    "SecretWithBasicAuthentication": TypeRules({**_SECRET, "username": Rule(), "password": Rule()}),
    "SecretWithGenericString": TypeRules({**_SECRET, "secretString": Rule()}),
    "SecretWithClientCredentials": TypeRules({**_SECRET, "apiAuthentication": NAME, "oauthScopes": SET}),
    "SecretWithAuthorizationCodeGrant": TypeRules(
        {
            **_SECRET,
            "apiAuthentication": NAME,
            "oauthRefreshToken": Rule(),
            "oauthRefreshTokenExpiryTime": Rule(),
        }
    ),
    "EmailNotificationIntegration": TypeRules(
        {"name": REPLACES, "enabled": Rule(), "allowedRecipients": SET, "comment": Rule()}
    ),
    "Share": TypeRules(
        {
            "name": NAME.replacing(),
            "comment": Rule(),
            "accounts": Rule(members=Rule(valid=_account, same=lambda old, new: old.lower() == new.lower())),
        }
    ),
}
