"""The embedded Azure over the provider protocol, as the engine or anyone else speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from emulator.azure import AzurePackage, AzureStore
from emulator.server import PackageServer
from emulator.values import UNKNOWN, from_wire, to_wire

URN = "urn:pulumi:s::p::azure-native:{token}::{name}"


def served(directory: Path, use: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        store = AzureStore(directory)
        with ThreadPoolExecutor(max_workers=1) as worker:
            server = PackageServer(AzurePackage(store), worker)
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                await use(provider_pb2_grpc.ResourceProviderStub(channel))
            await server.stop()
        store.close()

    asyncio.run(run())


async def configure(provider: Any, **settings: str) -> None:
    await provider.Configure(proto.ConfigureRequest(args=to_wire({"location": "centralus", **settings})))


async def make(
    provider: Any, token: str, name: str, inputs: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    urn = URN.format(token=token, name=name)
    checked = await provider.Check(proto.CheckRequest(urn=urn, news=to_wire(inputs), randomSeed=b"seed"))
    assert not checked.failures, checked.failures
    created = await provider.Create(proto.CreateRequest(urn=urn, properties=checked.inputs))
    return created.id, from_wire(created.properties), from_wire(checked.inputs)


def test_a_resource_lives_and_dies_over_the_protocol(tmp_path: Path) -> None:
    async def use(provider: Any) -> None:
        await configure(provider)
        urn = URN.format(token="resources:ResourceGroup", name="rg")
        identity, outputs, inputs = await make(provider, "resources:ResourceGroup", "rg", {})
        assert outputs["name"].startswith("rg")

        diff = await provider.Diff(
            proto.DiffRequest(
                urn=urn,
                id=identity,
                olds=to_wire(outputs),
                old_inputs=to_wire(inputs),
                news=to_wire(inputs | {"location": "westus"}),
            )
        )
        assert list(diff.replaces) == ["location"]
        assert diff.deleteBeforeReplace is False, "its name was made up: the new one can be made first"

        update = await provider.Update(
            proto.UpdateRequest(
                urn=urn,
                id=identity,
                olds=to_wire(outputs),
                old_inputs=to_wire(inputs),
                news=to_wire(inputs | {"tags": {"a": "b"}}),
            )
        )
        assert from_wire(update.properties)["tags"] == {"a": "b"}
        read = await provider.Read(
            proto.ReadRequest(urn=urn, id=identity, properties=to_wire(outputs), inputs=to_wire(inputs))
        )
        assert from_wire(read.inputs)["tags"] == {"a": "b"}
        imported = await provider.Read(proto.ReadRequest(urn=urn, id=identity))
        assert from_wire(imported.inputs)["resourceGroupName"] == outputs["name"]

        await provider.Delete(proto.DeleteRequest(urn=urn, id=identity, properties=to_wire(outputs)))
        gone = await provider.Read(proto.ReadRequest(urn=urn, id=identity, properties=to_wire(outputs)))
        assert gone.id == ""

    served(tmp_path, use)


def test_a_preview_over_the_protocol_creates_nothing(tmp_path: Path) -> None:
    async def use(provider: Any) -> None:
        await configure(provider)
        urn = URN.format(token="managedidentity:UserAssignedIdentity", name="id")
        checked = await provider.Check(proto.CheckRequest(urn=urn, news=to_wire({"resourceGroupName": UNKNOWN})))
        created = await provider.Create(proto.CreateRequest(urn=urn, properties=checked.inputs, preview=True))
        assert created.id == ""
        assert from_wire(created.properties)["principalId"] is UNKNOWN

    served(tmp_path, use)


def test_refusals_say_azure_s_own_words_and_nothing_of_the_value(tmp_path: Path) -> None:
    async def use(provider: Any) -> None:
        await configure(provider)
        urn = URN.format(token="keyvault:Secret", name="s")
        inputs = {
            "resourceGroupName": "nothing",
            "vaultName": "kv-test",
            "secretName": "s",
            "properties": {"value": "not-to-be-seen"},
        }
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await provider.Create(proto.CreateRequest(urn=urn, properties=to_wire(inputs)))
        assert 'Status=404 Code="ResourceGroupNotFound"' in refused.value.details()
        assert "not-to-be-seen" not in refused.value.details()
        checked = await provider.Check(proto.CheckRequest(urn=urn, news=to_wire(inputs | {"vaultname": 1})))
        assert [failure.property for failure in checked.failures] == ["vaultname"]

    served(tmp_path, use)


def test_two_subscriptions_are_two_worlds(tmp_path: Path) -> None:
    async def use(provider: Any) -> None:
        ids = []
        for number in (1, 2):
            await configure(provider, subscriptionId=f"00000000-0000-0000-0000-00000000000{number}")
            identity, _, _ = await make(provider, "resources:ResourceGroup", "rg", {"resourceGroupName": "rg"})
            ids.append(identity)
        assert ids[0] != ids[1]

    served(tmp_path, use)
