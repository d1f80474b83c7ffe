"""The SDKs as a run imports them: every name is there as ever, and only what is named is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from cli.place import ROOT

PACKAGES = ("pulumi_snowflake", "pulumi_azure_native.keyvault", "pulumi_azure_native.monitor")
LEAN = "from cli import lean_sdk; lean_sdk.install()\n"
NAMES = f"""
import importlib, json
found = {{}}
for package in map(importlib.import_module, {PACKAGES!r}):
    for name in __NAMES__:
        value = getattr(package, name, None)
        found[f"{{package.__name__}}.{{name}}"] = f"{{type(value).__name__}} {{getattr(value, '__module__', '')}}"
print(json.dumps(found))
"""


TYPES = f"""
import importlib, json
from pulumi import _types as types
found = {{}}
for package in map(importlib.import_module, {PACKAGES!r}):
    for holder in (package, package.outputs):
        for name in __NAMES__:
            value = getattr(holder, name, None)
            if isinstance(value, type):
                # What the SDK itself asks of a class, when it sends and when it receives.
                hints = types._types_from_py_properties(value)
                found[f"{{holder.__name__}}.{{name}}"] = {{of: repr(hint) for of, hint in hints.items()}}
print(json.dumps(found))
"""


def run(code: str) -> str:
    # By its standard input: a list of thousands of names is too long for an argument.
    done = subprocess.run([sys.executable, "-"], input=code, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_every_name_of_a_package_is_what_it_is_without() -> None:
    ordinary = json.loads(run(NAMES.replace("__NAMES__", "[name for name in dir(package) if name[:1] != '_']")))
    wanted: dict[str, list[str]] = {package: [] for package in PACKAGES}
    for name in ordinary:
        package, _, plain = name.rpartition(".")
        wanted[package].append(plain)
    lean = json.loads(run(LEAN + NAMES.replace("__NAMES__", f"{wanted!r}[package.__name__]")))
    assert len(ordinary) > 2000
    assert lean == ordinary


def test_every_type_resolves_as_without_though_few_are_made() -> None:
    ordinary = json.loads(run(TYPES.replace("__NAMES__", "[name for name in dir(holder) if name[:1] != '_']")))
    wanted: dict[str, list[str]] = {}
    for name in ordinary:
        holder, _, plain = name.rpartition(".")
        wanted.setdefault(holder, []).append(plain)
    # Each is asked right after it was made, while most are not: what it mentions must be there all the same.
    lean = json.loads(run(LEAN + TYPES.replace("__NAMES__", f"{wanted!r}[holder.__name__]")))
    assert sum(map(len, ordinary.values())) > 10_000
    assert lean == ordinary


def test_a_type_is_made_when_it_is_asked_for() -> None:
    code = """
import pulumi_snowflake as snowflake
import pulumi_snowflake.table as table
from pulumi_snowflake import _inputs, outputs
made = lambda module: sum(isinstance(value, type) for value in vars(module).values())
print(made(_inputs) < 20, made(outputs) < 20, "TableColumnArgs" in vars(table), "AlertAlertScheduleArgs" in vars(table))
print(_inputs.AlertAlertScheduleArgs is snowflake.AlertAlertScheduleArgs is table.AlertAlertScheduleArgs)
print(hasattr(_inputs, "AlertAlertScheduleArg"), len(_inputs.__all__) > 1000)
"""
    assert run(LEAN + code).splitlines() == ["True True True False", "True", "False True"]


KEYVAULT = """
import sys
from pulumi_azure_native import keyvault
print(keyvault.VaultPropertiesArgs, sys.modules["pulumi_azure_native.keyvault._inputs"].__loader__.parts() is not None)
"""


def test_what_is_kept_is_made_anew_where_it_is_damaged(tmp_path: Path) -> None:
    elsewhere = f"import pulumi, sys\nsys.pycache_prefix = {str(tmp_path)!r}\n{LEAN}{KEYVAULT}"
    first = run(elsewhere)
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*.lean")}
    assert len(kept) >= 3
    for number, (file, whole) in enumerate(kept.items()):
        # Cut off, of another version, empty.
        file.write_bytes((whole[: len(whole) // 2], b"\0" + whole[1:], b"")[number % 3])
    assert run(elsewhere) == first == "<class 'pulumi_azure_native.keyvault._inputs.VaultPropertiesArgs'> True\n"
    assert {file: file.read_bytes() for file in kept} == kept


def test_where_nothing_can_be_kept_modules_are_imported_as_ever(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = f"import pulumi, sys\nsys.pycache_prefix = {str(tmp_path / 'file')!r}\n{LEAN}{KEYVAULT}"
    assert run(nowhere) == "<class 'pulumi_azure_native.keyvault._inputs.VaultPropertiesArgs'> False\n"


def test_only_what_is_named_is_loaded() -> None:
    code = """
import sys
import pulumi_snowflake as snowflake
from pulumi_azure_native import keyvault
from pulumi_snowflake import config, outputs
assert "pulumi_snowflake.account_role" not in sys.modules
print(snowflake.AccountRole.__name__, snowflake.TableColumnArgs.__name__, keyvault.Vault.__name__)
print(snowflake.get_databases.__name__, snowflake.get_databases_output.__name__)
assert not hasattr(snowflake, "AccountRoll")
"""
    loaded = "print(*sorted(m for m in sys.modules if m.startswith('pulumi_snowflake.')))"
    first, second, modules = run(f"{LEAN}{code.replace('assert not', loaded + chr(10) + 'assert not')}").splitlines()
    assert first == "AccountRole TableColumnArgs Vault"
    assert second == "get_databases get_databases_output"
    assert "pulumi_snowflake.account_role" in modules.split()
    assert "pulumi_snowflake.notebook" not in modules.split()


def test_what_code_names_is_loaded_ahead_of_its_use() -> None:
    code = """
import sys
import components.azure.key_vault as user
lean_sdk.load_named([user])
print("pulumi_azure_native.keyvault.vault" in sys.modules, "pulumi_azure_native.keyvault.managed_hsm" in sys.modules)
"""
    assert run(LEAN + code) == "True False\n"
