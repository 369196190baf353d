"""A gateway's record path into a FHIR server, to be killed: FOLDER URL IDEMPOTENCY."""

import asyncio
import sys
from pathlib import Path

from teleward_cloud.fhir.settings import FhirSettings, Idempotency
from teleward_cloud.fhir.sink import FhirSink
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal, JournalConfig
from teleward_signal.model import Provenance

CONFIG = JournalConfig(commit_interval_s=0.25, acknowledge_interval_s=0.5, span_s=2.0)


def open_journal(folder: Path) -> Journal:
    """Open the journal of the ward."""
    return Journal.open(
        folder, gateway="ward-3", provenance=Provenance.SIMULATED, clock=GatewayClock(),
        config=CONFIG,
    )  # fmt: skip


async def work(folder: Path, url: str, idempotency: str) -> None:
    """Deliver until nothing is left, then print the figures."""
    settings = FhirSettings(
        url=url, idempotency=Idempotency(idempotency), batch=50, timeout_s=10, settle_s=0.2
    )
    journal = open_journal(folder)
    sink = FhirSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    config = DeliveryConfig(hold_s=0, first_retry_s=0.05, longest_retry_s=0.3)
    task = asyncio.create_task(Delivery(journal, sink, config).run())
    while not journal.stats().sinks or journal.stats().sinks[0].pending:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)  # until progress is on the disk
    stats = journal.stats().sinks[0]
    print(f"acknowledged {stats.acknowledged} dead {stats.dead_letter}", flush=True)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    journal.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
