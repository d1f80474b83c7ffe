"""What the Python of functions and procedures may import: the standard library, and declared packages that are here.

Snowflake has an environment of its own for them; what this process happens to have installed is none of theirs.
"""

from __future__ import annotations

import builtins
import importlib.util
import re
import sys
from collections.abc import Iterable
from typing import Any


def handler_builtins(packages: Iterable[str]) -> dict[str, Any]:
    """Python's built-in names, with an `import` that knows the standard library and these PACKAGES."""
    declared = {
        re.split(r"[=<>!~ \[]", package, maxsplit=1)[0].lower().replace("-", "_").replace(".", "_")
        for package in packages
    }

    def import_(name: str, *arguments: Any, **named: Any) -> Any:
        top = name.split(".", 1)[0]
        known = top in sys.stdlib_module_names or (
            top.lower() in declared and importlib.util.find_spec(top) is not None
        )
        if not known:
            raise ModuleNotFoundError(f"No module named '{top}'", name=top)
        return builtins.__import__(name, *arguments, **named)

    return {**vars(builtins), "__import__": import_}
