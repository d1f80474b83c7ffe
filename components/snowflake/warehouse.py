"""A warehouse that cannot run away: suspended when idle, and stopped by a monitor at its monthly credits."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders

#: Per cent of the month's credits at which the monitor warns, lets running statements finish, and stops all.
NOTIFY_TRIGGERS = (50, 80)
SUSPEND_TRIGGER = 95
SUSPEND_IMMEDIATE_TRIGGER = 100


@dataclass(frozen=True)
class WarehouseLimits:
    """What a warehouse may use.

    `size` in Snowflake's words (XSMALL uses one credit an hour), `auto_suspend_seconds` of idleness,
    `monthly_credits` for each calendar month.
    """

    size: str
    auto_suspend_seconds: int
    monthly_credits: int


def monitored_warehouse(
    component: Component,
    *,
    warehouse_name: str,
    monitor_name: str,
    limits: WarehouseLimits,
    providers: AdministrativeProviders,
    comment: str,
    owner: pulumi.Input[str] = "SYSADMIN",
) -> tuple[snowflake.Warehouse, snowflake.ResourceMonitor, snowflake.GrantOwnership]:
    """Declare the monitor, the warehouse under it, and the warehouse's hand-over to `owner`.

    The monitor has neither FREQUENCY nor START_TIMESTAMP: Snowflake then resets it at the beginning of each
    calendar month. One cannot be given without the other, a start that has passed is refused at creation (error
    090263, so no fixed date would serve an organisation that comes later), and IMMEDIATELY never converges.

    Whoever is granted something on the warehouse should depend on the hand-over, so that the grantor of
    every privilege is the lasting owner.
    """
    monitor = component.child(
        snowflake.ResourceMonitor(
            f"{warehouse_name}-monitor",
            name=monitor_name,
            credit_quota=limits.monthly_credits,
            notify_triggers=list(NOTIFY_TRIGGERS),
            suspend_trigger=SUSPEND_TRIGGER,
            suspend_immediate_trigger=SUSPEND_IMMEDIATE_TRIGGER,
            opts=component.child_options(providers.account_administrator),
        )
    )
    warehouse = component.child(
        snowflake.Warehouse(
            f"{warehouse_name}-warehouse",
            name=warehouse_name,
            warehouse_size=limits.size,
            auto_suspend=limits.auto_suspend_seconds,
            auto_resume="true",
            initially_suspended=True,
            resource_monitor=monitor.name,
            comment=comment,
            opts=component.child_options(providers.account_administrator),
        )
    )
    ownership = component.child(
        snowflake.GrantOwnership(
            f"{warehouse_name}-owner",
            account_role_name=owner,
            outbound_privileges="COPY",
            on=snowflake.GrantOwnershipOnArgs(object_type="WAREHOUSE", object_name=warehouse.name),
            opts=component.child_options(providers.account_administrator, delete_before_replace=True),
        )
    )
    return warehouse, monitor, ownership
