"""One organisation on Snowflake: a database, a warehouse and roles that no other organisation shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.access import Access
from components.snowflake.database import database_with_schema, declare_tables
from components.snowflake.governance import tag_columns
from components.snowflake.monitoring import Counting, declare_counting
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.retention import Maintenance, declare_retention
from components.snowflake.role_model import ADMINISTRATOR, ANALYST, APPLICATION, DATABASE_USE, OWN, READ, WRITE
from components.snowflake.sql import literal, quoted
from components.snowflake.tables import NEXUSCHAT_TABLES
from components.snowflake.tenant_procedures import SUSPEND, Operator
from components.snowflake.warehouse import WarehouseLimits, monitored_warehouse


@dataclass(frozen=True)
class OrganizationNames:
    """Physical names, all in upper case."""

    database: str
    schema: str
    warehouse: str
    resource_monitor: str
    application_role: str
    analyst_role: str
    administrator_role: str


@dataclass(frozen=True)
class OrganizationRegistry:
    """Where organisations are written down: plain outputs of the shared database, and who writes there.

    `writer` is a provider that owns the table and has a warehouse, since a row is written by a statement; it may call
    `suspend`, the procedure by which the application suspends an organisation.
    """

    database: pulumi.Input[str]
    schema: pulumi.Input[str]
    table: pulumi.Input[str]
    writer: snowflake.Provider
    suspend: snowflake.ProcedurePython


@dataclass(frozen=True)
class OrganizationArgs:
    """What one organisation is made of.

    `retention_days` are days of Time Travel; `service_user` is who takes the application role; `cortex_role` is the
    business role that lets the application call Cortex, and `models` those that it may use; `phi_tag` is the full name
    of the tag for patients' data, `maintenance` who deletes what has expired; `operator` owns the warehouse and the
    access roles.
    `counting` is how its use is counted, and `monthly_cortex_tokens` what its calls of models may use in a month.
    A `suspended` organisation's roles reach nothing, its warehouse is stopped, and its row says so, so that none of its
    users is served; its data, retention and counting stay.
    `deletion_protection` guards the database, its schema and its tables.
    """

    organization_id: str
    names: OrganizationNames
    warehouse: WarehouseLimits
    retention_days: int
    service_user: pulumi.Input[str]
    cortex_role: pulumi.Input[str]
    models: Sequence[str]
    phi_tag: pulumi.Input[str]
    maintenance: Maintenance
    operator: Operator
    counting: Counting
    monthly_cortex_tokens: int
    registry: OrganizationRegistry
    providers: AdministrativeProviders
    deletion_protection: bool
    suspended: bool = False


class Organization(Component):
    """A tenant: database, managed-access schema with the chat tables, monitored warehouse, roles, its declared row.

    Its roles are those of `role_model`. Columns that can hold patients' data are tagged, and one task deletes what has
    expired.
    """

    def __init__(self, name: str, args: OrganizationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:Organization", name, opts)
        providers, names, prefix = args.providers, args.names, args.organization_id
        database, schema = database_with_schema(
            self,
            database_name=names.database,
            schema_name=names.schema,
            retention_days=args.retention_days,
            providers=providers,
            deletion_protection=args.deletion_protection,
            comment=f"Organisation {args.organization_id}",
        )
        tables = declare_tables(
            self,
            NEXUSCHAT_TABLES,
            database=database.name,
            schema=schema,
            prefix=prefix,
            providers=providers,
            deletion_protection=args.deletion_protection,
        )
        warehouse, monitor, ownership = monitored_warehouse(
            self,
            warehouse_name=names.warehouse,
            monitor_name=names.resource_monitor,
            limits=args.warehouse,
            providers=providers,
            comment=f"Organisation {args.organization_id}",
            owner=args.operator.role,
        )

        makes_roles = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                f"{prefix}-operator",
                account_role_name=args.operator.role,
                privileges=["USAGE", "CREATE DATABASE ROLE"],
                on_account_object=snowflake.GrantPrivilegesToAccountRoleOnAccountObjectArgs(
                    object_type="DATABASE", object_name=database.name
                ),
                opts=self.child_options(providers.security_administrator, delete_before_replace=True),
            )
        )
        access = Access(self, providers, database, schema, role_owner=(args.operator.provider, makes_roles))
        use = access.database_role(DATABASE_USE, "May use the database", prefix)
        read, write, own = (
            access.database_role(level.name(names.schema), level.meaning.capitalize(), prefix)
            for level in (READ, WRITE, OWN)
        )
        application = access.account_role(names.application_role, APPLICATION.meaning)
        analyst = access.account_role(names.analyst_role, ANALYST.meaning)
        administrator = access.account_role(names.administrator_role, ADMINISTRATOR.meaning)

        access.on_database(f"{prefix}-use", use, ["USAGE"])
        access.on_schema(f"{prefix}-read-schema", read, READ.schema)
        access.on_tables(f"{prefix}-read-tables", read, READ.tables, list(tables.values()))
        access.on_tables(f"{prefix}-write-tables", write, WRITE.tables, list(tables.values()))
        access.on_schema(f"{prefix}-own-schema", own, OWN.schema)
        access.include(f"{prefix}-use-in-read", use, within=read)
        access.include(f"{prefix}-read-in-write", read, within=write)
        access.include(f"{prefix}-write-in-own", write, within=own)
        if not args.suspended:
            access.include(f"{prefix}-write-in-application", write, within=application)
            access.include(f"{prefix}-read-in-analyst", read, within=analyst)
            access.include(f"{prefix}-use-in-administrator", use, within=administrator)
            for role, functional in (
                (application, APPLICATION),
                (analyst, ANALYST),
                (administrator, ADMINISTRATOR),
            ):
                word = {APPLICATION: "application", ANALYST: "analyst", ADMINISTRATOR: "administrator"}[functional]
                access.on_warehouse(f"{names.warehouse}-{word}", role, functional.warehouse, warehouse, ownership)
            access.inherit(f"{names.application_role}-cortex", args.cortex_role, application)
            access.models(names.application_role, args.models, application)
        access.to_user(f"{names.application_role}-to-service-user", application, args.service_user)
        tag_columns(
            self,
            prefix,
            NEXUSCHAT_TABLES,
            tag=args.phi_tag,
            database=database.name,
            schema=schema.name,
            tables=tables,
            providers=providers,
        )
        retention = declare_retention(
            self,
            prefix,
            NEXUSCHAT_TABLES,
            database=database,
            schema=schema,
            own=own,
            maintenance=args.maintenance,
            # The task is made by OWN's holder, who must by then reach the schema.
            depends_on=access.enabling,
        )

        declare_counting(
            self,
            prefix,
            database=database.name,
            schema=schema.name,
            counting=args.counting,
            maintenance=args.maintenance,
            # One after the other: by then whoever makes tasks may do so.
            depends_on=[retention],
        )

        values: dict[str, pulumi.Input[str | int]] = {
            "DATABASE_NAME": database.name,
            "SCHEMA_NAME": schema.name,
            "WAREHOUSE_NAME": warehouse.name,
            "RESOURCE_MONITOR_NAME": monitor.name,
            "APPLICATION_ROLE": application.name,
            "ANALYST_ROLE": analyst.name,
            "ADMINISTRATOR_ROLE": administrator.name,
            "WAREHOUSE_SIZE": args.warehouse.size,
            "MONTHLY_CREDITS": args.warehouse.monthly_credits,
            "RETENTION_DAYS": args.retention_days,
            "AUTO_SUSPEND_SECONDS": args.warehouse.auto_suspend_seconds,
            "MONTHLY_CORTEX_TOKENS": args.monthly_cortex_tokens,
        }
        registry = args.registry
        table = quoted(registry.database, registry.schema, registry.table)
        row = self.child(
            snowflake.Execute(
                f"{prefix}-row",
                execute=pulumi.Output.all(table, values).apply(
                    lambda known: declare_row(known[0], args.organization_id, known[1])
                ),
                revert=table.apply(lambda table: withdraw_row(table, args.organization_id)),
                opts=self.child_options(registry.writer, delete_before_replace=True),
            )
        )
        if args.suspended:
            self.child(
                snowflake.Execute(
                    f"{prefix}-suspended",
                    # As the application suspends: the roles lose all before the warehouse stops, so that no statement
                    # of theirs resumes it. By its plain name: what makes the procedure logs in as a role that a new
                    # stack's preview does not know, and tells nothing of it by then.
                    execute=quoted(registry.database, registry.schema, SUSPEND).apply(
                        lambda procedure: f"CALL {procedure}({literal(args.organization_id)})"
                    ),
                    # No more than the status: what the roles get back is declared.
                    revert=table.apply(lambda table: let_work(table, args.organization_id)),
                    opts=self.child_options(
                        registry.writer,
                        delete_before_replace=True,
                        depends_on=[row, ownership, registry.suspend, *access.enabling],
                    ),
                )
            )

        self.database: pulumi.Output[str] = database.name
        self.schema: pulumi.Output[str] = schema.name
        self.warehouse: pulumi.Output[str] = warehouse.name
        self.resource_monitor: pulumi.Output[str] = monitor.name
        self.application_role: pulumi.Output[str] = application.name
        self.analyst_role: pulumi.Output[str] = analyst.name
        self.administrator_role: pulumi.Output[str] = administrator.name
        self.register_outputs(
            {
                "organization_id": args.organization_id,
                "database": self.database,
                "schema": self.schema,
                "warehouse": self.warehouse,
                "resource_monitor": self.resource_monitor,
                "application_role": self.application_role,
                "analyst_role": self.analyst_role,
                "administrator_role": self.administrator_role,
            }
        )


def let_work(table: str, organization_id: str) -> str:
    """The statement by which an organisation's row says that the application serves it again."""
    return (
        f"UPDATE {table} SET STATUS = 'ACTIVE', UPDATED_AT = SYSDATE() "  # noqa: S608 -- literals are escaped
        f"WHERE ORGANIZATION_ID = {literal(organization_id)}"
    )


def declare_row(table: str, organization_id: str, values: dict[str, str | int]) -> str:
    """The MERGE that brings an organisation's row in line with what is declared.

    Run again it changes nothing but UPDATED_AT. STATUS is set at first only: it is suspended and resumed at run time,
    or by a declaration of its own.
    """
    columns = ", ".join(values)
    declared = ", ".join(f"{literal(value)} AS {column}" for column, value in values.items())
    assignments = ", ".join(f"{column} = DECLARED.{column}" for column in values)
    sources = ", ".join(f"DECLARED.{column}" for column in values)
    return (
        f"MERGE INTO {table} AS KNOWN "  # noqa: S608 -- each value is an escaped literal
        f"USING (SELECT {literal(organization_id)} AS ORGANIZATION_ID, {declared}) AS DECLARED "
        "ON KNOWN.ORGANIZATION_ID = DECLARED.ORGANIZATION_ID "
        f"WHEN MATCHED THEN UPDATE SET {assignments}, UPDATED_AT = SYSDATE(), REMOVED_AT = NULL "
        f"WHEN NOT MATCHED THEN INSERT (ORGANIZATION_ID, {columns}, STATUS, CREATED_AT, UPDATED_AT) "
        f"VALUES (DECLARED.ORGANIZATION_ID, {sources}, 'ACTIVE', SYSDATE(), SYSDATE())"
    )


def withdraw_row(table: str, organization_id: str) -> str:
    """What undoes the declaration: the row stays and says since when it is no longer declared."""
    return f"UPDATE {table} SET REMOVED_AT = SYSDATE() WHERE ORGANIZATION_ID = {literal(organization_id)}"  # noqa: S608
