"""Names of revisions: one for each image that runs, new whenever its template is, and known before it stands."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_random as random

from components.base import Component

#: Azure's limit on a revision's name: the app's, two hyphens, the suffix.
LONGEST_REVISION_NAME = 54
#: Characters that tell one template of an image from another.
UNIQUE = 8


@dataclass(frozen=True)
class Release:
    """A newer image beside the stable one: it takes `weight` per cent of the requests."""

    image: str
    weight: int


class Revisions:
    """The revisions of one app, as its settings have them.

    The newest image's revision is what the app's template makes. Each image has a suffix of its own, drawn anew when
    the newest one's template changes: Azure refuses a suffix that was there before, so one that is computed would
    forbid to go back to what once was. The others' suffixes stay, since they name what runs already.
    """

    def __init__(
        self, app_name: str, image: str, release: Release | None, previous: str | None, template: Mapping[str, Any]
    ) -> None:
        self.newest = release.image if release is not None else image
        self._app_name, self._stable, self._release = app_name, image, release
        self._images = list(dict.fromkeys(one for one in (self.newest, image, previous) if one is not None))
        self._template = template
        self._suffixes: dict[str, pulumi.Output[str]] = {}

    def declare(self, component: Component, name: str) -> None:
        """Declare a suffix for each image."""
        for image in self._images:
            options = component.child_options()
            if image != self.newest:
                options.ignore_changes = ["keepers"]
            drawn = component.child(
                random.RandomString(
                    f"{name}-revision-{_short(image)}",
                    length=UNIQUE,
                    upper=False,
                    special=False,
                    keepers={"template": template_digest({**self._template, "image": image})},
                    opts=options,
                )
            )
            self._suffixes[image] = pulumi.Output.concat(self._label(image), drawn.result)

    @property
    def suffix(self) -> pulumi.Output[str]:
        """The newest revision's."""
        return self._suffixes[self.newest]

    @property
    def mode(self) -> str:
        """Several revisions run only while there is more than one image: each costs its replicas."""
        return "Multiple" if len(self._images) > 1 else "Single"

    @property
    def serving(self) -> pulumi.Output[str]:
        """The name of the stable image's revision."""
        return pulumi.Output.concat(self._app_name, "--", self._suffixes[self._stable])

    @property
    def traffic(self) -> Sequence[tuple[pulumi.Output[str] | None, int]]:
        """Revision and weight in per cent; no revision means the newest."""
        if self._release is None:
            return [(None, 100)]
        return [(self.serving, 100 - self._release.weight), (None, self._release.weight)]

    def _label(self, image: str) -> str:
        """What of the image stands in its revisions' names: the tag, or the beginning of the digest."""
        _, at, digest = image.rpartition("@sha256:")
        text = digest if at else image.rpartition(":")[2]
        room = LONGEST_REVISION_NAME - len(self._app_name) - 2 - UNIQUE - 1
        slug = re.sub(r"[^a-z0-9]+", "-", text.lower())[: min(room, 16)].strip("-")
        # A revision's name is a host name's label: it begins with a letter.
        return f"{slug}-" if slug[:1].isalpha() else f"v{slug[: room - 1]}-"


def _short(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()[:8]


def template_digest(template: Mapping[str, Any]) -> pulumi.Output[str]:
    """One text for everything that a template says: another text is another revision."""
    return pulumi.Output.from_input(dict(template)).apply(
        lambda known: hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    )
