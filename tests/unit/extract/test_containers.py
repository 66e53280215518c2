"""Mails and archives: what they say themselves, and their members."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.archive import Budget
from extract_svc.engine.formats import lzw
from extract_svc.engine.formats.msg import unpack_rtf
from extract_svc.engine.model import Limits, Options

if sys.version_info >= (3, 14):
    import zipfile as zstd_zip

    from compression import zstd
else:
    from backports import zstd
    from backports.zstd import zipfile as zstd_zip

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.extract.conftest import Run

_MAIL = (
    "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nTo: a@example.org\nSubject: Hello\n"
    "Date: Fri, 3 May 2024 10:00:00 +0200\nMIME-Version: 1.0\n"
)


def test_mail_reads_headers_and_body(run: Run) -> None:
    """Headers are read decoded, the body after them, and stated times become metadata."""
    found = run(_MAIL + "Content-Type: text/plain; charset=utf-8\n\nDear all,\n\nbye\n", "x.eml")
    assert found.blocks[0].text.splitlines()[0] == "From: Jürgen <j@example.org>"
    assert [b.text for b in found.blocks[1:]] == ["Dear all,", "bye"]
    assert (found.metadata.title, str(found.metadata.create_time)) == ("Hello", "2024-05-03 08:00:00+00:00")


def test_alternatives_are_read_once_and_attachments_are_members(run: Run) -> None:
    """The plain alternative is read, an attachment is a document of its own."""
    mail = _MAIL + (
        'Content-Type: multipart/mixed; boundary="m"\n\n--m\nContent-Type: multipart/alternative; boundary="a"\n\n'
        "--a\nContent-Type: text/plain\n\nsame words here\n--a\nContent-Type: text/html\n\n<p>same words here</p>\n"
        '--a--\n--m\nContent-Type: text/csv; name="n.csv"\nContent-Disposition: attachment; filename="../n.csv"\n\n'
        "a,b\n--m--\n"
    )
    found = run(mail, "x.eml")
    assert found.text.count("same words here") == 1
    assert [(m.path, m.data) for m in found.members] == [("_n.csv", b"a,b")]


def test_alternatives_that_differ_are_both_read(run: Run) -> None:
    """Where the alternatives do not say the same, nothing is lost."""
    mail = _MAIL + (
        'Content-Type: multipart/alternative; boundary="a"\n\n--a\nContent-Type: text/plain\n\nplain words only\n'
        "--a\nContent-Type: text/html\n\n<p>quite another story told here</p>\n--a--\n"
    )
    text = run(mail, "x.eml").text
    assert "plain words only" in text
    assert "quite another story" in text


def test_mailboxes_hold_messages(run: Run) -> None:
    """Each message of an mbox is a member."""
    one = "From a@b Fri May  3\nFrom: a@b\nSubject: {}\n\nbody {}\n\n"
    found = run(one.format(1, 1) + one.format(2, 2), "x.mbox")
    assert [b"Subject: 2" in m.data for m in found.members] == [False, True]


def test_zip_entries_are_members(run: Run, make_zip: Callable[..., bytes]) -> None:
    """Entries become members under paths that never lead upwards."""
    found = run(make_zip({"../../etc/x.txt": "x", "d/": "", "d/y.txt": "y"}), "x.zip")
    assert [(m.path, m.data) for m in found.members] == [("etc/x.txt", b"x"), ("d/y.txt", b"y")]
    assert found.warnings == ()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_hold_one_member(run: Run, pack: Callable[[bytes], bytes]) -> None:
    """A compressed file is its content."""
    assert run(pack(b"text inside"), "a.txt.gz").members[0].data == b"text inside"


def test_tar_entries_are_members(run: Run) -> None:
    """Regular files of a tar are members, links are not."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("l")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert [m.path for m in run(out.getvalue(), "x.tar").members] == ["a.txt"]


def test_bombs_fail(run: Run) -> None:
    """Compressed zeros without end are refused while they inflate."""
    data = gzip.compress(b"\0" * 30_000_000)
    with pytest.raises(CollatioError) as caught:
        run(data, "x.gz", Options(limits=Limits(max_inflated_bytes=20_000_000)))
    assert caught.value.reason is Reason.DECOMPRESSION_LIMIT


def test_lzw_inflates_and_refuses_huge_tables() -> None:
    """The output of compress is read; a table past sixteen bits is refused."""
    packed = bytes.fromhex("1f9d9061c48c1933a600")  # "aba" + "b"…, nine-bit codes
    assert lzw.inflate(packed, Budget(Limits(), len(packed)))[:1] == b"a"
    with pytest.raises(CollatioError):
        lzw.inflate(b"\x1f\x9d\x99\x00", Budget(Limits(), 4))


def test_stored_rtf_comes_as_it_is() -> None:
    """Uncompressed RTF of a message is handed through."""
    body = b"{\\rtf1 x}"
    header = (len(body) + 12).to_bytes(4, "little") + len(body).to_bytes(4, "little") + b"MELA" + b"\0" * 4
    assert unpack_rtf(header + body) == body


def test_members_have_paths_of_their_own(run: Run) -> None:
    """Two attachments of one name are two members."""
    part = '--m\nContent-Type: a/b\nContent-Disposition: attachment; filename="a.txt"\n\nx\n'
    mail = _MAIL + 'Content-Type: multipart/mixed; boundary="m"\n\n' + part * 3 + "--m--\n"
    assert [m.path for m in run(mail, "x.eml").members] == ["a.txt", "a-2.txt", "a-3.txt"]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_raw_bytes_in_headers_are_letters(run: Run, encoding: str) -> None:
    """Headers that break the rule of ASCII are read, in subjects and in file names."""
    mail = (
        "From: Jörg <j@x.de>\nTo: b@c.d\nSubject: Grüße aus Köln\nMIME-Version: 1.0\n"
        'Content-Type: application/octet-stream; name="Grüße.bin"\n\nhallo'
    )
    found = run(mail.encode(encoding))
    assert "Subject: Grüße aus Köln" in found.text
    assert [member.path for member in found.members] == ["Grüße.bin"]


def test_what_only_the_rich_alternative_says_is_read_too(run: Run) -> None:
    """Alternatives should say the same; a line that only the HTML has is not lost, and the others come once."""
    mail = (
        "From: a@b.c\nTo: d@e.f\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=q\n\n"
        "--q\nContent-Type: text/plain\n\nThe meeting is on Monday.\nPlease bring the papers along.\n"
        "--q\nContent-Type: text/html\n\n<p>The meeting is on Monday.</p><p>Please bring the papers along.</p>"
        "<p>Room 12.</p>\n--q--\n"
    )
    text = run(mail).text
    assert text.count("on Monday") == 1
    assert text.endswith("Room 12.")


def test_zstandard_files_and_zip_entries_are_inflated(run: Run) -> None:
    """Frame by frame; a file names its member without the suffix, and an entry is as any other."""
    frames = zstd.compress(b"first, ") + zstd.compress(b"second")
    (member,) = run(frames, "notes.txt.zst").members
    assert (member.path, member.data) == ("notes.txt", b"first, second")
    packed = io.BytesIO()
    with zstd_zip.ZipFile(packed, "w", zstd_zip.ZIP_ZSTANDARD) as archive:
        archive.writestr("a.txt", b"text " * 1000)
    (entry,) = run(packed.getvalue(), "a.zip").members
    assert (entry.path, entry.data) == ("a.txt", b"text " * 1000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zstd.compress(bytes(64 << 20)), Reason.DECOMPRESSION_LIMIT),
        (b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(20), Reason.DECOMPRESSION_LIMIT),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 20, Reason.DOCUMENT_CORRUPT),
    ],
    ids=["bomb", "window", "broken"],
)
def test_zstandard_that_inflates_too_far_or_not_at_all_fails(data: bytes, reason: Reason, run: Run) -> None:
    """By what comes out, by the window that a frame asks for, and by what is no frame."""
    with pytest.raises(CollatioError) as told:
        run(data, "a.zst")
    assert told.value.reason is reason
