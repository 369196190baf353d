"""The file of an update: taken whole and signed, refused in every other form."""

import contextlib
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from teleward_gateway.updating.bundle import (
    RELEASE,
    Manifest,
    UpdateRefused,
    read_bundle,
    trusted_keys,
    unpack,
    write_bundle,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEYS = {"publisher": KEY.public_key()}
MANIFEST = Manifest("0.2.0~dev7+1a2b", 7, 1_796_000_000, schemas={"journal": 2})


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An update whose wheel has two files, and one that leads outside."""
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("teleward_gateway/__init__.py", "x = 1\n")
        archive.writestr("teleward_gateway/dashboard/a.js", "a" * 500)
        archive.writestr("../outside.py", "no")
    path = tmp_path / "a.update"
    write_bundle(path, MANIFEST, wheel, KEY)
    return path


def test_a_signed_update_is_unpacked_whole_and_nowhere_else(made: Path, tmp_path: Path) -> None:
    bundle = read_bundle(made, KEYS)
    assert (bundle.manifest.version, bundle.key) == (MANIFEST.version, "publisher")
    unpack(bundle, tmp_path / "versions" / "new")
    found = {
        p.relative_to(tmp_path / "versions").as_posix() for p in tmp_path.rglob("versions/**/*")
    }
    assert {name for name in found if not (tmp_path / "versions" / name).is_dir()} == {
        "new/teleward_gateway/__init__.py",
        "new/teleward_gateway/dashboard/a.js",
        f"new/{RELEASE}",
    }


def test_no_byte_of_it_can_be_changed_and_no_end_be_missing(made: Path) -> None:
    content = made.read_bytes()
    first = read_bundle(made, KEYS).manifest
    for at in range(0, len(content), 7):
        made.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with contextlib.suppress(UpdateRefused):
            # dates and flags of the zip are no part of the update
            assert read_bundle(made, KEYS).manifest == first, at
        made.write_bytes(content[:at])
        with pytest.raises(UpdateRefused):
            read_bundle(made, KEYS)


def test_a_file_replaced_after_its_check_is_not_unpacked(made: Path, tmp_path: Path) -> None:
    bundle = read_bundle(made, KEYS)
    content = made.read_bytes()
    at = content.index(b"outside")
    made.write_bytes(content[:at] + b"inside!" + content[at + 7 :])
    with pytest.raises((UpdateRefused, zipfile.BadZipFile)):
        unpack(bundle, tmp_path / "new")


def test_another_key_is_named_as_the_reason(made: Path) -> None:
    other = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(UpdateRefused, match=r"none of the keys .*\(clinic\)"):
        read_bundle(made, {"clinic": other})


def test_keys_are_read_from_every_folder_and_only_of_the_right_kind(tmp_path: Path) -> None:
    with pytest.raises(UpdateRefused, match="no key is trusted here"):
        trusted_keys([tmp_path / "none", tmp_path])
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "publisher.pem").write_bytes(public)
    assert list(trusted_keys([tmp_path / "none", tmp_path])) == ["publisher"]
    curve = generate_private_key(SECP256R1()).public_key()
    (tmp_path / "web.pem").write_bytes(
        curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(UpdateRefused, match=r"web\.pem is no ed25519 key"):
        trusted_keys([tmp_path])


@pytest.mark.parametrize("change", [{"version": "../x"}, {"number": "7"}, {"schemas": 3}])
def test_a_manifest_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UpdateRefused, match="manifest"):
        Manifest.of({"version": "1.0", "number": 1, "made": 0} | change)
