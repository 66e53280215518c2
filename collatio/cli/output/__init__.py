"""What a job's results look like outside the mesh: rows, lines, files, findings. Nothing here knows click.

The same rows feed `run -o`, `results`, `extract` and reports. They are camelCase, each with `schemaVersion`.
"""

from __future__ import annotations

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes away; a new key does not raise it."""
