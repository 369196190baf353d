"""Conditions of one cause: which of them is signalled, and which it covers.

A fast heart is a heart rate, a pulse rate and a rhythm: three conditions, one alarm. Conditions
of one *family* have one cause, and so have those that follow from another condition:

    fast heart      rate limits above, tachycardias; with them atrial fibrillation
    slow heart      rate limits below, bradycardia, pause, asystole; with them atrial fibrillation
    one value       very high and high, or very low and low, of a metric; all pressures of a cuff
    breathing       apnoea and a low breathing rate
    ventricular     runs, tachycardias, flutter and fibrillation
    arrest          fibrillation, flutter and asystole cover while they last what has no meaning
                    then: every other rhythm but apnoea, limits and silence of rates and of SpO2
    silence         values of one device that stay away, and its lost link, lead or probe

Of a family the most urgent is signalled: rhythms before limits, what is present before what is
over, the more dangerous rhythm, then the first. Low SpO2 is never covered by apnoea, nor by a
heart rate: they are treated apart.

Ventricles have one rhythm at a time, so a text names one: the most dangerous that is present. A
second one stands there only while its alarm is not over for those who look at it: what was there
earlier, or what is there now.
"""

from collections.abc import Collection, Iterable

from teleward_signal.alarms.condition import Condition
from teleward_signal.alarms.table import RHYTHMS, URGENCY, base

FAST, SLOW = "fast heart", "slow heart"
ARREST = frozenset({"asystole", "ventricular_fibrillation", "ventricular_flutter"})
_RHYTHM_FAMILIES: dict[str, tuple[str, ...]] = {
    "narrow_tachycardia": (FAST,),
    "wide_tachycardia": (FAST, "ventricular"),
    "ventricular_tachycardia": (FAST, "ventricular"),
    "ventricular_run": ("ventricular",),
    "ventricular_flutter": ("ventricular", "arrest"),
    "ventricular_fibrillation": ("ventricular", "arrest"),
    "asystole": (SLOW, "arrest"),
    "pause": (SLOW,),
    "bradycardia": (SLOW,),
    "atrial_fibrillation": (FAST, SLOW),
    "apnoea": ("respiratory_rate low",),
}
_BLIND = ("link_lost", "lead_off", "probe_off")
"""Why the values of a device stay away, the farthest first."""
_PULSELESS = frozenset({"heart_rate", "pulse_rate", "spo2"})
"""What an arrest makes meaningless when it stays away."""


_VENTRICLES = (
    "asystole",
    "ventricular_fibrillation",
    "ventricular_flutter",
    "ventricular_tachycardia",
    "wide_tachycardia",
    "pause",
    "ventricular_run",
    "narrow_tachycardia",
    "bradycardia",
)
"""Rhythms of the ventricles, each of which excludes the others: the most dangerous first."""
_HIDE_ATRIA = frozenset(_VENTRICLES[:4])
"""Rhythms of the ventricles beside which nothing can be known of the atria."""


def families(condition: Condition) -> tuple[str, ...]:
    """Return the causes that a condition may have in common with others."""
    name = condition.name
    if name in RHYTHMS:
        return _RHYTHM_FAMILIES.get(name, ())
    kind = base(name)
    if kind == "no_data" or kind in _BLIND:
        return tuple(f"silence of {source}" for source in condition.claims if source)
    metric, side = condition.metric, name.rpartition("_")[2]
    if metric is None or side not in ("low", "high"):
        return ()
    if metric in ("heart_rate", "pulse_rate"):
        return (FAST if side == "high" else SLOW,)
    of_cuff = metric.startswith("nibp_")
    return (f"{'cuff' if of_cuff else metric} {side}",)


def covered(conditions: Iterable[Condition]) -> dict[str, str]:
    """Return the names of signalled conditions that another one covers, with its name."""
    shown = sorted((c for c in conditions if c.is_signalled), key=_order)
    if len(shown) < 2:
        return {}
    found: dict[str, str] = {}
    leaders: list[Condition] = []
    for condition in shown:
        leader = next((each for each in leaders if _covers(each, condition)), None)
        if leader is None:
            leaders.append(condition)
        else:
            found[condition.name] = leader.name
    return found


def is_known(condition: Condition, conditions: Iterable[Condition]) -> bool:
    """Return whether an alarm as urgent is signalled of the same cause: this one is nothing new."""
    return any(
        other is not condition
        and other.is_signalled
        and URGENCY[other.priority] <= URGENCY[condition.priority]
        and _covers(other, condition)
        for other in conditions
    )


def _order(condition: Condition) -> tuple[int | bool | str, ...]:
    """Order what may cover before what it covers."""
    name = condition.name
    lasting_arrest = name in ARREST and condition.is_present
    blind = _BLIND.index(base(name)) if base(name) in _BLIND else len(_BLIND)
    return (
        not lasting_arrest,
        URGENCY[condition.priority],
        name not in RHYTHMS,
        blind,
        not condition.is_present,
        _danger(condition),
        condition.onset_ns,
        name,
    )


def _covers(leader: Condition, other: Condition) -> bool:
    if set(families(leader)) & set(families(other)):
        return True
    return leader.name in ARREST and leader.is_present and _is_of_arrest(other)


def _is_of_arrest(other: Condition) -> bool:
    kind, _, about = other.name.partition(":")
    if kind == "no_data":
        return about in _PULSELESS
    if other.name in RHYTHMS:
        return other.name != "apnoea"
    return other.name == "pulse_difference" or other.metric in ("heart_rate", "pulse_rate")


def text_of(leader: Condition, members: Collection[Condition], rates: dict[str, float]) -> str:
    """Return the text of a condition with what it covers: limit, pulse rate and rhythm.

    ``rates``: the fresh heart and pulse rate by metric.
    """
    parts = [leader.text]
    if not {FAST, SLOW} & set(families(leader)):
        silence = any(each.startswith("silence of") for each in families(leader))
        parts += [c.text for c in members if silence]
    else:
        limits = [c for c in members if c.metric == "heart_rate" and c.name not in RHYTHMS]
        if leader.name in RHYTHMS and limits:
            parts.append(limits[0].text)
        elif leader.name in RHYTHMS and "heart_rate" in rates and leader.name not in ARREST:
            parts.append(f"HR {rates['heart_rate']:.0f}")
        if "pulse_rate" in rates and leader.metric != "pulse_rate":
            parts.append(f"pulse {rates['pulse_rate']:.0f}")
        parts += _further_rhythms(leader, members)
    return ", ".join(dict.fromkeys(parts))


def _further_rhythms(leader: Condition, members: Collection[Condition]) -> list[str]:
    """Return the rhythms that the text names beside that of the leader, if it has one."""
    rhythms = [c for c in members if c.name in RHYTHMS]
    others = [_within(c) for c in rhythms if c.name not in _VENTRICLES]
    known = sorted((c for c in (leader, *rhythms) if c.name in _VENTRICLES), key=_order)
    if not known:
        return others
    first = leader if leader in known else known[0]
    named = []
    if first is not leader:
        named.append(_within(first) if first.is_present else f"earlier {_within(first)}")
    now = [c for c in known if c.is_present]
    if now and not first.is_present:
        named.append(f"now {_within(now[0])}")
    worse = [c for c in known if not c.is_present and _danger(c) < _danger(first)]
    if worse and first.is_present:
        named.append(f"earlier {_within(worse[0])}")
    hides_atria = first.is_present and first.name in _HIDE_ATRIA
    return named if hides_atria else named + others


def _danger(condition: Condition) -> int:
    """Return the place of a rhythm among those of the ventricles, 0 the most dangerous."""
    name = condition.name
    return _VENTRICLES.index(name) if name in _VENTRICLES else len(_VENTRICLES)


def _within(condition: Condition) -> str:
    """Return the text of a condition within that of another one: abbreviations stay."""
    text = condition.text
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
