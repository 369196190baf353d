"""Whatever bytes come on whatever channel, a BLE driver takes them without an exception."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_drivers.catalogue import catalogue
from teleward_drivers.device import (
    Discarded,
    Driver,
    LinkType,
    Output,
    Request,
    Subscribe,
)
from teleward_drivers.testing import START_NS, receive
from teleward_signal.model import Measurement, SampleBlock

BLE = [info for info in catalogue().values() if info.link is LinkType.BLE]


def channels(driver: Driver) -> list[str]:
    found = {o.channel for o in driver.start(START_NS) if isinstance(o, Subscribe | Request)}
    return sorted(found)


@pytest.mark.parametrize("info", BLE, ids=lambda info: info.name)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_bytes_on_any_channel_are_taken_without_an_exception(
    info: Any, data: st.DataObject
) -> None:
    options = {"experimental": True} if info.name == "health-sensor" else {}
    driver = info.make(options)
    known = channels(driver)
    for step in range(data.draw(st.integers(1, 8))):
        channel = data.draw(st.sampled_from([*known, "unknown"]))
        piece = data.draw(st.binary(max_size=120))
        for output in receive(driver, piece, channel, START_NS + step):
            check(output)
        for output in driver.tick(START_NS + step * 3_000_000_000):
            check(output)


def check(output: Output) -> None:
    """Every output is one that the rest of the gateway can take."""
    if isinstance(output, Measurement):
        assert (output.value is None) == (output.reason is not None)
        for stamp in (output.device_time_ns, output.time_ns):
            assert stamp is None or -(2**63) <= stamp < 2**63
        assert output.quality is None or 0 <= output.quality <= 1
    elif isinstance(output, SampleBlock):
        assert len(output.samples) > 0
        assert output.fs > 0
        assert output.index >= 0
        assert output.device_time_ns is None or output.device_time_ns < 2**64
    elif isinstance(output, Discarded):
        assert output.n_bytes >= 0
        assert output.reason
