"""What documents come from: an item each, whether it can be read or not, with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

LARGEST_DOCUMENT: Final = 16 * 1024 * 1024 + 16 * 1024
"""MongoDB's own limit of a document in bytes, with what its servers allow themselves on top."""

CREDENTIALS: Final = frozenset({"keys", "tokens", "pluginauths", "agentapikeys", "impersonationtokens"})
"""Collections that hold nothing but keys and tokens: counted, never decoded, never carried."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document's bytes, or with `fault` the reason why there is none there.

    `where` is the file and the offset in it (of what it unpacks to), or the collection of a live server.
    `lost` counts the bytes of a stretch that holds no document that can be told from its neighbours.
    """

    collection: str
    where: str
    data: bytes = b""
    fault: str = ""
    lost: int = 0


@dataclass(slots=True)
class Meter:
    """How far a source was read: bytes on disk of `total`, 0 where nobody knows."""

    done: int = 0
    total: int = 0
    notes: list[str] = field(default_factory=list)


class Source(Protocol):
    """Gives the same documents in the same order each time it is read through."""

    @property
    def name(self) -> str:
        """What a report calls it: no credential, no folder of this machine."""

    @property
    def meter(self) -> Meter: ...

    def fingerprint(self) -> str:
        """SHA-256 of all that is read, or of where it is read from if that can change."""

    def items(self) -> Iterator[Item]: ...

    def close(self) -> None: ...


class SourceError(Exception):
    """What was given is nothing to read from: the rule and the mend."""
