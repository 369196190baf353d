"""A row of the settings file that is refused is named, and carried out once it can be."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from teleward_gateway.settings.load import read
from teleward_gateway.testing.ward_kit import WardKit

ROWS = """\
[gateway]
mode = "simulated"
[[subjects]]
id = "eve"
bed = "Bed 1"
[[subjects]]
id = "bob"
bed = "शय्या ३"
[[devices]]
id = "clip"
driver = "cms50d"
port = "/dev/teleward-none"
subject = "eve"
[[devices]]
id = "strap"
driver = "heart-rat"
address = "C0:00:00:00:00:01"
"""


async def test_a_refused_row_is_named_and_tried_again(
    tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    path = tmp_path / "t.toml"
    path.write_text(ROWS)
    path.chmod(0o600)
    async with AsyncExitStack() as stack:
        ward = await WardKit.open(stack, tmp_path)
        await ward.admit("anna", bed="bed-1")
        await ward.reconciler.import_settings(read(path))
        shown = [f"{m.line} {m.key}: {m.problem}" for m in ward.reconciler.mistakes]
        assert shown[0].startswith("16 devices[1].driver: no driver named 'heart-rat'")
        assert shown[1].startswith("3 subjects[0]: bed bed-1 holds subject anna")
        assert len(shown) == 2
        assert not ward.reconciler.health()["ok"]
        assert ward.registry.subject_now("clip") == "eve", "monitored, in no bed yet"
        assert "शय्या ३" in str(ward.live.subjects())
        ward.registry.discharge("anna", "nurse")
        await eventually(lambda: len(ward.reconciler.mistakes) == 1)
        assert ward.registry.subject("eve").bed == "bed-1"
        path.write_text(ROWS.replace('id = "clip"', "id = “clip”"))
        await ward.reconciler.import_settings(read(path))
        assert [device.id for device in ward.registry.devices()] == ["clip"], "unread, not gone"
        path.write_text(ROWS[: ROWS.index("[[devices]]")])
        await ward.reconciler.import_settings(read(path))
        assert ward.registry.devices() == []
        assert ward.reconciler.mistakes == ()
