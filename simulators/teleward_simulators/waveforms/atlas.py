"""Draw rhythms on ECG paper: ``python -m teleward_simulators.waveforms.atlas OUT [PAGE ...]``.

One page a rhythm or condition (twelve leads of 2.5 s and a strip of lead II, 25 mm/s and 10 mm/mV,
SVG) and a table of the figures that a reader would measure. Without names all pages are drawn.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.rhythms.table import RHYTHMS
from teleward_simulators.waveforms.leads import LEAD_NAMES, MATRIX

FS = 500
START_S, SECONDS = 20, 10
DRAWN = 2
"""One of so many samples is drawn, the farthest off: 4 ms are a tenth of a millimetre of paper."""
MM = 3.6
"""Pixels a millimetre."""
ROWS = (("ecg_i", "ecg_avr", "ecg_v1", "ecg_v4"), ("ecg_ii", "ecg_avl", "ecg_v2", "ecg_v5"),
        ("ecg_iii", "ecg_avf", "ecg_v3", "ecg_v6"))  # fmt: skip
ROW_MM = 26


@dataclass(frozen=True, slots=True)
class Page:
    """One page: a rhythm, and what else is done to the body."""

    name: str
    title: str
    rhythm: str = "sinus"
    prepare: Callable[[Body], None] | None = None


def _fields(**values: float) -> Callable[[Body], None]:
    def prepare(body: Body) -> None:
        for name, value in values.items():
            body.engine.put(name, value)
        body.advance(50)

    return prepare


def _knobs(seconds: float = 0.0, **values: float) -> Callable[[Body], None]:
    def prepare(body: Body) -> None:
        for name, value in values.items():
            body.turn(name, value)
        body.advance(max(10, int(seconds * 10)))

    return prepare


def _cold(body: Body) -> None:
    body.turn("thermo", 0.0)
    body.engine.put("temperature", 28.0)
    body.advance(50)


PAGES: tuple[Page, ...] = (
    *(Page(r.name, r.label, r.name) for r in RHYTHMS.values()
      if r.train != "none" or r.name == "vf"),
    Page("potassium-6.4", "Potassium 6.4 mmol/L", prepare=_fields(potassium=6.4)),
    Page("potassium-7.4", "Potassium 7.4 mmol/L", prepare=_fields(potassium=7.4)),
    Page("potassium-8.6", "Potassium 8.6 mmol/L: sine wave", prepare=_fields(potassium=8.6)),
    Page("potassium-2.6", "Potassium 2.6 mmol/L: U wave", prepare=_fields(potassium=2.6)),
    Page("long-qt", "Long QT", prepare=_knobs(qt=1.45)),
    Page("cold-28", "28 °C: J wave, long QT", prepare=_cold),
    Page("anterior-5-min", "Anterior infarct after five minutes",
         prepare=_knobs(300, st_anterior=0.4)),
    Page("anterior-6-h", "Anterior infarct after six hours: Q",
         prepare=_knobs(21_600, st_anterior=0.25)),
)  # fmt: skip


def patient_of(page: Page) -> PhysiologyPatient:
    """Return the patient of a page."""
    return PhysiologyPatient(seed=3, rhythm=page.rhythm, prepare=page.prepare)


def leads_of(patient: PhysiologyPatient) -> NDArray[np.float32]:
    """Return ten seconds of twelve leads in mV, shape (12, 5000)."""
    return patient.leads(MATRIX, float(FS), START_S * FS, SECONDS * FS)


def figures(patient: PhysiologyPatient, leads: NDArray[np.float32]) -> dict[str, str]:
    """Return what a reader measures: rate, heights of R and S, ST, share of one direction."""
    centred = leads - leads.mean(axis=1, keepdims=True)
    spectrum = np.linalg.svd(centred, compute_uv=False) ** 2
    beats = [b - START_S for b in patient.beats(float(START_S), float(START_S + SECONDS))]
    inside = [b for b in beats if 0.4 < b < SECONDS - 0.7]
    out = {"beats": str(len(beats)), "one direction %": f"{100 * spectrum[0] / spectrum.sum():.0f}"}
    swings = leads.max(axis=1) - leads.min(axis=1)
    out["least lead mV"] = f"{swings.min():.2f}"
    if not inside:
        return out
    before = int(0.15 * FS)
    mean = np.median(
        [leads[:, int(b * FS) - before : int(b * FS) + int(0.45 * FS)] for b in inside], axis=0
    )
    mean = mean - mean[:, :20].mean(axis=1, keepdims=True)
    qrs, st = mean[:, 30:135], mean[:, before + int(0.10 * FS)]
    for name in ("ecg_ii", "ecg_v1", "ecg_v3", "ecg_v4"):
        row = LEAD_NAMES.index(name)
        label = name.removeprefix("ecg_").upper()
        out[f"{label} R/S"] = f"{max(qrs[row].max(), 0):.2f}/{min(qrs[row].min(), 0):.2f}"
        out[f"{label} ST"] = f"{st[row]:+.2f}"
    return out


def svg(title: str, leads: NDArray[np.float32]) -> str:
    """Return one page of ECG paper."""
    width, height = SECONDS * 25 * MM, (len(ROWS) + 1) * ROW_MM * MM + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif">',
        '<defs><pattern id="m" width="3.6" height="3.6" patternUnits="userSpaceOnUse">'
        '<path d="M3.6 0H0V3.6" fill="none" stroke="#f6d3d3" stroke-width=".5"/></pattern>'
        '<pattern id="g" width="18" height="18" patternUnits="userSpaceOnUse">'
        '<rect width="18" height="18" fill="url(#m)"/>'
        '<path d="M18 0H0V18" fill="none" stroke="#e7a5a5" stroke-width=".8"/></pattern></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<rect y="30" width="100%" height="{height - 30:.0f}" fill="url(#g)"/>',
        f'<text x="8" y="20" font-size="14">{title} (simulated)</text>',
    ]
    quarter = SECONDS * FS // 4
    for number, names in enumerate(ROWS):
        for column, name in enumerate(names):
            part = leads[LEAD_NAMES.index(name), column * quarter : (column + 1) * quarter]
            parts += _trace(name, part, column * quarter, number)
    parts += _trace("ecg_ii", leads[LEAD_NAMES.index("ecg_ii")], 0, len(ROWS))
    return "\n".join([*parts, "</svg>\n"])


def _farthest(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return of each `DRAWN` samples the one farthest from those before, float32.

    A pacing spike is one sample wide and is in every beat of a page, or in none by chance.
    """
    groups = samples[: len(samples) // DRAWN * DRAWN].reshape(-1, DRAWN)
    before = np.concatenate((groups[:1], groups[:-1])).mean(axis=1, keepdims=True)
    chosen = np.abs(groups - before).argmax(axis=1)[:, np.newaxis]
    return np.take_along_axis(groups, chosen, axis=1)[:, 0]


def _trace(name: str, samples: NDArray[np.float32], first: int, row: int) -> list[str]:
    middle = 30 + (row + 0.55) * ROW_MM * MM
    samples = _farthest(samples)
    xs = (first + DRAWN * np.arange(len(samples))) / FS * 25 * MM
    ys = middle - samples * 10 * MM
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    label = name.removeprefix("ecg_").upper().replace("AV", "aV")
    return [
        f'<text x="{xs[0] + 3:.0f}" y="{middle - 9 * MM:.0f}" font-size="11">{label}</text>',
        f'<polyline points="{points}" fill="none" stroke="#111" stroke-width="1"/>',
    ]


def main(arguments: list[str]) -> int:
    """Write all pages and print the table."""
    if not arguments:
        sys.exit("usage: python -m teleward_simulators.waveforms.atlas OUT [PAGE ...]")
    out, wanted = Path(arguments[0]), arguments[1:]
    unknown = set(wanted) - {page.name for page in PAGES}
    if unknown:
        names = ", ".join(page.name for page in PAGES)
        sys.exit(f"no page {', '.join(sorted(unknown))}; pages are {names}")
    out.mkdir(parents=True, exist_ok=True)
    pages = [page for page in PAGES if not wanted or page.name in wanted]
    for page in pages:
        patient = patient_of(page)
        leads = leads_of(patient)
        (out / f"{page.name}.svg").write_text(svg(page.title, leads), encoding="utf-8")
        row = "  ".join(f"{name} {value}" for name, value in figures(patient, leads).items())
        print(f"{page.name:18} {row}")
    print(f"{len(pages)} pages in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
