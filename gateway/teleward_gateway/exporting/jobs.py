"""Exports that people order on a page or by the API: ``teleward export`` as a child, one at a time.

A child of low priority shares neither the interpreter's lock nor the memory of the gateway, so that
the live view goes on as it was. Its zip waits `KEPT_S` to be fetched.
"""

import asyncio
import contextlib
import json
import re
import secrets
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from teleward_cloud.exports.formats import find_format, maker_of
from teleward_cloud.exports.times import compact, iso_ns
from teleward_gateway.exporting.people import read_people
from teleward_gateway.journal.audit import Audit
from teleward_gateway.process import child_processes
from teleward_signal.errors import Conflict, NotFound, TelewardError, TooMany
from teleward_signal.model import Provenance

KEPT_S = 3600.0
MOST_KEPT = 8
_PERCENT = re.compile(rb"\s*(\d{1,3}) %\s*")
_MOST_MESSAGE = 2000
_NAMED = "teleward export: "


class JobState(StrEnum):
    """How far an export has come."""

    RUNNING = "running"
    DONE = "done"
    DAMAGED = "damaged"
    """Done, but damaged rows of the journal are missing."""
    REFUSED = "refused"
    """Nothing was written; ``message`` names why."""


_STATES = {0: JobState.DONE, 3: JobState.DAMAGED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person orders; times in UTC ns, half-open."""

    subject: str
    format: str
    start_ns: int
    end_ns: int
    waves: bool
    research: bool
    author: str


@dataclass(slots=True)
class Job:
    """One export that was ordered."""

    id: str
    wanted: Wanted
    path: Path
    state: JobState = JobState.RUNNING
    share: float = 0.0
    message: str = ""
    n_bytes: int = 0
    ended_s: float | None = None
    child: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def file_name(self) -> str:
        """The name under which a browser keeps the file."""
        wanted = self.wanted
        if wanted.research:
            return f"research_{self.id[:6]}_{wanted.format}.zip"
        return f"{wanted.subject}_{compact(wanted.start_ns)[:15]}_{wanted.format}.zip"

    @property
    def is_ready(self) -> bool:
        """Whether there is a file to fetch."""
        return self.state in (JobState.DONE, JobState.DAMAGED)


class ExportJobs:
    """The exports of one gateway; a context of the event loop, `close` stops what runs."""

    def __init__(
        self,
        data_folder: Path,
        mode: Provenance,
        gateway: str,
        flush: Callable[[], Awaitable[object]],
        audit: Audit,
    ) -> None:
        self._folder = data_folder / mode.value / "exports"
        self._settings = (
            f"[gateway]\nname = {json.dumps(gateway)}\nmode = {json.dumps(mode.value)}\n"
            f"data_folder = {json.dumps(str(data_folder.resolve()))}\n"
        )
        self._flush, self._audit = flush, audit
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier run: nobody can ask for it

    async def close(self) -> None:
        """Stop the exports that run, and delete their files."""
        children = [job.child for job in self._jobs.values() if job.child is not None]
        await child_processes.stop(*children)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._folder, True)

    def all(self) -> list[Job]:
        """Return the exports, the newest first."""
        self._tidy()
        return list(reversed(self._jobs.values()))

    def find(self, name: str) -> Job:
        """Return one export; raises NotFound."""
        self._tidy()
        if name not in self._jobs:
            raise NotFound(f"no export {name!r}: its file is kept for an hour; order it again")
        return self._jobs[name]

    async def start(self, wanted: Wanted) -> Job:
        """Begin an export, which is audited.

        Raises NotFound for an unknown subject, TooMany while another runs, Unavailable without the
        library of the format.
        """
        self._tidy()
        await asyncio.to_thread(self._check, wanted)
        if any(job.state is JobState.RUNNING for job in self._jobs.values()):
            raise TooMany("another export is running: wait for it, or cancel it")
        self._audit.note(
            "export records", wanted.author, wanted.subject, format=wanted.format,
            start_ns=wanted.start_ns, end_ns=wanted.end_ns, waveforms=wanted.waves,
            research=wanted.research,
        )  # fmt: skip
        name = secrets.token_hex(8)
        job = Job(name, wanted, self._folder / f"{name}.zip")
        self._jobs[name] = job
        task = asyncio.create_task(self._run(job), name=f"export {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def remove(self, name: str) -> None:
        """Cancel an export that runs, or delete the file of one that is done."""
        job = self.find(name)
        if job.child is not None:
            await child_processes.stop(job.child)
        self._forget(job)

    def path_of(self, name: str) -> Path:
        """Return the file of an export; raises Conflict while there is none."""
        job = self.find(name)
        if not job.is_ready:
            raise Conflict(job.message or "the export is not ready yet: try again in a while")
        return job.path

    async def _run(self, job: Job) -> None:
        message = b""
        try:
            await self._flush()  # what is shown now is in it
            await asyncio.to_thread(self._prepare)
            job.child = await child_processes.start(self._command(job), errors=True)
            assert job.child.stderr is not None
            while line := await job.child.stderr.readline():
                found = _PERCENT.fullmatch(line)
                if found:
                    job.share = int(found[1]) / 100
                else:
                    message = (message + line)[-_MOST_MESSAGE:]
            code = await job.child.wait()
            job.state = _STATES.get(code, JobState.REFUSED)
        except (OSError, TelewardError) as error:  # a flush that a journal refuses, too
            job.state = JobState.REFUSED
            message = f"{_NAMED}the export did not start: {error}".encode()
        job.message = _own(message.decode("utf-8", "replace"))
        if job.is_ready:
            job.share, job.n_bytes = 1.0, job.path.stat().st_size
        elif not job.message:
            job.message = "the export was stopped before it was done: order it again"
        job.child = None
        job.ended_s = asyncio.get_running_loop().time()

    def _check(self, wanted: Wanted) -> None:
        maker_of(find_format(wanted.format))
        read_people(self._folder.parent / "registry.sqlite").subject(wanted.subject)

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "source.toml").write_text(self._settings, encoding="utf-8")

    def _command(self, job: Job) -> list[str]:
        wanted = job.wanted
        command = [
            sys.executable, "-m", "teleward_gateway", "export",
            "--config", str(self._folder / "source.toml"), "--subject", wanted.subject,
            "--format", wanted.format, "--from", iso_ns(wanted.start_ns),
            "--to", iso_ns(wanted.end_ns), "--out", str(job.path),
        ]  # fmt: skip
        options = {"--no-waves": not wanted.waves, "--research": wanted.research}
        return [*command, *(name for name, is_set in options.items() if is_set)]

    def _tidy(self) -> None:
        now_s = asyncio.get_running_loop().time()
        ended = [job for job in self._jobs.values() if job.ended_s is not None]
        for job in ended:
            if now_s - (job.ended_s or 0.0) > KEPT_S:
                self._forget(job)
        for job in ended[:-MOST_KEPT]:
            self._forget(job)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        with contextlib.suppress(OSError):
            job.path.unlink(missing_ok=True)


def _own(errors: str) -> str:
    """Return what the command printed of itself, without what libraries log beside it."""
    lines = errors.strip().splitlines()
    own = [line.removeprefix(_NAMED) for line in lines if line.startswith(_NAMED)]
    return "\n".join(own)
