"""Fit the networks of the ECG engine to annotated recordings.

Begins with nothing: a threshold on the envelope stands in for the networks in the first round. The
detector runs over recordings and their variants (`ecg_augment`), and what it saw of each candidate
is kept (`observed_loop`). The networks are fitted to the truth and the detector runs again, because
what it sees depends on what it decided before. Then the trees that class the beats and the network
that judges quality.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.beat_scoring import pair
from teleward_gateway.training.ecg_augment import Beats, vary
from teleward_gateway.training.ecg_simulated import simulate
from teleward_gateway.training.network_fit import Array, fit, log_odds
from teleward_gateway.training.observed_loop import Stage, observe
from teleward_gateway.training.tree_fit import fit_trees
from teleward_signal.banks.network import H1, H2, n_weights
from teleward_signal.ecg.networks import Networks, load_networks
from teleward_signal.ecg.state import AT_SCALARS, N_FEATURES, N_LATE, N_QUALITY
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record

LABEL_S, ERROR_S = 0.09, 0.15
"""A candidate is a beat when it is the nearest within 90 ms; errors are counted as EC57 does."""
CLASS_MEMBERS = {"V": set("VE"), "S": set("AaJS"), "N": set("NLRej")}
ERRORS_HELD, FLOOR = 0.94, 0.4
"""The quality network is shifted so that this share of errors lies below the floor of quality."""
FEW = 20
"""Ectopic beats of a record count as if there were at least this many."""


@dataclass(frozen=True, slots=True)
class Material:
    """Records to train on, by name, and recorded noise at 360 Hz, shape (n, 2), by name.

    The detector learns from simulated patients too (`ecg_simulated`).
    """

    records: dict[str, tuple[Beats, Beats]]
    simulated: dict[str, tuple[Beats, Beats]]
    noises: dict[str, NDArray[np.float64]]
    variants: int
    seed: int

    def without(self, names: set[str]) -> "Material":
        """Return the same with some records left out."""
        kept = {name: both for name, both in self.records.items() if name not in names}
        return Material(kept, self.simulated, self.noises, self.variants, self.seed)


def load(folder: Path, variants: int, seed: int, patients: int) -> Material:
    """Read both channels of every record of MIT-BIH below a folder, and the recorded noise.

    ``patients`` are simulated for each rhythm.
    """
    noises = {
        name: read_record(folder / "nstdb" / f"{name}.hea").signals for name in ("em", "ma", "bw")
    }
    records = {}
    for header in sorted((folder / "mitdb").glob("*.hea")):
        record = read_record(header)
        samples, symbols = read_annotations(header.with_suffix(".atr")).beats()
        ecg = record.signals - np.median(record.signals, axis=0)
        first, second = (Beats(ecg[:, k], record.fs, samples, symbols) for k in (0, 1))
        records[header.stem] = (first, second)
    return Material(records, simulate(patients, seed), noises, variants, seed)


def train(material: Material) -> Networks:
    """Return all networks but that for fibrillation, which is trained elsewhere."""
    return train_on(material, train_detector(material))


def train_on(material: Material, networks: Networks) -> Networks:
    """Return all networks for a detector, trained already: classes and quality."""
    for round_ in range(2):  # the second sees what the first makes the usual shape of
        parts = list(gather_classes(material, networks, 50 + round_).values())
        networks = networks._replace(ventricular=fit_class(parts, "V"))
        networks = networks._replace(supraventricular=fit_class(parts, "S"))
    x, truth, weight = _gather(Stage.QUALITY, _variants(material, 3, 60), networks)
    quality = fit(x, truth == "1", np.ones_like(weight), epochs=6, decay=1e-4)
    odds = log_odds(quality, x)[truth == "1"]
    quality[-1] -= np.quantile(odds, 1 - ERRORS_HELD) - np.log((1 - FLOOR) / FLOOR)
    return networks._replace(quality=quality)


def train_detector(material: Material) -> Networks:
    """Return networks of which those for beats and for doubtful candidates are trained."""
    networks = first_guess()
    for round_, (count, epochs) in enumerate(((3, 4), (material.variants, 8))):
        for stage in (Stage.BEAT, Stage.DOUBT):
            sources = _variants(material, count, 10 * round_ + stage)
            x, truth, weight = _gather(stage, sources, networks)
            weights = fit(x, truth == "1", weight, epochs=epochs * (1 + stage))
            if stage is Stage.BEAT:
                networks = networks._replace(beat=weights)
            else:
                networks = networks._replace(doubt=weights)
            print(f"round {round_ + 1}: {len(x)} candidates, stage {stage + 1}", flush=True)
    return networks


def first_guess() -> Networks:
    """Return networks to begin with: half the usual envelope is a beat, and of class N."""
    beat, doubt = np.zeros(n_weights(N_FEATURES), np.float32), np.zeros(n_weights(N_LATE))
    for weights, n_in, feature, shift in (
        (beat, N_FEATURES, AT_SCALARS, 3.0),  # log2 of the envelope over that of beats
        (doubt, N_LATE, N_LATE - 8, 6.0),  # log odds by the first network
    ):
        weights[feature * H1] = 1.0
        at = n_in * H1
        weights[at] = shift
        weights[at + H1] = 1.0
        weights[at + H1 + H1 * H2 + H2] = 4.0 if shift == 3.0 else 1.0
        weights[-1] = -8.0 if shift == 3.0 else -6.0
    quality = np.zeros(n_weights(N_QUALITY), np.float32)
    quality[-1] = -3.0
    never = np.array([-5.0], np.float32)
    return Networks(
        beat=beat,
        doubt=doubt.astype(np.float32),
        ventricular=never,
        supraventricular=never,
        quality=quality,
        fibrillation=load_networks().fibrillation,
        shockable=load_networks().shockable,
    )


def fit_class(parts: list[tuple[Array, NDArray[np.str_], Array]], symbol: str) -> Array:
    """Return the trees for a class: features, symbols and weights of any number of recordings.

    Records count by the root of their number of beats; V beats are no counter-examples of S.
    """
    others = [s for s in CLASS_MEMBERS if s != symbol and not (symbol == "S" and s == "V")]
    known = sorted(set().union(*(CLASS_MEMBERS[s] for s in (symbol, *others))))
    features, truths, weights = [], [], []
    for x, symbols, weight in parts:
        member = np.isin(symbols, sorted(CLASS_MEMBERS[symbol]))
        keep = np.isin(symbols, known) & (member | (np.arange(len(x)) % 3 == 0))
        share = np.where(member, max(FEW, member.sum()), max(FEW, (~member).sum()))
        features.append(x[keep])
        truths.append(member[keep])
        weights.append((weight / np.sqrt(share))[keep])
    return fit_trees(
        np.concatenate(features), np.concatenate(truths), np.concatenate(weights).astype(np.float32)
    )


def gather_classes(
    material: Material, networks: Networks, seed: int
) -> dict[tuple[str, int], tuple[Array, NDArray[np.str_], Array]]:
    """Return what the classes are judged by, for each record: 0, 1 its channels, 2, 3 variants.

    Paced records are left out, as EC57 does.
    """
    rng = np.random.default_rng(100 * material.seed + seed)
    parts = {}
    for name, (first, second) in material.records.items():
        if np.mean(first.symbols == "/") > 0.1:
            continue
        varied = [vary(rng, first, material.noises), vary(rng, second, material.noises)]
        for k, (source, weight) in enumerate(
            zip((first, second, *varied), (1.0, 0.7, 0.3, 0.2), strict=True)
        ):
            parts[name, k] = _gather(Stage.CLASS, iter([(source, weight)]), networks)
    return parts


def _variants(material: Material, count: int, seed: int) -> Iterator[tuple[Beats, float]]:
    """Yield each record as it is (weight 3) and in variants of channel 0 (1) and 1 (a half)."""
    rng = np.random.default_rng(100 * material.seed + seed)
    for first, second in (*material.records.values(), *material.simulated.values()):
        yield first, 3.0
        for k in range(count - 1):
            is_first = k == 0 or rng.random() < 0.6
            yield (
                vary(rng, first if is_first else second, material.noises),
                1.0 if is_first else 0.5,
            )


def _gather(
    stage: Stage, sources: Iterator[tuple[Beats, float]], networks: Networks
) -> tuple[Array, NDArray[np.str_], Array]:
    """Return features, truth and weight of everything that one stage judged."""
    features, truths, weights = [], [], []
    for source, weight in sources:
        judged, found = observe(source.fs, source.ecg, networks)
        at, rows = judged.of(stage)
        if stage is Stage.QUALITY:
            truth = _errors(source, at, found["sample"])
        else:
            truth = _matches(source, at, stage is Stage.CLASS)
        features.append(rows.copy())
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
