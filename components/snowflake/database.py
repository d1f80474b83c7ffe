"""A database with managed-access schemas and their tables."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.sql import quoted
from components.snowflake.tables import TableDefinition, column_args


def database_with_schema(
    component: Component,
    *,
    database_name: str,
    schema_name: str,
    retention_days: int,
    providers: AdministrativeProviders,
    deletion_protection: bool,
    comment: str,
) -> tuple[snowflake.Database, snowflake.Schema]:
    """Stateful. The database has no PUBLIC schema; in the schema only its owner and SECURITYADMIN may grant.

    `retention_days` of Time Travel hold for everything in the database.
    """
    options = component.child_options(providers.system_administrator, protect=deletion_protection)
    database = component.child(
        snowflake.Database(
            database_name,
            name=database_name,
            is_transient=False,
            data_retention_time_in_days=retention_days,
            drop_public_schema_on_creation=True,
            comment=comment,
            opts=options,
        )
    )
    schema = managed_schema(
        component,
        database=database.name,
        database_name=database_name,
        schema_name=schema_name,
        providers=providers,
        deletion_protection=deletion_protection,
    )
    return database, schema


def managed_schema(
    component: Component,
    *,
    database: pulumi.Input[str],
    database_name: str,
    schema_name: str,
    providers: AdministrativeProviders,
    deletion_protection: bool,
    comment: str | None = None,
) -> snowflake.Schema:
    """Stateful. A permanent schema in which only its owner and SECURITYADMIN may grant.

    `database_name` is for the logical name; `database` is the database's own output.
    """
    return component.child(
        snowflake.Schema(
            f"{database_name}-{schema_name}",
            database=database,
            name=schema_name,
            is_transient="false",
            with_managed_access="true",
            comment=comment,
            opts=component.child_options(providers.system_administrator, protect=deletion_protection),
        )
    )


def declare_tables(
    component: Component,
    definitions: Mapping[str, TableDefinition],
    *,
    database: pulumi.Input[str],
    schema: snowflake.Schema,
    prefix: str,
    providers: AdministrativeProviders,
    deletion_protection: bool,
) -> dict[str, snowflake.Table]:
    """Stateful. The tables, and for each with columns that are unique together a constraint.

    Snowflake keeps such a constraint for readers and optimisers; it does not enforce it on standard tables.
    """
    options = component.child_options(providers.system_administrator, protect=deletion_protection)
    constraint_options = component.child_options(providers.system_administrator)
    tables: dict[str, snowflake.Table] = {}
    for name, definition in definitions.items():
        table = component.child(
            snowflake.Table(
                f"{prefix}-{name}",
                database=database,
                schema=schema.name,
                name=name,
                columns=column_args(definition),
                comment=definition.comment,
                opts=options,
            )
        )
        tables[name] = table
        if definition.unique:
            component.child(
                snowflake.TableConstraint(
                    f"{prefix}-{name}-unique",
                    name=f"{name}_UNIQUE",
                    type="UNIQUE",
                    table_id=quoted(database, schema.name, table.name),
                    columns=list(definition.unique),
                    opts=constraint_options,
                )
            )
    return tables
