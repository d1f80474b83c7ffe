"""Imports of the two large SDKs that load what a program names, instead of every type there is.

A package of a generated SDK imports each of its modules into itself (`from .account import *`): Snowflake's 220, and
290 for Azure's network alone, of which a program names a few. That took half of a run's start. Here such a package
runs its own `__init__.py` without those lines, and imports a module when the first of its names is asked for.

Three modules of a package hold the types of all its resources, thousands of classes. Of these a class is made when it
is asked for, or when code that is loaded mentions it. A mention within a text counts: annotations name classes so, and
are resolved later, among the names of their module.

What a source is taken apart into is kept beside the bytecode that Python keeps of it: the first run after the set-up
takes some seconds longer for that. Where nothing can be written, only the packages are lean.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import marshal
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NamedTuple

_SNOWFLAKE: Final = "pulumi_snowflake"
_AZURE: Final = "pulumi_azure_native."
_TYPES: Final = frozenset({"_enums", "_inputs", "outputs"})
"""The modules whose classes are made one by one."""
_AS_EVER: Final = frozenset({"_tables", "_utilities", "pulumi_plugin"})
"""The modules that hold no resource and are imported as by anybody."""
_MODULES: Final = "_modules_of_the_sdk"
"""What a lean package keeps the names of its modules under."""
_OURS: Final = importlib.util.source_hash(Path(__file__).read_bytes())
"""What is kept is of one version of this file."""
_MAKING: Final = threading.RLock()
"""Held while classes are made. Nothing is imported meanwhile, so nobody who holds it waits for an import."""


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
            modules = set(vars(package).get(_MODULES, ()))
            named = {guess for name in names for guess in _guesses(name)} & modules
            for module in named | (_TYPES & modules):
                _take(package, module, names)


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
    """Finds the SDKs' packages and their modules where everybody does, and gives them the lean loaders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if _SNOWFLAKE not in (fullname, package) and not fullname.startswith(_AZURE):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return spec
        if spec.submodule_search_locations:
            if package != _SNOWFLAKE:
                spec.loader = _PackageLoader(fullname, spec.loader.path)
        elif name not in _AS_EVER and vars(sys.modules[package]).get(_MODULES):
            spec.loader = _ModuleLoader(fullname, spec.loader.path)
        return spec


class _Parts(NamedTuple):
    """A source taken apart into what is run at once and what only where it is needed."""

    code: CodeType
    mentioned: frozenset[str]
    classes: dict[str, bytes]
    """Of a module of types each class: its code and what it mentions."""
    modules: list[str]
    """The modules whose names it takes all."""


class _Loader(SourceFileLoader):
    def parts(self) -> _Parts | None:
        """The source's parts as they were kept, or made now and kept. None where they cannot be kept."""
        source = os.stat(self.path)
        key = marshal.dumps((importlib.util.MAGIC_NUMBER, source.st_mtime_ns, source.st_size, _OURS))
        file = Path(importlib.util.cache_from_source(self.path)).with_suffix(".lean")
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
            kept = file.read_bytes()
            if kept.startswith(key):
                # Our own, as trusted as the bytecode beside it.
                return _Parts(*marshal.loads(kept[len(key) :]))  # noqa: S302
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".new")
        except OSError:
            return None
        made = _taken_apart(self.get_data(self.path), self.path)
        try:
            with open(handle, "wb") as new:
                new.write(key + marshal.dumps(tuple(made)))
            os.replace(name, file)
        except OSError:
            Path(name).unlink(missing_ok=True)
        return made


class _PackageLoader(_Loader):
    def exec_module(self, module: ModuleType) -> None:
        parts = self.parts() or _taken_apart(self.get_data(self.path), self.path)
        # Those of all input types and enumerations first: they are there once any resource's module is.
        vars(module)[_MODULES] = sorted(parts.modules, key=lambda name: not name.startswith("_"))
        vars(module)["__getattr__"] = _getter(module)
        exec(parts.code, vars(module))  # noqa: S102 - the package's own code


class _ModuleLoader(_Loader):
    def exec_module(self, module: ModuleType) -> None:
        parts = self.parts()
        if parts is None:
            super().exec_module(module)
            return
        package = sys.modules[module.__name__.rpartition(".")[0]]
        space = _Space(module, parts.classes, [_module(package, name) for name in parts.modules])
        vars(module)["__getattr__"] = space.get
        space.bring(parts.mentioned)
        exec(parts.code, vars(module))  # noqa: S102 - the module's own code


class _Space:
    """The names of a module, of which most are made, or taken of other modules, when they are asked for."""

    def __init__(self, module: ModuleType, classes: Mapping[str, bytes], taken: Sequence[ModuleType]) -> None:
        self._module = module
        self._there = vars(module)
        self._classes = dict(classes)
        # Of a name that two have, the later line's is taken.
        self._taken = [(other, frozenset(other.__all__)) for other in reversed(taken)]

    def get(self, name: str) -> Any:
        """What the module answers for a name that is not there."""
        with _MAKING:
            if self._brought(name):
                return self._there[name]
        raise AttributeError(f"module {self._module.__name__!r} has no attribute {name!r}", name=name, obj=self._module)

    def bring(self, names: Iterable[str]) -> None:
        """See that those of `names` that the module has are there."""
        with _MAKING:
            for name in names:
                self._brought(name)

    def _brought(self, name: str) -> bool:
        if name in self._there:
            return True
        if name in self._classes:
            code, mentioned = marshal.loads(self._classes.pop(name))  # noqa: S302 - a part of what was kept
            self.bring(code.co_names)
            exec(code, self._there)  # noqa: S102 - the module's own code
            # Only now: classes mention each other.
            self.bring(mentioned)
            return True
        for module, names in self._taken:
            if name in names:
                self._there[name] = getattr(module, name)
                return True
        return False


def _taken_apart(source: bytes, path: str) -> _Parts:
    tree = ast.parse(source, path)
    of_types = Path(path).stem in _TYPES
    takes = [node for node in tree.body if isinstance(node, ast.ImportFrom) and _takes_all(node)]
    classes = [node for node in tree.body if of_types and isinstance(node, ast.ClassDef)]
    apart = {*takes, *classes}
    code = _compiled([node for node in tree.body if node not in apart], path)
    return _Parts(
        code,
        # That of types lists all its names, and uses none of them.
        frozenset() if of_types else _mentioned(code),
        {node.name: marshal.dumps((made := _compiled([node], path), _mentioned(made))) for node in classes},
        [node.module for node in takes if node.module],
    )


def _takes_all(node: ast.ImportFrom) -> bool:
    return node.level == 1 and bool(node.module) and [name.name for name in node.names] == ["*"]


def _compiled(body: list[ast.stmt], path: str) -> CodeType:
    return compile(ast.Module(body, []), path, "exec", dont_inherit=True)


def _mentioned(part: Any) -> frozenset[str]:
    """Every name in code, and in its texts of one line: annotations are among them, and descriptions are not."""
    if isinstance(part, CodeType):
        return frozenset(part.co_names).union(*map(_mentioned, part.co_consts))
    if isinstance(part, tuple):
        return frozenset().union(*map(_mentioned, part))
    return frozenset(re.findall(r"[^\W\d]\w*", part) if isinstance(part, str) and "\n" not in part else ())


def _getter(package: ModuleType) -> Callable[[str], Any]:
    def get(name: str) -> Any:
        """A name of the package: from the module that should have it, else from the first that has it."""
        modules: list[str] = vars(package)[_MODULES]
        # Private names and other submodules are none that a module would bring: importing asks for them here too.
        if not name.startswith("_") and (name in modules or not _is_submodule(package, name)):
            likely = [guess for guess in _guesses(name) if guess in modules]
            for module in dict.fromkeys([*likely, *modules]):
                if name in _take(package, module, {name}):
                    return vars(package)[name]
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}", name=name, obj=package)

    return get


def _module(package: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.{name}")


def _take(package: ModuleType, module: str, named: set[str]) -> Sequence[str]:
    """What the line that was left out does: import a module, and take all that it offers, or of types those `named`.

    Gives all names that it offers.
    """
    found = _module(package, module)
    names: Sequence[str] = found.__all__
    wanted = named.intersection(names) if module in _TYPES else names
    vars(package).update({name: getattr(found, name) for name in wanted})
    return names


def _is_submodule(package: ModuleType, name: str) -> bool:
    return importlib.util.find_spec(f"{package.__name__}.{name}") is not None
