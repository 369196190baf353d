"""An arrest of pneumothorax, blood loss or potassium ends only when its cause is treated."""

import pytest

from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.rhythms.table import RHYTHMS

CASES = {
    "tension-pneumothorax-01": (1300, (("needle_decompression", ""),)),
    "trauma-haemorrhage-01": (
        1500,
        (("direct_pressure", ""), ("blood", "1200 mL"), ("crystalloid", "1500 mL")),
    ),
    "hyperkalaemia-01": (
        1900,
        (("calcium_gluconate", "30 mL"), ("insulin_bolus", "10 U"), ("dextrose", "25 g")),
    ),
}
"""Case -> second at which the heart stops pumping, and what treats the cause."""
CYCLES = 7


def arrested(name: str) -> CaseRun:
    """Return the case at its arrest, with compressions and a bag."""
    run = CaseRun(case_named(name))
    run.advance(CASES[name][0])
    run.body.set_rhythm("pea")
    run.act("cpr")
    run.act("bag_mask")
    return run


def resuscitate(run: CaseRun) -> bool:
    """Give adrenaline and two minutes of compressions a few times; say whether a pulse returned."""
    for _ in range(CYCLES):
        if RHYTHMS[run.body.rhythm].pulse:
            return True
        run.act("adrenaline_iv", "1 mg")
        run.advance(120)
    return RHYTHMS[run.body.rhythm].pulse


@pytest.mark.parametrize("name", CASES)
def test_resuscitation_works_only_once_the_cause_is_treated(name: str) -> None:
    run = arrested(name)
    assert not run.body.cause_fixed()
    assert not resuscitate(run)
    other = arrested(name)
    for action, dose in CASES[name][1]:
        other.act(action, dose)
    assert resuscitate(other)
    other.advance(120)
    assert RHYTHMS[other.body.rhythm].pulse, "and it stays"
    assert other.body.cause_fixed()


@pytest.mark.parametrize(
    "name, within_s", [("trauma-haemorrhage-01", 300), ("hyperkalaemia-01", 600)]
)
def test_an_untreated_arrest_comes_again(name: str, within_s: int) -> None:
    """Even a heart that is made to beat stops again, and does not once the cause is treated."""

    def beats_on(treated: bool) -> bool:
        """Return whether a heart restarted at the case's own arrest beats some minutes later."""
        run = CaseRun(case_named(name))
        while RHYTHMS[run.body.rhythm].pulse:
            run.advance(10)
        if treated:
            for action, dose in CASES[name][1]:
                run.act(action, dose)
            run.act("cpr")
            run.act("bag_mask")
            run.advance(240)
        run.body.set_rhythm("sinus")
        run.advance(within_s)
        return RHYTHMS[run.body.rhythm].pulse

    assert not beats_on(treated=False)
    assert beats_on(treated=True)
