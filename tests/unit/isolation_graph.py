"""A small deployment as a graph: two tenants like the program's, and room for a grant that should not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policies.graph.resources import Resource, ResourceGraph

TENANTS = ("HCS0001", "HCS0002")
TABLES = ("CHAT_MESSAGES", "CONVERSATIONS")
SYSTEM = "urn:pulumi:local::nexuschat::pulumi:providers:snowflake::snowflake-sysadmin"
USERS = "urn:pulumi:local::nexuschat::pulumi:providers:snowflake::snowflake-useradmin"


_PLACE = {"database": "VIDEXA_SHARED", "schema": "GOVERNANCE", "name": "SESSION"}


def resource(kind: str, name: str, inputs: Mapping[str, Any], *, maker: str = SYSTEM, parent: str = "") -> Resource:
    type_ = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"
    chain = f"videxa:snowflake:Organization${type_}" if parent else type_
    return Resource(f"urn:pulumi:local::nexuschat::{chain}::{name}", type_, dict(inputs), {}, f"{maker}::id", parent)


#: The account's session policy, by which no session has all roles of its user at once.
SESSION = [
    resource("SessionPolicy", "session", {**_PLACE, "allowedSecondaryRoles": {"none": True}}),
    resource(
        "AccountSessionPolicyAttachment",
        "account-session",
        {"sessionPolicyName": '"VIDEXA_SHARED"."GOVERNANCE"."SESSION"'},
    ),
]


def tenant(name: str) -> list[Resource]:
    """One tenant's resources, under its component."""
    database, schema = f"{name}_DB", f'"{name}_DB"."NEXUSCHAT"'
    component = f"urn:pulumi:local::nexuschat::videxa:snowflake:Organization::{name}"

    def own(kind: str, suffix: str, maker: str = SYSTEM, **inputs: Any) -> Resource:
        return resource(kind, f"{name}-{suffix}", inputs, maker=maker, parent=component)

    def role(suffix: str) -> str:
        return f'"{database}"."{suffix}"'

    found = [
        Resource(component, "videxa:snowflake:Organization", {"organizationId": name}),
        own("Database", "database", name=database, dataRetentionTimeInDays=30, comment=f"Organisation {name}"),
        own("Schema", "schema", name="NEXUSCHAT", database=database, withManagedAccess="true"),
        *(own("Table", table, name=table, database=database, schema="NEXUSCHAT") for table in TABLES),
        own("Warehouse", "warehouse", name=f"{name}_WH", warehouseSize="XSMALL"),
        *(own("DatabaseRole", level, database=database, name=level) for level in ("USE", "READ", "WRITE")),
        *(own("AccountRole", kind, USERS, name=f"{name}_{kind}") for kind in ("APP", "ANALYST", "ADMIN")),
        *(
            own("GrantAccountRole", f"{kind}-to-SYSADMIN", roleName=f"{name}_{kind}", parentRoleName="SYSADMIN")
            for kind in ("APP", "ANALYST", "ADMIN")
        ),
        own("GrantAccountRole", "to-user", roleName=f"{name}_APP", userName="AGENTNEXUS_SVC"),
        own(
            "GrantPrivilegesToDatabaseRole",
            "use",
            databaseRoleName=role("USE"),
            privileges=["USAGE"],
            onDatabase=database,
        ),
        own("GrantDatabaseRole", "read-in-write", databaseRoleName=role("READ"), parentDatabaseRoleName=role("WRITE")),
        own("GrantDatabaseRole", "write-in-app", databaseRoleName=role("WRITE"), parentRoleName=f"{name}_APP"),
        own("GrantDatabaseRole", "read-in-analyst", databaseRoleName=role("READ"), parentRoleName=f"{name}_ANALYST"),
        own("GrantDatabaseRole", "use-in-admin", databaseRoleName=role("USE"), parentRoleName=f"{name}_ADMIN"),
    ]
    for level, privileges in (("READ", ["SELECT"]), ("WRITE", ["INSERT", "UPDATE", "DELETE"])):
        for scope in ("all", "future"):
            on = {scope: {"objectTypePlural": "TABLES", "inSchema": schema}}
            found.append(
                own(
                    "GrantPrivilegesToDatabaseRole",
                    f"{level}-{scope}",
                    databaseRoleName=role(level),
                    privileges=privileges,
                    onSchemaObject=on,
                )
            )
    return found


def deployment(*more: Resource, tenants: Iterable[str] = TENANTS) -> ResourceGraph:
    """The two tenants, the service user and whatever is added."""
    providers = [
        Resource(urn, "pulumi:providers:snowflake", {"role": role})
        for urn, role in ((SYSTEM, "SYSADMIN"), (USERS, "USERADMIN"))
    ]
    user = resource("ServiceUser", "AGENTNEXUS_SVC", {"name": "AGENTNEXUS_SVC"}, maker=USERS)
    return ResourceGraph([*providers, user, *SESSION, *(each for name in tenants for each in tenant(name)), *more])
