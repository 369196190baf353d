"""A healthy heart varies with breathing, pressure waves and drift, less so with age."""

import numpy as np
import pytest

from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.physiology.person import Person
from teleward_simulators.rhythms.sway import breath_share

MINUTES_5 = 300.0


def intervals(age: float, sex: str = "F", seed: int = 3, acts: tuple[str, ...] = ()) -> np.ndarray:
    """Return the RR intervals of five minutes in ms."""
    patient = PhysiologyPatient(Person(age=age, sex=sex, hr0=68), seed)
    for act in acts:
        patient.order(Order(0, "act", {"name": act, "dose": "3 mg"}))
    return 1e3 * np.diff(patient.beats(20.0, 20.0 + MINUTES_5))


def rmssd(rr: np.ndarray) -> float:
    """Return the root of the mean squared difference of neighbours."""
    return float(np.sqrt(np.mean(np.diff(rr) ** 2)))


@pytest.mark.parametrize(
    "age, sdnn, quick",
    [(30, (38, 66), (30, 56)), (50, (28, 48), (19, 36)), (70, (20, 36), (13, 27))],
)
def test_size_is_that_of_the_age(
    age: float, sdnn: tuple[float, float], quick: tuple[float, float]
) -> None:
    people = [intervals(age, "FM"[seed % 2], seed) for seed in range(6)]
    assert sdnn[0] < np.mean([rr.std() for rr in people]) < sdnn[1]
    assert quick[0] < np.mean([rmssd(rr) for rr in people]) < quick[1]


def test_sexes_differ_until_their_fifties() -> None:
    assert rmssd(intervals(28, "F")) > 1.05 * rmssd(intervals(28, "M"))
    assert rmssd(intervals(70, "F")) == pytest.approx(rmssd(intervals(70, "M")))


def test_intervals_shorten_in_inspiration() -> None:
    patient = PhysiologyPatient(Person(age=25), seed=3)
    beats = np.array(patient.beats(20.0, 110.0))
    breaths = np.array([b[:3] for b in patient.traces.breaths])
    which = np.searchsorted(breaths[:, 0], beats[:-1]) - 1
    phase = (beats[:-1] - breaths[which, 0]) / breaths[which, 2]
    rr = np.diff(beats)
    assert (
        rr[(phase > 0.1) & (phase < 0.4)].mean() < 0.96 * rr[(phase > 0.6) & (phase < 0.9)].mean()
    )


def test_atropine_and_a_fast_heart_vary_little() -> None:
    rest, blocked = intervals(30), intervals(30, acts=("atropine",))
    assert rmssd(blocked) < 0.5 * rmssd(rest)


def test_variation_has_a_slow_and_a_ten_second_part() -> None:
    """Power below 0.04 Hz, about 0.1 Hz and at the breath are all there."""
    patient = PhysiologyPatient(Person(age=30), seed=3)
    beats = np.array(patient.beats(20.0, 320.0))
    even = np.interp(np.arange(21.0, 319.0, 0.5), beats[1:], np.diff(beats))
    power = np.abs(np.fft.rfft(even - even.mean())) ** 2
    hz = np.fft.rfftfreq(len(even), 0.5)
    bands = ((0.0, 0.04), (0.08, 0.12), (0.15, 0.4))
    shares = [power[(hz > low) & (hz < high)].sum() / power.sum() for low, high in bands]
    assert min(shares) > 0.12


def test_breaths_vary_at_rest_and_hardly_when_they_labour() -> None:
    quiet = np.std([breath_share(1, n, 14.0) for n in range(300)])
    labour = np.std([breath_share(1, n, 34.0) for n in range(300)])
    assert 0.09 < quiet < 0.15
    assert labour < 0.05
    assert breath_share(1, 200, 14.0) == breath_share(1, 200, 14.0)


def test_the_pulse_rises_faster_in_the_young() -> None:
    def rise(age: float) -> float:
        """Return the mean time from foot to peak in s."""
        patient = PhysiologyPatient(Person(age=age), seed=1)
        wave = patient.waveform("pleth", 500.0, 5 * 500, 20 * 500)
        feet = [t for t in patient.traces.felt if 6.0 < t < 23.0]
        peaks = [np.argmax(wave[int((t - 5) * 500) : int((t - 4.6) * 500)]) / 500 for t in feet]
        return float(np.mean(peaks))

    assert 0.09 < rise(25) < rise(45) < rise(75) < 0.24
