"""Does a case do what its file says? Bands untreated, bands treated, and every critical action.

Recovery: with the case's own treatment all `treated` bands hold, and with any one critical action
left out at least one of them fails. Invariants hold at every second.
"""

from dataclasses import dataclass, field

from teleward_simulators.cases.model import Band, Case, Step
from teleward_simulators.cases.runner import CaseRun, without

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
        """Say whether the value lies in the band."""
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

    def problems(self) -> list[str]:
        """Return every failure in words."""
        out = [str(result) for result in self.untreated if not result.holds]
        out += [f"treated: {result}" for result in self.treated if not result.holds]
        out += [f"leaving out {name} changes nothing" for name, worse in self.missed.items()
                if not worse]  # fmt: skip
        return out + self.broken


def check(case: Case) -> CaseReport:
    """Run a case untreated, treated, and treated without each critical action."""
    report = CaseReport(case)
    report.untreated = run_bands(CaseRun(case), case.checks, (), report.broken)
    if case.treated:
        report.treated = run_bands(CaseRun(case), case.treated, case.treatment, report.broken)
        for action in case.critical():
            less = without(case, action)
            results = run_bands(CaseRun(less), case.treated, less.treatment, report.broken)
            report.missed[action] = any(not result.holds for result in results)
    return report


def run_bands(
    run: CaseRun, bands: tuple[Band, ...], steps: tuple[Step, ...], broken: list[str]
) -> list[BandResult]:
    """Play ``steps`` and return every band's value."""
    waiting = list(steps)
    results: list[BandResult] = []
    end_s = int(max(band.at_s for band in bands))
    for second in range(end_s + 1):
        while waiting and waiting[0].at_s <= second:
            step = waiting.pop(0)
            run.act(step.action, step.dose)
        for band in bands:
            if band.at_s == second:
                results.append(BandResult(band, float(run.variable(band.variable))))
        if second % 10 == 0:
            _watch(run, second, broken)
        run.advance(1)
    return results


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
