"""`collatio up`: a mesh on this machine until it is stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import data_option

if TYPE_CHECKING:
    from collatio.cli.surroundings import Surroundings


@click.command(short_help="Keep a mesh up on this machine.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=50050, show_default=True, help="The gateway's port."
)
@data_option
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A folder or file that `file:` URIs in jobs may name; may be repeated. Unset: none.",
)
@click.pass_obj
def up(surroundings: Surroundings, *, port: int, data: Path | None, roots: tuple[Path, ...]) -> int:
    """Start a mesh on this machine and keep it up until Ctrl-C.

    It listens on loopback only. The gateway's address goes to standard output once the mesh serves, those of the
    stages' own servers to standard error. COLLATIO_VALKEY_URL names a Valkey to use instead of one of the mesh's own:
    redis://HOST:PORT/0, or sentinel://HOST:PORT,HOST:PORT/0?primary=NAME.
    """
    from collatio.cli.exit_status import ExitStatus, StoppedBySignal
    from collatio.cli.running import run_async

    absolute = tuple(root.absolute() for root in roots)
    try:
        run_async(lambda: _up(surroundings, port, data, absolute))
    except StoppedBySignal as stopped:
        if stopped.signum != signal.SIGTERM:
            raise
    return ExitStatus.OK  # whoever supervises it stops it with SIGTERM: that is its ordinary end


async def _up(surroundings: Surroundings, port: int, data: Path | None, roots: tuple[Path, ...]) -> None:
    talk = surroundings.talk()
    began = surroundings.monotonic()
    async with surroundings.open_mesh(data_dir=data, port=port, roots=roots) as mesh:
        talk.say(f"mesh up in {surroundings.monotonic() - began:.1f} s; Ctrl-C stops it")
        own = ", ".join(f"{stage} {target}" for stage, target in mesh.stage_targets.items())
        talk.say(f"its stages answer too: {own}")
        if data is None:
            talk.say("what it learns is thrown away at the end; --data DIR keeps it")
        click.echo(mesh.gateway_target)
        raise await mesh.wait_failed()
