"""Patients by name: ``simple:febrile``, ``recording:bidmc-42``, or what a person dials in.

simple:NAME      a seeded patient of `patients.profiles`
recording:NAME   a shipped recording of a real person
wfdb:PATH, edf:PATH, csv:FOLDER   a recording of your own, or what a gateway exported
physiology:KIND  a patient who reacts; case:ID a teaching case, case:ID@LOG one that follows a room
dial:            a steady patient whose vitals follow `Dial.set` (command line, control API)
"""

import importlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS, MetricKind
from teleward_simulators.patients.profiles import PROFILES, Profile, Trend
from teleward_simulators.patients.simple import SimplePatient
from teleward_simulators.recorded_files import csv_source, edf_source
from teleward_simulators.recordings.excerpt import Excerpt
from teleward_simulators.source import VitalSource
from teleward_simulators.wfdb_source import WfdbRecording

DIALS = tuple(f.name for f in fields(Profile) if f.type in (Trend, "Trend"))
"""The vitals that a person can dial."""
_ALIASES = {"pulse_rate": "heart_rate"}


class Dial(SimplePatient):
    """A simple patient whose vitals can be changed while it runs.

    Beats follow within a few seconds, breaths within half a minute: those already drawn stay.
    """

    def __init__(self, seed: int, profile: str = "steady", **values: float) -> None:
        super().__init__(profile, seed)
        for metric, value in values.items():
            self.set(metric, value)

    def set(self, metric: str, value: float) -> None:
        """Set one vital, in the unit of the vocabulary; ValueError for one that cannot be set."""
        name = _ALIASES.get(metric, metric)
        if name not in DIALS:
            raise Invalid(f"{metric!r} cannot be dialled: use one of {', '.join(DIALS)}")
        change: dict[str, Any] = {name: Trend(float(value))}
        self.profile = replace(self.profile, **change)


def make_source(spec: str, seed: int = 0) -> VitalSource:
    """Return the patient that ``spec`` names; raises ValueError with the choices."""
    kind, _, name = spec.partition(":")
    try:
        match kind:
            case "simple":
                return SimplePatient(name, seed)
            case "recording":
                return Excerpt(name)
            case "wfdb":
                return WfdbRecording(Path(name))
            case "edf":
                return edf_source(Path(name))
            case "csv":
                return csv_source(Path(name))
            case "dial":
                return _dial(name, seed)
            case "physiology" | "case":
                cases = importlib.import_module("teleward_simulators.cases.source")
                return cast(VitalSource, cases.make(spec, seed))
    except KeyError as error:
        known = f"profiles: {', '.join(PROFILES)}" if kind != "recording" else str(error)
        raise Invalid(f"source {spec!r}: {known}") from None
    except OSError as error:
        raise Invalid(f"source {spec!r}: {error}") from None
    raise Invalid(
        f"source {spec!r}: use simple:NAME, recording:NAME, wfdb:PATH, edf:PATH, csv:FOLDER, "
        "physiology:KIND, case:ID or dial:"
    )


def made_ready(spec: str, seed: int = 0) -> VitalSource:
    """Return the patient of `make_source` with everything compiled that answering takes."""
    source = make_source(spec, seed)
    if spec.startswith(("physiology:", "case:")):
        for metric in sorted(source.metrics()):
            is_wave = METRICS[metric].kind is MetricKind.WAVEFORM if metric in METRICS else True
            if is_wave:
                source.waveform(metric, 250.0, 0, 2)
            else:
                source.numeric(metric, 0.0)
    return source


def _dial(text: str, seed: int) -> Dial:
    """Return a patient set by ``text``, ``heart_rate=72,spo2=93`` or nothing."""
    dial = Dial(seed)
    for pair in text.split(",") if text else ():
        metric, _, value = pair.partition("=")
        dial.set(metric.strip(), float(value))
    return dial
