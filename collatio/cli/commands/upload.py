"""`collatio upload`: put files into a mesh, and print what to call them in a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import named_gateway_option

if TYPE_CHECKING:
    from collatio.cli.surroundings import Surroundings


@click.command(short_help="Upload files, to name them in a job.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@named_gateway_option
@click.pass_obj
def upload(surroundings: Surroundings, *, files: tuple[Path, ...], gateway: str) -> int:
    """Upload files and print a blob:sha256:... URI for each, in order, which a job takes as a source.

    Bytes that the mesh holds already are not sent again. A file that cannot be read is told on standard
    error, and makes the exit status 1.
    """
    from collatio.cli.running import run_async

    return run_async(lambda: _upload(surroundings, gateway, files))


async def _upload(surroundings: Surroundings, gateway: str, files: tuple[Path, ...]) -> int:
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.folders import local_failure
    from collatio.cli.session import connect

    status = ExitStatus.OK
    async with connect(gateway) as client:
        for file in files:
            try:
                blob = await client.upload(file)
            except OSError as error:
                failure = local_failure(str(file), error).failure
                surroundings.talk().say(f"collatio: {failure.reason}: {file}")
                status = ExitStatus.SOME_FAILED
            else:
                click.echo(f"blob:sha256:{blob.sha256}")
    return status
