"""How the ECG networks do on people they were not trained on: tables of records left out."""

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.beat_scoring import Count, compare
from teleward_gateway.bench.accuracy.ecg import NOISE_CYCLE_S, NOISE_FROM_S, NOT_COUNTED
from teleward_gateway.training.ecg_augment import Beats
from teleward_gateway.training.ecg_fit import (
    CLASS_MEMBERS,
    Material,
    fit_class,
    gather_classes,
    train_detector,
)
from teleward_gateway.training.network_fit import Array
from teleward_gateway.training.observed_loop import observe
from teleward_gateway.training.tree_fit import tree_odds
from teleward_signal.ecg.classes import PREMATURE_FROM, VENTRICULAR_FROM
from teleward_signal.ecg.networks import Networks

LEVELS_DB = (12.0, 6.0, 0.0)
GAIN = 1.59
"""Makes the gains of the published noise-stress records of 118 from the definition used here."""


def classes(material: Material, networks: Networks) -> str:
    """Train the classes once for each record without it; channel 0 as recorded is judged.

    The detector and the usual shapes come from ``networks``, trained on all records.
    """
    parts = gather_classes(material, networks, 51)
    lines = ["classes, each record by trees trained on the others: found, false, missed"]
    pooled = {key: Count() for key in ("V", "S", "V trained", "S trained")}
    for name in sorted({name for name, _ in parts}):
        others = [part for (other, _), part in parts.items() if other != name]
        left_out = [fit_class(others, "V"), fit_class(others, "S")]
        row = f"{name:>8}"
        for key, pair in (
            ("", left_out),
            (" trained", [networks.ventricular, networks.supraventricular]),
        ):
            counts = _score(parts[name, 0], pair)
            for symbol, count in counts.items():
                pooled[symbol + key].add(count)
                row += f"   {symbol}{key} {count.found:4d} {count.false:3d} {count.missed:3d}"
        lines.append(row)
    for key, count in pooled.items():
        percent = count.percent()
        lines.append(f"pooled {key:<10} Se {percent['se']:.2f}  PPV {percent['ppv']:.2f}")
    return "\n".join(lines)


def _score(part: tuple[Array, NDArray[np.str_], Array], trees: list[Array]) -> dict[str, Count]:
    x, symbols, _ = part
    ventricular = tree_odds(trees[0], x) >= VENTRICULAR_FROM
    premature = ~ventricular & (tree_odds(trees[1], x) >= PREMATURE_FROM)
    counts = {}
    for symbol, called in (("V", ventricular), ("S", premature)):
        member = np.isin(symbols, sorted(CLASS_MEMBERS[symbol]))
        counted = ~np.isin(symbols, ["", *NOT_COUNTED])
        counts[symbol] = Count(
            int((called & member).sum()),
            int((called & ~member & counted).sum()),
            int((~called & member).sum()),
        )
    return counts


def detection(material: Material, folds: int) -> str:
    """Train the detector once for each fold of records without them, and run it over those.

    As recorded, and with electrode motion as in the noise-stress records: its first channel, which
    no training sees.
    """
    lines = ["detection, each record by networks trained on other ones: F1 clean, 12, 6, 0 dB"]
    names = sorted(material.records)
    pooled = [Count() for _ in range(1 + len(LEVELS_DB))]
    for fold in range(folds):
        held = set(names[fold::folds])
        networks = train_detector(material.without(held))
        for name in sorted(held):
            source = material.records[name][0]
            row = f"{name:>8}"
            for k, level in enumerate((None, *LEVELS_DB)):
                noisy = source if level is None else stressed(source, material.noises["em"], level)
                _, found = observe(noisy.fs, noisy.ecg, networks)
                from_s = 0.0 if level is None else NOISE_FROM_S
                count, _, _ = compare(source.samples, found["sample"], source.fs, from_s=from_s)
                pooled[k].add(count)
                row += f"  {count.percent()['f1']:6.2f}"
            lines.append(row)
    lines.append("  pooled" + "".join(f"  {count.percent()['f1']:6.2f}" for count in pooled))
    return "\n".join(lines)


def stressed(source: Beats, noise: NDArray[np.float64], level_db: float) -> Beats:
    """Return a recording with noise (channel 0) every other two minutes from minute five."""
    fs, ecg = source.fs, source.ecg.copy()
    near = round(0.05 * fs)
    inner = source.samples[(source.samples > near) & (source.samples < len(ecg) - near)][:300]
    spans = np.sort([np.ptp(ecg[at - near : at + near]) for at in inner])
    seconds = noise[: len(noise) // round(fs) * round(fs), 0].reshape(-1, round(fs))
    powers = np.sort(seconds.std(axis=1))
    signal = _trimmed(spans) ** 2 / 8
    gain = GAIN * np.sqrt(signal / _trimmed(powers) ** 2 * 10 ** (-level_db / 10))
    n = min(len(ecg), len(noise))
    time_s = np.arange(n) / fs
    on = (time_s >= NOISE_FROM_S) & ((time_s - NOISE_FROM_S) // NOISE_CYCLE_S % 2 == 0)
    ecg[:n][on] += gain * noise[:n, 0][on]
    return Beats(ecg, fs, source.samples, source.symbols)


def _trimmed(values: NDArray[np.float64]) -> float:
    """Return the mean of sorted values without the outer twentieths."""
    cut = len(values) // 20
    return float(np.mean(values[cut : len(values) - cut]))
