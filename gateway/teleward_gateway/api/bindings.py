"""Who is bound to whom, who was at any past second, and changing it."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from teleward_gateway.api.devices import BindingAnswer, CommissioningDep
from teleward_gateway.api.schemas import Author, Moment, Strict, iso_time
from teleward_gateway.registry import RegistryError
from teleward_gateway.registry.beds import bed_id
from teleward_signal.errors import Invalid

router = APIRouter(tags=["bindings"])


class Bind(Strict):
    """Whom a device shall feed; ``move`` ends the binding it has, knowingly."""

    subject: str | None = None
    bed: str | None = Field(None, max_length=80)
    move: bool = False
    author: Author

    @model_validator(mode="after")
    def _one_target(self) -> "Bind":
        if (self.subject is None) == (self.bed is None):
            raise Invalid("give a subject or a bed")
        return self


class Swap(Strict):
    """The device that takes over."""

    new: str
    author: Author


class Whose(BaseModel):
    """Whose reading a value of ``device`` at ``time_ns`` is; subject null: nobody's."""

    device: str
    time: str
    time_ns: int
    subject: str | None
    provenance: str | None


@router.get("/bindings")
async def bindings(
    desk: CommissioningDep, device: str | None = None, subject: str | None = None
) -> list[BindingAnswer]:
    """Return the history of bindings, oldest first; of a subject, through its beds too."""
    return [BindingAnswer.of(binding) for binding in desk.registry.bindings(device, subject)]


@router.get("/bindings/whose")
async def whose(desk: CommissioningDep, device: str, time_ns: Moment) -> Whose:
    """Answer "whose reading was this" for any second."""
    return Whose(
        device=device,
        time=iso_time(time_ns),
        time_ns=time_ns,
        subject=desk.registry.subject_of(device, time_ns),
        provenance=desk.registry.provenance_of(device, time_ns),
    )


@router.put("/devices/{device}/binding")
async def bind(desk: CommissioningDep, device: str, request: Bind) -> BindingAnswer:
    """Bind a device to a subject, or to a bed and its occupant."""
    change = desk.registry.move_device if request.move else desk.registry.bind
    bed = bed_id(request.bed) if request.bed else None
    made = await asyncio.to_thread(change, device, request.subject, bed, request.author)
    return BindingAnswer.of(made)


@router.delete("/devices/{device}/binding", status_code=204)
async def unbind(desk: CommissioningDep, device: str, author: Author) -> None:
    """End the binding of a device: it feeds nobody."""
    await asyncio.to_thread(desk.registry.unbind, device, author)


@router.post("/devices/{device}/swap")
async def swap(desk: CommissioningDep, device: str, request: Swap) -> BindingAnswer:
    """Replace a device: another one takes over its subject or bed in the same instant."""
    if request.new == device:
        raise RegistryError("a device cannot be swapped for itself")
    made = await asyncio.to_thread(desk.registry.swap, device, request.new, request.author)
    return BindingAnswer.of(made)
