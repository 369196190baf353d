"""``teleward collect``: carry records from MQTT to InfluxDB; run as many as you like.

Reads ``[mqtt]`` and ``[influx]`` of a settings file; ``gateway.mode`` says whether it collects
field or simulated data. Gateways see that a collector stands at their broker and wait for its
confirmations (``mqtt.confirm = "auto"``), so that nothing is lost when a collector, the broker or
the database dies. Counters are at /metrics on this machine.
"""

import argparse
import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sys
import tempfile
from pathlib import Path
from stat import S_ISDIR
from typing import TextIO

from teleward_cloud.collector import Collector, MqttSource
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt.connection import BrokerRefused, MqttUnavailable
from teleward_gateway.health.collector_metrics import serve_metrics
from teleward_gateway.settings.load import SettingsError, load
from teleward_gateway.settings.model import Settings

_REPORT_S = 10.0
_MOST_COLLECTORS = 64
_LOCKS: list[TextIO] = []
"""Files held until this process ends."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, help="settings file")
    parser.add_argument(
        "--group", default="collectors", help="collectors of one group share the messages"
    )
    parser.add_argument(
        "--client-id",
        help="MQTT client id, which names the session that the broker keeps; by default of this "
        "machine, with a number for each collector",
    )
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=9464,
        help="port of /metrics on this machine, 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--retire",
        action="store_true",
        help="remove this collector's session and sign from the broker, and end",
    )


def run(arguments: argparse.Namespace) -> int:
    """Collect until SIGTERM or Ctrl-C."""
    try:
        settings = load(arguments.config)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    for section in ("mqtt", "influx"):
        if getattr(settings, section) is None:
            print(f"{arguments.config}: a collector needs a section [{section}]", file=sys.stderr)
            return 2
    return asyncio.run(_collect(settings, arguments))


async def _collect(settings: Settings, arguments: argparse.Namespace) -> int:
    assert settings.mqtt is not None
    assert settings.influx is not None
    name = arguments.client_id or own_name()
    provenance = settings.gateway.mode
    source = MqttSource(settings.mqtt, provenance=provenance, group=arguments.group, client_id=name)
    if arguments.retire:
        return await _retire(source, name)
    collector = Collector(source, InfluxSink(settings.influx, provenance=provenance))
    stop_metrics = serve_metrics(collector, source, arguments.metrics_port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    running = asyncio.create_task(collector.run())
    reporting = asyncio.create_task(_report(collector, source))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (running, reporting, stopping):
        task.cancel()
    results = await asyncio.gather(running, reporting, stopping, return_exceptions=True)
    stop_metrics()
    failed = results[0] if isinstance(results[0], Exception) else None
    if failed is not None:
        print(f"collect: {type(failed).__name__}: {failed}", file=sys.stderr)
    return 1 if failed else 0


async def _report(collector: Collector, source: MqttSource) -> None:
    """Print the start of collection and its progress."""
    while not source.connected.is_set():
        try:
            async with asyncio.timeout(_REPORT_S):
                await source.connected.wait()
        except TimeoutError:
            print(f"waiting for the broker: {source.last_error}", flush=True)
    print(f"collecting below {source.root}", flush=True)
    while True:
        await asyncio.sleep(_REPORT_S)
        counters = collector.counters
        problem = counters.error or ("" if source.connected.is_set() else source.last_error)
        print(
            f"messages {counters.messages}  records {counters.records}  stored {counters.stored}  "
            f"refused {counters.refused}  blocked {counters.blocked}  "
            f"unreadable {source.unreadable}  waiting {source.waiting[0]}"
            + ("  holding the broker back" if source.paused else "")
            + (f"  problem: {problem}" if problem else ""),
            flush=True,
        )


async def _retire(source: MqttSource, name: str) -> int:
    try:
        await source.retire()
    except (MqttUnavailable, BrokerRefused) as error:
        print(f"collect: {error}", file=sys.stderr)
        return 1
    print(f"collector {name} is removed from the broker")
    return 0


def own_name() -> str:
    """Return a client id that stays the same: this machine's name and the first free number.

    The number is free when no other collector of this user holds its file.
    """
    folder = Path(tempfile.gettempdir()) / f"teleward-collect-{os.getuid()}"
    for number in range(1, _MOST_COLLECTORS + 1):
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            if found.st_uid != os.getuid() or not S_ISDIR(found.st_mode):
                break  # somebody else's, who could have put links into it
            file = (folder / f"{number}.lock").open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                continue
            _LOCKS.append(file)
            return f"collect-{socket.gethostname()}-{number}"
    return f"collect-{socket.gethostname()}-{secrets.token_hex(4)}"
