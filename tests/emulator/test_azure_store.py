"""The store: what is on disk after a restart, a refusal, or a kill."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.store import StoredResource
from tests.emulator.azure_provider import Azure


def test_a_restart_finds_everything_as_it_was(tmp_path: Path) -> None:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.group()
    made = [azure.identity(), azure.vault(), azure.secret(value="kept"), azure.environment()]
    gone = azure.secret("gone", "old")
    azure.delete(gone)
    azure.package.store.close()

    again = Azure(AzurePackage(AzureStore(tmp_path)))
    for resource in made:
        answer = again.read(resource)
        assert (answer.inputs, answer.outputs) == (resource.inputs, resource.outputs)
    assert again.read(gone).id == ""
    assert again.package.store.soft_deleted(gone.id) is not None
    again.package.store.close()


def test_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    store = AzureStore(tmp_path / "azure")
    assert stat.S_IMODE((tmp_path / "azure" / "azure.sqlite3").stat().st_mode) == 0o600
    store.close()


def test_a_transaction_that_fails_leaves_nothing_in_memory_or_on_disk(tmp_path: Path) -> None:
    store = AzureStore(tmp_path)
    resource = StoredResource("/subscriptions/s/resourceGroups/a", "Microsoft.Resources/resourceGroups", {})

    def fail_after(change: Callable[[], None]) -> None:
        with store.transaction():
            change()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after(lambda: store.put(resource))
    assert store.find(resource.id) is None
    with store.transaction():
        store.put(resource)
    with pytest.raises(RuntimeError):
        fail_after(lambda: store.remove(resource.id))
    assert store.find(resource.id) is not None
    store.close()
    again = AzureStore(tmp_path)
    assert again.find(resource.id.upper()) is not None
    again.close()


_WRITER = """
import sys
from collections.abc import Callable
from pathlib import Path
from emulator.azure import AzurePackage, AzureStore
from tests.emulator.azure_provider import Azure
azure = Azure(AzurePackage(AzureStore(Path(sys.argv[1]))))
azure.group()
azure.vault()
for number in range(100_000):
    made = azure.secret(f"secret-{number}", f"value-{number}")
    if number % 3 == 0:
        azure.delete(made)
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_keeps_each_finished_change_and_no_half_of_one(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert writer.stdout is not None
    done = -1
    for line in writer.stdout:
        done = int(line)
        if done == 60:
            break
    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    store = AzureStore(tmp_path)
    vault = f"{Azure(AzurePackage(store)).group_id()}/providers/Microsoft.KeyVault/vaults/kv-test"
    for number in range(done + 1):
        identity = f"{vault}/secrets/secret-{number}"
        if number % 3 == 0:
            assert store.find(identity) is None
            assert store.soft_deleted(identity) is not None
        else:
            stored = store.find(identity)
            assert stored is not None
            assert stored.private["versions"][0]["value"] == f"value-{number}"
    # Whatever was under way is there whole or not at all: each resource is complete.
    for resource in store.within(vault):
        assert json.loads(json.dumps(resource.body))["properties"]["secretUri"].endswith(resource.name)
    store.close()
