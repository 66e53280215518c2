"""`python -m tests.chaos.mutants`: take a guarantee out of the code, one at a time, and see the tests fail.

A test that cannot fail proves nothing. Each mutant is one edit in a copy of the tree, and names the tests that must
notice it. Whatever is edited is found by its text: a mutant whose text is gone is a fault of this list.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import ROOT

LEDGER = "collatio/runtime/ledger/lua"
JOURNAL = "gateway/journal/lua"
LEDGER_TESTS = "tests/unit/runtime/ledger"
JOURNAL_TESTS = "tests/unit/gateway/journal"
FAILED = 1  # pytest: tests ran and some failed


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guarantee, where it stands, what takes its place, and the tests that hold it."""

    guarantee: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "fencing: an outcome from its holder alone",
        f"{LEDGER}/settle.lua",
        "elseif item.token == 0 or tonumber(step.t) ~= item.token then",
        "elseif false then",
        (f"{LEDGER_TESTS}/test_settle.py",),
    ),
    Mutant(
        "the gateway's epoch: one writer a job",
        f"{JOURNAL}/write.lua",
        "if tonumber(found[1]) ~= args.epoch or ENDED[found[2]] then",
        "if ENDED[found[2]] then",
        (f"{JOURNAL_TESTS}/test_write.py",),
    ),
    Mutant(
        "the window: bounded work outstanding",
        f"{LEDGER}/take_function.lua",
        "if left <= 0 and out > 0 then",
        "if false then",
        (f"{LEDGER_TESTS}/test_take.py",),
    ),
    Mutant(
        "interest: nothing runs that nobody wants",
        f"{LEDGER}/prelude.lua",
        "local function wanted(key)\n",
        "local function wanted(key)\n  do return true end\n",
        (
            f"{LEDGER_TESTS}/test_interest.py",
            f"{LEDGER_TESTS}/test_claim.py",
            f"{LEDGER_TESTS}/test_renew.py",
        ),
    ),
    Mutant(
        "a lapsed call asks for all of it anew",
        f"{LEDGER}/submit.lua",
        "if args.registered and (not lease or tonumber(lease) <= now) then",
        "if false then",
        (f"{LEDGER_TESTS}/test_interest.py",),
    ),
    Mutant(
        "a call's server notices the refusal",
        "collatio/runtime/queue/dispatcher.py",
        "registered=registered",
        "registered=False",
        ("tests/unit/runtime/queue/test_dispatcher.py",),
    ),
    Mutant(
        "what went unseen is found",
        "collatio/runtime/queue/dispatcher.py",
        "if gone := await self._read_again(list(self._waiting)):",
        "if gone := 0:",
        ("tests/unit/runtime/queue/test_dispatcher.py",),
    ),
    Mutant(
        "request ids: asking twice is asking once",
        f"{JOURNAL}/create.lua",
        "if seen[1] and redis.call('EXISTS', job_key(seen[1])) == 1 then",
        "if false then",
        (f"{JOURNAL_TESTS}/test_create.py",),
    ),
    Mutant(
        "uncharged release: a deployment costs no attempt",
        f"{LEDGER}/settle.lua",
        "function settle.release(key, step)\n  kick = true\n  return requeue(key, step)",
        "function settle.release(key, step)\n  kick = true\n  return charge_infrastructure(key, step)",
        (f"{LEDGER_TESTS}/test_settle.py",),
    ),
    Mutant(
        "every end is told",
        f"{LEDGER}/prelude.lua",
        "  if #ended > 0 or kick then\n",
        "  if kick then\n",
        (f"{LEDGER_TESTS}/test_settle.py",),
    ),
    Mutant(
        "a lost worker's steps come back",
        f"{LEDGER}/renew.lua",
        "now + limits.lease_ms",
        "now + 1000 * limits.lease_ms",
        (f"{LEDGER_TESTS}/test_renew.py",),
    ),
    Mutant(
        "a journal that went back in time is noticed",
        f"{JOURNAL}/write.lua",
        "if args.number > 1 and found[3] ~= run .. (args.number - 1) then",
        "if false then",
        (f"{JOURNAL_TESTS}/test_write.py",),
    ),
)


def run_tests(tree: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests in a tree until one fails; pytest's exit status, and the test that failed."""
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-rf", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)
    failed = re.search(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE)
    return done.returncode, failed[1] if failed else ""


def applied(mutant: Mutant, tree: Path) -> str:
    """Edit the copy; returns the file's text as it was. Raises ValueError for a text that is not there once."""
    file = tree / mutant.file
    text = file.read_text("utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.file} does not hold this once: {mutant.old!r}")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    return text


def main() -> int:
    """Try every mutant; exit status 1 if one is not noticed."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "dist", "__pycache__"))
        every = tuple(sorted({test for mutant in MUTANTS for test in mutant.tests}))
        if run_tests(tree, every)[0] != 0:
            print("the tests fail without any mutant")
            return 1
        print("| guarantee taken out | where | noticed by | in |\n|---|---|---|---|", flush=True)
        survived = 0
        for mutant in MUTANTS:
            began = time.monotonic()
            text = applied(mutant, tree)
            status, test = run_tests(tree, mutant.tests)
            (tree / mutant.file).write_text(text, encoding="utf-8")
            took = time.monotonic() - began
            print(f"| {mutant.guarantee} | {mutant.file} | {test or 'nobody'} | {took:.1f} s |", flush=True)
            survived += status != FAILED
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
