"""`python -m emulator`: runs the embedded cloud until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.chaos import VARIABLE, Chaos
from emulator.collection import collection_deferred
from emulator.lock import HeldError
from emulator.package import CloudError
from emulator.private_file import write_private
from emulator.world import VARIABLE as WORLD
from emulator.world import world_of

FIRST_SQL = "NEXUS_FIRST_SQL"
"""The variable that tells the contents which files of SQL a new account runs."""
HELD = 3
"""Exit code where another process holds the directory."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    directory: Path = options.directory.resolve()
    module, _, function = options.contents.partition(":")
    with collection_deferred():
        from emulator.cloud import EmbeddedCloud, Open
        from emulator.introspection import keep_in

        open_contents: Open = getattr(importlib.import_module(module), function)
    keep_in(options.cache)
    if options.world is not None:
        os.environ[WORLD] = str(options.world.resolve())
    os.environ[FIRST_SQL] = os.pathsep.join(str(file.resolve()) for file in options.first_sql)
    endpoints: Path = options.endpoints or directory.parent / "endpoints.json"

    def ready(found: dict[str, Any]) -> None:
        write_private(endpoints, json.dumps(found, indent=2) + "\n")
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()

    try:
        _act_as_deploy_user(directory, options.world, options.deploy_key or directory.parent / "deploy-key.pem")
        cloud = EmbeddedCloud(directory, open_contents, dict(options.port), options.chaos)
        asyncio.run(_serve(cloud, ready, options.watch_parent))
    except HeldError as held:
        sys.stderr.write(f"{directory} is {held}\n")
        return HELD
    except (CloudError, OSError) as refusal:
        sys.stderr.write(f"the embedded cloud cannot start: {refusal}\n")
        return 1
    endpoints.unlink(missing_ok=True)
    return 0


def _act_as_deploy_user(directory: Path, given: Path | None, key: Path) -> None:
    """Let a Snowflake provider that is configured with nothing log in as the deploy user.

    The real plugin takes what it is not configured with from its environment: here that is never the one of the shell.
    """
    from emulator.cloud import deploy_key

    world = world_of(directory, given)
    for name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
        del os.environ[name]
    os.environ |= {
        "SNOWFLAKE_ORGANIZATION_NAME": world.organization,
        "SNOWFLAKE_ACCOUNT_NAME": world.account,
        "SNOWFLAKE_USER": world.deploy_user,
        "SNOWFLAKE_AUTHENTICATOR": "SNOWFLAKE_JWT",
        "SNOWFLAKE_PRIVATE_KEY": deploy_key(key),
    }


async def _serve(cloud: Any, ready: Callable[[dict[str, Any]], None], watch_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_soon(*_: Any) -> None:
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_soon)
    if watch_parent:
        threading.Thread(target=_wait_for_end_of_input, args=(stop_soon,), daemon=True).start()
    await cloud.serve(stop, ready)


def _wait_for_end_of_input(then: Callable[[], None]) -> None:
    """The parent holds the other end of our standard input: it closes when the parent is gone, however it went."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    then()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="the cloud's state; made if missing")
    parser.add_argument("--endpoints", type=Path, help="where to write what listens where (beside the directory)")
    parser.add_argument("--deploy-key", type=Path, help="the deploy user's private key; made if missing (beside it)")
    parser.add_argument(
        "--port",
        type=_port,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="a fixed port: http, snowflake, azure-native, random or tls; repeatable (otherwise any free one)",
    )
    parser.add_argument(
        "--first-sql",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="statements that a new Snowflake account runs once, as ACCOUNTADMIN; repeatable",
    )
    parser.add_argument(
        "--world",
        type=Path,
        metavar="FILE",
        help="what the cloud is before anybody deploys: account, edition, existing resources (emulator/world.py)",
    )
    parser.add_argument(
        "--chaos",
        type=_chaos,
        default=os.environ.get(VARIABLE, ""),
        metavar="MODE:EVERY",
        help=f"trouble on purpose, such as fail-every:7 (emulator/chaos.py; {VARIABLE} unless given)",
    )
    parser.add_argument("--cache", type=Path, help="where to keep what the SDKs say of their types, for the next start")
    parser.add_argument("--watch-parent", action="store_true", help="stop when standard input closes")
    parser.add_argument("--contents", default="emulator.contents:open_contents", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _chaos(text: str) -> Chaos | None:
    try:
        return Chaos.of(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{VARIABLE}: {problem}") from None


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdigit() or not 0 <= int(number) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER")
    return name, int(number)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed: taking hundreds of thousands of objects apart would only keep the next run waiting.
    os._exit(code)
