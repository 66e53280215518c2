"""Protobuf to engine values and back."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from collatio.v1 import common_pb2, extract_pb2
from extract_svc.engine.model import FieldRule, FieldType, Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from extract_svc.engine import model

PIECE_CHARACTERS = 1 << 17


def options_from(spec: extract_pb2.ExtractSpec) -> Options:
    """Turn a spec into the engine's options."""
    return Options(
        fields=tuple(
            FieldRule(name=r.name, label=r.label, pattern=r.pattern, type=FieldType(r.type))
            for r in spec.fields
        ),
        extractors=tuple(spec.extractors),
        passwords=tuple(spec.passwords),
        plugin_options=MessageToDict(spec.plugin_options),
    )


def to_message(found: model.Extraction) -> extract_pb2.Extraction:
    """Turn an extraction into its message; members are named by digest, their bytes travel beside it."""
    return extract_pb2.Extraction(
        media_type=found.media_type,
        engine=found.engine,
        pages=[_page(page) for page in found.pages],
        blocks=[_block(block) for block in found.blocks],
        tables=[_table(table) for table in found.tables],
        metadata=_metadata(found.metadata),
        links=[extract_pb2.Link(text=_clean(x.text), uri=_clean(x.uri), page=x.page) for x in found.links],
        outline=[
            extract_pb2.OutlineEntry(level=x.level, title=_clean(x.title), page=x.page) for x in found.outline
        ],
        fields=[_field(x) for x in found.fields],
        warnings=[
            extract_pb2.Warning(code=x.code, message=_clean(x.message), page=x.page) for x in found.warnings
        ],
        confidence=found.confidence,
        pictures=[extract_pb2.Picture(sha256=x.sha256, page=x.page, block=x.block) for x in found.pictures],
        source_text=list(_pieces(_clean(found.source_text))),
        members=[
            extract_pb2.Member(
                path=_clean(member.path),
                blob=common_pb2.BlobRef(
                    sha256=hashlib.sha256(member.data).hexdigest(),
                    size_bytes=len(member.data),
                    media_type=member.media_type,
                ),
            )
            for member in found.members
        ],
    )


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text, so that an extraction can be streamed in parts."""
    return (text[begin : begin + PIECE_CHARACTERS] for begin in range(0, len(text), PIECE_CHARACTERS))


def _clean(text: str) -> str:
    """Keep what UTF-8 can say: a lone surrogate, which some documents hold, becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _box(box: model.Box | None) -> extract_pb2.Box | None:
    return None if box is None else extract_pb2.Box(x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1)


def _page(page: model.Page) -> extract_pb2.Page:
    return extract_pb2.Page(
        number=page.number,
        width_pt=page.width_pt,
        height_pt=page.height_pt,
        label=_clean(page.label),
        hidden=page.hidden,
        confidence=page.confidence,
    )


def _block(block: model.Block) -> extract_pb2.Block:
    return extract_pb2.Block(
        kind=_number(block.kind),
        level=block.level,
        text=_clean(block.text),
        page=block.page,
        box=_box(block.box),
        table=block.table,
        marks=[_number(mark) for mark in block.marks],
        confidence=block.confidence,
    )


def _number(value: int) -> Any:
    """Give an enum's number: the engine's enums equal the contract's."""
    return int(value)


def _table(table: model.Table) -> extract_pb2.Table:
    return extract_pb2.Table(
        rows=[
            extract_pb2.TableRow(
                cells=[
                    extract_pb2.TableCell(
                        text=_clean(cell.text),
                        row_span=cell.row_span,
                        column_span=cell.column_span,
                        header=cell.header,
                    )
                    for cell in row.cells
                ]
            )
            for row in table.rows
        ],
        page=table.page,
        box=_box(table.box),
        caption=_clean(table.caption),
    )


def _metadata(found: model.Metadata) -> extract_pb2.Metadata:
    return extract_pb2.Metadata(
        title=_clean(found.title),
        author=_clean(found.author),
        subject=_clean(found.subject),
        keywords=[_clean(word) for word in found.keywords],
        create_time=_time(found.create_time),
        modify_time=_time(found.modify_time),
        language=found.language,
        page_count=found.page_count,
        raw=[extract_pb2.MetadataEntry(key=_clean(e.key), value=_clean(e.value)) for e in found.raw],
    )


def _time(when: datetime | None) -> Timestamp | None:
    if when is None:
        return None
    made = Timestamp()
    made.FromDatetime(when)
    return made


def _field(found: model.Field) -> extract_pb2.Field:
    return extract_pb2.Field(
        name=_clean(found.name),
        label=_clean(found.label),
        raw=_clean(found.raw),
        value=_clean(found.value),
        type=_number(found.type),
        asked=found.asked,
        page=found.page,
        block=found.block,
        box=_box(found.box),
    )
