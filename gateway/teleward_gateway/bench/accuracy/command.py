"""``teleward bench accuracy [--data DIR]``: every detector against known rates and recordings.

Without ``--data`` only the sweep over made signals (`sweep`) is run.

What is measured follows from what lies below the folder: WFDB records with ``.atr`` annotations
(format 212 or 16), AFDB texts (``qrsNNNNN.txt`` with ``atrNNNNN.txt``), BIDMC CSV files. Each group
of rows is a module with ``rows(...)`` and ``table(...)``.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

from teleward_gateway.bench.accuracy import left_out

GROUPS = ("sweep", "ecg", "af", "rhythm", "shockable", "bidmc", "anomaly")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--data", type=Path, help="folder, searched recursively; without it only the sweep runs"
    )
    parser.add_argument(
        "--only", choices=GROUPS, action="append", help="measure this group (may be repeated)"
    )
    parser.add_argument("--no-peers", action="store_true", help="leave other libraries out")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure every group that has data below the folder."""
    folder: Path | None = arguments.data
    recorded = tuple(group for group in GROUPS if group != "sweep")
    wanted = arguments.only or (("sweep",) if folder is None else recorded)
    if folder is None:
        if set(wanted) != {"sweep"}:
            raise SystemExit("bench accuracy: give a folder of recordings with --data DIR")
        return {"sweep": _group("sweep").rows()}
    if not folder.is_dir():
        raise SystemExit(f"bench accuracy: {folder} is no folder; give one with --data DIR")
    result: dict[str, Any] = {}
    for group in wanted:
        part = _measure(group, folder, not arguments.no_peers)
        if part is not None:
            result |= part if group == "ecg" else {group: part}
            result["left_out"] = result.get("left_out", []) + left_out.rows(group)
    if not result:
        raise SystemExit(
            f"bench accuracy: nothing to measure below {folder}; it looks for WFDB records with "
            ".atr annotations, AFDB texts (qrs*.txt) and BIDMC files (*_Signals.csv)"
        )
    if not arguments.only:
        result["sweep"] = _group("sweep").rows()
    return result


def table(result: dict[str, Any]) -> str:
    """Print the tables of all groups."""
    parts = []
    if "qrs" in result:
        parts.append(_group("ecg").table(result))
    others = [name for name in GROUPS if name != "ecg"]
    parts += [_group(name).table(result[name]) for name in others if name in result]
    if result.get("left_out"):
        parts.append(left_out.table(result["left_out"]))
    return "\n\n".join(parts)


def _measure(group: str, folder: Path, peers: bool) -> dict[str, Any] | None:
    """Return what a group measures, or nothing when there is no data for it."""
    has_wfdb = any(folder.rglob("*.atr"))
    has_data = {
        "ecg": has_wfdb,
        "af": has_wfdb or any(folder.rglob("qrs*.txt")),
        "rhythm": has_wfdb,
        "shockable": has_wfdb,
    }
    bidmc = sorted({path.parent for path in folder.rglob("*_Signals.csv")})
    module = _group(group)
    result: dict[str, Any] | None = None
    if group == "sweep":
        result = module.rows()
    elif group == "ecg" and has_wfdb:
        result = module.rows(folder, peers)
    elif has_data.get(group):
        result = module.rows(folder)
    elif group in ("bidmc", "anomaly") and bidmc:
        result = module.rows(bidmc[0])
    return result


def _group(name: str) -> Any:
    return importlib.import_module(f"teleward_gateway.bench.accuracy.{name}")
