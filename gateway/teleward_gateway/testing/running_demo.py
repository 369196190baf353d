"""A demo in a process of its own, for the end-to-end tests: started, awaited, asked.

``TELEWARD_WHEEL_ENV`` names an environment with the wheel (`make test` makes it); without it the
package of this environment runs. Either way the process works outside the checkout.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from teleward_cloud.mqtt.compression import decompress
from teleward_signal.errors import TelewardError
from teleward_simulators.source import VitalSource
from teleward_simulators.sources import make_source
from teleward_simulators.ward import WardPlan, plan_ward

START_S = 240.0
"""A cold kernel cache and two busy cores; a quiet second start takes below 10 s."""


class DemoFailed(TelewardError):
    """The demo did not come up; the message is its last output."""


class Messages:
    """Everything that a broker delivers: topic and decoded JSON, from `listen` on."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def listen(self, port: int) -> None:
        """Subscribe to everything at the broker of this machine."""
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def records(self, **wanted: Any) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return (topic, message, record) of the records whose keys have the wanted values."""
        return [
            (topic, message, record)
            for topic, message in list(self.seen)
            for record in message.get("records", [])
            if all(record.get(key) == value for key, value in wanted.items())
        ]

    def _on_message(self, _client: Any, _data: object, message: paho.MQTTMessage) -> None:
        if message.payload:  # an empty one removes a retained message
            self.seen.append((message.topic, json.loads(decompress(bytes(message.payload)))))


@dataclass
class RunningDemo:
    """``teleward demo --headless``; ``address`` and ``start_ns`` are known once it is live."""

    folder: Path
    process: "subprocess.Popen[str]"
    plan: WardPlan
    address: str = ""
    start_ns: int = 0
    output: list[str] = field(default_factory=list)

    @classmethod
    def start(
        cls, folder: Path, *options: str, patients: int = 8, settings: str = ""
    ) -> "RunningDemo":
        """Start a demo in ``folder``; ``settings`` are further gateway settings (TOML)."""
        command = [str(interpreter()), "-m", "teleward_gateway", "demo", "--headless"]
        command += ["--port", "0", "--folder", str(folder / "demo"), "--patients", str(patients)]
        more = folder / "more.toml"
        more.write_text(settings)
        command += ["--settings", str(more), *options]
        environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        plan = plan_ward(patients) if patients else WardPlan((), ())
        return cls(folder / "demo", process, plan)

    def wait_live(self) -> None:
        """Wait for the first live trace; raises DemoFailed."""
        assert self.process.stdout is not None
        killer = threading.Timer(START_S, self.process.kill)
        killer.start()
        try:
            for line in self.process.stdout:
                self.output.append(line.strip())
                if "the ward: " in line:
                    break
            else:
                raise DemoFailed("the demo did not start:\n" + "\n".join(self.output))
        finally:
            killer.cancel()
        self.address = self.output[-1].split("the ward: ")[1].removesuffix("/ward")
        events = (self.folder / "fleet.log").read_text().splitlines()
        ready = next(json.loads(event) for event in events if '"ready"' in event)
        self.start_ns = int(ready["start_time_ns"])

    def stop(self) -> None:
        """Press Ctrl-C and wait; kill what does not stop."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def get(self, path: str) -> Any:
        """Return the JSON of an API address."""
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}", timeout=20) as answer:
            return json.load(answer)

    def observations(self, subject: str, **query: Any) -> list[dict[str, Any]]:
        """Return what the API has of a subject, page by page, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            words = "&".join(f"{key}={value}" for key, value in query.items())
            page = self.get(f"subjects/{subject}/observations?limit=5000&{words}")
            found += page["observations"]
            if page["next"] is None:
                return found
            query["after"] = page["next"]

    def source(self, subject: str) -> VitalSource:
        """Return the simulated patient behind a subject: the truth."""
        found = next(s for s in self.plan.subjects if s.id == subject)
        return make_source(found.source, found.seed)

    def patient_time_s(self, time_ns: int) -> float:
        """Return the patient's own time at a moment of UTC."""
        return (time_ns - self.start_ns) / 1e9


def interpreter() -> Path:
    """Return the Python that has the wheel, or this one."""
    wheel = os.environ.get("TELEWARD_WHEEL_ENV")
    return Path(wheel) / "bin/python" if wheel else Path(sys.executable)
