"""Where things stand on this machine: the checkout, a stack's local folder, the user's cache."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulator.private_file import write_private

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout: `Pulumi.yaml` and all stack files are here."""

TRIED: Final = tuple(filter(None, os.environ.get("NEXUS_EMBEDDED", "").replace(" ", "").split(",")))
"""Stacks of a real environment that are embedded for as long as `NEXUS_EMBEDDED` names them (`NEXUS_EMBEDDED=prod`).

So that whole procedures can be tried on this machine, with a real environment's settings and without a credential.
"""

EMBEDDED_STACKS: Final = frozenset({"local", *TRIED})
"""The stacks whose Azure and Snowflake are the embedded ones."""


def local_directory() -> Path:
    """The folder of all embedded stacks: `.nexus` of the checkout, or `NEXUS_DIRECTORY`."""
    return Path(os.environ.get("NEXUS_DIRECTORY") or ROOT / ".nexus").resolve()


def cache_directory() -> Path:
    """What all checkouts of this user share: `NEXUS_CACHE`, or the system's place for caches."""
    override = os.environ.get("NEXUS_CACHE")
    if override:
        return Path(override).resolve()
    import platformdirs

    return Path(platformdirs.user_cache_dir("nexus", appauthor="Videxa"))


@dataclass(frozen=True, slots=True)
class Place:
    """One embedded stack's folder, and what is in it."""

    stack: str
    directory: Path

    @classmethod
    def of(cls, stack: str) -> Place:
        return cls(stack, local_directory() / stack)

    @property
    def state(self) -> Path:
        """The engine's state: Pulumi's own file backend."""
        return self.directory / "state"

    @property
    def cloud(self) -> Path:
        """What the embedded cloud keeps."""
        return self.directory / "cloud"

    @property
    def endpoints(self) -> Path:
        return self.directory / "endpoints.json"

    @property
    def cloud_log(self) -> Path:
        return self.directory / "cloud.log"

    @property
    def deploy_key(self) -> Path:
        return self.directory / "deploy-key.pem"

    @property
    def passphrase(self) -> Path:
        return self.directory / "passphrase"

    @property
    def pulumi_home(self) -> Path:
        return self.directory / "pulumi-home"

    @property
    def configuration(self) -> Path:
        """The stack's configuration as the engine gets it: the committed one and the state's encryption salt."""
        return self.directory / f"Pulumi.{self.stack}.yaml"

    @property
    def keys(self) -> Path:
        """Which key pair of each service user is current, once one was rotated."""
        return self.directory / "keys.yaml"

    @property
    def releases(self) -> Path:
        """What an embedded stack's apps run instead of the committed images, once something was released."""
        return self.directory / "releases.yaml"

    @property
    def allowances(self) -> Path:
        """Losses of data that were allowed in an embedded stack, which are not committed."""
        return self.directory / "allowances.yaml"

    @property
    def adopted(self) -> Path:
        """The settings by which an embedded stack takes over what exists, which are not committed."""
        return self.directory / "adopted.yaml"

    @property
    def updates(self) -> Path:
        """The state before each update, with the settings that it was made with (cli/rollback/updates.py)."""
        return self.directory / "updates"

    @property
    def guarded(self) -> Path:
        """From what and to which state the last `up` brought an embedded stack: the same again has nothing to plan."""
        return self.directory / "guarded.json"

    @property
    def judged(self) -> Path:
        """What the policies were last content with: program, settings, pack and day, as one digest."""
        return self.directory / "judged.json"

    @property
    def world(self) -> Path:
        """What the embedded cloud is before anybody deploys."""
        return self.directory / "world.json"

    @property
    def first_sql(self) -> Path:
        """The folder of SQL that a new account of the embedded cloud runs."""
        return self.directory / "first-sql"

    @property
    def lock(self) -> Path:
        # Beside the folder, not in it: `destroy` removes the folder while it holds the lock.
        return self.directory.with_name(f"{self.stack}.lock")

    def prepare(self) -> None:
        """Make the folder, closed to other users, and the passphrase that the state's secrets are kept under."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self.state.mkdir(exist_ok=True)
        self._keep_engine_from_logging()
        if not self.passphrase.exists():
            write_private(self.passphrase, secrets.token_urlsafe(32))

    def _keep_engine_from_logging(self) -> None:
        """Put a file where the engine would keep its own debug logs; with NEXUS_ENGINE_LOGS set, let it.

        The engine writes, compresses and encrypts megabytes of them at every run, and has no switch for it:
        a third of its processor time. Where it cannot make the folder it goes on without.
        """
        logs = self.pulumi_home / "logs"
        if os.environ.get("NEXUS_ENGINE_LOGS"):
            if logs.is_file():
                logs.unlink()
        elif not logs.exists():
            self.pulumi_home.mkdir(exist_ok=True)
            logs.touch()
