"""Which side of a difference is better off, what is declared or what was found, and why: protection, reach, cost.

What nobody can tell by comparing (two texts of a policy, say) is told to be so, and never guessed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.cost.estimate import CREDITS_AN_HOUR

DECLARED: Final = "declared"
FOUND: Final = "found"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`better` is "declared" or "found"; empty where nothing tells. `why` says it of what was found."""

    better: str = ""
    why: str = "neither can be told"

    def __str__(self) -> str:
        return f"{self.better}: {self.why}" if self.better else self.why


Rule = Callable[[Any, Any], Meaning | None]
_NOT_TOLD: Final = Meaning()
_FAILS: Final = "what needs it fails"


# ── ways of comparing ────────────────────────────────────────────────────────────────────────────────────────────────


def _ranked(worse: str, better: str, *safest_first: str) -> Rule:
    """Words in an order. None is among them where it is given as the empty text."""
    places = {word.lower(): place for place, word in enumerate(safest_first)}

    def rule(declared: Any, found: Any) -> Meaning | None:
        both = [places.get("" if value is None else str(value).lower()) for value in (declared, found)]
        before, after = both
        if before is None or after is None or before == after:
            return None
        return Meaning(DECLARED, worse) if after > before else Meaning(FOUND, better)

    return rule


def _true(worse: str, better: str) -> Rule:
    return _ranked(worse, better, "true", "false", "")


def _false(worse: str, better: str) -> Rule:
    return _ranked(worse, better, "false", "", "true")


def _number(worse: str, better: str, *, more_is_worse: bool, absent: float, zero_is_absent: bool = False) -> Rule:
    """Numbers; `absent` is what no number means."""

    def read(value: Any) -> float | None:
        if value is None or (zero_is_absent and str(value) in ("0", "0.0")):
            return absent
        try:
            return float(value)
        except (TypeError, ValueError):
            return None

    def rule(declared: Any, found: Any) -> Meaning | None:
        before, after = read(declared), read(found)
        if before is None or after is None or before == after:
            return None
        words = {"declared": _shown(before), "found": _shown(after)}
        if (after > before) == more_is_worse:
            return Meaning(DECLARED, worse.format(**words))
        return Meaning(FOUND, better.format(**words))

    return rule


def _shown(number: float) -> str:
    return "without end" if number == float("inf") else f"{number:g}"


def _more(worse: str, better: str, *, zero_is_absent: bool = False) -> Rule:
    return _number(worse, better, more_is_worse=True, absent=float("inf"), zero_is_absent=zero_is_absent)


def _less(worse: str, better: str) -> Rule:
    return _number(worse, better, more_is_worse=False, absent=0)


def _entries(beside: str, lacking: str, *, beside_is_worse: bool = True) -> Rule:
    """Lists: `beside` says what an entry more means, `lacking` what one less does. Both at once cannot be weighed."""

    def rule(declared: Any, found: Any) -> Meaning | None:
        before, after = _as_list(declared), _as_list(found)
        if before is None or after is None:
            return None
        more = [item for item in after if item not in before]
        fewer = [item for item in before if item not in after]
        if bool(more) == bool(fewer):
            return None
        worse = bool(more) == beside_is_worse
        return Meaning(DECLARED if worse else FOUND, beside if more else lacking)

    return rule


def _as_list(value: Any) -> list[Any] | None:
    return [] if value is None else list(value) if isinstance(value, list) else None


def _networks(declared: Any, found: Any) -> Meaning | None:
    """Address ranges: wider where any of those found is within none of those declared."""
    try:
        before, after = (
            [ipaddress.ip_network(str(value), strict=False) for value in each or ()] for each in (declared, found)
        )
    except ValueError:
        return None

    def outside(some: list[Any], others: list[Any]) -> list[str]:
        return [
            str(one)
            for one in some
            if not any(one.version == other.version and one.subnet_of(other) for other in others)
        ]

    wider, narrower = outside(after, before), outside(before, after)
    if wider:
        return Meaning(DECLARED, f"people and programs may log in from {', '.join(wider)} too")
    if narrower:
        return Meaning(FOUND, f"nobody may log in from {', '.join(narrower)} any more; {_FAILS}")
    return None


def _warehouse_size(declared: Any, found: Any) -> Meaning | None:
    before, after = (CREDITS_AN_HOUR.get(str(size).upper()) for size in (declared or "XSMALL", found or "XSMALL"))
    if before is None or after is None or before == after:
        return None
    told = f"an hour of it costs {after:g} credits, declared {before:g}"
    return Meaning(DECLARED, told) if after > before else Meaning(FOUND, f"{told}; it is slower")


def _other_key(declared: Any, found: Any) -> Meaning:
    if not found:
        return Meaning(FOUND, f"nobody logs in by that key any more; {_FAILS}")
    del declared
    return Meaning(DECLARED, "whoever has the private half of another key may log in as this user")


def _default_role(_declared: Any, found: Any) -> Meaning | None:
    if str(found).strip('"') in _ADMINISTERS:
        return Meaning(DECLARED, f"its sessions begin with the rights of {found}")
    return None


def _address(_declared: Any, found: Any) -> Meaning:
    return Meaning(DECLARED, f"what Snowflake writes to it goes to {'another address' if found else 'nobody'}")


def _other_name(_declared: Any, _found: Any) -> Meaning:
    return Meaning(DECLARED, f"nobody logs in as it by the name of before; {_FAILS}")


def _must_be_read(what: str) -> Rule:
    return lambda _declared, _found: Meaning(why=f"neither can be told: {what}; read both")


def _monitor(declared: Any, found: Any) -> Meaning | None:
    if declared and not found:
        return Meaning(DECLARED, "nothing limits its credits")
    return Meaning(FOUND, "its credits are limited") if found and not declared else None


def _condition(declared: Any, found: Any) -> Meaning | None:
    if declared and not found:
        return Meaning(DECLARED, "nothing limits what the role may be used for")
    return Meaning(FOUND, f"the role is limited; {_FAILS}") if found and not declared else None


# ── what is known of each property ───────────────────────────────────────────────────────────────────────────────────

_REACHED: Final = ("it is reached from outside of the private network", "it is reached from fewer networks")
_LOGS_IN: Final = ("more may log in", f"fewer may log in; {_FAILS}")
_HAD_BACK: Final = (
    "what is deleted can be had back for {found} days, declared {declared}",
    "what is deleted can be had back for {found} days, declared {declared}; keeping it is charged",
)
_MAY_DO_MORE: Final = ("more is granted than declared", f"less is granted; {_FAILS}")
_IDLE: Final = (
    "a session that somebody left open ends after {found} minutes, declared {declared}",
    "an idle session ends after {found} minutes, declared {declared}",
)
_PASSWORD_WEAKER: Final = ("a password is easier to find", "a password is harder to find")
_NOT_DONE: Final = ("it does not run: what it deletes, counts or warns of stays undone", "it runs")
_NOT_TOLD_OF: Final = ("nobody is told", "it tells")
_READ_POLICY: Final = _must_be_read("it decides who sees patients' data")
_READ_CODE: Final = _must_be_read("it is code, run with the rights of its owner or caller")

_SNOWFLAKE: Final[Mapping[tuple[str, str], Rule]] = {
    ("Warehouse", "warehouseSize"): _warehouse_size,
    ("Warehouse", "autoSuspend"): _more(
        "idle, it is charged for {found} seconds more, declared {declared}",
        "idle, it stops after {found} seconds, declared {declared}",
        zero_is_absent=True,
    ),
    ("Warehouse", "resourceMonitor"): _monitor,
    ("ResourceMonitor", "creditQuota"): _more(
        "it lets {found} credits go in a month, declared {declared}",
        f"it lets {{found}} credits go in a month, declared {{declared}}; beyond them {_FAILS}",
        zero_is_absent=True,
    ),
    **{
        ("ResourceMonitor", key): _more(
            "its warehouse stops at {found} per cent of the quota, declared {declared}",
            "its warehouse stops at {found} per cent of the quota, declared {declared}",
        )
        for key in ("suspendTrigger", "suspendImmediateTrigger")
    },
    ("ResourceMonitor", "notifyTriggers"): _entries(
        "it warns more often", "it warns less often", beside_is_worse=False
    ),
    **{(kind, "dataRetentionTimeInDays"): _less(*_HAD_BACK) for kind in ("Database", "Schema", "Table")},
    **{
        (kind, "isTransient"): _false("nothing of it can be had back by Fail-safe", "Fail-safe keeps it")
        for kind in ("Database", "Schema")
    },
    ("Schema", "withManagedAccess"): _true(
        "whoever owns a table in it may grant it on", "only the schema's owner grants what is in it"
    ),
    ("View", "isSecure"): _true("its users may learn of rows that it leaves out", "its users learn of its rows alone"),
    ("View", "statement"): _must_be_read("it decides which rows and columns its users see"),
    ("NetworkRule", "valueLists"): _networks,
    **{
        ("NetworkPolicy", key): _entries(*_LOGS_IN, beside_is_worse=True)
        for key in ("allowedNetworkRuleLists", "allowedIpLists")
    },
    **{
        ("NetworkPolicy", key): _entries(_LOGS_IN[1], _LOGS_IN[0], beside_is_worse=False)
        for key in ("blockedNetworkRuleLists", "blockedIpLists")
    },
    ("NetworkPolicyAttachment", "setForAccount"): _true("the account's users may log in from anywhere", _LOGS_IN[1]),
    ("NetworkPolicyAttachment", "users"): _entries(
        _LOGS_IN[1], "a user is held to it no longer", beside_is_worse=False
    ),
    **{("AuthenticationPolicy", key): _entries(*_LOGS_IN) for key in ("authenticationMethods", "clientTypes")},
    ("AuthenticationPolicy", "mfaEnrollment"): _ranked(
        "not everybody needs a second factor",
        "more need a second factor",
        *("REQUIRED", "REQUIRED_SNOWFLAKE_UI_PASSWORD_ONLY", "REQUIRED_PASSWORD_ONLY", "OPTIONAL", ""),
    ),
    **{
        ("PasswordPolicy", key): _less(*_PASSWORD_WEAKER)
        for key in (
            *("minLength", "minLowerCaseChars", "minUpperCaseChars", "minNumericChars", "minSpecialChars"),
            *("history", "lockoutTimeMins"),
        )
    },
    ("PasswordPolicy", "maxRetries"): _more(*_PASSWORD_WEAKER),
    ("PasswordPolicy", "maxAgeDays"): _more(*_PASSWORD_WEAKER, zero_is_absent=True),
    **{("SessionPolicy", key): _more(*_IDLE) for key in ("sessionIdleTimeoutMins", "sessionUiIdleTimeoutMins")},
    ("SessionPolicy", "allowedSecondaryRoles"): _entries(
        "a session may have other roles' rights beside its own", "a session has fewer roles' rights at once"
    ),
    ("User", "disabled"): _true("somebody may log in as it", f"nobody logs in as it; {_FAILS}"),
    ("ServiceUser", "disabled"): _true("somebody may log in as it", f"nobody logs in as it; {_FAILS}"),
    ("User", "email"): _address,
    **{(kind, "loginName"): _other_name for kind in ("User", "ServiceUser")},
    **{(kind, "defaultRole"): _default_role for kind in ("User", "ServiceUser")},
    **{
        (kind, "defaultSecondaryRolesOption"): _ranked(
            "its sessions begin with the rights of all its roles", "its sessions begin with one role", "NONE", "", "ALL"
        )
        for kind in ("User", "ServiceUser")
    },
    **{
        (kind, key): _other_key
        for kind in ("User", "ServiceUser", "UserPublicKeys")
        for key in ("rsaPublicKey", "rsaPublicKey2")
    },
    ("Task", "started"): _true(*_NOT_DONE),
    ("Alert", "enabled"): _true(*_NOT_DONE),
    ("EmailNotificationIntegration", "enabled"): _true(*_NOT_TOLD_OF),
    ("MaskingPolicy", "body"): _READ_POLICY,
    ("RowAccessPolicy", "body"): _READ_POLICY,
    ("Tag", "maskingPolicies"): _entries(
        "more columns are masked", "columns that hold patients' data are in clear", beside_is_worse=False
    ),
    ("TagAssociation", "objectIdentifiers"): _entries(
        "more columns are masked", "columns that hold patients' data are in clear", beside_is_worse=False
    ),
    ("TagAssociation", "tagValue"): _READ_POLICY,
    **{
        (kind, "privileges"): _entries(*_MAY_DO_MORE)
        for kind in ("GrantPrivilegesToAccountRole", "GrantPrivilegesToDatabaseRole")
    },
    **{
        (kind, "withGrantOption"): _false("its holder may grant it on", "its holder may not grant it on")
        for kind in ("GrantPrivilegesToAccountRole", "GrantPrivilegesToDatabaseRole")
    },
    ("ProcedurePython", "executeAs"): _ranked(
        "it acts with its owner's rights", "it acts with its caller's rights alone", "CALLER", "OWNER"
    ),
    ("ProcedurePython", "procedureDefinition"): _READ_CODE,
    ("FunctionPython", "functionDefinition"): _READ_CODE,
    ("Task", "sqlStatement"): _READ_CODE,
    ("Alert", "action"): _READ_CODE,
    ("Alert", "condition"): _READ_CODE,
}
"""By kind and the last name of a property's path."""

_PARAMETER: Final = ("what it keeps from happening may happen", "it keeps more from happening")
_PARAMETERS: Final[Mapping[str, Rule]] = {
    "ALLOW_CLIENT_MFA_CACHING": _false(*_PARAMETER),
    "ALLOW_ID_TOKEN": _false(*_PARAMETER),
    "CLIENT_ENCRYPTION_KEY_SIZE": _less("staged files have a shorter key", "staged files have a longer key"),
    "CORTEX_ENABLED_CROSS_REGION": _ranked(
        "prompts may leave the account's region", "prompts stay in the account's region", "DISABLED", "", "ANY_REGION"
    ),
    "CORTEX_MODELS_ALLOWLIST": _ranked("everybody may use every model", "models are granted one by one", "None", "All"),
    "MIN_DATA_RETENTION_TIME_IN_DAYS": _less(*_HAD_BACK),
    **{
        name: _true(*_PARAMETER)
        for name in (
            "EXTERNAL_OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST",
            "OAUTH_ADD_PRIVILEGED_ROLES_TO_BLOCKED_LIST",
            "PERIODIC_DATA_REKEYING",
            "PREVENT_LOAD_FROM_INLINE_URL",
            "PREVENT_UNLOAD_TO_INLINE_URL",
            "PREVENT_UNLOAD_TO_INTERNAL_STAGES",
            "REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_CREATION",
            "REQUIRE_STORAGE_INTEGRATION_FOR_STAGE_OPERATION",
        )
    },
}
"""By the account parameter's name."""

_AZURE: Final[Mapping[tuple[str, str], Rule]] = {
    **{
        ("", key): _ranked(*_REACHED, "Disabled", "SecuredByPerimeter", "Enabled")
        for key in ("publicNetworkAccess", "publicNetworkAccessForIngestion", "publicNetworkAccessForQuery")
    },
    ("", "defaultAction"): _ranked(*_REACHED, "Deny", "Allow", ""),
    ("", "bypass"): _ranked(*_REACHED, "None", "AzureServices"),
    ("", "networkRuleBypassOptions"): _ranked(*_REACHED, "None", "AzureServices"),
    **{("", key): _entries(*_REACHED) for key in ("ipRules", "virtualNetworkRules", "ipSecurityRestrictions")},
    ("", "external"): _false("it is reached from the internet", f"it is no longer reached from the internet; {_FAILS}"),
    ("", "allowInsecure"): _false("it answers without TLS", "it answers with TLS alone"),
    ("", "enableHttpsTrafficOnly"): _true("it answers without TLS", "it answers with TLS alone"),
    ("", "httpsRedirect"): _ranked("plain HTTP is not sent on to HTTPS", "HTTPS is forced", "Enabled", "Disabled", ""),
    ("", "forwardingProtocol"): _ranked(
        "what is behind it may be asked without TLS", "TLS alone", "HttpsOnly", "MatchRequest", "HttpOnly", ""
    ),
    ("", "supportedProtocols"): _entries("it answers by one more protocol", "it answers by fewer protocols"),
    ("", "enforceCertificateNameCheck"): _true("another's certificate passes", "only its own certificate passes"),
    **{
        ("", key): _ranked("weaker TLS passes", "weaker TLS is refused", "TLS1_3", "TLS1_2", "TLS1_1", "TLS1_0", "")
        for key in ("minimumTlsVersion", "minTlsVersion", "minimumTLSVersion")
    },
    ("", "enablePurgeProtection"): _true(
        "what is deleted can be purged at once, secrets included", "what is deleted cannot be purged before its days"
    ),
    ("", "enableSoftDelete"): _true("what is deleted is gone at once", "what is deleted can be had back"),
    ("", "softDeleteRetentionInDays"): _less(*_HAD_BACK),
    ("", "retentionInDays"): _less("logs go after {found} days, declared {declared}", _HAD_BACK[1]),
    ("", "enableRbacAuthorization"): _true(
        "access policies decide who reads the secrets, not the declared roles", "the declared roles decide"
    ),
    ("", "accessPolicies"): _entries(*_MAY_DO_MORE),
    **{
        ("", key): _false("Azure itself may fetch secrets for it", "fewer may fetch secrets")
        for key in ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment")
    },
    ("", "allowBlobPublicAccess"): _false("a container may be made readable to everybody", "no container is public"),
    ("", "allowSharedKeyAccess"): _false("whoever has a key reads it, with no identity", "only identities read it"),
    ("", "allowCrossTenantReplication"): _false("it may be copied to other companies' accounts", "it stays here"),
    ("", "requireInfrastructureEncryption"): _true("it is encrypted once, not twice", "it is encrypted twice"),
    ("", "adminUserEnabled"): _false("whoever has its password pushes and pulls images", "only identities pull"),
    ("", "anonymousPullEnabled"): _false("everybody pulls its images", "only identities pull"),
    ("", "disableLocalAuth"): _true("whoever has its key writes into it", "only identities write into it"),
    ("", "zoneRedundant"): _true("one zone's failure stops it", "one zone's failure does not stop it"),
    ("", "condition"): _condition,
    ("", "maxReplicas"): _more("it may cost more", "it may cost less, and carries less"),
    ("", "minReplicas"): _more("it costs more", "it costs less, and carries less at first"),
    ("Budget", "amount"): _more(
        "somebody is warned at {found}, declared {declared}", "somebody is warned at {found}, declared {declared}"
    ),
    **{
        (kind, "enabled"): _true(*_NOT_TOLD_OF)
        for kind in ("MetricAlert", "ScheduledQueryRule", "WebTest", "ActionGroup", "DiagnosticSetting")
    },
    ("ManagedEnvironment", "enabled"): _true("apps talk to each other in clear", "apps talk to each other encrypted"),
    ("ActionGroup", "emailReceivers"): _entries("more are told", "fewer are told", beside_is_worse=False),
    ("DiagnosticSetting", "logs"): _entries("more is logged", "less is logged", beside_is_worse=False),
    ("Policy", "enabledState"): _ranked("the firewall is off", "the firewall is on", "Enabled", "Disabled", ""),
    ("Policy", "mode"): _ranked(
        "the firewall writes down what it would block, and lets it pass",
        "the firewall blocks",
        *("Prevention", "Detection", ""),
    ),
    ("Policy", "managedRuleSets"): _entries(
        "the firewall has more rules", "the firewall has fewer rules", beside_is_worse=False
    ),
}
"""By kind (empty for any) and the last name of a property's path."""

_GONE: Final[Mapping[str, Meaning]] = {
    **dict.fromkeys(
        (
            *("GrantPrivilegesToAccountRole", "GrantPrivilegesToDatabaseRole", "GrantAccountRole"),
            *("GrantDatabaseRole", "GrantApplicationRole", "RoleAssignment", "FederatedIdentityCredential"),
            *("AccountRole", "DatabaseRole", "User", "ServiceUser", "UserPublicKeys"),
        ),
        Meaning(FOUND, _MAY_DO_MORE[1]),
    ),
    **dict.fromkeys(
        ("Table", "Schema", "Database"), Meaning(DECLARED, "its data is gone, until Time Travel brings it back")
    ),
    **dict.fromkeys(("TagAssociation", "Tag", "MaskingPolicy"), Meaning(DECLARED, "what it masked is in clear")),
    "RowAccessPolicy": Meaning(DECLARED, "whoever may read the table reads every organisation's rows"),
    **dict.fromkeys(
        (
            *("NetworkPolicyAttachment", "NetworkPolicy", "NetworkRule", "AccountAuthenticationPolicyAttachment"),
            *("AccountPasswordPolicyAttachment", "AccountSessionPolicyAttachment", "AuthenticationPolicy"),
            *("UserAuthenticationPolicyAttachment", "PasswordPolicy", "SessionPolicy", "AccountParameter"),
        ),
        Meaning(DECLARED, "nothing holds log-ins or sessions to it any more"),
    ),
    "ResourceMonitor": Meaning(DECLARED, "nothing limits its warehouse's credits"),
    "GrantOwnership": Meaning(DECLARED, "another owns it, who may read, change, drop and grant it"),
    **dict.fromkeys(("Task", "Alert"), Meaning(DECLARED, _NOT_DONE[0])),
    **dict.fromkeys(
        ("MetricAlert", "ScheduledQueryRule", "WebTest", "ActionGroup", "DiagnosticSetting", "Budget"),
        Meaning(DECLARED, "nobody is told, or nothing is written down"),
    ),
    **dict.fromkeys(
        ("SecurityPolicy", "Policy", "NetworkSecurityGroup"), Meaning(DECLARED, "what it kept out comes in")
    ),
    "ManagementPolicy": Meaning(DECLARED, "nothing keeps the archive to its days"),
}
_NAMED: Final = re.compile(r"\[[^\]]*\]$")


def of_property(kind: str, path: str, declared: Any, found: Any, inputs: Mapping[str, Any] | None = None) -> Meaning:
    """Of one property of a resource that is there. `inputs` are the declared ones."""
    if kind == "AccountParameter" and path == "value":
        rule = _PARAMETERS.get(str((inputs or {}).get("key")))
        return (rule(declared, found) if rule else None) or _NOT_TOLD
    if "securityRules[" in path and (declared is None) != (found is None):
        return _of_security_rule(declared, found)
    if path.startswith("columns[") and path.endswith("]") and found is None:
        return Meaning(DECLARED, "its data is gone, until Time Travel brings it back")
    leaf = _NAMED.sub("", path.rpartition(".")[2])
    for rules in (_SNOWFLAKE, _AZURE):
        for key in ((kind, leaf), ("", leaf)):
            told = rules[key](declared, found) if key in rules else None
            if told is not None:
                return told
    return _NOT_TOLD


def _of_security_rule(declared: Any, found: Any) -> Meaning:
    rule = declared if found is None else found
    allows = str(rule.get("access") if isinstance(rule, Mapping) else "").lower() == "allow"
    if allows == (found is not None):
        return Meaning(DECLARED, "more traffic passes")
    return Meaning(FOUND, f"less traffic passes; {_FAILS}")


def of_gone(kind: str) -> Meaning:
    """Of a resource that is not there any more."""
    return _GONE.get(kind, Meaning(DECLARED, _FAILS))


# ── grants that nobody declared, owners that are others ──────────────────────────────────────────────────────────────

_READS: Final = frozenset({"SELECT", "READ", "REFERENCES"})
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "TRUNCATE", "WRITE", "EVOLVE SCHEMA"})
_ADMINISTERS: Final = frozenset(
    {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "ORGADMIN", "GLOBALORGADMIN"}
)
_TENANT: Final = re.compile(r"(HCS\d{4})(?:_|$)")


def of_privilege(privilege: str, kind: str, name: Iterable[str], holder: str) -> Meaning:
    """Of a privilege that nobody declared: what its holder can do now, and who that is."""
    parts = tuple(name)
    object_ = parts[-1] if parts else "the account"
    whose = _TENANT.match(parts[0]) if parts else None
    of = f"{whose[1]}'s {object_}" if whose and not object_.startswith(whose[1]) else object_
    if kind == "ACCOUNT":
        what = "may grant anything to anybody" if privilege == "MANAGE GRANTS" else f"may {privilege} in the account"
    elif kind == "WAREHOUSE":
        done = {"USAGE": f"spends {of}'s credits", "MONITOR": f"sees what runs on {of}"}
        what = done.get(privilege, f"may stop, resume or change {of}")
    elif privilege in _READS:
        what = f"reads {of}"
    elif privilege in _WRITES:
        what = f"changes {of}"
    elif privilege == "USAGE":
        what = f"comes nearer to what is in {of}" if kind in ("DATABASE", "SCHEMA") else f"uses {of}"
    else:
        what = f"may {privilege} on {of}"
    return Meaning(DECLARED, f"{_who(holder, whose[1] if whose else None)} {what}")


def of_role(role: Iterable[str], holder: str) -> Meaning:
    """Of a role that somebody holds whom nobody declared."""
    name = tuple(role)[-1]
    whose = _TENANT.match(next(iter(role)))
    if name in _ADMINISTERS:
        return Meaning(DECLARED, f"{_who(holder, None)} administers the account as {name}")
    return Meaning(DECLARED, f"{_who(holder, whose[1] if whose else None)} may do all that {name} may")


def of_owner(holder: str, tenant: str | None) -> Meaning:
    """Of an owner that is another."""
    return Meaning(DECLARED, f"{_who(holder, tenant)} may read, change, drop and grant it")


def _who(holder: str, tenant: str | None) -> str:
    if holder == "PUBLIC":
        return "everybody"
    other = _TENANT.match(holder)
    if other and tenant and other[1] != tenant:
        return f"{holder}, of another organisation,"
    return holder
