"""VIDEXA_SHARED: what the platform knows of its organisations, and the warehouse that reads it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.base import Component
from components.snowflake.access import Access
from components.snowflake.database import database_with_schema, declare_tables
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.role_model import DATABASE_USE, READ, SHARED_APPLICATION, WRITE
from components.snowflake.tables import TENANT_MANAGEMENT_TABLES
from components.snowflake.warehouse import WarehouseLimits, monitored_warehouse


@dataclass(frozen=True)
class SharedDatabaseArgs:
    """What the shared database is made of.

    The names are physical, in upper case. `retention_days` are days of Time Travel.
    `deletion_protection` guards the database, its schema and its tables.
    """

    database_name: str
    schema_name: str
    warehouse_name: str
    resource_monitor_name: str
    application_role_name: str
    retention_days: int
    warehouse: WarehouseLimits
    providers: AdministrativeProviders
    deletion_protection: bool


class SharedDatabase(Component):
    """The shared database, schema TENANT_MANAGEMENT with its three tables, access roles, and a warehouse.

    Access roles: DATABASE_USE, `<schema>_READ` (everything in the schema), `<schema>_WRITE` (users and usage only:
    the organisations are declared, so no program writes them). The application role gets WRITE.
    """

    def __init__(self, name: str, args: SharedDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:SharedDatabase", name, opts)
        providers = args.providers
        database, schema = database_with_schema(
            self,
            database_name=args.database_name,
            schema_name=args.schema_name,
            retention_days=args.retention_days,
            providers=providers,
            deletion_protection=args.deletion_protection,
            comment="What the platform knows of its organisations",
        )
        prefix = args.database_name
        tables = declare_tables(
            self,
            TENANT_MANAGEMENT_TABLES,
            database=database.name,
            schema=schema,
            prefix=prefix,
            providers=providers,
            deletion_protection=args.deletion_protection,
        )
        warehouse, monitor, ownership = monitored_warehouse(
            self,
            warehouse_name=args.warehouse_name,
            monitor_name=args.resource_monitor_name,
            limits=args.warehouse,
            providers=providers,
            comment="The platform's own statements",
        )

        access = Access(self, providers, database, schema)
        use = access.database_role(DATABASE_USE, "May use the database", prefix)
        read = access.database_role(READ.name(args.schema_name), READ.meaning.capitalize(), prefix)
        write = access.database_role(WRITE.name(args.schema_name), "May write users and usage", prefix)
        application = access.account_role(args.application_role_name, SHARED_APPLICATION.meaning)
        access.on_database(f"{prefix}-use", use, ["USAGE"])
        access.on_schema(f"{prefix}-read-schema", read, READ.schema)
        access.on_tables(f"{prefix}-read-tables", read, READ.tables, list(tables.values()))
        for table in ("ORG_USERS", "ORG_RESOURCE_USAGE"):
            access.on_table(f"{prefix}-write-{table}", write, WRITE.tables, tables[table])
        access.include(f"{prefix}-use-in-read", use, within=read)
        access.include(f"{prefix}-read-in-write", read, within=write)
        access.include(f"{prefix}-write-in-application", write, within=application)
        access.on_warehouse(f"{args.warehouse_name}-application", application, ["USAGE"], warehouse, ownership)

        #: The plain outputs that an organisation or an application needs.
        self.database: pulumi.Output[str] = database.name
        self.schema: pulumi.Output[str] = schema.name
        self.organizations_table: pulumi.Output[str] = tables["ORGANIZATIONS"].name
        self.warehouse: pulumi.Output[str] = warehouse.name
        self.resource_monitor: pulumi.Output[str] = monitor.name
        self.application_role: pulumi.Output[str] = application.name
        #: The access role that lets one use the database, by its full name.
        self.database_use: pulumi.Output[str] = use.qualified_name
        #: The schema's access roles, by their full names.
        self.read_role: pulumi.Output[str] = read.qualified_name
        self.write_role: pulumi.Output[str] = write.qualified_name
        #: For components that govern the tables or are granted on the warehouse.
        self.tables = tables
        self.warehouse_ownership = ownership
        self.register_outputs(
            {
                "database": self.database,
                "schema": self.schema,
                "organizations_table": self.organizations_table,
                "warehouse": self.warehouse,
                "resource_monitor": self.resource_monitor,
                "application_role": self.application_role,
            }
        )
