"""An alarm whose webhook was away rings after a restart of the gateway, once, and is audited."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from teleward_cloud.alarms.settings import WebhookSettings
from teleward_cloud.alarms.webhook import WebhookSink
from teleward_cloud.mqtt import payload
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.testing.servers import free_port
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

Wait = Callable[..., Any]
QUICK = DeliveryConfig(hold_s=0, first_retry_s=0.02, longest_retry_s=0.05)


class Gateway:
    """A journal and its webhook, from a start to a stop."""

    def __init__(self, folder: Path, port: int) -> None:
        self.journal = Journal.open(
            folder, gateway="gw", provenance=Provenance.SIMULATED, clock=GatewayClock()
        )
        settings = WebhookSettings(
            name="desk", url=f"http://127.0.0.1:{port}/", secret=SecretStr("0123456789abcdef")
        )
        sink = WebhookSink(settings, Audit(self.journal.append).of_alarm)
        self.delivery = Delivery(self.journal, sink, QUICK)
        self._task = asyncio.create_task(self.delivery.run())

    async def stop(self) -> None:
        """Stop in order."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self.journal.close)


async def test_an_alarm_is_delivered_after_a_restart(tmp_path: Path, eventually: Wait) -> None:
    port = free_port()
    taken: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        taken.extend(payload.decode(await request.read()))
        return web.Response(status=204)

    first = Gateway(tmp_path, port)
    content = {"condition": "spo2_low", "priority": "high", "presence": "on", "text": "SpO2 84"}
    first.journal.append(Draft(RecordKind.ALARM, "bed-1", "ox", "spo2", payload=content))
    await first.journal.flush()
    await eventually(lambda: first.delivery.status.failures >= 2)
    await first.stop()

    application = web.Application()
    application.router.add_post("/", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    second = Gateway(tmp_path, port)
    await eventually(lambda: taken)
    await eventually(lambda: [sink.pending for sink in second.journal.stats().sinks] == [0])
    await second.journal.flush()
    audit = await second.journal.read(None, frozenset({RecordKind.AUDIT}), 10)
    await second.stop()
    await runner.cleanup()
    assert [record.payload["text"] for record in taken] == ["SpO2 84"]
    (entry,) = audit.records
    assert entry.payload["action"] == "alarm delivered"
    assert entry.payload["target"] == "webhook-desk"
    assert entry.payload["condition"] == "spo2_low"
