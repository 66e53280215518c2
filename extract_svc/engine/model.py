"""What goes into the extract engine and what comes out of it.

`Extraction` and its parts mirror the message of the same name in `extract.proto`, field for field: the
comments there say what each field means. Enum values equal the proto numbers, so converting is a cast.
Coordinates are points (1/72 inch) from a page's top left corner. Pages count from 1, indexes from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from extract_svc.engine.deadline import NEVER, Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class BlockKind(IntEnum):
    """What a block is."""

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
    """What sets text apart from what a reader sees at once."""

    UNSPECIFIED = 0
    HIDDEN = 1
    INSERTED = 2
    DELETED = 3
    COMMENT = 4
    NOTE = 5
    OCR = 6


class FieldType(IntEnum):
    """What a field's value is."""

    UNSPECIFIED = 0
    TEXT = 1
    NUMBER = 2
    MONEY = 3
    DATE = 4


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes to extract; `media_type` as fetch sniffed it, "" for the engine to find out by itself."""

    data: bytes
    name: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A field to look for: by `label` or by `pattern` (RE2 syntax), exactly one of them set."""

    name: str
    label: str = ""
    pattern: str = ""
    type: FieldType = FieldType.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Limits:
    """Where reading one document stops; 0 for `max_pages` and `max_characters` means no limit.

    Past `max_pages`, `max_characters`, `max_blocks` or `max_cells` (of all tables, the last row counted whole) the
    result is partial and says so (`PARTIAL`). Past a
    limit of inflating (entries, bytes, ratio, depth of nested archives) the document fails.
    """

    max_pages: int = 10_000
    max_characters: int = 50_000_000
    max_blocks: int = 1_000_000
    max_cells: int = 1_000_000
    max_entries: int = 10_000
    max_depth: int = 3
    max_ratio: int = 100
    max_inflated_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """How to extract. `extractors`: names, best first; empty: the best for each format.

    `detect_language`: whether a language is told from the text where none is stated; the model for it takes half a
    second to load.
    An engine that can deliver in parts asks `deadline.passed()` between them, and stops there.
    """

    fields: tuple[FieldRule, ...] = ()
    extractors: tuple[str, ...] = ()
    passwords: tuple[str, ...] = ()
    plugin_options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    detect_language: bool = True
    deadline: Deadline = field(default=NEVER, compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide or sheet; sizes in points, 0 where unknown."""

    number: int
    width_pt: float = 0.0
    height_pt: float = 0.0
    label: str = ""
    hidden: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in points from its top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text that stands together; `table` is an index into `Extraction.tables`."""

    kind: BlockKind
    text: str
    level: int = 0
    page: int = 0
    box: Box | None = None
    table: int | None = None
    marks: tuple[Mark, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell; 0 and 1 both mean a span of one."""

    text: str = ""
    row_span: int = 0
    column_span: int = 0
    header: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row; cells covered by a span are present and empty."""

    cells: tuple[TableCell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its rows from the top."""

    rows: tuple[TableRow, ...]
    page: int = 0
    box: Box | None = None
    caption: str = ""

    @property
    def text(self) -> str:
        """The cells joined by tabs and the rows by line ends."""
        return "\n".join("\t".join(cell.text for cell in row.cells) for row in self.rows)


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """One stated property, as it stands."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the document says of itself, normalised; `raw` sorted by key. Times are in UTC."""

    title: str = ""
    author: str = ""
    subject: str = ""
    keywords: tuple[str, ...] = ()
    create_time: datetime | None = None
    modify_time: datetime | None = None
    language: str = ""
    page_count: int = 0
    raw: tuple[MetadataEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A link; its `uri` is never followed."""

    text: str
    uri: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the digest of its bytes; `block` is the index of the block that it stands behind."""

    sha256: str
    page: int = 0
    block: int = 0


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """An entry of the outline, `level` from 1."""

    level: int
    title: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled value; `block` is an index into `Extraction.blocks`."""

    name: str
    label: str
    raw: str
    value: str
    type: FieldType
    asked: bool = False
    page: int = 0
    block: int = 0
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the contract's word for it
    """What a reader should know before trusting the result; page 0 speaks of the whole document."""

    code: str
    message: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class MemberFile:
    """A document inside a document: its path there, its bytes, and the media type if the container says."""

    path: str
    data: bytes
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a document says. Deterministic: the same bytes, options and engine give an equal value.

    But for a `provisional` one: time or memory ended before the document did. It serves the job that asked, warns
    `PARTIAL`, and is no other job's, because another run may read more.
    """

    media_type: str
    engine: str = ""
    pages: tuple[Page, ...] = ()
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    metadata: Metadata = Metadata()
    links: tuple[Link, ...] = ()
    outline: tuple[OutlineEntry, ...] = ()
    fields: tuple[Field, ...] = ()
    warnings: tuple[Warning, ...] = ()
    confidence: float | None = None
    members: tuple[MemberFile, ...] = ()
    pictures: tuple[Picture, ...] = ()
    source_text: str = ""
    """The text as it stands in the file, where the blocks leave out marks that people wrote; else empty."""
    provisional: bool = False

    @property
    def text(self) -> str:
        """The whole text: the blocks' texts in order, joined by blank lines."""
        return "\n\n".join(block.text for block in self.blocks if block.text)


@dataclass(frozen=True, slots=True)
class Recognition:
    """How documents of a media type of one's own are told: by the bytes they start with, or by a name's end.

    `starts` decides alone where it is given. `suffix` (lower case with its dot, as ".acta") decides for
    documents without a signature of their own; it is asked only where the content is text, or of no known kind.
    """

    media_type: str
    starts: bytes = b""
    suffix: str = ""


class Extractor(Protocol):
    """Something that reads documents of some media types.

    An instance is a light declaration: making one must load no parser library; import it inside `extract`.
    The same bytes and options must give an equal `Extraction`. Raise `CollatioError` for a document that
    cannot be read; anything else counts as the engine's own fault.

    A format that collatio does not know needs one attribute more, `recognitions: tuple[Recognition, ...]`.
    """

    @property
    def name(self) -> str:
        """The name users select it by; unique among installed extractors."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever results may change; results of other versions are not reused."""
        ...

    @property
    def media_types(self) -> frozenset[str]:
        """The media types it reads, in lower case without parameters."""
        ...

    @property
    def priority(self) -> int:
        """The highest wins where several read a type; the shipped ones have 0, fallbacks less."""
        ...

    @property
    def needs_network(self) -> bool:
        """Whether it must reach the network. The sandbox has none, so such a one is listed but never chosen."""
        ...

    def extract(self, document: Document, options: Options) -> Extraction:
        """Read one document, whose `media_type` is set.

        Errors: CollatioError DOCUMENT_CORRUPT, ENCRYPTED, DECOMPRESSION_LIMIT, XML_DTD_FORBIDDEN.
        """
        ...
