"""Policies, tags, and what tags are on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import ObjectName, SnowflakeObject
from emulator.snowflake.account.types import normalise_type
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.resources.identifiers import bare, join, reference, split
from emulator.snowflake.resources.objects import IN_SCHEMA, ObjectHandler, ObjectType
from emulator.snowflake.resources.properties import (
    Property,
    as_list,
    boolean_text,
    integer,
    keyword,
    only,
    texts,
)


def _pairs(blocks: Any) -> list[tuple[str, str]]:
    """`[{name, type}, …]` as the account takes a policy's arguments."""
    return [(block["name"], block["type"]) for block in as_list(blocks)]


def _blocks(pairs: Any) -> list[dict[str, str]]:
    return [{"name": pair[0], "type": pair[1]} for pair in pairs]


def _signature(pairs: Any) -> list[tuple[str, str]]:
    return [(str(pair[0]).upper(), normalise_type(pair[1])) for pair in pairs]


def _body(value: Any) -> str:
    # The provider compares bodies without regard to case and space.
    return " ".join(str(value).split()).lower()


_ARGUMENTS = Property("arguments", "ARGUMENTS", _pairs, _blocks, changeable=False, compare=_signature)
_BODY = Property("body", "BODY", compare=_body)

ROW_ACCESS_POLICY = ObjectType(
    type="snowflake:index/rowAccessPolicy:RowAccessPolicy",
    kind="ROW ACCESS POLICY",
    identity=IN_SCHEMA,
    properties=(_ARGUMENTS, _BODY),
)

MASKING_POLICY = ObjectType(
    type="snowflake:index/maskingPolicy:MaskingPolicy",
    kind="MASKING POLICY",
    identity=IN_SCHEMA,
    properties=(
        _ARGUMENTS,
        _BODY,
        Property("returnDataType", "RETURNS", changeable=False, compare=normalise_type),
        boolean_text("exemptOtherPolicies", changeable=False),
    ),
)

AUTHENTICATION_POLICY = ObjectType(
    type="snowflake:index/authenticationPolicy:AuthenticationPolicy",
    kind="AUTHENTICATION POLICY",
    identity=IN_SCHEMA,
    properties=(
        texts("authenticationMethods"),
        texts("clientTypes"),
        texts("securityIntegrations"),
        keyword("mfaEnrollment"),
    ),
    unbuilt=frozenset(
        {"clientPolicies", "mfaAuthenticationMethods", "mfaPolicy", "patPolicy", "workloadIdentityPolicy"}
    ),
)

PASSWORD_POLICY = ObjectType(
    type="snowflake:index/passwordPolicy:PasswordPolicy",
    kind="PASSWORD POLICY",
    identity=IN_SCHEMA,
    properties=tuple(
        integer(wire, sql, unset=None)
        for wire, sql in (
            ("minLength", "PASSWORD_MIN_LENGTH"),
            ("maxLength", "PASSWORD_MAX_LENGTH"),
            ("minUpperCaseChars", "PASSWORD_MIN_UPPER_CASE_CHARS"),
            ("minLowerCaseChars", "PASSWORD_MIN_LOWER_CASE_CHARS"),
            ("minNumericChars", "PASSWORD_MIN_NUMERIC_CHARS"),
            ("minSpecialChars", "PASSWORD_MIN_SPECIAL_CHARS"),
            ("minAgeDays", "PASSWORD_MIN_AGE_DAYS"),
            ("maxAgeDays", "PASSWORD_MAX_AGE_DAYS"),
            ("maxRetries", "PASSWORD_MAX_RETRIES"),
            ("lockoutTimeMins", "PASSWORD_LOCKOUT_TIME_MINS"),
            ("history", "PASSWORD_HISTORY"),
        )
    ),
    unbuilt=frozenset({"ifNotExists", "orReplace"}),
)


def _roles(block: Any) -> list[str]:
    """Roles of a block that says all, none, or which."""
    chosen = only(block) or {}
    if chosen.get("all"):
        return ["ALL"]
    return [bare(str(role)) for role in chosen.get("roles") or ()]


def _chosen_roles(roles: Any) -> dict[str, Any]:
    if list(roles) == ["ALL"]:
        return {"all": True}
    return {"roles": list(roles)} if roles else {"none": True}


def _in_any_order(roles: Any) -> list[str]:
    return sorted(map(str, roles))


SESSION_POLICY = ObjectType(
    type="snowflake:index/sessionPolicy:SessionPolicy",
    kind="SESSION POLICY",
    identity=IN_SCHEMA,
    properties=(
        integer("sessionIdleTimeoutMins"),
        integer("sessionUiIdleTimeoutMins"),
        Property("allowedSecondaryRoles", "ALLOWED_SECONDARY_ROLES", _roles, _chosen_roles, compare=_in_any_order),
        Property("blockedSecondaryRoles", "BLOCKED_SECONDARY_ROLES", _roles, _chosen_roles, compare=_in_any_order),
    ),
)

TAG = ObjectType(
    type="snowflake:index/tag:Tag",
    kind="TAG",
    identity=IN_SCHEMA,
    properties=(
        texts("orderedAllowedValues", "ALLOWED_VALUES", ordered=True),
        keyword("propagate"),
    ),
    unbuilt=frozenset({"noAllowedValues", "onConflict"}),
    silent=frozenset({"allowedValues", "maskingPolicies"}),
)


class TagHandler(ObjectHandler):
    """A tag with the masking policies that work through it; they are taken off before it is dropped."""

    def __init__(self) -> None:
        super().__init__(TAG)

    def creation_properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        properties = super().creation_properties(inputs)
        values = _allowed_values(inputs)
        return {**properties, "ALLOWED_VALUES": values} if values else properties

    def after_creation(self, connection: Connection, name: ObjectName, inputs: Mapping[str, Any]) -> None:
        for policy in _masks(inputs):
            connection.account.attach_policy(connection.session, "MASKING POLICY", policy, "TAG", name)

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        to_set, to_unset = self.changed_properties(question)
        old, new = _allowed_values(question.old_inputs), _allowed_values(question.inputs)
        to_set.pop("ALLOWED_VALUES", None)
        to_unset = [key for key in to_unset if key != "ALLOWED_VALUES"]
        if new and new != old:
            to_set["ALLOWED_VALUES"] = new
        elif old and not new:
            to_unset.append("ALLOWED_VALUES")
        if to_set or to_unset:
            connection.account.alter(connection.session, "TAG", name, set=to_set, unset=to_unset)
        before, after = _masks(question.old_inputs), _masks(question.inputs)
        for policy in before:
            if policy not in after:
                connection.account.detach_policy(connection.session, "MASKING POLICY", "TAG", name, policy=policy)
        for policy in after:
            if policy not in before:
                connection.account.attach_policy(connection.session, "MASKING POLICY", policy, "TAG", name)

    def delete(self, connection: Connection, question: Question) -> None:
        name = self.name_of(question)
        if connection.account.find("TAG", name) is not None:
            for found in connection.account.policy_references(target=("TAG", name)):
                connection.account.detach_policy(
                    connection.session, found.policy_kind, "TAG", name, policy=found.policy
                )
        super().delete(connection, question)

    def inputs_found(
        self, connection: Connection, there: SnowflakeObject, managed: Mapping[str, Any]
    ) -> dict[str, Any]:
        inputs = super().inputs_found(connection, there, managed)
        if managed.get("allowedValues"):
            values = list(there.properties.get("ALLOWED_VALUES") or [])
            inputs.pop("orderedAllowedValues", None)
            if sorted(values) != sorted(as_list(managed["allowedValues"])):
                inputs["allowedValues"] = values
        masks = [found.policy for found in connection.account.policy_references(target=("TAG", there.name))]
        if sorted(masks) != sorted(_masks(managed)):
            inputs["maskingPolicies"] = [policy.sql() for policy in sorted(masks)]
        return inputs


def _allowed_values(inputs: Mapping[str, Any]) -> list[str]:
    return [str(value) for value in as_list(inputs.get("orderedAllowedValues") or inputs.get("allowedValues") or [])]


def _masks(inputs: Mapping[str, Any]) -> list[ObjectName]:
    return [reference(policy, 3, "a masking policy") for policy in as_list(inputs.get("maskingPolicies") or [])]


class TagAssociationHandler(Handler):
    """One value of a tag on any number of objects of one kind."""

    def identify(self, inputs: dict[str, Any]) -> str:
        return join(self._tag(inputs).sql(), inputs["tagValue"], str(inputs["objectType"]).upper())

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        for text in as_list(question.inputs["objectIdentifiers"]):
            self._set(connection, question.inputs, text)
        return self.identify(question.inputs), dict(question.inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs = dict(question.inputs) or self._inputs_from_id(question.id)
        tag = self._tag(inputs)
        if connection.account.visible(connection.session, "TAG", tag) is None:
            return ReadAnswer()
        value = str(inputs["tagValue"])
        if question.inputs:
            wanted = as_list(inputs["objectIdentifiers"])
            tagged = [text for text in wanted if self._value(connection, inputs, text) == value]
        else:
            kind = str(inputs["objectType"]).upper()
            there = {
                (found.kind, found.name, found.column)
                for found in connection.account.tag_references(tag=tag)
                if found.value == value
            }
            tagged = [
                name.sql() if column is None else f'{name.sql()}."{column}"'
                for found_kind, name, column in sorted(there, key=str)
                if (kind == "COLUMN") == (column is not None) and (kind in {"COLUMN", found_kind})
            ]
        return ReadAnswer(question.id, {**inputs, "objectIdentifiers": tagged}, {**inputs, "objectIdentifiers": tagged})

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        old, new = question.old_inputs, question.inputs
        before, after = as_list(old.get("objectIdentifiers") or []), as_list(new["objectIdentifiers"])
        revalued = old.get("tagValue") != new["tagValue"]
        for text in after:
            if text not in before or revalued:
                self._set(connection, new, text)
        for text in before:
            if text not in after:
                self._unset(connection, old, text)
        return dict(new)

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or question.old_outputs
        if connection.account.find("TAG", self._tag(inputs)) is None:
            return
        for text in as_list(inputs.get("objectIdentifiers") or []):
            self._unset(connection, inputs, text)

    def _set(self, connection: Connection, inputs: Mapping[str, Any], text: str) -> None:
        kind, name, column = self._target(connection, inputs, text)
        connection.account.set_tag(
            connection.session, self._tag(inputs), str(inputs["tagValue"]), kind, name, column=column
        )

    def _unset(self, connection: Connection, inputs: Mapping[str, Any], text: str) -> None:
        kind, name, column = self._target(connection, inputs, text)
        if connection.account.find(kind, name) is None:
            return
        if self._value(connection, inputs, text) is not None:
            connection.account.unset_tag(connection.session, self._tag(inputs), kind, name, column=column)

    def _value(self, connection: Connection, inputs: Mapping[str, Any], text: str) -> str | None:
        """The tag's value on one object or column; None where it has none.

        Asked of the object, not of the tag: a tag that all tenants share is on thousands of columns.
        """
        kind, name, column = self._target(connection, inputs, text)
        tag = self._tag(inputs)
        for found in connection.account.tag_references(target=(kind, name)):
            if found.tag == tag and found.column == column:
                return found.value
        return None

    @staticmethod
    def _tag(inputs: Mapping[str, Any]) -> ObjectName:
        return reference(inputs["tagId"], 3, "a tag")

    @staticmethod
    def _target(connection: Connection, inputs: Mapping[str, Any], text: str) -> tuple[str, ObjectName, str | None]:
        kind = str(inputs["objectType"]).upper()
        if kind != "COLUMN":
            return kind, ObjectName.parse(text, unquoted="exact"), None
        table, column = _table_and_column(text)
        # The tag of a column is kept with what the column belongs to.
        owner = "VIEW" if connection.account.find("VIEW", table) is not None else "TABLE"
        return owner, table, column

    def _inputs_from_id(self, identity: str) -> dict[str, Any]:
        tag, value, kind = split(identity, 3, "<tag>|<value>|<object type>")[:3]
        return {"tagId": tag, "tagValue": value, "objectType": kind}


# The last part of a name: quoted, or free of dots and quotes.
_LAST_PART = re.compile(r'(.+)\.("(?:[^"]|"")+"|[^."]+)')


def _table_and_column(text: str) -> tuple[ObjectName, str]:
    """`"DB"."S"."T"."C"`: the table's name and the column's."""
    match = _LAST_PART.fullmatch(text.strip())
    if match is None:
        raise CloudError(f"Unable to parse identifier {text!r} of a column: four parts are expected")
    return reference(match[1], 3, "a table"), bare(match[2])
