"""Room: one running case, its patient, its log and what was asked for.

    orders --> room --log--> simulated devices (any process) --> gateway

The room's patient is the authority; the devices live the same patient from the log, whatever is
done to it: staged changes, drugs and shocks, faults, going back. Time is given by the caller
(monotonic seconds), so nothing here reads a clock. A room is one patient: callers hold ``lock``
while they use it and carry it out in a thread.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from teleward_gateway.classroom.rooms.orders import AskOrder, ClockOrder, OrderModel
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Conflict, Invalid, NotFound, TooMany
from teleward_simulators.cases.answers.strip import Strip
from teleward_simulators.cases.kit import devices_of
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.room_log import RoomLog
from teleward_simulators.cases.runner import CaseDirector
from teleward_simulators.fleet import DeviceSpec
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.patient import TICKS_PER_S, Order, PhysiologyPatient
from teleward_simulators.sensors.sensed import SensedPatient

LEAD_TICKS = 3
"""Orders take effect 0.3 s ahead, so that devices in other processes have read them by then."""
MOST_ORDERS, MOST_ASKED = 5000, 200
"""A case sees some hundred orders; these bound what one learner can make the gateway keep."""
MEASURED = {"blood_pressure": "nibp", "remeasure": "nibp", "glucose_check": "glu"}
"""Actions that press the button of a device."""


class RoomState(StrEnum):
    """Life of a room: its devices are being switched on, it runs, it is closed."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(slots=True)
class Room:
    """One running case."""

    code: str
    """What people type; never the identity of its patient on the ward."""
    key: str
    """The instructor's key."""
    subject: str
    """The ward's identity of the patient."""
    case: Case
    seed: int
    exam: bool
    opened_s: float
    """Second zero of its devices, `time.monotonic`."""
    patient: PhysiologyPatient
    director: CaseDirector
    sensors: SensedPatient
    log: RoomLog
    state: RoomState = RoomState.OPENING
    strips: dict[tuple[int, float], Strip] = field(default_factory=dict)
    """12-lead recordings by number of the result and device time of the sample."""
    behind_s: float = 0.0
    """How far rewinding has set the patient's time behind that of the devices."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def time_s(self, now_s: float) -> float:
        """Return the patient's time."""
        return max(0.0, now_s - self.opened_s - self.behind_s)

    @property
    def speed(self) -> float:
        """The speed that was ordered last; the patient takes it a moment later."""
        speeds = (o.data["speed"] for o in reversed(self.patient.orders) if o.kind == "clock")
        return float(next(speeds, self.case.speed))

    def live(self, now_s: float) -> None:
        """Bring the patient to now."""
        self.patient.live(self.time_s(now_s))

    def devices(self) -> list[DeviceSpec]:
        """Return the simulated devices that follow this room."""
        path = str(self.log.path.resolve())
        return devices_of(self.case, self.subject, path, self.seed, self.opened_s)

    def add(self, order: Order, by: str) -> None:
        """Give one order to the patient and write it to the log."""
        self.patient.order(order)
        self.log.add(order, by)

    def next_tick(self, now_s: float) -> int:
        """Return the tick at which an order of now takes effect."""
        now = math.ceil(self.time_s(now_s) * TICKS_PER_S)
        return max(self.patient.pace.tick, now) + LEAD_TICKS

    def plan(self, orders: Sequence[OrderModel], now_s: float) -> list[Order]:
        """Return staged orders with their common tick; nothing is carried out yet.

        All are checked; Invalid names a bad one. A clock order without a speed is the case's own.
        """
        if self.state is not RoomState.OPEN:
            raise refusal(Conflict, "room_state", state=str(self.state))
        for order in orders:
            order.check()
        if len(self.patient.orders) + len(orders) > MOST_ORDERS:
            raise refusal(TooMany, "many_orders", n=MOST_ORDERS)
        self.live(now_s)
        tick = self.next_tick(now_s)
        planned = []
        for order in orders:
            data = order.data()
            if isinstance(order, ClockOrder) and order.speed is None:
                data["speed"] = self.case.speed
            planned.append(Order(tick, str(order.model_dump()["kind"]), data))
        return planned

    def send(
        self, orders: Sequence[OrderModel], now_s: float, by: str = "instructor"
    ) -> tuple[int, list[str]]:
        """Carry out staged orders together; return their tick and the sensors to press."""
        planned = self.plan(orders, now_s)
        for order in planned:
            self.add(order, by)
        return planned[0].tick, pressed_by(planned)

    def rewind(self, tick: int, now_s: float) -> None:
        """Go back to ``tick`` and hold the case there; what came after is forgotten."""
        self.live(now_s)
        if not 0 < tick <= self.patient.pace.tick:
            raise Invalid(f"there is no second {tick / TICKS_PER_S:g} of this room to go back to")
        self.behind_s = now_s - self.opened_s - tick / TICKS_PER_S
        self.log.rewind(tick, self.behind_s)
        self.patient.rewind(tick)
        self.strips = {key: s for key, s in self.strips.items() if key[1] <= tick / TICKS_PER_S}
        self.add(Order(tick, "clock", {"speed": 0}), "room")

    def ask(self, name: str, now_s: float, by: str = "learner") -> float:
        """Have the worker find something out; return the seconds of case time it takes.

        0 when it is not understood: that the worker answers at once.
        """
        self.live(now_s)
        if sum(order.kind == "ask" for order in self.patient.orders) >= MOST_ASKED:
            raise refusal(TooMany, "many_asked", n=MOST_ASKED)
        task = self.director.plan(name, by)
        self.send([AskOrder(name=name)], now_s, by)
        return 0.0 if task is None else (task.due_step - task.asked_step) / STEPS_PER_S

    def bookmark_tick(self, text: str) -> int:
        """Return the tick at which the newest bookmark ``text`` was set; NotFound if none."""
        ticks = [
            order.tick
            for order in self.patient.orders
            if order.kind == "bookmark" and order.data.get("text") == text
        ]
        if not ticks:
            raise NotFound(f"this room has no bookmark {text!r}")
        return ticks[-1]


def pressed_by(orders: Sequence[Order]) -> list[str]:
    """Return the sensors whose button is pressed by ``orders``."""
    names = [str(order.data.get("name")) for order in orders if order.kind == "act"]
    return [MEASURED[name] for name in names if name in MEASURED]
