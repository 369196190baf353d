"""Our own detectors find in the waves what the scheduler put there."""

import numpy as np
import pytest

from teleward_drivers.light_sensors import SENSORS
from teleward_signal.engine.engine import Engine
from teleward_signal.model import Annotation, Measurement
from teleward_signal.spo2.watch import Oximetry
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.rhythms.table import RHYTHMS
from teleward_simulators.sensors.sensed import SensedPatient

SECONDS = 90
START_S = 10.0
"""A detector may learn for ten seconds."""
CLEAN = [name for name, rhythm in RHYTHMS.items() if rhythm.train != "none" and name != "agonal"]
HARD = {"torsades": 0.60}
"""Its amplitude swells and fades: the detector honestly loses every third beat (65 % found)."""


def detected(metric: str, fs: float, samples: np.ndarray) -> list[float]:
    """Return the times of beats that the engine finds, in s."""
    engine = Engine()
    handle = engine.open_stream("p", metric, fs)
    times: list[float] = []
    block = int(fs / 2)
    for first in range(0, len(samples), block):
        part = samples[first : first + block]
        engine.push(handle, int(first / fs * 1e9), part)
        for _, message in engine.process(int((first + len(part)) / fs * 1e9)):
            if isinstance(message, Annotation) and message.symbol in "NVSQ":
                times.append(message.time_ns / 1e9)
    return times


def matched(truth: list[float], found: list[float], within_s: float = 0.10) -> tuple[float, float]:
    """Return sensitivity and positive predictivity."""
    truth_a, found_a = np.array(truth), np.array(found)
    hits = sum(bool(np.any(np.abs(found_a - t) <= within_s)) for t in truth_a)
    real = sum(bool(np.any(np.abs(truth_a - t) <= within_s)) for t in found_a)
    return hits / max(1, len(truth)), real / max(1, len(found))


@pytest.mark.parametrize("rhythm", CLEAN)
def test_r_peaks_are_found(rhythm: str) -> None:
    patient = PhysiologyPatient(seed=11, rhythm=rhythm)
    samples = patient.waveform("ecg_ii", 250.0, 0, SECONDS * 250)
    truth = patient.beats(START_S, SECONDS - 2.0)
    found = [t for t in detected("ecg_ii", 250.0, samples) if START_S <= t < SECONDS - 2.0]
    # beats at the very edges of the window may be marked on either side of it
    sensitivity = matched(truth[1:-1], found)[0]
    predictivity = matched(truth, found[1:-1])[1]
    floor = HARD.get(rhythm, 0.995)
    assert sensitivity >= floor, (rhythm, sensitivity, predictivity, len(truth))
    assert predictivity >= 0.995, (rhythm, sensitivity, predictivity, len(found))


@pytest.mark.parametrize("rhythm", ["sinus", "af", "lbbb", "vt", "paced", "pvc"])
def test_r_peaks_are_found_at_twenty_decibel(rhythm: str) -> None:
    """White noise of a hundredth of the power of the trace: at least 95 % both ways."""
    patient = PhysiologyPatient(seed=11, rhythm=rhythm)
    samples = patient.waveform("ecg_ii", 250.0, 0, SECONDS * 250)
    noise = np.random.default_rng(5).normal(0.0, 0.1 * float(samples.std()), len(samples))
    truth = patient.beats(START_S, SECONDS - 2.0)
    found = detected("ecg_ii", 250.0, samples + noise.astype(np.float32))
    found = [t for t in found if START_S <= t < SECONDS - 2.0]
    assert matched(truth[1:-1], found)[0] >= 0.95
    assert matched(truth, found[1:-1])[1] >= 0.95


@pytest.mark.parametrize("shunt", [0.0, 0.15, 0.3, 0.42])
def test_saturation_from_the_light_alone(shunt: float) -> None:
    """Two estimators that know no truth: our own watch, and swings of windows by least squares."""
    patient = PhysiologyPatient(seed=11)
    patient.order(Order(0, "knob", {"name": "shunt", "to": shunt}))
    patient.live(300.0)
    sensed = SensedPatient(patient)
    first, count = 270 * 125, 30 * 125
    red, infrared = (sensed.waveform(m, 125.0, first, count) for m in ("ppg_red", "ppg_infrared"))
    curve = SENSORS["max30102"]
    truth = float(np.mean([patient.numeric("spo2", t) or 0.0 for t in range(275, 300)]))
    assert abs((curve.spo2(swing_ratio(red, infrared)) or 0.0) - truth) <= 2.0
    watch = Oximetry()
    values = []
    for first in range(0, len(red), 125):
        for metric, samples in (("ppg_red", red), ("ppg_infrared", infrared)):
            part = samples[first : first + 125]
            watch.push("p", metric, 125.0, round(first / 125 * 1e9), part, 0, curve)
        values += [message.value for _, message in watch.tick() if message.value is not None]
    assert values
    assert abs(float(np.median(values)) - truth) <= 2.0


def swing_ratio(red: np.ndarray, infrared: np.ndarray) -> float:
    """Return R: how much of its level red swings for what infrared swings of its own."""
    shares = [np.diff(light.astype(float)) / light.mean() for light in (red, infrared)]
    smooth = [np.convolve(share, np.ones(9) / 9, "valid") for share in shares]
    return float(smooth[0] @ smooth[1] / (smooth[1] @ smooth[1]))


def test_pulse_rate_from_the_wave_alone() -> None:
    patient = PhysiologyPatient(seed=11)
    samples = patient.waveform("pleth", 125.0, 0, 70 * 125)
    engine = Engine()
    handle = engine.open_stream("p", "pleth", 125.0)
    engine.push(handle, 0, samples)
    rates = [
        message.value
        for _, message in engine.process(int(70e9))
        if isinstance(message, Measurement) and message.metric == "pulse_rate" and message.value
    ]
    beats = patient.beats(10.0, 70.0)
    true = 60.0 * (len(beats) - 1) / (beats[-1] - beats[0])
    assert abs(float(np.mean(rates[10:])) - true) < 2.0


def test_the_capnogram_ranks_narrow_airways() -> None:
    """The share of the rise done a quarter into expiration falls as airways narrow."""
    shares = []
    for bronch in (0.0, 0.35, 0.7):
        patient = PhysiologyPatient(seed=4)
        patient.order(Order(0, "knob", {"name": "bronch", "to": bronch}))
        wave = patient.waveform("capnogram", 50.0, 60 * 50, 20 * 50)
        start, inspiration, whole, *_ = next(b for b in patient.traces.breaths if b[0] > 61.0)
        quarter = start + inspiration + 0.25 * (whole - inspiration)
        end = start + whole - 0.05
        shares.append(wave[int(quarter * 50) - 3000] / wave[int(end * 50) - 3000])
    assert shares[0] > shares[1] > shares[2]
