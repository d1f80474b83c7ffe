"""Policies and tags on things."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from emulator.snowflake.account.catalogue import Change, Entry, PolicyRow, TagRow
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.account.model import Column, Mask, PolicyReference, Protection, TagReference
from emulator.snowflake.account.names import ObjectName, base_type
from emulator.snowflake.account.session import Session

# What each kind of policy can be attached to.
_TARGETS = {
    "MASKING POLICY": frozenset({"TABLE", "VIEW", "DYNAMIC TABLE", "TAG"}),
    "ROW ACCESS POLICY": frozenset({"TABLE", "VIEW", "DYNAMIC TABLE"}),
    "PASSWORD POLICY": frozenset({"ACCOUNT", "USER"}),
    "SESSION POLICY": frozenset({"ACCOUNT", "USER"}),
    "AUTHENTICATION POLICY": frozenset({"ACCOUNT", "USER"}),
}
_LONGEST_TAG_VALUE = 256


class AttachmentOperations(AccountCore):
    """Operations on policy and tag attachments. A network policy is attached by the property NETWORK_POLICY of a
    user or the account."""

    @locked
    def secondary_roles(self, session: Session) -> list[str]:
        """The roles beside the current one that the session acts with, by name: none unless they are on, and none that
        a session policy forbids."""
        user = self._rights.user(session.user)
        if session.secondary_roles != "ALL" or user is None:
            return []
        names = {self._catalogue.entries[role].own_name for role in self._rights.secondary(user)}
        return sorted(names - {session.role})

    @locked
    def attach_policy(
        self,
        session: Session,
        policy_kind: str,
        policy: ObjectName,
        kind: str,
        name: ObjectName,
        *,
        column: str | None = None,
        arguments: Sequence[str] = (),
        force: bool = False,
    ) -> None:
        """Attach a policy to a column (masking), tag (masking), table or view (row access), user or the account
        (password, session, authentication).

        `arguments` are the columns handed to it, in its order; for masking the column itself comes first, and
        alone where none are given. Another one in its place is refused unless `force`. Needs APPLY on the policy
        and OWNERSHIP of the target, or APPLY … POLICY on the account.
        """
        spec = spec_of(policy_kind)
        targets = _TARGETS.get(spec.kind)
        if targets is None:
            raise SnowflakeError.unsupported(f"attaching a {spec.kind}")
        rule = self._seen(session, spec.kind, policy)
        entry = self._seen(session, kind, name)
        if entry.kind not in targets:
            raise SnowflakeError.unsupported(f"a {spec.kind} on a {entry.kind}")
        self._may_apply(session, spec.kind, rule, entry)
        used = list(arguments)
        if spec.kind == "MASKING POLICY" and entry.kind != "TAG":
            if column is None:
                raise SnowflakeError.syntax("a masking policy is set on a column")
            used = used or [column]
            if used[0] != column:
                raise SnowflakeError.syntax(f"the first column of USING is the masked one, {column}")
        elif column is not None:
            raise SnowflakeError.syntax(f"a {spec.kind.lower()} is not set on a column")
        if used:
            self._check_signature(rule, entry, used)
        elif spec.kind == "ROW ACCESS POLICY":
            raise SnowflakeError.syntax("a row access policy is added ON columns")
        change = Change()
        for use in self._others(entry, spec.kind, column or "", rule):
            if use.policy == rule.identifier and use.arguments == tuple(used):
                return
            if not force:
                raise SnowflakeError(
                    3529,
                    "42601",
                    "Specified column already attached to another masking policy. A column cannot be attached to "
                    "multiple masking policies. Please drop the current association in order to attach a new masking "
                    "policy."
                    if column
                    else f"{entry.kind.capitalize()} '{entry.name}' already has a {spec.kind.lower()}. Only one "
                    f"{spec.kind.lower()} is allowed at a time.",
                )
            change.delete("policy_references", target=use.target, column_name=use.column, policy=use.policy)
        change.put(
            "policy_references",
            {
                "target": entry.identifier,
                "column_name": column or "",
                "policy": rule.identifier,
                "arguments": json.dumps(used),
            },
        )
        self._catalogue.commit(change)

    def _may_apply(self, session: Session, policy_kind: str, rule: Entry, entry: Entry) -> None:
        roles = self._rights.effective(session)
        if self._rights.on_account(roles, f"APPLY {policy_kind}"):
            return
        if entry.kind == "ACCOUNT":
            raise SnowflakeError.insufficient_privileges("ACCOUNT", entry.own_name)
        if not self._rights.holds(roles, "APPLY", rule):
            raise SnowflakeError.insufficient_privileges(policy_kind, rule.own_name)
        self._owned(session, entry)

    def _check_signature(self, rule: Entry, entry: Entry, used: Sequence[str]) -> None:
        signature = rule.properties["ARGUMENTS"]
        if len(used) != len(signature):
            raise SnowflakeError.compilation(
                3535, "42601", f"policy {rule.own_name} takes {len(signature)} column(s), not {len(used)}"
            )
        types = {column.name: column.type for column in self._real_columns(entry)}
        for argument, column in zip(signature, used, strict=True):
            if column not in types:
                raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{column}'")
            if base_type(types[column]) != base_type(argument[1]):
                raise SnowflakeError.compilation(
                    3535,
                    "42601",
                    f"column {column} of type {types[column]} does not fit argument {argument[0]} of type "
                    f"{argument[1]} of policy {rule.own_name}",
                )

    def _others(self, entry: Entry, policy_kind: str, column: str, rule: Entry) -> list[PolicyRow]:
        """What stands where the policy is to go. A tag takes one masking policy for each type."""
        found: list[PolicyRow] = []
        for use in self._catalogue.policies_on.get(entry.identifier, {}).values():
            other = self._catalogue.entries[use.policy]
            if other.kind != policy_kind or use.column != column:
                continue
            if entry.kind == "TAG" and base_type(other.properties["RETURNS"]) != base_type(rule.properties["RETURNS"]):
                continue
            found.append(use)
        return found

    @locked
    def detach_policy(
        self,
        session: Session,
        policy_kind: str,
        kind: str,
        name: ObjectName,
        *,
        column: str | None = None,
        policy: ObjectName | None = None,
    ) -> None:
        """Take a policy off. `policy` is needed only where a tag has several. Nothing attached is no error, but for
        a named policy that is not attached there."""
        spec = spec_of(policy_kind)
        entry = self._seen(session, kind, name)
        wanted = None if policy is None else self._seen(session, spec.kind, policy)
        change = Change()
        for use in self._catalogue.policies_on.get(entry.identifier, {}).values():
            rule = self._catalogue.entries[use.policy]
            if rule.kind != spec.kind or use.column != (column or "") or (wanted is not None and rule is not wanted):
                continue
            self._may_apply(session, spec.kind, rule, entry)
            change.delete("policy_references", target=use.target, column_name=use.column, policy=use.policy)
        if wanted is not None and not change.operations:
            raise SnowflakeError.compilation(
                3542, "42601", f"Policy {wanted.own_name} is not attached to {entry.kind.lower()} '{entry.name}'."
            )
        self._catalogue.commit(change)

    @locked
    def policy_references(
        self,
        *,
        policy: tuple[str, ObjectName] | None = None,
        target: tuple[str, ObjectName] | None = None,
    ) -> list[PolicyReference]:
        """Where a policy (kind, name) is attached, or what is attached to an object (kind, name) and its columns."""
        uses: Iterable[PolicyRow]
        if policy is not None:
            rule = self._entry(*policy)
            uses = [] if rule is None else self._catalogue.uses_of_policy.get(rule.identifier, {}).values()
        elif target is not None:
            entry = self._entry(*target)
            uses = [] if entry is None else self._catalogue.policies_on.get(entry.identifier, {}).values()
        else:
            uses = [use for rows in self._catalogue.policies_on.values() for use in rows.values()]
        found = []
        for use in uses:
            rule, entry = self._catalogue.entries[use.policy], self._catalogue.entries[use.target]
            found.append(
                PolicyReference(rule.kind, rule.name, entry.kind, entry.name, use.column or None, use.arguments)
            )
        return sorted(found, key=lambda use: (use.name.parts, use.column or "", use.policy.parts))

    @locked
    def protection(self, kind: str, name: ObjectName) -> Protection | None:
        """What stands between a table or view and whoever reads it; None where nothing does.

        A policy on a column goes before those of its tags; the tags are its own and, each where the column has no
        value of its own for it, those of its table, schema, database and account. A tag masks the columns that have the
        type of one of its policies. Several tags that each mask a column are refused, as is a policy that wants a
        column which is not there: nothing is shown where it is not clear what may be.
        """
        entry = self._entry(kind, name)
        if entry is None:
            return None
        catalogue = self._catalogue
        above = [self._account, *(entry.container(kind) for kind in ("DATABASE", "SCHEMA")), entry]
        tags = [use for holder in above if holder for use in catalogue.tags_on.get(holder.identifier, {}).values()]
        own = catalogue.policies_on.get(entry.identifier)
        if not own and not any(catalogue.policies_on.get(use.tag) for use in tags):
            return None
        rows = None
        direct: dict[str, PolicyRow] = {}
        for use in (own or {}).values():
            policy = catalogue.entries[use.policy]
            if policy.kind == "ROW ACCESS POLICY":
                rows = (self._shown(policy), use.arguments)
            elif policy.kind == "MASKING POLICY":
                direct[use.column] = use
        columns = tuple(self._real_columns(entry))
        masks: dict[str, Mask] = {}
        for column in columns:
            values = {use.tag: use.value for use in tags if not use.column}
            values |= {use.tag: use.value for use in tags if use.column == column.name}
            labels = {catalogue.entries[tag].name: value for tag, value in values.items()}
            given = direct.get(column.name)
            if given is not None:
                masks[column.name] = Mask(self._shown(catalogue.entries[given.policy]), given.arguments, labels)
                continue
            wanted = {
                use.policy
                for tag in values
                for use in catalogue.policies_on.get(tag, {}).values()
                if base_type(catalogue.entries[use.policy].properties["RETURNS"]) == base_type(column.type)
            }
            if len(wanted) > 1:
                names = ", ".join(sorted(str(catalogue.entries[policy].name) for policy in wanted))
                raise SnowflakeError.compilation(
                    3529, "42601", f"column {column.name} of {name} is masked by several tags: {names}"
                )
            for identifier in wanted:
                rule = catalogue.entries[identifier]
                masks[column.name] = Mask(self._shown(rule), self._arguments_by_name(rule, column, columns), labels)
        return Protection(columns, masks, rows) if masks or rows is not None else None

    @staticmethod
    def _arguments_by_name(rule: Entry, masked: Column, columns: Sequence[Column]) -> tuple[str, ...]:
        """The columns handed to a policy of a tag: the masked one, and for further arguments those of their names."""
        others = [argument[0] for argument in rule.properties["ARGUMENTS"][1:]]
        known = {column.name for column in columns}
        for other in others:
            if other not in known:
                raise SnowflakeError.compilation(
                    904, "42000", f"invalid identifier '{other}', which policy {rule.own_name} wants as a column"
                )
        return (masked.name, *others)

    # --- tags

    @locked
    def set_tag(
        self, session: Session, tag: ObjectName, value: str, kind: str, name: ObjectName, *, column: str | None = None
    ) -> None:
        """Put a tag on an object or column. A value outside the tag's ALLOWED_VALUES is refused. Needs APPLY TAG on
        the account, or APPLY on the tag and OWNERSHIP of the object."""
        label, entry = self._tag_and_target(session, tag, kind, name, column)
        allowed = label.properties.get("ALLOWED_VALUES")
        if allowed and value not in allowed:
            raise SnowflakeError.compilation(
                391801,
                "22023",
                f"Tag value {value} is not allowed for tag '{label.name}'. Allowed: {', '.join(allowed)}.",
            )
        if len(value) > _LONGEST_TAG_VALUE:
            raise SnowflakeError.invalid_property_value(value, "tag value", f"at most {_LONGEST_TAG_VALUE} characters")
        change = Change()
        change.put(
            "tag_references",
            {"target": entry.identifier, "column_name": column or "", "tag": label.identifier, "value": value},
        )
        self._catalogue.commit(change)

    @locked
    def unset_tag(
        self, session: Session, tag: ObjectName, kind: str, name: ObjectName, *, column: str | None = None
    ) -> None:
        """Take a tag off; one that is not on it is passed over."""
        label, entry = self._tag_and_target(session, tag, kind, name, None)
        if (column or "", label.identifier) not in self._catalogue.tags_on.get(entry.identifier, {}):
            return
        change = Change()
        change.delete("tag_references", target=entry.identifier, column_name=column or "", tag=label.identifier)
        self._catalogue.commit(change)

    def _tag_and_target(
        self, session: Session, tag: ObjectName, kind: str, name: ObjectName, column: str | None
    ) -> tuple[Entry, Entry]:
        label = self._seen(session, "TAG", tag)
        entry = self._seen(session, kind, name)
        roles = self._rights.effective(session)
        if not self._rights.on_account(roles, "APPLY TAG"):
            if not self._rights.holds(roles, "APPLY", label):
                raise SnowflakeError.insufficient_privileges("TAG", label.own_name)
            self._owned(session, entry)
        if column is not None and all(known.name != column for known in self._real_columns(entry)):
            raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{column}'")
        return label, entry

    @locked
    def effective_tags(self, kind: str, name: ObjectName, column: str | None = None) -> list[TagReference]:
        """The tags that an object, or one of its columns, has: of each tag the value that is set nearest to it, with
        where it is set."""
        entry = self._entry(kind, name)
        if entry is None:
            return []
        catalogue = self._catalogue
        above: list[Entry] = [self._account]
        if entry.kind not in ("ACCOUNT", "DATABASE"):
            above += [
                holder for kind in ("DATABASE", "SCHEMA") if (holder := entry.container(kind)) not in (None, entry)
            ]
        if entry is not self._account:
            above.append(entry)
        found: dict[int, TagReference] = {}
        for holder, of_column in [*((holder, "") for holder in above), *([(entry, column)] if column else [])]:
            for use in catalogue.tags_on.get(holder.identifier, {}).values():
                if use.column == of_column:
                    found[use.tag] = TagReference(
                        catalogue.entries[use.tag].name, use.value, holder.kind, holder.name, use.column or None
                    )
        return sorted(found.values(), key=lambda use: use.tag.parts)

    @locked
    def tag_references(
        self, *, tag: ObjectName | None = None, target: tuple[str, ObjectName] | None = None
    ) -> list[TagReference]:
        """Where a tag is set, or which tags an object (kind, name) and its columns have (inherited ones not)."""
        uses: Iterable[TagRow]
        if tag is not None:
            label = self._entry("TAG", tag)
            uses = [] if label is None else self._catalogue.uses_of_tag.get(label.identifier, {}).values()
        elif target is not None:
            entry = self._entry(*target)
            uses = [] if entry is None else self._catalogue.tags_on.get(entry.identifier, {}).values()
        else:
            uses = [use for rows in self._catalogue.tags_on.values() for use in rows.values()]
        found = []
        for use in uses:
            entry = self._catalogue.entries[use.target]
            found.append(
                TagReference(
                    self._catalogue.entries[use.tag].name, use.value, entry.kind, entry.name, use.column or None
                )
            )
        return sorted(found, key=lambda use: (use.tag.parts, use.name.parts, use.column or ""))
