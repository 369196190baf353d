"""The points of a child by Bedside PEWS, in place of NEWS2: a training view, not validated here."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from teleward_gateway.api.view import GatewayView, view_of
from teleward_signal.errors import NotFound
from teleward_signal.pews import SOURCE, TITLE

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]


class PewsAnswer(BaseModel):
    """What is known of a child now; there is no total, since two items are never measured.

    ``age_band`` is null for somebody who has no such view: 16 and over, or of no known age.
    """

    title: str = TITLE
    source: str = SOURCE
    age_band: str | None = None
    at_least: int | None = Field(None, description="sum of the points that are known")
    points: dict[str, int] = Field({}, description="0, 1, 2 or 4 by parameter that is known")
    values: dict[str, float] = Field({}, description="what was scored, as displayed")
    missing: list[str] = Field([], description="never measured, or withheld")
    stale: list[str] = Field([], description="older than it stands")
    unseen: list[str] = Field([], description="items that nothing here measures")


@router.get("/subjects/{subject}/pews")
async def pews(view: View, subject: str) -> PewsAnswer:
    """Return the points of a subject under 16 by Bedside PEWS: a training view."""
    if not view.has_subject(subject):
        raise NotFound(f"no subject {subject!r}")
    return PewsAnswer(**(view.live.pews(subject) or {}))
