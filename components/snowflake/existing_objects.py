"""What was in the account before the stack: taken over as it stands, never made, changed or removed here."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders


@dataclass(frozen=True)
class ExistingObjectsArgs:
    """Names of a database, a warehouse, a role and the user that holds the role; `deletion_protection` guards them."""

    database: str
    warehouse: str
    role: str
    user: pulumi.Input[str]
    user_name: str
    providers: AdministrativeProviders
    deletion_protection: bool


class ExistingObjects(Component):
    """What another application made and still uses, imported. Stateful.

    Only names are declared and every other property is ignored: an import fails on an input that says something else
    than what is there, and what they are is that application's matter. They are left standing when the stack goes.
    """

    def __init__(self, name: str, args: ExistingObjectsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:ExistingObjects", name, opts)
        self._protect = args.deletion_protection
        providers = args.providers
        database = self.child(
            snowflake.Database(
                args.database,
                name=args.database,
                opts=self._adopting(
                    args.database,
                    providers.system_administrator,
                    # Its retention and comment are set by its own application.
                    ["comment", "dataRetentionTimeInDays", "isTransient", "dropPublicSchemaOnCreation"],
                ),
            )
        )
        warehouse = self.child(
            snowflake.Warehouse(
                args.warehouse,
                name=args.warehouse,
                opts=self._adopting(
                    args.warehouse,
                    providers.system_administrator,
                    # Its size and times are set by whoever pays for it.
                    [
                        "autoResume",
                        "autoSuspend",
                        "comment",
                        "initiallySuspended",
                        "resourceMonitor",
                        "warehouseSize",
                        "warehouseType",
                    ],
                ),
            )
        )
        role = self.child(
            snowflake.AccountRole(
                args.role,
                name=args.role,
                opts=self._adopting(args.role, providers.user_administrator, ["comment"]),
            )
        )
        self.child(
            snowflake.GrantAccountRole(
                f"{args.role}-to-{args.user_name}",
                role_name=role.name,
                user_name=args.user,
                opts=self._adopting(
                    f'"{args.role}"|USER|"{args.user_name}"',
                    providers.security_administrator,
                    [],
                    delete_before_replace=True,
                ),
            )
        )
        self.child(
            snowflake.GrantAccountRole(
                f"{args.role}-to-SYSADMIN",
                role_name=role.name,
                parent_role_name="SYSADMIN",
                opts=self.child_options(providers.security_administrator, delete_before_replace=True),
            )
        )
        self.database: pulumi.Output[str] = database.name
        self.warehouse: pulumi.Output[str] = warehouse.name
        self.role: pulumi.Output[str] = role.name
        self.register_outputs({"database": self.database, "warehouse": self.warehouse, "role": self.role})

    def _adopting(
        self,
        identity: str,
        provider: snowflake.Provider,
        ignored: list[str],
        *,
        delete_before_replace: bool | None = None,
    ) -> pulumi.ResourceOptions:
        options = self.child_options(provider, protect=self._protect, delete_before_replace=delete_before_replace)
        options.import_ = identity
        options.retain_on_delete = True
        options.ignore_changes = ignored
        return options
