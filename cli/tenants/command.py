"""`nexus tenants`: its verbs."""

from __future__ import annotations

import typer

from cli.tenants.editing import add, change, list_, resume, suspend
from cli.tenants.export import export
from cli.tenants.remove import remove

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Take organisations on, change, suspend, export and remove them; `./nexus up` finishes each change.",
    epilog="Example: ./nexus tenants add --monthly-credits 100",
)
app.command("list")(list_)
for verb in (add, change, suspend, resume, export, remove):
    app.command()(verb)
