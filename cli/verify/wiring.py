"""Whether everything that an app is told leads somewhere."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cli.verify.applications import Application
from cli.verify.report import Check, Report

KEY_BYTES = 32
"""Length of the key that the backend and the chat share."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an app's variables may lead to.

    `log_in` logs in as the backend's variables say, and returns what the session says of itself by the
    variable's name. `secrets` are the URIs of the secrets that exist. `entrances` are the edge's host names, each with
    the host that it leads to.
    """

    vault_uri: str
    secrets: Collection[str]
    models: Collection[str]
    log_in: Callable[[Mapping[str, str]], Mapping[str, str]]
    entrances: Mapping[str, str]


_MODEL = "SNOWFLAKE_CORTEX_MODEL"
_SNOWFLAKE = (
    "SNOWFLAKE_ACCOUNT",
    "SNOWFLAKE_USER",
    "SNOWFLAKE_ROLE",
    "SNOWFLAKE_WAREHOUSE",
    "SNOWFLAKE_DATABASE",
    "SNOWFLAKE_SCHEMA",
)


def standing(report: Report, outputs: Mapping[str, Any], apps: Sequence[Application]) -> None:
    """Add to `report`: each app is provisioned and has the address that the outputs tell."""
    with report.check("apps", "each container app", "provisioned, at the address that the outputs tell") as check:
        for app in apps:
            check.compare(app.name, "provisioning state", "Succeeded", app.state)
            check.compare(app.name, "FQDN", outputs["apps"][app.label]["fqdn"], app.fqdn)
            check.compare(app.name, "has a ready revision", True, bool(app.revision))


def wiring(report: Report, apps: Sequence[Application], around: Surroundings) -> None:
    """Add to `report`: each variable and each secret of each app leads to something that is there."""
    fqdns = {app.fqdn: app.name for app in apps if app.fqdn}
    vault_host = around.vault_uri.removeprefix("https://").strip("/")
    with report.check("wiring", "each URL in an app's variables", "an app of the stack, or its vault") as check:
        for app in apps:
            for variable, host in app.hosts():
                check.tried += 1
                if around.entrances.get(host, host) not in fqdns and host != vault_host:
                    check.fail(f"{app.name} {variable}", f"{host} is no app of the stack")
        check.found = f"{check.tried} URLs lead to an app or the vault"
    with report.check("wiring", "each secret that an app refers to", "exists in the vault") as check:
        for app in apps:
            _secrets(check, app, around.secrets)
        check.found = f"{check.tried} references lead to a secret"
    with report.check(
        "wiring", "identity, port, model and file in an app's variables", "those that are there"
    ) as check:
        for app in apps:
            _plain(check, app, around)
    for app in apps:
        told = {name: app.variables[name] for name in _SNOWFLAKE if name in app.variables}
        if not told:
            continue
        with report.check(
            "wiring", f"log in as {app.name}'s variables say, with its key from the vault", "account, user, role, …"
        ) as check:
            session = around.log_in(told)
            for name in _SNOWFLAKE:
                check.compare(f"{app.name} {name}", "the session's", told.get(name), session.get(name))
            check.found = ", ".join(told[name] for name in _SNOWFLAKE if name in told)


def _secrets(check: Check, app: Application, existing: Collection[str]) -> None:
    used = dict(app.secret_variables)
    used |= {f"{path}/{file}": secret for path, files in app.mounts.items() for file, secret in files.items()}
    own = {identity.id.lower() for identity in app.identities}
    for where, secret in used.items():
        check.tried += 1
        uri = app.secrets.get(secret)
        if uri is None:
            check.fail(f"{app.name} {where}", f"the app has no secret named {secret}")
        elif uri not in existing:
            check.fail(f"{app.name} {where}", f"{uri} does not exist")
        elif app.secret_identities[secret].lower() not in own:
            check.fail(f"{app.name} {where}", f"the identity that should read {secret} is not the app's")
    for secret in sorted(app.secrets.keys() - set(used.values())):
        check.fail(app.name, f"secret {secret} is given to the app, which uses it nowhere")


def _plain(check: Check, app: Application, around: Surroundings) -> None:
    told = app.variables
    if "AZURE_CLIENT_ID" in told:
        known = {identity.client_id for identity in app.identities}
        check.compare(f"{app.name} AZURE_CLIENT_ID", "an identity of the app", True, told["AZURE_CLIENT_ID"] in known)
    if "AZURE_KEY_VAULT_URL" in told:
        check.compare(f"{app.name} AZURE_KEY_VAULT_URL", "value", around.vault_uri, told["AZURE_KEY_VAULT_URL"])
    if "PORT" in told:
        check.compare(f"{app.name} PORT", "value", str(app.port), told["PORT"])
    if "MEILI_HTTP_ADDR" in told:
        port = told["MEILI_HTTP_ADDR"].rpartition(":")[2]
        check.compare(f"{app.name} MEILI_HTTP_ADDR", "port", str(app.port), port)
    if _MODEL in told:
        check.compare(f"{app.name} {_MODEL}", "an allowed model", True, told[_MODEL] in around.models)
    if "CONFIG_PATH" in told:
        directory, _, file = told["CONFIG_PATH"].rpartition("/")
        mounted = file in app.mounts.get(directory, {})
        check.compare(f"{app.name} CONFIG_PATH", "a file that is mounted", True, mounted)


def shared_key(
    report: Report, backend: Application, chat: Application, read: Callable[[Application, str], str | None]
) -> None:
    """Add to `report`: both sides of the shared key are one secret, and both read the same value.

    `read` fetches a secret's value as an app's identity would. Values are compared by digest and told to nobody.
    """
    here, there = "NEXUSCHAT_API_KEY", "AGENTNEXUS_API_KEY"
    with report.check(
        "shared key",
        f"{backend.name}'s {here} and {chat.name}'s {there}",
        f"the same secret, {KEY_BYTES} bytes, equal for both",
    ) as check:
        ours, theirs = backend.secret_uri(here), chat.secret_uri(there)
        check.compare(f"{chat.name} {there}", "secret", ours, theirs)
        if ours is None or theirs is None:
            return
        digests = []
        for app, uri in ((backend, ours), (chat, theirs)):
            value = read(app, uri)
            check.compare(uri, f"readable as {app.name}", True, value is not None)
            check.compare(uri, "length in bytes", KEY_BYTES, _length(value))
            digests.append(sha256((value or "").encode()).digest())
        check.compare(f"{chat.name} {there}", "equal to the backend's", True, hmac.compare_digest(*digests))


def _length(value: str | None) -> int | None:
    """The length of a key written in hexadecimal; None where it is none."""
    try:
        return len(bytes.fromhex(value or ""))
    except ValueError:
        return None
