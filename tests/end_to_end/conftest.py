"""The demo, headless, from the installed wheel, with a real broker and time-series server."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from teleward_gateway.bench.running_demo import Messages, RunningDemo
from teleward_gateway.bench.servers import Influx, Mosquitto

STREAM_S = 30.0
"""How long the ward runs before the tests look at it."""


@dataclass
class Ward:
    """A demo that has streamed for a while, and the servers that it delivers to."""

    demo: RunningDemo
    messages: Messages
    influx: Influx


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """A ward of eight."""
    folder = tmp_path_factory.mktemp("ward")
    for name in ("broker", "influx"):
        (folder / name).mkdir()
    broker, influx, messages = Mosquitto(folder / "broker"), Influx(folder / "influx"), Messages()
    demo = None
    try:
        broker.start()
        influx.start()
        messages.listen(broker.port)
        settings = (
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n\n'
            f'[influx]\nurl = "{influx.url}"\ntoken = "teleward"\n'
        )
        demo = RunningDemo.start(folder, settings=settings)
        demo.wait_live()
        time.sleep(STREAM_S)
        yield Ward(demo, messages, influx)
    finally:
        if demo is not None:
            demo.stop()
        messages.close()
        influx.stop()
        broker.stop()


@pytest.fixture(scope="session")
def demo(ward: Ward) -> RunningDemo:
    """The demo of the ward."""
    return ward.demo
