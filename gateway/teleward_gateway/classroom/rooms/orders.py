"""Orders of an instructor or a learner, checked before any of them is carried out."""

from typing import Any

from teleward_signal.errors import Invalid
from teleward_simulators.physiology.actions import action_named
from teleward_simulators.physiology.knobs import checked
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.rhythms.table import rhythm_named
from teleward_simulators.sensors.faults import make_fault

MOST_SPEED = 60
"""Times life: a case of six hours in six minutes."""


def check_order(row: dict[str, Any]) -> None:
    """Raise ValueError for an order that cannot be carried out, naming what is wrong."""
    try:
        match row.get("kind"):
            case "act":
                action = action_named(str(row["name"]))
                if row.get("dose"):
                    parse_dose(str(row["dose"]), action.unit or "")
            case "knob":
                checked(str(row["name"]), float(row["to"]))
                if not 0 <= float(row.get("over", 0.0)) <= 86400:
                    raise Invalid(f"knob {row['name']}: over {row['over']} is no duration in s")
            case "rhythm":
                rhythm_named(str(row["name"]))
            case "fault":
                seconds = float(row.get("for", 60.0))
                make_fault(row["fault"], row["sensor"], 0.0, seconds, row.get("value"))
            case "clock":
                if not 0 <= float(row["speed"]) <= MOST_SPEED:
                    raise Invalid(f"speed {row['speed']} is outside 0 to {MOST_SPEED}")
            case "say" | "bookmark":
                str(row["text"])
            case "finding":
                str(row["name"]), str(row["text"])
            case "end":
                pass
            case kind:
                raise Invalid(f"no order {kind!r}: use act, knob, rhythm, fault, clock, say, "
                                 "finding, bookmark or end")  # fmt: skip
    except KeyError as error:
        raise Invalid(f"order {row.get('kind')!r}: {error.args[0]!r} is missing") from None
