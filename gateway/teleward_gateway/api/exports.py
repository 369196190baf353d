"""Exports: records of a subject as files that other tools read, made beside the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from teleward_cloud.exports.formats import FORMATS, find_format
from teleward_gateway.api.schemas import Author, Moment, Strict, iso_time
from teleward_gateway.exporting.jobs import ExportJobs, Job, JobState, Wanted
from teleward_signal.errors import Invalid, Unavailable

router = APIRouter(tags=["exports"])


def jobs_of(connection: HTTPConnection) -> ExportJobs:
    """Return the exports of the gateway (a FastAPI dependency)."""
    found: ExportJobs | None = getattr(connection.app.state, "exports", None)
    if found is None:
        raise Unavailable("exports have not started; try again in a few seconds")
    return found


Jobs = Annotated[ExportJobs, Depends(jobs_of)]


class ExportOrder(Strict):
    """What is to be exported, and who orders it; times are UTC, the end is not included."""

    author: Author
    format: str = Field(description="one of `GET /export-formats`")
    start_ns: Moment
    end_ns: Moment
    waveforms: bool = Field(True, description="false: values, alarms and marks alone")
    research: bool = Field(False, description="without what could name the person")


class FormatAnswer(BaseModel):
    """A format of exports."""

    name: str
    summary: str


class ExportAnswer(BaseModel):
    """An export that was ordered; its file is kept for an hour."""

    id: str
    subject: str
    format: str
    start: str
    end: str
    state: JobState
    share: float = Field(description="0 to 1")
    message: str = Field(description="why it was refused, or what is missing")
    bytes: int
    file_name: str

    @classmethod
    def of(cls, job: Job) -> "ExportAnswer":
        """Return ``job`` as JSON values."""
        wanted = job.wanted
        return cls(
            id=job.id,
            subject=wanted.subject,
            format=wanted.format,
            start=iso_time(wanted.start_ns),
            end=iso_time(wanted.end_ns),
            state=job.state,
            share=job.share,
            message=job.message,
            bytes=job.n_bytes,
            file_name=job.file_name,
        )


@router.get("/export-formats")
async def formats() -> list[FormatAnswer]:
    """Return the formats that there are."""
    return [FormatAnswer(name=each.name, summary=each.summary) for each in FORMATS.values()]


@router.get("/exports")
async def exports(jobs: Jobs) -> list[ExportAnswer]:
    """Return the exports of the last hour, the newest first."""
    return [ExportAnswer.of(job) for job in jobs.all()]


@router.post("/subjects/{subject}/exports", status_code=202)
async def order(jobs: Jobs, subject: str, request: ExportOrder) -> ExportAnswer:
    """Begin an export; it is audited who ordered it. One runs at a time."""
    find_format(request.format)
    if request.start_ns >= request.end_ns:
        raise Invalid("start_ns must be before end_ns")
    wanted = Wanted(
        subject, request.format, request.start_ns, request.end_ns, request.waveforms,
        request.research, request.author,
    )  # fmt: skip
    job = await jobs.start(wanted)
    return ExportAnswer.of(job)


@router.get("/exports/{export}")
async def one(jobs: Jobs, export: str) -> ExportAnswer:
    """Return how far an export has come."""
    return ExportAnswer.of(jobs.find(export))


@router.get("/exports/{export}/file", response_class=FileResponse)
async def fetch(jobs: Jobs, export: str) -> FileResponse:
    """Return the file of an export that is done, a zip."""
    path = jobs.path_of(export)
    name = jobs.find(export).file_name
    return FileResponse(path, media_type="application/zip", filename=name)


@router.delete("/exports/{export}", status_code=204)
async def remove(jobs: Jobs, export: str) -> None:
    """Cancel an export, or delete its file."""
    await jobs.remove(export)
