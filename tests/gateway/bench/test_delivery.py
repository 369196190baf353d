"""The delivery benchmark runs against real servers and prints what it promises."""

import argparse

from teleward_gateway.bench import delivery


def test_a_short_run() -> None:
    parser = argparse.ArgumentParser()
    delivery.add_arguments(parser)
    options = ("--messages", "80", "--points", "400", "--rounds", "1", "--backlog-hours", "0.01")
    result = delivery.measure(parser.parse_args(options))
    assert result["mqtt_vs_paho"] > 0
    assert result["influx_vs_raw"] > 0
    assert result["waveform_samples_per_s"] > 0
    assert result["backlog"]["messages"] == 288
    shown = delivery.table(result)
    assert "bare paho" in shown
    assert "extrapolated" in shown
