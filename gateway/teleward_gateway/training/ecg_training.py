"""Train the ECG engine: ``python -m teleward_gateway.training.ecg_training --help``.

Everything drawn comes from ``--seed``, so the same recordings give the same weights. The weights
written are trained on all records (`ecg_fit`); the tables printed say how well the same training
does on records left out of it (`ecg_left_out`).
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from teleward_gateway.training import ecg_fit, ecg_left_out


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with mitdb/ and nstdb/")
    parser.add_argument("--out", type=Path, required=True, help="weights to write (.npz)")
    parser.add_argument("--variants", type=int, default=24, help="of each record and round")
    parser.add_argument("--patients", type=int, default=6, help="simulated, of each rhythm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folds", type=int, default=2, help="of the detector; 0: leave it out")
    options = parser.parse_args()
    start, cpu = time.monotonic(), time.process_time()
    material = ecg_fit.load(options.data, options.variants, options.seed, options.patients)
    networks = ecg_fit.train(material)
    weights: dict[str, Any] = networks._asdict()
    del weights["fibrillation"]  # trained elsewhere, in a file of its own
    np.savez(options.out, **weights)
    print(f"wrote {options.out}", flush=True)
    print(ecg_left_out.classes(material, networks), flush=True)
    if options.folds:
        print(ecg_left_out.detection(material, options.folds), flush=True)
    wall, used = time.monotonic() - start, time.process_time() - cpu
    print(f"{wall / 60:.0f} min, {used / 60:.0f} min of processor")


if __name__ == "__main__":
    main()
