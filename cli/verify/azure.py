"""What stands in the embedded Azure, asked of its provider server as the engine would: read by resource id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from cli.cloud import Endpoints
from emulator.values import from_wire

CONTAINER_APP = "azure-native:app:ContainerApp"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a resource type
VAULT = "azure-native:keyvault:Vault"


class EmbeddedResources:
    """Reads resources of the embedded Azure. Each is asked for once: a check is one moment."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = provider_pb2_grpc.ResourceProviderStub(channel)
        self._known: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def read(self, type_: str, id_: str) -> Mapping[str, Any] | None:
        """A resource's outputs as they are now, or None where nothing is under that id."""
        place = (type_, id_.lower())
        if place not in self._known:
            urn = f"urn:pulumi:verify::verify::{type_}::verify"
            answer = self._stub.Read(
                provider_pb2.ReadRequest(id=id_, urn=urn, inputs=struct_pb2.Struct(), properties=struct_pb2.Struct()),
                timeout=30,
            )
            self._known[place] = from_wire(answer.properties) if answer.id else None
        return self._known[place]


@contextmanager
def embedded_resources(endpoints: Endpoints) -> Iterator[EmbeddedResources]:
    """Connect to a running embedded cloud's Azure."""
    with grpc.insecure_channel(
        f"{endpoints.host}:{endpoints.providers['azure-native']}", options=_GRPC_CHANNEL_OPTIONS
    ) as channel:
        yield EmbeddedResources(channel)
