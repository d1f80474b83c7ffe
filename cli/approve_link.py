"""`nexus approve-link`: let the edge into the environment.

Front Door reaches the apps by a private link. It asks for it when it is declared, and nothing passes until the
environment's owner has approved it, once. Azure approves none by itself, and makes up the connection's name, so it
cannot be declared: this looks up what waits, shows it, and approves it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import typer

from cli import deployment, options
from cli.access import declared_state
from cli.bootstrap import Az
from cli.cloud import Cloud, running
from cli.console import answer, console, interactive
from cli.failure import BadInputError, FailureError
from cli.place import Place

_ENVIRONMENT: Final = "azure-native:app:ManagedEnvironment"
_ORIGIN: Final = "azure-native:cdn:AFDOrigin"
_DESCRIPTION: Final = "NexusChat"


@dataclass(frozen=True, slots=True)
class Link:
    """A connection that waits: `asked` is what who asks for it wrote beside."""

    id: str
    asked: str


class Azure(Protocol):
    """Who is asked which connections to an environment wait, and approves one."""

    def waiting(self, environment: str) -> list[Link]: ...
    def approve(self, link: Link) -> None: ...


class RealAzure:
    """By Azure's own command line."""

    def __init__(self, az: Az) -> None:
        self._az = az

    def waiting(self, environment: str) -> list[Link]:
        """Raises `FailureError` where az does not say."""
        found = self._az.ask("network", "private-endpoint-connection", "list", "--id", environment)
        if not isinstance(found, list):
            raise FailureError(f"az does not tell the connections of {environment}: `az login` first.")
        states = [(one["id"], one["properties"]["privateLinkServiceConnectionState"]) for one in found]
        return [Link(id_, str(state.get("description") or "")) for id_, state in states if state["status"] == "Pending"]

    def approve(self, link: Link) -> None:
        approval = ("network", "private-endpoint-connection", "approve", "--id", link.id)
        self._az.change((*approval, "--description", _DESCRIPTION), f"the connection {link.id} is not approved")


class EmbeddedAzure:
    """As a person would in the embedded Azure."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def _by_hand(self, action: str, **arguments: str) -> dict[str, Any]:
        return self._cloud.control(
            "by-hand", {"package": "azure-native", "action": action, "arguments": dict(arguments)}
        )

    def waiting(self, environment: str) -> list[Link]:
        found = self._by_hand("private-links", environment=environment)["waiting"]
        return [Link(one["id"], one["description"]) for one in found]

    def approve(self, link: Link) -> None:
        self._by_hand("approve-private-link", id=link.id, description=_DESCRIPTION)


def command(
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
    every: Annotated[bool, typer.Option("--all", help="Also those that this stack did not ask for.")] = False,
) -> None:
    """Approve the private link by which the edge reaches the apps: once, after the first `up`.

    Example: ./nexus approve-link --stack prod
    """
    environment, ours = declared(stack)
    with ExitStack() as opened:
        azure = _azure(stack, opened)
        waiting = azure.waiting(environment)
        links = [link for link in waiting if every or link.asked in ours]
        others = len(waiting) - len(links)
        if not as_json:
            _tell(links, others)
        if links and not yes and not deployment.is_embedded(stack):
            if as_json or not interactive():
                raise BadInputError("nobody can be asked here: give --yes to approve what waits.")
            if not typer.confirm("Approve?", default=False):
                raise BadInputError("Nothing was approved.")
        for link in links:
            azure.approve(link)
    if as_json:
        answer({"stack": stack, "approved": [link.id for link in links], "left": others})
    elif links:
        console().print(f"{len(links)} approved: requests pass within minutes.", markup=False)


def declared(stack: str) -> tuple[str, Sequence[str]]:
    """The environment's id, and what the stack's own requests say. Raises `FailureError` where there is none."""
    resources = declared_state(stack).get("resources") or []
    environments = [one["id"] for one in resources if one["type"] == _ENVIRONMENT and not one.get("delete")]
    if not environments:
        raise FailureError(f"stack {stack!r} is not up: `./nexus up` brings it up.")
    links = [one["inputs"].get("sharedPrivateLinkResource") or {} for one in resources if one["type"] == _ORIGIN]
    return str(environments[0]), sorted({str(link["requestMessage"]) for link in links if "requestMessage" in link})


def _azure(stack: str, opened: ExitStack) -> Azure:
    if deployment.is_embedded(stack):
        return EmbeddedAzure(opened.enter_context(running(Place.of(stack))))
    az = shutil.which("az")
    if az is None:
        raise FailureError(
            "there is no az on PATH: `./nexus outputs edge.private_link` has the commands, for where there is one."
        )
    return RealAzure(Az(az))


def _tell(links: Sequence[Link], others: int) -> None:
    for link in links:
        console().print(f"{link.asked or '(no message)'} waits:\n  {link.id}", markup=False)
    if not links:
        console().print("Nothing of this stack waits for approval.", markup=False)
    if others:
        console().print(f"{others} more wait, asked for by somebody else: look at them before --all.", markup=False)
