"""Who may import whom, over the whole repository: cli → infra → components, cli → emulator and policies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Our packages, and which of ours each may import besides itself.
ALLOWED: dict[str, set[str]] = {
    "components": set(),
    "emulator": set(),
    "policies": set(),
    "infra": {"components"},
    "cli": {"infra", "components", "emulator", "policies", "bench"},
    "__main__": {"infra"},
    "bench": {"components"},
}
#: The command, before its environment stands, has the standard library only.
COMMAND = "nexus"


def imported(source: str, package: str) -> set[str]:
    """The top-level packages that a module imports, at its head or inside a function or a string of `import_module`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(package if node.level else str(node.module).split(".")[0])
        elif (
            isinstance(node, ast.Call)
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"import_module", "__import__"}
        ):
            found.add(node.args[0].value.split(".")[0])
    return found


def modules(package: str) -> list[Path]:
    if (ROOT / f"{package}.py").is_file():
        return [ROOT / f"{package}.py"]
    return sorted((ROOT / package).rglob("*.py"))


def breaches(package: str, source: str) -> set[str]:
    return (imported(source, package) & (ALLOWED.keys() | {"tests"})) - ALLOWED[package] - {package}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_arrows(package: str) -> None:
    found = modules(package)
    # A package that does not stand yet breaks no arrow; those of the program must stand.
    assert found or package in {"policies", "bench"}, f"no modules of {package}"
    wrong = {
        str(path.relative_to(ROOT)): sorted(beyond)
        for path in found
        if (beyond := breaches(package, path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_every_package_of_ours_has_its_arrows() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/*.py")} - {"tests"}
    hidden = {name for name in packages if name.startswith(".")}
    assert packages - hidden <= ALLOWED.keys()


@pytest.mark.parametrize(
    ("package", "source", "wrong"),
    [
        ("components", "from infra.naming import organization_names", {"infra"}),
        ("components", "def f():\n    import cli.deployment", {"cli"}),
        ("emulator", "import components.snowflake as c", {"components"}),
        ("emulator", "import importlib\nimportlib.import_module('infra.program')", {"infra"}),
        ("infra", "from emulator import package", {"emulator"}),
        ("infra", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cli import x", {"cli"}),
        ("policies", "from components.base import Component", {"components"}),
        ("cli", "import tests.unit", {"tests"}),
        ("infra", "from components.base import Component\nfrom . import naming", set()),
        ("cli", "import infra.program, emulator.cloud", set()),
    ],
)
def test_a_wrong_arrow_is_found(package: str, source: str, wrong: set[str]) -> None:
    assert breaches(package, source) == wrong
