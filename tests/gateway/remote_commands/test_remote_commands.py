"""Remote commands: who may, how long, once, answered, audited; over a real broker too."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import SecretStr, ValidationError

from teleward_cloud.mqtt.connection import Incoming, MqttConnection
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.mqtt.topics import Topics
from teleward_gateway.journal.audit import Audit
from teleward_gateway.remote_commands import (
    RemoteCommands,
    RemoteCommandSettings,
    RemoteUserSettings,
)
from teleward_gateway.remote_commands.memory import CommandMemory
from teleward_gateway.remote_commands.message import Command, CommandError, decode, encode
from teleward_gateway.remote_commands.settings import CommandName
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.errors import NotFound
from teleward_signal.model import Provenance
from teleward_signal.record import Draft

Wait = Callable[..., Any]
KEY = b"0123456789abcdef0123"
TOPICS = Topics("teleward-sim", "ward-3")
NOW_NS = 1_772_352_000_000_000_000
SETTINGS = RemoteCommandSettings(
    users=(
        RemoteUserSettings(
            name="dr-1",
            key=SecretStr(KEY.decode()),
            commands=(CommandName.MEASURE_NIBP, CommandName.SET_LIMITS),
        ),
    )
)


class Bench:
    """A receiver with everything that it touches."""

    def __init__(self, memory: CommandMemory | None = None) -> None:
        self.audit: list[Draft] = []
        self.replies: list[tuple[str, Any]] = []
        self.asked: list[tuple[dict[str, Any], str]] = []
        self.now_ns = NOW_NS
        self.commands = RemoteCommands(
            SETTINGS,
            TOPICS,
            {CommandName.MEASURE_NIBP: self._measure, CommandName.SET_LIMITS: self._fail},
            Audit(self.audit.append),
            self._reply,
            lambda: self.now_ns,
            memory,
        )

    async def give(self, message: bytes, name: str = "measure-nibp", **incoming: Any) -> None:
        topic = TOPICS.command(name)
        self.commands.receive(Incoming(topic, message, False, 1, **incoming))
        await asyncio.gather(*self.commands._tasks)

    def outcomes(self) -> list[tuple[Any, ...]]:
        return [
            (d.payload["action"], d.payload["author"], d.payload.get("reason")) for d in self.audit
        ]

    async def _measure(self, arguments: dict[str, Any], author: str) -> dict[str, Any]:
        self.asked.append((arguments, author))
        return {"started": True}

    async def _fail(self, arguments: dict[str, Any], author: str) -> None:
        raise NotFound("no subject 'bed-9'")

    async def _reply(self, topic: str, message: bytes, *, correlation: bytes | None = None) -> None:
        self.replies.append((topic, json.loads(message)))


def command(**changes: Any) -> Command:
    valid = Command("c-1", "measure-nibp", "dr-1", NOW_NS + 30 * 10**9, {"device": "cuff-1"})
    return replace(valid, **changes)


def signed(found: Command, to: str | None = None, key: bytes = KEY) -> bytes:
    return encode(found, to or TOPICS.command(found.name), key)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_valid_command_is_done_answered_and_audited(bench: Bench) -> None:
    await bench.give(signed(command()))
    assert bench.asked == [({"device": "cuff-1"}, "dr-1")]
    answer = {"id": "c-1", "ok": True, "result": {"started": True}}
    assert bench.replies == [("teleward-sim/ward-3/reply/measure-nibp", answer)]
    assert bench.outcomes() == [("remote command done", "dr-1", None)]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (signed(command(), key=b"x" * 20), "wrong signature"),
        (signed(command(user="stranger")), "unknown user"),
        (signed(command(), to="teleward/ward-3/command/measure-nibp"), "wrong signature"),
        (signed(command()).replace(b"cuff-1", b"cuff-2"), "wrong signature"),
        (b"{}", "not a command"),
        (b"\xff", "not a command"),
        (b'{"id": 1}', "short text"),
        (b"[" * 17_000, "at most"),
    ],
)
async def test_strangers_get_no_answer_but_an_audit_entry(
    bench: Bench, message: bytes, reason: str
) -> None:
    await bench.give(message)
    assert not bench.asked
    assert not bench.replies
    ((action, author, said),) = bench.outcomes()
    assert (action, author) == ("remote command refused", "unknown")
    assert reason in said


async def test_a_flood_of_strangers_does_not_fill_the_audit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(50):
        await bench.give(b"{}")
    assert (len(bench.audit), bench.commands.refused) == (1, 50)
    monkeypatch.setattr("teleward_gateway.remote_commands.receiver._STRANGER_S", 0.0)
    await bench.give(b"{}")
    assert bench.audit[-1].payload["unnoted"] == 49


@pytest.mark.parametrize(
    ("found", "name", "reason"),
    [
        (command(expires_ns=NOW_NS - 10**9), "measure-nibp", "expired 1 s ago"),
        (command(expires_ns=NOW_NS + 301 * 10**9), "measure-nibp", "at most 300 s"),
        (command(name="reload-config"), "reload-config", "may not reload-config"),
    ],
)
async def test_what_a_user_may_not_is_refused(
    bench: Bench, found: Command, name: str, reason: str
) -> None:
    await bench.give(signed(found), name)
    assert bench.asked == []
    ((action, author, said),) = bench.outcomes()
    assert (action, author) == ("remote command refused", "dr-1")
    assert reason in said
    assert bench.replies[0][1]["ok"] is False


async def test_a_command_works_once(bench: Bench) -> None:
    message = signed(command())
    await bench.give(message)
    await bench.give(message)
    assert len(bench.asked) == 1
    assert bench.outcomes()[1][2] == "this command was given before"
    bench.now_ns += 60 * 10**9
    await bench.give(message)
    assert "expired" in bench.outcomes()[2][2]


async def test_a_command_works_once_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "commands.json"
    message = signed(command())
    first = Bench(CommandMemory(path))
    await first.give(message)
    assert len(first.asked) == 1
    second = Bench(CommandMemory(path))  # no goodbye of the first
    await second.give(message)
    assert second.asked == []
    assert second.outcomes()[0][2] == "this command was given before"
    await second.give(signed(command(id="c-2")))
    assert len(second.asked) == 1


async def test_what_cannot_be_remembered_is_not_done(tmp_path: Path) -> None:
    bench = Bench(CommandMemory(tmp_path / "gone" / "commands.json"))
    await bench.give(signed(command()))
    assert bench.asked == []
    assert bench.outcomes()[0][2] == "cannot be remembered: No such file or directory"


async def test_a_command_of_another_topic_is_refused(bench: Bench) -> None:
    topic = TOPICS.command("set-limits")
    await bench.give(signed(command(), to=topic), "set-limits")
    assert bench.asked == []
    assert "another topic" in bench.outcomes()[0][2]


async def test_a_handler_that_refuses_is_answered(bench: Bench) -> None:
    await bench.give(signed(command(name="set-limits")), "set-limits")
    assert bench.replies[0][1] == {"id": "c-1", "ok": False, "error": "no subject 'bed-9'"}


async def test_the_answer_goes_below_the_reply_topic_only(bench: Bench) -> None:
    own = "teleward-sim/ward-3/reply/desk-4"
    await bench.give(signed(command(id="a")), response_topic=own)
    await bench.give(signed(command(id="b")), response_topic="teleward/ward-1/live/bed-1/alarms")
    expected = [own, "teleward-sim/ward-3/reply/measure-nibp"]
    assert [topic for topic, _ in bench.replies] == expected


async def test_over_a_real_broker(mosquitto: Mosquitto, eventually: Wait) -> None:
    settings = MqttSettings(port=mosquitto.port)
    audit: list[Draft] = []
    waiting: list[RemoteCommands] = []
    sink = MqttSink(
        settings,
        gateway="ward-3",
        provenance=Provenance.SIMULATED,
        on_command=lambda message: waiting[0].receive(message),
    )

    async def measure(arguments: dict[str, Any], author: str) -> dict[str, Any]:
        return {"device": arguments["device"]}

    handlers = {CommandName.MEASURE_NIBP: measure}
    waiting.append(
        RemoteCommands(SETTINGS, sink.topics, handlers, Audit(audit.append), sink.publish)
    )
    await sink.open()
    await sink.wait_connected(30)
    heard: list[Incoming] = []
    desk = MqttConnection(
        settings, client_id="desk", version=MqttVersion.V5, on_message=heard.append
    )
    await desk.connect()
    await desk.subscribe("teleward-sim/ward-3/reply/+")
    asked = command(expires_ns=time.time_ns() + 30 * 10**9)
    await desk.publish(TOPICS.command("measure-nibp"), signed(asked))
    await eventually(lambda: heard)
    assert json.loads(heard[0].payload)["result"] == {"device": "cuff-1"}
    assert heard[0].correlation is None
    request = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    request.ResponseTopic = "teleward-sim/ward-3/reply/desk-4"
    request.CorrelationData = b"\x00call 7\xff"
    message = signed(replace(asked, id="c-2"))
    topic = TOPICS.command("measure-nibp")
    desk._client.publish(topic, message, qos=1, properties=request)
    await eventually(lambda: len(heard) == 2)
    assert heard[1].topic == "teleward-sim/ward-3/reply/desk-4"
    assert heard[1].correlation == b"\x00call 7\xff"
    await desk.close()
    await waiting[0].close()
    await sink.close()


def test_messages_round_trip_and_settings_are_checked() -> None:
    found, signature = decode(signed(command()))
    assert found == command()
    assert len(signature) == 64
    with pytest.raises(CommandError):
        decode(b'{"id": "", "command": "x"}')
    with pytest.raises(ValidationError, match="openssl rand"):
        RemoteUserSettings(name="a", key=SecretStr("short"), commands=(CommandName.IDENTIFY,))
    with pytest.raises(ValidationError, match="name of its own"):
        RemoteCommandSettings(users=SETTINGS.users * 2)
