"""`collatio mesh`: the mesh itself."""

from __future__ import annotations

import click

from collatio.cli.commands.mesh_status import mesh_status


@click.group()
def mesh() -> None:
    """Look at the mesh itself."""


mesh.add_command(mesh_status)
