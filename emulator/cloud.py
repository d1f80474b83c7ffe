"""The embedded cloud's process: provider servers, Snowflake's wire protocol, Azure's data plane, and their control.

All of it listens on the loopback interface only. One process holds the state directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.chaos import Chaos
from emulator.journal import Journal, Operation, Run
from emulator.lock import hold
from emulator.package import CloudError, EmbeddedPackage
from emulator.private_file import write_private
from emulator.server import PackageServer

HOST: Final = "127.0.0.1"
HTTP: Final = "http"
"""The name of the HTTP server's port among the ports."""
_LOCK: Final = "cloud.lock"
_TOKEN: Final = "control-token"  # noqa: S105 - the name of a file
_JOURNAL: Final = "journal.sqlite3"


@dataclass(frozen=True, slots=True)
class Contents:
    """What an embedded cloud is made of: its provider packages, and what its HTTP server answers beside control."""

    packages: Sequence[EmbeddedPackage]
    routes: Sequence[BaseRoute]
    close: Callable[[], None]


Open = Callable[[Path], Contents]
"""Opens the contents over a state directory."""


class EmbeddedCloud:
    """One cloud over one state directory, which is made if missing (readable to its owner only).

    `ports` fixes a port by the name of its server (`http`, or a package's name); the rest are ephemeral. `chaos` is the
    trouble that it makes on purpose.
    """

    def __init__(
        self,
        directory: Path,
        open_contents: Open,
        ports: Mapping[str, int] | None = None,
        chaos: Chaos | None = None,
    ) -> None:
        self._directory = directory
        self._open = open_contents
        self._ports = dict(ports or {})
        self._chaos = chaos
        self._started = time.time()
        # Everything that touches state runs on this one thread, one at a time.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cloud")
        self._token = secrets.token_urlsafe(32)
        self._servers: list[PackageServer] = []
        self._routes = _Routes()

    async def serve(self, stop: asyncio.Event, ready: Callable[[dict[str, Any]], None]) -> None:
        """Serve until `stop` is set; `ready` is told the endpoints once everything listens.

        Raises `emulator.lock.HeldError` where another process holds the directory.
        """
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with hold(self._directory / _LOCK, "the embedded cloud"):
            loop = asyncio.get_running_loop()
            self._contents = await loop.run_in_executor(self._worker, self._open, self._directory)
            self._journal = Journal(self._directory / _JOURNAL)
            known = {HTTP, *(package.name for package in self._contents.packages)}
            if unknown := self._ports.keys() - known:
                raise CloudError(
                    f"no server is called {', '.join(sorted(unknown))}: known are {', '.join(sorted(known))}"
                )
            http: _QuietServer | None = None
            serving: asyncio.Task[None] | None = None
            try:
                write_private(self._directory / _TOKEN, self._token)
                for package in self._contents.packages:
                    port = self._ports.get(package.name, 0)
                    server = PackageServer(package, self._worker, port, self._journal, self._chaos)
                    await server.start()
                    self._servers.append(server)
                self._routes.set([*self._contents.routes, Mount("/control", routes=self._control())])
                listener = socket.create_server((HOST, self._ports.get(HTTP, 0)))
                # asyncio sets this only on sockets that were made for TCP by name. Without it an answer's second
                # packet waits 40 ms for the client to acknowledge the first. Connections inherit it.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                http = _QuietServer(
                    uvicorn.Config(
                        self._routes,
                        loop="asyncio",
                        http="h11",
                        ws="none",
                        lifespan="off",
                        log_config=None,
                        access_log=False,
                        date_header=False,
                        server_header=False,
                        timeout_graceful_shutdown=1,
                    )
                )
                serving = asyncio.create_task(http.serve(sockets=[listener]))
                ready(self.endpoints(listener.getsockname()[1]))
                await stop.wait()
            finally:
                ending = [server.stop() for server in self._servers]
                if http is not None and serving is not None:
                    ending.append(http.end(serving))
                await asyncio.gather(*ending)
                await loop.run_in_executor(self._worker, self._close)
                self._worker.shutdown()
                (self._directory / _TOKEN).unlink(missing_ok=True)

    def _close(self) -> None:
        self._contents.close()
        self._journal.close()

    def endpoints(self, http_port: int) -> dict[str, Any]:
        """Where everything listens; `debug_providers` is the engine's own form (`PULUMI_DEBUG_PROVIDERS`)."""
        providers = {server.package.name: server.port for server in self._servers}
        address = f"http://{HOST}:{http_port}"
        return {
            "pid": os.getpid(),
            "directory": str(self._directory),
            "host": HOST,
            "port": http_port,
            "snowflake": address,
            "azure": f"{address}/azure",
            "control": f"{address}/control",
            "control_token_file": str(self._directory / _TOKEN),
            "providers": providers,
            "debug_providers": ",".join(f"{name}:{port}" for name, port in providers.items()),
        }

    # ── control ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _control(self) -> list[BaseRoute]:
        return [
            Route("/status", self._guarded(self._status)),
            Route("/run", self._guarded(self._run_of_old)),
            Route("/run", self._guarded(self._begin), methods=["POST"]),
            Route("/run/end", self._guarded(self._end), methods=["POST"]),
            Route("/run/unknown", self._guarded(self._unknown), methods=["POST"]),
            Route("/run/recover", self._guarded(self._recover), methods=["POST"]),
            Route("/reset", self._guarded(self._reset), methods=["POST"]),
            Route("/by-hand", self._guarded(self._by_hand), methods=["POST"]),
        ]

    def _guarded(self, answer: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        """A route that wants the token of this process, runs on the worker and answers refusals as such."""

        async def handle(request: Request) -> JSONResponse:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return JSONResponse({"error": "not authorised: wants the token of control_token_file"}, 401)
            try:
                body = json.loads(await request.body() or b"{}")
                result = await asyncio.get_running_loop().run_in_executor(self._worker, answer, body)
            except CloudError as refusal:
                return JSONResponse({"error": str(refusal)}, 409)
            except (KeyError, TypeError, ValueError) as mistake:
                return JSONResponse({"error": f"bad request: {mistake!r}"}, 400)
            return JSONResponse(result)

        return handle

    def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "directory": str(self._directory),
            "started": self._started,
            "packages": {package.name: package.version for package in self._contents.packages},
            "run": _run(self._journal.open_run()),
            "refresh_due": self._journal.refresh_due(),
            "chaos": self._chaos.status() if self._chaos else None,
        }

    def _run_of_old(self, _: dict[str, Any]) -> dict[str, Any]:
        run = self._journal.open_run()
        return {
            "run": _run(run),
            "operations": [_line(operation) for operation in self._journal.operations(run.id)] if run else [],
            "refresh_due": self._journal.refresh_due(),
        }

    def _begin(self, body: dict[str, Any]) -> dict[str, Any]:
        run = self._journal.begin(str(body["command"]), int(body["pid"]))
        return {"run": _run(run), "refresh_due": self._journal.refresh_due()}

    def _end(self, body: dict[str, Any]) -> dict[str, Any]:
        self._journal.end(int(body["run"]), refreshed=bool(body["refreshed"]))
        return {}

    def _unknown(self, body: dict[str, Any]) -> dict[str, Any]:
        unknown = self._journal.unknown(int(body["run"]), _known(body))
        return {"operations": [_line(operation) for operation in unknown]}

    def _recover(self, body: dict[str, Any]) -> dict[str, Any]:
        packages = {package.name: package for package in self._contents.packages}
        done, failed = self._journal.recover(int(body["run"]), _known(body), packages)
        return {"done": done, "failed": failed}

    def _by_hand(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = str(body["package"])
        package = next((package for package in self._contents.packages if package.name == wanted), None)
        if package is None:
            raise CloudError(f"there is no package {wanted!r} here")
        return package.by_hand(str(body["action"]), body.get("arguments") or {})

    def _reset(self, _: dict[str, Any]) -> dict[str, Any]:
        """Throw everything away and start over with an empty cloud, on the same ports."""
        self._close()
        for entry in self._directory.iterdir():
            if entry.name in {_TOKEN, _LOCK, f"{_LOCK}.holder"}:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self._contents = self._open(self._directory)
        self._journal = Journal(self._directory / _JOURNAL)
        by_name = {package.name: package for package in self._contents.packages}
        for server in self._servers:
            server.replace(by_name[server.package.name], self._journal)
        self._routes.set([*self._contents.routes, Mount("/control", routes=self._control())])
        return {}


class _Routes:
    """The HTTP server's application, whose routes change when the cloud is reset."""

    def __init__(self) -> None:
        self._application: ASGIApp = Starlette()

    def set(self, routes: list[BaseRoute]) -> None:
        self._application = Starlette(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)


class _QuietServer(uvicorn.Server):
    """Leaves the process's signals to the process, and ends at once when nobody is connected."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_to_end = asyncio.Event()

    async def end(self, serving: asyncio.Task[None]) -> None:
        self.should_exit = True
        self._told_to_end.set()
        await serving

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """The parent's looks ten times a second whether it shall end (and what date it is, for a header)."""
        if not self.should_exit:
            await self._told_to_end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The parent's gives connections a tenth of a second even where there are none: each run would wait for it."""
        if self.server_state.connections:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()


def _known(body: dict[str, Any]) -> set[tuple[str, str]]:
    return {(str(urn), str(id_)) for urn, id_ in body["known"]}


def _run(run: Run | None) -> dict[str, Any] | None:
    return {"id": run.id, "command": run.command, "pid": run.pid, "started": run.started} if run else None


def _line(operation: Operation) -> dict[str, str]:
    """One operation without its values: they may be secret."""
    return {"kind": operation.kind, "progress": operation.progress, "urn": operation.urn, "id": operation.id}


def deploy_key(file: Path) -> str:
    """The private key (PEM) of the user that the account comes with, made at first use."""
    if not file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(file, pem.decode())
    return file.read_text(encoding="utf-8")


def public_half(private_key: str) -> str:
    """The public key of a private one, as Snowflake takes it: PEM without its first and last line."""
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "".join(pem.decode().splitlines()[1:-1])
