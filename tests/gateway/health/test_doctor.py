"""teleward doctor finds what is wrong and says what to do; teleward status shows it."""

import argparse
import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from teleward_gateway.commands import doctor, status
from teleward_gateway.health import machine
from teleward_gateway.health.findings import Finding, State
from teleward_gateway.health.servers import expiry
from teleward_gateway.settings.load import parse
from teleward_gateway.testing.servers import Influx, Mosquitto


def write(folder: Path, text: str) -> Path:
    path = folder / "teleward.toml"
    path.write_text(
        f'[gateway]\nname = "ward-3"\ndata_folder = "{folder}"\nmode = "simulated"\n'
        f'[radio]\nadapter = "off"\n{text}'
    )
    return path


def examine(path: Path) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in asyncio.run(doctor.examine(path)):
        found.setdefault(finding.check, []).append(finding)
    return found


def certificate(folder: Path, days: int) -> Path:
    path = folder / f"{days}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(folder / "key"), "-out", str(path)),
            *("-days", str(days), "-subj", "/CN=ward"),
        ],
        check=True,
        capture_output=True,
    )
    return path


def test_all_well(
    tmp_path: Path, mosquitto: Mosquitto, influx: Influx, unused_tcp_port: int
) -> None:
    text = f"[api]\nport = {unused_tcp_port}\n[mqtt]\nport = {mosquitto.port}\n"
    text += f"[influx]\nurl = '{influx.url}'\n"
    found = examine(write(tmp_path, text))
    expected = {
        *("settings", "adapter", "permissions", "serial ports", "clock", "disk", "cache"),
        *("broker", "InfluxDB", "certificate", "gateway"),
    }
    assert set(found) == expected
    assert found["broker"][0].text == f"127.0.0.1:{mosquitto.port}, MQTT 5"
    failures = [f for each in found.values() for f in each if f.state is State.FAILED]
    assert failures == []


def test_each_trouble_has_a_remedy(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
        found = examine(
            write(
                tmp_path,
                f"[mqtt]\nport = {closed}\n[influx]\nurl = 'http://127.0.0.1:{closed}'\n"
                f"[mqtt.tls]\nauthority_file = '{tmp_path}/none.pem'\n",
            )
        )
    for check in ("broker", "InfluxDB", "certificate"):
        (finding,) = found[check]
        assert finding.state is State.FAILED, check
        assert finding.remedy
    assert "none.pem: no such file" in found["certificate"][0].text


def test_a_bucket_that_is_missing(tmp_path: Path, influx: Influx) -> None:
    text = f"[influx]\nurl = '{influx.url}'\nsimulated_bucket = 'nowhere'\n"
    (finding,) = examine(write(tmp_path, text))["InfluxDB"]
    assert finding.state in (State.OK, State.FAILED)
    assert "nowhere" in finding.text + finding.remedy


def test_mistakes_in_the_settings_are_findings(tmp_path: Path) -> None:
    found = examine(write(tmp_path, "[mqqt]\n"))
    assert found["settings"][0].state is State.FAILED
    assert "did you mean 'mqtt'" in found["settings"][0].text


def test_no_adapter(tmp_path: Path) -> None:
    settings = parse('[gateway]\nname = "a"\n')
    (finding,) = machine.check_adapter(settings, adapters=tmp_path)
    assert finding.state is State.FAILED
    assert 'radio.adapter = "off"' in finding.remedy


def test_serial_ports_are_looked_at(tmp_path: Path) -> None:
    def ports(port: str) -> Finding:
        text = f'[[devices]]\nid = "ox"\ndriver = "cms50"\nport = "{port}"\n'
        (finding,) = machine.check_serial_ports(parse(text))
        return finding

    missing = ports(f"{tmp_path}/ttyUSB9")
    assert missing.state is State.FAILED
    assert "is not there" in missing.text
    assert ports("socket://127.0.0.1:4000").state is State.OK
    (tmp_path / "port").touch()
    assert ports(str(tmp_path / "port")).state is State.OK


@pytest.mark.parametrize(("days", "state"), [(365, State.OK), (5, State.WARNING)])
def test_certificates_end(tmp_path: Path, days: int, state: State) -> None:
    path = certificate(tmp_path, days)
    end = expiry(path)
    text = subprocess.run(
        ["openssl", "x509", "-in", str(path), "-noout", "-enddate"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert end is not None
    assert f"{end:%b} {end.day:2d} {end:%H:%M:%S} {end.year} GMT" in text
    found = examine(write(tmp_path, f"[mqtt.tls]\nauthority_file = '{path}'\n"))
    assert found["certificate"][0].state is state


def test_expiry_of_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----")
    assert expiry(tmp_path / "x") is None
    assert expiry(tmp_path / "none") is None


def test_the_command_prints_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "[mqtt.tls]\nauthority_file = '/none.pem'\n")
    assert doctor.run(argparse.Namespace(config=path, json=False, profile=None)) == 1
    shown = capsys.readouterr()
    assert "FAILED   certificate" in shown.out
    assert "-> " in shown.out
    assert doctor.run(argparse.Namespace(config=path, json=True, profile=None)) == 1
    assert {"check", "state", "text", "remedy"} == set(json.loads(capsys.readouterr().out)[0])


REPORT = {
    "status": "degraded",
    "uptime_s": 4000.0,
    "parts": {
        "journal": {"ok": True, "error": None, "records": 120, "bytes": 5_000_000},
        "sink:mqtt": {
            "ok": False,
            "error": "connection refused",
            "backlog_records": 4200,
            "backlog_bytes": 1_500_000,
            "backlog_age_s": 95.0,
            "acknowledged_total": 99,
        },
    },
}


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(REPORT).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_status_shows_troubles_and_backlogs(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.run(argparse.Namespace(address=address, interval=1.0, once=True)) == 1
    shown = capsys.readouterr().out
    assert "degraded  up 1.1 h" in shown
    assert "sink:mqtt: connection refused" in shown
    row = next(line for line in shown.splitlines() if line.startswith("mqtt"))
    assert row.split() == ["mqtt", "4200", "2", "MB", "2", "min", "99"]
    assert "journal" in shown
    assert "bytes 5 MB" in shown


def test_status_of_nothing_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        assert status.run(argparse.Namespace(address=address, interval=1.0, once=True)) == 1
    assert "teleward run" in capsys.readouterr().out
