"""Resources that are one Snowflake object with properties: CREATE, ALTER, DROP, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import ObjectName, SnowflakeError, SnowflakeObject
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.resources.identifiers import bare, join, known_name, reference
from emulator.snowflake.resources.properties import Property, inputs_of, plain
from emulator.values import UNKNOWN

Identity = tuple[str, ...]

IN_ACCOUNT: Identity = ("name",)
IN_DATABASE: Identity = ("database", "name")
IN_SCHEMA: Identity = ("database", "schema", "name")


def account_object_id(name: ObjectName) -> str:
    """The id of an object of the account: its bare name."""
    return name.name


def full_name_id(name: ObjectName) -> str:
    """The id of most objects in a database or schema: the full name with every part quoted."""
    return name.sql()


def joined_id(name: ObjectName) -> str:
    """The id that the older resource types have: the bare parts joined by bars."""
    return join(*name.parts)


@dataclass(frozen=True)
class ObjectType:
    """How one resource type maps to a kind of Snowflake object.

    `properties` are those inputs whose translation is not the plain one (same value, the name in upper
    case with underscores). `fixed` are set at every creation. `unbuilt` inputs are refused by name.
    `silent` inputs do nothing by design (they steer the provider itself).
    """

    type: str
    kind: str
    identity: Identity = IN_ACCOUNT
    properties: tuple[Property, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    unbuilt: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    id_of: Callable[[ObjectName], str] | None = None
    shows: bool = True
    computed: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def all_properties(self) -> tuple[Property, ...]:
        special = {p.wire for p in self.properties}
        rest = inputs_of(self.type) - special - set(self.identity) - self.unbuilt - self.silent
        return (*self.properties, *(plain(wire) for wire in sorted(rest)))

    @cached_property
    def by_sql(self) -> dict[str, Property]:
        return {p.sql: p for p in self.all_properties}

    def id_text(self, name: ObjectName) -> str:
        if self.id_of is not None:
            return self.id_of(name)
        return account_object_id(name) if len(self.identity) == 1 else full_name_id(name)


class ObjectHandler(Handler):
    """The table-driven handler. What a type does differently, a subclass says."""

    def __init__(self, type_: ObjectType) -> None:
        self.type = type_

    # --- names

    def name_in(self, properties: Mapping[str, Any]) -> ObjectName:
        """The object's name as inputs or outputs give it."""
        name = known_name(properties, self.type.identity)
        if name is None:
            raise CloudError(f"{self.type.kind.lower()} has no name: {', '.join(self.type.identity)} are needed")
        return name

    def name_of(self, question: Question) -> ObjectName:
        """The name of what the state describes: a rename changes the state's properties but never its id."""
        for properties in (question.old_outputs, question.old_inputs):
            name = known_name(properties, self.type.identity)
            if name is not None:
                return name
        parts = len(self.type.identity)
        if parts == 1:
            return ObjectName.of(bare(question.id))
        return reference(question.id, parts, self.type.kind.lower())

    # --- the four

    def outputs_in_preview(self, inputs: dict[str, Any]) -> dict[str, Any]:
        name = known_name(inputs, self.type.identity)
        return {**inputs, "fullyQualifiedName": UNKNOWN if name is None else name.sql()}

    def identify(self, inputs: dict[str, Any]) -> str:
        return self.type.id_text(self.name_in(inputs))

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        self.refuse_unbuilt(inputs)
        name = self.name_in(inputs)
        made = connection.account.create(connection.session, self.type.kind, name, self.creation_properties(inputs))
        with undone_if_refused(connection, self.type.kind, made.name):
            self.after_creation(connection, made.name, inputs)
            return self.type.id_text(made.name), self.outputs(self.found(connection, made.name), inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        there = connection.account.visible(connection.session, self.type.kind, self.name_of(question))
        if there is None or not self.is_ours(there):
            return ReadAnswer()
        inputs = self.inputs_found(connection, there, question.inputs)
        return ReadAnswer(question.id or self.type.id_text(there.name), inputs, self.outputs(there, inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        inputs = question.inputs
        self.refuse_unbuilt(inputs)
        old_name, name = self.name_of(question), self.name_in(inputs)
        if name != old_name:
            connection.account.rename(connection.session, self.type.kind, old_name, name)
        self.change(connection, name, question)
        return self.outputs(self.found(connection, name), inputs)

    def delete(self, connection: Connection, question: Question) -> None:
        drop_if_there(connection, self.type.kind, self.name_of(question))

    # --- what subclasses refine

    def creation_properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Snowflake's properties of a new object."""
        wanted = {p.sql: p.wanted(inputs) for p in self.type.all_properties}
        return {**self.type.fixed, **{sql: value for sql, value in wanted.items() if value is not None}}

    def after_creation(self, connection: Connection, name: ObjectName, inputs: Mapping[str, Any]) -> None:
        """What the provider does in further statements."""

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        """Bring the object, renamed already, to the inputs."""
        to_set, to_unset = self.changed_properties(question)
        if to_set or to_unset:
            connection.account.alter(connection.session, self.type.kind, name, set=to_set, unset=to_unset)

    def changed_properties(self, question: Question) -> tuple[dict[str, Any], list[str]]:
        """What to set and what to unset, by comparing the state's inputs with the new ones."""
        to_set: dict[str, Any] = {}
        to_unset: list[str] = []
        for p in self.type.all_properties:
            if not p.changeable:
                continue
            old, new = p.wanted(question.old_inputs), p.wanted(question.inputs)
            if new is None and old is not None:
                to_unset.append(p.sql)
            elif new is not None and (old is None or p.compare(old) != p.compare(new)):
                to_set[p.sql] = new
        return to_set, to_unset

    def is_ours(self, there: SnowflakeObject) -> bool:  # noqa: ARG002 - for subclasses
        """Whether what was found under the name is of the resource's type at all."""
        return True

    def properties_found(self, there: SnowflakeObject) -> dict[str, Any]:
        """The explicitly set properties of what is there, under Snowflake's names."""
        properties = dict(there.properties)
        if there.comment:
            properties["COMMENT"] = there.comment
        return properties

    def inputs_found(
        self,
        connection: Connection,  # noqa: ARG002 - for subclasses
        there: SnowflakeObject,
        managed: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The inputs that describe what is there.

        An input that the program manages keeps its very words while it says what is so. What somebody set
        beside the program shows as an input too: the next update takes it back.
        """
        found = self.properties_found(there)
        inputs = dict(managed)
        inputs.update(self.identity_found(there, managed))
        for p in self.type.all_properties:
            if not p.readable:
                continue
            wanted, actual = p.wanted(managed), found.get(p.sql)
            if actual is None and wanted is None:
                continue
            if actual is None:
                inputs.pop(p.wire, None)
            elif wanted is None or p.compare(self._kept(p, wanted)) != p.compare(actual):
                inputs[p.wire] = p.from_sql(p.found(actual))
        return inputs

    def _kept(self, p: Property, wanted: Any) -> Any:
        """A wanted value in the form in which the account keeps it."""
        specification = spec_of(self.type.kind).properties.get(p.sql)
        return wanted if specification is None else specification.normalise(wanted, p.sql)

    def identity_found(self, there: SnowflakeObject, managed: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that name the object; one that is quoted in the program stays so."""
        return {
            wire: managed[wire] if bare(str(managed.get(wire, ""))) == part else part
            for wire, part in zip(self.type.identity, there.name.parts, strict=True)
        }

    def outputs(self, there: SnowflakeObject, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs and what is computed beside them."""
        outputs = {**inputs, "fullyQualifiedName": there.name.sql(), **self.type.computed}
        if self.type.shows:
            outputs["showOutputs"] = [self.show_output(there)]
        return outputs

    def show_output(self, there: SnowflakeObject) -> dict[str, Any]:
        """The row of SHOW, as far as it is stable: what other resources change is left out."""
        row: dict[str, Any] = {"name": there.name.name, "createdOn": there.created_on.isoformat()}
        if len(there.name.parts) > 1:
            row["databaseName"] = there.name.database
        if len(there.name.parts) > 2:
            row["schemaName"] = there.name.schema
        if there.owner is not None:
            row["owner"] = there.owner.name.name
        if there.comment:
            row["comment"] = there.comment
        return row

    # --- helpers

    def found(self, connection: Connection, name: ObjectName) -> SnowflakeObject:
        there = connection.account.find(self.type.kind, name)
        if there is None:
            raise SnowflakeError.does_not_exist(self.type.kind, name)
        return there

    def refuse_unbuilt(self, inputs: Mapping[str, Any]) -> None:
        for wire in sorted(self.type.unbuilt & inputs.keys()):
            if inputs[wire] not in (None, "", False, "false", "default", [], {}):
                raise CloudError(
                    f"the embedded Snowflake does not build `{wire}` of a {self.type.kind.lower()} yet: leave it out"
                )


@contextmanager
def undone_if_refused(connection: Connection, kind: str, name: ObjectName) -> Iterator[None]:
    """Drops what was just made if a further statement of its creation is refused: the engine would not know of it."""
    try:
        yield
    except SnowflakeError:
        drop_if_there(connection, kind, name)
        raise


def drop_if_there(connection: Connection, kind: str, name: ObjectName) -> None:
    """DROP of what is there. That it, its database or its schema went before is no error.

    DROP IF EXISTS would also pass over what the role may not see: a deletion that deleted nothing.
    """
    if connection.account.find(kind, name) is not None:
        connection.account.drop(connection.session, kind, name)


__all__ = [
    "IN_ACCOUNT",
    "IN_DATABASE",
    "IN_SCHEMA",
    "ObjectHandler",
    "ObjectType",
    "drop_if_there",
    "joined_id",
    "undone_if_refused",
]
