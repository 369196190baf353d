"""Our pairing agent on a real, private D-Bus, asked the way bluetoothd asks."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dbus_fast import BusType, Message, MessageType, RequestNameReply
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr
from dbus_fast.service import ServiceInterface, method

from teleward_gateway.sessions import bluez_agent
from teleward_gateway.sessions.bluez_agent import PATH, BluezAgent
from teleward_gateway.sessions.pairing import PairingDesk

pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")

OURS = "/org/bluez/hci0/dev_C0_00_00_00_00_01"
STRANGER = "/org/bluez/hci0/dev_C0_00_00_00_00_99"

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


class AgentManager(ServiceInterface):
    """The part of bluetoothd that agents register with."""

    def __init__(self) -> None:
        super().__init__("org.bluez.AgentManager1")
        self.registered: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.default = asyncio.Event()

    @method()
    def RegisterAgent(self, agent: DBusObjectPath, capability: DBusStr) -> None:
        self.registered.put_nowait((agent, capability))

    @method()
    def RequestDefaultAgent(self, agent: DBusObjectPath) -> None:
        self.default.set()


class Bluetoothd:
    """Owns org.bluez and calls the agent."""

    def __init__(self) -> None:
        self.manager = AgentManager()
        self.bus = MessageBus(bus_type=BusType.SYSTEM)
        self.agent = ""

    async def start(self) -> None:
        await self.bus.connect()
        self.bus.export("/org/bluez", self.manager)
        assert await self.bus.request_name("org.bluez") is RequestNameReply.PRIMARY_OWNER

    async def find_agent(self) -> None:
        async with asyncio.timeout(10):
            assert await self.manager.registered.get() == (PATH, "KeyboardDisplay")
            await self.manager.default.wait()
        names = await self._ask("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames")
        own = {self.bus.unique_name}
        self.agent = next(n for n in names.body[0] if n.startswith(":") and n not in own)

    async def call(self, member: str, signature: str = "", *body: object) -> Message:
        return await self._ask(self.agent, PATH, "org.bluez.Agent1", member, signature, list(body))

    async def _ask(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[object] | None = None,
    ) -> Message:
        async with asyncio.timeout(10):
            reply = await self.bus.call(
                Message(
                    destination=destination,
                    path=path,
                    interface=interface,
                    member=member,
                    signature=signature,
                    body=body or [],
                )
            )
        assert reply is not None
        return reply


@pytest.fixture
async def system_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A system bus of our own."""
    socket, config = tmp_path / "bus", tmp_path / "bus.conf"
    config.write_text(CONFIG.format(path=socket))
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon",
        f"--config-file={config}",
        "--nofork",
        "--print-address",
        stdout=asyncio.subprocess.PIPE,
    )
    assert daemon.stdout is not None
    await daemon.stdout.readline()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={socket}")
    monkeypatch.setattr(bluez_agent, "RETRY_S", 0.05)
    yield
    daemon.terminate()
    await daemon.wait()


@pytest.fixture
def desk() -> PairingDesk:
    return PairingDesk({"C0:00:00:00:00:01": "strap-1"}.get)


@pytest.fixture
async def agent(system_bus: None, desk: PairingDesk) -> AsyncIterator[BluezAgent]:
    agent = BluezAgent(desk)
    agent.start()
    yield agent
    await agent.stop()


async def test_commissioned_device_may_pair_and_a_stranger_may_not(
    agent: BluezAgent, desk: PairingDesk
) -> None:
    bluetoothd = Bluetoothd()
    await bluetoothd.start()
    await bluetoothd.find_agent()
    for member, signature, more in (
        ("RequestAuthorization", "o", ()),
        ("RequestConfirmation", "ou", (123456,)),
        ("AuthorizeService", "os", ("0000180d-0000-1000-8000-00805f9b34fb",)),
    ):
        ours = await bluetoothd.call(member, signature, OURS, *more)
        assert ours.message_type is MessageType.METHOD_RETURN
        other = await bluetoothd.call(member, signature, STRANGER, *more)
        assert other.error_name == bluez_agent.REJECTED
    assert desk.n_refused == 3
    bluetoothd.bus.disconnect()


async def test_passkey_comes_from_a_person(agent: BluezAgent, desk: PairingDesk) -> None:
    bluetoothd = Bluetoothd()
    await bluetoothd.start()
    await bluetoothd.find_agent()
    asked = asyncio.create_task(bluetoothd.call("RequestPasskey", "o", OURS))
    async with asyncio.timeout(30):
        while not desk.requests():
            await asyncio.sleep(0.01)
    desk.answer("C0:00:00:00:00:01", 42)
    assert (await asked).body == [42]
    refused = await bluetoothd.call("RequestPasskey", "o", STRANGER)
    assert refused.error_name == bluez_agent.REJECTED
    bluetoothd.bus.disconnect()


async def test_agent_registers_again_after_a_release(agent: BluezAgent) -> None:
    """bluetoothd releases its agents when it restarts."""
    bluetoothd = Bluetoothd()
    await bluetoothd.start()
    for _ in range(2):
        await bluetoothd.find_agent()
        await bluetoothd.call("Release")
    await bluetoothd.find_agent()
    bluetoothd.bus.disconnect()


async def test_passkey_nobody_types_is_given_up(
    desk: PairingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teleward_gateway.sessions.pairing.ANSWER_S", 0.05)
    assert await desk.passkey("C0:00:00:00:00:01") is None
    assert desk.requests() == []
    with pytest.raises(LookupError, match="start pairing again"):
        desk.answer("C0:00:00:00:00:01", 1)


@pytest.mark.parametrize(
    ("member", "signature", "more", "digits"),
    [("DisplayPasskey", "ouq", (123456, 0), "123456"), ("DisplayPinCode", "os", ("0417",), "0417")],
)
async def test_digits_to_type_are_on_the_page_and_in_no_log(
    agent: BluezAgent,
    desk: PairingDesk,
    caplog: pytest.LogCaptureFixture,
    member: str,
    signature: str,
    more: tuple[object, ...],
    digits: str,
) -> None:
    caplog.set_level("DEBUG")
    bluetoothd = Bluetoothd()
    await bluetoothd.start()
    await bluetoothd.find_agent()
    await bluetoothd.call(member, signature, OURS, *more)
    (shown,) = desk.requests()
    assert (shown.device, shown.digits) == ("strap-1", digits)
    assert digits not in repr(shown)
    refused = await bluetoothd.call(member, signature, STRANGER, *more)
    assert refused.error_name == bluez_agent.REJECTED
    await bluetoothd.call("Cancel")
    assert desk.requests() == []
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("teleward")]
    assert any("type the digits" in text for text in ours)
    assert not any(digits in text for text in ours)
    bluetoothd.bus.disconnect()
