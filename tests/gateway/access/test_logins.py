"""Logins: sessions that end and survive, authors not to be forged, throttled wrong passwords."""

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from teleward_gateway.access.accounts import Accounts
from teleward_gateway.access.database import AccessFile
from teleward_gateway.access.doors import Door
from teleward_gateway.access.log import AccessLog
from teleward_gateway.access.peer import is_own_user, user_of
from teleward_gateway.access.roles import Role
from teleward_gateway.access.service import try_access
from teleward_gateway.access.sessions import Sessions
from teleward_gateway.access.throttle import ACCOUNT, BROWSER, SlowDown, Throttle
from teleward_gateway.settings.lan import AccessSettings
from teleward_signal.errors import Conflict, Invalid
from teleward_signal.model import Provenance

from .conftest import PASSWORD, SHIPPED, STRANGER, Clinic

LOGIN = "/api/v1/access/login"


async def test_a_login_its_cookie_its_name_and_its_end(clinic: Clinic) -> None:
    nurse = await clinic.browser()
    page = await nurse.get("/bed/sim-01")
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fbed%2Fsim-01")
    refused = await nurse.get("/api/v1/alarms")
    assert (refused.status_code, refused.json()["title"]) == (401, "Log in first")
    for name, password in (("clinician one", "four quiet words"), ("nobody here", PASSWORD)):
        wrong = await nurse.post(LOGIN, json={"name": name, "password": password})
        assert (wrong.status_code, wrong.json()["detail"], wrong.json()["key"]) == (
            401, "name or password is not right", "refused_password")  # fmt: skip
        assert "set-cookie" not in wrong.headers
    answer = await nurse.post(LOGIN, json={"name": " Clinician  ONE", "password": PASSWORD})
    assert answer.json()["name"] == "clinician one"
    cookies = answer.headers.get_list("set-cookie")
    session = next(each for each in cookies if each.startswith("__Host-teleward_session="))
    parts = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "samesite=strict", "secure", "path=/"} <= parts
    secret = session.split(";")[0].partition("=")[2]
    stored = clinic.access.sessions.all()[0]
    assert secret.encode() not in stored.hash
    assert len(stored.hash) == 32

    me = (await nurse.get("/api/v1/me")).json()
    assert (me["name"], me["role"]) == ("clinician one", "clinician")
    assert {"accounts", "teach"} <= set(me["hidden"])
    assert "acknowledge" not in me["hidden"]
    body = {"author": "Somebody Else", "readings": [{"metric": "consciousness", "value": 0}]}
    made = await nurse.post("/api/v1/subjects/sim-01/observations", json=body)
    assert made.status_code == 201
    assert clinic.app.state.view.records[-1].payload["author"] == "clinician one", "forged"
    console = await clinic.browser(Door.LOOPBACK)
    await console.post("/api/v1/subjects/sim-01/observations", json=body)
    assert clinic.app.state.view.records[-1].payload["author"] == "Somebody Else"
    assert (await nurse.get("/accounts")).headers["location"].endswith("refused=1")
    foreign = {"origin": "https://evil.example"}
    assert (await nurse.post("/api/v1/access/logout", headers=foreign)).status_code == 403

    copy = dict(nurse.cookies)
    assert (await nurse.post("/api/v1/access/logout")).status_code == 204
    thief = await clinic.browser(cookies=copy)
    assert (await thief.get("/api/v1/alarms")).status_code == 401, "the cookie outlived the logout"


async def test_the_operator_sees_who_did_what_and_ends_sessions(clinic: Clinic) -> None:
    operator, expert = await clinic.log_in("operator one"), await clinic.log_in("guest-expert one")
    await expert.get("/bed/sim-02")
    await expert.get("/bed/sim-02")
    pause = {"author": "x", "duration_s": 1}
    assert (await expert.post("/api/v1/audio-pause", json=pause)).status_code == 403
    lines = (await operator.get("/api/v1/access/log", params={"limit": 30})).json()
    own = [(each["action"], each["subject"], each["answer"]) for each in lines
           if each["name"] == "guest-expert one"]  # fmt: skip
    assert own[:3] == [
        ("POST /api/v1/audio-pause", "", 403), ("GET /bed/{subject}", "sim-02", 0),
        ("login", "", 200),
    ]  # fmt: skip
    assert lines[0]["address"] == "192.0.2.50"
    sessions = (await operator.get("/api/v1/access/sessions")).json()
    theirs = next(each for each in sessions if each["name"] == "guest-expert one")
    assert not theirs["own"]
    assert (await operator.delete(f"/api/v1/access/sessions/{theirs['id']}")).status_code == 204
    assert (await expert.get("/api/v1/alarms")).status_code == 401
    made = await operator.post(
        "/api/v1/access/accounts",
        json={"name": "लता दीदी", "role": "clinician", "password": PASSWORD},
    )
    assert made.status_code == 201, made.text
    await clinic.log_in("लता दीदी")
    assert (await operator.delete("/api/v1/access/accounts/लता दीदी")).status_code == 204
    last = await operator.delete("/api/v1/access/accounts/operator one")
    assert (last.status_code, "only operator" in last.json()["detail"]) == (409, True)
    short = await operator.post(
        "/api/v1/access/accounts", json={"name": "a", "role": "observer", "password": "short"}
    )
    assert "10 to 200 characters" in short.json()["detail"]
    file = sqlite3.connect(clinic.access._file.path)
    for statement in ("DELETE FROM log", "UPDATE log SET name = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="access log is not"):
            file.execute(statement)
    file.close()


async def test_an_open_stream_ends_with_its_session(clinic: Clinic) -> None:
    nurse = await clinic.log_in("clinician one")
    sent: list[dict[str, object]] = []
    opened, closed = asyncio.Event(), asyncio.Event()
    waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    waiting.put_nowait({"type": "websocket.connect"})

    async def send(message: dict[str, object]) -> None:
        sent.append(message)
        opened.set()
        if message["type"] == "websocket.close":
            closed.set()

    cookie = "; ".join(f"{name}={value}" for name, value in nurse.cookies.items())
    scope = {
        "type": "websocket", "path": "/api/v1/stream", "query_string": b"", "client": ("a", 1),
        "server": ("ward.local", 8443), "scheme": "wss", "subprotocols": [],
        "headers": [(b"host", b"ward.local:8443"), (b"cookie", cookie.encode())],
        "teleward.door": Door.SECURE, "teleward.hosts": frozenset({"ward.local"}),
    }  # fmt: skip
    stream = asyncio.ensure_future(clinic.guard(scope, waiting.get, send))  # type: ignore[arg-type]
    await opened.wait()
    assert sent[0]["type"] == "websocket.accept"
    await nurse.post("/api/v1/access/logout")
    await asyncio.wait_for(closed.wait(), 60)
    await stream
    assert sent[-1]["code"] == 4401


def test_sessions_survive_a_restart_and_end_in_time(tmp_path: Path) -> None:
    clock = SimpleNamespace(now=1_000_000.0)
    file = AccessFile(tmp_path)
    accounts = Accounts(file, Provenance.FIELD, lambda: clock.now)
    nurse = accounts.add("Night nurse", Role.CLINICIAN, PASSWORD)
    guest = accounts.add("Guest 1", Role.GUEST_EXPERT, PASSWORD, days=0.01)
    with pytest.raises(Invalid, match="simulated ward only"):
        accounts.add("t", Role.TEACHER, PASSWORD)
    with pytest.raises(Conflict, match="already"):
        accounts.add("NIGHT NURSE", Role.OBSERVER, PASSWORD)
    assert "$argon2id$" in file.read("SELECT password FROM accounts")[0][0]
    assert (SHIPPED.memory_cost, SHIPPED.time_cost) == (19456, 2)
    secret, _ = Sessions(file, 3600, 10_000, lambda: clock.now).begin(nurse, "a", "b")
    file.close()

    file = AccessFile(tmp_path)  # the gateway starts again
    sessions = Sessions(file, 3600, 10_000, lambda: clock.now)
    for _ in range(3):  # in use
        clock.now += 3000
        assert sessions.find(secret) is not None
    assert clock.now - 1_000_000 == 9000
    clock.now += 1500
    assert sessions.find(secret) is None, "longer than the longest"
    idle, _ = sessions.begin(nurse, "a", "b")
    clock.now += 3601
    assert sessions.find(idle) is None, "idle"
    theirs, _ = sessions.begin(guest, "a", "b")
    assert sessions.find(theirs) is None, "the guest's time is over"

    elsewhere = AccessFile(tmp_path)  # a command at the console
    open_here, _ = sessions.begin(nurse, "a", "b")
    Accounts(elsewhere, Provenance.FIELD).set_password("night nurse", "another four words")
    sessions.refresh()
    assert sessions.find(open_here) is None
    elsewhere.close()
    file.close()


def test_wrong_passwords_slow_those_who_type_them_and_no_owner() -> None:
    clock = SimpleNamespace(now=0.0)
    throttle = Throttle(lambda: clock.now)
    waits: list[int] = []

    def tries(address: str, browser: str = "") -> int:
        count = 0
        while count < 100:
            try:
                throttle.check(address, "night nurse", browser)
            except SlowDown as error:
                waits.append(error.again_s)
                return count
            throttle.wrong(address, "night nurse", browser)
            count += 1
        return count

    assert tries("10.0.0.1") == ACCOUNT.tries
    assert tries("10.0.0.2") == 0, "an attacker with many addresses"
    throttle.check("10.0.0.1", "night nurse", "her own browser")  # raises nothing
    assert tries("10.0.0.1", "her own browser") == BROWSER.tries
    clock.now += ACCOUNT.again_s
    assert tries("10.0.0.3") == 1
    clock.now += 3600
    assert tries("10.0.0.2") == ACCOUNT.tries
    assert all(1 <= wait <= ACCOUNT.again_s for wait in waits)


async def test_tries_side_by_side_are_tries_too(clinic: Clinic) -> None:
    """Fifty at once were all looked at before the first was counted."""
    stranger = await clinic.browser(address="192.0.2.66")
    body = {"name": "observer one", "password": "wrong words, many"}
    answers = await asyncio.gather(*(stranger.post(LOGIN, json=body) for _ in range(25)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) == ACCOUNT.tries
    refused: httpx.Response = next(a for a in answers if a.status_code == 429)
    assert refused.json()["key"] == "refused_slow_down"
    assert refused.json()["values"]["n"] <= ACCOUNT.again_s
    console = await clinic.browser(Door.LOOPBACK)
    at_home = await console.post(LOGIN, json={"name": "observer one", "password": PASSWORD})
    assert at_home.status_code == 200, "the console is never slowed"


async def test_other_users_of_the_machine_log_in_once_there_is_an_account(clinic: Clinic) -> None:
    other = await clinic.browser(Door.LOOPBACK, STRANGER)
    refused = await other.get("/api/v1/alarms")
    assert (refused.status_code, "as root" in refused.json()["remedy"]) == (401, True)
    assert (await other.get("/ward")).headers["location"] == "/login?next=%2Fward"
    body = {"name": "observer one", "password": PASSWORD}
    assert (await other.post(LOGIN, json=body)).status_code == 200
    assert (await other.get("/api/v1/alarms")).status_code == 200
    clinic.access.sessions.has_accounts = False
    stranger = await clinic.browser(Door.LOOPBACK, STRANGER)
    assert (await stranger.get("/api/v1/alarms")).status_code == 200


OTHER_USER = """
import os, socket, sys
host, port = sys.argv[1:]
"localhost".encode("idna")  # read from the disk while it may be
os.setuid(65534)
peer = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
peer.connect((host, int(port)))
peer.sendall(b"x")
sys.stdin.read()
"""


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_kernel_names_the_user_of_an_open_connection(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as server:
        server.settimeout(60)
        place = server.getsockname()[:2]
        client = socket.create_connection(place)
        accepted, peer = server.accept()
        assert user_of(peer[:2], place) == os.getuid()
        assert is_own_user({"client": peer[:2], "server": place})
        client.close()  # an orphan would be root's in the kernel's table
        assert user_of(peer[:2], place) is None
        accepted.close()
        if os.getuid() == 0:
            command = [sys.executable, "-c", OTHER_USER, host, str(place[1])]
            with subprocess.Popen(command, stdin=subprocess.PIPE):
                accepted, peer = server.accept()
                assert accepted.recv(1) == b"x"
                assert user_of(peer[:2], place) == 65534
                assert not is_own_user({"client": peer[:2], "server": place})
                accepted.close()


async def test_a_file_that_cannot_be_read_leaves_the_console(tmp_path: Path) -> None:
    (tmp_path / "access.sqlite").write_bytes(b"no database" * 1000)
    access, problem = try_access(tmp_path, Provenance.FIELD, AccessSettings())
    assert access is None
    assert "access.sqlite" in problem
    assert "move it away" in problem


def test_a_full_disk_keeps_what_it_could_not_write(tmp_path: Path) -> None:
    file = AccessFile(tmp_path)
    log = AccessLog(file)
    log.note("Asha\x1b[2J\n", "clinician", "a", "login")
    file._writer.execute("PRAGMA query_only = ON")
    log.write()
    assert log.error is not None
    file._writer.execute("PRAGMA query_only = OFF")
    log.write()
    assert log.error is None
    assert json.dumps([line.name for _, line in log.read()]) == '["Asha?[2J?"]'
    file.close()
