"""Isolation, computed: what may be passes, and one wrong grant of each kind is found with its path named."""

from __future__ import annotations

from typing import Any

import pytest
from isolation_graph import deployment, resource, tenant

from policies.graph.isolation import Node, Reach, Rules, Way
from policies.graph.resources import Resource, ResourceGraph, identifier

APP, READ = "HCS0001_APP", '"HCS0002_DB"."READ"'
TABLE = "TABLE HCS0002_DB.NEXUSCHAT.CHAT_MESSAGES"
SCHEMA = '"HCS0002_DB"."NEXUSCHAT"'
MESSAGES = {"objectType": "TABLE", "objectName": f'{SCHEMA}."CHAT_MESSAGES"'}


def wrong(kind: str, **inputs: Any) -> Resource:
    return resource(kind, "wrong", inputs)


def privileges(on: str, target: Any, *, to: str = APP, **more: Any) -> Resource:
    given = more or {"privileges": ["SELECT"]}
    return wrong("GrantPrivilegesToAccountRole", accountRoleName=to, **{on: target}, **given)


#: What is wrong → the grant, who reaches what by it, and words that the path must have.
WRONG: dict[str, tuple[Resource, str, str, tuple[str, ...]]] = {
    "a role of another tenant": (
        wrong("GrantAccountRole", roleName="HCS0002_ANALYST", parentRoleName=APP),
        f"ROLE {APP}",
        TABLE,
        ("ROLE HCS0002_ANALYST is granted to ROLE HCS0001_APP (wrong)", "DATABASE ROLE HCS0002_DB.READ", "SELECT"),
    ),
    "a role of another tenant by way of the platform's": (
        wrong("GrantAccountRole", roleName="SYSADMIN", parentRoleName=APP),
        f"ROLE {APP}",
        TABLE,
        ("ROLE SYSADMIN is granted to ROLE HCS0001_APP (wrong)",),
    ),
    "a database role of another tenant": (
        wrong("GrantDatabaseRole", databaseRoleName=READ, parentRoleName="HCS0001_ANALYST"),
        "ROLE HCS0001_ANALYST",
        TABLE,
        ("DATABASE ROLE HCS0002_DB.READ is granted to ROLE HCS0001_ANALYST (wrong)",),
    ),
    "a privilege on a table": (
        privileges("onSchemaObject", MESSAGES),
        f"ROLE {APP}",
        TABLE,
        (f"SELECT on {TABLE} is granted to ROLE {APP} (wrong)",),
    ),
    "all privileges on a table": (
        privileges("onSchemaObject", MESSAGES, allPrivileges=True),
        f"ROLE {APP}",
        TABLE,
        ("ALL PRIVILEGES",),
    ),
    "all tables of a schema": (
        privileges("onSchemaObject", {"all": {"objectTypePlural": "TABLES", "inSchema": SCHEMA}}),
        f"ROLE {APP}",
        TABLE,
        ("all TABLES in HCS0002_DB.NEXUSCHAT",),
    ),
    "all tables of a database": (
        privileges("onSchemaObject", {"all": {"objectTypePlural": "TABLES", "inDatabase": "HCS0002_DB"}}),
        f"ROLE {APP}",
        TABLE,
        ("all TABLES in HCS0002_DB",),
    ),
    "future tables of a schema": (
        privileges("onSchemaObject", {"future": {"objectTypePlural": "TABLES", "inSchema": SCHEMA}}),
        f"ROLE {APP}",
        TABLE,
        ("future TABLES in HCS0002_DB.NEXUSCHAT",),
    ),
    "future tables of a database": (
        privileges("onSchemaObject", {"future": {"objectTypePlural": "TABLES", "inDatabase": '"HCS0002_DB"'}}),
        f"ROLE {APP}",
        TABLE,
        ("future TABLES in HCS0002_DB",),
    ),
    "future views where none stands yet": (
        privileges("onSchemaObject", {"future": {"objectTypePlural": "VIEWS", "inDatabase": "HCS0002_DB"}}),
        f"ROLE {APP}",
        "VIEWS HCS0002_DB.*",
        ("future VIEWS in HCS0002_DB",),
    ),
    "ownership of a table": (
        wrong("GrantOwnership", accountRoleName=APP, on=MESSAGES),
        f"ROLE {APP}",
        TABLE,
        (f"ROLE {APP} owns {TABLE}",),
    ),
    "ownership of all tables": (
        wrong("GrantOwnership", accountRoleName=APP, on={"all": {"objectTypePlural": "TABLES", "inSchema": SCHEMA}}),
        f"ROLE {APP}",
        TABLE,
        (f"ROLE {APP} owns {TABLE}",),
    ),
    "ownership of future stages": (
        wrong("GrantOwnership", accountRoleName=APP, on={"future": {"objectTypePlural": "STAGES", "inSchema": SCHEMA}}),
        f"ROLE {APP}",
        "STAGES HCS0002_DB.NEXUSCHAT.*",
        ("ownership of future STAGES",),
    ),
    "ownership of a schema": (
        wrong("GrantOwnership", accountRoleName=APP, on={"objectType": "SCHEMA", "objectName": SCHEMA}),
        f"ROLE {APP}",
        TABLE,
        (f"ROLE {APP} owns SCHEMA HCS0002_DB.NEXUSCHAT and decides on what is in it",),
    ),
    "ownership of a database": (
        wrong("GrantOwnership", accountRoleName=APP, on={"objectType": "DATABASE", "objectName": "HCS0002_DB"}),
        f"ROLE {APP}",
        TABLE,
        (f"ROLE {APP} owns DATABASE HCS0002_DB and decides on what is in it",),
    ),
    "ownership of a role": (
        wrong("GrantOwnership", accountRoleName=APP, on={"objectType": "ROLE", "objectName": "HCS0002_ANALYST"}),
        f"ROLE {APP}",
        TABLE,
        (f"ROLE {APP} owns ROLE HCS0002_ANALYST and may grant it to itself",),
    ),
    "a role for PUBLIC": (
        wrong("GrantAccountRole", roleName="HCS0002_APP", parentRoleName="PUBLIC"),
        "ROLE PUBLIC",
        TABLE,
        ("ROLE HCS0002_APP is granted to ROLE PUBLIC (wrong)",),
    ),
    "a privilege for PUBLIC": (
        privileges("onSchemaObject", MESSAGES, to="PUBLIC"),
        "ROLE PUBLIC",
        TABLE,
        ("is granted to ROLE PUBLIC (wrong)",),
    ),
    "a future privilege for PUBLIC": (
        privileges(
            "onSchemaObject", {"future": {"objectTypePlural": "TABLES", "inDatabase": "HCS0002_DB"}}, to="PUBLIC"
        ),
        "ROLE PUBLIC",
        TABLE,
        ("future TABLES in HCS0002_DB",),
    ),
    "a database role for PUBLIC that leads nowhere": (
        wrong("GrantDatabaseRole", databaseRoleName="SNOWFLAKE.CORTEX_USER", parentRoleName="PUBLIC"),
        "ROLE PUBLIC",
        "DATABASE ROLE SNOWFLAKE.CORTEX_USER",
        ("is granted to ROLE PUBLIC (wrong)",),
    ),
    "MANAGE GRANTS": (
        privileges("onAccount", True, privileges=["MANAGE GRANTS"]),
        f"ROLE {APP}",
        TABLE,
        ("MANAGE GRANTS on the account is granted to ROLE HCS0001_APP (wrong), so it may grant itself anything",),
    ),
    "another privilege on the account": (
        privileges("onAccount", True, privileges=["EXECUTE TASK"]),
        f"ROLE {APP}",
        "ACCOUNT",
        ("EXECUTE TASK on the account",),
    ),
    "the AI functions for everybody": (
        privileges("onAccount", True, privileges=["USE AI FUNCTIONS"], to="PUBLIC"),
        "ROLE PUBLIC",
        "ACCOUNT",
        ("USE AI FUNCTIONS on the account",),
    ),
    "another tenant's warehouse": (
        privileges("onAccountObject", {"objectType": "WAREHOUSE", "objectName": "HCS0002_WH"}, privileges=["USAGE"]),
        f"ROLE {APP}",
        "WAREHOUSE HCS0002_WH",
        ("USAGE on WAREHOUSE HCS0002_WH",),
    ),
    "another tenant's database": (
        privileges("onAccountObject", {"objectType": "DATABASE", "objectName": "HCS0002_DB"}, privileges=["USAGE"]),
        f"ROLE {APP}",
        "DATABASE HCS0002_DB",
        ("USAGE on DATABASE HCS0002_DB",),
    ),
    "a share": (
        wrong("GrantDatabaseRole", databaseRoleName=READ, shareName="PARTNER"),
        "SHARE PARTNER",
        TABLE,
        ("DATABASE ROLE HCS0002_DB.READ is granted to SHARE PARTNER (wrong)",),
    ),
    "a table in a share": (
        wrong("GrantPrivilegesToShare", toShare="PARTNER", privileges=["SELECT"], onTable=f'{SCHEMA}."CHAT_MESSAGES"'),
        "SHARE PARTNER",
        TABLE,
        (f"SELECT on {TABLE} is granted to SHARE PARTNER (wrong)",),
    ),
    "all tables in a share": (
        wrong("GrantPrivilegesToShare", toShare="PARTNER", privileges=["SELECT"], onAllTablesInSchema=SCHEMA),
        "SHARE PARTNER",
        TABLE,
        ("SELECT on all TABLES in HCS0002_DB.NEXUSCHAT is granted to SHARE PARTNER (wrong)",),
    ),
    "the platform's database in a share": (
        wrong("GrantPrivilegesToShare", toShare="PARTNER", privileges=["USAGE"], onDatabase="VIDEXA_SHARED"),
        "SHARE PARTNER",
        "DATABASE VIDEXA_SHARED",
        ("USAGE on DATABASE VIDEXA_SHARED is granted to SHARE PARTNER (wrong)",),
    ),
    "an application's role for PUBLIC": (
        wrong("GrantApplicationRole", applicationRoleName="SNOWFLAKE.TRUST", parentAccountRoleName="PUBLIC"),
        "ROLE PUBLIC",
        "APPLICATION ROLE SNOWFLAKE.TRUST",
        ("APPLICATION ROLE SNOWFLAKE.TRUST is granted to ROLE PUBLIC (wrong)",),
    ),
    "a privilege on the account for a role of the platform": (
        privileges("onAccount", True, to="VIDEXA_MAINTENANCE", privileges=["APPLY MASKING POLICY"]),
        "ROLE VIDEXA_MAINTENANCE",
        "ACCOUNT",
        ("APPLY MASKING POLICY on the account is granted to ROLE VIDEXA_MAINTENANCE (wrong)",),
    ),
    "a user to act as": (
        privileges("onAccountObject", {"objectType": "USER", "objectName": "AGENTNEXUS_SVC"}, privileges=["OWNERSHIP"]),
        f"ROLE {APP}",
        TABLE,
        ("OWNERSHIP on USER AGENTNEXUS_SVC is granted to ROLE HCS0001_APP (wrong); ROLE HCS0002_APP is granted to",),
    ),
    "content for a tenant's administrator": (
        wrong("GrantDatabaseRole", databaseRoleName=READ, parentRoleName="HCS0002_ADMIN"),
        "ROLE HCS0002_ADMIN",
        TABLE,
        ("DATABASE ROLE HCS0002_DB.READ is granted to ROLE HCS0002_ADMIN (wrong)",),
    ),
    "content for a role of the platform": (
        wrong("GrantAccountRole", roleName="HCS0002_ANALYST", parentRoleName="VIDEXA_MONITORING_READER"),
        "ROLE VIDEXA_MONITORING_READER",
        TABLE,
        ("ROLE HCS0002_ANALYST is granted to ROLE VIDEXA_MONITORING_READER (wrong)",),
    ),
    "a user of two tenants": (
        wrong("GrantAccountRole", roleName="VIDEXA_MAINTENANCE", userName="SOMEBODY"),
        "USER SOMEBODY",
        "TABLE HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES",
        ("ROLE VIDEXA_MAINTENANCE is granted to USER SOMEBODY (wrong)",),
    ),
}
#: The maintenance role as it is declared, so that a user of it has something to reach.
MAINTENANCE = [
    resource(
        "GrantDatabaseRole",
        f"{name}-own",
        {"databaseRoleName": f"{name}_DB.WRITE", "parentRoleName": "VIDEXA_MAINTENANCE"},
    )
    for name in ("HCS0001", "HCS0002")
]


def test_what_is_declared_breaks_no_rule() -> None:
    reach = Reach(deployment(*MAINTENANCE))
    assert reach.findings() == []
    assert [node.name for node in reach.content][:2] == [
        "HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES",
        "HCS0001_DB.NEXUSCHAT.CONVERSATIONS",
    ]


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_grant_is_found_with_its_path(what: str) -> None:
    grant, holder, target, words = WRONG[what]
    findings = {finding.resource: finding for finding in Reach(deployment(*MAINTENANCE, grant)).findings()}
    assert f"{holder} on {target}" in findings, list(findings)
    for word in words:
        assert word in findings[f"{holder} on {target}"].found


@pytest.mark.parametrize("way", ["role", "view", "stranger"])
def test_a_view_of_the_platform_leads_to_the_tables_of_its_statement(way: str) -> None:
    view = resource(
        "View",
        "view",
        {
            "database": "VIDEXA_SHARED",
            "schema": "MONITORING",
            "name": "ALL_MESSAGES",
            "statement": 'SELECT TEXT FROM "HCS0002_DB"."NEXUSCHAT"."CHAT_MESSAGES"',
        },
    )
    on = {"objectType": "VIEW", "objectName": "VIDEXA_SHARED.MONITORING.ALL_MESSAGES"}
    if way == "stranger":
        view = resource(
            "View", "view", {**view.inputs, "statement": "SELECT 1 FROM HCS0002_DB.NEXUSCHAT.CHAT_MESSAGES2"}
        )
    grants = [] if way == "view" else [privileges("onSchemaObject", on)]
    found = [finding.found for finding in Reach(deployment(view, *grants)).findings()]
    if way == "role":
        assert any(f"VIEW VIDEXA_SHARED.MONITORING.ALL_MESSAGES reads {TABLE}" in text for text in found)
    else:
        assert found == []


def test_an_administrators_path_is_told_and_breaks_nothing() -> None:
    reach = Reach(deployment())
    ways = {
        (path.holder.name, path.privilege): path.way
        for path in reach.paths()
        if str(path.target) == TABLE and path.holder.kind == "ROLE"
    }
    assert ways["SYSADMIN", "SELECT"] is ways["SYSADMIN", "OWNERSHIP"] is Way.DIRECT
    assert ways["SECURITYADMIN", "MANAGE GRANTS"] is Way.ADMINISTRATIVE
    assert ways["USERADMIN", "SELECT"] is Way.ADMINISTRATIVE
    assert {name for name, _ in ways} == {
        "ACCOUNTADMIN",
        "SECURITYADMIN",
        "USERADMIN",
        "SYSADMIN",
        "HCS0002_APP",
        "HCS0002_ANALYST",
    }


def procedure(caller: str, execute_as: str = "OWNER", name: str = "ANYTHING") -> list[Resource]:
    """A procedure that SYSADMIN owns, and who calls it."""
    inputs = {"database": "VIDEXA_SHARED", "schema": "TENANT_MANAGEMENT", "name": name, "executeAs": execute_as}
    on = {"objectType": "PROCEDURE", "objectName": f'VIDEXA_SHARED.TENANT_MANAGEMENT."{name}"(VARCHAR)'}
    call = privileges("onSchemaObject", on, to=caller, privileges=["USAGE"])
    return [resource("ProcedurePython", "procedure", inputs), call]


@pytest.mark.parametrize("caller", [APP, "VIDEXA_SHARED_APP", "PUBLIC"])
def test_a_procedure_with_its_owners_rights_is_a_way_to_all_that_its_owner_may(caller: str) -> None:
    findings = {finding.resource: finding for finding in Reach(deployment(*procedure(caller))).findings()}
    found = findings[f"ROLE {caller} on {TABLE}"].found
    assert "USAGE on PROCEDURE VIDEXA_SHARED.TENANT_MANAGEMENT.ANYTHING is granted to" in found
    assert "it acts with the rights of its owner, ROLE SYSADMIN" in found
    reach = Reach(deployment(*procedure("VIDEXA_SHARED_APP", "CALLER")))
    assert reach.findings() == []
    assert [path for path in reach.paths([Node("ROLE", "VIDEXA_SHARED_APP")]) if path.target in reach.content] == []


def test_a_reviewed_procedure_is_told_and_only_the_platforms_roles_may_call_it() -> None:
    reach = Reach(deployment(*procedure("VIDEXA_SHARED_APP", name="SUSPEND_ORGANIZATION")))
    assert reach.findings() == []
    paths = reach.paths([Node("ROLE", "VIDEXA_SHARED_APP")])
    assert {path.way for path in paths if path.target in reach.content} == {Way.PROCEDURE}
    by_tenant = Reach(deployment(*procedure(APP, name="SUSPEND_ORGANIZATION"))).findings()
    assert f"ROLE {APP} on {TABLE}" in {finding.resource for finding in by_tenant}


@pytest.mark.parametrize("what", ["none", "allows", "of the user"])
def test_one_session_with_the_roles_of_two_tenants_is_found(what: str) -> None:
    """A default of no secondary roles is none: the session itself asks for them."""
    place = {"database": "VIDEXA_SHARED", "schema": "GOVERNANCE", "name": "LAX"}
    lax = resource("SessionPolicy", "lax", {**place, "allowedSecondaryRoles": {"all": True}})
    name = {"sessionPolicyName": "VIDEXA_SHARED.GOVERNANCE.LAX"}
    of_user = resource("UserSessionPolicyAttachment", "x", {**name, "userName": "AGENTNEXUS_SVC"})
    of_account = resource("AccountSessionPolicyAttachment", "x", name)
    more = {"none": [], "allows": [lax, of_account], "of the user": [lax, of_user]}[what]
    kept = deployment(*more).resources
    if what != "of the user":
        kept = [each for each in kept if each.name not in ("session", "account-session")]
    (finding,) = Reach(ResourceGraph(kept)).findings()
    assert finding.resource == "USER AGENTNEXUS_SVC"
    for word in ("ROLE HCS0001_APP is granted to USER AGENTNEXUS_SVC", "HCS0002_APP", "secondary roles"):
        assert word in finding.found


@pytest.mark.parametrize(
    ("hidden", "found"),
    [
        (resource("Execute", "x", {"execute": "GRANT ROLE HCS0001_APP TO ROLE Y", "revert": "SELECT 1"}), "statement"),
        (resource("Execute", "x", {"execute": "begin work;\n grant role A to role B"}), "statement"),
        (resource("GrantTagRole", "x", {"to": "S"}), "GrantTagRole is not understood"),
    ],
)
def test_what_cannot_be_followed_is_a_finding(hidden: Resource, found: str) -> None:
    (finding,) = Reach(deployment(hidden)).findings()
    assert finding.resource == "x"
    assert found in finding.found


def test_taking_a_grant_away_in_a_statement_is_none() -> None:
    revoke = resource(
        "Execute", "x", {"execute": "REVOKE ROLE A FROM ROLE PUBLIC", "revert": "GRANT ROLE A TO ROLE PUBLIC"}
    )
    assert Reach(deployment(revoke)).findings() == []


def test_who_may_what_is_a_setting() -> None:
    strict = Rules(platform_roles={}, platform_users=())
    rules = {finding.rule for finding in Reach(deployment(*MAINTENANCE), strict).findings()}
    assert rules == {
        "no role of the platform reaches content unless it is named for it",
        "no user reaches content of several tenants",
    }


def test_a_user_of_one_tenant_may_read_it() -> None:
    one = resource("GrantAccountRole", "one", {"roleName": "HCS0001_ANALYST", "userName": "DR_WHO"})
    assert Reach(deployment(one)).findings() == []


def test_a_deployment_is_read_as_it_is_exported() -> None:
    exported = {
        "deployment": {
            "resources": [
                {"urn": each.urn, "type": each.type, "inputs": each.inputs, "provider": each.provider}
                for each in [*deployment().resources, *tenant("HCS0003")]
            ]
            + [{"urn": "urn:pulumi:s::p::t::old", "type": "snowflake:index/table:Table", "delete": True}]
        }
    }
    graph = ResourceGraph.of_deployment(exported)
    assert all(each.name != "old" for each in graph.resources)
    assert Reach(graph).findings() == []
    assert len(Reach(graph).content) == 6


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.B", ("A", "B")),
        ('"a"."b.c"', ("a", "b.c")),
        ('"say ""x""".Y', ('say "x"', "Y")),
        ('D.S."P"(VARCHAR, NUMBER)', ("D", "S", "P")),
        ("D.S.P(VARCHAR)", ("D", "S", "P")),
    ],
)
def test_names_are_read_in_stored_case(text: str, parts: tuple[str, ...]) -> None:
    assert identifier(text) == parts
