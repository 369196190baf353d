"""``teleward share``: a copy of a capture without what identifies a person, to be sent in.

    teleward capture --driver berrymed --address C0:11:22:33:44:55 --out mine.jsonl --seconds 60
    teleward share mine.jsonl --out for-the-project.jsonl --note "BM1000, finger out at 20 s"

Names, serial numbers and dates are replaced by others of the same length (`capture_privacy`); vital
signs stay. The command lists what it replaced and what is left to look at.
"""

import argparse
import json
import sys
from pathlib import Path

from teleward_drivers.capture_privacy import without_identity
from teleward_drivers.replay_link import load_capture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("capture", type=Path, help="file written by `teleward capture`")
    parser.add_argument("--out", type=Path, required=True, help="file to write, .jsonl")
    parser.add_argument("--note", default="", help="what the capture shows; no names")


def run(arguments: argparse.Namespace) -> int:
    """Write the copy; 2 for a file that is no capture or cannot be written."""
    try:
        cleaned = without_identity(load_capture(arguments.capture))
        header = dict(cleaned.capture.header)
        if arguments.note:
            header["note"] = arguments.note
        lines = [json.dumps(header), *(piece.line() for piece in cleaned.capture.pieces)]
        with arguments.out.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except (ValueError, OSError) as error:
        print(f"teleward share: {error}", file=sys.stderr)
        return 2
    print(f"replaced: {', '.join(cleaned.replaced) or 'nothing'}")
    print(f"still in {arguments.out}: {', '.join(cleaned.left)}")
    return 0
