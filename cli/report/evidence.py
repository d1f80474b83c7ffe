"""The report's content as plain data: what its JSON holds, and what page and summary are made from.

The same inputs give the same content: no moment of making is in it. The day counts where an exception or an allowance
may have run out, and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import yaml

from cli.cost import prices as prices_file
from cli.cost.command import as_answer, difference
from cli.cost.estimate import estimate
from cli.cost.graph import KeptPlan, of_state
from cli.judgement import PACK, configuration_of, judgement_of
from cli.place import ROOT
from cli.progress import COLUMNS, kind_of, name_of, type_of
from cli.report.coverage import coverage
from cli.report.gather import Base, Declared
from cli.report.isolation import matrix, tagged_columns
from policies.graph.isolation import Reach, Rules
from policies.graph.resources import ResourceGraph
from policies.judge import PolicyException, Status, Verdict

if TYPE_CHECKING:
    from infra.settings import Settings

FORMAT: Final = 1
"""Raised when a program that reads the JSON would have to change."""
PROVED: Final = PACK / "proved.json"
"""What the mutation table of the policies recorded."""
_PROGRAM: Final = ("components", "infra", "emulator", "__main__.py", "Pulumi.yaml")
_PACKAGES: Final = (
    "pulumi",
    "pulumi-azure-native",
    "pulumi-snowflake",
    "pulumi-random",
    "pulumi-tls",
    "pulumi-policy",
)


def evidence(declared: Declared, base: Base | None, today: date) -> dict[str, Any]:
    """All of it. `result` is `failed` where a policy, the isolation or a loss of data that nobody accepted says so."""
    settings = declared.settings
    graph = graph_of(declared)
    reach = Reach(graph, rules_of(settings))
    isolation = matrix(reach, tagged_columns(graph))
    columns = coverage(graph)
    verdicts = judgement_of(declared.plan, settings, today=today).verdicts
    losses = _losses(base, settings, today)
    cost = _cost(declared, base)
    tenants = [each.organization_id for each in settings.organizations]
    plan = _plan(base.plan if base else declared.plan, tenants, base)
    failures = [
        *(f"policy {each.policy.id} is violated" for each in verdicts if each.violations),
        *(f"isolation: {found['rule']}: {found['resource']}" for found in isolation["findings"]),
        *(
            f"column {row['table']}.{row['column']}: {row['state']}"
            for row in columns
            if row["state"] in ("gap", "unclassified")
        ),
        *(f"data loss: {loss['object']}: {loss['change']}" for loss in losses["blocked"]),
    ]
    return {
        "format": FORMAT,
        "stack": declared.stack,
        "result": "failed" if failures else "passed",
        "failures": failures,
        "made_up": {key: str(value) for key, value in declared.made_up.items()},
        "plan": plan,
        "policies": _policies(verdicts),
        "isolation": isolation,
        "columns": columns,
        "cost": cost,
        "data_loss": losses,
        "exceptions": _exceptions(settings, verdicts, today),
        "mutations": _proved(),
        "versions": _versions(),
        "digest": _digests(declared),
    }


def graph_of(declared: Declared) -> ResourceGraph:
    """The declared graph, in the order of its names: a state has the order in which things happened to be made."""
    found = ResourceGraph.of_deployment(declared.state).resources
    return ResourceGraph(sorted(found, key=lambda resource: resource.urn))


def rules_of(settings: Settings) -> Rules:
    """Whom a stack's own settings name as users that may hold roles of several tenants, as `verify` does."""
    snowflake = settings.snowflake
    users = {snowflake.service_user.name, snowflake.break_glass.name, snowflake.user}
    return Rules(platform_users=frozenset(users))


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plan(plan: KeptPlan, tenants: Sequence[str], base: Base | None) -> dict[str, Any]:
    """What changes, by tenant; None stands for what all share."""
    by_tenant: dict[str | None, list[tuple[str, str]]] = {}
    for outcome, urn in sorted(plan.changes, key=lambda change: (change[1], change[0])):
        if type_of(urn) != "pulumi:pulumi:Stack":
            by_tenant.setdefault(plan.tenant(urn), []).append((outcome, urn))
    order = [None, *sorted({*tenants, *(tenant for tenant in by_tenant if tenant)})]
    return {
        "against": {"ref": base.ref, "commit": base.commit} if base else None,
        "touches": touches([tenant for tenant in order if tenant in by_tenant], len(tenants)),
        "totals": _counts(change for changes in by_tenant.values() for change in changes),
        "tenants": [
            {
                "tenant": tenant,
                "changes": _counts(by_tenant[tenant]),
                "kinds": _kinds(by_tenant[tenant]),
                # In a new stack every resource is a line: those are counted by kind alone.
                "resources": [
                    {
                        "change": outcome,
                        "kind": kind_of(type_of(urn)),
                        "name": name_of(urn),
                        "differences": plan.differences.get(urn, []),
                    }
                    for outcome, urn in by_tenant[tenant]
                    if base or outcome != "created"
                ],
            }
            for tenant in order
            if tenant in by_tenant
        ],
    }


def touches(touched: Sequence[str | None], tenants: int) -> str:
    """The blast radius in words. None among them stands for what all share."""
    own = [tenant for tenant in touched if tenant is not None]
    if not touched:
        return "touches nothing"
    if len(own) > 3:
        whom = f"all {tenants} organisations" if len(own) == tenants else f"{len(own)} of {tenants} organisations"
    else:
        whom = " and ".join(", ".join(own).rsplit(", ", 1))
    if None in touched:
        return f"touches what all share and {whom}" if own else "touches only what all share"
    return f"touches {whom}" if len(own) > 3 else f"touches {whom} only"


def _counts(changes: Iterable[tuple[str, str]]) -> dict[str, int]:
    counts = Counter(outcome for outcome, _ in changes)
    return {column: counts[column] for column in COLUMNS if counts[column]}


def _kinds(changes: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    kinds: dict[str, list[tuple[str, str]]] = {}
    for outcome, urn in changes:
        kinds.setdefault(kind_of(type_of(urn)), []).append((outcome, urn))
    return {kind: _counts(found) for kind, found in sorted(kinds.items())}


# ── the verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _policies(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    by_safeguard: dict[str, list[str]] = {}
    for verdict in verdicts:
        for cited in verdict.policy.safeguards:
            by_safeguard.setdefault(cited, []).append(verdict.policy.id)
    status = {verdict.policy.id: verdict.status for verdict in verdicts}
    return {
        "totals": {each.value: count for each in Status if (count := list(status.values()).count(each))},
        "safeguards": [
            {
                "safeguard": cited,
                "status": _worst([status[policy] for policy in policies]),
                "policies": policies,
            }
            for cited, policies in sorted(by_safeguard.items())
        ],
        "verdicts": [
            {
                "policy": verdict.policy.id,
                "title": verdict.policy.title,
                "severity": verdict.policy.severity.value,
                "status": verdict.status.value,
                "safeguards": list(verdict.policy.safeguards),
                "remediation": verdict.policy.remediation,
                "link": verdict.policy.link,
                "violations": [
                    {"resource": each.urn and name_of(each.urn), "message": each.message, "unknown": each.unknown}
                    for each in sorted(verdict.violations, key=lambda violation: (violation.urn, violation.message))
                ],
                "excepted": [
                    {"resource": each.urn and name_of(each.urn), "message": each.message, "exception": str(exception)}
                    for each, exception in sorted(verdict.excepted, key=lambda found: (found[0].urn, found[0].message))
                ],
            }
            for verdict in verdicts
        ],
    }


def _worst(found: Sequence[Status]) -> str:
    for status in (Status.VIOLATED, Status.EXPIRED_EXCEPTION, Status.EXCEPTED, Status.NOT_APPLICABLE):
        if status in found:
            return status.value
    return Status.PASSED.value


def _exceptions(settings: Settings, verdicts: Sequence[Verdict], today: date) -> list[dict[str, Any]]:
    used = {exception for verdict in verdicts for _, exception in (*verdict.excepted, *verdict.expired)}
    found = []
    for each in settings.policy_exceptions:
        exception = PolicyException(each.resource, each.policy, each.reason, each.acceptedBy, each.expires)
        state = "expired" if not exception.in_date(today) else "in use" if exception in used else "excepts nothing"
        found.append(
            {
                "resource": each.resource,
                "policy": each.policy,
                "reason": each.reason,
                "accepted_by": each.acceptedBy,
                "expires": each.expires.isoformat(),
                "state": state,
            }
        )
    return found


def _losses(base: Base | None, settings: Settings, today: date) -> dict[str, Any]:
    """What the plan over the base loses.

    A fingerprint binds an allowance to the real stack's state, which is not here: one that names the object and the
    change to the letter is taken as accepted, and the preview of the real stack has the last word.
    """
    if base is None:
        return {"judged": False, "blocked": [], "allowed": [], "stale": []}
    blocked, allowed = [], []
    known = {(each.object, each.change): each for each in settings.data_loss_allowances if today <= each.expires}
    for judged in base.verdict.judged:
        finding = judged.finding
        # Without the fingerprint, which is of a state that is thrown away: it means nothing elsewhere.
        found: dict[str, Any] = {
            "tenant": finding.tenant or None,
            "object": finding.object,
            "change": finding.change,
            "lost": finding.lost,
            "check_first": finding.check_first,
            "recoverable": finding.recoverable,
            "unknown": finding.unknown,
        }
        allowance = known.get((finding.object, finding.change))
        if allowance is None or finding.unknown:
            blocked.append(found)
        else:
            allowed.append(
                {
                    **found,
                    "reason": allowance.reason,
                    "accepted_by": allowance.acceptedBy,
                    "fingerprint": allowance.fingerprint,
                }
            )
    named = {(judged.finding.object, judged.finding.change) for judged in base.verdict.judged}
    stale = [
        {"object": each.object, "change": each.change}
        for each in settings.data_loss_allowances
        if (each.object, each.change) not in named
    ]
    return {"judged": True, "blocked": blocked, "allowed": allowed, "stale": stale}


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cost(declared: Declared, base: Base | None) -> dict[str, Any]:
    known = prices_file.load()
    edition = declared.settings.snowflake.edition
    told = as_answer(declared.stack, estimate(of_state(_sorted(declared.state)), known, edition), known, edition)
    if base is not None:
        # The base's edition may be another: what it costs now is told at the one that is declared.
        before = as_answer(declared.stack, estimate(of_state(_sorted(base.before)), known, edition), known, edition)
        told["against"] = {"what": base.ref, **difference(before, told)}
    return {key: value for key, value in told.items() if key != "stack"}


def _sorted(state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state, "resources": sorted(state.get("resources") or (), key=lambda resource: str(resource["urn"]))}


# ── what it rests on ─────────────────────────────────────────────────────────────────────────────────────────────────


def _proved() -> dict[str, int] | None:
    """Of the policies' mutation table: how many mutations were caught, of how many that were tried."""
    if not PROVED.exists():
        return None
    found = json.loads(PROVED.read_text(encoding="utf-8"))
    return {"caught": int(found["caught"]), "tried": int(found["tried"])}


def _versions() -> dict[str, str]:
    from cli import engine
    from cli.console import say

    pack = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    return {
        "pulumi (engine)": engine.acquire(say).version,
        **{name: version(name) for name in _PACKAGES},
        "policy pack": f"{pack['name']} {pack['version']}",
        "python": platform.python_version(),
    }


def _digests(declared: Declared) -> dict[str, str]:
    """SHA-256 of each input, and of all of them: the settings as completed, the program, the pack, packages, prices."""
    configuration = configuration_of(declared.stack)
    settings = repr(declared.settings).replace(str(ROOT), "")
    parts = {
        "settings": _sha256(settings.encode()),
        "program": _files(*_PROGRAM),
        "policies": _files("policies", *([configuration.name] if configuration else [])),
        "packages": _files("requirements.txt", "tools/engine"),
        "prices": _files(str(prices_file.FILE.relative_to(ROOT))),
    }
    return {**parts, "all": _sha256(json.dumps(parts).encode())}


def _files(*names: str) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


#: Inputs of roles, grants, objects and tags that say who reaches what. No key, no statement and no code is among them.
_REACHING: Final = frozenset(
    {
        *("accountRoleName", "allPrivileges", "applicationRoleName", "columns", "database", "databaseRoleName"),
        *("executeAs", "maskingPolicies", "name", "objectIdentifiers", "on", "onAccount", "onAccountObject"),
        *("onDatabase", "onSchema", "onSchemaObject", "parentAccountRoleName", "parentDatabaseRoleName"),
        *("parentRoleName", "privileges", "roleName", "schema", "shareName", "tagId", "tagValue", "toShare"),
        *("returnDataType", "userName"),
    }
)


def graph_as_json(declared: Declared) -> list[dict[str, Any]]:
    """What the isolation is computed from, for somebody to compute it again."""
    graph = graph_of(declared)
    return [
        {
            "kind": resource.kind,
            "name": resource.name,
            "made_by": graph.provider_role(resource),
            "inputs": {key: value for key, value in sorted(resource.inputs.items()) if key in _REACHING},
        }
        for resource in graph.snowflake()
    ]


def as_text(found: Any) -> str:
    """JSON for a file."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
