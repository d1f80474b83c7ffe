"""The list of policies in policies/README.md is what the catalogue has; `python -m policies.readme` writes it."""

from __future__ import annotations

from policies.catalogue import POLICIES
from policies.readme import README, listed, updated


def test_the_list_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert updated(text) == text, "run: python -m policies.readme"


def test_every_policy_is_listed_with_what_serves_it() -> None:
    text = listed()
    for policy in POLICIES:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| [{policy.id}]("))
        assert policy.title in row
        assert all(cited.removeprefix("45 CFR ") in row for cited in policy.safeguards)
        assert all(f"`{parameter}`" in row for parameter in policy.parameters)
