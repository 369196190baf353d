"""The directional matrix: which way each vital sign goes in each scenario, after BioGears' method.

Scenarios x twelve variables x three times; an expectation is up, down or steady, or a pair of them
where either is right. Two scores: of all cells, and of those that demand a direction, for "steady"
is easily right.
"""

from dataclasses import dataclass

VARIABLES = ("hr", "sbp", "dbp", "rr", "spo2", "temperature", "pco2", "ph", "flow_ml_s", "glucose",
             "lactate", "k_eff")  # fmt: skip
TIMES_S = (120, 360, 720)
NOTICEABLE = {
    "hr": 3.0, "sbp": 4.0, "dbp": 3.5, "rr": 1.5, "spo2": 1.0, "temperature": 0.15, "pco2": 2.0,
    "ph": 0.02, "flow_ml_s": 4.0, "glucose": 8.0, "lactate": 0.25, "k_eff": 0.15,
}  # fmt: skip
"""The least change that a clinician would call one."""
STEADY = "." * len(VARIABLES)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Knobs or actions, and what is expected at the three times.

    ``expected``: twelve letters for `VARIABLES`, one string for all times or one for each:
    ``+`` up, ``-`` down, ``.`` steady, ``u`` up or steady, ``d`` down or steady, ``*`` any.
    """

    name: str
    expected: tuple[str, str, str]
    knobs: tuple[tuple[str, float], ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    before: tuple[tuple[str, float], ...] = ()
    """Knobs, or fields of the body ("blood" adds to the volume), ten minutes before."""
    rhythm: str = ""
    group: str = "illness and treatment"
    first: tuple[tuple[str, str], ...] = ()
    """What was done ten minutes before."""
    first_rhythm: str = ""


def scenario(name: str, expected: str, knobs: dict[str, float] | None = None,
             actions: tuple[tuple[str, str], ...] = (), before: dict[str, float] | None = None,
             rhythm: str = "", group: str = "illness and treatment",
             first: tuple[tuple[str, str], ...] = (), first_rhythm: str = ""
             ) -> Scenario:  # fmt: skip
    """Return a scenario; ``expected`` is one row for all times or three with ``/`` between."""
    rows = (expected.replace(" ", "") + "/" + expected.replace(" ", "")).split("/")
    three = rows[:3] if len(rows) >= 6 else [rows[0]] * 3
    return Scenario(name, (three[0], three[1], three[2]), tuple((knobs or {}).items()), actions,
                    tuple((before or {}).items()), rhythm, group, first,
                    first_rhythm)  # fmt: skip


# columns: hr sbp dbp rr | spo2 temp pco2 ph | flow glucose lactate K
SCENARIOS: tuple[Scenario, ...] = (
    scenario("at rest", "....  ....  ....", {}),
    scenario("bleeding, 100 mL/min", "+du. ..d. -..d / +-uu ..du -.ud / +-uu .... -...",
         {"bleed": 1.8}),
    scenario("slow bleeding", "u.du  ..du  d..d", {"bleed": 0.4}),
    scenario("capillary leak", "u*.u  ..du  d.ud", {"leak": 1.5}),
    scenario("vasodilation", "+--u  ..du  u..d", {"vasodil": 0.5}),
    scenario("vasoconstriction", "-++d  ..ud  -..u", {"vasodil": 1.5}),
    scenario("venous pooling", "+-uu  ..du  -.ud", {"venodil": 0.2}),
    scenario("weak left ventricle", "+-*u  d.du  -.ud", {"contr": 0.4}),
    scenario("failing right ventricle", "+-du  ..du  -.ud", {"rv_f": 0.5}),
    scenario("obstructed return", "+-**  ..du  -.u*", {"vr_obst": 4.0}),
    scenario("sympathetic storm", "+++u  ..du  u..d", {"symp_x": 2.0}),
    scenario("vagal storm", "-dd.  ....  d..d", {"vag_x": 0.8}),
    scenario("pain and fear", "+*++  u.-+  u..d", {"distress": 0.7}),
    scenario("inflammation", "+...  ....  u...", {"sirs": 0.25}),
    scenario("wheeze", "u..+  -.-+  ...d", {"bronch": 0.6}),
    scenario("severe wheeze with fatigue", "u**+  -.*d  u.du", {"bronch": 0.85, "fatigue": 0.3}),
    scenario("shunt", "u..u  -.du  ...d", {"shunt": 0.3}),
    scenario("diffusion", "u..u  -.du  ...d", {"aad": 40.0}),
    scenario("dead space", "...+  ..u.  ....", {"vd_extra": 0.3}),
    scenario("drive from the lung", "...+  u.-+  ...d", {"drive_extra": 1.0}),
    scenario("half the drive", "...-  -.+-  ...u", {"resp_dep": 0.6}),
    scenario("weakness", "...u  d.*d  ...u", {"nm": 0.3}),
    scenario("fever", "..*.  ....  .... / +.d+  .+*.  u... / +.d+  .+du  u...", {"t_set": 40.5}),
    scenario("heat without regulation", "+.d+  .+*.  u...", {"heat": 0.2, "thermo": 0.0}),
    scenario("cooling", "-.ud  .-**  d...", {"heat": -0.2, "thermo": 0.0}),
    scenario("potassium load", "....  ....  ...+", {"k_gain": 0.1}),
    scenario("oxygen", "....  +.d.  ....", actions=(("oxygen", "15 L/min"),)),
    scenario("oxygen in a shunt", "d..d  +.*.  ...*", actions=(("oxygen", "15 L/min"),),
         before={"shunt": 0.25}),
    scenario("salbutamol in wheeze", "*..-  u.+-  ...u", actions=(("salbutamol", "5 mg"),),
         before={"bronch": 0.7}),
    scenario("adrenaline in anaphylaxis", "*u*d  u.**  *..*",
         actions=(("adrenaline_im", "0.5 mg"),),
         before={"vasodil": 0.45, "bronch": 0.5, "leak": 0.5}),
    scenario("atropine in vagal storm", "+u+.  ....  +..*", actions=(("atropine", "1.8 mg"),),
         before={"vag_x": 0.8}),
    scenario("glyceryl trinitrate", "u--u  ..d.  *..d", actions=(("gtn", "0.8 mg"),)),
    scenario("fluid after bleeding", "-+*d  ..ud  +.d*", actions=(("crystalloid", "1000 mL"),),
         before={"blood": -1300.0}),
    scenario("fluid in health", "duud  ..ud  u..*", actions=(("crystalloid", "1000 mL"),)),
    scenario("opioid", "...-  -.+-  ...u", actions=(("opioid", "20 mg"), ("opioid", "20 mg"))),
    scenario("beta blocker", "-d*.  ....  d...", actions=(("beta_blocker", "5 mg"),)),
    scenario("dextrose", "....  ....  .+.*", actions=(("dextrose", "25 g"),)),
    scenario("insulin", "u..*  ....  .d.d / u..*  ....  .d.- / u..*  ....  .d.-",
         actions=(("insulin_bolus", "10 U"),)),
    scenario("noradrenaline in sepsis", "-++d  ..u*  *..*",
         actions=(("noradrenaline", "20 ug/min"),),
         before={"vasodil": 0.5}),
    scenario("furosemide", "....  ....  ....", actions=(("furosemide", "40 mg"),)),
    scenario("supraventricular tachycardia", "+-++ ..du ...*", rhythm="svt"),
    scenario("complete block", "---u  ..du  -.ud", rhythm="complete_block"),
    scenario("ventricular fibrillation", "*--- -.+- -.+u", rhythm="vf"),
    scenario("airway blocked", "*u*- -.+- *.*u / **** -.+- -.+u / **** -.+- -.+u", {"upper": 1.0}),
)  # fmt: skip
