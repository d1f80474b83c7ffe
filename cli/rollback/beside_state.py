"""A copy of each export beside the state of a real stack, where that lies in Azure: machines go, a pipeline's at once.

It is put into the state's own container, under `exports/`, by `az` as whoever deploys is logged in to it. The container
is closed, and keeps what is deleted for 90 days (`nexus bootstrap`).
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from cli.bootstrap import Az
from cli.console import say
from cli.failure import FailureError

if TYPE_CHECKING:
    from cli.rollback.updates import Update

FOLDER: Final = "exports"


def copy(update: Update, stack: str, most: int) -> None:
    """Put an update's two files beside the state, and keep no more than the newest `most`.

    Where the backend is none of Azure's there is nothing to do. Where it fails, that is told; on a machine that is
    thrown away (`CI` is set) it raises `FailureError`.
    """
    where = urlsplit(os.environ.get("PULUMI_BACKEND_URL", ""))
    account = parse_qs(where.query).get("storage_account", [""])[0]
    if where.scheme != "azblob":
        return
    try:
        found = shutil.which("az")
        if found is None or not account:
            raise FailureError("az is not installed" if found is None else "the backend's address names no account")
        _copy(Az(found), ("--account-name", account, "--auth-mode", "login"), where.netloc, update, stack, most)
    except FailureError as reason:
        told = f"the export of the state is not beside the state itself: {reason}"
        if os.environ.get("CI"):
            raise FailureError(f"{told}\nThis machine is thrown away, and it with it: nothing was begun.") from None
        say(f"{told}\nIt lies on this machine alone: {update.export.parent}")


def _copy(az: Az, login: tuple[str, ...], container: str, update: Update, stack: str, most: int) -> None:
    prefix = f"{FOLDER}/{stack}/"
    moment = f"{update.begun:%Y%m%dT%H%M%S%fZ}"
    in_container = (*login, "--container-name", container)
    for file, ending in ((update.export, ".state.json.gz"), (update.file, ".json")):
        blob = ("--name", f"{prefix}{moment}{ending}", "--file", str(file), "--overwrite", "true")
        az.change(("storage", "blob", "upload", *in_container, *blob), "it could not be written")
    known = az.ask("storage", "blob", "list", *in_container, "--prefix", prefix, "--query", "[].name")
    if not isinstance(known, list):
        raise FailureError("what lies there could not be listed")
    moments = sorted({str(name).removeprefix(prefix).partition(".")[0] for name in known})
    for old in (name for name in known if str(name).removeprefix(prefix).partition(".")[0] in moments[:-most]):
        az.change(("storage", "blob", "delete", *in_container, "--name", str(old)), "an old one could not be removed")
