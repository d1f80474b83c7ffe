"""Puts one handler's text together from the files in `handlers`.

Snowflake runs a routine from one text. What a handler takes from its neighbours is written before it, each file once,
in the order in which they need each other; the imports between them go. Deployment settings are constants at the top
of a file: they are written over, and one that no file has is refused.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "components.snowflake.handlers"
DIRECTORY = Path(__file__).parent / "handlers"
#: The comment with the text's own digest. The provider compares bodies without case and white space, so that an edit of
#: either would otherwise never arrive.
DIGEST_COMMENT = "# content: "

Constant = str | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Module:
    """One file: its lines, its neighbours, its other imports, and the lines on which each name is defined."""

    lines: tuple[str, ...]
    neighbours: tuple[str, ...]
    imports: tuple[str, ...]
    #: First and last line (from 1) of every import.
    import_lines: tuple[tuple[int, int], ...]
    #: Name → first and last line of what defines it.
    definitions: Mapping[str, tuple[int, int]]
    #: Names that are assigned a value: those may be written over.
    constants: frozenset[str]


def handler_source(name: str, constants: Mapping[str, Constant] | None = None) -> str:
    """The text of `handlers/<name>.py` with all that it needs, and `constants` in place of those that it has.

    Raises ValueError where there is no such handler, a constant that no file has, two files that define one name, or an
    import of anything but the standard library.
    """
    wanted = dict(constants or {})
    defined: dict[str, str] = {}
    imports: set[str] = set()
    parts: list[str] = []
    used: set[str] = set()
    for file in _with_neighbours(name):
        module = _module(file)
        imports.update(module.imports)
        lines: list[str | None] = list(module.lines)
        for first, last in module.import_lines:
            lines[first - 1 : last] = [None] * (last - first + 1)
        for defines, (first, last) in module.definitions.items():
            if defines in defined:
                raise ValueError(f"{defined[defines]}.py and {file}.py both define {defines}")
            defined[defines] = file
            if defines in wanted and defines in module.constants:
                lines[first - 1 : last] = [f"{defines} = {wanted[defines]!r}", *([None] * (last - first))]
                used.add(defines)
        parts.append("\n".join(line for line in lines if line is not None).strip())
    if unknown := set(wanted) - used:
        raise ValueError(f"{name}.py and what it imports have no constant {', '.join(sorted(unknown))}")
    text = "\n\n\n".join(["\n".join(["from __future__ import annotations", "", *sorted(imports)]), *parts]) + "\n"
    return f"{DIGEST_COMMENT}{hashlib.sha256(text.encode()).hexdigest()[:16]}\n{text}"


def constants_of(name: str) -> frozenset[str]:
    """The constants that `handler_source` may write over for this handler."""
    return frozenset(constant for file in _with_neighbours(name) for constant in _module(file).constants)


@cache
def _module(name: str) -> _Module:
    path = DIRECTORY / f"{name}.py"
    if not path.is_file():
        raise ValueError(f"there is no handler {name}: no file {path.name} in {PACKAGE}")
    text = path.read_text(encoding="utf-8")
    neighbours: list[str] = []
    imports: list[str] = []
    import_lines: list[tuple[int, int]] = []
    definitions: dict[str, tuple[int, int]] = {}
    constants: set[str] = set()
    for statement in ast.parse(text).body:
        lines = (statement.lineno, statement.end_lineno or statement.lineno)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            import_lines.append(lines)
            module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
            if module.startswith(f"{PACKAGE}."):
                if any(alias.asname for alias in statement.names):
                    raise ValueError(f"{name}.py: an import from a neighbour may give no other name")
                neighbours.append(module.removeprefix(f"{PACKAGE}."))
            elif module != "__future__":
                _require_standard(name, statement)
                imports.append(ast.unparse(statement))
            continue
        for defines in _names(statement):
            definitions[defines] = lines
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                constants.add(defines)
    return _Module(
        tuple(text.splitlines()),
        tuple(neighbours),
        tuple(imports),
        tuple(import_lines),
        definitions,
        frozenset(constants),
    )


@cache
def _with_neighbours(name: str) -> tuple[str, ...]:
    """The handler's file and all that it needs, each behind those that it needs itself."""
    order: list[str] = []
    _visit(name, order, ())
    return tuple(order)


def _visit(name: str, order: list[str], within: tuple[str, ...]) -> None:
    if name in within:
        raise ValueError(f"handlers import each other in a circle: {' → '.join((*within, name))}")
    if name in order:
        return
    for neighbour in _module(name).neighbours:
        _visit(neighbour, order, (*within, name))
    order.append(name)


def _require_standard(name: str, statement: ast.Import | ast.ImportFrom) -> None:
    modules = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else [a.name for a in statement.names]
    for module in modules:
        if module.split(".")[0] not in sys.stdlib_module_names:
            raise ValueError(f"{name}.py imports {module}: a handler has the standard library alone")


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []
