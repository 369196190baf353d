"""Alarms reach people: webhook, command hook, escalation."""

import hmac
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from teleward_cloud.alarms.escalation import Escalation
from teleward_cloud.alarms.settings import (
    AlarmDeliverySettings,
    CommandHookSettings,
    EscalationSettings,
    WebhookSettings,
)
from teleward_cloud.alarms.sinks import CommandHookSink
from teleward_cloud.alarms.targets import alarm_sinks
from teleward_cloud.alarms.webhook import WebhookSink, signature
from teleward_cloud.mqtt import payload
from teleward_signal.model import Priority
from teleward_signal.record import Draft, Record, RecordKind

Make = Callable[..., Record]
SECRET = "0123456789abcdef0123"


def alarm(record: Make, seq: int = 1, presence: str = "on", **changes: Any) -> Record:
    content = {"condition": "spo2_low", "kind": "physiological", "priority": "high"}
    found = record(
        seq,
        kind=RecordKind.ALARM,
        time_ns=time.time_ns(),
        payload=content | {"presence": presence, "text": "SpO2 84, limit 90"} | changes,
    )
    assert isinstance(found, Record)
    return found


class Audits(list[tuple[str, int, dict[str, Any]]]):
    def __call__(self, action: str, record: Record, detail: dict[str, Any]) -> None:
        self.append((action, record.id.seq, detail))

    def actions(self) -> list[str]:
        return [action for action, _, _ in self]


class Receiver:
    """A web server as a hospital would write it: it checks signature and age."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.ids: list[str] = []
        self.answers: list[web.Response] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        timestamp = int(request.headers["X-Teleward-Timestamp"])
        expected = f"sha256={signature(SECRET.encode(), body, timestamp)}"
        if not hmac.compare_digest(expected, request.headers["X-Teleward-Signature"]):
            return web.Response(status=401)
        if self.answers:
            return self.answers.pop(0)
        self.ids.append(request.headers["X-Teleward-Id"])
        self.taken += payload.decode(body)
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/alarms", receiver.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/alarms"
    yield receiver
    await runner.cleanup()


@pytest.fixture
def audits() -> Audits:
    return Audits()


def webhook(receiver: Receiver, audits: Audits, **changes: Any) -> WebhookSink:
    settings = WebhookSettings(name="desk", url=receiver.url, secret=SecretStr(SECRET))
    return WebhookSink(settings.model_copy(update=changes), audits)


async def test_a_webhook_is_signed_and_audited(
    receiver: Receiver, audits: Audits, record: Make
) -> None:
    sink = webhook(receiver, audits)
    await sink.open()
    found = alarm(record)
    assert (await sink.send([found], live=True)).acknowledged == (found.id,)
    assert receiver.taken == [found]
    assert receiver.ids == ["ward-3/9f86d081/1/0"]
    assert audits == [("alarm delivered", 1, {"target": "webhook-desk"})]
    await sink.close()


async def test_a_wrong_secret_is_no_delivery(
    receiver: Receiver, audits: Audits, record: Make
) -> None:
    sink = webhook(receiver, audits, secret=SecretStr("x" * 20))
    await sink.open()
    answer = await sink.send([alarm(record)], live=True)
    assert answer.acknowledged == ()
    assert "401" in (answer.error or "")
    assert audits == []
    await sink.close()


async def test_failures_keep_the_order_and_the_backlog(
    receiver: Receiver, audits: Audits, record: Make
) -> None:
    sink = webhook(receiver, audits)
    await sink.open()
    batch = [alarm(record, seq) for seq in (1, 2, 3)]
    receiver.answers = [
        web.Response(status=503, headers={"Retry-After": "9"}),
        web.Response(status=422),
    ]
    first = await sink.send(batch, live=True)
    assert first.acknowledged == ()
    assert first.retry_after_s == 9
    second = await sink.send(batch, live=True)
    assert [found.id.seq for found in second.rejected] == [1]
    assert [found.seq for found in second.acknowledged] == [2, 3]
    await sink.close()
    assert (await sink.send(batch, live=True)).error == "closed"


async def test_only_the_alarms_that_were_asked_for(
    receiver: Receiver, audits: Audits, record: Make
) -> None:
    sink = webhook(receiver, audits, lowest_priority=Priority.HIGH, from_step=2)
    await sink.open()
    old = replace(alarm(record, 4, escalation=2), time_ns=time.time_ns() - 3600 * 10**9)
    batch = [
        alarm(record, 1),
        alarm(record, 2, escalation=2),
        alarm(record, 3, escalation=3, priority="medium"),
        old,
    ]
    assert len((await sink.send(batch, live=True)).acknowledged) == 4
    assert [found.id.seq for found in receiver.taken] == [2]
    assert audits.actions() == ["alarm delivered", "alarm too old to deliver"]
    await sink.close()


def hook(audits: Audits, script: str, **changes: Any) -> CommandHookSink:
    command = (sys.executable, "-c", script)
    settings = CommandHookSettings(name="lamp", command=command)
    return CommandHookSink(settings.model_copy(update=changes), audits)


async def test_a_program_gets_the_alarm(audits: Audits, record: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = (
        "import json, os, sys\n"
        "given = json.load(sys.stdin)['records'][0]['text']\n"
        f"open({str(out)!r}, 'w').write(os.environ['TELEWARD_CONDITION'] + '|' + given)\n"
    )
    sink = hook(audits, script)
    batch = [alarm(record, 1), alarm(record, 2, presence="off")]
    assert len((await sink.send(batch, live=True)).acknowledged) == 2
    assert out.read_text() == "spo2_low|SpO2 84, limit 90"
    assert audits.actions() == ["alarm delivered"], "off does not start it"


@pytest.mark.parametrize(
    ("script", "reason"),
    [("raise SystemExit(3)", "code 3"), ("import time; time.sleep(60)", "killed after 0.5 s")],
)
async def test_a_program_that_fails_is_no_delivery(
    audits: Audits, record: Make, script: str, reason: str
) -> None:
    answer = await hook(audits, script, timeout_s=0.5).send([alarm(record)], live=True)
    assert answer.acknowledged == ()
    assert reason in (answer.error or "")


async def test_a_program_that_is_missing_says_so(audits: Audits, record: Make) -> None:
    answer = await hook(audits, "", command=("/no/such",)).send([alarm(record)], live=True)
    assert "/no/such: No such file" in (answer.error or "")


class Stage:
    """An escalation with a clock of its own."""

    def __init__(self, audits: Audits) -> None:
        self.drafts: list[Draft] = []
        self.now_ns = time.time_ns()
        settings = EscalationSettings(after_s=(60, 180))
        self.sink = Escalation(settings, self.drafts.append, audits, lambda: self.now_ns)

    async def later(self, seconds: float, *batch: Record) -> Any:
        self.now_ns += round(seconds * 1e9)
        return await self.sink.send(batch, live=True)


async def test_nobody_acknowledges(audits: Audits, record: Make) -> None:
    stage = Stage(audits)
    found = alarm(record)
    assert (await stage.later(0, found)).held == (found.id,)
    assert (await stage.later(50)).acknowledged == ()
    assert stage.drafts == []
    await stage.later(15)
    assert [draft.payload["escalation"] for draft in stage.drafts] == [1]
    assert stage.drafts[0].payload["text"] == "SpO2 84, limit 90"
    assert stage.drafts[0].subject == "bed-1"
    assert (await stage.later(200)).acknowledged == (found.id,), "all steps were given"
    assert [draft.payload["escalation"] for draft in stage.drafts] == [1, 2]
    await stage.later(9999)
    assert len(stage.drafts) == 2
    assert audits.actions() == ["alarm not acknowledged"] * 2


@pytest.mark.parametrize("presence", ["ack", "off"])
async def test_somebody_acknowledges(audits: Audits, record: Make, presence: str) -> None:
    stage = Stage(audits)
    first, answer = alarm(record, 1), alarm(record, 2, presence=presence, author="nurse-7")
    await stage.later(0, first)
    settled = await stage.later(30, answer)
    assert set(settled.acknowledged) == {first.id, answer.id}
    await stage.later(9999)
    assert stage.drafts == []
    assert audits == []


async def test_a_restart_goes_on_where_it_was(audits: Audits, record: Make) -> None:
    before, found = Stage(audits), alarm(record)
    await before.later(0, found)
    after = Stage(audits)
    after.now_ns += 70 * 10**9
    assert (await after.later(0, found)).held == (found.id,)
    assert [draft.payload["escalation"] for draft in after.drafts] == [1]


async def test_its_own_steps_and_low_priorities_are_passed_over(
    audits: Audits, record: Make
) -> None:
    stage = Stage(audits)
    batch = [alarm(record, 1, escalation=1), alarm(record, 2, priority="low")]
    assert len((await stage.later(0, *batch)).acknowledged) == 2


def test_settings_refuse_what_cannot_work() -> None:
    with pytest.raises(ValidationError, match="openssl rand"):
        WebhookSettings(name="a", url="http://x", secret=SecretStr("short"))
    with pytest.raises(ValidationError, match="later than"):
        EscalationSettings(after_s=(60, 60))
    assert json.loads(EscalationSettings().model_dump_json())["lowest_priority"] == "high"


def test_targets_come_from_the_settings(audits: Audits) -> None:
    settings = AlarmDeliverySettings.model_validate(
        {
            "webhooks": [{"name": "desk", "url": "https://x", "secret": SECRET}],
            "commands": [{"name": "lamp", "command": ["true"]}],
        }
    )
    drafts: list[Draft] = []
    names = [sink.name for sink in alarm_sinks(settings, drafts.append, audits)]
    assert names == ["command-lamp", "webhook-desk", "escalation"]
    quiet = AlarmDeliverySettings(escalation=EscalationSettings(enabled=False))
    assert alarm_sinks(quiet, drafts.append, audits) == []


async def test_an_alarm_that_is_over_begins_no_second_round(audits: Audits, record: Make) -> None:
    stage = Stage(audits)
    found = alarm(record)
    await stage.later(0, found)
    await stage.later(200)
    assert [draft.payload["escalation"] for draft in stage.drafts] == [2]
    latched = alarm(record, 2, presence="latched")
    assert (await stage.later(10, latched)).acknowledged == (latched.id,)
    await stage.later(9999)
    await stage.later(1, alarm(record, 3))
    await stage.later(9999)
    assert len(stage.drafts) == 1, "one alarm, one round"
    await stage.later(1, alarm(record, 4, presence="ack"))
    await stage.later(1, replace(alarm(record, 5), time_ns=stage.now_ns))
    await stage.later(61)
    assert len(stage.drafts) == 2, "a new alarm after the acknowledgement"


async def test_steps_given_are_not_given_again_after_restarts(audits: Audits, record: Make) -> None:
    """As the journal does: what was not acknowledged is handed over again, as backlog."""
    found = alarm(record)
    journal = {found.id: found}
    given: list[int] = []
    for restart in range(4):
        stage = Stage(audits)
        stage.now_ns = found.time_ns + (70 if restart == 0 else 200 + restart) * 10**9
        for held in list(journal.values()):  # each alone: what is done lies between them
            await stage.sink.send([held], live=False)
        assert stage.drafts == [], "the journal may have more to hand over"
        stage.sink._handed_over_s -= 10
        answer = await stage.later(0)
        for found_id in answer.acknowledged:
            journal.pop(found_id, None)
        for n, draft in enumerate(stage.drafts):
            step = replace(found, id=record(100 + 10 * restart + n).id, payload=draft.payload)
            given.append(draft.payload["escalation"])
            answer = await stage.later(1, step)
            if step.id not in answer.acknowledged:
                journal[step.id] = step
    assert given == [1, 2]
    assert journal == {}, "all steps are given"
