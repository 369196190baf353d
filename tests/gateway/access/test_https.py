"""HTTPS of the local network: the CA and its limits, renewal, own certificates, mistakes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from teleward_gateway.access import authority as authority_module
from teleward_gateway.access.authority import (
    FLOOR,
    LEAF_LIFE,
    Authority,
    fingerprint,
    make_leaf,
    names_of,
)
from teleward_gateway.access.certificate import OwnCertificate, server_context
from teleward_gateway.access.lan import Lan
from teleward_gateway.settings.lan import LanSettings
from teleward_gateway.testing.certificates import certificate
from teleward_signal.errors import Unavailable

from .conftest import PASSWORD, Clinic

Eventually = Callable[..., Any]
NAMES = ("clinic-3", "clinic-3.local", "192.168.7.9", "ward.example.org")


def handshake(context: ssl.SSLContext, trusted: Path, name: str) -> None:
    """Greet a server in memory as a browser does; raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = ssl.create_default_context(cafile=str(trusted))
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.version() == "TLSv1.3"


def test_the_ca_signs_local_names_and_its_own_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    ours = Authority(folder, "clinic-3", NAMES)
    assert ours.renew(NAMES)
    for private in ("ca.key", "leaf.key"):
        assert (folder / private).stat().st_mode & 0o777 == 0o600
    leaf = ours.leaf()
    assert leaf is not None
    assert names_of(leaf) == set(NAMES)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert life <= timedelta(days=825), "phones take no leaf that lasts longer"
    context = server_context()
    context.load_cert_chain(ours.leaf_path, ours.leaf_key_path)
    for name in NAMES:
        handshake(context, ours.ca_path, name)

    assert ours.refused(["bank.example", "8.8.8.8", "box.lan", "fd00::1"]) == [
        "8.8.8.8", "bank.example"]  # fmt: skip
    made, key = make_leaf(ours.ca, ours._ca_key, "x", ["bank.example"], datetime.now(UTC))
    stolen = tmp_path / "stolen.pem"
    stolen.write_bytes(
        made.public_bytes(serialization.Encoding.PEM) + authority_module.key_pem(key)
    )
    context = server_context()
    context.load_cert_chain(stolen)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(context, ours.ca_path, "bank.example")
    again = Authority(folder, "clinic-3", NAMES)
    assert fingerprint(again.ca) == fingerprint(ours.ca), "phones trust it once"


def test_a_leaf_is_renewed_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2027, 5, 1, tzinfo=UTC)
    monkeypatch.setattr(authority_module, "now", lambda: at)
    ours = Authority(tmp_path, "g", NAMES)
    assert ours.renew(NAMES)
    begun = at
    while not ours.renew(NAMES):
        at += timedelta(hours=12)
        assert at - begun < LEAF_LIFE
    assert abs((at - begun) / LEAF_LIFE - 2 / 3) < 0.02
    assert not ours.renew(NAMES)
    assert ours.renew([*NAMES, "192.168.7.10"]), "another address"
    ours.leaf_path.write_bytes(b"-----BEGIN CERTIFICATE-----\nbroken")
    assert ours.renew([*NAMES, "192.168.7.10"]), "a card that lost a block"
    monkeypatch.undo()
    assert authority_module.now() >= FLOOR
    (tmp_path / "ca.key").write_bytes(b"broken")
    with pytest.raises(Unavailable, match=r"is damaged; restore it, or remove the folder"):
        Authority(tmp_path, "g", NAMES)


def test_each_mistake_in_an_own_certificate_is_a_sentence(tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(days=5)
    paths, others = certificate(tmp_path, "ward", end), certificate(tmp_path, "other", end)
    paths[1].chmod(0o600)
    open_key = tmp_path / "open.key"
    open_key.write_bytes(paths[1].read_bytes())
    open_key.chmod(0o644)
    others[1].chmod(0o600)
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("no PEM")
    nonsense.chmod(0o600)
    for crt, key, sentence in (
        (tmp_path / "none.crt", paths[1], "none.crt: No such file or directory"),
        (paths[0], tmp_path / "none.key", "none.key: No such file or directory"),
        (tmp_path, paths[1], "Is a directory"),
        (nonsense, paths[1], "nonsense is no certificate in PEM"),
        (paths[0], nonsense, "nonsense is no key in PEM"),
        (paths[0], others[1], "other.key is not the key of"),
        (paths[0], open_key, "open to every user of this machine: chmod o="),
    ):
        with pytest.raises(Unavailable, match=sentence):
            OwnCertificate(crt, key).refresh(server_context())
    own, context = OwnCertificate(*paths), server_context()
    own.refresh(context)
    handshake(context, paths[0], "127.0.0.1")


@asynccontextmanager
async def served(clinic: Clinic, folder: Path, **more: Any) -> AsyncIterator[Lan]:
    """Serve a clinic at two doors of loopback as on a local network."""
    settings = LanSettings(enabled=True, host="127.0.0.1", port=0, plain_port=0, **more)
    lan = clinic.app.state.lan = Lan(clinic.guard, settings, folder, "clinic-3")
    running = asyncio.create_task(lan.run())
    yield lan
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_doors_of_the_network(
    clinic: Clinic, tmp_path: Path, eventually: Eventually
) -> None:
    async with served(clinic, tmp_path) as lan:
        await eventually(lambda: lan.health()["ok"], 60)
        trusted = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.crt"))
        base = f"https://127.0.0.1:{lan.port}"
        async with httpx.AsyncClient(base_url=base, verify=trusted) as browser:
            assert (await browser.get("/api/v1/alarms")).status_code == 401
            body = {"name": "observer one", "password": PASSWORD}
            assert (await browser.post("/api/v1/access/login", json=body)).status_code == 200
            assert (await browser.get("/ward")).status_code == 200
            foreign = {"host": "evil.example"}
            assert (await browser.get("/ward", headers=foreign)).status_code == 403
            trust = (await browser.get("/api/v1/access/trust")).json()
            assert trust["fingerprint"] == fingerprint(lan.certificate.ca)  # type: ignore[arg-type]
        plain = f"http://127.0.0.1:{lan.plain_port}"
        async with httpx.AsyncClient(base_url=plain, cookies=dict(browser.cookies)) as phone:
            moved = await phone.get("/bed/sim-01")
            assert (moved.status_code, moved.headers["location"]) == (307, f"{base}/bed/sim-01")
            assert (await phone.get("/api/v1/alarms")).status_code == 403
            assert (await phone.post("/api/v1/access/login", json=body)).status_code == 403
            file = await phone.get("/trust/ca.crt")
            assert file.headers["content-type"] == "application/x-x509-ca-cert"
            taken = x509.load_der_x509_certificate(file.content)
            assert fingerprint(taken) == trust["fingerprint"]
            assert (await phone.get("/trust")).status_code == 200
            assert (await phone.get("/trust/qr.svg")).content.startswith(b"<?xml")
            assert (await phone.get("/join")).status_code == 200


async def test_a_broken_certificate_is_named_and_taken_once_repaired(
    clinic: Clinic, tmp_path: Path, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teleward_gateway.access.lan.LOOK_S", 0.05)
    crt, key = tmp_path / "ward.crt", tmp_path / "ward.key"
    async with served(clinic, tmp_path, certificate=crt, key=key) as lan:
        await eventually(lambda: "No such file" in str(lan.health()["error"]), 60)
        console = await clinic.browser()
        assert (await console.get("/login")).status_code == 200
        certificate(tmp_path, "ward", datetime.now(UTC) + timedelta(days=5))
        key.chmod(0o600)
        await eventually(lambda: "ends on" in str(lan.health()["error"]), 60)
        trusted = ssl.create_default_context(cafile=str(crt))
        async with httpx.AsyncClient(verify=trusted) as browser:
            address = f"https://127.0.0.1:{lan.port}/api/v1/alarms"
            assert (await browser.get(address)).status_code == 401
            trust = (await browser.get(f"https://127.0.0.1:{lan.port}/api/v1/access/trust")).json()
        assert trust["made"] is False
        certificate(tmp_path, "ward", datetime.now(UTC) - timedelta(days=1))
        key.chmod(0o600)
        await eventually(lambda: "ended on" in str(lan.health()["error"]), 60)
