"""`nexus bootstrap`: where a real stack's state lies, and the key that its secrets are encrypted with.

Both stand before any stack does, so nothing can declare them: a storage account and a key vault in a resource group of
their own, made once with Azure's own command line. The vault's key never leaves it; the storage account knows no
shared key, only who is logged in. Every step is looked up first and done only where it is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
import yaml

from cli import configuration, deployment, engine, options
from cli.console import answer, console, interactive, say
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, TRIED

CONTAINER: Final = "pulumi-state"
KEY: Final = "pulumi-state"
DAYS: Final = 90
"""For how long what is deleted or overwritten can be brought back: the most that a vault offers."""
ROLES: Final = ("Storage Blob Data Contributor", "Key Vault Crypto Officer")
"""What whoever runs this needs on storage account and vault: to write the state, to make the key and to use it."""
PIPELINE_ROLES: Final = ("Storage Blob Data Contributor", "Key Vault Crypto User")
"""What the pipeline's identity needs: to write the state, and to use the key."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that has to be there: how to see whether it is, and how to make it. Both are arguments of `az`."""

    what: str
    look: Sequence[str]
    make: Sequence[str]
    expected: str | None = None
    """What the look-up says where it is there; None where its success is enough."""


@dataclass(frozen=True, slots=True)
class Names:
    """What is made, and where. A storage account's and a vault's names are unique in all of Azure."""

    subscription: str
    location: str
    group: str
    account: str
    vault: str

    @classmethod
    def of(cls, stack: str, subscription: str, location: str) -> Names:
        suffix = hashlib.sha256(subscription.lower().encode()).hexdigest()[:6]
        short = re.sub(r"[^a-z0-9]", "", stack.lower())[:8]
        return cls(
            subscription=subscription,
            location=location,
            group=f"rg-nexuschat-state-{short}",
            account=f"stnexus{short}{suffix}",
            vault=f"kv-nexus-{short}-{suffix}",
        )

    @property
    def backend(self) -> str:
        """The engine's address of the state."""
        return f"azblob://{CONTAINER}?storage_account={self.account}"

    @property
    def secrets_provider(self) -> str:
        return f"azurekeyvault://{self.vault}.vault.azure.net/keys/{KEY}"

    def scope(self, type_: str, name: str) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{type_}/{name}"


def steps(names: Names, deployer: str, pipeline: str | None = None) -> list[Step]:
    """Everything that has to be there, in order. `deployer` and `pipeline` are object ids of who writes the state."""
    of_account = ("--account-name", names.account, "--auth-mode", "login")
    in_group = ("--resource-group", names.group)
    subscription = ("--subscription", names.subscription)
    storage = names.scope("Microsoft.Storage/storageAccounts", names.account)
    vault = names.scope("Microsoft.KeyVault/vaults", names.vault)
    return [
        Step(
            "the resource group of the state",
            ("group", "exists", "--name", names.group, *subscription),
            ("group", "create", "--name", names.group, "--location", names.location, *subscription),
            expected="true",
        ),
        Step(
            "the storage account, without shared keys and without a public container",
            ("storage", "account", "show", "--name", names.account, *in_group, *subscription),
            (
                *("storage", "account", "create", "--name", names.account, *in_group, "--location", names.location),
                *("--kind", "StorageV2", "--sku", "Standard_ZRS", "--https-only", "true"),
                *("--min-tls-version", "TLS1_2", "--allow-blob-public-access", "false"),
                *("--allow-shared-key-access", "false", *subscription),
            ),
        ),
        Step(
            f"versions of the state, and {DAYS} days to bring back what was deleted",
            (
                *("storage", "account", "blob-service-properties", "show", "--account-name", names.account, *in_group),
                *("--query", "isVersioningEnabled && deleteRetentionPolicy.enabled", *subscription),
            ),
            (
                *("storage", "account", "blob-service-properties", "update", "--account-name", names.account),
                *(*in_group, "--enable-versioning", "true"),
                *("--enable-delete-retention", "true", "--delete-retention-days", str(DAYS)),
                *("--enable-container-delete-retention", "true", "--container-delete-retention-days", str(DAYS)),
                *subscription,
            ),
            expected="true",
        ),
        Step(
            "the vault of the state's key, with purge protection",
            ("keyvault", "show", "--name", names.vault, *in_group, *subscription),
            (
                *("keyvault", "create", "--name", names.vault, *in_group, "--location", names.location),
                *("--enable-rbac-authorization", "true", "--enable-purge-protection", "true"),
                *("--retention-days", str(DAYS), *subscription),
            ),
        ),
        *_rights(ROLES, deployer, "who deploys", (storage, vault), subscription),
        *(_rights(PIPELINE_ROLES, pipeline, "the pipeline", (storage, vault), subscription) if pipeline else ()),
        Step(
            "the container of the state",
            ("storage", "container", "exists", "--name", CONTAINER, *of_account, "--query", "exists", *subscription),
            ("storage", "container", "create", "--name", CONTAINER, *of_account, *subscription),
            expected="true",
        ),
        Step(
            "the key",
            ("keyvault", "key", "show", "--name", KEY, "--vault-name", names.vault, *subscription),
            (
                *("keyvault", "key", "create", "--name", KEY, "--vault-name", names.vault),
                *("--kty", "RSA", "--size", "3072", "--ops", "encrypt", "decrypt", *subscription),
            ),
        ),
    ]


def _rights(
    roles: Sequence[str], principal: str, who: str, scopes: Sequence[str], subscription: Sequence[str]
) -> list[Step]:
    """An assignment of each role at its scope."""
    return [
        Step(
            f"{role} for {who}",
            (
                *("role", "assignment", "list", "--assignee", principal, "--role", role, "--scope", scope),
                *("--query", "length(@) > `0`", *subscription),
            ),
            (
                *("role", "assignment", "create", "--assignee-object-id", principal),
                # Said outright, az does not look the principal up in the directory, which a pipeline may not do.
                *(("--assignee-principal-type", "ServicePrincipal") if roles == PIPELINE_ROLES else ()),
                *("--role", role, "--scope", scope, *subscription),
            ),
            expected="true",
        )
        for role, scope in zip(roles, scopes, strict=True)
    ]


def command(
    stack: Annotated[str, typer.Option("--stack", "-s", help="A real stack: its settings are in Pulumi.<stack>.yaml.")],
    yes: options.Yes = False,
    as_json: options.Json = False,
    print_: Annotated[bool, typer.Option("--print", help="Only print the commands, for somebody else to run.")] = False,
    deployer: Annotated[
        str | None, typer.Option(metavar="OBJECT-ID", help="Who writes the state (otherwise who is logged in to az).")
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(metavar="OBJECT-ID", help="The pipeline's identity too: outputs deploy_identity.principal_id."),
    ] = None,
) -> None:
    """Make the place of a real stack's state and its key, once: shows each az command that is due, asks, runs it.

    Run again it does what is missing, and nothing where all is there. Without az it prints the commands.

    Example: ./nexus bootstrap --stack prod
    """
    # Where a real stack is tried on an embedded cloud, nothing is made for it, and the commands can be read.
    if deployment.is_embedded(stack) and not (print_ and stack in TRIED):
        raise BadInputError(f"stack {stack!r} is an embedded one: its state lies in its own folder.")
    names = names_of(stack)
    az = shutil.which("az")
    if az is None or print_:
        if az is None and not print_:
            say("There is no az on PATH: these are the commands, for where there is one.")
        unknown = "$(az ad signed-in-user show --query id --output tsv)"
        _print(stack, names, deployer or unknown, pipeline, as_json=as_json)
        return
    tool = Az(az)
    who = deployer or tool.ask("ad", "signed-in-user", "show", "--query", "id")
    if not isinstance(who, str):
        raise FailureError("az does not say who is logged in: `az login` first, or give --deployer.")
    missing = [step for step in steps(names, who, pipeline) if not tool.is_there(step)]
    initialised = bool(_secrets_provider(stack))
    if not as_json:
        _tell(missing, initialised, stack, names)
    if (missing or not initialised) and not yes:
        if as_json or not interactive():
            raise BadInputError("nobody can be asked here: give --yes once the commands have been read (--print).")
        if not typer.confirm("Run them?", default=False):
            raise BadInputError("Nothing was made.")
    for step in missing:
        if not as_json:
            console().print(f"[green]+[/] {step.what}")
        tool.make(step)
    if not initialised:
        _initialise(stack, names)
    _conclude(stack, names, [step.what for step in missing], initialised=initialised, as_json=as_json)


def names_of(stack: str) -> Names:
    """What the stack's configuration says. Raises `BadInputError` where the subscription is not filled in."""
    azure = (configuration.load(stack).get("config") or {}).get(f"{configuration.project()}:azure") or {}
    subscription = azure.get("subscription_id")
    if not subscription:
        raise BadInputError(
            f"Pulumi.{stack}.yaml leaves azure.subscription_id empty, and the names are made from it: fill it in first."
        )
    return Names.of(stack, str(subscription), str(azure.get("location") or "centralus"))


class Az:
    """Azure's own command line, as the user is logged in to it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def ask(self, *arguments: str) -> Any:
        """Its answer; None where it fails, for whatever reason."""
        done = self._run(arguments)
        if done.returncode:
            return None
        try:
            return json.loads(done.stdout or "null")
        except ValueError:
            return None

    def is_there(self, step: Step) -> bool:
        """Whether a step is done already."""
        found = self.ask(*step.look)
        return found is not None if step.expected is None else found == json.loads(step.expected)

    def make(self, step: Step) -> None:
        """Raises `FailureError` with what az said."""
        self.change(
            step.make,
            f"{step.what} could not be made",
            "Rights that were just given take minutes to count: run it again, it goes on from here.",
        )

    def change(self, arguments: Sequence[str], otherwise: str, more: str = "") -> None:
        """Raises `FailureError` saying `otherwise`, the command, what az said, and `more`."""
        done = self._run(arguments)
        if done.returncode:
            said = (f"{otherwise}:", f"  {shown(arguments)}", done.stderr.strip(), more)
            raise FailureError("\n".join(part for part in said if part))

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._path, *arguments, "--output", "json", "--only-show-errors"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def shown(arguments: Sequence[str]) -> str:
    return shlex.join(["az", *arguments])


def variables(names: Names) -> dict[str, str]:
    """What the engine needs to reach the state: the log-in is az's own."""
    return {"PULUMI_BACKEND_URL": names.backend, "AZURE_KEYVAULT_AUTH_VIA_CLI": "true"}


def _init_arguments(stack: str, names: Names) -> list[str]:
    return ["stack", "init", stack, "--no-select", "--non-interactive", "--secrets-provider", names.secrets_provider]


def _secrets_provider(stack: str) -> str | None:
    """What the stack's file says its secrets are encrypted by; None before the stack is made."""
    found = configuration.load(stack).get("secretsprovider")
    return str(found) if found else None


def _initialise(stack: str, names: Names) -> None:
    """Have the engine make the stack there, which writes the encrypted key of its secrets into the stack's file."""
    done = subprocess.run(
        [str(engine.acquire(say).path), *_init_arguments(stack, names)],
        cwd=ROOT,
        env={**os.environ, **variables(names), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FailureError(f"the engine cannot make stack {stack!r} in {names.backend}:\n{done.stderr.strip()}")


def _tell(missing: Sequence[Step], initialised: bool, stack: str, names: Names) -> None:
    for step in missing:
        console().print(f"# {step.what}", markup=False, style="dim")
        console().print(shown(step.make), markup=False)
    if not initialised:
        console().print("# the stack itself", markup=False, style="dim")
        console().print(shlex.join(["pulumi", *_init_arguments(stack, names)]), markup=False)


def _print(stack: str, names: Names, deployer: str, pipeline: str | None, *, as_json: bool) -> None:
    """All commands as a script, which does everything whether it is there or not."""
    todo = steps(names, deployer, pipeline)
    if as_json:
        answer({"stack": stack, "variables": variables(names), "commands": [["az", *step.make] for step in todo]})
        return
    for step in todo:
        console().print(f"# {step.what}", markup=False)
        # What the shell has to fill in is not quoted away.
        line = shown(step.make).replace(shlex.quote(deployer), f'"{deployer}"')
        console().print(f"{shown(step.look)} || \\\n  {line}" if step.expected is None else line, markup=False)
    console().print("# the stack itself", markup=False)
    for name, value in variables(names).items():
        console().print(f"export {name}={shlex.quote(value)}", markup=False)
    console().print(shlex.join(["pulumi", *_init_arguments(stack, names)]), markup=False)


def _conclude(stack: str, names: Names, made: Sequence[str], *, initialised: bool, as_json: bool) -> None:
    settings: Mapping[str, Any] = yaml.safe_load(configuration.stack_file(stack).read_text(encoding="utf-8")) or {}
    if as_json:
        answer(
            {
                "stack": stack,
                "made": list(made),
                "initialised": not initialised,
                "variables": variables(names),
                "secrets_provider": settings.get("secretsprovider"),
            }
        )
        return
    if not made and initialised:
        console().print("Everything is there.", markup=False)
    if not initialised:
        console().print(
            f"Commit Pulumi.{stack}.yaml: it names the key, and holds the stack's own key encrypted by it.",
            markup=False,
        )
    console().print("In the shell that deploys:", markup=False)
    for name, value in variables(names).items():
        console().print(f"  export {name}={shlex.quote(value)}", markup=False)
