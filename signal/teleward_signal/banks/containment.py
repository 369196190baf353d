"""Advance a bank so that a slot that fails takes no other slot with it.

A kernel takes the slots in order and counts each sample (``n`` of its state). After an exception
those counts show who is complete, who was in the middle and who was not reached. Slots that were
not reached are advanced one by one, so each gives what it would have given alone.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int32]
Samples = NDArray[np.float32]


def process_each(
    process: Callable[..., None],
    taken: Callable[[], NDArray[np.int64]],
    counts: Counts,
    *samples: Samples,
) -> dict[int, Exception]:
    """Call ``process(*samples, counts)`` and return the slots that failed, with the error.

    ``samples`` have shape (n_slots, n_max); ``taken`` returns the samples each slot has seen.
    """
    before = taken()
    try:
        process(*samples, counts)
    except Exception as error:
        return _one_by_one(process, taken, before, error, counts, samples)
    return {}


def _one_by_one(
    process: Callable[..., None],
    taken: Callable[[], NDArray[np.int64]],
    before: NDArray[np.int64],
    error: Exception,
    counts: Counts,
    samples: tuple[Samples, ...],
) -> dict[int, Exception]:
    """Advance the slots that the failed call did not reach; see `process_each`."""
    seen = taken() - before
    reached = np.flatnonzero(seen)
    failed = {int(slot): error for slot in reached if seen[slot] < counts[slot]}
    blames_next = False
    for number, slot in enumerate(np.flatnonzero((seen == 0) & (counts > 0))):
        alone = np.zeros_like(counts)
        alone[slot] = counts[slot]
        rows = [np.zeros_like(block) for block in samples]
        for row, block in zip(rows, samples, strict=True):
            row[slot] = block[slot]
        try:
            process(*rows, alone)
        except Exception as own:
            failed[int(slot)] = own
            blames_next |= number == 0 and taken()[slot] == before[slot]
    if len(reached) and reached[-1] not in failed and not blames_next:
        # complete by its count: it raised at its very last sample
        failed[int(reached[-1])] = error
    return failed
