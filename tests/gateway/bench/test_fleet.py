"""The fleet benchmark runs against real servers and loses nothing."""

import argparse

from teleward_gateway.bench import fleet


def test_a_short_run() -> None:
    parser = argparse.ArgumentParser()
    fleet.add_arguments(parser)
    options = ("--gateways", "2", "--collectors", "1", "--seconds", "3", "--no-kills")
    result = fleet.measure(parser.parse_args(options))
    assert result["records"] >= 2 * 2 * 48
    assert result["confirmed"] == result["records"] == result["stored"]
    assert (result["lost"], result["doubled"], result["unconfirmed"]) == (0, 0, 0)
    assert result["us_per_message"] > 0
    assert "lost 0, doubled 0" in fleet.table(result)
