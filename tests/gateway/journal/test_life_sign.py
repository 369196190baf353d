"""Signs of life of the writer: rounds, repairs and a waiting disk are some, a hang is none."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.life_sign import LONGEST_REPAIR_S, LifeSign, thread_state
from teleward_gateway.testing.journal_kit import QUICK
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind


def test_only_a_thread_that_does_nothing_is_silent() -> None:
    now, state = [0.0], ["S"]
    life = LifeSign(lambda: now[0], lambda thread: state[0])
    life.begin()
    now[0] = 10.0
    assert life.silent_s() == 10.0
    life.round_ended()
    now[0], state[0] = 90.0, "D"
    assert life.silent_s() == 0.0, "the kernel holds it: the disk stalls"
    now[0], state[0] = 120.0, "R"
    assert life.silent_s() == 30.0
    with life.repairing():
        now[0] += LONGEST_REPAIR_S - 1
        assert life.silent_s() == 0.0
        now[0] += 100
        assert life.silent_s() == 100.0, "no repair takes that long"
    assert life.silent_s() == 0.0


def test_the_state_of_a_thread_is_read_from_the_kernel() -> None:
    assert thread_state(threading.get_native_id()) == "R"
    assert thread_state(2**22 + 1) == ""
    with subprocess.Popen(["sleep", "60"]) as other:
        assert thread_state(other.pid) == "", "a thread of this process only"
        other.kill()


class HangingDisk:
    """A connection whose statements of the writer wait until it is released."""

    def __init__(self, path: Path) -> None:
        self._real = connect(path)
        self.close = self._real.close
        self.executemany = self._real.executemany

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a statement, once the disk answers."""
        if threading.current_thread().name == "journal-writer":
            running.wait()
        return self._real.execute(sql, values)


running = threading.Event()


async def test_a_writer_that_hangs_gives_no_sign_until_it_goes_on(
    tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    running.set()
    journal = Journal.open(
        tmp_path, gateway="g", provenance=Provenance.FIELD, clock=GatewayClock(),
        config=QUICK, connect=HangingDisk,
    )  # fmt: skip
    try:
        running.clear()
        journal.append(Draft(RecordKind.AUDIT, payload={"what": "test"}))
        await eventually(lambda: journal.silent_s() > 1.0)
        running.set()
        await eventually(lambda: journal.silent_s() < 1.0)
    finally:
        running.set()
        journal.close()
