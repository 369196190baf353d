"""The directional matrix: which way each vital sign goes in each scenario, after BioGears' method.

Forty scenarios x twelve variables x three times; an expectation is up, down or steady, or a pair of
them where either is right. The score is the share of cells that hold.
"""

from dataclasses import dataclass

from teleward_simulators.physiology.body import Body

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
    rhythm: str = ""


def _all(name: str, expected: str, knobs: dict[str, float] | None = None,
         actions: tuple[tuple[str, str], ...] = (), before: dict[str, float] | None = None,
         rhythm: str = "") -> Scenario:  # fmt: skip
    rows = (expected.replace(" ", "") + "/" + expected.replace(" ", "")).split("/")
    three = rows[:3] if len(rows) >= 6 else [rows[0]] * 3
    return Scenario(name, (three[0], three[1], three[2]), tuple((knobs or {}).items()), actions,
                    tuple((before or {}).items()), rhythm)  # fmt: skip


# columns: hr sbp dbp rr | spo2 temp pco2 ph | flow glucose lactate K
SCENARIOS: tuple[Scenario, ...] = (
    _all("at rest", "....  ....  ....", {}),
    _all("bleeding, 100 mL/min", "+du. ..d. -..d / +-uu ..du -.ud / +-uu .... -...",
         {"bleed": 1.8}),
    _all("slow bleeding", "u.du  ..du  d..d", {"bleed": 0.4}),
    _all("capillary leak", "u*.u  ..du  d.ud", {"leak": 1.5}),
    _all("vasodilation", "+--u  ..du  u..d", {"vasodil": 0.5}),
    _all("vasoconstriction", "-++d  ..ud  -..u", {"vasodil": 1.5}),
    _all("venous pooling", "+-uu  ..du  -.ud", {"venodil": 0.2}),
    _all("weak left ventricle", "+-*u  d.du  -.ud", {"contr": 0.4}),
    _all("failing right ventricle", "+-du  ..du  -.ud", {"rv_f": 0.5}),
    _all("obstructed return", "+-**  ..du  -.u*", {"vr_obst": 4.0}),
    _all("sympathetic storm", "+++u  ..du  u..d", {"symp_x": 2.0}),
    _all("vagal storm", "-dd.  ....  d..d", {"vag_x": 0.8}),
    _all("pain and fear", "+*++  u.-+  u..d", {"distress": 0.7}),
    _all("inflammation", "+...  ....  u...", {"sirs": 0.25}),
    _all("wheeze", "u..+  -.-+  ...d", {"bronch": 0.6}),
    _all("severe wheeze with fatigue", "u**+  -.*d  u.du", {"bronch": 0.85, "fatigue": 0.3}),
    _all("shunt", "u..u  -.du  ...d", {"shunt": 0.3}),
    _all("diffusion", "u..u  -.du  ...d", {"aad": 40.0}),
    _all("dead space", "...+  ..u.  ....", {"vd_extra": 0.3}),
    _all("drive from the lung", "...+  u.-+  ...d", {"drive_extra": 1.0}),
    _all("half the drive", "...-  -.+-  ...u", {"resp_dep": 0.6}),
    _all("weakness", "...u  d.*d  ...u", {"nm": 0.3}),
    _all("fever", "..*.  ....  .... / +.d+  .+*.  u... / +.d+  .+du  u...", {"t_set": 40.5}),
    _all("heat without regulation", "+.d+  .+*.  u...", {"heat": 0.2, "thermo": 0.0}),
    _all("cooling", "-.ud  .-**  d...", {"heat": -0.2, "thermo": 0.0}),
    _all("potassium load", "....  ....  ...+", {"k_gain": 0.1}),
    _all("oxygen", "....  +.d.  ....", actions=(("oxygen", "15 L/min"),)),
    _all("oxygen in a shunt", "d..d  +.*.  ...*", actions=(("oxygen", "15 L/min"),),
         before={"shunt": 0.25}),
    _all("salbutamol in wheeze", "*..-  u.+-  ...u", actions=(("salbutamol", "5 mg"),),
         before={"bronch": 0.7}),
    _all("adrenaline in anaphylaxis", "*u*d  u.**  *..*", actions=(("adrenaline_im", "0.5 mg"),),
         before={"vasodil": 0.45, "bronch": 0.5, "leak": 0.5}),
    _all("atropine in vagal storm", "+u+.  ....  +..*", actions=(("atropine", "1.8 mg"),),
         before={"vag_x": 0.8}),
    _all("glyceryl trinitrate", "u--u  ..d.  *..d", actions=(("gtn", "0.8 mg"),)),
    _all("fluid after bleeding", "-+*d  ..ud  +.d*", actions=(("crystalloid", "1000 mL"),),
         before={"blood": -1300.0}),
    _all("fluid in health", "duud  ..ud  u..*", actions=(("crystalloid", "1000 mL"),)),
    _all("opioid", "...-  -.+-  ...u", actions=(("opioid", "20 mg"), ("opioid", "20 mg"))),
    _all("beta blocker", "-d*.  ....  d...", actions=(("beta_blocker", "5 mg"),)),
    _all("dextrose", "....  ....  .+.*", actions=(("dextrose", "25 g"),)),
    _all("insulin", "u..*  ....  .d.d / u..*  ....  .d.- / u..*  ....  .d.-",
         actions=(("insulin_bolus", "10 U"),)),
    _all("noradrenaline in sepsis", "-++d  ..u*  *..*", actions=(("noradrenaline", "20 ug/min"),),
         before={"vasodil": 0.5}),
    _all("furosemide", "....  ....  ....", actions=(("furosemide", "40 mg"),)),
    _all("supraventricular tachycardia", "+-++ ..du ...*", rhythm="svt"),
    _all("complete block", "---u  ..du  -.ud", rhythm="complete_block"),
    _all("ventricular fibrillation", "*--- -.+- -.+u", rhythm="vf"),
    _all("airway blocked", "*u*- -.+- *.*u / **** -.+- -.+u / **** -.+- -.+u", {"upper": 1.0}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MatrixScore:
    """The outcome; ``failures`` name each cell that does not hold."""

    cells: int
    held: int
    failures: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Share of cells that hold, in percent."""
        return 100.0 * self.held / self.cells


def score() -> MatrixScore:
    """Run every scenario and compare."""
    failures = []
    cells = 0
    for scenario in SCENARIOS:
        for time_s, row, changes in zip(TIMES_S, scenario.expected, run(scenario), strict=True):
            for variable, wanted in zip(VARIABLES, row, strict=True):
                cells += 1
                if not _agrees(wanted, changes[variable], NOTICEABLE[variable]):
                    change = changes[variable]
                    where = f"{scenario.name}, {time_s} s, {variable}"
                    failures.append(f"{where}: {wanted} expected, {change:+.3g}")
    return MatrixScore(cells, cells - len(failures), tuple(failures))


def run(scenario: Scenario) -> list[dict[str, float]]:
    """Return the change of every variable at the three times against the start."""
    body = Body()
    for knob, value in scenario.before:
        if knob == "blood":
            body.engine.put("blood_ml", body.engine.get("blood_ml") + value)
        else:
            body.turn(knob, value)
    if scenario.before:
        body.advance(6000)
    start = {name: body.engine.get(name) for name in VARIABLES}
    for knob, value in scenario.knobs:
        body.turn(knob, value, 30.0)
    for action, dose in scenario.actions:
        body.act(action, dose)
    if scenario.rhythm:
        body.set_rhythm(scenario.rhythm)
    out = []
    done = 0
    for time_s in TIMES_S:
        body.advance((time_s - done) * 10)
        done = time_s
        out.append({name: body.engine.get(name) - start[name] for name in VARIABLES})
    return out


def _agrees(wanted: str, change: float, least: float) -> bool:
    match wanted:
        case "+":
            return change > least
        case "-":
            return change < -least
        case "u":
            return change > -least
        case "d":
            return change < least
        case "*":
            return True
    return abs(change) <= least
