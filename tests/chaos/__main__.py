"""`python -m tests.chaos`: random chaos in full, with a line of progress and a table at the end.

`SEEDS`, `KILLS`, `DOCUMENTS` and `FIRST` (the first seed) in the environment say how much.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.disturbed import Ground, Scale
from tests.support.places import ROOT

if TYPE_CHECKING:
    from tests.chaos.disturbed import Account

DOCUMENTS_A_JOB = 150
LOGS = ROOT / "build" / "chaos"
END_S_MAX = 60.0
HEAD = (
    "| seed | faults (under work) | documents | steps | lost | duplicate commits | messages run again "
    "| steps run again | sent a step | end after the last fault | took |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(account: Account) -> str:
    """Write a run's line of the table."""
    f = account.findings
    name = "none" if account.seed < 0 else account.seed
    cells = [name, f"{account.faults} ({account.busy})", f"{account.documents:,}", f"{f.steps:,}", f.lost]
    cells += [f.duplicate_commits, f.messages_lost, f.runs_again, f"{account.sent_a_step:.3f}"]
    cells += [f"{account.end_s:.1f} s", f"{account.took_s:.0f} s"]
    return f"| {' | '.join(map(str, cells))} |"


async def main() -> int:
    """Run every seed; exit status 1 if anything was wrong."""
    number = {name: int(os.environ.get(name, default)) for name, default in _DEFAULTS.items()}
    jobs = max(1, number["DOCUMENTS"] // DOCUMENTS_A_JOB)
    scale = Scale(number["KILLS"], number["DOCUMENTS"], jobs)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        ground = Ground(Path(folder), scale, keep=LOGS)
        _progress("undisturbed")
        account = await ground.survey()
        accounts = [account]
        wrong += _tell(account)
        for seed in range(number["FIRST"], number["FIRST"] + number["SEEDS"]):
            began, place = time.monotonic(), f"seed {seed} ({len(accounts)}/{number['SEEDS']})"
            account = await ground.disturbed(
                seed,
                lambda text, place=place, began=began: _progress(  # type: ignore[misc] # bound now, used later
                    f"{place}, {time.monotonic() - began:.0f} s: {text}"
                ),
            )
            accounts.append(account)
            wrong += _tell(account)
    print("\n".join([HEAD, *map(row, accounts)]), flush=True)
    return 1 if wrong else 0


_DEFAULTS = {"SEEDS": 20, "KILLS": 40, "DOCUMENTS": 3_000, "FIRST": 1}


def _tell(account: Account) -> int:
    if account.faults and account.end_s > END_S_MAX:
        account.wrong.append(f"the jobs ended {account.end_s:.0f} s after the last fault")
    _progress("")
    print(row(account), flush=True)
    for sentence in account.wrong[:20]:
        print(f"  WRONG: {sentence}", flush=True)
    return len(account.wrong)


def _progress(text: str) -> None:
    """Show where we are, on a terminal in one line."""
    start, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    if text or start:
        print(f"{start}{text}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
