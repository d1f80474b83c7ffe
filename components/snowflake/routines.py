"""Functions and procedures in Python, declared from the files in `handlers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.handler_source import Constant, constants_of, handler_source

RUNTIME = "3.11"
SNOWPARK = "1.14.0"


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or procedure: its name in SQL, the handler's file, arguments with types, what it returns and why.

    `owners_rights` makes a procedure act as its owner, for what its callers may not do themselves.
    """

    name: str
    handler: str
    arguments: Mapping[str, str]
    returns: str
    comment: str
    owners_rights: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class RoutineSchema:
    """Where routines are declared: the schema, and constants for their handlers, each for those that have it."""

    database: pulumi.Input[str]
    schema: pulumi.Input[str]
    prefix: str
    constants: Mapping[str, Constant]

    def source(self, routine: Routine) -> str:
        known = constants_of(routine.handler)
        return handler_source(routine.handler, {name: value for name, value in self.constants.items() if name in known})


def declare_procedure(
    component: Component,
    where: RoutineSchema,
    routine: Routine,
    provider: snowflake.Provider,
    depends_on: Sequence[pulumi.Resource],
) -> snowflake.ProcedurePython:
    """A procedure. It depends on the future grants by which it is called: a changed one is dropped and made again."""
    return component.child(
        snowflake.ProcedurePython(
            f"{where.prefix}-{routine.name}",
            database=where.database,
            schema=where.schema,
            name=routine.name,
            arguments=[
                snowflake.ProcedurePythonArgumentArgs(arg_name=name, arg_data_type=type_)
                for name, type_ in routine.arguments.items()
            ],
            return_type=routine.returns,
            runtime_version=RUNTIME,
            snowpark_package=SNOWPARK,
            handler="main",
            execute_as="OWNER" if routine.owners_rights else "CALLER",
            procedure_definition=where.source(routine),
            comment=routine.comment,
            opts=component.child_options(provider, delete_before_replace=True, depends_on=depends_on),
        )
    )


def declare_function(
    component: Component,
    where: RoutineSchema,
    routine: Routine,
    provider: snowflake.Provider,
    depends_on: Sequence[pulumi.Resource],
) -> snowflake.FunctionPython:
    """A function; as `declare_procedure`."""
    return component.child(
        snowflake.FunctionPython(
            f"{where.prefix}-{routine.name}",
            database=where.database,
            schema=where.schema,
            name=routine.name,
            arguments=[
                snowflake.FunctionPythonArgumentArgs(arg_name=name, arg_data_type=type_)
                for name, type_ in routine.arguments.items()
            ],
            return_type=routine.returns,
            runtime_version=RUNTIME,
            handler="main",
            function_definition=where.source(routine),
            comment=routine.comment,
            opts=component.child_options(provider, delete_before_replace=True, depends_on=depends_on),
        )
    )
