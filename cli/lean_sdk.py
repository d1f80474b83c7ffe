"""Imports of the two large SDKs that load what a program names, instead of every resource type there is.

A package of a generated SDK imports each of its modules into itself (`from .account import *`): Snowflake's 220, and
290 for Azure's network alone, of which a program names a few. That took half of a run's start. Here such a package
runs its own `__init__.py` without those lines, and imports a module when the first of its names is asked for.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, Final

_SNOWFLAKE: Final = "pulumi_snowflake"
_AZURE: Final = "pulumi_azure_native."
_MODULES: Final = "_modules_of_the_sdk"
"""What a lean package keeps the names of its modules under."""


def install() -> None:
    """Import the SDKs' packages lean from now on. Those that are there already stay as they are."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def load_named(users: Iterable[ModuleType]) -> None:
    """Import now what the code of `users` names of the lean packages, rather than at its first use."""
    for user in users:
        packages = [value for value in vars(user).values() if isinstance(value, ModuleType) and _is_of_an_sdk(value)]
        loader = user.__spec__.loader if user.__spec__ else None
        if not packages or not isinstance(loader, SourceFileLoader):
            continue
        names = _names(loader.get_code(user.__name__))
        for package in packages:
            hasattr(package, "__all__")  # Azure's packages are loaded at the first look at any attribute.
            modules = vars(package).get(_MODULES, ())
            for module in {guess for name in names for guess in _guesses(name)} & set(modules):
                _take(package, module)


def _is_of_an_sdk(module: ModuleType) -> bool:
    return module.__name__ == _SNOWFLAKE or module.__name__.startswith(_AZURE)


def _names(code: CodeType | None) -> set[str]:
    """Every global and attribute that the code and what is defined in it mention."""
    if code is None:
        return set()
    return set(code.co_names).union(*(_names(const) for const in code.co_consts if isinstance(const, CodeType)))


def _guesses(name: str) -> list[str]:
    """Where the generator puts a resource, its arguments, or a function: `GrantAccountRole` in `grant_account_role`."""
    plain = name.removesuffix("Args").removesuffix("_output")
    return [re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", one).lower() for one in (plain, name)]


class _Finder(MetaPathFinder):
    """Finds the SDKs' packages where everybody does, and gives them the lean loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _SNOWFLAKE and not fullname.startswith(_AZURE):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.submodule_search_locations and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        tree = ast.parse(self.get_data(self.path), self.path)
        modules = {node.module: node for node in tree.body if isinstance(node, ast.ImportFrom) and _takes_all(node)}
        tree.body = [node for node in tree.body if node not in modules.values()]
        # Those of all input types and enumerations first: they are there once any resource's module is.
        vars(module)[_MODULES] = sorted((name for name in modules if name), key=lambda name: not name.startswith("_"))
        vars(module)["__getattr__"] = _getter(module)
        exec(compile(tree, self.path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the package's own code


def _takes_all(node: ast.ImportFrom) -> bool:
    return node.level == 1 and bool(node.module) and [name.name for name in node.names] == ["*"]


def _getter(package: ModuleType) -> Callable[[str], Any]:
    def get(name: str) -> Any:
        """A name of the package: from the module that should have it, else from the first that has it."""
        modules: list[str] = vars(package)[_MODULES]
        # Private names and other submodules are none that a module would bring: importing asks for them here too.
        if not name.startswith("_") and (name in modules or not _is_submodule(package, name)):
            likely = [guess for guess in _guesses(name) if guess in modules]
            for module in dict.fromkeys([*likely, *modules]):
                if name in _take(package, module):
                    return vars(package)[name]
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}", name=name, obj=package)

    return get


def _take(package: ModuleType, module: str) -> Sequence[str]:
    """What the line that was left out does: import a module, and take all that it offers. Gives their names."""
    found = importlib.import_module(f"{package.__name__}.{module}")
    names: Sequence[str] = found.__all__
    vars(package).update({name: vars(found)[name] for name in names})
    return names


def _is_submodule(package: ModuleType, name: str) -> bool:
    return importlib.util.find_spec(f"{package.__name__}.{name}") is not None
