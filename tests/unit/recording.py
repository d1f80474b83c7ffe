"""Runs a program against recording mocks and hands back every registration: inputs, options, dependencies.

What is recorded is plain data, so a test that asserts on it cannot pass because an `apply` never ran.
"""

from __future__ import annotations

import asyncio
import atexit
import runpy
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_in_stack, run_pulumi_func
from pulumi.runtime.sync_await import _sync_await


def private_key(name: str) -> str:
    """The private half of the key pair with this logical name."""
    return f"-----BEGIN PRIVATE KEY-----\nprivate-{name}\n-----END PRIVATE KEY-----\n"


def public_key(name: str) -> str:
    """Its public half, on two lines."""
    return f"-----BEGIN PUBLIC KEY-----\nMIIB\n{name}\n-----END PUBLIC KEY-----\n"


#: The input that names a resource, which comes out as `name`.
NAMED_BY = {
    "azure-native:app:Job": "jobName",
    "azure-native:cdn:AFDEndpoint": "endpointName",
    "azure-native:cdn:AFDOriginGroup": "originGroupName",
    "azure-native:cdn:Profile": "profileName",
    "azure-native:cdn:Route": "routeName",
    "azure-native:cdn:RuleSet": "ruleSetName",
    "azure-native:managedidentity:UserAssignedIdentity": "resourceName",
    "azure-native:monitor:ActionGroup": "actionGroupName",
    "azure-native:network:PrivateEndpoint": "privateEndpointName",
    "azure-native:privatedns:PrivateZone": "privateZoneName",
    "azure-native:storage:StorageAccount": "accountName",
}


@dataclass(frozen=True)
class Registration:
    """One resource as the engine was told of it. `secret` has the outermost keys of its secret inputs."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    secret: frozenset[str]
    provider: str
    protect: bool
    delete_before_replace: bool
    retain_on_delete: bool
    replace_on_changes: frozenset[str]
    import_id: str
    ignore_changes: frozenset[str]
    dependencies: frozenset[str]
    explicit_dependencies: frozenset[str]
    custom: bool


@dataclass
class Graph:
    """Everything that a program declared, and what it returned with every output resolved."""

    resources: list[Registration] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What each resource came out as, by URN.
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    result: Any = None

    def of(self, type_: str, parent: str | None = None) -> list[Registration]:
        """The resources of a type, by name: they are registered in another order in each run.

        `parent` is the logical name of the component that they stand under.
        """
        found = (
            one
            for one in self.resources
            if one.type == type_ and (parent is None or one.parent.rsplit("::", 1)[-1] == parent)
        )
        return sorted(found, key=lambda one: one.name)

    def one(self, type_: str, name: str) -> Registration:
        found = [one for one in self.resources if one.type == type_ and one.name == name]
        assert len(found) == 1, f"{type_} {name}: {len(found)}, among {[one.name for one in self.of(type_)]}"
        return found[0]

    def under(self, component: str) -> list[Registration]:
        """The direct children of a component, by its logical name."""
        return [one for one in self.resources if one.parent.rsplit("::", 1)[-1] == component]

    def kinds(self, resources: list[Registration] | None = None) -> Counter[str]:
        return Counter(one.type for one in (self.resources if resources is None else resources))


class CloudMocks(mocks.Mocks):
    """Answers with the inputs, and with the outputs that the clouds would add."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program asks the cloud {args.token}: it is to know everything from its settings")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = dict(args.inputs)
        identity = f"{args.name}-id"
        if args.typ in NAMED_BY:
            state["name"] = state[NAMED_BY[args.typ]]
        match args.typ:
            case "azure-native:keyvault:Vault":
                name = state["vaultName"]
                state["name"] = name
                state["properties"] = {**state["properties"], "vaultUri": f"https://{name}.vault.azure.net/"}
            case "azure-native:keyvault:Secret":
                name = state["secretName"]
                identity = f"/vaults/{state['vaultName']}/secrets/{name}"
                state["name"] = name
                state["properties"] = {"secretUri": f"https://{state['vaultName']}.vault.azure.net/secrets/{name}"}
            case "azure-native:app:ManagedEnvironment":
                state["defaultDomain"] = "example.centralus.azurecontainerapps.io"
            case "azure-native:app:ContainerApp":
                name, ingress = state["containerAppName"], state["configuration"]["ingress"]
                middle = "" if ingress["external"] else "internal."
                fqdn = f"{name}.{middle}example.centralus.azurecontainerapps.io"
                state["name"] = name
                state["latestRevisionName"] = f"{name}--newest"
                # A list goes in, a map comes out.
                users = state["identity"]["userAssignedIdentities"]
                state["identity"] = {**state["identity"], "userAssignedIdentities": {user: {} for user in users}}
                state["configuration"] = {**state["configuration"], "ingress": {**ingress, "fqdn": fqdn}}
            case "azure-native:managedidentity:UserAssignedIdentity":
                state |= {"principalId": f"principal-of-{args.name}", "clientId": f"client-of-{args.name}"}
            case "azure-native:resources:ResourceGroup":
                state["name"] = state["resourceGroupName"]
            case "azure-native:app:Job":
                users = state["identity"]["userAssignedIdentities"]
                state["identity"] = {**state["identity"], "userAssignedIdentities": {user: {} for user in users}}
            case "azure-native:network:PublicIPAddress":
                state["ipAddress"] = "20.0.0.1"
            case "azure-native:cdn:AFDEndpoint":
                state["hostName"] = f"{state['endpointName']}-abcdefgh.z01.azurefd.net"
            case "azure-native:cdn:AFDCustomDomain":
                state["validationProperties"] = {
                    "validationToken": f"token-of-{state['hostName']}",
                    "expirationDate": "",
                }
            case "random:index/randomString:RandomString":
                state["result"] = f"drawn{len(state['keepers']['template']) % 10}{args.name[-2:]}"
            case "random:index/randomBytes:RandomBytes":
                state["hex"] = wrapped(f"hex-of-{args.name}")
            case "tls:index/privateKey:PrivateKey":
                state["privateKeyPemPkcs8"] = wrapped(private_key(args.name))
                state["publicKeyPem"] = public_key(args.name)
        return identity, state


class RecordingMonitor(mocks.MockMonitor):
    def __init__(self, graph: Graph) -> None:
        super().__init__(CloudMocks())
        self.graph = graph

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)
        self.graph.states[answer.urn] = plain(rpc.deserialize_properties(answer.object))
        if request.type != "pulumi:pulumi:Stack":
            inputs = rpc.deserialize_properties(request.object)
            explicit = set(request.dependencies)
            for property_dependencies in request.propertyDependencies.values():
                explicit -= set(property_dependencies.urns)
            self.graph.resources.append(
                Registration(
                    type=request.type,
                    name=request.name,
                    urn=answer.urn,
                    parent=request.parent,
                    inputs=plain(inputs),
                    secret=frozenset(secret_paths(inputs)),
                    provider=request.provider,
                    protect=request.protect,
                    delete_before_replace=request.deleteBeforeReplace,
                    retain_on_delete=request.retainOnDelete,
                    replace_on_changes=frozenset(request.replaceOnChanges),
                    import_id=request.importId,
                    ignore_changes=frozenset(request.ignoreChanges),
                    dependencies=frozenset(request.dependencies),
                    explicit_dependencies=frozenset(explicit),
                    custom=request.custom,
                )
            )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.graph.outputs[request.urn] = plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def wrapped(value: Any) -> dict[str, Any]:
    """A secret as it goes over the wire: a mock answers on another thread, where `Output.secret` would lose it."""
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(rpc._special_sig_key) == rpc._special_secret_sig


def secret_paths(value: Any, path: str = "") -> Iterator[str]:
    """Where in `value` a secret stands."""
    if is_secret(value):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from secret_paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from secret_paths(inner, f"{path}[{index}]")


def plain(value: Any) -> Any:
    """The value without the wrappers of secrets."""
    if is_secret(value):
        return plain(value["value"])
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


def fresh_mocks(config: dict[str, str] | None) -> Graph:
    """Put fresh mocks under the SDK; what is declared from now on is recorded in the answer."""
    # The SDK takes the thread's loop, and another test's `asyncio.run` leaves the thread without one.
    asyncio.set_event_loop(_loop())
    graph = Graph()
    monitor = RecordingMonitor(graph)
    settings.set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_all_config(config or {})
    mocks.set_mocks(monitor.mocks, project="nexuschat", stack="unit", preview=False, monitor=monitor)
    return graph


def run_main(path: Path, config: dict[str, str]) -> Graph:
    """Run a program's `__main__.py` as the engine's language host does; `result` has the stack's outputs."""
    graph = fresh_mocks(config)
    settings.set_root_resource(None)  # type: ignore[arg-type]

    async def run() -> None:
        await run_in_stack(lambda: runpy.run_path(str(path)) and None)

    _sync_await(run())
    (graph.result,) = (
        outputs for urn, outputs in graph.outputs.items() if "::pulumi:pulumi:Stack::" in urn and outputs
    )
    return graph


def declare(build: Callable[[], Awaitable[Any]], config: dict[str, str] | None = None) -> Graph:
    """Run `build` against fresh mocks; whatever it raises is raised here."""
    graph = fresh_mocks(config)

    async def run() -> None:
        graph.result = await pulumi.Output.from_input(await build()).future()

    _sync_await(run_pulumi_func(run))
    return graph
