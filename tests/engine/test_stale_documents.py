"""The documentation as a whole: every drawing and table is what the real engine makes of production's declaration."""

from __future__ import annotations

from nexus_command import Nexus


def test_no_document_is_stale(nexus: Nexus) -> None:
    ran = nexus.run("docs", "--check", "--json", expect=None)
    assert ran.answer["stale"] == [], "run ./nexus docs"
    assert ran.answer["parts"] > 15
    assert ran.code == 0, ran
    assert list(nexus.home.rglob("*")) == [], "something of the drawn stack is left"
