"""Orders to a room's patient: one typed model for each kind, checked before any is carried out."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from teleward_simulators.physiology.actions import action_named
from teleward_simulators.physiology.knobs import checked
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.rhythms.table import rhythm_named
from teleward_simulators.sensors.faults import make_fault

MOST_SPEED = 60
"""Times life: a case of six hours in six minutes."""
DAY_S = 86400.0


class OrderModel(BaseModel):
    """Base of all orders: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def data(self) -> dict[str, Any]:
        """Return what the patient's log keeps besides the kind."""
        return self.model_dump(exclude_none=True, by_alias=True, exclude={"kind"})

    def check(self) -> None:
        """Raise Invalid when the order cannot be carried out on any patient."""


class ActOrder(OrderModel):
    """A drug, shock, manoeuvre or disposition, with its dose and unit."""

    kind: Literal["act"] = "act"
    name: str = Field(max_length=60)
    dose: str | None = Field(None, max_length=60)
    confirmed: Literal[True] | None = None
    """An unusual dose was asked back, and it is meant."""

    def check(self) -> None:
        """Raise Invalid for an unknown action or a dose that it cannot have."""
        action = action_named(self.name)
        if self.dose:
            parse_dose(self.dose, action.unit or "")


class KnobOrder(OrderModel):
    """A parameter of the illness, set at once or ramped over ``over`` seconds."""

    kind: Literal["knob"] = "knob"
    name: str = Field(max_length=60)
    to: float = Field(allow_inf_nan=False)
    over: float = Field(0.0, ge=0.0, le=DAY_S)

    def check(self) -> None:
        """Raise Invalid for an unknown parameter or a value beyond its limits."""
        checked(self.name, self.to)


class RhythmOrder(OrderModel):
    """A heart rhythm."""

    kind: Literal["rhythm"] = "rhythm"
    name: str = Field(max_length=60)

    def check(self) -> None:
        """Raise Invalid for an unknown rhythm."""
        rhythm_named(self.name)


class FaultOrder(OrderModel):
    """A fault of a sensor for ``for`` seconds."""

    kind: Literal["fault"] = "fault"
    fault: str = Field(max_length=60)
    sensor: str = Field(max_length=60)
    for_: float = Field(60.0, alias="for", gt=0, le=DAY_S)
    value: float | None = Field(None, allow_inf_nan=False)

    def check(self) -> None:
        """Raise Invalid for an unknown fault or sensor, or a value beyond its limits."""
        make_fault(self.fault, self.sensor, 0.0, self.for_, self.value)


class ClockOrder(OrderModel):
    """The speed of the case, times life; 0 holds it, none is the case's own."""

    kind: Literal["clock"] = "clock"
    speed: float | None = Field(None, ge=0, le=MOST_SPEED)


class MessageOrder(OrderModel):
    """A message from the bedside."""

    kind: Literal["say"] = "say"
    text: str = Field(max_length=2000)
    who: str = Field("worker", max_length=40)


class AskOrder(OrderModel):
    """Something that the worker is asked to find out."""

    kind: Literal["ask"] = "ask"
    name: str = Field(max_length=200)


class FindingOrder(OrderModel):
    """A finding that replaces the one of the case."""

    kind: Literal["finding"] = "finding"
    name: str = Field(max_length=60)
    text: str = Field(max_length=2000)


class BookmarkOrder(OrderModel):
    """A bookmark to rewind to."""

    kind: Literal["bookmark"] = "bookmark"
    text: str = Field(max_length=200)


class EndOrder(OrderModel):
    """The end of the encounter."""

    kind: Literal["end"] = "end"
    result: str = Field("ended", max_length=40)


RoomOrder = Annotated[
    ActOrder
    | KnobOrder
    | RhythmOrder
    | FaultOrder
    | ClockOrder
    | MessageOrder
    | AskOrder
    | FindingOrder
    | BookmarkOrder
    | EndOrder,
    Field(discriminator="kind"),
]
"""Any order; the field ``kind`` decides which."""


def order_kinds() -> list[dict[str, Any]]:
    """Return the JSON Schema of a logged order's ``kind`` and ``data``, one for each kind."""
    models: tuple[type[OrderModel], ...] = get_args(get_args(RoomOrder)[0])
    return [_kind_schema(model) for model in models]


def _kind_schema(model: type[OrderModel]) -> dict[str, Any]:
    data = model.model_json_schema()
    kind = data["properties"].pop("kind")["const"]
    return {"title": kind, "properties": {"kind": {"const": kind}, "data": data}}
