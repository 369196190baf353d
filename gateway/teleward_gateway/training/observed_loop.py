"""The ECG loop as training sees it: the production functions, with what each judgement was given.

The production loop carries nothing for training. Here the same functions are called in the same
order, and after each of them the features that it judged by are copied. A test holds both loops to
the same events.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.bank import EVENT_DTYPE, EventKind, Events
from teleward_signal.banks.slot_bank import EVENTS_PER_SECOND
from teleward_signal.compiled.cache import inner, kernel
from teleward_signal.compiled.records import Floats, Ints
from teleward_signal.ecg.loop import (
    decide,
    end_second,
    is_overdue,
    is_refractory,
    is_ripe,
    search_back,
    take,
)
from teleward_signal.ecg.networks import Networks
from teleward_signal.ecg.state import (
    ECG_STATE,
    N_CLASS,
    N_FEATURES,
    N_LATE,
    N_QUALITY,
    EcgState,
    EcgTiming,
    timing,
)

MOST_ROWS = 20_000
"""Judgements kept of each stage: half an hour has some five thousand candidates."""


class Stage(IntEnum):
    """A judgement of the loop, by the network that makes it."""

    BEAT = 0
    DOUBT = 1
    CLASS = 2
    QUALITY = 3


class Features(NamedTuple):
    """What each stage judged by: one row for each judgement, float32."""

    beat: NDArray[np.float32]
    doubt: NDArray[np.float32]
    classes: NDArray[np.float32]
    quality: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judgements:
    """All judgements over one recording, in order of time within a stage."""

    features: Features
    samples: NDArray[np.int64]
    counts: NDArray[np.int64]

    def of(self, stage: Stage) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the samples, shape (n,), and the features, shape (n, width), of a stage."""
        n = int(self.counts[stage])
        return self.samples[stage, :n], self.features[stage][:n]


BEAT, DOUBT, CLASS, QUALITY = (int(stage) for stage in Stage)


@inner
def note(rows: Floats, samples: Ints, counts: Ints, stage: int, values: Floats, at: int) -> None:
    """Keep a copy of ``values``, judged about sample ``at``, as the next row of a stage."""
    row = counts[stage]
    if row < rows.shape[0]:
        for k in range(rows.shape[1]):
            rows[row, k] = values[k]
        samples[stage, row] = at
        counts[stage] = row + 1


@kernel
def advance_observed(
    s: EcgState,
    t: EcgTiming,
    ecg: Floats,
    networks: Networks,
    features: Features,
    samples: Ints,
    counts: Ints,
    events: Events,
) -> int:
    """Take a whole recording as `loop.advance` does; return the number of events."""
    n_events = 0
    for i in range(ecg.shape[0]):
        if take(s, t, float(ecg[i])):
            while is_ripe(s, t):
                at, is_first, beats = s.queue_at[0], s.queue_p[0] < 0.0, s.beats
                is_dropped = is_refractory(s, t, at)
                n_events = decide(s, t, networks, events, n_events)
                if not is_dropped and is_first:
                    note(features.beat, samples, counts, BEAT, s.features[:], at)
                elif not is_dropped:
                    note(features.doubt, samples, counts, DOUBT, s.features[:], at)
                if s.beats > beats:
                    note(features.classes, samples, counts, CLASS, s.class_features[:], at)
            if is_overdue(s, t):
                beats = s.beats
                n_events = search_back(s, t, networks, events, n_events)
                if s.beats > beats:
                    values = s.class_features[:]
                    note(features.classes, samples, counts, CLASS, values, s.last_at)
        s.n += 1
        if s.n % t.second_n == 0:
            n_events = end_second(s, t, networks, events, n_events)
            note(features.quality, samples, counts, QUALITY, s.quality[:], s.n)
    return n_events


def observe(
    fs: float, ecg: NDArray[np.float64], networks: Networks
) -> tuple[Judgements, NDArray[np.void]]:
    """Run the loop over a recording in mV at ``fs`` Hz; return its judgements and the beats."""
    widths = (N_FEATURES, N_LATE, N_CLASS, N_QUALITY)
    features = Features(*(np.zeros((MOST_ROWS, width), np.float32) for width in widths))
    judged = Judgements(features, np.zeros((4, MOST_ROWS), np.int64), np.zeros(4, np.int64))
    events = np.zeros(64 + int(len(ecg) / fs * EVENTS_PER_SECOND), EVENT_DTYPE)
    state = np.zeros(1, ECG_STATE)
    n_events = advance_observed(
        state[0],
        timing(fs)[0],
        ecg.astype(np.float32),
        networks,
        features,
        judged.samples,
        judged.counts,
        events,
    )
    events = events[:n_events]
    return judged, events[events["kind"] == EventKind.BEAT]
