"""``teleward bench delivery``: MQTT against bare paho, InfluxDB against raw posts, a backlog.

Ratios are medians of rounds in which ours and theirs take turns at the same server, shown with
their quartiles. Theirs gets
its payloads ready-made; ours starts from records and ends when every record is acknowledged.
Both write the same lines to InfluxDB: raw posts 5000 a request, one request after the other over
one connection; the sink in its own portions, two requests at once.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from teleward_cloud.influx import line_protocol
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.settings import Bundle, MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.sink import Sink
from teleward_gateway.bench import delivery_bytes
from teleward_gateway.bench import delivery_load as load
from teleward_gateway.bench.delivery_backlog import drain
from teleward_gateway.testing.servers import Influx, Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordKind

_SUBJECTS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--messages", type=int, default=3000, help="MQTT messages a round")
    parser.add_argument("--points", type=int, default=30_000, help="InfluxDB points a round")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of ours and theirs")
    parser.add_argument(
        "--backlog-hours",
        type=float,
        default=1.0,
        help="hours of eight patients to drain, 0 to leave out; 24 is the whole day, some minutes",
    )
    parser.add_argument(
        "--bytes", action="store_true", help="also what a demo of eight patients costs on the air"
    )
    parser.add_argument(
        "--bytes-seconds", type=float, default=60.0, help="how long to count in each mode"
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run all parts; every server is a real one on loopback."""
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as folder:
        result = asyncio.run(_measure(arguments, Path(folder)))
    if arguments.bytes:
        result |= delivery_bytes.measure(arguments.bytes_seconds, _SUBJECTS)
    return result


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    mqtt, influx = result["mqtt"], result["influx"]
    lines = [
        f"MQTT, {mqtt['bytes']} B a message, mosquitto   messages/s   of bare paho",
        f"  Teleward, from records              {mqtt['ours_per_s']:10.0f}   "
        f"{result['mqtt_vs_paho']:6.2f}x   {_quartiles(mqtt['spread'])}   goal 0.70x",
        f"  bare paho, ready payloads           {mqtt['paho_per_s']:10.0f}",
        f"  bare paho with json.dumps           {mqtt['paho_json_per_s']:10.0f}   "
        f"(ours is {mqtt['vs_paho_json']:.2f}x of it)",
        "InfluxDB 1.6.7 behind the rewrite         points/s   of raw posts",
        f"  Teleward, from records              {influx['ours_per_s']:10.0f}   "
        f"{result['influx_vs_raw']:6.2f}x   {_quartiles(influx['spread'])}   goal 0.70x",
        f"  raw posts, ready lines              {influx['raw_per_s']:10.0f}",
        f"  both with gzip                      {influx['ours_gzip_per_s']:10.0f}   "
        f"{influx['vs_raw_gzip']:6.2f}x   {_quartiles(influx['spread_gzip'])}",
        f"waveforms encoded                     {result['waveform_samples_per_s']:10.0f} samples/s"
        "   goal 100000",
    ]
    backlog = result.get("backlog")
    if backlog:
        measured = "measured" if backlog["hours"] >= 24 else "extrapolated"
        lines += [
            f"backlog of {backlog['hours']:g} h, {_SUBJECTS} patients, to MQTT: "
            f"{backlog['messages']} messages in {backlog['seconds']:.1f} s",
            f"  a whole day: {backlog['day_minutes']:.1f} min ({measured}), goal 10",
            f"  {backlog['live_messages']} live messages meanwhile: "
            f"p50 {backlog['live_p50_s']:.2f} s, p95 {backlog['live_p95_s']:.2f} s (goal 2), "
            f"longest {backlog['live_longest_s']:.2f} s",
        ]
    if "bytes" in result:
        lines += delivery_bytes.table(result)
    return "\n".join(lines)


def _quartiles(spread: list[float]) -> str:
    return f"{spread[0]:.2f}-{spread[1]:.2f}"


async def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    mosquitto = Mosquitto(_sub(folder, "mosquitto"))
    await asyncio.to_thread(mosquitto.start)
    try:
        mqtt = await _mqtt(mosquitto.port, arguments.messages, arguments.rounds)
        backlog = None
        if arguments.backlog_hours > 0:
            backlog = await drain(
                mosquitto.port, arguments.backlog_hours, _sub(folder, "journal"), _SUBJECTS
            )
    finally:
        await asyncio.to_thread(mosquitto.stop)
    server = Influx(_sub(folder, "influx"))
    await asyncio.to_thread(server.start)
    try:
        influx = await _influx(server, arguments.points, arguments.rounds)
    finally:
        await asyncio.to_thread(server.stop)
    result = {
        "mqtt_vs_paho": mqtt.pop("ratio"),
        "influx_vs_raw": influx.pop("ratio"),
        "waveform_samples_per_s": _waveform_rate(),
        "mqtt": mqtt,
        "influx": influx,
    }
    return result | ({"backlog": backlog} if backlog else {})


async def _mqtt(port: int, n_messages: int, rounds: int) -> dict[str, Any]:
    """Publish the same messages in turn by the sink and by paho alone."""
    settings = MqttSettings(port=port, bundle=Bundle.SUBJECT)
    sink = MqttSink(settings, gateway="bench", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(10)
    batch = load.records(max(1, n_messages // _SUBJECTS), _SUBJECTS)
    messages = [payload.encode(bundle, live=True) for bundle in payload.bundles(batch)]
    contents = [json.loads(message) for message in messages]
    topic = sink.topics.records(RecordKind.MEASUREMENT, "bed-1", None, live=True)

    async def paho() -> float:
        return await asyncio.to_thread(load.bare_paho, port, topic, messages, settings.window)

    async def paho_json() -> float:
        start_s = time.perf_counter()
        made = [json.dumps(content).encode() for content in contents]
        made_s = time.perf_counter() - start_s
        return made_s + await asyncio.to_thread(load.bare_paho, port, topic, made, settings.window)

    ours, theirs, dumped = await _turns(rounds, lambda: _send(sink, batch), paho, paho_json)
    await sink.close()
    n = len(messages)
    return {
        "ratio": _ratio(theirs, ours),
        "spread": _spread(theirs, ours),
        "vs_paho_json": _ratio(dumped, ours),
        "ours_per_s": n / statistics.median(ours),
        "paho_per_s": n / statistics.median(theirs),
        "paho_json_per_s": n / statistics.median(dumped),
        "bytes": len(messages[0]),
    }


async def _influx(server: Influx, n_points: int, rounds: int) -> dict[str, Any]:
    """Write the same points in turn by the sink and by raw posts of 5000 lines."""
    n_seconds = max(1, n_points // (_SUBJECTS * len(load.METRICS)))
    batch = load.records(n_seconds, _SUBJECTS)
    points = [line for record in batch for line in line_protocol.lines(record)]
    bodies = [line_protocol.body(points[i : i + 5000]) for i in range(0, len(points), 5000)]
    result: dict[str, Any] = {}
    for compress, end in ((False, ""), (True, "_gzip")):
        settings = InfluxSettings(url=server.url, gzip=compress)
        sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
        await sink.open()

        async def raw(compress: bool = compress) -> float:
            return await asyncio.to_thread(
                load.raw_posts, server.url, "teleward-sim", bodies, compress=compress
            )

        async def own(sink: InfluxSink = sink) -> float:
            return await _send(sink, batch)

        ours, theirs = await _turns(rounds, own, raw)
        await sink.close()
        result[f"ours{end}_per_s"] = len(points) / statistics.median(ours)
        result[f"raw{end}_per_s"] = len(points) / statistics.median(theirs)
        result["ratio" if not compress else "vs_raw_gzip"] = _ratio(theirs, ours)
        result[f"spread{end}"] = _spread(theirs, ours)
    return result


async def _send(sink: Sink, batch: list[Record]) -> float:
    """Hand a batch over in the sink's own portions; return the seconds to the last answer."""
    start_s = time.perf_counter()
    n_acknowledged = 0
    for i in range(0, len(batch), sink.max_batch):
        answer = await sink.send(batch[i : i + sink.max_batch], live=True)
        n_acknowledged += len(answer.acknowledged)
    took_s = time.perf_counter() - start_s
    if n_acknowledged != len(batch):
        raise RuntimeError(f"only {n_acknowledged} of {len(batch)} records were acknowledged")
    return took_s


async def _turns(rounds: int, *runs: Callable[[], Awaitable[float]]) -> tuple[list[float], ...]:
    """Time every run once a round, in turn, each round in the reverse order of the last.

    The first round warms up and does not count.
    """
    taken: tuple[list[float], ...] = tuple([] for _ in runs)
    pairs = list(zip(taken, runs, strict=True))
    for number in range(rounds + 1):
        for times, run in pairs if number % 2 else reversed(pairs):
            took_s = await run()
            if number:
                times.append(took_s)
    return taken


def _ratio(theirs: list[float], ours: list[float]) -> float:
    """Return our speed in units of theirs: the median of the rounds' ratios."""
    return statistics.median(_ratios(theirs, ours))


def _spread(theirs: list[float], ours: list[float]) -> list[float]:
    """Return the quartiles of the rounds' ratios: half of them lie between."""
    ratios = _ratios(theirs, ours)
    if len(ratios) < 2:
        return ratios * 2
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return [low, high]


def _ratios(theirs: list[float], ours: list[float]) -> list[float]:
    return [t / o for t, o in zip(theirs, ours, strict=True)]


def _waveform_rate(n_blocks: int = 400) -> float:
    """Return how many waveform samples a second become points."""
    draft = {"fs": 250.0, "dtype": "<i2", "scale": 0.005, "offset": 0.0}
    (first, *_) = load.records(1, 1)
    block = Record(
        first.id, RecordKind.WAVEFORM, first.provenance, first.time_ns, 0, 0, "", "bed-1", "ecg-1",
        "ecg_ii", draft, bytes(range(250)) * 2,
    )  # fmt: skip
    start_s = time.perf_counter()
    n_points = sum(len(line_protocol.lines(block)) for _ in range(n_blocks))
    return n_points / (time.perf_counter() - start_s)


def _sub(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path
