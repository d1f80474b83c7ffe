"""What an embedded cloud is before anybody deploys: whose account, which edition, what exists on Azure already.

It comes as a JSON file, and is kept with the cloud from its first start on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from emulator.package import CloudError, EmbeddedPackage, Question
from emulator.private_file import write_private

VARIABLE: Final = "NEXUS_WORLD"
"""The variable that tells the contents where the file is."""
_KEPT: Final = "world.json"
_EDITIONS: Final = ("STANDARD", "ENTERPRISE", "BUSINESS_CRITICAL")


@dataclass(frozen=True, slots=True)
class World:
    """`azure` lists resources that exist, parents first, each as `{"type": …, "subscription": …, "inputs": {…}}` with a
    Pulumi type token; they are made once. `deploy_user` is the Snowflake user that deploys. `network_policies_enforced`
    is off where clients cannot come from the networks that Snowflake's network policies name: a rehearsal's all come
    from the loopback."""

    organization: str = "VIDEXA"
    account: str = "EMBEDDED"
    edition: str = "BUSINESS_CRITICAL"
    deploy_user: str = "NEXUS_DEPLOY"
    azure: tuple[Mapping[str, Any], ...] = ()
    network_policies_enforced: bool = True

    @classmethod
    def read(cls, file: Path) -> World:
        """Raises `CloudError` where it cannot be used."""
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            unknown = values.keys() - {field.name for field in fields(cls)}
            world = cls(**{**values, "azure": tuple(values.get("azure", ()))})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise CloudError(f"{file.name} does not describe an embedded cloud: {error}") from None
        if unknown:
            raise CloudError(f"{file.name} has what no embedded cloud has: {', '.join(sorted(unknown))}")
        if world.edition not in _EDITIONS:
            raise CloudError(f"{file.name}: the edition is one of {', '.join(_EDITIONS)}, not {world.edition!r}")
        return world

    def write(self, file: Path) -> None:
        write_private(file, json.dumps(asdict(self), indent=2))


def world_of(directory: Path, given: Path | None = None) -> World:
    """The world that the cloud in `directory` has at its next start: as given, else as it was, else the plain one."""
    kept = directory / _KEPT
    if given is not None:
        return World.read(given)
    return World.read(kept) if kept.exists() else World()


def settle(directory: Path, given: Path | None) -> World:
    """The world of the cloud in `directory`: as given, else as it was, else the plain one; kept for the next start.

    Raises `CloudError` where the account is somebody else's than before. (Its edition may change, as by Snowflake.)
    """
    kept = directory / _KEPT
    before = World.read(kept) if kept.exists() else None
    world = world_of(directory, given)
    if before is not None and (before.organization, before.account) != (world.organization, world.account):
        raise CloudError(
            f"it holds the account {before.organization}-{before.account}, and {world.organization}-{world.account} is "
            "asked for: `./nexus destroy` throws the old one away"
        )
    if world != before:
        world.write(kept)
    return world


def make_existing(package: EmbeddedPackage, resources: tuple[Mapping[str, Any], ...], done: Path) -> None:
    """Make what exists already, as somebody made it by hand; `done` is written once all of it is there."""
    if done.exists():
        return
    for resource in resources:
        type_, inputs = resource["type"], dict(resource["inputs"])
        configuration = package.configure({"subscriptionId": resource["subscription"]})
        question = Question(f"urn:pulumi:by-hand::by-hand::{type_}::by-hand", type_, "by-hand", configuration)
        checked = package.check(_with(question, inputs))
        if checked.failures:
            said = "; ".join(f"{failure.property}: {failure.reason}" for failure in checked.failures)
            raise CloudError(f"the existing {type_} cannot be: {said}")
        made = _with(question, checked.inputs)
        identity = package.identify(made)
        # After a kill half-way the first ones are there.
        if not (identity and package.read(Question(made.urn, type_, made.name, configuration, identity)).id):
            package.create(made)
    done.touch()


def _with(question: Question, inputs: dict[str, Any]) -> Question:
    return Question(question.urn, question.type, question.name, question.configuration, inputs=inputs)
