"""Who may do what, from the declared graph: identities and secrets, one organisation's roles, the deploy principal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cli.documents.declared import ANY, ORGANIZATIONS, Declared
from cli.documents.mermaid import Flowchart
from cli.documents.parts import DocumentError, table
from cli.report.isolation import highest, level_of
from components.azure.roles import (
    ACR_PULL,
    CONTRIBUTOR,
    KEY_VAULT_CONTRIBUTOR,
    KEY_VAULT_SECRETS_USER,
    ROLE_ADMINISTRATOR,
)
from policies.graph.isolation import Node, Way
from policies.graph.resources import Resource

_ASSIGNMENT: Final = "azure-native:authorization:RoleAssignment"
_IDENTITY: Final = "azure-native:managedidentity:UserAssignedIdentity"
_SECRET: Final = "azure-native:keyvault:Secret"  # noqa: S105 - a type's name
_ROLES: Final[Mapping[str, str]] = {
    KEY_VAULT_SECRETS_USER: "reads the secret",
    ACR_PULL: "pulls images from",
    CONTRIBUTOR: "changes, without giving rights",
    KEY_VAULT_CONTRIBUTOR: "changes, without reading a secret",
    ROLE_ADMINISTRATOR: "gives two roles alone, to services",
}
_TENANT: Final = ORGANIZATIONS[0]
_LEVELS: Final[Mapping[str, str]] = {
    "breach": "**what it must not**",
    "owns": "owns",
    "writes": "reads and writes",
    "reads": "reads",
    "uses": "uses",
    "grants-itself": "could grant itself",
    "by-procedure": "by a reviewed procedure alone",
}
_DIRECT: Final = ("reads and writes", "reads", "uses", "owns")


# ── Azure ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def secrets(declared: Declared) -> str:
    """Which app's identity may read which secret of the vault; secrets with the same readers are drawn as one."""
    readers: dict[str, set[str]] = {str(each.inputs["secretName"]): set() for each in declared.graph.of_types(_SECRET)}
    for identity, role, scope in _assignments(declared):
        if role == KEY_VAULT_SECRETS_USER:
            readers[scope].add(identity)
    by_readers: dict[tuple[str, ...], list[str]] = {}
    for secret in sorted(readers):
        by_readers.setdefault(tuple(sorted(readers[secret])), []).append(secret)
    drawing = Flowchart()
    for identity in _identities(declared):
        if identity != "deploy":
            drawing.node(identity, shape="round")
    for names in sorted(by_readers.values()):
        drawing.node(names[0], "\n".join(names if readers[names[0]] else [*names, "(no app)"]))
    for who, names in sorted(by_readers.items()):
        for identity in who:
            drawing.edge(identity, names[0], length=2)
    return str(drawing)


def identities(declared: Declared) -> str:
    """Every identity on Azure with each right that it has."""
    rights: dict[str, dict[str, list[str]]] = {identity: {} for identity in _identities(declared)}
    for identity, role, scope in _assignments(declared):
        if role not in _ROLES:
            raise DocumentError(f"{identity} has the role {role}, which no document can name (cli/documents/rights.py)")
        rights[identity].setdefault(role, []).append(scope)
    rows = []
    for identity, found in rights.items():
        told = [
            f"{_ROLES[role]} {', '.join(f'`{scope}`' for scope in sorted(found[role]))}"
            for role in _ROLES
            if role in found
        ]
        rows.append((f"`{identity}`", "; ".join(told) or "nothing"))
    return table(("identity", "may"), rows)


def _identities(declared: Declared) -> list[str]:
    return sorted(_label(declared, each) for each in declared.graph.of_types(_IDENTITY))


def _label(declared: Declared, resource: Resource) -> str:
    return declared.graph.by_urn[resource.parent].name


def _assignments(declared: Declared) -> list[tuple[str, str, str]]:
    """(identity's component, role definition's id, what it is on) of every role assignment, in order."""
    principals = {each.outputs["principalId"]: _label(declared, each) for each in declared.graph.of_types(_IDENTITY)}
    made_up = declared.settings.azure.registry.name if declared.settings.azure.registry is not None else ""
    found = []
    for each in declared.graph.of_types(_ASSIGNMENT):
        scope = str(each.inputs["scope"]).rpartition("/")[2]
        role = str(each.inputs["roleDefinitionId"]).rpartition("/")[2]
        found.append((principals[each.inputs["principalId"]], role, "the registry" if scope == made_up else scope))
    return sorted(found)


# ── Snowflake ────────────────────────────────────────────────────────────────────────────────────────────────────────


def roles(declared: Declared) -> str:
    """Who gets to one organisation's data, without what administrators could grant themselves."""
    reach, administrators = declared.reach, set(declared.reach.rules.administrators)
    direct = [(who, whom) for who, whom, way in reach.steps if way is Way.DIRECT and who.name not in administrators]
    held: dict[tuple[Node, str], set[str]] = {}
    for who, privilege, target in reach.held:
        thing = _thing(target)
        if thing and who.name not in administrators and privilege not in ("OWNERSHIP", "MANAGE GRANTS"):
            held.setdefault((who, thing), set()).add(privilege)
    holders = {who for who, _ in held} | {whom for _, whom in direct if _any(whom.name).startswith(f"{ANY}_DB.")}
    while more := {who for who, whom in direct if whom in holders} - holders:
        holders |= more
    holders = {who for who in holders if not _another(who)}
    drawing = Flowchart()
    users = [each for each in holders if each.kind == "USER"]
    inner = [each for each in holders if each.kind == "DATABASE ROLE"]
    for user in sorted(users):
        drawing.node(str(user), user.name, "round")
    with drawing.group("roles", "account roles"):
        for role in sorted(holders - {*users, *inner}):
            drawing.node(str(role), _any(role.name))
    with drawing.group("in the database", f"{ANY}_DB"):
        with drawing.group("access", "database roles"):
            for role in sorted(inner):
                drawing.node(str(role), role.name.partition(".")[2], "round")
        for thing in sorted({thing for _, thing in held} - {"warehouse"}):
            drawing.node(thing, thing, "store")
    drawing.node("warehouse", f"{ANY}_WH", "store")
    for who, whom in direct:
        if who in holders and whom in holders:
            drawing.edge(str(who), str(whom))
    for (who, thing), privileges in sorted(held.items()):
        drawing.edge(str(who), thing, ", ".join(sorted(privileges)))
    return str(drawing)


def _thing(target: Node) -> str:
    """What of the organisation an object is drawn as; empty for what is not drawn."""
    if not target.name.startswith(_TENANT):
        return ""
    return {
        "TABLE": "tables of NEXUSCHAT",
        "WAREHOUSE": "warehouse",
    }.get(target.kind, "")


def _another(node: Node) -> bool:
    return any(node.name.startswith(tenant) for tenant in ORGANIZATIONS[1:])


def _any(text: str) -> str:
    return text.replace(_TENANT, ANY)


def reached(declared: Declared) -> str:
    """What every user, role and share reaches of one organisation, by the hardest step of the easiest way."""
    reach = declared.reach
    columns = {"TABLE": "its tables", "WAREHOUSE": "its warehouse", "TASK": "its tasks"}
    rows: dict[tuple[str, ...], list[Node]] = {}
    others = [node for node in reach.holders if _another(node)]
    for holder in reach.holders:
        levels: dict[str, set[str]] = {kind: set() for kind in columns}
        for path in reach.paths([holder]):
            if path.target.kind in columns and path.target.name.startswith(_TENANT):
                levels[path.target.kind].add(level_of(path.privilege, path.way))
        if holder in others:
            if any(levels.values()):
                raise DocumentError(f"{holder} reaches {_TENANT}: nothing is drawn of that")
            continue
        told = tuple(_LEVELS[highest(found)] if found else "nothing" for found in levels.values())
        if any(cell != "nothing" for cell in told):
            rows.setdefault(told, []).append(holder)
    found = [
        (", ".join(f"{node.kind.lower()} `{_any(node.name)}`" for node in sorted(nodes)), *told)
        for told, nodes in sorted(rows.items(), key=lambda row: (min(_rank(cell) for cell in row[0]), row[0]))
    ]
    another = f"each of the {len(others)} roles of another organisation"
    return table(("who", *columns.values()), [*found, (another, *("nothing" for _ in columns))])


def _rank(level: str) -> int:
    return _DIRECT.index(level) if level in _DIRECT else len(_DIRECT)


# ── the deploy principal ─────────────────────────────────────────────────────────────────────────────────────────────


def providers(declared: Declared) -> str:
    """As whom the program acts on Snowflake, and what it makes so."""
    kinds: dict[str, set[str]] = {}
    for resource in declared.graph.snowflake():
        role = declared.graph.provider_role(resource)
        if not role:
            raise DocumentError(f"{resource.name} is made as nobody knows whom")
        kinds.setdefault(role, set()).add(resource.kind)
    return table(
        ("acts as", "and makes"),
        ((f"`{role}`", _listed(kinds[role])) for role in sorted(kinds)),
    )


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds))
