"""Lines that the demo prints: progress, addresses of this machine, and why a child ended."""

import contextlib
import json
from pathlib import Path

from teleward_gateway.access.lan_names import interface_addresses


def print_line(text: str) -> None:
    """Print one line of progress."""
    print(f"teleward demo: {text}", flush=True)


def own_address() -> str:
    """Return an address by which machines of the local network reach this one."""
    found = sorted(a for a in interface_addresses() if ":" not in a and not a.startswith("127."))
    return found[0] if found else "127.0.0.1"


def explain(folder: Path, name: str) -> str:
    """Return why a child ended, from the last line of its log in ``folder``."""
    log = folder / f"{name}.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = lines[-1] if lines else "no output"
    with contextlib.suppress(json.JSONDecodeError, KeyError, TypeError):
        last = json.loads(last)["message"]
    return f"the {name} process ended: {last} (all of it: {log})"
