"""Taking over what exists already: imported, protected, left standing when the stack goes."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Adoption:
    """`id` is the resource's. With `keep` it stays as it is found; without, the declaration is brought to bear on it.

    Without `keep`, the engine reads what is there and plans what differs as an ordinary change: the preview names each
    property with its value now and the declared one, and nothing is written before `up`. Where others use the resource
    still, begin with `keep`.
    """

    id: str
    keep: bool


def adopt(options: pulumi.ResourceOptions, adoption: Adoption | None) -> None:
    """Set the options of a resource that exists already; nothing where it does not."""
    if adoption is None:
        return
    options.import_ = adoption.id
    options.protect = True
    # It was there before the stack and serves others too.
    options.retain_on_delete = True
    # With `keep`, what is found stands: the declaration is not compared with it. Tags stand in any case: others set
    # them too (cost centres, Azure Policy), and Azure takes a declaration of some as the removal of all the rest.
    options.ignore_changes = ["*"] if adoption.keep else ["tags"]
