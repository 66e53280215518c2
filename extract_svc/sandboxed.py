"""What runs inside the sandbox: bytes in, a serialized extraction and its members' bytes out.

The header is JSON: media type, name, the options as a serialized ExtractSpec in base64, and the seconds for
reading, a little fewer than the sandbox lives. The answer begins with a frame of JSON about itself. Loaded once by the
warm parent, whose forks inherit the parsers.
"""

from __future__ import annotations

import base64
import importlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.frames import join
from collatio.v1 import extract_pb2
from extract_svc.convert import options_from, to_message
from extract_svc.engine.deadline import Deadline
from extract_svc.engine.extract import extract_one
from extract_svc.engine.media_type import HTML, MARKDOWN, TEXT
from extract_svc.engine.model import Document, Options
from extract_svc.engine.registry import Registry
from extract_svc.engine.shipped import Shipped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

ENTRY = "extract_svc.sandboxed:run"
_SAMPLE = b"The first document is read before the fork, so that every sandbox finds its models loaded."
_PARSERS = ("chardet", "lxml.etree", "markdown_it")  # which formats import when they first read


def _warm(registry: Registry) -> None:
    """Load every format and its parser, and read a sample of those that make something at their first document.

    What is loaded here, before the fork, every sandbox has; what is not, each message's sandbox loads anew. Inside,
    nothing may be written, not even in /tmp.
    """
    for module in _PARSERS:
        importlib.import_module(module)
    for extractor in registry:
        if isinstance(extractor, Shipped):
            extractor.load()
    for name, media_type in (("warm.txt", TEXT), ("warm.md", MARKDOWN), ("warm.html", HTML)):
        extract_one(Document(_SAMPLE, name, media_type), Options(), registry)


_registry = Registry.load()
_warm(_registry)


def run(header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
    """Extract one document. Errors: the engine's CollatioError."""
    asked = json.loads(header)
    deadline = Deadline(asked["reading_s"])
    spec = extract_pb2.ExtractSpec.FromString(base64.b64decode(asked["options"]))
    document = Document(inputs[0].read(), asked["name"], asked["media_type"])
    found = extract_one(document, replace(options_from(spec), deadline=deadline), _registry)
    facts = json.dumps({"provisional": found.provisional}).encode()
    try:
        message = to_message(found).SerializeToString(deterministic=True)
    except DecodeError as error:  # nothing is decoded here: it is what protobuf says when memory runs out
        raise CollatioError(Reason.MEMORY_LIMIT) from error
    return join([facts, message, *(member.data for member in found.members)])
