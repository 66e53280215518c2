"""On a kernel, or in a container, that grants no walls: it still works, still ends, and says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sandbox.child.seccomp import architecture

if TYPE_CHECKING:
    from collatio.runtime.sandbox import Isolation

# Everything below runs under a filter that refuses namespaces, Landlock and further filters.
SCENARIO = """
import json, os, sys
from pathlib import Path
from collatio.runtime.sandbox import Limits, SandboxTimeout, Zygote
from collatio.runtime.sandbox.child.kernel import Kernel
from collatio.runtime.sandbox.child.seccomp import Filter, architecture
from collatio.runtime.sandbox.child.syscalls import Numbers

refuse, allow = (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)
kernel = Kernel()
kernel.prctl(38, 1)
Filter(architecture(), {
    Numbers(272, 97): [refuse],
    Numbers(444, 444): [refuse],
    Numbers(157, 167): [(32, 0, 0, 16), (21, 0, 1, 22), refuse, allow],
}).enter(kernel)

def children():
    return set(Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text().split())

limits = Limits(wall_s=10, cpu_s=10, memory_bytes=1 << 28, output_bytes=1024)
with Zygote(["sandbox_subjects"], extra_path=[sys.argv[1]]) as zygote:
    isolation = zygote.isolation()
    with zygote.sandbox(limits) as sandbox:
        seen = sandbox.call("sandbox_subjects:process_id", b"", ()).decode() in children()
        try:
            sandbox.call("sandbox_subjects:fork_many", b"", (), wall_s=0.5)
        except SandboxTimeout:
            left = children()
    with zygote.sandbox(limits) as spare:
        left.discard(spare.call("sandbox_subjects:process_id", b"", ()).decode())
found = {"seccomp": isolation.seccomp, "landlock": isolation.landlock, "rlimits": isolation.rlimits}
print(json.dumps({**found, "namespaces": isolation.namespaces, "left": sorted(left), "seen": seen}))
"""


@pytest.fixture(scope="module")
def found(support: str, isolation: Isolation) -> dict[str, object]:
    """Run the scenario where this kernel can be made to refuse."""
    if architecture() is None or not isolation.seccomp:
        pytest.skip("needs seccomp to take the walls away")
    clone = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, "-c", SCENARIO, support],
        env={"PYTHONPATH": str(clone)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_report_admits_it(found: dict[str, object]) -> None:
    """What was refused is reported as absent, and the limits stand without it."""
    assert (found["seccomp"], found["landlock"], found["namespaces"]) == (False, 0, [])
    assert found["rlimits"] is True


def test_forked_processes_end_all_the_same(found: dict[str, object]) -> None:
    """What a sandbox forked is killed with it, in its group or as an orphan from a session of its own."""
    assert found["seen"] is True
    assert found["left"] == []
