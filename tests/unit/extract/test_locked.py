"""Locked documents: a right password opens them, a wrong one or none is ENCRYPTED."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import media_type as types
from extract_svc.engine.archive import Budget, Package
from extract_svc.engine.cfb import CompoundFile
from extract_svc.engine.formats.xls.locked import unlock
from extract_svc.engine.formats.xls.records import Record, read_records
from extract_svc.engine.locks import rc4
from extract_svc.engine.locks.ooxml import EXCELS_OWN
from extract_svc.engine.locks.ooxml import unlock as unlock_ooxml
from extract_svc.engine.model import Limits, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from extract_svc.engine.model import Extraction

    from .conftest import Run

PASSWORD = "open sesame"
# Made with other programs, packed by zlib, in base 85: two 7z archives of a.txt ("first text") and dir/b.html
# ("<p>second</p>"), of which one locks its names too, and a zip under AES.
SEVEN_LOCKED = (
    "c-k|s+Ou9=hJoeVpDvyC3=kj&r4yKU3mHAvzhT$QC-gLIbJxCe8hd3vvAKANXhknNINL$;(|V}~41Emku?!52#_a3(FYx^n?q`~>(755qcZ(*2ca"
    "LAh8r%{qJNWis^e#hLTUM@>vLa{R3W`ir+1+9E*hnnvzE$wO2ra|(SvfVGy36VkAJ&;LgkN<wxqI+U_XSB+EBDzyrmFj~N#^CeU(7vcPSN@`Q-"
    "xC|Ca!$+eBoy|i52qt7F>af&o$quec2Pz0CKW8n*t+eLq7vMHzNb1q9UUN50JwE0QzxOB>"
)
SEVEN_LOCKED_NAMES = (
    "c-k|s+Ou9=hJi)TZUW;51_;oC(sOSA{c=zI_Q|~SGl4WqWB-{ClG{Z7wXUf*74X@m9=l51LEx&-l>FO`F(<jDjOW^%`n9a__OZNc-"
    "E;UZJl=0~;!W4Nd#jBP*KBM${Xq6<fZwva#nSaJP9AkpZ=0XmU$FYcOktlFF01lmH(wBV5tYB{&{p;P{q70Tlio<xNc`M!{03*9WXrdI?7!Ql#r~"
    "T)r!17W^@_RV&f2PcP1|bg1p;1fa?yLfn2Fyvm(IOpFZQG1wWc_m0wZU`1O|3)Mg~R|wvX(LLc#pjuJM;o9axq6iis)tz^TRuJPrK}3;+OjZu|"
)
ZIP_AES = (
    "c-jl_W@Zs#U}Q*UXj)tw%K!vAKzs*?SsAz)67@<dN*HIdGcYkYx-xSx>{t7>^TdK2w_Q2Ma_=$x{*}RaU3dM#lF+3pnwfF?Kfin~$#OQ^Kw!nm_B"
    "~euFie(XfB=xmNoXdo@37L)VmWtg&HvKt2gR5A6g25}9aLhUEF`#U=g(6C-"
    "i%Bl%(&eN0}YHI65Z9<bR)Y3p*splCSmAiWdq4F0bvc0UItbR0ENRvGX"
)
# The examples of [MS-OFFCRYPTO] 4 and of a library that follows it: salt, verifier, its hash, and the password.
RC4_40 = (
    b"\x01\x00\x01\x00" + b"\xe8w,\x1d\x91\xc5j7\x96Ga\xb2\x80\x182\x17"
    b"\xc9\xe9\x97\xd4T\x97=1\x0b\xb1\xbap\x14&\x83~"
    + b"\xb1\xde\x17\x8f\x07\xe9\x89\xc4M\xae^L\xf9j\xc4\x07"
)
STANDARD_SALT = b"\xe8\x82fI\x0c[\xd1\xee\xbd+C\x94\xe3\xf80\xef"
STANDARD_VERIFIER = b"Qos.\x96o\xac\x17\xb1\xc5\xd7\xd8\xcc6\xc9("
STANDARD_HASH = b"+ah\xda\xbe)\x11\xad+\xd3|\x17Ft\\\x14\xd3\xcf\x1b\xb1@\xa4\x8fNo=#\x88\x08r\xb1j"


def unpacked(text: str) -> bytes:
    """Undo what keeps a fixture short."""
    return zlib.decompress(base64.b85decode(text))


def opened(run: Run, data: bytes, name: str, *passwords: str) -> Extraction:
    """Extract with passwords."""
    return run(data, name, Options(passwords=passwords))


def odt(make_zip: Callable[[Mapping[str, str | bytes]], bytes], password: str) -> bytes:
    """Make a text document whose content is locked as LibreOffice locks it."""
    salt, start = bytes(range(16)), bytes(range(16, 32))
    content = "<document><body><text><p>Behind the lock</p></text></body></document>"
    packer = zlib.compressobj(wbits=-15)
    plain = packer.compress(content.encode()) + packer.flush()
    key = hashlib.pbkdf2_hmac("sha1", hashlib.sha256(password.encode()).digest(), salt, 1000, 32)
    pad = 16 - len(plain) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    coded = {name: base64.b64encode(data).decode() for name, data in {"iv": start, "salt": salt}.items()}
    checksum = base64.b64encode(hashlib.sha256(plain[:1024]).digest()).decode()
    manifest = (
        '<manifest xmlns:m="urn:m"><file-entry m:full-path="content.xml"><encryption-data m:checksum-type="x#sha256-1k" '
        f'm:checksum="{checksum}"><algorithm m:algorithm-name="x#aes256-cbc" m:initialisation-vector="{coded["iv"]}"/>'
        f'<key-derivation m:key-derivation-name="PBKDF2" m:key-size="32" m:iteration-count="1000" m:salt="{coded["salt"]}"/>'
        '<start-key-generation m:start-key-generation-name="x#sha256" m:key-size="32"/></encryption-data></file-entry></manifest>'
    )
    return make_zip(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": manifest,
            "content.xml": cipher.update(plain + bytes([pad]) * pad),
        }
    )


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """Make a compound file ([MS-CFB]) of streams under its root, all of them in sectors of 512 bytes."""
    parts = [b"", b"", *streams.values()]
    parts[1] = b"\0" * 128 * (1 + len(streams))
    sizes = [1, *(-(-len(part) // 512) for part in parts[1:])]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    fat = [0xFFFFFFFD]
    for start, size in zip(starts[1:], sizes[1:], strict=True):
        fat += [*range(start + 1, start + size), 0xFFFFFFFE]
    parts[0] = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    entries = [("Root Entry", 5, 0xFFFFFFFE, 0)]
    entries += [
        (name, 2, start, len(data)) for (name, data), start in zip(streams.items(), starts[2:], strict=True)
    ]
    parts[1] = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0")
        + struct.pack(
            "<HBBIII",
            2 * len(name) + 2,
            kind,
            1,
            0xFFFFFFFF,
            n + 1 if 0 < n < len(streams) else 0xFFFFFFFF,
            0xFFFFFFFF if n else 1,
        )
        + bytes(36)
        + struct.pack("<IQ", start, size)
        for n, (name, kind, start, size) in enumerate(entries)
    )
    header = (
        bytes.fromhex("d0cf11e0a1b11ae1")
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
    )
    header += struct.pack("<IIIIIIIII", 0, 1, starts[1], 0, 0, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack(
        "<I", 0
    )
    return header.ljust(512, b"\xff") + b"".join(
        part.ljust(512 * size, b"\0") for part, size in zip(parts, sizes, strict=True)
    )


def agile(package: bytes, password: str) -> bytes:
    """Lock a package as Office 2010 and later do ([MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.15), by few repetitions."""
    salt, own, key, verifier, spins = bytes(range(16)), bytes(range(16, 32)), bytes(range(32)), bytes(16), 10
    spun = hashlib.sha512(salt + password.encode("utf-16-le")).digest()
    for number in range(spins):
        spun = hashlib.sha512(struct.pack("<I", number) + spun).digest()

    def shut(key: bytes, start: bytes, data: bytes) -> bytes:
        cipher = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
        return cipher.update(data.ljust(-(-len(data) // 16) * 16, b"\0"))

    def told(block: str, data: bytes) -> str:
        derived = hashlib.sha512(spun + bytes.fromhex(block)).digest()[:32]
        return base64.b64encode(shut(derived, salt, data)).decode()

    description = (
        '<encryption xmlns:p="urn:p"><keyData cipherAlgorithm="AES" hashAlgorithm="SHA512" keyBits="256" '
        f'saltValue="{base64.b64encode(own).decode()}"/><keyEncryptors><keyEncryptor><p:encryptedKey spinCount="{spins}" '
        f'cipherAlgorithm="AES" hashAlgorithm="SHA512" keyBits="256" saltValue="{base64.b64encode(salt).decode()}" '
        f'encryptedVerifierHashInput="{told("fea7d2763b4b9e79", verifier)}" '
        f'encryptedVerifierHashValue="{told("d7aa0f6d3061344e", hashlib.sha512(verifier).digest())}" '
        f'encryptedKeyValue="{told("146e0be7abacd0d6", key)}"/></keyEncryptor></keyEncryptors></encryption>'
    )
    segments = b"".join(
        shut(key, hashlib.sha512(own + struct.pack("<I", n)).digest()[:16], package[at : at + 4096])
        for n, at in enumerate(range(0, len(package), 4096))
    )
    return compound_file(
        {
            "EncryptionInfo": struct.pack("<HHI", 4, 4, 0x40) + description.encode(),
            "EncryptedPackage": struct.pack("<Q", len(package)) + segments,
        }
    )


@pytest.fixture(scope="module")
def locked(
    make_zip: Callable[[Mapping[str, str | bytes]], bytes], make_docx: Callable[..., bytes]
) -> dict[str, bytes]:
    """Make locked documents, by name; the DOCX is longer than a segment."""
    noise = hashlib.shake_128(b"noise").hexdigest(9000)
    extra = {"noise.xml": ("custom", f"<w:root>{noise}</w:root>")}
    docx = make_docx("<w:p><w:r><w:t>Behind the lock</w:t></w:r></w:p>", extra)
    return {
        "a.docx": agile(docx, PASSWORD),
        "a.odt": odt(make_zip, PASSWORD),
        "a.7z": unpacked(SEVEN_LOCKED),
        "names.7z": unpacked(SEVEN_LOCKED_NAMES),
    }


@pytest.mark.parametrize("name", ["a.docx", "a.odt", "a.7z", "names.7z"])
@pytest.mark.parametrize("passwords", [(), ("wrong", "Open Sesame", "")])
def test_without_the_password_a_document_is_encrypted(
    locked: dict[str, bytes], name: str, passwords: tuple[str, ...], run: Run
) -> None:
    """No password and wrong ones fail with the same reason, never with another or an empty text."""
    with pytest.raises(CollatioError) as told:
        opened(run, locked[name], name, *passwords)
    assert told.value.reason is Reason.ENCRYPTED


@pytest.mark.parametrize(("name", "media_type"), [("a.docx", types.DOCX), ("a.odt", types.ODT)])
def test_a_right_password_among_others_opens_a_document(
    locked: dict[str, bytes], name: str, media_type: str, run: Run
) -> None:
    """The text is the document's own, and so is the media type."""
    found = opened(run, locked[name], name, "wrong", PASSWORD)
    assert (found.text, found.media_type) == ("Behind the lock", media_type)


@pytest.mark.parametrize("name", ["a.7z", "names.7z"])
def test_a_right_password_opens_a_7z_archive(locked: dict[str, bytes], name: str, run: Run) -> None:
    """Its entries are members, whether their names were locked or not."""
    found = opened(run, locked[name], name, "wrong", PASSWORD)
    assert {m.path: m.data for m in found.members} == {"a.txt": b"first text", "dir/b.html": b"<p>second</p>"}


def test_a_right_password_opens_zip_entries_under_aes(run: Run) -> None:
    """An empty entry is one too; without the password both are told as left out."""
    found = opened(run, unpacked(ZIP_AES), "a.zip", "wrong", PASSWORD)
    assert {m.path: m.data for m in found.members} == {"a.txt": b"first text " * 20, "b.txt": b""}
    assert not found.warnings
    shut = opened(run, unpacked(ZIP_AES), "a.zip", "wrong")
    assert not shut.members
    assert [warning.code for warning in shut.warnings] == ["ENCRYPTED"]


def test_a_changed_zip_entry_breaks_its_seal() -> None:
    """What was tampered with is not handed on."""
    data = bytearray(unpacked(ZIP_AES))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        data[archive.getinfo("a.txt").header_offset + 30 + 5 + 30] ^= 1
    limits = Limits()
    package = Package(bytes(data), limits, Budget(limits, len(data)))
    assert package.unlock("a.txt", [PASSWORD]) is None


def test_old_workbooks_are_opened_record_by_record() -> None:
    """Heads of records, the first record, the lock and a sheet's place stand in the clear; the rest does not."""
    plain = [
        (0x809, b"\x00\x06\x05\x00" + bytes(12)),
        (0x2F, b"\x01\x00" + RC4_40),
        (0x85, struct.pack("<IBB", 4242, 0, 0) + b"\x01\x00A"),
        (0x204, struct.pack("<HHHH", 0, 0, 0, 5) + b"\x00value"),
        (0x3C, bytes(3000)),
        (0x0A, b""),
    ]
    stream = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in plain)
    key = rc4.key_of(RC4_40, ["password1"])
    assert key is not None
    noise = key.decipher(stream, 1024)
    shut, at = bytearray(), 0
    for kind, data in plain:
        clear = 4 + (len(data) if kind in (0x809, 0x2F) else 4 if kind == 0x85 else 0)
        end = at + 4 + len(data)
        shut += stream[at : at + clear] + noise[at + clear : end]
        at = end
    records = list(read_records(bytes(shut)))
    assert [(r.kind, r.data) for r in unlock(bytes(shut), records, ["wrong", "password1"])] == plain
    with pytest.raises(CollatioError) as told:
        unlock(bytes(shut), records, ["wrong"])
    assert told.value.reason is Reason.ENCRYPTED


def test_a_workbook_without_a_lock_stays_as_it_is() -> None:
    """Nothing is deciphered that was not enciphered."""
    records = [Record(0x809, b"", 0), Record(0x0A, b"", 4)]
    assert unlock(b"", records, ["any"]) is records


def standard_info(bits: int = 128) -> bytes:
    """Make the description of a package locked as Office 2007 did."""
    header = struct.pack("<8I", 0x24, 0, 0x660E, 0x8004, bits, 0x18, 0, 0) + "A\0".encode("utf-16-le")
    lock = struct.pack("<I", 16) + STANDARD_SALT + STANDARD_VERIFIER + struct.pack("<I", 20) + STANDARD_HASH
    return struct.pack("<HHII", 3, 2, 0x24, len(header)) + header + lock


def test_packages_of_office_2007_are_opened() -> None:
    """The specification's example: its password is told from others, and what it opens is as long as stated."""
    key = b"@\xb1:q\xf9\x0b\x96n7T\x08\xf2\xd1\x81\xa1\xaa"
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    package = struct.pack("<Q", 20) + cipher.update(b"PK, and then some..." + bytes(12))
    compound = CompoundFile(compound_file({"EncryptionInfo": standard_info(), "EncryptedPackage": package}))
    assert unlock_ooxml(compound, ["wrong", "Password1234_"]) == b"PK, and then some..."
    assert unlock_ooxml(compound, ["wrong"]) is None


@pytest.mark.parametrize("version", [(3, 3), (9, 9)])
def test_unknown_ways_of_locking_are_encrypted_too(version: tuple[int, int]) -> None:
    """Extensible encryption and what may come are told, not taken for broken."""
    info = struct.pack("<HH", *version) + bytes(60)
    with pytest.raises(CollatioError) as told:
        unlock_ooxml(
            CompoundFile(compound_file({"EncryptionInfo": info, "EncryptedPackage": bytes(16)})), [EXCELS_OWN]
        )
    assert told.value.reason is Reason.ENCRYPTED
    with pytest.raises(CollatioError) as also:
        rc4.key_of(info, ["any"])
    assert also.value.reason is Reason.ENCRYPTED


@pytest.mark.parametrize("sign", ["hint", "method"])
def test_locked_iwork_documents_are_encrypted(
    make_zip: Callable[[Mapping[str, str | bytes]], bytes], sign: str, run: Run
) -> None:
    """Later ones carry a hint of the password, those of iWork '09 mark their entries by methods zip does not have."""
    data = make_zip({"index.xml": "noise", **({".iwph": "hint"} if sign == "hint" else {})})
    if sign == "method":
        data = data.replace(b"PK\x01\x02\x14\x03\x14\0\0\0\x08\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x6c\x63")
    with pytest.raises(CollatioError) as told:
        run(data, "a.pages", Options(extractors=("iwork",)))
    assert told.value.reason is Reason.ENCRYPTED


@pytest.mark.corpus
def test_documents_locked_by_office_itself_are_opened(corpus: Path, run: Run) -> None:
    """DOC, XLS, PPT under the CryptoAPI's RC4 and their successors: each with the password that its name states."""
    files = sorted((corpus / "hostile" / "dev" / "encrypted").glob("*_passtika*"))
    assert {path.suffix for path in files} == {".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx"}
    for path in files:
        assert "ncrypted" in opened(run, path.read_bytes(), path.name, "tika").text, path.name
