"""Active alarms, acknowledgement, audio pause and limits."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends

from teleward_gateway.api.observations import known_metric
from teleward_gateway.api.schemas import (
    Acknowledge,
    Alarm,
    AudioPause,
    AudioPaused,
    LimitsChange,
    MetricLimitsBody,
    iso_time,
)
from teleward_gateway.api.view import GatewayView, view_of
from teleward_signal.alarms.limits import AlarmLimits, MetricLimits
from teleward_signal.errors import Invalid

router = APIRouter(tags=["alarms"])
View = Annotated[GatewayView, Depends(view_of)]

PRIORITY_ORDER = {"high": 0, "medium": 1, "low": 2, "info": 3}


@router.get("/alarms")
async def active(view: View, subject: str | None = None) -> list[Alarm]:
    """Return the alarms that are on, latched or acknowledged: by priority, then newest first."""
    alarms = [Alarm.of(event) for event in view.alarms(subject)]
    return sorted(alarms, key=lambda alarm: (PRIORITY_ORDER[alarm.priority], -alarm.time_ns))


@router.post("/alarms/acknowledge")
async def acknowledge(view: View, request: Acknowledge) -> Alarm:
    """Acknowledge one alarm condition."""
    return Alarm.of(await view.acknowledge(request.subject, request.condition, request.author))


@router.post("/subjects/{subject}/audio-pause")
async def pause_audio(view: View, subject: str, request: AudioPause) -> AudioPaused:
    """Pause the alarm sound of a subject; alarms stay visible."""
    until_ns = await view.pause_audio(subject, request.duration_s, request.author)
    until = None if until_ns is None else iso_time(until_ns)
    return AudioPaused(until=until, until_ns=until_ns)


@router.get("/subjects/{subject}/limits")
async def limits(view: View, subject: str) -> dict[str, MetricLimitsBody]:
    """Return the alarm limits of a subject."""
    return answer(view.limits(subject))


@router.put("/subjects/{subject}/limits")
async def set_limits(view: View, subject: str, change: LimitsChange) -> dict[str, MetricLimitsBody]:
    """Change alarm limits of a subject; what is not named stays as it is."""
    wanted = view.limits(subject)
    for name, body in change.limits.items():
        given = body.model_dump(exclude_unset=True)
        changed = replace(wanted.metrics.get(name, MetricLimits()), **given)
        check_plausible(name, given)
        wanted = wanted.with_metric(name, changed)
    await view.set_limits(subject, wanted, change.author)
    return answer(view.limits(subject))


def answer(found: AlarmLimits) -> dict[str, MetricLimitsBody]:
    """Return limits as JSON values."""
    return {name: MetricLimitsBody.of(each) for name, each in found.metrics.items()}


def check_plausible(name: str, given: dict[str, float | None]) -> None:
    """Refuse a limit that no living person can reach: it would never alarm, or always."""
    metric = known_metric(name)
    for key, value in given.items():
        if value is not None and not metric.low <= value <= metric.high:
            raise Invalid(
                f"limits of {name}: {key} {value:g} is outside {metric.low:g} to {metric.high:g}"
            )
