"""Creighton University database: one lead a record in MATLAB files, fibrillation by five seconds.

``cuNNm.mat`` holds ``val``, 250 Hz, 400 units a mV, -32768 where a sample is missing;
``labels.csv`` marks each five seconds of a record as ventricular fibrillation or not.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FS, PER_MV, INVALID, LABEL_S = 250.0, 400.0, -32768, 5.0


@dataclass(frozen=True, slots=True)
class CudbRecord:
    """``samples`` in mV with NaN where missing; ``fibrillation`` of the same length."""

    name: str
    fs: float
    samples: NDArray[np.float64]
    fibrillation: NDArray[np.bool_]


def read_cudb(folder: Path) -> Iterator[CudbRecord]:
    """Yield the records in ``folder``, none where it has no labels."""
    labels = folder / "labels.csv"
    if not labels.exists():
        return
    from scipy.io import loadmat  # a benchmark's library, not the gateway's

    marked: dict[str, list[int]] = {}
    with labels.open(newline="") as file:
        for row in list(csv.reader(file))[1:]:
            marked.setdefault(row[0], []).append(int(row[2]))
    for path in sorted(folder.glob("cu??m.mat")):
        name = path.name[:4]
        raw = loadmat(path)["val"][0].astype(np.float64)
        raw[raw <= INVALID] = np.nan
        each = np.array(marked[name])
        at = np.minimum((np.arange(len(raw)) / FS / LABEL_S).astype(int), len(each) - 1)
        yield CudbRecord(name, FS, raw / PER_MV, each[at] == 1)
