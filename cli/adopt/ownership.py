"""Whose the objects have to be: the role that declares one must own it, or it can neither see nor change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.adopt.find import ASKED_AS, Account, Found, Refused
from cli.connector import one_line
from cli.drift_grants import DeclaredGrants
from cli.failure import FailureError
from cli.render import words
from cli.render.script import Declared
from policies.graph.resources import identifier

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

_UNDER_ACCOUNTADMIN: Final = frozenset({"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN"})
_NOT_GRANTED: Final = frozenset({"RESOURCE MONITOR", "INTEGRATION", "NETWORK POLICY"})
"""Kinds of which SHOW tells no owner, or whose ownership is ACCOUNTADMIN's for good."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """One statement by which an object comes to the role that declares it, and the one that takes it back."""

    resource: str
    tenant: str | None
    owner: str
    to: str
    statement: str
    undo: str

    def as_json(self) -> dict[str, Any]:
        return {
            "resource": self.resource,
            "tenant": self.tenant,
            "owner": self.owner,
            "to": self.to,
            "statement": self.statement,
            "undo": self.undo,
        }


def hand_overs(
    found: Iterable[Found], account: Account, declared: Iterable[Declared]
) -> tuple[list[HandOver], list[Refused]]:
    """The statements that are needed, databases first; and what cannot be handed over yet.

    What belongs already to whom `declared` hands it to once it stands needs none.
    """
    needed, refused = [], []
    lasting = {name: owner[1] for name, owner in DeclaredGrants.of(declared).owners.items()}
    for each in found:
        if not each.owner or each.word in _NOT_GRANTED or each.owner == each.role:
            continue
        if lasting.get((each.word, identifier(each.written))) == each.owner:
            continue
        if each.role == ASKED_AS and each.owner in _UNDER_ACCOUNTADMIN:
            continue
        if not each.role or not account.has_role(each.role):
            refused.append(
                Refused(
                    each.resource,
                    each.tenant,
                    f"{each.word} {each.written} is {each.owner}'s and has to be {each.role or 'a new role'}'s, which "
                    "`./nexus up` makes first.",
                    f"It holds no data: see who is granted it (SHOW GRANTS OF {each.word} {each.written}), then\n"
                    f"DROP {each.word} {each.written};\nand `./nexus up` makes the declared one.",
                )
            )
            continue
        needed.append(
            HandOver(
                each.resource,
                each.tenant,
                each.owner,
                each.role,
                _statement(each, each.role),
                _statement(each, each.owner),
            )
        )
    return needed, refused


def _statement(of: Found, role: str) -> str:
    return f"GRANT OWNERSHIP ON {of.word} {of.written} TO ROLE {words.quoted(role)} COPY CURRENT GRANTS"


def carry_out(needed: Iterable[HandOver], cursor: SnowflakeCursor) -> None:
    """Run them one after the other; what is done already is not needed any more at the next time.

    Raises `FailureError` with the statement that is refused.
    """
    from snowflake.connector import Error

    for each in needed:
        try:
            cursor.execute(each.statement)
        except Error as error:
            raise FailureError(f"{each.statement};\nis refused to {ASKED_AS}: {one_line(error)}") from None
