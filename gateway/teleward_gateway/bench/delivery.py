"""``teleward bench delivery``: MQTT against bare paho, InfluxDB against raw posts, a backlog.

Ratios are medians of rounds in which ours and theirs take turns at the same server. Theirs gets
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

from teleward_cloud import line_protocol, payload
from teleward_cloud.influx_settings import InfluxSettings
from teleward_cloud.influx_sink import InfluxSink
from teleward_cloud.mqtt_connection import Incoming, MqttConnection
from teleward_cloud.mqtt_settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt_sink import MqttSink
from teleward_cloud.sink import Sink
from teleward_gateway.bench import delivery_load as load
from teleward_gateway.bench.servers import Influx, Mosquitto
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery
from teleward_gateway.journal import Journal
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

_SUBJECTS = 8
_DAY_S = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--messages", type=int, default=4000, help="MQTT messages a round")
    parser.add_argument("--points", type=int, default=40_000, help="InfluxDB points a round")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of ours and theirs")
    parser.add_argument(
        "--backlog-hours",
        type=float,
        default=1.0,
        help="hours of eight patients to drain, 0 to leave out; 24 is the whole day, about 10 min",
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run all parts; every server is a real one on loopback."""
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as folder:
        return asyncio.run(_measure(arguments, Path(folder)))


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    mqtt, influx = result["mqtt"], result["influx"]
    lines = [
        f"MQTT, {mqtt['bytes']} B a message, mosquitto   messages/s   of bare paho",
        f"  Teleward, from records              {mqtt['ours_per_s']:10.0f}   "
        f"{result['mqtt_vs_paho']:6.2f}x   goal 0.70x",
        f"  bare paho, ready payloads           {mqtt['paho_per_s']:10.0f}",
        f"  bare paho with json.dumps           {mqtt['paho_json_per_s']:10.0f}   "
        f"(ours is {mqtt['vs_paho_json']:.2f}x of it)",
        "InfluxDB 1.6.7 behind the rewrite         points/s   of raw posts",
        f"  Teleward, from records              {influx['ours_per_s']:10.0f}   "
        f"{result['influx_vs_raw']:6.2f}x   goal 0.70x",
        f"  raw posts, ready lines              {influx['raw_per_s']:10.0f}",
        f"  both with gzip                      {influx['ours_gzip_per_s']:10.0f}   "
        f"{influx['vs_raw_gzip']:6.2f}x",
        f"waveforms encoded                     {result['waveform_samples_per_s']:10.0f} samples/s"
        "   goal 100000",
    ]
    drain = result.get("backlog")
    if drain:
        lines += [
            f"backlog of {drain['hours']:g} h, {_SUBJECTS} patients, to MQTT: "
            f"{drain['messages']} messages in {drain['seconds']:.1f} s",
            f"  a whole day: {drain['day_minutes']:.1f} min "
            f"({'measured' if drain['hours'] >= 24 else 'extrapolated'}, goal 10)   "
            f"live meanwhile: p95 {drain['live_p95_s']:.2f} s of {drain['live_messages']} "
            "messages, goal 2",
        ]
    return "\n".join(lines)


async def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    mosquitto = Mosquitto(_sub(folder, "mosquitto"))
    await asyncio.to_thread(mosquitto.start)
    try:
        mqtt = await _mqtt(mosquitto.port, arguments.messages, arguments.rounds)
        backlog = None
        if arguments.backlog_hours > 0:
            backlog = await _backlog(mosquitto.port, arguments.backlog_hours, folder)
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


async def _mqtt(port: int, n_messages: int, rounds: int) -> dict[str, float]:
    """Publish the same messages in turn by the sink and by paho alone."""
    settings = MqttSettings(port=port)
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
        "vs_paho_json": _ratio(dumped, ours),
        "ours_per_s": n / statistics.median(ours),
        "paho_per_s": n / statistics.median(theirs),
        "paho_json_per_s": n / statistics.median(dumped),
        "bytes": len(messages[0]),
    }


async def _influx(server: Influx, n_points: int, rounds: int) -> dict[str, float]:
    """Write the same points in turn by the sink and by raw posts of 5000 lines."""
    n_seconds = max(1, n_points // (_SUBJECTS * len(load.METRICS)))
    batch = load.records(n_seconds, _SUBJECTS)
    points = [line for record in batch for line in line_protocol.lines(record)]
    bodies = [line_protocol.body(points[i : i + 5000]) for i in range(0, len(points), 5000)]
    result: dict[str, float] = {}
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
    return result


async def _backlog(port: int, hours: float, folder: Path) -> dict[str, float]:
    """Fill a journal, then deliver it while new records keep coming; time the live ones."""
    clock = GatewayClock()
    journal = Journal.open(
        _sub(folder, "journal"), gateway="bench", provenance=Provenance.SIMULATED, clock=clock
    )
    for second in load.drafts(round(hours * 3600), time.time_ns(), _SUBJECTS):
        for draft in second:
            journal.append(draft)
        await journal.flush()  # a commit a second, as when it was recorded
    sink = MqttSink(MqttSettings(port=port), gateway="bench", provenance=Provenance.SIMULATED)
    listener = _LiveListener(port, sink)
    await listener.start()
    live = asyncio.create_task(_keep_appending(journal))
    start_s = time.monotonic()
    delivery = asyncio.create_task(Delivery(journal, sink).run())
    while not (owed := await _owed(journal, sink.name)) or owed > 2000:
        await asyncio.sleep(0.1)
    took_s = time.monotonic() - start_s
    for task in (live, delivery):
        task.cancel()
    await asyncio.gather(live, delivery, return_exceptions=True)
    await listener.stop()
    await asyncio.to_thread(journal.close)
    delays_s = sorted(listener.delays_s) or [float("nan")]
    messages = round(hours * 3600) * _SUBJECTS
    return {
        "hours": hours,
        "messages": messages,
        "seconds": took_s,
        "day_minutes": took_s / (hours * 3600) * _DAY_S / 60,
        "live_messages": len(listener.delays_s),
        "live_p95_s": delays_s[int(0.95 * (len(delays_s) - 1))],
    }


async def _owed(journal: Journal, name: str) -> int:
    stats = await asyncio.to_thread(journal.stats)
    return next((sink.pending for sink in stats.sinks if sink.name == name), 0)


async def _keep_appending(journal: Journal) -> None:
    """Append what eight patients give each second."""
    while True:
        now_ns = time.time_ns()
        for subject in range(_SUBJECTS):
            for metric in load.METRICS:
                journal.append(
                    Draft(
                        RecordKind.MEASUREMENT,
                        subject=f"bed-{subject + 1}",
                        device=f"monitor-{subject + 1}",
                        metric=metric,
                        time_ns=now_ns,
                        payload={"value": 72.0, "source": "device", "valid_s": 5.0},
                    )
                )
        await asyncio.sleep(1.0)


class _LiveListener:
    """Hears live messages and notes how old they are."""

    def __init__(self, port: int, sink: MqttSink) -> None:
        self.delays_s: list[float] = []
        self._topic = f"{sink.topics.base}/live/#"
        self._connection = MqttConnection(
            MqttSettings(port=port),
            client_id="bench-listener",
            version=MqttVersion.V5,
            on_message=self._heard,
        )

    async def start(self) -> None:
        await self._connection.connect()
        await self._connection.subscribe(self._topic)

    async def stop(self) -> None:
        await self._connection.close()

    def _heard(self, message: Incoming) -> None:
        (first, *_) = payload.decode(message.payload)
        self.delays_s.append((time.time_ns() - first.time_ns) / 1e9)


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
    """Time every run once a round, in turn; the first round warms up and does not count."""
    taken: tuple[list[float], ...] = tuple([] for _ in runs)
    for number in range(rounds + 1):
        for times, run in zip(taken, runs, strict=True):
            took_s = await run()
            if number:
                times.append(took_s)
    return taken


def _ratio(theirs: list[float], ours: list[float]) -> float:
    """Return our speed in units of theirs: the median of the rounds' ratios."""
    return statistics.median(t / o for t, o in zip(theirs, ours, strict=True))


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
