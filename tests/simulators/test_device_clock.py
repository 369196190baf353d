"""What a simulated converter does to a wave: its range fits the metric, and clipping is counted."""

import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_simulators.device_clock import SampleStream


class Wave:
    """A source with one wave that goes from ``low`` to ``high``."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def metrics(self) -> frozenset[str]:
        return frozenset({"arterial_pressure"})

    def numeric(self, metric: str, time_s: float) -> float | None:
        return None

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        return np.linspace(self._low, self._high, count).astype(np.float32)

    def beats(self, start_s: float, end_s: float) -> list[float]:
        return []


@pytest.mark.parametrize(
    "metric, low, high",
    [
        ("arterial_pressure", 40, 260),
        ("capnogram", 0, 120),
        ("ecg_ii", -15, 15),
        ("acceleration_x", -160, 160),
        ("pleth", 0, 1),
    ],
)
def test_what_a_living_person_shows_is_never_clipped(metric: str, low: float, high: float) -> None:
    stream = SampleStream(Wave(low, high), metric, 125.0)
    stream.restart(0.0)
    ((_, counts),) = stream.due(1.0)
    sent = counts * stream.scale
    assert sent.min() == pytest.approx(low, abs=0.02 * (high - low))
    assert sent.max() == pytest.approx(high, abs=0.02 * (high - low))
    assert stream.n_clipped == 0


def test_clipping_is_counted_and_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    stream = SampleStream(Wave(0, 700), "arterial_pressure", 100.0)
    stream.restart(0.0)
    with caplog.at_level(logging.WARNING):
        stream.due(1.0)
        stream.due(2.0)
    assert stream.n_clipped == pytest.approx(100, abs=4)
    assert [r.message for r in caplog.records] == [
        "simulated arterial_pressure goes beyond +-350 and is clipped there"
    ]
