"""Every Snowflake resource type that the program declares, and how its statements are written.

A type that is not here is refused by name, and so is an input of a type that its line does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.render import words
from cli.render.grants import (
    GrantOwnershipRenderer,
    GrantPrivilegesRenderer,
    GrantRoleRenderer,
)
from cli.render.objects import COMMENT, SHOWN, Inputs, ObjectRenderer, Property, Renderer, once

_ACCOUNT = ("name",)
_DATABASE = ("database", "name")
_SCHEMA = ("database", "schema", "name")


def _number(wire: str, sql: str, **how: Any) -> Property:
    return Property(wire, sql, words.number, **how)


# --- databases, schemas, tables, views


@dataclass(frozen=True)
class DatabaseRenderer(ObjectRenderer):
    """A database. Its schema PUBLIC goes only as long as nothing is in it."""

    def create(self, inputs: Inputs) -> list[str]:
        made = super().create(inputs)
        if inputs.get("dropPublicSchemaOnCreation"):
            database = self.name(inputs)
            there = f"SELECT 1 FROM {database}.INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'PUBLIC'"
            made.append(once(there, f"DROP SCHEMA IF EXISTS {database}.PUBLIC RESTRICT"))
        return made


@dataclass(frozen=True)
class SchemaRenderer(ObjectRenderer):
    """A schema; managed access has words of its own."""

    def after_name(self, inputs: Inputs) -> str:
        return " WITH MANAGED ACCESS" if _is(inputs, "withManagedAccess") else ""

    def settled(self, inputs: Inputs) -> list[str]:
        return [*self._access(inputs), *super().settled(inputs)]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        changed = super().change(old, new)
        same = _is(old, "withManagedAccess") == _is(new, "withManagedAccess")
        return changed if same else [*changed, *self._access(new)]

    def _access(self, inputs: Inputs) -> list[str]:
        if "withManagedAccess" not in inputs:
            return []
        word = "ENABLE" if _is(inputs, "withManagedAccess") else "DISABLE"
        return [f"ALTER SCHEMA {self.name(inputs)} {word} MANAGED ACCESS"]


@dataclass(frozen=True)
class TableRenderer(ObjectRenderer):
    """A table. One that is there keeps its columns: what adds, drops or changes one is `change`'s."""

    def after_name(self, inputs: Inputs) -> str:
        return " (\n" + ",\n".join(f"    {self._column(column)}" for column in inputs["columns"]) + "\n)"

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        table = f"ALTER TABLE {self.name(new)}"
        before = {column["name"]: column for column in old["columns"]}
        after = {column["name"]: column for column in new["columns"]}
        found = super().change(old, new)
        found += [f"{table} DROP COLUMN {words.quoted(column)}" for column in before if column not in after]
        found += [f"{table} ADD COLUMN {self._column(after[column])}" for column in after if column not in before]
        for column, now in after.items():
            was = before.get(column)
            if was is None:
                continue
            alter = f"{table} ALTER COLUMN {words.quoted(column)}"
            if was["type"] != now["type"]:
                found.append(f"{alter} SET DATA TYPE {now['type']}")
            if was.get("nullable", True) != now.get("nullable", True):
                found.append(f"{alter} {'DROP' if now.get('nullable', True) else 'SET'} NOT NULL")
            if (was.get("comment") or "") != (now.get("comment") or ""):
                found.append(f"{alter} COMMENT {words.text(now.get('comment') or '')}")
        return found

    @staticmethod
    def _column(column: Mapping[str, Any]) -> str:
        unknown = sorted(set(column) - {"name", "type", "nullable", "comment"})
        if unknown:
            raise ValueError(f"{', '.join(unknown)} of column {column['name']}")
        parts = [words.quoted(column["name"]), str(column["type"])]
        if column.get("nullable") is False:
            parts.append("NOT NULL")
        if column.get("comment"):
            parts.append(f"COMMENT {words.text(column['comment'])}")
        return " ".join(parts)


class TableConstraintRenderer(Renderer):
    """A key of a table: a description that nothing enforces. It is added where it is not there yet."""

    known = frozenset({"name", "type", "tableId", "columns"})

    def create(self, inputs: Inputs) -> list[str]:
        kind = str(inputs["type"]).upper()
        if kind not in ("PRIMARY KEY", "UNIQUE"):
            raise ValueError(f"a constraint {kind}")
        table = str(inputs["tableId"])
        database, schema, bare = (part.strip('"') for part in table.split("."))
        there = (
            f"SELECT 1 FROM {words.quoted(database)}.INFORMATION_SCHEMA.TABLE_CONSTRAINTS"
            f" WHERE TABLE_SCHEMA = {words.text(schema)} AND TABLE_NAME = {words.text(bare)}"
            f" AND CONSTRAINT_NAME = {words.text(inputs['name'])}"
        )
        columns = ", ".join(words.quoted(column) for column in inputs["columns"])
        # The words that the provider gives it.
        said = "NOT ENFORCED DEFERRABLE INITIALLY DEFERRED ENABLE NOVALIDATE RELY"
        add = f"ALTER TABLE {table} ADD CONSTRAINT {words.quoted(inputs['name'])} {kind} ({columns}) {said}"
        return [once(there, add)]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"ALTER TABLE {inputs['tableId']} DROP CONSTRAINT {words.quoted(inputs['name'])}"]


@dataclass(frozen=True)
class ViewRenderer(ObjectRenderer):
    """A view: replaced with its grants."""

    def create(self, inputs: Inputs) -> list[str]:
        secure = "SECURE " if _is(inputs, "isSecure") else ""
        lines = [f"CREATE OR REPLACE {secure}VIEW {self.name(inputs)}", "    COPY GRANTS"]
        lines += [f"    {line}" for line in self.lines(inputs)]
        return ["\n".join(lines) + f"\nAS {str(inputs['statement']).rstrip().rstrip(';')}"]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        renamed = (
            [f"ALTER VIEW {self.name(old)} RENAME TO {self.name(new)}"] if self.name(old) != self.name(new) else []
        )
        return [*renamed, *self.create(new)]


@dataclass(frozen=True)
class RoutineRenderer(ObjectRenderer):
    """A function or procedure in Python: replaced with its grants."""

    def create(self, inputs: Inputs) -> list[str]:
        definition = inputs.get("functionDefinition") or inputs.get("procedureDefinition")
        if not definition:
            raise ValueError("a routine without a definition")
        arguments = ", ".join(
            f"{argument['argName']} {argument['argDataType']}"
            + (f" DEFAULT {argument['argDefaultValue']}" if argument.get("argDefaultValue") else "")
            for argument in inputs.get("arguments") or ()
        )
        packages = [str(package) for package in inputs.get("packages") or ()]
        if inputs.get("snowparkPackage"):
            packages.insert(0, f"snowflake-snowpark-python=={inputs['snowparkPackage']}")
        lines = [
            f"CREATE OR REPLACE {self.kind} {self.name(inputs)}({arguments})",
            "    COPY GRANTS",
            f"    RETURNS {inputs['returnType']}",
            "    LANGUAGE PYTHON",
            f"    RUNTIME_VERSION = {words.text(inputs['runtimeVersion'])}",
            *([f"    PACKAGES = {words.texts(packages)}"] if packages else []),
            f"    HANDLER = {words.text(inputs['handler'])}",
            *(f"    {line}" for line in self.lines(inputs)),
        ]
        if inputs.get("executeAs"):
            lines.append(f"    EXECUTE AS {words.word(inputs['executeAs'])}")
        return ["\n".join(lines) + f"\nAS {words.block(str(definition))}"]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        gone = self.delete(old, "") if self._signature(old) != self._signature(new) else []
        return [*gone, *self.create(new)]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"DROP {self.kind} IF EXISTS {self._signature(inputs)}"]

    def _signature(self, inputs: Inputs) -> str:
        types = ", ".join(str(argument["argDataType"]) for argument in inputs.get("arguments") or ())
        return f"{self.name(inputs)}({types})"


# --- warehouses and monitors


@dataclass(frozen=True)
class ResourceMonitorRenderer(ObjectRenderer):
    """A resource monitor; its triggers are one clause."""

    def after_name(self, inputs: Inputs) -> str:  # noqa: ARG002
        return " WITH"

    def lines(self, inputs: Inputs) -> list[str]:
        return [*super().lines(inputs), *self._triggers(inputs)]

    def settled(self, inputs: Inputs) -> list[str]:
        wanted = super().lines(inputs)
        settings = f" SET {' '.join(wanted)}" if wanted else ""
        triggers = "".join(f" {line}" for line in self._triggers(inputs))
        return [f"ALTER RESOURCE MONITOR {self.name(inputs)}{settings}{triggers}"] if settings or triggers else []

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        del old
        return self.settled(new)

    @staticmethod
    def _triggers(inputs: Inputs) -> list[str]:
        found = [f"ON {words.number(at)} PERCENT DO NOTIFY" for at in inputs.get("notifyTriggers") or ()]
        for wire, action in (("suspendTrigger", "SUSPEND"), ("suspendImmediateTrigger", "SUSPEND_IMMEDIATE")):
            if inputs.get(wire):
                found.append(f"ON {words.number(inputs[wire])} PERCENT DO {action}")
        return [f"TRIGGERS {' '.join(found)}"] if found else []


# --- users


class UserPublicKeysRenderer(Renderer):
    """The keys by which a user logs in: public ones, which are no secret."""

    known = frozenset({"name", "rsaPublicKey", "rsaPublicKey2"})
    _keys = (("rsaPublicKey", "RSA_PUBLIC_KEY"), ("rsaPublicKey2", "RSA_PUBLIC_KEY_2"))

    def create(self, inputs: Inputs) -> list[str]:
        wanted = [f"{sql} = {words.text(inputs[wire])}" for wire, sql in self._keys if inputs.get(wire)]
        return [f"ALTER USER {words.name(inputs['name'])} SET {' '.join(wanted)}"] if wanted else []

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        gone = [sql for wire, sql in self._keys if old.get(wire) and not new.get(wire)]
        unset = [f"ALTER USER {words.name(new['name'])} UNSET {', '.join(gone)}"] if gone else []
        return [*self.create(new), *unset]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        gone = ", ".join(sql for wire, sql in self._keys if inputs.get(wire))
        return [f"ALTER USER IF EXISTS {words.name(inputs['name'])} UNSET {gone}"] if gone else []


def _secondary_roles(value: Any) -> str:
    return "('ALL')" if str(value).upper() == "ALL" else "()"


@dataclass(frozen=True)
class UserRenderer(ObjectRenderer):
    """A user of one type. A password is a secret: it is set by hand."""

    user_type: str = "PERSON"

    def lines(self, inputs: Inputs) -> list[str]:
        return [f"TYPE = {self.user_type}", *super().lines(inputs)]


# --- policies


@dataclass(frozen=True)
class ExpressionPolicyRenderer(ObjectRenderer):
    """A row access or masking policy: its signature is for ever, its body may change while it is attached."""

    def after_name(self, inputs: Inputs) -> str:
        arguments = ", ".join(f"{argument['name']} {argument['type']}" for argument in inputs["arguments"])
        returns = inputs.get("returnDataType") or "BOOLEAN"
        return f"\n    AS ({arguments}) RETURNS {returns} ->\n    {inputs['body']}"

    def settled(self, inputs: Inputs) -> list[str]:
        return [f"ALTER {self.kind} {self.name(inputs)} SET BODY -> {inputs['body']}", *super().settled(inputs)]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        body = [f"ALTER {self.kind} {self.name(new)} SET BODY -> {new['body']}"] if old["body"] != new["body"] else []
        return [*super().change(old, new), *body]


@dataclass(frozen=True)
class NetworkRuleRenderer(ObjectRenderer):
    """A network rule: its CREATE knows no IF NOT EXISTS, so that it is looked for first."""

    def definition(self, inputs: Inputs) -> str:
        made = super().definition(inputs).replace(" IF NOT EXISTS", "", 1)
        schema = words.joined(inputs["database"], inputs["schema"])
        look = f"SHOW NETWORK RULES LIKE {words.text(_pattern(str(inputs['name'])))} IN SCHEMA {schema}"
        return once(SHOWN, made, look=look)


def _pattern(name: str) -> str:
    # An underscore would stand for any character; what else is like it would only hide that this one is missing.
    return name.replace("_", "\\_")


def _roles(block: Any) -> str:
    chosen = words.only(block)
    if chosen.get("all"):
        return "('ALL')"
    return "(" + ", ".join(words.name(role) for role in chosen.get("roles") or ()) + ")"


class PolicyAttachmentRenderer(Renderer):
    """A policy of the account, or of a user. FORCE puts it in another's place without a moment without one."""

    def __init__(self, kind: str, policy: str, user: str = "") -> None:
        self._kind, self._policy, self._user = kind, policy, user
        self.known = frozenset({policy, user} - {""})

    def create(self, inputs: Inputs) -> list[str]:
        return [f"ALTER {self._target(inputs)} SET {self._kind} {words.name(inputs[self._policy])} FORCE"]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"ALTER {self._target(inputs)} UNSET {self._kind}"]

    def _target(self, inputs: Inputs) -> str:
        return f"USER {words.name(inputs[self._user])}" if self._user else "ACCOUNT"


class NetworkPolicyAttachmentRenderer(Renderer):
    """A network policy of the account, or of users. Whoever runs it must come from a network that it allows."""

    known = frozenset({"networkPolicyName", "setForAccount", "users"})

    def create(self, inputs: Inputs) -> list[str]:
        policy = words.name(inputs["networkPolicyName"])
        return [f"ALTER {target} SET NETWORK_POLICY = {policy}" for target in self._targets(inputs)]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        gone = [target for target in self._targets(old) if target not in self._targets(new)]
        return [*self.create(new), *(f"ALTER {target} UNSET NETWORK_POLICY" for target in gone)]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"ALTER {target} UNSET NETWORK_POLICY" for target in self._targets(inputs)]

    @staticmethod
    def _targets(inputs: Inputs) -> list[str]:
        account = ["ACCOUNT"] if inputs.get("setForAccount") else []
        return [*account, *(f"USER {words.name(user)}" for user in inputs.get("users") or ())]


class AccountParameterRenderer(Renderer):
    """A parameter of the account."""

    known = frozenset({"key", "value"})

    def create(self, inputs: Inputs) -> list[str]:
        return [f"ALTER ACCOUNT SET {words.word(inputs['key'])} = {words.constant(inputs['value'])}"]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        return [f"ALTER ACCOUNT UNSET {words.word(inputs['key'])}"]


# --- tags


@dataclass(frozen=True)
class TagRenderer(ObjectRenderer):
    """A tag with its values and the masking policies that work through it."""

    def lines(self, inputs: Inputs) -> list[str]:
        return [*self._values(inputs), *super().lines(inputs)]

    def settled(self, inputs: Inputs) -> list[str]:
        values = [f"ALTER TAG {self.name(inputs)} ADD {line}" for line in self._values(inputs)]
        return [*values, *super().settled(inputs), *self._masks(inputs)]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        found = super().change(old, new)
        before, after = old.get("orderedAllowedValues") or [], new.get("orderedAllowedValues") or []
        for verb, values in (
            ("ADD", [v for v in after if v not in before]),
            ("DROP", [v for v in before if v not in after]),
        ):
            found += [
                f"ALTER TAG {self.name(new)} {verb} {line}" for line in self._values({"orderedAllowedValues": values})
            ]
        if (old.get("maskingPolicies") or []) != (new.get("maskingPolicies") or []):
            gone = [
                policy for policy in old.get("maskingPolicies") or () if policy not in new.get("maskingPolicies", ())
            ]
            found += [f"ALTER TAG {self.name(new)} UNSET MASKING POLICY {words.name(policy)}" for policy in gone]
            found += self._masks(new)
        return found

    @staticmethod
    def _values(inputs: Inputs) -> list[str]:
        values = ", ".join(words.text(value) for value in inputs.get("orderedAllowedValues") or ())
        return [f"ALLOWED_VALUES {values}"] if values else []

    def _masks(self, inputs: Inputs) -> list[str]:
        policies = ", ".join(f"MASKING POLICY {words.name(policy)}" for policy in inputs.get("maskingPolicies") or ())
        return [f"ALTER TAG {self.name(inputs)} SET {policies} FORCE"] if policies else []


_LAST_PART: Final = re.compile(r'(.+)\.("(?:[^"]|"")+"|[^."]+)')


class TagAssociationRenderer(Renderer):
    """A value of a tag on objects or columns."""

    known = frozenset({"objectIdentifiers", "objectType", "tagId", "tagValue"})

    def create(self, inputs: Inputs) -> list[str]:
        value = f"{words.name(inputs['tagId'])} = {words.text(inputs['tagValue'])}"
        return [f"{self._alter(inputs, each)} SET TAG {value}" for each in words.listed(inputs["objectIdentifiers"])]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        kept = set(words.listed(new["objectIdentifiers"]))
        gone = {
            **old,
            "objectIdentifiers": [each for each in words.listed(old["objectIdentifiers"]) if each not in kept],
        }
        return [*self.create(new), *self.delete(gone, "")]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        tag = words.name(inputs["tagId"])
        return [f"{self._alter(inputs, each)} UNSET TAG {tag}" for each in words.listed(inputs["objectIdentifiers"])]

    @staticmethod
    def _alter(inputs: Inputs, identifier: str) -> str:
        kind = str(inputs["objectType"]).upper()
        if kind != "COLUMN":
            return f"ALTER {kind} {words.name(identifier)}"
        match = _LAST_PART.fullmatch(identifier)
        if match is None:
            raise ValueError(f"{identifier} as a column's name")
        return f"ALTER TABLE {words.name(match[1])} MODIFY COLUMN {words.name(match[2])}"


# --- work that runs by itself


def _task_schedule(block: Any) -> str:
    inner = words.only(block)
    if inner.get("usingCron"):
        return words.text(f"USING CRON {inner['usingCron']}")
    for wire, unit in (("seconds", "SECOND"), ("minutes", "MINUTE"), ("hours", "HOUR")):
        if inner.get(wire):
            return words.text(f"{words.number(inner[wire])} {unit}")
    raise ValueError("a schedule without a time")


def _alert_schedule(block: Any) -> str:
    inner = words.only(block)
    cron = words.only(inner.get("cron"))
    if cron:
        return words.text(f"USING CRON {cron['expression']} {cron['timeZone']}")
    return words.text(f"{words.number(inner['interval'])} MINUTE")


@dataclass(frozen=True)
class ScheduledRenderer(ObjectRenderer):
    """A task or an alert: suspended while it is changed, and then as it is declared."""

    running: str = ""

    def settled(self, inputs: Inputs) -> list[str]:
        alter = f"ALTER {self.kind} {self.name(inputs)}"
        changed = [*super().settled(inputs), *(f"{alter} MODIFY {part}" for part in self.parts(inputs))]
        return [f"{alter} SUSPEND", *changed, *([f"{alter} RESUME"] if inputs.get(self.running) else [])]

    def change(self, old: Inputs, new: Inputs) -> list[str]:
        del old
        return self.settled(new)

    def parts(self, inputs: Inputs) -> list[str]:
        raise NotImplementedError


@dataclass(frozen=True)
class TaskRenderer(ScheduledRenderer):
    """A task."""

    def body(self, inputs: Inputs) -> str:
        return f"\nAS {inputs['sqlStatement']}"

    def parts(self, inputs: Inputs) -> list[str]:
        return [f"AS {inputs['sqlStatement']}"]


@dataclass(frozen=True)
class AlertRenderer(ScheduledRenderer):
    """An alert."""

    def body(self, inputs: Inputs) -> str:
        return f"\nIF (EXISTS ({inputs['condition']}))\nTHEN {inputs['action']}"

    def parts(self, inputs: Inputs) -> list[str]:
        return [f"CONDITION EXISTS ({inputs['condition']})", f"ACTION {inputs['action']}"]


# --- whatever SQL the program runs


ROW_POLICY: Final = re.compile(
    r'(?is)\s*ALTER\s+TABLE\s+(?P<table>"[^"]+"\."[^"]+"\."[^"]+")\s+ADD\s+ROW\s+ACCESS\s+POLICY\s+'
    r'(?P<policy>"[^"]+"\."[^"]+"\."[^"]+")\s+ON\s*\(.*\)\s*;?\s*'
)


class ExecuteRenderer(Renderer):
    """The program's own statement, which can be run again; a row access policy is attached where it is not yet."""

    known = frozenset({"execute", "revert"})

    def create(self, inputs: Inputs) -> list[str]:
        statement = str(inputs["execute"]).strip().rstrip(";")
        match = ROW_POLICY.fullmatch(statement)
        if match is None:
            return [statement]
        database = match["table"].split(".")[0]
        policy = match["policy"].split(".")[-1].strip('"')
        references = f"{database}.INFORMATION_SCHEMA.POLICY_REFERENCES"
        entity = f"REF_ENTITY_NAME => {words.text(match['table'])}, REF_ENTITY_DOMAIN => 'TABLE'"
        there = (
            f"SELECT 1 FROM TABLE({references}({entity}))"
            f" WHERE POLICY_KIND = 'ROW_ACCESS_POLICY' AND POLICY_NAME = {words.text(policy)}"
        )
        return [once(there, statement)]

    def delete(self, inputs: Inputs, role: str) -> list[str]:
        del role
        revert = str(inputs.get("revert") or "").strip().rstrip(";")
        return [revert] if revert else []


def _is(inputs: Inputs, wire: str) -> bool:
    return str(inputs.get(wire)).lower() == "true"


_RETENTION = _number("dataRetentionTimeInDays", "DATA_RETENTION_TIME_IN_DAYS")
_USER = (
    COMMENT,
    Property("defaultRole", "DEFAULT_ROLE", words.name),
    Property("defaultWarehouse", "DEFAULT_WAREHOUSE", words.name),
    Property("defaultSecondaryRolesOption", "DEFAULT_SECONDARY_ROLES", _secondary_roles),
    Property("disabled", "DISABLED", words.boolean),
    Property("email", "EMAIL", words.text),
)

RENDERERS: Final[Mapping[str, Renderer]] = {
    "AccountParameter": AccountParameterRenderer(),
    "AccountRole": ObjectRenderer("ROLE", _ACCOUNT),
    "AccountAuthenticationPolicyAttachment": PolicyAttachmentRenderer("AUTHENTICATION POLICY", "authenticationPolicy"),
    "AccountPasswordPolicyAttachment": PolicyAttachmentRenderer("PASSWORD POLICY", "passwordPolicy"),
    "AccountSessionPolicyAttachment": PolicyAttachmentRenderer("SESSION POLICY", "sessionPolicyName"),
    "Alert": AlertRenderer(
        "ALERT",
        _SCHEMA,
        (
            Property("warehouse", "WAREHOUSE", words.name),
            Property("alertSchedule", "SCHEDULE", _alert_schedule),
            COMMENT,
        ),
        frozenset({"condition", "action", "enabled"}),
        running="enabled",
    ),
    "AuthenticationPolicy": ObjectRenderer(
        "AUTHENTICATION POLICY",
        _SCHEMA,
        (
            Property("authenticationMethods", "AUTHENTICATION_METHODS", words.texts),
            Property("clientTypes", "CLIENT_TYPES", words.texts),
            Property("mfaEnrollment", "MFA_ENROLLMENT", words.word),
            COMMENT,
        ),
    ),
    "Database": DatabaseRenderer(
        "DATABASE", _ACCOUNT, (_RETENTION, COMMENT), frozenset({"isTransient", "dropPublicSchemaOnCreation"})
    ),
    "DatabaseRole": ObjectRenderer("DATABASE ROLE", _DATABASE),
    "EmailNotificationIntegration": ObjectRenderer(
        "NOTIFICATION INTEGRATION",
        _ACCOUNT,
        (
            Property("enabled", "TYPE = EMAIL ENABLED", words.boolean, fixed=True),
            Property("allowedRecipients", "ALLOWED_RECIPIENTS", words.texts),
            COMMENT,
        ),
    ),
    "Execute": ExecuteRenderer(),
    "FunctionPython": RoutineRenderer(
        "FUNCTION",
        _SCHEMA,
        silent=frozenset({"arguments", "functionDefinition", "handler", "packages", "returnType", "runtimeVersion"}),
    ),
    "GrantAccountRole": GrantRoleRenderer("ROLE", "roleName"),
    "GrantApplicationRole": GrantRoleRenderer("APPLICATION ROLE", "applicationRoleName"),
    "GrantDatabaseRole": GrantRoleRenderer("DATABASE ROLE", "databaseRoleName"),
    "GrantOwnership": GrantOwnershipRenderer(),
    "GrantPrivilegesToAccountRole": GrantPrivilegesRenderer("ROLE", "accountRoleName"),
    "GrantPrivilegesToDatabaseRole": GrantPrivilegesRenderer("DATABASE ROLE", "databaseRoleName"),
    "MaskingPolicy": ExpressionPolicyRenderer(
        "MASKING POLICY", _SCHEMA, silent=frozenset({"arguments", "body", "returnDataType"})
    ),
    "NetworkPolicy": ObjectRenderer(
        "NETWORK POLICY",
        _ACCOUNT,
        (
            Property("allowedNetworkRuleLists", "ALLOWED_NETWORK_RULE_LIST", words.names_as_texts),
            Property("blockedNetworkRuleLists", "BLOCKED_NETWORK_RULE_LIST", words.names_as_texts),
            Property("allowedIpLists", "ALLOWED_IP_LIST", words.texts),
            Property("blockedIpLists", "BLOCKED_IP_LIST", words.texts),
            COMMENT,
        ),
    ),
    "NetworkPolicyAttachment": NetworkPolicyAttachmentRenderer(),
    "NetworkRule": NetworkRuleRenderer(
        "NETWORK RULE",
        _SCHEMA,
        (
            Property("type", "TYPE", words.word, fixed=True),
            Property("valueLists", "VALUE_LIST", words.texts),
            Property("mode", "MODE", words.word, fixed=True),
            COMMENT,
        ),
    ),
    "PasswordPolicy": ObjectRenderer(
        "PASSWORD POLICY",
        _SCHEMA,
        (
            *(
                _number(wire, f"PASSWORD_{sql}")
                for wire, sql in (
                    ("minLength", "MIN_LENGTH"),
                    ("maxLength", "MAX_LENGTH"),
                    ("minUpperCaseChars", "MIN_UPPER_CASE_CHARS"),
                    ("minLowerCaseChars", "MIN_LOWER_CASE_CHARS"),
                    ("minNumericChars", "MIN_NUMERIC_CHARS"),
                    ("minSpecialChars", "MIN_SPECIAL_CHARS"),
                    ("minAgeDays", "MIN_AGE_DAYS"),
                    ("maxAgeDays", "MAX_AGE_DAYS"),
                    ("maxRetries", "MAX_RETRIES"),
                    ("lockoutTimeMins", "LOCKOUT_TIME_MINS"),
                    ("history", "HISTORY"),
                )
            ),
            COMMENT,
        ),
    ),
    "ProcedurePython": RoutineRenderer(
        "PROCEDURE",
        _SCHEMA,
        silent=frozenset(
            {"arguments", "executeAs", "handler", "packages", "procedureDefinition", "returnType", "runtimeVersion"}
            | {"snowparkPackage"}
        ),
    ),
    "ResourceMonitor": ResourceMonitorRenderer(
        "RESOURCE MONITOR",
        _ACCOUNT,
        (_number("creditQuota", "CREDIT_QUOTA"),),
        frozenset({"notifyTriggers", "suspendTrigger", "suspendImmediateTrigger"}),
    ),
    "RowAccessPolicy": ExpressionPolicyRenderer("ROW ACCESS POLICY", _SCHEMA, silent=frozenset({"arguments", "body"})),
    "Schema": SchemaRenderer(
        "SCHEMA", _DATABASE, (_RETENTION, COMMENT), frozenset({"isTransient", "withManagedAccess"})
    ),
    "ServiceUser": UserRenderer("USER", _ACCOUNT, _USER, user_type="SERVICE"),
    "SessionPolicy": ObjectRenderer(
        "SESSION POLICY",
        _SCHEMA,
        (
            _number("sessionIdleTimeoutMins", "SESSION_IDLE_TIMEOUT_MINS"),
            _number("sessionUiIdleTimeoutMins", "SESSION_UI_IDLE_TIMEOUT_MINS"),
            Property("allowedSecondaryRoles", "ALLOWED_SECONDARY_ROLES", _roles),
            Property("blockedSecondaryRoles", "BLOCKED_SECONDARY_ROLES", _roles),
            COMMENT,
        ),
    ),
    "Table": TableRenderer("TABLE", _SCHEMA, (_RETENTION, COMMENT), frozenset({"columns"})),
    "TableConstraint": TableConstraintRenderer(),
    "Tag": TagRenderer("TAG", _SCHEMA, silent=frozenset({"orderedAllowedValues", "maskingPolicies"})),
    "TagAssociation": TagAssociationRenderer(),
    "Task": TaskRenderer(
        "TASK",
        _SCHEMA,
        (
            Property("warehouse", "WAREHOUSE", words.name),
            Property("schedule", "SCHEDULE", _task_schedule),
            COMMENT,
        ),
        frozenset({"sqlStatement", "started"}),
        running="started",
    ),
    "User": UserRenderer("USER", _ACCOUNT, _USER),
    "UserAuthenticationPolicyAttachment": PolicyAttachmentRenderer(
        "AUTHENTICATION POLICY", "authenticationPolicyName", "userName"
    ),
    "UserPublicKeys": UserPublicKeysRenderer(),
    "View": ViewRenderer("VIEW", _SCHEMA, silent=frozenset({"copyGrants", "isSecure", "statement"})),
    "Warehouse": ObjectRenderer(
        "WAREHOUSE",
        _ACCOUNT,
        (
            Property("warehouseSize", "WAREHOUSE_SIZE", words.word),
            Property("warehouseType", "WAREHOUSE_TYPE", words.word),
            _number("autoSuspend", "AUTO_SUSPEND"),
            Property("autoResume", "AUTO_RESUME", words.boolean),
            Property("initiallySuspended", "INITIALLY_SUSPENDED", words.boolean, fixed=True),
            Property("resourceMonitor", "RESOURCE_MONITOR", words.name),
            _number("statementTimeoutInSeconds", "STATEMENT_TIMEOUT_IN_SECONDS"),
            COMMENT,
        ),
    ),
}
"""By the last word of the resource type's token."""
