"""Every input of the field table gives what is right; a broker that is not installed is named."""

import argparse

from teleward_gateway.bench.field import command


def test_every_field_report_gives_what_is_right_now() -> None:
    result = command.measure(argparse.Namespace())
    text = command.table(result)
    assert [row["number"] for row in result["rows"] if row["holds"] is False] == [], text
    assert {row["number"] for row in result["rows"]} == set(range(1, 16))
    broken = [{**result["rows"][0], "holds": False}]
    assert "1 of 1 rows run, 1 wrong" in command.table({"rows": broken})
