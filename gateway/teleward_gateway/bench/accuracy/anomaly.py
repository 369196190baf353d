"""Anomaly score against fixed limits and NEWS2: how early, at how many false alarms.

Each method is set on one half of the recordings to at most one false alarm a patient-day and
measured on the other half: days and deteriorations from `anomaly_days`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.anomaly_days import (
    DETERIORATIONS,
    METRICS,
    START_S,
    STEP_S,
    Values,
    as_shown,
    deteriorate,
    quiet_day,
)
from teleward_gateway.bench.accuracy.bidmc_files import bidmc_names, read_bidmc
from teleward_signal.alarms.limits import DEFAULT_METRICS
from teleward_signal.anomaly.bank import TRAITS, AnomalyBank
from teleward_signal.news2 import points_of

FALSE_PER_DAY = 1.0
DAY_HOURS, EVENT_HOURS = 24.0, 6.0
REARM_S = 600.0
"""Alarms less than ten minutes apart are one."""
PEER = "fixed limits, longer delay"
"""What the lead is measured against: the limits at the same rate of false alarms."""
Trigger = NDArray[np.bool_]
Method = Callable[[Values, float], Trigger]


def limits(days: Values, delay_s: float) -> Trigger:
    """Fixed limits of the alarm board; every limit must be passed for ``delay_s``."""
    outside = np.zeros(days.shape[:2], bool)
    for k, metric in enumerate(METRICS):
        for limit in DEFAULT_METRICS[metric].limits(metric):
            beyond = days[..., k] > limit.value if limit.above else days[..., k] < limit.value
            outside |= beyond
    return _held(outside, delay_s)


def news2_total(days: Values, threshold: float) -> Trigger:
    """NEWS2 of pulse, breathing and SpO2 (the rest normal) held for a minute."""
    total = np.zeros(days.shape[:2])
    names = ("pulse", "respiratory_rate", "spo2")
    for k, name in enumerate(names):
        table = np.array([points_of(name, float(v)) for v in range(301)])
        known = np.isfinite(days[..., k])
        total += np.where(known, table[np.nan_to_num(days[..., k]).astype(int)], 0)
    return _held(total >= threshold, 60.0)


def anomaly_sums(days: Values) -> Values:
    """Cumulative sums of the anomaly bank, shape (n_days, n_steps); one slot a day."""
    bank = AnomalyBank(len(days), STEP_S, {m: TRAITS[m] for m in METRICS})
    out = np.zeros(days.shape[:2])
    for step in range(days.shape[1]):
        bank.step(np.ascontiguousarray(days[:, step]))
        out[:, step] = np.nan_to_num(bank.sums)
    return out


def onsets_per_day(trigger: Trigger) -> float:
    """Return alarms a day, those within `REARM_S` of each other counted once."""
    gap = round(REARM_S / STEP_S)
    count = 0
    for day in trigger:
        at = np.flatnonzero(day)
        count += int(len(at) > 0) + int((np.diff(at) > gap).sum())
    return count / (trigger.size * STEP_S / 86400)


def rows(data_dir: str | Path, seed: int = 1) -> dict[str, Any]:
    """Return the comparison for the BIDMC folder ``data_dir`` (or its parent)."""
    folder = Path(data_dir)
    folder = folder / "bidmc" if (folder / "bidmc").is_dir() else folder
    names = bidmc_names(folder)
    bases = [_numerics(folder, name) for name in names]
    bases = [base for base in bases if np.isfinite(base).any(axis=0).all()]
    halves = [bases[0::2], bases[1::2]]
    quiet = [_days(half, DAY_HOURS, seed) for half in halves]
    sums = [anomaly_sums(days) for days in quiet]
    delays = [10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0]
    chosen = {
        "fixed limits as shipped": 10.0,
        "fixed limits, longer delay": _choose(lambda v: limits(quiet[0], v), delays),
        "NEWS2": _choose(lambda v: news2_total(quiet[0], v), [float(v) for v in range(1, 13)]),
        "anomaly": _choose(lambda v: sums[0] >= v, list(np.arange(2.0, 60.0, 0.5))),
    }
    false = {
        "fixed limits as shipped": onsets_per_day(limits(quiet[1], 10.0)),
        "fixed limits, longer delay": onsets_per_day(
            limits(quiet[1], chosen["fixed limits, longer delay"])
        ),
        "NEWS2": onsets_per_day(news2_total(quiet[1], chosen["NEWS2"])),
        "anomaly": onsets_per_day(sums[1] >= chosen["anomaly"]),
    }
    leads = {t.name: _leads(halves[1], t, chosen, seed + 1000) for t in DETERIORATIONS}
    return {
        "recordings": len(bases),
        "settings": chosen,
        "false_per_day": false,
        "problems": {name: _summary(found) for name, found in leads.items()},
        "all": _summary({m: np.concatenate([leads[t][m] for t in leads]) for m in chosen}),
        "gradual": _summary(
            {m: np.concatenate([leads[t][m] for t in leads if "sudden" not in t]) for m in chosen}
        ),
    }


def table(result: dict[str, Any]) -> str:
    """Return the comparison as text."""
    methods = list(result["settings"])
    lines = [
        "Early warning: median minutes before the crisis (share found); surrogate patient-days",
        f"from {result['recordings']} BIDMC recordings; settings chosen on one half for at most 1",
        "false alarm a patient-day, measured on the other half; limits as shipped for comparison",
        f"{'':18}" + "".join(f"{m:>28}" for m in methods),
        f"{'setting':18}" + "".join(f"{result['settings'][m]:28.1f}" for m in methods),
        f"{'false a day':18}" + "".join(f"{result['false_per_day'][m]:28.2f}" for m in methods),
    ]
    for name, found in {**result["problems"], "gradual": result["gradual"]}.items():
        cells = [f"{found[m]['lead_min']:7.1f} ({found[m]['found']:4.0%})" for m in methods]
        lines.append(f"{name:18}" + "".join(f"{cell:>28}" for cell in cells))
    both = result["gradual"]["anomaly"]
    lines.append(
        f"anomaly before {PEER} (gradual): median {both['gain_min']:.1f} min; "
        f"caught by limits yet missed: {result['all']['anomaly']['missed']}"
    )
    return "\n".join(lines)


def _numerics(folder: Path, name: str) -> Values:
    record = read_bidmc(folder, name)
    return np.column_stack([record.heart_rate, record.respiratory_rate, record.spo2])


def _days(bases: list[Values], hours: float, seed: int) -> Values:
    return np.stack([as_shown(quiet_day(b, hours, seed + k)) for k, b in enumerate(bases)])


def _held(outside: Trigger, delay_s: float) -> Trigger:
    """Return where ``outside`` has held for ``delay_s``."""
    need = max(1, round(delay_s / STEP_S))
    run = np.zeros(outside.shape[0], int)
    out = np.zeros_like(outside)
    for step in range(outside.shape[1]):
        run = np.where(outside[:, step], run + 1, 0)
        out[:, step] = run >= need
    return out


def _choose(method: Callable[[float], Trigger], settings: list[float]) -> float:
    for value in settings:
        if onsets_per_day(method(value)) <= FALSE_PER_DAY:
            return value
    return settings[-1]


def _leads(
    bases: list[Values], problem: Any, chosen: dict[str, float], seed: int
) -> dict[str, Values]:
    """Return minutes from detection to crisis for each day and method, NaN when not found.

    Days on which a method already alarms when the problem begins are left out for all methods.
    """
    made = [
        deteriorate(quiet_day(base, EVENT_HOURS, seed + 7 * k + r), problem)
        for k, base in enumerate(bases)
        for r in range(2)
    ]
    days, crisis_s = np.stack([day for day, _ in made]), made[0][1]
    sums = anomaly_sums(days)
    triggers = {
        "fixed limits as shipped": limits(days, 10.0),
        "fixed limits, longer delay": limits(days, chosen["fixed limits, longer delay"]),
        "NEWS2": news2_total(days, chosen["NEWS2"]),
        "anomaly": sums >= chosen["anomaly"],
    }
    first, last = round(START_S / STEP_S), round((crisis_s + 1200) / STEP_S)
    calm = ~np.any([trigger[:, first - 1] for trigger in triggers.values()], axis=0)
    out = {}
    for name, trigger in triggers.items():
        window = trigger[calm, first:last]
        found = window.any(axis=1)
        at_s = START_S + window.argmax(axis=1) * STEP_S
        out[name] = np.where(found, (crisis_s - at_s) / 60, np.nan)
    return out


def _summary(leads: dict[str, Values]) -> dict[str, dict[str, float]]:
    limit = leads[PEER]
    out = {}
    for name, lead in leads.items():
        found = np.isfinite(lead)
        both = found & np.isfinite(limit)
        out[name] = {
            "lead_min": float(np.median(lead[found])) if found.any() else float("nan"),
            "found": float(found.mean()),
            "gain_min": float(np.median((lead - limit)[both])) if both.any() else float("nan"),
            "missed": int((~found & np.isfinite(limit)).sum()),
        }
    return out
