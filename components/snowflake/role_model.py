"""The role model: every kind of role, what it holds and who holds it. Components declare it, docs/roles.md shows it.

Three layers. **Access roles** are database roles: they hold privileges on one schema, live and die with its database
and cannot reach beyond it. **Functional roles** are account roles of one tenant: they hold access roles, and use their
own warehouse. **Business roles** are account roles for one task on the platform as a whole. All account roles are
granted to SYSADMIN, who owns the objects; no role is granted to PUBLIC, and no administrative role to another role.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What every access role of a schema begins with is the schema's name; this one is the database's.
DATABASE_USE = "DATABASE_USE"


@dataclass(frozen=True, slots=True)
class AccessRole:
    """One level of access to a schema: its privileges, and the level that it includes.

    `tables` are privileges on all tables that stand and on each that will be made.
    """

    level: str
    meaning: str
    includes: str
    schema: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def name(self, schema: str) -> str:
        return f"{schema}_{self.level}"


READ = AccessRole("READ", "may read the schema's tables", DATABASE_USE, ("USAGE",), ("SELECT",))
WRITE = AccessRole("WRITE", "may write the schema's tables", "READ", (), ("INSERT", "UPDATE", "DELETE"))
OWN = AccessRole("OWN", "may make tasks in the schema", "WRITE", ("CREATE TASK",))
ACCESS_ROLES = (READ, WRITE, OWN)


@dataclass(frozen=True, slots=True)
class FunctionalRole:
    """One of a tenant's roles. `access` is its level, None for the use of the database alone."""

    suffix: str
    meaning: str
    access: AccessRole | None
    warehouse: tuple[str, ...]
    sees: str
    holders: tuple[str, ...] = ()


APPLICATION = FunctionalRole(
    "APP", "Runs the chat application", WRITE, ("USAGE",), "content in clear", ("AGENTNEXUS_SVC",)
)
ANALYST = FunctionalRole("ANALYST", "Reads for analysis", READ, ("USAGE",), "rows, with patients' data masked")
ADMINISTRATOR = FunctionalRole(
    "ADMIN", "Runs the warehouse; sees no content", None, ("USAGE", "MONITOR", "OPERATE"), "no content at all"
)
FUNCTIONAL_ROLES = (APPLICATION, ANALYST, ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class BusinessRole:
    """A role for one task on the platform as a whole."""

    name: str
    meaning: str
    holds: tuple[str, ...]
    sees: str
    holders: tuple[str, ...] = ()


SHARED_APPLICATION = BusinessRole(
    "VIDEXA_SHARED_APP",
    "The platform's application, across organisations",
    ("VIDEXA_SHARED.TENANT_MANAGEMENT_WRITE", "VIDEXA_CORTEX_USER", "USAGE on VIDEXA_SHARED_WH"),
    "who belongs to which organisation; no tenant's content",
    ("AGENTNEXUS_SVC",),
)
CORTEX_USER = BusinessRole(
    "VIDEXA_CORTEX_USER",
    "May call Cortex, with the models that its holders are granted",
    ("SNOWFLAKE.CORTEX_USER", "USE AI FUNCTIONS on the account", "VIDEXA_SHARED.CORTEX_FUNCTIONS_CALL"),
    "nothing",
    ("every HCSnnnn_APP", "VIDEXA_SHARED_APP"),
)
MAINTENANCE = BusinessRole(
    "VIDEXA_MAINTENANCE",
    "Owns and runs the tenants' tasks and the alerts: deletes what has expired, counts, warns",
    (
        "HCSnnnn_DB.NEXUSCHAT_OWN of every tenant",
        "VIDEXA_SHARED.GOVERNANCE_READ",
        "VIDEXA_SHARED.MONITORING_WORK",
        "EXECUTE TASK on the account",
        "EXECUTE ALERT on the account",
        "USAGE on VIDEXA_ALERTS",
        "USAGE on VIDEXA_SHARED_WH",
    ),
    "rows, with patients' data masked",
)
OPERATOR = BusinessRole(
    "VIDEXA_TENANT_OPERATOR",
    "Owns the tenants' warehouses and access roles, so that its two procedures suspend and resume a tenant",
    (
        "OWNERSHIP on every HCSnnnn_WH",
        "USAGE on every HCSnnnn_DB",
        "CREATE DATABASE ROLE on every HCSnnnn_DB",
        "VIDEXA_SHARED.TENANT_MANAGEMENT_READ",
        "CREATE PROCEDURE on VIDEXA_SHARED.TENANT_MANAGEMENT",
        "UPDATE on VIDEXA_SHARED.TENANT_MANAGEMENT.ORGANIZATIONS",
        "USAGE on VIDEXA_SHARED_WH",
    ),
    "no content: owning an access role is not holding it",
)
MONITORING_READER = BusinessRole(
    "VIDEXA_MONITORING_READER",
    "Reads the monitoring views",
    ("VIDEXA_SHARED.MONITORING_READ", "VIDEXA_SHARED.DATABASE_USE", "USAGE on VIDEXA_SHARED_WH"),
    "counts, times and costs; no content",
    ("POWERBI_SVC",),
)
BUSINESS_ROLES = (SHARED_APPLICATION, CORTEX_USER, MAINTENANCE, OPERATOR, MONITORING_READER)


def document() -> str:
    """The role model in Markdown: a drawing and a table for each layer."""
    return "\n".join([*_drawing(), "", *_tables()]) + "\n"


def _drawing() -> list[str]:
    lines = ["```mermaid", "flowchart LR"]
    lines += ['  subgraph tenant["each tenant HCSnnnn"]']
    lines += [f"    {DATABASE_USE}([{DATABASE_USE}])"]
    lines += [f"    {role.level}([NEXUSCHAT_{role.level}])" for role in ACCESS_ROLES]
    lines += [f"    {role.suffix}[HCSnnnn_{role.suffix}]" for role in FUNCTIONAL_ROLES]
    lines += ["  end", '  subgraph platform["the platform"]']
    lines += [f"    {role.name}[{role.name}]" for role in BUSINESS_ROLES]
    lines += ["  end", "  SYSADMIN{{SYSADMIN}}", "  SNOWFLAKE_CORTEX([SNOWFLAKE.CORTEX_USER])"]
    lines += ["  SNOWFLAKE_MODEL([SNOWFLAKE.CORTEX-MODEL-ROLE-…])"]
    lines += [f"  {role.includes} --> {role.level}" for role in ACCESS_ROLES]
    lines += [f"  {role.access.level if role.access else DATABASE_USE} --> {role.suffix}" for role in FUNCTIONAL_ROLES]
    lines += [
        f"  {OWN.level} --> {MAINTENANCE.name}",
        f"  {CORTEX_USER.name} --> {APPLICATION.suffix}",
        f"  {CORTEX_USER.name} --> {SHARED_APPLICATION.name}",
        f"  SNOWFLAKE_CORTEX --> {CORTEX_USER.name}",
        f"  SNOWFLAKE_MODEL --> {APPLICATION.suffix}",
    ]
    lines += [f"  {role.suffix} --> SYSADMIN" for role in FUNCTIONAL_ROLES]
    lines += [f"  {role.name} --> SYSADMIN" for role in BUSINESS_ROLES]
    users = {user for role in (*FUNCTIONAL_ROLES, *BUSINESS_ROLES) for user in role.holders if user.endswith("_SVC")}
    for user in sorted(users):
        lines += [f"  {user}(({user}))"]
        lines += [f"  {role.suffix} -.-> {user}" for role in FUNCTIONAL_ROLES if user in role.holders]
        lines += [f"  {role.name} -.-> {user}" for role in BUSINESS_ROLES if user in role.holders]
    return [*lines, "```"]


def _tables() -> list[str]:
    def listed(words: tuple[str, ...]) -> str:
        return ", ".join(words) or "none"

    lines = _header("access role (of a schema)", "on the schema", "on its tables", "includes", "its holder")
    lines += [f"| `{DATABASE_USE}` (of the database) | USAGE on the database | none | none | may use the database |"]
    lines += [
        f"| `<schema>_{role.level}` | {listed(role.schema)} | {listed(role.tables)} | "
        f"`{role.includes if role.includes == DATABASE_USE else f'<schema>_{role.includes}'}` | {role.meaning} |"
        for role in ACCESS_ROLES
    ]
    lines += ["", *_header("functional role (of a tenant)", "access", "its warehouse", "sees", "held by")]
    lines += [
        f"| `HCSnnnn_{role.suffix}` | `{role.access.name('NEXUSCHAT') if role.access else DATABASE_USE}` | "
        f"{listed(role.warehouse)} | {role.sees} | {listed(role.holders)} |"
        for role in FUNCTIONAL_ROLES
    ]
    lines += ["", *_header("business role", "task", "holds", "sees", "held by")]
    lines += [
        f"| `{role.name}` | {role.meaning} | {listed(role.holds)} | {role.sees} | {listed(role.holders)} |"
        for role in BUSINESS_ROLES
    ]
    return lines


def _header(*titles: str) -> list[str]:
    return [f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles)]
