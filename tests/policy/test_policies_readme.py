"""The list of policies in policies/README.md has all of them; `./nexus docs` writes it, and a test of it compares."""

from __future__ import annotations

from policies.catalogue import POLICIES
from policies.readme import listed


def test_every_policy_is_listed_with_what_serves_it() -> None:
    text = listed()
    for policy in POLICIES:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| [{policy.id}]("))
        assert policy.title in row
        assert all(cited.removeprefix("45 CFR ") in row for cited in policy.safeguards)
        assert all(f"`{parameter}`" in row for parameter in policy.parameters)
