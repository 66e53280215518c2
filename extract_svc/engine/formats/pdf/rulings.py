"""Finds the straight lines a page draws: strokes, thin filled boxes and the edges of rectangles.

Lines are hard where they are drawn as lines and soft where they are only the edge of a filled area: shading
may follow the lines of text inside one cell, so a soft line counts only where there are no hard ones.
"""

from __future__ import annotations

import ctypes
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from extract_svc.engine.formats.pdf.geometry import Rule

if TYPE_CHECKING:
    from extract_svc.engine.formats.pdf.geometry import Frame

_THIN = 3.0
_SHORT = 5.0
_SNAP = 2.0
_MAX_OBJECTS = 20_000
_MAX_SEGMENTS = 4_000
_Flat = tuple[float, float, float, float, bool]
_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1, 0, 0, 1, 0, 0)


@dataclass(frozen=True, slots=True)
class Rules:
    """A page's horizontal and vertical lines, collinear pieces joined, sorted by place."""

    horizontal: list[Rule]
    vertical: list[Rule]


def read_rules(page: Any, frame: Frame) -> tuple[Rules, Rules]:
    """Answer a page's hard lines, and its hard and soft ones together."""
    flat: list[_Flat] = []
    count = min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS)
    for index in range(count):
        _collect(pdfium.FPDFPage_GetObject(page, index), _IDENTITY, flat, 0)
    hard = _sorted([line[:4] for line in flat if not line[4]], frame)
    if all(not line[4] for line in flat):
        return hard, hard
    return hard, _sorted([line[:4] for line in flat], frame)


def _sorted(flat: list[tuple[float, float, float, float]], frame: Frame) -> Rules:
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    for x0, y0, x1, y1 in flat:
        rule = Rule(*frame.upright(x0, y0, x1, y1))
        width, height = rule.x1 - rule.x0, rule.bottom - rule.top
        if height <= _THIN < width and width >= _SHORT:
            middle = (rule.top + rule.bottom) / 2
            horizontal.append(Rule(rule.x0, middle, rule.x1, middle))
        elif width <= _THIN < height and height >= _SHORT:
            middle = (rule.x0 + rule.x1) / 2
            vertical.append(Rule(middle, rule.top, middle, rule.bottom))
    turned = _join([Rule(v.top, v.x0, v.bottom, v.x0) for v in vertical])
    return Rules(_join(horizontal), [Rule(t.top, t.x0, t.top, t.x1) for t in turned])


def _collect(item: Any, matrix: _Matrix, out: list[_Flat], depth: int) -> None:
    kind = pdfium.FPDFPageObj_GetType(item)
    if kind == pdfium.FPDF_PAGEOBJ_PATH:
        _path(item, matrix, out)
    elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < 3:
        inner = pdfium.FS_MATRIX()
        pdfium.FPDFPageObj_GetMatrix(item, ctypes.byref(inner))
        joined = _multiply((inner.a, inner.b, inner.c, inner.d, inner.e, inner.f), matrix)
        for index in range(min(pdfium.FPDFFormObj_CountObjects(item), _MAX_OBJECTS - len(out))):
            _collect(pdfium.FPDFFormObj_GetObject(item, index), joined, out, depth + 1)


def _multiply(m: _Matrix, n: _Matrix) -> _Matrix:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _path(item: Any, matrix: _Matrix, out: list[_Flat]) -> None:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return
    x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
    count = pdfium.FPDFPath_CountSegments(item)
    if x1 - x0 <= _THIN or y1 - y0 <= _THIN:
        _line(matrix, out, (x0, y0, x1, y1))
    elif count <= 6 and _rectangular(item, count):
        filled, stroked = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(item, filled, stroked)
        if not filled.value and not stroked.value:
            return
        for edge in ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)):
            _line(matrix, out, edge, soft=not stroked.value)
    elif count <= _MAX_SEGMENTS:
        _pieces(item, count, matrix, out)


def _line(
    matrix: _Matrix, out: list[_Flat], edge: tuple[float, float, float, float], *, soft: bool = False
) -> None:
    x0, y0, x1, y1 = edge
    if matrix is not _IDENTITY:
        a, b, c, d, e, f = matrix
        x0, y0, x1, y1 = a * x0 + c * y0 + e, b * x0 + d * y0 + f, a * x1 + c * y1 + e, b * x1 + d * y1 + f
    out.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), soft))


def _points(item: Any, count: int) -> list[tuple[int, float, float]]:
    x, y = ctypes.c_float(), ctypes.c_float()
    points = []
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        points.append((pdfium.FPDFPathSegment_GetType(segment), x.value, y.value))
    return points


def _rectangular(item: Any, count: int) -> bool:
    """Whether a path is a rectangle: all its sides lie along the axes."""
    if count < 4:
        return False
    points = _points(item, count)
    if any(kind == pdfium.FPDF_SEGMENT_BEZIERTO for kind, _, _ in points):
        return False
    pairs = itertools.pairwise(points)
    return all(abs(p[1] - q[1]) < 0.5 or abs(p[2] - q[2]) < 0.5 for p, q in pairs)


def _pieces(item: Any, count: int, matrix: _Matrix, out: list[_Flat]) -> None:
    """Take the straight pieces along the axes out of a path of many."""
    last: tuple[float, float] | None = None
    start: tuple[float, float] | None = None
    for kind, x, y in _points(item, count):
        here = (x, y)
        if kind == pdfium.FPDF_SEGMENT_LINETO and last is not None:
            if abs(last[0] - x) < 0.5 or abs(last[1] - y) < 0.5:
                _line(matrix, out, (*last, x, y))
        elif kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = here
        last = here
    if (
        start is not None
        and last is not None
        and (abs(last[0] - start[0]) < 0.5) != (abs(last[1] - start[1]) < 0.5)
    ):
        _line(matrix, out, (*last, *start))


def _join(rules: list[Rule]) -> list[Rule]:
    """Snap horizontal lines of nearly one height together and join the pieces that touch."""
    if not rules:
        return []
    rules.sort(key=lambda r: (r.top, r.x0))
    groups: list[list[Rule]] = [[rules[0]]]
    for rule in rules[1:]:
        if rule.top - groups[-1][0].top <= _SNAP:
            groups[-1].append(rule)
        else:
            groups.append([rule])
    joined: list[Rule] = []
    for group in groups:
        height = sum(r.top for r in group) / len(group)
        group.sort(key=lambda r: r.x0)
        x0, x1 = group[0].x0, group[0].x1
        for rule in group[1:]:
            if rule.x0 <= x1 + _SNAP:
                x1 = max(x1, rule.x1)
            else:
                joined.append(Rule(x0, height, x1, height))
                x0, x1 = rule.x0, rule.x1
        joined.append(Rule(x0, height, x1, height))
    return joined
