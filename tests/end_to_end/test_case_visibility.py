"""While a case runs, the true state of its patient reaches the instructor and nobody else.

Every place to which the gateway tells anything is overheard: each route of the API as a stranger
and as a learner, the frames of a learner's socket, all MQTT topics, all InfluxDB rows, the logs,
the files of journal and registry, the control API of the devices. The case is held meanwhile, so
that a true value is the same number for as long as we listen.
"""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from paho.mqtt.publish import single
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from teleward_gateway.access.mount import add_access
from teleward_gateway.api.factory import PREFIX, create_app
from teleward_gateway.classroom.rooms.visibility import TRUTH
from teleward_gateway.classroom.start import add_routes
from teleward_gateway.commands.room import RoomClient
from teleward_gateway.testing.wave_frames import split_change
from teleward_signal.vocabulary import METRICS
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.record import FIELDS

LISTEN_S = 8.0
CANARY_NUMBERS = ("0.0731946", "0.2718281", "1.7320508", "0.8660254", "71.4142", "13.7331")
"""Knobs, weight and haemoglobin of the canary case."""
CATALOGUE = f"{PREFIX}/cases"
PUBLIC = ("zqxhiddencanary-01", "Zqxhiddentitle", "zqxhiddensource")
"""What the catalogue of all cases says of one; it does not say which of them runs."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was told, and where."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Secret:
    """Something to look for: a text in any case, or what fits ``pattern`` where the text is.

    Texts are long enough not to stand by chance in megabytes of compressed waves.
    """

    name: str
    text: str
    pattern: str = ""

    def told(self, text: str, lower: str) -> bool:
        """Return whether ``text``, or its lower-case form ``lower``, contains it."""
        # the pattern alone takes minutes for the rows of a server
        found = self.text.lower() in lower
        return found and (not self.pattern or re.search(self.pattern, text) is not None)


@dataclass
class Secrets:
    """What no learner may hear."""

    secrets: list[Secret]

    @classmethod
    def of(cls, key: str, truth: dict[str, Any]) -> "Secrets":
        """Return the secrets of a room: its key, its case, names and values of the true state."""
        names = {*KNOBS, *FIELDS, *TRUTH} - {*METRICS, *ACTIONS}
        # the others are everyday words, as glucose and distress are
        hidden = sorted(name for name in names if "_" in name)
        values = [*truth["truth"].values(), *truth["knobs"].values()]
        long = {repr(v)[:9] for v in values if isinstance(v, float) and len(repr(v)) > 9}
        assert len(long) >= 10
        numbers = {*CANARY_NUMBERS, *long}
        secrets = [Secret("text of the case", "zqxhidden"), Secret("key", key)]
        secrets += [Secret(name, name, rf"\b{name}\b") for name in hidden]
        secrets += [Secret(n, n, rf"(?<![\d.]){re.escape(n)}") for n in numbers]
        return cls(secrets)

    def leaks(self, heard: Iterable[Heard]) -> list[str]:
        """Return ``where: what`` of every secret that was told."""
        found = []
        for each in heard:
            text = each.text
            if each.where.endswith(CATALOGUE):
                for word in PUBLIC:
                    text = text.replace(word, "")
            lower = text.lower()
            found += [f"{each.where}: {s.name}" for s in self.secrets if s.told(text, lower)]
        return found


class Ears:
    """Hears what a running gateway tells without the key of the room."""

    def __init__(self, case_ward: Any) -> None:
        self.demo, self.messages, self.influx = (
            case_ward.demo, case_ward.messages, case_ward.influx,
        )  # fmt: skip
        self.code = case_ward.room["code"]
        self.subject = case_ward.room["subject"]

    def routes(self) -> Iterator[Heard]:
        """Ask every route by every method, as a stranger and as a learner; removals come last."""
        asked = sorted(all_routes(), key=lambda route: (route[0] == "DELETE", route))
        for method, path in asked:
            for code in ("ZZZZZZ", self.code):
                for url in self._filled(path, code):
                    body = {"acts": {"name": "consent"}, "findings": {"name": "look"}}.get(
                        path.rsplit("/", 1)[-1], {}
                    )
                    yield Heard(f"{method} {url}", self.ask(method, url, body))

    def _filled(self, path: str, code: str) -> list[str]:
        """Return the addresses that a path stands for."""
        values = {
            "code": [code], "subject": [self.subject, "sim-01"], "path": ["stream.js"],
            "device": [f"{self.subject}-ox", f"{self.subject}-ecg3", "patch-01"],
        }  # fmt: skip
        urls = [path]
        for name in re.findall(r"{(\w+)(?::\w+)?}", path):
            wanted = values.get(name, ["x"])
            urls = [re.sub(rf"{{{name}(:\w+)?}}", v, url, count=1) for url in urls for v in wanted]
        return urls

    def ask(self, method: str, path: str, body: dict[str, Any]) -> str:
        """Return head and body of an answer, errors too."""
        data = None if method in ("GET", "HEAD") else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Room-Key": "guess"}
        request = urllib.request.Request(self.demo.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return f"{answer.headers}\n{answer.read().decode(errors='replace')}"
        except urllib.error.HTTPError as error:
            return f"{error.headers}\n{error.read().decode(errors='replace')}"

    def socket(self, seconds: float = LISTEN_S, of: str = "") -> list[Heard]:
        """Return the frames of a page."""
        address = self.demo.address.replace("http", "ws") + f"{PREFIX}/stream?subjects={of}"
        heard: list[Heard] = []
        ends_s = time.monotonic() + seconds
        with connect(address) as socket:
            while (left_s := ends_s - time.monotonic()) > 0:
                try:
                    message = socket.recv(timeout=left_s)
                except (TimeoutError, ConnectionClosed):
                    break
                if isinstance(message, bytes):
                    change, frames = split_change(message)
                    message = change + frames.decode("latin-1")
                heard.append(Heard("socket", message))
        return heard

    def mqtt(self) -> list[Heard]:
        """Return every message and its topic."""
        seen = list(self.messages.seen)
        return [Heard("mqtt", f"{topic} {json.dumps(message)}") for topic, message in seen]

    def rows(self) -> list[Heard]:
        """Return names, tags and rows of everything in the time-series server."""
        statements = ("SHOW MEASUREMENTS", "SHOW FIELD KEYS", "SHOW SERIES", "SELECT * FROM /.*/")
        return [
            Heard(f"influx: {statement}", json.dumps(row))
            for statement in statements for row in self.influx.query("teleward-sim", statement)
        ]  # fmt: skip

    def files(self) -> list[Heard]:
        """Return logs and files of the gateway; the rooms' logs are the instructor's own."""
        folder = self.demo.folder
        data = [p for p in (folder / "data").rglob("*") if p.is_file() and "rooms" not in p.parts]
        assert any("registry" in path.name for path in data)
        assert all(p.stat().st_mode & 0o077 == 0 for p in (folder / "data").rglob("rooms/*"))
        paths = [*data, *folder.glob("*.log"), *folder.glob("*.toml"), *folder.glob("*.json")]
        return [
            Heard(str(path.relative_to(folder)), path.read_bytes().decode("latin-1"))
            for path in paths
        ]

    def devices(self) -> list[Heard]:
        """Return what the control API of the devices tells."""
        settings = (self.demo.folder / "teleward.toml").read_text()
        control = settings.split('fleet = "')[1].split('"')[0]
        heard = []
        for path in ("/devices", "/faults", "/openapi.json", "/docs"):
            answer = httpx.get(control + path, timeout=10)  # with the key that is in the URL
            answer.raise_for_status()
            heard.append(Heard(f"fleet {path}", answer.text))
        return heard


def all_routes() -> set[tuple[str, str]]:
    """Return (method, path) of every route that a gateway with rooms has."""
    summary = SimpleNamespace(version="0")
    view: Any = SimpleNamespace(summary=lambda: summary, health=None, live=None)
    app = create_app(view)
    add_routes(app)
    add_access(app, None)

    def below(routes: Iterable[Any], prefix: str) -> Iterator[tuple[str, str]]:
        for route in routes:
            if hasattr(route, "original_router"):
                inside = route.original_router.routes
                yield from below(inside, prefix + route.include_context.prefix)
            else:
                for method in getattr(route, "methods", None) or ("GET",):
                    yield method, prefix + route.path

    return set(below(app.routes, ""))


@pytest.fixture(scope="module")
def ears(case_ward: Any) -> Ears:
    """The gateway overheard, once all devices of the room have streamed for a while."""
    ears = Ears(case_ward)
    deadline_s = time.monotonic() + 30
    while len({r["metric"] for r in ears.demo.observations(ears.subject)}) < 6:
        assert time.monotonic() < deadline_s, "the devices of the room do not stream"
        time.sleep(0.5)
    return ears


@pytest.fixture(scope="module")
def instructor(case_ward: Any) -> RoomClient:
    """The one who has the key."""
    return RoomClient(case_ward.demo.address, case_ward.room["key"])


@pytest.fixture(scope="module")
def secrets(case_ward: Any, ears: Ears, instructor: RoomClient) -> Secrets:
    """The secrets of the held room; somebody has led it, so that there is something to tell."""
    orders = [
        {"kind": "fault", "fault": "motion", "sensor": "ox", "for": 60},
        {"kind": "knob", "name": "distress", "to": 0.31},
        {"kind": "bookmark", "text": "zqxhiddenbookmark"},
        {"kind": "clock", "speed": 0},
    ]
    instructor.send("POST", f"/rooms/{ears.code}/orders", {"orders": orders})
    time.sleep(1.0)
    truth = instructor.get(f"/rooms/{ears.code}/truth")
    assert truth["knobs"]["shunt"] == float(CANARY_NUMBERS[0])
    return Secrets.of(case_ward.room["key"], truth)


def test_the_instructor_sees_it(ears: Ears, instructor: RoomClient, secrets: Secrets) -> None:
    truth = instructor.get(f"/rooms/{ears.code}/truth")
    told = secrets.leaks([Heard("truth", json.dumps(truth))])
    assert {"truth: text of the case", "truth: blood_ml", f"truth: {CANARY_NUMBERS[0]}"} <= {*told}
    assert truth["key"]["dx"]["hit"] == ["zqxhiddendiagnosis"]
    log = json.dumps(instructor.get(f"/rooms/{ears.code}/log"))
    assert "distress" in log


def test_no_frame_of_a_learners_socket_tells(ears: Ears, secrets: Secrets) -> None:
    heard = ears.socket(of=ears.subject)
    assert len(heard) > 20
    assert ears.subject in heard[0].text
    assert secrets.leaks(heard) == []


def test_no_topic_tells(ears: Ears, secrets: Secrets) -> None:
    heard = ears.mqtt()
    assert [each for each in heard if ears.subject in each.text]
    assert secrets.leaks(heard) == []


def test_no_row_tells(ears: Ears, secrets: Secrets) -> None:
    heard = ears.rows()
    assert len([each for each in heard if ears.subject in each.text]) > 20
    assert secrets.leaks(heard) == []


def test_no_file_and_no_device_tells(ears: Ears, secrets: Secrets) -> None:
    assert secrets.leaks(ears.files()) == []
    assert secrets.leaks(ears.devices()) == []


@dataclass(frozen=True)
class Leak:
    """A way to tell a secret, and where it must be heard."""

    tell: Callable[[Ears, Any], None]
    hear: Callable[[Ears], Iterable[Heard]]
    what: str


def observe(ears: Ears, author: str, value: float = 37.0) -> None:
    """Type an observation."""
    reading = {"metric": "body_temperature", "value": value}
    path = f"{PREFIX}/subjects/{ears.subject}/observations"
    told = ears.ask("POST", path, {"author": author, "readings": [reading]})
    assert '"seq"' in told, told


def write_row(ears: Ears) -> None:
    """Write a row."""
    url = f"{ears.influx.url}/api/v2/write?bucket=teleward-sim&org=x&precision=ns"
    row = f"truth,subject={ears.subject} shunt={CANARY_NUMBERS[0]} {time.time_ns()}"
    urllib.request.urlopen(urllib.request.Request(url, row.encode(), method="POST")).close()


def publish(ears: Ears) -> None:
    """Publish a message."""
    port = int((ears.demo.folder.parent / "more.toml").read_text().split("port = ")[1].split()[0])
    single("teleward-sim/demo/x", '{"blood_ml": 4711}', qos=1, port=port)
    time.sleep(0.5)


def relabel(ears: Ears) -> None:
    """Call the patient by the diagnosis."""
    path = f"{PREFIX}/subjects/{ears.subject}"
    ears.ask("PATCH", path, {"label": "zqxhiddendiagnosis", "author": "x"})
    time.sleep(0.5)


LEAKS = {
    "message": Leak(lambda e, _: publish(e), Ears.mqtt, "mqtt: blood_ml"),
    "row": Leak(lambda e, _: write_row(e), Ears.rows, f"SELECT * FROM /.*/: {CANARY_NUMBERS[0]}"),
    "key in a record": Leak(
        lambda e, room: observe(e, room["key"]),
        lambda e: [Heard("history", json.dumps(e.demo.observations(e.subject)))],
        "history: key",
    ),
    "label in frames": Leak(
        lambda e, _: relabel(e), lambda e: e.socket(1.0), "socket: text of the case"
    ),
    "label in routes": Leak(
        lambda e, _: relabel(e),
        lambda e: [Heard("subjects", e.ask("GET", f"{PREFIX}/subjects", {}))],
        "subjects: text of the case",
    ),
    "label in files": Leak(lambda e, _: relabel(e), Ears.files, "text of the case"),
}


def test_no_route_tells(ears: Ears, secrets: Secrets) -> None:
    """Each route and method; what answers a learner, and what only refuses."""
    routes = all_routes()
    described = json.loads(ears.ask("GET", f"{PREFIX}/openapi.json", {}).split("\n\n", 1)[1])
    served = {(m.upper(), path) for path, ways in described["paths"].items() for m in ways}
    assert served <= routes
    assert len(routes) > 40
    heard = [each for each in ears.routes() if not each.where.startswith("DELETE")]
    assert secrets.leaks(heard) == []
    view = next(h for h in heard if h.where == f"GET {PREFIX}/rooms/{ears.code}")
    assert '"readings"' in view.text
    for scope in ("truth", "log"):
        refused = next(h for h in heard if h.where.endswith(f"/rooms/{ears.code}/{scope}"))
        assert "instructor's key" in refused.text


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_heard(name: str, ears: Ears, secrets: Secrets, case_ward: Any) -> None:
    """The same ears find each secret that is told on purpose."""
    leak = LEAKS[name]
    leak.tell(ears, case_ward.room)
    deadline_s = time.monotonic() + 10
    while not [told for told in secrets.leaks(leak.hear(ears)) if told.endswith(leak.what)]:
        assert time.monotonic() < deadline_s, f"{name} was not heard"
        time.sleep(0.5)
