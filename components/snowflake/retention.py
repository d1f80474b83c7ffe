"""Deleting what has expired: a procedure that the tenants share, and one task in each tenant's own schema.

The procedure runs with its caller's rights, and the tasks are owned, and so run, by a business role that holds no
administration (CIS 1.14 to 1.17) and sees patients' data masked. A tenant has one task, the root of its own graph with
nothing after it: nothing has to be suspended for another's sake, so no graph stays suspended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.access import AccessRole
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.role_model import READ
from components.snowflake.routines import Routine, RoutineSchema, declare_procedure
from components.snowflake.sql import literal, quoted
from components.snowflake.tables import TableDefinition

PROCEDURE = "DELETE_EXPIRED"
TASK = "DELETE_EXPIRED"
EXPIRES_AT = "EXPIRES_AT"


@dataclass(frozen=True)
class Maintenance:
    """Who maintains the tenants.

    `provider` acts as `role`, which so owns the tasks that it makes; `security_administrator` grants; `procedure` is
    DELETE_EXPIRED's full name, and `schedule` five cron fields and a time zone.
    """

    provider: snowflake.Provider
    security_administrator: snowflake.Provider
    role: pulumi.Input[str]
    warehouse: pulumi.Input[str]
    procedure: pulumi.Input[str]
    schedule: str


@dataclass(frozen=True)
class RetentionArgs:
    """Where the procedure lies, and the role that calls it. `database_use` is the database's access role."""

    database: pulumi.Input[str]
    schema: pulumi.Input[str]
    schema_name: str
    database_use: pulumi.Input[str]
    role: pulumi.Input[str]
    providers: AdministrativeProviders


class Retention(Component):
    """The procedure DELETE_EXPIRED of the organisations' tasks, and the access role that may call it."""

    def __init__(self, name: str, args: RetentionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:Retention", name, opts)
        providers = args.providers
        grant = self.child_options(providers.security_administrator, delete_before_replace=True)
        reader = self.child(
            snowflake.DatabaseRole(
                READ.name(args.schema_name),
                database=args.database,
                name=READ.name(args.schema_name),
                comment="May call the schema's procedures",
                opts=self.child_options(providers.system_administrator),
            )
        )
        role = quoted(args.database, reader.name)
        schema = quoted(args.database, args.schema)
        self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{args.schema_name}-read-schema",
                database_role_name=role,
                privileges=["USAGE"],
                on_schema=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaArgs(schema_name=schema),
                opts=grant,
            )
        )
        # A changed body drops the procedure and makes it again, without its grants: only a future one comes back.
        future = self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{args.schema_name}-read-procedures-future",
                database_role_name=role,
                privileges=["USAGE"],
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    future=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectFutureArgs(
                        object_type_plural="PROCEDURES", in_schema=schema
                    )
                ),
                opts=grant,
            )
        )
        self.child(
            snowflake.GrantDatabaseRole(
                f"{args.schema_name}-use-in-read",
                database_role_name=args.database_use,
                parent_database_role_name=role,
                opts=grant,
            )
        )
        self.child(
            snowflake.GrantDatabaseRole(
                f"{args.schema_name}-read-in-maintenance",
                database_role_name=role,
                parent_role_name=args.role,
                opts=grant,
            )
        )
        procedure = declare_procedure(
            self,
            RoutineSchema(args.database, args.schema, args.schema_name, {}),
            Routine(
                PROCEDURE,
                "retention",
                dict.fromkeys(("DATABASE_NAME", "SCHEMA_NAME", "TABLE_NAMES"), "VARCHAR"),
                "VARCHAR",
                "Deletes what has expired from a schema's tables, with the caller's rights",
            ),
            providers.system_administrator,
            [future],
        )
        self.procedure: pulumi.Output[str] = quoted(args.database, args.schema, procedure.name)
        self.register_outputs({"procedure": self.procedure})


def declare_retention(
    component: Component,
    prefix: str,
    definitions: Mapping[str, TableDefinition],
    *,
    database: snowflake.Database,
    schema: snowflake.Schema,
    own: AccessRole,
    maintenance: Maintenance,
    depends_on: Sequence[pulumi.Resource] = (),
) -> snowflake.Task:
    """Let the maintenance role have the schema's OWN, and declare the task that it owns there.

    What comes after the task in its graph must depend on it: while a task is made, the provider suspends and resumes
    its root, and two at once may leave it suspended.
    """
    granted = component.child(
        snowflake.GrantDatabaseRole(
            f"{prefix}-own-in-maintenance",
            database_role_name=own.qualified_name,
            parent_role_name=maintenance.role,
            opts=component.child_options(maintenance.security_administrator, delete_before_replace=True),
        )
    )
    return component.child(
        snowflake.Task(
            f"{prefix}-{TASK}",
            database=database.name,
            schema=schema.name,
            name=TASK,
            warehouse=maintenance.warehouse,
            schedule=snowflake.TaskScheduleArgs(using_cron=maintenance.schedule),
            sql_statement=pulumi.Output.all(maintenance.procedure, database.name, schema.name).apply(
                lambda known: call(known[0], known[1], known[2], expiring(definitions))
            ),
            started=True,
            comment="Deletes what has expired",
            opts=component.child_options(maintenance.provider, depends_on=[granted, *depends_on]),
        )
    )


def expiring(definitions: Mapping[str, TableDefinition]) -> list[str]:
    """The tables whose rows expire."""
    return [
        name
        for name, definition in definitions.items()
        if any(column.name == EXPIRES_AT for column in definition.columns)
    ]


def call(procedure: str, database: str, schema: str, tables: Sequence[str]) -> str:
    """The task's statement."""
    return f"CALL {procedure}({literal(database)}, {literal(schema)}, {literal(','.join(tables))})"
