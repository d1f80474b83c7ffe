"""A session: who speaks, in which role, and from where unqualified names are resolved."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from emulator.snowflake.account.account import Account


@dataclass(slots=True, eq=False)
class Session:
    """One connection's state. Made by `Account.session`; changed by `Account.use_role` and its neighbours.

    `role` is the current account role, None where the user has none. `warehouse`, `database` and
    `schema` are stored names (one part each). `parameters` are the session's own settings, by their
    names in upper case. `query_id` is the statement under way.
    """

    account: Account
    user: str
    role: str | None
    secondary_roles: Literal["ALL", "NONE"] = "NONE"
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    session_id: int = field(default_factory=lambda: uuid.uuid4().int >> 80)
    query_id: str = ""
