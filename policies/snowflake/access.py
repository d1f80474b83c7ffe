"""Roles, users, log-ins, parameters of the account: who may do what, from where, and how they prove who they are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final

from policies.graph.isolation import SYSTEM_ROLES
from policies.graph.resolved import role_of_provider
from policies.graph.resources import ResourceGraph, Unknown, identifier
from policies.policy import (
    TEXTS,
    Breach,
    NotJudgedError,
    Parameter,
    Parameters,
    Policy,
    Properties,
    Severity,
    each,
    each_in_graph,
    properties,
    whole_number,
)

_DOCS: Final = "https://docs.snowflake.com/en/"
_USERS: Final = ("snowflake:User", "snowflake:ServiceUser", "snowflake:LegacyServiceUser")
_ADMINISTRATORS: Final = Parameter(list(SYSTEM_ROLES), "Roles that administer.", TEXTS)
_TO_PUBLIC: Final = re.compile(r"\bGRANT\b.*\bTO\s+(?:ROLE\s+)?\"?PUBLIC\"?\b", re.IGNORECASE | re.DOTALL)


def _name(text: str | None) -> str:
    """A role's or a user's name in stored case."""
    return ".".join(identifier(text or ""))


def _reads(inputs: Properties, path: str, *types: str, graph: ResourceGraph) -> str | None:
    """A name, or that of the one resource from which an unknown one comes."""
    try:
        return inputs.text(path)
    except NotJudgedError:
        source = graph.source(inputs.resource, path, *types)
        if source is None:
            raise
        return properties(source).text("name")


@each_in_graph(
    "snowflake:GrantPrivilegesToAccountRole",
    "snowflake:GrantAccountRole",
    "snowflake:GrantDatabaseRole",
    "snowflake:GrantOwnership",
    "snowflake:Execute",
)
def _no_public(grant: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    kind = grant.resource.kind
    if kind == "Execute":
        if _TO_PUBLIC.search(grant.text("execute") or ""):
            yield "execute grants to PUBLIC"
        return
    field = "parentRoleName" if kind in ("GrantAccountRole", "GrantDatabaseRole") else "accountRoleName"
    if _name(_reads(grant, field, "snowflake:AccountRole", graph=graph)) == "PUBLIC":
        yield f"{field} is PUBLIC, which everybody has"


@each(*_USERS)
def _no_default_administrator(user: Properties, parameters: Parameters) -> Iterator[str]:
    if _name(user.text("defaultRole")) in parameters["administrators"]:
        yield "defaultRole administers"


@each("snowflake:Execute")
def _no_default_by_statement(statement: Properties, parameters: Parameters) -> Iterator[str]:
    roles = "|".join(re.escape(role) for role in parameters["administrators"])
    text = statement.text("execute") or ""
    if re.search(rf"\bDEFAULT_ROLE\s*=\s*'?\"?(?:{roles})\b", text, re.IGNORECASE):
        yield "execute makes a role that administers somebody's default"


def _default_roles(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    yield from _no_default_administrator(graph, parameters)
    yield from _no_default_by_statement(graph, parameters)


_CODE: Final = {
    "snowflake:Task": "TASK",
    "snowflake:ProcedurePython": "PROCEDURE",
    "snowflake:ProcedureSql": "PROCEDURE",
    "snowflake:ProcedureJava": "PROCEDURE",
    "snowflake:ProcedureJavascript": "PROCEDURE",
    "snowflake:ProcedureScala": "PROCEDURE",
}


@each_in_graph(*_CODE)
def _no_administrator_owns(code: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    if code.resource.short_type != "snowflake:Task" and (code.text("executeAs") or "OWNER").upper() == "CALLER":
        return  # it acts with the rights of who calls it, whoever owns it
    if _name(_owner(code, graph)) in parameters["administrators"]:
        yield "its owner is a role that administers, with whose rights it runs"


def _owner(code: Properties, graph: ResourceGraph) -> str:
    """The role that owns an object: who is given it by a GrantOwnership, or who makes it."""
    mine = (code.text("database") or "", code.text("schema") or "", code.text("name") or "")
    kind = _CODE[code.resource.short_type]
    for grant in graph.of_types("snowflake:GrantOwnership"):
        inputs = properties(grant)
        if (inputs.text("on.objectType") or "").upper() == kind and identifier(
            inputs.text("on.objectName") or ""
        ) == mine:
            return _reads(inputs, "accountRoleName", "snowflake:AccountRole", graph=graph) or ""
    role = role_of_provider(graph, code.resource)
    if isinstance(role, Unknown) or not role:
        raise NotJudgedError(code.urn, "the role of its provider", "is not known")
    return role


@each_in_graph("snowflake:GrantAccountRole")
def _no_administrator_granted(grant: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    role = _name(_reads(grant, "roleName", "snowflake:AccountRole", graph=graph))
    parent = _name(_reads(grant, "parentRoleName", "snowflake:AccountRole", graph=graph))
    if role in parameters["administrators"] and parent and parent not in parameters["administrators"]:
        yield "a role that administers is granted to a custom role"


@each_in_graph(*_USERS)
def _key_pair(user: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    kind = user.resource.kind
    if kind == "LegacyServiceUser":
        yield "it is a legacy service user, which may have a password"
        return
    if kind == "User":
        return  # a person; how people log in is another policy's
    if user.has("password"):
        yield "password is set"
    if user.has("rsaPublicKey") or user.has("rsaPublicKey2") or user.has("defaultWorkloadIdentity"):
        return
    name = user.text("name")
    for keys in graph.of_types("snowflake:UserPublicKeys"):
        inputs = properties(keys)
        if inputs.text("name") == name and (inputs.has("rsaPublicKey") or inputs.has("rsaPublicKey2")):
            return
    yield "it has no public key"


@each("snowflake:NetworkPolicy", "snowflake:NetworkRule")
def _closed_network(policy: Properties, parameters: Parameters) -> Iterator[str]:
    is_rule = policy.resource.kind == "NetworkRule"
    if is_rule and (policy.text("mode") or "").upper() not in ("INGRESS", "INTERNAL_STAGE"):
        return
    if is_rule and (policy.text("type") or "").upper() != "IPV4":
        return
    paths = ["valueLists"] if is_rule else ["allowedIpLists"]
    for path in paths:
        for index, text in enumerate(policy.texts(path)):
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                yield f"{path}[{index}] is no range of addresses"
                continue
            if network.prefixlen < parameters["shortest_prefix"]:
                yield f"{path}[{index}] is wider than /{parameters['shortest_prefix']}"
    if not is_rule and not policy.filled("allowedIpLists") and not policy.filled("allowedNetworkRuleLists"):
        yield "it allows nothing in particular"


@each_in_graph("snowflake:ServiceUser", "snowflake:User", "snowflake:LegacyServiceUser")
def _network_policy_attached(user: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    if user.has("networkPolicy"):
        return
    name = user.text("name")
    for attachment in graph.of_types("snowflake:NetworkPolicyAttachment"):
        inputs = properties(attachment)
        if name in inputs.texts("users") or inputs.flag("setForAccount"):
            return
    yield "no network policy says from where it may log in"


@each("snowflake:AccountParameter")
def _cross_region(parameter: Properties, parameters: Parameters) -> Iterator[str]:
    if (
        _key(parameter) == "CORTEX_ENABLED_CROSS_REGION"
        and (parameter.text("value") or "").upper() not in parameters["allowed"]
    ):
        yield "value lets prompts leave the account's region"


def _key(parameter: Properties) -> str:
    return (parameter.text("key") or "").upper()


def _cortex_not_public(graph: ResourceGraph, _: Parameters) -> Iterator[Breach]:
    """Wherever the account's parameters are declared, both that calling Cortex takes are taken from PUBLIC."""
    account = list(graph.of_types("snowflake:AccountParameter"))
    if not account:
        return
    statements = [properties(each).text("execute") or "" for each in graph.of_types("snowflake:Execute")]
    for what, pattern in (
        ("SNOWFLAKE.CORTEX_USER", r"DATABASE\s+ROLE\s+\"?SNOWFLAKE\"?\.\"?CORTEX_USER\"?"),
        ("USE AI FUNCTIONS", r"USE\s+AI\s+FUNCTIONS\s+ON\s+ACCOUNT"),
    ):
        revoked = re.compile(rf"\bREVOKE\s+{pattern}\s+FROM\s+ROLE\s+\"?PUBLIC\b", re.IGNORECASE)
        if not any(revoked.search(text) for text in statements):
            yield Breach("", f"nothing revokes {what} from PUBLIC: everybody may ask models")


@each("snowflake:AccountParameter")
def _account_parameter(parameter: Properties, parameters: Parameters) -> Iterator[str]:
    wanted = parameters["values"].get(_key(parameter))
    if wanted is not None and (parameter.text("value") or "").lower() != str(wanted).lower():
        yield f"{_key(parameter)} is not {str(wanted).lower()}"


def _account_parameters(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    yield from _account_parameter(graph, parameters)
    declared = list(graph.of_types("snowflake:AccountParameter"))
    if not declared:
        return  # the account is another stack's
    known = {_key(properties(each)) for each in declared}
    for name in sorted(set(parameters["values"]) - known):
        yield Breach("", f"the account's parameter {name} is not declared")


@each("snowflake:AccountParameter", "snowflake:GrantApplicationRole")
def _models_allowed(inputs: Properties, parameters: Parameters) -> Iterator[str]:
    allowed = [str(model).upper() for model in parameters["allowed"]]
    if inputs.resource.kind == "GrantApplicationRole":
        role = (identifier(inputs.text("applicationRoleName") or "") or ("",))[-1].upper()
        prefix = "CORTEX-MODEL-ROLE-"
        if role.startswith(prefix) and role.removeprefix(prefix) not in allowed:
            yield "applicationRoleName is the role of a model that is none of the allowed ones"
        return
    if _key(inputs) != "CORTEX_MODELS_ALLOWLIST":
        return
    # None: a model is used by who holds its role, and by nobody else.
    models = [model.strip().upper() for model in (inputs.text("value") or "").split(",") if model.strip()]
    if models != ["NONE"] and any(model not in allowed for model in models):
        yield "value allows a model that is none of the allowed ones"


@each("snowflake:SessionPolicy")
def _idle(policy: Properties, parameters: Parameters) -> Iterator[str]:
    for path in ("sessionIdleTimeoutMins", "sessionUiIdleTimeoutMins"):
        minutes = policy.number(path)
        if minutes is None or not 0 < minutes <= parameters["maximum_minutes"]:
            yield f"{path} is not {parameters['maximum_minutes']} at most"


@each("snowflake:PasswordPolicy")
def _password(policy: Properties, parameters: Parameters) -> Iterator[str]:
    length = policy.number("minLength")
    if length is None or length < parameters["minimum_length"]:
        yield f"minLength is not {parameters['minimum_length']} at least"


@each("snowflake:AuthenticationPolicy")
def _second_factor(policy: Properties, _: Parameters) -> Iterator[str]:
    methods = {method.upper() for method in policy.texts("authenticationMethods")}
    if not methods or "ALL" in methods:
        yield "authenticationMethods names none: all are taken"
    if ("PASSWORD" in methods or not methods) and not (policy.text("mfaEnrollment") or "").upper().startswith(
        "REQUIRED"
    ):
        yield "mfaEnrollment is not REQUIRED, and passwords are taken"


_ATTACHED: Final = {
    "snowflake:SessionPolicy": (
        ("snowflake:AccountSessionPolicyAttachment", "sessionPolicyName"),
        ("snowflake:UserSessionPolicyAttachment", "sessionPolicyName"),
    ),
    "snowflake:PasswordPolicy": (
        ("snowflake:AccountPasswordPolicyAttachment", "passwordPolicy"),
        ("snowflake:UserPasswordPolicyAttachment", "passwordPolicyName"),
    ),
    "snowflake:AuthenticationPolicy": (
        ("snowflake:AccountAuthenticationPolicyAttachment", "authenticationPolicy"),
        ("snowflake:UserAuthenticationPolicyAttachment", "authenticationPolicyName"),
    ),
}


@each_in_graph(*_ATTACHED)
def _in_force(policy: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    name = (policy.text("database") or "", policy.text("schema") or "", policy.text("name") or "")
    for type_, field in _ATTACHED[policy.resource.short_type]:
        for attachment in graph.of_types(type_):
            attached = properties(attachment).known(field, field)
            # A name that is not known yet is that of what it is made from.
            if policy.urn in attachment.sources.get(field, ()) if attached is None else identifier(attached) == name:
                return
    yield "it is attached to nothing, and so in force nowhere"


_SAFE_PARAMETERS: Final[dict[str, Any]] = {
    "PERIODIC_DATA_REKEYING": "true",
    "PREVENT_UNLOAD_TO_INLINE_URL": "true",
    "PREVENT_UNLOAD_TO_INTERNAL_STAGES": "true",
    "PREVENT_LOAD_FROM_INLINE_URL": "true",
    "REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_CREATION": "true",
    "REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_OPERATION": "true",
    "ALLOW_CLIENT_MFA_CACHING": "false",
    "ALLOW_ID_TOKEN": "false",
}

POLICIES: Final = (
    Policy(
        id="no-grant-to-public",
        title="Nothing is granted to PUBLIC",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)"),
        remediation="Grant to a role that somebody was given on purpose.",
        link=_DOCS + "user-guide/security-access-control-overview#system-defined-roles",
        check=_no_public,
    ),
    Policy(
        id="no-administrator-by-default",
        title="Nobody administers by default",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.308(a)(4)", "CIS Snowflake 1.12"),
        remediation="Set defaultRole to a role that works; take the administrative one when it is needed.",
        link=_DOCS + "user-guide/security-access-control-considerations",
        check=_default_roles,
        parameters={"administrators": _ADMINISTRATORS},
    ),
    Policy(
        id="no-administrator-owns-code",
        title="No task or procedure runs with the rights of an administrative role",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "CIS Snowflake 1.14", "CIS Snowflake 1.16"),
        remediation="Make it through a provider whose role is the work's own, or give it away by GrantOwnership.",
        link=_DOCS + "developer-guide/stored-procedure/stored-procedures-rights",
        check=_no_administrator_owns,
        parameters={
            "administrators": Parameter(
                ["ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "ORGADMIN"],
                "Roles that may own none. CIS names ACCOUNTADMIN and SECURITYADMIN.",
                TEXTS,
            )
        },
    ),
    Policy(
        id="no-administrator-granted",
        title="No administrative role is granted to a custom role",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.308(a)(4)", "CIS Snowflake 1.13"),
        remediation="Grant single privileges to the custom role instead.",
        link=_DOCS + "user-guide/security-access-control-considerations",
        check=_no_administrator_granted,
        parameters={"administrators": _ADMINISTRATORS},
    ),
    Policy(
        id="service-user-key-pair",
        title="Programs log in by key pairs",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(d)", "45 CFR 164.312(a)(2)(i)", "CIS Snowflake 1.6"),
        remediation="Declare a ServiceUser with a public key (or UserPublicKeys for it), and no password.",
        link=_DOCS + "user-guide/key-pair-auth",
        check=_key_pair,
    ),
    Policy(
        id="network-policy-closed",
        title="No network policy is open to the world",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(e)(1)", "CIS Snowflake 3.1"),
        remediation="Name the ranges from which these users come; never 0.0.0.0/0.",
        link=_DOCS + "user-guide/network-policies",
        check=_closed_network,
        parameters={"shortest_prefix": Parameter(8, "Leading bits of a range, at least.", whole_number(1, 32))},
    ),
    Policy(
        id="network-policy-attached",
        title="Every user may log in from named networks alone",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "CIS Snowflake 3.2"),
        remediation="Attach a network policy to the user (NetworkPolicyAttachment) or to the account.",
        link=_DOCS + "user-guide/network-policies",
        check=_network_policy_attached,
    ),
    Policy(
        id="cortex-cross-region-off",
        title="Prompts stay in the account's region",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.308(b)(1)", "45 CFR 164.312(e)(1)"),
        remediation="Set CORTEX_ENABLED_CROSS_REGION to DISABLED, or allow a region by an exception.",
        link=_DOCS + "user-guide/snowflake-cortex/cross-region-inference",
        check=_cross_region,
        parameters={"allowed": Parameter(["DISABLED"], "Values that are allowed.", TEXTS)},
    ),
    Policy(
        id="cortex-not-public",
        title="Who may ask models was given it on purpose",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)"),
        remediation="Execute REVOKE DATABASE ROLE SNOWFLAKE.CORTEX_USER FROM ROLE PUBLIC and REVOKE USE AI FUNCTIONS "
        "ON ACCOUNT FROM ROLE PUBLIC, and grant both to a role.",
        link=_DOCS + "user-guide/snowflake-cortex/aisql#required-privileges",
        check=_cortex_not_public,
    ),
    Policy(
        id="cortex-allowed-models",
        title="The account allows allowed models alone",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.308(b)(1)", "45 CFR 164.314(a)"),
        remediation="Take away the model's role, or CORTEX_MODELS_ALLOWLIST's entry; or allow it after a review.",
        link=_DOCS + "user-guide/snowflake-cortex/aisql",
        check=_models_allowed,
        parameters={
            "allowed": Parameter(["claude-sonnet-4-5", "claude-sonnet-4-6"], "Ids of the allowed models.", TEXTS)
        },
    ),
    Policy(
        id="account-parameters-safe",
        title="The account's parameters are the safe ones",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(2)(iv)", "45 CFR 164.312(a)(1)", "CIS Snowflake 4.1"),
        remediation="Declare each AccountParameter with the value that is wanted.",
        link=_DOCS + "sql-reference/parameters",
        check=_account_parameters,
        parameters={
            "values": Parameter(_SAFE_PARAMETERS, "Parameters with the values that are wanted.", {"type": "object"})
        },
    ),
    Policy(
        id="session-idle-timeout",
        title="An idle session ends",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(a)(2)(iii)", "CIS Snowflake 1.9"),
        remediation="Set both idle times of the session policy to a quarter of an hour or less.",
        link=_DOCS + "user-guide/session-policies",
        check=_idle,
        parameters={"maximum_minutes": Parameter(15, "Minutes of idling, at most.", whole_number(5, 240))},
    ),
    Policy(
        id="password-length",
        title="People's passwords are long",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(5)(ii)(D)", "CIS Snowflake 1.5"),
        remediation="Set minLength of the password policy.",
        link=_DOCS + "user-guide/password-authentication",
        check=_password,
        parameters={"minimum_length": Parameter(14, "Characters, at least.", whole_number(8, 256))},
    ),
    Policy(
        id="second-factor",
        title="People log in with a second factor, by named ways alone",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(d)", "CIS Snowflake 1.4"),
        remediation="Name the authenticationMethods; where PASSWORD is one, set mfaEnrollment to REQUIRED.",
        link=_DOCS + "user-guide/authentication-policies",
        check=_second_factor,
    ),
    Policy(
        id="log-in-policies-in-force",
        title="Policies of log-ins are attached",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(d)", "45 CFR 164.312(a)(2)(iii)"),
        remediation="Attach the policy to the account or to users.",
        link=_DOCS + "user-guide/authentication-policies",
        check=_in_force,
    ),
)
