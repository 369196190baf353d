"""A class over HTTP: who may join and act, modes, questions, rewind, words before the score."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from teleward_gateway.classroom.classes.service import MOST_SEATS, TRIES_PER_S
from tests.gateway.classroom.conftest import Hour


async def ok(answer: httpx.Response) -> Any:
    """Return the JSON of a success."""
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def refused(answer: httpx.Response, status: int, reason: str) -> None:
    """Check a refusal and its sentence."""
    assert answer.status_code == status, answer.text
    assert reason in answer.json()["detail"]


async def begin(teacher: httpx.AsyncClient) -> None:
    """Begin the encounter."""
    await ok(await teacher.post("/class/phase", json={"phase": "encounter"}))


async def until(learner: httpx.AsyncClient, what: str, **wanted: Any) -> dict[str, Any]:
    """Return the first line of a screen that is ``what``, once it is there."""
    async with asyncio.timeout(60):
        while True:
            for line in (await ok(await learner.get("/seat")))["lines"]:
                if line["what"] == what and all(line.get(k) == v for k, v in wanted.items()):
                    return dict(line)
            await asyncio.sleep(0.1)


async def test_the_same_phone_has_the_same_seat(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    seat = (await ok(await learner.get("/seat")))["seat"]
    again = await ok(await learner.post("/join", json={"code": hour.code, "name": "Other"}))
    assert (again["seat"], again["name"], again["again"]) == (seat["id"], "Hornbill", True)
    other = await hour.learner("Hornbill")
    assert (await ok(await other.get("/seat")))["seat"]["name"] == "Hornbill 2"
    board = await ok(await teacher.get("/class"))
    assert board["n_seats"] == 2
    for text in ("teleward_seat", "sha256"):
        assert text not in json.dumps(board)


async def test_a_wrong_code_a_locked_and_a_full_class_have_their_sentences(hour: Hour) -> None:
    teacher = await hour.teacher()
    stranger = await hour.client()
    await refused(await stranger.post("/join", json={"code": "XXXXXX"}), 404, "look at the wall")
    await ok(await teacher.post("/class/doors", json={"on": False}))
    body = {"code": hour.code.lower()}
    await refused(await stranger.post("/join", json=body), 409, "ask your teacher")
    await ok(await teacher.post("/class/doors", json={"on": True}))
    for _ in range(MOST_SEATS):
        await hour.learner()
    hour.service._tries.clear()
    await refused(await stranger.post("/join", json=body), 409, "full")
    await refused(await stranger.get("/seat"), 403, "join by the code")
    problem = (await stranger.get("/seat")).json()
    assert problem["key"] == "refused_no_seat"


async def test_codes_are_tried_five_times_a_second(hour: Hour) -> None:
    await hour.teacher()
    stranger = await hour.client()
    hour.service._now_s = lambda: 7.0  # however slow this machine is
    codes = [
        (await stranger.post("/join", json={"code": f"AAAA{n:02d}"})).status_code
        for n in range(TRIES_PER_S + 3)
    ]
    assert codes[:TRIES_PER_S] == [404] * TRIES_PER_S
    assert 429 in codes


async def test_an_order_is_read_back_before_it_is_given(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    order = {"name": "salbutamol", "dose": "5 mg"}
    await refused(await learner.post("/seat/orders", json=order), 409, "not running")
    await begin(teacher)
    stranger = await hour.client()
    await refused(await stranger.post("/seat/orders", json=order), 403, "join")
    told = await ok(await learner.post("/seat/orders", json=order))
    assert "5 mg" in told["readback"]
    board = await ok(await teacher.get("/class"))
    assert board["rows"][0]["met"] == 0
    await ok(await learner.post(f"/seat/orders/{told['task']}", json={"yes": True}))
    board = await ok(await teacher.get("/class"))
    assert (board["rows"][0]["met"], board["rows"][0]["last_act"]) == (1, "salbutamol 5 mg")
    twice = await ok(await learner.post("/seat/orders", json=order))
    assert 0 <= twice["done_before_min"] < 1
    again = await learner.post(f"/seat/orders/{told['task']}", json={"yes": True})
    await refused(again, 409, "answered already")
    huge = await ok(await learner.post("/seat/orders", json={**order, "dose": "50 mg"}))
    twice = await ok(await learner.post(f"/seat/orders/{huge['task']}", json={"yes": True}))
    assert twice["readback"]
    await ok(await learner.post(f"/seat/orders/{huge['task']}", json={"yes": False}))
    refusal = await until(learner, "refused", task=huge["task"])
    assert refusal["text"]
    for dose, reason in (("5", "no unit"), ("5 km", "unknown unit"), ("lots", "no dose")):
        answer = await learner.post("/seat/orders", json={**order, "dose": dose})
        assert answer.status_code == 422, (dose, reason, answer.text)


async def test_patients_run_once_the_encounter_begins_and_wait_for_a_question(hour: Hour) -> None:
    teacher, _ = await hour.teacher(), await hour.learner()
    await begin(teacher)  # at once: the order that holds a new room is not lived yet
    [running] = hour.service.classes.values()
    [mine] = running.rooms.values()

    async def second(at_least: int) -> int:
        async with asyncio.timeout(60):
            while (now := (await ok(await teacher.get("/class")))["rows"][0]["time_s"]) < at_least:
                await asyncio.sleep(0.1)
        return int(now)

    assert await second(1) >= 1
    await ok(await teacher.post("/class/freeze", json={"question": "carbon-dioxide"}))
    assert mine.room.speed == 0
    await ok(await teacher.post("/class/thaw"))
    await second(mine.room.director.state.second + 1)


async def test_the_worker_answers_and_does_not_guess(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    await begin(teacher)
    await ok(await teacher.post(
        "/class/changes", json={"orders": [{"kind": "clock", "speed": 20}]}
    ))  # fmt: skip
    wait = await ok(await learner.post("/seat/asks", json={"text": "auscultate"}))
    assert wait["wait_s"] > 0
    found = await until(learner, "found", item="auscultate")
    assert found["texts"]["hi"]
    await ok(await learner.post("/seat/asks", json={"text": "qwertyzxcv"}))
    assert (await until(learner, "misunderstood"))["text"] == "qwertyzxcv"


async def test_a_question_holds_the_patients_and_its_answers_stay_private(hour: Hour) -> None:
    teacher = await hour.teacher()
    learners = [await hour.learner(), await hour.learner()]
    await begin(teacher)
    await ok(await teacher.post("/class/freeze", json={"question": "carbon-dioxide"}))
    held = await learners[0].post("/seat/orders", json={"name": "sit_up"})
    await refused(held, 409, "asked a question")
    screen = await ok(await learners[0].get("/seat"))
    assert "answer" not in screen["question"]
    assert "why" not in screen["question"]
    await refused(await learners[0].post("/seat/answer", json={"value": "7"}), 422, "choose one")
    await ok(await learners[0].post("/seat/answer", json={"value": "1"}))
    await ok(await learners[1].post("/seat/answer", json={"value": "0"}))
    board = await ok(await teacher.get("/class"))
    assert (board["question"]["n_answers"], board["question"]["counts"]) == (2, {})
    await ok(await teacher.post("/class/thaw"))
    board = await ok(await teacher.get("/class"))
    assert board["question"]["counts"] == {"0": 1, "1": 1, "2": 0}
    assert (await ok(await learners[0].get("/seat")))["question"]["answer"] == "1"
    await ok(await learners[0].post("/seat/orders", json={"name": "sit_up"}))
    await refused(await learners[0].post("/seat/answer", json={"value": "1"}), 409, "over")


async def test_rewind_all_begins_a_branch_and_keeps_the_old_one(hour: Hour) -> None:
    teacher = await hour.teacher("shock-again")
    learner = await hour.learner()
    await begin(teacher)
    await asyncio.sleep(0.5)
    await ok(await teacher.post("/class/bookmark", json={"text": "before"}))
    await asyncio.sleep(0.5)
    await ok(await learner.post("/seat/orders", json={"name": "call_help"}))
    assert (await ok(await teacher.get("/class")))["rows"][0]["last_act"] == "call_help"
    await ok(await teacher.post("/class/rewind", json={"bookmark": "before"}))
    lines = (await ok(await learner.get("/seat")))["lines"]
    assert not [line for line in lines if line["what"] in ("order", "done")]
    events = await ok(await teacher.get("/class/events"))
    assert [e["branch"] for e in events if e["kind"] == "act.done"] == [0]
    assert [e["branch"] for e in events if e["kind"] == "class.rewound"] == [1]
    await refused(await learner.post("/seat/orders", json={"name": "call_help"}), 409, "paused")
    await ok(await teacher.post("/class/pause", json={"on": False}))
    await ok(await learner.post("/seat/orders", json={"name": "call_help"}))
    events = await ok(await teacher.get("/class/events"))
    assert [e["branch"] for e in events if e["kind"] == "act.done"] == [0, 1]


async def test_no_score_before_the_words(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    await begin(teacher)
    await refused(await learner.get("/seat/log"), 409, "debrief")
    few = {"words": "It went well.", "change": "Nothing"}
    await refused(await learner.post("/seat/reflection", json=few), 409, "finish the encounter")
    await ok(await teacher.post("/class/phase", json={"phase": "words"}))
    await refused(await learner.post("/seat/reflection", json=few), 422, "these are 3")
    await ok(await teacher.post("/class/phase", json={"phase": "debrief"}))
    await refused(await learner.get("/seat/log"), 422, "about 20 words")
    words = {"words": "I saw that he was tired and gave oxygen late, as I read only one number.",
             "change": "Look at the patient first."}  # fmt: skip
    await ok(await learner.post("/seat/reflection", json=words))
    assert await ok(await learner.get("/seat/log"))


async def test_news2_is_asked_before_it_is_shown(hour: Hour) -> None:
    teacher = await hour.teacher()
    learner = await hour.learner()
    await begin(teacher)
    points: dict[str, int | None] = dict.fromkeys(
        ("rr", "spo2", "oxygen", "sbp", "pulse", "awake"), 1
    )
    await refused(await learner.post("/seat/news2", json={"points": points}), 422, "temp")
    total = await ok(await learner.post("/seat/news2", json={"points": {**points, "temp": 0}}))
    assert total == {"total": 6}
    async with asyncio.timeout(30):
        while (row := (await ok(await teacher.get("/class")))["rows"][0])["true"] is None:
            await asyncio.sleep(0.1)
    assert row["news2_asked"] == 6
    assert "news2" in row["true"]


@pytest.mark.parametrize("path", ["/class", "/class/events", "/class/rooms/r-1/truth"])
async def test_a_learner_is_no_teacher(hour: Hour, path: str) -> None:
    await hour.teacher()
    learner = await hour.learner()
    await refused(await learner.get(path), 403, "teacher")
    wrong = await learner.get(path, headers={"X-Class-Key": "guess"})
    await refused(wrong, 403, "teacher")


async def test_the_pen_goes_with_the_handover(hour: Hour) -> None:
    teacher = await hour.teacher("night-handover")
    first, second = await hour.learner("A"), await hour.learner("B")
    await begin(teacher)
    await ok(await first.post("/seat/orders", json={"name": "consent"}))
    await refused(await second.post("/seat/orders", json={"name": "consent"}), 403, "pen")
    isbar = {"identity": "Dr A", "situation": "worse", "background": "fever",
             "assessment": "sepsis", "recommendation": "fluids now"}  # fmt: skip
    await refused(await second.post("/seat/handover", json=isbar), 403, "pen")
    await ok(await first.post("/seat/handover", json=isbar))
    await refused(await first.post("/seat/orders", json={"name": "consent"}), 403, "pen")
    screen = await ok(await second.get("/seat"))
    assert "fluids now" in screen["room"]["handed_over"]
    assert not [line for line in screen["lines"] if line["what"] == "done"]
    await ok(await second.post("/seat/orders", json={"name": "consent"}))
    heard = {"items": ["fluids now", "fever"], "plan": "Cannula, then fluids."}
    await ok(await second.post("/seat/readback", json=heard))
    events = await ok(await teacher.get("/class/events"))
    assert [e["body"]["matched"] for e in events if e["kind"] == "handover.readback"] == [True]


async def test_what_is_not_at_the_bedside_is_refused_and_never_done(hour: Hour) -> None:
    teacher, learner = await hour.teacher(), await hour.learner()
    await begin(teacher)
    order = await ok(await learner.post("/seat/orders", json={"name": "dialysis"}))
    refusal = await until(learner, "refused", task=order["task"])
    assert "no dialysis here" in refusal["text"]
    await ok(await learner.post("/seat/asks", json={"text": "blood gas"}))
    found = await until(learner, "found", item="blood_gas")
    assert found["text"] == "Blood gas cannot be done here, doctor."
    lines = (await ok(await learner.get("/seat")))["lines"]
    assert "done" not in [line["what"] for line in lines]


async def test_a_dose_confirmed_twice_is_given_and_asked_no_third_time(hour: Hour) -> None:
    teacher, learner = await hour.teacher(), await hour.learner()
    await begin(teacher)
    order = {"name": "salbutamol", "dose": "500 mg"}
    task = (await ok(await learner.post("/seat/orders", json=order)))["task"]
    for _ in range(2):
        await ok(await learner.post(f"/seat/orders/{task}", json={"yes": True}))
    await until(learner, "done", task=task)
    read_back = await until(learner, "message", who="worker")
    assert read_back["text"] == "Salbutamol nebulised, 500 mg: giving it now, doctor."
