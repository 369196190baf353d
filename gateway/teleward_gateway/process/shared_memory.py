"""Files in memory that outlive the process but no reboot: what a crash within one boot may need."""

import os
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from stat import S_ISDIR

SHARED_MEMORY = Path("/dev/shm")  # nosec B108: files there are made 0600
ABANDONED_S = 3600.0
"""Files of gateways that never came back; the clock may have been corrected meanwhile."""


def memory_file(data_folder: Path, name: str, base: Path = SHARED_MEMORY) -> Path | None:
    """Return the file ``name`` that belongs to ``data_folder``, None where there is no memory.

    What another user could have put there is not used; what is too old for anybody is removed.
    """
    folder = base / f"teleward-{os.getuid()}"
    owner = blake2b(str(data_folder.resolve()).encode(), digest_size=8).hexdigest()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat(follow_symlinks=False)
        if not S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            return None
        for path in folder.iterdir():
            # its own files know their age by the monotonic clock: UTC may have stepped
            if not path.name.startswith(owner):
                with suppress(FileNotFoundError):
                    if time.time() - path.stat().st_mtime > ABANDONED_S:
                        path.unlink()
    except OSError:
        return None
    return folder / f"{owner}-{name}"
