"""Where an installed gateway has its versions, and the links to those in use.

/usr/lib/teleward/app                the version of the package, always there
/var/lib/teleward-versions/
    0.2.0/ ...                       versions of updates, each with teleward-release.json
    current  -> 0.2.0                what starts; without it the version of the package
    previous -> 0.1.9                what was used before
    guard    -> 0.1.9                what watches a trial: the version before it
    trial.json  history.jsonl        the trial under way; what became of each update
"""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from teleward_gateway.operation.update_history import VERSIONS
from teleward_gateway.updating.bundle import RELEASE, Manifest, UpdateRefused

CURRENT, PREVIOUS, GUARD = "current", "previous", "guard"
_LINKS = (CURRENT, PREVIOUS, GUARD)
_KERNELS_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and programs of one install; the defaults are those of the Debian package."""

    versions: Path = VERSIONS
    app: Path = Path("/usr/lib/teleward/app")
    python: Path = Path("/usr/lib/teleward/runtime/bin/python3")
    config: Path = Path("/etc/teleward/teleward.toml")
    cache: Path = Path("/var/cache/teleward")
    keys: tuple[Path, ...] = (
        Path("/usr/share/teleward/update-keys"),
        Path("/etc/teleward/update-keys"),
    )
    user: str = "teleward"
    systemctl: str = "systemctl"
    machine: Path = Path("/sys")

    @classmethod
    def from_file(cls, path: Path) -> "Places":
        """Return the places that a JSON file names; raises OSError, ValueError."""
        given = json.loads(path.read_text())
        made: dict[str, object] = {
            key: Path(value) if key not in ("user", "systemctl", "keys") else value
            for key, value in given.items()
        }
        if "keys" in made:
            made["keys"] = tuple(Path(folder) for folder in given["keys"])
        return cls(**made)  # type: ignore[arg-type]

    def link(self, name: str) -> Path | None:
        """Return the folder that a link leads to, None where it leads nowhere."""
        target = (self.versions / name).resolve()
        return target if (self.versions / name).is_symlink() and target.is_dir() else None

    def current(self) -> Path:
        """Return the folder of the version that starts."""
        return self.link(CURRENT) or self.app

    def set_link(self, name: str, target: Path | None) -> None:
        """Lead a link elsewhere, or remove it; a power cut leaves the old one or the new one."""
        path, made = self.versions / name, self.versions / f".{name}.new"
        if target is None:
            path.unlink(missing_ok=True)
        else:
            made.unlink(missing_ok=True)
            made.symlink_to(target)
            made.replace(path)
        sync_folder(self.versions)

    def start_with(self, target: Path) -> None:
        """Make a version the one that starts; that of the package needs no link."""
        self.set_link(CURRENT, None if target == self.app else target)

    def kernels(self, version: Path) -> Path:
        """Return the cache of a version of an update, as the launcher names it."""
        return self.cache / "versions" / version.name

    def clean(self) -> None:
        """Remove what is no version in use: rests of unpacking, versions of long ago.

        Compiled kernels stay for a while: an update that is tried again compiles nothing.
        """
        used = {self.link(name) for name in _LINKS}
        for folder in self.versions.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.resolve() not in used:
                shutil.rmtree(folder)
        for left in self.versions.glob(".*.new"):
            left.unlink()
        for folder in (self.cache / "versions").glob("*"):
            gone = not (self.versions / folder.name).exists()
            if gone and time.time() - folder.stat().st_mtime > _KERNELS_S:
                shutil.rmtree(folder, ignore_errors=True)


def release_of(folder: Path) -> Manifest:
    """Return what a version is; one that has no manifest is number 0."""
    try:
        return Manifest.of(json.loads((folder / RELEASE).read_text()))
    except (OSError, ValueError, UpdateRefused):
        return Manifest(version="0", number=0, made=0)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a power cut leaves the old one or the new one."""
    made = path.with_name(f".{path.name}.new")
    with made.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
