"""Check that a case does what its file states: bands with and without treatment, and actions.

Recovery: with the case's own treatment all `treated` bands hold, and with any one critical action
left out at least one of them fails. Invariants hold at every second.
"""

from dataclasses import dataclass, field

from teleward_simulators.cases.model import Band, Case, Step
from teleward_simulators.cases.mutations import Ended, endings_of
from teleward_simulators.cases.runner import CaseRun, Script, without
from teleward_simulators.physiology.vital import BodySnapshot

Saved = tuple[BodySnapshot, Script]

INVARIANTS = (
    ("sbp", 0.0, 261.0),
    ("spo2", 0.0, 100.0),
    ("ph", 6.69, 7.76),
    ("blood_ml", 1.0, 1e5),
    ("rr", 0.0, 81.0),
    ("temperature", 24.0, 44.0),
    ("glucose", 9.0, 1401.0),
)
"""Variable, and bounds it never leaves."""


@dataclass(frozen=True, slots=True)
class BandResult:
    """A band and what was found."""

    band: Band
    value: float

    @property
    def holds(self) -> bool:
        """Return whether the value lies in the band."""
        return self.band.low <= self.value <= self.band.high

    def __str__(self) -> str:
        band = self.band
        return (
            f"t{band.at_s:.0f} {band.variable} {self.value:.4g}, wanted {band.low:g} to "
            f"{band.high:g}"
        )


@dataclass(slots=True)
class CaseReport:
    """What a check found."""

    case: Case
    untreated: list[BandResult] = field(default_factory=list)
    treated: list[BandResult] = field(default_factory=list)
    missed: dict[str, bool] = field(default_factory=dict)
    """Critical action -> whether leaving it out spoils a treated band."""
    broken: list[str] = field(default_factory=list)
    endings: list[Ended] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Return every failure in words."""
        out = [str(result) for result in self.untreated if not result.holds]
        out += [f"treated: {result}" for result in self.treated if not result.holds]
        out += [f"leaving out {name} changes nothing" for name, worse in self.missed.items()
                if not worse]  # fmt: skip
        out += [ended.problem for ended in self.endings if ended.problem]
        return out + self.broken


def check(case: Case) -> CaseReport:
    """Run a case untreated, treated, and treated without each critical action.

    What two runs have in common is lived once: the treated run goes on from the untreated one as it
    was before the first action, and the run without an action from the treated one before it.
    """
    report = CaseReport(case, endings=endings_of(case))
    begin = min([_first(case.treatment, None), *(int(band.at_s) for band in case.treated)])
    run = CaseRun(case)
    report.untreated, saved = run_bands(run, case.checks, (), report.broken, {begin})
    if not case.treated:
        return report
    firsts = {name: _first(case.treatment, name) for name in case.critical()}
    run.restore(saved[begin])
    report.treated, saved = run_bands(
        run, case.treated, case.treatment, report.broken, set(firsts.values()), begin
    )
    for action, second in firsts.items():
        steps = without(case, action).treatment
        run.restore(saved[second])
        results, _ = run_bands(run, case.treated, steps, report.broken, set(), second, True)
        # a band that was due before the action was left out held or failed in both runs
        report.missed[action] = any(not r.holds for r in results if r.band.at_s >= second)
    return report


def _first(steps: tuple[Step, ...], action: str | None) -> int:
    """Return the second of the first step (with ``action``); 0 when there is none."""
    return next((int(step.at_s) for step in steps if action in (None, step.action)), 0)


def run_bands(
    run: CaseRun,
    bands: tuple[Band, ...],
    steps: tuple[Step, ...],
    broken: list[str],
    keep: set[int],
    start_s: int = 0,
    until_failure: bool = False,
) -> tuple[list[BandResult], dict[int, Saved]]:
    """Play ``steps`` from ``start_s``; return every band's value and the run as it was at ``keep``.

    A second is kept before what is done in it. With ``until_failure`` the first band that does not
    hold ends the run.
    """
    waiting = [step for step in steps if step.at_s >= start_s]
    results: list[BandResult] = []
    saved: dict[int, Saved] = {}
    end_s = int(max(*(band.at_s for band in bands), *keep, 0))
    for second in range(start_s, end_s + 1):
        if second in keep:
            saved[second] = run.snapshot()
        while waiting and int(waiting[0].at_s) <= second:
            step = waiting.pop(0)
            run.act(step.action, step.dose)
        due = [band for band in bands if band.at_s == second]
        results += [BandResult(band, float(run.variable(band.variable))) for band in due]
        if until_failure and not all(result.holds for result in results):
            break
        if second % 10 == 0:
            _watch(run, second, broken)
        run.advance(1)
    return results, saved


def _watch(run: CaseRun, second: int, broken: list[str]) -> None:
    patient = run.body.engine.patients[0]
    for name, low, high in INVARIANTS:
        value = float(patient[name])
        if not low <= value <= high:  # also true of NaN
            broken.append(f"t{second} {name} is {value:g}")
    if patient["dbp"] >= patient["sbp"] + 1e-9 and patient["pulse"] > 0.5:
        broken.append(f"t{second} diastolic is not below systolic")
    if patient["etco2"] > patient["pco2"] + 8.0:
        broken.append(f"t{second} end-tidal is above arterial carbon dioxide")
