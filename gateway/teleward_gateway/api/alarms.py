"""Active alarms, acknowledgement, audio pause and limits."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

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
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Invalid, NotFound

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
    """Acknowledge one alarm condition; with ``since_ns`` that occurrence alone (409: another)."""
    found = await view.acknowledge(
        request.subject, request.condition, request.author, request.since_ns
    )
    return Alarm.of(found)


@router.post("/subjects/{subject}/audio-pause")
async def pause_audio(view: View, subject: str, request: AudioPause) -> AudioPaused:
    """Pause the alarm sound of a subject; alarms stay visible."""
    until_ns = await view.pause_audio(subject, request.duration_s, request.author)
    return _paused(until_ns)


@router.post("/audio-pause")
async def pause_ward(view: View, request: AudioPause) -> dict[str, AudioPaused]:
    """Pause the alarm sound of every subject; return until when, by subject.

    A new alarm of high priority ends the pause of its subject as ever. One who left meanwhile is
    left out.
    """
    subjects = view.live.shown()
    answers = await asyncio.gather(
        *(view.pause_audio(each, request.duration_s, request.author) for each in subjects),
        return_exceptions=True,
    )
    paused = {}
    for subject, answer in zip(subjects, answers, strict=True):
        if isinstance(answer, BaseException) and not isinstance(answer, NotFound):
            raise answer
        if not isinstance(answer, BaseException):
            paused[subject] = _paused(answer)
    return paused


def _paused(until_ns: int | None) -> AudioPaused:
    until = None if until_ns is None else iso_time(until_ns)
    return AudioPaused(until=until, until_ns=until_ns)


@router.get("/subjects/{subject}/limits")
async def limits(view: View, subject: str, response: Response) -> dict[str, MetricLimitsBody]:
    """Return the alarm limits of a subject; the header ``ETag`` names their version."""
    return _answer(view, subject, response)


@router.put("/subjects/{subject}/limits")
async def set_limits(
    view: View,
    subject: str,
    change: LimitsChange,
    response: Response,
    if_match: Annotated[str | None, Header(description="the version that was seen")] = None,
) -> dict[str, MetricLimitsBody]:
    """Change alarm limits of a subject; what is not named stays as it is.

    With ``If-Match`` a limit that somebody else has changed since that version is a conflict (409).
    """
    metrics = {}
    for name, body in change.limits.items():
        metrics[name] = body.model_dump(exclude_unset=True)
        check_plausible(name, metrics[name])
    await view.change_limits(subject, {"metrics": metrics}, change.author, _seen(if_match))
    return _answer(view, subject, response)


def _answer(view: GatewayView, subject: str, response: Response) -> dict[str, MetricLimitsBody]:
    found = answer(view.limits(subject))
    response.headers["ETag"] = f'"{view.version(subject)}"'
    return found


def _seen(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdigit():
        raise Invalid(f"If-Match {if_match!r}: give the ETag of the limits that were read")
    return int(text)


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
