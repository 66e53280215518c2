"""What a plan concluded over all documents, as a row, and the two lists that are read by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collatio.cli.output import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.client.messages import CompareConclusion

Row = dict[str, Any]


def conclusion_row(conclusion: CompareConclusion) -> Row:
    """Make the row: documents by their ids, so that nothing is told twice of two that share a URI."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "clusters": [{"documentIds": list(each.document_ids)} for each in conclusion.clusters],
        "families": [
            {"documentIds": list(each.document_ids), "evidence": list(each.evidence)}
            for each in conclusion.families
        ],
        "rollup": [
            {"block": each.block, "text": each.text, "documentIds": list(each.document_ids)}
            for each in conclusion.rollup
        ],
        "leftOnly": list(conclusion.left_only),
        "rightOnly": list(conclusion.right_only),
        "candidates": conclusion.candidates,
    }


def cluster_rows(conclusion: CompareConclusion, uris: Mapping[str, str]) -> list[Row]:
    """List the clusters, largest first, their members by URI."""
    return [{"members": _members(each.document_ids, uris)} for each in conclusion.clusters]


def family_rows(conclusion: CompareConclusion, uris: Mapping[str, str]) -> list[Row]:
    """List the families, their members by URI and oldest first."""
    return [
        {"members": _members(each.document_ids, uris), "evidence": list(each.evidence)}
        for each in conclusion.families
    ]


def _members(ids: Any, uris: Mapping[str, str]) -> list[str]:
    return [uris.get(each, each) for each in ids]
