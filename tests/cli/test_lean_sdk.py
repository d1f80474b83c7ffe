"""The SDKs as a run imports them: every name is there as ever, and only what is named is loaded."""

from __future__ import annotations

import json
import subprocess
import sys

from cli.place import ROOT

PACKAGES = ("pulumi_snowflake", "pulumi_azure_native.keyvault")
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


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_name_of_a_package_is_what_it_is_without() -> None:
    ordinary = json.loads(run(NAMES.replace("__NAMES__", "[name for name in dir(package) if name[:1] != '_']")))
    wanted: dict[str, list[str]] = {package: [] for package in PACKAGES}
    for name in ordinary:
        package, _, plain = name.rpartition(".")
        wanted[package].append(plain)
    lean = json.loads(run(LEAN + NAMES.replace("__NAMES__", f"{wanted!r}[package.__name__]")))
    assert len(ordinary) > 2000
    assert lean == ordinary


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
