"""A server that speaks enough of MongoDB's wire protocol for PyMongo to read collections, and notes what it was asked.

It is no MongoDB: it answers `hello`, `listCollections`, `find` and `getMore` from lists of documents and refuses all
else, so that a reader that writes anything fails. Protocol: OP_MSG of MongoDB's wire protocol.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import bson

_OP_MSG = 2013
_OP_QUERY = 2004
_OP_REPLY = 1
HELLO = {
    "ismaster": True,
    "isWritablePrimary": True,
    "maxBsonObjectSize": 16 * 1024 * 1024,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "readOnly": False,
    "ok": 1.0,
}


class MongoServer:
    """The documents, and the names of the commands that came."""

    def __init__(self, collections: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.collections = {name: sorted(each, key=lambda d: d["_id"]) for name, each in collections.items()}
        self.commands: list[str] = []
        self._cursors: dict[int, tuple[str, list[Any]]] = {}

    def answer(self, command: Mapping[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        self.commands.append(name)
        if name.lower() in {"hello", "ismaster"}:
            return HELLO
        if name in {"endSessions", "killCursors"}:
            return {"ok": 1.0}
        database = command["$db"]
        if name == "listCollections":
            listed = [{"name": each, "type": "collection", "options": {}, "info": {}} for each in self.collections]
            return self._cursor(0, f"{database}.$cmd.listCollections", listed, "firstBatch")
        if name == "find":
            documents = list(self.collections.get(command["find"], ()))
            return self._page(f"{database}.{command['find']}", documents, command.get("batchSize", 101), "firstBatch")
        if name == "getMore":
            space, documents = self._cursors.pop(command["getMore"])
            return self._page(space, documents, command.get("batchSize", 101), "nextBatch")
        return {"ok": 0.0, "errmsg": f"no such command: '{name}'", "code": 59, "codeName": "CommandNotFound"}

    def _page(self, space: str, documents: list[Any], size: int, batch: str) -> dict[str, Any]:
        page, rest = documents[:size], documents[size:]
        identifier = len(self.commands) if rest else 0
        if rest:
            self._cursors[identifier] = space, rest
        return self._cursor(identifier, space, page, batch)

    @staticmethod
    def _cursor(identifier: int, space: str, page: list[Any], batch: str) -> dict[str, Any]:
        return {"cursor": {"id": bson.Int64(identifier), "ns": space, batch: page}, "ok": 1.0}


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        while head := self._received(16):
            length, request, _, operation = struct.unpack("<iiii", head)
            body = self._received(length - 16)
            if operation == _OP_QUERY:
                # The first hello of a connection may still come as OP_QUERY.
                at = body.index(b"\0", 4) + 9
                reply = bson.encode(self.server.mongo.answer(bson.decode(body[at:])))
                content = struct.pack("<iqii", 8, 0, 0, 1) + reply
                self._send(request, _OP_REPLY, content)
            else:
                assert operation == _OP_MSG
                assert body[4] == 0
                reply = bson.encode(self.server.mongo.answer(bson.decode(body[5:])))
                self._send(request, _OP_MSG, struct.pack("<i", 0) + b"\0" + reply)

    def _send(self, request: int, operation: int, content: bytes) -> None:
        self.request.sendall(struct.pack("<iiii", 16 + len(content), 1, request, operation) + content)

    def _received(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                return b""
            data += piece
        return data


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    mongo: MongoServer


@contextmanager
def mongo_server(collections: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[MongoServer, str]]:
    """Serve documents on loopback: the server, and its URI with a user nobody checks."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.mongo = MongoServer(collections)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.mongo, f"mongodb://127.0.0.1:{server.server_address[1]}/LibreChat"
        finally:
            server.shutdown()
            thread.join()
