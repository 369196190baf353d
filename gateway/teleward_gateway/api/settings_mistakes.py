"""What of the settings file is not carried out: rows left out, rows that the registry refuses."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

router = APIRouter(tags=["gateway"])


class MistakeAnswer(BaseModel):
    """One mistake of the settings file."""

    line: int = Field(description="line of the file, from 1")
    key: str
    problem: str = Field(description="what is wrong, and what to do")


@router.get("/settings/mistakes")
async def mistakes(request: Request) -> list[MistakeAnswer]:
    """Return what of the settings file is not carried out, with line and key; empty: all is."""
    reconciler = getattr(request.app.state, "reconciler", None)
    found = () if reconciler is None else reconciler.mistakes
    return [MistakeAnswer(line=m.line, key=m.key, problem=m.problem) for m in found]
