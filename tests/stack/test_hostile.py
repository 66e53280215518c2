"""Documents made to break parsers: each has one typed outcome, and no worker dies of any."""

from __future__ import annotations

import asyncio
import io
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from collatio.client import JobSpec, JobState, Source
from collatio.runtime.errors import CATALOGUE, Reason
from tests.support.jobs import EXTRACTED, FAILED, documents_of, failures, run_job
from tests.support.papers import write_papers
from tests.support.places import CORPUS

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.client import Client
    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.corpus,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds pool children in /proc, which is Linux's"),
]

HOSTILE = CORPUS / "hostile" / "dev"
REFERRING = {
    "page.html": '<link rel=stylesheet href="{at}/a.css"><img src="{at}/b.png"><iframe src="{at}/c"></iframe><p>Text</p>',
    "note.xml": '<!DOCTYPE note SYSTEM "{at}/note.dtd"><note>Text</note>',
    "entity.xml": '<!DOCTYPE n [<!ENTITY e SYSTEM "{at}/e">]><n>&e;</n>',
    "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink">'
    '<image x:href="{at}/i.png"/><text>Text</text></svg>',
    "field.rtf": '{{\\rtf1 Text {{\\field{{\\*\\fldinst INCLUDEPICTURE "{at}/p.png"}}}}}}',
    "picture.md": "# Text\n\n![picture]({at}/m.png)",
    "mail.eml": "From: a@b.c\nTo: d@e.f\nSubject: x\nMIME-Version: 1.0\n"
    'Content-Type: message/external-body; access-type=URL; URL="{at}/body"\n\nText',
}
"""Documents that refer to something outside themselves, `{at}` being where."""
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
JOB_S = 120.0


async def test_hostile_documents_end_typed_and_kill_nobody(
    mesh: RunningMesh, client: Client, tmp_path: Path
) -> None:
    """Among good documents each hostile one, and each member of it, is done or failed with a reason we know."""
    if not HOSTILE.is_dir():
        pytest.skip("needs ../shared/corpus/hostile, which is not beside this clone")
    papers = write_papers(tmp_path / "good", 20, tag=str(tmp_path))
    hostile = {path.as_uri() for path in HOSTILE.rglob("*") if path.is_file()}
    uris = [f"{HOSTILE.as_uri()}/"]
    before = {stage: (mesh.pid(f"{stage}-work"), mesh.pool(stage)) for stage in ("fetch", "extract")}
    job = await run_job(
        client, JobSpec(sources=[Source(uri=uri) for uri in [*uris, f"{tmp_path.as_uri()}/good/"]]), JOB_S
    )
    documents = await documents_of(client, job)
    assert job.state == JobState.JOB_STATE_SUCCEEDED
    assert {each.uri for each in documents if not each.parent_id} == hostile | {p.as_uri() for p in papers}
    assert {each.state for each in documents} == {EXTRACTED, FAILED}
    reasons = set(failures(documents).values())
    assert reasons
    assert reasons <= CATALOGUE.keys()
    assert not reasons & {Reason.ENGINE_FAILED, Reason.PARSER_CRASHED, Reason.ATTEMPTS_EXHAUSTED}
    assert not failures(documents).keys() & {path.as_uri() for path in papers}
    after = {stage: (mesh.pid(f"{stage}-work"), mesh.pool(stage)) for stage in ("fetch", "extract")}
    assert after == before, "no pool and no child of one was replaced"


def referring_docx(at: str) -> bytes:
    """Make a Word document whose template and picture lie elsewhere."""
    relation = '<Relationship Id="{}" Type="{}/{}" Target="{}/{}" TargetMode="External"/>'.format
    relations = relation("r1", _REL, "image", at, "i.png") + relation(
        "r2", _REL, "attachedTemplate", at, "t.dotm"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{_W}"><w:body><w:p><w:r><w:t>Text</w:t></w:r></w:p></w:body></w:document>',
        )
        package.writestr(
            "word/_rels/document.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}'
            "</Relationships>",
        )
    return packed.getvalue()


async def test_nothing_in_a_document_makes_a_connection(client: Client, tmp_path: Path) -> None:
    """References to templates, pictures, entities and bodies elsewhere are never followed: a listener hears nothing."""
    heard: list[object] = []

    async def hear(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(writer.get_extra_info("peername"))
        writer.close()

    listener = await asyncio.start_server(hear, "127.0.0.1", 0)
    at = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    for name, text in REFERRING.items():
        (tmp_path / name).write_text(text.format(at=at), encoding="utf-8")
    (tmp_path / "letter.docx").write_bytes(referring_docx(at))
    async with listener:
        job = await run_job(client, JobSpec(sources=[Source(uri=f"{tmp_path.as_uri()}/")]), JOB_S)
        documents = await documents_of(client, job)
        assert heard == []
        _, probe = await asyncio.open_connection("127.0.0.1", listener.sockets[0].getsockname()[1])
        probe.close()
        async with asyncio.timeout(JOB_S):
            while not heard:
                await asyncio.sleep(0.01)  # the listener does hear, when there is something to hear
    assert len({each.uri for each in documents if not each.parent_id}) == len(REFERRING) + 1
    assert set(failures(documents).values()) <= {Reason.XML_DTD_FORBIDDEN}
