"""Real servers for benchmarks and tests: mosquitto, InfluxDB 1.6.7, VictoriaMetrics.

Every server listens on loopback and keeps its data in the folder it is given. A missing program is
a `ServerMissing` that names the Debian package to install.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from teleward_signal.errors import Unavailable

_START_S = 20.0
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


class ServerMissing(Unavailable):
    """A program is not installed or did not start; the message gives the remedy."""


def program(name: str, package: str) -> str:
    """Return the path of a program, or raise `ServerMissing` with the package that has it."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise ServerMissing(f"{name} is not installed; install it with: apt-get install {package}")
    return found


_PORTS = (20_000, 32_000)
_RANDOM = random.SystemRandom()
"""Not the generator that a test may seed: two workers would take the same ports."""


def free_port() -> int:
    """Return a port that nobody listens at, below those that the kernel hands out.

    Of those another process may take it while its server is down between two starts.
    """
    while True:
        port = _RANDOM.randrange(*_PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """A child process that listens at ``port``; it can be killed, restarted and frozen."""

    start_s = _START_S
    """How long it may take until it listens."""

    def __init__(self, command: list[str], port: int, folder: Path) -> None:
        self.command = command
        self.port = port
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline_s = time.monotonic() + self.start_s
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                log_text = (self.folder / "server.log").read_text(errors="replace")
                self.stop()
                raise ServerMissing(f"{self.command[0]} did not start:\n{log_text[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as a power cut would: no goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop its answers with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, sign: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(sign)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Mosquitto(Server):
    """mosquitto with persistence; ``extra`` are further lines of its configuration.

    Without extra lines, one anonymous listener.
    """

    def __init__(self, folder: Path, *, extra: str | None = None, port: int = 0) -> None:
        port = port or free_port()
        configuration = folder / "mosquitto.conf"
        user = "root" if os.getuid() == 0 else os.environ.get("USER", "mosquitto")
        lines = f"listener {port} 127.0.0.1\nallow_anonymous true\n" if extra is None else extra
        configuration.write_text(
            f"user {user}\npersistence true\npersistence_location {folder}/\n"
            f"log_dest stderr\n{lines.replace('PORT', str(port))}"
        )
        super().__init__(
            [program("mosquitto", "mosquitto"), "-c", str(configuration)], port, folder
        )


class Influx:
    """InfluxDB 1.6.7 behind HAProxy, which rewrites the v2 write call to the v1 one.

    ``url`` takes the v2 call, `query` reads back with InfluxQL. Databases stand for buckets.
    """

    def __init__(
        self, folder: Path, buckets: tuple[str, ...] = ("teleward", "teleward-sim")
    ) -> None:
        self._buckets = buckets
        self._api = free_port()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        data = folder / "influxdb"
        data.mkdir()
        influx_file, proxy_file = folder / "influxdb.conf", folder / "haproxy.cfg"
        influx_file.write_text(_INFLUX.format(data=data, http=self._api, rpc=free_port()))
        proxy_file.write_text(_REWRITE.format(front=self.port, back=self._api))
        self.server = Server(
            [program("influxd", "influxdb"), "-config", str(influx_file)], self._api, folder
        )
        self.proxy = Server(
            [program("haproxy", "haproxy"), "-db", "-f", str(proxy_file)], self.port, folder
        )

    def start(self) -> None:
        """Start both and create the buckets."""
        self.server.start()
        self.proxy.start()
        deadline_s = time.monotonic() + _START_S
        while not set(self._buckets) <= self._databases():  # an answer of 200 may hold an error
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"InfluxDB at {self.url} did not make {self._buckets}")
            for bucket in self._buckets:
                self._get("/query", {"q": f'CREATE DATABASE "{bucket}"'}, post=True)

    def _databases(self) -> set[str]:
        answer = self._get("/query", {"q": "SHOW DATABASES"})
        [series] = answer["results"][0].get("series", [{}])
        return {row[0] for row in series.get("values", [])}

    def stop(self) -> None:
        """Stop both."""
        self.proxy.stop()
        self.server.stop()

    def query(self, bucket: str, statement: str) -> list[dict[str, Any]]:
        """Return the rows of an InfluxQL query, tags of a GROUP BY included."""
        answer = self._get("/query", {"db": bucket, "q": statement, "epoch": "ns"})
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
            for result in answer["results"]
            for series in result.get("series", [])
            for row in series["values"]
        ]

    def count(self, bucket: str, measurement: str, field: str = "seq") -> int:
        """Return how many points have ``field``."""
        rows = self.query(bucket, f'SELECT count("{field}") FROM "{measurement}"')
        return int(rows[0]["count"]) if rows else 0

    def _get(self, path: str, parameters: dict[str, str], post: bool = False) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self._api}{path}?{query}"
        with urllib.request.urlopen(url, data=b"" if post else None, timeout=10) as answer:
            return json.load(answer)


class VictoriaMetrics(Server):
    """VictoriaMetrics, single node; takes the v2 write call itself."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        path = program("victoria-metrics", "victoria-metrics")
        command = [
            path,
            f"-storageDataPath={folder / 'victoria'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
        ]
        super().__init__(command, port, folder)

    def export(self, selector: str) -> list[dict[str, Any]]:
        """Return all series of a selector with values and timestamps in ms."""
        self.flush()
        query = urllib.parse.urlencode({"match[]": selector})
        with urllib.request.urlopen(f"{self.url}/api/v1/export?{query}", timeout=10) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def flush(self) -> None:
        """Make everything written searchable."""
        with contextlib.closing(urllib.request.urlopen(f"{self.url}/internal/force_flush")):
            pass

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"{self.url}/health", timeout=1).close()
            return True
        return False


_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{data}/meta"
[data]
  dir = "{data}/data"
  wal-dir = "{data}/wal"
  max-series-per-database = 0
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  flux-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
"""

_REWRITE = """
global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend v2
  bind 127.0.0.1:{front}
  http-request set-var(txn.bucket) url_param(bucket)
  http-request set-var(txn.precision) url_param(precision)
  acl write path /api/v2/write
  acl health path /health
  http-request set-query db=%[var(txn.bucket)]&precision=%[var(txn.precision)] if write
  http-request replace-path /api/v2/write /write
  http-request return status 200 content-type text/plain string ok if health
  default_backend v1
backend v1
  server influxd 127.0.0.1:{back}
"""
