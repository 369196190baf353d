"""Rules 7 to 10 of every stream decoder, about values (numbered as in `drivers/README.md`).

7 silence is told  8 sentinels have no value  9 the implausible is flagged  10 gaps are counted
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from teleward_drivers import framed_messages as messages
from teleward_drivers.device import Driver
from teleward_drivers.fields import DateTime
from teleward_drivers.testing import START_NS, receive
from teleward_drivers.wired import (
    bci,
    cms50,
    cms50d,
    cyton,
    framed_serial,
    healthypi,
    masimo,
    nonin,
    text,
)
from teleward_signal.model import Measurement, SampleBlock

SECOND_NS = 1_000_000_000
SPOT = DateTime(2024, 11, 21, 10, 30)
MASIMO = {"SN": "0000056661", "SPO2": "098", "BPM": "097", "PI": "03.60", "EXC": "000800"}


def nonin_stream(spo2: int | None, pulse: int | None) -> bytes:
    packet = nonin.packet_samples(pulse, spo2, [40 + i for i in range(25)])
    return b"".join(sample.to_bytes(False) for sample in packet * 4)


def masimo_stream(spo2: int | None, pulse: int | None) -> bytes:
    values = dict(MASIMO)
    values["SPO2"] = "---" if spo2 is None else f"{spo2:03}"
    values["BPM"] = "---" if pulse is None else f"{pulse:03}"
    return b"\n" + bytes(masimo.MasimoLine(SPOT, values))


def sketch_stream(spo2: int | None, _: int | None) -> bytes:
    layout = text.layout({"columns": [{"metric": "spo2"}], "rate": 10.0, "sentinels": [-999]})
    return b"\n" + layout.line([-999 if spo2 is None else spo2]) * 10


SEQUENCE = itertools.count()


def framed_stream(spo2: int | None, pulse: int | None) -> bytes:
    values = (
        messages.Numeric(3, spo2, None, 0 if spo2 else 1),
        messages.Numeric(2, pulse, None, 0 if pulse else 1),
    )
    # an equal frame would be a duplicate of the link
    return bytes(messages.frame(messages.Numerics(values), next(SEQUENCE), 0))


Stream = Callable[[int | None, int | None], bytes]
STREAMS: list[tuple[str, Callable[[], Driver], Stream]] = [
    ("framed", framed_serial.make, framed_stream),
    ("cms50d", cms50d.Cms50d, lambda s, p: bytes(cms50d.Live(50, p, s)) * 70),
    ("cms50", cms50.Cms50, lambda s, p: bytes(bci.BciFrame(50, p, s)) * 70),
    ("bci", lambda: bci.make({}), lambda s, p: bytes(bci.BciFrame(50, p, s)) * 70),
    ("nonin-2", lambda: nonin.make({}), nonin_stream),
    (
        "nonin-8",
        lambda: nonin.make({"format": 8}),
        lambda s, p: bytes(nonin.SlowFrame(p, s)) * 4 + b"\x80",
    ),
    ("masimo", masimo.Masimo, masimo_stream),
    (
        "healthypi",
        lambda: healthypi.make({}),
        lambda s, p: healthypi.pack_v4(1, 2, 3, 4, 36.5, (16, s or 0, p or 0)) * 130,
    ),
    (
        "text",
        lambda: text.make({"columns": [{"metric": "spo2"}], "rate": 10.0, "sentinels": [-999]}),
        sketch_stream,
    ),
]
every_driver = pytest.mark.parametrize("name, make, stream", STREAMS, ids=[s[0] for s in STREAMS])


def readings(outputs: Sequence[Any], metric: str = "spo2") -> list[Measurement]:
    return [out for out in outputs if isinstance(out, Measurement) and out.metric == metric]


@every_driver
def test_7_silence_is_told_once_and_the_last_value_is_not_repeated(
    name: str, make: Callable[[], Driver], stream: Stream
) -> None:
    driver = make()
    assert readings(receive(driver, stream(98, 72)))[-1].value == 98
    assert not readings(list(driver.tick(START_NS + SECOND_NS)))
    (stale,) = readings(list(driver.tick(START_NS + 7 * SECOND_NS)))
    assert (stale.value, stale.reason) == (None, "no_data")
    assert not readings(list(driver.tick(START_NS + 8 * SECOND_NS)))


@every_driver
def test_8_a_sentinel_is_a_reason_and_never_a_number(
    name: str, make: Callable[[], Driver], stream: Stream
) -> None:
    found = readings(receive(make(), stream(None, None)))
    assert found
    assert all(reading.value is None and reading.reason for reading in found)


@every_driver
def test_9_an_impossible_value_is_withheld_with_its_number(
    name: str, make: Callable[[], Driver], stream: Stream
) -> None:
    found = readings(receive(make(), stream(3, 72)))
    assert [(r.value, r.reason, r.detail["raw"]) for r in found[-1:]] == [(None, "implausible", 3)]


@pytest.mark.parametrize(
    "name, make, stream", [s for s in STREAMS if s[0] not in ("framed", "text")]
)
def test_9_a_step_that_no_body_makes_is_flagged_and_kept(
    name: str, make: Callable[[], Driver], stream: Stream
) -> None:
    driver = make()
    receive(driver, stream(98, 72) * 2)
    found = readings(receive(driver, stream(70, 72) * 2))
    flagged = [r for r in found if r.detail.get("flag") == "slew"]
    assert [r.value for r in flagged] == [70]
    assert found[-1].value == 70
    assert not found[-1].detail


def test_10_gaps_are_counted_in_samples() -> None:
    driver = cyton.make({})
    frames = [bytes(cyton.CytonFrame(i % 256, (i,) + (0,) * 7)) for i in range(300)]
    data = b"".join(frames[:100] + frames[107:]) + b"\xa0"
    blocks = [o for o in receive(driver, data) if isinstance(o, SampleBlock)]
    ecg = [(b.index, len(b.samples)) for b in blocks if b.metric == "ecg_i"]
    assert ecg == [(0, 100), (107, 193)]
    assert (driver.decoder.counters.gaps, driver.decoder.counters.lost) == (1, 7)


def test_10_bytes_that_were_lost_leave_a_gap_of_their_size() -> None:
    driver = cms50d.Cms50d()
    frame = bytes(cms50d.Live(50, 72, 98))
    outputs = receive(driver, frame * 20 + b"\xff" * 90 + frame * 20)
    blocks = [o for o in outputs if isinstance(o, SampleBlock)]
    end = blocks[0].index + len(blocks[0].samples)
    assert blocks[-1].index - end in range(10, 13)


def test_checksum_protocols_pass_no_wrong_value_and_others_stay_below_the_stated_rate() -> None:
    """One byte in 250 hurt: what reaches the patient's chart is the stated value or nothing."""
    rng = np.random.default_rng(5)
    for name, make, stream in STREAMS:
        times = 40 if len(stream(98, 72)) > 200 else 400
        data = b"".join(stream(98, 72) for _ in range(times))
        out = bytearray()
        for byte in data:
            dice = rng.random()
            if dice < 0.002:
                continue
            out.append(byte ^ 1 << int(rng.integers(8)) if dice > 0.998 else byte)
        values = [r.value for r in readings(receive(make(), bytes(out))) if r.value is not None]
        assert len(values) >= 20, name
        limit = {"masimo": 0.05, "text": 0.05, "nonin-8": 0.05}.get(name, 0.0)
        assert sum(value != 98 for value in values) <= limit * len(values), name


def test_a_number_that_means_no_value_is_a_hole_in_a_wave() -> None:
    options = {"columns": [{"metric": "ecg_ii"}], "rate": 10.0, "sentinels": [-999]}
    driver = text.make(options)
    lines = b"0\n" + b"".join(f"{n}\n".encode() for n in (1, 2, -999, -999, 3, 4))
    found = [o for o in receive(driver, lines) if isinstance(o, SampleBlock)]
    samples = [(block.index, block.samples.tolist()) for block in found]
    assert [value for _, values in samples for value in values] == [1, 2, 3, 4]
    assert samples[-1][0] - samples[0][0] == 4
