"""The demo, headless, from the installed wheel, with a real broker and time-series server."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.testing.running_demo import Messages, RunningDemo
from teleward_gateway.testing.servers import Influx, Mosquitto

STREAM_S = 30.0
"""How long the ward runs before the tests look at it."""


@dataclass
class Ward:
    """A demo that has streamed for a while, and the servers that it delivers to."""

    demo: RunningDemo
    messages: Messages
    influx: Influx


@contextlib.contextmanager
def running(
    folder: Path, *options: str, patients: int = 8
) -> Iterator[tuple[RunningDemo, Messages, Influx]]:
    """Run a demo that delivers to servers of its own."""
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
        demo = RunningDemo.start(folder, *options, patients=patients, settings=settings)
        demo.wait_live()
        yield demo, messages, influx
    finally:
        if demo is not None:
            demo.stop()
        messages.close()
        influx.stop()
        broker.stop()


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """A ward of eight."""
    with running(tmp_path_factory.mktemp("ward")) as (demo, messages, influx):
        time.sleep(STREAM_S)
        yield Ward(demo, messages, influx)


@pytest.fixture(scope="session")
def demo(ward: Ward) -> RunningDemo:
    """The demo of the ward."""
    return ward.demo


CANARY = "zqxhiddencanary-01"
"""The case in `cases`; its secrets begin with zqxhidden."""


@dataclass
class CaseWard(Ward):
    """A demo with one patient and a room on the canary; ``room`` is what opening it told."""

    room: dict[str, Any]


@pytest.fixture(scope="session")
def case_ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseWard]:
    """A running case beside a patient of the ward."""
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # for the demo, not for the tests after it
            patch.setenv("TELEWARD_CASES", str(Path(__file__).parent / "cases"))
            demo = running(tmp_path_factory.mktemp("case"), "--case", CANARY, patients=1)
            found = stack.enter_context(demo)
        told = json.loads((found[0].folder / "run" / "room.json").read_text())
        yield CaseWard(*found, told)
