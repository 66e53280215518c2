"""What runs inside the sandbox: extractions in, a tile's comparisons out.

The header is JSON: the spec as a serialized CompareSpec in base64, the pairs as indexes into the inputs, the
inputs' digests.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from collatio.v1 import compare_pb2, extract_pb2
from compare_svc.convert import document_from, options_from, to_message
from compare_svc.engine.compare import compare_batch
from compare_svc.engine.registry import Registry
from compare_svc.engine.shipped import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

_registry = Registry.load()  # loaded before the fork, so that every sandbox has it warm


def tile(header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
    """Compare a tile's pairs. Errors: the engine's CollatioError."""
    asked = json.loads(header)
    spec = compare_pb2.CompareSpec.FromString(base64.b64decode(asked["spec"]))
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
