"""`nexus sql render`: the declared Snowflake side as SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.console import console
from cli.failure import BadInputError
from cli.render.graph import declared
from cli.render.plan import planned
from cli.render.script import Declared, ordered, text, warehouse_of, written


def command(
    stack: options.Stack = "local",
    tenant: Annotated[
        str | None, typer.Option(metavar="ORGANIZATION", help="This organisation alone; the shared part stands.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write it into this file (otherwise to the standard output).")
    ] = None,
    set_: options.Overrides = None,
) -> None:
    """Write what a stack declares of Snowflake as SQL for a worksheet: ordered, repeatable, without a secret.

    Example: ./nexus sql render --stack prod --tenant HCS0007 --out hcs0007.sql
    """
    script = rendered(declared(planned(stack, set_ or [], quiet=out is None)), stack, tenant)
    if out is None:
        sys.stdout.write(script)
        return
    try:
        out.write_text(script, encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"--out {out}: {error.strerror}.") from None
    console().print(f"{len(script.splitlines())} lines in {out}", markup=False, highlight=False)


def rendered(found: list[Declared], stack: str, tenant: str | None = None) -> str:
    """The script of all, or of one organisation. Raises `BadInputError` for one that is not declared."""
    warehouse = warehouse_of(found)
    what = f"stack {stack}"
    if tenant is not None:
        known = sorted({each.tenant for each in found if each.tenant})
        if tenant not in known:
            raise BadInputError(f"--tenant {tenant}: no such organisation is declared; there are {', '.join(known)}.")
        found = [each for each in found if each.tenant == tenant]
        what = f"organisation {tenant} of stack {stack}, into an account that has the shared part"
    return text(ordered(written(found), warehouse), f"Snowflake of {what}", warehouse)
