"""The map of users: both forms mean the same, and all that is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.migrate.users import MapError, read_map

KNOWN = frozenset({"HCS0001", "HCS0002"})
USER = "64b0f0a1c2d3e4f5a6b7c8d9"


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.csv", f"\ufeffuser,organization\r\n{USER.upper()},HCS0001\r\n\r\nAnna@Clinic.example, HCS0002\r\n"),
        ("map.yaml", f"# who\n{USER}: HCS0001\nanna@clinic.example: HCS0002\n"),
    ],
)
def test_both_forms(tmp_path: Path, name: str, text: str) -> None:
    found = read_map(write(tmp_path, name, text), KNOWN)
    assert found.organizations == {USER: "HCS0001", "anna@clinic.example": "HCS0002"}
    assert found.emails == {"anna@clinic.example"}


def test_an_id_of_digits_is_no_number(tmp_path: Path) -> None:
    digits = "012345678901234567890123"
    assert read_map(write(tmp_path, "map.yml", f"{digits}: HCS0001\n"), KNOWN).organizations == {digits: "HCS0001"}


def test_everything_wrong_is_said_at_once_without_addresses(tmp_path: Path) -> None:
    text = f"user,organization\n{USER},HCS0099\nnobody,HCS0001\n{USER},HCS0001\nanna@clinic.example\na@b.de,HCS0001\n"
    with pytest.raises(MapError) as caught:
        read_map(write(tmp_path, "map.csv", text), KNOWN)
    assert str(caught.value).splitlines() == [
        "map.csv:2: 'HCS0099' is no declared organisation: mend it, or add it to the tenants' file, and `./nexus up`",
        "map.csv:3: the user is neither an id of 24 hexadecimal digits nor a mail address",
        "map.csv:4: the user of line 2 again: one line a user",
        "map.csv:5: 1 cells, not two",
    ]
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("map.csv", "", "header"),
        ("map.csv", "organization,user\n", "header"),
        ("map.csv", "user,organization\n", "maps nobody"),
        ("map.csv", 'user,organization\n"x', "is not CSV"),
        ("map.yaml", "- a\n", "not a mapping"),
        ("map.yaml", "a: [\n", "is not YAML"),
        ("map.yaml", "[" * 20_000, "is not YAML"),
        ("map.yaml", f"{USER}: [HCS0001]\n", "is not `user: organisation`"),
        ("map.yaml", f"{USER}: HCS0001\n{USER}: HCS0002\n", "of line 1 again"),
        ("map.txt", "", "a .csv or a .yaml"),
    ],
)
def test_what_is_no_map(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(MapError, match=words):
        read_map(write(tmp_path, name, text), KNOWN)


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MapError, match=r"^map\.csv cannot be read: No such file"):
        read_map(tmp_path / "map.csv", KNOWN)
