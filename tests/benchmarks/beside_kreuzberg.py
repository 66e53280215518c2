"""Set our in-process extraction of the corpus beside kreuzberg's on the same files: CPU time and memory of each.

usage: beside_kreuzberg.py --kreuzberg PYTHON [--runs 5]

PYTHON is an interpreter that has kreuzberg (python -m venv there; there/bin/pip install kreuzberg). Both read every
file once from memory, one after the other on one thread of ours and as many as kreuzberg takes, in processes of
their own that take turns; importing and loading models is not counted, for workers are warm. Medians are printed, and the ratio of CPU seconds. Pictures
are not recognised by either.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "../shared/corpus/documents/manifest.jsonl"
_COMMON = """
import json, resource, sys, time
from pathlib import Path
manifest = Path(sys.argv[1])
rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
skipped = ("versions/", "neardup/", "redline/")
rows = [row for row in rows if not row["path"].startswith(skipped)]
files = [(row, (manifest.parent / row["path"]).read_bytes()) for row in rows]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
failed = 0
cpu, wall = time.process_time(), time.perf_counter()
for row, data in files:
    try:
        read(row, data)
    except Exception:
        failed += 1
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak / 1024, "more": (peak - before) / 1024, "failed": failed}))
"""
OURS = (
    f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from extract_svc.engine.extract import extract_one
from extract_svc.engine.model import Document, Options
from extract_svc.engine.registry import Registry
from extract_svc.engine.shipped import EXTRACTORS
import importlib
for one in EXTRACTORS:
    importlib.import_module("extract_svc.engine.formats." + one.module)
registry, options = Registry.load(), Options(plugin_options={{"ocr": {{"enabled": False}}}})
extract_one(Document(b"Every worker reads a first document before it is given one.", "a.txt"), options, registry)
def read(row, data, depth=0):
    if isinstance(row, dict):
        row = Document(data, row["path"])
    found = extract_one(row, options, registry)
    if depth < 3:
        for member in found.members:
            read(Document(member.data, member.path, member.media_type), b"", depth + 1)
"""
    + _COMMON
)
THEIRS = (
    """
from kreuzberg import ExtractionConfig, extract_bytes_sync
config = ExtractionConfig(disable_ocr=True) if "disable_ocr" in dir(ExtractionConfig) else ExtractionConfig()
def read(row, data):
    extract_bytes_sync(data, row["mime"], config)
"""
    + _COMMON
)


def measure(python: str, code: str) -> dict[str, float]:
    """Run one of the two over the corpus in a process of its own."""
    done = subprocess.run(
        [python, "-c", code, str(MANIFEST)], capture_output=True, text=True, check=True, timeout=1_800
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Take turns, print medians."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--kreuzberg", required=True)
    cli.add_argument("--runs", type=int, default=5)
    args = cli.parse_args()
    pairs = [(measure(sys.executable, OURS), measure(args.kreuzberg, THEIRS)) for _ in range(args.runs)]
    for name, side in (("ours", 0), ("kreuzberg", 1)):
        medians = {key: statistics.median(pair[side][key] for pair in pairs) for key in pairs[0][side]}
        print(name, " ".join(f"{key} {value:.2f}" for key, value in medians.items()), "(seconds, MiB)")
    ratio = statistics.median(ours["cpu"] / theirs["cpu"] for ours, theirs in pairs)
    print(f"ours over kreuzberg, CPU: {ratio:.2f}")


if __name__ == "__main__":
    main()
