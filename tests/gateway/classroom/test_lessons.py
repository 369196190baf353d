"""Lesson files: those shipped, and the sentence for each kind of mistake."""

from pathlib import Path

import pytest

from teleward_gateway.classroom.classes.lesson import SHIPPED, all_lessons, load
from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.lined_yaml import CaseError
from tests.gateway.classroom.conftest import Hour

GOOD = """id: mine
title: {en: "Mine", hi: "मेरा"}
mode: parallel
cases: [asthma-01]
"""


def test_eight_lessons_are_shipped_one_a_mode_at_least() -> None:
    lessons, problems = all_lessons()
    assert problems == []
    assert len(lessons) == 8
    modes = {lesson.mode for lesson in lessons.values()}
    assert modes == {"together", "parallel", "relay", "hub_spoke", "retry"}
    clusters = {name for lesson in lessons.values() for name in lesson.competencies}
    assert clusters == {"RECOGNISE", "AIRWAY_BREATH", "CIRC", "DRUG_DOSE", "RHYTHM", "COMM"}
    for lesson in lessons.values():
        assert {len(each) for each in lesson.goals.values()} == {3}
        assert all(question.text["hi"] for question in lesson.questions)
        assert [name for name in lesson.cases if case_named(name).record is None] == []


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (("mode: parallel", "mode: solo"), 3, "mode 'solo': there are together, parallel"),
        (("asthma-01", "asthma-99"), 4, "no case 'asthma-99'"),
        (('hi: "मेरा"', 'de: "Meine"'), 2, "title is missing in 'hi'"),
        (("cases: [asthma-01]", "cases: []"), 4, "at least one case"),
        (("id: mine", "id: mine\nspeed: 3"), 2, "unknown key 'speed'"),
        (
            ("cases: [asthma-01]", "cases: [asthma-01]\nquestions: [{id: q, text: {en: a, hi: b}, "
             "options: [{en: a, hi: b}], answer: '4'}]"),
            5, "give the place of the right option",
        ),
        (("title", "title: ["), 2, "not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_and_line(
    tmp_path: Path, change: tuple[str, str], line: int, reason: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(*change, 1), encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        load(path)
    assert f"{path}:{line}:" in str(caught.value)
    assert reason in str(caught.value)


def test_a_wrong_file_is_named_beside_the_good_ones(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("id: bad\n", encoding="utf-8")
    lessons, problems = all_lessons(tmp_path)
    assert "mine" in lessons
    assert [str(each).split(":")[0] for each in problems] == [str(tmp_path / "bad.yaml")]
    assert len(list(SHIPPED.glob("*.yaml"))) == 8


async def test_a_school_has_lessons_of_its_own(hour: Hour, tmp_path: Path) -> None:
    folder = tmp_path / "rooms" / "lessons"
    folder.mkdir()
    (folder / "mine.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "bad.yaml").write_text(GOOD.replace("parallel", "solo"), encoding="utf-8")
    (folder / "worse.yaml").write_bytes(b"id: \xff\n")
    teacher = await hour.teacher("mine")
    found = (await teacher.get("/lessons")).json()
    assert "mine" in {each["id"] for each in found["lessons"]}
    assert len(found["lessons"]) == 9
    mode, bytes_ = found["problems"]
    assert f"{folder / 'bad.yaml'}:3: mode 'solo': there are together" in mode
    assert f"{folder / 'worse.yaml'}:1:" in bytes_
    refusal = await teacher.post("/classes", json={"lesson": "../secret"})
    assert (refusal.status_code, "no lesson" in refusal.text) == (404, True)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load(path).mode == "parallel"
    path.write_text(GOOD.replace("parallel", "together"), encoding="utf-8")
    assert load(path).mode == "together"
