"""schemathesis against a gateway as it runs: ``python -m tests.gateway.api.served EXAMPLES``."""

import asyncio
import sys
import tempfile
from pathlib import Path

from teleward_gateway.classroom.operator_key import operator_key
from teleward_gateway.testing.running_gateway import running
from teleward_gateway.testing.servers import free_port

SETTINGS = """
[gateway]
name = "attacked"
mode = "simulated"
data_folder = "{folder}"
[radio]
adapter = "off"
[api]
port = {port}
[embedded_broker]
enabled = false
[classroom]
enabled = true
[[subjects]]
id = "anna"
[[devices]]
id = "strap"
driver = "heart-rate"
address = "00:1C:05:FF:00:01"
subject = "anna"
"""
CONFIG = Path(__file__).with_name("schemathesis.toml")
LEFT_OUT = "^/api/v1/(rooms|classes|commissioning/scan)$"
"""What opens a patient of its own (seconds and 2 % of a core each), and what this gateway without
Bluetooth answers with 503, which one of the checks forbids."""


async def attack(examples: int, options: list[str]) -> int:
    """Return the exit code of schemathesis: 0 when it found nothing."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        async with running(SETTINGS.format(folder=folder, port=port)):
            key = operator_key(Path(folder) / "simulated" / "rooms")
            command = [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
                f"http://127.0.0.1:{port}/api/v1/openapi.json",
                *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
                *("--max-examples", str(examples), "--no-shrink", "--continue-on-failure"),
                *("--header", f"X-Operator-Key: {key}", "--request-timeout", "60"),
                *("--exclude-path-regex", LEFT_OUT),
                *options,
            ]
            process = await asyncio.create_subprocess_exec(*command, cwd=folder)
            return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(attack(int(sys.argv[1]), sys.argv[2:])))
