"""Bring the simulated ward up, print its progress, and take everything down again.

fleet process     virtual radio, BLE peripherals, serial devices on ptys
gateway process   `teleward run` with a settings file, exactly as shipped
this process      starts both, watches both, stops both
"""

import argparse
import asyncio
import contextlib
import errno
import json
import secrets
import shutil
import signal
import socket
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleward_gateway.demo.case_room import CaseRoom, open_room
from teleward_gateway.demo.class_hour import ClassHour, open_class
from teleward_gateway.demo.printed import explain, own_address, print_line
from teleward_gateway.demo.settings_file import settings_text
from teleward_gateway.process import child_processes
from teleward_signal.errors import TelewardError
from teleward_simulators.fleet import DeviceSpec, write_spec
from teleward_simulators.ward import WardPlan, plan_ward

LEAST_FREE_MB = 200
"""A day of eight patients is about 300 MB; less than this and the demo may not see the evening."""
START_S = 300.0
"""The first start compiles the signal kernels: 15 s on a fast machine, minutes on a small one."""
USUAL_CPU_S = 1.5
"""Processor time that this command itself takes to start on a usual machine."""
QUIET_S = 3.0
"""A usual start is over before a progress line would be worth reading."""
KERNELS = "signal kernels:"
"""Prefix of the gateway's log lines that show the progress of compiling."""


class DemoError(TelewardError):
    """The demo cannot go on; the message is one clear line."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where one demo lives."""

    plan: WardPlan
    folder: Path
    port: int
    case: str | None = None
    held: bool = False
    lesson: str | None = None
    door: int = 0
    """Port at which phones of the local network come in, 0 without one."""
    start_limit_s: float = START_S

    @property
    def address(self) -> str:
        """The address of the dashboard."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def operator_key(self) -> str:
        """The key that opens classes and rooms, "" while the gateway has not made it."""
        path = self.folder / "data" / "simulated" / "rooms" / "operator-key"
        return path.read_text(encoding="ascii").strip() if path.exists() else ""


async def show(arguments: argparse.Namespace) -> int:
    """Run the demo until it is stopped; raises DemoError."""
    began = time.monotonic()
    demo = prepare(arguments)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    children: list[asyncio.subprocess.Process] = []
    try:
        counts = f"{len(demo.plan.devices)} simulated devices on {len(demo.plan.subjects)} patients"
        print_line(f"starting {counts}, and the gateway")
        fleet = await child_processes.start(
            [sys.executable, "-m", "teleward_simulators.fleet", "--spec",
             str(demo.folder / "fleet.json")],
            log=demo.folder / "fleet.log", pipe=True,
        )  # fmt: skip
        children.append(fleet)
        gateway = await child_processes.start(
            [sys.executable, "-m", "teleward_gateway", "run", "--config",
             str(demo.folder / "teleward.toml")],
            log=demo.folder / "gateway.log",
        )  # fmt: skip
        children.append(gateway)
        begin = asyncio.create_task(_begin(demo, fleet, gateway, began))
        stop = asyncio.create_task(stopped.wait())
        await asyncio.wait({begin, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not begin.done():
            begin.cancel()
            return 0
        announce(demo, arguments, begin.result())
        await _until_ended(demo, fleet, gateway, stop, arguments.seconds)
        return 0
    finally:
        for child in reversed(children):  # the gateway first, while its devices still answer
            await child_processes.stop(child)
        shutil.rmtree(demo.folder / "run", ignore_errors=True)
        print_line("stopped")


def prepare(arguments: argparse.Namespace) -> Demo:
    """Check what the demo needs and write its files; raises DemoError."""
    try:
        if arguments.case is not None:
            # imported here: the cases bring the whole physiology, which a plain ward does without
            from teleward_simulators.cases.catalogue import case_named

            case_named(arguments.case)
        taught = arguments.case is not None or arguments.lesson is not None
        alone = taught and arguments.patients == 0
        plan = WardPlan((), ()) if alone else plan_ward(arguments.patients, arguments.seed)
    except ValueError as error:
        raise DemoError(str(error)) from None
    port = free_port(arguments.port)
    folder: Path = arguments.folder.resolve()
    try:
        for part in ("data", "run"):
            shutil.rmtree(folder / part, ignore_errors=True)
            (folder / part).mkdir(parents=True)
        for log in ("fleet.log", "gateway.log"):
            (folder / log).unlink(missing_ok=True)
        free_mb = shutil.disk_usage(folder).free // 2**20
        if free_mb < LEAST_FREE_MB:
            raise DemoError(
                f"disk almost full: {free_mb} MB free in {folder}, the demo needs {LEAST_FREE_MB} "
                "MB; free some space or choose another place with --folder"
            )
        door = _write(plan, folder, port, arguments)
    except OSError as error:
        raise DemoError(
            f"cannot write to {folder}: {error.strerror}; choose another place with --folder"
        ) from None
    return Demo(
        plan, folder, port, arguments.case, arguments.held, arguments.lesson, door,
        start_limit_s(time.process_time()),
    )  # fmt: skip


def start_limit_s(cpu_s: float) -> float:
    """Return how long the start may take on a machine where this command's own took ``cpu_s``."""
    return START_S * max(1.0, cpu_s / USUAL_CPU_S)


def free_port(port: int) -> int:
    """Return ``port``, or a free one for 0; raises DemoError when it is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
            raise DemoError(f"port {port} {why}; choose another with --port") from None
        return int(probe.getsockname()[1])


def _write(plan: WardPlan, folder: Path, port: int, arguments: argparse.Namespace) -> int:
    """Write what the processes read; return the port of the door for phones, 0 without one."""
    ports = folder / "run" / "serial"
    ports.mkdir()
    # a socket's path is at most 107 bytes long, and the folder may lie deep
    hub = f"unix:{folder / 'run' / 'air.sock'}"
    if len(hub) > 100:
        hub = f"tcp:127.0.0.1:{free_port(0)}"
    sources = {subject.id: subject for subject in plan.subjects}
    specs = [
        DeviceSpec(
            device.kind,
            device.subject,
            sources[device.subject].source,
            str(ports / device.place) if device.is_serial else device.place,
            seed=sources[device.subject].seed,
            options=device.options,
        )
        for device in plan.devices
    ]
    control = free_port(0)
    key = secrets.token_urlsafe(12)
    spec = write_spec(specs, hub=hub, ports=str(ports), control=control, control_key=key)
    _write_private(folder / "fleet.json", spec)
    extra = arguments.settings.read_text() if arguments.settings else ""
    tables: dict[str, dict[str, Any]] = {
        "classroom": {"enabled": True, "fleet": f"http://fleet:{key}@127.0.0.1:{control}"}
    }
    if "mqtt]" not in extra and "broker]" not in extra:
        tables["embedded_broker"] = _free("port", 1883)
    if arguments.lan:
        tables["lan"] = {"enabled": True, **_free("port", 8443), **_free("plain_port", 8081)}
    text = settings_text(
        plan, radio=f"virtual:{hub}", ports=ports, data_folder=folder / "data", port=port,
        extra=tables,
    )  # fmt: skip
    _write_private(folder / "teleward.toml", f"{text}\n{extra}")
    return int(tables["lan"]["plain_port"]) if arguments.lan else 0


def _write_private(path: Path, text: str) -> None:
    """Write a file with secrets in it, for this user only."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _free(key: str, usual: int) -> dict[str, int]:
    """Return a setting with the usual port of a server, or any where that is taken."""
    try:
        return {key: free_port(usual)}
    except DemoError:
        return {key: free_port(0)}


async def _begin(
    demo: Demo,
    fleet: asyncio.subprocess.Process,
    gateway: asyncio.subprocess.Process,
    began: float,
) -> CaseRoom | ClassHour | None:
    """Report progress until a trace is live; return the room that was opened, if any."""
    controlled = asyncio.Event()
    watch = asyncio.create_task(_watch_fleet(fleet, demo, controlled))
    try:
        streaming = -1
        room: CaseRoom | ClassHour | None = None
        progress = _Kernels(demo.folder / "gateway.log")
        while True:
            await asyncio.sleep(0.2)
            progress.report()
            _check_running(demo, fleet, gateway, began)
            state = await asyncio.to_thread(_ask, demo.address)
            if state is None:
                continue
            if room is None and controlled.is_set():
                room = await _open_asked(demo)
            devices = len(demo.plan.devices) + (room.n_devices if room else 0)
            if state["streaming"] != streaming:
                streaming = state["streaming"]
                print_line(f"{streaming} of {devices} devices stream")
            # a case may have no device with a trace
            if (room or (demo.case is None and demo.lesson is None)) and (
                state["traces"] or streaming == devices
            ):
                print_line(f"live after {time.monotonic() - began:.1f} s")
                return room
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


def _check_running(
    demo: Demo,
    fleet: asyncio.subprocess.Process,
    gateway: asyncio.subprocess.Process,
    began: float,
) -> None:
    """Raise DemoError when a child has ended or the start takes too long."""
    for child, name in ((fleet, "fleet"), (gateway, "gateway")):
        if child.returncode is not None:
            raise DemoError(explain(demo.folder, name))
    if time.monotonic() - began > demo.start_limit_s:
        limit_s = demo.start_limit_s
        raise DemoError(f"no trace after {limit_s:.0f} s; see {demo.folder}/gateway.log")


async def _open_asked(demo: Demo) -> CaseRoom | ClassHour | None:
    """Open the room or the class that the demo was asked for, if any."""
    if demo.case is not None:
        return await _open_room(demo, demo.case)
    return None if demo.lesson is None else await _open_class(demo, demo.lesson)


async def _open_class(demo: Demo, lesson: str) -> ClassHour:
    try:
        return await asyncio.to_thread(open_class, demo.address, lesson, demo.operator_key)
    except ValueError as error:
        raise DemoError(str(error)) from None


async def _open_room(demo: Demo, case: str) -> CaseRoom:
    keep = demo.folder / "run" / "room.json"
    print_line(f"opening a room on {case}; the first one compiles the patient's kernels")
    try:
        return await asyncio.to_thread(
            open_room, demo.address, case, demo.held, keep, demo.operator_key
        )
    except ValueError as error:
        raise DemoError(str(error)) from None


class _Kernels:
    """Passes on how far the gateway is with compiling, when it takes long enough to be asked."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._shown = ""
        self._since_s = time.monotonic()

    def report(self) -> None:
        """Print what is new, after a few quiet seconds."""
        if time.monotonic() - self._since_s < QUIET_S or not self._log.exists():
            return
        self._since_s = time.monotonic()
        lines = self._log.read_text(errors="replace").splitlines()
        newest = next((line for line in reversed(lines) if KERNELS in line), "")
        if newest != self._shown and "100 %" not in newest:
            self._shown = newest
            print_line(f"first start: compiling the {newest[newest.index(KERNELS) :]}")


async def _watch_fleet(
    fleet: asyncio.subprocess.Process, demo: Demo, controlled: asyncio.Event | None = None
) -> None:
    """Keep reading the fleet's output, so that its pipe never fills.

    ``controlled`` is set when its control API answers.
    """
    assert fleet.stdout is not None
    with (demo.folder / "fleet.log").open("ab") as log:
        while line := await fleet.stdout.readline():
            log.write(line)
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line).get("event")
                if event == "ready":
                    print_line("the simulated devices are switched on")
                elif event == "control" and controlled is not None:
                    controlled.set()


def _ask(address: str) -> dict[str, Any] | None:
    """Return how many devices stream and whether there are waves, None while there is no answer."""
    try:
        with urllib.request.urlopen(f"{address}/api/v1/health", timeout=2) as answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return None
    parts = health["parts"]
    return {
        "streaming": parts["sessions"]["streaming"],
        "traces": parts["ingest"]["blocks_total"],
    }


async def _until_ended(
    demo: Demo,
    fleet: asyncio.subprocess.Process,
    gateway: asyncio.subprocess.Process,
    stop: "asyncio.Task[bool]",
    seconds: float | None,
) -> None:
    watch = asyncio.create_task(_watch_fleet(fleet, demo))
    ends = [asyncio.create_task(child.wait()) for child in (fleet, gateway)]
    await asyncio.wait({stop, *ends}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    watch.cancel()
    for task, name in zip(ends, ("fleet", "gateway"), strict=True):
        if task.done() and not stop.done():
            raise DemoError(explain(demo.folder, name))
        task.cancel()


def announce(demo: Demo, arguments: argparse.Namespace, room: CaseRoom | ClassHour | None) -> None:
    """Print the addresses of the pages."""
    for line in room.words() if room else ():
        print_line(line)
    print_line(f"the ward: {demo.address}/ward")
    if demo.door:
        code = f"/j/{room.code}" if isinstance(room, ClassHour) else "/j"
        print_line(f"phones:   http://{own_address()}:{demo.door}{code}")
    if demo.operator_key and not demo.lesson:
        print_line(f"a class:  {demo.address}/teach#operator={demo.operator_key}")
    if not arguments.headless:
        if demo.plan.subjects:
            print_line(f"one bed:  {demo.address}/bed/{demo.plan.subjects[0].id}")
        elif isinstance(room, CaseRoom):
            print_line(f"one bed:  {demo.address}{room.page}")
        print_line(f"the API:  {demo.address}/api/v1/openapi.json")
        print_line(
            "simulated patients, for teaching only; not a medical device. Ctrl-C stops everything."
        )
