"""Updates that go wrong in every way, against a real gateway; one row each.

    python cases.py [--gate SECONDS] [--only PATTERN]

Each row: what happens to the update, which version runs at the end, how long it took, the longest
time in which nobody could enter a value, values acknowledged and lost, and the settings file.
"""

import argparse
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from install import ROOT, Install, build_wheel

from teleward_gateway.updating.bundle import MANIFEST
from teleward_gateway.updating.gate import GATE_S
from teleward_gateway.updating.places import release_of
from teleward_gateway.updating.schemas import SCHEMAS
from teleward_gateway.updating.steps import FORWARD, Step

MOST_S = 360.0
RUN, APP = "teleward_gateway/commands/run.py", "teleward_gateway/app.py"
DOES_NOT_LOAD = {APP: "\nimport a_library_that_is_not_there\n"}
CRASHES = {RUN: "\ndef run(arguments):\n    raise SystemExit(3)\n"}
CRASHES_LATER = {RUN: """
def _settle_garbage():
    import os, threading
    threading.Timer(4.0, os._exit, (3,)).start()
"""}  # fmt: skip
HANGS = {RUN: "\ndef _settle_garbage():\n    import time\n    time.sleep(1e6)\n"}
EATS_MEMORY = {RUN: """
def _settle_garbage():
    import threading, time
    def eat():
        kept = []
        for _ in range(30):
            kept.append(b"x" * 40_000_000)
            time.sleep(0.1)
        time.sleep(1e6)
    threading.Thread(target=eat, daemon=True).start()
"""}  # fmt: skip
LOSES_DEVICES = {"teleward_drivers/serial_link.py": """
async def _lost(cls, port, settings):
    from teleward_drivers.errors import LinkError
    raise LinkError("no port")
SerialLink.open = classmethod(_lost)
"""}  # fmt: skip
LOSES_BROKER = {"teleward_cloud/mqtt/connection.py": """
async def _away(self):
    raise MqttUnavailable("no broker")
MqttConnection.connect = _away
"""}  # fmt: skip
RISKY = {"journal": SCHEMAS["journal"] + 1}


@dataclass(frozen=True)
class Case:
    """One update; ``run`` carries it out, ``result`` is what the history must have."""

    name: str
    run: Callable[[Install], object]
    result: str
    reason: str = ""


def damaged(install: Install, at: int, cut: bool = False) -> Path:
    """Return an update with one byte changed at a place, or cut off there."""
    path = install.update_file()
    content = bytearray(path.read_bytes())
    at = at if at >= 0 else len(content) + at
    content[at] ^= 0x20
    path.write_bytes(content[:at] if cut else content)
    return path


def bad_signature(install: Install) -> Path:
    """Return an update whose manifest was changed after it was signed."""
    path = install.update_file()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    changed = members[MANIFEST].replace(b'"version": "0.2.', b'"version": "0.3.')
    assert changed != members[MANIFEST]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (members | {MANIFEST: changed}).items():
            archive.writestr(name, content)
    return path


def other_key(install: Install) -> Path:
    """Return an update that somebody else signed."""
    own, install.key = install.key, Ed25519PrivateKey.generate()
    try:
        return install.update_file()
    finally:
        install.key = own


@contextmanager
def small_disk(install: Install, megabytes: int) -> Iterator[None]:
    """Put the folder of the versions on a small disk of its own."""
    folder = str(install.folder / "versions")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def on_small_disk(install: Install, megabytes: int, fills_at: str = "") -> None:
    """Update on a disk that is too small, or that somebody fills meanwhile."""
    with small_disk(install, megabytes):
        if fills_at:
            os.environ["FILL"] = str(install.folder / "versions" / "filler")
        try:
            done = install.update(install.update_file(), end_at=fills_at)
        finally:
            os.environ.pop("FILL", None)
        assert done.returncode == 1, done
        assert "Nothing was changed" in done.stderr, done
        assert "disk" in done.stderr or "space" in done.stderr, done
        left = {path.name for path in (install.folder / "versions").iterdir() if path.is_dir()}
        assert not left, left


def on_battery(install: Install) -> None:
    """Update while the battery is nearly empty."""
    supply = install.folder / "sys/class/power_supply/BAT0"
    supply.mkdir(parents=True)
    for name, word in (("type", "Battery"), ("status", "Discharging"), ("capacity", "12")):
        (supply / name).write_text(word)
    try:
        install.update(install.update_file())
    finally:
        (supply / "status").write_text("Charging")


def from_url(install: Install) -> None:
    """Update from a web server."""
    path = install.update_file()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        install.update(f"http://127.0.0.1:{server.server_address[1]}/{path.name}")
        server.shutdown()


def ended_at(install: Install, step: Step) -> None:
    """Update, with a kill when a step begins; a snapshot is a step of some updates alone."""
    back = step not in FORWARD
    changes = {"schemas": RISKY} if step is Step.SNAPSHOT else {}
    path = install.update_file(CRASHES if back else None, **changes)
    install.update(path, end_at=step.name)
    assert install.marker.exists(), f"{step} was not reached"


def kill_cases() -> Iterator[Case]:
    """Yield a kill at each step."""
    for step in Step:
        number = tuple(Step).index(step)
        forward = number >= tuple(Step).index(Step.SNAPSHOT)
        result = "" if not forward else "accepted" if step in FORWARD else "back"
        yield Case(f"killed at: {step}", partial(ended_at, step=step), result)


def with_code(code: dict[str, str], **changes: object) -> Callable[[Install], object]:
    """Return the course of an update whose code was changed."""
    return lambda install: install.update(install.update_file(code, **changes))


def cases() -> list[Case]:
    """Return all cases, in the order of the table."""
    return [
        Case("good", lambda i: i.update(i.update_file()), "accepted"),
        Case("good, from a URL", from_url, "accepted"),
        Case("asked to go back", lambda i: i.update("", "--back"), "back", "asked for"),
        Case("manifest changed", lambda i: i.update(bad_signature(i)), "refused", "signature"),
        Case("signed by another key", lambda i: i.update(other_key(i)), "refused", "signature"),
        Case("one byte damaged", lambda i: i.update(damaged(i, -20000)), "refused", "damaged"),
        Case("download cut off", lambda i: i.update(damaged(i, 9000, cut=True)), "refused",
             "damaged"),
        Case("server away", lambda i: i.update("http://127.0.0.1:9/x"), "refused", "not reached"),
        Case("not newer", lambda i: i.update(i.update_file(number=3)), "refused", "not newer"),
        Case("disk too small", lambda i: on_small_disk(i, 90), ""),
        Case("disk fills at: unpack", lambda i: on_small_disk(i, 200, "UNPACK"), ""),
        Case("battery 12 %", on_battery, "refused", "plug"),
        Case("clock behind", lambda i: i.update(i.update_file(made=int(time.time()) + 30 * 86400)),
             "refused", "clock"),
        *kill_cases(),
        Case("does not load", with_code(DOES_NOT_LOAD), "refused", "does not load"),
        Case("crashes at its start", with_code(CRASHES), "back", "ended by itself"),
        Case("crashes after 4 s", with_code(CRASHES_LATER), "back", "ended by itself"),
        Case("hangs", with_code(HANGS), "back", "answer"),
        Case("eats memory", with_code(EATS_MEMORY), "back", "memory"),
        Case("loses the device", with_code(LOSES_DEVICES), "back", "no data from clip"),
        Case("loses the broker", with_code(LOSES_BROKER), "back", "sink:mqtt"),
        Case("crashes, files not additive", with_code(CRASHES, schemas=RISKY), "back",
             "ended by itself"),
    ]  # fmt: skip


@dataclass
class Row:
    """What came of one case."""

    name: str
    result: str
    version: str
    took_s: float
    away_s: float
    kept: int
    lost: int
    problem: str = ""


def run_case(install: Install, case: Case) -> Row:
    """Carry a case out, and return its row; ``problem`` is empty when all is as it must be."""
    settings = install.config.read_bytes()
    before, lines = install.places.current(), len(install.history())
    install.entering.new_course()
    began_s = time.monotonic()
    case.run(install)
    install.wait_for_end()
    install.wait_for_device()
    took_s = time.monotonic() - began_s
    time.sleep(0.6)  # one more value is entered
    kept, lost = install.entering.lost()
    added = install.history()[lines:]
    result = added[-1]["result"] if added else ""
    reason = added[-1]["reason"] if added else ""
    after = install.places.current()
    problems = [
        text
        for wrong, text in (
            (result != case.result, f"the history has {result!r}: {reason}"),
            (case.reason not in reason, f"the reason is {reason!r}"),
            ((after != before) != (result == "accepted" or case.reason == "asked for"),
             f"{before.name} became {after.name}"),
            (lost, f"{lost} values lost"),
            (install.config.read_bytes() != settings, "the settings were changed"),
            (took_s > MOST_S, "took too long"),
        )
        if wrong
    ]  # fmt: skip
    version = release_of(after).version
    away_s = install.entering.longest_away_s
    return Row(case.name, result or "unchanged", version, took_s, away_s, kept, lost,
               "; ".join(problems))  # fmt: skip


def table(rows: list[Row]) -> str:
    """Return the rows as a table."""
    lines = ["| update | result | runs then | s | away s | values | lost | as it must be |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        times = f"{row.took_s:.0f} | {row.away_s:.1f}"
        end = f"{row.kept} | {row.lost} | {row.problem or 'yes'}"
        lines.append(f"| {row.name} | {row.result} | {row.version} | {times} | {end} |")
    return "\n".join(lines)


def main() -> int:
    """Run the cases, print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gate", type=float, default=15.0, help="seconds of the health gate here")
    parser.add_argument("--only", default="", help="cases whose name matches")
    arguments = parser.parse_args()
    rows: list[Row] = []
    build = ROOT / "build"
    with tempfile.TemporaryDirectory() as wheels:
        shutil.rmtree(build / "updates", ignore_errors=True)
        wheel, cache = build_wheel(Path(wheels)), build / "updates-cache"
        install = Install(build / "updates", cache, wheel, arguments.gate)
        with install.running():
            for case in cases():
                if not re.search(arguments.only, case.name):
                    continue
                if "disk" in case.name and os.geteuid() != 0:
                    print(f"{case.name}: needs root, not run")
                    continue
                try:
                    rows.append(run_case(install, case))
                except (AssertionError, OSError, subprocess.SubprocessError) as error:
                    rows.append(Row(case.name, "FAILED", "", 0, 0, 0, 0, repr(error)[:2000]))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
    wrong = sum(bool(row.problem) for row in rows)
    print(f"\n{table(rows)}\n")
    print(f"{len(rows)} updates, {wrong} not as they must be; health gate {arguments.gate:.0f} s "
          f"here, {GATE_S:.0f} s by default")  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
