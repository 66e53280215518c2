"""URIs: read, normalise, join, and show without giving anything away (RFC 3986).

Rules. A URI is normalised once, on the way in, because document ids are made of it. Paths of `file:` and the
object stores are bytes: they are decoded and encoded again, so that one file has one spelling, and names that
are not UTF-8 survive as percent-encoded bytes. An `http:` path is left as written but for characters that may
not stand there, because signed URLs break otherwise. Credentials have no place in a URI: user information is
refused, wherever it stands.

Known ugliness: a bare absolute path is taken as it stands ("100%.txt" is a name), a `file:` URI is decoded.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from collatio.runtime.errors import CollatioError, Reason

URI_CHARS_MAX = 4096
OBJECT_SCHEMES = ("s3", "az", "gs")
"""Schemes whose authority is a bucket and whose path is a key."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):")
_BAD_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_HTTP_SAFE = "%:/@!$&'()*+,;=~[]"
_PATH_SAFE = "/:@!$&'()*+,;=~"
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9_.~/:@!$&'()*+,;=-]*")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Uri:
    """A normalised URI. `path` is percent-encoded; `authority` is `host[:port]` or a bucket."""

    scheme: str
    authority: str | None
    path: str
    query: str | None = None

    def __str__(self) -> str:
        authority = "" if self.authority is None else f"//{self.authority}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}:{authority}{self.path}{query}"

    @property
    def path_bytes(self) -> bytes:
        """The path as the bytes it stands for."""
        return unquote_to_bytes(self.path)

    @property
    def name(self) -> str:
        """The last segment of the path, for people and as a hint; empty if there is none."""
        return displayed(self.path_bytes.rsplit(b"/", 1)[-1])


def _bad(why: str) -> CollatioError:
    return CollatioError(Reason.URI_INVALID, why)


def parse(text: str) -> Uri:
    """Read a URI or a bare absolute path.

    Raises URI_INVALID, with a sentence that says what to write instead, and URI_NOT_ALLOWED for a URI that
    carries credentials.
    """
    if not text or len(text) > URI_CHARS_MAX:
        raise _bad(f"A URI has 1 to {URI_CHARS_MAX} characters.")
    if text.startswith("/") and "\x00" not in text:
        return _bare_path(text)
    if _BAD_CHARACTER.search(text) or text != text.strip():
        raise _bad(
            "A URI holds no control characters, no backslashes and no spaces at its ends; percent-encode them."
        )
    scheme_match = _SCHEME.match(text)
    if scheme_match is None:
        raise _bad("Write an absolute path, or a URI as scheme:….")
    if "%" in text and _BAD_ESCAPE.search(text):
        raise _bad("A % is followed by two hexadecimal digits; write a % of its own as %25.")
    scheme, rest = scheme_match[1].lower(), text[scheme_match.end() :]
    rest, has_fragment, _ = rest.partition("#")
    rest, has_query, query = rest.partition("?")
    authority, path = _split_authority(scheme, rest)
    if scheme == "file" or scheme in OBJECT_SCHEMES:
        if has_fragment or has_query:
            raise _bad(f"A {scheme}: URI has no ? or # part; write %3F or %23 where a name holds one.")
        return _byte_path(scheme, authority, path)
    return _as_written(scheme, authority, path, query if has_query else None)


def _split_authority(scheme: str, rest: str) -> tuple[str | None, str]:
    if not rest.startswith("//"):
        return None, rest
    authority, slash, path = rest[2:].partition("/")
    if "@" in authority:
        raise CollatioError(
            Reason.URI_NOT_ALLOWED,
            f"A {scheme}: URI may not carry a user name or a password; credentials are the operator's to set.",
        )
    return authority, slash + path


def _bare_path(text: str) -> Uri:
    try:
        return Uri("file", "", _quoted(_tidy(text.encode("utf-8", "surrogateescape"))))
    except UnicodeEncodeError:
        raise _bad("The path is not valid Unicode.") from None


def _byte_path(scheme: str, authority: str | None, path: str) -> Uri:
    if scheme == "file":
        if authority not in {None, "", "localhost"} or not path.startswith("/"):
            raise _bad("A file: URI is written file:///absolute/path, without a host.")
        return Uri("file", "", _quoted(_tidy(_unquoted(path))))
    if not authority or "%" in authority or ":" in authority:
        raise _bad(f"Write {scheme}://bucket/key.")
    return Uri(scheme, authority, _quoted(_unquoted(path)))


def _as_written(scheme: str, authority: str | None, path: str, query: str | None) -> Uri:
    if scheme in _DEFAULT_PORTS:
        if not authority:
            raise _bad(f"Write {scheme}://host/path.")
        authority = authority.lower().removesuffix(_DEFAULT_PORTS[scheme])
        path = path or "/"
    try:
        path = quote(path, safe=_HTTP_SAFE)
        query = None if query is None else quote(query, safe=_HTTP_SAFE + "?")
    except UnicodeEncodeError:
        raise _bad("The URI is not valid Unicode.") from None
    return Uri(scheme, authority, _ESCAPE.sub(lambda m: m[0].upper(), path), query)


def _tidy(path: bytes) -> bytes:
    """Drop "." and empty segments; ".." stays, for whoever opens the path to refuse."""
    return b"/" + b"/".join(segment for segment in path.split(b"/") if segment not in {b"", b"."})


def _unquoted(path: str) -> bytes:
    try:
        return unquote_to_bytes(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise _bad("The URI is not valid Unicode.") from None


def _quoted(path: bytes) -> str:
    if _PLAIN_PATH.fullmatch(path):
        return path.decode("ascii")
    return quote_from_bytes(path, safe=_PATH_SAFE)


def with_path(base: Uri, path: bytes) -> Uri:
    """Return the URI of another path (decoded bytes) at the same place; its query is gone."""
    return Uri(base.scheme, base.authority, _quoted(path))


def displayed(raw: bytes) -> str:
    r"""Show a name's bytes as valid Unicode: what is not UTF-8 becomes `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def name_of(text: str) -> str:
    """Return the file name a URI ends in, or an empty string; never raises."""
    try:
        return parse(text).name
    except CollatioError:
        return ""


def redact(text: str) -> str:
    """Show a URI as scheme, host and a short hash of the whole; never raises.

    `s3://acme/~1f2e3d4c5b6a`. For logs and spans (RELIABILITY section 5, rule 10): equal URIs look equal, and
    nothing of path, query or credentials can be read.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    try:
        uri = parse(text)
    except CollatioError:
        return f"invalid:~{digest}"
    if uri.authority is None:
        return f"{uri.scheme}:~{digest}"
    return f"{uri.scheme}://{uri.authority}/~{digest}"
