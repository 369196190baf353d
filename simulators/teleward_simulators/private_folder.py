"""The folder of a user's simulated ports and radio, which no other user of the machine can reach.

A name below /tmp that everybody knows could be made by somebody else first, with links in it.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR


def private_folder() -> Path:
    """Return the user's runtime folder for Teleward, mode 0700; it is made where it is missing.

    Below ``XDG_RUNTIME_DIR``; without it the same one below the temporary folder each time, or one
    of a new name where somebody else holds that.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        folder = Path(runtime) / "teleward"
    else:
        folder = Path(tempfile.gettempdir()) / f"teleward-{os.getuid()}"
    with suppress(FileExistsError):  # a file, or a link to nothing
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid == os.getuid() and S_ISDIR(found.st_mode) and not found.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="teleward-"))
