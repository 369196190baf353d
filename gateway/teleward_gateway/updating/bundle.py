"""The file of an update: the wheel of a gateway with a signed manifest.

    teleward-VERSION.update      zip, its members stored
        manifest.json            version, number, date, hash and size of the wheel, schemas
        manifest.sig             64 bytes, ed25519 over CONTEXT + manifest.json
        teleward.whl             the gateway, without its libraries

Nothing of the manifest is believed before its signature was checked, and nothing of the wheel
before its hash was: until then only sizes and names are looked at.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from teleward_signal.errors import Invalid

CONTEXT = b"teleward update 1\n"
"""Stands before what is signed, so that the key's other signatures never pass for this one."""
MANIFEST, SIGNATURE, WHEEL = "manifest.json", "manifest.sig", "teleward.whl"
RELEASE = "teleward-release.json"
"""The manifest, in the folder of an unpacked version."""
MOST_BYTES = 64_000_000
_MOST_MANIFEST = 64_000
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+~-]{0,63}")


class UpdateRefused(Invalid):
    """An update that is not used; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an update is. ``number`` counts releases upwards, ``made`` is in Unix seconds.

    ``schemas``: the version of each kind of file that it writes; an older gateway opens those of
    the same version.
    """

    version: str
    number: int
    made: int
    wheel_bytes: int = 0
    wheel_sha256: str = ""
    unpacked_bytes: int = 0
    python: str = "3.11"
    schemas: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any) -> "Manifest":
        """Return the manifest of a JSON document, without unknown keys; raises UpdateRefused."""
        try:
            known = {key: document[key] for key in cls.__slots__ if key in document}
            found = cls(**known)
            numbers = (found.number, found.made, found.wheel_bytes, found.unpacked_bytes)
            whole = all(isinstance(n, int) and n >= 0 for n in (*numbers, *found.schemas.values()))
            minor = [int(part) for part in found.python.split(".")]
        except (TypeError, ValueError, AttributeError) as error:
            raise UpdateRefused(f"the manifest of the update cannot be read: {error}") from None
        if not whole or not minor or not _VERSION.fullmatch(str(found.version)):
            raise UpdateRefused("the manifest of the update cannot be read")
        return found

    def to_json(self) -> bytes:
        """Return the bytes that are signed."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class Bundle:
    """An update whose signature and hash were checked; ``key`` is the name of the key."""

    path: Path
    manifest: Manifest
    key: str


def trusted_keys(folders: Sequence[Path]) -> dict[str, Ed25519PublicKey]:
    """Return the public keys (``*.pem``) that this install trusts, by name."""
    found = {}
    for folder in folders:
        for path in sorted(folder.glob("*.pem")) if folder.is_dir() else ():
            try:
                key = load_pem_public_key(path.read_bytes())
            except (OSError, ValueError, UnsupportedAlgorithm):
                raise UpdateRefused(f"{path} is no public key (PEM)") from None
            if not isinstance(key, Ed25519PublicKey):
                raise UpdateRefused(f"{path} is no ed25519 key")
            found[path.stem] = key
    if not found:
        places = " or ".join(str(folder) for folder in folders)
        raise UpdateRefused(f"no key is trusted here: put the publisher's key (.pem) in {places}")
    return found


def read_bundle(path: Path, keys: Mapping[str, Ed25519PublicKey]) -> Bundle:
    """Return the update in a file; raises UpdateRefused where it is damaged or not signed."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UpdateRefused(f"{path.name} is larger than any update")
        with zipfile.ZipFile(path) as archive:
            raw, signature = _small(archive, MANIFEST), _small(archive, SIGNATURE)
            key = _signer(raw, signature, keys)
            manifest = Manifest.of(json.loads(raw))
            _check_wheel(archive, manifest)
    except UpdateRefused:
        raise
    except Exception as error:  # what zipfile raises for hostile bytes is no short list
        raise UpdateRefused(f"{path.name} is damaged or no update: {error}") from None
    return Bundle(path, manifest, key)


def write_bundle(path: Path, manifest: Manifest, wheel: Path, key: Ed25519PrivateKey) -> None:
    """Write the file of an update; hash and sizes of the manifest are those of ``wheel``."""
    content = wheel.read_bytes()
    with zipfile.ZipFile(wheel) as inner:
        unpacked = sum(member.file_size for member in inner.infolist())
    sizes = {"wheel_bytes": len(content), "unpacked_bytes": unpacked}
    digest = hashlib.sha256(content).hexdigest()
    raw = Manifest(**(asdict(manifest) | sizes | {"wheel_sha256": digest})).to_json()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((MANIFEST, raw), (SIGNATURE, key.sign(CONTEXT + raw)), (WHEEL, content)):
            archive.writestr(zipfile.ZipInfo(name), data)


def unpack(bundle: Bundle, folder: Path) -> None:
    """Unpack the wheel into a new folder, with its manifest; raises OSError, UpdateRefused."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(bundle.path) as archive, archive.open(WHEEL) as stream:
        # read once and checked again: the file may have been replaced since
        content = stream.read()
        if hashlib.sha256(content).hexdigest() != bundle.manifest.wheel_sha256:
            raise UpdateRefused(f"{bundle.path.name} was changed while it was read")
    wheel = folder / f".{WHEEL}"
    wheel.write_bytes(content)
    with zipfile.ZipFile(wheel) as inner:
        for member in inner.infolist():
            parts = PurePosixPath(member.filename).parts
            if member.is_dir() or not parts or ".." in parts or parts[0] == "/":
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(inner.read(member))
            target.chmod(0o644)
            # compiled code is known by the dates of its sources: the same each time
            os.utime(target, (bundle.manifest.made, bundle.manifest.made))
    wheel.unlink()
    (folder / RELEASE).write_bytes(bundle.manifest.to_json())


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    member = archive.getinfo(name)
    if member.file_size > _MOST_MANIFEST or member.compress_type != zipfile.ZIP_STORED:
        raise UpdateRefused(f"{name} of the update is too large")
    return archive.read(member)


def _signer(raw: bytes, signature: bytes, keys: Mapping[str, Ed25519PublicKey]) -> str:
    for name, key in keys.items():
        try:
            key.verify(signature, CONTEXT + raw)
        except InvalidSignature:
            continue
        return name
    raise UpdateRefused(
        "the signature is of none of the keys that are trusted here "
        f"({', '.join(keys)}): get the file from its publisher again"
    )


def _check_wheel(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    member = archive.getinfo(WHEEL)
    if member.file_size != manifest.wheel_bytes or member.compress_type != zipfile.ZIP_STORED:
        raise UpdateRefused("the update is not complete: get the file again")
    digest = hashlib.sha256()
    with archive.open(member) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != manifest.wheel_sha256:
        raise UpdateRefused("the update is damaged: get the file again")
