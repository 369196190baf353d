"""The workload process of the fault tests: FOLDER PORT FIRST_STEP STEPS_PER_S."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from faultkit import SocketSink, drafts, open_journal

from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Commit


async def work(folder: Path, port: int, step: int, steps_per_s: float) -> None:
    """Append, commit and deliver until killed; tell every commit."""
    journal = open_journal(folder)
    state = {"step": step}

    def tell(commit: Commit) -> None:
        sys.stdout.write(f"C {commit.stop} {state['step']}\n")
        sys.stdout.flush()

    journal.on_commit(tell)
    config = DeliveryConfig(hold_s=0, first_retry_s=0.05, longest_retry_s=0.2)
    delivery = Delivery(journal, SocketSink(port), config)
    task = asyncio.create_task(delivery.run())
    while not task.done():
        for draft in drafts(state["step"]):
            journal.append(draft)
        state["step"] += 1
        await asyncio.sleep(1 / steps_per_s)
    await task


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
