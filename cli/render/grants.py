"""GRANT and REVOKE: of privileges, of roles, of ownership. Granting again changes nothing."""

from __future__ import annotations

from typing import Final

from cli.render import words
from cli.render.objects import Inputs, Renderer


def _container(scope: str, block: Inputs) -> str:
    inner = words.only(block)
    plural = str(inner["objectTypePlural"]).upper()
    if inner.get("inDatabase"):
        return f"{scope} {plural} IN DATABASE {words.name(inner['inDatabase'])}"
    return f"{scope} {plural} IN SCHEMA {words.name(inner['inSchema'])}"


def target(inputs: Inputs) -> str:
    """What privileges are on. Raises `ValueError` for what cannot be told."""
    if inputs.get("onAccount"):
        return "ACCOUNT"
    if inputs.get("onDatabase"):
        return f"DATABASE {words.name(inputs['onDatabase'])}"
    if block := words.only(inputs.get("onSchema")):
        if block.get("schemaName"):
            return f"SCHEMA {words.name(block['schemaName'])}"
        if block.get("allSchemasInDatabase"):
            return f"ALL SCHEMAS IN DATABASE {words.name(block['allSchemasInDatabase'])}"
        return f"FUTURE SCHEMAS IN DATABASE {words.name(block['futureSchemasInDatabase'])}"
    for wire in ("onAccountObject", "onSchemaObject"):
        if block := words.only(inputs.get(wire)):
            return _one_or_many(block)
    raise ValueError("a grant on nothing")


def _one_or_many(block: Inputs) -> str:
    for wire, scope in (("all", "ALL"), ("future", "FUTURE")):
        if block.get(wire):
            return _container(scope, block[wire])
    kind, name = str(block["objectType"]).upper(), str(block["objectName"])
    if kind in ("FUNCTION", "PROCEDURE") and "(" in name:
        # The signature's brackets stand outside the quotes.
        return f"{kind} {name}"
    return f"{kind} {words.name(name)}"


class GrantPrivilegesRenderer(Renderer):
    """Privileges to an account role or a database role."""

    _ON: Final = frozenset({"onAccount", "onAccountObject", "onDatabase", "onSchema", "onSchemaObject"})

    def __init__(self, kind: str, wire: str) -> None:
        self._kind, self._wire = kind, wire
        self.known = self._ON | {wire, "privileges", "allPrivileges", "withGrantOption"}

    def create(self, inputs: Inputs) -> list[str]:
        option = " WITH GRANT OPTION" if inputs.get("withGrantOption") else ""
        return [f"GRANT {self._privileges(inputs)} ON {target(inputs)} TO {self._grantee(inputs)}{option}"]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        before, after = old.get("privileges") or [], new.get("privileges") or []
        added, gone = [p for p in after if p not in before], [p for p in before if p not in after]
        found = self.create({**new, "privileges": added}) if added or not after else []
        return [*found, *(self.delete({**old, "privileges": gone}, "") if gone else [])]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"REVOKE {self._privileges(inputs)} ON {target(inputs)} FROM {self._grantee(inputs)}"]

    def _grantee(self, inputs: Inputs) -> str:
        return f"{self._kind} {words.name(inputs[self._wire])}"

    @staticmethod
    def _privileges(inputs: Inputs) -> str:
        if inputs.get("allPrivileges"):
            return "ALL PRIVILEGES"
        return ", ".join(str(privilege) for privilege in inputs["privileges"])


class GrantRoleRenderer(Renderer):
    """A role to a role, a database role or a user."""

    _TO: Final = {
        "parentRoleName": "ROLE",
        "parentAccountRoleName": "ROLE",
        "parentDatabaseRoleName": "DATABASE ROLE",
        "userName": "USER",
    }

    def __init__(self, kind: str, wire: str) -> None:
        self._kind, self._wire = kind, wire
        self.known = frozenset({wire, *self._TO})

    def create(self, inputs: Inputs) -> list[str]:
        return [f"GRANT {self._role(inputs)} TO {self._receiver(inputs)}"]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"REVOKE {self._role(inputs)} FROM {self._receiver(inputs)}"]

    def _role(self, inputs: Inputs) -> str:
        return f"{self._kind} {words.name(inputs[self._wire])}"

    def _receiver(self, inputs: Inputs) -> str:
        for wire, kind in self._TO.items():
            if inputs.get(wire):
                return f"{kind} {words.name(inputs[wire])}"
        raise ValueError("a role to nobody")


class GrantOwnershipRenderer(Renderer):
    """Ownership; taking it back hands it to the role that takes it."""

    known = frozenset({"on", "accountRoleName", "databaseRoleName", "outboundPrivileges"})

    def create(self, inputs: Inputs) -> list[str]:
        if inputs.get("accountRoleName"):
            return [self._grant(inputs, f"ROLE {words.name(inputs['accountRoleName'])}")]
        return [self._grant(inputs, f"DATABASE ROLE {words.name(inputs['databaseRoleName'])}")]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        if not role:
            raise ValueError("ownership handed back to a role that nothing tells")
        return [self._grant(inputs, f"ROLE {words.name(role)}")]

    @staticmethod
    def _grant(inputs: Inputs, to: str) -> str:
        outbound = str(inputs.get("outboundPrivileges") or "").upper()
        current = f" {outbound} CURRENT GRANTS" if outbound else ""
        return f"GRANT OWNERSHIP ON {_one_or_many(words.only(inputs['on']))} TO {to}{current}"
