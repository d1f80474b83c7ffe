"""A stack's Snowflake account and the keys that open it, for verbs that connect to it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from cli import configuration, deployment, engine
from cli.cloud import Cloud, Endpoints, running
from cli.connector import SnowflakeAddress, connect, private_key
from cli.console import say
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, Place
from cli.verify.state import StackState

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from snowflake.connector.cursor import SnowflakeCursor

    from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class StackAccess:
    """A stack that can be asked: `endpoints` are the embedded cloud's, None for a real one."""

    stack: str
    settings: Settings
    address: SnowflakeAddress
    endpoints: Endpoints | None
    _deploy_key: Callable[[], str]
    _exported: Callable[[], dict[str, Any]]

    @property
    def deploy_user(self) -> str:
        return self.settings.snowflake.user

    def deploy_key(self) -> RSAPrivateKey:
        """The deploy user's private key. Raises `BadInputError` where it is none."""
        try:
            return private_key(self._deploy_key())
        except ValueError as error:
            raise BadInputError(f"the key of {self.deploy_user}: {error}") from None

    @contextmanager
    def as_deploy_user(self, role: str, warehouse: str | None = None) -> Iterator[SnowflakeCursor]:
        """Ask the account as who deploys, in one role. Raises the connector's own errors."""
        with (
            closing(
                connect(self.address, self.deploy_user, self.deploy_key(), role=role, warehouse=warehouse)
            ) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor

    def state(self) -> tuple[StackState, Mapping[str, Any]]:
        """The stack's state and its outputs. Raises `FailureError` where it is not up."""
        deployment_ = self._exported()
        outputs: Mapping[str, Any] = next(
            (
                resource.get("outputs", {})
                for resource in deployment_.get("resources") or ()
                if resource["type"] == "pulumi:pulumi:Stack"
            ),
            {},
        )
        if not outputs:
            raise FailureError(f"stack {self.stack!r} is not up: `./nexus up` brings it up.")
        return StackState.of(deployment_), outputs


def _settings_of_last_run(place: Place) -> Settings | None:
    """As the last run had them, with what was given to it alone; None where they are from before a setting came."""
    from infra.settings import SettingsError, load_settings

    if not place.configuration.exists():
        return None
    last = yaml.safe_load(place.configuration.read_text(encoding="utf-8"))
    try:
        return load_settings(last.get("config") or {}, ROOT)
    except SettingsError:
        return None


@contextmanager
def stack_access(stack: str) -> Iterator[StackAccess]:
    """Reach a stack's account; an embedded cloud is started for as long as this lasts, unless one is up.

    Raises `FailureError` where an embedded stack was never brought up, `BadInputError` for a stack that is not
    configured or a real one without SNOWFLAKE_PRIVATE_KEY.
    """
    from infra.settings import SettingsError, load_settings

    embedded = deployment.is_embedded(stack)
    place = Place.of(stack)
    committed = configuration.load(stack)
    if embedded and not place.cloud.exists():
        raise FailureError(f"stack {stack!r} is not up: `./nexus up` brings it up.")
    try:
        settings = _settings_of_last_run(place) if embedded else None
        settings = settings or load_settings(committed.get("config") or {}, ROOT)
    except SettingsError as error:
        raise BadInputError(str(error)) from None
    organization, account = settings.snowflake.organization, settings.snowflake.account
    if not embedded:
        if not os.environ.get("SNOWFLAKE_PRIVATE_KEY"):
            raise BadInputError(
                f"stack {stack!r} has a real account: "
                f"set SNOWFLAKE_PRIVATE_KEY to the private key (PEM) of {settings.snowflake.user}."
            )
        address = SnowflakeAddress(organization, account)
        yield StackAccess(
            stack, settings, address, None, lambda: os.environ["SNOWFLAKE_PRIVATE_KEY"], lambda: _exported(stack)
        )
        return
    with running(place) as cloud:
        yield embedded_access(place, settings, cloud)


def embedded_access(place: Place, settings: Settings, cloud: Cloud) -> StackAccess:
    """Reach the account of an embedded cloud that is up."""
    endpoints = cloud.endpoints
    address = SnowflakeAddress(
        settings.snowflake.organization, settings.snowflake.account, endpoints.host, endpoints.port
    )
    return StackAccess(
        place.stack,
        settings,
        address,
        endpoints,
        lambda: place.deploy_key.read_text(encoding="utf-8"),
        lambda: deployment.embedded_state(place),
    )


def history(place: Place) -> Iterator[dict[str, Any]]:
    """What the engine wrote down of each run of an embedded stack, the newest first."""
    folder = place.state / ".pulumi" / "history" / configuration.project() / place.stack
    for file in sorted(folder.glob("*.history.json"), key=lambda file: file.name, reverse=True):
        yield json.loads(file.read_text(encoding="utf-8"))


def updates(stack: str) -> list[dict[str, Any]]:
    """The same of a real stack's last runs, as `pulumi stack history` prints it."""
    found: list[dict[str, Any]] = json.loads(asked(stack, "history", "--json", "--page-size", "50", what="the history"))
    return found


def declared_state(stack: str) -> dict[str, Any]:
    """A stack's deployment, with its secrets still encrypted; empty where there is none."""
    return deployment.embedded_state(Place.of(stack)) if deployment.is_embedded(stack) else _exported(stack)


def _exported(stack: str) -> dict[str, Any]:
    """A real stack's deployment, with its secrets still encrypted."""
    deployment_: dict[str, Any] = json.loads(exported(stack))["deployment"] or {}
    return deployment_


def exported(stack: str) -> str:
    """What `pulumi stack export` prints of a real stack: its secrets stay encrypted."""
    # Not by the Automation API: that one asks for secrets in the open.
    return asked(stack, "export", what="the state")


def asked(stack: str, *arguments: str, what: str, environment: Mapping[str, str] | None = None) -> str:
    """What `pulumi stack …` prints; `environment` is an embedded stack's. Raises `FailureError`, naming `what`."""
    done = subprocess.run(
        [str(engine.acquire(say).path), "stack", *arguments, "--stack", stack, "--non-interactive"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FailureError(f"{what} of stack {stack!r} cannot be read:\n{deployment.with_hint(done.stderr)}")
    return done.stdout
