"""A provider that does nothing: the floor under every stack's time.

    python bench/noop_provider.py

Serves the package `snowflake` on the SDK's own provider classes, as a tutorial would, and prints its
port. Attach it with `PULUMI_DEBUG_PROVIDERS=snowflake:PORT`. It ends with its standard input.
"""

# The signatures are the SDK's, whether or not a no-op looks at them.
# ruff: noqa: ARG002
from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc


class NoOperation(provider.Provider):
    """Accepts every resource and keeps nothing."""

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        return provider.CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: provider.DiffRequest) -> provider.DiffResponse:
        return provider.DiffResponse(changes=False)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        return provider.ConfigureResponse(supports_preview=True)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        return provider.CheckResponse(inputs=request.new_inputs)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        return provider.DiffResponse(changes=False)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        return provider.CreateResponse(
            resource_id="" if request.preview else request.name, properties=dict(request.properties)
        )

    async def delete(self, request: provider.DeleteRequest) -> None:
        return None


class AttachableServicer(ProviderServicer):
    """The SDK's servicer with the one call more that an engine makes of an attached server."""

    async def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()


async def serve() -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = AttachableServicer(args=[], version="2.22.0", provider=NoOperation(), engine_address="")
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(grace=0)


if __name__ == "__main__":
    asyncio.run(serve())
