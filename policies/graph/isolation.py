"""Who reaches what of whom: computed from the declared roles, grants and owners, before anybody tries.

Every way in which Snowflake lets a role at an object is an edge: roles granted to users and roles, database roles,
privileges on an object, on all and on future ones of a schema or a database, ownership (declared by GrantOwnership, or
the role that made the object), PUBLIC, shares, privileges on the account, and procedures that act with their owner's
rights. A user with roles of several tenants is a way too, unless a session policy forbids secondary roles, by which
one session has all of them. The graph is generous: it does not ask whether a role that holds SELECT on a table also
holds USAGE on its schema, since one grant more would complete it. What it cannot follow, such as a GRANT inside a
statement, is a finding of its own. What handlers do in their bodies it does not see: a procedure with its owner's
rights is taken to do whatever its owner may, unless somebody read it and named it in the rules; then its way is told,
not judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

import networkx as nx

from policies.graph.resources import Resource, ResourceGraph, identifier

SYSTEM_ROLES: Final = ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "ORGADMIN")
ACCOUNT: Final = "ACCOUNT"


class Node(NamedTuple):
    """A holder (USER, ROLE, DATABASE ROLE, APPLICATION ROLE, SHARE) or an object.

    By Snowflake's word for its kind and its full name.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


PUBLIC: Final = Node("ROLE", "PUBLIC")


class Way(IntEnum):
    """How a step is taken, by its weight: a path is as hard as its hardest step.

    DIRECT steps are there for whoever acts in the role. ADMINISTRATIVE ones need a grant that the role can make for
    itself, as it owns what it grants or holds MANAGE GRANTS. PROCEDURE ones go as far as the body of a reviewed
    procedure does.
    """

    DIRECT = 1
    ADMINISTRATIVE = 1_000
    PROCEDURE = 1_000_000


@dataclass(frozen=True, slots=True)
class Path:
    """That `holder` reaches `target` with `privilege`, and by which steps, each a sentence."""

    holder: Node
    privilege: str
    target: Node
    steps: tuple[str, ...]
    way: Way

    def __str__(self) -> str:
        return f"{self.holder} reaches {self.privilege} on {self.target}: {'; '.join(self.steps)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A path that must not be, or a resource that hides one; `resource` is the name to look for."""

    resource: str
    rule: str
    found: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What is meant to be, beside a tenant's roles on their own tenant's objects.

    `tenant` finds in an upper-case name of a database, warehouse, monitor or role whose it is, as its group 1.
    `no_content` matches roles that see no content, not even their own tenant's. `platform_roles` reach content of every
    tenant, each with the privileges that are named for it, and `administrators` can grant themselves more.
    `platform_users` may hold roles of several tenants. `account_privileges` are what roles of the platform may hold on
    the account; `harmless_privileges` on it reach nobody's data, and any role but PUBLIC may hold them.
    `reviewed_procedures` are the full names of procedures with their owner's rights whose body somebody read: what the
    platform's roles do by them is not judged.
    """

    tenant: re.Pattern[str] = re.compile(r"^(HCS[0-9]{4})(?=_)")
    no_content: re.Pattern[str] = re.compile(r"^HCS[0-9]{4}_ADMIN$")
    platform_roles: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {"VIDEXA_MAINTENANCE": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})}
    )
    administrators: Collection[str] = (*SYSTEM_ROLES, "VIDEXA_TENANT_OPERATOR")
    platform_users: Collection[str] = ("AGENTNEXUS_SVC", "VIDEXA_BREAK_GLASS", "NEXUS_DEPLOY")
    account_privileges: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {"VIDEXA_MAINTENANCE": frozenset({"EXECUTE TASK", "EXECUTE ALERT"})}
    )
    harmless_privileges: Collection[str] = ("USE AI FUNCTIONS",)
    reviewed_procedures: Collection[str] = (
        "VIDEXA_SHARED.TENANT_MANAGEMENT.SUSPEND_ORGANIZATION",
        "VIDEXA_SHARED.TENANT_MANAGEMENT.RESUME_ORGANIZATION",
    )

    def owner(self, name: str) -> str | None:
        """Whose something is by its name; None for what is the platform's."""
        found = self.tenant.match(name)
        return found.group(1) if found else None

    def of(self, node: Node) -> str | None:
        """Whose a holder or an object is."""
        return None if node.kind == "USER" else self.owner(node.name)


#: Resource → Snowflake's word for its kind, of objects in schemas; the flag says whether it can hold or show content.
_SCHEMA_OBJECTS: Final[Mapping[str, tuple[str, bool]]] = {
    "Table": ("TABLE", True),
    "View": ("VIEW", True),
    "MaterializedView": ("MATERIALIZED VIEW", True),
    "DynamicTable": ("DYNAMIC TABLE", True),
    "StageInternal": ("STAGE", True),
    "StageExternalAzure": ("STAGE", True),
    "StreamOnTable": ("STREAM", True),
    "StreamOnView": ("STREAM", True),
    "CortexSearchService": ("CORTEX SEARCH SERVICE", True),
    "ProcedurePython": ("PROCEDURE", False),
    "ProcedureSql": ("PROCEDURE", False),
    "FunctionPython": ("FUNCTION", False),
    "FunctionSql": ("FUNCTION", False),
    "Task": ("TASK", False),
    "Alert": ("ALERT", False),
}
_ACCOUNT_OBJECTS: Final = {
    "Database": "DATABASE",
    "Warehouse": "WAREHOUSE",
    "ResourceMonitor": "RESOURCE MONITOR",
}
_CONTENT: Final = frozenset(kind for kind, content in _SCHEMA_OBJECTS.values() if content)
_GRANTS: Final = frozenset(
    {
        "GrantAccountRole",
        "GrantApplicationRole",
        "GrantDatabaseRole",
        "GrantOwnership",
        "GrantPrivilegesToAccountRole",
        "GrantPrivilegesToDatabaseRole",
        "GrantPrivilegesToShare",
    }
)
#: With one of these on the account a role grants itself whatever it wants.
_GRANTS_ITSELF: Final = frozenset({"MANAGE GRANTS", "ALL PRIVILEGES"})
#: With one of these on a user a role acts as that user.
_ACTS_AS_USER: Final = frozenset({"OWNERSHIP", "IMPERSONATE", "ALL PRIVILEGES"})
#: What a share is granted on, by the input's name → Snowflake's word for its kind.
_SHARED: Final = {
    "onDatabase": "DATABASE",
    "onSchema": "SCHEMA",
    "onTable": "TABLE",
    "onView": "VIEW",
    "onFunction": "FUNCTION",
    "onTag": "TAG",
}
_GRANT_STATEMENT: Final = re.compile(r"^\s*GRANT\b|;\s*GRANT\b", re.IGNORECASE)


class _Hold(NamedTuple):
    """That a role holds a privilege on an object, and how, in words."""

    privilege: str
    target: Node
    how: str
    way: Way


class Reach:
    """Everything that is reached in a deployment."""

    def __init__(self, graph: ResourceGraph, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._graph = graph
        self._holders: nx.DiGraph[Node] = nx.DiGraph()
        self._holds: dict[Node, list[_Hold]] = {}
        self._objects: dict[Node, str] = {}
        self._apart: list[Finding] = []
        self._owned_by_grant = self._ownership_grants()
        self._read_objects()
        self._read_roles()
        for resource in graph.snowflake("GrantPrivilegesToAccountRole", "GrantPrivilegesToDatabaseRole"):
            self._read_privileges(resource)
        for resource in graph.snowflake("GrantPrivilegesToShare"):
            self._read_share(resource)
        self._read_containers()
        self._read_views()
        self._read_procedures()
        self._read_secondary_roles()
        self._read_what_cannot_be_followed()

    # What there is.

    def _read_objects(self) -> None:
        for resource in self._graph.snowflake():
            inputs = resource.inputs
            if resource.kind in _ACCOUNT_OBJECTS:
                node = Node(_ACCOUNT_OBJECTS[resource.kind], str(inputs.get("name")))
            elif resource.kind == "Schema":
                node = Node("SCHEMA", f"{inputs.get('database')}.{inputs.get('name')}")
            elif resource.kind in _SCHEMA_OBJECTS:
                kind = _SCHEMA_OBJECTS[resource.kind][0]
                node = Node(kind, f"{inputs.get('database')}.{inputs.get('schema')}.{inputs.get('name')}")
            else:
                continue
            owner = self._owner(node, resource)
            self._objects[node] = owner
            if owner:
                self._hold(Node("ROLE", owner), "OWNERSHIP", node, f"ROLE {owner} owns {node}")

    def _ownership_grants(self) -> list[tuple[str, Mapping[str, Any]]]:
        found = []
        for resource in self._graph.snowflake("GrantOwnership"):
            role = resource.inputs.get("accountRoleName") or resource.inputs.get("databaseRoleName")
            found.append((".".join(identifier(str(role))), resource.inputs.get("on") or {}))
        return found

    def _owner(self, node: Node, resource: Resource) -> str:
        """The owning role, where it is an account role: by GrantOwnership, as the cloud told, or who made it."""
        for role, on in self._owned_by_grant:
            if any(node == target for target, _ in self._targets(on, {node: ""})):
                return role
        shown = resource.outputs.get("showOutputs") or [{}]
        told = resource.outputs.get("owner") or (shown[0].get("owner") if isinstance(shown[0], Mapping) else None)
        return str(told or "") or self._graph.provider_role(resource)

    def _read_roles(self) -> None:
        for parent, child in (
            ("ACCOUNTADMIN", "SYSADMIN"),
            ("ACCOUNTADMIN", "SECURITYADMIN"),
            ("SECURITYADMIN", "USERADMIN"),
        ):
            self._step(
                Node("ROLE", parent), Node("ROLE", child), f"ROLE {parent} inherits ROLE {child} (Snowflake's own)"
            )
        how = "ROLE SECURITYADMIN holds MANAGE GRANTS (Snowflake's own)"
        self._on_account(Node("ROLE", "SECURITYADMIN"), "MANAGE GRANTS", how)
        for resource in self._graph.snowflake():
            inputs = resource.inputs
            if resource.kind == "AccountRole":
                self._own_holder(resource, Node("ROLE", str(inputs.get("name"))), "may grant it to itself")
            elif resource.kind == "DatabaseRole":
                node = Node("DATABASE ROLE", f"{inputs.get('database')}.{inputs.get('name')}")
                self._own_holder(resource, node, "may grant it to itself")
            elif resource.kind in ("User", "ServiceUser", "LegacyServiceUser"):
                self._own_holder(resource, Node("USER", str(inputs.get("name"))), "may log in as it")
            elif resource.kind == "GrantAccountRole":
                role = Node("ROLE", _one_name(inputs.get("roleName")))
                if inputs.get("userName"):
                    holder = Node("USER", _one_name(inputs["userName"]))
                else:
                    holder = Node("ROLE", _one_name(inputs.get("parentRoleName")))
                self._step(holder, role, f"{role} is granted to {holder} ({resource.name})")
            elif resource.kind == "GrantApplicationRole":
                role = Node("APPLICATION ROLE", _one_name(inputs.get("applicationRoleName")))
                for field_, kind in (("parentAccountRoleName", "ROLE"), ("applicationName", "APPLICATION")):
                    if inputs.get(field_):
                        holder = Node(kind, _one_name(inputs[field_]))
                        self._step(holder, role, f"{role} is granted to {holder} ({resource.name})")
            elif resource.kind == "GrantDatabaseRole":
                role = Node("DATABASE ROLE", ".".join(identifier(str(inputs.get("databaseRoleName")))))
                for field_, kind in (
                    ("parentRoleName", "ROLE"),
                    ("parentDatabaseRoleName", "DATABASE ROLE"),
                    ("shareName", "SHARE"),
                ):
                    if inputs.get(field_):
                        holder = Node(kind, ".".join(identifier(str(inputs[field_]))))
                        self._step(holder, role, f"{role} is granted to {holder} ({resource.name})")

    def _own_holder(self, resource: Resource, node: Node, meaning: str) -> None:
        self._holders.add_node(node)
        owner = self._owner(node, resource)
        if owner and Node("ROLE", owner) != node:
            holder = Node("ROLE", owner)
            self._step(holder, node, f"{holder} owns {node} and {meaning}", Way.ADMINISTRATIVE)

    # What is granted.

    def _read_privileges(self, resource: Resource) -> None:
        inputs = resource.inputs
        name = inputs.get("accountRoleName") or inputs.get("databaseRoleName")
        kind = "ROLE" if inputs.get("accountRoleName") else "DATABASE ROLE"
        holder = Node(kind, ".".join(identifier(str(name))))
        privileges = ["ALL PRIVILEGES"] if inputs.get("allPrivileges") else list(inputs.get("privileges") or ())
        for privilege in map(str.upper, privileges):
            if inputs.get("onAccount"):
                how = f"{privilege} on the account is granted to {holder} ({resource.name})"
                self._on_account(holder, privilege, how)
            for target, words in self._targets(_target_of(inputs), self._objects):
                how = f"{privilege} on {words} is granted to {holder} ({resource.name})"
                self._hold(holder, privilege, target, how)
                if target.kind == "USER" and privilege in _ACTS_AS_USER:
                    self._step(holder, target, how)

    def _read_share(self, resource: Resource) -> None:
        inputs = resource.inputs
        share = Node("SHARE", _one_name(inputs.get("toShare")))
        on = [
            {"objectType": kind, "objectName": inputs[field_]} for field_, kind in _SHARED.items() if inputs.get(field_)
        ]
        if inputs.get("onAllTablesInSchema"):
            on.append({"all": {"objectTypePlural": "TABLES", "inSchema": inputs["onAllTablesInSchema"]}})
        for privilege in inputs.get("privileges") or ():
            for one in on:
                for target, words in self._targets(one, self._objects):
                    how = f"{privilege} on {words} is granted to {share} ({resource.name})"
                    self._hold(share, str(privilege).upper(), target, how)

    def _on_account(self, holder: Node, privilege: str, how: str) -> None:
        self._hold(holder, privilege, Node(ACCOUNT, ""), how)
        if privilege in _GRANTS_ITSELF:
            for target in self._objects:
                self._hold(holder, privilege, target, f"{how}, so it may grant itself anything", way=Way.ADMINISTRATIVE)

    def _targets(self, on: Mapping[str, Any], among: Mapping[Node, str]) -> Iterator[tuple[Node, str]]:
        """The objects of `among` that a grant is on, and the grant's target in words.

        All and future objects are all that stand, since those were new once; where none stands, the target is the
        kind itself, in its schema or database.
        """
        if on.get("objectName"):
            kind = str(on.get("objectType", "")).upper()
            node = Node(kind, ".".join(identifier(str(on["objectName"]))))
            if node in among or among is self._objects:
                yield node, str(node)
        for scope in ("all", "future"):
            inner = on.get(scope)
            if not inner:
                continue
            place = ".".join(identifier(str(inner.get("inSchema") or inner.get("inDatabase"))))
            plural = str(inner.get("objectTypePlural", "")).upper()
            words = f"{scope} {plural} in {place}"
            found = [
                node for node in among if _plural(node.kind) == plural and (node.name + ".").startswith(f"{place}.")
            ]
            if not found and among is self._objects:
                found = [Node(plural, f"{place}.*")]
            yield from ((node, words) for node in found)

    def _read_containers(self) -> None:
        """Who owns a database or a schema of managed access decides on what is in it."""
        for container, owner in list(self._objects.items()):
            if container.kind not in ("DATABASE", "SCHEMA") or not owner:
                continue
            for node in self._objects:
                if node.name.startswith(f"{container.name}."):
                    how = f"ROLE {owner} owns {container} and decides on what is in it"
                    self._hold(Node("ROLE", owner), "OWNERSHIP", node, how, way=Way.ADMINISTRATIVE)
        for role, on in self._owned_by_grant:
            for target, words in self._targets(on, self._objects):
                if target not in self._objects:
                    self._hold(Node("ROLE", role), "OWNERSHIP", target, f"ownership of {words} is granted to {role}")

    def _read_views(self) -> None:
        """A view shows what its owner may read: who may select from it reads the tables of its statement."""
        tables = {node for node in self._objects if node.kind == "TABLE" and self.rules.of(node)}
        for resource in self._graph.snowflake("View", "MaterializedView", "DynamicTable"):
            inputs = resource.inputs
            statement = str(inputs.get("statement") or inputs.get("query") or "").upper().replace('"', "")
            kind = _SCHEMA_OBJECTS[resource.kind][0]
            view = Node(kind, f"{inputs.get('database')}.{inputs.get('schema')}.{inputs.get('name')}")
            for table in (table for table in tables if re.search(rf"\b{re.escape(table.name)}\b", statement)):
                for holder, holds in list(self._holds.items()):
                    for hold in [hold for hold in holds if hold.target == view]:
                        self._hold(holder, "SELECT", table, f"{hold.how}; {view} reads {table}", way=hold.way)

    def _read_what_cannot_be_followed(self) -> None:
        for resource in self._graph.snowflake():
            if resource.kind.startswith("Grant") and resource.kind not in _GRANTS:
                self._apart.append(
                    Finding(resource.name, "every grant can be followed", f"{resource.kind} is not understood")
                )
            elif resource.kind == "Execute" and _GRANT_STATEMENT.search(str(resource.inputs.get("execute") or "")):
                self._apart.append(
                    Finding(
                        resource.name,
                        "every grant can be followed",
                        "grants in a statement: declare a Grant resource instead",
                    )
                )

    def _read_procedures(self) -> None:
        """Who calls a procedure with its owner's rights does what its body does, or, unreviewed, what its owner may."""
        for procedure, resource in self._procedures():
            owner = self._objects.get(procedure)
            if not owner or str(resource.inputs.get("executeAs") or "OWNER").upper() == "CALLER":
                continue
            way = Way.PROCEDURE if procedure.name in self.rules.reviewed_procedures else Way.ADMINISTRATIVE
            for holder, holds in list(self._holds.items()):
                for hold in holds:
                    callable_ = hold.target == procedure and hold.privilege in ("USAGE", "ALL PRIVILEGES")
                    if callable_ and holder != Node("ROLE", owner):
                        words = f"{hold.how}; it acts with the rights of its owner, ROLE {owner}"
                        self._step(holder, Node("ROLE", owner), words, way)

    def _procedures(self) -> Iterator[tuple[Node, Resource]]:
        kinds = [kind for kind, (word, _) in _SCHEMA_OBJECTS.items() if word == "PROCEDURE"]
        for resource in self._graph.snowflake(*kinds):
            inputs = resource.inputs
            yield Node("PROCEDURE", f"{inputs.get('database')}.{inputs.get('schema')}.{inputs.get('name')}"), resource

    def _read_secondary_roles(self) -> None:
        """By USE SECONDARY ROLES ALL a session has all roles of its user, whatever the user's default is."""
        policies = {
            f"{each.inputs.get('database')}.{each.inputs.get('schema')}.{each.inputs.get('name')}": _forbids_secondary(
                each.inputs
            )
            for each in self._graph.snowflake("SessionPolicy")
        }

        def forbids(resource: Resource) -> bool:
            return policies.get(".".join(identifier(str(resource.inputs.get("sessionPolicyName")))), False)

        account = any(forbids(each) for each in self._graph.snowflake("AccountSessionPolicyAttachment"))
        of_user = {
            _one_name(each.inputs.get("userName")): forbids(each)
            for each in self._graph.snowflake("UserSessionPolicyAttachment")
        }
        for user in sorted(node for node in self._holders if node.kind == "USER"):
            roles = sorted(role for role in self._holders.successors(user) if self.rules.of(role))
            if len({self.rules.of(role) for role in roles}) > 1 and not of_user.get(user.name, account):
                steps = "; ".join(str(self._holders.edges[user, role]["how"]) for role in roles)
                self._apart.append(
                    Finding(
                        str(user),
                        "no session has roles of several tenants at once",
                        f"{steps}; no session policy forbids {user} secondary roles, which add them up",
                    )
                )

    def _step(self, holder: Node, to: Node, how: str, way: Way = Way.DIRECT) -> None:
        if holder == PUBLIC:
            # Even a role that leads nowhere is nobody's gift to everybody.
            self._hold(holder, "ROLE", to, how)
        known = self._holders.get_edge_data(holder, to)
        if known is None or known["way"] > way:
            self._holders.add_edge(holder, to, how=how, way=way)

    def _hold(self, holder: Node, privilege: str, target: Node, how: str, *, way: Way = Way.DIRECT) -> None:
        self._holders.add_node(holder)
        self._holds.setdefault(holder, []).append(_Hold(privilege, target, how, way))

    # What follows.

    def paths(self, holders: Iterable[Node] | None = None) -> list[Path]:
        """For each holder, object and privilege the easiest path, in order of their names."""
        found: list[Path] = []
        for holder in sorted(self._holders if holders is None else holders):
            if holder not in self._holders:
                continue
            reached: Any = nx.single_source_dijkstra(self._holders, holder, weight="way")
            lengths: Mapping[Node, int] = reached[0]
            routes: Mapping[Node, list[Node]] = reached[1]
            best: dict[tuple[Node, str], tuple[int, Node, _Hold]] = {}
            for role, length in lengths.items():
                for hold in self._holds.get(role, ()):
                    key, weight = (hold.target, hold.privilege), length + hold.way
                    if key not in best or weight < best[key][0]:
                        best[key] = (weight, role, hold)
            for (target, privilege), (_, role, hold) in sorted(best.items(), key=lambda item: item[0]):
                edges = [self._holders.edges[edge] for edge in zip(routes[role], routes[role][1:], strict=False)]
                steps = (*(str(edge["how"]) for edge in edges), hold.how)
                way = max([hold.way, *(Way(edge["way"]) for edge in edges)])
                found.append(Path(holder, privilege, target, steps, way))
        return found

    @property
    def content(self) -> list[Node]:
        """The tenants' objects that hold or show content."""
        return sorted(node for node in self._objects if node.kind in _CONTENT and self.rules.of(node))

    @property
    def holders(self) -> list[Node]:
        """All users, roles and shares."""
        return sorted(self._holders)

    @property
    def steps(self) -> list[tuple[Node, Node, Way]]:
        """Which holder has which other, in order: who, whom, and how the step is taken."""
        return sorted((*edge, Way(self._holders.edges[edge]["way"])) for edge in self._holders.edges)

    @property
    def held(self) -> list[tuple[Node, str, Node]]:
        """What is granted on objects, or owned, as it is declared and in order: to whom, which privilege, on what."""
        return sorted({(node, hold.privilege, hold.target) for node, holds in self._holds.items() for hold in holds})

    def findings(self, paths: Iterable[Path] | None = None) -> list[Finding]:
        """Every breach of the rules, in order: what no single path shows first, then path by path."""
        found = list(self._apart)
        for path in self.paths() if paths is None else paths:
            rule = self._broken(path)
            if rule:
                found.append(Finding(f"{path.holder} on {path.target}", rule, str(path)))
        return found

    def _broken(self, path: Path) -> str | None:
        """The rule that a path breaks, in words; None where it may be."""
        rules, holder, target = self.rules, path.holder, path.target
        whose, whom = rules.of(holder), rules.of(target)
        if holder == PUBLIC:
            return "PUBLIC reaches nothing"
        if holder.kind == "SHARE":
            return "nothing is shared with another account"
        if path.way is Way.PROCEDURE and not whose:
            return None
        if target.kind == ACCOUNT and path.privilege in rules.harmless_privileges:
            return None
        if whose:
            if target.kind == ACCOUNT:
                return "no role of a tenant holds a privilege on the account"
            if whom and whom != whose:
                return "no role of a tenant reaches another tenant"
            if rules.no_content.match(holder.name) and _is_content(target):
                return "a tenant's administrator reaches no content"
            return None
        if holder.name in rules.administrators:
            return None
        if target.kind == ACCOUNT and holder.kind == "ROLE":
            named = path.privilege in rules.account_privileges.get(holder.name, ())
            return (
                None if named else "no role of the platform holds a privilege on the account unless it is named for it"
            )
        if not whom or not _is_content(target):
            return None
        if holder.kind == "USER":
            return None if self._user_may(holder, whom) else "no user reaches content of several tenants"
        if path.privilege in rules.platform_roles.get(holder.name, ()):
            return None
        return "no role of the platform reaches content unless it is named for it"

    def _user_may(self, user: Node, tenant: str) -> bool:
        """Whether a user may reach a tenant's content: it is named for it, or has roles of this tenant alone."""
        if user.name in self.rules.platform_users:
            return True
        return {self.rules.of(role) for role in self._holders.successors(user)} == {tenant}


def _forbids_secondary(policy: Mapping[str, Any]) -> bool:
    allowed = policy.get("allowedSecondaryRoles")
    block = allowed[0] if isinstance(allowed, list) and allowed else allowed
    return isinstance(block, Mapping) and block.get("none") is True


def _is_content(target: Node) -> bool:
    return target.kind in _CONTENT or target.kind in {_plural(kind) for kind in _CONTENT}


def _target_of(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a grant of privileges is on, in the one shape that GrantOwnership has."""
    if inputs.get("onAccountObject"):
        return dict(inputs["onAccountObject"])
    if inputs.get("onDatabase"):
        return {"objectType": "DATABASE", "objectName": inputs["onDatabase"]}
    if inputs.get("onSchemaObject"):
        return dict(inputs["onSchemaObject"])
    on = inputs.get("onSchema") or {}
    if on.get("schemaName"):
        return {"objectType": "SCHEMA", "objectName": on["schemaName"]}
    for scope, field_ in (("all", "allSchemasInDatabase"), ("future", "futureSchemasInDatabase")):
        if on.get(field_):
            return {scope: {"objectTypePlural": "SCHEMAS", "inDatabase": on[field_]}}
    return {}


def _plural(kind: str) -> str:
    return f"{kind[:-1]}IES" if kind.endswith("Y") else f"{kind}S"


def _one_name(text: object) -> str:
    return ".".join(identifier(str(text)))
