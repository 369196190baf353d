"""Small line plots as PNG or SVG with the standard library and numpy: nothing to install.

PNG (RFC 2083): signature, IHDR, IDAT (zlib of filtered rows), IEND, each chunk with length and CRC.
"""

import itertools
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid

WIDTH, PANEL_HEIGHT, LEFT, TOP = 900, 110, 120, 30
INK, GRID, TRACE = (30, 30, 30), (215, 215, 215), (20, 90, 160)

_GLYPHS = {
    "0": "7B6F", "1": "2492", "2": "73E7", "3": "73CF", "4": "5BC9", "5": "79CF", "6": "79EF",
    "7": "7249", "8": "7BEF", "9": "7BCF", ".": "0002", "-": "01C0", "/": "1254", "%": "52A5",
    "A": "7BED", "B": "6BAE", "C": "7927", "D": "6B6E", "E": "79A7", "F": "79A4", "G": "796F",
    "H": "5BED", "I": "7497", "K": "5BAD", "L": "4927", "M": "5FED", "N": "6B6D", "O": "7B6F",
    "P": "7BE4", "R": "7BAD", "S": "79CF", "T": "7492", "U": "5B6F", "V": "5B6A", "X": "5AAD",
    "Y": "5A92", "(": "2922", ")": "2252", "W": "5BFD", "J": "126F", "Q": "7B79", "Z": "72A7",
}  # fmt: skip
"""Letters of 3 x 5 dots, 15 bits from the top left, as hexadecimal."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve: its name with unit, times and values of equal length; NaN is a hole in it."""

    label: str
    times: list[float]
    values: list[float]


def write_plot(path: Path, title: str, axis: str, panels: list[Panel]) -> None:
    """Write panels below each other; ValueError when the ending is neither .png nor .svg."""
    match path.suffix.lower():
        case ".png":
            path.write_bytes(_png(_paint(title, axis, panels)))
        case ".svg":
            path.write_text(_svg(title, axis, panels), encoding="utf-8")
        case suffix:
            raise Invalid(f"cannot draw {suffix or 'a file without ending'}: use .png or .svg")


def _range(panel: Panel) -> tuple[float, float]:
    known = [value for value in panel.values if not math.isnan(value)] or [0.0]
    low, high = min(known), max(known)
    margin = max(0.08 * (high - low), 1.0)
    return low - margin, high + margin


def _runs(panel: Panel, top: int) -> list[list[tuple[float, float]]]:
    """Return the points between holes, left to right."""
    low, high = _range(panel)
    end = max(panel.times[-1], 1e-9)
    inner = PANEL_HEIGHT - 20
    points = zip(panel.times, panel.values, strict=True)
    return [
        [
            (LEFT + (WIDTH - LEFT - 20) * t / end, top + inner * (1.0 - (v - low) / (high - low)))
            for t, v in run
        ]
        for hole, run in itertools.groupby(points, key=lambda point: math.isnan(point[1]))
        if not hole
    ]


def _svg(title: str, axis: str, panels: list[Panel]) -> str:
    height = TOP + PANEL_HEIGHT * len(panels) + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        top = TOP + number * PANEL_HEIGHT
        low, high = _range(panel)
        out.append(f'<text x="10" y="{top + 45}">{escape(panel.label)}</text>')
        out.append(f'<text x="70" y="{top + 12}">{high:.0f}</text>')
        out.append(f'<text x="70" y="{top + PANEL_HEIGHT - 22}">{low:.0f}</text>')
        for run in _runs(panel, top):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            out.append(f'<polyline fill="none" stroke="#145aa0" points="{points}"/>')
    end = f"0 to {panels[0].times[-1]:g} {escape(axis)}" if panels else ""
    out.append(f'<text x="{LEFT}" y="{height - 10}">{end}</text></svg>')
    return "\n".join(out)


def _paint(title: str, axis: str, panels: list[Panel]) -> NDArray[np.uint8]:
    image = np.full((TOP + PANEL_HEIGHT * len(panels) + 30, WIDTH, 3), 255, np.uint8)
    _write(image, 10, 8, title)
    for number, panel in enumerate(panels):
        top = TOP + number * PANEL_HEIGHT
        low, high = _range(panel)
        image[top : top + PANEL_HEIGHT - 20, LEFT] = INK
        image[top + PANEL_HEIGHT - 20, LEFT:-20] = GRID
        _write(image, 8, top + 40, panel.label)
        _write(image, 78, top, f"{high:.0f}")
        _write(image, 78, top + PANEL_HEIGHT - 32, f"{low:.0f}")
        for run in _runs(panel, top):
            for start, end in itertools.pairwise(run):
                _line(image, start, end)
    if panels:
        _write(image, LEFT, image.shape[0] - 20, f"0 - {panels[0].times[-1]:g} {axis}")
    return image


def _line(image: NDArray[np.uint8], start: tuple[float, float], end: tuple[float, float]) -> None:
    (x0, y0), (x1, y1) = start, end
    steps = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
    xs = np.linspace(x0, x1, steps + 1).astype(int)
    ys = np.linspace(y0, y1, steps + 1).astype(int)
    image[ys, xs] = TRACE
    image[np.minimum(ys + 1, image.shape[0] - 1), xs] = TRACE


def _write(image: NDArray[np.uint8], x: int, y: int, text: str, size: int = 2) -> None:
    for letter in text.upper():
        bits = int(_GLYPHS.get(letter, "0000"), 16)
        for dot in range(15):
            if bits >> (14 - dot) & 1:
                row, column = divmod(dot, 3)
                top, left = y + row * size, x + column * size
                image[top : top + size, left : left + size] = INK
        x += 4 * size


def _png(image: NDArray[np.uint8]) -> bytes:
    height, width, _ = image.shape
    rows = np.zeros((height, width * 3 + 1), np.uint8)
    rows[:, 1:] = image.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    out = b"\x89PNG\r\n\x1a\n"
    for name, content in parts:
        check = zlib.crc32(name + content)
        out += struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
    return out
