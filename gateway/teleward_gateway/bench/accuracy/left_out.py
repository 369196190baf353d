"""Figures on people whom the shipped networks' kin never saw, recorded by the training commands.

A bench cannot measure them: each needs networks fitted anew without these people. The file beside
this one keeps what the training commands printed, so that no trained figure is read alone.
"""

import json
from importlib import resources

NOTE = (
    "Left out: fitted to the other people only. Recorded by the training command named beside it, "
    "not measured in this run; the figures above are of records trained on."
)


def rows(group: str) -> list[dict[str, str]]:
    """Return the recorded figures of one group: ``figure``, ``left_out``, ``by``."""
    text = resources.files(__package__).joinpath("left_out.json").read_text("utf-8")
    return [row for row in json.loads(text) if row["group"] == group]


def table(found: list[dict[str, str]]) -> str:
    """Print recorded figures, one a line."""
    lines = [NOTE]
    lines += [f"  {row['figure']:50s} {row['left_out']:22s} {row['by']}" for row in found]
    return "\n".join(lines)
