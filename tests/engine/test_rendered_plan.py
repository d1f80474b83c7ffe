"""The script of a stack that was never up: all that it declares can be told from its plan."""

from __future__ import annotations

from nexus_command import Nexus


def test_an_organisation_that_is_suspended_from_its_beginning_is_told(nexus: Nexus) -> None:
    nexus.tenants(HCS0001={}, HCS0002={"suspended": True})
    script = nexus.run("sql", "render", "--set", f"tenants_file={nexus.tenants_file}").stdout
    made = script.index('PROCEDURE "VIDEXA_SHARED"."TENANT_MANAGEMENT"."SUSPEND_ORGANIZATION"')
    row = script.index("-- Execute HCS0002-row")
    called = script.index("""CALL "VIDEXA_SHARED"."TENANT_MANAGEMENT"."SUSPEND_ORGANIZATION"('HCS0002');""")
    assert max(made, row) < called
    assert "SUSPEND_ORGANIZATION\"('HCS0001')" not in script
