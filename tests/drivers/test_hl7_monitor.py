"""The HL7 source: messages of real monitors, what is withheld, answers, and the listening port.

Golden bytes: ``tests/golden/hl7_monitor.json``, each with its source.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import hl7.client
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_drivers.catalogue import driver
from teleward_drivers.device import Discarded, Write
from teleward_drivers.errors import LinkUnavailable
from teleward_drivers.link import Received
from teleward_drivers.mllp_link import MllpLink
from teleward_drivers.port_names import check_name
from teleward_drivers.wired.hl7_message import (
    END,
    MAX_MESSAGE,
    START,
    FrameReader,
    acknowledgement,
    read,
)
from teleward_gateway.testing.servers import free_port
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, Measurement

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "hl7_monitor.json").read_text(encoding="utf-8")
)
NOW_NS = 1_772_352_000_000_000_000


def outputs(text: str, pieces: int = 0, made: Any = None) -> list[Any]:
    """Return what the driver makes of a framed message, fed whole or in pieces."""
    data = START + text.replace("\n", "\r").encode() + b"\r" + END
    reader = made or driver("hl7-monitor").make({})
    size = pieces or len(data)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return [
        found
        for part in parts
        for found in reader.feed(Received(part, NOW_NS, 5_000_000_000, "connection-1"))
    ]


def values(found: list[Any]) -> dict[str, float | None]:
    """Return the values by metric."""
    return {m.metric: m.value for m in found if isinstance(m, Measurement)}


@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_messages_of_real_monitors(case: dict[str, Any], pieces: int) -> None:
    found = outputs(case["message"], pieces)
    assert values(found) == case["values"]
    answers = [w.data.decode() for w in found if isinstance(w, Write)]
    assert [line for a in answers for line in a.split("\r") if line[:3] == "MSA"] == case["answer"]
    assert all(a.startswith("\x0bMSH|") and a.endswith("\r\x1c\r") for a in answers)


MESSAGE = (
    "MSH|^~\\&|M^id^EUI-64||||20260301080000||ORU^R01^ORU_R01|7|P|2.6|||AL\n"
    "PID|||OTHER^^^X||NAME\nOBR|1\nOBX|1|NM|{code}|1.1|{value}|{unit}||{flags}|||{status}|||{time}"
)


def one(**parts: str) -> Measurement:
    """Return the measurement of a message with one value."""
    given = {"code": "150456^MDC_PULS_OXIM_SAT_O2^MDC", "value": "97", "unit": "262688^^MDC",
             "flags": "", "status": "R", "time": "20260301080000"} | parts  # fmt: skip
    (found,) = [m for m in outputs(MESSAGE.format(**given)) if isinstance(m, Measurement)]
    return found


@pytest.mark.parametrize(
    ("parts", "value", "reason"),
    [
        ({}, 97, None),
        ({"flags": "DEMO"}, None, "demo_mode"),
        ({"status": "X"}, None, "missing"),
        ({"flags": "NAV"}, None, "missing"),
        ({"value": "-100"}, None, "missing"),
        ({"value": "8388607"}, None, "missing"),
        ({"value": ""}, None, "missing"),
        ({"value": "high"}, None, "not_a_number"),
        ({"value": "nan"}, None, "missing"),
        ({"value": "180"}, None, "implausible"),
        ({"unit": "1^furlong^X"}, None, "unknown_unit"),
        ({"unit": ""}, 97, None),
    ],
)
def test_what_is_no_value_is_withheld_with_the_reason(
    parts: dict[str, str], value: float | None, reason: str | None
) -> None:
    found = one(**parts)
    assert (found.value, found.reason) == (value, reason)


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("150364^MDC_TEMP_BODY^MDC", "98.6", "268160^MDC_DIM_FAHR^MDC", 37.0),
        ("150021^X^MDC", "16", "265987^MDC_DIM_KILO_PASCAL^MDC", 120.01),
        ("160184^X^MDC", "5.5", "mmol/L", 99.086),
        ("188740^X^MDC", "170", "cm", 1.7),
        ("9^x^L", "97", "%", 97.0),  # by the last number of OBX-4
    ],
)
def test_units_become_those_of_the_metric(
    code: str, value: str, unit: str, expected: float
) -> None:
    text = MESSAGE.replace("|1.1|", "|1.3.1.150456|") if code.startswith("9^") else MESSAGE
    shown = text.format(code=code, value=value, unit=unit, flags="", status="R", time="")
    (found,) = [m for m in outputs(shown) if isinstance(m, Measurement)]
    assert found.value == pytest.approx(expected, abs=0.01)


def test_a_cuff_reading_is_taken_once_and_as_old_as_the_monitor_states() -> None:
    made = driver("hl7-monitor").make({})
    text = MESSAGE.format(code="150301^MDC_PRESS_CUFF_SYS^MDC", value="147", unit="266016",
                          flags="", status="R", time="20260301073600")  # fmt: skip
    first = [m for m in outputs(text, made=made) if isinstance(m, Measurement)]
    again = [m for m in outputs(text, made=made) if isinstance(m, Measurement)]
    assert (len(first), len(again)) == (1, 0)
    assert first[0].stored
    assert first[0].device_time_ns == NOW_NS - 24 * 60 * 1_000_000_000
    assert first[0].stamp is not None
    assert first[0].stamp.age_ns(5_000_000_000) == 24 * 60 * 1_000_000_000


def test_unknown_codes_are_listed_with_an_example_and_mapped_by_the_settings() -> None:
    parts = {"code": "478^PVI^99M", "value": "12", "unit": "%", "flags": "", "status": "R",
             "time": ""}  # fmt: skip
    (status,) = [s for s in outputs(MESSAGE.format(**parts)) if isinstance(s, DeviceStatus)]
    assert status.identity["unknown_codes"] == "478^PVI = 12 %"
    assert (status.identity["model"], status.identity["serial_number"]) == ("M", "id")
    mapped = driver("hl7-monitor").make({"codes": {"478^PVI": "perfusion_index"}})
    assert values(outputs(MESSAGE.format(**parts), made=mapped)) == {"perfusion_index": 12}
    with pytest.raises(Invalid, match=r"codes.478: no metric 'pvi' of monitors"):
        driver("hl7-monitor").make({"codes": {"478": "pvi"}})


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("MSH|^~\\&|M||||||ADT^A01|9|P|2.6|||AL", "MSA|AR|9"),
        ("MSH|^~\\&|M||||||ORU^R01||P|2.6|||AL", "MSA|AR|"),
        ("PID|||x\nOBX|1", "MSA|AR|"),
    ],
)
def test_what_is_not_for_us_is_answered_by_the_standard(text: str, answer: str) -> None:
    found = outputs(text)
    assert values(found) == {}
    (write,) = [w for w in found if isinstance(w, Write)]
    assert answer in write.data.decode().split("\r")
    assert any(isinstance(one, Discarded) for one in found)


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=80), max_size=8))
def test_frames_are_found_in_any_noise(noise: list[bytes]) -> None:
    frames = FrameReader()
    for piece in noise:
        list(frames.feed(piece))
    whole = START + b"MSH|^~\\&|x\r" + END
    assert [read(m).head(3) for m in frames.feed(whole)][-1:] == ["x"]


@pytest.mark.parametrize(
    ("port", "problem"),
    [
        ("mllp://0.0.0.0:2575", "name the monitors"),
        ("mllp://monitor:2575", "no IP address"),
        ("mllps://127.0.0.1:2575", "certificate"),
        ("mllp://127.0.0.1:2575?x=1", "write mllp"),
    ],
)
async def test_a_port_is_open_to_those_only_that_are_named(port: str, problem: str) -> None:
    with pytest.raises(LinkUnavailable, match=problem):
        await MllpLink.open(port)


def test_names_of_listening_ports() -> None:
    for name in ("mllp://127.0.0.1:2575", "mllp://0.0.0.0:2575/A-1?allow=10.0.0.7,10.0.0.8"):
        assert check_name(name) == name
    with pytest.raises(Invalid, match="write a port"):
        check_name("mllp://monitor:2575")


async def serve(link: MllpLink, made: Any) -> list[Any]:
    """Do what a session does: feed the driver, send its answers."""
    received = await link.read()
    found = list(made.feed(received))
    for output in found:
        if isinstance(output, Write):
            await link.write(output.data, output.channel)
    return found


async def test_two_monitors_at_one_port_reach_their_own_devices() -> None:
    port = free_port()
    links = [await MllpLink.open(f"mllp://127.0.0.1:{port}/{name}") for name in ("A", "B")]
    with pytest.raises(LinkUnavailable, match="has a device for A"):
        await MllpLink.open(f"mllp://127.0.0.1:{port}/A")

    def send(name: str) -> str:
        text = MESSAGE.format(code="150456^^MDC", value="97", unit="%", flags="", status="R",
                              time="").replace("|M^id", f"|{name}^id")  # fmt: skip
        with hl7.client.MLLPClient("127.0.0.1", port) as client:
            answer: bytes = client.send_message(text.replace("\n", "\r"))
            return answer.decode()

    for link, name in zip(links, "AB", strict=True):
        answered, found = await asyncio.gather(
            asyncio.to_thread(send, name), serve(link, driver("hl7-monitor").make({}))
        )
        assert values(found) == {"spo2": 97}
        assert "MSA|AA|7" in answered.split("\r")
    stranger = await asyncio.to_thread(send, "C")
    assert "MSA|AR|7" in stranger.split("\r")
    for link in links:
        await link.close()
        await link.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_message_without_end_is_refused_and_harms_no_other() -> None:
    port = free_port()
    link = await MllpLink.open(f"mllp://127.0.0.1:{port}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    text = MESSAGE.format(code="150456^^MDC", value="97", unit="%", flags="", status="R", time="")
    other_reader, other = await asyncio.open_connection("127.0.0.1", port)
    half = len(text) // 2
    framed = START + text.replace("\n", "\r").encode() + END
    other.write(framed[:half])
    head = b"MSH|^~\\&|"
    # one byte too many, and none that would lie unread when the port closes the connection
    writer.write(START + head + b"x" * (MAX_MESSAGE + 1 - len(head)))
    assert b"MSA|AR" in await reader.read()
    other.write(framed[half:])
    found = await serve(link, driver("hl7-monitor").make({}))
    assert values(found) == {"spo2": 97}
    assert b"MSA|AA|7" in await other_reader.readuntil(END)
    for one_writer in (writer, other):
        one_writer.close()
    await link.close()


def test_an_answer_is_a_message_itself() -> None:
    answer = read(acknowledgement(read(b"MSH|^~\\&|M||||1||ORU^R01|5|P|2.3.1")).strip(START + END))
    assert (answer.head(9), answer.head(12)) == ("ACK^R01^ACK", "2.3.1")
