"""VIDEXA_SHARED.GOVERNANCE: the tag that marks patients' data, the masks that hang on it, and who sees which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.database import managed_schema
from components.snowflake.phi import PHI_CLASSES, columns_by_class
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.sql import literal, quoted
from components.snowflake.tables import TENANT_MANAGEMENT_TABLES, TableDefinition

#: What a reader without the right sees instead of a text: short enough for every column.
MASK = "*****"
#: Masking policy → the type that it masks, and what it shows instead of a value.
MASKS: Mapping[str, tuple[str, str]] = {
    "PHI_TEXT": ("VARCHAR", literal(MASK)),
    "PHI_VARIANT": ("VARIANT", "NULL"),
    "PHI_ARRAY": ("ARRAY", "NULL"),
}
TAG = "PHI"
ROW_ACCESS_POLICY = "TENANT_ROWS"
#: The column of a shared table that says whose row it is, and the row access policy's one argument.
TENANT_KEY = "ORGANIZATION_ID"


@dataclass(frozen=True)
class GovernanceArgs:
    """What the governance of data is made of.

    `clear_text_roles` is a regular expression for the roles that see patients' data in clear, anchored at both ends:
    a tenant added later needs no new policy. `application_role_suffix` makes of an organisation's id its application's
    role, and `all_rows_roles` are the roles that see the shared tables' rows of every organisation. `shared_tables` are
    those tables, which lie in `shared_schema` of the same database; each has the column ORGANIZATION_ID.
    """

    database: pulumi.Input[str]
    database_name: str
    schema_name: str
    clear_text_roles: str
    application_role_suffix: str
    all_rows_roles: Sequence[str]
    shared_schema: pulumi.Input[str]
    shared_tables: Mapping[str, snowflake.Table]
    providers: AdministrativeProviders
    deletion_protection: bool

    def __post_init__(self) -> None:
        if not (self.clear_text_roles.startswith("^") and self.clear_text_roles.endswith("$")):
            raise ValueError(f"clear_text_roles must be anchored at both ends: {self.clear_text_roles!r}")


class Governance(Component):
    """The schema with the tag PHI, its masking policies and the shared tables' row access policy.

    All of it belongs to SYSADMIN, who owns the tables too and so may attach it. A mask looks at the role that the
    session acts in, never at inherited ones: SYSADMIN and ACCOUNTADMIN inherit every application's role and are masked
    all the same.
    """

    def __init__(self, name: str, args: GovernanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:Governance", name, opts)
        self._administrators = args.providers
        schema = managed_schema(
            self,
            database=args.database,
            database_name=args.database_name,
            schema_name=args.schema_name,
            providers=args.providers,
            deletion_protection=args.deletion_protection,
            comment="What protects patients' data",
        )
        options = self.child_options(args.providers.system_administrator)
        masks = [
            self.child(
                snowflake.MaskingPolicy(
                    mask,
                    database=args.database,
                    schema=schema.name,
                    name=mask,
                    arguments=[snowflake.MaskingPolicyArgumentArgs(name="VAL", type=type_)],
                    return_data_type=type_,
                    body=masking_body(args.clear_text_roles, instead),
                    comment="In clear for the applications' roles alone",
                    opts=options,
                )
            )
            for mask, (type_, instead) in MASKS.items()
        ]
        tag = self.child(
            snowflake.Tag(
                TAG,
                database=args.database,
                schema=schema.name,
                name=TAG,
                ordered_allowed_values=list(PHI_CLASSES),
                masking_policies=[quoted(args.database, schema.name, mask.name) for mask in masks],
                comment="; ".join(f"{name}: {meaning}" for name, meaning in PHI_CLASSES.items()),
                opts=options,
            )
        )
        rows = self.child(
            snowflake.RowAccessPolicy(
                ROW_ACCESS_POLICY,
                database=args.database,
                schema=schema.name,
                name=ROW_ACCESS_POLICY,
                # Fixed for ever: a changed signature replaces the policy, and Snowflake drops none that is attached.
                arguments=[snowflake.RowAccessPolicyArgumentArgs(name=TENANT_KEY, type="VARCHAR")],
                body=row_access_body(args.application_role_suffix, args.all_rows_roles),
                comment="An organisation's rows for its own application",
                opts=options,
            )
        )
        #: Full names, quoted.
        self.phi_tag: pulumi.Output[str] = quoted(args.database, schema.name, tag.name)
        self.row_access_policy: pulumi.Output[str] = quoted(args.database, schema.name, rows.name)
        self.schema: pulumi.Output[str] = schema.name
        tag_columns(
            self,
            args.database_name,
            TENANT_MANAGEMENT_TABLES,
            tag=self.phi_tag,
            database=args.database,
            schema=args.shared_schema,
            tables=args.shared_tables,
            providers=args.providers,
        )
        for table_name, table in args.shared_tables.items():
            self.guard_rows(self, table_name, quoted(args.database, args.shared_schema, table.name))
        self.register_outputs(
            {"schema": self.schema, "phi_tag": self.phi_tag, "row_access_policy": self.row_access_policy}
        )

    def guard_rows(self, component: Component, name: str, table: pulumi.Output[str]) -> None:
        """Attach the row access policy to a shared table, given by its full name, as a child of `component`.

        The provider's Table has no field for it. The statement that attaches it would fail where it is attached
        already, so the old one is taken back before a new one runs.
        """
        component.child(
            snowflake.Execute(
                f"{name}-rows",
                execute=pulumi.Output.concat(
                    "ALTER TABLE ", table, " ADD ROW ACCESS POLICY ", self.row_access_policy, f" ON ({TENANT_KEY})"
                ),
                revert=pulumi.Output.concat("ALTER TABLE ", table, " DROP ROW ACCESS POLICY ", self.row_access_policy),
                opts=component.child_options(self._administrators.system_administrator, delete_before_replace=True),
            )
        )


def tag_columns(
    component: Component,
    prefix: str,
    definitions: Mapping[str, TableDefinition],
    *,
    tag: pulumi.Input[str],
    database: pulumi.Input[str],
    schema: pulumi.Input[str],
    tables: Mapping[str, snowflake.Table],
    providers: AdministrativeProviders,
) -> None:
    """Mark the columns of `definitions` that can hold patients' data: one resource for each class that occurs.

    Its id is tag, value and type. Moving a column to another class therefore takes two runs, one that takes it off and
    one that puts it on: in one run the engine may do them in the other order, and the last would take the tag off.
    """
    for phi_class, columns in columns_by_class(definitions).items():
        names = {table: tables[table].name for table, _ in columns}
        component.child(
            snowflake.TagAssociation(
                f"{prefix}-{TAG}-{phi_class}",
                tag_id=tag,
                tag_value=phi_class,
                object_type="COLUMN",
                object_identifiers=pulumi.Output.all(database=database, schema=schema, **names).apply(
                    partial(_column_names, columns)
                ),
                opts=component.child_options(providers.system_administrator, delete_before_replace=True),
            )
        )


def _column_names(columns: Sequence[tuple[str, str]], known: Mapping[str, str]) -> list[str]:
    return [f'"{known["database"]}"."{known["schema"]}"."{known[table]}"."{column}"' for table, column in columns]


def masking_body(clear_text_roles: str, instead: str) -> str:
    """The value for the roles that may see it, else `instead` (SQL)."""
    return f"CASE WHEN REGEXP_LIKE(CURRENT_ROLE(), {literal(clear_text_roles)}) THEN VAL ELSE {instead} END"


def row_access_body(application_role_suffix: str, all_rows_roles: Sequence[str]) -> str:
    """Whether the current role may see a row: its organisation's application, or a role for all of them."""
    everyone = ", ".join(map(literal, sorted(all_rows_roles)))
    return f"CURRENT_ROLE() = {TENANT_KEY} || {literal(application_role_suffix)} OR CURRENT_ROLE() IN ({everyone})"
