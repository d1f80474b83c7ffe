"""Handlers' texts: whole, runnable by themselves, with a deployment's constants, and what a mistake is called."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.snowflake import handler_source as source
from components.snowflake.handler_source import constants_of, handler_source
from components.snowflake.handlers import prompt_key
from components.snowflake.handlers.suspension import DATABASE_ROLES, WAREHOUSE_PRIVILEGES
from components.snowflake.routines import Routine
from components.snowflake.tenant_procedures import PROCEDURES
from tests.unit.recording import Graph

GRANT_DATABASE_ROLE = "snowflake:index/grantDatabaseRole:GrantDatabaseRole"
GRANT_TO_ROLE = "snowflake:index/grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole"
PROCEDURE = "snowflake:index/procedurePython:ProcedurePython"
NAMES = sorted(path.stem for path in source.DIRECTORY.glob("*.py") if path.stem != "__init__")


def forget() -> None:
    source._module.cache_clear()
    source._with_neighbours.cache_clear()


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of handlers to be written."""
    monkeypatch.setattr(source, "DIRECTORY", tmp_path)
    forget()
    yield tmp_path
    forget()


def run(text: str) -> dict[str, object]:
    space: dict[str, object] = {"__name__": "handler"}
    exec(compile(text, "handler", "exec"), space)
    return space


@pytest.mark.parametrize("name", NAMES)
def test_a_handler_stands_by_itself(name: str) -> None:
    text = handler_source(name)
    tree = ast.parse(text)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imported <= sys.stdlib_module_names
    run(text)


def test_a_text_does_what_its_file_does() -> None:
    arguments = ("HCS0001", "m", None, "s", [{"role": "user", "content": "a  b"}])
    assert run(handler_source("prompt_key"))["main"](*arguments) == prompt_key.main(*arguments)  # type: ignore[operator]


def test_the_digest_tells_an_edit_of_case_alone(handlers: Path) -> None:
    (handlers / "one.py").write_text("def main():\n    return 'a'\n")
    before = handler_source("one")
    forget()
    (handlers / "one.py").write_text("def main():\n    return 'A'\n")
    after = handler_source("one")
    first, body = after.split("\n", 1)
    assert first == f"# content: {hashlib.sha256(body.encode()).hexdigest()[:16]}"
    assert before.lower() != after.lower()


def test_constants_are_written_over() -> None:
    text = handler_source("list_users", {"TENANT_MANAGEMENT": "OTHER.PLACE"})
    assert run(text)["TENANT_MANAGEMENT"] == "OTHER.PLACE"
    assert "TENANT_MANAGEMENT" in constants_of("list_users")


def test_a_constant_that_is_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"list_users\.py and what it imports have no constant COLOUR"):
        handler_source("list_users", {"COLOUR": "blue"})


def test_no_handler_of_that_name() -> None:
    with pytest.raises(ValueError, match="there is no handler nothing"):
        handler_source("nothing")


def test_one_name_in_two_files_is_refused(handlers: Path) -> None:
    (handlers / "one.py").write_text(f"from {source.PACKAGE}.two import helper\ndef main(): pass\n")
    (handlers / "two.py").write_text("def helper(): pass\ndef main(): pass\n")
    with pytest.raises(ValueError, match=r"two\.py and one\.py both define main"):
        handler_source("one")


def test_a_circle_of_imports_is_refused(handlers: Path) -> None:
    (handlers / "one.py").write_text(f"from {source.PACKAGE}.two import b\na = 1\n")
    (handlers / "two.py").write_text(f"from {source.PACKAGE}.one import a\nb = 1\n")
    with pytest.raises(ValueError, match="one → two → one"):
        handler_source("one")


def test_a_foreign_import_is_refused(handlers: Path) -> None:
    (handlers / "one.py").write_text("import pulumi\ndef main(): pass\n")
    with pytest.raises(ValueError, match=r"one\.py imports pulumi"):
        handler_source("one")


@pytest.mark.parametrize("routine", PROCEDURES, ids=lambda routine: routine.name)
def test_a_procedure_has_its_handlers_arguments(routine: Routine, graph: Graph) -> None:
    main = run(handler_source(routine.handler))["main"]
    assert list(inspect.signature(main).parameters) == ["session", *routine.arguments]  # type: ignore[arg-type]
    declared = graph.one(PROCEDURE, f"TENANT_MANAGEMENT-{routine.name}").inputs
    assert declared["executeAs"] == ("OWNER" if routine.owners_rights else "CALLER")
    assert [argument["argName"] for argument in declared["arguments"]] == list(routine.arguments)


def test_only_what_suspends_has_its_owners_rights(graph: Graph) -> None:
    owners = {one.name for one in graph.of(PROCEDURE) if one.inputs["executeAs"] == "OWNER"}
    assert owners == {"TENANT_MANAGEMENT-SUSPEND_ORGANIZATION", "TENANT_MANAGEMENT-RESUME_ORGANIZATION"}


def test_a_suspension_takes_what_the_program_grants(graph: Graph) -> None:
    roles = {
        "APPLICATION_ROLE": "HCS0001_APP",
        "ANALYST_ROLE": "HCS0001_ANALYST",
        "ADMINISTRATOR_ROLE": "HCS0001_ADMIN",
    }
    granted = {
        one.inputs["parentRoleName"]: one.inputs["databaseRoleName"]
        for one in graph.of(GRANT_DATABASE_ROLE, "HCS0001")
        if one.inputs.get("parentRoleName") in roles.values()
    }
    assert granted == {roles[column]: f'"HCS0001_DB"."{role}"' for column, role in DATABASE_ROLES.items()}
    privileges = {
        one.inputs["accountRoleName"]: ", ".join(one.inputs["privileges"])
        for one in graph.of(GRANT_TO_ROLE, "HCS0001")
        if one.inputs["accountRoleName"] in roles.values()
    }
    assert privileges == {roles[column]: words for column, words in WAREHOUSE_PRIVILEGES.items()}
