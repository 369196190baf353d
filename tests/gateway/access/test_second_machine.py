"""A second machine opens the ward over HTTPS: two network namespaces joined by a cable.

The gateway runs in one as shipped, Chromium and an HTTP client in the other. Skipped only where
namespaces cannot be made.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import expect, sync_playwright

START_S = 280.0
"""A cold kernel cache on busy cores; the limit of a test is 300 s."""
PASSWORD = "four quiet words here"
GATEWAY, PHONE = "10.89.7.1", "10.89.7.2"
SETTINGS = """
[gateway]
name = "clinic-3"
mode = "simulated"
data_folder = "{folder}/data"
[radio]
adapter = "off"
[lan]
enabled = true
[embedded_broker]
enabled = false
[[subjects]]
id = "anna"
label = "Anna"
bed = "bed-1"
"""
CLIENT = """
import json, ssl, sys, time, httpx
base, ca = sys.argv[1:]
browser = httpx.Client(base_url=base, verify=ssl.create_default_context(cafile=ca))
found = {"stranger": browser.get("/api/v1/alarms").status_code}
answer = browser.post("/api/v1/access/login", json={"name": "ward sister", "password": "PASSWORD"})
found["login"] = answer.status_code
for _ in range(600):  # the settings file is imported beside it
    found["subjects"] = [each["id"] for each in browser.get("/api/v1/subjects").json()]
    if found["subjects"]:
        break
    time.sleep(0.1)
plain = httpx.get(base.replace("https", "http").replace("8443", "8081") + "/api/v1/subjects")
found["plain"] = plain.status_code
try:
    httpx.get(base.replace("https", "http").replace("8443", "8080") + "/ward")
except httpx.ConnectError:
    found["loopback"] = "no connection"
print(json.dumps(found))
""".replace("PASSWORD", PASSWORD)


@dataclass(frozen=True)
class Network:
    """Two machines by the names of their namespaces."""

    gateway: str
    phone: str


def ip(*words: str) -> None:
    """Run ``ip``; skips the test where this machine makes no namespaces."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20)
    if done.returncode:
        pytest.skip(f"no network namespaces here: ip {' '.join(words)}: {done.stderr.strip()}")


@pytest.fixture
def network() -> Iterator[Network]:
    """A gateway and a phone on one cable."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and the program ip (iproute2)")
    tag = secrets.token_hex(3)
    network = Network(f"tw-{tag}-g", f"tw-{tag}-p")
    ends = {network.gateway: (f"twg{tag}", GATEWAY), network.phone: (f"twp{tag}", PHONE)}
    try:
        for name in ends:
            ip("netns", "add", name)
        (one, _), (other, _) = ends.values()
        ip("link", "add", one, "netns", network.gateway, "type", "veth", "peer", "name", other,
           "netns", network.phone)  # fmt: skip
        for name, (end, address) in ends.items():
            ip("-n", name, "addr", "add", f"{address}/30", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield network
    finally:
        for name in ends:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20)


@pytest.fixture
def gateway(network: Network, tmp_path: Path) -> Iterator[Path]:
    """The settings file of a gateway that runs in its namespace and has an account."""
    config = tmp_path / "teleward.toml"
    config.write_text(SETTINGS.format(folder=tmp_path))
    teleward = [sys.executable, "-m", "teleward_gateway"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", network.gateway, *teleward, "run", "--config", str(config)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        leaf = tmp_path / "data" / "simulated" / "tls" / "leaf.crt"
        deadline_s = time.monotonic() + START_S
        while not leaf.exists():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline_s, (tmp_path / "log").read_text()
            time.sleep(0.1)
        command = [*teleward, "accounts", "--config", str(config), "add", "Ward sister"]
        subprocess.run(
            [*command, "--role", "clinician", "--password-file", "-"],
            input=PASSWORD + "\n", text=True, check=True, timeout=60, capture_output=True,
        )  # fmt: skip
        yield config
    finally:
        process.terminate()
        process.wait(30)


def test_a_second_machine_opens_the_ward(network: Network, gateway: Path, tmp_path: Path) -> None:
    base, ca = f"https://{GATEWAY}:8443", tmp_path / "data" / "simulated" / "tls" / "ca.crt"
    there = ["ip", "netns", "exec", network.phone]
    client = [*there, sys.executable, "-c", CLIENT, base, str(ca)]
    done = subprocess.run(client, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "stranger": 401, "login": 200, "subjects": ["anna"], "plain": 403,
        "loopback": "no connection",
    }  # fmt: skip

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert found, "no Chromium: run scripts/install-system-packages"
    wrapper = tmp_path / "chromium"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(there)} {found} "$@"\n')
    wrapper.chmod(0o755)
    leaf = ca.with_name("leaf.crt")  # the client above has checked who signed it
    key = x509.load_pem_x509_certificate(leaf.read_bytes()).public_key()
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    trusted = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        f"--ignore-certificate-errors-spki-list={trusted}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(wrapper), args=arguments)
        page = browser.new_page(viewport={"width": 360, "height": 740})
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        page.goto(f"{base}/ward")
        expect(page).to_have_url(f"{base}/login?next=%2Fward")
        page.fill("#name", "ward sister")
        page.fill("#password", PASSWORD)
        page.click("button.primary")
        expect(page).to_have_url(f"{base}/ward")
        expect(page.locator('[data-subject="anna"]')).to_contain_text("Anna")
        expect(page.locator("#who")).to_have_attribute(
            "aria-label", "Ward sister, clinician: log out"
        )
        page.screenshot(path=str(tmp_path / "ward.png"))
        browser.close()
