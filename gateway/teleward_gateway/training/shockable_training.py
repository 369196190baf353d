"""Train the network of shockable rhythms; run as a module, ``--help`` lists the options.

Everything drawn comes from ``--seed``. The weights written are trained on every person; the table
printed says how weights do on people who were left out of their training.
"""

import argparse
from pathlib import Path

import numpy as np

from teleward_gateway.bench.accuracy import shockable
from teleward_gateway.training.shockable_examples import Examples
from teleward_gateway.training.shockable_fit import fit
from teleward_gateway.training.shockable_recordings import Lead, Samples, folds, load, person_of
from teleward_signal.ecg.networks import Networks, load_networks


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with vfdb, cudb, mitdb ..."
    )
    parser.add_argument("--out", type=Path, required=True, help="weights to write (.npz)")
    parser.add_argument("--steps", type=int, default=1500, help="batches of 96 stretches")
    parser.add_argument("--fold-steps", type=int, default=900, help="the same, people left out")
    parser.add_argument("--folds", type=int, default=4, help="0: print no figures")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    leads, noises = load(options.data)
    rng = np.random.default_rng(options.seed)
    weights = fit(Examples(leads, noises, rng), options.steps, options.seed, "all")
    np.savez_compressed(options.out, shockable=weights)
    print(f"wrote {options.out}", flush=True)
    if options.folds:
        print(left_out(options, leads, noises), flush=True)


def left_out(options: argparse.Namespace, leads: list[Lead], noises: dict[str, Samples]) -> str:
    """Return the table of weights that have not seen the person they are tried on."""
    fold_of = folds(leads, options.folds)
    shipped = load_networks()
    fitted: dict[int, Networks] = {}
    for fold in range(options.folds):
        others = [lead for lead in leads if fold_of[lead.person] != fold]
        rng = np.random.default_rng(options.seed)
        weights = fit(Examples(others, noises, rng), options.fold_steps, options.seed, str(fold))
        fitted[fold] = shipped._replace(shockable=weights)

    def networks_of(case: shockable.Case) -> Networks:
        return fitted[fold_of[person_of(case.record)]]

    found = shockable.rows(options.data, networks_of)
    assert found is not None
    return "people left out\n" + shockable.table(found)


if __name__ == "__main__":
    main()
