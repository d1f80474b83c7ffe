"""Resource types that stand for an object with a name of its own: how it is looked for, and the id that imports it.

Source of the ids: the Import section of each class of pulumi_snowflake. Grants, attachments, tags on columns,
constraints and statements are no such objects: SQL's GRANT can be repeated, and what is granted beside the declaration
is told by `nexus drift`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cli.render import words

Name = tuple[str, ...]


def _quoted(name: Name) -> str:
    return ".".join(words.quoted(part) for part in name)


def _bare(name: Name) -> str:
    return name[-1]


def _bars(name: Name) -> str:
    return "|".join(name)


@dataclass(frozen=True, slots=True)
class Kind:
    """Snowflake's word for it, its plural in SHOW, and the id that imports it; None where the provider imports none.

    `parts` are those of its name: 1 in the account, 2 in a database, 3 in a schema. `holds_data` is what a person put
    in it, and nothing can make again.
    """

    word: str
    plural: str
    parts: int
    identity: Callable[[Name], str] | None = _quoted
    holds_data: bool = False


KINDS: Final = {
    "Database": Kind("DATABASE", "DATABASES", 1, holds_data=True),
    "Schema": Kind("SCHEMA", "SCHEMAS", 2, holds_data=True),
    "Table": Kind("TABLE", "TABLES", 3, _bars, holds_data=True),
    "View": Kind("VIEW", "VIEWS", 3),
    "Warehouse": Kind("WAREHOUSE", "WAREHOUSES", 1),
    "ResourceMonitor": Kind("RESOURCE MONITOR", "RESOURCE MONITORS", 1),
    "AccountRole": Kind("ROLE", "ROLES", 1),
    "DatabaseRole": Kind("DATABASE ROLE", "DATABASE ROLES", 2),
    "ServiceUser": Kind("USER", "USERS", 1),
    "User": Kind("USER", "USERS", 1),
    "NetworkPolicy": Kind("NETWORK POLICY", "NETWORK POLICIES", 1),
    "NetworkRule": Kind("NETWORK RULE", "NETWORK RULES", 3),
    "AuthenticationPolicy": Kind("AUTHENTICATION POLICY", "AUTHENTICATION POLICIES", 3),
    "PasswordPolicy": Kind("PASSWORD POLICY", "PASSWORD POLICIES", 3),
    "SessionPolicy": Kind("SESSION POLICY", "SESSION POLICIES", 3),
    "RowAccessPolicy": Kind("ROW ACCESS POLICY", "ROW ACCESS POLICIES", 3),
    "MaskingPolicy": Kind("MASKING POLICY", "MASKING POLICIES", 3),
    "Tag": Kind("TAG", "TAGS", 3),
    "Task": Kind("TASK", "TASKS", 3),
    "Alert": Kind("ALERT", "ALERTS", 3, _bars),
    "EmailNotificationIntegration": Kind("INTEGRATION", "INTEGRATIONS", 1, _bare),
    "FunctionPython": Kind("FUNCTION", "USER FUNCTIONS", 3, None),
    "ProcedurePython": Kind("PROCEDURE", "PROCEDURES", 3, None),
}

NO_OBJECT: Final = frozenset(
    {
        "AccountAuthenticationPolicyAttachment",
        "AccountParameter",
        "AccountPasswordPolicyAttachment",
        "AccountSessionPolicyAttachment",
        "Execute",
        "GrantAccountRole",
        "GrantApplicationRole",
        "GrantDatabaseRole",
        "GrantOwnership",
        "GrantPrivilegesToAccountRole",
        "GrantPrivilegesToDatabaseRole",
        "NetworkPolicyAttachment",
        "TagAssociation",
        "UserAuthenticationPolicyAttachment",
        "UserPublicKeys",
    }
)
"""Types that are in no list of `SHOW`: there is nothing under a name of theirs that could be made a second time."""

IDENTITY: Final[Sequence[str]] = ("database", "schema", "name")


def sql_name(name: Name) -> str:
    """The name as a statement has it."""
    return _quoted(name)
