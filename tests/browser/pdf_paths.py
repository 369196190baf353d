"""Straight lines of a PDF that Chromium made, in mm on the page: its vector paths, no raster."""

import re
import zlib

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
MM_OF_POINT = 25.4 / 72
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
_OBJECT = re.compile(rb"stream\r?\n")
_TOKEN = re.compile(r"[^\s]+")


def content_streams(pdf: bytes) -> list[str]:
    """Return the unpacked streams of ``pdf`` that draw."""
    found = []
    for match in _OBJECT.finditer(pdf):
        end = pdf.find(b"endstream", match.end())
        try:
            text = zlib.decompress(pdf[match.end() : end]).decode("latin-1")
        except zlib.error:
            continue
        if " cm\n" in text and " l\n" in text:
            found.append(text)
    return found


def combined(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s,
            e * p + f * r + t, e * q + f * s + u)  # fmt: skip


def paths(pdf: bytes) -> list[list[Point]]:
    """Return each subpath of straight lines as its points in mm."""
    found: list[list[Point]] = []
    for text in content_streams(pdf):
        numbers: list[float] = []
        now, kept = IDENTITY, []
        for token in _TOKEN.findall(text):
            if re.fullmatch(r"[-+.\d]+", token):
                numbers.append(float(token))
                continue
            if token == "q":
                kept.append(now)
            elif token == "Q":
                now = kept.pop()
            elif token == "cm":
                now = combined(tuple(numbers[-6:]), now)  # type: ignore[arg-type]
            elif token in ("m", "l"):
                x, y, (a, b, c, d, e, f) = numbers[-2], numbers[-1], now
                point = (a * x + c * y + e) * MM_OF_POINT, (b * x + d * y + f) * MM_OF_POINT
                if token == "m":
                    found.append([])
                found[-1].append(point)
            numbers.clear()
    return found
