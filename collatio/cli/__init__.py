"""The `collatio` command. Start-up time is a feature: a command loads what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its status."""
    from collatio.cli.program import program

    program.main()
