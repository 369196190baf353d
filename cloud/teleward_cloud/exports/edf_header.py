"""Headers of EDF+ and BDF+: fixed fields of ASCII, 256 bytes and 256 for each signal."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from teleward_cloud.exports.stretches import Channel
from teleward_cloud.exports.writer import Scope
from teleward_signal.model import Provenance
from teleward_signal.vocabulary import METRICS

ANNOTATED = {2: "EDF Annotations", 3: "BDF Annotations"}
_RANGES = {2: (-(2**15), 2**15 - 1), 3: (-(2**23), 2**23 - 1)}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DIMENSIONS = {"mm[Hg]": "mmHg", "Cel": "degC", "1": "", "m/s2": "m/s^2"}
"""UCUM units as EDF writes them."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """A data record: samples of each signal, bytes of annotations, seconds, bytes a sample."""

    samples: int
    annotation_bytes: int
    duration: str
    width: int


def header(scope: Scope, channels: Sequence[Channel], start_ns: int, layout: Layout) -> bytes:
    """Return the header of a file whose number of records is not known yet (-1)."""
    start = datetime.fromtimestamp(start_ns // _NS, UTC)
    n_signals = len(channels) + 1
    is_wide = layout.width == 3
    date = f"{start:%d}-{MONTHS[start.month - 1]}-{start.year:04d}"
    kind = "SIMULATED" if scope.provenance is Provenance.SIMULATED else "X"
    device = _word(channels[0].device or "X")
    year = f"{start:%y}" if 1985 <= start.year <= 2084 else "yy"
    fields = [
        (f"0{'':7}", 8),
        (f"{_word(scope.subject.id)} X X {_word(scope.subject.label or 'X')}", 80),
        (f"Startdate {date} X {kind} Teleward_{device}", 80),
        (f"{start:%d.%m}.{year}", 8),
        (f"{start:%H.%M.%S}", 8),
        (str(256 * (n_signals + 1)), 8),
        ("BDF+C" if is_wide else "EDF+C", 44),
        ("-1", 8),
        (layout.duration, 8),
        (str(n_signals), 4),
    ]
    head = b"".join(_field(text, size) for text, size in fields)
    if is_wide:
        head = b"\xffBIOSEMI" + head[8:]
    return head + _signals(channels, layout)


def _signals(channels: Sequence[Channel], layout: Layout) -> bytes:
    low, high = _RANGES[layout.width]
    texts: list[list[tuple[str, int]]] = []
    for channel in channels:
        limits = [physical_text(count * channel.scale + channel.offset) for count in (low, high)]
        if limits[0] == limits[1]:
            limits = [str(low), str(high)]
        texts.append(
            [
                (label_of(channel.metric), 16), (channel.device or "", 80),
                (dimension_of(channel.metric), 8), (limits[0], 8), (limits[1], 8),
                (str(low), 8), (str(high), 8), ("", 80), (str(layout.samples), 8), ("", 32),
            ]
        )  # fmt: skip
    texts.append(
        [
            (ANNOTATED[layout.width], 16), ("", 80), ("", 8), ("-1", 8), ("1", 8),
            (str(low), 8), (str(high), 8), ("", 80),
            (str(layout.annotation_bytes // layout.width), 8), ("", 32),
        ]
    )  # fmt: skip
    return b"".join(_field(*each[place]) for place in range(10) for each in texts)


def label_of(metric: str) -> str:
    """Return the label of a signal: ``ECG II`` by EDF's list, else the metric's name."""
    if metric.startswith("ecg_"):
        lead = METRICS[metric].label if metric in METRICS else metric.removeprefix("ecg_")
        return f"ECG {lead}"
    return metric


def dimension_of(metric: str) -> str:
    """Return the unit of a metric as EDF writes it."""
    unit = METRICS[metric].unit if metric in METRICS else ""
    return DIMENSIONS.get(unit, unit)


def physical_text(value: float) -> str:
    """Return a number in the eight characters that a header has, as exact as they allow."""
    for digits in range(12, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 8 and "e" not in text:
            return text
    return f"{value:.0f}"[:8]


def seconds_text(length_ns: float) -> str:
    """Return seconds in eight characters, as exact as they allow."""
    whole = len(str(int(length_ns // _NS)))
    text = f"{length_ns / _NS:.{max(0, 7 - whole)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _word(text: str) -> str:
    """Return a subfield: ASCII, spaces as underscores, X for nothing."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = "".join(letter if letter.isprintable() else "" for letter in plain)
    return "_".join(kept.split())[:40] or "X"


def _field(text: str, size: int) -> bytes:
    """Return a field of printable ASCII, cut and filled to its size."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return plain[:size].ljust(size).encode()
