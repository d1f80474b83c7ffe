"""Grants of privileges, of roles and of ownership.

The formats of the ids are those of terraform-provider-snowflake, for instance
`"ROLE"|false|false|USAGE|OnAccountObject|DATABASE|"DB"`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import Grantee, GrantTarget, ObjectName, SnowflakeError
from emulator.snowflake.account.model import singular
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.resources.identifiers import bare, join, reference, split
from emulator.snowflake.resources.properties import as_list, only

# How many parts the names of the kinds have that can be granted on; schema objects have three.
_ACCOUNT_KINDS = frozenset(
    {
        "COMPUTE POOL",
        "DATABASE",
        "EXTERNAL VOLUME",
        "FAILOVER GROUP",
        "INTEGRATION",
        "NETWORK POLICY",
        "REPLICATION GROUP",
        "RESOURCE MONITOR",
        "ROLE",
        "SHARE",
        "USER",
        "WAREHOUSE",
    }
)
_DATABASE_KINDS = frozenset({"SCHEMA", "DATABASE ROLE"})


def _parts(kind: str) -> int:
    return 1 if kind in _ACCOUNT_KINDS else 2 if kind in _DATABASE_KINDS else 3


def _object(kind: str, text: str) -> ObjectName:
    return reference(text, _parts(kind), kind.lower())


def _database(text: str) -> ObjectName:
    return reference(text, 1, "a database")


def _schema(text: str) -> ObjectName:
    return reference(text, 2, "a schema")


def _plural(kind: str) -> str:
    return kind[:-1] + "IES" if kind.endswith("Y") else kind + "S"


@dataclass(frozen=True, slots=True)
class _On:
    """What a grant is on: for the account's operation, and as the id says it."""

    target: GrantTarget
    words: tuple[str, ...]


def _in_container(scope: Literal["all", "future"], block: Mapping[str, Any]) -> tuple[GrantTarget, tuple[str, ...]]:
    """`{objectTypePlural, inDatabase | inSchema}` as a target and as the id's words."""
    kind = singular(str(block["objectTypePlural"]))
    make = GrantTarget.all if scope == "all" else GrantTarget.future
    if block.get("inDatabase"):
        container = _database(block["inDatabase"])
        where = "InDatabase"
    elif block.get("inSchema"):
        container = _schema(block["inSchema"])
        where = "InSchema"
    else:
        raise CloudError(f"a grant on {scope} objects needs inDatabase or inSchema: Snowflake grants none account-wide")
    return make(kind, container), (_plural(kind), where, container.sql())


def _on(inputs: Mapping[str, Any]) -> _On:
    """The target of a GrantPrivilegesTo… resource."""
    if inputs.get("onAccount"):
        return _On(GrantTarget.account(), ("OnAccount",))
    if block := only(inputs.get("onAccountObject")):
        kind = str(block["objectType"]).upper()
        name = _object(kind, block["objectName"])
        return _On(GrantTarget.on(kind, name), ("OnAccountObject", kind, name.sql()))
    if database := inputs.get("onDatabase"):
        name = _database(database)
        return _On(GrantTarget.on("DATABASE", name), ("OnDatabase", name.sql()))
    if block := only(inputs.get("onSchema")):
        return _on_schema(block)
    if block := only(inputs.get("onSchemaObject")):
        return _on_schema_object(block)
    raise CloudError("the grant says nothing that it is on")


def _on_schema(block: Mapping[str, Any]) -> _On:
    if block.get("schemaName"):
        name = _schema(block["schemaName"])
        return _On(GrantTarget.on("SCHEMA", name), ("OnSchema", "OnSchema", name.sql()))
    if block.get("allSchemasInDatabase"):
        name = _database(block["allSchemasInDatabase"])
        return _On(GrantTarget.all("SCHEMAS", name), ("OnSchema", "OnAllSchemasInDatabase", name.sql()))
    if block.get("futureSchemasInDatabase"):
        name = _database(block["futureSchemasInDatabase"])
        return _On(GrantTarget.future("SCHEMAS", name), ("OnSchema", "OnFutureSchemasInDatabase", name.sql()))
    raise CloudError(f"the embedded Snowflake does not build the grant on a schema with {sorted(block)} yet")


def _on_schema_object(block: Mapping[str, Any]) -> _On:
    if block.get("objectName"):
        kind = str(block["objectType"]).upper()
        name = _object(kind, block["objectName"])
        return _On(GrantTarget.on(kind, name), ("OnSchemaObject", "OnObject", kind, name.sql()))
    for scope, word in (("all", "OnAll"), ("future", "OnFuture")):
        if inner := only(block.get(scope)):
            target, words = _in_container("all" if scope == "all" else "future", inner)
            return _On(target, ("OnSchemaObject", word, *words))
    raise CloudError(f"the embedded Snowflake does not build the grant on schema objects with {sorted(block)} yet")


def _on_from_words(words: list[str]) -> dict[str, Any]:
    """The inputs that an imported id's words stand for."""
    kind, rest = words[0], words[1:]
    if kind == "OnAccount":
        return {"onAccount": True}
    if kind == "OnAccountObject" and len(rest) == 2:
        return {"onAccountObject": {"objectType": rest[0], "objectName": bare(rest[1])}}
    if kind == "OnDatabase" and len(rest) == 1:
        return {"onDatabase": bare(rest[0])}
    if kind == "OnSchema" and len(rest) == 2:
        wire = {
            "OnSchema": "schemaName",
            "OnAllSchemasInDatabase": "allSchemasInDatabase",
            "OnFutureSchemasInDatabase": "futureSchemasInDatabase",
        }.get(rest[0])
        if wire is not None:
            return {"onSchema": {wire: rest[1] if wire == "schemaName" else bare(rest[1])}}
    if kind == "OnSchemaObject" and len(rest) == 3 and rest[0] == "OnObject":
        return {"onSchemaObject": {"objectType": rest[1], "objectName": rest[2]}}
    if kind == "OnSchemaObject" and len(rest) == 4 and rest[0] in {"OnAll", "OnFuture"}:
        return {"onSchemaObject": {"all" if rest[0] == "OnAll" else "future": _block_from_words(rest[1:])}}
    raise CloudError(f"unexpected grant in the id: {join(*words)!r}")


def _block_from_words(words: list[str]) -> dict[str, Any]:
    plural, where, container = words
    if where == "InDatabase":
        return {"objectTypePlural": plural, "inDatabase": bare(container)}
    return {"objectTypePlural": plural, "inSchema": container}


class GrantPrivilegesHandler(Handler):
    """GrantPrivilegesToAccountRole and GrantPrivilegesToDatabaseRole."""

    def __init__(self, to: Literal["ROLE", "DATABASE_ROLE"]) -> None:
        self._to = to
        self._wire = "accountRoleName" if to == "ROLE" else "databaseRoleName"

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        if inputs.get("strictPrivilegeManagement"):
            raise CloudError("the embedded Snowflake does not build `strictPrivilegeManagement` yet: leave it out")
        on = _on(inputs)
        self._grant(connection, inputs, on, self._privileges(inputs))
        return self.identify(inputs), self._outputs(inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs = question.inputs or self._inputs_from_id(question.id)
        on, grantee = _on(inputs), self._grantee(inputs)
        account = connection.account
        if account.visible(connection.session, grantee.object_kind, grantee.name) is None:
            return ReadAnswer()
        anchor = _anchor(on.target)
        if anchor is not None and account.visible(connection.session, *anchor) is None:
            return ReadAnswer()
        # What ALL covered at the time of the grant cannot be told from the grants that there are.
        if on.target.scope != "ALL" and not inputs.get("allPrivileges"):
            held = self._held(connection, on.target, grantee, bool(inputs.get("withGrantOption")))
            inputs = {**inputs, "privileges": [p for p in as_list(inputs["privileges"]) if _shown(p) in held]}
        return ReadAnswer(question.id, inputs, self._outputs(inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        old, new = question.old_inputs, question.inputs
        on, account, session = _on(new), connection.account, connection.session
        before, after = self._privileges(old), self._privileges(new)
        if new.get("alwaysApply"):
            self._grant(connection, new, on, after)
        if before == "ALL" and after != "ALL":
            account.revoke_privileges(session, "ALL", on.target, self._grantee(new))
            before = []
        if after == "ALL":
            if before != "ALL":
                self._grant(connection, new, on, "ALL")
        else:
            added = [p for p in after if p not in before]
            removed = [p for p in before if p not in after]
            if added:
                self._grant(connection, new, on, added)
            if removed:
                account.revoke_privileges(session, removed, on.target, self._grantee(new))
        return self._outputs(new)

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or self._inputs_from_id(question.id)
        on, grantee = _on(inputs), self._grantee(inputs)
        privileges = self._privileges(inputs)
        if not privileges:
            return
        with _gone_is_fine(connection, grantee, on.target):
            connection.account.revoke_privileges(connection.session, privileges, on.target, grantee)

    def _grantee(self, inputs: Mapping[str, Any]) -> Grantee:
        parts = 1 if self._to == "ROLE" else 2
        return Grantee(self._to, reference(inputs[self._wire], parts, self._wire))

    @staticmethod
    def _privileges(inputs: Mapping[str, Any]) -> list[str] | Literal["ALL"]:
        if inputs.get("allPrivileges"):
            return "ALL"
        return [str(p) for p in as_list(inputs.get("privileges") or [])]

    def _grant(
        self, connection: Connection, inputs: Mapping[str, Any], on: _On, privileges: list[str] | Literal["ALL"]
    ) -> None:
        connection.account.grant_privileges(
            connection.session,
            privileges,
            on.target,
            self._grantee(inputs),
            with_grant_option=bool(inputs.get("withGrantOption")),
        )

    @staticmethod
    def _held(connection: Connection, target: GrantTarget, grantee: Grantee, option: bool) -> set[str]:
        if target.scope == "FUTURE":
            assert target.container is not None
            grants = [g for g in connection.account.future_grants(target.container) if g.kind == target.kind]
        else:
            grants = connection.account.grants_on(target.kind, target.name)
        return {g.privilege for g in grants if g.grantee == grantee and g.grant_option == option}

    def identify(self, inputs: dict[str, Any]) -> str:
        privileges = self._privileges(inputs)
        return join(
            self._grantee(inputs).name.sql(),
            _word(inputs.get("withGrantOption")),
            _word(inputs.get("alwaysApply")),
            "ALL" if privileges == "ALL" else ",".join(privileges),
            *_on(inputs).words,
        )

    def _inputs_from_id(self, identity: str) -> dict[str, Any]:
        parts = split(identity, 5, "<role>|<with grant option>|<always apply>|<privileges>|<kind of grant>|…")
        role = reference(parts[0], 1 if self._to == "ROLE" else 2, self._wire)
        inputs: dict[str, Any] = {self._wire: role.name if self._to == "ROLE" else role.sql()}
        if parts[1] == "true":
            inputs["withGrantOption"] = True
        if parts[2] == "true":
            inputs["alwaysApply"] = True
        if parts[3] in {"ALL", "ALL PRIVILEGES"}:
            inputs["allPrivileges"] = True
        else:
            inputs["privileges"] = parts[3].split(",")
        return {**inputs, **_on_from_words(parts[4:])}

    @staticmethod
    def _outputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
        # A trigger of its own each time is what makes such a grant differ from the program again and again.
        trigger = {"alwaysApplyTrigger": str(uuid.uuid4())} if inputs.get("alwaysApply") else {}
        return {**inputs, **trigger}


def _word(value: Any) -> str:
    return "true" if value else "false"


def _shown(privilege: str) -> str:
    """How SHOW GRANTS writes a privilege."""
    return "USAGE" if privilege.upper() == "IMPORTED PRIVILEGES" else privilege.upper()


def _anchor(target: GrantTarget) -> tuple[str, ObjectName] | None:
    """What has to exist for the grant to exist."""
    if target.scope == "OBJECT" and target.name is not None:
        return target.kind, target.name
    if target.container_kind is not None and target.container is not None:
        return target.container_kind, target.container
    return None


class _gone_is_fine:  # noqa: N801 - it reads as a statement
    """Passes over a refusal to revoke where the grantee or the target is not there any more."""

    def __init__(self, connection: Connection, grantee: Grantee, target: GrantTarget | None) -> None:
        self._account = connection.account
        self._needed = [(grantee.object_kind, grantee.name)]
        if target is not None and (anchor := _anchor(target)) is not None:
            self._needed.append(anchor)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        if not isinstance(error, SnowflakeError):
            return False
        return any(self._account.find(*needed) is None for needed in self._needed)


class GrantRoleHandler(Handler):
    """GrantAccountRole, GrantDatabaseRole and GrantApplicationRole: a role to a role, a user or a share."""

    def __init__(self, role: Literal["ROLE", "DATABASE_ROLE", "APPLICATION_ROLE"]) -> None:
        self._kind = role
        self._wire = {"ROLE": "roleName", "DATABASE_ROLE": "databaseRoleName"}.get(role, "applicationRoleName")

    # The wire's names of those who may receive it, with the id's word and the grantee's kind.
    _receivers: tuple[tuple[str, str, Literal["ROLE", "DATABASE_ROLE", "USER", "SHARE"]], ...] = (
        ("parentAccountRoleName", "ACCOUNT_ROLE", "ROLE"),
        ("parentRoleName", "ROLE", "ROLE"),
        ("parentDatabaseRoleName", "DATABASE ROLE", "DATABASE_ROLE"),
        ("userName", "USER", "USER"),
        ("shareName", "SHARE", "SHARE"),
    )

    def identify(self, inputs: dict[str, Any]) -> str:
        word, receiver = self._receiver(inputs)
        return join(self._role(inputs).name.sql(), word, receiver.name.sql())

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        role, (_, receiver) = self._role(question.inputs), self._receiver(question.inputs)
        connection.account.grant_role(connection.session, role, receiver)
        return self.identify(question.inputs), dict(question.inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs = question.inputs or self._inputs_from_id(question.id)
        role, (_, receiver) = self._role(inputs), self._receiver(inputs)
        if connection.account.visible(connection.session, role.object_kind, role.name) is None:
            return ReadAnswer()
        if not any(grant.grantee == receiver for grant in connection.account.grants_of(role)):
            return ReadAnswer()
        return ReadAnswer(question.id, dict(inputs), dict(inputs))

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or self._inputs_from_id(question.id)
        role, (_, receiver) = self._role(inputs), self._receiver(inputs)
        with _gone_is_fine(connection, receiver, GrantTarget.on(role.object_kind, role.name)):
            connection.account.revoke_role(connection.session, role, receiver)

    def _role(self, inputs: Mapping[str, Any]) -> Grantee:
        return Grantee(self._kind, reference(inputs[self._wire], 1 if self._kind == "ROLE" else 2, self._wire))

    def _receiver(self, inputs: Mapping[str, Any]) -> tuple[str, Grantee]:
        for wire, word, kind in self._receivers:
            if inputs.get(wire):
                parts = 2 if kind == "DATABASE_ROLE" else 1
                return word, Grantee(kind, reference(inputs[wire], parts, wire))
        if inputs.get("applicationName"):
            raise SnowflakeError.unsupported("granting an application role to an application")
        raise CloudError("the grant names nobody that the role is granted to")

    def _inputs_from_id(self, identity: str) -> dict[str, Any]:
        role, word, receiver = split(identity, 3, "<role>|<kind of grantee>|<grantee>")[:3]
        for wire, known, _ in self._receivers:
            if word == known:
                return {
                    self._wire: bare(role) if self._kind == "ROLE" else role,
                    wire: receiver if known == "DATABASE ROLE" else bare(receiver),
                }
        raise CloudError(f"unexpected kind of grantee in the id {identity!r}: {word!r}")


class GrantOwnershipHandler(Handler):
    """GrantOwnership: destroying it hands the object to the role of the provider."""

    def identify(self, inputs: dict[str, Any]) -> str:
        (_, words), grantee = self._on(inputs), self._grantee(inputs)
        to = "ToAccountRole" if grantee.kind == "ROLE" else "ToDatabaseRole"
        return join(to, grantee.name.sql(), self._outbound(inputs) or "", *words)

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        target, _ = self._on(inputs)
        self._transfer(connection, target, self._grantee(inputs), inputs)
        return self.identify(inputs), dict(inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs = question.inputs or self._inputs_from_id(question.id)
        (target, _), grantee = self._on(inputs), self._grantee(inputs)
        account, session = connection.account, connection.session
        anchor = _anchor(target)
        if anchor is None or account.visible(session, *anchor) is None:
            return ReadAnswer()
        if target.scope == "OBJECT":
            there = account.find(*anchor)
            if there is None or there.owner != grantee:
                return ReadAnswer()
        if target.scope == "FUTURE" and not any(
            g.privilege == "OWNERSHIP" and g.kind == target.kind and g.grantee == grantee
            for g in account.future_grants(anchor[1])
        ):
            return ReadAnswer()
        return ReadAnswer(question.id, dict(inputs), dict(inputs))

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or self._inputs_from_id(question.id)
        (target, _), grantee = self._on(inputs), self._grantee(inputs)
        if target.scope == "FUTURE":
            with _gone_is_fine(connection, grantee, target):
                connection.account.revoke_privileges(connection.session, ["OWNERSHIP"], target, grantee)
            return
        role = connection.session.role
        if role is None:
            raise CloudError("the provider has no role to hand the ownership back to: set `role`")
        back = Grantee.role(role)
        with _gone_is_fine(connection, back, target):
            self._transfer(connection, target, back, inputs)

    def _transfer(self, connection: Connection, target: GrantTarget, to: Grantee, inputs: Mapping[str, Any]) -> None:
        connection.account.grant_ownership(connection.session, target, to, current_grants=self._outbound(inputs))

    @staticmethod
    def _outbound(inputs: Mapping[str, Any]) -> Literal["COPY", "REVOKE"] | None:
        word = str(inputs.get("outboundPrivileges") or "").upper()
        return "COPY" if word == "COPY" else "REVOKE" if word == "REVOKE" else None

    @staticmethod
    def _grantee(inputs: Mapping[str, Any]) -> Grantee:
        if inputs.get("accountRoleName"):
            return Grantee("ROLE", reference(inputs["accountRoleName"], 1, "accountRoleName"))
        return Grantee("DATABASE_ROLE", reference(inputs["databaseRoleName"], 2, "databaseRoleName"))

    @staticmethod
    def _on(inputs: Mapping[str, Any]) -> tuple[GrantTarget, tuple[str, ...]]:
        block = only(inputs.get("on")) or {}
        if block.get("objectName"):
            kind = str(block["objectType"]).upper()
            name = _object(kind, block["objectName"])
            return GrantTarget.on(kind, name), ("OnObject", kind, name.sql())
        if inner := only(block.get("all")):
            target, words = _in_container("all", inner)
            return target, ("OnAll", *words)
        if inner := only(block.get("future")):
            target, words = _in_container("future", inner)
            return target, ("OnFuture", *words)
        raise CloudError("the grant of ownership says nothing that it is on")

    @staticmethod
    def _inputs_from_id(identity: str) -> dict[str, Any]:
        to, role, outbound, scope, *words = split(identity, 6, "<to>|<role>|<outbound privileges>|<kind of grant>|…")
        inputs: dict[str, Any] = (
            {"accountRoleName": bare(role)} if to == "ToAccountRole" else {"databaseRoleName": role}
        )
        if outbound:
            inputs["outboundPrivileges"] = outbound
        if scope == "OnObject" and len(words) == 2:
            name = bare(words[1]) if words[0] in _ACCOUNT_KINDS else words[1]
            return {**inputs, "on": {"objectType": words[0], "objectName": name}}
        if scope in {"OnAll", "OnFuture"} and len(words) == 3:
            return {**inputs, "on": {"all" if scope == "OnAll" else "future": _block_from_words(words)}}
        raise CloudError(f"unexpected grant of ownership in the id {identity!r}")
