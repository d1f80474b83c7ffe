"""A stack's file is changed in the values that are meant, and in no other character."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.failure import BadInputError
from cli.place import ROOT
from cli.settings_file import edited

BACKEND = ("config", "nexuschat:apps", "backend")
TEXT = """\
# Head.
config:
  nexuschat:apps:   # the four
    backend:
      # Why this one.
      image: "one:1"  # pinned
      min_replicas: 2

    # Between.
    site: {image: 'two:2', max_replicas: 3}
  other:key: last
"""


def changed_lines(before: str, after: str) -> list[str]:
    return [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if line[:3] not in ("---", "+++") and line[:2] != "@@"
    ]


def test_a_value_is_replaced_and_its_comment_stays() -> None:
    assert changed_lines(TEXT, edited(TEXT, BACKEND, {"image": "new@sha256:ab"})) == [
        '-      image: "one:1"  # pinned',
        "+      image: new@sha256:ab  # pinned",
    ]


def test_a_new_key_goes_to_the_end_of_its_mapping() -> None:
    after = edited(TEXT, BACKEND, {"release": {"image": "new:2", "weight": 10}, "previous": "one:0"})
    assert changed_lines(TEXT, after) == ["+      release: {image: 'new:2', weight: 10}", "+      previous: one:0"]
    assert after.index("previous") < after.index("# Between.")


def test_what_was_added_can_be_removed_and_leaves_no_trace() -> None:
    for path in (BACKEND, ("config", "nexuschat:apps", "site")):
        added = edited(TEXT, path, {"release": {"image": "new:2", "weight": 10}, "previous": "x:1"})
        assert edited(added, path, {"previous": None, "release": None}) == TEXT
        assert edited(added, path, {"release": None, "previous": None}) == TEXT


def test_a_value_in_braces_is_changed_in_its_line() -> None:
    after = edited(TEXT, ("config", "nexuschat:apps", "site"), {"image": "two:3", "previous": "two:2"})
    assert changed_lines(TEXT, after)[-1] == "+    site: {image: 'two:3', max_replicas: 3, previous: 'two:2'}"


def test_the_first_key_in_braces_can_be_removed() -> None:
    after = edited(TEXT, ("config", "nexuschat:apps", "site"), {"image": None})
    assert "site: {max_replicas: 3}" in after


def test_a_block_is_replaced_as_a_whole() -> None:
    text = "config:\n  a:\n    release:\n      image: x:1\n      weight: 5\n    # Tail.\n    z: 1\n"
    after = edited(text, ("config", "a"), {"release": {"image": "y:1", "weight": 9}})
    assert yaml.safe_load(after)["config"]["a"] == {"release": {"image": "y:1", "weight": 9}, "z": 1}
    assert "# Tail." in after
    assert yaml.safe_load(edited(text, ("config", "a"), {"release": None})) == {"config": {"a": {"z": 1}}}


ENTRIES = [{"policy": "a", "reason": "one, two"}, {"policy": "b"}, {"policy": "c"}]


def test_a_list_of_mappings_gets_a_line_for_each() -> None:
    after = edited(TEXT, ("config",), {"exceptions": ENTRIES})
    assert changed_lines(TEXT, after) == [
        "+  exceptions:",
        "+    - {policy: a, reason: 'one, two'}",
        "+    - {policy: b}",
        "+    - {policy: c}",
    ]
    assert edited(after, ("config",), {"exceptions": None}) == TEXT
    assert edited(edited(TEXT, ("config",), {"exceptions": []}), ("config",), {"exceptions": ENTRIES}) == after


@pytest.mark.parametrize("feed", ["\n", "\r\n"])
@pytest.mark.parametrize("ending", ["", "\n# Tail.\n"])
def test_entries_that_stay_are_left_as_they_are(feed: str, ending: str) -> None:
    text = ("x:\n- policy: a  # why\n  reason: one, two\n- {policy: b}\n- policy: c # last" + ending).replace(
        "\n", feed
    )
    after = edited(text, (), {"x": [ENTRIES[0], ENTRIES[2], {"policy": "d"}]})
    assert after == text.replace(f"- {{policy: b}}{feed}", "").replace("# last", f"# last{feed}- {{policy: d}}")
    assert edited(text, (), {"x": ENTRIES[1:]}) == text.replace(f"- policy: a  # why{feed}  reason: one, two{feed}", "")
    assert edited(text, (), {"x": ENTRIES}) == text
    for other in ([ENTRIES[1], ENTRIES[0]], [{"policy": "d"}], []):
        assert yaml.safe_load(edited(text, (), {"x": other})) == {"x": other}


def test_what_is_missing_along_the_way_is_added() -> None:
    after = edited(TEXT, ("config", "nexuschat:apps", "search"), {"image": "m:1"})
    assert yaml.safe_load(after)["config"]["nexuschat:apps"]["search"] == {"image": "m:1"}
    assert changed_lines(TEXT, after) == ["+    search: {image: 'm:1'}"]
    assert edited(TEXT, ("config", "nexuschat:apps", "search"), {"image": None}) == TEXT


@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_last_line_of_a_file_counts_too(ending: str) -> None:
    text = "config:\n  app:\n    image: a:1" + ending
    after = edited(text, ("config", "app"), {"image": "b:1", "previous": "a:1"})
    assert yaml.safe_load(after) == {"config": {"app": {"image": "b:1", "previous": "a:1"}}}
    assert edited(after, ("config", "app"), {"image": "a:1", "previous": None}).rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config:\n  a: &x {image: 1}\n  b: *x\n", "cannot be changed alone"),
        ("config:\n  b:\n    image: &x one\n    other: *x\n", "cannot be changed alone"),
        ("config: [1]\n", "config is no mapping"),
        ("config:\n  b: text\n", "config.b is no mapping"),
    ],
)
def test_what_cannot_be_edited_alone_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        edited(text, ("config", "b"), {"image": "x"})


@pytest.mark.parametrize("file", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_committed_files_come_back_as_they_were(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    apps: dict[str, Any] = yaml.safe_load(text)["config"]["nexuschat:apps"]
    for app, settings in apps.items():
        path = ("config", "nexuschat:apps", app)
        after = edited(text, path, {"image": "new:2", "previous": "old:1", "release": {"image": "c:1", "weight": 10}})
        # Three lines more, and the line of the image that is replaced.
        assert len(changed_lines(text, after)) == 3 + ("image" in settings)
        back = edited(after, path, {"release": None, "previous": None, "image": settings.get("image")})
        assert yaml.safe_load(back) == yaml.safe_load(text)
        assert [line for line in changed_lines(text, back) if "image" not in line] == []
