"""Signs an update: python -m teleward_gateway.updating.sign MANIFEST WHEEL PRIVATE-KEY FOLDER.

Used by scripts/make-update; the private key (PEM) is on the publisher's machine alone.
"""

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from teleward_gateway.updating.bundle import Manifest, UpdateRefused, write_bundle


def main(words: list[str]) -> int:
    """Write the file, and print its path."""
    manifest_path, wheel, key_path, folder = (Path(word) for word in words)
    key = load_pem_private_key(key_path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise UpdateRefused(f"{key_path} is no ed25519 key")
    manifest = Manifest.of(json.loads(manifest_path.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"teleward-{manifest.version}.update"
    write_bundle(target, manifest, wheel, key)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
