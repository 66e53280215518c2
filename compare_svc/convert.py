"""Protobuf to engine values and back; and from pairs to conclusions.

A tile's step carries, beside its blob, the few facts that conclusions are made of: which pairs are close, and, for
a baseline, which of its blocks each document changed. So nobody reads all comparisons again at the end.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from collatio.v1 import common_pb2, compare_pb2, extract_pb2
from compare_svc.engine import model
from compare_svc.engine.clusters import find_clusters
from compare_svc.engine.entries import (
    AllPairs,
    Baseline,
    Entry,
    Explicit,
    Matched,
    NearDuplicates,
    PlanSpec,
    Versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from google.protobuf.timestamp_pb2 import Timestamp


CLOSE = 0.3
TEXT_MAX = 200
CONTENT = {compare_pb2.CHANGE_SCOPE_TEXT, compare_pb2.CHANGE_SCOPE_TABLE}


def plan_from(spec: compare_pb2.CompareSpec) -> PlanSpec:
    """Turn a spec's plan into the engine's; unset: all pairs."""
    match spec.WhichOneof("plan"):
        case "baseline":
            return Baseline()
        case "versions":
            given = spec.versions
            return Versions(given.threshold) if given.HasField("threshold") else Versions()
        case "near_duplicates":
            near = spec.near_duplicates
            return NearDuplicates(near.threshold) if near.HasField("threshold") else NearDuplicates()
        case "matched":
            return Matched(spec.matched.left, spec.matched.right)
        case "explicit":
            return Explicit(tuple((pair.left, pair.right) for pair in spec.explicit.pairs))
        case _:
            return AllPairs()


def options_from(spec: compare_pb2.CompareSpec) -> model.Options:
    """Turn a spec into the engine's options."""
    ignore = model.Ignore(
        case=spec.ignore.case,
        whitespace=spec.ignore.whitespace,
        page_furniture=spec.ignore.page_furniture,
        patterns=tuple(spec.ignore.patterns),
    )
    return model.Options(ignore=ignore, plugin=MessageToDict(spec.plugin_options))


def entries_from(documents: Sequence[compare_pb2.CompareDocument]) -> list[Entry]:
    """Turn the manifest's documents into the plan's light entries."""
    return [
        Entry(
            index=index,
            document_id=d.document_id,
            uri=d.uri,
            sha256=d.sha256,
            key=d.key,
            relative_path=d.relative_path,
            baseline=d.baseline,
            digest=d.extraction.sha256,
            character_count=d.summary.character_count,
            has_text=d.summary.character_count > 0,
        )
        for index, d in enumerate(documents)
    ]


def document_from(extraction: extract_pb2.Extraction, digest: str) -> model.Document:
    """Turn an extraction into what the engine compares; who it is, a tile's reader puts in."""
    return model.Document(
        document_id="",
        media_type=extraction.media_type,
        blocks=tuple(_block(block) for block in extraction.blocks),
        tables=tuple(_table(table) for table in extraction.tables),
        fields=tuple(_field(field) for field in extraction.fields),
        metadata=_metadata(extraction.metadata),
        warnings=tuple(warning.code for warning in extraction.warnings),
        confidence=extraction.confidence if extraction.HasField("confidence") else None,
        links=tuple(model.Link(link.text, link.uri, link.page) for link in extraction.links),
        pictures=tuple(model.Picture(each.sha256, each.page, each.block) for each in extraction.pictures),
        source_text="".join(extraction.source_text),
        digest=digest,
    )


def _box(box: extract_pb2.Box) -> model.Box:
    return model.Box(box.x0, box.y0, box.x1, box.y1)


def _block(block: extract_pb2.Block) -> model.Block:
    return model.Block(
        text=block.text,
        kind=model.BlockKind(block.kind),
        level=block.level,
        page=block.page,
        box=_box(block.box) if block.HasField("box") else None,
        table=block.table if block.HasField("table") else None,
        marks=tuple(model.Mark(mark) for mark in block.marks),
        confidence=block.confidence if block.HasField("confidence") else None,
    )


def _table(table: extract_pb2.Table) -> model.Table:
    return model.Table(
        rows=tuple(tuple(cell.text for cell in row.cells) for row in table.rows),
        page=table.page,
        box=_box(table.box) if table.HasField("box") else None,
        caption=table.caption,
    )


def _field(field: extract_pb2.Field) -> model.Field:
    return model.Field(
        name=field.name,
        raw=field.raw,
        value=field.value,
        page=field.page,
        block=field.block,
        box=_box(field.box) if field.HasField("box") else None,
    )


def _metadata(found: extract_pb2.Metadata) -> model.Metadata:
    return model.Metadata(
        title=found.title,
        author=found.author,
        subject=found.subject,
        keywords=tuple(found.keywords),
        create_time=_time(found.create_time) if found.HasField("create_time") else None,
        modify_time=_time(found.modify_time) if found.HasField("modify_time") else None,
        language=found.language,
        page_count=found.page_count,
    )


def _time(when: Timestamp) -> datetime:
    from datetime import UTC  # noqa: PLC0415 - one use

    return when.ToDatetime(tzinfo=UTC)


def to_message(found: model.Comparison) -> compare_pb2.Comparison:
    """Turn a comparison into its message, without the documents' names."""
    message = compare_pb2.Comparison(
        status=_number(found.status),
        changes=[_change(change) for change in found.changes],
        changes_truncated=found.changes_truncated,
        engine=found.engine,
    )
    if found.error is not None:
        message.error.CopyFrom(
            common_pb2.DocumentError(
                reason=found.error.reason, message=found.error.message, stage=common_pb2.STAGE_COMPARE
            )
        )
    if found.similarity is not None:
        message.similarity.CopyFrom(_similarity(found.similarity))
    if found.counts is not None:
        message.counts.CopyFrom(_counts(found.counts))
    return message


def _number(value: int) -> Any:
    """Give an enum's number: the engine's enums equal the contract's."""
    return int(value)


def _similarity(found: model.Similarity) -> compare_pb2.Similarity:
    return compare_pb2.Similarity(
        shingles=found.shingles,
        text=found.text,
        structure=found.structure,
        tables=found.tables,
        fields=found.fields,
        overall=found.overall,
    )


def _counts(found: model.ChangeCounts) -> compare_pb2.ChangeCounts:
    return compare_pb2.ChangeCounts(
        words_inserted=found.words_inserted,
        words_deleted=found.words_deleted,
        words_equal=found.words_equal,
        blocks_moved=found.blocks_moved,
        cells_changed=found.cells_changed,
        values_changed=found.values_changed,
        changes=found.changes,
        likely_artifacts=found.likely_artifacts,
        renumbered=found.renumbered,
    )


def _change(change: model.Change) -> compare_pb2.Change:
    return compare_pb2.Change(
        kind=_number(change.kind),
        scope=_number(change.scope),
        left=_place(change.left),
        right=_place(change.right),
        left_text=change.left_text,
        right_text=change.right_text,
        left_value=change.left_value,
        right_value=change.right_value,
        likely_artifact=change.likely_artifact,
        artifact_reason=change.artifact_reason,
        renumbering=change.renumbering,
    )


def _place(place: model.Place | None) -> compare_pb2.Place | None:
    if place is None:
        return None
    box = place.box
    return compare_pb2.Place(
        page=place.page,
        block=place.block,
        offset=place.offset,
        length=place.length,
        x0=box.x0 if box else None,
        y0=box.y0 if box else None,
        x1=box.x1 if box else None,
        y1=box.y1 if box else None,
        table=place.table,
        row=place.row,
        column=place.column,
        name=place.name,
    )


def text_extraction(text: str) -> extract_pb2.Extraction:
    """Make the extraction of plain text: blank lines part blocks."""
    blocks = [part.strip("\n") for part in text.replace("\r\n", "\n").split("\n\n")]
    made = extract_pb2.Extraction(media_type="text/plain", engine="inline@1")
    for block in blocks:
        if block.strip():
            made.blocks.add(kind=extract_pb2.BLOCK_KIND_PARAGRAPH, text=block)
    return made


def findings(made: compare_pb2.TileComparisons, *, rollup: bool) -> list[dict[str, Any]]:
    """List the pairs of a tile worth knowing of: by position, with shingle similarity and changed blocks."""
    found = []
    for index, comparison in enumerate(made.comparisons):
        similarity = comparison.similarity
        close = (
            similarity.shingles if similarity.HasField("shingles") and similarity.shingles >= CLOSE else None
        )
        blocks = sorted(_changed_blocks(comparison)) if rollup else []
        if close is not None or blocks:
            found.append({"i": index, "s": close, "b": blocks})
    return found


def _changed_blocks(comparison: compare_pb2.Comparison) -> set[int]:
    """Collect the left document's blocks that changed; likely artefacts and mere renumbering do not count."""
    return {
        change.left.block
        for change in comparison.changes
        if change.scope in CONTENT
        and change.HasField("left")
        and not change.likely_artifact
        and not change.renumbering
    }


class Gathered:
    """The findings of a plan's tiles as they come."""

    def __init__(self) -> None:
        self._close: list[tuple[str, str, float]] = []
        self._changed: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, plan: compare_pb2.ComparePlan, tile: compare_pb2.PlannedTile, findings_json: str) -> None:
        """Take a tile's findings."""
        for found in json.loads(findings_json) if findings_json else ():
            left = plan.documents[tile.left[found["i"]]].document_id
            right = plan.documents[tile.right[found["i"]]].document_id
            if found["s"] is not None:
                self._close.append((left, right, found["s"]))
            for block in found["b"]:
                self._changed[block].add(right)

    def conclusion(self, plan: compare_pb2.ComparePlan) -> compare_pb2.CompareConclusion:
        """Make the conclusion of a plan whose tiles have all been added; the rollup is without texts yet."""
        made = compare_pb2.CompareConclusion(
            families=plan.families,
            left_only=plan.left_only,
            right_only=plan.right_only,
            candidates=plan.candidates,
        )
        kind = plan.spec.WhichOneof("plan")
        if kind in {None, "all_pairs", "near_duplicates"}:
            for cluster in find_clusters(self._edges(_threshold(plan.spec))):
                made.clusters.add(document_ids=cluster.document_ids)
        if kind == "baseline":
            for block, who in sorted(self._changed.items()):
                made.rollup.add(block=block, document_ids=sorted(who))
        return made

    def _edges(self, threshold: float) -> Iterator[tuple[str, str]]:
        return ((left, right) for left, right, shingles in self._close if shingles >= threshold)


def _threshold(spec: compare_pb2.CompareSpec) -> float:
    near = spec.near_duplicates
    return near.threshold if near.HasField("threshold") else NearDuplicates().threshold


def name_rollup(conclusion: compare_pb2.CompareConclusion, baseline: extract_pb2.Extraction) -> None:
    """Put the baseline's texts into the rollup."""
    for row in conclusion.rollup:
        if row.block < len(baseline.blocks):
            row.text = baseline.blocks[row.block].text[:TEXT_MAX]
