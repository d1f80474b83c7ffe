"""What introspection keeps on disk is what the SDK says, and never stands in the way of it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.azure import shapes
from emulator.introspection import TypeSpec, keep_in, kept, provider_spec, resource_types, specification, type_spec

WAREHOUSE = "snowflake:index/warehouse:Warehouse"
CONTAINER_APP = "azure-native:app:ContainerApp"


def _forget() -> None:
    """What a process knows is gone with the process."""
    for function in (resource_types, type_spec, provider_spec, shapes.type_shapes, shapes.api_version):
        function.cache_clear()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    _forget()
    keep_in(tmp_path / "introspection")
    yield tmp_path / "introspection"
    keep_in(None)
    _forget()


@pytest.fixture
def no_sdk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it, and from then on the SDKs' modules cannot be asked."""

    def refuse(name: str) -> Any:
        raise AssertionError(f"the SDK of {name} is asked")

    def remove() -> None:
        monkeypatch.setattr(specification, "package", refuse)
        monkeypatch.setattr(shapes, "package", refuse)

    return remove


def document_of(spec: TypeSpec | None) -> dict[str, Any]:
    assert spec is not None
    return specification.to_document(spec)


@pytest.mark.parametrize("package", ["snowflake", "random", "tls"])
def test_a_document_tells_all_of_every_type(package: str) -> None:
    for token in resource_types(package):
        told = document_of(type_spec(package, token))
        again = specification.from_document(package, token, told)
        assert (again.package, again.token) == (package, token)
        assert specification.to_document(again) == told


def test_a_document_tells_all_of_types_that_are_deeply_nested() -> None:
    spec = type_spec("azure-native", CONTAINER_APP)
    told = document_of(spec)
    again = specification.from_document("azure-native", CONTAINER_APP, told)
    assert specification.to_document(again) == told
    containers = again.properties["template"].type.fields.properties["containers"].type  # type: ignore[union-attr]
    assert "probes" in containers.element.fields.properties  # type: ignore[union-attr]
    outputs = shapes.type_shapes(CONTAINER_APP)
    assert outputs is not None
    told = shapes.to_document(outputs.outputs)
    assert shapes.to_document(shapes.from_document(told)) == told


def test_the_next_process_asks_no_sdk(directory: Path, no_sdk: Any) -> None:
    def everything() -> list[Any]:
        outputs = shapes.type_shapes(CONTAINER_APP)
        assert outputs is not None
        return [
            document_of(type_spec("snowflake", WAREHOUSE)),
            document_of(provider_spec("snowflake")),
            resource_types("snowflake"),
            shapes.to_document(outputs.outputs),
            outputs.inputs.keys(),
            shapes.api_version(CONTAINER_APP),
        ]

    keep_in(None)
    asked = everything()
    _forget()
    keep_in(directory)
    assert everything() == asked
    _forget()
    no_sdk()
    assert everything() == asked


def test_a_type_that_no_sdk_has_is_still_none(directory: Path, no_sdk: Any) -> None:
    assert resource_types("snowflake")
    no_sdk()
    assert type_spec("snowflake", "snowflake:index/submarine:Submarine") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": "another", "value": null}'])
def test_a_damaged_document_is_read_from_the_sdk_again(directory: Path, damage: bytes) -> None:
    told = document_of(type_spec("snowflake", WAREHOUSE))
    (file,) = directory.glob("snowflake-*/*warehouse*.json")
    whole = file.read_bytes()
    file.write_bytes(damage)
    _forget()
    assert document_of(type_spec("snowflake", WAREHOUSE)) == told
    assert file.read_bytes() == whole


def test_another_sdk_has_documents_of_its_own(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_spec("snowflake", WAREHOUSE)
    real = importlib.metadata.PathDistribution.read_text
    monkeypatch.setattr(
        importlib.metadata.PathDistribution,
        "read_text",
        lambda self, name: f"{real(self, name)}another file" if name == "RECORD" else real(self, name),
    )
    keep_in(directory)
    _forget()
    type_spec("snowflake", WAREHOUSE)
    assert len(list(directory.glob("snowflake-*/*warehouse*.json"))) == 2


def test_an_sdk_whose_files_cannot_be_told_apart_keeps_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata.PathDistribution, "read_text", lambda self, name: None)
    assert type_spec("snowflake", WAREHOUSE) is not None
    assert not directory.exists()


def test_a_place_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    keep_in(blocked / "introspection")
    _forget()
    try:
        assert type_spec("snowflake", WAREHOUSE) is not None
        assert not kept.is_kept("snowflake")
    finally:
        keep_in(None)
        _forget()
