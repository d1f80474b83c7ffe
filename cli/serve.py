"""`nexus serve`: keep the embedded cloud up."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
from typing import Annotated, Final

import typer

from cli import deployment, options
from cli.cloud import attached, starting
from cli.console import console, say
from cli.failure import BadInputError, FailureError
from cli.place import Place
from emulator.world import world_of

_SERVERS: Final = ("http", "snowflake", "azure-native", "random", "tls")


def _account(place: Place) -> dict[str, str]:
    """What somebody needs who logs in to the embedded Snowflake as its deploy user. The key stays in its file."""
    world = world_of(place.cloud)
    return {
        "organization": world.organization,
        "name": world.account,
        "user": world.deploy_user,
        "private_key_file": str(place.deploy_key),
    }


def command(
    stack: options.Stack = "local",
    as_json: options.Json = False,
    port: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="A fixed port for http, snowflake, azure-native, random or tls; repeatable (otherwise any free one).",
        ),
    ] = None,
    chaos: Annotated[
        str | None,
        typer.Option(
            metavar="MODE:EVERY",
            help="Trouble on purpose: fail-every:7, throttle-every:5, slow-every:3, lose-every:11; with commas.",
        ),
    ] = None,
) -> None:
    """Keep a stack's embedded cloud up until Ctrl-C, and print where it listens.

    Example: ./nexus serve --port http=8080
    """
    if not deployment.is_embedded(stack):
        raise BadInputError(f"stack {stack!r} has a real cloud: there is nothing to serve.")
    for fixed in port or []:
        if fixed.partition("=")[0] not in _SERVERS:
            raise BadInputError(f"--port {fixed}: no server is called so; known are {', '.join(_SERVERS)}")
    place = Place.of(stack)
    with deployment.only_run(place, "serve"):
        other = attached(place)
        if other is not None:
            raise FailureError(f"the embedded cloud of {stack!r} is up already (process {other.endpoints.pid}).")
        place.prepare()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    trouble = () if chaos is None else (f"--chaos={chaos}",)
    with starting(place, *(f"--port={name}" for name in port or []), *trouble) as starting_cloud:
        cloud = starting_cloud.wait()
        if cloud.attached:
            raise FailureError(f"the embedded cloud of {stack!r} is up already (process {cloud.endpoints.pid}).")
        if as_json:
            # As the cloud wrote it down: one line, so that a program can read it and go on.
            listening = json.loads(place.endpoints.read_text(encoding="utf-8"))
            sys.stdout.write(json.dumps(listening | {"account": _account(place)}) + "\n")
            sys.stdout.flush()
        else:
            endpoints = cloud.endpoints
            console().print(f"Snowflake (wire protocol)  {endpoints.snowflake}", markup=False)
            console().print(f"Azure (data plane)         {endpoints.azure}", markup=False)
            console().print(
                f"Provider servers           PULUMI_DEBUG_PROVIDERS={endpoints.debug_providers}", markup=False
            )
            account = _account(place)
            console().print(
                f"Snowflake account          {account['organization']}-{account['name']}, user {account['user']}, "
                f"key pair: {account['private_key_file']}",
                markup=False,
            )
            console().print('Plain pulumi in another shell: eval "$(./nexus env)". Ctrl-C ends it.', markup=False)
        while not over.wait(0.5):
            obituary = cloud.obituary()
            if obituary:
                raise FailureError(obituary)
    if not place.state.exists():
        # `nexus destroy` emptied the cloud while it was up: now the rest can go as well.
        shutil.rmtree(place.directory, ignore_errors=True)
    elif not as_json:
        say("The embedded cloud is down; its state stays until `./nexus destroy`.")
