"""No confident wrong number: a lean part of the sweep that ``teleward bench accuracy`` prints."""

import numpy as np
import pytest

from teleward_gateway.bench.accuracy.sweep import (
    WRONG,
    breath_cells,
    drawn,
    ecg_cells,
    measure,
    pacing_cells,
    pulse_cells,
    table,
    verdicts,
)
from teleward_gateway.bench.accuracy.sweep_random import heart_draws, pacing_draws, quiet_draws
from teleward_gateway.bench.accuracy.sweep_signals import Cell, beat_times, ecg, noise, pacing

FS = 125.0


def wrong(cells: list[Cell]) -> list[tuple[str, str, str]]:
    found = verdicts(cells)
    return [
        (row, column, verdict)
        for row, columns in found.items()
        for column, verdict in columns.items()
        if verdict.startswith(WRONG)
    ]


def test_heart_rates_from_20_to_350_are_right_or_withheld() -> None:
    cells = list(ecg_cells(FS, ("narrow", "tall T", "wide"), (20, 60, 150, 200, 250, 310, 350)))
    assert wrong(cells) == []
    found = verdicts([cell for cell in cells if cell.row.startswith("narrow, 10 uV")])
    assert [found[row][rate] for row in found for rate in ("20", "60", "150", "250")] == ["."] * 4


def test_a_third_of_a_fast_rate_is_withheld_however_long_it_comes_evenly() -> None:
    cells = list(ecg_cells(250.0, ("tall T",), (310, 320), seconds=120.0))
    assert wrong(cells) == []


@pytest.mark.parametrize(("fs", "shape", "rate"), [(1000.0, "wide", 25), (128.0, "low", 20)])
def test_beats_made_up_by_noise_leave_the_rate_with_it(fs: float, shape: str, rate: int) -> None:
    seconds = 60.0
    x = ecg(shape, beat_times(rate, seconds, 0.01, rate), fs, seconds)
    x += noise(len(x), 0.06, rate)
    assert wrong([Cell("slow", str(rate), "ecg_ii", fs, rate, x.astype(np.float32))]) == []


def test_pulse_rates_of_infants_are_shown_and_none_is_halved() -> None:
    cells = list(pulse_cells(60.0, (60, 120, 180, 200, 250, 310, 350)))
    assert wrong(cells) == []
    found = verdicts(cells)
    assert all(columns[rate] == "." for columns in found.values() for rate in ("60", "200", "310"))


def test_slow_breathing_is_shown_and_fast_breathing_is_not_halved() -> None:
    cells = list(breath_cells(25.0, (4, 6, 12, 40, 70, 100)))
    assert wrong(cells) == []
    found = verdicts(cells)
    assert found["noise 1%, heart 0%"]["6"] == "."


@pytest.mark.parametrize("fs", [FS, 200.0, 500.0])
def test_pacing_without_capture_shows_no_rate_and_is_asystole(fs: float) -> None:
    cells = list(pacing_cells(fs, (0.5, 1, 20)))
    assert wrong(cells) == []
    spiky = [k for k, cell in enumerate(cells) if cell.row.startswith("no capture")]
    measured = measure(cells)
    assert all("asystole" in measured[k][1] for k in spiky)


def test_failure_to_capture_shows_the_escape_rhythm() -> None:
    seconds = 45.0
    escape = beat_times(35, seconds, 0.02, 3)
    x = ecg("wide", escape, FS, seconds)
    x += pacing(beat_times(70, seconds, 0.0, 1), FS, seconds, 4.0, 0.0)
    x += noise(len(x), 0.01, 4)
    cell = Cell("escape", "35", "ecg_ii", FS, 35, x.astype(np.float32))
    assert verdicts([cell]) == {"escape": {"35": "."}}


def test_signals_without_a_beat_and_hearts_drawn_at_random_are_never_wrong() -> None:
    for cells in (quiet_draws(45, 5), heart_draws(36, 5)):
        found = drawn(cells)
        assert [v for row in found.values() for v in row.values() if v.startswith(WRONG)] == []


def test_pacing_drawn_at_random_is_withheld_where_it_may_be_wrong() -> None:
    """Pulses that the front end hides look like small beats; of the others none is counted."""
    found = drawn(pacing_draws(60, 5))
    count = [v[0] for row in found.values() for v in row.values()]
    assert count.count(WRONG) <= 6
    assert [*found["capture"].values()].count(".") >= 10


def test_the_map_counts_its_cells() -> None:
    text = table({"part": {"row": {"60": ".", "70": "W35", "80": "-"}}})
    assert "1 right, 1 withheld, 1 wrong" in text
    assert "W35" in text
