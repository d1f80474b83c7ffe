"""Loads single modules of an SDK package without importing the whole of it.

Importing `pulumi_snowflake` takes more than a second and 118 MB, since its `__init__` imports every
resource and every data source. A resource's module needs only the package's `_utilities`, `_inputs` and
`_enums`. So each package is mounted a second time under a private name with empty package modules, and
modules are imported from there: the program's own import of the SDK is not touched.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_PREFIX = "_embedded_sdk_"
_REGISTRATION = re.compile(r'_utilities\.register\(\s*resource_modules="""(.*?)"""', re.DOTALL)
_lock = threading.RLock()


class SdkPackage:
    """One installed SDK package, by Pulumi's package name (`snowflake`, `azure-native`, …)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module_name = "pulumi_" + name.replace("-", "_")
        found = importlib.util.find_spec(self.module_name)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"the SDK of package {name!r} ({self.module_name}) is not installed")
        self.directory = Path(found.origin).parent
        self._classes: dict[str, tuple[str, str]] | None = None

    @property
    def classes(self) -> dict[str, tuple[str, str]]:
        """Type token → (module below the package, "" for its root; class name)."""
        if self._classes is None:
            source = (self.directory / "__init__.py").read_text(encoding="utf-8")
            registration = _REGISTRATION.search(source)
            if registration is None:
                raise ImportError(f"{self.module_name} registers no resource modules: an SDK of an unknown layout")
            classes: dict[str, tuple[str, str]] = {}
            for entry in json.loads(registration.group(1)):
                below = entry["fqn"].removeprefix(self.module_name).removeprefix(".")
                for token, class_name in entry["classes"].items():
                    classes[token] = (sys.intern(below), class_name)
            self._classes = classes
        return self._classes

    def resource_class(self, token: str) -> type[Any] | None:
        """The resource class of a type token, or None where the package has no such type."""
        known = self.classes.get(token)
        if known is None:
            return None
        below, class_name = known
        return self._class_in(below, class_name)

    def provider_class(self) -> type[Any]:
        """The class of the package's provider resource."""
        return self._class_in("", "Provider")

    def _class_in(self, below: str, class_name: str) -> type[Any]:
        with _lock:
            parent = self._mount(below)
            directory = self.directory.joinpath(*below.split(".")) if below else self.directory
            module = importlib.import_module(f"{parent.__name__}.{_file_of(directory, class_name)}")
            found: type[Any] = getattr(module, class_name)
            return found

    def _mount(self, below: str) -> ModuleType:
        """The empty stand-in for the package (or for a package below it) that modules are imported from."""
        root_name = _PREFIX + self.module_name
        root = sys.modules.get(root_name)
        if root is None:
            root = _empty_package(root_name, self.directory)
            # `_utilities` derives the package's version from its own module name, so it keeps the real one.
            specification = importlib.util.spec_from_file_location(
                f"{self.module_name}._utilities", self.directory / "_utilities.py"
            )
            if specification is None or specification.loader is None:
                raise ImportError(f"{self.module_name} has no _utilities module: an SDK of an unknown layout")
            utilities = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(utilities)
            sys.modules[f"{root_name}._utilities"] = utilities
            root._utilities = utilities  # type: ignore[attr-defined]
            _stub_outputs(root)
        module, directory = root, self.directory
        for part in below.split(".") if below else []:
            directory = directory / part
            name = f"{module.__name__}.{part}"
            mounted = sys.modules.get(name)
            if mounted is None:
                mounted = _empty_package(name, directory)
                _stub_outputs(mounted)
                setattr(module, part, mounted)
            module = mounted
        return module


def _empty_package(name: str, directory: Path) -> ModuleType:
    module = ModuleType(name, "A stand-in for an SDK package: see emulator.introspection.packages.")
    module.__path__ = [str(directory)]
    sys.modules[name] = module
    return module


def _stub_outputs(package: ModuleType) -> None:
    """Output types are named in annotations alone, which stay text: half of the SDK need not be loaded."""
    outputs = ModuleType(f"{package.__name__}.outputs")
    sys.modules[outputs.__name__] = outputs
    package.outputs = outputs  # type: ignore[attr-defined]


def _file_of(directory: Path, class_name: str) -> str:
    stem = _stems(directory).get(class_name.lower())
    if stem is None:
        raise ImportError(f"no module in {directory.name} holds the class {class_name}: an SDK of an unknown layout")
    return stem


@cache
def _stems(directory: Path) -> dict[str, str]:
    """Module names by their letters alone: the generator writes `AFDOrigin` to `afd_origin.py`."""
    return {
        path.stem.replace("_", ""): path.stem
        for path in directory.glob("*.py")
        if not path.stem.startswith(("_", "get_", "list_"))
    }


@cache
def package(name: str) -> SdkPackage:
    """The installed SDK package; `ModuleNotFoundError` where it is not installed."""
    return SdkPackage(name)
