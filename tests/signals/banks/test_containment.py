"""A slot whose kernel raises takes no other slot with it, wherever the exception came."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from teleward_signal.banks.containment import process_each

POISON = 666.0


class Summing:
    """A bank as small as can be: slots in order, each sample counted, then added."""

    def __init__(self, n_slots: int) -> None:
        self.n = np.zeros(n_slots, np.int64)
        self.sums = np.zeros(n_slots)

    def taken(self) -> NDArray[np.int64]:
        return self.n.copy()

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        for slot, count in enumerate(counts):
            for value in samples[slot, :count]:
                self.n[slot] += 1
                if value == POISON:
                    raise ZeroDivisionError(f"slot {slot}")
                self.sums[slot] += value


class Checking(Summing):
    """A bank that looks at all rows before it begins."""

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        if (samples == POISON).any():
            raise IndexError("no such row")
        super().process(samples, counts)


@pytest.mark.parametrize("make", [Summing, Checking])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_others_give_what_they_would_give_alone(make: Any, data: st.DataObject) -> None:
    n_slots = data.draw(st.integers(1, 6))
    width = data.draw(st.integers(1, 5))
    drawn = data.draw(st.lists(st.integers(0, width), min_size=n_slots, max_size=n_slots))
    counts = np.array(drawn)
    samples = np.arange(n_slots * width, dtype=np.float32).reshape(n_slots, width)
    bad = data.draw(st.sets(st.integers(0, n_slots - 1)))
    bad = {slot for slot in bad if counts[slot]}
    for slot in bad:
        samples[slot, data.draw(st.integers(0, int(counts[slot]) - 1))] = POISON
    bank = make(n_slots)
    failed = process_each(bank.process, bank.taken, counts.astype(np.int32), samples)
    assert set(failed) == bad
    for slot in set(range(n_slots)) - bad:
        assert bank.n[slot] == counts[slot]
        assert bank.sums[slot] == samples[slot, : counts[slot]].sum()
