"""What a comparator is, and the values it works on.

A comparator takes two documents and says how they differ. The shipped one (`words`) comes through the same
door as anyone's: an entry point of the group `collatio.comparators` that names a light object with `name`,
`version` and `compare`. Light means that importing it loads no diff library: a server that only computes a
step's key imports it too, so heavy imports belong inside `compare`.

The values mirror the messages of `collatio.v1` field for field and enum number for enum number. Tuples take
the place of repeated fields, and `None` that of an unset optional field.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class BlockKind(IntEnum):
    """What a block is; the numbers are those of the contract's BlockKind."""

    UNSPECIFIED = 0
    HEADING = 1
    PARAGRAPH = 2
    LIST_ITEM = 3
    TABLE = 4
    FIGURE = 5
    HEADER = 6
    FOOTER = 7
    FOOTNOTE = 8
    CODE = 9


class Mark(IntEnum):
    """What sets text apart from what a reader sees at once; numbers as in the contract."""

    UNSPECIFIED = 0
    HIDDEN = 1
    INSERTED = 2
    DELETED = 3
    COMMENT = 4
    NOTE = 5
    OCR = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in points from the page's top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text that stands together.

    `page` counts from 1 (0: no pages); `table` is an index into `Document.tables`, for table blocks only;
    `confidence` is 0..1, unset where the extractor cannot tell.
    """

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    page: int = 0
    box: Box | None = None
    table: int | None = None
    marks: tuple[Mark, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the texts of its cells, a tuple a row from the top; a cell under a span is present and empty."""

    rows: tuple[tuple[str, ...], ...]
    page: int = 0
    box: Box | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled value; `raw` as it stands, `value` normalised (empty where it does not parse)."""

    name: str
    raw: str
    value: str = ""
    page: int = 0
    block: int = 0
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link: the text it stands on, where it leads."""

    text: str
    uri: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the SHA-256 of its bytes; `block` is the index of the block that it stands behind."""

    sha256: str
    page: int = 0
    block: int = 0


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a document says of itself. Times are aware; empty and `None` mean not stated."""

    title: str = ""
    author: str = ""
    subject: str = ""
    keywords: tuple[str, ...] = ()
    create_time: datetime | None = None
    modify_time: datetime | None = None
    language: str = ""
    page_count: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document to compare: who it is, and what its extraction holds.

    `warnings` are the codes of the extraction's warnings. `source_text` is the text as it stands in the file, for
    formats whose blocks leave out marks that people wrote (Markdown); else empty. Two documents with equal content compare equal
    whatever their ids and URIs.
    """

    document_id: str
    uri: str = ""
    sha256: str = ""
    key: str = ""
    relative_path: str = ""
    baseline: bool = False
    media_type: str = ""
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    fields: tuple[Field, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    warnings: tuple[str, ...] = ()
    confidence: float | None = None
    source_text: str = ""
    links: tuple[Link, ...] = ()
    pictures: tuple[Picture, ...] = ()
    digest: str = ""
    """The digest of the extraction's blob; documents with the same one are the same without a look inside.
    Empty: unknown."""

    @property
    def has_text(self) -> bool:
        """Whether there is anything to compare: a block or a cell that holds more than white space."""
        return any(block.text and not block.text.isspace() for block in self.blocks) or any(
            cell and not cell.isspace() for table in self.tables for row in table.rows for cell in row
        )


@dataclass(frozen=True, slots=True)
class Ignore:
    """Differences that do not count. `patterns` are regular expressions; text that matches is left out."""

    case: bool = False
    whitespace: bool = False
    page_furniture: bool = False
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    `max_changes` bounds the changes listed for a pair, `max_unlike_changes` those of a pair whose text
    similarity is below `unlike_below`: all pairs of a folder are mostly pairs of strangers, and listing both
    texts for each of them helps nobody. Counts and similarities are always whole. `plugin` holds the options
    meant for this comparator.
    """

    ignore: Ignore = field(default_factory=Ignore)
    max_changes: int = 10_000
    max_unlike_changes: int = 100
    unlike_below: float = 0.2
    plugin: Mapping[str, object] = field(default_factory=dict)


class ComparisonStatus(IntEnum):
    """What came of a pair; numbers as in the contract."""

    UNSPECIFIED = 0
    COMPARED = 1
    NOT_COMPARABLE = 2
    FAILED = 3


class ChangeKind(IntEnum):
    """What happened; numbers as in the contract."""

    UNSPECIFIED = 0
    INSERTED = 1
    DELETED = 2
    REPLACED = 3
    MOVED = 4
    VALUE_CHANGED = 5


class ChangeScope(IntEnum):
    """To what a change happened; numbers as in the contract."""

    UNSPECIFIED = 0
    TEXT = 1
    TABLE = 2
    FIELD = 3
    METADATA = 4
    LINK = 5
    PICTURE = 6


_SWAPPED = {ChangeKind.INSERTED: ChangeKind.DELETED, ChangeKind.DELETED: ChangeKind.INSERTED}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document.

    `block` is an index into the blocks, `offset` and `length` count Unicode code points in its text. A length
    may reach past the block's end: blocks follow one another with a blank line (two characters) between.
    The box is the block's, in points from the page's top left corner. `table`, `row` and `column` count from
    0 and are unset outside tables; a whole row has no column, a whole column no row.
    """

    page: int = 0
    block: int = 0
    offset: int = 0
    length: int = 0
    box: Box | None = None
    table: int | None = None
    row: int | None = None
    column: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, with its place and text on both sides; see the contract's Change for every field.

    What was inserted within a block that stands on both sides has a place of length 0 on the left, where it
    would stand, and what was deleted within one has it on the right. A whole block's other place is unset.
    """

    kind: ChangeKind
    scope: ChangeScope
    left: Place | None = None
    right: Place | None = None
    left_text: str = ""
    right_text: str = ""
    left_value: str = ""
    right_value: str = ""
    likely_artifact: bool = False
    artifact_reason: str = ""
    renumbering: bool = False

    def swapped(self) -> Change:
        """Return the change as it is when the two documents change sides."""
        return replace(
            self,
            kind=_SWAPPED.get(self.kind, self.kind),
            left=self.right,
            right=self.left,
            left_text=self.right_text,
            right_text=self.left_text,
            left_value=self.right_value,
            right_value=self.left_value,
        )


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How much changed. `words_equal + words_deleted` is the left document's word count, and so on the right."""

    words_inserted: int = 0
    words_deleted: int = 0
    words_equal: int = 0
    blocks_moved: int = 0
    cells_changed: int = 0
    values_changed: int = 0
    changes: int = 0
    likely_artifacts: int = 0
    renumbered: int = 0


@dataclass(frozen=True, slots=True)
class Similarity:
    """How alike two documents are, each 0..1; `None`: not applicable. The contract says how each is computed."""

    shingles: float | None = None
    text: float | None = None
    structure: float | None = None
    tables: float | None = None
    fields: float | None = None
    overall: float | None = None


@dataclass(frozen=True, slots=True)
class ComparedDocument:
    """A document of a pair."""

    document_id: str
    uri: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class PairError:
    """Why a pair has no comparison: a reason of the catalogue and a sentence without document text."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One pair, compared. Similarity and counts are unset unless it was."""

    left: ComparedDocument
    right: ComparedDocument
    status: ComparisonStatus
    error: PairError | None = None
    similarity: Similarity | None = None
    counts: ChangeCounts | None = None
    changes: tuple[Change, ...] = ()
    changes_truncated: bool = False
    engine: str = ""

    @property
    def comparison_id(self) -> str:
        """The pair's id within a job."""
        return f"{self.left.document_id}..{self.right.document_id}"


@runtime_checkable
class Comparator(Protocol):
    """Compares two documents.

    The result must depend on the two documents and the options alone: results are kept and reused under the
    key `name@version`, so raise the version whenever results change.
    """

    @property
    def name(self) -> str:
        """The name people choose it by; lower case, unique among the installed comparators."""

    @property
    def version(self) -> str:
        """The version of its results."""

    def compare(self, left: Document, right: Document, options: Options) -> Comparison:
        """Compare two documents.

        Raise `CollatioError` for what a caller can act on. Return NOT_COMPARABLE, never a similarity of 1,
        where a document holds nothing to compare.
        """
