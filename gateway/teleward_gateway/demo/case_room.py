"""The teaching room of a demo: opened on the running gateway as an instructor would open it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleward_gateway.api.client import NoGateway, RequestRefused
from teleward_gateway.commands.room import KEY, RoomClient
from teleward_signal.errors import Invalid


@dataclass(frozen=True, slots=True)
class CaseRoom:
    """A room that is open; ``key`` is the instructor's."""

    address: str
    code: str
    key: str
    case: str
    review: str
    page: str
    n_devices: int

    def words(self) -> list[str]:
        """Return the message for the person who started the demo."""
        room = f"teleward room --url {self.address}"
        return [
            f"room {self.code}, case {self.case} (review: {self.review}): "
            f"{self.address}{self.page}",
            f"learners:   {room} show {self.code}",
            f"instructor: {KEY}={self.key} {room} truth {self.code}",
        ]


def open_room(address: str, case: str, held: bool, keep: Path, operator: str) -> CaseRoom:
    """Open a room, run it unless ``held``, and keep the answer of `open` in the file ``keep``.

    Raises ValueError with the gateway's reason.
    """
    try:
        answer: dict[str, Any] = RoomClient(address, "", operator).send(
            "POST", "/rooms", {"case": case}
        )
        if not held:
            start = {"orders": [{"kind": "clock"}]}
            RoomClient(address, answer["key"]).send(
                "POST", f"/rooms/{answer['code']}/orders", start
            )
    except (NoGateway, RequestRefused) as error:
        raise Invalid(f"no room for case {case}: {error}") from None
    with open(os.open(keep, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(answer, file)
    return CaseRoom(
        address, answer["code"], answer["key"], answer["case"], answer["review"], answer["page"],
        len(answer["devices"]),
    )  # fmt: skip
