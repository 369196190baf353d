"""The independent readers of exports, as processes; `scripts/install-judges` fetches them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.testing.servers import Server, free_port

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "build" / "judges" / "node_modules"
SCRIPTS = ROOT / "tests" / "judges"


def node(script: str, *words: str) -> list[str]:
    """Return the command of a judge; skips the test where they are not installed."""
    if not MODULES.is_dir() or shutil.which("node") is None:
        pytest.skip("the readers of exports are not installed: scripts/install-judges")
    # node looks for modules above the script's real place, so that it is copied beside them
    target = MODULES.parent / script
    shutil.copyfile(SCRIPTS / script, target)
    return ["node", str(target), *words]


def verdict(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the validator finds in resources."""
    text = "".join(json.dumps(resource) + "\n" for resource in resources)
    ended = subprocess.run(
        node("fhir_validate.cjs"), input=text, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


class FhirServer(Server):
    """Medplum's router with a store of its own on the disk."""

    start_s = 120.0
    """It reads the definitions of R4 first, which takes some seconds on quiet cores."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.store = folder / "store.ndjson"
        self.url = f"http://127.0.0.1:{port}/fhir"
        super().__init__(node("fhir_server.cjs", str(port), str(self.store)), port, folder)

    def stored(self, kind: str = "Observation") -> list[dict[str, Any]]:
        """Return every resource that the server ever created, repeats included."""
        lines = self.store.read_text().splitlines() if self.store.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [resource for resource in found if resource["resourceType"] == kind]

    def latest(self, kind: str = "Observation") -> list[dict[str, Any]]:
        """Return the resources that the server has now."""
        return list({resource["id"]: resource for resource in self.stored(kind)}.values())

    def count(self) -> int:
        """Return how many resources were written so far."""
        return self.store.read_bytes().count(b"\n") if self.store.exists() else 0
