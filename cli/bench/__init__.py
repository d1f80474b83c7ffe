"""`nexus bench`."""

from cli.bench.command import command

__all__ = ["command"]
