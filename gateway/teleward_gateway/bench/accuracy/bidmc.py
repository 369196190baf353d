"""PPG and respiration against BIDMC: pulse rate, beats, arrival time, breathing, with retention.

Every estimate is causal: what the banks knew at that second. References and scoring:

- pulse rate: the monitor's heart rate, each second from the tenth on;
- beats: ECG beats on which two detectors agree within 50 ms, two seconds about a disagreement left
  out, the delay of the PPG removed per 30 s, 150 ms tolerance; recordings whose ECG detectors agree
  on less than 90 % are shown but not pooled;
- breathing: 32 s windows each 16 s in which both annotators agree within 2/min.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.bidmc_files import (
    FS,
    BidmcRecord,
    Numbers,
    bidmc_names,
    read_bidmc,
)
from teleward_gateway.bench.accuracy.bidmc_motion import OF_PPG, OF_RESPIRATION, mark_motion
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.errors import Invalid
from teleward_signal.ppg.arrival import ArrivalTime
from teleward_signal.ppg.bank import PpgBank
from teleward_signal.respiration.bank import RespirationBank
from teleward_signal.respiration.fusion import QUALITY_FLOOR, fuse
from teleward_signal.respiration.modulation_bank import Carrier, ModulationBank

TOLERANCE_S, BLOCK_S, MASK_S = 0.150, 30, 2.0
WINDOW_S, STRIDE_S, ANNOTATORS_APART = 32, 16, 2.0
RATE_FROM_S = 10
Beats = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reference:
    """ECG beats, where they are in doubt (bool per sample), and how far two detectors agree."""

    beats: Beats
    doubtful: NDArray[np.bool_]
    agreement: float


def rows(data_dir: str | Path, peers: bool = True) -> dict[str, Any]:
    """Return every figure, per recording and pooled, for the BIDMC folder (or its parent).

    Without ``peers`` no other library is asked: the reference beats are our own.
    """
    folder = Path(data_dir)
    folder = folder / "bidmc" if (folder / "bidmc").is_dir() else folder
    names = bidmc_names(folder)
    if not names:
        raise Invalid(f"no bidmc_NN_Signals.csv in {folder}; give the folder with --data")
    found = [_measure(read_bidmc(folder, name), peers) for name in names]
    return {
        "reference": " and ".join(_detectors(peers)),
        "recordings": found,
        "pooled": _pool(found),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    head = (
        f"{'recording':10}{'ECG agree':>10}{'beat F1':>9}{'HR MAE':>8}{'kept':>6}{'PAT ms':>8}"
        f"{'RR imp':>8}{'kept':>6}{'FFT':>6}{'monitor':>8}{'RR PPG+ECG':>11}{'kept':>6}"
    )
    lines = [f"BIDMC, causal; reference beats: {result['reference']}", head]
    for row in result["recordings"]:
        lines.append(
            f"{row['name']:10}{row['agreement']:10.3f}{row['f1']:9.2f}{row['hr_mae']:8.2f}"
            f"{row['hr_kept']:6.0%}{row['pat_ms']:8.0f}{row['rr_mae']:8.2f}{row['rr_kept']:6.0%}"
            f"{row['rr_fft_mae']:6.2f}{row['rr_monitor_mae']:8.2f}{row['rr_derived_mae']:11.2f}"
            f"{row['rr_derived_kept']:6.0%}"
        )
    p = result["pooled"]
    if "peer_f1" in p:
        lines.append(
            f"NeuroKit2 Elgendi, whole recording at once: beat F1 {p['peer_f1']:.2f} %, "
            f"pulse rate MAE {p['peer_hr_mae']:.2f}/min"
        )
    lines += [
        f"beats, {p['f1_recordings']} recordings: Se {p['se']:.2f} PPV {p['ppv']:.2f} "
        f"F1 {p['f1']:.2f} %  (goal 99.0)",
        f"pulse rate: MAE {p['hr_mae']:.2f}/min ungated, {p['hr_gated_mae']:.2f} with the quality "
        f"gate, kept {p['hr_kept']:.1%} (mean of recordings; goal 1.8)",
        *(
            f"movement added to the {what}: of {wrong} seconds that it makes wrong {marked:.1%} "
            f"are withheld; of clean seconds {clean:.1%}  (goals 90 %, 10 %)"
            for what, wrong, marked, clean in p["motion"]
        ),
        f"respiration, {p['windows']} windows: impedance MAE {p['rr_mae']:.2f}/min, kept "
        f"{p['rr_kept']:.1%}, ungated {p['rr_ungated_mae']:.2f} (goal 0.55); FFT peak "
        f"{p['rr_fft_mae']:.2f}, the monitor's own numeric {p['rr_monitor_mae']:.2f}",
        f"respiration from PPG and ECG: MAE {p['rr_derived_mae']:.2f}/min, kept "
        f"{p['rr_derived_kept']:.1%}, ungated {p['rr_derived_ungated_mae']:.2f} (goal 1.8)",
    ]
    return "\n".join(lines)


def _measure(record: BidmcRecord, peers: bool) -> dict[str, Any]:
    reference = reference_beats(record.ecg, peers)
    pulses, rates = _run(PpgBank(FS, 1), record.ppg, EventKind.PULSE, EventKind.PULSE_RATE)
    beats, _ = _run(EcgBank(FS, 1), record.ecg, EventKind.BEAT, EventKind.HEART_RATE)
    tp, fp, fn = match_pulses(pulses["sample"], reference)
    out: dict[str, Any] = {
        "name": record.name,
        "agreement": reference.agreement,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "f1": 200 * tp / max(1, 2 * tp + fp + fn),
        "pat_ms": _arrival_ms(beats["sample"], pulses["sample"]),
    }
    out |= _rate_errors(rates, record.heart_rate)
    out["motion_ppg"] = mark_motion(record.ppg, rates, OF_PPG)
    out |= _peer(record, reference) if peers else {}
    return out | _breath_errors(record)


def _peer(record: BidmcRecord, reference: Reference) -> dict[str, Any]:
    """Return how NeuroKit2's Elgendi detector does on the whole recording, if installed."""
    try:
        import neurokit2
    except ImportError:
        return {}
    cleaned = neurokit2.ppg_clean(np.nan_to_num(record.ppg), int(FS))
    pulses = np.asarray(neurokit2.ppg_findpeaks(cleaned, int(FS))["PPG_Peaks"], np.int64)
    tp, fp, fn = match_pulses(pulses, reference)
    errors = []
    for second in range(RATE_FROM_S, len(record.heart_rate)):
        inside = pulses[(pulses > (second - 10) * FS) & (pulses <= second * FS)]
        if len(inside) > 2:
            rate = 60 * FS / np.median(np.diff(inside))
            errors.append(abs(rate - record.heart_rate[second]))
    return {"peer_counts": (tp, fp, fn), "peer_hr_mae": _mean(np.array(errors))}


def _run(
    bank: Any, samples: Numbers, mark: EventKind, numeric: EventKind
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Run one recording through a bank; return its marks and its numerics, one a second."""
    bank.process(samples[None].astype(np.float32), np.array([len(samples)], np.int32))
    events = bank.drain()
    return events[events["kind"] == mark], events[events["kind"] == numeric]


def _rate_errors(rates: NDArray[np.void], monitor: Numbers) -> dict[str, Any]:
    n = min(len(rates), len(monitor) - 1)
    value, sqi = rates["value"][RATE_FROM_S - 1 : n], rates["sqi"][RATE_FROM_S - 1 : n]
    # the estimate after k seconds of signal stands beside the monitor's value at second k
    error = np.abs(value - monitor[RATE_FROM_S : n + 1])
    kept = np.isfinite(value) & (sqi >= QUALITY_FLOOR)
    return {
        "hr_ungated_mae": _mean(error),
        "hr_mae": _mean(error[kept]),
        "hr_kept": float(kept.mean()),
    }


def _breath_errors(record: BidmcRecord) -> dict[str, Any]:
    _, rates = _run(
        RespirationBank(FS, 1), record.respiration, EventKind.BREATH, EventKind.RESPIRATORY_RATE
    )
    derived = _derived(record)
    rows_: list[tuple[float, ...]] = []
    for end_s, rate in reference_breathing(record.breaths_s):
        at = min(end_s, len(rates)) - 1
        value, quality = derived[min(end_s, len(derived)) - 1]
        fft = fft_rate(record.respiration[round((end_s - WINDOW_S) * FS) : round(end_s * FS)])
        monitor = record.respiratory_rate[min(end_s, len(record.respiratory_rate) - 1)]
        rows_.append((rate, rates["value"][at], rates["sqi"][at], value, quality, fft, monitor))
    table_ = np.array(rows_).reshape(-1, 7)
    error = np.abs(table_[:, [1, 3, 5, 6]] - table_[:, :1])
    kept = np.isfinite(error[:, 0]) & (table_[:, 2] >= QUALITY_FLOOR)
    derived_kept = np.isfinite(error[:, 1]) & (table_[:, 4] >= QUALITY_FLOOR)
    return {
        "motion_respiration": mark_motion(record.respiration, rates, OF_RESPIRATION),
        "windows": len(table_),
        "rr_mae": _mean(error[kept, 0]),
        "rr_kept": _mean(kept),
        "rr_derived_mae": _mean(error[derived_kept, 1]),
        "rr_derived_kept": _mean(derived_kept),
        "rr_fft_mae": _mean(error[:, 2]),
        "rr_monitor_mae": _mean(error[:, 3]),
        "_errors": error,
        "_kept": kept,
        "_derived_kept": derived_kept,
    }


def _derived(record: BidmcRecord) -> list[tuple[float, float]]:
    """Return rate and quality from PPG and ECG after each second."""
    banks = [ModulationBank(FS, 1, Carrier.PPG), ModulationBank(FS, 1, Carrier.ECG)]
    signals = [record.ppg.astype(np.float32), record.ecg.astype(np.float32)]
    second = round(FS)
    counts = np.array([second], np.int32)
    out = []
    for at in range(0, len(signals[0]) - second + 1, second):
        for bank, signal in zip(banks, signals, strict=True):
            bank.process(signal[None, at : at + second], counts)
        spectra = [bank.spectra[0] for bank in banks if bank.known[0]]
        rate = fuse(spectra) if spectra else None
        out.append((rate.rate, rate.quality) if rate else (math.nan, 0.0))
    return out


def _arrival_ms(beats: Beats, pulses: Beats) -> float:
    """Return the median pulse arrival time of a recording in ms."""
    arrival = ArrivalTime()
    marks = sorted([(int(b), 0) for b in beats] + [(int(p), 1) for p in pulses])
    found = []
    for sample, is_pulse in marks:
        time_ns = round(sample / FS * 1e9)
        if not is_pulse:
            arrival.beat(time_ns)
        elif (measurement := arrival.pulse(time_ns)) and measurement.value is not None:
            found.append(measurement.value)
    return float(np.median(found)) if found else math.nan


def reference_beats(ecg: Numbers, peers: bool = True) -> Reference:
    """Return the ECG beats on which two detectors agree."""
    first, second = (found(ecg) for found in _detectors(peers).values())
    near_a, near_b = _matched(first, second, 0.05)
    agreement = 2 * len(near_a) / max(1, len(first) + len(second))
    doubtful = np.zeros(len(ecg), bool)
    for at in (*np.delete(first, near_a), *np.delete(second, near_b)):
        doubtful[max(0, at - round(MASK_S * FS)) : at + round(MASK_S * FS)] = True
    return Reference(first[near_a], doubtful, agreement)


def _detectors(peers: bool) -> dict[str, Any]:
    """Return the two ECG detectors of the reference: xqrs and NeuroKit2 where installed."""
    own = {"Teleward": _own_beats, "Teleward again": _own_beats}
    found: dict[str, Any] = {}
    if not peers:
        return own
    try:
        from wfdb import processing

        found["wfdb.xqrs"] = lambda ecg: np.sort(
            np.asarray(processing.xqrs_detect(np.nan_to_num(ecg), FS, verbose=False), np.int64)
        )
    except ImportError:
        pass
    try:
        import neurokit2

        found["NeuroKit2"] = lambda ecg: np.asarray(
            neurokit2.ecg_findpeaks(neurokit2.ecg_clean(np.nan_to_num(ecg), int(FS)), int(FS))[
                "ECG_R_Peaks"
            ],
            np.int64,
        )
    except ImportError:
        pass
    return dict(list((found | own).items())[:2])


def _own_beats(ecg: Numbers) -> Beats:
    return np.asarray(_run(EcgBank(FS, 1), ecg, EventKind.BEAT, EventKind.HEART_RATE)[0]["sample"])


def match_pulses(pulses: Beats, reference: Reference) -> tuple[int, int, int]:
    """Return true, false and missed pulses, the delay fitted to each 30 s."""
    tolerance, block = round(TOLERANCE_S * FS), round(BLOCK_S * FS)
    tp = fp = fn = 0
    for start in range(0, len(reference.doubtful), block):
        inside = (reference.beats >= start) & (reference.beats < start + block)
        beats = reference.beats[inside]
        if len(beats) == 0:
            continue
        shifted = pulses - _delay(pulses, beats, tolerance)
        near = shifted[(shifted >= start - tolerance) & (shifted < start + block + tolerance)]
        hit, used = _matched(beats, near, TOLERANCE_S)
        counts = ~reference.doubtful[beats]
        is_hit = np.zeros(len(beats), bool)
        is_hit[hit] = True
        tp += int((is_hit & counts).sum())
        fn += int((~is_hit & counts).sum())
        extra = np.delete(near, used)
        extra = extra[(extra >= start) & (extra < start + block)]
        clear = ~reference.doubtful[np.clip(extra, 0, len(reference.doubtful) - 1)]
        fp += int(clear.sum())
    return tp, fp, fn


def _delay(pulses: Beats, beats: Beats, tolerance: int) -> int:
    """Return the lag in samples, -0.1 to 0.9 s, at which most pulses meet a beat."""
    best, best_score = 0, (-1, 0.0)
    for lag in range(round(-0.1 * FS), round(0.9 * FS)):
        at = np.searchsorted(pulses - lag, beats)
        after = np.abs(pulses[np.clip(at, 0, len(pulses) - 1)] - lag - beats)
        before = np.abs(pulses[np.clip(at - 1, 0, len(pulses) - 1)] - lag - beats)
        apart = np.minimum(after, before)
        score = (int((apart <= tolerance).sum()), -float(np.minimum(apart, tolerance).sum()))
        if score > best_score:
            best, best_score = lag, score
    return best


def _matched(first: Beats, second: Beats, tolerance_s: float) -> tuple[Beats, Beats]:
    """Match one to one, nearest pairs first; return the indices of both."""
    tolerance = round(tolerance_s * FS)
    low = np.searchsorted(second, first - tolerance)
    high = np.searchsorted(second, first + tolerance, "right")
    pairs = sorted(
        (abs(int(second[j] - first[i])), i, j)
        for i in range(len(first))
        for j in range(low[i], high[i])
    )
    of_first: dict[int, int] = {}
    used: set[int] = set()
    for _, i, j in pairs:
        if i not in of_first and j not in used:
            of_first[i] = j
            used.add(j)
    order = sorted(of_first)
    return np.array(order, np.int64), np.array([of_first[i] for i in order], np.int64)


def reference_breathing(breaths_s: tuple[Numbers, Numbers]) -> Iterable[tuple[int, float]]:
    """Yield (end of window in s, breaths a minute) where both annotators agree."""
    last = int(max(b.max(initial=0) for b in breaths_s)) + STRIDE_S
    for start in range(0, min(last, 480) - WINDOW_S + 1, STRIDE_S):
        rates = []
        for breaths in breaths_s:
            inside = breaths[(breaths >= start) & (breaths < start + WINDOW_S)]
            if len(inside) > 2:
                rates.append(60 * (len(inside) - 1) / (inside[-1] - inside[0]))
        if len(rates) == 2 and abs(rates[0] - rates[1]) <= ANNOTATORS_APART:
            yield start + WINDOW_S, float(np.mean(rates))


def fft_rate(window: Numbers) -> float:
    """Return the spectral peak of 0.1 to 0.7 Hz in /min: the peer of the respiration bank."""
    known = np.nan_to_num(window - np.nanmean(window))
    n = 1 << 17
    power = np.abs(np.fft.rfft(known * np.hanning(len(known)), n))
    hz = np.fft.rfftfreq(n, 1 / FS)
    band = (hz >= 0.1) & (hz <= 0.7)
    return float(60 * hz[band][power[band].argmax()])


def _pool(found: list[dict[str, Any]]) -> dict[str, Any]:
    usable = [row for row in found if row["agreement"] >= 0.9]
    tp, fp, fn = (sum(row[key] for row in usable) for key in ("tp", "fp", "fn"))
    error = np.concatenate([row.pop("_errors") for row in found])
    kept = np.concatenate([row.pop("_kept") for row in found])
    derived_kept = np.concatenate([row.pop("_derived_kept") for row in found])
    peer: dict[str, Any] = {}
    if all("peer_counts" in row for row in found):
        a, b, c = np.sum([row["peer_counts"] for row in usable], axis=0)
        peer["peer_f1"] = 200 * a / max(1, 2 * a + b + c)
        peer["peer_hr_mae"] = _mean(np.array([row["peer_hr_mae"] for row in found]))
    return peer | {
        "motion": [
            (what, *_motion([row[key] for row in found]))
            for what, key in (("PPG", "motion_ppg"), ("impedance", "motion_respiration"))
        ],
        "f1_recordings": len(usable),
        "se": 100 * tp / max(1, tp + fn),
        "ppv": 100 * tp / max(1, tp + fp),
        "f1": 200 * tp / max(1, 2 * tp + fp + fn),
        "hr_mae": _mean(np.array([row["hr_ungated_mae"] for row in found])),
        "hr_gated_mae": _mean(np.array([row["hr_mae"] for row in found])),
        "hr_kept": _mean(np.array([row["hr_kept"] for row in found])),
        "windows": len(error),
        "rr_mae": _mean(error[kept, 0]),
        "rr_kept": _mean(kept),
        "rr_ungated_mae": _mean(error[:, 0]),
        "rr_derived_mae": _mean(error[derived_kept, 1]),
        "rr_derived_kept": _mean(derived_kept),
        "rr_derived_ungated_mae": _mean(error[:, 1]),
        "rr_fft_mae": _mean(error[:, 2]),
        "rr_monitor_mae": _mean(error[:, 3]),
    }


def _motion(counts: list[list[int]]) -> tuple[int, float, float]:
    """Return wrong seconds, the share of them withheld, the share of clean seconds withheld."""
    wrong, wrong_withheld, clean, clean_withheld = (int(n) for n in np.sum(counts, axis=0))
    return wrong, wrong_withheld / max(1, wrong), clean_withheld / max(1, clean)


def _mean(values: NDArray[Any]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
