"""Types that are known by their family alone: what Snowflake does not rename, the provider makes anew.

Their other properties speak through their descriptions.
"""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import exactly_one
from emulator.snowflake.rules.rule import NAME, REPLACES, Rule, TypeRules

_API_INTEGRATIONS = (
    "AmazonApiGateway",
    "AzureApiManagement",
    "GoogleCloudApiGateway",
    "GitRepositoryGithubApp",
    "GitRepositoryOauth2",
    "GitRepositoryToken",
    "GitRepositoryPrivateLink",
    "ExternalMcpOauth2",
    "ExternalMcpDynamicClient",
)
_API_AUTHENTICATION = ("AuthorizationCodeGrant", "ClientCredentials", "JwtBearer")
_STORAGE = Rule(unordered=True, minimum_items=1)

RULES = {
    **{f"ApiIntegration{kind}": TypeRules(fixed=("name",), customary=True) for kind in _API_INTEGRATIONS},
    **{
        f"ApiAuthenticationIntegrationWith{kind}": TypeRules(fixed=("name",), customary=True)
        for kind in _API_AUTHENTICATION
    },
    **{
        f"CatalogIntegration{kind}": TypeRules(fixed=("name",), customary=True)
        for kind in ("AwsGlue", "IcebergRest", "ObjectStorage", "OpenCatalog")
    },
    "OauthIntegrationForPartnerApplications": TypeRules(fixed=("name", "oauthClient"), customary=True),
    "SecondaryConnection": TypeRules({"asReplicaOf": NAME}, fixed=("name", "asReplicaOf"), customary=True),
    **{
        f"StorageIntegration{cloud}": TypeRules({"name": REPLACES, "storageAllowedLocations": _STORAGE}, customary=True)
        for cloud in ("Azure", "Gcs")
    },
    **{
        f"StageExternal{cloud}": TypeRules(
            {},
            (exactly_one("formatName", "csv", "json", "avro", "orc", "parquet", "xml", within="fileFormat"),),
            customary=True,
        )
        for cloud in ("S3", "Azure", "Gcs", "S3Compatible")
    },
}
