"""How requests travel, from the declared graph: the network, what is published, and a message's way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli.documents.declared import ANY, ORGANIZATIONS, Declared
from cli.documents.mermaid import Flowchart, Sequence
from cli.documents.parts import DocumentError, table
from policies.graph.isolation import Node
from policies.graph.resources import Resource

_APP: Final = "azure-native:app:ContainerApp"
_JOB: Final = "azure-native:app:Job"
_PURPOSES: Final = {"vault": "secrets, each app's own", "registry": "images", "archive": "audit trail"}
"""What is fetched or kept over a private endpoint, by its component's name without `-way`."""


def overview(declared: Declared) -> str:
    """The whole on one small drawing."""
    drawing = Flowchart()
    drawing.node("people", shape="round")
    published = dict(_published(declared))
    with drawing.group("azure", "Azure"):
        drawing.node("edge", f"Front Door\n{' and '.join(sorted(published))}")
        with drawing.group("private", "private network"):
            for label, _ in _workloads(declared):
                drawing.node(label, _called(label), "box")
        drawing.node("vault", "Key Vault", "store")
    shared = _database(declared, shared=True)
    with drawing.group("snowflake", "Snowflake"):
        drawing.node("shared", f"{shared}\norganisations, users, usage", "store")
        drawing.node(
            "tenants", f"{_database(declared).replace(ORGANIZATIONS[0], ANY)}\none for each organisation", "store"
        )
    drawing.edge("people", "edge")
    for label in sorted(published.values()):
        drawing.edge("edge", label)
    for caller, called in _calls(declared):
        drawing.edge(caller, called)
    for caller in _connects(declared):
        drawing.edge(caller, "snowflake")
    drawing.edge("vault", "private", "by identity", dotted=True)
    return str(drawing)


def network(declared: Declared) -> str:
    """The edge, the private network and what leaves it."""
    network_ = declared.one("azure-native:network:VirtualNetwork")
    environment = declared.one("azure-native:app:ManagedEnvironment")
    if not environment.inputs["vnetConfiguration"]["internal"]:
        raise DocumentError("the container environment is drawn as internal, and is not")
    firewall = declared.one("azure-native:frontdoor:Policy").inputs["policySettings"]["mode"].lower()
    subnets = {subnet["name"]: subnet for subnet in network_.inputs["subnets"]}
    drawing = Flowchart()
    drawing.node("people", "people's browsers", "round")
    with drawing.group("edge", f"Front Door, firewall in {firewall}"):
        for label in sorted(dict(_published(declared))):
            drawing.node(f"edge-{label}", f"entrance {label}", "round")
    space = ", ".join(network_.inputs["addressSpace"]["addressPrefixes"])
    with drawing.group("network", f"virtual network {space}"):
        with drawing.group(
            "applications", f"container environment, internal, {subnets['applications']['addressPrefix']}"
        ):
            for label, workload in _workloads(declared):
                drawing.node(label, f"{_called(label)}\n{_size(workload)}")
        with drawing.group("endpoints", f"endpoints {subnets['endpoints']['addressPrefix']}"):
            for label in _endpoints(declared):
                drawing.node(f"to-{label}", label, "round")
        if "natGateway" not in subnets["applications"]:
            raise DocumentError("the apps' subnet has no NAT gateway: no one way out can be drawn")
        drawing.node("egress", "NAT gateway\none address", "round")
    for label in _endpoints(declared):
        drawing.node(label, f"{label}\n{_PURPOSES[label]}", "store")
        drawing.edge(f"to-{label}", label)
    drawing.node("snowflake", "Snowflake", "store")
    drawing.node("outside", "everything else on port 443", "round")
    for entrance, label in sorted(_published(declared)):
        drawing.edge("people", f"edge-{entrance}", "HTTPS")
        drawing.edge(f"edge-{entrance}", label, "private link")
    for caller, called in _calls(declared):
        drawing.edge(caller, called)
    for label in _endpoints(declared):
        if label != "archive":
            drawing.edge("applications", f"to-{label}")
    for caller in _connects(declared):
        drawing.edge(caller, "egress")
    drawing.edge("egress", "snowflake", "from that address alone")
    drawing.edge("egress", "outside", dotted=True)
    return str(drawing)


def network_rules(declared: Declared) -> str:
    """The rules of the network's two subnets, in the order in which Azure looks at them."""
    rows = []
    for group in sorted(
        declared.graph.of_types("azure-native:network:NetworkSecurityGroup"), key=lambda each: each.name
    ):
        rules = sorted(group.inputs["securityRules"], key=lambda rule: (rule["direction"], rule["priority"]))
        rows += [
            (
                group.name.removesuffix("-rules"),
                "in" if rule["direction"] == "Inbound" else "out",
                f"`{rule['name']}`",
                rule["access"].lower(),
                f"{_all(rule['sourceAddressPrefix'])} → {_all(rule['destinationAddressPrefix'])}",
                f"{_all(rule['destinationPortRange'])} {_all(rule['protocol']).lower()}",
            )
            for rule in rules
        ]
    return table(("subnet", "way", "rule", "", "from → to", "port"), rows)


def _all(text: str) -> str:
    return "any" if text == "*" else text


def message(declared: Declared) -> str:
    """A message's way from the browser into its table, each step of which is declared. Raises where one is not."""
    backend = next(each for label, each in _workloads(declared) if label == "backend")
    told = {each["name"]: each.get("value") for each in _environment(backend)}
    tenant = ORGANIZATIONS[0]
    application, database = f"{tenant}_APP", _database(declared)
    for privilege, target in (
        ("INSERT", Node("TABLE", f"{database}.NEXUSCHAT.CHAT_MESSAGES")),
        ("SELECT", Node("TABLE", f"{database}.NEXUSCHAT.PROMPT_CACHE")),
        ("USAGE", Node("WAREHOUSE", f"{tenant}_WH")),
    ):
        _require(declared, application, privilege, target)
    shared = told["SNOWFLAKE_DATABASE"]
    for name in ("ORG_USERS", "ORGANIZATIONS"):
        known = Node("TABLE", f"{shared}.{told['SNOWFLAKE_SCHEMA']}.{name}")
        _require(declared, str(told["SNOWFLAKE_ROLE"]), "SELECT", known)
    _require(declared, application, "USAGE", Node("PROCEDURE", f"{shared}.CORTEX_FUNCTIONS.CACHED_COMPLETE"))
    published, calls = dict(_published(declared)), list(_calls(declared))
    if published.get("chat") != "chat" or ("chat", "backend") not in calls:
        raise DocumentError("a message is drawn from the edge through the chat to the backend, and goes no such way")
    drawing = Sequence()
    drawing.participant("browser")
    drawing.participant("edge", "Front Door")
    drawing.participant("chat", "chat (LibreChat)")
    drawing.participant("backend")
    drawing.participant("shared", str(shared))
    drawing.participant("tenant", database.replace(tenant, ANY))
    drawing.participant("cortex", "Cortex")
    drawing.step("browser", "edge", "HTTPS, through the firewall")
    drawing.step("edge", "chat", "private link")
    drawing.step("chat", "backend", "the message, with the shared API key")
    drawing.step(
        "backend", "shared", f"as {told['SNOWFLAKE_USER']}, role {told['SNOWFLAKE_ROLE']}:\nwhose user is this?"
    )
    drawing.step("shared", "backend", "ORG_USERS and ORGANIZATIONS:\ndatabase, warehouse, role", answer=True)
    tag = str(told["SNOWFLAKE_QUERY_TAG"]).replace("{organization_id}", ANY)
    drawing.step(
        "backend", "tenant", f"USE ROLE {application.replace(tenant, ANY)}, warehouse {ANY}_WH,\nquery tag {tag}"
    )
    drawing.step("backend", "shared", "CORTEX_FUNCTIONS.CACHED_COMPLETE,\nwith the caller's rights")
    drawing.step("shared", "tenant", "PROMPT_CACHE: an answer? CORTEX_USAGE: a budget?")
    drawing.step("shared", "cortex", f"AI_COMPLETE, {told['SNOWFLAKE_CORTEX_MODEL']}")
    drawing.step("cortex", "shared", "the answer and its tokens", answer=True)
    drawing.step("shared", "tenant", "PROMPT_CACHE and CORTEX_USAGE")
    drawing.step("shared", "backend", "the answer", answer=True)
    drawing.step("backend", "tenant", "INSERT INTO CHAT_MESSAGES")
    drawing.step("backend", "browser", "the answer", answer=True)
    return str(drawing)


def _require(declared: Declared, role: str, privilege: str, target: Node) -> None:
    held = any(
        path.privilege == privilege and path.target == target for path in declared.reach.paths([Node("ROLE", role)])
    )
    if not held:
        raise DocumentError(f"a message is drawn to {target} by {role}, which does not reach {privilege} on it")


# ── what the graph tells ─────────────────────────────────────────────────────────────────────────────────────────────


def component(declared: Declared, resource: Resource) -> str:
    """The name of the component that a resource is part of."""
    return declared.graph.by_urn[resource.parent].name


def _workloads(declared: Declared) -> list[tuple[str, Resource]]:
    """The apps and jobs, by their components' names."""
    found = ((component(declared, each), each) for each in declared.graph.of_types(_APP, _JOB))
    return sorted(found, key=lambda each: each[0])


def _called(label: str) -> str:
    return f"{label} job" if label == "index" else label


def _size(workload: Resource) -> str:
    if workload.short_type == _JOB:
        return str(workload.inputs["configuration"]["scheduleTriggerConfig"]["cronExpression"])
    scale = workload.inputs["template"]["scale"]
    low, high = scale["minReplicas"], scale["maxReplicas"]
    return f"{low} replica" if low == high == 1 else f"{low} to {high} replicas"


def _environment(workload: Resource) -> list[Mapping[str, Any]]:
    return [each for container in workload.inputs["template"]["containers"] for each in container.get("env") or ()]


def _calls(declared: Declared) -> Iterator[tuple[str, str]]:
    """Which app is told which other's address within the environment."""
    hosts = {
        each.outputs["configuration"]["ingress"]["fqdn"]: label
        for label, each in _workloads(declared)
        if each.short_type == _APP
    }
    for label, each in _workloads(declared):
        values = [str(variable.get("value")) for variable in _environment(each)]
        for host, other in sorted(hosts.items()):
            if other != label and any(host in value for value in values):
                yield label, other


def _connects(declared: Declared) -> list[str]:
    """Which apps are told a Snowflake account."""
    return [
        label
        for label, each in _workloads(declared)
        if any(variable["name"] == "SNOWFLAKE_ACCOUNT" for variable in _environment(each))
    ]


def _published(declared: Declared) -> Iterator[tuple[str, str]]:
    """Each entrance of the edge with the app that it leads to, over a private link."""
    graph = declared.graph
    environment = declared.one("azure-native:app:ManagedEnvironment")
    apps = {
        each.outputs["configuration"]["ingress"]["fqdn"]: label
        for label, each in _workloads(declared)
        if each.short_type == _APP
    }
    origins = {each.inputs["originGroupName"]: each.inputs for each in graph.of_types("azure-native:cdn:AFDOrigin")}
    for route in graph.of_types("azure-native:cdn:Route"):
        origin = origins[route.inputs["originGroup"]["id"].rpartition("/")[2]]
        link = origin.get("sharedPrivateLinkResource") or {"privateLink": {"id": ""}}
        if not link["privateLink"]["id"].endswith(f"/managedEnvironments/{environment.inputs['environmentName']}"):
            raise DocumentError(f"the edge's route {route.name} is drawn over a private link, and has none")
        yield route.inputs["routeName"], apps[origin["hostName"]]


def _endpoints(declared: Declared) -> list[str]:
    """What is reached over private endpoints."""
    return sorted(
        component(declared, each).removesuffix("-way")
        for each in declared.graph.of_types("azure-native:network:PrivateEndpoint")
    )


def _database(declared: Declared, *, shared: bool = False) -> str:
    """The name of the shared database, or of the first organisation's."""
    kind = "videxa:snowflake:SharedDatabase" if shared else "videxa:snowflake:Organization"
    return next(
        str(each.inputs["name"])
        for each in declared.graph.snowflake("Database")
        if declared.graph.by_urn[each.parent].type == kind and declared.tenant(each) in (None, ORGANIZATIONS[0])
    )
