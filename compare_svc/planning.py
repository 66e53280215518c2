"""Making a plan in a worker: from the manifest alone, or, for plans that need the texts, by way of sketches."""

from __future__ import annotations

import base64
import json
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from collatio.runtime.queue.frames import join, split
from compare_svc.adapters import open_extraction
from compare_svc.convert import entries_from, plan_from
from compare_svc.engine.entries import NearDuplicates, Versions
from compare_svc.engine.plan import plan as make_plan
from compare_svc.engine.plan import plan_pairs

if TYPE_CHECKING:
    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.queue.confined import MessageSandbox
    from collatio.v1 import compare_pb2

MODULE = "compare_svc.sandboxed"
SKETCHES, FIND = f"{MODULE}:sketches", f"{MODULE}:find"
INPUTS_MAX = 200


def fill_plan(
    manifest: compare_pb2.ComparePlan,
    blobs: BlobStore,
    tenant: str,
    sandbox: MessageSandbox,
    max_pairs: int,
) -> int:
    """Write tiles, and what was found on the way, into a manifest; returns the number of pairs.

    Errors: TOO_MANY_PAIRS, INVALID_REQUEST, EXTRACTION_LOST, and what the sandbox raises.
    """
    entries = entries_from(manifest.documents)
    asked = plan_from(manifest.spec)
    if isinstance(asked, NearDuplicates | Versions):
        found = _find(manifest, blobs, tenant, sandbox, max_pairs)
        made = plan_pairs(entries, [(a, b) for a, b in found["pairs"]], max_pairs)
        manifest.candidates = found["method"]
        for members, evidence in found["families"]:
            ids = [manifest.documents[at].document_id for at in members]
            manifest.families.add(document_ids=ids, evidence=evidence)
    else:
        made = make_plan(entries, asked, max_pairs)
        manifest.left_only.extend(made.left_only)
        manifest.right_only.extend(made.right_only)
    for tile in made.tiles:
        manifest.tiles.add(left=[p[0] for p in tile.pairs], right=[p[1] for p in tile.pairs])
    return made.pair_count


def _find(
    manifest: compare_pb2.ComparePlan,
    blobs: BlobStore,
    tenant: str,
    sandbox: MessageSandbox,
    max_pairs: int,
) -> dict[str, Any]:
    """Sketch every document, some at a time, and find the pairs among the sketches."""
    spec = base64.b64encode(manifest.spec.SerializeToString(deterministic=True)).decode()
    header = json.dumps({"spec": spec, "max_pairs": max_pairs}).encode()
    sketches: list[bytes] = []
    digests = [document.extraction.sha256 for document in manifest.documents]
    for start in range(0, len(digests), INPUTS_MAX):
        with ExitStack() as files:
            fds = [
                files.enter_context(open_extraction(blobs, tenant, digest)).fileno()
                for digest in digests[start : start + INPUTS_MAX]
            ]
            sketches += [bytes(part) for part in split(sandbox.call(SKETCHES, header, fds))]
    with tempfile.NamedTemporaryFile() as gathered:
        gathered.write(join(sketches))
        gathered.flush()
        with open(gathered.name, "rb") as file:  # noqa: PTH123 - a second, read-only descriptor of the same file
            return dict(json.loads(sandbox.call(FIND, header, [file.fileno()])))
