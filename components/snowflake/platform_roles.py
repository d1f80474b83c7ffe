"""Business roles, each for one task on the platform as a whole, and the break-glass user that stands apart from all."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.access import account_role
from components.snowflake.account_settings import CORTEX_ROLE, USE_AI_FUNCTIONS
from components.snowflake.log_in_policies import LogInPolicies
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.role_model import CORTEX_USER, MAINTENANCE, MONITORING_READER


@dataclass(frozen=True)
class PlatformRolesArgs:
    """Names of the roles, and what they are granted.

    `application_role` is the platform's own application's; `warehouse` is granted to the roles that run statements once
    `warehouse_ownership` has handed it over, and `database_use` is the shared database's access role.
    """

    cortex_role_name: str
    maintenance_role_name: str
    monitoring_role_name: str
    application_role: pulumi.Input[str]
    database_use: pulumi.Input[str]
    warehouse: pulumi.Input[str]
    warehouse_ownership: snowflake.GrantOwnership
    providers: AdministrativeProviders


class PlatformRoles(Component):
    """Who may call Cortex, who maintains the tenants, and who reads the monitoring views.

    `maintenance` becomes known only once the role and what it needs to act stand: a provider that logs in as it cannot
    do so earlier, in a preview least of all.
    """

    def __init__(self, name: str, args: PlatformRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:PlatformRoles", name, opts)
        providers = args.providers
        by_account = self.child_options(providers.account_administrator, delete_before_replace=True)
        by_security = self.child_options(providers.security_administrator, delete_before_replace=True)
        cortex, _ = account_role(self, providers, args.cortex_role_name, CORTEX_USER.meaning)
        self.child(
            snowflake.GrantDatabaseRole(
                "cortex-user",
                database_role_name='"' + CORTEX_ROLE.replace(".", '"."') + '"',
                parent_role_name=cortex.name,
                opts=by_account,
            )
        )
        self.child(
            snowflake.GrantPrivilegesToAccountRole(
                "cortex-ai-functions",
                account_role_name=cortex.name,
                privileges=[USE_AI_FUNCTIONS],
                on_account=True,
                opts=by_account,
            )
        )
        self.child(
            snowflake.GrantAccountRole(
                "cortex-in-application",
                role_name=cortex.name,
                parent_role_name=args.application_role,
                opts=by_security,
            )
        )
        maintenance, maintenance_in_tree = account_role(
            self, providers, args.maintenance_role_name, MAINTENANCE.meaning
        )
        tasks = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                "maintenance-tasks",
                account_role_name=maintenance.name,
                # Only ACCOUNTADMIN may grant it.
                privileges=["EXECUTE TASK"],
                on_account=True,
                opts=by_account,
            )
        )
        monitoring, _ = account_role(self, providers, args.monitoring_role_name, MONITORING_READER.meaning)
        self.child(
            snowflake.GrantDatabaseRole(
                "use-in-monitoring",
                database_role_name=args.database_use,
                parent_role_name=monitoring.name,
                opts=by_security,
            )
        )
        warehouse = [
            self.child(
                snowflake.GrantPrivilegesToAccountRole(
                    f"warehouse-{word}",
                    account_role_name=role.name,
                    privileges=["USAGE"],
                    on_account_object=snowflake.GrantPrivilegesToAccountRoleOnAccountObjectArgs(
                        object_type="WAREHOUSE", object_name=args.warehouse
                    ),
                    opts=self.child_options(
                        providers.security_administrator,
                        delete_before_replace=True,
                        depends_on=[args.warehouse_ownership],
                    ),
                )
            )
            for word, role in (("maintenance", maintenance), ("monitoring", monitoring))
        ]
        self.cortex: pulumi.Output[str] = cortex.name
        self.monitoring: pulumi.Output[str] = monitoring.name
        self.maintenance: pulumi.Output[str] = pulumi.Output.all(
            maintenance.name, maintenance.id, maintenance_in_tree.id, tasks.id, *(grant.id for grant in warehouse)
        ).apply(lambda known: str(known[0]))
        self.register_outputs({"cortex": self.cortex, "maintenance": self.maintenance, "monitoring": self.monitoring})


@dataclass(frozen=True)
class BreakGlassArgs:
    """`network` is the group of networks from which the user may log in; `email` is where Snowflake writes to."""

    name: str
    email: str
    enabled: bool
    network: str
    policies: LogInPolicies
    providers: AdministrativeProviders
    deletion_protection: bool


class BreakGlass(Component):
    """A person's user for emergencies, apart from the deploy principal: ACCOUNTADMIN, disabled until it is needed.

    Nothing here knows a password. Whoever answers for the account sets one, enables the user, and enrols a second
    factor at the first log-in, which the account's authentication policy demands; enabled by hand, it shows as drift,
    and the next run disables it.
    """

    def __init__(self, name: str, args: BreakGlassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:BreakGlass", name, opts)
        options = self.child_options(args.providers.user_administrator, protect=args.deletion_protection)
        # Set by hand when it is needed, and known to nobody before.
        options.ignore_changes = ["password", "mustChangePassword", "networkPolicy"]
        user = self.child(
            snowflake.User(
                args.name,
                name=args.name,
                comment="For emergencies alone: whoever enables it says why",
                email=args.email,
                disabled=str(not args.enabled).lower(),
                # Never an administrative one by default (CIS 1.12): it is taken on purpose, by USE ROLE.
                default_role="PUBLIC",
                default_secondary_roles_option="NONE",
                opts=options,
            )
        )
        self.child(
            snowflake.GrantAccountRole(
                f"{args.name}-ACCOUNTADMIN",
                role_name="ACCOUNTADMIN",
                user_name=user.name,
                opts=self.child_options(args.providers.account_administrator, delete_before_replace=True),
            )
        )
        args.policies.hold_to_network(self, args.name, user.name, args.network)
        self.user: pulumi.Output[str] = user.name
        self.register_outputs({"user": self.user})
