"""A chart as PNG, for places that show no SVG: a canvas of bytes, lines of squares, letters of five by three points.

PNG: ISO/IEC 15948. One IHDR, one IDAT of rows that each begin with filter 0, one IEND; three bytes a pixel, no interlacing.
"""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise

from extproc.bench.quality.chart import BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Point

_WHITE, _GREY, _BLACK = (255, 255, 255), (222, 222, 222), (40, 40, 40)
_DOT = 2  # pixels to a point of a letter
_ADVANCE = 4 * _DOT

# Five rows of three bits each, the top one first.
_LETTERS = {
    "0": 0o75557, "1": 0o26227, "2": 0o71747, "3": 0o71717, "4": 0o55711, "5": 0o74717, "6": 0o74757, "7": 0o71122, "8": 0o75757,
    "9": 0o75717, "A": 0o25755, "B": 0o65656, "C": 0o34443, "D": 0o65556, "E": 0o74647, "F": 0o74644, "G": 0o34553, "H": 0o55755,
    "I": 0o72227, "J": 0o11152, "K": 0o55655, "L": 0o44447, "M": 0o57755, "N": 0o65555, "O": 0o25552, "P": 0o65644, "Q": 0o25563,
    "R": 0o65655, "S": 0o34216, "T": 0o72222, "U": 0o55557, "V": 0o55552, "W": 0o55775, "X": 0o55255, "Y": 0o55222, "Z": 0o71247,
    ".": 0o00002, ",": 0o00024, "-": 0o00700, "%": 0o51245, "(": 0o24442, ")": 0o21112, ":": 0o02020, "/": 0o11244, "=": 0o07070,
}  # fmt: skip


class _Canvas:
    """Pixels, three bytes each."""

    def __init__(self) -> None:
        self._rows = [bytearray(_WHITE * WIDTH) for _ in range(HEIGHT)]

    def square(self, at: Point, size: int, colour: tuple[int, ...]) -> None:
        """A filled square around a place; what lies outside is left out."""
        left, top = round(at[0] - size / 2), round(at[1] - size / 2)
        for y in range(max(top, 0), min(top + size, HEIGHT)):
            for x in range(max(left, 0), min(left + size, WIDTH)):
                self._rows[y][3 * x : 3 * x + 3] = bytes(colour)

    def line(self, start: Point, end: Point, size: int, colour: tuple[int, ...]) -> None:
        """A straight line, this thick."""
        steps = max(1, round(max(abs(end[0] - start[0]), abs(end[1] - start[1]))))
        for step in range(steps + 1):
            part = step / steps
            self.square((start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part), size, colour)

    def text(self, at: Point, text: str, colour: tuple[int, ...] = _BLACK) -> None:
        """Capitals and digits from this place to the right; letters that are not known are spaces."""
        for place, char in enumerate(text.upper()):
            bits = _LETTERS.get(char, 0)
            for dot in range(15):
                if bits >> (14 - dot) & 1:
                    self.square((at[0] + place * _ADVANCE + dot % 3 * _DOT, at[1] + dot // 3 * _DOT), _DOT, colour)

    def png(self) -> bytes:
        """The file."""
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        rows = b"".join(b"\0" + bytes(row) for row in self._rows)
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def png(chart: Chart) -> bytes:
    """The file, `WIDTH` by `HEIGHT` pixels."""
    canvas = _Canvas()
    _axes(canvas, chart)
    for place, series in enumerate(chart.series):
        colour = _rgb(COLOURS[place % len(COLOURS)])
        points = [chart.at(point) for point in series.points]
        if series.is_line:
            for start, end in pairwise(points):
                canvas.line(start, end, 2, colour)
        else:
            for point in points:
                canvas.square(point, 9, colour)
        top = HEIGHT - BOTTOM - 14 * (len(chart.series) - place)
        canvas.square((WIDTH - RIGHT - 250, top + 4), 9, colour)
        canvas.text((WIDTH - RIGHT - 238, top), series.name)
    return canvas.png()


def _axes(canvas: _Canvas, chart: Chart) -> None:
    across, up = chart.ticks()
    for value in across:
        x, y = chart.at((value, chart.y_range[0]))
        canvas.line((x, TOP), (x, y), 1, _GREY)
        canvas.text((x - len(f"{value:g}") * _ADVANCE / 2, y + 8), f"{value:g}")
    for value in up:
        x, y = chart.at((chart.x_range[0], value))
        canvas.line((x, y), (WIDTH - RIGHT, y), 1, _GREY)
        canvas.text((x - 8 - len(f"{value:g}") * _ADVANCE, y - 4), f"{value:g}")
    canvas.text((LEFT, HEIGHT - 18), chart.x)
    canvas.text((4, 6), chart.y)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
