"""What the first bytes of a binary format look like."""

from __future__ import annotations

import re

PDF = "application/pdf"
TAR = "application/x-tar"

_AT_START: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", PDF),
    (b"{\\rtf", "application/rtf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x1f\x9d", "application/x-compress"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "application/onenote"),
    (b"\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f", "application/timestamped-data"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"]\x00\x00", "application/x-lzma"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"MSCF\x00\x00\x00\x00", "application/vnd.ms-cab-compressed"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC\x00", "audio/flac"),
    (b"\x7fELF", "application/x-elf"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"%!PS-Adobe", "application/postscript"),
    (b"AT&TFORM", "image/vnd.djvu"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif"}
_PATTERNS = (
    (re.compile(rb"\s{0,1024}%PDF-"), PDF),
    # PDF 1.7, appendix H, note 13: readers accept the header within the first 1024 bytes. A text that quotes
    # one in the middle of a line is still a text.
    (re.compile(rb"[\s\S]{0,1023}?[\r\n\x00\x80-\xff]%PDF-[12]\.\d"), PDF),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "application/x-bzip2"),
    (re.compile(rb"\x09(?:\x00\x04\x00|\x02\x06\x00|\x04\x06\x00|\x08\x08\x00)"), "application/vnd.ms-excel"),
    (re.compile(rb"BM[\s\S]{4}\x00{4}[\s\S]{4}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00{3}"), "image/bmp"),
)


def binary_media_type(head: bytes) -> str:
    """Return the media type of a binary format other than zip and OLE, or an empty string."""
    for signature, media_type in _AT_START:
        if head.startswith(signature):
            return media_type
    for pattern, media_type in _PATTERNS:
        if pattern.match(head):
            return media_type
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return TAR if _is_tar(head) else ""


def _is_tar(head: bytes) -> bool:
    """Whether the first header's checksum is right (POSIX.1 pax, ustar); old archives have no magic."""
    if len(head) < 512 or not head[0]:
        return False
    digits = head[148:156].strip(b" \x00")
    if not digits or not all(48 <= d <= 55 for d in digits):
        return False
    return int(digits, 8) == sum(head[:148]) + 8 * 32 + sum(head[156:512])
