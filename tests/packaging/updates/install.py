"""An installed gateway in a folder, with a device, a broker and somebody who enters values."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from keeper import Keeper

from teleward_gateway.operation.update_history import history
from teleward_gateway.testing.servers import Mosquitto, free_port
from teleward_gateway.updating.bundle import RELEASE, Manifest, write_bundle
from teleward_gateway.updating.places import Places
from teleward_gateway.updating.schemas import SCHEMAS
from teleward_gateway.updating.trial import Stage, read_trial

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
NUMBER = 100
START_S = 600.0
"""The first start compiles the kernels."""
SETTINGS = """\
# settings of a test; no update changes a byte of them
[gateway]
name = "clinic"
data_folder = "{data}"
[radio]
adapter = "off"
[api]
port = {port}
[mqtt]
host = "127.0.0.1"
port = {broker}
[update]
gate_s = {gate_s}
reach = ["127.0.0.1:{broker}"]
[[subjects]]
id = "p1"
bed = "bed-1"
[[devices]]
id = "clip"
driver = "cms50d"
port = "{pty}"
subject = "p1"
"""


def build_wheel(folder: Path) -> Path:
    """Return the wheel of this checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("teleward-*.whl"))


def changed(wheel: Path, target: Path, added: Mapping[str, str]) -> Path:
    """Return a copy of a wheel with code at the end of some of its files."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, source.read(name) + added.get(name, "").encode())
    return target


class Install:
    """One install below ``folder``; `running` starts it."""

    def __init__(self, folder: Path, cache: Path, wheel: Path, gate_s: float) -> None:
        self.folder, self.wheel, self._gate_s = folder, wheel, gate_s
        self.key = Ed25519PrivateKey.generate()
        self.config = folder / "teleward.toml"
        self.file = folder / "install.json"
        self.marker = folder / "ended"
        self._numbers = iter(range(NUMBER + 1, NUMBER + 1000))
        folder.mkdir(parents=True)
        for name in ("keys", "versions", "data", "broker"):
            (folder / name).mkdir()
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "keys" / "publisher.pem").write_bytes(public)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "app")
        for path in (folder / "app").rglob("*.py"):
            os.utime(path, (0, 0))  # kernels are known by the dates of their sources
        release = Manifest("0.1.0", NUMBER, 0, schemas=SCHEMAS)
        (folder / "app" / RELEASE).write_bytes(release.to_json())
        self.port, self.pty = free_port(), folder / "pty"
        given = {"versions": folder / "versions", "app": folder / "app", "python": sys.executable,
                 "config": self.config, "cache": cache, "user": "",
                 "systemctl": str(folder / "systemctl"), "machine": folder / "sys"}  # fmt: skip
        named = {key: str(value) for key, value in given.items()}
        self.file.write_text(json.dumps({**named, "keys": [str(folder / "keys")]}))
        self.places = Places.from_file(self.file)
        self.launcher = self._launcher()

    def _launcher(self) -> Path:
        """Return the launcher of the package, for this folder."""
        text = (ROOT / "packaging/teleward/launcher").read_text()
        for old, new in (("/var/lib/teleward-versions", self.folder / "versions"),
                         ("/usr/lib/teleward/app", self.folder / "app"),
                         ("/usr/lib/teleward/runtime/bin/python3", sys.executable),
                         ("-m teleward_gateway", '${ENDED:--m teleward_gateway}')):  # fmt: skip
            assert old in text
            text = text.replace(old, str(new))
        path = self.folder / "teleward"
        path.write_text(text)
        path.chmod(0o755)
        return path

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run broker, device and gateway, with somebody who enters a value twice a second."""
        guard = [str(self.launcher), "update", "--guard", "--install", str(self.file)]
        with ExitStack() as stack:
            broker = Mosquitto(self.folder / "broker")
            broker.start()
            stack.callback(broker.stop)
            command = [sys.executable, "-m", "teleward_gateway", "simulate", "serial", "cms50d",
                       "--pty", str(self.pty)]  # fmt: skip
            device = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            stack.callback(device.wait)
            stack.callback(device.terminate)
            self.config.write_text(SETTINGS.format(
                data=self.folder / "data", port=self.port, broker=broker.port, pty=self.pty,
                gate_s=self._gate_s,
            ))  # fmt: skip
            run = [str(self.launcher), "run", "--config", str(self.config)]
            os.environ["CACHE_DIRECTORY"] = str(self.places.cache)
            self.keeper = stack.enter_context(Keeper(self.folder, run, guard))
            self.keeper.gateway.start()
            self.wait_for_device()
            self.entering = stack.enter_context(Entering(self))
            yield

    def ask(self, path: str, body: object = None) -> Any:
        """Return an answer of the gateway; raises OSError."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def wait_for_device(self, wait_s: float = START_S) -> None:
        """Wait until the gateway answers and its device sends."""
        end_s = time.monotonic() + wait_s
        while True:
            try:
                if self.ask("/health")["parts"]["sessions"]["streaming"] == 1:
                    return
            except (OSError, ValueError):
                pass
            if time.monotonic() > end_s:
                raise AssertionError((self.folder / "gateway.log").read_text()[-3000:])
            time.sleep(0.2)

    def update_file(self, added: Mapping[str, str] | None = None, **changes: Any) -> Path:
        """Return a signed update of a higher number, with changed code.

        Two names in turn: their kernels are compiled once.
        """
        version = "0.2.1" if self.places.current().name != "0.2.1" else "0.2.2"
        manifest = Manifest(**{"version": version, "number": next(self._numbers), "made": 0,
                               "schemas": SCHEMAS, **changes})  # fmt: skip
        wheel = self.wheel
        if added:
            wheel = changed(self.wheel, self.folder / "changed.whl", added)
        path = self.folder / f"{manifest.version}.update"
        write_bundle(path, manifest, wheel, self.key)
        return path

    def update(
        self, source: Path | str, *words: str, end_at: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``teleward update``; ``end_at`` is a step at which it, or the guard, is killed."""
        env = dict(os.environ)
        self.marker.unlink(missing_ok=True)
        if end_at:
            env["ENDED"] = f"{HERE / 'ended.py'} {end_at} {self.marker}"
        self.keeper.guard._env = env
        command = [str(self.launcher), "update", str(source), "--install", str(self.file), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    def wait_for_end(self, wait_s: float = 400.0) -> None:
        """Wait until no guard works; a trial that none has begun with waits for a person."""
        end_s = time.monotonic() + wait_s
        while self.keeper.guard.pid or (
            (trial := read_trial(self.places)) is not None and trial.stage is not Stage.READY
        ):
            assert time.monotonic() < end_s, (self.folder / "guard.log").read_text()[-3000:]
            time.sleep(0.2)

    def history(self) -> list[dict[str, Any]]:
        """Return what became of each update."""
        return history(self.places.versions)


class Entering:
    """Somebody who enters a value twice a second, and remembers what was acknowledged."""

    def __init__(self, install: Install) -> None:
        self._install, self._done = install, threading.Event()
        self.kept: list[str] = []
        self.longest_away_s = 0.0
        self._answered_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Entering":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        reading = {"metric": "body_temperature", "value": 37.0}
        while not self._done.wait(0.5):
            try:
                answer = self._install.ask(
                    "/subjects/p1/observations", {"author": "test", "readings": [reading]}
                )
            except (OSError, ValueError):
                continue
            self.kept += [json.dumps(identity, sort_keys=True) for identity in answer]
            now_s = time.monotonic()
            self.longest_away_s = max(self.longest_away_s, now_s - self._answered_s)
            self._answered_s = now_s

    def new_course(self) -> None:
        """Begin to measure the longest time without an answer again."""
        self.longest_away_s, self._answered_s = 0.0, time.monotonic()

    def lost(self) -> tuple[int, int]:
        """Return how many acknowledged values there are, and how many are not on record."""
        wanted, after = set(self.kept), ""
        found: set[str] = set()
        while True:
            page = self._install.ask(
                f"/subjects/p1/observations?metric=body_temperature&limit=1000{after}"
            )
            found |= {json.dumps(each["id"], sort_keys=True) for each in page["observations"]}
            if not page["next"]:
                return len(wanted), len(wanted - found)
            after = f"&after={page['next']}"
