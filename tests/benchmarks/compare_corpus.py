"""Compare the shared corpus in this process: write what its scorer reads, and measure.

usage: compare_corpus.py neardup     CORPUS OUT_DIR   comparisons.jsonl and clusters.json for the scorer
       compare_corpus.py versions    HIDDEN OUT_DIR   families.json for the scorer (HIDDEN: made by its `hide`)
       compare_corpus.py redline     CORPUS           changes found against revisions expected, a line a case
       compare_corpus.py crossformat CORPUS           text similarity of one document in several formats, and what is no artefact
       compare_corpus.py speed       CORPUS           pairs a CPU second: near-duplicates, strangers, short texts
       compare_corpus.py growth      CORPUS           near-duplicates at 1,000 to 16,000 texts, with the exponent
       compare_corpus.py big                          two texts of 200,000 words with 2 % edits: seconds, MiB
       compare_corpus.py cost        CORPUS           measured over predicted seconds of pairs, by size

Texts of neardup/ are read as they stand and cut at blank lines, as the scorer reads them; other formats go
through the extract engine. CPU seconds are printed: wall times of a shared machine say little.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import re
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from collatio.runtime.errors import CollatioError
from compare_svc.engine.candidates import EXACT_DOCUMENTS_MAX, find_candidates
from compare_svc.engine.clusters import find_clusters
from compare_svc.engine.compare import compare, compare_batch
from compare_svc.engine.cost import predict_cost
from compare_svc.engine.families import find_families
from compare_svc.engine.model import (
    Block,
    BlockKind,
    Box,
    ChangeScope,
    Document,
    Field,
    Link,
    Mark,
    Metadata,
    Options,
    Picture,
    Table,
)
from compare_svc.engine.sketch import sketch_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIRS_MAX = 1_000_000
_BLANK_LINES = re.compile(r"\n[ \t]*\n")


def read_plain(path: Path, name: str) -> Document:
    """Read a text as it stands; blank lines part blocks."""
    text = path.read_text("utf-8", "replace").replace("\r\n", "\n")
    blocks = tuple(Block(part.strip("\n")) for part in _BLANK_LINES.split(text) if part.strip())
    return Document(name, name, blocks=blocks, media_type="text/plain")


def read_any(path: Path, name: str) -> Document:
    """Read a document of any format with the extract engine. Raises CollatioError where that does."""
    from extract_svc.engine import model
    from extract_svc.engine.extract import extract_one
    from extract_svc.engine.registry import Registry

    found = extract_one(model.Document(path.read_bytes(), path.name), model.Options(), Registry.load())
    meta = found.metadata
    return Document(
        name,
        name,
        media_type=found.media_type,
        blocks=tuple(
            Block(
                block.text,
                BlockKind(int(block.kind)),
                block.level,
                block.page,
                _box(block.box),
                block.table,
                tuple(Mark(int(mark)) for mark in block.marks),
                block.confidence,
            )
            for block in found.blocks
        ),
        tables=tuple(
            Table(
                tuple(tuple(cell.text for cell in row.cells) for row in table.rows),
                table.page,
                _box(table.box),
            )
            for table in found.tables
        ),
        fields=tuple(
            Field(entry.name, entry.raw, entry.value, entry.page, entry.block) for entry in found.fields
        ),
        metadata=Metadata(
            meta.title,
            meta.author,
            meta.subject,
            tuple(meta.keywords),
            meta.create_time,
            meta.modify_time,
            meta.language,
            meta.page_count,
        ),
        confidence=found.confidence,
        source_text=found.source_text,
        links=tuple(Link(link.text, link.uri, link.page) for link in found.links),
        pictures=tuple(Picture(each.sha256, each.page, each.block) for each in found.pictures),
    )


def _box(box: Any) -> Box | None:
    return Box(box.x0, box.y0, box.x1, box.y1) if box else None


def texts_of(corpus: Path) -> list[Document]:
    """Read the texts of neardup/."""
    folder = corpus / "neardup"
    return [
        read_plain(path, f"neardup/{path.name}")
        for path in sorted(folder.iterdir())
        if path.suffix in {".md", ".txt"}
    ]


def neardup(corpus: Path, out: Path) -> str:
    """Find, verify and cluster near-duplicates; write what the scorer reads."""
    begun = time.process_time()
    documents = texts_of(corpus)
    found = find_candidates(list(sketch_batch(documents)), 0.8, PAIRS_MAX)
    sketched = time.process_time()
    pairs = [(documents[pair.left], documents[pair.right]) for pair in found.pairs]
    out.mkdir(parents=True, exist_ok=True)
    edges = []
    with (out / "comparisons.jsonl").open("w", encoding="utf-8") as lines:
        for done in compare_batch(pairs, Options()):
            assert done.similarity
            edges.append((done.left.document_id, done.right.document_id))
            similarity = {"shingles": done.similarity.shingles, "text": done.similarity.text}
            row = {"left": done.left.uri, "right": done.right.uri, "similarity": similarity}
            lines.write(json.dumps(row) + "\n")
    clusters = [{"members": list(cluster.document_ids)} for cluster in find_clusters(edges)]
    (out / "clusters.json").write_text(json.dumps(clusters), encoding="utf-8")
    ended = time.process_time()
    return f"{len(documents)} texts, {len(pairs)} pairs ({found.method}): read, sketch, find {sketched - begun:.2f} s, compare {ended - sketched:.2f} s"


def versions(hidden: Path, out: Path) -> str:
    """Find the families among hidden files, in order; write what the scorer reads."""
    documents = [read_any(path, path.name) for path in sorted((hidden / "files").iterdir())]
    begun = time.process_time()
    found = find_families(list(sketch_batch(documents)), 0.4, PAIRS_MAX)
    out.mkdir(parents=True, exist_ok=True)
    families = [
        {"members": list(family.document_ids), "evidence": family.evidence} for family in found.families
    ]
    (out / "families.json").write_text(json.dumps(families), encoding="utf-8")
    return f"{len(documents)} documents, {len(families)} families: {time.process_time() - begun:.2f} s without reading"


def redline_cases(corpus: Path) -> Iterator[tuple[str, int | None, Document, Document]]:
    """Yield case, expected revisions, before and after of the cases that have both as files."""
    for line in (corpus / "redline/cases.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        files = {entry["role"]: corpus / entry["path"] for entry in case.get("files") or []}
        before = files.get("before") or files.get("baseline")
        after = files.get("after") or files.get("revision1")
        if before and after:
            yield (
                case["case"],
                case.get("expected_revisions"),
                read_any(before, before.name),
                read_any(after, after.name),
            )


def redline(corpus: Path) -> Iterator[str]:
    """Say for each case how many content changes were found, and how many revisions its peer counts."""
    for name, expected, before, after in redline_cases(corpus):
        done = compare(before, after, Options())
        content = [change for change in done.changes if change.scope is not ChangeScope.METADATA]
        yield f"{name} expected {expected} found {len(content)} in all {len(done.changes)} {done.status.name}"


def crossformat(corpus: Path) -> Iterator[tuple[str, str, str, str, float | None, int]]:
    """Yield strength, group, both members, their text similarity, and how many changes are no artefacts.

    Members that cannot be read are left out.
    """
    for line in (corpus / "versions/crossformat.jsonl").read_text("utf-8").splitlines():
        group = json.loads(line)
        documents = []
        for member in group["members"]:
            if not (corpus / member).exists():
                continue  # the manifest names more than was kept
            try:
                documents.append(read_any(corpus / member, member))
            except CollatioError as error:
                sys.stderr.write(f"unread {member}: {error.reason}\n")
        for left, right in itertools.combinations(documents, 2):
            done = compare(left, right, Options())
            yield (
                group["strength"],
                group["group"],
                left.uri,
                right.uri,
                done.similarity.text if done.similarity else None,
                sum(not change.likely_artifact for change in done.changes),
            )


def speed(corpus: Path) -> Iterator[str]:
    """Measure pairs a CPU second."""
    documents = texts_of(corpus)
    found = find_candidates(list(sketch_batch(documents)), 0.8, PAIRS_MAX)
    near = [(documents[pair.left], documents[pair.right]) for pair in found.pairs]
    drawn = random.Random(1).sample(documents, 64)
    short = [
        Document(
            str(at),
            blocks=tuple(
                Block(f"Clause {n} of {n * 7 + (at if n == 3 else 0)} says little.") for n in range(12)
            ),
        )
        for at in range(64)
    ]
    for name, pairs in (
        ("near-duplicates", near),
        ("strangers", list(itertools.combinations(drawn, 2))),
        ("short, one word apart", list(itertools.combinations(short, 2))),
    ):
        begun = time.process_time()
        count = sum(1 for _ in compare_batch(pairs, Options()))
        yield f"{name}: {count} pairs, {count / (time.process_time() - begun):.0f} a CPU second"


def growth(corpus: Path) -> Iterator[str]:
    """Measure finding near-duplicates among ever more texts, edited copies of those of the corpus."""
    seeds = [document.blocks for document in texts_of(corpus)]
    draw = random.Random(2)
    times = []
    for count in (1_000, 2_000, 4_000, 10_000, 16_000):
        documents = []
        for at in range(count):
            words = " ".join(block.text for block in seeds[at % len(seeds)]).split()
            for _ in range(len(words) * (at // len(seeds)) // 200):
                words[draw.randrange(len(words))] = f"w{draw.randrange(10**6)}"
            documents.append(Document(str(at), blocks=(Block(" ".join(words)),)))
        begun = time.process_time()
        sketches = list(sketch_batch(documents))
        sketched = time.process_time()
        found = find_candidates(sketches, 0.8, PAIRS_MAX)
        ended = time.process_time()
        times.append((count, ended - begun))
        yield f"{count} texts: sketch {sketched - begun:.2f} s, {found.method} {ended - sketched:.2f} s, {len(found.pairs)} pairs"
    upto = [(math.log(n), math.log(t)) for n, t in times if n <= EXACT_DOCUMENTS_MAX]
    middle = [sum(axis) / len(upto) for axis in zip(*upto, strict=True)]
    slope = sum((x - middle[0]) * (y - middle[1]) for x, y in upto) / sum(
        (x - middle[0]) ** 2 for x, _ in upto
    )
    yield f"exponent up to {EXACT_DOCUMENTS_MAX}, least squares over {len(upto)} sizes: {slope:.2f}"


def big() -> str:
    """Compare two texts of 200,000 words with 2 % edits."""
    draw = random.Random(3)
    left = [f"w{int(draw.paretovariate(0.6))}"[:7] for _ in range(200_000)]
    right = list(left)
    for _ in range(len(left) // 50):
        right[draw.randrange(len(right))] = f"edit{draw.randrange(9_999)}"
    documents = [
        Document(
            name, blocks=tuple(Block(" ".join(words[at : at + 120])) for at in range(0, len(words), 120))
        )
        for name, words in (("left", left), ("right", right))
    ]
    begun = time.process_time()
    done = compare(documents[0], documents[1], Options())
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{seconds:.2f} s, peak {peak:.0f} MiB, text {done.similarity.text if done.similarity else 0:.4f}"


def cost(corpus: Path) -> Iterator[str]:
    """Compare prediction and measurement for pairs of prepared documents, by size."""
    documents = sorted(texts_of(corpus), key=_characters)
    for part in range(0, len(documents) - 32, len(documents) // 8):
        chosen = documents[part : part + 32]
        pairs = list(itertools.combinations(chosen, 2))
        list(compare_batch(pairs[:31], Options()))
        begun = time.process_time()
        list(compare_batch(pairs, Options()))
        measured = time.process_time() - begun
        predicted = sum(predict_cost(_characters(a), _characters(b)) for a, b in pairs)
        yield f"{_characters(chosen[0])}-{_characters(chosen[-1])} characters: measured / predicted {measured / predicted:.2f}"


def _characters(document: Document) -> int:
    return sum(len(block.text) for block in document.blocks)


def main() -> None:
    """Run one command."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = ("neardup", "versions", "redline", "crossformat", "speed", "growth", "big", "cost")
    cli.add_argument("what", choices=commands)
    cli.add_argument("folder", type=Path, nargs="?", default=Path("../shared/corpus/documents"))
    cli.add_argument("out", type=Path, nargs="?", default=Path("build/compare"))
    args = cli.parse_args()
    made: Any
    match args.what:
        case "neardup":
            made = [neardup(args.folder, args.out)]
        case "versions":
            made = [versions(args.folder, args.out)]
        case "big":
            made = [big()]
        case _:
            made = globals()[args.what](args.folder)
    for line in made:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
