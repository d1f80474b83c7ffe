"""TENANT_MANAGEMENT's procedures, which the application calls at run time, and the role that suspends a tenant.

Whose rights a procedure has:

- Six act with their **caller's** rights: the application's role may read organisations and write users and usage
  anyway. Owner's rights would add nothing but a way around the row access policy.
- SUSPEND_ORGANIZATION and RESUME_ORGANIZATION act with their **owner's**. What they do is take six grants from an
  organisation's three roles and give them back, and the application may not do that by itself.

Who their owner is, and why no administrative role: a role may take back what is granted on an object that it owns, or
anything at all if it holds MANAGE GRANTS. MANAGE GRANTS, and SECURITYADMIN with it, would let the procedure grant
anything to anybody; SYSADMIN would let it read and drop every tenant. So there is an operator that owns exactly what a
suspension turns off, and nothing with content in it:

- each organisation's **warehouse**: its owner suspends it and takes USAGE and OPERATE from the three roles. They could
  otherwise resume it, by AUTO_RESUME or by hand;
- each organisation's **access roles**: only a database role's owner may take it from another role. Owning a role is not
  holding it, so that the operator reads no table. It could grant one to itself, which the procedures do not, and they
  are all that acts as the operator: it is granted to no user, and to SYSADMIN alone, who owns the databases.

Taking USAGE on the database from one access role would need fewer rights, but may not be enough: a database role is
inside its database anyway, and Snowflake may let it use the database without a grant. Disabling users would stop
AGENTNEXUS_SVC for all tenants at once. Taking the functional roles from users would need a list of who held them.

A suspension is drift from what is declared: `up` does not undo it, `up` after a refresh grants again what is missing.
Calling SUSPEND_ORGANIZATION once more takes it back; STATUS, which the application obeys, is not declared and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.access import account_role
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.role_model import OPERATOR
from components.snowflake.routines import Routine, RoutineSchema, declare_procedure
from components.snowflake.sql import quoted

_TEXT = "VARCHAR"
SUSPEND: Final = "SUSPEND_ORGANIZATION"
"""The procedure that stops an organisation."""
_ORGANIZATION = {"ORGANIZATION_ID": _TEXT}
_USER = {**_ORGANIZATION, "USER_ID": _TEXT}

PROCEDURES = (
    Routine(
        "REGISTER_USER",
        "register_user",
        {**_USER, "EMAIL": _TEXT, "DISPLAY_NAME": _TEXT, "ROLE": _TEXT},
        "VARIANT",
        "Makes somebody a user of an organisation",
    ),
    Routine("DEACTIVATE_USER", "deactivate_user", _USER, "VARIANT", "Deactivates a user of an organisation"),
    Routine(
        "LIST_USERS",
        "list_users",
        {**_ORGANIZATION, "STATUS": _TEXT},
        "VARIANT",
        "An organisation's users; STATUS is ACTIVE, DEACTIVATED or NULL for all",
    ),
    Routine(
        "SET_USER_ROLE", "set_user_role", {**_USER, "ROLE": _TEXT}, "VARIANT", "What a user may be in an organisation"
    ),
    Routine(
        "RECORD_USAGE",
        "record_usage",
        {
            **_ORGANIZATION,
            "USAGE_DATE": _TEXT,
            "RESOURCE_KIND": _TEXT,
            "RESOURCE_NAME": _TEXT,
            "MODEL": _TEXT,
            "QUANTITY": "FLOAT",
            "UNIT": _TEXT,
            "CREDITS": "FLOAT",
            "QUERY_TAG": _TEXT,
        },
        "VARIANT",
        "Records what an organisation used on a day",
    ),
    Routine(
        "ORGANIZATION_SUMMARY",
        "organization_summary",
        _ORGANIZATION,
        "VARIANT",
        "An organisation's objects, limits, users and usage of this month",
    ),
    Routine(
        SUSPEND,
        "suspend_organization",
        _ORGANIZATION,
        "VARIANT",
        "Stops an organisation's warehouse, roles and users; its data stays",
        owners_rights=True,
    ),
    Routine(
        "RESUME_ORGANIZATION",
        "resume_organization",
        _ORGANIZATION,
        "VARIANT",
        "Lets a suspended organisation work again",
        owners_rights=True,
    ),
)


@dataclass(frozen=True)
class TenantProceduresArgs:
    """Where the procedures lie, who calls them and what their operator needs.

    `database_name` and `schema_name` are physical; `read_role` and `write_role` are the schema's access roles by their
    full names: whoever holds `write_role` calls, the operator gets `read_role`. `organizations_table` is a full name.
    """

    database: pulumi.Input[str]
    database_name: str
    schema: pulumi.Input[str]
    schema_name: str
    read_role: pulumi.Input[str]
    write_role: pulumi.Input[str]
    organizations_table: pulumi.Input[str]
    operator_role_name: str
    warehouse: pulumi.Input[str]
    warehouse_ownership: snowflake.GrantOwnership
    providers: AdministrativeProviders


class TenantOperator(Component):
    """The role that owns the tenants' warehouses and access roles. Nobody holds it but SYSADMIN.

    `role` becomes known only once it may act, as a provider that logs in as it needs.
    """

    def __init__(self, name: str, args: TenantProceduresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:TenantOperator", name, opts)
        providers = args.providers
        options = self.child_options(providers.security_administrator, delete_before_replace=True)
        operator, in_tree = account_role(self, providers, args.operator_role_name, OPERATOR.meaning)
        reads = self.child(
            snowflake.GrantDatabaseRole(
                f"{args.schema_name}-read-in-operator",
                database_role_name=args.read_role,
                parent_role_name=operator.name,
                opts=options,
            )
        )
        updates = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                "operator-updates-organizations",
                account_role_name=operator.name,
                privileges=["UPDATE"],
                on_schema_object=snowflake.GrantPrivilegesToAccountRoleOnSchemaObjectArgs(
                    object_type="TABLE", object_name=args.organizations_table
                ),
                opts=options,
            )
        )
        makes = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                "operator-makes-procedures",
                account_role_name=operator.name,
                privileges=["CREATE PROCEDURE"],
                on_schema=snowflake.GrantPrivilegesToAccountRoleOnSchemaArgs(
                    schema_name=quoted(args.database, args.schema)
                ),
                opts=options,
            )
        )
        warehouse = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                "warehouse-operator",
                account_role_name=operator.name,
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
        self.role: pulumi.Output[str] = pulumi.Output.all(
            operator.name, operator.id, in_tree.id, reads.id, updates.id, makes.id, warehouse.id
        ).apply(lambda known: str(known[0]))
        self.register_outputs({"role": self.role})


@dataclass(frozen=True)
class Operator:
    """Who owns the tenants' warehouses and access roles: `provider` acts as `role`."""

    provider: snowflake.Provider
    role: pulumi.Input[str]


class TenantProcedures(Component):
    """The backend's procedures, and the future grant by which it calls them: a replaced one keeps no other."""

    def __init__(
        self,
        name: str,
        args: TenantProceduresArgs,
        operator: Operator,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("videxa:snowflake:TenantProcedures", name, opts)
        providers = args.providers
        callers = self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{args.schema_name}-call-procedures-future",
                database_role_name=args.write_role,
                privileges=["USAGE"],
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    future=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectFutureArgs(
                        object_type_plural="PROCEDURES", in_schema=quoted(args.database, args.schema)
                    )
                ),
                opts=self.child_options(providers.security_administrator, delete_before_replace=True),
            )
        )
        where = RoutineSchema(
            args.database,
            args.schema,
            args.schema_name,
            {"TENANT_MANAGEMENT": f"{args.database_name}.{args.schema_name}"},
        )
        self.procedures: Mapping[str, snowflake.ProcedurePython] = {
            routine.name: declare_procedure(
                self,
                where,
                routine,
                operator.provider if routine.owners_rights else providers.system_administrator,
                [callers],
            )
            for routine in PROCEDURES
        }
        self.register_outputs({"procedures": [procedure.name for procedure in self.procedures.values()]})
