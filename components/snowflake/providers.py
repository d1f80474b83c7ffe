"""One explicit Snowflake provider for each administrative role, and the preview features they need.

Who does what, and why it works on a real account:

- **ACCOUNTADMIN** does what Snowflake lets nobody else do: it creates resource monitors and the warehouses (only it may
  assign a monitor to one), sets account parameters, attaches policies to the account and to users, takes Cortex from
  PUBLIC, grants EXECUTE TASK, and gives the break-glass user its role. A warehouse is handed to SYSADMIN at once by an
  ownership grant; ACCOUNTADMIN inherits SYSADMIN and so can still alter and drop it.
- **SYSADMIN** creates and owns databases, schemas, tables, policies, tags, procedures, database roles (the owner of a
  database may create roles in it), marks columns, and writes declared rows.
- **USERADMIN** creates and owns account roles and users (CREATE ROLE and CREATE USER are its own).
- **SECURITYADMIN** makes every grant. It holds MANAGE GRANTS, so it grants on anything as its owner would,
  sees every object by that, and may grant inside a managed-access schema, which otherwise only its owner may.

- **The maintenance role** (see `platform_roles`) creates the tenants' tasks, so that no administrator owns one.

No role needs more than Snowflake gives it from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

#: The preview resources in use and the flag each needs. A missing flag passes a preview and fails in
#: `up`, so a unit test compares this table with what the program declares.
PREVIEW_FEATURES = {
    "snowflake:index/accountPasswordPolicyAttachment:AccountPasswordPolicyAttachment": (
        "snowflake_account_password_policy_attachment_resource"
    ),
    "snowflake:index/alert:Alert": "snowflake_alert_resource",
    "snowflake:index/emailNotificationIntegration:EmailNotificationIntegration": (
        "snowflake_email_notification_integration_resource"
    ),
    "snowflake:index/functionPython:FunctionPython": "snowflake_function_python_resource",
    "snowflake:index/networkPolicyAttachment:NetworkPolicyAttachment": "snowflake_network_policy_attachment_resource",
    "snowflake:index/procedurePython:ProcedurePython": "snowflake_procedure_python_resource",
    "snowflake:index/table:Table": "snowflake_table_resource",
    "snowflake:index/tableConstraint:TableConstraint": "snowflake_table_constraint_resource",
    "snowflake:index/userPublicKeys:UserPublicKeys": "snowflake_user_public_keys_resource",
}

#: Fewer SHOW statements and a smaller state; neither changes what is declared.
EXPERIMENTAL_FEATURES = ("GRANTS_SHOW_CACHING", "PARAMETERS_REDUCED_OUTPUT")


@dataclass(frozen=True)
class SnowflakeAccountArgs:
    """Where the providers log in, and as whom.

    The key pair of `user` is not here: the plugin reads the private key from the environment variable
    SNOWFLAKE_PRIVATE_KEY, so that it never stands in the state.
    """

    organization: str
    account: str
    user: str


@dataclass(frozen=True)
class AdministrativeProviders:
    """A provider for each of Snowflake's administrative roles."""

    account_administrator: snowflake.Provider
    security_administrator: snowflake.Provider
    user_administrator: snowflake.Provider
    system_administrator: snowflake.Provider


def snowflake_provider(
    name: str,
    args: SnowflakeAccountArgs,
    role: pulumi.Input[str],
    *,
    warehouse: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> snowflake.Provider:
    """A provider that works as `role`; `warehouse` where its statements read or write rows.

    A session takes its warehouse at log-in, and goes without one that its role may not use yet: `opts` must have such a
    provider wait until the role may.
    """
    return snowflake.Provider(
        name,
        organization_name=args.organization,
        account_name=args.account,
        user=args.user,
        authenticator="SNOWFLAKE_JWT",
        role=role,
        warehouse=warehouse,
        preview_features_enabled=sorted(PREVIEW_FEATURES.values()),
        experimental_features_enableds=list(EXPERIMENTAL_FEATURES),
        opts=opts,
    )


def administrative_providers(args: SnowflakeAccountArgs) -> AdministrativeProviders:
    """The four providers, named for their roles."""
    return AdministrativeProviders(
        account_administrator=snowflake_provider("snowflake-accountadmin", args, "ACCOUNTADMIN"),
        security_administrator=snowflake_provider("snowflake-securityadmin", args, "SECURITYADMIN"),
        user_administrator=snowflake_provider("snowflake-useradmin", args, "USERADMIN"),
        system_administrator=snowflake_provider("snowflake-sysadmin", args, "SYSADMIN"),
    )
