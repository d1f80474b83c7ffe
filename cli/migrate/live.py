"""Reads a live MongoDB through PyMongo. Only listing and finding: nothing is ever written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from cli.migrate.source import Item, Meter, SourceError

_BATCH = 500
_SECONDS = 15_000


class LiveDatabase:
    """One database of a server. Two readings differ where somebody goes on writing: stop the application first."""

    def __init__(self, uri: str, database: str | None) -> None:
        """Raises `SourceError` where nothing can be read there; the URI's credentials are in no message."""
        from pymongo import MongoClient
        from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
        from pymongo.uri_parser import parse_uri

        try:
            parsed = parse_uri(uri)
        except (InvalidURI, ConfigurationError, ValueError):
            raise SourceError("--from: the MongoDB URI is not valid: mongodb://[user:password@]host/database") from None
        chosen = database or parsed["database"]
        if not chosen:
            raise SourceError("--from: the MongoDB URI names no database: add one, or give --database")
        hosts = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
        self.name = f"mongodb://{hosts}/{chosen}"
        self.meter = Meter(notes=["a live server: what is written to it between two readings is named as a difference"])
        self._client: MongoClient[Any] = MongoClient(
            uri, serverSelectionTimeoutMS=_SECONDS, appname="nexus-migrate", retryWrites=False
        )
        try:
            self._collections = sorted(
                name for name in self._client[chosen].list_collection_names() if not name.startswith("system.")
            )
        except ConfigurationError:
            self._client.close()
            raise SourceError(
                f"{self.name} is older than MongoDB 4.4, or not what the URI says: give a dump of it"
            ) from None
        except PyMongoError as error:
            self._client.close()
            raise SourceError(f"{self.name} cannot be read: {type(error).__name__}") from None
        if not self._collections:
            self._client.close()
            raise SourceError(f"{self.name} has no collections")
        self._database = self._client.get_database(chosen, codec_options=CodecOptions(RawBSONDocument))

    def fingerprint(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        from pymongo.errors import PyMongoError

        for collection in self._collections:
            try:
                # By _id, so that each reading has the same order.
                for document in self._database[collection].find({}, sort=[("_id", 1)], batch_size=_BATCH):
                    yield Item(collection, collection, document.raw)
            except PyMongoError as error:
                raise SourceError(f"{self.name}: reading {collection} ended with {type(error).__name__}") from None

    def close(self) -> None:
        self._client.close()
