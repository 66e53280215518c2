"""What runs inside the sandbox: extractions in, a tile's comparisons out.

`tile` compares pairs; `sketches` and `find` look for the pairs of plans that need the texts. Headers are JSON;
a spec in them is a serialized CompareSpec in base64.
"""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

from collatio.runtime.queue.frames import join, split
from collatio.v1 import compare_pb2, extract_pb2
from compare_svc.convert import document_from, options_from, plan_from, to_message
from compare_svc.engine.candidates import find_near_duplicates
from compare_svc.engine.compare import compare_batch
from compare_svc.engine.entries import Versions
from compare_svc.engine.families import find_families
from compare_svc.engine.registry import Registry
from compare_svc.engine.shipped import words
from compare_svc.engine.sketch import Sketch, sketch_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

_registry = Registry.load()  # loaded before the fork, so that every sandbox has it warm
_TERMS = (
    "1. The parties agree.",
    "2. What the {} pays is due on 3 May 2026.",
    "3. Nothing else is owed to anyone (不另付款).",
)


def tile(header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
    """Compare a tile's pairs. Errors: the engine's CollatioError."""
    asked = json.loads(header)
    spec = _spec(asked)
    options = options_from(spec)
    documents = [
        document_from(extract_pb2.Extraction.FromString(file.read()), digest)
        for file, digest in zip(inputs, asked["digests"], strict=True)
    ]
    pairs = [(documents[left], documents[right]) for left, right in asked["pairs"]]
    comparator = _registry.resolve(tuple(spec.comparators))
    if comparator is words:
        found = list(compare_batch(pairs, options))
    else:
        found = [comparator.compare(left, right, options) for left, right in pairs]
    made = compare_pb2.TileComparisons(comparisons=[to_message(one) for one in found])
    return made.SerializeToString(deterministic=True)


def sketches(header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
    """Sketch documents: what finding candidates and families reads of each. Errors: INVALID_REQUEST."""
    ignore = options_from(_spec(json.loads(header))).ignore
    documents = (document_from(extract_pb2.Extraction.FromString(file.read()), "") for file in inputs)
    return join([found.to_bytes() for found in sketch_batch(documents, ignore)])


def find(header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
    """Find the pairs of a near-duplicates or versions plan among sketches, joined in the one input.

    Answers JSON: pairs as positions, families as positions with their evidence, how candidates were found.
    Errors: TOO_MANY_PAIRS.
    """
    asked = json.loads(header)
    plan = plan_from(_spec(asked))
    given = [Sketch.from_bytes(str(at), bytes(data)) for at, data in enumerate(split(inputs[0].read()))]
    if isinstance(plan, Versions):
        found = find_families(given, plan.threshold, asked["max_pairs"])
        families = [([int(at) for at in one.document_ids], one.evidence) for one in found.families]
        return json.dumps({"pairs": found.pairs, "families": families, "method": found.method}).encode()
    near = find_near_duplicates(given, getattr(plan, "threshold", 1.0), asked["max_pairs"])
    pairs = [(pair.left, pair.right) for pair in near.pairs]
    return json.dumps({"pairs": pairs, "families": [], "method": near.method}).encode()


def _warm() -> None:
    """Compare a sample: what the engine and its libraries make at their first pair, every sandbox then has."""
    documents = (_sample(_TERMS, "buyer", "EUR 1,000.00"), _sample(_TERMS[::-1], "seller", "EUR 900.00"))
    inputs = [io.BytesIO(each.SerializeToString()) for each in documents]
    tile(json.dumps({"spec": "", "digests": ["left", "right"], "pairs": [(0, 1)]}).encode(), inputs)


def _sample(terms: Sequence[str], who: str, price: str) -> extract_pb2.Extraction:
    rows = [extract_pb2.TableRow(cells=[extract_pb2.TableCell(text=text)]) for text in ("Price", price)]
    blocks = [
        extract_pb2.Block(kind=extract_pb2.BLOCK_KIND_PARAGRAPH, text=text.format(who)) for text in terms
    ]
    return extract_pb2.Extraction(blocks=blocks, tables=[extract_pb2.Table(rows=rows)])


def _spec(asked: dict[str, str]) -> compare_pb2.CompareSpec:
    return compare_pb2.CompareSpec.FromString(base64.b64decode(asked["spec"]))


_warm()
