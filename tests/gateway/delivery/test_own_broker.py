"""A broker of our own that cannot start steps aside, is named, and starts when it can."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import sinks as sinks_module
from teleward_gateway.delivery.sinks import Sinks
from teleward_gateway.health import HealthRegistry
from teleward_gateway.health.own_broker import check_own_broker
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.audit import Audit
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.settings.load import parse
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance


async def test_it_starts_once_the_other_broker_is_gone(
    tmp_path: Path, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "BROKER_AGAIN_S", 0.05)
    (tmp_path / "other").mkdir()
    other = Mosquitto(tmp_path / "other")
    await asyncio.to_thread(other.start)
    settings = parse(
        f'[gateway]\nname = "g"\ndata_folder = "{tmp_path}"\nmode = "simulated"\n'
        f"[embedded_broker]\nport = {other.port}\n"
    )
    journal = Journal.open(
        tmp_path / "j", gateway="g", provenance=Provenance.SIMULATED, clock=GatewayClock(),
        config=JournalConfig(),
    )  # fmt: skip
    health = HealthRegistry()
    sinks = Sinks(settings, journal, Audit(journal.append), {}, health, Supervisor())
    running = asyncio.create_task(sinks.run())
    try:
        await eventually(lambda: "broker" in health.parts())
        part = health.parts()["broker"]
        assert not part["ok"]
        assert "another broker runs at" in part["error"]
        assert '[mqtt] host = "127.0.0.1"' in part["error"]
        assert "sink:mqtt" not in health.parts(), "nothing is sent to whom nobody named"
        own = settings.embedded_broker
        [found] = check_own_broker(own, Provenance.SIMULATED, gateway_runs=False)
        assert (found.state.value, "another broker" in found.text) == ("warning", True)
        await asyncio.to_thread(other.stop)
        await eventually(lambda: health.parts()["broker"]["ok"])
        await eventually(lambda: health.parts()["sink:mqtt"].get("connected") == 1.0)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        journal.close()
        await asyncio.to_thread(other.stop)


def test_a_program_that_does_not_run_is_not_ok(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "mosquitto"
    broken.write_text("#!/bin/sh\necho libmosquitto.so.1: cannot open shared object file >&2\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    own = parse("").embedded_broker
    [found] = check_own_broker(own, Provenance.FIELD, gateway_runs=False)
    assert found.state.value == "failed"
    assert "cannot open shared object" in found.text
