"""Output folders for the report to read: a small good one, one whose every text is hostile, and what makes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]


def spot(block: int, offset: int, length: int, **more: Any) -> Row:
    """Make a place."""
    return {"page": 0, "block": block, "offset": offset, "length": length, **more}


def change(kind: str, left: Row | None = None, right: Row | None = None, **more: Any) -> Row:
    """Make a change, of text unless told otherwise."""
    row: Row = {"kind": kind, "scope": "TEXT", "leftText": "", "rightText": "", **more}
    return row | ({"left": left} if left else {}) | ({"right": right} if right else {})


@dataclass
class Making:
    """An output folder in the making."""

    documents: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)
    conclusion: Row = field(default_factory=dict)
    job: Row = field(default_factory=dict)
    trace: Row | None = None

    def document(self, uri: str, *blocks: str, kinds: str = "", **more: Any) -> str:
        """Add a document of blocks; `kinds` says "h" for a heading and "t" for a table. Gives its id."""
        number = len(self.documents)
        rows, start = [], 0
        for at, text in enumerate(blocks):
            row: Row = {"kind": "PARAGRAPH", "start": start, "length": len(text)}
            match kinds[at : at + 1]:
                case "h":
                    row |= {"kind": "HEADING", "level": 1}
                case "t":
                    row |= {"kind": "TABLE", "table": 0}
            rows.append(row)
            start += len(text) + 2
        document_id = f"d{number}"
        self.documents.append(
            {
                "schemaVersion": 1,
                "documentId": document_id,
                "uri": uri,
                "mediaType": "text/plain",
                "text": "\n\n".join(blocks),
                "blocks": rows,
                "tables": [],
                **more,
            }
        )
        return document_id

    def pair(
        self, left: int, right: int, overall: float, changes: list[Row] | None = None, **more: Any
    ) -> None:
        """Add a compared pair."""
        found = changes or []
        artifacts = sum(bool(each.get("likelyArtifact")) for each in found)
        self.pairs.append(
            {
                "schemaVersion": 1,
                "comparisonId": f"d{left}..d{right}",
                "left": self.documents[left]["uri"],
                "right": self.documents[right]["uri"],
                "status": "COMPARED",
                "similarity": {"text": overall, "overall": overall},
                "counts": {"changes": len(found), "likelyArtifacts": artifacts},
                "changes": found,
                **more,
            }
        )

    def write(self, folder: Path) -> Path:
        """Write it."""
        job = {"name": "jobs/j1", "state": "JOB_STATE_SUCCEEDED", "spec": {"compare": {"allPairs": {}}}}
        (folder / "job.json").write_text(json.dumps(job | self.job))
        for name, rows in (("extractions.jsonl", self.documents), ("comparisons.jsonl", self.pairs)):
            (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "conclusion.json").write_text(json.dumps(self.conclusion))
        if self.trace is not None:
            (folder / "trace.json").write_text(json.dumps(self.trace))
        return folder


@pytest.fixture
def making() -> Making:
    """Start a folder."""
    return Making()


@pytest.fixture
def small(making: Making, tmp_path: Path) -> Path:
    """A folder of four documents, one of which failed; two versions with every kind of change."""
    rows = [["Item", "Fee"], ["Access", "10"]]
    old = ("Terms", "Pay within 30 days.", "Item\tFee\nAccess\t10", "Gone for good.", "This one moves.")
    new = ("Terms", "This one moves.", "Pay within 21 days.", "Item\tFee\nAccess\t12", "Quite new.")
    making.document("file:///d/terms-1.txt", *old, kinds="h-t", tables=[{"rows": rows}])
    making.document(
        "file:///d/terms-2.txt", *new, kinds="h--t", tables=[{"rows": [["Item", "Fee"], ["Access", "12"]]}]
    )
    making.document("file:///d/other.txt", "Nothing alike.")
    making.document(
        "file:///d/broken.pdf", error={"reason": "DOCUMENT_CORRUPT", "message": "No.", "stage": "extract"}
    )
    making.pair(
        0,
        1,
        0.8,
        [
            change(
                "MOVED",
                spot(4, 0, 15),
                spot(1, 0, 15),
                leftText="This one moves.",
                rightText="This one moves.",
            ),
            change("REPLACED", spot(1, 11, 2), spot(2, 11, 2), leftText="30", rightText="21"),
            change(
                "VALUE_CHANGED",
                spot(2, 0, 0, table=0, row=1, column=1),
                spot(3, 0, 0, table=0, row=1, column=1),
                scope="TABLE",
                leftText="10",
                rightText="12",
            ),
            change("DELETED", spot(3, 0, 14), leftText="Gone for good."),
            change("INSERTED", right=spot(4, 0, 10), rightText="Quite new."),
            change(
                "VALUE_CHANGED",
                spot(0, 0, 0, name="title"),
                spot(0, 0, 0, name="title"),
                scope="METADATA",
                leftText="One",
                rightText="Two",
            ),
        ],
    )
    making.pair(0, 2, 0.1)
    making.pair(1, 2, 0.1)
    making.conclusion = {
        "clusters": [{"documentIds": ["d0", "d1"]}],
        "families": [{"documentIds": ["d0", "d1"], "evidence": ["date"]}],
    }
    return making.write(tmp_path)


EVIL = (
    '"><script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)>'
    "</style></title><a href=javascript:alert(4)>x</a>' onfocus='alert(5)' autofocus='{{7*7}}"
)


@pytest.fixture
def hostile(making: Making, tmp_path: Path) -> Path:
    """A folder in which everything that a document or a file name can say is an attack."""
    evil, error = EVIL, {"reason": EVIL, "message": EVIL, "stage": EVIL}
    table = {"tables": [{"rows": [[evil, evil]]}]}
    about = {"mediaType": evil, "language": evil, "metadata": {"title": evil}}
    warned = {"warnings": [{"code": evil, "message": evil}]}
    for at in range(3):
        uri = f"file:///d/{evil}{at}"
        making.document(uri, evil + "a", evil, f"{evil}{at}", kinds="h-t", **table, **about, **warned)
    making.document("javascript:alert(6)", error=error)
    cell = spot(2, 0, 0, table=0, row=0, column=0)
    changes = [
        change("REPLACED", spot(0, 3, 40), spot(0, 3, 40), leftText=evil, rightText=evil + "!"),
        change("DELETED", spot(1, 0, 20), leftText=evil),
        change("INSERTED", right=spot(1, 5, 20), rightText=evil),
        change("VALUE_CHANGED", cell, cell, scope="TABLE", leftText=evil, rightText=evil),
        change(evil, spot(1, 0, 9), scope=evil, leftText=evil),
        change("DELETED", spot(0, 45, 9), leftText=evil, likelyArtifact=True, artifactReason=evil),
        change(
            "VALUE_CHANGED",
            spot(0, 0, 0, name=evil),
            spot(0, 0, 0, name=evil),
            scope="FIELD",
            leftText=evil,
            rightText=evil + "?",
            leftValue=evil + "=",
        ),
    ]
    for left, right in ((0, 1), (0, 2), (1, 2)):
        making.pair(left, right, 0.9, changes, changesTruncated=True)
    making.pairs.append(
        {
            "comparisonId": "d0..d3",
            "left": evil,
            "right": evil,
            "status": "FAILED",
            "reason": evil,
            "message": evil,
        }
    )
    ids = ["d0", "d1", "d2"]
    making.conclusion = {
        "clusters": [{"documentIds": ids}],
        "families": [{"documentIds": ids, "evidence": [evil, evil]}],
        "rollup": [{"block": 0, "text": evil, "documentIds": ids}],
        "leftOnly": [evil],
        "rightOnly": ["javascript:alert(7)"],
        "candidates": evil,
    }
    making.job = {"name": evil, "state": evil, "createTime": evil, "traceId": evil, "error": error}
    making.trace = {
        "spans": [{"spanId": evil, "name": evil, "service": evil, "startNs": 1, "endNs": 9, "error": True}]
    }
    return making.write(tmp_path)
