"""Write docs/errors.md from the catalogue of reasons; `--check` compares instead."""

from __future__ import annotations

import sys
from pathlib import Path

from google.rpc import code_pb2
from page import publish, table

from collatio.runtime.errors import CATALOGUE, Category, Reason
from collatio.runtime.rpc.status import CODES

PAGE = Path(__file__).with_name("errors.md")
HEAD = """\
# Errors

Every failure carries a reason, a word to branch on. A call that fails has it in the `ErrorInfo` of its status
(`domain: "collatio"`, with the trace id in `metadata.trace_id`); a document that fails has it in its
`DocumentError`, and a job in its own. It is the same vocabulary everywhere. "Again" says whether the same request
may succeed later without a change; a status then carries `RetryInfo` where the delay is known. A bad request lists
each bad field in `BadRequest`.

This page is made from `collatio/runtime/errors.py` by `make docs`.
"""


def render() -> str:
    """Write the page: a table for each status code that has reasons, in the order of the categories."""
    lines = [HEAD]
    for category in Category:
        reasons = sorted(reason for reason in Reason if CATALOGUE[reason].category is category)
        if reasons:
            lines += [f"## {code_pb2.Code.Name(CODES[category])}", ""]
            lines += table(("reason", "again", "what it means", "what to do"), map(_row, reasons))
            lines.append("")
    return "\n".join(lines)


def _row(reason: Reason) -> tuple[str, ...]:
    entry = CATALOGUE[reason]
    return f"`{reason}`", "yes" if entry.retryable else "no", entry.meaning, entry.remedy


if __name__ == "__main__":
    raise SystemExit(publish(PAGE, render(), sys.argv[1:]))
