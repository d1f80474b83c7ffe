"""The provider's recorded answers, each of them.

`tests/conformance/snowflake-provider.json` holds what the real pulumi-snowflake provider (upstream 2.17) answered
to checks and diffs of 43 resource types. See `emulator.snowflake.rules`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator.package import DiffAnswer
from emulator.snowflake.rules import check, diff, is_automatic_name

RECORDED = Path(__file__).parent.parent / "conformance" / "snowflake-provider.json"
CASES: list[dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
LOGICAL_NAME = "example"
TYPES = sorted({case["type"] for case in CASES})


def test_all_cases_are_there() -> None:
    assert len(CASES) == 678
    assert len(TYPES) == 43


@pytest.mark.parametrize("type_token", TYPES, ids=lambda token: token.rsplit(":", 1)[-1])
def test_answers_as_recorded(type_token: str) -> None:
    disagreements = []
    for case in CASES:
        if case["type"] == type_token:
            problem = _check(case) if case["kind"] == "check" else _diff(case)
            if problem:
                disagreements.append(f"{case['id']}: {problem}")
    assert not disagreements, "\n".join(disagreements)


def _top_level(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _check(case: dict[str, Any]) -> str:
    answer = check(case["type"], case["inputs"], {}, LOGICAL_NAME, b"seed")
    failed = [(failure.property, failure.reason) for failure in answer.failures]
    if bool(failed) != case["refused"]:
        return f"refused should be {case['refused']}: {failed}"
    about = case.get("about")
    # The recording took two of the names from the middle of a text: those are looked for there.
    named = {_top_level(path) for path, _ in failed}
    if about is not None and about not in named and not any(about in reason for _, reason in failed):
        return f"should be about {about}: {failed}"
    if case.get("autonamed") and not is_automatic_name(LOGICAL_NAME, answer.inputs.get("name")):
        return f"should have made up a name, not {answer.inputs.get('name')!r}"
    if "name" in case["inputs"] and not failed and answer.inputs["name"] != case["inputs"]["name"]:
        return "changed a given name"
    return ""


def _diff(case: dict[str, Any]) -> str:
    old = check(case["type"], case["old"], {}, LOGICAL_NAME, b"seed")
    if old.failures:
        return f"the old inputs should pass: {old.failures}"
    new = check(case["type"], case["new"], old.inputs, LOGICAL_NAME, b"seed")
    if new.failures:
        return "" if case["answer"] == "refused" else f"should not be refused: {new.failures}"
    answer = diff(case["type"], old.inputs, new.inputs, name=LOGICAL_NAME)
    if _verdict(answer) != case["answer"]:
        return f"should be {case['answer']}: {answer.changes}"
    if "order" in case and answer.delete_before_replace != (case["order"] == "delete first"):
        return f"should {case['order']}"
    if "because" in case and sorted(answer.replaces) != sorted(case["because"]):
        return f"should be because of {case['because']}, not {answer.replaces}"
    if diff(case["type"], case["old"], case["new"], name=LOGICAL_NAME) != answer:
        return "unchecked inputs should give the same answer"
    state = {**old.inputs, "id": "x", "fullyQualifiedName": "X", "owner": "SYSADMIN"}
    if diff(case["type"], state, new.inputs, name=LOGICAL_NAME, old_outputs=state) != answer:
        return "the state alone should give the same answer"
    return ""


def _verdict(answer: DiffAnswer) -> str:
    if not answer.changes:
        return "none"
    return "replace" if answer.replaces else "update"
