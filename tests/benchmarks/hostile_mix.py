"""Extract good documents with hostile ones among them through a mesh, several times over, and compare the runs.

usage: hostile_mix.py [--good 1000] [--hostile 50] [--runs 3] [--folder DIR]

Each run is `collatio extract` with a mesh of its own. Printed: how many good documents were done, how the hostile
ones ended, and whether the runs are alike, line for line. The status is 1 where a good document is missing or
failed, or two runs differ. It reads ../shared/corpus/hostile.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from reportlab.pdfgen import canvas

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.papers import paper

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = ROOT / "../shared/corpus/hostile"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
# Those made to break a parser first; the rest is what merely cannot be read.
_FIRST = (
    "bomb",
    "recursive",
    "nested",
    "xxe",
    "truncated",
    "corrupt-pdf",
    "active-content",
    "corrupt-or-odd",
)


def good(number: int) -> tuple[str, bytes]:
    """Make a good document: HTML, text, PDF and DOCX in turn."""
    text = f"Paper {number}. " + paper(f"good {number}", 4).replace("<", " <")
    form = ("html", "txt", "pdf", "docx", "html")[number % 5]
    if form == "html":
        data = paper(f"good {number}").encode()
    elif form == "txt":
        data = text.encode()
    elif form == "pdf":
        data = _pdf(text)
    else:
        data = _docx(text)
    return f"good-{number:04}.{form}", data


def _pdf(text: str) -> bytes:
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, invariant=True)
    for line in range(40):
        page.drawString(60, 800 - 15 * line, text[line * 80 : line * 80 + 80])
    page.save()
    return buffer.getvalue()


def _docx(text: str) -> bytes:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    body = (
        f'<w:document xmlns:w="{_W}"><w:body><w:p><w:r><w:t>{escaped}</w:t></w:r></w:p></w:body></w:document>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("word/document.xml", body)
    return buffer.getvalue()


def mix(folder: Path, good_count: int, hostile_count: int) -> None:
    """Write the documents; names are sorted so that a hostile one stands after every twenty good ones."""
    rows = [json.loads(line) for line in (HOSTILE / "manifest.jsonl").read_text("utf-8").splitlines()]
    paths = [HOSTILE / row["path"] for row in rows if (HOSTILE / row["path"]).is_file()]
    paths.sort(key=lambda path: (path.parent.name not in _FIRST, path.name))
    for number in range(good_count):
        name, data = good(number)
        (folder / name).write_bytes(data)
    for number, path in enumerate(paths[:hostile_count]):
        at = number * good_count // hostile_count
        (folder / f"good-{at:04}-{path.parent.name}-{path.name}").write_bytes(path.read_bytes())


def run(folder: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Extract a folder through a mesh of its own: a line a document."""
    command = [sys.executable, "-m", "collatio.cli", "extract", folder, "-o", out, "--fail-on", "none"]
    begun = time.monotonic()
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    sys.stderr.write(f"a run took {time.monotonic() - begun:.0f} s\n")
    return {row["uri"]: row for row in map(json.loads, out.read_text("utf-8").splitlines())}


def main() -> int:
    """Mix, run, compare."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--good", type=int, default=1_000)
    cli.add_argument("--hostile", type=int, default=50)
    cli.add_argument("--runs", type=int, default=3)
    args = cli.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "documents"
        folder.mkdir()
        mix(folder, args.good, args.hostile)
        runs = [run(folder, Path(place) / f"{n}.jsonl") for n in range(args.runs)]
    first = runs[0]
    own = {uri: row for uri, row in first.items() if "!/" not in uri}
    names = {uri: uri.rpartition("/")[2] for uri in own}
    done = sum("error" not in row for uri, row in own.items() if names[uri].count("-") == 1)
    ends = collections.Counter(
        row.get("error", {}).get("reason", "extracted")
        for uri, row in own.items()
        if names[uri].count("-") > 1
    )
    alike = all(each == first for each in runs)
    print(f"good documents done: {done} of {args.good}")
    print(f"hostile documents: {sum(ends.values())}: {dict(ends.most_common())}")
    print(f"{len(runs)} runs alike: {alike}")
    return 0 if done == args.good and alike else 1


if __name__ == "__main__":
    sys.exit(main())
