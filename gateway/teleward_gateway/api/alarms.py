"""Active alarms, acknowledgement, audio pause and limits."""

from typing import Annotated

from fastapi import APIRouter, Depends

from teleward_gateway.api.observations import known_metric
from teleward_gateway.api.schemas import (
    Acknowledge,
    Alarm,
    AudioPause,
    AudioPaused,
    LimitPair,
    LimitsChange,
    iso_time,
)
from teleward_gateway.view import GatewayView, Limit, view_of

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
async def limits(view: View, subject: str) -> dict[str, LimitPair]:
    """Return the alarm limits of a subject."""
    return {name: LimitPair.of(limit) for name, limit in view.limits(subject).items()}


@router.put("/subjects/{subject}/limits")
async def set_limits(view: View, subject: str, change: LimitsChange) -> dict[str, LimitPair]:
    """Change alarm limits of a subject; metrics left out stay as they are."""
    wanted = {name: checked_limit(name, pair) for name, pair in change.limits.items()}
    changed = await view.set_limits(subject, wanted, change.author)
    return {name: LimitPair.of(limit) for name, limit in changed.items()}


def checked_limit(name: str, pair: LimitPair) -> Limit:
    """Return the limits when they make sense for the metric, else raise ValueError."""
    metric = known_metric(name)
    for value in (pair.low, pair.high):
        if value is not None and not metric.low <= value <= metric.high:
            raise ValueError(
                f"limit {value:g} of {name} is outside {metric.low:g} to {metric.high:g}"
            )
    if pair.low is not None and pair.high is not None and pair.low >= pair.high:
        raise ValueError(f"low limit {pair.low:g} of {name} must be below {pair.high:g}")
    return Limit(pair.low, pair.high)
