"""A small data platform that is not ours: no tenants, no chat, one vault, one warehouse that nobody suspends."""

import pulumi
import pulumi_azure_native as azure
import pulumi_snowflake as snowflake

cloud = azure.Provider("azure", subscription_id="00000000-0000-0000-0000-00000000a2e0", location="westus2")
account = snowflake.Provider(
    "account",
    organization_name="VIDEXA",
    account_name="EMBEDDED",
    user="NEXUS_DEPLOY",
    authenticator="SNOWFLAKE_JWT",
    role="SYSADMIN",
    preview_features_enabled=["snowflake_table_resource"],
)
azure_options = pulumi.ResourceOptions(provider=cloud)
options = pulumi.ResourceOptions(provider=account)

group = azure.resources.ResourceGroup("data", resource_group_name="rg-data", location="westus2", opts=azure_options)
azure.keyvault.Vault(
    "keys",
    vault_name="kv-data-of-others",
    resource_group_name=group.name,
    location="westus2",
    properties=azure.keyvault.VaultPropertiesArgs(
        tenant_id="00000000-0000-0000-0000-0000000d14ec",
        sku=azure.keyvault.SkuArgs(family="A", name="standard"),
        enable_rbac_authorization=True,
    ),
    opts=azure_options,
)
lake = snowflake.Database("lake", name="LAKE", data_retention_time_in_days=7, opts=options)
raw = snowflake.Schema("raw", name="RAW", database=lake.name, with_managed_access="true", opts=options)
snowflake.Table(
    "orders",
    name="ORDERS",
    database=lake.name,
    schema=raw.name,
    columns=[snowflake.TableColumnArgs(name="ID", type="NUMBER(38,0)")],
    opts=options,
)
snowflake.Warehouse("load", name="LOAD_WH", warehouse_size="SMALL", opts=options)
