"""Subjects: who is admitted, admission, change of bed, discharge."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field

from teleward_gateway.api.devices import CommissioningDep
from teleward_gateway.api.schemas import Author, Strict, iso_time
from teleward_gateway.registry import Stay, Subject
from teleward_gateway.registry.beds import bed_id
from teleward_gateway.registry.ids import made_id
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.settings.model import SEXES, check_limits
from teleward_gateway.ward.prescription import age_profile_of
from teleward_signal.errors import Invalid
from teleward_signal.news2 import NO_NEWS2

router = APIRouter(tags=["subjects"])

ATTRIBUTES_LIMIT = 16_384
"""Characters; alarm limits of every metric take 3,000."""


def checked_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes that scores, limits and pages can use, else raise ValueError."""
    if len(json.dumps(attributes)) > ATTRIBUTES_LIMIT:
        raise Invalid(f"at most {ATTRIBUTES_LIMIT} characters")
    if attributes.get("spo2_scale", 1) not in (1, 2):
        raise Invalid("spo2_scale is 1 or 2")
    if attributes.get("sex", "") not in SEXES:
        raise Invalid(f"sex is one of {', '.join(filter(None, SEXES))}, or left out")
    labels = attributes.get("channel_labels", {})
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
        raise Invalid("channel_labels are texts by metric")
    check_limits(attributes.get("limits", {}), attributes.get("age"))
    return attributes


Attributes = Annotated[dict[str, Any], AfterValidator(checked_attributes)]


class SubjectAnswer(BaseModel):
    """A subject; ``devices`` feed it now, worn or through its bed."""

    id: str
    label: str
    bed: str | None
    provenance: str
    attributes: dict[str, Any]
    age_group: str = Field(description="neonate, infant, child or adult, by the attribute age")
    news2: str | None = Field(description="why no NEWS2 is made")
    admitted: str
    admitted_ns: int
    discharged: str | None
    discharged_ns: int | None
    devices: list[str]


class StayAnswer(BaseModel):
    """When a subject lay in which bed."""

    subject: str
    bed: str
    from_: str = Field(serialization_alias="from")
    from_ns: int
    until: str | None
    until_ns: int | None

    @classmethod
    def of(cls, stay: Stay) -> "StayAnswer":
        """Return ``stay`` as JSON values."""
        until = stay.until_ns
        return cls(
            subject=stay.subject,
            bed=stay.bed,
            from_=iso_time(stay.from_ns),
            from_ns=stay.from_ns,
            until=None if until is None else iso_time(until),
            until_ns=until,
        )


class Admission(Strict):
    """Whom to admit; no full name is needed, a label the ward understands is enough."""

    id: str = Field("", description="unique; made of the label where it is empty")
    label: str = Field("", max_length=80)
    bed: str | None = Field(None, max_length=80, description="its id, or any text for people")
    attributes: Attributes = Field(default_factory=dict)
    author: Author


class SubjectChange(Strict):
    """What to change; fields left out stay."""

    label: str | None = Field(None, max_length=80)
    attributes: Attributes | None = None
    author: Author


class Move(Strict):
    """The new bed; null for none. With ``swap`` who lies there takes the former bed."""

    bed: str | None = Field(max_length=80)
    swap: bool = False
    author: Author


class Leave(Strict):
    """Who discharges."""

    author: Author


@router.get("/subjects")
async def subjects(desk: CommissioningDep, discharged: bool = False) -> list[SubjectAnswer]:
    """Return the admitted subjects, with those who left when ``discharged``."""
    return [answer(desk, subject) for subject in desk.registry.subjects(discharged)]


@router.get("/subjects/{subject}")
async def one(desk: CommissioningDep, subject: str) -> SubjectAnswer:
    """Return one subject."""
    return answer(desk, desk.registry.subject(subject))


@router.post("/subjects", status_code=201)
async def admit(desk: CommissioningDep, request: Admission) -> SubjectAnswer:
    """Admit a subject, into a bed if one is given."""
    registry = desk.registry
    bed = bed_id(request.bed) if request.bed else None
    name = request.id or made_id(request.label, "patient", registry.was_subject)
    wanted = Subject(name, request.label, registry.mode, bed, request.attributes)
    return answer(desk, await asyncio.to_thread(registry.admit, wanted, request.author))


@router.patch("/subjects/{subject}")
async def change(desk: CommissioningDep, subject: str, request: SubjectChange) -> SubjectAnswer:
    """Change the label or the attributes of a subject."""
    changed = await asyncio.to_thread(
        desk.registry.update_subject, subject, request.label, request.attributes, request.author
    )
    return answer(desk, changed)


@router.post("/subjects/{subject}/move")
async def move(desk: CommissioningDep, subject: str, request: Move) -> SubjectAnswer:
    """Lay a subject into another bed; what it wears comes along, wall monitors stay."""
    bed = bed_id(request.bed) if request.bed else None
    if request.swap and bed is not None:
        await asyncio.to_thread(desk.registry.swap_beds, subject, bed, request.author)
    else:
        await asyncio.to_thread(desk.registry.move_subject, subject, bed, request.author)
    return answer(desk, desk.registry.subject(subject))


@router.post("/subjects/{subject}/discharge")
async def discharge(desk: CommissioningDep, subject: str, request: Leave) -> SubjectAnswer:
    """Discharge a subject: its bed is free, its worn devices feed nobody."""
    await asyncio.to_thread(desk.registry.discharge, subject, request.author)
    return answer(desk, desk.registry.subject(subject))


@router.get("/stays")
async def stays(
    desk: CommissioningDep, subject: str | None = None, bed: str | None = None
) -> list[StayAnswer]:
    """Return who lay in which bed, oldest first."""
    return [StayAnswer.of(stay) for stay in desk.registry.stays(subject, bed)]


def answer(desk: Commissioning, subject: Subject) -> SubjectAnswer:
    """Return ``subject`` with the devices that feed it now."""
    registry, left = desk.registry, subject.discharged_ns
    profile = age_profile_of(subject)
    feeding = [d.id for d in registry.devices() if registry.subject_now(d.id) == subject.id]
    return SubjectAnswer(
        id=subject.id,
        label=subject.label,
        bed=subject.bed,
        provenance=subject.provenance,
        attributes=subject.attributes,
        age_group=profile.group.value,
        news2=None if profile.has_news2 else NO_NEWS2,
        admitted=iso_time(subject.admitted_ns),
        admitted_ns=subject.admitted_ns,
        discharged=None if left is None else iso_time(left),
        discharged_ns=left,
        devices=feeding,
    )
