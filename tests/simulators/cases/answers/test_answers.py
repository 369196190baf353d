"""What is asked is answered by the body, in its own time, or not understood; never "normal"."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_simulators.cases.answers.derived import SIGNS
from teleward_simulators.cases.answers.items import (
    EXAMINATION,
    HISTORY,
    TEST,
    catalogue,
)
from teleward_simulators.cases.answers.measured import GROUPS, take
from teleward_simulators.cases.answers.understanding import parts, understood
from teleward_simulators.cases.catalogue import all_cases, case_named
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.physiology.body import Body
from teleward_simulators.rhythms.table import RHYTHMS

CASES, _ = all_cases()


def test_the_catalogue_is_wide_and_in_two_languages() -> None:
    kinds = [item.kind for item in catalogue().values()]
    assert kinds.count(HISTORY) >= 40
    assert kinds.count(EXAMINATION) >= 40
    assert kinds.count(TEST) >= 25
    for item in catalogue().values():
        texts = (dict(item.label)["hi"], *(text for lang, text in item.none if lang == "hi"))
        assert all(any("\u0900" <= letter <= "\u097f" for letter in text) for text in texts), item
        assert item.none or item.kind == TEST or item.id in GROUPS, "measured, or with a default"


@pytest.mark.parametrize(
    "text, item",
    [
        ("glucose", "glucose_check"), ("check her sugar test please", "glucose_check"),
        ("12 lead ECG", "ecg12"), ("X-ray", "chest_film"), ("bukhar hai kya?", "fever"),
        ("बुख़ार", "fever"), ("saans gino", "breaths"), ("any allergies", "allergies"),
        ("peak flow", "peak_flow"), ("BP", "blood_pressure"), ("count_breaths", "breaths"),
        ("dialysis", "kidney"), ("banana", ""), ("what is the weather", ""), ("", ""), ("??", ""),
        ("tell me about the history of art", ""), ("fetal heart rate", "uterus"),
        ("chest xray", "chest_film"), ("x-ray of the leg", ""), ("CT of the chest", ""),
        ("USG abdomen", "ultrasound"), ("feel the belly", "abdomen"),
        ("sugar kitna hai", "glucose_check"), ("bp kitna hai", "blood_pressure"),
        ("रक्तचाप", "blood_pressure"), ("सांस फूल रही है क्या", "breathlessness"),
        ("खून की जाँच", ""), ("the temperature of the soup", ""),
        ("blood pressure lying and standing", ""), ("paracetamol level", ""),
        ("did you give aspirin", ""), ("is everything normal", ""),
        ("is she conscious", "consciousness"), ("how many times did she vomit", "vomiting"),
        ("was she bitten by a snake", "bite"), ("does the pain go to the arm", "radiation"),
        ("kya koi dawai leti hain", "medication"), ("can he move the arm", "power"),
        ("saturation without oxygen", ""), ("amylase", ""),
        ("urine output in the last 6 hours", "urine_output"),
        ("any alergies", "allergies"), ("check temprature", "temperature"),
        ("respiratry rate", "breaths"), ("pain going to the left arm", "radiation"),
        ("pyas lag rahi hai", "thirst"), ("bukhar check karo", "temperature"),
        ("haath pair thande hai kya", "hands"), ("patient's bp", "blood_pressure"),
        ("mother's blood pressure", ""), ("give oxygen", ""), ("oxygen do", ""),
        ("give me the blood pressure", "blood_pressure"), ("where is the table", ""),
        ("check the sensors", ""), ("what is the situation", ""), ("CSF", ""),
        ("can he count in one breath", "count_in_breath"), ("right sided leads", ""),
        ("शुगर चेक करो", "glucose_check"), ("कब से दर्द है", "onset"), ("ऑक्सीजन दो", ""),
    ],
)  # fmt: skip
def test_what_a_text_means(text: str, item: str) -> None:
    assert understood(text) == item


def test_several_things_in_one_sentence_are_asked_one_after_another() -> None:
    assert parts("pulse, BP and temp") == ("pulse", "bp", "temp")
    assert parts("fever and a banana") == ("fever and a banana",)
    assert parts("what makes it worse or better") == ("what makes it worse or better",)
    run = CaseRun(CASES["sepsis-01"])
    run.director.ask(run.body, "pulse and temperature aur blood pressure")
    assert [r.item for r in run.director.results()] == ["pulse", "temperature", "blood_pressure"]


@pytest.mark.parametrize("word", ["banana", "fetal", "yesterday's", "horse", "xqzt"])
def test_a_word_that_an_item_does_not_know_makes_it_another_question(word: str) -> None:
    """Whatever is named beside it: "fetal pulse" and "horse temperature" are not answered."""
    for item in catalogue().values():
        meant = understood(f"{dict(item.label)['en']} {word}")
        assert meant in ("", "uterus"), (item.id, meant)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=80))
def test_any_text_is_understood_or_not(text: str) -> None:
    assert understood(text) in ("", *catalogue())


def test_no_two_items_share_a_label_or_an_id() -> None:
    items = catalogue().values()
    names = [name for item in items for name in (item.id, *dict(item.label).values())]
    assert all(understood(item.id) == item.id for item in catalogue().values())
    assert len(set(names)) == len(names)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(CASES)), st.floats(0, 1), st.integers(0, 10_000))
def test_every_number_is_within_its_error_of_the_truth(
    name: str, share: float, number: int
) -> None:
    run = CaseRun(CASES[name])
    run.advance(int(share * min(run.case.last_band_s, 9000.0)), coarse=True)
    for item, measures in GROUPS.items():
        for measure, reading in zip(measures, take(item, run.body, number), strict=True):
            truth = measure.truth(run.body)
            assert abs(reading.value - truth) <= measure.error(truth) + 1e-9, item


def asked(case: Case, second: int, *texts: str) -> dict[str, str]:
    """Return the answers to ``texts`` asked at ``second``, in English."""
    run = CaseRun(case)
    run.advance(second, coarse=True)
    for text in texts:
        run.director.ask(run.body, text)
    run.advance(4000, coarse=True)
    return {r.asked: dict(r.text)["en"] for r in run.director.results() if r.text}


def test_ketoacidosis_reads_as_what_it_is() -> None:
    found = asked(CASES["dka-01"], 60, "glucose_check", "ketone_check", "blood_gas", "banana")
    assert 400 < float(found["glucose_check"].split()[1]) < 600
    assert "HI (over 8)" in found["ketone_check"]
    assert float(found["blood_gas"].split()[1].rstrip(",")) < 7.3
    assert "did not understand" in found["banana"]


@pytest.mark.parametrize("name", sorted(CASES))
def test_nothing_is_called_normal_when_the_body_is_not(name: str) -> None:
    run = CaseRun(CASES[name])
    run.advance(30, coarse=True)
    run.body.turn("bronch", 0.9)
    run.body.engine.put("temperature", 39.6)
    run.body.engine.put("glucose", 20.0)
    run.body.advance(10)
    for text in ("temperature", "consciousness", "glucose", "fever"):
        run.director.ask(run.body, text)
    run.advance(300)
    found = {r.item: r for r in run.director.results()}
    if found["temperature"].status == "ready":  # nor, some, a thermometer
        assert found["temperature"].values[0][1] > 38.5
    if found["glucose_check"].status == "ready":  # a home has no meter
        assert found["glucose_check"].values[0][1] < 70
    texts = [dict(row.text)["en"] for row in found.values()]
    assert not any("nothing remarkable" in text or "normal" in text for text in texts)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_test_has_a_source_or_is_not_done_here(name: str) -> None:
    """Body, case, or a default that is there on purpose; no organ is well for want of a word."""
    on_purpose = {"malaria_test", "dengue_test", "clotting_20min", "blood_group", "blood_cultures"}
    tests = [item for item in catalogue().values() if item.kind == TEST]
    assert {i.id for i in tests if i.none and i.id not in SIGNS} == on_purpose
    run = CaseRun(CASES[name])
    for item in tests:
        run.director.ask(run.body, item.id)
    for row in run.director.results():
        sourced = row.item in (*GROUPS, *SIGNS, *run.case.answers, *on_purpose, "ecg12")
        assert row.status in ("waiting", "not here")
        assert sourced or row.status == "not here", row.item


def test_one_task_at_a_time_in_the_order_asked() -> None:
    run = CaseRun(CASES["sepsis-01"])
    for text in ("blood_pressure", "temperature", "lactate_check"):
        run.director.ask(run.body, text)
    steps = [r.sampled_step / 10 for r in run.director.results()]
    assert steps == [40.0, 70.0, 130.0]
    run.advance(131)
    waiting = [r.status for r in run.director.results()]
    assert waiting == ["ready", "ready", "waiting"], "the laboratory takes its time"
    run.advance(300)
    assert run.director.results()[2].status == "ready"


def test_the_sample_is_of_its_moment() -> None:
    body = Body()
    body.engine.put("lactate", 7.0)
    run = CaseRun(CASES["sepsis-01"])
    run.director.ask(run.body, "lactate_check")
    run.advance(59)
    run.body.engine.put("lactate", 7.0)
    run.advance(2)
    run.body.engine.put("lactate", 1.0)
    run.advance(400)
    assert run.director.results()[0].values[0][1] == pytest.approx(7.0, abs=0.7)


def test_no_number_for_a_pulse_that_is_not_there() -> None:
    run = CaseRun(case_named("anterior-stemi-arrest-01"))
    run.advance(620)
    assert not RHYTHMS[run.body.rhythm].pulse
    for text in ("pulse", "blood pressure", "saturation", "where is the pain", "consciousness"):
        run.director.ask(run.body, text)
    run.advance(200)
    found = [r for r in run.director.results() if r.text]
    assert len(found) == 5
    assert not any(r.values for r in found)
    assert "cannot feel a pulse" in dict(found[3].text)["en"]


def test_an_act_that_finds_out_reports_and_a_question_counts_as_the_act() -> None:
    run = CaseRun(CASES["dka-01"])
    run.act("glucose_check")
    run.director.ask(run.body, "ketones")
    run.advance(100)
    assert [r.item for r in run.director.results()] == ["glucose_check", "ketone_check"]
    assert dict(run.director.state.counts) == {"glucose_check": 1, "ketone_check": 1}
