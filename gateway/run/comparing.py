"""The compare stage of a run: the extracted documents as a manifest, tiles journaled as they are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.v1 import compare_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.run.documents import EXTRACTED, FAILED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.run.documents import Documents
    from gateway.run.stream import StageStream
    from gateway.run.writer import Writer

FAILED_PAIRS_TILE = -1


class Comparing:
    """Asks for a job's comparisons and journals them. `keep` stores bytes and returns their digest.

    With `mending`, a tile that lacked an extraction is not failed: it is left out, and `run` raises EXTRACTION_LOST.
    """

    def __init__(
        self,
        open_stream: Callable[
            [compare_pb2.CompareSpec],
            StageStream[compare_pb2.CompareDocument, compare_pb2.CompareRequest, compare_pb2.CompareResponse],
        ],
        spec: pb.JobSpec,
        documents: Documents,
        writer: Writer,
        *,
        keep: Callable[[bytes], Awaitable[str]],
        mending: bool = False,
    ) -> None:
        self._documents, self._writer = documents, writer
        self._keep, self._mending = keep, mending
        self._lacking = False
        self._conclusion = compare_pb2.CompareConclusion()
        self._keys = [source.key for source in spec.sources]
        compare = compare_pb2.CompareSpec()
        compare.CopyFrom(spec.compare)
        self._failed_pairs = self._take_out_failed(compare)
        if compare.HasField("baseline"):
            compare.baseline.SetInParent()
            compare.baseline.ClearField("baseline")
        self._only_failed = compare.HasField("explicit") and not compare.explicit.pairs
        self._stream = open_stream(compare)
        self._reached: set[int] = set()
        self._expected: int | None = None

    def cancel(self) -> None:
        """Drop what is not answered."""
        self._stream.cancel()

    async def run(self, known: Mapping[int, compare_pb2.CompareTile]) -> None:
        """Compare. `known` are tiles that stand in the journal already. Errors: those of CompareService.Compare."""
        counts = self._writer.comparisons
        counts.CopyFrom(pb.ComparisonCounts(planned=counts.planned))
        for number, tile in known.items():
            self._count(number, tile)
        if self._failed_pairs is not None and FAILED_PAIRS_TILE not in self._reached:
            counts.planned += self._failed_pairs.pair_count
            self._take_tile(FAILED_PAIRS_TILE, self._failed_pairs)
        if self._only_failed:
            return
        planned_before = self._failed_pairs.pair_count if self._failed_pairs is not None else 0
        for document in self._manifest():
            await self._stream.send(document.document_id, document)
        self._stream.close()
        async for response in self._stream.responses():
            self._take(response, planned_before)
        if self._lacking:
            raise CollatioError(Reason.EXTRACTION_LOST)
        if self._expected is None or len(self._reached - {FAILED_PAIRS_TILE}) < self._expected:
            raise CollatioError(Reason.INTERNAL, "The compare stage ended its stream before its last tile.")
        reach("gateway.conclusion.before")
        if self._conclusion.ByteSize():
            data = self._conclusion.SerializeToString(deterministic=True)
            self._writer.field("conclusion", (await self._keep(data)).encode())
        self._writer.counted()

    def _take(self, response: compare_pb2.CompareResponse, planned_before: int) -> None:
        match response.WhichOneof("result"):
            case "planned":
                self._writer.comparisons.planned = planned_before + response.planned.pair_count
                self._writer.field("plan", response.planned.plan.sha256.encode())
                self._expected = response.planned.tile_count
                self._conclusion.Clear()  # what a broken stream had told of it is told again
                self._writer.counted()
            case "tile":
                if self._mending and response.tile.error.reason == Reason.EXTRACTION_LOST:
                    self._lacking = True
                else:
                    self._take_tile(response.tile.tile, response.tile)
            case "conclusion":
                self._conclusion.MergeFrom(response.conclusion)

    def _take_tile(self, number: int, tile: compare_pb2.CompareTile) -> None:
        if number in self._reached:
            return
        self._count(number, tile)
        self._writer.tile(number, tile)
        self._writer.counted()

    def _count(self, number: int, tile: compare_pb2.CompareTile) -> None:
        self._reached.add(number)
        counts = self._writer.comparisons
        if tile.HasField("error") or number == FAILED_PAIRS_TILE:
            counts.failed += tile.pair_count
            return
        counts.compared += tile.compared_count
        counts.not_comparable += tile.not_comparable_count
        counts.reused += tile.reused_count

    def _manifest(self) -> list[compare_pb2.CompareDocument]:
        """List the documents to compare, in an order that never depends on timing.

        A container that holds nothing but its members is not compared: its members are.
        """
        return [
            compare_pb2.CompareDocument(
                document_id=d.document_id,
                extraction=d.extraction,
                uri=d.uri,
                key=self._key(d),
                relative_path=d.relative_path,
                baseline=d.baseline,
                sha256=d.blob.sha256,
                traceparent=d.traceparent,
                summary=d.summary,
            )
            for d in self._documents
            if d.state == EXTRACTED and not (d.member_count and not d.summary.character_count)
        ]

    def _key(self, document: pb.JobDocument) -> str:
        """Return the key of a document's source; a member has none of its own."""
        named = document.source < len(self._keys) and not document.member_path
        return self._keys[document.source] if named else ""

    def _take_out_failed(self, compare: compare_pb2.CompareSpec) -> compare_pb2.CompareTile | None:
        """Take explicit pairs out whose documents failed: they are failed comparisons already."""
        if not compare.HasField("explicit"):
            return None
        bad = {}
        for document in self._documents:
            if document.state == FAILED:
                bad[document.uri] = document
                bad.setdefault(self._key(document) or document.uri, document)
        tile = compare_pb2.CompareTile(tile=FAILED_PAIRS_TILE)
        kept = []
        for pair in compare.explicit.pairs:
            failure = bad.get(pair.left) or bad.get(pair.right)
            if failure is None:
                kept.append(pair)
            else:
                tile.content.append(_failed_pair(pair, failure))
        tile.pair_count = len(tile.content)
        del compare.explicit.pairs[:]
        compare.explicit.pairs.extend(kept)
        return tile if tile.pair_count else None


def _failed_pair(pair: compare_pb2.ExplicitPair, failure: pb.JobDocument) -> compare_pb2.Comparison:
    return compare_pb2.Comparison(
        comparison_id=f"{pair.left}..{pair.right}",
        left=compare_pb2.ComparedDocument(uri=pair.left),
        right=compare_pb2.ComparedDocument(uri=pair.right),
        status=compare_pb2.COMPARISON_STATUS_FAILED,
        error=failure.error,
    )
