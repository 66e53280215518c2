"""`python -m collatio.cli` is the `collatio` command."""

from __future__ import annotations

from collatio.cli import main

main()
