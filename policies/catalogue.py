"""Every policy of the pack, in the order in which reports show them."""

from __future__ import annotations

from typing import Final

from policies.azure import containers, edge, storage, vault, watch
from policies.deployment import declaration, exceptions, tenants
from policies.deployment.exceptions import EXCEPTIONS_POLICY
from policies.policy import Policy
from policies.snowflake import access, cost, data

__all__ = ["EXCEPTIONS_POLICY", "POLICIES"]

POLICIES: Final[tuple[Policy, ...]] = (
    *vault.POLICIES,
    *containers.POLICIES,
    *edge.POLICIES,
    *storage.POLICIES,
    *watch.POLICIES,
    *access.POLICIES,
    *data.POLICIES,
    *cost.POLICIES,
    *declaration.POLICIES,
    *tenants.POLICIES,
    *exceptions.POLICIES,
)
