"""What sessions log while nothing works: one line a cause, then one an hour."""

import logging

import pytest

from teleward_drivers.errors import DeviceNotFound, LinkLost, LinkUnavailable, Unavailable
from teleward_gateway.process.log_limit import HOUR_S, LineLimit
from teleward_gateway.sessions.session_log import SessionLog
from teleward_gateway.sessions.states import State

HOURS = 10


class Ward:
    """Logs of eight devices under a clock that is stepped."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self.now_s, self._caplog = 0.0, caplog
        limit = LineLimit(now_s=lambda: self.now_s)
        self.logs = [SessionLog(f"ox{k}", limit) for k in range(8)]

    def lines(self) -> list[str]:
        found = [record.getMessage() for record in self._caplog.records]
        self._caplog.clear()
        return found


@pytest.fixture
def ward(caplog: pytest.LogCaptureFixture) -> Ward:
    return Ward(caplog)


def test_a_radio_that_is_away_is_one_line_for_all_devices_and_one_an_hour(ward: Ward) -> None:
    error = LinkUnavailable("scan on bluez: no Bluetooth adapter", Unavailable.NO_ADAPTER)
    while ward.now_s < HOURS * HOUR_S:
        for log in ward.logs:
            log.moved(State.SEARCHING, "")
            log.moved(State.BACKING_OFF, str(error), error)
        ward.now_s += 30.0
    lines = ward.lines()
    assert len(lines) == HOURS
    assert "no Bluetooth adapter" in lines[0]
    assert f"{120 * 8 - 1} more times" in lines[1]


@pytest.mark.parametrize("error", [DeviceNotFound, LinkLost])
def test_a_device_that_is_away_is_one_line_an_hour_whatever_number_it_names(
    ward: Ward, error: type[Exception]
) -> None:
    while ward.now_s < HOURS * HOUR_S:
        for k, log in enumerate(ward.logs):
            found = error(f"/dev/ttyUSB{k}: silent for {ward.now_s % 7:.1f} s")
            log.moved(State.BACKING_OFF, str(found), None)
        ward.now_s += 30.0
    lines = ward.lines()
    assert len(lines) == HOURS * len(ward.logs)
    assert lines[0].startswith("ox0: backing_off (/dev/ttyUSB0: silent for")


def test_a_link_that_comes_and_goes_is_two_lines_an_hour(ward: Ward) -> None:
    log = ward.logs[0]
    while ward.now_s < HOURS * HOUR_S:
        log.moved(State.STREAMING, "")
        log.moved(State.STALLED, "silent for 11 s")
        log.moved(State.BACKING_OFF, "silent for 11 s")
        ward.now_s += 15.0
    lines = ward.lines()
    assert lines[:3] == ["ox0: streaming", "ox0: stalled (silent for 11 s)", "ox0: streaming"]
    assert len(lines) == 1 + 2 * HOURS


def test_another_cause_is_written_at_once(ward: Ward) -> None:
    log = ward.logs[0]
    log.moved(State.STREAMING, "")
    for reason in ("port in use", "no permission", "port in use"):
        log.moved(State.REFUSED, reason)
    log.moved(State.STREAMING, "")
    assert ward.lines() == [
        "ox0: streaming",
        "ox0: refused (port in use)",
        "ox0: refused (no permission)",
        "ox0: streaming",
    ]
