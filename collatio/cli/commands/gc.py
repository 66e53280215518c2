"""`collatio gc`: remove blobs that nothing names any more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import Duration, gateway_option, json_option

if TYPE_CHECKING:
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import CollectBlobsResponse


@click.command(short_help="Remove blobs that nothing names any more.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="The data folder of `run --data` or `up --data`, while no mesh runs on it.",
)
@click.option(
    "--older-than",
    type=Duration(),
    help="Only what was last used longer ago than this, an hour or more. Unset: as the mesh is set, 30 days.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@gateway_option
@json_option
@click.pass_obj
def gc(
    surroundings: Surroundings,
    *,
    data: Path | None,
    older_than: float | None,
    dry_run: bool,
    gateway: str | None,
    as_json: bool,
) -> int:
    """Remove blobs that no kept job and no known step names, and that nobody used for long.

    A mesh that runs does this by itself, once an hour; what running jobs need is never taken.
    """
    from google.protobuf.json_format import MessageToJson

    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.running import run_async

    if (data is None) == (gateway is None):
        raise click.UsageError("name one of --data and --gateway (or COLLATIO_GATEWAY)")
    found = run_async(lambda: _collect(surroundings, data, gateway, older_than, dry_run=dry_run))
    if as_json:
        click.echo(MessageToJson(found, always_print_fields_with_no_presence=True, indent=2))
        return ExitStatus.OK
    verb = "would be removed" if dry_run else "removed"
    click.echo(f"{found.removed_count} of {found.held_count} blobs {verb} ({found.removed_bytes} bytes)")
    return ExitStatus.OK


async def _collect(
    surroundings: Surroundings,
    data: Path | None,
    gateway: str | None,
    older_than_s: float | None,
    *,
    dry_run: bool,
) -> CollectBlobsResponse:
    from collatio.cli.session import open_session

    async with open_session(surroundings, surroundings.talk(), gateway=gateway, data_dir=data) as session:
        return await session.client.collect_blobs(min_age_s=older_than_s, dry_run=dry_run)
