"""Twelve leads look as a reader expects: progression, blocks, fibrillation, infarcts, pacing."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.waveforms import atlas
from teleward_simulators.waveforms.leads import LEAD_NAMES, MATRIX

FS = 500


def strip(rhythm: str, seed: int = 3) -> NDArray[np.float64]:
    """Return ten seconds of twelve leads in mV, without their mean."""
    leads = PhysiologyPatient(seed=seed, rhythm=rhythm).leads(MATRIX, FS, 20 * FS, 10 * FS)
    return np.asarray(leads - leads.mean(axis=1, keepdims=True), dtype=float)


def beat(rhythm: str) -> dict[str, NDArray[np.float64]]:
    """Return the median QRS of every lead, from 100 ms before to 160 ms after R."""
    patient = PhysiologyPatient(seed=3, rhythm=rhythm)
    leads = patient.leads(MATRIX, FS, 20 * FS, 10 * FS)
    beats = [b - 20.0 for b in patient.beats(20.5, 29.5)]
    cut = np.median([leads[:, int(b * FS) - 50 : int(b * FS) + 80] for b in beats], axis=0)
    cut -= cut[:, :8].mean(axis=1, keepdims=True)
    return dict(zip(LEAD_NAMES, cut, strict=True))


def test_r_grows_across_the_chest() -> None:
    normal = beat("sinus")
    assert 0.4 <= normal["ecg_v3"].max() <= 1.2
    assert normal["ecg_v4"].max() > -normal["ecg_v4"].min()
    assert -normal["ecg_v1"].min() > normal["ecg_v1"].max()
    assert normal["ecg_v6"].max() < normal["ecg_v4"].max()


@pytest.mark.parametrize("rhythm", ["sinus", "lbbb", "rbbb", "paced", "complete_block", "vt"])
def test_every_lead_shows_a_qrs(rhythm: str) -> None:
    swings = {name: float(np.ptp(wave)) for name, wave in beat(rhythm).items()}
    assert sum(swing < 0.3 for swing in swings.values()) <= 1, swings


def test_left_block_has_st_against_its_qrs() -> None:
    blocked = beat("lbbb")
    assert blocked["ecg_v2"].min() < -1.5
    assert blocked["ecg_v2"][-10:].mean() > 0.08
    assert blocked["ecg_v6"][-10:].mean() < -0.05


def test_fibrillation_has_more_than_one_direction() -> None:
    for seed in (1, 2, 3, 4):
        leads = strip("vf", seed)
        spectrum = np.linalg.svd(leads, compute_uv=False) ** 2
        assert spectrum[0] / spectrum.sum() <= 0.75
        spread = leads.std(axis=1)
        assert spread.max() / spread.min() < 2.5
        power = np.abs(np.fft.rfft(leads[1])) ** 2
        peak = float(np.fft.rfftfreq(leads.shape[1], 1 / FS)[power.argmax()])
        assert 3.0 <= peak <= 8.0


def test_two_tachycardias_with_captured_beats() -> None:
    signs = {bool(strip("vt", seed)[LEAD_NAMES.index("ecg_v1")].max() > 0.7) for seed in range(8)}
    assert signs == {True, False}, "one like left, one like right bundle branch block"
    patient = PhysiologyPatient(seed=3, rhythm="vt")
    patient.live(120.0)
    forms = {patient.scheduler._ventricular()}
    for cycle in range(400):
        patient.scheduler.state.cycle = cycle
        forms.add(patient.scheduler._ventricular())
    assert {"normal", "fusion"} < forms


@pytest.mark.parametrize("fs", [500.0, 250.0, 130.0, 125.0])
def test_the_pacing_marker_is_as_high_at_every_rate(fs: float) -> None:
    patient = PhysiologyPatient(seed=3, rhythm="paced")
    wave = patient.waveform("ecg_ii", fs, int(20 * fs), int(10 * fs))
    heights = []
    for peak in patient.beats(20.5, 29.5):
        at = round((peak - 0.070) * fs) - int(20 * fs)
        heights.append(float(wave[at] - 0.5 * (wave[at - 1] + wave[at + 1])))
    assert min(heights) > 0.8
    assert max(heights) < 1.2


def test_an_anterior_infarct_evolves() -> None:
    pages = {page.name: page for page in atlas.PAGES}
    early, late = (
        atlas.leads_of(atlas.patient_of(pages[name])) for name in ("anterior-5-min", "anterior-6-h")
    )
    row = LEAD_NAMES.index("ecg_v3")
    assert late[row].max() < early[row].max(), "R is lost"
    assert early[LEAD_NAMES.index("ecg_iii")].min() < -0.05


def test_a_page_and_its_figures(tmp_path: Path) -> None:
    page = atlas.PAGES[0]
    patient = atlas.patient_of(page)
    leads = atlas.leads_of(patient)
    assert atlas.figures(patient, leads)["beats"].isdigit()
    drawn = atlas.svg(page.title, leads)
    assert drawn.count("<polyline") == 13
    assert "(simulated)" in drawn
    assert ">aVL<" in drawn
    assert len(atlas.PAGES) >= 31
    with pytest.raises(SystemExit, match="no page nonsense; pages are sinus,"):
        atlas.main([str(tmp_path), "nonsense"])
