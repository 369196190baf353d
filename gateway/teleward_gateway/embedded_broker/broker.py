"""Start, watch and stop the embedded broker: mosquitto if installed, else iotcore.

Mosquitto knows two users: the gateway, whose password is new at each start and leaves no trace, and
a reader, who may read everything, command and confirm. Its password is in ``reader-password``, for
this user of the machine only. iotcore knows no passwords and serves simulated wards only.

amqtt is never used: it hands retained messages of one client to every other (measured, 0.12.1).
"""

import asyncio
import contextlib
import errno
import getpass
import importlib.util
import secrets
import shutil
import socket
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from teleward_cloud.mqtt.settings import MqttSettings
from teleward_gateway.embedded_broker import mosquitto
from teleward_gateway.embedded_broker.settings import GATEWAY, EmbeddedBrokerSettings
from teleward_gateway.process import child_processes
from teleward_gateway.process.supervisor import Keep, Supervisor
from teleward_signal.errors import Unavailable
from teleward_signal.model import Provenance

READER = "reader"
READER_PASSWORD = "reader-password"
_START_S = 10.0
"""Mosquitto listens after a few milliseconds, iotcore after 0.7 s at most; a Pi is slower."""
_POLL_S = 0.02
_ANSWER_S = 2.0
_RESTART_S = 2.0
"""A broker that dies is started again, but never in a tight loop."""
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Debian keeps mosquitto where the PATH of a normal user does not look."""


class BrokerUnavailable(Unavailable):
    """No broker could be started; the message gives the cause and remedy."""


class _Engine(Protocol):
    name: str

    async def start(self, port: int) -> None: ...
    async def wait(self) -> None: ...
    async def stop(self) -> None: ...


class EmbeddedBroker:
    """A broker as a child process; it never outlives the gateway, not even a kill -9.

    ``name`` is ``mosquitto`` or ``iotcore``; ``restarts`` counts how often it had to be revived.
    """

    def __init__(
        self,
        settings: EmbeddedBrokerSettings,
        data_folder: Path,
        provenance: Provenance,
        keep: Keep | None = None,
    ) -> None:
        self._settings, self._provenance = settings, provenance
        self._keep = keep or Supervisor().keep
        self._folder = data_folder / "broker"
        self._password = secrets.token_urlsafe(24)
        self._engine: _Engine | None = None
        self._watch: asyncio.Task[None] | None = None
        self.port = 0
        self.restarts = 0
        self._is_up = False
        self._problem = ""

    @property
    def name(self) -> str:
        """Which broker serves."""
        return self._engine.name if self._engine else "none"

    @property
    def access(self) -> str:
        """Who may connect, for people."""
        if self.name == "iotcore":
            return "any program of this machine may connect"
        if self._settings.password is not None:
            return f"user {self._settings.username}"
        return f"user {READER}, password in {self._folder / READER_PASSWORD}"

    async def start(self) -> MqttSettings:
        """Start it and return how to connect; raises `BrokerUnavailable`."""
        settings = self._settings
        self.port = await asyncio.to_thread(free_port, settings.host, settings.port)
        self._engine = self._choose()
        await self._start_engine()
        kept = self._keep("embedded broker", self._keep_alive)
        self._watch = asyncio.create_task(kept, name="embedded broker")
        guarded = self._engine.name == "mosquitto"
        return MqttSettings(
            host=_reachable(settings.host),
            port=self.port,
            username=GATEWAY if guarded else None,
            password=SecretStr(self._password) if guarded else None,
        )

    async def stop(self) -> None:
        """Stop it; idempotent."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._is_up = False
        if self._engine is not None:
            await self._engine.stop()

    def health(self) -> dict[str, Any]:
        """Return what `HealthRegistry` shows of it."""
        running = self._is_up and self._watch is not None and not self._watch.done()
        ended = f"{self.name} has ended and is started again: see {self._log}"
        error = None if running else self._problem or ended
        return {
            "ok": running,
            "error": error,
            "broker": self.name,
            "port": self.port,
            "restarts": self.restarts,
        }

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _choose(self) -> _Engine:
        program = mosquitto_program()
        if program is not None:
            return _Mosquitto(program, self._settings, self._folder, self._password)
        if importlib.util.find_spec("iotcore") is None:
            raise BrokerUnavailable(
                "no MQTT broker: install one with `sudo apt install mosquitto`, or name yours in "
                "an [mqtt] section"
            )
        if self._settings.username is not None or self._provenance is Provenance.FIELD:
            raise BrokerUnavailable(
                "an embedded broker with passwords needs mosquitto: sudo apt install mosquitto"
            )
        return _Iotcore(self._settings)

    async def _start_engine(self) -> None:
        assert self._engine is not None
        await self._engine.start(self.port)
        address = (_reachable(self._settings.host), self.port)
        ended = asyncio.create_task(self._engine.wait())
        listening = asyncio.create_task(_until_listening(*address))
        try:
            await asyncio.wait(
                (ended, listening), timeout=_START_S, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done() or not listening.done():
                await self._engine.stop()
                raise BrokerUnavailable(
                    f"{self.name} did not start at {address[0]}:{address[1]}; see {self._log}"
                )
            self._is_up = True
        finally:
            for task in (ended, listening):
                task.cancel()

    async def _keep_alive(self) -> None:
        assert self._engine is not None
        while True:
            await self._engine.wait()
            self._is_up = False
            self.restarts += 1
            await asyncio.sleep(_RESTART_S)
            try:
                await asyncio.to_thread(free_port, self._settings.host, self.port)
                await self._start_engine()
            except (BrokerUnavailable, OSError) as error:
                self._problem = str(error)
            else:
                self._problem = ""


class _Mosquitto:
    name = "mosquitto"

    def __init__(
        self, program: str, settings: EmbeddedBrokerSettings, folder: Path, password: str
    ) -> None:
        self._program, self._password = program, password
        self._settings = settings
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int) -> None:
        configuration = await asyncio.to_thread(self._write, port)
        self._process = await child_processes.start(
            [self._program, "-c", str(configuration)], log=self._folder / "broker.log"
        )

    async def wait(self) -> None:
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await child_processes.stop(self._process)

    def _write(self, port: int) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "broker.log").unlink(missing_ok=True)
        settings = self._settings
        reader = settings.username or READER
        roots = [MqttSettings().topic_root, MqttSettings().simulated_topic_root]
        known = ((GATEWAY, self._password), (reader, self._reader_password()))
        lines = [mosquitto.password_line(*pair, secrets.token_bytes(12)) for pair in known]
        passwords = _write_private(self._folder / "passwords", "".join(lines))
        rules = mosquitto.access_rules(GATEWAY, reader, roots)
        access = _write_private(self._folder / "access", rules)
        path = self._folder / "mosquitto.conf"
        path.write_text(
            mosquitto.configuration(
                host=settings.host,
                port=port,
                folder=self._folder,
                user=getpass.getuser(),
                password_file=passwords,
                acl_file=access,
            )
        )
        return path

    def _reader_password(self) -> str:
        """Return the password of the settings, or the one made up at the first start."""
        path = self._folder / READER_PASSWORD
        if self._settings.password is not None:
            path.unlink(missing_ok=True)
            return self._settings.password.get_secret_value()
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if kept := path.read_text(encoding="ascii").strip():
                path.chmod(0o600)
                return kept
        made = secrets.token_urlsafe(12)
        _write_private(path, made + "\n")
        return made


class _Iotcore:
    """iotcore's broker speaks MQTT 3.1.1 on this port; its child ends when its pipe closes."""

    name = "iotcore"

    def __init__(self, settings: EmbeddedBrokerSettings) -> None:
        self._settings = settings
        self._broker: Any = None

    async def start(self, port: int) -> None:
        from iotcore import Broker

        self._broker = Broker(port=port, listen=self._settings.host, max_payload_size=1 << 20)
        try:
            await asyncio.to_thread(self._broker.start, _START_S)
        except RuntimeError as error:
            raise BrokerUnavailable(f"iotcore: {error}") from error

    async def wait(self) -> None:
        while self._broker is not None and self._broker.is_running:
            await asyncio.sleep(_RESTART_S)

    async def stop(self) -> None:
        if self._broker is not None:
            await asyncio.to_thread(self._broker.stop)


def mosquitto_program() -> str | None:
    """Return the path of mosquitto, None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=":".join(_PLACES))


def _write_private(path: Path, text: str) -> Path:
    """Write a file that this user alone can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # nosec B104: what is listened at, not where to


def free_port(host: str, port: int) -> int:
    """Return ``port``, or any free one for 0; raises `BrokerUnavailable` when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE and answers_mqtt(_reachable(host), port):
                raise BrokerUnavailable(
                    f"another broker runs at {host}:{port}, so none is started: name it with "
                    f'[mqtt] host = "{_reachable(host)}", or set embedded_broker.port = 0'
                ) from error
            raise BrokerUnavailable(
                f"port {port} at {host} cannot be used ({error.strerror}): free it, or set "
                "embedded_broker.port = 0"
            ) from error
        return int(probe.getsockname()[1])


def answers_mqtt(host: str, port: int) -> bool:
    """Return whether an MQTT broker answers there; what it answers does not matter."""
    hello = bytes.fromhex("1010 0004 4d515454 04 02 000a 0004 74776471")
    with contextlib.suppress(OSError), socket.create_connection((host, port), _ANSWER_S) as link:
        link.settimeout(_ANSWER_S)
        link.sendall(hello)
        answer = link.recv(4)
        return answer[:1] == b"\x20" and len(answer) == 4
    return False


async def _until_listening(host: str, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()
            return
        await asyncio.sleep(_POLL_S)
