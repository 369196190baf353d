"""Fit of the shapes of beats: ``python -m teleward_simulators.waveforms.fit LUDB OUT``.

For each shape the median beats of recordings with that diagnosis are averaged and written as a sum
of Gaussian bumps with one centre and width and an amplitude in each of eight leads (I, II, V1 to
V6; the other four follow from I and II). Needs the Lobachevsky University Database (PhysioNet).
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from teleward_simulators.recordings.wfdb_files import read_annotations, read_record
from teleward_simulators.waveforms.leads import BASE_LEADS

FS = 500
BEFORE_S, AFTER_S = 0.30, 0.60
LUDB_LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
SOURCE = (
    "Lobachevsky University Database 1.0.1 (PhysioNet); Kalyakulina et al., IEEE Access 8:186181, "
    "2020; even records; Open Data Commons Attribution License 1.0"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A shape: what a header must and must not name, and how many bumps each wave gets.

    ``aligned``: the fit's time zero is the steepest or tallest point of the QRS in this lead.
    """

    name: str
    must: tuple[str, ...]
    never: tuple[str, ...]
    bumps: tuple[int, int, int]
    """Of P, QRS and ST-T."""
    qrs_s: tuple[float, float]
    t_s: tuple[float, float]
    only: tuple[str, ...] = ()
    """The records to take, where those of several people do not average to a beat of anybody."""


ECTOPIC = ("entricular extrasystole", "pacing", "III degree")
WANTED = (
    Wanted("normal", ("Rhythm: Sinus", "axis of the heart: normal"),
           ("hypertrophy", "block", "hemiblock", "overload", "Scar", "Ischemia", "ischemia",
            "STEMI", "repolarization", *ECTOPIC), (2, 5, 2), (-0.06, 0.07), (0.12, 0.42)),
    Wanted("lbbb", ("Complete left bundle branch block",), (), (0, 6, 3), (-0.09, 0.12),
           (0.10, 0.46), ("24",)),
    Wanted("rbbb", ("Complete right bundle branch block",), (), (0, 6, 3), (-0.07, 0.12),
           (0.13, 0.44), ("10",)),
    Wanted("paced", ("UNIpolar ventricular pacing",), (), (0, 6, 3), (-0.10, 0.13), (0.12, 0.50),
           ("34",)),
)  # fmt: skip


def read(path: Path) -> tuple[NDArray[np.float64], str]:
    """Return the eight leads of a record in mV, shape (8, 5000), and its diagnoses."""
    record = read_record(path)
    leads = dict(zip(record.channels, record.signals.T, strict=True))
    names = [name.removeprefix("ecg_") for name in BASE_LEADS]
    return np.array([leads[name] for name in names]), " ".join(record.comments)


def marks(path: Path, lead: str) -> list[int]:
    """Return the samples of the QRS peaks that were marked in ``lead``."""
    found = read_annotations(path.with_suffix("." + lead))
    peaks: list[int] = found.samples[found.symbols == "N"].tolist()
    return peaks


def median_beat(path: Path) -> NDArray[np.float64] | None:
    """Return the median beat around its marked peak in lead II, mV, shape (8, n)."""
    leads, _ = read(path)
    before, after = int(BEFORE_S * FS), int(AFTER_S * FS)
    peaks = [p for p in marks(path, "ii") if before < p < leads.shape[1] - after]
    if len(peaks) < 3:
        return None
    beats = []
    for peak in peaks:
        beat = leads[:, peak - before : peak + after]
        level = np.median(beat[:, before - 45 : before - 30], axis=1, keepdims=True)
        beats.append(beat - level)
    return np.asarray(np.median(beats, axis=0))


def fit(wanted: Wanted, folder: Path) -> dict[str, Any]:
    """Return the bumps of one shape and which records they come from."""
    beats, used = [], []
    for path in sorted(folder.glob("*.hea"), key=lambda p: int(p.stem)):
        _, text = read(path)
        if wanted.only and path.stem not in wanted.only:
            continue
        if all(m in text for m in wanted.must) and not any(n in text for n in wanted.never):
            beat = median_beat(path)
            if beat is not None:
                beats.append(beat)
                used.append(path.stem)
    mean = np.mean(beats, axis=0) if len(beats) < 3 else np.median(beats, axis=0)
    times = np.arange(mean.shape[1]) / FS - BEFORE_S
    parts, errors = {}, {}
    rest = mean.copy()
    spans = {"t": wanted.t_s, "qrs": wanted.qrs_s, "p": (-0.24, -0.10)}
    counts = {"p": wanted.bumps[0], "qrs": wanted.bumps[1], "t": wanted.bumps[2]}
    joint = _fit(times, rest, [(spans[k], counts[k], k) for k in ("p", "qrs", "t") if counts[k]])
    for name, rows in joint.items():
        parts[name] = rows
    errors["rms_mv"] = round(float(np.sqrt(np.mean((_draw(times, joint) - mean) ** 2))), 4)
    return {"records": used, **errors, **parts}


def _fit(
    times: NDArray[np.float64], wave: NDArray[np.float64],
    groups: list[tuple[tuple[float, float], int, str]],
) -> dict[str, list[list[float]]]:  # fmt: skip
    start, low, high = [], [], []
    for (first, last), count, name in groups:
        for place in np.linspace(first, last, count + 2)[1:-1]:
            start += [place, {"qrs": 0.012, "p": 0.02, "t": 0.05}[name]]
            low += [first, {"qrs": 0.007, "p": 0.012, "t": 0.022}[name]]
            high += [last, {"qrs": 0.032, "p": 0.04, "t": 0.085}[name]]

    def design(values: NDArray[np.float64]) -> NDArray[np.float64]:
        centres, widths = values[0::2], values[1::2]
        return np.asarray(np.exp(-0.5 * ((times[:, None] - centres) / widths) ** 2))

    def solve(values: NDArray[np.float64]) -> NDArray[np.float64]:
        a = design(values)
        ridge = 0.02 * np.eye(a.shape[1])  # neighbours must not fight with great amplitudes
        return np.asarray(np.linalg.solve(a.T @ a + ridge, a.T @ wave.T))

    def residual(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((design(values) @ solve(values) - wave.T).ravel())

    found = least_squares(residual, start, bounds=(low, high), max_nfev=200).x
    amplitudes = solve(found)
    out: dict[str, list[list[float]]] = {}
    place = 0
    for _, count, name in groups:
        rows = []
        for _ in range(count):
            row = [found[2 * place], found[2 * place + 1], *amplitudes[place]]
            rows.append([round(float(value), 4) for value in row])
            place += 1
        out[name] = sorted(rows)
    return out


def _draw(times: NDArray[np.float64], parts: dict[str, list[list[float]]]) -> NDArray[np.float64]:
    out = np.zeros((len(BASE_LEADS), len(times)))
    for rows in parts.values():
        for centre, width, *heights in rows:
            bump = np.exp(-0.5 * ((times - centre) / width) ** 2)
            out += np.array(heights)[:, None] * bump
    return out


def main(arguments: list[str]) -> int:
    """Fit every shape and write the file of coefficients."""
    folder, out = Path(arguments[0]), Path(arguments[1])
    shapes = {wanted.name: fit(wanted, folder) for wanted in WANTED}
    for name, shape in shapes.items():
        print(f"{name:8} {len(shape['records'])} records, rms {shape['rms_mv']} mV")
    rows = {"source": SOURCE, "leads": [n.removeprefix("ecg_") for n in BASE_LEADS],
            "columns": ["centre s", "SD s", "mV in each lead"], "shapes": shapes}  # fmt: skip
    out.write_text(json.dumps(rows, indent=None).replace('"shapes"', '\n"shapes"') + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
