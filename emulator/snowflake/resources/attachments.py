"""Policies attached to the account or to users, and the account's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import ObjectName, SnowflakeError
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.resources.identifiers import SEPARATOR, bare, join, reference, split
from emulator.snowflake.resources.properties import as_list

_THE_ACCOUNT = ObjectName.of("ACCOUNT")


class PolicyAttachmentHandler(Handler):
    """An authentication, password or session policy on the account (no `user` input) or on one user."""

    def __init__(self, policy_kind: str, policy: str, user: str | None = None, *, joined: bool = False) -> None:
        self._kind = policy_kind
        self._policy_wire = policy
        self._user_wire = user
        self._joined = joined

    def identify(self, inputs: dict[str, Any]) -> str:
        policy = self._policy(inputs)
        words = list(policy.parts) if self._joined else [policy.sql()]
        if self._user_wire is None:
            # Password policies know no scope of users; the others name it in their ids.
            return join(*words) if self._joined else join(*words, "ACCOUNT")
        user = self._target(inputs)[1]
        return join(*words, user.name) if self._joined else join(user.sql(), *words)

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        for wire in ("forAllPersonUsers", "forAllServiceUsers"):
            if inputs.get(wire):
                raise CloudError(f"the embedded Snowflake does not build `{wire}` of a {self._kind.lower()} yet")
        policy, target = self._policy(inputs), self._target(inputs)
        connection.account.attach_policy(connection.session, self._kind, policy, *target)
        return self.identify(inputs), dict(inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs = dict(question.inputs) or self._inputs_from_id(question.id)
        policy, target = self._policy(inputs), self._target(inputs)
        if self._user_wire is not None and connection.account.visible(connection.session, *target) is None:
            return ReadAnswer()
        attached = connection.account.policy_references(target=target)
        if not any(found.policy_kind == self._kind and found.policy == policy for found in attached):
            return ReadAnswer()
        return ReadAnswer(question.id, inputs, dict(inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        policy, target = self._policy(question.inputs), self._target(question.inputs)
        if policy != self._policy(question.old_inputs):
            connection.account.attach_policy(connection.session, self._kind, policy, *target, force=True)
        return dict(question.inputs)

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or self._inputs_from_id(question.id)
        policy, target = self._policy(inputs), self._target(inputs)
        if self._user_wire is not None and connection.account.find(*target) is None:
            return
        attached = connection.account.policy_references(target=target)
        if any(found.policy_kind == self._kind and found.policy == policy for found in attached):
            connection.account.detach_policy(connection.session, self._kind, *target)

    def _policy(self, inputs: Mapping[str, Any]) -> ObjectName:
        return reference(inputs[self._policy_wire], 3, self._policy_wire)

    def _target(self, inputs: Mapping[str, Any]) -> tuple[str, ObjectName]:
        if self._user_wire is None:
            return "ACCOUNT", _THE_ACCOUNT
        return "USER", ObjectName.of(bare(str(inputs[self._user_wire])))

    def _inputs_from_id(self, identity: str) -> dict[str, Any]:
        parts = identity.split(SEPARATOR)
        if self._user_wire is None:
            policy = SEPARATOR.join(parts) if self._joined else parts[0]
            return {self._policy_wire: reference(policy, 3, self._policy_wire).sql()}
        if self._joined:
            *policy_parts, user = split(identity, 4, "<database>|<schema>|<policy>|<user>")
            return {self._policy_wire: ObjectName.of(*policy_parts).sql(), self._user_wire: user}
        user, policy = split(identity, 2, "<user>|<policy>")[:2]
        return {self._policy_wire: policy, self._user_wire: bare(user)}


class NetworkPolicyAttachmentHandler(Handler):
    """A network policy for the account, for named users, or both."""

    def identify(self, inputs: dict[str, Any]) -> str:
        return f"{inputs['networkPolicyName']}_attachment"

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        setting = {"NETWORK_POLICY": self._policy(inputs)}
        if inputs.get("setForAccount"):
            connection.account.alter(connection.session, "ACCOUNT", _THE_ACCOUNT, set=setting)
        for user in self._users(inputs):
            connection.account.alter(connection.session, "USER", user, set=setting)
        return self.identify(inputs), dict(inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        managed = question.inputs or {"networkPolicyName": question.id.removesuffix("_attachment")}
        inputs, policy = dict(managed), self._policy(managed)
        on_account = self._is_set(connection, "ACCOUNT", _THE_ACCOUNT, policy)
        if on_account != bool(managed.get("setForAccount")):
            inputs["setForAccount"] = on_account
        users = [
            user
            for user in as_list(managed.get("users") or [])
            if self._is_set(connection, "USER", ObjectName.of(bare(user)), policy)
        ]
        if users != as_list(managed.get("users") or []):
            inputs["users"] = users
        return ReadAnswer(question.id, inputs, dict(inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        old, new = question.old_inputs, question.inputs
        account, session = connection.account, connection.session
        setting = {"NETWORK_POLICY": self._policy(new)}
        if new.get("setForAccount") and not old.get("setForAccount"):
            account.alter(session, "ACCOUNT", _THE_ACCOUNT, set=setting)
        elif old.get("setForAccount") and not new.get("setForAccount"):
            account.alter(session, "ACCOUNT", _THE_ACCOUNT, unset=["NETWORK_POLICY"])
        before, after = self._users(old), self._users(new)
        for user in before:
            if user not in after:
                account.alter(session, "USER", user, unset=["NETWORK_POLICY"])
        for user in after:
            if user not in before:
                account.alter(session, "USER", user, set=setting)
        return dict(new)

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or {"networkPolicyName": question.id.removesuffix("_attachment")}
        policy = self._policy(inputs)
        targets = [("USER", user) for user in self._users(inputs) if connection.account.find("USER", user) is not None]
        if inputs.get("setForAccount"):
            targets.append(("ACCOUNT", _THE_ACCOUNT))
        for kind, name in targets:
            if self._is_set(connection, kind, name, policy):
                connection.account.alter(connection.session, kind, name, unset=["NETWORK_POLICY"])

    @staticmethod
    def _policy(inputs: Mapping[str, Any]) -> str:
        return bare(str(inputs["networkPolicyName"]))

    @staticmethod
    def _users(inputs: Mapping[str, Any]) -> list[ObjectName]:
        return [ObjectName.of(bare(str(user))) for user in as_list(inputs.get("users") or [])]

    @staticmethod
    def _is_set(connection: Connection, kind: str, name: ObjectName, policy: str) -> bool:
        if kind == "USER" and connection.account.find("USER", name) is None:
            return False
        value = connection.account.parameters(kind, name).get("NETWORK_POLICY")
        return value is not None and value.level == kind and bare(str(value.value)) == policy


class AccountParameterHandler(Handler):
    """One parameter of the account: destroying it brings Snowflake's default back."""

    def identify(self, inputs: dict[str, Any]) -> str:
        return str(inputs["key"]).upper()

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        self._set(connection, question.inputs)
        return self.identify(question.inputs), dict(question.inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        key = question.id.upper()
        found = connection.account.parameters("ACCOUNT").get(key)
        if found is None:
            raise SnowflakeError.invalid_property(key, "ACCOUNT")
        inputs = dict(question.inputs) or {"key": key}
        value = str(found.value).lower() if isinstance(found.value, bool) else str(found.value)
        if str(inputs.get("value")).lower() != value.lower():
            inputs["value"] = value
        return ReadAnswer(question.id, inputs, dict(inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        self._set(connection, question.inputs)
        return dict(question.inputs)

    def delete(self, connection: Connection, question: Question) -> None:
        connection.account.alter(connection.session, "ACCOUNT", _THE_ACCOUNT, unset=[question.id.upper()])

    @staticmethod
    def _set(connection: Connection, inputs: Mapping[str, Any]) -> None:
        key = str(inputs["key"]).upper()
        connection.account.alter(connection.session, "ACCOUNT", _THE_ACCOUNT, set={key: str(inputs["value"])})
