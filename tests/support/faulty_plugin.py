"""An extractor that misbehaves when a document asks for it, installed as an author would install theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".org"
"""Files of this suffix go to the faulty extractor: it reads their type with a higher priority."""

_MODULE = '''
"""Reads text/x-org, unless its first word orders otherwise."""

import ctypes
import os
import signal

from collatio.plugins.extractors import Block, BlockKind, Extraction


class Faulty:
    name, version, priority, needs_network = "faulty", "1", 100, False
    media_types = frozenset({"text/x-org"})

    def extract(self, document, options):
        text = document.data.decode()
        match text.split()[0]:
            case "SEGFAULT":
                ctypes.string_at(0)
            case "EXIT":
                os._exit(3)
            case "DEAF":
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
                    signal.signal(number, signal.SIG_IGN)
                while True:
                    pass
            case "HANG":
                while True:
                    pass
            case "EAT":
                eaten = []
                while True:
                    eaten.append(bytes(64 << 20))  # not written to: its limit, not the clock, ends it
            case "RAISE":
                raise RuntimeError(text)
        return Extraction(document.media_type, blocks=(Block(BlockKind.PARAGRAPH, text),))
'''


def install(folder: Path) -> Path:
    """Write the distribution into a folder, which is to be put on PYTHONPATH; returns it."""
    info = folder / "faulty-1.dist-info"
    info.mkdir(parents=True)
    (folder / "faulty_extractor.py").write_text(_MODULE, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n", encoding="utf-8")
    entry = "[collatio.extractors]\nfaulty = faulty_extractor:Faulty\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    return folder
