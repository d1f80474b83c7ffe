"""Changes a resource of a running embedded Azure behind the stack's back, as somebody in the portal does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import grpc
from nexus_command import Nexus
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from emulator.values import to_wire


def change(nexus: Nexus, endpoints: Mapping[str, Any], kind: str, **inputs: Any) -> None:
    """Give the stack's one resource of this kind other inputs; a mapping changes the keys that it has."""
    (known,) = (each for each in nexus.resources() if each["type"].endswith(f":{kind}"))
    new = copy.deepcopy(known["inputs"])
    for key, value in inputs.items():
        new[key] = {**new[key], **value} if isinstance(value, Mapping) else value
    with grpc.insecure_channel(f"{endpoints['host']}:{endpoints['providers']['azure-native']}") as channel:
        provider_pb2_grpc.ResourceProviderStub(channel).Update(
            provider_pb2.UpdateRequest(
                id=known["id"],
                urn=known["urn"],
                olds=to_wire(known["outputs"]),
                news=to_wire(new),
                old_inputs=to_wire(known["inputs"]),
            ),
            timeout=30,
        )
