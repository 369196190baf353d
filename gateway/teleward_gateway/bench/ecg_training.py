"""Train the networks of the ECG engine: ``python -m teleward_gateway.bench.ecg_training --help``.

The detector runs over annotated recordings and their variants (`ecg_augment`) with the networks it
has, keeping what it saw of each candidate (its ``trace``); the networks are fitted to the truth and
the detector runs again, twice, because what it sees depends on what it decided before. Records
given with ``--leave-out`` take no part, which is how held-out figures are made.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.beat_scoring import pair
from teleward_gateway.bench.ecg_augment import Beats, vary
from teleward_gateway.bench.network_fit import Array, fit, log_odds
from teleward_gateway.bench.wfdb_files import read_annotations, read_record
from teleward_signal.bank import EventKind
from teleward_signal.ecg import NETWORKS, EcgBank, Networks, load_networks
from teleward_signal.ecg_state import (
    AT_CONTEXT,
    AT_SCALARS,
    N_CLASS,
    N_FEATURES,
    N_LATE,
    N_QUALITY,
)

TRACE_ROWS = 20000
LABEL_S, ERROR_S = 0.09, 0.15
"""A candidate is a beat when it is the nearest within 90 ms; errors are counted as EC57 does."""
CLASS_MEMBERS = {"V": set("VE"), "S": set("AaJS"), "N": set("NLRej")}
ERRORS_HELD, FLOOR = 0.94, 0.4
"""The quality network is shifted so that this share of errors lies below the floor of quality."""


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with mitdb/ and nstdb/")
    parser.add_argument("--out", type=Path, required=True, help="weights to write (.npz)")
    parser.add_argument("--leave-out", nargs="*", default=[], help="records not to train on")
    parser.add_argument("--variants", type=int, default=8, help="variants of each record")
    options = parser.parse_args()
    noises = {
        name: read_record(options.data / "nstdb" / f"{name}.hea").signals
        for name in ("em", "ma", "bw")
    }
    headers = sorted((options.data / "mitdb").glob("*.hea"))
    kept = [header for header in headers if header.stem not in options.leave_out]
    trained = train(kept, noises, options.variants)
    weights: dict[str, Any] = dict(zip(NETWORKS, trained, strict=True))
    np.savez(options.out, **weights)


def train(headers: list[Path], noises: dict[str, NDArray[np.float64]], variants: int) -> Networks:
    """Return new networks; that for fibrillation is kept, it is trained on intervals."""
    networks = list(load_networks())
    for round_ in range(2):
        for stage in range(2):
            x, truth, weight = _gather(
                stage, variants_of(headers, noises, variants, 10 * round_ + stage), networks
            )
            networks[stage] = fit(x, truth == "1", weight, epochs=8 * (1 + stage * round_))
    x, symbols, weight = _gather(2, variants_of(headers, noises, variants, 50), networks)
    for place, symbol in ((2, "V"), (3, "S")):
        others = [s for s in CLASS_MEMBERS if s != symbol and not (symbol == "S" and s == "V")]
        known = np.isin(
            symbols, sorted(set().union(*(CLASS_MEMBERS[s] for s in (symbol, *others))))
        )
        member = np.isin(symbols[known], sorted(CLASS_MEMBERS[symbol]))
        networks[place] = fit(
            x[known], member, weight[known], epochs=4, decay=0.15, noise=0.5, used=_class_inputs()
        )
    x, truth, weight = _gather(3, variants_of(headers, noises, 3, 60), networks)
    quality = fit(x, truth == "1", np.ones_like(weight), epochs=6, decay=1e-4)
    odds = log_odds(quality, x)[truth == "1"]
    quality[-1] -= np.quantile(odds, 1 - ERRORS_HELD) - np.log((1 - FLOOR) / FLOOR)
    networks[4] = quality
    return tuple(networks)


def variants_of(
    headers: list[Path], noises: dict[str, NDArray[np.float64]], count: int, seed: int
) -> Iterator[tuple[Beats, float]]:
    """Yield each record as it is (weight 3) and in variants of channel 0 (1) and 1 (a half)."""
    rng = np.random.default_rng(seed)
    for header in headers:
        record = read_record(header)
        samples, symbols = read_annotations(header.with_suffix(".atr")).beats()
        for k in range(count):
            channel = 0 if k < 2 or rng.random() < 0.6 else 1
            ecg = record.signals[:, channel] - np.median(record.signals[:, channel])
            source = Beats(ecg, record.fs, samples, symbols)
            if k == 0:
                yield source, 3.0
            else:
                yield vary(rng, source, noises), 1.0 if channel == 0 else 0.5


def _gather(
    stage: int, sources: Iterator[tuple[Beats, float]], networks: list[Array]
) -> tuple[Array, NDArray[np.str_], Array]:
    """Return features, truth and weight of everything that one stage judged."""
    width = (N_FEATURES, N_LATE, N_CLASS, N_QUALITY)[stage]
    features, truths, weights = [], [], []
    for source, weight in sources:
        bank = EcgBank(source.fs, 1, tuple(networks))
        bank.trace = np.zeros((4, TRACE_ROWS, N_CLASS + 2), np.float32)
        bank.process(source.ecg[None].astype(np.float32), np.array([len(source.ecg)], np.int32))
        events = bank.drain()
        found = events[events["kind"] == EventKind.BEAT]["sample"]
        rows = bank.trace[stage, 1 : int(bank.trace[stage, 0, 0]) + 1]
        at = rows[:, N_CLASS].astype(np.int64)
        truth = _errors(source, at, found) if stage == 3 else _matches(source, at, stage == 2)
        features.append(rows[:, :width].copy())
        truths.append(truth)
        weights.append(np.full(len(rows), weight, np.float32))
    return np.concatenate(features), np.concatenate(truths), np.concatenate(weights)


def _matches(source: Beats, at: NDArray[np.int64], symbols: bool) -> NDArray[np.str_]:
    """Return for each candidate the symbol of its beat, or 1 and 0."""
    order = np.argsort(at, kind="stable")
    i, j = pair(source.samples, at[order], int(LABEL_S * source.fs))
    truth = np.full(len(at), "" if symbols else "0", "U1")
    truth[order[j]] = source.symbols[i] if symbols else "1"
    return truth


def _errors(source: Beats, at: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return 1 for each second that ends within two seconds after a mistake."""
    i, j = pair(source.samples, found, int(ERROR_S * source.fs))
    truth = np.full(len(at), "0", "U1")
    for mistake in np.concatenate([np.delete(source.samples, i), np.delete(found, j)]):
        first = np.searchsorted(at, mistake)
        truth[first : first + 2] = "1"
    return truth


def _class_inputs() -> NDArray[np.bool_]:
    """Inputs that say what a beat looks like and when it came, not what the record is like."""
    used = np.ones(N_CLASS, bool)
    used[AT_CONTEXT:AT_SCALARS] = False
    used[[AT_SCALARS + 2, AT_SCALARS + 4]] = False
    return used


if __name__ == "__main__":
    main()
