"""What every component here shares: fresh child options, and a list of what it declared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

import pulumi

Child = TypeVar("Child", bound=pulumi.Resource)


class Component(pulumi.ComponentResource):
    """A component that can be awaited as a whole.

    Children get options of their own instead of a merge of the component's, which would land the
    component's aliases, imports and ignored changes on each of them.
    """

    def __init__(self, type_token: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(type_token, name, {}, opts)
        self._declared: list[pulumi.Resource] = [self]

    def child(self, resource: Child) -> Child:
        """Note a child as declared, and hand it back."""
        self._declared.append(resource)
        if isinstance(resource, Component):
            self._declared.extend(resource._declared[1:])
        return resource

    def child_options(
        self,
        provider: pulumi.ProviderResource | None = None,
        *,
        protect: bool | None = None,
        delete_before_replace: bool | None = None,
        depends_on: Sequence[pulumi.Resource] | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of one child: this component as its parent and what is said here, nothing else."""
        return pulumi.ResourceOptions(
            parent=self,
            provider=provider,
            # Unset rather than False: an explicit False is one more thing for the engine to carry.
            protect=protect or None,
            delete_before_replace=delete_before_replace,
            depends_on=list(depends_on) if depends_on else None,
        )

    async def registered(self) -> None:
        """Wait until the engine has answered for the component and every child."""
        await asyncio.gather(*(resource.urn.future() for resource in self._declared))

    @property
    def declared(self) -> Sequence[pulumi.Resource]:
        """The component itself and every resource under it, in the order of declaration."""
        return tuple(self._declared)
