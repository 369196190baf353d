"""The class of a demo: opened on the running gateway as a teacher would open it."""

from dataclasses import dataclass
from typing import Any

from teleward_gateway.api.client import ApiClient, NoGateway, RequestRefused
from teleward_signal.errors import Invalid

OPEN_S = 300.0
"""The first class may compile the patients' kernels."""


@dataclass(frozen=True, slots=True)
class ClassHour:
    """A class that is open; ``key`` is the teacher's, ``operator`` opens the next class."""

    address: str
    code: str
    key: str
    title: str
    operator: str
    page: str = "/teach"
    n_devices: int = 0

    def words(self) -> list[str]:
        """Return what to print for the person who started the demo."""
        return [
            f"class {self.code}: {self.title}",
            f"teacher:  {self.address}/teach#key={self.key}&operator={self.operator}",
            f"learners: {self.address}/j/{self.code}",
            f"wall:     {self.address}/wall",
        ]


def open_class(address: str, lesson: str, operator: str) -> ClassHour:
    """Open a class on a lesson; raises Invalid with the gateway's reason."""
    client = ApiClient(address)
    client.timeout_s, client.headers = OPEN_S, {"X-Operator-Key": operator}
    try:
        opened: dict[str, Any] = client.send("POST", "/classes", {"lesson": lesson})
    except (NoGateway, RequestRefused) as error:
        raise Invalid(f"no class on lesson {lesson}: {error}") from None
    return ClassHour(address, opened["code"], opened["key"], opened["title"]["en"], operator)
