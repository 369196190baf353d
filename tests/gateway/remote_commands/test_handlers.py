"""What remote commands do, and how they refuse."""

from collections.abc import Mapping
from typing import Any

import pytest

from teleward_drivers.errors import LinkError
from teleward_gateway.remote_commands import gateway_handlers
from teleward_gateway.remote_commands.settings import CommandName
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Invalid, TelewardError


class Ward:
    """Sessions and subjects that keep what they are asked."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []

    async def command(self, device: str, name: str, **arguments: Any) -> None:
        if device == "gone":
            raise KeyError(device)
        if device == "far":
            raise LinkError("out of reach")
        self.done.append((device, name, *arguments.values()))

    def has_subject(self, subject: str) -> bool:
        return subject == "bed-1"

    async def change_limits(
        self, subject: str, changes: Mapping[str, Any], author: str, seen: int | None = None
    ) -> None:
        try:
            limits = AlarmLimits.from_dict(changes)
        except (TypeError, AttributeError) as error:
            raise Invalid(f"limits: {error}") from error
        self.done.append((subject, limits.metrics["spo2"].low, author))

    async def reload(self) -> None:
        self.done.append(("reload",))


async def test_each_command_reaches_its_part() -> None:
    ward = Ward()
    handlers = gateway_handlers(ward, ward, ward.reload)
    assert set(handlers) == set(CommandName)
    await handlers[CommandName.MEASURE_NIBP]({"device": "cuff"}, "dr-1")
    await handlers[CommandName.IDENTIFY]({"device": "ox"}, "dr-1")
    limits = {"metrics": {"spo2": {"low": 92}}}
    await handlers[CommandName.SET_LIMITS]({"subject": "bed-1", "limits": limits}, "dr-1")
    await handlers[CommandName.RELOAD_CONFIG]({}, "dr-1")
    expected = [
        ("cuff", "measure", "nibp_systolic"),
        ("ox", "identify"),
        ("bed-1", 92, "dr-1"),
        ("reload",),
    ]
    assert ward.done == expected
    assert CommandName.RELOAD_CONFIG not in gateway_handlers(ward, ward)


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        (CommandName.IDENTIFY, {}, "arguments.device is missing"),
        (CommandName.IDENTIFY, {"device": "gone"}, "no device 'gone'"),
        (CommandName.IDENTIFY, {"device": "far"}, "out of reach"),
        (CommandName.SET_LIMITS, {"subject": "bed-1"}, "limits must be an object"),
        (CommandName.SET_LIMITS, {"subject": "bed-9", "limits": {}}, "no subject 'bed-9'"),
        (CommandName.SET_LIMITS, {"subject": "bed-1", "limits": {"x": 1}}, "unknown key 'x'"),
        (CommandName.SET_LIMITS, {"subject": "bed-1", "limits": {"metrics": 3}}, "limits"),
    ],
)
async def test_refusals_say_why(name: CommandName, arguments: dict[str, Any], reason: str) -> None:
    ward = Ward()
    with pytest.raises(TelewardError, match=reason):
        await gateway_handlers(ward, ward)[name](arguments, "dr-1")
    assert ward.done == []
