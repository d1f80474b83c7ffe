"""CORTEX_FUNCTIONS: keys for prompts, compression, the cached completion, budgets, and what models cost.

Everything here acts with its caller's rights, and the caller is an organisation's application: the cache and the usage
lie in that organisation's own database (`tables.NEXUSCHAT_TABLES`), which no other organisation's role reaches, so that
no cached answer can pass from one to another. What all share holds no content: prices, code, and a view that shows an
application its own organisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.database import declare_tables, managed_schema
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.routines import Routine, RoutineSchema, declare_function, declare_procedure
from components.snowflake.sql import literal, quoted
from components.snowflake.tables import CORTEX_FUNCTIONS_TABLES
from components.snowflake.view_files import view_queries

FUNCTIONS = (
    Routine(
        "PROMPT_KEY",
        "prompt_key",
        {
            "TENANT_ID": "VARCHAR",
            "MODEL": "VARCHAR",
            "PARAMETERS": "VARIANT",
            "SYSTEM_PROMPT": "VARCHAR",
            "MESSAGES": "VARIANT",
        },
        "VARCHAR",
        "The key under which an answer to a prompt is cached",
    ),
    Routine(
        "COMPRESS_MESSAGES",
        "compress_messages",
        {"MESSAGES": "VARIANT"},
        "VARIANT",
        "The same conversation in fewer characters",
    ),
)
PROCEDURES = (
    Routine(
        "CHECK_BUDGET",
        "check_budget",
        {"ORGANIZATION_ID": "VARCHAR", "EXPECTED_TOKENS": "NUMBER"},
        "VARIANT",
        "Whether an organisation may make a call of so many tokens",
    ),
    Routine(
        "CACHED_COMPLETE",
        "cached_complete",
        {
            "ORGANIZATION_ID": "VARCHAR",
            "MODEL": "VARCHAR",
            "SYSTEM_PROMPT": "VARCHAR",
            "MESSAGES": "VARIANT",
            "PARAMETERS": "VARIANT",
        },
        "VARIANT",
        "An answer from the organisation's cache, or else from the model",
    ),
)


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """Snowflake's credits for a million tokens, of the prompt and of the answer."""

    prompt: float
    completion: float


@dataclass(frozen=True)
class CortexFunctionsArgs:
    """Where the functions lie, who calls them and what they may do.

    `caller_role` is the business role that every organisation's application has; `database_use` the database's access
    role. `writer` is a provider that owns the tables and has a warehouse. `cache_lifetime_seconds` and
    `cache_characters` bound each organisation's cache.
    """

    database: pulumi.Input[str]
    database_name: str
    schema_name: str
    tenant_management_name: str
    organizations: pulumi.Resource
    database_use: pulumi.Input[str]
    caller_role: pulumi.Input[str]
    allowed_models: tuple[str, ...]
    prices: Mapping[str, ModelPrice]
    cache_lifetime_seconds: int
    cache_characters: int
    writer: snowflake.Provider
    providers: AdministrativeProviders
    deletion_protection: bool


class CortexFunctions(Component):
    """The way to a model: schema, prices, view OWN_ORGANIZATION, routines, and the access role that may use all."""

    def __init__(self, name: str, args: CortexFunctionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:CortexFunctions", name, opts)
        providers, prefix = args.providers, args.schema_name
        schema = managed_schema(
            self,
            database=args.database,
            database_name=args.database_name,
            schema_name=args.schema_name,
            providers=providers,
            deletion_protection=args.deletion_protection,
            comment="Models: cached completions, budgets, prices",
        )
        schema_name = quoted(args.database, schema.name)
        tables = declare_tables(
            self,
            CORTEX_FUNCTIONS_TABLES,
            database=args.database,
            schema=schema,
            prefix=prefix,
            providers=providers,
            deletion_protection=args.deletion_protection,
        )
        by_security = self.child_options(providers.security_administrator, delete_before_replace=True)
        role = self.child(
            snowflake.DatabaseRole(
                f"{prefix}_CALL",
                database=args.database,
                name=f"{prefix}_CALL",
                comment="May use the schema's functions, procedures and views",
                opts=self.child_options(providers.system_administrator),
            )
        )
        call = quoted(args.database, role.name)
        self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{prefix}-call-schema",
                database_role_name=call,
                privileges=["USAGE"],
                on_schema=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaArgs(schema_name=schema_name),
                opts=by_security,
            )
        )
        future = [
            self.child(
                snowflake.GrantPrivilegesToDatabaseRole(
                    f"{prefix}-call-{plural.lower()}-future",
                    database_role_name=call,
                    privileges=[privilege],
                    on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                        future=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectFutureArgs(
                            object_type_plural=plural, in_schema=schema_name
                        )
                    ),
                    opts=by_security,
                )
            )
            for plural, privilege in (("FUNCTIONS", "USAGE"), ("PROCEDURES", "USAGE"), ("VIEWS", "SELECT"))
        ]
        self.child(
            snowflake.GrantDatabaseRole(
                f"{prefix}-use-in-call",
                database_role_name=args.database_use,
                parent_database_role_name=call,
                opts=by_security,
            )
        )
        self.child(
            snowflake.GrantDatabaseRole(
                f"{prefix}-call-in-callers",
                database_role_name=call,
                parent_role_name=args.caller_role,
                opts=by_security,
            )
        )
        schemas = {"TENANT_MANAGEMENT": f"{args.database_name}.{args.tenant_management_name}"}
        for view in view_queries("cortex_functions", schemas).values():
            self.child(
                snowflake.View(
                    f"{prefix}-{view.name}",
                    database=args.database,
                    schema=schema.name,
                    name=view.name,
                    statement=view.statement,
                    is_secure="true",
                    copy_grants=True,
                    comment=view.comment,
                    opts=self.child_options(providers.system_administrator, depends_on=[args.organizations, *future]),
                )
            )
        where = RoutineSchema(
            args.database,
            schema.name,
            prefix,
            {
                "CORTEX_FUNCTIONS": f"{args.database_name}.{args.schema_name}",
                "ALLOWED_MODELS": args.allowed_models,
                "CACHE_LIFETIME_SECONDS": args.cache_lifetime_seconds,
                "CACHE_CHARACTERS": args.cache_characters,
            },
        )
        for routine in FUNCTIONS:
            declare_function(self, where, routine, providers.system_administrator, future)
        for routine in PROCEDURES:
            declare_procedure(self, where, routine, providers.system_administrator, future)
        if args.prices:
            table = quoted(args.database, schema.name, tables["MODEL_PRICES"].name)
            self.child(
                snowflake.Execute(
                    f"{prefix}-prices",
                    execute=table.apply(lambda table: declare_prices(table, args.prices)),
                    revert=pulumi.Output.concat("DELETE FROM ", table),
                    opts=self.child_options(args.writer, delete_before_replace=True),
                )
            )
        self.schema: pulumi.Output[str] = schema.name
        self.prices: snowflake.Table = tables["MODEL_PRICES"]
        self.register_outputs({"schema": self.schema})


def declare_prices(table: str, prices: Mapping[str, ModelPrice]) -> str:
    """The MERGE that writes the prices; run again it changes nothing."""
    rows = " UNION ALL ".join(
        f"SELECT {literal(model)} AS MODEL, {price.prompt} AS PROMPT, {price.completion} AS COMPLETION"
        for model, price in sorted(prices.items())
    )
    return (
        f"MERGE INTO {table} AS KNOWN USING ({rows}) AS DECLARED ON KNOWN.MODEL = DECLARED.MODEL "  # noqa: S608
        "WHEN MATCHED THEN UPDATE SET CREDITS_PER_MILLION_PROMPT_TOKENS = DECLARED.PROMPT, "
        "CREDITS_PER_MILLION_COMPLETION_TOKENS = DECLARED.COMPLETION "
        "WHEN NOT MATCHED THEN INSERT (MODEL, CREDITS_PER_MILLION_PROMPT_TOKENS, "
        "CREDITS_PER_MILLION_COMPLETION_TOKENS) VALUES (DECLARED.MODEL, DECLARED.PROMPT, DECLARED.COMPLETION)"
    )
