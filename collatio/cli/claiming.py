"""Make sure of an output folder before any work is done for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from collatio.cli.output.folder import FolderInUse, claim

if TYPE_CHECKING:
    from pathlib import Path


def claim_or_refuse(folder: Path, *, force: bool) -> None:
    """Claim a folder. Errors: a usage error that says why it cannot be used."""
    try:
        claim(folder, force=force)
    except FolderInUse as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{folder}: {error.strerror}") from error
