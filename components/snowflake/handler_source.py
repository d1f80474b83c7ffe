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
from functools import cache
from pathlib import Path

PACKAGE = "components.snowflake.handlers"
DIRECTORY = Path(__file__).parent / "handlers"
#: The comment with the text's own digest. The provider compares bodies without case and white space, so that an edit of
#: either would otherwise never arrive.
DIGEST_COMMENT = "# content: "

Constant = str | int | float | tuple[str, ...]


def handler_source(name: str, constants: Mapping[str, Constant] | None = None) -> str:
    """The text of `handlers/<name>.py` with all that it needs, and `constants` in place of those that it has.

    Raises ValueError where there is no such handler, a constant that no file has, two files that define one name, or an
    import of anything but the standard library.
    """
    wanted = dict(constants or {})
    order: list[str] = []
    _visit(name, order, ())
    defined: dict[str, str] = {}
    imports: set[str] = set()
    parts: list[str] = []
    used: set[str] = set()
    for module in order:
        tree = _parsed(module)
        body: list[ast.stmt] = []
        for statement in tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                if not _is_own(statement) and not _is_future(statement):
                    _require_standard(module, statement)
                    imports.add(ast.unparse(statement))
                continue
            for defines in _names(statement):
                if defines in defined:
                    raise ValueError(f"{defined[defines]}.py and {module}.py both define {defines}")
                defined[defines] = module
                if defines in wanted and isinstance(statement, (ast.Assign, ast.AnnAssign)):
                    statement = ast.parse(f"{defines} = {wanted[defines]!r}").body[0]
                    used.add(defines)
            body.append(statement)
        tree.body = body
        parts.append(ast.unparse(tree))
    if unknown := set(wanted) - used:
        raise ValueError(f"{name}.py and what it imports have no constant {', '.join(sorted(unknown))}")
    text = "\n\n".join(["from __future__ import annotations\n" + "\n".join(sorted(imports)), *parts]) + "\n"
    return f"{DIGEST_COMMENT}{hashlib.sha256(text.encode()).hexdigest()[:16]}\n{text}"


def constants_of(name: str) -> frozenset[str]:
    """The constants that `handler_source` may write over for this handler."""
    order: list[str] = []
    _visit(name, order, ())
    return frozenset(
        defines
        for module in order
        for statement in _parsed(module).body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for defines in _names(statement)
    )


@cache
def _text(name: str) -> str:
    path = DIRECTORY / f"{name}.py"
    if not path.is_file():
        raise ValueError(f"there is no handler {name}: no file {path.name} in {PACKAGE}")
    return path.read_text(encoding="utf-8")


def _parsed(name: str) -> ast.Module:
    return ast.parse(_text(name))


def _visit(name: str, order: list[str], within: tuple[str, ...]) -> None:
    if name in within:
        raise ValueError(f"handlers import each other in a circle: {' → '.join((*within, name))}")
    if name in order:
        return
    for statement in _parsed(name).body:
        if isinstance(statement, ast.ImportFrom) and _is_own(statement):
            if any(alias.asname for alias in statement.names):
                raise ValueError(f"{name}.py: an import from a neighbour may give no other name")
            _visit(str(statement.module).removeprefix(f"{PACKAGE}."), order, (*within, name))
    order.append(name)


def _require_standard(name: str, statement: ast.Import | ast.ImportFrom) -> None:
    modules = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else [a.name for a in statement.names]
    for module in modules:
        if module.split(".")[0] not in sys.stdlib_module_names:
            raise ValueError(f"{name}.py imports {module}: a handler has the standard library alone")


def _is_own(statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return (statement.module or "").startswith(f"{PACKAGE}.")
    return False


def _is_future(statement: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []
