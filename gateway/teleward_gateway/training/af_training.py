"""Train the networks for atrial fibrillation: ``python -m teleward_gateway.training.af_training``.

Windows of annotated intervals (AFDB texts, WFDB records), of the engine's own beats on the same
WFDB records, and of made series (`af_augment`) go to a few small networks that differ in their
seed. Before the networks that are written are fitted to everything, others are fitted with records
left out (one of the AFDB and up to two WFDB records at a time, with all that was made of them) and
judged on these: the table is what to expect of a person not trained on.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.af import Case, afdb, pooled, scored, table, wfdb_cases
from teleward_gateway.training.af_augment import one_rate, two_rates, variants
from teleward_gateway.training.network_fit import Array, fit
from teleward_signal.ecg.fibrillation import N_FEATURES, describe_all, fibrillation, padded

NETWORKS = 2
"""Networks averaged: one alone gives up to half a percent more or less by its seed."""
AFDB_EVERY, WFDB_EVERY, MADE_EVERY = 16, 4, 6
"""Intervals between windows to train on: AFDB records last ten hours, WFDB ones half an hour."""
AFDB_VARIANTS, WFDB_VARIANTS = 8, 4
MADE_SERIES, MADE_N = 50, 900
WEIGHTS = {"afdb": 1.0, "annotated": 0.5, "own": 0.5, "afdb made": 0.5, "annotated made": 0.35}
"""A record counts for this whatever its length; fibrillation at two rates for one and a half."""
MADE_WEIGHT = 1.5
LEAN = 0.5
"""Added to the log odds, so that of the AFDB beats left out 97 in 100 are found."""


@dataclass(frozen=True, slots=True)
class Part:
    """Windows of one source: features (n, N_FEATURES), truth (n,), the weight of each."""

    record: str
    features: Array
    truth: NDArray[np.bool_]
    weight: Array


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder, searched recursively")
    parser.add_argument("--out", type=Path, required=True, help="weights to write (.npz)")
    parser.add_argument("--no-table", action="store_true", help="leave no records out")
    options = parser.parse_args()
    cases = {"afdb": list(afdb(options.data)), **wfdb_cases(options.data)}
    parts = list(gather(cases))
    if not options.no_table:
        print(table(left_out(cases, parts)), flush=True)
    np.savez(options.out, fibrillation=train(parts))


def gather(cases: dict[str, list[Case]]) -> Iterable[Part]:
    """Yield the windows of every record and of what is made of it, then those of no record."""
    rng = np.random.default_rng(1)
    for kind, members in cases.items():
        every = AFDB_EVERY if kind == "afdb" else WFDB_EVERY
        for case in members:
            intervals, truth = case.intervals[case.used], case.truth[case.used]
            yield _part(case.name, [_windows(intervals, truth, every)], WEIGHTS[kind])
            if kind == "own":
                continue
            count = AFDB_VARIANTS if kind == "afdb" else WFDB_VARIANTS
            made = variants(rng, intervals, truth, count)
            windows = [_windows(x, np.full(len(x), is_af), MADE_EVERY) for x, is_af in made]
            if windows:
                yield _part(case.name, windows, WEIGHTS[f"{kind} made"])
    rng = np.random.default_rng(7)
    series = [(one_rate if k % 5 == 4 else two_rates)(rng, MADE_N) for k in range(MADE_SERIES)]
    windows = [_windows(x, np.ones(len(x), bool), MADE_EVERY) for x in series]
    yield _part("", windows, MADE_WEIGHT)


def train(parts: list[Part], leave_out: Iterable[str] = ()) -> Array:
    """Return the weights of `NETWORKS` networks, one after the other."""
    kept = [part for part in parts if part.record not in leave_out]
    features = np.concatenate([part.features for part in kept])
    truth = np.concatenate([part.truth for part in kept])
    weight = np.concatenate([part.weight for part in kept])
    fitted = [
        fit(features, truth, weight, epochs=5, decay=0.05, noise=0.3, seed=seed)
        for seed in range(NETWORKS)
    ]
    for weights in fitted:
        weights[-1] += LEAN
    return np.concatenate(fitted)


def left_out(cases: dict[str, list[Case]], parts: list[Part]) -> dict[str, object]:
    """Judge every record by networks that have not seen it."""
    names = [[case.name for case in cases[kind]] for kind in ("afdb", "annotated")]
    folds = max(1, len(names[0]), len(names[1]) // 2 if not names[0] else 0)
    rows: dict[str, list[dict[str, object]]] = {kind: [] for kind in cases}
    for fold in range(folds):
        out = names[0][fold::folds] + names[1][fold::folds]
        networks = train(parts, out)
        for kind, members in cases.items():
            rows[kind] += [
                scored(case, fibrillation(case.intervals[case.used], networks) >= 0.5)
                for case in members
                if case.name in out
            ]
    ordered = {
        kind: sorted(part, key=lambda row: str(row["record"])) for kind, part in rows.items()
    }
    return {
        f"{kind}, record left out": {"records": part, "pooled": pooled(part)}
        for kind, part in ordered.items()
        if part
    }


def _windows(
    intervals: NDArray[np.float64], truth: NDArray[np.bool_], every: int
) -> tuple[Array, NDArray[np.bool_]]:
    at = np.arange(0, len(intervals), every)
    features = np.zeros((len(at), N_FEATURES), np.float32)
    series = padded(intervals)
    describe_all(series, features, every)
    return features, truth[np.minimum(at + 4, len(truth) - 1)]


def _part(record: str, windows: list[tuple[Array, NDArray[np.bool_]]], weight: float) -> Part:
    features = np.concatenate([x for x, _ in windows])
    truth = np.concatenate([y for _, y in windows])
    each = np.full(len(truth), weight * 1000 / len(truth), np.float32)
    return Part(record, features, truth, each)


if __name__ == "__main__":
    main()
