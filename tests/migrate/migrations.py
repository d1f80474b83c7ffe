"""A migration as the command runs it, on a served account and a dump of the test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli.migrate import run
from cli.migrate.dump import open_dump
from cli.migrate.source import Source
from cli.migrate.users import UserMap, read_map
from tests.migrate.chat_account import TENANTS, Chat, addresses
from tests.migrate.dumps import write_folder, write_map

EVERYBODY = frozenset(TENANTS)


def nothing(*_: Any) -> None:
    """Hears progress and says none."""


@dataclass
class Migration:
    """One dump, its map, and a folder of batches."""

    folder: Path
    chat: Chat
    source: Source
    users: UserMap

    @classmethod
    def of(
        cls, folder: Path, chat: Chat, collections: Mapping[str, Sequence[Any]], users: Mapping[str, str]
    ) -> Migration:
        folder.mkdir(parents=True, exist_ok=True)
        source = open_dump(write_folder(folder / "dump", collections), None)
        return cls(folder, chat, source, read_map(write_map(folder / "map.csv", users), EVERYBODY))

    @property
    def world(self) -> run.World:
        key = load_pem_private_key(self.chat.keys.private.encode(), None)
        return run.World(
            "VIDEXA-EMBEDDED",
            self.folder / "migrations",
            {address.tenant: address for address in addresses()},
            self.chat.connect,
            lambda: key,  # type: ignore[arg-type,return-value]
        )

    def run(self, tenants: frozenset[str] = EVERYBODY) -> dict[str, Any]:
        return run.migrate(self.world, self.source, self.users, tenants, nothing, nothing)

    def verify(self, *, batch: str | None = None, anew: bool = False) -> dict[str, Any]:
        return run.verify(self.world, batch, self.source if anew else None, self.users if anew else None, nothing)

    def quarantine(self, batch: str) -> list[dict[str, Any]]:
        file = self.folder / "migrations" / batch / run.QUARANTINE
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def total(report: Mapping[str, Any], word: str) -> int:
    """All documents that were `read`, `written`, `quarantined` or `skipped`."""
    found = 0
    for entries in report["organizations"].values():
        for entry in entries.values():
            found += entry[word] if isinstance(entry[word], int) else sum(entry[word].values())
    return found
