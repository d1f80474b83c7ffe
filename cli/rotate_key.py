"""`nexus rotate-key`: the next key pair of a service user, with nobody locked out on the way."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from cli import configuration, deployment, options
from cli.console import say
from cli.deployment import Request
from cli.failure import BadInputError
from cli.place import ROOT, Place
from cli.run import execute

_HEADER = """\
# Which key pair of each service user is current: `nexus rotate-key` writes this. Generations count key pairs; an odd
# one has its public key in RSA_PUBLIC_KEY, an even one in RSA_PUBLIC_KEY_2. `since` is the day of the last rotation,
# and `rotating: true` marks one that is not finished: the next `nexus rotate-key` finishes it.
"""


def command(
    user: Annotated[str | None, typer.Option(help="The service user (otherwise the applications').")] = None,
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Move a service user to its next key pair: a new public key in the free slot, then the private one in the vault.

    The key that was current goes on to work until the next rotation takes its slot. A rotation that was interrupted is
    finished, not begun anew. It is a run of `up`: whatever else is declared and not there yet comes along.

    Example: nexus rotate-key --user AGENTNEXUS_SVC
    """
    from infra.settings import SettingsError, keys_file, load_settings

    overrides = set_ or []
    try:
        settings = load_settings(configuration.load(stack, overrides).get("config") or {}, ROOT)
    except SettingsError as error:
        raise BadInputError(str(error)) from None
    name = user or settings.snowflake.service_user.name
    if name not in settings.service_users:
        raise BadInputError(
            f"{name} has no key pair of this stack. Service users: {', '.join(settings.service_users)}."
        )
    embedded = deployment.is_embedded(stack)
    if embedded and not deployment.state_file(Place.of(stack)).exists():
        raise BadInputError(f"stack {stack!r} is not up, so there is no key to rotate: `./nexus up` brings it up.")
    file = Place.of(stack).keys if embedded else ROOT / keys_file(settings.environment)
    before = file.read_text(encoding="utf-8") if file.exists() else None
    entries: dict[str, Any] = {known: keys.model_dump(exclude_defaults=True) for known, keys in settings.keys.items()}
    entry = entries.setdefault(name, {})
    if entry.get("rotating"):
        say(f"Finishing the rotation of {name} to key pair {entry['generation']}, which was interrupted")
    else:
        entry |= {"generation": settings.key_generation(name) + 1, "rotating": True}
        say(f"Rotating {name} from key pair {entry['generation'] - 1} to {entry['generation']}")
        write(file, entries)
    try:
        execute(Request("up", stack, overrides=overrides), yes=yes, as_json=as_json)
    except BadInputError:
        # Nothing was begun: nobody agreed, or the run could not start. What was interrupted before stays so.
        if before is None:
            file.unlink()
        else:
            file.write_text(before, encoding="utf-8")
        raise
    entry.pop("rotating")
    entry["since"] = datetime.datetime.now(datetime.UTC).date()
    write(file, entries)
    say(f"{name}: key pair {entry['generation']} is current, and the one before it works until the next rotation.")
    if not embedded:
        say(f"Commit {file.name}: it is a part of what is declared.")


def write(file: Path, entries: dict[str, Any]) -> None:
    """Write the key pairs' file, whole or not at all."""
    new = file.with_suffix(".new")
    new.write_text(_HEADER + yaml.safe_dump(entries, sort_keys=True), encoding="utf-8")
    new.replace(file)
