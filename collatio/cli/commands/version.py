"""`collatio version`."""

from __future__ import annotations

import click


@click.command()
def version() -> int:
    """Print the version of this command."""
    from collatio import __version__

    click.echo(f"collatio {__version__}")
    return 0
