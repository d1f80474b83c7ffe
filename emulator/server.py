# ruff: noqa: ARG002 - the protocol gives each method its arguments, needed or not
"""Serves embedded packages over Pulumi's provider protocol, for the engine or anyone who speaks it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from emulator.chaos import Chaos, UnfinishedError
from emulator.journal import Journal, Kind
from emulator.package import Change, CheckAnswer, CloudError, EmbeddedPackage, Question
from emulator.values import from_wire, to_wire

Answer = TypeVar("Answer")

_OF_THE_ENGINE = frozenset({"version", "pluginDownloadURL", "pluginChecksums"})
"""Inputs of every provider resource that are the engine's, not the package's."""

_KINDS = {
    Change.ADD: proto.PropertyDiff.ADD,
    Change.DELETE: proto.PropertyDiff.DELETE,
    Change.UPDATE: proto.PropertyDiff.UPDATE,
    Change.ADD_REPLACE: proto.PropertyDiff.ADD_REPLACE,
    Change.DELETE_REPLACE: proto.PropertyDiff.DELETE_REPLACE,
    Change.UPDATE_REPLACE: proto.PropertyDiff.UPDATE_REPLACE,
}


def split_urn(urn: str) -> tuple[str, str]:
    """The resource type token and the logical name of a URN (`urn:pulumi:stack::project::parent$type::name`)."""
    parts = urn.split("::", 3)
    if len(parts) != 4:
        raise CloudError(f"not a resource URN: {urn!r}")
    return parts[2].rsplit("$", 1)[-1], parts[3]


@dataclass(frozen=True, slots=True)
class _Configured:
    """What a connection's provider resource was configured with, and what the package made of it."""

    inputs: dict[str, Any] | None = None
    configuration: Any = None


class PackageServicer(ProviderServicer):
    """Carries one package's answers over the protocol.

    The engine attaches all provider resources of a package to this one server, each over a connection of
    its own. A connection's peer address therefore tells which provider resource (which Snowflake role,
    say) a call comes through. A caller that was never configured on its own connection gets the newest
    configuration.
    """

    def __init__(
        self,
        package: EmbeddedPackage,
        worker: ThreadPoolExecutor,
        journal: Journal | None = None,
        chaos: Chaos | None = None,
    ) -> None:
        super().__init__(args=[], version=package.version, provider=Provider(), engine_address="")
        self.package = package
        self._worker = worker
        self._journal = journal
        self._chaos = chaos if package.needs_cloud else None
        self._configured: dict[str, _Configured] = {}
        self._newest = _Configured()

    def replace(self, package: EmbeddedPackage, journal: Journal | None) -> None:
        """Answer from another package of the same name: the cloud was reset. Nobody is logged in to it yet."""
        self.package = package
        self._journal = journal
        self._configured.clear()
        self._newest = _Configured()

    def _configured_for(self, context: grpc.aio.ServicerContext[Any, Any]) -> _Configured:
        return self._configured.get(context.peer(), self._newest)

    def _configuration(self, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        return self._configured_for(context).configuration

    def _recorded(
        self,
        context: grpc.aio.ServicerContext[Any, Any],
        kind: Kind,
        question: Question,
        do: Callable[[], Answer],
        outcome: Callable[[Answer], tuple[str, dict[str, Any]]],
        timeout: float = 0,
    ) -> Callable[[], Answer]:
        """`do`, written down in the journal before and after, with the trouble that was asked for around it.

        `timeout` is how long the caller waits, in seconds; 0 where it does not say.
        """
        journal, chaos, recorded = self._journal, self._chaos, do
        if journal is not None:
            inputs = self._configured_for(context).inputs

            def recorded() -> Answer:
                return journal.record(self.package.name, kind, question, inputs, do, outcome)

        if chaos is None:
            return recorded
        return lambda: chaos.carry_out(self.package.name, kind, timeout, recorded)

    async def _answer(
        self, context: grpc.aio.ServicerContext[Any, Any], function: Callable[[], Answer], *, beside: bool
    ) -> Answer:
        """Run `function`, at once where it touches no state (`beside`), else one at a time on the worker."""
        try:
            if beside:
                return function()
            return await asyncio.get_running_loop().run_in_executor(self._worker, function)
        except UnfinishedError as unfinished:
            context.set_trailing_metadata((("grpc-status-details-bin", _begun(unfinished)),))
            await context.abort(grpc.StatusCode.UNKNOWN, str(unfinished))
        except CloudError as refusal:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        except NotImplementedError as missing:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(missing))
        except Exception as defect:
            await context.abort(
                grpc.StatusCode.INTERNAL,
                f"defect in the embedded {self.package.name}: {defect!r}\n{traceback.format_exc()}",
            )
        raise AssertionError("abort raises")

    async def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        """The engine tells its own address on attaching; nothing here calls back."""
        return empty_pb2.Empty()

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    async def GetSchema(self, request: Any, context: Any) -> proto.GetSchemaResponse:  # noqa: N802
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the embedded {self.package.name} has no schema document: programs use the published SDK",
        )
        raise AssertionError("abort raises")

    async def CheckConfig(self, request: Any, context: Any) -> proto.CheckResponse:  # noqa: N802
        inputs = from_wire(request.news)
        # The engine puts settings of its own beside the package's: they go back as they came.
        of_the_engine = {name: inputs.pop(name) for name in _OF_THE_ENGINE & inputs.keys()}
        answer = await self._answer(context, lambda: self.package.check_configuration(inputs), beside=True)
        return _check_response(CheckAnswer({**answer.inputs, **of_the_engine}, answer.failures))

    async def DiffConfig(self, request: Any, context: Any) -> proto.DiffResponse:  # noqa: N802
        old, new = (
            from_wire(request.old_inputs if request.HasField("old_inputs") else request.olds),
            from_wire(request.news),
        )
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE, diffs=changed
        )

    async def Configure(self, request: Any, context: Any) -> proto.ConfigureResponse:  # noqa: N802
        inputs = from_wire(request.args) if request.HasField("args") else _variables(dict(request.variables))
        configuration = await self._answer(context, lambda: self.package.configure(inputs), beside=False)
        self._newest = self._configured[context.peer()] = _Configured(inputs, configuration)
        return proto.ConfigureResponse(
            acceptSecrets=False, acceptResources=False, acceptOutputs=False, supportsPreview=True
        )

    async def Check(self, request: Any, context: Any) -> proto.CheckResponse:  # noqa: N802
        type_, name = split_urn(request.urn)
        question = Question(
            urn=request.urn,
            type=type_,
            name=name,
            configuration=self._configuration(context),
            inputs=from_wire(request.news),
            old_inputs=from_wire(request.olds),
            random_seed=request.randomSeed,
        )
        return _check_response(await self._answer(context, lambda: self.package.check(question), beside=True))

    async def Diff(self, request: Any, context: Any) -> proto.DiffResponse:  # noqa: N802
        type_, name = split_urn(request.urn)
        old_outputs = from_wire(request.olds)
        question = Question(
            urn=request.urn,
            type=type_,
            name=name,
            id=request.id,
            configuration=self._configuration(context),
            inputs=from_wire(request.news),
            # Callers older than the split of old inputs from old state send the state alone.
            old_inputs=from_wire(request.old_inputs) if request.HasField("old_inputs") else old_outputs,
            old_outputs=old_outputs,
            ignore_changes=list(request.ignoreChanges),
        )
        answer = await self._answer(context, lambda: self.package.diff(question), beside=True)
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if answer.changes else proto.DiffResponse.DIFF_NONE,
            replaces=answer.replaces,
            deleteBeforeReplace=answer.delete_before_replace,
            diffs=sorted({path.split(".")[0].split("[")[0] for path in answer.changes}),
            detailedDiff={
                path: proto.PropertyDiff(kind=_KINDS[change], inputDiff=True) for path, change in answer.changes.items()
            },
            hasDetailedDiff=True,
        )

    async def Create(self, request: Any, context: Any) -> proto.CreateResponse:  # noqa: N802
        type_, name = split_urn(request.urn)
        question = Question(
            urn=request.urn,
            type=type_,
            name=name,
            configuration=self._configuration(context),
            inputs=from_wire(request.properties),
            preview=request.preview,
        )
        if request.preview:
            identity, outputs = await self._answer(context, lambda: self.package.create(question), beside=True)
        else:
            create = self._recorded(
                context,
                "create",
                question,
                lambda: self.package.create(question),
                lambda answer: answer,
                request.timeout,
            )
            identity, outputs = await self._answer(context, create, beside=False)
        return proto.CreateResponse(id=identity, properties=to_wire(outputs))

    async def Read(self, request: Any, context: Any) -> proto.ReadResponse:  # noqa: N802
        type_, name = split_urn(request.urn)
        question = Question(
            urn=request.urn,
            type=type_,
            name=name,
            id=request.id,
            configuration=self._configuration(context),
            inputs=from_wire(request.inputs),
            old_inputs=from_wire(request.inputs),
            old_outputs=from_wire(request.properties),
        )
        if self._journal is not None and self._journal.is_gone(request.urn, request.id):
            return proto.ReadResponse()
        answer = await self._answer(context, lambda: self.package.read(question), beside=False)
        if not answer.id:
            # Nothing at all: the engine takes empty properties for those of something that exists.
            return proto.ReadResponse()
        return proto.ReadResponse(id=answer.id, inputs=to_wire(answer.inputs), properties=to_wire(answer.outputs))

    async def Update(self, request: Any, context: Any) -> proto.UpdateResponse:  # noqa: N802
        type_, name = split_urn(request.urn)
        old_outputs = from_wire(request.olds)
        question = Question(
            urn=request.urn,
            type=type_,
            name=name,
            id=request.id,
            configuration=self._configuration(context),
            inputs=from_wire(request.news),
            old_inputs=from_wire(request.old_inputs) if request.HasField("old_inputs") else old_outputs,
            old_outputs=old_outputs,
            ignore_changes=list(request.ignoreChanges),
            preview=request.preview,
        )
        if request.preview:
            outputs = await self._answer(context, lambda: self.package.update(question), beside=True)
        else:
            update = self._recorded(
                context,
                "update",
                question,
                lambda: self.package.update(question),
                lambda answer: (question.id, answer),
            )
            outputs = await self._answer(context, update, beside=False)
        return proto.UpdateResponse(properties=to_wire(outputs))

    async def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        type_, name = split_urn(request.urn)
        old_outputs = from_wire(request.properties)
        question = Question(
            urn=request.urn,
            type=type_,
            name=name,
            id=request.id,
            configuration=self._configuration(context),
            old_inputs=from_wire(request.old_inputs) if request.HasField("old_inputs") else old_outputs,
            old_outputs=old_outputs,
        )
        delete = self._recorded(
            context, "delete", question, lambda: self.package.delete(question), lambda _: (question.id, {})
        )
        await self._answer(context, delete, beside=False)
        return empty_pb2.Empty()

    async def Invoke(self, request: Any, context: Any) -> proto.InvokeResponse:  # noqa: N802
        arguments = from_wire(request.args)
        configuration = self._configuration(context)
        result = await self._answer(
            context, lambda: self.package.invoke(request.tok, arguments, configuration), beside=False
        )
        answer: dict[str, Any] = {"return": to_wire(result)}
        return proto.InvokeResponse(**answer)


def _begun(unfinished: UnfinishedError) -> bytes:
    """A creation that is begun and not finished, as the engine wants to be told of it: it keeps the resource."""
    message = str(unfinished)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(
        proto.ErrorResourceInitFailed(id=unfinished.id, properties=to_wire(unfinished.outputs), reasons=[message])
    )
    return status.SerializeToString()


def _check_response(answer: CheckAnswer) -> proto.CheckResponse:
    return proto.CheckResponse(
        inputs=to_wire(answer.inputs),
        failures=[proto.CheckFailure(property=f.property, reason=f.reason) for f in answer.failures],
    )


def _variables(variables: dict[str, str]) -> dict[str, Any]:
    """Configuration as older callers send it: `package:config:key` to text."""
    return {key.rsplit(":", 1)[-1]: value for key, value in variables.items()}


class PackageServer:
    """A loopback server for one package; `port` is known once started."""

    def __init__(
        self,
        package: EmbeddedPackage,
        worker: ThreadPoolExecutor,
        port: int = 0,
        journal: Journal | None = None,
        chaos: Chaos | None = None,
    ) -> None:
        self._servicer = PackageServicer(package, worker, journal, chaos)
        self._server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self._servicer, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")

    @property
    def package(self) -> EmbeddedPackage:
        return self._servicer.package

    async def start(self) -> None:
        await self._server.start()

    def replace(self, package: EmbeddedPackage, journal: Journal | None) -> None:
        self._servicer.replace(package, journal)

    async def stop(self) -> None:
        await self._server.stop(grace=1)
