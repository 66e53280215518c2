"""Documents and comparisons as rows."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.cli.output.comparisons import comparison_row
from collatio.cli.output.documents import extraction_row, failed_row, failure_of, unfinished
from collatio.cli.output.names import Names
from collatio.client.messages import (
    BlobRef,
    BlockKind,
    Change,
    ChangeKind,
    ChangeScope,
    ComparedDocument,
    Comparison,
    ComparisonStatus,
    DocumentError,
    DocumentState,
    Extraction,
    Job,
    JobDocument,
    JobState,
    Place,
    Stage,
)
from collatio.v1.extract_pb2 import (
    Block,
    Metadata,
    MetadataEntry,
    Page,
    Table,
    TableCell,
    TableRow,
)
from collatio.v1.extract_pb2 import (
    Warning as DocumentWarning,
)

NAMES = Names(Job())
DOCUMENT = JobDocument(document_id="a", uri="s3://b/a.pdf", blob=BlobRef(sha256="00", media_type="x/y"))


def test_extraction_s_row_holds_what_the_document_says() -> None:
    """Every key is there, also where the document says nothing."""
    extraction = Extraction(
        media_type="application/pdf",
        pages=[Page(number=1), Page(number=2)],
        blocks=[Block(text="Title"), Block(text="Body")],
        tables=[Table(rows=[TableRow(cells=[TableCell(text="x"), TableCell()])])],
        metadata=Metadata(
            title="T",
            keywords=["k"],
            language="en",
            create_time=Timestamp(seconds=0),
            raw=[MetadataEntry(key="Producer", value="p")],
        ),
        warnings=[DocumentWarning(code="PARTIAL", message="m", page=2), DocumentWarning(code="W")],
    )
    assert extraction_row(DOCUMENT, NAMES, extraction) == {
        "schemaVersion": 1,
        "documentId": "a",
        "uri": "s3://b/a.pdf",
        "sha256": "00",
        "mediaType": "application/pdf",
        "text": "Title\n\nBody",
        "pageCount": 2,
        "blocks": [
            {"kind": "UNSPECIFIED", "start": 0, "length": 5},
            {"kind": "UNSPECIFIED", "start": 7, "length": 4},
        ],
        "tables": [{"rows": [["x", ""]]}],
        "metadata": {
            "title": "T",
            "author": "",
            "subject": "",
            "keywords": ["k"],
            "language": "en",
            "createTime": "1970-01-01T00:00:00Z",
            "raw": [{"key": "Producer", "value": "p"}],
        },
        "language": "en",
        "warnings": [{"code": "PARTIAL", "message": "m", "page": 2}, {"code": "W", "message": ""}],
    }
    bare = extraction_row(DOCUMENT, NAMES, Extraction())
    assert (bare["text"], bare["pageCount"], bare["mediaType"]) == ("", 0, "x/y")


def test_failed_document_s_row_holds_its_error_in_place_of_text() -> None:
    """Reason, sentence, stage, and whether trying again may help."""
    error = DocumentError(reason="ENCRYPTED", message="locked", stage=Stage.STAGE_EXTRACT, retryable=True)
    row = failed_row(DOCUMENT, NAMES, failure_of(error))
    assert "text" not in row
    assert row["error"] == {"reason": "ENCRYPTED", "message": "locked", "stage": "extract", "retryable": True}
    assert failure_of(DocumentError()).stage == ""


def test_document_that_the_job_left_behind_says_so() -> None:
    """A job that ended early owes each document a reason."""
    job = Job(state=JobState.JOB_STATE_CANCELLED)
    left = unfinished(JobDocument(state=DocumentState.DOCUMENT_STATE_FETCHED), job)
    assert left is not None
    assert left.reason == "CANCELLED"
    job.error.reason = "JOB_DEADLINE_EXCEEDED"
    left = unfinished(JobDocument(state=DocumentState.DOCUMENT_STATE_FETCHED), job)
    assert left is not None
    assert left.reason == "JOB_DEADLINE_EXCEEDED"
    assert unfinished(JobDocument(state=DocumentState.DOCUMENT_STATE_EXTRACTED), job) is None


def test_comparison_s_row_names_measures_that_apply() -> None:
    """0.0 is a measure, unset is none; places carry what the format has."""
    comparison = Comparison(
        comparison_id="a..b",
        left=ComparedDocument(uri="u:a", sha256="00"),
        right=ComparedDocument(uri="u:b", sha256="11"),
        status=ComparisonStatus.COMPARISON_STATUS_COMPARED,
        changes_truncated=True,
    )
    comparison.similarity.text = 0.0
    comparison.counts.changes = 3
    comparison.changes.append(
        Change(
            kind=ChangeKind.CHANGE_KIND_VALUE_CHANGED,
            scope=ChangeScope.CHANGE_SCOPE_TABLE,
            left=Place(page=1, x0=1.0, y0=2.0, x1=3.0, y1=4.0, table=0, row=1, column=2),
            left_text="1",
            right_value="2",
            likely_artifact=True,
            artifact_reason="WHITESPACE",
        )
    )
    row = comparison_row(comparison, NAMES)
    assert (row["left"], row["right"], row["leftSha256"], row["status"]) == ("u:a", "u:b", "00", "COMPARED")
    assert row["similarity"] == {"text": 0.0}
    assert row["counts"]["changes"] == 3
    assert row["changesTruncated"]
    assert row["changes"] == [
        {
            "kind": "VALUE_CHANGED",
            "scope": "TABLE",
            "left": {
                "page": 1,
                "block": 0,
                "offset": 0,
                "length": 0,
                "box": [1.0, 2.0, 3.0, 4.0],
                "table": 0,
                "row": 1,
                "column": 2,
            },
            "leftText": "1",
            "rightText": "",
            "rightValue": "2",
            "likelyArtifact": True,
            "artifactReason": "WHITESPACE",
        }
    ]


def test_pair_that_was_not_compared_has_a_reason_and_no_measures() -> None:
    """Never a similarity that was not computed."""
    comparison = Comparison(
        status=ComparisonStatus.COMPARISON_STATUS_NOT_COMPARABLE, error=DocumentError(reason="NO_TEXT")
    )
    row = comparison_row(comparison, NAMES)
    assert (row["status"], row["reason"]) == ("NOT_COMPARABLE", "NO_TEXT")
    assert not {"similarity", "counts", "changes"} & row.keys()


def test_blocks_are_places_in_the_row_s_text() -> None:
    """What a block says is the text from its start on, in code points; what it is stands beside it."""
    extraction = Extraction()
    extraction.blocks.add(kind=BlockKind.BLOCK_KIND_HEADING, level=2, text="\U0001d306 one", page=1)
    extraction.blocks.add(kind=BlockKind.BLOCK_KIND_TABLE, text="a\tb", table=0)
    row = extraction_row(DOCUMENT, NAMES, extraction)
    assert row["blocks"] == [
        {"kind": "HEADING", "start": 0, "length": 5, "level": 2, "page": 1},
        {"kind": "TABLE", "start": 7, "length": 3, "table": 0},
    ]
    assert [row["text"][each["start"] :][: each["length"]] for each in row["blocks"]] == [
        "\U0001d306 one",
        "a\tb",
    ]
