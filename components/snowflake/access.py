"""Access roles on a database and one schema of it, and the grants that fill them.

Access roles are database roles: they live and die with their database, and cannot reach beyond it. What
people and programs hold are account roles, which get access roles. Every grant is made by SECURITYADMIN
(see `providers`), and every grant resource is deleted before it is replaced: it has no name of its own, so
the engine would otherwise make the new grant first and then run the old one's REVOKE over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.account_settings import model_role
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.sql import quoted


@dataclass(frozen=True)
class AccessRole:
    """A database role and its qualified, quoted name."""

    role: snowflake.DatabaseRole
    qualified_name: pulumi.Output[str]


def account_role(
    component: Component, providers: AdministrativeProviders, name: str, comment: str
) -> tuple[snowflake.AccountRole, snowflake.GrantAccountRole]:
    """An account role, and its grant to SYSADMIN: no role stands outside Snowflake's own tree."""
    role = component.child(
        snowflake.AccountRole(
            name, name=name, comment=comment, opts=component.child_options(providers.user_administrator)
        )
    )
    grant = component.child(
        snowflake.GrantAccountRole(
            f"{name}-to-SYSADMIN",
            role_name=role.name,
            parent_role_name="SYSADMIN",
            opts=component.child_options(providers.security_administrator, delete_before_replace=True),
        )
    )
    return role, grant


def grant_models(
    component: Component,
    providers: AdministrativeProviders,
    name: str,
    models: Sequence[str],
    role: pulumi.Input[str],
) -> None:
    """Let an account role use Cortex models. The application roles are Snowflake's, and ACCOUNTADMIN's to grant."""
    for model in models:
        component.child(
            snowflake.GrantApplicationRole(
                f"{name}-model-{model}",
                application_role_name=model_role(model),
                parent_account_role_name=role,
                opts=component.child_options(providers.account_administrator, delete_before_replace=True),
            )
        )


class Access:
    """Declares access roles and grants as children of one component."""

    def __init__(
        self,
        component: Component,
        providers: AdministrativeProviders,
        database: snowflake.Database,
        schema: snowflake.Schema,
        role_owner: tuple[snowflake.Provider, pulumi.Resource] | None = None,
    ) -> None:
        """`role_owner` makes the access roles, and so owns them, once it has been granted what that takes: a provider,
        and the grant. Without it SYSADMIN, who owns the database, makes them."""
        self._role_owner = role_owner
        self._component = component
        self._providers = providers
        self._database = database
        self._schema = schema
        self.schema_name = quoted(database.name, schema.name)
        #: What lets an access role act: the use of database and schema, and the roles in each other. Whoever acts by
        #: such a role must wait for them; that the role stands is not enough.
        self.enabling: list[pulumi.Resource] = []

    def _grant_options(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return self._component.child_options(
            self._providers.security_administrator, delete_before_replace=True, depends_on=depends_on
        )

    def database_role(self, name: str, comment: str, prefix: str) -> AccessRole:
        """An access role of the database; `prefix` sets its logical name apart."""
        provider, granted = self._role_owner or (self._providers.system_administrator, None)
        role = self._component.child(
            snowflake.DatabaseRole(
                f"{prefix}-{name}",
                database=self._database.name,
                name=name,
                comment=comment,
                opts=self._component.child_options(provider, depends_on=[granted] if granted else None),
            )
        )
        return AccessRole(role, quoted(self._database.name, role.name))

    def account_role(self, name: str, comment: str) -> snowflake.AccountRole:
        """A functional role under SYSADMIN, so that no role stands outside Snowflake's own tree."""
        return account_role(self._component, self._providers, name, comment)[0]

    def within_role(self, name: str, access: AccessRole, role: pulumi.Input[str]) -> None:
        """Give everything that `access` holds to an account role of another component."""
        self._component.child(
            snowflake.GrantDatabaseRole(
                name,
                database_role_name=access.qualified_name,
                parent_role_name=role,
                opts=self._grant_options(),
            )
        )

    def include(self, name: str, access: AccessRole, *, within: AccessRole | snowflake.AccountRole) -> None:
        """Give everything that `access` holds to another role."""
        grant = self._component.child(
            snowflake.GrantDatabaseRole(
                name,
                database_role_name=access.qualified_name,
                parent_database_role_name=within.qualified_name if isinstance(within, AccessRole) else None,
                parent_role_name=None if isinstance(within, AccessRole) else within.name,
                opts=self._grant_options(),
            )
        )
        if isinstance(within, AccessRole):
            self.enabling.append(grant)

    def inherit(self, name: str, role: pulumi.Input[str], by: snowflake.AccountRole) -> None:
        """Let a functional role inherit a business role."""
        self._component.child(
            snowflake.GrantAccountRole(name, role_name=role, parent_role_name=by.name, opts=self._grant_options())
        )

    def models(self, name: str, models: Sequence[str], role: snowflake.AccountRole) -> None:
        """Let a functional role use Cortex models, each by Snowflake's application role for it."""
        grant_models(self._component, self._providers, name, models, role.name)

    def to_user(self, name: str, role: snowflake.AccountRole, user: pulumi.Input[str]) -> None:
        """Let a user take a functional role."""
        self._component.child(
            snowflake.GrantAccountRole(name, role_name=role.name, user_name=user, opts=self._grant_options())
        )

    def on_database(self, name: str, access: AccessRole, privileges: Sequence[str]) -> None:
        grant = self._component.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                name,
                database_role_name=access.qualified_name,
                privileges=list(privileges),
                on_database=self._database.name,
                opts=self._grant_options(),
            )
        )
        self.enabling.append(grant)

    def on_schema(self, name: str, access: AccessRole, privileges: Sequence[str]) -> None:
        grant = self._component.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                name,
                database_role_name=access.qualified_name,
                privileges=list(privileges),
                on_schema=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaArgs(schema_name=self.schema_name),
                opts=self._grant_options(),
            )
        )
        self.enabling.append(grant)

    def on_tables(
        self, name: str, access: AccessRole, privileges: Sequence[str], tables: Sequence[snowflake.Table]
    ) -> None:
        """Privileges on all tables that stand, and on each that will be made.

        The grant on all waits for `tables`: it would otherwise find none. The future grant need not: a table
        made before it is among all, one made after it is covered by it. Later, the grant on all brings a
        changed list of privileges to the tables that stand, and the future grant brings it to a table made again.
        """
        self._component.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{name}-all",
                database_role_name=access.qualified_name,
                privileges=list(privileges),
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    all=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectAllArgs(
                        object_type_plural="TABLES", in_schema=self.schema_name
                    )
                ),
                opts=self._grant_options(depends_on=tables),
            )
        )
        self._component.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{name}-future",
                database_role_name=access.qualified_name,
                privileges=list(privileges),
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    future=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectFutureArgs(
                        object_type_plural="TABLES", in_schema=self.schema_name
                    )
                ),
                opts=self._grant_options(),
            )
        )

    def on_table(self, name: str, access: AccessRole, privileges: Sequence[str], table: snowflake.Table) -> None:
        """Privileges on one table alone."""
        self._component.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                name,
                database_role_name=access.qualified_name,
                privileges=list(privileges),
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    object_type="TABLE",
                    object_name=quoted(self._database.name, self._schema.name, table.name),
                ),
                opts=self._grant_options(),
            )
        )

    def on_warehouse(
        self,
        name: str,
        role: snowflake.AccountRole,
        privileges: Sequence[str],
        warehouse: snowflake.Warehouse,
        ownership: snowflake.GrantOwnership,
    ) -> None:
        """Privileges on a warehouse, granted once its lasting owner has it."""
        self._component.child(
            snowflake.GrantPrivilegesToAccountRole(
                name,
                account_role_name=role.name,
                privileges=list(privileges),
                on_account_object=snowflake.GrantPrivilegesToAccountRoleOnAccountObjectArgs(
                    object_type="WAREHOUSE", object_name=warehouse.name
                ),
                opts=self._grant_options(depends_on=[ownership]),
            )
        )
