"""7z archives: what the standard library unpacks is read, what it does not is told."""

from __future__ import annotations

import base64
import random

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.extract import extract
from extract_svc.engine.media_type import SEVEN_Z
from extract_svc.engine.model import Document, Extraction, Limits, Options
from extract_svc.engine.registry import Registry

# Archives of a.txt ("first text") and dir/b.html ("<p>second</p>"), made with another program, in base 85.
BRANCHED_LZMA2 = (
    "H+sCUCma9-K7y7xkN^Mx000006aWAK00000J{?6M0RR?eX>xOPAarGTbUbiAb7f<1Ze%<!a6SOw0D1szT>t=qGY75@&$aIm57cU2edWf+xDyIUReiJXx(S"
    "_v|E?m>`jtxlGv&qjKZ88y^^Jc0gbxB6uZn%Jah89fkxGn=m@o_3gL8~x+yfBtkZi5_GLbGVia4Vk5)cCT?vzF>_Qk>{gqYHspa1{>7X}*v33UJm3jqKDAt"
    "3=640`|o"
)
COPIED = (
    "H+sCUCma9-5a})Zga7~l000006aWAK00000P&|07W@&PBbRcwPcyv5)K67PbZ*F8fFK|BK0B!(fT>t=qGY75@&u;FF2gpPZ+xXbE-Ry?`upI%@$2(r}hgL@"
    "biW$eWi<j_ahZN~!q$q*bdX@v71)~`;ia4E$ft!tOluMYIav4oY=6VAhHZ7Xj;jG%sB*m-CL0FRhgkaKO000007X}vr32gue3jqKDAt3=63~vAc"
)
ZSTANDARD = (
    "H+sCUCma9-o^dq|mjD0&000006aWAK00000={xZTD77#B09d&I0A^`&b95kdWq5Qva6WToV{dL`JTGuQ-"
    "~f66Z(RTYfinlL56}*<JfA;DL6z}03bVFbB6$ET);Vl39me(~cccRPOn(u>;La`1Dv!Icl4|7Uh@s7Eeja~Ien<N6vIO{)<UkoA2o8`xijE3o9<svS;"
    "1~ComOQl$(jg5c>{Xb0o!H8u-Xl-|0000N1|R_mcK`<q0RRCZApsZ+djJ3"
)
LOCKED = (
    "H+sCUCma9-_WX)0uK)l500000761SM00000U<11n2H}1SV8SZ;4Y2REdDq2E&N}st5_CCGfPbIRepZ7j-~f&Qhg|>wfinlL56}+&6qqe}>)qogL@hHZy@*U"
    ")S6G1lGIZrsjtcHjFJx}MQup)B=3g39t3=zH_$4h+KizMD>2Li+@e1X46T}jtu$}AE_=*dC(r?lJg4b3n@;9Ru<M6=v4?L0dv#~Hurtw4nQfqSX|J=7NzkU"
    "`zoDP@g1Wi@EP-FlA0000N1|R_mfR6wN3jqKDAt3=641kXS00"
)
REGISTRY = Registry.load()


def read(data: bytes, limits: Limits | None = None) -> Extraction | CollatioError:
    """Extract an archive."""
    [found] = extract([Document(data, "a.7z")], Options(limits=limits or Limits()), REGISTRY)
    return found


@pytest.mark.parametrize("packed", [BRANCHED_LZMA2, COPIED, ZSTANDARD])
def test_entries_are_members(packed: str) -> None:
    """Files come out under their paths, whichever way they were packed."""
    found = read(base64.b85decode(packed))
    assert isinstance(found, Extraction)
    assert {m.path: m.data for m in found.members} == {"a.txt": b"first text", "dir/b.html": b"<p>second</p>"}


def test_a_locked_archive_says_so() -> None:
    """Entries behind a cipher are ENCRYPTED, not empty."""
    found = read(base64.b85decode(LOCKED))
    assert isinstance(found, CollatioError)
    assert found.reason is Reason.ENCRYPTED


def test_limits_hold() -> None:
    """Entries and inflated bytes are counted."""
    for limits in (Limits(max_entries=1), Limits(max_inflated_bytes=8)):
        found = read(base64.b85decode(BRANCHED_LZMA2), limits)
        assert isinstance(found, CollatioError)
        assert found.reason is Reason.DECOMPRESSION_LIMIT


def test_damage_ends_typed() -> None:
    """Garbled and cut archives end as an extraction or a typed error about the document."""
    whole, noise = base64.b85decode(BRANCHED_LZMA2), random.Random(7)
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(noise.randint(1, 3)):
            data[noise.randrange(6, len(data))] = noise.randrange(256)
        cut = data[: noise.randrange(6, len(data))] if noise.random() < 0.3 else data
        [found] = extract([Document(bytes(cut), "a.7z", SEVEN_Z)], Options(), REGISTRY)
        assert isinstance(found, Extraction) or found.reason is not Reason.ENGINE_FAILED
