"""The steps before a trial: nothing that runs is touched, and a kill leaves only a folder."""

import compileall
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings
from teleward_gateway.updating import steps
from teleward_gateway.updating.bundle import (
    MOST_BYTES,
    Bundle,
    Manifest,
    UpdateRefused,
    read_bundle,
    trusted_keys,
    unpack,
)
from teleward_gateway.updating.checks import check_clock, check_disk, check_power
from teleward_gateway.updating.gate import Look
from teleward_gateway.updating.lookout import Lookout
from teleward_gateway.updating.places import GUARD, PREVIOUS, Places, release_of, sync_folder
from teleward_gateway.updating.schemas import SCHEMAS, not_additive
from teleward_gateway.updating.service import Service
from teleward_gateway.updating.steps import Step
from teleward_gateway.updating.trial import (
    Stage,
    Trial,
    boot_id,
    end_unused,
    guard_works,
    read_trial,
    write_trial,
)
from teleward_signal.errors import Conflict, NotFound

_FETCH_S = 60.0
_COMPILE_S = 1800.0
_LOAD_S = 180.0


@contextmanager
def one_at_a_time(places: Places) -> Iterator[None]:
    """Hold the lock of updates; raises Conflict while another runs or a trial is under way."""
    places.versions.mkdir(parents=True, exist_ok=True)
    with (places.versions / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("another update runs: wait until it has ended") from None
        trial = read_trial(places)
        # one that no guard has begun with is of an update that was ended: it is begun again
        if trial is not None and (trial.stage is not Stage.READY or guard_works(places)):
            raise Conflict(
                f"version {trial.version} is on trial: wait until it is accepted or taken back, or "
                "go on with it: systemctl start teleward-update"
            )
        end_unused(places)
        places.clean()
        yield


def prepare(source: str, places: Places, *, older: bool = False, before_s: float = 6.0) -> Trial:
    """Do all steps up to the note of the trial, and return it; raises UpdateRefused, OSError."""
    asked_s = time.time()
    with tempfile.TemporaryDirectory(prefix=".get-", dir=places.versions) as folder:
        steps.begin(Step.FETCH, source)
        path = fetch(source, Path(folder))
        steps.begin(Step.SIGNATURE)
        bundle = read_bundle(path, trusted_keys(places.keys))
        ours = release_of(places.current())
        steps.begin(Step.VERSION, f"{ours.version} to {bundle.manifest.version}")
        _check_version(ours, bundle.manifest, older=older)
        settings, digest = _settings(places)
        risky = not_additive(bundle.manifest.schemas)
        steps.begin(Step.DISK)
        _check_disks(places, bundle, settings, risky)
        steps.begin(Step.POWER, check_power(places.machine))
        service, reach = Service(places.systemctl), settings.update.reach
        lookout = Lookout(settings, service, reach, places.machine)
        steps.begin(Step.CLOCK, check_clock(bundle.manifest, lookout.look().confirmed))
        steps.begin(Step.SETTINGS, str(places.config))
        steps.begin(Step.BEFORE)
        before = lookout.before(before_s)
        version = _unpack(bundle, places)
    _load(version, places)
    if risky:
        print(_RISK.format(files=", ".join(risky), before=ours.version))
    return _note(
        places, bundle, version, ours, settings, before, digest, asked_s, snapshot=bool(risky)
    )


_RISK = (
    "      Version {before} cannot open what the new one writes ({files}): the gateway stops for\n"
    "      a snapshot. Should the update be taken back, records of the trial stay in a\n"
    "      folder beside the data and are not in the gateway."
)


def fetch(source: str, folder: Path) -> Path:
    """Return the file of an update, downloaded where ``source`` is a URL; raises UpdateRefused."""
    if not source.startswith(("http://", "https://")):
        path = Path(source)
        if not path.is_file():
            raise UpdateRefused(f"{source}: no such file")
        return path
    target = folder / "download.update"
    try:
        with urllib.request.urlopen(source, timeout=_FETCH_S) as answer, target.open("wb") as file:
            n_bytes = 0
            while block := answer.read(1 << 16):
                n_bytes += file.write(block)
                if n_bytes > MOST_BYTES:
                    raise UpdateRefused(f"{source} is larger than any update")
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise UpdateRefused(f"{source} is not reached: {reason}") from None
    return target


def _check_version(ours: Manifest, theirs: Manifest, *, older: bool) -> None:
    if theirs.version == ours.version and ours.number:
        raise UpdateRefused(f"version {ours.version} is in use already")
    if theirs.number <= ours.number and not older:
        raise UpdateRefused(
            f"version {theirs.version} is not newer than {ours.version}, which is in use; "
            "--older takes it all the same"
        )


def _settings(places: Places) -> tuple[Settings, str]:
    """Return the settings and the hash of their file, which no step changes."""
    try:
        content = places.config.read_bytes()
        return read(places.config).settings, hashlib.sha256(content).hexdigest()
    except (SettingsError, OSError) as error:
        raise UpdateRefused(f"the settings cannot be read: {error}") from None


def _check_disks(places: Places, bundle: Bundle, settings: Settings, risky: list[str]) -> None:
    check_disk(places.versions, bundle.manifest)
    data = settings.gateway.data_folder / settings.gateway.mode.value
    if risky and data.exists():
        size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
        check_disk(data, bundle.manifest, size)


def _unpack(bundle: Bundle, places: Places) -> Path:
    """Return the folder of the new version, whole on the disk."""
    version = places.versions / bundle.manifest.version
    part = version.with_name(f"{version.name}.part")
    steps.begin(Step.UNPACK, f"{bundle.manifest.unpacked_bytes / 1e6:.1f} MB")
    shutil.rmtree(version, ignore_errors=True)  # of an update that was taken back
    try:
        unpack(bundle, part)
        steps.begin(Step.KEEP)
        os.sync()
        part.replace(version)
        sync_folder(places.versions)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return version


def _load(version: Path, places: Places) -> None:
    """Compile the new version, and load it once as the gateway's user; raises UpdateRefused."""
    steps.begin(Step.BYTE_CODE)
    compileall.compile_dir(str(version), quiet=2, workers=1)
    steps.begin(Step.TRY)
    # a mistake in the settings is no reason: the version in use runs with it, too
    _run(version, places, "import teleward_gateway.app, teleward_gateway.commands.run", _LOAD_S)
    steps.begin(Step.KERNELS)
    warm = "import sys; from teleward_gateway.__main__ import main; sys.exit(main(['warm']))"
    _run(version, places, warm, _COMPILE_S)


def _run(version: Path, places: Places, code: str, limit_s: float) -> None:
    """Run code of the new version without rights of its own; raises UpdateRefused with its end."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(version),
        "CACHE_DIRECTORY": str(places.kernels(version)),
    }
    command = [str(places.python), "-P", "-c", code]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True,
                              timeout=limit_s, cwd="/", **_user(places.user))  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UpdateRefused(f"the new version does not load within {limit_s:.0f} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        why = lines[-1] if lines else f"exit {done.returncode}"
        raise UpdateRefused(f"the new version does not load here: {why}")


def _user(name: str) -> dict[str, Any]:
    """Return how a child becomes the gateway's user; only root can, others stay who they are."""
    if os.geteuid() != 0:
        return {}
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return {}
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _note(
    places: Places,
    bundle: Bundle,
    version: Path,
    ours: Manifest,
    settings: Settings,
    before: Look,
    digest: str,
    asked_s: float,
    *,
    snapshot: bool,
) -> Trial:
    steps.begin(Step.TRIAL)
    places.set_link(GUARD, places.current())
    trial = Trial(
        version=bundle.manifest.version, to=str(version), from_version=ours.version,
        from_folder=str(places.current()), before=before.to_json(), settings_sha256=digest,
        gate_s=settings.update.gate_s, asked_s=asked_s, snapshot=snapshot,
        reach=settings.update.reach, boot=boot_id(),
    )  # fmt: skip
    return write_trial(places, trial)


def prepare_return(places: Places) -> Trial:
    """Note that the version before the accepted update comes back; raises NotFound, Invalid."""
    target = places.link(PREVIOUS)
    if target is None:
        raise NotFound("no version of before is kept here")
    ours, theirs = release_of(places.current()), release_of(target)
    if theirs.schemas and (risky := not_additive(SCHEMAS, theirs.schemas)):
        raise UpdateRefused(
            f"version {theirs.version} cannot open what this one has written: {', '.join(risky)}"
        )
    _, digest = _settings(places)
    places.set_link(GUARD, places.current())
    trial = Trial(
        version=ours.version, to=str(places.current()), from_version=theirs.version,
        from_folder=str(target), before=Look().to_json(), settings_sha256=digest, gate_s=0.0,
        asked_s=time.time(), stage=Stage.RETURNING, reason="asked for", boot=boot_id(),
    )  # fmt: skip
    return write_trial(places, trial)
