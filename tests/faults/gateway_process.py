"""`teleward run` as a process, with one simulated patch at a port and a database to deliver to.

Its patient's heart rate is above the prescribed limits from the first beat, so the gateway has to
show a value, alarm and record from its start on.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from teleward_gateway.testing.running_demo import START_S
from teleward_gateway.testing.servers import free_port
from teleward_simulators.fleet import DeviceSpec, write_spec

PATIENT = "anna"
LIMIT_S = 2 * START_S
"""For each step: two busy cores and a cold kernel cache."""
SETTINGS = """
[gateway]
name = "g1"
mode = "simulated"
data_folder = "{data}"
[api]
port = {port}
[influx]
url = "{influx}"
[classroom]
enabled = true
[[subjects]]
id = "anna"
bed = "bed-1"
[subjects.limits.metrics.heart_rate]
very_low = 20
low = 25
high = 40
very_high = 45
[[devices]]
id = "patch"
driver = "framed-serial"
port = "{device}"
subject = "anna"
"""


class GatewayProcess:
    """The two processes; everything but the gateway's data lies in ``folder``."""

    def __init__(self, folder: Path, data: Path, influx: str) -> None:
        self._folder, self._port = folder, free_port()
        device = folder / "port"
        spec = DeviceSpec("framed-serial", PATIENT, address=str(device))
        (folder / "fleet.json").write_text(write_spec([spec]))
        (folder / "teleward.toml").write_text(
            SETTINGS.format(data=data, port=self._port, influx=influx, device=device)
        )
        fleet = ["-m", "teleward_simulators.fleet", "--spec", str(folder / "fleet.json")]
        gateway = ["-m", "teleward_gateway", "run", "--config", str(folder / "teleward.toml")]
        self._processes = [self._started(fleet, "fleet"), self._started(gateway, "gateway")]

    def _started(self, arguments: list[str], name: str) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log)

    @property
    def log(self) -> str:
        """Everything that the gateway has logged."""
        return (self._folder / "gateway.log").read_text(errors="replace")

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something is true of the gateway, which must run meanwhile."""
        until_s = time.monotonic() + LIMIT_S
        while not condition():
            assert self._processes[1].poll() is None, f"the gateway ended:\n{self.log[-3000:]}"
            assert time.monotonic() < until_s, self.log[-3000:]
            time.sleep(0.1)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Return status and JSON of an API address; status 0 while nothing is answered."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError as error:
            return 0, str(error)

    def part(self, name: str) -> dict[str, Any]:
        """Return the health of a part; {} while there is none."""
        found: dict[str, Any] = self.ask("health")[1].get("parts", {}).get(name, {})
        return found

    def alarms(self, kind: str) -> list[str]:
        """Return the texts of the alarms of a kind that are on."""
        status, found = self.ask("alarms")
        return [alarm["text"] for alarm in found if alarm["kind"] == kind] if status == 200 else []

    def chart(self, value: float) -> tuple[int, Any]:
        """Type a saturation; return status and answer."""
        reading = {"metric": "spo2", "value": value}
        return self.ask(
            f"subjects/{PATIENT}/observations", {"author": "nurse", "readings": [reading]}
        )

    def stop(self) -> int:
        """Stop both; return the gateway's exit code."""
        for process in self._processes[::-1]:
            process.send_signal(signal.SIGTERM)
        try:
            return [process.wait(30) for process in self._processes][1]
        finally:
            self.kill()

    def kill(self) -> None:
        """End what still runs, however the test ended."""
        for process in self._processes:
            process.kill()
            process.wait()
