"""Read what happens in a case: conditions, effects on knobs, rhythms, sensors and the worker."""

from teleward_simulators.cases.answers.answer import Texts
from teleward_simulators.cases.expression import Expression, ExpressionError, parse
from teleward_simulators.cases.fields import choice, languages, number, rows
from teleward_simulators.cases.lined_yaml import Table
from teleward_simulators.cases.model import LANGUAGES, Effect
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.knobs import KNOBS, checked
from teleward_simulators.physiology.readings import SHORT
from teleward_simulators.physiology.record import FIELDS
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.rhythms.table import RHYTHMS
from teleward_simulators.sensors.faults import FAULT_KINDS, LINK_KINDS, SENSORS

SCRIPT_NAMES = frozenset(
    {"t", "stable_for", "disposition", "resolved", "t_asystole", "t_pulseless", "rhythm"}
    | {f"faults_{sensor}" for sensor in SENSORS}
)
VARIABLES = SCRIPT_NAMES | frozenset(SHORT) | frozenset(FIELDS) | frozenset(KNOBS)
WORDS = frozenset(RHYTHMS)
RESULTS = ("survived", "died", "harmed", "unresolved")
KEYS = {"knob", "to", "mul", "add", "hold", "over", "after", "lasts", "wane", "rhythm", "rate",
        "act", "dose", "say", "fault", "sensor", "for", "value", "finding", "text", "mend", "delay",
        "end"}  # fmt: skip


def condition(
    table: Table, name: str, rest: str = "", more: frozenset[str] = frozenset()
) -> Expression:
    """Return the condition under ``name``; ``more`` are variables that it may also read."""
    text = str(table.get(name, rest))
    try:
        found = parse(text, WORDS, lambda variable: variable == "rhythm")
    except ExpressionError as error:
        raise table.fail(f"{name}: {error}", name) from None
    for variable in found.names:
        if variable not in VARIABLES and variable not in ACTIONS and variable not in more:
            raise table.fail(f"{name}: unknown variable {variable!r} in {text!r}", name)
    return found


def knob_of(row: Table, name: str, value: float, key: str) -> None:
    """Refuse a knob that there is not, or a value outside its range."""
    try:
        checked(name, value)
    except ValueError as error:
        raise row.fail(str(error), key) from None


def fault_of(row: Table) -> Effect:
    """Return a fault of a sensor."""
    kind = choice(row, "kind", FAULT_KINDS, "")
    sensor = choice(row, "sensor", SENSORS, "")
    options: tuple[tuple[str, float | str], ...] = (("sensor", sensor),)
    if "value" in row:
        options += (("value", number(row, "value", 0, -1e4, 1e4)),)
    return Effect("fault", kind, over_s=number(row, "for", 60, 1, 1e6), options=options)


def effects_of(table: Table, name: str = "do", layered: bool = False) -> tuple[Effect, ...]:
    """Return the effects under ``name``; ``layered`` are those of an action."""
    found = rows(table, name, KEYS)
    if not found:
        raise table.fail(f"{name}: nothing happens here", name)
    return tuple(_effect(row, layered) for row in found)


def _effect(row: Table, layered: bool) -> Effect:
    after = number(row, "after", 0, 0, 1e6)
    if "knob" in row:
        return _knob_effect(row, after, layered)
    if "rhythm" in row:
        name = choice(row, "rhythm", RHYTHMS, "")
        return Effect("rhythm", name, value=number(row, "rate", 0, 0, 300), after_s=after)
    if "act" in row:
        name = choice(row, "act", ACTIONS, "")
        return Effect("act", name, after_s=after, text=dose_of(row, name))
    if "say" in row:
        return Effect("say", "worker", after_s=after, texts=_spoken(row, "say"))
    if "finding" in row:
        return Effect("finding", str(row["finding"]), after_s=after, texts=_spoken(row, "text"))
    if "mend" in row:
        fault = choice(row, "fault", FAULT_KINDS, "")
        if fault in LINK_KINDS:
            raise row.fail(f"{fault} is the device's own and ends by itself", "fault")
        return Effect("mend", fault, after_s=after, text=choice(row, "mend", SENSORS, ""))
    if "delay" in row:
        return Effect("delay", "worker", value=number(row, "delay", 0, 1, 1e5), after_s=after)
    if "end" in row:
        return Effect("end", choice(row, "end", RESULTS, ""), after_s=after)
    if "fault" in row:
        row["kind"] = row["fault"]
        return fault_of(row)
    raise row.fail("an effect is one of knob, rhythm, act, say, finding, fault, mend, delay, end")


def _spoken(row: Table, name: str) -> Texts:
    """Return a sentence by language; one that is written once is the same in all."""
    if isinstance(row.get(name), Table):
        return tuple(languages(row, name).items())
    return tuple((language, str(row.get(name, ""))) for language in LANGUAGES)


def _knob_effect(row: Table, after: float, layered: bool) -> Effect:
    name = str(row["knob"])
    ways = [way for way in ("to", "mul", "add", "hold") if way in row]
    if len(ways) != 1:
        raise row.fail(f"knob {name}: give one of to, mul, add, hold", "knob")
    if name not in KNOBS:
        knob_of(row, name, 0.0, "knob")
    value = 0.0 if ways[0] == "hold" else number(row, ways[0], 0, -1e3, 1e3)
    if ways[0] == "to":
        knob_of(row, name, value, "to")
    on_top = layered and ways[0] in ("mul", "add")
    return Effect(
        "knob", name, ways[0], value, number(row, "over", 0, 0, 1e6), after, layered=on_top,
        hold_s=number(row, "lasts", 0, 0, 1e6), wane_s=number(row, "wane", 0, 0, 1e6),
    )  # fmt: skip


def dose_of(row: Table, action: str) -> str:
    """Return the dose of a row, refused without its unit."""
    text = str(row.get("dose", ""))
    unit = ACTIONS[action].unit
    if text and not unit:
        raise row.fail(f"{action} takes no dose", "dose")
    if text:
        try:
            parse_dose(text, unit)
        except ValueError as error:
            raise row.fail(str(error), "dose") from None
    return text
