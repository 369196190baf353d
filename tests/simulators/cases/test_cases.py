"""Every shipped case does what its file says; every mistake in a file is told with its line."""

from pathlib import Path

import pytest

from teleward_signal.errors import Invalid
from teleward_simulators.cases import catalogue
from teleward_simulators.cases.catalogue import LIBRARY, all_cases, case_named
from teleward_simulators.cases.check import check
from teleward_simulators.cases.expression import ExpressionError, parse
from teleward_simulators.cases.lined_yaml import CaseError
from teleward_simulators.cases.loader import load
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.runner import CaseRun, make_case_patient
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.patient import Order
from teleward_simulators.physiology.units import parse_dose

CASES, ERRORS = all_cases()
GOOD = (LIBRARY / "anaphylaxis-01.yaml").read_text(encoding="utf-8")


def test_all_load_in_both_languages_with_their_review() -> None:
    assert not ERRORS
    assert len(CASES) >= 32
    for case in CASES.values():
        assert case.review_status == "unreviewed"
        assert case.sources
        for text in (case.title, case.opening):
            assert any("\u0900" <= letter <= "\u097f" for letter in text["hi"])


HOURS = ("handover-01", "night-deterioration-01")
"""Cases of eight hours and more: half a minute each, left to ``teleward cases check``."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in HOURS else ()) for name in CASES],
)
def test_bands_recovery_and_critical_actions(name: str) -> None:
    report = check(CASES[name])
    assert report.problems() == []
    assert all(report.missed.values())
    assert set(report.missed) == set(CASES[name].critical())


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ("difficulty: 2", "difficulty: 9", "no number from 1 to 5"),
        ("difficulty: 2", "hardness: 2", "unknown key 'hardness'"),
        ("knob: venodil", "knob: venom", "no knob 'venom'"),
        ("to: 1.6, over", "to: 9, over", "outside 0 to 4"),
        ("on: sit_up", "on: stand_up", "there are"),
        ("MAP < 65 and", "MAPP < 65 and", "unknown variable 'MAPP'"),
        ("MAP < 65 and", "MAP < ( 65 and", "bracket is not closed"),
        ('dose: "0.5 mg"', 'dose: "0.5"', "has no unit"),
        ('dose: "0.5 mg"', 'dose: "0.5 mL"', "measure different things"),
        ("kind: motion", "kind: ghosts", "ghosts"),
        ("synthetic: true", "synthetic: false", "synthetic"),
        ("  hi: ", "  fr: ", "missing in 'hi'"),
        ("SBP: [105, 121]", "SBP: [121, 105]", "a band is"),
    ],
)
def test_mistakes_are_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    file = tmp_path / "case.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    line = GOOD[: GOOD.index(old)].count("\n") + 1
    with pytest.raises(CaseError, match=reason) as caught:
        load(file)
    where = str(caught.value).removeprefix(f"{file}:").split(":")[0]
    assert abs(int(where) - line) <= 2, str(caught.value)


def test_an_instructors_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = GOOD.replace("id: anaphylaxis-01", "id: my-own-case")
    (tmp_path / "mine.yaml").write_text(mine, encoding="utf-8")
    monkeypatch.setenv("TELEWARD_CASES", str(tmp_path))
    assert case_named("my-own-case").title["en"] == "Collapse after an injection"
    with pytest.raises(ValueError, match="no case 'nothing'"):
        case_named("nothing")


def test_a_name_reads_no_other_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them take seconds, in which a class waits for its room."""
    read: list[str] = []

    def reading(path: Path) -> Case:
        read.append(path.name)
        return load(path)

    for name, line in (("a", 'id: "mine"  # of ours'), ("b", "id: broken"), ("c", "'id': odd")):
        text = GOOD.replace("id: anaphylaxis-01", line)
        text = text.replace("title:", "titel:") if name == "b" else text
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(catalogue, "load", reading)
    monkeypatch.setenv("TELEWARD_CASES", str(tmp_path))
    assert case_named("mine").id == "mine"
    assert case_named("odd").id == "odd"
    with pytest.raises(Invalid, match=r"no case 'asthma-99'; there are .*asthma-01.*mine"):
        case_named("asthma-99")
    with pytest.raises(Invalid, match=r"b\.yaml:\d+: .*titel"):
        case_named("broken")
    assert set(read) == {"a.yaml", "b.yaml", "c.yaml"}


@pytest.mark.parametrize(
    "text, value",
    [
        ("1 + 2 * 3", 7.0),
        ("not 0 and 2 > 1", 1.0),
        ("-(2 - 5) / 3", 1.0),
        ("x == vf or y < 2", 1.0),
    ],
)
def test_expressions(text: str, value: float) -> None:
    words = frozenset({"vf"})
    names: dict[str, float | str] = {"x": "sinus", "y": 1.0}
    assert parse(text, words).value(lambda name: names[name]) == value


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "a b", "__import__('os')", "x.y", "a[0]", "lambda: 1", "(" * 50 + "1", "1 = 1"],
)
def test_nothing_else_is_an_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    "text, unit, wanted",
    [
        ("0.5 mg", "mg", 0.5), ("500 ug", "mg", 0.5), ("1 L", "mL", 1000.0), ("1 g", "mg", 1000.0),
        ("5 MG", "mg", 5.0), ("2 lpm", "L/min", 2.0), ("10 units", "U", 10.0),
        ("500 cc", "mL", 500.0), ("1 litre", "mL", 1000.0), ("0 ug/min", "ug/min", 0.0),
        ("500 \u00b5g", "mg", 0.5), ("500 \u03bcg", "mg", 0.5),
    ],
)  # fmt: skip
def test_doses(text: str, unit: str, wanted: float) -> None:
    assert parse_dose(text, unit) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["0 mg", "5", "5 mL", "-5 mg", "1e3 mg", "nan mg", "five mg"])
def test_what_is_no_dose_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mg"):
        parse_dose(text, "mg")


def test_ten_times_the_dose_is_flagged_and_a_wrong_unit_refused() -> None:
    run = CaseRun(CASES["anaphylaxis-01"])
    assert run.act("adrenaline_im", "0.5 mg").flags == ()
    asked = run.act("adrenaline_im", "5 mg")
    assert asked.flags == ("asks back: 10 times the usual dose",)
    assert len(run.body.vital.given) == 1, "nothing was given"
    assert "Is that right, doctor?" in run.director.state.messages[-1].text
    assert run.act("adrenaline_im", "5 mg").flags == ("more than 1 mg",), "ordered again"
    for wrong in ("0.5 mL", "0.5", "half", "-1 mg"):
        with pytest.raises(ValueError):
            run.act("adrenaline_im", wrong)


def test_guards_fire_once_and_say_so() -> None:
    run = CaseRun(CASES["asthma-01"])
    run.advance(1500)
    said = [message.text for message in run.director.state.messages]
    assert said.count("He is getting tired, doctor.") == 1
    assert dict(dict(run.director.state.findings)["auscultate"])["en"] == "Silent chest."


def test_sitting_up_in_shock_stops_the_heart() -> None:
    run = CaseRun(CASES["anaphylaxis-01"])
    run.advance(700)
    run.act("sit_up")
    run.advance(60)
    assert run.body.rhythm == "pea"


def test_a_run_replays_bit_for_bit() -> None:
    def play() -> object:
        """Return the end of a run."""
        run = CaseRun(CASES["tension-pneumothorax-01"], seed=5, exam=False)
        run.advance(400)
        run.act("needle_decompression")
        run.advance(400)
        return run.body.snapshot(), run.director.state

    assert play() == play()


def test_a_case_with_waves_lives_as_the_case_without() -> None:
    case = CASES["anterior-stemi-arrest-01"]
    patient = make_case_patient(case, seed=3, exam=True)
    patient.order(Order(0, "clock", {"speed": 10}))
    patient.live(70.0)
    run = CaseRun(case, seed=3)
    run.advance(700)
    assert patient.body.engine.snapshot() == run.body.engine.snapshot()
    assert patient.numeric("pulse_rate", 69.0) is None
    patient.live(65.0)
    assert patient.numeric("nibp_systolic", 20.0) is not None


@pytest.mark.parametrize("name", CASES)
def test_no_critical_action_is_only_counted(name: str) -> None:
    """What a critical action changes is the patient, a sensor or the outcome, not its own count."""
    assert not {band.variable for band in CASES[name].treated} & set(ACTIONS)


def test_a_sensor_put_right_reads_right() -> None:
    run = CaseRun(CASES["sensor-literacy-01"])
    run.advance(520)
    assert run.variable("faults_ecg3") == 1.0
    run.act("reposition_sensor")
    assert run.variable("faults_ecg3") == 0.0
    run.advance(40)
    assert [f.kind for f in run.director.state.faults if f.at(560.0)] == ["double_count"]


def test_a_vessel_closes_again_without_aspirin() -> None:
    def injury(aspirin: bool) -> float:
        """Return the ST elevation an hour after lysis in mV."""
        run = CaseRun(CASES["inferior-stemi-01"])
        run.advance(300)
        run.act("ecg12")
        if aspirin:
            run.act("aspirin")
        run.advance(600)
        run.act("thrombolysis")
        run.advance(3900)
        return float(run.variable("st_inferior"))

    assert injury(aspirin=True) < 0.1
    assert injury(aspirin=False) > 0.25


def test_no_prescription_without_identity_and_consent() -> None:
    for told, result in ((("identify", "consent"), "survived"), (("identify",), "")):
        run = CaseRun(CASES["hypertension-followup-01"])
        run.advance(100)
        for action in (*told, "prescribe_list_b", "safety_net"):
            run.act(action)
        run.advance(120)
        assert run.director.state.result == result
        assert any("sends it back" in m.text for m in run.director.state.messages) != bool(result)
