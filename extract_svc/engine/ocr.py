"""Reads text off pictures with RapidOCR, where the extra `ocr` is installed; its models come inside its wheel.

Nothing is fetched: without the extra `available` is False and pages without text stay so. One engine serves a
process and is made at the first picture, because loading it takes as long as reading a page. Its libraries run
on one thread, so that results do not hang on how many there are.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARIES = ("rapidocr", "onnxruntime")
PAGES_MAX = 10
"""Pages of one document that are read by default: at two seconds each, six where turned, they end before its time is up."""

LONG_SIDE_MAX = 3_000
_SCORE_MIN = 0.5
_SURE = 0.85
_TALL = 1.5
_UNIFORM = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asked of recognition, by `plugin_options["ocr"]`."""

    enabled: bool = True
    pages_max: int = PAGES_MAX


@dataclass(frozen=True, slots=True)
class Line:
    """A line as recognised: its box in pixels from the picture's top left corner, and how sure it is, 0..1."""

    text: str
    score: float
    x0: float
    top: float
    x1: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Found:
    """The lines of a picture, as it stands after so many quarter turns against the clock: those that made it upright."""

    lines: list[Line] = field(default_factory=list)
    turns: int = 0


@lru_cache(maxsize=1)
def available() -> bool:
    """Tell whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in LIBRARIES)


def wish_of(plugin_options: Mapping[str, Any]) -> Wish:
    """Read a caller's wishes: `enabled` (true), `max_pages`. Errors: INVALID_REQUEST for anything else."""
    asked = plugin_options.get("ocr", {})
    known = {"enabled", "max_pages"}
    if not isinstance(asked, dict) or not known.issuperset(asked):
        raise CollatioError(
            Reason.INVALID_REQUEST, f"plugin_options.ocr may hold {' and '.join(sorted(known))}."
        )
    enabled, pages = asked.get("enabled", True), asked.get("max_pages", PAGES_MAX)
    if (
        not isinstance(enabled, bool)
        or not isinstance(pages, (int, float))
        or pages < 0
        or pages != int(pages)
    ):
        raise CollatioError(
            Reason.INVALID_REQUEST, "plugin_options.ocr: enabled is true or false, max_pages a count."
        )
    return Wish(enabled, int(pages))


def read_lines(pixels: Any) -> Found:
    """Read the lines of a picture (an array of rows of BGR), from the top; upright or turned by quarters."""
    if pixels.size == 0 or int(pixels.max()) - int(pixels.min()) < _UNIFORM:
        return Found()
    upright = Found(_recognise(pixels))
    if _stands_on_its_side(upright.lines):
        best = max((_turned(pixels, each) for each in (1, 3)), key=_sum_of_scores)
    elif _sum_of_scores(upright) < _SURE * sum(len(one.text) for one in upright.lines):
        best = max((upright, _turned(pixels, 2)), key=_sum_of_scores)
    else:
        best = upright
    return Found([one for one in best.lines if one.score >= _SCORE_MIN], best.turns)


def _turned(pixels: Any, turns: int) -> Found:
    """Read a picture turned by quarters against the clock; boxes are those in the turned one."""
    import numpy  # noqa: ICN001, PLC0415 - loaded with the extra alone; its short name says nothing here

    return Found(_recognise(numpy.ascontiguousarray(numpy.rot90(pixels, turns))), turns)


def _stands_on_its_side(lines: list[Line]) -> bool:
    long = [one for one in lines if len(one.text) > 2]
    tall = sum(one.bottom - one.top > _TALL * (one.x1 - one.x0) for one in long)
    return 2 * tall > len(long) if long else bool(lines)


def _sum_of_scores(found: Found) -> float:
    return sum(one.score * len(one.text) for one in found.lines)


def _recognise(pixels: Any) -> list[Line]:
    found = _engine()(pixels, use_cls=False)
    if found.boxes is None or found.txts is None:
        return []
    lines = []
    for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        if not text.strip():
            continue
        xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
        lines.append(Line(text, round(float(score), 4), min(xs), min(ys), max(xs), max(ys)))
    return lines


@lru_cache(maxsize=1)
def _engine() -> Any:
    # Half a second and 70 MB, for those who need it; an extra, so no import says that it must be there.
    recogniser = importlib.import_module("rapidocr").RapidOCR
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return recogniser(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": 1280,
        }
    )
