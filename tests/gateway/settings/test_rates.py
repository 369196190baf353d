"""A rate that no analysis can take is named by `config check`, and refuses no start."""

import argparse
from pathlib import Path

import pytest

from teleward_gateway.commands import config
from teleward_gateway.settings.load import load

SKETCH = """
[gateway]
mode = "field"
[[subjects]]
id = "anna"
[[devices]]
id = "sketch"
driver = "text"
port = "/dev/ttyUSB0"
subject = "anna"
[devices.options]
rate = {rate}
columns = [{{metric = "{metric}"}}, {{metric = "heart_rate"}}]
"""


def check(tmp_path: Path, rate: float, metric: str) -> int:
    path = tmp_path / "ward.toml"
    path.write_text(SKETCH.format(rate=rate, metric=metric))
    assert load(path).devices
    return config.run(argparse.Namespace(action="check", file=path))


@pytest.mark.parametrize(
    ("rate", "metric"), [(50.0, "ecg_ii"), (20.0, "pleth"), (20.0, "ppg_red"), (5.0, "respiration")]
)
def test_a_rate_that_is_too_low_is_named(
    tmp_path: Path, rate: float, metric: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, rate, metric) == 1
    shown = capsys.readouterr().err
    key = "ward.toml:12: devices[0].options.rate"
    assert f"{key}: {metric} has {rate:g} samples a second" in shown


@pytest.mark.parametrize(("rate", "metric"), [(100.0, "ecg_ii"), (25.0, "pleth"), (1.0, "spo2")])
def test_other_rates_are_correct(tmp_path: Path, rate: float, metric: str) -> None:
    assert check(tmp_path, rate, metric) == 0
