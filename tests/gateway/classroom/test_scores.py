"""Scores over HTTP: nobody has one before the words, the teacher has all."""

import httpx

from tests.gateway.classroom.conftest import Hour

WORDS = "I heard the wheeze and gave what opens the airways, then I looked at the screen again."


async def phase(teacher: httpx.AsyncClient, name: str) -> None:
    answer = await teacher.post("/class/phase", json={"phase": name})
    assert answer.status_code == 204, answer.text


async def test_a_score_comes_after_the_words(hour: Hour) -> None:
    teacher, learner, other = await hour.teacher(), await hour.learner(), await hour.learner("Ibis")
    await phase(teacher, "encounter")
    order = {"name": "salbutamol", "dose": "5 mg"}
    told = (await learner.post("/seat/orders", json=order)).json()
    await learner.post(f"/seat/orders/{told['task']}", json={"yes": True})
    await learner.post("/seat/diagnosis", json={"ranked": [["asthma", 0.9]]})
    assert (await learner.get("/seat/score")).status_code == 409
    await phase(teacher, "words")
    assert (await learner.get("/seat/score")).status_code == 409
    words = {"words": WORDS, "change": "Oxygen first."}
    assert (await learner.post("/seat/reflection", json=words)).status_code == 204
    await phase(teacher, "debrief")
    assert (await other.get("/seat/score")).status_code == 422, "no words, no score"
    report = (await learner.get("/seat/score")).json()
    lines = {line["name"]: line for line in report["lines"]}
    assert lines["salbutamol"]["reason"] == "in_time"
    assert lines["salbutamol"]["dose"] == "5 mg"
    assert lines["diagnosis"]["reason"] == "hit"
    assert lines["oxygen"]["reason"] == "missed"
    assert {"en": "Oxygen", "hi": "ऑक्सीजन"} in report["missed"]
    assert 0 < report["score"] < report["pass_mark"]
    rows = {row["name"]: row for row in (await teacher.get("/class/scores")).json()}
    assert rows["Hornbill"]["score"] == report["score"]
    assert rows["Ibis"]["score"] == 0.0
    assert (await learner.get("/class/scores")).status_code == 403
