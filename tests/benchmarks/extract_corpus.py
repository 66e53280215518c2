"""Extract a corpus in this process and print the command line's JSON lines.

usage: extract_corpus.py MANIFEST.jsonl|FOLDER [-o OUT.jsonl] [--kind K …] [--times] [--ocr] [--digests]

Members of archives and mails become lines of their own with `parent`. `--times` prints CPU seconds a kind
to stderr, `--ocr` reads pictures too, where that is installed,
`--digests` adds one of the whole extraction to each line. The scorer of the shared corpus reads the output.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.extract import extract_one
from extract_svc.engine.grid import plain_rows
from extract_svc.engine.model import Document, Extraction, Options
from extract_svc.engine.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = ("versions/", "neardup/", "redline/")


def line_of(
    uri: str, document: Document, result: Extraction | CollatioError, parent: str = ""
) -> dict[str, Any]:
    """Write one result in the command line's form."""
    digest = hashlib.sha256(document.data).hexdigest()
    row: dict[str, Any] = {"documentId": digest[:16], "uri": uri, "sha256": digest}
    if parent:
        row["parent"] = parent
    if isinstance(result, CollatioError):
        return row | {"error": {"reason": str(result.reason), "message": result.message}}
    meta = dataclasses.asdict(result.metadata)
    return row | {
        "extraction": hashlib.sha256(repr(result).encode("utf-8", "surrogatepass")).hexdigest(),
        "mediaType": result.media_type,
        "text": result.text,
        "pageCount": result.metadata.page_count,
        "tables": [{"rows": rows} for rows in plain_rows(result)],
        "metadata": {key: value for key, value in meta.items() if key != "raw" and value},
        "language": result.metadata.language,
        "warnings": sorted({warning.code for warning in result.warnings}),
    }


def extract_all(
    uri: str, document: Document, options: Options, registry: Registry, *, parent: str = "", depth: int = 0
) -> Iterator[dict[str, Any]]:
    """Extract a document and, below it, its members."""
    try:
        result: Extraction | CollatioError = extract_one(document, options, registry)
    except CollatioError as error:
        result = error
    yield line_of(uri, document, result, parent)
    if isinstance(result, CollatioError):
        return
    for member in result.members:
        inner = Document(member.data, member.path, member.media_type)
        where = f"{uri}!/{member.path}"
        if depth >= options.limits.max_depth:
            yield line_of(where, inner, CollatioError(Reason.NESTING_LIMIT), parent or uri)
            continue
        yield from extract_all(where, inner, options, registry, parent=parent or uri, depth=depth + 1)


def sources(root: Path, kinds: list[str]) -> Iterator[tuple[str, str, Path]]:
    """Yield (path, kind, file) for a manifest's documents or a folder's files."""
    if root.is_dir():
        for path in sorted(one for one in root.rglob("*") if one.is_file()):
            yield str(path.relative_to(root)), path.suffix, path
        return
    for line in root.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["path"].startswith(_SKIPPED) or (kinds and row["kind"] not in kinds):
            continue
        yield row["path"], row["kind"], root.parent / row["path"]


def main() -> None:
    """Run over the corpus."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("root", type=Path)
    cli.add_argument("-o", "--output", type=Path)
    cli.add_argument("--kind", action="append", default=[])
    cli.add_argument("--times", action="store_true")
    cli.add_argument("--ocr", action="store_true")
    cli.add_argument("--digests", action="store_true")
    args = cli.parse_args()
    registry, options = Registry.load(), Options(plugin_options={"ocr": {"enabled": args.ocr}})
    spent: collections.Counter[str] = collections.Counter()
    slow: list[tuple[float, str]] = []
    with args.output.open("w", encoding="utf-8") if args.output else sys.stdout as out:
        for path, kind, file in sources(args.root, args.kind):
            data = file.read_bytes()
            begun = time.process_time()
            rows = list(extract_all(path, Document(data, path), options, registry))
            took = time.process_time() - begun
            spent[kind] += took
            slow.append((took, path))
            for row in rows:
                if not args.digests:
                    row.pop("extraction", None)
                out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    if args.times:
        for kind, seconds in spent.most_common():
            sys.stderr.write(f"{seconds:8.3f}  {kind}\n")
        sys.stderr.write(f"{sum(spent.values()):8.3f}  all, CPU seconds\n")
        for took, path in sorted(slow, reverse=True)[:15]:
            sys.stderr.write(f"{took:8.3f}  {path}\n")


if __name__ == "__main__":
    main()
