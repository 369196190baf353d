"""The rhythms: how their events are timed, how their beats look, and what they do to the pump.

``train`` names the timing (see `scheduler`), ``shape`` the QRS-T (see `waveforms.shapes`).
Statistics of the trains were checked over 120 s against published descriptions; see the README.
"""

from dataclasses import dataclass
from enum import StrEnum

from teleward_signal.errors import Invalid


class Atria(StrEnum):
    """What the atria do."""

    SINUS = "sinus"
    """A P wave before each conducted beat."""
    NONE = "none"
    RETROGRADE = "retrograde"
    """An inverted P after the QRS."""
    DISSOCIATED = "dissociated"
    """P waves at their own rate."""
    FLUTTER = "flutter"
    FIBRILLATION = "fibrillation"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """One rhythm.

    ``rate`` per minute, 0 where the sinus node and its nerves decide; ``conduction`` is the share
    of sinus beats that pass, 0 where nothing beats in order; ``gain`` what the rhythm leaves of a
    stroke; ``spread`` the SD of an interval over its mean; ``territory`` an ST elevation in mV that
    comes with it.
    """

    name: str
    label: str
    train: str = "regular"
    shape: str = "normal"
    atria: Atria = Atria.SINUS
    rate: float = 0.0
    conduction: float = 1.0
    pr_s: float = 0.16
    gain: float = 1.0
    pulse: bool = True
    spread: float = 0.008
    atrial_rate: float = 0.0
    every: int = 0
    """Sinus beats between ectopics; 0 draws four to nine."""
    run: int = 1
    """Ectopic beats in a row."""
    territory: tuple[tuple[str, float], ...] = ()
    av_node: bool = False
    """Whether the rate is that of the AV node, which drugs slow."""


_NONE, _DISSOCIATED = Atria.NONE, Atria.DISSOCIATED

_TABLE = (
    Rhythm("sinus", "Sinus rhythm"),
    Rhythm("sinus_arrest", "Sinus pauses", train="pauses", conduction=0.86),
    Rhythm("sick_sinus", "Sick sinus: slow and fast by turns", train="sick", spread=0.02),
    Rhythm("av1", "First degree AV block", pr_s=0.28),
    Rhythm("wenckebach", "Second degree AV block, Wenckebach", train="wenckebach",
           conduction=0.765, spread=0.006),
    Rhythm("mobitz2", "Second degree AV block, Mobitz II", train="mobitz2", shape="rbbb",
           conduction=2 / 3, pr_s=0.18, spread=0.006),
    Rhythm("complete_block", "Complete AV block", shape="escape", atria=_DISSOCIATED, rate=34,
           gain=0.78, spread=0.010, atrial_rate=80),
    Rhythm("lbbb", "Left bundle branch block", shape="lbbb", gain=0.95),
    Rhythm("rbbb", "Right bundle branch block", shape="rbbb"),
    Rhythm("junctional", "Junctional rhythm", atria=Atria.RETROGRADE, rate=45, gain=0.88),
    Rhythm("idioventricular", "Idioventricular rhythm", shape="escape", atria=_NONE, rate=35,
           gain=0.75, spread=0.015),
    Rhythm("paced", "Ventricular pacing", shape="paced", atria=_NONE, rate=70, gain=0.88,
           spread=0.0),
    Rhythm("af", "Atrial fibrillation", train="irregular", atria=Atria.FIBRILLATION, rate=130,
           gain=0.85, spread=0.24, av_node=True),
    Rhythm("flutter", "Atrial flutter, 2:1", atria=Atria.FLUTTER, rate=150, gain=0.85,
           spread=0.0, atrial_rate=300, av_node=True),
    Rhythm("flutter_4to1", "Atrial flutter, 4:1", atria=Atria.FLUTTER, rate=75, gain=0.9,
           spread=0.0, atrial_rate=300),
    Rhythm("svt", "Supraventricular tachycardia", atria=Atria.RETROGRADE, rate=190, gain=0.93,
           spread=0.002),
    Rhythm("pvc", "Ventricular ectopics", train="ectopic", gain=0.97),
    Rhythm("bigeminy", "Ventricular bigeminy", train="ectopic", every=1, gain=0.88),
    Rhythm("couplets", "Ventricular couplets", train="ectopic", run=2, gain=0.93),
    Rhythm("vt", "Ventricular tachycardia with a pulse", shape="vt", atria=_DISSOCIATED, rate=170,
           gain=0.62, spread=0.012, atrial_rate=95),
    Rhythm("pulseless_vt", "Ventricular tachycardia without a pulse", shape="vt", atria=_NONE,
           rate=190, pulse=False, spread=0.012),
    Rhythm("torsades", "Torsades de pointes", shape="torsades", atria=_NONE, rate=220,
           pulse=False, spread=0.06),
    Rhythm("vf", "Ventricular fibrillation", train="none", atria=_NONE, pulse=False,
           conduction=0.0),
    Rhythm("asystole", "Asystole", train="none", atria=_NONE, pulse=False, conduction=0.0),
    Rhythm("p_wave_asystole", "Ventricular standstill", train="none", atria=_DISSOCIATED,
           pulse=False, conduction=0.0, atrial_rate=70),
    Rhythm("agonal", "Agonal rhythm", shape="agonal", atria=_NONE, rate=20, pulse=False,
           spread=0.2),
    Rhythm("pea", "Pulseless electrical activity", rate=60, pulse=False, spread=0.02),
    Rhythm("stemi_anterior", "Sinus rhythm, anterior ST elevation",
           territory=(("st_anterior", 0.3),)),
    Rhythm("stemi_inferior", "Sinus rhythm, inferior ST elevation",
           territory=(("st_inferior", 0.25),)),
    Rhythm("stemi_lateral", "Sinus rhythm, lateral ST elevation",
           territory=(("st_lateral", 0.25),)),
    Rhythm("preexcitation", "Pre-excitation", shape="delta", pr_s=0.10),
)  # fmt: skip

RHYTHMS: dict[str, Rhythm] = {rhythm.name: rhythm for rhythm in _TABLE}
"""Every rhythm by name. The hyperkalaemia ladder and the J wave of hypothermia are not among them:
they follow from potassium and temperature in any rhythm."""


def rhythm_named(name: str) -> Rhythm:
    """Return a rhythm; ValueError names those there are."""
    if name not in RHYTHMS:
        raise Invalid(f"no rhythm {name!r}; there are {', '.join(RHYTHMS)}")
    return RHYTHMS[name]
