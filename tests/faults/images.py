"""Small ext4 file systems in image files: real disks to cut off, fill and break (needs root)."""

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

_EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32) of fs/ext4/ext4.h
_NOLOGFLUSH = 2


MOUNTED: list["Image"] = []
"""Whatever ends a run of tests unmounts them."""


class Image:
    """An ext4 image and its mount point."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.file, self.mount_point = folder / "disk.img", folder / "mnt"
        folder.mkdir(parents=True, exist_ok=True)
        self.mount_point.mkdir()
        with self.file.open("wb") as file:
            file.truncate(megabytes * 2**20)
        lazy = "lazy_itable_init=0,lazy_journal_init=0"
        run("mkfs.ext4", "-q", "-m", "0", "-E", lazy, str(self.file))

    def mount(self, options: str = "loop") -> None:
        """Mount the image."""
        MOUNTED.append(self)
        run("mount", "-o", options, str(self.file), str(self.mount_point))

    def remount(self, options: str) -> None:
        """Change how the image is mounted."""
        run("mount", "-o", f"remount,{options}", str(self.mount_point))

    def unmount(self, *, lazily: bool = False) -> None:
        """Take the image away."""
        run("umount", *(["-l"] if lazily else []), str(self.mount_point))
        MOUNTED.remove(self)

    def shut_down(self) -> None:
        """Make the file system fail every further access, as a card does that is pulled."""
        handle = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NOLOGFLUSH))
        finally:
            os.close(handle)

    def replace(self) -> None:
        """Mount a copy of what is on the disk in place of a disk that was pulled."""
        self.unmount(lazily=True)
        copy = self.file.with_suffix(".copy")
        run("cp", "--sparse=always", str(self.file), str(copy))
        self.file = copy
        self.mount()

    def copy_to(self, other: "Image") -> None:
        """Copy what is on the disk now, without anything that is only in memory."""
        run("cp", "--sparse=always", str(self.file), str(other.file))


def fill(ballast: Path) -> None:
    """Write until nothing more fits, to the last byte."""
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


def available() -> bool:
    """Return whether this machine can mount images."""
    if os.geteuid() or not shutil.which("mkfs.ext4"):
        return False
    folder = Path("/tmp") / f"teleward-mount-{os.getpid()}"
    try:
        image = Image(folder, 8)
        image.mount()
        image.unmount()
        return True
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
