"""``teleward collect``: carry records from MQTT to InfluxDB; run as many as you like.

Reads ``[mqtt]`` and ``[influx]`` of a settings file; ``gateway.mode`` says whether it collects
field or simulated data. With ``mqtt.confirm = "storage"`` on the gateways nothing is lost when a
collector, the broker or the database dies.
"""

import argparse
import asyncio
import secrets
import signal
import socket
import sys
from pathlib import Path

from teleward_cloud.collector import Collector, MqttSource
from teleward_cloud.influx.sink import InfluxSink
from teleward_gateway.settings.load import SettingsError, load
from teleward_gateway.settings.model import Settings

_REPORT_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, required=True, help="settings file")
    parser.add_argument(
        "--group", default="collectors", help="collectors of one group share the messages"
    )
    parser.add_argument("--client-id", help="MQTT client id; by default a random one")


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
    name = arguments.client_id or f"collect-{socket.gethostname()}-{secrets.token_hex(4)}"
    provenance = settings.gateway.mode
    source = MqttSource(settings.mqtt, provenance=provenance, group=arguments.group, client_id=name)
    collector = Collector(source, InfluxSink(settings.influx, provenance=provenance))
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
            f"refused {counters.refused}  unreadable {source.unreadable}  dropped {source.dropped}"
            + (f"  problem: {problem}" if problem else ""),
            flush=True,
        )
