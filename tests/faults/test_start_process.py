"""`teleward run` on a disk that keeps nothing: it shows, alarms, names it, records later."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faultkit import BILLS, Bill, all_records, open_journal
from gateway_process import GatewayProcess
from images import Image, available, fill
from sink_kit import BUCKET

from teleward_gateway.journal.database import connect
from teleward_gateway.journal.store import IDENTITY, SCHEMA, Store
from teleward_gateway.testing.servers import Influx
from teleward_signal.record import RecordKind

Hinder = Callable[[Path], Callable[[], object]]
"""Makes a disk, of which the mount point is given, refuse; returns how a person corrects it."""


def full(disk: Path) -> Callable[[], object]:
    ballast = disk / "ballast"
    fill(ballast)
    return ballast.unlink


def a_file_for_a_folder(disk: Path) -> Callable[[], object]:
    (disk / "data").write_text("a file where the folder must be")
    return (disk / "data").unlink


def later_version(disk: Path) -> Callable[[], object]:
    folder = disk / "data" / "simulated"
    open_journal(folder).close()
    store = Store(connect(folder / "simulated.sqlite3"))
    store.write_state(IDENTITY, {**store.read_states()[IDENTITY], "schema": SCHEMA + 1})
    store.database.close()

    def put_aside() -> None:
        for path in folder.glob("simulated.sqlite3*"):
            path.rename(disk / f"later-{path.name}")

    return put_aside


def broken_registry(disk: Path) -> Callable[[], object]:
    folder = disk / "data" / "simulated"
    folder.mkdir(parents=True)
    (folder / "registry.sqlite").write_bytes(b"no registry" * 1000)
    return lambda: None


KINDS: dict[str, Hinder] = {
    "disk full at start": full,
    "read-only at start of the process": lambda disk: lambda: None,  # mounted so, see `disk_of`
    "no data folder at start": a_file_for_a_folder,
    "journal of a later version at start": later_version,
    "registry broken at start": broken_registry,
}


@contextmanager
def disk_of(folder: Path, name: str) -> Iterator[tuple[Path, Callable[[], object]]]:
    """Yield the mount point of a small disk with the fault ``name``, and how it is corrected."""
    image = Image(folder / "image", 24)
    image.mount()
    try:
        correct = KINDS[name](image.mount_point)
        if name.startswith("read-only"):
            image.remount("ro")
            correct = lambda: image.remount("rw")  # noqa: E731
        yield image.mount_point, correct
    finally:
        image.unmount(lazily=True)


@pytest.mark.slow  # up to half a minute each: `make test-faults`
@pytest.mark.skipif(not available(), reason="mounting images needs root")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", KINDS)
async def test_a_start_on_a_refusing_disk(tmp_path: Path, influx: Influx, name: str) -> None:
    keeps = name.startswith("registry")
    bill = Bill(f"teleward run, {name}", human=0 if keeps else 1)
    influx.start()
    with disk_of(tmp_path, name) as (disk, correct):
        gateway = GatewayProcess(tmp_path, disk / "data", influx.url)
        try:
            gateway.wait(lambda: gateway.alarms("physiological"))
            assert "HR very high" in gateway.alarms("physiological")[0]
            assert gateway.part("classroom"), "a classroom that cannot open is a part, not an end"
            if not keeps:
                assert "records cannot be written" in gateway.part("journal")["error"]
                assert any("Not recording" in text for text in gateway.alarms("technical"))
                status, answer = gateway.chart(91)
                assert (status, answer["title"]) == (503, "Unavailable")
            began_s = time.monotonic()
            correct()
            gateway.wait(lambda: gateway.part("journal").get("ok"))
            gateway.wait(lambda: gateway.part("classroom").get("ok"))
            bill.recover_s = time.monotonic() - began_s
            status, ((last),) = gateway.chart(92)
            assert status == 201
            gateway.wait(lambda: (last["seq"], last["part"]) in stored(influx))
            assert gateway.stop() == 0
        finally:
            gateway.kill()
        rows = stored(influx)
        influx.stop()
        journal = open_journal(disk / "data" / "simulated")
        kept = await all_records(journal)
        stats, ranges = journal.stats(), journal.ranges("influx")
        journal.close()
    values = [
        record for record in kept
        if record.kind is RecordKind.MEASUREMENT and record.id.seq <= last["seq"]
    ]  # fmt: skip
    wanted = [(record.id.seq, record.id.part) for record in values]
    bill.committed = len(wanted)
    bill.acknowledged = sum(
        any(start <= seq + part < stop for start, stop in ranges) for seq, part in wanted
    )
    bill.stored, bill.lost = len(rows), len(set(wanted) - set(rows))
    bill.doubled, bill.reported = len(rows) - len(set(rows)), stats.lost.total
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, bill.reported) == (0, 0, 0)
    typed = [r.payload["value"] for r in values if r.payload["source"] == "manual"]
    assert typed == [92.0], "what was refused is not kept"
    rates = [r.time_ns for r in values if r.metric == "heart_rate" and r.payload["value"]]
    assert rates, "values from before the disk took any are kept"


def stored(influx: Influx) -> list[tuple[int, int]]:
    """Return number and part of the values that the database holds."""
    rows = influx.query(BUCKET, "SELECT seq, part FROM numeric")
    return [(row["seq"], row["part"]) for row in rows]
