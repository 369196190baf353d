"""Logs of the process: one line an event, to standard error, in UTC, without personal data."""

import logging
import sys
import time


def set_up_logs(level: int = logging.INFO) -> None:
    """Send everything from ``level`` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # bumble and bleak tell every packet at this level
    for chatty in ("bumble", "bleak"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
