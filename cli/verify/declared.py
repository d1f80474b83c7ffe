"""What a stack says should be there: the side of every comparison that is not the cloud's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.verify.report import CheckImpossibleError
from cli.verify.state import StackState

Columns = Mapping[str, tuple[str, bool]]
"""A table's columns in order: type, and whether a value is required."""


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """An organisation's settings.

    `monthly_credits` is the monitor's quota, `auto_suspend_seconds` the warehouse's idle time, and
    `retention_days` how long dropped and changed data can be had back; `models` are the Cortex models that its
    application may use. A `suspended` one's roles reach nothing, its own included.
    """

    organization: str
    warehouse_size: str
    monthly_credits: int
    auto_suspend_seconds: int
    retention_days: int
    models: tuple[str, ...]
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class DeclaredDatabase:
    """A database, the schema of ours that most is asked of, and all schemas that are declared in it."""

    database: str
    schema: str
    schemas: frozenset[str]
    tables: Mapping[str, Columns]
    database_roles: frozenset[str]

    def table(self, name: str) -> str:
        """A table's full name in SQL."""
        return f'"{self.database}"."{self.schema}"."{name}"'


@dataclass(frozen=True, slots=True)
class DeclaredTenant:
    """One organisation: its objects' names, from the stack's outputs, and its settings."""

    settings: TenantSettings
    content: DeclaredDatabase
    warehouse: str
    resource_monitor: str
    role_application: str
    role_analyst: str
    role_administrator: str

    @property
    def organization(self) -> str:
        return self.settings.organization

    @property
    def roles(self) -> tuple[str, str, str]:
        return self.role_application, self.role_analyst, self.role_administrator

    @property
    def row(self) -> dict[str, str | int]:
        """What its row in ORGANIZATIONS says."""
        return {
            "DATABASE_NAME": self.content.database,
            "SCHEMA_NAME": self.content.schema,
            "WAREHOUSE_NAME": self.warehouse,
            "RESOURCE_MONITOR_NAME": self.resource_monitor,
            "APPLICATION_ROLE": self.role_application,
            "ANALYST_ROLE": self.role_analyst,
            "ADMINISTRATOR_ROLE": self.role_administrator,
            "WAREHOUSE_SIZE": self.settings.warehouse_size,
            "MONTHLY_CREDITS": self.settings.monthly_credits,
            "RETENTION_DAYS": self.settings.retention_days,
            "AUTO_SUSPEND_SECONDS": self.settings.auto_suspend_seconds,
        }


@dataclass(frozen=True, slots=True)
class Triggers:
    """Per cent of a monitor's credits at which it does something; None where it does not."""

    notify: frozenset[int]
    suspend: frozenset[int]
    suspend_immediately: frozenset[int]


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything of the stack on Snowflake. `service_user_roles` are all that the service user is granted, and
    `inherited_roles` the declared roles that each account role inherits."""

    tenants: tuple[DeclaredTenant, ...]
    shared: DeclaredDatabase
    shared_warehouse: str
    service_user: str
    service_user_roles: frozenset[str]
    inherited_roles: Mapping[str, frozenset[str]]
    triggers: Mapping[str, Triggers]

    @property
    def active(self) -> tuple[DeclaredTenant, ...]:
        """The tenants that are not suspended."""
        return tuple(tenant for tenant in self.tenants if not tenant.settings.suspended)

    @classmethod
    def of(cls, settings: Iterable[TenantSettings], outputs: Mapping[str, Any], state: StackState) -> Declared:
        """Join settings, outputs and state.

        Raises `CheckImpossibleError` naming the organisation that only the settings or only the outputs have.
        """
        by_organization = {tenant.organization: tenant for tenant in settings}
        names: Mapping[str, Mapping[str, str]] = outputs["tenants"]
        for organization in sorted(by_organization.keys() ^ names.keys()):
            where = (
                "is declared but not deployed" if organization in by_organization else "is deployed but not declared"
            )
            raise CheckImpossibleError(organization, f"{where}: run `nexus up`")
        databases = _Databases(state)
        service_user = str(outputs["service_user"])
        shared = outputs["shared"]
        return cls(
            tenants=tuple(
                DeclaredTenant(
                    settings=by_organization[organization],
                    content=databases.of(tenant["database"], tenant["schema"]),
                    warehouse=tenant["warehouse"],
                    resource_monitor=tenant["resource_monitor"],
                    role_application=tenant["role_application"],
                    role_analyst=tenant["role_analyst"],
                    role_administrator=tenant["role_administrator"],
                )
                for organization, tenant in sorted(names.items())
            ),
            shared=databases.of(shared["database"], shared["schema"]),
            shared_warehouse=shared["warehouse"],
            service_user=service_user,
            service_user_roles=frozenset(
                str(grant.inputs["roleName"])
                for grant in state.of_type("snowflake:index/grantAccountRole:GrantAccountRole")
                if grant.inputs.get("userName") == service_user
            ),
            inherited_roles=_inherited(state),
            triggers={
                str(monitor.inputs["name"]): Triggers(
                    frozenset(map(int, monitor.inputs.get("notifyTriggers") or ())),
                    _one(monitor.inputs.get("suspendTrigger")),
                    _one(monitor.inputs.get("suspendImmediateTrigger")),
                )
                for monitor in state.of_type("snowflake:index/resourceMonitor:ResourceMonitor")
            },
        )


def _inherited(state: StackState) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for grant in state.of_type("snowflake:index/grantAccountRole:GrantAccountRole"):
        if grant.inputs.get("parentRoleName"):
            found.setdefault(str(grant.inputs["parentRoleName"]), set()).add(str(grant.inputs["roleName"]))
    return {role: frozenset(inherited) for role, inherited in found.items()}


def _one(share: float | None) -> frozenset[int]:
    return frozenset() if share is None else frozenset({int(share)})


class _Databases:
    """Finds a declared database's tables and roles in the state."""

    def __init__(self, state: StackState) -> None:
        self._tables: dict[tuple[str, str], dict[str, Columns]] = {}
        for table in state.of_type("snowflake:index/table:Table"):
            place = (str(table.inputs["database"]), str(table.inputs["schema"]))
            self._tables.setdefault(place, {})[str(table.inputs["name"])] = {
                str(column["name"]): (str(column["type"]), column.get("nullable") is False)
                for column in table.inputs["columns"]
            }
        self._schemas: dict[str, set[str]] = {}
        for schema in state.of_type("snowflake:index/schema:Schema"):
            self._schemas.setdefault(str(schema.inputs["database"]), set()).add(str(schema.inputs["name"]))
        self._roles: dict[str, set[str]] = {}
        for role in state.of_type("snowflake:index/databaseRole:DatabaseRole"):
            self._roles.setdefault(str(role.inputs["database"]), set()).add(str(role.inputs["name"]))

    def of(self, database: str, schema: str) -> DeclaredDatabase:
        return DeclaredDatabase(
            database,
            schema,
            frozenset(self._schemas.get(database, ())),
            self._tables.get((database, schema), {}),
            frozenset(self._roles.get(database, ())),
        )
