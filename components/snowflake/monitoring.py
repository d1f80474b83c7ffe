"""MONITORING: what Power BI reads, the nightly counts that feed it, and alerts.

Patients' data cannot get here. The views read SNOWFLAKE.ACCOUNT_USAGE's usage and security views, of which none holds
the text of a statement (`account_usage`), and tables of numbers, to which each organisation's own task adds its counts.
Their owner is granted the database roles of SNOWFLAKE that read those views and no other; in particular nobody holds
GOVERNANCE_VIEWER, which shows QUERY_HISTORY's QUERY_TEXT.

Usage is attributed to an organisation by the statement's QUERY_TAG, of which the text before the first colon is the
organisation's id ("HCS0001:chat"), and by the warehouse where there is no such tag. No statement shows to anybody.

Alerts and counting tasks belong to the maintenance role, which administers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake import account_usage
from components.snowflake.database import declare_tables, managed_schema
from components.snowflake.handlers.raise_alert import ALERTS
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.retention import Maintenance
from components.snowflake.routines import Routine, RoutineSchema, declare_procedure
from components.snowflake.sql import literal, quoted
from components.snowflake.tables import MONITORING_TABLES
from components.snowflake.view_files import ViewQuery, view_queries

COUNT_TASK = "COUNT_USAGE"
#: Days that each night counts again, so that a night or two may be missed.
COUNTED_DAYS = 3
COLLECT = Routine(
    "COLLECT_TENANT_DAYS",
    "collect_tenant_days",
    {"ORGANIZATION_ID": "VARCHAR", "DATABASE_NAME": "VARCHAR", "SCHEMA_NAME": "VARCHAR", "DAYS": "NUMBER"},
    "VARIANT",
    "Counts what an organisation did on its latest days",
)
RAISE = Routine("RAISE_ALERT", "raise_alert", {"ALERT": "VARCHAR"}, "VARIANT", "Writes an alert down, and mails it")


@dataclass(frozen=True, slots=True)
class Price:
    """An amount and its unit: a currency, or what a threshold counts."""

    amount: float
    unit: str


@dataclass(frozen=True)
class AlertRules:
    """When alerts are looked at (five cron fields and a time zone), and whom they are mailed to; nobody: not mailed."""

    schedule: str
    integration_name: str
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonitoringArgs:
    """Where the monitoring lies, what it reads, and for whom.

    `read_tables` are the shared tables that the views read; `reader_role` is Power BI's, `maintenance_role` runs the
    tasks and alerts through `maintenance`. `prices` go into the table PRICES by item. `writer` is a provider that owns
    the tables and has a warehouse.
    """

    database: pulumi.Input[str]
    database_name: str
    schema_name: str
    tenant_management_name: str
    cortex_functions_name: str
    read_tables: Sequence[pulumi.Resource]
    database_use: pulumi.Input[str]
    reader_role: pulumi.Input[str]
    maintenance_role: pulumi.Input[str]
    maintenance: snowflake.Provider
    warehouse: pulumi.Input[str]
    prices: Mapping[str, Price]
    alerts: AlertRules
    writer: snowflake.Provider
    providers: AdministrativeProviders
    deletion_protection: bool


class Monitoring(Component):
    """Counts, times and costs: a schema, its tables and views, the procedures that fill them, and the alerts."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:Monitoring", name, opts)
        self._args, self._prefix = args, args.schema_name
        providers = args.providers
        schema = managed_schema(
            self,
            database=args.database,
            database_name=args.database_name,
            schema_name=args.schema_name,
            providers=providers,
            deletion_protection=args.deletion_protection,
            comment="Numbers about use and cost; no content",
        )
        self._schema = quoted(args.database, schema.name)
        #: Tables with a tenant key, to be guarded as all such tables are.
        self.tables = declare_tables(
            self,
            MONITORING_TABLES,
            database=args.database,
            schema=schema,
            prefix=self._prefix,
            providers=providers,
            deletion_protection=args.deletion_protection,
        )
        self.schema: pulumi.Output[str] = schema.name
        sources = [
            self.child(
                snowflake.GrantDatabaseRole(
                    f"SNOWFLAKE-{role}",
                    database_role_name=quoted("SNOWFLAKE", role),
                    # Who owns the views, and so reads for them.
                    parent_role_name="SYSADMIN",
                    opts=self.child_options(providers.account_administrator, delete_before_replace=True),
                )
            )
            for role in account_usage.DATABASE_ROLES
        ]
        read = self._access_role("READ", "May read the views", args.reader_role)
        self._on_schema("read", read, ["USAGE"])
        views = self._views([*sources, *args.read_tables, self._future("read", read, "SELECT", "VIEWS")])
        work = self._access_role("WORK", "May count and raise alerts", args.maintenance_role)
        may_work: list[pulumi.CustomResource] = [self._on_schema("work", work, ["USAGE", "CREATE ALERT"])]
        may_work += [
            self._on_table("work", work, ["SELECT", "INSERT", "UPDATE"], table)
            for table in ("TENANT_DAYS", "TENANT_MODEL_DAYS", "ALERTS_RAISED")
        ]
        calls = self._future("work", work, "USAGE", "PROCEDURES")
        may_work.append(
            self.child(
                snowflake.GrantDatabaseRole(
                    f"{self._prefix}-read-in-work",
                    database_role_name=read,
                    parent_database_role_name=work,
                    opts=self._grant_options(),
                )
            )
        )
        mailed = self._mail()
        where = RoutineSchema(
            args.database,
            schema.name,
            self._prefix,
            {
                "MONITORING": f"{args.database_name}.{args.schema_name}",
                "EMAIL_INTEGRATION": args.alerts.integration_name if mailed else "",
                "EMAIL_RECIPIENTS": ", ".join(args.alerts.recipients),
            },
        )
        collect, raise_alert = (
            declare_procedure(self, where, routine, providers.system_administrator, [calls])
            for routine in (COLLECT, RAISE)
        )
        self._alerts([*views, *may_work, *mailed, raise_alert])
        if args.prices:
            table = quoted(args.database, schema.name, self.tables["PRICES"].name)
            self.child(
                snowflake.Execute(
                    f"{self._prefix}-prices",
                    execute=table.apply(lambda table: declare_amounts(table, args.prices)),
                    revert=pulumi.Output.concat("DELETE FROM ", table),
                    opts=self.child_options(args.writer, delete_before_replace=True),
                )
            )
        #: COLLECT_TENANT_DAYS by its full name, once whoever runs the tasks may do so.
        self.collect: pulumi.Output[str] = pulumi.Output.all(
            quoted(args.database, schema.name, collect.name), *(grant.urn for grant in may_work)
        ).apply(lambda known: str(known[0]))
        self.register_outputs({"schema": self.schema, "collect": self.collect})

    def _grant_options(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return self.child_options(
            self._args.providers.security_administrator, delete_before_replace=True, depends_on=depends_on
        )

    def _access_role(self, level: str, comment: str, holder: pulumi.Input[str]) -> pulumi.Output[str]:
        name = f"{self._prefix}_{level}"
        role = self.child(
            snowflake.DatabaseRole(
                name,
                database=self._args.database,
                name=name,
                comment=comment,
                opts=self.child_options(self._args.providers.system_administrator),
            )
        )
        qualified = quoted(self._args.database, role.name)
        self.child(
            snowflake.GrantDatabaseRole(
                f"{name}-in-holder", database_role_name=qualified, parent_role_name=holder, opts=self._grant_options()
            )
        )
        self.child(
            snowflake.GrantDatabaseRole(
                f"{name}-use",
                database_role_name=self._args.database_use,
                parent_database_role_name=qualified,
                opts=self._grant_options(),
            )
        )
        return qualified

    def _on_schema(self, word: str, role: pulumi.Output[str], privileges: list[str]) -> pulumi.CustomResource:
        return self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{self._prefix}-{word}-schema",
                database_role_name=role,
                privileges=privileges,
                on_schema=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaArgs(schema_name=self._schema),
                opts=self._grant_options(),
            )
        )

    def _on_table(
        self, word: str, role: pulumi.Output[str], privileges: list[str], table: str
    ) -> pulumi.CustomResource:
        return self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{self._prefix}-{word}-{table}",
                database_role_name=role,
                privileges=privileges,
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    object_type="TABLE",
                    object_name=quoted(self._args.database, self.schema, self.tables[table].name),
                ),
                opts=self._grant_options(),
            )
        )

    def _future(self, word: str, role: pulumi.Output[str], privilege: str, plural: str) -> pulumi.CustomResource:
        return self.child(
            snowflake.GrantPrivilegesToDatabaseRole(
                f"{self._prefix}-{word}-{plural.lower()}-future",
                database_role_name=role,
                privileges=[privilege],
                on_schema_object=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectArgs(
                    future=snowflake.GrantPrivilegesToDatabaseRoleOnSchemaObjectFutureArgs(
                        object_type_plural=plural, in_schema=self._schema
                    )
                ),
                opts=self._grant_options(),
            )
        )

    def _views(self, needs: Sequence[pulumi.Resource]) -> list[snowflake.View]:
        """The views, each after those of ours that it reads."""
        args = self._args
        made: dict[str, snowflake.View] = {}
        for view in in_order(monitoring_views(args.database_name, args)):
            after = [made[name] for name in made if reads(view, name)]
            made[view.name] = self.child(
                snowflake.View(
                    f"{self._prefix}-{view.name}",
                    database=args.database,
                    schema=self.schema,
                    name=view.name,
                    statement=view.statement,
                    copy_grants=True,
                    comment=view.comment,
                    opts=self.child_options(
                        args.providers.system_administrator,
                        depends_on=[*needs, *self.tables.values(), *after],
                    ),
                )
            )
        return list(made.values())

    def _mail(self) -> list[pulumi.Resource]:
        """The integration that mails, and its grant, where there is anybody to mail to."""
        rules, providers = self._args.alerts, self._args.providers
        if not rules.recipients:
            return []
        integration = self.child(
            snowflake.EmailNotificationIntegration(
                rules.integration_name,
                name=rules.integration_name,
                enabled=True,
                allowed_recipients=list(rules.recipients),
                comment="Alerts of the monitoring",
                opts=self.child_options(providers.account_administrator),
            )
        )
        granted = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                f"{rules.integration_name}-maintenance",
                account_role_name=self._args.maintenance_role,
                privileges=["USAGE"],
                on_account_object=snowflake.GrantPrivilegesToAccountRoleOnAccountObjectArgs(
                    object_type="INTEGRATION", object_name=integration.name
                ),
                opts=self._grant_options(),
            )
        )
        return [integration, granted]

    def _alerts(self, needs: Sequence[pulumi.Resource]) -> None:
        args = self._args
        executes = self.child(
            snowflake.GrantPrivilegesToAccountRole(
                "maintenance-alerts",
                account_role_name=args.maintenance_role,
                # Only ACCOUNTADMIN may grant it.
                privileges=["EXECUTE ALERT"],
                on_account=True,
                opts=self.child_options(args.providers.account_administrator, delete_before_replace=True),
            )
        )
        schema = f"{args.database_name}.{args.schema_name}"
        for alert, view in ALERTS.items():
            self.child(
                snowflake.Alert(
                    f"{self._prefix}-{alert}",
                    database=args.database,
                    schema=self.schema,
                    name=alert,
                    warehouse=args.warehouse,
                    alert_schedule=snowflake.AlertAlertScheduleArgs(
                        cron=snowflake.AlertAlertScheduleCronArgs(
                            expression=args.alerts.schedule.rsplit(" ", 1)[0],
                            time_zone=args.alerts.schedule.rsplit(" ", 1)[1],
                        )
                    ),
                    condition=alert_condition(schema, alert, view),
                    action=f"CALL {schema}.RAISE_ALERT({literal(alert)})",
                    enabled=True,
                    opts=self.child_options(args.maintenance, depends_on=[*needs, executes]),
                )
            )


def monitoring_views(database_name: str, args: MonitoringArgs) -> dict[str, ViewQuery]:
    """The views' queries, with the deployment's own names in them."""
    return view_queries(
        "monitoring",
        {
            "TENANT_MANAGEMENT": f"{database_name}.{args.tenant_management_name}",
            "CORTEX_FUNCTIONS": f"{database_name}.{args.cortex_functions_name}",
            "MONITORING": f"{database_name}.{args.schema_name}",
        },
    )


def reads(view: ViewQuery, name: str) -> bool:
    """Whether a view reads another one of ours."""
    return f".{name}\n" in view.query or f".{name} " in view.query


def in_order(views: Mapping[str, ViewQuery]) -> list[ViewQuery]:
    """The views, each behind those that it reads; ValueError where they read each other in a circle."""
    ordered: list[ViewQuery] = []
    left = dict(views)
    while left:
        ready = [view for view in left.values() if not any(reads(view, name) for name in left if name != view.name)]
        if not ready:
            raise ValueError(f"views read each other in a circle: {', '.join(left)}")
        ordered += ready
        left = {name: view for name, view in left.items() if view not in ready}
    return ordered


def alert_condition(schema: str, alert: str, view: str) -> str:
    """There is a reason, and nobody was told in the last day."""
    return (
        f"SELECT 1 FROM {schema}.{view} WHERE NOT EXISTS (SELECT 1 FROM {schema}.ALERTS_RAISED AS RAISED "  # noqa: S608
        f"WHERE RAISED.ALERT = {literal(alert)} AND RAISED.RAISED_AT > DATEADD('DAY', -1, SYSDATE()))"
    )


def declare_amounts(table: str, prices: Mapping[str, Price]) -> str:
    """The MERGE that writes the amounts; run again it changes nothing."""
    rows = " UNION ALL ".join(
        f"SELECT {literal(item)} AS ITEM, {price.amount} AS AMOUNT, {literal(price.unit)} AS UNIT"
        for item, price in sorted(prices.items())
    )
    return (
        f"MERGE INTO {table} AS KNOWN USING ({rows}) AS DECLARED ON KNOWN.ITEM = DECLARED.ITEM "  # noqa: S608
        "WHEN MATCHED THEN UPDATE SET AMOUNT = DECLARED.AMOUNT, UNIT = DECLARED.UNIT "
        "WHEN NOT MATCHED THEN INSERT (ITEM, AMOUNT, UNIT) VALUES (DECLARED.ITEM, DECLARED.AMOUNT, DECLARED.UNIT)"
    )


@dataclass(frozen=True)
class Counting:
    """What each organisation's counting task needs: COLLECT_TENANT_DAYS' full name, and when it runs."""

    procedure: pulumi.Input[str]
    schedule: str


def declare_counting(
    component: Component,
    organization_id: str,
    *,
    database: pulumi.Input[str],
    schema: pulumi.Input[str],
    counting: Counting,
    maintenance: Maintenance,
    depends_on: Sequence[pulumi.Resource],
) -> snowflake.Task:
    """The organisation's task: a root of its own with nothing after it, on the platform's warehouse, so that counting
    neither wakes a suspended organisation's warehouse nor uses its credits."""
    return component.child(
        snowflake.Task(
            f"{organization_id}-{COUNT_TASK}",
            database=database,
            schema=schema,
            name=COUNT_TASK,
            warehouse=maintenance.warehouse,
            schedule=snowflake.TaskScheduleArgs(using_cron=counting.schedule),
            sql_statement=pulumi.Output.all(counting.procedure, database, schema).apply(
                lambda known: (
                    f"CALL {known[0]}({literal(organization_id)}, {literal(known[1])}, {literal(known[2])}, "
                    f"{COUNTED_DAYS})"
                )
            ),
            started=True,
            comment="Counts for the monitoring: numbers alone",
            opts=component.child_options(maintenance.provider, depends_on=depends_on),
        )
    )
