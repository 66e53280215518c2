"""The name and version of the shipped comparator, importable without its libraries: step keys hold it."""

from __future__ import annotations

NAME = "words"
VERSION = "6"
ENGINE = f"{NAME}@{VERSION}"
"""Raise VERSION whenever the same two documents and options would compare differently than before."""

PLAN_ENGINE = "plan@5"
"""The planner's name and version; raise the version whenever the same manifest would be planned differently."""
