"""``teleward bench drivers``: how fast the decoders are, and what eight serial ports cost.

Per protocol, on one core: bytes and frames a second through the decoder, and through the whole
driver to samples and readings; the ratio to a naive parser of the same stream (sync, then the fixed
length, no check) in the same run, and how many of the naive parser's frames are wrong when one byte
in a hundred is lost.
Then the processor share of eight ports at 250 frames/s. Rows of links and of many devices at once
come from `drivers_links` where it is installed.
"""

import argparse
import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from teleward_drivers import framed_messages as messages
from teleward_drivers.ble import viatom
from teleward_drivers.device import Discarded, Driver
from teleward_drivers.fields import DateTime
from teleward_drivers.framed import FrameDecoder
from teleward_drivers.link import Received
from teleward_drivers.wired import bci, cms50d, cyton, framed_serial, healthypi, masimo, nonin

CHUNK = 64
"""Bytes a read of a USB serial adapter delivers at most (its packet size)."""
PORTS, FRAMES_A_SECOND = 8, 250
LOSS = 100
"""One byte in so many is lost in the damaged stream."""


@dataclass(frozen=True)
class Protocol:
    """One protocol's clean stream; ``sync`` and ``size`` are what a naive parser looks at."""

    name: str
    decoder: Callable[[], Any]
    driver: Callable[[], Driver] | None
    frame: Callable[[int], bytes]
    sync: Callable[[int], bool]
    size: int = 0


def _ecg(i: int) -> bytes:
    if i % 100 == 0:
        stream = messages.Stream(0, 250, (messages.Channel(65, 0.0025),))
        return bytes(messages.frame(stream, i, i))
    counts = (np.arange(10, dtype=np.int16) * 37 + i).reshape(10, 1)
    return bytes(messages.frame(messages.Samples(0, 10 * i, counts), i, 40 * i))


def _spot(i: int) -> bytes:
    clock = DateTime(2024, 11, 21, 10, i // 60 % 60, i % 60)
    values = {"SN": "0000056661", "SPO2": "098", "BPM": "072", "PI": "03.60", "EXC": "000800"}
    return bytes(masimo.MasimoLine(clock, values))


def _nonin(i: int) -> bytes:
    return nonin.packet_samples(72, 98, [50] * 25)[i % 25].to_bytes(False)


PROTOCOLS = (
    Protocol(
        "framed", FrameDecoder, framed_serial.make, _ecg, lambda byte: byte == 0xA5, len(_ecg(1))
    ),
    Protocol(
        "cms50d",
        cms50d.Cms50dDecoder,
        cms50d.Cms50d,
        lambda i: bytes(cms50d.Live(i % 100, 72, 98, 1.5)),
        lambda byte: byte == 1,
        9,
    ),
    Protocol(
        "bci",
        bci.BciDecoder,
        lambda: bci.make({}),
        lambda i: bytes(bci.BciFrame(i % 100, 72, 98)),
        lambda byte: byte > 127,
        5,
    ),
    Protocol(
        "nonin-2",
        lambda: nonin.NoninDecoder(2),
        lambda: nonin.make({}),
        _nonin,
        lambda byte: byte == 1,
        5,
    ),
    Protocol(
        "viatom",
        viatom.ViatomDecoder,
        None,
        lambda i: bytes(viatom.Packet(0x55, 0, 0, bytes(viatom.LiveValues(98, 72, 80)))),
        lambda byte: byte == 0x55,
        21,
    ),
    Protocol(
        "healthypi",
        healthypi.HealthyPiDecoder,
        lambda: healthypi.make({}),
        lambda i: healthypi.pack_v4(i % 1000, 3, 90000, 80000, 36.5, (16, 98, 72)),
        lambda byte: byte == 0x0A,
        27,
    ),
    Protocol(
        "cyton",
        cyton.CytonDecoder,
        lambda: cyton.make({}),
        lambda i: bytes(cyton.CytonFrame(i % 256, (i,) * 8)),
        lambda byte: byte == 0xA0,
        33,
    ),
    Protocol(
        "masimo",
        masimo.MasimoDecoder,
        masimo.Masimo,
        _spot,
        lambda byte: chr(byte).isdigit(),
        len(_spot(0)),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the size of the streams."""
    parser.add_argument("--frames", type=int, default=20_000, help="frames a protocol (20000)")
    parser.add_argument("--seconds", type=int, default=10, help="stream seconds of the ports (10)")
    links = _links()
    if links is not None:
        links.add_arguments(parser)


def naive(data: bytes, protocol: Protocol) -> list[bytes]:
    """Return the frames of a parser that trusts the sync byte and the length."""
    out, at, size = [], 0, protocol.size
    while at + size <= len(data):
        if protocol.sync(data[at]):
            out.append(data[at : at + size])
            at += size
        else:
            at += 1
    return out


def _chunks(data: bytes) -> Iterable[bytes]:
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def measure_protocol(protocol: Protocol, n_frames: int) -> dict[str, Any]:
    """Return the figures of one protocol."""
    frames = [protocol.frame(i) for i in range(n_frames)]
    data = b"".join(frames)
    decoder, found = protocol.decoder(), 0
    began = time.process_time()
    for chunk in _chunks(data):
        found += sum(not isinstance(piece, Discarded) for piece in decoder.feed(chunk))
    decode_s = time.process_time() - began
    began = time.process_time()
    naive(data, protocol)
    naive_s = time.process_time() - began
    rng = np.random.default_rng(1)
    keep = rng.integers(0, LOSS, len(data)) > 0
    hurt = np.frombuffer(data, np.uint8)[keep].tobytes()
    good = set(frames)
    trusting = naive(hurt, protocol)
    return {
        "protocol": protocol.name,
        "frames": found,
        "mb_per_s": len(data) / decode_s / 1e6,
        "frames_per_s": found / decode_s,
        "driver_frames_per_s": _driver_rate(protocol, data, n_frames),
        "time_against_naive": decode_s / naive_s,
        "naive_wrong_percent": 100 * sum(f not in good for f in trusting) / max(1, len(trusting)),
    }


def _driver_rate(protocol: Protocol, data: bytes, n_frames: int) -> float | None:
    if protocol.driver is None:
        return None
    driver = protocol.driver()
    began = time.process_time()
    for number, chunk in enumerate(_chunks(data)):
        for _ in driver.feed(Received(chunk, number * 1_000_000, number * 1_000_000)):
            pass
    return n_frames / (time.process_time() - began)


def measure_ports(protocol: Protocol, seconds: int) -> float:
    """Return the percent of one core that ``PORTS`` drivers need at ``FRAMES_A_SECOND``."""
    if protocol.driver is None:
        return float("nan")
    n_frames = FRAMES_A_SECOND * seconds
    data = b"".join(protocol.frame(i) for i in range(n_frames))
    drivers = [protocol.driver() for _ in range(PORTS)]
    began = time.process_time()
    for number, chunk in enumerate(_chunks(data)):
        for driver in drivers:
            for _ in driver.feed(Received(chunk, number * 1_000_000, number * 1_000_000)):
                pass
    return 100 * (time.process_time() - began) / seconds


def _links() -> Any | None:
    try:
        return importlib.import_module("teleward_gateway.bench.drivers_links")
    except ModuleNotFoundError:
        return None


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure every protocol, the ports, and the links where they can be had."""
    rows = [measure_protocol(protocol, arguments.frames) for protocol in PROTOCOLS]
    shares = {p.name: measure_ports(p, arguments.seconds) for p in PROTOCOLS if p.driver}
    result: dict[str, Any] = {"decoders": rows, "ports_cpu_percent": shares}
    links = _links()
    if links is not None:
        result["links"] = links.measure(arguments)
    return result


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    head = "protocol      MB/s   frames/s   driver frames/s   time/naive   naive wrong at 1 % loss"
    lines = [head]
    for row in result["decoders"]:
        rate = row["driver_frames_per_s"]
        lines.append(
            f"{row['protocol']:10} {row['mb_per_s']:7.2f} {row['frames_per_s']:10,.0f} "
            f"{'-' if rate is None else format(rate, ',.0f'):>17} "
            f"{row['time_against_naive']:12.1f} {row['naive_wrong_percent']:13.1f} %"
        )
    shares = result["ports_cpu_percent"]
    lines.append(
        f"\n{PORTS} ports x {FRAMES_A_SECOND} frames/s through the drivers, % of one core:"
    )
    lines.append("  ".join(f"{name} {share:.1f}" for name, share in shares.items()))
    links = _links()
    if links is not None and "links" in result:
        lines += ["", links.table(result["links"])]
    return "\n".join(lines)
