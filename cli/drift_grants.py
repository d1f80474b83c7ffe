"""What no resource reads back, asked of the account: grants not declared or that are no more, owners, days of users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli import drift_meaning
from cli.connector import rows, rows_if_there
from cli.drift_meaning import Meaning
from cli.render import words
from cli.render.script import Declared
from policies.graph.resources import identifier

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

Name = tuple[str, ...]
Holder = tuple[str, str]
"""The holder's kind (ROLE, DATABASE_ROLE, USER) and the last part of its name."""

_KINDS: Final = {
    "Database": "DATABASE",
    "Schema": "SCHEMA",
    "Table": "TABLE",
    "View": "VIEW",
    "Warehouse": "WAREHOUSE",
    "ResourceMonitor": "RESOURCE MONITOR",
    "EmailNotificationIntegration": "INTEGRATION",
    "FunctionPython": "FUNCTION",
    "ProcedurePython": "PROCEDURE",
    "MaskingPolicy": "MASKING POLICY",
    "RowAccessPolicy": "ROW ACCESS POLICY",
    "Tag": "TAG",
    "Task": "TASK",
    "Alert": "ALERT",
    "AccountRole": "ROLE",
    "DatabaseRole": "DATABASE ROLE",
    "ServiceUser": "USER",
    "User": "USER",
    "NetworkPolicy": "NETWORK POLICY",
    "NetworkRule": "NETWORK RULE",
    "PasswordPolicy": "PASSWORD POLICY",
    "SessionPolicy": "SESSION POLICY",
    "AuthenticationPolicy": "AUTHENTICATION POLICY",
}
"""Resource types on whose objects privileges can be: Snowflake's word for each."""
_IDENTITIES: Final = ("database", "schema", "name")
_USERS: Final = ("ServiceUser", "User")
_MEMBERS: Final = {
    "parentRoleName": "ROLE",
    "parentAccountRoleName": "ROLE",
    "parentDatabaseRoleName": "DATABASE_ROLE",
    "userName": "USER",
}
_ROLES: Final = {
    "GrantAccountRole": ("roleName", "ROLE"),
    "GrantDatabaseRole": ("databaseRoleName", "DATABASE_ROLE"),
    "GrantApplicationRole": ("applicationRoleName", "APPLICATION_ROLE"),
}
_ANY: Final = "*"
_GRANTS: Final = "SECURITYADMIN"
_ACCOUNTADMIN: Final = "ACCOUNTADMIN"
"""Who alone gives and takes its own role, and those of the application SNOWFLAKE."""


@dataclass(frozen=True, slots=True)
class GrantFound:
    """Something that the account has and the stack does not declare, or the other way round.

    `undo` is what brings back what is declared, as `role`. `urn` is the resource that reads otherwise because of it.
    """

    tenant: str | None
    what: str
    found: str
    undo: str
    meaning: Meaning
    property: str = "grants"
    declared: str = "(nothing)"
    role: str = _GRANTS
    urn: str = ""
    grantable: str = ""
    """The privilege that its holder may grant on."""


@dataclass
class DeclaredGrants:
    """What may be there: privileges on objects, on all or future objects of a container, roles, owners."""

    on_object: set[tuple[str, str, Name, Holder]] = field(default_factory=set)
    in_container: set[tuple[str, str, Name, Holder]] = field(default_factory=set)
    of_all: set[tuple[str, str, Name, Holder]] = field(default_factory=set)
    future: set[tuple[str, str, Name, Holder]] = field(default_factory=set)
    grantable: set[tuple[str, str, Name, Holder]] = field(default_factory=set)
    urns: dict[tuple[str, str, Name, Holder], str] = field(default_factory=dict)
    roles: set[tuple[str, Name, Holder]] = field(default_factory=set)
    owners: dict[tuple[str, Name], Holder] = field(default_factory=dict)

    @classmethod
    def of(cls, declared: Iterable[Declared]) -> DeclaredGrants:
        found = cls()
        later: list[Declared] = []
        for each in declared:
            if each.kind in _ROLES:
                wire, kind = _ROLES[each.kind]
                found.roles.add((kind, _name(each.inputs[wire]), _member(each.inputs)))
            elif each.kind in ("GrantPrivilegesToAccountRole", "GrantPrivilegesToDatabaseRole"):
                one = cls()
                one._privileges(each)
                found._take(one, each)
            elif each.kind == "GrantOwnership":
                later.append(each)
            elif each.kind in _KINDS and not each.adopted:
                found.owners[_KINDS[each.kind], _own_name(each)] = ("ROLE", each.role)
        for each in later:
            block = words.only(each.inputs.get("on"))
            if block.get("objectName"):
                kind = str(block["objectType"]).upper()
                found.owners[kind, _name(block["objectName"])] = _grantee(each.inputs)
        return found

    def _privileges(self, declared: Declared) -> None:
        inputs, holder = declared.inputs, _grantee(declared.inputs)
        privileges = [_ANY] if inputs.get("allPrivileges") else [_shown(p) for p in inputs.get("privileges") or ()]
        for privilege in privileges:
            if inputs.get("onAccount"):
                self.on_object.add((privilege, "ACCOUNT", (), holder))
            elif inputs.get("onDatabase"):
                self.on_object.add((privilege, "DATABASE", _name(inputs["onDatabase"]), holder))
            elif block := words.only(inputs.get("onSchema")):
                self._on_schema(privilege, block, holder)
            else:
                self._on_block(
                    privilege, words.only(inputs.get("onAccountObject") or inputs.get("onSchemaObject")), holder
                )

    def _take(self, one: DeclaredGrants, declared: Declared) -> None:
        """What one resource declares."""
        self.on_object |= one.on_object
        self.in_container |= one.in_container
        self.of_all |= one.of_all
        self.future |= one.future
        self.urns |= dict.fromkeys(one.on_object | one.in_container, declared.urn)
        if declared.inputs.get("withGrantOption") in (True, "true"):
            self.grantable |= one.on_object | one.in_container

    def _on_schema(self, privilege: str, block: Mapping[str, Any], holder: Holder) -> None:
        if block.get("schemaName"):
            self.on_object.add((privilege, "SCHEMA", _name(block["schemaName"]), holder))
        elif block.get("allSchemasInDatabase"):
            self.in_container.add((privilege, "SCHEMA", _name(block["allSchemasInDatabase"]), holder))
        elif block.get("futureSchemasInDatabase"):
            self._future(privilege, "SCHEMA", _name(block["futureSchemasInDatabase"]), holder)

    def _on_block(self, privilege: str, block: Mapping[str, Any], holder: Holder) -> None:
        for scope in ("all", "future"):
            if inner := words.only(block.get(scope)):
                kind, container = (
                    _singular(inner["objectTypePlural"]),
                    _name(inner.get("inSchema") or inner["inDatabase"]),
                )
                if scope == "future":
                    self._future(privilege, kind, container, holder)
                else:
                    self.in_container.add((privilege, kind, container, holder))
                    self.of_all.add((privilege, kind, container, holder))
                return
        if block.get("objectName"):
            self.on_object.add((privilege, str(block["objectType"]).upper(), _name(block["objectName"]), holder))

    def _future(self, privilege: str, kind: str, container: Name, holder: Holder) -> None:
        self.future.add((privilege, kind, container, holder))
        # What came after it has it.
        self.in_container.add((privilege, kind, container, holder))

    def allows(self, privilege: str, kind: str, name: Name, holder: Holder) -> bool:
        if (privilege, kind, holder[0]) == ("USAGE", "DATABASE", "DATABASE_ROLE"):
            # Snowflake's own: a database role may use the database that it is in.
            return True
        ways = _ways(privilege, kind, name, holder)
        return any(each in self.on_object or each in self.in_container for each in ways)

    def may_grant_on(self, privilege: str, kind: str, name: Name, holder: Holder) -> bool:
        return any(each in self.grantable for each in _ways(privilege, kind, name, holder))

    def urn(self, privilege: str, kind: str, name: Name, holder: Holder) -> str:
        """The resource that declares it."""
        return next((self.urns[each] for each in _ways(privilege, kind, name, holder) if each in self.urns), "")

    def lacking(self, kind: str, name: Name, there: set[tuple[str, Holder]]) -> list[tuple[str, Holder]]:
        """What was granted on all objects of a kind and is no longer on this one: no resource reads that back."""
        wanted = {
            (privilege, holder)
            for privilege, of, container, holder in self.of_all
            if of == kind and name[:-1][: len(container)] == container and privilege != _ANY
        }
        return sorted(wanted - there)


def _ways(privilege: str, kind: str, name: Name, holder: Holder) -> Iterator[tuple[str, str, Name, Holder]]:
    """How a privilege on an object may have been declared: on itself, or on all that is in a container of it."""
    for given in (privilege, _ANY):
        for length in dict.fromkeys((len(name), 1, 2)):
            yield given, kind, name[:length], holder


def undeclared(declared: list[Declared], cursor: SnowflakeCursor) -> Iterator[GrantFound]:
    """Ask about each declared object, role and user. What is not there any more is passed over: a refresh says that."""
    known = DeclaredGrants.of(declared)
    adopted_roles = {_own_name(each) for each in declared if each.kind == "AccountRole" and each.adopted}
    told: set[tuple[Any, ...]] = set()
    # A grant is told at the end that is met first: in a fixed order, since the engine's differs from run to run.
    for each in sorted(declared, key=lambda each: (each.tenant or "", _own_name(each), each.kind)):
        if each.kind in _KINDS and not each.adopted:
            yield from _on_object(each, known, cursor, told)
        if each.kind in ("AccountRole", "DatabaseRole") and not each.adopted:
            yield from _of_role(each, known, cursor, told)
        elif each.kind in _USERS:
            yield from _to_user(each, known, cursor, adopted_roles, told)
    yield from _expiring(declared, cursor)


def _expiring(declared: Iterable[Declared], cursor: SnowflakeCursor) -> Iterator[GrantFound]:
    """Users whose days are counted though nobody declared it: they count down, so no refresh reads them."""
    users = {_own_name(each)[-1]: each for each in declared if each.kind in _USERS and not each.adopted}
    for row in rows(cursor, "SHOW USERS") if users else ():
        each = users.get(str(row["name"]))
        if each is not None and row["days_to_expiry"] and not each.inputs.get("daysToExpiry"):
            days = str(row["days_to_expiry"])
            yield GrantFound(
                each.tenant,
                f"USER {_written(each)}",
                days,
                f"ALTER USER {_written(each)} UNSET DAYS_TO_EXPIRY",
                Meaning(drift_meaning.DECLARED, "after these days nobody logs in as it; what needs it fails"),
                property="daysToExpiry",
                role=each.role or _GRANTS,
            )


def _on_object(
    each: Declared, known: DeclaredGrants, cursor: SnowflakeCursor, told: set[tuple[Any, ...]]
) -> Iterator[GrantFound]:
    kind, name = _KINDS[each.kind], _own_name(each)
    written = _written(each)
    held = rows_if_there(cursor, f"SHOW GRANTS ON {kind} {written}")
    for row in held:
        privilege, holder = str(row["privilege"]), _holder(row)
        if kind.endswith("ROLE") and privilege == "USAGE":
            continue  # who holds a role is asked of the role
        if privilege == "OWNERSHIP":
            owner = known.owners.get((kind, name))
            if owner is not None and owner != holder and owner[1]:
                yield GrantFound(
                    each.tenant,
                    f"{kind} {written}",
                    _called(holder),
                    f"GRANT OWNERSHIP ON {kind} {written} TO {_to(owner, name)} COPY CURRENT GRANTS",
                    drift_meaning.of_owner(holder[1], each.tenant),
                    property="owner",
                    declared=_called(owner),
                    urn=each.urn,
                )
        elif not known.allows(privilege, kind, name, holder) and _first((privilege, kind, name, holder), told):
            to = _to(holder, name)
            yield GrantFound(
                each.tenant,
                f"{kind} {written}",
                f"{_called(holder)} has {privilege} on it, which nobody declared",
                f"REVOKE {privilege} ON {kind} {written} FROM {to}",
                drift_meaning.of_privilege(privilege, kind, name, holder[1]),
            )
        elif str(row["grant_option"]).lower() == "true" and not known.may_grant_on(privilege, kind, name, holder):
            yield GrantFound(
                each.tenant,
                f"{kind} {written}",
                f"{_called(holder)} may grant {privilege} on it to others, which nobody declared",
                f"REVOKE GRANT OPTION FOR {privilege} ON {kind} {written} FROM {_to(holder, name)}",
                Meaning(drift_meaning.DECLARED, f"{holder[1]} decides who else has it"),
                urn=known.urn(privilege, kind, name, holder),
                grantable=privilege,
            )
    for privilege, holder in known.lacking(kind, name, {(str(row["privilege"]), _holder(row)) for row in held}):
        if held:
            yield GrantFound(
                each.tenant,
                f"{kind} {written}",
                f"{_called(holder)} has no {privilege} on it any more, which is declared for every {kind} there",
                f"GRANT {privilege} ON {kind} {written} TO {_to(holder, name)}",
                drift_meaning.of_gone("GrantPrivilegesToAccountRole"),
                declared=privilege,
            )
    if kind in ("DATABASE", "SCHEMA"):
        for row in rows_if_there(cursor, f"SHOW FUTURE GRANTS IN {kind} {written}"):
            privilege, holder = str(row["privilege"]), _holder(row, "grant_to")
            of = str(row["grant_on"]).replace("_", " ")
            if not {(privilege, of, name, holder), (_ANY, of, name, holder)} & known.future:
                yield GrantFound(
                    each.tenant,
                    f"{kind} {written}",
                    f"{_called(holder)} will have {privilege} on every future {of} in it, which nobody declared",
                    f"REVOKE {privilege} ON FUTURE {_plural(of)} IN {kind} {written} FROM {_to(holder, name)}",
                    drift_meaning.of_privilege(privilege, of, (*name, f"future {_plural(of)}"), holder[1]),
                )


def _of_role(
    each: Declared, known: DeclaredGrants, cursor: SnowflakeCursor, told: set[tuple[Any, ...]]
) -> Iterator[GrantFound]:
    """Who holds it, and what it holds: other roles, and privileges on what is not declared."""
    kind, name, written = ("ROLE" if each.kind == "AccountRole" else "DATABASE ROLE"), _own_name(each), _written(each)
    stored = kind.replace(" ", "_")
    for row in rows_if_there(cursor, f"SHOW GRANTS OF {kind} {written}"):
        holder = (str(row["granted_to"]), identifier(str(row["grantee_name"]))[-1])
        if (stored, name, holder) not in known.roles and _first((stored, name, holder), told):
            yield GrantFound(
                each.tenant,
                f"{kind} {written}",
                f"{_called(holder)} holds it, which nobody declared",
                f"REVOKE {kind} {written} FROM {_to(holder, name)}",
                drift_meaning.of_role(name, holder[1]),
            )
    own: Holder = (stored, name[-1])
    for row in rows_if_there(cursor, f"SHOW GRANTS TO {kind} {written}"):
        privilege, on = str(row["privilege"]), str(row["granted_on"]).replace("_", " ")
        target = () if on == "ACCOUNT" else identifier(str(row["name"]))
        if privilege == "OWNERSHIP":
            continue
        if on.endswith("ROLE"):
            role = (on.replace(" ", "_"), target, own)
            if role in known.roles or not _first(role, told):
                continue
            found, undo = f"it holds {on} {'.'.join(target)}", f"REVOKE {on} {_quoted(target)} FROM {kind} {written}"
            meaning, by = drift_meaning.of_role(target, own[1]), _taken_by(target)
        else:
            by = _GRANTS
            if known.allows(privilege, on, target, own) or not _first((privilege, on, target, own), told):
                continue
            called = f"{on} {'.'.join(target)}".strip()
            found = f"it has {privilege} on {called}"
            undo = f"REVOKE {privilege} ON {on} {_quoted(target)}".rstrip() + f" FROM {kind} {written}"
            meaning = drift_meaning.of_privilege(privilege, on, target, own[1])
        yield GrantFound(each.tenant, f"{kind} {written}", f"{found}, which nobody declared", undo, meaning, role=by)


def _to_user(
    each: Declared,
    known: DeclaredGrants,
    cursor: SnowflakeCursor,
    adopted_roles: set[Name],
    told: set[tuple[Any, ...]],
) -> Iterator[GrantFound]:
    name, written = _own_name(each), _written(each)
    holder: Holder = ("USER", name[-1])
    for row in rows_if_there(cursor, f"SHOW GRANTS TO USER {written}"):
        role = identifier(str(row["role"]))
        if ("ROLE", role, holder) in known.roles or role in adopted_roles or not _first(("ROLE", role, holder), told):
            continue
        yield GrantFound(
            each.tenant,
            f"USER {written}",
            f"it holds ROLE {role[-1]}, which nobody declared",
            f"REVOKE ROLE {_quoted(role)} FROM USER {written}",
            drift_meaning.of_role(role, name[-1]),
            role=_taken_by(role),
        )


def _taken_by(role: Name) -> str:
    return _ACCOUNTADMIN if role[0] in (_ACCOUNTADMIN, "SNOWFLAKE") else _GRANTS


def _first(key: tuple[Any, ...], told: set[tuple[Any, ...]]) -> bool:
    """Whether this was not told yet: a grant shows from both of its ends."""
    if key in told:
        return False
    told.add(key)
    return True


def _name(value: Any) -> Name:
    return identifier(words.name(value))


def _own_name(each: Declared) -> Name:
    return tuple(str(each.inputs[part]) for part in _IDENTITIES if part in each.inputs)


def _written(each: Declared) -> str:
    text = _quoted(_own_name(each))
    if each.kind in ("FunctionPython", "ProcedurePython"):
        text += f"({', '.join(str(argument['argDataType']) for argument in each.inputs.get('arguments') or ())})"
    return text


def _quoted(name: Name) -> str:
    return ".".join(words.quoted(part) for part in name)


def _grantee(inputs: Mapping[str, Any]) -> Holder:
    if inputs.get("accountRoleName"):
        return "ROLE", _name(inputs["accountRoleName"])[-1]
    return "DATABASE_ROLE", _name(inputs["databaseRoleName"])[-1]


def _member(inputs: Mapping[str, Any]) -> Holder:
    wire, kind = next((wire, kind) for wire, kind in _MEMBERS.items() if inputs.get(wire))
    return kind, _name(inputs[wire])[-1]


def _holder(row: Mapping[str, Any], kind: str = "granted_to") -> Holder:
    return str(row[kind]), identifier(str(row["grantee_name"]))[-1]


def _called(holder: Holder) -> str:
    return f"{holder[0].replace('_', ' ')} {holder[1]}"


def _to(holder: Holder, near: Name) -> str:
    """A grantee in a statement: a database role is one of the object's own database."""
    name = (near[0], holder[1]) if holder[0] == "DATABASE_ROLE" else (holder[1],)
    return f"{holder[0].replace('_', ' ')} {_quoted(name)}"


def _shown(privilege: str) -> str:
    found = str(privilege).upper()
    return "USAGE" if found == "IMPORTED PRIVILEGES" else found


def _singular(plural: str) -> str:
    found = str(plural).upper()
    return found[:-3] + "Y" if found.endswith("IES") else found.removesuffix("S")


def _plural(kind: str) -> str:
    return kind[:-1] + "IES" if kind.endswith("Y") else kind + "S"
