"""The guard of a trial: switches, watches, and accepts or goes back; killed, it goes on.

Its program is the version before the trial, in a service of its own: what the new version does
never stops it. A boot or the service manager starts it again where a kill or a power cut ended it.
"""

import fcntl
import hashlib
import os
import shutil
import time
from pathlib import Path

from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings
from teleward_gateway.updating import steps
from teleward_gateway.updating.gate import RECENT_SHARE, Gate, Look
from teleward_gateway.updating.lookout import Lookout
from teleward_gateway.updating.places import GUARD, PREVIOUS, Places
from teleward_gateway.updating.service import Service
from teleward_gateway.updating.steps import Step
from teleward_gateway.updating.trial import (
    GUARD_LOCK,
    MOST_RESUMED,
    Stage,
    Trial,
    boot_id,
    end_trial,
    read_trial,
    write_trial,
)
from teleward_signal.errors import TelewardError, Unavailable

LOOK_S = 1.0
START_S = 60.0
"""How long the version before is waited for once it was started again."""


class TakenOver(TelewardError):
    """The trial is gone: a package was installed meanwhile."""


class Guard:
    """Carries the trial of an install to its end."""

    def __init__(self, places: Places) -> None:
        self._places, self._service = places, Service(places.systemctl)

    def run(self) -> str:
        """Return how the trial ended: accepted, back, or that there is none."""
        with (self._places.versions / GUARD_LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return "another guard works"
            return self._run()

    def _run(self) -> str:
        trial = read_trial(self._places)
        if trial is None:
            self._places.set_link(GUARD, None)
            return "no update is on trial"
        if trial.stage is Stage.READY and trial.boot != boot_id():
            # what was seen before it is of another boot; nothing was switched
            end_trial(self._places, trial, "refused", "the machine was restarted before the switch")
            self._places.set_link(GUARD, None)
            return "ended before the switch"
        try:
            trial = self._resume(trial)
            if trial.stage is not Stage.RETURNING:
                trial = self._try(trial)
            if trial.stage is Stage.RETURNING:
                self._go_back(trial)
                return f"back: {trial.reason}"
            self._accept(trial)
            return "accepted"
        except TakenOver:
            self._places.set_link(GUARD, None)
            return "ended: a package was installed meanwhile"

    def _resume(self, trial: Trial) -> Trial:
        """Return the trial to go on with, after a kill or a power cut too."""
        if trial.resumed >= MOST_RESUMED and trial.stage is not Stage.RETURNING:
            reason = "the guard was ended several times"
            return self._write(trial, stage=Stage.RETURNING, reason=reason)
        return self._write(trial, resumed=trial.resumed + 1)

    def _write(self, trial: Trial, **changes: object) -> Trial:
        if read_trial(self._places) is None:
            raise TakenOver
        return write_trial(self._places, trial, **changes)

    def _try(self, trial: Trial) -> Trial:
        """Return the trial after the gate: watched to its end, or to be taken back."""
        boot = boot_id()
        if trial.stage is Stage.READY:
            if trial.snapshot:
                steps.begin(Step.SNAPSHOT)
                self._service.stop()
                self._snapshot(trial)
            trial = self._write(trial, stage=Stage.TRYING, boot=boot, began_s=_now_s())
        if trial.stage is Stage.TRYING:
            steps.begin(Step.SWITCH, f"{trial.from_version} to {trial.version}")
            self._places.set_link(PREVIOUS, Path(trial.from_folder))
            self._places.start_with(Path(trial.to))
            steps.begin(Step.RESTART)
            old_pid = self._service.state().pid
            self._service.restart()
            trial = self._write(
                trial, stage=Stage.WATCHING, boot=boot, began_s=_now_s(), old_pid=old_pid
            )
        elif trial.boot != boot:  # a power cut: the boot has started the new version
            trial = self._write(trial, boot=boot, began_s=_now_s(), old_pid=0)
        steps.begin(Step.WATCH, f"{trial.gate_s:.0f} s")
        reason = self._watch(trial)
        if reason:
            return self._write(trial, stage=Stage.RETURNING, reason=reason)
        return trial

    def _watch(self, trial: Trial) -> str:
        """Return why to go back, empty when the new version is accepted."""
        settings = self._settings()
        if settings is None:
            return "the settings cannot be read any more"
        lookout = Lookout(settings, self._service, trial.reach, self._places.machine)
        # a guard that was started again has seen nothing yet: it looks for a while in any case
        began_s = max(trial.began_s, _now_s() - (1.0 - RECENT_SHARE) * trial.gate_s)
        gate = Gate(Look.of(trial.before), began_s, trial.gate_s, trial.old_pid)
        while not gate.is_over(_now_s()):
            if read_trial(self._places) is None:
                raise TakenOver
            reason = gate.take(_now_s(), lookout.look())
            if reason is not None:
                return reason
            time.sleep(LOOK_S)
        gate.take(_now_s(), lookout.look())
        return "; ".join(gate.missing(_now_s()))

    def _accept(self, trial: Trial) -> None:
        steps.begin(Step.ACCEPT)
        end_trial(self._places, trial, "accepted", self._settings_note(trial))
        self._places.set_link(GUARD, None)

    def _go_back(self, trial: Trial) -> None:
        """Start the version before again; each step may be done twice."""
        steps.begin(Step.SWITCH_BACK, trial.reason)
        self._places.start_with(Path(trial.from_folder))
        if trial.snapshot:
            self._service.stop()
            self._restore(trial)
        steps.begin(Step.RESTART_BACK)
        self._service.restart()
        reason = trial.reason
        if not self._answers():
            reason += "; the version before does not answer yet"
        steps.begin(Step.RECORD_BACK)
        note = self._settings_note(trial)
        end_trial(self._places, trial, "back", f"{reason}; {note}" if note else reason)
        self._places.set_link(PREVIOUS, None)
        self._places.set_link(GUARD, None)

    def _answers(self) -> bool:
        """Return whether the gateway answers within `START_S`."""
        settings = self._settings()
        if settings is None:
            return False
        lookout, end_s = Lookout(settings, self._service), _now_s() + START_S
        while not lookout.look().answers:
            if _now_s() > end_s:
                return False
            time.sleep(LOOK_S)
        return True

    def _settings(self) -> Settings | None:
        try:
            return read(self._places.config).settings
        except (SettingsError, OSError):
            return None

    def _settings_note(self, trial: Trial) -> str:
        """Return a remark when the settings file is not the one of before, byte for byte."""
        try:
            now = hashlib.sha256(self._places.config.read_bytes()).hexdigest()
        except OSError:
            now = ""
        return "" if now == trial.settings_sha256 else "the settings were changed meanwhile"

    def _snapshot(self, trial: Trial) -> None:
        """Copy the data while nothing writes it; a copy cut off is begun again."""
        settings = self._settings()
        if settings is None:
            raise Unavailable("the settings cannot be read")
        data, kept = _folders(settings, trial)
        part = kept.with_name(f"{kept.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        if data.exists() and not kept.exists():
            shutil.copytree(data, part, symlinks=True)
            for path in (data, *data.rglob("*")):
                found = path.lstat()
                copy = part / path.relative_to(data)
                os.chown(copy, found.st_uid, found.st_gid, follow_symlinks=False)
            part.replace(kept)

    def _restore(self, trial: Trial) -> None:
        """Put the snapshot in place; what the new version wrote stays beside it."""
        settings = self._settings()
        if settings is None:
            return
        data, kept = _folders(settings, trial)
        if kept.exists():
            aside = data.with_name(f"{data.name}-written-by-{trial.version}")
            if data.exists() and not aside.exists():
                data.replace(aside)
            kept.replace(data)


def _folders(settings: Settings, trial: Trial) -> tuple[Path, Path]:
    data = settings.gateway.data_folder / settings.gateway.mode.value
    return data, data.with_name(f"{data.name}-before-{trial.version}")


def _now_s() -> float:
    """Return seconds since the boot, which a change of the clock leaves alone."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
